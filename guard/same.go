package guard

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"
)

// sameness digests a body: HMAC-SHA-256 over the GMAC (NIST SP 800-38D) of each block of it, with the block's number as the nonce. GMAC is a
// universal hash, which is three times as fast as SHA-256 with the processor's instructions for both, and HMAC over it makes what cannot be
// turned back, nor made to collide by who makes the page (J. L. Carter, M. N. Wegman, "New hash functions and their use in authentication and
// set equality", 1981): no GMAC ever leaves the process, so it does not matter that bodies share nonces. It needs no further
// dependency, and is the same on every guard with this key, which hash/maphash is not.
type sameness struct {
	blocks cipher.AEAD
	mac    hash.Hash
	n      int // bytes in tail
	count  uint64
	nonce  [12]byte
	tag    [16]byte
	tail   [sameBlock]byte
}

const sameBlock = 2 << 10

// samenesses makes them for one key.
type samenesses struct {
	once   sync.Once
	blocks cipher.AEAD
}

func (s *samenesses) begin(key []byte, parts []byte) *sameness {
	s.once.Do(func() {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("body's blocks"))
		b, _ := aes.NewCipher(mac.Sum(nil)) // of 32 bytes, which is a key's length
		s.blocks, _ = cipher.NewGCM(b)
	})
	d := &sameness{blocks: s.blocks, mac: hmac.New(sha256.New, key)}
	d.mac.Write(parts)
	return d
}

func (d *sameness) write(p []byte) {
	if d.n > 0 {
		n := copy(d.tail[d.n:], p)
		d.n, p = d.n+n, p[n:]
		if d.n < sameBlock {
			return
		}
		d.block(d.tail[:])
		d.n = 0
	}
	for ; len(p) >= sameBlock; p = p[sameBlock:] {
		d.block(p[:sameBlock])
	}
	d.n = copy(d.tail[:], p)
}

func (d *sameness) block(p []byte) {
	binary.BigEndian.PutUint64(d.nonce[4:], d.count)
	d.count++
	d.mac.Write(d.blocks.Seal(d.tag[:0], d.nonce[:], nil, p))
}

// sum is called once; the last block is shorter than the others, maybe empty.
func (d *sameness) sum() string {
	d.block(d.tail[:d.n])
	return hex.EncodeToString(d.mac.Sum(nil)[:12])
}

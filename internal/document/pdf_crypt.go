package document

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
)

// crypt is the standard security handler (ISO 32000-2 §7.6.4) for who has no password: what any reader opens without
// asking, anybody can read.
type crypt struct {
	key            []byte
	streams, texts method
	plainMetadata  bool
}

type method int

const (
	identity method = iota
	rc4V2
	aesV2
	aesV3
)

// padding stands for the empty password (§7.6.4.3.2, algorithm 2, step a).
var padding = []byte("\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A")

// unlock works out the key of an encrypted file.
func (p *pdf) unlock() error {
	v := p.trailer["Encrypt"]
	if v == nil {
		return nil
	}
	e := p.dict(v)
	if e == nil {
		return fmt.Errorf("%w: no encryption dictionary", ErrMalformed)
	}
	if r, ok := v.(reference); ok {
		delete(p.objects, r.num) // its strings are not encrypted, and no text
	}
	if e["Filter"] != name("Standard") {
		return ErrEncrypted
	}
	c := &crypt{}
	version, _ := p.number(e["V"])
	switch version {
	case 1, 2:
		c.streams, c.texts = rc4V2, rc4V2
	case 4, 5:
		c.streams, c.texts = p.method(e, "StmF"), p.method(e, "StrF")
	default:
		return ErrEncrypted
	}
	c.plainMetadata = p.resolve(e["EncryptMetadata"]) == false
	if c.key = p.key(e, version, c.plainMetadata); c.key == nil {
		return ErrEncrypted
	}
	p.crypt = c
	return nil
}

func (p *pdf) method(e dict, which name) method {
	filter, _ := p.resolve(e[which]).(name)
	switch p.dict(p.dict(e["CF"])[filter])["CFM"] {
	case name("V2"):
		return rc4V2
	case name("AESV2"):
		return aesV2
	case name("AESV3"):
		return aesV3
	}
	return identity
}

func (p *pdf) bytes(v any) []byte {
	t, _ := p.resolve(v).(text)
	return t
}

// key is nil where the empty password is not the user's.
func (p *pdf) key(e dict, version float64, plainMetadata bool) []byte {
	revision, _ := p.number(e["R"])
	owner, user := p.bytes(e["O"]), p.bytes(e["U"])
	if version == 5 {
		return keyV5(revision, user, p.bytes(e["UE"]))
	}
	n := 5
	if bits, ok := p.number(e["Length"]); ok && version > 1 && bits >= 40 && bits <= 128 {
		n = int(bits) / 8
	}
	if version == 4 {
		n = 16
	}
	if len(owner) < 32 || len(user) < 16 {
		return nil
	}
	permissions, _ := p.number(e["P"])
	var id []byte
	if ids := p.array(p.trailer["ID"]); len(ids) > 0 {
		id = p.bytes(ids[0])
	}
	key := keyV4(revision, n, owner[:32], uint32(int64(permissions)), id, plainMetadata)
	if !checkV4(revision, key, user, id) {
		return nil
	}
	return key
}

// keyV4 is algorithm 2.
func keyV4(revision float64, n int, owner []byte, permissions uint32, id []byte, plainMetadata bool) []byte {
	b := append(bytes.Clone(padding), owner...)
	b = binary.LittleEndian.AppendUint32(b, permissions)
	b = append(b, id...)
	if revision >= 4 && plainMetadata {
		b = append(b, 0xff, 0xff, 0xff, 0xff)
	}
	sum := md5.Sum(b)
	if revision >= 3 {
		for range 50 {
			sum = md5.Sum(sum[:n])
		}
	}
	return bytes.Clone(sum[:n])
}

// checkV4 is algorithm 6: algorithms 4 and 5 say what U is.
func checkV4(revision float64, key, user, id []byte) bool {
	if revision < 3 {
		return bytes.Equal(rc4With(key, padding), user)
	}
	sum := md5.Sum(append(bytes.Clone(padding), id...))
	u := rc4With(key, sum[:])
	for i := range byte(19) {
		k := bytes.Clone(key)
		for j := range k {
			k[j] ^= i + 1
		}
		u = rc4With(k, u)
	}
	return bytes.Equal(u, user[:16])
}

func rc4With(key, b []byte) []byte {
	c, err := rc4.NewCipher(key)
	if err != nil {
		return nil
	}
	out := make([]byte, len(b))
	c.XORKeyStream(out, b)
	return out
}

// keyV5 is algorithm 2.A for the empty user password.
func keyV5(revision float64, user, wrapped []byte) []byte {
	if len(user) < 48 || len(wrapped) < 32 {
		return nil
	}
	hash := func(salt []byte) []byte { s := sha256.Sum256(salt); return s[:] } // revision 5, of Adobe's extension level 3
	if revision >= 6 {
		hash = hashR6
	}
	if !bytes.Equal(hash(user[32:40]), user[:32]) {
		return nil
	}
	block, err := aes.NewCipher(hash(user[40:48]))
	if err != nil {
		return nil
	}
	key := make([]byte, 32)
	cipher.NewCBCDecrypter(block, make([]byte, 16)).CryptBlocks(key, wrapped[:32])
	return key
}

// hashR6 is algorithm 2.B for the empty user password.
func hashR6(salt []byte) []byte {
	first := sha256.Sum256(salt)
	k := first[:]
	for round := 0; ; round++ {
		e := bytes.Repeat(k, 64)
		block, err := aes.NewCipher(k[:16])
		if err != nil {
			return nil
		}
		cipher.NewCBCEncrypter(block, k[16:32]).CryptBlocks(e, e)
		sum := 0
		for _, c := range e[:16] {
			sum += int(c) // 256 leaves 1 when divided by 3: the remainder of the number is that of its digits' sum
		}
		switch sum % 3 {
		case 0:
			h := sha256.Sum256(e)
			k = h[:]
		case 1:
			h := sha512.Sum384(e)
			k = h[:]
		default:
			h := sha512.Sum512(e)
			k = h[:]
		}
		if round >= 63 && int(e[len(e)-1]) <= round-31 {
			return k[:32]
		}
	}
}

// decrypt is algorithms 1 and 1.A. What is not properly padded is taken as far as it goes.
func (c *crypt) decrypt(m method, b []byte, num, gen int) []byte {
	if m == identity {
		return b
	}
	key := c.key
	if m != aesV3 {
		k := append(bytes.Clone(key), byte(num), byte(num>>8), byte(num>>16), byte(gen), byte(gen>>8))
		if m == aesV2 {
			k = append(k, "sAlT"...)
		}
		sum := md5.Sum(k)
		key = sum[:min(len(key)+5, 16)]
	}
	if m == rc4V2 {
		return rc4With(key, b)
	}
	block, err := aes.NewCipher(key)
	if err != nil || len(b) < 32 {
		return nil
	}
	out := make([]byte, (len(b)-16)&^15)
	cipher.NewCBCDecrypter(block, b[:16]).CryptBlocks(out, b[16:16+len(out)])
	if pad := int(out[len(out)-1]); pad >= 1 && pad <= 16 {
		out = out[:len(out)-pad]
	}
	return out
}

// strings decrypts all strings in a value.
func (c *crypt) strings(v any, num, gen int) any {
	switch v := v.(type) {
	case text:
		return text(c.decrypt(c.texts, v, num, gen))
	case array:
		for i := range v {
			v[i] = c.strings(v[i], num, gen)
		}
	case dict:
		for k := range v {
			v[k] = c.strings(v[k], num, gen)
		}
	}
	return v
}

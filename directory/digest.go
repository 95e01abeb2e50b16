package directory

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/dchest/siphash"

	"candor.example/scan"
)

// digest is what the directory keeps of an identifier: SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, "SipHash:
// a fast short-input PRF", 2012), under a key of its own for each kind.
//
// Why a keyed pseudo-random function: addresses can be guessed, so a plain hash of one is as good as the address. Whoever
// steals a snapshot, even knowing which addresses are in it and having added some, must search a key of 128 bits before the
// first guess can be checked. Why this one: it is asked for each candidate in each response, and takes 30 ns where
// HMAC-SHA-256 takes 200 and keyed BLAKE3 100. Nothing here needs more than a PRF: no digest is published, and none proves
// anything to anybody else.
type digest struct{ hi, lo uint64 }

type sipKey struct{ k0, k1 uint64 }

func (k sipKey) digest(b []byte) digest {
	lo, hi := siphash.Hash128(k.k0, k.k1, b)
	return digest{hi, lo}
}

// digester holds the keys that are derived from one Key.
type digester struct {
	kinds     [len(kinds)]sipKey
	id        sipKey // of customers' ids, which spreads them over the id table
	forgotten sipKey // of ids that were forgotten
}

func newDigester(key Key) *digester {
	d := &digester{id: derive(key, "id"), forgotten: derive(key, "forgotten")}
	for i, k := range kinds {
		d.kinds[i] = derive(key, "identifier "+string(k))
	}
	return d
}

// derive makes a key for one purpose; HMAC keeps the key of one from telling that of another (NIST SP 800-108r1 §4).
func derive(key Key, purpose string) sipKey {
	h := hmac.New(sha256.New, key[:])
	h.Write([]byte("candor directory v2 " + purpose))
	sum := h.Sum(nil)
	return sipKey{binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:])}
}

// digest of an identifier; false for a kind that no directory holds.
func (d *digester) digest(k scan.Kind, normalised []byte) (digest, bool) {
	i := kindOf(k)
	if i < 0 {
		return digest{}, false
	}
	return d.kinds[i].digest(normalised), true
}

// kindOf is an index into kinds, or -1.
func kindOf(k scan.Kind) int {
	for i := range kinds {
		if kinds[i] == k {
			return i
		}
	}
	return -1
}

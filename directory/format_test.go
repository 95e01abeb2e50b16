package directory

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Ids come back as they were, whatever they look like, and take no more room than they must.
func TestPackedIDs(t *testing.T) {
	for id, size := range map[string]int{
		"1": 2, "0": 2, "00": 2, "00000001": 5, "99999999": 5, "999999999": 5, "123456789012345678": 9, "000000000000000000": 9,
		"1234567890123456789": 20, "C-1001": 7, "x": 2, strings.Repeat("9", 18): 9, strings.Repeat("é", 32): 65,
		"0f8fad5b-d9cb-469f-a165-70867728950e": 17, "0F8FAD5B-d9cb-469f-a165-70867728950e": 37, "0f8fad5b-d9cb-469f-a165-70867728950": 36,
	} {
		packed := packID(nil, []byte(id))
		if len(packed) != size {
			t.Errorf("%s takes %d bytes, want %d", id, len(packed), size)
		}
		got, rest, ok := unpackID([]byte("x"), append(packed, "rest"...))
		if string(got) != "x"+id || string(rest) != "rest" || !ok {
			t.Errorf("%s comes back as %q, %q, %v", id, got, rest, ok)
		}
		for i := range packed {
			if _, _, ok := unpackID(nil, packed[:i]); ok {
				t.Errorf("%s cut at %d is an id", id, i)
			}
		}
	}
}

func FuzzPackedIDs(f *testing.F) {
	f.Add([]byte("1001"), []byte("0f8fad5b-d9cb-469f-a165-70867728950e"))
	f.Fuzz(func(t *testing.T, id, packed []byte) {
		if len(id) > 0 && len(id) <= maxID {
			if got, rest, ok := unpackID(nil, packID(nil, id)); !bytes.Equal(got, id) || len(rest) > 0 || !ok {
				t.Fatalf("%q comes back as %q", id, got)
			}
		}
		for b, ok := packed, true; ok && len(b) > 0; {
			before := len(b)
			if _, b, ok = unpackID(nil, b); ok && len(b) >= before {
				t.Fatal("no progress")
			}
		}
	})
}

// The vectors of the reference implementation (veorq/SipHash, vectors.h, vectors_sip128): key 00…0f, input 00, 00 01, …
func TestSipHash(t *testing.T) {
	var key [16]byte
	for i := range key {
		key[i] = byte(i)
	}
	k := sipKey{binary.LittleEndian.Uint64(key[:]), binary.LittleEndian.Uint64(key[8:])}
	var input []byte
	for i, want := range []string{"a3817f04ba25a8e66df67214c7550293", "da87c1d86b99af44347659119b22fc45", "8177228da4a45dc7fca38bdef60affe4"} {
		d := k.digest(input)
		var out [16]byte
		binary.LittleEndian.PutUint64(out[:], d.lo)
		binary.LittleEndian.PutUint64(out[8:], d.hi)
		if got := fmt.Sprintf("%x", out); got != want {
			t.Errorf("%d bytes: %s, want %s", i, got, want)
		}
		input = append(input, byte(i))
	}
}

func TestShape(t *testing.T) {
	for _, c := range []struct {
		n              int64
		shards, bucket uint32
	}{
		{0, 0, 0}, {16, 0, 0}, {17, 0, 1}, {largeShard, 0, 12}, {largeShard + 1, 1, 13}, {100_000_000, 11, 23}, {1 << 30, 11, maxIDBits}, {1<<30 + 1, 11, maxIDBits + 1},
	} {
		if got := shape(c.n); got.shardBits != c.shards || got.bucketBits != c.bucket || len(got.shards) != 1<<c.shards {
			t.Errorf("%d entries: %d bits of shards, %d of buckets", c.n, got.shardBits, got.bucketBits)
		}
	}
}

// The first of equal rests is found in buckets of any length, also where all of them are one identifier's.
func TestFirstEntry(t *testing.T) {
	for _, n := range []int{0, 1, 2, 16, 4 * bucketSize, 4*bucketSize + 1, 500} {
		for _, bits := range []uint{0, 2, 64} {
			rests := make([]uint64, n)
			for i := range rests {
				rests[i] = rand.Uint64() >> (64 - bits) << ((64 - bits) % 64)
			}
			slices.Sort(rests)
			var b []byte
			for i, r := range rests {
				b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(b, r), uint32(i))
			}
			for _, rest := range append(rests, 0, 1, 1<<63, 1<<64-1) {
				if want, _ := slices.BinarySearch(rests, rest); firstEntry(b, rest) != want {
					t.Fatalf("%d entries that differ in %d bits: %x is at %d, not at %d", n, bits, rest, want, firstEntry(b, rest))
				}
			}
		}
	}
}

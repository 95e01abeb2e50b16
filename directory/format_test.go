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
		{0, 0, 0}, {16, 0, 0}, {17, 0, 1}, {largeShard, 0, 12}, {largeShard + 1, 1, 13}, {100_000_000, 11, 23}, {1 << 30, 11, 26}, {1<<30 + 1, 11, 27},
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

// The unit of refs grows with what the largest shard of ids may hold.
func TestUnit(t *testing.T) {
	for _, c := range []struct {
		shardBits uint32
		largest   int64
		unitBits  uint32
		ok        bool
	}{
		{0, 0, 0, true}, {0, 1 << 32, 0, true}, {0, 1<<32 + 1, 1, true}, {11, 1 << 21, 0, true}, {11, 1<<21 + 1, 1, true}, {11, 1 << 24, 3, true}, {11, 1<<24 + 1, 3, false},
	} {
		h := header{ids: table{shardBits: c.shardBits}}
		if ok := h.setUnit(c.largest); ok != c.ok || h.unitBits != c.unitBits {
			t.Errorf("%d bits of shards, %d bytes: %d, %t", c.shardBits, c.largest, h.unitBits, ok)
		}
	}
}

// Ids are found by ref and by hash, whatever the unit of refs and the number of shards, with and without what is known of their customers.
func TestRefs(t *testing.T) {
	for unit := range uint32(maxUnitBits + 1) {
		for shardBits := range uint32(3) {
			for known := range uint16(2) {
				testRefs(t, header{unitBits: unit, ids: table{shardBits: shardBits, bucketBits: 5, shards: make([]shardInfo, 1<<shardBits)}, abouts: make([]about, known)}, known)
			}
		}
	}
}

func testRefs(t *testing.T, h header, known uint16) {
	t.Helper()
	b := &builder{header: h, digester: newDigester(Key{})}
	var ids []string
	for i := range 200 {
		ids = append(ids, strings.Repeat("i", i%(maxID-3))+fmt.Sprint(i), fmt.Sprintf("%08d", i))
	}
	hash := func(id string) uint64 { return b.digester.id.digest([]byte(id)).hi }
	w := digesting{builder: b}
	for line, id := range ids {
		if err := w.id([]byte(id), line, known); err != nil {
			t.Fatal(err)
		}
	}
	b.refs = make([]uint32, len(ids))
	s := &snapshot{header: h, ids: make([]idShard, len(h.ids.shards))}
	for i := range s.ids {
		p := packing{builder: b, table: &b.header.ids}
		var info shardInfo
		if err := b.idShard(&p, i, &info); err != nil {
			t.Fatal(err)
		}
		info.length = int64(len(p.out))
		if err := s.ids[i].parse(p.out, info, h.ids.buckets()); err != nil {
			t.Fatal(err)
		}
		s.ids[i].state.Store(sound)
	}
	for line, id := range ids {
		got, ok := s.id(nil, b.refs[line])
		if string(got) != id || !ok {
			t.Fatalf("%d, %d: ref %x leads to %q, not to %q", h.unitBits, h.ids.shardBits, b.refs[line], got, id)
		}
		if ref, n, ok := s.refOf(id, hash(id)); ref != b.refs[line] || n != known || !ok {
			t.Fatalf("%d, %d: %q is at %x with %d, not at %x with %d", h.unitBits, h.ids.shardBits, id, ref, n, b.refs[line], known)
		}
	}
	if _, _, ok := s.refOf("nobody", hash("nobody")); ok {
		t.Error("nobody has a ref")
	}
}

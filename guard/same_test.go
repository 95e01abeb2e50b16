package guard

import (
	"bytes"
	"testing"
)

func sameOf(s *samenesses, key, head string, pieces ...[]byte) string {
	d := s.begin([]byte(key), []byte(head))
	for _, p := range pieces {
		d.write(p)
	}
	return d.sum()
}

// However the body comes in pieces it has one digest, and whatever differs gives another.
func TestSameness(t *testing.T) {
	var s, other samenesses
	page := bytes.Repeat([]byte("0123456789abcde"), 3*sameBlock/15+1)
	seen := map[string]int{}
	for _, n := range []int{0, 1, sameBlock - 1, sameBlock, sameBlock + 1, 2 * sameBlock, len(page)} {
		want := sameOf(&s, "key", "head", page[:n])
		for cut := 0; cut <= n; cut += 113 {
			if got := sameOf(&s, "key", "head", page[:cut], page[cut:n]); got != want {
				t.Fatalf("%d cut at %d: %s, want %s", n, cut, got, want)
			}
		}
		if before, ok := seen[want]; ok {
			t.Errorf("%d and %d bytes have the same", before, n)
		}
		seen[want] = n
		if n == 0 {
			continue
		}
		changed := bytes.Clone(page[:n])
		changed[n-1]++
		if sameOf(&s, "key", "head", changed) == want || sameOf(&s, "key", "heap", page[:n]) == want || sameOf(&other, "another key", "head", page[:n]) == want {
			t.Errorf("%d: what is not the same has the same digest", n)
		}
	}
	swapped := append(bytes.Clone(page[sameBlock:2*sameBlock]), page[:sameBlock]...)
	if sameOf(&s, "key", "", swapped) == sameOf(&s, "key", "", page[:2*sameBlock]) {
		t.Error("the order of blocks does not matter")
	}
	var again samenesses
	if sameOf(&again, "key", "head", page) != sameOf(&s, "key", "head", page) {
		t.Error("another guard with the key has another digest")
	}
}

func BenchmarkSameness(b *testing.B) {
	var s samenesses
	page := make([]byte, 30<<10)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		sameOf(&s, "key", "", page)
	}
}

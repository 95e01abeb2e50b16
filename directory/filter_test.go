package directory

import (
	"encoding/binary"
	"testing"
)

// Every key is let through, and of strangers less than one in 200.
func TestFilter(t *testing.T) {
	key := newDigester(Key{7}).id
	name := func(n uint64) digest { return key.digest(binary.LittleEndian.AppendUint64(nil, n)) }
	for _, n := range []int{1, 16, 17, 100_000, 1 << 17} {
		tab := shape(int64(n))
		heads := make([]byte, headSize<<tab.bucketBits)
		head := func(d digest) []byte { return heads[headSize*tab.bucketOf(d.hi):] }
		for i := range n {
			filterAdd(head(name(uint64(i))), name(uint64(i)))
		}
		through := 0
		for i := range n {
			if d := name(uint64(i)); !filterHas(head(d), d) {
				t.Fatalf("of %d keys, %d is missed", n, i)
			}
			if d := name(uint64(n + i)); filterHas(head(d), d) {
				through++
			}
		}
		if n > 1000 && through > n/200 {
			t.Errorf("of %d strangers, %d are let through", n, through)
		}
	}
}

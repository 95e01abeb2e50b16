package directory

import (
	"encoding/binary"
	"testing"
)

// Every key is let through, and of strangers less than one in 400.
func TestFilter(t *testing.T) {
	key := newDigester(Key{7}).id
	name := func(n uint64) digest { return key.digest(binary.LittleEndian.AppendUint64(nil, n)) }
	for _, n := range []int{1, 16, 17, 100_000} {
		tab := shape(int64(n))
		blocks := filterBlocks(n)
		filter := make([]byte, filterBlock*blocks)
		for i := range n {
			filterAdd(filter[tab.filterPlace(name(uint64(i)), blocks):], name(uint64(i)))
		}
		through := 0
		for i := range n {
			if d := name(uint64(i)); !filterHas(filter[tab.filterPlace(d, blocks):], d) {
				t.Fatalf("of %d keys, %d is missed", n, i)
			}
			if d := name(uint64(n + i)); filterHas(filter[tab.filterPlace(d, blocks):], d) {
				through++
			}
		}
		if n > 1000 && through > n/400 {
			t.Errorf("of %d strangers, %d are let through", n, through)
		}
	}
}

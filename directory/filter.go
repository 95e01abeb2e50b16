package directory

import "encoding/binary"

// A bucket of identifiers has a head of 32 octets: the number of its first entry, behind seven words of a split block Bloom filter
// (after the one of Apache Parquet: github.com/apache/parquet-format/blob/master/BloomFilter.md, which has eight). The filter tells nearly
// all strangers from customers: of 200 it lets less than one through, to be told by the digest itself. A head lies in one line of the
// caches, so a look-up waits for memory once, and knows then where to read on. Binary fuse filters are smaller, but read three places in
// three pages, each of which misses the caches and the page table's.
const (
	headSize    = 32 // bytes
	filterWords = 7
)

var filterSalt = [filterWords]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947}

func filterAdd(head []byte, d digest) {
	for i, salt := range filterSalt {
		word := head[4*i:]
		binary.LittleEndian.PutUint32(word, binary.LittleEndian.Uint32(word)|1<<(uint32(d.lo>>8)*salt>>27))
	}
}

func filterHas(head []byte, d digest) bool {
	head = head[:headSize:headSize]
	missing, x := uint32(0), uint32(d.lo>>8)
	for i, salt := range filterSalt {
		missing |= 1 << (x * salt >> 27) &^ binary.LittleEndian.Uint32(head[4*i:])
	}
	return missing == 0
}

func firstOf(head []byte) uint32 { return binary.LittleEndian.Uint32(head[4*filterWords:]) }

func setFirst(head []byte, n int) { binary.LittleEndian.PutUint32(head[4*filterWords:], uint32(n)) }

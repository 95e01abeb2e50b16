package directory

import "encoding/binary"

// A split block Bloom filter (the one of Apache Parquet: github.com/apache/parquet-format/blob/master/BloomFilter.md) tells nearly
// all strangers from customers: of 400 it lets less than one through, to be told by the digest itself. A key's bits lie in 32
// octets, so a look-up waits for memory once. Binary fuse filters are half as large, but read three places in three pages, each
// of which misses the caches and the page table's.
const (
	filterBlock = 32 // bytes
	filterBits  = 16 // for each key
)

var filterSalt = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

// filterBlocks is how many blocks n keys take.
func filterBlocks(n int) uint32 {
	return uint32((n*filterBits + 8*filterBlock - 1) / (8 * filterBlock))
}

// filterPlace is where a digest's block begins, in the filter of its shard.
func (t *table) filterPlace(d digest, blocks uint32) int {
	high := uint32(d.hi << t.shardBits >> 32)
	return filterBlock * int(uint64(high)*uint64(blocks)>>32)
}

func filterAdd(block []byte, d digest) {
	for i, salt := range filterSalt {
		word := block[4*i:]
		binary.LittleEndian.PutUint32(word, binary.LittleEndian.Uint32(word)|1<<(uint32(d.lo>>8)*salt>>27))
	}
}

func filterHas(block []byte, d digest) bool {
	block = block[:filterBlock:filterBlock]
	missing, x := uint32(0), uint32(d.lo>>8)
	for i, salt := range filterSalt {
		missing |= 1 << (x * salt >> 27) &^ binary.LittleEndian.Uint32(block[4*i:])
	}
	return missing == 0
}

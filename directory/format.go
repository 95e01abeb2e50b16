package directory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// A snapshot is one file:
//
//	header, crc32c of it; in it each different pair of locale and country
//	for each shard of identifiers: heads of the buckets and one more, entries
//	for each shard of ids: index, ids
//
// Integers are little-endian, and a shard begins at a multiple of 64, as lines of caches do. An identifier's digest says by its first bits in which
// shard and bucket it lies; the next 64 bits are its rest. So an entry is 12 octets: the rest, and a ref to the owner. The
// rests of a bucket are in ascending order, those of equal ones in that of their refs.
//
// A hit is exact but for this chance: a bucket has 16 entries on average, so a stranger's identifier meets one with its own 64
// bits once in 10^18 look-ups. At a million look-ups a second that is once in 36,000 years.
//
// Ids lie in buckets by a keyed hash, in ascending order of it. Behind an id stands the number of its customer's locale and country, where
// any customer has one. A ref is the id's shard and its place among the shard's ids, so that an owner is read without the index; it is
// counted in units of one to eight octets, at whose multiples ids begin: the least unit with which refs have room.
const (
	formatMagic   = "candor directory\n"
	formatNumber  = 6
	bucketSize    = 16 // entries of a bucket, on average between half of that and that
	refBits       = 32
	maxUnitBits   = 3
	largeShard    = 1 << 16 // entries; up to maxShardBits
	maxShardBits  = partitionBits
	maxBucketBits = 30 // of one shard
	entrySize     = 8 + 4
	alignment     = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the beginning of a snapshot file.
type header struct {
	keyID                  string // 16 digits
	held, wanted           kindSet
	built, asOf            time.Time
	customers, identifiers int64
	withCountry            int64
	abouts                 []about
	entries, ids           table
	unitBits               uint32 // of refs: the logarithm of the unit
}

// setUnit chooses the unit for shards of ids that have at most so many bytes, or says that there is none.
func (h *header) setUnit(largest int64) bool {
	for h.unitBits = 0; largest > 1<<(refBits-h.ids.shardBits+h.unitBits); h.unitBits++ {
		if h.unitBits == maxUnitBits {
			return false
		}
	}
	return true
}

// ref and place: where an id begins in its shard.
func (h *header) ref(shard, at int) uint32 {
	return uint32(shard<<(refBits-h.ids.shardBits) | at>>h.unitBits)
}

func (h *header) place(ref uint32) (shard, at int) {
	return int(ref >> (refBits - h.ids.shardBits)), int(ref<<h.ids.shardBits>>h.ids.shardBits) << h.unitBits
}

// padded is the next multiple of the unit.
func (h *header) padded(n int) int { return (n + 1<<h.unitBits - 1) &^ (1<<h.unitBits - 1) }

// table is a hash table of which the shards are spread over the file.
type table struct {
	shardBits, bucketBits uint32
	shards                []shardInfo
}

// shape chooses a table for n entries.
func shape(n int64) table {
	var t table
	for n > bucketSize<<t.bucketBits {
		t.bucketBits++
	}
	for t.shardBits < maxShardBits && n > largeShard<<t.shardBits {
		t.shardBits++
	}
	t.shards = make([]shardInfo, 1<<t.shardBits)
	return t
}

// buckets of one shard.
func (t *table) buckets() uint32 { return 1 << (t.bucketBits - t.shardBits) }

func (t *table) shardOf(hash uint64) uint64 { return hash >> (64 - t.shardBits) }

// bucketOf is the bucket in the whole table.
func (t *table) bucketOf(hash uint64) uint64 { return hash >> (64 - t.bucketBits) }

// restOf is what is left of a digest behind its bucket.
func (t *table) restOf(d digest) uint64 { return d.hi<<t.bucketBits | d.lo>>(64-t.bucketBits) }

type shardInfo struct {
	offset, length int64
	count          uint32 // of entries, or bytes of ids
	crc            uint32
}

const (
	fixedHeader = len(formatMagic) + 4 + 16 + 4 + 4 + 5*8 + 4*4 + 3*4
	shardSize   = 8 + 8 + 4*2
)

func (h *header) size() int {
	return (fixedHeader + (len(h.entries.shards)+len(h.ids.shards))*shardSize + len(h.aboutBytes()) + 4 + alignment - 1) &^ (alignment - 1)
}

func (h *header) aboutBytes() (b []byte) {
	for _, a := range h.abouts {
		b = appendAbout(b, a)
	}
	return b
}

func (h *header) marshal() []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte(formatMagic), formatNumber)
	b = append(b, h.keyID...)
	b = le.AppendUint32(b, uint32(h.held))
	b = le.AppendUint32(b, uint32(h.wanted))
	for _, v := range []int64{h.built.UnixNano(), h.asOf.UnixNano(), h.customers, h.identifiers, h.withCountry} {
		b = le.AppendUint64(b, uint64(v))
	}
	for _, t := range []table{h.entries, h.ids} {
		b = le.AppendUint32(le.AppendUint32(b, t.shardBits), t.bucketBits)
	}
	b = le.AppendUint32(b, h.unitBits)
	abouts := h.aboutBytes()
	b = le.AppendUint32(le.AppendUint32(b, uint32(len(h.abouts))), uint32(len(abouts)))
	for _, t := range []table{h.entries, h.ids} {
		for _, s := range t.shards {
			b = le.AppendUint64(le.AppendUint64(b, uint64(s.offset)), uint64(s.length))
			for _, v := range []uint32{s.count, s.crc} {
				b = le.AppendUint32(b, v)
			}
		}
	}
	b = append(b, abouts...)
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

var (
	errCut    = errors.New("it is cut off")
	errHeader = errors.New("its header is corrupt")
)

// unmarshalHeader reads and checks a header.
func unmarshalHeader(b []byte) (header, error) {
	le := binary.LittleEndian
	var h header
	if !bytes.HasPrefix(b, []byte(formatMagic)) {
		return h, errors.New("it is no directory snapshot")
	}
	if len(b) < len(formatMagic)+4 {
		return h, errCut
	}
	p := b[len(formatMagic):]
	if v := le.Uint32(p); v != formatNumber {
		return h, fmt.Errorf("it has format %d, and this candor reads format %d: build it again", v, formatNumber)
	}
	if len(b) < fixedHeader {
		return h, errCut
	}
	h.keyID = string(p[4:20])
	h.held, h.wanted = kindSet(le.Uint32(p[20:])), kindSet(le.Uint32(p[24:]))
	h.built, h.asOf = time.Unix(0, int64(le.Uint64(p[28:]))), time.Unix(0, int64(le.Uint64(p[36:])))
	h.customers, h.identifiers = int64(le.Uint64(p[44:])), int64(le.Uint64(p[52:]))
	h.withCountry = int64(le.Uint64(p[60:]))
	for i, t := range []*table{&h.entries, &h.ids} {
		t.shardBits, t.bucketBits = le.Uint32(p[68+8*i:]), le.Uint32(p[72+8*i:])
		if t.shardBits > maxShardBits || t.bucketBits < t.shardBits || t.bucketBits > t.shardBits+maxBucketBits {
			return h, errHeader
		}
		t.shards = make([]shardInfo, 1<<t.shardBits)
	}
	if h.unitBits = le.Uint32(p[84:]); h.unitBits > maxUnitBits {
		return h, errHeader
	}
	count, aboutSize := le.Uint32(p[88:]), le.Uint32(p[92:])
	if count > maxAbouts || aboutSize > count*(1+maxLocale+1+maxCountry) {
		return h, errHeader
	}
	end := fixedHeader + (len(h.entries.shards)+len(h.ids.shards))*shardSize + int(aboutSize)
	if len(b) < end+4 {
		return h, errCut
	}
	if crc32.Checksum(b[:end], castagnoli) != le.Uint32(b[end:]) {
		return h, errHeader
	}
	p = b[fixedHeader:]
	for _, t := range []*table{&h.entries, &h.ids} {
		for i := range t.shards {
			t.shards[i] = unmarshalShard(p)
			p = p[shardSize:]
		}
	}
	return h, h.unmarshalAbouts(p[:aboutSize], int(count))
}

func (h *header) unmarshalAbouts(b []byte, count int) error {
	for range count {
		a, rest, err := cutAbout(b)
		if err != nil {
			return err
		}
		h.abouts, b = append(h.abouts, a), rest
	}
	if len(b) > 0 {
		return errAbout
	}
	return nil
}

func unmarshalShard(p []byte) (s shardInfo) {
	le := binary.LittleEndian
	s.offset, s.length = int64(le.Uint64(p)), int64(le.Uint64(p[8:]))
	for j, v := range []*uint32{&s.count, &s.crc} {
		*v = le.Uint32(p[16+4*j:])
	}
	return s
}

// Ids are packed, because most shops number their customers: a number takes the bytes that its digits need, a UUID (RFC 9562
// §4, in lower case) 16. The first byte says which: a length of 1 to 64, or one of these.
const (
	packedDecimal = 0x40 // + the number of digits, 1 to 18
	packedUUID    = 0x80
	maxDigits     = 18
)

// digitBytes is how many bytes a number of so many digits needs.
var digitBytes = [maxDigits + 1]int{0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 8}

func packID(dst, id []byte) []byte {
	if n, ok := decimal(id); ok {
		dst = append(dst, packedDecimal+byte(len(id)))
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], n)
		return append(dst, b[:digitBytes[len(id)]]...)
	}
	if u, ok := parseUUID(id); ok {
		return append(append(dst, packedUUID), u[:]...)
	}
	return append(append(dst, byte(len(id))), id...)
}

// packedSize is how many bytes the id at the beginning of b takes; 0 where b holds none.
func packedSize(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	size, digits := 0, int(b[0])-packedDecimal
	switch {
	case b[0] == packedUUID:
		size = 1 + 16
	case b[0] >= 1 && b[0] <= maxID:
		size = 1 + int(b[0])
	case digits >= 1 && digits <= maxDigits:
		size = 1 + digitBytes[digits]
	}
	if size > len(b) {
		return 0
	}
	return size
}

// unpackID appends the id at the beginning of b to dst, and returns what follows; false where b holds none.
func unpackID(dst, b []byte) (id, rest []byte, ok bool) {
	size := packedSize(b)
	if size == 0 {
		return dst, nil, false
	}
	tag, packed, rest := b[0], b[1:size], b[size:]
	switch {
	case tag == packedUUID:
		return appendUUID(dst, packed), rest, true
	case tag <= maxID:
		return append(dst, packed...), rest, true
	}
	var n uint64
	for i, c := range packed {
		n |= uint64(c) << (8 * i)
	}
	at := len(dst)
	dst = append(dst, "000000000000000000"[:tag-packedDecimal]...)
	for i := len(dst) - 1; i >= at; i-- {
		dst[i], n = '0'+byte(n%10), n/10
	}
	return dst, rest, true
}

func decimal(id []byte) (n uint64, ok bool) {
	if len(id) == 0 || len(id) > maxDigits {
		return 0, false
	}
	for _, c := range id {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

const hexDigits = "0123456789abcdef"

func parseUUID(id []byte) (u [16]byte, ok bool) {
	if len(id) != 36 {
		return u, false
	}
	n := 0
	for i, c := range id {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return u, false
			}
			continue
		}
		v := bytes.IndexByte([]byte(hexDigits), c)
		if v < 0 {
			return u, false
		}
		u[n/2] = u[n/2]<<4 | byte(v)
		n++
	}
	return u, true
}

func appendUUID(dst, u []byte) []byte {
	for i, b := range u {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
	}
	return dst
}

// Package directory knows a retailer's customers without knowing their addresses: it holds keyed digests of identifiers,
// and answers to whom one belongs.
//
// Build makes a snapshot from a customer file; Open maps one into memory; Directory.Owners looks up. A binary fuse filter
// stands in front, and every hit is confirmed exactly, so that a filter hit alone never counts.
//
// It promises: no identifier in any file; a snapshot is replaced as a whole or not at all; one that is cut off, corrupt or
// made with another key is refused, and never answers wrongly; a look-up of a stranger allocates nothing.
package directory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/FastFilter/xorfilter"

	"candor.example/scan"
)

// Directory is an open snapshot. It is safe for concurrent use.
type Directory struct {
	path    string
	key     Key
	pool    *sync.Pool
	current atomic.Pointer[snapshot]
	reload  sync.Mutex
}

// Info describes a snapshot.
type Info struct {
	Path        string      `json:"path"`
	Customers   int64       `json:"customers"`
	Identifiers int64       `json:"identifiers"`
	Kinds       []scan.Kind `json:"kinds"`
	Built       time.Time   `json:"built"`
	KeyID       string      `json:"key_id"`
	Bytes       int64       `json:"bytes"`
	Format      int         `json:"format"`
}

// Open maps the snapshot at path and checks all of it.
func Open(path string, key Key) (*Directory, error) {
	d := &Directory{path: path, key: key, pool: digesters(key)}
	s, err := openSnapshot(path, key)
	if err != nil {
		return nil, err
	}
	d.current.Store(s)
	return d, nil
}

// maxOwners is how many owners of one identifier are listed.
const maxOwners = 64

// Owners returns the ids of the customers to whom a normalised identifier belongs, and nil when it is nobody's. Of a name that
// many customers share it returns 64: ask Owned whether it is also somebody's in particular.
func (d *Directory) Owners(kind scan.Kind, normalised []byte) (owners []string) {
	d.each(kind, normalised, func(id []byte) bool {
		owners = append(owners, string(id))
		return len(owners) < maxOwners
	})
	return owners
}

// Owned says whether a normalised identifier is one of this customer's, however many others it may belong to.
func (d *Directory) Owned(kind scan.Kind, normalised []byte, id string) (owned bool) {
	d.each(kind, normalised, func(other []byte) bool {
		owned = string(other) == id
		return !owned
	})
	return owned
}

// Kinds lists the kinds of identifiers that the snapshot holds; nothing else need be looked for.
func (d *Directory) Kinds() []scan.Kind {
	if d == nil {
		return nil
	}
	s := d.current.Load()
	if s == nil {
		return nil
	}
	return s.kinds.list()
}

// each calls yield with the owners of an identifier, until it returns false.
func (d *Directory) each(kind scan.Kind, normalised []byte, yield func(id []byte) bool) {
	if d == nil {
		return
	}
	s := d.current.Load()
	if s == nil {
		return
	}
	h := d.pool.Get().(*digester)
	var digest [32]byte
	h.sum(&digest, kind, normalised)
	d.pool.Put(h)
	s.each(digest[:digestSize], yield)
}

// Info describes the snapshot in use.
func (d *Directory) Info() Info {
	s := d.current.Load()
	if s == nil {
		return Info{Path: d.path}
	}
	return Info{Path: d.path, Customers: s.customers, Identifiers: s.identifiers, Kinds: s.kinds.list(), Built: s.built, KeyID: s.keyID, Bytes: int64(len(s.data)), Format: formatNumber}
}

// Reload takes up the file at the directory's path if it is another than the one in use. On an error the old snapshot
// stays. A snapshot that was replaced stays mapped until nobody can be reading it: see snapshot.release.
func (d *Directory) Reload() (changed bool, err error) {
	d.reload.Lock()
	defer d.reload.Unlock()
	old := d.current.Load()
	if info, err := os.Stat(d.path); err != nil {
		return false, fmt.Errorf("directory: %w", err)
	} else if old != nil && os.SameFile(info, old.file) && info.ModTime().Equal(old.file.ModTime()) {
		return false, nil
	}
	s, err := openSnapshot(d.path, d.key)
	if err != nil {
		return false, err
	}
	d.current.Store(s)
	return true, nil
}

// Close lets go of the snapshot; afterwards every identifier is nobody's.
func (d *Directory) Close() error {
	d.current.Store(nil)
	return nil
}

// header is the beginning of a snapshot file.
type header struct {
	built                  time.Time
	keyID                  string // 16 digits
	kinds                  kindSet
	shardBits              int
	customers, identifiers int64
	shards                 []shardInfo
}

type shardInfo struct {
	offset, length                      int64
	filter, buckets, entries, body, crc uint32
	segmentLength, segmentCount         uint32
	seed                                uint64
}

const (
	fixedHeader = len(formatMagic) + 4 + 16 + 4 + 4 + 8 + 8 + 8
	shardSize   = 8 + 8 + 4*7 + 8
)

func (h *header) size() int { return (fixedHeader + len(h.shards)*shardSize + 4 + 7) &^ 7 }

func (h *header) marshal() []byte {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte(formatMagic), formatNumber)
	b = append(b, h.keyID...)
	b = le.AppendUint32(b, uint32(h.kinds))
	b = le.AppendUint32(b, uint32(h.shardBits))
	b = le.AppendUint64(b, uint64(h.built.UnixNano()))
	b = le.AppendUint64(b, uint64(h.customers))
	b = le.AppendUint64(b, uint64(h.identifiers))
	for _, s := range h.shards {
		b = le.AppendUint64(b, uint64(s.offset))
		b = le.AppendUint64(b, uint64(s.length))
		for _, v := range []uint32{s.filter, s.buckets, s.entries, s.body, s.crc, s.segmentLength, s.segmentCount} {
			b = le.AppendUint32(b, v)
		}
		b = le.AppendUint64(b, s.seed)
	}
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

var errCut = errors.New("it is cut off")

// unmarshalHeader reads and checks a header.
func unmarshalHeader(b []byte) (header, error) {
	le := binary.LittleEndian
	var h header
	if !bytes.HasPrefix(b, []byte(formatMagic)) {
		return h, errors.New("it is no directory snapshot")
	}
	if len(b) < fixedHeader {
		return h, errCut
	}
	p := b[len(formatMagic):]
	if v := le.Uint32(p); v != formatNumber {
		return h, fmt.Errorf("it has format %d, and this candor reads format %d: build it again", v, formatNumber)
	}
	h.keyID = string(p[4:20])
	h.kinds = kindSet(le.Uint32(p[20:]))
	h.shardBits = int(le.Uint32(p[24:]))
	h.built = time.Unix(0, int64(le.Uint64(p[28:])))
	h.customers, h.identifiers = int64(le.Uint64(p[36:])), int64(le.Uint64(p[44:]))
	if h.shardBits != 0 && h.shardBits != 8 {
		return h, errors.New("its header is corrupt")
	}
	h.shards = make([]shardInfo, 1<<h.shardBits)
	if len(b) < h.size() {
		return h, errCut
	}
	end := fixedHeader + len(h.shards)*shardSize
	if crc32.Checksum(b[:end], castagnoli) != le.Uint32(b[end:]) {
		return h, errors.New("its header is corrupt")
	}
	for i := range h.shards {
		p := b[fixedHeader+i*shardSize:]
		s := &h.shards[i]
		s.offset, s.length = int64(le.Uint64(p)), int64(le.Uint64(p[8:]))
		for j, v := range []*uint32{&s.filter, &s.buckets, &s.entries, &s.body, &s.crc, &s.segmentLength, &s.segmentCount} {
			*v = le.Uint32(p[16+4*j:])
		}
		s.seed = le.Uint64(p[44:])
	}
	return h, nil
}

// snapshot is a file in memory.
type snapshot struct {
	header
	file   os.FileInfo
	data   []byte
	shards []shard
}

type shard struct {
	filter  xorfilter.BinaryFuse[uint8]
	index   []byte // buckets+1 offsets into body
	buckets uint32
	body    []byte
}

func openSnapshot(path string, key Key) (*snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	data, err := mapFile(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("directory: %s: %w", path, err)
	}
	s := &snapshot{file: info, data: data}
	if err := s.parse(key); err != nil {
		unmap(data)
		return nil, fmt.Errorf("directory: the snapshot %s cannot be used: %w", path, err)
	}
	s.release()
	return s, nil
}

func (s *snapshot) parse(key Key) (err error) {
	if s.header, err = unmarshalHeader(s.data); err != nil {
		return err
	}
	if s.keyID != key.ID() {
		return fmt.Errorf("it was built with key %s, and this is key %s: build it again", s.keyID, key.ID())
	}
	s.shards = make([]shard, len(s.header.shards))
	for i, info := range s.header.shards {
		if info.offset < 0 || info.length < 0 || info.offset > int64(len(s.data)) || info.length > int64(len(s.data))-info.offset {
			return errCut
		}
		b := s.data[info.offset : info.offset+info.length]
		if crc32.Checksum(b, castagnoli) != info.crc {
			return fmt.Errorf("shard %d is corrupt", i)
		}
		if s.shards[i], err = newShard(b, info); err != nil {
			return fmt.Errorf("shard %d: %w", i, err)
		}
	}
	return nil
}

func newShard(b []byte, info shardInfo) (shard, error) {
	start := (int64(info.filter) + 3) &^ 3
	end := start + 4*(int64(info.buckets)+1)
	if end+int64(info.body) > int64(len(b)) || info.buckets == 0 || info.filter > 0 && int64(info.segmentLength)*(int64(info.segmentCount)+2) > int64(info.filter) ||
		info.segmentLength&(info.segmentLength-1) != 0 {
		return shard{}, errors.New("its lengths do not fit")
	}
	return shard{
		filter: xorfilter.BinaryFuse[uint8]{Seed: info.seed, SegmentLength: info.segmentLength, SegmentLengthMask: info.segmentLength - 1,
			SegmentCount: info.segmentCount, SegmentCountLength: info.segmentCount * info.segmentLength, Fingerprints: b[:info.filter:info.filter]},
		index: b[start:end], buckets: info.buckets, body: b[end : end+int64(info.body)],
	}, nil
}

func (s *snapshot) each(digest []byte, yield func(id []byte) bool) {
	defer runtime.KeepAlive(s) // its memory is unmapped once nobody holds it
	sh := &s.shards[filterKey(digest)>>(64-s.shardBits)&uint64(len(s.shards)-1)]
	if len(sh.filter.Fingerprints) == 0 || !sh.filter.Contains(filterKey(digest)) {
		return
	}
	bucket := bucketOf(digest, s.shardBits, sh.buckets)
	from, to := binary.LittleEndian.Uint32(sh.index[4*bucket:]), binary.LittleEndian.Uint32(sh.index[4*bucket+4:])
	if from > to || int(to) > len(sh.body) {
		return
	}
	for b := sh.body[from:to]; len(b) > digestSize; {
		end := digestSize + 1 + int(b[digestSize])
		if end > len(b) {
			return
		}
		switch bytes.Compare(b[:digestSize], digest) {
		case 0:
			if !yield(b[digestSize+1 : end]) {
				return
			}
		case 1:
			return
		}
		b = b[end:]
	}
}

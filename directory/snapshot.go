package directory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"os"
	"sort"
	"sync"
	"sync/atomic"
)

// snapshot is a file in memory. Its memory is unmapped once nobody holds it, so whoever reads it keeps it alive.
type snapshot struct {
	header
	path    string
	file    os.FileInfo
	data    []byte
	entries []entryShard
	ids     []idShard
	fault   atomic.Pointer[error] // the first shard that was found corrupt
}

// checked is a part of the file with its checksum. It is read only after ok.
type checked struct {
	data  []byte
	crc   uint32
	once  sync.Mutex
	state atomic.Uint32
}

const (
	unchecked = iota
	sound
	corrupt
)

// ok checks the part when it is first used: 100 million customers are then open at once.
func (c *checked) ok() bool {
	s := c.state.Load()
	if s == unchecked {
		s = c.check()
	}
	return s == sound
}

func (c *checked) check() uint32 {
	c.once.Lock()
	defer c.once.Unlock()
	if c.state.Load() == unchecked {
		c.state.Store(corrupt)
		if crc32.Checksum(c.data, castagnoli) == c.crc {
			c.state.Store(sound)
		}
	}
	return c.state.Load()
}

type entryShard struct {
	checked
	heads   []byte // buckets+1
	entries []byte
}

type idShard struct {
	checked
	index []byte // buckets+1 offsets into ids
	ids   []byte
}

func openSnapshot(path string, keys []Key) (*snapshot, error) {
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
	s := &snapshot{path: path, file: info, data: data}
	if err := s.parse(keys); err != nil {
		unmap(data)
		return nil, fmt.Errorf("directory: the snapshot %s cannot be used: %w", path, err)
	}
	s.release()
	return s, nil
}

func (s *snapshot) parse(keys []Key) (err error) {
	if s.header, err = unmarshalHeader(s.data); err != nil {
		return err
	}
	if _, ok := keyByID(keys, s.keyID); !ok {
		return fmt.Errorf("it was built with key %s, and %s: build it again", s.keyID, whatKeys(keys))
	}
	s.entries, s.ids = make([]entryShard, len(s.header.entries.shards)), make([]idShard, len(s.header.ids.shards))
	for i, info := range s.header.entries.shards {
		if err := s.entries[i].parse(s.data, info, s.header.entries.buckets()); err != nil {
			return fmt.Errorf("shard %d: %w", i, err)
		}
	}
	for i, info := range s.header.ids.shards {
		if err := s.ids[i].parse(s.data, info, s.header.ids.buckets()); err != nil {
			return fmt.Errorf("id shard %d: %w", i, err)
		}
	}
	return nil
}

func (c *checked) cut(data []byte, info shardInfo) error {
	if info.offset < 0 || info.length < 0 || info.offset > int64(len(data)) || info.length > int64(len(data))-info.offset {
		return errCut
	}
	c.data, c.crc = data[info.offset:info.offset+info.length], info.crc
	return nil
}

var errLengths = errors.New("its lengths do not fit")

func (s *entryShard) parse(data []byte, info shardInfo, buckets uint32) error {
	if err := s.cut(data, info); err != nil {
		return err
	}
	entries := headSize * (int64(buckets) + 1)
	end := entries + entrySize*int64(info.count)
	if end > info.length {
		return errLengths
	}
	s.heads, s.entries = s.data[:entries], s.data[entries:end]
	return nil
}

func (s *idShard) parse(data []byte, info shardInfo, buckets uint32) error {
	if err := s.cut(data, info); err != nil {
		return err
	}
	ids := 4 * (int64(buckets) + 1)
	end := ids + int64(info.count)
	if end > info.length {
		return errLengths
	}
	s.index, s.ids = s.data[:ids], s.data[ids:end]
	return nil
}

// verify checks all shards that were not used yet, on as many cores as there are.
func (s *snapshot) verify(stop func() bool) error {
	var next atomic.Int64
	var all sync.WaitGroup
	total := int64(len(s.entries) + len(s.ids))
	for range workers() {
		all.Go(func() {
			for i := next.Add(1) - 1; i < total && !stop(); i = next.Add(1) - 1 {
				if i < int64(len(s.entries)) {
					s.sound(&s.entries[i].checked)
				} else {
					s.sound(&s.ids[i-int64(len(s.entries))].checked)
				}
			}
		})
	}
	all.Wait()
	return s.damage()
}

// sound says whether a shard may be read, and keeps the news when it may not.
func (s *snapshot) sound(c *checked) bool {
	if c.ok() {
		return true
	}
	if s.fault.Load() == nil {
		err := fmt.Errorf("directory: the snapshot %s is corrupt: nobody in its damaged part is recognised: build it again", s.path)
		s.fault.Store(&err)
	}
	return false
}

func (s *snapshot) damage() error {
	if err := s.fault.Load(); err != nil {
		return *err
	}
	return nil
}

// run is the entries of an identifier, one for each owner, in ascending order of their refs.
func (s *snapshot) run(d digest) []byte {
	t := &s.header.entries
	sh := &s.entries[t.shardOf(d.hi)]
	if !s.sound(&sh.checked) {
		return nil
	}
	head := sh.heads[headSize*(t.bucketOf(d.hi)&uint64(t.buckets()-1)):]
	if !filterHas(head, d) {
		return nil
	}
	from, to := firstOf(head), firstOf(head[headSize:])
	if from > to || int(to) > len(sh.entries)/entrySize {
		return nil
	}
	rest, b := t.restOf(d), sh.entries[entrySize*from:entrySize*to]
	n, first := len(b)/entrySize, firstEntry(b, rest)
	end := first
	for end < n && restAt(b, end) == rest {
		end++
	}
	return b[entrySize*first : entrySize*end]
}

// firstEntry is the first of a bucket's entries whose rest is not below this one. Rests are as random as digests, so it stands near where
// its share of 2^64 says: mostly in the first line of memory that is read. Only what many customers share makes a bucket long.
func firstEntry(b []byte, rest uint64) int {
	n := len(b) / entrySize
	if n > 4*bucketSize {
		return sort.Search(n, func(i int) bool { return restAt(b, i) >= rest })
	}
	share, _ := bits.Mul64(rest, uint64(n))
	i := int(share)
	for i < n && restAt(b, i) < rest {
		i++
	}
	for i > 0 && restAt(b, i-1) >= rest {
		i--
	}
	return i
}

func restAt(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[entrySize*i:]) }

func span(index []byte, bucket uint64) (from, to uint32) {
	return binary.LittleEndian.Uint32(index[4*bucket:]), binary.LittleEndian.Uint32(index[4*bucket+4:])
}

func refAt(run []byte, i int) uint32 { return binary.LittleEndian.Uint32(run[entrySize*i+8:]) }

// leads says whether a ref leads into a part of the file that may be read.
func (s *snapshot) leads(ref uint32) bool {
	shard, at := s.place(ref)
	sh := &s.ids[shard]
	return s.sound(&sh.checked) && at < len(sh.ids)
}

// id appends the id that a ref leads to.
func (s *snapshot) id(dst []byte, ref uint32) ([]byte, bool) {
	if !s.leads(ref) {
		return dst, false
	}
	shard, at := s.place(ref)
	dst, _, ok := unpackID(dst, s.ids[shard].ids[at:])
	return dst, ok
}

// refOf finds the ref of a customer, and the number of what is known about them.
func (s *snapshot) refOf(id string, hash uint64) (ref uint32, about uint16, ok bool) {
	t := &s.header.ids
	shard := int(t.shardOf(hash))
	sh := &s.ids[shard]
	if !s.sound(&sh.checked) {
		return 0, 0, false
	}
	from, to := span(sh.index, t.bucketOf(hash)&uint64(t.buckets()-1))
	if from > to || int(to) > len(sh.ids) {
		return 0, 0, false
	}
	var room, packedRoom [1 + maxID]byte
	packed := packID(packedRoom[:0], append(room[:0], id...))
	for b := sh.ids[from:to]; len(b) > 0; {
		size := s.idSize(b)
		if size == 0 {
			break
		}
		if bytes.HasPrefix(b, packed) { // how an id is packed is no beginning of how another is
			about, _, _ = unpackNumber(b[len(packed):size])
			return s.ref(shard, int(to)-len(b)), about, true
		}
		b = b[size:]
	}
	return 0, 0, false
}

// owned: is the customer among an identifier's owners?
func (s *snapshot) owned(d digest, id string, hash uint64) bool {
	run := s.run(d)
	if len(run) == 0 {
		return false
	}
	ref, _, ok := s.refOf(id, hash)
	if !ok {
		return false
	}
	n := len(run) / entrySize
	i := sort.Search(n, func(i int) bool { return refAt(run, i) >= ref })
	return i < n && refAt(run, i) == ref
}

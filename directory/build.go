package directory

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/FastFilter/xorfilter"

	"candor.example/scan"
)

// BuildOptions is how a snapshot is built; its zero value is ready.
type BuildOptions struct {
	Kinds  []scan.Kind // what goes in; nil: all that the columns allow
	Strict bool        // refuse a file with any problem, and leave the old snapshot in place
	Now    time.Time   // the build time to write down; zero: time.Now
}

// Report is what Build found in a customer file.
type Report struct {
	Rows               int64     `json:"rows"` // without the header
	Customers          int64     `json:"customers"`
	Identifiers        int64     `json:"identifiers"`
	BadRows            int64     `json:"bad_rows"`
	BadFields          int64     `json:"bad_fields"`          // names and telephone numbers left out of rows that were kept
	DuplicateIDs       int64     `json:"duplicate_ids"`       // kept: one customer with several addresses
	DuplicateAddresses int64     `json:"duplicate_addresses"` // kept: each of the customers is an owner
	UnknownColumns     []string  `json:"unknown_columns,omitempty"`
	Problems           []Problem `json:"problems,omitempty"` // the first maxProblems, by line
}

const (
	maxProblems = 100
	maxID       = 64 // bytes
	digestSize  = 12
	partitions  = 256
	// spillAt is how many bytes of one partition are kept in memory before they go to a file.
	spillAt = 256 << 10
	// largeShard is how many identifiers fit one shard; beyond, there are as many shards as partitions.
	largeShard   = 1 << 20
	bucketSize   = 16 // entries of a bucket, on average
	formatMagic  = "candor directory\n"
	formatNumber = 2
)

// ErrStrict is wrapped by Build's error when Strict refuses a file.
var ErrStrict = errors.New("refused by --strict; the old snapshot stays")

// Build reads a customer file (CSV, see DESIGN §7) from src, which errors call name, and replaces the snapshot at dst when
// all of it is on disk. Memory is bounded: identifiers are digested at once, and sorted by way of files beside dst that
// hold digests only.
func Build(ctx context.Context, dst string, key Key, src io.Reader, name string, opts BuildOptions) (Report, error) {
	set, err := setOf(opts.Kinds)
	if err != nil {
		return Report{}, err
	}
	b := &builder{key: newDigester(key), name: name, kinds: set, seed: maphash.MakeSeed()}
	dir, err := os.MkdirTemp(filepath.Dir(dst), ".candor-build-")
	if err != nil {
		return b.report, fmt.Errorf("cannot build the snapshot: %w", err)
	}
	defer os.RemoveAll(dir)
	b.digests.dir, b.ids.dir = filepath.Join(dir, "d"), filepath.Join(dir, "i")
	defer b.digests.close()
	defer b.ids.close()
	if err := b.read(ctx, src); err != nil {
		return b.report, err
	}
	if err := b.findDuplicateIDs(); err != nil {
		return b.report, err
	}
	now := opts.Now
	if now.IsZero() {
		now = time.Now()
	}
	tmp := filepath.Join(dir, "snapshot")
	if err := b.write(ctx, tmp, key, now); err != nil {
		return b.report, fmt.Errorf("cannot write the snapshot %s: %w", dst, err)
	}
	slices.SortStableFunc(b.report.Problems, func(x, y Problem) int { return cmp.Compare(x.Line, y.Line) })
	b.report.Problems = b.report.Problems[:min(maxProblems, len(b.report.Problems))]
	if wrong := b.report.BadRows + b.report.BadFields + b.report.DuplicateIDs + b.report.DuplicateAddresses; opts.Strict && wrong > 0 {
		return b.report, fmt.Errorf("%s: %d bad rows, %d bad names and telephone numbers, %d duplicates: %w", name, b.report.BadRows, b.report.BadFields, wrong-b.report.BadRows-b.report.BadFields, ErrStrict)
	}
	if err := os.Rename(tmp, dst); err != nil {
		return b.report, fmt.Errorf("cannot replace the snapshot: %w", err)
	}
	return b.report, syncFolder(filepath.Dir(dst))
}

type builder struct {
	key          *digester
	name         string
	kinds        kindSet
	seed         maphash.Seed
	report       Report
	digests, ids partitioned
	normal       []byte
	record       []byte
}

// problem keeps a bounded number of them: as many again as are reported, so that the first by line are likely among them.
func (b *builder) problem(line int, field, message string) {
	if len(b.report.Problems) < 10*maxProblems {
		b.report.Problems = append(b.report.Problems, Problem{line, field, message})
	}
}

func (b *builder) read(ctx context.Context, src io.Reader) error {
	s := newRows(src)
	c, err := readHeader(s, b.name)
	if err != nil {
		return err
	}
	b.report.UnknownColumns = c.unknown
	b.kinds = c.allow(b.kinds)
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		fields, err := s.read()
		switch {
		case err == io.EOF:
			return nil
		case err == errLongRow || err == errQuote:
			b.report.Rows++
			b.bad(s.line, "", err.Error())
			continue
		case err != nil:
			return fmt.Errorf("%s:%d: %w", b.name, s.line, err)
		case len(fields) == 1 && len(fields[0]) == 0:
			continue // an empty line
		}
		b.report.Rows++
		if err := b.row(s.line, fields, c); err != nil {
			return fmt.Errorf("cannot build the snapshot: %w", err)
		}
	}
}

func (b *builder) bad(line int, field, message string) {
	b.report.BadRows++
	b.problem(line, field, message)
}

// row takes one customer, or notes what is wrong with the row. Its error is one of writing.
func (b *builder) row(line int, fields [][]byte, c columns) error {
	if len(fields) != c.count {
		b.bad(line, "", fmt.Sprintf("the row has %d fields, the header %d", len(fields), c.count))
		return nil
	}
	row := c.customer(line, fields)
	if message := badID(row.id); message != "" {
		b.bad(line, "id", message)
		return nil
	}
	normal, message := normalEmail(b.normal[:0], row.email)
	if b.normal = normal; message != "" {
		b.bad(line, "email", message)
		return nil
	}
	err := b.identifier(&row, email, normal)
	row.identify(b.kinds, normal, func(k kind, value []byte) {
		if e := b.identifier(&row, k, value); err == nil {
			err = e
		}
	}, func(field, message string) {
		b.report.BadFields++
		b.problem(line, field, message)
	})
	if err != nil {
		return err
	}
	hash := maphash.Bytes(b.seed, row.id)
	b.record = binary.BigEndian.AppendUint64(b.record[:0], hash)
	b.record = binary.AppendUvarint(b.record, uint64(line))
	return b.ids.add(byte(hash>>56), b.record)
}

func (b *builder) identifier(row *customer, k kind, value []byte) error {
	var digest [32]byte
	b.key.sum(&digest, kinds[k], value)
	b.record = append(append(b.record[:0], digest[:digestSize]...), byte(k))
	b.record = binary.AppendUvarint(b.record, uint64(row.line))
	b.record = append(append(b.record, byte(len(row.id))), row.id...)
	return b.digests.add(digest[0], b.record)
}

// normalEmail normalises an address, or says what is wrong with it.
func normalEmail(dst, address []byte) (normal []byte, message string) {
	normal, ok := scan.NormalizeEmail(dst, address)
	switch {
	case ok:
		return normal, ""
	case len(address) == 0:
		return normal, "it is empty"
	case !utf8.Valid(address):
		return normal, "it is not UTF-8"
	}
	return normal, "it is no e-mail address"
}

// badID: an id is opaque, so that it may stand in journals, ledgers and reports.
func badID(id []byte) string {
	switch {
	case len(id) == 0:
		return "it is empty"
	case len(id) > maxID:
		return fmt.Sprintf("it is longer than %d bytes", maxID)
	case !utf8.Valid(id):
		return "it is not UTF-8"
	case bytes.IndexByte(id, '@') >= 0:
		return "it looks like an e-mail address: use an opaque id that says nothing about the person"
	case bytes.IndexFunc(id, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) >= 0:
		return "it holds a control character"
	}
	return ""
}

// findDuplicateIDs counts customers, and the rows whose id was there before.
func (b *builder) findDuplicateIDs() error {
	type idRow struct {
		hash uint64
		line int
	}
	var list []idRow
	for p := range partitions {
		raw, err := b.ids.load(p)
		if err != nil {
			return err
		}
		list = list[:0]
		for len(raw) > 0 {
			line, n := binary.Uvarint(raw[8:])
			list = append(list, idRow{binary.BigEndian.Uint64(raw), int(line)})
			raw = raw[8+n:]
		}
		slices.SortFunc(list, func(x, y idRow) int { return cmp.Or(cmp.Compare(x.hash, y.hash), cmp.Compare(x.line, y.line)) })
		for i, r := range list {
			if i > 0 && list[i-1].hash == r.hash {
				b.report.DuplicateIDs++
				b.problem(r.line, "id", "duplicate: another row has the same id")
			} else {
				b.report.Customers++
			}
		}
	}
	return nil
}

// entry is one identifier and its owner, before it is packed.
type entry struct {
	digest [digestSize]byte
	kind   byte
	line   int
	id     string
}

// shard packs the entries of the partitions [from, to): sorted, without exact duplicates.
func (b *builder) shard(from, to int) ([]entry, error) {
	var list []entry
	for p := from; p < to; p++ {
		raw, err := b.digests.load(p)
		if err != nil {
			return nil, err
		}
		for len(raw) > 0 {
			e := entry{digest: [digestSize]byte(raw[:digestSize])}
			line, n := binary.Uvarint(raw[digestSize+1:])
			e.kind, raw = raw[digestSize], raw[digestSize+1+n:]
			e.line, e.id = int(line), string(raw[1:1+raw[0]])
			raw = raw[1+raw[0]:]
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(x, y entry) int {
		return cmp.Or(bytes.Compare(x.digest[:], y.digest[:]), cmp.Compare(x.line, y.line))
	})
	kept := list[:0]
	for i, e := range list {
		if i > 0 && list[i-1].digest == e.digest {
			if kind(e.kind) == email {
				b.report.DuplicateAddresses++
				b.problem(e.line, "email", "duplicate: another row has the same address")
			}
			same := false
			for j := len(kept) - 1; j >= 0 && kept[j].digest == e.digest; j-- {
				same = same || kept[j].id == e.id
			}
			if same {
				continue
			}
		}
		kept = append(kept, e)
	}
	return kept, nil
}

// write makes the snapshot file:
//
//	magic, header, shard table, crc32c of all that
//	for each shard: filter, bucket offsets, entries; its crc32c is in the table
//
// Integers are little-endian. An entry is 12 octets of its digest, the length of the owner's id, and the id. Twelve octets
// are exact in practice: among 100 million customers the chance that a stranger's address has one of their digests is 1 in
// 10^21.
func (b *builder) write(ctx context.Context, path string, key Key, now time.Time) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	h := header{built: now, keyID: key.ID(), kinds: b.kinds}
	shards, width := 1, partitions
	if b.digests.count > largeShard {
		shards, width = partitions, 1
		h.shardBits = 8
	}
	h.shards = make([]shardInfo, shards)
	w := bufio.NewWriterSize(f, 1<<20)
	offset := int64(h.size())
	if _, err := w.Write(make([]byte, offset)); err != nil {
		return err
	}
	for i := range shards {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := b.shard(i*width, (i+1)*width)
		if err != nil {
			return err
		}
		packed, info, err := pack(entries, h.shardBits)
		if err != nil {
			return err
		}
		info.offset = offset
		h.shards[i] = info
		h.identifiers += int64(len(entries))
		offset += int64(len(packed))
		if _, err := w.Write(packed); err != nil {
			return err
		}
	}
	h.customers, b.report.Identifiers = b.report.Customers, h.identifiers
	if err := w.Flush(); err != nil {
		return err
	}
	if _, err := f.WriteAt(h.marshal(), 0); err != nil {
		return err
	}
	return f.Sync()
}

// pack lays out one shard.
func pack(entries []entry, shardBits int) ([]byte, shardInfo, error) {
	info := shardInfo{entries: uint32(len(entries)), buckets: uint32(max(1, len(entries)/bucketSize))}
	keys := make([]uint64, 0, len(entries))
	for i, e := range entries {
		if i == 0 || entries[i-1].digest != e.digest {
			keys = append(keys, filterKey(e.digest[:]))
		}
	}
	var out []byte
	if len(keys) > 0 {
		filter, err := xorfilter.NewBinaryFuse[uint8](keys)
		if err != nil {
			return nil, info, fmt.Errorf("filter: %w", err)
		}
		info.seed, info.segmentLength, info.segmentCount = filter.Seed, filter.SegmentLength, filter.SegmentCount
		info.filter = uint32(len(filter.Fingerprints))
		out = append(out, filter.Fingerprints...)
	}
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	var body []byte
	bucket := uint32(0)
	for _, e := range entries {
		for at := bucketOf(e.digest[:], shardBits, info.buckets); bucket <= at; bucket++ {
			out = binary.LittleEndian.AppendUint32(out, uint32(len(body)))
		}
		body = append(append(append(body, e.digest[:]...), byte(len(e.id))), e.id...)
	}
	for ; bucket <= info.buckets; bucket++ {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(body)))
	}
	out = append(out, body...)
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	info.body, info.length, info.crc = uint32(len(body)), int64(len(out)), crc32.Checksum(out, castagnoli)
	return out, info, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func filterKey(digest []byte) uint64 { return binary.BigEndian.Uint64(digest) }

// bucketOf spreads the digests of a shard, which are uniform behind the shard's bits, over its buckets.
func bucketOf(digest []byte, shardBits int, buckets uint32) uint32 {
	high := uint32(filterKey(digest) << shardBits >> 32)
	return uint32(uint64(high) * uint64(buckets) >> 32)
}

// partitioned collects records by their first octet, in memory and then in one file for each.
type partitioned struct {
	dir   string
	bufs  [partitions][]byte
	files [partitions]*os.File
	count int64
}

func (p *partitioned) add(part byte, record []byte) error {
	p.count++
	p.bufs[part] = append(p.bufs[part], record...)
	if len(p.bufs[part]) < spillAt {
		return nil
	}
	if p.files[part] == nil {
		f, err := os.OpenFile(fmt.Sprintf("%s%02x", p.dir, part), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		p.files[part] = f
	}
	_, err := p.files[part].Write(p.bufs[part])
	p.bufs[part] = p.bufs[part][:0]
	return err
}

// load returns a partition's records and gives up its memory and file.
func (p *partitioned) load(part int) ([]byte, error) {
	raw := p.bufs[part]
	p.bufs[part] = nil
	f := p.files[part]
	if f == nil {
		return raw, nil
	}
	defer func() {
		f.Close()
		os.Remove(f.Name())
		p.files[part] = nil
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	all := make([]byte, info.Size(), info.Size()+int64(len(raw)))
	if _, err := f.ReadAt(all, 0); err != nil {
		return nil, err
	}
	return append(all, raw...), nil
}

func (p *partitioned) close() {
	for _, f := range p.files {
		if f != nil {
			f.Close()
		}
	}
}

// scanSafe keeps addresses and control characters out of messages.
func scanSafe(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, scan.MaskText(s))
}

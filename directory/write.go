package directory

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// write makes the snapshot file. The ids come first: entries name their owners by where those lie.
func (b *builder) write(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	h := &b.header
	h.entries, h.ids = shape(b.digests.count.Load()), shape(b.customers.count.Load())
	if !h.setUnit(b.customers.largest(partitions / len(h.ids.shards))) {
		return errors.New("there are too many rows, or their ids are too long")
	}
	out := &output{file: f, end: int64(h.size())}
	b.refs = make([]uint32, b.last+1)
	if err := b.shards(ctx, out, &h.ids, b.idShard); err != nil {
		return err
	}
	if err := b.shards(ctx, out, &h.entries, b.entryShard); err != nil {
		return err
	}
	h.customers, h.identifiers, h.withCountry = b.report.Customers, b.report.Identifiers, b.report.WithCountry
	if _, err := f.WriteAt(h.marshal(), 0); err != nil {
		return err
	}
	return f.Sync()
}

// output is the file that shards are written to, in whatever order they are done.
type output struct {
	sync.Mutex
	file *os.File
	end  int64
}

func (o *output) write(packed []byte, info *shardInfo) error {
	for len(packed)%alignment != 0 {
		packed = append(packed, 0)
	}
	o.Lock()
	info.offset = o.end
	o.end += int64(len(packed))
	o.Unlock()
	info.length, info.crc = int64(len(packed)), crc32.Checksum(packed, castagnoli)
	_, err := o.file.WriteAt(packed, info.offset)
	return err
}

// packing is one worker's part of writing, with its reused memory.
type packing struct {
	*builder
	table   *table
	report  Report
	raw     []byte
	out     []byte
	owners  []idRow
	entries []entry
}

// shards packs all of a table's shards.
func (b *builder) shards(ctx context.Context, out *output, t *table, pack func(p *packing, shard int, info *shardInfo) error) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	packings := make([]packing, workers())
	for i := range packings {
		p := &packings[i]
		p.builder, p.table = b, t
		group.Go(func() error {
			for n := int(next.Add(1)) - 1; n < len(t.shards); n = int(next.Add(1)) - 1 {
				if err := ctx.Err(); err != nil {
					return err
				}
				p.out = p.out[:0]
				if err := pack(p, n, &t.shards[n]); err != nil {
					return err
				}
				if err := out.write(p.out, &t.shards[n]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	for i := range packings {
		b.report.add(packings[i].report)
	}
	return err
}

// load reads the records of one shard, which has as many partitions as any other.
func (p *packing) load(s *spill, shard int) (err error) {
	p.raw = p.raw[:0]
	width := partitions / len(p.table.shards)
	for part := shard * width; part < (shard+1)*width && err == nil; part++ {
		p.raw, err = s.load(p.raw, part)
	}
	return err
}

// idRow is a row's id, before it is packed.
type idRow struct {
	hash  uint64
	line  uint32
	about uint16
	id    []byte
}

func (r idRow) same(o idRow) bool { return r.hash == o.hash && bytes.Equal(r.id, o.id) }

// idShard packs the ids of a shard, counts customers, and notes for each row where its customer's id lies.
func (b *builder) idShard(p *packing, shard int, info *shardInfo) error {
	if err := p.load(&b.customers, shard); err != nil {
		return err
	}
	p.owners = p.owners[:0]
	for raw := p.raw; len(raw) > 0; {
		end := idRecord + int(raw[idRecord-1])
		le := binary.LittleEndian
		p.owners = append(p.owners, idRow{le.Uint64(raw), le.Uint32(raw[8:]), le.Uint16(raw[12:]), raw[idRecord:end]})
		raw = raw[end:]
	}
	slices.SortFunc(p.owners, func(x, y idRow) int {
		if c := cmp.Compare(x.hash, y.hash); c != 0 {
			return c
		}
		return cmp.Or(bytes.Compare(x.id, y.id), cmp.Compare(x.line, y.line))
	})
	first := uint64(shard) * uint64(p.table.buckets())
	index := make([]byte, 4*(p.table.buckets()+1))
	p.out = append(p.out, index...)
	bucket, place := first, 0
	for i, r := range p.owners {
		if i > 0 && r.same(p.owners[i-1]) {
			p.report.DuplicateIDs++
			p.report.problem(int(r.line), "id", "duplicate: another row has the same id")
		} else {
			place = len(p.out) - len(index)
			for at := p.table.bucketOf(r.hash); bucket < at; {
				bucket++
				binary.LittleEndian.PutUint32(p.out[4*(bucket-first):], uint32(place))
			}
			p.packID(p.owners[i:])
			for n := len(p.out) - len(index); n < b.header.padded(n); n++ {
				p.out = append(p.out, 0)
			}
			p.report.Customers++
		}
		b.refs[r.line] = b.header.ref(shard, place)
	}
	info.count = uint32(len(p.out) - len(index))
	for end := first + uint64(p.table.buckets()); bucket < end; {
		bucket++
		binary.LittleEndian.PutUint32(p.out[4*(bucket-first):], info.count)
	}
	return nil
}

// packID packs a customer, who is the first of the rows. Of several rows of one customer the first that says something counts.
func (p *packing) packID(rows []idRow) {
	p.out = packID(p.out, rows[0].id)
	if len(p.header.abouts) == 0 {
		return
	}
	n := rows[0].about
	for _, r := range rows[1:] {
		if n > 0 || !r.same(rows[0]) {
			break
		}
		n = r.about
	}
	p.out = packNumber(p.out, n)
	if n > 0 && p.header.abouts[n-1].country != "" {
		p.report.WithCountry++
	}
}

// entry is one identifier and its owner, before it is packed.
type entry struct {
	digest
	line, ref uint32
}

func (e entry) kind() kind { return kind(e.lo & 0xff) }

// entryShard packs the identifiers of a shard.
func (b *builder) entryShard(p *packing, shard int, info *shardInfo) error {
	if err := p.load(&b.digests, shard); err != nil {
		return err
	}
	p.entries = p.entries[:0]
	for raw := p.raw; len(raw) > 0; raw = raw[entryRecord:] {
		le := binary.LittleEndian
		line := le.Uint32(raw[16:])
		p.entries = append(p.entries, entry{digest{le.Uint64(raw), le.Uint64(raw[8:])}, line, b.refs[line]})
	}
	slices.SortFunc(p.entries, func(x, y entry) int {
		if c := cmp.Compare(x.hi, y.hi); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(x.lo, y.lo), cmp.Compare(x.line, y.line))
	})
	p.entries = p.distinct(p.entries)
	p.report.Identifiers += int64(len(p.entries))
	info.count = uint32(len(p.entries))
	p.packEntries(shard)
	return nil
}

// distinct orders the entries of one digest by owner, drops those that are there twice, and notes addresses that several rows
// have.
func (p *packing) distinct(list []entry) []entry {
	kept := list[:0]
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].digest == list[0].digest {
			n++
		}
		run := list[:n]
		list = list[n:]
		if n > 1 && run[0].kind() == email {
			for _, e := range run[1:] {
				p.report.DuplicateAddresses++
				p.report.problem(int(e.line), "email", "duplicate: another row has the same address")
			}
		}
		slices.SortFunc(run, func(x, y entry) int { return cmp.Compare(x.ref, y.ref) })
		kept = append(kept, slices.CompactFunc(run, func(x, y entry) bool { return x.ref == y.ref })...)
	}
	return kept
}

// packEntries appends heads and entries.
func (p *packing) packEntries(shard int) {
	le := binary.LittleEndian
	p.out = append(p.out, make([]byte, headSize*(p.table.buckets()+1))...)
	first := uint64(shard) * uint64(p.table.buckets())
	head := func(bucket uint64) []byte { return p.out[headSize*(bucket-first):][:headSize] }
	bucket := first
	for i, e := range p.entries {
		at := p.table.bucketOf(e.hi)
		for ; bucket <= at; bucket++ {
			setFirst(head(bucket), i)
		}
		filterAdd(head(at), e.digest)
	}
	for end := first + uint64(p.table.buckets()); bucket <= end; bucket++ {
		setFirst(head(bucket), len(p.entries))
	}
	for _, e := range p.entries {
		p.out = le.AppendUint32(le.AppendUint64(p.out, p.table.restOf(e.digest)), e.ref)
	}
}

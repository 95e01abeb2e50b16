package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"candor.example/scan"
)

// BuildOptions is how a snapshot is built; its zero value is ready.
type BuildOptions struct {
	Kinds  []scan.Kind // what goes in; nil: all that the columns allow
	Strict bool        // refuse a file with any problem, and leave the old snapshot in place
	Now    time.Time   // the build time to write down; zero: time.Now
	// AsOf is when what the source says was true, such as the time of the file: customers that were added before it are in
	// the source, or are no more. Zero: Now.
	AsOf time.Time
	Keys []Key // older keys, under which customers may have been forgotten
}

// Report is what Build or Add found in a customer file.
type Report struct {
	Rows               int64     `json:"rows"` // without the header
	Customers          int64     `json:"customers"`
	Identifiers        int64     `json:"identifiers"`
	WithCountry        int64     `json:"with_country"` // customers of whom the country is known
	BadRows            int64     `json:"bad_rows"`
	BadFields          int64     `json:"bad_fields"`          // names, telephone numbers, locales and countries left out of rows that were kept
	DuplicateIDs       int64     `json:"duplicate_ids"`       // kept: one customer with several addresses
	DuplicateAddresses int64     `json:"duplicate_addresses"` // kept: each of the customers is an owner
	Forgotten          int64     `json:"forgotten"`           // rows left out because their customer was forgotten
	UnknownColumns     []string  `json:"unknown_columns,omitempty"`
	Problems           []Problem `json:"problems,omitempty"` // the first maxProblems, by line
}

// Problem is one thing wrong with a customer file. It never quotes what it is about.
type Problem struct {
	Line    int    `json:"line"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

const (
	maxProblems = 100
	maxID       = 64 // bytes
)

// ErrStrict is wrapped by Build's error when Strict refuses a file.
var ErrStrict = errors.New("refused by --strict; the old snapshot stays")

func (r *Report) problem(line int, field, message string) {
	r.Problems = append(r.Problems, Problem{line, field, message})
	if len(r.Problems) >= 10*maxProblems {
		r.trim()
	}
}

// trim keeps the first problems by line.
func (r *Report) trim() {
	slices.SortStableFunc(r.Problems, func(x, y Problem) int { return cmp.Compare(x.Line, y.Line) })
	r.Problems = r.Problems[:min(maxProblems, len(r.Problems))]
}

func (r *Report) bad(b badRow) {
	r.BadRows++
	r.problem(b.line, b.field, b.message)
}

// add sums up what one of several workers found.
func (r *Report) add(o Report) {
	r.Rows += o.Rows
	r.Customers += o.Customers
	r.Identifiers += o.Identifiers
	r.WithCountry += o.WithCountry
	r.BadRows += o.BadRows
	r.BadFields += o.BadFields
	r.DuplicateIDs += o.DuplicateIDs
	r.DuplicateAddresses += o.DuplicateAddresses
	r.Forgotten += o.Forgotten
	for _, p := range o.Problems {
		r.problem(p.Line, p.Field, p.Message)
	}
}

// Build reads a customer file from src, which errors call name, and replaces the snapshot at dst when all of it is on disk.
// It takes CSV with a header and JSON Lines, see docs/configuration.md. Memory is bounded, but for four bytes a row: identifiers
// are digested at once, and sorted by way of a file beside dst that holds digests and ids only.
func Build(ctx context.Context, dst string, key Key, src io.Reader, name string, opts BuildOptions) (Report, error) {
	now := opts.Now
	if now.IsZero() {
		now = time.Now()
	}
	asOf := opts.AsOf
	if asOf.IsZero() || asOf.After(now) {
		asOf = now
	}
	keys := append([]Key{key}, opts.Keys...)
	before, err := readChanges(dst, keys, never)
	if err != nil {
		return Report{}, err
	}
	wanted, err := setOf(opts.Kinds)
	if err != nil {
		return Report{}, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(dst), ".candor-build-")
	if err != nil {
		return Report{}, fmt.Errorf("cannot build the snapshot: %w", err)
	}
	defer os.RemoveAll(dir)
	b := &builder{digester: newDigester(key), name: name, changes: before, header: header{keyID: key.ID(), wanted: wanted, built: now, asOf: asOf},
		digests: spill{path: filepath.Join(dir, "digests")}, customers: spill{path: filepath.Join(dir, "ids")}}
	defer b.digests.close()
	defer b.customers.close()
	if err := b.read(ctx, src); err != nil {
		return b.report, err
	}
	tmp := filepath.Join(dir, "snapshot")
	if err := b.write(ctx, tmp); err != nil {
		return b.report, fmt.Errorf("cannot write the snapshot %s: %w", dst, err)
	}
	b.report.trim()
	r := b.report
	if wrong := r.BadRows + r.BadFields + r.DuplicateIDs + r.DuplicateAddresses; opts.Strict && wrong > 0 {
		return r, fmt.Errorf("%s: %d bad rows, %d bad names, telephone numbers, locales and countries, %d duplicates: %w", name, r.BadRows, r.BadFields, r.DuplicateIDs+r.DuplicateAddresses, ErrStrict)
	}
	return r, publish(tmp, dst, keys, asOf)
}

type builder struct {
	digester           *digester
	name               string
	changes            *changes // who was forgotten
	report             Report
	header             header
	abouts             abouts
	digests, customers spill
	last               int      // line that holds a row
	refs               []uint32 // by line, of its customer
}

// workers that share the work of a build.
func workers() int { return min(8, runtime.GOMAXPROCS(0)) }

const batchSize = 1024 // rows

// batch is some rows on the way from the reader to whoever digests them.
type batch struct {
	rows  []customer
	arena []byte // what the rows' fields point into
}

func (b *batch) keep(field []byte) []byte {
	if len(field) == 0 {
		return nil
	}
	at := len(b.arena)
	b.arena = append(b.arena, field...)
	return b.arena[at:len(b.arena):len(b.arena)]
}

func (b *batch) add(c *customer) {
	b.rows = append(b.rows, customer{line: c.line, id: b.keep(c.id), email: b.keep(c.email), name: b.keep(c.name), locale: b.keep(c.locale), country: b.keep(c.country), phone: b.keep(c.phone)})
}

// read digests the source: one goroutine splits it into rows, the others do the rest.
func (b *builder) read(ctx context.Context, r io.Reader) error {
	src, err := openSource(r, b.name)
	if err != nil {
		return err
	}
	b.report.UnknownColumns = src.unknown()
	n := workers()
	full, empty := make(chan *batch, n), make(chan *batch, 2*n+1)
	for range cap(empty) {
		empty <- &batch{}
	}
	group, ctx := errgroup.WithContext(ctx)
	digesting := make([]digesting, n)
	for i := range digesting {
		w := &digesting[i]
		w.builder, w.set = b, src.allow(b.header.wanted)
		group.Go(func() error {
			for batch := range full {
				for j := range batch.rows {
					if err := w.row(&batch.rows[j]); err != nil {
						return fmt.Errorf("cannot build the snapshot: %w", err)
					}
				}
				batch.rows, batch.arena = batch.rows[:0], batch.arena[:0]
				empty <- batch
			}
			return nil
		})
	}
	err = b.split(ctx, src, full, empty)
	close(full)
	if e := group.Wait(); e != nil {
		return e
	}
	for i := range digesting {
		b.report.add(digesting[i].report)
		b.header.held |= digesting[i].held
	}
	b.header.held |= 1 << email
	b.header.abouts = b.abouts.list
	return err
}

// split reads rows into batches until the source ends.
func (b *builder) split(ctx context.Context, src source, full chan<- *batch, empty <-chan *batch) error {
	var c customer
	for end := false; !end; {
		var batch *batch
		select {
		case batch = <-empty:
		case <-ctx.Done():
			return ctx.Err()
		}
		for len(batch.rows) < batchSize && !end {
			err := src.read(&c)
			var bad badRow
			switch {
			case err == nil:
				b.report.Rows++
				b.last = c.line
				batch.add(&c)
			case errors.As(err, &bad):
				b.report.Rows++
				b.report.bad(bad)
			case err == io.EOF:
				end = true
			default:
				return fmt.Errorf("%s: behind line %d: %w", b.name, b.last, err)
			}
			if b.last >= 1<<32-1 {
				return fmt.Errorf("%s: more than %d lines", b.name, uint32(1<<32-2))
			}
		}
		select {
		case full <- batch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
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

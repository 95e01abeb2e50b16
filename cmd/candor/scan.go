package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"candor.example"
	"candor.example/directory"
	"candor.example/guard"
	"candor.example/internal/capture"
	"candor.example/internal/viewer"
)

type scanCmd struct {
	ledgerFlag
	viewerFlags
	Paths         []string `arg:"" name:"path" help:"HAR 1.2, WARC (plain or gzip), any other file, or a folder of them; '-' is standard input."`
	Customers     string   `placeholder:"FILE" help:"Customer file (CSV or JSON Lines: id,email,name,locale,country,phone). Default: the directory in --data."`
	Config        string   `placeholder:"FILE" help:"candor.yaml: policy, public addresses, viewers."`
	JWTUnverified bool     `name:"jwt-unverified" help:"Believe the claims of tokens without checking them: captures seldom come with the keys."`
	JSON          bool     `help:"One JSON object a line."`
	All           bool     `help:"Print every match, of every class; otherwise disclosure and link."`
	Record        bool     `help:"Put what is found into the journal and ledger in --data, beside what was seen live: incidents, people, coverage. A capture counts once, however often it is read."`
}

func (c *scanCmd) Help() string {
	return `Each PATH is read as what it is, whatever its name. Exchanges are taken in order, so that logins in a capture teach who
is looking later on.

The last line on standard error sums up. Exit status: 0 no disclosure, 1 disclosures found, 2 trouble: something could
not be read to its end, so that the result is not complete.

With --record a capture that is on record is not read again, and one that was begun when the scan was stopped goes on from there. A capture is
known by its content: one that has grown is another.

  candor scan --customers customers.csv shop.har
  candor scan --record captures/2018-11/
  zcat access.warc.gz | candor scan --json -`
}

func (c *scanCmd) Run(ctx context.Context) error {
	log := newLogger(slog.LevelWarn, false)
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	c.viewerFlags.into(config)
	dir, viewers, cleanup, err := c.openDirectory(ctx)
	if err != nil {
		return err
	}
	defer cleanup()
	g := &guard.Guard{Directory: dir, Key: viewers, Log: log}
	s := newTally(c.JSON, c.All, os.Stdout)
	o := viewer.Options{Unverified: c.JWTUnverified, Now: func() time.Time { return s.now }}
	if c.Record {
		if s.record, o.Sessions, err = c.openRecorder(ctx, log); err != nil {
			return err
		}
		defer s.record.close()
	}
	resolver, err := configure(ctx, g, config, o)
	if err != nil {
		return err
	}
	defer resolver.Close()
	if c.Record {
		if err := s.record.wire(g, c.dataFlag); err != nil {
			return err
		}
	}
	err = s.paths(ctx, g, c.Paths)
	if c.Record && ctx.Err() == nil {
		err = errors.Join(err, s.record.finish(ctx, os.Stderr))
	}
	if e := s.end(os.Stderr); err == nil {
		err = e
	}
	switch {
	case err != nil:
		return err
	case s.disclosures > 0:
		return errFound
	case s.lost() > 0:
		return fmt.Errorf("nothing was found, but %d parts could not be read: that is no all-clear", s.lost())
	}
	return nil
}

func (c *scanCmd) openRecorder(ctx context.Context, log *slog.Logger) (*recorder, *viewer.Sessions, error) {
	if c.Customers != "" {
		return nil, nil, errors.New("--record needs the directory in --data, under whose key viewers are counted: leave --customers out, and build it with candor directory build")
	}
	if slices.Contains(c.Paths, "-") {
		return nil, nil, errors.New("--record needs files: it could not tell standard input from what is on record already")
	}
	r, err := openRecorder(ctx, c.ledgerFlag, log)
	if err != nil {
		return nil, nil, err
	}
	sessions, err := r.sessions(ctx)
	if err != nil {
		r.close()
	}
	return r, sessions, err
}

// openDirectory opens the snapshot in the data folder, or builds one from a customer file under a key that is forgotten
// at the end.
func (c *scanCmd) openDirectory(ctx context.Context) (_ *directory.Directory, viewers []byte, cleanup func(), err error) {
	if c.Customers == "" {
		keys, err := directory.ReadKeys(c.digestKey())
		if err != nil {
			return nil, nil, nil, fmt.Errorf("%w\nGive --customers customers.csv, or build a directory first: candor directory build --customers customers.csv", err)
		}
		d, err := directory.Open(c.snapshot(), keys...)
		if err != nil {
			return nil, nil, nil, err
		}
		viewers, err := openViewerKey(c.dataFlag, keys[0])
		return d, viewers, func() { d.Close() }, err
	}
	tmp, err := os.MkdirTemp("", "candor-scan-")
	if err != nil {
		return nil, nil, nil, err
	}
	var key directory.Key
	rand.Read(key[:])
	path := filepath.Join(tmp, "directory.snapshot")
	d, err := buildAndOpen(ctx, c.Customers, path, []directory.Key{key})
	if err != nil {
		os.RemoveAll(tmp)
		return nil, nil, nil, err
	}
	return d, viewerKey(key), func() { d.Close(); os.RemoveAll(tmp) }, nil
}

func buildAndOpen(ctx context.Context, customers, snapshot string, keys []directory.Key) (*directory.Directory, error) {
	report, name, err := buildDirectory(ctx, sourceFlags{Customers: customers}, snapshot, keys, directory.BuildOptions{}, false)
	if err != nil {
		return nil, err
	}
	const most = 5                                                                                                    // who is about to serve or scan wants to read what comes next; directory build lists them all
	report.Problems = slices.DeleteFunc(report.Problems, func(p directory.Problem) bool { return p.Field == "name" }) // many a customer's name is none; the sum says how many
	more := len(report.Problems) - most
	report.Problems = report.Problems[:min(most, len(report.Problems))]
	printProblems(os.Stderr, name, report)
	if more > 0 || report.BadFields > 0 {
		fmt.Fprintf(os.Stderr, "%s: candor directory build --customers %s lists all of them\n", name, name)
	}
	return directory.Open(snapshot, keys...)
}

// tally prints matches as they are found and adds them up.
type tally struct {
	json, all   bool
	out         *bufio.Writer
	table       *tabwriter.Writer
	rows        int
	started     time.Time
	exchanges   int64
	bytes       int64
	skipped     map[string]int64
	disclosures int64
	links       int64
	owners      map[string]bool
	progress    *progress
	record      *recorder // nil: nothing is recorded
	now         time.Time // of the exchange at hand: sessions and tokens expire by its clock
}

func newTally(json, all bool, w io.Writer) *tally {
	out := bufio.NewWriter(w)
	return &tally{json: json, all: all, out: out, table: tabwriter.NewWriter(out, 0, 8, 2, ' ', 0),
		started: time.Now(), skipped: map[string]int64{}, owners: map[string]bool{}}
}

// paths inspects captures in the order in which they are named, and reads on in those that follow meanwhile.
func (s *tally) paths(ctx context.Context, g *guard.Guard, paths []string) error {
	files, total := expand(paths)
	if s.record != nil {
		var err error
		if files, err = s.record.missing(ctx, files); err != nil {
			return err
		}
	}
	s.progress = newProgress("scan", total)
	defer s.progress.end()
	sources := make([]capture.Source, len(files))
	for i, path := range files {
		sources[i] = s.source(path)
	}
	var failed []error
	begun := -1
	err := capture.ReadAhead(ctx, sources, runtime.GOMAXPROCS(0), func(i int, x *candor.Exchange) error {
		if s.record != nil && begun != i {
			begun = i
			if err := s.record.begin(ctx, files[i]); err != nil {
				return err
			}
		}
		return s.exchange(ctx, g, x)
	}, func(i int, stats capture.Stats, err error) {
		s.ended(stats)
		if s.record != nil && begun == i {
			err = errors.Join(err, s.record.end(ctx, err == nil))
		}
		if err != nil {
			failed = append(failed, err) // the rest of the work goes on
		}
	})
	if err != nil {
		return err
	}
	return errors.Join(failed...)
}

func (s *tally) source(path string) capture.Source {
	if path == "-" {
		return capture.Source{Name: "stdin", Open: func() (io.ReadCloser, error) { return io.NopCloser(s.progress.reader(os.Stdin)), nil }}
	}
	return capture.Source{Name: filepath.Base(path), Open: func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		return progressFile{s.progress.reader(f), f}, nil
	}}
}

type progressFile struct {
	io.Reader
	io.Closer
}

func (s *tally) exchange(ctx context.Context, g *guard.Guard, x *candor.Exchange) error {
	s.now = x.Time
	found := s.found
	if s.record != nil {
		found = func(d candor.Disclosure) { s.record.found(d); s.found(d) }
	}
	c, err := g.Inspect(ctx, x, found)
	if s.record != nil && err == nil {
		err = s.record.inspected(ctx, c)
	}
	s.exchanges++
	s.bytes += c.Bytes
	if c.Skip != "" {
		s.skipped[string(c.Skip)]++
	}
	return err
}

func (s *tally) ended(stats capture.Stats) {
	for reason, n := range stats.Skipped {
		s.skipped[reason] += int64(n)
	}
	for _, note := range stats.Notes {
		s.progress.note(note)
	}
}

// expand lists what is to be read, and how many bytes of it are known of: what was named, be it a pipe, and the files in
// folders. What cannot be looked at is listed, so that reading it fails and the rest goes on.
func expand(paths []string) (files []string, total int64) {
	for _, p := range paths {
		info, err := os.Stat(p)
		if p == "-" || err != nil || !info.IsDir() {
			files = append(files, p)
			if err == nil && info.Mode().IsRegular() {
				total += info.Size()
			}
			continue
		}
		filepath.WalkDir(p, func(path string, d os.DirEntry, err error) error {
			info, statErr := os.Stat(path)
			switch {
			case err != nil || statErr != nil:
				files = append(files, path)
			case info.Mode().IsRegular():
				files = append(files, path)
				total += info.Size()
			}
			return nil
		})
	}
	return files, total
}

// lost counts the parts of captures that should have been read and could not be.
func (s *tally) lost() (n int64) {
	for _, reason := range []candor.Skip{"broken", "too-large", "truncated", guard.SkipMalformed, guard.SkipLimit,
		guard.SkipDocument, guard.SkipEncrypted, guard.SkipUnreadable} {
		n += s.skipped[string(reason)]
	}
	return n
}

func (s *tally) found(d candor.Disclosure) {
	switch d.Class {
	case candor.Disclosed:
		s.disclosures++
		s.owners[d.Owner] = true
	case candor.Link:
		s.links++
	default:
		if !s.all {
			return
		}
	}
	if strings.HasPrefix(d.Viewer, "script:") {
		d.Viewer = "anonymous" // as the contract has it
	}
	d.Outcome, d.ViewerDigest, d.Link, d.Looked, d.Response, d.Country, d.Locale = "", "", "", "", "", "", "" // for the ledger
	if s.json {
		b, _ := json.Marshal(d)
		s.out.Write(append(b, '\n'))
		return
	}
	if s.rows%500 == 0 {
		s.table.Flush()
		fmt.Fprintln(s.table, "CLASS\tSOURCE\tSITE\tROUTE\tVIEWER\tOWNER\tKIND\tFORM\tMASKED")
	}
	s.rows++
	fmt.Fprintf(s.table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.Class, clean(d.Source), clean(d.Site), clean(d.Route), clean(d.Viewer), clean(d.Owner), d.Kind, d.Encoding, clean(d.Masked))
}

// clean keeps what strangers wrote from steering a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return '\ufffd'
		}
		return r
	}, s)
}

func (s *tally) end(w io.Writer) error {
	s.table.Flush()
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	skipped := "none skipped"
	if len(s.skipped) > 0 {
		var parts []string
		for reason, n := range s.skipped {
			parts = append(parts, fmt.Sprintf("%d %s", n, reason))
		}
		slices.Sort(parts)
		skipped = "skipped: " + strings.Join(parts, ", ")
	}
	fmt.Fprintf(w, "%d exchanges, %d bytes inspected, %s; %d disclosures of %d owners, %d link views; %s\n", s.exchanges, s.bytes, skipped, s.disclosures, len(s.owners), s.links, time.Since(s.started).Round(time.Millisecond))
	return nil
}

// progress shows how far a long read has come: a bar on a terminal, a line now and then elsewhere. It is safe for concurrent use.
type progress struct {
	mu          sync.Mutex
	what, unit  string // unit: what is counted; empty: bytes
	total, done int64
	terminal    bool
	started     time.Time
	last        time.Time
}

func newProgress(what string, total int64) *progress {
	return &progress{what: what, total: total, terminal: term.IsTerminal(int(os.Stderr.Fd())), started: time.Now(), last: time.Now()}
}

func (p *progress) reader(r io.Reader) io.Reader { return progressReader{r, p} }

type progressReader struct {
	io.Reader
	p *progress
}

func (r progressReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.p.add(int64(n))
	return n, err
}

func (p *progress) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	every := 10 * time.Second
	if p.terminal {
		every = 200 * time.Millisecond
	}
	if time.Since(p.last) < every {
		return
	}
	p.last = time.Now()
	p.print()
}

func (p *progress) print() {
	rate := float64(p.done) / time.Since(p.started).Seconds()
	if p.unit != "" {
		p.show(fmt.Sprintf("%s: %3d %%, %d of %d %s, %.0f a second", p.what, p.done*100/max(p.total, 1), p.done, p.total, p.unit, rate))
		return
	}
	line := fmt.Sprintf("%s: %d MB, %.0f MB/s", p.what, p.done>>20, rate/1e6)
	if p.total > 0 && p.done <= p.total {
		left := time.Duration(float64(p.total-p.done) / max(rate, 1) * float64(time.Second)).Round(time.Second)
		line = fmt.Sprintf("%s: %3d %%, %d of %d MB, %.0f MB/s, %s left", p.what, p.done*100/p.total, p.done>>20, p.total>>20, rate/1e6, left)
	}
	p.show(line)
}

func (p *progress) show(line string) {
	if p.terminal {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s", line)
	} else {
		fmt.Fprintln(os.Stderr, line)
	}
}

// note prints a line of its own.
func (p *progress) note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
	fmt.Fprintln(os.Stderr, clean(text))
}

func (p *progress) end() {
	if p.terminal {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}

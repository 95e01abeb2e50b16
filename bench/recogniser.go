package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// recogniserResults is §1 of the page.
type recogniserResults struct {
	Corpus    corpus
	Customers int
	Rounds    int
	Rows      []*row
	Missing   []string // contestants that were left out, and why
}

// row is what one contestant did.
type row struct {
	Name     string
	Found    map[string]tally // by form, at 1 per KB
	Others   int              // matches at 1 per KB that were not planted; -1: not counted
	Clean    int              // matches on the pages without any
	Covered  []int            // bytes of one pass at each density
	Speed    []float64        // bytes a nanosecond at each density
	Ratio    []float64        // to the floor, the median of the rounds' ratios
	Against  []map[string]float64
	Allocate []float64 // allocations a document; -1: not known
}

type tally struct{ Found, Planted int }

// contestant is a process that serves the commands of peers/contestant.h.
type contestant struct {
	*row
	kernel  string // the one it must use; "": whichever
	own     bool   // written in Go: it knows its allocations
	looksUp bool   // confirms only what is a customer's
	finds   func(form string, n int) bool
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	k       int // documents of a round
}

const (
	sample    = 16 << 20 // bytes that are verified
	shortest  = 50 * time.Millisecond
	roundTime = 400 * time.Millisecond // a slower contestant's rounds cover a part of the documents, which stand in random order
)

// recogniser measures the contestants at each density, in interleaved rounds.
func recogniser(o options) (*recogniserResults, error) {
	size, rounds, customers := 128<<20, 9, 10_000_000
	if o.quick {
		size, rounds, customers = 48<<20, 3, 1_000_000
	}
	c, err := readCorpus(filepath.Join(o.cache, "npm"), size)
	if err != nil {
		return nil, err
	}
	o.say("corpus: %d documents, %d MB, %d addresses neutralised", c.Documents, c.Bytes>>20, c.Neutralised)
	data, err := customerDirectory(o, customers)
	if err != nil {
		return nil, err
	}
	work, err := o.workFolder("corpus")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	res := &recogniserResults{Corpus: *c, Customers: customers, Rounds: rounds}
	list := contestants(o, res, data, customers)
	defer func() {
		for _, x := range list {
			x.stop()
		}
	}()
	for _, d := range densities {
		o.say("recogniser: %s", d.Name)
		docs, truth := c.plant(d.every, customers)
		stem := filepath.Join(work, "corpus")
		if err := writeDocs(stem, docs); err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(x *contestant) bool {
			err := x.prepare(stem, d, docs, truth)
			if err != nil {
				res.Missing = append(res.Missing, fmt.Sprintf("%s: %v", x.Name, err))
				x.stop()
			}
			return err != nil
		})
		if err := measure(list, docs, rounds); err != nil {
			return nil, err
		}
	}
	for _, x := range list {
		res.Rows = append(res.Rows, x.row)
	}
	return res, nil
}

// contestants starts whoever is there. The floor comes first.
func contestants(o options, res *recogniserResults, data string, customers int) (list []*contestant) {
	self, _ := os.Executable()
	all := func(string, int) bool { return true }
	plainText := func(form string, _ int) bool { return form != "base64" }
	add := func(x *contestant, env string, command ...string) {
		x.row.Others = -1
		x.cmd = exec.Command(command[0], command[1:]...)
		x.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		if env != "" {
			x.cmd.Env = append(x.cmd.Env, env)
		}
		err := x.start()
		if err == nil {
			list = append(list, x)
			return
		}
		res.Missing = append(res.Missing, fmt.Sprintf("%s: %v", x.Name, err))
	}
	named := func(name string) *row { return &row{Name: name} }
	add(&contestant{row: named(rowFloor), own: true, finds: func(f string, _ int) bool { return f == "plain" }}, "", self, "contestant", "floor")
	add(&contestant{row: named(rowFinder), own: true, finds: all}, "", self, "contestant", "finder")
	for _, k := range []string{"portable", "avx2", "avx512"} {
		add(&contestant{row: named("Candor, kernel " + k), own: true, finds: all, kernel: k}, "CANDOR_SCAN_KERNEL="+k, self, "contestant", "finder")
	}
	customersOnly := func(_ string, n int) bool { return n < customers }
	add(&contestant{row: named(rowKnown), own: true, looksUp: true, finds: customersOnly}, "", self, "contestant", "known", data)
	add(&contestant{row: named(rowLookup), own: true, looksUp: true, finds: customersOnly}, "", self, "contestant", "owners", data)
	for _, p := range []string{"hyperscan", "vectorscan"} {
		program, err := buildHyperscan(o, p)
		if err != nil {
			res.Missing = append(res.Missing, fmt.Sprintf("%s: %v", p, err))
			continue
		}
		name := strings.ToUpper(p[:1]) + p[1:]
		add(&contestant{row: named(name + ", ends only"), finds: plainText}, "", program, "ends", pattern)
		add(&contestant{row: named(name + ", with start of match"), finds: plainText}, "", program, "starts", pattern)
	}
	add(&contestant{row: named(rowRipgrep), finds: plainText}, "", self, "contestant", "ripgrep")
	if program, err := buildRE2(o); err != nil {
		res.Missing = append(res.Missing, fmt.Sprintf("RE2 (C++): %v", err))
	} else {
		add(&contestant{row: named(rowRE2), finds: plainText}, "", program, pattern)
	}
	add(&contestant{row: named("go-re2"), own: true, finds: plainText}, "", self, "contestant", "go-re2")
	add(&contestant{row: named(rowRegexp), own: true, finds: plainText}, "", self, "contestant", "regexp")
	return list
}

const (
	rowFloor   = "Floor: a loop over bytes.IndexByte(b, '@')"
	rowFinder  = "**Candor**, all forms"
	rowKnown   = "**Candor**, with keyed digest and look-up, whether it is a customer's"
	rowLookup  = "**Candor**, with keyed digest and look-up, and the owners' ids"
	rowRipgrep = "ripgrep -o"
	rowRE2     = "RE2 (C++)"
	rowRegexp  = "Go regexp"
)

func (x *contestant) start() (err error) {
	if x.in, err = x.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := x.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	x.out = bufio.NewReader(out)
	x.cmd.Stderr, x.cmd.SysProcAttr = os.Stderr, endsWithUs
	return x.cmd.Start()
}

func (x *contestant) stop() {
	x.in.Close()
	x.cmd.Process.Kill()
	x.cmd.Wait()
}

// answer is what a contestant says to a command.
type answer struct {
	took        time.Duration
	matches     int
	allocations int64 // -1: not known
	kernel      string
}

func (x *contestant) tell(format string, args ...any) (a answer, err error) {
	if _, err := fmt.Fprintf(x.in, format+"\n", args...); err != nil {
		return a, fmt.Errorf("has stopped: %w", err)
	}
	line, err := x.out.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ok") {
		return a, errors.New("has stopped before it answered; its reason stands above, on standard error")
	}
	a.allocations = -1
	var ns int64
	fmt.Sscan(strings.TrimPrefix(line, "ok"), &ns, &a.matches, &a.allocations, &a.kernel)
	if !x.own || strings.HasPrefix(x.Name, "ripgrep") {
		a.allocations = -1
	}
	a.took = time.Duration(ns)
	return a, nil
}

// prepare loads a density, and finds out how many documents a round has and, at 1 per KB, whether what was planted is
// found.
func (x *contestant) prepare(stem string, d density, docs [][]byte, truth []planted) error {
	a, err := x.tell("load %s", stem)
	if err != nil {
		return err
	}
	if x.kernel != "" && a.kernel != x.kernel {
		return fmt.Errorf("the recogniser says that it uses kernel %q", a.kernel)
	}
	k := prefix(docs, sample)
	switch d.every {
	case 0:
		if a, err = x.tell("verify %d %s", k, os.DevNull); err != nil {
			return err
		}
		x.Clean = a.matches
	case 1 << 10:
		if err := x.verify(stem, k, truth); err != nil {
			return err
		}
	}
	if a, err = x.tell("round %d", k); err != nil {
		return err
	}
	x.k = prefix(docs, int(float64(bytesOf(docs[:k]))*float64(roundTime)/float64(max(a.took, 1))))
	if x.Name == rowRipgrep {
		x.k = len(docs)
	}
	x.Covered = append(x.Covered, bytesOf(docs[:x.k]))
	return nil
}

// prefix is how many documents have at least so many bytes.
func prefix(docs [][]byte, size int) int {
	for i, d := range docs {
		if size -= len(d); size <= 0 {
			return i + 1
		}
	}
	return len(docs)
}

func bytesOf(docs [][]byte) (n int) {
	for _, d := range docs {
		n += len(d)
	}
	return n
}

// verify compares what a contestant finds with what was planted: by the place where a match ends, or, where the contestant
// tells the address itself, by that.
func (x *contestant) verify(stem string, k int, truth []planted) error {
	file := stem + ".found"
	if _, err := x.tell("verify %d %s", k, file); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	type place struct {
		doc, end int
		value    string
	}
	hits := map[place]bool{}
	for in := bufio.NewScanner(f); in.Scan(); {
		var p place
		var value, confirmed string
		fmt.Sscan(in.Text(), &p.doc, &p.end, &value, &confirmed)
		switch {
		case x.looksUp && confirmed != "true":
			continue
		case confirmed != "":
			p.end, p.value = 0, value
		}
		hits[p] = true
	}
	x.Found = map[string]tally{}
	for _, p := range truth {
		if p.doc >= k || !x.finds(p.form, p.n) {
			continue
		}
		t := x.Found[p.form]
		t.Planted++
		at, said := place{p.doc, p.end, ""}, place{p.doc, 0, address(p.n)}
		if x.Name == rowFloor {
			at.end -= len(address(p.n)) - strings.IndexByte(address(p.n), '@') - 1
		}
		if hits[at] || hits[said] {
			t.Found++
			delete(hits, at)
			delete(hits, said)
		}
		x.Found[p.form] = t
	}
	if strings.HasPrefix(x.Name, "Go ") || x.Name == rowRE2 || x.Name == "go-re2" || x.Name == rowRipgrep || x.looksUp {
		x.Others = len(hits) // the others offer several readings or ends of one address
	}
	return nil
}

// measure lets the contestants take turns.
func measure(list []*contestant, docs [][]byte, rounds int) error {
	speeds := make([][]float64, len(list))
	allocations := make([]float64, len(list)) // the least of the rounds: now and then the runtime itself allocates
	for n := range rounds {
		for i, x := range list {
			speed, allocated, err := x.round(docs[:x.k])
			if err != nil {
				return fmt.Errorf("%s %w", x.Name, err)
			}
			speeds[i] = append(speeds[i], speed)
			if n == 0 || allocated < allocations[i] {
				allocations[i] = allocated
			}
		}
	}
	for i, x := range list {
		x.Speed = append(x.Speed, median(speeds[i]))
		x.Ratio = append(x.Ratio, medianRatio(speeds[i], speeds[0]))
		x.Allocate = append(x.Allocate, allocations[i])
		against := map[string]float64{}
		for j, y := range list {
			against[y.Name] = medianRatio(speeds[i], speeds[j])
		}
		x.Against = append(x.Against, against)
	}
	return nil
}

// round is one turn: over the documents once, or, for whoever is through in no time, some times.
func (x *contestant) round(docs [][]byte) (speed, allocated float64, err error) {
	var took time.Duration
	passes := 0
	for ; took < shortest; passes++ {
		a, err := x.tell("round %d", len(docs))
		if err != nil {
			return 0, 0, err
		}
		took += max(a.took, 1)
		allocated = float64(a.allocations) / float64(len(docs))
	}
	return float64(passes*bytesOf(docs)) / float64(took), allocated, nil
}

// medianRatio is the median of the ratios of rounds that ran one after the other: what disturbs the machine for longer than
// a round disturbs both.
func medianRatio(a, b []float64) float64 {
	var ratios []float64
	for i := range a {
		if b[i] > 0 { // else it did not answer at all
			ratios = append(ratios, a[i]/b[i])
		}
	}
	return median(ratios)
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(list))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

func (r *row) total() (t tally) {
	for f := range maps.Values(r.Found) {
		t.Found += f.Found
		t.Planted += f.Planted
	}
	return t
}

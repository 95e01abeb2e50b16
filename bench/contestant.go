package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/wasilibs/go-re2"
	"golang.org/x/sys/unix"

	"candor.example/directory"
	"candor.example/scan"
)

// kernel names the recogniser's kernel in use, so that a row that asks for one (environment CANDOR_SCAN_KERNEL) counts only
// where it got it.
var kernel = scan.Kernel

// searcher finds addresses in one document, calls hit for each match if hit is not nil, and returns how many there were.
type searcher func(doc []byte, hit func(end int, value string)) int

// contest is a contestant's own process: it serves the commands of peers/contestant.h on standard input.
func contest(name string, args []string) error {
	var search searcher
	switch name {
	case "floor":
		search = floor
	case "finder":
		search = finder(func(scan.Match) bool { return false })
	case "known", "owners":
		d, err := openDirectory(args[0])
		if err != nil {
			return err
		}
		search = finder(func(m scan.Match) bool { return d.Known(m.Kind, m.Value) })
		if name == "owners" {
			search = finder(func(m scan.Match) bool { return d.Owners(m.Kind, m.Value) != nil })
		}
	case "regexp":
		search = findAll(regexp.MustCompile(pattern).FindAllIndex)
	case "go-re2":
		search = findAll(re2.MustCompile(pattern).FindAllIndex)
	case "ripgrep":
		return serveCommands(&ripgrep{})
	default:
		return fmt.Errorf("there is no contestant %q", name)
	}
	return serveCommands(&inProcess{search: search})
}

func floor(doc []byte, hit func(int, string)) (n int) {
	for from := 0; ; n++ {
		i := bytes.IndexByte(doc[from:], '@')
		if i < 0 {
			return n
		}
		from += i + 1
		if hit != nil {
			hit(from, "@")
		}
	}
}

// finder counts what confirm confirms, and reports to hit every candidate that was offered, or, where confirm can confirm,
// only those.
func finder(confirm func(scan.Match) bool) searcher {
	var report func(int, string)
	n := 0
	f := scan.Finder{Found: func(m scan.Match) bool {
		ok := confirm(m)
		n++
		if report != nil {
			report(m.Offset+m.Length, fmt.Sprintf("%s %t", m.Value, ok))
		}
		return ok
	}}
	return func(doc []byte, hit func(int, string)) int {
		n, report = 0, hit
		f.Find(doc, true)
		return n
	}
}

func findAll(find func([]byte, int) [][]int) searcher {
	return func(doc []byte, hit func(int, string)) int {
		all := find(doc, -1)
		if hit != nil {
			for _, m := range all {
				hit(m[1], "")
			}
		}
		return len(all)
	}
}

// commands are peers/contestant.h's.
type commands interface {
	load(stem string) error
	verify(k int, w io.Writer) (matches int, err error)
	round(k int) (took time.Duration, matches int, allocations uint64, err error)
}

func serveCommands(c commands) error {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		verb, rest, _ := strings.Cut(in.Text(), " ")
		first, second, _ := strings.Cut(rest, " ")
		k, _ := strconv.Atoi(first)
		var took time.Duration
		var matches int
		var allocations uint64
		var err error
		switch verb {
		case "load":
			err = c.load(rest)
		case "verify":
			matches, err = verifyInto(c, k, second)
		case "round":
			took, matches, allocations, err = c.round(k)
		}
		if err != nil {
			return err
		}
		fmt.Println("ok", took.Nanoseconds(), matches, allocations, kernel())
	}
	return nil
}

func verifyInto(c commands, k int, path string) (int, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	n, err := c.verify(k, w)
	if err != nil {
		return n, err
	}
	return n, w.Flush()
}

type inProcess struct {
	search searcher
	docs   [][]byte
}

func (c *inProcess) load(stem string) (err error) {
	c.docs = nil
	runtime.GC()
	c.docs, err = readDocs(stem)
	return err
}

func (c *inProcess) verify(k int, w io.Writer) (n int, err error) {
	for i, d := range c.docs[:min(k, len(c.docs))] {
		n += c.search(d, func(end int, value string) { fmt.Fprintln(w, i, end, value) })
	}
	return n, nil
}

func (c *inProcess) round(k int) (took time.Duration, n int, allocations uint64, err error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := cpuTime()
	for _, d := range c.docs[:min(k, len(c.docs))] {
		n += c.search(d, nil)
	}
	took = cpuTime() - start
	runtime.ReadMemStats(&after)
	return took, n, after.Mallocs - before.Mallocs, nil
}

// cpuTime is how long this process has run, the garbage collector with it: what else the machine does meanwhile counts not.
func cpuTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// ripgrep is a process a round, over the file that the others have loaded; it always searches all of it.
type ripgrep struct{ stem string }

func (c *ripgrep) load(stem string) error { c.stem = stem; return nil }

func (c *ripgrep) run(stdout io.Writer) (took time.Duration, err error) {
	cmd := exec.Command("rg", "--no-config", "--threads=1", "--text", "--no-unicode", "--no-filename", "--no-line-number", "--byte-offset", "--only-matching", pattern, c.stem+".docs")
	cmd.Stdout, cmd.Stderr = stdout, os.Stderr
	err = cmd.Run()
	if e, ok := err.(*exec.ExitError); ok && e.ExitCode() == 1 {
		err = nil // nothing found
	}
	if err != nil {
		return 0, err
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

func (c *ripgrep) verify(k int, w io.Writer) (n int, err error) {
	docs, err := readDocs(c.stem)
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	if _, err := c.run(&out); err != nil {
		return 0, err
	}
	doc, begin := 0, 0
	for line := range strings.Lines(out.String()) {
		offset, match, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		end, err := strconv.Atoi(offset)
		if err != nil {
			return n, fmt.Errorf("ripgrep printed no byte offset: %q", line)
		}
		end += len(match)
		for begin+len(docs[doc]) < end {
			begin += len(docs[doc]) + 1
			doc++
		}
		if doc >= k {
			break
		}
		fmt.Fprintln(w, doc, end-begin)
		n++
	}
	return n, nil
}

func (c *ripgrep) round(int) (took time.Duration, n int, allocations uint64, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return 0, 0, 0, err
	}
	defer null.Close()
	took, err = c.run(null)
	return took, 0, 0, err
}

// openDirectory opens a snapshot where candor keeps it in its data folder.
func openDirectory(data string) (*directory.Directory, error) {
	key, err := directory.ReadKey(filepath.Join(data, "keys", "digest.key"))
	if err != nil {
		return nil, err
	}
	return directory.Open(filepath.Join(data, "directory.snapshot"), key)
}

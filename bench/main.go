// Command bench measures Candor beside its peers in one run, and writes docs/performance.md.
//
//	go run . [-quick] [-full] [-only recogniser,proxy,disclosing,directory,journal,ledger,delivery]
//
// Everything fetched or built goes to the user's cache folder. The results of each section are kept there, too: a section
// that -only leaves out stands in the page as it was measured last, and where that was on another machine, as the page has it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type options struct {
	quick, full bool
	only        string
	cache, root string
}

func (o options) bench() string { return filepath.Join(o.root, "bench") }

// workFolder is an empty folder that a run before, which was killed, may have left full.
func (o options) workFolder(name string) (string, error) {
	dir := filepath.Join(o.cache, "work-"+name)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o700)
}

// endsWithUs lets no contestant outlive a harness that was killed.
var endsWithUs = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}

func (o options) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

func main() {
	if err := command(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
}

func command() error {
	if len(os.Args) > 2 && os.Args[1] == "contestant" {
		return contest(os.Args[2], os.Args[3:])
	}
	if len(os.Args) > 2 && os.Args[1] == "server" {
		return server(os.Args[2], os.Args[3:])
	}
	var o options
	flag.BoolVar(&o.quick, "quick", false, "a smaller corpus, fewer and shorter rounds: about three minutes")
	flag.BoolVar(&o.full, "full", false, "the directory at 100 million customers, the ledger at 10 million people and a million notices, too")
	flag.StringVar(&o.only, "only", "recogniser,proxy,disclosing,directory,journal,ledger,delivery", "the sections to measure now")
	flag.Parse()
	if err := o.place(); err != nil {
		return err
	}
	return measureAll(o)
}

func (o *options) place() error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	o.cache = filepath.Join(cache, "candor-bench")
	if o.root, err = filepath.Abs(".."); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(o.root, "cmd", "candor")); err != nil {
		return fmt.Errorf("run it in the folder bench: %w", err)
	}
	return os.MkdirAll(filepath.Join(o.cache, "bin"), 0o755)
}

// section is a part of the page: when and how it was measured, and what came out.
type section[T any] struct {
	When    time.Time
	Quick   bool
	Commit  string
	Load    string // load averages before it began
	Seconds float64
	Error   string
	Result  *T
}

// measureAll measures what was asked for, takes the rest from the last time, and writes the page.
func measureAll(o options) error {
	var p page
	take(o, "recogniser", &p.Recogniser, recogniser)
	take(o, "proxy", &p.Proxy, proxy)
	take(o, "directory", &p.Directory, directoryScale)
	take(o, "journal", &p.Journal, journal)
	take(o, "ledger", &p.Ledger, ledger)
	take(o, "disclosing", &p.Disclosing, disclosing)
	take(o, "delivery", &p.Delivery, notices)
	p.Machine, p.Versions = machine(), versions(o)
	path := filepath.Join(o.root, "docs", "performance.md")
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	p.before = sections(string(before))
	if err := os.WriteFile(path, []byte(p.markdown()), 0o644); err != nil {
		return err
	}
	o.say("written: %s", path)
	return nil
}

// take measures a section, or reads what was measured last. A section that fails says so in the page, and the others go on.
func take[T any](o options, name string, s *section[T], measure func(options) (*T, error)) {
	file := filepath.Join(o.cache, name+".json")
	if !strings.Contains(","+o.only+",", ","+name+",") {
		if b, err := os.ReadFile(file); err != nil || json.Unmarshal(b, s) != nil {
			s.Error = name + ": not measured yet"
		}
		return
	}
	s.When, s.Quick, s.Commit, s.Load = time.Now().UTC(), o.quick, commit(o), load()
	var err error
	if s.Result, err = measure(o); err != nil {
		s.Error = name + ": " + err.Error()
		o.say("%s", s.Error)
	}
	s.Seconds = time.Since(s.When).Seconds()
	b, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(file, b, 0o644)
	}
	if err != nil {
		o.say("%s: the results could not be kept for next time: %v", name, err)
	}
}

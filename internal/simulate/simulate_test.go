package simulate_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"candor.example/directory"
	"candor.example/internal/incident"
	"candor.example/internal/simulate"
)

var (
	update = flag.Bool("update", false, "write the tables into docs/causes.md")
	seeds  = flag.Int("seeds", 50, "plays of each cause")
	from   = flag.Uint64("from", 1, "the first seed")
	only   = flag.String("only", "", "one cause, by itself")
	show   = flag.String("show", "", "print the evidence of plays that are: wrong, undetermined or right")
)

func directoryOf(t *testing.T) *directory.Directory {
	d, err := simulate.Directory(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// play plays each truth with each seed.
func play(t *testing.T, d *directory.Directory, volume simulate.Volume, seeds int, truth ...incident.CauseID) simulate.Row {
	row := simulate.NewRow(truth...)
	t.Run(fmt.Sprint(truth, volume), func(t *testing.T) {
		for i := range seeds {
			seed := *from + uint64(i)
			var p simulate.Played
			synctest.Test(t, func(*testing.T) { p = simulate.Play(d, seed, volume, truth...) })
			row.Add(p)
			report(t, p)
		}
	})
	return row
}

func report(t *testing.T, p simulate.Played) {
	state := "undetermined"
	if p.Wrong() {
		state = "wrong"
		t.Errorf("seed %d of %s: a wrong verdict", p.Seed, p.Truth)
	} else if p.Right() {
		state = "right"
	}
	if state != *show {
		return
	}
	for _, i := range p.Incidents {
		e := i.Evidence
		sample := e.Responses[:min(6, len(e.Responses))]
		e.Responses = nil
		b, _ := json.Marshal(e)
		fmt.Printf("--- %v seed %d %s: %s\n%s\n", p.Truth, p.Seed, i.Route, i.Verdict.Cause, b)
		for _, c := range i.Verdict.Candidates {
			fmt.Printf("   either %s: %s\n", c.Cause, c.Why)
		}
		for _, c := range i.Verdict.RuledOut {
			fmt.Printf("   not %s: %s\n", c.Cause, c.Why)
		}
		for _, r := range sample {
			b, _ := json.Marshal(r)
			fmt.Printf("   %s\n", b)
		}
	}
}

const (
	page  = "../../docs/causes.md"
	begin = "<!-- The tables below are written by: go test ./internal/simulate -update -->\n"
)

func TestVerdicts(t *testing.T) {
	d := directoryOf(t)
	var single, thin, mixed []simulate.Row
	for i, a := range simulate.Causes {
		if *only != "" && *only != string(a) {
			continue
		}
		single = append(single, play(t, d, simulate.Usual, *seeds, a))
		thin = append(thin, play(t, d, simulate.Thin, *seeds/5, a))
		if *only != "" {
			continue
		}
		both := simulate.NewRow(a, "another")
		for _, b := range simulate.Causes {
			if a != b {
				add(&both, play(t, d, simulate.Usual, max(1, *seeds/25), a, b))
			}
		}
		mixed = append(mixed, both)
		_ = i
	}
	text := begin + "\n" + simulate.Table("truth", single) + "\n" + "One to three occasions:\n\n" + simulate.Table("truth", thin) +
		"\nTwo causes on one route:\n\n" + simulate.Table("truth", mixed)
	if *only != "" {
		fmt.Print(text)
		return
	}
	if *seeds != 50 || *from != 1 {
		fmt.Print(text)
		return
	}
	compare(t, text)
}

func add(sum *simulate.Row, r simulate.Row) {
	sum.Runs, sum.Right, sum.Undetermined, sum.Named, sum.Wrong = sum.Runs+r.Runs, sum.Right+r.Right, sum.Undetermined+r.Undetermined, sum.Named+r.Named, sum.Wrong+r.Wrong
	for k, n := range r.Between {
		sum.Between[k] += n
	}
}

// compare fails when the page does not say what the plays gave.
func compare(t *testing.T, text string) {
	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, _, found := strings.Cut(string(old), begin)
	if !found {
		t.Fatalf("%s has no line %q", page, begin)
	}
	now := []byte(head + text)
	if bytes.Equal(now, old) {
		return
	}
	if !*update {
		t.Fatalf("the tables in %s are not what the plays give: go test ./internal/simulate -update\n%s", page, text)
	}
	if err := os.WriteFile(page, now, 0o644); err != nil {
		t.Fatal(err)
	}
}

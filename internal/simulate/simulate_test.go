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

// play plays something with each seed.
func play(t *testing.T, row *simulate.Row, seeds int, one func(seed uint64) simulate.Played) {
	t.Run(row.Name, func(t *testing.T) {
		for i := range seeds {
			var p simulate.Played
			synctest.Test(t, func(*testing.T) { p = one(*from + uint64(i)) })
			row.Add(p)
			report(t, p)
		}
	})
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
	if raced || testing.Short() {
		*seeds = min(*seeds, 3) // the page is compared without the race detector, which takes ten times as long
	}
	d := directoryOf(t)
	var single, thin, mixed, variants []simulate.Row
	for _, a := range simulate.Causes {
		if *only != "" && *only != string(a) {
			continue
		}
		row := simulate.NewRow(string(a))
		play(t, &row, *seeds, func(seed uint64) simulate.Played { return simulate.Play(d, seed, simulate.Usual, a) })
		single = append(single, row)
		row = simulate.NewRow(string(a))
		play(t, &row, max(1, *seeds/5), func(seed uint64) simulate.Played { return simulate.Play(d, seed, simulate.Thin, a) })
		thin = append(thin, row)
		row = simulate.NewRow(string(a) + " and another")
		for _, b := range simulate.Causes {
			if a != b && *only == "" {
				play(t, &row, max(1, *seeds/25), func(seed uint64) simulate.Played { return simulate.Play(d, seed, simulate.Usual, a, b) })
			}
		}
		mixed = append(mixed, row)
	}
	for _, v := range simulate.Variants {
		if *only == "" || *only == string(v.Truth) {
			row := simulate.NewRow(string(v.Truth) + ": " + v.Name)
			play(t, &row, max(1, *seeds*2/5), func(seed uint64) simulate.Played { return v.Play(d, seed) })
			variants = append(variants, row)
		}
	}
	text := begin + "\n" + simulate.Table("truth", single) + "\nOne to three occasions:\n\n" + simulate.Table("truth", thin) +
		"\nTwo causes on one route:\n\n" + simulate.Table("truth", mixed) + "\nForms that were written after the rules:\n\n" + simulate.Table("truth", variants)
	if *only != "" || *from != 1 || *seeds != 50 {
		t.Log("\n" + text) // not what the page shows
		return
	}
	compare(t, text)
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

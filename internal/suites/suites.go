// Package suites keeps the score of suites that others wrote: how many cases each has, what was found and missed, and
// which misses are declared, with the reason. Only tests use it: New, Case for each case, then Report.
//
// What a suite is and where it comes from stands in suites.csv; what Candor does not do, on purpose, in deviations.csv.
package suites

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

//go:embed suites.csv
var origins string

//go:embed deviations.csv
var deviations string

// Suite is the score of one suite.
type Suite struct {
	t     *testing.T
	row   []string // of suites.csv
	found int
	// foundInvalid counts what was found although the suite refuses it: fine, because a directory decides in the end.
	foundInvalid, refused int
	missed                []string // ids of cases
	notJudged             map[string]int
}

// New begins the score of the suite of that name in suites.csv.
func New(t *testing.T, name string) *Suite {
	for _, row := range rows(t, origins) {
		if row[0] == name {
			return &Suite{t: t, row: row, notJudged: map[string]int{}}
		}
	}
	t.Fatalf("suites.csv lists no suite %q: add its origin and licence", name)
	return nil
}

// Case counts what the suite wants: found says whether Candor did the same.
func (s *Suite) Case(id string, found bool) {
	if found {
		s.found++
	} else {
		s.missed = append(s.missed, id)
	}
}

// Invalid counts what the suite refuses: found says whether Candor found something nevertheless.
func (s *Suite) Invalid(found bool) {
	if found {
		s.foundInvalid++
	} else {
		s.refused++
	}
}

// NotJudged counts a case that says nothing about what Candor does.
func (s *Suite) NotJudged(why string) { s.notJudged[why]++ }

// Report fails for a miss that is not declared and for a declared one that is none, and prints what `make suites` puts
// into docs/suites.md.
func (s *Suite) Report() {
	s.t.Helper()
	declared := s.declared()
	for _, id := range s.missed {
		if declared[id] == "" {
			s.t.Errorf("%s, case %s: missed. Find it, or declare it in internal/suites/deviations.csv with the reason", s.row[0], id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(declared)) {
		if !slices.Contains(s.missed, id) {
			s.t.Errorf("%s, case %s: declared in internal/suites/deviations.csv, and no longer missed (or no such case): delete it there", s.row[0], id)
		}
	}
	s.print(declared)
}

// declared is the reason of each declared case.
func (s *Suite) declared() map[string]string {
	list := map[string]string{}
	for _, row := range rows(s.t, deviations) {
		if row[0] == s.row[0] {
			list[row[1]] = row[2]
		}
	}
	return list
}

func (s *Suite) print(declared map[string]string) {
	out, name := s.t.Output(), s.row[0]
	total := s.found + len(s.missed) + s.foundInvalid + s.refused
	for _, n := range s.notJudged {
		total += n
	}
	fmt.Fprintf(out, "suite: | %s | %s | %s | %d | %d | %d | %d | %d |\n",
		name, s.row[1], s.row[3], total, s.found, len(s.missed), s.refused, s.foundInvalid)
	byReason := map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(declared)) {
		byReason[declared[id]] = append(byReason[declared[id]], id)
	}
	for _, why := range slices.Sorted(maps.Keys(byReason)) {
		fmt.Fprintf(out, "deviation: | %s | %d | %s | %s |\n", name, len(byReason[why]), why, "`"+strings.Join(byReason[why], "`, `")+"`")
	}
	for _, why := range slices.Sorted(maps.Keys(s.notJudged)) {
		fmt.Fprintf(out, "not judged: | %s | %d | %s |\n", name, s.notJudged[why], why)
	}
}

// rows reads one of the two files: its header names the columns, and each row has all of them.
func rows(t *testing.T, text string) [][]string {
	list, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return list[1:]
}

package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Row sums up the plays of one truth.
type Row struct {
	Name         string
	Runs         int
	Right        int // the verdict named what was played
	Undetermined int
	Named        int // of the undetermined, those in which what was played is one of the two candidates
	Wrong        int
	Between      map[string]int // the candidates of the undetermined, by how often
}

// Add counts one play. A play with several incidents is right when one is and none is wrong.
func (r *Row) Add(p Played) {
	r.Runs++
	switch {
	case p.Wrong():
		r.Wrong++
	case p.Right():
		r.Right++
	default:
		r.Undetermined++
		r.Named += number(p.candidates(r.Between))
	}
}

// candidates counts those of the largest incident, and says whether the truth is among them.
func (p Played) candidates(between map[string]int) (named bool) {
	if len(p.Incidents) == 0 {
		between["nothing was disclosed"]++
		return false
	}
	most := slices.MaxFunc(p.Incidents, func(a, b Incident) int { return a.Evidence.Total - b.Evidence.Total })
	var names []string
	for _, c := range most.Verdict.Candidates {
		names = append(names, string(c.Cause))
		named = named || contains(p.Truth, c.Cause)
	}
	slices.Sort(names)
	between[strings.Join(names, " or ")]++
	return named
}

// Table is the rows in Markdown.
func Table(head string, rows []Row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | runs | right | undetermined | of them with the truth as a candidate | wrong | undetermined between |\n|---|---:|---:|---:|---:|---:|---|\n", head)
	sum := Row{Name: "**all**"}
	for _, r := range rows {
		b.WriteString(r.line())
		sum.Runs, sum.Right, sum.Undetermined, sum.Named, sum.Wrong = sum.Runs+r.Runs, sum.Right+r.Right, sum.Undetermined+r.Undetermined, sum.Named+r.Named, sum.Wrong+r.Wrong
	}
	return b.String() + sum.line()
}

func (r Row) line() string {
	var between []string
	for _, name := range slices.SortedFunc(maps.Keys(r.Between), func(a, b string) int {
		if r.Between[a] != r.Between[b] {
			return r.Between[b] - r.Between[a]
		}
		return strings.Compare(a, b)
	}) {
		if len(between) < 3 {
			between = append(between, fmt.Sprintf("%s (%d)", name, r.Between[name]))
		}
	}
	return fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %s |\n", r.Name, r.Runs, r.Right, r.Undetermined, r.Named, r.Wrong, strings.Join(between, "; "))
}

// NewRow is a row without plays.
func NewRow(name string) Row { return Row{Name: name, Between: map[string]int{}} }

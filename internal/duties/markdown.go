package duties

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
)

// Markdown is docs/duties.md.
func (r *Rules) Markdown() []byte {
	var b bytes.Buffer
	b.WriteString("# Duties and deadlines\n\n")
	b.WriteString("**" + Advice + "**\n\n")
	b.WriteString("Made from `internal/duties/duties.yaml` by `go test ./internal/duties -update`; a test compares the two. " +
		"That file explains the triggers and how clocks run.\n\n" +
		"Marks: **V** read at the source, **S** read in an excerpt of the named page, **M** from memory: check it before you rely on it.\n\n" +
		"What Candor knows is where customers live, as the customer file's `country` says. `US` without a state (`US-CA`) leaves the duties of US " +
		"states undecided where these people would matter, and says so. Of the elements that US laws list it sees card numbers and passwords, " +
		"and no social security or licence numbers.\n\n")
	b.WriteString("| id | place | law | tell | when | due | in force | source | mark |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, rule := range r.Rules {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s | %s | %s |\n", rule.ID, rule.Place, cell(rule.Law), cell(cmp.Or(rule.Authority, rule.Tell)), rule.when(), rule.Clock, rule.span(), cell(rule.Source), rule.Mark)
	}
	b.WriteString("\n## Notes\n\n")
	for _, rule := range r.Rules {
		if rule.Note != "" {
			fmt.Fprintf(&b, "- `%s`: %s\n", rule.ID, rule.Note)
		}
	}
	b.WriteString(periods)
	return b.Bytes()
}

const periods = `
## How periods are counted

Hours and days are consecutive and run from the very moment, weekends and holidays with them. For EU law that is never later than
Regulation (EEC, Euratom) 1182/71 art. 3 allows: the hour of the event itself does not count (1), public holidays, Sundays and Saturdays do
(3) [M], and an end on such a day moves to the next working day only where the period is not in hours (4) [S]. Whether every period
of two days or more must hold two working days (5) also for the 72 hours is disputed [M]; Candor does not count on it.

Brazil's business days leave out Saturdays, Sundays and national holidays: 1 January, 21 April, 1 May, 7 September, 2 and 15 November,
25 December (Lei 662/1949, Lei 10.607/2002), 12 October (Lei 6.802/1980), 20 November from 2024 (Lei 14.759/2023) [S] and Good Friday (Lei
9.093/1995; the federal calendar) [S]. Carnival, Corpus Christi and the holidays of states and towns count as business days, so that a
deadline comes too early rather than too late. The day of the event does not count, and the last day ends at 23:59:59 in Brasília (UTC-3) [M].
`

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func (r Rule) when() string {
	s := r.Trigger
	if r.OrOver > 0 {
		s += fmt.Sprintf(", or more than %d people", r.OrOver)
	}
	if r.Over > 0 {
		s += fmt.Sprintf(", for more than %d people", r.Over)
	}
	if r.From > 0 {
		s += fmt.Sprintf(", for %d people or more", r.From)
	}
	return s
}

func (r Rule) span() string {
	if r.Disabled() {
		return "**disabled**"
	}
	if r.EffectiveUntil != "" {
		return r.EffectiveFrom + " until " + r.EffectiveUntil
	}
	return "from " + r.EffectiveFrom
}

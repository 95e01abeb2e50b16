package console

import (
	"context"
	"fmt"
	"math"
	"time"

	"candor.example/internal/duties"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// Feasibility says before anything is sent whether it will be done in time.
type Feasibility struct {
	People int `json:"people"` // who are to be told
	// Counted: how many are at which receiver is known. Else all are taken to be at one, which takes the longest.
	Counted   bool                `json:"counted"`
	Needs     time.Duration       `json:"needs"` // how long it takes, if every receiver takes everything
	Receivers []notice.FeasibleAt `json:"receivers"`
	Limits    notice.Limits       `json:"limits"`
	Clocks    []ClockSum          `json:"clocks"` // of the duties to tell people, the earliest first
}

// ClockSum is the sum for one clock.
type ClockSum struct {
	Duty   duties.Duty `json:"duty"`
	InTime bool        `json:"in_time"`
	Late   int         `json:"late"` // people who will not be reached by then
}

// feasible is the sum for a campaign that may still be changed; nil once something may have left.
func (c *Console) feasible(ctx context.Context, t told) (*Feasibility, error) {
	if t.Changeable() != nil {
		return nil, nil
	}
	return FeasibleOf(ctx, c.o.Ledger, t.Campaign, c.o.Limits, c.o.Trade, c.o.Now())
}

// FeasibleOf is the sum for a campaign by these limits. No clock runs for viewers, of whom those are counted who can be asked by mail.
func FeasibleOf(ctx context.Context, l *ledger.Ledger, v notice.Campaign, limits notice.Limits, trade incident.Trade, now time.Time) (*Feasibility, error) {
	people, counted, err := receiversOf(ctx, l, v)
	if err != nil {
		return nil, err
	}
	a, err := l.Account(ctx, v.Incident)
	if err != nil {
		return nil, err
	}
	s, err := StandingOf(ctx, l, a, trade, now)
	if err != nil {
		return nil, err
	}
	f := Feasibility{Counted: counted, Limits: limits.WithDefaults(), Clocks: []ClockSum{}}
	within := time.Duration(math.MaxInt64)
	for _, d := range s.Due() {
		if v.Kind == notice.Affected && d.Tell == "people" && !d.At.IsZero() {
			within = min(within, d.At.Sub(now))
			sum := notice.Feasible(people, limits, d.At.Sub(now))
			f.Clocks = append(f.Clocks, ClockSum{d, sum.InTime, sum.Late})
		}
	}
	sum := notice.Feasible(people, limits, within)
	f.Needs, f.Receivers = sum.Needs, sum.Providers
	for _, p := range sum.Providers {
		f.People += p.People
	}
	return &f, nil
}

// receiversOf is how many people are at which receiver of mail. The addresses are sealed: only who can open them could count, and until then all are
// taken to be at one.
func receiversOf(ctx context.Context, l *ledger.Ledger, v notice.Campaign) (people map[string]int, counted bool, err error) {
	if v.Set == "" {
		n, err := l.Unnumbered(ctx, v)
		return map[string]int{oneReceiver: n}, false, err
	}
	if people, err = l.Receivers(ctx, v.ID, v.Set); err != nil || people != nil {
		return people, true, err
	}
	tally, err := l.Tally(ctx, v.ID) // whose address nobody knows was withheld as the set was frozen: no mail goes to them
	return map[string]int{oneReceiver: v.People - tally.States[notice.Withheld]}, false, err
}

const oneReceiver = "one receiver"

// InTheWay says for the earliest clock that will be missed who is missed by it.
func (f *Feasibility) InTheWay() []string {
	if f == nil {
		return nil
	}
	for _, c := range f.Clocks {
		if !c.InTime {
			atMost := "at this pace"
			if !f.Counted {
				atMost = "at this pace, if all were at one receiver"
			}
			return []string{fmt.Sprintf("By %s (%s, %s) %s not be reached %s: open another channel for them now.", dated(c.Duty.At), c.Duty.Place, c.Duty.Law, plenty(c.Late, "person would", "people would"), atMost)}
		}
	}
	return nil
}

// Takes is how long it takes, in words.
func (f *Feasibility) Takes() string {
	if f.Needs < time.Minute {
		return "less than a minute"
	}
	return span(f.Needs)
}

// Assumes is what the sum rests on.
func (f *Feasibility) Assumes() string {
	if !f.Counted {
		return fmt.Sprintf("all of %s are at one receiver, which takes the longest, and it takes everything: addresses are sealed, and nobody has counted who is at which", plenty(f.People, "person", "people"))
	}
	return "every receiver takes everything"
}

// Sum is what whoever approves is told.
func (f *Feasibility) Sum() string {
	if f == nil {
		return ""
	}
	text := fmt.Sprintf(" It takes %s, if every receiver takes everything", f.Takes())
	if !f.Counted {
		text = fmt.Sprintf(" It takes %s at most, if all were at one receiver that takes everything", f.Takes())
	}
	switch list := f.InTheWay(); {
	case len(f.Clocks) == 0:
		return text + "; no law that is known to apply sets a date."
	case len(list) > 0:
		return text + ". " + list[0]
	}
	return text + ", and is in time for the earliest clock (" + dated(f.Clocks[0].Duty.At) + ")."
}

func dated(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

// Pace is the limits, in words.
func (f *Feasibility) Pace() string {
	l := f.Limits
	text := fmt.Sprintf("%s an hour to one receiver", number(int(l.Max)))
	if l.Start < l.Max {
		text = fmt.Sprintf("from %s an hour to one receiver, twice as many each %s while it takes everything, to %s", number(int(l.Start)), span(l.Step), number(int(l.Max)))
	}
	if l.Total > 0 {
		text += fmt.Sprintf("; %s an hour in all", number(int(l.Total)))
	}
	return text
}

// First are the receivers that take the longest.
func (f *Feasibility) First() []notice.FeasibleAt { return f.Receivers[:min(8, len(f.Receivers))] }

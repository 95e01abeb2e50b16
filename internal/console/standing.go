package console

import (
	"context"
	"net/http"
	"sync"
	"time"

	"candor.example"
	"candor.example/internal/duties"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
)

// Standing is how severe an incident is, and what is due where.
type Standing struct {
	Severity incident.Assessment `json:"severity"`
	Duties   duties.Answer       `json:"duties"`
}

// rules are parsed once: pages are made anew every few seconds.
var rules = sync.OnceValue(duties.Shipped)

// StandingOf judges an incident as of now, from what the ledger holds.
func StandingOf(ctx context.Context, l *ledger.Ledger, a ledger.Account, trade incident.Trade, now time.Time) (s Standing, err error) {
	countries, err := l.Countries(ctx, a.ID)
	if err != nil {
		return s, err
	}
	m, err := l.Moments(ctx, a.ID)
	if err != nil {
		return s, err
	}
	said, err := l.Assessment(ctx, a.ID)
	if err != nil {
		return s, err
	}
	return stand(a, countries, m, said, trade, now)
}

// stand judges; said is where the operator departs from the presumption, nil if nowhere.
func stand(a ledger.Account, countries []ledger.Country, m incident.Moments, said *ledger.Assessment, trade incident.Trade, now time.Time) (s Standing, err error) {
	people, codes := map[string]int{}, []string{}
	for _, c := range countries {
		if people[c.Country] = c.Exposed; c.Exposed > 0 && c.Country != "" {
			codes = append(codes, c.Country)
		}
	}
	presumed := incident.Presume(incident.SeverityFacts{Trade: trade, Kinds: a.Kinds, Credentials: a.Secrets, Countries: codes, People: a.Exposed, Viewers: a.Seen})
	if s.Severity, err = departed(said, presumed); err != nil {
		return s, err
	}
	s.Duties = rules().Judge(duties.Facts{Kinds: a.Kinds, Credentials: a.Secrets, Looked: a.Looked, Severity: s.Severity.Holds(), Trade: trade, People: people, Moments: m, Now: now})
	return s, nil
}

// departed puts the operator's assessment, if there is one, beside the presumption.
func departed(said *ledger.Assessment, presumed incident.Severity) (incident.Assessment, error) {
	if said == nil {
		return incident.Assessment{Presumed: presumed}, nil
	}
	return incident.Assess(presumed, []candor.Action{{What: candor.Assessed, By: said.By, Why: said.Why, Time: said.Time,
		Details: map[string]string{"dpc": said.DPC, "ei": said.EI, "cb": said.CB}}})
}

// Due are the duties that there are; Undecided those of which something is not known; None those that there are not.
func (s Standing) Due() []duties.Duty       { return s.ruled(duties.Due) }
func (s Standing) Undecided() []duties.Duty { return s.ruled(duties.Undecided) }
func (s Standing) None() []duties.Duty      { return s.ruled(duties.None) }

func (s Standing) ruled(r duties.Ruling) (list []duties.Duty) {
	for _, d := range s.Duties.Duties {
		if d.Ruling == r {
			list = append(list, d)
		}
	}
	return list
}

// clocks serves an incident's clocks as a calendar, for whoever has to keep them.
func (c *Console) clocks(w http.ResponseWriter, r *http.Request) {
	a, err := c.found(r)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	now := c.o.Now()
	s, err := StandingOf(r.Context(), c.o.Ledger, a, c.o.Trade, now)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+a.ID+`.ics"`)
	w.Write(duties.Calendar(a.ID, a.Site, s.Duties.Duties, now))
}

package console

import (
	"context"
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

// StandingOf judges an incident as of now, from what the ledger holds.
func StandingOf(ctx context.Context, l *ledger.Ledger, a ledger.Account, trade incident.Trade, now time.Time) (s Standing, err error) {
	countries, err := l.Countries(ctx, a.ID)
	if err != nil {
		return s, err
	}
	people, codes := map[string]int{}, []string{}
	for _, c := range countries {
		if people[c.Country] = c.Exposed; c.Exposed > 0 && c.Country != "" {
			codes = append(codes, c.Country)
		}
	}
	s.Severity.Presumed = incident.Presume(incident.SeverityFacts{Trade: trade, Kinds: a.Kinds, Credentials: a.Secrets, Countries: codes, People: a.Exposed, Viewers: a.Seen})
	if s.Severity, err = departed(ctx, l, a.ID, s.Severity.Presumed); err != nil {
		return s, err
	}
	m, err := l.Moments(ctx, a.ID)
	s.Duties = duties.Shipped().Judge(duties.Facts{Kinds: a.Kinds, Credentials: a.Secrets, Looked: a.Looked, Severity: s.Severity.Holds(), Trade: trade, People: people, Moments: m, Now: now})
	return s, err
}

// departed puts the operator's assessment, if there is one, beside the presumption.
func departed(ctx context.Context, l *ledger.Ledger, id string, presumed incident.Severity) (incident.Assessment, error) {
	have, err := l.Assessment(ctx, id)
	if err != nil || have == nil {
		return incident.Assessment{Presumed: presumed}, err
	}
	return incident.Assess(presumed, []candor.Action{{What: candor.Assessed, By: have.By, Why: have.Why, Time: have.Time,
		Details: map[string]string{"dpc": have.DPC, "ei": have.EI, "cb": have.CB}}})
}

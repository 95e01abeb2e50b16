package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"candor.example"
	"candor.example/guard"
	"candor.example/internal/incident"
)

// contain brings the guard's switches in line with what the ledger says: humans decide on any machine, and every guard does it.
func (s *service) contain(ctx context.Context) error {
	s.containing.Lock() // before reading: who reads first must not have the last word
	defer s.containing.Unlock()
	list, err := s.ledger.Containments(ctx)
	if err != nil {
		return err
	}
	var refused []error
	wanted := map[[2]string]bool{}
	for _, c := range list {
		if c.Mode == "" {
			continue
		}
		wanted[[2]string{c.Site, c.Route}] = true
		if s.contained[c.Site+" "+c.Route] == c {
			continue // a breaker that is set anew would forget what it counted
		}
		if err := s.containment.Set(switchOf(c)); err != nil {
			refused = append(refused, err) // the others hold all the same
			continue
		}
		s.contained[c.Site+" "+c.Route] = c
	}
	for _, have := range s.containment.Switches() {
		armed := s.contained[have.Site+" "+have.Route].Since.IsZero() // by the config, and not by somebody
		if !wanted[[2]string{have.Site, have.Route}] && !armed {
			s.containment.Clear(have.Site, have.Route)
			delete(s.contained, have.Site+" "+have.Route)
		}
	}
	return errors.Join(refused...)
}

func switchOf(c incident.Containment) guard.Switch {
	mode := map[string]guard.Mode{"observe": guard.Observe, "mask": guard.Mask, "withhold": guard.Block, "trip": guard.Trip}[c.Mode]
	return guard.Switch{Site: c.Site, Route: c.Route, Mode: mode, After: c.Count, Within: c.Within, Tripped: c.Tripped}
}

// keepContained looks for what was decided elsewhere.
func (s *service) keepContained(ctx context.Context) {
	if err := s.contain(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("not all containments are in force; those that were stay", "error", err)
	}
	s.containing.Lock()
	late := s.unwritten
	s.unwritten = nil
	s.containing.Unlock()
	for _, a := range late {
		s.trip(ctx, a)
	}
}

// trip puts into the books what a breaker did, and tries again later where that fails: what is not there cannot be reset.
func (s *service) trip(ctx context.Context, a candor.Action) {
	err := s.journal.Record(ctx, candor.Entry{Actions: []candor.Action{a}})
	if err == nil {
		return
	}
	s.log.Error("a route is tripped, and that is not on record yet", "site", a.Details["site"], "route", a.Details["route"], "error", err)
	s.containing.Lock()
	defer s.containing.Unlock()
	s.unwritten = append(s.unwritten, a)
}

// counted tells breakers of disclosures that were recorded. One that trips goes into the books, so that it stays tripped after a restart.
func (s *service) counted(ctx context.Context, ds []candor.Disclosure) {
	n := 0
	for _, d := range ds {
		if d.Class == candor.Disclosed {
			n++
		}
	}
	if n == 0 {
		return
	}
	now, site, route := time.Now(), ds[0].Site, ds[0].Route
	s.arm(site, route)
	for _, t := range s.containment.Count(now, site, route, n) {
		s.log.Error("tripped: answering 503 until somebody resets it", "site", t.Site, "route", t.Route, "disclosures", t.After, "within", t.Within)
		a := candor.Action{ID: candor.NewID(), Time: now.UTC(), By: "candor", What: candor.Contained, Why: fmt.Sprintf("%d disclosures within %s", t.After, t.Within),
			Details: map[string]string{"site": t.Site, "route": t.Route, "mode": "trip", "count": strconv.Itoa(t.After), "within": t.Within.String(), "tripped": now.UTC().Format(time.RFC3339)}}
		s.trip(ctx, a)
	}
}

// arm gives a route that discloses for the first time the breaker that the config asks for.
func (s *service) arm(site, route string) {
	if s.config.Trip.Count == 0 {
		return
	}
	s.containing.Lock()
	defer s.containing.Unlock()
	key := site + " " + route
	if _, known := s.contained[key]; known {
		return
	}
	c := incident.Containment{Site: site, Route: route, Mode: "trip", Count: s.config.Trip.Count, Within: s.config.Trip.Within}
	armed := switchOf(c)
	armed.Armed = true // gives way to what somebody decides
	if err := s.containment.Set(armed); err != nil {
		s.log.Warn("no breaker for this route", "site", site, "route", route, "error", err)
		return
	}
	s.contained[key] = c
}

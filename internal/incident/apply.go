package incident

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"candor.example"
)

// SkipAbsent is a Gap's Skip for the time before Candor was there.
const SkipAbsent candor.Skip = "absent"

// Apply is what an action does to an incident: its state and moments from then on. An error says why it does nothing.
//
// A moment that is set stays where it is when the same is said again without Details["at"]: clocks count from the first.
func Apply(s State, m Moments, a candor.Action) (State, Moments, error) {
	when, given, err := whenOf(a)
	if err != nil {
		return s, m, err
	}
	set := func(name string, t *time.Time, again bool) {
		if t.IsZero() || again {
			*t = when
			m.By = by(m.By, name, a.By)
		}
	}
	switch a.What {
	case candor.Confirmed:
		set("aware", &m.Aware, given)
		if s == Open {
			s = Confirmed
		}
	case candor.Contained:
		c, err := ContainmentOf(a)
		if err != nil {
			return s, m, err
		}
		if keeps := c.Keeps(); keeps && (s == Open || s == Confirmed) {
			set("contained", &m.Contained, true)
			s = Contained
		} else if !keeps && s == Contained {
			s = before(m)
		}
	case candor.Determined:
		set("determined", &m.Determined, given)
	case candor.Fixed:
		if s == Closed {
			return s, m, errors.New("it is closed: reopen it first")
		}
		set("fixed", &m.Fixed, true)
		m.Verified, s = time.Time{}, Fixed
	case candor.Verified:
		return verified(s, m, a)
	case candor.Closed:
		if s == Closed {
			return s, m, errors.New("it is closed already")
		}
		set("closed", &m.Closed, true)
		s = Closed
	case candor.Reopened:
		if s != Fixed && s != Verified && s != Closed {
			return s, m, errors.New("it is open")
		}
		set("reopened", &m.Reopened, true)
		s = Open
	case candor.Assessed:
		_, err := Departure(a)
		return s, m, err
	case candor.Reset:
		if _, err := ContainmentOf(a); err != nil {
			return s, m, err
		}
		if s == Contained {
			s = before(m)
		}
	default:
		return s, m, fmt.Errorf("%q is nothing that can be done", a.What)
	}
	return s, m, nil
}

// by says who set a moment, without changing the map that it was given.
func by(have map[string]string, name, who string) map[string]string {
	all := map[string]string{name: who}
	for k, v := range have {
		if k != name {
			all[k] = v
		}
	}
	return all
}

func before(m Moments) State {
	if m.Aware.IsZero() {
		return Open
	}
	return Confirmed
}

// Sound says what is wrong with an action whatever it is done to: nobody did it, or at no time that can have been.
func Sound(a candor.Action) error {
	_, _, err := whenOf(a)
	return err
}

// whenOf is Details["at"], or when the action was.
func whenOf(a candor.Action) (when time.Time, given bool, err error) {
	if a.ID == "" || a.By == "" {
		return when, false, errors.New("it does not say who did it")
	}
	text := a.Details["at"]
	if text == "" {
		return a.Time, false, early(a.Time)
	}
	if when, err = time.Parse(time.RFC3339, text); err != nil {
		return when, true, errors.New(`"at" is no time such as 2018-11-20T10:00:00Z (RFC 3339)`)
	}
	if when.After(a.Time) {
		return when, true, errors.New(`"at" is later than the action itself`)
	}
	return when.UTC(), true, early(when)
}

// early refuses times that nothing of this can have: before 1970 the ledger has no moment, and 1970 itself is its word for never.
func early(t time.Time) error {
	if t.Unix() <= 0 {
		return fmt.Errorf("%s is no time at which this can have been", t.UTC().Format(time.RFC3339))
	}
	return nil
}

// verified: only what was fixed can be verified, and only by requests that were asked again.
func verified(s State, m Moments, a candor.Action) (State, Moments, error) {
	count := map[string]int{}
	for _, name := range []string{"requests", "disclosing", "failed", "skipped", "answered"} {
		n, err := strconv.Atoi(a.Details[name])
		if a.Details[name] != "" && (err != nil || n < 0) {
			return s, m, fmt.Errorf("%q is no count", name)
		}
		count[name] = n
	}
	result := a.Details["result"]
	switch {
	case result == "inconclusive":
		return s, m, errors.New("no request could be asked again and read to its end: that proves nothing")
	case result != "clean" && result != "disclosing":
		return s, m, errors.New(`"result" is neither clean nor disclosing`)
	case count["requests"] == 0:
		return s, m, errors.New("no request was asked again: that shows nothing")
	case result == "clean" && count["answered"] == 0:
		return s, m, errors.New("nothing answered: that shows nothing")
	case (result == "clean") != (count["disclosing"] == 0):
		return s, m, errors.New(`"result" and "disclosing" contradict each other`)
	case s != Fixed && s != Verified:
		return s, m, errors.New("nobody has said that it is fixed")
	case result == "clean":
		m.Verified, m.By = a.Time, by(m.By, "verified", a.By)
		return Verified, m, nil
	}
	m.Reopened, m.By = a.Time, by(m.By, "reopened", a.By)
	return Open, m, nil
}

// Containment is what is done to a route, or to all of a site.
type Containment struct {
	Site   string        `json:"site"`
	Route  string        `json:"route"`            // empty: every route
	Mode   string        `json:"mode"`             // observe, mask, withhold or trip; empty: the site's own
	Count  int           `json:"count,omitempty"`  // trip after so many disclosures; 0: at once
	Within time.Duration `json:"within,omitempty"` // in this time
	Since  time.Time     `json:"since"`
	By     string        `json:"by"`
	// Tripped is when Candor tripped it, after Count disclosures; Reset when somebody last let it answer again.
	Tripped time.Time `json:"tripped,omitzero"`
	Reset   time.Time `json:"reset,omitzero"`
}

// Keeps: strangers' data does not leave. A breaker that waits for disclosures keeps nothing in.
func (c Containment) Keeps() bool {
	return c.Mode == "mask" || c.Mode == "withhold" || c.Mode == "trip" && (c.Count == 0 || !c.Tripped.IsZero())
}

// What a breaker may wait for: guard remembers each disclosure of that time, and sets the same limit to their number (guard.MaxAfter,
// which this package must not import).
const (
	maxCount  = 10_000
	maxWithin = 30 * 24 * time.Hour
)

// ContainmentOf reads an action of candor.Contained or candor.Reset.
func ContainmentOf(a candor.Action) (c Containment, err error) {
	c = Containment{Site: a.Details["site"], Route: a.Details["route"], Mode: a.Details["mode"], Since: a.Time, By: a.By}
	if c.Site == "" {
		return c, errors.New(`"site" is missing`)
	}
	if !slices.Contains([]string{"", "observe", "mask", "withhold", "trip"}, c.Mode) {
		return c, errors.New(`"mode" is none of observe, mask, withhold and trip`)
	}
	if c.Mode != "trip" || a.What == candor.Reset || a.Details["count"] == "" && a.Details["within"] == "" {
		return c, nil
	}
	if c.Count, err = strconv.Atoi(a.Details["count"]); err != nil || c.Count < 1 || c.Count > maxCount {
		return c, fmt.Errorf(`"count" is no number of disclosures from 1 to %d`, maxCount)
	}
	if c.Within, err = time.ParseDuration(a.Details["within"]); err != nil || c.Within <= 0 || c.Within > maxWithin {
		return c, errors.New(`"within" is no duration such as 10m, of 30 days (720h) at most`)
	}
	if text := a.Details["tripped"]; text != "" {
		if c.Tripped, err = time.Parse(time.RFC3339, text); err != nil {
			return c, errors.New(`"tripped" is no time such as 2018-11-20T10:00:00Z (RFC 3339)`)
		}
	}
	return c, nil
}

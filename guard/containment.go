package guard

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Containment holds what was decided for single sites and routes while an incident goes on: another mode, or a breaker that trips after
// too many disclosures. Its zero value is ready, and it is safe for concurrent use. Give Containment.Mode to Guard.Mode, and tell Count what
// was recorded.
type Containment struct {
	mu       sync.RWMutex
	switches map[siteRoute]*breaker
}

// Switch is one decision.
type Switch struct {
	Site  string `json:"site"`
	Route string `json:"route"` // empty: the whole site
	Mode  Mode   `json:"mode"`  // Trip with After: only once it has tripped
	// After and Within make a breaker: After disclosures within that time trip it. Zero: Mode holds at once.
	After  int           `json:"after,omitempty"`
	Within time.Duration `json:"within,omitempty"`
	// Tripped is when the breaker tripped, until somebody resets it.
	Tripped time.Time `json:"tripped,omitzero"`
}

type breaker struct {
	Switch
	recent []time.Time // of the last disclosures, at most After of them
}

const (
	// MaxSwitches is how many switches there may be, MaxAfter how many disclosures a breaker may wait for.
	MaxSwitches = 1024
	MaxAfter    = 10_000
)

// Set takes a decision in place of an earlier one for the same site and route. A breaker begins anew, as tripped as s.Tripped says.
func (c *Containment) Set(s Switch) error {
	switch {
	case s.Site == "":
		return errors.New("containment: the site is missing")
	case s.Mode != Observe && s.Mode != Mask && s.Mode != Block && s.Mode != Trip:
		return fmt.Errorf("containment: %s: mode %q is none of observe, mask, block, trip", s.Site, s.Mode)
	case s.After < 0 || s.After > MaxAfter:
		return fmt.Errorf("containment: %s: after %d disclosures: give a number from 1 to %d", s.Site, s.After, MaxAfter)
	case s.After > 0 && s.Mode != Trip:
		return fmt.Errorf("containment: %s: only trip can wait for disclosures", s.Site)
	case s.After > 0 && s.Within <= 0:
		return fmt.Errorf("containment: %s: after %d disclosures within what time? Give one above zero", s.Site, s.After)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := siteRoute{s.Site, s.Route}
	if _, known := c.switches[key]; !known && len(c.switches) >= MaxSwitches {
		return fmt.Errorf("containment: there are %d switches already: clear one first", MaxSwitches)
	}
	if c.switches == nil {
		c.switches = map[siteRoute]*breaker{}
	}
	c.switches[key] = &breaker{Switch: s}
	return nil
}

// Clear takes a decision back, and says whether there was one.
func (c *Containment) Clear(site, route string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, was := c.switches[siteRoute{site, route}]
	delete(c.switches, siteRoute{site, route})
	return was
}

// Reset closes a breaker that has tripped, so that it counts from zero; a Trip that nothing tripped is taken back. It says whether anything
// was tripped.
func (c *Containment) Reset(site, route string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.switches[siteRoute{site, route}]
	switch {
	case b == nil || !b.holds() || b.Mode != Trip:
		return false
	case b.After == 0:
		delete(c.switches, siteRoute{site, route})
	}
	b.Tripped, b.recent = time.Time{}, nil
	return true
}

// holds: the switch's mode is in force.
func (b *breaker) holds() bool { return b.After == 0 || !b.Tripped.IsZero() }

// Count takes in n disclosures that were recorded at a time, and returns the breakers that trip by them.
func (c *Containment) Count(at time.Time, site, route string, n int) (tripped []Switch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range []siteRoute{{site, route}, {site, ""}} {
		if b := c.switches[key]; b != nil && b.count(at, n) {
			tripped = append(tripped, b.Switch)
		}
		if route == "" {
			break // or it would count twice
		}
	}
	return tripped
}

func (b *breaker) count(at time.Time, n int) (trips bool) {
	if b.holds() {
		return false
	}
	for range min(n, b.After) {
		b.recent = append(b.recent, at)
	}
	b.recent = slices.Clone(b.recent[max(0, len(b.recent)-b.After):])
	if len(b.recent) < b.After || slices.MaxFunc(b.recent, time.Time.Compare).Sub(slices.MinFunc(b.recent, time.Time.Compare)) > b.Within {
		return false
	}
	b.Tripped, b.recent = at, nil
	return true
}

// Mode is what holds for a route: what has tripped, on it or on its whole site; else its own mode, else its site's, else fallback.
func (c *Containment) Mode(site, route string, fallback Mode) Mode {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if len(c.switches) == 0 {
		return fallback
	}
	mode := fallback
	for _, key := range []siteRoute{{site, ""}, {site, route}} { // the second has the last word
		switch b := c.switches[key]; {
		case b == nil || !b.holds():
		case b.Mode == Trip:
			return Trip
		default:
			mode = b.Mode
		}
	}
	return mode
}

// Switches lists what was decided, and what has tripped, by site and route.
func (c *Containment) Switches() []Switch {
	c.mu.RLock()
	defer c.mu.RUnlock()
	list := make([]Switch, 0, len(c.switches))
	for _, b := range c.switches {
		list = append(list, b.Switch)
	}
	slices.SortFunc(list, func(a, b Switch) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Route, b.Route))
	})
	return list
}

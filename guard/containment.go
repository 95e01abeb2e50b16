package guard

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Containment holds what was decided for single sites and routes while an incident goes on: another mode, or a breaker that trips after
// too many disclosures. Its zero value is ready, and it is safe for concurrent use. Give Containment.Mode to Guard.Mode, and tell Count what
// was recorded.
//
// What a path's template is depends on what this process has seen of the site: the route of a switch may have been learned by another, or before
// more names came. So a switch holds for a route, too, whose segments differ from its own only where either has one in braces: for too much
// rather than too little. Such a likeness makes nothing milder; only a switch for the very route does. For requests whose site or route is one too
// many to be told apart, the strictest holds that they may be of.
type Containment struct {
	mu       sync.RWMutex
	switches map[siteRoute]*breaker
	bySite   map[string][]*breaker // the same
	turn     int                   // of the last Set
}

// Switch is one decision.
type Switch struct {
	Site  string `json:"site"`
	Route string `json:"route"` // empty: the whole site
	Mode  Mode   `json:"mode"`  // Trip with After: only once it has tripped
	// After and Within make a breaker: After disclosures within that time trip it. Zero: Mode holds at once.
	After  int           `json:"after,omitempty"`
	Within time.Duration `json:"within,omitempty"`
	// Armed says that nobody decided this: it is a breaker that every route gets. It makes room for what somebody decides.
	Armed bool `json:"armed,omitempty"`
	// Tripped is when the breaker tripped, until somebody resets it.
	Tripped time.Time `json:"tripped,omitzero"`
}

type breaker struct {
	Switch
	turn   int         // when it was set
	recent []time.Time // of the last disclosures, at most After of them
}

const (
	// MaxSwitches is how many switches there may be, MaxAfter how many disclosures a breaker may wait for.
	MaxSwitches = 1024
	MaxAfter    = 10_000
)

// Set takes a decision in place of an earlier one for the same site and route. A breaker begins anew, as tripped as s.Tripped says. Where there are
// too many, a decision drops the oldest armed breaker that has not tripped; what holds at once drops the oldest that has not, whoever set it.
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
	if _, known := c.switches[key]; !known && len(c.switches) >= MaxSwitches && !c.evict(s) {
		return fmt.Errorf("containment: there are %d switches already: clear one first", MaxSwitches)
	}
	if c.switches == nil {
		c.switches = map[siteRoute]*breaker{}
	}
	c.turn++
	c.switches[key] = &breaker{Switch: s, turn: c.turn}
	c.index()
	return nil
}

// evict makes room for a switch.
func (c *Containment) evict(s Switch) bool {
	if s.Armed {
		return false
	}
	now := (&breaker{Switch: s}).holds()
	var oldest *breaker
	for _, b := range c.switches {
		if b.holds() || !b.Armed && !now {
			continue
		}
		if oldest == nil || b.Armed && !oldest.Armed || b.Armed == oldest.Armed && b.turn < oldest.turn {
			oldest = b
		}
	}
	if oldest == nil {
		return false
	}
	delete(c.switches, siteRoute{oldest.Site, oldest.Route})
	return true
}

func (c *Containment) index() {
	c.bySite = map[string][]*breaker{}
	for _, b := range c.switches {
		c.bySite[b.Site] = append(c.bySite[b.Site], b)
	}
}

// Contains says whether anything was decided for a site or a route of it. Give it to Guard.Contained.
func (c *Containment) Contains(site string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.ContainsFunc(c.bySite[site], func(b *breaker) bool { return !b.Armed })
}

// alike yields the switches that may be meant by a site and route, without those for exactly these and for the whole of the site.
func (c *Containment) alike(site, route string, yield func(*breaker)) {
	for _, b := range c.bySite[site] {
		if b.Route != "" && b.Route != route && sameRoute(b.Route, route) {
			yield(b)
		}
	}
	if site != otherRoute {
		return
	}
	for s, list := range c.bySite {
		for _, b := range list {
			if s != site && (b.Route == "" || b.Route == route || sameRoute(b.Route, route)) {
				yield(b)
			}
		}
	}
}

// Clear takes a decision back, and says whether there was one.
func (c *Containment) Clear(site, route string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, was := c.switches[siteRoute{site, route}]
	delete(c.switches, siteRoute{site, route})
	c.index()
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
		c.index()
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
	if len(c.switches) == 0 {
		return nil
	}
	for _, key := range []siteRoute{{site, route}, {site, ""}} {
		if b := c.switches[key]; b != nil && b.count(at, n) {
			tripped = append(tripped, b.Switch)
		}
		if route == "" {
			break // or it would count twice
		}
	}
	own := c.switches[siteRoute{site, route}] != nil
	c.alike(site, route, func(b *breaker) {
		if (!own || !b.Armed) && b.count(at, n) {
			tripped = append(tripped, b.Switch)
		}
	})
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
	mode, exact := fallback, false
	for _, key := range []siteRoute{{site, ""}, {site, route}} { // the second has the last word
		switch b := c.switches[key]; {
		case b == nil || !b.holds():
		case b.Mode == Trip:
			return Trip
		default:
			mode, exact = b.Mode, b.Route == route
		}
	}
	c.alike(site, route, func(b *breaker) {
		if b.holds() && strictness[b.Mode] > strictness[mode] && (!exact || b.Mode == Trip) {
			mode = b.Mode
		}
	})
	return mode
}

var strictness = map[Mode]int{Observe: 0, Mask: 1, Block: 2, Trip: 3}

// sameRoute says that two routes may be one: as far as they are written out, their segments are the same where both are names.
func sameRoute(a, b string) bool {
	methodA, a, _ := strings.Cut(a, " ")
	methodB, b, _ := strings.Cut(b, " ")
	if methodA != methodB || a == "" || b == "" {
		return false
	}
	if path, _, _ := strings.Cut(b, "#"); path == "/"+otherRoute {
		return true // one path too many: it may be any
	}
	a, cutA := writtenOut(a)
	b, cutB := writtenOut(b)
	a, opA, _ := strings.Cut(a, "#")
	b, opB, _ := strings.Cut(b, "#")
	for {
		s, restA, moreA := strings.Cut(a, "/")
		t, restB, moreB := strings.Cut(b, "/")
		switch {
		case cutA && !moreA:
			return strings.HasPrefix(t, s) || inBraces(t) || strings.HasPrefix(s, "{")
		case cutB && !moreB:
			return strings.HasPrefix(s, t) || inBraces(s) || strings.HasPrefix(t, "{")
		case moreA != moreB, s != t && !(inBraces(s) && t != "" || inBraces(t) && s != ""):
			return false
		case !moreA:
			return opA == opB || opA == otherRoute && opB != "" || opB == otherRoute && opA != ""
		}
		a, b = restA, restB
	}
}

func inBraces(segment string) bool {
	return strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}")
}

// The ledger cuts routes of more than 512 bytes, and puts behind them an ellipsis and a digest of the whole in 16 digits.
const (
	longestRoute = 512
	digestAt     = len("…") + 16
)

// writtenOut is what is left of a route that the ledger has cut; cut says that more was there.
func writtenOut(route string) (_ string, cut bool) {
	if i := len(route) - digestAt; i > longestRoute-2*digestAt && len(route) <= longestRoute && strings.HasPrefix(route[i:], "…") {
		return route[:i], true
	}
	return route, false
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

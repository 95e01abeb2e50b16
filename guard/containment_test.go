package guard

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestBreaker(t *testing.T) {
	start := time.Unix(1542708000, 0)
	for _, v := range []struct {
		at    []time.Duration
		n     int
		trips bool
	}{
		{[]time.Duration{0, time.Second}, 1, false},                                      // one too few
		{[]time.Duration{0, time.Second, time.Minute}, 1, true},                          // at the edge
		{[]time.Duration{0, time.Second, time.Minute + 1}, 1, false},                     // one past
		{[]time.Duration{0, time.Minute + 1, time.Minute + 2, time.Minute + 3}, 1, true}, // the first has slid out
		{[]time.Duration{time.Minute, 0, time.Second}, 1, true},                          // not in their order
		{[]time.Duration{0}, 2, false},
		{[]time.Duration{0}, 3, true},
		{[]time.Duration{0}, 1 << 30, true},
	} {
		var c Containment
		if err := c.Set(Switch{Site: "shop.example", Route: "GET /", Mode: Trip, After: 3, Within: time.Minute}); err != nil {
			t.Fatal(err)
		}
		tripped := 0
		for _, d := range v.at {
			c.Count(start.Add(d), "shop.example", "GET /other", v.n)
			tripped += len(c.Count(start.Add(d), "shop.example", "GET /", v.n))
		}
		mode := c.Mode("shop.example", "GET /", Observe)
		if (tripped == 1) != v.trips || (mode == Trip) != v.trips || !v.trips && mode != Observe {
			t.Errorf("%v: tripped %d times, %s", v, tripped, mode)
		}
		if c.Reset("shop.example", "GET /") != v.trips || c.Mode("shop.example", "GET /", Observe) != Observe {
			t.Errorf("%v: not reset", v)
		}
		if len(c.Count(start, "shop.example", "GET /", 3)) != 1 {
			t.Errorf("%v: it does not trip again", v)
		}
	}
}

func TestContainmentMode(t *testing.T) {
	var c Containment
	set := func(route string, mode Mode, after int) {
		t.Helper()
		if err := c.Set(Switch{Site: "a.example", Route: route, Mode: mode, After: after, Within: time.Second}); err != nil {
			t.Fatal(err)
		}
	}
	mode := func(site, route string, want Mode) {
		t.Helper()
		if got := c.Mode(site, route, Observe); got != want {
			t.Errorf("%s %s: %s, not %s", site, route, got, want)
		}
	}
	set("", Block, 0)
	set("GET /x", Mask, 0)
	mode("a.example", "GET /x", Mask)
	mode("a.example", "GET /y", Block)
	mode("a.example", "", Block)
	mode("b.example", "GET /x", Observe)
	set("", Trip, 1)
	mode("a.example", "GET /y", Observe)
	if n := len(c.Count(time.Now(), "a.example", "GET /x", 1)); n != 1 {
		t.Errorf("%d tripped", n)
	}
	mode("a.example", "GET /x", Trip) // the site's breaker outranks the route's mode
	if list := c.Switches(); len(list) != 2 || list[0].Route != "" || list[0].Tripped.IsZero() || list[1].Mode != Mask {
		t.Errorf("%+v", list)
	}
	if !c.Clear("a.example", "") || c.Clear("a.example", "") {
		t.Error("clear")
	}
	mode("a.example", "GET /x", Mask)
	set("", Trip, 0)
	if !c.Reset("a.example", "") || c.Reset("a.example", "") || c.Reset("a.example", "GET /x") {
		t.Error("reset")
	}
	mode("a.example", "GET /y", Observe)
}

func TestContainmentLimits(t *testing.T) {
	var c Containment
	for want, s := range map[string]Switch{
		"site is missing":       {Mode: Mask},
		"none of observe":       {Site: "a", Mode: "withhold"},
		"from 1 to 10000":       {Site: "a", Mode: Trip, After: MaxAfter + 1, Within: 1},
		"only trip can wait":    {Site: "a", Mode: Mask, After: 1, Within: 1},
		"within what time?":     {Site: "a", Mode: Trip, After: 1},
		"after -1 disclosures:": {Site: "a", Mode: Trip, After: -1},
	} {
		if err := c.Set(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for i := range MaxSwitches {
		if err := c.Set(Switch{Site: fmt.Sprint(i), Mode: Trip, After: MaxAfter, Within: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Set(Switch{Site: "0", Mode: Mask}); err != nil {
		t.Error(err)
	}
	if err := c.Set(Switch{Site: "new", Mode: Mask}); err == nil {
		t.Error("one past the limit")
	}
	c.Count(time.Now(), "1", "", 1<<40)
	if n := len(c.switches[siteRoute{"1", ""}].recent); n > MaxAfter {
		t.Errorf("%d are remembered", n)
	}
}

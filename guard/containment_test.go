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
	if err := c.Set(Switch{Site: "new", Mode: Trip, After: 1, Within: 1}); err == nil {
		t.Error("one past the limit")
	}
	if err := c.Set(Switch{Site: "new", Mode: Mask}); err != nil || len(c.switches) != MaxSwitches || c.Mode("new", "", Observe) != Mask {
		t.Error("what holds at once is refused for the sake of a breaker that waits", err)
	}
	c.Count(time.Now(), "2", "", 1<<40)
	if n := len(c.switches[siteRoute{"2", ""}].recent); n > MaxAfter {
		t.Errorf("%d are remembered", n)
	}
}

// What every route gets makes room for what somebody decides: the oldest that has not tripped.
func TestArmedBreakersMakeRoom(t *testing.T) {
	var c Containment
	armed := func(i int) error {
		return c.Set(Switch{Site: "a", Route: fmt.Sprint("GET /", i), Mode: Trip, After: 1, Within: 1, Armed: true})
	}
	for i := range MaxSwitches {
		if err := armed(i); err != nil {
			t.Fatal(err)
		}
	}
	c.Count(time.Now(), "a", "GET /0", 1)
	if armed(MaxSwitches) == nil {
		t.Error("one armed breaker too many")
	}
	if err := c.Set(Switch{Site: "b", Mode: Trip, After: 3, Within: 1}); err != nil {
		t.Fatal(err)
	}
	if c.Mode("a", "GET /0", Observe) != Trip || c.switches[siteRoute{"a", "GET /1"}] != nil || len(c.switches) != MaxSwitches || c.Contains("a") || !c.Contains("b") {
		t.Error("another one made room")
	}
}

func TestSameRoute(t *testing.T) {
	long := "GET /" + strings.Repeat("abcdefgh/", 80)
	cut := long[:492] + "…" + "0123456789abcdef"
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"GET /p/{name}/reviews", "GET /p/lamp/reviews", true},
		{"GET /p/lamp/reviews", "GET /p/{name}/reviews", true},
		{"GET /p/{name}/reviews", "GET /p/lamp", false},
		{"GET /p/{name}", "GET /p/", false},
		{"GET /p/{name}", "POST /p/lamp", false},
		{"GET /p/{id}/{name}", "GET /p/{name}/x", true},
		{"GET /p/lamp", "GET /p/vase", false},
		{"GET /p/lamp", "GET /{other}", true},
		{"GET /{other}", "GET /p/lamp", false},
		{"GET /p/lamp", "", false},
		{"POST /graphql#A", "POST /graphql#B", false},
		{"POST /{name}#A", "POST /graphql#A", true},
		{"POST /graphql#A", "POST /graphql#{other}", true},
		{cut, long, true},
		{cut, "GET /x" + long[5:], false},
		{cut, "GET /{name}" + long[13:], true},
		{cut, long[:400], false},
	} {
		if got := sameRoute(c.a, c.b); got != c.want {
			t.Errorf("%q %q: %v", c.a, c.b, got)
		}
	}
}

// What is alike makes nothing milder, and a breaker counts it.
func TestContainmentOfAlikeRoutes(t *testing.T) {
	var c Containment
	for _, s := range []Switch{{Route: "GET /p/{name}/reviews", Mode: Block}, {Route: "GET /q/{name}", Mode: Observe}, {Route: "GET /p/lamp/reviews", Mode: Observe},
		{Route: "GET /r/{name}", Mode: Trip, After: 2, Within: time.Minute}} {
		s.Site = "a.example"
		if err := c.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	for _, r := range []string{"GET /r/x", "GET /r/y"} {
		c.Count(now, "a.example", r, 1)
	}
	for _, v := range []struct {
		site, route string
		want        Mode
	}{{"a.example", "GET /p/vase/reviews", Block}, {"a.example", "GET /p/lamp/reviews", Observe}, {"a.example", "GET /q/x", Mask}, {"a.example", "GET /r/z", Trip}, {"a.example", "GET /", Mask},
		{"b.example", "GET /r/z", Mask}, {otherRoute, "GET /r/z", Trip}, {otherRoute, "GET /p/vase/reviews", Block}, {otherRoute, "GET /", Mask}} {
		if got := c.Mode(v.site, v.route, Mask); got != v.want {
			t.Errorf("%s %s: %s, not %s", v.site, v.route, got, v.want)
		}
	}
}

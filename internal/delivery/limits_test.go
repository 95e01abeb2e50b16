package delivery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"candor.example/internal/notice"
)

var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// A provider gets what its rate allows, and not one more.
func TestBucket(t *testing.T) {
	l := newLimiter(notice.Limits{Start: 3600, Max: 3600}, monday) // one a second
	l.meet("p.example", monday)
	if w := l.take("p.example", monday); w != 0 {
		t.Fatalf("the first waits %v", w)
	}
	if w := l.take("p.example", monday); w != time.Second {
		t.Fatalf("the second waits %v", w)
	}
	if w := l.take("p.example", monday.Add(999*time.Millisecond)); w.Round(time.Microsecond) != time.Millisecond {
		t.Fatalf("a millisecond early: waits %v", w)
	}
	if w := l.take("p.example", monday.Add(time.Second)); w != 0 {
		t.Fatalf("after a second: waits %v", w)
	}
	// What nobody took is not kept for more than a second.
	l.take("p.example", monday.Add(time.Hour))
	if w := l.take("p.example", monday.Add(time.Hour)); w == 0 {
		t.Fatal("an hour's tokens were kept")
	}
}

// Workers share a rate; so does everybody the total.
func TestShared(t *testing.T) {
	l := newLimiter(notice.Limits{Start: 7200, Max: 7200, Total: 3600}, monday)
	l.meet("p.example", monday)
	l.share(2)
	for i, want := range []time.Duration{0, 2 * time.Second} { // the total, halved
		if w := l.take("p.example", monday.Add(time.Duration(i))); w.Round(time.Millisecond) != want {
			t.Errorf("%d waits %v, want %v", i, w, want)
		}
	}
	if w := l.take("unknown.example", monday); w == 0 {
		t.Error("a provider without a limit of its own is not free of the total")
	}
	l.giveBack("p.example")
	if w := l.take("p.example", monday.Add(time.Second)); w != 0 {
		t.Errorf("what was given back is gone: waits %v", w)
	}
}

func answers(l *limiter, good, soft int, at time.Time) {
	for range good {
		l.answered("p.example", 250, "2.0.0", at)
	}
	for range soft {
		l.answered("p.example", 451, "4.7.1", at)
	}
}

// A rate doubles after a step in which it was used and fewer than one in a hundred were deferred.
func TestGrows(t *testing.T) {
	for _, c := range []struct {
		name       string
		good, soft int
		want       float64
	}{
		{"all taken", 500, 0, 2000},
		{"half of it used", 250, 0, 2000},
		{"less than half of it used", 248, 0, 1000},
		{"fewer than one in a hundred deferred", 499, 4, 2000},
		{"one in a hundred deferred", 396, 4, 500},
	} {
		l := newLimiter(notice.Limits{}, monday)
		l.meet("p.example", monday)
		answers(l, c.good-1, c.soft, monday.Add(29*time.Minute))
		answers(l, 1, 0, monday.Add(30*time.Minute))
		if got := l.providers["p.example"].hour; got != c.want {
			t.Errorf("%s: %v an hour, want %v", c.name, got, c.want)
		}
	}
}

func TestGrowsUpToMax(t *testing.T) {
	l := newLimiter(notice.Limits{Start: 40_000, Step: time.Minute}, monday)
	l.meet("p.example", monday)
	answers(l, 1000, 0, monday.Add(time.Minute-1))
	answers(l, 1, 0, monday.Add(time.Minute))
	if got := l.providers["p.example"].hour; got != 50_000 {
		t.Errorf("%v an hour", got)
	}
}

// 421 halves the rate and holds the provider, once for each time; afterwards it grows by adding.
func TestShrinks(t *testing.T) {
	l := newLimiter(notice.Limits{}, monday)
	l.meet("p.example", monday)
	p := l.providers["p.example"]
	l.answered("p.example", 421, "4.7.0", monday)
	l.answered("p.example", 421, "4.7.0", monday) // of another connection, at the same time
	if p.hour != 500 || l.take("p.example", monday) != time.Minute {
		t.Errorf("%v an hour, waits %v", p.hour, l.take("p.example", monday))
	}
	at := monday.Add(time.Minute)
	l.answered("p.example", 421, "4.7.0", at)
	if p.hour != 250 || l.take("p.example", at) != 2*time.Minute {
		t.Errorf("%v an hour, waits %v", p.hour, l.take("p.example", at))
	}
	answers(l, 200, 0, at.Add(20*time.Minute))
	answers(l, 1, 0, at.Add(30*time.Minute))
	if p.hour != 1250 || p.hold != 0 {
		t.Errorf("after a good step %v an hour", p.hour)
	}
	for range 20 {
		at = at.Add(time.Hour)
		l.answered("p.example", 421, "4.7.0", at)
	}
	if p.hour != floorRate || p.hold != longestHold {
		t.Errorf("%v an hour, held for %v", p.hour, p.hold)
	}
}

func TestDeferralsBelowEnough(t *testing.T) {
	l := newLimiter(notice.Limits{}, monday)
	l.meet("p.example", monday)
	answers(l, 0, enough-1, monday)
	if got := l.providers["p.example"].hour; got != 1000 {
		t.Errorf("%d answers: %v an hour", enough-1, got)
	}
	answers(l, 0, 1, monday)
	if got := l.providers["p.example"].hour; got != 500 {
		t.Errorf("%d answers: %v an hour", enough, got)
	}
}

// However many domains there are, memory is bounded, and a provider that defers is not forgotten.
func TestProvidersAreBounded(t *testing.T) {
	l := newLimiter(notice.Limits{}, monday)
	l.meet("p.example", monday)
	l.answered("p.example", 421, "4.7.0", monday)
	for i := range maxProviders + 1000 {
		l.meet(fmt.Sprintf("d%d.example", i), monday)
	}
	if n := len(l.providers); n != maxProviders {
		t.Errorf("%d providers", n)
	}
	if l.take("p.example", monday) == 0 {
		t.Error("who defers was forgotten")
	}
}

// A provider with few people would name them.
func TestFewPeopleHaveNoName(t *testing.T) {
	l := newLimiter(notice.Limits{}, monday)
	for range fewPeople - 1 {
		l.meet("smith.example", monday)
	}
	if got := l.named("smith.example"); got != "other" {
		t.Errorf("%d people: %q", fewPeople-1, got)
	}
	l.meet("smith.example", monday)
	if got := l.named("smith.example"); got != "smith.example" {
		t.Errorf("%d people: %q", fewPeople, got)
	}
}

func TestSoftWait(t *testing.T) {
	l := newLimiter(notice.Limits{}, monday)
	for times, want := range map[int]time.Duration{1: 5 * time.Minute, 2: 10 * time.Minute, 6: 160 * time.Minute, 7: 4 * time.Hour, 1000: 4 * time.Hour} {
		if got := l.softWait(times); got != want {
			t.Errorf("%d: %v, want %v", times, got, want)
		}
	}
}

func TestComplaints(t *testing.T) {
	for _, c := range []struct {
		accepted, complained int
		halt, page           bool
	}{
		{0, 5, false, false},
		{1000, 2, false, false}, // too few to say
		{3000, 3, false, false}, // one in a thousand
		{2999, 3, true, false},  // more
		{2000, 4, true, true},   // two in a thousand
		{2001, 4, true, false},
		{10_000_000, 9_000, false, false},
	} {
		halt, page := complaints(c.accepted, c.complained)
		if halt != c.halt || page != c.page {
			t.Errorf("%d of %d: %v %v", c.complained, c.accepted, halt, page)
		}
	}
}

func TestGroups(t *testing.T) {
	asked := 0
	g := &groups{known: map[string]string{}, lookup: func(_ context.Context, domain string) ([]*net.MX, error) {
		asked++
		switch domain {
		case "shop.example.":
			return []*net.MX{{Host: "backup.elsewhere.example.", Pref: 20}, {Host: "Aspmx.L.Mail.co.uk.", Pref: 5}}, nil
		case "odd.example.":
			return []*net.MX{{Host: "\r\nX-Evil: 1", Pref: 5}}, nil
		}
		return nil, errors.New("no such host")
	}}
	for domain, want := range map[string]string{"shop.example": "mail.co.uk", "odd.example": "odd.example", "none.example": "none.example"} {
		for range 2 {
			if got := g.of(t.Context(), domain); got != want {
				t.Errorf("%s: %q, want %q", domain, got, want)
			}
		}
	}
	if asked != 3 {
		t.Errorf("DNS was asked %d times for three domains", asked)
	}
	for i := range maxDomains + 10 {
		g.of(t.Context(), fmt.Sprintf("d%d.example", i))
	}
	if len(g.known) > maxDomains {
		t.Errorf("%d domains are remembered", len(g.known))
	}
}

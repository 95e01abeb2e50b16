package plot

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2018, 11, 20, 10, 0, 0, 0, time.UTC)

func point(after time.Duration, exposed, prevented int) Point {
	return Point{Time: start.Add(after), Exposed: exposed, Prevented: prevented, Disclosures: exposed + prevented}
}

var layouts = map[Scale]string{Seconds: "15:04:05", Minutes: "15:04", Hours: "2 Jan 15:04", Days: "2 Jan", Months: "Jan 2006"}

func TestSteps(t *testing.T) {
	for lasted, want := range map[time.Duration]string{
		0:                "10s, 10:00:00",
		90 * time.Second: "10s",
		10 * time.Minute: "30s",
		57 * time.Minute: "1m0s, 10:20 10:40 11:00 11:20 11:40",
		58 * time.Minute: "5m0s",
		26 * time.Hour:   "1h0m0s, 20 Nov 12:00 21 Nov 00:00 21 Nov 12:00 22 Nov 00:00",
		30 * day:         "24h0m0s",
		300 * day:        "168h0m0s, ",
		4 * 365 * day:    "720h0m0s, ",
		200 * 365 * day:  "87600h0m0s, ",
	} {
		p := New([]Point{point(0, 1, 0), point(lasted, 0, 1)}, 10*time.Second, nil, start.Add(lasted*2), time.UTC)
		var ticks []string
		for _, k := range p.Ticks {
			ticks = append(ticks, k.Time.Format(layouts[k.Scale]))
		}
		if got := p.Step.String() + ", " + strings.Join(ticks, " "); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %q, want %q", lasted, got, want)
		}
		if len(ticks) < 1 || len(ticks) < 2 && lasted > 0 || len(ticks) > 8 {
			t.Errorf("%v: %q", lasted, ticks)
		}
		fits(t, fmt.Sprint(lasted), p)
	}
}

// fits: everything stands within the drawing, and the sums are kept.
func fits(t *testing.T, name string, p Plot) {
	t.Helper()
	in := func(f float64) bool { return f >= 0 && f <= 100 && !math.IsNaN(f) }
	for _, b := range p.Bars {
		if !in(b.X) || !in(b.X+b.W) || b.ExposedY+b.ExposedH > float64(p.Base()) || b.PreventedY < float64(p.summit-4) {
			t.Errorf("%s: %+v", name, b)
		}
	}
	for _, m := range p.Marks {
		if !in(m.X) {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if len(p.Bars) > maxBars {
		t.Errorf("%s: %d bars", name, len(p.Bars))
	}
}

func TestSums(t *testing.T) {
	p := New([]Point{point(0, 2, 1), point(10*time.Second, 3, 0), point(50*time.Minute, 0, 9000)}, 10*time.Second, nil, start.Add(51*time.Minute), time.UTC)
	if len(p.Bars) != 2 || p.Bars[0].Exposed != 5 || p.Bars[0].Prevented != 1 || p.Bars[0].Disclosures != 6 || p.Exposed() != 5 || p.Prevented() != 9001 {
		t.Errorf("%+v", p.Bars)
	}
	if p.Bars[0].ExposedH != 2 || p.Lines[0].People != 10_000 || p.Lines[1].People != 5000 {
		t.Errorf("a few among thousands must be seen: %+v %+v", p.Bars[0], p.Lines)
	}
	if empty := New(nil, 0, nil, start, time.UTC); empty.Bars != nil || empty.Marks != nil {
		t.Error("a plot of nothing")
	}
}

// The time since the last disclosure is part of the plot, as long again as the incident, or ten minutes.
func TestTail(t *testing.T) {
	for now, want := range map[time.Duration]time.Duration{-time.Hour: 0, time.Minute: time.Minute, 20 * time.Minute: 20 * time.Minute, 5 * time.Hour: 30 * time.Minute} {
		last := start.Add(30 * time.Minute)
		p := New([]Point{point(0, 1, 0), point(30*time.Minute, 1, 0)}, 10*time.Second, nil, last.Add(now), time.UTC)
		if got := time.Unix(p.to, 0).Sub(last) - 2*p.Step; got != want {
			t.Errorf("%v after the last: %v are shown, want %v", now, got, want)
		}
	}
}

// Captures may lie about their time.
func TestClocksGoneWrong(t *testing.T) {
	ends := []time.Time{time.Unix(0, math.MinInt64), time.Unix(0, 0), start, time.Unix(0, math.MaxInt64)}
	for i, first := range ends {
		for _, last := range ends[i:] {
			for _, now := range ends {
				p := New([]Point{{Time: first.Truncate(10 * time.Second), Exposed: 1}, {Time: last.Truncate(10 * time.Second), Prevented: 1}}, 10*time.Second, []Event{{Time: last}}, now, time.UTC)
				fits(t, fmt.Sprint(first, last, now), p)
				if p.Exposed() != 1 || p.Prevented() != 1 || len(p.Ticks) > 8 {
					t.Errorf("%v to %v: %+v", first, last, p)
				}
			}
		}
	}
}

// Bars and ticks of a day begin at midnight where the publisher is.
func TestZone(t *testing.T) {
	zone := time.FixedZone("", 9*3600)
	p := New([]Point{point(0, 1, 0), point(20*day, 0, 1)}, day, nil, start.Add(20*day), zone)
	if h := p.Bars[0].From.In(zone).Hour(); p.Step != day || h != 0 || p.Ticks[0].Time.Hour() != 0 {
		t.Errorf("%v: a bar begins at %d, a tick at %v", p.Step, h, p.Ticks[0].Time)
	}
}

func TestMarks(t *testing.T) {
	at := func(m int, name string) Event {
		return Event{"release", name, start.Add(time.Duration(m) * time.Minute)}
	}
	p := New([]Point{point(0, 1, 0), point(30*time.Minute, 1, 0)}, 10*time.Second, []Event{at(-60, "before"), at(1, "a"), at(2, "b"), at(3, strings.Repeat("é", 19)), at(29, "d"), at(600, "after")}, start.Add(30*time.Minute), time.UTC)
	if len(p.Beyond) != 2 {
		t.Errorf("%+v", p.Beyond)
	}
	var got []string
	for _, m := range p.Marks {
		got = append(got, fmt.Sprintf("%s %d %t", m.Label(), m.Y, m.End))
	}
	if s := strings.Join(got, " "); s != "a 12 false b 27 false "+strings.Repeat("é", 17)+"… 42 false d 12 true" {
		t.Error(s)
	}
}

func TestRound(t *testing.T) {
	for n, want := range map[int]int{0: 1, 1: 1, 2: 2, 3: 4, 7: 8, 9: 10, 11: 20, 61: 80, 101: 200, 1_000_001: 2_000_000} {
		if got := round(n); got != want {
			t.Errorf("%d: %d", n, got)
		}
	}
}

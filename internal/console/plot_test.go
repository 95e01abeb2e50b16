package console

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"candor.example/internal/incident"
)

func point(after time.Duration, exposed, prevented int) incident.Point {
	return incident.Point{Time: start.Add(after), Exposed: exposed, Prevented: prevented, Responses: exposed + prevented}
}

func TestPlotSteps(t *testing.T) {
	for lasted, want := range map[time.Duration]string{
		0:                "10 seconds, 10:00:00",
		90 * time.Second: "10 seconds",
		10 * time.Minute: "30 seconds",
		57 * time.Minute: "minute, 10:20 10:40 11:00 11:20 11:40",
		58 * time.Minute: "5 minutes",
		26 * time.Hour:   "hour, 20 Nov 12:00 21 Nov 00:00 21 Nov 12:00 22 Nov 00:00",
		30 * day:         "day",
		300 * day:        "week, ",
		4 * 365 * day:    "30 days, ",
		200 * 365 * day:  "10 years, ",
	} {
		p := newPlot([]incident.Point{point(0, 1, 0), point(lasted, 0, 1)}, nil, start.Add(lasted*2))
		var ticks []string
		for _, k := range p.Ticks {
			ticks = append(ticks, k.Text)
		}
		if got := p.Each() + ", " + strings.Join(ticks, " "); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %q, want %q", lasted, got, want)
		}
		if len(ticks) < 1 || len(ticks) < 2 && lasted > 0 || len(ticks) > 8 {
			t.Errorf("%v: %q", lasted, ticks)
		}
		fits(t, fmt.Sprint(lasted), p)
	}
}

// fits: everything stands within the drawing, and the sums are kept.
func fits(t *testing.T, name string, p plot) {
	t.Helper()
	in := func(f float64) bool { return f >= 0 && f <= 100 && !math.IsNaN(f) }
	for _, b := range p.Bars {
		if !in(b.X) || !in(b.X+b.W) || b.ExposedY+b.ExposedH > plotBase || b.PreventedY < plotTop-4 {
			t.Errorf("%s: %+v", name, b)
		}
	}
	for _, m := range p.Marks {
		if !in(m.X) {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if len(p.Bars) > plotBars {
		t.Errorf("%s: %d bars", name, len(p.Bars))
	}
}

func TestPlotSums(t *testing.T) {
	p := newPlot([]incident.Point{point(0, 2, 1), point(10*time.Second, 3, 0), point(50*time.Minute, 0, 9000)}, nil, start.Add(51*time.Minute))
	if len(p.Bars) != 2 || p.Bars[0].Exposed != 5 || p.Bars[0].Prevented != 1 || p.Bars[0].Disclosures != 6 || p.Exposed() != 5 || p.Prevented() != 9001 {
		t.Errorf("%+v", p.Bars)
	}
	if p.Bars[0].ExposedH != 2 || p.Lines[0].People != 10_000 || p.Lines[1].People != 5000 {
		t.Errorf("a few among thousands must be seen: %+v %+v", p.Bars[0], p.Lines)
	}
	if empty := newPlot(nil, nil, start); empty.Bars != nil || empty.Marks != nil {
		t.Error("a plot of nothing")
	}
}

// The time since the last disclosure is part of the plot, as long again as the incident, or ten minutes.
func TestPlotTail(t *testing.T) {
	for now, want := range map[time.Duration]time.Duration{-time.Hour: 0, time.Minute: time.Minute, 20 * time.Minute: 20 * time.Minute, 5 * time.Hour: 30 * time.Minute} {
		last := start.Add(30 * time.Minute)
		p := newPlot([]incident.Point{point(0, 1, 0), point(30*time.Minute, 1, 0)}, nil, last.Add(now))
		if got := time.Unix(p.to, 0).Sub(last) - 2*p.Step; got != want {
			t.Errorf("%v after the last: %v are shown, want %v", now, got, want)
		}
	}
}

// Captures may lie about their time.
func TestPlotClocksGoneWrong(t *testing.T) {
	ends := []time.Time{time.Unix(0, math.MinInt64), time.Unix(0, 0), start, time.Unix(0, math.MaxInt64)}
	for i, first := range ends {
		for _, last := range ends[i:] {
			for _, now := range ends {
				p := newPlot([]incident.Point{{Time: first.Truncate(incident.Step), Exposed: 1}, {Time: last.Truncate(incident.Step), Prevented: 1}}, []event{{Time: last}}, now)
				fits(t, fmt.Sprint(first, last, now), p)
				if p.Exposed() != 1 || p.Prevented() != 1 || len(p.Ticks) > 8 {
					t.Errorf("%v to %v: %+v", first, last, p)
				}
			}
		}
	}
}

func TestPlotMarks(t *testing.T) {
	at := func(m int, name string) event {
		return event{"release", name, start.Add(time.Duration(m) * time.Minute)}
	}
	p := newPlot([]incident.Point{point(0, 1, 0), point(30*time.Minute, 1, 0)}, []event{at(-60, "before"), at(1, "a"), at(2, "b"), at(3, strings.Repeat("é", 19)), at(29, "d"), at(600, "after")}, start.Add(30*time.Minute))
	var got []string
	for _, m := range p.Marks {
		got = append(got, fmt.Sprintf("%s %d %t", m.Label(), m.Y, m.End))
	}
	if s := strings.Join(got, " "); s != "a 12 false b 27 false "+strings.Repeat("é", 17)+"… 12 false d 27 true" {
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

func TestViewerWords(t *testing.T) {
	for _, c := range []struct {
		kind string
		n    int
		want string
	}{
		{"customer", 1, "customer"}, {"script", 2, "scripts"}, {"anonymous", 2, "anonymous"}, {"crawler", 1, "crawler"},
		{"claimed-crawler", 1, "claims to be a crawler"}, {"claimed-crawler", 2, "claim to be crawlers"}, {"role", 3, "with a role"},
	} {
		if got := viewers(c.kind, c.n); got != c.want {
			t.Errorf("%d of %s: %q, want %q", c.n, c.kind, got, c.want)
		}
	}
}

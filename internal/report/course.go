package report

import (
	"slices"
	"time"

	"candor.example/internal/incident"
	"candor.example/verify"
)

// maxPoints is how many steps a plot shows at most.
const maxPoints = 200

// steps that a course may have, besides whole multiples of a day.
var steps = []time.Duration{incident.Step, 30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour}

// course is how it went on, so coarse that no step tells of fewer people than are named of a country.
func (d *drafter) course() verify.Course {
	c := verify.Course{Step: int(incident.Step.Seconds()), Points: []verify.Point{}, Releases: []verify.Release{}}
	if len(d.Series) == 0 {
		return c
	}
	first, last := d.Series[0].Time, d.Series[len(d.Series)-1].Time
	step := stepOf(first, last)
	c.Step, c.Points = int(step.Seconds()), points(d.Series, step, d.merge)
	for _, r := range d.Releases {
		if !r.Time.Before(first.Add(-7*24*time.Hour)) && !r.Time.After(d.now) {
			c.Releases = append(c.Releases, verify.Release{Name: r.Name, Time: second(r.Time)})
		}
	}
	return c
}

// stepOf is the finest step with which no more than maxPoints lie from first to last.
func stepOf(first, last time.Time) time.Duration {
	const day = 24 * time.Hour
	for _, s := range steps {
		if last.Truncate(s).Sub(first.Truncate(s)) < maxPoints*s {
			return s
		}
	}
	return (last.Sub(first)/(maxPoints-1)/day + 1) * day
}

// points sums up steps. Where fewer than least people are new in one, they are counted in the next that is shown, and the last of them in the one before: sums stay.
func points(series []incident.Point, step time.Duration, least int) []verify.Point {
	exposed := gathered(series, step, least, func(p incident.Point) int { return p.Exposed })
	prevented := gathered(series, step, least, func(p incident.Point) int { return p.Prevented })
	list := []verify.Point{}
	for _, p := range exposed {
		list = append(list, verify.Point{Time: p.at, Exposed: p.n})
	}
	for _, p := range prevented {
		i := slices.IndexFunc(list, func(o verify.Point) bool { return o.Time.Equal(p.at) })
		if i < 0 {
			list, i = append(list, verify.Point{Time: p.at}), len(list)
		}
		list[i].Prevented = p.n
	}
	slices.SortFunc(list, func(a, b verify.Point) int { return a.Time.Compare(b.Time) })
	return list
}

type stepped struct {
	at time.Time
	n  int
}

func gathered(series []incident.Point, step time.Duration, least int, of func(incident.Point) int) (list []stepped) {
	at, n := time.Time{}, 0
	for _, p := range series {
		now := p.Time.UTC().Truncate(step)
		if n >= least && !now.Equal(at) {
			list, n = append(list, stepped{at, n}), 0
		}
		at, n = now, n+of(p)
	}
	switch {
	case n == 0:
	case n < least && len(list) > 0:
		list[len(list)-1].n += n
	default:
		list = append(list, stepped{at, n})
	}
	return list
}

package console

import (
	"slices"
	"strconv"
	"time"

	"candor.example/internal/incident"
)

// The plot is drawn here, as SVG: it works without a script, prints, and every figure in it is text as well. Across, it is
// in percent of its width, so that the same drawing with the same size of letters fits a phone and a wall.
const (
	plotTop  = 34  // below it are the bars, above it the names of events
	plotBase = 190 // where the bars stand
	plotBars = 60  // at most, but for those that hold the time after the last disclosure
)

// plot is a bar for each stretch of time: people who were new in it.
type plot struct {
	Step  time.Duration
	Bars  []bar // those with a disclosure
	Lines []line
	Ticks []tick
	Marks []mark

	from, to int64 // seconds since 1970: time.Duration ends at 292 years, and captures may lie about their time
	top      int
}

type bar struct {
	X, W                   float64 // percent
	ExposedY, ExposedH     float64
	PreventedY, PreventedH float64

	From                            time.Time
	Exposed, Prevented, Disclosures int
}

// line goes across at a round number of people.
type line struct {
	Y      float64
	People int
}

type tick struct {
	X    float64
	Text string
	Odd  bool // left out where there is little room
}

// event is a moment in the course: a release that went live, or something that was done.
type event struct {
	What string // "release", or empty where the name says it
	Name string
	Time time.Time
}

// mark is an event in the drawing.
type mark struct {
	event
	X   float64
	Y   int  // of its name: names of neighbours stand on different lines
	End bool // the name stands left of its line
}

// steps are what a bar may last. The last is for clocks gone wrong: sixty of it are 500 years.
var steps = []time.Duration{incident.Step, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour,
	6 * time.Hour, day, 7 * day, 30 * day, 365 * day, 3650 * day}

// newPlot draws a series that is in order of time.
func newPlot(series []incident.Point, events []event, now time.Time) plot {
	if len(series) == 0 {
		return plot{}
	}
	first, last := series[0].Time.Unix(), series[len(series)-1].Time.Unix()
	p := plot{Step: steps[len(steps)-1]}
	if i := slices.IndexFunc(steps, func(s time.Duration) bool { return (last-first)/seconds(s) < plotBars-2 }); i >= 0 {
		p.Step = steps[i]
	}
	s := seconds(p.Step)
	// The time since is shown as well, because silence is the news: as long again as the incident, or ten minutes.
	end := max(last, min(now.Unix(), last+max(last-first, 600)))
	p.from, p.to = floor(first, s)-2*s, floor(end, s)+2*s
	p.fill(series)
	p.scale()
	p.tick()
	p.mark(events)
	return p
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// floor is the multiple of step at or before t, which may be before 1970.
func floor(t, step int64) int64 { return t - ((t%step)+step)%step }

// x is where a moment stands, in percent.
func (p *plot) x(t int64) float64 { return 100 * float64(t-p.from) / float64(p.to-p.from) }

func (p *plot) fill(series []incident.Point) {
	s := seconds(p.Step)
	for _, v := range series {
		from := time.Unix(floor(v.Time.Unix(), s), 0).UTC()
		if n := len(p.Bars); n == 0 || !p.Bars[n-1].From.Equal(from) {
			p.Bars = append(p.Bars, bar{From: from})
		}
		b := &p.Bars[len(p.Bars)-1]
		b.Exposed += v.Exposed
		b.Prevented += v.Prevented
		b.Disclosures += v.Responses
	}
}

// scale gives the bars their places and heights.
func (p *plot) scale() {
	most := 1
	for _, b := range p.Bars {
		most = max(most, b.Exposed+b.Prevented)
	}
	p.top = round(most)
	height := func(people int) float64 {
		if people == 0 {
			return 0
		}
		return max(2, float64(people)/float64(p.top)*(plotBase-plotTop)) // one person among thousands is still seen
	}
	s := seconds(p.Step)
	for i := range p.Bars {
		b := &p.Bars[i]
		b.X, b.W = p.x(b.From.Unix()), p.x(p.from+s)*.86
		b.ExposedH, b.PreventedH = height(b.Exposed), height(b.Prevented)
		b.ExposedY = plotBase - b.ExposedH
		b.PreventedY = b.ExposedY - b.PreventedH
	}
	p.Lines = []line{{plotTop, p.top}}
	if p.top%2 == 0 {
		p.Lines = append(p.Lines, line{(plotTop + plotBase) / 2, p.top / 2})
	}
}

// round is the smallest of 1, 2, 4, 6, 8, 10, 20, 40, … that is not below n.
func round(n int) int {
	if n <= 1 {
		return 1
	}
	for unit := 1; ; unit *= 10 {
		for _, k := range []int{2, 4, 6, 8, 10} {
			if n <= k*unit {
				return k * unit
			}
		}
	}
}

// intervals are what may lie between two times that are written below the plot.
var intervals = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute,
	time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, 7 * day, 14 * day, 30 * day, 90 * day, 180 * day, 365 * day, 730 * day, 1825 * day, 3650 * day}

// tick writes the times below: at most six, at round moments.
func (p *plot) tick() {
	span := p.to - p.from
	i := slices.IndexFunc(intervals, func(d time.Duration) bool { return span/seconds(d) < 6 })
	if i < 0 {
		i = len(intervals) - 1
	}
	layout := "15:04"
	switch d := intervals[i]; {
	case d >= 90*day:
		layout = "Jan 2006"
	case d >= day:
		layout = "2 Jan"
	case span > seconds(day):
		layout = "2 Jan 15:04"
	case d < time.Minute:
		layout = "15:04:05"
	}
	step := seconds(intervals[i])
	for t := floor(p.from, step) + step; t < p.to && len(p.Ticks) < 8; t += step {
		if x := p.x(t); x > 2 && x < 96 {
			p.Ticks = append(p.Ticks, tick{x, time.Unix(t, 0).UTC().Format(layout), len(p.Ticks)%2 == 1})
		}
	}
}

// mark puts the events in. Those from before the plot are told by the incident's facts.
func (p *plot) mark(events []event) {
	for _, e := range events {
		t := e.Time.Unix()
		if t < p.from || t >= p.to {
			continue
		}
		m := mark{event: e, X: p.x(t), Y: 12}
		m.End = m.X > 60
		if n := len(p.Marks); n > 0 && p.Marks[n-1].Y == m.Y {
			m.Y = 27
		}
		p.Marks = append(p.Marks, m)
	}
}

// Label is an event's name, cut where it would run into others.
func (m mark) Label() string {
	if r := []rune(m.Name); len(r) > 18 {
		return string(r[:17]) + "…"
	}
	return m.Name
}

// Height is that of the drawing, in pixels like all that is upright in it.
func (p plot) Height() int { return plotBase + 24 }

// Base is where the bars stand.
func (p plot) Base() int { return plotBase }

// Exposed and Prevented add up the bars: what the plot says to whoever cannot see it.
func (p plot) Exposed() (n int) {
	for _, b := range p.Bars {
		n += b.Exposed
	}
	return n
}

// Prevented: see Exposed.
func (p plot) Prevented() (n int) {
	for _, b := range p.Bars {
		n += b.Prevented
	}
	return n
}

// Each says how long a bar is, in words.
func (p plot) Each() string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{365 * day, "year"}, {30 * day, "30 days"}, {7 * day, "week"}, {day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := p.Step / u.unit; n == 1 {
			return u.name
		} else if n > 1 && p.Step%u.unit == 0 {
			return strconv.Itoa(int(n)) + " " + u.name + "s"
		}
	}
	return p.Step.String()
}

// Package plot lays out the drawing of an incident's course: people who were new in each stretch of time, and what was done. It knows no words and asks no clock.
//
// Start with [New]. The console and the public report draw it, each in its own language, as SVG: it works without a script, prints, and every figure in it is text as well.
package plot

import (
	"slices"
	"time"
)

const day = 24 * time.Hour

// Across, the drawing is in percent of its width, so that it fits a phone and a wall with the same size of letters.
const (
	tallest = 156 // pixels of the bars together
	line    = 15  // pixels of a line of names above them
	maxBars = 60  // at most, but for those that hold the time after the last disclosure
)

// Plot is a bar for each stretch of time: people who were new in it.
type Plot struct {
	Step   time.Duration // what a bar lasts
	Bars   []Bar         // those with a disclosure
	Lines  []Line
	Ticks  []Tick
	Marks  []Mark
	Beyond []Event // that came before or after what is drawn

	from, to int64 // seconds since 1970: time.Duration ends at 292 years, and captures may lie about their time
	shift    int64 // of the zone, in seconds: bars and ticks begin at its round times
	top      int
	summit   int // below it are the bars, above it the names of events
}

// Point is what happened in a step of the series that begins at Time.
type Point struct {
	Time                            time.Time
	Exposed, Prevented, Disclosures int
}

// Bar is a stretch that begins at From. Exposed stands at the bottom, Prevented on it.
type Bar struct {
	X, W                   float64 // percent
	ExposedY, ExposedH     float64 // pixels, like all that is upright
	PreventedY, PreventedH float64

	From                            time.Time
	Exposed, Prevented, Disclosures int
}

// Line goes across at a round number of people.
type Line struct {
	Y      float64
	People int
}

// Tick is a round time below the drawing. Scale says how much of it to write.
type Tick struct {
	X     float64
	Time  time.Time
	Scale Scale
	Odd   bool // left out where there is little room
}

// Scale is how a tick's time is written.
type Scale int

// The scales, from the finest.
const (
	Seconds Scale = iota // 15:04:05
	Minutes              // 15:04
	Hours                // 2 Jan 15:04
	Days                 // 2 Jan
	Months               // Jan 2006
)

// Event is a moment in the course: a release that went live, or something that was done.
type Event struct {
	What string // "release", or empty where the name says it
	Name string
	Time time.Time
}

// Mark is an event in the drawing.
type Mark struct {
	Event
	X   float64
	Y   int  // of its name
	End bool // the name stands left of its line
}

// steps are what a bar may last. The last is for clocks gone wrong: sixty of it are 500 years.
var steps = []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour,
	6 * time.Hour, day, 7 * day, 30 * day, 365 * day, 3650 * day}

// New draws a series that is in order of time, and whose points are least apart. Ticks stand at round times of zone.
func New(series []Point, least time.Duration, events []Event, now time.Time, zone *time.Location) Plot {
	if len(series) == 0 {
		return Plot{}
	}
	first, last := series[0].Time.Unix(), series[len(series)-1].Time.Unix()
	p := Plot{Step: steps[len(steps)-1]}
	if i := slices.IndexFunc(steps, func(s time.Duration) bool { return s >= least && (last-first)/seconds(s) < maxBars-2 }); i >= 0 {
		p.Step = steps[i]
	}
	s := seconds(p.Step)
	// The time since is shown as well, because silence is the news: as long again as the incident, or ten minutes.
	end := max(last, min(now.Unix(), last+max(last-first, 600)))
	_, offset := series[0].Time.In(zone).Zone()
	p.shift = int64(offset)
	p.from, p.to = p.floor(first, s)-2*s, p.floor(end, s)+2*s
	p.fill(series)
	p.mark(events)
	p.scale()
	p.tick(zone)
	return p
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// floor is the round time, by step, at or before t, which may be before 1970.
func (p *Plot) floor(t, step int64) int64 { return t - (((t+p.shift)%step)+step)%step }

// x is where a moment stands, in percent.
func (p *Plot) x(t int64) float64 { return 100 * float64(t-p.from) / float64(p.to-p.from) }

func (p *Plot) fill(series []Point) {
	s := seconds(p.Step)
	for _, v := range series {
		from := time.Unix(p.floor(v.Time.Unix(), s), 0).UTC()
		if n := len(p.Bars); n == 0 || !p.Bars[n-1].From.Equal(from) {
			p.Bars = append(p.Bars, Bar{From: from})
		}
		b := &p.Bars[len(p.Bars)-1]
		b.Exposed += v.Exposed
		b.Prevented += v.Prevented
		b.Disclosures += v.Disclosures
	}
}

// scale gives the bars their places and heights.
func (p *Plot) scale() {
	most := 1
	for _, b := range p.Bars {
		most = max(most, b.Exposed+b.Prevented)
	}
	p.top = round(most)
	height := func(people int) float64 {
		if people == 0 {
			return 0
		}
		return max(2, float64(people)/float64(p.top)*tallest) // one person among thousands is still seen
	}
	s, base := seconds(p.Step), float64(p.Base())
	for i := range p.Bars {
		b := &p.Bars[i]
		b.X, b.W = p.x(b.From.Unix()), p.x(p.from+s)*.86
		b.ExposedH, b.PreventedH = height(b.Exposed), height(b.Prevented)
		b.ExposedY = base - b.ExposedH
		b.PreventedY = b.ExposedY - b.PreventedH
	}
	p.Lines = []Line{{float64(p.summit), p.top}}
	if p.top%2 == 0 {
		p.Lines = append(p.Lines, Line{float64(p.summit + tallest/2), p.top / 2})
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
func (p *Plot) tick(zone *time.Location) {
	span := p.to - p.from
	i := slices.IndexFunc(intervals, func(d time.Duration) bool { return span/seconds(d) < 6 })
	if i < 0 {
		i = len(intervals) - 1
	}
	step := seconds(intervals[i])
	for t := p.floor(p.from, step) + step; t < p.to && len(p.Ticks) < 8; t += step {
		if x := p.x(t); x > 2 && x < 96 {
			p.Ticks = append(p.Ticks, Tick{x, time.Unix(t, 0).In(zone), scaleOf(intervals[i], span), len(p.Ticks)%2 == 1})
		}
	}
}

func scaleOf(interval time.Duration, span int64) Scale {
	switch {
	case interval >= 90*day:
		return Months
	case interval >= day:
		return Days
	case span > seconds(day):
		return Hours
	case interval < time.Minute:
		return Seconds
	}
	return Minutes
}

// widest is how much of a phone's width a name takes, in percent.
const widest = 40

// mark puts the events in, each name on the first line on which it runs into no other, even on a phone. Those from before the plot are told by the incident's facts.
func (p *Plot) mark(events []Event) {
	var free []float64 // from where on a line has room
	for _, e := range events {
		t := e.Time.Unix()
		if t < p.from || t >= p.to {
			p.Beyond = append(p.Beyond, e)
			continue
		}
		m := Mark{Event: e, X: p.x(t)}
		m.End = m.X > 100-widest
		from, to := m.X, m.X+widest
		if m.End {
			from, to = m.X-widest, m.X
		}
		row := slices.IndexFunc(free, func(x float64) bool { return x <= from })
		if row < 0 {
			row, free = len(free), append(free, 0)
		}
		free[row], m.Y = to, 12+row*line
		p.Marks = append(p.Marks, m)
	}
	p.summit = 4 + line*max(2, len(free))
}

// Label is an event's name, cut where it would run into others.
func (m Mark) Label() string {
	if r := []rune(m.Name); len(r) > 18 {
		return string(r[:17]) + "…"
	}
	return m.Name
}

// Base is where the bars stand.
func (p Plot) Base() int { return p.summit + tallest }

// Height is that of the drawing, in pixels like all that is upright in it.
func (p Plot) Height() int { return p.Base() + 24 }

// Exposed and Prevented add up the bars: what the plot says to whoever cannot see it.
func (p Plot) Exposed() (n int) {
	for _, b := range p.Bars {
		n += b.Exposed
	}
	return n
}

// Prevented: see Exposed.
func (p Plot) Prevented() (n int) {
	for _, b := range p.Bars {
		n += b.Prevented
	}
	return n
}

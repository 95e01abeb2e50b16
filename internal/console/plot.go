package console

import (
	"fmt"
	"time"

	"candor.example"
	"candor.example/internal/incident"
)

// The plot is drawn here, as SVG: it works without a script, prints, and every figure in it is text as well.
const (
	plotWidth  = 720
	plotHeight = 180
	plotLeft   = 36
	plotBars   = 60 // at most
)

// steps are the widths that a bar may have; the last holds sixty days and more.
var steps = []time.Duration{incident.Step, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 30 * 24 * time.Hour}

// Each says how long a bar is, in words.
func (p plot) Each() string {
	switch {
	case p.Step < time.Minute:
		return fmt.Sprintf("%d seconds", p.Step/time.Second)
	case p.Step == time.Minute:
		return "minute"
	case p.Step < time.Hour:
		return fmt.Sprintf("%d minutes", p.Step/time.Minute)
	case p.Step == time.Hour:
		return "hour"
	}
	return fmt.Sprintf("%d hours", p.Step/time.Hour)
}

// plot is a bar for each stretch of time: people who were new in it.
type plot struct {
	Width, Height, Left, Base int
	Step                      time.Duration
	Bars                      []bar
	Marks                     []mark
	Ticks                     []tick
	Most                      int
}

type bar struct {
	X, W                   float64
	ExposedY, ExposedH     float64
	PreventedY, PreventedH float64
	Exposed, Prevented     int
	From                   time.Time
}

// mark is a release that went live.
type mark struct {
	X    float64
	Name string
	Time time.Time
	// End is true where the name has to stand left of its line.
	End bool
}

type tick struct {
	X    float64
	Time time.Time
}

func newPlot(series []incident.Point, releases []candor.Release, first, last time.Time) plot {
	p := plot{Width: plotWidth, Height: plotHeight + 24, Left: plotLeft, Base: plotHeight}
	if len(series) == 0 {
		return p
	}
	p.Step = steps[len(steps)-1]
	for _, s := range steps {
		if last.Sub(first)/s < plotBars-6 {
			p.Step = s
			break
		}
	}
	from := first.Truncate(p.Step).Add(-2 * p.Step)
	to := last.Truncate(p.Step).Add(3 * p.Step)
	n := int((to.Sub(from) + p.Step - 1) / p.Step)
	p.Bars = make([]bar, n)
	for _, v := range series {
		b := &p.Bars[int(v.Time.Sub(from)/p.Step)]
		b.Exposed += v.Exposed
		b.Prevented += v.Prevented
	}
	for _, b := range p.Bars {
		p.Most = max(p.Most, b.Exposed+b.Prevented)
	}
	w := float64(plotWidth-plotLeft) / float64(n)
	at := func(t time.Time) float64 { return plotLeft + float64(t.Sub(from))/float64(p.Step)*w }
	scale := float64(plotHeight-24) / float64(max(1, p.Most))
	for i := range p.Bars {
		b := &p.Bars[i]
		b.From = from.Add(time.Duration(i) * p.Step)
		b.X, b.W = at(b.From)+1, max(1, w-2)
		b.ExposedH, b.PreventedH = float64(b.Exposed)*scale, float64(b.Prevented)*scale
		b.ExposedY = plotHeight - b.ExposedH
		b.PreventedY = b.ExposedY - b.PreventedH
		if i%max(1, n/6) == 0 && i+n/12 < n {
			p.Ticks = append(p.Ticks, tick{at(b.From), b.From})
		}
	}
	for _, r := range releases {
		if r.Time.After(from) && r.Time.Before(to) {
			x := at(r.Time)
			p.Marks = append(p.Marks, mark{x, r.Name, r.Time, x > plotWidth*2/3})
		}
	}
	return p
}

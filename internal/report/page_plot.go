package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"candor.example/internal/plot"
)

// drawing is the plot of people over time, with its words.
type drawing struct {
	plot.Plot
	v *view
}

// Plot is empty where nothing is known of the course.
func (v *view) Plot() drawing {
	c := v.r.Course
	var points []plot.Point
	for _, p := range c.Points {
		points = append(points, plot.Point{Time: p.Time, Exposed: p.Exposed, Prevented: p.Prevented})
	}
	slices.SortStableFunc(points, func(a, b plot.Point) int { return a.Time.Compare(b.Time) })
	return drawing{plot.New(points, time.Duration(c.Step)*time.Second, v.events(), v.r.PublishedAt, v.zone), v}
}

// events are the releases, containment and the fix.
func (v *view) events() (list []plot.Event) {
	for _, r := range v.r.Course.Releases {
		list = append(list, plot.Event{What: "release", Name: shown(r.Name), Time: r.Time})
	}
	if f := v.r.Fix.ContainedAt; has(f) {
		list = append(list, plot.Event{What: "contained", Name: v.Say("plot.contained"), Time: *f.Value})
	}
	if f := v.r.Fix.FixedAt; has(f) {
		list = append(list, plot.Event{What: "fixed", Name: v.Say("plot.fixed"), Time: *f.Value})
	}
	slices.SortStableFunc(list, func(a, b plot.Event) int { return a.Time.Compare(b.Time) })
	return list
}

// Text says the drawing to whoever cannot see it.
func (d drawing) Text() string {
	return d.v.Say("plot.text", "exposed", d.v.Number(d.Exposed()), "prevented", d.v.Number(d.Prevented()), "step", d.each())
}

func (d drawing) Each() string { return d.v.Say("plot.each", "step", d.each()) }

// each is how long a bar is: "minute", "6 hours".
func (d drawing) each() string {
	for _, u := range []struct {
		name string
		unit time.Duration
	}{{"step.day", 24 * time.Hour}, {"step.hour", time.Hour}, {"step.minute", time.Minute}} {
		if d.Step%u.unit == 0 {
			return d.v.Count(u.name, int(d.Step/u.unit))
		}
	}
	return d.v.Count("step.second", int(d.Step/time.Second))
}

// Label is a tick's time, in the publisher's zone.
func (d drawing) Label(t plot.Tick) string {
	v := d.v
	months := strings.Fields(v.Say("short-months"))
	day := v.Say("tick.day", "day", strconv.Itoa(t.Time.Day()), "month", months[t.Time.Month()-1])
	switch t.Scale {
	case plot.Months:
		return v.Say("tick.month", "month", months[t.Time.Month()-1], "year", strconv.Itoa(t.Time.Year()))
	case plot.Days:
		return day
	case plot.Hours:
		return day + " " + v.clock(t.Time)
	case plot.Seconds:
		return t.Time.Format("15:04:05")
	}
	return v.clock(t.Time)
}

// barRow is a bar in the table.
type barRow struct {
	At                 text
	Exposed, Prevented string
}

func (d drawing) Figures() (list []barRow) {
	for _, b := range d.Bars {
		list = append(list, barRow{text{Text: d.v.short(b.From), ISO: b.From.UTC().Format(time.RFC3339)}, d.v.Number(b.Exposed), d.v.Number(b.Prevented)})
	}
	return list
}

// From is the head of the column of times.
func (d drawing) From() string { return d.v.Say("plot.from", "zone", d.v.zoneName(d.Bars[0].From)) }

// Events are all that is marked, and Later what lies beyond the drawing, in words.
func (d drawing) Events() (list []string) {
	for _, m := range d.Marks {
		list = append(list, d.event(m.Event))
	}
	return list
}

func (d drawing) Later() string {
	var list []string
	for _, e := range d.Beyond {
		list = append(list, d.event(e))
	}
	if list == nil {
		return ""
	}
	return d.v.Say("plot.beyond", "list", strings.Join(list, "; "))
}

func (d drawing) event(e plot.Event) string {
	return d.v.Say("plot.event", "what", d.v.Say("plot."+e.What, "name", e.Name), "at", d.v.At(e.Time))
}

// Pc is a place across, in percent.
func (d drawing) Pc(f float64) string { return fmt.Sprintf("%.2f%%", f) }

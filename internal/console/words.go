package console

import (
	"fmt"
	"html/template"
	"strconv"
	"time"

	"candor.example/internal/incident"
	"candor.example/internal/notice"
	"candor.example/internal/plot"
)

// functions are what templates say numbers and times with. Times are UTC: an incident has readers in many zones.
func (c *Console) functions() template.FuncMap {
	return template.FuncMap{
		"n":       number,
		"bytes":   size,
		"pc":      func(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) },
		"time":    func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") },
		"short":   func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05") },
		"clock":   func(t time.Time) string { return t.UTC().Format("15:04:05") },
		"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago":     func(t time.Time) string { return ago(c.o.Now().Sub(t)) },
		"viewers": viewers,
		"left":    left,
		"until":   func(t time.Time) string { return left(int64(t.Sub(c.o.Now()).Seconds())) },
		"past":    func(t time.Time) bool { return !t.IsZero() && t.Before(c.o.Now()) },
		"state":   stateWord,
		"means":   func(state string) string { return stateMeans[state] },
		"cause":   causeWord,
		"of":      func(states map[notice.State]int, s string) int { return states[notice.State(s)] },
		"did":     doneWord,
		"fact":    factName,
		"receiver": func(name string) string {
			if name == "other" { // ledger.KeepReceivers
				return "all others"
			}
			return name
		},
		"span":    span,
		"part":    func(p string) string { return parts[p] },
		"harvest": incident.Harvesting,
		"beside":  incident.Beside,
		"tick":    func(t plot.Tick) string { return t.Time.Format(tickLayouts[t.Scale]) },
		"each":    each,
		"why":     func(reason string) string { return reasons[reason] },
	}
}

var tickLayouts = map[plot.Scale]string{plot.Seconds: "15:04:05", plot.Minutes: "15:04", plot.Hours: "2 Jan 15:04", plot.Days: "2 Jan", plot.Months: "Jan 2006"}

// each says how long a bar of the plot is.
func each(step time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{365 * day, "year"}, {30 * day, "30 days"}, {7 * day, "week"}, {day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := step / u.unit; n == 1 {
			return u.name
		} else if n > 1 && step%u.unit == 0 {
			return strconv.Itoa(int(n)) + " " + u.name + "s"
		}
	}
	return step.String()
}

// number groups thousands.
func number(v any) string {
	s := fmt.Sprint(v)
	if i, err := strconv.ParseInt(s, 10, 64); err != nil || i < 0 {
		return s
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func size(b int64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if b < 10_000 {
			return number(b) + " " + unit
		}
		b /= 1000
	}
	return number(b) + " TB"
}

// ago says how long ago something was, or how long it is until then.
func ago(d time.Duration) string {
	switch {
	case d <= -5*time.Second: // clocks of machines differ by less
		return "in " + span(-d)
	case d < 5*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// left is how much time a clock has, or how late it is, in its two largest units.
func left(seconds int64) string {
	if seconds < 0 {
		return span(time.Duration(-seconds)*time.Second) + " late"
	}
	return span(time.Duration(seconds)*time.Second) + " left"
}

// parts are those of a severity, in ENISA's words.
var parts = map[string]string{"dpc": "data processing context", "ei": "ease of identification", "cb": "circumstances of the breach"}

func span(d time.Duration) string {
	h, m := int(d.Hours()), int(d.Minutes())%60
	switch {
	case h >= 48:
		return fmt.Sprintf("%d days %d h", h/24, h%24)
	case h > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case d > 0 && d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return fmt.Sprintf("%d min", m)
}

// viewers is a viewer's kind in words, for so many of them.
func viewers(kind string, n int) string {
	one, many := kind, kind+"s"
	switch kind {
	case "anonymous":
		one, many = "anonymous", "anonymous"
	case "role":
		one, many = "with a role", "with a role"
	case "claimed-crawler":
		one, many = "claims to be a crawler", "claim to be crawlers"
	}
	if n == 1 {
		return one
	}
	return many
}

package console

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
)

const day = 24 * time.Hour

// overview is the first page: is it quiet, and what was looked at.
type overview struct {
	Status    Status              `json:"status"`
	Summary   ledger.Summary      `json:"summary"` // of the last 24 hours
	Incidents []incident.Incident `json:"incidents"`
	Skipped   []share             `json:"skipped"`
	Quiet     bool                `json:"quiet"` // nothing was disclosed in the last 15 minutes
}

// share is one reason's part of all responses.
type share struct {
	Reason    string  `json:"reason"` // "inspected", or why not
	Responses int64   `json:"responses"`
	Bytes     int64   `json:"bytes"`
	Percent   float64 `json:"percent"`
}

func (c *Console) overview(r *http.Request) (any, error) {
	now := c.o.Now()
	s, err := c.o.Ledger.Summary(r.Context(), now.Add(-day))
	if err != nil {
		return nil, err
	}
	list, err := c.o.Ledger.Incidents(r.Context())
	if err != nil {
		return nil, err
	}
	shares, err := c.shares(r)
	return overview{c.o.Status(), s, list[:min(5, len(list))], shares, now.Sub(s.LastDisclosure) > incident.QuietAfter}, err
}

func (c *Console) shares(r *http.Request) ([]share, error) {
	sums, err := c.o.Ledger.Coverage(r.Context(), c.o.Now().Add(-day))
	if err != nil {
		return nil, err
	}
	var all int64
	var order []candor.Skip
	byReason := map[candor.Skip]*share{}
	for _, v := range sums {
		s := byReason[v.Skip]
		if s == nil {
			s = &share{Reason: string(v.Skip)}
			if v.Skip == "" {
				s.Reason = "inspected"
			}
			byReason[v.Skip] = s
			order = append(order, v.Skip)
		}
		s.Responses += v.Responses
		s.Bytes += v.Bytes
		all += v.Responses
	}
	list := []share{}
	for _, k := range order {
		s := byReason[k]
		s.Percent = 100 * float64(s.Responses) / float64(all)
		list = append(list, *s)
	}
	return list, nil
}

func (c *Console) incidents(r *http.Request) (any, error) {
	list, err := c.o.Ledger.Incidents(r.Context())
	if list == nil {
		list = []incident.Incident{}
	}
	return list, err
}

// account is the page of one incident.
type account struct {
	ledger.Account
	Questions []incident.Answer `json:"questions"`
	Affected  []incident.Person `json:"affected"`
	Next      string            `json:"next,omitempty"` // owner to go on behind; empty: these are all
	plot      plot
}

func (a account) Plot() plot { return a.plot }

const peopleAPage = 25

func (c *Console) incident(r *http.Request) (any, error) {
	ctx, id := r.Context(), r.PathValue("id")
	var a account
	var err error
	if a.Account, err = c.o.Ledger.Account(ctx, id); errors.Is(err, ledger.ErrNoIncident) {
		return nil, errGone
	} else if err != nil {
		return nil, err
	}
	a.Questions = incident.Questions(a.Incident, c.o.Now())
	if a.Affected, err = c.o.Ledger.Affected(ctx, id, r.URL.Query().Get("after"), peopleAPage); err != nil {
		return nil, err
	}
	if n := owners(a.Affected); n >= peopleAPage {
		a.Next = a.Affected[len(a.Affected)-1].Owner
	}
	a.plot = newPlot(a.Series, a.Releases, a.FirstSeen, a.LastSeen)
	return a, nil
}

func owners(list []incident.Person) (n int) {
	for i, p := range list {
		if i == 0 || list[i-1].Owner != p.Owner {
			n++
		}
	}
	return n
}

func (c *Console) links(r *http.Request) (any, error) {
	list, err := c.o.Ledger.Links(r.Context())
	if list == nil {
		list = []ledger.Link{}
	}
	return list, err
}

// covered is the page of what was inspected and what was not.
type covered struct {
	Shares []share           `json:"shares"`
	Routes []candor.Coverage `json:"routes"`
}

func (c *Console) coverage(r *http.Request) (any, error) {
	shares, err := c.shares(r)
	if err != nil {
		return nil, err
	}
	routes, err := c.o.Ledger.RouteCoverage(r.Context(), c.o.Now().Add(-day), 200)
	return covered{shares, routes}, err
}

// functions are what templates say numbers and times with.
func (c *Console) functions() template.FuncMap {
	return template.FuncMap{
		"n":     number,
		"bytes": size,
		"time":  func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") },
		"clock": func(t time.Time) string { return t.UTC().Format("15:04") },
		"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago":   func(t time.Time) string { return ago(c.o.Now().Sub(t)) },
		"why":   why,
	}
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
	for _, unit := range []string{"B", "KB", "MB", "GB"} {
		if b < 10_000 {
			return number(b) + " " + unit
		}
		b /= 1000
	}
	return number(b) + " TB"
}

func ago(d time.Duration) string {
	switch {
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

// reasons says what the skips of guard and capture mean.
var reasons = map[string]string{
	"inspected":          "looked at to the last byte",
	"media":              "pictures, video, sound and fonts",
	"websocket":          "another protocol took over the connection",
	"unknown-encoding":   "a content coding that Candor cannot decode",
	"malformed-encoding": "broken compression",
	"limit":              "decodes to more than the limit",
	"partial":            "a part of a file: what crosses its edges cannot be seen",
	"body-missing":       "the capture does not hold it",
	"failed":             "inspection broke",
}

func why(reason string) string { return strings.TrimSpace(reasons[reason]) }

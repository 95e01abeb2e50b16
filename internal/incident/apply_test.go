package incident

import (
	"testing"
	"time"

	"candor.example"
)

func TestApply(t *testing.T) {
	now := time.Date(2018, 11, 20, 10, 0, 0, 0, time.UTC)
	over := Moments{Fixed: now}
	for name, c := range map[string]struct {
		state   State
		moments Moments
		what    string
		details map[string]string
		want    State
		refused bool
	}{
		"confirm":                      {Open, Moments{}, candor.Confirmed, nil, Confirmed, false},
		"confirm what is contained":    {Contained, Moments{}, candor.Confirmed, nil, Contained, false},
		"contain":                      {Open, Moments{}, candor.Contained, map[string]string{"site": "s", "mode": "mask"}, Contained, false},
		"observe again":                {Contained, Moments{Aware: now}, candor.Contained, map[string]string{"site": "s", "mode": "observe"}, Confirmed, false},
		"the site's own again":         {Contained, Moments{}, candor.Contained, map[string]string{"site": "s"}, Open, false},
		"contain no site":              {Open, Moments{}, candor.Contained, map[string]string{"mode": "mask"}, Open, true},
		"trip after none":              {Open, Moments{}, candor.Contained, map[string]string{"site": "s", "mode": "trip", "count": "0", "within": "1m"}, Open, true},
		"trip after one":               {Open, Moments{}, candor.Contained, map[string]string{"site": "s", "mode": "trip", "count": "1", "within": "1m"}, Open, false},
		"trip after the most":          {Contained, Moments{}, candor.Contained, map[string]string{"site": "s", "mode": "trip", "count": "10000", "within": "720h"}, Open, false},
		"trip after too many":          {Open, Moments{}, candor.Contained, map[string]string{"site": "s", "mode": "trip", "count": "10001", "within": "1m"}, Open, true},
		"trip within too long":         {Open, Moments{}, candor.Contained, map[string]string{"site": "s", "mode": "trip", "count": "1", "within": "720h0m1s"}, Open, true},
		"trip at once":                 {Open, Moments{}, candor.Contained, map[string]string{"site": "s", "mode": "trip"}, Contained, false},
		"tripped":                      {Open, Moments{}, candor.Contained, map[string]string{"site": "s", "mode": "trip", "count": "1", "within": "1m", "tripped": "2018-11-20T10:00:00Z"}, Contained, false},
		"tripped some day":             {Open, Moments{}, candor.Contained, map[string]string{"site": "s", "mode": "trip", "count": "1", "within": "1m", "tripped": "yesterday"}, Open, true},
		"trip within nothing":          {Open, Moments{}, candor.Contained, map[string]string{"site": "s", "mode": "trip", "count": "1", "within": "0s"}, Open, true},
		"fix":                          {Confirmed, Moments{}, candor.Fixed, map[string]string{"at": "2018-11-20T10:00:00Z"}, Fixed, false},
		"fix later than now":           {Confirmed, Moments{}, candor.Fixed, map[string]string{"at": "2018-11-20T10:00:01Z"}, Confirmed, true},
		"fix in the year 1":            {Confirmed, Moments{}, candor.Fixed, map[string]string{"at": "0001-01-01T00:00:00Z"}, Confirmed, true},
		"fix at the epoch":             {Confirmed, Moments{}, candor.Fixed, map[string]string{"at": "1970-01-01T00:00:00Z"}, Confirmed, true},
		"fix just after the epoch":     {Confirmed, Moments{}, candor.Fixed, map[string]string{"at": "1970-01-01T00:00:01Z"}, Fixed, false},
		"fix what is closed":           {Closed, Moments{}, candor.Fixed, nil, Closed, true},
		"verify":                       {Fixed, over, candor.Verified, map[string]string{"requests": "1", "answered": "1", "disclosing": "0", "failed": "0", "result": "clean"}, Verified, false},
		"verify by silence":            {Fixed, over, candor.Verified, map[string]string{"requests": "1", "answered": "0", "disclosing": "0", "failed": "1", "result": "clean"}, Fixed, true},
		"verify and not say by what":   {Fixed, over, candor.Verified, map[string]string{"requests": "1", "disclosing": "0", "result": "clean"}, Fixed, true},
		"verify by no count":           {Fixed, over, candor.Verified, map[string]string{"requests": "1", "answered": "all", "disclosing": "0", "result": "clean"}, Fixed, true},
		"verify by nothing":            {Fixed, over, candor.Verified, map[string]string{"requests": "0", "disclosing": "0", "result": "clean"}, Fixed, true},
		"verify without an answer":     {Fixed, over, candor.Verified, map[string]string{"requests": "1", "disclosing": "0", "result": "inconclusive"}, Fixed, true},
		"reset what had tripped":       {Contained, Moments{Aware: now}, candor.Reset, map[string]string{"site": "s"}, Confirmed, false},
		"reset what is fixed":          {Fixed, over, candor.Reset, map[string]string{"site": "s"}, Fixed, false},
		"verify what is open":          {Open, Moments{}, candor.Verified, map[string]string{"requests": "1", "answered": "1", "result": "clean"}, Open, true},
		"it discloses":                 {Fixed, over, candor.Verified, map[string]string{"requests": "2", "disclosing": "1", "result": "disclosing"}, Open, false},
		"it discloses and is clean":    {Fixed, over, candor.Verified, map[string]string{"requests": "2", "disclosing": "1", "result": "clean"}, Fixed, true},
		"close":                        {Open, Moments{}, candor.Closed, nil, Closed, false},
		"close twice":                  {Closed, Moments{}, candor.Closed, nil, Closed, true},
		"reopen":                       {Closed, Moments{}, candor.Reopened, nil, Open, false},
		"reopen what is open":          {Open, Moments{}, candor.Reopened, nil, Open, true},
		"severity":                     {Open, Moments{}, candor.Assessed, map[string]string{"dpc": "1", "ei": "0.25", "cb": "2"}, Open, false},
		"severity beyond":              {Open, Moments{}, candor.Assessed, map[string]string{"dpc": "1", "ei": "1", "cb": "2.25"}, Open, true},
		"severity that is no number":   {Open, Moments{}, candor.Assessed, map[string]string{"dpc": "NaN", "ei": "1", "cb": "1"}, Open, true},
		"something that nobody can do": {Open, Moments{}, "forget", nil, Open, true},
	} {
		a := candor.Action{ID: "1", Time: now, By: "anna", Why: "because", What: c.what, Details: c.details}
		got, _, err := Apply(c.state, c.moments, a)
		if got != c.want || (err != nil) != c.refused {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	if _, _, err := Apply(Open, Moments{}, candor.Action{ID: "1", Time: now, What: candor.Confirmed}); err == nil {
		t.Error("nobody did it")
	}
	if _, _, err := Apply(Open, Moments{}, candor.Action{ID: "1", By: "anna", What: candor.Confirmed}); err == nil {
		t.Error("at no time")
	}
}

// Clocks count from the first time that somebody was aware, until a human says that it was another.
func TestAwareStays(t *testing.T) {
	first := time.Date(2018, 11, 20, 10, 0, 0, 0, time.UTC)
	a := candor.Action{ID: "1", Time: first, By: "anna", What: candor.Confirmed}
	s, m, _ := Apply(Open, Moments{}, a)
	a.Time, a.By = first.Add(time.Hour), "ben"
	s, again, _ := Apply(s, m, a)
	if !again.Aware.Equal(first) || again.By["aware"] != "anna" {
		t.Errorf("%+v", again)
	}
	a.Details = map[string]string{"at": "2018-11-20T09:00:00Z"}
	if _, m, _ = Apply(s, again, a); !m.Aware.Equal(first.Add(-time.Hour)) || m.By["aware"] != "ben" || again.By["aware"] != "anna" {
		t.Errorf("%+v", m)
	}
}

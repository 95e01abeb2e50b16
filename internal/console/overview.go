package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"candor.example/internal/incident"
	"candor.example/internal/ledger"
)

const (
	day = 24 * time.Hour
	few = 5 // incidents on the overview
)

// overview is the first page: is it quiet, and what was looked at.
type overview struct {
	Verdict   verdict        `json:"verdict"`
	Quiet     bool           `json:"quiet"` // nothing was disclosed for incident.QuietAfter
	Status    Status         `json:"status"`
	Summary   ledger.Summary `json:"summary"` // of the last 24 hours
	Incidents []listed       `json:"incidents"`
	Skipped   []share        `json:"skipped"`
	// Contained are the containments in force, of routes and of sites; Latent counts routes with latent data.
	Contained []incident.Containment `json:"containments"`
	Latent    int                    `json:"latent_routes"`
	Waiting   []wait                 `json:"waiting"` // what waits for somebody, of all incidents, the most urgent first
	More      int                    `json:"-"`       // incidents that are not on the page
}

func (c *Console) overview(r *http.Request) (any, error) {
	ctx, now := r.Context(), c.o.Now()
	o := overview{Status: c.o.Status()}
	var err error
	if o.Summary, err = c.o.Ledger.Summary(ctx, now.Add(-day)); err != nil {
		return nil, err
	}
	recent, err := c.o.Ledger.Summary(ctx, now.Add(-incident.QuietAfter))
	if err != nil {
		return nil, err
	}
	list, err := c.o.Ledger.Incidents(ctx)
	if err != nil {
		return nil, err
	}
	if o.Incidents, err = c.listed(ctx, list[:min(few, len(list))]); err != nil {
		return nil, err
	}
	if o.Waiting, err = c.allWaits(ctx, list); err != nil {
		return nil, err
	}
	o.More = len(list) - len(o.Incidents)
	leaks := slices.ContainsFunc(o.Waiting, func(w wait) bool { return w.First })
	o.Verdict = judge(o.Summary, recent, o.Status, leaks, now)
	o.Quiet = o.Verdict.quiet()
	latent, err := c.o.Ledger.Latent(ctx)
	if err != nil {
		return nil, err
	}
	o.Latent = len(latent)
	if o.Contained, err = c.contained(ctx); err != nil {
		return nil, err
	}
	o.Skipped, err = c.shares(r)
	return o, err
}

// contained lists the containments in force: one without a mode is the site's own again.
func (c *Console) contained(ctx context.Context) ([]incident.Containment, error) {
	all, err := c.o.Ledger.Containments(ctx)
	list := []incident.Containment{}
	for _, v := range all {
		if v.Mode != "" {
			list = append(list, v)
		}
	}
	return list, err
}

// verdict is the one glance.
type verdict struct {
	Level string `json:"level"` // alarm, held, unsure, waiting or calm
	Title string `json:"title"`
	Text  string `json:"text"`
}

func (v verdict) quiet() bool { return v.Level != "alarm" && v.Level != "held" }

// judge says how things stand. It says that it is quiet only where Candor was able to look: a shop whose directory is
// empty or whose journal is stuck is not quiet, but unseen.
func judge(last24h, recent ledger.Summary, s Status, leaks bool, now time.Time) verdict {
	seen := last24h.LastDisclosure
	switch {
	case !seen.IsZero() && now.Sub(seen) < incident.QuietAfter:
		return loud(recent, s, leaks, "Last seen "+ago(now.Sub(seen))+". ")
	case s.Customers == 0:
		return verdict{"unsure", "No customers to look for", "The directory is empty, so nothing can be recognised. Give Candor the customer file with --customers."}
	case len(s.Trouble) > 0:
		return verdict{"unsure", "Nothing new seen, but something is wrong", "Until what is said above is mended, silence may only mean that Candor could not look."}
	case last24h.Responses == 0:
		return verdict{"waiting", "Waiting for traffic", "Nothing has passed in the last 24 hours. Open " + s.Site + ": each response is counted here a second later."}
	case last24h.Inspected == 0:
		return verdict{"unsure", "Nothing could be inspected", "Responses pass, but each was skipped. The reasons are under Coverage."}
	case seen.IsZero():
		return verdict{"calm", "Quiet", "Nobody's data has been seen with the wrong person."}
	}
	return verdict{"calm", "Quiet", "The last disclosure was seen " + ago(now.Sub(seen)) + "."}
}

// loud says whether what is disclosed leaves: by the site's mode, or by what is done to single routes.
func loud(recent ledger.Summary, s Status, leaks bool, last string) verdict {
	switch {
	case leaks && s.Mode == "observe":
		return verdict{"alarm", "People are being exposed", last + "Candor only observes. To stop it, contain each incident below, or start Candor in mode mask."}
	case leaks:
		return verdict{"alarm", "People are being exposed", last + "The mode is " + s.Mode + ", and a route is only observed: contain it below."}
	}
	v := verdict{"held", "Disclosures are being stopped", last + "In mode " + s.Mode + " the identifiers do not leave."}
	if s.Mode == "observe" {
		v.Text = last + "Candor observes, and each route that disclosed anything lately is contained."
	}
	if recent.Exposed > 0 {
		v.Text += fmt.Sprintf(" %s exposed in the last %d minutes, before it was stopped.", people(recent.Exposed), int(incident.QuietAfter.Minutes()))
	}
	return v
}

func people(n int) string {
	if n == 1 {
		return "1 person was"
	}
	return number(n) + " people were"
}

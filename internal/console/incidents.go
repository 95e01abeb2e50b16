package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
	"candor.example/internal/plot"
)

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
	Standing
	Verdict      *incident.Verdict      `json:"verdict"`
	Questions    []incident.Answer      `json:"questions"`
	Moments      []incident.Moment      `json:"moments"`
	Clean        int64                  `json:"clean_before"`
	Since        int64                  `json:"clean_since_fix"`
	Spread       incident.Spread        `json:"spread"`
	Gaps         []incident.Gap         `json:"gaps"`
	Countries    []ledger.Country       `json:"countries"`
	Containments []incident.Containment `json:"containments"` // of its route, and of all its site
	Purge        ledger.Purge           `json:"purge"`
	Audit        []ledger.Audited       `json:"audit"`
	Notices      []notice.Campaign      `json:"notices"`
	Affected     []incident.Person      `json:"affected"`
	Next         string                 `json:"next,omitempty"` // owner to go on behind; empty: these are all
	After        string                 `json:"-"`              // owner behind whom this page begins; empty: the first page
	CanAct       bool                   `json:"-"`
	CanDraft     bool                   `json:"-"`
	plot         plot.Plot
}

// Plot is what the template draws; the JSON has the series itself.
func (a account) Plot() plot.Plot { return a.plot }

const peopleAPage = 50

func (c *Console) incident(r *http.Request) (any, error) {
	ctx, id := r.Context(), r.PathValue("id")
	a := account{After: r.URL.Query().Get("after")}
	var err error
	if a.Account, err = c.found(r); err != nil {
		return nil, err
	}
	a.Verdict = a.Account.Verdict
	a.Questions = incident.Questions(a.Incident, c.o.Now())
	// One more than are shown: it tells whether there is a next page.
	if a.Affected, err = c.o.Ledger.Affected(ctx, id, a.After, peopleAPage+1); err != nil {
		return nil, err
	}
	a.Affected, a.Next = firstOwners(a.Affected, peopleAPage)
	a.CanAct, a.CanDraft = c.o.Act != nil, c.o.Act != nil && c.o.Facts != nil
	return a, c.load(ctx, &a)
}

// found is the account of the incident that a request names.
func (c *Console) found(r *http.Request) (ledger.Account, error) {
	a, err := c.o.Ledger.Account(r.Context(), r.PathValue("id"))
	if errors.Is(err, ledger.ErrNoIncident) {
		return a, missing("There is no such incident.")
	}
	return a, err
}

// load reads what an incident's account rests on.
func (c *Console) load(ctx context.Context, a *account) error {
	l, id := c.o.Ledger, a.ID
	m, err := l.Moments(ctx, id)
	if err != nil {
		return err
	}
	a.Moments, a.Clean, a.Since = m.List(), m.Clean, m.Since
	a.plot = plot.New(points(a.Series), incident.Step, marks(a.Releases, m), c.o.Now(), time.UTC)
	if a.Spread, err = l.Spread(ctx, id); err != nil {
		return err
	}
	if a.Gaps, err = l.Gaps(ctx, id); err != nil {
		return err
	}
	if a.Countries, err = l.Countries(ctx, id); err != nil {
		return err
	}
	said, err := l.Assessment(ctx, id)
	if err != nil {
		return err
	}
	if a.Standing, err = stand(a.Account, a.Countries, m, said, c.o.Trade, c.o.Now()); err != nil {
		return err
	}
	if a.Purge, err = l.Purge(ctx, id); err != nil {
		return err
	}
	all, err := l.Containments(ctx)
	for _, v := range all {
		if v.Site == a.Site && (v.Route == a.Route || v.Route == "") {
			a.Containments = append(a.Containments, v)
		}
	}
	if err != nil {
		return err
	}
	if a.Audit, err = l.Audit(ctx, id, auditAPage); err != nil {
		return err
	}
	list, err := l.Campaigns(ctx, id)
	a.Notices = append([]notice.Campaign{}, list...)
	return err
}

const auditAPage = 100

func points(series []incident.Point) []plot.Point {
	list := make([]plot.Point, len(series))
	for i, v := range series {
		list[i] = plot.Point{Time: v.Time, Exposed: v.Exposed, Prevented: v.Prevented, Disclosures: v.Responses}
	}
	return list
}

// marks are what stands above the plot: releases, and what was done.
func marks(releases []candor.Release, m incident.Moments) []plot.Event {
	var list []plot.Event
	for _, r := range releases {
		list = append(list, plot.Event{What: "release", Name: r.Name, Time: r.Time})
	}
	for _, e := range []plot.Event{{Name: "contained", Time: m.Contained}, {Name: "fixed", Time: m.Fixed}, {Name: "reopened", Time: m.Reopened}} {
		if !e.Time.IsZero() {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b plot.Event) int { return a.Time.Compare(b.Time) })
	return list
}

// Mode is what is done to the incident's route now: the route's own containment, or else its site's.
func (a account) Mode() string {
	mode := ""
	for _, v := range a.Containments {
		if v.Route == a.Route || mode == "" {
			mode = v.Mode
		}
	}
	return mode
}

// firstOwners cuts a list after n owners, whose rows stand together, and names the last of them if there are more.
func firstOwners(list []incident.Person, n int) (first []incident.Person, next string) {
	for i := range list {
		if i > 0 && list[i].Owner != list[i-1].Owner {
			if n--; n == 0 {
				return list[:i], list[i-1].Owner
			}
		}
	}
	return append([]incident.Person{}, list...), ""
}

package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/internal/plot"
)

func (c *Console) incidents(r *http.Request) (any, error) {
	list, err := c.o.Ledger.Incidents(r.Context())
	if err != nil {
		return nil, err
	}
	return c.listed(r.Context(), list)
}

// listed is an incident with what was said of it, and where more is to be said.
type listed struct {
	incident.Incident
	Notices  []string `json:"notices"`         // their ids
	Revision int      `json:"report_revision"` // that is public; 0: none is
	Reports  bool     `json:"-"`               // there are pages of reports
	Filings  bool     `json:"-"`
}

func (c *Console) listed(ctx context.Context, incidents []incident.Incident) ([]listed, error) {
	campaigns, err := c.o.Ledger.Campaigns(ctx, "")
	if err != nil {
		return nil, err
	}
	published, err := c.o.Ledger.Reports(ctx, "")
	list := []listed{}
	for _, i := range incidents {
		one := listed{Incident: i, Notices: []string{}, Reports: c.o.Report != nil, Filings: c.o.Filing != nil}
		for _, v := range campaigns {
			if v.Incident == i.ID {
				one.Notices = append(one.Notices, v.ID)
			}
		}
		for _, v := range published {
			if v.Incident == i.ID {
				one.Revision = max(one.Revision, v.Revision)
			}
		}
		list = append(list, one)
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
	Notices      []told                 `json:"notices"`
	Saw          []incident.ViewerCount `json:"viewers_of_exposed"` // who was shown data, unmasked: what a report counts
	Waiting      []wait                 `json:"waiting"`            // the most urgent first
	Published    []ledger.Revision      `json:"published"`
	Affected     []incident.Person      `json:"affected"`
	Next         string                 `json:"next,omitempty"` // owner to go on behind; empty: these are all
	After        string                 `json:"-"`              // owner behind whom this page begins; empty: the first page
	CanAct       bool                   `json:"-"`
	CanDraft     bool                   `json:"-"`
	CanReport    bool                   `json:"-"`
	CanFile      bool                   `json:"-"`
	ToFile       int                    `json:"-"` // duties to tell a regulator under which nothing is filed
	At           incident.Moments       `json:"-"`
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
	a.CanReport, a.CanFile = c.o.Report != nil, c.o.Filing != nil
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
	a.At, a.Moments, a.Clean, a.Since = m, m.List(), m.Clean, m.Since
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
	if a.Saw, err = l.ViewersOfExposed(ctx, id); err != nil {
		return err
	}
	return c.said(ctx, a)
}

// said is what was said about it, to people and in public, and what waits for that and for the rest.
func (c *Console) said(ctx context.Context, a *account) error {
	list, err := c.o.Ledger.Campaigns(ctx, a.ID)
	a.Notices = []told{}
	for _, v := range list {
		t, e := c.told(ctx, v)
		a.Notices, err = append(a.Notices, t), errors.Join(err, e)
	}
	if err != nil {
		return err
	}
	if a.Published, err = c.o.Ledger.Reports(ctx, a.ID); err != nil {
		return err
	}
	filed, err := c.filed(ctx, a.ID)
	if err != nil {
		return err
	}
	for _, d := range a.Due() {
		if d.Tell == "regulator" && !slices.Contains(filed, d.ID) {
			a.ToFile++
		}
	}
	a.Waiting, err = c.waiting(ctx, a.Account, a.Standing, a.At, inForce(a.Incident, a.Containments))
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

// Mode is what is done to the incident's route now.
func (a account) Mode() string { return inForce(a.Incident, a.Containments).Mode }

// SawThem is how many viewers were shown somebody's data; OnlyMasked how many were sent only pages in which it was stopped.
func (a account) SawThem() (n int) {
	for _, v := range a.Saw {
		n += v.Count
	}
	return n
}

// OnlyMasked: see SawThem.
func (a account) OnlyMasked() int { return max(0, a.Viewers-a.SawThem()) }

// content is a part of an incident's page, and what it comes to.
type content struct{ Path, Name, Says string }

// Contents are the parts of the page, in its order.
func (a account) Contents() (list []content) {
	add := func(when bool, path, name, format string, args ...any) {
		if when {
			list = append(list, content{path, name, fmt.Sprintf(format, args...)})
		}
	}
	page := "/incidents/" + a.ID
	add(len(a.Waiting) > 0, "#waiting", "What waits", "%s", plenty(len(a.Waiting), "thing, and for whom", "things, the most urgent first, and for whom"))
	add(a.CanAct, "#do", "What to do", "contain, fix, close; now: %s", cmp.Or(a.Mode(), "as the site"))
	add(true, "#clocks", "Clocks", "%s", a.clocks())
	add(len(a.Notices) > 0 || a.CanDraft, "#notices", "Notices", "%s", a.notices())
	add(a.CanReport, "#public", "Report and filings", "%s", a.public())
	add(true, "#people-title", "People", "%s exposed, %s prevented, %s possible", number(a.Exposed), number(a.Prevented), number(a.Possible))
	add(len(a.plot.Bars) > 0, "#plot-title", "Over time", "with releases, and what was done")
	add(true, "#cause", "Cause", "%s", a.Cause)
	add(true, "#when", "When", "from the first disclosure to the fix")
	add(true, "#viewers", "Viewers", "%s saw data, %s were sent a masked page only", number(a.SawThem()), number(a.OnlyMasked()))
	add(true, "#severity", "Severity", "%s", a.Severity.Holds().Level)
	add(len(a.Purge.URLs)+len(a.Purge.Keys)+len(a.Purge.Masked) > 0, "#purge", "Purge", "what shared caches may hold")
	add(len(a.Gaps) > 0, "#gaps", "Gaps", "where Candor did not look")
	add(true, "#facts", "Facts", "kinds of data, credentials, release")
	add(true, page+"/affected", "Who was affected", "each by the customer file's opaque id")
	add(true, "#audit", "Audit", "%s", plenty(len(a.Audit), "action", "actions"))
	return list
}

func (a account) clocks() string {
	due := a.Due()
	first := dueSoonest(due)
	if first.At.IsZero() {
		return plenty(len(due), "duty", "duties") + ", none with a date that runs"
	}
	return fmt.Sprintf("%s, the first: %s", plenty(len(due), "duty", "duties"), left(first.Left))
}

func (a account) notices() string {
	if len(a.Notices) == 0 {
		return "nobody has been told"
	}
	return a.Notices[0].Standing
}

func (a account) public() string {
	text := "nothing is public"
	if n := len(a.Published); n > 0 {
		text = fmt.Sprintf("revision %d is public", a.Published[n-1].Revision)
	}
	if a.ToFile > 0 {
		text += "; " + plenty(a.ToFile, "regulator", "regulators") + " to be told"
	}
	return text
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

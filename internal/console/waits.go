package console

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"candor.example/internal/duties"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
	"candor.example/internal/report"
)

// wait is one thing about an incident that waits for somebody.
type wait struct {
	Incident string    `json:"incident"`
	Route    string    `json:"route"`
	What     string    `json:"what"` // in a sentence
	For      string    `json:"for"`  // whom it waits for
	Due      time.Time `json:"due,omitzero"`
	First    bool      `json:"first,omitempty"` // before everything else: people are being exposed
	Path     string    `json:"-"`               // where it is done
}

// inOrder: what lets people be exposed, then what is due first, then what has no date, in the order of an incident's course.
func (w wait) inOrder(o wait) int {
	switch {
	case w.First != o.First:
		return map[bool]int{true: -1, false: 1}[w.First]
	case w.Due.IsZero() != o.Due.IsZero():
		return map[bool]int{true: 1, false: -1}[w.Due.IsZero()]
	}
	return w.Due.Compare(o.Due)
}

// waits is the list of one incident while it is made.
type waits struct {
	a    ledger.Account
	list []wait
}

func (w *waits) add(when bool, path, who, format string, args ...any) *wait {
	if !when {
		return new(wait)
	}
	w.list = append(w.list, wait{Incident: w.a.ID, Route: w.a.Route, What: capital(fmt.Sprintf(format, args...)), For: who, Path: path})
	return &w.list[len(w.list)-1]
}

// Whom things wait for. There are no accounts, so these are roles in words.
const (
	leads   = "who leads the incident"
	builds  = "who builds the site"
	files   = "who speaks with regulators"
	tells   = "who tells people"
	relays  = "who can read the relay's log"
	letters = "who sends letters, or asks the shop's site to tell them"
)

// waiting is what waits of one incident, the most urgent first.
func (c *Console) waiting(ctx context.Context, a ledger.Account, s Standing, m incident.Moments, in incident.Containment) ([]wait, error) {
	w := &waits{a: a}
	page := "/incidents/" + a.ID
	over := a.State == incident.Closed
	w.add(c.leaks(a.Incident, in), page+"/contain?mode=mask", leads, "People are being exposed, last seen %s: contain it.", ago(c.o.Now().Sub(a.LastSeen))).First = true
	w.add(!over && a.Exposed > 0 && m.Aware.IsZero(), page+"/confirm", leads, "Is it a breach? Confirm it, or close it with a reason: clocks count from when you know.")
	w.add(!over && m.Fixed.IsZero() && !m.Aware.IsZero(), page+"/fix", builds, "Nobody has said that its cause is gone.")
	w.add(a.State == incident.Fixed, page+"#do", builds, "The fix is not proved: candor incident verify %s.", a.ID)
	if err := c.regulatorsWait(ctx, w, s); err != nil {
		return nil, err
	}
	if err := c.peopleWait(ctx, w, s, m); err != nil {
		return nil, err
	}
	if err := c.publicWaits(ctx, w, m); err != nil {
		return nil, err
	}
	slices.SortStableFunc(w.list, wait.inOrder)
	return append([]wait{}, w.list...), nil
}

// leaks: people are being exposed now.
func (c *Console) leaks(i incident.Incident, in incident.Containment) bool {
	kept := in.Keeps() || in.Mode == "" && c.o.Status().Mode != "observe"
	return i.State != incident.Closed && c.o.Now().Sub(i.LastSeen) < incident.QuietAfter && !kept
}

// regulatorsWait: a duty to tell a regulator waits until it is on record that it was filed.
func (c *Console) regulatorsWait(ctx context.Context, w *waits, s Standing) error {
	filed, err := c.filed(ctx, w.a.ID)
	for _, d := range s.Due() {
		if d.Tell == "regulator" && !slices.Contains(filed, d.ID) && !d.Start.IsZero() {
			w.add(true, "/incidents/"+w.a.ID+"/filings", files, "%s is to be told (%s).", cmp.Or(d.Authority, d.Place), d.Law).Due = d.At
		}
	}
	return err
}

// filed are the rules under which something is on record as filed.
func (c *Console) filed(ctx context.Context, id string) (ids []string, err error) {
	rows, err := c.o.Ledger.Audit(ctx, id, 1000)
	for _, r := range rows {
		if f, err := report.FiledOf(r.Action); err == nil && r.Refused == "" {
			ids = append(ids, f.Rule)
		}
	}
	return ids, err
}

// peopleWait: from the first draft to the last doubt.
func (c *Console) peopleWait(ctx context.Context, w *waits, s Standing, m incident.Moments) error {
	list, err := c.o.Ledger.Campaigns(ctx, w.a.ID)
	if err != nil {
		return err
	}
	due := time.Time{}
	for _, d := range s.Due() {
		if d.Tell == "people" && !d.At.IsZero() && (due.IsZero() || d.At.Before(due)) {
			due = d.At
		}
	}
	told := false
	for _, v := range list {
		told = told || v.Kind == notice.Affected && v.Phase != notice.Cancelled
		t, err := c.tally(ctx, v.ID)
		if err != nil {
			return err
		}
		p, err := c.o.Ledger.Progress(ctx, v.ID)
		if err != nil {
			return err
		}
		w.campaign(v, t, due)
		w.add(v.Phase.UnderWay() && gone(t) < v.Share && !p.Runs(c.o.Now()), "/notices/"+v.ID, "whoever has the private keys", "No process sends %s, and %s: candor notice send %s.", v.ID, waitFor(v.Share-gone(t)), v.ID).Due = due
		if v.Phase == notice.Done {
			n, err := c.o.Ledger.Unnumbered(ctx, v)
			if err != nil {
				return err
			}
			w.add(n > 0, "/incidents/"+w.a.ID+"/notice?kind="+string(v.Kind), tells, "%s to be told and in no notice: draft another one.", plenty(n, "person is", "people are"))
		}
	}
	w.add(!told && w.a.Exposed > 0 && !m.Aware.IsZero(), "/incidents/"+w.a.ID+"/notice", tells, "Nobody has been told yet: draft a notice to %s.", plenty(w.a.Exposed, "person", "people")).Due = due
	return nil
}

// campaign is what waits of one notice. Before it has gone out it is due as the duty to tell people is.
func (w *waits) campaign(v notice.Campaign, t ledger.Tally, due time.Time) {
	page := "/notices/" + v.ID
	if v.Kind != notice.Affected {
		due = time.Time{}
	}
	add := func(when bool, path, who, format string, args ...any) {
		w.add(when, path, who, "Notice to "+toWhom[v.Kind]+": "+format, args...).Due = due
	}
	others := "anybody but " + strings.Join(append(slices.Clone(v.Authors), v.ApprovedBy()...), " and ")
	add(v.Phase == notice.Drafting && v.Set == "", page+"/freeze", tells, "drafted, and it is not frozen who is told.")
	add(v.Phase == notice.Drafting && v.Set != "", page+"/approve", others, "%s missing for %s.", plenty(v.Needs-len(v.ApprovedBy()), "approval is", "approvals are"), plenty(v.People, "person", "people"))
	add(v.Phase == notice.Approved, page+"/start", tells, "approved, and nothing has gone out.")
	add(v.Phase == notice.Canary && gone(t) >= v.Share, page+"/start", tells, "the canary has gone out: look at what came back, then let more go.")
	add(v.Phase == notice.Paused, page+"/resume", tells, "paused, and %s.", waitFor(t.States[notice.Queued]))
	add(v.Phase == notice.Sending && t.States[notice.Queued] == 0 && t.Affected > 0, page+"/done", tells, "nobody waits any more: say that it is done.")
	due = time.Time{}
	add(t.States[notice.InDoubt] > 0, page+"/people", relays, "%s in doubt: say what became of each.", plenty(t.States[notice.InDoubt], "person is", "people are"))
	unreached := t.States[notice.Bounced]
	if v.Kind == notice.Affected {
		unreached += t.States[notice.Withheld]
	}
	add(unreached > 0, page+"#unreached", letters, "%s not reached by mail: tell them by another channel.", plenty(unreached, "person was", "people were"))
}

// publicWaits: what the public is told.
func (c *Console) publicWaits(ctx context.Context, w *waits, m incident.Moments) error {
	if c.o.Report == nil || w.a.Exposed == 0 || m.Aware.IsZero() {
		return nil
	}
	page := "/incidents/" + w.a.ID + "/report"
	list, err := c.o.Ledger.Reports(ctx, w.a.ID)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		w.add(true, page, "who answers in public", "Nothing is public yet.")
		return nil
	}
	r, err := c.o.Ledger.Report(ctx, list[len(list)-1].Hash)
	if err != nil || len(r.Open) == 0 {
		return err
	}
	due := r.Open[0].AnswerBy
	for _, q := range r.Open {
		if q.AnswerBy.Before(due) {
			due = q.AnswerBy
		}
	}
	w.add(true, page+"#open", "who answers in public", "%s in the published report.", plenty(len(r.Open), "question is open", "questions are open")).Due = due
	return nil
}

// allWaiting is what waits of all incidents. Making it asks the ledger of each of them, and an open page asks each second: so it is made anew only
// after ten times as long as it took, unless somebody has done something since, or people are exposed somewhere else. That more was disclosed is no
// reason: while a large leak goes on that is so each second.
type allWaiting struct {
	mu    sync.Mutex
	at    time.Time
	took  time.Duration
	since string // the last action, and where people are being exposed
	list  []wait
}

func (c *Console) allWaits(ctx context.Context, incidents []incident.Incident) ([]wait, error) {
	acted, err := c.o.Ledger.Audit(ctx, "", 1)
	if err != nil {
		return nil, err
	}
	containments, err := c.o.Ledger.Containments(ctx)
	if err != nil {
		return nil, err
	}
	var since strings.Builder
	for _, a := range acted {
		since.WriteString(a.ID)
	}
	for _, i := range incidents {
		if c.leaks(i, inForce(i, containments)) {
			since.WriteString(" " + i.ID)
		}
	}
	now, k := c.o.Now(), &c.waits
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.list != nil && k.since == since.String() && now.Sub(k.at) < 10*k.took {
		return k.list, nil
	}
	began, all := time.Now(), []wait{}
	for _, i := range incidents {
		list, err := c.waitsOf(ctx, i, containments)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	slices.SortStableFunc(all, wait.inOrder)
	k.at, k.took, k.since, k.list = now, time.Since(began), since.String(), all
	return all, nil
}

func (c *Console) waitsOf(ctx context.Context, i incident.Incident, containments []incident.Containment) ([]wait, error) {
	a, err := c.o.Ledger.Account(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	s, err := StandingOf(ctx, c.o.Ledger, a, c.o.Trade, c.o.Now())
	if err != nil {
		return nil, err
	}
	m, err := c.o.Ledger.Moments(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	return c.waiting(ctx, a, s, m, inForce(i, containments))
}

// inForce is what is done to an incident's route now: by the route's own containment, or else by its site's.
func inForce(i incident.Incident, list []incident.Containment) (in incident.Containment) {
	for _, v := range list {
		if v.Site == i.Site && (v.Route == i.Route || v.Route == "" && in.Route == "") {
			in = v
		}
	}
	return in
}

// dueSoonest is the first of these that has a date.
func dueSoonest(list []duties.Duty) (d duties.Duty) {
	for _, o := range list {
		if !o.At.IsZero() && (d.At.IsZero() || o.At.Before(d.At)) {
			d = o
		}
	}
	return d
}

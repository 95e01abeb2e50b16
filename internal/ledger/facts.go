package ledger

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/notice"
)

// Facts are what the ledger knows of an incident, for a notice or a report to say, as of now. What only people know (who publishes, the page in
// words, what is changed so that it does not happen again, who was told) the caller adds. ErrNoIncident if there is none by that id.
func (l *Ledger) Facts(ctx context.Context, id string, now time.Time) (f notice.Facts, err error) {
	a, err := l.Account(ctx, id)
	if err != nil {
		return f, err
	}
	m, err := l.Moments(ctx, id)
	if err != nil {
		return f, err
	}
	f = notice.Facts{Schema: notice.FactsSchema, Incident: id, AsOf: now.UTC().Truncate(time.Second), Site: a.Site, Route: a.Route, People: a.Exposed, Prevented: a.Prevented, Possible: a.Possible,
		Kinds: []candor.Kind{}, Detected: m.Detected, Aware: m.Aware, Contained: m.Contained, Release: a.Release, Fixed: m.Fixed, Verified: m.Verified, CleanSince: m.Since}
	if v := a.Verdict; v != nil {
		f.Cause, f.Taxonomy = v.Cause, v.Taxonomy
		for _, c := range v.Candidates {
			f.Candidates = append(f.Candidates, c.Cause)
		}
	}
	if err := l.exposure(ctx, id, &f); err != nil {
		return f, err
	}
	return f, l.done(ctx, a.Incident, &f)
}

// exposure is what concerns the exposed alone: those whose data was stopped are not told that it was shown, nor by whom it would have been seen.
func (l *Ledger) exposure(ctx context.Context, id string, f *notice.Facts) error {
	rows, err := l.query(ctx, `SELECT kinds, credentials, MIN(first), MAX(last), MAX(CASE WHEN unlooked > 0 THEN 1 ELSE 0 END) FROM affected WHERE incident = ? AND outcome = 'exposed' GROUP BY kinds, credentials`, id)
	kinds, credentials, unlooked := "", "", 0
	var first, last int64
	_, err = collect(l, rows, err, func(r *sql.Rows) (none struct{}, err error) {
		var k, c string
		var t, u int64
		var n int
		if err = r.Scan(&k, &c, &t, &u, &n); err != nil {
			return none, err
		}
		kinds, credentials, unlooked = union(kinds, k), union(credentials, c), max(unlooked, n)
		if first == 0 || t < first {
			first = t
		}
		last = max(last, u)
		return none, nil
	})
	if err != nil {
		return err
	}
	f.Kinds, f.Credentials, f.Looked, f.First, f.Last = kindsOf(kinds), strings.Fields(credentials), looked(unlooked), maybe(first), maybe(last)
	if f.Viewers, err = l.ViewersOfExposed(ctx, id); err != nil {
		return err
	}
	var perhaps int
	err = l.row(ctx, `SELECT COUNT(*) FROM affected WHERE incident = ? AND outcome = 'exposed' AND (country = '' OR UPPER(country) = 'US' OR UPPER(country) LIKE 'US-%')`, id).Scan(&perhaps)
	f.OutsideUS = perhaps == 0 && f.People > 0
	return l.explain(err)
}

// ViewersOfExposed counts who was shown somebody's data, by kind: an incident's viewers without those who were only sent pages in which it was stopped.
func (l *Ledger) ViewersOfExposed(ctx context.Context, id string) ([]incident.ViewerCount, error) {
	rows, err := l.query(ctx, `SELECT w.kind, COUNT(*) FROM (SELECT DISTINCT digest FROM sight WHERE incident = ?1 AND outcome = 'exposed') v
  JOIN viewer w ON w.incident = ?1 AND w.digest = v.digest GROUP BY w.kind ORDER BY w.kind`, id)
	return collect(l, rows, err, func(r *sql.Rows) (v incident.ViewerCount, err error) { return v, r.Scan(&v.Kind, &v.Count) })
}

// done is what was done about it: how it is contained, and what is on record of the fix and its proof.
func (l *Ledger) done(ctx context.Context, i incident.Incident, f *notice.Facts) error {
	all, err := l.Containments(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Site == i.Site && (c.Route == i.Route || c.Route == "" && f.ContainedHow == "") && !f.Contained.IsZero() {
			f.ContainedHow = c.Mode
		}
	}
	actions, err := l.Audit(ctx, i.ID, 1000)
	if err != nil {
		return err
	}
	for n := len(actions) - 1; n >= 0; n-- { // the last stands
		switch a := actions[n]; {
		case a.Refused != "":
		case a.What == candor.Fixed:
			f.FixReference, f.FixRelease, f.Replayed = a.Details["reference"], a.Details["release"], 0
		case a.What == candor.Verified && a.Details["result"] == "clean":
			f.Replayed, _ = strconv.Atoi(a.Details["answered"])
		}
	}
	return nil
}

package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/incident"
)

// ErrNoIncident: there is none by that id.
var ErrNoIncident = errors.New("there is no such incident")

const incidentColumns = `i.id, i.site, i.route, i.state, i.exposed, i.prevented, i.possible, i.viewers, i.kinds, i.first_seen, i.last_seen, i.release, i.cached, COALESCE(r.people, 0)
FROM incident i LEFT JOIN latent_route r ON r.site = i.site AND r.route = i.route`

// Incidents lists all incidents, the latest first.
func (l *Ledger) Incidents(ctx context.Context) ([]incident.Incident, error) {
	return l.incidents(ctx, ` ORDER BY i.last_seen DESC, i.id`)
}

// Incident is one of them; ErrNoIncident if there is none by that id.
func (l *Ledger) Incident(ctx context.Context, id string) (incident.Incident, error) {
	list, err := l.incidents(ctx, ` WHERE i.id = ?`, id)
	if err == nil && len(list) == 0 {
		return incident.Incident{}, fmt.Errorf("%w as %q", ErrNoIncident, id)
	} else if err != nil {
		return incident.Incident{}, err
	}
	return list[0], nil
}

// row is an incident as its table has it, and how many people's data is latent on its route.
type row struct {
	incident.Incident
	cached, latent int
}

func (l *Ledger) incidents(ctx context.Context, which string, args ...any) ([]incident.Incident, error) {
	rows, err := l.query(ctx, `SELECT `+incidentColumns+which, args...)
	found, err := collect(l, rows, err, scanIncident)
	if err != nil {
		return nil, err
	}
	var list []incident.Incident
	for _, r := range found {
		latent, err := l.possible(ctx, r)
		if err != nil {
			return nil, err
		}
		r.Possible += latent
		v, err := l.verdict(ctx, r.Incident)
		if err != nil {
			return nil, err
		}
		r.Cause, r.Verdict = v.Title, &v
		list = append(list, r.Incident)
	}
	return list, nil
}

// Account is an incident with what it rests on.
type Account struct {
	incident.Incident
	Encodings []string               `json:"encodings"`    // forms in which the identifiers stood
	Secrets   []string               `json:"credentials"`  // kinds of credentials that stood in the same responses
	Looked    string                 `json:"looked"`       // "all" or "part": whether all of these responses were looked at for them
	Seen      []incident.ViewerCount `json:"viewer_kinds"` // who was sent such a page
	Series    []incident.Point       `json:"series"`       // its course in steps of incident.Step; those without a disclosure are left out
	Releases  []candor.Release       `json:"releases"`     // of its site, and of all sites
}

// Account reads one incident; ErrNoIncident if there is none by that id.
func (l *Ledger) Account(ctx context.Context, id string) (a Account, err error) {
	if a.Incident, err = l.Incident(ctx, id); err != nil {
		return a, err
	}
	if a.Encodings, err = l.encodings(ctx, id); err != nil {
		return a, err
	}
	if a.Secrets, a.Looked, err = l.credentials(ctx, id); err != nil {
		return a, err
	}
	if a.Seen, err = l.viewers(ctx, id); err != nil {
		return a, err
	}
	if a.Series, err = l.series(ctx, id); err != nil {
		return a, err
	}
	a.Releases, err = l.Releases(ctx, a.Site)
	return a, err
}

func scanIncident(rows *sql.Rows) (i row, err error) {
	var kinds string
	var first, last int64
	err = rows.Scan(&i.ID, &i.Site, &i.Route, &i.State, &i.Exposed, &i.Prevented, &i.Possible, &i.Viewers, &kinds, &first, &last, &i.Release, &i.cached, &i.latent)
	i.Kinds, i.FirstSeen, i.LastSeen = kindsOf(kinds), from(first), from(last)
	return i, err
}

func kindsOf(s string) []candor.Kind {
	list := []candor.Kind{}
	for _, k := range strings.Fields(s) {
		list = append(list, candor.Kind(k))
	}
	return list
}

// collect reads all rows.
func collect[T any](l *Ledger, rows *sql.Rows, err error, one func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, l.explain(err)
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := one(rows)
		if err != nil {
			return nil, l.explain(err)
		}
		list = append(list, v)
	}
	return list, l.explain(rows.Err())
}

func (l *Ledger) series(ctx context.Context, id string) ([]incident.Point, error) {
	rows, err := l.query(ctx, `SELECT step, exposed, prevented, disclosures FROM course WHERE incident = ? ORDER BY step`, id)
	return collect(l, rows, err, func(r *sql.Rows) (p incident.Point, err error) {
		var t int64
		err = r.Scan(&t, &p.Exposed, &p.Prevented, &p.Responses)
		p.Time = from(t)
		return p, err
	})
}

// Affected lists people of an incident by owner and outcome, behind the owner named by after, at least limit rows where
// there are as many: an owner's rows stay together.
func (l *Ledger) Affected(ctx context.Context, id, after string, limit int) ([]incident.Person, error) {
	rows, err := l.query(ctx, `WITH page AS (SELECT owner FROM (
  SELECT owner FROM (SELECT DISTINCT owner FROM affected WHERE incident = ?1 AND owner > ?2 ORDER BY owner LIMIT ?3) a
  UNION SELECT owner FROM (SELECT l.owner FROM latent l, incident i WHERE i.id = ?1 AND i.cached > 0 AND l.site = i.site AND l.route = i.route AND l.owner > ?2 ORDER BY l.owner LIMIT ?3) b
) c ORDER BY owner LIMIT ?3)
SELECT a.owner, a.outcome, a.first, a.last, a.count, 1 + (SELECT COUNT(*) FROM further v WHERE v.incident = a.incident AND v.owner = a.owner AND v.outcome = a.outcome),
  a.kinds, a.evidence, a.credentials, a.unlooked, a.country, a.locale FROM affected a WHERE a.incident = ?1 AND a.owner IN (SELECT owner FROM page)
UNION ALL SELECT l.owner, 'possible', l.first, l.last, l.count, 0, '', '', '', l.count, l.country, l.locale FROM `+latentPeople+` AND l.owner IN (SELECT owner FROM page)
ORDER BY 1, 2`, id, after, limit)
	return collect(l, rows, err, func(r *sql.Rows) (p incident.Person, err error) {
		var first, last int64
		var kinds, evidence, credentials string
		var unlooked int
		err = r.Scan(&p.Owner, &p.Outcome, &first, &last, &p.Count, &p.Viewers, &kinds, &evidence, &credentials, &unlooked, &p.Country, &p.Locale)
		p.First, p.Last, p.Kinds = from(first), from(last), kindsOf(kinds)
		p.Evidence, p.Credentials, p.Looked = strings.Fields(evidence), strings.Fields(credentials), looked(unlooked)
		return p, err
	})
}

func looked(unlooked int) string {
	if unlooked > 0 {
		return candor.LookedPart
	}
	return candor.LookedAll
}

func (l *Ledger) viewers(ctx context.Context, id string) ([]incident.ViewerCount, error) {
	rows, err := l.query(ctx, `SELECT kind, COUNT(*) FROM viewer WHERE incident = ? GROUP BY kind ORDER BY kind`, id)
	return collect(l, rows, err, func(r *sql.Rows) (v incident.ViewerCount, err error) {
		return v, r.Scan(&v.Kind, &v.Count)
	})
}

func (l *Ledger) encodings(ctx context.Context, id string) ([]string, error) {
	var s string
	err := l.row(ctx, `SELECT encodings FROM incident WHERE id = ?`, id).Scan(&s)
	return strings.Fields(s), l.explain(ignoreNoRows(err))
}

// Link is an owner's identifier shown to whoever holds one unguessable link, and not promoted to a disclosure.
type Link struct {
	Site    string    `json:"site"`
	Route   string    `json:"route"`
	Links   int       `json:"links"`
	Owners  int       `json:"owners"`
	Viewers int       `json:"viewers"`
	Views   int       `json:"views"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// Links sums up link views by site and route, the most viewed first.
func (l *Ledger) Links(ctx context.Context) ([]Link, error) {
	rows, err := l.query(ctx, `SELECT site, route, COUNT(DISTINCT link), COUNT(DISTINCT owner), COUNT(DISTINCT digest), CAST(SUM(count) AS BIGINT), MIN(first), MAX(last)
FROM link WHERE promoted = 0 GROUP BY site, route ORDER BY SUM(count) DESC, site, route`)
	return collect(l, rows, err, func(r *sql.Rows) (k Link, err error) {
		var first, last int64
		err = r.Scan(&k.Site, &k.Route, &k.Links, &k.Owners, &k.Viewers, &k.Views, &first, &last)
		k.First, k.Last = from(first), from(last)
		return k, err
	})
}

// Unaddressed calls unsealed for customers, by digest, who were shown somebody else's data in an incident that is not closed, and whose own address nobody has
// sealed: at most limit of them.
func (l *Ledger) Unaddressed(ctx context.Context, limit int, unsealed func(digest string)) error {
	rows, err := l.query(ctx, `SELECT DISTINCT v.digest FROM viewer v JOIN incident i ON i.id = v.incident WHERE v.kind = 'customer' AND i.state <> 'closed'
  AND v.digest IN (SELECT digest FROM sight WHERE outcome = 'exposed') AND NOT EXISTS (SELECT 1 FROM sealed s WHERE s.owner = v.digest AND s.kind = 'email') LIMIT ?`, limit)
	_, err = collect(l, rows, err, func(r *sql.Rows) (none struct{}, err error) {
		var digest string
		if err = r.Scan(&digest); err == nil {
			unsealed(digest)
		}
		return none, err
	})
	return err
}

// LinkHistory calls opened for every view of a link, in order, so that a guard remembers after a restart.
func (l *Ledger) LinkHistory(ctx context.Context, opened func(link, viewer, owner string)) error {
	rows, err := l.query(ctx, `SELECT link, digest, owner FROM link ORDER BY first`)
	_, err = collect(l, rows, err, func(r *sql.Rows) (struct{}, error) {
		var link, digest, owner string
		err := r.Scan(&link, &digest, &owner)
		opened(link, digest, owner)
		return struct{}{}, err
	})
	return err
}

// Coverage sums up what was inspected since a moment, by site and reason to skip; Route and Time are empty.
func (l *Ledger) Coverage(ctx context.Context, since time.Time) ([]candor.Coverage, error) {
	return l.coverage(ctx, `SELECT site, '', skip, CAST(SUM(responses) AS BIGINT), CAST(SUM(bytes) AS BIGINT) FROM coverage WHERE minute >= ? GROUP BY site, skip ORDER BY SUM(responses) DESC, site, skip`, at(since))
}

// RouteCoverage sums up by site, route and reason, the most responses first.
func (l *Ledger) RouteCoverage(ctx context.Context, since time.Time, limit int) ([]candor.Coverage, error) {
	return l.coverage(ctx, `SELECT site, route, skip, CAST(SUM(responses) AS BIGINT), CAST(SUM(bytes) AS BIGINT) FROM coverage WHERE minute >= ? GROUP BY site, route, skip ORDER BY SUM(responses) DESC, site, route, skip LIMIT ?`, at(since), limit)
}

func (l *Ledger) coverage(ctx context.Context, query string, args ...any) ([]candor.Coverage, error) {
	rows, err := l.query(ctx, query, args...)
	return collect(l, rows, err, func(r *sql.Rows) (c candor.Coverage, err error) {
		return c, r.Scan(&c.Site, &c.Route, &c.Skip, &c.Responses, &c.Bytes)
	})
}

// Releases lists release markers of a site and of all sites, in order; an empty site is every marker.
func (l *Ledger) Releases(ctx context.Context, site string) ([]candor.Release, error) {
	rows, err := l.query(ctx, `SELECT site, time, name, source FROM release WHERE ?1 = '' OR site IN (?1, '') ORDER BY time, name`, site)
	return collect(l, rows, err, func(r *sql.Rows) (v candor.Release, err error) {
		var t int64
		err = r.Scan(&v.Site, &t, &v.Name, &v.Source)
		v.Time = from(t)
		return v, err
	})
}

// Summary is an overview of everything since a moment.
type Summary struct {
	Incidents      int       `json:"incidents"` // those that nobody says are over, whenever
	Exposed        int       `json:"exposed"`   // people who were exposed since, in any incident, each once
	Prevented      int       `json:"prevented"` // likewise
	LastDisclosure time.Time `json:"last_disclosure"`
	Responses      int64     `json:"responses"` // all since, inspected or not
	Inspected      int64     `json:"inspected"` // of them
	Bytes          int64     `json:"bytes"`     // inspected
}

// Summary adds up what happened since a moment.
func (l *Ledger) Summary(ctx context.Context, since time.Time) (s Summary, err error) {
	var last int64
	err = l.row(ctx, `SELECT
  (SELECT COUNT(*) FROM incident WHERE state NOT IN ('fixed', 'verified', 'closed')),
  (SELECT COUNT(DISTINCT owner) FROM affected WHERE outcome = 'exposed' AND last >= ?1),
  (SELECT COUNT(DISTINCT owner) FROM affected WHERE outcome = 'prevented' AND last >= ?1),
  (SELECT COALESCE(MAX(last_seen), 0) FROM incident),
  (SELECT CAST(COALESCE(SUM(responses), 0) AS BIGINT) FROM coverage WHERE minute >= ?1),
  (SELECT CAST(COALESCE(SUM(responses), 0) AS BIGINT) FROM coverage WHERE minute >= ?1 AND skip = ''),
  (SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM coverage WHERE minute >= ?1 AND skip = '')`, at(since)).
		Scan(&s.Incidents, &s.Exposed, &s.Prevented, &last, &s.Responses, &s.Inspected, &s.Bytes)
	if last > 0 {
		s.LastDisclosure = from(last)
	}
	return s, l.explain(err)
}

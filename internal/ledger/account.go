package ledger

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/incident"
)

// Evidence is all that an incident's cause is decided from; ErrNoIncident if there is none by that id.
func (l *Ledger) Evidence(ctx context.Context, id string) (e incident.Evidence, err error) {
	i, err := l.Incident(ctx, id)
	if err != nil {
		return e, err
	}
	return l.evidence(ctx, i)
}

func (l *Ledger) evidence(ctx context.Context, i incident.Incident) (e incident.Evidence, err error) {
	id := i.ID
	e.Kinds = i.Kinds
	var encodings string
	err = l.row(ctx, `SELECT responses, encodings, disclosures, in_url, third_party, in_header FROM incident WHERE id = ?`, id).
		Scan(&e.Total, &encodings, &e.Disclosures, &e.InURL, &e.ThirdParty, &e.InHeader)
	if e.Encodings = strings.Fields(encodings); err != nil {
		return e, l.explain(err)
	}
	rows, err := l.query(ctx, `SELECT body FROM evidence WHERE incident = ? ORDER BY id LIMIT ?`, id, incident.Sample)
	if e.Responses, err = collect(l, rows, err, scanResponse); err != nil {
		return e, err
	}
	if e.Spread, err = l.spread(ctx, id); err != nil {
		return e, err
	}
	e.Personal, err = l.personal(ctx, i.Site, i.Route)
	return e, err
}

// Verdict is the cause that an incident's evidence shows; ErrNoIncident if there is none by that id.
func (l *Ledger) Verdict(ctx context.Context, id string) (v incident.Verdict, err error) {
	i, err := l.Incident(ctx, id)
	if err != nil {
		return v, err
	}
	return l.verdict(ctx, i)
}

// judged is a verdict and what it came from.
type judged struct {
	from    basis
	verdict incident.Verdict
	spread  incident.Spread
}

// basis are figures that a verdict stands on: evidence is added to, an unfinished response is replaced by what it became, and what the
// route does when all is well (personal) is written down some time after the disclosure.
type basis struct{ disclosures, responses, ended, personal int64 }

// verdict decides, unless nothing has come in since it last did: lists of incidents are asked for each second.
func (l *Ledger) verdict(ctx context.Context, i incident.Incident) (incident.Verdict, error) {
	var now judged
	err := l.row(ctx, `SELECT disclosures, responses, (SELECT COUNT(*) FROM evidence WHERE incident = ?1 AND ended = 1),
  (SELECT CAST(COALESCE(SUM(p.responses), 0) AS BIGINT) FROM personal p WHERE p.site = incident.site AND p.route = incident.route) FROM incident WHERE id = ?1`, i.ID).
		Scan(&now.from.disclosures, &now.from.responses, &now.from.ended, &now.from.personal)
	if err != nil {
		return now.verdict, l.explain(err)
	}
	l.memory.Lock()
	before, known := l.memory.verdicts[i.ID]
	l.memory.Unlock()
	if now.verdict = before.verdict; known && before.from == now.from {
		return now.verdict, nil
	}
	e, err := l.evidence(ctx, i)
	if err != nil {
		return now.verdict, err
	}
	now.verdict, now.spread = incident.Decide(e), e.Spread
	l.memory.Lock()
	defer l.memory.Unlock()
	l.memory.verdicts[i.ID] = now
	return now.verdict, nil
}

func scanResponse(rows *sql.Rows) (r candor.Response, err error) {
	var body string
	if err = rows.Scan(&body); err == nil {
		err = json.Unmarshal([]byte(body), &r)
	}
	return r, err
}

// Spread tells how an incident's people are spread over its viewers: what its verdict was decided from. ErrNoIncident if there is none by
// that id.
func (l *Ledger) Spread(ctx context.Context, id string) (incident.Spread, error) {
	if _, err := l.Incident(ctx, id); err != nil { // which decides anew where anything has come in
		return incident.Spread{}, err
	}
	l.memory.Lock()
	defer l.memory.Unlock()
	return l.memory.verdicts[id].spread, nil
}

// spread tells how people are spread over viewers; whoever was masked for a viewer counts as well.
func (l *Ledger) spread(ctx context.Context, id string) (s incident.Spread, err error) {
	err = l.row(ctx, `WITH pair AS (SELECT DISTINCT owner, digest FROM sight WHERE incident = ?1), n AS (SELECT COUNT(*) AS n FROM pair GROUP BY owner)
SELECT (SELECT COUNT(*) FROM viewer WHERE incident = ?1), COUNT(*), CAST(COALESCE(SUM(n), 0) AS BIGINT), COALESCE(MAX(n), 0) FROM n`, id).
		Scan(&s.Viewers, &s.Owners, &s.Pairs, &s.MostViews)
	if err != nil {
		return s, l.explain(err)
	}
	rows, err := l.query(ctx, `SELECT t.digest, w.kind, t.n FROM
  (SELECT digest, COUNT(DISTINCT owner) AS n FROM sight WHERE incident = ?1 GROUP BY digest ORDER BY n DESC, digest LIMIT 10) t
  JOIN viewer w ON w.incident = ?1 AND w.digest = t.digest ORDER BY t.n DESC, t.digest`, id)
	s.Top, err = collect(l, rows, err, func(r *sql.Rows) (v incident.ViewerSeen, err error) {
		return v, r.Scan(&v.Digest, &v.Kind, &v.Owners)
	})
	if err != nil {
		return s, err
	}
	if len(s.Top) > 0 {
		s.MostOwners = s.Top[0].Owners
	}
	s.Kinds, err = l.viewers(ctx, id)
	return s, err
}

// personal sums up by place; Time is the first hour.
func (l *Ledger) personal(ctx context.Context, site, route string) ([]candor.Personal, error) {
	rows, err := l.query(ctx, `SELECT p.place, MIN(p.hour), CAST(SUM(p.responses) AS BIGINT), CAST(SUM(p.shareable) AS BIGINT), CAST(SUM(p.repaired) AS BIGINT),
  COALESCE((SELECT q.cache_control FROM personal q WHERE q.site = ?1 AND q.route = ?2 AND q.place = p.place AND q.cache_control <> '' ORDER BY q.hour DESC LIMIT 1), '')
FROM personal p WHERE p.site = ?1 AND p.route = ?2 GROUP BY p.place ORDER BY p.place`, site, route)
	return collect(l, rows, err, func(r *sql.Rows) (p candor.Personal, err error) {
		var t int64
		p.Site, p.Route = site, route
		err = r.Scan(&p.Place, &t, &p.Responses, &p.Shareable, &p.Repaired, &p.CacheControl)
		p.Time = from(t)
		return p, err
	})
}

// credentials are the kinds that stood in an incident's responses, and how much of those was looked at for them. What a shared cache may have
// handed on of people who are possibly exposed was looked at by nobody.
func (l *Ledger) credentials(ctx context.Context, id string) (kinds []string, how string, err error) {
	rows, err := l.query(ctx, `SELECT credentials, MAX(CASE WHEN unlooked > 0 THEN 1 ELSE 0 END) FROM affected WHERE incident = ? GROUP BY credentials`, id)
	set, unlooked := map[string]bool{}, 0
	_, err = collect(l, rows, err, func(r *sql.Rows) (none struct{}, err error) {
		var some string
		var n int
		err = r.Scan(&some, &n)
		for _, c := range strings.Fields(some) {
			set[c] = true
		}
		unlooked += n
		return none, err
	})
	if err != nil {
		return nil, "", err
	}
	var latent int
	err = l.row(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM `+latentPeople+` LIMIT 1) one`, id).Scan(&latent)
	return append([]string{}, slices.Sorted(maps.Keys(set))...), looked(unlooked + latent), l.explain(err)
}

// Moments tells when what was so, and who or what says so; ErrNoIncident if there is none by that id.
func (l *Ledger) Moments(ctx context.Context, id string) (m incident.Moments, err error) {
	i, err := l.Incident(ctx, id)
	if err != nil {
		return m, err
	}
	tx, err := l.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return m, l.explain(err)
	}
	defer tx.Rollback()
	if m, err = readMoments(ctx, tx, l.dialect, id); err != nil {
		return m, l.explain(err)
	}
	m.First, m.Last, m.Detected, m.By["detected"] = i.FirstSeen, i.LastSeen, i.FirstSeen, "candor"
	if err := l.introduced(ctx, tx, i, &m); err != nil {
		return m, l.explain(err)
	}
	if m.Clean, err = l.inspected(ctx, tx, i, 0, at(i.FirstSeen.Truncate(time.Minute))); err != nil || m.Fixed.IsZero() {
		return m, l.explain(err)
	}
	m.Since, err = l.inspected(ctx, tx, i, at(m.Fixed.Add(time.Minute-1).Truncate(time.Minute)), 1<<62)
	return m, l.explain(err)
}

// introduced is the last release before the first disclosure.
func (l *Ledger) introduced(ctx context.Context, tx *sql.Tx, i incident.Incident, m *incident.Moments) error {
	var t int64
	var source string
	err := tx.QueryRowContext(ctx, l.dialect.bind(`SELECT time, source FROM release WHERE site IN (?, '') AND time <= ? ORDER BY time DESC, name LIMIT 1`), i.Site, at(i.FirstSeen)).Scan(&t, &source)
	if err == nil {
		m.Introduced, m.By["introduced"] = from(t), source
	}
	return ignoreNoRows(err)
}

// inspected counts the responses of an incident's route that were inspected in whole minutes from one moment to another, less those in
// which something was disclosed.
func (l *Ledger) inspected(ctx context.Context, tx *sql.Tx, i incident.Incident, since, until int64) (n int64, err error) {
	err = tx.QueryRowContext(ctx, l.dialect.bind(`SELECT
  (SELECT CAST(COALESCE(SUM(responses), 0) AS BIGINT) FROM coverage WHERE site = ?1 AND route = ?2 AND skip = '' AND minute >= ?3 AND minute < ?4) -
  (SELECT CAST(COALESCE(SUM(responses), 0) AS BIGINT) FROM course WHERE incident = ?5 AND step >= ?3 AND step < ?4)`), i.Site, i.Route, since, until, i.ID).Scan(&n)
	return max(n, 0), err
}

// Gaps lists where Candor did not look on an incident's route: by reason, from the minute of the first disclosure to that of the last, and the
// time before it inspected that route at all.
func (l *Ledger) Gaps(ctx context.Context, id string) ([]incident.Gap, error) {
	i, err := l.Incident(ctx, id)
	if err != nil {
		return nil, err
	}
	absent := incident.Gap{Skip: incident.SkipAbsent, To: i.FirstSeen, Responses: -1}
	var first sql.NullInt64
	if err := l.row(ctx, `SELECT MIN(minute) FROM coverage WHERE site = ? AND route = ? AND skip = ''`, i.Site, i.Route).Scan(&first); err != nil {
		return nil, l.explain(err)
	}
	if first.Valid && first.Int64 < at(i.FirstSeen) {
		absent.To = from(first.Int64)
	}
	rows, err := l.query(ctx, `SELECT skip, MIN(minute), MAX(minute), CAST(SUM(responses) AS BIGINT) FROM coverage WHERE site = ? AND route = ? AND skip NOT IN ('', 'tripped') AND minute >= ? AND minute <= ?
GROUP BY skip ORDER BY MIN(minute), skip`, i.Site, i.Route, at(i.FirstSeen.Truncate(time.Minute)), at(i.LastSeen))
	gaps, err := collect(l, rows, err, func(r *sql.Rows) (g incident.Gap, err error) {
		var from_, to int64
		err = r.Scan(&g.Skip, &from_, &to, &g.Responses)
		g.From, g.To = from(from_), from(to).Add(time.Minute)
		return g, err
	})
	return append([]incident.Gap{absent}, gaps...), err
}

// latentPeople are those whose own data a shared cache may have handed on: the incident's evidence shows one at work, and
// they were sent their data on that route. Who is exposed, or possibly so by other evidence, is not among them.
const latentPeople = `latent l JOIN incident i ON i.id = ?1 AND i.cached > 0 AND l.site = i.site AND l.route = i.route
WHERE NOT EXISTS (SELECT 1 FROM affected x WHERE x.incident = i.id AND x.owner = l.owner AND x.outcome IN ('exposed', 'possible'))`

// remembered is how many people are possibly exposed, as long as no more are exposed or latent.
type remembered struct{ exposed, stored, latent, possible int }

// possible counts latentPeople. Sets only grow, so that the same sizes are the same sets.
func (l *Ledger) possible(ctx context.Context, r row) (int, error) {
	if r.cached == 0 || r.latent == 0 {
		return 0, nil
	}
	l.memory.Lock()
	m, ok := l.memory.possible[r.ID]
	l.memory.Unlock()
	if ok && m.exposed == r.Exposed && m.stored == r.Possible && m.latent == r.latent {
		return m.possible, nil
	}
	m = remembered{r.Exposed, r.Possible, r.latent, 0}
	if err := l.row(ctx, `SELECT COUNT(*) FROM `+latentPeople, r.ID).Scan(&m.possible); err != nil {
		return 0, l.explain(err)
	}
	l.memory.Lock()
	defer l.memory.Unlock()
	l.memory.possible[r.ID] = m
	return m.possible, nil
}

// Latent is a route that shows people their own data in responses that a shared cache may keep.
type Latent struct {
	Site         string    `json:"site"`
	Route        string    `json:"route"`
	People       int       `json:"people"`
	Responses    int64     `json:"responses"` // of the place where it stood most often: a response may have several
	Repaired     int64     `json:"repaired"`  // likewise, those to which Candor added Cache-Control
	CacheControl string    `json:"cache_control"`
	First        time.Time `json:"first"`
	Last         time.Time `json:"last"`
	Incident     string    `json:"incident,omitempty"` // the one on the same site and route
}

// Latent lists these routes, the most people first.
func (l *Ledger) Latent(ctx context.Context) ([]Latent, error) {
	rows, err := l.query(ctx, `SELECT r.site, r.route, r.people, r.first, r.last, COALESCE(i.id, ''),
  COALESCE((SELECT MAX(n) FROM (SELECT CAST(SUM(shareable) AS BIGINT) AS n FROM personal p WHERE p.site = r.site AND p.route = r.route GROUP BY place) a), 0),
  COALESCE((SELECT MAX(n) FROM (SELECT CAST(SUM(repaired) AS BIGINT) AS n FROM personal p WHERE p.site = r.site AND p.route = r.route GROUP BY place) b), 0),
  COALESCE((SELECT p.cache_control FROM personal p WHERE p.site = r.site AND p.route = r.route AND p.cache_control <> '' ORDER BY p.hour DESC, p.place LIMIT 1), '')
FROM latent_route r LEFT JOIN incident i ON i.site = r.site AND i.route = r.route ORDER BY r.people DESC, r.site, r.route`)
	return collect(l, rows, err, func(r *sql.Rows) (v Latent, err error) {
		var first, last int64
		err = r.Scan(&v.Site, &v.Route, &v.People, &first, &last, &v.Incident, &v.Responses, &v.Repaired, &v.CacheControl)
		v.First, v.Last = from(first), from(last)
		return v, err
	})
}

// Country counts an incident's people in one country, by outcome.
type Country struct {
	Country   string `json:"country"` // ISO 3166-1; empty: the customer file does not say
	Exposed   int    `json:"exposed"`
	Prevented int    `json:"prevented"`
	Possible  int    `json:"possible"`
}

// located is how many people there are by country, and what that came from: a country changes only with a disclosure, or with somebody's own
// data on a page that may be kept.
type located struct {
	disclosures, latent int64
	countries           []Country
}

// Countries counts people by country, by name; not anew as long as nothing has come in, for a page asks each second.
func (l *Ledger) Countries(ctx context.Context, id string) ([]Country, error) {
	var now located
	err := l.row(ctx, `SELECT i.disclosures, COALESCE(r.count, 0) FROM incident i LEFT JOIN latent_route r ON r.site = i.site AND r.route = i.route WHERE i.id = ?`, id).
		Scan(&now.disclosures, &now.latent)
	if err != nil {
		return nil, l.explain(ignoreNoRows(err))
	}
	l.memory.Lock()
	before, known := l.memory.countries[id]
	l.memory.Unlock()
	if known && before.disclosures == now.disclosures && before.latent == now.latent {
		return slices.Clone(before.countries), nil
	}
	if now.countries, err = l.locate(ctx, id); err != nil {
		return nil, err
	}
	l.memory.Lock()
	defer l.memory.Unlock()
	l.memory.countries[id] = now
	return slices.Clone(now.countries), nil
}

func (l *Ledger) locate(ctx context.Context, id string) ([]Country, error) {
	rows, err := l.query(ctx, `SELECT country, outcome, COUNT(*) FROM (SELECT country, outcome FROM affected WHERE incident = ?1
UNION ALL SELECT l.country, 'possible' FROM `+latentPeople+`) p GROUP BY country, outcome ORDER BY country, outcome`, id)
	var list []Country
	_, err = collect(l, rows, err, func(r *sql.Rows) (none struct{}, err error) {
		var country, outcome string
		var n int
		if err = r.Scan(&country, &outcome, &n); err != nil {
			return none, err
		}
		if len(list) == 0 || list[len(list)-1].Country != country {
			list = append(list, Country{Country: country})
		}
		list[len(list)-1].add(candor.Outcome(outcome), n)
		return none, nil
	})
	return list, err
}

func (c *Country) add(o candor.Outcome, n int) {
	switch o {
	case candor.Exposed:
		c.Exposed += n
	case candor.Prevented:
		c.Prevented += n
	case candor.Possible:
		c.Possible += n
	}
}

// Containments lists what is done to routes and sites.
func (l *Ledger) Containments(ctx context.Context) ([]incident.Containment, error) {
	rows, err := l.query(ctx, `SELECT site, route, mode, count, within, since, actor, tripped, reset FROM containment ORDER BY site, route`)
	return collect(l, rows, err, func(r *sql.Rows) (c incident.Containment, err error) {
		var since, tripped, reset int64
		err = r.Scan(&c.Site, &c.Route, &c.Mode, &c.Count, &c.Within, &since, &c.By, &tripped, &reset)
		c.Since, c.Tripped, c.Reset = from(since), maybe(tripped), maybe(reset)
		return c, err
	})
}

// Assessment is where the operator departs from the presumed severity; decimals as they were written.
type Assessment struct {
	DPC  string    `json:"dpc"`
	EI   string    `json:"ei"`
	CB   string    `json:"cb"`
	Why  string    `json:"why"`
	Time time.Time `json:"time"`
	By   string    `json:"by"`
}

// Assessment is the last one of an incident; nil if there is none.
func (l *Ledger) Assessment(ctx context.Context, id string) (*Assessment, error) {
	var a Assessment
	var t int64
	err := l.row(ctx, `SELECT dpc, ei, cb, why, time, actor FROM assessment WHERE incident = ?`, id).Scan(&a.DPC, &a.EI, &a.CB, &a.Why, &t, &a.By)
	if err != nil {
		return nil, l.explain(ignoreNoRows(err))
	}
	a.Time = from(t)
	return &a, nil
}

// Purge is what CDNs must forget, of all responses of an incident that a shared cache kept or may keep.
type Purge struct {
	URLs   []string `json:"urls"`   // path and query
	Masked []string `json:"masked"` // URLs with a masked identifier: they tell only where to look
	Keys   []string `json:"keys"`   // surrogate keys
	Cut    bool     `json:"cut"`    // there were more than MaxPurge, or too long ones: all of the route must go
}

// Purge lists it; ErrNoIncident if there is none by that id.
func (l *Ledger) Purge(ctx context.Context, id string) (p Purge, err error) {
	if _, err := l.Incident(ctx, id); err != nil {
		return p, err
	}
	if err := l.row(ctx, `SELECT purge_cut FROM incident WHERE id = ?`, id).Scan(&p.Cut); err != nil {
		return p, l.explain(err)
	}
	rows, err := l.query(ctx, `SELECT kind, value FROM purge WHERE incident = ? ORDER BY kind, value`, id)
	_, err = collect(l, rows, err, func(r *sql.Rows) (none struct{}, err error) {
		var kind, value string
		err = r.Scan(&kind, &value)
		list := map[string]*[]string{"url": &p.URLs, "masked": &p.Masked, "key": &p.Keys}[kind]
		*list = append(*list, value)
		return none, err
	})
	return p, err
}

// Sealed lists what only the notifier can read of an incident's exposed people who have any, at most limit of them, behind the
// owner named by after: an owner's rows stay together.
func (l *Ledger) Sealed(ctx context.Context, id, after string, limit int) ([]candor.Sealed, error) {
	rows, err := l.query(ctx, `SELECT owner, kind, key, blob FROM sealed WHERE owner IN (SELECT a.owner FROM affected a WHERE a.incident = ? AND a.outcome = 'exposed' AND a.owner > ?
  AND EXISTS (SELECT 1 FROM sealed s WHERE s.owner = a.owner) ORDER BY a.owner LIMIT ?) ORDER BY owner, kind, key`, id, after, limit)
	return collect(l, rows, err, func(r *sql.Rows) (s candor.Sealed, err error) {
		var blob string
		if err = r.Scan(&s.Owner, &s.Kind, &s.Key, &blob); err == nil {
			s.Blob, err = base64.StdEncoding.DecodeString(blob)
		}
		return s, err
	})
}

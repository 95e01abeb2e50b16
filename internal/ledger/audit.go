package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/incident"
)

// Audited is one row of the audit: an action, its number, why it changed nothing if it did not, and the hash of all until it.
type Audited struct {
	N int64 `json:"n"`
	candor.Action
	Refused string `json:"refused,omitempty"`
	Hash    string `json:"hash"`
}

// chained is the row's hash: SHA-256 over the hash before it, as hexadecimal digits, a line feed, and the row as a JSON array of texts,
// with time in RFC 3339 and UTC and the details sorted by name, as encoding/json writes it. Of the first row the hash before it is empty.
func (a Audited) chained(before string) string {
	row := []string{fmt.Sprint(a.N), a.ID, a.Time.UTC().Format(time.RFC3339Nano), a.By, a.What, a.Incident, a.Why}
	for _, k := range slices.Sorted(maps.Keys(a.Details)) {
		row = append(row, k, a.Details[k])
	}
	b, _ := json.Marshal(append(row, a.Refused)) // texts always can be
	sum := sha256.Sum256(append([]byte(before+"\n"), b...))
	return hex.EncodeToString(sum[:])
}

// actions applies what humans did, to tables that hold everything until then.
func (f *fold) actions(list []candor.Action) error {
	if len(list) == 0 {
		return nil
	}
	if err := f.write(); err != nil {
		return err
	}
	for _, a := range list {
		if err := f.action(cleaned(a)); err != nil {
			return err
		}
	}
	f.sums = newSums() // what was read of incidents before is not so any more
	return nil
}

func cleaned(a candor.Action) candor.Action {
	a.ID, a.By, a.What, a.Incident, a.Why = human(key(a.ID)), key(a.By), key(a.What), key(a.Incident), clean(a.Why)
	details := map[string]string{}
	for k, v := range a.Details {
		details[clean(k)] = clean(v)
	}
	a.Details, a.Time = details, from(at(a.Time)) // as it can be read again
	return a
}

// automatic begins the ids of what the ledger does by itself. An action of that id that came from elsewhere would be taken for it.
const automatic = "candor-"

// human keeps an id apart from automatic ones, and from every other: one that looks like them is given a tilde more.
func human(id string) string {
	if strings.HasPrefix(strings.TrimLeft(id, "~"), automatic) {
		return "~" + id
	}
	return id
}

// action does one, if it can be done, and writes it down in any case; the same id twice is one action.
func (f *fold) action(a candor.Action) error {
	var n int64
	if err := f.row(`SELECT COUNT(*) FROM audit WHERE id = ?`, []any{a.ID}, &n); err != nil || n > 0 {
		return err
	}
	refused := ""
	err := f.act(a)
	if r := (refusal{}); errors.As(err, &r) {
		refused = r.Error()
	} else if err != nil {
		return err
	}
	if err := f.audit(a, refused); err != nil || refused != "" || a.What != candor.Fixed {
		return err
	}
	return f.fixedTooEarly(a)
}

// refusal is why an action changes nothing.
type refusal struct{ error }

func (f *fold) act(a candor.Action) error {
	if err := incident.Sound(a); err != nil { // before anything is changed
		return refusal{err}
	}
	switch {
	case isNotice(a.What):
		return f.campaign(a)
	case isReport(a.What):
		return f.report(a)
	case a.What == candor.Reset:
		return f.reset(a)
	case a.What == candor.Contained:
		return f.contain(a)
	case a.Incident == "":
		return refusal{errors.New("it names no incident")}
	}
	if err := f.apply(a, a.Incident); err != nil {
		return err
	}
	if a.What == candor.Assessed {
		return f.exec(`INSERT INTO assessment (incident, dpc, ei, cb, why, time, actor) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (incident) DO UPDATE SET
dpc = excluded.dpc, ei = excluded.ei, cb = excluded.cb, why = excluded.why, time = excluded.time, actor = excluded.actor`,
			a.Incident, a.Details["dpc"], a.Details["ei"], a.Details["cb"], a.Why, at(a.Time), a.By)
	}
	return nil
}

// apply changes an incident as incident.Apply says.
func (f *fold) apply(a candor.Action, id string) error {
	var state string
	err := f.row(`SELECT state FROM incident WHERE id = ?`, []any{id}, &state)
	if err == sql.ErrNoRows {
		return refusal{errors.New("there is no such incident")}
	} else if err != nil {
		return err
	}
	m, err := readMoments(f.ctx, f.tx, f.l.dialect, id)
	if err != nil {
		return err
	}
	s, m, err := incident.Apply(incident.State(state), m, a)
	if err != nil {
		return refusal{err}
	}
	return f.stand(id, s, m)
}

// stand writes an incident's state and moments.
func (f *fold) stand(id string, s incident.State, m incident.Moments) error {
	if err := f.exec(`UPDATE incident SET state = ? WHERE id = ?`, string(s), id); err != nil {
		return err
	}
	for _, one := range named(&m) {
		var err error
		if one.at.IsZero() {
			err = f.exec(`DELETE FROM moment WHERE incident = ? AND name = ?`, id, one.name)
		} else {
			err = f.exec(`INSERT INTO moment (incident, name, time, actor) VALUES (?, ?, ?, ?) ON CONFLICT (incident, name) DO UPDATE SET time = excluded.time, actor = excluded.actor`,
				id, one.name, at(*one.at), m.By[one.name])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type moment struct {
	name string
	at   *time.Time
}

// named are the moments that actions set.
func named(m *incident.Moments) []moment {
	return []moment{{"aware", &m.Aware}, {"contained", &m.Contained}, {"determined", &m.Determined}, {"fixed", &m.Fixed}, {"verified", &m.Verified},
		{"reopened", &m.Reopened}, {"closed", &m.Closed}}
}

func readMoments(ctx context.Context, tx *sql.Tx, d dialect, id string) (m incident.Moments, err error) {
	m.By = map[string]string{}
	rows, err := tx.QueryContext(ctx, d.bind(`SELECT name, time, actor FROM moment WHERE incident = ?`), id)
	if err != nil {
		return m, err
	}
	defer rows.Close()
	for rows.Next() {
		var name, actor string
		var t int64
		if err := rows.Scan(&name, &t, &actor); err != nil {
			return m, err
		}
		for _, one := range named(&m) {
			if one.name == name {
				*one.at, m.By[name] = from(t), actor
			}
		}
	}
	return m, rows.Err()
}

// contain sets what is done to a route or a site, and what that makes of the incidents there.
func (f *fold) contain(a candor.Action) error {
	c, err := incident.ContainmentOf(a)
	if err != nil {
		return refusal{err}
	}
	if err := f.exists(a.Incident); err != nil {
		return err
	}
	site, route := key(c.Site), key(c.Route)
	err = f.exec(`INSERT INTO containment (site, route, mode, count, within, since, actor, tripped, reset) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (site, route) DO UPDATE SET
mode = excluded.mode, count = excluded.count, within = excluded.within, since = excluded.since, actor = excluded.actor, tripped = excluded.tripped, reset = 0`,
		site, route, c.Mode, c.Count, int64(c.Within), at(c.Since), c.By, orZero(c.Tripped))
	if err != nil {
		return err
	}
	// A mask on a site does not keep in what a route of it is told to let out, and what a route is told to let out no more by itself may
	// still be kept in by its site's.
	which := `NOT EXISTS (` + kept + `)`
	if c.Keeps() {
		which = `EXISTS (` + kept + `)`
	}
	ids, err := f.texts(`SELECT id FROM incident i WHERE (site = ?1 AND (route = ?2 OR ?2 = '') OR id = ?3) AND `+which+` ORDER BY id`, site, route, a.Incident)
	return f.applyToAll(a, ids, err)
}

func (f *fold) applyToAll(a candor.Action, ids []string, err error) error {
	for _, id := range ids {
		if err := f.apply(a, id); err != nil {
			return err
		}
	}
	return err
}

// exists refuses what names an incident that is not there; naming none is fine.
func (f *fold) exists(id string) error {
	var one int
	if id == "" {
		return nil
	}
	err := f.row(`SELECT 1 FROM incident WHERE id = ?`, []any{id}, &one)
	if err == sql.ErrNoRows {
		return refusal{errors.New("there is no such incident")}
	}
	return err
}

// reset lets what was tripped answer again: nothing is kept in any more.
func (f *fold) reset(a candor.Action) error {
	c, err := incident.ContainmentOf(a)
	if err != nil {
		return refusal{err}
	}
	if err := f.exists(a.Incident); err != nil {
		return err
	}
	var n int
	site, route := key(c.Site), key(c.Route)
	if err := f.row(`SELECT COUNT(*) FROM containment WHERE site = ? AND route = ? AND mode = 'trip'`, []any{site, route}, &n); err != nil {
		return err
	}
	if n == 0 {
		return refusal{errors.New("nothing trips there")}
	}
	if err := f.exec(`UPDATE containment SET reset = ?, tripped = 0 WHERE site = ? AND route = ?`, at(a.Time), site, route); err != nil {
		return err
	}
	if err := f.exec(`DELETE FROM containment WHERE site = ? AND route = ? AND mode = 'trip' AND count = 0`, site, route); err != nil {
		return err
	}
	ids, err := f.texts(`SELECT id FROM incident i WHERE site = ?1 AND (route = ?2 OR ?2 = '') AND NOT EXISTS (`+kept+`) ORDER BY id`, site, route)
	return f.applyToAll(a, ids, err)
}

// kept is what still keeps the data of an incident i in, by the order of guard.Containment: what has tripped, on the route or on its site;
// else the route's own mode, else its site's.
const kept = `SELECT 1 FROM containment c WHERE c.site = i.site AND (c.route IN (i.route, '') AND c.mode = 'trip' AND (c.count = 0 OR c.tripped > 0)
  OR c.route = i.route AND c.mode IN ('mask', 'withhold')
  OR c.route = '' AND c.mode IN ('mask', 'withhold') AND NOT EXISTS (SELECT 1 FROM containment o WHERE o.site = i.site AND o.route = i.route AND o.mode = 'observe'))`

func (f *fold) texts(query string, args ...any) (list []string, err error) {
	rows, err := f.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// audit appends a row.
func (f *fold) audit(a candor.Action, refused string) error {
	row := Audited{Action: a, Refused: refused}
	var before string
	err := f.row(`SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1`, nil, &row.N, &before)
	if ignoreNoRows(err) != nil {
		return err
	}
	row.N++
	details, err := json.Marshal(a.Details)
	if err != nil {
		return err
	}
	return f.exec(`INSERT INTO audit (n, id, time, actor, what, incident, why, details, refused, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		row.N, a.ID, at(a.Time), a.By, a.What, a.Incident, a.Why, string(details), refused, row.chained(before))
}

// mended notes in a book as of when an incident is said to be over.
func (f *fold) mended(b *book, s incident.State) error {
	if s != incident.Fixed && s != incident.Verified && s != incident.Closed {
		return nil
	}
	m, err := readMoments(f.ctx, f.tx, f.l.dialect, b.id)
	if err != nil {
		return err
	}
	over := m.Fixed
	if over.IsZero() {
		over = m.Closed
	}
	b.mended, b.over = true, at(over)
	return nil
}

// regressed reopens an incident that was said to be over, when something was disclosed later than that.
func (f *fold) regressed(b *book, t int64) error {
	if !b.mended || t <= b.over {
		return nil
	}
	b.mended = false
	return f.reopen(b.id, b.over, t)
}

// fixedTooEarly reopens an incident whose fix is said to be older than a disclosure that is here already.
func (f *fold) fixedTooEarly(a candor.Action) error {
	var last, fixed int64
	err := f.row(`SELECT last_seen, time FROM incident JOIN moment ON moment.incident = incident.id AND name = 'fixed' WHERE id = ?`, []any{a.Incident}, &last, &fixed)
	if err != nil || last <= fixed {
		return ignoreNoRows(err)
	}
	return f.reopen(a.Incident, fixed, last)
}

func (f *fold) reopen(id string, over, t int64) error {
	var n int64
	if err := f.row(`SELECT COALESCE(MAX(n), 0) + 1 FROM audit`, nil, &n); err != nil {
		return err
	}
	a := candor.Action{ID: fmt.Sprint(automatic, n), Time: from(t), By: "candor", What: candor.Reopened, Incident: id,
		Why: "disclosed again, later than " + from(over).Format(time.RFC3339), Details: map[string]string{}}
	return f.action(a)
}

// Audit lists the last actions, the latest first; of one incident, or of all where that is "".
func (l *Ledger) Audit(ctx context.Context, incident string, limit int) ([]Audited, error) {
	rows, err := l.query(ctx, `SELECT n, id, time, actor, what, incident, why, details, refused, hash FROM audit WHERE ?1 = '' OR incident = ?1 ORDER BY n DESC LIMIT ?2`, incident, limit)
	return collect(l, rows, err, scanAudited)
}

func scanAudited(rows *sql.Rows) (a Audited, err error) {
	var t int64
	var details string
	if err = rows.Scan(&a.N, &a.ID, &t, &a.By, &a.What, &a.Incident, &a.Why, &details, &a.Refused, &a.Hash); err != nil {
		return a, err
	}
	a.Time = from(t)
	return a, json.Unmarshal([]byte(details), &a.Details)
}

// AuditHead is the last row's number and hash: whoever wrote them down elsewhere can tell whether rows were taken from the end. 0 and ""
// when there is none.
func (l *Ledger) AuditHead(ctx context.Context) (n int64, hash string, err error) {
	err = l.row(ctx, `SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1`).Scan(&n, &hash)
	return n, hash, l.explain(ignoreNoRows(err))
}

// ErrAudit: the audit is not as it was written.
var ErrAudit = errors.New("the audit was changed")

// VerifyAudit follows the chain of hashes from the beginning; ErrAudit names the first row that does not fit.
func (l *Ledger) VerifyAudit(ctx context.Context) error {
	rows, err := l.query(ctx, `SELECT n, id, time, actor, what, incident, why, details, refused, hash FROM audit ORDER BY n`)
	before, n := "", int64(0)
	_, err = collect(l, rows, err, func(r *sql.Rows) (none struct{}, err error) {
		a, err := scanAudited(r)
		if n++; err == nil && a.N != n {
			return none, fmt.Errorf("%w: row %d is missing", ErrAudit, n)
		}
		if err != nil || a.chained(before) != a.Hash {
			return none, fmt.Errorf("%w: row %d does not fit what stands before it", ErrAudit, n)
		}
		before = a.Hash
		return none, nil
	})
	return err
}

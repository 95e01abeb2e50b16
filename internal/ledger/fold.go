package ledger

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/incident"
)

// Fold takes journal entries, in order, into the account: one transaction, in which what was applied is stored, too. What
// was folded before is passed over.
func (l *Ledger) Fold(ctx context.Context, entries []candor.Entry) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return l.explain(err)
	}
	defer tx.Rollback()
	f := fold{tx: tx, ctx: ctx, incidents: map[place]*book{}, coverage: map[candor.Coverage]*candor.Coverage{}}
	var applied uint64
	if err := tx.QueryRowContext(ctx, `SELECT seq FROM applied`).Scan(&applied); err != nil {
		return l.explain(err)
	}
	for _, e := range entries {
		if e.Seq <= applied {
			continue
		}
		if err := f.entry(e); err != nil {
			return l.explain(err)
		}
		applied = e.Seq
	}
	if err := f.write(); err != nil {
		return l.explain(err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE applied SET seq = ?`, applied); err != nil {
		return l.explain(err)
	}
	return l.explain(tx.Commit())
}

// fold is one batch: sums in memory, written at its end.
type fold struct {
	tx        *sql.Tx
	ctx       context.Context
	incidents map[place]*book
	coverage  map[candor.Coverage]*candor.Coverage
}

type place struct{ site, route string }

// book is what a batch adds to one incident.
type book struct {
	id                  string
	isNew               bool
	first, last         int64
	release             string
	kinds, encodings    map[string]bool
	disclosures, cached int64
	people              map[who]*person
	order               []who // of people, as they came, so that who is new when does not depend on batches
	viewers             map[string]string
	course              map[int64]*step
}

type who struct{ owner, outcome string }

type person struct {
	step        int64 // of the entry that came first
	first, last int64
	count       int64
	kinds       map[string]bool
	viewers     map[string]string
}

type step struct{ disclosures, exposed, prevented int64 }

func (f *fold) entry(e candor.Entry) error {
	for _, d := range e.Disclosures {
		var err error
		switch d.Class {
		case candor.Link:
			err = f.link(d)
		case candor.Disclosed:
			err = f.disclosure(d, 1)
			if err == nil && d.Reason != "" {
				err = f.promote(d)
			}
		}
		if err != nil {
			return err
		}
	}
	for _, c := range e.Coverage {
		f.cover(c)
	}
	for _, r := range e.Releases {
		if err := f.release(r); err != nil {
			return err
		}
	}
	return nil
}

// disclosure adds one to the sums; count is how many responses it stands for.
func (f *fold) disclosure(d candor.Disclosure, count int64) error {
	b, err := f.book(d)
	if err != nil {
		return err
	}
	t := at(d.Time)
	b.first, b.last = min(b.first, t), max(b.last, t)
	b.kinds[string(d.Kind)], b.encodings[d.Encoding] = true, true
	b.disclosures += count
	if d.Cached {
		b.cached += count
	}
	see(b.viewers, d)
	m := t - t%int64(incident.Step)
	if b.course[m] == nil {
		b.course[m] = &step{}
	}
	b.course[m].disclosures += count
	k := who{d.Owner, string(d.Outcome)}
	p := b.people[k]
	if p == nil {
		p = &person{step: m, first: t, last: t, kinds: map[string]bool{}, viewers: map[string]string{}}
		b.people[k] = p
		b.order = append(b.order, k)
	}
	p.first, p.last = min(p.first, t), max(p.last, t)
	p.count += count
	p.kinds[string(d.Kind)] = true
	see(p.viewers, d)
	return nil
}

// see adds a viewer. The kind that came first stays, as it does in the table.
func see(viewers map[string]string, d candor.Disclosure) {
	if _, ok := viewers[d.ViewerDigest]; !ok {
		viewers[d.ViewerDigest] = d.Viewer
	}
}

// book finds the incident of a site and route, or begins one.
func (f *fold) book(d candor.Disclosure) (*book, error) {
	at := place{d.Site, d.Route}
	if b := f.incidents[at]; b != nil {
		return b, nil
	}
	t := d.Time.UnixNano()
	b := &book{first: t, last: t, release: d.Release, kinds: map[string]bool{}, encodings: map[string]bool{}, people: map[who]*person{}, viewers: map[string]string{}, course: map[int64]*step{}}
	err := f.tx.QueryRowContext(f.ctx, `SELECT id FROM incident WHERE site = ? AND route = ?`, d.Site, d.Route).Scan(&b.id)
	if err == sql.ErrNoRows {
		b.id, b.isNew, err = incident.ID(d.Site, d.Route, d.Time), true, nil
	}
	f.incidents[at] = b
	return b, err
}

// link notes a view of a link.
func (f *fold) link(d candor.Disclosure) error {
	_, err := f.tx.ExecContext(f.ctx, `INSERT INTO link (link, owner, digest, viewer, site, route, kind, encoding, outcome, release, cached, first, last, count)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
ON CONFLICT (link, owner, digest, kind) DO UPDATE SET count = link.count + 1,
  first = CASE WHEN excluded.first < link.first THEN excluded.first ELSE link.first END,
  last = CASE WHEN excluded.last > link.last THEN excluded.last ELSE link.last END`,
		d.Link, d.Owner, d.ViewerDigest, d.Viewer, d.Site, d.Route, string(d.Kind), d.Encoding, string(d.Outcome), d.Release, number(d.Cached), at(d.Time), at(d.Time))
	return err
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// promote turns the views of a link that broke, or of a viewer who walks through links, into disclosures: each once.
func (f *fold) promote(d candor.Disclosure) error {
	column, value := "link", d.Link
	if d.Reason == "walk" {
		column, value = "digest", d.ViewerDigest
	}
	views, err := f.views(column, value)
	if err != nil || len(views) == 0 {
		return err
	}
	for _, v := range views {
		if err := f.disclosure(v.Disclosure, v.count); err != nil {
			return err
		}
		b := f.incidents[place{v.Site, v.Route}]
		p := b.people[who{v.Owner, string(v.Outcome)}]
		b.last, p.last = max(b.last, v.last), max(p.last, v.last)
	}
	_, err = f.tx.ExecContext(f.ctx, `UPDATE link SET promoted = 1 WHERE promoted = 0 AND `+column+` = ?`, value)
	return err
}

// view is a row of the table link: the disclosure that its first view would have been.
type view struct {
	candor.Disclosure
	last, count int64
}

func (f *fold) views(column, value string) (list []view, err error) {
	rows, err := f.tx.QueryContext(f.ctx, `SELECT owner, digest, viewer, site, route, kind, encoding, outcome, release, cached, first, last, count
FROM link WHERE promoted = 0 AND `+column+` = ? ORDER BY first, owner, digest, kind`, value)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v view
		var first int64
		if err := rows.Scan(&v.Owner, &v.ViewerDigest, &v.Viewer, &v.Site, &v.Route, &v.Kind, &v.Encoding, &v.Outcome, &v.Release, &v.Cached, &first, &v.last, &v.count); err != nil {
			return nil, err
		}
		v.Time = from(first)
		list = append(list, v)
	}
	return list, rows.Err()
}

func (f *fold) cover(c candor.Coverage) {
	k := candor.Coverage{Time: c.Time.UTC().Truncate(time.Minute), Site: c.Site, Route: c.Route, Skip: c.Skip}
	sum := f.coverage[k]
	if sum == nil {
		sum = &candor.Coverage{}
		f.coverage[k] = sum
	}
	sum.Responses += c.Responses
	sum.Bytes += c.Bytes
}

// release marks a release where it is another than the one before: every guard of a fleet tells of it.
func (f *fold) release(r candor.Release) error {
	var before string
	err := f.tx.QueryRowContext(f.ctx, `SELECT name FROM release WHERE site = ? AND time <= ? ORDER BY time DESC, name LIMIT 1`, r.Site, at(r.Time)).Scan(&before)
	if err != nil && err != sql.ErrNoRows || before == r.Name && err == nil {
		return ignoreNoRows(err)
	}
	_, err = f.tx.ExecContext(f.ctx, `INSERT INTO release (site, time, name, source) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, r.Site, at(r.Time), r.Name, r.Source)
	return err
}

func ignoreNoRows(err error) error {
	if err == sql.ErrNoRows {
		return nil
	}
	return err
}

// write puts the sums into the tables.
func (f *fold) write() error {
	s, err := f.prepare()
	if err != nil {
		return err
	}
	for at, b := range f.incidents {
		if err := f.incident(at, b, s); err != nil {
			return err
		}
	}
	for k, sum := range f.coverage {
		if _, err := s.coverage.ExecContext(f.ctx, at(k.Time), k.Site, k.Route, string(k.Skip), sum.Responses, sum.Bytes); err != nil {
			return err
		}
	}
	return nil
}

// statements are prepared once a batch.
type statements struct{ person, more, viewer, course, coverage *sql.Stmt }

func (f *fold) prepare() (s statements, err error) {
	for _, p := range []struct {
		stmt *(*sql.Stmt)
		text string
	}{
		{&s.person, `INSERT INTO affected (incident, owner, outcome, first, last, count, viewers, kinds) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`},
		{&s.more, `UPDATE affected SET first = CASE WHEN ?1 < first THEN ?1 ELSE first END, last = CASE WHEN ?2 > last THEN ?2 ELSE last END,
count = count + ?3, viewers = viewers + ?4, kinds = ?5 WHERE incident = ?6 AND owner = ?7 AND outcome = ?8`},
		{&s.viewer, `INSERT INTO viewer (incident, owner, outcome, digest, kind) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`},
		{&s.course, `INSERT INTO course (incident, step, disclosures, exposed, prevented) VALUES (?, ?, ?, ?, ?) ON CONFLICT (incident, step) DO UPDATE
SET disclosures = course.disclosures + excluded.disclosures, exposed = course.exposed + excluded.exposed, prevented = course.prevented + excluded.prevented`},
		{&s.coverage, `INSERT INTO coverage (minute, site, route, skip, responses, bytes) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (minute, site, route, skip) DO UPDATE
SET responses = coverage.responses + excluded.responses, bytes = coverage.bytes + excluded.bytes`},
	} {
		if *p.stmt, err = f.tx.PrepareContext(f.ctx, p.text); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (f *fold) incident(at place, b *book, s statements) error {
	if b.isNew {
		_, err := f.tx.ExecContext(f.ctx, `INSERT INTO incident (id, site, route, state, first_seen, last_seen, release, kinds, encodings, disclosures, cached, exposed, prevented, possible, viewers)
VALUES (?, ?, ?, ?, ?, ?, ?, '', '', 0, 0, 0, 0, 0, 0)`, b.id, at.site, at.route, string(incident.Open), b.first, b.last, b.release)
		if err != nil {
			return err
		}
	}
	added := map[string]int64{}
	for _, k := range b.order {
		isNew, err := f.person(b, k, s)
		if err != nil {
			return err
		}
		if !isNew {
			continue
		}
		added[k.outcome]++
		switch m := b.course[b.people[k].step]; candor.Outcome(k.outcome) {
		case candor.Exposed:
			m.exposed++
		case candor.Prevented:
			m.prevented++
		}
	}
	viewers, err := f.viewers(b.id, who{}, b.viewers, s)
	if err != nil {
		return err
	}
	for t, m := range b.course {
		if _, err := s.course.ExecContext(f.ctx, b.id, t, m.disclosures, m.exposed, m.prevented); err != nil {
			return err
		}
	}
	return f.sums(b, added, viewers)
}

func (f *fold) sums(b *book, added map[string]int64, viewers int64) error {
	var kinds, encodings string
	if err := f.tx.QueryRowContext(f.ctx, `SELECT kinds, encodings FROM incident WHERE id = ?`, b.id).Scan(&kinds, &encodings); err != nil {
		return err
	}
	_, err := f.tx.ExecContext(f.ctx, `UPDATE incident SET first_seen = CASE WHEN ?1 < first_seen THEN ?1 ELSE first_seen END,
last_seen = CASE WHEN ?2 > last_seen THEN ?2 ELSE last_seen END, kinds = ?3, encodings = ?4, disclosures = disclosures + ?5, cached = cached + ?6,
exposed = exposed + ?7, prevented = prevented + ?8, possible = possible + ?9, viewers = viewers + ?10 WHERE id = ?11`,
		b.first, b.last, union(kinds, b.kinds), union(encodings, b.encodings), b.disclosures, b.cached,
		added[string(candor.Exposed)], added[string(candor.Prevented)], added[string(candor.Possible)], viewers, b.id)
	return err
}

// person adds one owner to a set, and reports whether they are new in it.
func (f *fold) person(b *book, k who, s statements) (isNew bool, err error) {
	p := b.people[k]
	viewers, err := f.viewers(b.id, k, p.viewers, s)
	if err != nil {
		return false, err
	}
	r, err := s.person.ExecContext(f.ctx, b.id, k.owner, k.outcome, p.first, p.last, p.count, viewers, union("", p.kinds))
	if err != nil {
		return false, err
	}
	if n, err := r.RowsAffected(); err != nil || n > 0 {
		return true, err
	}
	var kinds string
	if err := f.tx.QueryRowContext(f.ctx, `SELECT kinds FROM affected WHERE incident = ? AND owner = ? AND outcome = ?`, b.id, k.owner, k.outcome).Scan(&kinds); err != nil {
		return false, err
	}
	_, err = s.more.ExecContext(f.ctx, p.first, p.last, p.count, viewers, union(kinds, p.kinds), b.id, k.owner, k.outcome)
	return false, err
}

// viewers adds viewers to a set, and returns how many are new in it.
func (f *fold) viewers(id string, k who, list map[string]string, s statements) (added int64, err error) {
	for digest, kind := range list {
		r, err := s.viewer.ExecContext(f.ctx, id, k.owner, k.outcome, digest, kind)
		if err != nil {
			return 0, err
		}
		n, err := r.RowsAffected()
		if err != nil {
			return 0, err
		}
		added += n
	}
	return added, nil
}

func union(have string, more map[string]bool) string {
	all := maps.Clone(more)
	for _, s := range strings.Fields(have) {
		all[s] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(all)), " ")
}

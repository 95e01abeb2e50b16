package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"candor.example"
	"candor.example/internal/incident"
)

// ErrBehind: entries are missing between what was applied and what Fold was given, of which it took nothing. So it is when the database
// came back from a crash without its last folds. Fold again from behind Applied.
type ErrBehind struct{ Applied uint64 }

func (e ErrBehind) Error() string {
	return fmt.Sprintf("it holds the journal as far as entry %d, and what comes next was not given to it", e.Applied)
}

// Fold takes journal entries, in order, into the account: one transaction, in which what was applied is stored, too. What
// was folded before is passed over, and a gap is ErrBehind. Two that fold at once wait for each other.
func (l *Ledger) Fold(ctx context.Context, entries []candor.Entry) error {
	return l.transact(ctx, func(f *fold) error { return f.entries(entries) })
}

// transact does something in one transaction.
func (l *Ledger) transact(ctx context.Context, do func(*fold) error) error {
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return l.explain(err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return l.explain(err)
	}
	defer tx.Rollback()
	if err := do(newFold(l, ctx, conn, tx)); err != nil {
		return l.explain(err)
	}
	return l.explain(tx.Commit())
}

func (f *fold) entries(entries []candor.Entry) error {
	l := f.l
	if l.dialect == postgres { // what a crash of the server may lose is folded again, together with the number of what was applied
		if _, err := f.tx.ExecContext(f.ctx, `SET LOCAL synchronous_commit = off`); err != nil {
			return err
		}
	}
	var applied uint64
	if err := f.tx.QueryRowContext(f.ctx, l.dialect.applied()).Scan(&applied); err != nil {
		return err
	}
	if err := l.of(f.ctx, f.tx, l.journal); err != nil {
		return err
	}
	before := applied
	for _, e := range entries {
		if e.Seq <= applied {
			continue
		} else if e.Seq != applied+1 {
			return ErrBehind{before}
		}
		fresh, err := f.capture(e.Capture)
		if err == nil && fresh {
			err = f.entry(e)
		}
		if err != nil {
			return err
		}
		if applied = e.Seq; OnNotices(e) {
			if err := f.exec(`UPDATE applied SET acted = ?`, int64(e.Seq)); err != nil {
				return err
			}
		}
	}
	if err := f.write(); err != nil || applied == before {
		return err
	}
	return f.exec(`UPDATE applied SET seq = ?`, int64(applied))
}

// fold is one batch: sums in memory, written at its end, and before an action.
type fold struct {
	l          *Ledger
	conn       *sql.Conn // that tx is on
	tx         *sql.Tx
	ctx        context.Context
	statements map[string]*sql.Stmt
	sums
}

// sums are what a batch adds.
type sums struct {
	books    map[place]*book
	quiet    map[place]bool // no incident there when last looked
	coverage map[candor.Coverage]*candor.Coverage
	personal map[hour]*candor.Personal
	latent   map[latent]*person
	sealed   map[sealKey]candor.Sealed // the first
}

func newFold(l *Ledger, ctx context.Context, conn *sql.Conn, tx *sql.Tx) *fold {
	return &fold{l: l, ctx: ctx, conn: conn, tx: tx, statements: map[string]*sql.Stmt{}, sums: newSums()}
}

func newSums() sums {
	return sums{map[place]*book{}, map[place]bool{}, map[candor.Coverage]*candor.Coverage{}, map[hour]*candor.Personal{}, map[latent]*person{}, map[sealKey]candor.Sealed{}}
}

type place struct{ site, route string }

// book is what a batch adds to one incident.
type book struct {
	id                          string
	isNew                       bool
	first, last                 int64
	release                     string
	kinds, encodings            string
	disclosures, cached         int64
	inURL, thirdParty, inHeader int64
	responses                   int64 // that are certainly new; the others are told when the table response is asked
	people                      map[who]*person
	order                       []who             // of people, as they came, which may be in order already
	viewers                     map[string]string // the incident's: their kinds, by digest
	answers                     map[string]*answer
	course                      map[int64]*step
	evidence                    map[string]*held
	sample                      string // the greatest id that belongs to a full sample; empty: it is not full
	purge                       []mark
	mended                      bool  // somebody said that it is over,
	over                        int64 // as of this moment
}

type who struct{ owner, outcome string }

type person struct {
	step                         int64 // of the entry that came first
	first, last                  int64
	count, unlooked              int64
	kinds, evidence, credentials string
	country, locale              string
	viewer                       string          // the first that this batch has: nearly everybody was shown to one viewer
	further                      map[string]bool // the others of this batch
}

type step struct{ disclosures, exposed, prevented, responses int64 }

func (f *fold) entry(e candor.Entry) error {
	var numbered map[string]place
	for _, d := range e.Disclosures {
		d = tidy(d)
		if d.Class == candor.Disclosed && d.Response != "" {
			if numbered == nil {
				numbered = map[string]place{}
			}
			numbered[d.Response] = place{d.Site, d.Route}
		}
		if err := f.classed(d); err != nil {
			return err
		}
	}
	for i := range e.Responses {
		if err := f.response(&e.Responses[i], numbered); err != nil {
			return err
		}
	}
	for _, s := range e.Sealed {
		f.seal(s)
	}
	for _, c := range e.Coverage {
		f.cover(c)
	}
	for _, p := range e.Personal {
		f.own(p)
	}
	for _, r := range e.Releases {
		if err := f.release(r); err != nil {
			return err
		}
	}
	for _, d := range e.Documents {
		if err := f.document(d); err != nil {
			return err
		}
	}
	if err := f.actions(e.Actions); err != nil {
		return err
	}
	return f.answers(e.Answers)
}

func (f *fold) classed(d candor.Disclosure) error {
	switch {
	case d.Class == candor.Link:
		return f.link(d)
	case d.Class == candor.Own && d.Outcome == candor.Possible:
		f.latency(&d)
	case d.Class == candor.Disclosed:
		if err := f.disclosure(&d, 1, at(d.Time)); err != nil || d.Reason == "" {
			return err
		}
		return f.promote(d)
	}
	return nil
}

// tidy makes texts such as both databases keep alike.
func tidy(d candor.Disclosure) candor.Disclosure {
	d.Site, d.Route, d.Owner, d.Viewer, d.ViewerDigest = key(d.Site), key(d.Route), key(d.Owner), key(d.Viewer), key(d.ViewerDigest)
	d.Kind, d.Encoding, d.Outcome, d.Release, d.Link = candor.Kind(key(string(d.Kind))), key(d.Encoding), candor.Outcome(key(string(d.Outcome))), key(d.Release), key(d.Link)
	d.Response, d.Country, d.Locale = key(d.Response), key(d.Country), key(d.Locale)
	return d
}

// disclosure adds one to the sums; count is how many responses it stands for, last when the last of them was.
func (f *fold) disclosure(d *candor.Disclosure, count, last int64) error {
	b, err := f.book(d)
	if err != nil {
		return err
	}
	t := at(d.Time)
	b.first, b.last = min(b.first, t), max(b.last, last)
	b.kinds, b.encodings = with(b.kinds, string(d.Kind)), with(b.encodings, d.Encoding)
	m := t - t%int64(incident.Step)
	a := b.answer(d.Response)
	b.count(d, count, m, a)
	b.see(d)
	k := who{d.Owner, string(d.Outcome)}
	p := b.people[k]
	if p == nil {
		p = &person{step: m, first: t, last: t, viewer: d.ViewerDigest}
		b.people[k] = p
		b.order = append(b.order, k)
	}
	p.add(d, count, t, last)
	if a != nil && d.Looked != candor.LookedAll {
		a.await(k, count)
	}
	return f.regressed(b, last)
}

// count adds to the incident's own figures, and to those of a step of its course.
func (b *book) count(d *candor.Disclosure, count, at int64, a *answer) {
	m := b.course[at]
	if m == nil {
		m = &step{}
		b.course[at] = m
	}
	b.disclosures += count
	m.disclosures += count
	if d.Cached {
		b.cached += count
	}
	if d.CWE == "CWE-598" {
		b.inURL += count
	}
	if d.ThirdParty != "" {
		b.thirdParty += count
	}
	if d.Header != "" {
		b.inHeader += count
	}
	n := count // without the id of a response, each is a response of its own
	if a != nil {
		n = a.disclosed(at)
	}
	b.responses += n
	m.responses += n
}

func (p *person) add(d *candor.Disclosure, count, t, last int64) {
	p.first, p.last = min(p.first, t), max(p.last, last)
	p.count += count
	if d.Looked != candor.LookedAll {
		p.unlooked += count
	}
	p.kinds, p.evidence = with(p.kinds, string(d.Kind)), with(p.evidence, clean(string(d.Evidence)))
	for _, c := range d.Credentials {
		p.credentials = with(p.credentials, clean(c))
	}
	p.reside(d)
	p.see(d.ViewerDigest)
}

// see adds a viewer of the person's data.
func (p *person) see(viewer string) {
	if viewer == p.viewer {
		return
	}
	if p.further == nil {
		p.further = map[string]bool{}
	}
	p.further[viewer] = true
}

// reside notes the last that is known of where somebody lives.
func (p *person) reside(d *candor.Disclosure) {
	if d.Country != "" {
		p.country = d.Country
	}
	if d.Locale != "" {
		p.locale = d.Locale
	}
}

// with adds a word to a set. The set of one, which nearly all are, costs nothing.
func with(set, word string) string {
	if set == "" || set == word {
		return union(word, "")
	}
	return union(set, word)
}

// see adds a viewer of the incident's. The kind that came first stays, but for a crawler's that was verified since; so it is in the table.
func (b *book) see(d *candor.Disclosure) {
	if kind, ok := b.viewers[d.ViewerDigest]; !ok || kind == claimedCrawler && d.Viewer == crawler {
		b.viewers[d.ViewerDigest] = d.Viewer
	}
}

// What a viewer's kind may change from and to: Viewer.Digest is the same of both.
const claimedCrawler, crawler = "claimed-crawler", "crawler"

// book finds the incident of a site and route, or begins one.
func (f *fold) book(d *candor.Disclosure) (*book, error) {
	where := place{d.Site, d.Route}
	b, err := f.find(where)
	if b != nil || err != nil {
		return b, err
	}
	b = newBook(incident.ID(d.Site, d.Route, d.Time), at(d.Time))
	b.isNew, b.release = true, d.Release
	f.books[where] = b
	return b, nil
}

func newBook(id string, t int64) *book {
	return &book{id: id, first: t, last: t, people: map[who]*person{}, viewers: map[string]string{}, answers: map[string]*answer{},
		course: map[int64]*step{}, evidence: map[string]*held{}}
}

// find finds the incident of a site and route; nil if there is none.
func (f *fold) find(at place) (*book, error) {
	if b := f.books[at]; b != nil || f.quiet[at] {
		return b, nil
	}
	var id, state string
	var last int64
	err := f.row(`SELECT id, last_seen, state FROM incident WHERE site = ? AND route = ?`, []any{at.site, at.route}, &id, &last, &state)
	if err == sql.ErrNoRows {
		f.quiet[at] = true
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	b := newBook(id, last)
	if err := f.mended(b, incident.State(state)); err != nil {
		return nil, err
	}
	f.books[at] = b
	return b, f.row(`SELECT COALESCE(MAX(id), '') FROM evidence WHERE incident = ?1 AND (SELECT COUNT(*) FROM evidence WHERE incident = ?1) >= ?2`, []any{id, incident.Sample}, &b.sample)
}

// link notes a view of a link.
func (f *fold) link(d candor.Disclosure) error {
	return f.exec(`INSERT INTO link (link, owner, digest, viewer, site, route, kind, encoding, outcome, release, cached, first, last, count)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
ON CONFLICT (link, owner, digest, kind) DO UPDATE SET count = link.count + 1,
  first = CASE WHEN excluded.first < link.first THEN excluded.first ELSE link.first END,
  last = CASE WHEN excluded.last > link.last THEN excluded.last ELSE link.last END`,
		d.Link, d.Owner, d.ViewerDigest, d.Viewer, d.Site, d.Route, string(d.Kind), d.Encoding, string(d.Outcome), d.Release, number(d.Cached), at(d.Time), at(d.Time))
}

func number(b bool) int64 {
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
		if err := f.disclosure(&v.Disclosure, v.count, v.last); err != nil {
			return err
		}
	}
	return f.exec(`UPDATE link SET promoted = 1 WHERE promoted = 0 AND `+column+` = ?`, value)
}

// view is a row of the table link: the disclosure that its first view would have been.
type view struct {
	candor.Disclosure
	last, count int64
}

func (f *fold) views(column, value string) (list []view, err error) {
	rows, err := f.query(`SELECT owner, digest, viewer, site, route, kind, encoding, outcome, release, cached, first, last, count
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
	k := candor.Coverage{Time: c.Time.UTC().Truncate(time.Minute), Site: key(c.Site), Route: key(c.Route), Skip: candor.Skip(key(string(c.Skip)))}
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
	r.Site, r.Name = key(r.Site), key(r.Name)
	var before string
	err := f.row(`SELECT name FROM release WHERE site = ? AND time <= ? ORDER BY time DESC, name LIMIT 1`, []any{r.Site, at(r.Time)}, &before)
	if err != nil && err != sql.ErrNoRows || before == r.Name && err == nil {
		return ignoreNoRows(err)
	}
	return f.exec(`INSERT INTO release (site, time, name, source) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, r.Site, at(r.Time), r.Name, clean(r.Source))
}

func ignoreNoRows(err error) error {
	if err == sql.ErrNoRows {
		return nil
	}
	return err
}

// write puts the sums into the tables, and begins new ones.
func (f *fold) write() error {
	for _, at := range slices.SortedFunc(maps.Keys(f.books), byPlace) {
		if err := f.incident(at, f.books[at]); err != nil {
			return err
		}
	}
	for _, write := range []func() error{f.writeCoverage, f.writePersonal, f.writeLatent, f.writeSealed} {
		if err := write(); err != nil {
			return err
		}
	}
	f.sums = newSums()
	return nil
}

func byPlace(a, b place) int {
	return cmp.Or(cmp.Compare(a.site, b.site), cmp.Compare(a.route, b.route))
}

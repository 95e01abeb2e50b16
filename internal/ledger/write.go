package ledger

import (
	"cmp"
	"database/sql"
	"maps"
	"slices"

	"candor.example"
	"candor.example/internal/incident"
)

// incident writes what a batch adds to one. Rows go in by their keys' order, so that neighbours meet the same page of a table.
func (f *fold) incident(at place, b *book) error {
	if b.isNew {
		err := f.exec(`INSERT INTO incident (id, site, route, state, first_seen, last_seen, release, kinds, encodings, disclosures, cached, exposed, prevented, possible, viewers)
VALUES (?, ?, ?, ?, ?, ?, ?, '', '', 0, 0, 0, 0, 0, 0)`, b.id, at.site, at.route, string(incident.Open), b.first, b.last, b.release)
		if err != nil {
			return err
		}
	}
	if err := f.sample(b); err != nil { // before the responses: it asks which were there
		return err
	}
	if err := f.respond(b); err != nil {
		return err
	}
	if err := f.settle(b); err != nil { // before the people: it adds to them
		return err
	}
	added, err := f.people(b)
	if err != nil {
		return err
	}
	viewers, err := f.viewers(b)
	if err != nil {
		return err
	}
	if err := f.course(b); err != nil {
		return err
	}
	if err := f.purge(b); err != nil {
		return err
	}
	return f.exec(`UPDATE incident SET first_seen = CASE WHEN ?1 < first_seen THEN ?1 ELSE first_seen END,
last_seen = CASE WHEN ?2 > last_seen THEN ?2 ELSE last_seen END, kinds = candor_union(kinds, ?3), encodings = candor_union(encodings, ?4),
disclosures = disclosures + ?5, cached = cached + ?6, exposed = exposed + ?7, prevented = prevented + ?8, possible = possible + ?9, viewers = viewers + ?10,
responses = responses + ?11, in_url = in_url + ?12, third_party = third_party + ?13, in_header = in_header + ?14 WHERE id = ?15`,
		b.first, b.last, b.kinds, b.encodings, b.disclosures, b.cached,
		added[string(candor.Exposed)], added[string(candor.Prevented)], added[string(candor.Possible)], viewers,
		b.responses, b.inURL, b.thirdParty, b.inHeader, b.id)
}

// people adds to the sets, and tells how many are new in each.
func (f *fold) people(b *book) (added map[string]int64, err error) {
	slices.SortFunc(b.order, who.compare)
	stored, err := f.stored(b)
	if err != nil {
		return nil, err
	}
	added = map[string]int64{}
	var fresh, known, seen []who
	var further []string // viewers, of whom seen has
	for _, k := range b.order {
		p := b.people[k]
		viewer, is := stored[k]
		if is {
			known = append(known, k)
		} else {
			fresh, viewer = append(fresh, k), p.viewer
			added[k.outcome]++
			b.isNewIn(p.step, k.outcome)
		}
		for _, v := range p.besides(viewer) {
			seen, further = append(seen, k), append(further, v)
		}
	}
	if _, err := f.bulk(b.affected(fresh, ``), nil); err != nil {
		return nil, err
	}
	if _, err := f.bulk(b.affected(known, `ON CONFLICT (incident, owner, outcome) DO UPDATE SET
first = CASE WHEN excluded.first < affected.first THEN excluded.first ELSE affected.first END,
last = CASE WHEN excluded.last > affected.last THEN excluded.last ELSE affected.last END,
count = affected.count + excluded.count, unlooked = affected.unlooked + excluded.unlooked,
kinds = `+merged("kinds")+`, evidence = `+merged("evidence")+`, credentials = `+merged("credentials")+`,
country = CASE WHEN excluded.country = '' THEN affected.country ELSE excluded.country END,
locale = CASE WHEN excluded.locale = '' THEN affected.locale ELSE excluded.locale END`), nil); err != nil {
		return nil, err
	}
	owners, outcomes := columns(seen)
	_, err = f.bulk(bulk{`further`, `incident, owner, outcome, digest`, `ON CONFLICT DO NOTHING`, []any{same(b.id, len(seen)), owners, outcomes, further}}, nil)
	return added, err
}

// stored are those who are in the sets already, with their first viewer.
func (f *fold) stored(b *book) (map[who]string, error) {
	var owners []string
	for _, k := range b.order {
		if n := len(owners); n == 0 || owners[n-1] != k.owner {
			owners = append(owners, k.owner)
		}
	}
	list := map[who]string{}
	return list, f.among(`SELECT owner, outcome, viewer FROM affected WHERE incident = ? AND owner`, b.id, owners, ``, func(r *sql.Rows) error {
		var k who
		var viewer string
		err := r.Scan(&k.owner, &k.outcome, &viewer)
		list[k] = viewer
		return err
	})
}

// besides are the viewers of a batch but for one.
func (p *person) besides(stored string) (list []string) {
	if p.count > 0 && p.viewer != stored {
		list = append(list, p.viewer)
	}
	for v := range p.further {
		if v != stored {
			list = append(list, v)
		}
	}
	slices.Sort(list)
	return list
}

// affected are the rows of people.
func (b *book) affected(order []who, rest string) bulk {
	n := len(order)
	owners, outcomes := columns(order)
	kinds, evidence, credentials, countries, locales, viewers := texts(n), texts(n), texts(n), texts(n), texts(n), texts(n)
	first, last, count, unlooked := numbers(n), numbers(n), numbers(n), numbers(n)
	for i, k := range order {
		p := b.people[k]
		first[i], last[i], count[i], unlooked[i] = p.first, p.last, p.count, p.unlooked
		kinds[i], evidence[i], credentials[i], countries[i], locales[i], viewers[i] = p.kinds, p.evidence, p.credentials, p.country, p.locale, p.viewer
	}
	return bulk{`affected`, `incident, owner, outcome, first, last, count, kinds, evidence, credentials, unlooked, country, locale, viewer`, rest,
		[]any{same(b.id, n), owners, outcomes, first, last, count, kinds, evidence, credentials, unlooked, countries, locales, viewers}}
}

func columns(order []who) (owners, outcomes []string) {
	owners, outcomes = texts(len(order)), texts(len(order))
	for i, k := range order {
		owners[i], outcomes[i] = k.owner, k.outcome
	}
	return owners, outcomes
}

func merged(column string) string {
	return `CASE WHEN excluded.` + column + ` = affected.` + column + ` THEN affected.` + column + ` ELSE candor_union(affected.` + column + `, excluded.` + column + `) END`
}

// isNewIn notes in the course that a person was new.
func (b *book) isNewIn(step int64, outcome string) {
	switch m := b.course[step]; candor.Outcome(outcome) {
	case candor.Exposed:
		m.exposed++
	case candor.Prevented:
		m.prevented++
	}
}

func texts(n int) []string  { return make([]string, n) }
func numbers(n int) []int64 { return make([]int64, n) }

// viewers adds the incident's viewers, and returns how many are new.
func (f *fold) viewers(b *book) (added int64, err error) {
	digests := slices.Sorted(maps.Keys(b.viewers))
	fresh, err := f.missing(b, digests)
	if err != nil {
		return 0, err
	}
	if added, err = f.bulk(b.seen(fresh, ``), nil); err != nil {
		return 0, err
	}
	verified := slices.DeleteFunc(slices.Clone(digests), func(d string) bool { return b.viewers[d] != crawler })
	_, err = f.bulk(b.seen(verified, `ON CONFLICT (incident, digest) DO UPDATE SET kind = excluded.kind WHERE viewer.kind = '`+claimedCrawler+`'`), nil)
	return added, err
}

// missing are those that the table does not have, in the same order: most were there before, and asking costs less than trying to insert.
func (f *fold) missing(b *book, digests []string) (fresh []string, err error) {
	if len(digests) == 0 {
		return nil, nil
	}
	from, list, err := f.l.dialect.list(digests)
	if err != nil {
		return nil, err
	}
	_, err = f.send(`SELECT value FROM `+from+` WHERE NOT EXISTS (SELECT 1 FROM viewer WHERE incident = ? AND digest = value)`, []any{list, b.id}, func(r *sql.Rows) error {
		var digest string
		err := r.Scan(&digest)
		fresh = append(fresh, digest)
		return err
	})
	slices.Sort(fresh)
	return fresh, err
}

// seen are the rows of viewers.
func (b *book) seen(digests []string, rest string) bulk {
	kinds := texts(len(digests))
	for i, d := range digests {
		kinds[i] = b.viewers[d]
	}
	return bulk{`viewer`, `incident, digest, kind`, rest, []any{same(b.id, len(digests)), digests, kinds}}
}

func (f *fold) course(b *book) error {
	steps := slices.Sorted(maps.Keys(b.course))
	n := len(steps)
	ids, disclosures, exposed, prevented, responses := texts(n), numbers(n), numbers(n), numbers(n), numbers(n)
	for i, t := range steps {
		m := b.course[t]
		ids[i], disclosures[i], exposed[i], prevented[i], responses[i] = b.id, m.disclosures, m.exposed, m.prevented, m.responses
	}
	_, err := f.bulk(bulk{`course`, `incident, step, disclosures, exposed, prevented, responses`, `ON CONFLICT (incident, step) DO UPDATE
SET disclosures = course.disclosures + excluded.disclosures, exposed = course.exposed + excluded.exposed, prevented = course.prevented + excluded.prevented,
responses = course.responses + excluded.responses`, []any{ids, steps, disclosures, exposed, prevented, responses}}, nil)
	return err
}

func (f *fold) writeCoverage() error {
	for _, k := range slices.SortedFunc(maps.Keys(f.coverage), func(a, b candor.Coverage) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Site, b.Site), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Skip, b.Skip))
	}) {
		sum := f.coverage[k]
		err := f.exec(`INSERT INTO coverage (minute, site, route, skip, responses, bytes) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (minute, site, route, skip) DO UPDATE
SET responses = coverage.responses + excluded.responses, bytes = coverage.bytes + excluded.bytes`, at(k.Time), k.Site, k.Route, string(k.Skip), sum.Responses, sum.Bytes)
		if err != nil {
			return err
		}
	}
	return nil
}

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
	responses, err := f.writeResponses(b)
	if err != nil {
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
responses = responses + ?11, unnumbered = unnumbered + ?12, in_url = in_url + ?13, third_party = third_party + ?14, in_header = in_header + ?15 WHERE id = ?16`,
		b.first, b.last, b.kinds, b.encodings, b.disclosures, b.cached,
		added[string(candor.Exposed)], added[string(candor.Prevented)], added[string(candor.Possible)], viewers,
		responses+b.unnumbered, b.unnumbered, b.inURL, b.thirdParty, b.inHeader, b.id)
}

// people adds to the sets, and tells how many are new in each. Somebody is new whose count is what was just added.
func (f *fold) people(b *book) (added map[string]int64, err error) {
	order := slices.Clone(b.order)
	slices.SortFunc(order, func(x, y who) int { return cmp.Or(cmp.Compare(x.owner, y.owner), cmp.Compare(x.outcome, y.outcome)) })
	n := len(order)
	ids, owners, outcomes, kinds, evidence, credentials, countries, locales := texts(n), texts(n), texts(n), texts(n), texts(n), texts(n), texts(n), texts(n)
	first, last, count, unlooked := numbers(n), numbers(n), numbers(n), numbers(n)
	for i, k := range order {
		p := b.people[k]
		ids[i], owners[i], outcomes[i], first[i], last[i], count[i], unlooked[i] = b.id, k.owner, k.outcome, p.first, p.last, p.count, p.unlooked
		kinds[i], evidence[i], credentials[i], countries[i], locales[i] = p.kinds, p.evidence, p.credentials, p.country, p.locale
	}
	added = map[string]int64{}
	_, err = f.bulk(bulk{`affected (incident, owner, outcome, first, last, count, kinds, evidence, credentials, unlooked, country, locale)`, `ON CONFLICT (incident, owner, outcome) DO UPDATE SET
first = CASE WHEN excluded.first < affected.first THEN excluded.first ELSE affected.first END,
last = CASE WHEN excluded.last > affected.last THEN excluded.last ELSE affected.last END,
count = affected.count + excluded.count, unlooked = affected.unlooked + excluded.unlooked,
kinds = ` + merged("kinds") + `, evidence = ` + merged("evidence") + `, credentials = ` + merged("credentials") + `,
country = CASE WHEN excluded.country = '' THEN affected.country ELSE excluded.country END,
locale = CASE WHEN excluded.locale = '' THEN affected.locale ELSE excluded.locale END
RETURNING owner, outcome, count`, []any{ids, owners, outcomes, first, last, count, kinds, evidence, credentials, unlooked, countries, locales}},
		func(r *sql.Rows) error {
			var k who
			var total int64
			if err := r.Scan(&k.owner, &k.outcome, &total); err != nil {
				return err
			}
			if p := b.people[k]; total == p.count {
				added[k.outcome]++
				b.isNewIn(p.step, k.outcome)
			}
			return nil
		})
	return added, err
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

// viewers adds viewers to the sets, and returns how many are new to the incident.
func (f *fold) viewers(b *book) (added int64, err error) {
	all := slices.SortedFunc(maps.Keys(b.viewers), func(x, y seen) int {
		return cmp.Or(cmp.Compare(x.owner, y.owner), cmp.Compare(x.outcome, y.outcome), cmp.Compare(x.digest, y.digest))
	})
	as := 0 // viewers as such: without an owner, so that they come first
	for as < len(all) && all[as].who == (who{}) {
		as++
	}
	added, err = f.viewersOf(b, all[:as])
	if err != nil {
		return 0, err
	}
	_, err = f.viewersOf(b, all[as:])
	return added, err
}

func (f *fold) viewersOf(b *book, list []seen) (added int64, err error) {
	if added, err = f.bulk(b.rows(list, `ON CONFLICT DO NOTHING`), nil); err != nil {
		return 0, err
	}
	verified := slices.DeleteFunc(slices.Clone(list), func(s seen) bool { return b.viewers[s] != crawler })
	_, err = f.bulk(b.rows(verified, `ON CONFLICT (incident, owner, outcome, digest) DO UPDATE SET kind = excluded.kind WHERE viewer.kind = '`+claimedCrawler+`'`), nil)
	return added, err
}

// rows are those of viewers.
func (b *book) rows(list []seen, rest string) bulk {
	n := len(list)
	ids, owners, outcomes, digests, kinds := texts(n), texts(n), texts(n), texts(n), texts(n)
	for i, s := range list {
		ids[i], owners[i], outcomes[i], digests[i], kinds[i] = b.id, s.owner, s.outcome, s.digest, b.viewers[s]
	}
	return bulk{`viewer (incident, owner, outcome, digest, kind)`, rest, []any{ids, owners, outcomes, digests, kinds}}
}

func (f *fold) course(b *book) error {
	steps := slices.Sorted(maps.Keys(b.course))
	n := len(steps)
	ids, disclosures, exposed, prevented, responses := texts(n), numbers(n), numbers(n), numbers(n), numbers(n)
	for i, t := range steps {
		m := b.course[t]
		ids[i], disclosures[i], exposed[i], prevented[i], responses[i] = b.id, m.disclosures, m.exposed, m.prevented, m.responses
	}
	_, err := f.bulk(bulk{`course (incident, step, disclosures, exposed, prevented, responses)`, `ON CONFLICT (incident, step) DO UPDATE
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

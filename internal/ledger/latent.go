package ledger

import (
	"cmp"
	"database/sql"
	"encoding/base64"
	"maps"
	"slices"
	"time"

	"candor.example"
)

// hour is a row of the table personal.
type hour struct {
	place
	at    string // where in the response
	since int64
}

// own adds to what a route does when all is well. Of Cache-Control the last stays that says anything.
func (f *fold) own(p candor.Personal) {
	k := hour{place{key(p.Site), key(p.Route)}, key(p.Place), at(p.Time.UTC().Truncate(time.Hour))}
	sum := f.personal[k]
	if sum == nil {
		sum = &candor.Personal{}
		f.personal[k] = sum
	}
	sum.Responses += p.Responses
	sum.Shareable += p.Shareable
	sum.Repaired += p.Repaired
	if p.CacheControl != "" {
		sum.CacheControl = clean(p.CacheControl)
	}
}

func (f *fold) writePersonal() error {
	for _, k := range slices.SortedFunc(maps.Keys(f.personal), func(a, b hour) int {
		return cmp.Or(byPlace(a.place, b.place), cmp.Compare(a.at, b.at), cmp.Compare(a.since, b.since))
	}) {
		sum := f.personal[k]
		err := f.exec(`INSERT INTO personal (site, route, place, hour, responses, shareable, repaired, cache_control) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (site, route, place, hour) DO UPDATE SET responses = personal.responses + excluded.responses, shareable = personal.shareable + excluded.shareable,
repaired = personal.repaired + excluded.repaired, cache_control = CASE WHEN excluded.cache_control = '' THEN personal.cache_control ELSE excluded.cache_control END`,
			k.site, k.route, k.at, k.since, sum.Responses, sum.Shareable, sum.Repaired, sum.CacheControl)
		if err != nil {
			return err
		}
	}
	return nil
}

// latent is a person's own data on a route where a shared cache may keep it.
type latent struct {
	place
	owner string
}

func (f *fold) latency(d *candor.Disclosure) {
	k := latent{place{d.Site, d.Route}, d.Owner}
	p := f.latent[k]
	if p == nil {
		p = &person{first: at(d.Time), last: at(d.Time)}
		f.latent[k] = p
	}
	p.first, p.last = min(p.first, at(d.Time)), max(p.last, at(d.Time))
	p.count++
	p.reside(d)
}

func (f *fold) writeLatent() error {
	order := slices.SortedFunc(maps.Keys(f.latent), func(a, b latent) int {
		return cmp.Or(byPlace(a.place, b.place), cmp.Compare(a.owner, b.owner))
	})
	n := len(order)
	sites, routes, owners, countries, locales := texts(n), texts(n), texts(n), texts(n), texts(n)
	first, last, count := numbers(n), numbers(n), numbers(n)
	for i, k := range order {
		p := f.latent[k]
		sites[i], routes[i], owners[i], first[i], last[i], count[i], countries[i], locales[i] = k.site, k.route, k.owner, p.first, p.last, p.count, p.country, p.locale
	}
	isNew := map[place]int64{}
	_, err := f.bulk(bulk{`latent`, `site, route, owner, first, last, count, country, locale`, `ON CONFLICT (site, route, owner) DO UPDATE SET
first = CASE WHEN excluded.first < latent.first THEN excluded.first ELSE latent.first END,
last = CASE WHEN excluded.last > latent.last THEN excluded.last ELSE latent.last END, count = latent.count + excluded.count,
country = CASE WHEN excluded.country = '' THEN latent.country ELSE excluded.country END,
locale = CASE WHEN excluded.locale = '' THEN latent.locale ELSE excluded.locale END
RETURNING site, route, owner, count`, []any{sites, routes, owners, first, last, count, countries, locales}},
		func(r *sql.Rows) error {
			var k latent
			var total int64
			if err := r.Scan(&k.site, &k.route, &k.owner, &total); err != nil {
				return err
			}
			if total == f.latent[k].count {
				isNew[k.place]++
			}
			return nil
		})
	if err != nil {
		return err
	}
	return f.writeLatentRoutes(order, isNew)
}

func (f *fold) writeLatentRoutes(order []latent, isNew map[place]int64) error {
	for len(order) > 0 {
		at := order[0].place
		sum := *f.latent[order[0]]
		n := 1
		for ; n < len(order) && order[n].place == at; n++ {
			p := f.latent[order[n]]
			sum.first, sum.last, sum.count = min(sum.first, p.first), max(sum.last, p.last), sum.count+p.count
		}
		order = order[n:]
		err := f.exec(`INSERT INTO latent_route (site, route, people, first, last, count) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (site, route) DO UPDATE SET
people = latent_route.people + excluded.people, count = latent_route.count + excluded.count,
first = CASE WHEN excluded.first < latent_route.first THEN excluded.first ELSE latent_route.first END,
last = CASE WHEN excluded.last > latent_route.last THEN excluded.last ELSE latent_route.last END`, at.site, at.route, isNew[at], sum.first, sum.last, sum.count)
		if err != nil {
			return err
		}
	}
	return nil
}

// sealKey is a row of the table sealed.
type sealKey struct{ owner, kind, key string }

// seal keeps what only the notifier can read, the first of each kind for each public key: who has only a new private key can read what was
// sealed since.
func (f *fold) seal(s candor.Sealed) {
	k := sealKey{key(s.Owner), key(s.Kind), key(s.Key)}
	if _, ok := f.sealed[k]; !ok {
		f.sealed[k] = s
	}
}

func (f *fold) writeSealed() error {
	order := slices.SortedFunc(maps.Keys(f.sealed), func(a, b sealKey) int {
		return cmp.Or(cmp.Compare(a.owner, b.owner), cmp.Compare(a.kind, b.kind), cmp.Compare(a.key, b.key))
	})
	n := len(order)
	owners, kinds, keys, blobs := texts(n), texts(n), texts(n), texts(n)
	for i, k := range order {
		owners[i], kinds[i], keys[i], blobs[i] = k.owner, k.kind, k.key, base64.StdEncoding.EncodeToString(f.sealed[k].Blob)
	}
	_, err := f.bulk(bulk{`sealed`, `owner, kind, key, blob`, `ON CONFLICT DO NOTHING`, []any{owners, kinds, keys, blobs}}, nil)
	return err
}

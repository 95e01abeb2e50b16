package ledger

import (
	"database/sql"
	"encoding/json"
	"maps"
	"slices"

	"candor.example"
	"candor.example/internal/incident"
)

// held is what a batch knows of one response's evidence. A record may come of a response that no disclosure names: it counts only if the
// tables know that response.
type held struct {
	all   *candor.Response // of all records
	named *candor.Response // of those whose response a disclosure of this batch had named by then; nil: none
}

// mark is something that CDNs must forget.
type mark struct{ kind, value string }

// response takes a record of a response into the sample. numbered are the responses that disclosures of the same entry name, with
// where: the record that comes with them is the first.
func (f *fold) response(r *candor.Response, numbered map[string]place) error {
	id, at := key(r.ID), place{key(r.Site), key(r.Route)}
	b, err := f.find(at)
	if b == nil || err != nil {
		return err
	}
	if where, ok := numbered[id]; ok && where == at {
		b.toPurge(r)
	}
	if !r.End.IsZero() {
		b.end(id, r)
	}
	if b.sample == "" || id <= b.sample {
		kept := *r
		kept.ID, kept.Site, kept.Route = id, at.site, at.route
		b.hold(&kept)
	}
	return nil
}

func (b *book) hold(r *candor.Response) {
	h := b.evidence[r.ID]
	if h == nil {
		h = &held{}
		b.evidence[r.ID] = h
	}
	h.all = latest(h.all, r)
	if a := b.answers[r.ID]; a != nil && a.named {
		h.named = latest(h.named, r)
	}
}

// latest is the record that stays: a later one, but not in place of one that was recorded to its end.
func latest(have, r *candor.Response) *candor.Response {
	if have != nil && !have.End.IsZero() && r.End.IsZero() {
		return have
	}
	return r
}

// sample writes the batch's records among the incident.Sample with the smallest ids, and drops what is no longer among them.
func (f *fold) sample(b *book) error {
	ids, bodies, ended := []string{}, []string{}, []int64{}
	for _, id := range slices.Sorted(maps.Keys(b.evidence)) {
		r, err := f.counted(b, id)
		if err != nil {
			return err
		}
		if r == nil {
			continue
		}
		body, err := json.Marshal(r)
		if err != nil {
			return err
		}
		ids, bodies, ended = append(ids, id), append(bodies, string(body)), append(ended, number(!r.End.IsZero()))
		if len(ids) == incident.Sample {
			break
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := f.bulk(bulk{`evidence`, `incident, id, ended, body`, `ON CONFLICT (incident, id) DO UPDATE SET ended = excluded.ended, body = excluded.body WHERE excluded.ended >= evidence.ended`,
		[]any{same(b.id, len(ids)), ids, ended, bodies}}, nil)
	if err != nil {
		return err
	}
	return f.exec(`DELETE FROM evidence WHERE incident = ?1 AND id > (SELECT id FROM evidence WHERE incident = ?1 ORDER BY id LIMIT 1 OFFSET ?2)`, b.id, incident.Sample-1)
}

// counted is the record of a response in which something was disclosed; nil if nothing was.
func (f *fold) counted(b *book, id string) (*candor.Response, error) {
	h := b.evidence[id]
	if h.named == h.all {
		return h.named, nil
	}
	var one int
	err := f.row(`SELECT 1 FROM response WHERE incident = ?1 AND id = ?2 UNION ALL SELECT 1 FROM evidence WHERE incident = ?1 AND id = ?2`, []any{b.id, id}, &one)
	if err == sql.ErrNoRows {
		return h.named, nil
	}
	return h.all, err
}

func same(s string, n int) []string {
	list := texts(n)
	for i := range list {
		list[i] = s
	}
	return list
}

// MaxPurge is how many URLs and keys are kept of one incident for CDNs to forget, the first that came. Beyond, all of the route must go.
const MaxPurge = 10_000

// maxPurgeURL is what a key of PostgreSQL's can hold beside the rest.
const maxPurgeURL = 2000

// toPurge notes what a shared cache kept, or may keep.
func (b *book) toPurge(r *candor.Response) {
	if !r.Cached && !r.Shareable {
		return
	}
	kind := "url"
	if r.Masked {
		kind = "masked"
	}
	b.purge = append(b.purge, mark{kind, clean(r.URL)})
	for _, k := range r.SurrogateKeys {
		b.purge = append(b.purge, mark{"key", clean(k)})
	}
}

// purge writes the marks that are new, as far as there is room.
func (f *fold) purge(b *book) error {
	if len(b.purge) == 0 {
		return nil
	}
	var n, cut int
	if err := f.row(`SELECT (SELECT COUNT(*) FROM purge WHERE incident = ?1), purge_cut FROM incident WHERE id = ?1`, []any{b.id}, &n, &cut); err != nil {
		return err
	}
	done := map[mark]bool{}
	for _, m := range b.purge {
		if done[m] || n >= MaxPurge && cut == 1 {
			continue
		}
		done[m] = true
		isNew, err := f.mark(b, m, n < MaxPurge)
		if err != nil {
			return err
		}
		switch {
		case isNew && n < MaxPurge && len(m.value) <= maxPurgeURL:
			n++
		case isNew:
			cut = 1
		}
	}
	return f.exec(`UPDATE incident SET purge_cut = ? WHERE id = ?`, cut, b.id)
}

// mark writes one mark where there is room for it, and tells whether it was not there.
func (f *fold) mark(b *book, m mark, room bool) (isNew bool, err error) {
	if len(m.value) > maxPurgeURL {
		return true, nil
	}
	var one int
	err = f.row(`SELECT 1 FROM purge WHERE incident = ? AND kind = ? AND value = ?`, []any{b.id, m.kind, m.value}, &one)
	if err != sql.ErrNoRows {
		return false, err
	}
	if room {
		err = f.exec(`INSERT INTO purge (incident, kind, value) VALUES (?, ?, ?)`, b.id, m.kind, m.value)
	}
	return true, ignoreNoRows(err)
}

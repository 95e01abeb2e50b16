package ledger

import (
	"cmp"
	"database/sql"
	"maps"
	"math"
	"slices"

	"candor.example"
)

// A disclosure is recorded before the rest of its response was seen, so that it cannot say that no credentials stood beside it. Until the
// record of that response's end comes, the table pending has whom it showed; that record tells of all of them, once. Where it never
// comes, nobody may say that all was looked at: the rows stay, and affected.unlooked counts them.

// shownIn is a row of pending but for its response: count disclosures of a person that were recorded in it.
type shownIn struct {
	who
	count int64
}

// ending is what the record of a response's end says.
type ending struct {
	credentials string
	all         bool
}

// await notes a disclosure of which the response's end may tell more.
func (b *book) await(d candor.Disclosure, k who, count int64) {
	if d.Looked == candor.LookedAll || d.Response == "" {
		return
	}
	list := b.pending[d.Response]
	for i := range list {
		if list[i].who == k {
			list[i].count += count
			return
		}
	}
	b.pending[d.Response] = append(list, shownIn{k, count})
}

// end takes in the end of a response.
func (b *book) end(r candor.Response) {
	e := ending{all: r.Looked == candor.LookedAll}
	for _, c := range r.Credentials {
		e.credentials = with(e.credentials, clean(c))
	}
	for _, s := range b.pending[r.ID] {
		b.people[s.who].ended(e, s.count)
	}
	delete(b.pending, r.ID)
	if _, ok := b.ended[r.ID]; !ok { // what is in the table came before the first
		b.ended[r.ID] = e
	}
}

func (p *person) ended(e ending, count int64) {
	if e.all {
		p.unlooked -= count
	}
	if e.credentials != "" {
		p.credentials = union(p.credentials, e.credentials)
	}
}

// settle applies the ends of this batch to what earlier ones left in pending, and leaves what is pending now.
func (f *fold) settle(b *book) error {
	if err := f.settleEarlier(b); err != nil {
		return err
	}
	var responses, owners, outcomes []string
	var counts []int64
	for _, id := range slices.Sorted(maps.Keys(b.pending)) {
		list := b.pending[id]
		slices.SortFunc(list, func(x, y shownIn) int {
			return cmp.Or(cmp.Compare(x.owner, y.owner), cmp.Compare(x.outcome, y.outcome))
		})
		for _, s := range list {
			responses, owners, outcomes, counts = append(responses, id), append(owners, s.owner), append(outcomes, s.outcome), append(counts, s.count)
		}
	}
	_, err := f.bulk(bulk{`pending (incident, response, owner, outcome, count)`, `ON CONFLICT (incident, response, owner, outcome) DO UPDATE SET count = pending.count + excluded.count`,
		[]any{same(b.id, len(responses)), responses, owners, outcomes, counts}}, nil)
	return err
}

func (f *fold) settleEarlier(b *book) error {
	var one int
	err := f.row(`SELECT 1 FROM pending WHERE incident = ? LIMIT 1`, []any{b.id}, &one)
	if err != nil || len(b.ended) == 0 {
		return ignoreNoRows(err)
	}
	return f.among(`DELETE FROM pending WHERE incident = ? AND response`, b.id, slices.Sorted(maps.Keys(b.ended)), `RETURNING response, owner, outcome, count`, func(r *sql.Rows) error {
		var id string
		var s shownIn
		if err := r.Scan(&id, &s.owner, &s.outcome, &s.count); err != nil {
			return err
		}
		b.known(s.who).ended(b.ended[id], s.count)
		return nil
	})
}

// known is a person whom the table has, with nothing to be added so far.
func (b *book) known(k who) *person {
	p := b.people[k]
	if p == nil {
		p = &person{first: math.MaxInt64, last: math.MinInt64}
		b.people[k] = p
		b.order = append(b.order, k)
	}
	return p
}

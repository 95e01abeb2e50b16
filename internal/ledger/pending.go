package ledger

import (
	"cmp"
	"database/sql"
	"maps"
	"math"
	"slices"

	"candor.example"
)

// A response is counted with its first disclosure, and stands in the table response until the record of its end comes; what is disclosed
// under the same id later counts as another response. So that table stays small, whatever an incident grows to.
//
// A disclosure is recorded before the rest of its response was seen, so that it cannot say that no credentials stood beside it. Until the
// record of that response's end comes, the table pending has whom it showed; that record tells of all of them, once. Where it never
// comes, nobody may say that all was looked at: the rows stay, and affected.unlooked counts them.

// answer is what a batch has of one response.
type answer struct {
	named   bool      // a disclosure names it
	unsure  bool      // its first disclosure here, in this step, is the first of all unless the table has it
	step    int64     //
	open    bool      // a disclosure came, and no end since
	ended   bool      // an end came; end is the first one: what is in the table pending came before that
	end     ending    //
	waiting []shownIn // since the last end
	room    [1]shownIn
}

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

// answer finds what there is of a response; nil where it has no id.
func (b *book) answer(id string) *answer {
	if id == "" {
		return nil
	}
	a := b.answers[id]
	if a == nil {
		a = &answer{}
		b.answers[id] = a
	}
	return a
}

// disclosed notes a disclosure, and returns how many responses are certainly new by it.
func (a *answer) disclosed(step int64) int64 {
	a.named = true
	if a.open {
		return 0
	}
	if a.open = true; a.ended {
		return 1
	}
	a.unsure, a.step = true, step
	return 0
}

// await notes a disclosure of which the response's end may tell more.
func (a *answer) await(k who, count int64) {
	for i := range a.waiting {
		if a.waiting[i].who == k {
			a.waiting[i].count += count
			return
		}
	}
	if a.waiting == nil {
		a.waiting = a.room[:0] // most show one person
	}
	a.waiting = append(a.waiting, shownIn{k, count})
}

// end takes in the end of a response.
func (b *book) end(id string, r *candor.Response) {
	e := ending{all: r.Looked == candor.LookedAll}
	for _, c := range r.Credentials {
		e.credentials = with(e.credentials, clean(c))
	}
	a := b.answer(id)
	if a == nil {
		return
	}
	for _, s := range a.waiting {
		b.people[s.who].ended(e, s.count)
	}
	a.open, a.waiting = false, nil
	if !a.ended {
		a.ended, a.end = true, e
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

// respond counts the responses that are new, also in the course, and keeps those that are open now in the table.
func (f *fold) respond(b *book) error {
	were, err := f.open(b)
	if err != nil {
		return err
	}
	var opened, closed []string
	for id, a := range b.answers {
		if a.unsure && !were[id] {
			b.responses++
			b.course[a.step].responses++
		}
		if a.open && !were[id] {
			opened = append(opened, id)
		} else if !a.open && were[id] {
			closed = append(closed, id)
		}
	}
	slices.Sort(opened)
	if _, err := f.bulk(bulk{`response`, `incident, id`, ``, []any{same(b.id, len(opened)), opened}}, nil); err != nil {
		return err
	}
	return f.among(`DELETE FROM response WHERE incident = ? AND id`, b.id, closed, ``, nil)
}

// open tells which responses the table has.
func (f *fold) open(b *book) (map[string]bool, error) {
	if any, err := f.any(`response`, b); err != nil || !any {
		return nil, err
	}
	were := map[string]bool{}
	return were, f.among(`SELECT id FROM response WHERE incident = ? AND id`, b.id, slices.Collect(maps.Keys(b.answers)), ``, func(r *sql.Rows) error {
		var id string
		err := r.Scan(&id)
		were[id] = true
		return err
	})
}

// any tells whether a table has a row of an incident.
func (f *fold) any(table string, b *book) (bool, error) {
	var one int
	err := f.row(`SELECT 1 FROM `+table+` WHERE incident = ? LIMIT 1`, []any{b.id}, &one)
	return err == nil, ignoreNoRows(err)
}

// settle applies the ends of this batch to what earlier ones left in pending, and leaves what is pending now.
func (f *fold) settle(b *book) error {
	if err := f.settleEarlier(b); err != nil {
		return err
	}
	var responses, owners, outcomes []string
	var counts []int64
	var waiting []string
	for id, a := range b.answers {
		if len(a.waiting) > 0 {
			waiting = append(waiting, id)
		}
	}
	slices.Sort(waiting)
	for _, id := range waiting {
		list := b.answers[id].waiting
		slices.SortFunc(list, func(x, y shownIn) int { return x.compare(y.who) })
		for _, s := range list {
			responses, owners, outcomes, counts = append(responses, id), append(owners, s.owner), append(outcomes, s.outcome), append(counts, s.count)
		}
	}
	_, err := f.bulk(bulk{`pending`, `incident, response, owner, outcome, count`, `ON CONFLICT (incident, response, owner, outcome) DO UPDATE SET count = pending.count + excluded.count`,
		[]any{same(b.id, len(responses)), responses, owners, outcomes, counts}}, nil)
	return err
}

func (f *fold) settleEarlier(b *book) error {
	if any, err := f.any(`pending`, b); err != nil || !any {
		return err
	}
	var ended []string
	for id, a := range b.answers {
		if a.ended {
			ended = append(ended, id)
		}
	}
	return f.among(`DELETE FROM pending WHERE incident = ? AND response`, b.id, ended, `RETURNING response, owner, outcome, count`, func(r *sql.Rows) error {
		var id string
		var s shownIn
		if err := r.Scan(&id, &s.owner, &s.outcome, &s.count); err != nil {
			return err
		}
		b.known(s.who).ended(b.answers[id].end, s.count)
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

func (w who) compare(other who) int {
	if c := cmp.Compare(w.owner, other.owner); c != 0 {
		return c
	}
	return cmp.Compare(w.outcome, other.outcome)
}

package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"candor.example/internal/notice"
)

// Deliveries are the events of a stretch of one campaign's records in the delivery's own journal: behind number After, up to number Seq.
type Deliveries struct {
	After, Seq uint64
	Events     []notice.Event
	// Mark is called before the commit of the first events behind the journal's last action on notices: that action, of the journal's entry
	// acted, was folded before the delivery's record from, and so it must be when this ledger is built anew. nil: it is being built.
	Mark func(from, acted uint64) error
}

// FoldDelivery takes events of one campaign, in order, into the account. What was folded before is passed over; ErrBehind where only a part of it
// was, by somebody else, or something before it was not: read again from behind Delivered.
func (l *Ledger) FoldDelivery(ctx context.Context, campaign string, d Deliveries) error {
	return l.transact(ctx, func(f *fold) error { return f.delivered(campaign, d) })
}

func (f *fold) delivered(campaign string, d Deliveries) error {
	share, update := ``, ``
	if f.l.dialect == postgres {
		share, update = ` FOR SHARE`, ` FOR UPDATE` // nobody folds actions, and nobody else this campaign's deliveries, meanwhile
	}
	var acted, marked int64
	if err := f.row(`SELECT acted FROM applied`+share, nil, &acted); err != nil {
		return err
	}
	if err := f.exec(`INSERT INTO delivery (campaign, seq, marked) VALUES (?, 0, -1) ON CONFLICT DO NOTHING`, campaign); err != nil {
		return err
	}
	var applied uint64
	if err := f.row(`SELECT seq, marked FROM delivery WHERE campaign = ?`+update, []any{campaign}, &applied, &marked); err != nil || d.Seq <= applied {
		return err
	}
	if d.After != applied {
		return ErrBehind{applied}
	}
	if err := f.deliveries(campaign, d.Events); err != nil {
		return err
	}
	if d.Mark != nil && acted > marked {
		if err := d.Mark(applied+1, uint64(acted)); err != nil {
			return err
		}
	}
	return f.exec(`UPDATE delivery SET seq = ?, marked = ? WHERE campaign = ?`, int64(d.Seq), acted, campaign)
}

// Delivered is how far a campaign's deliveries have been folded.
func (l *Ledger) Delivered(ctx context.Context, campaign string) (seq uint64, err error) {
	err = l.row(ctx, `SELECT seq FROM delivery WHERE campaign = ?`, campaign).Scan(&seq)
	return seq, l.explain(ignoreNoRows(err))
}

// standing is what a batch changes of one recipient.
type standing struct {
	state                                      notice.State
	attempt, again, time, complaint, sent      int64
	final                                      int64 // 1: a soft report has nothing sent once more
	key, code, cause, status, detail, provider string
}

func (f *fold) deliveries(campaign string, events []notice.Event) error {
	rows, err := f.standings(campaign, events)
	if err != nil {
		return err
	}
	c, err := f.readCampaign(campaign)
	if err != nil {
		return err
	}
	changed := map[int]bool{}
	for _, e := range events {
		s := rows[e.N]
		if s == nil {
			continue // not of the set: whoever wrote that journal knows another one
		}
		e.Soft = e.Soft && !c.Phase.Over() && (s.final == 0 || s.state == notice.Queued)
		if err := s.take(e); err == nil {
			changed[e.N] = true
		} else if !errors.Is(err, notice.ErrNoChange) {
			return err
		}
	}
	return f.writeStandings(campaign, rows, changed)
}

// take is what one event does to a recipient.
func (s *standing) take(e notice.Event) error {
	switch e.Kind {
	case notice.Resolved:
		return notice.ErrNoChange // humans' resolutions come by the audit
	case notice.Lettered:
		s.key, s.code = key(e.Key), key(e.Code)
		return nil
	}
	to, err := notice.Next(s.state, e)
	if err != nil {
		return err
	}
	s.state, s.time = to, at(e.Time)
	switch e.Kind {
	case notice.Intended:
		s.again, s.attempt, s.sent = 0, int64(e.Attempt), at(e.Time)
	case notice.Deferred, notice.Refused: // certain not to have been taken
		s.sent = 0
	case notice.Returned:
		if to == notice.Queued { // once: two reports about one attempt must not have two more sent
			s.again, s.final, s.sent = s.attempt+1, 1, 0
		}
	case notice.Delivered:
		s.final = 1
	case notice.Complained:
		s.final, s.complaint = 1, 1
	}
	for _, one := range []struct {
		to   *string
		from string
	}{{&s.key, e.Key}, {&s.code, e.Code}, {&s.provider, e.Provider}} {
		if one.from != "" {
			*one.to = key(one.from)
		}
	}
	s.cause, s.status, s.detail = key(e.Cause), key(e.Status), key(e.Detail)
	return nil
}

// standings reads the rows that events are about.
func (f *fold) standings(campaign string, events []notice.Event) (map[int]*standing, error) {
	numbers := []int{}
	for _, e := range events {
		numbers = append(numbers, e.N)
	}
	slices.Sort(numbers)
	rows := map[int]*standing{}
	for part := range slices.Chunk(slices.Compact(numbers), chunk) {
		err := f.standingsBetween(campaign, part[0], part[len(part)-1], rows, part)
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// standingsBetween reads a stretch of numbers, and keeps those that are wanted: a sender works the set in parts, so that most are.
func (f *fold) standingsBetween(campaign string, first, last int, into map[int]*standing, wanted []int) error {
	query, args := `SELECT n, state, attempt, again, key, code, time, cause, status, detail, provider, complaint, sent, final FROM recipient WHERE campaign = ? AND n `, []any{campaign}
	if last-first < 4*len(wanted) {
		query, args = query+`BETWEEN ? AND ?`, append(args, first, last)
	} else {
		query += `IN ` + tuples(len(wanted), 1)
		for _, n := range wanted {
			args = append(args, n)
		}
	}
	rows, err := f.query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		var s standing
		if err := rows.Scan(&n, &s.state, &s.attempt, &s.again, &s.key, &s.code, &s.time, &s.cause, &s.status, &s.detail, &s.provider, &s.complaint, &s.sent, &s.final); err != nil {
			return err
		}
		into[n] = &s
	}
	return rows.Err()
}

func (f *fold) writeStandings(campaign string, rows map[int]*standing, changed map[int]bool) error {
	ns := []int64{}
	for n := range changed {
		ns = append(ns, int64(n))
	}
	slices.Sort(ns)
	size := len(ns)
	states, keys, codes, causes, statuses, details, providers := texts(size), texts(size), texts(size), texts(size), texts(size), texts(size), texts(size)
	attempts, agains, times, complaints, sents, finals := numbers(size), numbers(size), numbers(size), numbers(size), numbers(size), numbers(size)
	empty, zero := texts(size), numbers(size)
	for i, n := range ns {
		s := rows[int(n)]
		states[i], attempts[i], agains[i], keys[i], codes[i], times[i] = string(s.state), s.attempt, s.again, s.key, s.code, s.time
		causes[i], statuses[i], details[i], providers[i], complaints[i], sents[i], finals[i] = s.cause, s.status, s.detail, s.provider, s.complaint, s.sent, s.final
	}
	_, err := f.bulk(bulk{`recipient`, `campaign, n, state, attempt, again, key, code, time, cause, status, detail, provider, complaint, sent, final, owner, kinds, viewers, times, first, last, credentials, unlooked, country, locale`,
		`ON CONFLICT (campaign, n) DO UPDATE SET state = excluded.state, attempt = excluded.attempt, again = excluded.again, key = excluded.key, code = excluded.code, time = excluded.time,
cause = excluded.cause, status = excluded.status, detail = excluded.detail, provider = excluded.provider, complaint = excluded.complaint, sent = excluded.sent, final = excluded.final`,
		[]any{same(campaign, size), ns, states, attempts, agains, keys, codes, times, causes, statuses, details, providers, complaints, sents, finals, empty, empty, zero, zero, zero, zero, empty, zero, empty, empty}}, nil)
	if err != nil {
		return fmt.Errorf("deliveries: %w", err)
	}
	return nil
}

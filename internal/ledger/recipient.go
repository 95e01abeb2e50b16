package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/notice"
)

// Recipient is one person of a frozen set, with where their notice stands. Person has no name: that is sealed.
type Recipient struct {
	N       int           `json:"n"`
	Person  notice.Person `json:"person"`
	State   notice.State  `json:"state"`
	Attempt int           `json:"attempt,omitempty"`
	// Again is the attempt from which a human lets it be sent once more, after a doubt; 0: none does.
	Again     int             `json:"again,omitempty"`
	Key       string          `json:"key,omitempty"`
	Sent      time.Time       `json:"sent,omitzero"` // when it went out
	Time      time.Time       `json:"time,omitzero"` // of the last that happened
	Cause     string          `json:"cause,omitempty"`
	Status    string          `json:"status,omitempty"`
	Detail    string          `json:"detail,omitempty"`
	Provider  string          `json:"provider,omitempty"`
	Complaint bool            `json:"complaint,omitempty"`
	Exported  bool            `json:"exported,omitempty"` // into a file for letters
	Sealed    []candor.Sealed `json:"-"`
}

const recipientColumns = `n, owner, kinds, viewers, times, first, last, credentials, unlooked, country, locale, state, attempt, again, key, code, time, cause, status, detail, provider, complaint, sent, exported`

func scanRecipient(rows *sql.Rows) (Recipient, error) { return scanRecipientAnd(rows) }

// scanRecipientAnd reads more columns, which stand behind a recipient's.
func scanRecipientAnd(rows *sql.Rows, more ...any) (r Recipient, err error) {
	var kinds, credentials string
	var first, last, t, sent int64
	var unlooked int
	p := &r.Person
	err = rows.Scan(append([]any{&r.N, &p.Owner, &kinds, &p.Viewers, &p.Times, &first, &last, &credentials, &unlooked, &p.Country, &p.Locale, &r.State, &r.Attempt, &r.Again, &r.Key, &p.Code, &t,
		&r.Cause, &r.Status, &r.Detail, &r.Provider, &r.Complaint, &sent, &r.Exported}, more...)...)
	p.Kinds, p.First, p.Last, p.Credentials, p.Looked, r.Time, r.Sent = kindsOf(kinds), maybe(first), maybe(last), strings.Fields(credentials), looked(unlooked), maybe(t), maybe(sent)
	return r, err
}

// Recipients are those with the numbers from up to, but without, to; with what is sealed of each.
func (l *Ledger) Recipients(ctx context.Context, campaign string, first, to int) ([]Recipient, error) {
	rows, err := l.query(ctx, `SELECT `+recipientColumns+` FROM recipient WHERE campaign = ? AND n >= ? AND n < ? ORDER BY n`, campaign, first, to)
	list, err := collect(l, rows, err, scanRecipient)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i := range list {
		at[list[i].Person.Owner] = i
	}
	rows, err = l.query(ctx, `SELECT s.owner, s.kind, s.key, s.blob FROM recipient r JOIN sealed s ON s.owner = r.owner WHERE r.campaign = ? AND r.n >= ? AND r.n < ? AND s.kind <> 'context' ORDER BY s.owner, s.kind, s.key`, campaign, first, to)
	_, err = collect(l, rows, err, func(r *sql.Rows) (none struct{}, err error) {
		var s candor.Sealed
		var blob string
		if err = r.Scan(&s.Owner, &s.Kind, &s.Key, &blob); err != nil {
			return none, err
		}
		s.Blob, err = base64.StdEncoding.DecodeString(blob)
		if i, ok := at[s.Owner]; ok {
			list[i].Sealed = append(list[i].Sealed, s)
		}
		return none, err
	})
	return list, err
}

// InState lists people in a state, by number behind after, at most limit; cause "" is any.
func (l *Ledger) InState(ctx context.Context, campaign string, s notice.State, cause string, after, limit int) ([]Recipient, error) {
	rows, err := l.query(ctx, `SELECT `+recipientColumns+` FROM recipient WHERE campaign = ?1 AND state = ?2 AND (?3 = '' OR cause = ?3) AND n > ?4 ORDER BY n LIMIT ?5`, campaign, string(s), cause, after, limit)
	return collect(l, rows, err, scanRecipient)
}

// Keyed is whose notice has a key, and in which campaign.
func (l *Ledger) Keyed(ctx context.Context, k string) (campaign string, r Recipient, err error) {
	rows, err := l.query(ctx, `SELECT campaign FROM recipient WHERE key = ? AND key <> ''`, k)
	names, err := collect(l, rows, err, func(r *sql.Rows) (s string, err error) { return s, r.Scan(&s) })
	if err != nil || len(names) == 0 {
		return "", r, errors.Join(err, sql.ErrNoRows)
	}
	rows, err = l.query(ctx, `SELECT `+recipientColumns+` FROM recipient WHERE campaign = ? AND key = ?`, names[0], k)
	list, err := collect(l, rows, err, scanRecipient)
	if err != nil || len(list) == 0 {
		return "", r, errors.Join(err, sql.ErrNoRows)
	}
	return names[0], list[0], nil
}

// Again lists the numbers of people to whom a human lets a doubtful notice be sent once more, with the attempt from which.
func (l *Ledger) Again(ctx context.Context, campaign string) (map[int]int, error) {
	rows, err := l.query(ctx, `SELECT n, again FROM recipient WHERE campaign = ? AND state = 'queued' AND again > 0`, campaign)
	again := map[int]int{}
	_, err = collect(l, rows, err, func(r *sql.Rows) (none struct{}, err error) {
		var n, attempt int
		err = r.Scan(&n, &attempt)
		again[n] = attempt
		return none, err
	})
	return again, err
}

// Unnumbered counts who is in no frozen set of a campaign's incident: people exposed, or viewers, that no notice of the kind is for yet.
func (l *Ledger) Unnumbered(ctx context.Context, c notice.Campaign) (n int, err error) {
	from := `SELECT owner FROM affected WHERE incident = ?1 AND outcome = 'exposed'`
	if c.Kind == notice.Viewers {
		from = onlookers("?1")
	}
	err = l.row(ctx, `SELECT COUNT(*) FROM (`+from+`) f WHERE NOT EXISTS (SELECT 1 FROM recipient r JOIN campaign o ON o.id = r.campaign WHERE r.owner = f.owner AND o.incident = ?1 AND o.kind = ?2
  AND (o.id = ?3 OR r.state IN ('accepted', 'bounced', 'other', 'in-doubt')))`, c.Incident, string(c.Kind), c.ID).Scan(&n)
	return n, l.explain(err)
}

// Deliveries is a number that is another when anything was folded of any campaign's deliveries, or who sends one said something.
func (l *Ledger) Deliveries(ctx context.Context) (n uint64, err error) {
	err = l.row(ctx, `SELECT CAST((SELECT COALESCE(SUM(seq), 0) FROM delivery) + (SELECT COALESCE(MAX(time), 0) FROM sending) AS BIGINT)`).Scan(&n)
	return n, l.explain(err)
}

// Tally is where a campaign's notices stand.
type Tally struct {
	Affected int                  `json:"affected"` // all of the frozen set: the sum of States
	States   map[notice.State]int `json:"states"`
	Rows     []TallyRow           `json:"rows"` // by state and cause, the most people first
	// Providers counts those who were tried, by receiver.
	Providers  []ProviderTally `json:"providers"`
	Complaints int             `json:"complaints"`
	First      time.Time       `json:"first,omitzero"` // that something happened to a notice
	Last       time.Time       `json:"last,omitzero"`
}

// TallyRow is one state and cause.
type TallyRow struct {
	State  notice.State `json:"state"`
	Cause  string       `json:"cause,omitempty"`
	People int          `json:"people"`
}

// ProviderTally is one receiver's.
type ProviderTally struct {
	Provider   string               `json:"provider"`
	People     int                  `json:"people"`
	States     map[notice.State]int `json:"states"`
	Complaints int                  `json:"complaints,omitempty"`
}

// Tally counts.
func (l *Ledger) Tally(ctx context.Context, campaign string) (t Tally, err error) {
	rows, err := l.query(ctx, `SELECT state, cause, provider, COUNT(*), CAST(SUM(complaint) AS BIGINT), COALESCE(MIN(CASE WHEN time > 0 THEN time END), 0), MAX(time) FROM recipient WHERE campaign = ? GROUP BY state, cause, provider`, campaign)
	t.States = map[notice.State]int{}
	sums, providers := map[TallyRow]int{}, map[string]*ProviderTally{}
	_, err = collect(l, rows, err, func(r *sql.Rows) (none struct{}, err error) {
		var row TallyRow
		var provider string
		var n, complaints int
		var first, last int64
		if err = r.Scan(&row.State, &row.Cause, &provider, &n, &complaints, &first, &last); err != nil {
			return none, err
		}
		t.Affected, t.Complaints = t.Affected+n, t.Complaints+complaints
		t.States[row.State] += n
		sums[row] += n
		if first > 0 && (t.First.IsZero() || from(first).Before(t.First)) {
			t.First = from(first)
		}
		if last > 0 && from(last).After(t.Last) {
			t.Last = from(last)
		}
		if provider != "" {
			p := providers[provider]
			if p == nil {
				p = &ProviderTally{Provider: provider, States: map[notice.State]int{}}
				providers[provider] = p
			}
			p.People, p.Complaints = p.People+n, p.Complaints+complaints
			p.States[row.State] += n
		}
		return none, nil
	})
	for row, n := range sums {
		row.People = n
		t.Rows = append(t.Rows, row)
	}
	slices.SortFunc(t.Rows, func(a, b TallyRow) int {
		return cmp.Or(b.People-a.People, strings.Compare(string(a.State), string(b.State)), strings.Compare(a.Cause, b.Cause))
	})
	for _, name := range slices.Sorted(maps.Keys(providers)) {
		t.Providers = append(t.Providers, *providers[name])
	}
	slices.SortStableFunc(t.Providers, func(a, b ProviderTally) int { return b.People - a.People })
	return t, err
}

// Heard counts those who accepted, and those of them who complained.
func (l *Ledger) Heard(ctx context.Context, campaign string) (accepted, complained int, err error) {
	err = l.row(ctx, `SELECT COUNT(*), CAST(COALESCE(SUM(complaint), 0) AS BIGINT) FROM recipient WHERE campaign = ? AND state = 'accepted'`, campaign).Scan(&accepted, &complained)
	return accepted, complained, l.explain(err)
}

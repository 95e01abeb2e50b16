package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"candor.example"
	"candor.example/internal/notice"
)

// Told is a notice that the shop's own site shows to the person whom it concerns.
type Told struct {
	Recipient
	Campaign notice.Campaign
	Answer   string // of a viewer: the last; empty: none yet
}

// Told are the notices of one customer, by their id, and of one viewer, by their digest: the latest campaign first. One query, whoever asks.
func (l *Ledger) Told(ctx context.Context, owner, digest string) ([]Told, error) {
	rows, err := l.query(ctx, `SELECT `+recipientColumns+`, c.body, COALESCE((SELECT a.answer FROM answer a WHERE a.incident = c.incident AND a.digest = recipient.owner AND c.kind = 'viewers'), '')
FROM recipient JOIN campaign c ON c.id = recipient.campaign WHERE owner IN (?1, ?2) AND (c.kind = 'affected' AND owner = ?1 OR c.kind = 'viewers' AND owner = ?2) ORDER BY c.id LIMIT 100`, owner, digest)
	list, err := collect(l, rows, err, scanTold)
	list = slices.DeleteFunc(list, func(t Told) bool { return !t.standing() })
	slices.SortStableFunc(list, func(a, b Told) int {
		return cmp.Or(b.Campaign.Started.Compare(a.Campaign.Started), cmp.Compare(a.Campaign.ID, b.Campaign.ID))
	})
	return list, err
}

func scanTold(rows *sql.Rows) (t Told, err error) {
	var body string
	if t.Recipient, err = scanRecipientAnd(rows, &body, &t.Answer); err == nil {
		err = json.Unmarshal([]byte(body), &t.Campaign)
	}
	return t, err
}

// standing: it was approved, and this person is among those whom it may go to. Of a campaign that was cancelled it is what went out: whoever
// has the letter must find it here.
func (t Told) standing() bool {
	switch c := t.Campaign; c.Phase {
	case notice.Canary, notice.Sending, notice.Paused, notice.Done:
		return t.N < c.Share
	case notice.Cancelled:
		return t.N < c.Share && t.State != notice.Withheld
	}
	return false
}

// SentNotice is what may be said of a notice to whoever knows its code: not to whom it went.
type SentNotice struct {
	Incident string    `json:"incident"`
	Site     string    `json:"site"`
	Sent     time.Time `json:"sent"`
}

// SentNotice looks for a code in the form in which it was sent; sql.ErrNoRows: there is none.
func (l *Ledger) SentNotice(ctx context.Context, code string) (s SentNotice, err error) {
	var sent int64
	err = l.row(ctx, `SELECT c.incident, i.site, CASE WHEN r.sent > 0 THEN r.sent ELSE r.time END FROM recipient r JOIN campaign c ON c.id = r.campaign JOIN incident i ON i.id = c.incident
WHERE r.code = ? AND r.code <> '' AND (r.sent > 0 OR r.state = 'other') ORDER BY r.sent DESC LIMIT 1`, code).Scan(&s.Incident, &s.Site, &sent)
	if err == sql.ErrNoRows {
		return s, err
	}
	s.Sent = from(sent)
	return s, l.explain(err)
}

// Answers counts what the viewers of an incident said, and how many were asked: by mail or on the shop's own site, where also those may answer whom no
// mail has reached.
func (l *Ledger) Answers(ctx context.Context, incident string) (asked int, by map[string]int, err error) {
	err = l.row(ctx, `SELECT COUNT(DISTINCT r.owner) FROM recipient r JOIN campaign c ON c.id = r.campaign WHERE c.incident = ? AND c.kind = 'viewers'
  AND (r.state IN ('accepted', 'other') OR r.cause <> 'viewer' AND EXISTS (SELECT 1 FROM answer a WHERE a.incident = c.incident AND a.digest = r.owner))`, incident).Scan(&asked)
	if err != nil {
		return 0, nil, l.explain(err)
	}
	by = map[string]int{}
	rows, err := l.query(ctx, `SELECT answer, COUNT(*) FROM answer WHERE incident = ? GROUP BY answer`, incident)
	_, err = collect(l, rows, err, func(r *sql.Rows) (none struct{}, err error) {
		var answer string
		var n int
		err = r.Scan(&answer, &n)
		by[answer] = n
		return none, err
	})
	return asked, by, err
}

// answers keeps the last that each viewer said, and of nobody who is not among the incident's viewers.
func (f *fold) answers(list []candor.Answer) error {
	if len(list) == 0 {
		return nil
	}
	if err := f.write(); err != nil { // the table of viewers has to hold everything until then
		return err
	}
	for _, a := range list {
		if !slices.Contains(candor.Answers, a.Answer) {
			continue
		}
		err := f.exec(`INSERT INTO answer (incident, digest, answer, time) SELECT CAST(?1 AS TEXT), CAST(?2 AS TEXT), CAST(?3 AS TEXT), CAST(?4 AS BIGINT)
WHERE EXISTS (SELECT 1 FROM viewer WHERE incident = ?1 AND digest = ?2)
ON CONFLICT (incident, digest) DO UPDATE SET answer = excluded.answer, time = excluded.time WHERE excluded.time >= answer.time`, key(a.Incident), key(a.Digest), a.Answer, at(a.Time))
		if err != nil {
			return err
		}
	}
	return nil
}

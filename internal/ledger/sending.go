package ledger

import (
	"context"
	"encoding/json"

	"candor.example/internal/notice"
)

// KeepProgress keeps what the processes that send a campaign say of themselves, in place of what they said before. It is for whoever looks on, such
// as the console in another process, and no part of the account.
func (l *Ledger) KeepProgress(ctx context.Context, campaign string, p notice.Progress) error {
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return l.transact(ctx, func(f *fold) error {
		return f.exec(`INSERT INTO sending (campaign, time, body) VALUES (?, ?, ?) ON CONFLICT (campaign) DO UPDATE SET time = excluded.time, body = excluded.body`, campaign, at(p.Time), string(body))
	})
}

// Progress is what the processes that send a campaign said last; the zero Progress if none ever did.
func (l *Ledger) Progress(ctx context.Context, campaign string) (p notice.Progress, err error) {
	var body string
	if err := l.row(ctx, `SELECT body FROM sending WHERE campaign = ?`, campaign).Scan(&body); err != nil {
		return p, l.explain(ignoreNoRows(err))
	}
	return p, json.Unmarshal([]byte(body), &p)
}

// KeepReceivers keeps how many people of a campaign's frozen set are at which receiver of mail. Names are of receivers that have many; "other" is all the rest.
func (l *Ledger) KeepReceivers(ctx context.Context, campaign, set string, people map[string]int) error {
	body, err := json.Marshal(people)
	if err != nil {
		return err
	}
	return l.transact(ctx, func(f *fold) error {
		return f.exec(`INSERT INTO receiver (campaign, frozen, body) VALUES (?, ?, ?) ON CONFLICT (campaign) DO UPDATE SET frozen = excluded.frozen, body = excluded.body`, campaign, set, string(body))
	})
}

// Receivers is how many people of a campaign's frozen set are at which receiver of mail; nil if nobody has counted those of this set.
func (l *Ledger) Receivers(ctx context.Context, campaign, set string) (people map[string]int, err error) {
	var body string
	if err := l.row(ctx, `SELECT body FROM receiver WHERE campaign = ? AND frozen = ?`, campaign, set).Scan(&body); err != nil {
		return nil, l.explain(ignoreNoRows(err))
	}
	return people, json.Unmarshal([]byte(body), &people)
}

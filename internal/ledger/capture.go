package ledger

import (
	"context"
	"database/sql"

	"candor.example"
)

// capture says whether an entry of a capture goes on where the last one ended, and notes how far that is. Others were folded before, or come
// from a reading that began while another was under way.
func (f *fold) capture(c *candor.Capture) (fresh bool, err error) {
	if c == nil {
		return true, nil
	}
	var upto int64
	if err := ignoreNoRows(f.row(`SELECT upto FROM capture WHERE digest = ?`, []any{c.Digest}, &upto)); err != nil || c.From != upto || c.To < c.From {
		return false, err
	}
	return true, f.exec(`INSERT INTO capture (digest, upto, done) VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE SET upto = excluded.upto, done = excluded.done`, c.Digest, c.To, number(c.Done))
}

// Captured says how far into a capture the account goes, as candor.Capture.To, and whether that is its end.
func (l *Ledger) Captured(ctx context.Context, digest string) (upto int64, done bool, err error) {
	err = l.row(ctx, `SELECT upto, done FROM capture WHERE digest = ?`, digest).Scan(&upto, &done)
	if err == sql.ErrNoRows {
		err = nil
	}
	return upto, done, l.explain(err)
}

package ledger

import (
	"context"
	"database/sql"
	"errors"
)

// ErrOtherJournal: the account was folded from another journal than this. Each journal numbers its entries from 1, so those of a second one
// would be taken for what was folded before.
var ErrOtherJournal = errors.New("it is the account of another journal, such as another machine's: give this journal a ledger of its own, " +
	"one ledger for each journal until a journal cluster is there. Or the journal here was begun anew, or its folder is the wrong one: name the right one with --data, or move the old ledger away")

// Of says which journal (its ID) this is the account of. The first that is named stays; any other is ErrOtherJournal, here and in each Fold
// from then on. Call it before Fold.
func (l *Ledger) Of(ctx context.Context, journal string) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return l.explain(err)
	}
	defer tx.Rollback()
	if err := l.of(ctx, tx, journal); err != nil {
		return l.explain(err)
	}
	l.journal = journal
	return l.explain(tx.Commit())
}

// of holds a journal against the one that is stored, and stores it where there is none.
func (l *Ledger) of(ctx context.Context, tx *sql.Tx, journal string) error {
	if journal == "" {
		return nil
	}
	if _, err := tx.ExecContext(ctx, l.dialect.bind(`INSERT INTO journal (one, id) VALUES (1, ?) ON CONFLICT DO NOTHING`), journal); err != nil {
		return err
	}
	var stored string
	if err := tx.QueryRowContext(ctx, `SELECT id FROM journal`).Scan(&stored); err != nil {
		return err
	} else if stored != journal {
		return ErrOtherJournal
	}
	return nil
}

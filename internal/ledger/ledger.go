// Package ledger keeps the account: disclosures folded into incidents and the people affected.
//
// Start with [Open]; [Ledger.Fold] takes entries of the journal, [Ledger.Incidents] and its neighbours answer questions.
//
// It promises: folding an entry twice is folding it once, because what was applied is stored with what it did; each person
// is in each set once; everything in it re-derives from the journal, so that a lost ledger is built anew by folding from
// the beginning. It holds no customer's address or name.
package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Ledger is an open account. It is safe for concurrent use; several processes may have it open.
type Ledger struct {
	path string
	db   *sql.DB
}

// Open opens the SQLite file at path, makes it on first use with mode 0600, and brings its schema up to date.
func Open(ctx context.Context, path string) (*Ledger, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	f.Close()
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "foreign_keys(1)", "synchronous(NORMAL)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+pragmas.Encode())
	if err != nil {
		return nil, fmt.Errorf("ledger: %s: %w", path, err)
	}
	l := &Ledger{path: path, db: db}
	if err := l.migrate(ctx); err != nil {
		db.Close()
		return nil, l.explain(err)
	}
	return l, nil
}

// Close closes the ledger.
func (l *Ledger) Close() error { return l.db.Close() }

// migrate brings the schema up to date, and refuses one that a later candor made.
func (l *Ledger) migrate(ctx context.Context) error {
	p, err := l.provider()
	if err != nil {
		return err
	}
	has, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; has > newest {
		return fmt.Errorf("its schema is %d, and this candor knows %d: use the candor that made it", has, newest)
	} else if has == newest {
		return nil
	}
	_, err = p.Up(ctx)
	return err
}

func (l *Ledger) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, l.db, files)
}

// explain names the file, and what to do where something can be done.
func (l *Ledger) explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	hint := ""
	switch text := err.Error(); {
	case strings.Contains(text, "not a database"), strings.Contains(text, "malformed"):
		hint = "\nIt is damaged. Move it away and start again: it is built anew from the journal."
	case strings.Contains(text, "readonly"):
		hint = "\nIt cannot be written to: look at the file's owner and mode."
	case strings.Contains(text, "full"):
		hint = "\nThe disk is full. Make room: nothing is lost, the journal is folded from where it stood."
	}
	return fmt.Errorf("ledger: %s: %w%s", l.path, err, hint)
}

// Applied is the number of the last journal entry that was folded.
func (l *Ledger) Applied(ctx context.Context) (seq uint64, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT seq FROM applied`).Scan(&seq)
	return seq, l.explain(err)
}

func at(t time.Time) int64    { return t.UnixNano() }
func from(ns int64) time.Time { return time.Unix(0, ns).UTC() }

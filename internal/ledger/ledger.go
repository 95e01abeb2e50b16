// Package ledger keeps the account: disclosures folded into incidents and the people affected.
//
// Start with [Open]; [Ledger.Fold] takes entries of the journal, [Ledger.Incidents] and its neighbours answer questions.
//
// It promises: folding an entry twice is folding it once, because what was applied is stored with what it did; each person
// is in each set once; everything in it re-derives from the journal, so that a lost ledger is built anew by folding from
// the beginning, and is the same in SQLite and in PostgreSQL. It holds no customer's address or name but sealed.
package ledger

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// Ledger is an open account. It is safe for concurrent use; several processes may have it open.
type Ledger struct {
	where   string // for people: a path, or a URL without its password
	dialect dialect
	db      *sql.DB
	moment  *sql.Tx // where set, everything that is read is of one moment: see still
	journal string  // which one it is folded from, set by Of; empty: whichever
	memory  memory
	asked   atomic.Int64
}

// memory keeps what is dear to work out, by the figures that it was worked out from. Both only grow, so that an old answer never fits
// again.
type memory struct {
	sync.Mutex
	possible  map[string]remembered
	verdicts  map[string]judged
	countries map[string]located
}

// Open opens a ledger and brings its schema up to date. where is the path of a SQLite file, which is made on first use with mode 0600, or
// the URL of a PostgreSQL database, postgres://user:password@host:5432/database, which must be there.
func Open(ctx context.Context, where string) (*Ledger, error) {
	open := openSQLite
	if strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://") {
		open = openPostgres
	}
	l, err := open(where)
	if err != nil {
		return nil, err
	}
	l.memory.possible, l.memory.verdicts, l.memory.countries = map[string]remembered{}, map[string]judged{}, map[string]located{}
	if err := l.migrate(ctx); err != nil {
		l.db.Close()
		return nil, l.explain(err)
	}
	return l, nil
}

func openSQLite(path string) (*Ledger, error) {
	if err := registered(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	f.Close()
	// The cache holds the pages that a batch touches; a large one saves reading them again.
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "foreign_keys(1)", "synchronous(NORMAL)", "cache_size(-65536)", "wal_autocheckpoint(8000)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+pragmas.Encode())
	if err != nil {
		return nil, fmt.Errorf("ledger: %s: %w", path, err)
	}
	return &Ledger{where: path, dialect: sqlite, db: db}, nil
}

func openPostgres(where string) (*Ledger, error) {
	c, err := pgx.ParseConfig(where)
	if err != nil {
		return nil, errURL // the cause may quote a password
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	db := stdlib.OpenDB(*c)
	db.SetMaxOpenConns(8)
	return &Ledger{where: fmt.Sprintf("postgres://%s@%s:%d/%s", c.User, c.Host, c.Port, c.Database), dialect: postgres, db: db}, nil
}

// Close closes the ledger.
func (l *Ledger) Close() error { return l.db.Close() }

// migrate brings the schema up to date, and refuses one that a later candor made. Where several open a ledger at once, who comes too late for
// a step fails at it, and goes on behind it: each step is a transaction.
func (l *Ledger) migrate(ctx context.Context) error {
	p, err := l.provider()
	if err != nil {
		return err
	}
	sources := p.ListSources()
	newest, before := sources[len(sources)-1].Version, int64(-1)
	for {
		has, err := version(ctx, p)
		switch {
		case err != nil:
			return err
		case has > newest:
			return fmt.Errorf("its schema is %d, and this candor knows %d: use the candor that made it", has, newest)
		case has == newest:
			return nil
		}
		if _, err = p.Up(ctx); err == nil {
			return nil
		} else if has == before {
			return err
		}
		before = has
	}
}

// version is the schema that is there. Asked for the first time it makes the table of versions, and somebody else may just have made it.
func version(ctx context.Context, p *goose.Provider) (int64, error) {
	has, err := p.GetDBVersion(ctx)
	if err == nil {
		return has, nil
	}
	if again, failed := p.GetDBVersion(ctx); failed == nil {
		return again, nil
	}
	return 0, err
}

func (l *Ledger) provider() (*goose.Provider, error) {
	files, err := l.dialect.migrations()
	if err != nil {
		return nil, err
	}
	if l.dialect == sqlite {
		return goose.NewProvider(goose.DialectSQLite3, l.db, files)
	}
	locker, err := lock.NewPostgresSessionLocker() // two machines may start at once
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, l.db, files, goose.WithSessionLocker(locker))
}

// Applied is the number of the last journal entry that was folded.
func (l *Ledger) Applied(ctx context.Context) (seq uint64, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT seq FROM applied`).Scan(&seq)
	return seq, l.explain(err)
}

// Asked is how many queries were made of it to read, since it was opened.
func (l *Ledger) Asked() int64 { return l.asked.Load() }

func (l *Ledger) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	l.asked.Add(1)
	if l.moment != nil {
		return l.moment.QueryContext(ctx, l.dialect.bind(query), args...)
	}
	return l.db.QueryContext(ctx, l.dialect.bind(query), args...)
}

func (l *Ledger) row(ctx context.Context, query string, args ...any) *sql.Row {
	l.asked.Add(1)
	if l.moment != nil {
		return l.moment.QueryRowContext(ctx, l.dialect.bind(query), args...)
	}
	return l.db.QueryRowContext(ctx, l.dialect.bind(query), args...)
}

// still reads while nothing changes: numbers that must sum are of one moment, although the journal is folded meanwhile.
func (l *Ledger) still(ctx context.Context, do func(*Ledger) error) error {
	tx, err := l.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: l.dialect.snapshot()})
	if err != nil {
		return l.explain(err)
	}
	defer tx.Rollback()
	one := &Ledger{where: l.where, dialect: l.dialect, db: l.db, moment: tx, journal: l.journal}
	one.memory.possible, one.memory.verdicts, one.memory.countries = map[string]remembered{}, map[string]judged{}, map[string]located{}
	err = do(one)
	l.asked.Add(one.asked.Load())
	return err
}

// at is a moment as the tables have it. What nanoseconds cannot say (UnixNano is undefined before 1678 and after 2262) is the first or last
// that they can.
func at(t time.Time) int64 {
	switch {
	case t.Before(firstMoment):
		t = firstMoment
	case t.After(lastMoment):
		t = lastMoment
	}
	return t.UnixNano()
}

// They leave room for truncating to an hour.
var firstMoment, lastMoment = time.Date(1678, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)

func from(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// maybe is a moment that may not have been: 0 is the zero time.
func maybe(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return from(ns)
}

// orZero is what maybe reads.
func orZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return at(t)
}

// layers are folders of which the first that has a file gives it.
type layers []fs.FS

func (l layers) Open(name string) (f fs.File, err error) {
	for _, layer := range l {
		if f, err = layer.Open(name); err == nil {
			return f, nil
		}
	}
	return nil, err
}

// Glob lists the files of all layers by name: goose takes them in the order that it is given.
func (l layers) Glob(pattern string) (list []string, err error) {
	for _, layer := range l {
		names, err := fs.Glob(layer, pattern)
		if err != nil {
			return nil, err
		}
		list = append(list, names...)
	}
	slices.Sort(list)
	return list, nil
}

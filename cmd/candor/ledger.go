package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/delivery"
	"candor.example/internal/journal"
	"candor.example/internal/ledger"
)

// ledgerFlag says where the account is kept.
type ledgerFlag struct {
	dataFlag
	Ledger string `env:"CANDOR_LEDGER" placeholder:"URL" help:"postgres://user@host/database: a ledger in PostgreSQL (default: ledger.sqlite in --data). In the environment it is CANDOR_LEDGER."`
}

func (f ledgerFlag) where() string {
	if f.Ledger != "" {
		return f.Ledger
	}
	return f.ledger()
}

// isFile: SQLite, and not a server.
func (f ledgerFlag) isFile() bool { return !strings.Contains(f.where(), "://") }

// withLedger opens the ledger that serve writes; both may have it open at once.
func withLedger(ctx context.Context, f ledgerFlag, do func(*ledger.Ledger) error) error {
	if f.isFile() {
		if _, err := os.Stat(f.where()); errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s: there is no ledger yet: start candor serve, or name its folder with --data", f.where())
		}
	}
	l, err := ledger.Open(ctx, f.where())
	if err != nil {
		return err
	}
	defer l.Close()
	return do(l)
}

// openLedger opens the ledger of a journal, and refuses that of another.
func openLedger(ctx context.Context, where string, j *journal.Journal) (*ledger.Ledger, error) {
	l, err := ledger.Open(ctx, where)
	if err != nil {
		return nil, err
	}
	if err := l.Of(ctx, j.ID()); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

type ledgerCmd struct {
	Rebuild ledgerRebuildCmd `cmd:"" help:"Build a ledger anew from the journal and the deliveries of notices."`
}

type ledgerRebuildCmd struct {
	ledgerFlag
	configFlag
	Into string `arg:"" placeholder:"FILE|URL" help:"The new ledger: a file that is not there yet, or an empty PostgreSQL database (postgres://…)."`
}

func (c *ledgerRebuildCmd) Help() string {
	return `Everything in the ledger comes from the journal: disclosures, coverage, releases, and what people did. It is folded into an empty
ledger, which then says the same as the old one did. What became of each notice comes from the delivery store, in the data folder or where
candor.yaml says (notice.store). Stop serve and 'candor notice send' first: one process at a time has a journal open.

  candor ledger rebuild candor-data/new.sqlite
  mkdir old && mv candor-data/ledger.sqlite* old/     also its -wal and -shm: beside another ledger they would spoil it
  mv candor-data/new.sqlite candor-data/ledger.sqlite

  candor ledger rebuild postgres://candor@db.shop.example/candor    and then serve with CANDOR_LEDGER set to it`
}

func (c *ledgerRebuildCmd) Run(ctx context.Context) error {
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.journal()); err != nil {
		return fmt.Errorf("%s holds no journal: name its folder with --data", c.Data)
	}
	into := ledgerFlag{c.dataFlag, c.Into}
	if _, err := os.Stat(c.Into); into.isFile() && err == nil {
		return fmt.Errorf("%s is there already: name a new file, or move that one away", c.Into)
	}
	j, err := journal.Open(ctx, journal.Options{Dir: c.journal(), Log: newLogger(slog.LevelWarn, false)})
	if err != nil {
		return err
	}
	defer j.Close()
	l, err := openLedger(ctx, into.where(), j)
	if err != nil {
		return err
	}
	defer l.Close()
	if applied, err := l.Applied(ctx); err != nil {
		return err
	} else if applied > 0 {
		return fmt.Errorf("%s is not empty: %d entries of a journal are in it", c.Into, applied)
	}
	store, err := c.store(ctx, config.Notice)
	if err != nil {
		return err
	}
	started := time.Now()
	if store == nil {
		err = rebuild(ctx, j, l, l.Fold)
	} else {
		defer store.Close()
		err = rebuildWith(ctx, j, l, store)
	}
	if err != nil {
		return err
	}
	list, err := l.Incidents(ctx)
	if err == nil {
		fmt.Printf("%s: built from the journal in %s, %d incidents\n", c.Into, time.Since(started).Round(time.Millisecond), len(list))
	}
	return err
}

// store is the delivery store; nil where no notice was ever sent.
func (c *ledgerRebuildCmd) store(ctx context.Context, n NoticeConfig) (*delivery.Store, error) {
	if n.Store == "" {
		if _, err := os.Stat(c.delivery()); errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
	}
	return openStore(ctx, c.dataFlag, n, newLogger(slog.LevelWarn, false))
}

// rebuildWith folds all of a journal and of a delivery store.
func rebuildWith(ctx context.Context, j *journal.Journal, l *ledger.Ledger, store *delivery.Store) error {
	r := &refold{ledger: l, store: store, marks: map[string][]delivery.Mark{}}
	if err := rebuild(ctx, j, l, r.fold); err != nil {
		return err
	}
	return r.deliver(ctx, func([]delivery.Mark) (uint64, bool) { return 0, false })
}

// rebuild folds all of a journal, and says how far it has come.
func rebuild(ctx context.Context, j *journal.Journal, l *ledger.Ledger, fold func(context.Context, []candor.Entry) error) error {
	last, err := j.LastSeq(ctx)
	if err != nil {
		return err
	}
	p := newProgress("rebuild", int64(last))
	p.unit = "entries"
	defer p.end()
	return foldUpTo(ctx, j, l, last, fold, func(n int) { p.add(int64(n)) })
}

// catchUp folds all that is in the journal.
func catchUp(ctx context.Context, j *journal.Journal, l *ledger.Ledger) error {
	last, err := j.LastSeq(ctx)
	if err != nil {
		return err
	}
	return foldUpTo(ctx, j, l, last, l.Fold, func(int) {})
}

// foldUpTo folds the journal as far as its entry last, which must be there.
func foldUpTo(ctx context.Context, j *journal.Journal, l *ledger.Ledger, last uint64, fold func(context.Context, []candor.Entry) error, folded func(entries int)) error {
	applied, err := l.Applied(ctx)
	if err != nil || applied >= last {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	complete := false
	err = followBy(ctx, j, l, fold, func(entries []candor.Entry) {
		folded(len(entries))
		if entries[len(entries)-1].Seq >= last {
			complete = true
			stop()
		}
	})
	if complete {
		return nil
	}
	return err
}

// follow folds the journal into the ledger until ctx ends or something fails, and says which. A ledger that lost its last folds is given them again.
func follow(ctx context.Context, j *journal.Journal, l *ledger.Ledger, folded func([]candor.Entry)) error {
	return followBy(ctx, j, l, l.Fold, folded)
}

func followBy(ctx context.Context, j *journal.Journal, l *ledger.Ledger, fold func(context.Context, []candor.Entry) error, folded func([]candor.Entry)) error {
	after, err := l.Applied(ctx)
	for err == nil {
		var behind ledger.ErrBehind
		moved := false
		err = j.Consume(ctx, after, func(ctx context.Context, entries []candor.Entry) error {
			err := fold(ctx, entries)
			if errors.As(err, &behind) {
				return fmt.Errorf("%w: %w", journal.ErrStop, err)
			} else if err == nil {
				moved = true
				folded(entries)
			}
			return err
		})
		if errors.Is(err, journal.ErrStop) && (moved || behind.Applied != after) {
			after, err = behind.Applied, nil
		} else if errors.Is(err, journal.ErrStop) {
			err = fmt.Errorf("the journal lacks entry %d or one soon behind it: %w", after+1, err)
		}
	}
	return err
}

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"candor.example"
	"candor.example/internal/journal"
	"candor.example/internal/ledger"
)

// A database that comes back from a crash without its last folds, while the journal is being followed, is given them again: nobody is lost.
func TestFollowAfterLoss(t *testing.T) {
	dir := t.TempDir()
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "journal"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	where := filepath.Join(dir, "ledger.sqlite")
	l, err := ledger.Open(t.Context(), where)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := 0
	record := func() {
		n++
		d := candor.Disclosure{ID: fmt.Sprint("d", n), Time: time.Now(), Site: "s", Route: "GET /", Owner: fmt.Sprint("o", n), Kind: "email", Class: candor.Disclosed, Outcome: candor.Exposed, ViewerDigest: "v", Viewer: "customer"}
		if err := j.Record(t.Context(), candor.Entry{Disclosures: []candor.Disclosure{d}}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	folded, done := make(chan uint64), make(chan error, 1)
	go func() {
		done <- follow(ctx, j, l, func(entries []candor.Entry) { folded <- entries[len(entries)-1].Seq })
	}()
	until := func(seq uint64) {
		for got := uint64(0); got < seq; {
			select {
			case got = <-folded:
			case err := <-done:
				t.Fatal(err)
			case <-time.After(10 * time.Second):
				t.Fatalf("entry %d was not folded", seq)
			}
		}
	}
	for range 5 {
		record()
	}
	until(5)
	db, err := sql.Open("sqlite", where)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, lost := range []string{`DELETE FROM affected`, `DELETE FROM viewer`, `DELETE FROM course`, `DELETE FROM incident`, `UPDATE applied SET seq = 0`} {
		if _, err := db.Exec(lost); err != nil {
			t.Fatal(err)
		}
	}
	record()
	until(6)
	list, err := l.Incidents(t.Context())
	if err != nil || len(list) != 1 || list[0].Exposed != 6 {
		t.Errorf("%+v, %v", list, err)
	}
	stop()
	<-done
}

// The ledger of another journal is refused before anything is folded, and stays open to its own.
func TestLedgerOfAnotherJournal(t *testing.T) {
	dir := t.TempDir()
	where := filepath.Join(dir, "ledger.sqlite")
	for _, c := range []struct {
		journal string
		want    error
	}{{"a", nil}, {"b", ledger.ErrOtherJournal}, {"a", nil}} {
		j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, c.journal), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		l, err := openLedger(t.Context(), where, j)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.journal, err)
		}
		if err == nil {
			l.Close()
		}
		j.Close()
	}
}

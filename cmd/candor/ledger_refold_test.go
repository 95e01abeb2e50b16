package main

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/delivery"
	"candor.example/internal/journal"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
	"candor.example/internal/testdb"
)

// toldStory is two campaigns to the people of one incident, whose journal, delivery store and ledger are real.
type toldStory struct {
	t        *testing.T
	journal  *journal.Journal
	store    *delivery.Store
	ledger   *ledger.Ledger
	incident string
	n        int
}

func newToldStory(t *testing.T, people int) *toldStory {
	dir := t.TempDir()
	s := &toldStory{t: t}
	var err error
	if s.journal, err = journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "journal"), Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.journal.Close() })
	if s.store, err = delivery.OpenStore(t.Context(), delivery.StoreOptions{Dir: filepath.Join(dir, "delivery"), NoSync: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.store.Close() })
	if s.ledger, err = ledger.Open(t.Context(), filepath.Join(dir, "ledger.sqlite")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.ledger.Close() })
	for i := range people {
		s.record(candor.Entry{Disclosures: []candor.Disclosure{{ID: fmt.Sprint("d", i), Time: time.Unix(1542700000, 0), Site: "s", Route: "GET /", Owner: fmt.Sprintf("o%03d", i), Kind: "email",
			Class: candor.Disclosed, Outcome: candor.Exposed, ViewerDigest: "v", Viewer: "customer"}}})
	}
	list, err := s.ledger.Incidents(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	s.incident = list[0].ID
	return s
}

func (s *toldStory) record(e candor.Entry) {
	s.t.Helper()
	if err := s.journal.Record(s.t.Context(), e); err != nil {
		s.t.Fatal(err)
	}
	if err := catchUp(s.t.Context(), s.journal, s.ledger); err != nil {
		s.t.Fatal(err)
	}
}

func (s *toldStory) act(campaign, by, what string, details map[string]string) {
	s.t.Helper()
	s.n++
	a := candor.Action{ID: fmt.Sprint("a", s.n), Time: time.Unix(1542700000+int64(s.n), 0).UTC(), By: by, What: what, Incident: s.incident, Why: "so", Details: map[string]string{"campaign": campaign}}
	for k, v := range details {
		a.Details[k] = v
	}
	e := candor.Entry{Actions: []candor.Action{a}}
	if what == candor.NoticeDrafted {
		body := []byte(`{"of":"words"}`)
		a.Details["draft"] = candor.HashOf(body)
		e.Documents = []candor.Document{{Hash: candor.HashOf(body), Type: notice.DraftSchema, Body: body}}
	}
	s.record(e)
}

func (s *toldStory) start(campaign string) {
	s.t.Helper()
	s.act(campaign, "Ada", candor.NoticeDrafted, map[string]string{"kind": "affected", "needs": "1"})
	s.act(campaign, "Ada", candor.NoticeFrozen, map[string]string{"signer": "key1"})
	c, err := s.ledger.Campaign(s.t.Context(), campaign)
	if err != nil {
		s.t.Fatal(err)
	}
	s.act(campaign, "Ben", candor.NoticeApproved, map[string]string{"content": c.Content()})
	s.act(campaign, "Ben", candor.NoticeStarted, map[string]string{"share": "all"})
}

func (s *toldStory) dump(l *ledger.Ledger) string {
	s.t.Helper()
	var b strings.Builder
	if err := l.Dump(s.t.Context(), &b); err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

// Whatever people decide while notices are delivered and reports come back: a ledger that is built anew from both journals, in either database, is
// the same in every row.
func TestRebuildWithDeliveries(t *testing.T) {
	t.Parallel()
	const people = 15
	kinds := []notice.EventKind{notice.Intended, notice.Intended, notice.Took, notice.Took, notice.Deferred, notice.Refused, notice.Kept, notice.Returned, notice.Delivered, notice.Complained}
	database := testdb.Postgres(t)
	s := newToldStory(t, people)
	r := rand.New(rand.NewPCG(1, 5))
	fold := deliveries{s.ledger, s.store, slog.Default()}
	for _, campaign := range []string{"c1", "c2"} { // the second tells those whom the first did not
		s.start(campaign)
		for i := range 50 {
			n := r.IntN(people)
			e := notice.Event{N: n, Key: fmt.Sprint(campaign, "key", n), Kind: kinds[r.IntN(len(kinds))], Time: time.Unix(1542800000+int64(i), 0).UTC(), Attempt: 1 + r.IntN(2), Soft: r.IntN(2) == 0}
			if _, err := s.store.Report(t.Context(), campaign, candor.NewID(), e); err != nil {
				t.Fatal(err)
			}
			if r.IntN(3) > 0 {
				if err := fold.catchUp(t.Context(), campaign); err != nil {
					t.Fatal(err)
				}
			}
			switch r.IntN(12) {
			case 0:
				s.act(campaign, "Ben", candor.NoticeChannelled, map[string]string{"channel": []string{"post", "site"}[r.IntN(2)]})
			case 1, 2:
				s.act(campaign, "Ben", candor.NoticeResolved, map[string]string{"key": fmt.Sprint(campaign, "key", r.IntN(people)), "as": []string{"accepted", "again", "other"}[r.IntN(3)]})
			case 3:
				s.act(campaign, "Ben", candor.NoticePaused, nil)
				s.act(campaign, "Ben", candor.NoticeResumed, nil)
			}
		}
		s.act(campaign, "Ben", candor.NoticeCancelled, nil)
	}
	for _, campaign := range []string{"c1", "c2"} {
		if err := fold.catchUp(t.Context(), campaign); err != nil {
			t.Fatal(err)
		}
	}
	want := s.dump(s.ledger)
	if strings.Count(want, "state=\"other\"") < 3 || strings.Count(want, "state=\"accepted\"") < 3 {
		t.Fatal("that tests little:\n" + want)
	}
	for _, where := range []string{filepath.Join(t.TempDir(), "new.sqlite"), database} {
		anew, err := ledger.Open(t.Context(), where)
		if err != nil {
			t.Fatal(err)
		}
		defer anew.Close()
		if err := rebuildWith(t.Context(), s.journal, anew, s.store); err != nil {
			t.Fatal(err)
		}
		if got := s.dump(anew); got != want {
			t.Errorf("%.9s: %s", where, firstDifference(got, want))
		}
	}
}

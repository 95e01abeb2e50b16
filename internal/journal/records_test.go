package journal

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"candor.example"
)

// waiting has so many wait while somebody writes, and returns what became of each.
func waiting(t *testing.T, j *Journal, n int) <-chan error {
	t.Helper()
	j.records.mu.Lock()
	j.records.busy = true
	j.records.mu.Unlock()
	became := make(chan error, n)
	for i := range n {
		e := entry(disclosure(i))
		e.Responses, e.Sealed = []candor.Response{{ID: e.Disclosures[0].ID}}, []candor.Sealed{{Owner: e.Disclosures[0].Owner}}
		go func() { became <- j.Record(t.Context(), e) }()
	}
	for all := false; !all; runtime.Gosched() {
		j.records.mu.Lock()
		all = len(j.records.waiting) == n
		j.records.mu.Unlock()
	}
	return became
}

// Who writes writes for others: that it is gone itself is nothing to them.
func TestRecordsOfSomebodyWhoIsGone(t *testing.T) {
	j := open(t, t.TempDir())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	j.records.busy = true
	first := make(chan error, 1)
	go func() { first <- j.Record(gone, entry(disclosure(1000))) }()
	for alone := false; !alone; runtime.Gosched() {
		j.records.mu.Lock()
		alone = len(j.records.waiting) == 1
		j.records.mu.Unlock()
	}
	behind := make(chan error, 1)
	go func() { behind <- j.Record(t.Context(), entry(disclosure(1))) }()
	for both := false; !both; runtime.Gosched() {
		j.records.mu.Lock()
		both = len(j.records.waiting) == 2
		j.records.mu.Unlock()
	}
	j.records.next(nil)
	if err := <-behind; err != nil {
		t.Error(err)
	}
	<-first
}

// Who waits while somebody writes is written together, with all that belongs to each.
func TestRecordsShareAMessage(t *testing.T) {
	j := open(t, t.TempDir())
	became := waiting(t, j, 20)
	j.records.next(nil)
	for range 20 {
		if err := <-became; err != nil {
			t.Fatal(err)
		}
	}
	list := consume(t, j, 0)
	if len(list) != 1 || len(list[0].Disclosures) != 20 || len(list[0].Responses) != 20 || len(list[0].Sealed) != 20 {
		t.Fatalf("%+v", list)
	}
	seen := map[string]bool{}
	for i, d := range list[0].Disclosures {
		seen[d.ID] = list[0].Responses[i].ID == d.ID && list[0].Sealed[i].Owner == d.Owner
	}
	if len(seen) != 20 || len(j.records.waiting) > 0 || j.records.busy {
		t.Errorf("%v, %d wait", seen, len(j.records.waiting))
	}
}

// When nothing can be written everybody hears it, and whoever comes later tries again.
func TestRecordsFailTogether(t *testing.T) {
	j := open(t, t.TempDir())
	became := waiting(t, j, 20)
	full := errors.New("the disk is full")
	j.records.next(full)
	for range 20 {
		if err := <-became; err != full {
			t.Fatal(err)
		}
	}
	if err := j.Record(t.Context(), entry(disclosure(1))); err != nil {
		t.Fatal(err)
	}
	j.Close()
	became = waiting(t, j, 20)
	j.records.next(nil)
	for range 20 {
		if <-became == nil {
			t.Error("written into a journal that is closed")
		}
	}
}

// A message has limits, and one entry goes into it in any case.
func TestRecordsHaveLimits(t *testing.T) {
	of := func(n int, url string) *record {
		e := candor.Entry{}
		for range n {
			e.Disclosures = append(e.Disclosures, candor.Disclosure{URL: url})
		}
		return &record{Entry: e}
	}
	for _, c := range []struct {
		waiting []*record
		first   int
	}{
		{[]*record{of(maxBatch-1, ""), of(1, ""), of(1, "")}, 2},
		{[]*record{of(maxBatch-1, ""), of(2, "")}, 1},
		{[]*record{of(maxBatch+1, ""), of(1, "")}, 1},
		{[]*record{of(1, strings.Repeat("a", MaxSize/2-700)), of(1, ""), of(1, "")}, 2},
		{[]*record{of(1, strings.Repeat("a", MaxSize/2-700)), of(1, "a"), of(1, "a")}, 1},
		{[]*record{of(1, strings.Repeat("a", 2*MaxSize)), of(1, "")}, 1},
	} {
		r := records{waiting: c.waiting}
		if n := len(r.batch()); n != c.first || len(r.waiting) != len(c.waiting)-n {
			t.Errorf("%d of %d are written together, not %d; %d wait", n, len(c.waiting), c.first, len(r.waiting))
		}
	}
}

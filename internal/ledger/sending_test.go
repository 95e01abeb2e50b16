package ledger

import (
	"maps"
	"testing"
	"time"

	"candor.example/internal/notice"
)

// What a sender says is there for whoever looks, and is no part of the account.
func testSending(t *testing.T, fresh fresher) {
	l := newTold(t, fresh, 3)
	if p, err := l.Progress(t.Context(), "c"); err != nil || p.Runs(start) || !p.Time.IsZero() {
		t.Errorf("before anybody has said anything: %+v, %v", p, err)
	}
	if people, err := l.Receivers(t.Context(), "c", "s"); err != nil || people != nil {
		t.Errorf("before anybody has counted: %v, %v", people, err)
	}
	before, err := l.Deliveries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		p := notice.Progress{Time: start.Add(time.Duration(n) * time.Second), Workers: []string{"mail-1"}, Rate: float64(n), Providers: []notice.ProviderProgress{{Name: "p.example", Held: start.Add(time.Minute), Why: "4.7.0"}}}
		if err := l.KeepProgress(t.Context(), "c", p); err != nil {
			t.Fatal(err)
		}
	}
	p, err := l.Progress(t.Context(), "c")
	if err != nil || p.Rate != 1 || !p.Providers[0].Held.Equal(start.Add(time.Minute)) || !p.Runs(start.Add(15*time.Second)) || p.Runs(start.Add(16*time.Second)) {
		t.Errorf("%+v, %v", p, err)
	}
	if now, err := l.Deliveries(t.Context()); err != nil || now == before {
		t.Error("who looks on is not told that the sender said something:", now, err)
	}
	counts := map[string]int{"p.example": 30, "other": 3}
	for range 2 {
		if err := l.KeepReceivers(t.Context(), "c", "s", counts); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := l.Receivers(t.Context(), "c", "s"); err != nil || !maps.Equal(got, counts) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := l.Receivers(t.Context(), "c", "another set"); err != nil || got != nil {
		t.Errorf("counts of a set that was frozen before: %v, %v", got, err)
	}
}

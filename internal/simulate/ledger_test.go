package simulate_test

import (
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"

	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/internal/simulate"
)

// The ledger keeps all that a verdict is decided from: what it holds of a play gives the same verdicts as the play's own books.
func TestLedgerGivesTheSameVerdicts(t *testing.T) {
	d := directoryOf(t)
	for _, cause := range simulate.Causes {
		t.Run(string(cause), func(t *testing.T) {
			var p simulate.Played
			synctest.Test(t, func(*testing.T) { p = simulate.Play(d, 7, simulate.Usual, cause) })
			got := fromLedger(t, p)
			for _, i := range p.Incidents {
				if !reflect.DeepEqual(got[i.Route], i.Verdict) {
					t.Errorf("%s: the ledger's evidence gives %+v, the play's %+v", i.Route, got[i.Route], i.Verdict)
				}
			}
			if len(got) != len(p.Incidents) {
				t.Errorf("%d incidents, want %d", len(got), len(p.Incidents))
			}
		})
	}
}

// fromLedger folds what was recorded into a new ledger, and decides each incident from what it holds, by route.
func fromLedger(t *testing.T, p simulate.Played) map[string]incident.Verdict {
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Fold(t.Context(), p.Entries); err != nil {
		t.Fatal(err)
	}
	list, err := l.Incidents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]incident.Verdict{}
	for _, i := range list {
		e, err := l.Evidence(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		verdicts[i.Route] = incident.Decide(e)
	}
	return verdicts
}

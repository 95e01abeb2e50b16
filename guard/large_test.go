package guard_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"candor.example"
	"candor.example/guard"
	"candor.example/internal/journal"
	"candor.example/internal/seal"
)

// A page with 6,000 customers on it, each sealed with a post-quantum key, is recorded in a real journal, and so is what comes after.
func TestLargePageIsRecorded(t *testing.T) {
	const owners = 6000
	var customers, page strings.Builder
	customers.WriteString("id,email\n")
	for i := range owners {
		fmt.Fprintf(&customers, "%d,person%d@people.example\n", i, i)
		fmt.Fprintf(&page, "<li>person%d@people.example</li>", i)
	}
	key, err := seal.Generate(seal.PostQuantum)
	if err != nil {
		t.Fatal(err)
	}
	d := directoryOf(t, customers.String())
	for _, mode := range []guard.Mode{guard.Mask, guard.Observe} {
		j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { j.Close() })
		r := newRig(t, mode, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			if req.URL.Path == "/all" {
				io.WriteString(w, page.String())
			} else {
				io.WriteString(w, "<p>person7@people.example</p>")
			}
		})
		sealer := seal.NewSealer(key.Public())
		r.Directory = d
		r.Seal = func(owner, kind string, value []byte) []candor.Sealed {
			return sealer.Seal(owner, candor.Kind(kind), value)
		}
		r.Record = func(ctx context.Context, e candor.Entry) error {
			if err := j.Record(ctx, e); err != nil {
				t.Error(err)
				return err
			}
			sealer.Recorded(e.Sealed)
			return r.record(ctx, e)
		}
		if _, body := r.get("/all", ""); strings.Contains(body, "person5999@") != (mode == guard.Observe) {
			t.Errorf("%s: another page", mode)
		}
		people, sealed := map[string]bool{}, map[string]int{}
		for _, d := range r.recorded {
			people[d.Owner] = true
		}
		for _, e := range r.entries {
			for _, s := range e.Sealed {
				sealed[s.Kind]++
			}
		}
		if len(people) != owners || mode == guard.Observe && (sealed["email"] != owners || sealed["context"] != owners) {
			t.Errorf("%s: %d people, sealed %v", mode, len(people), sealed)
		}
		n := len(r.recorded)
		if r.get("/one", ""); len(r.recorded) != n+1 {
			t.Errorf("%s: the next is not recorded", mode)
		}
	}
}

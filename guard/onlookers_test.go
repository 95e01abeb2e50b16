package guard_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"candor.example"
	"candor.example/guard"
	"candor.example/scan"
)

// A customer who was shown somebody else's data has their own address sealed for their digest, where a page or the request says it; of everybody else
// nothing is sealed.
func TestOnlookers(t *testing.T) {
	const other, own, bob = `{"to":"alice@shop.example"}`, `{"me":"bob@shop.example"}`, "bob@shop.example"
	for name, c := range map[string]struct {
		pages []string // that bob looks at, in this order
		says  string   // by the request
		mode  guard.Mode
		known bool   // that he was shown somebody else's data before the guard started
		want  string // how often his address was sealed with what was recorded, and how often later
	}{
		"own first":         {pages: []string{`[` + own + `,` + other + `]`}, want: "1 0"},
		"own last":          {pages: []string{`[` + other + `,` + own + `]`}, want: "1 0"},
		"later":             {pages: []string{other, other, own, own}, want: "0 1"},
		"earlier":           {pages: []string{own, other}, want: "0 0"}, // no address is remembered
		"said":              {pages: []string{other}, says: bob, want: "1 0"},
		"said of another":   {pages: []string{other}, says: "carol@shop.example", want: "0 0"},
		"before a restart":  {pages: []string{own, own}, known: true, want: "0 1"},
		"nothing of others": {pages: []string{own}, says: bob, want: "0 0"},
		"stopped":           {pages: []string{`[` + other + `,` + own + `]`, own}, says: bob, mode: guard.Mask, want: "0 0"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.mode, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, c.pages[len(r.URL.Query().Get("n"))])
			})
			if c.mode == "" {
				r.Mode = func(string, string) guard.Mode { return guard.Observe }
			}
			r.Address = func(*http.Request) string { return c.says }
			r.Seal = func(owner, kind string, value []byte) []candor.Sealed {
				return []candor.Sealed{{Owner: owner, Kind: kind, Blob: value}}
			}
			r.About = func(owner string, _ scan.Kind, _ []byte) (string, string) { return "lang-" + owner, "" }
			digest := candor.Viewer{Customer: "2"}.Digest(r.Key)
			if c.known {
				r.AwaitAddress(digest)
			}
			for n := range c.pages {
				r.get("/?n="+strings.Repeat("x", n), "2", "X-Client", fmt.Sprint(n))
			}
			if got := fmt.Sprint(ofBob(t, digest, r.entries), ofBob(t, digest, r.noted)); got != c.want {
				t.Errorf("sealed %s, want %s", got, c.want)
			}
		})
	}
}

// ofBob counts what was sealed of the viewer: each time with the language.
func ofBob(t *testing.T, digest string, entries []candor.Entry) (n int) {
	var list []candor.Sealed
	for _, e := range entries {
		list = append(list, e.Sealed...)
	}
	list = slices.DeleteFunc(list, func(s candor.Sealed) bool { return s.Owner != digest })
	for i, s := range list {
		want := []candor.Sealed{{Owner: digest, Kind: "email", Blob: []byte("bob@shop.example")}, {Owner: digest, Kind: "locale", Blob: []byte("lang-2")}}[i%2]
		if s.Kind != want.Kind || string(s.Blob) != string(want.Blob) {
			t.Errorf("sealed %s %q", s.Kind, s.Blob)
		}
	}
	return len(list) / 2
}

// Whoever is known by no id, or has a role, is no customer who could be written to.
func TestOnlookersAreCustomers(t *testing.T) {
	r := newRig(t, guard.Observe, say("application/json", `["alice@shop.example","bob@shop.example"]`))
	r.Address = func(*http.Request) string { return "bob@shop.example" }
	var sealed []string
	r.Seal = func(owner, kind string, _ []byte) []candor.Sealed {
		sealed = append(sealed, owner+" "+kind)
		return nil
	}
	for _, v := range []candor.Viewer{{}, {Client: "x"}, {Customer: "2", Role: "staff"}, {Customer: "?0123456789ab"}} {
		r.Viewer = func(*http.Request) candor.Viewer { return v }
		r.get("/", "")
	}
	for _, s := range sealed {
		if !strings.HasPrefix(s, "1 ") && !strings.HasPrefix(s, "2 ") {
			t.Errorf("sealed %s", s)
		}
	}
}

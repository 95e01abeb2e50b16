package realshop

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"candor.example"
)

// Candor stands in front of the cache, so the page that the cache hands to the wrong person passes through it: nobody
// else could tell, since the shop is not even asked.
func TestBadCaches(t *testing.T) {
	v := startVendure(t, true)
	for _, c := range badCaches {
		t.Run(c.name, func(t *testing.T) {
			cache := c.start(t, v.url)
			g := startCandor(t, cache, v.customers, "mask")
			w := newWitness(v)
			members := v.members()

			owner := newShopper(t, g.url, w).login(t, members[0])
			first := owner.page(t, "/account")
			if got := w.addresses(first.body); len(got) != 2 || got[0] != members[0].Email {
				t.Fatalf("the owner does not see their own page: status %d, %d addresses", first.status, len(got))
			}
			g.await(t, "served out of the cache, which says so", func() error {
				if h := owner.page(t, "/account").header; h.Get("X-Cache-Status") != "HIT" && (h.Get("Age") == "" || h.Get("Age") == "0") {
					return errors.New("not yet")
				}
				return nil
			})
			for _, s := range []*shopper{
				newShopper(t, g.url, w).login(t, members[1]),
				newApp(t, g.url, w).login(t, members[2]),
				newShopper(t, g.url, w),
			} {
				truth := s.visit(t, cache, "GET", "/account", nil)
				if len(w.foreign(s, "GET /account", "", truth.body)) != 2 {
					t.Fatal("the cache did not hand the first customer's page on")
				}
				w.sameButMasked(t, s, "GET /account", "", truth, s.visit(t, g.url, "GET", "/account", nil))
				w.saw(s, "GET /account", "", truth.body)
			}
			if again := owner.page(t, "/account"); string(again.body) != string(first.body) {
				t.Error("the owner's own page is masked when it comes from the cache")
			}
			metrics := g.metrics(t)
			g.stop(t)
			// What a cache keeps may have gone past Candor as well: whoever's page it kept is possibly exposed, too.
			for _, outcome := range []candor.Outcome{candor.Prevented, candor.Possible} {
				if got, want := spell(g.affected(t, outcome)), w.sets(); !slices.Equal(got, want) {
					t.Errorf("the ledger, %s:\n  %s\nthe witness:\n  %s", outcome, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
				}
			}
			if sets := g.affected(t, candor.Exposed); len(sets) > 0 {
				t.Errorf("exposed:\n  %s", strings.Join(spell(sets), "\n  "))
			}
			g.saysWhy(t, "GET /account", "shared cache kept a personal page")
			g.keepsNobody(t, v, metrics)
		})
	}
}

// saysWhy: the cause is decided, and the list for the CDN has the page.
func (g *guardian) saysWhy(t *testing.T, route, cause string) {
	t.Helper()
	for _, i := range g.incidents(t) {
		if i.Route != route {
			continue
		}
		if i.Cause != cause {
			shown := run(t, exec.Command(g.bin, "incident", "show", i.ID, "--data", g.data))
			t.Errorf("the cause is said to be %q:\n%s", i.Cause, shown)
		}
		_, page, _ := strings.Cut(route, " ")
		if list := string(run(t, exec.Command(g.bin, "incident", "purge", i.ID, "--data", g.data))); list != i.Site+page+"\n" {
			t.Errorf("to be purged:\n%s", list)
		}
		return
	}
	t.Errorf("there is no incident of %s", route)
}

package realshop

import (
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
			if got, want := spell(g.disclosed(t, candor.Prevented)), w.sets(); !slices.Equal(got, want) {
				t.Errorf("the ledger:\n  %s\nthe witness:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
			g.keepsNobody(t, v, metrics)
		})
	}
}

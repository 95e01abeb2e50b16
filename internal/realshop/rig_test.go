package realshop

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// The rig itself, without Candor: what the tests rest on is really so.

func TestShopAlone(t *testing.T) {
	v := startVendure(t, false)
	w := newWitness(v)
	if len(v.People) != customerCount(t) || len(v.guests()) == 0 {
		t.Fatalf("%d people, %d of them guests", len(v.People), len(v.guests()))
	}
	alice, bob, guest := v.members()[0], v.members()[1], v.guests()[0]

	browser, app := newShopper(t, v.url, w).login(t, alice), newApp(t, v.url, w).login(t, bob)
	if got := browser.activeCustomer(t); got != alice.Email {
		t.Errorf("the cookie session is %q's", got)
	}
	if got := app.activeCustomer(t); got != bob.Email {
		t.Errorf("the bearer session is %q's", got)
	}
	browser.fill(t)
	placed := browser.checkOut(t, nil)
	visitor := newShopper(t, v.url, w)
	visitor.fill(t)
	byGuest := visitor.checkOut(t, &guest)

	for _, c := range []struct {
		what    string
		who     *shopper
		code    string
		allowed bool
	}{
		{"the owner", browser, placed.Code, true},
		{"another customer", app, placed.Code, false},
		{"anybody within two hours", newShopper(t, v.url, w), byGuest.Code, true},
		{"a code that was never given out", newShopper(t, v.url, w), "ZZZZZZZZZZZZZZZZ", false},
	} {
		if err := c.who.ask(t, orderByCode(c.code), nil); (err == nil) != c.allowed {
			t.Errorf("orderByCode by %s: %v", c.what, err)
		}
	}
	if a := browser.page(t, "/account"); a.status != http.StatusNotFound {
		t.Errorf("the clean shop has an account page: %d", a.status)
	}
	if err := browser.ask(t, orderLookup(placed.Code), nil); err == nil {
		t.Error("the clean shop knows orderLookup")
	}
	var list struct {
		Customers struct{ TotalItems int }
	}
	newApp(t, v.url, w).loginAdmin(t, v).must(t, customerList(0), &list)
	if list.Customers.TotalItems != len(v.People) {
		t.Errorf("the staff's list has %d customers, the file %d", list.Customers.TotalItems, len(v.People))
	}
	browser.logout(t)
	if browser.activeCustomer(t) != "" {
		t.Error("still signed in after logout")
	}
}

func TestMistakesAlone(t *testing.T) {
	v := startVendure(t, true)
	w := newWitness(v)
	alice := v.members()[0]
	stranger := newShopper(t, v.url, w)

	var found struct{ OrderLookup order }
	ordered := v.People[slices.IndexFunc(v.People, func(p person) bool { return len(p.Orders) > 0 })]
	stranger.must(t, orderLookup(ordered.Orders[0]), &found)
	if found.OrderLookup.Customer == nil || found.OrderLookup.Customer.EmailAddress != ordered.Email {
		t.Error("orderLookup does not give the owner away")
	}
	counts := map[int]bool{}
	for product := range 6 {
		var list struct {
			ProductReviews []struct{ Author struct{ EmailAddress string } }
		}
		stranger.must(t, reviews(product+1), &list)
		counts[len(list.ProductReviews)] = true
		for _, r := range list.ProductReviews {
			if w.people[r.Author.EmailAddress] == "" {
				t.Error("a review's author is no customer")
			}
		}
	}
	if !counts[0] || !counts[1] || !counts[2] {
		t.Errorf("reviews a product: %v", counts)
	}
	if a := stranger.page(t, "/account"); a.status != http.StatusUnauthorized {
		t.Errorf("account page for nobody: %d", a.status)
	}
	a := newShopper(t, v.url, w).login(t, alice).page(t, "/account")
	if a.status != http.StatusOK || len(w.addresses(a.body)) != 2 || a.header.Get("Cache-Control") != "public, max-age=600" {
		t.Errorf("account page: %d, %d addresses, %q", a.status, len(w.addresses(a.body)), a.header.Get("Cache-Control"))
	}
}

// Both caches give one customer's account page to the next, and to nobody in particular.
func TestCachesAlone(t *testing.T) {
	v := startVendure(t, true)
	for _, c := range badCaches {
		t.Run(c.name, func(t *testing.T) {
			cache := c.start(t, v.url)
			w := newWitness(v)
			first := newShopper(t, cache, w).login(t, v.members()[0])
			if owner := first.page(t, "/account"); len(w.foreign(first, "GET /account", "", owner.body)) != 0 {
				t.Fatal("the first visitor already saw somebody else's page")
			}
			for _, s := range []*shopper{newShopper(t, cache, w).login(t, v.members()[1]), newApp(t, cache, w).login(t, v.members()[2]), newShopper(t, cache, w)} {
				if len(w.foreign(s, "GET /account", "", s.page(t, "/account").body)) != 2 {
					t.Error("the cache did not hand the first customer's page on")
				}
			}
			if s := newApp(t, cache, w).login(t, v.members()[3]); !strings.EqualFold(s.activeCustomer(t), v.members()[3].Email) {
				t.Error("the shop API does not work behind the cache")
			}
		})
	}
}

var badCaches = []struct {
	name  string
	start func(t *testing.T, upstream string) string
}{{"nginx", startNginx}, {"varnish", startVarnish}, {"haproxy", startHAProxy}}

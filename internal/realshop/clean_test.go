package realshop

import (
	"maps"
	"net/http"
	"net/url"
	"testing"

	"candor.example"
)

// An unmodified shop under ordinary use: what Candor finds is each time what DESIGN §2 calls it, as often as the witness
// counts, and nothing is an incident.
func TestCleanShop(t *testing.T) {
	v := startVendure(t, false)
	for _, mode := range []string{"observe", "mask"} {
		t.Run(mode, func(t *testing.T) {
			g := startCandor(t, v.url, v.customers, mode)
			w := newWitness(v)
			ordinaryUse(t, v, g.url, w)
			for _, class := range []candor.Class{candor.Own, candor.Echo, candor.Allowed, candor.Link} {
				if w.classes[class] == 0 {
					t.Errorf("the test itself saw nothing of class %s", class)
				}
			}
			if got := g.classes(t); !maps.Equal(got, w.classes) {
				t.Errorf("Candor counted %v\nand the witness  %v", got, w.classes)
			}
			metrics := g.metrics(t)
			g.stop(t)
			for _, i := range g.incidents(t) {
				t.Errorf("an incident in a clean shop: %s, %d exposed, %d prevented", i.Route, i.Exposed, i.Prevented)
			}
			g.keepsNobody(t, v, metrics)
		})
	}
}

// ordinaryUse is what members, guests and staff do in a shop.
func ordinaryUse(t *testing.T, v *vendure, front string, w *witness) {
	members, guests := v.members(), v.guests()
	for i, p := range members[:12] {
		s := newShopper(t, front, w)
		if i%2 == 1 {
			s = newApp(t, front, w)
		}
		s.must(t, products(i), nil)
		if i%3 == 0 {
			s.fill(t) // as nobody in particular: the session changes at login
		}
		s.login(t, p)
		if got := s.activeCustomer(t); got != p.Email {
			t.Fatalf("customer %s is told to be somebody else", p.ID)
		}
		s.must(t, myOrders, nil)
		if i%3 == 0 {
			s.must(t, orderByCode(s.checkOut(t, nil).Code), nil)
		}
		if i%4 == 0 {
			s.logout(t)
			if s.activeCustomer(t) != "" {
				t.Fatalf("customer %s is still signed in", p.ID)
			}
		}
	}
	for i := range 4 {
		undecided := newShopper(t, front, w)
		undecided.fill(t)
		undecided.giveName(t, guests[i])
		code := orderAsGuest(t, v.url, v, guests[i])
		newShopper(t, front, w).must(t, orderByCode(code), nil)
		newShopper(t, front, w).must(t, orderByCode(code), nil) // the same link on another device
	}
	staff := newShopper(t, front, w).loginAdmin(t, v)
	staff.must(t, customerList(0), nil)
	staff.must(t, orderList, nil)
}

// orderAsGuest places an order that nobody watches, and returns its code. One code in seventy reads like a word (MELAD931YEFANGAY) and is no
// link to Candor: then it orders once more.
func orderAsGuest(t *testing.T, front string, v *vendure, guest person) string {
	t.Helper()
	for {
		s := newShopper(t, front, newWitness(v))
		s.fill(t)
		code := s.checkOut(t, &guest).Code
		if candor.LinkToken(&http.Request{URL: &url.URL{Path: "/" + code}}, nil) != "" {
			return code
		}
	}
}

package realshop

import (
	"maps"
	"testing"

	"candor.example"
)

// One client tries what codes it can find. Each alone is a link, which whoever holds it may open; from the sixth on it is
// a walk through everybody's orders, and those that it opened before are on the list as well.
func TestWalkThroughOrders(t *testing.T) {
	v := startVendure(t, true)
	g := startCandor(t, v.url, v.customers, "mask")
	walker := newShopper(t, g.url, newWitness(v))
	const route = "POST /shop-api#orderLookup"
	want := map[candor.Outcome]map[string]bool{candor.Exposed: {}, candor.Prevented: {}}
	for _, p := range withOrders(v)[:20] {
		var found struct{ OrderLookup order }
		walker.must(t, orderLookup(p.Orders[0]), &found)
		if found.OrderLookup.Customer.EmailAddress == p.Email {
			want[candor.Exposed][p.ID] = true
		} else {
			want[candor.Prevented][p.ID] = true
		}
	}
	if n := len(want[candor.Exposed]); n > 5 {
		t.Errorf("the walker read %d people's orders in the clear", n)
	}
	g.stop(t)
	for outcome, owners := range want {
		if got := g.affected(t, outcome)[route]; !maps.Equal(got, owners) {
			t.Errorf("%s: the ledger has %v, the walker saw %v", outcome, got, owners)
		}
	}
}

// A guest who checks out is anonymous, and yet sees nothing but what this very session supplied some requests before:
// storefronts show the address on every later page of the checkout, and alarms at each would be turned off.
func TestGuestCheckout(t *testing.T) {
	v := startVendure(t, false)
	g := startCandor(t, v.url, v.customers, "mask")
	w := newWitness(v)
	for i, guest := range v.guests()[:4] {
		s := newShopper(t, g.url, w)
		if i%2 == 1 {
			s = newApp(t, g.url, w)
		}
		s.fill(t)
		got := s.checkOut(t, &guest)
		if got.Customer == nil || got.Customer.EmailAddress != guest.Email {
			t.Errorf("guest %s does not see their own address at the end of the checkout", guest.ID)
		}
		s.must(t, orderByCode(got.Code), nil)
	}
	if got := g.classes(t); got[candor.Disclosed] != 0 {
		t.Errorf("Candor counted %v", got)
	}
	g.stop(t)
	for _, i := range g.incidents(t) {
		t.Errorf("an incident: %s, %d prevented", i.Route, i.Prevented)
	}
}

package realshop

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"candor.example"
)

// The shop with its mistakes: the ledger's list is the witness's, in each mode, route by route.
func TestMistakes(t *testing.T) {
	v := startVendure(t, true)
	t.Run("observe", func(t *testing.T) {
		g := startCandor(t, v.url, v.customers, "observe")
		w := newWitness(v)
		for _, l := range looks(t, v, g.url, w) {
			truth := l.visit(t, v.url)
			got := l.visit(t, g.url)
			if got.status != truth.status || string(got.body) != string(truth.body) {
				t.Errorf("%s: observe changed what the shop sent", l.route())
			}
			l.seenBy(w, got)
		}
		sameList(t, g, w, candor.Exposed)
	})
	t.Run("mask", func(t *testing.T) {
		g := startCandor(t, v.url, v.customers, "mask")
		w := newWitness(v)
		for _, l := range looks(t, v, g.url, w) {
			truth := l.visit(t, v.url)
			w.sameButMasked(t, l.who, l.route(), string(l.sent), truth, l.visit(t, g.url))
			l.seenBy(w, truth)
		}
		sameList(t, g, w, candor.Prevented)
	})
}

func sameList(t *testing.T, g *guardian, w *witness, outcome candor.Outcome) {
	t.Helper()
	metrics, counted := g.metrics(t), g.classes(t)
	if !maps.Equal(counted, w.classes) {
		t.Errorf("Candor counted %v\nand the witness  %v", counted, w.classes)
	}
	if len(w.disclosed) < 2 {
		t.Fatalf("the mistakes showed on %d routes only: %v", len(w.disclosed), w.sets())
	}
	if got, want := spell(g.disclosed(t, outcome)), w.sets(); !slices.Equal(got, want) {
		t.Errorf("the ledger:\n  %s\nthe witness:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	g.keepsNobody(t, &vendure{People: w.all}, metrics)
}

// look is one request of one shopper that changes nothing, so that it can be sent to the shop and to Candor alike.
type look struct {
	who  *shopper
	op   operation
	page string // instead of op
	sent []byte
}

func (l look) route() string {
	if l.page != "" {
		return "GET " + l.page
	}
	return l.op.route()
}

func (l look) visit(t *testing.T, server string) answer {
	t.Helper()
	if l.page != "" {
		return l.who.visit(t, server, "GET", l.page, nil)
	}
	a := l.who.visit(t, server, "POST", l.op.path(), l.sent)
	if err := a.decode(nil); err != nil {
		t.Errorf("%s: the shop's client cannot read it: %v", l.route(), err)
	}
	return a
}

func (l look) seenBy(w *witness, truth answer) { w.saw(l.who, l.route(), string(l.sent), truth.body) }

// looks signs people in through Candor and lists what they and others then look at, in an order that is the same each
// time: what is theirs, what is not, and what is nobody's.
func looks(t *testing.T, v *vendure, front string, w *witness) (list []look) {
	t.Helper()
	ask := func(s *shopper, ops ...operation) {
		for _, op := range ops {
			list = append(list, look{who: s, op: op, sent: op.body(t)})
		}
	}
	ordered := withOrders(v)
	for i, p := range v.members()[:10] {
		s := newShopper(t, front, w)
		if i%2 == 1 {
			s = newApp(t, front, w)
		}
		s.login(t, p)
		other := ordered[i]
		if other.ID == p.ID {
			other = ordered[len(ordered)-1]
		}
		ask(s, activeCustomer, myOrders, products(i), reviewNames(3), reviews(i+1), orderLookup(other.Orders[0]))
		if len(p.Orders) > 0 {
			ask(s, orderLookup(p.Orders[0]), orderByCode(p.Orders[0]))
		}
		list = append(list, look{who: s, page: "/account"}, look{who: s, page: "/account"})
	}
	stranger := newShopper(t, front, w)
	ask(stranger, activeCustomer, products(0), reviews(1), reviews(2), reviews(12), reviewNames(12))
	list = append(list, look{who: stranger, page: "/account"})
	ask(newShopper(t, front, w).loginAdmin(t, v), customerList(0), orderList)
	return list
}

// withOrders are the people who ordered when the shop was filled.
func withOrders(v *vendure) (list []person) {
	for _, p := range v.People {
		if len(p.Orders) > 0 {
			list = append(list, p)
		}
	}
	return list
}

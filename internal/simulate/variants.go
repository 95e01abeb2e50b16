package simulate

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"candor.example/internal/incident"
)

// Variant is a form of a mistake that was written after the rules were, to see what they make of what they were not written for.
type Variant struct {
	Name  string
	Truth incident.CauseID
	play  func(*world)
}

// Variants are the forms.
var Variants = []Variant{
	{"ids in the body of a POST", incident.CauseObjectAccess, (*world).postedIDs},
	{"a walk that changes its address with each request", incident.CauseAuthentication, (*world).changingWalk},
	{"sellers, collected by a script, who look at their own offers", incident.CauseExcessiveData, (*world).scrapedSellers},
	{"few customers, often there", incident.CauseMixUp, (*world).fewConfused},
	{"few customers, often there", incident.CauseSharedCache, (*world).fewCached},
	{"orders with their customers, by the page", incident.CauseListing, (*world).orderList},
	{"whoever signed in last, on all pages", incident.CauseFragment, (*world).lastSignedIn},
}

func (w *world) postedIDs() {
	at, l := w.place("graphql", "api"), newLook(w.Rand)
	l.json = true
	owner, random := w.orders()
	w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) {
		var id int
		fmt.Fscanf(r.Body, `{"query":"query Order { order }","id":%d}`, &id)
		p := nobodyAt("An order")
		if p.person = owner(id); p.person < 0 || customerOf(r) < 0 {
			w.send(rw, r, l, http.StatusForbidden, "application/json", []byte(`{"errors":[]}`))
			return
		}
		w.answer(rw, r, l, p, "Cache-Control", "no-store")
	}
	ask := func(id int, by visitor, when time.Duration) {
		w.visits(visit{at: when, method: http.MethodPost, path: at.path(0), by: by, body: fmt.Sprintf(`{"query":"query Order { order }","id":%d}`, id)})
	}
	for range between(w.Rand, 5, 60) {
		id := random()
		ask(id, visitor{customer: owner(id), client: 1000 + owner(id)}, w.moment())
	}
	by := w.customer()
	for range w.some() {
		ask(random(), by, w.moment())
	}
}

func (w *world) changingWalk() {
	at, l := w.place("orders", "invoices"), newLook(w.Rand)
	owner, random := w.orders()
	w.pages[at.name] = w.order(at, l, owner, func(_, _ int) bool { return true })
	w.owners(at, owner, random)
	for i := range w.some() {
		w.visits(visit{at: w.moment(), path: at.path(random()), by: visitor{customer: -1, client: 5000 + i}})
	}
}

func (w *world) scrapedSellers() {
	at, l := w.place("offers", "market"), newLook(w.Rand)
	show, random := w.articles(l, seller)
	w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) { w.answer(rw, r, l, show(at.id(r))) }
	for range between(w.Rand, 3, 40) {
		id := random()
		n := show(id).rows[0]
		w.visits(visit{at: w.moment(), path: at.path(id), by: visitor{customer: n, client: 1000 + n}})
	}
	w.walk(at, visitor{customer: -1, client: 9}, random, w.some())
	for range between(w.Rand, 0, 30) {
		w.visits(visit{at: w.moment(), path: at.path(random()), by: w.anybody()})
	}
}

func (w *world) fewConfused() {
	at, l := w.place("account", "me"), newLook(w.Rand)
	m := &mixer{confused: map[int]confusion{}, last: -1}
	w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) {
		n := m.before(customerOf(r))
		if n < 0 || dice(r).IntN(4) > 0 {
			n = customerOf(r)
		}
		w.accountOf(rw, r, l, n, "private")
	}
	w.regulars(at)
}

func (w *world) fewCached() {
	at, l := w.place("account", "me"), newLook(w.Rand)
	w.pages[at.name] = newCache(w.Rand, w.account(l, "max-age=60")).serve
	w.regulars(at)
}

// regulars are six customers who come again and again.
func (w *world) regulars(at place) {
	first := w.IntN(customers - 6)
	for range w.some() * 3 {
		n := first + w.IntN(6)
		w.visits(visit{at: w.moment(), path: at.path(0), by: visitor{customer: n, client: 1000 + n}})
	}
}

func (w *world) orderList() {
	at, l := w.place("backoffice", "sales"), newLook(w.Rand)
	l.json = true
	size := between(w.Rand, 20, 60)
	w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) {
		body := []byte(`{"orders":[`)
		for i := range size {
			if i > 0 {
				body = append(body, ',')
			}
			body = fmt.Appendf(body, `{"total":%d,"customer":{"email":%q}}`, i, address((at.id(r)*size+i)%customers))
		}
		w.send(rw, r, l, http.StatusOK, "application/json", append(body, "]}"...))
	}
	for i := range w.some() {
		w.visits(visit{at: w.moment(), path: at.path(i % 5), by: w.anybody()})
	}
}

func (w *world) lastSignedIn() {
	at, l := w.place("shop", "home"), newLook(w.Rand)
	var mu sync.Mutex
	last := -1
	w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) {
		p, n := nobodyAt("The shop"), customerOf(r)
		mu.Lock()
		if n >= 0 && (last < 0 || dice(r).IntN(5) == 0) {
			last = n
		}
		p.greeting = last
		mu.Unlock()
		p.own = n
		w.answer(rw, r, l, p, "Cache-Control", "private")
	}
	for range w.some() * 2 {
		w.visits(visit{at: w.moment(), path: at.path(1 + w.IntN(4)), by: w.anybody()})
	}
}

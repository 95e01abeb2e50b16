package simulate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"maps"

	"candor.example/internal/incident"
)

// mistakes put a page with the mistake into the shop, and send it visitors.
var mistakes = map[incident.CauseID]func(*world){
	incident.CauseSharedCache:    (*world).sharedCache,
	incident.CauseCoalesced:      (*world).coalesced,
	incident.CauseDeception:      (*world).deception,
	incident.CauseObjectAccess:   (*world).objectAccess,
	incident.CauseExcessiveData:  (*world).excessiveData,
	incident.CauseAuthentication: (*world).authentication,
	incident.CauseMixUp:          (*world).mixUp,
	incident.CauseFragment:       (*world).fragment,
	incident.CauseMemory:         (*world).memory,
	incident.CauseErrorPage:      (*world).errorPage,
	incident.CauseURL:            (*world).inURL,
	incident.CauseHashed:         (*world).hashed,
	incident.CauseListing:        (*world).listing,
}

// Causes lists what can be played, in a fixed order.
var Causes = []incident.CauseID{
	incident.CauseSharedCache, incident.CauseCoalesced, incident.CauseDeception, incident.CauseObjectAccess, incident.CauseExcessiveData,
	incident.CauseAuthentication, incident.CauseMixUp, incident.CauseFragment, incident.CauseMemory, incident.CauseErrorPage,
	incident.CauseURL, incident.CauseHashed, incident.CauseListing,
}

// account answers with the page of whoever is signed in, and asks others to sign in.
func (w *world) account(l look, cacheControl string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		w.accountOf(rw, r, l, customerOf(r), cacheControl)
	}
}

func (w *world) accountOf(rw http.ResponseWriter, r *http.Request, l look, customer int, cacheControl string) {
	p := nobodyAt("Your account")
	if customer < 0 {
		w.answer(rw, r, l, p, "X-Login", "please", "Cache-Control", "no-store")
		return
	}
	p.person = customer
	w.answer(rw, r, l, p, "Cache-Control", cacheControl)
}

var uncacheable = []string{"private, no-store", "no-store", "private", "private, max-age=0"}

func (w *world) sharedCache() {
	at, l := w.place("account", "profile", "me", "checkout"), newLook(w.Rand)
	c := newCache(w.Rand, w.account(l, pick(w.Rand, "public, max-age=600", "max-age=300", "s-maxage=120", "", "private")))
	w.pages[at.name] = c.serve
	for range w.some() * 2 {
		w.visits(visit{at: w.moment(), path: at.path(0), by: w.anybody()})
	}
	w.closeTogether(at)
}

// closeTogether makes sure that somebody comes while the page is kept.
func (w *world) closeTogether(at place) {
	begin := w.moment()
	w.visits(visit{at: begin, path: at.path(0), by: w.customer()})
	for range between(w.Rand, 1, 3) {
		w.visits(visit{at: begin + time.Duration(between(w.Rand, 1, 15))*time.Second, path: at.path(0), by: w.anybody()})
	}
}

func (w *world) coalesced() {
	at, l := w.place("account", "profile", "me"), newLook(w.Rand)
	l.slow += 300 * time.Millisecond
	j := &joiner{next: w.account(l, pick(w.Rand, uncacheable...)), says: w.IntN(4) == 0, flights: map[string]*flight{}}
	w.pages[at.name] = j.serve
	for range max(1, w.some()/3) {
		begin := w.moment()
		w.visits(visit{at: begin, path: at.path(0), by: w.customer()})
		for range between(w.Rand, 1, 6) {
			w.visits(visit{at: begin + time.Duration(w.Int64N(int64(100*time.Millisecond))), path: at.path(0), by: w.anybody()})
		}
	}
	for range between(w.Rand, 0, 40) {
		w.visits(visit{at: w.moment(), path: at.path(0), by: w.customer()})
	}
}

func (w *world) deception() {
	at, l := w.place("account", "profile", "orders"), newLook(w.Rand)
	l.json = l.json && w.IntN(3) == 0
	c := newCache(w.Rand, w.account(l, pick(w.Rand, append(uncacheable, "")...)))
	c.keep = isStatic
	w.pages[at.name] = c.serve
	for range between(w.Rand, 0, 60) {
		w.visits(visit{at: w.moment(), path: at.path(0), by: w.customer()})
	}
	thief := w.anybody()
	for i := range w.some() {
		begin, trap := w.moment(), at.path(0)+fmt.Sprintf("/%d%d.%s", w.IntN(9000)+1000, i, pick(w.Rand, "css", "js", "jpg", "ico"))
		w.visits(visit{at: begin, path: trap, by: w.customer()})
		w.visits(visit{at: begin + time.Duration(between(w.Rand, 2, 18))*time.Second, path: trap, by: thief})
	}
}

// orders are some for each customer, by number.
func (w *world) orders() (owner func(id int) int, random func() int) {
	first, n := between(w.Rand, 1000, 90000), between(w.Rand, 40, 600)
	turn := w.Uint64()
	owner = func(id int) int {
		if id < first || id >= first+n {
			return -1
		}
		return int(rand.New(rand.NewPCG(turn, uint64(id))).IntN(customers))
	}
	return owner, func() int { return first + w.IntN(n) }
}

// order answers with an order to whom it may.
func (w *world) order(at place, l look, owner func(int) int, may func(customer, owner int) bool) http.HandlerFunc {
	cacheControl := pick(w.Rand, append(uncacheable, "")...)
	return func(rw http.ResponseWriter, r *http.Request) {
		whose := owner(at.id(r))
		if whose < 0 || !may(customerOf(r), whose) {
			w.send(rw, r, l, http.StatusForbidden, "text/plain", []byte("Not yours.\n"))
			return
		}
		p := nobodyAt("An order")
		p.person = whose
		w.answer(rw, r, l, p, "Cache-Control", cacheControl)
	}
}

// owners open their own things.
func (w *world) owners(at place, owner func(int) int, random func() int) {
	for range between(w.Rand, 5, 120) {
		id := random()
		n := owner(id)
		w.visits(visit{at: w.moment(), path: at.path(id), by: visitor{customer: n, client: 1000 + n}})
	}
}

// walk opens one thing after the other, and some again.
func (w *world) walk(at place, by visitor, random func() int, n int) {
	begin, id := w.moment(), random()
	for i := range n {
		if w.IntN(3) == 0 {
			id = random()
		} else {
			id++
		}
		w.visits(visit{at: begin + time.Duration(i)*time.Second, path: at.path(id), by: by})
		if w.IntN(6) == 0 {
			w.visits(visit{at: begin + time.Duration(i+3)*time.Second, path: at.path(id), by: by})
		}
	}
}

func (w *world) objectAccess() {
	at, l := w.place("orders", "invoices", "returns"), newLook(w.Rand)
	owner, random := w.orders()
	w.pages[at.name] = w.order(at, l, owner, func(customer, _ int) bool { return customer >= 0 })
	w.owners(at, owner, random)
	for n := w.some(); n > 0; {
		part := between(w.Rand, 1, n)
		w.walk(at, w.customer(), random, part)
		n -= part
	}
	for range w.IntN(10) {
		w.visits(visit{at: w.moment(), path: at.path(random()), by: visitor{customer: -1, client: 3}})
	}
}

func (w *world) authentication() {
	at, l := w.place("orders", "invoices", "tracking"), newLook(w.Rand)
	owner, random := w.orders()
	w.pages[at.name] = w.order(at, l, owner, func(_, _ int) bool { return true })
	w.owners(at, owner, random)
	signedIn := w.IntN(3) == 0
	w.walk(at, visitor{customer: -1, client: 77}, random, between(w.Rand, 1, 3)) // or nobody could know
	for n := w.some(); n > 0; {
		part := between(w.Rand, 1, n)
		by := visitor{customer: -1, client: w.IntN(50)}
		if signedIn && w.IntN(2) == 0 {
			by = w.customer()
		}
		w.walk(at, by, random, part)
		n -= part
	}
}

// articles are things with people on them: who wrote a review, who sells it.
func (w *world) articles(l look, row rowStyle) (show func(id int) page, random func() int) {
	n, turn, most := between(w.Rand, 2, 30), w.Uint64(), between(w.Rand, 2, 18)
	first := between(w.Rand, 1, 5000)
	show = func(id int) page {
		r := rand.New(rand.NewPCG(turn, uint64(id)))
		p := nobodyAt("A thing")
		p.row = row
		for range between(r, 1, most) {
			p.rows = append(p.rows, r.IntN(customers))
		}
		if row == seller {
			p.rows = p.rows[:1]
		}
		return p
	}
	return show, func() int { return first + int(float64(n)*w.Float64()*w.Float64()) }
}

func (w *world) excessiveData() {
	at, l := w.place("products", "articles", "offers"), newLook(w.Rand)
	show, random := w.articles(l, pick(w.Rand, reviews, reviews, seller, flat, unlabeled))
	greets := w.IntN(3) == 0
	handler := func(rw http.ResponseWriter, r *http.Request) {
		p := show(at.id(r))
		if greets {
			p.greeting = customerOf(r)
		}
		w.answer(rw, r, l, p, "Cache-Control", map[bool]string{true: "private", false: "public, max-age=60"}[greets])
	}
	if w.pages[at.name] = handler; !greets && w.IntN(2) == 0 {
		w.pages[at.name] = newCache(w.Rand, handler).serve
	}
	for range w.some() {
		w.visits(visit{at: w.moment(), path: at.path(random()), by: w.anybody()})
	}
	for range w.IntN(8) { // those who stand there look, too
		id := random()
		n := show(id).rows[0]
		w.visits(visit{at: w.moment(), path: at.path(id), by: visitor{customer: n, client: 1000 + n}})
	}
}

func (w *world) mixUp() {
	at, l := w.place("account", "profile", "me"), newLook(w.Rand)
	header := pick(w.Rand, uncacheable...)
	m := &mixer{confused: map[int]confusion{}, last: -1}
	own := w.account(l, header)
	switch w.IntN(3) {
	case 0: // a pool hands out a connection on which the answer to somebody else is still waiting
		w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) {
			if n := m.before(customerOf(r)); n >= 0 && dice(r).IntN(3) == 0 {
				w.accountOf(rw, r, l, n, header)
				return
			}
			own(rw, r)
		}
	case 1: // a session is somebody else's for some minutes
		w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) {
			w.accountOf(rw, r, l, m.session(customerOf(r), dice(r)), header)
		}
	default: // two at the same time get each other's
		w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) {
			mine := httptest.NewRecorder()
			own(mine, r)
			maps.Copy(rw.Header(), mine.Header())
			rw.WriteHeader(mine.Code)
			rw.Write(m.swap(mine.Body.Bytes()))
		}
	}
	for range w.some() * 3 {
		begin := w.moment()
		w.visits(visit{at: begin, path: at.path(0), by: w.customer()})
		w.visits(visit{at: begin + time.Duration(w.IntN(20))*time.Millisecond, path: at.path(0), by: w.customer()})
	}
}

// mixer is what went wrong between requests.
type mixer struct {
	mu       sync.Mutex
	last     int
	confused map[int]confusion
	waiting  chan []byte
}

type confusion struct {
	as   int
	till time.Time
}

func (m *mixer) before(now int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.last
	m.last = now
	return was
}

func (m *mixer) session(n int, r *rand.Rand) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.confused[n]; time.Now().Before(c.till) {
		return c.as
	}
	if r.IntN(3) > 0 {
		return n
	}
	m.confused[n] = confusion{r.IntN(customers), time.Now().Add(time.Duration(between(r, 10, 900)) * time.Second)}
	return m.confused[n].as
}

// swap exchanges a body with that of the next who comes within a quarter of a second.
func (m *mixer) swap(body []byte) []byte {
	m.mu.Lock()
	if other := m.waiting; other != nil {
		m.waiting = nil
		m.mu.Unlock()
		theirs := <-other
		other <- body
		return theirs
	}
	mine := make(chan []byte)
	m.waiting = mine
	m.mu.Unlock()
	select {
	case mine <- body:
		return <-mine
	case <-time.After(250 * time.Millisecond):
	}
	m.mu.Lock()
	if m.waiting == mine {
		m.waiting = nil
		m.mu.Unlock()
		return body
	}
	m.mu.Unlock()
	mine <- body // somebody has just taken it
	return <-mine
}

func (w *world) fragment() {
	at, l := w.place("shop", "home", "category"), newLook(w.Rand)
	ttl, servers := time.Duration(between(w.Rand, 5, 600))*time.Second, pick(w.Rand, 1, 1, 2)
	things, alone := between(w.Rand, 1, 12), w.IntN(2) == 0
	var mu sync.Mutex
	filled := make([]confusion, servers)
	w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) {
		p, n := nobodyAt("The shop"), customerOf(r)
		mu.Lock()
		f := &filled[dice(r).IntN(servers)]
		if time.Now().After(f.till) && n >= 0 {
			*f = confusion{n, time.Now().Add(ttl)}
		}
		if p.greeting = f.as; f.till.IsZero() {
			p.greeting = -1
		}
		mu.Unlock()
		if !alone {
			p.own = n
		}
		w.answer(rw, r, l, p, "Cache-Control", pick(dice(r), "private", "no-store"))
	}
	for range w.some() * 2 {
		id := 0
		if things > 1 {
			id = 1 + w.IntN(things)
		}
		w.visits(visit{at: w.moment(), path: at.path(id), by: w.anybody()})
	}
	w.closeTogether(place{name: at.name, mixed: at.mixed})
}

func (w *world) memory() {
	at, l := w.place("static-page", "help", "products"), newLook(w.Rand)
	share := between(w.Rand, 1, 10)
	personal := w.IntN(2) == 0
	w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) {
		p := nobodyAt("Help")
		if personal {
			p.greeting = customerOf(r)
		}
		contentType, body := l.render(p, dice(r))
		if dice(r).IntN(10) < share {
			body = append(body, scraps(dice(r))...)
		}
		w.send(rw, r, l, http.StatusOK, contentType, body)
	}
	for range w.some() * 2 {
		w.visits(visit{at: w.moment(), path: at.path(w.IntN(5)), by: w.anybody()})
	}
}

// scraps are what lay in memory behind a page: pieces of other people's requests and pages.
func scraps(r *rand.Rand) []byte {
	var b bytes.Buffer
	for range between(r, 1, 4) {
		n := r.IntN(customers)
		for range r.IntN(40) {
			b.WriteByte(byte(r.IntN(256)))
		}
		fmt.Fprintf(&b, pick(r, "\x00\x00email=%s&step=2\x00", "\r\nX-User: %s\r\nAccept: */*\r\n", "\x00{\"user\":\"%s\",\"cart\":[", " class=\"x\">%s</td><td>"), address(n))
	}
	return b.Bytes()
}

func (w *world) errorPage() {
	at, l := w.place("search", "basket", "orders"), newLook(w.Rand)
	style := w.IntN(3)
	w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) {
		d := dice(r)
		if d.IntN(3) > 0 {
			w.account(l, "private")(rw, r)
			return
		}
		n := d.IntN(customers)
		switch style {
		case 0:
			w.send(rw, r, l, http.StatusInternalServerError, "text/html; charset=utf-8", []byte("<!doctype html><html><body><h1>Internal error</h1><pre>Traceback (most recent call last):\n  File \"/srv/shop/views.py\", line 88, in basket\n    total = basket.total()\nValueError: bad total for "+address(n)+"\n</pre></body></html>"))
		case 1:
			w.send(rw, r, l, http.StatusInternalServerError, "application/json", fmt.Appendf(nil, `{"error":"conflict","last":{"user":{"email":%q}}}`, address(n)))
		default:
			w.send(rw, r, l, http.StatusConflict, "application/json", fmt.Appendf(nil, `{"message":"the basket is held by %s"}`, address(n)))
		}
	}
	for range w.some() * 2 {
		w.visits(visit{at: w.moment(), path: at.path(0), by: w.anybody()})
	}
}

func (w *world) inURL() {
	at, l := w.place("welcome", "login", "thanks"), newLook(w.Rand)
	l.json = false
	style := w.IntN(2)
	w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) {
		n := customerOf(r)
		if style == 0 || r.Method != http.MethodPost { // a counter of another company's is told who visits
			p := nobodyAt("Thank you")
			if p.person = n; n >= 0 {
				p.extra = fmt.Sprintf(`<img src="https://counter.example/p.gif?e=%s" alt="">`, strings.ReplaceAll(address(n), "@", "%40"))
			}
			w.answer(rw, r, l, p, "Cache-Control", "private")
			return
		}
		rw.Header().Set("Location", "/verify?email="+strings.ReplaceAll(address(dice(r).IntN(customers)), "@", "%40"))
		rw.WriteHeader(http.StatusSeeOther)
	}
	for range w.some() {
		v := visit{at: w.moment(), path: at.path(0), by: w.customer()}
		if style == 1 {
			v.method, v.by, v.body = http.MethodPost, visitor{customer: -1, client: w.IntN(60)}, `{"user":"a nickname"}`
		}
		w.visits(v)
	}
}

func (w *world) hashed() {
	at, l := w.place("products", "articles", "forum"), newLook(w.Rand)
	show, random := w.articles(l, pick(w.Rand, reviews, seller))
	hash := pick(w.Rand, md5Of, sha256Of)
	image := w.IntN(2) == 0
	w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) {
		var b strings.Builder
		rows := show(at.id(r)).rows
		if l.json {
			b.WriteString(`{"title":"A thing","reviews":[`)
			for i, n := range rows {
				fmt.Fprintf(&b, `%s{"text":"Good.","author":{"avatar":%q}}`, map[bool]string{true: ","}[i > 0], hash(n))
			}
			b.WriteString(`]}`)
			w.send(rw, r, l, http.StatusOK, "application/json", []byte(b.String()), "Cache-Control", "public, max-age=60")
			return
		}
		b.WriteString("<!doctype html><html><body><main>")
		for _, n := range rows {
			if image {
				fmt.Fprintf(&b, `<p>Good. <img src="https://avatars.example/avatar/%s?s=40" alt=""></p>`, hash(n))
			} else {
				fmt.Fprintf(&b, `<p data-author="%s">Good.</p>`, hash(n))
			}
		}
		b.WriteString("</main></body></html>")
		w.send(rw, r, l, http.StatusOK, "text/html; charset=utf-8", []byte(b.String()))
	}
	for range w.some() {
		w.visits(visit{at: w.moment(), path: at.path(random()), by: w.anybody()})
	}
}

func (w *world) listing() {
	at, l := w.place("customers", "export", "users"), newLook(w.Rand)
	size, turn := between(w.Rand, 20, 120), w.Uint64()
	style := w.IntN(3)
	w.pages[at.name] = func(rw http.ResponseWriter, r *http.Request) {
		rows := rand.New(rand.NewPCG(turn, 0)).Perm(customers)
		from := at.id(r) * size % customers
		rows = rows[from:min(customers, from+size)]
		switch style {
		case 0:
			var b strings.Builder
			b.WriteString("id;email;name\n")
			for _, n := range rows {
				fmt.Fprintf(&b, "%d;%s;%s\n", n+1000, address(n), name(n))
			}
			w.send(rw, r, l, http.StatusOK, "text/csv", []byte(b.String()))
		default:
			p := nobodyAt("Customers")
			p.row, p.rows = plain, rows
			w.answer(rw, r, l, p)
		}
	}
	by := w.anybody()
	for i := range w.some() {
		if w.IntN(8) == 0 {
			by = w.anybody()
		}
		w.visits(visit{at: w.moment(), path: at.path(i % (customers / size)), by: by})
	}
}

// Package demo is a made-up shop that makes the mistake of 20 November 2018: for the length of one release it shows
// customers' names and e-mail addresses to whoever looks. `candor demo` puts the real Candor in front of it.
//
// Start with [NewShop], an http.Handler; [Shoppers] are its simulated browsers and [Story] is what happens. Nothing in here
// knows Candor's findings: the shop keeps its own book of whose address it wrote for whom ([Shop.Truth]), so that a test
// can hold Candor's counts against it. Everybody in it is made up, and every address ends in ".example" (RFC 2606 §2).
//
// It promises: the same seed gives the same customers, orders and links; no page shows anybody's address to another
// customer or a stranger unless [Leaky] is deployed, but for a guest's own link, the staff page and what a request itself said.
package demo

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The releases of the story. Any other name behaves like Sound.
const (
	Sound = "2018.11.19"   // before the mistake
	Leaky = "2018.11.20"   // caches the "Signed in as" line by product, and puts whole author records into reviews
	Fixed = "2018.11.20-2" // does neither
)

const (
	// Site is the shop's own host name: what shoppers may send as Host.
	Site = "www.lantern-and-loom.example"
	// StaffHeader is set by the shop's staff gateway on requests for /admin/; its value names the member of staff.
	StaffHeader = "X-Staff-User"

	sessionCookie = "sid"
	fragmentTTL   = 4 * time.Second
	maxForm       = 16 << 10  // bytes of a form or JSON body
	maxSessions   = 1_000_000 // sign-ins kept; beyond, login answers 503
)

// Shop is a small shop with its customers in memory. It is safe for concurrent use.
type Shop struct {
	customers []*Customer
	byEmail   map[string]*Customer // by lower-case address
	catalogue *catalogue
	orders    []*order // number i is firstOrder+i
	links     map[string]*order

	mux   *http.ServeMux
	truth truth

	maxSessions int
	fragmentTTL time.Duration

	mu        sync.Mutex           // guards what follows
	release   string               // never empty
	sessions  map[string]*Customer // by session id
	fragments map[string]fragment  // Leaky's cache of who is signed in
}

// NewShop opens a shop with so many made-up customers, drawn from seed: the same seed gives the same shop. It runs the
// release Sound. Fewer than 1 customer means 3,000.
func NewShop(seed uint64, customers int) *Shop {
	if customers < 1 {
		customers = 3000
	}
	s := &Shop{
		maxSessions: maxSessions,
		fragmentTTL: fragmentTTL,
		byEmail:     map[string]*Customer{},
		links:       map[string]*order{},
		sessions:    map[string]*Customer{},
	}
	s.customers = makeCustomers(seed, customers)
	for _, c := range s.customers {
		s.byEmail[strings.ToLower(c.Email)] = c
	}
	s.catalogue = makeCatalogue(seed, s.customers)
	s.makeOrders(seed)
	s.makeRoutes()
	s.Deploy(Sound)
	return s
}

// Deploy puts a release live. Like any restart it empties the fragment cache; customers stay signed in.
func (s *Shop) Deploy(release string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release = release
	s.fragments = map[string]fragment{}
}

// Customer is the one by that id; nil: there is none.
func (s *Shop) Customer(id string) *Customer {
	for _, c := range s.customers {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Visitors are customers with an account, and a session cookie for each: for requests that no shopper makes.
func (s *Shop) Visitors(n int) (list []*Customer, cookies []string) {
	for _, c := range s.customers {
		if c.guest || len(list) == n {
			continue
		}
		if cookie, ok := s.signIn(c); ok {
			list, cookies = append(list, c), append(cookies, cookie.Name+"="+cookie.Value)
		}
	}
	return list, cookies
}

// Release is the release that is live.
func (s *Shop) Release() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.release
}

// ServeHTTP answers a shopper.
func (s *Shop) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Shop) makeRoutes() {
	s.mux = http.NewServeMux()
	for pattern, page := range map[string]func(*visit) answer{
		"GET /{$}":                       s.home,
		"GET /categories/{slug}":         s.category,
		"GET /products/{id}":             s.product,
		"GET /pictures/{id}":             s.picture,
		"GET /assets/{name}":             s.asset,
		"GET /robots.txt":                s.robots,
		"GET /search":                    s.search,
		"POST /newsletter":               s.newsletter,
		"GET /login":                     s.loginPage,
		"POST /login":                    s.login,
		"POST /logout":                   s.logout,
		"GET /account":                   s.account,
		"GET /account/orders/{id}":       s.accountOrder,
		"GET /guest/orders/{id}":         s.guestOrder,
		"GET /admin/customers":           s.adminCustomers,
		"POST /api/login":                s.apiLogin,
		"GET /api/me":                    s.apiMe,
		"GET /api/products/{id}/reviews": s.apiReviews,
		"/":                              s.notFound,
	} {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			v := s.visit(w, r)
			s.reply(w, v, page(v))
		})
	}
	s.mux.HandleFunc("GET /api/stock", s.apiStock)
}

// visit is one request, with who sends it and which release answers.
type visit struct {
	*http.Request
	viewer  *Customer // nil: not signed in
	release string
}

func (s *Shop) visit(w http.ResponseWriter, r *http.Request) *visit {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	v := &visit{Request: r}
	s.mu.Lock()
	defer s.mu.Unlock()
	v.release = s.release
	if c, err := r.Cookie(sessionCookie); err == nil {
		v.viewer = s.sessions[c.Value]
	}
	return v
}

// signIn starts a session; ok is false when the shop is full.
func (s *Shop) signIn(c *Customer) (cookie *http.Cookie, ok bool) {
	var id [16]byte
	rand.Read(id[:]) // never fails: it aborts the program instead
	sid := hex.EncodeToString(id[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) >= s.maxSessions {
		return nil, false
	}
	s.sessions[sid] = c
	return &http.Cookie{Name: sessionCookie, Value: sid, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}, true
}

func (s *Shop) signOut(r *http.Request) *http.Cookie {
	if c, err := r.Cookie(sessionCookie); err == nil {
		s.mu.Lock()
		delete(s.sessions, c.Value)
		s.mu.Unlock()
	}
	return &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1}
}

// fragment is a cached "Signed in as" line.
type fragment struct {
	customer *Customer
	until    time.Time
}

// badge is who the header of a product page says is signed in.
//
// This is the mistake. Leaky keeps the line, which was slow to render, under the page's path; the key lacks the customer.
// So for a moment everybody who opens the product is greeted as the one who was there first.
func (s *Shop) badge(v *visit) *Customer {
	if v.release != Leaky {
		return v.viewer
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.fragments[v.URL.Path]; ok && now.Before(f.until) {
		return f.customer
	}
	if v.viewer != nil {
		s.fragments[v.URL.Path] = fragment{v.viewer, now.Add(s.fragmentTTL)}
	}
	return v.viewer
}

// apiStock tells what is left of which product, as server-sent events, until the client goes away.
func (s *Shop) apiStock(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Release", s.Release())
	tick := time.NewTicker(700 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		p := s.catalogue.products[n*37%len(s.catalogue.products)]
		event, _ := json.Marshal(map[string]int{"product": p.ID, "left": p.stock(n)}) // two integers: cannot fail
		if _, err := fmt.Fprintf(w, "event: stock\nid: %d\ndata: %s\n\n", n, event); err != nil {
			return
		}
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// browser is one window: it makes the requests of one session after the other, each with new cookies and a new client
// address. One goroutine uses it at a time.
type browser struct {
	shoppers  *Shoppers
	transport *http.Transport

	client   *http.Client
	agent    string
	address  string
	staff    string
	customer *Customer // who is at the screen, if an account is used
	tags     map[string]string
	todo     []step
}

// step is one request of a session.
type step struct{ method, path, kind, body string }

func get(format string, args ...any) step {
	return step{method: http.MethodGet, path: fmt.Sprintf(format, args...)}
}

func post(path string, form url.Values) step {
	return step{http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode()}
}

// next makes the next request of the session, or the first of a new one.
func (b *browser) next() {
	if len(b.todo) == 0 {
		b.shoppers.begin(b)
	}
	st := b.todo[0]
	b.todo = b.todo[1:]
	status, err := b.send(st)
	b.shoppers.count(st, status, err)
}

// send outlives the shoppers' context on purpose: an answer half read would be in the shop's book, but on no screen.
func (b *browser) send(st step) (status int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, st.method, b.shoppers.Base+st.path, strings.NewReader(st.body))
	if err != nil {
		return 0, err
	}
	b.headers(r, st)
	resp, err := b.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if tag := resp.Header.Get("ETag"); tag != "" {
		b.tags[st.path] = tag
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxPage))
	return resp.StatusCode, err
}

func (b *browser) headers(r *http.Request, st step) {
	r.Host = b.shoppers.Host
	r.Header.Set("User-Agent", b.agent)
	r.Header.Set("X-Forwarded-For", b.address)
	if st.kind != "" {
		r.Header.Set("Content-Type", st.kind)
	}
	if b.staff != "" {
		r.Header.Set(StaffHeader, b.staff)
	}
	if tag := b.tags[st.path]; tag != "" && st.method == http.MethodGet {
		r.Header.Set("If-None-Match", tag)
	}
}

// begin gives a browser to the next person who comes in.
func (s *Shoppers) begin(b *browser) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	delete(s.shopping, b.customer)
	jar, _ := cookiejar.New(nil) // without options it cannot fail
	*b = browser{shoppers: s, transport: b.transport, agent: s.agent(), address: clientAddress(s.sessions), tags: map[string]string{}}
	b.client = &http.Client{Transport: b.transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} // one step, one request
	switch n := s.random.IntN(100); {
	case n < 54:
		s.customer(b)
	case n < 80:
		s.stranger(b)
	case n < 87:
		s.guest(b)
	case n < 91:
		s.crawler(b)
	case n < 94:
		s.member(b)
	default:
		s.subscriber(b)
	}
}

// clientAddress is in 2001:db8::/32, which is for documentation (RFC 3849): every session its own /64, as at home.
func clientAddress(session int) string {
	return fmt.Sprintf("2001:db8:%x:%x::%x", session>>16&0xffff, session&0xffff, 16+session%64)
}

func (s *Shoppers) agent() string {
	return fmt.Sprintf(pick(s.random, []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:%[1]d.0) Gecko/20100101 Firefox/%[1]d.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_1) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.%d Safari/605.1.15",
		"Mozilla/5.0 (Linux; Android 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.3538.80 Mobile Safari/537.36",
	}), 58+s.random.IntN(13))
}

// somebody picks a customer who is at no other screen. What a session at the shop means must not change under a shopper.
func (s *Shoppers) somebody(guest bool) *Customer {
	for range 1000 {
		c := pick(s.random, s.Shop.customers)
		if c.guest == guest && !s.shopping[c] {
			s.shopping[c] = true
			return c
		}
	}
	return nil // a tiny shop: everybody is here
}

func (s *Shoppers) customer(b *browser) {
	c := s.somebody(false)
	if c == nil {
		s.stranger(b)
		return
	}
	b.customer = c
	b.todo = append(b.todo, get("/"), get("/assets/shop.css"), get("/login"))
	b.todo = append(b.todo, s.signIn(c)...)
	b.todo = append(b.todo, get("/account"))
	if len(c.orders) > 0 {
		b.todo = append(b.todo, get("/account/orders/%d", pick(s.random, c.orders).Number))
	}
	b.browse(s.random, 3+s.random.IntN(5))
	if s.random.IntN(4) == 0 {
		b.todo = append(b.todo, get("/api/me"))
	}
	b.todo = append(b.todo, step{method: http.MethodPost, path: "/logout"})
}

// signIn is the form or, in the shop's app, JSON; one in ten mistypes the password first.
func (s *Shoppers) signIn(c *Customer) (steps []step) {
	form := url.Values{"email": {c.Email}, "password": {c.password()}}
	if s.random.IntN(10) == 0 {
		steps = append(steps, post("/login", url.Values{"email": {c.Email}, "password": {"loom"}}))
	}
	if s.random.IntN(3) > 0 {
		return append(steps, post("/login", form))
	}
	body, _ := json.Marshal(map[string]string{"email": c.Email, "password": c.password()}) // two strings: cannot fail
	return append(steps, step{http.MethodPost, "/api/login", "application/json", string(body)})
}

func (s *Shoppers) stranger(b *browser) {
	b.todo = append(b.todo, get("/"), get("/assets/shop.css"), get("/assets/shop.css"))
	b.browse(s.random, 2+s.random.IntN(4))
	if s.random.IntN(3) == 0 {
		b.todo = append(b.todo, get("/search?q=%s", pick(s.random, []string{"lantern", "sage", "linen", "gift%20for%20my%20aunt", "bowl"})))
	}
}

// guest opens the link from the order's mail, looks around, and opens it again.
func (s *Shoppers) guest(b *browser) {
	c := s.somebody(true)
	if c == nil {
		s.stranger(b)
		return
	}
	b.customer = c
	link := get("/guest/orders/%s", c.orders[0].token)
	b.todo = append(b.todo, link)
	b.browse(s.random, 1)
	b.todo = append(b.todo, link)
}

func (s *Shoppers) crawler(b *browser) {
	b.agent = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
	b.todo = append(b.todo, get("/robots.txt"), get("/"))
	b.browse(s.random, 4)
}

func (s *Shoppers) member(b *browser) {
	b.staff = "mara"
	n := s.random.IntN(len(s.Shop.customers)/staffRows + 1)
	b.todo = append(b.todo, get("/admin/customers?page=%d", n), get("/admin/customers?page=%d", n+1))
}

// subscriber gives an address that comes back on the page; some paste it into the search field, too.
func (s *Shoppers) subscriber(b *browser) {
	c := pick(s.random, s.Shop.customers)
	b.todo = append(b.todo, get("/"), post("/newsletter", url.Values{"email": {c.Email}}))
	if s.random.IntN(2) == 0 {
		b.todo = append(b.todo, get("/search?q=%s", url.QueryEscape(c.Email)))
	}
}

// browse adds departments and products; some products are more popular than others, and one visitor in four scrolls
// down to the reviews.
func (b *browser) browse(r *rand.Rand, n int) {
	shop := b.shoppers.Shop.catalogue
	popular := rand.NewZipf(r, 1.3, 3, uint64(len(shop.products)-1))
	for range n {
		id := shop.products[popular.Uint64()*37%uint64(len(shop.products))].ID
		if r.IntN(3) == 0 {
			b.todo = append(b.todo, get("/categories/%s", pick(r, shop.Categories).Slug))
		}
		b.todo = append(b.todo, get("/products/%d", id), get("/pictures/%d", id))
		if r.IntN(4) == 0 {
			b.todo = append(b.todo, get("/api/products/%d/reviews", id))
		}
	}
}

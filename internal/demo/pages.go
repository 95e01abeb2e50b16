package demo

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"strings"

	"candor.example"
)

const (
	publicPage = "public, max-age=60"
	asset      = "public, max-age=3600"
	maxQuery   = 200 // bytes of a search that are echoed
	staffRows  = 25
)

var pages = template.Must(template.New("").Funcs(template.FuncMap{"lower": strings.ToLower}).ParseFS(web, "web/*.html", "web/picture.svg"))

// page is what the templates draw.
type page struct {
	Title      string
	Badge      *Customer // who "Signed in as" names; nil: nobody
	Release    string
	Categories []*category

	Category *category
	Products []*product
	Product  *product
	Basket   string // whose basket a form fills: each visitor's own, so that no two of them get the same page
	LD       any    // JSON-LD
	State    any    // what shop.js reads
	Customer *Customer
	Orders   []*order
	Order    *order
	People   []*Customer
	Page     int
	Query    string
	Email    string
	Message  string
}

// html draws a page for the viewer. The badge belongs to the truth like everything else.
func (s *Shop) html(v *visit, name string, p page, more ...shown) answer {
	p.Release, p.Categories = v.release, s.catalogue.Categories
	if p.Badge == nil {
		p.Badge = v.viewer
	}
	a := answer{kind: kindHTML, shown: more}
	if p.Badge != nil {
		a.shown = append(a.shown, shown{p.Badge, candor.Disclosed})
	}
	var buf bytes.Buffer
	if err := pages.ExecuteTemplate(&buf, name, p); err != nil {
		return answer{status: http.StatusInternalServerError, kind: "text/plain; charset=utf-8", body: []byte("This page is broken.\n")}
	}
	a.body = buf.Bytes()
	return a
}

func (a answer) with(status int) answer { a.status = status; return a }

func asJSON(value any, all ...shown) answer {
	return answer{kind: kindJSON, body: asciiJSON(value), shown: all}
}

func (s *Shop) home(v *visit) answer {
	a := s.html(v, "home", page{Title: "Lantern & Loom", Products: s.catalogue.picks(), LD: store()})
	if v.viewer == nil {
		a.cache = publicPage
	}
	return a
}

// picks is one product of each category for the front page.
func (c *catalogue) picks() (list []*product) {
	for i, cat := range c.Categories {
		list = append(list, cat.Products[i%len(cat.Products)], cat.Products[(i*5+7)%len(cat.Products)])
	}
	return list
}

func store() any {
	return map[string]any{
		"@context": "https://schema.org", "@type": "Store", "name": "Lantern & Loom", "url": "https://" + Site + "/",
		"email": "hello@lantern-and-loom.example", "foundingDate": "1994",
	}
}

func (s *Shop) category(v *visit) answer {
	for _, c := range s.catalogue.Categories {
		if c.Slug == v.PathValue("slug") {
			return s.html(v, "category", page{Title: c.Name, Category: c, Products: c.Products})
		}
	}
	return s.notFound(v)
}

func (s *Shop) product(v *visit) answer {
	p := s.catalogue.product(number(v.PathValue("id")))
	if p == nil {
		return s.notFound(v)
	}
	badge := s.badge(v)
	return s.html(v, "product", page{Title: p.Name, Badge: badge, Product: p, Basket: v.basket(), LD: p.linkedData(), State: state(p, badge)})
}

// basket is the same for one visitor on one page, and new each time for who carries no cookie.
func (v *visit) basket() string {
	who := rand.Text()
	if c, err := v.Cookie(sessionCookie); err == nil {
		who = c.Value
	}
	sum := sha256.Sum256([]byte(who + v.URL.Path))
	return hex.EncodeToString(sum[:6])
}

func (p *product) linkedData() any {
	return map[string]any{
		"@context": "https://schema.org", "@type": "Product", "sku": strconv.Itoa(p.ID), "name": p.Name, "description": p.Text,
		"image":           "https://" + Site + "/pictures/" + strconv.Itoa(p.ID),
		"offers":          map[string]any{"@type": "Offer", "priceCurrency": "EUR", "price": float64(p.Cents) / 100, "availability": "https://schema.org/InStock"},
		"aggregateRating": map[string]any{"@type": "AggregateRating", "ratingValue": p.Stars(), "reviewCount": len(p.Reviews)},
	}
}

// state is the page's inline state. It repeats the badge: shops that leak in the header leak here as well.
func state(p *product, badge *Customer) any {
	var user any
	if badge != nil {
		user = map[string]string{"name": badge.Name, "email": badge.Email, "locale": badge.Locale}
	}
	return map[string]any{
		"page": "product", "product": map[string]any{"id": p.ID, "name": p.Name, "cents": p.Cents, "currency": "EUR"},
		"session": map[string]any{"signedIn": badge != nil, "user": user}, "experiments": []string{"sticky-cart", "free-returns-line"},
	}
}

func (s *Shop) picture(v *visit) answer {
	p := s.catalogue.product(number(v.PathValue("id")))
	if p == nil {
		return s.notFound(v)
	}
	var buf bytes.Buffer
	if err := pages.ExecuteTemplate(&buf, "picture.svg", p); err != nil {
		return s.notFound(v)
	}
	return answer{kind: "image/svg+xml", cache: asset, body: buf.Bytes()}
}

func (s *Shop) asset(v *visit) answer {
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	name := v.PathValue("name")
	body, err := web.ReadFile("web/assets/" + name)
	if err != nil {
		return s.notFound(v)
	}
	return answer{kind: kinds[path.Ext(name)], cache: asset, body: body}
}

func (s *Shop) robots(*visit) answer {
	return answer{kind: "text/plain; charset=utf-8", cache: asset, body: []byte("User-agent: *\nDisallow: /account\nDisallow: /guest/\n")}
}

// echoed is the truth about text that came from the request and is shown again.
func (s *Shop) echoed(text string) []shown {
	if c := s.byEmail[strings.ToLower(strings.TrimSpace(text))]; c != nil {
		return []shown{{c, candor.Echo}}
	}
	return nil
}

func (s *Shop) search(v *visit) answer {
	q := strings.ToValidUTF8(v.URL.Query().Get("q"), "")
	if len(q) > maxQuery {
		q = strings.ToValidUTF8(q[:maxQuery], "")
	}
	p := page{Title: "Search", Query: q}
	for _, item := range s.catalogue.products {
		if q != "" && strings.Contains(strings.ToLower(item.Name), strings.ToLower(q)) {
			p.Products = append(p.Products, item)
		}
	}
	return s.html(v, "search", p, s.echoed(q)...)
}

func (s *Shop) newsletter(v *visit) answer {
	email := v.FormValue("email")
	if !strings.Contains(email, "@") || len(email) > 254 { // RFC 5321 §4.5.3.1.3, less the angle brackets
		return s.html(v, "message", page{Title: "Newsletter", Message: "That does not look like an e-mail address."}).with(http.StatusBadRequest)
	}
	return s.html(v, "newsletter", page{Title: "Newsletter", Email: email}, s.echoed(email)...)
}

func (s *Shop) loginPage(v *visit) answer { return s.html(v, "login", page{Title: "Sign in"}) }

// known is the account with that address and password, or nil.
func (s *Shop) known(email, password string) *Customer {
	c := s.byEmail[strings.ToLower(strings.TrimSpace(email))]
	if c == nil || c.guest || password != c.password() {
		return nil
	}
	return c
}

func (s *Shop) login(v *visit) answer {
	email := v.FormValue("email")
	c := s.known(email, v.FormValue("password"))
	if c == nil {
		p := page{Title: "Sign in", Email: email, Message: "We do not know this address with that password."}
		return s.html(v, "login", p, s.echoed(email)...).with(http.StatusUnauthorized)
	}
	cookie, ok := s.signIn(c)
	if !ok {
		return s.html(v, "message", page{Title: "Busy", Message: "Too many people are shopping. Please come back in a minute."}).with(http.StatusServiceUnavailable)
	}
	return answer{status: http.StatusSeeOther, kind: kindHTML, location: "/account", cookie: cookie}
}

func (s *Shop) logout(v *visit) answer {
	return answer{status: http.StatusSeeOther, kind: kindHTML, location: "/", cookie: s.signOut(v.Request)}
}

func (s *Shop) account(v *visit) answer {
	if v.viewer == nil {
		return answer{status: http.StatusSeeOther, kind: kindHTML, location: "/login"}
	}
	return s.html(v, "account", page{Title: "Your account", Customer: v.viewer, Orders: v.viewer.orders})
}

func (s *Shop) accountOrder(v *visit) answer {
	i := number(v.PathValue("id")) - firstOrder
	if i < 0 || i >= len(s.orders) || v.viewer == nil || s.orders[i].customer != v.viewer {
		return s.notFound(v) // whether the number exists is nobody else's business
	}
	return s.html(v, "order", page{Title: "Your order", Customer: v.viewer, Order: s.orders[i]}, shown{v.viewer, candor.Disclosed})
}

func (s *Shop) guestOrder(v *visit) answer {
	o := s.links[v.PathValue("id")]
	if o == nil {
		return s.notFound(v)
	}
	return s.html(v, "order", page{Title: "Your order", Customer: o.customer, Order: o}, shown{o.customer, candor.Link})
}

func (s *Shop) adminCustomers(v *visit) answer {
	if v.Header.Get(StaffHeader) == "" {
		return s.html(v, "message", page{Title: "Staff only", Message: "Please come in through the staff gateway."}).with(http.StatusForbidden)
	}
	last := (len(s.customers) - 1) / staffRows
	n := min(max(0, number(v.FormValue("page"))), last)
	p := page{Title: "Customers", Page: n, People: s.customers[n*staffRows : min(len(s.customers), (n+1)*staffRows)]}
	var all []shown
	for _, c := range p.People {
		all = append(all, shown{c, candor.Allowed})
	}
	return s.html(v, "admin", p, all...)
}

func (s *Shop) apiLogin(v *visit) answer {
	var form struct{ Email, Password string }
	if err := json.NewDecoder(v.Body).Decode(&form); err != nil {
		return asJSON(map[string]string{"error": "send a JSON object with email and password"}).with(http.StatusBadRequest)
	}
	c := s.known(form.Email, form.Password)
	if c == nil {
		return asJSON(map[string]string{"error": "unknown address or password"}).with(http.StatusUnauthorized)
	}
	cookie, ok := s.signIn(c)
	if !ok {
		return asJSON(map[string]string{"error": "too many people are shopping"}).with(http.StatusServiceUnavailable)
	}
	a := asJSON(map[string]string{"id": c.ID, "name": c.Name, "email": c.Email}, shown{c, candor.Echo})
	a.cookie = cookie
	return a
}

func (s *Shop) apiMe(v *visit) answer {
	if v.viewer == nil {
		return asJSON(map[string]any{"user": nil}).with(http.StatusUnauthorized)
	}
	c := v.viewer
	return asJSON(map[string]any{"user": map[string]string{"id": c.ID, "name": c.Name, "email": c.Email, "locale": c.Locale}}, shown{c, candor.Disclosed})
}

// apiReviews is the second mistake: Leaky serialises an author as stored, where only the signature was meant.
func (s *Shop) apiReviews(v *visit) answer {
	p := s.catalogue.product(number(v.PathValue("id")))
	if p == nil {
		return asJSON(map[string]string{"error": "no such product"}).with(http.StatusNotFound)
	}
	list := []any{}
	var all []shown
	for _, r := range p.Reviews {
		author := map[string]any{"name": r.author.short()}
		if v.release == Leaky {
			author = map[string]any{"id": r.author.ID, "name": r.author.Name, "email": r.author.Email,
				"locale": r.author.Locale, "country": r.author.Country, "newsletter": r.author.guest}
			all = append(all, shown{r.author, candor.Disclosed})
		}
		list = append(list, map[string]any{"stars": r.Stars, "title": r.Title, "text": r.Text, "date": r.date, "author": author})
	}
	return asJSON(map[string]any{"product": p.ID, "average": p.Stars(), "reviews": list}, all...)
}

func (s *Shop) notFound(v *visit) answer {
	return s.html(v, "message", page{Title: "Not here", Message: "We looked on every shelf: there is no such page."}).with(http.StatusNotFound)
}

// number is -1 for what is no number.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

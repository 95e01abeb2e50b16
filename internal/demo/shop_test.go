package demo

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"candor.example"
	"golang.org/x/net/html"
)

// ask sends one request to the shop without a network. With a customer it is signed in first.
func ask(t testing.TB, s *Shop, as *Customer, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if as != nil {
		cookie, ok := s.signIn(as)
		if !ok {
			t.Fatal("the shop is full")
		}
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func send(s *Shop, target, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

const formKind = "application/x-www-form-urlencoded"

func account(s *Shop, n int) *Customer {
	for _, c := range s.customers {
		if !c.guest && len(c.orders) > 0 {
			if n == 0 {
				return c
			}
			n--
		}
	}
	return nil
}

func guest(s *Shop) *Customer { return s.customers[5] }

func customerFile(t *testing.T, seed uint64, n int) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := NewShop(seed, n).WriteCustomers(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestSameSeedSameCustomers(t *testing.T) {
	if !bytes.Equal(customerFile(t, 7, 500), customerFile(t, 7, 500)) {
		t.Error("two shops of one seed differ")
	}
	if bytes.Equal(customerFile(t, 7, 500), customerFile(t, 8, 500)) {
		t.Error("two seeds gave the same customers")
	}
}

func TestCustomerFile(t *testing.T) {
	rows, err := csv.NewReader(bytes.NewReader(customerFile(t, 1, 0))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rows[0], ","); got != "id,email,name,locale,country" {
		t.Errorf("header %s", got)
	}
	if len(rows) != 3001 {
		t.Fatalf("%d rows, want 3,000 and a header", len(rows))
	}
	ids, emails, has := map[string]bool{}, map[string]bool{}, map[string]int{}
	for i, row := range rows[1:] {
		id, email, name := row[0], row[1], row[2]
		local, domain, ok := strings.Cut(email, "@")
		if !ok || local == "" || !strings.HasSuffix(strings.ToLower(domain), ".example") || strings.ContainsAny(email, " \t'\"") {
			t.Errorf("line %d: bad address", i+2)
		}
		if ids[id] || emails[strings.ToLower(email)] {
			t.Errorf("line %d: duplicate", i+2)
		}
		ids[id], emails[strings.ToLower(email)] = true, true
		note(has, email, name)
	}
	for _, want := range []string{"plus", "upper", "idn", "Latin", "Greek", "Cyrillic", "Arabic", "Devanagari", "Han", "Hangul", "Hiragana"} {
		if has[want] == 0 {
			t.Errorf("no customer with %s", want)
		}
	}
}

func note(has map[string]int, email, name string) {
	if strings.Contains(email, "+") {
		has["plus"]++
	}
	if strings.ToLower(email) != email {
		has["upper"]++
	}
	for _, r := range email {
		if r > unicode.MaxASCII {
			has["idn"]++
			break
		}
	}
	for script, table := range unicode.Scripts {
		if strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(table, r) }) {
			has[script]++
		}
	}
}

func TestCustomerPrintsWithoutPersonalData(t *testing.T) {
	c := guest(NewShop(1, 50))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		got := fmt.Sprintf(verb, c)
		if got != "customer:"+c.ID {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}

func TestPages(t *testing.T) {
	s := NewShop(1, 200)
	c, g := account(s, 0), guest(s)
	for _, x := range []struct {
		method, target string
		as             *Customer
		status         int
		holds          string
	}{
		{"GET", "/", nil, 200, "Warm light"},
		{"GET", "/", c, 200, "Signed in as"},
		{"GET", "/categories/lanterns", nil, 200, "Harbour Lantern, sage"},
		{"GET", "/categories/wardrobes", nil, 404, "every shelf"},
		{"GET", "/products/1001", nil, 200, "What customers say"},
		{"GET", "/products/1096", c, 200, "Signed in as"},
		{"GET", "/products/1000", nil, 404, "every shelf"},
		{"GET", "/products/1097", nil, 404, "every shelf"},
		{"GET", "/products/x", nil, 404, "every shelf"},
		{"GET", "/search?q=lantern", nil, 200, "8 found"},
		{"GET", "/search?q=%3Cscript%3E", nil, 200, "&lt;script&gt;"},
		{"GET", "/search?q=%ff", nil, 200, "What are you looking for"},
		{"GET", "/login", nil, 200, "Password"},
		{"GET", "/account", c, 200, "Your orders"},
		{"GET", "/account", nil, 303, ""},
		{"GET", fmt.Sprintf("/account/orders/%d", c.orders[0].Number), c, 200, "Placed on"},
		{"GET", fmt.Sprintf("/account/orders/%d", c.orders[0].Number), account(s, 1), 404, "every shelf"},
		{"GET", fmt.Sprintf("/account/orders/%d", c.orders[0].Number), nil, 404, "every shelf"},
		{"GET", fmt.Sprintf("/account/orders/%d", firstOrder+len(s.orders)), c, 404, "every shelf"},
		{"GET", "/guest/orders/" + g.orders[0].token, nil, 200, "Placed on"},
		{"GET", "/guest/orders/0123456789abcdef0123456789abcdef", nil, 404, "every shelf"},
		{"GET", "/admin/customers", nil, 403, "staff gateway"},
		{"GET", "/no/such/page", nil, 404, "every shelf"},
		{"DELETE", "/", nil, 404, "every shelf"},
	} {
		t.Run(x.method+x.target, func(t *testing.T) {
			w := ask(t, s, x.as, x.method, x.target)
			if w.Code != x.status || !strings.Contains(w.Body.String(), x.holds) {
				t.Errorf("status %d, want %d, with %q", w.Code, x.status, x.holds)
			}
			if w.Header().Get("X-Release") != Sound {
				t.Errorf("X-Release %q", w.Header().Get("X-Release"))
			}
			if w.Code != 303 {
				wellFormed(t, w.Body.Bytes())
			}
		})
	}
	if n := ask(t, s, c, "GET", "/products/1001").Body.Len(); n < 4000 {
		t.Errorf("a product page of %d bytes is no real page", n)
	}
}

// wellFormed checks that tags are closed in order and that inline JSON is JSON.
func wellFormed(t *testing.T, page []byte) {
	t.Helper()
	if _, err := html.Parse(bytes.NewReader(page)); err != nil {
		t.Fatal(err)
	}
	void := []string{"meta", "link", "img", "input", "br"}
	var open []string
	inJSON := false
	for z := html.NewTokenizer(bytes.NewReader(page)); ; {
		kind := z.Next()
		tok := z.Token()
		switch kind {
		case html.ErrorToken:
			if z.Err() != io.EOF || len(open) > 0 {
				t.Fatalf("%v, with %v open", z.Err(), open)
			}
			return
		case html.StartTagToken:
			if !slices.Contains(void, tok.Data) {
				open = append(open, tok.Data)
			}
			inJSON = slices.ContainsFunc(tok.Attr, func(a html.Attribute) bool { return strings.HasSuffix(a.Val, "json") })
		case html.TextToken:
			if inJSON && !json.Valid([]byte(tok.Data)) {
				t.Errorf("no JSON: %.60s", tok.Data)
			}
		case html.EndTagToken:
			inJSON = false
			if len(open) == 0 || open[len(open)-1] != tok.Data {
				t.Fatalf("</%s> closes %v", tok.Data, open)
			}
			open = open[:len(open)-1]
		}
	}
}

func TestAssets(t *testing.T) {
	s := NewShop(1, 20)
	for target, kind := range map[string]string{
		"/assets/shop.css": "text/css; charset=utf-8", "/assets/shop.js": "text/javascript; charset=utf-8",
		"/assets/mark.svg": "image/svg+xml", "/pictures/1050": "image/svg+xml", "/robots.txt": "text/plain; charset=utf-8",
	} {
		w := ask(t, s, nil, "GET", target)
		if w.Code != 200 || w.Header().Get("Content-Type") != kind || w.Body.Len() == 0 {
			t.Errorf("%s: %d %s", target, w.Code, w.Header().Get("Content-Type"))
		}
	}
	for _, target := range []string{"/assets/..%2fnames.txt", "/assets/names.txt", "/pictures/1", "/assets/"} {
		if w := ask(t, s, nil, "GET", target); w.Code != 404 {
			t.Errorf("%s: %d, want 404", target, w.Code)
		}
	}
}

func TestSignIn(t *testing.T) {
	s := NewShop(1, 200)
	c, g := account(s, 0), guest(s)
	form := func(email, password string) string {
		return url.Values{"email": {email}, "password": {password}}.Encode()
	}
	for name, x := range map[string]struct {
		target, kind, body string
		status             int
	}{
		"form":             {"/login", formKind, form(c.Email, c.password()), 303},
		"form, any case":   {"/login", formKind, form(" "+strings.ToUpper(c.Email), c.password()), 303},
		"wrong password":   {"/login", formKind, form(c.Email, "x"), 401},
		"stranger":         {"/login", formKind, form("nobody@post.example", "x"), 401},
		"guest":            {"/login", formKind, form(g.Email, g.password()), 401},
		"JSON":             {"/api/login", kindJSON, fmt.Sprintf(`{"email":%q,"password":%q}`, c.Email, c.password()), 200},
		"JSON, wrong":      {"/api/login", kindJSON, `{"email":"x","password":""}`, 401},
		"JSON, cut off":    {"/api/login", kindJSON, `{"email":`, 400},
		"at the limit":     {"/api/login", kindJSON, `{"email":"` + strings.Repeat("x", maxForm-len(`{"email":""}`)) + `"}`, 401},
		"past the limit":   {"/api/login", kindJSON, `{"email":"` + strings.Repeat("x", maxForm-len(`{"email":""}`)+1) + `"}`, 400},
		"form, past limit": {"/login", formKind, "password=x&email=" + strings.Repeat("x", maxForm), 401},
	} {
		w := send(s, x.target, x.kind, x.body)
		if w.Code != x.status {
			t.Errorf("%s: status %d, want %d", name, w.Code, x.status)
		}
		if signedIn := strings.HasPrefix(w.Header().Get("Set-Cookie"), "sid="); signedIn != (w.Code < 400) {
			t.Errorf("%s: session cookie %v at status %d", name, signedIn, w.Code)
		}
	}
}

func TestFullShop(t *testing.T) {
	s := NewShop(1, 50)
	s.maxSessions = 1
	c := account(s, 0)
	body := url.Values{"email": {c.Email}, "password": {c.password()}}.Encode()
	first := send(s, "/login", formKind, body)
	if second := send(s, "/login", formKind, body); first.Code != 303 || second.Code != 503 {
		t.Errorf("statuses %d and %d, want 303 and 503", first.Code, second.Code)
	}
	r := httptest.NewRequest("POST", "/logout", nil)
	r.AddCookie(first.Result().Cookies()[0])
	s.ServeHTTP(httptest.NewRecorder(), r)
	if third := send(s, "/login", formKind, body); third.Code != 303 {
		t.Errorf("status %d after somebody left, want 303", third.Code)
	}
}

func TestEchoLimits(t *testing.T) {
	s := NewShop(1, 20)
	q := strings.Repeat("q", maxQuery)
	if body := ask(t, s, nil, "GET", "/search?q="+q+"q").Body.String(); !strings.Contains(body, "“"+q+"”") {
		t.Error("a search of 201 bytes is not cut to 200")
	}
	if body := ask(t, s, nil, "GET", "/search?q="+q).Body.String(); !strings.Contains(body, "“"+q+"”") {
		t.Error("a search of 200 bytes is not shown")
	}
	for n, status := range map[int]int{254: 200, 255: 400} {
		email := strings.Repeat("x", n-len("@post.example")) + "@post.example"
		if w := send(s, "/newsletter", formKind, "email="+email); w.Code != status {
			t.Errorf("an address of %d bytes: status %d, want %d", n, w.Code, status)
		}
	}
}

func TestReplyForms(t *testing.T) {
	s := NewShop(1, 50)
	c := account(s, 0)
	cookie, _ := s.signIn(c)
	sid := cookie.String()
	plain := ask(t, s, nil, "GET", "/account", "Cookie", sid)
	packed := ask(t, s, nil, "GET", "/account", "Cookie", sid, "Accept-Encoding", "br, gzip;q=0.5")
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(z)
	if err != nil || !bytes.Equal(unpacked, plain.Body.Bytes()) {
		t.Errorf("gzip and plain differ (%v)", err)
	}
	if refused := ask(t, s, nil, "GET", "/account", "Cookie", sid, "Accept-Encoding", "gzip;q=0"); refused.Header().Get("Content-Encoding") != "" {
		t.Error("gzip for a client that refuses it")
	}
	before := s.Truth()
	tag := plain.Header().Get("ETag")
	if w := ask(t, s, nil, "GET", "/account", "Cookie", sid, "If-None-Match", `"x", `+tag); w.Code != 304 || w.Body.Len() > 0 {
		t.Errorf("status %d with %d bytes, want an empty 304", w.Code, w.Body.Len())
	}
	ask(t, s, nil, "HEAD", "/account", "Cookie", sid)
	if got := s.Truth(); !maps.Equal(got[candor.Own]["GET /account"], before[candor.Own]["GET /account"]) {
		t.Error("a response without a body is in the book")
	}
}

func TestStock(t *testing.T) {
	server := httptest.NewServer(NewShop(1, 20))
	defer server.Close()
	resp, err := http.Get(server.URL + "/api/stock")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, len("event: stock\nid: 0\ndata: {"))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "event: stock\nid: 0\ndata: {" {
		t.Errorf("%q, %v", first, err)
	}
	if resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("X-Release") != Sound {
		t.Errorf("headers %v", resp.Header)
	}
}

// TestMistake walks through the three releases with two customers and a stranger.
func TestMistake(t *testing.T) {
	s := NewShop(1, 300)
	s.fragmentTTL = time.Hour
	alice, bob := account(s, 0), account(s, 1)
	visit := func() (badge, reviews string) {
		ask(t, s, alice, "GET", "/products/1007")
		return ask(t, s, bob, "GET", "/products/1007").Body.String(), ask(t, s, nil, "GET", "/api/products/1007/reviews").Body.String()
	}
	for _, x := range []struct {
		release string
		leaks   bool
	}{{Sound, false}, {Leaky, true}, {Fixed, false}} {
		before := s.Disclosed()
		s.Deploy(x.release)
		badge, reviews := visit()
		if got := strings.Contains(html.UnescapeString(badge), alice.Email); got != x.leaks {
			t.Errorf("release %s: Bob sees Alice's address: %v", x.release, got)
		}
		if got := strings.Contains(reviews, `\u0040`); got != x.leaks || strings.Contains(reviews, "@") || !json.Valid([]byte(reviews)) {
			t.Errorf("release %s: reviews hold addresses: %v", x.release, got)
		}
		if got := s.Disclosed()-before == 2; got != x.leaks {
			t.Errorf("release %s: %d responses in the book", x.release, s.Disclosed()-before)
		}
	}
	disclosed := s.Truth()[candor.Disclosed]
	if got := disclosed["GET /products/{id}"]; !maps.Equal(got, map[string]int{alice.ID: 1}) {
		t.Errorf("product pages: %v", got)
	}
	authors := map[string]int{}
	for _, r := range s.catalogue.product(1007).Reviews {
		authors[r.author.ID] = 1
	}
	if got := disclosed["GET /api/products/{id}/reviews"]; !maps.Equal(got, authors) || len(disclosed) != 2 {
		t.Errorf("reviews: %v, want %v", got, authors)
	}
}

func TestFragmentExpires(t *testing.T) {
	s := NewShop(1, 100)
	s.fragmentTTL = 0
	s.Deploy(Leaky)
	ask(t, s, account(s, 0), "GET", "/products/1007")
	ask(t, s, account(s, 1), "GET", "/products/1007")
	if n := s.Disclosed(); n != 0 {
		t.Errorf("%d disclosures from fragments that are kept for no time", n)
	}
}

func TestClasses(t *testing.T) {
	s := NewShop(1, 100)
	c, g := account(s, 0), guest(s)
	link := "/guest/orders/" + g.orders[0].token
	ask(t, s, c, "GET", "/account")
	ask(t, s, c, "GET", "/api/me")
	ask(t, s, nil, "GET", "/search?q="+url.QueryEscape(g.Email))
	send(s, "/newsletter", formKind, url.Values{"email": {c.Email}}.Encode())
	ask(t, s, nil, "GET", link)
	ask(t, s, nil, "GET", "/admin/customers?page=0", StaffHeader, "mara")
	ask(t, s, c, "GET", link) // signed in, with somebody else's link: not its benefit (candor.Classify)
	book := s.Truth()
	for _, x := range []struct {
		class candor.Class
		route string
		owner *Customer
	}{
		{candor.Own, "GET /account", c},
		{candor.Own, "GET /api/me", c},
		{candor.Echo, "GET /search", g},
		{candor.Echo, "POST /newsletter", c},
		{candor.Link, "GET /guest/orders/{id}", g},
		{candor.Allowed, "GET /admin/customers", s.customers[staffRows-1]},
		{candor.Disclosed, "GET /guest/orders/{id}", g},
	} {
		if book[x.class][x.route][x.owner.ID] != 1 {
			t.Errorf("%s %s: %v", x.class, x.route, book[x.class][x.route])
		}
	}
	if n := len(book[candor.Allowed]["GET /admin/customers"]); n != staffRows {
		t.Errorf("%d customers on a staff page, want %d", n, staffRows)
	}
}

// FuzzRequest: whatever a client sends, a sound shop neither breaks nor shows anybody to a stranger.
func FuzzRequest(f *testing.F) {
	s := NewShop(1, 60)
	f.Add("GET", "/products/1001", "gzip", "*", "")
	f.Add("POST", "/api/login", "gzip;q=", `W/"`, `{"email":1}`)
	f.Add("POST", "/login", ";;,gzip;q=1e999", ",,", "email=%zz&password=x")
	f.Add("GET", "/admin/customers?page=-9", "", "", "")
	f.Add("GET", "/search?q=%f0%9f%98", "", "", "")
	f.Add("HEAD", "/account/orders/999999999999999999999", "", "", "")
	f.Fuzz(func(t *testing.T, method, target, encoding, match, body string) {
		r, err := http.NewRequest(method, "http://"+Site+target, strings.NewReader(body))
		if err != nil || !strings.HasPrefix(target, "/") || r.URL.Path == "/api/stock" {
			t.Skip()
		}
		r.RequestURI = target
		r.Header.Set("Accept-Encoding", encoding)
		r.Header.Set("If-None-Match", match)
		r.Header.Set("Content-Type", formKind)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 || s.Disclosed() > 0 {
			t.Errorf("status %d, %d disclosures", w.Code, s.Disclosed())
		}
	})
}

// TestCandorsWords: the book's routes are spelled as Candor spells them, and only a guest's link holds an unguessable token.
func TestCandorsWords(t *testing.T) {
	s := NewShop(1, 60)
	token := guest(s).orders[0].token
	for target, want := range map[string]string{
		"/":                           "GET /",
		"/products/1007":              "GET /products/{id}",
		"/api/products/1007/reviews":  "GET /api/products/{id}/reviews",
		"/account":                    "GET /account",
		"/account/orders/104201":      "GET /account/orders/{id}",
		"/guest/orders/" + token:      "GET /guest/orders/{id}",
		"/api/me":                     "GET /api/me",
		"/admin/customers?page=2":     "GET /admin/customers",
		"/search?q=bob%40fam.example": "GET /search",
	} {
		r := httptest.NewRequest("GET", target, nil)
		s.ServeHTTP(httptest.NewRecorder(), r)
		if got := (&visit{Request: r}).route(); got != want || candor.Route(r, nil) != want {
			t.Errorf("%s: the book says %s, Candor %s", target, got, candor.Route(r, nil))
		}
		if isLink := candor.LinkToken(r, nil) != ""; isLink != strings.Contains(target, token) {
			t.Errorf("%s: an unguessable link: %v", target, isLink)
		}
	}
}

package candor

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestClassify(t *testing.T) {
	alice := []string{"1001"}
	for _, c := range []struct {
		name  string
		facts Facts
		want  Class
	}{
		{"the owner looks", Facts{Owners: alice, Viewer: Viewer{Customer: "1001"}}, Own},
		{"one of two who share an address looks", Facts{Owners: []string{"1", "2"}, Viewer: Viewer{Customer: "2"}}, Own},
		{"the owner comes before echo", Facts{Owners: alice, Viewer: Viewer{Customer: "1001"}, Echoed: true}, Own},
		{"the request held it", Facts{Owners: alice, Echoed: true, Allowed: true}, Echo},
		{"policy allows it", Facts{Owners: alice, Allowed: true, Link: "d"}, Allowed},
		{"a guest holds a link", Facts{Owners: alice, Link: "d"}, Link},
		{"a known customer holds somebody else's link", Facts{Owners: alice, Link: "d", Viewer: Viewer{Customer: "2"}}, Disclosed},
		{"a crawler holds a link", Facts{Owners: alice, Link: "d", Viewer: Viewer{Crawler: "Googlebot"}}, Disclosed},
		{"a verified crawler holds a link", Facts{Owners: alice, Link: "d", Viewer: Viewer{Crawler: "Googlebot", Verified: true}}, Disclosed},
		{"a script holds a link", Facts{Owners: alice, Link: "d", Viewer: Viewer{Script: "curl"}}, Link},
		{"the link was opened by too many", Facts{Owners: alice, Link: "d", LinkBroken: "shared"}, Disclosed},
		{"a stranger looks", Facts{Owners: alice, Viewer: Viewer{Customer: "2"}}, Disclosed},
		{"nobody is known", Facts{Owners: alice}, Disclosed},
	} {
		if got := Classify(c.facts); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestPathTemplate(t *testing.T) {
	for path, want := range map[string]string{
		"":                                       "/",
		"/":                                      "/",
		"/orders/1001":                           "/orders/{id}",
		"/orders/1002/":                          "/orders/{id}/",
		"/account/orders/T_7F3K2Q9XABC12":        "/account/orders/{id}",
		"/api/v1/customers/alice%40shop.example": "/api/v1/customers/{id}",
		"/api/v2/me":                             "/api/v2/me",
		"/rest/products/1/reviews":               "/rest/products/{id}/reviews",
		"/u/6f1c2d3e-aaaa-4bbb-8ccc-0123456789ab": "/u/{id}",
		"/oauth2/token":      "/oauth2/token",
		"/blog/black-friday": "/blog/black-friday",
	} {
		if got := PathTemplate(path); got != want {
			t.Errorf("PathTemplate(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestRouteGraphQL(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{"operationName":"GetOrder","query":"query GetOrder($c:String!){orderByCode(code:$c){id}}"}`, "GetOrder"},
		{`{"query":"query GetOrder($c:String!){orderByCode(code:$c){id}}"}`, "GetOrder"},
		{`{"query":"{ activeCustomer { emailAddress } }"}`, "activeCustomer"},
		{`{"query":"mutation { login(username:\"x\") { id } }"}`, "login"},
		{`{"variables":{"query":"decoy","deep":[1,{"operationName":"no"}]},"query":"query Real {a}"}`, "Real"},
		{`[{"operationName":"First","query":"query First {a}"},{"operationName":"Second"}]`, "First"},
		{`{"operationName":"Cut","query":"query Cut { a`, "Cut"},
		{`{"email":"alice@shop.example"}`, ""},
		{`{"operationName":"bad name\n","query":"x"}`, ""},
		{``, ""},
	} {
		r := httptest.NewRequest("POST", "/shop-api", nil)
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		want := "POST /shop-api"
		if c.want != "" {
			want += "#" + c.want
		}
		if got := Route(r, []byte(c.body)); got != want {
			t.Errorf("%s\n got %q, want %q", c.body, got, want)
		}
	}
	get := httptest.NewRequest("GET", "/graphql?query=query+Menu+%7Bitems%7D", nil)
	if got := Route(get, nil); got != "GET /graphql#Menu" {
		t.Errorf("GET: %q", got)
	}
	search := httptest.NewRequest("GET", "/search?query=lamp", nil)
	if got := Route(search, nil); got != "GET /search" {
		t.Errorf("a search is no GraphQL: %q", got)
	}
}

func TestLinkToken(t *testing.T) {
	const token = "k3Jq9ZtX0aLw8RbN2vCy"
	for _, c := range []struct{ name, url, contentType, body, want string }{
		{"path", "/guest/orders/" + token, "", "", token},
		{"query", "/order?key=" + token, "", "", token},
		{"uuid v4", "/o/6f1c2d3e-aaaa-4bbb-8ccc-0123456789ab", "", "", "6f1c2d3e-aaaa-4bbb-8ccc-0123456789ab"},
		{"uuid v1 is time and node", "/o/6f1c2d3e-aaaa-1bbb-8ccc-0123456789ab", "", "", ""},
		{"object id is time and counter", "/o/507f1f77bcf86cd799439011", "", "", ""},
		{"order code in GraphQL variables", "/shop-api", "application/json", `{"query":"query Q($c:String!){orderByCode(code:$c){id}}","variables":{"c":"4KQT9XN2JM7BR8WY"}}`, "4KQT9XN2JM7BR8WY"},
		{"order code in the query text", "/shop-api", "application/json", `{"query":"{orderByCode(code:\"4KQT9XN2JM7BR8WY\"){id}}"}`, "4KQT9XN2JM7BR8WY"},
		{"form", "/track", "application/x-www-form-urlencoded", "code=" + token + "&csrf_token=Zz8Yy7Xx6Ww5Vv4Uu3Tt2S", token},
		{"short code", "/orders/A1B2C3", "", "", ""},
		{"sequential number", "/orders/100020003000", "", "", ""},
		{"words", "/blog/the-very-best-christmas-lamps-of-2018", "", "", ""},
		{"code with few digits", "/o/KQTXNJMBRWYPFDG7", "", "", "KQTXNJMBRWYPFDG7"},
		{"camel case", "/rest/getCustomerOrderHistory", "", "", ""},
		{"camel case with a digit", "/rest/getCustomerOrderHistoryV2", "", "", ""},
		{"product", "/p/iphone-15-pro-256gb-blue-2tb-4k", "", "", ""},
		{"names of GraphQL fields and operations", "/shop-api", "application/json", `{"operationName":"addPaymentToOrder9x8y7z6w","query":"mutation{order(code:\"4KQT9XN2JM7BR8WY\"){totalWithTax1a2b3c4d5e6f}}"}`, "4KQT9XN2JM7BR8WY"},
		{"advertisement", "/products?gclid=" + token, "", "", ""},
		{"two tokens", "/a/" + token + "/b/Zz8Yy7Xx6Ww5Vv4Uu3Tt2S", "", "", ""},
		{"nothing", "/", "", "", ""},
	} {
		r := httptest.NewRequest("POST", c.url, nil)
		r.Header.Set("Content-Type", c.contentType)
		if got := LinkToken(r, []byte(c.body)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// The boundary of 64 bits: 13 characters of hexadecimal digits are 52, 16 are 64.
func TestTokenBits(t *testing.T) {
	for token, unguessable := range map[string]bool{
		"a1b2c3d4e5f6a7b8": true, "a1b2c3d4e5f6a7b": false, "01234567890123456789": true, "0123456789012345678": false,
	} {
		if got := tokenBits(token) >= minTokenBits; got != unguessable {
			t.Errorf("%s: %.1f bits", token, tokenBits(token))
		}
	}
}

func TestURLs(t *testing.T) {
	for in, want := range map[string][2]string{
		"/rest/products/1/reviews?page=2":                                    {"/rest/products/1/reviews?page=2", "/rest/products/1/reviews?page=2"},
		"/c/alice%40shop.example/k3Jq9ZtX0aLw8RbN2vCy?mail=bob@shop.example": {"/c/a****%40s***.example/k3Jq…?mail=b**@s***.example", "/c/…/k3Jq…?mail=…"},
		"/u/Alice%20Example?name=Alice+Example&id=7":                         {"/u/Alice%20Example?name=Alice+Example&id=7", "/u/…?name=…&id=7"},
		"/?alice@shop.example=1&=":                                           {"/?a****@s***.example=1&=", "/?…=1&…="},
	} {
		u := httptest.NewRequest("GET", in, nil).URL
		if got := [2]string{MaskURL(u), SafeURL(u)}; got != want {
			t.Errorf("%s:\n got %q\nwant %q", in, got, want)
		}
	}
	long := httptest.NewRequest("GET", "/"+strings.Repeat("é", 3000), nil)
	if n := len(MaskURL(long.URL)); n > 2048+len("…") {
		t.Errorf("%d bytes", n)
	}
}

func TestViewer(t *testing.T) {
	for want, v := range map[string]Viewer{
		"anonymous": {}, "customer:7": {Customer: "7"}, "role:staff": {Customer: "7", Role: "staff"}, "crawler:Googlebot": {Crawler: "Googlebot", Verified: true}, "claimed-crawler:Googlebot": {Crawler: "Googlebot"},
		"script:curl": {Script: "curl"},
	} {
		if v.String() != want {
			t.Errorf("%q, want %q", v, want)
		}
	}
	a, b := Viewer{Client: "x"}, Viewer{Client: "y"}
	if a.Digest([]byte("k")) == b.Digest([]byte("k")) || a.Digest([]byte("k")) == a.Digest([]byte("l")) || len(a.Digest(nil)) != 16 {
		t.Error("digests of viewers must differ by client and by key")
	}
	a.Customer, b.Customer = "1", "1"
	if a.Digest(nil) != b.Digest(nil) {
		t.Error("a customer who comes from another device is another viewer")
	}
}

func TestSite(t *testing.T) {
	for host, want := range map[string]string{"Shop.Example:8080": "shop.example", "shop.example.": "shop.example", "[::1]:80": "::1"} {
		if got := Site(&http.Request{Host: host}); got != want {
			t.Errorf("Site(%q) = %q, want %q", host, got, want)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add("/orders/1?x=1", "application/json", `{"query":"{a}"}`)
	f.Add("/%zz", "application/x-www-form-urlencoded", "%%%=&;")
	f.Add("/a", "application/json", `[[[[{"query":`)
	f.Fuzz(func(t *testing.T, url, contentType, body string) {
		r, err := http.NewRequest("POST", "http://shop.example"+url, nil)
		if err != nil {
			return
		}
		r.Header.Set("Content-Type", contentType)
		route := Route(r, []byte(body))
		if strings.Contains(route, "@") {
			t.Errorf("a route must not hold an address: %q", route)
		}
		_ = fmt.Sprint(LinkToken(r, []byte(body)), MaskURL(r.URL), SafeURL(r.URL))
	})
}

package viewer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseWhoAmI(t *testing.T) {
	for spec, want := range map[string]whoAmI{
		"GET /api/me:$.user.email": {"GET", "/api/me", "", []string{"user", "email"}},
		"POST /shop-api#activeCustomer:$.data.activeCustomer.emailAddress": {"POST", "/shop-api", "activeCustomer", []string{"data", "activeCustomer", "emailAddress"}},
		"GET /wp-json/me:$['e-mail'][0].x":                                 {"GET", "/wp-json/me", "", []string{"e-mail", "[0]", "x"}},
		"GET /a:$b:$.id":                                                   {"GET", "/a:$b", "", []string{"id"}},
	} {
		got, err := parseWhoAmI(spec)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, %v", spec, got, err)
		}
	}
	for spec, want := range map[string]string{
		"":                         "want METHOD /PATH",
		"GET /api/me":              "want METHOD /PATH",
		"/api/me:$.id":             "is not METHOD /PATH",
		"get /api/me:$.id":         "is not METHOD /PATH",
		"GET api/me:$.id":          "is not METHOD /PATH",
		"GET /customers/{id}:$.id": "must be one exact path",
		"GET /me?x=1:$.id":         "must be one exact path",
		"GET /api/me:$":            "names no value",
		"GET /api/me:$x":           "want names and places only",
		"GET /api/me:$..id":        "want names and places only",
		"GET /api/me:$.*":          "want names and places only",
		"GET /api/me:$.a[*]":       "[*] is not a place",
		"GET /api/me:$.a[-1]":      "[-1] is not a place",
		"GET /api/me:$.a[0":        "is not a place",
		"GET /api/me:$['a":         "is not closed",
	} {
		if _, err := parseWhoAmI(spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", spec, err, want)
		}
	}
}

var meSpecs = []string{"GET /api/me:$.user.email", "POST /shop-api#activeCustomer:$.data.activeCustomer.emailAddress", "GET /api/id:$.id"}

func me(change func(*trip)) trip {
	p := trip{method: "GET", path: "/api/me", cookie: sidA, answerType: "application/json", answer: `{"user":{"email":"alice@shop.example"}}`}
	if change != nil {
		change(&p)
	}
	return p
}

func activeCustomer(query string) trip {
	return trip{path: "/shop-api", contentType: "application/json", cookie: sidA, body: query, answerType: "application/json",
		answer: `{"data":{"activeCustomer":{"emailAddress":"alice@shop.example"}}}`}
}

func TestWhoAmITeaches(t *testing.T) {
	for name, c := range map[string]struct {
		p    trip
		want string
	}{
		"an address":                          {me(nil), "1001"},
		"an id":                               {me(func(p *trip) { p.path, p.answer = "/api/id", `{"id":1002}` }), "1002"},
		"a customer of no file":               {me(func(p *trip) { p.answer = `{"user":{"email":"eve@elsewhere.example"}}` }), newShop(t, Options{}).stranger("eve@elsewhere.example")},
		"GraphQL":                             {activeCustomer(`{"operationName":"activeCustomer","query":"query activeCustomer { activeCustomer { emailAddress } }"}`), "1001"},
		"GraphQL without a name":              {activeCustomer(`{"query":"{ activeCustomer { emailAddress } }"}`), "1001"},
		"GraphQL with an alias elsewhere":     {activeCustomer(`{"query":"query activeCustomer { activeCustomer { emailAddress n: name } }"}`), "1001"},
		"GraphQL with a string like an alias": {activeCustomer(`{"query":"query activeCustomer { log(text: \"activeCustomer: x\") activeCustomer { emailAddress } }"}`), "1001"},
		"replaced in the same breath":         {me(func(p *trip) { p.cookie, p.set = sidB, []string{"sid=" + sidA} }), "1001"},

		"signed out":     {me(func(p *trip) { p.answer = `{"user":null}` }), ""},
		"an error":       {me(func(p *trip) { p.status = 401 }), ""},
		"another route":  {me(func(p *trip) { p.path = "/api/me/friend" }), ""},
		"another method": {me(func(p *trip) { p.method = "POST" }), ""},
		"no such value":  {me(func(p *trip) { p.answer = `{"email":"alice@shop.example"}` }), ""},
		"a value twice": {me(func(p *trip) {
			p.answer = `{"user":{"email":"alice@shop.example"},"user":{"email":"bob@shop.example"}}`
		}), ""},
		"a value and a null":        {me(func(p *trip) { p.answer = `{"user":null,"user":{"email":"alice@shop.example"}}` }), ""},
		"from a cache":              {me(func(p *trip) { p.header = []string{"Age", "7"} }), ""},
		"from Varnish":              {me(func(p *trip) { p.header = []string{"X-Varnish", "32770 3"} }), ""},
		"for caches":                {me(func(p *trip) { p.header = []string{"Cache-Control", "public, max-age=60"} }), ""},
		"for shared caches":         {me(func(p *trip) { p.header = []string{"Cache-Control", "s-maxage=60"} }), ""},
		"asked about somebody":      {me(func(p *trip) { p.path = "/api/me?as=Alice%40shop.example" }), ""},
		"asked about some id":       {me(func(p *trip) { p.path, p.answer = "/api/id?of=1001", `{"id":"1001"}` }), ""},
		"no session":                {me(func(p *trip) { p.cookie = "" }), ""},
		"two sessions":              {me(func(p *trip) { p.bearer = tokenA }), ""},
		"a session that is guessed": {me(func(p *trip) { p.cookie = sidA[:minCredential-1] }), ""},
		"another operation":         {activeCustomer(`{"query":"query other { activeCustomer { emailAddress } }"}`), ""},
		"an alias":                  {activeCustomer(`{"query":"query activeCustomer { activeCustomer: customer(id: 7) { emailAddress } }"}`), ""},
		"an alias behind a comment": {activeCustomer(`{"query":"query activeCustomer { activeCustomer #x\n , : customer(id: 7) { emailAddress } }"}`), ""},
		"an alias below":            {activeCustomer(`{"query":"query activeCustomer { activeCustomer { emailAddress: friend } }"}`), ""},
		"an alias behind a string":  {activeCustomer(`{"query":"query activeCustomer($s: String = \"#\") { activeCustomer: customer(id: 7) { emailAddress } }"}`), ""},
		"an alias in a fragment":    {activeCustomer(`{"query":"query activeCustomer { ...F } fragment F on Query { activeCustomer: customer(id: 7) { emailAddress } }"}`), ""},
		"one query of two":          {activeCustomer(`{"query":"query activeCustomer { activeCustomer: customer(id: 7) { emailAddress } }","query":"query activeCustomer { activeCustomer { emailAddress } }"}`), ""},
		"a query known by its hash": {activeCustomer(`{"operationName":"activeCustomer","extensions":{"persistedQuery":{"sha256Hash":"00"}}}`), ""},
		"a request that is cut off": {activeCustomer(`{"operationName":"activeCustomer","query":"query activeCustomer { activeCustomer { emailAddress } }","x":"` + strings.Repeat("x", maxBody)), ""},
	} {
		s := newShop(t, Options{WhoAmI: meSpecs})
		_, who := s.pass(c.p)
		s.want(name+": the response's viewer", who, c.want)
		s.want(name, s.holds(sidA), c.want)
	}
}

func TestWhoAmITeachesBearerTokens(t *testing.T) {
	s := newShop(t, Options{WhoAmI: meSpecs})
	s.pass(me(func(p *trip) { p.cookie, p.bearer = "", tokenA }))
	s.want("bearer", s.bears(tokenA), "1001")
}

// A who-am-I answer that comes out of a cache which says nothing of itself must not turn a disclosure into "own".
func TestWhoAmINeverOverrulesALogin(t *testing.T) {
	s := newShop(t, Options{WhoAmI: meSpecs})
	s.login("", "bob@shop.example", sidA)
	_, who := s.pass(me(nil))
	s.want("the response's viewer", who, "")
	s.want("the session", s.holds(sidA), "1002")

	s.pass(trip{path: "/logout", cookie: sidA})
	s.advance(grace + time.Second)
	s.pass(me(nil))
	s.want("after a logout", s.holds(sidA), "1001")
}

func TestWhoAmISaysThatNobodyIsSignedIn(t *testing.T) {
	s := newShop(t, Options{WhoAmI: meSpecs})
	s.login("", "alice@shop.example", sidA)
	s.pass(me(func(p *trip) { p.answer = `{"user":null}` }))
	s.advance(grace + time.Second)
	s.want("the session", s.holds(sidA), "")
}

func TestGraphQLTokens(t *testing.T) {
	for query, want := range map[string][]string{
		"":                     {},
		"{a}":                  {"{", "a", "}"},
		"a,b\ufeff\t#c\nd":     {"a", "b", "d"},
		`a:"x\"y\u0040"`:       {"a", ":", `x"y@`},
		`a:"\u{40}" b`:         {"a", ":", `\u{40}`, "b"},
		`"""x "y" \""" z""" b`: {`x "y" """ z`, "b"},
		`a "not closed`:        {"a"},
		`a """not closed`:      {"a"},
		`a "\`:                 {"a"},
		`_a1 2`:                {"_a1", "2"},
	} {
		var got []string
		for token := range graphQLTokens(query) {
			got = append(got, token.text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", query, got)
		}
	}
}

func FuzzParseWhoAmI(f *testing.F) {
	for _, s := range append(meSpecs, "GET /:$['", "GET /a:$[", ":$", "GET /a:$.a[99999999999999999999]") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		w, err := parseWhoAmI(spec)
		if err == nil && (len(w.value) == 0 || !strings.HasPrefix(w.path, "/")) {
			t.Errorf("%+v", w)
		}
	})
}

// An author of queries must not find a spelling that a GraphQL server takes for an alias and this reader does not.
func FuzzRenames(f *testing.F) {
	f.Add(" ", "\n")
	f.Add(`(x:"\"")`, "#:\n")
	f.Add(`"""\"""`, ",")
	f.Fuzz(func(t *testing.T, before, between string) {
		if strings.Trim(between, " \t\r\n,") != "" || strings.ContainsAny(before, "\"#") {
			return
		}
		if !renames(before+" me "+between+": you { email }", []string{"me"}) {
			t.Errorf("%q, %q", before, between)
		}
	})
}

func BenchmarkTeaches(b *testing.B) {
	s := newShop(b, Options{WhoAmI: meSpecs})
	for name, p := range map[string]trip{
		"anonymous page": {method: "GET", path: "/products/7"},
		"signed-in page": {method: "GET", path: "/products/7", cookie: sidA},
		"GraphQL":        activeCustomer(`{"query":"query other { activeCustomer { emailAddress } }"}`),
	} {
		x := p.exchange(s.t0())
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Teaches(x, func() []string { return nil })
			}
		})
	}
}

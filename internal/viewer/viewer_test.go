package viewer

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var testKey = []byte("a key that only this test knows...")

// customers of the tests: address to ids. Two share an address.
var customers = map[string][]string{
	"alice@shop.example": {"1001"}, "bob@shop.example": {"1002"}, "both@shop.example": {"1004", "1003"},
}

func owners(email string) []string { return customers[strings.ToLower(email)] }

// clock is what tests turn by hand.
type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func newClock() *clock { return &clock{time.Date(2018, 11, 20, 10, 0, 0, 0, time.UTC)} }

func newResolver(t testing.TB, o Options) *Resolver {
	t.Helper()
	o.Key, o.Owners = testKey, owners
	r, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func get(path string, header ...string) *http.Request {
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr = "10.1.2.3:4711"
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func TestHeaderSource(t *testing.T) {
	r := newResolver(t, Options{Sources: []string{"header:x-customer"}})
	for _, c := range []struct {
		name, peer string
		values     []string
		want       string
	}{
		{"an id from the edge", "10.0.0.1:1", []string{"1001"}, "1001"},
		{"an address from the edge", "[fd00::1]:1", []string{" Alice@shop.example "}, "1001"},
		{"a shared address is always the same customer", "127.0.0.1:1", []string{"both@shop.example"}, "1003"},
		{"an address mapped into IPv6", "[::ffff:10.0.0.1]:1", []string{"1001"}, "1001"},
		{"a capture has no peer", "", []string{"1001"}, "1001"},
		{"a stranger's network", "192.0.2.1:1", []string{"1001"}, ""},
		{"a peer that is no address", "nonsense", []string{"1001"}, ""},
		{"the edge adds to the client's own", "10.0.0.1:1", []string{"1001", "1002"}, ""},
		{"nothing", "10.0.0.1:1", nil, ""},
		{"empty", "10.0.0.1:1", []string{" "}, ""},
		{"control characters", "10.0.0.1:1", []string{"10\x0001"}, ""},
		{"the longest", "10.0.0.1:1", []string{strings.Repeat("9", maxIdentity)}, strings.Repeat("9", maxIdentity)},
		{"one longer", "10.0.0.1:1", []string{strings.Repeat("9", maxIdentity+1)}, ""},
	} {
		req := get("/")
		req.RemoteAddr, req.Header["X-Customer"] = c.peer, c.values
		if got := r.Viewer(req).Customer; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestStranger(t *testing.T) {
	r := newResolver(t, Options{Sources: []string{"header:x-customer"}})
	who := func(email string) string { return r.Viewer(get("/", "X-Customer", email)).Customer }
	a, b := who("eve@elsewhere.example"), who("mallory@elsewhere.example")
	if len(a) != 13 || a[0] != '?' || a == b || a != who("EVE@elsewhere.example") || strings.Contains(a, "eve") {
		t.Errorf("%q and %q", a, b)
	}
}

func TestFirstSourceThatAnswersWins(t *testing.T) {
	r := newResolver(t, Options{Sources: []string{"header:x-a", "header:x-b"}})
	for want, req := range map[string]*http.Request{
		"1001": get("/", "X-A", "1001", "X-B", "1002"),
		"1002": get("/", "X-B", "1002"),
		"":     get("/"),
	} {
		if got := r.Viewer(req).Customer; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestOptionsThatAreWrong(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "no key"},
		{Options{Key: testKey, Sources: []string{"session:sid", "cookie:x"}}, `viewer[1]: "cookie:x": there is no source "cookie"`},
		{Options{Key: testKey, Sources: []string{"header"}}, `viewer[0]: "header": want header:NAME`},
		{Options{Key: testKey, Sources: []string{"header:a b"}}, "not the name of a header"},
		{Options{Key: testKey, Sources: []string{"session:a;b"}}, "not the name of a cookie"},
		{Options{Key: testKey, Sources: []string{"jwt:sub"}}, "needs jwt.jwks"},
		{Options{Key: testKey, Sources: []string{"jwt:sub"}, JWKS: "a", KeyFile: "b"}, "leave one out"},
		{Options{Key: testKey, Sources: []string{"jwt:sub"}, KeyFile: "/does/not/exist"}, "jwt.key: open /does/not/exist"},
		{Options{Key: testKey, Sources: []string{"header:x"}, WhoAmI: []string{"GET /api/me:$.id"}}, "needs a session"},
		{Options{Key: testKey, Sources: []string{"session:sid"}, WhoAmI: []string{"GET /api/me"}}, "whoami[0]: "},
	} {
		if _, err := New(context.Background(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// edge is an operator's own choice of networks.
func edge(remoteAddr string) bool {
	a, err := netip.ParseAddrPort(remoteAddr)
	return err == nil && (netip.MustParsePrefix("10.0.0.0/8").Contains(a.Addr()) || netip.MustParsePrefix("2001:db8:e::/48").Contains(a.Addr()))
}

func TestClient(t *testing.T) {
	r := newResolver(t, Options{Trusted: edge})
	for _, c := range []struct{ name, peer, forwarded, want string }{
		{"the peer itself", "192.0.2.1:99", "", "192.0.2.1"},
		{"forwarding is believed from the edge only", "192.0.2.1:99", "198.51.100.7", "192.0.2.1"},
		{"the edge says who", "10.0.0.1:99", "198.51.100.7", "198.51.100.7"},
		{"right-most that is not the edge", "10.0.0.1:99", "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"},
		{"IPv6 is the edge", "10.0.0.1:99", "198.51.100.7, 2001:db8:e::2", "198.51.100.7"},
		{"everything is the edge", "10.0.0.1:99", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
		{"rubbish ends the walk", "10.0.0.1:99", "198.51.100.7, unknown, 10.0.0.2", "10.0.0.2"},
		{"with ports", "[2001:db8:e::1]:99", "198.51.100.7:1234", "198.51.100.7"},
		{"IPv6 counts by /64", "10.0.0.1:99", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"IPv6 in brackets, with a zone", "[fe80::1%eth0]:99", "", "fe80::/64"},
		{"a capture", "", "198.51.100.7", "198.51.100.7"},
		{"nothing known", "", "", ""},
	} {
		req := get("/")
		req.RemoteAddr = c.peer
		if c.forwarded != "" {
			req.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := r.clientNet(req); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestForwardedHopsAreBounded(t *testing.T) {
	r := newResolver(t, Options{})
	for hops, want := range map[int]string{maxHops - 1: "198.51.100.7", maxHops: "10.0.0.9"} {
		req := get("/", "X-Forwarded-For", "198.51.100.7"+strings.Repeat(",10.0.0.9", hops))
		if got := r.clientNet(req); got != want {
			t.Errorf("%d hops: %q, want %q", hops, got, want)
		}
	}
}

func TestClientDigestTellsClientsApart(t *testing.T) {
	r := newResolver(t, Options{})
	a := r.Viewer(get("/", "User-Agent", "A")).Client
	if a != r.Viewer(get("/x", "User-Agent", "A")).Client {
		t.Error("one client, two digests")
	}
	if a == r.Viewer(get("/", "User-Agent", "B")).Client {
		t.Error("another browser, the same digest")
	}
	if len(a) != 16 || strings.Contains(a, "10.1.2.3") {
		t.Errorf("digest %q", a)
	}
}

func TestCrawler(t *testing.T) {
	r := newResolver(t, Options{})
	for ua, want := range map[string]string{
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": "Googlebot",
		"Mozilla/5.0 AppleWebKit (KHTML, like Gecko; compatible; BINGBOT/2.0)":     "bingbot",
		"AdsBot-Google (+http://www.google.com/adsbot.html)":                       "AdsBot-Google",
		"Mozilla/5.0 (X11; Linux x86_64; rv:63.0) Gecko/20100101 Firefox/63.0":     "",
		"Mozilla/5.0 (Linux; Android 8.1; CUBOT_X18)":                              "",
		strings.Repeat("x", 1024) + "Googlebot":                                    "",
		strings.Repeat("x", 1015) + "Googlebot":                                    "Googlebot",
		"":                                                                         "",
	} {
		if got := r.Viewer(get("/", "User-Agent", ua)).Crawler; got != want {
			t.Errorf("%.60q: %q, want %q", ua, got, want)
		}
	}
}

// A request says its sender's address where the source that answers first yields one.
func TestAddress(t *testing.T) {
	r := newResolver(t, Options{Sources: []string{"header:X-Id", "header:X-Mail"}})
	for _, c := range []struct{ id, mail, want string }{
		{"", " Vera@Shop.Example ", "Vera@Shop.Example"}, {"7", "vera@shop.example", ""}, {"vera@shop.example", "", "vera@shop.example"}, {"", "8", ""}, {"", "", ""},
	} {
		req := get("/")
		for name, v := range map[string]string{"X-Id": c.id, "X-Mail": c.mail} {
			if v != "" {
				req.Header.Set(name, v)
			}
		}
		if got := r.Address(req); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
		req.RemoteAddr = "192.0.2.1:1"
		if got := r.Address(req); got != "" {
			t.Errorf("%+v: a stranger's word is believed: %q", c, got)
		}
	}
	if got := newResolver(t, Options{Sources: []string{"session:sid", "header:X-Mail"}}).Address(get("/", "Cookie", "sid=x")); got != "" {
		t.Errorf("a session says %q", got)
	}
}

// What a hostile client writes into headers must neither panic nor name a customer.
func FuzzViewer(f *testing.F) {
	f.Add("192.0.2.1:1", "1, 2", "sid=x; sid=y", "Bearer a.b.c", "Googlebot")
	f.Add("10.0.0.1:1", "10.0.0.1,::1%", "token=eyJhbGciOiJub25lIn0.e30.", "bearer", "")
	f.Add("", ",,,[::1]:5,", "sid=\"", "Bearer  ", "\xff")
	r := newResolver(f, Options{Sources: []string{"jwt:sub", "session:sid", "session:authorization"}, KeyFile: writeFile(f, "secret", strings.Repeat("s", 40))})
	f.Fuzz(func(t *testing.T, peer, forwarded, cookie, authorization, agent string) {
		req := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {forwarded}, "Cookie": {cookie}, "Authorization": {authorization}, "User-Agent": {agent}}}
		if v := r.Viewer(req); v.Customer != "" || len(v.Client) != 16 {
			t.Errorf("%v", v)
		}
	})
}

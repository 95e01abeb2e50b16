package console

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/scan"
)

var start = time.Date(2018, 11, 20, 10, 0, 0, 0, time.UTC)

// rig is a console over a ledger with two incidents, on a server.
type rig struct {
	*Console
	ledger *ledger.Ledger
	server *httptest.Server
	now    time.Time
	seq    uint64

	mu     sync.Mutex
	status Status // guarded by mu: open pages ask for it each second
}

// change alters what the running process says of itself.
func (r *rig) change(how func(*Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	how(&r.status)
}

func (r *rig) snapshot() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

func newRig(t *testing.T) *rig {
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{ledger: l, now: start.Add(40 * time.Minute), status: Status{Mode: "mask", Upstream: "http://127.0.0.1:3000", Site: "http://127.0.0.1:8080", Customers: 3000, Built: start, Started: start, Version: "test"}}
	r.Console, err = New(Options{Ledger: l, Status: r.snapshot, Now: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r.server = httptest.NewServer(r)
	t.Cleanup(func() {
		r.server.CloseClientConnections()
		r.server.Close()
		l.Close()
	})
	return r
}

func (r *rig) fold(t *testing.T, e candor.Entry) {
	t.Helper()
	r.seq++
	e.Seq = r.seq
	if err := r.ledger.Fold(context.Background(), []candor.Entry{e}); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) disclose(t *testing.T, route string, n, minute int, outcome candor.Outcome) {
	t.Helper()
	r.fold(t, candor.Entry{Disclosures: []candor.Disclosure{{Site: "www.shop.example", Route: route, Owner: fmt.Sprint("c", n), Kind: scan.Email, Encoding: "plain", Viewer: "customer",
		ViewerDigest: fmt.Sprint(n % 7), Class: candor.Disclosed, Outcome: outcome, Release: "2018.11.20", Time: start.Add(time.Duration(minute)*time.Minute + time.Duration(n)*time.Millisecond)}}})
}

// fill tells the story of a morning.
func (r *rig) fill(t *testing.T) {
	r.fold(t, candor.Entry{Releases: []candor.Release{{Time: start.Add(-time.Minute), Site: "www.shop.example", Name: "2018.11.20", Source: "header"}, {Time: start.Add(31 * time.Minute), Site: "www.shop.example", Name: "2018.11.20-2", Source: "header"}}})
	for n := range 240 {
		outcome := candor.Prevented
		if n < 60 {
			outcome = candor.Exposed
		}
		r.disclose(t, "GET /products/{id}", n, n/8, outcome)
		if n%3 == 0 {
			r.disclose(t, "POST /shop-api#ProductReviewsWithAuthors", n, n/8, candor.Prevented)
		}
	}
	link := candor.Disclosure{Site: "www.shop.example", Route: "GET /guest/orders/{id}", Owner: "c9", Kind: scan.Email, Class: candor.Link, Link: "l1", ViewerDigest: "g", Viewer: "anonymous", Outcome: candor.Exposed, Time: start}
	r.fold(t, candor.Entry{Disclosures: []candor.Disclosure{link}})
	for route, n := range map[string]int64{"GET /": 40_000, "GET /products/{id}": 123_456, "POST /shop-api#ProductReviewsWithAuthors": 9_000} {
		r.fold(t, candor.Entry{Coverage: []candor.Coverage{{Time: start, Site: "www.shop.example", Route: route, Responses: n, Bytes: n * 9000}}})
	}
	r.fold(t, candor.Entry{Coverage: []candor.Coverage{{Time: start, Site: "www.shop.example", Route: "GET /images/{id}", Skip: "media", Responses: 81_000, Bytes: 1 << 33}}})
}

// client is a browser without a script, signed in.
func (r *rig) client(t *testing.T) *http.Client {
	t.Helper()
	jar := &oneCookie{}
	c := &http.Client{Jar: jar}
	u, _ := url.Parse(r.SignInURL(r.server.URL))
	res, err := c.PostForm(r.server.URL+"/sign-in", url.Values{"token": {u.Query().Get("token")}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 || jar.c == nil {
		t.Fatal("not signed in:", res.Status)
	}
	return c
}

type oneCookie struct{ c *http.Cookie }

func (j *oneCookie) SetCookies(_ *url.URL, list []*http.Cookie) { j.c = list[0] }
func (j *oneCookie) Cookies(*url.URL) []*http.Cookie {
	if j.c == nil || j.c.MaxAge < 0 {
		return nil
	}
	return []*http.Cookie{j.c}
}

func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	res, err := c.Get(url)
	return answered(t, res, err)
}

// answered reads an answer; every one has the policy.
func answered(t *testing.T, res *http.Response, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self'") {
		t.Errorf("%s: policy %q", res.Request.URL, csp)
	}
	return res.StatusCode, string(b)
}

func TestPages(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	c := r.client(t)
	id := incident.ID("www.shop.example", "GET /products/{id}", start)
	for _, path := range []string{"/incidents/inc-none", "/api/incidents/inc-none"} {
		get(t, c, r.server.URL+path) // one that fails must not spoil the next
	}
	for path, wants := range map[string][]string{
		"/":                              {"<title>Disclosures are being stopped", ">60<", "253,456", "68.0 %", "media", "3,000 customers", "2018.11.20", "40 min ago"},
		"/incidents":                     {"GET /products/{id}", "POST /shop-api#ProductReviewsWithAuthors", "/incidents/" + id, "<caption"},
		"/incidents/" + id:               {"<title>GET /products/{id}", "Which site and page?", "60 people were exposed; the data of 180 people", "Undetermined; first seen in release 2018.11.20", "bar-exposed", "2018.11.20-2", `href="/incidents/` + id + `/affected"`, "20 Nov 2018, 10:29:00 UTC</time> <span class=\"aside\">(10 min ago)", "7 customers"},
		"/incidents/" + id + "/affected": {"Who was affected", "<code>c0</code>", "?after=c142"},
		"/incidents/" + id + "/affected?after=c99": {"Nobody behind this one", "The first"},
		"/links":               {"GET /guest/orders/{id}"},
		"/coverage":            {"no: media", "GET /images/{id}", "pictures, video"},
		"/api/incidents":       {`"exposed":60`, `"route":"GET /products/{id}"`},
		"/api/incidents/" + id: {`"series":[`, `"questions":[`, `"next":"c142"`},
		"/api/status":          {`"mode":"mask"`, `"level":"held"`, `"quiet":false`},
		"/api/coverage":        {`"reason":"media"`},
		"/api/links":           {`"owners":1`},
	} {
		status, body := get(t, c, r.server.URL+path)
		for _, want := range wants {
			if status != 200 || !strings.Contains(body, want) {
				t.Errorf("%s: %d, without %q", path, status, want)
			}
		}
		if strings.Contains(body, " style=") || regexp.MustCompile(`<script>|\son\w+=`).MatchString(body) {
			t.Errorf("%s: something inline, which the policy forbids", path)
		}
	}
	for path, want := range map[string]string{"/incidents/inc-none": "<h1>There is no such incident.", "/nowhere": "<h1>There is no such page.", "/incidents/": "no such page",
		"/api/incidents/inc-none": `{"error":"There is no such incident."}`, "/api/nowhere": `{"error":"There is no such page."}`, "/assets/": "no such page", "/assets/none.css": "404"} {
		if status, body := get(t, c, r.server.URL+path); status != 404 || !strings.Contains(body, want) {
			t.Errorf("%s: %d, without %q", path, status, want)
		}
	}
}

// Before anything has happened each page says what to expect, and the JSON has empty lists rather than null.
func TestEmpty(t *testing.T) {
	r := newRig(t)
	c := r.client(t)
	for path, want := range map[string]string{"/": "Waiting for traffic", "/incidents": "One appears here", "/links": "None has been opened yet", "/latent": "None. A route appears here", "/api/latent": "[]", "/coverage": "Nothing has passed yet",
		"/api/status": `"incidents":[],"skipped":[]`, "/api/incidents": "[]", "/api/links": "[]", "/api/coverage": `{"shares":[],"routes":[]}`} {
		if status, body := get(t, c, r.server.URL+path); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d, without %q", path, status, want)
		}
	}
}

func TestJudge(t *testing.T) {
	now := start.Add(time.Hour)
	well := Status{Mode: "mask", Customers: 1, Site: "http://127.0.0.1:8080"}
	busy := ledger.Summary{Responses: 9, Inspected: 5}
	seen := func(before time.Duration) ledger.Summary {
		s := busy
		s.LastDisclosure = now.Add(-before)
		return s
	}
	with := func(change func(*Status)) Status {
		s := well
		change(&s)
		return s
	}
	observe := with(func(s *Status) { s.Mode = "observe" })
	for _, test := range []struct {
		name        string
		last24h     ledger.Summary
		recent      int // exposed
		status      Status
		leaks       bool
		level, text string
	}{
		{"nothing ever", busy, 0, well, false, "calm", "Nobody's data"},
		{"long ago", seen(incident.QuietAfter), 0, well, false, "calm", "seen 15 min ago"},
		{"just within", seen(incident.QuietAfter - 1), 0, well, false, "held", "In mode mask the identifiers do not leave."},
		{"masked, some had left", seen(time.Minute), 1234, well, false, "held", "1,234 people were exposed"},
		{"masked, one had left", seen(time.Minute), 1, well, false, "held", "1 person was exposed"},
		{"observed", seen(time.Minute), 3, observe, true, "alarm", "only observes"},
		{"observed, and contained", seen(time.Minute), 3, observe, false, "held", "is contained. 3 people were exposed"},
		{"masked, and a route is observed", seen(time.Minute), 3, well, true, "alarm", "a route is only observed"},
		{"no traffic", ledger.Summary{}, 0, well, false, "waiting", "http://127.0.0.1:8080"},
		{"nothing inspected", ledger.Summary{Responses: 9}, 0, well, false, "unsure", "skipped"},
		{"trouble", busy, 0, with(func(s *Status) { s.Trouble = []string{"disk"} }), false, "unsure", "could not look"},
		{"trouble does not hide an alarm", seen(0), 3, with(func(s *Status) { s.Mode, s.Trouble = "observe", []string{"disk"} }), true, "alarm", "just now"},
		{"nobody to look for", busy, 0, with(func(s *Status) { s.Customers = 0 }), false, "unsure", "directory is empty"},
	} {
		v := judge(test.last24h, ledger.Summary{Exposed: test.recent}, test.status, test.leaks, now)
		if v.Level != test.level || !strings.Contains(v.Text, test.text) {
			t.Errorf("%s: %+v, want %s with %q", test.name, v, test.level, test.text)
		}
	}
}

func TestTroubleIsShown(t *testing.T) {
	r := newRig(t)
	c := r.client(t)
	r.status.Trouble = []string{"The disk is full."}
	for _, path := range []string{"/", "/links", "/nowhere"} {
		if _, body := get(t, c, r.server.URL+path); !strings.Contains(body, `role="alert">The disk is full.`) {
			t.Errorf("%s does not say it", path)
		}
	}
}

func TestLedgerGone(t *testing.T) {
	r := newRig(t)
	c := r.client(t)
	r.ledger.Close()
	for _, path := range []string{"/", "/incidents/x", "/api/links"} {
		if status, body := get(t, c, r.server.URL+path); status != 500 || !strings.Contains(body, "The ledger could not be read. Candor&#39;s log says why.") && !strings.Contains(body, `{"error":"The ledger could not be read.`) || strings.Contains(body, "sql") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestFirstOwners(t *testing.T) {
	list := []incident.Person{{Owner: "a"}, {Owner: "a"}, {Owner: "b"}, {Owner: "c"}}
	for n, want := range map[int]string{1: "2 a", 2: "3 b", 3: "4 ", 4: "4 "} {
		first, next := firstOwners(list, n)
		if got := fmt.Sprint(len(first), " ", next); got != want {
			t.Errorf("%d owners: %q, want %q", n, got, want)
		}
	}
	if first, next := firstOwners(nil, 1); first == nil || next != "" {
		t.Error("none")
	}
}

func TestShares(t *testing.T) {
	got := sharesOf([]candor.Coverage{{Skip: "media", Responses: 56, Bytes: 1}, {Site: "a", Responses: 20, Bytes: 2}, {Skip: "limit", Responses: 1}, {Skip: "media", Responses: 1}, {Site: "b", Responses: 20, Bytes: 2}, {Skip: "failed", Responses: 2}})
	if s := fmt.Sprintf("%v", got); s != "[{inspected 40 4 40} {media 57 1 57} {failed 2 0 2} {limit 1 0 1}]" {
		t.Error(s)
	}
}

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Hour: "in 1 h 0 min", -5 * time.Second: "in 5 s", 0: "just now", -4 * time.Second: "just now", 5 * time.Second: "5 s ago", time.Minute: "1 min ago", 47 * time.Hour: "47 h ago", 48 * time.Hour: "2 days ago"} {
		if got := ago(d); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 9999: "9,999 B", 10_000: "10 kB", 1 << 62: "4,611,686 TB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
	for v, want := range map[any]string{999: "999", int64(1000): "1,000", 1234567: "1,234,567"} {
		if got := number(v); got != want {
			t.Errorf("%v: %q", v, got)
		}
	}
}

// What strangers wrote (hosts, paths, release names) is text, never markup.
func TestHostileNames(t *testing.T) {
	r := newRig(t)
	evil := `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	d := candor.Disclosure{Site: evil, Route: "GET /" + evil, Owner: evil, Kind: scan.Kind(evil), Encoding: evil, Viewer: evil, ViewerDigest: "1", Class: candor.Disclosed, Outcome: candor.Exposed, Release: evil, Time: start}
	r.fold(t, candor.Entry{Disclosures: []candor.Disclosure{d}, Releases: []candor.Release{{Time: start, Site: evil, Name: evil}}, Coverage: []candor.Coverage{{Time: start, Site: evil, Route: evil, Skip: candor.Skip(evil), Responses: 1}}})
	r.status.Title, r.status.Caption, r.status.Trouble = evil, evil, []string{evil}
	c := r.client(t)
	id := incident.ID(evil, "GET /"+evil, start)
	for _, path := range []string{"/", "/incidents", "/incidents/" + id, "/links", "/coverage", "/sign-in?token=" + url.QueryEscape(evil)} {
		if _, body := get(t, c, r.server.URL+path); strings.Contains(body, "<script>") || strings.Contains(body, "<img src=x") || !strings.Contains(body, "&lt;script") && path != "/links" {
			t.Errorf("%s: not escaped", path)
		}
	}
}

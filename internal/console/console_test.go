package console

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

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
	status Status
	seq    uint64
}

func newRig(t *testing.T) *rig {
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{ledger: l, now: start.Add(40 * time.Minute), status: Status{Mode: "mask", Upstream: "http://127.0.0.1:3000", Site: "http://127.0.0.1:8080", Customers: 3000, Built: start, Started: start, Version: "test"}}
	r.Console, err = New(Options{Ledger: l, Status: func() Status { return r.status }, Now: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler)})
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
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self'") {
		t.Errorf("%s: policy %q", url, csp)
	}
	return res.StatusCode, string(b)
}

func TestPages(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	c := r.client(t)
	id := incident.ID("www.shop.example", "GET /products/{id}", start)
	for path, wants := range map[string][]string{
		"/":                               {"Disclosures are being stopped", ">60<", "253,456", "media", "3,000 customers", "2018.11.20"},
		"/incidents":                      {"GET /products/{id}", "POST /shop-api#ProductReviewsWithAuthors", "/incidents/" + id},
		"/incidents/" + id:                {"Which site and page?", "60 people were exposed; the data of 180 people", "Undetermined; first seen in release 2018.11.20", "bar-exposed", "2018.11.20-2", "<code>c0</code>", "?after=c12#"},
		"/incidents/" + id + "?after=c99": {"Customer"},
		"/links":                          {"GET /guest/orders/{id}"},
		"/coverage":                       {"no: media", "GET /images/{id}", "pictures, video"},
		"/api/incidents":                  {`"exposed":60`, `"route":"GET /products/{id}"`},
		"/api/incidents/" + id:            {`"series":[`, `"questions":[`},
		"/api/status":                     {`"mode":"mask"`},
		"/api/coverage":                   {`"reason":"media"`},
		"/api/links":                      {`"owners":1`},
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
	for _, path := range []string{"/incidents/inc-none", "/nowhere", "/api/incidents/inc-none"} {
		if status, _ := get(t, c, r.server.URL+path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestStates(t *testing.T) {
	r := newRig(t)
	c := r.client(t)
	look := func(want string) {
		t.Helper()
		if _, body := get(t, c, r.server.URL); !strings.Contains(body, want) {
			t.Errorf("without %q", want)
		}
	}
	look("data has been seen with the wrong person")
	look("Nothing has passed yet")
	r.disclose(t, "GET /a", 1, 39, candor.Exposed)
	r.status.Mode, r.status.Trouble = "observe", []string{"The disk is full."}
	look("People are being exposed")
	look("The disk is full.")
	r.now = r.now.Add(time.Hour)
	look("The last disclosure was seen 1 h ago")
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

func TestSignIn(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/", "/incidents", "/events", "/api/status", "/nowhere"} {
		if status, body := get(t, http.DefaultClient, r.server.URL+path); status != 401 || !strings.Contains(body, "candor console") || strings.Contains(body, "customers") {
			t.Errorf("%s without signing in: %d", path, status)
		}
	}
	post := func(token string) int {
		res, err := http.PostForm(r.server.URL+"/sign-in", url.Values{"token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	token := func() string { return strings.SplitN(r.SignInURL("http://x/"), "token=", 2)[1] }
	if post("") != 403 || post("guess") != 403 {
		t.Error("a guess got in")
	}
	first := token()
	get(t, http.DefaultClient, r.server.URL+"/sign-in?token="+first) // a preview of the link must not use it up
	if second := token(); post(first) != 403 || post(second) != 401 || post(second) != 403 {
		t.Error("a link works once, and only the last one does") // 401: without a cookie jar the page behind is closed
	}
	old := token()
	r.now = r.now.Add(linkLasts)
	if post(old) != 403 {
		t.Error("a link of ten minutes ago got in")
	}
	c := r.client(t)
	r.now = r.now.Add(sessionLasts - time.Second)
	if status, _ := get(t, c, r.server.URL); status != 200 {
		t.Errorf("within twelve hours: %d", status)
	}
	r.now = r.now.Add(time.Second)
	if status, _ := get(t, c, r.server.URL); status != 401 {
		t.Errorf("after twelve hours: %d", status)
	}
	c = r.client(t)
	stolen := c.Jar.(*oneCookie).c
	res, err := c.Post(r.server.URL+"/sign-out", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if status, _ := get(t, &http.Client{Jar: &oneCookie{stolen}}, r.server.URL); status != 401 {
		t.Errorf("after signing out: %d", status)
	}
}

func TestForgery(t *testing.T) {
	r := newRig(t)
	c := r.client(t)
	req, _ := http.NewRequest("POST", r.server.URL+"/sign-out", nil)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if status, _ := get(t, c, r.server.URL); res.StatusCode != 403 || status != 200 {
		t.Errorf("a form of another site: %d, then %d", res.StatusCode, status)
	}
	for host, want := range map[string]int{"127.0.0.1:1": 200, "localhost": 200, "[::1]:80": 200, "evil.example": 421, "evil.example:8081": 421, "": 421} {
		w := httptest.NewRecorder()
		req := httptest.NewRequest("GET", "/sign-in", nil)
		req.Host = host
		if r.ServeHTTP(w, req); w.Code != want {
			t.Errorf("under the name %q: %d", host, w.Code)
		}
	}
}

// In a real browser: no violation of the policy, no error, no sideways scrolling, and what changes is shown without
// reloading. With CANDOR_SCREENSHOTS=folder it leaves pictures.
func TestInChromium(t *testing.T) {
	chromium := "/usr/bin/chromium"
	if _, err := os.Stat(chromium); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is missing: apt-get install -y chromium")
		}
		t.Skip("chromium is missing: apt-get install -y chromium")
	}
	r := newRig(t)
	r.fill(t)
	r.status.Title, r.status.Caption = "Masking is switched on", "The shop goes on with its mistake, but the addresses no longer leave."
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	defer stop()
	ctx, stop = chromedp.NewContext(ctx)
	defer stop()
	ctx, stop = context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(chromedp.Listen(ctx, func(e any) {
		switch e := e.(type) {
		case *log.EventEntryAdded:
			t.Errorf("browser: %s %s", e.Entry.Text, e.Entry.URL)
		case *runtime.EventExceptionThrown:
			t.Errorf("browser: %s", e.ExceptionDetails.Text)
		}
	}))
	_, err := chromedp.Call(ctx, log.Enable, cdp.Empty{})
	must(err)
	must(chromedp.Do(ctx, chromedp.EmulateViewport(390, 844), chromedp.Navigate(r.SignInURL(r.server.URL))))
	picture(t, ctx, "sign-in")
	must(chromedp.Do(ctx, chromedp.Click("main button"), chromedp.WaitVisible(".figures")))
	id := incident.ID("www.shop.example", "GET /products/{id}", start)
	for name, path := range map[string]string{"overview": "/", "incidents": "/incidents", "incident": "/incidents/" + id, "links": "/links", "coverage": "/coverage"} {
		for _, width := range []int64{390, 1280} {
			for _, scheme := range []string{"light", "dark"} {
				_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
				must(err)
				must(chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(r.server.URL+path), chromedp.WaitVisible("footer")))
				over, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`))
				must(err)
				if over > 0 {
					t.Errorf("%s is %d pixels too wide for %d", path, over, width)
				}
				picture(t, ctx, fmt.Sprintf("%s-%d-%s", name, width, scheme))
			}
		}
	}
	must(chromedp.Do(ctx, chromedp.Navigate(r.server.URL), chromedp.WaitVisible(".figures")))
	_, err = chromedp.Run(ctx, chromedp.Poll[bool](`document.getElementById("live").textContent.startsWith("Live")`))
	must(err)
	before, err := chromedp.Run(ctx, chromedp.Text(".figures div:nth-child(1) dd"))
	must(err)
	r.disclose(t, "GET /new", 999, 39, candor.Exposed)
	_, err = chromedp.Run(ctx, chromedp.Poll[bool](`document.body.dataset.updates >= 1`))
	must(err)
	after, err := chromedp.Run(ctx, chromedp.Text(".figures div:nth-child(1) dd"))
	if must(err); before != "60" || after != "61" {
		t.Errorf("live: %q, then %q", before, after)
	}
}

func picture(t *testing.T, ctx context.Context, name string) {
	dir := os.Getenv("CANDOR_SCREENSHOTS")
	if dir == "" {
		return
	}
	b, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), b, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

package guard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"candor.example"
	"candor.example/directory"
	"candor.example/guard"
	"candor.example/scan"
)

// rig is a shop behind a guard, with the memory of what was recorded.
type rig struct {
	*guard.Guard
	t        *testing.T
	shop     *httptest.Server
	site     *httptest.Server
	mu       sync.Mutex
	recorded []candor.Disclosure
	entries  []candor.Entry
	noted    []candor.Entry
	onRecord func([]candor.Disclosure) error
}

// newRig puts a guard in front of a shop. Customers are 1 to 40: alice, bob, carol and c4 … c40 @shop.example. The viewer
// is the customer named in the request's X-Viewer.
func newRig(t *testing.T, mode guard.Mode, shop http.HandlerFunc) *rig {
	t.Helper()
	r := &rig{t: t}
	r.Guard = &guard.Guard{
		Directory: testDirectory(t), Key: []byte("key of the test"),
		Mode: func(string, string) guard.Mode { return mode },
		Viewer: func(r *http.Request) candor.Viewer {
			return candor.Viewer{Customer: r.Header.Get("X-Viewer"), Client: r.Header.Get("X-Client")}
		},
		Record: r.record,
		Note:   r.note,
		Log:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	r.shop = httptest.NewServer(shop)
	t.Cleanup(r.shop.Close)
	u, _ := url.Parse(r.shop.URL)
	r.site = httptest.NewServer(r.Handler(guard.NewProxy(u, guard.Private, r.Log)))
	t.Cleanup(r.site.Close)
	return r
}

func (r *rig) record(_ context.Context, e candor.Entry) error {
	if r.onRecord != nil {
		if err := r.onRecord(e.Disclosures); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recorded = append(r.recorded, e.Disclosures...)
	r.entries = append(r.entries, e)
	return nil
}

func (r *rig) note(e candor.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noted = append(r.noted, e)
}

// owners lists who was recorded, with class and outcome: "1 disclosure exposed".
func (r *rig) owners() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for _, d := range r.recorded {
		list = append(list, fmt.Sprintf("%s %s %s", d.Owner, d.Class, d.Outcome))
	}
	return list
}

func testDirectory(t testing.TB) *directory.Directory {
	t.Helper()
	csv := "id,email\n1,alice@shop.example\n2,bob@shop.example\n3,carol@shop.example\n"
	for i := 4; i <= 40; i++ {
		csv += fmt.Sprintf("%d,c%d@shop.example\n", i, i)
	}
	return directoryOf(t, csv)
}

// directoryOf is the directory of a customer file.
func directoryOf(t testing.TB, csv string) *directory.Directory {
	t.Helper()
	path := filepath.Join(t.TempDir(), "snapshot")
	var key directory.Key
	if _, err := directory.Build(t.Context(), path, key, strings.NewReader(csv), "test.csv", directory.BuildOptions{}); err != nil {
		t.Fatal(err)
	}
	d, err := directory.Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// get asks the protected site as a viewer, and returns the response with its body read.
func (r *rig) get(path, viewer string, header ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequest("GET", r.site.URL+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.do(req, viewer, header...)
}

func (r *rig) do(req *http.Request, viewer string, header ...string) (*http.Response, string) {
	r.t.Helper()
	req.Header.Set("X-Viewer", viewer)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		r.t.Fatal(err)
	}
	return res, string(body)
}

func say(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, body)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

func TestMaskEveryForm(t *testing.T) {
	for _, c := range []struct{ contentType, body, want string }{
		{"text/plain", "to alice@shop.example.", "to a****@s***.example."},
		{"application/json", `{"e":"alice\u0040shop.example"}`, `{"e":"a****\u0040s***.example"}`},
		{"text/html", `<p>alice&#64;shop.example</p>`, `<p>a****&#64;s***.example</p>`},
		{"text/html", `<p>alice&commat;shop.example</p>`, `<p>a****&commat;s***.example</p>`},
		{"text/html", `<a href="?m=alice%40shop.example">`, `<a href="?m=a****%40s***.example">`},
		{"text/javascript", `x="alice\x40shop.example"`, `x="a****\x40s***.example"`},
	} {
		r := newRig(t, guard.Mask, say(c.contentType, c.body))
		res, body := r.get("/", "2")
		equal(t, c.body, body, c.want)
		equal(t, "length", res.ContentLength, len(c.body))
		equal(t, "recorded", r.owners(), "[1 disclosure prevented]")
	}
}

func TestModes(t *testing.T) {
	const body = `<h1>Signed in as alice@shop.example</h1>`
	for mode, want := range map[guard.Mode]string{guard.Observe: body, guard.Mask: "<h1>Signed in as a****@s***.example</h1>"} {
		_, got := newRig(t, mode, say("text/html", body)).get("/", "2")
		equal(t, string(mode), got, want)
	}
	r := newRig(t, guard.Block, say("text/html", body))
	res, got := r.get("/", "2")
	equal(t, "status", res.StatusCode, 503)
	equal(t, "may be kept", res.Header.Get("Cache-Control"), "no-store")
	if strings.Contains(got, "alice") || !strings.Contains(got, "not available") {
		t.Error(got)
	}
	equal(t, "recorded", r.owners(), "[1 disclosure prevented]")
}

// A blocked page whose beginning has left is cut off, not finished.
func TestBlockCutsOff(t *testing.T) {
	arrived := make(chan struct{})
	r := newRig(t, guard.Block, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "a harmless beginning\n")
		w.(http.Flusher).Flush()
		<-arrived
		io.WriteString(w, "alice@shop.example and more\n")
	})
	req, _ := http.NewRequest("GET", r.site.URL, nil)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	beginning := make([]byte, len("a harmless beginning\n"))
	_, err = io.ReadFull(res.Body, beginning)
	close(arrived)
	rest, cut := io.ReadAll(res.Body)
	if err != nil || cut == nil || len(rest) > 0 {
		t.Errorf("%q, %v, then %q, %v: want the beginning and an error", beginning, err, rest, cut)
	}
}

func TestClasses(t *testing.T) {
	page := func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "alice@shop.example") }
	const link = "/o/k3Jq9ZtX0aLw8RbN2vCy"
	for _, c := range []struct{ name, path, viewer, want string }{
		{"own", "/", "1", "[]"},
		{"echo of the query", "/?q=alice%40shop.example", "2", "[]"},
		{"echo of the path", "/find/ALICE@shop.example", "2", "[]"},
		{"echo of somebody else", "/?q=bob@shop.example", "2", "[1 disclosure exposed]"},
		{"link", link, "", "[1 link exposed]"},
		{"link, known customer", link, "2", "[1 disclosure exposed]"},
		{"stranger", "/", "2", "[1 disclosure exposed]"},
		{"nobody known", "/", "", "[1 disclosure exposed]"},
	} {
		r := newRig(t, guard.Observe, page)
		r.get(c.path, c.viewer)
		equal(t, c.name, r.owners(), c.want)
	}
}

func TestEchoOfBodyCookieAndHeader(t *testing.T) {
	big := strings.Repeat("x", 64<<10-len("alice@shop.example")-1)
	for _, c := range []struct {
		name, body, header, value, want string
	}{
		{"form", "email=alice%40shop.example&x=1", "Content-Type", "application/x-www-form-urlencoded", "[]"},
		{"json", `{"email":"alice\u0040shop.example"}`, "Content-Type", "application/json", "[]"},
		{"cookie", "x", "Cookie", "last=alice%40shop.example", "[]"},
		{"basic", "x", "Authorization", "Basic YWxpY2VAc2hvcC5leGFtcGxlOnB3", "[]"},
		{"at 64 KiB", big + " alice@shop.example", "X", "x", "[]"},
		{"past 64 KiB", big + "  alice@shop.example", "X", "x", "[1 disclosure exposed]"},
	} {
		r := newRig(t, guard.Observe, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, "thank you, alice@shop.example")
		})
		req, _ := http.NewRequest("POST", r.site.URL+"/newsletter", strings.NewReader(c.body))
		r.do(req, "2", c.header, c.value)
		equal(t, c.name, r.owners(), c.want)
	}
}

func TestPolicyAndPublic(t *testing.T) {
	r := newRig(t, guard.Mask, say("text/plain", "alice@shop.example"))
	r.Allowed = func(v candor.Viewer, x *candor.Exchange, route string, _ scan.Kind) (string, bool) {
		return "staff", route == "GET /admin"
	}
	r.Public = func(b []byte) bool { return string(b) == "carol@shop.example" }
	_, body := r.get("/admin", "")
	equal(t, "staff", body, "alice@shop.example")
	_, body = r.get("/", "")
	equal(t, "others", body, "a****@s***.example")
	equal(t, "recorded", r.owners(), "[1 disclosure prevented]")
}

func TestLinksBreak(t *testing.T) {
	shop := func(w http.ResponseWriter, r *http.Request) {
		if list := r.URL.Query().Get("list"); list != "" {
			io.WriteString(w, "alice@shop.example bob@shop.example\n")
			return
		}
		fmt.Fprintf(w, "c%s@shop.example", r.URL.Query().Get("n"))
	}
	link := func(i int) string { return fmt.Sprintf("/o/k3Jq9ZtX0aLw8RbN2v%02d?n=%d", i, i) }
	reasons := func(r *rig) string {
		var s []string
		for _, d := range r.recorded {
			s = append(s, string(d.Class)+":"+d.Reason)
		}
		return strings.Join(s, " ")
	}
	walk := newRig(t, guard.Mask, shop)
	for i := 11; i <= 16; i++ { // five links are allowed, the sixth is one too many
		walk.get(link(i), "", "X-Client", "walker")
	}
	equal(t, "walk", reasons(walk), "link: link: link: link: link: disclosure:walk")

	shared := newRig(t, guard.Mask, shop)
	for i := 1; i <= 6; i++ {
		shared.get(link(20), "", "X-Client", fmt.Sprint(i))
	}
	equal(t, "shared", reasons(shared), "link: link: link: link: link: disclosure:shared")

	list := newRig(t, guard.Mask, shop)
	_, body := list.get("/o/k3Jq9ZtX0aLw8RbN2vCy?list=1", "")
	equal(t, "list", body, "a****@s***.example b**@s***.example\n")
	equal(t, "list", reasons(list), "disclosure:owners disclosure:owners")

	for _, verified := range []bool{false, true} {
		crawler := newRig(t, guard.Mask, shop)
		crawler.Viewer = func(*http.Request) candor.Viewer { return candor.Viewer{Crawler: "Googlebot", Verified: verified} }
		crawler.get(link(20), "")
		equal(t, "crawler", reasons(crawler), "disclosure:crawler")
	}
}

func TestHeaders(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/welcome?mail=alice%40shop.example")
		w.Header().Set("Link", `</u/bob@shop.example>; rel=author`)
		w.Header().Set("X-Debug-User", "carol@shop.example")
		w.Header().Set("Refresh", "5; url=/x?c4@shop.example")
		w.WriteHeader(302)
	})
	res, _ := r.get("/", "40")
	equal(t, "Location", res.Header.Get("Location"), "/welcome?mail=a****%40s***.example")
	for name, secret := range map[string]string{"Link": "bob", "X-Debug-User": "carol", "Refresh": "c4@"} {
		if strings.Contains(res.Header.Get(name), secret) {
			t.Errorf("%s: %s", name, res.Header.Get(name))
		}
	}
	equal(t, "count", len(r.recorded), 4)
	for _, d := range r.recorded {
		if d.Header == "" {
			t.Error("a match in a header must name it")
		}
	}
}

// The client must not see a byte of an identifier before Record has returned, whatever the mode or encoding.
func TestEvidenceFirst(t *testing.T) {
	for _, coding := range []string{"", "gzip", "deflate", "br", "zstd"} {
		for _, mode := range []guard.Mode{guard.Observe, guard.Mask} {
			t.Run(fmt.Sprintf("%s %s", coding, mode), func(t *testing.T) {
				const page = "a page that says alice@shop.example\n"
				r := newRig(t, mode, func(w http.ResponseWriter, _ *http.Request) {
					if coding != "" {
						w.Header().Set("Content-Encoding", coding)
					}
					w.Write(encode(t, coding, []byte(page)))
				})
				var client bytes.Buffer
				seen := make(chan int)
				r.onRecord = func([]candor.Disclosure) error {
					seen <- client.Len()
					return nil
				}
				w := &recorder{ResponseRecorder: httptest.NewRecorder(), body: &client}
				done := make(chan struct{})
				go func() {
					defer close(done)
					req := httptest.NewRequest("GET", "/", nil)
					req.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
					r.site.Config.Handler.ServeHTTP(w, req)
				}()
				if n := <-seen; n != 0 {
					t.Errorf("%d bytes were out before the disclosure was recorded", n)
				}
				<-done
				if client.Len() == 0 {
					t.Error("nothing came after it was recorded")
				}
			})
		}
	}
}

// recorder writes into a buffer that the test may look at while the handler waits in Record.
type recorder struct {
	*httptest.ResponseRecorder
	body *bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// What cannot be written down is not let out, in observe mode either.
func TestJournalFails(t *testing.T) {
	for _, coding := range []string{"", "gzip"} {
		r := newRig(t, guard.Observe, func(w http.ResponseWriter, _ *http.Request) {
			if coding != "" {
				w.Header().Set("Content-Encoding", coding)
			}
			w.Write(encode(t, coding, []byte("hello alice@shop.example, alice@shop.example; c5@shop.example\n")))
		})
		r.onRecord = func([]candor.Disclosure) error { return errors.New("disk full") }
		res, body := r.get("/", "5", "Accept-Encoding", coding)
		if coding == "" {
			equal(t, "masked, and the viewer's own left", body, "hello a****@s***.example, a****@s***.example; c5@shop.example\n")
		} else if res.StatusCode != 503 || strings.Contains(string(decode(t, res.Header.Get("Content-Encoding"), []byte(body))), "alice") {
			t.Errorf("gzip: %d %q", res.StatusCode, body)
		}
	}
}

func TestLearnBeforeTheLastByte(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"email":"alice@shop.example"}`)
	})
	var mu sync.Mutex
	learned := ""
	r.Viewer = func(*http.Request) candor.Viewer {
		mu.Lock()
		defer mu.Unlock()
		return candor.Viewer{Customer: learned}
	}
	r.Teaches = func(x *candor.Exchange, supplied func() []string) bool { return x.Request.URL.Path == "/me" }
	r.Learn = func(x *candor.Exchange, supplied func() []string, body []byte) string {
		var v struct{ Email string }
		if json.Unmarshal(body, &v) != nil || v.Email != "alice@shop.example" {
			t.Errorf("Learn got %q", body)
		}
		mu.Lock()
		defer mu.Unlock()
		learned = "1"
		return "1"
	}
	_, body := r.get("/me", "")
	equal(t, "the page that says who one is", body, `{"email":"alice@shop.example"}`)
	equal(t, "recorded", r.owners(), "[]")
}

func TestReleaseAndCoverage(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Release", "2018.11.20")
		switch r.URL.Path {
		case "/logo.png":
			w.Header().Set("Content-Type", "image/png")
		case "/odd":
			w.Header().Set("Content-Encoding", "rot13")
		}
		io.WriteString(w, "0123456789")
	})
	var releases []string
	r.Released = func(rel candor.Release) { releases = append(releases, rel.Name) }
	for _, p := range []string{"/a", "/logo.png", "/odd", "/orders/1001", "/orders/1002"} {
		r.get(p, "")
	}
	equal(t, "releases", releases, "[2018.11.20]")
	sums := map[string]string{}
	for _, c := range r.TakeCoverage(false) {
		sums[c.Route+" "+string(c.Skip)] = fmt.Sprintf("%d %d", c.Responses, c.Bytes)
	}
	equal(t, "coverage", sums, map[string]string{"GET /a ": "1 10", "GET /logo.png media": "1 10", "GET /odd unknown-encoding": "1 10", "GET /orders/{id} ": "2 20"})
	equal(t, "taken", len(r.TakeCoverage(false)), 0)
}

// Product pages are one route, however many there are.
func TestNamesBecomeOneRoute(t *testing.T) {
	r := newRig(t, guard.Mask, say("text/plain", "alice@shop.example"))
	for i := range 60 {
		r.get("/products/"+strings.Repeat(string(rune('a'+i%26)), 1+i/26)+"-lamp", "")
	}
	for range 2 {
		r.get("/cart", "")
	}
	last := r.recorded[len(r.recorded)-3]
	equal(t, "route", last.Route, "GET /products/{name}")
	equal(t, "route", r.recorded[len(r.recorded)-1].Route, "GET /cart")
}

func TestJSONStaysJSON(t *testing.T) {
	in := map[string]any{"a": "alice@shop.example", "deep": []any{map[string]any{"b": "<bob@shop.example>"}}}
	raw, _ := json.Marshal(in)
	_, body := newRig(t, guard.Mask, say("application/json", string(raw))).get("/", "")
	var out map[string]any
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	equal(t, "a", out["a"], "a****@s***.example")
	if strings.Contains(html.UnescapeString(body), "bob@") {
		t.Error(body)
	}
}

// What a mask would break, because its bytes are signed or summed up, is withheld.
func TestContainersAreWithheld(t *testing.T) {
	for _, contentType := range []string{"application/pdf", "application/jose", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"} {
		r := newRig(t, guard.Mask, say(contentType, "%PDF- alice@shop.example\n"))
		res, body := r.get("/", "2")
		if res.StatusCode != 503 || strings.Contains(body, "alice") {
			t.Errorf("%s: %d %q", contentType, res.StatusCode, body)
		}
		equal(t, contentType, r.owners(), "[1 disclosure prevented]")
	}
}

// What strangers make up has an end: hosts, paths and operations.
func TestRoutesAreBounded(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.Path, "/missing") {
			w.WriteHeader(404)
		}
		io.WriteString(w, "hello")
	})
	ask := func(method, host, path, body string) {
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		req.Host = host
		req.Header.Set("Content-Type", "application/json")
		r.site.Config.Handler.ServeHTTP(httptest.NewRecorder(), req)
	}
	for i := range 600 {
		ask("POST", "shop.example", "/api", fmt.Sprintf(`{"query":"query Op%d { a }"}`, i))
	}
	for i := range 200 {
		ask("GET", fmt.Sprintf("host%d.example", i), "/", "")
		ask("GET", "shop.example", fmt.Sprintf("/missing/%s", strings.Repeat("x", i)), "")
		ask("GET", "alice@shop.example", "/", "")
	}
	sites, routes := map[string]bool{}, map[string]int{}
	for _, c := range r.TakeCoverage(false) {
		sites[c.Site] = true
		if c.Site == "shop.example" {
			routes[c.Route] += int(c.Responses)
		}
	}
	if len(sites) != 65 || len(routes) != 514 || routes["POST /api#{other}"] != 600-512 || routes["GET /{other}"] != 200 || sites["alice@shop.example"] {
		t.Errorf("%d sites, %d routes, %d other operations, %d other paths", len(sites), len(routes), routes["POST /api#{other}"], routes["GET /{other}"])
	}
}

// A guest sees the address that they gave at checkout; another, be it at the same address with the same browser, does not.
func TestSuppliedBefore(t *testing.T) {
	const old, fresh = "sid=a-session-before-checkout", "sid=a-session-since-checkout"
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		if req.Method == "POST" {
			w.Header().Set("Set-Cookie", fresh)
		}
		io.Copy(io.Discard, req.Body)
		io.WriteString(w, "order of alice@shop.example\n")
	})
	for _, method := range []string{"GET", "POST"} {
		req, _ := http.NewRequest(method, r.site.URL+"/checkout?mail=alice@shop.example", strings.NewReader("mail=alice@shop.example"))
		cookie := old
		if method == "GET" {
			cookie = "sid=a-session-that-only-looked"
		}
		r.do(req, "", "Cookie", cookie+"; currency=EUR")
	}
	for cookie, want := range map[string]string{old: "alice@shop", fresh: "alice@shop", "": "a****@s***", "currency=EUR": "a****@s***", "sid=a-session-of-another": "a****@s***", "sid=a-session-that-only-looked": "a****@s***"} {
		_, body := r.get("/payment", "", "Cookie", cookie)
		equal(t, cookie, body, "order of "+want+".example\n")
	}
}

// What was looked at with a directory that lacks people is no all-clear.
func TestStaleCoverage(t *testing.T) {
	for stale, want := range map[bool]candor.Skip{false: "", true: guard.SkipStale} {
		g := &guard.Guard{Directory: testDirectory(t), Key: []byte("key")}
		h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://shop.example/", nil))
		if list := g.TakeCoverage(stale); len(list) != 1 || list[0].Skip != want || list[0].Responses != 1 {
			t.Errorf("stale %v: %+v", stale, list)
		}
	}
}

package guard_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/guard"
	"candor.example/scan"
)

// ended is the one response that was noted at its end.
func (r *rig) ended() candor.Response {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []candor.Response
	for _, e := range r.noted {
		list = append(list, e.Responses...)
	}
	if len(list) == 0 {
		r.t.Fatal("no response was noted at its end")
	}
	return list[len(list)-1]
}

func TestResponseIsKept(t *testing.T) {
	r := newRig(t, guard.Observe, func(w http.ResponseWriter, req *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json; charset=utf-8")
		h.Set("Cache-Control", "public, max-age=60, max-age="+strings.Repeat("6", 300))
		h.Set("Vary", "Accept-Encoding")
		h.Set("Age", "17, 4")
		h.Set("Cache-Status", `edge; hit; key="/orders/1001?email=nobody@else.example"; ttl=3`)
		h.Set("X-Cache", "HIT")
		h.Set("Set-Cookie", "a=b")
		h.Set("Surrogate-Key", "orders order-1001 nobody@else.example orders")
		h.Set("X-Release", "v7")
		io.WriteString(w, `{"items":[{"author":{"email":"alice@shop.example"}},{"author":{"email":"bob@shop.example"}},{"me":"carol@shop.example"}]}`)
	})
	r.get("/orders/1001?lang=de", "3", "Cookie", "sid=0123456789abcdef")
	first, last := r.entries[0].Responses[0], r.ended()
	if len(r.entries) != 1 || first.ID == "" || first.ID != last.ID || !first.End.IsZero() || last.End.Before(last.Time) {
		t.Fatalf("%+v\n%+v", first, last)
	}
	for _, d := range r.recorded {
		if d.Response != first.ID || d.Place != "$.items[].author.email" || d.AfterEnd {
			t.Errorf("%+v", d)
		}
	}
	want := candor.Response{ID: first.ID, Time: first.Time, End: last.End, Site: first.Site, Method: "GET", URL: "/orders/1001?lang=…", Masked: true, Route: "GET /orders/{id}", Status: 200,
		Release: "v7", Viewer: "customer", ViewerDigest: candor.Viewer{Customer: "3"}.Digest(r.Key), Credentialed: true,
		Cached: true, Age: 17, CacheStatus: "Cache-Status: hit; ttl=3; X-Cache: HIT", CacheControl: "public, max-age=60, max-age", Vary: "Accept-Encoding",
		SetCookie: true, Shareable: true, SurrogateKeys: []string{"orders", "order-1001"}, Object: first.Object, ContentType: "application/json",
		Owners: 2, Own: 1, Places: []string{"$.items[].author.email"}, OwnPlaces: []string{"$.items[].me"}, Looked: candor.LookedAll, Body: last.Body, People: last.People, Date: first.Date}
	if !reflect.DeepEqual(last, want) || first.Object == "" || last.People == "" || last.Body == "" {
		t.Errorf("\n got %+v\nwant %+v", last, want)
	}
	if n := len(r.noted); n != 2 { // and the latent finding
		t.Errorf("%d notes", n)
	}
}

// What has no match, or only the viewer's own, is no disclosing response.
func TestNothingIsKept(t *testing.T) {
	r := newRig(t, guard.Mask, say("text/html", "<p>alice@shop.example"))
	r.get("/", "1", "Cache-Control", "no-store")
	if len(r.entries)+len(r.noted) != 0 {
		t.Errorf("%+v %+v", r.entries, r.noted)
	}
	if p := r.TakePersonal(); len(p) != 1 || p[0].Place != "p" || p[0].Responses != 1 || p[0].Shareable != 0 {
		t.Errorf("%+v", p)
	}
}

func TestTwins(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprintf(w, "%s<p>alice@shop.example</p>", strings.Repeat("x", len(req.URL.RawQuery)))
	})
	want := []candor.Twins{{}, {Responses: 1, Viewers: 1, Owner: true}, {Responses: 2, Viewers: 2, Owner: true}, {Responses: 3, Viewers: 2, Owner: true}, {}}
	for i, viewer := range []string{"1", "2", "3", "3", "4"} {
		path := "/account"
		if i == 4 {
			path += "?moved" // the same bytes elsewhere in the page
		}
		r.get(path, viewer)
		if i == 0 {
			continue // its own page
		}
		if got := r.ended().Twins; got != want[i] {
			t.Errorf("%d: %+v, not %+v", i, got, want[i])
		}
	}
}

// A name before the address does not make the owner's page another: to the owner it is not looked for.
func TestTwinsBehindName(t *testing.T) {
	r := newNamedRig(t, guard.Mask, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<h1>Alice Adams</h1><p>alice@shop.example</p>")
	})
	r.get("/account", "1")
	r.get("/account", "2")
	if e := r.ended(); e.Twins != (candor.Twins{Responses: 1, Viewers: 1, Owner: true}) {
		t.Errorf("%+v", e)
	}
}

// A body whose end comes with nothing left over has a digest all the same; who was shown is told apart, and when the page was made is kept.
func TestPeopleAndDate(t *testing.T) {
	made := time.Date(2018, 11, 20, 10, 0, 0, 0, time.UTC)
	r := newRig(t, guard.Observe, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Date", made.Format(http.TimeFormat))
		io.WriteString(w, "<p>"+req.URL.RawQuery+"@shop.example</p></html>\n")
		w.(http.Flusher).Flush()
	})
	var people []string
	for _, path := range []string{"/?alice", "/?bob", "/?alice"} {
		r.get(path, "3")
		e := r.ended()
		if e.Body == "" || !e.Date.Equal(made) {
			t.Errorf("%+v", e)
		}
		people = append(people, e.People)
	}
	if people[0] != people[2] || people[0] == people[1] || people[0] == "" {
		t.Errorf("%q", people)
	}
}

// Two viewers who get one body at the same time overlap.
func TestTwinsOverlap(t *testing.T) {
	both := make(chan bool)
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		select {
		case both <- true:
		case <-both:
		}
		io.WriteString(w, "<p>alice@shop.example</p>")
	})
	done := make(chan bool)
	go func() { r.get("/", "1"); done <- true }()
	r.get("/", "2")
	<-done
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.noted[len(r.noted)-1]; len(e.Responses) == 1 && e.Responses[0].Twins.Responses == 1 && !e.Responses[0].Twins.Overlap {
		t.Errorf("%+v", e)
	}
}

// A captured exchange gives the same response whenever it is read.
func TestInspectKeeps(t *testing.T) {
	var noted []candor.Entry
	g := &guard.Guard{Directory: testDirectory(t), Key: []byte("key"), Note: func(e candor.Entry) { noted = append(noted, e) }}
	u, _ := url.Parse("http://shop.example/orders/1001")
	for range 2 {
		x := &candor.Exchange{Source: "shop.har#1", Time: time.Unix(1542708000, 0), Request: &http.Request{Method: "GET", URL: u, Host: "shop.example", Header: http.Header{}}, Status: 200,
			Header: http.Header{"Content-Type": {"text/html"}}, Body: strings.NewReader(`<b class="mail-2 mail">bob@shop.example</b>`)}
		var found candor.Disclosure
		if _, err := g.Inspect(t.Context(), x, func(d candor.Disclosure) { found = d }); err != nil {
			t.Fatal(err)
		}
		if r := noted[len(noted)-1].Responses[0]; found.Response != r.ID || found.Place != "b.mail" || r.Owners != 1 || r.End.IsZero() {
			t.Errorf("%+v %+v", found, r)
		}
	}
	noted[1].Responses[0].Twins = candor.Twins{} // of itself
	if !reflect.DeepEqual(noted[0], noted[1]) {
		t.Errorf("\n%+v\n%+v", noted[0], noted[1])
	}
}

func TestLatent(t *testing.T) {
	late := strings.Repeat("<p>nothing</p>\n", 20_000)
	shop := func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html")
		h.Set("Cache-Control", "max-age=60")
		h.Set("Cdn-Cache-Control", "max-age=600")
		h.Set("Expires", "Sat, 01 Jan 2050 00:00:00 GMT")
		h.Set("X-Accel-Expires", "60")
		h.Set("Etag", `"1"`)
		if r.URL.Path == "/late" {
			io.WriteString(w, late)
		}
		io.WriteString(w, "<p>"+r.Header.Get("X-Shows")+"</p>")
	}
	for _, mode := range []guard.Mode{guard.Observe, guard.Mask, guard.Block} {
		for _, keep := range []bool{false, true} {
			r := newRig(t, mode, shop)
			r.KeepLatent = keep
			check := func(path string, repaired bool, viewer string, header ...string) {
				t.Helper()
				res, _ := r.get(path, viewer, header...)
				h := res.Header
				want := []string{"max-age=60", "max-age=600", "60", `"1"`}
				if repaired && mode != guard.Observe && !keep {
					want = []string{"private, no-store", "", "", `"1"`}
				}
				if got := []string{h.Get("Cache-Control"), h.Get("Cdn-Cache-Control"), h.Get("X-Accel-Expires"), h.Get("Etag")}; !reflect.DeepEqual(got, want) || (h.Get("Expires") == "") != (want[1] == "") {
					t.Errorf("%s keep=%v %s: %q", mode, keep, path, got)
				}
			}
			const cookie = "sid=0123456789abcdef"
			check("/account", false, "1", "X-Shows", "nothing")
			check("/account", true, "1", "X-Shows", "alice@shop.example")
			check("/account", true, "1", "X-Shows", "alice@shop.example")
			check("/account", true, "2", "X-Shows", "bob@shop.example")
			check("/account", true, "3", "X-Shows", "nothing", "Cookie", cookie) // the route is known
			check("/account", false, "", "X-Shows", "nothing")                   // nobody is signed in
			check("/late", false, "1", "X-Shows", "alice@shop.example", "Cookie", cookie)
			check("/late", true, "1", "X-Shows", "alice@shop.example", "Cookie", cookie)
			var latent []candor.Disclosure
			for _, e := range r.noted {
				latent = append(latent, e.Disclosures...)
			}
			if len(latent) != 3 || len(r.recorded) != 0 {
				t.Fatalf("%+v %+v", latent, r.recorded)
			}
			d := latent[1]
			if d.Owner != "2" || d.Class != candor.Own || d.Outcome != candor.Possible || d.Reason != guard.Latent || d.Viewer != "customer" || d.ID == "" || d.Place != "p" {
				t.Errorf("%+v", d)
			}
			for _, p := range r.TakePersonal() {
				if p.Route == "GET /account" && (p.Place != "p" || p.Responses != 3 || p.Shareable != 3 || p.CacheControl != "max-age=60" ||
					p.Repaired != map[bool]int64{true: 3}[mode != guard.Observe && !keep]) {
					t.Errorf("%+v", p)
				}
			}
			if p := r.TakePersonal(); len(p) != 0 {
				t.Errorf("taken twice: %+v", p)
			}
		}
	}
}

// What was exposed is sealed before it is recorded, with what stood around the first of each owner; what was masked is not.
func TestSeal(t *testing.T) {
	for _, mode := range []guard.Mode{guard.Observe, guard.Mask} {
		far := strings.Repeat("x", 65)
		r := newRig(t, mode, say("text/plain", far+" alice@shop.example "+far+" Alice@Shop.Example"))
		var asked []string
		r.Seal = func(owner, kind string, value []byte) []candor.Sealed {
			asked = append(asked, owner+" "+kind+" "+string(value))
			return []candor.Sealed{{Owner: owner, Kind: kind}}
		}
		r.About = func(owner string, kind scan.Kind, value []byte) (string, string) { return "fr", "CA" }
		fails := true
		r.onRecord = func([]candor.Disclosure) error {
			if fails {
				return errors.New("disk full")
			}
			return nil
		}
		r.get("/", "2")
		fails = false
		r.get("/", "2")
		if mode == guard.Mask {
			if len(asked) != 0 {
				t.Errorf("sealed what was prevented: %q", asked)
			}
			continue
		}
		context := far[1:] + " alice@shop.example " + far[2:]
		want := []string{"1 email alice@shop.example", "1 context " + context, "1 email alice@shop.example", "1 context " + context}
		want[1], want[3] = "1 context "+strings.Repeat("x", 63)+" alice@shop.example "+strings.Repeat("x", 63), "1 context "+strings.Repeat("x", 63)+" alice@shop.example "+strings.Repeat("x", 63)
		if !reflect.DeepEqual(asked, want) {
			t.Errorf("\n got %q\nwant %q", asked, want)
		}
		if e := r.entries; len(e) != 1 || len(e[0].Sealed) != 4 || e[0].Disclosures[0].Country != "CA" || e[0].Disclosures[0].Locale != "fr" {
			t.Errorf("%+v", e)
		}
	}
}

func TestTrip(t *testing.T) {
	asked := 0
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Cache-Control", "max-age=60")
		io.WriteString(w, "<p>hello</p>")
	})
	var c guard.Containment
	r.Mode = func(site, route string) guard.Mode { return c.Mode(site, route, guard.Mask) }
	r.get("/orders/1", "")
	if err := c.Set(guard.Switch{Site: "127.0.0.1", Route: "GET /orders/{id}", Mode: guard.Trip}); err != nil {
		t.Fatal(err)
	}
	if err := c.Set(guard.Switch{Site: "127.0.0.1", Route: "GET /new/{id}", Mode: guard.Trip}); err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		path          string
		status, asked int
	}{{"/orders/1", 503, 1}, {"/orders/2", 503, 1}, {"/", 200, 2}, {"/new/1", 503, 3}, {"/new/2", 503, 3}} {
		res, body := r.get(v.path, "")
		if res.StatusCode != v.status || asked != v.asked {
			t.Errorf("%s: %d, asked %d times, not %d", v.path, res.StatusCode, asked, v.asked)
		}
		if h := res.Header; v.status == 503 && (h.Get("Retry-After") == "" || h.Get("Cache-Control") != "no-store" || !strings.Contains(body, "switched off")) {
			t.Errorf("%s: %v %s", v.path, h, body)
		}
	}
	c.Set(guard.Switch{Site: "127.0.0.1", Mode: guard.Trip})
	if res, body := r.get("/", ""); res.StatusCode != 503 || asked != 3 {
		t.Errorf("the whole site: %d %s", res.StatusCode, body)
	}
	req, _ := http.NewRequest("HEAD", r.site.URL+"/", nil)
	if res, body := r.do(req, ""); res.StatusCode != 503 || body != "" {
		t.Errorf("HEAD: %d %q", res.StatusCode, body)
	}
	skips := map[candor.Skip]int64{}
	for _, s := range r.TakeCoverage(false) {
		skips[s.Skip] += s.Responses
	}
	if skips[guard.SkipTripped] != 6 || skips[""] != 2 {
		t.Errorf("%v", skips)
	}
}

// A page that nothing was known of, and that turns out to have tripped, is dropped whatever it is; so is another protocol.
func TestTripUpgrade(t *testing.T) {
	g := &guard.Guard{Directory: testDirectory(t), Key: []byte("key"), Mode: func(_, route string) guard.Mode {
		if route == "" {
			return guard.Mask
		}
		return guard.Trip
	}}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/feed", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := http.NewResponseController(w).Hijack(); err == nil {
			t.Error("hijacked")
		}
	})).ServeHTTP(w, r.WithContext(context.Background()))
	if w.Code != 503 {
		t.Errorf("%d", w.Code)
	}
}

// A name is sealed as people write it, for they will be addressed by it.
func TestSealedNames(t *testing.T) {
	for _, page := range []string{
		`{"email":"alice@shop.example","lastName":"Adams","firstName":"Alice"}`,
		`{"email":"alice@shop.example","fullName":"Alice \u0041dams"}`,
		`{"email":"alice@shop.example","note":"to Alice Adams"}`,
	} {
		r := newNamedRig(t, guard.Observe, say("application/json", page))
		got := ""
		r.Seal = func(owner, kind string, value []byte) []candor.Sealed {
			if kind == "name" {
				got = string(value)
			}
			return []candor.Sealed{{Owner: owner, Kind: kind}}
		}
		r.get("/", "2")
		if got != "Alice Adams" {
			t.Errorf("%s: sealed %q", page, got)
		}
	}
}

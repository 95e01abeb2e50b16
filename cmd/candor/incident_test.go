package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"candor.example/internal/demo"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
)

// run runs another command on the data folder of a process.
func (p *process) run(args ...string) (stdout string, status int) {
	p.t.Helper()
	cmd := exec.Command(p.cmd.Path, append(args, "--data", p.data)...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		p.t.Logf("candor %s: %s", strings.Join(args, " "), said.String())
		return string(out), exit.ExitCode()
	} else if err != nil {
		p.t.Fatal(err)
	}
	return string(out), 0
}

// must is run for what has to work.
func (p *process) must(args ...string) string {
	p.t.Helper()
	out, status := p.run(args...)
	if status != 0 {
		p.t.Fatalf("candor %s: status %d\n%s", strings.Join(args, " "), status, out)
	}
	return out
}

// incident is the one of a route, once the ledger has it.
func (p *process) incident(route string) (found incident.Incident) {
	p.t.Helper()
	p.until("there is an incident of "+route, func() bool {
		var list []incident.Incident
		if err := json.Unmarshal([]byte(p.must("incident", "list", "--json")), &list); err != nil {
			p.t.Fatal(err)
		}
		for _, i := range list {
			if i.Route == route {
				found = i
			}
		}
		return found.ID != ""
	})
	return found
}

// last is the last row of an incident's audit.
func (p *process) last(id string) ledger.Audited {
	p.t.Helper()
	var list []ledger.Audited
	if err := json.Unmarshal([]byte(p.must("incident", "audit", id, "--json", "--limit", "1")), &list); err != nil || len(list) != 1 {
		p.t.Fatal(err, len(list))
	}
	return list[0]
}

// verify asks again, and returns what was found.
func (p *process) verify(wantStatus int, args ...string) (v verification) {
	p.t.Helper()
	out, status := p.run(append([]string{"incident", "verify", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &v); err != nil || status != wantStatus {
		p.t.Fatalf("status %d, %v\n%s", status, err, out)
	}
	return v
}

// shopAndViewers is the demo's shop, with two customers in it whom nobody is: they verify.
type shopAndViewers struct {
	*demo.Shop
	url       string
	file      string // of customers
	customers [][]string
}

func startShop(t *testing.T) *shopAndViewers {
	t.Helper()
	s := &shopAndViewers{Shop: demo.NewShop(7, 60), file: filepath.Join(t.TempDir(), "customers.csv")}
	if err := writeCustomers(s.Shop, s.file); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.customers, err = csvRows(s.file); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Shop)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// signIn is the cookie of a customer who has signed in at base.
func (s *shopAndViewers) signIn(t *testing.T, base string, n int) string {
	t.Helper()
	c := s.customers[n]
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(base+"/login", url.Values{"email": {c[1]}, "password": {"loom-" + c[0]}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if len(res.Cookies()) != 1 {
		t.Fatalf("%s cannot sign in: status %d", c[0], res.StatusCode)
	}
	return "sid=" + res.Cookies()[0].Value
}

// config is a candor.yaml for a shop behind upstream.
func (s *shopAndViewers) config(t *testing.T, upstream string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "candor.yaml")
	text := fmt.Sprintf("upstream: %s\ncustomers: %s\nmode: observe\nviewer: [\"session:sid\"]\nverify:\n  viewers:\n", upstream, s.file)
	for i, name := range []string{"first", "second"} {
		text += fmt.Sprintf("    - {name: %s, customer: %q, headers: {Cookie: %q}}\n", name, s.customers[i+1][0], s.signIn(t, s.url, i+1))
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// An incident is fixed when nobody is shown anybody else any more, and not when somebody says so.
func TestVerify(t *testing.T) {
	t.Parallel()
	shop := startShop(t)
	shop.Deploy(demo.Leaky)
	config := shop.config(t, shop.url)
	p := serve(t, filepath.Join(t.TempDir(), "data"), "--config", config)
	_, home := get(t, p.site+"/")
	product := regexp.MustCompile(`/products/\d+`).FindString(home)
	owner := shop.signIn(t, p.site, 0)
	leak := func() {
		t.Helper()
		get(t, p.site+product, "Cookie", owner)
		if _, body := get(t, p.site+product); !strings.Contains(body, shop.customers[0][1]) {
			t.Fatal("the shop does not leak")
		}
	}
	leak()
	id := p.incident("GET /products/{id}").ID

	p.must("incident", "fix", id, "--reference", "hope")
	v := p.verify(exitFound, id, "--config", config)
	if v.Result != "disclosing" || v.Asked != 3 || v.Failed != 0 {
		t.Errorf("%+v", v)
	}
	if i := p.incident("GET /products/{id}"); i.State != incident.Open {
		t.Errorf("it still discloses, and is %s", i.State)
	}

	shop.Deploy(demo.Fixed)
	p.must("incident", "fix", id, "--reference", "change 77", "--release", demo.Fixed)
	v = p.verify(exitClean, id, "--config", config)
	if v.Result != "clean" || v.Asked != 3 || v.Disclosing+v.Failed > 0 {
		t.Errorf("%+v", v)
	}
	if i := p.incident("GET /products/{id}"); i.State != incident.Verified || i.Exposed != 1 || i.Viewers != 1 {
		t.Errorf("asked again it is %s, %d exposed to %d: a question is no disclosure", i.State, i.Exposed, i.Viewers)
	}
	if a := p.last(id); a.What != "verify" || a.Details["result"] != "clean" || a.Details["requests"] != "3" {
		t.Errorf("%+v", a)
	}

	shop.Deploy(demo.Leaky) // somebody rolls back
	leak()
	p.until("it is open again", func() bool { return p.incident("GET /products/{id}").State == incident.Open })
	if a := p.last(id); a.What != "reopen" || a.By != "candor" || !strings.Contains(a.Why, "disclosed again") {
		t.Errorf("%+v", a)
	}
	p.stop()
	if s := p.log.String(); strings.Contains(s, shop.customers[0][1]) {
		t.Error("the log names a customer")
	}
}

// badCache keeps whole pages by their path, for everybody alike.
type badCache struct {
	next http.Handler

	mu      sync.Mutex
	pages   map[string]*httptest.ResponseRecorder
	sharing bool
}

func (c *badCache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	page := c.pages[r.URL.Path]
	if page == nil || !c.sharing {
		r.Header.Del("Accept-Encoding")
		page = httptest.NewRecorder()
		c.next.ServeHTTP(page, r)
		if page.Code == http.StatusOK && r.Method == "GET" {
			c.pages[r.URL.Path] = page
		}
	} else {
		w.Header().Set("Age", "1")
		w.Header().Set("X-Cache", "HIT")
	}
	for k, v := range page.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(page.Code)
	w.Write(page.Body.Bytes())
}

// share empties the cache, and says whether it hands pages on.
func (c *badCache) share(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sharing, c.pages = yes, map[string]*httptest.ResponseRecorder{}
}

// The shop is sound, and a cache in front of it is not: the synthetic viewers are handed each other's page.
func TestVerifyThroughCache(t *testing.T) {
	t.Parallel()
	shop := startShop(t)
	cache := &badCache{next: shop.Shop}
	cache.share(true)
	cdn := httptest.NewServer(cache)
	defer cdn.Close()
	config := shop.config(t, cdn.URL)
	p := serve(t, filepath.Join(t.TempDir(), "data"), "--config", config)
	get(t, p.site+"/account", "Cookie", shop.signIn(t, p.site, 0))
	if _, body := get(t, p.site+"/account"); !strings.Contains(body, shop.customers[0][1]) {
		t.Fatal("the cache does not leak")
	}
	id := p.incident("GET /account").ID
	p.must("incident", "fix", id)
	cache.share(true) // purged, which is no fix
	v := p.verify(exitFound, id, "--config", config)
	if v.Disclosing != 1 || len(v.Replays) != 3 || v.Replays[0].Disclosures+v.Replays[1].Disclosures > 0 || v.Replays[2].Owners != 1 || !v.Replays[2].Cached {
		t.Errorf("the second viewer should be shown the first, out of the cache: %+v", v)
	}

	// Asked past the cache, the shop itself is sound: where one asks matters.
	p.must("incident", "fix", id)
	if v := p.verify(exitClean, id, "--config", config, "--upstream", shop.url); v.Result != "clean" {
		t.Errorf("%+v", v)
	}
	cache.share(false)
	if v := p.verify(exitClean, id, "--config", config); v.Result != "clean" {
		t.Errorf("%+v", v)
	}
	if i := p.incident("GET /account"); i.State != incident.Verified {
		t.Error(i.State)
	}
	p.stop()
}

// The third disclosure within ten seconds trips the route, and it stays so after kill -9, until somebody resets it.
func TestTrip(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/account" {
			io.WriteString(w, "hello person1@people.example\n")
		} else {
			io.WriteString(w, "hello\n")
		}
	}))
	defer shop.Close()
	config := filepath.Join(t.TempDir(), "candor.yaml")
	if err := os.WriteFile(config, []byte("trip: {count: 3, within: 10s}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	args := []string{"--config", config, "--upstream", shop.URL, "--customers", customersFile(t, 3), "--mode", "observe"}
	p := serve(t, data, args...)
	threeAndNoMore := func() {
		t.Helper()
		for range 3 {
			if status, body := get(t, p.site+"/account"); status != 200 || !strings.Contains(body, "person1@") {
				t.Fatalf("status %d: %s", status, body)
			}
		}
		tripped(t, p)
	}
	threeAndNoMore()
	p.kill()
	p = serve(t, data, args...)
	tripped(t, p)

	i := p.incident("GET /account")
	if a := p.last(""); i.State != incident.Contained || a.By != "candor" || a.What != "contain" || a.Details["mode"] != "trip" {
		t.Errorf("it is %s, and the last action is %+v", i.State, a)
	}
	p.must("incident", "reset", i.ID, "--why", "we looked")
	threeAndNoMore()
	p.must("incident", "contain", i.ID, "--mode", "mask", "--yes")
	if status, body := get(t, p.site+"/account"); status != 200 || strings.Contains(body, "person1@") {
		t.Errorf("masked: status %d: %s", status, body)
	}
	p.stop()
	p = serve(t, data, args...)
	if status, body := get(t, p.site+"/account"); status != 200 || strings.Contains(body, "person1@") {
		t.Errorf("masked, after a restart: status %d: %s", status, body)
	}
	p.stop()
}

func tripped(t *testing.T, p *process) {
	t.Helper()
	if status, body := get(t, p.site+"/account"); status != http.StatusServiceUnavailable || strings.Contains(body, "person1@") {
		t.Errorf("not tripped: status %d: %s", status, body)
	}
	if status, body := get(t, p.site+"/other"); status != 200 || body != "hello\n" {
		t.Errorf("another route: status %d: %s", status, body)
	}
}

package guard_test

import (
	"fmt"
	"net/http"
	"testing"

	"candor.example/guard"
)

// contained is a rig whose guard goes by a containment, and watches otherwise.
func contained(t *testing.T, c *guard.Containment) *rig {
	r := newRig(t, guard.Observe, say("text/html", "<p>alice@shop.example</p>"))
	r.Mode = func(site, route string) guard.Mode { return c.Mode(site, route, guard.Observe) }
	return r
}

// A route that was contained as a template stays contained in a process that has not learned the template, and a name that was contained does when
// it becomes one of a template.
func TestContainedThoughRoutesChange(t *testing.T) {
	var c guard.Containment
	for _, s := range []guard.Switch{{Route: "GET /p/{name}/reviews", Mode: guard.Block}} {
		s.Site = "127.0.0.1"
		if err := c.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	r := contained(t, &c)
	for i := range 40 {
		if res, _ := r.get(fmt.Sprintf("/p/%s/reviews", word(i)), ""); res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%d: %d", i, res.StatusCode)
		}
	}
	if res, _ := r.get("/p/lamp", ""); res.StatusCode != http.StatusOK {
		t.Error(res.StatusCode)
	}
	c.Set(guard.Switch{Site: "127.0.0.1", Route: "GET /s/" + word(7), Mode: guard.Trip})
	for i := range 40 {
		r.get("/s/"+word(i), "")
	}
	if res, _ := r.get("/s/"+word(7), ""); res.StatusCode != http.StatusServiceUnavailable {
		t.Error("a literal route that became a template is contained no more")
	}
}

// word is a name without digits.
func word(i int) string { return string(rune('a'+i/26)) + "x" + string(rune('a'+i%26)) }

// Who asks under many hosts' names does not get out of a containment: neither of a site that was known, nor of one that was not.
func TestContainedThoughHostsAreMany(t *testing.T) {
	for _, known := range []bool{true, false} {
		var c guard.Containment
		if err := c.Set(guard.Switch{Site: "shop.example", Mode: guard.Block}); err != nil {
			t.Fatal(err)
		}
		r := contained(t, &c)
		if known {
			r.Contained = c.Contains
		}
		ask := func(host string) int { return r.askAs(host, "/") }
		for i := range 70 {
			ask(word(i) + ".example")
		}
		if status := ask("shop.example"); status != http.StatusServiceUnavailable {
			t.Errorf("known %v: %d", known, status)
		}
		if status := ask("another.example"); status != http.StatusServiceUnavailable {
			t.Errorf("another, known %v: %d", known, status)
		}
		r.recorded = nil
		c.Clear("shop.example", "")
		c.Set(guard.Switch{Site: "shop.example", Mode: guard.Mask})
		if ask("shop.example"); len(r.recorded) == 0 || known != (r.recorded[0].Site == "shop.example") {
			t.Errorf("known %v: %+v", known, r.recorded)
		}
	}
}

// askAs asks for a page under a host's name.
func (r *rig) askAs(host, path string) (status int) {
	r.t.Helper()
	req, _ := http.NewRequest("GET", r.site.URL+path, nil)
	req.Host = host
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// Who asks under names that are not the shop's makes up neither sites nor routes, and is inspected all the same.
func TestSites(t *testing.T) {
	for _, v := range []struct {
		sites []string
		host  string
		want  string
	}{
		{nil, "made.up", "made.up GET /p/{id}"},
		{[]string{"shop.example"}, "shop.example", "shop.example GET /p/{id}"},
		{[]string{"shop.example"}, "SHOP.example.:8080", "shop.example GET /p/{id}"},
		{[]string{"shop.example"}, "www.shop.example", "{other} GET /{other}"},
		{[]string{"shop.example"}, "made.up", "{other} GET /{other}"},
		{[]string{"shop.example"}, "contained.example", "contained.example GET /p/{id}"},
	} {
		r := newRig(t, guard.Mask, say("text/html", "<p>alice@shop.example</p>"))
		r.Sites = v.sites
		r.Contained = func(site string) bool { return site == "contained.example" }
		r.askAs(v.host, "/p/1")
		if d := r.recorded[0]; len(r.recorded) != 1 || d.Site+" "+d.Route != v.want || d.Outcome != "prevented" {
			t.Errorf("%v %s: %d, %s %s, want %s", v.sites, v.host, len(r.recorded), d.Site, d.Route, v.want)
		}
		if c := r.covered(); c.Site+" "+c.Route != v.want {
			t.Errorf("%v %s: covered %s %s", v.sites, v.host, c.Site, c.Route)
		}
	}
}

// A site of the list is one however many others were answered before, and though it was not answered yet.
func TestSitesBeyondTheLimit(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if req.URL.Path == "/missing" {
			w.WriteHeader(http.StatusNotFound)
		}
		w.Write([]byte("<p>alice@shop.example</p>"))
	})
	for i := range 65 {
		r.askAs(word(i)+".example", "/")
	}
	r.Sites = []string{"shop.example"}
	r.recorded = nil
	for _, path := range []string{"/missing", "/"} {
		r.askAs("shop.example", path)
	}
	if len(r.recorded) != 2 || r.recorded[0].Site != "shop.example" || r.recorded[1].Site != "shop.example" {
		t.Errorf("%+v", r.recorded)
	}
}

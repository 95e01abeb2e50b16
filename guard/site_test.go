package guard_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"candor.example"
	"candor.example/guard"
)

// What is asked of Candor's own folder never reaches upstream, however the path is written, and every answer is kept by no cache.
func TestSite(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "the shop") })
	r.Guard.Site = func(w http.ResponseWriter, r *http.Request, v candor.Viewer) {
		io.WriteString(w, "candor for "+v.String())
	}
	for path, want := range map[string]string{
		"/.well-known/candor/notices": "candor", "/.well-known/candor/": "candor", "/.well-known/candor": "candor", "/.well-known/candor/../../account": "candor",
		"/.well-known//candor/notices": "candor", "/x/../.well-known/candor/notices": "candor", "/./.well-known/candor%2Fnotices": "candor", "/.well-known/%63andor/notices": "candor",
		"/": "the shop", "/.well-known/candor.txt": "the shop", "/.well-known/candors/notices": "the shop", "/.well-known/security.txt": "the shop", "/candor/": "the shop", "/shop/.well-known/candor/notices": "the shop",
	} {
		req, err := http.NewRequest("GET", r.site.URL+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = "//" + req.URL.Host + path // as it is written
		res, body := r.do(req, "1")
		if !strings.HasPrefix(body, want) {
			t.Errorf("%s: %q, want %s", path, body, want)
		}
		if want == "candor" && (body != "candor for customer:1" || res.Header.Get("Cache-Control") != "private, no-store" || res.Header.Get("Vary") != "Cookie, Authorization" || !strings.HasPrefix(res.Header.Get("Content-Security-Policy"), "default-src 'none'")) {
			t.Errorf("%s: %q, %v", path, body, res.Header)
		}
	}
	for _, c := range r.TakeCoverage(false) {
		if strings.HasPrefix(c.Route, "GET /.well-known/candor/") {
			t.Error("what Candor says itself is counted as the shop's:", c)
		}
	}
}

func TestNoSite(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "the shop") })
	if _, body := r.get("/.well-known/candor/notices", "1"); body != "the shop" {
		t.Error(body)
	}
}

// The header is for whom it concerns, and never where a shared cache would pass it on.
func TestBanner(t *testing.T) {
	header := http.Header{}
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) {
		for name := range header {
			w.Header().Set(name, header.Get(name))
		}
		io.WriteString(w, "x")
	})
	r.Guard.Banner = func(_ *http.Request, v candor.Viewer) bool { return v.Customer == "1" }
	for _, c := range []struct {
		viewer, contentType, control string
		want                         bool
	}{
		{"1", "text/html; charset=utf-8", "private", true},
		{"1", "application/json", "no-store", true},
		{"1", "application/problem+json", "no-store", true},
		{"1", "application/xhtml+xml", "private", true},
		{"1", "text/html", "public, max-age=60", false},
		{"1", "text/html", "", false}, // a cache may guess (RFC 9111 §4.2.2)
		{"1", "text/html", "s-maxage=1", false},
		{"1", "image/png", "private", false},
		{"1", "", "private", false},
		{"2", "text/html", "private", false},
		{"", "text/html", "private", false},
	} {
		clear(header)
		header.Set("Content-Type", c.contentType)
		header.Set("Candor-Notice", "/the/shop's/own")
		if c.control != "" {
			header.Set("Cache-Control", c.control)
		}
		res, _ := r.get("/", c.viewer)
		if got := res.Header.Get("Candor-Notice"); got != "" != c.want || c.want && got != "/.well-known/candor/notices" {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// Where Candor makes a response private that shows its viewer's own data, it is private when the header is decided.
func TestBannerOnRepaired(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<p>alice@shop.example</p>")
	})
	r.Guard.Banner = func(*http.Request, candor.Viewer) bool { return true }
	res, _ := r.get("/account", "1")
	if res.Header.Get("Cache-Control") != "private, no-store" || res.Header.Get("Candor-Notice") == "" {
		t.Error(res.Header)
	}
}

package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSignIn(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/", "/incidents", "/events", "/api/status", "/nowhere", "/api/nowhere"} {
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

// What a browser says of a form, and what becomes of it. Over plain HTTP to another machine there is no Sec-Fetch-Site, and
// with Referrer-Policy no-referrer our own form would be "null".
func TestForgery(t *testing.T) {
	r := newRig(t)
	for _, test := range []struct {
		header, value string
		want          int
	}{
		{"Sec-Fetch-Site", "same-origin", 303}, {"Sec-Fetch-Site", "none", 303}, {"Sec-Fetch-Site", "cross-site", 403},
		{"Sec-Fetch-Site", "same-site", 403}, // the shop on another port of this machine
		{"Origin", "http://192.0.2.7:8081", 303}, {"Origin", "http://192.0.2.7:8080", 403}, {"Origin", "https://evil.example", 403}, {"Origin", "null", 403},
	} {
		for path, body := range map[string]string{"/sign-in": "token=" + tokenOf(r), "/sign-out": ""} {
			w := httptest.NewRecorder()
			req := httptest.NewRequest("POST", "http://192.0.2.7:8081"+path, strings.NewReader(body))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set(test.header, test.value)
			if r.ServeHTTP(w, req); w.Code != test.want {
				t.Errorf("%s with %s: %s answers %d, want %d", path, test.header, test.value, w.Code, test.want)
			}
			if p := w.Header().Get("Referrer-Policy"); p != "same-origin" {
				t.Errorf("%s: Referrer-Policy %q", path, p)
			}
		}
	}
}

func tokenOf(r *rig) string { return strings.SplitN(r.SignInURL("http://x/"), "token=", 2)[1] }

func TestRebinding(t *testing.T) {
	r := newRig(t)
	r.o.Hosts = []string{"candor.shop.example"}
	for host, want := range map[string]int{"127.0.0.1:1": 200, "localhost": 200, "LOCALHOST:8081": 200, "[::1]:80": 200, "192.0.2.7:8081": 200, "candor.shop.example:443": 200, "Candor.Shop.Example": 200,
		"evil.example": 421, "evil.example:8081": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example": 421, "shop.example": 421, "": 421} {
		for _, path := range []string{"/sign-in", "/assets/console.css"} {
			w := httptest.NewRecorder()
			req := httptest.NewRequest("GET", path, nil)
			req.Host = host
			if r.ServeHTTP(w, req); w.Code != want || w.Header().Get("Content-Security-Policy") == "" {
				t.Errorf("%s under the name %q: %d", path, host, w.Code)
			}
		}
	}
}

func TestCookie(t *testing.T) {
	r := newRig(t)
	for scheme, secure := range map[string]bool{"http": false, "https": true} {
		w := httptest.NewRecorder()
		req := httptest.NewRequest("POST", scheme+"://127.0.0.1:8081/sign-in", strings.NewReader("token="+tokenOf(r)))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.ServeHTTP(w, req)
		k := w.Result().Cookies()
		if len(k) != 1 || !k[0].HttpOnly || k[0].SameSite != http.SameSiteStrictMode || k[0].Secure != secure || len(k[0].Value) < 52 || k[0].MaxAge != 12*60*60 {
			t.Errorf("%s: %+v", scheme, k)
		}
	}
}

// The hundred-and-first who signs in takes the place of another.
func TestManySessions(t *testing.T) {
	r := newRig(t)
	for range maxSessions + 1 {
		r.client(t)
	}
	if n := len(r.sessions.open); n != maxSessions {
		t.Errorf("%d sessions", n)
	}
}

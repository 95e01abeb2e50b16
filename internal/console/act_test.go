package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/duties"
	"candor.example/internal/incident"
	"candor.example/scan"
)

var accountID = incident.ID("www.shop.example", "GET /account", start)

// judged tells of an incident with everything that an account can have: a cache gave people one another's pages.
func (r *rig) judged(t *testing.T) {
	t.Helper()
	const site, route = "www.shop.example", "GET /account"
	for n := range 120 {
		at := start.Add(time.Duration(n) * time.Second)
		id := fmt.Sprintf("r%03d", n)
		d := candor.Disclosure{Site: site, Route: route, URL: "/account", Owner: fmt.Sprint("c", n/4), Kind: scan.Email, Encoding: "plain", Viewer: "customer", ViewerDigest: fmt.Sprint("v", n),
			Class: candor.Disclosed, Outcome: candor.Exposed, Response: id, Time: at, Release: "2018.11.20", Country: []string{"DE", "FR", "GB", ""}[n/4%4]}
		answer := candor.Response{ID: id, Time: at, End: at, Site: site, Route: route, Method: "GET", URL: "/account", Status: 200, Viewer: "customer", ViewerDigest: d.ViewerDigest, Credentialed: true,
			Cached: true, Age: n % 60, CacheStatus: "HIT", CacheControl: "public, max-age=600", Shareable: true, Owners: 1, People: fmt.Sprint("p", n/4), Date: start.Add(time.Duration(n/4) * time.Minute), SurrogateKeys: []string{"account"}}
		r.fold(t, candor.Entry{Disclosures: []candor.Disclosure{d}, Responses: []candor.Response{answer}})
	}
	own := candor.Disclosure{Site: site, Route: route, Owner: "c500", Kind: scan.Email, Class: candor.Own, Outcome: candor.Possible, Viewer: "customer", ViewerDigest: "own", Time: start, Country: "US"}
	elsewhere := own
	elsewhere.Route = "GET /wishlist"
	r.fold(t, candor.Entry{Disclosures: []candor.Disclosure{own, elsewhere}, Personal: []candor.Personal{
		{Time: start, Site: site, Route: route, Place: "body", Responses: 900, Shareable: 900, CacheControl: "public, max-age=600"},
		{Time: start, Site: site, Route: "GET /wishlist", Place: "body", Responses: 70, Shareable: 12, Repaired: 12}}})
	r.fold(t, candor.Entry{Coverage: []candor.Coverage{{Time: start.Add(-time.Hour), Site: site, Route: route, Responses: 4000, Bytes: 1 << 24}, {Time: start, Site: site, Route: route, Skip: "limit", Responses: 3}}})
	for n, a := range []candor.Action{
		{What: candor.Confirmed, Why: "a customer sent us a picture of another's account"},
		{What: candor.Contained, Details: map[string]string{"site": site, "route": route, "mode": "mask"}, Why: "until the CDN is mended"},
		{What: candor.Contained, Details: map[string]string{"site": site, "route": "GET /wishlist", "mode": "trip", "count": "3", "within": "10m"}},
		{What: candor.Assessed, Details: map[string]string{"dpc": "2", "ei": "1", "cb": "1"}, Why: "the pages show what was bought"},
	} {
		a.ID, a.By, a.Time = fmt.Sprint("act", n), "Jo Berg", start.Add(time.Duration(5+n)*time.Minute)
		if a.Details["mode"] != "trip" {
			a.Incident = accountID
		}
		r.fold(t, candor.Entry{Actions: []candor.Action{a}})
	}
}

// acting lets a console act: the ledger takes it, or says why not.
func (r *rig) acting(t *testing.T) {
	r.o.Act = func(ctx context.Context, a candor.Action, documents ...candor.Document) error {
		r.fold(t, candor.Entry{Actions: []candor.Action{a}, Documents: documents})
		rows, err := r.ledger.Audit(ctx, a.Incident, 1)
		if err == nil && rows[0].Refused != "" {
			return errors.New("It was refused: " + rows[0].Refused)
		}
		return err
	}
}

func post(t *testing.T, c *http.Client, url string, form url.Values) (int, string) {
	t.Helper()
	res, err := c.PostForm(url, form)
	return answered(t, res, err)
}

func TestStandingPage(t *testing.T) {
	r := newRig(t)
	r.acting(t)
	r.judged(t)
	c := r.client(t)
	for path, wants := range map[string][]string{
		"/incidents/" + accountID: {"Shared cache kept a personal page", "CWE-524", "API8:2023", "action.error.variety: Misconfiguration", "came out of a shared cache", "causes are ruled out",
			"Presumed, and departed from", "As Jo Berg says", "the pages show what was bought", "/incidents/" + accountID + "/severity", "GDPR art. 33(1)", "23 Nov 2018, 10:05:00", "2 days 23 h left",
			duties.Advice, "rules find no duty", "clocks.ics", "explain#exposed", `href="#clocks"`, "key <code>account</code>", "absent", "No sign of harvesting: 30 people were shown to 120 viewers", "none seen, but not all of these responses"},
		"/api/incidents/" + accountID:              {`"verdict":{"cause":"shared-cache"`, `"severity":{"presumed":{"dpc":1`, `"departed":{"dpc":2`, `"duties":{"advice":`, `"ruling":"duty"`},
		"/incidents/" + accountID + "/explain":     {"All agree.", `id="exposed"`, `id="first-seen"`, "20 Nov 2018, 10:00:00.000 UTC", "SELECT COUNT(*) FROM affected WHERE incident = &#39;" + accountID, ">yes<"},
		"/api/incidents/" + accountID + "/explain": {`"name":"exposed","stored":30,"derived":30`, `"agrees":true`, `"agree":true`},
		"/latent":                               {"GET /wishlist", "public, max-age=600", "/incidents/" + accountID, "private, no-store", "In mode mask Candor repairs them"},
		"/api/latent":                           {`"route":"GET /wishlist","people":1,"responses":12,"repaired":12`},
		"/":                                     {"Containments in force", "after 3 disclosures within 10 min", "Jo Berg", "2 routes show people their own data", `class="badge contained"`},
		"/api/status":                           {`"latent_routes":2`, `"containments":[{"site":"www.shop.example","route":"GET /account","mode":"mask"`},
		"/incidents":                            {`class="badge contained"`, "hared cache kept a personal page"},
		"/incidents/" + accountID + "/severity": {"Depart from the presumed severity"},
	} {
		status, body := get(t, c, r.server.URL+path)
		for _, want := range wants {
			if status != 200 || !strings.Contains(body, want) {
				t.Errorf("%s: %d, without %q", path, status, want)
			}
		}
	}
	r.change(func(s *Status) { s.KeepLatent = true })
	if _, body := get(t, c, r.server.URL+"/latent"); !strings.Contains(body, "leaves them as they are, because the configuration says") {
		t.Error("keep_latent is not said")
	}
	r.change(func(s *Status) { s.Mode = "observe" })
	if _, body := get(t, c, r.server.URL+"/latent"); !strings.Contains(body, "In mode observe Candor leaves them as they are") {
		t.Error("observe is not said")
	}
	r.now = start.Add(80 * time.Hour)
	c = r.client(t) // the other has ended
	if _, body := get(t, c, r.server.URL+"/incidents/"+accountID); !strings.Contains(body, "Overdue: 7 h 55 min late") {
		t.Error("what is overdue is not marked")
	}
	for _, path := range []string{"/incidents/inc-none/explain", "/incidents/inc-none/clocks.ics", "/api/incidents/inc-none/explain"} {
		if status, body := get(t, c, r.server.URL+path); status != 404 || !strings.Contains(body, "There is no such incident.") {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestClocks(t *testing.T) {
	r := newRig(t)
	r.judged(t)
	path := r.server.URL + "/incidents/" + accountID + "/clocks.ics"
	if status, _ := get(t, http.DefaultClient, path); status != 401 {
		t.Error("not signed in:", status)
	}
	res, err := r.client(t).Get(path)
	status, body := answered(t, res, err)
	if status != 200 || !strings.HasPrefix(body, "BEGIN:VCALENDAR\r\n") || !strings.Contains(body, "DUE:20181123T100500Z") {
		t.Errorf("%d %s", status, body)
	}
	if h := res.Header; h.Get("Content-Type") != "text/calendar; charset=utf-8" || h.Get("Content-Disposition") != `attachment; filename="`+accountID+`.ics"` {
		t.Error(h)
	}
}

// Each action is asked for first, with what it means, and does nothing until it is confirmed.
func TestAct(t *testing.T) {
	r := newRig(t)
	r.acting(t)
	r.disclose(t, "GET /account", 0, 0, candor.Exposed)
	c := r.client(t)
	page := r.server.URL + "/incidents/" + accountID
	for what, means := range map[string]string{"confirm": "GDPR Article 33(1)", "determine": "Laws that count", "fix": "opens the incident again", "close": "The incident is over", "reopen": "open again",
		"severity": "DPC x EI", "reset": "answers again", "contain?mode=mask": "overwritten in flight", "contain?mode=trip": "answered with 503", "contain?mode=withhold": "not delivered", "contain?mode=": "the site&#39;s own mode"} {
		if status, body := get(t, c, page+"/"+what); status != 200 || !strings.Contains(body, means) || !strings.Contains(body, "1 ") || strings.Contains(body, "live.js") {
			t.Errorf("%s: %d, without %q", what, status, means)
		}
	}
	if rows, _ := r.ledger.Audit(t.Context(), accountID, 10); len(rows) != 0 {
		t.Error("asking has done something")
	}
	for _, step := range []struct {
		what string
		form url.Values
		want string // on the page behind it
	}{
		{"confirm", url.Values{"why": {"a customer's letter"}}, `badge confirmed`},
		{"contain?mode=mask", nil, `badge contained`},
		{"fix", url.Values{"reference": {"ticket 7"}}, `badge fixed`},
		{"close", url.Values{"why": {"all were told"}}, `badge closed`},
		{"reopen", nil, `badge open`},
		{"severity", url.Values{"dpc": {"3"}, "ei": {"1"}, "cb": {"0.5"}, "why": {"card data"}}, "card data"},
	} {
		status, body := post(t, c, page+"/"+step.what, step.form)
		if status != 200 || !strings.Contains(body, step.want) {
			t.Errorf("%s: %d, without %q", step.what, status, step.want)
		}
	}
	if rows, _ := r.ledger.Audit(t.Context(), accountID, 10); len(rows) != 6 || rows[5].Why != "a customer's letter" {
		t.Errorf("audit: %+v", rows)
	}
}

// What cannot be done is answered with a sentence, and what was typed is still there.
func TestActRefused(t *testing.T) {
	r := newRig(t)
	r.acting(t)
	r.disclose(t, "GET /account", 0, 0, candor.Exposed)
	c := r.client(t)
	page := r.server.URL + "/incidents/" + accountID
	for _, test := range []struct {
		what string
		form url.Values
		want string
	}{
		{"close", nil, "Why is missing."},
		{"close", url.Values{"why": {"  "}}, "Why is missing."},
		{"severity", url.Values{"dpc": {"2"}, "ei": {"1"}, "cb": {"1"}}, "Why is missing."},
		{"severity", url.Values{"dpc": {"9"}, "ei": {"1"}, "cb": {"1"}, "why": {"kept text"}}, "kept text</textarea>"},
		{"confirm", url.Values{"at": {"yesterday"}}, "write the time as RFC 3339"},
		{"contain?mode=destroy", nil, "no way to contain anything"},
		{"reopen", url.Values{"why": {"kept text"}}, "It was refused: it is open"},
	} {
		if status, body := post(t, c, page+"/"+test.what, test.form); status != 422 || !strings.Contains(body, test.want) || !strings.Contains(body, `role="alert"`) {
			t.Errorf("%s %v: %d, without %q", test.what, test.form, status, test.want)
		}
	}
	for path, want := range map[string]int{"/inc-none/close": 404, "/" + accountID + "/destroy": 404} {
		if status, _ := post(t, c, r.server.URL+"/incidents"+path, nil); status != want {
			t.Errorf("%s: %d", path, status)
		}
	}
	if rows, _ := r.ledger.Audit(t.Context(), accountID, 10); len(rows) != 1 || rows[0].Refused == "" {
		t.Errorf("only what the ledger was asked is in its audit: %+v", rows)
	}
}

// Nobody acts who is not signed in, from another site, or where nothing can be done.
func TestActForged(t *testing.T) {
	r := newRig(t)
	r.acting(t)
	r.disclose(t, "GET /account", 0, 0, candor.Exposed)
	c := r.client(t)
	path := r.server.URL + "/incidents/" + accountID + "/confirm"
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		q, _ := http.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader("why=forged"))
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.Header.Set(header, value)
		res, err := c.Do(q)
		if status, _ := answered(t, res, err); status != 403 {
			t.Errorf("%s: %d", header, status)
		}
	}
	if status, _ := post(t, http.DefaultClient, path, nil); status != 401 {
		t.Error("not signed in:", status)
	}
	if rows, _ := r.ledger.Audit(t.Context(), accountID, 10); len(rows) != 0 {
		t.Errorf("forged: %+v", rows)
	}
	r.o.Act = nil
	if status, _ := post(t, c, path, nil); status != 404 {
		t.Error("nothing can be done here:", status)
	}
	if _, body := get(t, c, r.server.URL+"/incidents/"+accountID); strings.Contains(body, "What to do") || strings.Contains(body, "/severity") {
		t.Error("the page offers what cannot be done")
	}
}

// What strangers wrote is text in what Candor judges, too.
func TestHostileStanding(t *testing.T) {
	r := newRig(t)
	r.acting(t)
	evil := `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	d := candor.Disclosure{Site: evil, Route: evil, Owner: evil, Kind: scan.Email, Encoding: evil, Viewer: evil, ViewerDigest: evil, Class: candor.Disclosed, Outcome: candor.Exposed, Response: "r1", Time: start, Country: evil}
	answer := candor.Response{ID: "r1", Time: start, End: start, Site: evil, Route: evil, URL: "/" + evil, Viewer: evil, ViewerDigest: evil, Cached: true, CacheStatus: evil, CacheControl: evil, Shareable: true, SurrogateKeys: []string{evil}, Places: []string{evil}, Owners: 1, People: evil}
	own := d
	own.Class, own.Outcome, own.Owner = candor.Own, candor.Possible, "c2"
	id := incident.ID(evil, evil, start)
	act := func(what string, details map[string]string) candor.Action {
		return candor.Action{ID: what, Time: start, By: evil, What: what, Incident: id, Why: evil, Details: details}
	}
	r.fold(t, candor.Entry{Disclosures: []candor.Disclosure{d, own}, Responses: []candor.Response{answer}, Personal: []candor.Personal{{Time: start, Site: evil, Route: evil, Place: evil, Responses: 1, Shareable: 1, CacheControl: evil}}})
	r.fold(t, candor.Entry{Actions: []candor.Action{act(candor.Assessed, map[string]string{"dpc": "1", "ei": "1", "cb": "1"}), act(candor.Contained, map[string]string{"site": evil, "route": evil, "mode": "trip"}), act(candor.Confirmed, nil)}})
	c := r.client(t)
	for _, path := range []string{"/", "/incidents", "/incidents/" + id, "/incidents/" + id + "/explain", "/incidents/" + id + "/contain?mode=" + url.QueryEscape(evil), "/incidents/" + id + "/contain?mode=trip&count=2&within=" + url.QueryEscape(evil), "/latent"} {
		if status, body := get(t, c, r.server.URL+path); status != 200 || strings.Contains(body, "<script>") || strings.Contains(body, "<img src=x") || !strings.Contains(body, "&lt;script") {
			t.Errorf("%s: %d, not escaped", path, status)
		}
	}
	if status, body := post(t, c, r.server.URL+"/incidents/"+id+"/close", url.Values{"at": {evil}}); status != 422 || strings.Contains(body, "<script>") {
		t.Error("not escaped where it is refused", status)
	}
	res, err := c.Get(r.server.URL + "/incidents/" + id + "/clocks.ics")
	if status, _ := answered(t, res, err); status != 200 || res.Header.Get("Content-Disposition") != `attachment; filename="`+id+`.ics"` {
		t.Error(status, res.Header)
	}
}

func TestLeft(t *testing.T) {
	for s, want := range map[int64]string{0: "0 min left", 59: "59 s left", 3600: "1 h 0 min left", 48*3600 - 1: "47 h 59 min left", 48 * 3600: "2 days 0 h left", -60: "1 min late", -100 * 3600: "4 days 4 h late"} {
		if got := left(s); got != want {
			t.Errorf("%d: %q", s, got)
		}
	}
}

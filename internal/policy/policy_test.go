package policy

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"candor.example"
)

func visit(url string) *candor.Exchange {
	r := httptest.NewRequest("GET", url, nil)
	r.Header.Set("X-Staff-User", "mira")
	r.Header.Add("X-Team", "care")
	r.Header.Add("X-Team", "night")
	return &candor.Exchange{Request: r, Status: 203, Header: http.Header{"X-Backend": {"admin-2"}}}
}

func TestAllowed(t *testing.T) {
	const url = "http://Shop.example:8080/admin/cust%6Fmers?page=2&page=3"
	bot, bob := candor.Viewer{Crawler: "Googlebot", Verified: true}, candor.Viewer{Customer: "1002"}
	for _, c := range []struct {
		when string
		v    candor.Viewer
		want bool
	}{
		{`request.path == "/admin/customers"`, bob, true},
		{`request.path.startsWith("/admin/") && "x-staff-user" in request.headers`, bob, true},
		{`request.path.startsWith("/admin/") && "x-owner" in request.headers`, bob, false},
		{`request.headers[?"x-owner"].orValue("") != ""`, bob, false},
		{`request.headers["x-team"] == "care, night"`, bob, true},
		{`request.host == "shop.example"`, bob, true},
		{`request.method == "GET" && request.route == "GET /admin/{id}"`, bob, true},
		{`request.query["page"] == "2"`, bob, true},
		{`response.status == 203 && response.headers["x-backend"].matches("^admin-[0-9]+$")`, bob, true},
		{`viewer.kind == "customer" && viewer.id in ["1001", "1002"]`, bob, true},
		{`viewer.kind == "anonymous"`, candor.Viewer{}, true},
		{`viewer.kind == "crawler" && viewer.crawler == "Googlebot"`, bot, true},
		{`viewer.kind == "crawler"`, candor.Viewer{Crawler: "Googlebot"}, false},
		{`viewer.kind == "claimed-crawler" && viewer.crawler == "Googlebot"`, candor.Viewer{Crawler: "Googlebot"}, true},
		{`viewer.kind == "script"`, candor.Viewer{Script: "curl"}, true},
		{`viewer.role == "staff"`, candor.Viewer{Role: "staff"}, true},
		{`match.kind == "email"`, bob, true},
		{`match.kind == "name"`, bob, false},
		{`false`, bob, false},
	} {
		var log strings.Builder
		p, err := New([]Rule{{"r", "staff", c.when}}, nil, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Errorf("%s: %v", c.when, err)
			continue
		}
		role, ok := p.Allowed(c.v, visit(url), "GET /admin/{id}", "email")
		if ok != c.want || ok && role != "staff" || !ok && role != "" {
			t.Errorf("%s: %q, %v", c.when, role, ok)
		}
		if log.Len() > 0 {
			t.Errorf("%s: %s", c.when, &log)
		}
	}
}

func TestFirstRuleThatHoldsNamesTheRole(t *testing.T) {
	p, err := New([]Rule{{"a", "x", "false"}, {Name: "b", When: "true"}, {"c", "z", "true"}}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if role, ok := p.Allowed(candor.Viewer{}, visit("/"), "", "email"); !ok || role != "b" {
		t.Errorf("%q, %v", role, ok)
	}
}

func TestWrongRulesAreNamedWithTheirPlace(t *testing.T) {
	for when, want := range map[string]string{
		``:                          `policy[1] "broken": when: is empty`,
		`request.path ==`:           `policy[1] "broken": when: line 1, column 16: `,
		"true &&\n  viewer.knd==''": `policy[1] "broken": when: line 2, column 9: undefined field 'knd'`,
		`nobody == ""`:              `policy[1] "broken": when: line 1, column 1: undeclared reference`,
		`request.path`:              `policy[1] "broken": when: line 1, column 1: is of type string: want bool`,
		`request.headers["a"] == 1`: `policy[1] "broken": when: line 1, column 22: found no matching overload`,
		`viewer.id.matches("(")`:    `policy[1] "broken": when: `,
		strings.Repeat("(", 500) + "true" + strings.Repeat(")", 500): `policy[1] "broken": when: line `,
		`"` + strings.Repeat("x", maxRule) + `" == ""`:               `policy[1] "broken": when: line `,
	} {
		_, err := New([]Rule{{"fine", "r", "true"}, {"broken", "r", when}}, nil, Options{})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s…", when, err, want)
		}
	}
}

func TestLongestRule(t *testing.T) {
	when := `"` + strings.Repeat("x", maxRule-8) + `" == ""`
	if len(when) != maxRule {
		t.Fatal(len(when))
	}
	if _, err := New([]Rule{{"r", "r", when}}, nil, Options{}); err != nil {
		t.Error(err)
	}
}

// A rule that fails allows nothing, the rules after it still count, and its failure is told once, without the request's data.
func TestFailureIsToldOnce(t *testing.T) {
	for when, want := range map[string]string{
		`request.headers["absent"] == "1"`:            "not there",
		`request.headers[request.query["who"]] != ""`: "not there",
		`int(request.query["who"]) > 1`:               "cannot be evaluated",
		`["a","b","c","d","e","f","g","h"].all(a, ["a","b","c","d","e","f","g","h"].all(b, ["a","b","c","d","e","f","g","h"].all(c,
			["a","b","c","d","e","f","g","h"].all(d, ["a","b","c","d","e","f","g","h"].all(e, a+b+c+d+e != request.path)))))`: "costs more",
	} {
		var log strings.Builder
		p, err := New([]Rule{{"bad", "bad", when}, {"good", "good", "true"}}, nil, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Errorf("%s: %v", when, err)
			continue
		}
		for range 3 {
			if role, _ := p.Allowed(candor.Viewer{}, visit("/?who=alice@shop.example"), "", "email"); role != "good" {
				t.Errorf("%.60s: role %q", when, role)
			}
		}
		if told := log.String(); strings.Count(told, "\n") != 1 || !strings.Contains(told, "rule=bad") || !strings.Contains(told, want) || strings.Contains(told, "alice") {
			t.Errorf("%.60s: %q", when, told)
		}
	}
}

func TestNoRulesCostNothing(t *testing.T) {
	p, err := New(nil, []string{"help@shop.example"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	x, normalised := visit("/"), []byte("help@shop.example")
	allocs := testing.AllocsPerRun(100, func() {
		if _, ok := p.Allowed(candor.Viewer{}, x, "", "email"); ok || !p.Public(normalised) {
			t.Error("wrong answer")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	var none *Policy
	if _, ok := none.Allowed(candor.Viewer{}, x, "", "email"); ok || none.Public(normalised) {
		t.Error("no policy allows something")
	}
}

func TestPublic(t *testing.T) {
	p, err := New(nil, []string{" Help@Shop.Example ", "press@shop.example"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{"help@shop.example": true, "press@shop.example": true, "alice@shop.example": false, "": false} {
		if p.Public([]byte(addr)) != want {
			t.Errorf("%s: %v", addr, !want)
		}
	}
	upper := func(s string) (string, bool) { return strings.ToUpper(s), s != "secret" }
	if p, err = New(nil, []string{"help@shop.example"}, Options{Normalise: upper}); err != nil || !p.Public([]byte("HELP@SHOP.EXAMPLE")) {
		t.Error("normalise is not used", err)
	}
	if _, err = New(nil, []string{"help@shop.example", "secret"}, Options{Normalise: upper}); err == nil || err.Error() != "public[1]: is no e-mail address, telephone number or full name" {
		t.Error(err)
	}
}

func TestConcurrentUse(t *testing.T) {
	var log strings.Builder
	p, err := New([]Rule{{"r", "r", `request.headers["absent"] == "1"`}}, nil, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	for range 4 {
		go func() {
			for range 50 {
				p.Allowed(candor.Viewer{}, visit("/"), "", "email")
			}
			done <- struct{}{}
		}()
	}
	for range 4 {
		<-done
	}
	if strings.Count(log.String(), "\n") != 1 {
		t.Errorf("told %q", log.String())
	}
}

// Rules come from the operator's file; a broken one must end in an error, never in a panic.
func FuzzRule(f *testing.F) {
	for _, s := range []string{`true`, `request.path.startsWith("/admin")`, `viewer.kind == `, "\x00", `[1,2].map(x, x/0)[5] == 1`, `request.headers[?"a"].orValue("") == ""`} {
		f.Add(s, "/admin?x=1", "v")
	}
	f.Fuzz(func(t *testing.T, when, url, header string) {
		p, err := New([]Rule{{"fuzz", "", when}}, nil, Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return
		}
		r, err := http.NewRequest("GET", url, nil)
		if err != nil {
			return
		}
		r.Header["A"] = []string{header}
		p.Allowed(candor.Viewer{}, &candor.Exchange{Request: r}, "GET /", "email")
	})
}

func BenchmarkAllowed(b *testing.B) {
	p, err := New([]Rule{{"staff", "staff", `request.path.startsWith("/admin/") && request.headers[?"x-staff-user"].orValue("") != ""`}}, nil, Options{})
	if err != nil {
		b.Fatal(err)
	}
	x := visit("http://shop.example/admin/customers?page=2")
	b.ReportAllocs()
	for b.Loop() {
		p.Allowed(candor.Viewer{}, x, "GET /admin/customers", "email")
	}
}

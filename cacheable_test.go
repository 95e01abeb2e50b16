package candor

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"candor.example/internal/suites"
)

// cacheCase is one of http-tests/cache-tests: requests to one URL through a cache, with what the origin answers.
type cacheCase struct {
	Suite, ID, Kind string
	Browser         bool
	Requests        []struct {
		Method          string
		Request         [][]any
		Query, Filename string
		Status          int
		Response        [][]any // name, value (of a date: seconds from now), whether the harness checks it
		RFC850          []string
		Pause           bool // three seconds
		Expect          string
	}
}

// The first response is judged by what the suite expects of the second request: that it comes from the cache, that it does
// not, or that the cache asks the origin first.
func TestSuiteCache(t *testing.T) {
	data, err := os.ReadFile("testdata/cache-tests/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []cacheCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	s := suites.New(t, "cache-tests")
	for _, c := range cases {
		if why := c.notJudged(); why != "" {
			s.NotJudged(why)
			continue
		}
		use, _ := c.first().sharedUse()
		s.Case(c.ID, c.fits(use))
	}
	s.Report()
}

func (c cacheCase) notJudged() string {
	switch {
	case c.Kind == "check":
		return "asks what a cache does, and expects nothing"
	case c.Browser:
		return "for the private cache of a browser"
	case c.Suite == "surrogate-control":
		return "Surrogate-Control, of the time before RFC 9213"
	case len(c.Requests) < 2 || c.Requests[1].Expect == "":
		return "expects something else of the second request than where it is answered"
	case c.Requests[1].Expect == "not_cached" && c.anotherRequest():
		return "not reused because the second request is another one, whatever became of the first"
	}
	return ""
}

// anotherRequest: the second request selects another response than the first did.
func (c cacheCase) anotherRequest() bool {
	a, b := c.Requests[0], c.Requests[1]
	return a.Method != b.Method || a.Query != b.Query || a.Filename != b.Filename || len(b.Request) > 0 ||
		slices.ContainsFunc(a.Response, func(f []any) bool {
			return strings.EqualFold(f[0].(string), "Vary") && !strings.Contains(f[1].(string), "*")
		})
}

func (c cacheCase) fits(u use) bool {
	switch c.Requests[1].Expect {
	case "cached":
		return u == atOnce
	case "not_cached":
		return u != atOnce
	}
	return u != never // etag_validated, lm_validated
}

// first is the first response as it stands when the second request is made.
func (c cacheCase) first() response {
	made := time.Date(2018, 11, 20, 10, 0, 0, 0, time.UTC)
	r := response{method: http.MethodGet, requestHeader: http.Header{}, status: http.StatusOK, header: http.Header{}, now: made}
	one := c.Requests[0]
	if one.Method != "" {
		r.method = one.Method
	}
	if one.Status != 0 {
		r.status = one.Status
	}
	for _, f := range one.Request {
		r.requestHeader.Add(f[0].(string), fieldValue(f[0].(string), f[1], made, nil))
	}
	for _, f := range one.Response {
		r.header.Add(f[0].(string), fieldValue(f[0].(string), f[1], made, one.RFC850))
	}
	if r.header.Get("Date") == "" {
		r.header.Set("Date", made.Format(http.TimeFormat)) // the suite's server adds it
	}
	if one.Pause {
		r.now = made.Add(3 * time.Second)
	}
	return r
}

// fieldValue turns a number into a date so many seconds from made, and completes Content-Location, as the suite's server does.
func fieldValue(name string, value any, made time.Time, rfc850 []string) string {
	seconds, isDate := value.(float64)
	switch {
	case isDate && slices.Contains(rfc850, strings.ToLower(name)):
		return made.Add(time.Duration(seconds) * time.Second).Format("Monday, 02-Jan-06 15:04:05 GMT")
	case isDate:
		return made.Add(time.Duration(seconds) * time.Second).Format(http.TimeFormat)
	case name == "Content-Location":
		return "/" + value.(string)
	}
	return value.(string)
}

func TestSharedCacheable(t *testing.T) {
	for _, c := range []struct {
		name, method, request string
		status                int
		response              string
		want                  use
	}{
		{"nothing said", "GET", "", 200, "", atOnce},
		{"nothing said, and a status that caches do not keep by themselves", "GET", "", 403, "", never},
		{"private", "GET", "", 200, "Cache-Control: private", never},
		{"private for one field", "GET", "", 200, `Cache-Control: private="Set-Cookie"`, atOnce},
		{"private for one field, then for all", "GET", "", 200, `Cache-Control: private="X", Private`, never},
		{"no-store in the second line", "GET", "", 200, "Cache-Control: max-age=9\nCache-Control: no-store", never},
		{"no-store inside a quoted string", "GET", "", 200, `Cache-Control: x="a, no-store\"", max-age=9`, atOnce},
		{"separated wrongly, which caches do not understand", "GET", "", 200, "Cache-Control: no-store; private", atOnce},
		{"no-store overridden", "GET", "", 200, "Cache-Control: no-store, must-understand, max-age=9", atOnce},
		{"must-understand of an unknown status", "GET", "", 299, "Cache-Control: must-understand, max-age=9", never},
		{"no-store in the request", "GET", "Cache-Control: no-store", 200, "Cache-Control: max-age=9", never},
		{"Pragma", "GET", "Pragma: no-cache", 200, "Pragma: no-cache", atOnce},
		{"no-cache", "GET", "", 200, "Cache-Control: no-cache", never},
		{"no-cache with a validator", "GET", "", 200, "Cache-Control: no-cache\nETag: W/\"a\"", askingFirst},
		{"no-cache for one field", "GET", "", 200, `Cache-Control: no-cache="X", max-age=9`, atOnce},
		{"the last second", "GET", "", 200, "Cache-Control: max-age=9\nAge: 8", atOnce},
		{"one past it", "GET", "", 200, "Cache-Control: max-age=9\nAge: 9", never},
		{"stale with a validator", "GET", "", 200, "Cache-Control: max-age=0\nLast-Modified: Tue, 20 Nov 2018 09:00:00 GMT", askingFirst},
		{"stale while revalidated", "GET", "", 200, "Cache-Control: max-age=0, stale-while-revalidate=60", atOnce},
		{"stale while revalidated, but", "GET", "", 200, "Cache-Control: max-age=0, must-revalidate, stale-while-revalidate=60", never},
		{"immutable", "GET", "", 200, "Cache-Control: max-age=0, immutable", never},
		{"larger than any number", "GET", "", 200, "Cache-Control: max-age=99999999999999999999", atOnce},
		{"no number", "GET", "", 200, "Cache-Control: max-age=1h", never},
		{"no number, though s-maxage is one", "GET", "", 200, "Cache-Control: max-age=1h, s-maxage=9", atOnce},
		{"made an hour ago", "GET", "", 200, "Date: Tue, 20 Nov 2018 09:00:00 GMT\nCache-Control: max-age=3600", never},
		{"Expires in an hour", "GET", "", 200, "Expires: Tue, 20 Nov 2018 11:00:00 GMT", atOnce},
		{"Expires that is no date", "GET", "", 200, "Expires: -1", never},
		{"Authorization", "GET", "Authorization: Bearer x", 200, "Cache-Control: max-age=9", never},
		{"Authorization and public", "GET", "Authorization: Bearer x", 200, "Cache-Control: public", atOnce},
		{"cookies", "GET", "Cookie: a=b", 200, "Set-Cookie: a=b\nCache-Control: max-age=9", atOnce},
		{"Vary: *", "GET", "", 200, "Vary: Accept, *\nCache-Control: max-age=9", never},
		{"Vary: Cookie", "GET", "", 200, "Vary: Cookie\nCache-Control: max-age=9", atOnce},
		{"POST", "POST", "", 200, "Cache-Control: max-age=9", never},
		{"POST that says where its answer is", "POST", "", 200, "Cache-Control: max-age=9\nContent-Location: /x", atOnce},
		{"the same without a lifetime", "POST", "", 200, "Content-Location: /x", never},
		{"DELETE", "DELETE", "", 200, "Cache-Control: max-age=9", never},
		{"304", "GET", "", 304, "Cache-Control: max-age=9", never},
		{"a CDN may, though others may not", "GET", "", 200, "Cache-Control: no-store\nCDN-Cache-Control: max-age=9", atOnce},
		{"others may, though a CDN may not", "GET", "", 200, "Cache-Control: max-age=9\nCDN-Cache-Control: no-store", atOnce},
		{"nobody may", "GET", "", 200, "Cache-Control: private\nCDN-Cache-Control: private;a=1", never},
		{"a CDN ignores what it cannot parse", "GET", "", 200, "Cache-Control: private\nCDN-Cache-Control: Max-Age=9", never},
		{"a CDN takes the last of two", "GET", "", 200, "Cache-Control: private\nCDN-Cache-Control: max-age=0, max-age=9;b=2", atOnce},
		{"a CDN by its own name", "GET", "", 200, "Cache-Control: private\nCloudflare-CDN-Cache-Control: max-age=9", atOnce},
	} {
		r := response{c.method, headerOf(c.request), c.status, headerOf(c.response), time.Date(2018, 11, 20, 10, 0, 0, 0, time.UTC)}
		got, why := r.sharedUse()
		if yes, _ := SharedCacheable(r.method, r.requestHeader, r.status, r.header, r.now); got != c.want || yes != (c.want != never) || why == "" {
			t.Errorf("%s: %d (%s), want %d", c.name, got, why, c.want)
		}
	}
}

func ExampleSharedCacheable() {
	profile := http.Header{"Cache-Control": {"max-age=600"}, "Set-Cookie": {"basket=7"}}
	yes, why := SharedCacheable(http.MethodGet, http.Header{"Cookie": {"session=1"}}, 200, profile, time.Now())
	fmt.Println(yes, why)
	// Output: true fresh for 600 s (max-age, §4.2.1)
}

func headerOf(lines string) http.Header {
	h := http.Header{}
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(line, ":")
		h.Add(name, strings.TrimSpace(value))
	}
	return h
}

// Whatever follows it, a private response is nobody's to keep but its viewer's, unless a field for CDNs says otherwise.
func FuzzSharedCacheable(f *testing.F) {
	f.Add("GET", 200, `max-age=9, x="`, "Tue, 20 Nov 2018 11:00:00 GMT", "8", "max-age=9;a")
	f.Add("POST", 404, "stale-if-error=99999999999", "0", "-1", `a="\\`)
	f.Fuzz(func(t *testing.T, method string, status int, cc, expires, age, targeted string) {
		h := http.Header{"Cache-Control": {cc}, "Expires": {expires}, "Age": {age}, "Cdn-Cache-Control": {targeted}}
		now := time.Date(2018, 11, 20, 10, 0, 0, 0, time.UTC)
		if _, why := SharedCacheable(method, nil, status, h, now); why == "" {
			t.Fatal("no reason")
		}
		h["Cache-Control"] = []string{"private", cc}
		h.Del("CDN-Cache-Control")
		if yes, why := SharedCacheable(method, nil, status, h, now); yes {
			t.Fatal(why)
		}
	})
}

package guard

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"candor.example"
)

const html, js = "text/html", "text/javascript"

func TestPlaces(t *testing.T) {
	g := fuzzGuard(t)
	for _, v := range []struct{ contentType, body, want string }{
		{"application/json", `{"items":[{"author":{"email":"@"}}]}`, "$.items[].author.email"},
		{"application/json", ` [ [ "a", "@" ] ]`, "$[][]"},
		{"application/json", `{"a":{"b":1,"c":[2,{}]},"d":"@"}`, "$.d"},
		{"application/json", `"@"`, "$"},
		{"application/json", `{"@":1}`, "$.{}"},
		{"application/json", `{"a\"b":1,"c\\":{"d":"@"}}`, "$.{}.d"},
		{"application/json", `{"1001":{"user1":"@"}}`, "$.{}.user#"},
		{"application/json", `{"x@y.example":{"3fa85f64-5717-4562-b3fc-2c963f66afa6":"@"}}`, "$.{}.{}"},
		{"application/json", `{"data":"{\"email\":\"@\"}"}`, "$.data"},
		{"application/json", `{"` + strings.Repeat("k", maxComponent) + `":"@"}`, "$." + strings.Repeat("k", maxComponent)},
		{"application/json", `{"` + strings.Repeat("k", maxComponent+1) + `":"@"}`, "$.{}"},
		{"application/json", strings.Repeat(`{"key":`, 24) + `"@"`, "$…" + strings.Repeat(".key", 23)},
		{"application/json", strings.Repeat(`[`, maxJSONDepth) + `{"a":"@"`, "$…" + strings.Repeat("[]", 44) + ".…"},
		{"application/json", `{"a":1}{"email":"@"}`, "$.email after"},
		{"application/json", "{\"a\":1}\n{\"email\":\"@\"}", "$.email"}, // one text to a line
		{"application/json", `{"a":1}` + "\n" + `email":"@"}`, "text after"},
		{"application/vnd.api+json", `{"a":"@"}`, "$.a"},
		{"", `{"a":"@"}`, "$.a"},
		{"", `<i>@`, "i"},
		{"text/plain", `mail @`, "text"},
		{"text/plain", `see http://shop.example/x?email=@`, "query"},
		{"text/csv", "id,email\n1,@", "text"},
		{"application/x-ndjson", "{\"a\":[\n{\"b\":{\"c\":\"@\"}}", "$.b.c"},
		{"text/event-stream", "data: {\"x\":1}\n\nevent: a\ndata: {\"b\":\"@\"}\n\n", "$.b"},
		{"text/event-stream", "data: @\n\n", "text"},
		{js, `window.user = {email: '@'}`, "$.email"},
		{js, `cb({"user":{"email":"@"}})`, "$.user.email"},
		{js, `function f() { /* don't */ if (x) { return {a: "it's", b: ["@"]} } }`, "$.b[]"},
		{html, `<ul><li class="col-2 mail x">@`, "li.mail"},
		{html, `<span class='css-1x2y'>@</span>`, "span.css-#"},
		{html, `<span class=mail id=x>@</span>`, "span.mail"},
		{html, `<p class="a">Hello <b class="b">you</b><br>@</p>`, "p.a"},
		{html, `<P CLASS="a">@</P>`, "p"},
		{html, `<a class="x" href="mailto:@">`, "a[href]"},
		{html, `<a href="/x?a=1&b=2&c=@">`, "a[href]"},
		{html, `<input value=@>`, "input[value]"},
		{html, `<div data-user1="@">`, "div[data-user#]"},
		{html, `<my-card x="@">`, "my-card[x]"},
		{html, `<b class="` + strings.Repeat("c", maxComponent+1) + `">@`, "b.{}"},
		{html, `x < y @`, "text"},
		{html, `@`, "text"},
		{html, `<p>1</p><!-- sent to @ -->`, "comment"},
		{html, `<body><script>var s = {"user":{"email":"@"}}</script>`, "script:$.user.email"},
		{html, `<script type="application/ld+json">{"email":"@"}</script>`, "script:$.email"},
		{html, `<SCRIPT>x = 1</SCRIPT><p>@`, "p"},
		{html, `<script>mail("@")</script>`, "script"},
		{html, `<html><p>a</p></html>@`, "text after"},
		{html, `<html><p>a</p></HTML><i>@`, "i after"},
		{html, `<html><script>x="</html>"</script><i>@</i></html>`, "i"},
		{html, `<html><!-- </html> --><i>@</i></html>`, "i"},
		{html, `<html><b title="</html>"><i>@</i></html>`, "i"},
		{html, `<html><textarea></html></textarea><i>@</i></html>`, "i"},
		{html, `<html>` + strings.Repeat(`<!-- </html> -->`, maxEnds-1) + `</html><i>@</i>`, "i after"},
		{html, `<html>` + strings.Repeat(`<!-- </html> -->`, maxEnds) + `</html><i>@</i>`, "i"}, // one too many: not told
		{"image/svg+xml", `<text class="m">@</text>`, "text.m"},
	} {
		d := found(t, g, v.contentType, strings.Replace(v.body, "@", "alice@shop.example", 1)+" ", nil)
		got := d.Place
		if d.AfterEnd {
			got += " after"
		}
		if strings.Contains(v.body, `"x@y.example"`) {
			d = found(t, g, v.contentType, `{"x@y.example":{"3fa85f64-5717-4562-b3fc-2c963f66afa6":"alice@shop.example"}}`, nil)
			got = d.Place
		}
		if got != v.want {
			t.Errorf("%s %s: %q, not %q", v.contentType, v.body, got, v.want)
		}
	}
	if d := found(t, g, html, "<i>alice@shop.example", nil); d.Place != "…" { // what may go on came by itself
		t.Errorf("%q", d.Place)
	}
	if d := found(t, g, html, "", http.Header{"X-User-1": {"alice@shop.example"}}); d.Place != "header:X-User-#" {
		t.Errorf("%q", d.Place)
	}
}

// found is the last disclosure in a captured page.
func found(t testing.TB, g *Guard, contentType, body string, h http.Header) (last candor.Disclosure) {
	if h == nil {
		h = http.Header{}
	}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	g.Note = func(candor.Entry) {}
	u, _ := url.Parse("http://shop.example/x")
	x := &candor.Exchange{Time: time.Unix(1542708000, 0), Request: &http.Request{Method: "GET", URL: u, Host: "shop.example", Header: http.Header{}}, Status: 200, Header: h, Body: strings.NewReader(body)}
	if _, err := g.Inspect(t.Context(), x, func(d candor.Disclosure) { last = d }); err != nil {
		t.Fatal(err)
	}
	return last
}

// Where the beginning was not in the piece with the first match, a place says so, and does not depend on how much more was.
func TestPlacesOutOfSight(t *testing.T) {
	g := fuzzGuard(t)
	for size := 70_000; size < 70_100; size += 7 {
		filler := strings.Repeat(`{"text":"a, b: {c}"},`, size/21)
		filler = strings.Repeat(" ", size%21) + filler
		for body, want := range map[string]string{
			`{"list":[` + filler + `{"author":{"email":"alice@shop.example"}}]}`:                                 "$….author.email",
			`<script>x = {"list":[` + filler + `{"author":{"email":"alice@shop.example"}}]}</script>`:            "script:$….author.email",
			`<p>` + strings.ReplaceAll(filler, `"`, "'") + `</p><i class="m">alice@shop.example</i></html>`:      "i.m",
			`{"list":[{"author":{"email":"alice@shop.example"}},` + filler + `{"me":"bob@shop.example"}]}`:       "$.list[].me",
			`<script>x = {"list":[{"a":"alice@shop.example"},` + filler + `{"me":"bob@shop.example"}]}</script>`: "script:$.list[].me",
		} {
			kind := "application/json"
			if body[0] == '<' {
				kind = html
			}
			if d := found(t, g, kind, body, nil); d.Place != want || d.AfterEnd {
				t.Errorf("%d: %s…: %q, not %q", size, body[:20], d.Place, want)
			}
		}
	}
}

// Whatever a page is made of, a place is short and holds no digit and no address.
func FuzzPlace(f *testing.F) {
	for _, kind := range []string{"application/json", html, js, "text/event-stream", "text/plain", "application/xml"} {
		f.Add(kind, `{"a1":[{"x@y.example":"it's`, `"}]}`)
		f.Add(kind, `<a class="u1001" href='/?q=`, `'>`)
		f.Add(kind, "<html></html><script>x={a:'", "'}</script>")
		f.Add(kind, "data: {\"a\":\"\\\\\\\"", "\"}\n\n")
	}
	g := fuzzGuard(f)
	f.Fuzz(func(t *testing.T, kind, before, after string) {
		if len(before) > 1<<16 || strings.ContainsAny(kind, "\r\n") {
			return
		}
		last := found(t, g, kind, before+"alice@shop.example"+after, nil)
		for _, size := range []int{0, 70_000} {
			d := found(t, g, kind, strings.Repeat(" ", size)+before+" alice@shop.example "+after, nil)
			check := []string{d.Place, last.Place}
			for _, p := range check {
				if len(p) > maxPlace || strings.ContainsAny(p, "0123456789@") || strings.ToValidUTF8(p, "") != p {
					t.Errorf("%q", p)
				}
			}
		}
	})
}

func TestIsDeceptive(t *testing.T) {
	for path, want := range map[string]bool{"/account/x.css": true, "/account;x.js": true, "/account%2fx.png": true, "/account%3Bx.ICO": true, "/account%00x.woff2": true, "/account%3fx.svg": true,
		"/static/..%2faccount": true, "/static/%2e%2e%2Faccount": true, "/account": false, "/a.css/account": false, "/data.json": false, "/page.html": false, "/": false, "/.css": true, "": false, "/v1.2": false} {
		if isDeceptive(path, "text/html") != want || isDeceptive(path, "application/json") != want || isDeceptive(path, "text/css") {
			t.Errorf("%s: want %v", path, want)
		}
	}
}

func TestIsTrace(t *testing.T) {
	far := strings.Repeat("x", maxTrace)
	for body, want := range map[string]bool{
		"java.lang.NullPointerException\n\tat java.base/x\n":                     true,
		"at a(A.java:12)\nat b(B.java:13)":                                       true,
		"see A.java:12":                                                          false,
		"Traceback (most recent call last)":                                      true,
		"#0 /srv/app/index.php(12): f()\n#1 /srv/app/index.php(13): g()":         true,
		"at f (/srv/app.js:1:2)\nat g (/srv/app.js:3:4)":                         true,
		"/srv/a.rb:1:in `x'\n/srv/b.rb:22:in `y'":                                true,
		"   at System.Web.X() in C:\\a.cs:line 12":                               true,
		"goroutine 1 [running]:\nmain.main()":                                    true,
		"Vendor\\Illuminate\\Database":                                           true,
		"<p>Our support tracks and traces your parcel. goroutine, Ruby and .php": false,
		"": false,
	} {
		if got := isTrace(200, []byte(body), 0); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
	page := []byte(far + "!Traceback (most recent call last)")
	if isTrace(200, page, 0) || !isTrace(400, page, 0) || !isTrace(200, page, 1000) {
		t.Error("what is far away counts where something failed")
	}
}

func TestTold(t *testing.T) {
	for v, want := range map[string]int{"": -1, "0": 0, "12": 12, " 7 , 9": 7, "-1": -1, "x": -1, "99999999999": -1} {
		if got := age(http.Header{"Age": {v}}); got != want {
			t.Errorf("Age %q: %d", v, got)
		}
	}
	for v, want := range map[string]string{`a; hit; key=x; ttl=1`: "hit; ttl=1", `a; key="x;\"hit"; hit, b;key=z, miss`: "hit, miss", `a;stored;key="x hit`: "stored", "monkey; hit": "hit"} {
		if got := cacheStatus(http.Header{"Cache-Status": {v}}); got != "Cache-Status: "+want {
			t.Errorf("%s: %s", v, got)
		}
	}
	e := exchange{g: fuzzGuard(t)}
	var keys []string
	for i := range maxKeys + 1 {
		keys = append(keys, fmt.Sprint("k", i))
	}
	if got := e.surrogateKeys(http.Header{"Cache-Tag": {strings.Join(keys, ",")}}); len(got) != maxKeys {
		t.Errorf("%d keys", len(got))
	}
	if got := e.surrogateKeys(http.Header{"Xkey": {strings.Repeat("k-", maxKey/2) + " " + strings.Repeat("l-", maxKey/2) + "l"}}); len(got) != 1 {
		t.Errorf("%d keys", len(got))
	}
}

func TestObject(t *testing.T) {
	object := func(target, route string) string {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		e := exchange{g: fuzzGuard(t), site: "shop.example", route: route, x: &candor.Exchange{Request: &http.Request{URL: u}}}
		return e.object()
	}
	one := object("/orders/1001", "GET /orders/{id}")
	if one == "" || strings.Contains(one, "1001") || one != object("/orders/1001?page=2&utm_id=7&gclid=5", "GET /orders/{id}") {
		t.Error(one)
	}
	for _, other := range []string{object("/orders/1002", "GET /orders/{id}"), object("/orders/1001?line=3", "GET /orders/{id}"), object("/orders/anna", "GET /orders/{name}"), object("/orders?id=1001", "GET /orders")} {
		if other == "" || other == one {
			t.Error(other)
		}
	}
	for _, none := range []string{object("/account", "GET /account"), object("/account?lang=de&page=2", "GET /account"), object("/graphql", "POST /graphql#Me")} {
		if none != "" {
			t.Error(none)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	var b bodies
	now := time.Unix(1542708000, 0)
	meet := func(body string, after time.Duration) candor.Twins {
		return b.meet(body, sighting{viewer: "v", start: now.Add(after), end: now.Add(after)})
	}
	for range 2*maxSightings + 1 {
		meet("a", 0)
	}
	if n := meet("a", bodiesLast); n.Responses != maxSightings || !meet("a", 0).Overlap {
		t.Errorf("%+v", n)
	}
	if n := meet("a", bodiesLast+1); n.Responses > 0 {
		t.Errorf("one past ten minutes: %+v", n)
	}
	for i := range 3 * maxBodies {
		meet(fmt.Sprint(i), bodiesLast)
	}
	if n := len(b.now) + len(b.old); n > 2*maxBodies {
		t.Errorf("%d bodies", n)
	}
}

func TestPersonalIsBounded(t *testing.T) {
	var p personal
	for i := range maxPersonal + 2 {
		p.add(&exchange{x: &candor.Exchange{}}, []string{fmt.Sprint(i)}, caching{}, false)
	}
	if n := len(p.sums); n != maxPersonal+1 || p.sums[personalKey{otherRoute, otherRoute, otherRoute}].Responses != 2 {
		t.Errorf("%d", n)
	}
}

func TestUnrecordedIsBounded(t *testing.T) {
	var u unrecorded
	u.put(make([]candor.Sealed, maxUnrecorded))
	u.put([]candor.Sealed{{Owner: "last"}})
	if list := u.take(nil); len(list) != maxUnrecorded || list[maxUnrecorded-1].Owner != "last" || len(u.take(nil)) != 0 {
		t.Errorf("%d", len(list))
	}
}

// What waits goes a part at a time.
func TestUnrecordedIsTakenInParts(t *testing.T) {
	var u unrecorded
	list := make([]candor.Sealed, 1000)
	for i := range list {
		list[i] = candor.Sealed{Owner: fmt.Sprint(i), Blob: make([]byte, 1300)}
	}
	u.put(list)
	seen := 0
	for range 3 {
		part := u.take([]candor.Sealed{{Owner: "more"}})
		if n := len(part) - 1; n*1300 > maxTaken || part[n].Owner != "more" || n > 0 && part[0].Owner != fmt.Sprint(seen) {
			t.Errorf("%d: %+v", n, part[n].Owner)
		}
		seen += len(part) - 1
	}
	if seen != 1000 || u.list != nil {
		t.Errorf("%d", seen)
	}
}

package viewer

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"candor.example"
)

// Credentials of the tests, as shops make them.
const (
	sidA = "s3ss10nAAAAAAAAAAAAAAAA1"
	sidB = "s3ss10nBBBBBBBBBBBBBBBB2"
	sidC = "s3ss10nCCCCCCCCCCCCCCCC3"
)

// trip is one exchange in the making.
type trip struct {
	method, path, contentType, body string // the request's; a body without a type is a form
	cookie, bearer                  string // sent as sid, as Authorization
	requestHeader                   []string

	status     int // zero: 200
	set        []string
	header     []string
	answerType string
	answer     string
}

func (p trip) exchange(now time.Time) *candor.Exchange {
	method := p.method
	if method == "" {
		method = "POST"
	}
	req := httptest.NewRequest(method, "http://shop.example"+p.path, nil)
	if p.body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if p.contentType != "" {
		req.Header.Set("Content-Type", p.contentType)
	}
	if p.cookie != "" {
		req.Header.Set("Cookie", "theme=dark; sid="+p.cookie)
	}
	if p.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+p.bearer)
	}
	for i := 0; i < len(p.requestHeader); i += 2 {
		req.Header.Add(p.requestHeader[i], p.requestHeader[i+1])
	}
	x := &candor.Exchange{Time: now, Request: req, RequestBody: []byte(p.body), Status: p.status, Header: http.Header{}}
	if x.Status == 0 {
		x.Status = 200
	}
	for _, c := range p.set {
		x.Header.Add("Set-Cookie", c)
	}
	for i := 0; i < len(p.header); i += 2 {
		x.Header.Add(p.header[i], p.header[i+1])
	}
	if p.answerType != "" {
		x.Header.Set("Content-Type", p.answerType)
	}
	return x
}

// shop is a resolver with a clock, through which exchanges pass as the guard would hand them over.
type shop struct {
	*Resolver
	*clock
	t testing.TB
}

func newShop(t testing.TB, o Options) *shop {
	c := newClock()
	o.Now = c.now
	if o.Sources == nil {
		o.Sources = []string{"session:sid", "session:authorization"}
	}
	return &shop{newResolver(t, o), c, t}
}

// supplied finds the addresses that a request carries, as the guard does.
func supplied(x *candor.Exchange) func() []string {
	return func() (list []string) {
		all := strings.ToLower(strings.NewReplacer("%40", "@", `\u0040`, "@").Replace(x.Request.URL.RawQuery + string(x.RequestBody) + x.Request.Header.Get("Cookie")))
		for addr, ids := range customers {
			if strings.Contains(all, addr) {
				list = append(list, ids...)
			}
		}
		return list
	}
}

func (s *shop) pass(p trip) (taught bool, customer string) {
	x := p.exchange(s.t0())
	if !s.Teaches(x, supplied(x)) {
		return false, ""
	}
	return true, s.Learn(x, supplied(x), []byte(p.answer))
}

func (s *shop) t0() time.Time { return s.clock.t }

func (s *shop) holds(cookie string) string {
	return s.Viewer(get("/account", "Cookie", "sid="+cookie)).Customer
}

func (s *shop) bears(token string) string {
	return s.Viewer(get("/account", "Authorization", "Bearer "+token)).Customer
}

func (s *shop) want(what, got, want string) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func (s *shop) login(cookie, email, sid string) {
	s.t.Helper()
	_, who := s.pass(trip{path: "/login", body: "email=" + strings.Replace(email, "@", "%40", 1) + "&password=x", cookie: cookie,
		status: 303, set: []string{"sid=" + sid + "; Path=/; HttpOnly"}, header: []string{"Location", "/account"}})
	s.want("login of "+email, who, customers[email][0])
}

const form = "email=alice%40shop.example&password=hunter2"

var multipartLogin = strings.ReplaceAll("--B\nContent-Disposition: form-data; name=\"_username\"\n\nalice@shop.example\n"+
	"--B\nContent-Disposition: form-data; name=\"_password\"\n\nx\n--B--\n", "\n", "\r\n")

func TestLoginsTeach(t *testing.T) {
	set := []string{"sid=" + sidA + "; Path=/"}
	account := []string{"Location", "https://shop.example/account?welcome=1"}
	for name, p := range map[string]trip{
		"form and redirect":              {path: "/login", body: form, status: 302, set: set, header: account},
		"form and page":                  {path: "/login", body: form, set: set, answerType: "text/html; charset=utf-8", answer: "<h1>Welcome</h1>"},
		"form and nothing":               {path: "/login", body: form, status: 204, set: set},
		"rotated":                        {path: "/login", body: form, cookie: sidB, status: 302, set: set, header: account},
		"cleared, then set":              {path: "/login", body: form, status: 302, set: []string{"sid=; Domain=old.shop.example; Max-Age=0", set[0]}, header: account},
		"set, then cleared elsewhere":    {path: "/login", body: form, status: 302, set: []string{set[0], "sid=deleted; Domain=old.shop.example; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}, header: account},
		"upper case":                     {path: "/login", body: "login[username]=ALICE%40shop.example&login[password]=x", status: 302, set: set, header: account},
		"address given twice":            {path: "/login", body: form + "&hint=alice%40shop.example", status: 302, set: set, header: account},
		"one-time password":              {path: "/login/code", body: "email=alice%40shop.example&otp=123456", status: 302, set: set, header: account},
		"JSON":                           {path: "/api/session", contentType: "application/json", body: `{"user":{"email":"alice\u0040shop.example","password":"x"}}`, set: set, answerType: "application/json", answer: `{"ok":true,"errors":[],"error":null}`},
		"JSON in text/plain":             {path: "/api/session", contentType: "text/plain", body: ` {"email":"alice@shop.example","pwd":"x"}`, set: set},
		"multipart":                      {path: "/login_check", contentType: "multipart/form-data; boundary=B", body: multipartLogin, status: 302, set: set, header: account},
		"GraphQL variables":              {path: "/shop-api", contentType: "application/json", body: `{"query":"mutation M($u:String!,$p:String!){login(username:$u,password:$p){__typename}}","variables":{"u":"alice@shop.example","p":"x"}}`, set: set, answerType: "application/json", answer: `{"data":{"login":{"__typename":"CurrentUser","id":"3"}}}`},
		"GraphQL arguments in the query": {path: "/shop-api", contentType: "application/json", body: `{"query":"mutation{login(username:\"alice@shop.example\", password: \"x\"){...on CurrentUser{id}}}"}`, set: set, answerType: "application/json", answer: `{"data":{"login":{"id":"3"}}}`},
		"application/graphql":            {path: "/graphql", contentType: "application/graphql", body: `mutation{signIn(email:"alice@shop.example",pass:"x"){id}}`, set: set, answerType: "application/json", answer: `{"data":{"signIn":{"id":1}}}`},
		"Angular's prefix":               {path: "/api/login", body: form, set: set, answerType: "application/json", answer: ")]}',\n{\"id\":7}"},
		"PUT":                            {method: "PUT", path: "/api/login", body: form, set: set},
		"JSON without its type":          {path: "/api/login", body: form, set: set, answer: `{"id":7}`},
		"a path that only looks like it": {path: "/login", body: form, status: 302, set: set, header: []string{"Location", "/catalog/index"}},
	} {
		s := newShop(t, Options{})
		if _, who := s.pass(p); who != "1001" {
			t.Errorf("%s: the response's viewer is %q", name, who)
		}
		if got := s.holds(sidA); got != "1001" {
			t.Errorf("%s: learned %q", name, got)
		}
		if got := s.holds(sidB); got != "" {
			t.Errorf("%s: the old session: %q", name, got)
		}
	}
}

func TestFailedLoginsTeachNothing(t *testing.T) {
	set := []string{"sid=" + sidA + "; Path=/"}
	asJSON := func(answer string) trip {
		return trip{path: "/api/login", body: form, set: set, answerType: "application/json", answer: answer}
	}
	graphQL := func(answer string) trip {
		p := asJSON(answer)
		p.path, p.contentType = "/shop-api", "application/json"
		p.body = `{"query":"mutation{login(username:\"alice@shop.example\",password:\"x\"){id}}"}`
		return p
	}
	to := func(location string) trip {
		return trip{path: "/signin", body: form, status: 302, set: set, header: []string{"Location", location}}
	}
	page := func(html string) trip {
		return trip{path: "/login", body: form, set: set, answerType: "text/html", answer: html}
	}
	for name, p := range map[string]trip{
		"unauthorized":                    {path: "/login", body: form, status: 401, set: set},
		"server error":                    {path: "/login", body: form, status: 500, set: set},
		"not modified":                    {path: "/login", body: form, status: 304, set: set},
		"errors":                          asJSON(`{"errors":[{"message":"no"}]}`),
		"errors as object":                asJSON(`{"errors":{"email":["no"]}}`),
		"error":                           asJSON(`{"error":"invalid_grant"}`),
		"error true":                      asJSON(`{"error":true}`),
		"error code":                      asJSON(`{"result":{"errorCode":17}}`),
		"snake-case error":                asJSON(`{"error_description":"no"}`),
		"success false":                   asJSON(`{"success":false}`),
		"ok 0":                            asJSON(`{"ok":0}`),
		"status error":                    asJSON(`{"status":"error"}`),
		"status in the body":              asJSON(`{"statusCode":401,"message":"no"}`),
		"cut off":                         asJSON(`{"id":7`),
		"not JSON":                        asJSON(`Unauthorized`),
		"GraphQL errors":                  graphQL(`{"errors":[{"message":"no"}],"data":{"login":{"id":1}}}`),
		"GraphQL error type":              graphQL(`{"data":{"login":{"__typename":"InvalidCredentialsError"}}}`),
		"GraphQL error code":              graphQL(`{"data":{"login":{"errorCode":"INVALID_CREDENTIALS_ERROR"}}}`),
		"GraphQL user errors":             graphQL(`{"data":{"login":{"id":null,"customerUserErrors":[{}]}}}`),
		"GraphQL null":                    graphQL(`{"data":{"login":null}}`),
		"GraphQL nothing":                 graphQL(`{"data":{"login":{}}}`),
		"GraphQL false":                   graphQL(`{"data":{"login":false}}`),
		"GraphQL error type, deep":        graphQL(`{"data":{"a":{"b":{"c":{"d":{"__typename":"LoginError"}}}}}}`),
		"the form again":                  page(`<p>Wrong.<input name=p TYPE='Password'>`),
		"the form again, unquoted":        page(`<input type=password>`),
		"the form again, shown as text":   page(`<input type=text autocomplete="current-password">`),
		"a page too long to be sure":      page(strings.Repeat("x", maxBody)),
		"words":                           {path: "/login", body: form, set: set, answerType: "text/plain", answer: "Sorry"},
		"back to the same path":           to("/signin"),
		"back to the same path, absolute": to("https://shop.example/signin/?again=1"),
		"to the login page":               to("/login"),
		"to sign in":                      to("/users/sign_in"),
		"with an error":                   to("/?error=1"),
		"with a failure":                  to("/home?auth=failed"),
		"to nowhere":                      to(""),
		"to a broken place":               to("http://[::1"),

		"no password":                 {path: "/login", body: "email=alice%40shop.example", set: set},
		"an empty password":           {path: "/login", body: "email=alice%40shop.example&password=", set: set},
		"words with pass and pin":     {path: "/book", body: "email=alice%40shop.example&passenger=x&shipping=y&opinion=z", set: set},
		"two customers":               {path: "/login", body: form + "&cc=bob%40shop.example", set: set},
		"nobody's address":            {path: "/login", body: "email=eve%40shop.example&password=x", set: set},
		"an address only in a cookie": {path: "/login", body: "user=bob42&password=x", set: set, requestHeader: []string{"Cookie", "last=alice@shop.example"}},
		"an address as password":      {path: "/login", body: "user=bob42&password=alice%40shop.example", set: set},
		"in the URL":                  {method: "GET", path: "/login?" + form, set: set},
		"registering":                 {path: "/register", body: form, set: set},
		"registering by GraphQL":      {path: "/shop-api", contentType: "application/json", body: `{"query":"mutation{registerCustomerAccount(input:{emailAddress:\"alice@shop.example\",password:\"x\"}){id}}"}`, set: set, answer: `{"data":{"registerCustomerAccount":{"id":1}}}`},
		"changing the address":        {path: "/account/change-email", body: form, set: set},
		"from a cache":                {path: "/login", body: form, set: set, header: []string{"Age", "3"}},
		"no credential set":           {path: "/login", body: form},
		"a deleted credential":        {path: "/login", body: form, set: []string{"sid=" + sidA + "; Max-Age=0"}},
		"another cookie":              {path: "/login", body: form, set: []string{"lang=" + sidA}},
		"an unknown type of body":     {path: "/login", contentType: "application/x-protobuf", body: form, set: set},
	} {
		s := newShop(t, Options{})
		if _, who := s.pass(p); who != "" {
			t.Errorf("%s: the response's viewer is %q", name, who)
		}
		if n := s.Sessions().Len(); n != 0 || s.holds(sidA) != "" {
			t.Errorf("%s: learned %d", name, n)
		}
	}
}

// A credential that somebody else may have chosen beforehand says nothing about who holds it.
func TestSessionFixation(t *testing.T) {
	ok := []string{"Location", "/account"}
	for name, p := range map[string]trip{
		"the shop keeps the planted cookie":     {path: "/login", body: form, cookie: sidA, status: 302, header: ok},
		"the shop sends the planted one back":   {path: "/login", body: form, cookie: sidA, status: 302, set: []string{"sid=" + sidA}, header: ok},
		"the shop takes it from the URL":        {path: "/login?sid=" + sidA, body: form, status: 302, set: []string{"sid=" + sidA}, header: ok},
		"the shop takes it from the form":       {path: "/login", body: form + "&s=" + sidA, status: 302, set: []string{"sid=" + sidA}, header: ok},
		"the shop takes it from another cookie": {path: "/login", body: form, requestHeader: []string{"Cookie", "old=" + sidA}, status: 302, set: []string{"sid=" + sidA}, header: ok},
		"percent-encoded":                       {path: "/login?s=" + "%73" + sidA[1:], body: form, status: 302, set: []string{"sid=" + sidA}, header: ok},
		"too short to be secret":                {path: "/login", body: form, status: 302, set: []string{"sid=" + sidA[:minCredential-1]}, header: ok},
	} {
		s := newShop(t, Options{})
		s.pass(p)
		for _, c := range []string{sidA, sidA[:minCredential-1]} {
			if got := s.holds(c); got != "" {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
	s := newShop(t, Options{})
	s.login("", "alice@shop.example", sidA[:minCredential])
	s.want("just long enough", s.holds(sidA[:minCredential]), "1001")
}

func TestTwoCookiesOfOneName(t *testing.T) {
	s := newShop(t, Options{})
	s.login("", "alice@shop.example", sidA)
	s.login("", "bob@shop.example", sidB)
	s.want("both hers", s.Viewer(get("/", "Cookie", "sid="+sidA+"; sid="+sidA)).Customer, "1001")
	s.want("two people's", s.Viewer(get("/", "Cookie", "sid="+sidA+"; sid="+sidB)).Customer, "")
	s.want("hers and an unknown one", s.Viewer(get("/", "Cookie", "sid="+sidA+"; sid="+sidC)).Customer, "")
	s.want("an unknown one and hers", s.Viewer(get("/", "Cookie", "sid="+sidC+"; sid="+sidA)).Customer, "")
	s.want("more than are looked at", s.Viewer(get("/", "Cookie", strings.Repeat("sid="+sidA+"; ", 5))).Customer, "")
	s.want("as many as are looked at", s.Viewer(get("/", "Cookie", strings.Repeat("sid="+sidA+"; ", 4))).Customer, "1001")
}

func TestLogout(t *testing.T) {
	for name, p := range map[string]trip{
		"the cookie is deleted":       {path: "/bye", status: 302, set: []string{"sid=; Max-Age=0"}, header: []string{"Location", "/"}},
		"deleted by date":             {path: "/bye", set: []string{"sid=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}},
		"deleted even by an error":    {path: "/bye", status: 401, set: []string{"sid=deleted"}},
		"replaced by a new session":   {method: "GET", path: "/customer/logout", status: 302, set: []string{"sid=" + sidB}, header: []string{"Location", "/"}},
		"nothing but its name":        {path: "/account/sign-out", status: 204},
		"GraphQL":                     {path: "/shop-api", contentType: "application/json", body: `{"query":"mutation{logout{success}}"}`},
		"DELETE of the session":       {method: "DELETE", path: "/api/session", status: 204},
		"Clear-Site-Data":             {path: "/x", header: []string{"Clear-Site-Data", `"cache", "cookies"`}},
		"thrown out to the login":     {method: "GET", path: "/account", status: 302, set: []string{"sid=" + sidB}, header: []string{"Location", "/login?next=/account"}},
		"with its helpers deleted":    {method: "GET", path: "/x", set: []string{"sid=" + sidB, "remember_me=; Max-Age=0"}},
		"replaced after an error":     {method: "GET", path: "/x", status: 403, set: []string{"sid=" + sidB}},
		"replaced out of a cache":     {method: "GET", path: "/x", set: []string{"sid=" + sidB}, header: []string{"X-Cache", "HIT"}},
		"somebody fails to sign in":   {path: "/login", body: "email=bob%40shop.example&password=x", set: []string{"sid=" + sidB}, answerType: "application/json", answer: `{"error":"no"}`},
		"somebody unknown signs in":   {path: "/login", body: "user=eve42&password=x", status: 302, set: []string{"sid=" + sidB}, header: []string{"Location", "/account"}},
		"another's address elsewhere": {path: "/account/contact", body: "email=bob%40shop.example&password=x", status: 302, set: []string{"sid=" + sidB}, header: []string{"Location", "/account"}},
	} {
		s := newShop(t, Options{})
		s.login("", "alice@shop.example", sidA)
		p.cookie = sidA
		s.pass(p)
		s.want(name+": responses under way", s.holds(sidA), "1001")
		s.want(name+": the new session", s.holds(sidB), "")
		s.advance(grace + time.Second)
		s.want(name+": later", s.holds(sidA), "")
	}
}

func TestGraceEnds(t *testing.T) {
	s := newShop(t, Options{})
	s.login("", "alice@shop.example", sidA)
	s.pass(trip{path: "/logout", cookie: sidA})
	s.advance(grace)
	s.want("at its end", s.holds(sidA), "1001")
	s.advance(time.Second)
	s.want("past it, though it was used in it", s.holds(sidA), "")
}

// A failed logout, or a page that only has such a link, ends nothing.
func TestNotALogout(t *testing.T) {
	for name, p := range map[string]trip{
		"a failed logout":      {path: "/logout", status: 403, cookie: sidA},
		"somebody else's":      {path: "/logout", cookie: sidB},
		"an ordinary page":     {method: "GET", path: "/", cookie: sidA},
		"the same cookie sent": {method: "GET", path: "/", cookie: sidA, set: []string{"sid=" + sidA + "; Max-Age=3600"}},
		"another is deleted":   {method: "GET", path: "/", cookie: sidA, set: []string{"flash=; Max-Age=0"}},
	} {
		s := newShop(t, Options{})
		s.login("", "alice@shop.example", sidA)
		s.pass(p)
		s.advance(grace + time.Second)
		s.want(name, s.holds(sidA), "1001")
	}
}

// Frameworks that keep the session inside an encrypted cookie send a new value with each response.
func TestRotationCarriesTheOwner(t *testing.T) {
	for name, p := range map[string]trip{
		"a page":                     {method: "GET", path: "/account", set: []string{"sid=" + sidB}},
		"a page and a flash deleted": {method: "GET", path: "/account", set: []string{"flash=; Max-Age=0", "sid=" + sidB}},
		"a redirect":                 {path: "/cart", body: "sku=1", status: 302, set: []string{"sid=" + sidB}, header: []string{"Location", "/cart"}},
		"the second factor":          {path: "/login/2fa", body: "otp=123456&_token=abc", status: 302, set: []string{"sid=" + sidB}, header: []string{"Location", "/account"}},
		"a new password":             {path: "/account/password", body: "current_password=a&new_password=b", status: 302, set: []string{"sid=" + sidB}, header: []string{"Location", "/account"}},
	} {
		s := newShop(t, Options{})
		s.login("", "alice@shop.example", sidA)
		p.cookie = sidA
		if taught, _ := s.pass(p); taught {
			t.Errorf("%s: the body is held back for nothing", name)
		}
		s.want(name+": the new one", s.holds(sidB), "1001")
		s.want(name+": a request that was sent with the old one", s.holds(sidA), "1001")
		s.pass(trip{method: "GET", path: "/x", cookie: sidA, set: []string{"sid=" + sidB}})
		s.want(name+": and gets the new one, too", s.holds(sidB), "1001")
		s.advance(grace + time.Second)
		s.want(name+": the old one, later", s.holds(sidA), "")
	}
}

func TestRotationAfterTheShopsTimeoutCarriesNothing(t *testing.T) {
	for idle, want := range map[time.Duration]string{30 * time.Minute: "1001", 30*time.Minute + time.Second: ""} {
		s := newShop(t, Options{})
		s.login("", "alice@shop.example", sidA)
		s.advance(idle)
		s.pass(trip{method: "GET", path: "/", cookie: sidA, set: []string{"sid=" + sidB}})
		s.want("after "+idle.String(), s.holds(sidB), want)
	}
	s := newShop(t, Options{Idle: time.Hour})
	s.login("", "alice@shop.example", sidA)
	s.advance(time.Hour)
	s.pass(trip{method: "GET", path: "/", cookie: sidA, set: []string{"sid=" + sidB}})
	s.want("after the operator's hour", s.holds(sidB), "1001")
}

func TestLoginAsSomebodyElse(t *testing.T) {
	s := newShop(t, Options{})
	s.login("", "alice@shop.example", sidA)
	s.login(sidA, "bob@shop.example", sidB)
	s.want("the new session", s.holds(sidB), "1002")
	s.advance(grace + time.Second)
	s.want("the old one", s.holds(sidA), "")

	s = newShop(t, Options{}) // a shop that does not rotate: whose it is now is not known
	s.login("", "alice@shop.example", sidA)
	s.pass(trip{path: "/login", body: "email=bob%40shop.example&password=x", cookie: sidA, status: 302, header: []string{"Location", "/account"}})
	s.advance(grace + time.Second)
	s.want("the session of two", s.holds(sidA), "")

	s = newShop(t, Options{})
	s.login("", "alice@shop.example", sidA)
	s.login(sidA, "alice@shop.example", sidB)
	s.want("the same customer again", s.holds(sidB), "1001")
}

// The classic: a cache keeps a response with its Set-Cookie, and everybody becomes the customer who came first.
func TestCredentialHandedToTwoPeopleNamesNobody(t *testing.T) {
	cached := func(cookie string) trip {
		return trip{method: "GET", path: "/products/7", cookie: cookie, set: []string{"sid=" + sidC}}
	}
	for _, second := range []string{"", sidB} {
		s := newShop(t, Options{})
		s.login("", "alice@shop.example", sidA)
		s.login("", "bob@shop.example", sidB)
		s.pass(cached(sidA))
		s.want("to the first", s.holds(sidC), "1001")
		s.pass(cached(second))
		s.want("to the second", s.holds(sidC), "")
		s.pass(cached(sidA))
		s.want("to the first again", s.holds(sidC), "")
		s.pass(trip{path: "/login", body: form, status: 302, set: []string{"sid=" + sidC}, header: []string{"Location", "/account"}})
		s.want("even after a login", s.holds(sidC), "")
	}
	s := newShop(t, Options{})
	s.login("", "alice@shop.example", sidA)
	_, who := s.pass(trip{path: "/login", body: "email=bob%40shop.example&password=x", status: 302, set: []string{"sid=" + sidA}, header: []string{"Location", "/account"}})
	s.want("two logins, one session: this response", who, "")
	s.want("two logins, one session", s.holds(sidA), "")
}

const tokenA, tokenB, tokenC = "t0k3n.AAAAAAAAAAAAAAAAAAAA", "t0k3n.BBBBBBBBBBBBBBBBBBBB", "t0k3n.CCCCCCCCCCCCCCCCCCCC"

func TestBearerTokensAreLearned(t *testing.T) {
	answer := func(json string) trip {
		return trip{path: "/api/login", body: form, answerType: "application/json", answer: json}
	}
	for name, p := range map[string]trip{
		"JSON":                {path: "/oauth/token", body: "grant_type=password&username=alice%40shop.example&password=x", answerType: "application/json", answer: `{"access_token":"` + tokenA + `","token_type":"bearer"}`},
		"deep JSON":           answer(`{"data":{"customerAccessTokenCreate":{"customerAccessToken":{"accessToken":"` + tokenA + `"},"customerUserErrors":[]}}}`),
		"wrapped":             answer(`{"token":{"value":"` + tokenA + `"}}`),
		"a list":              answer(`{"tokens":["x","` + tokenA + `"]}`),
		"nothing but it":      answer(`"` + tokenA + `"`),
		"a header":            {path: "/shop-api", body: form, header: []string{"Vendure-Auth-Token", tokenA}},
		"an Authorization":    {path: "/login", body: form, header: []string{"Authorization", "Bearer " + tokenA}},
		"instead of an older": {path: "/shop-api", bearer: tokenB, body: form, header: []string{"Vendure-Auth-Token", tokenA}},
	} {
		s := newShop(t, Options{})
		if _, who := s.pass(p); who != "1001" {
			t.Errorf("%s: the response's viewer is %q", name, who)
		}
		s.want(name, s.bears(tokenA), "1001")
		s.want(name+", as a cookie", s.holds(tokenA), "")
	}
}

// What other people may know must not become a credential.
func TestWhatIsNoBearerToken(t *testing.T) {
	for name, p := range map[string]trip{
		"an id":                   {answer: `{"user":{"id":"` + tokenA + `","uuid":"` + tokenA + `"}}`},
		"an id below auth":        {answer: `{"auth":{"customerRef":"` + tokenA + `"},"session":{"id":"` + tokenA + `"}}`},
		"an anti-forgery token":   {answer: `{"csrfToken":"` + tokenA + `"}`, header: []string{"X-Csrf-Token", tokenA}},
		"a token of the request":  {answer: `{"token":"` + tokenA + `"}`, requestHeader: []string{"X-Device", tokenA}},
		"words":                   {answer: `{"token":"` + strings.Repeat("word", 6) + `"}`},
		"a number":                {answer: `{"token":"` + strings.Repeat("12", 12) + `"}`},
		"a sentence":              {answer: `{"token":"your 2nd token is in the mail"}`},
		"too short":               {answer: `{"token":"` + tokenA[:minCredential-1] + `"}`},
		"an author":               {answer: `{"author":"` + tokenA + `"}`},
		"a header of the network": {header: []string{"Etag", tokenA, "Access-Control-Expose-Session", tokenA, "Www-Authenticate", tokenA}},
		"a failed login":          {answer: `{"error":"no","token":"` + tokenA + `"}`},
	} {
		p.path, p.body, p.answerType = "/api/login", form, "application/json"
		s := newShop(t, Options{})
		s.pass(p)
		if n := s.Sessions().Len(); n != 0 {
			t.Errorf("%s: learned %d", name, n)
		}
	}
	s := newShop(t, Options{})
	s.pass(trip{path: "/api/login", body: form, answerType: "application/json", answer: `{"token":"` + tokenA[:minCredential] + `"}`})
	s.want("just long enough", s.bears(tokenA[:minCredential]), "1001")
}

func TestTokensOfOneResponseAreBounded(t *testing.T) {
	var list []string
	for i := range maxTokens + 1 {
		list = append(list, fmt.Sprintf(`"%s%02d"`, tokenA, i))
	}
	s := newShop(t, Options{})
	s.pass(trip{path: "/api/login", body: form, answerType: "application/json", answer: `{"tokens":[` + strings.Join(list, ",") + `]}`})
	if n := s.Sessions().Len(); n != maxTokens {
		t.Errorf("learned %d", n)
	}
}

func TestTokenRenewal(t *testing.T) {
	signIn := trip{path: "/oauth/token", body: form, answerType: "application/json", answer: `{"access_token":"` + tokenA + `","refresh_token":"` + tokenB + `"}`}
	renewed := `{"access_token":"` + tokenC + `"}`
	for name, c := range map[string]struct {
		p    trip
		want string
	}{
		"by the refresh token":    {trip{path: "/oauth/token", body: "grant_type=refresh_token&refresh_token=" + tokenB, answer: renewed}, "1001"},
		"by the old token":        {trip{path: "/auth/refresh", bearer: tokenA, answer: renewed}, "1001"},
		"in a header":             {trip{method: "GET", path: "/x", bearer: tokenA, header: []string{"X-Auth-Token", tokenC}}, "1001"},
		"by an unknown token":     {trip{path: "/oauth/token", body: "refresh_token=" + sidC, answer: renewed}, ""},
		"refused":                 {trip{path: "/auth/refresh", bearer: tokenA, answer: `{"error":"expired","access_token":"` + tokenC + `"}`}, ""},
		"a login of an unknown":   {trip{path: "/oauth/token", bearer: tokenA, body: "username=eve42&password=x", answer: renewed}, ""},
		"logging out":             {trip{path: "/auth/token/logout", bearer: tokenA, answer: renewed}, ""},
		"somewhere else entirely": {trip{path: "/cart", bearer: tokenA, answer: renewed}, ""},
	} {
		s := newShop(t, Options{})
		s.pass(signIn)
		c.p.answerType = "application/json"
		s.pass(c.p)
		s.want(name, s.bears(tokenC), c.want)
	}
}

func TestSharedAddressSignsIn(t *testing.T) {
	s := newShop(t, Options{})
	_, who := s.pass(trip{path: "/login", body: "email=both%40shop.example&password=x", status: 302, set: []string{"sid=" + sidA}, header: []string{"Location", "/"}})
	s.want("always the same of the two", who, "1003")
}

// An earlier source that answers says who the viewer of the login's response is.
func TestLearningRespectsTheOrderOfSources(t *testing.T) {
	s := newShop(t, Options{Sources: []string{"header:x-customer", "session:sid"}})
	_, who := s.pass(trip{path: "/login", body: form, status: 302, set: []string{"sid=" + sidA}, header: []string{"Location", "/"}, requestHeader: []string{"X-Customer", "1002"}})
	s.want("somebody else answers first; the test's peer is no edge", who, "1001")
	p := trip{path: "/login", body: form, status: 302, set: []string{"sid=" + sidB}, header: []string{"Location", "/"}, requestHeader: []string{"X-Customer", "1002"}}
	x := p.exchange(s.t0())
	x.Request.RemoteAddr = "10.0.0.1:1"
	s.want("taught", fmt.Sprint(s.Teaches(x, supplied(x))), "true")
	s.want("the header comes first", s.Learn(x, supplied(x), nil), "")
	s.want("and the session is learned", s.holds(sidB), "1001")
}

func TestWithoutSessionSourcesNothingIsLearned(t *testing.T) {
	s := newShop(t, Options{Sources: []string{"header:x-customer"}})
	if taught, _ := s.pass(trip{path: "/login", body: form, set: []string{"sid=" + sidA}}); taught {
		t.Error("taught")
	}
}

// What the guard reads of the request must agree that the customer was named.
func TestSuppliedMustAgree(t *testing.T) {
	s := newShop(t, Options{})
	x := trip{path: "/login", body: form, set: []string{"sid=" + sidA}}.exchange(s.t0())
	if s.Teaches(x, func() []string { return nil }) {
		t.Error("taught")
	}
}

func TestPasswordNames(t *testing.T) {
	for _, key := range []string{"password", "Passwort", "user[password]", "login[pwd]", "kennwort", "customer.pass", "newPin2", "OTP", "clientSecret", "mot-de-passe", "contraseña", "passwd_1", "одноразовый_пароль"} {
		if !isPassword(key) {
			t.Errorf("%s is one", key)
		}
	}
	for _, key := range []string{"", "passenger", "shipping", "pinned", "compass", "opinion", "passport_no", "custom-dpi", "secretary", "spin", "photoPath", "topology", "csrf_token"} {
		if isPassword(key) {
			t.Errorf("%s is none", key)
		}
	}
}

func TestBodyFields(t *testing.T) {
	many := strings.Repeat("a=1&", maxFields)
	for name, c := range map[string]struct {
		contentType, body string
		want              []field
	}{
		"form":                 {"application/x-www-form-urlencoded; charset=utf-8", "a=1&b=%40+x&=z&%zz=1&c", []field{{"a", "1"}, {"b", "@ x"}, {"c", ""}}},
		"nested JSON":          {"application/json", `{"a":{"b":["x",{"c":"y"}],"d":1},"e":"z"}`, []field{{"b", "x"}, {"c", "y"}, {"e", "z"}}},
		"JSON that is cut off": {"application/json", `{"a":"x","b":"y`, []field{{"a", "x"}}},
		"GraphQL":              {"application/graphql", `query Q($p: String = "d") { a: f(x: "1", y: $p, z: 3) # (c: "no")` + "\n" + `{ g(t: """b"k""") } }`, []field{{"x", "1"}, {"y", "p"}, {"t", `b"k`}}},
		"multipart":            {"multipart/form-data; boundary=B", multipartLogin, []field{{"_username", "alice@shop.example"}, {"_password", "x"}}},
		"multipart cut off":    {"multipart/form-data; boundary=B", multipartLogin[:70], []field{{"_username", "alice@shop.ex"}}},
		"no boundary":          {"multipart/form-data", multipartLogin, nil},
		"nothing":              {"application/json", "", nil},
		"another type":         {"image/png", "a=1", nil},
	} {
		req := httptest.NewRequest("POST", "/", nil)
		req.Header.Set("Content-Type", c.contentType)
		if got := bodyFields(req, []byte(c.body)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	req := httptest.NewRequest("POST", "/", nil)
	if n := len(bodyFields(req, []byte(many+"b=2"))); n != maxFields {
		t.Errorf("%d fields", n)
	}
}

func TestJSONDepth(t *testing.T) {
	nested := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	if err := walkJSON(nested(maxDepth), func([]string, any) {}); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if err := walkJSON(nested(maxDepth+1), func([]string, any) {}); err != errDeep {
		t.Errorf("past it: %v", err)
	}
}

func FuzzLogin(f *testing.F) {
	f.Add("/login", "application/x-www-form-urlencoded", form, "sid="+sidA, "/account", "application/json", `{"ok":true}`, 200)
	f.Add("/shop-api", "application/json", `{"query":"mutation{login(username:\"alice@shop.example\",password:\"x\"){id}}"}`, "sid=; Max-Age=0", "", "application/json", `{"data":{"login":{"__typename":"E"}}}`, 200)
	f.Add("/l", "multipart/form-data; boundary=B", multipartLogin, "sid=\"", "http://[", "text/html", "<input type=password>", 302)
	f.Add("/api/me", "application/json", strings.Repeat(`{"a":[`, 2000), "=", "", "json", strings.Repeat(`[`, 70000), 200)
	f.Fuzz(func(t *testing.T, path, contentType, body, set, location, answerType, answer string, status int) {
		req, err := http.NewRequest("POST", "http://shop.example/"+path, nil)
		if err != nil {
			return
		}
		s := newShop(t, Options{WhoAmI: []string{"POST /api/me:$.a[0].email"}})
		req.Header = http.Header{"Content-Type": {contentType}, "Cookie": {"sid=" + sidB}}
		x := &candor.Exchange{Request: req, RequestBody: []byte(body), Status: status, Time: s.t0(),
			Header: http.Header{"Set-Cookie": {set}, "Location": {location}, "Content-Type": {answerType}, "X-Auth-Token": {set}}}
		all := func() []string { return []string{"1001", "1002"} }
		s.Teaches(x, all)
		s.Learn(x, all, []byte(answer))
		if n := s.Sessions().Len(); n > maxTokens+2 {
			t.Errorf("%d sessions", n)
		}
	})
}

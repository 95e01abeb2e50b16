package viewer

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"candor.example"
)

const (
	// minCredential is the shortest cookie or token that can be a session, in bytes: anything shorter could be guessed, and
	// whoever guesses it would be taken for its owner.
	minCredential = 16
	maxCredential = 16 << 10
	maxTokens     = 16 // tokens taken from one response
)

// Teaches is called when a response's headers are known. It reports whether the first 64 KiB of the body should go to
// Learn before the client sees any of it: when the response may be to a login, a who-am-I request or a token's renewal.
// What the headers alone tell, a session that ends or changes its credential, it takes in itself. supplied lists the
// owners whose identifiers the request carried.
//
// A credential that replaces another inherits its owner only if all of this holds, since after a logout or a timeout a
// shop hands out a new, anonymous session in just the same way: the response is no error and does not come from a cache,
// neither request nor response looks like a logout or leads to the login page, the request does not try to sign anybody
// in, the old credential was used within Options.Idle, and the new one was never seen before. One that was seen with
// somebody else has been handed to two people, and from then on names nobody.
func (r *Resolver) Teaches(x *candor.Exchange, supplied func() []string) bool {
	if !slices.ContainsFunc(r.sources, source.session) {
		return false
	}
	e := r.examine(x)
	if e.login(supplied) != "" {
		return true // what becomes of the old session depends on whether it succeeded
	}
	e.follow()
	return e.whoAmI() != nil || e.renewsToken()
}

// Learn is called after Teaches said so, with the start of the decoded body. It returns the customer who is the viewer of
// this very response, if it learned one; "" means that Viewer knows better.
func (r *Resolver) Learn(x *candor.Exchange, supplied func() []string, body []byte) (customer string) {
	e := r.examine(x)
	body = body[:min(len(body), maxBody)]
	source := -1
	if owner := e.login(supplied); owner != "" {
		source = e.signedIn(owner, body)
		customer = owner
	} else if w := e.whoAmI(); w != nil {
		source, customer = e.told(w, body)
	} else if e.renewsToken() {
		e.renew(body)
	}
	if source < 0 || r.ask(r.sources[:source], x.Request) != "" {
		return ""
	}
	return customer
}

// exam is what Teaches and Learn look at.
type exam struct {
	r      *Resolver
	x      *candor.Exchange
	held   []holding
	fields []field // of the request's body
	read   bool    // fields were read

	place   string // squashed path and GraphQL operation
	graphQL bool   // it has an operation
}

// holding is what a request carries for one session source.
type holding struct {
	values   []string
	customer string // who holds it; "" when unknown, Shared or contradictory
	used     int64  // when it was last used before now, in Unix seconds
}

func (r *Resolver) examine(x *candor.Exchange) *exam {
	e := &exam{r: r, x: x, held: make([]holding, len(r.sources))}
	for i, s := range r.sources {
		if s.session() {
			e.held[i] = r.holder(s, x.Request)
		}
	}
	return e
}

// credential is the digest under which a value is remembered; ok is false for what cannot be one.
func (r *Resolver) credential(s source, value string) (c credential, ok bool) {
	if len(value) < minCredential || len(value) > maxCredential {
		return c, false
	}
	copy(c[:], r.mac("session", s.cookie, value))
	return c, true
}

// holder looks up who holds the request's credentials of one source. Cookies of one name that point to different people
// point to nobody: which of them the shop takes is not known, and a stranger on a neighbouring host may have set one.
func (r *Resolver) holder(s source, req *http.Request) holding {
	h := holding{values: s.values(req)}
	for i, v := range h.values {
		c, ok := r.credential(s, v)
		if !ok || i >= 4 {
			return holding{values: h.values}
		}
		was := r.sessions.use(c)
		if was.customer == Shared || i > 0 && was.customer != h.customer {
			return holding{values: h.values}
		}
		h.customer, h.used = was.customer, was.used
	}
	return h
}

// route is the squashed path and GraphQL operation, which name what the request is for.
func (e *exam) route() string {
	if e.place == "" {
		var operation string
		_, operation, e.graphQL = strings.Cut(candor.Route(e.x.Request, e.x.RequestBody), "#")
		e.place = squash(e.x.Request.URL.Path + " " + operation)
	}
	return e.place
}

func (e *exam) bodyFields() []field {
	if !e.read {
		e.fields, e.read = bodyFields(e.x.Request, e.x.RequestBody), true
	}
	return e.fields
}

// Parts of a squashed route that say what a request is for.
var (
	logoutWords   = []string{"logout", "logoff", "signout", "signoff", "abmelden", "abmeldung", "ausloggen", "deconnexion", "déconnexion", "invalidatesession", "revoketoken"}
	loginWords    = []string{"login", "logon", "signin", "anmeld", "einlogg", "connexion", "auth", "session", "token"}
	registerWords = []string{"register", "registr", "signup", "createaccount", "accountcreate", "createcustomer", "customercreate", "newsletter",
		"subscri", "invite", "changeemail", "updateemail", "emailchange", "emailupdate", "emailaddress"}
)

// login is the owner as whom the request may have signed in, "" if it did nothing of the sort: it changes something,
// carries a secret and the address of exactly one customer, and the response may have set a credential. Registering is no
// login: shops answer it politely whether or not the address is taken.
func (e *exam) login(supplied func() []string) string {
	req := e.x.Request
	if safe(req.Method) || e.x.Status < 200 || e.x.Status > 399 || fromCache(e.x.Header) || !e.mayMatter() {
		return ""
	}
	secret, names := asksToSignIn(e.bodyFields())
	if !secret || !names || containsAny(e.route(), registerWords) {
		return ""
	}
	var named []string
	for _, f := range e.fields {
		if strings.Contains(f.value, "@") && !isPassword(f.key) && len(f.value) <= maxIdentity {
			if owners := e.r.o.Owners(strings.TrimSpace(f.value)); len(owners) > 0 {
				named = append(named, slices.Min(owners))
			}
		}
	}
	slices.Sort(named)
	if named = slices.Compact(named); len(named) != 1 || !slices.Contains(supplied(), named[0]) {
		return ""
	}
	return named[0]
}

// mayMatter spares most requests the parsing of their bodies.
func (e *exam) mayMatter() bool {
	for i, s := range e.r.sources {
		if s.bearer || e.held[i].customer != "" {
			return true
		}
		if s.cookie != "" {
			if c := setCookie(e.x, s.cookie); c != nil && !deletes(c, e.x) {
				return true
			}
		}
	}
	return false
}

// safe methods change nothing (RFC 9110 §9.2.1).
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions || method == http.MethodTrace
}

// signedIn learns from a login and returns the first source that it learned for, or -1. Old credentials of the request are
// done with either way where the response replaced them. A customer who was signed in as somebody else before is believed
// only on a route that is for signing in: elsewhere a password and another person's address may mean anything.
func (e *exam) signedIn(owner string, body []byte) (first int) {
	first = -1
	if !e.accepted(body) {
		e.follow()
		return -1
	}
	believe := true
	for i := range e.held {
		if c := e.held[i].customer; c != "" && c != owner {
			believe = believe && containsAny(e.route(), loginWords)
			e.retire(i) // rotated or not: it is no longer, or not surely, theirs
		}
	}
	if !believe {
		return -1
	}
	for i, s := range e.r.sources {
		learned := false
		for _, value := range e.issued(s, body) {
			learned = e.assign(s, value, owner) || learned
		}
		if learned && first < 0 {
			first = i
		}
		if s.cookie != "" && setCookie(e.x, s.cookie) != nil && !e.resent(i) {
			e.retire(i)
		}
	}
	return first
}

// accepted reports whether the response says that what the request asked for was done.
func (e *exam) accepted(body []byte) bool {
	e.route()
	return accepted(e.x, body, e.graphQL)
}

// issued are the credentials that a response hands out and that are news: the request held them nowhere. A shop that takes
// a session's id from the request would let anybody choose it beforehand (session fixation), so who holds it is unknown.
func (e *exam) issued(s source, body []byte) (list []string) {
	if s.bearer {
		list = responseTokens(e.x.Header, body)
	} else if s.cookie != "" {
		if c := setCookie(e.x, s.cookie); c != nil && !deletes(c, e.x) {
			list = []string{c.Value}
		}
	}
	return slices.DeleteFunc(list, e.carried)
}

// carried reports whether the request holds a value anywhere.
func (e *exam) carried(value string) bool {
	req := e.x.Request
	for _, values := range req.Header {
		for _, v := range values {
			if strings.Contains(v, value) {
				return true
			}
		}
	}
	for _, s := range []string{req.URL.Path, req.URL.RawQuery, string(e.x.RequestBody)} {
		if strings.Contains(s, value) {
			return true
		}
		if plain, err := url.QueryUnescape(s); err == nil && strings.Contains(plain, value) {
			return true
		}
	}
	return false
}

// assign notes whose a new credential is, unless it is known as somebody else's already: then two have it.
func (e *exam) assign(s source, value, owner string) bool {
	c, ok := e.r.credential(s, value)
	if !ok {
		return false
	}
	if was := e.r.sessions.use(c).customer; was != "" && was != owner {
		e.r.sessions.learn(c, Shared)
		return false
	}
	e.r.sessions.learn(c, owner)
	return true
}

func (e *exam) retire(i int) {
	for _, v := range e.held[i].values {
		if c, ok := e.r.credential(e.r.sources[i], v); ok {
			e.r.sessions.retire(c)
		}
	}
}

// resent reports whether the response only repeats the cookie that the request had, as shops do to prolong it.
func (e *exam) resent(i int) bool {
	c := setCookie(e.x, e.r.sources[i].cookie)
	return c != nil && slices.Contains(e.held[i].values, c.Value)
}

// follow takes in what headers say of a session: that it ended, or has a new credential.
func (e *exam) follow() {
	for i, s := range e.r.sources {
		switch {
		case !s.session():
		case len(e.held[i].values) > 0 && e.signsOut():
			e.retire(i)
		case s.bearer:
			e.replaced(i, responseTokens(e.x.Header, nil))
		case e.resent(i):
		default:
			if c := setCookie(e.x, s.cookie); c != nil && deletes(c, e.x) {
				e.retire(i)
			} else if c != nil {
				e.replaced(i, []string{c.Value})
				e.retire(i)
			}
		}
	}
}

// signsOut reports whether the request was to end the session, and did.
func (e *exam) signsOut() bool {
	if strings.Contains(e.x.Header.Get("Clear-Site-Data"), "cookies") {
		return true
	}
	if e.x.Status >= 400 {
		return false
	}
	route := e.route()
	return containsAny(route, logoutWords) || e.x.Request.Method == http.MethodDelete && containsAny(route, loginWords)
}

// replaced hands the owner of the old credential on to new ones where that is safe: see Teaches.
func (e *exam) replaced(i int, values []string) {
	owner, inherits := e.held[i].customer, false
	for _, value := range values {
		c, ok := e.r.credential(e.r.sources[i], value)
		if !ok || slices.Contains(e.held[i].values, value) {
			continue
		}
		switch was := e.r.sessions.use(c).customer; {
		case was != "" && was != owner:
			e.r.sessions.learn(c, Shared)
		case was == "" && owner != "":
			if inherits = inherits || e.inherits(i); inherits && !e.carried(value) {
				e.r.sessions.learn(c, owner)
			}
		}
	}
}

func (e *exam) inherits(i int) bool {
	x := e.x
	if x.Status >= 400 || fromCache(x.Header) || e.r.o.Now().Unix()-e.held[i].used > int64(e.r.o.Idle.Seconds()) {
		return false
	}
	if to := x.Header.Get("Location"); to != "" && containsAny(squash(to), backWords) {
		return false
	}
	for _, c := range (&http.Response{Header: x.Header}).Cookies() {
		if deletes(c, x) && containsAny(letters(c.Name), []string{"remember", "auth", "token", "session", "login", "jwt"}) {
			return false
		}
	}
	if safe(x.Request.Method) {
		return true
	}
	secret, names := asksToSignIn(e.bodyFields())
	return !secret || !names
}

// whoAmI is the declared route that this exchange asked and whose answer may be believed, if the request carried exactly
// one session: of two, it is not known which one was asked about.
func (e *exam) whoAmI() *whoAmI {
	for i := range e.r.whoAmI {
		if w := &e.r.whoAmI[i]; w.tells(e.x) && e.onlySession() >= 0 {
			return w
		}
	}
	return nil
}

func (e *exam) onlySession() int {
	only := -1
	for i, h := range e.held {
		if len(h.values) == 0 {
			continue
		}
		if only >= 0 || len(h.values) > 1 {
			return -1
		}
		only = i
	}
	return only
}

// told learns from a who-am-I answer. It never overrules what is known already: an answer that names another customer than
// the one who signed in is what a mixed-up cache sends, and exactly what must not be believed.
func (e *exam) told(w *whoAmI, body []byte) (i int, customer string) {
	i = e.onlySession()
	value, nobody := w.answer(body)
	if nobody {
		e.retire(i)
	}
	if customer = e.r.customer(value); customer == "" || e.questionHolds(value) {
		return -1, ""
	}
	s, values := e.r.sources[i], e.held[i].values
	if s.cookie != "" && !e.resent(i) {
		if c := setCookie(e.x, s.cookie); c != nil {
			values = []string{c.Value} // replaced in the same breath
		}
	}
	for _, v := range values {
		c, ok := e.r.credential(s, v)
		if !ok {
			return -1, ""
		}
		switch e.r.sessions.use(c).customer {
		case "":
			e.r.sessions.learn(c, customer)
		case customer:
		default:
			return -1, ""
		}
	}
	return i, customer
}

// questionHolds reports whether the request itself named what the answer says, in its query or body: then the answer may
// be about whoever was asked for.
func (e *exam) questionHolds(value string) bool {
	q := e.x.Request.URL.RawQuery
	if plain, err := url.QueryUnescape(q); err == nil {
		q = plain
	}
	question := q + "\n" + string(e.x.RequestBody)
	if strings.Contains(value, "@") {
		return strings.Contains(strings.ToLower(question), strings.ToLower(value))
	}
	for word := range strings.FieldsFuncSeq(question, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '-' && c != '_' }) {
		if word == value {
			return true
		}
	}
	return false
}

// renewsToken reports whether the request may trade a known token for a new one (RFC 6749 §6).
func (e *exam) renewsToken() bool {
	return e.renewer() != ""
}

// renewer is the customer whose bearer or refresh token asks for a new one.
func (e *exam) renewer() string {
	if safe(e.x.Request.Method) || e.x.Status < 200 || e.x.Status > 299 || !containsAny(e.route(), []string{"refresh", "renew", "token", "session"}) || containsAny(e.route(), logoutWords) {
		return ""
	}
	for i, s := range e.r.sources {
		if !s.bearer {
			continue
		}
		if c := e.held[i].customer; c != "" {
			return c
		}
		for _, f := range e.bodyFields() {
			if c, ok := e.r.credential(s, f.value); ok && letters(f.key) == "refreshtoken" {
				if customer := e.r.sessions.use(c).customer; customer != Shared {
					return customer
				}
			}
		}
	}
	return ""
}

func (e *exam) renew(body []byte) {
	owner := e.renewer()
	if secret, names := asksToSignIn(e.bodyFields()); owner == "" || secret && names || !e.accepted(body) {
		return
	}
	for _, s := range e.r.sources {
		if s.bearer {
			for _, value := range e.issued(s, body) {
				e.assign(s, value, owner)
			}
		}
	}
}

// setCookie is what a response makes of a cookie in the end: of several the last counts (RFC 6265 §5.3), but a deletion
// only if nothing else sets it, since shops delete it at one domain or path and set it at another.
func setCookie(x *candor.Exchange, name string) (last *http.Cookie) {
	if len(x.Header["Set-Cookie"]) == 0 {
		return nil
	}
	for _, c := range (&http.Response{Header: x.Header}).Cookies() {
		if c.Name == name && (last == nil || !deletes(c, x) || deletes(last, x)) {
			last = c
		}
	}
	return last
}

func deletes(c *http.Cookie, x *candor.Exchange) bool {
	now := x.Time
	if now.IsZero() {
		now = time.Now()
	}
	return c.Value == "" || c.Value == "deleted" || c.MaxAge < 0 || c.MaxAge == 0 && !c.Expires.IsZero() && c.Expires.Before(now)
}

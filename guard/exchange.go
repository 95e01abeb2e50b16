package guard

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"candor.example"
	"candor.example/scan"
)

// exchange is the inspection of one response: it finds matches, classes them and makes them durable. What becomes of the
// bytes is the caller's business: the live response's, or nobody's in a capture.
type exchange struct {
	g     *Guard
	x     *candor.Exchange
	site  string
	route string
	mode  Mode

	finder *scan.Finder
	hits   []hit
	hide   []*hit            // of hits, what must not leave: judge's answer
	facts  []candor.Facts    // of hits
	spare  *scan.Credentials // for looking
	sent   *requestBody      // nil: all of the request's body is in x, or there is none
	raw    []byte            // a header's value, to be masked
	lately []strong          // identifiers near the end of what has been inspected
	looking
	piece   []byte // what find has just inspected
	settled int    // how much of it is settled
	atEnd   bool   // it was the last
	around  []byte // what the hits' offsets refer to: piece, or a header's value

	viewer     *candor.Viewer
	supplied   map[string]bool // kind and normalised identifiers that the request carried
	owners     []string        // whose they are
	link       string          // digest of the request's link token
	linked     bool            // link was computed
	linkBroken string          // why it does not count as one

	release  string
	cached   bool
	recorded map[onRecord]bool
	offset   int64       // of the current buffer's first byte in the body
	bytes    int64       // inspected
	within   string      // the document that the text is from, as a form: "pdf+"
	skip     candor.Skip // the first reason not to inspect all of it
	all      func(candor.Disclosure)
	worked   worked
	kept     *kept // nil until there is something to keep
	cache    caching
	repaired bool            // it has Cache-Control from Candor, not from upstream
	contexts map[string]bool // owners whose context was sealed
	sealed   []candor.Sealed // to be recorded with what decide has found
	onlooker onlooker
}

// onRecord is what an exchange puts on record once.
type onRecord struct {
	owner string
	kind  scan.Kind
	class candor.Class
}

// hit is a match whose owner is known.
type hit struct {
	scan.Match
	value   string // Match.Value, kept
	written string // Match.Written, kept
	owners  []string
	header  string
	class   candor.Class
	carrier
}

// begin learns what the response's headers tell. It must be called before find.
func (e *exchange) begin(status int, h http.Header) {
	g := e.g
	e.x.Status, e.x.Header = status, h
	e.site, e.route = g.routes.of(g, e.x.Request, e.x.RequestBody, status, e.all != nil || status < 400)
	e.route = impersonalRoute(g.Directory, e.route)
	e.mode = g.mode(e.site, e.route)
	name := g.ReleaseHeader
	if name == "" {
		name = "X-Release"
	}
	if e.release = h.Get(name); len(e.release) > 64 {
		e.release = e.release[:64]
	}
	if e.release != "" {
		e.release = scan.MaskText(e.release)
		if g.Released != nil && g.releases.changed(e.site, e.release) {
			g.Released(candor.Release{Time: e.x.Time, Site: e.site, Name: e.release, Source: "header"})
		}
	}
	e.cached = fromCache(h)
	if e.finder == nil {
		e.finder = &scan.Finder{}
	}
	e.recognise()
}

// fromCache reads what caches say of themselves: Age (RFC 9111 §5.1), Cache-Status (RFC 9211), and the X-Cache and
// CF-Cache-Status that came before it. Varnish names two transactions in X-Varnish on a hit.
func fromCache(h http.Header) bool {
	if age := h.Get("Age"); age != "" && age != "0" {
		return true
	}
	for _, name := range []string{"Cache-Status", "X-Cache", "X-Cache-Status", "Cf-Cache-Status", "X-Proxy-Cache"} {
		if v := strings.ToLower(h.Get(name)); strings.Contains(v, "hit") || strings.Contains(v, "stale") {
			return true
		}
	}
	return len(strings.Fields(h.Get("X-Varnish"))) == 2
}

// find inspects a piece of the body. buf[:settled] may leave once decide has dealt with the hits.
func (e *exchange) find(buf []byte, final bool) (settled int) {
	e.hits = e.hits[:0]
	if buf == nil {
		buf = []byte{} // the end, with nothing left to inspect: it is only in headers that there is no piece
	}
	settled = e.finder.Find(buf, final)
	e.piece, e.around, e.settled, e.atEnd = buf, buf, settled, final
	if e.credentials != nil {
		e.look(buf, final)
	}
	for i := range e.hits {
		e.hits[i].carrier = e.carrierOf(buf, e.hits[i].Offset)
	}
	if !slices.IsSortedFunc(e.hits, hit.compare) {
		slices.SortStableFunc(e.hits, hit.compare) // a name is found after what it stands beside
	}
	if len(e.hits)+len(e.lately) > 0 {
		e.remembered(settled)
	}
	return settled
}

func (h hit) compare(other hit) int { return cmp.Compare(h.Offset, other.Offset) }

// decide deals with the hits of a piece of the body or of a header, and returns those that must not leave as they are.
func (e *exchange) decide(ctx context.Context) (hide []*hit) {
	if len(e.hits) > 0 {
		hide = e.judge(ctx)
	}
	if e.kept != nil && e.piece != nil {
		e.follow()
	}
	return hide
}

// judge classes the hits, makes what has to be known durable, and returns those that must not leave.
func (e *exchange) judge(ctx context.Context) (hide []*hit) {
	e.classify()
	found := make([]candor.Disclosure, 0, len(e.hits))
	hide = e.hide[:0]
	for i := range e.hits {
		h := &e.hits[i]
		if e.g.Classed != nil {
			e.g.Classed(h.class, h.Kind)
		}
		outcome := candor.Exposed
		if e.hidden(h.class) {
			hide = append(hide, h)
			outcome = candor.Prevented
		}
		found = e.disclosures(found, h, outcome, &e.facts[i])
	}
	e.hide = hide
	if len(e.sealed) > 0 && (e.all != nil || len(found) == 0) {
		e.note(candor.Entry{Sealed: e.sealed})
		e.sealed = nil
	}
	if len(found) == 0 || e.g.Record == nil {
		return hide
	}
	if err := e.record(ctx, found); err != nil {
		e.g.log().Error("journal failed: what cannot be recorded is not let out", "site", e.site, "route", e.route, "matches", len(found), "error", err)
		e.recorded = nil // so that the next occurrence tries again
		return e.mustRecord()
	}
	return hide
}

// classify gathers facts and classes.
func (e *exchange) classify() {
	e.facts = e.facts[:0]
	for i := range e.hits {
		e.facts = append(e.facts, e.factsOf(&e.hits[i]))
	}
	for i := range e.hits {
		e.facts[i].LinkBroken = e.linkBroken // what one match broke is broken for the whole page
		e.hits[i].class = candor.Classify(e.facts[i])
	}
	if e.credentials == nil && slices.ContainsFunc(e.hits, func(h hit) bool { return h.class == candor.Disclosed }) {
		e.beginLooking()
	}
}

// mustRecord are the hits that must not leave unless they are on record.
func (e *exchange) mustRecord() (list []*hit) {
	for i := range e.hits {
		if c := e.hits[i].class; c == candor.Disclosed || c == candor.Link {
			list = append(list, &e.hits[i])
		}
	}
	return list
}

// record makes disclosures durable, with the response that they belong to and what was sealed. What was sealed is sealed once: where it
// cannot be recorded now it goes with the next entry.
func (e *exchange) record(ctx context.Context, found []candor.Disclosure) error {
	entry := candor.Entry{Disclosures: found, Sealed: e.g.unrecorded.take(e.sealed)}
	e.sealed = nil
	first := e.kept != nil && e.kept.told && !e.kept.recorded
	if first {
		entry.Responses = []candor.Response{e.kept.response}
	}
	err := e.g.Record(ctx, entry)
	switch {
	case err != nil:
		e.g.unrecorded.put(entry.Sealed)
	case first:
		e.kept.recorded = true
	}
	return err
}

// factsOf gathers what one hit's class depends on, and tells the memory of links.
func (e *exchange) factsOf(h *hit) candor.Facts {
	f := candor.Facts{Owners: h.owners, Viewer: e.who(), Echoed: e.carried()[carriedKey(h.Kind, h.value)], ThirdParty: h.Kind == scan.Email && h.thirdParty != ""}
	if !f.Echoed {
		f.Echoed = e.suppliedBefore(carriedKey(h.Kind, h.value))
	}
	if e.g.Public != nil && e.g.Public([]byte(h.value)) {
		f.Allowed = true
	} else if e.g.Allowed != nil {
		var role string
		if role, f.Allowed = e.g.Allowed(f.Viewer, e.x, e.route, h.Kind); f.Allowed && role != "" {
			f.Viewer.Role = role
		}
	}
	if candor.Classify(f) != candor.Disclosed {
		return f
	}
	if f.Link = e.linkToken(); f.Link == "" || f.Viewer.Customer != "" {
		return f
	}
	if f.Viewer.Crawler != "" {
		e.linkBroken = "crawler"
	}
	for _, o := range h.owners {
		if broken := e.g.Links.Opened(f.Link, f.Viewer.Digest(e.g.Key), o); broken != "" {
			e.linkBroken = broken
		}
	}
	return f
}

func carriedKey(kind scan.Kind, value string) string { return string(kind) + "\x00" + value }

// hidden: in observe nothing is hidden but what could not be recorded; links are left unless the operator says otherwise.
func (e *exchange) hidden(class candor.Class) bool {
	switch class {
	case candor.Disclosed:
		return e.mode != Observe
	case candor.Link:
		return e.mode != Observe && e.g.MaskLinks
	}
	return false
}

// disclosures appends one record for each owner of a hit. A live exchange puts each owner, kind and class on record once.
func (e *exchange) disclosures(ds []candor.Disclosure, h *hit, outcome candor.Outcome, f *candor.Facts) []candor.Disclosure {
	class := h.class
	e.onlook(h, outcome)
	place, afterEnd := e.account(h, class, f)
	if e.all == nil && class != candor.Disclosed && class != candor.Link {
		return ds
	}
	for _, owner := range h.owners {
		if e.all == nil && !e.firstTime(owner, h.Kind, class) {
			continue
		}
		d := e.disclosure(h, owner, class, outcome, f)
		d.Place, d.AfterEnd = place, afterEnd
		if class == candor.Disclosed && e.kept != nil {
			d.Response = e.kept.response.ID
		}
		if e.about(&d, h); outcome == candor.Exposed && (class == candor.Disclosed || class == candor.Link) {
			e.sealed = append(e.sealed, e.seal(h, owner, class)...)
		}
		if e.all != nil {
			e.all(d)
			continue
		}
		d.ID, d.Viewer = e.newID(), f.Viewer.Kind()
		ds = append(ds, d)
	}
	return ds
}

// firstTime says that an owner, kind and class are not on record yet, and that they are from now on.
func (e *exchange) firstTime(owner string, kind scan.Kind, class candor.Class) bool {
	key := onRecord{owner, kind, class}
	if e.recorded[key] {
		return false
	}
	if e.recorded == nil {
		e.recorded = make(map[onRecord]bool, len(e.hits))
	}
	e.recorded[key] = true
	return true
}

func (e *exchange) disclosure(h *hit, owner string, class candor.Class, outcome candor.Outcome, f *candor.Facts) candor.Disclosure {
	d := candor.Disclosure{
		Source: e.x.Source, Time: e.x.Time.UTC(), Site: e.site, Method: e.x.Request.Method,
		URL: e.shownURL(), Route: e.route, Status: e.x.Status,
		Owner: owner, Kind: h.Kind, Encoding: e.within + h.Encoding, Evidence: h.Evidence, Masked: scan.MaskValue(h.Kind, h.value),
		Offset: e.offset + int64(h.Offset), Length: h.Length, Header: h.header, Class: class,
		Outcome: outcome, Release: e.release, Cached: e.cached,
		Viewer: f.Viewer.String(), ViewerDigest: e.viewerDigest(f.Viewer), Link: f.Link, Reason: f.LinkBroken,
	}
	if class == candor.Disclosed && h.header == "" {
		d.Credentials, d.Looked = e.looked()
	}
	if h.carrier.is {
		d.CWE, d.ThirdParty = CWE598, h.thirdParty
	}
	return d
}

func (e *exchange) who() candor.Viewer {
	if e.viewer == nil {
		v := candor.Viewer{}
		if e.g.Viewer != nil {
			v = e.g.Viewer(e.x.Request)
		}
		e.viewer = &v
	}
	return *e.viewer
}

func (e *exchange) linkToken() string {
	e.keepUp()
	if !e.linked {
		e.linked = true
		if t := candor.LinkToken(e.x.Request, e.x.RequestBody); t != "" {
			e.link = e.digest("link", e.site, t)
		}
	}
	return e.link
}

// digest is a keyed digest of parts, of which the first says what it is of.
func (e *exchange) digest(parts ...string) string {
	h := e.mac()
	joined := e.worked.joined[:0]
	for i, p := range parts {
		if i > 0 {
			joined = append(joined, 0)
		}
		joined = append(joined, p...)
	}
	h.Write(joined)
	e.worked.joined = joined
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// remember keeps what a form or an API call supplied, for the pages that follow. A GET is anybody's link, and is not kept.
func (e *exchange) remember() {
	if m := e.x.Request.Method; len(e.x.RequestBody) == 0 || m != http.MethodPost && m != http.MethodPut && m != http.MethodPatch {
		return
	}
	holders := credentials(e.x.Request)
	for _, c := range (&http.Response{Header: e.x.Header}).Cookies() {
		holders = append(holders, longEnough(c)...)
	}
	holders = holders[:min(len(holders), maxHolders)]
	left := maxTyped
	if len(e.carried()) == 0 {
		return
	}
	for _, h := range holders {
		e.g.supplied.add(e.x.Time, e.digest("supplier", h))
	}
	for k := range e.carried() {
		for _, h := range holders {
			e.g.supplied.add(e.x.Time, e.digest("supplied", h, k))
		}
		if left--; left == 0 {
			return
		}
	}
}

// Nobody types in more than some identifiers, or needs more than some credentials: what one request can have worked out and remembered is
// bounded, or it would push out what others typed.
const (
	maxTyped   = 64
	maxHolders = 16
)

// keepUp takes in what upstream has read of the request's body meanwhile: a response, or an informational one before it, may begin while the
// client still sends, and what upstream has read it can show.
func (e *exchange) keepUp() {
	body := e.sent.read()
	if len(body) <= len(e.x.RequestBody) {
		return
	}
	e.x.RequestBody = body
	e.supplied, e.owners, e.linked = nil, nil, false
	if e.x.Status >= 200 { // the response has begun
		e.remember()
	}
}

// suppliedBefore: whoever holds one of this request's credentials has supplied the identifier.
func (e *exchange) suppliedBefore(key string) bool {
	for _, h := range e.suppliers() {
		if e.g.supplied.has(e.x.Time, e.digest("supplied", h, key)) {
			return true
		}
	}
	return false
}

// credentials are what tells one browser from all others: its long cookies, and its Authorization.
func credentials(r *http.Request) (list []string) {
	for _, c := range r.Cookies() {
		list = append(list, longEnough(c)...)
	}
	if a := r.Header.Get("Authorization"); len(a) >= 16 {
		list = append(list, a)
	}
	return list
}

// longEnough leaves out cookies such as currency=EUR, which many browsers hold.
func longEnough(c *http.Cookie) []string {
	if len(c.Value) < 16 {
		return nil
	}
	return []string{c.Name + "=" + c.Value}
}

// carried is the set of identifiers that the request supplied: in its path, query, headers, cookies or body (DESIGN §2,
// echo). It is worked out when the first match asks.
func (e *exchange) carried() map[string]bool {
	e.keepUp()
	if e.supplied != nil {
		return e.supplied
	}
	e.supplied = map[string]bool{}
	s := scratches.Get().(*scratch)
	defer s.release()
	f := &s.finder
	f.Names, f.Phones, f.Fields, f.Known, f.Beside = e.finder.Names, e.finder.Phones, e.finder.Fields, nil, nil
	f.Found = e.supply
	r := e.x.Request
	f.Find([]byte(r.URL.EscapedPath()+"?"+r.URL.RawQuery), true)
	for _, values := range r.Header {
		for _, v := range values {
			f.Find([]byte(v), true)
		}
	}
	if user, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Basic "); ok {
		if b, err := base64.StdEncoding.DecodeString(user); err == nil {
			f.Find(b, true)
		}
	}
	f.Find(e.x.RequestBody, true)
	if bytes.IndexByte(e.x.RequestBody, '%') >= 0 { // forms may be percent-encoded as a whole
		if s, err := url.QueryUnescape(string(e.x.RequestBody)); err == nil {
			f.Find([]byte(s), true)
		}
	}
	return e.supplied
}

// supply adds an identifier to those that the request carried.
func (e *exchange) supply(m scan.Match) bool {
	owners := e.g.Directory.Owners(m.Kind, m.Value)
	if len(owners) > 0 {
		carry(e.supplied, m)
		e.owners = append(e.owners, owners...)
	}
	return len(owners) > 0
}

// carry adds an identifier that the viewer knows. Who knows an address can make its hashes.
func carry(set map[string]bool, m scan.Match) {
	set[carriedKey(m.Kind, string(m.Value))] = true
	if m.Kind == scan.Email {
		for kind, sum := range scan.Hashes(m.Value) {
			set[carriedKey(kind, string(sum))] = true
		}
	}
}

func (e *exchange) suppliedOwners() []string {
	e.carried()
	return e.owners
}

// headers inspects the values of headers or trailers, masks in place what must not leave, and reports whether anything
// was hidden.
func (e *exchange) headers(ctx context.Context, h http.Header) (hidden bool) {
	for name, values := range h {
		for i, v := range values {
			if !mayHold(name, v) {
				continue
			}
			raw := append(e.raw[:0], v...)
			e.raw = raw
			e.hits, e.piece, e.around = e.hits[:0], nil, raw
			if e.finder.Find(raw, true); len(e.hits) == 0 {
				continue
			}
			for j := range e.hits {
				e.hits[j].header, e.hits[j].carrier = name, headerCarrier(name)
			}
			offset := e.offset
			e.offset = 0
			if hide := e.decide(ctx); len(hide) > 0 {
				hidden = true
				for _, m := range hide {
					m.Mask(raw[m.Offset : m.Offset+m.Length])
				}
				if values[i] = string(raw); sealed(hide) {
					values[i] = "" // somebody else's token: worth nothing to this viewer, and not to be had
				}
			}
			e.offset = offset
		}
	}
	return hidden
}

// mayHold spares most header values the search: an at-sign in any form holds one of these signs, a number is written with a plus, a name has a
// key, and hashes and base64 are long and have more in them than lower-case letters.
func mayHold(name, v string) bool {
	if len(v) < 6 || dull[name] {
		return strings.ContainsAny(v, "@%&\\")
	}
	if strings.ContainsAny(v, "@%&\\+") || strings.Contains(v, "ame") {
		return true
	}
	run, dense := 0, 0
	for i := range len(v) {
		switch c := v[i]; {
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			run, dense = run+1, dense+1
		case c >= 'a' && c <= 'z', c == '-', c == '_', c == '/':
			run++
		default:
			run, dense = 0, 0
		}
		if run >= 20 && dense >= 4 {
			return true
		}
	}
	return false
}

// dull are headers that servers write about the response, and not about anybody.
var dull = map[string]bool{"Date": true, "Etag": true, "Last-Modified": true, "Expires": true, "Cache-Control": true, "Content-Type": true, "Vary": true, "Server": true, "Via": true,
	"Accept-Ranges": true, "Content-Security-Policy": true, "Strict-Transport-Security": true, "Permissions-Policy": true, "Referrer-Policy": true, "Alt-Svc": true, "Nel": true,
	"Report-To": true, "Content-Digest": true, "Repr-Digest": true, "Content-Md5": true, "Access-Control-Allow-Headers": true, "Access-Control-Expose-Headers": true, "Access-Control-Allow-Methods": true}

// done puts the response on the books.
func (e *exchange) done() {
	e.ended()
	e.g.coverage.add(e.x.Time, e.site, e.route, e.skip, e.bytes)
}

// teaches asks whether the response may tell who holds a credential.
func (e *exchange) teaches() bool {
	return e.g.Teaches != nil && e.g.Teaches(e.x, e.suppliedOwners)
}

// learn hands over the decoded head of the body. Whoever has just signed in is the viewer of this very response.
func (e *exchange) learn(head []byte) {
	if customer := e.g.Learn(e.x, e.suppliedOwners, head); customer != "" {
		e.viewer = &candor.Viewer{Customer: customer}
	}
}

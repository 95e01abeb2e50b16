package candor

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SharedCacheable tells whether a shared cache may keep the response and use it again, for whomever asks next, and why
// (or why not). now is when the response was received. Sections without a name are of RFC 9111 (HTTP Caching).
//
// "May" is meant: what only some caches would do is yes. It is also yes when a cache has to ask the origin before each use,
// for then it is the origin's answer that decides who sees the response. Neither Cookie nor Set-Cookie forbids anything
// (§7.3), nor does Pragma in a response (§5.4), nor Vary, unless it is "*": caches that ignore Vary are common.
func SharedCacheable(method string, requestHeader http.Header, status int, h http.Header, now time.Time) (yes bool, why string) {
	use, why := response{method, requestHeader, status, h, now}.sharedUse()
	return use != never, why
}

type response struct {
	method        string
	requestHeader http.Header
	status        int
	header        http.Header
	now           time.Time
}

// use is what a shared cache may do with a response.
type use int

const (
	never       use = iota
	askingFirst     // keep it, and ask the origin before each use (§4.3)
	atOnce          // keep it, and give it to whoever asks next (§4)
)

// targets are the fields by which a site tells CDNs something else than other caches (RFC 9213 §3 and the CDNs' manuals).
var targets = []string{"CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Vercel-CDN-Cache-Control", "Netlify-CDN-Cache-Control", "Akamai-Cache-Control"}

// sharedUse is the most that any cache on the way may do: one that follows Cache-Control, or a CDN that follows its own field.
func (r response) sharedUse() (use, string) {
	most, why := r.use(parseDirectives(r.header.Values("Cache-Control")), r.header.Get("Expires"))
	for _, name := range targets {
		list, ok := parseTargeted(r.header.Values(name))
		if !ok { // what is empty or cannot be parsed is ignored (RFC 9213 §2.1)
			continue
		}
		if u, w := r.use(list, ""); u > most { // the target ignores Cache-Control and Expires (RFC 9213 §2.2)
			most, why = u, name+": "+w
		}
	}
	return most, why
}

func (r response) use(cc directives, expires string) (use, string) {
	if why := r.forbidden(cc); why != "" {
		return never, why
	}
	lifetime, source := r.lifetime(cc, expires)
	switch {
	case source == "" && r.method == http.MethodPost:
		return never, "a POST without an explicit lifetime (RFC 9110 §9.3.3)"
	case source == "" && !heuristic[r.status] && !cc.has("public"):
		return never, fmt.Sprintf("status %d without an explicit lifetime or public (§3)", r.status)
	case cc.unqualified("no-cache"): // no-cache="field" restricts that field only (§5.2.2.4)
		return r.validated("no-cache (§5.2.2.4)")
	case source == "":
		return atOnce, "nothing says how long it is fresh, so that a cache may choose (§4.2.2)"
	case r.age() < lifetime: // immutable adds nothing: it is about reloads of what is fresh (RFC 8246 §2)
		return atOnce, fmt.Sprintf("fresh for %d s (%s, §4.2.1)", lifetime-r.age(), source)
	case r.age() < lifetime+cc.grace():
		return atOnce, "may be used when stale (RFC 5861)"
	}
	return r.validated(fmt.Sprintf("stale when it came (%s, §4.2)", source))
}

// forbidden is the first rule of §3 that forbids storing, or empty.
func (r response) forbidden(cc directives) string {
	switch {
	case r.method != http.MethodGet && r.method != http.MethodHead && r.method != http.MethodPost:
		return "a method whose responses are not cached (§3)"
	case r.method == http.MethodPost && r.header.Get("Content-Location") == "":
		return "a POST without Content-Location (RFC 9110 §9.3.3)"
	case r.status < 200 || r.status == http.StatusNotModified:
		return "no final response of its own (§3, §4.3.4)"
	case cc.has("must-understand") && http.StatusText(r.status) == "":
		return "must-understand, and the status is none that caches know (§5.2.2.3)"
	case cc.has("no-store") && !cc.has("must-understand"): // which overrides it where it is understood (§5.2.2.3)
		return "no-store (§5.2.2.5)"
	case parseDirectives(r.requestHeader.Values("Cache-Control")).has("no-store"):
		return "the request says no-store (§5.2.1.5)"
	case cc.unqualified("private"): // private="field" restricts that field only (§5.2.2.7)
		return "private (§5.2.2.7)"
	case r.requestHeader.Get("Authorization") != "" && !cc.has("must-revalidate") && !cc.has("public") && !cc.has("s-maxage"):
		return "the request has Authorization, and nothing permits storing all the same (§3.5)"
	case parseDirectives(r.header.Values("Vary")).has("*"):
		return "Vary: * matches no other request (§4.1)"
	}
	return ""
}

// heuristic are the statuses for which a cache may choose a lifetime itself (RFC 9110 §15.1).
var heuristic = map[int]bool{200: true, 203: true, 204: true, 206: true, 300: true, 301: true, 308: true, 404: true, 405: true, 410: true, 414: true, 501: true}

// lifetime is §4.2.1, in seconds, and what says so; empty when nothing does.
func (r response) lifetime(cc directives, expires string) (seconds int64, source string) {
	for _, name := range []string{"s-maxage", "max-age"} {
		if value, ok := cc.first(name); ok {
			seconds, _ := deltaSeconds(value) // what is invalid is stale (§4.2.1)
			return seconds, name
		}
	}
	if expires == "" {
		return 0, ""
	}
	end, err := http.ParseTime(expires)
	if err != nil {
		return 0, "Expires" // invalid, as "0" is, means in the past (§5.3)
	}
	return int64(end.Sub(r.date()).Seconds()), "Expires"
}

// age is how old the response was when it came (§4.2.3), in seconds.
func (r response) age() int64 {
	apparent := int64(r.now.Sub(r.date()).Seconds())
	first, _, _ := strings.Cut(r.header.Get("Age"), ",") // of a list the first counts, and what is invalid does not (§5.1)
	value, _ := deltaSeconds(strings.TrimSpace(first))
	return max(0, apparent, value)
}

// date is when the response was made; without a valid Date, when it was received (RFC 9110 §6.6.1).
func (r response) date() time.Time {
	if t, err := http.ParseTime(r.header.Get("Date")); err == nil {
		return t
	}
	return r.now
}

// validated: what may not be used at once is worth keeping only if the origin can be asked about it (§4.3.1).
func (r response) validated(why string) (use, string) {
	if r.header.Get("ETag") == "" && r.header.Get("Last-Modified") == "" {
		return never, why + ", and no validator to ask the origin with"
	}
	return askingFirst, why + ": kept, and the origin is asked before each use"
}

// grace is how long a cache may use the response when it is stale (RFC 5861 §3, §4), unless that is forbidden (§4.2.4).
func (d directives) grace() int64 {
	if d.has("must-revalidate") || d.has("proxy-revalidate") || d.has("s-maxage") {
		return 0
	}
	var longest int64
	for _, name := range []string{"stale-while-revalidate", "stale-if-error"} {
		value, _ := d.first(name)
		seconds, _ := deltaSeconds(value)
		longest = max(longest, seconds)
	}
	return longest
}

// deltaSeconds is §1.2.2: no sign, no fraction, and what is too large is 2^31.
func deltaSeconds(s string) (int64, bool) {
	if strings.Trim(s, "0123456789") != "" || s == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		n = 1 << 31
	}
	return min(n, 1<<31), true
}

type directive struct{ name, value string }

// directives are those of a Cache-Control field, in their order (§5.2).
type directives []directive

func (d directives) has(name string) bool {
	_, ok := d.first(name)
	return ok
}

// first: of a repeated directive a cache uses the first, or takes the response for stale (§4.2.1).
func (d directives) first(name string) (value string, ok bool) {
	for _, one := range d {
		if strings.EqualFold(one.name, name) {
			return one.value, true
		}
	}
	return "", false
}

// unqualified reports whether the directive stands there without names of fields.
func (d directives) unqualified(name string) bool {
	return slices.ContainsFunc(d, func(one directive) bool { return strings.EqualFold(one.name, name) && one.value == "" })
}

// parseDirectives reads #cache-directive (§5.2) from all lines of a field. It takes both forms of an argument, token and
// quoted-string, and anything else as it stands.
func parseDirectives(lines []string) (list directives) {
	rest := strings.Join(lines, ",")
	for rest != "" {
		var member string
		member, rest = cutMember(rest)
		name, value, _ := strings.Cut(member, "=")
		if name = strings.TrimSpace(name); name != "" {
			list = append(list, directive{name, unquote(strings.TrimSpace(value))})
		}
	}
	return list
}

// cutMember cuts at the first comma that is not quoted.
func cutMember(s string) (member, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
			i++ // quoted-pair (RFC 9110 §5.6.4)
		case s[i] == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// parseTargeted reads a Dictionary of Structured Fields (RFC 9213 §2.1, RFC 9651 §3.2): keys are in lower case, parameters
// mean nothing here, and of a repeated key the last counts. It returns false for what is empty or no Dictionary.
func parseTargeted(lines []string) (directives, bool) {
	list := parseDirectives(lines)
	for i, one := range list {
		value, _, _ := strings.Cut(one.value, ";")
		name, _, bare := strings.Cut(one.name, ";") // "private;a=1" was cut at the parameter's '='
		if bare {
			value = ""
		}
		if !isKey(name) {
			return nil, false
		}
		list[i] = directive{name, value}
	}
	slices.Reverse(list)
	return list, len(list) > 0
}

// isKey is RFC 9651 §3.1.2.
func isKey(s string) bool {
	return s != "" && (s[0] == '*' || s[0] >= 'a' && s[0] <= 'z') && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-.*") == ""
}

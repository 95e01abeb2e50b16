package guard

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"candor.example"
	"candor.example/scan"
)

// What request and headers tell of a response that disclosed.

// tell fills it in, before anything in them is changed.
func (e *exchange) tell(r *candor.Response, v candor.Viewer) {
	h, request := e.x.Header, e.x.Request
	r.ID = e.responseID()
	r.Time, r.Site, r.Method, r.Route, r.Status = e.x.Time.UTC(), e.site, request.Method, e.route, e.x.Status
	r.URL = e.shownURL()
	r.Masked = r.URL != request.URL.RequestURI() && r.URL != plainURL(request.URL)
	r.Release, r.Viewer, r.ViewerDigest = e.release, v.Kind(), e.viewerDigest(v)
	r.Credentialed = len(e.holders()) > 0
	r.Cached, r.Age, r.CacheStatus = e.cached, age(h), cacheStatus(h)
	r.CacheControl, r.Vary, r.Shareable = e.cache.control, e.vary(h), e.cache.shareable
	r.Date, _ = http.ParseTime(h.Get("Date"))
	r.SetCookie = len(h["Set-Cookie"]) > 0
	r.SurrogateKeys = e.surrogateKeys(h)
	r.ContentType, _ = mediaType(h.Get("Content-Type"))
	r.ContentType = cut(scan.MaskText(r.ContentType), maxField)
	r.Object, r.Deceptive = e.object(), isDeceptive(request.URL.EscapedPath(), r.ContentType)
	if e.x.Status >= 500 {
		r.Trouble = "status"
	}
}

func plainURL(u *url.URL) string {
	if u.RawQuery == "" {
		return u.EscapedPath()
	}
	return u.EscapedPath() + "?" + u.RawQuery
}

// age is Age in seconds (RFC 9111 §5.1), of which the first counts; -1 where there is none.
func age(h http.Header) int {
	first, _, _ := strings.Cut(h.Get("Age"), ",")
	n, err := strconv.ParseUint(strings.TrimSpace(first), 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}

// maxField is how many bytes of a field's value are kept.
const maxField = 200

// What fields say in words of their own is left out: a shop may put anything there, and a customer's name, too.

var quotedString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?`)

func unquoted(v string) string {
	if strings.IndexByte(v, '"') < 0 {
		return v // which is nearly always, and spares a regular expression its allocations
	}
	return quotedString.ReplaceAllString(v, "")
}

// cacheControl is what Cache-Control says, by the directives that there are (RFC 9111 §5.2, RFC 5861, RFC 8246) and their numbers.
func cacheControl(h http.Header) string {
	var said []string
	for d := range strings.SplitSeq(unquoted(strings.Join(h["Cache-Control"], ",")), ",") {
		name, argument, _ := strings.Cut(strings.TrimSpace(d), "=")
		if !slices.Contains(directives, strings.ToLower(name)) {
			continue
		}
		if isNumber(argument, 8) {
			name += "=" + argument
		}
		said = append(said, name)
	}
	return cut(strings.Join(said, ", "), maxField)
}

var directives = []string{"public", "private", "no-cache", "no-store", "no-transform", "max-age", "s-maxage", "must-revalidate", "proxy-revalidate", "must-understand", "immutable",
	"stale-while-revalidate", "stale-if-error", "max-stale", "min-fresh", "only-if-cached", "pre-check", "post-check"}

var notDigits = regexp.MustCompile(`[^0-9]+`)

func isNumber(s string, digits int) bool {
	return len(s) > 0 && len(s) <= digits && strings.Trim(s, "0123456789") == ""
}

// vary is Vary, by names of fields as there are: of letters and hyphens.
func (e *exchange) vary(h http.Header) string {
	var names []string
	for name := range strings.SplitSeq(strings.Join(h["Vary"], ","), ",") {
		name = strings.TrimSpace(name)
		plain := strings.TrimFunc(name, func(r rune) bool { return r == '-' || r|0x20 >= 'a' && r|0x20 <= 'z' })
		if name == "*" || slices.Contains(varied, name) || name != "" && plain == "" && len(name) <= 40 && !e.names(name) {
			names = append(names, name)
		}
	}
	return cut(strings.Join(names, ", "), maxField)
}

// varied are the usual ones, which need no look at the directory.
var varied = []string{"Accept-Encoding", "Accept", "Accept-Language", "Origin", "Cookie", "Authorization", "User-Agent", "Host", "Referer", "X-Requested-With"}

// tellers are the fields in which caches say what they did.
var tellers = []string{"Cache-Status", "X-Cache", "X-Cache-Status", "Cf-Cache-Status", "X-Proxy-Cache", "X-Varnish", "X-Cache-Hits"}

// cacheStatus is what caches say they did, by field, in the words that there are for it. The key by which one stored it (RFC 9211 §2.7) is a
// URL, and its own name may be anything.
func cacheStatus(h http.Header) string {
	var said []string
	for _, name := range tellers {
		if len(h[name]) == 0 {
			continue
		}
		if v := statusWords(keyParameter.ReplaceAllString(strings.Join(h[name], ", "), "")); v != "" {
			said = append(said, name+": "+v)
		}
	}
	return cut(strings.Join(said, "; "), maxField)
}

var keyParameter = regexp.MustCompile(`(?i);\s*key\s*=\s*("(?:[^"\\]|\\.)*"?|[^,;]*)`)

func statusWords(v string) string {
	var caches []string
	for c := range strings.SplitSeq(unquoted(v), ",") {
		var words []string
		for w := range strings.FieldsFuncSeq(c, func(r rune) bool { return r == ' ' || r == '\t' || r == ';' || r == ':' }) {
			name, value, _ := strings.Cut(w, "=")
			switch known := slices.Contains(cacheWords, strings.ToLower(name)); {
			case known && (value == "?0" || value == "?1" || isNumber(value, 8) || slices.Contains(cacheWords, strings.ToLower(value))):
				words = append(words, name+"="+value)
			case known, isNumber(w, 6):
				words = append(words, name)
			}
		}
		if len(words) > 0 {
			caches = append(caches, strings.Join(words, "; "))
		}
	}
	return strings.Join(caches, ", ")
}

// cacheWords are those of RFC 9211 §2, and of the products that came before it.
var cacheWords = []string{"hit", "miss", "pass", "stale", "fwd", "fwd-status", "stored", "collapsed", "ttl", "bypass", "expired", "revalidated", "updating", "dynamic", "partial", "request", "method",
	"uri-miss", "vary-miss", "synth", "error", "none", "unknown", "refreshhit", "refresh", "hit-stale", "stale-hit", "hit-for-pass", "hit-for-miss", "hitmiss", "hitpass", "cached", "uncacheable",
	"tcp_hit", "tcp_miss", "tcp_mem_hit", "tcp_disk_hit", "tcp_ims_hit", "tcp_refresh_hit", "tcp_refresh_miss", "tcp_refresh_fail_hit", "tcp_expired_hit", "tcp_expired_miss", "tcp_client_refresh_miss",
	"tcp_negative_hit", "tcp_denied", "tcp_cookie_deny", "tcp_swapfail_miss", "tcp_imshit", "tcp_remote_hit", "config_nocache", "private_nostore"}

// surrogateKeys are what CDNs purge by: Surrogate-Key and xkey (separated by spaces), Cache-Tag (by commas). What may name a person is
// left out.
func (e *exchange) surrogateKeys(h http.Header) (keys []string) {
	for _, name := range []string{"Surrogate-Key", "Xkey", "Cache-Tag"} {
		for _, v := range h[name] {
			for _, k := range strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ',' }) {
				if len(keys) == maxKeys {
					return keys
				}
				if len(k) <= maxKey && scan.MaskText(k) == k && !isToken(k) && !e.names(k) && !slices.Contains(keys, k) {
					keys = append(keys, k)
				}
			}
		}
	}
	return keys
}

// isToken: 16 characters or more in a row are of base64, of which hexadecimal digits are a part: a digest, or something in disguise.
func isToken(s string) bool {
	run := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == '+', c == '/', c == '=':
			if run++; run >= 16 {
				return true
			}
		default:
			run = 0
		}
	}
	return false
}

// names says that a word made of others, such as a key of a CDN, names a customer: as a whole, by words in it that stand side by side, or by an
// identifier of any kind.
func (e *exchange) names(s string) bool {
	d := e.g.Directory
	if plain, err := url.PathUnescape(s); err == nil {
		s = plain
	}
	if isPersonal(d, s) || string(maskOwned(d, []byte(s))) != s {
		return true
	}
	for number := range strings.FieldsFuncSeq(s, func(r rune) bool { return (r < '0' || r > '9') && !strings.ContainsRune("+-._ ", r) }) {
		if isPersonal(d, number) || isPersonal(d, notDigits.ReplaceAllString(number, "")) {
			return true
		}
	}
	words := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) })
	for i := range words {
		for n := 1; n <= 3 && i+n <= len(words); n++ {
			some := slices.Clone(words[i : i+n])
			if isPersonal(d, strings.Join(some, " ")) {
				return true
			}
			if slices.Reverse(some); n > 1 && isPersonal(d, strings.Join(some, " ")) {
				return true
			}
		}
	}
	return false
}

const (
	maxKeys = 16
	maxKey  = 128
)

// object is a digest of what is variable in the path and query: the ids that a request asks for.
func (e *exchange) object() string {
	u := e.x.Request.URL
	ids := variable(u.EscapedPath(), e.route)
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if name, value, _ := strings.Cut(part, "="); !asksForNothing(name) && strings.ContainsAny(value, "0123456789@") {
			ids = append(ids, part)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return e.digest("object", e.site, strings.Join(ids, "\x01"))
}

// variable are the segments of a path that its route has in braces, or that would be by their form.
func variable(path, route string) (ids []string) {
	_, pattern, _ := strings.Cut(route, " ")
	pattern, _, _ = strings.Cut(pattern, "#")
	segments, form, places := strings.Split(path, "/"), strings.Split(candor.PathTemplate(path), "/"), strings.Split(pattern, "/")
	for i, s := range segments {
		if i < len(form) && form[i] != s || len(places) == len(segments) && strings.HasPrefix(places[i], "{") {
			ids = append(ids, strconv.Itoa(i)+"="+s)
		}
	}
	return ids
}

// asksForNothing names parameters that choose no thing: pages of a list, sizes, versions, and what advertising adds.
func asksForNothing(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "utm_") || strings.HasSuffix(name, "clid") || slices.Contains(adjustments, name)
}

var adjustments = []string{"page", "p", "per_page", "perpage", "pagesize", "page_size", "size", "limit", "take", "skip", "offset", "start", "count", "from", "width", "height", "w", "h", "q",
	"v", "ver", "version", "_", "t", "ts", "timestamp", "cb", "nocache", "rand", "ref", "c", "sort", "order", "lang", "locale", "currency", "fields", "depth", "cursor", "after", "before"}

// isDeceptive: the path pretends to be a static file, for a cache that goes by that, and the content is a page or data. What the shop reads as
// a path's end and a cache does not is a semicolon, an encoded slash, question mark, hash, line break or NUL; many ignore a further
// segment (O. Gil, "Web Cache Deception", 2017; M. Doyhenard, "Gotta cache 'em all", 2024).
func isDeceptive(path, contentType string) bool {
	if !strings.HasSuffix(contentType, "html") && !strings.HasSuffix(contentType, "json") {
		return false
	}
	path = strings.ToLower(path)
	if strings.Contains(path, "/..%2f") || strings.Contains(path, "%2e%2e%2f") || strings.Contains(path, "%2f..") || strings.Contains(path, "%2f%2e%2e") {
		return true // "/static/..%2faccount"
	}
	dot := strings.LastIndexByte(path, '.')
	return dot > 0 && slices.Contains(static, path[dot+1:])
}

var static = []string{"css", "js", "mjs", "map", "png", "ico", "jpg", "jpeg", "gif", "webp", "avif", "svg", "bmp", "woff", "woff2", "ttf", "otf", "eot", "mp3", "mp4", "webm", "swf", "wasm"}

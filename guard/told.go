package guard

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

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
	r.CacheControl, r.Vary, r.Shareable = e.cache.control, fieldOf(h, "Vary"), e.cache.shareable
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

// fieldOf is a field's value as it may be kept.
func fieldOf(h http.Header, name string) string {
	return cut(scan.MaskText(strings.Join(h[name], ", ")), maxField)
}

// tellers are the fields in which caches say what they did.
var tellers = []string{"Cache-Status", "X-Cache", "X-Cache-Status", "Cf-Cache-Status", "X-Proxy-Cache", "X-Varnish", "X-Cache-Hits"}

// cacheStatus is what caches say they did, by field. The key by which one stored it (RFC 9211 §2.7) is a URL, and is left out.
func cacheStatus(h http.Header) string {
	var said []string
	for _, name := range tellers {
		if v := strings.Join(h[name], ", "); v != "" {
			said = append(said, name+": "+keyParameter.ReplaceAllString(v, ""))
		}
	}
	return cut(scan.MaskText(strings.Join(said, "; ")), maxField)
}

var keyParameter = regexp.MustCompile(`(?i);\s*key\s*=\s*("(?:[^"\\]|\\.)*"?|[^,;]*)`)

// surrogateKeys are what CDNs purge by: Surrogate-Key and xkey (separated by spaces), Cache-Tag (by commas). What may name a person is
// left out.
func (e *exchange) surrogateKeys(h http.Header) (keys []string) {
	for _, name := range []string{"Surrogate-Key", "Xkey", "Cache-Tag"} {
		for _, v := range h[name] {
			for _, k := range strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ',' }) {
				if len(keys) == maxKeys {
					return keys
				}
				if len(k) <= maxKey && scan.MaskText(k) == k && !isPersonal(e.g.Directory, k) && !slices.Contains(keys, k) {
					keys = append(keys, k)
				}
			}
		}
	}
	return keys
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

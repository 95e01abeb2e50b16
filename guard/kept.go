package guard

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"candor.example"
	"candor.example/scan"
)

// kept is what is kept of a response with a match: what the cause of a disclosure is decided from (candor.Response). There is none of a
// response without one, and its headers are read only once something was disclosed.
type kept struct {
	response candor.Response
	told     bool // response holds what request and headers tell
	recorded bool // and was recorded so, with a disclosure
	own      bool // something in it is the viewer's own

	owners map[string]bool // whose data was disclosed
}

// maxPlaces is how many places of a response are kept.
const maxPlaces = 32

// keep begins to keep something of the response.
func (e *exchange) keep() *kept {
	if e.kept == nil {
		e.kept = &kept{}
		e.kept.response.ID = e.responseID()
	}
	return e.kept
}

// responseID is random, and for an exchange of a capture always the same, so that it can be folded twice.
func (e *exchange) responseID() string {
	if e.all == nil {
		return newID()
	}
	r := e.x.Request
	return e.digest("response", e.x.Source, e.x.Time.UTC().Format(time.RFC3339Nano), r.Method, r.Host, r.URL.RequestURI())
}

// account takes a classed hit into what is kept, and says in which response and where it stands.
func (e *exchange) account(h *hit, class candor.Class, v candor.Viewer) (place string) {
	switch class {
	case candor.Own:
		k := e.keep()
		k.own = true
		k.response.Own++
	case candor.Disclosed:
		k := e.keep()
		if !k.told {
			k.told = true
			e.tell(&k.response, v)
		}
		for _, o := range h.owners {
			k.expose(o)
		}
	}
	return ""
}

// maxOwners bounds the memory of whose data one response disclosed: an export of all customers has that many at least.
const maxOwners = 1 << 20

func (k *kept) expose(owner string) {
	if k.owners == nil {
		k.owners = map[string]bool{}
	}
	if len(k.owners) < maxOwners {
		k.owners[owner] = true
	}
	k.response.Owners = len(k.owners)
}

// people is a digest of whose data was disclosed, in whatever order.
func (e *exchange) people(owners map[string]bool) string {
	return e.digest(append([]string{"people"}, slices.Sorted(maps.Keys(owners))...)...)
}

// tell fills in what request and headers say, before anything in them is changed.
func (e *exchange) tell(r *candor.Response, v candor.Viewer) {
	h, request := e.x.Header, e.x.Request
	r.Time, r.Site, r.Method, r.Route, r.Status = e.x.Time.UTC(), e.site, request.Method, e.route, e.x.Status
	r.URL = e.shownURL()
	r.Masked = r.URL != plainURL(request.URL)
	r.Release, r.Viewer, r.ViewerDigest = e.release, v.Kind(), e.viewerDigest(v)
	r.Credentialed = len(e.holders()) > 0
	r.Cached, r.Age, r.CacheStatus = e.cached, age(h), cacheStatus(h)
	r.CacheControl, r.Vary = fieldOf(h, "Cache-Control"), fieldOf(h, "Vary")
	r.Date, _ = http.ParseTime(h.Get("Date"))
	r.SetCookie = len(h["Set-Cookie"]) > 0
	r.Shareable, _ = candor.SharedCacheable(request.Method, request.Header, e.x.Status, h, e.x.Time)
	r.SurrogateKeys = e.surrogateKeys(h)
	r.ContentType, _ = mediaType(h.Get("Content-Type"))
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
	n, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// maxField is how many bytes of a field's value are kept.
const maxField = 200

// fieldOf is a field's value as it may be kept.
func fieldOf(h http.Header, name string) string {
	return cut(scan.MaskText(strings.Join(h[name], ", ")), maxField)
}

func cut(s string, most int) string {
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// tellers are the fields in which caches say what they did.
var tellers = []string{"Cache-Status", "X-Cache", "X-Cache-Status", "Cf-Cache-Status", "X-Proxy-Cache", "X-Varnish", "X-Cache-Hits", "X-Served-By"}

// cacheStatus is what caches say they did, by field. The key by which one stored it (RFC 9211 §2.7) is a URL, and is left out.
func cacheStatus(h http.Header) string {
	var said []string
	for _, name := range tellers {
		if v := strings.Join(h[name], ", "); v != "" {
			said = append(said, name+": "+withoutKey(v))
		}
	}
	return cut(scan.MaskText(strings.Join(said, "; ")), maxField)
}

func withoutKey(v string) string {
	if !strings.Contains(v, "key") {
		return v
	}
	return keyParameter.ReplaceAllString(v, "")
}

var keyParameter = regexp.MustCompile(`(?i);\s*key\s*=\s*("(?:[^"\\]|\\.)*"?|[^,;]*)`)

// surrogateKeys are what CDNs purge by: Surrogate-Key and xkey (separated by spaces), Cache-Tag (by commas). What may name a person is
// left out.
func (e *exchange) surrogateKeys(h http.Header) (keys []string) {
	for _, name := range []string{"Surrogate-Key", "Xkey", "Cache-Tag"} {
		for _, v := range h[name] {
			for _, k := range strings.FieldsFunc(v, func(r rune) bool { return r == ' ' || r == ',' }) {
				if len(keys) < maxKeys && len(k) <= maxKey && scan.MaskText(k) == k && !isPersonal(e.g.Directory, k) && !slices.Contains(keys, k) {
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

// ended says that all of the response was inspected, and hands on what is known of it now.
func (e *exchange) ended() {
	k := e.kept
	if e.kept = nil; k == nil || !k.told || e.all == nil && !k.recorded {
		return
	}
	k.response.People = e.people(k.owners)
	k.response.End = time.Now().UTC()
	if e.all != nil {
		k.response.End = e.x.Time.UTC()
	}
	e.note(candor.Entry{Responses: []candor.Response{k.response}})
}

func (e *exchange) note(entry candor.Entry) {
	if e.g.Note != nil {
		e.g.Note(entry)
	}
}

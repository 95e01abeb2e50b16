package guard

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// What describes a body's bytes has to be made right when they are not the shop's any more. There are two ways of that:
//
//   - recoded: the same page in another content coding. A strong ETag becomes weak (RFC 9110 §8.8.1).
//   - masked: another page, for this viewer at this moment. It has no validator, and nobody may store it: once the leak is
//     mended the shop's 304 would bring the masked copy back. A response that is recorded as disclosing and masked is this.
//
// Headers may be gone when a mask turns out to be needed. Then the copy out there bears the shop's validators, and they are
// remembered: who asks whether that copy is still good gets the page instead.

// digests sum up the bytes (RFC 9530 §2 and §3, RFC 3230, RFC 1864); signatures may cover them, or a header that changed with
// them (RFC 9421 §2.4). None is better than a wrong one: it cannot be mended without the shop's key.
var digests = []string{"Content-Digest", "Repr-Digest", "Unencoded-Digest", "Digest", "Content-Md5", "Signature", "Signature-Input"}

// storing permits caches to keep a response, in words that outrank Cache-Control there (RFC 9213 §2.1, RFC 9111 §5.3, and the manuals of CDNs
// and of nginx).
var storing = []string{"Cdn-Cache-Control", "Surrogate-Control", "Cloudflare-Cdn-Cache-Control", "Vercel-Cdn-Cache-Control", "Netlify-Cdn-Cache-Control",
	"Akamai-Cache-Control", "Edge-Control", "X-Accel-Expires", "Expires"}

// recoded makes the headers right for the same page in another coding.
func (rw *response) recoded(h http.Header) {
	rw.changed = true
	h.Del("Content-Length")
	h.Del("Accept-Ranges") // ranges are the shop's, of what it sent
	for _, name := range digests {
		h.Del(name)
	}
	if tag := h.Get("Etag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		h.Set("Etag", "W/"+tag)
	}
}

// masked makes the headers right for a page that is not as the shop sent it, or remembers that it is too late.
func (rw *response) masked() {
	h := rw.w.Header()
	if rw.sent {
		rw.tooLate(h)
		return
	}
	rw.changed = true
	rw.x.caching() // as upstream meant it
	for _, list := range [][]string{digests, storing, {"Etag", "Last-Modified", "Accept-Ranges"}} {
		for _, name := range list {
			h.Del(name)
		}
	}
	h.Set("Cache-Control", "no-store")
}

// tooLate: a masked copy is out there under the shop's validators.
func (rw *response) tooLate(h http.Header) {
	if rw.late {
		return
	}
	rw.late, rw.changed = true, true
	for _, v := range []string{opaque(h.Get("Etag")), h.Get("Last-Modified")} {
		if v != "" {
			rw.g.copies.add(rw.copyKey(v))
		}
	}
}

// unsummed takes the sums of other bytes out of the trailers.
func unsummed(h http.Header) {
	for _, name := range digests {
		h.Del(name)
		delete(h, http.TrailerPrefix+name)
	}
	h.Del("Etag") // RFC 9110 §8.8.3 permits it there
	delete(h, http.TrailerPrefix+"Etag")
}

// unconditional takes the conditions out of a request by somebody who holds a masked copy.
func (rw *response) unconditional(h http.Header) {
	if rw.g.copies.empty() {
		return
	}
	if rw.anyMasked(tags(h["If-None-Match"])) || rw.anyMasked(h["If-Modified-Since"]) {
		h.Del("If-None-Match")
		h.Del("If-Modified-Since")
	}
	// RFC 9110 §13.1.5: with If-Range, what is missing of the copy would be put behind what was masked.
	if rw.anyMasked(tags(h["If-Range"])) || rw.anyMasked(h["If-Range"]) {
		h.Del("If-Range")
		h.Del("Range")
	}
}

// refreshing is a response that would make a masked copy fresh again: RFC 9111 §4.3.5 has a HEAD's do so.
func (rw *response) refreshing(h http.Header) bool {
	return rw.r.Method == http.MethodHead && !rw.g.copies.empty() &&
		(rw.anyMasked(tags(h["Etag"])) || rw.anyMasked(h["Last-Modified"]))
}

func (rw *response) anyMasked(validators []string) bool {
	for _, v := range validators {
		if rw.g.copies.has(rw.copyKey(v)) {
			return true
		}
	}
	return false
}

func (rw *response) copyKey(validator string) string {
	return rw.x.digest("copy", rw.r.Host, rw.r.URL.RequestURI(), validator)
}

// tags lists the opaque parts of entity tags (RFC 9110 §8.8.3). If-None-Match compares weakly, so W/ does not matter.
func tags(values []string) (list []string) {
	for _, v := range values {
		for {
			tag := opaque(v)
			if tag == "" {
				break
			}
			list = append(list, tag)
			_, v, _ = strings.Cut(v, tag)
		}
	}
	return list
}

// opaque is the first quoted string in a value, with its quotes; empty when there is none.
func opaque(v string) string {
	start := strings.IndexByte(v, '"')
	if start < 0 {
		return ""
	}
	end := strings.IndexByte(v[start+1:], '"')
	if end < 0 {
		return ""
	}
	return v[start : start+end+2]
}

// copies remembers masked copies by keyed digests of URL and validator. It is for what a cache may still hold, so it has no
// clock; when there are too many, the oldest half is forgotten, and so is all at a restart.
type copies struct {
	mu       sync.Mutex
	now, old map[string]bool
	some     atomic.Bool // spares all others the lock
}

const maxCopies = 50_000 // a generation; two are kept

func (c *copies) empty() bool { return !c.some.Load() }

func (c *copies) add(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == nil || len(c.now) >= maxCopies {
		c.old, c.now = c.now, map[string]bool{}
	}
	c.now[key] = true
	c.some.Store(true)
}

func (c *copies) has(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now[key] || c.old[key]
}

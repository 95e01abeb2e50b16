package guard

import (
	"mime"
	"net/http"
	"path"
	"strings"

	"candor.example"
)

// SiteFolder is what Candor answers itself on the shop's own site, where Guard.Site is set (RFC 8615).
const SiteFolder = "/.well-known/candor/"

// NoticeHeader names the page with the viewer's notices, on the shop's own responses: see Guard.Banner.
const NoticeHeader = "Candor-Notice"

// ours reports whether a request is for SiteFolder, however its path is written: upstream must not be asked for what people take for Candor's word.
func ours(p string) bool {
	if !strings.Contains(p, "candor") {
		return false
	}
	return strings.HasPrefix(p, SiteFolder) || strings.HasPrefix(path.Clean("/"+p)+"/", SiteFolder)
}

// answerSite answers for Candor. No cache may keep it, and nothing runs in it.
func (g *Guard) answerSite(w http.ResponseWriter, r *http.Request) {
	v := candor.Viewer{}
	if g.Viewer != nil {
		v = g.Viewer(r)
	}
	h := w.Header()
	h.Set("Cache-Control", "private, no-store")
	h.Set("Vary", "Cookie, Authorization")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	g.Site(w, r, v)
}

// banner tells a signed-in viewer's browser that there is a notice, if no shared cache may keep the response, for it would tell others. What is
// asked is as the headers leave, after private. The shop's own word of that name goes: it is Candor's.
func (rw *response) banner() {
	if rw.g.Banner == nil {
		return
	}
	h, status := rw.w.Header(), rw.x.x.Status
	h.Del(NoticeHeader)
	if !speaks(h.Get("Content-Type")) {
		return
	}
	v := rw.x.who()
	if v.Customer == "" || !rw.g.Banner(rw.r, v) {
		return
	}
	if shared, _ := candor.SharedCacheable(rw.r.Method, rw.r.Header, status, h, rw.x.x.Time); !shared {
		h.Set(NoticeHeader, SiteFolder+"notices")
	}
}

// speaks: it is a page, or what a page's script reads.
func speaks(contentType string) bool {
	t, _, _ := mime.ParseMediaType(contentType)
	return t == "text/html" || t == "application/xhtml+xml" || t == "application/json" || strings.HasSuffix(t, "+json")
}

package guard_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"candor.example/guard"
)

// What describes the bytes, as a shop may send it.
var described = map[string]string{
	"Etag": `"v1"`, "Last-Modified": "Tue, 20 Nov 2018 10:00:00 GMT", "Accept-Ranges": "bytes", "Expires": "Fri, 23 Nov 2018 10:00:00 GMT",
	"Content-Md5": "Q2hlY2sgSW50ZWdyaXR5IQ==", "Digest": "SHA-256=4REjxQ4yrqUVicfSKYNO/cF9zNj5ANbzgDZt3/h3Qxo=",
	"Content-Digest": "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:", "Repr-Digest": "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
	"Signature-Input": `sig1=("content-digest");keyid="shop"`, "Signature": "sig1=:hNojB+wWw4A7SYF3qK1S01Y4UP5i2JZFYa2WOlMB4Np5iWmJSO0bDe2hrYRbcIWqVAFjuuCBRsB7lYQJkzbb6g==:",
	"Cache-Control": "public, max-age=600", "Cdn-Cache-Control": "max-age=3600", "Surrogate-Control": "max-age=3600",
}

func describe(h http.Header) {
	for name, value := range described {
		h.Set(name, value)
	}
}

// lost lists the fields that are not as the shop sent them, with what they became.
func lost(h http.Header) (list []string) {
	for name, value := range described {
		if got := h.Get(name); got != value {
			list = append(list, strings.TrimSuffix(name+"="+got, "="))
		}
	}
	slices.Sort(list)
	return list
}

const (
	keepsAll   = "[]"
	sumsGone   = "[Accept-Ranges Content-Digest Content-Md5 Digest Etag=W/\"v1\" Repr-Digest Signature Signature-Input]"
	maskedCopy = "[Accept-Ranges Cache-Control=no-store Cdn-Cache-Control Content-Digest Content-Md5 Digest Etag Expires Last-Modified Repr-Digest Signature Signature-Input Surrogate-Control]"
)

func TestWhatDescribesTheBytes(t *testing.T) {
	clean, leak := "<p>lamp</p>", "<p>alice@shop.example</p>"
	for _, c := range []struct {
		name, method, body, coding string
		mode                       guard.Mode
		compress                   bool
		header                     string
		want                       string
	}{
		{name: "clean", body: clean, mode: guard.Mask, want: keepsAll},
		{name: "clean, blocking", body: clean, mode: guard.Block, want: keepsAll},
		{name: "empty", mode: guard.Mask, want: keepsAll},
		{name: "HEAD", method: "HEAD", mode: guard.Mask, want: keepsAll},
		{name: "masked", body: leak, mode: guard.Mask, want: maskedCopy},
		{name: "observed", body: leak, mode: guard.Observe, want: keepsAll},
		{name: "observed, encoded", body: leak, coding: "gzip", mode: guard.Observe, want: keepsAll},
		{name: "decoded", body: clean, coding: "gzip", mode: guard.Mask, want: sumsGone},
		{name: "decoded and masked", body: leak, coding: "gzip", mode: guard.Mask, want: maskedCopy},
		{name: "compressed", body: clean, compress: true, mode: guard.Mask, want: sumsGone},
		{name: "compressed and masked", body: leak, compress: true, mode: guard.Mask, want: maskedCopy},
		{name: "masked in a header", body: clean, header: "alice@shop.example", mode: guard.Mask, want: maskedCopy},
		{name: "its own", body: clean, header: "nobody@shop.example", mode: guard.Mask, want: keepsAll},
	} {
		r := newRig(t, c.mode, func(w http.ResponseWriter, _ *http.Request) {
			describe(w.Header())
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("X-User", c.header)
			if c.coding != "" {
				w.Header().Set("Content-Encoding", c.coding)
			}
			w.Write(encode(t, c.coding, []byte(c.body)))
		})
		r.Compress = c.compress
		req, _ := http.NewRequest(c.method, r.site.URL, nil)
		res, _ := r.do(req, "", "Accept-Encoding", "gzip")
		equal(t, c.name, lost(res.Header), c.want)
	}
}

// A page that is masked after its headers have left is out there under the shop's validators: whoever asks whether it is
// still good gets the page, and nobody else is affected.
func TestMaskedTooLate(t *testing.T) {
	const date = "Tue, 20 Nov 2018 10:00:00 GMT"
	page := strings.Repeat("<p>lamp</p>\n", 20_000)
	leak := "alice@shop.example"
	var asked []string
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		h := req.Header
		asked = append(asked, h.Get("If-None-Match")+h.Get("If-Modified-Since")+h.Get("If-Range")+h.Get("Range"))
		w.Header().Set("Etag", `"v1"`)
		w.Header().Set("Last-Modified", date)
		w.Header().Set("Content-Type", "text/html")
		if h.Get("If-None-Match")+h.Get("If-Modified-Since") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, page+leak)
	})
	conditional := func(path string, header ...string) string {
		asked = nil
		res, _ := r.get(path, "", header...)
		return fmt.Sprint(res.StatusCode, asked)
	}
	equal(t, "before it was seen", conditional("/a", "If-None-Match", `"v1"`), `304 ["v1"]`)
	res, body := r.get("/a", "")
	equal(t, "the copy's", res.Header.Get("Etag"), `"v1"`)
	equal(t, "masked", body[len(page):], "a****@s***.example")
	leak = "mended"
	for name, c := range map[string]struct {
		path, field, value, want string
	}{
		"tag":                 {"/a", "If-None-Match", `"v1"`, "200 []"},
		"weak, among others":  {"/a", "If-None-Match", `"v0", W/"v1"`, "200 []"},
		"date":                {"/a", "If-Modified-Since", date, "200 []"},
		"another tag":         {"/a", "If-None-Match", `"v2"`, `304 ["v2"]`},
		"not a tag":           {"/a", "If-None-Match", `v1`, `304 [v1]`},
		"another date":        {"/a", "If-Modified-Since", "Wed, 21 Nov 2018 10:00:00 GMT", "304 [Wed, 21 Nov 2018 10:00:00 GMT]"},
		"another page":        {"/b", "If-None-Match", `"v1"`, `304 ["v1"]`},
		"the page's variants": {"/a?x=1", "If-None-Match", `"v1"`, `304 ["v1"]`},
	} {
		equal(t, name, conditional(c.path, c.field, c.value), c.want)
	}
	equal(t, "what is missing of the copy", conditional("/a", "If-Range", `"v1"`, "Range", "bytes=9-"), "200 []")
	equal(t, "the same by date", conditional("/a", "If-Range", date, "Range", "bytes=9-"), "200 []")

	req, _ := http.NewRequest("HEAD", r.site.URL+"/a", nil)
	res, _ = r.do(req, "")
	equal(t, "HEAD makes no copy fresh", res.Header.Get("Etag")+res.Header.Get("Last-Modified"), "")
	req, _ = http.NewRequest("HEAD", r.site.URL+"/b", nil)
	res, _ = r.do(req, "")
	equal(t, "HEAD of another page", res.Header.Get("Etag"), `"v1"`)
}

// Sums in the trailers go when the bytes changed, and only then.
func TestSumsInTrailers(t *testing.T) {
	for _, c := range []struct {
		body, want string
		announced  bool
	}{
		{"lamp", "sum x", true}, {"alice@shop.example", " x", true},
		{"lamp", "sum x", false}, {"alice@shop.example", " x", false},
	} {
		r := newRig(t, guard.Mask, func(w http.ResponseWriter, _ *http.Request) {
			prefix := http.TrailerPrefix
			if c.announced {
				w.Header().Set("Trailer", "Repr-Digest, X-Other")
				prefix = ""
			}
			io.WriteString(w, "first\n")
			w.(http.Flusher).Flush()
			io.WriteString(w, c.body)
			w.Header().Set(prefix+"Repr-Digest", "sum")
			w.Header().Set(prefix+"X-Other", "x")
		})
		res, _ := r.get("/", "")
		equal(t, c.body, res.Trailer.Get("Repr-Digest")+" "+res.Trailer.Get("X-Other"), c.want)
	}
}

// What is wanted of the shop is its business (RFC 9530 §4): an undisclosing answer keeps what it says.
func TestWantDigest(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Repr-Digest", req.Header.Get("Want-Repr-Digest"))
		io.WriteString(w, "lamp")
	})
	res, _ := r.get("/", "", "Want-Repr-Digest", "sha-256=1")
	equal(t, "asked and answered", res.Header.Get("Repr-Digest"), "sha-256=1")
}

// A part that is masked cannot be put together with parts of the shop's, and a 416 is the shop's own.
func TestMaskedPart(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Etag", `"v1"`)
		if req.Header.Get("Range") == "bytes=99-" {
			w.Header().Set("Content-Range", "bytes */18")
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		w.Header().Set("Content-Range", "bytes 0-17/99")
		w.WriteHeader(http.StatusPartialContent)
		io.WriteString(w, "alice@shop.example")
	})
	res, body := r.get("/", "", "Range", "bytes=0-17")
	equal(t, "206", []any{res.StatusCode, body, res.Header.Get("Etag"), res.Header.Get("Cache-Control")}, "[206 a****@s***.example  no-store]")
	res, _ = r.get("/", "", "Range", "bytes=99-")
	equal(t, "416", []any{res.StatusCode, res.Header.Get("Etag"), res.Header.Get("Content-Range")}, `[416 "v1" bytes */18]`)
}

package guard

import (
	"net/http"
	"strings"

	"candor.example"
)

// plan is how a response's body is handled.
type plan int

const (
	pass   plan = iota // as it comes, uninspected
	look               // inspect it as it streams by
	tap                // pass it as it comes, and inspect a decoded copy ahead of it (Observe, encoded)
	decode             // decode it, inspect it and send it decoded (Mask and Block, encoded in spite of the request)
	whole              // ask again for the whole: an identifier cut by the edge of a range would not be seen
	deny               // withhold it
)

// planFor is the one place that decides, from status and headers alone, whether a body is passed, held, decoded or
// denied.
func planFor(r *http.Request, status int, h http.Header, mode Mode, failClosed bool) (plan, candor.Skip) {
	encodings, known := encodingsOf(h)
	switch {
	case r.Method == http.MethodHead, status == http.StatusNoContent, status == http.StatusNotModified:
		return pass, "" // there is no body: the headers are all that there is to inspect
	case isMedia(h.Get("Content-Type")) && len(h["Content-Type"]) == 1:
		return pass, SkipMedia
	case status == http.StatusPartialContent && mode != Observe && r.Method == http.MethodGet && (isText(partType(h)) || worthWhole(h)):
		return whole, ""
	case status == http.StatusPartialContent && len(encodings) > 0:
		return pass, SkipPartial
	case status == http.StatusPartialContent:
		return look, SkipPartial
	case !known && mode != Observe && failClosed:
		return deny, SkipEncoding
	case !known:
		return pass, SkipEncoding
	case len(encodings) == 0:
		return look, ""
	case mode == Observe:
		return tap, ""
	}
	return decode, ""
}

// partType is the type of what a partial response is part of; of several ranges at once (RFC 9110 §14.6) it is not in the
// headers, so it is taken for text.
func partType(h http.Header) string {
	if t := h.Get("Content-Type"); !strings.HasPrefix(t, "multipart/byteranges") {
		return t
	}
	return ""
}

// isText names what is read as text by people and programs, and small enough in practice to be asked for again.
func isText(contentType string) bool {
	t, ok := mediaType(contentType)
	if !ok {
		return contentType == ""
	}
	return strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "json") || strings.HasSuffix(t, "xml") ||
		strings.HasSuffix(t, "javascript") || strings.HasSuffix(t, "ndjson")
}

// isMedia names what holds no text. Images may show text to people, but not to a recogniser of bytes; SVG is text.
func isMedia(contentType string) bool {
	t, ok := mediaType(contentType)
	if !ok {
		return false
	}
	kind, sub, _ := strings.Cut(t, "/")
	switch kind {
	case "image":
		return !strings.Contains(sub, "xml")
	case "video", "audio", "font":
		return true
	}
	return t == "application/wasm" || t == "application/font-woff" || t == "application/vnd.ms-fontobject"
}

// isContainer names what a mask would break, because its bytes are signed or summed up: it is withheld as a whole.
func isContainer(contentType string) bool {
	t, ok := mediaType(contentType)
	return ok && (t == "application/pdf" || t == "application/zip" || t == "application/jose" || t == "application/jwt" ||
		t == "application/pkcs7-mime" || t == "application/signed-exchange" ||
		strings.HasPrefix(t, "application/vnd.openxmlformats-") || strings.HasPrefix(t, "application/vnd.oasis.opendocument"))
}

// mediaType is the lower-case type of a Content-Type, without parameters and without mime's allocations. What is not one
// type and a subtype (RFC 9110 §8.3.1) is none: "image/png, text/html" may be taken for text by a browser.
func mediaType(contentType string) (t string, ok bool) {
	t, _, _ = strings.Cut(contentType, ";")
	t = strings.ToLower(strings.TrimSpace(t))
	slash := strings.IndexByte(t, '/')
	ok = slash > 0 && slash < len(t)-1
	for i := range len(t) {
		ok = ok && (i == slash || t[i] > ' ' && t[i] < 0x7f && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, rune(t[i])))
	}
	return t, ok
}

// encodingsOf lists a response's content codings in the order in which they were applied (RFC 9110 §8.4), and whether all
// of them can be decoded.
func encodingsOf(h http.Header) (list []string, known bool) {
	known = true
	for _, v := range h["Content-Encoding"] {
		for _, name := range strings.Split(v, ",") {
			name = strings.ToLower(strings.TrimSpace(name))
			if name == "" || name == "identity" {
				continue
			}
			list = append(list, name)
			if _, ok := decoders[name]; !ok {
				known = false
			}
		}
	}
	return list, known && len(list) <= 3
}

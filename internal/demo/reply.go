package demo

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

const minGzip = 512 // bytes; below, gzip makes it longer

// answer is a whole response, before compression.
type answer struct {
	status   int // 0: 200
	kind     string
	cache    string // Cache-Control; empty: private, no-cache
	body     []byte
	location string // for a redirect
	cookie   *http.Cookie
	shown    []shown // whose addresses the body holds
}

const (
	kindHTML = "text/html; charset=utf-8"
	kindJSON = "application/json"
)

// reply sends an answer, and writes the truth down when its body is sent.
func (s *Shop) reply(w http.ResponseWriter, v *visit, a answer) {
	h := w.Header()
	a.headers(h, v)
	if a.status == 0 {
		a.status = http.StatusOK
		tag := etag(a.body)
		h.Set("ETag", tag)
		if v.unchanged(tag) { // RFC 9110 §15.4.5: the same headers, no body
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if v.accepts("gzip") && len(a.body) >= minGzip {
		h.Set("Content-Encoding", "gzip")
		a.body = compress(a.body)
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	if v.Method != http.MethodHead {
		s.truth.record(v, a.shown)
	}
	w.WriteHeader(a.status)
	w.Write(a.body) // drops the bytes for HEAD; a client that went away is nobody's error
}

func (a *answer) headers(h http.Header, v *visit) {
	h.Set("X-Release", v.release)
	h.Set("Content-Type", a.kind)
	h.Set("Vary", "Accept-Encoding, Cookie")
	h.Set("Referrer-Policy", "no-referrer") // a search for an address must not follow the shopper around
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-cache")
	if a.cache != "" {
		h.Set("Cache-Control", a.cache)
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
	if a.cookie != nil {
		h.Set("Set-Cookie", a.cookie.String())
	}
}

// etag is weak, because one page may be sent compressed or not (RFC 9110 §8.8.1).
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return fmt.Sprintf(`W/"%x"`, sum[:8])
}

func (v *visit) unchanged(tag string) bool {
	if v.Method != http.MethodGet && v.Method != http.MethodHead {
		return false
	}
	return slices.ContainsFunc(strings.Split(v.Header.Get("If-None-Match"), ","), func(have string) bool {
		have = strings.TrimSpace(have)
		return have == "*" || strings.TrimPrefix(have, "W/") == strings.TrimPrefix(tag, "W/") // RFC 9110 §13.1.2: weak comparison
	})
}

// accepts reads Accept-Encoding (RFC 9110 §12.5.3); a weight of zero is a no.
func (v *visit) accepts(coding string) bool {
	for _, part := range strings.Split(v.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			_, q, _ := strings.Cut(weight, "=")
			f, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
			return err != nil || f > 0
		}
	}
	return false
}

func compress(body []byte) []byte {
	var buf bytes.Buffer
	z, _ := gzip.NewWriterLevel(&buf, gzip.BestSpeed) // the level is valid
	z.Write(body)                                     // to memory: cannot fail
	z.Close()
	return buf.Bytes()
}

// asciiJSON marshals as many shop systems do: everything beyond ASCII, and @ and +, as \u escapes.
func asciiJSON(value any) []byte {
	plain, err := json.Marshal(value)
	if err != nil {
		panic("demo: " + err.Error()) // only the shop's own maps and structs come here
	}
	var out []byte
	for _, r := range string(plain) { // outside strings JSON is ASCII and has no @; numbers here have no +
		if r < 0x80 && r != '@' && r != '+' {
			out = append(out, byte(r))
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}

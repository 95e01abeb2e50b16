package guard

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// An identifier in a URL goes where the URL goes: into histories, logs and Referer headers (CWE-598). Where the URL is one that browsers
// load by themselves from another site, it goes to that site, even if the viewer is the owner.

// CWE598 is "Use of GET Request Method With Sensitive Query Strings".
const CWE598 = "CWE-598"

// carrier is the URL in which an identifier stands.
type carrier struct {
	is         bool
	thirdParty string // the other site's host, if a browser fetches the URL unasked
}

// maxURL is how far before an identifier its URL may begin, in bytes.
const maxURL = 2048

// carrierOf looks at what stands before the identifier at buf[at:].
func (e *exchange) carrierOf(buf []byte, at int) carrier {
	start := at
	for start > max(0, at-maxURL) && !endsURL(buf[start-1]) {
		start--
	}
	u := strings.ReplaceAll(string(buf[start:at]), `\/`, "/")
	attribute, loaded := attributeOf(buf[:start])
	if i := strings.LastIndex(u, "url("); i >= 0 { // CSS
		u, attribute, loaded = u[i+4:], "url", true
	}
	host, ok := hostOf(u)
	if !ok && attribute == "" || isContact(u) {
		return carrier{}
	}
	c := carrier{is: true}
	if loaded && host != "" && !sameSite(host, e.x.Request.Host) {
		c.thirdParty = host
	}
	return c
}

// isContact: such a URL is for writing or calling, and goes to no server (RFC 6068, RFC 3966, RFC 5724).
func isContact(u string) bool {
	scheme, _, _ := strings.Cut(strings.ToLower(u), ":")
	return scheme == "mailto" || scheme == "tel" || scheme == "sms"
}

func endsURL(c byte) bool { return c <= ' ' || bytes.IndexByte([]byte("\"'<>`{}|"), c) >= 0 }

// hostOf is the host of an absolute URL that begins u; ok is true for absolute URLs and for paths with a query.
func hostOf(u string) (host string, ok bool) {
	for _, scheme := range []string{"https://", "http://", "wss://", "ws://", "//"} {
		if len(u) >= len(scheme) && strings.EqualFold(u[:len(scheme)], scheme) {
			host, _, _ = strings.Cut(u[len(scheme):], "/")
			host, _, _ = strings.Cut(host, "?")
			if strings.IndexByte(host, '@') >= 0 { // userinfo
				host = host[strings.LastIndexByte(host, '@')+1:]
			}
			return strings.ToLower(host), true
		}
	}
	return "", strings.HasPrefix(u, "/") && strings.IndexByte(u, '?') > 0
}

// attributeOf is the attribute whose value begins behind b, if it holds a URL, and whether browsers fetch that unasked.
func attributeOf(b []byte) (name string, loaded bool) {
	b = bytes.TrimRight(b, "\"' ")
	if !bytes.HasSuffix(b, []byte("=")) {
		return "", false
	}
	b = bytes.TrimRight(b[:len(b)-1], " ")
	i := len(b)
	for i > 0 && i > len(b)-16 && (b[i-1]|0x20 >= 'a' && b[i-1]|0x20 <= 'z' || b[i-1] == '-') {
		i--
	}
	switch name = strings.ToLower(string(b[i:])); name {
	case "src", "srcset", "poster", "data-src", "data-srcset", "background":
		return name, true
	case "href", "action", "formaction", "cite", "ping", "data-href", "data-url":
		return name, false
	}
	return "", false
}

// headerCarrier is the URL that a header holds: where a redirect leads, and what is linked.
func headerCarrier(name string) carrier {
	switch http.CanonicalHeaderKey(name) {
	case "Location", "Content-Location", "Refresh", "Link":
		return carrier{is: true}
	}
	return carrier{}
}

// sameSite: both hosts are of one registrable domain (https://publicsuffix.org), or the same.
func sameSite(a, b string) bool {
	a, b = hostname(a), hostname(b)
	x, err := publicsuffix.EffectiveTLDPlusOne(a)
	y, err2 := publicsuffix.EffectiveTLDPlusOne(b)
	return a == b || err == nil && err2 == nil && x == y
}

func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if u, err := url.PathUnescape(host); err == nil {
		host = u
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

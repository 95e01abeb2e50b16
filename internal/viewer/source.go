package viewer

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// source is one way to know who is asking.
type source struct {
	// ask returns the customer, or "" when this source does not know.
	ask func(*http.Request) string
	// says returns what the request says, an id or an address; nil for a session, of which only the customer was learned.
	says func(*http.Request) string
	// cookie names the session cookie, and bearer is set for session:authorization; neither is for the other sources.
	cookie string
	bearer bool
}

func (s source) session() bool { return s.cookie != "" || s.bearer }

func (r *Resolver) parseSource(ctx context.Context, spec string) (source, error) {
	kind, name, _ := strings.Cut(spec, ":")
	if name == "" {
		return source{}, fmt.Errorf("%q: want header:NAME, jwt:CLAIM, session:COOKIE or session:authorization", spec)
	}
	switch kind {
	case "header":
		return r.headerSource(name)
	case "jwt":
		return r.jwtSource(ctx, name)
	case "session":
		return r.sessionSource(name)
	}
	return source{}, fmt.Errorf("%q: there is no source %q: want header:NAME, jwt:CLAIM, session:COOKIE or session:authorization", spec, kind)
}

// headerSource believes a header that the operator's edge sets. A second value means that the edge adds to what clients
// send instead of replacing it: then neither is believed.
func (r *Resolver) headerSource(name string) (source, error) {
	if !httpguts.ValidHeaderFieldName(name) {
		return source{}, fmt.Errorf("header:%s: is not the name of a header", name)
	}
	key := http.CanonicalHeaderKey(name)
	return r.saying(func(req *http.Request) string {
		values := req.Header[key]
		if len(values) != 1 || !r.trusts(req.RemoteAddr) {
			return ""
		}
		return values[0]
	}), nil
}

// saying is a source of requests that say themselves who sends them.
func (r *Resolver) saying(says func(*http.Request) string) source {
	return source{says: says, ask: func(req *http.Request) string { return r.customer(says(req)) }}
}

func (r *Resolver) sessionSource(name string) (source, error) {
	s := source{cookie: name}
	if strings.EqualFold(name, "authorization") {
		s = source{bearer: true}
	} else if !httpguts.ValidHeaderFieldName(name) { // RFC 6265 §4.1.1: a cookie's name is a token, too
		return source{}, fmt.Errorf("session:%s: is not the name of a cookie", name)
	}
	s.ask = func(req *http.Request) string { return r.holder(s, req).customer }
	return s, nil
}

// values are the credentials of this source in a request. There may be several cookies of one name (RFC 6265 §5.4).
func (s source) values(req *http.Request) []string {
	if s.bearer {
		if token := bearer(req.Header); token != "" {
			return []string{token}
		}
		return nil
	}
	var values []string
	for _, c := range req.CookiesNamed(s.cookie) {
		values = append(values, c.Value)
	}
	return values
}

// bearer is the token of an Authorization header (RFC 6750 §2.1), "" if there is none or more than one.
func bearer(h http.Header) string {
	values := h["Authorization"]
	if len(values) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

package candor

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"candor.example/scan"
)

// Site is the host of a request as an incident names it: lower case, without port.
func Site(r *http.Request) string {
	host := r.Host
	if host == "" && r.URL != nil {
		host = r.URL.Host
	}
	if strings.Contains(host, ":") { // most have no port, and SplitHostPort's error costs
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// Route is the template that a request belongs to: "GET /orders/{id}", and for GraphQL, where every request has the
// same path, "POST /shop-api#GetOrder". body is what is known of the request's body; it may be nil or cut off.
func Route(r *http.Request, body []byte) string {
	route := r.Method + " " + PathTemplate(r.URL.EscapedPath())
	if op := graphQLOperation(r, body); op != "" {
		route += "#" + op
	}
	return route
}

// PathTemplate replaces what names one thing (numbers, UUIDs, codes, tokens, addresses) in an escaped path by {id}.
func PathTemplate(path string) string {
	if path == "" {
		return "/"
	}
	if !strings.ContainsAny(path, "0123456789@%") {
		return path
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if namesOneThing(s) {
			segments[i] = "{id}"
		}
	}
	return strings.Join(segments, "/")
}

// namesOneThing: at least half digits, three digits in a row, an address or anything percent-encoded, or a mixture of
// letters and digits that is too long for a version ("v2", "oauth2", "html5" stay as they are).
func namesOneThing(segment string) bool {
	digits, run, longest := 0, 0, 0
	for i := range len(segment) {
		switch c := segment[i]; {
		case c >= '0' && c <= '9':
			digits++
			run++
			longest = max(longest, run)
			continue
		case c == '@' || c == '%':
			return true
		}
		run = 0
	}
	return digits > 0 && (2*digits >= len(segment) && segment[0] != 'v' || longest >= 3 || digits >= 2 && len(segment) >= 12)
}

var graphQLQuery = regexp.MustCompile(`^\s*(?:#[^\n]*\n\s*)*(?:fragment\b[^{]*\{[^}]*\}\s*)*(query|mutation|subscription)?\s*([A-Za-z_][A-Za-z0-9_]*)?\s*(?:\([^{]*\))?\s*(?:@[^{]*)?\{\s*([A-Za-z_][A-Za-z0-9_]*)?`)

// graphQLOperation names the operation of a GraphQL request: its operationName, else the name in the query text, else
// the first field of an unnamed query (GraphQL over HTTP, §5; GraphQL October 2021, §2.3). Empty if it is not GraphQL.
func graphQLOperation(r *http.Request, body []byte) string {
	var query, name string
	switch {
	case r.Method == http.MethodPost && strings.Contains(r.Header.Get("Content-Type"), "json"):
		query, name = graphQLFromJSON(body)
	case r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/graphql"):
		query = string(body)
	case r.Method == http.MethodGet && strings.Contains(r.URL.RawQuery, "query="):
		q := r.URL.Query()
		query, name = q.Get("query"), q.Get("operationName")
		if !strings.ContainsRune(query, '{') {
			return ""
		}
	}
	if name != "" && isName(name) {
		return name
	}
	m := graphQLQuery.FindStringSubmatch(query)
	switch {
	case m == nil:
		return ""
	case m[2] != "" && m[1] != "":
		return m[2]
	}
	return m[3]
}

// graphQLFromJSON reads the two members by token, because a body that was cut off at 64 KiB is not valid JSON. Of a batch
// it takes the first operation.
func graphQLFromJSON(body []byte) (query, name string) {
	if !strings.Contains(string(body[:min(len(body), 1<<16)]), `"query"`) {
		return "", ""
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	depth := 0
	base := 1
	for {
		t, err := dec.Token()
		if err != nil {
			return query, name
		}
		switch t := t.(type) {
		case json.Delim:
			if t == '[' && depth == 0 {
				base = 2
			}
			if t == '{' || t == '[' {
				depth++
			} else if depth--; depth < base {
				return query, name
			}
		case string:
			if depth != base || (t != "query" && t != "operationName") {
				if depth == base && skipValue(dec) != nil {
					return query, name
				}
				continue
			}
			v, err := dec.Token()
			if err != nil {
				return query, name
			}
			if s, ok := v.(string); ok && t == "query" {
				query = s
			} else if ok {
				name = s
			}
		}
	}
}

// skipValue passes over the value of a member, however deep.
func skipValue(dec *json.Decoder) error {
	for depth := 0; ; {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 100
}

// MaskURL is a URL as it may be printed: path and query with every address masked and every unguessable token shortened,
// since whoever holds a link may open it.
func MaskURL(u *url.URL) string {
	s := u.EscapedPath()
	if u.RawQuery != "" {
		s += "?" + u.RawQuery
	}
	return shorten(hideTokens(scan.MaskText(s)))
}

// SafeURL is a URL as it may be kept: as MaskURL, without what people type. Segments with anything percent-encoded and
// values of the query that are no numbers are left out, because a name may stand in them as well as an address.
func SafeURL(u *url.URL) string {
	segments := strings.Split(scan.MaskText(u.EscapedPath()), "/")
	for i, s := range segments {
		if strings.ContainsAny(s, "%+") {
			segments[i] = "…"
		}
	}
	s := hideTokens(strings.Join(segments, "/"))
	for i, part := range strings.FieldsFunc(u.RawQuery, func(r rune) bool { return r == '&' || r == ';' }) {
		key, value, _ := strings.Cut(part, "=")
		if strings.Trim(value, "0123456789") != "" || len(value) > 18 {
			value = "…"
		}
		if !isName(strings.Trim(key, "[]-.")) {
			key = "…"
		}
		s += map[bool]string{true: "?", false: "&"}[i == 0] + key + "=" + value
	}
	return shorten(s)
}

func hideTokens(s string) string {
	for _, t := range tokensIn(s) {
		s = strings.ReplaceAll(s, t, t[:4]+"…")
	}
	return s
}

// shorten keeps a URL within 2 KiB.
func shorten(s string) string {
	if len(s) > 2048 {
		s = strings.ToValidUTF8(s[:2048], "") + "…"
	}
	return s
}

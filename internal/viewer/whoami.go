package viewer

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"candor.example"
)

// whoAmI is a route whose answer says who holds the session that the request carried.
type whoAmI struct {
	method, path, operation string
	value                   []string // where it stands in the answer, as walkJSON spells paths
}

// parseWhoAmI reads "GET /api/me:$.user.email" and "POST /shop-api#activeCustomer:$.data.activeCustomer.emailAddress".
func parseWhoAmI(spec string) (w whoAmI, err error) {
	at := strings.LastIndex(spec, ":$")
	if at < 0 {
		return w, fmt.Errorf("%q: want METHOD /PATH:$.JSON.PATH, such as GET /api/me:$.user.email", spec)
	}
	var ok bool
	w.method, w.path, ok = strings.Cut(spec[:at], " ")
	w.path, w.operation, _ = strings.Cut(strings.TrimSpace(w.path), "#")
	if !ok || w.method == "" || w.method != strings.ToUpper(w.method) || !strings.HasPrefix(w.path, "/") {
		return w, fmt.Errorf("%q: %q is not METHOD /PATH, such as GET /api/me", spec, spec[:at])
	}
	if strings.ContainsAny(w.path, "{}?*") {
		return w, fmt.Errorf("%q: %q must be one exact path: a route that can show anybody does not say who is asking", spec, w.path)
	}
	if w.value, err = parseJSONPath(spec[at+1:]); err != nil {
		return w, fmt.Errorf("%q: %w", spec, err)
	}
	return w, nil
}

// parseJSONPath reads the singular queries of RFC 9535 §2.3.5.1: $.name, $['name'], $[0].
func parseJSONPath(s string) (path []string, err error) {
	rest := strings.TrimPrefix(s, "$")
	for rest != "" {
		var key string
		switch {
		case strings.HasPrefix(rest, "['"):
			end := strings.Index(rest, "']")
			if end < 0 {
				return nil, fmt.Errorf("JSON path %q: [' is not closed", s)
			}
			key, rest = rest[2:end], rest[end+2:]
		case rest[0] == '[':
			n, after, ok := strings.Cut(rest[1:], "]")
			if i, err := strconv.Atoi(n); !ok || err != nil || i < 0 {
				return nil, fmt.Errorf("JSON path %q: [%s] is not a place such as [0]", s, n)
			}
			key, rest = "["+n+"]", after
		case rest[0] == '.':
			rest = rest[1:]
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			key, rest = rest[:end], rest[end:]
		}
		if key == "" || key == "*" {
			return nil, fmt.Errorf("JSON path %q: want names and places only, such as $.data.customers[0]['e-mail']", s)
		}
		path = append(path, key)
	}
	if len(path) == 0 {
		return nil, fmt.Errorf("JSON path %q: names no value", s)
	}
	return path, nil
}

// tells reports whether the exchange's answer may be believed: it succeeded, is the shop's own and fresh, and meant for
// this client alone. A who-am-I answer out of a shared cache is the very mistake that Candor is there to see.
func (w *whoAmI) tells(x *candor.Exchange) bool {
	req := x.Request
	if req.Method != w.method || req.URL.EscapedPath() != w.path || x.Status < 200 || x.Status > 299 {
		return false
	}
	if fromCache(x.Header) || sharedCacheable(x.Header) {
		return false
	}
	_, operation, _ := strings.Cut(candor.Route(req, x.RequestBody), "#")
	if w.operation == "" {
		return operation == ""
	}
	return operation == w.operation && w.asksPlainly(x)
}

// asksPlainly reports whether the GraphQL query is there in full and renames no field on the way to the value. The client
// writes the query, and with an alias could put anybody's address in its place; of a query known by its hash nobody sees
// what it asks (automatic persisted queries).
func (w *whoAmI) asksPlainly(x *candor.Exchange) bool {
	var queries []string
	if q := x.Request.URL.Query(); q.Has("query") {
		queries = q["query"]
	}
	if len(x.RequestBody) >= maxBody {
		return false
	}
	if len(x.RequestBody) > 0 {
		if strings.HasPrefix(x.Request.Header.Get("Content-Type"), "application/graphql") {
			queries = append(queries, string(x.RequestBody))
		} else if walkJSON(x.RequestBody, func(path []string, v any) {
			if s, ok := v.(string); ok && len(path) == 1 && path[0] == "query" {
				queries = append(queries, s)
			}
		}) != nil {
			return false
		}
	}
	for _, q := range queries {
		if renames(q, w.value) {
			return false
		}
	}
	return len(queries) > 0
}

// answer is the value that the response holds, nobody when it says that nobody is signed in (a null on the way), and
// neither when it does not say, or says two things.
func (w *whoAmI) answer(body []byte) (value string, nobody bool) {
	var found []string
	walkJSON(body[:min(len(body), maxBody)], func(path []string, v any) {
		if len(path) == 0 || len(path) > len(w.value) || !samePath(path, w.value[:len(path)]) {
			return
		}
		switch v := v.(type) {
		case nil:
			nobody = true
		case string:
			if len(path) == len(w.value) {
				found = append(found, v)
			}
		case json.Number:
			if len(path) == len(w.value) {
				found = append(found, v.String())
			}
		}
	})
	if len(found) != 1 {
		return "", nobody && len(found) == 0
	}
	if nobody {
		return "", false
	}
	return found[0], false
}

func samePath(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// fromCache reports whether a shared cache says that it had the response already: Age (RFC 9111 §5.1), Cache-Status
// (RFC 9211) and what came before it.
func fromCache(h http.Header) bool {
	if age := h.Get("Age"); age != "" && age != "0" {
		return true
	}
	for _, name := range []string{"Cache-Status", "X-Cache", "X-Cache-Status", "Cf-Cache-Status", "X-Proxy-Cache"} {
		if v := strings.ToLower(h.Get(name)); strings.Contains(v, "hit") || strings.Contains(v, "stale") {
			return true
		}
	}
	return len(strings.Fields(h.Get("X-Varnish"))) == 2 // the request's and that of whoever came first
}

// sharedCacheable reports whether a response invites shared caches to keep it (RFC 9111 §5.2.2.9, §5.2.2.10).
func sharedCacheable(h http.Header) bool {
	v := strings.ToLower(strings.Join(h["Cache-Control"], ","))
	return strings.Contains(v, "public") || strings.Contains(v, "s-maxage")
}

package guard

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"candor.example"
	"candor.example/scan"
)

const (
	// maxSiblings is how many different names may stand in one place of a path before they are taken for the names of
	// things (product pages, articles) and become one {name}. Without it a leak in a page header would be as many incidents
	// as the shop has products.
	maxSiblings = 24
	maxRoutes   = 4096 // distinct nodes kept for all sites; beyond, a path that is not known is "{other}"
	maxSites    = 64   // hosts come from strangers, too
	// maxOperations is how many GraphQL operations are told apart on one path: a shop's client has some hundreds, and
	// whoever invents names has no end of them.
	maxOperations = 512
)

// routes learns which places in a site's paths are names. It only ever generalises, so a route changes at most a few times
// in the life of a process; incidents of one site and route stay together in the ledger by what was recorded.
type routes struct {
	mu    sync.RWMutex
	sites map[string]*routeNode
	nodes int
	kept  int // of sites, those that need not have been answered

	known     map[request]siteRoute // what was worked out before, at most maxKnown; forgotten as a whole
	knownMu   sync.RWMutex
	knownTurn int // counts how often known was forgotten, so that what was worked out before is not kept after

	operations map[place]map[string]bool
	// captured: these are a capture's, which is finite and no stranger's doing.
	captured atomic.Bool
}

// room is how many of something there may be.
func (t *routes) room(most int) int {
	if t.captured.Load() {
		return 256 * most
	}
	return most
}

type place struct{ site, path string }

// request is what site and route of most requests depend on.
type request struct{ method, host, path string }

type siteRoute struct{ site, route string }

const (
	maxKnown   = 8192
	maxKnownAt = 256 // a longer path is worked out each time
)

// site is the host of a request, or {other} where it is none of Sites.
func (g *Guard) site(r *http.Request) string {
	host := candor.Site(r)
	if len(g.Sites) == 0 || g.isSite(host) {
		return host
	}
	return otherRoute
}

// isSite says of a host that it is a site whether or not it was ever answered.
func (g *Guard) isSite(host string) bool {
	return slices.Contains(g.Sites, host) || g.Contained != nil && g.Contained(host)
}

// of is the site and the route of a request. ok says whether it may teach a new host.
func (t *routes) of(g *Guard, r *http.Request, body []byte, status int, ok bool) (site, route string) {
	key := request{r.Method, r.Host, r.URL.EscapedPath()}
	cacheable := (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Host != "" && len(key.host) <= maxKnownAt &&
		len(key.path) <= maxKnownAt && !strings.Contains(r.URL.RawQuery, "query=") // which may be GraphQL
	t.knownMu.RLock()
	known, turn := t.known[key], t.knownTurn
	t.knownMu.RUnlock()
	if cacheable && known.route != "" && (known.site != otherRoute || g.Contained == nil) {
		return known.site, known.route
	}
	site = t.site(g, scan.MaskText(g.site(r)), ok)
	route = t.template(r, body, site, status, g.Routes)
	if cacheable && status < 400 {
		t.keep(key, siteRoute{site, route}, turn)
	}
	return site, route
}

// peek is the route of a request whose response is still to come, and teaches nothing; empty where it is not known. That of a GraphQL request
// is not, for its operation stands in the body.
func (t *routes) peek(r *http.Request, site string, declared []string) string {
	path := r.URL.EscapedPath()
	t.knownMu.RLock()
	known := t.known[request{r.Method, r.Host, path}]
	t.knownMu.RUnlock()
	if known.route != "" && !strings.Contains(r.URL.RawQuery, "query=") {
		return known.route
	}
	for _, pattern := range declared {
		if matches(pattern, path) {
			return r.Method + " " + pattern
		}
	}
	_, path, _ = strings.Cut(candor.Route(r, nil), " ")
	path, op, isOp := strings.Cut(path, "#")
	segments := strings.Split(path, "/")
	t.mu.RLock()
	defer t.mu.RUnlock()
	names := t.operations[place{site, path}]
	if !t.walk(site, segments, false) || len(names) > 0 && !isOp || isOp && !names[op] {
		return ""
	}
	route := r.Method + " " + strings.Join(segments, "/")
	if isOp {
		route += "#" + op
	}
	return route
}

func (t *routes) keep(key request, known siteRoute, turn int) {
	t.knownMu.Lock()
	defer t.knownMu.Unlock()
	if turn != t.knownTurn {
		return // names became one in the meantime
	}
	if t.known == nil || len(t.known) >= maxKnown {
		t.known = map[request]siteRoute{}
	}
	t.known[key] = known
}

func (t *routes) forget() {
	t.knownMu.Lock()
	t.known, t.knownTurn = nil, t.knownTurn+1
	t.knownMu.Unlock()
}

type routeNode struct {
	children map[string]*routeNode
	any      *routeNode // set once there were more than maxSiblings
}

// template is candor.Route with declared patterns and learned names applied. Failed requests teach nothing: a scanner
// that guesses paths must not make a shop's own pages one.
func (t *routes) template(r *http.Request, body []byte, site string, status int, declared []string) string {
	method, rest, _ := strings.Cut(candor.Route(r, body), " ")
	path, op, isOp := strings.Cut(rest, "#")
	for _, pattern := range declared {
		if matches(pattern, r.URL.EscapedPath()) {
			return method + " " + pattern
		}
	}
	route := method + " " + t.learn(site, path, status < 400)
	if isOp {
		route += "#" + t.operation(site, path, op, status < 400)
	}
	return route
}

// operation is a GraphQL operation's name, unless there were too many.
func (t *routes) operation(site, path, op string, ok bool) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := place{site, path}
	if t.operations[key][op] {
		return op
	}
	if !ok || len(t.operations[key]) >= maxOperations || t.operations[key] == nil && len(t.operations) >= t.room(maxSites) {
		return otherRoute
	}
	if t.operations == nil {
		t.operations = map[place]map[string]bool{}
	}
	if t.operations[key] == nil {
		t.operations[key] = map[string]bool{}
	}
	t.operations[key][op] = true
	return op
}

// site is a host as it may be kept: without an address, and one of not too many. Only a host that was answered is one, or one that need not be.
func (t *routes) site(g *Guard, host string, ok bool) string {
	if host == otherRoute {
		return host
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.sites[host]; known {
		return host
	}
	if g.isSite(host) {
		t.kept++
	} else if !ok || len(t.sites)-t.kept >= t.room(maxSites) {
		return otherRoute
	}
	if t.sites == nil {
		t.sites = map[string]*routeNode{}
	}
	t.sites[host] = &routeNode{}
	return host
}

// matches compares a path with a declared pattern, in which a segment in braces stands for any segment.
func matches(pattern, path string) bool {
	for {
		p, restP, moreP := strings.Cut(pattern, "/")
		s, restS, moreS := strings.Cut(path, "/")
		if moreP != moreS || p != s && (!strings.HasPrefix(p, "{") || s == "") {
			return false
		}
		if !moreP {
			return true
		}
		pattern, path = restP, restS
	}
}

func (t *routes) learn(site, path string, ok bool) string {
	segments := strings.Split(path, "/")
	t.mu.RLock()
	known := t.walk(site, segments, false)
	t.mu.RUnlock()
	if !known && ok {
		segments = strings.Split(path, "/")
		t.mu.Lock()
		known = t.walk(site, segments, true)
		t.mu.Unlock()
	}
	if !known {
		return "/" + otherRoute
	}
	return strings.Join(segments, "/")
}

// walk rewrites segments by what is known; with grow it adds what is not. It reports whether all was known.
func (t *routes) walk(site string, segments []string, grow bool) bool {
	n := t.sites[site]
	if n == nil {
		return false // one host too many
	}
	for i, s := range segments {
		if n.any != nil {
			if _, kept := n.children[s]; !kept && s != "" {
				segments[i] = "{name}"
				n = n.any
				continue
			}
		}
		child := n.children[s]
		if child == nil {
			if !grow || t.nodes >= t.room(maxRoutes) {
				return false
			}
			child = n.add(s)
			t.nodes++
			if n.any != nil {
				segments[i] = "{name}"
				t.forget()
			}
		}
		n = child
	}
	return true
}

// add makes room for one more name, or for all of them once there are too many. What was a template already stays.
func (n *routeNode) add(s string) *routeNode {
	if n.children == nil {
		n.children = map[string]*routeNode{}
	}
	if len(n.children) < maxSiblings {
		child := &routeNode{}
		n.children[s] = child
		return child
	}
	n.any = &routeNode{}
	for name := range n.children {
		if !strings.HasPrefix(name, "{") {
			delete(n.children, name)
		}
	}
	return n.any
}

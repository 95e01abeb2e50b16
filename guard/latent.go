package guard

import (
	"sync"
	"time"

	"candor.example"
)

// Latent is the right owner in a response that a shared cache may keep: nothing has leaked yet, and it will when the next visitor asks the
// cache. Such findings have a list of their own, once for each route and owner. In Mask and Block Candor says for the shop what it forgot
// to say, unless KeepLatent: private, no-store.

// caching is what upstream's headers let shared caches do, before anything in them is changed.
type caching struct {
	known     bool
	shareable bool
	control   string // Cache-Control as upstream said it
}

// caching must be asked for before the headers are changed for the first time.
func (e *exchange) caching() *caching {
	if c := &e.cache; !c.known {
		c.known = true
		c.shareable, _ = candor.SharedCacheable(e.x.Request.Method, e.x.Request.Header, e.x.Status, e.x.Header, e.x.Time)
		c.control = cacheControl(e.x.Header)
	}
	return &e.cache
}

// latents remembers where own data was seen in a shareable response. Its members are forgotten when there are too many, the oldest first,
// and at a restart: then they are found again.
type latents struct {
	routes copies // site and route
	owners copies // site, route and owner, of which a finding was noted
}

func (l *latents) route(site, route string) bool {
	return !l.routes.empty() && l.routes.has(site+"\x00"+route)
}

// noteLatent notes a finding, once for each route and owner.
func (e *exchange) noteLatent(h *hit, f *candor.Facts, place string) {
	l := &e.g.latents
	key := e.site + "\x00" + e.route
	if !l.routes.has(key) {
		l.routes.add(key)
	}
	owner := f.Viewer.Customer
	if l.owners.has(key + "\x00" + owner) {
		return
	}
	l.owners.add(key + "\x00" + owner)
	d := e.disclosure(h, owner, candor.Own, candor.Possible, f)
	d.ID, d.Place, d.Reason, d.Viewer = candor.NewID(), place, Latent, f.Viewer.Kind()
	e.about(&d, h)
	e.note(candor.Entry{Disclosures: []candor.Disclosure{d}})
}

// Latent is the Reason of a latent finding: class own, outcome possible.
const Latent = "latent"

// private has shared caches not keep a response with its viewer's own data that upstream lets them keep, if its headers have not left yet.
// On routes where that was seen before, the data may come late in the body: there it is done for everybody who is signed in.
func (rw *response) private() {
	e := &rw.x
	if rw.g.KeepLatent || e.mode == Observe || !e.showsOwn() || !e.caching().shareable {
		return
	}
	h := rw.w.Header()
	for _, name := range storing {
		h.Del(name)
	}
	for _, name := range []string{"Signature", "Signature-Input"} { // they may cover Cache-Control (RFC 9421 §2)
		h.Del(name)
	}
	h.Set("Cache-Control", "private, no-store")
	e.repaired = true
}

func (e *exchange) showsOwn() bool {
	return e.kept != nil && e.kept.response.Own > 0 || e.g.latents.route(e.site, e.route) && len(e.holders()) > 0
}

// personal counts responses that showed their viewer the viewer's own data, by place.
type personal struct {
	mu   sync.Mutex
	sums map[personalKey]*candor.Personal
}

type personalKey struct{ site, route, place string }

// maxPersonal is how many places are told apart until somebody takes the sums; further ones are not counted by themselves.
const maxPersonal = 4096

func (p *personal) add(e *exchange, places []string, c caching, repaired bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, place := range places {
		sum := p.sum(e.x.Time, personalKey{e.site, e.route, place})
		sum.Responses++
		if !c.shareable {
			continue
		}
		sum.Shareable++
		sum.CacheControl = c.control
		if repaired {
			sum.Repaired++
		}
	}
}

func (p *personal) sum(now time.Time, k personalKey) *candor.Personal {
	sum := p.sums[k]
	if sum == nil && len(p.sums) >= maxPersonal {
		k = personalKey{otherRoute, otherRoute, otherRoute}
		sum = p.sums[k]
	}
	if sum == nil {
		if p.sums == nil {
			p.sums = map[personalKey]*candor.Personal{}
		}
		sum = &candor.Personal{Time: now.UTC().Truncate(time.Minute), Site: k.site, Route: k.route, Place: k.place}
		p.sums[k] = sum
	}
	return sum
}

// TakePersonal returns what was counted since it was last called, and starts from zero.
func (g *Guard) TakePersonal() []candor.Personal {
	g.personal.mu.Lock()
	sums := g.personal.sums
	g.personal.sums = nil
	g.personal.mu.Unlock()
	list := make([]candor.Personal, 0, len(sums))
	for _, s := range sums {
		list = append(list, *s)
	}
	return list
}

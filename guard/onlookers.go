package guard

import (
	"sync"
	"sync/atomic"

	"candor.example"
	"candor.example/scan"
)

// onlooker is what an exchange knows of a viewer who may have to be written to.
type onlooker struct {
	saw     bool   // they were shown somebody else's data
	address string // their own, normalised, where the request or this response says it
}

// onlook has a viewer's own address sealed once it is known, and that they were shown somebody else's data: whichever comes first in a response, or a
// later response that says it. Nothing is sealed of whom nothing was shown to, and no address is remembered from one response to the next.
// Who is never shown their own is told on the shop's own site.
func (e *exchange) onlook(h *hit, outcome candor.Outcome) {
	o := &e.onlooker
	switch {
	case e.g.Seal == nil, e.all != nil: // who stands in a capture is told on the site: a scan that was killed and goes on has to come to the same account
	case h.class == candor.Own && h.Kind == scan.Email && o.address == "":
		o.address = h.value
		if e.g.onlookers.any() && e.g.onlookers.take(e.viewerDigest(e.who())) {
			e.sealOnlooker()
		}
	case h.class == candor.Disclosed && outcome == candor.Exposed && !o.saw && isCustomer(e.who()):
		o.saw = true
		if o.address == "" {
			o.address = e.addressSaid()
		}
		if o.address == "" {
			e.g.onlookers.add(e.viewerDigest(e.who()))
			return
		}
		e.sealOnlooker()
	}
}

func isCustomer(v candor.Viewer) bool { return v.Customer != "" && v.Role == "" }

// addressSaid is the viewer's own address where the request says it, and the directory has it as theirs.
func (e *exchange) addressSaid() string {
	if e.g.Address == nil {
		return ""
	}
	a := e.g.Address(e.x.Request)
	if a == "" || !e.g.Directory.Owned(scan.Email, []byte(a), e.who().Customer) {
		return ""
	}
	return a
}

func (e *exchange) sealOnlooker() {
	digest, address := e.viewerDigest(e.who()), []byte(e.onlooker.address)
	e.sealed = append(e.sealed, e.g.Seal(digest, string(scan.Email), address)...)
	if e.g.About == nil {
		return
	}
	if locale, _ := e.g.About(e.who().Customer, scan.Email, address); locale != "" {
		e.sealed = append(e.sealed, e.g.Seal(digest, "locale", []byte(locale))...)
	}
}

// AwaitAddress tells of a customer, by digest, who was shown somebody else's data before this guard started, and whose own address was not seen: the next
// response that says it has it sealed.
func (g *Guard) AwaitAddress(digest string) {
	if g.Seal != nil {
		g.onlookers.add(digest)
	}
}

// onlookers are the digests of viewers who were shown somebody else's data, and whose own address no response has said yet.
type onlookers struct {
	waiting atomic.Int64 // len(list): what responses without a disclosure ask
	mu      sync.Mutex
	list    map[string]bool
}

// MaxOnlookers is how many viewers are waited for, some 10 MB. When there are more any of them is forgotten.
const MaxOnlookers = 100_000

func (o *onlookers) any() bool { return o.waiting.Load() > 0 }

func (o *onlookers) add(digest string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.list == nil {
		o.list = map[string]bool{}
	}
	if len(o.list) >= MaxOnlookers {
		for one := range o.list {
			delete(o.list, one)
			break
		}
	}
	o.list[digest] = true
	o.waiting.Store(int64(len(o.list)))
}

// take says whether this one was waited for, and is no more.
func (o *onlookers) take(digest string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	waited := o.list[digest]
	delete(o.list, digest)
	o.waiting.Store(int64(len(o.list)))
	return waited
}

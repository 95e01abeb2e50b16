package demo

import (
	"maps"
	"strings"
	"sync"

	"candor.example"
)

// truth is the shop's own book of whose address it wrote into which response, and for whom.
type truth struct {
	mu        sync.Mutex
	book      Book
	disclosed int64 // responses with at least one disclosure
}

// Book counts responses by class, route ("GET /products/{id}") and the owner's id.
type Book map[candor.Class]map[string]map[string]int

// shown is one customer's address in a response.
type shown struct {
	owner *Customer
	// how the shop means it, should somebody else be looking: Echo, Allowed, Link, or Disclosed where it means nothing of the sort.
	how candor.Class
}

// route is the template of the request as Candor spells it. Only "{$}", which http.ServeMux wants after the slash, is not.
func (v *visit) route() string { return strings.TrimSuffix(v.Pattern, "{$}") }

// class is the order of DESIGN §2, told from the shop's side.
func (x shown) class(v *visit) candor.Class {
	switch {
	case x.owner == v.viewer:
		return candor.Own
	case x.how == candor.Link && v.viewer != nil:
		return candor.Disclosed // a signed-in customer with somebody else's link
	}
	return x.how
}

func (t *truth) record(v *visit, all []shown) {
	if len(all) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := map[string]candor.Class{} // one response counts an owner once
	for _, x := range all {
		if seen[x.owner.ID] != candor.Echo { // what the request carried is an echo wherever it comes back
			seen[x.owner.ID] = x.class(v)
		}
	}
	leaked := false
	for owner, class := range seen {
		t.book.add(class, v.route(), owner)
		leaked = leaked || class == candor.Disclosed
	}
	if leaked {
		t.disclosed++
	}
}

func (b *Book) add(class candor.Class, route, owner string) {
	if *b == nil {
		*b = Book{}
	}
	if (*b)[class] == nil {
		(*b)[class] = map[string]map[string]int{}
	}
	if (*b)[class][route] == nil {
		(*b)[class][route] = map[string]int{}
	}
	(*b)[class][route][owner]++
}

// Truth is whose address the shop wrote into its responses so far, by what it was to the viewer. It is written before the
// bytes leave and knows nothing of masks: with Candor in front, Truth()[candor.Disclosed] of a route is the union of the
// exposed and the prevented there. HEAD and 304 answers have no body and count nothing.
func (s *Shop) Truth() Book {
	s.truth.mu.Lock()
	defer s.truth.mu.Unlock()
	book := Book{}
	for class, routes := range s.truth.book {
		book[class] = map[string]map[string]int{}
		for route, owners := range routes {
			book[class][route] = maps.Clone(owners)
		}
	}
	return book
}

// Disclosed is how many responses so far showed somebody's address to somebody else.
func (s *Shop) Disclosed() int64 {
	s.truth.mu.Lock()
	defer s.truth.mu.Unlock()
	return s.truth.disclosed
}

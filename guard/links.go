package guard

import (
	"slices"
	"sync"
)

// Links is the memory of which link showed whom, and to how many. Its zero value is ready.
//
// A link stays a link while it shows one owner, is opened by few and is one of few that a viewer opens (DESIGN §2).
type Links struct {
	// MaxViewers is how many different viewers may open one link. Zero: 5.
	MaxViewers int
	// MaxWalk is how many links of different owners one viewer may open. Zero: 5.
	MaxWalk int

	mu      sync.Mutex
	seen    map[string]*linkUse // by link digest
	walked  map[string][]string // by viewer digest: the owners whose links it opened
	oldSeen map[string]*linkUse // the generation before: what is used is carried over, the rest forgotten
	oldWalk map[string][]string
}

type linkUse struct {
	owners, viewers []string
}

const maxLinks = 200_000 // a generation; two are kept

// Opened notes that a link showed owner to a viewer, and says why it is no link any more, or "". See
// candor.Disclosure.Reason.
func (l *Links) Opened(link, viewer, owner string) (broken string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	use := l.use(link)
	use.owners = addSome(use.owners, owner)
	use.viewers = addSome(use.viewers, viewer)
	l.walk(viewer, owner)
	switch {
	case len(use.owners) > 1:
		return "owners"
	case len(l.walked[viewer]) > l.limit(l.MaxWalk):
		return "walk"
	case len(use.viewers) > l.limit(l.MaxViewers):
		return "shared"
	}
	return ""
}

func (l *Links) limit(n int) int {
	if n == 0 {
		return 5
	}
	return n
}

func (l *Links) use(link string) *linkUse {
	if u := l.seen[link]; u != nil {
		return u
	}
	u := l.oldSeen[link]
	if u == nil {
		u = &linkUse{}
	}
	if l.seen == nil || len(l.seen) >= maxLinks {
		l.oldSeen, l.seen = l.seen, map[string]*linkUse{}
	}
	l.seen[link] = u
	return u
}

func (l *Links) walk(viewer, owner string) {
	owners, ok := l.walked[viewer]
	if !ok {
		owners = l.oldWalk[viewer]
		if l.walked == nil || len(l.walked) >= maxLinks {
			l.oldWalk, l.walked = l.walked, map[string][]string{}
		}
	}
	l.walked[viewer] = addSome(owners, owner)
}

// addSome keeps a set small: past 64 members it is over every sensible limit anyway.
func addSome(set []string, s string) []string {
	if len(set) < 64 && !slices.Contains(set, s) {
		return append(set, s)
	}
	return set
}

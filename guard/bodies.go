package guard

import (
	"sync"
	"time"

	"candor.example"
)

// bodies remembers for bodiesLast which bodies with somebody's data in them went to whom: two viewers who got the same page are what a
// shared cache, or a session that was mixed up, looks like. It holds digests only.
type bodies struct {
	mu       sync.Mutex
	now, old map[string][]sighting // by the body's digest; two generations
	n        int                   // sightings in now
	turn     time.Time
}

// sighting is one response with a body.
type sighting struct {
	viewer     string // Viewer.Digest
	own        bool   // it held the viewer's own data
	start, end time.Time
}

const (
	bodiesLast = 10 * time.Minute
	// maxBodies is how many sightings a generation holds, maxSightings how many of them one body has: of a page that a cache gives to
	// everybody, more tell nothing new. About 10 MB in all.
	maxBodies    = 32_768
	maxSightings = 256
)

// meet says which others had the body in the last ten minutes, and adds one. Others that are still under way are not known yet: of two it
// is the one that ends last that says that they overlapped.
func (b *bodies) meet(body string, s sighting) (t candor.Twins) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.age(s.end)
	viewers := map[string]bool{}
	for _, list := range [][]sighting{b.now[body], b.old[body]} {
		for _, other := range list {
			if s.end.Sub(other.end) > bodiesLast {
				continue
			}
			t.Responses++
			if other.viewer != s.viewer {
				viewers[other.viewer] = true
			}
			t.Owner = t.Owner || other.own
			t.Overlap = t.Overlap || !other.end.Before(s.start) && !s.end.Before(other.start)
		}
	}
	t.Viewers = len(viewers)
	if len(b.now[body]) < maxSightings {
		b.now[body] = append(b.now[body], s)
		b.n++
	}
	return t
}

func (b *bodies) age(at time.Time) {
	if b.now != nil && b.n < maxBodies && at.Sub(b.turn) <= bodiesLast {
		return
	}
	b.old, b.now, b.n = b.now, map[string][]sighting{}, 0
	b.turn = at
}

package guard

import (
	"slices"
	"sort"
	"sync"
	"time"

	"candor.example"
)

// bodies remembers for bodiesLast which bodies with somebody's data in them went to whom: two viewers who got the same page are what a
// shared cache, or a session that was mixed up, looks like. It holds digests only.
type bodies struct {
	mu       sync.Mutex
	now, old map[string]*sightings // by the body's digest; two generations, of which now has nothing that is older than bodiesLast
	n        int                   // responses in now
	turn     time.Time
}

// sighting is one response with a body.
type sighting struct {
	viewer     string // Viewer.Digest
	own        bool   // it held the viewer's own data
	start, end time.Time
}

// sightings are those of one body.
type sightings struct {
	ends    []time.Time          // of the responses, in order
	viewers map[string]time.Time // when each saw it last
	own     time.Time            // when it was its viewer's own page last
	last    sighting             // the one that ended last
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
	now, since := b.now[body], s.end.Add(-bodiesLast)
	if now == nil {
		now = &sightings{viewers: map[string]time.Time{}}
		b.now[body] = now
	}
	now.tell(&t, s, since)
	t.Viewers = len(now.viewers)
	if _, again := now.viewers[s.viewer]; again {
		t.Viewers--
	}
	if old := b.old[body]; old != nil {
		old.tell(&t, s, since)
		t.Viewers += old.others(now, s.viewer, since)
	}
	if len(now.ends) < maxSightings {
		now.add(s)
		b.n++
	}
	return t
}

// tell adds to t what does not ask for the viewers one by one.
func (l *sightings) tell(t *candor.Twins, s sighting, since time.Time) {
	t.Responses += len(l.ends) - sort.Search(len(l.ends), func(i int) bool { return !l.ends[i].Before(since) })
	t.Owner = t.Owner || !l.own.Before(since)
	t.Overlap = t.Overlap || !l.last.end.Before(s.start) && !s.end.Before(l.last.start)
}

// others counts those who saw it since then, besides one viewer and those in another generation.
func (l *sightings) others(except *sightings, viewer string, since time.Time) (n int) {
	for v, at := range l.viewers {
		if _, counted := except.viewers[v]; !counted && v != viewer && !at.Before(since) {
			n++
		}
	}
	return n
}

func (l *sightings) add(s sighting) {
	at := sort.Search(len(l.ends), func(i int) bool { return l.ends[i].After(s.end) })
	l.ends = slices.Insert(l.ends, at, s.end)
	l.viewers[s.viewer] = later(l.viewers[s.viewer], s.end)
	if s.own {
		l.own = later(l.own, s.end)
	}
	if at == len(l.ends)-1 {
		l.last = s
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (b *bodies) age(at time.Time) {
	if b.now != nil && b.n < maxBodies && at.Sub(b.turn) <= bodiesLast {
		return
	}
	b.old, b.now, b.n = b.now, map[string]*sightings{}, 0
	b.turn = at
}

package guard

import (
	"sync"
	"time"
)

// supplied remembers which identifiers the holder of a session has typed in: a guest gives an address at checkout and sees it on the pages
// that follow. Who supplied an identifier learns nothing from seeing it (DESIGN §2, disclosure: "nor the one who supplied
// it"). It holds keyed digests, and forgets after suppliedLasts.
type supplied struct {
	mu       sync.Mutex
	now, old map[string]bool // digests of credential and identifier; two generations of half the time each
	turn     time.Time
}

const (
	suppliedLasts = 2 * time.Hour
	maxSupplied   = 200_000 // a generation
)

func (s *supplied) add(at time.Time, digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.age(at)
	s.now[digest] = true
}

func (s *supplied) has(at time.Time, digest string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.age(at)
	return s.now[digest] || s.old[digest]
}

func (s *supplied) age(at time.Time) {
	if s.now == nil || at.Sub(s.turn) > suppliedLasts/2 || len(s.now) >= maxSupplied {
		s.old, s.now = s.now, map[string]bool{}
		if at.Sub(s.turn) > suppliedLasts {
			s.old = nil
		}
		s.turn = at
	}
}

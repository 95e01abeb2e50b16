package seal

import (
	"sync"

	"candor.example"
)

// maxSeen is how many owners and kinds a Sealer remembers at least, and half of what it remembers at most: some 20 MB.
const maxSeen = 100_000

// Sealer seals each kind of identifier of each owner once. It is safe for concurrent use.
type Sealer struct {
	key PublicKey
	mu  sync.Mutex
	// Two generations: when the new one is full the old one is dropped. Who is sealed a second time costs room, nothing else.
	recent, old map[seen]struct{}
}

type seen struct{ owner, kind string }

// NewSealer seals with a key.
func NewSealer(k PublicKey) *Sealer { return &Sealer{key: k, recent: map[seen]struct{}{}} }

// Seal seals a value, of which the first MaxValue bytes count. It returns nothing if what was sealed of this owner and kind is on disk
// already, which it knows from Recorded. Until then it seals again: what is under way may never arrive.
func (s *Sealer) Seal(owner string, kind candor.Kind, value []byte) []candor.Sealed {
	if s.has(seen{owner, string(kind)}) {
		return nil
	}
	sealed, err := s.key.Seal(owner, string(kind), value[:min(len(value), MaxValue)])
	if err != nil {
		return nil // a key that fails does so in ParsePublic, and a length cannot
	}
	return []candor.Sealed{sealed}
}

// Recorded tells what is on disk, when it is.
func (s *Sealer) Recorded(list []candor.Sealed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range list {
		if len(s.recent) >= maxSeen {
			s.old, s.recent = s.recent, make(map[seen]struct{}, maxSeen)
		}
		s.recent[seen{r.Owner, r.Kind}] = struct{}{}
	}
}

func (s *Sealer) has(k seen) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, recent := s.recent[k]
	_, old := s.old[k]
	return recent || old
}

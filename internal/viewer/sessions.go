package viewer

import (
	"encoding/hex"
	"errors"
	"sync"
	"time"
)

const (
	// lifetime is how long a credential that nobody uses is remembered.
	lifetime = 30 * 24 * time.Hour
	// grace is how long a replaced or deleted credential still counts: for the responses that are under way, and for the
	// requests that a browser sent before it had the new one.
	grace = time.Minute
	// Shared is the customer of a credential that was handed to more than one person. It names nobody, for good.
	Shared = "!"
)

// credential is a keyed digest of a session cookie's value or of a bearer token.
type credential [16]byte

// Sessions remembers which customer holds which credential, by keyed digests only. The zero value is ready to use. It
// keeps what was used last: Max entries at most, each for 30 days after its last use.
type Sessions struct {
	// Max is how many credentials are remembered. Zero: 1,000,000, which takes about 100 MB when full.
	Max int
	// Learned is told each entry that is new, changed or, with customer "", forgotten, so that it can be kept or told to
	// other machines; hand those to Set. It is called while a response waits, and must be safe for concurrent use.
	Learned func(credential, customer string)
	// Now is the clock. Nil: time.Now, or Options.Now once New has it.
	Now func() time.Time

	mu sync.Mutex
	// Two generations stand in for an LRU list: what is used moves to young, and when young is half of Max, old is dropped.
	young, old map[credential]entry
}

type entry struct {
	customer string
	used     int64 // Unix seconds
	until    int64 // Unix seconds after which it is forgotten; zero: not retired
}

// Set enters what another machine, or an earlier run, has learned; Learned is not told. A customer of "" forgets.
func (s *Sessions) Set(cred, customer string) error {
	var c credential
	if n, err := hex.Decode(c[:], []byte(cred[:min(len(cred), 2*len(c))])); err != nil || n != len(c) || len(cred) != 2*len(c) {
		return errors.New("sessions: not a digest of a credential: want 32 hexadecimal digits")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if customer == "" {
		s.end(c)
		return nil
	}
	s.store(c, entry{customer: customer, used: s.now()})
	return nil
}

// Len is how many credentials are remembered, expired ones that are not yet swept included.
func (s *Sessions) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.young) + len(s.old)
}

// use returns the entry as it was before this use of it. The zero entry is an unknown credential.
func (s *Sessions) use(c credential) entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.find(c)
	if !ok {
		return entry{}
	}
	was := e
	e.used = s.now()
	s.store(c, e)
	return was
}

// learn notes that customer holds the credential now. What is Shared stays so.
func (s *Sessions) learn(c credential, customer string) {
	s.mu.Lock()
	e, _ := s.find(c)
	if e.customer == Shared {
		s.mu.Unlock()
		return
	}
	s.store(c, entry{customer: customer, used: s.now()})
	s.mu.Unlock()
	if e.customer != customer || e.until != 0 {
		s.tell(c, customer)
	}
}

// retire forgets a credential after the grace.
func (s *Sessions) retire(c credential) {
	s.mu.Lock()
	ended := s.end(c)
	s.mu.Unlock()
	if ended {
		s.tell(c, "")
	}
}

func (s *Sessions) tell(c credential, customer string) {
	if s.Learned != nil {
		s.Learned(hex.EncodeToString(c[:]), customer)
	}
}

// end sets the end of the grace and reports whether that is news. mu must be held.
func (s *Sessions) end(c credential) bool {
	e, ok := s.find(c)
	if !ok || e.until != 0 || e.customer == Shared {
		return false
	}
	e.until = s.now() + int64(grace/time.Second)
	s.store(c, e)
	return true
}

// find returns a live entry. mu must be held.
func (s *Sessions) find(c credential) (entry, bool) {
	e, ok := s.young[c]
	if !ok {
		e, ok = s.old[c]
	}
	if !ok || s.expired(e, s.now()) {
		return entry{}, false
	}
	return e, true
}

func (s *Sessions) expired(e entry, now int64) bool {
	return now > e.used+int64(lifetime/time.Second) || e.until != 0 && now > e.until
}

// store puts an entry among the young and makes room. mu must be held.
func (s *Sessions) store(c credential, e entry) {
	delete(s.old, c)
	if _, there := s.young[c]; !there && len(s.young) >= s.half() {
		s.makeRoom()
	}
	if s.young == nil {
		s.young = map[credential]entry{}
	}
	s.young[c] = e
}

// makeRoom sweeps expired entries first, so that a shop that changes its cookie with each response does not push out
// everybody else. Only if that frees less than a quarter does a generation go.
func (s *Sessions) makeRoom() {
	now := s.now()
	for c, e := range s.young {
		if s.expired(e, now) {
			delete(s.young, c)
		}
	}
	if 4*len(s.young) > 3*s.half() {
		s.old, s.young = s.young, nil
	}
}

func (s *Sessions) half() int {
	if s.Max == 0 {
		return 500_000
	}
	return max(s.Max/2, 1)
}

func (s *Sessions) now() int64 {
	if s.Now == nil {
		return time.Now().Unix()
	}
	return s.Now().Unix()
}

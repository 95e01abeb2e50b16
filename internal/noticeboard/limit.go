package noticeboard

import (
	"hash/maphash"
	"math"
	"sync"
	"time"
)

// limit is a bucket's size, and how many tokens come back in a second.
type limit struct{ each, burst float64 }

// limiter lets each client and all of them together ask so often. Clients are many, memory is not: buckets are of a table by the client's hash, and
// two clients share one now and then.
type limiter struct {
	mu        sync.Mutex
	client    limit
	all       limit
	seed      maphash.Seed
	buckets   [1 << 14]bucket
	allBucket bucket
}

// bucket is what was spent as of a moment: the zero bucket is full.
type bucket struct {
	spent float64
	at    int64
}

func newLimiter(client, all limit) *limiter {
	return &limiter{client: client, all: all, seed: maphash.MakeSeed()}
}

// take takes a token, or says how long to wait until there is one.
func (l *limiter) take(client string, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := &l.buckets[maphash.String(l.seed, client)%uint64(len(l.buckets))]
	wait = max(own.wait(l.client, now), l.allBucket.wait(l.all, now))
	if wait == 0 { // who is refused takes nothing from the others
		own.spent++
		l.allBucket.spent++
	}
	return wait
}

func (b *bucket) wait(l limit, now time.Time) time.Duration {
	if t := now.UnixNano(); t > b.at {
		b.spent = math.Max(0, b.spent-time.Duration(t-b.at).Seconds()*l.each)
		b.at = t
	}
	if b.spent+1 <= l.burst+1e-6 { // what comes back is no round number
		return 0
	}
	return time.Duration(math.Ceil((b.spent + 1 - l.burst) / l.each * float64(time.Second)))
}

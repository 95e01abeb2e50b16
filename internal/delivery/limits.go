package delivery

import (
	"math"
	"sync"
	"time"

	"candor.example/internal/notice"
)

const (
	tolerated   = 0.01 // of the answers of a step may be deferrals, for a rate to grow
	enough      = 20   // answers, to judge by
	floorRate   = 60.0 // messages an hour: a provider that defers everything is still asked each minute
	longestHold = 15 * time.Minute
	longestWait = 4 * time.Hour // of who was deferred
	// maxProviders bounds memory. Beyond it those at which nothing was ever wrong are forgotten.
	maxProviders = 10_000
	// fewPeople at a domain would be told by its name: a provider with fewer is called "other" wherever it is written down.
	fewPeople = 10

	haltComplaints = 0.0010 // of the accepted: nothing more is begun
	pageComplaints = 0.0020 // a human is called
	minComplaints  = 3      // fewer say nothing of a rate
	haltRefusals   = 25     // in a row, with nothing accepted between: it is not the people
)

// softWait is how long somebody who was deferred so many times waits. RFC 5321 §4.5.4.1 asks for two attempts in the first hour, and
// then one every two or three.
func (l *limiter) softWait(times int) time.Duration {
	return min(longestWait, l.Retry<<min(max(times-1, 0), 10))
}

// limiter holds a token bucket for each provider. It is safe for concurrent use.
type limiter struct {
	notice.Limits
	mu        sync.Mutex // guards what follows
	providers map[string]*provider
	total     bucket
	workers   float64
}

// bucket gives rate tokens a second, and holds those of one second, but at least one.
type bucket struct {
	rate, tokens float64
	last         time.Time
}

// provider is who runs the mail of some domains.
type provider struct {
	bucket          // of rate an hour, before it is divided by workers
	hour    float64 // the rate an hour of all workers
	seen    int
	step    time.Time // when this step began
	sent    int       // answers in it
	soft    int       // deferrals in it
	slow    bool      // it has deferred before: grows by adding
	until   time.Time // nothing is begun before
	hold    time.Duration
	since   time.Time // of the backoff
	why     string    // the status that said so
	waiting int       // people who could go, but for its bucket; of the parts that this process holds
}

func newLimiter(l notice.Limits, now time.Time) *limiter {
	l = l.WithDefaults()
	return &limiter{Limits: l, providers: map[string]*provider{}, workers: 1, total: bucket{rate: l.Total / 3600, tokens: 1, last: now}}
}

func (b *bucket) fill(now time.Time) {
	b.tokens = min(max(1, b.rate), b.tokens+b.rate*now.Sub(b.last).Seconds())
	b.last = now
}

// wait is how long until there is a token.
func (b *bucket) wait() time.Duration {
	if b.tokens >= 1 {
		return 0
	}
	return time.Duration(math.Ceil((1 - b.tokens) / b.rate * float64(time.Second)))
}

// share divides every rate by the number of processes that send.
func (l *limiter) share(workers int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.workers = float64(max(1, workers))
	l.total.rate = l.Total / 3600 / l.workers
	for _, p := range l.providers {
		p.rate = p.hour / 3600 / l.workers
	}
}

// meet counts that somebody's mail is at a provider.
func (l *limiter) meet(name string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.providers[name]
	if p == nil {
		if len(l.providers) >= maxProviders && !l.forget() {
			return
		}
		p = &provider{hour: l.Start, step: now, bucket: bucket{rate: l.Start / 3600 / l.workers, last: now, tokens: 1}}
		l.providers[name] = p
	}
	p.seen++
}

// forget makes room, and reports whether it could. A map's order is random: a few looks find one of the many at which nothing was ever wrong.
func (l *limiter) forget() bool {
	looks := 0
	for name, p := range l.providers {
		if !p.slow && p.hour == l.Start && p.waiting == 0 {
			delete(l.providers, name)
			return true
		}
		if looks++; looks == 16 {
			break
		}
	}
	return false
}

// take takes a token, or says how long to wait. A provider that is not there has no limit of its own: it has a handful of people.
func (l *limiter) take(name string, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.providers[name]
	if p != nil {
		p.fill(now)
		wait = max(p.until.Sub(now), p.wait())
	}
	if l.Total > 0 {
		l.total.fill(now)
		wait = max(wait, l.total.wait())
	}
	if wait > 0 {
		return wait
	}
	l.total.tokens--
	if p != nil {
		p.tokens--
	}
	return 0
}

// giveBack is for who was not begun after all.
func (l *limiter) giveBack(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total.tokens++
	if p := l.providers[name]; p != nil {
		p.tokens++
	}
}

// answered counts an answer, and lets the rate grow or shrink. code is the reply's; status says more, for people.
func (l *limiter) answered(name string, code int, status string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.providers[name]
	if p == nil {
		return
	}
	p.sent++
	if code/100 == 4 {
		p.soft++
		p.why = status
	}
	many := p.soft > 0 && p.sent >= enough && float64(p.soft) >= tolerated*float64(p.sent)
	switch {
	case code == serviceEnd || many:
		l.shrink(p, now)
	case now.Sub(p.step) >= l.Step:
		l.grow(p, now)
	}
	p.rate = p.hour / 3600 / l.workers
}

// shrink halves the rate and holds the provider, once for each time that it was held.
func (l *limiter) shrink(p *provider, now time.Time) {
	if now.Before(p.until) {
		return
	}
	if p.hold == 0 {
		p.since = now
	}
	p.hold = min(longestHold, max(l.Hold, 2*p.hold))
	p.until = now.Add(p.hold)
	p.hour, p.slow = max(floorRate, p.hour/2), true
	p.step, p.sent, p.soft = now, 0, 0
}

// grow doubles the rate of who never deferred, and adds to others'. A provider to which less was sent than it would take has shown nothing.
func (l *limiter) grow(p *provider, now time.Time) {
	used := float64(p.sent)*l.workers >= 0.5*p.hour*now.Sub(p.step).Hours()
	if used && p.slow {
		p.hour += l.Start
	} else if used {
		p.hour *= 2
	}
	if p.soft == 0 {
		p.hold, p.why = 0, ""
	}
	p.hour = min(p.hour, l.Max)
	p.step, p.sent, p.soft = now, 0, 0
}

// named is what a provider is called where it is written down.
func (l *limiter) named(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.providers[name]; p != nil && p.seen >= fewPeople {
		return name
	}
	return "other"
}

// waits changes how many wait for a provider.
func (l *limiter) waits(name string, by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.providers[name]; p != nil {
		p.waiting += by
	}
}

// complaints says whether so many are too many to go on, and whether a human must be called.
func complaints(accepted, complained int) (halt, page bool) {
	if accepted == 0 || complained < minComplaints {
		return false, false
	}
	rate := float64(complained) / float64(accepted)
	return rate > haltComplaints, rate >= pageComplaints
}

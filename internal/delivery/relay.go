package delivery

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	defaultConns = 8
	// relayWait is how long a relay that is of no use is left alone, at first and at most.
	relayWait, longestRelayWait = time.Second, time.Minute
)

// pool hands out connections to relays: to the first that works and has one left.
type pool struct {
	log    *slog.Logger
	wait   time.Duration // relayWait
	mu     sync.Mutex    // guards what follows
	relays []*relayState
}

type relayState struct {
	Relay
	conns int       // that lines have, or may open
	until time.Time // left alone before
	wait  time.Duration
	why   string // what is wrong; empty: nothing
}

func newPool(relays []Relay, wait time.Duration, log *slog.Logger) *pool {
	p := &pool{log: log, wait: wait}
	for _, r := range relays {
		if r.Conns <= 0 {
			r.Conns = defaultConns
		}
		p.relays = append(p.relays, &relayState{Relay: r})
	}
	return p
}

func (p *pool) size() (n int) {
	for _, r := range p.relays {
		n += r.Conns
	}
	return n
}

// reserve waits until there may be one more connection to a relay that works; nil: ctx has ended.
func (p *pool) reserve(ctx context.Context) *relayState {
	for {
		if r := p.pick(time.Now()); r != nil {
			return r
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(p.wait):
		}
	}
}

func (p *pool) pick(now time.Time) *relayState {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.relays {
		if r.conns < r.Conns && !now.Before(r.until) {
			r.conns++
			return r
		}
	}
	return nil
}

// put gives back what reserve gave.
func (p *pool) put(r *relayState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.conns--
}

// trouble leaves a relay alone for a while: longer each time, once for all connections that fail at the same time. It is said once, until the
// relay takes something again.
func (p *pool) trouble(r *relayState, err error) {
	why := masked(err.Error(), "")
	p.mu.Lock()
	first := r.why == ""
	if now := time.Now(); !now.Before(r.until) {
		r.wait = min(longestRelayWait, max(p.wait, 2*r.wait))
		r.until = now.Add(r.wait)
	}
	r.why = why
	all := !slices.ContainsFunc(p.relays, func(o *relayState) bool { return o.why == "" })
	p.mu.Unlock()
	if first {
		p.log.Error("a relay takes nothing; it is tried again, and nobody is lost", "relay", r.Addr, "every_relay", all, "error", why)
	}
}

// works says that a relay took something.
func (p *pool) works(r *relayState) {
	p.mu.Lock()
	again := r.why != ""
	r.why, r.wait, r.until = "", 0, time.Time{}
	p.mu.Unlock()
	if again {
		p.log.Info("a relay works again", "relay", r.Addr)
	}
}

func (r Relay) check() error {
	switch {
	case r.Addr == "":
		return errors.New("a relay has no address")
	case r.TLS != "" && r.TLS != StartTLS && r.TLS != Implicit && r.TLS != NoTLS:
		return errors.New("a relay's TLS is one of starttls, implicit, none")
	case r.User != "" && r.TLS == NoTLS:
		return errors.New("a password is not sent to a relay without TLS")
	case r.User != "" && r.Password == nil:
		return errors.New("a relay with a user needs a password")
	}
	return nil
}

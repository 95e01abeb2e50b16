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
	conns int       // open, or being opened
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

// get opens a connection, and waits for as long as no relay can be had.
func (p *pool) get(ctx context.Context) (*conn, *relayState, error) {
	for {
		r, wait := p.pick(time.Now())
		if r != nil {
			c, err := connect(ctx, r.Relay)
			if err == nil {
				return c, r, nil
			}
			p.put(r)
			if ctx.Err() == nil {
				p.trouble(r, err)
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (p *pool) pick(now time.Time) (_ *relayState, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.relays {
		if r.conns < r.Conns && !now.Before(r.until) {
			r.conns++
			return r, 0
		}
	}
	return nil, p.wait
}

// put says that a connection is closed.
func (p *pool) put(r *relayState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.conns--
}

// trouble leaves a relay alone for a while. It is said once, until the relay takes something again.
func (p *pool) trouble(r *relayState, err error) {
	p.mu.Lock()
	first := r.why == ""
	r.wait = min(longestRelayWait, max(p.wait, 2*r.wait))
	r.until, r.why = time.Now().Add(r.wait), masked(err.Error(), "")
	all := !slices.ContainsFunc(p.relays, func(o *relayState) bool { return o.why == "" })
	p.mu.Unlock()
	if first {
		p.log.Error("a relay takes nothing; it is tried again, and nobody is lost", "relay", r.Addr, "every_relay", all, "error", r.why)
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

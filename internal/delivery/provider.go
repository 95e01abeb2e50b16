package delivery

import (
	"context"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"
)

const (
	maxDomains   = 20_000 // whose provider is remembered
	lookupWithin = 5 * time.Second
)

// groups finds a domain's provider: the registered domain of its first MX, or the domain itself. It is safe for concurrent use.
type groups struct {
	lookup func(context.Context, string) ([]*net.MX, error) // nil: by domain alone
	mu     sync.Mutex
	known  map[string]string // guarded by mu
}

func (g *groups) of(ctx context.Context, domain string) string {
	if g.lookup == nil {
		return domain
	}
	g.mu.Lock()
	name, ok := g.known[domain]
	g.mu.Unlock()
	if ok {
		return name
	}
	name = g.find(ctx, domain)
	g.mu.Lock()
	defer g.mu.Unlock()
	for other := range g.known {
		if len(g.known) < maxDomains {
			break
		}
		delete(g.known, other)
	}
	g.known[domain] = name
	return name
}

func (g *groups) find(ctx context.Context, domain string) string {
	ctx, cancel := context.WithTimeout(ctx, lookupWithin)
	defer cancel()
	list, err := g.lookup(ctx, domain+".") // with a dot: the machine's search list must not answer
	if err != nil || len(list) == 0 {
		return domain
	}
	first := list[0]
	for _, mx := range list {
		if mx.Pref < first.Pref || mx.Pref == first.Pref && mx.Host < first.Host {
			first = mx
		}
	}
	host := strings.ToLower(strings.TrimSuffix(first.Host, "."))
	if _, ok := parseAddress("x@" + host); !ok { // what DNS says is a stranger's word
		return domain
	}
	if name, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return name
	}
	return host
}

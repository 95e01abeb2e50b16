package delivery

import (
	"context"
	"net"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"candor.example/internal/seal"
)

// Receivers counts the people of a frozen set by who runs their mail, as a Sender tells them apart: a receiver with few people is counted as "other". unopened are
// those whose address cannot be opened with the keys of ring. recipients is as Sender.Recipients, lookup as Sender.LookupMX. No address is kept.
func Receivers(ctx context.Context, ring map[string]seal.PrivateKey, lookup func(context.Context, string) ([]*net.MX, error), recipients func(ctx context.Context, from, limit int) ([]Recipient, error)) (people map[string]int, unopened int, err error) {
	domains, unopened, err := countDomains(ctx, ring, recipients)
	if err != nil {
		return nil, 0, err
	}
	g := &groups{lookup: lookup, known: map[string]string{}}
	found := map[string]int{}
	var mu sync.Mutex // guards found
	var lookups errgroup.Group
	lookups.SetLimit(32)
	for domain, n := range domains {
		lookups.Go(func() error {
			name := g.of(ctx, domain)
			mu.Lock()
			defer mu.Unlock()
			found[name] += n
			return nil
		})
	}
	lookups.Wait()
	people = map[string]int{}
	for name, n := range found {
		if n < fewPeople {
			name = "other"
		}
		people[name] += n
	}
	return people, unopened, ctx.Err()
}

// countDomains opens everybody's address, and keeps of it how many have its domain.
func countDomains(ctx context.Context, ring map[string]seal.PrivateKey, recipients func(ctx context.Context, from, limit int) ([]Recipient, error)) (domains map[string]int, unopened int, err error) {
	domains = map[string]int{}
	c := Composer{Ring: ring}
	for from := 0; ; from += partSize {
		list, err := recipients(ctx, from, partSize)
		if err != nil || len(list) == 0 {
			return domains, unopened, err
		}
		var mu sync.Mutex // guards domains and unopened
		var g errgroup.Group
		g.SetLimit(runtime.GOMAXPROCS(0))
		for _, r := range list {
			g.Go(func() error {
				to, err := c.address(r.Owner, r.Sealed)
				a, ok := parseAddress(to)
				mu.Lock()
				defer mu.Unlock()
				if err != nil || !ok {
					unopened++
					return nil
				}
				domains[a.domain]++
				return nil
			})
		}
		g.Wait()
	}
}

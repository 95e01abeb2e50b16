package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"candor.example/internal/notice"
)

// tally counts what this process did.
type tally struct {
	intended, accepted, refused, deferred, expired, withheld, doubt atomic.Int64
}

func (t *tally) count(e notice.Event) {
	if e.Cause == NotBegun { // what was intended did not happen
		t.intended.Add(-1)
		return
	}
	switch e.Kind {
	case notice.Intended:
		t.intended.Add(1)
	case notice.Took:
		t.accepted.Add(1)
	case notice.Refused:
		t.refused.Add(1)
	case notice.Deferred:
		t.deferred.Add(1)
	case notice.Expired:
		t.expired.Add(1)
	case notice.Kept:
		t.withheld.Add(1)
	}
}

func (t *tally) did() notice.Did {
	return notice.Did{Intended: t.intended.Load(), Accepted: t.accepted.Load(), Refused: t.refused.Load(), Deferred: t.deferred.Load(),
		Expired: t.expired.Load(), Withheld: t.withheld.Load(), InDoubt: t.doubt.Load()}
}

func counted(d, o notice.Did) notice.Did {
	return notice.Did{Intended: d.Intended + o.Intended, Accepted: d.Accepted + o.Accepted, Refused: d.Refused + o.Refused, Deferred: d.Deferred + o.Deferred,
		Expired: d.Expired + o.Expired, Withheld: d.Withheld + o.Withheld, InDoubt: d.InDoubt + o.InDoubt}
}

const (
	beatEvery     = 2 * time.Second
	rateOver      = 15 // beats
	mostProviders = 20
)

// beat says that this process lives and what it does, and shares the limits with the others that do.
func (r *run) beat(ctx context.Context) error {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	defer r.Store.alive.Delete(r.lasting, r.aliveKey())
	var counts []int64
	for {
		counts = append(counts[max(0, len(counts)-rateOver):], r.tally.accepted.Load())
		p := r.progress()
		if n := len(counts) - 1; n > 0 {
			p.Rate = float64(counts[n]-counts[0]) / (float64(n) * beatEvery.Seconds())
		}
		if err := r.tell(ctx, p); err != nil {
			r.notNow(ctx, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (r *run) aliveKey() string { return r.Campaign + "." + workerKey(r.Worker) }

// workerKey is a name as a key may have it.
func workerKey(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' {
			return c
		}
		return '_'
	}, s)
}

func (r *run) tell(ctx context.Context, p notice.Progress) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	if _, err := r.Store.alive.Put(ctx, r.aliveKey(), b); err != nil {
		return err
	}
	all, err := r.Store.Progress(ctx, r.Campaign)
	if err == nil {
		r.limiter.share(len(all.Workers))
	}
	return err
}

func (r *run) progress() notice.Progress {
	p := notice.Progress{Time: time.Now().UTC(), Workers: []string{r.Worker}, Since: r.began.UTC(), Did: r.tally.did(), PartsLeft: r.left.Load()}
	if why := r.halted.Load(); why != nil {
		p.Halted = *why
	}
	p.Providers, p.Relays = r.limiter.progress(p.Time), r.pool.progress()
	return p
}

// Progress is what the processes that send a campaign now say of themselves.
func (s *Store) Progress(ctx context.Context, campaign string) (all notice.Progress, err error) {
	if !campaignID.MatchString(campaign) {
		return all, nil
	}
	keys, err := s.alive.ListKeysFiltered(ctx, campaign+".*")
	if err != nil {
		return all, err
	}
	for key := range keys.Keys() {
		e, err := s.alive.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue
		} else if err != nil {
			return all, err
		}
		var p notice.Progress
		if err := json.Unmarshal(e.Value(), &p); err != nil {
			return all, err
		}
		all = together(all, p)
	}
	return all, nil
}

// together is what two processes say.
func together(p, o notice.Progress) notice.Progress {
	if p.Workers == nil {
		return o
	}
	p.Workers = append(p.Workers, o.Workers...)
	sort.Strings(p.Workers)
	if o.Since.Before(p.Since) {
		p.Since = o.Since
	}
	if o.Time.After(p.Time) {
		p.Time = o.Time
	}
	p.Did, p.Rate, p.PartsLeft = counted(p.Did, o.Did), p.Rate+o.Rate, max(p.PartsLeft, o.PartsLeft)
	if p.Halted == "" {
		p.Halted = o.Halted
	}
	p.Providers, p.Relays = mergeProviders(p.Providers, o.Providers), mergeRelays(p.Relays, o.Relays)
	return p
}

func mergeProviders(a, b []notice.ProviderProgress) []notice.ProviderProgress {
	by := map[string]notice.ProviderProgress{}
	for _, p := range append(slices.Clone(a), b...) {
		if q, ok := by[p.Name]; ok {
			p.Waiting += q.Waiting
			p.Rate = min(p.Rate, q.Rate)
			if q.Held.After(p.Held) {
				p.Held, p.Since, p.Why = q.Held, q.Since, q.Why
			}
		}
		by[p.Name] = p
	}
	return mostWaiting(slices.Collect(maps.Values(by)))
}

func mergeRelays(a, b []notice.RelayProgress) []notice.RelayProgress {
	by := map[string]notice.RelayProgress{}
	for _, r := range append(slices.Clone(a), b...) {
		r.Conns += by[r.Addr].Conns
		if r.Why == "" {
			r.Why = by[r.Addr].Why
		}
		by[r.Addr] = r
	}
	return slices.SortedFunc(maps.Values(by), func(a, b notice.RelayProgress) int { return strings.Compare(a.Addr, b.Addr) })
}

func mostWaiting(list []notice.ProviderProgress) []notice.ProviderProgress {
	slices.SortFunc(list, func(a, b notice.ProviderProgress) int {
		if a.Waiting != b.Waiting {
			return b.Waiting - a.Waiting
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list[:min(len(list), mostProviders)]
}

func (l *limiter) progress(now time.Time) (list []notice.ProviderProgress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	other := notice.ProviderProgress{Name: "other"}
	for name, p := range l.providers {
		switch {
		case p.waiting == 0 && p.why == "":
		case p.seen < fewPeople:
			other.Waiting += p.waiting
		default:
			one := notice.ProviderProgress{Name: name, Rate: p.hour, Waiting: p.waiting, Why: p.why}
			if p.hold > 0 {
				one.Since = p.since
			}
			if now.Before(p.until) {
				one.Held = p.until
			}
			list = append(list, one)
		}
	}
	if other.Waiting > 0 {
		list = append(list, other)
	}
	return mostWaiting(list)
}

func (p *pool) progress() (list []notice.RelayProgress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.relays {
		list = append(list, notice.RelayProgress{Addr: r.Addr, Conns: r.conns, Why: r.why})
	}
	return list
}

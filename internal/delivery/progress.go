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

// Progress is what the processes that send a campaign do. How many people stand where is the ledger's to say; these are what they did since they
// were started.
type Progress struct {
	Time      time.Time          `json:"time"`
	Workers   []string           `json:"workers"`
	Since     time.Time          `json:"since"` // the first of them was started
	Did       Did                `json:"did"`
	Rate      float64            `json:"rate"`       // accepted a second, in the last half minute
	PartsLeft int64              `json:"parts_left"` // of 1,000 people, queued or under way
	Halted    string             `json:"halted,omitempty"`
	Providers []ProviderProgress `json:"providers"` // those for which people wait, and those that defer; at most 20, most waiting first
	Relays    []RelayProgress    `json:"relays"`
}

// Did counts events. In doubt are those whose answer did not come; those that a killed process left are not among them.
type Did struct {
	Intended int64 `json:"intended"`
	Accepted int64 `json:"accepted"`
	Refused  int64 `json:"refused"`
	Deferred int64 `json:"deferred"`
	Expired  int64 `json:"expired"`
	Withheld int64 `json:"withheld"`
	InDoubt  int64 `json:"in_doubt"`
}

// ProviderProgress is what stands in the way at one provider.
type ProviderProgress struct {
	Name    string    `json:"name"`
	Rate    float64   `json:"rate"`    // allowed now, an hour, for all workers
	Waiting int       `json:"waiting"` // people in the parts at hand
	Held    time.Time `json:"held,omitzero"`
	Since   time.Time `json:"since,omitzero"` // of the deferrals
	Why     string    `json:"why,omitempty"`  // the status that said so
}

// RelayProgress is how a relay does.
type RelayProgress struct {
	Addr  string `json:"addr"`
	Conns int    `json:"conns"`
	Why   string `json:"why,omitempty"` // it takes nothing
}

// Left is when all will be done at this rate, for so many people who are queued; zero where nothing says.
func (p Progress) Left(queued int) time.Duration {
	if p.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(queued) / p.Rate * float64(time.Second)).Round(time.Second)
}

// tally counts what this process did.
type tally struct {
	intended, accepted, refused, deferred, expired, withheld, doubt atomic.Int64
}

func (t *tally) count(e notice.Event) {
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

func (t *tally) did() Did {
	return Did{t.intended.Load(), t.accepted.Load(), t.refused.Load(), t.deferred.Load(), t.expired.Load(), t.withheld.Load(), t.doubt.Load()}
}

func (d Did) plus(o Did) Did {
	return Did{d.Intended + o.Intended, d.Accepted + o.Accepted, d.Refused + o.Refused, d.Deferred + o.Deferred, d.Expired + o.Expired, d.Withheld + o.Withheld, d.InDoubt + o.InDoubt}
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

func (r *run) tell(ctx context.Context, p Progress) error {
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

func (r *run) progress() Progress {
	p := Progress{Time: time.Now().UTC(), Workers: []string{r.Worker}, Since: r.began.UTC(), Did: r.tally.did(), PartsLeft: r.left.Load()}
	if why := r.halted.Load(); why != nil {
		p.Halted = *why
	}
	p.Providers, p.Relays = r.limiter.progress(p.Time), r.pool.progress()
	return p
}

// Progress is what the processes that send a campaign now say of themselves.
func (s *Store) Progress(ctx context.Context, campaign string) (all Progress, err error) {
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
		var p Progress
		if err := json.Unmarshal(e.Value(), &p); err != nil {
			return all, err
		}
		all = all.plus(p)
	}
	return all, nil
}

// plus puts together what two processes say.
func (p Progress) plus(o Progress) Progress {
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
	p.Did, p.Rate, p.PartsLeft = p.Did.plus(o.Did), p.Rate+o.Rate, max(p.PartsLeft, o.PartsLeft)
	if p.Halted == "" {
		p.Halted = o.Halted
	}
	p.Providers, p.Relays = mergeProviders(p.Providers, o.Providers), mergeRelays(p.Relays, o.Relays)
	return p
}

func mergeProviders(a, b []ProviderProgress) []ProviderProgress {
	by := map[string]ProviderProgress{}
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

func mergeRelays(a, b []RelayProgress) []RelayProgress {
	by := map[string]RelayProgress{}
	for _, r := range append(slices.Clone(a), b...) {
		r.Conns += by[r.Addr].Conns
		if r.Why == "" {
			r.Why = by[r.Addr].Why
		}
		by[r.Addr] = r
	}
	return slices.SortedFunc(maps.Values(by), func(a, b RelayProgress) int { return strings.Compare(a.Addr, b.Addr) })
}

func mostWaiting(list []ProviderProgress) []ProviderProgress {
	slices.SortFunc(list, func(a, b ProviderProgress) int {
		if a.Waiting != b.Waiting {
			return b.Waiting - a.Waiting
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list[:min(len(list), mostProviders)]
}

func (l *limiter) progress(now time.Time) (list []ProviderProgress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	other := ProviderProgress{Name: "other"}
	for name, p := range l.providers {
		switch {
		case p.waiting == 0 && p.why == "":
		case p.seen < fewPeople:
			other.Waiting += p.waiting
		default:
			one := ProviderProgress{Name: name, Rate: p.hour, Waiting: p.waiting, Why: p.why}
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

func (p *pool) progress() (list []RelayProgress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.relays {
		list = append(list, RelayProgress{r.Addr, r.conns, r.why})
	}
	return list
}

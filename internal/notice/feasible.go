package notice

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Limits are how fast notices may leave. A receiver that has never seen a sudden million from this sender defers it or throws it away: so each provider
// starts low, grows while it takes everything, and gets less when it says so (additive increase, multiplicative decrease). The numbers are
// ours; no provider publishes any. All processes that send a campaign share them.
type Limits struct {
	Start float64 // messages an hour to one provider, at first; 0: 1,000
	// Max is the most an hour to one provider; 0: 50,000. A good bound is a small multiple of what the sender's domain sends it in its busiest hour.
	Max   float64
	Total float64       // an hour, to all together; 0: no such limit
	Step  time.Duration // how long a rate is kept before it grows; 0: 30 min
	// Retry is how long somebody who was deferred once waits; 0: 5 min. The wait doubles each time, up to 4 h.
	Retry time.Duration
	// GiveUp is how long somebody who is deferred is tried again; 0: 24 h.
	GiveUp time.Duration
	// Hold is how long a provider that defers is left alone; 0: 1 min. It doubles while nothing gets better, up to 15 min.
	Hold time.Duration
}

// WithDefaults fills in what is 0.
func (l Limits) WithDefaults() Limits {
	l.Start, l.Max = cmp.Or(l.Start, 1000), cmp.Or(l.Max, 50_000)
	l.Start = min(l.Start, l.Max)
	l.Step = cmp.Or(l.Step, 30*time.Minute)
	l.Retry = cmp.Or(l.Retry, 5*time.Minute)
	l.GiveUp = cmp.Or(l.GiveUp, 24*time.Hour)
	l.Hold = cmp.Or(l.Hold, time.Minute)
	return l
}

// Feasibility is what can be said before anything is sent: will it be done in time.
type Feasibility struct {
	Deadline  time.Duration `json:"deadline"` // how long there is
	Needs     time.Duration `json:"needs"`    // how long it takes, if every provider takes everything
	InTime    bool          `json:"in_time"`
	Rate      float64       `json:"rate"` // an hour, that all together would have to go at on average
	Late      int           `json:"late"` // people who are not reached by the deadline: for them another channel is needed now
	Last      string        `json:"last"` // the provider that is done last
	Providers []FeasibleAt  `json:"providers"`
}

// FeasibleAt is the sum for one provider.
type FeasibleAt struct {
	Name   string        `json:"name"`
	People int           `json:"people"`
	Needs  time.Duration `json:"needs"`
	Late   int           `json:"late"`
}

// Feasible says whether so many people, by provider, can be told within a time. Everything else, such as deferrals, makes it later. Those counted
// as "other" are at many small providers, of which none is a limit.
func Feasible(people map[string]int, limits Limits, within time.Duration) Feasibility {
	l := limits.WithDefaults()
	f := Feasibility{Deadline: within}
	all := 0
	for name, n := range people {
		at := FeasibleAt{Name: name, People: n}
		if name != "other" {
			at.Needs, at.Late = l.needs(n), max(0, n-l.reached(within))
		}
		f.Providers, f.Late, all = append(f.Providers, at), f.Late+at.Late, all+n
	}
	slices.SortFunc(f.Providers, func(a, b FeasibleAt) int {
		return cmp.Or(cmp.Compare(b.Needs, a.Needs), strings.Compare(a.Name, b.Name))
	})
	if len(f.Providers) > 0 {
		f.Needs, f.Last = f.Providers[0].Needs, f.Providers[0].Name
	}
	f.total(l, all)
	f.InTime = f.Needs <= within
	return f
}

// total is the sum where there is a limit for all together.
func (f *Feasibility) total(l Limits, all int) {
	if f.Deadline > 0 {
		f.Rate = float64(all) / f.Deadline.Hours()
	}
	if l.Total <= 0 {
		return
	}
	if needs := hours(float64(all) / l.Total); needs > f.Needs {
		f.Needs = needs
	}
	f.Late = max(f.Late, all-int(l.Total*f.Deadline.Hours()))
}

// needs is how long so many take at one provider that defers nobody: the rate doubles each step, up to the most.
func (l Limits) needs(people int) (d time.Duration) {
	left, rate := float64(people), l.Start
	for rate < l.Max && left > rate*l.Step.Hours() {
		left -= rate * l.Step.Hours()
		d += l.Step
		rate = min(2*rate, l.Max)
	}
	return d + hours(left/rate)
}

// reached is how many are reached at one provider within a time.
func (l Limits) reached(within time.Duration) int {
	sum, rate := 0.0, l.Start
	for rate < l.Max && within > l.Step {
		sum += rate * l.Step.Hours()
		within -= l.Step
		rate = min(2*rate, l.Max)
	}
	return int(sum + rate*max(0, within.Hours()) + 1e-6)
}

// hours is a duration, to the second, and at most a hundred years.
func hours(h float64) time.Duration {
	return time.Duration(min(h, 100*365*24)*3600+0.999) * time.Second
}

package console

import (
	"context"
	"fmt"
	"sync"
	"time"

	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

const (
	window   = time.Minute // that a rate is taken over
	shortest = 3 * time.Second
	stuck    = 2 * time.Minute // without a notice that moved
	// Receivers throttle a sender from a share of complaints on, and refuse from another (Google's and Yahoo's rules for senders, 2024).
	complaintsHigh, complaintsTooHigh = 0.001, 0.003
)

// samples are the tallies that were counted lately, by campaign: a rate is what changed between two of them. Counting a million rows takes a
// while, and an open page asks each second: so a tally is counted anew only after ten times as long as it took, unless somebody has done
// something since.
type samples struct {
	mu   sync.Mutex
	seen map[string][]sample
}

type sample struct {
	at      time.Time
	took    time.Duration
	applied uint64
	tally   ledger.Tally
}

// tally is where a campaign's notices stand, and how many move on in a second.
func (c *Console) tally(ctx context.Context, id string) (ledger.Tally, float64, error) {
	applied, err := c.o.Ledger.Applied(ctx)
	if err != nil {
		return ledger.Tally{}, 0, err
	}
	now := c.o.Now()
	c.samples.mu.Lock()
	defer c.samples.mu.Unlock()
	list := c.samples.seen[id]
	if n := len(list); n > 0 && list[n-1].applied == applied && now.Sub(list[n-1].at) < 10*list[n-1].took {
		return list[n-1].tally, rate(list, now), nil
	}
	began := time.Now()
	t, err := c.o.Ledger.Tally(ctx, id)
	if err != nil {
		return t, 0, err
	}
	list = append(list, sample{now, time.Since(began), applied, t})
	for len(list) > 1 && now.Sub(list[1].at) > window {
		list = list[1:]
	}
	if c.samples.seen == nil {
		c.samples.seen = map[string][]sample{}
	}
	c.samples.seen[id] = list
	return t, rate(list, now), nil
}

// gone are the people whose notice does not wait any more.
func gone(t ledger.Tally) int { return t.Affected - t.States[notice.Queued] }

// rate is how many notices move on in a second: over the last minute, as far as somebody looked, else since the first of them.
func rate(list []sample, now time.Time) float64 {
	first, last := list[0], list[len(list)-1]
	if d := last.at.Sub(first.at); d >= shortest {
		return max(0, float64(gone(last.tally)-gone(first.tally))/d.Seconds())
	}
	t := last.tally
	if d := t.Last.Sub(t.First); d >= shortest && now.Sub(t.Last) < window {
		return float64(gone(t)) / d.Seconds()
	}
	return 0
}

// InTheWay are sentences about what keeps a campaign from being over.
func InTheWay(c notice.Campaign, t ledger.Tally, now time.Time) []string {
	list := []string{}
	say := func(when bool, format string, args ...any) {
		if when {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	s := t.States
	if c.Phase == notice.Drafting || c.Phase == notice.Approved {
		unseeded(c, say)
	}
	waiting := c.Share - gone(t)
	since := c.Started
	if !t.Last.IsZero() {
		since = t.Last
	}
	say(c.Phase == notice.Paused, "It is paused: nothing is begun until it is resumed.")
	say(c.Phase.UnderWay() && waiting > 0 && now.Sub(since) > stuck, "Nothing has moved for %s, and %s for it: does candor notice send run?", span(now.Sub(since)), waits(waiting))
	say(c.Phase == notice.Canary && waiting <= 0, "The canary has gone out. Look at what came back, then let more go.")
	if !c.Phase.Over() {
		for _, r := range t.Rows {
			say(r.State == notice.Queued && r.Cause != "", "%s to be tried again: %s.", waits(r.People), causeWord(r.Cause))
		}
	}
	say(s[notice.InDoubt] > 0, "%s in doubt: never sent again by itself, until somebody says what became of it.", notices(s[notice.InDoubt], "is", "are"))
	say(s[notice.Bounced] > 0, "%s refused or returned: these people are to be told by another channel.", notices(s[notice.Bounced], "was", "were"))
	say(s[notice.Withheld] > 0 && c.Kind == notice.Affected, "%s withheld: these people are to be told by another channel, or not at all for a reason.", notices(s[notice.Withheld], "is", "are"))
	share := float64(t.Complaints) / float64(max(1, s[notice.Accepted]))
	say(share >= complaintsTooHigh, "%.2f %% were marked as unwanted: from 0.3 %% on, receivers refuse all of it. Pause, and find out why.", 100*share)
	say(share >= complaintsHigh && share < complaintsTooHigh, "%.2f %% were marked as unwanted: receivers throttle from 0.1 %% on.", 100*share)
	say(c.Phase == notice.Sending && s[notice.Queued] == 0 && t.Affected > 0, "Nobody waits any more. Say that it is done.")
	return list
}

// unseeded says what is missing before people may be told.
func unseeded(c notice.Campaign, say func(bool, string, ...any)) {
	say(len(c.Seeds)+len(c.MustSeed) == 0, "No mailbox of your own has shown this text yet: whether receivers take it for genuine is not known.")
	for _, why := range c.Unseeded() {
		say(true, "It cannot be approved: %s.", why)
	}
	missing := c.Needs - len(c.ApprovedBy())
	say(c.Set != "" && missing == 1, "One more approval is missing.")
	say(c.Set != "" && missing > 1, "%d more approvals are missing.", missing)
}

func waits(n int) string { return plenty(n, "person waits", "people wait") }

func notices(n int, is, are string) string { return plenty(n, "notice "+is, "notices "+are) }

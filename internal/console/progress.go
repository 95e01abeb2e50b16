package console

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// Receivers throttle a sender from a share of complaints on, and refuse from another (Google's and Yahoo's rules for senders, 2024).
const complaintsHigh, complaintsTooHigh = 0.001, 0.003

// stuck is how long a sender may run without a notice that moves, in silence.
const stuck = 2 * time.Minute

// tallies are those that were counted last, by campaign. Counting a million rows takes a while, and an open page asks each second: so a tally is
// counted anew only after ten times as long as it took, unless somebody has done something since.
type tallies struct {
	mu   sync.Mutex
	kept map[string]counted
}

type counted struct {
	at      time.Time
	took    time.Duration
	applied uint64
	tally   ledger.Tally
}

// tally is where a campaign's notices stand.
func (c *Console) tally(ctx context.Context, id string) (ledger.Tally, error) {
	applied, err := c.o.Ledger.Applied(ctx)
	if err != nil {
		return ledger.Tally{}, err
	}
	now := c.o.Now()
	c.tallies.mu.Lock()
	defer c.tallies.mu.Unlock()
	if k, ok := c.tallies.kept[id]; ok && k.applied == applied && now.Sub(k.at) < 10*k.took {
		return k.tally, nil
	}
	began := time.Now()
	t, err := c.o.Ledger.Tally(ctx, id)
	if err != nil {
		return t, err
	}
	if c.tallies.kept == nil {
		c.tallies.kept = map[string]counted{}
	}
	c.tallies.kept[id] = counted{now, time.Since(began), applied, t}
	return t, nil
}

// gone are the people whose notice does not wait any more.
func gone(t ledger.Tally) int { return t.Affected - t.States[notice.Queued] }

// InTheWay are sentences about what keeps a campaign from being over; p is what its senders say.
func InTheWay(c notice.Campaign, t ledger.Tally, p notice.Progress, now time.Time) []string {
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
	say(c.Phase == notice.Paused, "It is paused: nothing is begun until it is resumed.")
	if c.Phase.UnderWay() && waiting > 0 {
		unsent(c, t, p, now, say)
	}
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

// unsent says what keeps those who may be sent to from being sent to: nobody sends, or what senders say.
func unsent(c notice.Campaign, t ledger.Tally, p notice.Progress, now time.Time, say func(bool, string, ...any)) {
	say(p.Halted != "", "A sender has stopped: %s.", strings.TrimSuffix(p.Halted, "."))
	if !p.Runs(now) {
		heard := ""
		if !p.Time.IsZero() {
			heard = " One was heard of last " + ago(now.Sub(p.Time)) + "."
		}
		say(true, "No process sends it, and %s for it.%s Start one where the private keys are: candor notice send %s.", waits(c.Share-gone(t)), heard, c.ID)
		return
	}
	for _, r := range p.Relays {
		say(r.Why != "", "The relay %s takes nothing: %s.", r.Addr, r.Why)
	}
	for _, v := range p.Providers {
		say(now.Before(v.Held), "%s puts off (%s), since %s: it is left alone until %s, and then gets %s an hour.", v.Name, v.Why, clock(v.Since), clock(v.Held), number(int(v.Rate)))
	}
	last := p.Since
	if t.Last.After(last) {
		last = t.Last
	}
	say(now.Sub(last) > stuck, "A sender runs, and nothing has moved for %s.", span(now.Sub(last)))
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

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

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
			say(r.State == notice.Queued && r.Cause != "", "%s to be tried again: %s.", waitFor(r.People), causeWord(r.Cause))
		}
	}
	list = append(list, unsettledNotices(c, t)...)
	share := float64(t.Complaints) / float64(max(1, s[notice.Accepted]))
	say(share >= complaintsTooHigh, "%.2f %% were marked as unwanted: from 0.3 %% on, receivers refuse all of it. Pause, and find out why.", 100*share)
	say(share >= complaintsHigh && share < complaintsTooHigh, "%.2f %% were marked as unwanted: receivers throttle from 0.1 %% on.", 100*share)
	say(c.Phase == notice.Sending && s[notice.Queued] == 0 && t.Affected > 0, "Nobody waits any more. Say that it is done%s.", stillOpen(c, t))
	return list
}

// unsettledNotices are sentences about those whom nothing is sent to any more and who were perhaps not told: what is left to do, and to whom. A campaign
// that is done has them as well.
func unsettledNotices(c notice.Campaign, t ledger.Tally) (list []string) {
	s := t.States
	if n := s[notice.InDoubt]; n > 0 {
		list = append(list, fmt.Sprintf("%s in doubt: never sent again by itself, until somebody says what became of it.", notices(n, "is", "are")))
	}
	if n := s[notice.Bounced]; n > 0 {
		list = append(list, fmt.Sprintf("%s refused or returned: these people are to be told by another channel.", notices(n, "was", "were")))
	}
	if n := s[notice.Withheld]; n > 0 && c.Kind == notice.Affected {
		list = append(list, fmt.Sprintf("%s withheld: these people are to be told by another channel, or not at all for a reason.", notices(n, "is", "are")))
	}
	return list
}

// unsettled is how many people unsettledNotices is about.
func unsettled(c notice.Campaign, t ledger.Tally) int {
	n := t.States[notice.InDoubt] + t.States[notice.Bounced]
	if c.Kind == notice.Affected {
		n += t.States[notice.Withheld]
	}
	return n
}

// stillOpen goes behind what says that a campaign is, or may be, done.
func stillOpen(c notice.Campaign, t ledger.Tally) string {
	if n := unsettled(c, t); n > 0 {
		return ", but " + plenty(n, "person was", "people were") + " perhaps not told"
	}
	return ""
}

// Stands is where a campaign stands, in a sentence: one that is over says whom it left.
func Stands(c notice.Campaign, t ledger.Tally) string {
	if c.Phase.Over() {
		return c.Standing() + stillOpen(c, t)
	}
	return c.Standing()
}

// unsent says what keeps those who may be sent to from being sent to: nobody sends, or what senders say.
func unsent(c notice.Campaign, t ledger.Tally, p notice.Progress, now time.Time, say func(bool, string, ...any)) {
	say(p.Halted != "", "A sender has stopped: %s.", strings.TrimSuffix(p.Halted, "."))
	if !p.Runs(now) {
		heard := ""
		if !p.Time.IsZero() {
			heard = " One was heard of last " + ago(now.Sub(p.Time)) + "."
		}
		say(true, "No process sends it, and %s for it.%s Start one where the private keys are: candor notice send %s.", waitFor(c.Share-gone(t)), heard, c.ID)
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

func waitFor(n int) string { return plenty(n, "person waits", "people wait") }

func notices(n int, is, are string) string { return plenty(n, "notice "+is, "notices "+are) }

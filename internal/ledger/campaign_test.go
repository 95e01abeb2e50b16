package ledger

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/notice"
)

// told is a ledger with people exposed and a campaign to tell them.
type told struct {
	*Ledger
	t        *testing.T
	incident string
	seq      uint64
}

func newTold(t *testing.T, fresh fresher, people int) *told {
	l := &told{Ledger: open(t, fresh), t: t}
	for i := range people {
		l.disclose(fmt.Sprintf("%04d", i), "v1", candor.Exposed)
	}
	l.disclose("9999", "v2", candor.Prevented)
	list, err := l.Incidents(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	l.incident = list[0].ID
	return l
}

func (l *told) disclose(owner, viewer string, o candor.Outcome) {
	l.t.Helper()
	l.seq++
	mustFold(l.t, l.Ledger, []candor.Entry{{Seq: l.seq, Disclosures: []candor.Disclosure{disclosed(owner, viewer, o, int(l.seq))},
		Sealed: []candor.Sealed{{Owner: owner, Kind: "email", Key: "k1", Blob: []byte("sealed " + owner)}, {Owner: owner, Kind: "context", Key: "k1", Blob: []byte("x")}}}})
}

// act does something to campaign c1, and returns why the ledger refused it.
func (l *told) act(by, what string, details ...string) string {
	return l.actOn("c1", by, what, details...)
}

func (l *told) actOn(campaign, by, what string, details ...string) string {
	l.t.Helper()
	l.seq++
	a := candor.Action{ID: fmt.Sprintf("a%d", l.seq), Time: time.Unix(1542700000+int64(l.seq), 0).UTC(), By: by, What: what, Incident: l.incident, Details: map[string]string{"campaign": campaign}}
	for i := 0; i+1 < len(details); i += 2 {
		if a.Details[details[i]] = details[i+1]; details[i] == "why" {
			a.Why = details[i+1]
		}
	}
	body := []byte(`{"of":"` + details[len(details)-1] + `"}`)
	e := candor.Entry{Seq: l.seq, Actions: []candor.Action{a}}
	if what == candor.NoticeDrafted {
		a.Details["draft"] = candor.HashOf(body)
		e.Documents = []candor.Document{{Hash: candor.HashOf(body), Type: notice.DraftSchema, Body: body}}
	}
	mustFold(l.t, l.Ledger, []candor.Entry{e})
	rows, err := l.Audit(l.t.Context(), "", 1)
	if err != nil || rows[0].ID != a.ID {
		l.t.Fatal(rows, err)
	}
	return rows[0].Refused
}

func (l *told) must(by, what string, details ...string) {
	l.t.Helper()
	if why := l.act(by, what, details...); why != "" {
		l.t.Fatalf("%s by %s: refused: %s", what, by, why)
	}
}

func (l *told) campaign() notice.Campaign {
	l.t.Helper()
	c, err := l.Campaign(l.t.Context(), "c1")
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// approve brings a campaign to where it may start.
func (l *told) approve() {
	l.t.Helper()
	l.must("Ada", candor.NoticeDrafted, "kind", "affected", "needs", "2", "text", "words")
	l.must("Ada", candor.NoticeFrozen, "signer", "key1")
	l.must("Ben", candor.NoticeApproved, "content", l.campaign().Content())
	l.must("Cem", candor.NoticeApproved, "content", l.campaign().Content())
}

func (l *told) deliver(seq uint64, events ...notice.Event) notice.State {
	l.t.Helper()
	for i := range events {
		events[i].Time = time.Unix(1542710000+int64(seq), 0)
		if events[i].Key == "" {
			events[i].Key = fmt.Sprintf("key%d", events[i].N)
		}
	}
	after, err := l.Delivered(l.t.Context(), "c1")
	if err == nil {
		err = l.FoldDelivery(l.t.Context(), "c1", Deliveries{After: after, Seq: seq, Events: events})
	}
	if err != nil {
		l.t.Fatal(err)
	}
	list, err := l.Recipients(l.t.Context(), "c1", events[0].N, events[0].N+1)
	if err != nil || len(list) != 1 {
		l.t.Fatal(list, err)
	}
	return list[0].State
}

func (l *told) tally() Tally {
	l.t.Helper()
	tally, err := l.Tally(l.t.Context(), "c1")
	if err != nil {
		l.t.Fatal(err)
	}
	sum := 0
	for _, s := range notice.States {
		sum += tally.States[s]
	}
	if c := l.campaign(); sum != tally.Affected || sum != c.People {
		l.t.Fatalf("affected %d, frozen %d, and the states sum up to %d: %v", tally.Affected, c.People, sum, tally.States)
	}
	return tally
}

func testCampaign(t *testing.T, fresh fresher) {
	l := newTold(t, fresh, 3)
	if why := l.act("Ada", candor.NoticeFrozen, "signer", "key1"); !strings.Contains(why, "no such campaign") {
		t.Error(why)
	}
	if why := l.act("Ada", candor.NoticeDrafted, "kind", "affected", "needs", "3", "text", "x"); !strings.Contains(why, "needs") {
		t.Error(why)
	}
	l.must("Ada", candor.NoticeDrafted, "kind", "affected", "needs", "2", "text", "words")
	if why := l.actOn("c2", "Ada", candor.NoticeDrafted, "kind", "affected", "needs", "2", "text", "words"); !strings.Contains(why, "twice") {
		t.Error("a second campaign to the same people is begun:", why)
	}
	if why := l.act("Ben", candor.NoticeApproved, "content", l.campaign().Content()); !strings.Contains(why, "frozen") {
		t.Error(why)
	}
	l.must("Ada", candor.NoticeFrozen, "signer", "key1")
	c := l.campaign()
	if c.People != 3 || !candor.IsHash(c.Set) || c.Phase != notice.Drafting {
		t.Fatalf("%+v", c)
	}
	if f, err := l.Facts(t.Context(), l.incident, time.Now()); err != nil || c.Exposed != f.People || !c.First.Equal(f.First) || !c.Last.Equal(f.Last) {
		t.Errorf("the set is not what the facts say: %+v, %+v, %v", c, f, err)
	}
	for by, want := range map[string]string{"Ada": "wrote it", " ADA ": "wrote it"} {
		if why := l.act(by, candor.NoticeApproved, "content", c.Content()); !strings.Contains(why, want) {
			t.Errorf("%s: %q", by, why)
		}
	}
	if why := l.act("Ben", candor.NoticeStarted, "share", "all"); !strings.Contains(why, "approvals") {
		t.Error(why)
	}
	l.must("Ben", candor.NoticeApproved, "content", c.Content())
	if why := l.act("ben", candor.NoticeApproved, "content", c.Content()); !strings.Contains(why, "already") {
		t.Error(why)
	}
	if why := l.act("Cem", candor.NoticeApproved, "content", strings.Repeat("0", 64)); !strings.Contains(why, "changed") {
		t.Error(why)
	}
	l.must("Cem", candor.NoticeApproved, "content", c.Content())
	if l.campaign().Phase != notice.Approved {
		t.Fatal(l.campaign())
	}
	// One more person, and the set is another: nothing that was approved still stands.
	l.disclose("0003", "v9", candor.Exposed)
	l.must("Ada", candor.NoticeFrozen, "signer", "key1")
	if c := l.campaign(); c.People != 4 || len(c.ApprovedBy()) != 0 || c.Phase != notice.Drafting {
		t.Fatalf("%+v", c)
	}
	for _, by := range []string{"Ben", "Cem"} {
		l.must(by, candor.NoticeApproved, "content", l.campaign().Content())
	}
	for share, ok := range map[string]bool{"0": false, "5": false, "some": false, "-1": false} {
		if why := l.act("Ben", candor.NoticeStarted, "share", share); (why == "") != ok {
			t.Errorf("share %s: %q", share, why)
		}
	}
	l.must("Ben", candor.NoticeStarted, "share", "1")
	if c := l.campaign(); c.Phase != notice.Canary || c.Share != 1 {
		t.Fatal(c)
	}
	if why := l.act("Ada", candor.NoticeDrafted, "kind", "affected", "needs", "1", "text", "others"); !strings.Contains(why, "cannot be changed") {
		t.Error(why)
	}
	l.must("Ben", candor.NoticeStarted, "share", "all")
	l.must("Ben", candor.NoticePaused, "", "")
	if why := l.act("Ben", candor.NoticePaused, "", ""); why == "" {
		t.Error("paused twice")
	}
	l.must("Ben", candor.NoticeResumed, "", "")
	if c := l.campaign(); c.Phase != notice.Sending || c.Share != 4 {
		t.Fatal(c)
	}
	if why := l.act("Ben", candor.NoticeDone, "", ""); !strings.Contains(why, "4 people") {
		t.Error(why)
	}
	list, err := l.Recipients(t.Context(), "c1", 0, 10)
	if err != nil || len(list) != 4 || len(list[1].Sealed) != 1 || string(list[1].Sealed[0].Blob) != "sealed 0001" || list[1].Person.Viewers != 1 || list[1].Person.Times != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if d, err := l.Document(t.Context(), l.campaign().Draft); err != nil || string(d.Body) != `{"of":"words"}` {
		t.Error(d, err)
	}
}

func testDelivered(t *testing.T, fresh fresher) {
	l := newTold(t, fresh, 6)
	l.approve()
	l.must("Ben", candor.NoticeStarted, "share", "all")
	ev := func(n int, k notice.EventKind) notice.Event {
		return notice.Event{N: n, Kind: k, Attempt: 1, Provider: "mail.example"}
	}
	for i, step := range []struct {
		e    notice.Event
		want notice.State
	}{
		{ev(0, notice.Intended), notice.InDoubt}, {ev(0, notice.Took), notice.Accepted}, {ev(0, notice.Intended), notice.Accepted}, {ev(0, notice.Complained), notice.Accepted},
		{ev(1, notice.Intended), notice.InDoubt},
		{ev(2, notice.Intended), notice.InDoubt}, {ev(2, notice.Deferred), notice.Queued}, {ev(2, notice.Refused), notice.Bounced},
		{ev(3, notice.Kept), notice.Withheld}, {ev(3, notice.Took), notice.Withheld},
		{ev(4, notice.Intended), notice.InDoubt}, {ev(4, notice.Took), notice.Accepted}, {ev(4, notice.Returned), notice.Bounced},
	} {
		if got := l.deliver(uint64(i+1), step.e); got != step.want {
			t.Errorf("step %d, %s: %s, want %s", i, step.e.Kind, got, step.want)
		}
		l.tally()
	}
	if l.deliver(3, ev(5, notice.Kept)) != notice.Queued {
		t.Error("what was folded is folded again")
	}
	if seq, err := l.Delivered(t.Context(), "c1"); seq != 13 || err != nil {
		t.Error(seq, err)
	}
	tally := l.tally()
	if tally.Complaints != 1 || len(tally.Providers) != 1 || tally.Providers[0].People != 5 || tally.States[notice.Bounced] != 2 {
		t.Errorf("%+v", tally)
	}
	// A doubt is a human's to resolve, with a reason.
	for _, wrong := range [][]string{{"key", "key1", "as", "accepted"}, {"key", "nokey", "as", "accepted", "why", "w"}, {"key", "key1", "as", "lost", "why", "w"}, {"key", "key0", "as", "again", "why", "w"}} {
		if why := l.act("Ben", candor.NoticeResolved, wrong...); why == "" {
			t.Error("resolved:", wrong)
		}
	}
	l.must("Ben", candor.NoticeResolved, "key", "key1", "as", "again", "why", "the relay's log has no such id")
	again, err := l.Again(t.Context(), "c1")
	if err != nil || len(again) != 1 || again[1] != 2 {
		t.Fatal(again, err)
	}
	second := ev(1, notice.Intended)
	second.Attempt = 2
	if s := l.deliver(20, second); s != notice.InDoubt {
		t.Error(s)
	}
	if again, _ := l.Again(t.Context(), "c1"); len(again) != 0 {
		t.Error(again)
	}
	l.must("Ben", candor.NoticeResolved, "key", "key1", "as", "accepted", "why", "the mailbox has it")
	// Cancelled while a worker is under way: what it did counts.
	l.must("Ben", candor.NoticeCancelled, "why", "a wrong number")
	if s := l.tally().States; s[notice.Withheld] != 2 || s[notice.Queued] != 0 {
		t.Error(s)
	}
	l.deliver(21, ev(5, notice.Intended))
	if s := l.deliver(22, ev(5, notice.Took)); s != notice.Accepted {
		t.Error(s)
	}
	// The next campaign tells those whom this one did not.
	for _, step := range [][]string{{candor.NoticeDrafted, "kind", "affected", "needs", "1", "text", "again"}, {candor.NoticeFrozen, "signer", "key1"}} {
		if why := l.actOn("c2", "Ada", step[0], step[1:]...); why != "" {
			t.Fatal(why)
		}
	}
	if list, err := l.Recipients(t.Context(), "c2", 0, 10); err != nil || len(list) != 1 || list[0].Person.Owner != "0003" {
		t.Errorf("%+v, %v", list, err)
	}
	if c, err := l.Campaign(t.Context(), "c2"); err != nil || c.People != 1 || c.Exposed != 6 {
		t.Errorf("%+v, %v", c, err)
	}
	if name, r, err := l.Keyed(t.Context(), "key4"); name != "c1" || r.Person.Owner != "0004" || err != nil {
		t.Error(name, r, err)
	}
}

// Whatever happens in whatever order, everybody is in exactly one state.
func testDeliveredAtRandom(t *testing.T, fresh fresher) {
	kinds := []notice.EventKind{notice.Intended, notice.Took, notice.Deferred, notice.Refused, notice.Expired, notice.Kept, notice.Returned, notice.Delayed, notice.Delivered, notice.Complained, notice.Channelled, notice.Resolved, "nonsense"}
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 5))
		l := newTold(t, fresh, 20)
		l.approve()
		l.must("Ben", candor.NoticeStarted, "share", "all")
		for seq := range uint64(40) {
			var events []notice.Event
			for range 1 + r.IntN(30) {
				events = append(events, notice.Event{N: r.IntN(25) - 2, Kind: kinds[r.IntN(len(kinds))], Attempt: r.IntN(3)})
			}
			if err := l.FoldDelivery(t.Context(), "c1", Deliveries{After: seq, Seq: seq + 1, Events: events}); err != nil {
				t.Fatal(err)
			}
			switch l.tally(); r.IntN(8) {
			case 0:
				l.act("Ben", candor.NoticeResolved, "key", "", "as", "again", "why", "w")
			case 1:
				l.act("Ben", candor.NoticeChannelled, "channel", "site")
			}
		}
		l.tally()
	}
}

func testFacts(t *testing.T, fresh fresher) {
	l := newTold(t, fresh, 3)
	now := time.Date(2018, 11, 20, 12, 0, 0, 0, time.UTC)
	f, err := l.Facts(t.Context(), l.incident, now)
	if err != nil || f.People != 3 || f.Prevented != 1 || len(f.Viewers) != 1 || f.Viewers[0].Count != 1 || f.Looked != candor.LookedPart || !f.AsOf.Equal(now) {
		t.Fatalf("%+v, %v", f, err)
	}
	if !f.First.Equal(disclosed("", "", "", 1).Time) || !f.Last.Equal(disclosed("", "", "", 3).Time) {
		t.Error("the exposure was", f.First, "to", f.Last)
	}
	if _, err := l.Facts(t.Context(), "inc-none", now); err == nil {
		t.Error("facts of no incident")
	}
}

package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/notice"
)

func (l *told) told(owner, digest string) []Told {
	l.t.Helper()
	list, err := l.Told(l.t.Context(), owner, digest)
	if err != nil {
		l.t.Fatal(err)
	}
	return list
}

// A notice stands on the shop's own site once it may go to that person, and a letter that went out is known there for good.
func testTold(t *testing.T, fresh fresher) {
	l := newTold(t, fresh, 5)
	shown := func(want ...int) {
		t.Helper()
		for n := range 5 {
			want := want[n]
			if list := l.told(fmt.Sprintf("%04d", n), "nobody"); len(list) != want {
				t.Errorf("person %d sees %d notices, want %d", n, len(list), want)
			}
		}
	}
	shown(0, 0, 0, 0, 0)
	l.approve()
	shown(0, 0, 0, 0, 0)
	l.must("Ben", candor.NoticeStarted, "share", "2")
	shown(1, 1, 0, 0, 0)
	l.must("Ben", candor.NoticePaused, "", "")
	shown(1, 1, 0, 0, 0)
	l.must("Ben", candor.NoticeResumed, "", "")
	l.must("Ben", candor.NoticeStarted, "share", "all")
	shown(1, 1, 1, 1, 1)
	if list := l.told("9999", "9999"); len(list) != 0 {
		t.Error("whose data was stopped is told:", list)
	}
	if list := l.told("nobody", "0000"); len(list) != 0 {
		t.Error("a viewer's digest finds a customer:", list)
	}
	sent := func(code string, want bool) {
		t.Helper()
		s, err := l.SentNotice(t.Context(), code)
		if errors.Is(err, sql.ErrNoRows) != !want || want && (err != nil || s.Incident != l.incident || s.Site != "shop.example" || s.Sent.IsZero()) {
			t.Errorf("%s: %+v, %v", code, s, err)
		}
	}
	code := func(n int) string { return fmt.Sprintf("AAAA-BBBB-CCC%d", n) }
	for n := range 4 {
		l.deliver(uint64(2*n+1), notice.Event{N: n, Kind: notice.Intended, Attempt: 1, Code: code(n)})
	}
	l.deliver(11, notice.Event{N: 0, Kind: notice.Took})
	l.deliver(12, notice.Event{N: 1, Kind: notice.Deferred})
	l.deliver(13, notice.Event{N: 2, Kind: notice.Refused})
	sent(code(0), true)
	sent(code(1), false) // put off: nobody has that letter
	sent(code(2), false)
	sent(code(3), true) // in doubt: somebody may have it
	sent("", false)
	if list := l.told("0000", ""); list[0].Sent.IsZero() || list[0].Person.Code != code(0) || list[0].State != notice.Accepted {
		t.Errorf("%+v", list)
	}
	if list := l.told("0001", ""); !list[0].Sent.IsZero() {
		t.Errorf("put off, and sent at %v", list[0].Sent)
	}
	l.must("Ben", candor.NoticeChannelled, "channel", "post")
	sent(code(2), true) // printed, with the same code
	l.must("Ben", candor.NoticeCancelled, "why", "a wrong number in it")
	shown(1, 0, 1, 1, 0)
	sent(code(0), true)
	if by, err := l.Sent(t.Context(), l.incident); err != nil || fmt.Sprint(by) != "map[:3]" { // 0 by mail, 2 by post, 3 perhaps
		t.Errorf("notices went out by country: %v, %v", by, err)
	}
}

// Each viewer's last answer counts, and nobody's who has seen nothing.
func testAnswers(t *testing.T, fresh fresher) {
	l := newTold(t, fresh, 2)
	l.disclose("0001", "v3", candor.Exposed)
	say := func(at int, digest, answer string) {
		l.seq++
		mustFold(t, l.Ledger, []candor.Entry{{Seq: l.seq, Answers: []candor.Answer{{Incident: l.incident, Digest: digest, Time: time.Unix(int64(at), 0), Answer: answer}}}})
	}
	say(5, "v1", candor.AnswerContact)
	say(9, "v1", candor.AnswerDeleted)
	say(7, "v1", candor.AnswerNone) // late to arrive, and said before
	say(5, "stranger", candor.AnswerDeleted)
	say(5, "v3", "something else")
	say(6, "v2", candor.AnswerNone)
	// In one batch with what was seen.
	l.seq++
	mustFold(t, l.Ledger, []candor.Entry{{Seq: l.seq, Disclosures: []candor.Disclosure{disclosed("0001", "v4", candor.Exposed, 50)}, Answers: []candor.Answer{{Incident: l.incident, Digest: "v4", Time: start, Answer: candor.AnswerNone}}}})
	if _, by, err := l.Answers(t.Context(), l.incident); err != nil || fmt.Sprint(by) != "map[deleted:1 none:2]" {
		t.Error(by, err)
	}
	if list := l.told("", "v1"); len(list) != 0 {
		t.Error("viewers are asked before anybody approved it:", list)
	}
	for _, step := range [][]string{{"Ada", candor.NoticeDrafted, "kind", "viewers", "needs", "1", "text", "viewers"}, {"Ada", candor.NoticeFrozen, "signer", "key1"}} {
		l.must(step[0], step[1], step[2:]...)
	}
	l.must("Ben", candor.NoticeApproved, "content", l.campaign().Content())
	if asked, _, err := l.Answers(t.Context(), l.incident); asked != 0 || err != nil {
		t.Error(asked, err)
	}
	l.must("Ben", candor.NoticeStarted, "share", "all")
	if asked, _, err := l.Answers(t.Context(), l.incident); asked != 3 || err != nil {
		t.Error(asked, err)
	}
	list := l.told("", "v1")
	if len(list) != 1 || list[0].Campaign.Kind != notice.Viewers || list[0].Answer != candor.AnswerDeleted {
		t.Fatalf("%+v", list)
	}
	if list := l.told("v1", "stranger"); len(list) != 0 {
		t.Error("a customer whose id is a viewer's digest:", list)
	}
}

// Viewers whose address was sealed are written to, the others are told on the shop's own site; to whom nothing was shown nothing is said. The sum
// holds all the way, and so it does for a journal of before, without such seals.
func testViewersByMail(t *testing.T, fresh fresher) {
	l := newTold(t, fresh, 2) // which v1 saw; v2 was shown nothing
	for _, v := range []string{"v3", "v4", "v5"} {
		l.disclose("0001", v, candor.Exposed)
	}
	stands := func(want string) {
		t.Helper()
		tally, sum := l.tally(), 0
		for _, n := range tally.States {
			sum += n
		}
		if got := fmt.Sprint(tally.States); got != want || sum != tally.Affected || sum != 4 {
			t.Errorf("%s, want %s: %d of %d", got, want, sum, tally.Affected)
		}
	}
	freeze := func() {
		t.Helper()
		l.must("Ada", candor.NoticeFrozen, "signer", "key1")
		if n, err := l.Unnumbered(t.Context(), l.campaign()); n != 0 || err != nil {
			t.Errorf("%d viewers are in no set: %v", n, err)
		}
	}
	l.must("Ada", candor.NoticeDrafted, "kind", "viewers", "needs", "1", "text", "viewers")
	if n, err := l.Unnumbered(t.Context(), l.campaign()); n != 4 || err != nil {
		t.Errorf("%d viewers are in no set: %v", n, err)
	}
	freeze()
	stands("map[withheld:4]")
	unaddressed := func(limit int) string {
		t.Helper()
		var list []string
		if err := l.Unaddressed(t.Context(), limit, func(d string) { list = append(list, d) }); err != nil {
			t.Fatal(err)
		}
		slices.Sort(list)
		return strings.Join(list, " ")
	}
	if got := unaddressed(10); got != "v1 v3 v4 v5" { // what v2 would have seen was stopped
		t.Errorf("addresses are missing of %s", got)
	}
	if got := unaddressed(3); strings.Count(got, " ") != 2 {
		t.Errorf("more than three: %s", got)
	}
	l.seq++
	seal := func(digest, kind string) candor.Sealed {
		return candor.Sealed{Owner: digest, Kind: kind, Key: "k1", Blob: []byte("of " + digest)}
	}
	mustFold(t, l.Ledger, []candor.Entry{{Seq: l.seq, Sealed: []candor.Sealed{seal("v1", "email"), seal("v1", "locale"), seal("v2", "email"), seal("v3", "email"), seal("v4", "locale")}}})
	freeze()
	stands("map[queued:2 withheld:2]")
	if got := unaddressed(10); got != "v4 v5" {
		t.Errorf("addresses are missing of %s", got)
	}
	list, err := l.Recipients(t.Context(), "c1", 0, 4)
	if err != nil || len(list) != 4 || len(list[0].Sealed) != 2 || list[0].Person.Owner != "v1" || !list[0].Person.First.IsZero() || len(list[1].Sealed) != 1 || list[1].State != notice.Queued {
		t.Fatalf("%+v, %v", list, err)
	}
	l.must("Ben", candor.NoticeApproved, "content", l.campaign().Content())
	l.must("Ben", candor.NoticeStarted, "share", "3")
	stands("map[other:1 queued:2 withheld:1]")
	l.must("Ben", candor.NoticeStarted, "share", "all")
	stands("map[other:2 queued:2]")
	l.deliver(1, notice.Event{N: 0, Kind: notice.Intended, Attempt: 1, Code: "AAAA-BBBB-CCCC"})
	l.deliver(2, notice.Event{N: 0, Kind: notice.Took})
	l.deliver(3, notice.Event{N: 1, Kind: notice.Intended, Attempt: 1, Code: "AAAA-BBBB-CCCD"})
	l.deliver(4, notice.Event{N: 1, Kind: notice.Refused})
	stands("map[accepted:1 bounced:1 other:2]")
	if asked, _, err := l.Answers(t.Context(), l.incident); asked != 3 || err != nil {
		t.Error(asked, err)
	}
	l.seq++
	mustFold(t, l.Ledger, []candor.Entry{{Seq: l.seq, Answers: []candor.Answer{{Incident: l.incident, Digest: "v3", Time: start, Answer: candor.AnswerDeleted}}}})
	if asked, by, err := l.Answers(t.Context(), l.incident); asked != 4 || by[candor.AnswerDeleted] != 1 || err != nil {
		t.Error("who answered was asked:", asked, by, err)
	}
	if list := l.told("", "v1"); len(list) != 1 || list[0].Person.Code != "AAAA-BBBB-CCCC" {
		t.Errorf("%+v", list)
	}
	if why := l.act("Ben", candor.NoticeChannelled, "channel", "post"); why == "" {
		t.Error("letters to people of whom nobody knows who they are")
	}
	l.must("Ben", candor.NoticeChannelled, "channel", "site")
	stands("map[accepted:1 other:3]")
	l.must("Ben", candor.NoticeDone, "", "")
}

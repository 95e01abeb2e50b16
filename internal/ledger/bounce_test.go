package ledger

import (
	"errors"
	"slices"
	"testing"

	"candor.example"
	"candor.example/internal/notice"
)

// What fails for now is queued once more, and once only, unless it is known to have arrived or the campaign is over.
func testReturned(t *testing.T, fresh fresher) {
	l := newTold(t, fresh, 4)
	l.approve()
	l.must("Ben", candor.NoticeStarted, "share", "all")
	seq := uint64(0)
	happens := func(n int, want notice.State, kinds ...notice.EventKind) {
		t.Helper()
		var got notice.State
		for _, k := range kinds {
			seq++
			got = l.deliver(seq, notice.Event{N: n, Kind: k, Attempt: 1, Soft: k == notice.Returned, Cause: "mailbox-full"})
		}
		if got != want {
			t.Errorf("recipient %d: %s, want %s", n, got, want)
		}
	}
	happens(0, notice.Queued, notice.Intended, notice.Took, notice.Delayed, notice.Returned)
	happens(0, notice.Queued, notice.Returned) // a second report of the same attempt
	again, err := l.Again(t.Context(), "c1")
	if err != nil || len(again) != 1 || again[0] != 2 {
		t.Fatal(again, err)
	}
	happens(0, notice.Bounced, notice.Intended, notice.Took, notice.Returned)
	happens(1, notice.Queued, notice.Intended, notice.Returned) // a doubt that the report settles
	happens(1, notice.Accepted, notice.Delivered)               // it says itself that it is wrong
	happens(2, notice.Bounced, notice.Intended, notice.Took, notice.Delivered, notice.Returned)
	happens(3, notice.Accepted, notice.Intended, notice.Took)
	l.must("Ben", candor.NoticeDone, "", "")
	happens(3, notice.Bounced, notice.Returned)
	l.tally()
}

// The marks say in which order actions and deliveries were folded.
func testMarksOfDeliveries(t *testing.T, fresh fresher) {
	l := newTold(t, fresh, 4)
	var marks [][2]uint64
	took := func(after, seq uint64, e notice.Event) error {
		return l.FoldDelivery(t.Context(), "c1", Deliveries{after, seq, []notice.Event{e}, func(from, acted uint64) error {
			marks = append(marks, [2]uint64{from, acted})
			return nil
		}})
	}
	l.approve()
	l.must("Ben", candor.NoticeStarted, "share", "all")
	started := l.seq
	err := errors.Join(took(0, 1, notice.Event{N: 0, Key: "key0", Kind: notice.Refused}), took(1, 2, notice.Event{N: 1, Key: "key1", Kind: notice.Intended, Attempt: 1}))
	l.must("Ben", candor.NoticeChannelled, "channel", "post")
	l.disclose("0008", "v1", candor.Exposed)
	err = errors.Join(err, took(2, 3, notice.Event{N: 2, Key: "key2", Kind: notice.Refused}))
	if err != nil || !slices.Equal(marks, [][2]uint64{{1, started}, {3, started + 1}}) {
		t.Fatal(marks, started, err)
	}
	// Somebody else folded a part of this stretch.
	if err := took(1, 4, notice.Event{N: 3, Kind: notice.Kept}); !errors.As(err, new(ErrBehind)) {
		t.Error(err)
	}
	if s := l.tally().States; s[notice.Other] != 1 || s[notice.Bounced] != 1 || s[notice.InDoubt] != 1 || s[notice.Queued] != 1 {
		t.Error(s)
	}
	// What cannot be marked is not folded.
	l.must("Ben", candor.NoticePaused, "", "")
	broken := errors.New("no store")
	err = l.FoldDelivery(t.Context(), "c1", Deliveries{3, 4, []notice.Event{{N: 3, Kind: notice.Kept}}, func(uint64, uint64) error { return broken }})
	if seq, _ := l.Delivered(t.Context(), "c1"); !errors.Is(err, broken) || seq != 3 {
		t.Error(seq, err)
	}
}

package notice

import (
	"errors"
	"slices"
	"testing"
)

var kinds = []EventKind{Intended, Took, Deferred, Refused, Expired, Kept, Returned, Delayed, Delivered, Complained, Channelled, Resolved}

// What may have reached somebody is never begun again, whatever comes in, unless a human resolves a doubt.
func TestNeverTwice(t *testing.T) {
	for _, s := range []State{Accepted, Other, Bounced} {
		for _, k := range kinds {
			to, err := Next(s, Event{Kind: k, Detail: "again"})
			if to == Queued || to == InDoubt {
				t.Errorf("%s becomes %s by %s", s, to, k)
			}
			if err != nil && !errors.Is(err, ErrNoChange) {
				t.Error(err)
			}
		}
	}
	for _, k := range kinds {
		to, _ := Next(InDoubt, Event{Kind: k, Detail: "accepted"})
		if to == Queued && k != Deferred { // which the relay says: it has not taken it
			t.Errorf("a doubt becomes queued by %s", k)
		}
	}
	// A report says that it was not delivered, and that another attempt may end otherwise.
	for s, want := range map[State]State{Accepted: Queued, InDoubt: Queued, Queued: Queued, Bounced: Bounced, Other: Other, Withheld: Withheld} {
		if to, _ := Next(s, Event{Kind: Returned, Soft: true}); to != want {
			t.Errorf("%s becomes %s by a soft report", s, to)
		}
	}
	if to, err := Next(InDoubt, Event{Kind: Resolved, Detail: "again"}); to != Queued || err != nil {
		t.Error(to, err)
	}
	if to, err := Next(InDoubt, Event{Kind: Resolved, Detail: "perhaps"}); to != InDoubt || !errors.Is(err, ErrNoChange) {
		t.Error(to, err)
	}
}

// Every state is one of those that are shown, so that the sum is always whole.
func TestStatesAreClosed(t *testing.T) {
	for _, s := range States {
		for _, k := range kinds {
			for _, detail := range []string{"", "accepted", "again", "other"} {
				if to, _ := Next(s, Event{Kind: k, Detail: detail}); !slices.Contains(States, to) {
					t.Errorf("%s by %s becomes %q", s, k, to)
				}
			}
		}
	}
}

package main

import (
	"context"

	"candor.example"
	"candor.example/internal/delivery"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// refold folds a journal and the deliveries of notices in the order in which the marks of the delivery store say that they were folded: whether
// somebody "bounced" when people decided on letters to all who did is a matter of order.
type refold struct {
	ledger *ledger.Ledger
	store  *delivery.Store
	marks  map[string][]delivery.Mark // by campaign
}

// fold folds entries, and before each that acts on notices what had been delivered until then.
func (r *refold) fold(ctx context.Context, entries []candor.Entry) error {
	done := 0
	for i, e := range entries {
		if !ledger.OnNotices(e) {
			continue
		}
		if err := r.ledger.Fold(ctx, entries[done:i]); err != nil {
			return err
		}
		if err := r.deliver(ctx, before(e.Seq)); err != nil {
			return err
		}
		done = i
	}
	return r.ledger.Fold(ctx, entries[done:])
}

// before is how far a campaign's records were folded before an entry of the journal. Without a mark at or behind it that is all of them; a campaign
// without any mark never was.
func before(entry uint64) func(marks []delivery.Mark) (to uint64, limited bool) {
	return func(marks []delivery.Mark) (uint64, bool) {
		for _, m := range marks {
			if m.Acted >= entry {
				return m.From - 1, true
			}
		}
		return 0, len(marks) == 0
	}
}

// deliver folds each campaign's records as far as upTo says.
func (r *refold) deliver(ctx context.Context, upTo func([]delivery.Mark) (to uint64, limited bool)) error {
	list, err := r.ledger.Campaigns(ctx, "")
	for _, c := range list {
		if err == nil {
			err = r.deliverOf(ctx, c.ID, upTo)
		}
	}
	return err
}

func (r *refold) deliverOf(ctx context.Context, campaign string, upTo func([]delivery.Mark) (to uint64, limited bool)) (err error) {
	marks, known := r.marks[campaign]
	if !known {
		if marks, err = r.store.Marks(ctx, campaign); err != nil {
			return err
		}
		r.marks[campaign] = marks
	}
	to, limited := upTo(marks)
	if !limited {
		if to, err = r.store.LastSeq(ctx, campaign); err != nil {
			return err
		}
	}
	after, err := r.ledger.Delivered(ctx, campaign)
	if err != nil {
		return err
	}
	return r.store.Replay(ctx, campaign, after, to, func(events []notice.Event, seq uint64) error {
		err := r.ledger.FoldDelivery(ctx, campaign, ledger.Deliveries{After: after, Seq: seq, Events: events})
		after = seq
		return err
	})
}

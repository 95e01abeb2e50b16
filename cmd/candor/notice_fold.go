package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"candor.example/internal/delivery"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// deliveries takes what happened to people's notices out of the delivery store and into the ledger.
type deliveries struct {
	ledger *ledger.Ledger
	store  *delivery.Store
	log    *slog.Logger
}

// follow folds a campaign's events as they come, until ctx ends, and tries again what fails: they are durable where they come from.
func (d deliveries) follow(ctx context.Context, campaign string) error {
	for wait := 100 * time.Millisecond; ; {
		after, err := d.ledger.Delivered(ctx, campaign)
		if err == nil {
			err = d.store.Follow(ctx, campaign, after, func(events []notice.Event, seq uint64) error {
				err := d.fold(ctx, campaign, after, seq, events)
				if err == nil {
					after, wait = seq, 100*time.Millisecond
				}
				return err
			})
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.As(err, new(ledger.ErrBehind)) {
			continue // another process folds, too, and was first
		}
		d.log.Error("the ledger does not take what happened; trying again", "in", wait, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, 10*time.Second)
	}
}

// catchUp folds what a campaign's store has now.
func (d deliveries) catchUp(ctx context.Context, campaign string) error {
	for {
		last, err := d.store.LastSeq(ctx, campaign)
		if err != nil {
			return err
		}
		after, err := d.ledger.Delivered(ctx, campaign)
		if err != nil || after >= last {
			return err
		}
		err = d.store.Replay(ctx, campaign, after, last, func(events []notice.Event, seq uint64) error {
			err := d.fold(ctx, campaign, after, seq, events)
			after = seq
			return err
		})
		if err != nil && !errors.As(err, new(ledger.ErrBehind)) {
			return err
		}
	}
}

// theSame: is this the store that the ledger has a campaign's events from? In another one new events would be lost.
func (d deliveries) theSame(ctx context.Context, campaign string) error {
	last, err := d.store.LastSeq(ctx, campaign)
	if err != nil {
		return err
	}
	folded, err := d.ledger.Delivered(ctx, campaign)
	if err == nil && last < folded {
		err = fmt.Errorf("the delivery store here does not have what the ledger knows of %s: name the candor.yaml whose notice.store it was sent with (--config)", campaign)
	}
	return err
}

func (d deliveries) fold(ctx context.Context, campaign string, after, seq uint64, events []notice.Event) error {
	return d.ledger.FoldDelivery(ctx, campaign, ledger.Deliveries{After: after, Seq: seq, Events: events, Mark: func(from, acted uint64) error {
		return d.store.Mark(ctx, campaign, delivery.Mark{From: from, Acted: acted})
	}})
}

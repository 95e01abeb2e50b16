package demo

import (
	"context"
	"sync"
	"time"
)

// Chapter is a part of the story.
type Chapter struct {
	Title, Text string
	Release     string // goes live as the chapter opens; empty: the one before stays
	Mode        string // Candor's from here on ("observe", "mask"); empty: the one before stays
	// Lasts is how long the chapter takes in a live demo. It ends later when it has not seen enough: Requests answered
	// requests, of which the shop knows that Disclosed showed somebody's address to somebody else.
	Lasts     time.Duration
	Requests  int64
	Disclosed int64
}

// Chapters are the story, in order.
func Chapters() []Chapter {
	return []Chapter{
		{Title: "A quiet morning", Release: Sound, Mode: "observe", Lasts: 14 * time.Second, Requests: 200,
			Text: "It is as on Tuesday, 20 November 2018, three days before Black Friday; what is recorded has today's date. People sign in, look at lamps and at their own orders. Everybody sees only their own data."},
		{Title: "Release 2018.11.20 goes live", Release: Leaky, Lasts: 5 * time.Second, Requests: 20, Disclosed: 1,
			Text: "It was meant to make product pages faster. It remembers who is signed in by the page, and not by the customer."},
		{Title: "Somebody else's name", Lasts: 9 * time.Second, Requests: 100, Disclosed: 25,
			Text: "Shoppers are greeted by somebody else's name and address, and reviews carry their authors' whole records. Candor watches only, so these people are exposed; each of them is on disk before the bytes leave."},
		{Title: "Masking is switched on", Mode: "mask", Lasts: 14 * time.Second, Requests: 100, Disclosed: 25,
			Text: "The shop goes on with its mistake, but the addresses no longer leave. The number of exposed people stands still; the number of prevented grows."},
		{Title: "The incident grows", Lasts: 22 * time.Second, Requests: 200, Disclosed: 60,
			Text: "Lunch hour. More products, more reviewers, more shoppers: two routes, one release, and an exact list instead of an estimate."},
		{Title: "Release 2018.11.20-2 goes live", Release: Fixed, Lasts: 10 * time.Second, Requests: 100,
			Text: "The shop ships its fix. Candor keeps looking at the same routes."},
		{Title: "Quiet again", Lasts: 16 * time.Second, Requests: 200,
			Text: "The same pages, the same shoppers, and nothing to find. What happened is counted: who was exposed, who was not, since which release, until when."},
	}
}

const (
	onceShrinks = 3.6         // 90 s of story become 25 s
	chapterCap  = time.Minute // a chapter that has not seen enough by then ends all the same
)

// Hooks are how the story reaches Candor and the screen. A nil hook is not called. They are called one at a time.
type Hooks struct {
	SetMode func(mode string)
	Caption func(chapter int, title, text string) // chapter counts from 1
}

// Story plays chapters with real requests. Shop and Shoppers are required.
type Story struct {
	Shop     *Shop
	Shoppers *Shoppers
	Once     bool      // in about 25 seconds instead of 90
	Chapters []Chapter // nil: Chapters()
}

// Play tells the story once: it runs the shoppers, and returns nil after the last chapter, when every request is answered
// and the shop's Truth is complete. When ctx ends first it stops as orderly, and returns the context's error.
func (s *Story) Play(ctx context.Context, hooks Hooks) error {
	shopping, stop := context.WithCancel(ctx)
	var shoppers sync.WaitGroup
	defer shoppers.Wait()
	defer stop()
	for i, c := range s.chapters() {
		s.open(c, i+1, hooks)
		if i == 0 {
			shoppers.Go(func() { s.Shoppers.Run(shopping) })
		}
		if err := s.read(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Story) chapters() []Chapter {
	if s.Chapters == nil {
		return Chapters()
	}
	return s.Chapters
}

// open sets Candor's mode before the release, so that what a release does is met as its chapter says.
func (s *Story) open(c Chapter, number int, hooks Hooks) {
	if hooks.Caption != nil {
		hooks.Caption(number, c.Title, c.Text)
	}
	if c.Mode != "" && hooks.SetMode != nil {
		hooks.SetMode(c.Mode)
	}
	if c.Release != "" {
		s.Shop.Deploy(c.Release)
	}
}

// read waits until a chapter lasted and saw enough, or is capped.
func (s *Story) read(ctx context.Context, c Chapter) error {
	lasts := c.Lasts
	if s.Once {
		lasts = time.Duration(float64(lasts) / onceShrinks)
	}
	start, requests, disclosed := time.Now(), s.Shoppers.Stats().Requests, s.Shop.Disclosed()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		took := time.Since(start)
		enough := s.Shoppers.Stats().Requests-requests >= c.Requests && s.Shop.Disclosed()-disclosed >= c.Disclosed
		if took >= lasts && enough || took >= chapterCap {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
}

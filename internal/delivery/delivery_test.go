package delivery

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/notice"
)

// fast lets tests go on at once.
var fast = notice.Limits{Start: 1e9, Max: 1e9}

// book is a ledger of as many made-up people as a test wants, in memory: it folds the store's events by notice.Next.
type book struct {
	mu       sync.Mutex
	state    []notice.State
	attempt  []int
	count    map[notice.EventKind]int
	last     []notice.Event
	seq      uint64
	standing Standing
}

func newBook(people int) *book {
	b := &book{state: make([]notice.State, people), attempt: make([]int, people), last: make([]notice.Event, people), count: map[notice.EventKind]int{}}
	for i := range b.state {
		b.state[i] = notice.Queued
	}
	b.standing = Standing{Phase: notice.Sending, People: people, Share: people}
	return b
}

func key(n int) string { return fmt.Sprintf("key%023d", n) }

func address1(n int) string { return fmt.Sprintf("person%d@p%d.example", n, n%7) }

func (b *book) recipients(_ context.Context, from, limit int) (list []Recipient, _ error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := from; n < min(from+limit, len(b.state)); n++ {
		list = append(list, Recipient{N: n, State: b.state[n], Attempt: b.attempt[n], Key: key(n), Person: notice.Person{Owner: fmt.Sprint(n)}})
	}
	return list, nil
}

func (b *book) now(context.Context) (Standing, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	st := b.standing
	st.Again = maps.Clone(st.Again)
	return st, nil
}

func (b *book) set(change func(*Standing)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.standing)
}

func (b *book) fold(events []notice.Event, seq uint64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range events {
		if e.Kind == "mark" {
			continue
		}
		if to, err := notice.Next(b.state[e.N], e); err == nil {
			b.state[e.N] = to
		}
		b.attempt[e.N] = max(b.attempt[e.N], e.Attempt)
		b.count[e.Kind]++
		b.last[e.N] = e
	}
	b.seq = seq
	return nil
}

// follow folds what is in the store now.
func (b *book) follow(t testing.TB, s *Store, campaign string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// A record that was written last is the last that Follow delivers.
	if _, err := s.Report(ctx, campaign, candor.NewID(), notice.Event{N: -1, Kind: "mark"}); err != nil {
		t.Fatal(err)
	}
	err := s.Follow(ctx, campaign, b.seq, func(events []notice.Event, seq uint64) error {
		for _, e := range events {
			if e.Kind == "mark" {
				cancel()
			}
		}
		return b.fold(events, seq)
	})
	if ctx.Err() == nil {
		t.Fatal(err)
	}
}

func (b *book) states() map[notice.State]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	count := map[notice.State]int{}
	for _, s := range b.state {
		count[s]++
	}
	return count
}

func compose(r Recipient) (Composed, string, error) {
	return Composed{To: address1(r.N), Code: "AAAA-BBBB-CCCC", Message: func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "From: shop@shop.example\r\nTo: %s\r\nSubject: notice\r\n\r\nHello.\r\n.dot\r\n", address1(r.N))
		return err
	}}, "", nil
}

var quiet = slog.New(slog.DiscardHandler)

func openStore(t testing.TB) *Store {
	t.Helper()
	s, err := OpenStore(t.Context(), StoreOptions{Dir: t.TempDir(), NoSync: true, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func (b *book) sender(s *Store, relays ...Relay) *Sender {
	return &Sender{
		Store: s, Campaign: "c1", Worker: "w1", Relays: relays, Limits: fast, Recipients: b.recipients, Standing: b.now, Compose: compose, Log: quiet,
		ReturnPath: func(key string) string { return "bounce+" + key + "@return.shop.example" },
	}
}

func run1(t testing.TB, s *Sender) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatal("it did not end by itself")
	}
}

func same(t testing.TB, b *book, want map[notice.State]int) {
	t.Helper()
	if got := b.states(); !maps.Equal(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
}

// Everybody gets one, whatever the relay offers.
func TestEverybodyOnce(t *testing.T) {
	t.Parallel()
	for _, offers := range [][]string{nil, {"PIPELINING"}, {"CHUNKING"}, {"PIPELINING", "CHUNKING"}, everything} {
		t.Run(fmt.Sprint(offers), func(t *testing.T) {
			const people = 2500
			store, sink, b := openStore(t), newSink(t, offers...), newBook(people)
			run1(t, b.sender(store, sink.relay()))
			b.follow(t, store, "c1")
			same(t, b, map[notice.State]int{notice.Accepted: people})
			if n, m := sink.total(); n != people || m != people {
				t.Errorf("%d people have %d messages", n, m)
			}
			if b.count[notice.Intended] != people {
				t.Errorf("%d intents", b.count[notice.Intended])
			}
		})
	}
}

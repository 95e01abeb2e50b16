package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"candor.example/internal/notice"
)

// background runs a sender until the test ends it; what it returns waits for the end.
func background(t *testing.T, s *Sender) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	end := make(chan error, 1)
	go func() { end <- s.Run(ctx) }()
	var once sync.Once
	var err error
	return func() error {
		once.Do(func() { cancel(); err = <-end })
		return err
	}
}

// A canary is exactly a share, on either side of a part's edge, and ends by itself; then all.
func TestCanary(t *testing.T) {
	for _, share := range []int{1, 999, 1000, 1001} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			t.Parallel()
			const people = 1500
			store, sink, b := openStore(t), newSink(t, everything...), newBook(people)
			b.standing.Share, b.standing.Phase = share, notice.Canary
			run1(t, b.sender(store, sink.relay()))
			b.follow(t, store, "c1")
			same(t, b, map[notice.State]int{notice.Accepted: share, notice.Queued: people - share})
			if n, _ := sink.total(); n != share {
				t.Fatalf("%d people, want %d", n, share)
			}
			b.set(func(s *Standing) { s.Share, s.Phase = people, notice.Sending })
			run1(t, b.sender(store, sink.relay()))
			if n, m := sink.total(); n != people || m != people {
				t.Errorf("%d people have %d messages", n, m)
			}
		})
	}
}

// A canary goes on while one of its share waits to be tried again.
func TestCanaryDeferred(t *testing.T) {
	t.Parallel()
	const people, share = 20, 5
	store, sink, b := openStore(t), newSink(t), newBook(people)
	b.standing.Share, b.standing.Phase = share, notice.Canary
	var asked atomic.Int32
	sink.says(func(step, to string) string {
		if step == "RCPT" && to == address1(3) && asked.Add(1) <= 2 {
			return "451 4.7.1 later"
		}
		return ""
	})
	s := b.sender(store, sink.relay())
	s.Limits.Retry, s.Limits.Hold = 100*time.Millisecond, 10*time.Millisecond
	run1(t, s)
	b.follow(t, store, "c1")
	same(t, b, map[notice.State]int{notice.Accepted: share, notice.Queued: people - share})
	if n := b.count[notice.Deferred]; n != 2 {
		t.Errorf("deferred %d times", n)
	}
}

// Paused, nothing is begun; resumed, it goes on; cancelled, who is queued is withheld. The same while the standing cannot be read.
func TestPauseResumeCancel(t *testing.T) {
	t.Parallel()
	const people = 3000
	store, sink, b := openStore(t), newSink(t, everything...), newBook(people)
	gate := make(chan bool)
	sink.says(func(step, _ string) string {
		if step == "end" {
			<-gate
		}
		return ""
	})
	s := b.sender(store, sink.relay())
	stop := background(t, s)
	defer stop()
	for range 50 {
		gate <- true
	}
	b.set(func(s *Standing) { s.Phase = notice.Paused })
	eventually(t, "it sees the pause", func() bool { return !s.run.Load().mayBegin() })
	done := func() bool { d := s.run.Load().tally.did(); return d.Intended == d.Accepted }
	for !done() { // who is under way is done
		select {
		case gate <- true:
		case <-time.After(5 * time.Millisecond):
		}
	}
	n, _ := sink.total()
	if n > 50+2*defaultConns {
		t.Errorf("%d left before it stood", n)
	}
	eventually(t, "nobody is in doubt", func() bool { b.follow(t, store, "c1"); return b.states()[notice.InDoubt] == 0 })
	if !slices.ContainsFunc(b.last, func(e notice.Event) bool { return e.Kind == notice.Deferred && e.Cause == NotBegun }) {
		t.Error("nobody had an intent on record when it stood")
	}
	b.set(func(s *Standing) { s.Phase = notice.Sending })
	for range 20 {
		gate <- true
	}
	b.set(func(s *Standing) { s.Phase = notice.Cancelled })
	eventually(t, "it sees the end", func() bool { return s.run.Load().standing().Phase == notice.Cancelled })
	close(gate)
	eventually(t, "it ends by itself", func() bool {
		p, err := store.Progress(t.Context(), "c1")
		return err == nil && len(p.Workers) == 0
	})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	b.follow(t, store, "c1")
	took, _ := sink.total()
	same(t, b, map[notice.State]int{notice.Accepted: took, notice.Withheld: people - took})
	for n, state := range b.state {
		if state == notice.Withheld && b.last[n].Cause != WhenCancel {
			t.Errorf("%+v", b.last[n])
		}
	}
}

// Cancelled while no relay can be had: who is queued is withheld all the same.
func TestCancelWithoutRelay(t *testing.T) {
	t.Parallel()
	store, sink, b := openStore(t), newSink(t), newBook(30)
	sink.close()
	s := b.sender(store, sink.relay())
	stop := background(t, s)
	eventually(t, "it has tried", func() bool { r := s.run.Load(); return r != nil && r.pool.progress()[0].Why != "" })
	b.set(func(s *Standing) { s.Phase = notice.Cancelled })
	eventually(t, "everybody is withheld", func() bool { return s.run.Load().tally.withheld.Load() == 30 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	b.follow(t, store, "c1")
	same(t, b, map[notice.State]int{notice.Withheld: 30})
}

func TestBlind(t *testing.T) {
	t.Parallel()
	store, sink, b := openStore(t), newSink(t, everything...), newBook(10)
	b.standing.Phase = notice.Paused
	s := b.sender(store, sink.relay())
	var mu sync.Mutex
	var trouble error
	s.Standing = func(ctx context.Context) (Standing, error) {
		mu.Lock()
		defer mu.Unlock()
		if trouble != nil {
			return Standing{}, trouble
		}
		return b.now(ctx)
	}
	stop := background(t, s)
	defer stop()
	eventually(t, "it runs", func() bool { return s.run.Load() != nil })
	mu.Lock()
	trouble = errors.New("the ledger is gone")
	mu.Unlock()
	eventually(t, "it is blind", func() bool { return s.run.Load().blind.Load() })
	if s.run.Load().mayBegin() {
		t.Error("it begins with whom it may not know of")
	}
	b.set(func(s *Standing) { s.Phase = notice.Sending })
	mu.Lock()
	trouble = nil
	mu.Unlock()
	eventually(t, "all", func() bool { n, _ := sink.total(); return n == 10 })
}

// inDoubt sends to people of whom the relay takes the first without an answer.
func inDoubt(t *testing.T, people int) (*Store, *sink, *book) {
	t.Helper()
	store, sink, b := openStore(t), newSink(t, everything...), newBook(people)
	sink.says(once("end", cutBefore))
	s := b.sender(store, Relay{Addr: sink.addr(), TLS: NoTLS, Conns: 1})
	s.relayWait = time.Millisecond
	s.Limits.Retry = time.Millisecond
	run1(t, s)
	b.follow(t, store, "c1")
	same(t, b, map[notice.State]int{notice.InDoubt: 1, notice.Accepted: people - 1})
	return store, sink, b
}

// Who is in doubt is sent to again by a human's word, and by nothing else.
func TestAgain(t *testing.T) {
	t.Parallel()
	store, sink, b := inDoubt(t, 5)
	run1(t, b.sender(store, sink.relay())) // a restart is no word
	if sink.count(address1(0)) != 0 {
		t.Fatal("a restart sent again")
	}
	b.set(func(s *Standing) { s.Again = map[int]int{0: 2, 3: 1} }) // of an attempt that was not; of somebody who is not in doubt
	run1(t, b.sender(store, sink.relay()))
	if n, m := sink.total(); n != 4 || m != 4 {
		t.Fatalf("%d people have %d", n, m)
	}
	b.set(func(s *Standing) { s.Again = map[int]int{0: 1} })
	b.state[0] = notice.Queued // as the ledger has it
	for range 2 {
		run1(t, b.sender(store, sink.relay()))
	}
	b.follow(t, store, "c1")
	same(t, b, map[notice.State]int{notice.Accepted: 5})
	if n, m := sink.total(); n != 5 || m != 5 || b.attempt[0] != 2 {
		t.Errorf("%d people have %d, attempt %d", n, m, b.attempt[0])
	}
}

// An answer that came in late speaks against a human who did not know of it.
func TestAgainAfterALateAnswer(t *testing.T) {
	t.Parallel()
	store, sink, b := inDoubt(t, 5)
	took := notice.Event{N: 0, Key: key(0), Kind: notice.Took, Attempt: 1, Time: time.Now()}
	if _, err := store.Report(t.Context(), "c1", "r1", took); err != nil {
		t.Fatal(err)
	}
	b.set(func(s *Standing) { s.Again = map[int]int{0: 1} })
	run1(t, b.sender(store, sink.relay()))
	if sink.count(address1(0)) != 0 {
		t.Error("sent again")
	}
	b.follow(t, store, "c1")
	same(t, b, map[notice.State]int{notice.Accepted: 5})
}

// Which parts are done is known without reading them. What another store says of records that are not here counts for nothing.
func TestSettledParts(t *testing.T) {
	const people = 2500
	store, sink, b := openStore(t), newSink(t, everything...), newBook(people)
	run1(t, b.sender(store, sink.relay()))
	want := map[int]int{0: 1000, 1: 1000, 2: 500}
	if parts, err := store.settledParts(t.Context(), "c1"); err != nil || !maps.Equal(parts, want) {
		t.Errorf("%v, %v", parts, err)
	}
	for part, seq := range []uint64{1, 1 << 40} {
		must(store.settle(t.Context(), "c2", part, 1000, seq))
	}
	if parts, err := store.settledParts(t.Context(), "c2"); err != nil || !maps.Equal(parts, map[int]int{0: 1000}) {
		t.Errorf("%v, %v", parts, err)
	}
	must(store.settled.Delete(t.Context(), "c1.1"))
	run1(t, b.sender(store, sink.relay()))
	if _, n := sink.total(); n != people {
		t.Errorf("%d were sent", n)
	}
}

// A store that knows less than the ledger is an older copy: nothing is sent from it.
func TestOlderStore(t *testing.T) {
	t.Parallel()
	store, sink, b := openStore(t), newSink(t, everything...), newBook(3)
	b.attempt[1] = 1
	err := b.sender(store, sink.relay()).Run(t.Context())
	if !errors.Is(err, ErrHalted) || !strings.Contains(err.Error(), "older copy") {
		t.Error(err)
	}
	if n, _ := sink.total(); n != 0 {
		t.Errorf("%d were sent to", n)
	}
}

// A ledger that has fewer people than the campaign has loses nobody: nothing is done with the part.
func TestMissingRows(t *testing.T) {
	t.Parallel()
	store, sink, b := openStore(t), newSink(t, everything...), newBook(3)
	b.standing.People, b.standing.Share = 4, 4
	s := b.sender(store, sink.relay())
	stop := background(t, s)
	eventually(t, "it was looked at", func() bool {
		seq, _, _, err := store.last(t.Context(), partSubject("c1", 0))
		return err == nil && seq > 0
	})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if n, _ := sink.total(); n != 0 {
		t.Errorf("%d were sent to", n)
	}
}

// When a relay refuses one after the other it is not the people, and it stops.
func TestHaltsWhenAllAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		refuse int
		halts  bool
	}{{haltRefusals, true}, {haltRefusals - 1, false}} {
		store, sink, b := openStore(t), newSink(t, everything...), newBook(100)
		n := 0
		sink.says(func(step, _ string) string {
			if step == "RCPT" && n < c.refuse {
				n++
				return "554 5.7.1 Relay access denied"
			}
			return ""
		})
		err := b.sender(store, Relay{Addr: sink.addr(), TLS: NoTLS, Conns: 1}).Run(t.Context())
		if errors.Is(err, ErrHalted) != c.halts || c.halts && !strings.Contains(err.Error(), "Relay access denied") {
			t.Errorf("%d: %v", c.refuse, err)
		}
		b.follow(t, store, "c1")
		if got := b.states()[notice.Bounced]; got != c.refuse {
			t.Errorf("%d bounced", got)
		}
	}
}

func TestHaltsOnComplaints(t *testing.T) {
	store, sink, b := openStore(t), newSink(t, everything...), newBook(10)
	b.standing.Accepted, b.standing.Complained = 2000, 4
	var log bytes.Buffer
	s := b.sender(store, sink.relay())
	s.Log = slog.New(slog.NewTextHandler(&log, nil))
	if err := s.Run(t.Context()); !errors.Is(err, ErrHalted) {
		t.Error(err)
	}
	if n, _ := sink.total(); n != 0 || !strings.Contains(log.String(), "CALL A HUMAN") {
		t.Errorf("%d were sent to\n%s", n, &log)
	}
}

// One relay is down: the other takes all. Both are: everything waits, which is said once for each, and nobody is lost.
func TestRelays(t *testing.T) {
	t.Parallel()
	down, up := newSink(t, everything...), newSink(t, everything...)
	down.close()
	store, b := openStore(t), newBook(300)
	s := b.sender(store, down.relay(), up.relay())
	s.relayWait = time.Millisecond
	run1(t, s)
	if n, m := up.total(); n != 300 || m != 300 {
		t.Errorf("%d people have %d", n, m)
	}

	store, b = openStore(t), newBook(300)
	var mu sync.Mutex
	closed := true
	up.says(func(step, _ string) string {
		mu.Lock()
		defer mu.Unlock()
		if step == "greeting" && closed {
			return "421 4.3.2 not now"
		}
		return ""
	})
	var log lockedBuffer
	s = b.sender(store, down.relay(), up.relay())
	s.relayWait, s.Log = time.Millisecond, slog.New(slog.NewTextHandler(&log, nil))
	stop := background(t, s)
	up.mu.Lock()
	conns := up.conns
	up.mu.Unlock()
	eventually(t, "it has tried again", func() bool { up.mu.Lock(); defer up.mu.Unlock(); return up.conns > conns+5 })
	mu.Lock()
	closed = false
	mu.Unlock()
	eventually(t, "all", func() bool { _, m := up.total(); return m == 600 })
	stop()
	b.follow(t, store, "c1")
	same(t, b, map[notice.State]int{notice.Accepted: 300})
	// Once for the relay that is down, and once each time that the other stops: an answer that is late may make it stop twice.
	if n := strings.Count(log.String(), "a relay takes nothing"); n != 1+strings.Count(log.String(), "a relay works again") || n > 4 {
		t.Errorf("it was said %d times:\n%s", n, log.String())
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Who is deferred for too long has expired, and is on the list of those for another channel.
func TestGiveUp(t *testing.T) {
	store, sink, b := openStore(t), newSink(t, everything...), newBook(20)
	sink.says(func(step, to string) string {
		if step == "RCPT" && to == address1(7) {
			return "450 4.2.2 mailbox full"
		}
		return ""
	})
	s := b.sender(store, sink.relay())
	s.Limits.Retry, s.Limits.GiveUp, s.Limits.Hold = time.Millisecond, 100*time.Millisecond, time.Nanosecond
	run1(t, s)
	b.follow(t, store, "c1")
	same(t, b, map[notice.State]int{notice.Accepted: 19, notice.Bounced: 1})
	if e := b.last[7]; e.Kind != notice.Expired || e.Cause != OutOfTime || b.count[notice.Deferred] < 2 {
		t.Errorf("%+v after %d deferrals", e, b.count[notice.Deferred])
	}
}

// A provider's bucket holds back its own people only, and Progress says who waits for what.
func TestOneProviderWaits(t *testing.T) {
	t.Parallel()
	store, sink, b := openStore(t), newSink(t, everything...), newBook(140)
	s := b.sender(store, sink.relay())
	s.Limits = notice.Limits{}
	s.Compose = func(r Recipient) (Composed, string, error) {
		c, _, _ := compose(r)
		if r.N >= 40 {
			c.To = fmt.Sprintf("person@d%d.example", r.N)
		} else {
			c.To = fmt.Sprintf("person%d@big.example", r.N)
		}
		return c, "", nil
	}
	stop := background(t, s)
	eventually(t, "the others, and the first", func() bool { n, _ := sink.total(); return n >= 101 })
	eventually(t, "it says who waits", func() bool {
		p, err := store.Progress(t.Context(), "c1")
		return err == nil && len(p.Providers) == 1 && p.Providers[0].Name == "big.example" && p.Providers[0].Waiting >= 30 && p.Providers[0].Rate == 1000
	})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if n, _ := sink.total(); n > 110 {
		t.Errorf("%d were sent to", n)
	}
}

// Nobody's address is in the store or the log, whatever the relay repeats.
func TestNobodyOnDisk(t *testing.T) {
	dir := t.TempDir()
	store, err := OpenStore(t.Context(), StoreOptions{Dir: dir, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	sink, b := newSink(t, everything...), newBook(300)
	n := 0
	var mu sync.Mutex
	sink.says(func(step, to string) string {
		mu.Lock()
		defer mu.Unlock()
		if n++; step == "end" && n%7 == 0 {
			return cutAfter
		} else if step == "RCPT" && n%5 == 0 {
			return "550 5.1.1 <" + to + ">: " + strings.SplitN(to, "@", 2)[0] + " is nobody"
		} else if step == "end" {
			return "250 2.0.0 " + to + " queued as 4F9"
		}
		return ""
	})
	var log lockedBuffer
	s := b.sender(store, sink.relay())
	s.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.relayWait, s.Limits.Retry, s.Limits.Hold = time.Millisecond, time.Millisecond, time.Nanosecond
	run1(t, s)
	store.Close()
	found := []byte("person")
	if bytes.Contains([]byte(log.String()), found) {
		t.Errorf("in the log:\n%s", log.String())
	}
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, found) {
			t.Errorf("in %s", path)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files, %v", files, err)
	}
}

// What is wrong with a sender is said before anything else.
func TestWrongSender(t *testing.T) {
	store, sink, b := openStore(t), newSink(t), newBook(1)
	for want, change := range map[string]func(*Sender){
		"campaign":    func(s *Sender) { s.Campaign = "a.*" },
		"worker":      func(s *Sender) { s.Worker = "" },
		"relay":       func(s *Sender) { s.Relays = nil },
		"return path": func(s *Sender) { s.ReturnPath = func(string) string { return "bounce@" } },
		"without TLS": func(s *Sender) { s.Relays[0].User = "shop" },
		"TLS is one":  func(s *Sender) { s.Relays[0].TLS = "ssl" },
	} {
		s := b.sender(store, sink.relay())
		change(s)
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A report that it was not delivered, and that another attempt may end otherwise, has it sent once more, whether the relay had taken it or it is in
// doubt. The same report read twice is one.
func TestAgainAfterASoftReport(t *testing.T) {
	t.Parallel()
	store, sink, b := inDoubt(t, 5)
	for n := range 2 {
		e := notice.Event{N: n, Key: key(n), Kind: notice.Returned, Soft: true, Attempt: 1, Time: time.Now()}
		for i := range 2 {
			if fresh, err := store.Report(t.Context(), "c1", fmt.Sprint("r", n), e); err != nil || fresh != (i == 0) {
				t.Fatal(fresh, err)
			}
		}
	}
	b.follow(t, store, "c1")
	same(t, b, map[notice.State]int{notice.Queued: 2, notice.Accepted: 3})
	b.set(func(s *Standing) { s.Again = map[int]int{0: 1, 1: 1} })
	before := sink.count(address1(1))
	for range 2 {
		s := b.sender(store, sink.relay())
		s.Limits.Retry = time.Millisecond
		run1(t, s)
	}
	b.follow(t, store, "c1")
	same(t, b, map[notice.State]int{notice.Accepted: 5})
	if sink.count(address1(0)) != 1 || sink.count(address1(1)) != before+1 {
		t.Error(sink.count(address1(0)), sink.count(address1(1)), before)
	}
}

// Who is sent to once more, and is deferred then or given back unsent, is still to be sent to when the part is read again: the store alone has the
// attempt, and not why there is one.
func TestDeferredAgainAfterASoftReport(t *testing.T) {
	t.Parallel()
	store, sink, b := openStore(t), newSink(t, everything...), newBook(3)
	run1(t, b.sender(store, sink.relay()))
	e := notice.Event{N: 1, Key: key(1), Kind: notice.Returned, Soft: true, Attempt: 1, Time: time.Now()}
	if _, err := store.Report(t.Context(), "c1", "r1", e); err != nil {
		t.Fatal(err)
	}
	b.set(func(s *Standing) { s.Again = map[int]int{1: 1} })
	var asked atomic.Int32
	sink.says(func(step, to string) string {
		if step == "end" && asked.Add(1) == 1 {
			b.set(func(s *Standing) { s.Again = nil }) // as soon as there is an intent
			return "451 4.3.0 later"
		}
		return ""
	})
	s := b.sender(store, sink.relay())
	s.Limits.Retry = time.Millisecond
	run1(t, s)
	b.follow(t, store, "c1")
	same(t, b, map[notice.State]int{notice.Accepted: 3})
	if n := sink.count(address1(1)); n != 2 {
		t.Errorf("taken %d times, and should be twice", n)
	}
}

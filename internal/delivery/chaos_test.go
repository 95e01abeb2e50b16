package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"candor.example/internal/notice"
)

// A child of these tests sends as this says.
const childEnv = "CANDOR_TEST_SEND"

type child struct {
	Dir, URL, Addr, Worker string
	People                 int
	AckWait                time.Duration
}

func TestMain(m *testing.M) {
	if what := os.Getenv(childEnv); what != "" {
		if err := sendAsChild(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if way := os.Getenv(benchSinkEnv); way != "" {
		if err := benchSink(way); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// sendAsChild has a ledger that never hears what happened: the store alone must know.
func sendAsChild(what string) error {
	var c child
	if err := json.Unmarshal([]byte(what), &c); err != nil {
		return err
	}
	ctx := context.Background()
	store, err := OpenStore(ctx, StoreOptions{Dir: c.Dir, URL: c.URL, NoSync: true, Log: quiet})
	if err != nil {
		return err
	}
	defer store.Close()
	if c.AckWait > 0 {
		store.ackWait = c.AckWait
	}
	s := newBook(c.People).sender(store, Relay{Addr: c.Addr, TLS: NoTLS, Conns: 5})
	s.Worker = c.Worker
	s.relayWait, s.Limits.Retry, s.Limits.Hold, s.Limits.GiveUp = 5*time.Millisecond, 20*time.Millisecond, time.Nanosecond, time.Minute
	fmt.Println("begins")
	return s.Run(ctx)
}

func (c child) start(t testing.TB) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+string(b))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.Read(make([]byte, 16)) // it begins, or has ended
	return cmd
}

// chaos says anything at any step, the same for the same seed and order of calls.
type chaos struct {
	mu   sync.Mutex
	rand *rand.Rand
	rate float64
}

func (c *chaos) say(step, _ string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rand.Float64() >= c.rate {
		return ""
	}
	if step == "greeting" || step == "EHLO" {
		return []string{"421 4.3.2 not now", "554 5.3.2 no", cutBefore, cutAfter}[c.rand.IntN(4)]
	}
	switch c.rand.IntN(7) {
	case 0:
		return "421 4.3.2 closing"
	case 1, 2:
		return "450 4.2.1 later"
	case 3:
		return "550 5.1.1 nobody"
	case 4:
		return cutBefore
	case 5:
		return cutAfter
	}
	<-time.After(time.Duration(c.rand.IntN(30)) * time.Millisecond) // slow
	return ""
}

func runs(t *testing.T, usual int) int {
	if n, err := strconv.Atoi(os.Getenv("CANDOR_TEST_RUNS")); err == nil {
		return n
	} else if testing.Short() {
		return 3
	}
	return usual
}

// Whatever the relay says at whatever step, and whenever the sender is killed: nobody gets two, nobody gets none without being on a list that says
// why, and the sum holds. CANDOR_TEST_RUNS says how often; 20 is the default.
func TestNobodyTwiceNobodyLost(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var all sum
	var mu sync.Mutex // of all
	t.Run("run", func(t *testing.T) {
		for i := range runs(t, 20) {
			t.Run(fmt.Sprint(i), func(one *testing.T) {
				one.Parallel() // they wait for a second here and there
				if t.Failed() {
					return
				}
				s := chaosRun(one, rand.New(rand.NewPCG(seed, uint64(i))))
				mu.Lock()
				defer mu.Unlock()
				all.add(s)
			})
		}
	})
	t.Logf("%+v", all)
}

// sum is what a run came to.
type sum struct{ Runs, Kills, People, Accepted, Bounced, InDoubt, DoubtDelivered int }

func (s *sum) add(o sum) {
	s.Runs, s.Kills, s.People = s.Runs+1, s.Kills+o.Kills, s.People+o.People
	s.Accepted, s.Bounced, s.InDoubt, s.DoubtDelivered = s.Accepted+o.Accepted, s.Bounced+o.Bounced, s.InDoubt+o.InDoubt, s.DoubtDelivered+o.DoubtDelivered
}

func chaosRun(t *testing.T, r *rand.Rand) sum {
	offers := [][]string{nil, {"PIPELINING"}, {"CHUNKING"}, {"PIPELINING", "CHUNKING"}, everything}[r.IntN(5)]
	sink := newSink(t, offers...)
	sink.says((&chaos{rand: rand.New(rand.NewPCG(r.Uint64(), 1)), rate: 0.02 + 0.1*r.Float64()}).say)
	c := child{Dir: t.TempDir(), Addr: sink.addr(), People: 50 + r.IntN(200), Worker: "w"}
	if r.IntN(4) == 0 {
		c.People += partSize
	}
	kills, planned := 0, r.IntN(4)
	for ; kills < planned; kills++ {
		if killedOrDone(t, c, time.Duration(r.IntN(150))*time.Millisecond) {
			break
		}
	}
	killedOrDone(t, c, toEnd)
	out := settle(t, StoreOptions{Dir: c.Dir, NoSync: true, Log: quiet}, sink, c.People)
	out.Kills = kills
	return out
}

// toEnd is time enough for a part that the server misses, and hands out again after ackWait.
const toEnd = 3 * ackWait

// killedOrDone lets a child send, for at most so long, and reports whether it was done before.
func killedOrDone(t *testing.T, c child, within time.Duration) (done bool) {
	t.Helper()
	cmd := c.start(t)
	timer := time.AfterFunc(within, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	if err != nil && cmd.ProcessState.Exited() {
		t.Fatalf("it failed by itself: %v", err)
	}
	if err != nil && within == toEnd {
		t.Fatal("it did not end")
	}
	return err == nil
}

// settle compares what the store says of everybody with what the relay took.
func settle(t *testing.T, o StoreOptions, sink *sink, people int) (out sum) {
	t.Helper()
	store, err := OpenStore(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	b := newBook(people)
	b.follow(t, store, "c1")
	out.People = people
	for n, state := range b.state {
		took := sink.count(address1(n))
		if took > 1 {
			t.Errorf("person %d got %d", n, took)
		}
		switch state {
		case notice.Accepted:
			if out.Accepted++; took != 1 {
				t.Errorf("person %d is %s and got %d", n, state, took)
			}
		case notice.InDoubt:
			out.InDoubt++
			out.DoubtDelivered += took
		case notice.Bounced:
			if out.Bounced++; took != 0 {
				t.Errorf("person %d is %s and got %d", n, state, took)
			}
			if b.last[n].Cause == "" {
				t.Errorf("person %d is %s, and nothing says why", n, state)
			}
		default:
			t.Errorf("person %d is %s at the end", n, state)
		}
	}
	if out.Accepted+out.InDoubt+out.Bounced != people {
		t.Errorf("the sum does not hold: %+v", out)
	}
	return out
}

// natsServer is a server that several processes share.
func natsServer(t *testing.T) (url string) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, MaxPayload: maxPayload})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("NATS did not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s.ClientURL()
}

// Two processes share the work over one server, and nobody gets two.
func TestTwoWorkers(t *testing.T) {
	const people = 12_000
	sink := newSink(t, everything...)
	url := natsServer(t)
	a := child{URL: url, Addr: sink.addr(), People: people, Worker: "a"}.start(t)
	b := child{URL: url, Addr: sink.addr(), People: people, Worker: "b"}.start(t)
	for _, cmd := range []*exec.Cmd{a, b} {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	out := settle(t, StoreOptions{URL: url, Log: quiet}, sink, people)
	if out.Accepted != people {
		t.Errorf("%+v", out)
	}
	if by := workers(t, url); by["a"] == 0 || by["b"] == 0 {
		t.Errorf("one did all the work: %v", by)
	}
}

func workers(t *testing.T, url string) map[string]int {
	t.Helper()
	store, err := OpenStore(t.Context(), StoreOptions{URL: url, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	by := map[string]int{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	store.Follow(ctx, "c1", 0, func(events []notice.Event, _ uint64) error {
		for _, e := range events {
			if e.Kind == "mark" {
				cancel()
			}
			by[e.Worker]++
		}
		return nil
	})
	return by
}

// A worker stands still for longer than a part is kept for it (SIGSTOP: a paused machine, a long collection of garbage), another takes its parts
// over, and then it goes on as if nothing had been. It is refused, and nobody gets two.
func TestStoppedWorkerIsFenced(t *testing.T) {
	for i := range runs(t, 3) {
		if i >= 5 || t.Failed() { // each stands still for more than a second
			break
		}
		t.Run(fmt.Sprint(i), stoppedWorker)
	}
}

func stoppedWorker(t *testing.T) {
	const people = 1500
	sink := newSink(t, everything...)
	begun := make(chan bool, people)
	sink.says(func(step, _ string) string {
		if step == "end" {
			begun <- true
		}
		return ""
	})
	c := child{URL: natsServer(t), Addr: sink.addr(), People: people, Worker: "stopped", AckWait: time.Second}
	stopped := c.start(t)
	for range 20 + rand.IntN(100) {
		<-begun
	}
	if err := stopped.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c.Worker = "other"
	if err := c.start(t).Wait(); err != nil {
		t.Fatal(err)
	}
	before, _ := sink.total()
	stopped.Process.Signal(syscall.SIGCONT)
	if err := stopped.Wait(); err != nil {
		t.Fatal(err)
	}
	out := settle(t, StoreOptions{URL: c.URL, Log: quiet}, sink, people)
	after, _ := sink.total()
	t.Logf("%+v; %d messages left the stopped worker after it went on, all with an intent", out, after-before)
	if after-before > 5*2 { // of each connection the one that it is at, and the one whose intent it has just seen on record
		t.Errorf("it sent %d more", after-before)
	}
	if by := workers(t, c.URL); by["stopped"] == 0 || by["other"] == 0 {
		t.Errorf("%v", by)
	}
}

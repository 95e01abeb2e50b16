// Package simulate plays mistakes: a made-up shop makes each of the mistakes that incident tells apart, behind the real guard, with ordinary
// traffic around it, and what the guard records is put before incident.Decide. Nothing is told to it but what it sees.
//
// Start with [Play]. What varies is drawn from the seed: the mistake's form, the route, how pages look, what caches say, how many people and
// viewers there are, and whether the guard masks.
package simulate

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"candor.example"
	"candor.example/directory"
	"candor.example/guard"
	"candor.example/internal/incident"
)

// Volume is how much of a mistake is played.
type Volume int

const (
	Usual Volume = iota // from a handful to some hundred disclosing responses
	Thin                // it is stopped after one to three
)

// Played is what became of one play: the verdict on each incident that it made.
type Played struct {
	Seed      uint64
	Truth     []incident.CauseID
	Incidents []Incident
	Entries   []candor.Entry // what the guard recorded, as a journal has it
}

// Incident is one route's.
type Incident struct {
	Route    string
	Evidence incident.Evidence
	Verdict  incident.Verdict
}

// Play makes the mistakes of truth, all of them on one route, and returns the verdicts. It must run in a bubble of testing/synctest: hours
// pass in it.
func Play(d *directory.Directory, seed uint64, volume Volume, truth ...incident.CauseID) Played {
	var list []func(*world)
	for _, cause := range truth {
		list = append(list, mistakes[cause])
	}
	return play(d, seed, volume, truth, list)
}

// Play makes a variant's mistake, as Play does.
func (v Variant) Play(d *directory.Directory, seed uint64) Played {
	return play(d, seed, Usual, []incident.CauseID{v.Truth}, []func(*world){v.play})
}

func play(d *directory.Directory, seed uint64, volume Volume, truth []incident.CauseID, list []func(*world)) Played {
	w := newWorld(d, seed, volume, len(list) > 1)
	for _, mistake := range list {
		mistake(w)
	}
	w.around()
	for _, visit := range w.queue { // when all pages are there
		w.traffic.Go(visit)
	}
	w.traffic.Wait()
	personal := w.guard.TakePersonal()
	w.books.fold(candor.Entry{Personal: personal})
	return Played{seed, truth, w.books.incidents(personal), w.books.entries}
}

// Right: some incident's verdict names a cause that was played, and none another.
func (p Played) Right() bool { return p.count(true) > 0 && !p.Wrong() }

// Wrong: an incident's verdict names a cause that was not played.
func (p Played) Wrong() bool { return p.count(false) > 0 }

func (p Played) count(played bool) (n int) {
	for _, i := range p.Incidents {
		if c := i.Verdict.Cause; c != incident.CauseUndetermined && contains(p.Truth, c) == played {
			n++
		}
	}
	return n
}

func contains(list []incident.CauseID, c incident.CauseID) bool {
	for _, one := range list {
		if one == c {
			return true
		}
	}
	return false
}

// world is a shop, what stands in front of it, and the time in which it is visited.
type world struct {
	*rand.Rand
	seed   uint64
	volume Volume
	mixed  bool // several mistakes share a route

	guard   *guard.Guard
	front   http.Handler
	pages   map[string]http.HandlerFunc // by the first segment of a path; in mixed worlds the second
	books   *books
	queue   []func()
	traffic sync.WaitGroup
	asked   uint64
	look    look
}

const site = "shop.example"

func newWorld(d *directory.Directory, seed uint64, volume Volume, mixed bool) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 1)), seed: seed, volume: volume, mixed: mixed, pages: map[string]http.HandlerFunc{}, books: newBooks()}
	mode := pick(w.Rand, guard.Observe, guard.Mask)
	w.guard = &guard.Guard{
		Directory: d, Key: fmt.Appendf(nil, "key of %d", seed),
		Mode:   func(string, string) guard.Mode { return mode },
		Viewer: viewer,
		Record: func(_ context.Context, e candor.Entry) error { w.books.fold(e); return nil },
		Note:   w.books.fold,
		Log:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if mixed {
		w.guard.Routes = []string{"/app/{page}/{id}"}
	}
	w.look = newLook(w.Rand)
	w.front = w.guard.Handler(http.HandlerFunc(w.shop))
	return w
}

// visit is one request, at a moment after the beginning.
type visit struct {
	at     time.Duration
	method string
	path   string
	by     visitor
	body   string
}

// visitor is who asks: a customer by number, or nobody, told apart by client.
type visitor struct {
	customer int // -1: not signed in
	client   int
	crawler  bool
}

// visits lets somebody ask. Each request has random numbers of its own, so that one does not depend on the order of others.
func (w *world) visits(v visit) {
	w.asked++
	n := w.asked
	jitter := time.Duration(w.Int64N(int64(time.Millisecond)))
	w.queue = append(w.queue, func() {
		time.Sleep(v.at + jitter)
		w.front.ServeHTTP(httptest.NewRecorder(), w.request(v, n))
	})
}

type numberKey struct{}

func (w *world) request(v visit, n uint64) *http.Request {
	method := v.method
	if method == "" {
		method = http.MethodGet
	}
	r := httptest.NewRequest(method, "https://"+site+v.path, bodyOf(v.body))
	r.Header.Set("X-Client", fmt.Sprint(v.by.client))
	if v.by.customer >= 0 {
		r.AddCookie(&http.Cookie{Name: "sid", Value: session(v.by.customer)})
	}
	if v.by.crawler {
		r.Header.Set("User-Agent", "Googlebot/2.1")
	}
	if v.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r.WithContext(context.WithValue(r.Context(), numberKey{}, rand.New(rand.NewPCG(w.seed, n+1000))))
}

// dice are the random numbers of one request.
func dice(r *http.Request) *rand.Rand { return r.Context().Value(numberKey{}).(*rand.Rand) }

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func between(r *rand.Rand, low, high int) int { return low + r.IntN(high-low+1) }

// some is how many times a mistake is made: few, some or many.
func (w *world) some() int {
	if w.volume == Thin {
		return between(w.Rand, 1, 3)
	}
	return pick(w.Rand, between(w.Rand, 3, 10), between(w.Rand, 10, 60), between(w.Rand, 40, 200))
}

// moment is a random one of the play's hour.
func (w *world) moment() time.Duration { return time.Duration(w.Int64N(int64(time.Hour))) }

package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	browsers       = 60 // open at a time
	requestTimeout = 30 * time.Second
	maxPage        = 8 << 20 // bytes read of one answer
)

// Shoppers are simulated browsers: customers who sign in and look at their orders, strangers, guests with the link from
// their mail, a newsletter reader, members of staff and a crawler. Set the first two fields and call Run.
type Shoppers struct {
	Shop *Shop  // whose customers they are; they never speak to it directly
	Base string // the protected site, such as "http://127.0.0.1:8080"
	// Host is sent as the request's Host. Empty: that of Base.
	Host string
	Rate int    // requests a second, at most 1,000; zero: 100
	Seed uint64 // decides who does what

	mu       sync.Mutex
	random   *rand.Rand
	shopping map[*Customer]bool // in a browser now
	sessions int
	stats    Stats
}

// Stats is what became of the shoppers' requests.
type Stats struct {
	Requests int64  // answered in full, whatever the status
	Failures int64  // no answer, or a status of 500 and above
	Last     string // what failed last: method, path without query, and why
}

// Stats is a moment's count.
func (s *Shoppers) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Run shops until ctx is done, and returns when the last request is answered: each is finished, so that what the shop
// believes it showed did arrive. Run may be called again, but not twice at a time.
func (s *Shoppers) Run(ctx context.Context) {
	s.mu.Lock()
	s.random, s.shopping = random(s.Seed+uint64(s.sessions), "shoppers"), map[*Customer]bool{}
	s.mu.Unlock()
	transport := &http.Transport{MaxIdleConnsPerHost: browsers}
	defer transport.CloseIdleConnections()
	tick := time.NewTicker(time.Second / time.Duration(s.rate()))
	defer tick.Stop()

	idle := make(chan *browser, browsers)
	for range browsers {
		idle <- &browser{shoppers: s, transport: transport}
	}
	var open sync.WaitGroup
	open.Go(func() { s.follow(ctx, transport) })
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			s.dispatch(idle, &open)
		}
	}
	open.Wait()
}

// dispatch lets one idle browser make its next request. When all are waiting for answers the tick is lost: a slow site gets
// fewer requests, not a queue of them.
func (s *Shoppers) dispatch(idle chan *browser, open *sync.WaitGroup) {
	select {
	case b := <-idle:
		open.Go(func() {
			b.next()
			idle <- b
		})
	default:
	}
}

func (s *Shoppers) rate() int {
	if s.Rate < 1 {
		return 100
	}
	return min(s.Rate, 1000)
}

// follow listens to the stock feed, as an open product page does, until ctx is done. The feed holds nobody's data.
func (s *Shoppers) follow(ctx context.Context, transport *http.Transport) {
	for ctx.Err() == nil {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Base+"/api/stock", nil)
		if err != nil {
			s.count(step{method: http.MethodGet, path: "/api/stock"}, 0, err)
			return
		}
		r.Host = s.Host
		r.Header.Set("Accept", "text/event-stream")
		if resp, err := transport.RoundTrip(r); err == nil {
			io.Copy(io.Discard, resp.Body) // to the end: of the feed, or of ctx
			resp.Body.Close()
		}
		select { // EventSource waits before it calls again
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// count books an answer. The error of net/http holds the URL, and with it what somebody searched for: only its cause is kept.
func (s *Shoppers) count(st step, status int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.stats.Requests++
		if status < 500 {
			return
		}
		err = fmt.Errorf("status %d", status)
	}
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	path, _, _ := strings.Cut(st.path, "?")
	s.stats.Failures++
	s.stats.Last = st.method + " " + path + ": " + err.Error()
}

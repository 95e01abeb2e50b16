package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"candor.example/internal/notice"
)

// run is one Run of a Sender.
type run struct {
	*Sender
	log     *slog.Logger
	pool    *pool
	limiter *limiter
	groups  *groups
	queue   jetstream.Consumer
	jobs    chan []*job     // a few for one connection
	open    chan struct{}   // parts that are held
	active  chan struct{}   // those of them that hand people over
	feed    sync.Mutex      // held by the part that hands people over
	visited chan struct{}   // one more part was looked at; holds one
	lasting context.Context // of what is recorded of messages that have left
	ending  func() error    // not nil: nothing more is begun
	tally   tally
	began   time.Time

	now      atomic.Pointer[Standing]
	blind    atomic.Bool            // Standing could not be had
	halted   atomic.Pointer[string] // why nothing more is begun, of its own accord
	refusals atomic.Int32           // in a row
	left     atomic.Int64           // parts that are not done
}

// ErrHalted: the sender stopped by itself, because to go on would do harm. It says why.
var ErrHalted = errors.New("sending has stopped by itself")

// Run sends until everybody of the campaign who may be sent to (a canary's share, or all) is settled, or the campaign is cancelled or done, or ctx
// ends; then it waits, up to half a minute, for the answers to what has left. Who was deferred is not settled: they are tried again until
// Limits.GiveUp. While the campaign is paused it waits.
func (s *Sender) Run(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := s.start(ctx)
	if err != nil {
		return err
	}
	s.run.Store(r)
	g, ctx := errgroup.WithContext(ctx)
	var lines sync.WaitGroup
	for range r.pool.size() {
		lines.Go(func() { r.line(ctx) })
	}
	g.Go(func() error { return r.watch(ctx) })
	g.Go(func() error { return r.parts(ctx) })
	g.Go(func() error { return r.beat(ctx) })
	err = g.Wait()
	lines.Wait()
	if errors.Is(err, errDone) || outer.Err() != nil {
		err = nil
	}
	return err
}

var errDone = errors.New("everybody is settled")

func (s *Sender) check() error {
	switch {
	case !campaignID.MatchString(s.Campaign):
		return fmt.Errorf("delivery: %q is no campaign's id", s.Campaign)
	case s.Worker == "":
		return errors.New("delivery: the worker has no name")
	case len(s.Relays) == 0:
		return errors.New("delivery: there is no relay")
	}
	if _, ok := parseAddress(s.ReturnPath("check")); !ok {
		return errors.New("delivery: the return path is not an address")
	}
	for _, r := range s.Relays {
		if err := r.check(); err != nil {
			return fmt.Errorf("delivery: %s: %w", r.Addr, err)
		}
	}
	return nil
}

func (s *Sender) start(ctx context.Context) (_ *run, err error) {
	now := time.Now()
	r := &run{
		Sender: s, log: s.Log, limiter: newLimiter(s.Limits, now), groups: &groups{lookup: s.LookupMX, known: map[string]string{}}, began: now,
		jobs: make(chan []*job), open: make(chan struct{}, openParts), active: make(chan struct{}, activeParts),
		visited: make(chan struct{}, 1),
	}
	// What has left is recorded after ctx has ended, too.
	lasting, end := context.WithCancel(context.WithoutCancel(ctx))
	r.lasting, r.ending = lasting, ctx.Err
	context.AfterFunc(ctx, func() { time.AfterFunc(2*grace, end) })
	if r.log == nil {
		r.log = slog.Default()
	}
	r.log = r.log.With("campaign", s.Campaign)
	r.pool = newPool(s.Relays, cmp.Or(s.relayWait, relayWait), r.log)
	if r.queue, err = s.Store.consumer(ctx, s.Campaign); err != nil {
		return nil, fmt.Errorf("delivery: %w", err)
	}
	return r, r.look(ctx)
}

// look asks what humans have decided.
func (r *run) look(ctx context.Context) error {
	st, err := r.Standing(ctx)
	if err != nil {
		return fmt.Errorf("delivery: where the campaign stands cannot be read: %w", err)
	}
	r.now.Store(&st)
	halt, page := complaints(st.Accepted, st.Complained)
	if page {
		r.log.Error("CALL A HUMAN: two in a thousand mark the notice as unwanted; receivers will soon refuse all mail of this domain")
	}
	if halt {
		r.halt(fmt.Sprintf("%d of %d people marked the notice as unwanted: more than one in a thousand", st.Complained, st.Accepted))
	}
	return nil
}

func (r *run) standing() Standing { return *r.now.Load() }

// mayBegin: somebody who is queued may be sent to now.
func (r *run) mayBegin() bool {
	return r.ending() == nil && r.standing().Phase.UnderWay() && !r.blind.Load() && r.halted.Load() == nil
}

// limit is how many of a part's first people may be worked.
func (r *run) limit(part int) int {
	st := r.standing()
	share := min(st.Share, st.People)
	if st.Phase == notice.Cancelled {
		share = st.People // who was not sent to is withheld
	}
	return min(partSize, max(0, share-part*partSize))
}

// again is who of a part is to be sent to again.
func (r *run) again(part int) map[int]int {
	list := map[int]int{}
	for n, attempt := range r.standing().Again {
		if n/partSize == part {
			list[n] = attempt
		}
	}
	return list
}

func (r *run) halt(why string) {
	if r.halted.CompareAndSwap(nil, &why) {
		r.log.Error("sending stops by itself", "why", why)
	}
}

// watch asks each second where the campaign stands, and queues the parts that are to be worked. It ends with errDone when nobody is left.
func (r *run) watch(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var seen string
	for {
		end, err := r.turn(ctx, &seen)
		if err != nil {
			return err
		} else if end {
			return errDone
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.visited: // it may have been the last
			continue
		case <-tick.C:
		}
		err = r.look(ctx)
		if r.blind.Swap(err != nil) != (err != nil) {
			r.log.Error("nothing is begun while the campaign's standing cannot be read", "reads_again", err == nil, "error", err)
		}
	}
}

// turn queues what changed, and reports whether all is over.
func (r *run) turn(ctx context.Context, seen *string) (end bool, err error) {
	st := r.standing()
	if why := r.halted.Load(); why != nil {
		return false, fmt.Errorf("%w: %s. Find out why, then start it again", ErrHalted, *why)
	}
	info, err := r.queue.Info(ctx)
	if err != nil {
		return false, r.notNow(ctx, err)
	}
	left := int64(info.NumPending) + int64(info.NumAckPending)
	state := fmt.Sprint(st.Phase, st.Share, st.Again)
	if left == 0 || state != *seen {
		n, err := r.sweep(ctx, state != *seen)
		if err != nil {
			return false, r.notNow(ctx, err)
		}
		left, *seen = max(left, int64(n)), state
	}
	r.left.Store(left)
	return left == 0 && (st.Phase.Over() || st.Phase.UnderWay()), nil
}

// notNow: the server is not there for the moment, which is no reason to end.
func (r *run) notNow(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		r.log.Error("the delivery store does not answer", "error", err)
	}
	return nil
}

// sweep queues every part that is not done. Those with somebody to be sent to again are queued when that has changed.
func (r *run) sweep(ctx context.Context, changed bool) (queued int, err error) {
	settled, err := r.Store.settledParts(ctx, r.Campaign)
	if err != nil {
		return 0, err
	}
	for n := 0; r.limit(n) > 0; n++ {
		again := changed && len(r.again(n)) > 0
		if settled[n] >= r.limit(n) && !again {
			continue
		}
		_, last, _, err := r.Store.last(ctx, partSubject(r.Campaign, n))
		if err != nil {
			return queued, err
		}
		if last.Done >= r.limit(n) && !again {
			continue
		}
		queued++
		if err := r.Store.queue(ctx, r.Campaign, n); err != nil {
			return queued, err
		}
	}
	return queued, nil
}

// parts takes parts from the queue, as long as those that it holds leave connections idle.
func (r *run) parts(ctx context.Context) error {
	var visits sync.WaitGroup
	defer visits.Wait()
	for ctx.Err() == nil {
		r.open <- struct{}{}
		r.active <- struct{}{} // there is room
		<-r.active
		m, err := r.nextPart()
		if err != nil {
			<-r.open
			r.pause(ctx, err)
			continue
		} else if m == nil {
			<-r.open
			continue
		}
		visits.Go(func() {
			r.visit(ctx, m)
			<-r.open
			select {
			case r.visited <- struct{}{}:
			default:
			}
		})
	}
	return ctx.Err()
}

// nextPart waits a second for a part; nil: there is none. It ends by the server's word, and not by a context: a part that was on its way when
// a context ended would lie untouched until the server misses it, ackWait later.
func (r *run) nextPart() (jetstream.Msg, error) {
	m, err := r.queue.Next(jetstream.FetchMaxWait(time.Second))
	if errors.Is(err, nats.ErrTimeout) {
		err = nil
	}
	return m, err
}

func (r *run) pause(ctx context.Context, err error) {
	r.notNow(ctx, err)
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}

// visit works a part as far as that is possible now. Until then the queue is told that it is in good hands.
func (r *run) visit(ctx context.Context, m jetstream.Msg) {
	defer r.keep(m)()
	r.active <- struct{}{}
	wait, err := r.workPart(ctx, m.Subject())
	<-r.active
	switch {
	case errors.Is(err, errBehind):
		r.halt(err.Error())
	case errors.Is(err, errFenced):
		r.log.Warn("another worker has a part that this one had", "part", m.Subject())
	case err != nil && ctx.Err() == nil:
		r.log.Error("a part cannot be worked now; it is tried again", "part", m.Subject(), "in", linger, "error", err)
	}
	if err != nil {
		wait = max(wait, linger)
	}
	if wait == 0 {
		err = m.DoubleAck(r.lasting)
	} else if ctx.Err() != nil {
		err = m.Nak()
	} else {
		err = m.NakWithDelay(wait)
	}
	if err != nil {
		r.log.Warn("the queue was not told of a part; it comes again", "part", m.Subject(), "error", err)
	}
}

func (r *run) workPart(ctx context.Context, subject string) (wait time.Duration, err error) {
	n, err := strconv.Atoi(subject[strings.LastIndexByte(subject, '.')+1:])
	if err != nil || r.limit(n) == 0 || ctx.Err() != nil {
		return linger, err
	}
	p, err := r.claim(ctx, n)
	if p == nil || err != nil {
		return 0, err
	}
	wait = p.work(ctx)
	return wait, p.failed()
}

// keep tells the queue again and again that a part is being worked, until what it returns is called.
func (r *run) keep(m jetstream.Msg) (stop func()) {
	end := make(chan struct{})
	var told sync.WaitGroup
	told.Go(func() {
		tick := time.NewTicker(r.Store.ackWait / 3)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				m.InProgress()
			}
		}
	})
	return func() { close(end); told.Wait() }
}

package delivery

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"candor.example"
	"candor.example/internal/notice"
)

// part is a thousand consecutive numbers of the set, while this worker has them.
type part struct {
	*run
	n       int
	subject string
	people  []*person

	wake chan struct{} // of the writer, holds one
	busy sync.WaitGroup

	mu    sync.Mutex // guards what follows
	token uint64     // the number of the last record, which is this worker's
	queue []notice.Event
	next  *commit   // of queue; nil: nobody asked for it
	lost  error     // why nothing more may be begun
	back  []*person // who was handed over and not begun
}

// commit is a record that is being written: done is closed when it is durable, or when err says that it never will be.
type commit struct {
	begun time.Time // by the wall clock: the other one stands still where a machine is suspended
	done  chan struct{}
	err   error
}

// person is a recipient, as rows and store together have it.
type person struct {
	Recipient
	Composed
	to       address
	provider string
	intent   *commit   // of an attempt of which nothing has left; nil: there is none
	waits    bool      // counted as waiting for the provider
	soft     int       // deferrals
	first    time.Time // of them
	last     time.Time
}

// Format keeps the person out of every print.
func (p *person) Format(s fmt.State, c rune) { p.Recipient.Format(s, c) }

// fold lets a person's state follow an event.
func (p *person) fold(e notice.Event) {
	if to, err := notice.Next(p.State, e); err == nil {
		p.State = to
	} else if e.Kind == notice.Intended && e.Attempt > p.Attempt {
		// They are sent to once more, by a human's word or a soft report, which the store does not have: the part is read anew.
		p.State, p.soft, p.first = notice.InDoubt, 0, time.Time{}
	}
	p.Attempt = max(p.Attempt, e.Attempt)
	if e.Kind != notice.Intended {
		p.intent = nil
	}
	if e.Kind == notice.Deferred && e.Cause != NotBegun {
		if p.soft++; p.first.IsZero() {
			p.first = e.Time
		}
		p.last = e.Time
	}
}

// attempt is the number of the one that is under way.
func (p *person) attempt() int {
	if p.State == notice.Queued { // there was no intent
		return p.Attempt + 1
	}
	return p.Attempt
}

var errBehind = errors.New("the ledger knows of attempts that the delivery store does not have: the store was restored from an older copy, or is another one. Nothing is sent, because somebody would get it twice")

// claim makes a part this worker's, and finds where each of its people stands. nil: all that may be sent to are settled.
func (r *run) claim(ctx context.Context, n int) (*part, error) {
	p := &part{run: r, n: n, subject: partSubject(r.Campaign, n), wake: make(chan struct{}, 1)}
	seq, last, _, err := r.Store.last(ctx, p.subject)
	if err != nil {
		return nil, err
	}
	again := r.again(n)
	if last.Done >= r.limit(n) && len(again) == 0 {
		return nil, nil
	}
	if p.token, err = r.Store.write(ctx, p.subject, seq, batch{Worker: r.Worker, Claim: true}); err != nil {
		return nil, err
	}
	if err := p.load(ctx, seq); err != nil {
		return nil, err
	}
	if len(again) > 0 {
		return p, p.sendAgain(ctx, again)
	}
	return p, nil
}

// load takes the ledger's rows and lets them follow what the store has, up to record to. Row and store must both say that somebody is queued.
func (p *part) load(ctx context.Context, to uint64) error {
	rows, err := p.Recipients(ctx, p.n*partSize, partSize)
	if err != nil {
		return err
	}
	if want := min(partSize, p.standing().People-p.n*partSize); len(rows) != want {
		return fmt.Errorf("of part %d there are %d recipients where %d should be", p.n, len(rows), want)
	}
	known := make([]int, 0, len(rows)) // attempts, by the ledger
	for i, row := range rows {
		if row.N != p.n*partSize+i {
			return fmt.Errorf("recipient %d comes where %d should", row.N, p.n*partSize+i)
		}
		known = append(known, row.Attempt)
		row.Attempt = 0
		p.people = append(p.people, &person{Recipient: row})
	}
	err = p.Store.history(ctx, p.subject, to, func(e notice.Event) {
		if i := e.N - p.n*partSize; i >= 0 && i < len(p.people) {
			p.people[i].fold(e)
		}
	})
	for i, who := range p.people {
		if err == nil && known[i] > who.Attempt {
			err = errBehind
		}
	}
	return err
}

// sendAgain queues who is to be sent to once more, by a human's word or a soft report, unless something else has come in late.
func (p *part) sendAgain(ctx context.Context, again map[int]int) error {
	subject := eventSubject(p.Campaign, late+".*")
	to, _, _, err := p.Store.last(ctx, subject)
	if err != nil {
		return err
	}
	heard := map[int]notice.Event{} // the last
	if err := p.Store.history(ctx, subject, to, func(e notice.Event) { heard[e.N] = e }); err != nil {
		return err
	}
	for _, who := range p.people {
		if attempt, ok := again[who.N]; ok && who.Attempt == attempt {
			e, was := heard[who.N]
			who.again(e, was)
		}
	}
	return nil
}

// again queues somebody of whom e is the last that came back, if anything was.
func (p *person) again(e notice.Event, heard bool) {
	soft := heard && e.Kind == notice.Returned && e.Soft
	switch {
	case !heard && p.State == notice.InDoubt:
		p.State, p.soft = notice.Queued, 0
	case soft && (p.State == notice.InDoubt || p.State == notice.Accepted):
		// It is put off as if the relay had said so; the time that there is for it begins now.
		p.State, p.soft, p.first, p.last = notice.Queued, 1, time.Now(), e.Time
	}
}

// work sends to whom it can, and returns how long the part should be left alone; 0: all that may be sent to are settled.
func (p *part) work(ctx context.Context) time.Duration {
	var writer sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() { p.write(stop) })
	done, wait := p.send(ctx)
	p.busy.Wait()
	if p.standing().Phase == notice.Cancelled && ctx.Err() == nil {
		p.cancel()
		done, wait = len(p.people), 0
	}
	close(stop)
	writer.Wait()
	if wait == 0 && p.failed() == nil {
		p.finish(done)
	}
	return wait
}

// finish says that the part is done, so that nobody reads it again.
func (p *part) finish(done int) {
	token, err := p.Store.write(p.lasting, p.subject, p.token, batch{Worker: p.Worker, Done: done})
	if err == nil {
		if err := p.Store.settle(p.lasting, p.Campaign, p.n, done, token); err != nil {
			p.log.Warn("that a part is done is not noted; it is looked at again", "part", p.n, "error", err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.token, p.lost = token, err
}

// cancel withholds from everybody who is queued.
func (p *part) cancel() {
	for _, who := range p.people {
		if who.State == notice.Queued {
			p.withhold(who, WhenCancel)
		}
	}
}

// send hands over those who are queued, until none are or the rest has to wait. done is how many of the part's first people are settled
// when wait is 0.
func (p *part) send(ctx context.Context) (done int, wait time.Duration) {
	done = p.limit(p.n)
	todo, wait := p.todo(done)
	p.compose(ctx, todo)
	defer p.unwait(todo)
	idle := time.Now() // since when nobody could go
	for len(todo) > 0 {
		if ctx.Err() != nil || p.failed() != nil || p.standing().Phase == notice.Cancelled {
			return done, time.Millisecond
		}
		rest, next := todo, lookAgain
		if p.mayBegin() {
			rest, next = p.pass(ctx, todo)
		}
		if p.busy.Wait(); len(rest) < len(todo) {
			idle = time.Now()
		}
		todo = p.returned(rest)
		if len(todo) > 0 && next > 0 {
			if time.Since(idle)+next > linger && p.mayBegin() {
				return done, linger
			}
			p.rest(ctx, max(next, 50*time.Millisecond))
		}
	}
	// Who was deferred meanwhile waits.
	if todo, wait = p.todo(done); len(todo) > 0 {
		wait = time.Millisecond
	}
	return done, wait
}

// todo is who can be tried now, of the part's first, and when the first of the others will be; 0: there are none.
func (p *part) todo(limit int) (todo []*person, wait time.Duration) {
	now := time.Now()
	for _, who := range p.people[:min(limit, len(p.people))] {
		left := time.Duration(0)
		if who.soft > 0 {
			left = who.last.Add(p.limiter.softWait(who.soft)).Sub(now)
		}
		switch {
		case who.State != notice.Queued:
		case who.soft > 0 && now.Sub(who.first) >= p.limiter.GiveUp:
			p.expire(who)
		case left <= 0:
			todo = append(todo, who)
		case wait == 0 || left < wait:
			wait = left
		}
	}
	return todo, wait
}

// compose opens addresses and finds providers, several people at a time: DNS is slow, and opening a seal costs a tenth of a millisecond.
func (p *part) compose(ctx context.Context, todo []*person) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	if p.LookupMX != nil {
		g.SetLimit(32)
	}
	for _, who := range todo {
		g.Go(func() error {
			p.composeOne(ctx, who)
			return nil
		})
	}
	g.Wait()
}

func (p *part) composeOne(ctx context.Context, who *person) {
	c, withheld, err := p.Compose(who.Recipient)
	if err != nil {
		p.fail(fmt.Errorf("the notice of recipient %d cannot be composed: %w", who.N, err))
		return
	}
	to, ok := parseAddress(c.To)
	if withheld == "" && !ok {
		withheld = BadAddress
	}
	if withheld != "" {
		p.withhold(who, withheld)
		return
	}
	who.Composed, who.to = c, to
	who.provider = p.groups.of(ctx, to.domain)
	p.limiter.meet(who.provider, time.Now())
}

// pass hands over everybody whose provider has a token. rest are the others, and next is when the first of them may go; 0: at once.
func (p *part) pass(ctx context.Context, todo []*person) (rest []*person, next time.Duration) {
	p.feed.Lock() // connections that work on one part have their intents written together
	defer p.feed.Unlock()
	// Few people are spread over all connections; of many, each connection has some ahead.
	size := min(intentsAhead, max(1, len(todo)/(2*p.pool.size())))
	var group []*job
	blocked := map[string]bool{}
	for i, who := range todo {
		if who.State != notice.Queued { // withheld when it was composed
			continue
		}
		if len(group) == size {
			if !p.handOver(ctx, group) {
				return append(p.takeBack(rest, group), todo[i:]...), 0
			}
			group = nil
		}
		if ctx.Err() != nil || p.failed() != nil || !p.mayBegin() {
			return append(p.takeBack(rest, group), todo[i:]...), 0
		}
		if !blocked[who.provider] {
			wait := p.limiter.take(who.provider, time.Now())
			if wait == 0 {
				group = append(group, &job{part: p, person: who})
				continue
			}
			blocked[who.provider] = true
			if next == 0 || wait < next {
				next = wait
			}
		}
		p.wait(who)
		rest = append(rest, who)
	}
	if len(group) > 0 && !p.handOver(ctx, group) {
		return p.takeBack(rest, group), 0
	}
	return rest, next
}

// takeBack adds to rest who has a token and was not handed over.
func (p *part) takeBack(rest []*person, group []*job) []*person {
	for _, j := range group {
		p.limiter.giveBack(j.provider)
		rest = append(rest, j.person)
	}
	return rest
}

// handOver waits for a connection that is free. There may be none for long, and meanwhile a human may say stop.
func (p *part) handOver(ctx context.Context, group []*job) bool {
	p.busy.Add(len(group))
	select {
	case p.jobs <- group:
		return true
	default: // and no timer is needed, mostly
	}
	for {
		look := time.NewTimer(lookAgain)
		select {
		case p.jobs <- group:
			look.Stop()
			return true
		case <-ctx.Done():
		case <-look.C:
			if p.mayBegin() {
				continue
			}
		}
		look.Stop()
		p.busy.Add(-len(group))
		return false
	}
}

// rest lets other parts have the connections for a while.
func (p *part) rest(ctx context.Context, wait time.Duration) {
	<-p.active
	defer func() { p.active <- struct{}{} }()
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
}

func (p *part) wait(who *person) {
	if !who.waits {
		who.waits = true
		p.limiter.waits(who.provider, 1)
	}
}

func (p *part) unwait(list []*person) {
	for _, who := range list {
		if who.waits {
			who.waits = false
			p.limiter.waits(who.provider, -1)
		}
	}
}

// returned adds to rest who was handed over and came back.
func (p *part) returned(rest []*person) []*person {
	p.mu.Lock()
	defer p.mu.Unlock()
	rest = append(p.back, rest...)
	p.back = nil
	return rest
}

func (p *part) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

func (p *part) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost == nil {
		p.lost = err
	}
}

func (p *part) event(who *person, kind notice.EventKind, attempt int) notice.Event {
	e := notice.Event{N: who.N, Key: who.Key, Kind: kind, Time: time.Now().UTC(), Attempt: attempt}
	if who.provider != "" {
		e.Provider = p.limiter.named(who.provider)
	}
	return e
}

func (p *part) withhold(who *person, cause string) {
	e := p.event(who, notice.Kept, 0)
	e.Cause = cause
	p.record(who, e)
}

func (p *part) expire(who *person) {
	e := p.event(who, notice.Expired, who.Attempt)
	e.Cause = OutOfTime
	p.record(who, e)
}

// record keeps an event with the next record, and does not wait. The person's state follows; only one goroutine has a person at a time.
func (p *part) record(who *person, e notice.Event) {
	e.Worker = p.Worker
	who.fold(e)
	p.tally.count(e)
	p.mu.Lock()
	lost := p.lost
	if !errors.Is(lost, errFenced) {
		p.queue = append(p.queue, e)
	}
	p.soon()
	p.mu.Unlock()
	if errors.Is(lost, errFenced) {
		p.tooLate(e)
	}
}

// intend records an intent, where there is none already. durable says when the end of the message may leave.
func (p *part) intend(who *person) {
	if who.intent != nil {
		return
	}
	e := p.event(who, notice.Intended, who.Attempt+1)
	e.Code, e.Worker = who.Code, p.Worker
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost != nil {
		return
	}
	who.fold(e)
	p.tally.count(e)
	if p.queue = append(p.queue, e); p.next == nil {
		p.next = &commit{begun: time.Now().Round(0), done: make(chan struct{})}
	}
	who.intent = p.next
	p.soon()
}

// durable waits until a person's intent is on record. It is an error where that was begun long ago: this process has stood still, the part may be another's by now, and
// somebody who looked in vain for a trace of the message may have said that it is to be sent again.
func (p *part) durable(who *person) error {
	c := who.intent
	if c == nil {
		return p.failed()
	}
	select {
	case <-c.done:
	default:
		p.ring()
		<-c.done
	}
	if c.err == nil && time.Since(c.begun) > p.Store.ackWait/2 {
		return errStale
	}
	return c.err
}

var errStale = errors.New("the intent is too old")

// soon has the queue written within a few milliseconds, if nobody waits for it before: what gathers meanwhile goes to the disk with it. mu is held.
func (p *part) soon() {
	if len(p.queue) == 1 {
		time.AfterFunc(writtenWithin, p.ring)
	}
}

func (p *part) ring() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// write is the part's only writer: while it writes one record, what all connections have to say gathers for the next.
func (p *part) write(stop <-chan struct{}) {
	for {
		select {
		case <-p.wake:
			p.writeQueue()
		case <-stop:
			for p.writeQueue() {
			}
			return
		}
	}
}

// writeQueue writes one record of all that is queued, and reports whether there was anything.
func (p *part) writeQueue() bool {
	p.mu.Lock()
	events, asked, token := p.queue, p.next, p.token
	p.queue, p.next = nil, nil
	p.mu.Unlock()
	if len(events) == 0 {
		return false
	}
	token, err := p.Store.write(p.lasting, p.subject, token, batch{Worker: p.Worker, Events: events})
	p.mu.Lock()
	if p.token = token; err != nil {
		p.lost = err
	}
	p.mu.Unlock()
	if asked != nil {
		asked.err = err
		close(asked.done)
	}
	if errors.Is(err, errFenced) {
		for _, e := range events {
			p.tooLate(e)
		}
	}
	return true
}

// tooLate keeps an answer that was heard after the part had gone to another worker. It settles the doubt that the other one found, because it is
// what the relay said. That it was deferred does not: nobody but a human has it sent again.
func (p *part) tooLate(e notice.Event) {
	if e.Kind != notice.Took && e.Kind != notice.Refused {
		return
	}
	if _, err := p.Store.report(p.lasting, p.Campaign, candor.NewID(), batch{Worker: p.Worker, Events: []notice.Event{e}}); err != nil {
		p.log.Error("a relay's answer was heard and not kept; the person stays in doubt", "recipient", e.N, "error", err)
	}
}

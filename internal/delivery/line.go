package delivery

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"candor.example/internal/notice"
)

// job is one attempt for one person.
type job struct {
	*part
	*person
	env     envelope
	message *bytes.Buffer
	begun   bool // the relay was asked for it
}

var messages = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const (
	idleAtMost = 20 * time.Second // a connection that nobody needs is closed
	freshFor   = 2 * time.Second  // one that was not used for longer is asked whether it is still there
)

// line sends one message after the other over a connection of its own.
type line struct {
	*run
	conn  *conn
	relay *relayState
	used  time.Time // when the connection last answered
	took  int       // messages, over this connection
	jobs  []*job    // that it has, with nothing done for them
	queue []*job    // those behind which jobs are: their messages are rendered, and the first may have been begun
	stop  func() bool
}

// line works until ctx ends and nothing is under way on it. It takes nobody before it may have a connection: who would wait for one that others
// keep idle would wait for long.
func (r *run) line(ctx context.Context) {
	l := &line{run: r}
	for len(l.queue)+len(l.jobs) > 0 || l.reserve(ctx) {
		if len(l.queue) == 0 {
			if len(l.jobs) == 0 && !l.take(ctx) || !l.ready(ctx) || !l.prepare() {
				continue
			}
		}
		l.deliver()
	}
	l.close(nil)
}

// reserve has the right to a connection to a relay that works, or has one. false: ctx has ended.
func (l *line) reserve(ctx context.Context) bool {
	if l.relay == nil {
		l.relay = l.pool.reserve(ctx)
	}
	return l.relay != nil && ctx.Err() == nil
}

// take waits for jobs; false: there are none, and no connection any more.
func (l *line) take(ctx context.Context) bool {
	if l.takeThere() {
		return true // and no timer is needed, mostly
	}
	idle := time.NewTimer(idleAtMost)
	defer idle.Stop()
	select {
	case l.jobs = <-l.run.jobs:
		return true
	case <-ctx.Done():
	case <-idle.C:
		l.close(nil)
	}
	return false
}

// takeThere takes jobs that are there.
func (l *line) takeThere() bool {
	select {
	case l.jobs = <-l.run.jobs:
		return true
	default:
		return false
	}
}

// ready has a connection that works. Otherwise the jobs went back.
func (l *line) ready(ctx context.Context) bool {
	if l.conn != nil && time.Since(l.used) > freshFor {
		if r, err := l.conn.ask("NOOP", freshFor); err != nil || !r.ok() {
			l.conn.net.Close()
			l.stop()
			l.conn = nil
		}
	}
	if l.conn == nil {
		c, err := connect(ctx, l.relay.Relay)
		if err != nil {
			if ctx.Err() == nil {
				l.pool.trouble(l.relay, err)
			}
			l.close(err)
			return false
		}
		l.conn, l.used, l.took = c, time.Now(), 0
		l.stop = context.AfterFunc(ctx, func() { c.hurry(time.Now().Add(cmp.Or(l.grace, grace))) })
	}
	if !l.mayBegin() {
		l.giveBack()
		return false
	}
	return true
}

// close ends the connection, with a good-bye if nothing is wrong with it, and the right to one.
func (l *line) close(err error) {
	if l.conn != nil {
		l.stop()
		if err == nil {
			l.conn.quit()
		} else {
			l.conn.net.Close()
		}
		l.conn = nil
	}
	if l.relay != nil {
		l.pool.put(l.relay)
		l.relay = nil
	}
	l.giveBack() // what was asked for the first of them was not answered
}

// giveBack gives everybody back of whom nothing has left.
func (l *line) giveBack() {
	for _, j := range append(l.queue, l.jobs...) {
		j.unbegun()
	}
	l.queue, l.jobs = nil, nil
}

// prepare renders the next job's message, and queues it. false: it is withheld.
func (l *line) prepare() bool {
	j := l.jobs[0]
	l.jobs = l.jobs[1:]
	j.message = messages.Get().(*bytes.Buffer)
	j.message.Reset()
	err := j.Message(j.message)
	var withheld *WithheldError
	if errors.As(err, &withheld) {
		l.limiter.giveBack(j.provider)
		j.withhold(j.person, withheld.Cause)
		j.end()
		return false
	} else if err != nil {
		j.fail(fmt.Errorf("the message of recipient %d cannot be written: %w", j.N, err))
		j.unbegun()
		return false
	}
	eight, ok := inspectMessage(j.message.Bytes())
	j.env = envelope{from: l.ReturnPath(j.Key), to: j.to, key: j.Key, size: j.message.Len(), body: eight}
	why := l.conn.fits(j.env)
	if !ok {
		why = BadMessage
	}
	if why != "" {
		l.limiter.giveBack(j.provider)
		j.withhold(j.person, why)
		j.end()
		return false
	}
	l.queue = append(l.queue, j)
	return true
}

// deliver takes the first of the queue to its end, and begins the next on the way where there is one.
func (l *line) deliver() {
	j := l.queue[0]
	if !j.begun {
		l.conn.begin(j.env)
	}
	no, err := l.conn.begun()
	l.used = time.Now()
	l.queue = append(l.queue[:0], l.queue[1:]...)
	if no != nil {
		l.refused(j, no)
	} else if err != nil {
		l.cutOff(j, err)
	}
	if err != nil {
		l.close(err)
	}
	if no != nil || err != nil || l.conn == nil {
		return
	}
	if !l.mayBegin() {
		l.abandon(j)
		return
	}
	j.intend(j.person)
	l.ahead()
	if j.durable(j.person) != nil {
		l.abandon(j)
		return
	}
	l.finish(j)
}

// ahead takes jobs that there are already, and renders their messages. Over a connection that has shown that it takes messages, their intents are
// recorded at once: so there is hardly one that is waited for, and many go to the disk together. How many there are ahead is how many more people a kill
// of this process leaves in doubt, for each connection.
func (l *line) ahead() {
	for l.conn.pipelining() && len(l.queue) < intentsAhead && l.mayBegin() && (len(l.jobs) > 0 || l.takeThere()) {
		if l.prepare() && l.took > 0 {
			j := l.queue[len(l.queue)-1]
			j.intend(j.person)
		}
	}
}

// finish lets the message leave, and records what is said to it. No answer is no event: the person is in doubt.
func (l *line) finish(j *job) {
	c := l.conn
	j.intent = nil
	c.send(j.message.Bytes())
	if len(l.queue) > 0 {
		c.begin(l.queue[0].env)
		l.queue[0].begun = true
	}
	err := c.flush()
	var said reply
	if err == nil {
		said, err = c.taken()
		l.used = time.Now()
	}
	switch {
	case err != nil:
		l.log.Warn("the relay did not answer to a message that has left", "relay", l.relay.Addr, "recipient", j.N, "error", masked(err.Error(), j.to.String(), j.Name))
		l.tally.doubt.Add(1)
	case said.ok():
		l.took++
		l.refusals.Store(0)
		l.pool.works(l.relay)
		j.answered(notice.Took, said, "")
	case said.code/100 == 3:
		err = errReply
		l.tally.doubt.Add(1)
	default:
		l.notTaken(j, said, RefusedData)
		if said.code == serviceEnd {
			err = errors.New("the relay closes the connection")
		}
	}
	j.end()
	if err != nil {
		l.close(err)
	}
}

// refused is for who was refused before anything left: certain not to have been taken.
func (l *line) refused(j *job, no *refusal) {
	if ofRelay(no) {
		l.pool.trouble(l.relay, fmt.Errorf("%s: %s", no.to, no.detail(j.to.String(), j.Name)))
		j.unbegun()
		l.close(errReply)
		return
	}
	cause := RefusedRcpt
	if no.to == "DATA" {
		cause = RefusedData
	}
	l.notTaken(j, no.reply, cause)
	j.end()
}

// ofRelay: the reply is about what this relay lets this sender do, not about the person. To MAIL every refusal is, because people are not known
// yet; later those for syntax, order and authentication (RFC 5321 §4.2.2, RFC 4954 §6).
func ofRelay(no *refusal) bool {
	switch {
	case no.to == "MAIL", no.to == "RSET", no.code >= 500 && no.code <= 504:
		return true
	case no.code == 530, no.code == 534, no.code == 535, no.code == 538, no.code/100 == 3:
		return true
	}
	return false
}

func (l *line) notTaken(j *job, said reply, cause string) {
	if said.transient() {
		j.answered(notice.Deferred, said, Busy)
		return
	}
	j.answered(notice.Refused, said, cause)
	if l.refusals.Add(1) >= haltRefusals {
		l.halt(fmt.Sprintf("%d people in a row were refused, the last with %q: that is hardly about them", haltRefusals, said.detail(j.to.String(), j.Name)))
	}
}

// cutOff is for a connection that broke before the end of the message could have left.
func (l *line) cutOff(j *job, err error) {
	if l.took == 0 {
		l.pool.trouble(l.relay, err)
	}
	e := j.event(j.person, notice.Deferred, j.attempt())
	e.Cause = Cut
	j.record(j.person, e)
	j.end()
}

// abandon is for who was begun and must not be sent to now, nor those behind. Where the server waits for a message only the end of the connection helps.
func (l *line) abandon(j *job) {
	j.unbegun()
	l.giveBack()
	if !l.conn.chunking() {
		l.close(errReply)
	}
}

// answered records what a relay said.
func (j *job) answered(kind notice.EventKind, said reply, cause string) {
	e := j.event(j.person, kind, j.attempt())
	e.Status, e.Detail, e.Cause = said.status(), said.detail(j.to.String(), j.Name), cause
	j.record(j.person, e)
	j.limiter.answered(j.provider, said.code, e.Status, time.Now())
}

// unbegun gives a person back to the part, and says so where an intent is on record: nobody else knows that nothing has left.
func (j *job) unbegun() {
	j.limiter.giveBack(j.provider)
	if j.intent != nil {
		e := j.event(j.person, notice.Deferred, j.Attempt)
		e.Cause = NotBegun
		j.record(j.person, e)
	}
	if j.State == notice.Queued {
		j.mu.Lock()
		j.back = append(j.back, j.person)
		j.mu.Unlock()
	}
	j.end()
}

// end says that nobody has the person any more.
func (j *job) end() {
	if j.message != nil {
		messages.Put(j.message)
		j.message = nil
	}
	j.busy.Done()
}

package guard

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"candor.example"
	"candor.example/scan"

	"github.com/klauspost/compress/gzip"
)

// response is the http.ResponseWriter that the wrapped handler writes into. Bytes go through it in this order:
//
//	Write ─► (learning: held until the viewer is known) ─► (decoder) ─► inspect ─► out ─► client
//
// Headers go to the client with the first byte, so that a response that is withheld at once can say so.
type response struct {
	g    *Guard
	w    http.ResponseWriter
	r    *http.Request
	ctx  context.Context
	x    exchange
	seen candor.Exchange // x.x

	how      plan
	started  bool // the handler has called WriteHeader
	sent     bool // the headers are with the client
	withheld bool // what the handler still writes is dropped
	cut      bool // the connection has to be cut, because bytes that must not follow were promised
	hijacked bool
	socket   *socket // not nil: hijacked for WebSocket, and on the books already
	changed  bool    // the bytes are not those that the handler wrote
	late     bool    // a mask came after the headers had left
	panicked any     // what the handler panicked with

	left     int64 // bytes of a plain body that are still to come, by its Content-Length; -1: nobody knows
	scratch  *scratch
	held     []byte // the tail that may yet become an identifier
	doc      heldDocument
	learning []byte // the response's head while it may still teach who is looking; nil otherwise
	out      io.Writer
	zip      *gzip.Writer // not nil: the client gets gzip

	dec   *decoder
	plain bool   // decode: bytes came out, so that it really is encoded
	raw   []byte // decode: encoded bytes until the first byte came out, in case none ever does
	queue []encoded
	copy  watcher
	found int64 // tap: decoded bytes so far
}

// encoded is a piece of an encoded body in a tap: it may leave when what it decodes to has been inspected.
type encoded struct {
	bytes []byte
	upTo  int64 // decoded bytes that had come out once it was fed
	clean bool  // it ends with a flush: nothing of it is still inside the decoder
}

const maxLearning = 64 << 10

var (
	errWithheld   = errors.New("candor: response withheld")
	errUnrecorded = errors.New("candor: a disclosure could not be recorded")
)

func newResponse(g *Guard, w http.ResponseWriter, r *http.Request) *response {
	rw := &response{g: g, w: w, r: r, ctx: r.Context(), out: w, left: -1}
	rw.seen.Time, rw.seen.Request = time.Now(), r
	rw.x.g, rw.x.x, rw.x.site = g, &rw.seen, g.site(r)
	s := scratches.Get().(*scratch)
	rw.scratch, rw.x.finder, rw.x.hits, rw.x.raw, rw.held = s, &s.finder, s.hits, s.raw, s.held
	rw.x.hide, rw.x.facts, rw.x.spare = s.hide, s.facts, &s.credentials
	return rw
}

// scratch is what inspecting a response needs and the next can use again: memory, never what is in it.
type scratch struct {
	finder      scan.Finder
	credentials scan.Credentials
	hits        []hit
	hide        []*hit
	facts       []candor.Facts
	raw         []byte
	held        []byte
}

var scratches = sync.Pool{New: func() any { return &scratch{} }}

// release gives the scratch back. The response itself is not used again: a handler may have kept it.
func (rw *response) release() {
	s := rw.scratch
	s.hits, s.raw, s.held = rw.x.hits[:0], rw.x.raw[:0], rw.held[:0]
	s.hide, s.facts = rw.x.hide[:0], rw.x.facts[:0]
	if rw.x.credentials == &s.credentials {
		s.credentials.Reset()
	}
	defer s.release()
	rw.scratch, rw.x.finder, rw.x.hits, rw.x.raw, rw.held = nil, nil, nil, nil, nil
	rw.x.hide, rw.x.facts, rw.x.spare, rw.x.looking = nil, nil, nil, looking{}
	rw.started, rw.withheld = true, true // what a handler writes after it returned goes nowhere
}

func (s *scratch) release() {
	f := &s.finder
	f.Found, f.Known, f.Beside = func(scan.Match) bool { return false }, nil, nil
	f.Find(nil, true) // it may have stopped in the middle
	f.Found, f.Fields, f.Names, f.Phones, f.Charset = nil, nil, false, false, ""
	clear(s.hits[:cap(s.hits)])
	clear(s.hide[:cap(s.hide)])
	clear(s.facts[:cap(s.facts)])
	if cap(s.hits) <= 1024 && cap(s.held) <= 2*largeBuffer {
		scratches.Put(s)
	}
}

// run calls the handler, and keeps its panic until what arrived has been dealt with.
func (rw *response) run(next http.Handler, r *http.Request) {
	defer func() {
		if p := recover(); p != nil && rw.how != whole && !rw.withheld {
			rw.panicked = p
		}
	}()
	next.ServeHTTP(rw, r)
}

// restart forgets the first, partial answer.
func (rw *response) restart() {
	clear(rw.w.Header())
	rw.how, rw.started, rw.panicked = pass, false, nil
}

func (rw *response) Header() http.Header { return rw.w.Header() }

// Unwrap lets http.ResponseController reach deadlines and full duplex.
func (rw *response) Unwrap() http.ResponseWriter { return rw.w }

func (rw *response) WriteHeader(status int) {
	if rw.started || rw.hijacked {
		return
	}
	h := rw.w.Header()
	rw.x.keepUp()
	rw.x.begin(status, h)
	if rw.x.mode == Trip {
		rw.dropped(status)
		return
	}
	if status >= 100 && status < 200 {
		rw.x.headers(rw.ctx, h)
		rw.w.WriteHeader(status)
		return
	}
	rw.started = true
	rw.x.remember()
	rw.how, rw.x.skip = planFor(rw.r, status, h, rw.x.mode, rw.g.FailClosed)
	if rw.how == whole && rw.x.sent != nil {
		rw.how = look // a request with a body cannot be sent twice
	}
	if rw.how == whole {
		return
	}
	if rw.x.teaches() {
		rw.learning = make([]byte, 0, 4096)
		return // its headers are inspected once it is known who is looking
	}
	rw.open()
}

// Hijack hands the connection to whoever speaks the protocol that the client asked for. WebSocket is inspected; what follows
// in another protocol is not, and is counted as such.
func (rw *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h := rw.w.Header()
	answered := h.Get("Upgrade") != "" // or the handler will write its answer on the connection
	if rw.x.begin(http.StatusSwitchingProtocols, h); rw.x.mode == Trip {
		rw.dropped(http.StatusSwitchingProtocols)
		return nil, nil, errWithheld
	}
	if !isWebSocket(rw.r.Header) {
		rw.x.headers(rw.ctx, h)
		rw.x.skip = SkipUpgrade
		rw.hijacked = true
		return http.NewResponseController(rw.w).Hijack()
	}
	c, b, err := http.NewResponseController(rw.w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	rw.hijacked = true
	s := newSocket(rw, c, b.Reader)
	rw.socket = s
	if s.head = !answered; answered {
		s.opened(http.StatusSwitchingProtocols, h)
	}
	return s, bufio.NewReadWriter(bufio.NewReader(s), bufio.NewWriter(s)), nil
}

// open inspects the headers and sets up the way of the body.
func (rw *response) open() {
	h := rw.w.Header()
	hidden := rw.x.headers(rw.ctx, h)
	if rw.how == deny || hidden && rw.x.mode == Block {
		rw.withhold()
		return
	}
	if hidden || rw.refreshing(h) {
		rw.masked()
	}
	encodings, _ := encodingsOf(h)
	switch rw.how {
	case tap:
		rw.copy = watcher{e: &rw.x, ctx: rw.ctx}
		rw.dec = newDecoder(encodings, rw.g.maxDecoded(), rw.observe)
	case decode:
		rw.dec = newDecoder(encodings, rw.g.maxDecoded(), rw.decoded)
	case look:
		if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil {
			rw.left = n
		}
		rw.compress(h)
	}
}

// send passes the headers on.
func (rw *response) send() {
	if rw.sent {
		return
	}
	rw.sent = true
	rw.private()
	rw.banner()
	rw.w.WriteHeader(rw.x.x.Status)
}

func (rw *response) Write(p []byte) (int, error) {
	if rw.hijacked {
		return 0, http.ErrHijacked
	}
	if !rw.started {
		rw.WriteHeader(http.StatusOK)
	}
	if rw.how == whole || rw.withheld {
		return 0, errWithheld
	}
	if rw.learning != nil {
		rw.learning = append(rw.learning, p...)
		if len(rw.learning) < maxLearning {
			return len(p), nil
		}
		return len(p), rw.learn()
	}
	if err := rw.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (rw *response) write(p []byte) error {
	if held, err := rw.hold(p); held {
		return err
	}
	switch rw.how {
	case look:
		if rw.left >= 0 {
			rw.left = max(0, rw.left-int64(len(p)))
		}
		return rw.inspect(p, rw.left == 0) // the last piece goes out whole, not in two
	case tap:
		rw.queue = append(rw.queue, encoded{bytes: append([]byte(nil), p...), clean: flushed(p)})
		rw.dec.feed(p)
		if rw.withheld {
			return errWithheld
		}
		rw.queue[len(rw.queue)-1].upTo = rw.found
		return rw.drain()
	case decode:
		return rw.decode(p)
	}
	rw.x.bytes += int64(len(p))
	return rw.pass(p)
}

// pass sends bytes that have been dealt with.
func (rw *response) pass(p []byte) error {
	if rw.withheld {
		return errWithheld
	}
	first := !rw.sent
	rw.send()
	if len(p) == 0 {
		return nil
	}
	if first && len(p) > gatherMost && rw.zip == nil {
		if g := gathers(rw.r); g != nil {
			return g.gather(rw.out, p)
		}
	}
	_, err := rw.out.Write(p)
	return err
}

// offer is Write of a piece of the body that may be changed, and of which what is not settled yet is offered again, with more behind it.
func (rw *response) offer(p []byte) (settled int, err error) {
	if !rw.started || rw.how != look || rw.withheld || rw.learning != nil || len(rw.held) > 0 || rw.left < int64(len(p)) {
		return rw.Write(p)
	}
	if held, err := rw.hold(p); held {
		return len(p), err
	}
	rest, err := rw.settle(p, rw.left == int64(len(p)), true)
	settled = len(p) - len(rest)
	rw.left -= int64(settled)
	return settled, err
}

// inspect looks at the next bytes of the (decoded) body and sends what is settled, masked where it has to be.
func (rw *response) inspect(p []byte, final bool) error {
	buf, mine := p, false
	if len(rw.held) > 0 {
		rw.held = append(rw.held, p...)
		buf, mine = rw.held, true
	}
	rest, err := rw.settle(buf, final, mine)
	rw.held = append(rw.held[:0], rest...)
	return err
}

// settle looks at a piece of the body, which begins with what was not settled of the one before, sends what is settled and returns the rest. What is
// not mine is not changed.
func (rw *response) settle(buf []byte, final, mine bool) (rest []byte, err error) {
	n := rw.x.find(buf, final)
	if hide := rw.x.decide(rw.ctx); len(hide) > 0 {
		if rw.x.mode == Block || rw.doc.is || sealed(hide) || isContainer(rw.w.Header().Get("Content-Type")) {
			rw.withhold()
			return nil, errWithheld
		}
		if !mine {
			rw.held = append(rw.held[:0], buf...) // an io.Writer must not modify what it is given
			buf = rw.held
		}
		rw.masked()
		for _, h := range hide {
			h.Mask(buf[h.Offset : h.Offset+h.Length])
		}
	}
	rw.x.offset += int64(n)
	rw.x.bytes += int64(n)
	if n > 0 {
		err = rw.pass(buf[:n])
	}
	return buf[n:], err
}

// sealed: one of them stands in something signed, which a mask would break.
func sealed(hide []*hit) bool {
	return slices.ContainsFunc(hide, func(h *hit) bool { return h.Sealed })
}

// observe is a tap's sink: it inspects decoded bytes that go nowhere. Only what could not be recorded has to be hidden
// here, and encoded bytes cannot be masked.
func (rw *response) observe(p []byte) error {
	rw.found += int64(len(p))
	return rw.observed(p, false)
}

func (rw *response) observed(p []byte, final bool) error {
	if hide := rw.copy.inspect(p, final); len(hide) > 0 {
		rw.withhold()
		return errUnrecorded
	}
	return nil
}

// drain lets go of the encoded pieces whose contents have been inspected.
func (rw *response) drain() error {
	for len(rw.queue) > 0 {
		q := rw.queue[0]
		all := rw.x.offset == rw.found && (rw.dec.lag == 0 || q.clean && len(rw.queue) == 1)
		if !rw.dec.done && !all && rw.x.offset < q.upTo+rw.dec.lag {
			return nil
		}
		if rw.dec.done && rw.dec.err == nil && rw.x.offset < rw.found {
			return nil // the end of the document is decoded, but its tail has yet to be settled
		}
		rw.queue = rw.queue[1:]
		if err := rw.pass(q.bytes); err != nil {
			return err
		}
	}
	return nil
}

// decode feeds an encoded body whose decoded form is what the client gets. While nothing has come out, it may turn out not
// to be encoded at all: then it is passed as it came, as without Candor, unless FailClosed.
func (rw *response) decode(p []byte) error {
	if !rw.plain {
		rw.raw = append(rw.raw, p...)
	}
	rw.dec.feed(p)
	return rw.decodeFailed()
}

// decoded is the sink of decode: the first bytes decide that the body really is encoded.
func (rw *response) decoded(p []byte) error {
	if !rw.plain {
		rw.raw = nil
		rw.unencode()
	}
	return rw.inspect(p, false)
}

// unencode turns the headers of an encoded response into those of a plain one.
func (rw *response) unencode() {
	h := rw.w.Header()
	h.Del("Content-Encoding")
	rw.recoded(h)
	rw.compress(h)
	rw.plain = true
}

func (rw *response) decodeFailed() error {
	err := rw.dec.err
	if !rw.dec.done || err == nil {
		return nil
	}
	rw.x.skip = SkipMalformed
	if errors.Is(err, errLimit) {
		rw.x.skip = SkipLimit
	}
	if rw.withheld {
		return errWithheld
	}
	if rw.plain || rw.g.FailClosed {
		rw.withhold()
		return errWithheld
	}
	raw := rw.raw
	rw.raw, rw.how = nil, pass // it was not encoded at all, or nothing that one could tell
	rw.x.bytes += int64(len(raw))
	return rw.pass(raw)
}

// compress decides whether a plain body leaves as gzip: because the client refuses identity, or because the operator wants
// it and the client and the type allow it.
func (rw *response) compress(h http.Header) {
	wanted := !accepts(rw.r.Header, "identity") || rw.g.Compress && isText(h.Get("Content-Type")) && rw.x.x.Status != http.StatusPartialContent
	if rw.x.mode == Observe || h.Get("Content-Encoding") != "" || !wanted || !accepts(rw.r.Header, "gzip") {
		return
	}
	h.Set("Content-Encoding", "gzip")
	h.Add("Vary", "Accept-Encoding")
	rw.recoded(h)
	rw.zip, _ = gzip.NewWriterLevel(rw.w, gzip.BestSpeed)
	rw.out = rw.zip
}

// learn lets the viewers' memory read the head of the response, then lets the response go its way.
func (rw *response) learn() error {
	head := rw.learning
	rw.learning = nil
	rw.x.keepUp()
	rw.x.learn(decodeHead(rw.w.Header(), head))
	rw.open()
	if rw.withheld {
		return errWithheld
	}
	if len(head) == 0 {
		return nil
	}
	return rw.write(head)
}

// FlushError passes a flush on. What may yet become an identifier stays back, and so does a response that is being read for
// who is looking.
func (rw *response) FlushError() error {
	if !rw.started {
		rw.WriteHeader(http.StatusOK)
	}
	if rw.learning != nil || rw.withheld || rw.how == whole || rw.mayHold() || rw.how == decode && !rw.plain {
		return nil
	}
	rw.send()
	if rw.zip != nil {
		if err := rw.zip.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(rw.w).Flush()
}

func (rw *response) Flush() { rw.FlushError() }

// withhold replaces the response, or, where its headers are gone, cuts it off.
func (rw *response) withhold() {
	if rw.withheld {
		return
	}
	rw.withheld = true
	rw.held, rw.queue, rw.learning = rw.held[:0], nil, nil
	if rw.sent {
		rw.cut = true
		return
	}
	h := rw.w.Header()
	clear(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Retry-After", "120")
	rw.sent = true
	rw.w.WriteHeader(http.StatusServiceUnavailable)
	if rw.r.Method != http.MethodHead {
		io.WriteString(rw.w, withheldPage)
	}
}

const withheldPage = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>This page is not available</title>
<h1>This page is not available just now</h1>
<p>It would have shown personal data that is not yours, so it was stopped before it reached you. The shop has been told.</p>
</html>
`

// finish deals with what is left once the handler has returned.
func (rw *response) finish() {
	if rw.hijacked {
		if rw.socket == nil {
			rw.x.done()
		}
		return
	}
	if !rw.started && rw.panicked == nil {
		rw.WriteHeader(http.StatusOK)
	}
	if !rw.started {
		return
	}
	if rw.learning != nil {
		rw.learn()
	}
	rw.end()
	if !rw.withheld {
		if hidden := rw.x.headers(rw.ctx, trailers(rw.w.Header())); hidden || rw.changed && rw.sent {
			unsummed(rw.w.Header())
		}
		rw.send()
	}
	if rw.zip != nil && !rw.withheld {
		rw.zip.Close()
	}
	if rw.panicked != nil && !rw.withheld {
		http.NewResponseController(rw.w).Flush() // what arrived before upstream broke off
	}
	if rw.cut {
		rw.panicked = http.ErrAbortHandler
	}
	rw.x.keepUp()
	rw.x.done()
	rw.release()
}

// end settles the tail.
func (rw *response) end() {
	rw.settleDocument()
	switch {
	case rw.withheld:
		if rw.dec != nil {
			rw.dec.stop() // it may be waiting for the rest
		}
	case rw.how == look:
		rw.inspect(nil, true)
	case rw.how == tap:
		rw.dec.close()
		if rw.observed(nil, true) == nil {
			rw.found = rw.x.offset
			if rw.dec.err != nil {
				rw.x.skip = SkipMalformed
				if errors.Is(rw.dec.err, errLimit) {
					rw.x.skip = SkipLimit
				}
			}
			rw.dec.done = true
			rw.drain()
		}
	case rw.how == decode:
		rw.dec.close()
		if rw.decodeFailed() == nil && rw.dec.err == nil {
			if !rw.plain {
				rw.unencode()
			}
			rw.inspect(nil, true)
		}
	}
}

// trailers are the fields that come after the body: announced ones, and those with net/http's prefix. Nil: there are none.
func trailers(h http.Header) (t http.Header) {
	add := func(name string) {
		if t == nil {
			t = http.Header{}
		}
		t[name] = h[name]
	}
	for _, names := range h["Trailer"] {
		for _, name := range strings.Split(names, ",") {
			if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); h[name] != nil {
				add(name)
			}
		}
	}
	for name := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			add(name)
		}
	}
	return t
}

package guard

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"candor.example"
	"candor.example/scan"
)

// socket is the client's connection once it speaks WebSocket (RFC 6455). What the handler writes to it are the server's
// frames: text messages are inspected, one after the other, and masked in place, so that the frames stay as they are. What
// it reads are the client's: what a client said in text it may see again (DESIGN §2, echo).
//
// A frame's bytes leave when what they hold has been settled and recorded. What waits in out is an unsettled tail and the
// control frames that stand behind it.
type socket struct {
	net.Conn
	ctx   context.Context
	early io.Reader // what the client had sent before the handler took over

	mu sync.Mutex // guards e; Record is called while it is held
	e  *exchange

	writing sync.Mutex // guards what follows
	head    bool       // the handler has yet to write its HTTP answer
	blind   bool       // what follows is passed on unread
	refused bool       // nothing may follow
	from    framing
	wire    []byte // bytes that have not left
	start   int    // where in wire the frame at hand begins; -1: it has left
	content []byte // of the message at hand, not settled
	places  []stretch
	bytes   int64 // of the message at hand
	skip    candor.Skip
	packed  deflated

	reading sync.Mutex // guards what follows
	said    framing
	deaf    bool // what the client says is not read any more
	at      uint64
	heard   scan.Finder
	kept    int // identifiers that it said
	tail    []byte
	unpack  deflated
}

// stretch is where a piece of content stands in wire.
type stretch struct {
	frame int // where its frame begins; -1: its header has left
	from  int // what may not leave while the piece is unsettled begins here
	at, n int
}

const (
	maxUpgrade = 64 << 10 // bytes of the answer's head
	maxWaiting = 64 << 10 // bytes that may wait behind an unsettled tail
	maxCarried = 4096     // identifiers that a client may have said in one connection
	maxOnBooks = 1 << 16  // what one connection has put on record, before it is put on record again
)

func newSocket(rw *response, c net.Conn, b *bufio.Reader) *socket {
	s := &socket{Conn: c, ctx: context.WithoutCancel(rw.ctx), e: &rw.x, start: -1}
	s.early = io.LimitReader(b, int64(b.Buffered()))
	s.said.fromClient = true
	s.heard.Found = s.hear
	s.heard.Names, s.heard.Phones, s.heard.Fields = rw.g.Directory.Holds(scan.Name), rw.g.Directory.Holds(scan.Phone), rw.g.PersonalFields
	return s
}

// upgraded reads the header of the answer that made the connection a WebSocket.
func (s *socket) upgraded(h http.Header) {
	on, server, client, known := deflation(h)
	s.from.deflate, s.said.deflate = on, on
	s.packed, s.unpack = server, client
	if !known {
		s.unread(SkipEncoding)
	}
}

// unread gives up on the connection: in Mask and Block it ends, if that is how the guard fails.
func (s *socket) unread(why candor.Skip) {
	s.blind, s.deaf, s.e.skip = true, true, why
	if s.closed() {
		s.refused, s.wire = true, nil
	}
}

// closed: what cannot be inspected is withheld.
func (s *socket) closed() bool { return s.e.mode != Observe && s.e.g.FailClosed }

// Write takes the server's bytes.
func (s *socket) Write(p []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	for done := 0; done < len(p); {
		piece := p[done:min(len(p), done+smallBuffer)]
		if err := s.take(piece); err != nil {
			return done, err
		}
		done += len(piece)
	}
	return len(p), nil
}

func (s *socket) take(p []byte) error {
	if s.refused {
		return errWithheld
	}
	at := len(s.wire)
	s.wire = append(s.wire, p...)
	if s.head {
		if at = s.answer(); s.head {
			return nil // there is more of it to come
		}
	}
	for !s.blind && !s.refused && at < len(s.wire) {
		at = s.next(at)
	}
	if !s.blind && !s.refused {
		s.settle(false)
		s.hurry()
	}
	return s.send()
}

// hurry ends the waiting when control frames and empty fragments pile up behind what is not settled.
func (s *socket) hurry() {
	switch {
	case len(s.places) == 0:
	case s.from.packed && len(s.wire) > 2*maxDeflated:
		s.missed(SkipLimit)
	case !s.from.packed && len(s.wire)-s.places[0].from > maxWaiting:
		s.settle(true)
	}
}

// answer reads the HTTP answer that goes before the frames, when the handler writes it on the connection itself. It
// returns where the frames begin.
func (s *socket) answer() (at int) {
	if s.wire[0] != 'H' { // no frame begins with it: it would be a control frame that is not final
		s.head = false
		s.opened(http.StatusSwitchingProtocols, http.Header{})
		return 0
	}
	end := bytes.Index(s.wire, []byte("\r\n\r\n"))
	if end < 0 && len(s.wire) <= maxUpgrade {
		return 0
	}
	s.head = false
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(s.wire[:max(0, end+4)])), s.e.x.Request)
	if end+4 > maxUpgrade || err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		s.e.skip = SkipUpgrade // it speaks for itself
		s.opened(http.StatusSwitchingProtocols, http.Header{})
		s.unread(SkipUpgrade)
		return len(s.wire)
	}
	if !s.opened(res.StatusCode, res.Header) {
		return end + 4
	}
	if s.e.mode == Block {
		s.refused, s.wire = true, nil
		return 0
	}
	var head bytes.Buffer
	res.Body = nil
	res.Write(&head)
	s.wire = append(head.Bytes(), s.wire[end+4:]...)
	return head.Len()
}

// opened inspects the header of the answer and puts it on the books.
func (s *socket) opened(status int, h http.Header) (hidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.e.begin(status, h)
	hidden = s.e.headers(s.ctx, h)
	s.upgraded(h)
	s.e.done()
	s.e.offset, s.e.bytes = 0, 0
	return hidden
}

// next reads from wire at what is next of a frame, and returns where it stopped.
func (s *socket) next(at int) int {
	if !s.from.in {
		if s.from.have == 0 {
			s.start = at
		}
		n, done, err := s.from.header(s.wire[at:])
		if err != nil {
			s.violated()
			return at + n
		}
		if !done {
			return at + n
		}
		if at += n; s.from.left > 0 {
			return at
		}
	}
	n, _, ends := s.from.payload(s.wire[at:])
	s.piece(at, n)
	if ends {
		s.message()
	}
	if !s.from.in {
		s.start = -1
	}
	return at + n
}

// piece takes a piece of payload.
func (s *socket) piece(at, n int) {
	switch {
	case s.from.control():
		if s.from.op == opClose && !s.from.in { // the message at hand will not go on
			if s.settle(true); s.refused {
				return
			}
			s.reason(s.wire[at+n-int(s.from.length) : at+n])
		}
		return
	case !s.from.text:
		s.bytes += int64(n)
		s.skip = SkipBinary
		return
	case s.skip != "":
		s.bytes += int64(n)
		return
	case s.from.packed:
		s.bytes += int64(n)
		if !s.packed.add(s.wire[at : at+n]) {
			s.missed(SkipLimit)
			return
		}
	default:
		s.content = append(s.content, s.wire[at:at+n]...)
	}
	p := stretch{frame: s.start, from: at, at: at, n: n}
	if s.start >= 0 && uint64(n)+s.from.left == s.from.length {
		p.from = s.start // the frame's first piece: its header waits with it
	}
	s.places = append(s.places, p)
}

// reason inspects what a close frame says behind its code, which scripts can read (RFC 6455 §5.5.1).
func (s *socket) reason(payload []byte) {
	if len(payload) <= 2 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.e.find(payload[2:], true)
	for _, h := range s.e.decide(s.ctx) {
		h.Mask(payload[2+h.Offset : 2+h.Offset+h.Length])
	}
}

// message deals with the end of a message.
func (s *socket) message() {
	if s.from.text && s.from.packed && s.skip == "" {
		s.unpacked()
	} else if s.skip == "" {
		s.settle(true)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.e.whole = s.e.whole && s.skip == ""
	s.e.ended()
	s.e.looking = looking{}
	s.e.g.coverage.add(time.Now(), s.e.site, s.e.route, s.skip, s.bytes)
	s.e.offset, s.bytes, s.skip, s.e.lately = 0, 0, "", nil
	s.e.viewer, s.e.worked.asked, s.e.worked.suppliers = nil, false, nil // who signs in or types something in meanwhile is known to the next message
	s.e.x.Time = time.Now()
	s.e.mode = s.e.g.mode(s.e.site, s.e.route) // what was contained meanwhile is, on open connections as well
	if len(s.e.recorded) > maxOnBooks {
		s.e.recorded = nil
	}
}

// unpacked inspects a compressed message, of which nothing has left.
func (s *socket) unpacked() {
	s.bytes = 0
	hide := false
	w := watcher{e: s.e, ctx: s.ctx}
	s.mu.Lock()
	before := s.e.bytes
	err := s.packed.end(s.e.g.maxDecoded(), func(p []byte) { hide = len(w.inspect(p, false)) > 0 || hide })
	hide = len(w.inspect(nil, true)) > 0 || hide
	s.bytes = s.e.bytes - before
	s.mu.Unlock()
	switch {
	case hide:
		s.refuse(s.places[0].frame) // what is compressed cannot be masked in place
	case errors.Is(err, errLimit):
		s.missed(SkipLimit)
	case err != nil:
		s.missed(SkipMalformed)
	}
	s.places = s.places[:0]
}

// missed lets a compressed message go uninspected, or not.
func (s *socket) missed(why candor.Skip) {
	if s.skip = why; s.closed() && len(s.places) > 0 {
		s.refuse(s.places[0].frame)
	}
	s.packed.drop()
	s.places = s.places[:0]
}

// settle inspects what there is of a text message.
func (s *socket) settle(final bool) {
	if s.from.packed || s.skip != "" || len(s.content) == 0 && !final {
		return
	}
	s.mu.Lock()
	n := s.e.find(s.content, final)
	hide := s.e.decide(s.ctx)
	hidden, first := len(hide) > 0, 0
	block := hidden && (s.e.mode == Block || s.e.mode == Trip || sealed(hide))
	if block {
		first = hide[0].Offset // they come in the order of their offsets
	}
	for _, h := range hide {
		if !block {
			h.Mask(s.content[h.Offset : h.Offset+h.Length])
		}
	}
	s.e.offset += int64(n)
	s.mu.Unlock()
	if block {
		s.refuse(s.frameOf(first))
		return
	}
	s.write(hidden, n)
	s.bytes += int64(n)
}

// write puts settled content back to where it stands in wire, and forgets it.
func (s *socket) write(masked bool, n int) {
	at, keep := 0, 0
	for _, p := range s.places {
		if masked {
			copy(s.wire[p.at:p.at+p.n], s.content[at:])
		}
		if at+p.n > n { // not settled to its end
			if gone := max(0, n-at); gone > 0 {
				p.at, p.n, p.from = p.at+gone, p.n-gone, p.at+gone
			}
			s.places[keep] = p
			keep++
		}
		at += p.n
	}
	s.places = s.places[:keep]
	s.content = append(s.content[:0], s.content[n:]...)
}

// frameOf is where the frame begins that holds a byte of content.
func (s *socket) frameOf(offset int) int {
	for _, p := range s.places {
		if offset < p.n {
			return p.frame
		}
		offset -= p.n
	}
	return -1
}

// send writes what may leave.
func (s *socket) send() error {
	n := len(s.wire)
	switch {
	case s.refused, s.blind:
	case len(s.places) > 0:
		n = s.places[0].from
	case s.from.have > 0, s.from.in && s.from.op == opClose: // a close frame leaves whole: see reason
		n = s.start
	}
	if n == 0 && !s.refused {
		return nil
	}
	_, err := s.Conn.Write(s.wire[:n])
	s.wire = append(s.wire[:0], s.wire[n:]...)
	s.start = max(-1, s.start-n)
	for i := range s.places {
		p := &s.places[i]
		p.at, p.from, p.frame = p.at-n, p.from-n, max(-1, p.frame-n)
	}
	if s.refused && err == nil {
		s.Conn.Close()
		return errWithheld
	}
	return err
}

// refuse ends the connection instead of letting a frame leave. Where that has begun, there can be no close frame.
func (s *socket) refuse(frame int) {
	s.refused = true
	if frame < 0 {
		s.wire = s.wire[:0]
		return
	}
	s.wire = append(s.wire[:frame], closing(1008, "withheld: personal data")...) // RFC 6455 §7.4.1, policy violation
}

// violated: what cannot be read as the client reads it is not let through, and in Observe is not looked at any more.
func (s *socket) violated() {
	s.mu.Lock()
	observe := s.e.mode == Observe
	s.e.g.coverage.add(time.Now(), s.e.site, s.e.route, SkipMalformed, 0)
	s.mu.Unlock()
	if s.settle(true); s.refused {
		return
	}
	if observe {
		s.blind, s.places = true, nil
		return
	}
	n := max(0, s.start)
	if len(s.places) > 0 { // of a compressed message
		n = s.places[0].from
	}
	s.refused = true
	s.wire = append(s.wire[:n], closing(1002, "")...)
}

// CloseWrite says that the server has no more to say.
func (s *socket) CloseWrite() error {
	s.writing.Lock()
	err := s.flush()
	s.writing.Unlock()
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok && err == nil {
		return c.CloseWrite()
	}
	return errors.Join(err, s.Conn.Close())
}

// Close lets go of what waits, unless a Write hangs: that one it ends.
func (s *socket) Close() error {
	if s.writing.TryLock() {
		s.flush()
		s.writing.Unlock()
	}
	return s.Conn.Close()
}

// flush sends what no frame will complete.
func (s *socket) flush() error {
	if s.refused || len(s.wire) == 0 {
		return nil
	}
	s.settle(true)
	if len(s.places) > 0 { // a compressed message without its end is nothing to anybody
		s.wire = s.wire[:s.places[0].from]
	}
	s.places, s.blind = nil, true
	return s.send()
}

// Read hands the client's bytes on, and notes what they say.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.early.Read(p)
	if n == 0 && err != nil {
		n, err = s.Conn.Read(p)
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	for at := 0; at < n && !s.deaf; {
		at += s.listen(p[at:n])
	}
	return n, err
}

// listen takes what is next of a client's frame.
func (s *socket) listen(p []byte) (n int) {
	if !s.said.in {
		n, done, err := s.said.header(p)
		s.deaf = err != nil // the server will say so
		s.at = 0
		if err != nil || !done || s.said.left > 0 {
			return n
		}
		p = nil
		_, _, ends := s.said.payload(p)
		if ends {
			s.heardOut()
		}
		return n
	}
	n, _, ends := s.said.payload(p)
	if s.said.text && !s.said.control() {
		plain := append([]byte(nil), p[:n]...)
		s.said.unmask(plain, s.at)
		s.note(plain)
	}
	s.at += uint64(n)
	if ends {
		s.heardOut()
	}
	return n
}

func (s *socket) note(plain []byte) {
	if s.said.packed {
		s.unpack.add(plain)
		return
	}
	s.look(plain, false)
}

// heardOut deals with the end of a client's message.
func (s *socket) heardOut() {
	if !s.said.text {
		return
	}
	if s.said.packed && !s.unpack.lost {
		s.unpack.end(maxDeflated, func(p []byte) { s.look(p, false) })
	}
	s.look(nil, true)
}

// look finds identifiers in what the client says.
func (s *socket) look(p []byte, final bool) {
	s.tail = append(s.tail, p...)
	n := s.heard.Find(s.tail, final)
	s.tail = append(s.tail[:0], s.tail[n:]...)
}

// hear keeps an identifier that the client said.
func (s *socket) hear(m scan.Match) bool {
	if !s.e.g.Directory.Known(m.Kind, m.Value) {
		return false
	}
	if s.kept++; s.kept <= maxCarried {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.e.carried()
		s.e.supply(m)
	}
	return true
}

// isWebSocket tells the one protocol that is read.
func isWebSocket(h http.Header) bool { return strings.EqualFold(h.Get("Upgrade"), "websocket") }

package guard

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// lines are connections to an upstream that speaks HTTP/1.1 without TLS, for requests without a body. http.Transport has two goroutines for each
// connection, and hands each request and response over to and from them, which costs more than to inspect a small page. Where nothing has to be
// sent while something arrives, who has the request can write it and read the answer itself.
type lines struct {
	addr string
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu   sync.Mutex
	idle []*line // who came last is last, and is taken first
	reap *time.Timer
}

// line is one connection, with at most one request at a time. It is the body of that request's response.
type line struct {
	wire  wire
	probe *probe
	used  bool      // it has carried a request before
	since time.Time // when it became idle

	r    *bufio.Reader // while it carries a request
	ctx  context.Context
	stop func() bool
	res  *http.Response
	body io.Reader // nil: the body's length is known
	left int64     // bytes of such a body that are still to come
	over bool      // all of body was read
}

const (
	maxIdleLines = 512
	lineIdles    = 90 * time.Second
	// maxHead is how large the head of a response may be, with informational ones before it: what net/http's Transport takes.
	maxHead = 10 << 20
	// lineBuffer is how much is read at once: what is inspected and sent is read in place.
	lineBuffer = 64 << 10
)

var (
	lineReaders = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, lineBuffer) }}
	lineWriters = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 4<<10) }}
)

var errHead = errors.New("the head of upstream's response is too large")

// newLines returns nil where upstream asks for more than plain HTTP, or where idle connections cannot be probed.
func newLines(upstream *url.URL) *lines {
	if upstream.Scheme != "http" || !canProbe {
		return nil
	}
	addr := upstream.Host
	if upstream.Port() == "" {
		addr = net.JoinHostPort(upstream.Hostname(), "80")
	}
	return &lines{addr: addr, dial: (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext}
}

// carry reports whether a request can go over a line.
func (ls *lines) carry(r *http.Request) bool {
	switch {
	case ls == nil, r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0, len(r.Header["Expect"]) > 0:
		return false
	}
	// Such a request may be sent again when a kept connection turns out closed (RFC 9110 §9.2.2).
	return r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
}

// roundTrip sends a request, and returns its answer once the head of that is there; informational ones go to hint. The answer's body is a *line.
func (ls *lines) roundTrip(ctx context.Context, out *http.Request, uri string, hint func(int, http.Header)) (*http.Response, error) {
	for fresh := false; ; fresh = true {
		l, err := ls.take(ctx, fresh)
		if err != nil {
			return nil, err
		}
		res, err := l.ask(ctx, out, uri, hint)
		if err == nil {
			return res, nil
		}
		unheard := l.used && l.wire.left == maxHead // upstream closed it before it got the request
		l.end(false)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		} else if !unheard {
			return nil, err
		}
	}
}

// take is the idle line that was used last, or a new one.
func (ls *lines) take(ctx context.Context, fresh bool) (*line, error) {
	for !fresh {
		l := ls.pop()
		if l == nil {
			break
		}
		if l.probe.silent() {
			return l, nil
		}
		l.wire.Close() // upstream has closed it, or said what nobody asked for: nobody is to get that for an answer
	}
	c, err := ls.dial(ctx, "tcp", ls.addr)
	if err != nil {
		return nil, err
	}
	p, err := newProbe(c)
	if err != nil {
		c.Close()
		return nil, err
	}
	return &line{wire: wire{Conn: c, lines: ls}, probe: p}, nil
}

func (ls *lines) pop() *line {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	last := len(ls.idle) - 1
	if last < 0 {
		return nil
	}
	l := ls.idle[last]
	ls.idle[last] = nil
	ls.idle = ls.idle[:last]
	return l
}

func (ls *lines) put(l *line) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if len(ls.idle) >= maxIdleLines {
		l.wire.Close()
		return
	}
	l.since = time.Now()
	ls.idle = append(ls.idle, l)
	if ls.reap == nil {
		ls.reap = time.AfterFunc(lineIdles, ls.old)
	}
}

// old closes lines that were idle for long.
func (ls *lines) old() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	n := 0
	for n < len(ls.idle) && time.Since(ls.idle[n].since) >= lineIdles {
		ls.idle[n].wire.Close()
		n++
	}
	ls.idle = append(ls.idle[:0], ls.idle[n:]...)
	clear(ls.idle[len(ls.idle) : len(ls.idle)+n])
	if ls.reap = nil; len(ls.idle) > 0 {
		ls.reap = time.AfterFunc(lineIdles-time.Since(ls.idle[0].since), ls.old)
	}
}

// wire is the connection, of which a limited number of bytes may be read.
type wire struct {
	net.Conn
	lines *lines
	left  int64
}

func (w *wire) Read(p []byte) (int, error) {
	if w.left <= 0 {
		return 0, errHead
	}
	n, err := w.Conn.Read(p[:min(int64(len(p)), w.left)])
	w.left -= int64(n)
	return n, err
}

const unlimited = 1<<63 - 1

var longAgo = time.Unix(1, 0)

// ask writes the request and reads the head of the answer.
func (l *line) ask(ctx context.Context, out *http.Request, uri string, hint func(int, http.Header)) (*http.Response, error) {
	l.ctx, l.wire.left = ctx, maxHead
	l.r = lineReaders.Get().(*bufio.Reader)
	l.r.Reset(&l.wire)
	l.stop = context.AfterFunc(ctx, func() { l.wire.SetDeadline(longAgo) })
	if err := l.write(out, uri); err != nil {
		return nil, err
	}
	for {
		res, err := http.ReadResponse(l.r, out)
		if err != nil {
			return nil, err
		}
		if res.StatusCode >= 100 && res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols {
			hint(res.StatusCode, res.Header)
			continue
		}
		l.wire.left = unlimited
		l.res, l.body, l.left, l.over = res, nil, 0, false
		switch {
		case res.Body == http.NoBody:
		case res.ContentLength >= 0:
			l.left = res.ContentLength
		default:
			l.body = res.Body
		}
		res.Body = l
		return res, nil
	}
}

// notSent are fields that describe a body, of which there is none, and those that are written by themselves.
var notSent = map[string]bool{"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Trailer": true}

func (l *line) write(out *http.Request, uri string) error {
	b := lineWriters.Get().(*bufio.Writer)
	defer lineWriters.Put(b)
	b.Reset(&l.wire)
	for _, s := range [...]string{out.Method, " ", uri, " HTTP/1.1\r\nHost: ", out.Host, "\r\n"} {
		b.WriteString(s)
	}
	out.Header.WriteSubset(b, notSent)
	b.WriteString("\r\n")
	return b.Flush()
}

// isPlain: nothing in it ends a word of a request's head, and all of it is ASCII. For what is not, Transport has its rules.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}

// errTaken says that the rest of a body is not wanted.
var errTaken = errors.New("the client is gone, or the response was withheld")

// offer hands a body whose length is known over to a response that is inspected, which leaves in the reader's memory what may yet become an
// identifier: there the rest comes behind it. It returns io.EOF at a proper end.
func (l *line) offer(rw *response) error {
	for kept := 0; int64(kept) < l.left; {
		_, err := l.r.Peek(kept + 1)
		p, _ := l.r.Peek(int(min(l.left, int64(l.r.Buffered()))))
		if err != nil {
			rw.Write(p) // all that there will be
			return l.broken(err)
		}
		n, err := rw.offer(p)
		if err != nil {
			return errTaken
		}
		l.r.Discard(n)
		l.left, kept = l.left-int64(n), len(p)-n
	}
	return io.EOF
}

// Read reads from the body.
func (l *line) Read(p []byte) (int, error) {
	if l.body == nil {
		n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
		if l.left -= int64(n); l.left == 0 {
			return n, io.EOF
		} else if err != nil {
			err = l.broken(err)
		}
		return n, err
	}
	n, err := l.body.Read(p)
	if err == io.EOF {
		l.over = true
	} else if err != nil {
		err = l.broken(err)
	}
	return n, err
}

// hasMore reports that reading from the body will not wait: bytes of it came with the head. Of chunks (RFC 9112 §7.1) net/http reads all that has
// begun, so that there must be one, whole, and nothing behind it.
func (l *line) hasMore() bool {
	p, _ := l.r.Peek(l.r.Buffered())
	if l.body == nil || len(l.res.TransferEncoding) == 0 {
		return len(p) > 0
	}
	line, chunk, _ := bytes.Cut(p, []byte("\r\n"))
	size, err := strconv.ParseUint(string(line), 16, 31)
	behind := len(chunk) - int(size)
	return err == nil && size > 0 && behind >= 0 && behind <= len("\r\n")
}

// broken says why a body ended early.
func (l *line) broken(err error) error {
	if l.ctx.Err() != nil {
		return l.ctx.Err()
	} else if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Close ends the request. The connection is kept if all of the answer was read, and nothing but it.
func (l *line) Close() error {
	whole := l.body == nil && l.left == 0 || l.over
	l.end(whole && !l.res.Close && l.res.StatusCode != http.StatusSwitchingProtocols && l.r.Buffered() == 0)
	return nil
}

func (l *line) end(keep bool) {
	keep = l.stop() && keep
	l.r.Reset(nil)
	lineReaders.Put(l.r)
	l.r, l.ctx, l.stop, l.res, l.body, l.used = nil, nil, nil, nil, nil, true
	if !keep {
		l.wire.Close()
		return
	}
	l.wire.lines.put(l)
}

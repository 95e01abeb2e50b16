package delivery

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// sink is a relay that a test tells how to behave. It counts what it took, by recipient.
type sink struct {
	t        testing.TB
	listener net.Listener
	offers   []string // EHLO lines
	// say overrides what is said to a step of a transaction: "greeting", "EHLO", "MAIL", "RCPT", "DATA" and "end", by recipient where it is
	// known. cutBefore and cutAfter end the connection instead of, and behind, the answer.
	say    func(step, to string) string
	tls    *tls.Config
	verify func(user, password string) bool

	mu       sync.Mutex
	took     map[string]int    // messages that were answered 250, or were taken before a cut
	messages map[string]string // the last, by recipient; only where keep
	commands []string          // only where keep
	keep     bool
	conns    int
	most     int // connections at a time
	open     map[net.Conn]bool
}

const (
	cutBefore = "cut-before" // the step is not done
	cutAfter  = "cut-after"  // the step is done and not answered
	silence   = "silence"    // the step is done and not answered, and the connection stays
)

var everything = []string{"PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 1000000", "ENHANCEDSTATUSCODES"}

func newSink(t testing.TB, offers ...string) *sink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{t: t, listener: l, offers: offers, took: map[string]int{}, messages: map[string]string{}, open: map[net.Conn]bool{}}
	t.Cleanup(s.close)
	go s.serve()
	return s
}

func (s *sink) addr() string { return s.listener.Addr().String() }

func (s *sink) relay() Relay { return Relay{Addr: s.addr(), TLS: NoTLS} }

func (s *sink) close() {
	s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		c.Close()
	}
}

func (s *sink) serve() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[c] = true
		s.conns++
		s.most = max(s.most, len(s.open))
		s.mu.Unlock()
		go func() {
			x := &sinkConn{sink: s, c: c, r: bufio.NewReaderSize(c, 64<<10), w: bufio.NewWriter(c)}
			x.talk()
			c.Close()
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
		}()
	}
}

func (s *sink) count(to string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.took[to]
}

func (s *sink) total() (people, messages int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.took {
		people, messages = people+1, messages+n
	}
	return
}

type sinkConn struct {
	*sink
	c    net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
	from bool
	to   string
	body bytes.Buffer
}

func (x *sinkConn) answer(format string, args ...any) bool {
	fmt.Fprintf(x.w, format+"\r\n", args...)
	return true
}

// step says what a step is answered with, do it, and reports whether the connection goes on.
func (x *sinkConn) step(step, usual string, do func()) bool {
	said := usual
	if x.say != nil {
		if s := x.say(step, x.to); s != "" {
			said = s
		}
	}
	if said[0] == '2' || said[0] == '3' || said == cutAfter || said == silence {
		do()
	}
	switch said {
	case cutBefore, cutAfter:
		x.w.Flush()
		return false
	case silence:
		return true
	}
	x.answer("%s", said)
	return !strings.HasPrefix(said, "421")
}

func (x *sinkConn) talk() {
	defer x.w.Flush()
	if !x.step("greeting", "220 sink.example ESMTP", func() {}) {
		return
	}
	for {
		if x.r.Buffered() == 0 {
			x.w.Flush()
		}
		line, err := x.r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		if x.keep {
			x.mu.Lock()
			x.commands = append(x.commands, line)
			x.mu.Unlock()
		}
		verb, arg, _ := strings.Cut(line, " ")
		if !x.command(strings.ToUpper(verb), arg) {
			return
		}
	}
}

func (x *sinkConn) command(verb, arg string) bool {
	switch verb {
	case "EHLO":
		all := append([]string{"sink.example"}, x.offers...)
		for i, o := range all {
			all[i] = "250-" + o
		}
		all[len(all)-1] = strings.Replace(all[len(all)-1], "-", " ", 1)
		return x.step("EHLO", strings.Join(all, "\r\n"), func() {})
	case "STARTTLS":
		x.answer("220 go on")
		x.w.Flush()
		t := tls.Server(x.c, x.tls)
		if t.Handshake() != nil {
			return false
		}
		x.c, x.r, x.w = t, bufio.NewReader(t), bufio.NewWriter(t)
		return true
	case "RSET":
		x.from, x.to = false, ""
		return x.answer("250 2.0.0 reset")
	case "NOOP":
		return x.answer("250 2.0.0 here")
	case "QUIT":
		x.answer("221 2.0.0 good-bye")
		return false
	case "MAIL":
		if x.from {
			return x.answer("503 5.5.1 nested MAIL")
		}
		return x.step("MAIL", "250 2.1.0 ok", func() { x.from = true })
	case "RCPT":
		if !x.from {
			return x.answer("503 5.5.1 MAIL first")
		}
		x.to = between(arg)
		before := x.to
		ok := false
		on := x.step("RCPT", "250 2.1.5 ok", func() { ok = true })
		if x.to = ""; ok {
			x.to = before
		}
		return on
	case "DATA":
		if x.to == "" {
			return x.answer("554 5.5.1 no valid recipients")
		}
		going := false
		on := x.step("DATA", "354 go on", func() { going = true })
		if x.w.Flush(); !going || !on {
			return on
		}
		return x.data()
	case "BDAT":
		return x.bdat(arg)
	case "AUTH":
		return x.auth(arg)
	}
	return x.answer("500 5.5.2 what?")
}

func between(arg string) string {
	_, s, _ := strings.Cut(arg, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}

func (x *sinkConn) data() bool {
	x.body.Reset()
	for {
		line, err := x.r.ReadSlice('\n')
		if err != nil {
			return false
		}
		if string(line) == ".\r\n" {
			return x.end()
		}
		if line[0] == '.' {
			line = line[1:]
		}
		x.body.Write(line)
	}
}

func (x *sinkConn) bdat(arg string) bool {
	size, _, _ := strings.Cut(arg, " ")
	n, err := strconv.Atoi(size)
	if err != nil {
		return false
	}
	x.body.Reset()
	if _, err := io.CopyN(&x.body, x.r, int64(n)); err != nil {
		return false
	}
	if x.to == "" {
		return x.answer("503 5.5.1 no valid recipients")
	}
	return x.end()
}

func (x *sinkConn) end() bool {
	on := x.step("end", "250 2.0.0 queued as 4F9", func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.took[x.to]++
		if x.keep {
			x.messages[x.to] = x.body.String()
		}
	})
	x.from, x.to = false, ""
	return on
}

// eventually waits for something that another goroutine does.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("it took more than 30 seconds: %s", what)
		}
		<-tick.C
	}
}

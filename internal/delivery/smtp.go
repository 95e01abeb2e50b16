package delivery

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// TLS is how a connection to a relay is protected.
type TLS string

// The ways.
const (
	StartTLS TLS = "starttls" // RFC 3207; a relay that does not offer it is not used. The zero value means this
	Implicit TLS = "implicit" // RFC 8314 §3.3
	NoTLS    TLS = "none"     // in the clear: for a relay on the same machine
)

// Relay is a server that takes the notices.
type Relay struct {
	Addr     string                 // host:port
	TLS      TLS                    // certificates are always verified, for the host of Addr
	Roots    *x509.CertPool         // nil: the system's
	User     string                 // empty: no AUTH. Never without TLS
	Password func() (string, error) // asked for each connection
	Conns    int                    // at most, from this process; 0: 8
	Hello    string                 // name in EHLO; empty: the machine's
}

func (r Relay) host() string {
	host, _, err := net.SplitHostPort(r.Addr)
	if err != nil {
		return r.Addr
	}
	return host
}

// Timeouts of RFC 5321 §4.5.3.2. The last must not be shorter: a server that takes long is a server that has taken it, and whoever
// gives up makes duplicates.
const (
	dialWithin     = 30 * time.Second
	greetingWithin = 5 * time.Minute
	commandWithin  = 5 * time.Minute
	dataWithin     = 2 * time.Minute
	blockWithin    = 3 * time.Minute
	takenWithin    = 10 * time.Minute
)

// conn is a connection to a relay. One goroutine has it; only hurry may be called by another.
type conn struct {
	net  net.Conn
	r    *bufio.Reader
	w    *bufio.Writer
	ext  map[string]string // what EHLO said, by keyword in capitals
	cmds []string          // asked by begin; with PIPELINING all are on their way
	open bool              // a transaction may be under way: RSET before the next

	mu  sync.Mutex
	end time.Time // no answer is waited for after this; zero: no such end. Guarded by mu, with the deadlines of net
}

// connect opens a connection, up to what EHLO says after TLS and AUTH.
func connect(ctx context.Context, r Relay) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.Addr)
	if err != nil {
		return nil, err
	}
	c := &conn{}
	c.wrap(raw)
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	if r.TLS == Implicit {
		err = c.secure(ctx, r)
	}
	if err == nil {
		err = c.hello(ctx, r)
	}
	if err != nil {
		raw.Close()
		return nil, err
	}
	return c, nil
}

func (c *conn) wrap(n net.Conn) {
	c.net, c.r, c.w = n, bufio.NewReaderSize(n, maxLine), bufio.NewWriterSize(n, 32<<10)
}

func (c *conn) secure(ctx context.Context, r Relay) error {
	t := tls.Client(c.net, &tls.Config{ServerName: r.host(), RootCAs: r.Roots, MinVersion: tls.VersionTLS12})
	if err := t.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	c.wrap(t)
	return nil
}

func (c *conn) hello(ctx context.Context, r Relay) error {
	greeting, err := c.reply(greetingWithin)
	if err != nil {
		return err
	} else if !greeting.ok() {
		return fmt.Errorf("it does not want to talk: %s", greeting.detail(""))
	}
	if err := c.ehlo(r); err != nil {
		return err
	}
	if r.TLS == StartTLS || r.TLS == "" {
		if err := c.startTLS(ctx, r); err != nil {
			return err
		}
	}
	if r.User == "" {
		return nil
	}
	if r.TLS == NoTLS {
		return errors.New("a password is not sent without TLS")
	}
	return c.auth(r)
}

func (c *conn) ehlo(r Relay) error {
	name := r.Hello
	if name == "" {
		name, _ = os.Hostname()
	}
	if a, ok := parseAddress("x@" + name); ok {
		name = a.domain
	} else {
		name = "localhost"
	}
	said, err := c.ask("EHLO "+name, commandWithin)
	if err != nil {
		return err
	} else if !said.ok() {
		return fmt.Errorf("EHLO: %s", said.detail(""))
	}
	c.ext = map[string]string{}
	for _, line := range said.lines[1:] {
		key, value, _ := strings.Cut(line, " ")
		c.ext[strings.ToUpper(key)] = value
	}
	return nil
}

func (c *conn) startTLS(ctx context.Context, r Relay) error {
	if !c.offers("STARTTLS") {
		return errors.New("it does not offer STARTTLS")
	}
	said, err := c.ask("STARTTLS", commandWithin)
	if err != nil {
		return err
	} else if !said.ok() {
		return fmt.Errorf("STARTTLS: %s", said.detail(""))
	}
	if c.r.Buffered() > 0 { // CVE-2011-0411: what came in the clear would count as if it had come protected
		return errors.New("it said more in the clear after STARTTLS: somebody may be in between")
	}
	if err := c.secure(ctx, r); err != nil {
		return err
	}
	return c.ehlo(r)
}

// auth is PLAIN (RFC 4616), else LOGIN, which some large relays still need. Both are safe behind TLS with a verified name.
func (c *conn) auth(r Relay) error {
	password, err := r.Password()
	if err != nil {
		return err
	}
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	var steps []string
	switch mechanisms := " " + strings.ToUpper(c.ext["AUTH"]) + " "; {
	case strings.Contains(mechanisms, " PLAIN "):
		steps = []string{"AUTH PLAIN " + b64("\x00"+r.User+"\x00"+password)}
	case strings.Contains(mechanisms, " LOGIN "):
		steps = []string{"AUTH LOGIN", b64(r.User), b64(password)}
	default:
		return errors.New("it offers neither AUTH PLAIN nor AUTH LOGIN")
	}
	for i, step := range steps {
		said, err := c.ask(step, commandWithin)
		if err != nil {
			return err
		} else if last := i == len(steps)-1; last && !said.ok() || !last && said.code != 334 {
			return fmt.Errorf("AUTH: %d: user and password were not accepted", said.code)
		}
	}
	return nil
}

func (c *conn) offers(extension string) bool {
	_, ok := c.ext[extension]
	return ok
}

// envelope is what is told of a message before it.
type envelope struct {
	from string // the return path
	to   address
	key  string // ENVID (RFC 3461 §4.4)
	size int
	body bool // the message has octets above 127
}

// fits is why a message cannot be sent over this connection; empty where it can.
func (c *conn) fits(e envelope) string {
	limit, _ := strconv.Atoi(c.ext["SIZE"])
	switch {
	case e.to.utf8() && !c.offers("SMTPUTF8"):
		return NoUTF8
	case e.body && !c.offers("8BITMIME"):
		return No8Bit
	case limit > 0 && e.size > limit:
		return TooLarge
	}
	return ""
}

// begin asks for a transaction. With PIPELINING all of it is asked at once, and may follow the end of another message (RFC 2920 §3.1); nothing
// is flushed. begun has the answers.
func (c *conn) begin(e envelope) {
	c.cmds = c.cmds[:0]
	if c.open {
		c.cmds = append(c.cmds, "RSET")
	}
	c.open = true
	c.cmds = append(c.cmds, c.mail(e), c.rcpt(e))
	if !c.chunking() {
		c.cmds = append(c.cmds, "DATA")
	}
	if c.pipelining() {
		for _, cmd := range c.cmds {
			c.write(cmd)
		}
	}
}

func (c *conn) pipelining() bool { return c.offers("PIPELINING") }
func (c *conn) chunking() bool   { return c.offers("CHUNKING") }

func (c *conn) mail(e envelope) string {
	s := "MAIL FROM:<" + e.from + ">"
	if c.offers("SIZE") {
		s += " SIZE=" + strconv.Itoa(e.size)
	}
	if e.body {
		s += " BODY=8BITMIME"
	}
	if e.to.utf8() {
		s += " SMTPUTF8"
	}
	if c.offers("DSN") {
		s += " RET=HDRS ENVID=" + xtext(e.key)
	}
	return s
}

func (c *conn) rcpt(e envelope) string {
	s := "RCPT TO:<" + e.to.String() + ">"
	if !c.offers("DSN") {
		return s
	}
	s += " NOTIFY=FAILURE,DELAY ORCPT="
	if e.to.utf8() {
		return s + "utf-8;" + utf8xtext(e.to.String())
	}
	return s + "rfc822;" + xtext(e.to.String())
}

// refusal is a reply that was no yes, and to what: "MAIL", "RCPT", "DATA" or "".
type refusal struct {
	to string
	reply
}

// begun waits for the answers. A nil refusal and no error: the message may be sent. An error means that the connection is of no more use;
// there may be a refusal, too, that was heard before.
func (c *conn) begun() (no *refusal, err error) {
	for _, cmd := range c.cmds {
		if !c.pipelining() {
			c.write(cmd)
		}
		r, err := c.reply(timeoutOf(cmd))
		if err != nil {
			return no, err
		}
		wanted := r.ok() || cmd == "DATA" && r.code == 354
		if !wanted && no == nil {
			no = &refusal{verb(cmd), r}
		}
		if r.code == serviceEnd {
			return no, errors.New("the relay closes the connection")
		}
		if no != nil && cmd == "DATA" && r.code == 354 {
			// RFC 2920 §3.1: DATA was taken although nobody is there to have it. An empty message goes to nobody.
			if _, err := c.ask(".", takenWithin); err != nil {
				return no, err
			}
		}
		if no != nil && !c.pipelining() {
			break
		}
	}
	return no, nil
}

func verb(cmd string) string { return cmd[:4] }

func timeoutOf(cmd string) time.Duration {
	if cmd == "DATA" {
		return dataWithin
	}
	return commandWithin
}

// send writes the message to its end; flush makes it leave.
func (c *conn) send(message []byte) {
	c.net.SetWriteDeadline(time.Now().Add(blockWithin))
	if c.chunking() { // RFC 3030 §2: after a chunk that was refused only RSET is sure to help, and the next may follow at once
		c.w.WriteString("BDAT " + strconv.Itoa(len(message)) + " LAST\r\n")
		c.w.Write(message)
		return
	}
	c.open = false // the end of data ends the transaction, whatever is said to it (RFC 5321 §4.1.1.4)
	for len(message) > 0 {
		if message[0] == '.' { // RFC 5321 §4.5.2
			c.w.WriteByte('.')
		}
		end := bytes.IndexByte(message, '\n') + 1
		c.w.Write(message[:end])
		message = message[end:]
	}
	c.w.WriteString(".\r\n")
}

func (c *conn) flush() error { return c.w.Flush() }

// taken waits for what the server says to the message.
func (c *conn) taken() (reply, error) { return c.reply(takenWithin) }

func (c *conn) write(cmd string) {
	c.net.SetWriteDeadline(time.Now().Add(commandWithin))
	c.w.WriteString(cmd)
	c.w.WriteString("\r\n")
}

func (c *conn) ask(cmd string, within time.Duration) (reply, error) {
	c.write(cmd)
	return c.reply(within)
}

// reply flushes what waits to be sent, and reads one reply.
func (c *conn) reply(within time.Duration) (reply, error) {
	if c.w.Buffered() > 0 {
		if err := c.flush(); err != nil {
			return reply{}, err
		}
	}
	c.mu.Lock()
	deadline := time.Now().Add(within)
	if !c.end.IsZero() && c.end.Before(deadline) {
		deadline = c.end
	}
	c.net.SetReadDeadline(deadline)
	c.mu.Unlock()
	return readReply(c.r)
}

// hurry lets no answer be waited for longer than until end.
func (c *conn) hurry(end time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = end
	c.net.SetReadDeadline(end)
}

// quit says good-bye and does not wait for an answer (RFC 5321 §4.1.1.10 asks for more; nothing depends on it any more).
func (c *conn) quit() {
	c.net.SetWriteDeadline(time.Now().Add(time.Second))
	c.w.WriteString("QUIT\r\n")
	c.w.Flush()
	c.net.Close()
}

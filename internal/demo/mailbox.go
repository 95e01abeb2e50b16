package demo

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/idna"
)

// Mailbox is the mail server of the story: it takes every message, delivers none, and keeps each as a file.
type Mailbox struct {
	Dir string // where messages are kept, N.eml; it holds addresses

	server *smtp.Server
	addr   string
	done   chan struct{}
	mu     sync.Mutex // guards what follows
	got    map[string]int
	n      int
}

// Open starts it on a free port of this machine.
func (m *Mailbox) Open() error {
	if err := os.MkdirAll(m.Dir, 0o700); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	m.got, m.done, m.addr = map[string]int{}, make(chan struct{}), l.Addr().String()
	m.server = smtp.NewServer(m)
	m.server.Domain, m.server.ReadTimeout, m.server.WriteTimeout = "mail."+Site, time.Minute, time.Minute
	m.server.MaxMessageBytes, m.server.EnableSMTPUTF8 = 1<<20, true
	go func() {
		defer close(m.done)
		m.server.Serve(l)
	}()
	return nil
}

// Addr is host:port.
func (m *Mailbox) Addr() string { return m.addr }

// Close ends it, and every connection.
func (m *Mailbox) Close() {
	m.server.Close()
	<-m.done
}

// Count is how many messages came for a customer.
func (m *Mailbox) Count(c *Customer) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.got[box(c.Email)]
}

// box is the mailbox of an address, however it is written: domains come as A-labels (RFC 5891), and people write them as they read them.
func box(address string) string {
	local, domain, _ := strings.Cut(strings.ToLower(address), "@")
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = ascii
	}
	return local + "@" + domain
}

// Total is how many messages came.
func (m *Mailbox) Total() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n
}

// NewSession is for the server's library.
func (m *Mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &delivered{box: m}, nil }

// delivered is one connection.
type delivered struct {
	box *Mailbox
	to  []string
}

func (d *delivered) Reset()                               { d.to = nil }
func (d *delivered) Logout() error                        { return nil }
func (d *delivered) Mail(string, *smtp.MailOptions) error { return nil }

func (d *delivered) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = append(d.to, to)
	return nil
}

func (d *delivered) Data(r io.Reader) error {
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		return err
	}
	return d.box.keep(d.to, b.Bytes())
}

func (m *Mailbox) keep(to []string, message []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := os.WriteFile(filepath.Join(m.Dir, fmt.Sprintf("%d.eml", m.n+1)), message, 0o600); err != nil {
		return err
	}
	m.n++
	for _, address := range to {
		m.got[box(address)]++
	}
	return nil
}

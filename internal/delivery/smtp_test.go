package delivery

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"candor.example/internal/notice"
)

// once says something the first time that a step is reached.
func once(step, said string) func(string, string) string {
	var mu sync.Mutex
	done := false
	return func(s, _ string) string {
		mu.Lock()
		defer mu.Unlock()
		if s != step || done {
			return ""
		}
		done = true
		return said
	}
}

// Every step, and everything that a relay can do there once, for one person.
func TestEveryStep(t *testing.T) {
	const (
		again   = "accepted after a deferral"
		relay   = "accepted, and nothing is said of the person"
		refused = "bounced"
		doubt   = "in doubt"
	)
	for _, c := range []struct{ step, said, want string }{
		{"greeting", "421 4.3.2 not now", relay}, {"greeting", "554 5.3.2 no", relay}, {"greeting", cutBefore, relay},
		{"EHLO", "421 4.3.2 not now", relay}, {"EHLO", "500 5.5.2 what", relay}, {"EHLO", cutBefore, relay},
		{"MAIL", "421 4.3.2 not now", relay}, {"MAIL", "450 4.3.1 full", relay}, {"MAIL", "550 5.7.1 not you", relay}, {"MAIL", cutBefore, again}, {"MAIL", cutAfter, again},
		{"RCPT", "421 4.3.2 not now", again}, {"RCPT", "450 4.2.1 later", again}, {"RCPT", "550 5.1.1 nobody", refused}, {"RCPT", "530 5.7.0 who are you", relay},
		{"RCPT", cutBefore, again}, {"RCPT", cutAfter, again},
		{"DATA", "421 4.3.2 not now", again}, {"DATA", "451 4.3.0 later", again}, {"DATA", "554 5.6.0 no", refused}, {"DATA", cutBefore, again}, {"DATA", cutAfter, again},
		{"end", "421 4.3.2 not now", again}, {"end", "452 4.3.1 full", again}, {"end", "554 5.6.0 no", refused}, {"end", cutBefore, doubt}, {"end", cutAfter, doubt},
	} {
		for _, offers := range [][]string{nil, {"PIPELINING"}, everything} {
			if c.step == "DATA" && len(offers) > 1 {
				continue // there is no DATA with CHUNKING
			}
			t.Run(c.step+" "+c.said+fmt.Sprint(" ", len(offers)), func(t *testing.T) {
				t.Parallel()
				store, sink, b := openStore(t), newSink(t, offers...), newBook(1)
				sink.says(once(c.step, c.said))
				s := b.sender(store, sink.relay())
				s.relayWait, s.Limits.Retry, s.Limits.Hold = time.Millisecond, time.Millisecond, time.Nanosecond
				run1(t, s)
				b.follow(t, store, "c1")
				want, took, deferred := notice.Accepted, 1, 0
				switch c.want {
				case again:
					deferred = 1
				case refused:
					want, took = notice.Bounced, 0
				case doubt:
					want, took = notice.InDoubt, 0
					if c.said == cutAfter {
						took = 1
					}
				}
				if b.state[0] != want || sink.count(address1(0)) != took || b.count[notice.Deferred] != deferred {
					t.Errorf("%s, got %d, deferred %d times: %+v", b.state[0], sink.count(address1(0)), b.count[notice.Deferred], b.last[0])
				}
			})
		}
	}
}

// A relay that never answers keeps the person in doubt, and does not keep the process from ending.
func TestSilence(t *testing.T) {
	t.Parallel()
	store, sink, b := openStore(t), newSink(t, everything...), newBook(1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sink.says(func(step, _ string) string {
		if step == "end" {
			cancel()
			return silence
		}
		return ""
	})
	s := b.sender(store, sink.relay())
	s.grace = 100 * time.Millisecond
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	b.follow(t, store, "c1")
	same(t, b, map[notice.State]int{notice.InDoubt: 1})
}

type goServer struct {
	mu   sync.Mutex
	took map[string][]string
}

type goSession struct {
	*goServer
	to string
}

func (s *goSession) Reset()        {}
func (s *goSession) Logout() error { return nil }
func (s *goSession) Mail(_ string, o *smtp.MailOptions) error {
	if o.EnvelopeID == "" || o.Return != smtp.DSNReturnHeaders {
		return errors.New("no ENVID")
	}
	return nil
}
func (s *goSession) Rcpt(to string, o *smtp.RcptOptions) error {
	if o.OriginalRecipient != to || !slices.Equal(o.Notify, []smtp.DSNNotify{smtp.DSNNotifyFailure, smtp.DSNNotifyDelayed}) {
		return errors.New("no ORCPT")
	}
	s.to = to
	return nil
}
func (s *goSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took[s.to] = append(s.took[s.to], string(b))
	return err
}

// A server that is not ours understands all of it: ENVID and ORCPT, SMTPUTF8, chunks, pipelines.
func TestGoSMTP(t *testing.T) {
	g := &goServer{took: map[string][]string{}}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &goSession{goServer: g}, nil }))
	server.Domain, server.EnableDSN, server.EnableSMTPUTF8 = "sink.example", true, true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	store, b := openStore(t), newBook(200)
	s := b.sender(store, Relay{Addr: l.Addr().String(), TLS: NoTLS})
	s.Compose = func(r Recipient) (Composed, string, error) {
		c, _, _ := compose(r)
		if r.N == 0 {
			c.To = "jürgen+α=1@müller.example"
		}
		return c, "", nil
	}
	run1(t, s)
	b.follow(t, store, "c1")
	same(t, b, map[notice.State]int{notice.Accepted: 200})
	if len(g.took) != 200 || len(g.took["jürgen+α=1@xn--mller-kva.example"]) != 1 {
		t.Errorf("%d people", len(g.took))
	}
	for to, list := range g.took {
		if len(list) != 1 || !strings.HasSuffix(list[0], "\r\nHello.\r\n.dot\r\n") {
			t.Errorf("%s has %q", to, list)
		}
	}
}

// What a relay does not offer, and what cannot be put on the wire, is withheld with its cause, and nothing of it is sent.
func TestWithheld(t *testing.T) {
	long := strings.Repeat("x", 998)
	for _, c := range []struct {
		name, to, body, want string
		offers               []string
	}{
		{"quoted", `"a b"@p.example`, "", BadAddress, everything},
		{"injection", "a@p.example>\r\nRCPT TO:<b@p.example", "", BadAddress, everything},
		{"utf8", "jürgen@p.example", "", NoUTF8, []string{"PIPELINING"}},
		{"size at", "a@p.example", "", "", []string{"SIZE 8"}},
		{"size past", "a@p.example", "", TooLarge, []string{"SIZE 7"}},
		{"8bit", "a@p.example", "é\r\n", No8Bit, []string{"PIPELINING"}},
		{"8bit offered", "a@p.example", "é\r\n", "", everything},
		{"bare LF", "a@p.example", "a\n.\r\n", BadMessage, everything},
		{"bare CR", "a@p.example", "a\r.\r\n", BadMessage, everything},
		{"NUL", "a@p.example", "a\x00\r\n", BadMessage, everything},
		{"no end", "a@p.example", "a", BadMessage, everything},
		{"line at", "a@p.example", long + "\r\n", "", everything},
		{"line past", "a@p.example", long + "x\r\n", BadMessage, everything},
		{"own cause", "a@p.example", "", "no-seal", everything},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			store, sink, b := openStore(t), newSink(t, c.offers...), newBook(1)
			s := b.sender(store, sink.relay())
			s.Compose = func(Recipient) (Composed, string, error) {
				own := ""
				if c.name == "own cause" {
					own = "no-seal"
				}
				return Composed{To: c.to, Message: func(w io.Writer) error {
					_, err := io.WriteString(w, cmp.Or(c.body, "a: b\r\n\r\n"))
					return err
				}}, own, nil
			}
			run1(t, s)
			b.follow(t, store, "c1")
			want, took := notice.Withheld, 0
			if c.want == "" {
				want, took = notice.Accepted, 1
			}
			if _, n := sink.total(); b.state[0] != want || b.last[0].Cause != c.want || n != took {
				t.Errorf("%s %q, %d messages", b.state[0], b.last[0].Cause, n)
			}
		})
	}
}

// testTLS is a certificate for 127.0.0.1 and who vouches for it.
func testTLS(t *testing.T) (*tls.Config, *x509.CertPool) {
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, roots
}

func TestTLSAndAuth(t *testing.T) {
	config, roots := testTLS(t)
	right := func() (string, error) { return "pass word", nil }
	for _, c := range []struct {
		name   string
		offers []string
		relay  Relay
		want   string // of the error; empty: it works
	}{
		{"STARTTLS", []string{"STARTTLS"}, Relay{Roots: roots}, ""},
		{"PLAIN", []string{"STARTTLS", "AUTH LOGIN PLAIN"}, Relay{Roots: roots, User: "shop", Password: right}, ""},
		{"LOGIN", []string{"STARTTLS", "AUTH LOGIN"}, Relay{Roots: roots, User: "shop", Password: right}, ""},
		{"not offered", []string{"PIPELINING"}, Relay{Roots: roots}, "does not offer STARTTLS"},
		{"nobody vouches", []string{"STARTTLS"}, Relay{}, "certificate"},
		{"wrong password", []string{"STARTTLS", "AUTH PLAIN"}, Relay{Roots: roots, User: "shop", Password: func() (string, error) { return "x", nil }}, "not accepted"},
		{"no password", []string{"STARTTLS", "AUTH PLAIN"}, Relay{Roots: roots, User: "shop", Password: func() (string, error) { return "", errors.New("no such file") }}, "no such file"},
		{"another AUTH", []string{"STARTTLS", "AUTH CRAM-MD5"}, Relay{Roots: roots, User: "shop", Password: right}, "neither AUTH PLAIN nor"},
		{"AUTH in the clear", []string{"AUTH PLAIN"}, Relay{TLS: NoTLS, User: "shop", Password: right}, "without TLS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink := newSink(t, c.offers...)
			sink.tls, sink.verify = config, func(user, password string) bool { return user == "shop" && password == "pass word" }
			c.relay.Addr = sink.addr()
			conn, err := connect(t.Context(), c.relay)
			if err == nil {
				conn.quit()
			}
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			if err != nil && strings.Contains(err.Error(), "pass") && !strings.Contains(err.Error(), "password") {
				t.Error("the password is in the error")
			}
		})
	}
}

// What follows the yes to STARTTLS in the clear is somebody's in between (CVE-2011-0411).
func TestStartTLSInjection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		r := bufio.NewReader(c)
		io.WriteString(c, "220 sink\r\n")
		r.ReadString('\n')
		io.WriteString(c, "250-sink\r\n250 STARTTLS\r\n")
		r.ReadString('\n')
		io.WriteString(c, "220 go on\r\n250 AUTH PLAIN\r\n")
		r.ReadString('\n')
	}()
	_, roots := testTLS(t)
	if _, err := connect(t.Context(), Relay{Addr: l.Addr().String(), Roots: roots}); err == nil || !strings.Contains(err.Error(), "in between") {
		t.Error(err)
	}
}

func TestImplicitTLS(t *testing.T) {
	t.Parallel()
	config, roots := testTLS(t)
	outer, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	newSinkOn(t, outer, everything...)
	store, b := openStore(t), newBook(5)
	run1(t, b.sender(store, Relay{Addr: outer.Addr().String(), TLS: Implicit, Roots: roots}))
	b.follow(t, store, "c1")
	same(t, b, map[notice.State]int{notice.Accepted: 5})
}

package bounce

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"
	"golang.org/x/time/rate"
)

// Listener takes mail for the return path, and for nothing else, by SMTP (RFC 5321): it is what the MX record of the return path's domain
// names. It says 250 only after Report has kept what the message says.
type Listener struct {
	Path     ReturnPath
	Hostname string             // its own name, in its greeting
	Report   func(Report) error // may be called by several goroutines; an error: it could not be kept, and the message will come again
	TLS      *tls.Config        // for STARTTLS; nil: not offered
	Log      *slog.Logger       // nil: slog.Default()
	// Rate is how many messages are taken in a second; 0: 200. Beyond it, and ten seconds' worth at once, a sender is asked to come back.
	Rate float64

	limit *rate.Limiter
	peers peers
}

const (
	maxConnections = 200
	perPeer        = 50              // of them, from one address: the shop's own relay is one
	maxWrong       = 10              // recipients that are none of ours, on one connection
	idle           = 5 * time.Minute // RFC 5321 §4.5.3.2.7
	lastWords      = 10 * time.Second
	maxSMTPLine    = 64 << 10 // far beyond RFC 5321 §4.5.3.1.6, which not every bounce keeps to
)

// Serve until ctx ends. What is under way then has ten seconds.
func (l *Listener) Serve(ctx context.Context, on net.Listener) error {
	if l.Log == nil {
		l.Log = slog.Default()
	}
	perSecond := l.Rate
	if perSecond == 0 {
		perSecond = 200
	}
	l.limit = rate.NewLimiter(rate.Limit(perSecond), int(10*perSecond)+1)
	s := smtp.NewServer(smtp.BackendFunc(l.session))
	s.Domain, s.TLSConfig = l.Hostname, l.TLS
	s.MaxRecipients, s.MaxMessageBytes, s.MaxLineLength = 1, MaxMessage+1, maxSMTPLine // go-smtp takes one byte less
	s.ReadTimeout, s.WriteTimeout = idle, idle
	s.EnableSMTPUTF8 = true                 // RFC 6533: a report may quote an address beyond ASCII
	s.ErrorLog = log.New(io.Discard, "", 0) // it says what a stranger said
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.Background(), lastWords)
		defer cancel()
		if s.Shutdown(end) != nil {
			s.Close()
		}
	}()
	err := s.Serve(netutil.LimitListener(on, maxConnections))
	if ctx.Err() != nil {
		<-stopped
		return nil
	}
	return err
}

// peers counts connections by address.
type peers struct {
	sync.Mutex
	n map[string]int
}

func (p *peers) add(peer string, n int) int {
	p.Lock()
	defer p.Unlock()
	if p.n == nil {
		p.n = map[string]int{}
	}
	if p.n[peer] += n; p.n[peer] <= 0 {
		delete(p.n, peer)
		return 0
	}
	return p.n[peer]
}

func (l *Listener) session(c *smtp.Conn) (smtp.Session, error) {
	peer, _, _ := net.SplitHostPort(c.Conn().RemoteAddr().String())
	if l.peers.add(peer, 1) > perPeer {
		l.peers.add(peer, -1)
		return nil, &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "Too many connections from your address: come back later"}
	}
	return &session{listener: l, peer: peer}, nil
}

// session is one connection's.
type session struct {
	listener  *Listener
	peer      string
	recipient string
	wrong     int
}

func (s *session) Reset() { s.recipient = "" }

func (s *session) Logout() error {
	s.listener.peers.add(s.peer, -1)
	return nil
}

// Mail takes any sender: reports have none (RFC 3464 §2), answers and complaints have one.
func (s *session) Mail(string, *smtp.MailOptions) error {
	if !s.listener.limit.Allow() {
		return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "Too many messages now: come back later"}
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.wrong >= maxWrong {
		return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "Too many unknown recipients"}
	}
	if _, ok := s.listener.Path.keyOf(to); !ok {
		s.wrong++
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such recipient: this host takes reports about messages that were sent from here"}
	}
	s.recipient = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	report, err := s.listener.Path.Parse(r, s.recipient)
	if err == nil {
		_, err = io.Copy(io.Discard, r) // which says whether it is longer than may be
	}
	var refused *smtp.SMTPError
	if errors.As(err, &refused) {
		return refused
	} else if err != nil {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "The message could not be read: send it again"}
	}
	if err := s.listener.Report(report); err != nil {
		s.listener.Log.Error("a report about a notice could not be kept; its sender is asked to come back", "kind", report.Kind, "error", err)
		return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "It cannot be kept now: come back later"}
	}
	return nil
}

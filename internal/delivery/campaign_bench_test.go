package delivery

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/notice"
	"candor.example/scan"
)

// BenchmarkCampaign sends real notices, each opened from two seals, written by notice.Writer and signed, with every intent and answer synced to the
// disk; CANDOR_BENCH_NOTICES says how many. Beside it, to the same sink and with one of these messages as bytes: what a sender does that keeps no
// account and signs nothing. Those get 20,000 at most.
func BenchmarkCampaign(b *testing.B) {
	notices := 5_000
	if n, err := strconv.Atoi(os.Getenv("CANDOR_BENCH_NOTICES")); err == nil {
		notices = n
	}
	both, ed := keys().dkim, must1(NewDKIM("shop.example", DKIMKey{"e1", keys().ed}))
	message := oneMessage(b, both)
	few := min(notices, 20_000)
	for _, way := range []struct {
		name string
		run  func(b *testing.B)
	}{
		{"ceiling", func(b *testing.B) { benchPeer(b, few, "chunked", message, ceiling) }},
		{"pooled", func(b *testing.B) { benchPeer(b, few, "lines", message, pooled) }},
		{"naive", func(b *testing.B) { benchNaive(b, few, message) }},
		{"journalled", func(b *testing.B) { benchSend(b, notices, "chunked", true, sameFor(message)) }},
		{"journalled,ed25519", func(b *testing.B) { benchSend(b, notices, "chunked", true, eachTheirOwn(b, ed)) }},
		{"journalled,rsa,ed25519", func(b *testing.B) { benchSend(b, notices, "chunked", true, eachTheirOwn(b, both)) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			for range b.N {
				way.run(b)
			}
		})
	}
}

func must1[T any](v T, err error) T {
	must(err)
	return v
}

// realComposer writes what notice.Write drafts.
func realComposer(t testing.TB, d *DKIM) *Composer {
	t.Helper()
	draft, err := notice.Write(notice.Facts{
		Schema: notice.FactsSchema, Incident: "inc-3kq7h2mb", AsOf: date, Site: "www.shop.example", Route: "GET /orders/{id}", People: 1_000_000,
		Publisher: notice.Publisher{LegalName: "Shop Example Ltd", Address: "1 Market Street, Dublin D02 X285, Ireland", Domain: "shop.example",
			Contact: notice.Contact{Role: "Customer care", Email: "privacy@shop.example", Phone: "+353 1 555 0100"}},
		Kinds: []candor.Kind{scan.Email, scan.Name}, Viewers: []incident.ViewerCount{{Kind: "customer", Count: 3}}, Looked: candor.LookedAll,
		First: date.Add(-24 * time.Hour), Last: date.Add(-20 * time.Hour), Detected: date.Add(-20 * time.Hour), Fixed: date.Add(-10 * time.Hour),
		Cause: incident.CauseUndetermined, UpdateBy: date.AddDate(0, 0, 7),
	}, notice.Affected)
	must(err)
	writer, err := draft.Writer()
	must(err)
	c := composer()
	c.Render, c.Lines, c.DKIM = writer.Message, EncodeLines(writer.Same(date)), d
	return c
}

// That lines are encoded beforehand changes no message, in any language; and most lines are.
func TestLines(t *testing.T) {
	c := realComposer(t, keys().dkim)
	plain := *c
	plain.Lines = nil
	for _, locale := range []string{"en", "de", "fr", "ja", "pl"} {
		p, s := alice(t)
		p.Locale, p.Kinds, p.First, p.Last = locale, []candor.Kind{scan.Email, scan.Name}, date.Add(-24*time.Hour), date.Add(-20*time.Hour)
		if string(written(t, c, p, s)) != string(written(t, &plain, p, s)) {
			t.Errorf("in %s it is another message", locale)
		}
		p.Code = c.Signer.Code(c.Campaign, p.Owner)
		m, err := c.Render(p, date)
		must(err)
		known, all := 0, 0
		for line := range strings.Lines(m.Text + m.HTML) {
			if _, ok := c.Lines[strings.TrimSuffix(line, "\n")]; ok {
				known++
			}
			all++
		}
		if 10*known < 8*all {
			t.Errorf("in %s %d of %d lines are known", locale, known, all)
		}
	}
}

// eachTheirOwn composes for a thousand people who take turns, so that making their seals takes no time and no memory of the sender's.
func eachTheirOwn(b *testing.B, d *DKIM) func(Recipient) (Composed, string, error) {
	b.Helper()
	c := realComposer(b, d)
	var people [1000]Recipient
	for n := range people {
		owner := fmt.Sprint("c", n)
		people[n].Person = notice.Person{Owner: owner, Locale: "en", Country: "IE", Kinds: []candor.Kind{scan.Email, scan.Name}, Viewers: 3, Times: 4,
			First: date.Add(-24 * time.Hour), Last: date.Add(-20 * time.Hour), Looked: candor.LookedAll}
		people[n].Sealed = []candor.Sealed{sealed(b, owner, "email", address1(n)), sealed(b, owner, "name", "Alice Ästhet")}
	}
	return func(r Recipient) (Composed, string, error) {
		l, err := c.Compose(people[r.N%1000].Person, people[r.N%1000].Sealed)
		return Composed{To: l.To, Code: l.Code, Message: l.Message}, "", err
	}
}

func oneMessage(b *testing.B, d *DKIM) []byte {
	b.Helper()
	c, _, err := eachTheirOwn(b, d)(Recipient{})
	must(err)
	var m bytes.Buffer
	must(c.Message(&m))
	return m.Bytes()
}

// BenchmarkWrite is all of one person's message: two seals opened, written, built, both signatures.
func BenchmarkWrite(b *testing.B) {
	compose := eachTheirOwn(b, keys().dkim)
	n := 0
	for b.Loop() {
		n++
		c, _, err := compose(Recipient{N: n})
		must(err)
		must(c.Message(io.Discard))
	}
}

// benchPeer has 16 connections, each with as many messages as it takes.
func benchPeer(b *testing.B, notices int, way string, message []byte, send func(addr string, more func() bool, message []byte) error) {
	addr, took := startSink(b, way)
	report := measure(b, notices, took)
	var next atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := send(addr, func() bool { return next.Add(1) <= int64(notices) }, message); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	report()
}

// pooled sends over a connection that stays, a command at a time, as senders of newsletters do.
func pooled(addr string, more func() bool, message []byte) error {
	c, err := smtp.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	for more() {
		if err := c.Mail("bounce@return.shop.example"); err != nil {
			return err
		}
		if err := c.Rcpt(address1(1)); err != nil {
			return err
		}
		w, err := c.Data()
		if err != nil {
			return err
		}
		if _, err := w.Write(message); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	return c.Quit()
}

// ceiling writes bytes, and looks at no answer: the sink itself, and the network, can take no more.
func ceiling(addr string, more func() bool, message []byte) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	heard := make(chan error, 1)
	go func() { _, err := io.Copy(io.Discard, c); heard <- err }()
	one := fmt.Appendf(nil, "MAIL FROM:<bounce@return.shop.example>\r\nRCPT TO:<%s>\r\nBDAT %d LAST\r\n%s", address1(1), len(message), message)
	for more() {
		if _, err := c.Write(one); err != nil {
			return err
		}
	}
	if _, err := c.Write([]byte("QUIT\r\n")); err != nil {
		return err
	}
	return <-heard
}

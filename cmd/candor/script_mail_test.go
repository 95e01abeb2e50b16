package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-smtp"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/net/dns/dnsmessage"
)

// zone is a command of scripts: zone RECORDS.json serves the TXT records that `candor notice dkim --json` has printed, at $DNS.
func zone(ts *testscript.TestScript, _ bool, args []string) {
	var records []struct {
		Name    string
		Strings []string
	}
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(json.Unmarshal(b, &records))
	texts := map[string][]string{}
	for _, r := range records {
		texts[r.Name+"."] = r.Strings
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	ts.Setenv("DNS", conn.LocalAddr().String())
	go func() {
		for b := make([]byte, 2048); ; {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if a, err := answerTXT(b[:n], texts); err == nil {
				conn.WriteTo(a, from)
			}
		}
	}()
}

func answerTXT(query []byte, texts map[string][]string) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.Authoritative, m.RCode, m.Additionals = true, true, dnsmessage.RCodeNameError, nil
	for _, q := range m.Questions {
		if text := texts[q.Name.String()]; text != nil && q.Type == dnsmessage.TypeTXT {
			m.RCode = dnsmessage.RCodeSuccess
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 60}, Body: &dnsmessage.TXTResource{TXT: text}})
		}
	}
	return m.Pack()
}

// relay is a command of scripts: relay FOLDER RECORDS.json takes mail at $RELAY and puts each message into FOLDER/RECIPIENT, a Maildir, as a receiver does that
// verifies DKIM by these DNS records: with Authentication-Results of mx.receiver.example. What is for "junk" lies in
// its junk folder.
func relay(ts *testscript.TestScript, _ bool, args []string) {
	r := &receiver{dir: ts.MkAbs(args[0]), texts: map[string]string{}}
	var records []dkimRecord
	b, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Check(json.Unmarshal(b, &records))
	for _, record := range records {
		r.texts[record.Name] = strings.Join(record.Strings, "")
	}
	on, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	s := smtp.NewServer(r)
	s.Domain, s.AllowInsecureAuth = "mx.receiver.example", true
	go s.Serve(on)
	ts.Defer(func() { s.Close() })
	ts.Setenv("RELAY", on.Addr().String())
}

type receiver struct {
	dir   string
	texts map[string]string
	n     atomic.Int64
}

// transaction is one connection's.
type transaction struct {
	*receiver
	to string
}

func (r *receiver) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &transaction{receiver: r}, nil
}

func (*transaction) Mail(string, *smtp.MailOptions) error { return nil }
func (t *transaction) Reset()                             { t.to = "" }
func (*transaction) Logout() error                        { return nil }

func (t *transaction) Rcpt(to string, _ *smtp.RcptOptions) error {
	t.to = to
	return nil
}

func (t *transaction) Data(r io.Reader) error {
	message, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	folder := filepath.Join(t.dir, t.to)
	if strings.HasPrefix(t.to, "junk") {
		folder = filepath.Join(folder, ".Junk")
	}
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := errors.Join(os.MkdirAll(filepath.Join(t.dir, t.to, sub), 0o755), os.MkdirAll(filepath.Join(folder, sub), 0o755)); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("%d.%d.receiver", time.Now().Unix(), t.n.Add(1))
	message = append([]byte("Authentication-Results: mx.receiver.example; "+t.verified(message)+"\r\n"), message...)
	if err := os.WriteFile(filepath.Join(folder, "tmp", name), message, 0o600); err != nil {
		return err
	}
	return os.Rename(filepath.Join(folder, "tmp", name), filepath.Join(folder, "new", name))
}

// verified is what this receiver finds by DKIM and DMARC: a signature of the sender's domain is enough for both.
func (t *transaction) verified(message []byte) string {
	result := "dkim=none; dmarc=fail"
	list, err := dkim.VerifyWithOptions(bytes.NewReader(message), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		if text := t.texts[name]; text != "" {
			return []string{text}, nil
		}
		return nil, &net.DNSError{IsNotFound: true}
	}})
	for _, v := range list {
		if v.Err != nil {
			result = "dkim=fail header.d=" + v.Domain + "; dmarc=fail"
			continue
		}
		return "dkim=pass header.d=" + v.Domain + "; dmarc=pass"
	}
	if err != nil {
		return "dkim=permerror; dmarc=fail"
	}
	return result
}

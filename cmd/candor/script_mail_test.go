package main

import (
	"encoding/json"
	"net"
	"os"

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

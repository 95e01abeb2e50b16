package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"candor.example/internal/testpart"
)

// zone answers for the TXT records of lookup on a free UDP port.
func zone(t testing.TB) (port int) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		for {
			b := make([]byte, 2048)
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if answer, err := answer(b[:n]); err == nil {
				conn.WriteTo(answer, from)
			}
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).Port
}

func answer(query []byte) ([]byte, error) {
	var q dnsmessage.Message
	if err := q.Unpack(query); err != nil || len(q.Questions) != 1 {
		return nil, errors.New("no question")
	}
	a := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, Authoritative: true}, Questions: q.Questions}
	records, err := lookup(q.Questions[0].Name.String())
	if err != nil || q.Questions[0].Type != dnsmessage.TypeTXT {
		a.RCode = dnsmessage.RCodeNameError
		return a.Pack()
	}
	var parts []string
	for text := records[0]; text != ""; text = text[len(parts[len(parts)-1]):] {
		parts = append(parts, text[:min(255, len(text))])
	}
	a.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60}, Body: &dnsmessage.TXTResource{TXT: parts}}}
	return a.Pack()
}

// dkimpy says how many of two signatures pass, by keys that it asks a DNS server for.
func dkimpy(t testing.TB, raw []byte) string {
	t.Helper()
	// Debian's Python has Debian's modules, whatever other Python comes first in PATH.
	cmd := exec.Command(testpart.Program(t, "/usr/bin/python3"), "testdata/dkim_verify.py", fmt.Sprint(zone(t)))
	cmd.Stdin = bytes.NewReader(raw)
	out, err := cmd.CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "ModuleNotFoundError") && os.Getenv("CI") == "" {
			t.Skip("python3-dkim is not installed: make install-test-tools")
		}
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(strings.ReplaceAll(string(out), "\n", " "))
}

// opendkimConf is a configuration with the keys in a file: opendkim asks DNS at port 53 only.
func opendkimConf(t testing.TB) (file string) {
	t.Helper()
	dir := t.TempDir()
	var public strings.Builder
	for _, selector := range []string{"r1", "e1"} {
		record, err := lookup(selector + "._domainkey.shop.example")
		must(err)
		fmt.Fprintf(&public, "%s._domainkey.shop.example %s\n", selector, record[0])
	}
	file = filepath.Join(dir, "conf")
	keys := filepath.Join(dir, "public")
	// Mail from InternalHosts, by default this one, is not verified.
	conf := "Mode v\nAuthservID relay.shop.example\nInternalHosts 192.0.2.1\nTestPublicKeys " + keys + "\n"
	must(errors.Join(os.WriteFile(keys, []byte(public.String()), 0o600), os.WriteFile(file, []byte(conf), 0o600)))
	return file
}

// opendkim says what it thinks of each signature.
func opendkim(t testing.TB, raw []byte) string {
	t.Helper()
	message := filepath.Join(t.TempDir(), "message")
	must(os.WriteFile(message, raw, 0o600))
	out, err := exec.Command(testpart.Program(t, "opendkim"), "-x", opendkimConf(t), "-vv", "-t", message).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// Two verifiers that are not ours, nor of Go, believe both signatures; what was changed, neither.
func TestOtherVerifiers(t *testing.T) {
	p, s := alice(t)
	raw := written(t, composer(), p, s)
	if got := dkimpy(t, raw); got != "rsa-sha256 pass ed25519-sha256 pass" {
		t.Error(got)
	}
	if got := opendkim(t, raw); strings.Count(got, "dkim=pass ") != 2 || !strings.Contains(got, "header.a=ed25519-sha256 header.s=e1") {
		t.Error(got)
	}
	changed := bytes.Replace(raw, []byte("10:52"), []byte("10:53"), 1)
	if got := dkimpy(t, changed); got != "rsa-sha256 fail ed25519-sha256 fail" {
		t.Error(got)
	}
	if got := opendkim(t, changed); strings.Count(got, "dkim=fail ") != 2 {
		t.Error(got)
	}
}

package bounce

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"candor.example/internal/notice"
	"candor.example/internal/testpart"
)

// kept is a store of a test.
type kept struct {
	sync.Mutex
	reports []Report
	err     error
}

func (k *kept) keep(r Report) error {
	k.Lock()
	defer k.Unlock()
	if k.err == nil {
		k.reports = append(k.reports, r)
	}
	return k.err
}

func (k *kept) fail(err error) {
	k.Lock()
	defer k.Unlock()
	k.err = err
}

func (k *kept) all() []Report {
	k.Lock()
	defer k.Unlock()
	return append([]Report{}, k.reports...)
}

func listen(t *testing.T, l *Listener) (address string) {
	t.Helper()
	on, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Serve(ctx, on) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return on.Addr().String()
}

const rightPath = "bounce+" + testTag + "@return.shop.example"

func dial(t *testing.T, address string) *smtp.Client {
	t.Helper()
	c, err := smtp.Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(c *smtp.Client, from, to, message string) error {
	return c.SendMail(from, []string{to}, strings.NewReader(message))
}

func code(err error) int {
	var e *smtp.SMTPError
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func report(t testing.TB, name string) string {
	raw, err := os.ReadFile("testdata/reports/" + name + ".eml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(raw), "\n", "\r\n")
}

func TestListener(t *testing.T) {
	k := &kept{}
	address := listen(t, &Listener{Path: path, Hostname: "return.shop.example", Report: k.keep})
	c := dial(t, address)
	if err := send(c, "", rightPath, report(t, "no-key")); err != nil {
		t.Fatal(err)
	}
	if err := send(c, "alice@customer.example", strings.ToUpper(rightPath), report(t, "out-of-office")); err != nil {
		t.Fatal(err)
	}
	if r := k.all(); len(r) != 2 || r[0].Key != testKey || r[0].Kind != notice.Returned || r[1].Kind != AutoReply {
		t.Fatalf("%+v", r)
	}
	for _, to := range []string{"postmaster@return.shop.example", "bounce@return.shop.example", "bounce+" + testKey + "@return.shop.example", "bounce+" + testKey + "aaaa@return.shop.example", "bounce+" + testTag + "@shop.example"} {
		if err := send(c, "", to, "x"); code(err) != 550 {
			t.Errorf("%s: %v", to, err)
		}
		c.Reset()
	}
	// What cannot be kept is not accepted.
	k.fail(errors.New("no space left"))
	if err := send(c, "", rightPath, report(t, "no-key")); code(err) != 421 {
		t.Errorf("%v", err)
	}
	if len(k.all()) != 2 {
		t.Error(k.all())
	}
}

func TestListenerLimits(t *testing.T) {
	k := &kept{}
	address := listen(t, &Listener{Path: path, Hostname: "return.shop.example", Report: k.keep, Rate: 0.1}) // two at once
	c := dial(t, address)
	head := "Subject: x\r\n\r\n"
	full := head + strings.Repeat(strings.Repeat("x", 998)+"\r\n", (MaxMessage-len(head))/1000)
	full += strings.Repeat("x", MaxMessage-len(full)-2) + "\r\n"
	if err := send(c, "", rightPath, full); err != nil || len(full) != MaxMessage {
		t.Errorf("%d bytes: %v", len(full), err)
	}
	// go-smtp's client declares no size here, so that the server has to count.
	if err := send(c, "", rightPath, "x"+full); code(err) != 552 {
		t.Errorf("one byte more: %v", err)
	}
	c.Reset()
	if err := c.Mail("", nil); code(err) != 421 {
		t.Errorf("the third message: %v", err)
	}
	var last error
	for i := range perPeer + 1 {
		c := dial(t, address)
		if last = c.Hello("client.example"); i < perPeer-1 && last != nil { // the first connection counts, too
			t.Fatalf("connection %d: %v", i+2, last)
		}
	}
	if last == nil {
		t.Errorf("connection %d is taken", perPeer+2)
	}
}

func TestListenerWrong(t *testing.T) {
	address := listen(t, &Listener{Path: path, Hostname: "return.shop.example", Report: (&kept{}).keep})
	c := dial(t, address)
	if err := c.Mail("", nil); err != nil {
		t.Fatal(err)
	}
	for i := range maxWrong + 1 {
		if got := code(c.Rcpt(fmt.Sprintf("x%d@return.shop.example", i), nil)); got != map[bool]int{true: 421, false: 550}[i == maxWrong] {
			t.Errorf("recipient %d: %d", i+1, got)
		}
	}
	if err := c.Rcpt(rightPath, nil); code(err) != 421 {
		t.Error(err)
	}
	c = dial(t, address)
	if err := errors.Join(c.Mail("", nil), c.Rcpt(rightPath, nil)); err != nil {
		t.Fatal(err)
	}
	if err := c.Rcpt(rightPath, nil); code(err) != 452 {
		t.Errorf("a second recipient: %v", err)
	}
}

// swaks is a client that is not ours.
func TestSwaks(t *testing.T) {
	program := testpart.Program(t, "swaks")
	k := &kept{}
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	address := listen(t, &Listener{Path: path, Hostname: "return.shop.example", Report: k.keep, TLS: &tls.Config{Certificates: web.TLS.Certificates}})
	swaks := func(args ...string) (int, string) {
		cmd := exec.Command(program, append([]string{"--server", address, "--helo", "mx.customer.example", "--suppress-data"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), string(out)
	}
	for _, c := range []struct {
		args []string
		exit int
		said string
	}{
		{[]string{"--from", "<>", "--to", rightPath, "--data", "@testdata/reports/postfix-unknown.eml"}, 0, "<-  250 2.0.0"},
		{[]string{"--from", "<>", "--to", rightPath, "--data", "@testdata/reports/qmail.eml", "--tls", "--pipeline"}, 0, "<~  250 2.0.0"},
		{[]string{"--from", "alice@customer.example", "--to", rightPath, "--data", "@testdata/reports/out-of-office.eml"}, 0, "<-  250 2.0.0"},
		{[]string{"--from", "<>", "--to", "bounce+" + testKey + "aaaa@return.shop.example"}, 24, "550 5.1.1"},
		{[]string{"--from", "<>", "--to", "alice@shop.example"}, 24, "550 5.1.1"},
	} {
		if exit, out := swaks(c.args...); exit != c.exit || !strings.Contains(out, c.said) {
			t.Errorf("%v: %d\n%s", c.args, exit, out)
		}
	}
	k.fail(errors.New("no space left"))
	if exit, out := swaks("--from", "<>", "--to", rightPath); exit != 26 || !strings.Contains(out, "421 4.3.0") {
		t.Errorf("%d\n%s", exit, out)
	}
	if r := k.all(); len(r) != 3 || r[0].Kind != notice.Returned || r[1].Kind != notice.Returned || r[2].Kind != AutoReply || r[1].Key != testKey {
		t.Errorf("%+v", r)
	}
}

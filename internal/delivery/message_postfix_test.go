package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"candor.example"
	"candor.example/internal/bounce"
	"candor.example/internal/notice"
	"candor.example/internal/testpart"
)

// postfix starts an instance of Debian's Postfix of the test's own: its configuration, queue and mailboxes in a folder that goes, one port on loopback, and no
// DNS. A milter looks at what comes in. It delivers what is for alice@customer.example into the Maildir that it returns, hands what is for return.shop.example to a listener, and
// knows nobody else: it takes mail for them and returns it. more are settings that stand instead of these.
func postfix(t *testing.T, listener, milter string, more ...string) (address, maildir string) {
	t.Helper()
	start := testpart.Program(t, "postfix")
	if os.Getuid() != 0 {
		t.Skip("postfix starts as root only")
	}
	owner, err := user.Lookup("postfix")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "candor-postfix-") // t.TempDir's name is too long for a socket's
	must(err)
	must(os.Chmod(dir, 0o755))
	conf, queue, data, boxes := filepath.Join(dir, "conf"), filepath.Join(dir, "queue"), filepath.Join(dir, "data"), filepath.Join(dir, "boxes")
	for _, d := range []string{conf, filepath.Join(conf, "sasl"), queue, data, boxes} {
		must(os.Mkdir(d, 0o755))
	}
	uid, err := strconv.Atoi(owner.Uid)
	must(err)
	must(errors.Join(os.Chown(data, uid, -1), os.Chown(boxes, uid, -1)))
	address = free(t)
	host, port, _ := net.SplitHostPort(listener)
	main := fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
mail_owner = postfix
maillog_file = /dev/stdout
maillog_file_prefixes = /dev
myhostname = relay.shop.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_relay_restrictions = permit_mynetworks, reject
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = customer.example
virtual_mailbox_base = %[1]s/boxes
virtual_mailbox_maps = inline:{alice@customer.example=alice/}
virtual_uid_maps = static:%[2]s
virtual_gid_maps = static:%[3]s
virtual_minimum_uid = 1
smtpd_reject_unlisted_recipient = no
smtp_dns_support_level = disabled
transport_maps = inline:{return.shop.example=smtp:[%[4]s]:%[5]s}
smtpd_milters = inet:%[6]s
milter_default_action = tempfail
`, dir, owner.Uid, owner.Gid, host, port, milter) + strings.Join(more, "\n") + "\n"
	// smtpd and its helpers, none in a chroot: /usr/share/postfix/master.cf.dist has what each is.
	master := address + ` inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
`
	must(errors.Join(os.WriteFile(filepath.Join(conf, "main.cf"), []byte(main), 0o644), os.WriteFile(filepath.Join(conf, "master.cf"), []byte(master), 0o644)))
	var log bytes.Buffer
	cmd := exec.Command(start, "-c", conf, "start-fg")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		exec.Command(start, "-c", conf, "abort").Run() // stop is polite, and takes five seconds
		<-ended
		if t.Failed() {
			t.Logf("postfix says:\n%s", log.String())
		}
		os.RemoveAll(dir)
	})
	await(t, ended, func() bool { return listens(address) })
	return address, filepath.Join(boxes, "alice")
}

// verifier starts opendkim as the milter that a receiver has.
func verifier(t *testing.T) (address string) {
	t.Helper()
	address = free(t)
	host, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(testpart.Program(t, "opendkim"), "-f", "-x", opendkimConf(t), "-p", "inet:"+port+"@"+host)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("opendkim says:\n%s", log.String())
		}
	})
	await(t, ended, func() bool { return listens(address) })
	return address
}

func listens(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// free is an address on loopback that nobody listens on.
func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// await looks until something is there, which other processes bring about.
func await(t *testing.T, ended <-chan struct{}, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !is() {
		select {
		case <-ended:
			t.Fatal("it has ended")
		case <-deadline:
			t.Fatal("it did not come in 30 seconds")
		case <-tick.C:
		}
	}
}

// Debian's Postfix relays a notice to a mailbox without a change but the fields in front, and returns one for somebody it does not know to our listener.
func TestThroughPostfix(t *testing.T) {
	k := keys()
	reports := make(chan bounce.Report, 10)
	on, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	l := &bounce.Listener{Path: bounce.ReturnPath{Domain: "return.shop.example", Key: k.signer.TagKey}, Hostname: "return.shop.example",
		Report: func(r bounce.Report) error { reports <- r; return nil }}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- l.Serve(ctx, on) }()
	t.Cleanup(func() { cancel(); <-served })
	address, maildir := postfix(t, on.Addr().String(), verifier(t))

	c, err := smtp.Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send := func(owner, to string) []byte {
		raw := written(t, composer(), notice.Person{Owner: owner, Viewers: 3}, []candor.Sealed{sealed(t, owner, "email", to), sealed(t, owner, "name", "Zoë")})
		key := k.signer.Key(messageCampaign, owner)
		must(c.Mail("bounce+"+k.signer.Tag(key)+"@return.shop.example", &smtp.MailOptions{EnvelopeID: key, Return: smtp.DSNReturnHeaders}))
		must(c.Rcpt(to, &smtp.RcptOptions{Notify: []smtp.DSNNotify{smtp.DSNNotifyFailure, smtp.DSNNotifyDelayed}, OriginalRecipientType: smtp.DSNAddressTypeRFC822, OriginalRecipient: to}))
		w, err := c.Data()
		must(err)
		_, err = w.Write(raw)
		must(errors.Join(err, w.Close()))
		return raw
	}
	sent := send("1001", "alice@customer.example")
	send("1002", "nobody@customer.example")

	var delivered []string
	await(t, nil, func() bool {
		delivered, _ = filepath.Glob(filepath.Join(maildir, "new", "*"))
		return len(delivered) == 1
	})
	got, err := os.ReadFile(delivered[0])
	must(err)
	if !bytes.HasSuffix(got, bytes.ReplaceAll(sent, []byte("\r\n"), []byte("\n"))) {
		t.Error("it has changed on the way")
	}
	if n := verified(t, got); n != 2 {
		t.Errorf("go-msgauth: %d of 2 signatures verify", n)
	}
	if said := dkimpy(t, got); said != "rsa-sha256 pass ed25519-sha256 pass" {
		t.Errorf("dkimpy: %s", said)
	}
	// opendkim has looked at it when Postfix took it, as the server of a seed mailbox does.
	if a, err := bounce.AuthenticationResults(got, "relay.shop.example"); err != nil || a != (bounce.Authentication{DKIM: "pass", DMARC: "none", SPF: "none"}) {
		t.Errorf("opendkim: %+v, %v\n%s", a, err, got[:min(len(got), 1500)])
	}
	if checked, err := Check(got, k.verifier); err != nil || !checked.Genuine || len(checked.Changed) > 0 {
		t.Errorf("%+v, %v", checked, err)
	}

	select {
	case r := <-reports:
		r.ID = ""
		if want := (bounce.Report{Key: k.signer.Key(messageCampaign, "1002"), Kind: notice.Returned, Status: "5.1.1", Hard: true, Cause: bounce.NoMailbox, Detail: r.Detail}); r != want || strings.Contains(r.Detail, "nobody") {
			t.Errorf("%+v", r)
		}
		t.Logf("the bounce says: %s", r.Detail)
	case <-time.After(30 * time.Second):
		t.Error("no bounce came in 30 seconds")
	}
}

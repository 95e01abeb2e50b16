package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	netsmtp "net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"github.com/emersion/go-smtp"

	"candor.example/internal/ledger"
	"candor.example/internal/notice"
	"candor.example/scan"
)

// fate is what becomes of a person's notice, by their number.
func fate(n int) notice.State {
	switch n % 8 {
	case 1:
		return notice.Bounced // the relay refuses them
	case 2:
		return notice.Withheld // a password was shown beside the address
	case 3:
		return notice.InDoubt // the connection breaks at the end
	}
	return notice.Accepted
}

// relayOfFates is a relay that does to each what fate says, and keeps the return paths.
type relayOfFates struct {
	mu    sync.Mutex
	paths map[int]string
}

type fateful struct {
	*relayOfFates
	conn net.Conn
	from string
	n    int
}

func startRelay(t *testing.T) (*relayOfFates, string) {
	t.Helper()
	on, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relayOfFates{paths: map[int]string{}}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &fateful{relayOfFates: r, conn: c.Conn()}, nil }))
	s.Domain, s.EnableDSN = "relay.example", true
	go s.Serve(on)
	t.Cleanup(func() { s.Close() })
	return r, on.Addr().String()
}

func (f *fateful) Reset()        {}
func (f *fateful) Logout() error { return nil }

func (f *fateful) Mail(from string, _ *smtp.MailOptions) error {
	f.from = from
	return nil
}

var numbered = regexp.MustCompile(`^person(\d+)@people\.example$`)

func (f *fateful) Rcpt(to string, _ *smtp.RcptOptions) error {
	f.n, _ = strconv.Atoi(numbered.FindStringSubmatch(to)[1])
	if fate(f.n) == notice.Bounced {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<" + to + "> is unknown here"}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paths[f.n] = f.from
	return nil
}

func (f *fateful) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	if fate(f.n) == notice.InDoubt {
		f.conn.Close()
	}
	return err
}

// comesBack is a report about person n, to the return path of their notice (RFC 3464, RFC 5965).
func (r *relayOfFates) comesBack(n int, action, status, words string) []byte {
	person := fmt.Sprintf("person%d@people.example", n)
	var second string
	if action == "complaint" {
		second = "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\nOriginal-Rcpt-To: " + person + "\n"
	} else {
		second = fmt.Sprintf("Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.people.example\n\nFinal-Recipient: rfc822; %s\nAction: %s\nStatus: %s\nDiagnostic-Code: smtp; %s\n", person, action, status, words)
	}
	return []byte(strings.ReplaceAll(fmt.Sprintf("From: MAILER-DAEMON@mx.people.example\nTo: %s\nSubject: report\nMIME-Version: 1.0\nContent-Type: multipart/report; boundary=b\n\n"+
		"--b\n\nAbout your message to %s <%s>.\n--b\n%s\n--b--\n", r.paths[n], nameOf(n), person, second), "\n", "\r\n"))
}

// campaignYAML is a shop that tells its people by a relay.
func campaignYAML(t *testing.T, relay, maildir string) string {
	t.Helper()
	dir := t.TempDir()
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	key, file := filepath.Join(dir, "dkim.pem"), filepath.Join(dir, "candor.yaml")
	text := fmt.Sprintf(`sites: [www.shop.example]
notice:
  approvals: 1
  publisher:
    legal_name: Shop Example Ltd
    address: 1 Market Street, Dublin D02 X285, Ireland
    domain: shop.example
    contact: {role: Customer care, email: privacy@shop.example, phone: +353 1 555 0100}
  prevention: {en: Personal pages now tell every cache not to keep them.}
  police_delay: false
  update_by: 2030-01-01T00:00:00Z
  regulators:
    - {authority: Data Protection Commission, law: GDPR art. 33, filed: 2026-11-30T08:00:00Z}
  from: Shop Example <service@shop.example>
  return_path: return.shop.example
  mx: off
  limits: {start: 1000000, max: 1000000}
  relays: [{addr: %q, tls: none, connections: 2}]
  dkim: [{domain: shop.example, selector: e, key_file: %s}]
  bounces: {maildir: %s}
`, relay, key, maildir)
	for name, b := range map[string][]byte{key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), file: []byte(text)} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// nameOf has letters only, as names have.
func nameOf(n int) string {
	return "Wilhelmina Voss" + string([]rune{'a' + rune(n/26), 'a' + rune(n%26)}) + "berg"
}

func named(t *testing.T, people int) string {
	t.Helper()
	text := "id,email,name,locale,country\n"
	for n := range people {
		text += fmt.Sprintf("c%d,person%d@people.example,%s,en,DE\n", n, n, nameOf(n))
	}
	return write(t, text)
}

// aftermath is a campaign that has been sent.
type aftermath struct {
	*process
	relay           *relayOfFates
	config, maildir string
	campaign        string
	people          int
	said            strings.Builder // everything that any command printed
}

// candor runs a command, and keeps what it prints.
func (a *aftermath) candor(wantStatus int, args ...string) string {
	a.t.Helper()
	cmd := exec.Command(a.cmd.Path, append(args, "--data", a.data)...)
	var out, trouble bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &trouble
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		a.t.Fatal(err)
	}
	a.said.WriteString(out.String() + trouble.String())
	if got := cmd.ProcessState.ExitCode(); got != wantStatus {
		a.t.Fatalf("candor %s: status %d\n%s%s", strings.Join(args, " "), got, out.String(), trouble.String())
	}
	return out.String() + trouble.String()
}

func (a *aftermath) status() (s campaignStatus) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(a.candor(0, "notice", "status", a.campaign, "--json")), &s); err != nil {
		a.t.Fatal(err)
	}
	return s
}

// stands says how many are in each state, and that they sum up.
func (a *aftermath) stands(want map[notice.State]int) {
	a.t.Helper()
	tally := a.status().Tally
	sum := 0
	for _, s := range notice.States {
		if sum += tally.States[s]; tally.States[s] != want[s] {
			a.t.Errorf("%d are %s, want %d: %+v", tally.States[s], s, want[s], tally.Rows)
		}
	}
	if sum != a.people || tally.Affected != a.people {
		a.t.Errorf("the sum is %d, affected %d, of %d people", sum, tally.Affected, a.people)
	}
}

func (a *aftermath) put(messages ...[]byte) {
	a.t.Helper()
	for i, m := range messages {
		if err := os.WriteFile(filepath.Join(a.maildir, "new", fmt.Sprintf("%d.%d", len(m), i)), m, 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
}

// tell brings a disclosure to its people: some have it, some not.
func tell(t *testing.T, people int) *aftermath {
	t.Helper()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"email":"person%d@people.example","name":"%s"`, n, nameOf(n))
		if fate(n) == notice.Withheld {
			fmt.Fprint(w, `,"password":"correct-horse"`)
		}
		fmt.Fprint(w, "}")
	}))
	t.Cleanup(shop.Close)
	a := &aftermath{people: people, maildir: t.TempDir()}
	for _, sub := range []string{"new", "cur", "tmp"} {
		if err := os.Mkdir(filepath.Join(a.maildir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var address string
	a.relay, address = startRelay(t)
	a.config = campaignYAML(t, address, a.maildir)
	a.process = serve(t, filepath.Join(t.TempDir(), "data"), "--config", a.config, "--upstream", shop.URL, "--customers", named(t, people), "--mode", "observe", "--verbose")
	for n := range people {
		req, err := http.NewRequest("GET", fmt.Sprintf("%s/orders?n=%d", a.site, n), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "www.shop.example"
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	a.until("all are exposed", func() bool { return a.incident("GET /orders").Exposed == people })
	id := a.incident("GET /orders").ID
	a.candor(0, "keys", "init")
	a.candor(0, "incident", "fix", id, "--reference", "change 77", "--by", "ada")
	a.campaign = regexp.MustCompile(`not-\S+[a-z0-9]`).FindString(a.candor(0, "notice", "draft", id, "--config", a.config, "--by", "ada"))
	a.candor(0, "notice", "freeze", a.campaign, "--by", "ada")
	a.candor(0, "notice", "approve", a.campaign, "--content", a.status().Content, "--yes", "--by", "ben")
	a.candor(0, "notice", "send", a.campaign, "--config", a.config, "--share", "all", "--yes", "--by", "ben")
	return a
}

// A campaign of which some accept, some bounce, some are in doubt and some are withheld; what comes back by a Maildir and by SMTP; letters to the
// rest. The sum holds all the time, the ledger can be built anew, and nothing that Candor has written or said, in whatever encoding, holds anybody's
// address or name.
func TestAfterACampaign(t *testing.T) {
	t.Parallel()
	a := tell(t, 24)
	a.stands(map[notice.State]int{notice.Accepted: 15, notice.Bounced: 3, notice.Withheld: 3, notice.InDoubt: 3})

	back := [][]byte{
		a.relay.comesBack(0, "failed", "5.1.1", "550 5.1.1 <person0@people.example> unknown, "+nameOf(0)),
		a.relay.comesBack(4, "failed", "4.2.2", "452 4.2.2 mailbox of person4@people.example is full"),
		a.relay.comesBack(5, "complaint", "", ""),
		a.relay.comesBack(6, "delayed", "4.4.1", "cannot reach person6@people.example"),
		a.relay.comesBack(3, "delivered", "2.0.0", "250 2.0.0 person3@people.example has it"), // in doubt until now
	}
	want := map[notice.State]int{notice.Accepted: 14, notice.Bounced: 4, notice.Withheld: 3, notice.InDoubt: 2, notice.Queued: 1}
	a.put(append(back, []byte("From: somebody@people.example\r\nSubject: hello\r\n\r\nWho are you?\r\n"))...)
	if said := a.candor(0, "notice", "bounces", "--config", a.config); !strings.Contains(said, "1 bounced, 1 bounced (for now), 1 complaint, 1 delayed, 1 delivered, 1 set aside in .NotUnderstood") {
		t.Error(said)
	}
	a.stands(want)
	a.put(back...)
	if said := a.candor(0, "notice", "bounces", "--config", a.config); !strings.Contains(said, "5 read before") {
		t.Error(said)
	}
	a.stands(want)
	if tally := a.status().Tally; tally.Complaints != 1 {
		t.Errorf("%d complaints", tally.Complaints)
	}
	a.listens(a.relay.comesBack(7, "failed", "5.1.1", "550 5.1.1 <person7@people.example> unknown"))
	want[notice.Accepted], want[notice.Bounced] = 13, 5
	a.stands(want)

	letters, codes := a.letters()
	a.candor(0, "notice", "channel", a.campaign, "--channel", "post")
	a.confirms(codes)
	want[notice.Other], want[notice.Bounced], want[notice.Withheld] = 8, 0, 0
	a.stands(want)
	a.stop()
	a.rebuilt()
	a.nobody(letters)
}

// listens sends a message to the port of `notice bounces`, by the relay's side of SMTP.
func (a *aftermath) listens(message []byte) {
	a.t.Helper()
	cmd := exec.Command(a.cmd.Path, "notice", "bounces", "--config", a.config, "--listen", "127.0.0.1:0", "--data", a.data)
	errs, err := cmd.StderrPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	defer cmd.Process.Kill()
	line, err := bufio.NewReader(errs).ReadString('\n')
	address := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line)
	if err != nil || address == "" {
		a.t.Fatal(line, err)
	}
	to := regexp.MustCompile(`(?m)^To: (\S+)`).FindSubmatch(message)[1]
	if err := netsmtp.SendMail(address, nil, "", []string{string(to)}, message); err != nil {
		a.t.Error(err)
	}
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		a.t.Error(err)
	}
}

// letters exports who could not be reached, and opens the file as whoever sends the letters does.
func (a *aftermath) letters() (file string, codes []string) {
	a.t.Helper()
	mine, err := age.GenerateX25519Identity()
	if err != nil {
		a.t.Fatal(err)
	}
	file = filepath.Join(a.data, "letters.csv.age")
	a.candor(exitTrouble, "notice", "export", a.campaign, "--to", mine.String(), "--out", file, "--yes")
	a.candor(0, "notice", "export", a.campaign, "--to", mine.Recipient().String(), "--out", file, "--yes", "--by", "ben")
	a.candor(exitTrouble, "notice", "export", a.campaign, "--to", mine.Recipient().String(), "--out", file, "--yes")
	f, err := os.Open(file)
	if err != nil {
		a.t.Fatal(err)
	}
	defer f.Close()
	clear, err := age.Decrypt(f, mine)
	if err != nil {
		a.t.Fatal(err)
	}
	rows, err := csv.NewReader(clear).ReadAll()
	if err != nil || len(rows) != 1+8 || !slices.Equal(rows[0], exportColumns) {
		a.t.Fatal(len(rows), err)
	}
	for _, r := range rows[1:] {
		n, _ := strconv.Atoi(strings.TrimPrefix(r[0], "c"))
		if r[3] != nameOf(n) || r[4] != fmt.Sprintf("person%d@people.example", n) || !strings.Contains(r[10], r[3]) || !strings.Contains(r[10], r[8]) {
			a.t.Errorf("%q", r)
		}
		codes = append(codes, r[8])
	}
	if e := a.status().Exports; len(e) != 1 || e[0].People != 8 || e[0].To != mine.Recipient().String() || e[0].By != "ben" {
		a.t.Errorf("%+v", e)
	}
	return file, codes
}

// confirms: the shop's own page can confirm the code of every letter, of those too who were never sent mail.
func (a *aftermath) confirms(codes []string) {
	a.t.Helper()
	err := withLedger(a.t.Context(), ledgerFlag{dataFlag: dataFlag{Data: a.data}}, func(l *ledger.Ledger) error {
		for _, code := range codes {
			if _, err := l.SentNotice(a.t.Context(), code); err != nil {
				a.t.Errorf("code %s: %v", code, err)
			}
		}
		return nil
	})
	if err != nil {
		a.t.Error(err)
	}
}

// rebuilt: both journals say all that the ledger does.
func (a *aftermath) rebuilt() {
	a.t.Helper()
	anew := filepath.Join(a.data, "new.sqlite")
	a.candor(0, "ledger", "rebuild", anew)
	if got, want := dump(a.t, anew), dump(a.t, filepath.Join(a.data, "ledger.sqlite")); got != want {
		a.t.Error(firstDifference(got, want))
	}
}

// nobody searches for anybody's address or name in all that was written and said.
func (a *aftermath) nobody(letters string) {
	a.t.Helper()
	plain := regexp.MustCompile(`(?i)person\d+(@|%40|\\u0040|=40)people|wilhelmina`)
	find := func(b []byte) string {
		if m := plain.Find(b); m != nil {
			return string(m)
		}
		return encoded(b)
	}
	example := []byte(`{"to":"` + base64.StdEncoding.EncodeToString([]byte("To: person3@people.example, Wilhelmina Vossaaberg")) + `"}`)
	if find(example) == "" {
		a.t.Fatal("the search finds nothing where something is")
	}
	searchFolder(a.t, a.data, find)
	for name, text := range map[string]string{"log of serve": a.log.String(), "commands": a.said.String()} {
		if m := find([]byte(text)); m != "" {
			a.t.Errorf("the %s holds %q", name, m)
		}
	}
	aside, _ := filepath.Glob(filepath.Join(a.maildir, "[nc]*", "*"))
	if len(aside) != 0 {
		a.t.Error("reports that were read are still there:", aside)
	}
}

// encoded is the first address or name of a person in any form that the recogniser knows.
func encoded(b []byte) (found string) {
	f := scan.Finder{Names: true, Found: func(m scan.Match) bool {
		if v := strings.ToLower(string(m.Value)); found == "" && (strings.HasSuffix(v, "@people.example") && strings.HasPrefix(v, "person") || strings.Contains(v, "wilhelmina")) {
			found = m.Encoding + ": " + v
		}
		return false
	}}
	for chunk := range slices.Chunk(b, 1<<20) {
		f.Find(chunk, true)
	}
	return found
}

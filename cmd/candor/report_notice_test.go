package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"candor.example/internal/delivery"
	"candor.example/internal/notice"
	"candor.example/verify"
)

// A notice is a witness of the log: of its size and root on that day, if it is genuine.
func TestNoticeIsWitness(t *testing.T) {
	secret, public, err := note.GenerateKey(rand.Reader, "shop.example/candor")
	if err != nil {
		t.Fatal(err)
	}
	first, second := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	one := logOf(t, secret, public, first)
	grown, another := logOf(t, secret, public, first, second), logOf(t, secret, public, second, first)
	shorter := logOf(t, secret, public)
	told := noticeOf(t, secret, fmt.Sprintf("Report %s, log shop.example/candor %d %s", first, one.Size, one.Root))
	headers := fmt.Sprintf("Candor-Checkpoint:\r\n shop.example/candor\r\n %d %s\r\nCandor-Report: 1\r\n %s\r\n", one.Size, one.Root, first)
	for _, test := range []struct {
		name     string
		eml      string
		log      verify.Result
		found    bool
		notDone  bool
		contains string
	}{
		{"the same log", headers + told, one, false, false, ""},
		{"a later one", headers + told, grown, false, false, ""},
		{"rewritten", headers + told, another, true, false, "rewritten"},
		{"rolled back", headers + told, shorter, true, false, "rolled back"},
		{"changed words", headers + strings.Replace(told, "Report ", "report ", 1), another, false, true, "proves nothing"},
		{"a header of somebody else's", strings.Replace(headers, one.Root, grown.Root, 1) + told, one, false, true, "signed text"},
		{"no header", told, one, false, true, "says nothing of the log"},
		{"two headers", headers + headers + told, one, false, true, "2 Candor-Checkpoint headers"},
		{"a damaged header", "Candor-Checkpoint: x\r\n" + told, one, false, true, "damaged"},
	} {
		file := filepath.Join(t.TempDir(), "saved.eml")
		if err := os.WriteFile(file, []byte(test.eml), 0o600); err != nil {
			t.Fatal(err)
		}
		checks, cannot, err := checkNotice(file, test.log, noDKIM)
		if err != nil || len(checks) != 1 || !strings.Contains(cannot, "Not checked: it has no DKIM signature") {
			t.Fatalf("%s: %v %v %s", test.name, err, checks, cannot)
		}
		check := checks[0]
		said := fmt.Sprint(check.NotDone, check.Findings)
		if err != nil || len(check.Findings) > 0 != test.found || check.NotDone != "" != test.notDone || !strings.Contains(said, test.contains) {
			t.Errorf("%s: %v %+v", test.name, err, check)
		}
	}
}

var noDKIM = dkimLookup{ours: func(string) bool { return false }}

// Signed by DKIM, a notice is a witness even where the log's key was changed, and its own signature says nothing any more.
func TestNoticeIsWitnessByDKIM(t *testing.T) {
	secret, public, err := note.GenerateKey(rand.Reader, "shop.example/candor")
	if err != nil {
		t.Fatal(err)
	}
	first, second := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	one := logOf(t, secret, public, first)
	otherSecret, otherPublic, err := note.GenerateKey(rand.Reader, "shop.example/candor")
	if err != nil {
		t.Fatal(err)
	}
	rewritten := logOf(t, otherSecret, otherPublic, second)
	eml, record := dkimSigned(t, fmt.Sprintf("Candor-Checkpoint: shop.example/candor %d %s\r\nCandor-Report: 1 %s\r\n", one.Size, one.Root, first)+
		noticeOf(t, secret, fmt.Sprintf("Report %s, log shop.example/candor %d %s", first, one.Size, one.Root)))
	keys := dkimLookup{func(domain string) bool { return domain == "shop.example" }, func(string) ([]string, error) { return []string{record}, nil }}
	gone := dkimLookup{keys.ours, func(name string) ([]string, error) { return nil, &net.DNSError{Name: name, IsNotFound: true} }}
	for _, test := range []struct {
		name   string
		eml    string
		log    verify.Result
		keys   dkimLookup
		checks int    // of which the second is that of DKIM
		found  string // the finding
		cannot string
	}{
		{"both signatures", eml, one, keys, 2, "", ""},
		{"the key is gone", eml, one, gone, 1, "", "Not checked: the key r1._domainkey.shop.example is no longer there"},
		{"the log's key was changed", eml, rewritten, keys, 2, "the log was rewritten", ""},
		{"and DKIM's key is gone", eml, rewritten, gone, 1, "", "no longer there"},
		{"its text was changed", strings.Replace(eml, "shown", "hidden", 1), one, keys, 1, "", "does not fit"},
	} {
		file := filepath.Join(t.TempDir(), "saved.eml")
		if err := os.WriteFile(file, []byte(test.eml), 0o600); err != nil {
			t.Fatal(err)
		}
		checks, cannot, err := checkNotice(file, test.log, test.keys)
		found := fmt.Sprint(checks[0].Findings)
		if err != nil || len(checks) != test.checks || (len(checks[0].Findings) > 0) != (test.found != "") || !strings.Contains(found, test.found) || !strings.Contains(cannot, test.cannot) || (cannot == "") != (test.cannot == "") {
			t.Errorf("%s: %v %+v %q", test.name, err, checks, cannot)
		}
	}
}

// dkimSigned signs a message as shop.example, with the record of the key.
func dkimSigned(t *testing.T, eml string) (signed, record string) {
	file, err := delivery.MakeDKIMKey("ed25519")
	if err != nil {
		t.Fatal(err)
	}
	key, err := delivery.ParseDKIMKey(file)
	if err != nil {
		t.Fatal(err)
	}
	// The sender stands in front, as Build has it.
	from, rest, _ := strings.Cut(eml[strings.Index(eml, "From: "):], "\r\n")
	eml = from + "\r\n" + eml[:strings.Index(eml, "From: ")] + rest
	d, err := delivery.NewDKIM("shop.example", delivery.DKIMKey{Selector: "r1", Key: key})
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.Sign([]byte(eml), time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if record, err = delivery.DKIMRecord(key); err != nil {
		t.Fatal(err)
	}
	return string(b), record
}

// noticeOf is a genuine notice with a last line.
func noticeOf(t *testing.T, secret, line string) string {
	signer, err := delivery.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)
	key, code := signer.Key("c1", "1001"), signer.Code("c1", "1001")
	m := notice.Message{Lang: "en", Subject: "Notice of data breach", Text: "Your name was shown.\nCode: " + code + "\n" + line + "\n", HTML: "<p>Your name was shown.</p>\n"}
	h := delivery.Headers{From: delivery.Mailbox{Name: "Shop", Address: "privacy@shop.example"}, To: delivery.Mailbox{Address: "alice@customer.example"},
		ReplyTo: delivery.Mailbox{Address: "dpo@shop.example"}, Date: at, Key: key, Domain: "shop.example"}
	if h.Notice, err = signer.Attest("c1", key, strings.Repeat("0", 64), code, at, m.Subject, m.Text, m.HTML); err != nil {
		t.Fatal(err)
	}
	eml, err := delivery.Build(h, m)
	if err != nil {
		t.Fatal(err)
	}
	return string(eml)
}

// logOf is what verify finds in a log of some reports, of which no file is there.
func logOf(t *testing.T, secret, public string, reports ...string) verify.Result {
	var entries [][]byte
	var bundle []byte
	for n, hash := range reports {
		incident := fmt.Sprintf("inc-%d", n)
		e, err := verify.Manifest{Schema: verify.ManifestSchema, Incident: incident, Revision: 1, Report: hash, Files: map[string]string{incident + "/1/report.json": hash}}.Entry()
		if err != nil {
			t.Fatal(err)
		}
		entries, bundle = append(entries, e), append(append(bundle, byte(len(e)>>8), byte(len(e))), e...)
	}
	tree, err := verify.TreeOf(entries)
	if err != nil {
		t.Fatal(err)
	}
	root, err := tree.RootAt(int64(len(entries)))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := note.Sign(&note.Note{Text: fmt.Sprintf("shop.example/candor\n%d\n%s\n", len(entries), root)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	site := fstest.MapFS{verify.KeyFile: {Data: []byte(public + "\n")}, verify.CheckpointFile: {Data: checkpoint}, fmt.Sprintf("log/tile/entries/000.p/%d", len(entries)): {Data: bundle}}
	return verify.Folder(site, verify.Options{Now: time.Now()})
}

package bounce

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"candor.example/internal/notice"
)

const (
	testKey = "ppczqt3r3kze625qdhhv7sy55a"
	testTag = testKey + "tgdj"
)

// path stands for delivery.Signer.TagKey.
var path = ReturnPath{"return.shop.example", func(tag string) (string, bool) { return strings.TrimSuffix(tag, "tgdj"), tag == testTag }}

func parse(t testing.TB, raw []byte, recipient string) Report {
	t.Helper()
	r, err := path.Parse(bytes.NewReader(raw), recipient)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each file says in its first line what it is: kind, status, hard or soft, cause, and whether its notice cannot be told.
func TestReports(t *testing.T) {
	files, _ := filepath.Glob("testdata/reports/*.eml")
	if len(files) == 0 {
		t.Fatal("no reports")
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(raw), "\n")
		want := strings.TrimPrefix(first, "X-Want: ")
		for _, raw := range [][]byte{raw, bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n")), append([]byte("From x\n"), raw...)} {
			r := parse(t, raw, "")
			if got := said(r); got != want {
				t.Errorf("%s: %s, want %s: %s", filepath.Base(file), got, want, r.Detail)
			}
			for _, part := range []string{"alice", "jörg", "@", "customer.example"} {
				if strings.Contains(strings.ToLower(fmt.Sprintf("%+v", r)), part) {
					t.Errorf("%s: %q is left: %+v", filepath.Base(file), part, r)
				}
			}
			if r.Key != "" && r.Key != testKey {
				t.Errorf("%s: key %q", filepath.Base(file), r.Key)
			}
		}
	}
}

func said(r Report) string {
	dash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	out := fmt.Sprintf("%s %s %s %s", r.Kind, dash(r.Status), map[bool]string{true: "hard", false: "soft"}[r.Hard], dash(r.Cause))
	if r.Key == "" {
		out += " nokey"
	}
	return out
}

// The envelope is believed before anything in the message.
func TestEnvelopeFirst(t *testing.T) {
	raw, err := os.ReadFile("testdata/reports/no-key.eml")
	if err != nil {
		t.Fatal(err)
	}
	other := "aaaaaaaaaaaaaaaaaaaaaaaaaa"
	raw = append(raw, []byte("\nMessage-ID: <"+other+"@shop.example>\n")...)
	if r := parse(t, raw, "Bounce+"+strings.ToUpper(testTag)+"@RETURN.shop.example"); r.Key != testKey {
		t.Errorf("%+v", r)
	}
	for _, recipient := range []string{"bounce@return.shop.example", "bounce+@return.shop.example", "bounce+" + testKey + "@return.shop.example", "bounce+" + testTag + "@evil.example", "x" + "bounce+" + testTag + "@return.shop.example"} {
		if key, ok := path.keyOf(recipient); ok {
			t.Errorf("%s: %s", recipient, key)
		}
	}
}

func TestBounds(t *testing.T) {
	report := func(before string) []byte {
		return []byte("From: mailer-daemon@a.example\nSubject: failure notice\nContent-Type: multipart/report; boundary=b\n\n" + before + "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\nAction: failed\nStatus: 5.1.1\n\n--b--\n")
	}
	part := "--b\n\nx\n"
	for name, c := range map[string]struct {
		raw  []byte
		seen bool
	}{
		"as many parts as there may be": {report(strings.Repeat(part, maxParts-2)), true},
		"one more":                      {report(strings.Repeat(part, maxParts-1)), false},
		"as long as it may be":          {report("--b\n\n" + strings.Repeat("y", MaxMessage-len(report("--b\n\n"))-1) + "\n"), true},
		"too long by far":               {report("--b\n\n" + strings.Repeat("y", MaxMessage) + "\n"), false},
	} {
		if r := parse(t, c.raw, ""); (r.Status == "5.1.1") != c.seen {
			t.Errorf("%s: %+v", name, r)
		}
	}
	deep := func(n int) []byte {
		b := "From: mailer-daemon@a.example\n"
		for i := range n {
			b += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		return []byte(b + "Content-Type: message/delivery-status\n\nReporting-MTA: dns; a\n\nAction: failed\nStatus: 5.1.1\n")
	}
	if a, b := parse(t, deep(maxDepth), ""), parse(t, deep(maxDepth+1), ""); a.Status != "5.1.1" || b.Status != "" {
		t.Errorf("%+v, %+v", a, b)
	}
	long := bytes.Replace(report(""), []byte("Status: 5.1.1"), []byte("Status: 5.1.1\nDiagnostic-Code: smtp; 550 "+strings.Repeat("ü ", 200)), 1)
	if r := parse(t, long, ""); len(r.Detail) > MaxDetail || len(r.Detail) < MaxDetail-2 || !utf8.ValidString(r.Detail) {
		t.Errorf("%d bytes: %q", len(r.Detail), r.Detail)
	}
	if _, err := path.Parse(io.MultiReader(strings.NewReader("From: a\n"), broken{}), ""); err == nil {
		t.Error("a reader's trouble is lost")
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestStatusCauses(t *testing.T) {
	for status, want := range map[string]string{"5.1.1": NoMailbox, "5.1.2": NoDomain, "4.4.4": Unreachable, "5.4.4": NoDomain, "5.7.26": NotAuthenticated, "5.7.27": NotAuthenticated, "5.7.28": Blocked, "5.7.1": Blocked, "5.7.515": NotAuthenticated,
		"4.2.2": MailboxFull, "5.2.3": TooLarge, "4.3.0": System, "5.0.0": Other, "": Other, "550": Other} {
		if got := statusCause(status); got != want {
			t.Errorf("%s: %s, want %s", status, got, want)
		}
	}
	for text, want := range map[string]string{"554 10.2.0.2 is listed": "554", "550-5.7.1 no": "5.7.1", "(#5.1.1)": "5.1.1", "queued as 2.0.0": "", "Postfix 3.7.11 said": "", "421 4.7.0 later": "4.7.0", "smtp;550 5.4.1 x": "5.4.1"} {
		if got := statusIn(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/reports/*.eml")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, "bounce+"+testTag+"@return.shop.example")
	}
	kinds := []notice.EventKind{notice.Returned, notice.Delayed, notice.Delivered, notice.Complained, AutoReply, Unknown}
	f.Fuzz(func(t *testing.T, raw []byte, recipient string) {
		r := parse(t, raw, recipient)
		if !slices.Contains(kinds, r.Kind) || r.Cause != "" && !slices.Contains(Causes, r.Cause) || r.Key != "" && !isKey(r.Key) || len(r.Status) > 9 || len(r.Detail) > MaxDetail || !utf8.ValidString(r.Detail) || strings.Contains(r.Detail, "@") {
			t.Errorf("%+v", r)
		}
	})
}

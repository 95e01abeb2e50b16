package delivery

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"golang.org/x/mod/sumdb/note"

	"candor.example"
	"candor.example/internal/notice"
	"candor.example/internal/seal"
)

// keyring is what a publisher has: made once, because RSA keys take their time.
type keyring struct {
	signer   *Signer
	verifier string // sign.pub
	rsa      *rsa.PrivateKey
	ed       ed25519.PrivateKey
	dkim     *DKIM
	seal     seal.PrivateKey
}

var keys = sync.OnceValue(func() (k keyring) {
	secret, public, err := note.GenerateKey(rand.Reader, "shop.example/candor")
	must(err)
	k.verifier = public
	k.signer, err = NewSigner(secret + "\n")
	must(err)
	k.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	_, k.ed, err = ed25519.GenerateKey(rand.Reader)
	must(err)
	k.dkim, err = NewDKIM("shop.example", DKIMKey{"r1", k.rsa}, DKIMKey{"e1", k.ed})
	must(err)
	k.seal, err = seal.Generate(seal.X25519)
	must(err)
	return k
})

func must(err error) {
	if err != nil {
		panic(err)
	}
}

var date = time.Date(2018, 11, 21, 9, 30, 0, 0, time.UTC)

const messageCampaign = "5f0c6a54f0b14b7aa39d2a7c4d1e9b11"

// render stands for notice.Draft.Message: a notice with what is hard to carry in it.
func render(p notice.Person, at time.Time) (notice.Message, error) {
	if p.Locale == "xx" {
		return notice.Message{}, errors.New("there is no text in xx")
	}
	text := fmt.Sprintf("Dear %s,\n\nYour name and e-mail address were shown to %d other shoppers on www.shop.example/orders, 10:52 to 11:07 CET.\n"+
		"From now on this is fixed.\n.hidden\n--candor-x\n\n\tTabs and trailing space \nÜberall: 名前とメールアドレスが表示されました。\n\nCode: %s\nDate: %s\n", p.Name, p.Viewers, p.Code, at.Format("2 January 2006"))
	html := "<!DOCTYPE html>\n<html lang=\"en\"><body><p>" + strings.ReplaceAll(text, "\n", "<br>\n") + "</p></body></html>\n"
	return notice.Message{Lang: "en", Law: notice.GDPR, Subject: "Notice of data breach: your name and e-mail address were shown to others – Överblick", Text: text, HTML: html}, nil
}

func composer() *Composer {
	k := keys()
	return &Composer{Campaign: messageCampaign, Draft: candor.HashOf([]byte("draft")), Date: date, From: Mailbox{"Müller & Söhne, Shop", "privacy@shop.example"},
		ReplyTo: Mailbox{"Data Protection Officer", "dpo@shop.example"}, Domain: "shop.example", Signer: k.signer, DKIM: k.dkim,
		Ring: map[string]seal.PrivateKey{k.seal.Public().ID(): k.seal}, Render: render}
}

func sealed(t testing.TB, owner, kind, value string) candor.Sealed {
	t.Helper()
	s, err := keys().seal.Public().Seal(owner, kind, []byte(value))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func alice(t testing.TB) (notice.Person, []candor.Sealed) {
	return notice.Person{Owner: "1001", Locale: "en", Viewers: 3, Looked: candor.LookedAll},
		[]candor.Sealed{sealed(t, "1001", "email", "alice@customer.example"), sealed(t, "1001", "name", "Alice Ästhet")}
}

// written is a person's whole message.
func written(t testing.TB, c *Composer, p notice.Person, s []candor.Sealed) []byte {
	t.Helper()
	l, err := c.Compose(p, s)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := l.Message(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestKeysAndCodes(t *testing.T) {
	s := keys().signer
	key := s.Key(messageCampaign, "1001")
	if !IsKey(key) || key == s.Key(messageCampaign, "1002") || key == s.Key("other", "1001") || key != s.Key(messageCampaign, "1001") {
		t.Errorf("key %q", key)
	}
	code := s.Code(messageCampaign, "1001")
	if !codeForm.MatchString(code) || len(code) != 14 || code == s.Code(messageCampaign, "1002") {
		t.Errorf("code %q", code)
	}
	if text := fmt.Sprintf("%v %+v %s %q", s, s, s, s); strings.Contains(text, "[") || !strings.Contains(text, s.ID()) {
		t.Error(text)
	}
	tag := s.Tag(key)
	for _, c := range []struct {
		tag string
		ok  bool
	}{{tag, true}, {strings.ToUpper(tag), true}, {key, false}, {tag + "a", false}, {tag[:29], false}, {key + "aaaa", tag == key+"aaaa"}, {"", false}} {
		got, ok := s.TagKey(c.tag)
		if ok != c.ok || ok && got != key {
			t.Errorf("%q: %q, %v", c.tag, got, ok)
		}
	}
	if _, ok := s.TagKey(s.Key(messageCampaign, "1002") + tag[KeyLen:]); ok {
		t.Error("one's tag is another's")
	}
}

// The form of the key is a contract of several packages: keys must not change with a release, or bounces of a running campaign are nobody's.
func TestKeyVector(t *testing.T) {
	s, err := NewSigner("PRIVATE+KEY+shop.example/candor+210e7f68+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Key("campaign", "1001") + " " + s.Code("campaign", "1001") + " " + s.Tag(s.Key("campaign", "1001")); got != vector {
		t.Errorf("%s", got)
	}
	for _, bad := range []string{"", "PRIVATE+KEY+shop.example/candor+00000000+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f", "PRIVATE+KEY+a+d4d83d53+AQAB"} {
		if _, err := NewSigner(bad); err == nil || strings.Contains(err.Error(), "AQAB") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

const vector = "ppczqt3r3kze625qdhhv7sy55a 7CXK-YD27-HKFQ ppczqt3r3kze625qdhhv7sy55atgdj"

func TestAddresses(t *testing.T) {
	long := strings.Repeat("a", 64)
	label := strings.Repeat("d", 63)
	domain := strings.Join([]string{label, label, label[:59]}, ".") + ".ex" // 63+1+63+1+59+3 = 190
	for in, want := range map[string]string{
		"alice@shop.example":                     "alice@shop.example",
		"Alice.B+tag@Shop.Example":               "Alice.B+tag@shop.example",
		"alice@müller.example":                   "alice@xn--mller-kva.example",
		"alice@xn--mller-kva.example":            "alice@xn--mller-kva.example",
		"jörg@müller.example":                    "jörg@xn--mller-kva.example",
		"用户@例え.example":                          "用户@xn--r8jz45g.example",
		`"a b"@shop.example`:                     `"a b"@shop.example`,
		`"a\"b"@shop.example`:                    `"a\"b"@shop.example`,
		`"a@b"@shop.example`:                     `"a@b"@shop.example`,
		"o'hara@shop.example":                    "o'hara@shop.example",
		long + "@shop.example":                   long + "@shop.example",
		long[:63] + "@" + domain:                 long[:63] + "@" + domain, // 63+1+190 = 254
		long + "@" + domain:                      "",                       // 255
		long + "a@shop.example":                  "",
		"":                                       "",
		"alice":                                  "",
		"@shop.example":                          "",
		"alice@":                                 "",
		"alice@localhost":                        "",
		"alice@127.0.0.1":                        "",
		"alice@[127.0.0.1]":                      "",
		"alice@shop..example":                    "",
		"alice@-shop.example":                    "",
		"alice@" + label + "d.example":           "",
		".alice@shop.example":                    "",
		"alice.@shop.example":                    "",
		"a..b@shop.example":                      "",
		"a b@shop.example":                       "",
		"a,b@shop.example":                       "",
		"<alice@shop.example>":                   "",
		"alice@shop.example\r\nBcc: x@y.example": "",
		"alice\r\nRCPT TO:<x@y.example>@shop.ex": "",
		"alice\x00@shop.example":                 "",
		"\"a\r\nb\"@shop.example":                "",
		"\"a\x00b\"@shop.example":                "",
		"\"a\\\nb\"@shop.example":                "",
		`"a"b"@shop.example`:                     "",
		`"ab\"@shop.example`:                     "",
		`""@shop.example`:                        "",
		"a\u202eb@shop.example":                  "",
		"a\u00a0b@shop.example":                  "",
		"a\u2028b@shop.example":                  "",
		"a\xffb@shop.example":                    "",
		"alice@shop.example ":                    "",
	} {
		got, err := ParseAddress(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
		if err != nil && len(in) > 8 && strings.Contains(err.Error(), in) {
			t.Errorf("the error holds the address: %v", err)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"alice@shop.example", `"a\"b"@müller.example`, "a\r\n@b.example", "用户@例え.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if again, err := ParseAddress(a); err != nil || again != a {
			t.Errorf("%q becomes %q, and that %q, %v", s, a, again, err)
		}
		if strings.ContainsAny(a, "\r\n\x00") || len(a) > 254 {
			t.Errorf("%q", a)
		}
	})
}

// Every line is ASCII, ends in CRLF and is short, and what comes out of each part is what went in.
func TestBuilt(t *testing.T) {
	p, s := alice(t)
	raw := written(t, composer(), p, s)
	for i, line := range strings.Split(strings.TrimSuffix(string(raw), "\r\n"), "\r\n") {
		if len(line) > shortLine || strings.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' && r != '\t' }) || strings.TrimRight(line, " \t") != line {
			t.Errorf("line %d: %d bytes: %q", i+1, len(line), line)
		}
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "From ") {
			t.Errorf("line %d: a relay changes %q", i+1, line)
		}
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	key := keys().signer.Key(messageCampaign, "1001")
	for name, want := range map[string]string{
		"Mime-Version": "1.0", "Date": "Wed, 21 Nov 2018 09:30:00 +0000", "Message-Id": "<" + key + "@shop.example>", "Auto-Submitted": "auto-generated", "Content-Language": "en",
		"Reply-To": "Data Protection Officer <dpo@shop.example>", "Precedence": "", "Bcc": "", "Cc": "", "List-Id": "", "List-Unsubscribe": "",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if want, _ := render(p, date); err != nil || subject != want.Subject {
		t.Errorf("%q, %v", subject, err)
	}
	for name, want := range map[string]mail.Address{"From": {Name: "Müller & Söhne, Shop", Address: "privacy@shop.example"}, "To": {Name: "Alice Ästhet", Address: "alice@customer.example"}} {
		if got, err := m.Header.AddressList(name); err != nil || len(got) != 1 || *got[0] != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if again := written(t, composer(), p, s); !bytes.Equal(raw, again) {
		t.Error("a second attempt is different bytes")
	}
}

// A name is nobody's way into a header.
func TestNames(t *testing.T) {
	h := Headers{From: Mailbox{"Shop", "privacy@shop.example"}, ReplyTo: Mailbox{"", "dpo@shop.example"}, Date: date, Key: keys().signer.Key("c", "o"), Domain: "shop.example"}
	m := notice.Message{Lang: "ja", Subject: "s", Text: "t", HTML: "h"}
	for name, want := range map[string]string{
		"":                               "",
		"Alice":                          "Alice",
		"Alice\r\nBcc: eve@evil.example": "Alice Bcc: eve@evil.example",
		"Eve <eve@evil.example>,":        "Eve <eve@evil.example>,",
		"=?utf-8?Q?Eve?=":                "=?utf-8?Q?Eve?=",
		"\u202eecilA\x00":                "ecilA",
		"名前 名前 名前 名前 名前 名前 名前 名前 名前 名前 名前": "名前 名前 名前 名前 名前 名前 名前 名前 名前 名前 名前",
		strings.Repeat("x", 100):              strings.Repeat("x", 100),
		strings.Repeat("x", 101):              "",
		"Dr. O'Hara (Sales) \"Bob\" \\ ; : @": "Dr. O'Hara (Sales) \"Bob\" \\ ; : @",
	} {
		h.To = Mailbox{name, "alice@customer.example"}
		raw, err := Build(h, m)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		to, err := parsed.Header.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Name != want || to[0].Address != "alice@customer.example" || parsed.Header.Get("Bcc") != "" {
			t.Errorf("%q: %v, %v", name, to, err)
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	ok := Headers{From: Mailbox{"Shop", "privacy@shop.example"}, To: Mailbox{"", "a@b.example"}, ReplyTo: Mailbox{"", "dpo@shop.example"}, Date: date, Key: keys().signer.Key("c", "o"), Domain: "shop.example"}
	m := notice.Message{Lang: "pt-BR", Subject: "s", Text: "t", HTML: "h"}
	if _, err := Build(ok, m); err != nil {
		t.Fatal(err)
	}
	for i, change := range []func(*Headers, *notice.Message){
		func(h *Headers, _ *notice.Message) { h.Key = strings.ToUpper(h.Key) },
		func(h *Headers, _ *notice.Message) { h.Date = time.Time{} },
		func(h *Headers, _ *notice.Message) { h.To = Mailbox{} },
		func(h *Headers, _ *notice.Message) { h.Domain = "shop.example>\r\nX: y" },
		func(_ *Headers, m *notice.Message) { m.Lang = "en\r\nBcc: x" },
		func(_ *Headers, m *notice.Message) { m.Lang = "" },
		func(_ *Headers, m *notice.Message) { m.Text = "\xff" },
		func(_ *Headers, m *notice.Message) { m.HTML = "" },
	} {
		h, m := ok, m
		change(&h, &m)
		if _, err := Build(h, m); err == nil {
			t.Errorf("change %d is built", i)
		}
	}
}

func FuzzQuoted(f *testing.F) {
	for _, s := range []string{"", "a\n", ".\n..\nFrom x\n--\n", strings.Repeat("x", 75) + "From me", strings.Repeat("=", 40), "a \nb\t", "\r\r\n\n", "名前\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var e, known encoded
		Lines(nil).encode(&e, s)
		EncodeLines([]string{s}).encode(&known, s)
		if !bytes.Equal(e.quoted, known.quoted) || !bytes.Equal(e.canonical, known.canonical) {
			t.Errorf("%q of lines that are known becomes %q and %q, else %q and %q", s, known.quoted, known.canonical, e.quoted, e.canonical)
		}
		b := bytes.NewBuffer(e.quoted)
		for line := range strings.SplitSeq(b.String(), "\r\n") {
			if len(line) > shortLine || strings.HasPrefix(line, ".") || strings.HasPrefix(line, "From ") || strings.HasPrefix(line, "--") || strings.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' && r != '\t' }) {
				t.Errorf("%q", line)
			}
		}
		got, err := io.ReadAll(quotedprintable.NewReader(b))
		want := strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
		if err != nil || string(got) != want {
			t.Errorf("%q becomes %q, %v", s, got, err)
		}
	})
}

// A body whose first line has a tab is relaxed line by line, and one with no white space at the ends of lines is not.
func FuzzRelaxedBody(f *testing.F) {
	for _, s := range []string{"", " ", "a  b\r\n", "a \r\n", "  a   b\r\n\r\n\r\n", "a  ", "a\tb  c\r\n", "\r\n  \r\n", "a\r  \nb\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := string(relaxedBody(nil, []byte("x\r\n"+s)))
		want, _ := strings.CutPrefix(string(relaxedBody(nil, []byte("x\ty\r\n"+s))), "x y\r\n")
		if got != "x\r\n"+want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	})
}

func FuzzSubject(f *testing.F) {
	for _, s := range []string{"Notice of data breach", "名前とメールアドレスが表示されました、名前とメールアドレスが表示されました", "=?utf-8?Q?x?=", strings.Repeat("x ", 80), strings.Repeat("y", 300), "Ünterwegs mit langem Betreff und dann noch etwas Ä und Ö"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
		if s == "" {
			return
		}
		var b bytes.Buffer
		writeUnstructured(&b, "Subject", s)
		for line := range strings.SplitSeq(strings.TrimSuffix(b.String(), "\r\n"), "\r\n") {
			if len(line) > shortLine || strings.TrimSpace(line) == "" || strings.TrimRight(line, " ") == "Subject:" {
				t.Errorf("%q: %q", s, line)
			}
		}
		m, err := mail.ReadMessage(strings.NewReader(b.String() + "\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || got != s {
			t.Errorf("%q becomes %q by %q, %v", s, got, b.String(), err)
		}
	})
}

func lookup(name string) ([]string, error) {
	k := map[string]crypto.Signer{"r1._domainkey.shop.example": keys().rsa, "e1._domainkey.shop.example": keys().ed}[strings.TrimSuffix(name, ".")]
	if k == nil {
		return nil, errors.New("no such record")
	}
	record, err := DKIMRecord(k)
	return []string{record}, err
}

func verified(t testing.TB, raw []byte) (passed int) {
	t.Helper()
	all, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: lookup})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.Err == nil && v.Domain == "shop.example" {
			passed++
		}
	}
	return passed
}

// Both signatures verify, and neither does when one of the signed fields is changed, added or taken away, or when the body is.
func TestDKIM(t *testing.T) {
	p, s := alice(t)
	raw := written(t, composer(), p, s)
	if n := verified(t, raw); n != 2 {
		t.Fatalf("%d of 2 signatures verify:\n%s", n, raw)
	}
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	message := func(h []byte, b []byte) []byte { return bytes.Join([][]byte{h, b}, []byte("\r\n\r\n")) }
	for _, name := range append(append([]string{}, signedFields...), "Cc") {
		value := ": x@y.example"
		if name == "Date" {
			value = ": " + date.Format(time.RFC1123Z)
		}
		for where, changed := range map[string][]byte{
			"in front": message([]byte(name+value+"\r\n"+string(head)), body),
			"behind":   message([]byte(string(head)+"\r\n"+name+value), body),
			"changed":  message(bytes.Replace(head, []byte("\r\n"+name+": "), []byte("\r\n"+name+": x"), 1), body),
			"gone":     message(regexp.MustCompile(`(?m)^`+name+`:.*\r\n([ \t].*\r\n)*`).ReplaceAll(append(head[:len(head):len(head)], "\r\n"...), nil), body),
		} {
			if bytes.Equal(changed, raw) || bytes.Equal(bytes.TrimSpace(changed), raw) || name == "Cc" && (where == "changed" || where == "gone") {
				continue
			}
			if n := verified(t, changed); n != 0 {
				t.Errorf("%s %s: %d signatures verify", name, where, n)
			}
		}
	}
	if n := verified(t, append(raw[:len(raw):len(raw)], "more\r\n"...)); n != 0 {
		t.Errorf("a longer body: %d signatures verify", n)
	}
	// What relays do, and relaxed forgives.
	relayed := append([]byte("Received: from a by b\r\n"), message(head, bytes.ReplaceAll(body, []byte("\r\n--"), []byte(" \r\n--")))...)
	if n := verified(t, append(relayed, "\r\n\r\n"...)); n != 2 {
		t.Errorf("spaces at ends of lines, empty lines at the end: %d", n)
	}
}

func TestDKIMKeys(t *testing.T) {
	k := keys()
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k.ed)
	must(err)
	rsa8, err := x509.MarshalPKCS8PrivateKey(k.rsa)
	must(err)
	encode := func(kind string, b []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}) }
	for _, file := range [][]byte{encode("PRIVATE KEY", pkcs8), encode("PRIVATE KEY", rsa8), encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(k.rsa))} {
		if _, err := ParseDKIMKey(file); err != nil {
			t.Error(err)
		}
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	must(err)
	for _, file := range [][]byte{nil, []byte("key"), encode("PRIVATE KEY", pkcs8[:10]), encode("ENCRYPTED PRIVATE KEY", pkcs8), encode("CERTIFICATE", pkcs8), encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(small))} {
		if _, err := ParseDKIMKey(file); err == nil {
			t.Errorf("%.40q is read", file)
		}
	}
	for _, domain := range []string{"", "example", "Shop.example", "müller.example", "shop.example;"} {
		if _, err := NewDKIM(domain, DKIMKey{"r1", k.rsa}); err == nil {
			t.Errorf("%q is a domain", domain)
		}
	}
	// DMARC counts what is aligned only.
	for domain, ok := range map[string]bool{"shop.example": true, "other.example": false, "hop.example": false, "sub.shop.example": false} {
		d, err := NewDKIM(domain, DKIMKey{"e1", k.ed})
		must(err)
		if _, err := d.Sign([]byte("From: Shop <privacy@shop.example>\r\n\r\nx\r\n"), date); (err == nil) != ok {
			t.Errorf("%s: %v", domain, err)
		}
	}
}

func TestComposeWithholds(t *testing.T) {
	email := func(owner, value string) candor.Sealed { return sealed(t, owner, "email", value) }
	stranger, err := seal.Generate(seal.X25519)
	must(err)
	theirs, err := stranger.Public().Seal("1001", "email", []byte("alice@customer.example"))
	must(err)
	broken := email("1001", "alice@customer.example")
	broken.Blob = append([]byte{}, broken.Blob...)
	broken.Blob[len(broken.Blob)-1] ^= 1
	moved := email("1002", "bob@customer.example")
	moved.Owner = "1001"
	for name, c := range map[string]struct {
		p      notice.Person
		sealed []candor.Sealed
		cause  string
	}{
		"nothing":            {notice.Person{Owner: "1001"}, nil, CauseNoSeal},
		"another's":          {notice.Person{Owner: "1001"}, []candor.Sealed{email("1002", "bob@customer.example")}, CauseNoSeal},
		"only a name":        {notice.Person{Owner: "1001"}, []candor.Sealed{sealed(t, "1001", "name", "Alice")}, CauseNoSeal},
		"another's, moved":   {notice.Person{Owner: "1001"}, []candor.Sealed{moved}, CauseSealFails},
		"damaged":            {notice.Person{Owner: "1001"}, []candor.Sealed{broken}, CauseSealFails},
		"another key":        {notice.Person{Owner: "1001"}, []candor.Sealed{theirs}, CauseNoKey},
		"damaged and no key": {notice.Person{Owner: "1001"}, []candor.Sealed{theirs, broken}, CauseSealFails},
		"no address":         {notice.Person{Owner: "1001"}, []candor.Sealed{email("1001", "alice@customer.example\r\nBcc: x@y.example")}, BadAddress},
		"a password":         {notice.Person{Owner: "1001", Credentials: []string{"session-token", "password"}}, []candor.Sealed{email("1001", "alice@customer.example")}, CauseCredentialsLeaked},
		"no text":            {notice.Person{Owner: "1001", Locale: "xx"}, []candor.Sealed{email("1001", "alice@customer.example")}, CauseRender},
		"no text, by seal":   {notice.Person{Owner: "1001"}, []candor.Sealed{email("1001", "alice@customer.example"), sealed(t, "1001", "locale", "xx")}, CauseRender},
	} {
		l, err := composer().Compose(c.p, c.sealed)
		if err == nil {
			err = l.Message(io.Discard)
		}
		var w *WithheldError
		if !errors.As(err, &w) || w.Cause != c.cause || strings.Contains(err.Error(), "customer.example") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// One that opens is enough, and a name that does not open is no reason.
	badName := sealed(t, "1002", "name", "Bob")
	badName.Owner = "1001"
	l, err := composer().Compose(notice.Person{Owner: "1001"}, []candor.Sealed{theirs, broken, badName, email("1001", "alice@Customer.example")})
	if err != nil || l.To != "alice@customer.example" || l.name != "" {
		t.Errorf("%v, %v", l, err)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", l, l, l, l); strings.Contains(text, "customer") {
		t.Error(text)
	}
	if err := composer().Check(date); err != nil {
		t.Error(err)
	}
	if err := composer().Check(date.Add(-time.Second)); err == nil {
		t.Error("it is dated in the future")
	}
}

// Every notice is a witness: the report's hash and the log's checkpoint are in its head, signed, so that neither can be taken away, changed or added.
func TestWitness(t *testing.T) {
	p, s := alice(t)
	c := composer()
	c.Report = &notice.Report{URL: "https://www.shop.example/candor/inc-1", Revision: 2, Hash: strings.Repeat("ab", 32),
		Checkpoint: &notice.Checkpoint{Origin: "shop.example/candor", Size: 12, Root: "qINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs="}}
	l, err := c.Compose(p, s)
	must(err)
	var b bytes.Buffer
	must(l.Message(&b))
	unfolded := strings.ReplaceAll(b.String(), "\r\n ", " ")
	for _, want := range []string{"\r\nCandor-Report: 2 " + c.Report.Hash + "\r\n", "\r\nCandor-Checkpoint: shop.example/candor 12 " + c.Report.Checkpoint.Root + "\r\n"} {
		if !strings.Contains(unfolded, want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	passes := func(message string) bool {
		list, err := dkim.VerifyWithOptions(strings.NewReader(message), &dkim.VerifyOptions{LookupTXT: lookup})
		return err == nil && len(list) == 2 && list[0].Err == nil && list[1].Err == nil
	}
	if !passes(b.String()) {
		t.Fatal("it does not verify")
	}
	at := strings.Index(b.String(), "Candor-Checkpoint:")
	for name, changed := range map[string]string{
		"changed":   strings.Replace(b.String(), " 12 qINS", " 13 qINS", 1),
		"added":     "Candor-Checkpoint: shop.example/candor 13 x\r\n" + b.String(),
		"taken out": b.String()[:at] + "X-" + b.String()[at:],
	} {
		if passes(changed) {
			t.Errorf("%s, and it verifies", name)
		}
	}
	for name, wrong := range map[string]func(*notice.Report){
		"a short root":        func(r *notice.Report) { r.Checkpoint.Root = "AAAA" },
		"an empty log":        func(r *notice.Report) { r.Checkpoint.Size = 0 },
		"an origin in two":    func(r *notice.Report) { r.Checkpoint.Origin = "shop candor" },
		"a line in it":        func(r *notice.Report) { r.Checkpoint.Origin = "shop\r\nBcc:x" },
		"no hash":             func(r *notice.Report) { r.Hash = "" },
		"before the first":    func(r *notice.Report) { r.Revision = 0 },
		"a hash of two words": func(r *notice.Report) { r.Hash = "a b" },
	} {
		report, checkpoint := *c.Report, *c.Report.Checkpoint
		report.Checkpoint = &checkpoint
		wrong(&report)
		other := *c
		other.Report = &report
		l, err := other.Compose(p, s)
		must(err)
		if err := l.Message(io.Discard); err == nil {
			t.Errorf("%s: it is written", name)
		}
	}
}

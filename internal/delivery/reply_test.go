package delivery

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func read(s string) (reply, error) {
	return readReply(bufio.NewReaderSize(strings.NewReader(s), maxLine))
}

func TestReply(t *testing.T) {
	at := "250 " + strings.Repeat("x", maxLine-6) + "\r\n"
	many := strings.Repeat("250-x\r\n", maxLines-1)
	for _, c := range []struct {
		said string
		code int // 0: refused
	}{
		{"250 ok\r\n", 250}, {"250\r\n", 250}, {"250 ok\n", 250}, {"250-a\r\n250-b\r\n250 c\r\n", 250}, {"354 go\r\n", 354},
		{"250-a\r\n550 c\r\n", 0}, {"199 a\r\n", 0}, {"650 a\r\n", 0}, {"25 a\r\n", 0}, {"250x\r\n", 0}, {"\r\n", 0}, {"HTTP/1.1 400\r\n", 0}, {"250-a\r\n", 0}, {"", 0},
		{at, 250}, {strings.Replace(at, "x", "xx", 1), 0},
		{many + "250 x\r\n", 250}, {many + "250-x\r\n250 x\r\n", 0},
	} {
		r, err := read(c.said)
		if r.code != c.code || (err == nil) != (c.code != 0) {
			t.Errorf("%.40q: %d %v", c.said, r.code, err)
		}
	}
}

func TestStatus(t *testing.T) {
	for said, want := range map[string]string{
		"550 5.1.1 nobody\r\n": "5.1.1", "550 nobody\r\n": "550", "250 2.0.0\r\n": "2.0.0", "550 5.1.1111 x\r\n": "550", "550 5.1 x\r\n": "550", "550 6.1.1 x\r\n": "550", "550 5..1 x\r\n": "550",
	} {
		r, err := read(said)
		if err != nil || r.status() != want {
			t.Errorf("%q: %q %v, want %q", said, r.status(), err, want)
		}
	}
}

// Whatever a relay repeats of a person is not kept.
func TestMasked(t *testing.T) {
	const to, name = "Anna.Muster@smith-family.example", "Anna Muster"
	for said, want := range map[string]string{
		"550 5.1.1 <anna.muster@smith-family.example>: unknown": "550 5.1.1 ***** unknown",
		"550 User Anna.Muster unknown":                          "550 User ***** unknown",
		"550 no user muster here":                               "550 no user ***** here",
		"550 anna%40other.example anna=40x anna+40x":            "550 ***** ***** *****",
		"450 greylisted, see http://x.example/?a=ANNA.MUSTER":   "450 greylisted, see *****",
		"550 SMITH-FAMILY.EXAMPLE refuses":                      "550 ***** refuses",
		"550 somebody&#64;else.example":                         "550 *****",
		"250 2.0.0 Ok: queued as 4F9A\x07\xff":                  "250 2.0.0 Ok: queued as 4F9A??",
	} {
		if got := masked(said, to, name); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
	if got := masked(strings.Repeat("é", 101), ""); got != strings.Repeat("é", 100) {
		t.Errorf("cut to %d bytes", len(got))
	}
	if got := masked(strings.Repeat("x", maxDetail), ""); len(got) != maxDetail {
		t.Errorf("at the limit it is cut to %d", len(got))
	}
}

func FuzzReply(f *testing.F) {
	f.Add([]byte("250-a\r\n250 5.1.1 <a@b.example>\r\n"), "anna@shop.example")
	f.Add([]byte("550 \xff\x00@\n"), "x@y.z")
	f.Fuzz(func(t *testing.T, said []byte, to string) {
		r, err := readReply(bufio.NewReaderSize(bytes.NewReader(said), maxLine))
		if err != nil {
			return
		}
		if r.code < 200 || r.code > 599 || len(r.lines) == 0 || len(r.lines) > maxLines || r.status() == "" {
			t.Errorf("%+v", r)
		}
		d := r.detail(to, "Anna Muster")
		if len(d) > maxDetail || !utf8.ValidString(d) || strings.ContainsAny(d, "@\r\n\x00") || strings.Contains(strings.ToLower(d), "muster") {
			t.Errorf("%q", d)
		}
		if a, ok := parseAddress(to); ok && len(a.local) > 2 && ascii(to) && !digits(a.local) && strings.Contains(strings.ToLower(d), strings.ToLower(a.local)) && strings.Trim(a.local, "*0123456789") == a.local {
			t.Errorf("%q says %q", d, a.local)
		}
	})
}

func TestAddress(t *testing.T) {
	l64, l63 := strings.Repeat("l", 64), strings.Repeat("d", 63)
	for in, want := range map[string]string{
		"anna@shop.example": "anna@shop.example", "Anna.M+x@Shop.EXAMPLE": "Anna.M+x@shop.example", "o'neil@x.example": "o'neil@x.example",
		"a@müller.example": "a@xn--mller-kva.example", "jürgen@x.example": "jürgen@x.example",
		l64 + "@x.example": l64 + "@x.example", l64 + "l@x.example": "",
		"a@" + l63 + ".example": "a@" + l63 + ".example", "a@" + l63 + "d.example": "",
		"": "", "a": "", "@x.example": "", "a@": "", "a@example": "", "a@x..example": "", "a@-x.example": "", "a@x-.example": "", "a@.example": "",
		".a@x.example": "", "a.@x.example": "", "a..b@x.example": "", "a b@x.example": "", `"a"@x.example`: "", "a@[127.0.0.1]": "", "a@x.example ": "",
		"a\x00@x.example": "", "a\r\nb@x.example": "", "a@x.example\r\nDATA": "", "<a@x.example>": "", "a>@x.example": "", "a@x.example> SIZE=1": "",
		"a\u0085b@x.example": "", "a\u2028b@x.example": "", "a\xffb@x.example": "", "a@b@x.example": "",
	} {
		a, ok := parseAddress(in)
		if got := a.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q %v, want %q", in, got, ok, want)
		}
	}
	local := strings.Repeat("l", 60)
	domain := strings.Repeat(strings.Repeat("d", 61)+".", 3) // 186
	at := local + "@" + domain + "example"                   // 60+1+186+7 = 254
	if _, ok := parseAddress(at); len(at) != 254 || !ok {
		t.Errorf("%d octets: %v", len(at), ok)
	}
	if _, ok := parseAddress("l" + at); ok {
		t.Error("255 octets pass")
	}
}

func TestXtext(t *testing.T) {
	if got := xtext("a+b=c@x.example"); got != "a+2Bb+3Dc@x.example" {
		t.Error(got)
	}
	if got := utf8xtext("jü+α😀@x.example"); got != `j\x{FC}\x{2B}\x{3B1}\x{1F600}@x.example` {
		t.Error(got)
	}
}

func FuzzEnvelope(f *testing.F) {
	f.Add("anna@shop.example")
	f.Add("a\r\n@b.c")
	f.Fuzz(func(t *testing.T, s string) {
		a, ok := parseAddress(s)
		if !ok {
			return
		}
		line := (&conn{ext: map[string]string{"DSN": ""}}).rcpt(envelope{to: a})
		if strings.ContainsAny(line, "\r\n\x00\"") || strings.Count(line, "<") != 1 || strings.Count(line, ">") != 1 || strings.Count(line, " ") != 3 || !ascii(a.domain) || len(line) > 2000 {
			t.Errorf("%q", line)
		}
	})
}

func FuzzInspectMessage(f *testing.F) {
	f.Add([]byte("a: b\r\n\r\n.\r\n"))
	f.Fuzz(func(t *testing.T, m []byte) {
		eight, ok := inspectMessage(m)
		if !ok {
			return
		}
		bare := bytes.ReplaceAll(m, []byte("\r\n"), nil)
		if bytes.ContainsAny(bare, "\r\n\x00") || eight == ascii(string(m)) {
			t.Errorf("%q", m)
		}
	})
}

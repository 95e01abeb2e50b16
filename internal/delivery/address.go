package delivery

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/net/idna"
)

// address is where a notice goes, in the form in which it is safe to put on the wire.
type address struct {
	local, domain string // domain in A-labels, lower case, whatever local is
}

func (a address) String() string { return a.local + "@" + a.domain }

// utf8 reports whether the address needs SMTPUTF8: a domain never does.
func (a address) utf8() bool { return !ascii(a.local) }

// parseAddress accepts what a mailbox can be (RFC 5321 §4.1.2, RFC 6531 §3.3) without quoted local parts and address literals: in the first
// anything could hide, and neither is a customer's. Nothing that could end a command passes.
func parseAddress(s string) (a address, ok bool) {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 { // RFC 5321 §4.5.3.1
		return a, false
	}
	for _, atom := range strings.Split(s[:at], ".") {
		if atom == "" || strings.ContainsFunc(atom, notAtext) {
			return a, false
		}
	}
	domain, err := idna.Lookup.ToASCII(s[at+1:])
	if err != nil || !strings.Contains(domain, ".") || len(domain) > 253 || strings.ContainsFunc(domain, notLabel) {
		return a, false
	}
	for _, label := range strings.Split(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return a, false
		}
	}
	return address{s[:at], strings.ToLower(domain)}, true
}

// notAtext: RFC 5322 §3.2.3, with RFC 6532 §3.2 beyond ASCII. What is no UTF-8 comes as U+FFFD.
func notAtext(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	case r < 0x80:
		return !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
	}
	return r < 0xa0 || r == 0xfffd || r == 0x2028 || r == 0x2029
}

func notLabel(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.')
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// xtext is RFC 3461 §4.
func xtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < '!' || c > '~' || c == '+' || c == '=' {
			b.WriteByte('+')
			b.WriteByte("0123456789ABCDEF"[c>>4])
			b.WriteByte("0123456789ABCDEF"[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// utf8xtext is "utf-8-addr-xtext" (RFC 6533 §3), which holds only ASCII.
func utf8xtext(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < '!' || r > '~' || r == '+' || r == '=' || r == '\\' {
			fmt.Fprintf(&b, `\x{%02X}`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// inspectMessage reports whether a message has octets above 127, and whether it may be sent at all: a bare CR or LF means one thing to one
// server and another to the next, which is how a second message is smuggled in.
func inspectMessage(m []byte) (eight, ok bool) {
	ends := bytes.Count(m, []byte("\r\n"))
	if !bytes.HasSuffix(m, []byte("\r\n")) || bytes.Count(m, []byte("\r")) != ends || bytes.Count(m, []byte("\n")) != ends || bytes.IndexByte(m, 0) >= 0 {
		return false, false
	}
	for rest := m; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n') + 1
		if end > 998+2 {
			return false, false
		}
		rest = rest[end:]
	}
	return !asciiBytes(m), true
}

// asciiBytes looks at eight octets at a time: a message is looked at each time that it is sent.
func asciiBytes(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return false
		}
	}
	return ascii(string(b))
}

package delivery

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// address is where a notice goes, in the form in which it is safe to put on the wire.
type address struct {
	local, domain string // domain in A-labels, lower case, whatever local is
}

func (a address) String() string { return a.local + "@" + a.domain }

// utf8 reports whether the address needs SMTPUTF8: a domain never does.
func (a address) utf8() bool { return !ascii(a.local) }

// parseAddress is ParseAddress without quoted local parts: anything could hide in them, and hardly a customer has one.
func parseAddress(s string) (a address, ok bool) {
	s, err := ParseAddress(s)
	if err != nil || s[0] == '"' {
		return a, false
	}
	at := strings.LastIndexByte(s, '@')
	return address{s[:at], s[at+1:]}, true
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
	lines := 0
	for rest := m; len(rest) > 0; lines++ {
		end := bytes.IndexByte(rest, '\n') + 1
		if end < 2 || end > 998+2 || rest[end-2] != '\r' {
			return false, false
		}
		rest = rest[end:]
	}
	if lines == 0 || bytes.Count(m, []byte("\r")) != lines || bytes.IndexByte(m, 0) >= 0 {
		return false, false
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

package delivery

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// errAddress says nothing of the address.
var errAddress = errors.New("it is no address that mail can be sent to")

// ParseAddress is strict: a mailbox by RFC 5321 §4.1.2 and RFC 6531 §3.3, without address literals. What it returns has its domain in lower case and
// as A-labels, so that only a local part needs SMTPUTF8. What could end a line or a field, or is not seen, is in no address.
func ParseAddress(s string) (string, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || !utf8.ValidString(s) {
		return "", errAddress
	}
	local := s[:at]
	domain, err := idna.Lookup.ToASCII(s[at+1:])
	// RFC 5321 §4.5.3.1: 64 for the local part, 256 for a path with its brackets.
	if err != nil || len(local) > 64 || len(local)+1+len(domain) > 254 || !isDomain(domain) || !isLocal(local) {
		return "", errAddress
	}
	return local + "@" + domain, nil
}

// isDomain: two labels or more (RFC 1034 §3.5 as amended by 1123), and the last is no number: that would be a host's address.
func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return len(labels) > 1 && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

func isLocal(s string) bool {
	if strings.HasPrefix(s, `"`) {
		return isQuoted(s)
	}
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtom(r) }) {
			return false
		}
	}
	return true
}

// isAtom: atext (RFC 5321 §4.1.2), or a character beyond ASCII (RFC 6531 §3.3) that is seen.
func isAtom(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r > ' ' && r < 0x7F && !strings.ContainsRune(`()<>[]:;@\,."`, r)
	case r == utf8.RuneError:
		return false
	}
	return unicode.IsGraphic(r) && !unicode.IsSpace(r)
}

// isQuoted: a quoted string without control characters, which RFC 5321 §4.1.2 leaves out, too.
func isQuoted(s string) bool {
	if len(s) < 3 || !strings.HasSuffix(s, `"`) {
		return false
	}
	escaped := false
	for _, r := range s[1 : len(s)-1] {
		switch {
		case r < ' ' || r == 0x7F || r >= utf8.RuneSelf && !isAtom(r):
			return false
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			return false
		}
	}
	return !escaped
}

package scan

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// NormalizeEmail appends an address in the form in which a directory knows it: ASCII letters in lower case, Unicode
// composed (NFC), the domain as A-labels (RFC 5891). It returns false, and dst as it was, for what is no address:
// RFC 5321 §4.1.2 with the lengths of §4.5.3.1 and RFC 6531 §3.3, a domain of at least two labels, and no quoted local
// part. Dots may follow one another and end the local part, as in addresses that Japan's carriers gave out.
//
// Upper and lower case of a local part name two mailboxes in theory and one everywhere in practice.
func NormalizeEmail(dst, src []byte) ([]byte, bool) {
	i := bytes.LastIndexByte(src, '@')
	if i <= 0 {
		return dst, false
	}
	n := len(dst)
	dst, ok := normalLocal(dst, src[:i])
	if !ok {
		return dst[:n], false
	}
	dst = append(dst, '@')
	dst, ok = normalDomain(dst, src[i+1:])
	if !ok {
		return dst[:n], false
	}
	return dst, true
}

func normalLocal(dst, local []byte) ([]byte, bool) {
	n := len(dst)
	if len(local) > 0 && len(local) <= maxLocal && local[0] != '.' {
		if dst, ok := appendFolded(dst, local, &localFold); ok { // nearly all
			return dst, true
		}
	}
	if isASCII(local) {
		for _, c := range local {
			dst = append(dst, lower(c))
		}
	} else {
		if !utf8.Valid(local) {
			return dst, false
		}
		if slices.Max(local) >= 0xcc { // below U+0300 everything is composed
			local = norm.NFC.Bytes(local)
		}
		for rest := local; len(rest) > 0; {
			r, size := utf8.DecodeRune(rest)
			dst, rest = utf8.AppendRune(dst, unicode.ToLower(narrow(r))), rest[size:]
		}
	}
	if len(dst)-n > maxLocal {
		return dst, false
	}
	for i, c := range dst[n:] {
		if !isAtext[c] || c == '.' && i == 0 {
			return dst, false
		}
	}
	return dst, true
}

// appendFolded appends what fold says of each byte of src, or returns dst as it was where that is 0 of one.
func appendFolded(dst, src []byte, fold *[256]byte) ([]byte, bool) {
	n := len(dst)
	dst = slices.Grow(dst, len(src))[:n+len(src)]
	folded := dst[n:]
	for i, c := range src {
		c = fold[c]
		if folded[i] = c; c == 0 {
			return dst[:n], false
		}
	}
	return dst, true
}

// localFold is the bytes of ASCII in lower case that a local part may hold, hostFold those of a domain.
var localFold, hostFold = func() (local, host [256]byte) {
	for c := range byte(utf8.RuneSelf) {
		if isAtext[c] {
			local[c] = lower(c)
		}
		if isDomain[c] {
			host[c] = lower(c)
		}
	}
	return local, host
}()

// narrow maps full-width ASCII to ASCII, as browsers do in domains (U+FF01 to U+FF5E).
func narrow(r rune) rune {
	if r >= '！' && r <= '～' {
		return r - '！' + '!'
	}
	return r
}

// profile maps like a browser (UTS 46, non-transitional) and leaves lengths and hyphens to validDomain.
var profile = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.CheckHyphens(false), idna.StrictDomainName(false))

func normalDomain(dst, domain []byte) ([]byte, bool) {
	n := len(dst)
	if !hasALabel(domain) {
		if dst, ok := appendFolded(dst, domain, &hostFold); ok {
			return dst, validDomain(dst[n:])
		}
		if isASCII(domain) {
			return dst, false
		}
	}
	if len(domain) > 4*maxDomain || !utf8.Valid(domain) {
		return dst, false
	}
	ascii, err := profile.ToASCII(string(domain))
	if err != nil {
		return dst, false
	}
	dst = append(dst, ascii...)
	return dst, validDomain(dst[n:])
}

// hasALabel: A-labels go through the profile, too, so that one name has one form.
func hasALabel(domain []byte) bool {
	if bytes.IndexByte(domain, '-') < 0 {
		return false
	}
	for len(domain) >= 4 {
		if domain[0]|0x20 == 'x' && domain[1]|0x20 == 'n' && domain[2] == '-' && domain[3] == '-' {
			return true
		}
		i := bytes.IndexByte(domain, '.')
		if i < 0 {
			return false
		}
		domain = domain[i+1:]
	}
	return false
}

// validDomain is the preferred name syntax of RFC 1034 §3.5 as RFC 1123 §2.1 relaxed it, with two labels at least.
func validDomain(d []byte) bool {
	if len(d) > maxDomain {
		return false
	}
	label, labels := 0, 1
	for i, c := range d {
		switch {
		case c == '.':
			if label == 0 || d[i-1] == '-' {
				return false
			}
			label, labels = 0, labels+1
			continue
		case c == '-' && label == 0, c != '-' && !isLetter(c) && (c < '0' || c > '9'):
			return false
		}
		if label++; label > 63 {
			return false
		}
	}
	return labels > 1 && label > 0 && d[len(d)-1] != '-'
}

func isASCII(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&0x8080808080808080 != 0 {
			return false
		}
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// MaskEmail is an address as people may see it: alice@shop.example becomes a****@s***.example. What is no address becomes
// asterisks.
func MaskEmail(addr string) string {
	b := []byte(addr)
	maskAddress(b)
	return string(b)
}

// MaskText masks whatever looks like an address, for logs and screens. Of several readings it takes the first whose local
// part holds no character that separates things in a URL, or else the last.
func MaskText(s string) string {
	var list [leastRoom]found
	if n, _ := look([]byte(s), 0, list[:], false); n == 0 {
		return s
	}
	var hits []Match
	end := 0 // of the last hit: a reading that begins before it is of the same at-sign
	f := Finder{}
	f.Found = func(m Match) bool {
		if m.Kind != Email {
			return false
		}
		if len(hits) > 0 && m.Offset < end {
			hits = hits[:len(hits)-1]
		}
		decided := !bytes.ContainsAny(m.Value[:bytes.LastIndexByte(m.Value, '@')], "/?&=#")
		m.Value = nil
		hits, end = append(hits, m), m.Offset+m.Length
		return decided
	}
	f.Find([]byte(s), true)
	if len(hits) == 0 {
		return s
	}
	b := []byte(s)
	for _, m := range hits {
		m.Mask(b[m.Offset : m.Offset+m.Length])
	}
	return string(b)
}

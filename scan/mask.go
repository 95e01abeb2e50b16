package scan

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// Mask overwrites raw, which holds the bytes of the match, in place: the same length, and valid in each encoding in which it stands.
// Of an address, the first characters of the local part and of the domain, the at-sign, the dots of the domain and the top-level
// domain stay; every other character becomes '*' in its own encoding, and a part of one character is masked whole. Of a name, the words'
// first letters stay. A hash becomes zeros, and so do the digits of a telephone number but for the first two.
func (m *Match) Mask(raw []byte) { m.mask(raw, m.chain[:m.depth], nil) }

// mask undoes one step of the chain. fixed, unless nil, says which of raw's bytes cannot change: see level.fixed.
func (m *Match) mask(raw []byte, chain []step, fixed []bool) {
	if len(chain) == 0 {
		m.maskText(raw)
		return
	}
	var l level
	if !l.decode(chain[0], raw, 0, m.charset) && len(l.text) == 0 {
		star(raw)
		return
	}
	masked := bytes.Clone(l.text)
	m.mask(masked, chain[1:], l.fixed(fixed))
	if chain[0].form == base64Text {
		l.keepFixed(masked, fixed)
		l.mask64(raw, masked, int(chain[0].phase))
		return
	}
	for i := 0; i < len(masked); {
		n := 1
		for i+n < len(masked) && l.begin[i+n] == l.begin[i] && l.end[i+n] == l.end[i] {
			n++ // one unit says several octets
		}
		if !bytes.Equal(masked[i:i+n], l.text[i:i+n]) {
			put(raw[l.begin[i]:l.end[i]], l.forms[i], masked[i], raw)
		}
		i += n
	}
}

// fixed says which bytes of a level cannot change: "\/" is a slash and nothing else, which matters in base64. below is the same of what the
// level was made of. Nil: all can.
func (l *level) fixed(below []bool) (fixed []bool) {
	for i := range l.text {
		from, to := l.begin[i], l.end[i]
		if !(l.forms[i] == jsonEscape && to-from == 2) && (below == nil || !slices.Contains(below[from:to], true)) {
			continue
		}
		if fixed == nil {
			fixed = make([]bool, len(l.text))
		}
		fixed[i] = true
	}
	return fixed
}

// keepFixed takes the mask off the characters of which a part stands in a byte that cannot change.
func (l *level) keepFixed(masked []byte, fixed []bool) {
	for i := 0; fixed != nil && i < len(masked); {
		_, n := utf8.DecodeRune(l.text[i:])
		if slices.Contains(fixed[l.begin[i]:l.end[i+n-1]], true) {
			copy(masked[i:i+n], l.text[i:])
		}
		i += n
	}
}

// mask64 writes the octets that a mask changed back. What stands beside them in the same characters stays: an asterisk's bits make none of
// the characters in which the two alphabets differ.
func (l *level) mask64(raw, masked []byte, phase int) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for n, c := range masked {
		if c == l.text[n] {
			continue
		}
		i, k := int(l.begin[n]), (phase+n)%3
		high := sextet[raw[i]]&^(1<<(6-2*k)-1) | c>>(2+2*k)
		low := sextet[raw[i+1]]&(1<<(4-2*k)-1) | c<<(4-2*k)&0x3f
		raw[i], raw[i+1] = alphabet[high], alphabet[low]
	}
}

// maskText masks decoded text.
func (m *Match) maskText(b []byte) {
	switch m.Kind {
	case Email:
		maskAddress(b)
	case Name:
		maskName(b)
	case Phone:
		maskDigits(b)
	default:
		fill := byte('0')
		if m.own == base64Text {
			fill = 'A'
		}
		for i := range b {
			b[i] = fill
		}
	}
}

func maskAddress(b []byte) {
	i, size := bytes.LastIndexByte(b, '@'), 1
	if w := bytes.LastIndex(b, []byte("＠")); w > i {
		i, size = w, 3
	}
	if i < 0 {
		star(b)
		return
	}
	maskPart(b[:i], false)
	maskPart(b[i+size:], true)
}

// maskPart masks a local part or, keeping its dots and what follows the last of them, a domain.
func maskPart(b []byte, domain bool) {
	end, first := len(b), len(b)
	if domain {
		if i := bytes.IndexFunc(b, isDot); i >= 0 {
			first, end = i, bytes.LastIndexFunc(b, isDot)
		}
	}
	_, keep := utf8.DecodeRune(b)
	if keep >= first {
		keep = 0
	}
	for p := keep; p < end; {
		r, n := utf8.DecodeRune(b[p:])
		if !domain || !isDot(r) {
			star(b[p : p+n])
		}
		p += n
	}
}

func isDot(r rune) bool { return r == '.' || r == '。' || r == '．' || r == '｡' }

// maskName keeps each word's first letter.
func maskName(b []byte) {
	for p, inside := 0, false; p < len(b); {
		r, n := utf8.DecodeRune(b[p:])
		letter := isNameLetter(r)
		if letter && inside {
			star(b[p : p+n])
		}
		inside = letter
		p += n
	}
}

func maskDigits(b []byte) {
	kept := 0
	for i, c := range b {
		if c < '0' || c > '9' {
			continue
		}
		if kept++; kept > 2 {
			b[i] = '0'
		}
	}
}

func star(b []byte) {
	for i := range b {
		b[i] = '*'
	}
}

// put writes the ASCII character c in the form and length of what stood in b; all is what b is part of.
func put(b []byte, f form, c byte, all []byte) {
	const digits, capitals = "0123456789abcdef", "0123456789ABCDEF"
	switch n := len(b); {
	case f == urlEncoding, f == quoted:
		b[1], b[2] = capitals[c>>4], capitals[c&15]
	case f == hexText:
		set := digits
		if bytes.ContainsAny(all, "ABCDEF") {
			set = capitals
		}
		b[0], b[1] = set[c>>4], set[c&15]
	case f == cfemail:
		c ^= hexValue(all[0])<<4 | hexValue(all[1])
		b[0], b[1] = digits[c>>4], digits[c&15]
	case f == utf16LE:
		b[0], b[1] = c, 0
	case f == utf16BE:
		b[0], b[1] = 0, c
	case f == jsonEscape && n >= 6: // a pair of surrogates is two characters
		for ; len(b) >= 6; b = b[6:] {
			copy(b, `\u00`)
			b[4], b[5] = digits[c>>4], digits[c&15]
		}
	case f == jsonEscape && n == 2: // "\/" says a slash and nothing else; base64 must stay base64
	case f == jsEscape && b[1] == 'x':
		b[2], b[3] = digits[c>>4], digits[c&15]
	case f == jsEscape && b[1] == 'u' && n >= 6:
		for i := 3; i < n-1; i++ {
			b[i] = '0'
		}
		b[n-3], b[n-2] = digits[c>>4], digits[c&15]
	case f == jsEscape && b[1] >= '0' && b[1] <= '3':
		b[1], b[2], b[3] = '0'+c>>6, '0'+c>>3&7, '0'+c&7
	case f == htmlRef:
		putReference(b, c)
	case n == 1:
		b[0] = c
	default:
		star(b)
	}
}

// putReference pads with zeros: "&#101;" becomes "&#042;", "&eacute;" becomes "&#00042;". What is too short for that, or a name without a
// semicolon, behind which a digit might stand, becomes asterisks.
func putReference(b []byte, c byte) {
	end := len(b)
	closed := b[end-1] == ';'
	if closed {
		end--
	}
	number := strings.Repeat("0", max(0, 3-len(itoa(c)))) + itoa(c)
	start := 2
	if b[1] == '#' && b[2]|0x20 == 'x' {
		number, start = string("0123456789abcdef"[c>>4])+string("0123456789abcdef"[c&15]), 3
	}
	number = strings.TrimLeft(number, "0")
	if end-start < len(number) || b[1] != '#' && !closed {
		star(b)
		return
	}
	b[1] = '#'
	for i := start; i < end; i++ {
		b[i] = '0'
	}
	copy(b[end-len(number):end], number)
}

func itoa(c byte) string {
	var b [3]byte
	i := len(b)
	for {
		i--
		b[i] = '0' + c%10
		if c /= 10; c == 0 {
			return string(b[i:])
		}
	}
}

// MaskValue is a normalised identifier as people may see it. Of a hash nothing is shown: who has it can look it up.
func MaskValue(kind Kind, value string) string {
	m := Match{Kind: kind}
	switch kind {
	case Email, Name, Phone:
		b := []byte(value)
		m.maskText(b)
		return string(b)
	}
	return "****"
}

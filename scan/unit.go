package scan

import (
	"bytes"
	"html"
	"unicode/utf8"
)

// form is how one character stands in the bytes.
type form uint8

const (
	plain       form = iota
	jsonEscape       // \u0040 (RFC 8259 §7)
	jsEscape         // \x40 (ECMA-262 §12.9.4)
	htmlRef          // &#64; &#x40; &commat; (HTML §13.5)
	urlEncoding      // %40 (RFC 3986 §2.1)
)

func (f form) String() string { return [...]string{"plain", "json", "js", "html", "url"}[f] }

// unit is one decoded character, or one octet of it where it is percent-encoded.
type unit struct {
	bytes  [utf8.UTFMax]byte
	n      int // octets in bytes
	length int // encoded bytes
	form   form
}

var (
	isAtext    = table(atext)                                                          // what may stand in a decoded local part
	mayBeLocal = table(func(c byte) bool { return atext(c) || c == '\\' || c == ';' }) // and in an encoded one, or an at-sign
	separates  = table(func(c byte) bool { return bytes.IndexByte([]byte("!#$%&'*/=?^`{|}~"), c) >= 0 })
)

// atext is RFC 5322 §3.2.3 with dots and the octets of UTF-8 (RFC 6532 §3.2).
func atext(c byte) bool {
	return c >= '0' && c <= '9' || isLetter(c) || c >= 0x80 || bytes.IndexByte([]byte("!#$%&'*+-/=?^_`{|}~."), c) >= 0
}

func table(is func(byte) bool) (t [256]bool) {
	for c := range 256 {
		t[c] = is(byte(c))
	}
	return t
}

func (u *unit) inLocal() bool { return isAtext[u.bytes[0]] }

func (u *unit) inDomain() bool {
	c := u.bytes[0]
	return c >= '0' && c <= '9' || isLetter(c) || c == '-' || c == '.' || c >= 0x80
}

func runeUnit(r rune, length int, f form) (u unit) {
	u.n, u.length, u.form = utf8.EncodeRune(u.bytes[:], r), length, f
	return u
}

func byteUnit(c byte, length int, f form) (u unit) {
	u.bytes[0], u.n, u.length, u.form = c, 1, length, f
	return u
}

// before decodes the unit that ends b. A length of 0 means that there is none.
func before(b []byte) unit {
	n := len(b)
	c := b[n-1]
	switch {
	case c == ';':
		if i := bytes.LastIndexByte(b[max(0, n-maxReference):], '&'); i >= 0 {
			i += max(0, n-maxReference)
			if r, ok := reference(b[i:n]); ok {
				return runeUnit(r, n-i, htmlRef)
			}
		}
	case hexValue(c) < 16 && n >= 3:
		if n >= 6 && b[n-6] == '\\' && b[n-5] == 'u' {
			if r, ok := hexRune(b[n-4:]); ok {
				return runeUnit(r, 6, jsonEscape)
			}
		}
		if n >= 4 && b[n-4] == '\\' && b[n-3] == 'x' {
			if r, ok := hexRune(b[n-2:]); ok {
				return runeUnit(r, 4, jsEscape)
			}
		}
		if b[n-3] == '%' {
			if r, ok := hexRune(b[n-2:]); ok {
				return byteUnit(byte(r), 3, urlEncoding)
			}
		}
	}
	return byteUnit(c, 1, plain)
}

// after decodes the unit that begins b. short says that more bytes may change what it is.
func after(b []byte) (u unit, short bool) {
	switch b[0] {
	case '\\':
		if len(b) < 6 && (len(b) < 2 || b[1] == 'u' || b[1] == 'x' && len(b) < 4) {
			return unit{}, true
		}
		if b[1] == 'u' {
			if r, ok := hexRune(b[2:6]); ok {
				return runeUnit(r, 6, jsonEscape), false
			}
		}
		if b[1] == 'x' {
			if r, ok := hexRune(b[2:4]); ok {
				return runeUnit(r, 4, jsEscape), false
			}
		}
	case '%':
		if len(b) < 3 {
			return unit{}, true
		}
		if r, ok := hexRune(b[1:3]); ok {
			return byteUnit(byte(r), 3, urlEncoding), false
		}
	case '&':
		end := bytes.IndexByte(b[:min(len(b), maxReference)], ';')
		if end < 0 && len(b) < maxReference && !breaksReference(b[1:]) {
			return unit{}, true
		}
		if end > 0 {
			if r, ok := reference(b[:end+1]); ok {
				return runeUnit(r, end+1, htmlRef), false
			}
		}
	}
	return byteUnit(b[0], 1, plain), false
}

// maxReference is how long a character reference may be: the longest name in HTML has 33 bytes.
const maxReference = 34

func breaksReference(b []byte) bool {
	for _, c := range b {
		if c != '#' && (c < '0' || c > '9') && !isLetter(c) {
			return true
		}
	}
	return false
}

// reference decodes "&...;" where it stands for one character.
func reference(b []byte) (rune, bool) {
	if len(b) < 4 || b[1] != '#' && !isLetter(b[1]) {
		return 0, false
	}
	if b[1] == '#' {
		return numeric(b[2 : len(b)-1])
	}
	s := html.UnescapeString(string(b))
	r, n := utf8.DecodeRuneInString(s)
	return r, n == len(s) && n > 0 && r != utf8.RuneError
}

func numeric(digits []byte) (rune, bool) {
	base := rune(10)
	if len(digits) > 0 && digits[0]|0x20 == 'x' {
		base, digits = 16, digits[1:]
	}
	r := rune(0)
	for _, c := range digits {
		v := rune(hexValue(c))
		if v >= base || r > utf8.MaxRune {
			return 0, false
		}
		r = r*base + v
	}
	return r, len(digits) > 0 && utf8.ValidRune(r)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80 }

func hexRune(b []byte) (r rune, ok bool) {
	for _, c := range b {
		v := hexValue(c)
		if v >= 16 {
			return 0, false
		}
		r = r<<4 | rune(v)
	}
	return r, utf8.ValidRune(r)
}

// hexValue is a digit's value, or 16 and more for what is none.
func hexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}

// at is an at-sign in buf[start:end].
type at struct {
	start, end int
	form       form
}

// triggers finds at-signs in any form. Each form is anchored on its end ("40", "64", "at;"), because '%', '&' and '\' are
// everywhere in real pages and those are not.
type triggers struct {
	buf  []byte
	from [4]int // where the next anchor of each form is, or was last looked for
	have [4]bool
}

var anchors = [4][]byte{{'@'}, []byte("40"), []byte("64"), []byte("commat;")}

// next is the first at-sign that begins at from or later; its end is 0 when there is none.
func (t *triggers) next(from int) at {
	for {
		best := -1
		for k := range anchors {
			t.seek(k, from)
			if t.have[k] && (best < 0 || t.from[k] < t.from[best]) {
				best = k
			}
		}
		if best < 0 {
			return at{}
		}
		p := t.from[best]
		if a, ok := t.resolve(best, p); ok && a.start >= from {
			return a
		}
		t.from[best]++
		t.have[best] = false
	}
}

// seek finds the next anchor of form k, unless it is known already.
func (t *triggers) seek(k, from int) {
	if t.from[k] < 0 || t.have[k] && t.from[k] >= from {
		return
	}
	start := max(t.from[k], from)
	var i int
	if len(anchors[k]) == 1 {
		i = bytes.IndexByte(t.buf[start:], anchors[k][0])
	} else {
		i = bytes.Index(t.buf[start:], anchors[k])
	}
	if i < 0 {
		t.from[k], t.have[k] = -1, false
		return
	}
	t.from[k], t.have[k] = start+i, true
}

// resolve tells whether the anchor at p ends an at-sign.
func (t *triggers) resolve(k, p int) (at, bool) {
	b := t.buf
	switch k {
	case 0:
		return at{p, p + 1, plain}, true
	case 1:
		switch {
		case p >= 1 && b[p-1] == '%':
			return at{p - 1, p + 2, urlEncoding}, true
		case p >= 2 && b[p-1] == 'x' && b[p-2] == '\\':
			return at{p - 2, p + 2, jsEscape}, true
		case p >= 4 && b[p-1] == '0' && b[p-2] == '0' && b[p-3] == 'u' && b[p-4] == '\\':
			return at{p - 4, p + 2, jsonEscape}, true
		}
		return t.numeric(p, 'x')
	case 2:
		return t.numeric(p, 0)
	}
	if p >= 1 && b[p-1] == '&' {
		return at{p - 1, p + len("commat;"), htmlRef}, true
	}
	return at{}, false
}

// numeric resolves "40" as &#x40; and "64" as &#64;, with leading zeros. Browsers take them without the semicolon, too,
// if no digit follows (HTML §13.2.5.75).
func (t *triggers) numeric(p int, x byte) (at, bool) {
	b, i := t.buf, p
	for i > 0 && b[i-1] == '0' && p-i < maxAt-6 {
		i--
	}
	if x != 0 {
		if i < 1 || b[i-1]|0x20 != x {
			return at{}, false
		}
		i--
	}
	if i < 2 || b[i-1] != '#' || b[i-2] != '&' {
		return at{}, false
	}
	end := p + 2
	if end < len(b) {
		if b[end] == ';' {
			end++
		} else if v := hexValue(b[end]); v < 10 || x != 0 && v < 16 {
			return at{}, false
		}
	}
	return at{i - 2, end, htmlRef}, true
}

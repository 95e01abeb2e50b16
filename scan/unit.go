package scan

import (
	"bytes"
	"html"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unit is one decoded character, or one octet of it where it is percent-encoded.
type unit struct {
	bytes [8]byte // some references stand for two characters
	n     int     // octets in bytes
	form  form
}

func runeUnit(r rune, f form) (u unit) {
	u.n, u.form = utf8.EncodeRune(u.bytes[:], r), f
	return u
}

func (u *unit) set(r rune, f form) { u.n, u.form = utf8.EncodeRune(u.bytes[:], r), f }

// decode reads the escape that begins b, and returns its length; 0 when there is none.
func (u *unit) decode(b []byte) int {
	switch b[0] {
	case '%':
		if len(b) >= 3 {
			if r, ok := hexRune(b[1:3]); ok {
				u.bytes[0], u.n, u.form = byte(r), 1, urlEncoding
				return 3
			}
		}
	case '\\':
		return u.backslash(b)
	case '&':
		return u.reference(b)
	}
	return 0
}

// backslash reads the escapes of JSON and JavaScript, and of whatever language else puts a backslash before a sign.
func (u *unit) backslash(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch c := b[1]; {
	case c == 'u' && len(b) >= 6 && b[2] != '{':
		r, ok := hexRune16(b[2:6])
		if !ok {
			return 0
		}
		if utf16.IsSurrogate(r) {
			if len(b) < 12 || b[6] != '\\' || b[7] != 'u' {
				return 0
			}
			low, _ := hexRune16(b[8:12])
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return 0
			}
			u.set(r, jsonEscape)
			return 12
		}
		u.set(r, jsonEscape)
		return 6
	case c == 'u' && len(b) >= 5: // \u{40}
		end := bytes.IndexByte(b[:min(len(b), 14)], '}')
		if end < 4 {
			return 0
		}
		r, ok := hexRune(b[3:end])
		if !ok {
			return 0
		}
		u.set(r, jsEscape)
		return end + 1
	case c == 'x' && len(b) >= 4:
		r, ok := hexRune(b[2:4])
		if !ok {
			return 0
		}
		u.set(r, jsEscape)
		return 4
	case c >= '0' && c <= '3' && len(b) >= 4 && isOctal(b[2]) && isOctal(b[3]):
		u.set(rune(c-'0')<<6|rune(b[2]-'0')<<3|rune(b[3]-'0'), jsEscape)
		return 4
	}
	c := b[1]
	if i := bytes.IndexByte([]byte("nrtbfv0"), c); i >= 0 {
		c = "\n\r\t\b\f\v\x00"[i]
	} else if isLetter(c) || c >= '0' && c <= '9' || c >= utf8.RuneSelf || c == 0 { // a NUL is the other half of it in UTF-16
		return 0
	}
	u.bytes[0], u.n, u.form = c, 1, jsonEscape
	return 2
}

func isOctal(c byte) bool { return c >= '0' && c <= '7' }

// maxReference is how long a character reference may be here: the longest name in HTML has 33 bytes, and zeros may pad a number.
const maxReference = 34

// reference reads a character reference as a browser does in text (HTML §13.2.5.72 and on).
func (u *unit) reference(b []byte) int {
	if len(b) < 3 {
		return 0
	}
	if b[1] == '#' {
		return u.numeric(b)
	}
	if !isLetter(b[1]) {
		return 0
	}
	n := 2
	for n < len(b) && n < maxReference && (isLetter(b[n]) || b[n] >= '0' && b[n] <= '9') {
		n++
	}
	closed := n < len(b) && b[n] == ';'
	if closed {
		if s, ok := frequent[string(b[1:n])]; ok {
			u.n, u.form = copy(u.bytes[:], s), htmlRef
			return n + 1
		}
		if s := html.UnescapeString(string(b[:n+1])); s[0] != '&' && !bytes.HasSuffix([]byte(s), b[n:n+1]) {
			u.n, u.form = copy(u.bytes[:], s), htmlRef
			return n + 1
		}
	}
	// A few old names need no semicolon, and end where the longest of them does.
	for n = min(n, 7); n > 2; n-- {
		if s, ok := unclosed[string(b[1:n])]; ok {
			u.n, u.form = copy(u.bytes[:], s), htmlRef
			return n
		}
	}
	return 0
}

// unclosed are the references that need no semicolon (HTML §13.5), of which none has more than six letters.
var unclosed = func() map[string]string {
	m := map[string]string{}
	for _, name := range strings.Fields(`AElig AMP Aacute Acirc Agrave Aring Atilde Auml COPY Ccedil ETH Eacute Ecirc Egrave Euml GT Iacute Icirc Igrave
		Iuml LT Ntilde Oacute Ocirc Ograve Oslash Otilde Ouml QUOT REG THORN Uacute Ucirc Ugrave Uuml Yacute aacute acirc acute aelig agrave amp aring
		atilde auml brvbar ccedil cedil cent copy curren deg divide eacute ecirc egrave eth euml frac12 frac14 frac34 gt iacute icirc iexcl igrave
		iquest iuml laquo lt macr micro middot nbsp not ntilde oacute ocirc ograve ordf ordm oslash otilde ouml para plusmn pound quot raquo reg sect
		shy sup1 sup2 sup3 szlig thorn times uacute ucirc ugrave uml uuml yacute yen yuml`) {
		m[name] = html.UnescapeString("&" + name)
	}
	return m
}()

// frequent are the references that pages are full of, and those that an address may hold: looked up without allocating.
var frequent = map[string]string{"amp": "&", "AMP": "&", "nGt": "\u226b\u20d2", "nLt": "\u226a\u20d2", "lt": "<", "gt": ">", "quot": `"`, "apos": "'", "nbsp": "\u00a0", "commat": "@", "period": ".", "lowbar": "_",
	"plus": "+", "hyphen": "\u2010", "dash": "\u2010", "semi": ";", "colon": ":", "comma": ",", "sol": "/", "quest": "?", "equals": "=", "num": "#", "percnt": "%",
	"copy": "©", "reg": "®", "mdash": "—", "ndash": "–", "hellip": "…", "times": "×", "middot": "·", "laquo": "«", "raquo": "»", "rsquo": "’", "lsquo": "‘", "ldquo": "“", "rdquo": "”",
	"auml": "ä", "ouml": "ö", "uuml": "ü", "Auml": "Ä", "Ouml": "Ö", "Uuml": "Ü", "szlig": "ß", "eacute": "é", "egrave": "è", "agrave": "à", "ccedil": "ç"}

// numeric reads &#64; &#x40; and both without the semicolon (HTML §13.2.5.75 to §13.2.5.80).
func (u *unit) numeric(b []byte) int {
	i, base := 2, rune(10)
	if b[2]|0x20 == 'x' {
		i, base = 3, 16
	}
	r, start := rune(0), i
	for i < len(b) && i < maxReference {
		v := rune(hexValue(b[i]))
		if v >= base {
			break
		}
		if r = r*base + v; r > utf8.MaxRune {
			r = utf8.MaxRune + 1
		}
		i++
	}
	if i == start {
		return 0
	}
	if i < len(b) {
		switch b[i] {
		case ';':
			i++
		case '\\', '%', '&': // its semicolon may be escaped: see what the next decoding says
			if len(b) >= i+4 && i-start < 4 {
				return 0
			}
		}
	}
	switch {
	case r == 0 || r > utf8.MaxRune || !utf8.ValidRune(r):
		r = utf8.RuneError
	case r >= 0x80 && r < 0xa0:
		r, _ = utf8.DecodeRuneInString(html.UnescapeString(string(windows1252[:])[6*(r-0x80) : 6*(r-0x80)+6]))
	}
	u.set(r, htmlRef)
	return i
}

// windows1252 spells the references from &#x80; to &#x9f;, which mean the characters of that encoding (HTML §13.2.5.80).
var windows1252 = func() (t []byte) {
	for c := 0x80; c < 0xa0; c++ {
		t = append(t, "&#x"...)
		t = append(t, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15], ';')
	}
	return t
}()

// appendHTML appends src with its character references decoded, as a browser does in text.
func appendHTML(dst, src []byte) []byte {
	var u unit
	for len(src) > 0 {
		if src[0] == '&' {
			if n := u.reference(src); n > 0 {
				dst, src = append(dst, u.bytes[:u.n]...), src[n:]
				continue
			}
		}
		dst, src = append(dst, src[0]), src[1:]
	}
	return dst
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80 }

func hexRune(b []byte) (r rune, ok bool) {
	r, ok = hexRune16(b)
	return r, ok && utf8.ValidRune(r)
}

// hexRune16 takes surrogates, too.
func hexRune16(b []byte) (r rune, ok bool) {
	for _, c := range b {
		v := hexValue(c)
		if v >= 16 || r > utf8.MaxRune {
			return 0, false
		}
		r = r<<4 | rune(v)
	}
	return r, len(b) > 0
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

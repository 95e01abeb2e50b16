package scan

import "slices"

// form is how one character, or a stretch of text, stands in the bytes around it.
type form uint8

const (
	plain       form = iota
	jsonEscape       // \u0040 \n \/ (RFC 8259 §7)
	jsEscape         // \x40 \100 \u{40} (ECMA-262 §12.9.4)
	htmlRef          // &#64; &#x40; &commat; (HTML §13.5)
	urlEncoding      // %40 (RFC 3986 §2.1)
	quoted           // =40 and soft line breaks (RFC 2045 §6.7)
	base64Text       // RFC 4648 §4 and §5
	hexText          // RFC 4648 §8
	cfemail          // Cloudflare's data-cfemail: a key octet, and octets under it
	utf16LE          // RFC 2781
	utf16BE          //
	legacy           // a character encoding of the days before UTF-8, by its declaration
)

var formNames = [...]string{"plain", "json", "js", "html", "url", "qp", "base64", "hex", "cfemail", "utf16", "utf16", "charset"}

func (f form) String() string { return formNames[f] }

// maxDepth is how many encodings may stand one inside another.
const maxDepth = 5

// level is a text and where each of its bytes stands in the level below it; the lowest is the stream itself.
type level struct {
	text       []byte
	begin, end []int32 // the encoded bytes of text[i] are [begin[i], end[i]) of the level below
	forms      []form  // how text[i] stands there
	step       step    // how text was made of the level below
	from, to   int     // of what there
	bare       bool    // there is text only: nobody has asked as yet where it stands, and mostly nobody does; see placed
	asked      bool    // somebody has
	sealed     bool    // it is signed: a mask would break it
	open       bool    // more of it may come
	done
	windows []window // around identifiers that are somebody's
	taken   windows  // of the stream: what is somebody's
	named   windows  // of the stream: names and numbers that are
	list    [32]found
}

// step is one decoding: chars (any escapes of single characters), or a form of a whole stretch.
type step struct {
	form  form  // plain: escapes of single characters
	phase uint8 // base64: how many octets of its group come before the text's first
}

func (l *level) reset(s step) {
	l.text, l.begin, l.end, l.forms, l.step = l.text[:0], l.begin[:0], l.end[:0], l.forms[:0], s
}

// add appends decoded bytes that stand encoded at [begin, end).
func (l *level) add(begin, end int, f form, b ...byte) {
	l.text = append(l.text, b...)
	if l.bare {
		return
	}
	for range b {
		l.begin = append(l.begin, int32(begin))
		l.end = append(l.end, int32(end))
		l.forms = append(l.forms, f)
	}
}

// decode fills l with what src, which stands at base in the level below, says by s. It reports whether that is anything else than src.
func (l *level) decode(s step, src []byte, base int, c *charset) bool {
	l.reset(s)
	switch s.form {
	case plain:
		return l.unescape(src, base)
	case quoted:
		return l.unquote(src, base)
	case base64Text:
		return l.unbase64(src, base, int(s.phase))
	case hexText:
		return l.unhex(src, base)
	case cfemail:
		return l.uncf(src, base)
	case utf16LE, utf16BE:
		return l.unutf16(src, base, s.form)
	case legacy:
		return l.uncharset(src, base, c)
	}
	return false
}

// unescape decodes every escape of single characters once, of whatever language: pages mix them.
func (l *level) unescape(src []byte, base int) (changed bool) {
	var u unit
	for i := 0; i < len(src); {
		n := 1
		switch src[i] {
		case '\\', '&', '%':
			if n = u.decode(src[i:]); n > 0 {
				l.add(base+i, base+i+n, u.form, u.bytes[:u.n]...)
				i, changed = i+n, true
				continue
			}
			n = 1
		}
		for i+n < len(src) && src[i+n] != '\\' && src[i+n] != '&' && src[i+n] != '%' {
			n++
		}
		l.addPlain(src[i:i+n], base+i)
		i += n
	}
	return changed
}

func (l *level) addPlain(src []byte, base int) {
	n := len(l.text)
	l.text = append(l.text, src...)
	if l.bare {
		return
	}
	l.begin = slices.Grow(l.begin, len(src))[:n+len(src)]
	l.end = slices.Grow(l.end, len(src))[:n+len(src)]
	l.forms = slices.Grow(l.forms, len(src))[:n+len(src)]
	begin, end := l.begin[n:], l.end[n:n+len(l.begin[n:])]
	for i := range begin {
		begin[i], end[i] = int32(base+i), int32(base+i+1)
	}
	clear(l.forms[n:]) // plain
}

// unquote decodes quoted-printable (RFC 2045 §6.7): =40, and line ends behind an equals sign, which are none.
func (l *level) unquote(src []byte, base int) (changed bool) {
	for i := 0; i < len(src); {
		if src[i] == '=' {
			if n := softBreak(src[i:]); n > 0 {
				i, changed = i+n, true
				continue
			}
			if i+2 < len(src) {
				if r, ok := hexRune(src[i+1 : i+3]); ok {
					l.add(base+i, base+i+3, quoted, byte(r))
					i, changed = i+3, true
					continue
				}
			}
		}
		n := 1
		for i+n < len(src) && src[i+n] != '=' {
			n++
		}
		l.addPlain(src[i:i+n], base+i)
		i += n
	}
	return changed
}

// softBreak is the length of a line end that quoted-printable put in, or 0.
func softBreak(b []byte) int {
	switch {
	case len(b) >= 2 && b[0] == '=' && b[1] == '\n':
		return 2
	case len(b) >= 3 && b[0] == '=' && b[1] == '\r' && b[2] == '\n':
		return 3
	}
	return 0
}

// unhex decodes pairs of digits.
func (l *level) unhex(src []byte, base int) bool {
	for i := 0; i+1 < len(src); i += 2 {
		l.add(base+i, base+i+2, hexText, hexValue(src[i])<<4|hexValue(src[i+1]))
	}
	return true
}

// uncf decodes what follows Cloudflare's "data-cfemail=": the first octet is the key of those behind it.
func (l *level) uncf(src []byte, base int) bool {
	if len(src) < 4 {
		return false
	}
	key := hexValue(src[0])<<4 | hexValue(src[1])
	for i := 2; i+1 < len(src); i += 2 {
		l.add(base+i, base+i+2, cfemail, key^(hexValue(src[i])<<4|hexValue(src[i+1])))
	}
	return true
}

// unutf16 decodes two octets a character. What is beyond the first plane is in no address.
func (l *level) unutf16(src []byte, base int, f form) bool {
	for i := 0; i+1 < len(src); i += 2 {
		lo, hi := src[i], src[i+1]
		if f == utf16BE {
			lo, hi = hi, lo
		}
		u := runeUnit(rune(hi)<<8|rune(lo), f)
		l.add(base+i, base+i+2, f, u.bytes[:u.n]...)
	}
	return true
}

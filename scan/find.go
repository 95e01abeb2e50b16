package scan

import (
	"bytes"
	"math/bits"
	"unicode/utf8"
)

// Bounds of what is looked at around one place, in encoded bytes. A local part has 64 octets at most and a domain 255
// (RFC 5321 §4.5.3.1); a character takes up to eight bytes in most pages, and more only where somebody pads references.
const (
	maxLeft  = 1024
	maxRight = 2048
	// MaxTail is how many bytes at the end of a buffer may stay unsettled.
	MaxTail = 4096
	// maxBudget is how many bytes may be decoded on behalf of one place.
	maxBudget = 64 << 10
)

// Finder recognises identifiers in a byte stream. One Finder serves one stream at a time, in order; after final it is ready
// for the next.
type Finder struct {
	// Found is called with each candidate, longest reading first for one at-sign. It returns true when the candidate is
	// somebody's: then no other reading of the same bytes is offered.
	Found func(Match) bool
	// Charset is the character encoding that the stream declares, such as "iso-8859-15"; empty where it declares none. It
	// matters where the stream is not UTF-8.
	Charset string

	// Names and Phones look for names and telephone numbers, too.
	Names, Phones bool
	// Fields are keys whose values the operator declares to be names of persons, see FoldField.
	Fields []string
	// Known says that a name or a telephone number is anybody's. Then it is held back, for 512 bytes at most, until it is known whether its
	// owner's identifier stands beside it. Nil: nothing is held back for that, as in a stream of events.
	Known func(kind Kind, normalised []byte) bool
	// Beside says whether names around a match that is somebody's are wanted. Nil: they are.
	Beside func(Match) bool

	base     int64 // offset of the next buffer's first byte in the stream
	skip     int   // places before this offset of the next buffer have been dealt with
	budget   int   // bytes that may yet be decoded on behalf of this place
	charset  charset
	levels   [maxDepth + 1]level
	value    []byte
	domain   []byte            // see host
	hosts    map[string][]byte // the normal forms of domains beyond ASCII; nil for what is none
	plain    []byte            // see decoded
	passes   []form            // see decoded
	both     []byte            // scratch of whoever joins or strips names
	asIs     int               // the level whose octet of quoted-printable before the match is read as it stands, see unquoted; 0: none
	written  []byte            // the name at hand as it stands
	words    []nameWord        // see candidates
	unended  int               // where the words begin that candidates ended with
	past     []byte            // the last bytes that are settled, for what has to know in which object it stands
	encoding map[[maxDepth]form]string
}

// Find reports the candidates in buf that can be decided, and returns how much of buf is settled: no later byte can make
// buf[:settled] part of a match that was not reported. The caller keeps buf[settled:], appends what comes, and calls again. A match may end
// behind settled, where a name before it waits for what stands beside it: it is not reported again, so if it was masked, what is
// kept must be the masked bytes.
// With final nothing follows, and everything is settled. Find does not modify buf.
func (f *Finder) Find(buf []byte, final bool) (settled int) {
	l := &f.levels[0]
	l.text = buf
	l.open = !final
	held, place := f.scan(0, f.skip)
	if place < 0 {
		held, place = len(buf), len(buf)
	}
	place = max(0, min(place, len(buf)-2)) // what begins there was not all there
	if p := f.declared(0); p >= 0 {
		held = min(held, p)
	}
	held = f.begun(buf, wordStart(buf, held, max(0, held-maxLeft-16, len(buf)-MaxTail+len("tel:"))))
	if final {
		held = len(buf)
	}
	if f.Names && (len(l.windows) > 0 || l.open && f.Known != nil) {
		held = f.namesBeside(0, held)
	}
	if !final {
		held = max(held, len(buf)-MaxTail)
	}
	f.settle(buf, held, place, final)
	return held
}

// begun holds back what the kernel has to see before a key or a number that begins at p.
func (f *Finder) begun(buf []byte, p int) int {
	switch {
	case f.Names && p > 0 && (buf[p-1] == '"' || buf[p-1] == '\''):
		return p - 1
	case f.Phones && bytes.HasSuffix(buf[:p], []byte("tel:")):
		return p - len("tel:")
	}
	return p
}

// settle makes everything ready for the next buffer, or for the next stream.
func (f *Finder) settle(buf []byte, held, place int, final bool) {
	l := &f.levels[0]
	l.text = nil
	if final {
		f.base, f.skip, l.done, l.windows, f.past = 0, 0, done{}, l.windows[:0], f.past[:0]
		l.named.reset()
		l.taken.reset()
		return
	}
	f.base += int64(held)
	f.skip = max(0, place-held)
	l.done.move(held)
	l.windows = moveWindows(l.windows, held)
	l.named.move(held)
	l.taken.move(held)
	if f.Names {
		f.past = append(f.past, buf[max(0, held-maxLeft):held]...)
		f.past = append(f.past[:0], f.past[max(0, len(f.past)-maxLeft):]...)
	}
}

// done says how far a level has been dealt with, as offsets into its text.
type done struct {
	word   int     // words
	run    int     // runs of base64 and hexadecimal digits
	sample int     // places in a run that were looked at for text
	part   int     // stretches of a run that have been decoded
	key    int     // keys
	object int     // the object that ofPerson looked at last
	person bool    // it is a person
	inList bool    // and one of a list
	field  int     // keys that the operator declares
	small  stretch // of base64, some of it escaped, without capitals: see isParted
}

// move makes offsets of the next buffer of those of this one, whose first n bytes are settled.
func (d *done) move(n int) {
	d.word, d.run, d.sample, d.part, d.key, d.field, d.object = d.word-n, d.run-n, d.sample-n, d.part-n, d.key-n, d.field-n, d.object-n
	d.small.from, d.small.to = d.small.from-n, d.small.to-n
}

// scan deals with every place of a level's text from from on. Where it cannot go on before more has come, it returns where what must be
// kept begins, and the place; else place is -1.
func (f *Finder) scan(d, from int) (held, place int) {
	l := &f.levels[d]
	for from < len(l.text) {
		n, upto := look(l.text, from, l.list[:], f.Names || f.Phones)
		for _, seen := range l.list[:n] {
			for marks := seen.hits | seen.runs; marks != 0; marks &= marks - 1 {
				i := bits.TrailingZeros64(marks)
				p := seen.block + i
				if d == 0 {
					f.budget = maxBudget
				}
				if seen.runs>>i&1 != 0 && (p > l.done.run || p == 0) {
					if held, decided := f.run(d, p); !decided {
						return held, p
					}
				}
				if seen.hits>>i&1 == 0 || f.isDull(l, p) {
					continue
				}
				if held, decided := f.place(d, p); !decided {
					return held, p
				}
			}
		}
		from = upto
	}
	return 0, -1
}

// isDull says that what the kernel saw at p comes to nothing: most of what it sees in ordinary pages, told by a few bytes. Where these are not
// all there yet, it is not dull.
func (f *Finder) isDull(l *level, p int) bool {
	text := l.text
	if p+6 > len(text) {
		return false
	}
	h := classes[0][text[p]] & classes[1][text[p+1]] & classes[2][text[p+2]]
	switch {
	case h == hitAt: // first what there is most of
		return isLonely(text[p+2:])
	case h&(h-1) != 0:
		return false
	case h == 0: // several groups saw it together
		return true
	}
	switch h {
	case hit40, hit64, hitCommat, hitOctal, hitWide:
		return text[p+1] != 'n' && !isAtSign(text, p, h)
	case hitB1, hitB2:
		return !isBetween64(text, p, h)
	case hitSlash, hitEscape:
		return !l.isParted(p)
	case hitHex:
		return p < 2 || !isTextPair(text[p-2:])
	case hitKey, hitKeys:
		return !f.Names || text[p+3]|0x20 != 'm' || text[p+4]|0x20 != 'e'
	case hitCFEmail:
		return text[p+3] != 'm'
	case hitMobile:
		return text[p+3] != 'i' || !f.Phones
	case hitPhone, hitPlus, hitTel, hitNumber:
		return !f.Phones
	}
	return false
}

// isLonely says that what b, which follows an at-sign, begins with is no domain with a dot, in whatever encoding: "@media", "@scope/package".
func isLonely(b []byte) bool {
	for _, c := range b {
		if !isLDH[c] {
			return c != '.' && c < utf8.RuneSelf && c >= ' ' && !isEscape[c]
		}
	}
	return false
}

var (
	isLDH    = table(func(c byte) bool { return c >= '0' && c <= '9' || isLetter(c) || c == '-' })
	isEscape = table(func(c byte) bool { return c == '%' || c == '&' || c == '\\' || c == '=' })
)

// place deals with one place at which the kernel saw something: first the run of base64 or hexadecimal digits in which it stands, so
// that the order of things does not depend on where buffers end, then what may begin there.
func (f *Finder) place(d, p int) (held int, decided bool) {
	l := &f.levels[d]
	text := l.text
	h := classes[0][text[p]] & classes[1][text[p+1]] & classes[2][text[p+2]]
	if p >= l.done.run && classes[0][text[p]]&inBase64 != 0 && (h != hitAt || isLong(text[:p+1])) {
		if held, decided := f.run(d, p); !decided {
			return held, false
		}
	}
	if h == 0 {
		return 0, true
	}
	if h&(hitAt|hit40|hit64|hitCommat|hitOctal|hitWide) != 0 && p+1 >= l.done.word && isAtSign(text, p, h) {
		if held, decided := f.word(d, p+1); !decided {
			return held, false
		}
	}
	if h&(hitB0|hitB1|hitB2) != 0 && p >= l.done.part {
		if held, decided := f.at64(d, p, h); !decided {
			return held, false
		}
	}
	if h&hitHex != 0 && p >= l.done.part {
		if held, decided := f.atHex(d, p); !decided {
			return held, false
		}
	}
	if h&hitSoft != 0 && p+1 >= l.done.word { // a soft line break may cut anything in two
		if held, decided := f.word(d, p+1); !decided {
			return held, false
		}
	}
	if h&(hitSlash|hitEscape) != 0 && p >= l.done.word {
		if held, decided := f.parted(d, p); !decided {
			return held, false
		}
	}
	if h&(hitCFEmail|hit64) != 0 {
		if held, decided := f.cloudflare(d, p); !decided {
			return held, false
		}
	}
	if f.Names && h&(hitKey|hitKeys) != 0 || f.Phones && h&(hitPhone|hitMobile) != 0 {
		if held, decided := f.keyed(d, p+1); !decided {
			return held, false
		}
	}
	if f.Phones && (h&(hitTel|hitNumber|hitPlus) != 0) {
		if held, decided := f.telephone(d, p); !decided {
			return held, false
		}
	}
	return 0, true
}

// isLong says that b ends with a run that is long enough.
func isLong(b []byte) bool {
	if len(b) < minRun {
		return false
	}
	for i := len(b) - 1; i >= len(b)-minRun; i-- {
		if sextet[b[i]] == 255 {
			return false
		}
	}
	return true
}

// isAtSign takes a closer look at what the kernel saw: may an at-sign end, or stand, here?
func isAtSign(b []byte, p int, h hit) bool {
	if h&hitAt != 0 {
		return wordBytes[b[p]]
	}
	switch {
	case h&hitWide != 0:
		switch b[p+1] {
		case '2': // FF20
			return p > 0 && b[p-1]|0x20 == 'f'
		case '1': // 5C100
			return p > 0 && b[p-1] == '5' && b[p+2] == '0'
		case '%', '=': // BC%A0
			return p > 0 && b[p-1]|0x20 == 'b' && b[p+2] != '0'
		}
		return true
	case h&hit40 != 0:
		return begins40(b[:p+1]) && isEscaped(b[:p+1], 24)
	case h&hit64 != 0: // "&#", or what stands for it; zeros may pad the number
		return b[p+1] == '6' && b[p+2] == '4' && isEscaped(b[:p], maxReference+6)
	case h&hitCommat != 0:
		return bytes.HasSuffix(b[:p], []byte("comm")) && b[p+2] != '0' && b[p+2] != '1'
	case h&hitOctal != 0:
		if b[p] == '\\' {
			return b[p+1] == '1' && b[p+2] == '0'
		}
		return b[p+1] == '3' && b[p+2] == '1' && p > 0 && b[p-1] == '6' && isEscaped(b[:p], maxReference+6) // &#65312;
	}
	return false
}

// begins40 says that b ends with what stands before "40" where that is an at-sign.
func begins40(b []byte) bool {
	n := len(b)
	switch b[n-1] {
	case '5': // %2540
		return n > 1 && b[n-2] == '2'
	case 'B', 'b': // \u%7B40
		return n > 1 && b[n-2] == '7'
	case '0': // \u0040
		b = bytes.TrimRight(b, "0")
		return len(b) > 0 && bytes.IndexByte([]byte("uUxX{Bb;"), b[len(b)-1]) >= 0
	}
	return true
}

// isEscaped says that an escape may begin in the last n bytes of b.
func isEscaped(b []byte, n int) bool {
	for _, c := range b[max(0, len(b)-n):] {
		if isEscape[c] {
			return true
		}
	}
	return false
}

// inWord says that text[i] may be part of an encoded address: not where white space, quotes and brackets stand, unless quoted-printable broke the
// line there.
func inWord(text []byte, i int) bool {
	c := text[i]
	if wordBytes[c] {
		return true
	}
	if c == '\n' {
		return i > 0 && (text[i-1] == '=' || i > 1 && text[i-1] == '\r' && text[i-2] == '=')
	}
	return c == '\r' && i > 0 && text[i-1] == '='
}

// Control characters stand in no text but as halves of characters in UTF-16.
var wordBytes = table(func(c byte) bool {
	return atext(c) || c == '\\' || c == ';' || c == '@' || c < ' ' && c != '\t' && c != '\n' && c != '\f' && c != '\r'
})

func wordStart(text []byte, p, least int) int {
	for p > least && (wordBytes[text[p-1]] || inWord(text, p-1)) {
		p--
	}
	return p
}

// word deals with the address at place p and with whatever else stands in the same word: as it is, and without its encodings.
func (f *Finder) word(d, p int) (held int, decided bool) {
	l := &f.levels[d]
	start, least := p, max(0, p-maxLeft)
	end, limit := p, min(len(l.text), p+maxRight)
	holds := uint8(0) // of what there is
	for ; start > least; start-- {
		if k := wordKind[l.text[start-1]]; k != 0 {
			holds |= k
		} else if !inWord(l.text, start-1) {
			break
		}
	}
	for ; end < limit; end++ {
		if k := wordKind[l.text[end]]; k != 0 {
			holds |= k
		} else if !inWord(l.text, end) {
			break
		}
	}
	if l.open && end == len(l.text) && end-p < maxRight {
		return start, false
	}
	first := max(start, l.done.word) // what comes before has been dealt with
	l.done.word = end
	if end-p == maxRight {
		l.done.word = p + maxRight/2
	}
	w := l.text[start:end]
	if holds&hasEquals != 0 && isQuoted(w) {
		f.below(d, step{form: quoted}, start, end)
	}
	if holds&hasEscape != 0 {
		f.below(d, step{}, start, end)
	}
	if holds&hasNUL != 0 {
		f.wide(d, start, end)
	}
	if holds&hasForeign != 0 && f.foreign(w) {
		f.below(d, step{form: legacy}, start, end)
	}
	if holds&hasForeign == 0 {
		for i := first; i < l.done.word; i++ {
			n := bytes.IndexByte(l.text[i:l.done.word], '@')
			if n < 0 {
				break
			}
			i += n
			f.emails(d, i, 1)
		}
		return 0, true
	}
	for i := first; i < l.done.word; i++ {
		switch c := l.text[i]; {
		case c == '@':
			f.emails(d, i, 1)
		case c == 0xef && bytes.HasPrefix(l.text[i:], []byte("＠")):
			f.emails(d, i, 3)
		}
	}
	return 0, true
}

// What a word may hold that needs a closer look.
const (
	isWord = 1 << iota
	hasEquals
	hasEscape
	hasNUL
	hasForeign
)

// wordKind is 0 for what is not in wordBytes, and else says what it is.
var wordKind = func() (t [256]uint8) {
	for c := range t {
		switch {
		case !wordBytes[c]:
		case c == '=':
			t[c] = isWord | hasEquals
		case c == '\\' || c == '%' || c == '&':
			t[c] = isWord | hasEscape
		case c == 0:
			t[c] = isWord | hasNUL
		case c >= utf8.RuneSelf:
			t[c] = isWord | hasForeign
		default:
			t[c] = isWord
		}
	}
	return t
}()

// isQuoted finds a sign of quoted-printable: a soft line break, or an octet that needs it.
func isQuoted(w []byte) bool {
	for ; len(w) >= 2; w = w[1:] {
		i := bytes.IndexByte(w, '=')
		if i < 0 || i+2 > len(w) {
			return false
		}
		if w = w[i:]; softBreak(w) > 0 {
			return true
		}
		if len(w) >= 3 {
			if _, ok := hexRune(w[1:3]); ok {
				return true
			}
		}
	}
	return false
}

// below decodes text[start:end] and looks at what it says.
func (f *Finder) below(d int, s step, start, end int) {
	if d == maxDepth || f.budget < end-start {
		return
	}
	f.budget -= end - start
	up, l := &f.levels[d], &f.levels[d+1]
	if s.form == legacy {
		f.charset.set(f.Charset)
	}
	l.from, l.to, l.bare, l.asked = start, end, !l.asked, false // where one identifier was in such a word, the next one is likely, too
	if !l.decode(s, up.text[start:end], start, &f.charset) {
		return
	}
	l.done, l.windows = done{}, l.windows[:0]
	l.sealed = up.sealed
	f.scan(d+1, 0)
	f.declared(d + 1)
	if f.Names && len(l.windows) > 0 {
		f.namesBeside(d+1, len(l.text))
	}
}

// placed is level d, decoded once more if need be, so that it knows where its text stands.
func (f *Finder) placed(d int) *level {
	l := &f.levels[d]
	l.asked = true
	if l.bare {
		l.bare = false
		l.decode(l.step, f.levels[d-1].text[l.from:l.to], l.from, &f.charset)
	}
	return l
}

// wide deals with two octets a character. Of ASCII, both orders look alike but for where the stream begins.
func (f *Finder) wide(d, start, end int) {
	text := f.levels[d].text
	for p := start; p < end; p++ {
		if text[p] != '@' || (p+1 == end || text[p+1] != 0) && (p == start || text[p-1] != 0) {
			continue
		}
		odd := p % 2
		if d == 0 {
			odd = int(f.base+int64(p)) % 2
		}
		if s := (step{form: utf16LE}); odd == 0 {
			f.below(d, s, start+(p-start)%2, end)
		} else {
			s.form = utf16BE
			f.below(d, s, start+(p+1-start)%2, end)
		}
		return
	}
}

// foreign says that w is not UTF-8, or need not be.
func (f *Finder) foreign(w []byte) bool {
	if isASCII(w) {
		return false
	}
	if f.Charset != "" && f.Charset != "utf-8" {
		return true
	}
	return !utf8.Valid(w)
}

// offer asks whose text[start:end] of a level is, with at as the byte whose form names the encoding. What is somebody's already is not offered
// again in another reading.
func (f *Finder) offer(d int, m Match, start, end, at int) bool {
	stream := &f.levels[0]
	w := f.inStream(d, start, end)
	if stream.taken.overlap(w) || !f.report(d, m, nil, start, end, at) {
		return false
	}
	stream.taken.add(w)
	if f.Names && (f.Beside == nil || f.Beside(m)) {
		f.beside(d, start, end)
	}
	return true
}

// inStream is where text[start:end] of a level stands in the stream.
func (f *Finder) inStream(d, start, end int) window {
	for ; d > 0; d-- {
		start, end = f.under(d, start, end)
	}
	return window{start, end}
}

// under is where text[start:end] of a level stands in the level below it.
func (f *Finder) under(d, start, end int) (int, int) {
	l := f.placed(d)
	start, end = int(l.begin[start]), int(l.end[end-1])
	if d == f.asIs {
		start -= 2
	}
	return start, end
}

// report maps a match down to the stream and asks whose it is. passes are the forms of what was decoded beyond the level's text.
func (f *Finder) report(d int, m Match, passes []form, start, end, at int) bool {
	m.charset, m.Sealed = &f.charset, f.levels[d].sealed
	var chain [2 * maxDepth]step // from the inside out
	var forms [2 * maxDepth]form
	n := 0
	for i := len(passes) - 1; i >= 0; i-- {
		if forms[n] = passes[i]; passes[i] == legacy {
			chain[n].form = legacy
		}
		n++
	}
	for k := d; k > 0; k-- {
		l := f.placed(k)
		if form := l.formOf(start, end, at); form != plain {
			chain[n], forms[n] = l.step, form
			if l.step.form == base64Text {
				chain[n].phase = (l.step.phase + uint8(start%3)) % 3
			}
			n++
		}
		at = int(l.begin[at])
		start, end = f.under(k, start, end)
		if l.step.form == cfemail {
			start = int(l.begin[0]) - 2 // the key belongs to it
		}
	}
	if n > maxDepth {
		return false
	}
	for i := range n {
		m.chain[i], m.forms[i] = chain[n-1-i], forms[n-1-i]
	}
	m.depth = n
	m.Offset, m.Length, m.Encoding = start, end-start, f.name(m.forms, n, m.own)
	return f.Found(m)
}

// formOf is the form of the byte at at, or else the first in [s, e) that is not plain.
func (l *level) formOf(s, e, at int) form {
	if l.forms[at] != plain {
		return l.forms[at]
	}
	for _, form := range l.forms[s:e] {
		if form != plain {
			return form
		}
	}
	if l.step.form == quoted && int(l.end[e-1]-l.begin[s]) > e-s {
		return quoted // a line end stands in it
	}
	return plain
}

// name joins the names of forms and of the identifier's own, and remembers them: pages repeat themselves.
func (f *Finder) name(forms [maxDepth]form, n int, own form) string {
	if own != plain && n < maxDepth {
		forms[n] = own
		n++
	}
	if n <= 1 {
		return forms[0].String()
	}
	if s, ok := f.encoding[forms]; ok {
		return s
	}
	s := forms[0].String()
	for _, form := range forms[1:n] {
		s += "+" + form.String()
	}
	if f.encoding == nil {
		f.encoding = map[[maxDepth]form]string{}
	}
	f.encoding[forms] = s
	return s
}

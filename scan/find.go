package scan

import (
	"bytes"
	"unicode/utf8"
)

// Bounds of what is looked at around one at-sign, in encoded bytes. A local part has 64 octets at most and a domain 255
// (RFC 5321 §4.5.3.1); a character takes up to eight bytes in most pages, and more only where somebody pads references.
const (
	maxLeft  = 1024
	maxRight = 2048
	maxAt    = 16 // "&#x000000040;" is as long as an at-sign gets
	// MaxTail is how many bytes at the end of a buffer may stay unsettled.
	MaxTail = 4096
	// maxReadings is how many readings of the bytes around one at-sign are offered.
	maxReadings = 16

	maxLocal  = 64
	maxDomain = 255
)

// Finder recognises identifiers in a byte stream. One Finder serves one stream at a time, in order; after final it is ready
// for the next.
type Finder struct {
	// Found is called with each candidate, longest reading first for one at-sign. It returns true when the candidate is
	// somebody's: then shorter readings of the same bytes are not offered.
	Found func(Match) bool

	skip  int // at-signs that begin before this offset of the next buffer have been dealt with
	floor int // bytes before this offset of the next buffer belong to a confirmed match

	local  side
	domain side
	value  []byte
}

// side is what stands decoded on one side of an at-sign. The local part's is kept from the at-sign outward, reversed.
type side struct {
	text []byte
	raw  []int  // text[i] begins at this offset of the buffer (local part: ends before it, see left)
	form []form // in which form text[i] stood
}

func (s *side) reset() { s.text, s.raw, s.form = s.text[:0], s.raw[:0], s.form[:0] }

func (s *side) add(c byte, raw int, f form) {
	s.text, s.raw, s.form = append(s.text, c), append(s.raw, raw), append(s.form, f)
}

// Find reports the candidates in buf that can be decided, and returns how much of buf is settled: no later byte can make
// buf[:settled] part of a match that was not reported. The caller keeps buf[settled:], appends what comes, and calls again.
// With final nothing follows, and everything is settled. Find does not modify buf.
func (f *Finder) Find(buf []byte, final bool) (settled int) {
	done, floor := f.skip, f.floor
	t := triggers{buf: buf}
	for at := t.next(done); at.end > 0; at = t.next(done) {
		start, decided := f.around(buf, at, floor, final)
		if !decided {
			f.skip, f.floor = max(0, at.start-start), 0
			if floor > start {
				f.floor = floor - start
			}
			return start
		}
		done = at.end
		floor = max(floor, f.report(buf, at))
	}
	if final {
		f.skip, f.floor = 0, 0
		return len(buf)
	}
	settled = max(tail(buf), floor)
	f.skip, f.floor = max(0, done-settled), 0
	return settled
}

// tail is where the run of bytes begins that may yet become a local part, or the encoded at-sign behind one.
func tail(buf []byte) int {
	least := max(0, len(buf)-maxLeft-maxAt)
	i := len(buf)
	for i > least && mayBeLocal[buf[i-1]] {
		i--
	}
	return i
}

// around decodes what stands on both sides of an at-sign. It returns where the left side begins, and false when the right
// side may go on behind the end of buf.
func (f *Finder) around(buf []byte, at at, floor int, final bool) (start int, decided bool) {
	f.local.reset()
	f.domain.reset()
	start = f.left(buf, at.start, max(floor, at.start-maxLeft))
	if len(f.local.text) == 0 {
		return start, true
	}
	limit := min(len(buf), at.end+maxRight)
	end, cut := f.right(buf[:limit], at.end)
	if !final && limit == len(buf) && len(buf)-at.end < maxRight && (end == len(buf) || cut) {
		return start, false
	}
	return start, true
}

// left decodes backwards from an at-sign while it reads what may stand in a local part: atext, dots, and anything beyond
// ASCII (RFC 5322 §3.2.3, RFC 6532 §3.2). It returns where that begins.
func (f *Finder) left(buf []byte, p, least int) int {
	for p > least && len(f.local.text) <= 2*maxLocal {
		u := before(buf[least:p])
		if u.length == 0 || !u.inLocal() {
			break
		}
		p -= u.length
		for i := u.n - 1; i >= 0; i-- {
			f.local.add(u.bytes[i], p, u.form)
		}
	}
	return p
}

// right decodes forwards what may stand in a domain. cut says that buf ends inside a reference.
func (f *Finder) right(buf []byte, p int) (end int, cut bool) {
	for p < len(buf) && len(f.domain.text) <= maxDomain {
		u, short := after(buf[p:])
		if short {
			return p, true
		}
		if !u.inDomain() {
			return p, false
		}
		for i := range u.n {
			f.domain.add(u.bytes[i], p+u.length, u.form)
		}
		p += u.length
	}
	return p, false
}

// report offers the readings of what around has decoded, and returns where a confirmed one ends, or 0.
func (f *Finder) report(buf []byte, at at) (end int) {
	readings := 0
	n := len(f.local.text)
	if n == 0 || len(f.domain.text) < 3 {
		return 0
	}
	first := f.local.raw[n-1]
	for i := n; i > 0; i-- { // text[i-1] is the reading's first character
		if i < n && !f.boundary(buf, i) || i == n && f.local.text[n-1] == '.' || i > maxLocal {
			if !(i == n-1 && first > 0 && buf[first-1] == '\\' && isEscape(f.local.text[n-1])) {
				continue
			}
		}
		for d := f.fullDomain(); d > 0; d = f.shorterDomain(d) {
			if readings++; readings > maxReadings {
				return 0
			}
			if m, ok := f.match(at, i, d); ok && f.Found(m) {
				return m.Offset + m.Length
			}
		}
	}
	return 0
}

// boundary: a shorter reading may begin behind a separator, behind two dots, or where text in another script stops. It may
// not begin behind '.', '_', '-' or '+': john.alice@ is not alice@.
func (f *Finder) boundary(buf []byte, i int) bool {
	c, previous := f.local.text[i-1], f.local.text[i]
	switch {
	case c == '.':
		return false
	case previous == '.':
		return i+1 < len(f.local.text) && f.local.text[i+1] == '.'
	case previous >= utf8.RuneSelf:
		return c < utf8.RuneSelf
	}
	return separates[previous]
}

// isEscape: the letter behind a backslash belongs to the backslash, as in "\nalice@shop.example".
func isEscape(c byte) bool { return bytes.IndexByte([]byte("nrtbfv0ae"), c) >= 0 }

// fullDomain is the longest reading of the domain: without the dots and hyphens that end a sentence.
func (f *Finder) fullDomain() int { return trimDomain(f.domain.text) }

// shorterDomain drops what may be no part of it: first text in another script that follows an ASCII domain, then labels
// ("shop.example.Then"), down to two. It returns 0 when there is none.
func (f *Finder) shorterDomain(d int) int {
	text := f.domain.text[:d]
	if i := bytes.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }); i > 0 && bytes.IndexByte(text[:i], '.') > 0 {
		return trimDomain(text[:i])
	}
	i := bytes.LastIndexByte(text, '.')
	if i <= 0 || bytes.IndexByte(text[:i], '.') < 0 {
		return 0
	}
	return trimDomain(text[:i])
}

func trimDomain(text []byte) int {
	n := len(text)
	for n > 0 && (text[n-1] == '.' || text[n-1] == '-') {
		n--
	}
	if bytes.IndexByte(text[:n], '.') < 0 && bytes.IndexFunc(text[:n], func(r rune) bool { return r == '。' || r == '．' || r == '｡' }) < 0 {
		return 0
	}
	return n
}

// match makes the reading whose local part has i octets and whose domain has d.
func (f *Finder) match(at at, i, d int) (Match, bool) {
	f.value = f.value[:0]
	for j := i - 1; j >= 0; j-- {
		f.value = append(f.value, f.local.text[j])
	}
	f.value = append(f.value, '@')
	f.value = append(f.value, f.domain.text[:d]...)
	n := len(f.value)
	value, ok := NormalizeEmail(f.value, f.value[:n:n])
	if !ok {
		return Match{}, false
	}
	f.value = value
	start, end := f.local.raw[i-1], f.domain.raw[d-1]
	return Match{Kind: Email, Offset: start, Length: end - start, Encoding: f.encoding(at, i, d), Value: value[n:]}, true
}

// encoding is the at-sign's form where that is not plain, or else the first that is not.
func (f *Finder) encoding(at at, i, d int) string {
	if at.form != plain {
		return at.form.String()
	}
	for j := i - 1; j >= 0; j-- {
		if f.local.form[j] != plain {
			return f.local.form[j].String()
		}
	}
	for _, form := range f.domain.form[:d] {
		if form != plain {
			return form.String()
		}
	}
	return plain.String()
}

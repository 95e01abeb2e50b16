package scan

import (
	"bytes"
	"unicode/utf8"
)

const (
	// maxReadings is how many readings of the bytes around one at-sign are offered: all beginnings with the longest domain, and some more.
	maxReadings = maxLocal + 16

	maxLocal  = 64
	maxDomain = 255
)

var (
	isAtext   = table(atext) // what may stand in a local part
	isDomain  = table(func(c byte) bool { return c >= '0' && c <= '9' || isLetter(c) || c == '-' || c == '.' || c >= 0x80 })
	separates = table(func(c byte) bool { return bytes.IndexByte([]byte("!#$%&'*/=?^`{|}~"), c) >= 0 })
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

// emails offers the readings of the address around the at-sign of size bytes at p, the longest first, until one is somebody's.
func (f *Finder) emails(d, p, size int) {
	l := &f.levels[d]
	if p < l.done.floor {
		return
	}
	text := l.text
	start, least := p, max(0, l.done.floor, p-2*maxLocal)
	for start > least && isAtext[text[start-1]] {
		start--
	}
	domain := text[p+size:]
	end := 0
	for end < len(domain) && end <= maxDomain && isDomain[domain[end]] {
		end++
	}
	domain = domain[:end]
	if end < 3 {
		return
	}
	readings := 0
	for n := fullDomain(domain); n > 0; n = shorterDomain(domain[:n]) {
		for from := start; from < p; from++ {
			if from > start && !boundary(text[start:p], from-start) || from == start && text[from] == '.' || p-from > maxLocal {
				continue
			}
			if readings++; readings > maxReadings || f.address(d, from, p, size, p+size+n) {
				return
			}
		}
	}
}

// address offers text[from:to], whose at-sign of size bytes is at p.
func (f *Finder) address(d, from, p, size, to int) bool {
	text := f.levels[d].text
	f.value = append(append(append(f.value[:0], text[from:p]...), '@'), text[p+size:to]...)
	n := len(f.value)
	value, ok := NormalizeEmail(f.value, f.value[:n:n])
	if !ok {
		return false
	}
	f.value = value
	return f.offer(d, Match{Kind: Email, Value: value[n:]}, from, to, p)
}

// boundary: a shorter reading may begin behind a separator, behind two dots, or where text in another script stops. It may
// not begin behind '.', '_', '-' or '+': john.alice@ is not alice@.
func boundary(local []byte, i int) bool {
	c, previous := local[i], local[i-1]
	switch {
	case c == '.':
		return false
	case previous == '.':
		return i > 1 && local[i-2] == '.'
	case previous >= utf8.RuneSelf:
		return c < utf8.RuneSelf
	}
	return separates[previous]
}

// fullDomain is the longest reading of a domain: without the dots and hyphens that end a sentence.
func fullDomain(text []byte) int {
	n := len(text)
	for n > 0 && (text[n-1] == '.' || text[n-1] == '-') {
		n--
	}
	if bytes.IndexByte(text[:n], '.') < 0 && bytes.IndexFunc(text[:n], func(r rune) bool { return r == '。' || r == '．' || r == '｡' }) < 0 {
		return 0
	}
	return n
}

// shorterDomain drops what may be no part of it: first text in another script that follows an ASCII domain, then labels
// ("shop.example.Then"), down to two. It returns 0 when there is none.
func shorterDomain(text []byte) int {
	if i := bytes.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }); i > 0 && bytes.IndexByte(text[:i], '.') > 0 {
		return fullDomain(text[:i])
	}
	i := bytes.LastIndexByte(text, '.')
	if i <= 0 || bytes.IndexByte(text[:i], '.') < 0 {
		return 0
	}
	return fullDomain(text[:i])
}

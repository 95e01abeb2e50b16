package scan

import "bytes"

// Bounds of runs of base64 and hexadecimal digits, in encoded bytes.
const (
	maxWhole   = 256  // a run up to here is looked at as a whole: no hash is longer
	maxStretch = 2816 // how much is decoded at once of a longer one; stretches overlap by maxLeft
	sampled    = 16   // how much tells whether there is text inside
)

// run deals with the run of base64's alphabet in which place p stands: hashes, and text that is encoded in it.
func (f *Finder) run(d, p int) (held int, decided bool) {
	l := &f.levels[d]
	text := l.text
	start, end := runAround(text, p)
	open := l.open && end == len(text)
	if end-start < minRun && !open {
		return 0, true
	}
	if open && end-start <= maxWhole {
		return start, false
	}
	if end-start < minRun {
		return 0, true
	}
	if !isDenseRun(text[start:end]) { // words and paths are no base64
		if !open {
			l.done.run = end
		}
		return 0, true
	}
	if held, decided := f.joined(d, start, end); !decided {
		return held, false
	}
	if n := end - start; n >= hashed[2].text && n <= maxWhole && (start == 0 || classes[0][text[start-1]]&inBase64 == 0) {
		f.hashes(d, start, end)
	}
	if held, decided := f.stretches(d, start, end, open); !decided {
		return held, false
	}
	l.done.run = end
	return 0, true
}

// runAround is the run in which p stands, or behind which.
func runAround(text []byte, p int) (start, end int) {
	start, end = p, p
	for least := max(0, p-maxStretch); start > least && sextet[text[start-1]] != 255; start-- {
	}
	for end < len(text) && sextet[text[end]] != 255 {
		end++
	}
	return start, end
}

// isDenseRun: of twenty bytes in a row, or of all where there are fewer, four are dense.
func isDenseRun(b []byte) bool {
	n := 0
	for i, c := range b {
		n += int(denseBytes[c])
		if i >= minRun {
			n -= int(denseBytes[b[i-minRun]])
		}
		if n >= minDense {
			return true
		}
	}
	return false
}

// denseBytes is 1 for each byte that isDense.
var denseBytes = func() (t [256]uint8) {
	for c := range t {
		t[c] = uint8(classes[0][c] & isDense / isDense)
	}
	return t
}()

// joined: where an escape or a soft line break interrupts a run, as in "…%2B…", it goes on behind it, and the word as a whole has to be looked
// at.
func (f *Finder) joined(d, start, end int) (held int, decided bool) {
	l := &f.levels[d]
	if end-1 < l.done.word || !joins(l.text[end:], l.open) && !joined(l.text[:start], l.text[start:end]) {
		return 0, true
	}
	return f.word(d, end-1)
}

// parted: the escape of a slash or a plus sign at p may part the characters of a hash in base64, none of whose parts is long enough for the kernel.
func (f *Finder) parted(d, p int) (held int, decided bool) {
	text := f.levels[d].text
	from, to, is := hashAround(text, p)
	if f.levels[d].open && to+len("%2F") > len(text) {
		return from, false
	}
	if !is {
		return 0, true
	}
	return f.word(d, p)
}

// isParted is what parted finds, told for the many escapes of JSON that part nothing: most stand in paths of small letters, and those that follow one
// another in a path are told together.
func (l *level) isParted(p int) bool {
	text, small := l.text, &l.done.small
	if p < small.from || p > small.to {
		*small = stretch{p, p}
		for small.from > max(0, p-maxParted) && inSmall[text[small.from-1]] {
			small.from--
		}
	}
	for small.to < len(text) && small.to-p <= maxParted && inSmall[text[small.to]] {
		small.to++
	}
	if !isCapital(text, small.from-1) && !isCapital(text, small.to) && small.to+len("%2F") <= len(text) {
		return false
	}
	_, to, is := hashAround(text, p)
	return is || to+len("%2F") > len(text)
}

// maxParted is how long, from the escape on, what hashAround looks at is at most: each character of the longest hash, and one more, escaped.
const maxParted = len("%2F") * 44

// stretch is a part of a text.
type stretch struct{ from, to int }

// inSmall is what base64 and its escapes are made of, without capitals.
var inSmall = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c == '\\' || c == '%' || partKind[c] != 0 && partKind[c] != isUpper
	}
	return t
}()

func isCapital(text []byte, i int) bool {
	return i >= 0 && i < len(text) && partKind[text[i]] == isUpper
}

// partAt is how many bytes the character of base64 at i has, which may be escaped, and which one it is; 0: there is none.
func partAt(text []byte, i int) (n int, k uint8) {
	c := text[i]
	switch {
	case c == '\\' && i+1 < len(text) && text[i+1] == '/':
		return 2, 0
	case c == '%' && i+2 < len(text) && text[i+1] == '2' && (text[i+2]|0x20 == 'f' || text[i+2]|0x20 == 'b'):
		return 3, 0
	case partKind[c] != 0:
		return 1, partKind[c]
	}
	return 0, 0
}

// hashAround is how far base64 goes around the escape at p, across others, and whether it is as long as a hash and looks like one: it has
// capitals and small letters, as paths have only seldom.
func hashAround(text []byte, p int) (from, to int, is bool) {
	n, most := 0, hashed[0].text
	var seen [5]int // of each partKind
	for from = p; from > 0 && n <= most; n++ {
		c := text[from-1]
		k := partKind[c]
		if k == 0 {
			break
		}
		if c == '/' && from >= 2 && text[from-2] == '\\' {
			from -= 2
		} else if from >= 3 && text[from-3] == '%' && text[from-2] == '2' {
			from -= 3
		} else {
			from--
			seen[k]++
		}
	}
	for to = p; to < len(text) && n <= most; n++ {
		size, k := partAt(text, to)
		if size == 0 {
			break
		}
		to += size
		if k != 0 {
			seen[k]++
		}
	}
	return from, to, n >= hashed[2].text && seen[isUpper] >= 2 && seen[isLower] > 0 && seen[isUpper]+seen[isOther] >= minDense
}

const isUpper, isLower, isOther = 1, 2, 4

// partKind says what a character of base64's standard alphabet is, and 0 for all others.
var partKind = func() (t [256]uint8) {
	for c := range 256 {
		switch b := byte(c); {
		case b >= 'A' && b <= 'Z':
			t[c] = isUpper
		case b >= 'a' && b <= 'z':
			t[c] = isLower
		case b >= '0' && b <= '9', b == '+', b == '/':
			t[c] = isOther
		}
	}
	return t
}()

// joins says that b begins with an escape that base64 or hexadecimal text may hold, or, where more may come, with a part of one.
func joins(b []byte, open bool) bool {
	if len(b) == 0 || !isEscape[b[0]] {
		return false
	}
	for _, s := range [...]string{"%2", "%3", "%5", `\/`, `\u00`, "&#", "=3", "=2", "=\r", "=\n"} {
		n := min(len(b), len(s))
		if string(b[:n]) == s[:n] && (n == len(s) || open && n > 0) {
			return true
		}
	}
	return false
}

// joined says that b ends with one, or with what of it is not in the alphabet of base64, before run.
func joined(b, run []byte) bool {
	n := len(b)
	if n == 0 {
		return false
	}
	switch b[n-1] {
	case '%', '=':
		_, ok := hexRune(run[:2])
		return ok
	case '\\':
		return bytes.IndexByte([]byte("nrtbfv"), run[0]) < 0 || isTextHash(run[1:])
	case '\n':
		return inWord(b, n-1)
	case ';':
		return bytes.ContainsAny(b[max(0, n-maxReference-6):], `&\%=`)
	}
	return false
}

// isTextHash says that what stands before the first character of which the other alphabet of base64 knows nothing is as long as a hash.
func isTextHash(run []byte) bool {
	for _, strange := range [...]string{"-_", "+/"} {
		n := bytes.IndexAny(run, strange)
		if n < 0 {
			n = len(run)
		}
		for _, h := range hashed {
			if n == h.text {
				return true
			}
		}
	}
	return false
}

// stretches decodes what is text in a run. It samples the run at places that do not depend on where buffers end.
func (f *Finder) stretches(d, start, end int, open bool) (held int, decided bool) {
	l := &f.levels[d]
	offset := 0
	if d == 0 {
		offset = int(f.base % 8)
	}
	for q := (max(start, l.done.sample)+offset+7)/8*8 - offset; q+sampled <= end; q += 8 {
		l.done.sample = q + 8
		if q < l.done.part {
			continue
		}
		in, g := textAt((*[sampled]byte)(l.text[q:]))
		if in == plain || !isDenseRun(l.text[q:q+sampled]) {
			continue
		}
		g += q
		from, to, whole := extent(l.text[:end], start, g, in)
		if !whole && open {
			l.done.sample = q
			return from, false
		}
		if in == hexText {
			f.below(d, step{form: hexText}, from, to)
		} else {
			f.stretch(d, start, end, from, to, g)
		}
		l.done.part = max(l.done.part, to)
	}
	return 0, true
}

// textAt says in which form b, of which there are sampled bytes, is text, and where its first group or pair begins.
func textAt(b *[sampled]byte) (in form, at int) {
	may := mayBeText(b)
	if may == 0 {
		return plain, 0
	}
	for a := range 4 {
		if may>>a&1 != 0 && isText64(b[a:a+12]) {
			return base64Text, a
		}
	}
	for a := range 2 {
		if may>>(4+a)&1 != 0 && isTextHex(b[a:a+14]) {
			return hexText, a
		}
	}
	return plain, 0
}

// mayBeText says where text may begin in b, told from each byte alone: bit a for a group of base64 at a, bit 4+a for a pair of digits. Nearly
// nothing that is no text passes, and there is no branch to be guessed wrong.
func mayBeText(b *[sampled]byte) uint8 {
	t := &mayStand
	first := (t[0][b[0]] | 0b10_1110) & (t[1][b[1]] | 0b00_1100) & (t[2][b[2]] | 0b00_1000) & t[3][b[3]] & t[0][b[4]] & t[1][b[5]] & t[2][b[6]] & t[3][b[7]]
	return first & t[0][b[8]] & t[1][b[9]] & t[2][b[10]] & t[3][b[11]] & (t[0][b[12]] | 0b00_0001) & (t[1][b[13]] | 0b00_0011) & (t[2][b[14]] | 0b01_0111)
}

// mayStand[i%4][c] has bit a where c may be byte i of text in base64 whose groups begin at a, bit 4+a where in hexadecimal digits.
var mayStand = func() (t [4][256]uint8) {
	for c := range 256 {
		s := sextet[c]
		places := [4]bool{s < 0x20 && (s >= ' '>>2 || s == '\t'>>2 || s == '\r'>>2), s != 255 && s&15 < 8 && s&15 != 1, s != 255 && s&3 < 2, s != 255}
		digits := [2]bool{c == '0' || c >= '2' && c <= '7', hexValue(byte(c)) < 16}
		for i := range 4 {
			for a := range 4 {
				if places[(i-a+4)%4] {
					t[i][c] |= 1 << a
				}
			}
			for a := range 2 {
				if digits[(i+a)%2] {
					t[i][c] |= 1 << (4 + a)
				}
			}
		}
	}
	return t
}()

// isText64 says that b, whole groups of base64, holds nothing but ASCII text.
func isText64(b []byte) bool {
	for ; len(b) >= 4; b = b[4:] {
		if !textGroup(b, 0x7f) {
			return false
		}
	}
	return true
}

// textGroup says that a group of base64 holds no control characters, and nothing above most.
func textGroup(b []byte, most byte) bool {
	s0, s1, s2, s3 := sextet[b[0]], sextet[b[1]], sextet[b[2]], sextet[b[3]]
	a, c, e := s0<<2|s1>>4, s1<<4|s2>>2, s2<<6|s3
	return textBytes[a] && textBytes[c] && textBytes[e] && max(a, c, e) <= most
}

var textBytes = table(func(c byte) bool { return isTextByte(c, 0xff) })

func isTextByte(c, most byte) bool {
	return c >= ' ' && c < 0x7f || c == '\n' || c == '\t' || c == '\r' || c >= 0x80 && c <= most
}

// extent is how far the text at p goes in both directions, in base64 with one more group on either side. whole is false when it goes on to
// the end.
func extent(text []byte, start, p int, in form) (from, to int, whole bool) {
	if in == hexText {
		return hexExtent(text, start, p)
	}
	from, to = p, p+12
	for from-4 >= max(start, p-maxLeft) && textGroup(text[from-4:], 0xff) {
		from -= 4
	}
	for to+4 <= len(text) && to-from < maxStretch && textGroup(text[to:], 0xff) {
		to += 4
	}
	whole = to+4 <= len(text) || to-from >= maxStretch
	return max(start, from-4), min(len(text), to+4), whole
}

// hexExtent is how far pairs of hexadecimal digits go on being text.
func hexExtent(text []byte, start, p int) (from, to int, whole bool) {
	from, to = p, p
	for from-2 >= max(start, p-maxLeft) && isTextPair(text[from-2:]) {
		from -= 2
	}
	for to+2 <= len(text) && to-from < maxStretch && isTextPair(text[to:]) {
		to += 2
	}
	return from, to, to+2 <= len(text) || to-from >= maxStretch
}

// stretch decodes [from, to) of the run [start, end), in which a group begins at g.
func (f *Finder) stretch(d, start, end, from, to, g int) {
	l := &f.levels[d]
	phase := ((from-g)%4 + 4) % 4
	if phase == 3 {
		from, phase = from+1, 0
	}
	sealed := l.sealed
	l.sealed = sealed || isSigned(l.text, start, end)
	f.below(d, step{form: base64Text, phase: uint8(phase)}, from, to)
	l.sealed = sealed
}

// isSigned recognises a part of a JSON Web Token (RFC 7515 §3.1): runs that begin with '{"' and are joined by dots.
func isSigned(text []byte, start, end int) bool {
	return bytes.HasPrefix(text[start:end], []byte("eyJ")) && (start > 0 && text[start-1] == '.' || end < len(text) && text[end] == '.')
}

// maxAround is how many octets on either side of an at-sign in base64 or hexadecimal digits are decoded.
const maxAround = 320

// at64 deals with what may be an at-sign in base64, in a run that has nothing else to say for itself.
func (f *Finder) at64(d, p int, h hit) (held int, decided bool) {
	l := &f.levels[d]
	text := l.text
	for _, c := range [...]struct {
		h      hit
		g, nth int // its group begins at p+g, and it is the nth octet of it
	}{{hitB0, 1, 0}, {hitB1, -1, 1}, {hitB2, -2, 2}} {
		g := p + c.g
		if h&c.h == 0 || g < 0 || classes[0][text[g]]&classes[0][text[p]]&classes[0][text[p+1]]&inBase64 == 0 {
			continue
		}
		from, to := max(0, g-maxAround), min(len(text), g+maxAround)
		plausible, whole := isAddress64(text[from:to], g-from, c.nth)
		if !plausible && (whole || !l.open || to < len(text)) {
			continue
		}
		for from = g; from > max(0, g-maxAround) && classes[0][text[from-1]]&inBase64 != 0; {
			from--
		}
		for to = g; to < len(text) && to < g+maxAround && classes[0][text[to]]&inBase64 != 0; to++ {
		}
		if l.open && to == len(text) && (plausible || !whole) {
			return from, false
		}
		if plausible {
			f.stretch(d, from, to, from, to, g)
			l.done.part = to
			return 0, true
		}
	}
	return 0, true
}

// isBetween64 says that the octets beside what may be an at-sign at p, in the second or third octet of a group, may stand there in an address: see
// isAddress64.
func isBetween64(text []byte, p int, h hit) bool {
	var before, after byte
	switch {
	case p < 1 || p < 2 && h != hitB1:
		return false
	case h == hitB1:
		before = sextet[text[p-1]]<<2 | sextet[text[p]]>>4
		after = sextet[text[p+1]]<<6 | sextet[text[p+2]]
	default:
		before = sextet[text[p-1]]<<4 | sextet[text[p]]>>2
		after = sextet[text[p+2]]<<2 | sextet[text[p+3]]>>4
	}
	return (isAtext[before] || before == ';') && isDomain[after] && after != '.'
}

// isAddress64 says that around the nth octet of the group at g there is a character of a local part, and a domain with a dot. whole is false
// when more bytes might make it one.
func isAddress64(b []byte, g, nth int) (is, whole bool) {
	at := func(k int) (byte, bool) { // octet k, counted from the group's first
		i := g + (k+300)/3*4 + (k+300)%3 - 400
		if i < 0 || i+1 >= len(b) || sextet[b[i]]|sextet[b[i+1]] == 255 {
			return 0, false
		}
		shift := 2*((k+300)%3) + 2
		return sextet[b[i]]<<shift | sextet[b[i+1]]>>(6-shift), true
	}
	if c, ok := at(nth - 1); !ok || !isAtext[c] && c != ';' {
		return false, true
	}
	for k := nth + 1; k < nth+maxDomain; k++ {
		c, ok := at(k)
		switch {
		case !ok:
			return false, false
		case c == '.' || c == '%' || c == '&' || c == '\\':
			return k > nth+1, true
		case !isDomain[c]:
			return false, true
		}
	}
	return false, true
}

// atHex deals with what may be an at-sign in hexadecimal digits, in a run that is too short to be looked at otherwise.
func (f *Finder) atHex(d, p int) (held int, decided bool) {
	l := &f.levels[d]
	text := l.text
	from, to := p, p
	for from >= max(2, p-maxAround) && isTextPair(text[from-2:]) {
		from -= 2
	}
	for to+1 < len(text) && to < p+maxAround && isTextPair(text[to:]) {
		to += 2
	}
	if l.open && to+1 >= len(text) && from < p {
		return from, false
	}
	if from < p && to > p+6 && (bytes.Contains(text[p:to], []byte("2e")) || bytes.Contains(text[p:to], []byte("2E"))) {
		f.below(d, step{form: hexText}, from, to)
		l.done.part = to
	}
	return 0, true
}

// isTextPair says that two hexadecimal digits begin b, and are a character of ASCII or an octet of another.
func isTextPair(b []byte) bool {
	hi, lo := hexValue(b[0]), hexValue(b[1])
	return hi < 16 && lo < 16 && isTextByte(hi<<4|lo, 0xff)
}

// cloudflare deals with addresses that a CDN has hidden from harvesters, and its script shows to everybody. Where the sign itself is
// escaped, what follows is decoded and looked at again.
func (f *Finder) cloudflare(d, p int) (held int, decided bool) {
	l := &f.levels[d]
	rest := l.text[p:]
	for _, sign := range [...]string{"cfemail", "on#"} {
		n := min(len(rest), len(sign))
		if string(rest[:n]) != sign[:n] {
			continue
		}
		if end := p + 2*maxAround; l.open && end > len(l.text) && bytes.IndexByte(rest, '>') < 0 {
			return p, false
		}
		if n < len(sign) {
			return 0, true
		}
		from := p + n
		for from < len(l.text) && (l.text[from] == '=' || l.text[from] == '"' || l.text[from] == '\'') {
			from++
		}
		to := from
		for to < len(l.text) && to < from+2*maxAround && hexValue(l.text[to]) < 16 {
			to++
		}
		if to == from && d < maxDepth && sign == "cfemail" {
			f.below(d, step{}, p, min(len(l.text), p+2*maxAround))
		}
		if (to-from)%2 == 0 && to-from >= 2*minAddress {
			f.below(d, step{form: cfemail}, from, to)
		}
	}
	return 0, true
}

// minAddress is a@b.cc.
const minAddress = 6

func isTextHex(b []byte) bool {
	for ; len(b) >= 2; b = b[2:] {
		if !isTextPair(b) || hexValue(b[0]) >= 8 {
			return false
		}
	}
	return true
}

package scan

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf8"
)

// besides is how far from an identifier a name or a telephone number may stand to be taken for the same customer's, in bytes.
const besides = 512

// beside notes that an identifier that is somebody's stands at text[start:end] of a level: names around it count.
func (f *Finder) beside(d, start, end int) {
	for d > 0 && f.levels[d].step.form != base64Text && f.levels[d].step.form != hexText && f.levels[d].step.form != utf16LE && f.levels[d].step.form != utf16BE {
		l := f.placed(d)
		start, end = int(l.begin[start]), int(l.end[end-1])
		d--
	}
	l := &f.levels[d]
	w := window{max(0, start-besides), end + besides}
	if n := len(l.windows); n > 0 && l.windows[n-1].to >= w.from {
		l.windows[n-1].to = max(w.to, l.windows[n-1].to)
		l.windows[n-1].from = min(w.from, l.windows[n-1].from)
		return
	}
	l.windows = append(l.windows, w)
}

type window struct{ from, to int }

// namesBeside offers the names in a level's windows that end before settled. It returns where a name begins that may yet turn out to stand
// beside its owner's identifier, or settled.
func (f *Finder) namesBeside(d, settled int) int {
	l := &f.levels[d]
	for _, w := range l.windows {
		f.candidates(l.text[:settled], w.from, min(w.to, settled), func(words []nameWord, name []byte) bool {
			f.offerWords(d, words, name)
			return true
		})
		if f.Phones {
			f.numbersBeside(d, w.from, min(w.to, settled))
		}
	}
	if !l.open || f.Known == nil {
		return settled
	}
	hold := settled
	f.candidates(l.text[:settled], max(0, settled-besides), settled, func(words []nameWord, name []byte) bool {
		if start := words[0].start; start < hold && !l.named.overlap(window{start, words[len(words)-1].end}) && f.Known(Name, name) {
			hold = start
		}
		return hold == settled
	})
	hold = min(hold, f.unended)
	if f.Phones {
		hold = f.numbersHeld(d, settled, hold)
	}
	return hold
}

// candidates calls found for what may be a name in text[from:to]: two to four words that stand together, each with a capital letter, or as all that
// stands between two delimiters. It stops when found returns false.
func (f *Finder) candidates(text []byte, from, to int, found func(words []nameWord, name []byte) bool) {
	f.words = f.words[:0]
	for i := max(0, from); i < to; {
		if n := f.nameWord(text, i, to); n > 0 {
			i += n
		} else if n := nameGap(text[i:to]); n > 0 && len(f.words) > 0 {
			i += n
		} else {
			if !f.flush(text, found) {
				f.unended = to
				return
			}
			i++
		}
	}
	f.unended = to
	for _, w := range f.words[max(0, len(f.words)-3):] {
		if w.capital || w.open {
			f.unended = w.start // the next word may belong to a name that these begin
			break
		}
	}
	f.flush(text, found)
}

// nameWord is a word at text[start:end], and whether it has the capital letter of a name.
type nameWord struct {
	start, end int
	capital    bool
	open       bool // a delimiter stands before it
}

// nameWord reads the word at i, of letters in any escape, and returns its length.
func (f *Finder) nameWord(text []byte, i, to int) int {
	start, first := i, rune(0)
	var u unit
	for i < to {
		r, n := utf8.DecodeRune(text[i:to])
		if c := text[i]; c == '\\' || c == '&' || c == '%' {
			if n = u.decode(text[i:to]); n == 0 {
				break
			}
			if r, _ = utf8.DecodeRune(u.bytes[:u.n]); u.form == urlEncoding { // one octet of several
				r = 'a'
				if u.bytes[0] < utf8.RuneSelf {
					r = rune(u.bytes[0])
				}
			}
		} else if r == utf8.RuneError && n == 1 {
			r = 'a' // a letter of a legacy charset
		}
		if !isNameLetter(r) && !(r == '\'' || r == '’') {
			break
		}
		if first == 0 {
			first = r
		}
		i += n
	}
	if i == start || first == '\'' || first == '’' {
		return 0
	}
	w := nameWord{start: start, end: i, capital: unicode.IsUpper(first) || !unicode.IsLower(first), open: start == 0 || delimits(text[start-1])}
	f.words = append(f.words, w)
	return i - start
}

func delimits(c byte) bool { return bytes.IndexByte([]byte("\"'>,;\t\n:="), c) >= 0 }

// nameGap is what may stand between two words of one name: white space, a hyphen, a comma, a cell's or tag's border.
func nameGap(b []byte) int {
	switch c := b[0]; {
	case c == ' ' || c == '-' || c == ',' || c == '.' || c == '\t' || c == ';' || c == '"' || c == '+':
		return 1
	case c == '<':
		if i := bytes.IndexByte(b[:min(len(b), 64)], '>'); i > 0 {
			return i + 1
		}
		if len(b) < 64 {
			return len(b) // a tag that may yet end
		}
	case bytes.HasPrefix(b, []byte("&nbsp;")):
		return 6
	case bytes.HasPrefix(b, []byte("%20")):
		return 3
	case bytes.HasPrefix(b, []byte(`\u00a0`)):
		return 6
	}
	return 0
}

// closes says that a delimiter begins b.
func closes(b []byte) bool {
	return len(b) == 0 || delimits(b[0]) || b[0] == '<' || b[0] == '\\' || b[0] == '&'
}

// flush offers the names that the words collected make, the longest first from each word on.
func (f *Finder) flush(text []byte, found func(words []nameWord, name []byte) bool) bool {
	words := f.words
	f.words = f.words[:0]
	for i := 0; i+1 < len(words); i++ {
		for n := min(4, len(words)-i); n >= 2; n-- {
			run := words[i : i+n]
			start, end := run[0].start, run[n-1].end
			if end-start > maxField || !likeName(run) && !(run[0].open && closes(text[end:])) {
				continue
			}
			f.both = untagged(f.both[:0], text[start:end])
			name, ok := NormalizeName(f.value[:0], f.decoded(f.both))
			f.value, f.written = name, f.plain
			if ok && !found(run, name) {
				return false
			}
		}
	}
	return true
}

// untagged appends text without its tags and cell borders.
func untagged(dst, text []byte) []byte {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '<':
			if n := bytes.IndexByte(text[i:], '>'); n > 0 {
				dst, i = append(dst, ' '), i+n
				continue
			}
			dst = append(dst, ' ')
		case c == ';' && bytes.IndexByte(text[max(0, i-8):i], '&') < 0, c == '"', c == '\t':
			dst = append(dst, ' ')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// likeName: every word has a capital letter but particles in the middle, as in "Anna van der Berg".
func likeName(words []nameWord) bool {
	for i, w := range words {
		if !w.capital && (i == 0 || i == len(words)-1 || w.end-w.start > 5) {
			return false
		}
	}
	return true
}

// offerWords offers a name whose words may stand in cells or tags of their own: then each is a match.
func (f *Finder) offerWords(d int, words []nameWord, name []byte) {
	text := f.levels[d].text
	for i := 0; i < len(words); {
		n := i + 1
		for n < len(words) && isPlainGap(text[words[n-1].end:words[n].start]) {
			n++
		}
		if !f.offerName(d, words[i].start, words[n-1].end, Near, name) {
			return
		}
		i = n
	}
}

func isPlainGap(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '-' && c != ',' && c != '.' {
			return false
		}
	}
	return true
}

// offerName offers a name, or a part of one, at text[start:end] of a level.
func (f *Finder) offerName(d, start, end int, evidence Evidence, name []byte) bool {
	return f.offerWeak(d, Match{Kind: Name, Evidence: evidence, Value: name, Written: f.written}, start, end)
}

// offerWeak offers what counts by its evidence only. It leaves the order of the strong ones alone.
func (f *Finder) offerWeak(d int, m Match, start, end int) bool {
	stream := &f.levels[0]
	w := f.inStream(d, start, end)
	if stream.named.overlap(w) || stream.taken.overlap(w) {
		return false
	}
	f.decoded(f.levels[d].text[start:end])
	if !f.report(d, m, f.passes, start, end, start) {
		return false
	}
	stream.named.add(w)
	return true
}

// windows are some that do not overlap, as lists in order: each pass over a text reports its own in order, and adds to the end of a list. So
// a page of many customers takes no longer than it has to.
type windows [4][]window

func (ws *windows) add(w window) {
	for i := range ws {
		if n := len(ws[i]); n == 0 || ws[i][n-1].to <= w.from {
			ws[i] = append(ws[i], w)
			return
		}
	}
	last := &ws[len(ws)-1]
	*last = slices.Insert(*last, endsBehind(*last, w.from), w)
}

func (ws *windows) move(n int) {
	for i, list := range ws {
		ws[i] = moveWindows(list, n)
	}
}

func (ws *windows) reset() {
	for i, list := range ws {
		ws[i] = list[:0]
	}
}

// overlap: w has a byte in common with one of them.
func (ws *windows) overlap(w window) bool {
	for _, list := range ws {
		if i := endsBehind(list, w.from); i < len(list) && list[i].from < w.to {
			return true
		}
	}
	return false
}

// endsBehind is the index of the first window that ends behind p. None overlaps another.
func endsBehind(list []window, p int) int {
	i, _ := slices.BinarySearchFunc(list, p, func(w window, p int) int {
		if w.to <= p {
			return -1
		}
		return 1
	})
	return i
}

// moveWindows makes offsets of the next buffer of windows, and drops those that are behind it.
func moveWindows(list []window, n int) []window {
	kept := list[:0]
	for _, w := range list {
		if w.to > n {
			kept = append(kept, window{w.from - n, w.to - n})
		}
	}
	return kept
}

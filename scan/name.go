package scan

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	maxName       = 128 // bytes of a name as it stands decoded
	maxNameTokens = 6
)

// NormalizeName appends a full name in the form in which a directory knows it: its words in lower case, without accents, in
// alphabetical order, so that "Müller, Anna-Maria" and "Anna Maria Muller" are one. It returns false, and dst as it was, for
// what has fewer than two words or more than six, more than 128 bytes, or anything that no name holds.
func NormalizeName(dst, src []byte) ([]byte, bool) {
	words := nameWords(src)
	if len(words) < 2 {
		return dst, false
	}
	return appendName(dst, words), true
}

// NameForms lists the normal forms under which a name may be met: all of its words and, of three and more, the first with
// the last. It is empty for what NormalizeName refuses.
func NameForms(name []byte) [][]byte {
	words := nameWords(name)
	if len(words) < 2 {
		return nil
	}
	first, last := words[0], words[len(words)-1]
	if i := bytes.IndexByte(name, ','); i > 0 { // "Müller, Anna Maria"
		if family := nameWords(name[:i]); len(family) > 0 && len(family) < len(words) {
			first, last = words[len(family)], family[len(family)-1]
		}
	}
	forms := [][]byte{appendName(nil, slices.Clone(words))}
	if len(words) > 2 {
		forms = append(forms, appendName(nil, [][]byte{first, last}))
	}
	return forms
}

// appendName sorts words in place.
func appendName(dst []byte, words [][]byte) []byte {
	slices.SortFunc(words, bytes.Compare)
	for i, w := range words {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, w...)
	}
	return dst
}

// nameWords splits a name and folds each word; nil when it is none. Titles and initials are no words.
func nameWords(src []byte) [][]byte {
	if len(src) > maxName || !utf8.Valid(src) {
		return nil
	}
	var words [][]byte
	for _, w := range bytes.FieldsFunc(src, func(r rune) bool {
		return unicode.IsSpace(r) || r == '-' || r == ',' || r == '.' || r == '\u2010' || r == '\u2011'
	}) {
		if w = foldWord(w); w == nil {
			return nil
		}
		if utf8.RuneCount(w) > 1 && !titles[string(w)] {
			words = append(words, w)
		}
	}
	if len(words) > maxNameTokens {
		return nil
	}
	return words
}

var titles = map[string]bool{"mr": true, "mrs": true, "ms": true, "dr": true, "prof": true, "herr": true, "frau": true, "mme": true, "sr": true, "sra": true, "jr": true}

// foldWord is a word in lower case without accents, or nil where something stands in it that no name holds.
func foldWord(w []byte) []byte {
	folded := make([]byte, 0, len(w))
	for _, r := range string(norm.NFD.Bytes(w)) {
		switch {
		case unicode.Is(unicode.Mn, r), r == '\'', r == '’', r == 'ʼ', r == '`':
		case unicode.IsLetter(r):
			r = unicode.ToLower(r)
			if s, ok := spelled[r]; ok {
				folded = append(folded, s...)
			} else {
				folded = utf8.AppendRune(folded, r)
			}
		default:
			return nil
		}
	}
	return folded
}

// spelled are letters that have no accent to take off, and are written otherwise where a keyboard lacks them.
var spelled = map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ı': "i"}

func isNameLetter(r rune) bool { return unicode.IsLetter(r) || unicode.Is(unicode.Mn, r) }

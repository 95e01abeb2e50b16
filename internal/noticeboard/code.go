package noticeboard

import "strings"

// codeLen is how many symbols a code has, without the hyphens.
const codeLen = 12

// Normalise turns what somebody typed into the form in which codes are sent, XXXX-XXXX-XXXX: Crockford's base32, in which O reads as 0, I and L as
// 1, and case, spaces and hyphens say nothing. What cannot be a code becomes one that nobody is sent, so that it is looked for like any other.
func Normalise(typed string) string {
	var b strings.Builder
	for _, r := range typed {
		switch r = crockford(r); {
		case r == 0:
		case r < 0 || b.Len() == codeLen:
			return noCode
		default:
			b.WriteRune(r)
		}
	}
	s := b.String()
	if len(s) != codeLen {
		return noCode
	}
	return s[:4] + "-" + s[4:8] + "-" + s[8:]
}

// noCode has a letter that codes never have.
const noCode = "UUUU-UUUU-UUUU"

// crockford is the symbol that is meant; 0: it says nothing; -1: it is none.
func crockford(r rune) rune {
	if 'a' <= r && r <= 'z' {
		r -= 'a' - 'A'
	}
	switch {
	case strings.ContainsRune(" \t\r\n\u00a0-\u2010\u2011\u2012\u2013\u2212", r):
		return 0
	case r == 'O':
		return '0'
	case r == 'I' || r == 'L':
		return '1'
	case '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' && r != 'U':
		return r
	}
	return -1
}

package notice

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxDetail is how many bytes of a stranger's words an Event keeps.
const MaxDetail = 200

// atSigns are the ways to write one: itself, and in URLs, quoted-printable, xtext (RFC 3461 §4, RFC 6533 §3), HTML and JSON.
var atSigns = []string{"@", "＠", "﹫", "%40", "=40", "+40", "&#64;", "&#x40;", "&commat;", `\u0040`, `\x40`, `\x{40}`}

// Detail is a text of a server or a mail program as Event.Detail keeps it: a word with an at-sign, or that secret knows, is masked whole, only
// printable characters stay, and the rest is cut at MaxDetail, between two characters. secret is asked once for each word, in order.
func Detail(text string, secret func(word string) bool) string {
	var words []string
	for _, w := range strings.Fields(strings.ToValidUTF8(text, "?")) {
		if secret(w) || hasAtSign(w) {
			w = "*****"
		}
		words = append(words, w)
	}
	return cut(strings.Map(printable, strings.Join(words, " ")))
}

func hasAtSign(word string) bool {
	low := strings.ToLower(word)
	for _, s := range atSigns {
		if strings.Contains(low, s) {
			return true
		}
	}
	return false
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '?'
}

func cut(s string) string {
	if len(s) <= MaxDetail {
		return s
	}
	n := MaxDetail
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

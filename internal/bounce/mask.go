package bounce

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// signs are the ways to write an at-sign: itself, and in URLs, quoted-printable, xtext (RFC 3461 §4), HTML and JSON.
var signs = []string{"@", "＠", "﹫", "%40", "=40", "+40", "&#64;", "&#x40;", "&commat;", `\u0040`, `\x40`, `\x{40}`}

// mask is a text without what is or looks like an address, what stands in brackets, and what the message elsewhere says is a part of an address or a
// name of a recipient: servers quote the local part alone, too.
func (m *mail) mask(text string) string {
	secrets := m.secrets()
	var out []string
	bracket := false
	for _, w := range strings.Fields(strings.ToValidUTF8(text, "?")) {
		opens, closes := strings.ContainsAny(w, "<"), strings.ContainsAny(w, ">")
		if bracket || opens || secret(w, secrets) {
			w = "*****"
		}
		bracket = (bracket || opens) && !closes && len(out) < 50
		out = append(out, w)
	}
	return cut(strings.Map(printable, strings.Join(out, " ")))
}

func secret(w string, secrets map[string]bool) bool {
	low := strings.ToLower(w)
	for _, s := range signs {
		if strings.Contains(low, s) {
			return true
		}
	}
	if secrets[strings.TrimFunc(low, notWord)] {
		return true
	}
	for s := range secrets {
		if utf8.RuneCountInString(s) >= 4 && strings.Contains(low, s) {
			return true
		}
	}
	return false
}

// secrets are the local parts, domains and names of recipients, wherever the message names one, and their words.
func (m *mail) secrets() map[string]bool {
	s := map[string]bool{}
	add := func(text string) {
		for _, a := range addressForm.FindAllString(text, 20) {
			at := strings.LastIndexByte(a, '@')
			addWords(s, a[:at])
			s[strings.ToLower(strings.TrimRight(a[at+1:], ".>"))] = true
		}
	}
	for _, f := range m.reports {
		for _, name := range []string{"final-recipient", "original-recipient", "x-actual-recipient", "x-failed-recipients"} {
			for _, v := range f.all(name) {
				_, address, typed := strings.Cut(v, ";")
				if !typed {
					address = v
				}
				add(address)
				addWords(s, strings.TrimSpace(address)) // which may be a local part alone
			}
		}
	}
	for _, f := range append(append([]fields{m.head}, m.returned...), m.feedback...) {
		for _, name := range []string{"to", "x-failed-recipients", "original-rcpt-to", "delivered-to", "x-original-to"} {
			for _, v := range f.all(name) {
				add(v)
				name, _, _ := strings.Cut(v, "<")
				addWords(s, name)
			}
		}
	}
	add(m.text[:min(len(m.text), maxText)])
	delete(s, "")
	return s
}

// maxSecrets bounds the work that a hostile message makes.
const maxSecrets = 200

func addWords(s map[string]bool, text string) {
	text = strings.ToLower(text)
	if len(text) > 500 || len(s) > maxSecrets {
		return
	}
	s[strings.TrimFunc(text, notWord)] = true
	for _, w := range strings.FieldsFunc(text, notWord) {
		if utf8.RuneCountInString(w) >= 3 {
			s[w] = true
		}
	}
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '?'
}

// cut ends a text at MaxDetail, between two characters.
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

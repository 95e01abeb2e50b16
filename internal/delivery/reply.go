package delivery

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// reply is what a server said (RFC 5321 §4.2). Whoever says it may be hostile: its length is bounded here, and masked removes people.
type reply struct {
	code  int
	lines []string // without the code
}

const (
	maxLine    = 2048 // octets; RFC 5321 §4.5.3.1.5 says 512
	maxLines   = 100
	maxDetail  = 200 // bytes of a reply that are kept
	serviceEnd = 421 // the server closes the connection (RFC 5321 §3.8)
)

func (r reply) ok() bool        { return r.code/100 == 2 }
func (r reply) more() bool      { return r.code == 354 || r.code == 334 }
func (r reply) transient() bool { return r.code/100 == 4 }

var errReply = errors.New("the server does not speak SMTP")

// readReply reads one reply, however many lines it has.
func readReply(br *bufio.Reader) (r reply, err error) {
	for range maxLines {
		line, err := readLine(br)
		if err != nil {
			return reply{}, err
		}
		if len(line) < 3 || !digits(line[:3]) || line[0] < '2' || line[0] > '5' || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
			return reply{}, fmt.Errorf("%w: a line without a reply code", errReply)
		}
		code := int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
		if r.code != 0 && r.code != code {
			return reply{}, fmt.Errorf("%w: two codes in one reply", errReply)
		}
		r.code = code
		r.lines = append(r.lines, line[min(4, len(line)):])
		if len(line) == 3 || line[3] == ' ' {
			return r, nil
		}
	}
	return reply{}, fmt.Errorf("%w: a reply of more than %d lines", errReply, maxLines)
}

// readLine is a line without its end. A lone LF ends one, too: servers have been seen to do so.
func readLine(br *bufio.Reader) (string, error) {
	b, err := br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", fmt.Errorf("%w: a line of more than %d octets", errReply, maxLine)
	} else if err != nil {
		return "", err
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// status is the enhanced code (RFC 2034, RFC 3463), else the code.
func (r reply) status() string {
	if len(r.lines) > 0 {
		word, _, _ := strings.Cut(r.lines[0], " ")
		if enhanced(word) {
			return word
		}
	}
	return fmt.Sprint(r.code)
}

func enhanced(s string) bool {
	f := strings.Split(s, ".")
	if len(f) != 3 || f[0] != "2" && f[0] != "4" && f[0] != "5" {
		return false
	}
	for _, n := range f[1:] {
		if len(n) < 1 || len(n) > 3 || !digits(n) {
			return false
		}
	}
	return true
}

// detail is the reply in one line, with the person masked.
func (r reply) detail(to string, names ...string) string {
	return masked(fmt.Sprintf("%d %s", r.code, strings.Join(r.lines, " ")), to, names...)
}

// masked takes out of a text whatever is or looks like an address, and the names of the person it is about. An address is known by its at-sign
// or the ways to write one (%40, =40, +40 of RFC 3461 §4, &#64;), and this person's by its local part and domain. The rest is cut at
// maxDetail bytes, and only printable characters stay.
func masked(text, to string, names ...string) string {
	at := strings.LastIndexByte(to, '@')
	var secret []string
	if at > 0 {
		secret = append(secret, to[:at], to[at+1:])
		secret = append(secret, strings.FieldsFunc(to[:at], notWord)...)
	}
	for _, n := range names {
		secret = append(secret, strings.FieldsFunc(n, notWord)...)
	}
	var words []string
	for _, w := range strings.Fields(strings.ToValidUTF8(text, "?")) {
		words = append(words, maskWord(w, secret))
	}
	return cut(strings.Map(printable, strings.Join(words, " ")), maxDetail)
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '?'
}

// maskWord masks a word with an at-sign whole, and what is secret in any word.
func maskWord(w string, secret []string) string {
	low := strings.ToLower(w)
	for _, sign := range []string{"@", "＠", "﹫", "%40", "=40", "+40", "&#64;", "&#x40;", "&commat;", `\u0040`, `\x40`} {
		if strings.Contains(low, sign) {
			return "*****"
		}
	}
	for _, s := range secret {
		s = strings.ToLower(s)
		if utf8.RuneCountInString(s) >= 3 && strings.Contains(low, s) || s != "" && strings.TrimFunc(low, notWord) == s && !digits(s) {
			return "*****"
		}
	}
	return w
}

// cut ends a text at a limit, between two characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

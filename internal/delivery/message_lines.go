package delivery

import (
	"bytes"
	"strings"
)

// Lines has what becomes of lines that are the same in many notices: to encode all of a text for each person is much of the work of a message. Nothing
// of anybody is in it. A nil one knows no line.
type Lines map[string]encoded

// encoded is a text in quoted-printable, as it goes over the wire, and in the form that is attested.
type encoded struct{ quoted, canonical []byte }

// EncodeLines is for texts of whole lines.
func EncodeLines(texts []string) Lines {
	known := Lines{}
	for _, text := range texts {
		for line := range strings.SplitSeq(text, "\n") {
			if _, ok := known[line]; !ok {
				var e encoded
				e.add(line)
				known[line] = e
			}
		}
	}
	return known
}

// encode is the text behind what is in to, whose memory it uses.
func (known Lines) encode(to *encoded, text string) {
	to.quoted, to.canonical = to.quoted[:0], to.canonical[:0]
	for text != "" {
		line, rest, more := strings.Cut(text, "\n")
		if e, ok := known[line]; ok && more {
			to.quoted, to.canonical = append(to.quoted, e.quoted...), append(to.canonical, e.canonical...)
		} else if more {
			to.add(line)
		} else {
			to.quoted, to.canonical = appendQuotedLine(to.quoted, line), appendCanonical(to.canonical, line)
		}
		text = rest
	}
	to.canonical = append(bytes.TrimRight(to.canonical, "\n"), '\n')
}

// add appends one line.
func (e *encoded) add(line string) {
	line = strings.TrimSuffix(line, "\r")
	e.quoted = append(appendQuotedLine(e.quoted, line), "\r\n"...)
	e.canonical = appendCanonical(e.canonical, line)
}

var canonical = strings.NewReplacer("\r", "\n", "\u00a0", " ")

// appendCanonical appends a line as no mail program changes it in saving: see canonicalHash.
func appendCanonical(to []byte, line string) []byte {
	if strings.IndexByte(line, '\r') < 0 && !strings.Contains(line, "\u00a0") { // most lines
		return append(append(to, strings.TrimRight(line, " \t")...), '\n')
	}
	for l := range strings.SplitSeq(canonical.Replace(line), "\n") {
		to = append(append(to, strings.TrimRight(l, " \t")...), '\n')
	}
	return to
}

// quotedPlain are the characters that stand for themselves in quoted-printable wherever they are.
var quotedPlain = func() (plain [256]bool) {
	for c := ' ' + 1; c <= '~'; c++ {
		plain[c] = c != '='
	}
	return plain
}()

// appendQuotedLine is quoted-printable (RFC 2045 §6.7) of one line, without its end. Beyond what that asks, a line's first "." and the F of its first
// "From " are encoded, which relays and mailbox files change (RFC 2049 §3), the first of its "--", which could be a boundary, and every control character.
func appendQuotedLine(to []byte, line string) []byte {
	column := 0
	for i := 0; i < len(line); i++ {
		c := line[i]
		plain := quotedPlain[c] || (c == ' ' || c == '\t') && i < len(line)-1
		// What begins a line here is what begins one for a relay, behind a soft line break too.
		if column == 0 && (c == '.' || strings.HasPrefix(line[i:], "From ") || strings.HasPrefix(line[i:], "--")) {
			plain = false
		}
		width := 1
		if !plain {
			width = 3
		}
		// The last of a line needs no room for "=".
		if column+width > shortLine-1 && !(i == len(line)-1 && column+width <= shortLine) {
			to = append(to, "=\r\n"...)
			column = 0
			i--
			continue
		}
		if plain {
			to = append(to, c)
		} else {
			to = append(to, '=', hexDigits[c>>4], hexDigits[c&15])
		}
		column += width
	}
	return to
}

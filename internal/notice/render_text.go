package notice

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// lineWidth is how many columns a line of text/plain has (RFC 5322 §2.1.1 asks for fewer than 79).
const lineWidth = 72

func renderText(src source) string {
	var out strings.Builder
	out.Grow(rendered(src, func(b block) string { return b.plain }))
	for i, b := range src.blocks {
		if i > 0 {
			out.WriteString("\n")
			if b.kind == heading {
				out.WriteString("\n")
			}
		}
		writePlain(&out, b)
	}
	return out.String()
}

func writePlain(out *strings.Builder, b block) {
	if b.plain != "" {
		out.WriteString(b.plain)
		return
	}
	switch b.kind {
	case title:
		underlined(out, b.text, "=")
	case heading:
		underlined(out, b.text, "-")
	case numbered:
		wrap(out, b.text, strconv.Itoa(b.number)+". ")
	case bullet:
		wrap(out, b.text, "- ")
	case paragraph:
		wrap(out, b.text, "")
	}
}

func underlined(out *strings.Builder, text, line string) {
	wrap(out, text, "")
	out.WriteString(strings.Repeat(line, min(columns(text), lineWidth)) + "\n")
}

func columns(text string) (n int) {
	for _, r := range text {
		n += columnsOf(r)
	}
	return n
}

func columnsOf(r rune) int {
	if wide(r) {
		return 2
	}
	return 1
}

// wrap writes a text in lines of at most lineWidth columns; a word that is longer, such as a URL or a hash, has a line of its own.
func wrap(out *strings.Builder, text, sign string) {
	indent := strings.Repeat(" ", len(sign))
	line, at := append(make([]byte, 0, 4*lineWidth), sign...), len(sign)
	for _, w := range breakable(text) {
		n := columns(strings.TrimRight(w, " "))
		if at+n > lineWidth && at > len(sign) {
			out.Write(bytes.TrimRight(line, " "))
			out.WriteByte('\n')
			line, at = append(line[:0], indent...), len(sign)
		}
		line = append(line, w...)
		at += columns(w)
	}
	out.Write(bytes.TrimRight(line, " "))
	out.WriteByte('\n')
}

// breakable cuts a text where a line may end: behind a space, and beside a character of Japanese or Chinese but not before what closes or
// behind what opens (JIS X 4051). "20. November" begins no line, where it would read as an item of a list, and stays together.
func breakable(text string) (parts []string) {
	start := 0
	var last rune
	for i, r := range text {
		if i > start && breaks(last, r) && !isOrdinal(text[i:]) && !isOrdinal(text[start:i]) {
			parts, start = append(parts, text[start:i]), i
		}
		last = r
	}
	return append(parts, text[start:])
}

func breaks(last, r rune) bool {
	if last == ' ' {
		return r != ' '
	}
	return (wide(last) || wide(r)) && !strings.ContainsRune(closing, r) && !strings.ContainsRune(opening, last)
}

// isOrdinal: it begins as an item of a list does, with one or two digits and a full stop or parenthesis ("20. November", "Art. 33)").
func isOrdinal(s string) bool {
	n := 0
	for n < len(s) && n < 3 && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	r, _ := utf8.DecodeRuneInString(s[n:])
	return (n == 1 || n == 2) && strings.ContainsRune(".)．）", r)
}

const (
	closing = " .,:;!?)’”%、。，．・：；？！）］｝」』】〉》〕ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々"
	opening = "(‘“（［｛「『【〈《〔"
)

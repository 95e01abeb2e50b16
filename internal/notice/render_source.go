package notice

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// The source of a text, as docs/notices.md describes it:
//
//	Subject: one line
//
//	# A title
//	## A heading
//	A paragraph of one or more lines, with {places} for what concerns one person.
//	1. A numbered item
//	- A bullet

// MaxSource is how long a source may be.
const MaxSource = 32 << 10

// maxSubject is how long a subject may be, in characters, after its places were filled.
const maxSubject = 150

// places may be filled for one person.
var places = []string{"greeting", "what", "fields", "viewers", "when", "passwords", "advice-password", "consequences", "code", "date"}

// blockKind is what a block of a source is.
type blockKind int

const (
	paragraph blockKind = iota
	title
	heading
	numbered
	bullet
)

// block is one paragraph, heading or item.
type block struct {
	kind   blockKind
	number int // of a numbered item
	line   int // in the source, from 1
	text   string
	// plain and html are the block as it is rendered, where it is the same for everybody; empty: it has to be rendered.
	plain, html string
}

// settled renders what is the same for everybody.
func (s source) settled() source {
	for i, b := range s.blocks {
		if !strings.ContainsAny(b.text, "{}") {
			var plain, html strings.Builder
			writePlain(&plain, b)
			writeBlock(&html, b)
			s.blocks[i].plain, s.blocks[i].html = plain.String(), html.String()
		}
	}
	return s
}

// source is a text that was read.
type source struct {
	subject string
	blocks  []block
}

// parseSource reads a source. Links may lead only to a domain and below it. An error names the line.
func parseSource(src, domain string) (source, error) {
	if len(src) > MaxSource {
		return source{}, fmt.Errorf("the text has %d bytes, more than %d", len(src), MaxSource)
	}
	lines := strings.Split(strings.ReplaceAll(src, "\r\n", "\n"), "\n")
	for i, line := range lines {
		if err := checkLine(line, domain); err != nil {
			return source{}, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	subject, ok := strings.CutPrefix(lines[0], "Subject:")
	if subject = strings.TrimSpace(subject); !ok || subject == "" {
		return source{}, fmt.Errorf(`line 1: the text begins with "Subject: " and what the message is about`)
	}
	blocks, err := parseBlocks(lines[1:])
	if err == nil && len(blocks) == 0 {
		err = fmt.Errorf("line %d: the text ends behind its subject", len(lines))
	}
	return source{subject, blocks}, err
}

func parseBlocks(lines []string) (blocks []block, err error) {
	open := false // the last block may go on
	for i, raw := range lines {
		line := strings.TrimSpace(raw)
		if line == "" {
			open = false
			continue
		}
		b := parseLine(line)
		b.line = i + 2
		if open && goesOn(blocks[len(blocks)-1], b) {
			last := &blocks[len(blocks)-1]
			last.text = joinLines(last.text, line)
			continue
		}
		if b.text == "" {
			return nil, fmt.Errorf("line %d: nothing follows the sign", b.line)
		}
		if err := follows(blocks, b); err != nil {
			return nil, fmt.Errorf("line %d: %w", b.line, err)
		}
		blocks = append(blocks, b)
		open = b.kind != title && b.kind != heading
	}
	return blocks, nil
}

// goesOn: the line belongs to the block before it. A date that a line begins with, "20. November", is no item of a paragraph.
func goesOn(last, b block) bool {
	return b.kind == paragraph || b.kind == numbered && b.number != 1 && last.kind == paragraph
}

var numberedLine = regexp.MustCompile(`^([0-9]{1,2})\.(?: +(.*))?$`)

func parseLine(line string) block {
	for _, sign := range []struct {
		text string
		kind blockKind
	}{{"## ", heading}, {"# ", title}, {"- ", bullet}} {
		if rest, ok := strings.CutPrefix(line+" ", sign.text); ok {
			return block{kind: sign.kind, text: strings.TrimSpace(rest)}
		}
	}
	if m := numberedLine.FindStringSubmatch(line); m != nil {
		n, _ := strconv.Atoi(m[1])
		return block{kind: numbered, number: n, text: strings.TrimSpace(m[2])}
	}
	return block{text: line}
}

// follows says whether a numbered item has the number that is next.
func follows(blocks []block, b block) error {
	want := 1
	if n := len(blocks); n > 0 && blocks[n-1].kind == numbered {
		want = blocks[n-1].number + 1
	}
	if b.kind == numbered && b.number != want {
		return fmt.Errorf("item %d stands where item %d is expected; a paragraph that begins with a number and a full stop reads as a list", b.number, want)
	}
	return nil
}

// joinLines puts a paragraph's lines behind each other. Japanese and Chinese have no space there.
func joinLines(a, b string) string {
	last, _ := utf8.DecodeLastRuneInString(a)
	first, _ := utf8.DecodeRuneInString(b)
	if wide(last) && wide(first) {
		return a + b
	}
	return a + " " + b
}

func wide(r rune) bool {
	if r < 0x1100 { // Hangul Jamo are the first
		return false
	}
	k := width.LookupRune(r).Kind()
	return k == width.EastAsianWide || k == width.EastAsianFullwidth
}

// checkLine refuses places that nothing fills, and what checkText does.
func checkLine(line, domain string) error {
	if _, err := fill(line, func(name string) (string, bool) { return "", slices.Contains(places, name) }); err != nil {
		return err
	}
	return checkText(line, domain)
}

// checkText refuses what nobody can see, line ends included, and links that people should not trust.
func checkText(line, domain string) error {
	if !utf8.ValidString(line) {
		return fmt.Errorf("it is not UTF-8")
	}
	for i, r := range line {
		if forbidden(r) {
			return fmt.Errorf("column %d: U+%04X is a character that nobody can see", utf8.RuneCountInString(line[:i])+1, r)
		}
	}
	for _, at := range links(line) {
		if err := checkLink(line[at[0]:at[1]], domain); err != nil {
			return err
		}
	}
	return nil
}

// forbidden are control characters, line and paragraph separators, and what turns the direction of text. The joiners of Persian and of
// Indian scripts are not.
func forbidden(r rune) bool {
	if r < 0x7f {
		return r < ' '
	}
	return r != '\u200C' && r != '\u200D' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp))
}

// fill puts values into the places of a text. Braces are for nothing else.
func fill(text string, value func(name string) (string, bool)) (string, error) {
	var out strings.Builder
	for {
		i := strings.IndexAny(text, "{}")
		if i < 0 {
			out.WriteString(text)
			return out.String(), nil
		}
		out.WriteString(text[:i])
		end := strings.IndexByte(text[i:], '}')
		if text[i] == '}' || end < 0 {
			return "", fmt.Errorf("a brace has no other: write {what}, or no braces")
		}
		name := text[i+1 : i+end]
		v, ok := value(name)
		if !ok {
			return "", fmt.Errorf("nothing fills {%s}: there are {%s}", name, strings.Join(places, "}, {"))
		}
		out.WriteString(v)
		text = text[i+end+1:]
	}
}

var (
	linkStart = regexp.MustCompile(`(?i)\bhttps?://`)
	linkRest  = regexp.MustCompile("^[-A-Za-z0-9._~:/?#@!$&*+,;=%]+")
)

// links are where URLs stand in a text. Punctuation at the end of one is the sentence's.
func links(text string) (at [][2]int) {
	if !strings.Contains(text, "://") {
		return nil
	}
	for _, m := range linkStart.FindAllStringIndex(text, -1) {
		end := m[1] + len(linkRest.FindString(text[m[1]:]))
		end -= len(text[m[0]:end]) - len(strings.TrimRight(text[m[0]:end], ".,;:!?"))
		at = append(at, [2]int{m[0], end})
	}
	return at
}

func checkLink(link, domain string) error {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" || !within(u.Hostname(), domain) {
		return fmt.Errorf("a link that is not https on %s or a subdomain of it: people are told to trust no other", domain)
	}
	return nil
}

// within: a host is a domain, or below it.
func within(host, domain string) bool {
	host, domain = strings.ToLower(host), strings.ToLower(domain)
	return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
}

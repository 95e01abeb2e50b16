package notice

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// addText takes text/plain: blocks are parted by empty lines, items begin with a number or a bullet, quotes with ">".
func (l *Letter) addText(text string) {
	t := &textReader{part: &Part{Type: "text/plain"}, lines: strings.Split(text, "\n")}
	t.read()
	l.Text = t.part
	for _, b := range t.part.Blocks {
		l.Links = append(l.Links, linksIn(b)...)
	}
}

var (
	itemNumber = regexp.MustCompile(`^\s{0,8}(\d{1,2})[.)．）]\s*(\S.*)$`)
	itemBullet = regexp.MustCompile(`^\s{0,8}[-*•–・●]\s+(\S.*)$`)
	underline  = regexp.MustCompile(`^\s{0,3}(={3,}|-{3,}|~{3,})\s*$`)
	urlInText  = regexp.MustCompile(`(?i)\b(?:https?|ftp)://[^\s<>"”“»«「」)）、。]+`)
)

type textReader struct {
	part  *Part
	lines []string
	open  *Block // the block that a following line continues; its text is in buf
	buf   []byte
}

func (t *textReader) read() {
	defer t.end()
	for i := 0; i < len(t.lines); i++ {
		line := t.lines[i]
		switch {
		case strings.TrimSpace(line) == "":
			t.end()
		case i > 0 && underline.MatchString(line):
			if t.open != nil && len(t.open.at) == 1 {
				t.open.Kind = Heading
			}
			t.end()
		case strings.HasPrefix(line, "#"):
			t.begin(Heading, 0, i, strings.TrimLeft(line, "# "))
			t.end()
		case strings.HasPrefix(line, ">"):
			t.next(Quote, i, strings.TrimLeft(line, "> "))
		default:
			t.line(i, line)
		}
	}
}

func (t *textReader) line(i int, line string) {
	if m := itemNumber.FindStringSubmatch(line); m != nil {
		n, _ := strconv.Atoi(m[1])
		if !dateAhead(m[2]) {
			t.begin(Item, n, i, m[2])
			return
		}
	}
	if m := itemBullet.FindStringSubmatch(line); m != nil {
		t.begin(Item, 0, i, m[1])
		return
	}
	if t.open == nil && t.heading(i) {
		t.begin(Heading, 0, i, line)
		t.end()
		return
	}
	t.next(Paragraph, i, line)
}

// dateAhead: "20. November 2018" at the beginning of a line is no twentieth item.
func dateAhead(rest string) bool {
	first, _ := utf8.DecodeRuneInString(rest)
	word, _, _ := strings.Cut(rest, " ")
	_, month := monthNames[fold(strings.Trim(word, ".,"))]
	return month || unicode.IsDigit(first)
}

// heading: a short line by itself that ends no sentence, or one in capitals.
func (t *textReader) heading(i int) bool {
	line := strings.TrimSpace(t.lines[i])
	if utf8.RuneCountInString(line) > 80 || strings.ContainsAny(line, "@") || strings.Contains(line, "://") {
		return false
	}
	alone := i+1 >= len(t.lines) || strings.TrimSpace(t.lines[i+1]) == ""
	last, _ := utf8.DecodeLastRuneInString(line)
	return alone && !strings.ContainsRune(".!:;,。！：、…", last) || line == strings.ToUpper(line) && strings.ToLower(line) != line
}

func (t *textReader) begin(kind BlockKind, number, i int, text string) {
	t.end()
	t.part.Blocks = append(t.part.Blocks, Block{Kind: kind, Number: number})
	t.open = &t.part.Blocks[len(t.part.Blocks)-1]
	t.add(i, text)
}

// next continues the open block, or begins one.
func (t *textReader) next(kind BlockKind, i int, text string) {
	if t.open == nil || kind == Quote && t.open.Kind != Quote {
		t.begin(kind, 0, i, text)
		return
	}
	t.buf = append(t.buf, ' ')
	t.add(i, text)
}

func (t *textReader) add(i int, text string) {
	text = strings.TrimSpace(text)
	column := 1 + utf8.RuneCountInString(t.lines[i][:max(0, strings.Index(t.lines[i], text))])
	t.open.at = append(t.open.at, spot{len(t.buf), i + 1, column})
	t.buf = append(t.buf, text...)
}

func (t *textReader) end() {
	if t.open != nil {
		t.open.Text = string(t.buf)
	}
	t.open, t.buf = nil, t.buf[:0]
}

// linksIn are the addresses that a mail program makes links of.
func linksIn(b Block) (list []Link) {
	for _, m := range urlInText.FindAllStringIndex(b.Text, -1) {
		target := strings.TrimRight(b.Text[m[0]:m[1]], ".,;:!?'\"")
		line, column := b.Place(m[0])
		list = append(list, Link{Text: target, Target: target, Part: "text/plain", Line: line, Column: column})
	}
	return list
}

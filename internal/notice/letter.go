package notice

import (
	"bytes"
	"errors"
	"fmt"
	"net/textproto"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxLetter is how large a letter may be, in bytes, as it comes. Candor's own are about 10 KB.
const MaxLetter = 1 << 20

// maxSaid is how much text a part may have, in bytes: judging takes time by the byte. Candor's own have 4 KB.
const maxSaid = 64 << 10

// Letter is what is judged: one notice, whoever wrote it.
type Letter struct {
	Name    string // of the file; empty for our own
	Law     Law    // whose template it follows; empty: see Lint
	Lang    string // as it declares itself (BCP 47); empty: it does not
	Subject string
	To      []string  // addresses, of a mail
	From    string    // address, of a mail
	Date    time.Time // of a mail
	Headers []Header  // of a mail, in their order; nil: it is none
	Text    *Part     // text/plain; nil: there is none
	HTML    *Part     // text/html; nil: there is none
	Links   []Link
	Marks   []Mark // what HTML loads, or cannot be read
}

// Part is one rendering of a letter's text.
type Part struct {
	Type   string // "text/plain" or "text/html"
	Blocks []Block
}

// BlockKind is what a block of text is.
type BlockKind string

// The kinds of blocks.
const (
	Paragraph BlockKind = "paragraph"
	Heading   BlockKind = "heading"
	Item      BlockKind = "item"
	Quote     BlockKind = "quote" // somebody else's words
)

// Block is a paragraph, a heading or an item of a list. Its text is NFC or not, as it came, on one line.
type Block struct {
	Kind   BlockKind
	Number int // of a numbered Item, from 1; 0: a bullet
	Text   string
	at     []spot
}

// spot says from which offset in a Block's text on a place in the file holds.
type spot struct{ offset, line, column int }

// Place is where a byte of the block's text stands: line and column from 1, a column in characters.
func (b Block) Place(offset int) (line, column int) {
	i, exact := slices.BinarySearchFunc(b.at, offset, func(s spot, o int) int { return s.offset - o })
	if !exact {
		i--
	}
	if i < 0 || len(b.at) == 0 {
		return 1, 1
	}
	s := b.at[i]
	return s.line, s.column + utf8.RuneCountInString(b.Text[s.offset:min(offset, len(b.Text))])
}

// Header is one field of a mail's header, decoded (RFC 2047).
type Header struct {
	Name, Value string
	Line        int
}

// Link leads out of the letter.
type Link struct {
	Text   string // what is seen
	Target string
	Part   string // as Part.Type
	Line   int
	Column int
}

// Mark is something in HTML that is wrong by itself.
type Mark struct {
	Rule, Text, Why string
	Line, Column    int
}

// header are the values of a field of the mail's header.
func (l Letter) header(name string) (list []Header) {
	for _, h := range l.Headers {
		if strings.EqualFold(h.Name, name) {
			list = append(list, h)
		}
	}
	return list
}

func (l Letter) headerText(name string) string {
	if list := l.header(name); len(list) > 0 {
		return list[0].Value
	}
	return ""
}

// parts are what a reader may see; the first is what they see who read plain text.
func (l Letter) parts() (list []*Part) {
	for _, p := range []*Part{l.Text, l.HTML} {
		if p != nil {
			list = append(list, p)
		}
	}
	return list
}

// ReadLetter reads a letter from a file: a mail (.eml), a page (.html), or plain text, in UTF-8 where it does not say otherwise. A file without
// one of these endings is what its beginning looks like.
func ReadLetter(name string, b []byte) (Letter, error) {
	if len(b) > MaxLetter {
		return Letter{}, fmt.Errorf("%s: larger than %d bytes: that is no letter", name, MaxLetter)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return Letter{}, fmt.Errorf("%s: it is empty", name)
	}
	l := Letter{Name: name}
	var err error
	switch formOf(name, b) {
	case "mail":
		err = l.readMail(b)
	case "html":
		err = l.readPage(b)
	default:
		err = l.readPlain(b)
	}
	if err != nil {
		return Letter{}, fmt.Errorf("%s: %w", name, err)
	}
	if l.Text == nil && l.HTML == nil {
		return Letter{}, fmt.Errorf("%s: it has neither a text/plain nor a text/html part", name)
	}
	for _, p := range l.parts() {
		if n := p.length(); n > maxSaid {
			return Letter{}, fmt.Errorf("%s: its %s has %d bytes of text, and a letter %d at most", name, p.Type, n, maxSaid)
		}
	}
	return l, nil
}

func (p *Part) length() (n int) {
	for _, b := range p.Blocks {
		n += len(b.Text)
	}
	return n
}

func formOf(name string, b []byte) string {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".eml", ".mbox", ".msg":
		return "mail"
	case ".html", ".htm", ".xhtml":
		return "html"
	case ".txt", ".text", ".md":
		return "plain"
	}
	head := strings.ToLower(string(b[:min(len(b), 4096)]))
	switch {
	case strings.Contains(head, "<html") || strings.Contains(head, "<!doctype html"):
		if !strings.HasPrefix(strings.TrimSpace(head), "<") && looksLikeMail(b) {
			return "mail"
		}
		return "html"
	case looksLikeMail(b):
		return "mail"
	}
	return "plain"
}

// looksLikeMail: it begins with two fields of a header or more, one of which every mail has (RFC 5322 §3.6).
func looksLikeMail(b []byte) bool {
	head, _, ok := bytes.Cut(bytes.ReplaceAll(b[:min(len(b), 64<<10)], []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	if !ok {
		return false
	}
	fields, from := 0, false
	for line := range strings.SplitSeq(string(head), "\n") {
		name, _, ok := strings.Cut(line, ":")
		if ok && name != "" && !strings.ContainsAny(name, " \t") {
			fields++
			from = from || textproto.CanonicalMIMEHeaderKey(name) == "From"
		}
	}
	return fields >= 2 && from
}

// LetterOf is one of our own, to be judged like any other.
func LetterOf(m Message) Letter {
	l := Letter{Law: m.Law, Lang: m.Lang, Subject: m.Subject}
	l.addText(m.Text)
	if m.HTML != "" {
		l.addHTML(m.HTML)
		l.Lang = m.Lang
	}
	return l
}

// readPlain reads a text file. Its first line may be "Subject: …".
func (l *Letter) readPlain(b []byte) error {
	text, err := utf8Text(b)
	if err != nil {
		return err
	}
	first, rest, _ := strings.Cut(text, "\n")
	if name, value, ok := strings.Cut(first, ":"); ok && strings.EqualFold(strings.TrimSpace(name), "subject") {
		l.Subject = strings.TrimSpace(value)
		text = "\n" + rest // so that lines keep their numbers
	}
	l.addText(text)
	return nil
}

func (l *Letter) readPage(b []byte) error {
	text, err := utf8Text(b)
	if err != nil {
		return err
	}
	l.addHTML(text)
	return nil
}

var errNotUTF8 = errors.New("it is not UTF-8: save it as UTF-8, or as an .eml that names its charset")

func utf8Text(b []byte) (string, error) {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if !utf8.Valid(b) {
		return "", errNotUTF8
	}
	return lfLines(string(b)), nil
}

// lfLines ends lines in LF only.
func lfLines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

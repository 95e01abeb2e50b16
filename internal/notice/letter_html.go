package notice

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	nethtml "golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// addHTML takes an HTML document. It is read as a stream of tokens: what is broken stays bounded, and places stay known.
func (l *Letter) addHTML(text string) {
	r := &pageReader{letter: l, part: &Part{Type: "text/html"}, line: 1, column: 1, named: map[string]bool{}}
	z := nethtml.NewTokenizer(strings.NewReader(text))
	for z.Next() != nethtml.ErrorToken {
		raw := string(z.Raw()) // before Token, which reuses it
		r.token(z.Token(), raw)
		r.advance(raw)
	}
	r.end()
	l.HTML = r.part
	if l.Subject == "" {
		l.Subject = strings.Join(strings.Fields(r.title), " ")
	}
}

// deepest is how deep elements are followed; what is nested deeper has the style of its ancestor.
const deepest = 200

type pageReader struct {
	letter *Letter
	part   *Part

	line, column int // where the token begins
	stack        []element
	hidden       int // open elements whose text nobody sees: script, style, template
	inTitle      bool
	named        map[string]bool // faults of looks that were marked
	title        string

	kind   BlockKind // of the block that text opens next
	number int
	open   *Block
	buf    []byte

	link     *Link // that is open
	linkText strings.Builder
}

// element is one that is open.
type element struct {
	name  atom.Atom
	tag   string
	items int // of an ordered list: how many came
	look  look
}

func (r *pageReader) advance(raw string) {
	if n := strings.Count(raw, "\n"); n > 0 {
		r.line += n
		r.column = 1
		raw = raw[strings.LastIndexByte(raw, '\n')+1:]
	}
	r.column += utf8.RuneCountInString(raw)
}

func (r *pageReader) token(t nethtml.Token, raw string) {
	switch t.Type {
	case nethtml.TextToken:
		r.text(raw)
	case nethtml.StartTagToken, nethtml.SelfClosingTagToken:
		r.start(t)
	case nethtml.EndTagToken:
		r.endTag(t)
	}
}

func (r *pageReader) text(raw string) {
	switch {
	case r.inTitle && len(r.title) < 1000:
		r.title += html.UnescapeString(raw)
	case r.hidden > 0:
	default:
		line, column := r.line, r.column
		for i, piece := range strings.Split(raw, "\n") {
			if i > 0 {
				line, column = line+1, 1
				r.space()
			}
			r.piece(piece, line, column)
		}
	}
}

// piece is text within one line of the file.
func (r *pageReader) piece(raw string, line, column int) {
	trimmed := strings.TrimLeft(raw, " \t\r\f")
	if len(trimmed) < len(raw) {
		r.space()
	}
	column += len(raw) - len(trimmed)
	body := strings.TrimRight(trimmed, " \t\r\f")
	if body == "" {
		return
	}
	if r.open == nil {
		r.part.Blocks = append(r.part.Blocks, Block{Kind: r.blockKind(), Number: r.number})
		r.open = &r.part.Blocks[len(r.part.Blocks)-1]
		r.number = 0
	}
	said := strings.Join(strings.FieldsFunc(html.UnescapeString(body), func(c rune) bool { return c == ' ' || c == '\t' }), " ")
	r.open.at = append(r.open.at, spot{len(r.buf), line, column})
	r.buf = append(r.buf, said...)
	if r.link != nil {
		r.linkText.WriteString(said)
	}
	r.contrast(said, line, column)
	if len(body) < len(trimmed) {
		r.space()
	}
}

func (r *pageReader) blockKind() BlockKind {
	for _, e := range r.stack {
		if e.name == atom.Blockquote || e.name == atom.Q {
			return Quote
		}
	}
	if r.kind != "" {
		return r.kind
	}
	return Paragraph
}

func (r *pageReader) space() {
	if r.open != nil && len(r.buf) > 0 && r.buf[len(r.buf)-1] != ' ' {
		r.buf = append(r.buf, ' ')
	}
	if r.link != nil && r.linkText.Len() > 0 {
		r.linkText.WriteByte(' ')
	}
}

// end closes the block.
func (r *pageReader) end() {
	if r.open != nil {
		r.open.Text = strings.TrimRight(string(r.buf), " ")
	}
	r.open, r.buf, r.kind, r.number = nil, r.buf[:0], "", 0
}

var (
	void   = set(atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta, atom.Source, atom.Track, atom.Wbr)
	blocks = set(atom.P, atom.Div, atom.Table, atom.Tr, atom.Td, atom.Th, atom.Ul, atom.Ol, atom.Li, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Main,
		atom.Nav, atom.Aside, atom.Blockquote, atom.Pre, atom.Address, atom.Dl, atom.Dt, atom.Dd, atom.Hr, atom.Body, atom.Figure, atom.Form, atom.Fieldset, atom.Center,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6)
	headings = set(atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6)
	unseen   = set(atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Select, atom.Textarea)
)

func set(list ...atom.Atom) map[atom.Atom]bool {
	m := map[atom.Atom]bool{}
	for _, a := range list {
		m[a] = true
	}
	return m
}

func (r *pageReader) start(t nethtml.Token) {
	a := attributes(t)
	if blocks[t.DataAtom] {
		r.end()
	}
	switch {
	case t.DataAtom == atom.Br:
		r.space()
	case t.DataAtom == atom.Html && a["lang"] != "" && r.letter.Lang == "":
		r.letter.Lang = a["lang"]
	case headings[t.DataAtom]:
		r.kind = Heading
	case t.DataAtom == atom.Li:
		r.kind, r.number = Item, r.nextItem()
	case t.DataAtom == atom.Title && len(r.part.Blocks) == 0:
		r.inTitle = true
	case t.DataAtom == atom.A && a["href"] != "":
		r.endLink()
		r.link = &Link{Target: strings.TrimSpace(a["href"]), Part: "text/html", Line: r.line, Column: r.column}
	}
	r.remote(t, a)
	if void[t.DataAtom] || t.Type == nethtml.SelfClosingTagToken || len(r.stack) >= deepest {
		return
	}
	if unseen[t.DataAtom] {
		r.hidden++
	}
	r.stack = append(r.stack, element{name: t.DataAtom, tag: t.Data, look: r.look().with(t.DataAtom, a)})
}

// nextItem is the number of an item that begins: 0 outside an ordered list.
func (r *pageReader) nextItem() int {
	for i := len(r.stack) - 1; i >= 0; i-- {
		switch r.stack[i].name {
		case atom.Ol:
			r.stack[i].items++
			return r.stack[i].items
		case atom.Ul:
			return 0
		}
	}
	return 0
}

func (r *pageReader) endTag(t nethtml.Token) {
	if blocks[t.DataAtom] {
		r.end()
	}
	switch t.DataAtom {
	case atom.Title:
		r.inTitle = false
	case atom.A:
		r.endLink()
	}
	for i := len(r.stack) - 1; i >= 0; i-- {
		if r.stack[i].tag != t.Data {
			continue
		}
		for _, e := range r.stack[i:] {
			if unseen[e.name] {
				r.hidden--
			}
		}
		r.stack = r.stack[:i]
		return
	}
}

func (r *pageReader) endLink() {
	if r.link != nil {
		r.link.Text = strings.TrimSpace(r.linkText.String())
		r.letter.Links = append(r.letter.Links, *r.link)
	}
	r.link = nil
	r.linkText.Reset()
}

func attributes(t nethtml.Token) map[string]string {
	m := map[string]string{}
	for _, a := range t.Attr {
		if _, twice := m[a.Key]; !twice { // HTML §13.2.5.33: the first holds
			m[a.Key] = a.Val
		}
	}
	return m
}

func (r *pageReader) mark(rule, text, why string) {
	r.letter.Marks = append(r.letter.Marks, Mark{Rule: rule, Text: text, Why: why, Line: r.line, Column: r.column})
}

var (
	cssURL   = regexp.MustCompile(`(?i)url\(\s*['"]?\s*(?:https?:)?//[^)]*|@import[^;]*`)
	tinySize = regexp.MustCompile(`^\s*[01](px)?\s*$`)
	// loads are the attributes by which elements fetch something as soon as the letter is opened.
	loads = map[string]bool{"src": true, "srcset": true, "background": true, "poster": true, "data": true}
	// active are elements that no letter needs; mail programs drop them, so that text and HTML would differ.
	active = set(atom.Script, atom.Iframe, atom.Object, atom.Embed, atom.Form, atom.Input, atom.Button, atom.Video, atom.Audio, atom.Svg)
)

// remote notes what is fetched from elsewhere, tells the sender that it was opened, or asks for data.
func (r *pageReader) remote(t nethtml.Token, a map[string]string) {
	switch {
	case t.DataAtom == atom.Form || t.DataAtom == atom.Input:
		r.mark("N19", "<"+t.Data+">", "a form in the letter asks for data")
	case active[t.DataAtom]:
		r.mark("N25", "<"+t.Data+">", "mail programs drop or block this element")
	case t.DataAtom == atom.Link && isRemote(a["href"]):
		r.mark("N25", a["href"], "a style sheet or font is fetched from elsewhere when the letter is opened")
	case t.DataAtom == atom.Img && (tinySize.MatchString(a["width"]) || tinySize.MatchString(a["height"])):
		r.mark("N25", "<img>", "an image of one pixel tells who has opened the letter")
	case t.DataAtom == atom.Img && a["alt"] == "" && a["role"] != "presentation" && !hasAlt(t):
		r.mark("N25", "<img>", "an image without alt: who does not see it misses it (WCAG 1.1.1)")
	}
	for name, value := range a {
		if loads[name] && isRemote(value) {
			r.mark("N25", value, fmt.Sprintf("%s of <%s> is fetched from elsewhere when the letter is opened", name, t.Data))
		}
		if name == "style" && cssURL.MatchString(value) {
			r.mark("N25", cssURL.FindString(value), "a style fetches something from elsewhere when the letter is opened")
		}
	}
}

func hasAlt(t nethtml.Token) bool {
	for _, a := range t.Attr {
		if a.Key == "alt" {
			return true
		}
	}
	return false
}

// isRemote: anything but what the letter brings along (RFC 2397, RFC 2392).
func isRemote(value string) bool {
	u, err := url.Parse(strings.TrimSpace(value))
	return value != "" && (err != nil || u.Scheme != "data" && u.Scheme != "cid" && (u.Host != "" || u.Scheme != "" || u.Path != ""))
}

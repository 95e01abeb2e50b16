package guard

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// page finds places in HTML and XML. It looks once at what stands between a body's first match, or the beginning of the piece that it is in,
// and the last for scripts and for the document's end, and around a match at what is next to it.
type page struct {
	begun    bool
	moved    bool // the piece at hand does not begin the document
	searched int  // piece[:searched] was looked through
	open     bool // a script is open there
	path     jsonPath
	read     int // the script went through path up to piece[:read]
	end      int // where the document's end tag stands; -1: not seen
	ends     int // end tags that were looked at
}

// maxAround is how far back a match's element is looked for, in bytes and in tags.
const (
	maxAround = 4 << 10
	maxTags   = 32
	maxEnds   = 4 // end tags that may stand in comments and scripts before the document's own, for each is read for from the beginning
)

// begin begins with the piece of the first match.
func (g *page) begin(piece []byte, beginning bool) {
	g.begun, g.moved, g.end = true, !beginning, -1
	if beginning {
		return
	}
	if end := bytes.Index(piece, []byte("</script")); end >= 0 && !bytes.Contains(piece[:end], []byte("<script")) {
		g.open, g.path.script = true, true // it began in an earlier piece
		g.searched = min(end, g.path.start(piece, false))
		g.read = g.searched
	}
}

// place is that of the match at piece[at:].
func (g *page) place(piece []byte, at int) (place string, afterEnd bool) {
	g.search(piece, at)
	afterEnd = g.end >= 0 && g.end < at
	switch {
	case !g.open || g.read > at:
		place = elementBefore(piece[max(0, at-maxAround):at])
		if place == "" && g.moved && at < maxAround {
			place = "…" // its element is in what has gone before
		}
		return cmp.Or(place, "text"), afterEnd
	case len(g.path.stack) == 0:
		return "script", afterEnd
	}
	return g.path.place("script:$"), afterEnd
}

// move goes on behind the first n bytes of the piece.
func (g *page) move(piece []byte, n int) {
	if !g.begun {
		return
	}
	g.search(piece, n)
	g.searched, g.read, g.moved = max(0, g.searched-n), max(0, g.read-n), g.moved || n > 0
	if g.end >= 0 {
		g.end = max(0, g.end-n)
	}
}

// search goes on to piece[:to], tag by tag.
func (g *page) search(piece []byte, to int) {
	for g.searched < to {
		i := bytes.IndexByte(piece[g.searched:to], '<')
		if i < 0 {
			g.readScript(piece, to)
			g.searched = to
			return
		}
		if g.searched += i; isDull(piece[g.searched:]) { // most
			g.searched++
		} else if !g.tag(piece) {
			return // more of it is in the next piece
		}
	}
	g.readScript(piece, to)
}

func (g *page) readScript(piece []byte, to int) {
	if g.open && g.read < to {
		g.path.read(piece[g.read:to])
		g.read = to
	}
}

// tag looks at the tag that begins at searched, and passes over what was seen of it. It returns false when it has to wait for more.
func (g *page) tag(piece []byte) bool {
	i := g.searched
	rest := piece[i:]
	switch {
	case g.open && hasFold(rest, "</script"):
		g.readScript(piece, i)
		g.open = false
	case g.open:
	case hasFold(rest, "<script"):
		end := bytes.IndexByte(rest, '>')
		if end < 0 && len(rest) < maxAround {
			return false
		} else if end >= 0 { // else a tag that long is none
			g.enter(rest[:end], i+end+1)
		}
	case !g.moved && g.end < 0 && g.ends < maxEnds && hasFold(rest, "</html"):
		if g.ends++; isTag(piece, i) {
			g.end = i
		}
	}
	g.searched = max(g.searched, i+1)
	return true
}

// isDull says of most tags by their first letters that they are neither <script nor </script nor </html.
func isDull(tag []byte) bool {
	switch {
	case len(tag) < len("</html"):
		return true
	case tag[1] == '/':
		return tag[2]|0x20 != 's' && tag[2]|0x20 != 'h'
	}
	return tag[1]|0x20 != 's' || tag[2]|0x20 != 'c'
}

// enter begins the script whose content begins at piece[at:].
func (g *page) enter(tag []byte, at int) {
	kind := strings.ToLower(string(tag[:min(len(tag), 256)]))
	g.path = jsonPath{script: !strings.Contains(kind, "json"), stack: g.path.stack[:0]}
	g.open, g.searched, g.read = true, at, at
}

// hasFold is bytes.HasPrefix for a tag in any case.
func hasFold(p []byte, tag string) bool {
	if len(p) < len(tag) {
		return false
	}
	for i, c := range p[:len(tag)] {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != tag[i] {
			return false
		}
	}
	return true
}

// isTag reads a document from its beginning and says whether a tag begins at piece[at:] (HTML Living Standard §13.2.5, in short).
func isTag(piece []byte, at int) bool {
	for i := 0; i < at; {
		n := bytes.IndexByte(piece[i:], '<')
		if n < 0 {
			return false
		}
		if i += n; i < at {
			i = behindTag(piece, i)
		}
		if i == at {
			return true
		}
	}
	return false
}

// rawText are elements whose content is text up to their own end tag (HTML Living Standard §13.1.2, and iframe, noembed).
var rawText = []string{"script", "style", "textarea", "title", "iframe", "noembed", "xmp"}

// behindTag is where a tag, a comment or an element of raw text that begins at piece[i:] has ended; len(piece) where it has not.
func behindTag(piece []byte, i int) int {
	rest := piece[i:]
	if bytes.HasPrefix(rest, []byte("<!--")) {
		return behind(piece, i+4, "-->")
	}
	name := tagName(rest[1:])
	if name == "" && !bytes.HasPrefix(rest, []byte("</")) && !bytes.HasPrefix(rest, []byte("<!")) && !bytes.HasPrefix(rest, []byte("<?")) {
		return i + 1
	}
	end := behindAttributes(piece, i+1)
	if slices.Contains(rawText, name) {
		return endOfText(piece, end, name)
	}
	return end
}

// endOfText is where the end tag of an element of raw text stands.
func endOfText(piece []byte, from int, name string) int {
	for i := from; i < len(piece); i++ {
		n := bytes.IndexByte(piece[i:], '<')
		if n < 0 {
			break
		}
		if i += n; hasFold(piece[i:], "</"+name) {
			return i
		}
	}
	return len(piece)
}

func behind(piece []byte, from int, end string) int {
	n := bytes.Index(piece[min(from, len(piece)):], []byte(end))
	if n < 0 {
		return len(piece)
	}
	return from + n + len(end)
}

// behindAttributes is where the tag ends: at the next '>' that is not in quotation marks.
func behindAttributes(piece []byte, i int) int {
	for quote := byte(0); i < len(piece); i++ {
		switch c := piece[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '>':
			return i + 1
		case (c == '"' || c == '\'') && piece[i-1] == '=':
			quote = c
		}
	}
	return len(piece)
}

// tagName is the name of the element whose tag goes on with p, in lower case; empty: there is none.
func tagName(p []byte) string {
	n := 0
	for n < len(p) && n <= maxComponent && (p[n]|0x20 >= 'a' && p[n]|0x20 <= 'z' || n > 0 && (p[n] >= '0' && p[n] <= '9' || p[n] == '-' || p[n] == ':')) {
		n++
	}
	return strings.ToLower(string(p[:n]))
}

// elementBefore names the element in whose content, or the attribute in whose value, what comes behind p stands.
func elementBefore(p []byte) string {
	tag := bytes.LastIndexByte(p, '<')
	if tag > bytes.LastIndexByte(p, '>') {
		if name := tagName(p[tag+1:]); name != "" {
			return cut(component(name)+"["+attributeBefore(p[tag+1:])+"]", maxPlace)
		}
	}
	return enclosing(p)
}

// attributeBefore is the attribute whose value p ends in.
func attributeBefore(p []byte) string {
	equals := bytes.LastIndexByte(p, '=')
	for q, n := equals, 0; q > 0 && n < maxTags; q, n = bytes.LastIndexByte(p[:q], '='), n+1 { // of those in the value the one goes before its quotation mark
		if q+1 < len(p) && (p[q+1] == '"' || p[q+1] == '\'') && bytes.IndexByte(p[q+2:], p[q+1]) < 0 {
			equals = q
			break
		}
	}
	if equals <= 0 {
		return ""
	}
	name := bytes.TrimRight(p[:equals], " ")
	name = name[bytes.LastIndexAny(name, " \t\r\n\"'/")+1:]
	return component(strings.ToLower(string(name)))
}

// void elements have no content (HTML Living Standard §13.1.2).
var void = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

// enclosing goes back over tags to the one that is still open; empty where there is none.
func enclosing(p []byte) string {
	closed := 0
	for rest, n := p, 0; n < maxTags; n++ {
		i := bytes.LastIndexByte(rest, '<')
		if i < 0 {
			return ""
		}
		tag := p[i+1:]
		rest = p[:i]
		name := tagName(tag)
		switch {
		case bytes.HasPrefix(tag, []byte("!--")) && !bytes.Contains(tag, []byte("-->")):
			return "comment"
		case bytes.HasPrefix(tag, []byte("/")):
			closed++
		case name == "" || slices.Contains(void, name) || selfClosed(tag):
		case closed > 0:
			closed--
		default:
			return cut(component(name)+class(tag), maxPlace)
		}
	}
	return ""
}

func selfClosed(tag []byte) bool {
	end := bytes.IndexByte(tag, '>')
	return end > 0 && tag[end-1] == '/'
}

// class is the first class of a tag that is a word, with a dot in front.
func class(tag []byte) string {
	if end := bytes.IndexByte(tag, '>'); end >= 0 {
		tag = tag[:end]
	}
	i := bytes.Index(tag, []byte("class="))
	if i <= 0 || tag[i-1] > ' ' {
		return ""
	}
	value := tag[i+len("class="):]
	if len(value) > 0 && (value[0] == '"' || value[0] == '\'') {
		value, _, _ = bytes.Cut(value[1:], value[:1])
	} else if end := bytes.IndexAny(value, " \t\r\n"); end >= 0 {
		value = value[:end]
	}
	first := ""
	for name := range bytes.FieldsSeq(value) {
		c := "." + component(string(name))
		if !strings.ContainsAny(c, "#{") {
			return c
		}
		if first == "" {
			first = c
		}
	}
	return first
}

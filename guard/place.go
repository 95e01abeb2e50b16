package guard

import (
	"bytes"
	"strings"

	"candor.example/scan"
)

// A place says where in a response an identifier stood, so that two responses can be compared: the same place for another viewer's own data
// is what the page is for, a place that was never personal is something else. Places are kept in the clear: nothing that may name a
// person, no digits and no more than maxPlace bytes get into one.

const (
	maxPlace     = 96
	maxComponent = 32 // bytes of a key, an element's or a class's name: what is longer names one thing
)

// grammar is how a body is read for places and for its end.
type grammar int

const (
	plainText grammar = iota
	jsonText
	jsonLines  // one JSON text to a line, or to an event's data (application/x-ndjson, text/event-stream)
	scriptText // JavaScript
	markup     // HTML and XML
)

// grammarOf goes by the media type, and where there is none that tells, by how the body begins.
func grammarOf(contentType string, head []byte) grammar {
	t, _ := mediaType(contentType)
	switch {
	case events[t]:
		return jsonLines
	case strings.HasSuffix(t, "/json"), strings.HasSuffix(t, "+json"):
		return jsonText
	case strings.HasSuffix(t, "javascript"), strings.HasSuffix(t, "ecmascript"):
		return scriptText
	case strings.HasSuffix(t, "html"), strings.HasSuffix(t, "xml"):
		return markup
	}
	switch head = bytes.TrimLeft(head[:min(len(head), 64)], "\ufeff \t\r\n"); {
	case len(head) == 0:
		return plainText
	case head[0] == '{' || head[0] == '[':
		return jsonText
	case head[0] == '<':
		return markup
	}
	return plainText
}

// where follows a body for places. It sees the pieces from the one with the first match on.
type where struct {
	begun   bool
	grammar grammar
	path    jsonPath // of jsonText, jsonLines and scriptText
	read    int      // path has read the piece at hand up to here
	none    bool     // there is no JSON in the line at hand
	page    page     // of markup
}

// placeOf is where a hit in the piece at hand, or in a header, stands. Hits must come in the order of their offsets.
func (e *exchange) placeOf(h *hit) (place string, afterEnd bool) {
	w := &e.kept.where
	switch {
	case h.header != "":
		return "header:" + component(h.header), false
	case e.within != "":
		return "text", false
	case !w.begun:
		w.begin(e.x.Header.Get("Content-Type"), e.piece, e.offset)
	}
	switch w.grammar {
	case jsonText, scriptText:
		w.follow(e.piece, h.Offset)
		if len(w.path.stack) == 0 && (w.path.ended || w.path.script) {
			return "text", w.path.ended
		}
		return w.path.place("$"), w.path.ended
	case jsonLines:
		return w.line(e.piece, h.Offset), false
	case markup:
		return w.page.place(e.piece, h.Offset)
	}
	if h.carrier.is {
		return "query", false
	}
	return "text", false
}

func (w *where) begin(contentType string, piece []byte, offset int64) {
	w.begun = true
	var head []byte
	if offset == 0 {
		head = piece
	}
	switch w.grammar = grammarOf(contentType, head); w.grammar {
	case jsonText, scriptText, jsonLines:
		w.path.script = w.grammar == scriptText
		w.read = w.path.start(piece, offset == 0 || w.grammar == jsonLines)
		w.none = w.grammar == jsonLines && (offset > 0 || !bytes.ContainsAny(piece[:min(len(piece), maxPrefix)], "{["))
	case markup:
		w.page.begin(piece, offset == 0)
	}
}

// follow reads JSON on to piece[:to].
func (w *where) follow(piece []byte, to int) {
	if w.read < to {
		w.path.read(piece[w.read:to])
		w.read = to
	}
}

// move goes on behind the first n bytes of the piece, which have been dealt with.
func (w *where) move(piece []byte, n int) {
	switch {
	case !w.begun:
	case w.grammar == jsonLines:
		w.newLine(piece, n)
		w.follow(piece, n)
		w.read = max(0, w.read-n)
	case w.grammar == jsonText || w.grammar == scriptText:
		w.follow(piece, n)
		w.read -= n
	case w.grammar == markup:
		w.page.move(piece, n)
	}
}

// line is the place in the one line that matters, as if it were a document.
func (w *where) line(piece []byte, at int) string {
	if w.newLine(piece, at); w.none {
		return "text"
	}
	w.follow(piece, at)
	return w.path.place("$")
}

// newLine finds the beginning of the line that piece[at:] is in, unless it is the one that is being read.
func (w *where) newLine(piece []byte, at int) {
	i := bytes.LastIndexByte(piece[w.read:max(w.read, at)], '\n')
	if i < 0 {
		return
	}
	w.read += i + 1
	w.path = jsonPath{stack: w.path.stack[:0]}
	line := piece[w.read:at]
	n := bytes.IndexAny(line[:min(len(line), maxPrefix)], "{[") // behind "data: " and the like
	if w.none = n < 0; !w.none {
		w.read += n
	}
}

// maxPrefix is what may stand before the JSON in a line, in bytes.
const maxPrefix = 64

// place spells where the path stands: "$.items[].author.email". Of what began out of sight only the last two steps are told, for how much
// more was seen depends on how the bytes came.
func (j *jsonPath) place(root string) string {
	steps := make([]string, 0, 8)
	for i := range j.stack {
		l := &j.stack[i]
		switch {
		case j.script && !l.array && !l.key.known && i < len(j.stack)-1: // a block of statements
		case l.array:
			steps = append(steps, "[]")
		case l.key.known && !l.key.cut:
			steps = append(steps, "."+component(string(l.key.bytes[:l.key.n])))
		case l.key.known || i > 0 || !j.blind:
			steps = append(steps, ".{}") // a long key, or the match stands in the key
		}
	}
	if j.deeper > 0 {
		steps = append(steps, ".…")
	}
	if j.blind {
		root += "…"
		steps = steps[max(0, len(steps)-2):]
	}
	return joined(root, steps)
}

// joined leaves out steps in the front until the rest is short enough.
func joined(root string, steps []string) string {
	all := strings.Join(steps, "")
	if len(root)+len(all) <= maxPlace {
		return root + all
	}
	root = strings.TrimSuffix(root, "…") + "…"
	for len(root)+len(all) > maxPlace {
		all, steps = all[len(steps[0]):], steps[1:]
	}
	return root + all
}

// component is a name as it may stand in a place: cut before its first digit where that leaves something, and {} where it may name one thing
// or a person. What programmers call things are letters, hyphens, underscores and the like.
func component(name string) string {
	if len(name) == 0 || len(name) > maxComponent || scan.MaskText(name) != name {
		return "{}"
	}
	digits, first := 0, len(name)
	for i := range len(name) {
		switch c := name[i]; {
		case c >= '0' && c <= '9':
			digits++
			first = min(first, i)
		case c|0x20 >= 'a' && c|0x20 <= 'z', c == '_', c == '-', c == '$', c == ':':
		default:
			return "{}"
		}
	}
	switch {
	case digits == 0:
		return name
	case first == 0 || digits >= 3 || 2*digits >= len(name):
		return "{}"
	}
	return name[:first] + "#"
}

package document

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
)

// pdf is a PDF file (ISO 32000-1 and -2). It is read as a repair program would: by looking for its objects from front to
// back, not by its cross-reference table. So a table that is broken, cyclic or huge costs nothing and hides nothing, and
// of an object that was written twice the later counts (§7.5.6).
type pdf struct {
	*sink
	depth   int
	b       []byte
	objects map[int]object
	trailer dict // of all trailers and cross-reference streams, the last of each key
	crypt   *crypt
	fonts   map[int]*font
	drawn   map[int]bool // content streams whose text was yielded
	xfa     map[int]bool // streams of a form
	kept    int          // bytes of object streams in memory

	mapped, unmapped int   // characters
	images           int   // pages that hold a picture and no character
	err              error // the worst trouble
}

// object says where an object is: after "12 0 obj", or in an object stream (§7.5.7).
type object struct {
	in     []byte
	at     int
	gen    int
	packed bool // in an object stream: encrypted with it, not by itself
}

// stream is a stream object (§7.3.8), not decoded.
type stream struct {
	dict     dict
	raw      []byte
	num, gen int
}

const (
	maxObjects = 1 << 19
	maxFonts   = 64 // in memory at a time
)

func readPDF(s *sink, b []byte, depth int) error {
	p := &pdf{sink: s, depth: depth, b: b, objects: map[int]object{}, trailer: dict{}, fonts: map[int]*font{}, drawn: map[int]bool{}}
	p.note(p.read())
	switch {
	case p.err != nil:
		return p.err
	case p.images > 0:
		return fmt.Errorf("%w: %d pages show only a picture", ErrUnreadable, p.images)
	case p.unmapped > (p.mapped+p.unmapped)/10: // a font of bullets and ticks maps to nothing, and that is fine
		return fmt.Errorf("%w: %d of %d characters", ErrUnreadable, p.unmapped, p.mapped+p.unmapped)
	}
	return nil
}

// note keeps the worst error. What is not one of ours is a malformation.
func (p *pdf) note(err error) {
	if err == nil {
		return
	}
	if p.failed == nil && !errors.Is(err, ErrLimit) && !errors.Is(err, ErrEncrypted) && !errors.Is(err, ErrUnreadable) && !errors.Is(err, ErrMalformed) {
		err = fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	p.err = worse(p.err, err)
}

func (p *pdf) read() error {
	packs, err := p.find()
	if err != nil {
		return err
	}
	if err := p.unlock(); err != nil {
		return err
	}
	for _, num := range packs {
		if err := p.unpack(num); p.over(err) {
			return err
		} else {
			p.note(err)
		}
	}
	p.forms()
	pages := 0
	for _, num := range slices.Sorted(maps.Keys(p.objects)) {
		page, err := p.one(num)
		if p.over(err) {
			return err
		}
		if page {
			pages++
		}
		p.note(err)
	}
	if pages == 0 {
		return fmt.Errorf("%w: no page in %d objects", ErrMalformed, len(p.objects))
	}
	return p.leftovers()
}

// find notes where each object begins. It jumps over streams, so that what they hold is not taken for objects.
func (p *pdf) find() (packs []int, err error) {
	for i := 0; ; {
		next := nextObject(p.b, i)
		for at := range keywords(p.b[i:min(next.at, len(p.b))], "trailer") {
			p.addTrailer(i + at)
		}
		if next.at >= len(p.b) {
			return packs, p.spend(len(p.b))
		}
		if len(p.objects) >= maxObjects {
			return packs, fmt.Errorf("%w of %d objects", ErrLimit, maxObjects)
		}
		p.objects[next.num] = object{in: p.b, at: next.at, gen: next.gen}
		l := newLexer(p.b, next.at)
		v, bad := l.value(0)
		if err := p.spend(l.i - next.at); err != nil {
			return packs, err
		}
		if i = max(l.i, next.at); bad != nil {
			i = next.at
			continue
		}
		d, ok := v.(dict)
		if !ok {
			continue
		}
		if from, to := streamData(p.b, l.i, d); from > 0 {
			i = to
			switch d["Type"] {
			case name("ObjStm"):
				packs = append(packs, next.num)
			case name("XRef"):
				maps.Copy(p.trailer, d)
			}
		}
	}
}

type header struct{ num, gen, at int }

// nextObject finds the next "12 0 obj" from i on.
func nextObject(b []byte, i int) header {
	for {
		k := bytes.Index(b[i:], []byte("obj"))
		if k < 0 {
			return header{at: len(b) + 1}
		}
		end := i + k
		i = end + 3
		gen, rest, ok := numberBefore(b[:end])
		if !ok {
			continue
		}
		num, _, ok := numberBefore(rest)
		if ok {
			return header{num, gen, i}
		}
	}
}

// numberBefore reads the number at b's end, white space aside.
func numberBefore(b []byte) (n int, rest []byte, ok bool) {
	for k := 0; len(b) > 0 && isSpace(b[len(b)-1]) && k < 16; k++ {
		b = b[:len(b)-1]
	}
	end := len(b)
	for len(b) > 0 && end-len(b) < 10 && b[len(b)-1] >= '0' && b[len(b)-1] <= '9' {
		b = b[:len(b)-1]
	}
	for _, c := range b[len(b):end] {
		n = n*10 + int(c-'0')
	}
	return n, b, len(b) < end && (len(b) == 0 || !isRegular(b[len(b)-1]))
}

func keywords(b []byte, word string) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := 0; ; {
			k := bytes.Index(b[i:], []byte(word))
			if k < 0 || !yield(i+k+len(word)) {
				return
			}
			i += k + len(word)
		}
	}
}

func (p *pdf) addTrailer(at int) {
	l := newLexer(p.b, at)
	if v, err := l.value(0); err == nil {
		if d, ok := v.(dict); ok {
			maps.Copy(p.trailer, d)
		}
	}
	p.spend(l.i - at)
}

// streamData finds the bytes of the stream whose dictionary ends at i: as long as it says, if "endstream" stands there, else
// up to the next "endstream". from is zero where no stream follows.
func streamData(b []byte, i int, d dict) (from, to int) {
	l := lexer{b: b, i: i}
	l.skipSpace()
	if !bytes.HasPrefix(b[l.i:], []byte("stream")) {
		return 0, 0
	}
	from = l.i + len("stream")
	if bytes.HasPrefix(b[from:], []byte("\r\n")) {
		from += 2
	} else if from < len(b) && (b[from] == '\n' || b[from] == '\r') {
		from++
	}
	if n, ok := d["Length"].(float64); ok && n >= 0 && n <= float64(len(b)-from) {
		end := lexer{b: b, i: from + int(n)}
		for end.i < len(b) && isSpace(b[end.i]) {
			end.i++
		}
		if bytes.HasPrefix(b[end.i:], []byte("endstream")) {
			return from, from + int(n)
		}
	}
	k := bytes.Index(b[from:], []byte("endstream"))
	if k < 0 {
		return from, len(b)
	}
	return from, from + k
}

// object reads an object; a missing one is null (§7.3.10).
func (p *pdf) object(num int) (any, error) {
	o, ok := p.objects[num]
	if !ok {
		return nil, nil
	}
	l := newLexer(o.in, o.at)
	v, err := l.value(0)
	if e := p.spend(l.i - o.at + 8); e != nil {
		return nil, e
	}
	if err != nil {
		return nil, fmt.Errorf("object %d: %w", num, err)
	}
	if p.crypt != nil && !o.packed {
		v = p.crypt.strings(v, num, o.gen)
	}
	if d, ok := v.(dict); ok && !o.packed {
		if from, to := streamData(o.in, l.i, d); from > 0 {
			return &stream{d, o.in[from:to], num, o.gen}, nil
		}
	}
	return v, nil
}

// resolve follows references. A chain of them is not legal, and ends.
func (p *pdf) resolve(v any) any {
	for range 4 {
		r, ok := v.(reference)
		if !ok {
			return v
		}
		var err error
		if v, err = p.object(r.num); err != nil {
			p.note(err)
			return nil
		}
	}
	return nil
}

func (p *pdf) dict(v any) dict {
	switch v := p.resolve(v).(type) {
	case dict:
		return v
	case *stream:
		return v.dict
	}
	return nil
}

func (p *pdf) array(v any) array {
	a, _ := p.resolve(v).(array)
	return a
}

func (p *pdf) number(v any) (float64, bool) {
	f, ok := p.resolve(v).(float64)
	return f, ok
}

// unpack finds the objects in an object stream.
func (p *pdf) unpack(num int) error {
	v, err := p.object(num)
	s, ok := v.(*stream)
	if !ok {
		return err
	}
	b, err := p.decode(s)
	if err != nil {
		p.note(err)
	}
	if p.kept += len(b); int64(p.kept) > p.held {
		return fmt.Errorf("%w: object streams", ErrLimit)
	}
	n, _ := p.number(s.dict["N"])
	first, _ := p.number(s.dict["First"])
	l := newLexer(b, 0)
	l.plain = true
	for i := 0; i < int(min(n, maxValues/2)); i++ {
		k, err1 := l.value(0)
		at, err2 := l.value(0)
		id, ok1 := k.(float64)
		offset, ok2 := at.(float64)
		if err1 != nil || err2 != nil || !ok1 || !ok2 || id < 0 || offset < 0 || first < 0 || first+offset >= float64(len(b)) {
			return fmt.Errorf("%w: object stream %d", ErrMalformed, num)
		}
		if len(p.objects) >= maxObjects {
			return fmt.Errorf("%w of %d objects", ErrLimit, maxObjects)
		}
		if old, ok := p.objects[int(id)]; ok && !old.packed && old.at > p.objects[num].at {
			continue // written again later
		}
		p.objects[int(id)] = object{in: b, at: int(first + offset), packed: true}
	}
	return p.spend(l.i)
}

// one yields the text of one object: a page with all that it draws, and any string in any dictionary: form fields, links,
// comments, bookmarks and properties.
func (p *pdf) one(num int) (page bool, err error) {
	v, err := p.object(num)
	if err != nil {
		return false, err
	}
	d, ok := v.(dict)
	if s, is := v.(*stream); is {
		return false, p.attached(s)
	}
	if ok && d["Type"] == name("Page") {
		page = true
		if err := p.page(d); p.over(err) {
			return page, err
		} else {
			p.note(err)
		}
	}
	return page, p.stringsOf(v, 0)
}

// attached yields what streams hold besides drawings: properties (§14.3.2), attached files (§7.11.4), XFA forms.
func (p *pdf) attached(s *stream) error {
	if t := s.dict["Type"]; t != name("Metadata") && t != name("EmbeddedFile") && !p.xfa[s.num] {
		return nil
	}
	b, err := p.decode(s)
	if isDocument(b) {
		return worse(err, p.document(b, p.depth+1))
	}
	if e := p.text(append(b, '\n')); e != nil {
		return e
	}
	return err
}

// forms notes which streams are an XFA form's (ISO 32000-1 §12.7.8).
func (p *pdf) forms() {
	p.xfa = map[int]bool{}
	form := p.dict(p.dict(p.trailer["Root"])["AcroForm"])
	x := p.resolve(form["XFA"])
	if s, ok := x.(*stream); ok {
		p.xfa[s.num] = true
	}
	parts, _ := x.(array)
	for _, v := range parts {
		if r, ok := v.(reference); ok {
			p.xfa[r.num] = true
		}
	}
}

func (p *pdf) stringsOf(v any, depth int) error {
	switch v := v.(type) {
	case text:
		return p.line(string(decodeText(v)))
	case array:
		for _, e := range v {
			if err := p.stringsOf(e, depth+1); err != nil {
				return err
			}
		}
	case dict:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if err := p.stringsOf(v[k], depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// decodeText reads a text string (§7.9.2.2): UTF-16 or UTF-8 where a mark says so, else nearly Windows-1252.
func decodeText(t text) []byte {
	switch {
	case bytes.HasPrefix(t, []byte("\xfe\xff")):
		return decodeUTF16(t[2:])
	case bytes.HasPrefix(t, []byte("\xef\xbb\xbf")):
		return t[3:]
	}
	b, _ := charmap.Windows1252.NewDecoder().Bytes(t)
	return b
}

func decodeUTF16(b []byte) []byte {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	return []byte(string(utf16.Decode(u)))
}

package document

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
)

type matrix [6]float64

var unit = matrix{1, 0, 0, 1, 0, 0}

func (m matrix) times(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// graphics is the part of the graphics state that text depends on (§8.4, §9.3).
type graphics struct {
	ctm              matrix
	font             *font
	size             float64
	chars, words     float64 // Tc, Tw
	stretch, leading float64 // Tz, TL
	rise             float64
}

// drawing interprets a page's content stream for its text (§9.4).
type drawing struct {
	p *pdf
	graphics
	saved  []graphics
	named  map[name]*font // of the resources at hand
	tm     matrix
	line   matrix
	shown  bool // something was shown: end is where it ended
	end    matrix
	loose  bool // its width was guessed
	jumped bool // a new place was set since
	inside int  // forms within forms
	seen   int  // characters
	images bool
}

const maxSaved = 256

// page yields a page's text. Its resources may be its parents' (§7.7.3.4).
func (p *pdf) page(d dict) error {
	var contents []byte
	for _, v := range p.list(d, "Contents", "") {
		s, ok := p.resolve(v).(*stream)
		if !ok || p.drawn[s.num] {
			continue
		}
		p.drawn[s.num] = true
		b, err := p.decode(s)
		if p.over(err) {
			return err
		}
		p.note(err)
		if int64(len(contents)+len(b)) > p.held {
			return fmt.Errorf("%w: a page's content", ErrLimit)
		}
		contents = append(append(contents, b...), '\n') // §7.8.2: the parts are one stream, divided between tokens
	}
	w := &drawing{p: p, graphics: graphics{ctm: unit, stretch: 1}, tm: unit, line: unit}
	err := w.run(contents, p.resources(d))
	if w.images && w.seen == 0 {
		p.images++
	}
	if e := p.text([]byte("\n")); e != nil {
		return e
	}
	return err
}

func (p *pdf) resources(d dict) dict {
	for range maxDepth {
		if d == nil {
			return nil
		}
		if r := p.dict(d["Resources"]); r != nil {
			return r
		}
		d = p.dict(d["Parent"])
	}
	return nil
}

// leftovers yields the forms that no page drew: what fields and comments look like (§12.5.5).
func (p *pdf) leftovers() error {
	for _, num := range slices.Sorted(maps.Keys(p.objects)) {
		o := p.objects[num]
		if o.packed || p.drawn[num] || !bytes.Contains(o.in[o.at:min(len(o.in), o.at+512)], []byte("/Form")) {
			continue // streams are never packed
		}
		v, err := p.object(num)
		if p.over(err) {
			return err
		}
		if s, ok := v.(*stream); ok && s.dict["Subtype"] == name("Form") {
			w := &drawing{p: p, graphics: graphics{ctm: unit, stretch: 1}, tm: unit, line: unit}
			if err := w.form(s, nil); p.over(err) {
				return err
			} else {
				p.note(err)
			}
		}
	}
	return nil
}

// run interprets a content stream.
func (w *drawing) run(b []byte, resources dict) error {
	outer := w.named
	w.named = map[name]*font{}
	defer func() { w.named = outer }()
	l := newLexer(b, 0)
	l.plain = true
	var args []any
	for {
		at := l.i
		l.values = maxValues
		v, err := l.value(0)
		if e := w.p.spend(l.i - at); e != nil {
			return e
		}
		if err == errEnd && l.i < len(b) {
			l.i++ // a stray bracket
			continue
		} else if err == errEnd {
			return nil
		} else if err != nil {
			return fmt.Errorf("%w: a page's content", ErrMalformed)
		}
		o, ok := v.(operator)
		if !ok {
			if len(args) < 64 {
				args = append(args, v)
			}
			continue
		}
		if o == "ID" {
			l.i = afterImage(b, l.i)
			w.images = true
		} else if err := w.do(o, args, resources); err != nil {
			return err
		}
		args = args[:0]
	}
}

// afterImage finds the end of an inline image (§8.9.7): EI between spaces.
func afterImage(b []byte, i int) int {
	for at := range keywords(b[i:], "EI") {
		if k := i + at; isSpace(b[k-3]) && (k == len(b) || isSpace(b[k])) {
			return k
		}
	}
	return len(b)
}

func numbers(args []any, n int) (f [6]float64, ok bool) {
	if len(args) < n {
		return f, false
	}
	for i, v := range args[len(args)-n:] {
		if f[i], ok = v.(float64); !ok {
			return f, false
		}
	}
	return f, true
}

// arity is how many numbers the operators that take nothing else have.
var arity = map[operator]int{"cm": 6, "Td": 2, "TD": 2, "Tm": 6, "Tc": 1, "Tw": 1, "Tz": 1, "TL": 1, "Ts": 1}

func (w *drawing) do(o operator, args []any, resources dict) error {
	if n, ok := arity[o]; ok {
		if f, ok := numbers(args, n); ok {
			w.set(o, f)
		}
		return nil
	}
	switch o {
	case "q":
		if len(w.saved) < maxSaved {
			w.saved = append(w.saved, w.graphics)
		}
	case "Q":
		if n := len(w.saved); n > 0 {
			w.graphics, w.saved = w.saved[n-1], w.saved[:n-1]
		}
	case "BT":
		w.tm, w.line, w.jumped = unit, unit, true
	case "T*":
		w.move(0, -w.leading)
	case "Tf":
		w.choose(args, resources)
	case "Tj":
		return w.show(last(args))
	case "'":
		w.move(0, -w.leading)
		return w.show(last(args))
	case "\"":
		if f, ok := numbers(args[:max(0, len(args)-1)], 2); ok {
			w.words, w.graphics.chars = f[0], f[1]
		}
		w.move(0, -w.leading)
		return w.show(last(args))
	case "TJ":
		a, _ := last(args).(array)
		for _, v := range a {
			if f, ok := v.(float64); ok {
				w.advance(-f / 1000 * w.size * w.stretch)
			} else if err := w.show(v); err != nil {
				return err
			}
		}
	case "Do":
		return w.object(args, resources)
	}
	return nil
}

func last(args []any) any {
	if len(args) == 0 {
		return nil
	}
	return args[len(args)-1]
}

func (w *drawing) set(o operator, f [6]float64) {
	switch o {
	case "cm":
		w.ctm = matrix(f).times(w.ctm)
	case "Td":
		w.move(f[0], f[1])
	case "TD":
		w.leading = -f[1]
		w.move(f[0], f[1])
	case "Tm":
		w.tm, w.line, w.jumped = f, f, true
	case "Tc":
		w.graphics.chars = f[0]
	case "Tw":
		w.words = f[0]
	case "Tz":
		w.stretch = f[0] / 100
	case "TL":
		w.leading = f[0]
	case "Ts":
		w.rise = f[0]
	}
}

func (w *drawing) move(x, y float64) {
	w.line = matrix{1, 0, 0, 1, x, y}.times(w.line)
	w.tm, w.jumped = w.line, true
}

func (w *drawing) advance(x float64) { w.tm = matrix{1, 0, 0, 1, x, 0}.times(w.tm) }

func (w *drawing) choose(args []any, resources dict) {
	if len(args) < 2 {
		return
	}
	n, _ := args[0].(name)
	w.size, _ = args[1].(float64)
	f, ok := w.named[n]
	if !ok {
		f = w.p.font(w.p.dict(resources["Font"])[n])
		if len(w.named) >= maxFonts {
			clear(w.named)
		}
		w.named[n] = f
	}
	w.font = f
}

// font reads a font once, however many pages choose it.
func (p *pdf) font(v any) *font {
	r, ok := v.(reference)
	if f := p.fonts[r.num]; ok && f != nil {
		return f
	}
	f := p.load(p.dict(v))
	if !ok {
		return f
	}
	if len(p.fonts) >= maxFonts {
		clear(p.fonts)
	}
	p.fonts[r.num] = f
	return f
}

// object draws a form, which is a content stream of its own (§8.10), or a picture.
func (w *drawing) object(args []any, resources dict) error {
	n, _ := last(args).(name)
	s, ok := w.p.resolve(w.p.dict(resources["XObject"])[n]).(*stream)
	if !ok {
		return nil
	}
	if s.dict["Subtype"] == name("Image") {
		w.images = true
		return nil
	}
	if s.dict["Subtype"] != name("Form") || w.p.drawn[s.num] || w.inside > maxDepth {
		return nil
	}
	before, saved, tm, line := w.graphics, w.saved, w.tm, w.line
	w.inside++
	w.saved = nil
	err := w.form(s, resources)
	w.inside--
	w.graphics, w.saved, w.tm, w.line = before, saved, tm, line
	return err
}

// form is drawn once: the same text again would tell nothing new.
func (w *drawing) form(s *stream, outer dict) error {
	w.p.drawn[s.num] = true
	b, err := w.p.decode(s)
	if err != nil {
		if w.p.over(err) {
			return err
		}
		w.p.note(err)
	}
	if f, ok := numbers(w.p.array(s.dict["Matrix"]), 6); ok {
		w.ctm = matrix(f).times(w.ctm)
	}
	resources := w.p.dict(s.dict["Resources"])
	if resources == nil {
		resources = outer
	}
	return w.run(b, resources)
}

// show yields a shown string, after the space or line break that its place implies.
func (w *drawing) show(v any) error {
	s, ok := v.(text)
	if !ok || len(s) == 0 {
		return nil
	}
	if w.font == nil {
		w.p.unmapped += len(s)
		return nil
	}
	if err := w.separate(); err != nil {
		return err
	}
	for len(s) > 0 {
		code, n := w.font.next(s)
		c := w.font.char(code, s[:n])
		w.count(c, code)
		x := w.font.width(code)*w.size + w.graphics.chars
		if n == 1 && s[0] == ' ' {
			x += w.words // §9.3.3: only for the single-byte code 32
		}
		if c == " " && x < 0.08*w.size {
			c = "" // Ghostscript kerns with spaces of no width
		}
		if err := w.p.text([]byte(c)); err != nil {
			return err
		}
		w.advance(x * w.stretch)
		s = s[n:]
	}
	w.shown, w.jumped, w.end, w.loose = true, false, w.place(), !w.font.measured
	return nil
}

func (w *drawing) count(c string, code uint32) {
	w.seen++
	if c != "" {
		w.p.mapped++
	} else if code > ' ' {
		w.p.unmapped++
	}
}

// place is the text's position and scale on the page (§9.4.4).
func (w *drawing) place() matrix {
	return matrix{w.size * w.stretch, 0, 0, w.size, 0, w.rise}.times(w.tm).times(w.ctm)
}

// separate compares where the next string begins with where the last one ended. Along the line, in parts of the size of
// the font: less than 0.15 is kerning, up to 1.5 a space, more is another column; back or beside it, another line.
func (w *drawing) separate() error {
	if !w.shown {
		return nil
	}
	at := w.place()
	em := math.Hypot(at[0], at[1])
	dx, dy := at[4]-w.end[4], at[5]-w.end[5]
	along, aside := 0.0, math.Hypot(dx, dy)
	if em > 0 {
		along, aside = (dx*at[0]+dy*at[1])/em/em, math.Abs(dx*at[1]-dy*at[0])/em/em
	}
	switch {
	case math.IsNaN(along), aside > 0.4, along < -0.6 && !w.loose, along < -20:
		return w.p.text([]byte("\n"))
	case along > 1.5:
		return w.p.text([]byte("\t"))
	case along > 0.15, w.loose && w.jumped && math.Abs(along) > 0.05:
		return w.p.text([]byte(" "))
	}
	return nil
}

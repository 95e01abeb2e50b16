package document

import (
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// font tells characters and widths from the codes of a shown string (§9.7, §9.10).
type font struct {
	wide     bool               // a composite font: codes of several bytes
	toRune   *cmap              // /ToUnicode; nil: none
	simple   *[256]string       // of a simple font without one
	utf16    bool               // the codes of a composite font are UTF-16
	codes    *cmap              // code lengths, where the encoding is a CMap of its own
	widths   map[uint32]float64 // in thousandths of the size
	fallback float64            // the width of the others
	measured bool               // the widths are known
	scale    float64            // of a width, in text space
}

// load reads a font dictionary.
func (p *pdf) load(d dict) *font {
	f := &font{scale: 0.001, fallback: 500, widths: map[uint32]float64{}}
	if s, ok := p.resolve(d["ToUnicode"]).(*stream); ok {
		f.toRune = p.cmap(s)
	}
	switch f.wide = d["Subtype"] == name("Type0"); {
	case f.wide:
		p.composite(f, d)
	default:
		f.simple = p.encoding(d)
		p.simpleWidths(f, d)
	}
	return f
}

func (p *pdf) simpleWidths(f *font, d dict) {
	first, _ := p.number(d["FirstChar"])
	for i, v := range p.array(d["Widths"]) {
		if w, ok := p.number(v); ok && i < 256 && first >= 0 && first < 256 {
			f.widths[uint32(first)+uint32(i)] = w
			f.measured = true
		}
	}
	if base, _ := d["BaseFont"].(name); !f.measured && strings.HasPrefix(string(base), "Courier") {
		f.fallback, f.measured = 600, true // one of the 14 standard fonts (§9.6.2.2): its widths may be left out
	}
	if m := p.array(d["FontMatrix"]); len(m) == 6 { // Type 3
		if a, ok := p.number(m[0]); ok && a != 0 {
			f.scale = a
		}
	}
}

func (p *pdf) composite(f *font, d dict) {
	switch e := p.resolve(d["Encoding"]).(type) {
	case name:
		f.utf16 = strings.Contains(string(e), "UCS2") || strings.Contains(string(e), "UTF16")
		if !f.utf16 && !strings.HasPrefix(string(e), "Identity") {
			f.codes = f.toRune // a predefined CMap: its code lengths are those that ToUnicode declares
		}
	case *stream:
		f.codes = p.cmap(e)
	}
	below := p.array(d["DescendantFonts"])
	if len(below) == 0 {
		return
	}
	cid := p.dict(below[0])
	f.fallback, f.measured = 1000, true
	if w, ok := p.number(cid["DW"]); ok {
		f.fallback = w
	}
	p.cidWidths(f, p.array(cid["W"]))
}

// cidWidths reads §9.7.4.3: "c [w1 w2 …]" or "first last w".
func (p *pdf) cidWidths(f *font, w array) {
	for i := 0; i+1 < len(w) && len(f.widths) < 1<<16; {
		first, ok := p.number(w[i])
		if !ok || first < 0 || first > 1<<16 {
			return
		}
		if list, ok := p.resolve(w[i+1]).(array); ok {
			for k, v := range list {
				if n, ok := p.number(v); ok && k < 1<<16 {
					f.widths[uint32(first)+uint32(k)] = n
				}
			}
			i += 2
			continue
		}
		if i+2 >= len(w) {
			return
		}
		last, _ := p.number(w[i+1])
		n, _ := p.number(w[i+2])
		for c := first; c <= min(last, 1<<16); c++ {
			f.widths[uint32(c)] = n
		}
		if p.spend(costOfMapping*int(max(0, min(last, 1<<16)-first))) != nil {
			return
		}
		i += 3
	}
}

// next takes one code off a shown string.
func (f *font) next(s []byte) (code uint32, n int) {
	if !f.wide {
		return uint32(s[0]), 1
	}
	n = 2
	if f.codes != nil {
		n = f.codes.length(s)
	}
	n = min(n, len(s))
	for _, c := range s[:n] {
		code = code<<8 | uint32(c)
	}
	return code, n
}

// char is the text of a code, or "" where nothing tells.
func (f *font) char(code uint32, raw []byte) string {
	if f.toRune != nil {
		if s, ok := f.toRune.text[code]; ok {
			return s
		}
	}
	switch {
	case f.simple != nil:
		return f.simple[code&0xff]
	case f.utf16:
		return string(decodeUTF16(raw))
	}
	return ""
}

func (f *font) width(code uint32) float64 {
	if w, ok := f.widths[code]; ok {
		return w * f.scale
	}
	return f.fallback * f.scale
}

// encoding is what the codes of a simple font mean (§9.6.6).
func (p *pdf) encoding(d dict) *[256]string {
	e := p.resolve(d["Encoding"])
	base, _ := e.(name)
	differences, _ := e.(dict)
	if b, ok := p.resolve(differences["BaseEncoding"]).(name); ok {
		base = b
	}
	table := charmap.Windows1252 // standard encoding is the same where it matters: in ASCII
	if base == "MacRomanEncoding" {
		table = charmap.Macintosh
	}
	t := &[256]string{}
	for i := range t {
		if r := table.DecodeByte(byte(i)); i >= ' ' && r != '\uFFFD' {
			t[i] = string(r)
		}
	}
	if symbolic := p.resolve(d["BaseFont"]); symbolic == name("Symbol") || symbolic == name("ZapfDingbats") || d["Subtype"] == name("Type3") {
		t = &[256]string{}
	}
	code := 0
	for _, v := range p.array(differences["Differences"]) {
		switch v := p.resolve(v).(type) {
		case float64:
			code = int(v)
		case name:
			if code >= 0 && code < 256 {
				t[code] = glyph(string(v))
			}
			code++
		}
	}
	return t
}

// cmap maps codes to text or only tells how long codes are (Adobe Technical Note 5014; §9.7.5.3, §9.10.3).
type cmap struct {
	text   map[uint32]string
	ranges []codeRange
}

type codeRange struct {
	low, high uint32
	n         int
}

// length is how many bytes the next code has.
func (c *cmap) length(s []byte) int {
	var code uint32
	for n := 1; n <= min(4, len(s)); n++ {
		code = code<<8 | uint32(s[n-1])
		for _, r := range c.ranges {
			if r.n == n && code >= r.low && code <= r.high {
				return n
			}
		}
	}
	if len(c.ranges) > 0 {
		return c.ranges[0].n
	}
	return 2
}

const (
	maxMappings = 1 << 17
	// A mapping counts as that many bytes of work, because it stays in memory: a file may have two million of them.
	costOfMapping = 512
)

func (p *pdf) cmap(s *stream) *cmap {
	c := &cmap{text: map[uint32]string{}}
	b, err := p.decode(s)
	p.note(err)
	l := newLexer(b, 0)
	l.plain = true
	var operands []any
	for {
		v, err := l.value(0)
		if err != nil {
			if err == errEnd && l.i < len(l.b) {
				l.i++ // a stray bracket
				continue
			}
			return c
		}
		o, ok := v.(operator)
		if !ok {
			if len(operands) < 1<<12 {
				operands = append(operands, v)
			}
			continue
		}
		switch o {
		case "endcodespacerange":
			c.spaces(operands)
		case "endbfchar":
			for i := 0; i+1 < len(operands); i += 2 {
				c.add(operands[i], 0, operands[i+1])
			}
			if p.note(p.spend(costOfMapping * len(operands) / 2)); p.over(p.err) {
				return c
			}
		case "endbfrange":
			if p.note(c.spans(p, operands)); p.over(p.err) {
				return c
			}
		}
		operands = operands[:0]
	}
}

// spelled undoes what typesetters and fonts put for the letters and hyphens that an address is written with.
var spelled = strings.NewReplacer("\ufb00", "ff", "\ufb01", "fi", "\ufb02", "fl", "\ufb03", "ffi", "\ufb04", "ffl", "\ufb05", "st", "\ufb06", "st",
	"\u00ad", "-", "\u2010", "-", "\u2011", "-", "\u00a0", " ")

func codeOf(v any) (code uint32, n int, ok bool) {
	t, ok := v.(text)
	if !ok || len(t) == 0 || len(t) > 4 {
		return 0, 0, false
	}
	for _, b := range t {
		code = code<<8 | uint32(b)
	}
	return code, len(t), true
}

func (c *cmap) spaces(operands []any) {
	for i := 0; i+1 < len(operands) && len(c.ranges) < 64; i += 2 {
		low, n, ok1 := codeOf(operands[i])
		high, _, ok2 := codeOf(operands[i+1])
		if ok1 && ok2 {
			c.ranges = append(c.ranges, codeRange{low, high, n})
		}
	}
}

// add maps the code that is off after first.
func (c *cmap) add(first any, off uint32, to any) {
	code, _, ok := codeOf(first)
	if !ok || len(c.text) >= maxMappings {
		return
	}
	switch to := to.(type) {
	case text:
		c.text[code+off] = spelled.Replace(string(decodeUTF16(to)))
	case name:
		c.text[code+off] = glyph(string(to))
	}
}

// spans reads "low high first" and "low high [each …]".
func (c *cmap) spans(p *pdf, operands []any) error {
	for i := 0; i+2 < len(operands); i += 3 {
		low, _, ok1 := codeOf(operands[i])
		high, _, ok2 := codeOf(operands[i+1])
		if !ok1 || !ok2 || high < low {
			continue
		}
		n := min(high-low, 1<<16-1)
		if err := p.spend(costOfMapping * int(n+1)); err != nil {
			return err
		}
		switch to := operands[i+2].(type) {
		case array:
			for k := uint32(0); k <= n && int(k) < len(to); k++ {
				c.add(operands[i], k, to[k])
			}
		case text:
			if len(to) < 2 {
				continue
			}
			end := []byte(to)
			for k := range n + 1 {
				c.add(operands[i], k, text(end))
				if end[len(end)-1]++; end[len(end)-1] == 0 { // readers carry, though §9.10.3 forbids such ranges
					end[len(end)-2]++
				}
			}
		}
	}
	return nil
}

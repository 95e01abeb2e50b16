package notice

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html/atom"
)

// look is how text appears, as far as attributes of elements say: inherited, as CSS does. Rules in <style> are not followed.
type look struct {
	fore, back rgb
	size       float64 // in CSS pixels; 0: the reader's own
	bold       bool
	gone       bool // display:none and its like
}

type rgb struct {
	r, g, b uint8
	known   bool
}

func (r *pageReader) look() look {
	if len(r.stack) == 0 {
		return look{back: rgb{255, 255, 255, true}, fore: rgb{0, 0, 0, true}}
	}
	return r.stack[len(r.stack)-1].look
}

func (l look) with(name atom.Atom, a map[string]string) look {
	if c, ok := parseColour(a["bgcolor"]); ok {
		l.back = c
	}
	if c, ok := parseColour(a["color"]); ok {
		l.fore = c
	}
	if name == atom.B || name == atom.Strong || headings[name] {
		l.bold = true
	}
	if _, hidden := a["hidden"]; hidden {
		l.gone = true
	}
	for declaration := range strings.SplitSeq(a["style"], ";") {
		property, value, _ := strings.Cut(declaration, ":")
		l = l.declared(strings.ToLower(strings.TrimSpace(property)), strings.ToLower(strings.TrimSpace(strings.Replace(value, "!important", "", 1))))
	}
	return l
}

func (l look) declared(property, value string) look {
	switch property {
	case "color":
		l.fore, _ = parseColour(value)
	case "background-color", "background":
		l.back, _ = parseColour(value)
	case "font-size":
		if px, ok := pixels(value, l.size); ok {
			l.size = px
		}
	case "font-weight":
		n, _ := strconv.Atoi(value)
		l.bold = value == "bold" || n >= 700
	case "display", "visibility", "opacity":
		l.gone = l.gone || value == "none" || value == "hidden" || value == "0"
	}
	return l
}

var length = regexp.MustCompile(`^([0-9]*\.?[0-9]+)(px|pt|em|rem|%)$`)

// usualSize is the size of text in browsers and mail programs, in CSS pixels, where nothing else is said.
const usualSize = 16

func pixels(value string, parent float64) (float64, bool) {
	m := length.FindStringSubmatch(value)
	if m == nil {
		return 0, false
	}
	if parent == 0 {
		parent = usualSize
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, false
	}
	switch m[2] {
	case "pt":
		n *= 4.0 / 3 // CSS Values 4 §6.2
	case "em":
		n *= parent
	case "rem":
		n *= usualSize
	case "%":
		n *= parent / 100
	}
	return n, true
}

var colours = map[string]rgb{
	"black": {0, 0, 0, true}, "white": {255, 255, 255, true}, "gray": {128, 128, 128, true}, "grey": {128, 128, 128, true}, "silver": {192, 192, 192, true},
	"lightgray": {211, 211, 211, true}, "lightgrey": {211, 211, 211, true}, "darkgray": {169, 169, 169, true}, "red": {255, 0, 0, true}, "yellow": {255, 255, 0, true},
	"green": {0, 128, 0, true}, "blue": {0, 0, 255, true}, "navy": {0, 0, 128, true}, "orange": {255, 165, 0, true},
}

// rgbCall is rgb(1, 2, 3); with an alpha it is not known what shines through.
var rgbCall = regexp.MustCompile(`^rgb\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*\)$`)

func parseColour(s string) (rgb, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if c, ok := colours[s]; ok {
		return c, true
	}
	if m := rgbCall.FindStringSubmatch(s); m != nil {
		var c [3]uint8
		for i := range c {
			n, _ := strconv.Atoi(m[i+1])
			c[i] = uint8(min(n, 255))
		}
		return rgb{c[0], c[1], c[2], true}, true
	}
	hex, ok := strings.CutPrefix(s, "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if !ok || len(hex) != 6 || err != nil {
		return rgb{}, false
	}
	return rgb{uint8(n >> 16), uint8(n >> 8), uint8(n), true}, true
}

// luminance and ratio are WCAG 2.2's relative luminance and contrast ratio.
func (c rgb) luminance() float64 {
	part := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c.r) + 0.7152*part(c.g) + 0.0722*part(c.b)
}

func ratio(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// smallest is the smallest text that California allows, 10 points (Civil Code 1798.82(d)(1)(C)), in CSS pixels.
const smallest = 10 * 4.0 / 3

// contrast judges text as it appears (WCAG 2.2, 1.4.3), and whether it appears.
func (r *pageReader) contrast(said string, line, column int) {
	l := r.look()
	mark := func(rule, why string) {
		r.letter.Marks = append(r.letter.Marks, Mark{Rule: rule, Text: said, Why: why, Line: line, Column: column})
	}
	if l.gone {
		mark("N25", "nobody sees this text: it is hidden by its style")
		return
	}
	// A size or a colour is often that of the whole letter: it is named where it comes first, so that it hides no other fault.
	once := func(rule, why string) {
		if !r.named[rule+why] {
			r.named[rule+why] = true
			mark(rule, why)
		}
	}
	if l.size > 0 && l.size < smallest-0.01 {
		once("N14", fmt.Sprintf("this text is %.1f points large: 10 at least", l.size*0.75))
	}
	if !l.fore.known || !l.back.known {
		return
	}
	needs := 4.5
	if l.size >= 24 || l.bold && l.size >= 18.66 { // large: 18 points, or 14 bold
		needs = 3
	}
	if got := ratio(l.fore, l.back); got < needs {
		once("N25", fmt.Sprintf("its colours have a contrast of %.1f to 1: %.1f at least", got, needs))
	}
}

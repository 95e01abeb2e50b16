package document

import (
	"bytes"
	"errors"
	"strconv"
)

// The values of ISO 32000-1 §7.3. A number is a float64, null is nil.
type (
	name      string
	text      []byte // a string object, which is bytes
	array     []any
	dict      map[name]any
	reference struct{ num, gen int }
	operator  string // a keyword, in a content stream
)

var (
	errSyntax = errors.New("syntax")
	errEnd    = errors.New("end")
)

// lexer reads values. What it makes is bounded: by depth, by the number of values, and by its input.
type lexer struct {
	b      []byte
	i      int
	values int  // how many more it may make
	plain  bool // a content stream or CMap: no references in it
}

const (
	maxDepth  = 32
	maxValues = 1 << 20
)

func newLexer(b []byte, at int) *lexer { return &lexer{b: b, i: at, values: maxValues} }

// Character classes of §7.2.2.
func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}
func isDelimiter(c byte) bool {
	return c == '(' || c == ')' || c == '<' || c == '>' || c == '[' || c == ']' || c == '{' || c == '}' || c == '/' || c == '%'
}
func isRegular(c byte) bool { return !isSpace(c) && !isDelimiter(c) }

func (l *lexer) skipSpace() {
	for l.i < len(l.b) {
		switch c := l.b[l.i]; {
		case c == '%':
			for l.i < len(l.b) && l.b[l.i] != '\n' && l.b[l.i] != '\r' {
				l.i++
			}
		case !isSpace(c):
			return
		default:
			l.i++
		}
	}
}

// value reads the next value or keyword. errEnd is the end of the input, or a bracket that closes.
func (l *lexer) value(depth int) (any, error) {
	l.skipSpace()
	if l.i >= len(l.b) {
		return nil, errEnd
	}
	if l.values--; l.values < 0 || depth > maxDepth {
		return nil, errSyntax
	}
	switch c := l.b[l.i]; c {
	case '(':
		return l.literal(), nil
	case '/':
		l.i++
		return l.name(), nil
	case '[':
		l.i++
		return l.array(depth)
	case '<':
		if l.i+1 < len(l.b) && l.b[l.i+1] == '<' {
			l.i += 2
			return l.dict(depth)
		}
		return l.hex(), nil
	case '>', ']':
		return nil, errEnd
	case ')', '{', '}':
		l.i++
		return operator(c), nil
	}
	return l.word(), nil
}

func (l *lexer) regular() []byte {
	start := l.i
	for l.i < len(l.b) && isRegular(l.b[l.i]) {
		l.i++
	}
	return l.b[start:l.i]
}

// word reads a number, a reference or a keyword.
func (l *lexer) word() any {
	w := l.regular()
	if f, ok := number(w); ok {
		if num := int(f); !l.plain && float64(num) == f && num >= 0 {
			if gen, ok := l.refers(); ok {
				return reference{num, gen}
			}
		}
		return f
	}
	switch string(w) {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	}
	return operator(w)
}

// number reads "12", "-.5", "4." and, as readers do, "--3" as -3.
func number(w []byte) (float64, bool) {
	if len(w) == 0 || len(w) > 40 || w[0] > '9' {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(w), 64)
	if err != nil && bytes.HasPrefix(w, []byte("--")) {
		f, err = strconv.ParseFloat(string(w[1:]), 64)
	}
	return f, err == nil
}

// refers looks ahead for "G R", the rest of a reference.
func (l *lexer) refers() (gen int, ok bool) {
	i := l.i
	for i < len(l.b) && isSpace(l.b[i]) {
		i++
	}
	digits := i
	for i < len(l.b) && i-digits < 6 && l.b[i] >= '0' && l.b[i] <= '9' {
		gen = gen*10 + int(l.b[i]-'0')
		i++
	}
	space := i
	for i < len(l.b) && isSpace(l.b[i]) {
		i++
	}
	if digits == space || space == i || i >= len(l.b) || l.b[i] != 'R' || i+1 < len(l.b) && isRegular(l.b[i+1]) {
		return 0, false
	}
	l.i = i + 1
	return gen, true
}

// name reads a name, with #xx as §7.3.5 says.
func (l *lexer) name() name {
	w := l.regular()
	if bytes.IndexByte(w, '#') < 0 {
		return name(w)
	}
	var n []byte
	for i := 0; i < len(w); i++ {
		if w[i] == '#' && i+2 < len(w) && digit(w[i+1]) >= 0 && digit(w[i+2]) >= 0 {
			n = append(n, byte(digit(w[i+1])<<4|digit(w[i+2])))
			i += 2
		} else {
			n = append(n, w[i])
		}
	}
	return name(n)
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c - 'a' + 10)
	case c >= 'A' && c <= 'F':
		return int(c - 'A' + 10)
	}
	return -1
}

// hex reads <48656C6C6F>; a missing last digit is 0 (§7.3.4.3).
func (l *lexer) hex() text {
	l.i++
	var t text
	high := -1
	for ; l.i < len(l.b) && l.b[l.i] != '>'; l.i++ {
		d := digit(l.b[l.i])
		switch {
		case d < 0:
		case high < 0:
			high = d
		default:
			t = append(t, byte(high<<4|d))
			high = -1
		}
	}
	if high >= 0 {
		t = append(t, byte(high<<4))
	}
	l.i = min(l.i+1, len(l.b))
	return t
}

// literal reads (a string), with the escapes of §7.3.4.2.
func (l *lexer) literal() text {
	l.i++
	t := text{}
	for depth := 1; l.i < len(l.b); l.i++ {
		switch c := l.b[l.i]; c {
		case '(':
			depth++
			t = append(t, c)
		case ')':
			if depth--; depth == 0 {
				l.i++
				return t
			}
			t = append(t, c)
		case '\\':
			t = l.escape(t)
		default:
			t = append(t, c)
		}
	}
	l.i = len(l.b)
	return t
}

// escape leaves l.i at the escape's last byte.
func (l *lexer) escape(t text) text {
	if l.i++; l.i >= len(l.b) {
		return t
	}
	switch c := l.b[l.i]; c {
	case 'n':
		return append(t, '\n')
	case 'r':
		return append(t, '\r')
	case 't':
		return append(t, '\t')
	case 'b', 'f':
		return append(t, ' ')
	case '\n':
		return t
	case '\r':
		if l.i+1 < len(l.b) && l.b[l.i+1] == '\n' {
			l.i++
		}
		return t
	case '0', '1', '2', '3', '4', '5', '6', '7':
		n := int(c - '0')
		for k := 0; k < 2 && l.i+1 < len(l.b) && l.b[l.i+1] >= '0' && l.b[l.i+1] <= '7'; k++ {
			l.i++
			n = n*8 + int(l.b[l.i]-'0')
		}
		return append(t, byte(n))
	default:
		return append(t, c)
	}
}

func (l *lexer) array(depth int) (array, error) {
	a := array{}
	for {
		v, err := l.value(depth + 1)
		if err == errEnd {
			if l.i < len(l.b) && l.b[l.i] == ']' {
				l.i++
			} else if l.i < len(l.b) {
				return a, errSyntax
			}
			return a, nil
		} else if err != nil {
			return a, err
		}
		if o, ok := v.(operator); ok && (o == "endobj" || o == "stream") {
			return a, errSyntax
		}
		a = append(a, v)
	}
}

func (l *lexer) dict(depth int) (dict, error) {
	d := dict{}
	for {
		k, err := l.value(depth + 1)
		if err == errEnd {
			if bytes.HasPrefix(l.b[l.i:], []byte(">>")) {
				l.i += 2
				return d, nil
			}
			return d, errSyntax
		} else if err != nil {
			return d, err
		}
		key, ok := k.(name)
		if !ok {
			if o, is := k.(operator); is && (o == "endobj" || o == "stream") {
				return d, errSyntax
			}
			continue // as readers do with what does not belong here
		}
		v, err := l.value(depth + 1)
		if err != nil {
			if err == errEnd {
				continue // the bracket is read again as the dictionary's end
			}
			return d, err
		}
		d[key] = v
	}
}

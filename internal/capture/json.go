package capture

import (
	"bufio"
	"encoding/json"
	"errors"
)

// walk goes through JSON (RFC 8259) without keeping it, and hands out single values. It checks no more than it needs to
// find their ends: what it hands out is parsed by encoding/json. Deep nesting takes no stack and no memory.
type walk struct {
	r  *bufio.Reader
	at int64 // bytes taken
}

var errSyntax = errors.New("this is no valid JSON")

// peek returns the next byte that is no white space, without taking it; io.EOF at the end.
func (w *walk) peek() (byte, error) {
	for {
		p, err := w.r.Peek(1)
		if err != nil {
			return 0, err
		}
		if c := p[0]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, nil
		}
		w.take(1)
	}
}

func (w *walk) take(n int) {
	n, _ = w.r.Discard(n)
	w.at += int64(n)
}

// want takes the byte c.
func (w *walk) want(c byte) error {
	got, err := w.peek()
	if err == nil && got != c {
		err = errSyntax
	}
	if err == nil {
		w.take(1)
	}
	return err
}

// object calls member at each member's value, which member must take.
func (w *walk) object(member func(key string) error) error {
	return w.items('{', '}', func() error {
		raw, _, err := w.value(256)
		if err != nil {
			return err
		}
		if err := w.want(':'); err != nil {
			return err
		}
		var key string
		json.Unmarshal(raw, &key) // what is no string, or is longer, is no name that is looked for
		return member(key)
	})
}

// items calls item at each item between brackets. A comma too many or too few hides nothing, and is let go.
func (w *walk) items(open, end byte, item func() error) error {
	if err := w.want(open); err != nil {
		return err
	}
	for {
		c, err := w.peek()
		switch {
		case err != nil:
			return err
		case c == end:
			w.take(1)
			return nil
		case c == ',':
			w.take(1)
		default:
			if err := item(); err != nil {
				return err
			}
		}
	}
}

// skip takes a value.
func (w *walk) skip() error {
	_, _, err := w.value(0)
	return err
}

// value takes a value and returns it, unless it has more than limit bytes.
func (w *walk) value(limit int) (raw []byte, fits bool, err error) {
	c, err := w.peek()
	if err != nil {
		return nil, false, err
	}
	if c == ',' || c == ':' || c == ']' || c == '}' {
		return nil, false, errSyntax
	}
	e := extent{bare: c != '"' && c != '[' && c != '{'}
	for fits = true; ; {
		if _, err := w.r.Peek(1); err != nil {
			return raw, fits, err
		}
		p, _ := w.r.Peek(w.r.Buffered())
		n, done := e.scan(p)
		if fits = fits && len(raw)+n <= limit; fits {
			raw = append(raw, p[:n]...)
		} else {
			raw = nil
		}
		w.take(n)
		if done {
			return raw, fits, nil
		}
	}
}

// extent finds the end of a value that comes in pieces.
type extent struct {
	bare            bool // a number or a literal: ends before what cannot be of one
	quoted, escaped bool
	depth           int
}

// scan returns how many bytes of p are of the value, and whether it ends there.
func (e *extent) scan(p []byte) (int, bool) {
	if e.bare {
		return e.scanBare(p)
	}
	for i, c := range p {
		switch {
		case e.escaped:
			e.escaped = false
		case e.quoted && c == '\\':
			e.escaped = true
		case c == '"':
			e.quoted = !e.quoted
		case e.quoted:
			continue
		case c == '{' || c == '[':
			e.depth++
		case c == '}' || c == ']':
			e.depth--
		default:
			continue
		}
		if e.depth <= 0 && !e.quoted {
			return i + 1, true
		}
	}
	return len(p), false
}

func (e *extent) scanBare(p []byte) (int, bool) {
	for i, c := range p {
		switch c {
		case ' ', '\t', '\n', '\r', ',', ':', ']', '}', '[', '{', '"':
			return i, true
		}
	}
	return len(p), false
}

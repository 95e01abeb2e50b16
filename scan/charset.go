package scan

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/transform"
)

// charset is what a page declares of its bytes beyond ASCII. Its zero value decodes as browsers do where nothing is declared:
// windows-1252 (HTML §13.2.3.2).
type charset struct {
	label   string
	decoder *encoding.Decoder // nil for UTF-8
	out     [2 * utf8.UTFMax]byte
	single  [128][]byte // what a byte beyond ASCII says by itself; empty where more have to follow
}

// set takes a label such as "iso-8859-15" (WHATWG Encoding §4.2). One that nobody knows is no declaration.
func (c *charset) set(label string) {
	if label == c.label && c.decoder != nil {
		return
	}
	c.label, c.decoder = label, charmap.Windows1252.NewDecoder()
	if e, err := htmlindex.Get(label); err == nil {
		if name, _ := htmlindex.Name(e); name != "utf-8" && name != "utf-16le" && name != "utf-16be" && name != "replacement" {
			c.decoder = e.NewDecoder()
		}
	}
	for i := range c.single {
		c.decoder.Reset()
		n, read, err := c.decoder.Transform(c.out[:], []byte{byte(i + utf8.RuneSelf)}, false)
		if c.single[i] = nil; read > 0 && !errors.Is(err, transform.ErrShortSrc) {
			c.single[i] = bytes.Clone(c.out[:n])
		}
	}
}

// uncharset decodes bytes beyond ASCII as c declares them, one character at a time.
func (l *level) uncharset(src []byte, base int, c *charset) (changed bool) {
	for i := 0; i < len(src); {
		if n := plainLength(src[i:]); n > 0 {
			l.addPlain(src[i:i+n], base+i)
			i += n
			continue
		}
		changed = true
		if s := c.single[src[i]-utf8.RuneSelf]; s != nil {
			l.add(base+i, base+i+1, legacy, s...)
			i++
			continue
		}
		n := 0
		for size := 1; size <= 4 && i+size <= len(src); size++ {
			c.decoder.Reset()
			m, read, err := c.decoder.Transform(c.out[:], src[i:i+size], false)
			if errors.Is(err, transform.ErrShortSrc) || read == 0 {
				continue
			}
			n = read
			l.add(base+i, base+i+n, legacy, c.out[:m]...)
			break
		}
		if n == 0 {
			n = 1
			l.addPlain(src[i:i+1], base+i)
		}
		i += n
	}
	return changed
}

func plainLength(b []byte) (n int) {
	for n < len(b) && b[n] < utf8.RuneSelf {
		n++
	}
	return n
}

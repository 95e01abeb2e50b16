package guard

import "bytes"

// jsonPath follows a JSON text (RFC 8259), in pieces of any size, and says where in it it stands. It takes what is no JSON as it comes: its
// answer is evidence, nothing depends on it. With script set it also follows the object literals of JavaScript.
type jsonPath struct {
	script bool
	blind  bool // the text's beginning was not seen: stack[0] is whatever was open
	ended  bool // the text was closed, and nothing but space and whatever does not belong to it has followed

	stack   []jsonLevel
	deeper  int // open beyond maxJSONDepth
	quote   byte
	escaped bool // a backslash was the last byte of a string
	comment byte // '/' or '*' within one
	slash   bool // a slash was the last byte outside of strings
	newline bool // since ended
	word    jsonKey
}

// jsonLevel is an open array or object, with the key of the member at hand.
type jsonLevel struct {
	array bool
	key   jsonKey
}

// jsonKey is as much of a key as can become part of a place; cut says that there was more.
type jsonKey struct {
	bytes [maxComponent]byte
	n     uint8
	cut   bool
	known bool
}

const maxJSONDepth = 64

func (k *jsonKey) add(p []byte) {
	n := copy(k.bytes[k.n:], p)
	k.n += uint8(n)
	k.cut = k.cut || n < len(p)
}

// start begins with p, the first bytes that there are, and returns how many of them to pass over. Where the text's beginning is not among
// them it looks for a quotation mark that can only be one side of a string.
func (j *jsonPath) start(p []byte, beginning bool) int {
	if j.blind = !beginning; beginning {
		return 0
	}
	j.stack = append(j.stack[:0], jsonLevel{})
	last := -1
	for at := 0; at < len(p); {
		i := bytes.IndexByte(p[at:], '"')
		if i < 0 {
			break
		}
		i += at
		at = i + 1
		if backslashes(p[:i])%2 != 0 {
			continue
		}
		if next := bytes.TrimLeft(p[i+1:min(len(p), i+9)], " \t\r\n"); last >= 0 && len(next) > 0 && next[0] == ':' {
			return last // it ended a key
		}
		if before := bytes.TrimRight(p[max(0, i-8):i], " \t\r\n"); len(before) > 0 && (before[len(before)-1] == '{' || before[len(before)-1] == '[') {
			return bytes.LastIndexAny(p[:i], "{[")
		}
		last = i
	}
	return len(p)
}

func backslashes(p []byte) (n int) {
	for n < len(p) && p[len(p)-1-n] == '\\' {
		n++
	}
	return n
}

// read goes on over p.
func (j *jsonPath) read(p []byte) {
	for i := 0; i < len(p); {
		switch {
		case j.quote != 0:
			i += j.readString(p[i:])
		case j.comment != 0:
			i += j.readComment(p[i:])
		default:
			j.token(p[i])
			i++
		}
	}
}

func (j *jsonPath) readString(p []byte) int {
	from := 0
	if j.escaped {
		from, j.escaped = 1, false
	}
	for at := from; at < len(p); {
		i := bytes.IndexByte(p[at:], j.quote)
		if i < 0 {
			break
		}
		i += at
		if backslashes(p[from:i])%2 == 0 {
			j.word.add(p[:i])
			j.quote = 0
			return i + 1
		}
		at = i + 1
	}
	j.escaped = backslashes(p[min(from, len(p)):])%2 != 0
	j.word.add(p)
	return len(p)
}

// readComment passes over a comment of JavaScript (ECMA-262 §12.4).
func (j *jsonPath) readComment(p []byte) int {
	end := "\n"
	if j.comment == '*' {
		end = "*/"
	}
	i := bytes.Index(p, []byte(end))
	if i < 0 {
		return len(p) // a comment that crosses an edge may end a little late
	}
	j.comment = 0
	return i + len(end)
}

// token takes one byte outside of strings.
func (j *jsonPath) token(c byte) {
	slash := j.slash
	j.slash = false
	switch c {
	case '"':
		j.quote, j.word = c, jsonKey{}
	case '{', '[':
		j.open(c == '[')
	case '}', ']':
		j.close()
	case ':':
		j.named()
	case ',', ';', '=', '(', ')':
		j.word = jsonKey{}
		if c == ',' {
			j.unnamed()
		}
	case '\n':
		j.newline = true
	case ' ', '\t', '\r':
	default:
		j.other(c, slash)
	}
}

// other is part of a number or a word, and in JavaScript of much else.
func (j *jsonPath) other(c byte, slash bool) {
	switch {
	case !j.script:
	case c == '\'' || c == '`':
		j.quote, j.word = c, jsonKey{}
	case slash && (c == '/' || c == '*'):
		j.comment = c
	case c == '/':
		j.slash = true
	default:
		j.word.add([]byte{c})
	}
}

func (j *jsonPath) open(array bool) {
	if j.ended && j.newline {
		j.ended = false // one text to a line
	}
	if j.word = (jsonKey{}); len(j.stack) >= maxJSONDepth {
		j.deeper++
		return
	}
	j.stack = append(j.stack, jsonLevel{array: array})
}

func (j *jsonPath) close() {
	switch j.word = (jsonKey{}); {
	case j.deeper > 0:
		j.deeper--
	case j.blind && len(j.stack) == 1:
		j.stack[0] = jsonLevel{} // what it stood in was not seen, either
	case len(j.stack) > 0:
		j.stack = j.stack[:len(j.stack)-1]
		if len(j.stack) == 0 && !j.script && !j.ended {
			j.ended, j.newline = true, false
		}
	}
}

func (j *jsonPath) named() {
	if n := len(j.stack); n > 0 && j.deeper == 0 && !j.stack[n-1].array {
		j.stack[n-1].key = j.word
		j.stack[n-1].key.known = true
	}
	j.word = jsonKey{}
}

func (j *jsonPath) unnamed() {
	if n := len(j.stack); n > 0 && j.deeper == 0 {
		j.stack[n-1].key = jsonKey{}
	}
}

package capture

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"candor.example"
)

var (
	errShort = errors.New("the header does not end")
	errBegun = errors.New("another record begins in the header")
)

// fields reads "Name: value" lines up to the empty line (RFC 9112 §5, ISO 28500:2017 §4), and says how many bytes that
// took. net/textproto is not used because it gives up a whole message for one crooked line; such a line is left out here.
// With errShort the empty line is not in b, and the header is what there was.
func fields(b []byte) (http.Header, int, error) {
	h := http.Header{}
	last := "" // the field that a line beginning with white space goes on with (obs-fold)
	for n := 0; n < len(b); {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			break
		}
		line := string(bytes.TrimSuffix(b[n:n+i], []byte("\r")))
		n += i + 1
		switch name, value, ok := strings.Cut(line, ":"); {
		case line == "":
			return h, n, nil
		case strings.HasPrefix(line, string(warcMagic)):
			return h, n, errBegun
		case line[0] == ' ' || line[0] == '\t':
			if values := h[last]; len(values) > 0 && len(values[len(values)-1]) < maxFolded {
				values[len(values)-1] += " " + strings.TrimSpace(line)
			}
		case ok:
			last = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
			h[last] = append(h[last], strings.TrimSpace(value))
		}
	}
	return h, len(b), errShort
}

// maxFolded bounds the joining of lines, which is quadratic.
const maxFolded = 16 << 10

// message is an HTTP/1.x message (RFC 9112 §2.1).
type message struct {
	first  []string // the first line's three parts
	header http.Header
	body   []byte // as it stands, in chunks if Transfer-Encoding says so
}

func parseMessage(b []byte) (*message, error) {
	b = bytes.TrimLeft(b, "\r\n")
	line, rest, ok := bytes.Cut(b[:min(len(b), maxHead)], []byte("\n"))
	if !ok {
		return nil, errors.New("it has no first line")
	}
	first := strings.SplitN(strings.TrimRight(string(line), "\r"), " ", 3)
	if len(first) < 2 {
		return nil, errors.New("its first line is not HTTP's")
	}
	h, n, err := fields(rest)
	if err == errShort && len(b) <= maxHead {
		err = nil // cut off in the header: what is there was shown
	}
	if err == errShort {
		return nil, errors.New("its header is larger than 1 MiB")
	}
	return &message{first, h, b[len(line)+1+n:]}, err
}

// parseResponse parses a response, behind interim ones (RFC 9110 §15.2).
func parseResponse(b []byte) (*message, int, error) {
	for {
		m, err := parseMessage(b)
		if err != nil {
			return nil, 0, err
		}
		status, err := strconv.Atoi(m.first[1])
		if !strings.HasPrefix(m.first[0], "HTTP/") || err != nil || status < 100 || status > 999 {
			return nil, 0, errors.New("its status line is not HTTP's")
		}
		if status/100 != 1 || status == http.StatusSwitchingProtocols || !bytes.HasPrefix(m.body, []byte("HTTP/")) {
			return m, status, nil
		}
		b = m.body
	}
}

// decoded is the body without its transfer coding, and takes the coding from the header.
func (m *message) decoded() io.Reader {
	coding := m.header.Get("Transfer-Encoding")
	m.header.Del("Transfer-Encoding")
	if strings.Contains(strings.ToLower(coding), "chunked") {
		return &chunked{rest: m.body}
	}
	return bytes.NewReader(m.body)
}

// setRequest takes method, header and body from a recorded request; the URI stays the record's.
func setRequest(x *candor.Exchange, block []byte) error {
	m, err := parseMessage(block)
	if err != nil {
		return err
	}
	if len(m.first) < 3 || !strings.HasPrefix(m.first[2], "HTTP/") || m.first[0] == "" {
		return errors.New("its request line is not HTTP's")
	}
	x.RequestBody, _ = io.ReadAll(io.LimitReader(m.decoded(), maxRequestBody))
	x.Request.Method, x.Request.Header = m.first[0], m.header
	takeHost(x.Request)
	return nil
}

// chunked takes the chunks of RFC 9112 §7.1 apart. What is no chunk is handed out as it stands: many recorders store the
// decoded body and leave Transfer-Encoding in the header.
type chunked struct{ rest, data []byte }

func (c *chunked) Read(p []byte) (int, error) {
	for len(c.data) == 0 {
		if len(c.rest) == 0 {
			return 0, io.EOF
		}
		c.next()
	}
	n := copy(p, c.data)
	c.data = c.data[n:]
	return n, nil
}

func (c *chunked) next() {
	size, n, ok := chunkSize(c.rest)
	switch {
	case !ok:
		c.data, c.rest = c.rest, nil
	case size == 0:
		c.rest = nil
	default:
		size = min(size, len(c.rest)-n)
		c.data, c.rest = c.rest[n:n+size], c.rest[n+size:]
		c.rest = bytes.TrimPrefix(c.rest, []byte("\r"))
		c.rest = bytes.TrimPrefix(c.rest, []byte("\n"))
	}
}

// chunkSize reads the line before a chunk.
func chunkSize(b []byte) (size, n int, ok bool) {
	i := bytes.IndexByte(b[:min(len(b), 4<<10)], '\n')
	if i < 0 {
		return 0, 0, false
	}
	digits, _, _ := bytes.Cut(b[:i], []byte(";"))
	v, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
	return int(v), i + 1, err == nil
}

package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"candor.example"
)

// record is a WARC record (ISO 28500 §4) with its block.
type record struct {
	header textproto.MIMEHeader
	block  []byte
}

func (r *record) is(kind string) bool {
	return r != nil && strings.EqualFold(r.header.Get("Warc-Type"), kind)
}

// errRecord is an error of one record; the next may be good.
type errRecord struct{ reason string }

func (e errRecord) Error() string { return e.reason }

// records hands out records until io.EOF.
type records interface{ next() (*record, error) }

// warc pairs responses with their requests, which come before or after.
func (c *reader) warc(rs records) error {
	var request, response *record
	for {
		r, err := rs.next()
		var bad errRecord
		switch {
		case errors.As(err, &bad):
			c.stats.skip(bad.reason)
			continue
		case err == io.EOF:
			return c.pair(nil, response)
		case c.ctx.Err() != nil:
			return c.ctx.Err()
		case err != nil:
			return fmt.Errorf("%s: behind exchange %d: %w", c.name, c.part, err)
		}
		switch {
		case r.is("request") && concurrent(r, response):
			err = c.pair(r, response)
			response = nil
		case r.is("request"):
			request = r
		case r.is("response") || r.is("resource"):
			if err = c.pair(nil, response); err != nil {
				return err
			}
			response = r
			if concurrent(request, r) {
				err = c.pair(request, r)
				response = nil
			}
			request = nil
		}
		if err != nil {
			return err
		}
	}
}

// concurrent: two records are of one exchange when one names the other (§5.7), or else when they are of one URI.
func concurrent(a, b *record) bool {
	if a == nil || b == nil {
		return false
	}
	if x, y := a.header.Get("Warc-Concurrent-To"), b.header.Get("Warc-Concurrent-To"); x != "" || y != "" {
		return x == b.header.Get("Warc-Record-Id") || y == a.header.Get("Warc-Record-Id")
	}
	return a.header.Get("Warc-Target-Uri") == b.header.Get("Warc-Target-Uri")
}

// pair yields a response with its request, or with one made from its URI.
func (c *reader) pair(request, response *record) error {
	if response == nil {
		return nil
	}
	u, err := url.Parse(strings.Trim(response.header.Get("Warc-Target-Uri"), "<>"))
	if err != nil || u.Host == "" {
		c.stats.skip(notHTTP)
		return nil
	}
	x := &candor.Exchange{Request: &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}}
	x.Time, _ = time.Parse(time.RFC3339, response.header.Get("Warc-Date"))
	if request != nil {
		readRequest(x, request.block)
	}
	if response.is("resource") {
		x.Status, x.Header = http.StatusOK, http.Header{"Content-Type": response.header["Content-Type"]}
		x.Body = bytes.NewReader(response.block)
		return c.emit(x)
	}
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(response.block)), x.Request)
	if err != nil {
		c.stats.skip(broken)
		return nil
	}
	defer res.Body.Close()
	x.Status, x.Header, x.Body = res.StatusCode, res.Header, lenient{res.Body}
	return c.emit(x)
}

// readRequest takes method, fields and body from a recorded request; the URI stays the record's.
func readRequest(x *candor.Exchange, block []byte) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(block)))
	if err != nil {
		return
	}
	x.Request.Method, x.Request.Header = r.Method, r.Header
	if r.Host != "" {
		x.Request.Host = r.Host
	}
	x.RequestBody, _ = io.ReadAll(io.LimitReader(r.Body, maxRequestBody))
}

// lenient ends a body that is shorter than it said where it ends: what arrived is what was shown.
type lenient struct{ io.Reader }

func (l lenient) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = io.EOF
	}
	return n, err
}

var recordEnd = []byte("\r\n\r\n")

// readRecord reads one record. Behind a broken one it gives back what may be the next.
func readRecord(b *bufio.Reader) (*record, []byte, error) {
	for {
		line, err := b.ReadSlice('\n')
		if bytes.HasPrefix(line, []byte("WARC/1.")) {
			break
		}
		if err == io.EOF {
			return nil, nil, io.EOF
		}
		if len(bytes.TrimSpace(line)) > 0 {
			return nil, nil, errRecord{broken}
		}
		if err != nil {
			return nil, nil, err
		}
	}
	h, err := readFields(b)
	if err != nil {
		return nil, nil, err
	}
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return nil, nil, errRecord{broken}
	}
	if n > maxPart {
		_, err := io.CopyN(io.Discard, b, n)
		return nil, nil, tooLargeOr(err)
	}
	block, err := io.ReadAll(io.LimitReader(b, n))
	if err != nil {
		return nil, nil, err
	}
	end, _ := b.Peek(len(recordEnd))
	if int64(len(block)) < n || !bytes.Equal(end, recordEnd) && len(end) > 0 && !bytes.HasPrefix(end, []byte("\n\n")) {
		i := bytes.Index(block, append(recordEnd[:4:4], "WARC/1."...)) // it said that it was longer than it is
		if i < 0 {
			return nil, nil, errRecord{broken}
		}
		return nil, block[i:], errRecord{broken}
	}
	return &record{h, block}, nil, nil
}

func tooLargeOr(err error) error {
	if err == nil || err == io.EOF {
		return errRecord{tooLarge}
	}
	return err
}

// maxFields is how many bytes a record's header may have.
const maxFields = 1 << 20

func readFields(b *bufio.Reader) (textproto.MIMEHeader, error) {
	h, err := textproto.NewReader(bufio.NewReader(&fieldLines{b: b})).ReadMIMEHeader()
	if err != nil {
		return nil, errRecord{broken}
	}
	return h, nil
}

// fieldLines reads up to and with the empty line, and not a byte further.
type fieldLines struct {
	b    *bufio.Reader
	rest []byte
	read int
	done bool
}

func (f *fieldLines) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		if f.done || f.read > maxFields {
			return 0, io.EOF
		}
		line, err := f.b.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			f.done = true
		}
		f.rest = append(f.rest[:0], line...)
		f.read += len(line)
		f.done = f.done || len(bytes.TrimRight(line, "\r\n")) == 0 && err == nil
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// plainRecords reads an uncompressed WARC.
type plainRecords struct {
	b    *bufio.Reader
	lost bool // a record was broken: look for the next line that begins one
}

func (p *plainRecords) next() (*record, error) {
	if p.lost {
		if err := p.find(); err != nil {
			return nil, err
		}
		p.lost = false
	}
	r, back, err := readRecord(p.b)
	if back != nil {
		p.b = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(back), p.b), 64<<10)
	}
	p.lost = errors.Is(err, errRecord{broken})
	return r, err
}

func (p *plainRecords) find() error {
	for {
		head, err := p.b.Peek(7)
		if string(head) == "WARC/1." {
			return nil
		}
		if len(head) == 0 && err != nil {
			return err
		}
		if _, err := p.b.ReadSlice('\n'); err != nil && err != bufio.ErrBufferFull {
			return err
		}
	}
}

// gzipRecords reads a WARC of which each record is a gzip member (ISO 28500 annex D), or one member holds them all.
type gzipRecords struct {
	b      *bufio.Reader
	z      *gzip.Reader
	member *plainRecords
}

func (g *gzipRecords) next() (*record, error) {
	for {
		if g.member == nil {
			if err := g.open(); err != nil {
				return nil, err
			}
		}
		r, err := g.member.next()
		var bad errRecord
		if err == nil || errors.As(err, &bad) {
			return r, err
		}
		g.member = nil
		if err == io.EOF {
			continue
		}
		if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || isCorrupt(err) {
			if err := g.find(); err != nil && err != io.EOF {
				return nil, err
			}
			return nil, errRecord{broken}
		}
		return nil, err
	}
}

func isCorrupt(err error) bool { return strings.Contains(err.Error(), "corrupt") }

// open begins the next member.
func (g *gzipRecords) open() error {
	if _, err := g.b.Peek(1); err != nil {
		return err
	}
	var err error
	if g.z == nil {
		g.z, err = gzip.NewReader(g.b)
	} else {
		err = g.z.Reset(g.b)
	}
	if err == io.EOF {
		return io.EOF
	} else if err != nil {
		if e := g.find(); e != nil && e != io.EOF {
			return e
		}
		return errRecord{broken}
	}
	g.z.Multistream(false)
	g.member = &plainRecords{b: bufio.NewReaderSize(g.z, 64<<10)}
	return nil
}

// find passes over bytes until what looks like the beginning of a member.
func (g *gzipRecords) find() error {
	for {
		if _, err := g.b.Discard(1); err != nil {
			return err
		}
		head, err := g.b.Peek(3)
		if string(head) == "\x1f\x8b\x08" {
			return nil
		}
		if len(head) == 0 && err != nil {
			return err
		}
	}
}

package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"candor.example"
)

// warcMagic begins every record of WARC 1.0 and 1.1 (ISO 28500:2017 §4).
var warcMagic = []byte("WARC/1.")

// record is a WARC record with its block.
type record struct {
	number int // in the file, from 1
	at     int64
	kind   string
	header http.Header
	block  []byte // the window's
}

func (r *record) keep(n int) *record {
	k := *r
	k.block = bytes.Clone(r.block[:min(len(r.block), n)])
	return &k
}

func (r *record) get(name string) string { return strings.Trim(r.header.Get(name), "<>") }

// records reads a WARC record by record.
type records struct {
	c      *reader
	w      *window
	number int
	at     int64 // where the record at hand begins
	short  bool  // the record at hand is not all there
}

// next returns the next good record. Broken ones are counted.
func (rs *records) next() (*record, error) {
	for {
		rs.blank()
		if len(rs.w.need(1)) == 0 {
			if err := rs.end(); err != nil {
				return nil, err
			}
			continue
		}
		rs.number++
		rs.at, rs.short = rs.w.at, false
		r, reason, why := rs.record()
		if r != nil {
			return r, nil
		}
		if found := rs.find(); found || !rs.short || rs.w.err == errHole {
			rs.c.skip(reason, "record %d at %s %d: %s: %s", rs.number, rs.c.unit, rs.at, reason, why)
		}
		rs.short = rs.short && len(rs.w.need(1)) == 0
	}
}

// blank goes past the newlines between records.
func (rs *records) blank() {
	for {
		p := rs.w.need(1)
		n := len(p) - len(bytes.TrimLeft(p, "\r\n"))
		rs.w.take(n)
		if n == 0 || n < len(p) {
			return
		}
	}
}

// end is where the window has nothing more: at a hole, which is mended, or at the end of it all.
func (rs *records) end() error {
	err := rs.w.err
	switch {
	case err == errHole:
		if !rs.short {
			rs.number++
			rs.c.skip(broken, "behind record %d: %v", rs.number-1, err)
		}
		rs.w.err, rs.short = nil, false
		return nil
	case err == io.EOF && rs.short:
		return io.ErrUnexpectedEOF
	}
	return err
}

// find goes to the next line that begins a record, or to the end of what can be read.
func (rs *records) find() bool {
	return rs.findBefore("\n", func(int) bool { return true })
}

// findBefore goes to the next record that comes behind a line's end, as long as goOn says so of the bytes passed.
func (rs *records) findBefore(lineEnd string, goOn func(passed int) bool) bool {
	mark := append([]byte(lineEnd), warcMagic...)
	for {
		p := rs.w.need(chunk)
		if i := bytes.Index(p, mark); i >= 0 {
			rs.w.take(i + len(lineEnd))
			return true
		}
		if len(p) < chunk {
			rs.w.take(len(p))
			return false
		}
		rs.w.take(len(p) - len(mark) + 1)
		if !goOn(len(p) - len(mark) + 1) {
			return false
		}
	}
}

// record reads the record that begins here. Without one, it says why, and the window stands in front of what may
// be the next.
func (rs *records) record() (r *record, reason, why string) {
	if !bytes.HasPrefix(rs.w.need(len(warcMagic)), warcMagic) {
		rs.short = len(rs.w.need(len(warcMagic))) < len(warcMagic)
		return nil, broken, "no record begins here"
	}
	h, head, err := rs.head()
	if err != nil {
		rs.short = err == errShort && rs.w.err != nil
		return nil, broken, err.Error()
	}
	size, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || size < 0 {
		rs.w.take(head - 1) // the newline stays: a record may begin right here
		return nil, broken, "Content-Length is no number of bytes"
	}
	if size > int64(rs.c.limit) {
		rs.w.take(head - 1)
		rs.passOver(size)
		return nil, tooLarge, fmt.Sprintf("larger than %d MiB", rs.c.limit>>20)
	}
	all := head + int(size)
	p := rs.w.need(all)
	if len(p) < all {
		rs.short = true
		rs.w.take(head - 1)
		return nil, broken, "Content-Length says more than there is"
	}
	p = rs.w.need(all + len("\r\n\r\n") + len(warcMagic))
	if !endsHere(p[all:]) {
		rs.w.take(head - 1)
		return nil, broken, "no record ends where Content-Length says"
	}
	r = &record{number: rs.number, at: rs.at, kind: strings.ToLower(h.Get("WARC-Type")), header: h, block: p[head:all]}
	rs.w.take(all)
	return r, "", ""
}

// head reads the header, up to and with the empty line.
func (rs *records) head() (http.Header, int, error) {
	for n := 4 << 10; ; n *= 16 {
		p := rs.w.need(n)
		skip := bytes.IndexByte(p, '\n') + 1 // "WARC/1.1"
		h, head, err := fields(p[skip:min(len(p), maxHead)])
		switch {
		case err != errShort:
			return h, skip + head, err
		case n >= maxHead:
			return nil, 0, errors.New("the header is larger than 1 MiB")
		case len(p) < n:
			return nil, 0, err
		}
	}
}

// endsHere: two line ends close a record (§4); less is let go where the next begins, or nothing follows.
func endsHere(p []byte) bool {
	if bytes.HasPrefix(p, []byte("\r\n\r\n")) {
		return true
	}
	p = bytes.TrimLeft(p, "\r\n")
	return bytes.HasPrefix(p, warcMagic) || len(p) < len(warcMagic) && bytes.HasPrefix(warcMagic, p)
}

// passOver goes behind a block that is too large. It may be a lie, so a record that begins in it is taken for the next: a
// WARC in a WARC is read, rather than the rest of the file passed over. Of gzip, no more than maxInflate is inflated.
func (rs *records) passOver(size int64) {
	left, begin := rs.c.inflate, rs.w.at
	m, packed := rs.w.r.(*members)
	found := rs.findBefore("\r\n\r\n", func(n int) bool {
		left -= int64(n)
		return left > 0 || !packed
	})
	switch {
	case found:
		rs.w.take(-1) // find wants the newline
	case rs.w.err != nil:
		rs.short = rs.w.at-begin < size
	case m.passOver():
		rs.w.take(len(rs.w.need(1)))
		rs.w.err, rs.short = errHole, true // what was passed over is this record, and is counted as one
	default:
		rs.w.take(len(rs.w.need(1)))
		rs.w.err = errGivenUp
	}
}

// waiting is what a WARC's records wait for each other with.
type waiting struct {
	response *record
	requests []*record // the last maxWaiting, oldest first
	last     *record   // the request right before
}

const (
	maxWaiting = 64        // requests that wait for their response
	maxRequest = 256 << 10 // bytes that are kept of each
)

// warc yields responses with their requests, which may come before or after.
func (c *reader) warc(w *window) error {
	rs := &records{c: c, w: w}
	for {
		r, err := rs.next()
		if err == nil {
			err = c.take(r)
		} else if e := c.flush(); e != nil {
			return e
		} else {
			return c.warcError(rs, err)
		}
		if err != nil {
			return err
		}
	}
}

func (c *reader) warcError(rs *records, err error) error {
	switch {
	case err == io.EOF:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF) && rs.short:
		return c.errorf("cut off at %s %d in record %d, which begins at %s %d; %s", c.unit, rs.w.at, rs.number, c.unit, rs.at, wereRead(rs.number-1, "record", "records"))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return c.errorf("cut off at %s %d behind record %d", c.unit, rs.w.at, rs.number)
	}
	return c.errorf("%s %d behind record %d: %w", c.unit, rs.w.at, rs.number, err)
}

// take sorts a record in by its type (§5.5, §6).
func (c *reader) take(r *record) error {
	switch r.kind {
	case "request":
		return c.takeRequest(r)
	case "response", "resource":
		return c.takeResponse(r)
	case "warcinfo", "metadata":
	case "revisit":
		err := c.flush()
		c.requestOf(r)
		c.skip(revisit, "record %d at %s %d: %s: the same as an earlier one", r.number, c.unit, r.at, revisit)
		return err
	default:
		c.skip(otherRecord, "record %d at %s %d: %s", r.number, c.unit, r.at, otherRecord)
	}
	return nil
}

func (c *reader) takeRequest(r *record) error {
	if p := c.waiting.response; p != nil && (names(r, p) || names(p, r) || adjacent(r, p)) {
		c.waiting.response = nil
		return c.exchange(r, p)
	}
	k := r.keep(maxRequest)
	c.waiting.last = k
	if len(c.waiting.requests) == maxWaiting {
		c.waiting.requests = slices.Delete(c.waiting.requests, 0, 1)
	}
	c.waiting.requests = append(c.waiting.requests, k)
	return nil
}

func (c *reader) takeResponse(r *record) error {
	if err := c.flush(); err != nil {
		return err
	}
	if q := c.requestOf(r); q != nil {
		return c.exchange(q, r)
	}
	c.waiting.response = r.keep(len(r.block))
	return nil
}

// requestOf takes the request that waits for r: one of them names the other, or it came right before.
func (c *reader) requestOf(r *record) *record {
	last := c.waiting.last
	c.waiting.last = nil
	i := slices.IndexFunc(c.waiting.requests, func(q *record) bool { return names(q, r) || names(r, q) })
	if i < 0 && last != nil && adjacent(last, r) {
		i = slices.Index(c.waiting.requests, last)
	}
	if i < 0 {
		return nil
	}
	q := c.waiting.requests[i]
	c.waiting.requests = slices.Delete(c.waiting.requests, i, i+1)
	return q
}

// flush yields the response whose request did not come.
func (c *reader) flush() error {
	r := c.waiting.response
	c.waiting.response = nil
	if r == nil {
		return nil
	}
	return c.exchange(nil, r)
}

// names: a is concurrent to b (§5.7).
func names(a, b *record) bool {
	id := b.get("WARC-Record-ID")
	return id != "" && slices.ContainsFunc(a.header["Warc-Concurrent-To"], func(s string) bool { return strings.Trim(s, "<>") == id })
}

// adjacent: a request beside a response is its own when it is of the same URI and does not name another.
func adjacent(request, response *record) bool {
	return request.get("WARC-Concurrent-To") == "" && request.get("WARC-Target-URI") == response.get("WARC-Target-URI")
}

// exchange yields a response with its request, or with one made from its URI.
func (c *reader) exchange(request, response *record) error {
	x, reason, err := warcExchange(response)
	if err != nil {
		c.skip(reason, "record %d at %s %d: %s: %v", response.number, c.unit, response.at, reason, err)
		return nil
	}
	if request != nil {
		if err := setRequest(x, request.block); err != nil {
			c.skip(brokenRequest, "record %d at %s %d: %s: %v", request.number, c.unit, request.at, brokenRequest, err)
		}
	}
	if response.get("WARC-Truncated") != "" {
		c.skip(truncated, "record %d at %s %d: %s by who recorded it", response.number, c.unit, response.at, truncated)
	}
	c.number++
	return c.emit(x)
}

func warcExchange(r *record) (*candor.Exchange, string, error) {
	u, reason, err := parseURL(r.get("WARC-Target-URI"))
	if err != nil {
		return nil, reason, fmt.Errorf("WARC-Target-URI %w", err)
	}
	x := &candor.Exchange{Request: newRequest(u)}
	x.Time, _ = time.Parse(time.RFC3339, r.header.Get("WARC-Date"))
	kind := r.header.Get("Content-Type")
	if r.kind == "resource" {
		x.Status, x.Header, x.Body = http.StatusOK, http.Header{}, bytes.NewReader(r.block)
		if kind != "" {
			x.Header.Set("Content-Type", kind)
		}
		return x, "", nil
	}
	if kind != "" && !strings.HasPrefix(strings.ToLower(kind), "application/http") {
		return nil, notHTTP, errors.New("Content-Type is not application/http")
	}
	m, status, err := parseResponse(r.block)
	if err != nil {
		return nil, broken, err
	}
	x.Body, x.Status, x.Header = m.decoded(), status, m.header
	return x, "", nil
}

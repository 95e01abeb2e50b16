// Package capture turns recorded traffic into exchanges: HAR 1.2 (the W3C draft that browsers write), WARC 1.0 and 1.1
// (ISO 28500:2017), either of them plain or gzip, and any other file as the body of one response.
//
// Start with [Read], which tells by the content what it has, never by the name. It promises:
//
//   - bounded memory: one HAR entry or one WARC record of at most 64 MiB at a time (and the response that still waits for
//     its request); what is larger is passed over and counted. A raw file streams;
//   - work in proportion to what is read (of gzip: to what is inflated, where one WARC record is given up after 1 GiB);
//   - a broken part is counted in [Stats].Skipped, its place goes into [Stats].Notes, and the rest goes on;
//   - a capture that is cut off, or that cannot be read on, is an error that names the file, the part and the byte, after
//     everything before it has been yielded. Nothing in an error or a note is taken from the capture's content.
//
// Where a capture contradicts itself, more is handed out rather than less: a record's block ends its response, whatever
// Content-Length says, and chunks that are none are handed out as they stand.
//
// The WARC reader is our own: nlnwa/gowarc and internetarchive/gowarc are not to be had from the Go module proxy that
// this project builds with, and reading needs little of the format. It leaves out segmented records (§ 5.16, "continuation";
// their first segment is read), "revisit" and "conversion" records (counted), and .warc.zst (counted as "compressed").
package capture

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/klauspost/compress/gzip" // as the standard one, but inflates about twice as fast; the guard needs the module anyway

	"candor.example"
)

const (
	maxPart        = 64 << 20 // bytes of a HAR entry, or of a WARC record's block
	maxInflate     = 1 << 30  // bytes that are inflated to get behind one WARC record that is too large
	maxHead        = 1 << 20  // bytes of a WARC record's header, of an HTTP message's, or of a HAR's list of them
	maxRequestBody = 64 << 10 // bytes of a request's body that are kept
	maxNotes       = 20       // places that Stats names
)

// Why a part of a capture was passed over, or an exchange has no body.
const (
	tooLarge      = "too-large"        // larger than maxPart
	broken        = "broken"           // cannot be understood
	notHTTP       = "not-http"         // of another protocol: a WARC's dns: record, a HAR's data: URL
	noResponse    = "no-response"      // a request that was never answered (HAR status 0)
	bodyMissing   = "body-missing"     // the exchange is there, its body is not; see candor.Exchange.Skipped
	compressed    = "compressed"       // a raw file that is an archive: likewise
	brokenRequest = "broken-request"   // the exchange is there, but nothing says who asked
	revisit       = "revisit"          // a WARC record that says "the same as an earlier one"
	truncated     = "truncated"        // the exchange is there, with the part of its body that the WARC kept
	binaryMessage = "websocket-binary" // a binary WebSocket message
	otherRecord   = "other-record"     // a WARC record of a type that is not read
)

// Stats is what became of a capture.
type Stats struct {
	Exchanges int            // yielded
	Skipped   map[string]int // what no candor.Exchange.Skipped says: parts passed over, or not looked at, by reason
	Bytes     int64          // read of the capture, as it stands on disk
	Notes     []string       // where the first 20 parts are that were skipped in either way, and why: "shop.har: entry 6 at byte 812: broken: ..."
}

// Read calls yield for every exchange in r, in order. name is the capture's base name: errors and candor.Exchange.Source
// begin with it. An exchange's Body is valid until yield returns, and may be nil. An error of yield ends the reading and is
// returned as it is, as is ctx's. Stats are right with an error as well.
func Read(ctx context.Context, name string, r io.Reader, yield func(*candor.Exchange) error) (Stats, error) {
	return newReader(ctx, name, yield).read(r)
}

// reader is one capture being read.
type reader struct {
	ctx     context.Context
	name    string
	yield   func(*candor.Exchange) error
	stats   Stats
	unit    string // what offsets count: "byte", or "decompressed byte"
	number  int    // of the HAR entry or of the exchange, from 1
	stopped error  // what yield said
	limit   int    // maxPart, but for tests
	inflate int64  // maxInflate, but for tests
	waiting waiting
}

func newReader(ctx context.Context, name string, yield func(*candor.Exchange) error) *reader {
	return &reader{ctx: ctx, name: name, yield: yield, unit: "byte", limit: maxPart, inflate: maxInflate}
}

func (c *reader) read(r io.Reader) (Stats, error) {
	b := bufio.NewReaderSize(&source{ctx: c.ctx, r: r, read: &c.stats.Bytes}, 64<<10)
	err := c.detect(b)
	switch {
	case c.stopped != nil:
		err = c.stopped
	case c.ctx.Err() != nil:
		err = c.ctx.Err()
	}
	return c.stats, err
}

var gzipMagic = []byte{0x1f, 0x8b, 8} // RFC 1952 §2.3.1; 8 is deflate, the only method there is

func (c *reader) detect(b *bufio.Reader) error {
	head, err := b.Peek(3)
	if err != nil && err != io.EOF {
		return c.errorf("cannot be read: %w", err)
	}
	if bytes.Equal(head, gzipMagic) {
		return c.gzip(b)
	}
	return c.plain(b)
}

// plain reads what is not compressed, or no longer.
func (c *reader) plain(b *bufio.Reader) error {
	head, err := b.Peek(512)
	switch {
	case bytes.HasPrefix(head, warcMagic):
		return c.warc(&window{r: b})
	case bytes.HasPrefix(head, []byte("WARC/")):
		return c.errorf("is a WARC of a version that Candor cannot read: 1.0 and 1.1 (ISO 28500) are known")
	case startsObject(head):
		head, err = b.Peek(64 << 10)
		if looksLikeHAR(head) {
			return c.har(b)
		}
	case isArchive(head):
		return c.raw(nil, compressed)
	}
	if len(head) == 0 && err != io.EOF {
		return c.ended(err, 0)
	}
	return c.raw(b, "")
}

// gzip reads compressed captures. In a WARC each record may be a member of its own (ISO 28500:2017, annex D), so that the
// next one can be found behind a damaged one.
func (c *reader) gzip(b *bufio.Reader) error {
	c.unit = "decompressed byte"
	head, _ := b.Peek(4 << 10)
	if bytes.HasPrefix(inflated(head), warcMagic) {
		return c.warc(&window{r: &members{tape: tape{r: b}}})
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return c.ended(err, 0)
	}
	return c.plain(bufio.NewReaderSize(z, 64<<10))
}

// inflated is the beginning of what a gzip file holds, given the file's.
func inflated(head []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(head))
	if err != nil {
		return nil
	}
	p := make([]byte, len(warcMagic))
	n, _ := io.ReadFull(z, p)
	return p[:n]
}

// isArchive: scanning such a file as it stands would find nothing and look like an all-clear. ZIP is a document, and guard reads
// what is in it.
func isArchive(head []byte) bool {
	for _, magic := range []string{"\x28\xb5\x2f\xfd", "\xfd7zXZ\x00", "BZh", "7z\xbc\xaf\x27\x1c"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

// raw takes a file as what somebody was shown.
func (c *reader) raw(r io.Reader, skipped string) error {
	x := &candor.Exchange{Request: newRequest(&url.URL{Path: "/"}), Status: http.StatusOK, Header: http.Header{}, Skipped: skipped}
	body := &rawBody{c: c, r: r}
	if r != nil {
		x.Body = body
	}
	if skipped != "" {
		c.note("%s: the file is an archive: unpack it first", skipped)
	}
	c.number++
	if err := c.emit(x); err != nil {
		return err
	}
	return body.err
}

// rawBody keeps what ended the reading, in case that yield does not say.
type rawBody struct {
	c   *reader
	r   io.Reader
	at  int64
	err error
}

func (b *rawBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.at += int64(n)
	if err != nil && err != io.EOF {
		b.err = b.c.ended(err, b.at)
		err = b.err
	}
	return n, err
}

func newRequest(u *url.URL) *http.Request {
	return &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
}

// emit yields an exchange under the number at hand.
func (c *reader) emit(x *candor.Exchange) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	x.Source = fmt.Sprintf("%s#%d", c.name, c.number)
	c.stats.Exchanges++
	c.stopped = c.yield(x)
	return c.stopped
}

// skip counts, and notes where. The note must not quote the capture.
func (c *reader) skip(reason, where string, args ...any) {
	if c.stats.Skipped == nil {
		c.stats.Skipped = map[string]int{}
	}
	c.stats.Skipped[reason]++
	c.note(where, args...)
}

// note says where, while there is room.
func (c *reader) note(where string, args ...any) {
	if len(c.stats.Notes) < maxNotes {
		c.stats.Notes = append(c.stats.Notes, fmt.Sprintf("%s: %s", c.name, fmt.Sprintf(where, args...)))
	}
}

// errorf is an error that names the capture.
func (c *reader) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{c.name}, args...)...)
}

// ended says what ended the reading at a byte.
func (c *reader) ended(err error, at int64) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		return c.errorf("cut off at %s %d", c.unit, at)
	}
	return c.errorf("%s %d: %w", c.unit, at, err)
}

// source counts what is read, and ends with its context.
type source struct {
	ctx  context.Context
	r    io.Reader
	read *int64
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.r.Read(p)
	*s.read += int64(n)
	return n, err
}

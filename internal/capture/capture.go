// Package capture turns recorded traffic into exchanges: HAR 1.2 (the W3C draft that browsers write), WARC 1.0 and 1.1
// (ISO 28500), plain or gzip, and any other file as the body of one response.
//
// Start with [Read], which tells by the content what it has. It promises bounded memory (one entry or record of at most
// maxPart bytes; a raw file streams), that a broken part is a counted skip where the next one can be found, and errors that
// name the file and the place.
//
// The WARC reader is our own: nlnwa/gowarc and internetarchive/gowarc are not to be had from the Go module proxy that this
// project builds with, and reading needs little of the format.
package capture

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/klauspost/compress/gzip"

	"candor.example"
)

const (
	maxPart        = 64 << 20 // bytes of a HAR entry or of a WARC record
	maxRequestBody = 64 << 10 // bytes of a request's body that are kept
)

// Why a part of a capture was passed over.
const (
	tooLarge    = "too-large"
	broken      = "broken"
	notHTTP     = "not-http"     // a WARC record of another protocol
	bodyMissing = "body-missing" // the exchange is there, its body is not; see candor.Exchange.Skipped
)

// Stats is what was read: exchanges yielded, and parts passed over by reason.
type Stats struct {
	Exchanges int
	Skipped   map[string]int
}

func (s *Stats) skip(reason string) {
	if s.Skipped == nil {
		s.Skipped = map[string]int{}
	}
	s.Skipped[reason]++
}

// Read calls yield for every exchange in r, in order. name is what errors and candor.Exchange.Source call the capture. An
// exchange's Body is valid until yield returns. An error of yield ends it and is returned as it is.
func Read(ctx context.Context, name string, r io.Reader, yield func(*candor.Exchange) error) (Stats, error) {
	c := &reader{ctx: ctx, name: name, yield: yield}
	b := bufio.NewReaderSize(contextReader{ctx, r}, 64<<10)
	head, err := b.Peek(3)
	switch {
	case err != nil && err != io.EOF:
		return c.stats, fmt.Errorf("%s: %w", name, err)
	case len(head) == 3 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8:
		err = c.gzip(b)
	default:
		err = c.plain(b)
	}
	return c.stats, err
}

// reader is one capture being read.
type reader struct {
	ctx   context.Context
	name  string
	yield func(*candor.Exchange) error
	stats Stats
	part  int // number of the entry or exchange, from 1
}

// plain reads what is not compressed, or no longer.
func (c *reader) plain(b *bufio.Reader) error {
	head, _ := b.Peek(4096)
	switch {
	case bytes.HasPrefix(head, []byte("WARC/")):
		return c.warc(&plainRecords{b: b})
	case looksLikeHAR(head):
		return c.har(b)
	}
	return c.raw(b)
}

// gzip reads compressed captures. In a WARC each record may be a member of its own, so that a broken one can be passed over.
func (c *reader) gzip(b *bufio.Reader) error {
	head, _ := b.Peek(4096)
	if bytes.HasPrefix(inflated(head), []byte("WARC/")) {
		return c.warc(&gzipRecords{b: b})
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return c.plain(bufio.NewReaderSize(z, 64<<10))
}

// inflated is the beginning of what a gzip file holds.
func inflated(head []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(head))
	if err != nil {
		return nil
	}
	p := make([]byte, 16)
	n, _ := io.ReadFull(z, p)
	return p[:n]
}

// raw takes a file as what somebody was shown.
func (c *reader) raw(b io.Reader) error {
	x := &candor.Exchange{Request: &http.Request{Method: "GET", URL: &url.URL{Path: "/"}, Header: http.Header{}, Proto: "HTTP/1.1"}, Status: 200, Header: http.Header{}, Body: b}
	return c.emit(x)
}

func (c *reader) emit(x *candor.Exchange) error {
	c.stats.Exchanges++
	if x.Source == "" {
		c.part++
		x.Source = fmt.Sprintf("%s#%d", c.name, c.part)
	}
	if x.Skipped != "" {
		c.stats.skip(x.Skipped)
	}
	return c.yield(x)
}

// contextReader ends a read when its context does.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

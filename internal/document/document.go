// Package document reads the text inside files that web sites offer for download: XLSX, DOCX, PPTX (ECMA-376), ODS and ODT
// (OASIS OpenDocument), PDF (ISO 32000), and ZIP archives of these and of plain files.
//
// Start with [Extract]. It yields the text in pieces, cells and words in the order of the file: a row of a sheet is a line,
// with tabs between its cells. Text that a viewer would not show, but that the file holds (hidden sheets, properties,
// comments, links, superseded pages), is text, too: whoever has the file has it.
//
// Files are hostile: work and memory are bounded by [Limits], nothing is trusted about sizes, counts and references, and
// no file makes Extract panic. What could not be read is one of four errors, after all that could be read was yielded.
package document

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Why not all of a document's text could be read.
var (
	ErrEncrypted  = errors.New("encrypted: its text needs a password")
	ErrMalformed  = errors.New("malformed: not all of its text could be read")
	ErrLimit      = errors.New("decodes to more than the limit")
	ErrUnreadable = errors.New("unreadable: it holds pictures of text, or fonts that name no characters")
)

// Limits bound what a document may cost. The zero value has sensible limits.
type Limits struct {
	// Decoded is how many bytes may be decompressed, parsed and yielded, all in all. Zero: 1 GiB.
	Decoded int64
	// Held is how many decompressed bytes may be in memory for one purpose: a PDF's stream, its object streams, a sheet's
	// shared strings, a document inside another. Zero: 64 MiB.
	Held int64
}

const (
	maxEntries = 1 << 16 // of a ZIP archive, and a tenth of what a PDF may have in objects
	maxNesting = 3       // documents within documents
	maxToken   = 4 << 20 // one element or run of characters in XML; a cell holds at most 32,767 characters
)

var (
	magicZIP = []byte("PK\x03\x04")
	magicPDF = []byte("%PDF-")
	magicCFB = []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") // [MS-CFB]: the old Office formats, and encrypted new ones
)

// Extract yields the text of a document; a piece is valid only until yield returns. An error of yield's, or of ctx's, ends
// it and is returned as it is.
func Extract(ctx context.Context, body []byte, l Limits, yield func(text []byte) error) (err error) {
	if l.Decoded == 0 {
		l.Decoded = 1 << 30
	}
	if l.Held == 0 {
		l.Held = 64 << 20
	}
	s := &sink{ctx: ctx, left: l.Decoded, held: l.Held, yield: yield}
	defer func() {
		if p := recover(); p != nil && s.yielding {
			panic(p)
		} else if p != nil {
			err = fmt.Errorf("%w: the reader gave up: %v", ErrMalformed, p)
		}
	}()
	err = s.document(body, 0)
	if e := s.flush(); e != nil && s.failed == nil {
		return e
	}
	if s.failed != nil {
		return s.failed
	}
	return err
}

// sink gathers text into pieces, and counts what was spent.
type sink struct {
	ctx      context.Context
	looked   int // work until ctx is asked again
	left     int64
	held     int64
	buf      []byte
	yield    func([]byte) error
	failed   error // of yield or ctx
	yielding bool  // what panics is not ours
}

// document reads one document, which may be inside others. The worst of its parts' errors is its own.
func (s *sink) document(body []byte, depth int) error {
	switch {
	case depth > maxNesting:
		return ErrLimit
	case bytes.HasPrefix(body, magicZIP):
		return s.archive(body, depth)
	case bytes.HasPrefix(body, magicCFB):
		if bytes.Contains(body, []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00")) {
			return ErrEncrypted // [MS-OFFCRYPTO] §2.3.4.1
		}
		return fmt.Errorf("%w, or it has the format of Office before 2007", ErrUnreadable)
	case bytes.Contains(body[:min(len(body), 1024)], magicPDF): // ISO 32000-1 Annex H, note 13: within the first 1024 bytes
		return readPDF(s, body, depth)
	}
	return fmt.Errorf("%w: this is neither ZIP nor PDF", ErrMalformed)
}

// isDocument tells what document reads from what is text already.
func isDocument(body []byte) bool {
	return bytes.HasPrefix(body, magicZIP) || bytes.HasPrefix(body, magicPDF) || bytes.HasPrefix(body, magicCFB)
}

// spend counts n bytes of work.
func (s *sink) spend(n int) error {
	if s.failed != nil {
		return s.failed
	}
	if s.left -= int64(n); s.left < 0 {
		return ErrLimit
	}
	if s.looked -= n; s.looked < 0 {
		s.looked = 1 << 20
		s.failed = s.ctx.Err()
	}
	return s.failed
}

const pieceSize = 32 << 10

// text adds to the text. What it returns ends all reading.
func (s *sink) text(p []byte) error {
	if err := s.spend(len(p)); err != nil {
		return err
	}
	s.buf = append(s.buf, p...)
	if len(s.buf) < pieceSize {
		return nil
	}
	return s.flush()
}

func (s *sink) flush() error {
	if s.failed == nil {
		s.failed = s.ctx.Err()
	}
	if s.failed == nil && len(s.buf) > 0 {
		s.yielding = true
		s.failed = s.yield(s.buf)
		s.yielding = false
	}
	s.buf = s.buf[:0]
	return s.failed
}

// over reports that reading has to end, not only for this part.
func (s *sink) over(err error) bool { return s.failed != nil || errors.Is(err, ErrLimit) }

// worse keeps the error that says most: a limit or a cancellation, then encrypted, malformed, unreadable.
func worse(a, b error) error {
	for _, e := range []error{ErrLimit, ErrEncrypted, ErrMalformed, ErrUnreadable} {
		if errors.Is(a, e) {
			return a
		}
		if errors.Is(b, e) {
			return b
		}
	}
	if a == nil {
		return b
	}
	return a
}

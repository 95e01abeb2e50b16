package guard

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"candor.example"
)

// heldDocument is a response's body while it is, or may be, a document. This is the one exception to "no buffering": a
// document cannot be masked, its text is known only when all of it is there, and in Observe, too, a disclosing byte leaves
// only after its disclosure is on record.
type heldDocument struct {
	held    []byte // as it came, encoded; nil: nothing is held
	is      bool   // it is one: nothing in it can be masked
	settled bool   // it is none, or was dealt with
}

// How ZIP, PDF and the Office files from before 2007 begin (APPNOTE.TXT §4.3.7, ISO 32000-1 §7.5.2, [MS-CFB] §2.2).
var magics = []string{"PK\x03\x04", "%PDF-", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}

// maxUndecided is how many encoded bytes there may be of which none comes out: a block of zstd has up to 128 KiB (RFC 8878 §3.1.1.2.4),
// and comes out whole.
const maxUndecided = 129 << 10

// isDocument tells documents from other bodies by how they begin. decided is false while more bytes may tell. What calls
// itself a PDF may have up to 1 KiB of something else in front, as viewers allow.
func isDocument(h http.Header, how plan, head []byte) (is, decided bool) {
	contentType := h.Get("Content-Type")
	if strings.HasPrefix(contentType, "application/pdf") {
		return true, true
	}
	switch {
	case how == look:
		is, decided = begins(head)
		return is, decided || isText(contentType)
	case isText(contentType):
		return false, true
	}
	is, decided = begins(decodeHead(h, head))
	return is, decided || len(head) >= maxUndecided
}

func begins(head []byte) (is, decided bool) {
	for _, m := range magics {
		n := min(len(m), len(head))
		if m[:n] == string(head[:n]) {
			return n == len(m), n == len(m)
		}
	}
	return false, true
}

// mayBeDocument: what is passed uninspected stays so, and a part of a document cannot be read.
func (e *exchange) mayBeDocument(how plan) bool {
	return e.g.Document != nil && e.x.Status != http.StatusPartialContent && (how == look || how == tap || how == decode)
}

// hold keeps the next bytes of the body if it is a document.
func (rw *response) hold(p []byte) (held bool, err error) {
	d := &rw.doc
	if d.settled {
		return false, nil
	}
	if !d.is && !rw.x.mayBeDocument(rw.how) {
		d.settled = true
		return false, nil
	}
	head := p
	if len(d.held) > 0 {
		d.held = append(d.held, p...)
		head = d.held
	}
	decided := d.is
	if !d.is {
		d.is, decided = isDocument(rw.w.Header(), rw.how, head)
	}
	if decided && !d.is {
		return rw.letGo()
	}
	if len(d.held) == 0 {
		d.held = append(make([]byte, 0, max(len(p), 1)), p...)
	}
	if max(int64(len(d.held)), announced(rw.w.Header())) > rw.g.maxDocument() {
		rw.x.skip = SkipLimit
		if rw.denied() {
			rw.withhold()
			return true, errWithheld
		}
		return rw.letGo()
	}
	return true, nil
}

// announced is how long the body says it will be: what is too long to be held need not be waited for.
func announced(h http.Header) int64 {
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// maxWhole is how large a document may be that is asked for as a whole because a part of it was: not the download of a
// large archive that is fetched in pieces.
const maxWhole = 32 << 20

// worthWhole reports whether a partial response is of a document of that size (RFC 9110 §14.4).
func worthWhole(h http.Header) bool {
	_, total, _ := strings.Cut(h.Get("Content-Range"), "/")
	n, err := strconv.ParseInt(total, 10, 64)
	return isContainer(partType(h)) && err == nil && n <= maxWhole
}

// mayHold keeps flushed headers back, too, so that a document can be replaced and need not be cut off. Text is not kept
// waiting for its first byte.
func (rw *response) mayHold() bool {
	if rw.doc.settled || !rw.x.mayBeDocument(rw.how) {
		return false
	}
	return rw.doc.held != nil || !isText(rw.w.Header().Get("Content-Type"))
}

// letGo sends what was held the ordinary way. Nothing held: the caller goes on with what it has.
func (rw *response) letGo() (held bool, err error) {
	d := &rw.doc
	d.settled = true
	if d.held == nil {
		return false, nil
	}
	body := d.held
	d.held = nil
	return true, rw.write(body)
}

// denied: what could not be inspected is not let out.
func (rw *response) denied() bool { return rw.x.mode != Observe && rw.g.FailClosed }

// settleDocument inspects the document once all of it is there, and lets it go or withholds it.
func (rw *response) settleDocument() {
	d := &rw.doc
	if d.held == nil || rw.withheld {
		return
	}
	if d.is && rw.x.document(rw.ctx, d.held) {
		rw.withhold()
		return
	}
	rw.letGo()
}

// document inspects the text of a whole body, and reports whether it must not leave. What is found in it is recorded
// before it returns.
func (e *exchange) document(ctx context.Context, body []byte) (withhold bool) {
	body, skip := e.plain(body)
	if e.within = "pdf+"; bytes.HasPrefix(body, []byte(magics[0])) {
		e.within = "zip+"
	}
	w := watcher{e: e, ctx: ctx}
	text := func(p []byte) error {
		withhold = len(w.inspect(p, false)) > 0 || withhold
		return ctx.Err()
	}
	if skip == "" {
		skip = e.g.Document(ctx, body, text)
	}
	withhold = len(w.inspect(nil, true)) > 0 || withhold
	e.within, e.offset, e.bytes = "", 0, 0 // the body as such is still to come
	e.textLooked()
	if e.skip == "" {
		e.skip = skip
	}
	return withhold || ctx.Err() != nil || skip != "" && e.mode != Observe && e.g.FailClosed
}

// plain undoes a body's content codings.
func (e *exchange) plain(body []byte) ([]byte, candor.Skip) {
	encodings, _ := encodingsOf(e.x.Header)
	if len(encodings) == 0 {
		return body, ""
	}
	var out []byte
	d := newDecoder(encodings, e.g.maxDocument(), func(p []byte) error {
		out = append(out, p...)
		return nil
	})
	d.feed(body)
	d.close()
	switch {
	case errors.Is(d.err, errLimit):
		return nil, SkipLimit
	case d.err != nil:
		return nil, SkipMalformed
	}
	return out, ""
}

// documentIn inspects the body of a capture if it is a document, and returns it to be read the ordinary way, too.
func (e *exchange) documentIn(ctx context.Context, how plan, body io.Reader) (io.Reader, error) {
	if !e.mayBeDocument(how) {
		return body, nil
	}
	head := make([]byte, maxUndecided)
	n, err := io.ReadFull(body, head)
	if head = head[:n]; err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	is, _ := isDocument(e.x.Header, how, head)
	body = io.MultiReader(bytes.NewReader(head), body)
	if !is {
		return body, nil
	}
	all, err := io.ReadAll(io.LimitReader(body, e.g.maxDocument()+1))
	if err != nil {
		return nil, err
	}
	if int64(len(all)) > e.g.maxDocument() {
		e.skip = SkipLimit
	} else {
		e.document(ctx, all)
	}
	return io.MultiReader(bytes.NewReader(all), body), ctx.Err()
}

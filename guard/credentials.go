package guard

import (
	"candor.example"
	"candor.example/scan"
)

// looking is the search for credentials beside somebody's identifier. It costs, so it begins with the piece of the body in which the first
// identifier stands that has to be recorded, and says what it has not seen. An identifier in a header begins it with the body.
type looking struct {
	credentials *scan.Credentials
	missed      bool  // a part of the body had gone before
	to          int64 // offset in the body up to which it has looked
	whole       bool  // to the end
	present     []string
	presentAt   int64 // to, when present was asked for
}

// beginLooking begins with the piece that find has just inspected, or in the headers.
func (e *exchange) beginLooking() {
	l := &e.looking
	if l.credentials = e.spare; l.credentials == nil {
		l.credentials = &scan.Credentials{}
	}
	l.credentials.Reset()
	if e.piece == nil { // behind a body they are trailers
		l.missed = l.missed || e.bytes > 0
		return
	}
	l.missed, l.to = l.missed || e.offset > 0, e.offset
	e.look(e.piece, e.atEnd)
}

// look goes on over buf, the piece of the body that find has just inspected.
func (e *exchange) look(buf []byte, final bool) {
	l := &e.looking
	if seen := l.to - e.offset; seen < int64(len(buf)) {
		l.credentials.Write(buf[max(0, seen):])
		l.to = e.offset + int64(len(buf))
	}
	l.whole = final && !l.missed
}

// textLooked says that the text of a document has ended, and that its bytes follow, from the first on.
func (l *looking) textLooked() {
	l.missed = l.credentials == nil || !l.whole
	l.to, l.presentAt, l.whole = 0, -1, false
}

// looked is what is known now of credentials in the response, and how much of its body was looked at for them.
func (e *exchange) looked() (kinds []string, how string) {
	l := &e.looking
	if l.credentials == nil {
		return nil, ""
	}
	if l.presentAt != l.to { // the disclosures of one piece have the same
		l.present, l.presentAt = l.credentials.Present(), l.to
	}
	if l.whole && e.skip == "" {
		return l.present, candor.LookedAll
	}
	return l.present, candor.LookedPart
}

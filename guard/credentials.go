package guard

import (
	"candor.example"
	"candor.example/scan"
)

// looking is the search for credentials beside somebody's identifier. It costs, so it begins with the piece of the body in which the first
// identifier stands that has to be recorded, and says what it has not seen.
type looking struct {
	credentials *scan.Credentials
	missed      bool  // a part of the body had gone before
	to          int64 // offset in the body up to which it has looked
	whole       bool  // to the end
	present     []string
	presentAt   int64 // to, when present was asked for
}

// look goes on over buf, the piece of the body that find has just inspected, and says what is known now.
func (e *exchange) look(buf []byte, final bool) {
	l := &e.looking
	if l.credentials == nil {
		l.credentials = &scan.Credentials{}
		l.missed, l.to = e.offset > 0, e.offset
	}
	if seen := l.to - e.offset; seen < int64(len(buf)) {
		l.credentials.Write(buf[max(0, seen):])
		l.to = e.offset + int64(len(buf))
	}
	l.whole = final && !l.missed
}

// looked writes down what is known of credentials in the response.
func (e *exchange) looked(d *candor.Disclosure) {
	l := &e.looking
	if l.credentials == nil {
		return
	}
	if l.presentAt != l.to { // the disclosures of one piece have the same
		l.present, l.presentAt = l.credentials.Present(), l.to
	}
	d.Credentials, d.Looked = l.present, candor.LookedPart
	if l.whole {
		d.Looked = candor.LookedAll
	}
}

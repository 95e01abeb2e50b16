package guard

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"

	"candor.example"
)

// worked is what every disclosure of an exchange needs and only the first works out: a page that discloses tends to disclose
// many.
type worked struct {
	url     string
	viewer  candor.Viewer
	digest  string // viewer's
	holders []string
	held    bool // holders is known
	// suppliers are those of holders that have supplied anything: of a page with many disclosures only the first asks.
	suppliers []string
	asked     bool // suppliers is known
	mac       hash.Hash
	joined    []byte // for digest
	ids       string // that newID has yet to give out
}

// newID is candor.NewID, of which a page with many disclosures takes many at once.
func (e *exchange) newID() string {
	w := &e.worked
	if w.ids == "" {
		w.ids = candor.NewIDs(min(1+len(e.hits), 64))
	}
	id := w.ids[:candor.IDLength]
	w.ids = w.ids[candor.IDLength:]
	return id
}

// shownURL is the request's URL as a capture's report prints it, or as the journal keeps it, also of a capture that is recorded.
func (e *exchange) shownURL() string {
	if e.worked.url == "" && e.all != nil && e.g.Note == nil {
		e.worked.url = candor.MaskURL(impersonalURL(e.g.Directory, e.x.Request.URL))
	} else if e.worked.url == "" {
		e.worked.url = candor.SafeURL(impersonalURL(e.g.Directory, e.x.Request.URL))
	}
	return e.worked.url
}

// viewerDigest is v's digest; v changes when a policy rule gives it a role.
func (e *exchange) viewerDigest(v candor.Viewer) string {
	if e.worked.digest == "" || v != e.worked.viewer {
		e.worked.viewer, e.worked.digest = v, v.Digest(e.g.Key)
	}
	return e.worked.digest
}

// holders are the request's credentials.
func (e *exchange) holders() []string {
	if !e.worked.held {
		e.worked.holders, e.worked.held = credentials(e.x.Request), true
	}
	return e.worked.holders
}

func (e *exchange) suppliers() []string {
	w := &e.worked
	if w.asked {
		return w.suppliers
	}
	w.asked = true
	for _, h := range e.holders()[:min(len(e.holders()), maxHolders)] {
		if e.g.supplied.has(e.x.Time, e.digest("supplier", h)) {
			w.suppliers = append(w.suppliers, h)
		}
	}
	return w.suppliers
}

// mac is a keyed hash, ready for its input.
func (e *exchange) mac() hash.Hash {
	if e.worked.mac == nil {
		e.worked.mac = hmac.New(sha256.New, e.g.Key)
	}
	e.worked.mac.Reset()
	return e.worked.mac
}

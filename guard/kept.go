package guard

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/scan"
)

// kept is what is kept of a response with a match: what the cause of a disclosure is decided from (candor.Response). There is none of a
// response without one, which costs nothing; what request and headers tell is read only once something was disclosed.
type kept struct {
	response candor.Response
	told     bool            // response holds what request and headers tell
	recorded bool            // and was recorded so, with a disclosure
	traced   bool            // the body was looked at for a stack trace
	owners   map[string]bool // whose data was disclosed

	where
	body   *sameness // of the body from its first match on; nil: none yet
	within string    // the document in whose text that stands
	from   int64     // its offset
	byName bool      // it was a name, which is not looked for where the page is its viewer's own: an address is a better begin
	whole  bool      // body has seen it to the end
	latent bool      // the viewer's own data, in a response that a shared cache may keep
}

const (
	// maxPlaces is how many places of a response are kept.
	maxPlaces = 32
	// maxOwners bounds the memory of whose data one response disclosed: an export of all customers has that many at least.
	maxOwners = 1 << 20
	// maxOwnHits is how many of the viewer's own identifiers are looked at for where they stand.
	maxOwnHits = 256
)

// keep begins to keep something of the response.
func (e *exchange) keep() *kept {
	if e.kept == nil {
		e.kept = &kept{}
		e.caching()
	}
	return e.kept
}

// account takes a classed hit into what is kept of the response, and says where it stands.
func (e *exchange) account(h *hit, class candor.Class, f *candor.Facts) (place string, afterEnd bool) {
	if class != candor.Own && class != candor.Disclosed && class != candor.Link {
		return "", false
	}
	if e.all != nil && e.g.Note == nil {
		return "", false // of a capture that is only reported nothing is kept
	}
	k := e.keep()
	if h.header == "" && class != candor.Link && (k.body == nil || k.byName && h.Kind != scan.Name) {
		k.begin(e, h)
	}
	switch class {
	case candor.Own:
		return e.owned(h, f)
	case candor.Disclosed:
		return e.disclosed(h, f)
	}
	return e.placeOf(h)
}

// owned takes in an identifier of the viewer's own.
func (e *exchange) owned(h *hit, f *candor.Facts) (place string, afterEnd bool) {
	k := e.kept
	if k.response.Own++; k.response.Own <= maxOwnHits {
		place, afterEnd = e.placeOf(h)
		place = e.addPlace(&k.response.OwnPlaces, place)
	}
	if !k.latent && e.cache.shareable {
		k.latent = true
		e.noteLatent(h, f, place)
	}
	return place, afterEnd
}

// disclosed takes in somebody else's.
func (e *exchange) disclosed(h *hit, f *candor.Facts) (place string, afterEnd bool) {
	k := e.kept
	if !k.told {
		k.told = true
		e.tell(&k.response, f.Viewer)
	}
	if !k.traced && h.header == "" {
		k.traced = true
		if isTrace(e.x.Status, e.around, h.Offset) {
			k.response.Trouble = "trace"
		}
	}
	if k.owners == nil {
		k.owners = make(map[string]bool, len(e.hits))
	}
	for _, o := range h.owners {
		k.expose(o)
	}
	place, afterEnd = e.placeOf(h)
	place = e.addPlace(&k.response.Places, place)
	k.response.AfterEnd = k.response.AfterEnd || afterEnd
	return place, afterEnd
}

func (k *kept) expose(owner string) {
	if len(k.owners) < maxOwners {
		k.owners[owner] = true
	}
	k.response.Owners = len(k.owners)
}

// addPlace adds a place to a list, without what the directory knows to be somebody's.
func (e *exchange) addPlace(list *[]string, place string) string {
	if slices.Contains(*list, place) {
		return place
	}
	place = impersonalPlace(e.g.Directory, place)
	if len(*list) < maxPlaces && !slices.Contains(*list, place) {
		*list = append(*list, place)
	}
	return place
}

// begin begins the digest of the body, with the offset of its first match.
func (k *kept) begin(e *exchange, h *hit) {
	k.within, k.from, k.byName = e.within, e.offset+int64(h.Offset), h.Kind == scan.Name
	k.body = e.g.same.begin(e.g.Key, binary.BigEndian.AppendUint64([]byte("body\x00"+e.within+"\x00"), uint64(k.from)))
}

// follow goes on over the piece of the body that was dealt with, as upstream sent it: it must be called before a mask.
func (e *exchange) follow() {
	k := e.kept
	if k.body != nil && k.within == e.within {
		if first := max(0, k.from-e.offset); first < int64(e.settled) {
			k.body.write(e.piece[first:e.settled])
		}
		k.whole = e.atEnd
	}
	if e.within == "" && !e.atEnd {
		k.move(e.piece, e.settled)
	}
}

// digest sums the body up, if all of it from the first match on was seen.
func (k *kept) digest() string {
	if k.body == nil || !k.whole {
		return ""
	}
	return k.body.sum()
}

// people is a digest of whose data was disclosed, in whatever order.
func (e *exchange) people(owners map[string]bool) string {
	if len(owners) == 0 {
		return ""
	}
	parts := make([]string, 1, 1+len(owners))
	parts[0] = "people"
	parts = slices.AppendSeq(parts, maps.Keys(owners))
	slices.Sort(parts[1:])
	return e.digest(parts...)
}

// ended says that the response is over: what is known of it now is handed on, and remembered for its twins.
func (e *exchange) ended() {
	k := e.kept
	if k == nil {
		return
	}
	r := &k.response
	r.End = e.end()
	r.People = e.people(k.owners)
	r.Credentials, r.Looked = e.looked()
	if r.Body = k.digest(); r.Body != "" {
		r.Twins = e.g.bodies.meet(r.Body, sighting{viewer: e.viewerDigest(e.who()), own: r.Own > 0, start: e.x.Time, end: r.End})
	}
	if r.Own > 0 {
		e.g.personal.add(e, r.OwnPlaces, e.cache, e.repaired)
	}
	e.kept = nil
	if k.told && (k.recorded || e.all != nil) {
		e.note(candor.Entry{Responses: []candor.Response{*r}})
	}
}

// end is when the last byte was inspected; a capture does not say.
func (e *exchange) end() time.Time {
	if e.all != nil {
		return e.x.Time.UTC()
	}
	return time.Now().UTC()
}

func (e *exchange) note(entry candor.Entry) {
	if e.g.Note != nil {
		e.g.Note(entry)
	}
}

// responseID is random, and for an exchange of a capture always the same, so that it can be folded twice.
func (e *exchange) responseID() string {
	if e.all == nil {
		return e.newID()
	}
	r := e.x.Request
	return e.digest("response", e.x.Source, e.x.Time.UTC().Format(time.RFC3339Nano), r.Method, r.Host, r.URL.RequestURI())
}

// maxContext is how much of what stands on either side of an identifier is sealed with it, in bytes.
const maxContext = 64

// seal has a hit sealed for the notifier, who is the only one that can read it.
func (e *exchange) seal(h *hit, owner string, class candor.Class) (list []candor.Sealed) {
	if e.g.Seal == nil {
		return nil
	}
	if e.all == nil || e.firstTime(owner, h.Kind, "sealed") { // a capture's exchange is recorded as a whole
		list = e.g.Seal(owner, string(h.Kind), []byte(cmp.Or(h.written, h.value))) // a name as people write it: by it they are addressed
	}
	if class == candor.Disclosed && !e.contexts[owner] {
		if e.contexts == nil {
			e.contexts = map[string]bool{}
		}
		e.contexts[owner] = true
		around := e.around[max(0, h.Offset-maxContext):min(len(e.around), h.Offset+h.Length+maxContext)]
		list = append(list, e.g.Seal(owner, "context", bytes.Clone(around))...)
	}
	return list
}

// about says where an owner lives and what language they read.
func (e *exchange) about(d *candor.Disclosure, h *hit) {
	if e.g.About != nil {
		d.Locale, d.Country = e.g.About(d.Owner, h.Kind, []byte(h.value))
	}
}

// cut shortens a string to so many bytes, at a character's edge.
func cut(s string, most int) string {
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

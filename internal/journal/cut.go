package journal

import "candor.example"

const (
	maxPayload = 4 << 20 // of a message, in octets: the server refuses more
	// MaxSize is how large an entry may be, as Size has it, to be one message. Size is an estimate; three times as much still goes through.
	MaxSize = 1 << 20
	// maxBatch is how many disclosures go into one message.
	maxBatch = 1000
)

// Cut makes entries of an entry that is too large for one message. What is sealed comes first: until its disclosure is there, too, it
// means nothing, and whoever has it twice has it once. A response comes with the last of the disclosures that name it, for it may tell how
// those ended. The rest comes last.
//
// Of a capture's entry nothing but what is sealed comes apart: without Capture it would be counted again when the capture is read again.
// Whoever records captures keeps Size below MaxSize.
func Cut(e candor.Entry) []candor.Entry {
	if len(e.Disclosures) <= maxBatch && Size(e)+sizeOfAll(e.Sealed) <= MaxSize {
		return []candor.Entry{e} // nearly always
	}
	var c cutting
	for _, s := range e.Sealed {
		c.room(sizeOfSealed(s), 0)
		c.now.Sealed = append(c.now.Sealed, s)
	}
	if e.Capture != nil {
		c.room(Size(e), 0)
		e.Sealed = c.now.Sealed
		return append(c.done, e)
	}
	c.disclosures(e.Disclosures, e.Responses)
	rest := candor.Entry{Coverage: e.Coverage, Personal: e.Personal}
	c.room(Size(rest), 0)
	e.Disclosures, e.Responses, e.Sealed = c.now.Disclosures, c.now.Responses, c.now.Sealed
	return append(c.done, e)
}

// disclosures puts in disclosures, and responses with the last that names them.
func (c *cutting) disclosures(ds []candor.Disclosure, rs []candor.Response) {
	last := map[string]int{}
	for i := range ds {
		if ds[i].Response != "" && len(rs) > 0 {
			last[ds[i].Response] = i
		}
	}
	named := map[int][]candor.Response{}
	for _, r := range rs {
		if i, ok := last[r.ID]; ok {
			named[i] = append(named[i], r)
			continue
		}
		c.room(sizeOfResponse(&r), 0)
		c.now.Responses = append(c.now.Responses, r)
	}
	for i := range ds {
		n := SizeOf(&ds[i])
		for _, r := range named[i] {
			n += sizeOfResponse(&r)
		}
		c.room(n, 1)
		c.now.Disclosures, c.now.Responses = append(c.now.Disclosures, ds[i]), append(c.now.Responses, named[i]...)
	}
}

// cutting is an entry that is being cut.
type cutting struct {
	done []candor.Entry
	now  candor.Entry
	size int // of now
}

// room begins another message where the one at hand has no room for so much more.
func (c *cutting) room(size, disclosures int) {
	if c.size > 0 && (c.size+size > MaxSize || len(c.now.Disclosures)+disclosures > maxBatch) {
		c.done, c.now, c.size = append(c.done, c.now), candor.Entry{}, 0
	}
	c.size += size
}

// Size is about how many octets an entry takes in a message, but for what is sealed. JSON writes some characters in six.
func Size(e candor.Entry) (n int) {
	for i := range e.Disclosures {
		n += SizeOf(&e.Disclosures[i])
	}
	for i := range e.Responses {
		n += sizeOfResponse(&e.Responses[i])
	}
	for _, v := range e.Coverage {
		n += 150 + 2*len(v.Route) + len(v.Site)
	}
	for _, p := range e.Personal {
		n += 250 + 2*len(p.Route) + len(p.Site)
	}
	return n
}

// SizeOf is the same of a disclosure.
func SizeOf(d *candor.Disclosure) int {
	return 700 + len(d.Owner) + len(d.Masked) + 2*(len(d.URL)+len(d.Route)+len(d.Header)+len(d.Site))
}

func sizeOfResponse(r *candor.Response) int {
	n := 1000 + 2*(len(r.URL)+len(r.Route)+len(r.Site)) + len(r.CacheStatus) + len(r.CacheControl) + len(r.Vary)
	for _, list := range [][]string{r.Places, r.OwnPlaces, r.SurrogateKeys} {
		for _, s := range list {
			n += len(s) + 3
		}
	}
	return n
}

func sizeOfAll(sealed []candor.Sealed) (n int) {
	for _, s := range sealed {
		n += sizeOfSealed(s)
	}
	return n
}

// sizeOfSealed counts the blob as it is written, in base64.
func sizeOfSealed(s candor.Sealed) int {
	return 60 + len(s.Owner) + len(s.Kind) + len(s.Key) + (len(s.Blob)+2)/3*4
}

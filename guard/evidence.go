package guard

import (
	"cmp"
	"slices"
	"strings"

	"candor.example/scan"
)

// Names and telephone numbers are weak: many people may share one. They count by their evidence (scan.Evidence).

// besides is how far from a customer's identifier a name of the same customer may stand, in bytes: as far as scan looks.
const besides = 512

// strong is an identifier that was found lately: names beside it count.
type strong struct {
	offset int64 // in the body
	end    int64
	owners []string
}

// recognise tells the finder what to look for in this response.
func (e *exchange) recognise() {
	f, d := e.finder, e.g.Directory
	f.Found = e.confirm
	f.Names, f.Phones, f.Fields = d.Holds(scan.Name), d.Holds(scan.Phone), e.g.PersonalFields
	f.Known, f.Beside = nil, nil
	contentType := e.x.Header.Get("Content-Type")
	f.Charset = charsetOf(contentType)
	if !f.Names && !f.Phones {
		return
	}
	f.Beside = e.others
	if t, _ := mediaType(contentType); !events[t] && !isUpgrade(e.x.Request.Header) {
		f.Known = e.somebodyElses
	}
}

// charsetOf is the charset parameter of a media type (RFC 9110 §8.3.2), read without mime's allocations.
func charsetOf(contentType string) string {
	_, parameters, _ := strings.Cut(contentType, ";")
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(name), "charset") {
			return strings.ToLower(strings.Trim(strings.TrimSpace(value), `"'`))
		}
	}
	return ""
}

// events are types whose pieces may be all there is for a long time: they do not wait for what may stand beside a name.
var events = map[string]bool{"text/event-stream": true, "application/x-ndjson": true, "application/ndjson": true, "application/jsonl": true, "application/jsonlines": true,
	"application/x-jsonlines": true, "application/json-seq": true, "application/stream+json": true, "multipart/mixed": true, "multipart/x-mixed-replace": true}

// somebodyElses: a page that greets its viewer by name need not wait.
func (e *exchange) somebodyElses(kind scan.Kind, normalised []byte) bool {
	if !e.g.Directory.Known(kind, normalised) {
		return false
	}
	viewer := e.who().Customer
	return viewer == "" || !e.g.Directory.Owned(kind, normalised, viewer)
}

// confirm is scan's question: is this reading of the bytes somebody's?
func (e *exchange) confirm(m scan.Match) bool {
	owners := e.ownersOf(m)
	if len(owners) == 0 {
		return false
	}
	e.hits = append(e.hits, hit{Match: m, value: string(m.Value), written: string(m.Written), owners: owners})
	if m.Evidence == "" && (e.finder.Names || e.finder.Phones) {
		e.noted(m, owners)
	}
	return true
}

// others says that the identifier that was confirmed just now is not the viewer's own: else the names beside it are of no
// interest, for they would be, too.
func (e *exchange) others(scan.Match) bool {
	viewer := e.who().Customer
	return viewer == "" || !slices.Contains(e.hits[len(e.hits)-1].owners, viewer)
}

// ownersOf says to whom a match belongs. A weak one that several customers share is nobody's in particular, unless the viewer is one of
// them: then it is taken for the viewer's own.
func (e *exchange) ownersOf(m scan.Match) []string {
	if m.Evidence == scan.Near {
		return e.ownersBeside(m)
	}
	owners := e.g.Directory.Owners(m.Kind, m.Value)
	if m.Evidence == "" && (m.Kind != scan.Phone || len(owners) <= household) || len(owners) < 2 {
		return owners
	}
	if viewer := e.who().Customer; viewer != "" && e.g.Directory.Owned(m.Kind, m.Value, viewer) {
		return []string{viewer}
	}
	return e.ownersBeside(m)
}

// household is how many customers may share one telephone number. What more have is a shop's own, which tills put in for guests, or an
// office's: it would be a disclosure of all of them in every page's footer.
const household = 5

// ownersBeside are those whose identifiers stand within reach of a match that is theirs, too.
func (e *exchange) ownersBeside(m scan.Match) (owners []string) {
	start := e.offset + int64(m.Offset)
	end := start + int64(m.Length)
	first, _ := slices.BinarySearchFunc(e.lately, start-besides-scan.MaxTail, strong.compare)
	for _, s := range e.lately[first:] {
		if s.offset > end+besides {
			break
		}
		for _, o := range s.owners {
			if s.end >= start-besides && !slices.Contains(owners, o) && e.g.Directory.Owned(m.Kind, m.Value, o) {
				owners = append(owners, o)
			}
		}
	}
	if viewer := e.who().Customer; len(owners) > 0 && viewer != "" && e.g.Directory.Owned(m.Kind, m.Value, viewer) {
		return []string{viewer} // who bears the name, too, learns nothing from it
	}
	return owners
}

// noted keeps a strong identifier, in the order of offsets: of a list of customers there are many.
func (e *exchange) noted(m scan.Match, owners []string) {
	start := e.offset + int64(m.Offset)
	i, _ := slices.BinarySearchFunc(e.lately, start, strong.compare)
	e.lately = slices.Insert(e.lately, i, strong{start, start + int64(m.Length), owners})
}

func (s strong) compare(offset int64) int { return cmp.Compare(s.offset, offset) }

// remembered keeps the strong identifiers whose neighbourhood goes on in the next piece of the body.
func (e *exchange) remembered(settled int) {
	edge := e.offset + int64(settled) - 2*besides
	e.lately = slices.DeleteFunc(e.lately, func(s strong) bool { return s.end < edge })
}

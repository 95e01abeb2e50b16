package realshop

import (
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"candor.example"
)

// witness is the test's own account of who saw whose address: it knows who is who because it is the one who signed them
// in, and decides from DESIGN §2 with none of Candor's code.
type witness struct {
	all      []person
	people   map[string]string // address to id
	visitors int               // that went past

	classes   map[candor.Class]int       // matches
	disclosed map[string]map[string]bool // route to owners
}

func newWitness(v *vendure) *witness {
	w := &witness{all: v.People, people: map[string]string{}, classes: map[candor.Class]int{}, disclosed: map[string]map[string]bool{}}
	for _, p := range v.People {
		w.people[p.Email] = p.ID
	}
	return w
}

// saw notes what a shopper was really shown on a route, having sent that request.
func (w *witness) saw(s *shopper, route, request string, truth []byte) {
	for _, email := range w.addresses(truth) {
		class := w.class(s, route, request, email)
		w.classes[class]++
		if class != candor.Disclosed {
			continue
		}
		if w.disclosed[route] == nil {
			w.disclosed[route] = map[string]bool{}
		}
		w.disclosed[route][w.people[email]] = true
	}
}

var codeInRequest = regexp.MustCompile(`"code":"[1-9A-Z]{16}"`)

func (w *witness) class(s *shopper, route, request, email string) candor.Class {
	switch {
	case s.id != "" && s.id == w.people[email]:
		return candor.Own
	case strings.Contains(request, strings.ReplaceAll(email, "'", `\u0027`)), strings.Contains(request, email):
		return candor.Echo
	case strings.HasPrefix(route, "POST /admin-api#"):
		return candor.Allowed
	case s.id == "" && codeInRequest.MatchString(request):
		return candor.Link
	}
	return candor.Disclosed
}

var addressLike = regexp.MustCompile(`[\p{L}0-9.+'_-]+@[a-z0-9.-]+\.example`)

// addresses are those of customers in a body, each as often as it stands there, in JSON as in HTML.
func (w *witness) addresses(body []byte) (list []string) {
	text := string(body)
	if !json.Valid(body) {
		text = plain(text)
	}
	for _, found := range addressLike.FindAllString(text, -1) {
		if _, ours := w.people[found]; ours {
			list = append(list, found)
		}
	}
	return list
}

// plain is a page's text with references and percent-encoding resolved.
func plain(text string) string {
	text = html.UnescapeString(text)
	if decoded, err := url.PathUnescape(text); err == nil {
		return decoded
	}
	return text
}

// sets spells the disclosures as "route: ids", to be compared and read.
func (w *witness) sets() []string { return spell(w.disclosed) }

func spell(sets map[string]map[string]bool) []string {
	var lines []string
	for route, owners := range sets {
		lines = append(lines, fmt.Sprintf("%s: %s", route, strings.Join(slices.Sorted(maps.Keys(owners)), " ")))
	}
	slices.Sort(lines)
	return lines
}

// sameButMasked checks that a masked answer differs from the true one exactly where somebody else's address stands: same
// status, same length, every other byte in its place, and still JSON where it was JSON.
func (w *witness) sameButMasked(t *testing.T, s *shopper, route, request string, truth, got answer) {
	t.Helper()
	if got.status != truth.status || len(got.body) != len(truth.body) {
		t.Fatalf("%s masked: status %d, %d bytes; the shop's: %d, %d bytes", route, got.status, len(got.body), truth.status, len(truth.body))
	}
	if json.Valid(truth.body) && !json.Valid(got.body) {
		t.Errorf("%s: the shop's JSON is valid, the masked is not", route)
	}
	hidden := make([]bool, len(truth.body))
	for _, email := range w.foreign(s, route, request, truth.body) {
		if slices.Contains(w.addresses(got.body), email) {
			t.Errorf("%s: somebody else's address came through", route)
		}
		w.mark(hidden, string(truth.body), email)
		for _, p := range w.all { // a name beside the address is hidden, too
			if p.Email == email {
				w.mark(hidden, string(truth.body), p.FirstName)
				w.mark(hidden, string(truth.body), p.LastName)
			}
		}
	}
	for i := range truth.body {
		if got.body[i] != truth.body[i] && !hidden[i] {
			t.Fatalf("%s: byte %d was changed and is in nobody's address", route, i)
		}
	}
}

// foreign are the addresses in a body that a shopper should not see there.
func (w *witness) foreign(s *shopper, route, request string, body []byte) (list []string) {
	for _, email := range w.addresses(body) {
		if w.class(s, route, request, email) == candor.Disclosed {
			list = append(list, email)
		}
	}
	return list
}

// mark notes the bytes of an address in any spelling that the shop uses.
func (w *witness) mark(hidden []bool, text, email string) {
	escaped := url.QueryEscape(email)
	for _, form := range []string{email, strings.ReplaceAll(email, "'", "&#39;"), escaped, strings.ReplaceAll(escaped, "%27", "'")} {
		for at := strings.Index(text, form); at >= 0; {
			for j := range len(form) {
				hidden[at+j] = true
			}
			next := strings.Index(text[at+len(form):], form)
			if next < 0 {
				break
			}
			at += len(form) + next
		}
	}
}

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
	people   map[string]string // address to id
	visitors int               // that went past

	classes   map[candor.Class]int       // matches
	disclosed map[string]map[string]bool // route to owners
	fresh     []string                   // codes of orders placed by the test: links
}

func newWitness(v *vendure) *witness {
	w := &witness{people: map[string]string{}, classes: map[candor.Class]int{}, disclosed: map[string]map[string]bool{}}
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

// foreign are the addresses in a body that are not the shopper's own.
func (w *witness) foreign(s *shopper, body []byte) (list []string) {
	for _, email := range w.addresses(body) {
		if s.id == "" || w.people[email] != s.id {
			list = append(list, email)
		}
	}
	return list
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

// sameShape checks that a masked answer differs from the true one in nothing but foreign addresses: same status, same
// length, every byte in its place.
func (w *witness) sameButMasked(t *testing.T, s *shopper, truth, got answer) {
	t.Helper()
	if got.status != truth.status || len(got.body) != len(truth.body) {
		t.Fatalf("masked: status %d, %d bytes; the shop's: %d, %d bytes", got.status, len(got.body), truth.status, len(truth.body))
	}
	if seen := w.foreign(s, got.body); len(seen) > 0 {
		t.Errorf("%d addresses of other people came through", len(seen))
	}
	hidden := w.foreignBytes(s, truth.body)
	for i := range truth.body {
		if got.body[i] != truth.body[i] && !hidden[i] {
			t.Fatalf("byte %d was changed and is in no foreign address", i)
		}
	}
	if json.Valid(truth.body) && !json.Valid(got.body) {
		t.Error("the shop's JSON is valid, the masked is not")
	}
}

// foreignBytes marks the bytes of foreign addresses in any spelling that the shop uses.
func (w *witness) foreignBytes(s *shopper, body []byte) map[int]bool {
	marked := map[int]bool{}
	text := string(body)
	for _, email := range w.foreign(s, body) {
		for _, form := range []string{email, strings.ReplaceAll(email, "'", "&#39;"), url.QueryEscape(email), strings.ReplaceAll(url.QueryEscape(email), "%27", "'")} {
			for at := 0; ; {
				i := strings.Index(text[at:], form)
				if i < 0 {
					break
				}
				for j := range len(form) {
					marked[at+i+j] = true
				}
				at += i + len(form)
			}
		}
	}
	return marked
}

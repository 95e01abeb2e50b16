package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"candor.example"
)

// facts is evidence counted: what the rules ask of it. Only responses that were recorded to their end are counted, because what a
// response did not show may have come later.
type facts struct {
	Evidence
	ended []candor.Response // in the order of their times
	n     int               // of ended
	usual map[string]int64  // place: responses that showed their viewer the viewer's own data there

	bodies    map[string][]candor.Response // the same page, by its body
	viewers   map[string]int               // how many different ones were sent that body
	people    map[string][]candor.Response // responses that showed one person alone, by who that is
	addresses map[string][]candor.Response // the same, by what the address names (Object)

	// changing are responses of addresses that showed different people: what decided was not the address, but who or what came before.
	// turns is how many people the address with the most showed.
	changing, turns int
	// steady are addresses that were asked more than once and always showed the same person, visited those of them with three viewers or more,
	// and wide is how many viewers one had at most.
	steady, visited, wide int
}

func gather(e Evidence) *facts {
	f := &facts{Evidence: e, usual: map[string]int64{}, bodies: map[string][]candor.Response{}, people: map[string][]candor.Response{}, addresses: map[string][]candor.Response{}}
	for _, r := range e.Responses {
		if !r.End.IsZero() {
			f.ended = append(f.ended, r)
		}
	}
	slices.SortFunc(f.ended, func(a, b candor.Response) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	f.n = len(f.ended)
	for _, p := range e.Personal {
		f.usual[p.Place] += p.Responses
	}
	for _, r := range f.ended {
		if r.Body != "" {
			f.bodies[r.Body] = append(f.bodies[r.Body], r)
		}
		if single(r) && r.People != "" {
			f.people[r.People] = append(f.people[r.People], r)
			if byAddressOnly(r) {
				f.addresses[r.Object] = append(f.addresses[r.Object], r)
			}
		}
	}
	f.viewers = map[string]int{}
	for body, rs := range f.bodies {
		f.viewers[body] = different(rs, viewer)
	}
	f.byAddresses()
	return f
}

// basis says what the verdict is from.
func (f *facts) basis() string {
	s := fmt.Sprintf("Decided from %s with a disclosure", count(f.n, "response", "responses"))
	if f.Total > len(f.Responses) {
		s += fmt.Sprintf(", taken at random from %d", f.Total)
	}
	if cut := len(f.Responses) - f.n; cut > 0 {
		s += fmt.Sprintf("; %s not recorded to the end and left out", count(cut, "more was", "more were"))
	}
	return s + "."
}

func (f *facts) count(is func(candor.Response) bool) (n int) {
	for _, r := range f.ended {
		if is(r) {
			n++
		}
	}
	return n
}

// nearly is all but one in twenty: on a route with one cause some responses have another, such as one of a second mistake.
func (f *facts) nearly(n int) bool { return n > 0 && n >= f.n-f.n/20 }

// some is more than those that nearly leaves out.
func (f *facts) some(n int) bool { return n > f.n/20 }

func single(r candor.Response) bool { return r.Owners == 1 }

// alone: one person's data and nothing of the viewer's.
func alone(r candor.Response) bool { return r.Owners == 1 && r.Own == 0 }

// beside: nothing of the viewer's own stood at the same place, where it would have been one of a list from which the viewer is taken out.
func beside(r candor.Response) bool {
	return !slices.ContainsFunc(r.OwnPlaces, func(p string) bool { return slices.Contains(r.Places, p) })
}

// listed: one place held several people, an element of a list in JSON or one that stands there repeatedly.
func listed(r candor.Response) bool {
	inList := slices.ContainsFunc(r.Places, func(p string) bool { return strings.Contains(p, "[]") })
	return r.Owners >= 2 && (inList || r.Owners > len(r.Places))
}

// nobody: the request had nothing that signs anybody in.
func nobody(r candor.Response) bool {
	return r.Viewer != "customer" && r.Viewer != "role" && !r.Credentialed
}

// twinned: another viewer was sent the same page.
func twinned(r candor.Response) bool { return r.Twins.Viewers > 0 }

// fresh: a cache stands in front and says that it had to ask the shop (RFC 9211 §2.2, "fwd"; X-Cache and its like). "collapsed" is no word
// of the shop's (RFC 9211 §2.6).
func fresh(r candor.Response) bool {
	s := strings.ToLower(r.CacheStatus)
	return !r.Cached && !collapsed(r) && (strings.Contains(s, "miss") || strings.Contains(s, "fwd") || strings.Contains(s, "bypass") || strings.Contains(s, "dynamic") || strings.Contains(s, "pass"))
}

func collapsed(r candor.Response) bool {
	return strings.Contains(strings.ToLower(r.CacheStatus), "collapsed") && !strings.Contains(r.CacheStatus, "collapsed=?0")
}

// atUsualPlace: a stranger's data stood where the route's visitors see their own. One visit by a seller to a page that shows him to all
// makes no such place: it must be a tenth of what was disclosed, or where several people were shown in turn, three.
// One of its places is enough, for a name that stands beside the viewer's own address is not looked for.
func (f *facts) atUsualPlace(r candor.Response) bool { return slices.ContainsFunc(r.Places, f.isUsual) }

func (f *facts) isUsual(place string) bool {
	own := f.usual[place]
	return own >= 3 && own*10 >= int64(f.n) || own >= 3 && f.turns >= 2
}

// byAddresses counts what each address showed, once for all rules.
func (f *facts) byAddresses() {
	for _, rs := range f.addresses {
		turns := different(filter(rs, beside), who)
		f.turns = max(f.turns, turns)
		switch all := different(rs, who); {
		case turns >= 2:
			f.changing += len(rs)
		case all == 1 && len(rs) >= 2:
			f.steady++
			viewers := different(rs, viewer)
			f.visited += number(viewers >= 3)
			f.wide = max(f.wide, viewers)
		}
	}
}

// walked: viewers who were shown five people or more, as no accident shows one, account for half of all that was shown.
func (f *facts) walked() bool {
	shown := 0
	for _, v := range f.Spread.Top {
		if v.Owners >= harvest {
			shown += v.Owners
		}
	}
	return shown > 0 && 2*shown >= f.Spread.Pairs
}

// compared: nearly all bodies have a digest, so that it shows where no two were the same.
func (f *facts) compared() bool {
	return f.nearly(f.count(func(r candor.Response) bool { return r.Body != "" }))
}

// replayed are pages that were sent to different viewers seconds apart, with one Date: a cache must not change it (RFC 9110 §6.6.1), and
// whoever makes a page writes a new one.
func (f *facts) replayed() (pages int) {
	for _, rs := range f.bodies {
		if replay(rs) {
			pages++
		}
	}
	return pages
}

func replay(rs []candor.Response) bool {
	for i := range rs {
		for j := range rs[:i] {
			a, b := &rs[j], &rs[i]
			if a.ViewerDigest != b.ViewerDigest && !a.Date.IsZero() && a.Date.Equal(b.Date) && b.Time.Sub(a.End) >= 2*time.Second {
				return true
			}
		}
	}
	return false
}

// together: of each page all viewers waited at one moment, as they do for one answer that is given to all of them. A page that is made anew
// later, and comes out the same, is another occasion.
func (f *facts) together() bool {
	for _, rs := range f.bodies {
		first, end := rs[0].End, rs[0].End
		for _, r := range rs {
			if r.Time.After(end) {
				first = r.End
			}
			first, end = earlier(first, r.End), later(end, r.End)
			if r.Time.After(first) {
				return false
			}
		}
	}
	return true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// lasting are responses that showed a person whom one of the eight before had shown to another viewer: what is kept is shown again until it
// is replaced, on each of a few servers, and what goes astray goes once.
func (f *facts) lasting() (n int) {
	shown := filter(f.ended, single)
	for i, r := range shown {
		if slices.ContainsFunc(shown[max(0, i-8):i], func(before candor.Response) bool {
			return before.People == r.People && before.ViewerDigest != r.ViewerDigest
		}) {
			n++
		}
	}
	return n
}

// again are responses that showed a person whom another viewer was shown as well; differing are those of them whose pages were not all the same.
func (f *facts) again() (n, differing int) {
	for _, rs := range f.people {
		if different(rs, viewer) < 2 {
			continue
		}
		n += len(rs)
		if different(rs, func(r candor.Response) string { return r.Body }) >= 2 {
			differing += len(rs)
		}
	}
	return n, differing
}

// shared: another viewer was sent the same page, by the guard's memory of ten minutes or by the evidence.
func (f *facts) shared(r candor.Response) bool {
	return twinned(r) || f.viewers[r.Body] >= 2
}

// once are pages that went to nobody else, as far as that was seen, and not to their owners either.
func (f *facts) once() int {
	return f.count(func(r candor.Response) bool { return r.Body != "" && !f.shared(r) && !r.Twins.Owner })
}

// hung are responses that showed people only where lists showed several who hang on rows of something else: an article with one review has
// it at the same place as one with twenty.
func (f *facts) hung() (n int) {
	hang := map[string]bool{}
	lists := filter(f.ended, func(r candor.Response) bool { return listed(r) && !isTable(r) && !rowsArePeople(r) })
	for _, r := range lists {
		for _, p := range r.Places {
			hang[p] = true
		}
	}
	return f.count(func(r candor.Response) bool {
		return len(lists) >= 2 && len(r.Places) > 0 && !slices.ContainsFunc(r.Places, func(p string) bool { return !hang[p] })
	})
}

// places lists where strangers' data stood, at most three of them, for people.
func (f *facts) places() string {
	var all []string
	for _, r := range f.ended {
		for _, p := range r.Places {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	slices.Sort(all)
	if len(all) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:3], ", "), len(all)-3)
	}
	return strings.Join(all, ", ")
}

// contentTypes lists what the responses call themselves.
func (f *facts) contentTypes() string {
	var all []string
	for _, r := range f.ended {
		if !slices.Contains(all, r.ContentType) {
			all = append(all, r.ContentType)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// owners is the median of how many people one response showed.
func (f *facts) owners() int {
	if f.n == 0 {
		return 0
	}
	var all []int
	for _, r := range f.ended {
		all = append(all, r.Owners)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func who(r candor.Response) string    { return r.People }
func viewer(r candor.Response) string { return r.ViewerDigest }

func different(rs []candor.Response, by func(candor.Response) string) int {
	seen := map[string]bool{}
	for _, r := range rs {
		seen[by(r)] = true
	}
	return len(seen)
}

func filter(rs []candor.Response, is func(candor.Response) bool) (kept []candor.Response) {
	for _, r := range rs {
		if is(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

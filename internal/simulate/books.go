package simulate

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"candor.example"
	"candor.example/internal/incident"
)

// books fold what the guard records into evidence, by the ledger's rules, in memory.
type books struct {
	mu      sync.Mutex
	routes  map[string]*account
	entries []candor.Entry // as they came
}

type account struct {
	evidence  incident.Evidence
	responses map[string]candor.Response
	pairs     map[[2]string]bool // owner and viewer
	viewers   map[string]string  // digest to kind
}

func newBooks() *books { return &books{routes: map[string]*account{}} }

func (b *books) of(route string) *account {
	a := b.routes[route]
	if a == nil {
		a = &account{responses: map[string]candor.Response{}, pairs: map[[2]string]bool{}, viewers: map[string]string{}}
		b.routes[route] = a
	}
	return a
}

func (b *books) fold(e candor.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.Seq = uint64(len(b.entries) + 1)
	b.entries = append(b.entries, e)
	for _, d := range e.Disclosures {
		if d.Class == candor.Disclosed && d.Outcome != candor.Possible {
			b.of(d.Route).disclosure(d)
		}
	}
	for _, r := range e.Responses {
		a := b.of(r.Route)
		if was, ok := a.responses[r.ID]; !ok || was.End.IsZero() {
			a.responses[r.ID] = r
		}
	}
}

func (a *account) disclosure(d candor.Disclosure) {
	e := &a.evidence
	e.Disclosures++
	e.InURL += number(d.CWE != "")
	e.ThirdParty += number(d.ThirdParty != "")
	e.InHeader += number(d.Header != "")
	e.Kinds = insert(e.Kinds, d.Kind)
	e.Encodings = insert(e.Encodings, d.Encoding)
	a.pairs[[2]string{d.Owner, d.ViewerDigest}] = true
	a.viewers[d.ViewerDigest] = d.Viewer
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func insert[T cmp.Ordered](list []T, one T) []T {
	i, found := slices.BinarySearch(list, one)
	if found {
		return list
	}
	return slices.Insert(list, i, one)
}

// incidents decides every one.
func (b *books) incidents(personal []candor.Personal) (list []Incident) {
	for _, route := range slices.Sorted(maps.Keys(b.routes)) {
		a := b.routes[route]
		e := a.evidence
		if e.Disclosures == 0 {
			continue
		}
		ids := slices.Sorted(maps.Keys(a.responses))
		e.Total = len(ids)
		for _, id := range ids[:min(len(ids), incident.Sample)] {
			e.Responses = append(e.Responses, a.responses[id])
		}
		for _, p := range personal {
			if p.Route == route {
				e.Personal = append(e.Personal, p)
			}
		}
		e.Spread = a.spread()
		list = append(list, Incident{route, e, incident.Decide(e)})
	}
	return list
}

func (a *account) spread() (s incident.Spread) {
	byViewer, byOwner, kinds := map[string]int{}, map[string]int{}, map[string]int{}
	for p := range a.pairs {
		byOwner[p[0]]++
		byViewer[p[1]]++
	}
	s = incident.Spread{Owners: len(byOwner), Viewers: len(byViewer), Pairs: len(a.pairs)}
	for digest, n := range byViewer {
		s.MostOwners = max(s.MostOwners, n)
		s.Top = append(s.Top, incident.ViewerSeen{Digest: digest, Kind: a.viewers[digest], Owners: n})
		kinds[a.viewers[digest]]++
	}
	for _, n := range byOwner {
		s.MostViews = max(s.MostViews, n)
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		s.Kinds = append(s.Kinds, incident.ViewerCount{Kind: kind, Count: kinds[kind]})
	}
	slices.SortFunc(s.Top, func(a, b incident.ViewerSeen) int {
		return cmp.Or(-cmp.Compare(a.Owners, b.Owners), cmp.Compare(a.Digest, b.Digest))
	})
	s.Top = s.Top[:min(10, len(s.Top))]
	return s
}

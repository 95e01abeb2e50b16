package incident

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/scan"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// evidence is n responses of a route, each to a viewer of its own, of a different customer's data where the route's visitors see their own.
func evidence(n int, change func(i int, r *candor.Response)) Evidence {
	e := Evidence{Total: n, Kinds: []candor.Kind{scan.Email}, Disclosures: n, Encodings: []string{"plain"},
		Spread:   Spread{Owners: n, Viewers: n, Pairs: n, MostOwners: 1, MostViews: 1},
		Personal: []candor.Personal{{Place: "dd.email", Responses: 50}}}
	for i := range n {
		at := noon.Add(time.Duration(i) * time.Minute)
		r := candor.Response{ID: fmt.Sprint(i), Time: at, End: at.Add(time.Second), Method: "GET", Status: 200, Viewer: "customer", Credentialed: true, ViewerDigest: fmt.Sprint("v", i),
			Age: -1, Owners: 1, People: fmt.Sprint("p", i), Places: []string{"dd.email"}, Body: fmt.Sprint("b", i), ContentType: "text/html"}
		if change != nil {
			change(i, &r)
		}
		e.Responses = append(e.Responses, r)
	}
	return e
}

// each is the evidence of each cause at its plainest.
var each = map[CauseID]Evidence{
	CauseMemory:    evidence(6, func(i int, r *candor.Response) { r.AfterEnd, r.Places = true, []string{"text"} }),
	CauseErrorPage: evidence(6, func(i int, r *candor.Response) { r.Trouble, r.Places = "trace", []string{"pre"} }),
	CauseDeception: evidence(6, func(i int, r *candor.Response) {
		r.Deceptive, r.Twins = true, candor.Twins{Responses: 1, Viewers: 1, Owner: true}
	}),
	CauseCoalesced: evidence(6, func(i int, r *candor.Response) {
		r.Twins = candor.Twins{Responses: 2, Viewers: 2, Owner: true, Overlap: true}
	}),
	CauseSharedCache: evidence(6, func(i int, r *candor.Response) { r.Cached, r.Age, r.CacheStatus = true, 7, "X-Cache: HIT" }),
	CauseFragment: evidence(9, func(i int, r *candor.Response) {
		r.Own, r.OwnPlaces, r.People = 1, []string{"u.email"}, fmt.Sprint("p", i/3)
	}),
	CauseMixUp: evidence(6, nil),
	CauseListing: evidence(6, func(i int, r *candor.Response) {
		r.Owners, r.ContentType, r.Places = 200, "text/csv", []string{"text"}
	}),
	CauseHashed: with(evidence(6, func(i int, r *candor.Response) { r.Owners, r.Places = 5, []string{"img[src]"} }), func(e *Evidence) { e.Kinds = []candor.Kind{scan.EmailMD5} }),
	CauseURL:    with(evidence(6, func(i int, r *candor.Response) { r.Places = []string{"img[src]"} }), func(e *Evidence) { e.InURL, e.ThirdParty = 6, 6 }),
	CauseAuthentication: with(evidence(6, func(i int, r *candor.Response) {
		r.Viewer, r.Credentialed, r.Object, r.ViewerDigest = "anonymous", false, fmt.Sprint("o", i), "v"
	}), walker),
	CauseObjectAccess: with(evidence(6, func(i int, r *candor.Response) { r.Object, r.ViewerDigest = fmt.Sprint("o", i), "v" }), walker),
	CauseExcessiveData: evidence(6, func(i int, r *candor.Response) {
		r.Owners, r.Places, r.Object = 8, []string{"$.reviews[].author.email"}, fmt.Sprint("o", i)
	}),
}

func with(e Evidence, change func(*Evidence)) Evidence { change(&e); return e }

func walker(e *Evidence) {
	e.Spread.Viewers, e.Spread.MostOwners, e.Spread.Pairs, e.Spread.Top = 1, 6, 6, []ViewerSeen{{Owners: 6}}
}

func TestEachCause(t *testing.T) {
	if len(each) != len(causes) {
		t.Errorf("evidence for %d of %d causes", len(each), len(causes))
	}
	for _, k := range causes {
		v := Decide(each[k.id])
		if v.Cause != k.id {
			t.Errorf("%s: %+v", k.id, v)
			continue
		}
		if v.CWE == "" || v.OWASP == "" || v.List == "" || v.Variety == "" || len(v.Decided) < 2 || len(v.RuledOut) == 0 || len(v.Candidates) > 0 {
			t.Errorf("%s is told incompletely: %+v", k.id, v)
		}
		for _, c := range v.RuledOut {
			if c.Why == "" || c.Cause == v.Cause {
				t.Errorf("%s rules out %+v", k.id, c)
			}
		}
	}
}

// The same evidence gives the same verdict, in whatever order it is stored.
func TestDecideIsReplayable(t *testing.T) {
	for id, e := range each {
		want := Decide(e)
		e.Responses = slices.Clone(e.Responses)
		slices.Reverse(e.Responses)
		if got := Decide(e); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, then %+v", id, want, got)
		}
	}
}

func TestThinEvidence(t *testing.T) {
	if v := Decide(Evidence{}); v.Cause != CauseUndetermined || len(v.Candidates) != 0 {
		t.Errorf("where nothing is known every cause remains: %+v", v)
	}
	for _, e := range []Evidence{evidence(1, nil), evidence(6, func(_ int, r *candor.Response) { r.End = time.Time{} })} {
		v := Decide(e)
		if v.Cause != CauseUndetermined || len(v.Candidates) != 2 || v.Candidates[0].Why == "" {
			t.Errorf("%d responses: %+v", len(e.Responses), v)
		}
	}
}

// One response in twenty may show something else; two may not.
func TestNearly(t *testing.T) {
	for misfits, want := range map[int]CauseID{1: CauseErrorPage, 2: CauseUndetermined} {
		v := Decide(evidence(20, func(i int, r *candor.Response) {
			if i >= misfits {
				r.Trouble = "trace"
			}
		}))
		if v.Cause != want {
			t.Errorf("%d of 20 misfits: %+v", misfits, v)
		}
	}
}

// A walk is what shows five people to one viewer, who has half of all that was shown.
func TestWalked(t *testing.T) {
	for _, test := range []struct {
		most, pairs int
		want        bool
	}{{5, 10, true}, {4, 8, false}, {5, 11, false}} {
		f := facts{Evidence: Evidence{Spread: Spread{Top: []ViewerSeen{{Owners: test.most}}, Pairs: test.pairs}}}
		if f.walked() != test.want {
			t.Errorf("%+v", test)
		}
	}
}

func TestRowsArePeople(t *testing.T) {
	for place, want := range map[string]bool{
		"$[].email": true, "$.data.customers[].email": true, "$.data[].attributes.email": true, "$…[].node.email": true, "$.items[].fullName": true,
		"$.reviews[].author.email": false, "$.reviews[].author_email": false, "$.offer.seller.email": false, "span.email": false, "text": false,
	} {
		if got := rowsArePeople(candor.Response{Places: []string{place}}); got != want {
			t.Errorf("%s: %v", place, got)
		}
	}
	if rowsArePeople(candor.Response{}) || isTable(candor.Response{}) {
		t.Error("where nothing stood is no list")
	}
}

// A listing has a page's worth of rows at least; a table is one with three.
func TestListingRows(t *testing.T) {
	list := func(owners int, place string) CauseID {
		return Decide(evidence(6, func(i int, r *candor.Response) { r.Owners, r.Places = owners, []string{place} })).Cause
	}
	if list(fewestRows, "$.customers[].email") != CauseListing || list(fewestRows-1, "$.customers[].email") == CauseListing {
		t.Error("a page of a list")
	}
	if list(3, "td") != CauseListing || list(2, "td") == CauseListing {
		t.Error("rows of a table")
	}
}

func TestQuestionsAnswerWithTheVerdict(t *testing.T) {
	v := Decide(each[CauseSharedCache])
	got := Questions(Incident{Verdict: &v, Cause: v.Title, Release: "v2"}, noon)[2].Answer
	if !strings.HasPrefix(got, "Shared cache kept a personal page (CWE-524, API8:2023 Security Misconfiguration); first seen in release v2. 6 of 6 responses came out of a shared cache") {
		t.Error(got)
	}
	v = Decide(evidence(1, nil))
	if got := v.String(); !strings.HasPrefix(got, "Undetermined: either ") || !strings.Contains(got, ", or ") {
		t.Error(got)
	}
}

func BenchmarkDecide(b *testing.B) {
	e := evidence(Sample, func(i int, r *candor.Response) {
		r.People, r.Body = fmt.Sprint("p", i%100), fmt.Sprint("b", i%2)
		r.Date = r.Time.Add(-time.Duration(i) * time.Minute)
	})
	for b.Loop() {
		Decide(e)
	}
}

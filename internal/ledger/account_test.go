package ledger

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/scan"
)

func after(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// folder numbers entries as they come.
func folder(t testing.TB, l *Ledger) func(...candor.Entry) {
	seq := uint64(0)
	return func(list ...candor.Entry) {
		t.Helper()
		for i := range list {
			seq++
			list[i].Seq = seq
		}
		mustFold(t, l, list)
	}
}

// the only incident that there is.
func only(t testing.TB, l *Ledger) incident.Incident {
	t.Helper()
	list, err := l.Incidents(context.Background())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return list[0]
}

// shown is a response with one disclosure, as guard records it first.
func shown(id, owner, viewer string, outcome candor.Outcome, seconds int) candor.Entry {
	d := disclosed(owner, viewer, outcome, seconds)
	d.Response = id
	return candor.Entry{Disclosures: []candor.Disclosure{d}, Responses: []candor.Response{{ID: id, Time: d.Time, Site: d.Site, Route: d.Route, URL: "/account?" + id, Viewer: "customer", ViewerDigest: viewer, Age: -1}}}
}

// Of a response the record with its end stays; one that no disclosure names does not count; the sample is the smallest ids, exactly as many
// as incident.Sample, and all are counted.
func testEvidence(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	fold := folder(t, l)
	first := shown("m", "1", "v1", candor.Exposed, 0)
	ended := first.Responses[0]
	ended.End, ended.Owners = after(1), 7
	stranger := ended
	stranger.ID = "a"
	fold(first, candor.Entry{Responses: []candor.Response{ended, stranger}}, candor.Entry{Responses: first.Responses})
	id := only(t, l).ID
	e, err := l.Evidence(t.Context(), id)
	if err != nil || len(e.Responses) != 1 || e.Responses[0].Owners != 7 || e.Total != 1 || e.Disclosures != 1 {
		t.Fatalf("%+v, %v", e, err)
	}
	for i := range incident.Sample - 1 {
		fold(shown(fmt.Sprintf("n%04d", i), "2", "v2", candor.Exposed, 2))
	}
	if e, _ = l.Evidence(t.Context(), id); len(e.Responses) != incident.Sample || e.Total != incident.Sample {
		t.Errorf("at the limit: %d of %d", len(e.Responses), e.Total)
	}
	late := shown("z", "3", "v3", candor.Exposed, 3)
	fold(shown("b", "3", "v3", candor.Exposed, 3), late, candor.Entry{Responses: late.Responses})
	e, _ = l.Evidence(t.Context(), id)
	if len(e.Responses) != incident.Sample || e.Total != incident.Sample+2 || e.Responses[0].ID != "b" || e.Responses[incident.Sample-1].ID != "n0997" {
		t.Errorf("past the limit: %d of %d, %s to %s", len(e.Responses), e.Total, e.Responses[0].ID, e.Responses[incident.Sample-1].ID)
	}
	if fmt.Sprint(e.Spread) != "{3 3 3 1 1 [{customer 3}] [{v1 customer 1} {v2 customer 1} {v3 customer 1}]}" {
		t.Error(e.Spread)
	}
	if s, err := l.Spread(t.Context(), id); err != nil || !reflect.DeepEqual(s, e.Spread) {
		t.Errorf("the remembered spread is %+v, %v", s, err)
	}
	if _, err := l.Evidence(t.Context(), "inc-none"); !errors.Is(err, ErrNoIncident) {
		t.Error(err)
	}
}

// What stood beside an identifier, for the incident and for each person.
func testDetails(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	fold := folder(t, l)
	clean, part, more := disclosed("1", "v", candor.Exposed, 0), disclosed("2", "v", candor.Exposed, 1), disclosed("2", "v", candor.Exposed, 2)
	clean.Looked, clean.Country, clean.Locale = candor.LookedAll, "DE", "de-DE"
	part.Looked, part.Credentials, part.Evidence, part.CWE, part.ThirdParty, part.Header, part.Country = candor.LookedPart, []string{"token"}, scan.Evidence("near"), "CWE-598", "ads.example", "Location", "DE"
	more.Looked, more.Credentials, more.Country, more.Kind = candor.LookedAll, []string{"password"}, "FR", scan.Name
	fold(candor.Entry{Disclosures: []candor.Disclosure{clean, part}}, candor.Entry{Disclosures: []candor.Disclosure{more}})
	id := only(t, l).ID
	people, _ := l.Affected(t.Context(), id, "", 9)
	if p := people[0]; p.Looked != candor.LookedAll || len(p.Credentials) != 0 || p.Country != "DE" || p.Locale != "de-DE" {
		t.Errorf("%+v", p)
	}
	if p := people[1]; p.Looked != candor.LookedPart || fmt.Sprint(p.Credentials, p.Evidence, p.Kinds, p.Country) != "[password token] [near] [email name]FR" {
		t.Errorf("%+v", p)
	}
	a, _ := l.Account(t.Context(), id)
	if fmt.Sprint(a.Secrets, a.Looked) != "[password token]part" {
		t.Error(a.Secrets, a.Looked)
	}
	e, _ := l.Evidence(t.Context(), id)
	if e.Disclosures != 3 || e.InURL != 1 || e.ThirdParty != 1 || e.InHeader != 1 || e.Total != 3 {
		t.Errorf("%+v", e)
	}
	if list, _ := l.Countries(t.Context(), id); fmt.Sprint(list) != "[{DE 1 0 0} {FR 1 0 0}]" {
		t.Error(list)
	}
}

// What the end of a response says of credentials holds for everybody whom it showed, in whatever batch that comes; where one end is missing,
// or not all was looked at, nobody may say that there were none.
func testLookedToTheEnd(t *testing.T, fresh fresher) {
	at := func(id string, owners ...string) (e candor.Entry) {
		for _, o := range owners {
			one := shown(id, o, "v", candor.Exposed, 0)
			one.Disclosures[0].Looked = candor.LookedPart
			e.Disclosures, e.Responses = append(e.Disclosures, one.Disclosures...), one.Responses
		}
		return e
	}
	end := func(e candor.Entry, looked string, credentials ...string) candor.Entry {
		r := e.Responses[0]
		r.End, r.Looked, r.Credentials = after(1), looked, credentials
		return candor.Entry{Responses: []candor.Response{r}}
	}
	a, b, c := at("a", "1", "2"), at("b", "2", "3"), at("c", "3", "4", "4")
	steps := []struct {
		entry candor.Entry
		want  string
	}{
		{a, "1 part [], 2 part []: part"},
		{end(a, candor.LookedAll), "1 all [], 2 all []: all"},
		{b, "1 all [], 2 part [], 3 part []: part"},
		{c, "1 all [], 2 part [], 3 part [], 4 part []: part"},
		{end(c, candor.LookedAll, "token", "password"), "1 all [], 2 part [], 3 part [password token], 4 all [password token]: part"},
		{end(b, candor.LookedPart, "card"), "1 all [], 2 part [card], 3 part [card password token], 4 all [password token]: part"},
		{end(b, candor.LookedAll), "1 all [], 2 part [card], 3 part [card password token], 4 all [password token]: part"}, // it ended before
		{at("d", "1"), "1 part [], 2 part [card], 3 part [card password token], 4 all [password token]: part"},            // and is cut off
	}
	one, other := open(t, fresh), open(t, fresh)
	var list []candor.Entry
	for i, s := range steps {
		s.entry.Seq = uint64(i + 1)
		list = append(list, s.entry)
		mustFold(t, one, list[i:])
		id := only(t, one).ID
		people, _ := one.Affected(t.Context(), id, "", 9)
		var got []string
		for _, p := range people {
			got = append(got, fmt.Sprint(p.Owner, " ", p.Looked, " ", p.Credentials))
		}
		a, _ := one.Account(t.Context(), id)
		if text := strings.Join(got, ", ") + ": " + a.Looked; text != s.want {
			t.Errorf("step %d:\n got %s\nwant %s", i, text, s.want)
		}
	}
	mustFold(t, other, list)
	differ(t, dump(t, one), dump(t, other))
}

// A crawler that is verified after its first view is verified, in one batch and in two; one that was stays so.
func testVerifiedCrawler(t *testing.T, fresh fresher) {
	view := func(kind string, seconds int) candor.Disclosure {
		d := disclosed("1", "v", candor.Exposed, seconds)
		d.Viewer = kind
		return d
	}
	for _, kinds := range [][]string{{"claimed-crawler", "crawler"}, {"crawler", "claimed-crawler"}} {
		list := entries(view(kinds[0], 0), view(kinds[1], 1))
		whole, pieces := open(t, fresh), open(t, fresh)
		mustFold(t, whole, list)
		mustFold(t, pieces, list[:1])
		mustFold(t, pieces, list)
		differ(t, dump(t, whole), dump(t, pieces))
		if seen, _ := whole.viewers(t.Context(), only(t, whole).ID); fmt.Sprint(seen) != "[{crawler 1}]" {
			t.Error(kinds, seen)
		}
	}
}

// People whose own data a shared cache may have handed on are possibly exposed once a cache is seen at work there, and not any more once
// they are exposed.
func testPossible(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	fold := folder(t, l)
	own := func(owner string, seconds int) candor.Disclosure {
		d := disclosed(owner, "v", candor.Possible, seconds)
		d.Class, d.Country = candor.Own, "AT"
		return d
	}
	personal := candor.Personal{Time: start, Site: "shop.example", Route: "GET /account", Place: "$.email", Responses: 9, Shareable: 5, Repaired: 2, CacheControl: "public"}
	name := personal
	name.Place, name.Shareable, name.CacheControl = "$.name", 3, ""
	fold(candor.Entry{Disclosures: []candor.Disclosure{own("1", 0), own("2", 1), own("2", 5), own("3", 2)}, Personal: []candor.Personal{personal, name}})
	list, err := l.Latent(t.Context())
	if err != nil || len(list) != 1 || list[0].People != 3 || list[0].Responses != 5 || list[0].Repaired != 2 || list[0].CacheControl != "public" || list[0].Incident != "" || !list[0].Last.Equal(after(5)) {
		t.Errorf("%+v, %v", list, err)
	}
	if all, _ := l.Incidents(t.Context()); len(all) != 0 {
		t.Errorf("latent is no incident: %+v", all)
	}
	alone, cached := disclosed("9", "v", candor.Exposed, 6), disclosed("3", "v", candor.Exposed, 7)
	alone.Looked, cached.Looked, cached.Cached = candor.LookedAll, candor.LookedAll, true
	fold(candor.Entry{Disclosures: []candor.Disclosure{alone}})
	if a, _ := l.Account(t.Context(), only(t, l).ID); a.Possible != 0 || a.Looked != candor.LookedAll {
		t.Errorf("no cache was seen: %+v", a)
	}
	fold(candor.Entry{Disclosures: []candor.Disclosure{cached}})
	i := only(t, l)
	if i.Possible != 2 || i.Exposed != 2 {
		t.Errorf("%+v", i)
	}
	if a, _ := l.Account(t.Context(), i.ID); a.Looked != candor.LookedPart {
		t.Errorf("what the cache handed on was looked at by nobody: %+v", a)
	}
	people, _ := l.Affected(t.Context(), i.ID, "", 9)
	var got []string
	for _, p := range people {
		got = append(got, p.Owner+" "+string(p.Outcome))
	}
	if fmt.Sprint(got) != "[1 possible 2 possible 3 exposed 9 exposed]" {
		t.Error(got)
	}
	if page, _ := l.Affected(t.Context(), i.ID, "1", 1); len(page) != 1 || page[0].Owner != "2" || page[0].Count != 2 {
		t.Errorf("%+v", page)
	}
	if list, _ := l.Countries(t.Context(), i.ID); fmt.Sprint(list) != "[{ 2 0 0} {AT 0 0 2}]" {
		t.Error(list)
	}
	cached.Owner = "2"
	fold(candor.Entry{Disclosures: []candor.Disclosure{cached}})
	if i = only(t, l); i.Possible != 1 {
		t.Errorf("remembered for too long: %+v", i)
	}
	if list, _ = l.Latent(t.Context()); list[0].Incident != i.ID {
		t.Errorf("%+v", list)
	}
	agree(t, l)
}

// agree holds every stored figure against what it derives from.
func agree(t *testing.T, l *Ledger) {
	t.Helper()
	all, err := l.Incidents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		figures, err := l.Explain(t.Context(), i.ID)
		if err != nil || len(figures) < 11 {
			t.Fatal(figures, err)
		}
		for _, f := range figures {
			if !f.Agrees() {
				t.Errorf("%s: %+v", i.ID, f)
			}
			var n int64
			if err := l.db.QueryRow(f.SQL).Scan(&n); err != nil || n != f.Derived {
				t.Errorf("%s as it is printed: %d, %v", f.SQL, n, err)
			}
		}
	}
}

func testExplain(t *testing.T, fresh fresher) {
	for seed := range uint64(3) {
		l := open(t, fresh)
		mustFold(t, l, random(rand.New(rand.NewPCG(seed, 9)), 200))
		agree(t, l)
	}
	l := open(t, fresh)
	mustFold(t, l, entries(disclosed("1", "v", candor.Exposed, 0)))
	l.db.Exec(`UPDATE incident SET exposed = 5`)
	figures, _ := l.Explain(t.Context(), only(t, l).ID)
	if figures[0].Agrees() || figures[0].Derived != 1 {
		t.Errorf("%+v", figures[0])
	}
}

func testMoments(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	fold := folder(t, l)
	minutes := func(n int, skip candor.Skip, responses int64) candor.Coverage {
		return candor.Coverage{Time: after(60 * n), Site: "shop.example", Route: "GET /account", Skip: skip, Responses: responses}
	}
	fold(candor.Entry{Releases: []candor.Release{{Time: after(-600), Site: "shop.example", Name: "v1", Source: "header"}, {Time: after(-300), Name: "v2", Source: "anna"}, {Time: after(30), Site: "shop.example", Name: "v3", Source: "header"}},
		Coverage: []candor.Coverage{minutes(-20, "media", 3), minutes(-9, "", 7), minutes(-1, "", 5), minutes(0, "", 100), minutes(1, "limit", 4), minutes(2, "limit", 1), minutes(9, "", 11), minutes(20, "limit", 9)}},
		candor.Entry{Disclosures: []candor.Disclosure{disclosed("1", "v", candor.Exposed, 0), disclosed("1", "v", candor.Exposed, 130)}})
	id := only(t, l).ID
	gaps, err := l.Gaps(t.Context(), id)
	if err != nil || len(gaps) != 2 || gaps[0] != (incident.Gap{Skip: incident.SkipAbsent, To: after(-540), Responses: -1}) || gaps[1] != (incident.Gap{Skip: "limit", From: after(60), To: after(180), Responses: 5}) {
		t.Errorf("%+v, %v", gaps, err)
	}
	fold(candor.Entry{Actions: []candor.Action{{ID: "1", Time: after(400), By: "anna", What: candor.Fixed, Incident: id, Details: map[string]string{"at": after(500 - 200).Format(time.RFC3339)}}}})
	m, err := l.Moments(t.Context(), id)
	if err != nil || !m.Introduced.Equal(after(-300)) || m.By["introduced"] != "anna" || m.Clean != 12 || m.Since != 11 || !m.Fixed.Equal(after(300)) || m.By["fixed"] != "anna" || !m.First.Equal(start) || !m.Last.Equal(after(130)) {
		t.Errorf("%+v, %v", m, err)
	}
	// One response with three people, told of in two entries, is one; those without an id are one each. The fix's own minute is left out.
	once, more := shown("r1", "1", "v", candor.Exposed, 545), shown("r1", "3", "v", candor.Exposed, 559)
	once.Disclosures = append(once.Disclosures, shown("r1", "2", "v", candor.Exposed, 546).Disclosures...)
	fold(once, more)
	fold(more, candor.Entry{Disclosures: []candor.Disclosure{disclosed("1", "v", candor.Exposed, 570), disclosed("1", "v", candor.Exposed, 301)}})
	fold(candor.Entry{Actions: []candor.Action{{ID: "2", Time: after(900), By: "anna", What: candor.Fixed, Incident: id, Details: map[string]string{"at": after(302).Format(time.RFC3339)}}}})
	if m, err := l.Moments(t.Context(), id); err != nil || m.Since != 9 || m.Clean != 12 {
		t.Errorf("%+v, %v", m, err)
	}
	agree(t, l)
}

// Actions change what they may; what they may not stays in the audit with the reason.
func testActions(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	fold := folder(t, l)
	fold(shown("r1", "1", "v", candor.Exposed, 0))
	id := only(t, l).ID
	n := 0
	do := func(what string, details ...string) candor.Entry {
		n++
		d := map[string]string{}
		for i := 0; i < len(details); i += 2 {
			d[details[i]] = details[i+1]
		}
		return candor.Entry{Actions: []candor.Action{{ID: fmt.Sprint("a", n), Time: after(100 + n), By: "anna", What: what, Incident: id, Why: "she said so", Details: d}}}
	}
	fold(do(candor.Confirmed))
	again := do(candor.Confirmed)
	again.Actions[0].ID = "a1"
	unknown := do(candor.Fixed)
	unknown.Actions[0].Incident = "inc-none"
	fold(again, unknown, do(candor.Contained, "site", "shop.example", "mode", "trip", "count", "3", "within", "10m"), do(candor.Contained, "site", "shop.example", "mode", "nonsense"), do(candor.Reset, "site", "shop.example"),
		do(candor.Reset, "site", "other.example"), do(candor.Assessed, "dpc", "2", "ei", "1", "cb", "0.5"), do(candor.Assessed, "dpc", "a lot"), do(candor.Determined, "at", "yesterday"), do(candor.Determined))
	if i := only(t, l); i.State != incident.Confirmed { // a breaker that waits for disclosures keeps nothing in
		t.Error(i.State)
	}
	list, err := l.Audit(t.Context(), id, 100)
	if err != nil {
		t.Fatal(err)
	}
	var refused []string
	for _, a := range list {
		if a.Refused != "" {
			refused = append(refused, a.What)
		}
	}
	if all, _ := l.Audit(t.Context(), "", 100); len(all) != 10 || len(list) != 9 || fmt.Sprint(refused) != "[determine severity reset contain]" || all[0].N != 10 {
		t.Errorf("%d, %d, %v", len(all), len(list), refused)
	}
	if c, err := l.Containments(t.Context()); err != nil || len(c) != 1 || c[0].Mode != "trip" || c[0].Count != 3 || c[0].Within != 10*time.Minute || c[0].Reset.IsZero() || c[0].By != "anna" {
		t.Errorf("%+v, %v", c, err)
	}
	if a, err := l.Assessment(t.Context(), id); err != nil || a.DPC != "2" || a.Why != "she said so" {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := l.Assessment(t.Context(), "inc-none"); a != nil || err != nil {
		t.Errorf("%+v, %v", a, err)
	}
	fold(do(candor.Fixed), do(candor.Verified, "requests", "3", "answered", "3", "disclosing", "0", "result", "clean"), do(candor.Closed))
	if i := only(t, l); i.State != incident.Closed {
		t.Error(i.State)
	}
	testAppendOnly(t, l)
}

// An action at a time that cannot have been changes nothing, and the fold goes on; a disclosure at such a time counts.
func testImpossibleTimes(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	fold := folder(t, l)
	fold(shown("r1", "1", "v", candor.Exposed, 0))
	id := only(t, l).ID
	never := shown("r2", "2", "v", candor.Exposed, 0)
	never.Disclosures[0].Time, never.Responses[0].Time = time.Time{}, time.Time{}
	far := shown("r3", "3", "v", candor.Exposed, 0)
	far.Disclosures[0].Time = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	fold(never, far)
	act := func(name, what string, when time.Time, details map[string]string) candor.Entry {
		return candor.Entry{Actions: []candor.Action{{ID: name, Time: when, By: "anna", What: what, Incident: id, Details: details}}}
	}
	masked := act("a5", candor.Contained, time.Time{}, map[string]string{"site": "shop.example", "mode": "mask"})
	masked.Actions[0].Incident = ""
	fold(act("a1", candor.Fixed, after(9), map[string]string{"at": "0001-01-01T00:00:00Z"}), act("a2", candor.Fixed, after(9), map[string]string{"at": "1600-01-01T00:00:00Z"}),
		act("a3", candor.Fixed, time.Time{}, nil), act("a4", candor.Fixed, after(9), map[string]string{"at": "9999-01-01T00:00:00Z"}), masked)
	all, _ := l.Audit(t.Context(), "", 9)
	for _, a := range all {
		if a.Refused == "" {
			t.Errorf("%+v", a)
		}
	}
	i := only(t, l)
	if c, _ := l.Containments(t.Context()); len(all) != 5 || i.State != incident.Open || i.Exposed != 3 || i.FirstSeen.Year() != 1678 || i.LastSeen.Year() != 2262 || len(c) != 0 {
		t.Errorf("%d, %+v, %v", len(all), i, c)
	}
	agree(t, l)
	fold(act("a6", candor.Fixed, after(9), nil))
	if err := l.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}

// What was tripped and is reset is contained no more, all over its place, but where something else keeps the data in.
func testReset(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	fold := folder(t, l)
	for n, route := range []string{"GET /a", "GET /b", "GET /c"} {
		d := disclosed("1", "v", candor.Exposed, n)
		d.Route = route
		fold(candor.Entry{Disclosures: []candor.Disclosure{d}})
	}
	n := 0
	do := func(what, mode, route string, details ...string) candor.Entry {
		n++
		d := map[string]string{"site": "shop.example", "mode": mode, "route": route}
		for i := 0; i < len(details); i += 2 {
			d[details[i]] = details[i+1]
		}
		return candor.Entry{Actions: []candor.Action{{ID: fmt.Sprint("a", n), Time: after(100 + n), By: "anna", What: what, Details: d}}}
	}
	aware := do(candor.Confirmed, "", "")
	aware.Actions[0].Incident = incident.ID("shop.example", "GET /b", after(1))
	tripped := []string{"count", "1", "within", "1m", "tripped", after(90).Format(time.RFC3339)}
	for _, c := range []struct {
		entry candor.Entry
		want  string // the states of a, b and c
	}{
		{aware, "open confirmed open"},
		{do(candor.Contained, "trip", "", tripped...), "contained contained contained"},
		{do(candor.Reset, "trip", ""), "open confirmed open"},
		{do(candor.Contained, "trip", "GET /b", tripped...), "open contained open"},
		{do(candor.Contained, "trip", ""), "contained contained contained"},
		{do(candor.Reset, "trip", ""), "open contained open"}, // the route's own is still tripped
		{do(candor.Reset, "trip", "GET /b"), "open confirmed open"},
		{do(candor.Contained, "mask", "GET /c"), "open confirmed contained"},
		{do(candor.Contained, "trip", ""), "contained contained contained"},
		{do(candor.Reset, "trip", ""), "open confirmed contained"}, // and masked
	} {
		fold(c.entry)
		list, _ := l.Incidents(t.Context())
		slices.SortFunc(list, func(a, b incident.Incident) int { return strings.Compare(a.Route, b.Route) })
		var got []string
		for _, i := range list {
			got = append(got, string(i.State))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %v, want %s", c.entry.Actions[0].Details, got, c.want)
		}
	}
	if all, _ := l.Audit(t.Context(), "", 20); len(all) != 10 || slices.ContainsFunc(all, func(a Audited) bool { return a.Refused != "" }) {
		t.Errorf("%+v", all)
	}
}

// What is let out again stays contained where something else keeps it in, and nothing is contained that its route lets out.
func testUncontained(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	fold := folder(t, l)
	for n, route := range []string{"GET /a", "GET /b"} {
		d := disclosed("1", "v", candor.Exposed, n)
		d.Route = route
		fold(candor.Entry{Disclosures: []candor.Disclosure{d}})
	}
	a := incident.ID("shop.example", "GET /a", after(0))
	for n, c := range []struct{ incident, route, mode, want string }{
		{"", "", "mask", "contained contained"},
		{"", "GET /a", "withhold", "contained contained"},
		{"", "GET /a", "", "contained contained"}, // the site's mask holds
		{a, "GET /a", "", "contained contained"},
		{"", "GET /a", "trip", "contained contained"},
		{a, "GET /a", "observe", "open contained"},
		{"", "", "withhold", "open contained"}, // which /a does not follow
		{"", "GET /a", "mask", "contained contained"},
		{"", "", "observe", "contained open"},
		{a, "GET /a", "", "open open"},
		{"inc-none", "", "mask", "open open"}, // refused
	} {
		d := map[string]string{"site": "shop.example", "route": c.route, "mode": c.mode}
		if c.mode == "trip" {
			d["count"], d["within"] = "3", "10m"
		}
		fold(candor.Entry{Actions: []candor.Action{{ID: fmt.Sprint("a", n), Time: after(100 + n), By: "anna", What: candor.Contained, Incident: c.incident, Details: d}}})
		list, _ := l.Incidents(t.Context())
		slices.SortFunc(list, func(x, y incident.Incident) int { return strings.Compare(x.Route, y.Route) })
		if got := fmt.Sprint(list[0].State, " ", list[1].State); got != c.want {
			t.Errorf("%d, %+v: %s", n, c, got)
		}
	}
	all, _ := l.Audit(t.Context(), "", 20)
	if list, _ := l.Containments(t.Context()); len(all) != 11 || all[0].Refused == "" || all[1].Refused != "" || len(list) != 2 || list[0].Mode != "observe" {
		t.Errorf("%+v, %+v", all[:2], list)
	}
}

// Whatever ids actions bear, each is done once, and so is what Candor does by itself.
func testActionIDs(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	fold := folder(t, l)
	fold(shown("r1", "1", "v", candor.Exposed, 0))
	id := only(t, l).ID
	do := func(name, what string) candor.Entry {
		return candor.Entry{Actions: []candor.Action{{ID: name, Time: after(10), By: "anna", What: what, Incident: id}}}
	}
	fold(do("candor-4", candor.Confirmed), do("candor-4", candor.Confirmed), do("~candor-4", candor.Determined), do("f", candor.Fixed), shown("r2", "1", "v", candor.Exposed, 20))
	if i := only(t, l); i.State != incident.Open {
		t.Error(i.State)
	}
	var got []string
	all, _ := l.Audit(t.Context(), "", 9)
	for _, a := range all {
		got = append(got, a.ID+" "+a.By+" "+a.What)
	}
	if want := "[candor-4 candor reopen f anna fix ~~candor-4 anna determine ~candor-4 anna confirm]"; fmt.Sprint(got) != want {
		t.Error(got)
	}
}

// Countries are counted anew when anything has come in that changes them.
func testCountries(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	fold := folder(t, l)
	if list, err := l.Countries(t.Context(), "inc-none"); len(list) != 0 || err != nil {
		t.Error(list, err)
	}
	from := func(country string, class candor.Class, outcome candor.Outcome, owner string) candor.Disclosure {
		d := disclosed(owner, "v", outcome, 0)
		d.Class, d.Country, d.Cached = class, country, true
		return d
	}
	for _, c := range []struct {
		d    candor.Disclosure
		want string
	}{
		{from("DE", candor.Disclosed, candor.Exposed, "1"), "[{DE 1 0 0}]"},
		{from("FR", candor.Disclosed, candor.Exposed, "1"), "[{FR 1 0 0}]"}, // has moved: no set has grown
		{from("AT", candor.Own, candor.Possible, "2"), "[{AT 0 0 1} {FR 1 0 0}]"},
		{from("CH", candor.Own, candor.Possible, "2"), "[{CH 0 0 1} {FR 1 0 0}]"},
		{from("CH", candor.Disclosed, candor.Prevented, "1"), "[{CH 0 1 1} {FR 1 0 0}]"},
	} {
		fold(candor.Entry{Disclosures: []candor.Disclosure{c.d}})
		for range 2 {
			list, err := l.Countries(t.Context(), only(t, l).ID)
			if err != nil || fmt.Sprint(list) != c.want {
				t.Errorf("%v, %v, want %s", list, err, c.want)
			}
			if len(list) > 0 {
				list[0].Exposed = 99 // the caller's own
			}
		}
	}
}

// A response is one, whatever is disclosed in it and in however many batches, until it has ended.
func testResponses(t *testing.T, fresh fresher) {
	one, other := open(t, fresh), open(t, fresh)
	end := func(id string) candor.Entry {
		r := shown(id, "1", "v", candor.Exposed, 1).Responses[0]
		r.End, r.Looked = after(1), candor.LookedAll
		return candor.Entry{Responses: []candor.Response{r}}
	}
	list := []candor.Entry{shown("a", "1", "v", candor.Exposed, 0), shown("a", "2", "v", candor.Exposed, 15), shown("b", "1", "w", candor.Exposed, 0), end("a"), end("a"), shown("b", "3", "v", candor.Prevented, 0),
		end("c"), shown("d", "1", "v", candor.Exposed, 0), end("d"), shown("d", "1", "v", candor.Exposed, 21), shown("d", "2", "v", candor.Exposed, 31), end("b")}
	want := []int{1, 1, 2, 2, 2, 2, 2, 3, 3, 4, 4, 4}
	for i := range list {
		list[i].Seq = uint64(i + 1)
		mustFold(t, one, list[:i+1])
		if e, err := one.Evidence(t.Context(), only(t, one).ID); err != nil || e.Total != want[i] {
			t.Errorf("step %d: %d, %v", i, e.Total, err)
		}
	}
	mustFold(t, other, list)
	differ(t, dump(t, one), dump(t, other))
	agree(t, one)
	var open int
	if err := one.db.QueryRow(`SELECT COUNT(*) FROM response`).Scan(&open); err != nil || open != 1 {
		t.Errorf("%d are open, %v", open, err)
	}
}

// A person has the same viewers, whichever came first, and one that comes again is the same one.
func testViewersOfOne(t *testing.T, fresh fresher) {
	list := entries(disclosed("1", "b", candor.Exposed, 0), disclosed("1", "b", candor.Exposed, 1), disclosed("1", "a", candor.Exposed, 2), disclosed("1", "c", candor.Prevented, 3),
		disclosed("2", "a", candor.Exposed, 4), disclosed("1", "b", candor.Exposed, 5), disclosed("1", "a", candor.Exposed, 6), disclosed("1", "", candor.Exposed, 7))
	whole, pieces := open(t, fresh), open(t, fresh)
	mustFold(t, whole, list)
	for i := range list {
		mustFold(t, pieces, list[i:i+1])
	}
	differ(t, dump(t, whole), dump(t, pieces))
	people, err := whole.Affected(t.Context(), only(t, whole).ID, "", 9)
	if err != nil || len(people) != 3 || people[0].Viewers != 3 || people[1].Viewers != 1 || people[2].Viewers != 1 {
		t.Errorf("%+v, %v", people, err)
	}
	for _, l := range []*Ledger{whole, pieces} {
		agree(t, l)
		var first, further string
		if err := l.db.QueryRow(`SELECT viewer, (SELECT MAX(digest) FROM further) FROM affected WHERE owner = '1' AND outcome = 'exposed'`).Scan(&first, &further); err != nil || first != "b" || further != "a" {
			t.Errorf("%q and %q, %v", first, further, err)
		}
	}
}

func testAppendOnly(t *testing.T, l *Ledger) {
	if err := l.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	for _, query := range []string{`UPDATE audit SET actor = 'nobody' WHERE n = 2`, `DELETE FROM audit WHERE n = 2`} {
		if _, err := l.db.Exec(query); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", query, err)
		}
	}
	n, head, err := l.AuditHead(t.Context())
	if err != nil || n != 13 || len(head) != 64 {
		t.Error(n, head, err)
	}
	drop := []string{`DROP TRIGGER audit_update`, `DROP TRIGGER audit_delete`}
	if l.dialect == postgres {
		drop = []string{`DROP TRIGGER audit_append_only ON audit`}
	}
	for _, d := range drop {
		l.db.Exec(d)
	}
	for _, c := range []struct{ query, want string }{{`UPDATE audit SET why = 'x' WHERE n = 7`, "row 7 does not fit"}, {`DELETE FROM audit WHERE n = 3`, "row 3 is missing"}} {
		if _, err := l.db.Exec(c.query); err != nil {
			t.Fatal(err)
		}
		if err := l.VerifyAudit(t.Context()); !errors.Is(err, ErrAudit) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.query, err)
		}
	}
}

// A disclosure later than the fix opens an incident again; so does a fix that is said to be older than a disclosure.
func testReopened(t *testing.T, fresh fresher) {
	for _, batch := range []int{1, 100} {
		l := open(t, fresh)
		id := incident.ID("shop.example", "GET /account", start)
		fix := func(name string, seconds int) candor.Entry {
			return candor.Entry{Actions: []candor.Action{{ID: name, Time: after(1000), By: "anna", What: candor.Fixed, Incident: id, Details: map[string]string{"at": after(seconds).Format(time.RFC3339)}}}}
		}
		list := []candor.Entry{shown("r1", "1", "v", candor.Exposed, 0), fix("f1", 10), shown("r2", "1", "v", candor.Exposed, 10), shown("r3", "1", "v", candor.Prevented, 11), shown("r4", "1", "v", candor.Prevented, 12), fix("f2", 5), fix("f3", 12)}
		for i := range list {
			list[i].Seq = uint64(i + 1)
		}
		states := []incident.State{}
		for i := 0; i < len(list); i += batch {
			mustFold(t, l, list[i:min(i+batch, len(list))])
			states = append(states, only(t, l).State)
		}
		if want := "[open fixed fixed open open open fixed]"; batch == 1 && fmt.Sprint(states) != want || batch == 100 && fmt.Sprint(states) != "[fixed]" {
			t.Error(states)
		}
		var did []string
		all, _ := l.Audit(t.Context(), id, 100)
		slices.Reverse(all)
		for _, a := range all {
			did = append(did, fmt.Sprint(a.By, " ", a.What, " ", a.Time.Sub(start).Seconds()))
		}
		if fmt.Sprint(did) != "[anna fix 1000 candor reopen 11 anna fix 1000 candor reopen 12 anna fix 1000]" {
			t.Error(did)
		}
		if m, _ := l.Moments(t.Context(), id); !m.Reopened.Equal(after(12)) || m.By["reopened"] != "candor" {
			t.Errorf("%+v", m)
		}
		if err := l.VerifyAudit(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// What CDNs must forget: at the limit nothing is cut, and one past it is said.
func testPurge(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	fold := folder(t, l)
	page := func(n int) candor.Entry {
		e := shown(fmt.Sprintf("r%06d", n), "1", "v", candor.Exposed, 1)
		e.Responses[0].Cached = true
		return e
	}
	first := page(0)
	first.Responses[0].SurrogateKeys, first.Responses[0].Masked = []string{"product-1"}, true
	fold(first, page(1), shown("x", "1", "v", candor.Exposed, 2))
	id := only(t, l).ID
	p, err := l.Purge(t.Context(), id)
	if err != nil || fmt.Sprint(p) != "{[/account?r000001] [/account?r000000] [product-1] false}" {
		t.Errorf("%v, %v", p, err)
	}
	var many []candor.Entry
	for n := range MaxPurge - 3 {
		many = append(many, page(n+2))
	}
	fold(many...)
	if p, _ = l.Purge(t.Context(), id); len(p.URLs) != MaxPurge-2 || p.Cut {
		t.Error("at the limit:", len(p.URLs), p.Cut)
	}
	fold(page(1), page(2))
	if p, _ = l.Purge(t.Context(), id); p.Cut {
		t.Error("nothing new")
	}
	fold(page(MaxPurge))
	if p, _ = l.Purge(t.Context(), id); len(p.URLs) != MaxPurge-2 || !p.Cut {
		t.Error("past the limit:", len(p.URLs), p.Cut)
	}
}

func testSealed(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	fold := folder(t, l)
	sealed := func(owner, kind string, b byte) candor.Sealed {
		return candor.Sealed{Owner: owner, Kind: kind, Key: "k1", Blob: []byte{b, 0, 255}}
	}
	fold(candor.Entry{Disclosures: []candor.Disclosure{disclosed("1", "v", candor.Exposed, 0), disclosed("2", "v", candor.Prevented, 0), disclosed("3", "v", candor.Exposed, 0), disclosed("4", "v", candor.Exposed, 0)},
		Sealed: []candor.Sealed{sealed("1", "email", 1), sealed("1", "email", 2), sealed("2", "email", 3)}},
		candor.Entry{Sealed: []candor.Sealed{sealed("1", "email", 4), sealed("1", "name", 5), sealed("4", "email", 6)}})
	id := only(t, l).ID
	page, err := l.Sealed(t.Context(), id, "", 1)
	if err != nil || len(page) != 2 || page[0].Kind != "email" || !bytes.Equal(page[0].Blob, []byte{1, 0, 255}) {
		t.Errorf("%v, %v", page, err)
	}
	if page, _ = l.Sealed(t.Context(), id, "1", 9); len(page) != 1 || page[0].Owner != "4" {
		t.Errorf("%v", page)
	}
	anew := sealed("4", "email", 7) // after `candor keys rotate --seal`
	anew.Key = "k2"
	fold(candor.Entry{Sealed: []candor.Sealed{anew}}, candor.Entry{Sealed: []candor.Sealed{anew}})
	if page, _ = l.Sealed(t.Context(), id, "1", 9); len(page) != 2 || page[0].Key != "k1" || page[1].Key != "k2" || !bytes.Equal(page[1].Blob, []byte{7, 0, 255}) {
		t.Errorf("%v", page)
	}
}

// Texts as an attacker has them: NUL, broken UTF-8, and routes that no index can hold.
func testHostileText(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	fold := folder(t, l)
	bad := "\x00\xff\"\\<'" + strings.Repeat("ü", 5000)
	e := shown("r"+bad, "o"+bad, "v"+bad, candor.Exposed, 0)
	d, r := &e.Disclosures[0], &e.Responses[0]
	d.Site, d.Route, d.Encoding, d.Release, d.Country, d.Credentials = bad, bad, bad, bad, bad, []string{bad}
	r.Site, r.Route, r.URL, r.Cached, r.SurrogateKeys = bad, bad, bad, true, []string{bad, "k"}
	link, own := *d, *d
	link.Class, link.Link = candor.Link, bad
	own.Class, own.Outcome = candor.Own, candor.Possible
	e.Disclosures = append(e.Disclosures, link, own)
	e.Sealed, e.Coverage = []candor.Sealed{{Owner: bad, Kind: bad, Key: bad}}, []candor.Coverage{{Time: start, Site: bad, Route: bad, Skip: candor.Skip(bad)}}
	e.Personal = []candor.Personal{{Time: start, Site: bad, Route: bad, Place: bad, CacheControl: bad}}
	e.Releases = []candor.Release{{Time: start, Site: bad, Name: bad, Source: bad}}
	e.Actions = []candor.Action{{ID: bad, By: bad, What: bad, Incident: bad, Why: bad, Details: map[string]string{bad: bad}}}
	fold(e)
	i := only(t, l)
	if len(i.Route) > maxKey {
		t.Error(len(i.Route))
	}
	if v, err := l.Evidence(t.Context(), i.ID); err != nil || len(v.Responses) != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	if p, err := l.Purge(t.Context(), i.ID); err != nil || fmt.Sprint(p) != "{[] [] [k] true}" {
		t.Errorf("%v, %v", p, err)
	}
	if err := l.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	agree(t, l)
	for n, long := range map[int]bool{maxKey: false, maxKey + 1: true} {
		if s := strings.Repeat("x", n); (key(s) != s) != long {
			t.Errorf("%d octets", n)
		}
	}
}

// Several that open a new ledger at once make it once.
func testOpenedAtOnce(t *testing.T, fresh fresher) {
	where := fresh(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			l, err := Open(context.Background(), where)
			if err != nil {
				t.Error(err)
				return
			}
			l.Close()
		})
	}
	all.Wait()
}

// Two that fold the same journal at once count nobody twice.
func testTwoFolds(t *testing.T, fresh fresher) {
	where := fresh(t)
	a, b := openAt(t, where), openAt(t, where)
	list := random(rand.New(rand.NewPCG(5, 5)), 300)
	var both sync.WaitGroup
	for i, l := range []*Ledger{a, b} {
		both.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 6))
			for {
				seq, err := l.Applied(context.Background())
				if err != nil || int(seq) == len(list) {
					break
				}
				if err := l.Fold(context.Background(), list[seq:min(len(list), int(seq)+1+r.IntN(20))]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	both.Wait()
	alone := open(t, sqliteFile)
	mustFold(t, alone, list)
	differ(t, dump(t, alone), dump(t, a))
}

// A ledger that the first schema made is brought up to date, and is then what its journal gives.
func testUpgrade(t *testing.T, fresh fresher) {
	where := fresh(t)
	l := openAt(t, where)
	p, err := l.provider()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile("testdata/00001.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.db.Exec(string(old)); err != nil {
		t.Fatal(err)
	}
	l.Close()
	anew := open(t, sqliteFile)
	mustFold(t, anew, journalled(t, "testdata/00001.jsonl"))
	l = openAt(t, where)
	differ(t, dump(t, anew), dump(t, l))
	agree(t, l)
}

// Viewers come through the sixth migration, down and up; of responses those stay that have somebody waiting for their end.
func testViewersMigrate(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	mustFold(t, l, random(rand.New(rand.NewPCG(8, 8)), 200))
	before := withoutResponses(dump(t, l))
	p, err := l.provider()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	if _, err := l.db.Exec(`INSERT INTO response (incident, id) VALUES ('i', 'ended'), ('i', 'open'); INSERT INTO pending (incident, response, owner, outcome, count) VALUES ('i', 'open', 'o', 'exposed', 1)`); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	agree(t, l)
	var left string
	if err := l.db.QueryRow(`SELECT MIN(id) FROM response WHERE incident = 'i'`).Scan(&left); err != nil || left != "open" {
		t.Error(left, err)
	}
	if _, err := l.db.Exec(`DELETE FROM response WHERE incident = 'i'; DELETE FROM pending WHERE incident = 'i'`); err != nil {
		t.Fatal(err)
	}
	differ(t, before, withoutResponses(dump(t, l)))
}

func withoutResponses(dump string) string {
	var rest strings.Builder
	for line := range strings.Lines(dump) {
		if !strings.HasPrefix(line, "response ") {
			rest.WriteString(line)
		}
	}
	return rest.String()
}

func journalled(t *testing.T, path string) (list []candor.Entry) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var e candor.Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		e.Seq = uint64(len(list) + 1)
		list = append(list, e)
	}
	return list
}

package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/scan"
)

// fresher is where a new ledger may be.
type fresher func(testing.TB) string

func open(t testing.TB, fresh fresher) *Ledger {
	t.Helper()
	return openAt(t, fresh(t))
}

func openAt(t testing.TB, where string) *Ledger {
	t.Helper()
	l, err := Open(context.Background(), where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

var start = time.Date(2018, 11, 20, 10, 0, 0, 0, time.UTC)

func disclosed(owner, viewer string, outcome candor.Outcome, seconds int) candor.Disclosure {
	return candor.Disclosure{Site: "shop.example", Route: "GET /account", Owner: owner, ViewerDigest: viewer, Viewer: "customer", Kind: scan.Email,
		Encoding: "plain", Class: candor.Disclosed, Outcome: outcome, Time: start.Add(time.Duration(seconds) * time.Second), Release: "v2"}
}

func entries(ds ...candor.Disclosure) (list []candor.Entry) {
	for i, d := range ds {
		list = append(list, candor.Entry{Seq: uint64(i + 1), Disclosures: []candor.Disclosure{d}})
	}
	return list
}

func mustFold(t testing.TB, l *Ledger, list []candor.Entry) {
	t.Helper()
	if err := l.Fold(context.Background(), list); err != nil {
		t.Fatal(err)
	}
}

// dump is every table as text.
func dump(t testing.TB, l *Ledger) string {
	t.Helper()
	var b strings.Builder
	if err := l.Dump(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// differ shows the first lines that two dumps have different.
func differ(t testing.TB, a, b string) {
	t.Helper()
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			t.Fatalf("line %d:\n%s\n%s", i, x[i], y[i])
		}
	}
	if len(x) != len(y) {
		t.Fatalf("%d lines, and %d", len(x), len(y))
	}
}

func testIncident(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	shared := disclosed("3", "v2", candor.Exposed, 90)
	shared.Cached, shared.Encoding, shared.Viewer = true, "json", "anonymous"
	mustFold(t, l, entries(disclosed("1", "v1", candor.Exposed, 0), disclosed("1", "v2", candor.Exposed, 1), disclosed("1", "v1", candor.Prevented, 2), disclosed("2", "v1", candor.Prevented, 61), shared))
	list, err := l.Incidents(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	want := incident.Incident{ID: incident.ID("shop.example", "GET /account", start), Site: "shop.example", Route: "GET /account", State: incident.Open,
		Exposed: 2, Prevented: 2, Viewers: 2, Kinds: []scan.Kind{scan.Email}, FirstSeen: start, LastSeen: start.Add(90 * time.Second), Release: "v2", Cause: incident.Undetermined}
	list[0].Verdict = nil
	if fmt.Sprint(list[0]) != fmt.Sprint(want) {
		t.Errorf("\n got %+v\nwant %+v", list[0], want)
	}
	series, _ := l.series(t.Context(), want.ID)
	if got := fmt.Sprint(series); got != "[{2018-11-20 10:00:00 +0000 UTC 1 1 3} {2018-11-20 10:01:00 +0000 UTC 0 1 1} {2018-11-20 10:01:30 +0000 UTC 1 0 1}]" {
		t.Error(got)
	}
	people, _ := l.Affected(t.Context(), want.ID, "", 10)
	if len(people) != 4 || people[0].Owner != "1" || people[0].Outcome != candor.Exposed || people[0].Count != 2 || people[0].Viewers != 2 {
		t.Errorf("%+v", people)
	}
	first, _ := l.Affected(t.Context(), want.ID, "", 1)
	second, _ := l.Affected(t.Context(), want.ID, "1", 1)
	if len(first) != 2 || len(second) != 1 || second[0].Owner != "2" {
		t.Errorf("pages: %+v, %+v", first, second)
	}
	viewers, _ := l.viewers(t.Context(), want.ID)
	encodings, _ := l.encodings(t.Context(), want.ID)
	if fmt.Sprint(viewers, encodings) != "[{customer 2}] [json plain]" {
		t.Error(viewers, encodings)
	}
	s, _ := l.Summary(t.Context(), start)
	if s.Incidents != 1 || s.Exposed != 2 || s.Prevented != 2 || !s.LastDisclosure.Equal(want.LastSeen) {
		t.Errorf("%+v", s)
	}
	if _, err := l.Incident(t.Context(), "inc-none"); !errors.Is(err, ErrNoIncident) {
		t.Error(err)
	}
}

// A ledger that lost its last folds takes nothing until it has had them again; then nobody is missing.
func testBehind(t *testing.T, fresh fresher) {
	one, other := open(t, fresh), open(t, fresh)
	list := random(rand.New(rand.NewPCG(5, 5)), 60)
	mustFold(t, other, list)
	mustFold(t, one, list[:20])
	want := dump(t, one)
	for _, gap := range [][]candor.Entry{list[40:], slices.Concat(list[10:30], list[31:])} {
		var behind ErrBehind
		if err := one.Fold(t.Context(), gap); !errors.As(err, &behind) || behind.Applied != 20 {
			t.Errorf("from %d: %v", gap[0].Seq, err)
		}
		differ(t, want, dump(t, one))
	}
	mustFold(t, one, list[20:])
	differ(t, dump(t, other), dump(t, one))
}

// A second journal's entries have the numbers of the first one's: they are refused, and never passed over in silence.
func testOneJournal(t *testing.T, fresh fresher) {
	where := fresh(t)
	one, same, other := openAt(t, where), openAt(t, where), openAt(t, where)
	if err := errors.Join(one.Of(t.Context(), "a"), same.Of(t.Context(), "a")); err != nil {
		t.Fatal(err)
	}
	list := entries(disclosed("1", "v", candor.Exposed, 0), disclosed("2", "v", candor.Exposed, 1))
	mustFold(t, one, list[:1])
	mustFold(t, same, list)
	if err := other.Of(t.Context(), "b"); !errors.Is(err, ErrOtherJournal) || !strings.Contains(err.Error(), "one ledger for each journal") {
		t.Error(err)
	}
	// The row may be lost with the last folds, and another journal come first.
	if _, err := one.db.Exec(`UPDATE journal SET id = 'b'`); err != nil {
		t.Fatal(err)
	}
	if err := one.Fold(t.Context(), entries(list[0].Disclosures[0], list[1].Disclosures[0], disclosed("3", "v", candor.Exposed, 2))); !errors.Is(err, ErrOtherJournal) {
		t.Error(err)
	}
	if i := only(t, one); i.Exposed != 2 {
		t.Errorf("%+v", i)
	}
}

// The cause follows from what is stored, and is decided anew when more comes in.
func testSharedCache(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	d := disclosed("1", "v1", candor.Exposed, 0)
	mustFold(t, l, entries(d))
	if list, _ := l.Incidents(t.Context()); list[0].Cause != incident.Undetermined {
		t.Errorf("%+v", list[0])
	}
	l = open(t, fresh)
	var all []candor.Entry
	for n := range 6 {
		d := disclosed("1", fmt.Sprint("v", n), candor.Exposed, n)
		d.Response, d.Cached = fmt.Sprint("r", n), true
		all = append(all, candor.Entry{Seq: uint64(n + 1), Disclosures: []candor.Disclosure{d}, Responses: []candor.Response{{ID: d.Response, Time: d.Time, End: d.Time, Site: d.Site, Method: "GET",
			Route: d.Route, URL: "/", Status: 200, Viewer: "customer", ViewerDigest: d.ViewerDigest, Credentialed: true, Cached: true, Age: 7, CacheStatus: "X-Cache: HIT", Twins: candor.Twins{Responses: 1, Viewers: 1, Owner: true}, Owners: 1, People: "p", Places: []string{"dd.email"}, Body: "same", ContentType: "text/html"}}})
	}
	all = append(all, candor.Entry{Seq: 7, Personal: []candor.Personal{{Time: d.Time, Site: d.Site, Route: d.Route, Place: "dd.email", Responses: 50}}})
	mustFold(t, l, all[:6])
	if list, _ := l.Incidents(t.Context()); list[0].Verdict.Cause == incident.CauseSharedCache {
		t.Errorf("what is normal there is not known yet: %+v", list[0].Verdict)
	}
	mustFold(t, l, all)
	list, err := l.Incidents(t.Context())
	if v := list[0].Verdict; err != nil || v == nil || v.Cause != incident.CauseSharedCache || list[0].Cause != v.Title {
		t.Errorf("%+v, %+v", list[0], v)
	}
}

// Links stand apart until they break; then what was shown before counts, once.
func testLinksArePromoted(t *testing.T, fresh fresher) {
	view := func(link, owner, viewer string, seconds int) candor.Disclosure {
		d := disclosed(owner, viewer, candor.Exposed, seconds)
		d.Class, d.Link, d.Route = candor.Link, link, "GET /guest/orders/{id}"
		return d
	}
	broken := func(d candor.Disclosure, reason string) candor.Disclosure {
		d.Class, d.Reason, d.Outcome = candor.Disclosed, reason, candor.Prevented
		return d
	}
	l := open(t, fresh)
	list := entries(view("l1", "1", "walker", 0), view("l1", "1", "walker", 1), view("l2", "2", "walker", 2), view("l3", "3", "guest", 3), broken(view("l4", "4", "walker", 4), "walk"))
	mustFold(t, l, list[:4])
	if all, _ := l.Incidents(t.Context()); len(all) != 0 {
		t.Errorf("links are no incident: %+v", all)
	}
	if links, _ := l.Links(t.Context()); len(links) != 1 || links[0].Links != 3 || links[0].Owners != 3 || links[0].Viewers != 2 || links[0].Views != 4 {
		t.Errorf("%+v", links)
	}
	mustFold(t, l, list)
	all, _ := l.Incidents(t.Context())
	if len(all) != 1 || all[0].Exposed != 2 || all[0].Prevented != 1 || !all[0].FirstSeen.Equal(start) {
		t.Errorf("a walk: %+v", all)
	}
	again := broken(view("l3", "3", "other", 9), "shared")
	mustFold(t, l, []candor.Entry{{Seq: 6, Disclosures: []candor.Disclosure{again, again}}})
	all, _ = l.Incidents(t.Context())
	if all[0].Exposed != 3 || all[0].Prevented != 2 {
		t.Errorf("a shared link: %+v", all)
	}
	if links, _ := l.Links(t.Context()); len(links) != 0 {
		t.Errorf("%+v", links)
	}
	n := 0
	l.LinkHistory(t.Context(), func(string, string, string) { n++ })
	if n != 3 {
		t.Errorf("%d views remembered", n)
	}
}

func testReleasesAndCoverage(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	release := func(seconds int, site, name string) candor.Entry {
		return candor.Entry{Releases: []candor.Release{{Time: start.Add(time.Duration(seconds) * time.Second), Site: site, Name: name, Source: "header"}}}
	}
	list := []candor.Entry{release(0, "a.example", "v1"), release(1, "a.example", "v1"), release(2, "a.example", "v2"), release(3, "a.example", "v1"), release(4, "", "all")}
	list = append(list, candor.Entry{Coverage: []candor.Coverage{{Time: start, Site: "a.example", Route: "GET /", Responses: 2, Bytes: 20}, {Time: start, Site: "a.example", Route: "GET /x", Skip: "media", Responses: 1, Bytes: 5}}},
		candor.Entry{Coverage: []candor.Coverage{{Time: start.Add(time.Second), Site: "a.example", Route: "GET /", Responses: 3, Bytes: 30}}})
	for i := range list {
		list[i].Seq = uint64(i + 1)
	}
	mustFold(t, l, list)
	releases, _ := l.Releases(t.Context(), "a.example")
	var names []string
	for _, r := range releases {
		names = append(names, r.Name)
	}
	if fmt.Sprint(names) != "[v1 v2 v1 all]" {
		t.Error(names)
	}
	if other, _ := l.Releases(t.Context(), "b.example"); len(other) != 1 {
		t.Error(other)
	}
	c, _ := l.Coverage(t.Context(), start)
	if len(c) != 2 || c[0].Responses != 5 || c[0].Bytes != 50 || c[1].Skip != "media" {
		t.Errorf("%+v", c)
	}
	if byRoute, _ := l.RouteCoverage(t.Context(), start, 1); len(byRoute) != 1 || byRoute[0].Route != "GET /" {
		t.Errorf("%+v", byRoute)
	}
	if none, _ := l.Coverage(t.Context(), start.Add(time.Minute)); len(none) != 0 {
		t.Errorf("%+v", none)
	}
}

// random makes a stream that has everything in it.
func random(r *rand.Rand, n int) (list []candor.Entry) {
	var open []candor.Response // recorded, and not yet to their end
	for seq := range n {
		e := candor.Entry{Seq: uint64(seq + 1)}
		id := fmt.Sprintf("%08x", r.Uint32())
		for range r.IntN(4) {
			d := disclosed(fmt.Sprint("o", r.IntN(30)), fmt.Sprint("v", r.IntN(10)), []candor.Outcome{candor.Exposed, candor.Prevented, candor.Possible}[r.IntN(3)], seq+r.IntN(600))
			d.Route = fmt.Sprint("GET /", r.IntN(3))
			d.Cached, d.Viewer = r.IntN(2) == 0, []string{"claimed-crawler", "crawler", "customer"}[r.IntN(3)]
			d.Kind = []candor.Kind{scan.Email, scan.Name, scan.Phone}[r.IntN(3)]
			d.Country, d.Locale = []string{"", "DE", "FR"}[r.IntN(3)], []string{"", "de-DE"}[r.IntN(2)]
			d.Looked, d.Credentials = []string{"", candor.LookedAll, candor.LookedPart}[r.IntN(3)], [][]string{nil, {"password", "token"}, {"card"}}[r.IntN(3)]
			d.CWE, d.Header, d.ThirdParty = []string{"", "CWE-598"}[r.IntN(2)], []string{"", "Location"}[r.IntN(2)], []string{"", "ads.example"}[r.IntN(2)]
			if r.IntN(3) > 0 {
				d.Response = id
			}
			switch r.IntN(6) {
			case 0, 1:
				d.Link = fmt.Sprint("l", r.IntN(12))
				if d.Class = candor.Link; r.IntN(4) == 0 {
					d.Class, d.Reason = candor.Disclosed, []string{"walk", "shared"}[r.IntN(2)]
				}
			case 2:
				d.Class, d.Outcome = candor.Own, candor.Possible
			}
			e.Disclosures = append(e.Disclosures, d)
		}
		for range r.IntN(3) {
			v := candor.Response{ID: id, Time: start, Site: "shop.example", Route: fmt.Sprint("GET /", r.IntN(3)), URL: fmt.Sprint("/", r.IntN(50)), Cached: r.IntN(2) == 0, SurrogateKeys: []string{"a", "b"}[:r.IntN(3)]}
			e.Responses, open = append(e.Responses, v), append(open, v)
		}
		if len(open) > 0 && r.IntN(2) == 0 {
			v := open[r.IntN(len(open))]
			v.End, v.Owners = start.Add(time.Second), r.IntN(9)
			v.Looked, v.Credentials = []string{candor.LookedAll, candor.LookedPart}[r.IntN(2)], [][]string{nil, {"api-key", "password"}}[r.IntN(2)]
			e.Responses = append(e.Responses, v)
		}
		if r.IntN(5) == 0 {
			e.Coverage = []candor.Coverage{{Time: start.Add(time.Duration(r.IntN(200)) * time.Second), Site: "s", Route: "r", Responses: 1, Bytes: 7}}
			e.Personal = []candor.Personal{{Time: start.Add(time.Duration(r.IntN(200)) * time.Minute), Site: "shop.example", Route: "GET /1", Place: fmt.Sprint("$.", r.IntN(3)), Responses: 3, Shareable: 2, CacheControl: []string{"", "public", "max-age=60"}[r.IntN(3)]}}
			e.Sealed = []candor.Sealed{{Owner: fmt.Sprint("o", r.IntN(9)), Kind: "email", Key: fmt.Sprint("k", r.IntN(2)), Blob: []byte{byte(r.IntN(256)), 0}}}
			e.Releases = []candor.Release{{Time: start.Add(time.Duration(r.IntN(200)) * time.Second), Site: "shop.example", Name: fmt.Sprint("v", r.IntN(4)), Source: "header"}}
		}
		if r.IntN(4) == 0 {
			e.Actions = []candor.Action{act(r, list, seq)}
		}
		list = append(list, e)
	}
	return list
}

// act is something that a human does, often to an incident that is there.
func act(r *rand.Rand, before []candor.Entry, seq int) candor.Action {
	a := candor.Action{ID: fmt.Sprint("a", r.IntN(200)), Time: start.Add(time.Duration(seq+r.IntN(700)) * time.Second), By: "ops", Why: "because",
		What: []string{candor.Confirmed, candor.Contained, candor.Reset, candor.Determined, candor.Fixed, candor.Fixed, candor.Verified, candor.Closed, candor.Reopened, candor.Assessed}[r.IntN(10)],
		Details: map[string]string{"site": "shop.example", "route": []string{"", "GET /1"}[r.IntN(2)], "mode": []string{"mask", "trip", ""}[r.IntN(3)], "count": "3", "within": "10m",
			"requests": "4", "answered": "4", "disclosing": fmt.Sprint(r.IntN(2)), "result": []string{"clean", "disclosing"}[r.IntN(2)], "dpc": "2", "ei": "1", "cb": "0.5"}}
	for _, e := range before {
		for _, d := range e.Disclosures {
			if d.Class == candor.Disclosed && r.IntN(3) > 0 {
				a.Incident = incident.ID(d.Site, d.Route, d.Time)
			}
		}
	}
	return a
}

// However the stream is cut into batches, and however often a batch comes again, the tables are the same.
func testBatchesDoNotMatter(t *testing.T, fresh fresher) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 1))
		list := random(r, 120)
		whole := open(t, fresh)
		mustFold(t, whole, list)
		pieces := open(t, fresh)
		for i := 0; i < len(list); {
			n := 1 + r.IntN(len(list)-i)
			mustFold(t, pieces, list[max(0, i-r.IntN(5)):i+n]) // some come again
			i += n
		}
		mustFold(t, pieces, list[:50])
		differ(t, dump(t, whole), dump(t, pieces))
	}
}

// The sets are those of a model in plain maps.
func testAgainstModel(t *testing.T, fresh fresher) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 2))
		list := random(r, 150)
		type key struct{ route, owner, outcome string }
		want, viewers := map[key]bool{}, map[[2]string]bool{}
		var links []candor.Disclosure
		count := func(d candor.Disclosure) {
			want[key{d.Route, d.Owner, string(d.Outcome)}] = true
			viewers[[2]string{d.Route, d.ViewerDigest}] = true
		}
		firstOf := map[string]candor.Disclosure{} // a link's row keeps what its first view said
		for _, e := range list {
			for _, d := range e.Disclosures {
				if d.Class == candor.Own {
					continue
				}
				if d.Class == candor.Link {
					k := d.Link + " " + d.Owner + " " + d.ViewerDigest + " " + string(d.Kind)
					if _, ok := firstOf[k]; !ok {
						firstOf[k] = d
						links = append(links, d)
					}
					continue
				}
				count(d)
				if d.Reason == "" {
					continue
				}
				for _, v := range links {
					if d.Reason == "walk" && v.ViewerDigest == d.ViewerDigest || d.Reason != "walk" && v.Link == d.Link {
						count(v)
					}
				}
			}
		}
		l := open(t, fresh)
		mustFold(t, l, list)
		got, exposed, seen := map[key]bool{}, 0, 0
		all, _ := l.Incidents(t.Context())
		for _, i := range all {
			people, _ := l.Affected(t.Context(), i.ID, "", 1000)
			for _, p := range people {
				if p.Viewers == 0 {
					continue // latent, and a cache was at work: TestPossible
				}
				got[key{i.Route, p.Owner, string(p.Outcome)}] = true
			}
			exposed += i.Exposed
			seen += i.Viewers
		}
		if len(got) != len(want) || seen != len(viewers) {
			t.Fatalf("seed %d: %d in the sets, want %d; %d viewers, want %d", seed, len(got), len(want), seen, len(viewers))
		}
		for k := range want {
			if !got[k] {
				t.Errorf("seed %d: %v is missing", seed, k)
			}
			if k.outcome == "exposed" {
				exposed--
			}
		}
		if exposed != 0 {
			t.Errorf("seed %d: the sum of exposed is off by %d", seed, exposed)
		}
	}
}

func testReadersBesideFold(t *testing.T, fresh fresher) {
	where := fresh(t)
	l := openAt(t, where)
	other := openAt(t, where)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i, e := range random(rand.New(rand.NewPCG(3, 3)), 60) {
			e.Seq = uint64(i + 1)
			if err := l.Fold(context.Background(), []candor.Entry{e}); err != nil {
				t.Error(err)
			}
		}
	}()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		if _, err := other.Incidents(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "nonsense")
	os.WriteFile(path, []byte(strings.Repeat("nonsense", 1000)), 0o600)
	if _, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "built anew from the journal") {
		t.Errorf("nonsense: %v", err)
	}
	if _, err := Open(t.Context(), filepath.Join(dir, "none", "ledger")); err == nil {
		t.Error("a folder that is not there")
	}
	l := open(t, sqliteFile)
	l.db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	l.Close()
	if _, err := Open(t.Context(), l.where); err == nil || !strings.Contains(err.Error(), "schema is 9999") {
		t.Errorf("a later schema: %v", err)
	}
	if info, _ := os.Stat(l.where); info.Mode().Perm() != 0o600 {
		t.Error(info.Mode())
	}
}

func testMigrationsGoDownAndUp(t *testing.T, fresh fresher) {
	l := open(t, fresh)
	before := schema(t, l)
	p, err := l.provider()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if n := len(schema(t, l)); n > 3 { // goose's own table, its key and its sequence
		t.Errorf("%d things left", n)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := schema(t, l); !slices.Equal(before, after) {
		t.Errorf("%v\n%v", before, after)
	}
}

func schema(t *testing.T, l *Ledger) (list []string) {
	query := `SELECT name FROM sqlite_master ORDER BY name`
	if l.dialect == postgres {
		query = `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1`
	}
	rows, err := l.db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		rows.Scan(&s)
		list = append(list, s)
	}
	return list
}

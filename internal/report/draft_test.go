package report

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/duties"
	"candor.example/internal/incident"
	"candor.example/internal/notice"
	"candor.example/verify"
)

func nov(day, hour, minute int) time.Time {
	return time.Date(2018, 11, day, hour, minute, 0, 0, time.UTC)
}

// shop is an incident as the ledger would have it: 160 people, found within minutes, fixed the next day, half of them told.
func shop() Input {
	v := incident.Verdict{Cause: incident.CauseSharedCache, Title: "shared cache kept a personal page", Decided: []string{"Decided from 30 responses with a disclosure."},
		Taxonomy: incident.Taxonomy{CWE: "CWE-524", OWASP: "API8:2023 Security Misconfiguration", Action: "error", Variety: "Misconfiguration"}}
	in := Input{
		Facts: notice.Facts{Schema: notice.FactsSchema, Incident: "inc-3kq7h2mb", AsOf: nov(22, 9, 0), Site: "www.shop.example", Route: "GET /orders/{id}", Surface: map[string]string{"en": "the page with your orders"},
			Publisher: notice.Publisher{LegalName: "Shop Example GmbH", Address: "Beispielstr. 1, 10115 Berlin", Domain: "shop.example", Zone: "Europe/Berlin",
				Contact: notice.Contact{Role: "Data Protection Officer", Email: "privacy@shop.example", Phone: "+49 30 5550100"}},
			People: 160, Prevented: 40, Kinds: []candor.Kind{"email", "name"}, Viewers: []incident.ViewerCount{{Kind: "anonymous", Count: 100}, {Kind: "customer", Count: 220}}, Looked: candor.LookedAll,
			First: nov(20, 10, 0), Last: nov(20, 10, 38), Detected: nov(20, 10, 0), Aware: nov(20, 10, 20), Contained: nov(20, 10, 38), ContainedHow: "mask",
			Cause: v.Cause, Taxonomy: v.Taxonomy, Release: "2018.47.2", Fixed: nov(21, 8, 0), FixReference: "PR 4711", Verified: nov(21, 8, 30), Replayed: 30, CleanSince: 5000},
		Moments: incident.Moments{Introduced: nov(20, 9, 45), First: nov(20, 10, 0), Last: nov(20, 10, 38), Detected: nov(20, 10, 0), Aware: nov(20, 10, 20), Contained: nov(20, 10, 38), Fixed: nov(21, 8, 0),
			Verified: nov(21, 8, 30), By: map[string]string{"aware": "eve", "contained": "eve", "fixed": "bob", "verified": "candor", "detected": "candor", "introduced": "header"}},
		Verdict: v, Countries: map[string]int{"DE": 90, "AT": 40, "FR": 22, "LI": 3, "": 5}, Records: 320, Exposures: 480, Surface: "page",
		Releases: []candor.Release{{Site: "www.shop.example", Name: "2018.47.2", Time: nov(20, 9, 45)}},
		Told:     Told{States: map[notice.State]int{notice.Accepted: 70, notice.Bounced: 8, notice.InDoubt: 2}, First: nov(21, 12, 0), Last: nov(21, 13, 0), Drafts: []string{candor.HashOf([]byte("draft"))}, Sets: []string{candor.HashOf([]byte("set"))}},
		Options:  Options{Origin: "shop.example/candor"},
	}
	for i := range 16 {
		in.Series = append(in.Series, incident.Point{Time: nov(20, 10, 0).Add(time.Duration(i) * 150 * time.Second), Exposed: 10, Prevented: i / 6 * 5, Responses: 20})
	}
	for i, what := range []string{candor.Confirmed, candor.Contained, candor.Fixed, candor.Verified, candor.NoticeStarted} {
		in.Actions = append(in.Actions, Entry{Action: candor.Action{ID: what, Time: nov(20, 11, i), By: "eve", What: what, Incident: in.Facts.Incident}, Hash: candor.HashOf([]byte(what))})
	}
	in.Severity = incident.Assessment{Presumed: incident.Presume(incident.SeverityFacts{Kinds: in.Facts.Kinds, People: 160, Viewers: in.Facts.Viewers})}
	in.Duties = duties.Shipped().Judge(duties.Facts{Kinds: in.Facts.Kinds, Looked: candor.LookedAll, People: in.Countries, Moments: in.Moments, Severity: in.Severity.Holds(), Now: in.Facts.AsOf})
	return in
}

// Everything that the ledger knows is known, and what only people know is unknown until a day, and an open question in every language.
func TestDraft(t *testing.T) {
	r, err := Draft(shop())
	if err != nil {
		t.Fatal(err)
	}
	r = clone(t, r)
	unknown := []string{"/how_many/special_groups", "/cause/why_not_caught", "/cause/third_party", "/fix/copies_purged", "/fix/wrong_viewers_asked_to_delete", "/fix/prevention", "/timeline/determined", "/timeline/last_notice"}
	for _, f := range fields(&r) {
		open := slices.Contains(unknown, f.pointer)
		if (f.status() == verify.Unknown) != open || (f.status() == verify.Known) == open {
			t.Errorf("%s is %s", f.pointer, f.status())
		}
		if f.status() == verify.Unknown && !f.due().Equal(r.PublishedAt.Add(UpdateWithin)) {
			t.Errorf("%s: until %v", f.pointer, f.due())
		}
	}
	for i, q := range r.Open {
		if q.Field != unknown[i] || len(q.Text) != len(notice.Languages) || !q.AnswerBy.Equal(r.PublishedAt.Add(UpdateWithin)) {
			t.Errorf("%+v", q)
		}
	}
	if len(r.Open) != len(unknown) {
		t.Errorf("%d questions, and %d are unknown", len(r.Open), len(unknown))
	}
	for name, evidence := range map[string][]string{"contained": r.Fix.ContainedAt.Evidence, "fixed": r.Timeline.Fixed.Evidence, "verified": r.Fix.VerifiedBy.Evidence, "aware": r.Timeline.Aware.Evidence} {
		what := map[string]string{"contained": candor.Contained, "fixed": candor.Fixed, "verified": candor.Verified, "aware": candor.Confirmed}[name]
		if len(evidence) != 1 || evidence[0] != candor.HashOf([]byte(what)) {
			t.Errorf("%s stands on %v", name, evidence)
		}
	}
	if r.Timeline.Aware.By != "publisher" || r.Timeline.First.By != "candor" || r.Timeline.Introduced.By != "release" {
		t.Errorf("%+v", r.Timeline)
	}
	if errs := Ready(r); len(errs) > 0 {
		t.Error(errs)
	}
}

// The report says cause, consequences and advice in the sentences of the notice.
func TestReportSaysWhatTheNoticeSays(t *testing.T) {
	d, r, _ := allThree(t)
	for _, lang := range notice.Languages {
		m, err := d.Message(notice.MadeUp(d.Facts, notice.GDPR, lang), d.Facts.AsOf)
		if err != nil {
			t.Fatal(err)
		}
		text := squashed(m.Text)
		said := []string{(*r.Cause.Summary.Value)[lang], (*r.Consequences.Value)[lang], r.HowToCheck[lang]}
		for _, a := range r.Advice {
			said = append(said, a[lang])
		}
		for _, sentence := range said {
			if sentence == "" || !strings.Contains(text, squashed(sentence)) {
				t.Errorf("%s: the notice does not say %q", lang, sentence)
			}
		}
	}
}

// squashed has no spaces of any sort: a letter is broken into lines.
func squashed(s string) string { return strings.Join(strings.Fields(s), "") }

// Evidence is of what the ledger has: whoever has the documents computes the hashes.
func TestEvidence(t *testing.T) {
	in := shop()
	r, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]bool{}
	for _, d := range Evidence(in) {
		if candor.HashOf(d.Body) != d.Hash || strings.Contains(string(d.Body), `"DE"`) {
			t.Errorf("%s: %s", d.Type, d.Body)
		}
	}
	for _, s := range Sources(in) {
		of[s.Hash] = true
	}
	for _, f := range fields(&r) {
		for _, h := range f.evidence() {
			if !of[h] {
				t.Errorf("%s stands on %s, and nobody says what that is of", f.pointer, h)
			}
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	r, err := Draft(shop())
	if err != nil {
		f.Fatal(err)
	}
	b, err := Marshal(r)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"schema":"candor.report/v1","revision":1e9}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Unmarshal(b)
		if err != nil {
			return
		}
		again, err := Marshal(r)
		if err != nil {
			t.Fatalf("it was read, and cannot be written: %v", err)
		}
		if other, err := Unmarshal(again); err != nil || len(fields(&other)) != len(fields(&r)) {
			t.Fatal(err)
		}
		Ready(r)
		for _, lang := range []string{"en", "ja"} {
			if _, err := StatementOf(r, Facts(r), lang); err != nil {
				return // words that cannot be said, such as those with a brace
			}
		}
	})
}

// Moments have parts of a second in the books, and none in what is published.
func TestPartsOfSeconds(t *testing.T) {
	in := shop()
	in.Duties.Duties = append([]duties.Duty{}, in.Duties.Duties...)
	shift(reflect.ValueOf(&in).Elem())
	r, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Marshal(r); err != nil {
		t.Error(err)
	}
}

// shift adds a part of a second to every time in a value.
func shift(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		if t := v.Interface().(time.Time); !t.IsZero() && v.CanSet() {
			v.Set(reflect.ValueOf(t.Add(708291738)))
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				shift(v.Field(i))
			}
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			shift(v.Index(i))
		}
	}
}

// What the publisher says of a law whose duty was judged stands there, and not as an authority of its own.
func TestPublisherOnRegulators(t *testing.T) {
	in := shop()
	in.Facts.Regulators = []notice.Regulator{{Authority: "the authority", Law: "GDPR Art. 33", Reason: "It was told by telephone."}, {Authority: "another", Law: "Other Act", Reason: "Why not."}}
	r, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	var said, others int
	for _, o := range *r.Regulators.Value {
		if strings.HasSuffix(o.Reason, ". It was told by telephone.") && o.Law == "GDPR art. 33(1)" {
			said++
		}
		if o.Authority == "the authority" || o.Authority == "another" {
			others++
		}
	}
	if said != 1 || others != 1 {
		t.Errorf("%+v", *r.Regulators.Value)
	}
}

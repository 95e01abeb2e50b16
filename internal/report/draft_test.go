package report

import (
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/duties"
	"candor.example/internal/incident"
	"candor.example/internal/notice"
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

func TestDraft(t *testing.T) {
	r, err := Draft(shop())
	if err != nil {
		t.Fatal(err)
	}
	b, err := Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", b)
}

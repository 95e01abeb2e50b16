package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"sync"
	"testing"
	"time"

	"candor.example/internal/notice"
	"candor.example/verify"
)

// fair is a known fact with evidence.
func fair[T any](v T, at time.Time) verify.Fact[T] {
	return verify.Fact[T]{Value: &v, Status: verify.Known, AsOf: at, Evidence: []string{sum("figures " + at.String())}}
}

func open[T any](at time.Time) verify.Fact[T] {
	return verify.Fact[T]{Status: verify.Unknown, AsOf: at, NextUpdateBy: day(30)}
}

func kept[T any](why string, at time.Time) verify.Fact[T] {
	return verify.Fact[T]{Status: verify.Withheld, AsOf: at, Reason: why}
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func day(d int) time.Time { return time.Date(2018, 11, d, 9, 0, 0, 0, time.UTC) }

// clockAt is a time on the day of the incident.
func clockAt(h, m int) time.Time { return time.Date(2018, 11, 20, h, m, 0, 0, time.UTC) }

func exactly(n int) verify.People {
	return verify.People{Exact: &n, Lower: n, Upper: n, Method: counted}
}

var (
	cause = verify.Words{
		"en": "A store for copies of pages (cache) was set up wrongly. It kept pages that we had made for one customer, and we gave them to others.",
		"de": "Ein Speicher für Kopien von Seiten (Cache) war falsch eingestellt. Er behielt Seiten, die wir für einen Kunden gemacht hatten, und wir gaben sie anderen.",
		"ja": "ページの写しを保存する仕組み（キャッシュ）の設定の誤りです。一人のお客様のために作ったページを保存し、他の人に渡していました。",
	}
	consequences = verify.Words{
		"en": "Whoever has your e-mail address can send you fake messages (phishing). Such messages ask for your password or your money. With your name in them, they look real.",
		"de": "Wer Ihre E-Mail-Adresse hat, kann Ihnen gefälschte Nachrichten schicken (Phishing). Solche Nachrichten fragen nach Ihrem Passwort oder Ihrem Geld. Mit Ihrem Namen darin wirken sie echt.",
	}
	advice = []verify.Words{
		{"en": "Do not click in messages that ask for your password, your money or more data. Delete them, even if they use your name.", "de": "Klicken Sie nicht in Nachrichten, die nach Ihrem Passwort, Ihrem Geld oder weiteren Daten fragen. Löschen Sie sie, auch wenn Ihr Name darin steht."},
		{"en": "Type www.shop.example into your browser yourself when you want to reach us.", "de": "Tippen Sie www.shop.example selbst in Ihren Browser ein, wenn Sie zu uns wollen."},
		{"en": "There is no need to change your password. We searched all of these pages, and no password was there.", "de": "Sie müssen Ihr Passwort nicht ändern. Wir haben alle diese Seiten durchsucht, und es stand kein Passwort darin."},
	}
	check = verify.Words{
		"en": "Type www.shop.example into your browser yourself and sign in as always. You will find our message to you there, under “Your account, Notices”. It has the same code. We never ask for your password.",
		"de": "Tippen Sie www.shop.example selbst in Ihren Browser ein und melden Sie sich an wie immer. Dort finden Sie unsere Mitteilung an Sie unter „Ihr Konto, Mitteilungen“. Sie hat denselben Code. Wir fragen nie nach Ihrem Passwort.",
	}
)

// sampleOne is one, in which much is still open.
func sampleOne() verify.Report {
	at := clockAt(13, 30)
	r := verify.Report{Schema: verify.ReportSchema, Incident: "inc-7q2mxd4a", Revision: 1, PublishedAt: at, Languages: notice.Languages, Merge: 10,
		Publisher: verify.Publisher{LegalName: "Muster Handel SE", Name: "Muster Shop", Address: "Beispielweg 1, 10117 Berlin, Germany", Domain: "shop.example", Zone: "Europe/Berlin",
			Contact: verify.Contact{Role: "Data Protection Team", Email: "privacy@shop.example", Phone: "+49 30 5550100"}, DPO: verify.Contact{Role: "Data Protection Officer", Email: "dpo@shop.example"}},
		Log:          verify.Log{Origin: "shop.example/reports", Index: 4, Proof: "report.tlog-proof"},
		Consequences: fair(consequences, at), Advice: advice, HowToCheck: check}
	r.Which = verify.Which{
		Sites:    fair([]verify.Site{{Host: "www.shop.example", Version: "4.2.0"}}, at),
		Surfaces: fair([]verify.Surface{{Kind: "page", Route: "GET /orders/{id}", Name: verify.Words{"en": "the page with your orders", "de": "die Seite mit Ihren Bestellungen", "ja": "ご注文のページ"}}}, at),
		Audience: fair([]string{"other_customers", "public"}, at),
		Regions:  fair([]verify.Region{{Country: "DE", People: 1030}, {Country: "AT", People: 101}, {Country: "US-CA", People: 41}, {Country: "other", People: 15}, {Country: "", People: 10}}, at)}
	n := 1197
	r.HowMany = verify.HowMany{People: fair(exactly(n), at), Prevented: fair(210, at), Possible: fair(3, at), Records: fair(2394, at), Viewers: fair(418, at), Exposures: fair(1620, at),
		Disclosed: fair([]string{"name", "email"}, at), NotDisclosed: fair([]verify.NotDisclosed{{Field: "password", Basis: searchedFor}, {Field: "card-number", Basis: searchedFor}, {Field: "session-token", Basis: searchedFor}}, at),
		Special: open[string](at), Severity: fair(verify.Severity{DPC: 1, EI: 1, CB: 0.5, SE: 1.5, Band: "low"}, at)}
	r.Cause = verify.Cause{Summary: open[verify.Words](at), VERIS: open[verify.VERIS](at), Mechanism: open[verify.Mechanism](at), Trigger: fair(verify.Trigger{Change: "4.2.0", Deployed: clockAt(9, 48)}, at),
		WhyNotCaught: open[verify.Words](at), Kind: open[string](at), ThirdParty: kept[string]("We have a contract that lets us name the company only when both sides have finished their inquiry.", at)}
	r.Fix = verify.Fix{ContainedAt: fair(clockAt(10, 41), at), ContainedHow: fair("mask", at), FixedAt: open[time.Time](at), Reference: open[string](at), VerifiedBy: open[verify.Proof](at), Purged: open[[]string](at),
		WrongViewers: open[verify.WrongViewers](at), Prevention: open[[]verify.Prevention](at)}
	r.Timeline = verify.Timeline{Introduced: moment(clockAt(9, 48), "release", at), First: moment(clockAt(9, 52), "candor", at), Last: moment(clockAt(10, 40), "candor", at), Detected: moment(clockAt(9, 53), "candor", at),
		Aware: moment(clockAt(10, 20), "publisher", at), Contained: moment(clockAt(10, 41), "publisher", at), Fixed: verify.Moment{Fact: open[time.Time](at)}, Determined: moment(clockAt(12, 5), "publisher", at),
		FirstNotice: verify.Moment{Fact: open[time.Time](at)}, LastNotice: verify.Moment{Fact: open[time.Time](at)}}
	r.Course = verify.Course{Step: 60, Releases: []verify.Release{{Name: "4.2.0", Time: clockAt(9, 48)}}}
	left, held := n, 210
	for m := range 48 {
		p := verify.Point{Time: clockAt(9, 52).Add(time.Duration(m) * time.Minute), Exposed: min(left-(47-m), 4+(m*m*7)%31+m/2)}
		if m == 47 {
			p.Exposed = left
		}
		left -= p.Exposed
		r.Course.Points = append(r.Course.Points, p)
	}
	for m := range 20 {
		r.Course.Points = append(r.Course.Points, verify.Point{Time: clockAt(10, 41).Add(time.Duration(m) * time.Minute), Prevented: min(held, 20-m)})
		held -= min(held, 20-m)
	}
	r.Told = verify.Told{Affected: n, Waiting: n, Notices: []string{}}
	r.Regulators = fair([]verify.Regulator{
		{Authority: "Berliner Beauftragte für Datenschutz", Law: "GDPR art. 33(1)", Duty: "yes", Reason: "more than 100 people", Due: day(23).Add(80 * time.Minute)},
		{Authority: "Attorney General of California", Law: "California Civ. Code 1798.82(f)", Duty: "no", Reason: "no element that the law lists was shown"}}, at)
	r.Open = []verify.Question{{Text: verify.Words{"en": "What caused it?", "de": "Was war die Ursache?"}, Field: "/cause/summary_plain", AnswerBy: day(30)}, {Text: verify.Words{}, Field: "/how_many/special_groups", AnswerBy: day(30)}}
	return r
}

func moment(t time.Time, by string, at time.Time) verify.Moment {
	return verify.Moment{Fact: fair(t, at), By: by}
}

// sampleTwo: people were told, and one figure was wrong.
func sampleTwo(r verify.Report) verify.Report {
	at := day(21).Add(4 * time.Hour)
	r.Revision, r.Previous, r.PublishedAt, r.Log.Index = 2, hashOfReport(r), at, 5
	r.HowMany.People = fair(exactly(1204), at)
	r.HowMany.Records = fair(2408, at)
	r.Course.Points = append([]verify.Point{}, r.Course.Points...)
	r.Course.Points[12].Exposed += 7
	regions := append([]verify.Region{}, *r.Which.Regions.Value...)
	regions[0].People = 1037
	r.Which.Regions = fair(regions, at)
	r.Cause.Summary = fair(cause, at)
	r.Cause.Kind = fair("misconfiguration", at)
	r.Cause.VERIS = fair(verify.VERIS{Variety: []string{"Misconfiguration"}, Vector: []string{"Web application"}}, at)
	r.Cause.Mechanism = fair(verify.Mechanism{ID: "shared-cache", Title: "a shared cache gave one customer's page to others", CWE: "CWE-524", OWASP: "A05", Decided: []string{"418 responses came from a cache (Age above 0) that the shop marked public"}}, at)
	r.Fix.FixedAt, r.Timeline.Fixed = fair(clockAt(15, 10), at), moment(clockAt(15, 10), "publisher", at)
	r.Fix.Reference = fair("CHG-1847", at)
	r.Timeline.FirstNotice = moment(day(21), "candor", at)
	r.Told = verify.Told{Affected: 1204, Accepted: 1100, Bounced: 9, InDoubt: 1, Withheld: 2, Waiting: 92, FirstAt: day(21), LastAt: at, Notices: []string{sum("draft")}}
	r.Corrections = []verify.Correction{{Field: "/how_many/people/value/exact", From: "1197", To: "1204", Why: "One of our four servers sent what it had recorded only in the evening. Seven people stood in nothing else.", Revision: 2}}
	r.Open = r.Open[1:]
	return r
}

// sampleThree: all but a few have been told, and it was verified.
func sampleThree(r verify.Report) verify.Report {
	at := day(26).Add(90 * time.Minute)
	r.Revision, r.Previous, r.PublishedAt, r.Log.Index = 3, hashOfReport(r), at, 9
	r.Fix.FixedAt, r.Timeline.Fixed = fair(clockAt(14, 55), at), moment(clockAt(14, 55), "publisher", at)
	r.Fix.VerifiedBy = fair(verify.Proof{At: day(22), Replayed: 412, Clean: 96311}, at)
	r.Fix.Purged = fair([]string{"cdn.shop.example: 418 copies", "search engines: none was found"}, at)
	r.Fix.WrongViewers = fair(verify.WrongViewers{Asked: 418, Confirmed: 377, Contact: 4}, at)
	r.Fix.Prevention = fair([]verify.Prevention{{Action: verify.Words{"en": "Every page for one customer now forbids copies, and a test refuses a release in which one does not.", "de": "Jede Seite für einen einzelnen Kunden verbietet jetzt Kopien, und eine Prüfung lehnt jede Version ab, in der eine es nicht tut."}, Owner: "head of web engineering", Done: day(25)},
		{Action: verify.Words{"en": "Settings of the cache are reviewed by a second person."}, Owner: "operations", Due: day(30)}}, at)
	r.HowMany.Possible = verify.Fact[int]{Value: new(int), Status: verify.Estimated, AsOf: at, Reason: "the cache's own log ends at 10:58"}
	r.HowMany.Special = kept[string]("To say it for so few people would name some of them.", at)
	r.Timeline.LastNotice = moment(day(24), "candor", at)
	r.Told = verify.Told{Affected: 1204, Accepted: 1187, Bounced: 0, OtherChannel: 14, InDoubt: 1, Withheld: 2, Complaints: 3, FirstAt: day(21), LastAt: day(24), Notices: []string{sum("draft"), sum("draft by post")}}
	regulators := append([]verify.Regulator{}, *r.Regulators.Value...)
	regulators[0].Filed, regulators[0].Phase, regulators[0].Reference = day(21), "follow-up", "2018-11-4711"
	r.Regulators = fair(regulators, at)
	r.Corrections = append(append([]verify.Correction{}, r.Corrections...), verify.Correction{Field: "/fix/fixed_at/value", From: `"2018-11-20T15:10:00Z"`, To: `"2018-11-20T14:55:00Z"`, Why: "We had named the time at which the ticket was closed. The change itself was live earlier.", Revision: 3})
	return r
}

// sampleOther is a small incident with one revision: nothing is known exactly.
func sampleOther() verify.Report {
	r := sampleOne()
	r.Incident, r.PublishedAt, r.Log.Index = "inc-c3kd2b7e", day(12), 2
	r.Which.Sites = fair([]verify.Site{{Host: "m.shop.example", App: "Muster Shop for Android", Version: "7.1", Country: "FR"}}, day(12))
	r.HowMany.People = verify.Fact[verify.People]{Value: &verify.People{Lower: 1, Upper: 40, Method: "from the sizes of the answers"}, Status: verify.Estimated, AsOf: day(12), Reason: "no record of that day is left"}
	r.Course, r.Told = verify.Course{Step: 60}, verify.Told{}
	return r
}

func hashOfReport(r verify.Report) string {
	b, _ := json.Marshal(r)
	return sum(string(b))
}

// sample is two incidents, one of them with three revisions.
func sample() []Published {
	one := sampleOne()
	two := sampleTwo(one)
	three := sampleThree(two)
	var all []Published
	for _, r := range []verify.Report{sampleOther(), one, two, three} {
		all = append(all, Published{r, hashOfReport(r)})
	}
	return all
}

func pagesOf(t *testing.T, published []Published) map[string][]byte {
	t.Helper()
	files, err := Pages(published)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// pagesOfSample are those of sample, made once; a test gets a map of its own.
func pagesOfSample(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := madeOnce()
	if err != nil {
		t.Fatal(err)
	}
	return maps.Clone(files)
}

var madeOnce = sync.OnceValues(func() (map[string][]byte, error) { return Pages(sample()) })

func TestSampleAddsUp(t *testing.T) {
	for _, p := range sample() {
		n := 0
		for _, c := range p.Report.Course.Points {
			n += c.Exposed
		}
		if exact := p.Report.HowMany.People.Value.Exact; exact != nil && n != *exact {
			t.Errorf("%s, revision %d: the course has %d people, not %d", p.Report.Incident, p.Report.Revision, n, *exact)
		}
	}
}

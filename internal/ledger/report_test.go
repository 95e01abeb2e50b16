package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/notice"
	"candor.example/internal/report"
	"candor.example/scan"
	"candor.example/verify"
)

// input is what a report is drafted from, with what the ledger does not know.
func (l *told) input() report.Input {
	l.t.Helper()
	in, err := l.ReportInput(l.t.Context(), l.incident, start.Add(time.Hour))
	if err != nil {
		l.t.Fatal(err)
	}
	in.Facts.Publisher = notice.Publisher{LegalName: "Shop Example GmbH", Address: "Beispielstr. 1, 10115 Berlin", Domain: "shop.example", Contact: notice.Contact{Role: "Data Protection Officer", Email: "privacy@shop.example"}}
	in.Severity.Presumed = incident.Presume(incident.SeverityFacts{Kinds: in.Facts.Kinds})
	in.Origin = "shop.example/candor"
	return in
}

func (l *told) draft() (verify.Report, []byte) {
	l.t.Helper()
	r, err := report.Draft(l.input())
	if err != nil {
		l.t.Fatal(err)
	}
	b, err := report.Marshal(r)
	if err != nil {
		l.t.Fatal(err)
	}
	return r, b
}

// publish folds the publication of a document, and returns why it was refused.
func (l *told) publish(body []byte, details map[string]string) string {
	l.t.Helper()
	l.seq++
	d := map[string]string{"revision": "1", "report": candor.HashOf(body), "manifest": candor.HashOf([]byte("manifest")), "index": "0"}
	for k, v := range details {
		d[k] = v
	}
	a := candor.Action{ID: fmt.Sprintf("p%d", l.seq), Time: start.Add(2 * time.Hour), By: "Ada", What: candor.ReportPublished, Incident: l.incident, Details: d}
	mustFold(l.t, l.Ledger, []candor.Entry{{Seq: l.seq, Actions: []candor.Action{a}, Documents: []candor.Document{{Hash: candor.HashOf(body), Type: verify.ReportSchema, Body: body}}}})
	rows, err := l.Audit(l.t.Context(), "", 1)
	if err != nil || rows[0].ID != a.ID {
		l.t.Fatal(rows, err)
	}
	return rows[0].Refused
}

func testReport(t *testing.T, fresh fresher) {
	l := newTold(t, fresh, 12)
	l.disclose("0003", "v7", candor.Exposed)
	r, _ := l.draft()
	if p := r.HowMany; *p.People.Value.Exact != 12 || *p.Prevented.Value != 1 || *p.Records.Value != 12 || *p.Exposures.Value != 13 || *p.Viewers.Value != 2 {
		t.Errorf("%+v", p)
	}
	if r.Told.Affected != 12 || r.Told.Waiting != 12 || r.Timeline.FirstNotice.Status != verify.Unknown {
		t.Errorf("%+v", r.Told)
	}
	l.approve()
	l.must("Ben", candor.NoticeStarted, "share", "all")
	l.deliver(2, notice.Event{N: 0, Kind: notice.Intended}, notice.Event{N: 0, Kind: notice.Took})
	l.deliver(4, notice.Event{N: 1, Kind: notice.Intended}, notice.Event{N: 1, Kind: notice.Refused})
	l.deliver(5, notice.Event{N: 2, Kind: notice.Intended})
	l.must("Ben", candor.NoticeCancelled, "why", "a wrong number in it")
	// A second campaign tells those whom the first did not.
	for _, step := range [][]string{{"Ada", candor.NoticeDrafted, "kind", "affected", "needs", "1", "text", "words"}, {"Ada", candor.NoticeFrozen, "signer", "key1"}} {
		if why := l.actOn("c2", step[0], step[1], step[2:]...); why != "" {
			t.Fatal(why)
		}
	}
	r, one := l.draft()
	if s := r.Told; s.Accepted != 1 || s.Bounced != 1 || s.InDoubt != 1 || s.Withheld != 0 || s.Waiting != 9 || s.Affected != 12 || len(s.Notices) != 1 || s.FirstAt.IsZero() {
		t.Errorf("%+v", s)
	}
	for name, bad := range map[string]map[string]string{"another revision": {"revision": "2"}, "no index": {"index": ""}, "an index below 0": {"index": "-1"}, "no manifest": {"manifest": ""}, "another document": {"report": candor.HashOf(nil)}} {
		if why := l.publish(one, bad); why == "" {
			t.Errorf("%s is taken", name)
		}
	}
	if why := l.publish([]byte("{}"), nil); why == "" {
		t.Error("what is no report is taken")
	}
	if why := l.publish(one, nil); why != "" {
		t.Fatal(why)
	}
	if why := l.publish(one, nil); !strings.Contains(why, "the next is 2") {
		t.Error(why)
	}
	two, _ := l.draft()
	if two.Revision != 2 || two.Previous != candor.HashOf(one) || len(two.Corrections) != 0 {
		t.Errorf("%d %s %+v", two.Revision, two.Previous, two.Corrections)
	}
	forged := two
	forged.Previous = candor.HashOf([]byte("another"))
	if b, err := report.Marshal(forged); err != nil || !strings.Contains(l.publish(b, map[string]string{"revision": "2"}), "revision before") {
		t.Error("a revision that names another one before is taken", err)
	}
	list, err := l.Reports(t.Context(), l.incident)
	if err != nil || len(list) != 1 || list[0].Revision != 1 || list[0].Hash != candor.HashOf(one) || list[0].By != "Ada" {
		t.Errorf("%+v, %v", list, err)
	}
	if r, err := l.Report(t.Context(), list[0].Hash); err != nil || r.Revision != 1 {
		t.Error(err)
	}
}

// What cannot be set is refused, and is in the audit as refused; what can be is in the draft.
func testReportSet(t *testing.T, fresh fresher) {
	l := newTold(t, fresh, 2)
	set := func(field, status, value, why string) string {
		return l.act("Ada", candor.ReportSet, "field", field, "status", status, "value", value, "why", why)
	}
	if why := set("/how_many/people", "known", "1", ""); !strings.Contains(why, "ledger") {
		t.Error(why)
	}
	if why := set("/cause/third_party", "known", `"none"`, ""); why != "" {
		t.Error(why)
	}
	if why := set("/how_many/people", "withheld", "", "The police ask us to."); why != "" {
		t.Error(why)
	}
	if why := l.act("Ada", candor.Filed, "rule", "eu-regulator", "phase", "initial", "how", "web form"); why != "" {
		t.Error(why)
	}
	if why := l.act("Ada", candor.Filed, "rule", "eu-regulator", "phase", "first", "how", "web form"); why == "" {
		t.Error("a filing of no phase is taken")
	}
	r, b := l.draft()
	if r.Cause.ThirdParty.Value == nil || *r.Cause.ThirdParty.Value != "none" || r.HowMany.People.Status != verify.Withheld {
		t.Errorf("%+v %+v", r.Cause.ThirdParty, r.HowMany.People)
	}
	if strings.Contains(string(b), "Ada") {
		t.Error("somebody is named")
	}
	l.incident = "inc-nothere"
	if why := set("/cause/third_party", "known", `"none"`, ""); !strings.Contains(why, "no such incident") {
		t.Error(why)
	}
}

// The numbers of a report are of one moment, although the journal is folded meanwhile.
func testReportOfOneMoment(t *testing.T, fresh fresher) {
	where := fresh(t)
	l := &told{Ledger: openAt(t, where), t: t}
	l.disclose("0000", "v1", candor.Exposed)
	list, err := l.Incidents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	reader := &told{Ledger: openAt(t, where), t: t, incident: list[0].ID}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; n <= 60; n++ {
			e := candor.Entry{Seq: uint64(n + 1), Disclosures: []candor.Disclosure{disclosed(fmt.Sprintf("%04d", n), "v1", candor.Exposed, 10*n)}}
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
		in, sum, there := reader.input(), 0, 0
		for _, p := range in.Series {
			sum += p.Exposed
		}
		for _, n := range in.Countries {
			there += n
		}
		if sum != in.Facts.People || there != in.Facts.People || in.Records != in.Facts.People || in.Exposures != in.Facts.People {
			t.Fatalf("%d people, and %d of the course, %d of countries, %d records, %d pairs", in.Facts.People, sum, there, in.Records, in.Exposures)
		}
	}
}

// customer is one of a simulated customer file.
type customer struct{ id, email, name string }

func simulated(n int) (list []customer) {
	for i := range n {
		first, last := []string{"Anna", "Jürgen", "Zoë", "Ada"}[i%4], []string{"Beispiel", "Muster", "Sample"}[i%3]+fmt.Sprintf("%c%c", 'a'+i%26, 'a'+i/26%26)
		list = append(list, customer{"kd-7f3k" + strconv.Itoa(100+i), fmt.Sprintf("%s.%s%d@mail.example", strings.ToLower(first[:2]), strings.ToLower(last), i), first + " " + last})
	}
	return list
}

// hostile is a journal in which customers stand wherever an edge could have let them through: in routes, URLs, what is sealed, releases' notes, who was asked.
func hostile(all []customer) (list []candor.Entry) {
	for i, c := range all {
		d := disclosed(c.id, fmt.Sprint("v", i%9), candor.Exposed, 7*i)
		d.Route, d.URL, d.Masked, d.Place = "GET /u/"+all[0].id+"/{id}", "/u/"+url.QueryEscape(c.email), scan.MaskEmail(c.email), "$.items[].email"
		d.ID, d.Response = fmt.Sprint("d", i), fmt.Sprint("r", i)
		other := d
		other.Kind, other.ID = scan.Name, d.ID+"n"
		r := candor.Response{ID: d.Response, Time: d.Time, End: d.Time, Site: d.Site, Route: d.Route, Method: "GET", URL: "/u/" + c.email, Status: 200, Viewer: "customer", ViewerDigest: d.ViewerDigest, Owners: 1,
			People: c.id, Object: c.email, ContentType: "text/html", Body: c.name, Age: -1, Places: []string{"span." + c.name}, SurrogateKeys: []string{c.email}}
		list = append(list, candor.Entry{Seq: uint64(i + 1), Disclosures: []candor.Disclosure{d, other}, Responses: []candor.Response{r},
			Sealed: []candor.Sealed{{Owner: c.id, Kind: "email", Key: "k1", Blob: []byte(c.email)}, {Owner: c.id, Kind: "name", Key: "k1", Blob: []byte(c.name)}}})
	}
	return list
}

// Of a ledger full of customers no report, statement or evidence names one: no id, no address and no name, in any encoding.
func testReportNamesNobody(t *testing.T, fresh fresher) {
	for _, n := range []int{1, 2, 9, 150} {
		all := simulated(n)
		l := &told{Ledger: open(t, fresh), t: t}
		mustFold(t, l.Ledger, hostile(all))
		l.seq = uint64(n)
		list, err := l.Incidents(t.Context())
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		l.incident = list[0].ID
		l.approve()
		l.must("Ben", candor.NoticeStarted, "share", "all")
		in := l.input()
		r, b := l.draft()
		said := [][]byte{b}
		for _, lang := range notice.Languages {
			s, err := report.StatementOf(r, in.Facts, lang)
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, []byte(s.Text()))
		}
		searchFor(t, all, bytes.Join(said, nil))
		if set := l.campaign().Set; n < report.MergeBelow && bytes.Contains(b, []byte(set)) {
			t.Errorf("%d people: the hash over who they are is said, and can be found by trying", n)
		}
		if errs := report.Ready(r); len(errs) > 0 {
			t.Error(errs)
		}
	}
}

// searchFor looks for each customer: their texts in the encodings that are easy to write, and whatever scan takes for an address or its hash.
func searchFor(t *testing.T, all []customer, said []byte) {
	t.Helper()
	low := bytes.ToLower(said)
	addresses := map[string]bool{}
	for _, c := range all {
		for _, text := range []string{c.id, c.email, c.name} {
			for _, form := range []string{text, url.QueryEscape(text), url.PathEscape(text), base64.StdEncoding.EncodeToString([]byte(text)), hex.EncodeToString([]byte(text)), candor.HashOf([]byte(text)),
				strings.Trim(strconv.QuoteToASCII(text), `"`)} {
				if bytes.Contains(low, []byte(strings.ToLower(form))) {
					t.Errorf("a customer stands in it, as %q", form)
				}
			}
		}
		addresses[c.email] = true
		for kind, hash := range scan.Hashes([]byte(c.email)) {
			addresses[string(kind)+string(hash)] = true
		}
	}
	f := scan.Finder{Found: func(m scan.Match) bool {
		if addresses[string(m.Value)] || addresses[string(m.Kind)+string(m.Value)] {
			t.Errorf("a customer stands in it: %s, %s", m.Kind, m.Encoding)
		}
		return false
	}}
	f.Find(said, true)
}

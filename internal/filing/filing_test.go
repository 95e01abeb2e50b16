package filing

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/document"
	"candor.example/internal/duties"
	"candor.example/internal/incident"
	"candor.example/internal/report"
	"candor.example/verify"
)

var update = flag.Bool("update", false, "write docs/filings.md")

var now = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

// rich is a report in which everything is said that can be.
func rich(t *testing.T) verify.Report {
	t.Helper()
	data, err := os.ReadFile("../report/testdata/rich.json")
	if err != nil {
		t.Fatal(err)
	}
	var r verify.Report
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

// bare is a report of which hardly anything is known.
func bare() verify.Report {
	return verify.Report{Schema: verify.ReportSchema, Incident: "i-4f2a90c1", Publisher: verify.Publisher{LegalName: "Shop Example Ltd"}}
}

// judged are the duties for people everywhere, a card number among what was shown.
func judged(at time.Time) duties.Answer {
	kinds := []candor.Kind{"email", "name"}
	people := map[string]int{"DE": 2841, "GB": 40, "US-CA": 600, "US-WA": 601, "US-NY": 602, "US-TX": 312, "US-FL": 604, "CA": 5, "AU": 6, "BR": 2001, "JP": 2002, "IN": 7}
	aware := time.Date(2026, 11, 20, 10, 52, 0, 0, time.UTC)
	return duties.Shipped().Judge(duties.Facts{Kinds: kinds, Credentials: []string{"card-number"}, Looked: candor.LookedAll, People: people, Now: at,
		Severity: incident.Presume(incident.SeverityFacts{Kinds: kinds}), Moments: incident.Moments{Aware: aware, Determined: aware}, Notified: aware.Add(24 * time.Hour)})
}

func fill(t *testing.T, f Form, in Input) Filing {
	t.Helper()
	out, err := f.Fill(in)
	if err != nil {
		t.Fatalf("%s: %v", f.ID, err)
	}
	return out
}

func TestEveryRuleThatTellsARegulatorHasAForm(t *testing.T) {
	has := map[string]bool{}
	for _, f := range Forms() {
		has[f.Rule], has[f.Completes] = true, true
	}
	for _, r := range duties.Shipped().Rules {
		if r.Tell == "regulator" && !r.Disabled() && !has[r.ID] {
			t.Errorf("no form for %s", r.ID)
		}
		delete(has, r.ID)
	}
	delete(has, "")
	for id := range has {
		t.Errorf("a form has the rule %s, which is not there", id)
	}
}

func TestPointersLeadIntoTheReport(t *testing.T) {
	data, err := json.Marshal(rich(t))
	if err != nil {
		t.Fatal(err)
	}
	var whole any
	if err := json.Unmarshal(data, &whole); err != nil {
		t.Fatal(err)
	}
	for name := range facts {
		at, ok := whole, true
		if !strings.HasPrefix(name, "/") {
			continue
		}
		for _, step := range strings.Split(name[1:], "/") {
			object, _ := at.(map[string]any)
			if at, ok = object[step]; !ok {
				t.Errorf("%s: the report has no %s", name, step)
				break
			}
		}
	}
}

func TestWhatIsRequiredIsFilledOrMarked(t *testing.T) {
	for _, f := range Forms() {
		for name, r := range map[string]verify.Report{"rich": rich(t), "bare": bare()} {
			out := fill(t, f, Input{Report: r, Duties: judged(now), Phase: report.Initial, Now: now})
			for _, a := range out.answers() {
				if a.Required && a.Text == "" && a.Mark() == "" {
					t.Errorf("%s, %s: %s is neither filled nor marked", f.ID, name, a.Field)
				}
			}
			if name == "bare" && len(out.Open) < 3 {
				t.Errorf("%s: of an almost empty report only %v are open", f.ID, out.Open)
			}
			if out.Why == "" || out.Duty == "" || out.Advice != duties.Advice || out.Authority == "" {
				t.Errorf("%s: it does not say duty or no duty and why: %+v", f.ID, out)
			}
		}
	}
}

// The same facts in JSON, Markdown and PDF, for every form.
func TestAllFormsSayTheSame(t *testing.T) {
	for _, f := range Forms() {
		out := fill(t, f, Input{Report: rich(t), Duties: judged(now), Phase: report.Initial, Now: now, Sample: "Notice of Data Breach\n\nWhat Happened\nDear Alex Example …\n"})
		paper, err := out.PDF(nil)
		if err != nil {
			t.Fatalf("%s: %v", f.ID, err)
		}
		if f.ID == "texas" {
			if again, _ := out.PDF(nil); !bytes.Equal(paper, again) {
				t.Error("two PDFs of one filing differ")
			}
		}
		if dir := os.Getenv("CANDOR_FILINGS"); dir != "" { // to look at them
			os.WriteFile(dir+"/"+f.ID+".pdf", paper, 0o600)
			os.WriteFile(dir+"/"+f.ID+".md", out.Markdown(), 0o600)
		}
		pdf, markdown := squeezed(pdfText(t, paper)), squeezed(unescaped(string(out.Markdown())))
		for _, want := range everything(out) {
			if w := squeezed(want); !strings.Contains(pdf, w) {
				t.Errorf("%s: the PDF does not say %q", f.ID, want)
			} else if !strings.Contains(markdown, w) {
				t.Errorf("%s: Markdown does not say %q", f.ID, want)
			}
		}
		data, err := out.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Parse(data); err != nil || len(back.answers()) != len(out.answers()) {
			t.Errorf("%s: %v", f.ID, err)
		}
	}
}

// everything is all that a filing says.
func everything(f Filing) (list []string) {
	for _, p := range f.head() {
		list = append(list, p[1])
	}
	for _, a := range f.answers() {
		list = append(append(list, a.Label), a.lines()...)
	}
	return append(append(list, f.Notes...), f.Advice, f.Title)
}

func pdfText(t *testing.T, body []byte) string {
	t.Helper()
	var b strings.Builder
	if err := document.Extract(context.Background(), body, document.Limits{}, func(text []byte) error { b.Write(text); return nil }); err != nil {
		t.Fatal(err)
	}
	return footer.ReplaceAllString(b.String(), "")
}

// footer may stand in the middle of what goes on on the next page.
var footer = regexp.MustCompile(`(?s)[a-z-]+, [a-z-]+, incident i-4f2a90c1, drafted.{0,40}?Page \d+ of \d+`)

// squeezed leaves out what lines are broken by.
func squeezed(s string) string { return strings.Join(strings.Fields(s), "") }

func unescaped(s string) string {
	return regexp.MustCompile(`\\([\\*_`+"`"+`<\[\]#|&~])|\\\n|\*\*`).ReplaceAllString(s, "$1")
}

func TestNumbersAreTheReports(t *testing.T) {
	gdpr, _ := FormOf("gdpr")
	out := fill(t, gdpr, Input{Report: rich(t), Duties: judged(now), Phase: report.Initial, Now: now})
	for field, want := range map[string]string{
		"subjects":  "3210, exactly",
		"records":   "6377",
		"viewers":   "Viewers who were shown it: 1490\nPairs of person and viewer: 3388",
		"told":      "3210 affected: 3171 accepted, 21 bounced, 9 told by another channel, 2 in doubt, 3 withheld, 4 waiting; 1 complaints",
		"countries": "DE 2841; US-TX 312; other countries, counted together: 17; country unknown 40",
		"aware":     "2026-11-20 11:52 CET (10:52 UTC)",
		"contained": "415 recorded requests were asked again and disclosed nothing; 90211 responses since the fix",
		"severity":  "low: 1 x 1 + 0.25 = 1.25",
	} {
		if a, _ := out.answer(field); !strings.Contains(a.Text, want) {
			t.Errorf("%s: %q does not say %q", field, a.Text, want)
		}
	}
}

func TestWithheldAndUnknownAreLeftToAPerson(t *testing.T) {
	gdpr, _ := FormOf("gdpr")
	out := fill(t, gdpr, Input{Report: rich(t), Duties: judged(now), Phase: report.Initial, Now: now})
	if a, _ := out.answer("processor"); !strings.HasPrefix(a.Text, "withheld from the public report: the contract") || a.Mark() == "" {
		t.Errorf("%+v", a)
	}
	if a, _ := out.answer("categories"); a.Text != "not known yet; it will be said by 2026-11-30 13:00 CET (12:00 UTC)" || a.Mark() == "" {
		t.Errorf("%+v", a)
	}
	if a, _ := out.answer("cross-border"); a.Mark() != "[to be answered by a person: "+a.Ask+"]" || a.Text != "" {
		t.Errorf("%+v", a)
	}
}

func TestLateAsksWhy(t *testing.T) {
	late := now.Add(48 * time.Hour)
	for _, id := range []string{"gdpr", "uk", "brazil"} {
		f, err := FormOf(id)
		if err != nil {
			t.Fatal(err)
		}
		in := Input{Report: rich(t), Duties: judged(now), Phase: report.Initial, Now: now}
		if out := fill(t, f, in); out.Late != false {
			t.Errorf("%s: late in time", id)
		} else if _, asked := out.answer("delay"); asked {
			t.Errorf("%s: in time, and asked why it is late", id)
		}
		in.Now, in.Duties = late.Add(72*time.Hour), judged(late.Add(72*time.Hour))
		out := fill(t, f, in)
		if a, asked := out.answer("delay"); !out.Late || !asked || a.Mark() == "" {
			t.Errorf("%s: late, and nobody is asked why", id)
		}
	}
}

func TestFollowUpSaysWhatChanged(t *testing.T) {
	gdpr, _ := FormOf("gdpr")
	in := Input{Report: rich(t), Duties: judged(now), Phase: report.Initial, Now: now, Given: map[string]string{"measures-before": "Review of each rule."}}
	first := fill(t, gdpr, in)
	data, err := first.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	before, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	in.Phase = report.FollowUp
	if _, err := gdpr.Fill(in); err == nil || !strings.Contains(err.Error(), "after an initial notification") {
		t.Errorf("a follow-up of nothing: %v", err)
	}
	in.Before, in.Given = &before, nil
	in.Filed = []report.Filed{{Rule: "eu-regulator", Phase: report.Initial, At: now, How: "web form", Reference: "711.42", Authority: "Berliner Beauftragte für Datenschutz"}}
	n := 3215
	in.Report.HowMany.People.Value = &verify.People{Exact: &n, Lower: n, Upper: n, Method: "counted"}
	out := fill(t, gdpr, in)
	if len(out.Changes) != 2 || out.Changes[1].Field != "subjects" || !strings.HasPrefix(out.Changes[1].From, "3210") || !strings.HasPrefix(out.Changes[1].To, "3215") {
		t.Errorf("%+v", out.Changes)
	}
	if a, _ := out.answer("changes"); !strings.Contains(a.Text, "Approximate number of data subjects") {
		t.Errorf("%+v", a)
	}
	if a, _ := out.answer("measures-before"); a.Text != "Review of each rule." || a.By != "person" {
		t.Errorf("what a person had answered is gone: %+v", a)
	}
	if a, _ := out.answer("earlier"); !strings.Contains(a.Text, "web form, reference 711.42") || out.Authority != "Berliner Beauftragte für Datenschutz" {
		t.Errorf("%q, %+v", out.Authority, a)
	}
	if in.Given = map[string]string{"subject": "?"}; true {
		if _, err := gdpr.Fill(in); err == nil || !strings.Contains(err.Error(), `no field "subject"`) {
			t.Errorf("an answer to nothing: %v", err)
		}
	}
}

func TestAFilingNamesNobody(t *testing.T) {
	gdpr, _ := FormOf("gdpr")
	in := Input{Report: rich(t), Duties: judged(now), Phase: report.Initial, Now: now}
	for _, text := range []string{"ask ann.miller@mail.example", "YW5uLm1pbGxlckBtYWlsLmV4YW1wbGU=", "ann.miller%40mail.example"} {
		in.Given = map[string]string{"measures-before": text}
		_, err := gdpr.Fill(in)
		if err == nil || !strings.HasPrefix(err.Error(), "measures-before: it holds an e-mail address, a") || strings.Contains(err.Error(), "ann.miller") {
			t.Errorf("%s: %v", text, err)
		}
	}
	in.Given, in.Sample = nil, "Dear Ann, we write to ann.miller@mail.example"
	if _, err := gdpr.Fill(in); err == nil {
		t.Error("the sample is to somebody")
	}
}

func TestPhasesHaveTheirRule(t *testing.T) {
	japan, _ := FormOf("japan")
	if japan.RuleOf(report.Initial) != "jp-regulator" || japan.RuleOf(report.Final) != "jp-final" {
		t.Error("the final report has a clock of its own")
	}
}

func TestAFontMustHaveTheLetters(t *testing.T) {
	r := rich(t)
	r.Publisher.LegalName = "株式会社ショップ"
	japan, _ := FormOf("japan")
	out := fill(t, japan, Input{Report: r, Duties: judged(now), Phase: report.Initial, Now: now})
	if _, err := out.PDF(nil); err == nil || !strings.Contains(err.Error(), "has no letter '株'") {
		t.Errorf("%v", err)
	}
	if _, err := out.PDF([]byte("no font")); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("%v", err)
	}
}

// docs/filings.md is made from the forms, so that it cannot lie about them.
func TestTheDocumentationIsMadeFromTheForms(t *testing.T) {
	const file, begin, end = "../../docs/filings.md", "<!-- forms -->\n", "<!-- /forms -->\n"
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(have), begin)
	_, after, ends := strings.Cut(rest, end)
	if !found || !ends {
		t.Fatal("docs/filings.md has lost the comments between which the forms are")
	}
	want := before + begin + string(Catalogue()) + end + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(have) {
		t.Error("docs/filings.md is not as the forms are: go test ./internal/filing -update")
	}
}

func TestFormErrorsSayWhere(t *testing.T) {
	good, err := shipped.ReadFile("forms/texas.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"mark: S", "mark: X", "mark is none of"},
		{"paper: Letter", "paper: A5", "neither A4 nor Letter"},
		{"effective_from: 2023-09-01", "effective_from: soon", "effective_from must be a day"},
		{"from: [phase]", "from: [phrase]", `field "phase": from "phrase" is no fact`},
		{"id: organisation", "id: phase", "is there twice"},
		{"when: withdrawal", "when: never", "when"},
		{"how:", "hows:", "unknown field"},
	} {
		_, err := ParseForm("x.yaml", bytes.Replace(good, []byte(c.old), []byte(c.new), 1))
		if err == nil || !strings.HasPrefix(err.Error(), "x.yaml:") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.new, err)
		}
	}
	if _, err := FormOf("mars"); err == nil || !strings.Contains(err.Error(), "california") {
		t.Errorf("%v", err)
	}
}

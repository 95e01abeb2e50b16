package duties

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/incident"
)

var update = flag.Bool("update", false, "write docs/duties.md and the golden calendar")

var aware = time.Date(2026, 11, 20, 10, 52, 0, 0, time.UTC)

// facts are name and e-mail addresses of a usual shop, a low severity, everything looked at.
func facts(people map[string]int) Facts {
	kinds := []candor.Kind{"email", "name"}
	return Facts{
		Kinds: kinds, Looked: candor.LookedAll, People: people, Now: aware.Add(time.Hour),
		Severity: incident.Presume(incident.SeverityFacts{Kinds: kinds}), Moments: incident.Moments{Aware: aware},
	}
}

func withPassword(f Facts) Facts { f.Credentials = []string{"password"}; return f }
func withCard(f Facts) Facts     { f.Credentials = []string{"card-number"}; return f }

func find(t *testing.T, a Answer, id string) Duty {
	t.Helper()
	for _, d := range a.Duties {
		if d.ID == id {
			return d
		}
	}
	t.Fatalf("no rule %s", id)
	return Duty{}
}

func TestRulings(t *testing.T) {
	rules := Shipped()
	high := facts(map[string]int{"DE": 1})
	high.Severity = incident.Severity{SE: 3, Level: incident.High}
	below := facts(map[string]int{"DE": 1})
	below.Severity = incident.Severity{SE: 2.75, Level: incident.Medium}
	notLooked := facts(map[string]int{"US-CA": 3})
	notLooked.Looked = candor.LookedPart
	notLookedEU := facts(map[string]int{"DE": 3})
	notLookedEU.Looked = ""
	pharmacy := facts(map[string]int{"US-TX": 300, "BR": 1})
	pharmacy.Trade = incident.Pharmacy
	india := facts(map[string]int{"IN": 1})
	india.Moments.Aware = time.Date(2027, 5, 13, 0, 0, 0, 0, time.UTC)
	indiaBefore := facts(map[string]int{"IN": 1})
	indiaBefore.Moments.Aware = time.Date(2027, 5, 12, 23, 59, 59, 0, time.UTC)
	processor := facts(map[string]int{"DE": 1})
	processor.Processor = true
	for _, test := range []struct {
		name string
		f    Facts
		id   string
		want Ruling
	}{
		{"100 people at low severity", facts(map[string]int{"DE": 60, "FR": 40}), "eu-regulator", None},
		{"101", facts(map[string]int{"DE": 60, "FR": 41}), "eu-regulator", Due},
		{"100, and one of unknown country", facts(map[string]int{"DE": 100, "": 1}), "eu-regulator", Undecided},
		{"three, and nobody looked for passwords", notLookedEU, "eu-regulator", Undecided},
		{"one, with a password", withPassword(facts(map[string]int{"DE": 1})), "eu-regulator", Due},
		{"medium", below, "eu-regulator", Due},
		{"a German region", facts(map[string]int{"DE-BY": 101}), "eu-regulator", Due},
		{"every breach is recorded", facts(map[string]int{"DE": 1}), "eu-record", Due},
		{"the Omnibus is disabled", high, "eu-regulator-omnibus", None},
		{"no high risk", below, "eu-people", None},
		{"high risk", high, "eu-people", Due},
		{"nobody there", facts(map[string]int{"DE": 1}), "gb-record", None},
		{"a controller", facts(map[string]int{"DE": 1}), "eu-controller", None},
		{"a processor", processor, "eu-controller", Due},
		{"PECR is for telecoms", facts(map[string]int{"GB": 1}), "gb-telecoms", None},

		{"name and e-mail alone", facts(map[string]int{"US-CA": 10_000}), "us-ca-people", None},
		{"not all was looked at", notLooked, "us-ca-people", Undecided},
		{"a password", withPassword(facts(map[string]int{"US-CA": 1})), "us-ca-people", Due},
		{"500 residents", withPassword(facts(map[string]int{"US-CA": 500})), "us-ca-ag", None},
		{"501 residents", withPassword(facts(map[string]int{"US-CA": 501})), "us-ca-ag", Due},
		{"500, and 1 in an unknown state", withPassword(facts(map[string]int{"US-CA": 500, "US": 1})), "us-ca-ag", Undecided},
		{"state unknown", withPassword(facts(map[string]int{"US": 3})), "us-ca-people", Undecided},
		{"state unknown, and no trigger", facts(map[string]int{"US": 3}), "us-ca-people", None},
		{"Washington 500", withPassword(facts(map[string]int{"US-WA": 500})), "us-wa-ag", None},
		{"Washington 501", withPassword(facts(map[string]int{"US-WA": 501})), "us-wa-ag", Due},
		{"New York 1", withCard(facts(map[string]int{"US-NY": 1})), "us-ny-agencies", Due},
		{"New York 500", withCard(facts(map[string]int{"US-NY": 500})), "us-ny-determination", None},
		{"New York 501", withCard(facts(map[string]int{"US-NY": 501})), "us-ny-determination", Due},
		{"Texas has no limb for passwords", withPassword(facts(map[string]int{"US-TX": 300})), "us-tx-ag", None},
		{"Texas 249", withCard(facts(map[string]int{"US-TX": 249})), "us-tx-ag", None},
		{"Texas 250", withCard(facts(map[string]int{"US-TX": 250})), "us-tx-ag", Due},
		{"a pharmacy in Texas", pharmacy, "us-tx-ag", Undecided},
		{"Florida 499", withPassword(facts(map[string]int{"US-FL": 499})), "us-fl-ag", None},
		{"Florida 500", withPassword(facts(map[string]int{"US-FL": 500})), "us-fl-ag", Due},

		{"Canada, no harm", facts(map[string]int{"CA": 9999}), "ca-regulator", None},
		{"Canada, a card", withCard(facts(map[string]int{"CA": 1})), "ca-regulator", Due},
		{"Canada is not California", withPassword(facts(map[string]int{"CA": 9})), "us-ca-people", None},
		{"Australia assesses", facts(map[string]int{"AU": 1}), "au-assess", Due},
		{"Brazil 1,000", facts(map[string]int{"BR": 1000}), "br-regulator", None},
		{"Brazil 1,001", facts(map[string]int{"BR": 1001}), "br-regulator", Due},
		{"Brazil, a pharmacy", pharmacy, "br-people", Due},
		{"Japan 1,000", facts(map[string]int{"JP": 1000}), "jp-regulator", None},
		{"Japan 1,001", facts(map[string]int{"JP": 1001}), "jp-regulator", Due},
		{"India, the last second before", indiaBefore, "in-people", None},
		{"India, in force", india, "in-people", Due},
		{"CERT-In", facts(map[string]int{"IN": 1}), "in-cert", Due},
	} {
		d := find(t, rules.Judge(test.f), test.id)
		if d.Ruling != test.want || d.Why == "" || d.Advice != Advice {
			t.Errorf("%s: %s is %q (%s), want %q", test.name, test.id, d.Ruling, d.Why, test.want)
		}
	}
}

func TestUnknownPlaces(t *testing.T) {
	a := Shipped().Judge(facts(map[string]int{"": 2, "US": 3, "DE": 1, "DE-BY": 1, "US-OH": 4, "CH": 1}))
	got := strings.Join(a.Unknown, "\n")
	want := "country unknown: 2 customers\nUS: state unknown: 3 customers\nCH: Candor has no rules: 1 customer\nUS-OH: Candor has no rules: 4 customers"
	if got != want || a.Advice != Advice {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestClocks(t *testing.T) {
	f := withPassword(facts(map[string]int{"DE": 200, "US-CA": 501, "US-TX": 250}))
	f.Moments.Determined = aware.Add(48 * time.Hour)
	for _, test := range []struct {
		id    string
		at    time.Time
		start string
	}{
		{"eu-regulator", aware.Add(72 * time.Hour), "aware"},
		{"us-ca-people", aware.Add(30 * 24 * time.Hour), "aware"}, // the earlier of the two
		{"us-ca-ag", time.Time{}, ""},                             // no notice yet
	} {
		if d := find(t, Shipped().Judge(f), test.id); !d.At.Equal(test.at) || d.Moment != test.start {
			t.Errorf("%s: %v from %q", test.id, d.At, d.Moment)
		}
	}
	f.Notified = aware.Add(24 * time.Hour)
	if d := find(t, Shipped().Judge(f), "us-ca-ag"); !d.At.Equal(f.Notified.Add(15 * 24 * time.Hour)) {
		t.Errorf("15 days after the notice: %v", d.At)
	}
	f.Credentials = []string{"card-number"}
	if d := find(t, Shipped().Judge(f), "us-tx-people"); !d.At.Equal(f.Moments.Determined.Add(60 * 24 * time.Hour)) {
		t.Errorf("60 days after determination: %v", d.At)
	}
	f.Moments = incident.Moments{}
	if d := find(t, Shipped().Judge(f), "eu-regulator"); !d.At.IsZero() || d.Overdue || !strings.Contains(d.Why, "nobody has confirmed") {
		t.Errorf("a clock that has not begun: %+v", d)
	}
}

func TestOverdue(t *testing.T) {
	f := facts(map[string]int{"DE": 101})
	f.Now = aware.Add(72 * time.Hour)
	if d := find(t, Shipped().Judge(f), "eu-regulator"); d.Overdue || d.Left != 0 {
		t.Errorf("at 72 h: %+v", d)
	}
	f.Now = f.Now.Add(time.Second)
	if d := find(t, Shipped().Judge(f), "eu-regulator"); !d.Overdue || d.Left != -1 || d.Feasible != "no" {
		t.Errorf("a second past 72 h: %+v", d)
	}
}

func TestFeasible(t *testing.T) {
	f := withPassword(facts(map[string]int{"US-CA": 7190}))
	f.Now = aware.Add(time.Hour) // 719 hours are left
	for perHour, want := range map[int]string{0: "unknown", 10: "yes", 9: "no"} {
		f.PerHour = perHour
		if d := find(t, Shipped().Judge(f), "us-ca-people"); d.Feasible != want {
			t.Errorf("%d an hour: %q, want %q", perHour, d.Feasible, want)
		}
	}
}

func TestBusinessDays(t *testing.T) {
	for start, want := range map[string]string{
		"2026-11-16T12:00:00-03:00": "2026-11-19T23:59:59-03:00", // Monday
		"2026-11-18T12:00:00-03:00": "2026-11-24T23:59:59-03:00", // the 20th is a holiday, then a weekend
		"2023-11-16T12:00:00-03:00": "2023-11-21T23:59:59-03:00", // and was none before 2024
		"2026-04-01T23:59:00-03:00": "2026-04-07T23:59:59-03:00", // Good Friday, 3 April
		"2026-11-17T01:00:00Z":      "2026-11-19T23:59:59-03:00", // still the 16th in Brasília
		"2026-12-31T12:00:00-03:00": "2027-01-06T23:59:59-03:00",
	} {
		from, _ := time.Parse(time.RFC3339, start)
		till, _ := time.Parse(time.RFC3339, want)
		if got := businessDays(from, 3); !got.Equal(till) {
			t.Errorf("from %s: %v, want %s", start, got.In(brasilia), want)
		}
	}
}

func TestEaster(t *testing.T) {
	for _, day := range []string{"1818-03-22", "1943-04-25", "2000-04-23", "2019-04-21", "2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2038-04-25"} {
		want, _ := time.Parse(time.DateOnly, day)
		if got := easter(want.Year()); !got.Equal(want) {
			t.Errorf("%d: %v", want.Year(), got)
		}
	}
}

func TestShipped(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Shipped().Rules {
		if r.Source == "" || r.Mark == "" || r.EffectiveFrom == "" || seen[r.ID] {
			t.Errorf("%+v", r)
		}
		seen[r.ID] = true
	}
	if len(seen) < 30 {
		t.Errorf("only %d rules", len(seen))
	}
}

const oneRule = `places: {XX: [DE]}
rules:
  - id: a
    place: XX
    law: a law
    tell: people
    trigger: any
    clock: {from: aware, hours: 72}
    effective_from: 2018-05-25
    source: a page
    mark: M
`

func TestParseErrors(t *testing.T) {
	if _, err := Parse("f", []byte(oneRule)); err != nil {
		t.Fatal(err)
	}
	second := strings.SplitN(oneRule, "rules:\n", 2)[1]
	for _, test := range []struct{ from, to, want string }{
		{"mark: M", "mark: X", "f:3: rule 1 \"a\": mark"},
		{"mark: M\n", "mark: M\n" + second, "f:12: rule 2 \"a\": the id is used twice"},
		{"source: a page", "source: ''", "f:3: rule 1 \"a\": source is missing"},
		{"hours: 72", "hours: 72, days: 1", "one of them"},
		{"hours: 72", "hours: 10001", "from 0 to 10000"},
		{"hours: 72", "business_days: 3", "need a calendar"},
		{"2018-05-25", "2018-13-25", "effective_from must be a day"},
		{"2018-05-25", "2018-05-25\n    effective_until: 2018-05-25", "effective_until must be"},
		{"trigger: any", "trigger: some", "trigger \"some\" is none of"},
		{"place: XX", "place: YY", "not under places"},
		{"law: a law", "lawyer: a law", "f:[5:5] unknown field"},
		{"tell: people", "tell: *x", "f:6: \"*\" has no place"},
	} {
		_, err := Parse("f", []byte(strings.Replace(oneRule, test.from, test.to, 1)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.to, err, test.want)
		}
	}
	if _, err := Parse("f", []byte(oneRule+strings.Repeat("#", maxRules-len(oneRule)))); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := Parse("f", []byte(oneRule+strings.Repeat("#", maxRules-len(oneRule)+1))); err == nil {
		t.Error("past the limit: no error")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(oneRule))
	f.Add(shipped)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 8<<10 {
			return
		}
		r, err := Parse("f", data)
		if err != nil {
			return
		}
		r.Judge(facts(map[string]int{"DE": 1, "": 1}))
		r.Markdown()
	})
}

func TestDocs(t *testing.T) { golden(t, "../../docs/duties.md", Shipped().Markdown()) }

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the rules say: run go test ./internal/duties -update (%v)", path, err)
	}
}

func calendar() []byte {
	f := withPassword(facts(map[string]int{"DE": 101, "US-CA": 3, "US": 1, "BR": 1}))
	return Calendar("inc-abcdefgh", "shop.example", Shipped().Judge(f).Duties, aware)
}

func TestCalendar(t *testing.T) {
	got := calendar()
	golden(t, "testdata/calendar.ics", got)
	for i, l := range strings.Split(strings.TrimSuffix(string(got), "\r\n"), "\r\n") {
		if len(l) > maxLine || strings.ContainsAny(l, "\r\n") {
			t.Errorf("line %d has %d octets", i+1, len(l))
		}
	}
}

func TestFolding(t *testing.T) {
	for n, want := range map[int]int{75: 1, 76: 2, 149: 2, 150: 3} {
		var b bytes.Buffer
		line(&b, strings.Repeat("x", n))
		if got := bytes.Count(b.Bytes(), []byte("\r\n")); got != want {
			t.Errorf("%d octets: %d lines, want %d", n, got, want)
		}
	}
	var b bytes.Buffer
	s := strings.Repeat("ä€", 80)
	line(&b, s)
	if unfolded := strings.ReplaceAll(b.String(), "\r\n ", ""); unfolded != s+"\r\n" || !strings.Contains(b.String(), "\r\n ") {
		t.Errorf("a character was cut: %q", b.String())
	}
}

// TestIndependentParser reads the calendar with Debian's python3-icalendar: of two readings of RFC 5545, one is not ours.
func TestIndependentParser(t *testing.T) {
	script := `
import sys, icalendar
c = icalendar.Calendar.from_ical(sys.stdin.buffer.read())
for e in c.walk("VTODO"):
    a = e.walk("VALARM")
    print(e["UID"], e.decoded("DUE").isoformat(), len(a), a[0].decoded("TRIGGER").days, "legal advice" in e["DESCRIPTION"], sep="|")
`
	if err := exec.Command("/usr/bin/python3", "-c", "import icalendar").Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("python3-icalendar is missing: run make install-test-tools")
		}
		t.Skip("python3-icalendar is not there")
	}
	cmd := exec.Command("/usr/bin/python3", "-c", script)
	cmd.Stdin = bytes.NewReader(calendar())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		"inc-abcdefgh-eu-regulator@shop.example|2026-11-23T10:52:00+00:00|1|-1|True\n",
		"inc-abcdefgh-us-ca-people@shop.example|2026-12-20T10:52:00+00:00|1|-1|True\n",
		"inc-abcdefgh-br-regulator@shop.example|2026-11-26T02:59:59+00:00|1|-1|True\n",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("missing %sin\n%s", want, out)
		}
	}
}

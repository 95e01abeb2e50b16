package report

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/notice"
	"candor.example/verify"
)

// Every language has the words of English, but for plural forms of its own, and every fact of a report has a question.
func TestStatementWords(t *testing.T) {
	all, err := statementWords()
	if err != nil {
		t.Fatal(err)
	}
	keys := func(lang string) []string {
		own := maps.Clone(all[lang])
		maps.DeleteFunc(own, func(key, _ string) bool { return strings.HasSuffix(key, ".one") })
		return slices.Sorted(maps.Keys(own))
	}
	for _, lang := range notice.Languages {
		if !slices.Equal(keys(lang), keys("en")) {
			t.Errorf("%s has other words than English", lang)
		}
	}
	for _, field := range Fields() {
		if all["en"]["question."+questionOf(field)] == "" {
			t.Errorf("%s has no question", field)
		}
	}
}

func TestStatement(t *testing.T) {
	in := shop()
	r, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range notice.Languages {
		s, err := StatementOf(r, in.Facts, lang)
		if err != nil {
			t.Fatal(lang, err)
		}
		text := s.Text()
		if strings.ContainsAny(text, "{}") || len(s.Answers) != 23 {
			t.Errorf("%s: %d answers: %s", lang, len(s.Answers), text)
		}
		for _, a := range s.Answers {
			if f, ok := fieldAt(&r, a.Field); ok && a.Status != f.status() || a.Answer == "" || a.Question == "" {
				t.Errorf("%s: %+v", lang, a)
			}
		}
	}
	s, _ := StatementOf(r, in.Facts, "en")
	for _, want := range []string{"We showed the data of 160 people to others on www.shop.example (the page with your orders). This happened on 20 November 2018, from 11:00 to 11:38 CET.",
		"So far we have told 70 of 160 people.", "Germany: 90, Austria: 40 and other countries: 30.", "We do not know this yet. We will say it by 6 December 2018."} {
		if !strings.Contains(s.Text(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

// What is not known or not said is answered so, whatever it is.
func TestStatementOfLittle(t *testing.T) {
	in := shop()
	in.Verdict = incident.Verdict{Cause: incident.CauseUndetermined, Title: incident.Undetermined}
	in.Facts.Cause, in.Facts.Contained, in.Facts.Fixed, in.Facts.Verified, in.Facts.Release = in.Verdict.Cause, time.Time{}, time.Time{}, time.Time{}, ""
	in.Facts.Replayed, in.Facts.CleanSince, in.Facts.FixReference = 0, 0, ""
	in.Told = Told{}
	for _, field := range []string{"/how_many/people", "/timeline/first_exposure", "/which/surfaces", "/how_many/viewers_count"} {
		in.Actions = append(in.Actions, set(field, "withheld", "", "The police ask us to."))
	}
	r, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	r = clone(t, r)
	for _, lang := range notice.Languages {
		s, err := StatementOf(r, in.Facts, lang)
		if err != nil {
			t.Fatal(lang, err)
		}
		for _, secret := range []string{"160", "320", "11:00", "/orders", "your orders"} {
			if strings.Contains(s.Text(), secret) {
				t.Errorf("%s: %s is withheld, and said", lang, secret)
			}
		}
	}
	s, _ := StatementOf(r, in.Facts, "en")
	for _, want := range []string{"We do not say this now. The reason: The police ask us to.", "We have not removed the cause yet. We will say more by 6 December 2018.", "We showed data of customers to others"} {
		if !strings.Contains(s.Text(), want) {
			t.Errorf("it does not say %q: %s", want, s.Text())
		}
	}
	if slices.ContainsFunc(s.Answers, func(a Answer) bool { return a.Field == "/people_told" }) {
		t.Error("whom we told is said, and how many there are is not")
	}
	if r.Cause.Summary.Status != verify.Unknown {
		t.Errorf("%+v", r.Cause.Summary)
	}
}

// Of an undetermined cause the two that remain are named, in the report, on the page and in the statement, and nowhere once somebody says the cause, or withholds it.
func TestTheTwoThatRemain(t *testing.T) {
	in := shop()
	in.Verdict = incident.Verdict{Cause: incident.CauseUndetermined, Title: incident.Undetermined, Candidates: []incident.Considered{{Cause: incident.CauseCoalesced}, {Cause: incident.CauseMixUp}}}
	in.Facts.Cause, in.Facts.Candidates = incident.CauseUndetermined, []incident.CauseID{incident.CauseCoalesced, incident.CauseMixUp}
	two := map[string][]string{"en": {"One of these two is left", "we gave all of them the page of one", "We mixed up the sessions"}, "de": {"Eine von diesen beiden bleibt"}, "ja": {"次の二つのどちらか"}}
	for name, test := range map[string]struct {
		set   Entry
		named bool
	}{
		"drafted":  {set("/fix/copies_purged", "known", `["none"]`, ""), true},
		"said":     {set("/cause/summary_plain", "known", `{"en":"The cause: a mistake in our program. It mixed up two people."}`, ""), false},
		"withheld": {set("/cause/summary_plain", "withheld", "", "The police ask us to."), false},
		"hidden":   {set("/cause/mechanism", "withheld", "", "The police ask us to."), false},
	} {
		in := in
		in.Actions = append(slices.Clone(in.Actions), test.set)
		r, err := Draft(in)
		if err != nil {
			t.Fatal(name, err)
		}
		b, err := Marshal(r)
		if err != nil || (len(r.Cause.Candidates) == 2) != test.named {
			t.Fatalf("%s: %v %v", name, err, r.Cause.Candidates)
		}
		if errs := Ready(r); len(errs) > 0 {
			t.Error(name, errs)
		}
		pages, err := Pages([]Published{{Report: r, Hash: candor.HashOf(b)}})
		if err != nil {
			t.Fatal(name, err)
		}
		for lang, parts := range two {
			s, err := StatementOf(r, in.Facts, lang)
			if err != nil {
				t.Fatal(name, err)
			}
			for _, part := range parts {
				if page := string(pages[r.Incident+"/"+lang+".html"]); strings.Contains(page, part) != test.named || strings.Contains(s.Text(), part) != test.named {
					t.Errorf("%s, %s: %q: on the page %t, in the statement %t", name, lang, part, strings.Contains(page, part), strings.Contains(s.Text(), part))
				}
			}
		}
		if list, err := LintStatement(must(StatementOf(r, in.Facts, "en")).Text(), r, in.Facts); err != nil || len(list) > 0 {
			t.Errorf("%s: %v %v", name, err, list)
		}
	}
	r, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*verify.Cause){
		"one": func(c *verify.Cause) { c.Candidates = c.Candidates[:1] },
		"beside a word": func(c *verify.Cause) {
			c.Summary = verify.Fact[verify.Words]{Value: &verify.Words{"en": "x"}, Status: verify.Known, AsOf: r.PublishedAt}
		},
	} {
		other := r
		spoil(&other.Cause)
		if list := verify.Rules(other); len(list) != 1 || list[0].Field != "/cause/candidates" {
			t.Errorf("%s: %v", name, list)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Where all countries are one row, nobody asks which others there are.
func TestAllCountriesTogether(t *testing.T) {
	in := shop()
	in.Countries = map[string]int{"DE": 4, "FR": 3, "AT": 153}
	in.Facts.People = 160
	in.Merge = 200
	r, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string]string{"en": "We count all countries together, so that nobody can be found out: 160.", "de": "Wir zählen alle Länder zusammen, damit niemand erkannt werden kann: 160."} {
		if s := must(StatementOf(r, in.Facts, lang)).Text(); !strings.Contains(s, want) {
			t.Errorf("%s:\n%s", lang, s)
		}
	}
	b, err := Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if page := string(must(Pages([]Published{{Report: r, Hash: candor.HashOf(b)}}))[r.Incident+"/en.html"]); !strings.Contains(page, "all countries, counted together: 160 people") {
		t.Error("the page names other countries beside none")
	}
}

// Whoever is not told, with a reason, is not among those who will be, or were not reached.
func TestToldAndWithheld(t *testing.T) {
	for want, states := range map[string]map[notice.State]int{
		"We have told all of the 160 people.":                                                              {notice.Accepted: 150, notice.Other: 10},
		"We have not told these people yet. We will tell each of them.":                                    {},
		"So far we have told 100 of 160 people. We will tell the others, too.":                             {notice.Accepted: 100},
		"So far we have told 100 of 160 people. Not told, with a reason: 3. We will tell the others, too.": {notice.Accepted: 100, notice.Withheld: 3},
		"We have told 150 of 160 people. We have not reached the others yet.":                              {notice.Accepted: 150, notice.Bounced: 8, notice.InDoubt: 2},
		"We have told 150 of 160 people. Not told, with a reason: 3. We have not reached the others yet.":  {notice.Accepted: 150, notice.Bounced: 7, notice.Withheld: 3},
		"We have told 157 of 160 people. Not told, with a reason: 3.":                                      {notice.Accepted: 157, notice.Withheld: 3},
	} {
		in := shop()
		in.Told.States = states
		r, err := Draft(in)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if list := verify.Sums(r); len(list) > 0 {
			t.Errorf("%v: %v", states, list)
		}
		if s := must(StatementOf(r, in.Facts, "en")).Text(); !strings.Contains(s, "\n"+want+"\n") {
			t.Errorf("%v: not %q in\n%s", states, want, s)
		}
		page := string(must(Pages([]Published{{Report: r, Hash: candor.HashOf(b)}}))[r.Incident+"/en.html"])
		if t2 := r.Told; t2.Withheld != states[notice.Withheld] || t2.Accepted+t2.Bounced+t2.OtherChannel+t2.InDoubt+t2.Withheld+t2.Waiting != 160 || !strings.Contains(page, "Not told, with a reason") {
			t.Errorf("%v: %+v", states, t2)
		}
	}
}

package report

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

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

package report

import (
	"strings"
	"testing"
	"time"

	"candor.example/internal/notice"
	"candor.example/verify"
)

// allThree are the notice, the report and the statement of one incident, each drafted from the same facts.
func allThree(t *testing.T) (notice.Draft, verify.Report, Input) {
	in := shop()
	in.Facts.UpdateBy = nov(30, 9, 0)
	r, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	d, err := notice.Write(in.Facts, notice.Affected)
	if err != nil {
		t.Fatal(err)
	}
	return d, r, in
}

func TestNoticeReportAndStatementAgree(t *testing.T) {
	d, r, in := allThree(t)
	list, err := AgreeDraft(d, r)
	if err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
	for _, lang := range notice.Languages {
		s, err := StatementOf(r, in.Facts, lang)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := AgreeStatement(s.Text(), lang, r, in.Facts); err != nil || len(list) > 0 {
			t.Errorf("%s: %v, %v", lang, list, err)
		}
	}
}

// One number is changed, in each of the three, and found.
func TestDisagreementIsFound(t *testing.T) {
	d, r, in := allThree(t)
	n := 161
	for name, change := range map[string]func(*verify.Report){
		"people": func(r *verify.Report) {
			r.HowMany.People.Value = &verify.People{Exact: &n, Lower: n, Upper: n, Method: "counted"}
		},
		"first": func(r *verify.Report) { r.Timeline.First.Value = at(nov(20, 9, 59)) },
		"last":  func(r *verify.Report) { r.Timeline.Last.Value = at(nov(20, 10, 39)) },
		"cause": func(r *verify.Report) {
			r.Cause.Mechanism.Value = &verify.Mechanism{ID: "memory-disclosure", Title: "x"}
		},
		"kinds":   func(r *verify.Report) { r.HowMany.Disclosed.Value = &[]string{"email"} },
		"viewers": func(r *verify.Report) { r.HowMany.Viewers.Value = &n },
		"fixed":   func(r *verify.Report) { r.Fix.FixedAt.Value = at(nov(21, 8, 1)) },
	} {
		other := r
		change(&other)
		if list := AgreeFacts(d.Facts, other); len(list) != 1 || list[0].Where != "facts."+name {
			t.Errorf("%s: %v", name, list)
		}
	}
	for _, key := range []string{"california/en", "gdpr/de", "gdpr/pl", "gdpr/ja"} {
		other := d
		other.Texts = map[string]string{key: strings.Replace(d.Texts[key], "160", "161", 1)}
		if list, err := AgreeDraft(other, r); err != nil || len(list) != 1 || !strings.HasPrefix(list[0].Where, key) {
			t.Errorf("%s: %v, %v", key, list, err)
		}
	}
	for _, lang := range []string{"en", "fr", "ja"} { // which write numbers in three ways
		s, _ := StatementOf(r, in.Facts, lang)
		for _, change := range [][2]string{{"160", "161"}, {"70", "170"}} {
			if list, err := AgreeStatement(strings.Replace(s.Text(), change[0], change[1], 1), lang, r, in.Facts); err != nil || len(list) == 0 {
				t.Errorf("%s: %s for %s is not found: %v", lang, change[1], change[0], err)
			}
		}
	}
}

func at(t time.Time) *time.Time { return &t }

// A fix that came after the notice, and people whom a report withholds, contradict nothing.
func TestWhatCameLaterAgrees(t *testing.T) {
	d, r, _ := allThree(t)
	early := d.Facts
	early.Fixed, early.FixReference, early.Verified, early.Replayed, early.CleanSince, early.Prevented = time.Time{}, "", time.Time{}, 0, 0, 12
	if list := AgreeFacts(early, r); len(list) > 0 {
		t.Error(list)
	}
	in := shop()
	in.Actions = append(in.Actions, set("/how_many/people", "withheld", "", "The police ask us to."))
	hidden, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	if list := AgreeFacts(d.Facts, hidden); len(list) > 0 {
		t.Error(list)
	}
}

// The statement keeps the notices' rules of style: no hedges, nothing that soothes, "we" did it.
func TestStatementKeepsTheRulesOfStyle(t *testing.T) {
	in := shop()
	in.Facts.Prevention = notice.Words{"en": "Each cache rule is tested with two customers before it goes live."}
	r, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range notice.Languages {
		s, err := StatementOf(r, in.Facts, lang)
		if err != nil {
			t.Fatal(err)
		}
		found, err := LintStatement(s.Text(), r, in.Facts)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			t.Errorf("%s: %s %s: %q %s", lang, f.Rule, f.Title, f.Text, f.Why)
		}
		if hedge[lang] == "" {
			continue
		}
		bad, err := LintStatement(strings.Replace(s.Text(), "\n\n", "\n\n"+hedge[lang]+" ", 1), r, in.Facts)
		if err != nil || len(bad) == 0 {
			t.Errorf("%s: a hedge passes", lang)
		}
	}
}

var hedge = map[string]string{"en": "Your data may have been affected.", "de": "Ihre Daten könnten betroffen sein."}

package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/notice"
	"candor.example/verify"
)

// next drafts the revision behind r, after something has changed.
func next(t *testing.T, r verify.Report, change func(*Input)) verify.Report {
	t.Helper()
	b, err := Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	in := shop()
	in.Before, in.BeforeHash, in.Whys = &r, candor.HashOf(b), map[string]string{}
	in.Facts.AsOf = in.Facts.AsOf.Add(24 * time.Hour)
	change(&in)
	later, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	return clone(t, later)
}

func firstRevision(t *testing.T) verify.Report {
	t.Helper()
	r, err := Draft(shop())
	if err != nil {
		t.Fatal(err)
	}
	return clone(t, r)
}

func TestRevisionNamesTheOneBefore(t *testing.T) {
	one := firstRevision(t)
	two := next(t, one, func(*Input) {})
	if one.Revision != 1 || one.Previous != "" || two.Revision != 2 || two.Previous == "" {
		t.Errorf("%d %q, %d %q", one.Revision, one.Previous, two.Revision, two.Previous)
	}
	if len(two.Corrections) != 0 {
		t.Errorf("nothing has changed, and this is corrected: %+v", two.Corrections)
	}
	if !slices.EqualFunc(one.Open, two.Open, func(a, b verify.Question) bool { return a.Field == b.Field && a.AnswerBy.Equal(b.AnswerBy) }) {
		t.Errorf("a day later other days are promised: %v, %v", one.Open, two.Open)
	}
}

// A number that changes is a correction that says from what to what, and nobody may publish it without saying why.
func TestChangedNumbersAreCorrections(t *testing.T) {
	one := firstRevision(t)
	change := func(in *Input) {
		in.Facts.People, in.Records = 161, 322
		in.Countries["DE"]++
		in.Series[3].Exposed++
	}
	two := next(t, one, change)
	want := map[string][2]string{"/how_many/people/value/exact": {"160", "161"}, "/how_many/people/value/lower": {"160", "161"}, "/how_many/people/value/upper": {"160", "161"},
		"/how_many/records/value": {"320", "322"}}
	for _, c := range two.Corrections {
		if w, ok := want[c.Field]; ok && (c.From != w[0] || c.To != w[1]) {
			t.Errorf("%+v", c)
		}
		if c.Why != "" || c.Revision != 2 {
			t.Errorf("%+v", c)
		}
		delete(want, c.Field)
	}
	if len(want) > 0 {
		t.Errorf("not corrected: %v", want)
	}
	if n := len(Ready(two)); n != len(two.Corrections) {
		t.Errorf("%d corrections without a reason, and %v", len(two.Corrections), Ready(two))
	}
	why := func(in *Input) {
		change(in)
		in.Whys = map[string]string{"how_many.people": "One more log was read.", "/how_many/records": "One more log was read.", "which.regions": "One more log was read."}
	}
	two = next(t, one, why)
	if errs := Ready(two); len(errs) > 0 {
		t.Error(errs)
	}
	three := next(t, two, why)
	if !slices.Equal(three.Corrections, two.Corrections) {
		t.Errorf("the corrections of revision 2 are not kept: %+v", three.Corrections)
	}
}

// What was unknown and is known now is an answer; what only went on needs no reason.
func TestAnswersAndProgress(t *testing.T) {
	open := func(in *Input) {
		in.Facts.Fixed, in.Facts.FixReference, in.Facts.Verified, in.Facts.Replayed, in.Facts.CleanSince = time.Time{}, "", time.Time{}, 0, 0
		in.Moments.Fixed, in.Moments.Verified = time.Time{}, time.Time{}
	}
	in := shop()
	open(&in)
	one, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	two := next(t, one, func(*Input) {})
	if len(two.Corrections) != 0 {
		t.Errorf("a fix that came later corrects nothing: %+v", two.Corrections)
	}
	d := Diff(&one, two)
	for _, field := range []string{"/fix/fixed_at", "/fix/verified_by", "/timeline/fixed"} {
		if !slices.Contains(d.Answered, field) || hasQuestion(two, field) || !hasQuestion(one, field) {
			t.Errorf("%s: %v", field, d)
		}
	}
	three := next(t, two, func(in *Input) {
		in.Facts.CleanSince = 9000
		in.Told.States = map[notice.State]int{notice.Accepted: 150, notice.Bounced: 10}
		in.Told.Last = nov(22, 20, 0)
	})
	for _, c := range three.Corrections {
		if c.Why != WentOn {
			t.Errorf("%+v", c)
		}
	}
	if len(three.Corrections) != 1 || !strings.Contains(Diff(&two, three).Told, "now 160 affected = 150 accepted") {
		t.Errorf("%+v %+v", three.Corrections, Diff(&two, three))
	}
	if errs := Ready(three); len(errs) > 0 {
		t.Error(errs)
	}
}

func hasQuestion(r verify.Report, field string) bool {
	return slices.ContainsFunc(r.Open, func(q verify.Question) bool { return q.Field == field })
}

// What was said and is not said any more is a correction, too.
func TestTakenBack(t *testing.T) {
	one := firstRevision(t)
	two := next(t, one, func(in *Input) {
		in.Actions = append(in.Actions, set("/cause/trigger", "withheld", "", "It names a supplier."))
	})
	c := two.Corrections[slices.IndexFunc(two.Corrections, func(c verify.Correction) bool { return c.Field == "/cause/trigger/value" })]
	if c.To != "null" || c.Why != "It names a supplier." || !strings.Contains(c.From, "2018.47.2") {
		t.Errorf("%+v", c)
	}
	two.Corrections = []verify.Correction{} // which say what was said
	if b, err := Marshal(two); err != nil || strings.Contains(string(b), "2018.47.2") {
		t.Errorf("what is withheld stands elsewhere, or %v", err)
	}
}

// A day that was promised and has passed: nothing is published before it is answered.
func TestPromisedDaysPass(t *testing.T) {
	one := firstRevision(t)
	two := next(t, one, func(in *Input) { in.Facts.AsOf = in.Facts.AsOf.Add(UpdateWithin) })
	errs := Ready(two)
	if len(errs) != len(one.Open) || !strings.Contains(errs[0].Error(), "which has passed") {
		t.Errorf("%d questions: %v", len(one.Open), errs)
	}
	in := shop()
	in.Facts.UpdateBy = in.Facts.AsOf
	r, err := Draft(in)
	if err != nil || len(Ready(r)) != len(r.Open) || len(r.Open) == 0 {
		t.Errorf("%v, %v", err, Ready(r))
	}
	in.Facts.UpdateBy = in.Facts.AsOf.Add(time.Second)
	if r, err = Draft(in); err != nil || len(Ready(r)) > 0 {
		t.Errorf("%v, %v", err, Ready(r))
	}
}

package report

import (
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/verify"
)

// set is what somebody said of a field.
func set(field, status, value, why string) Entry {
	a := candor.Action{ID: candor.NewID(), Time: nov(22, 8, 0), By: "eve", What: candor.ReportSet, Incident: "inc-3kq7h2mb", Why: why, Details: map[string]string{"field": field, "status": status}}
	if value != "" {
		a.Details["value"] = value
	}
	return Entry{Action: a, Hash: candor.HashOf([]byte(field + status + value))}
}

func TestSet(t *testing.T) {
	in := shop()
	in.Actions = append(in.Actions,
		set("/cause/why_not_caught", "known", `{"en":"Our tests had no cache.","de":"Unsere Tests hatten keinen Cache."}`, ""),
		set("/cause/third_party", "known", `"none"`, ""), set("/cause/third_party", "known", `"a host"`, ""),
		set("/how_many/special_groups", "estimated", `"no children"`, "The shop sells to adults only."),
		set("/fix/fix_reference", "withheld", "", "It names a system."),
		set("/fix/copies_purged", "withheld", "", "x"), set("/fix/copies_purged", "drafted", "", ""),
		set("/which/surfaces", "known", `[{"kind":"export","route":"GET /orders/{id}","name":{"en":"the order as PDF"}}]`, ""))
	later := set("/fix/prevention", "unknown", "", "")
	later.Details["until"] = "2018-12-24T00:00:00Z"
	in.Actions = append(in.Actions, later)
	r, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	r = clone(t, r)
	if w := r.Cause.WhyNotCaught; w.Status != verify.Known || (*w.Value)["de"] == "" || w.Evidence[0] != in.Actions[5].Hash {
		t.Errorf("%+v", w)
	}
	if *r.Cause.ThirdParty.Value != "a host" {
		t.Error("the last does not stand")
	}
	if s := r.HowMany.Special; s.Status != verify.Estimated || s.Reason == "" || *s.Value != "no children" {
		t.Errorf("%+v", s)
	}
	if f := r.Fix.Reference; f.Status != verify.Withheld || f.Value != nil || f.Reason != "It names a system." {
		t.Errorf("%+v", f)
	}
	if f := r.Fix.Purged; f.Status != verify.Unknown || f.NextUpdateBy.IsZero() {
		t.Errorf("what was taken back is not as it was drafted: %+v", f)
	}
	if f := r.Fix.Prevention; f.Status != verify.Unknown || !f.NextUpdateBy.Equal(time.Date(2018, 12, 24, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", f)
	}
	if (*r.Which.Surfaces.Value)[0].Kind != "export" {
		t.Error("the surface is not as people said")
	}
	if errs := Ready(r); len(errs) > 0 {
		t.Error(errs)
	}
}

// What the ledger says, and what is no answer, cannot be set; an error names the field.
func TestSetRefuses(t *testing.T) {
	for name, a := range map[string]Entry{
		"no such field":            set("/how_many/dogs", "known", "1", ""),
		"a part of a fact":         set("/how_many/people/value", "known", "1", ""),
		"people by hand":           set("/how_many/people", "known", `{"exact":9500,"lower":9500,"upper":9500,"method":"guessed"}`, ""),
		"people estimated by hand": set("/how_many/people", "estimated", `{"lower":1,"upper":9500,"method":"guessed"}`, "we think so"),
		"a moment by hand":         set("/timeline/first_exposure", "known", `"2018-11-20T10:00:00Z"`, ""),
		"nothing":                  set("/cause/third_party", "known", "", ""),
		"null":                     set("/cause/third_party", "known", "null", ""),
		"another type":             set("/cause/third_party", "known", "1", ""),
		"two":                      set("/cause/third_party", "known", `"a" "b"`, ""),
		"no words":                 set("/cause/why_not_caught", "known", "{}", ""),
		"a stranger":               set("/fix/prevention", "known", `[{"action":{"en":"x"},"who":"eve"}]`, ""),
		"an address":               set("/cause/third_party", "known", `"ask anna@mail.example"`, ""),
		"an address, encoded":      set("/cause/third_party", "known", `"ask anna&#64;mail.example"`, ""),
		"an address as a reason":   set("/cause/third_party", "withheld", "", "anna@mail.example asks us to"),
		"which site withheld":      set("/which/sites", "withheld", "", "We would rather not."),
		"withheld without why":     set("/cause/third_party", "withheld", "", " "),
		"estimated without how":    set("/cause/third_party", "estimated", `"none"`, ""),
		"unknown without a day":    set("/cause/third_party", "unknown", "", ""),
		"another status":           set("/cause/third_party", "guessed", `"none"`, ""),
	} {
		if err := Sound(a.Action); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	past := set("/cause/third_party", "unknown", "", "")
	past.Details["until"] = past.Time.Format(time.RFC3339)
	if Sound(past.Action) == nil {
		t.Error("a day that is no more to come is taken")
	}
	past.Details["until"] = past.Time.Add(time.Second).Format(time.RFC3339)
	if err := Sound(past.Action); err != nil {
		t.Error(err)
	}
	in := shop()
	in.Actions = append(in.Actions, set("/which/sites", "known", `[{"host":"www.other.example"}]`, ""))
	if _, err := Draft(in); err == nil {
		t.Error("another site than the ledger's is taken")
	}
}

// What people said holds only until the ledger knows it.
func TestLedgerKnowsBetter(t *testing.T) {
	said := set("/cause/kind", "known", `"publishing"`, "")
	in := shop()
	in.Actions = append(in.Actions, said)
	r, err := Draft(in)
	if err != nil || *r.Cause.Kind.Value != "misconfiguration" {
		t.Errorf("%+v, %v", r.Cause.Kind, err)
	}
	in.Verdict = incident.Verdict{Cause: incident.CauseUndetermined, Title: incident.Undetermined}
	in.Facts.Cause, in.Facts.Taxonomy = in.Verdict.Cause, in.Verdict.Taxonomy
	if r, err = Draft(in); err != nil || *r.Cause.Kind.Value != "publishing" || r.Cause.Summary.Status != verify.Unknown || r.Cause.Mechanism.Status != verify.Unknown {
		t.Errorf("%+v, %v", r.Cause, err)
	}
	if _, err := Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestTexts(t *testing.T) {
	for field, want := range map[string]string{"cause.why_not_caught": `{"de":"a","en":"b"}`, "/cause/third_party": `"b"`, "fix.copies_purged": `["b"]`, "fix.prevention": `[{"action":{"de":"a","en":"b"}}]`} {
		if got := Texts(field, map[string]string{"de": "a", "en": "b"}); got != want {
			t.Errorf("%s: %s, want %s", field, got, want)
		}
	}
}

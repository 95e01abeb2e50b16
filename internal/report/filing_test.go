package report

import (
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/duties"
	"candor.example/internal/incident"
	"candor.example/verify"
)

var aware = time.Date(2026, 11, 20, 10, 52, 0, 0, time.UTC)

// judged are the duties of a usual shop with name and e-mail addresses shown.
func judged(people map[string]int) duties.Answer {
	kinds := []candor.Kind{"email", "name"}
	return duties.Shipped().Judge(duties.Facts{Kinds: kinds, Looked: candor.LookedAll, People: people, Now: aware.Add(time.Hour),
		Severity: incident.Presume(incident.SeverityFacts{Kinds: kinds}), Moments: incident.Moments{Aware: aware}})
}

func TestRegulatorsAreThoseOfThePeopleThere(t *testing.T) {
	list := Regulators(judged(map[string]int{"DE": 101, "IN": 3, "US-TX": 300}), nil)
	duty := map[string]string{}
	for _, r := range list {
		if r.Authority == "" || r.Law == "" || r.Reason == "" {
			t.Errorf("%+v lacks words", r)
		}
		duty[r.Law] = r.Duty
	}
	want := map[string]string{"GDPR art. 33(1)": "yes", "DPDP Act s. 8(6), Rules 2025 r. 7(2)": "no", "CERT-In directions of 28 April 2022": "yes", "Texas Bus. & Com. Code 521.053(i)": "no"}
	for law, is := range want {
		if duty[law] != is {
			t.Errorf("%s: duty %q, want %s", law, duty[law], is)
		}
	}
	if len(list) != len(want) {
		t.Errorf("%d regulators, want %d: %v", len(list), len(want), duty)
	}
}

func TestRegulatorsAreTheFilingsInTheirOrder(t *testing.T) {
	a := judged(map[string]int{"DE": 101})
	filed := []Filed{
		{Rule: "eu-regulator", Phase: FollowUp, At: aware.Add(48 * time.Hour), How: "web form", Reference: "711.42", Authority: "Berliner Beauftragte für Datenschutz"},
		{Rule: "eu-regulator", Phase: Initial, At: aware.Add(5 * time.Hour), How: "web form", Reference: "711.42"},
		{Rule: "us-tx-ag", Phase: Initial, At: aware.Add(time.Hour), How: "web form"}, // nobody is there, and they were told all the same
	}
	var got []verify.Regulator
	for _, r := range Regulators(a, filed) {
		if !r.Filed.IsZero() {
			got = append(got, r)
		}
	}
	if len(got) != 3 || got[0].Phase != Initial || got[1].Phase != FollowUp || got[2].Duty != "no" {
		t.Fatalf("%+v", got)
	}
	if got[0].Due.IsZero() || !got[1].Due.IsZero() {
		t.Error("only the first notification has a clock")
	}
	if got[1].Authority != "Berliner Beauftragte für Datenschutz" || got[1].Reference != "711.42" {
		t.Errorf("%+v", got[1])
	}
}

func TestFiledOf(t *testing.T) {
	good := candor.Action{ID: "1", By: "eve", What: candor.Filed, Time: aware, Incident: "i", Details: map[string]string{"rule": "eu-regulator", "phase": "initial", "how": "web form"}}
	if f, err := FiledOf(good); err != nil || !f.At.Equal(aware) || f.By != "eve" {
		t.Errorf("%+v, %v", f, err)
	}
	for name, value := range map[string]string{"rule": "", "phase": "first", "how": "", "at": "yesterday", "document": "abc"} {
		bad := good
		bad.Details = map[string]string{"rule": "eu-regulator", "phase": "initial", "how": "web form"}
		bad.Details[name] = value
		if f, err := FiledOf(bad); err == nil {
			t.Errorf("%s %q: %+v", name, value, f)
		}
	}
}

// What is planned is not filed; clocks may differ by a minute.
func TestFiledIsPast(t *testing.T) {
	for at, ok := range map[time.Time]bool{aware: true, aware.Add(time.Minute): true, aware.Add(time.Minute + time.Second): false, aware.Add(24 * time.Hour): false, aware.Add(-24 * time.Hour): true} {
		_, err := FiledOf(candor.Action{What: candor.Filed, Time: aware, Details: map[string]string{"rule": "eu-regulator", "phase": Initial, "how": "web form", "at": at.Format(time.RFC3339)}})
		if (err == nil) != ok {
			t.Errorf("%s, recorded %s: %v", at, aware, err)
		}
	}
}

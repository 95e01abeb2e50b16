package incident

import (
	"strings"
	"testing"
	"time"
)

func TestID(t *testing.T) {
	now := time.Unix(1542708000, 0)
	a := ID("shop.example", "GET /a", now)
	if a != ID("shop.example", "GET /a", now.UTC()) || len(a) != len("inc-")+8 {
		t.Errorf("%q must not depend on the zone", a)
	}
	if a == ID("shop.example", "GET /b", now) || a == ID("shop.example", "GET /a", now.Add(1)) {
		t.Error("two incidents with one name")
	}
}

func TestQuestions(t *testing.T) {
	seen := time.Date(2018, 11, 20, 11, 7, 0, 0, time.UTC)
	i := Incident{Site: "shop.example", Route: "GET /account", Exposed: 1, Prevented: 40, Possible: 2, Viewers: 3, LastSeen: seen, Release: "v2", Cause: "shared cache kept a personal page"}
	for now, want := range map[time.Duration]string{
		QuietAfter - 1: "No: last seen 11:07:00 UTC on 20 November 2018.",
		QuietAfter:     "Nothing was disclosed here for 15 minutes. Whether it is fixed has not been verified.",
	} {
		q := Questions(i, seen.Add(now))
		for n, part := range []string{"shop.example, GET /account", "1 person was exposed; the data of 40 people was stopped before it left. 3 viewers were sent such a page. 2 people were possibly exposed", "Shared cache kept a personal page; first seen in release v2.", want} {
			if !strings.Contains(q[n].Answer, part) {
				t.Errorf("%q, want %q", q[n].Answer, part)
			}
		}
	}
	i.Cause, i.Release = Undetermined, ""
	if got := Questions(i, seen)[2].Answer; got != "Undetermined; no release was known when it was first seen." {
		t.Error(got)
	}
}

package notice

import (
	"strings"
	"testing"
)

// What stands against a draft is found in any of its texts, by text and line; a W goes away with a reason, an E does not.
func TestApprovable(t *testing.T) {
	f := shopFacts()
	d, err := Write(f, Affected)
	if err != nil {
		t.Fatal(err)
	}
	if list := Approvable(d, Campaign{}); len(list) != 0 {
		t.Fatalf("a draft of Candor's own: %+v", list)
	}
	d.Texts["gdpr/en"] += "\nWe take your security seriously.\n"
	d.Texts["california/en"] += "\nWe write to you " + strings.Repeat("and to you ", 40) + "today.\n"
	rules := func(waived ...Waiver) string {
		var list []string
		for _, j := range Approvable(d, Campaign{Waived: waived}) {
			list = append(list, j.In+" "+j.Level+" "+j.Rule)
		}
		return strings.Join(list, ", ")
	}
	const both = "california/en W N23, gdpr/en E N17"
	for _, test := range []struct {
		name   string
		waived []Waiver
		want   string
	}{
		{"nothing waived", nil, both},
		{"in another text", []Waiver{{Rule: "N23", Lang: "gdpr/en"}}, both},
		{"another rule", []Waiver{{Rule: "N18"}}, both},
		{"in this text", []Waiver{{Rule: "N23", Lang: "california/en"}}, "gdpr/en E N17"},
		{"in every text", []Waiver{{Rule: "N23"}}, "gdpr/en E N17"},
		{"an E cannot be", []Waiver{{Rule: "N23"}, {Rule: "N17"}}, "gdpr/en E N17"},
	} {
		if got := rules(test.waived...); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	if j := Judge(d, "gdpr/en", nil); len(j) != 1 || j[0].Source != strings.Count(d.Texts["gdpr/en"], "\n") {
		t.Errorf("the line of the source: %+v", j)
	}
	d.Texts["gdpr/fr"] = "no subject\n"
	if got := rules(Waiver{Rule: "N23"}); got != "gdpr/en E N17, gdpr/fr E " {
		t.Error("a text that cannot be read:", got)
	}
}

func TestStanding(t *testing.T) {
	c := Campaign{ID: "not-a-1", Phase: Drafting, Needs: 2, People: 5120}
	for _, test := range []struct {
		change func(*Campaign)
		want   string
	}{
		{func(*Campaign) {}, "drafted; next: freeze who is told"},
		{func(c *Campaign) { c.Set = "s" }, "frozen for 5120 people; next: 2 approvals on content"},
		{func(c *Campaign) { c.Approvals = []Approval{{By: "Ben", Content: c.Content()}} }, "approved by Ben; 1 of 2 approvals"},
		{func(c *Campaign) { c.Phase = Approved }, "approved by Ben; next: let a share"},
		{func(c *Campaign) { c.Phase, c.Share = Canary, 51 }, "a canary goes to 51 of 5120 people"},
		{func(c *Campaign) { c.Phase = Sending }, "sending to all of 5120 people"},
		{func(c *Campaign) { c.Phase = Paused }, "paused; next"},
		{func(c *Campaign) { c.Phase = Done }, "done"},
	} {
		test.change(&c)
		if got := c.Standing(); !strings.HasPrefix(got, test.want) {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestShareOf(t *testing.T) {
	for text, want := range map[string]string{"all": "all", "1%": "51", "0.001%": "1", "100%": "5120", "1": "1", "5120": "5120", "100.1%": "", "0%": "", "5121": "", "0": "", "-1": "", "NaN%": "", "": "", "%": "", "half": ""} {
		if got, err := ShareOf(text, 5120); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestNewID(t *testing.T) {
	list := []Campaign{{ID: "not-3kq7-a-1"}, {ID: "not-3kq7-v-1"}, {ID: "not-3kq7-a-2"}}
	if a, v := NewID(list, "inc-3kq7", Affected), NewID(nil, "inc-3kq7", Viewers); a != "not-3kq7-a-3" || v != "not-3kq7-v-1" {
		t.Error(a, v)
	}
}

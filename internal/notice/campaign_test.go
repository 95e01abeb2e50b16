package notice

import (
	"strings"
	"testing"
	"time"

	"candor.example"
)

// frozenShop is a campaign to the people of shopFacts, with so many seed mailboxes.
func frozenShop(t *testing.T, d Draft, seeds ...string) Campaign {
	t.Helper()
	details, doc, err := d.Drafted("not-1-a-1", 1, seeds)
	if err != nil {
		t.Fatal(err)
	}
	c := did(t, Campaign{}, "Ada", candor.NoticeDrafted, details)
	if c.Draft != doc.Hash {
		t.Fatal(c)
	}
	f := d.Facts
	return did(t, c, "Ada", candor.NoticeFrozen, map[string]string{"people": "5000", "set": "s", "signer": "k", "exposed": "5120", "first": f.First.Format(time.RFC3339Nano), "last": f.Last.Format(time.RFC3339Nano)})
}

func did(t *testing.T, c Campaign, by, what string, details map[string]string) Campaign {
	t.Helper()
	after, err := Apply(c, candor.Action{By: by, What: what, Incident: "inc-1", Time: nov(21, 9, 0), Details: details})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return after
}

func rulesAgainst(d Draft, c Campaign) (rules []string) {
	for _, j := range Approvable(d, c) {
		rules = append(rules, j.Rule+": "+j.Why)
	}
	return rules
}

// What the words say of people and times is what was so when the set was frozen: a set of fewer, because some were told before, is none of its business.
func TestWordsOfTheFrozenSet(t *testing.T) {
	d, err := Write(shopFacts(), Affected)
	if err != nil {
		t.Fatal(err)
	}
	d = d.only("gdpr/en")
	c := frozenShop(t, d)
	if against := rulesAgainst(d, c); len(against) != 0 {
		t.Fatal(against)
	}
	for name, change := range map[string]func(*Campaign){
		"one more":     func(c *Campaign) { c.Exposed++ },
		"one fewer":    func(c *Campaign) { c.Exposed-- },
		"earlier":      func(c *Campaign) { c.First = c.First.Add(-time.Minute) },
		"later":        func(c *Campaign) { c.Last = c.Last.Add(time.Nanosecond) },
		"another kind": nil,
	} {
		other := c
		if change != nil {
			change(&other)
		}
		if against := rulesAgainst(d, other); (len(against) == 1 && strings.HasPrefix(against[0], "N29: the words say ")) != (change != nil) {
			t.Errorf("%s: %q", name, against)
		}
	}
}

// Each mailbox that must have had the words has to have taken them, and none may have thrown them out. Other words are to be sent again.
func TestSeedsBeforeApproval(t *testing.T) {
	d, err := Write(shopFacts(), Affected)
	if err != nil {
		t.Fatal(err)
	}
	d = d.only("gdpr/en")
	c := frozenShop(t, d, "gmail", "outlook")
	seed := func(name, dkim, spam string) {
		c = did(t, c, "Ada", candor.NoticeSeeded, map[string]string{"seed": name, "draft": c.Draft, "dkim": dkim, "dmarc": "pass", "spam": spam})
	}
	approve := func() string {
		_, err := Apply(c, candor.Action{By: "Ben", What: candor.NoticeApproved, Incident: "inc-1", Details: map[string]string{"content": c.Content()}})
		if err != nil {
			return err.Error()
		}
		return ""
	}
	says := func(want string) {
		t.Helper()
		against := strings.Join(rulesAgainst(d, c), "; ")
		if refused := approve(); (refused == "") != (want == "") || !strings.Contains(refused, want) || !strings.Contains(against, want) || (against == "") != (want == "") {
			t.Errorf("want %q: refused %q, against it %q", want, refused, against)
		}
	}
	says("seed gmail has not had it yet")
	seed("gmail", "pass", "no")
	says("seed outlook has not had it yet")
	seed("outlook", "pass", "yes")
	says("seed outlook: dkim=pass dmarc=pass, in the spam folder: true")
	seed("outlook", "fail", "no")
	says("seed outlook: dkim=fail")
	seed("outlook", "pass", "no")
	says("")
	seed("another", "none", "no")
	says("seed another: dkim=none")

	d.Texts["gdpr/en"] += "\nYou can trust us.\n"
	details, _, err := d.Drafted(c.ID, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if after := did(t, c, "Ada", candor.NoticeDrafted, details); len(after.Unseeded()) != 0 || len(after.Seeds) != 0 {
		t.Errorf("%+v", after)
	}
	if details, _, _ := (Draft{Kind: Viewers}).Drafted(c.ID, 1, []string{"gmail"}); details["seeds"] != "gmail" {
		t.Error("a letter to viewers is looked at in seed mailboxes, as every other is")
	}
}

// TestLeft: once sending has begun, whoever was not told for certain is named, with a way that there is for them.
func TestLeft(t *testing.T) {
	c := Campaign{ID: "not-1-a-1", Kind: Affected}
	states := map[State]int{Accepted: 5, Other: 1, InDoubt: 1, Bounced: 2, Withheld: 3, Queued: 4}
	if left := Left(c, states); left != nil {
		t.Errorf("nothing was sent yet: %q", left)
	}
	c.Began = c.Began.Add(1)
	for kind, want := range map[Kind]string{Affected: "candor notice export", Viewers: "--channel site"} {
		c.Kind = kind
		left := Left(c, states)
		if len(left) != 3 || !strings.HasPrefix(left[0], "1 person in doubt: ") || !strings.HasPrefix(left[1], "2 people bounced: ") || !strings.HasPrefix(left[2], "3 people withheld: ") {
			t.Errorf("%s: %q", kind, left)
		} else if !strings.Contains(left[1], want) || !strings.Contains(left[2], want) {
			t.Errorf("%s: %q, without %q", kind, left, want)
		}
	}
	if left := Left(c, map[State]int{Accepted: 5, Other: 1}); len(left) != 0 {
		t.Errorf("everybody was told: %q", left)
	}
}

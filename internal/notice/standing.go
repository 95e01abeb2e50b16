package notice

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"candor.example"
)

// Standing says in a sentence where a campaign stands and what comes next.
func (c Campaign) Standing() string {
	approved := c.ApprovedBy()
	switch {
	case c.Phase == Drafting && c.Set == "":
		return "drafted; next: freeze who is told"
	case c.Phase == Drafting && len(approved) == 0:
		return fmt.Sprintf("frozen for %s; next: %s on content %.12s, by people who did not write it", count(c.People, "person", "people"), count(c.Needs, "approval", "approvals"), c.Content())
	case c.Phase == Drafting:
		return fmt.Sprintf("approved by %s; %d of %s", strings.Join(approved, ", "), len(approved), count(c.Needs, "approval", "approvals"))
	case c.Phase == Approved:
		return fmt.Sprintf("approved by %s; next: let a share such as 1%% go out", strings.Join(approved, ", "))
	case c.Phase == Canary:
		return fmt.Sprintf("a canary goes to %d of %d people; next: look at it, then let all go out", c.Share, c.People)
	case c.Phase == Sending:
		return fmt.Sprintf("sending to all of %s", count(c.People, "person", "people"))
	case c.Phase == Paused:
		return "paused; next: resume or cancel it"
	}
	return string(c.Phase)
}

// Sum is the identity that always holds, in words.
func Sum(affected int, s map[State]int) string {
	return fmt.Sprintf("%d affected = %d accepted + %d bounced + %d by another channel + %d in doubt + %d withheld + %d waiting", affected, s[Accepted], s[Bounced], s[Other],
		s[InDoubt], s[Withheld], s[Queued])
}

// Left is who was not told for certain, by state, and how each is settled, once sending has begun: of a campaign that is over, too, for only who waits keeps one
// open. Empty: nobody.
func Left(c Campaign, s map[State]int) (list []string) {
	if c.Began.IsZero() {
		return nil
	}
	id, otherwise := c.ID, "candor notice export "+c.ID+" writes letters, and candor notice channel "+c.ID+" says that they are told by another channel"
	if c.Kind == Viewers { // nobody knows where they live
		otherwise = "candor notice channel " + c.ID + " --channel site has the shop's own site tell them"
	}
	for _, x := range []struct {
		state     State
		what, how string
	}{
		{InDoubt, "in doubt", fmt.Sprintf("look for the keys in the relay's log (candor notice people %s), then candor notice resolve %s", id, id)},
		{Bounced, "bounced", otherwise},
		{Withheld, "withheld", fmt.Sprintf("candor notice people %s --state withheld says why; %s", id, otherwise)},
	} {
		if n := s[x.state]; n > 0 {
			list = append(list, fmt.Sprintf("%s %s: %s", count(n, "person", "people"), x.what, x.how))
		}
	}
	return list
}

// NewID names the next campaign of an incident; list are those that there are.
func NewID(list []Campaign, incident string, kind Kind) string {
	for n := 1; ; n++ {
		id := fmt.Sprintf("%s-%s-%d", strings.Replace(incident, "inc-", "not-", 1), string(kind)[:1], n)
		if !slices.ContainsFunc(list, func(c Campaign) bool { return c.ID == id }) {
			return id
		}
	}
}

// OpenOf is the campaign of an incident and kind that is not over, of which there is one at most; false: there is none.
func OpenOf(list []Campaign, incident string, kind Kind) (Campaign, bool) {
	i := slices.IndexFunc(list, func(c Campaign) bool { return c.Incident == incident && c.Kind == kind && !c.Phase.Over() })
	if i < 0 {
		return Campaign{}, false
	}
	return list[i], true
}

// ShareOf reads "all", "1%" or a number of people, as Details["share"] wants it.
func ShareOf(text string, people int) (string, error) {
	if text == "all" {
		return text, nil
	}
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		p, err := strconv.ParseFloat(strings.TrimSpace(percent), 64)
		if err != nil || !(p > 0 && p <= 100) {
			return "", fmt.Errorf("%q: write a share such as 1%%, a number of people, or all", text)
		}
		return strconv.Itoa(max(1, int(float64(people)*p/100))), nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > people {
		return "", fmt.Errorf("%q: write a share such as 1%%, a number of people up to %d, or all", text, people)
	}
	return strconv.Itoa(n), nil
}

// Over: nothing can come of it any more.
func (p Phase) Over() bool { return p == Cancelled || p == Done }

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// Means is what an action on a campaign will do, in words for whoever is about to do it.
func Means(what string) string { return means[what] }

var means = map[string]string{
	candor.NoticeFrozen: "The people who are exposed now are numbered, and a hash is taken over who they are and what was shown of them: that is who will be told. Who was told by a notice before this is not told again. " +
		"Freezing again makes approvals void.",
	candor.NoticeApproved: "You say yes to the words, the set of people and what stands in spite of a finding: to one hash over all of it. Who wrote the words cannot approve them.",
	candor.NoticeWaived:   "The finding may stand: your reason is part of what is approved, and stays in the audit. Approvals given before are void.",
	candor.NoticeStarted: "From the next seconds on, notices leave for so many of the frozen set, counted from its beginning, and what has left cannot be called back. Begin with a small share, look at what comes " +
		"back, then let all go out.",
	candor.NoticePaused:    "Nothing more is begun until it is resumed. What is under way to a relay at this moment may still arrive.",
	candor.NoticeResumed:   "Notices leave again from where they stopped.",
	candor.NoticeCancelled: "Nobody is sent to any more; who was not is withheld, by name of this cause. What has left cannot be called back.",
	candor.NoticeChannelled: "Everybody who bounced or was withheld is counted as told by another channel from now on: say so when that is true. " +
		"By post that is who stands in a file of 'candor notice export', if there is one: whoever bounced since needs another.",
	candor.NoticeExported: "Who bounced or was withheld is written, with name, address and the words of their notice, into a file that only the holder of the age key opens. " +
		"It changes nobody's state: when the letters have gone, say so with 'candor notice channel --channel post'.",
	candor.NoticeDone: "The campaign is over: nobody waits, and nothing more will be sent by it.",
	candor.NoticeResolved: "A notice is in doubt when the connection was lost between its last byte and the relay's answer. It is never sent again by itself. Look for its key in the relay's log; a report of success (DSN) " +
		"that comes back settles it by itself.",
}

// Choice is one way to answer a question, and what it means.
type Choice struct{ Value, Means string }

// Resolutions are the ways to settle a doubt, and Channels those to tell people otherwise than by mail.
var (
	Resolutions = []Choice{
		{"accepted", "it got there: the relay's log says that it was taken"},
		{"again", "it did not get there: send it once more"},
		{"other", "it did not get there: tell this person by another channel"},
	}
	Channels = []Choice{
		{"post", "you send letters"},
		{"site", "the shop's own site shows it when they sign in"},
	}
)

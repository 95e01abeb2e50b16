package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// deed is a button on a campaign's page: it leads to a question.
type deed struct{ What, Label, Aside string }

// deeds are what can be done to a campaign as it is.
func deeds(c notice.Campaign, t ledger.Tally) (list []deed) {
	add := func(when bool, d deed) {
		if when {
			list = append(list, d)
		}
	}
	open := c.Phase == notice.Drafting || c.Phase == notice.Approved
	add(open && c.Set == "", deed{"freeze", "Freeze", "who is told: those exposed by now"})
	add(open && c.Set != "", deed{"freeze", "Freeze again", "who is told; approvals become void"})
	add(c.Phase == notice.Drafting && c.Set != "", deed{"approve", "Approve", "by somebody who did not write it"})
	add(c.Phase == notice.Approved, deed{"start", "Start", "let a share go out"})
	add(c.Phase == notice.Canary, deed{"start", "Let more go", "a larger share, or all"})
	add(c.Phase.UnderWay(), deed{"pause", "Pause", "nothing more is begun"})
	add(c.Phase == notice.Paused, deed{"resume", "Resume", "go on from where it stopped"})
	unreached := t.States[notice.Bounced] + t.States[notice.Withheld]
	add(t.States[notice.InDoubt] > 0, deed{"people", "Settle doubts", plenty(t.States[notice.InDoubt], "notice", "notices") + ", each by its key in the relay's log"})
	add(unreached > 0 && len(c.Approvals) > 0 && c.Phase != notice.Drafting, deed{"channel", "Tell otherwise", number(unreached) + " who bounced or were withheld, by post or on the shop's site"})
	add(c.Phase == notice.Sending && t.States[notice.Queued] == 0, deed{"done", "Done", "it is over: nobody waits" + stillOpen(c, t)})
	add(!c.Phase.Over(), deed{"cancel", "Cancel", "nobody is sent to any more"})
	return list
}

// noticeAsks is how each action on a campaign is asked for. Fields other than "why" become the action's details.
var noticeAsks = map[string]func(told) question{
	"freeze": func(t told) question {
		return question{Title: "Freeze who is told", Button: "Freeze", Fields: []field{whyField}}
	},
	"approve": func(t told) question {
		by := "nobody"
		if len(t.ApprovedBy) > 0 {
			by = strings.Join(t.ApprovedBy, ", ")
		}
		return question{Title: "Approve this notice", Button: "Approve", Details: map[string]string{"content": t.Content},
			Says: fmt.Sprintf("%s of %s will get this notice%s; approved so far by: %s.", plenty(t.People, "person", "people"), t.Incident, onSite(t), by), Fields: []field{whyField}}
	},
	"start": func(t told) question {
		return question{Title: "Let a share go out", Button: "Start", Says: fmt.Sprintf("%s are frozen, and %s of them were let go so far.", plenty(t.People, "person", "people"), number(t.Share)),
			Fields: []field{{Name: "share", Label: "Share", Hint: "such as 1%, a number of people, or all", Value: firstShare(t), Required: true}, whyField}}
	},
	"pause": func(t told) question {
		return question{Title: "Pause", Button: "Pause", Says: waiting(t), Fields: []field{whyField}}
	},
	"resume": func(t told) question {
		return question{Title: "Resume", Button: "Resume", Says: waiting(t), Fields: []field{whyField}}
	},
	"cancel": func(t told) question {
		why := whyField
		why.Required, why.Hint = true, "people who should be told are not"
		return question{Title: "Cancel this notice", Button: "Cancel the notice", Says: fmt.Sprintf("%s not been sent to, and will not be.", plenty(t.Tally.States[notice.Queued], "person has", "people have")), Fields: []field{why}}
	},
	"done": func(t told) question {
		says := t.Sum + "."
		if left := unsettledNotices(t.Campaign, t.Tally); len(left) > 0 {
			says += " These stay to be settled, and can be when it is done: " + strings.Join(left, " ")
		}
		return question{Title: "It is over", Button: "Done", Says: says, Fields: []field{whyField}}
	},
	"channel": func(t told) question {
		n := t.Tally.States[notice.Bounced] + t.Tally.States[notice.Withheld]
		return question{Title: "Tell them by another channel", Button: "Put on record", Says: fmt.Sprintf("It is about %s.", plenty(n, "person", "people")),
			Fields: []field{{Name: "channel", Label: "By which channel", Required: true, Choices: notice.Channels}, whyField}}
	},
	"resolve": func(t told) question {
		why := whyField
		why.Required, why.Hint = true, "how you know: a line of the relay's log"
		choices := notice.Resolutions
		if t.Phase.Over() { // nothing is sent by it any more
			choices = slices.DeleteFunc(slices.Clone(choices), func(c notice.Choice) bool { return c.Value == "again" })
		}
		return question{Title: "What became of it", Button: "Put on record", Fields: []field{{Name: "as", Label: "It is", Required: true, Choices: choices}, why}}
	},
	"waive": func(t told) question {
		why := whyField
		why.Required, why.Hint = true, "why it may stand; it is part of what is approved"
		return question{Title: "Let a finding stand", Button: "Let it stand", Fields: []field{why}}
	},
}

// onSite: viewers of whom no address is known are asked on the shop's own site.
func onSite(t told) string {
	if n := t.Tally.States[notice.Withheld]; n > 0 && t.Kind == notice.Viewers {
		return ", " + number(n) + " of them not by mail but on the shop's own site"
	}
	return ""
}

// firstShare is a canary of one in a hundred, and then all.
func firstShare(t told) string {
	if t.Share > 0 {
		return "all"
	}
	return "1%"
}

func plenty(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

func waiting(t told) string {
	return fmt.Sprintf("%s.", waitFor(max(0, t.Share-gone(t.Tally))))
}

// askNotice shows what an action on a campaign would mean.
func (c *Console) askNotice(r *http.Request) (any, error) { return c.noticeQuestion(r) }

func (c *Console) noticeQuestion(r *http.Request) (question, error) {
	make, known := noticeAsks[r.PathValue("what")]
	if !known || c.o.Act == nil {
		return question{}, missing("There is no such page.")
	}
	v, err := c.foundCampaign(r)
	if err != nil {
		return question{}, err
	}
	t, err := c.told(r.Context(), v)
	if err != nil {
		return question{}, err
	}
	q := make(t)
	q.Campaign, q.What = v, "notice-"+r.PathValue("what")
	if q.What == candor.NoticeApproved {
		f, err := c.feasible(r.Context(), t)
		if err != nil {
			return q, err
		}
		q.Says += f.Sum()
		if c.o.Facts != nil {
			q.Look = editor{Incident: incident.Incident{ID: v.Incident}, Kind: v.Kind}.Path()
		}
	}
	q.Means = strings.TrimSpace(notice.Means(q.What) + " " + q.Says)
	if q.Details == nil {
		q.Details = map[string]string{}
	}
	q.Details["campaign"] = v.ID
	for _, name := range carried[r.PathValue("what")] {
		if value := r.FormValue(name); value != "" {
			q.Details[name] = value
		}
	}
	q.About = said(q.Details, carried[r.PathValue("what")])
	for n, f := range q.Fields {
		if r.Method == http.MethodPost {
			f.Value = strings.TrimSpace(r.PostFormValue(f.Name))
		}
		q.Fields[n] = f
	}
	return q, c.forbidden(r, &q, t)
}

// carried are the details that come with the link, by question, and go along as they are.
var carried = map[string][]string{"resolve": {"key"}, "waive": {"rule", "text"}, "approve": {"content"}}

func said(details map[string]string, names []string) string {
	var parts []string
	for _, n := range names {
		if v := details[n]; v != "" {
			parts = append(parts, n+" "+v)
		}
	}
	return strings.Join(parts, ", ")
}

// forbidden says what stands against an action before anybody is asked.
func (c *Console) forbidden(r *http.Request, q *question, t told) error {
	you, _ := c.sessions.who(r)
	switch q.What {
	case candor.NoticeApproved:
		if err := c.unapprovable(r, q, t); err != nil || len(q.Against) > 0 {
			return err
		}
		if you == nameless {
			q.No = "You signed in without a name: an approval is somebody's. Sign out, and sign in with yours."
		} else if notice.Named(t.Authors, you) {
			q.No = "Who wrote it cannot approve it: somebody else has to."
		} else if notice.Named(t.ApprovedBy, you) {
			q.No = "You have approved it already: somebody else has to."
		}
	case candor.NoticeFrozen:
		if c.o.Signer == nil {
			q.No = "This console does not know the signing key, which makes each notice checkable."
		}
	}
	return nil
}

// unapprovable puts into a question what the rules say against the words.
func (c *Console) unapprovable(r *http.Request, q *question, t told) error {
	published, err := c.o.Ledger.Reports(r.Context(), t.Campaign.Incident)
	if err != nil {
		return err
	}
	var last ledger.Revision
	if len(published) > 0 {
		last = published[len(published)-1]
	}
	q.Against, err = c.verdicts.of(t.Campaign, last, func() ([]notice.Judged, error) { return c.o.Ledger.Approvable(r.Context(), t.Campaign) })
	if err != nil {
		return err
	}
	if len(q.Against) > 0 {
		q.No = fmt.Sprintf("%s against it. Mend the words, or what else it names; what is of level W you can let stand, with a reason.", plenty(len(q.Against), "finding stands", "findings stand"))
	}
	return nil
}

// verdicts remembers what was judged last: all texts take the time of a breath, and a page asks twice.
type verdicts struct {
	mu   sync.Mutex
	what string // the draft, what else of the campaign is judged, and the report that it must not contradict
	list []notice.Judged
}

func (v *verdicts) of(c notice.Campaign, public ledger.Revision, judge func() ([]notice.Judged, error)) (list []notice.Judged, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	what := fmt.Sprintf("%s %s %q %v %q %s", c.Draft, c.Set, c.Waived, c.Seeds, c.MustSeed, public.Hash)
	if v.what == what {
		return v.list, nil
	}
	if list, err = judge(); err == nil {
		v.what, v.list = what, list
	}
	return list, err
}

// actNotice does it, and goes back to the campaign.
func (c *Console) actNotice(w http.ResponseWriter, r *http.Request) {
	q, err := c.noticeQuestion(r)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	if q.Wrong = q.missing(); q.Wrong == "" && q.No == "" {
		q.Wrong = c.doNotice(r, q)
	}
	if q.Wrong != "" || q.No != "" {
		c.render(w, http.StatusUnprocessableEntity, shell{Page: "act", Now: c.o.Now().UTC(), Status: c.o.Status(), Data: q})
		return
	}
	http.Redirect(w, r, q.Back(), http.StatusSeeOther)
}

// doNotice puts an action into the books, and returns why it was not done.
func (c *Console) doNotice(r *http.Request, q question) string {
	a := c.action(r, q)
	a.Incident = q.Campaign.Incident
	var err error
	switch a.What {
	case candor.NoticeFrozen:
		a.Details["signer"], err = c.o.Signer()
	case candor.NoticeStarted:
		a.Details["share"], err = notice.ShareOf(a.Details["share"], q.Campaign.People)
	}
	if err == nil {
		err = c.o.Act(r.Context(), a)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

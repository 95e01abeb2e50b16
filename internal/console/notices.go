package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// told is a campaign, as every page about one begins.
type told struct {
	notice.Campaign
	Standing   string       `json:"standing"`
	Content    string       `json:"content"` // what an approval names
	ApprovedBy []string     `json:"approved_by"`
	Sum        string       `json:"sum"`
	Tally      ledger.Tally `json:"tally"`
}

func (c *Console) told(ctx context.Context, v notice.Campaign) (told, error) {
	tally, err := c.tally(ctx, v.ID)
	t := told{v, Stands(v, tally), v.Content(), append([]string{}, v.ApprovedBy()...), notice.Sum(tally.Affected, tally.States), tally}
	t.Sum = strings.Replace(t.Sum, " affected ", " "+t.Whole()+" ", 1)
	return t, err
}

// notices is the page of all campaigns.
func (c *Console) notices(r *http.Request) (any, error) {
	list, err := c.o.Ledger.Campaigns(r.Context(), "")
	all := []told{}
	for _, v := range list {
		t, e := c.told(r.Context(), v)
		all, err = append(all, t), errors.Join(err, e)
	}
	return all, err
}

// campaign is the page of one.
type campaign struct {
	told
	// Since is how many are to be told and in no frozen set: exposed behind this one.
	Since    int              `json:"exposed_since"`
	Sender   notice.Progress  `json:"sender"` // what its senders said last of themselves
	Running  bool             `json:"running"`
	Rate     float64          `json:"per_second"` // accepted, in the last half minute
	Left     int              `json:"left"`       // of the share that was let go, who waits
	Ends     time.Time        `json:"ends,omitzero"`
	Feasible *Feasibility     `json:"feasibility,omitempty"` // before it is sent
	Way      []string         `json:"in_the_way"`
	Audit    []ledger.Audited `json:"audit"`
	Deeds    []deed           `json:"-"` // what can be done now
	You      string           `json:"-"` // who is signed in
	CanDraft bool             `json:"-"`
	now      time.Time
}

func (c *Console) campaign(r *http.Request) (any, error) {
	v, err := c.foundCampaign(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	p := campaign{now: c.o.Now(), CanDraft: c.o.Act != nil && c.o.Facts != nil}
	p.You, _ = c.sessions.who(r)
	if p.told, err = c.told(ctx, v); err != nil {
		return nil, err
	}
	if p.Sender, err = c.o.Ledger.Progress(ctx, v.ID); err != nil {
		return nil, err
	}
	if v.Set != "" {
		if p.Since, err = c.o.Ledger.Unnumbered(ctx, v); err != nil {
			return nil, err
		}
	}
	if v.Phase.UnderWay() {
		p.paced()
	}
	if p.Feasible, err = c.feasible(ctx, p.told); err != nil {
		return nil, err
	}
	p.Way = append(InTheWay(v, p.Tally, p.Sender, p.now), p.Feasible.InTheWay()...)
	if c.o.Act != nil {
		p.Deeds = deeds(v, p.Tally)
	}
	p.Audit, err = c.done(ctx, v)
	return p, err
}

// paced says how fast it goes, and when that which was let go has gone.
func (p *campaign) paced() {
	p.Left = max(0, p.Share-gone(p.Tally))
	if p.Running = p.Sender.Runs(p.now); !p.Running {
		return
	}
	p.Rate = p.Sender.Rate
	if left := p.Sender.Left(p.Left); left > 0 {
		p.Ends = p.now.Add(left)
	}
}

// receiver is a receiver of mail, with what became of the notices to it, and what a sender says of it now.
type receiver struct {
	ledger.ProviderTally
	notice.ProviderProgress
	Now bool // a sender has it in hand
}

// Receivers are those who were tried, and those whom a sender has in hand.
func (p campaign) Receivers() (list []receiver) {
	for _, t := range p.Tally.Providers {
		list = append(list, receiver{ProviderTally: t})
	}
	if !p.Running {
		return list
	}
	for _, now := range p.Sender.Providers {
		i := slices.IndexFunc(list, func(r receiver) bool { return r.Provider == now.Name })
		if i < 0 {
			list, i = append(list, receiver{ProviderTally: ledger.ProviderTally{Provider: now.Name}}), len(list)
		}
		list[i].ProviderProgress, list[i].Now = now, true
	}
	return list
}

// Allowed is how many an hour a receiver gets now.
func (r receiver) Allowed() string {
	if r.Rate == 0 {
		return "–"
	}
	return number(int(r.Rate))
}

// Way is what stands in the way at a receiver.
func (r receiver) Way(now time.Time) string {
	switch {
	case now.Before(r.Held):
		return fmt.Sprintf("puts off (%s): left alone until %s", r.Why, clock(r.Held))
	case r.Why != "":
		return fmt.Sprintf("has put off (%s): slower than before", r.Why)
	case r.ProviderProgress.Waiting > 0:
		return fmt.Sprintf("its pace: %s", waitFor(r.ProviderProgress.Waiting))
	case r.Now:
		return "nothing"
	}
	return "–"
}

func (c *Console) foundCampaign(r *http.Request) (notice.Campaign, error) {
	v, err := c.o.Ledger.Campaign(r.Context(), r.PathValue("id"))
	if errors.Is(err, ledger.ErrNoCampaign) {
		return v, missing("There is no such notice.")
	}
	return v, err
}

// done is what was done to a campaign, the latest first.
func (c *Console) done(ctx context.Context, v notice.Campaign) ([]ledger.Audited, error) {
	all, err := c.o.Ledger.Audit(ctx, v.Incident, 1000)
	list := []ledger.Audited{}
	for _, a := range all {
		if a.Details["campaign"] == v.ID && len(list) < auditAPage {
			list = append(list, a)
		}
	}
	return list, err
}

// States are where people's notices stand, for the bar and the figures: first those who were reached.
func (t told) States() (list []share) {
	for _, s := range []notice.State{notice.Accepted, notice.Bounced, notice.Other, notice.InDoubt, notice.Withheld, notice.Queued} {
		n := t.Tally.States[s]
		list = append(list, share{Reason: string(s), Responses: int64(n), Percent: 100 * float64(n) / float64(max(1, t.Tally.Affected))})
	}
	return list
}

// Parts are the States that hold anybody, with where each begins on the bar.
func (t told) Parts() (list []part) {
	at := 0.0
	for _, s := range t.States() {
		if s.Responses > 0 {
			list = append(list, part{s, at})
		}
		at += s.Percent
	}
	return list
}

type part struct {
	share
	X float64 // percent
}

// To says whom it tells.
func (t told) To() string { return toWhom[t.Kind] }

var toWhom = map[notice.Kind]string{notice.Affected: "the people affected", notice.Viewers: "those who saw other people's data"}

// Whole is what all of the frozen set are.
func (t told) Whole() string {
	if t.Kind == notice.Viewers {
		return "viewers"
	}
	return "affected"
}

// Yours: whoever is signed in wrote it, and cannot approve it.
func (p campaign) Yours() bool { return notice.Named(p.Authors, p.You) }

// Given: whoever is signed in has approved it.
func (p campaign) Given() bool { return notice.Named(p.ApprovedBy, p.You) }

// Voided are approvals of what it was before.
func (t told) Voided() (list []notice.Approval) {
	for _, a := range t.Approvals {
		if a.Content != t.Content {
			list = append(list, a)
		}
	}
	return list
}

// Valid are the approvals of what it is now.
func (t told) Valid() (list []notice.Approval) {
	for _, a := range t.Approvals {
		if a.Content == t.Content {
			list = append(list, a)
		}
	}
	return list
}

// Causes are the sums of one state by cause.
func (t told) Causes(state string) (list []ledger.TallyRow) {
	for _, r := range t.Tally.Rows {
		if string(r.State) == state {
			list = append(list, r)
		}
	}
	return list
}

// peopleInState is the page of who is in a state, by opaque id.
type peopleInState struct {
	Campaign notice.Campaign    `json:"campaign"`
	State    notice.State       `json:"state"`
	Cause    string             `json:"cause,omitempty"`
	People   []ledger.Recipient `json:"people"`
	Next     int                `json:"next,omitempty"` // number to go on behind; 0: these are all
	After    string             `json:"-"`
	CanAct   bool               `json:"-"`
}

func (c *Console) people(r *http.Request) (any, error) {
	v, err := c.foundCampaign(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	p := peopleInState{Campaign: v, State: notice.State(q.Get("state")), Cause: q.Get("cause"), After: q.Get("after"), CanAct: c.o.Act != nil}
	if p.State == "" {
		p.State = notice.InDoubt
	}
	if !slices.Contains(notice.States, p.State) {
		return nil, missing("There is no such state.")
	}
	after := -1
	if p.After != "" {
		if _, err := fmt.Sscan(p.After, &after); err != nil {
			return nil, missing("There is no such page.")
		}
	}
	list, err := c.o.Ledger.InState(r.Context(), v.ID, p.State, p.Cause, after, peopleAPage+1)
	p.People = append([]ledger.Recipient{}, list[:min(peopleAPage, len(list))]...)
	if len(list) > peopleAPage {
		p.Next = p.People[peopleAPage-1].N
	}
	return p, err
}

// Doubt: these wait for somebody's word.
func (p peopleInState) Doubt() bool { return p.State == notice.InDoubt }

// stateWords are the states as people read them: one word in two forms would be two words.
var stateWords = map[string]string{"queued": "waiting", "in-doubt": "in doubt", "other": "other channel"}

func stateWord(s any) string {
	text := fmt.Sprint(s)
	if w := stateWords[text]; w != "" {
		return w
	}
	return text
}

// stateMeans says what each state is, below its figure.
var stateMeans = map[string]string{
	"accepted": "the relay took it",
	"bounced":  "refused, or returned",
	"other":    "by post, or on the shop's site",
	"in-doubt": "begun, and no answer came",
	"withheld": "not sent, with a cause",
	"queued":   "to be sent, or tried again",
}

// causeMeans are causes that are no words by themselves.
var causeMeans = map[string]string{"": "no cause given", "viewer": "no address of theirs was sealed: they are asked on the shop's own site when they sign in",
	"no-seal": "no address was sealed of them", "no-key": "the private key that opens their address is not there", "seal-fails": "their sealed address does not open"}

// causeWord is a cause as a list says it.
func causeWord(cause string) string {
	if text := causeMeans[cause]; text != "" {
		return text
	}
	return strings.ReplaceAll(cause, "-", " ")
}

// doneWord is an action on a campaign without its prefix, as a table about one campaign says it.
func doneWord(a candor.Action) string {
	word := strings.TrimPrefix(a.What, "notice-")
	for _, k := range []string{"rule", "text", "share", "as", "channel", "seed"} {
		if v := a.Details[k]; v != "" {
			word += " " + v
		}
	}
	return word
}

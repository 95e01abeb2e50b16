package notice

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"candor.example"
)

// Phase is where a campaign stands.
type Phase string

// The phases.
const (
	Drafting  Phase = "drafting"  // words and set may change; each change makes approvals void
	Approved  Phase = "approved"  // by as many as it needs, on one content
	Canary    Phase = "canary"    // a share goes out
	Sending   Phase = "sending"   // all
	Paused    Phase = "paused"    // nothing is begun until it is resumed
	Cancelled Phase = "cancelled" // who was not sent to is withheld
	Done      Phase = "done"      // nobody is queued, said by whoever closed it
)

// Campaign is one notice to the people of one incident.
type Campaign struct {
	ID       string    `json:"id"`
	Incident string    `json:"incident"`
	Kind     Kind      `json:"kind"`
	Phase    Phase     `json:"phase"`
	Draft    string    `json:"draft"` // hash of the document
	Authors  []string  `json:"authors"`
	Waived   []Waiver  `json:"waived,omitempty"` // W findings that stand, each with a reason
	Started  time.Time `json:"started"`          // when it was first drafted

	// The frozen set: how many people, as of when, and a hash over them.
	Frozen time.Time `json:"frozen,omitzero"`
	People int       `json:"people"`
	Set    string    `json:"set,omitempty"`
	// Exposed is how many had been exposed when the set was frozen, those who were told before among them, and First and Last when: what the
	// words have to say. They are zero where the set was frozen by a candor that did not keep them.
	Exposed int       `json:"exposed,omitempty"`
	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
	// Signer is the id of the signing key whose secret makes keys and codes, chosen when the set was frozen.
	Signer string `json:"signer,omitempty"`

	Seeds     []Seed     `json:"seeds,omitempty"`
	MustSeed  []string   `json:"must_seed,omitempty"` // mailboxes that must have shown it as it should be, before it is approved
	Needs     int        `json:"needs"`               // approvals: 2, or 1 for a small shop
	Approvals []Approval `json:"approvals,omitempty"`
	// Share is how many of the frozen set, from its beginning, may be sent to now: a canary, or all.
	Share int `json:"share"`
	// Began is when the first was let go: the date that every notice of it bears.
	Began  time.Time `json:"began,omitzero"`
	Before Phase     `json:"before,omitempty"` // the phase that a pause interrupted
	// Exports are the files of people who could not be reached, sealed for whoever sends letters.
	Exports []Export `json:"exports,omitempty"`
}

// Export is one such file: who was in it is marked in the ledger.
type Export struct {
	By     string    `json:"by"`
	Time   time.Time `json:"time"`
	States string    `json:"states"` // as in candor.NoticeExported
	To     string    `json:"to"`
	People int       `json:"people"`
}

// Waiver is why a finding of level W stands.
type Waiver struct {
	Rule string `json:"rule"`
	Lang string `json:"lang,omitempty"` // "gdpr/de"; empty: every text
	By   string `json:"by"`
	Why  string `json:"why"`
}

// Seed is what became of the notice in a mailbox of the publisher's own (RFC 8601).
type Seed struct {
	Name  string `json:"name"` // of the mailbox in the config, not its address
	Draft string `json:"draft"`
	DKIM  string `json:"dkim"`  // "pass", ...
	DMARC string `json:"dmarc"` //
	Spam  bool   `json:"spam"`
	Time  time.Time
}

// Passed: such a mailbox would show it to people.
func (s Seed) Passed() bool { return s.DKIM == "pass" && s.DMARC == "pass" && !s.Spam }

// Unseeded says which seed mailboxes keep the words as they are from being approved, and why: those that did not take them as they should
// (N30), and those that must and have not had them.
func (c Campaign) Unseeded() (why []string) {
	had := map[string]bool{}
	for _, s := range c.Seeds {
		switch {
		case s.Draft != c.Draft:
			continue
		case !s.Passed():
			why = append(why, fmt.Sprintf("seed %s: dkim=%s dmarc=%s, in the spam folder: %t", s.Name, s.DKIM, s.DMARC, s.Spam))
		}
		had[s.Name] = true
	}
	for _, name := range c.MustSeed {
		if !had[name] {
			why = append(why, fmt.Sprintf("seed %s has not had it yet: candor notice seed %s", name, c.ID))
		}
	}
	return why
}

// Approval is one person's yes to one content.
type Approval struct {
	By      string    `json:"by"`
	Content string    `json:"content"`
	Time    time.Time `json:"time"`
}

// Content is what is approved: the words, the set, whose key signs, and what stands in spite of a finding.
func (c Campaign) Content() string {
	parts := []string{"candor campaign v1", c.ID, c.Incident, string(c.Kind), c.Draft, c.Set, strconv.Itoa(c.People), c.Signer}
	for _, w := range c.Waived {
		parts = append(parts, w.Rule, w.Lang, w.By, w.Why)
	}
	return candor.HashOf([]byte(strings.Join(parts, "\x00")))
}

// Approved are those who said yes to the content as it is now.
func (c Campaign) ApprovedBy() (names []string) {
	for _, a := range c.Approvals {
		if a.Content == c.Content() {
			names = append(names, a.By)
		}
	}
	return names
}

// Under way: a worker may begin with people below Share.
func (p Phase) UnderWay() bool { return p == Canary || p == Sending }

// Apply is what an action does to a campaign. c is the zero Campaign where there is none yet. An error says why it does nothing.
func Apply(c Campaign, a candor.Action) (Campaign, error) {
	if c.ID == "" && a.What != candor.NoticeDrafted {
		return c, errors.New("there is no such campaign")
	}
	if c.ID != "" && a.Incident != c.Incident {
		return c, errors.New("it is about another incident")
	}
	c.Authors, c.Waived, c.Seeds, c.Approvals = slices.Clone(c.Authors), slices.Clone(c.Waived), slices.Clone(c.Seeds), slices.Clone(c.Approvals)
	switch a.What {
	case candor.NoticeDrafted:
		return drafted(c, a)
	case candor.NoticeWaived:
		return waived(c, a)
	case candor.NoticeFrozen:
		return frozen(c, a)
	case candor.NoticeSeeded:
		return seeded(c, a)
	case candor.NoticeApproved:
		return approved(c, a)
	case candor.NoticeStarted:
		return started(c, a)
	case candor.NoticePaused:
		if !c.Phase.UnderWay() {
			return c, fmt.Errorf("it is %s: there is nothing to pause", c.Phase)
		}
		c.Before, c.Phase = c.Phase, Paused
	case candor.NoticeResumed:
		if c.Phase != Paused {
			return c, fmt.Errorf("it is %s: there is nothing to resume", c.Phase)
		}
		c.Phase, c.Before = c.Before, ""
	case candor.NoticeCancelled:
		if c.Phase == Cancelled || c.Phase == Done {
			return c, fmt.Errorf("it is %s", c.Phase)
		}
		if strings.TrimSpace(a.Why) == "" {
			return c, errors.New("say why: people who should be told are not")
		}
		c.Phase = Cancelled
	case candor.NoticeResolved:
		if c.Phase.Over() && a.Details["as"] == "again" {
			return c, fmt.Errorf("it is %s: nothing is sent by it any more, so tell this person by another channel", c.Phase)
		}
		return c, nil // about a person, not the campaign
	case candor.NoticeChannelled:
		return c, nil // about people, not the campaign
	case candor.NoticeExported:
		return exported(c, a)
	case candor.NoticeDone:
		if c.Phase != Sending {
			return c, fmt.Errorf("it is %s", c.Phase)
		}
		c.Phase = Done
	default:
		return c, fmt.Errorf("%q is nothing that can be done to a notice", a.What)
	}
	return c, nil
}

// Changeable: words and set stand still once something may have left.
func (c Campaign) Changeable() error {
	if c.ID != "" && c.Phase != Drafting && c.Phase != Approved {
		return fmt.Errorf("it is %s: what people have been sent cannot be changed", c.Phase)
	}
	return nil
}

func drafted(c Campaign, a candor.Action) (Campaign, error) {
	if err := c.Changeable(); err != nil {
		return c, err
	}
	hash, kind := a.Details["draft"], Kind(a.Details["kind"])
	needs, err := strconv.Atoi(a.Details["needs"])
	switch {
	case !candor.IsHash(hash):
		return c, errors.New(`"draft" is no hash of a document`)
	case kind != Affected && kind != Viewers:
		return c, errors.New(`"kind" is neither affected nor viewers`)
	case err != nil || needs < 1 || needs > 2:
		return c, errors.New(`"needs" is neither 1 nor 2`)
	case c.ID != "" && (c.Kind != kind || c.Incident != a.Incident):
		return c, errors.New("it is about another incident, or for other people")
	}
	if c.ID == "" {
		c = Campaign{ID: a.Details["campaign"], Incident: a.Incident, Kind: kind, Started: a.Time}
	}
	// Whoever touched the words may not approve them, even if somebody else touched them later.
	if !slices.Contains(c.Authors, a.By) {
		c.Authors = append(c.Authors, a.By)
	}
	if c.Draft != hash {
		c.Waived, c.Seeds = nil, nil
	}
	c.Draft, c.Needs, c.MustSeed, c.Phase = hash, needs, strings.Fields(a.Details["seeds"]), Drafting
	return c, nil
}

func waived(c Campaign, a candor.Action) (Campaign, error) {
	if err := c.Changeable(); err != nil {
		return c, err
	}
	w := Waiver{Rule: a.Details["rule"], Lang: a.Details["text"], By: a.By, Why: strings.TrimSpace(a.Why)}
	if w.Rule == "" || w.Why == "" {
		return c, errors.New("name the rule, and say why it may stand")
	}
	c.Waived = append(slices.DeleteFunc(c.Waived, func(o Waiver) bool { return o.Rule == w.Rule && o.Lang == w.Lang }), w)
	c.Phase = Drafting
	return c, nil
}

// frozen takes set, people, and how many were exposed from when to when, as Details say: the ledger fills them in from its own rows, whatever came
// with the action.
func frozen(c Campaign, a candor.Action) (Campaign, error) {
	if err := c.Changeable(); err != nil {
		return c, err
	}
	n, err := strconv.Atoi(a.Details["people"])
	if err != nil || n < 1 {
		return c, errors.New("nobody is exposed: there is nobody to tell")
	}
	if a.Details["signer"] == "" {
		return c, errors.New(`"signer" is missing: the id of the signing key`)
	}
	c.Frozen, c.People, c.Set, c.Signer, c.Phase = a.Time, n, a.Details["set"], a.Details["signer"], Drafting
	c.Exposed, _ = strconv.Atoi(a.Details["exposed"])
	c.First, _ = time.Parse(time.RFC3339Nano, a.Details["first"])
	c.Last, _ = time.Parse(time.RFC3339Nano, a.Details["last"])
	return c, nil
}

// exported takes people as Details say: the ledger fills them in from its own rows.
func exported(c Campaign, a candor.Action) (Campaign, error) {
	n, err := strconv.Atoi(a.Details["people"])
	switch {
	case c.Kind == Viewers:
		return c, errors.New("those who saw it are known by digests only: nobody can write to them")
	case len(c.Approvals) == 0 || c.Phase == Drafting:
		return c, fmt.Errorf("it is %s: nobody has approved what people would be told", c.Phase)
	case a.Details["to"] == "":
		return c, errors.New(`"to" is missing: the keys that open the file`)
	case err != nil || n < 1:
		return c, errors.New("nobody is in such a state")
	}
	c.Exports = append(slices.Clone(c.Exports), Export{By: a.By, Time: a.Time, States: a.Details["states"], To: a.Details["to"], People: n})
	return c, nil
}

func seeded(c Campaign, a candor.Action) (Campaign, error) {
	if err := c.Changeable(); err != nil {
		return c, err
	}
	s := Seed{Name: a.Details["seed"], Draft: c.Draft, DKIM: a.Details["dkim"], DMARC: a.Details["dmarc"], Spam: a.Details["spam"] == "yes", Time: a.Time}
	if a.Details["draft"] != c.Draft {
		return c, errors.New("the words have changed since that was sent: send the seeds again")
	}
	c.Seeds = append(slices.DeleteFunc(c.Seeds, func(o Seed) bool { return o.Name == s.Name }), s)
	return c, nil
}

func approved(c Campaign, a candor.Action) (Campaign, error) {
	if err := c.Changeable(); err != nil {
		return c, err
	}
	unseeded := c.Unseeded()
	switch {
	case c.Set == "":
		return c, errors.New("the set of people is not frozen yet: nobody can approve to whom it goes")
	case a.Details["content"] != c.Content():
		return c, errors.New("it has changed since: look at it again")
	case Named(c.Authors, a.By):
		return c, errors.New("who wrote it cannot approve it")
	case Named(c.ApprovedBy(), a.By):
		return c, errors.New("they have approved it already")
	case len(unseeded) > 0:
		return c, fmt.Errorf("%s: mend that, and send the seeds again", strings.Join(unseeded, "; "))
	}
	c.Approvals = append(c.Approvals, Approval{a.By, c.Content(), a.Time})
	if len(c.ApprovedBy()) >= c.Needs {
		c.Phase = Approved
	}
	return c, nil
}

// Named: somebody is among these, in whatever case and with whatever spaces they write themselves.
func Named(names []string, who string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		return strings.EqualFold(strings.Join(strings.Fields(n), " "), strings.Join(strings.Fields(who), " "))
	})
}

// started lets a share go out: Details "share" is a number of people, or "all".
func started(c Campaign, a candor.Action) (Campaign, error) {
	share := c.People
	if text := a.Details["share"]; text != "all" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > c.People {
			return c, fmt.Errorf(`"share" is neither "all" nor a number of people from 1 to %d`, c.People)
		}
		share = n
	}
	switch {
	case c.Phase != Approved && c.Phase != Canary:
		return c, fmt.Errorf("it is %s: it needs %d approvals on what it is now, and has %d", c.Phase, c.Needs, len(c.ApprovedBy()))
	case share < c.Share:
		return c, fmt.Errorf("%d people were let go already", c.Share)
	}
	if c.Began.IsZero() {
		c.Began = a.Time.Truncate(time.Second)
	}
	c.Share, c.Phase = share, Canary
	if share == c.People {
		c.Phase = Sending
	}
	return c, nil
}

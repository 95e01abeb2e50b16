package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"candor.example"
	"candor.example/internal/console"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// configFlag names candor.yaml, where a command needs it.
type configFlag struct {
	Config string `type:"path" placeholder:"FILE" help:"candor.yaml: its part 'notice' says who speaks, and how mail leaves."`
}

// campaignFlags are what every command takes that changes a campaign.
type campaignFlags struct {
	actFlags
	Campaign string `arg:"" help:"The campaign, as 'candor notice list' names it."`
}

// did puts an action on a campaign into the books, and says where that leaves it.
func (f campaignFlags) did(ctx context.Context, what string, details map[string]string) error {
	c, err := theCampaign(ctx, f.ledgerFlag, f.Campaign)
	if err != nil {
		return err
	}
	a, err := f.action(what, c.Incident)
	if err != nil {
		return err
	}
	a.Details["campaign"] = c.ID
	for k, v := range details {
		a.Details[k] = v
	}
	if err := act(ctx, f.ledgerFlag, a); err != nil {
		return err
	}
	if c, err = theCampaign(ctx, f.ledgerFlag, f.Campaign); err != nil {
		return err
	}
	fmt.Printf("%s: %s\n", c.ID, standing(c))
	return nil
}

// theCampaign is the one by that id, which must be there.
func theCampaign(ctx context.Context, f ledgerFlag, id string) (c notice.Campaign, err error) {
	err = withLedger(ctx, f, func(l *ledger.Ledger) (err error) {
		c, err = l.Campaign(ctx, id)
		if errors.Is(err, ledger.ErrNoCampaign) {
			err = fmt.Errorf("%w: candor notice list names them", err)
		}
		return err
	})
	return c, err
}

// standing says where a campaign stands, and which command goes on from there.
func standing(c notice.Campaign) string {
	next := map[notice.Phase]string{notice.Approved: "send", notice.Canary: "send", notice.Paused: "resume"}[c.Phase]
	if c.Phase == notice.Drafting && c.Set == "" {
		next = "freeze"
	} else if c.Phase == notice.Drafting {
		next = "approve"
	}
	if next == "" {
		return c.Standing()
	}
	return c.Standing() + " (candor notice " + next + " " + c.ID + ")"
}

type noticeListCmd struct {
	ledgerFlag
	JSON bool `help:"Print as JSON."`
}

func (c *noticeListCmd) Run(ctx context.Context) error {
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		list, err := l.Campaigns(ctx, "")
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(os.Stdout, atLeastEmpty(list))
		}
		if len(list) == 0 {
			fmt.Println("No notices. candor notice draft INCIDENT writes one from the ledger's facts.")
			return nil
		}
		t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tINCIDENT\tTO\tPEOPLE\tSTANDS")
		for _, v := range list {
			fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\n", v.ID, v.Incident, v.Kind, v.People, clean(standing(v)))
		}
		return t.Flush()
	})
}

type noticeStatusCmd struct {
	ledgerFlag
	configFlag
	tradeFlag
	Campaign string `arg:"" help:"The campaign, as list names it."`
	JSON     bool   `help:"Print as JSON."`
}

// campaignStatus is what `notice status --json` prints.
type campaignStatus struct {
	notice.Campaign
	Content    string       `json:"content"` // what an approval names
	ApprovedBy []string     `json:"approved_by"`
	Tally      ledger.Tally `json:"tally"`
	// Feasibility is whether it will be done in time, before it is sent.
	Feasibility *console.Feasibility `json:"feasibility,omitempty"`
}

func (c *noticeStatusCmd) Run(ctx context.Context) error {
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		v, err := l.Campaign(ctx, c.Campaign)
		if err != nil {
			return err
		}
		tally, err := l.Tally(ctx, v.ID)
		if err != nil {
			return err
		}
		f, err := c.feasible(ctx, l, v)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(os.Stdout, campaignStatus{v, v.Content(), atLeastEmpty(v.ApprovedBy()), tally, f})
		}
		if err := printStatus(os.Stdout, v, tally); err != nil || f == nil {
			return err
		}
		fmt.Printf("\nIn time?%s\n", f.Sum())
		return nil
	})
}

// feasible is whether it will be done in time, as long as nobody was sent anything; without candor.yaml at the usual rates.
func (c *noticeStatusCmd) feasible(ctx context.Context, l *ledger.Ledger, v notice.Campaign) (*console.Feasibility, error) {
	if v.Changeable() != nil {
		return nil, nil
	}
	config, err := readConfig(c.Config)
	if err != nil {
		return nil, err
	}
	trade, err := incident.ParseTrade(c.Trade)
	if err != nil {
		return nil, err
	}
	return console.FeasibleOf(ctx, l, v, config.Notice.limits(), trade, time.Now())
}

func printStatus(w io.Writer, c notice.Campaign, tally ledger.Tally) error {
	fmt.Fprintf(w, "%s tells the people of %s: %s\n", c.ID, c.Incident, clean(standing(c)))
	fmt.Fprintf(w, "Written by %s; words %.12s", clean(strings.Join(c.Authors, ", ")), c.Draft)
	if c.Set != "" {
		fmt.Fprintf(w, "; %d people, frozen %s as %.12s; content %s", c.People, utc(c.Frozen), c.Set, c.Content())
	}
	fmt.Fprintln(w)
	for _, s := range c.Seeds {
		fmt.Fprintf(w, "Seed %s: dkim=%s dmarc=%s spam=%v\n", clean(s.Name), clean(s.DKIM), clean(s.DMARC), s.Spam)
	}
	for _, why := range c.Unseeded() {
		fmt.Fprintf(w, "It cannot be approved: %s\n", clean(why))
	}
	for _, v := range c.Waived {
		fmt.Fprintf(w, "%s stands %s: %s (%s)\n", clean(v.Rule), clean(v.Lang), clean(v.Why), clean(v.By))
	}
	printSum(w, c, tally)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, r := range tally.Rows {
		fmt.Fprintf(t, "  %d\t%s\t%s\n", r.People, r.State, clean(r.Cause))
	}
	if len(tally.Providers) > 0 {
		fmt.Fprintln(t, "\nRECEIVER\tTRIED\tACCEPTED\tBOUNCED\tIN DOUBT\tWAITING\tCOMPLAINTS")
	}
	for _, p := range tally.Providers {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", clean(p.Provider), p.People, p.States[notice.Accepted], p.States[notice.Bounced], p.States[notice.InDoubt], p.States[notice.Queued], p.Complaints)
	}
	return t.Flush()
}

// printSum is the identity, and who is left.
func printSum(w io.Writer, c notice.Campaign, tally ledger.Tally) {
	fmt.Fprintf(w, "\n%s\n", notice.Sum(tally.Affected, tally.States))
	for _, left := range notice.Left(c, tally.States) {
		fmt.Fprintf(w, "Not told for certain: %s\n", left)
	}
}

type noticePeopleCmd struct {
	ledgerFlag
	Campaign string `arg:"" help:"The campaign, as list names it."`
	State    string `enum:"queued,in-doubt,accepted,bounced,other,withheld" default:"in-doubt" help:"queued, in-doubt, accepted, bounced, other or withheld (default: in-doubt)."`
	Cause    string `placeholder:"WORD" help:"Only those with this cause, as status names it."`
	JSON     bool   `help:"Print as JSON, one object a line."`
}

func (c *noticePeopleCmd) Help() string {
	return `Who is in a state, and why, by their opaque ids. The key is in the Message-ID, in the return path and in the relay's log: what a doubt is
resolved by.`
}

func (c *noticePeopleCmd) Run(ctx context.Context) error {
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		if _, err := l.Campaign(ctx, c.Campaign); err != nil {
			return err
		}
		t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
		if !c.JSON {
			fmt.Fprintln(t, "OWNER\tKEY\tATTEMPT\tWHEN\tCAUSE\tSTATUS\tRECEIVER\tTHE RECEIVER'S WORDS")
		}
		for after := -1; ; {
			list, err := l.InState(ctx, c.Campaign, notice.State(c.State), c.Cause, after, 1000)
			if err != nil || len(list) == 0 {
				return errors.Join(err, t.Flush())
			}
			for _, r := range list {
				if c.JSON {
					if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", clean(r.Person.Owner), r.Key, r.Attempt, utc(r.Time), clean(r.Cause), clean(r.Status), clean(r.Provider), clean(r.Detail))
			}
			after = list[len(list)-1].N
		}
	})
}

type noticeWaiveCmd struct {
	campaignFlags
	Rule string `arg:"" help:"The rule of level W, such as N23."`
	Text string `placeholder:"LAW/LANGUAGE" help:"The text that it stands in, such as gdpr/de (default: all)."`
}

func (c *noticeWaiveCmd) Run(ctx context.Context) error {
	if c.Why == "" {
		return errors.New("--why is missing: say in a sentence why this may stand; it stays in the audit")
	}
	return c.did(ctx, candor.NoticeWaived, filled(map[string]string{"rule": c.Rule, "text": c.Text}))
}

type noticeFreezeCmd struct {
	campaignFlags
}

func (c *noticeFreezeCmd) Help() string {
	return notice.Means(candor.NoticeFrozen)
}

func (c *noticeFreezeCmd) Run(ctx context.Context) error {
	id, err := signerID(c.dataFlag)
	if err != nil {
		return err
	}
	return c.did(ctx, candor.NoticeFrozen, map[string]string{"signer": id})
}

// signerID is the id of the signing key.
func signerID(d dataFlag) (string, error) {
	_, id, _, err := signPair(d, "").read()
	if err != nil {
		err = fmt.Errorf("%w\nThe signing key makes each notice checkable: candor keys init", err)
	}
	return id, err
}

type noticeApproveCmd struct {
	campaignFlags
	Content string `placeholder:"HASH" help:"The content that you saw, as status prints it; its first 12 digits do."`
	Yes     bool   `short:"y" help:"Do not ask."`
}

func (c *noticeApproveCmd) Help() string {
	return notice.Means(candor.NoticeApproved) + " Look at it first: candor notice preview."
}

func (c *noticeApproveCmd) Run(ctx context.Context) error {
	v, err := theCampaign(ctx, c.ledgerFlag, c.Campaign)
	if err != nil {
		return err
	}
	if len(c.Content) < 12 || !strings.HasPrefix(v.Content(), c.Content) {
		return fmt.Errorf("--content: what it is now is %s: look at it (candor notice preview %s), and name it", v.Content(), v.ID)
	}
	if err := c.approvable(ctx, v); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d people of %s will get this notice; approved so far by: %s.\n", v.People, v.Incident, cmp.Or(clean(strings.Join(v.ApprovedBy(), ", ")), "nobody"))
	if !c.Yes && !confirmed("Do you approve it?") {
		return errors.New("nothing was changed")
	}
	return c.did(ctx, candor.NoticeApproved, map[string]string{"content": v.Content()})
}

// approvable refuses words that the rules speak against.
func (c *noticeApproveCmd) approvable(ctx context.Context, v notice.Campaign) error {
	var list []notice.Judged
	err := withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) (err error) {
		list, err = l.Approvable(ctx, v)
		return err
	})
	if err != nil {
		return err
	}
	for _, j := range list {
		fmt.Fprintln(os.Stderr, clean(strings.Join(strings.Fields(strings.Join([]string{j.In, j.Level, j.Rule, j.Why, j.Text}, " ")), " ")))
	}
	if len(list) > 0 {
		return fmt.Errorf("what stands against it (%s): mend the words (candor notice draft), freeze (candor notice freeze) and send the seeds (candor notice seed) again, or let what is of level W stand with a reason (candor notice waive)", counted(len(list), "finding"))
	}
	return nil
}

type noticePauseCmd struct{ campaignFlags }

func (c *noticePauseCmd) Run(ctx context.Context) error { return c.did(ctx, candor.NoticePaused, nil) }

type noticeResumeCmd struct{ campaignFlags }

func (c *noticeResumeCmd) Run(ctx context.Context) error {
	return c.did(ctx, candor.NoticeResumed, nil)
}

type noticeCancelCmd struct {
	campaignFlags
	Yes bool `short:"y" help:"Do not ask."`
}

func (c *noticeCancelCmd) Help() string {
	return notice.Means(candor.NoticeCancelled)
}

func (c *noticeCancelCmd) Run(ctx context.Context) error {
	if c.Why == "" {
		return errors.New("--why is missing: people who should be told are not")
	}
	var tally ledger.Tally
	err := withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) (err error) {
		tally, err = l.Tally(ctx, c.Campaign)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d people have not been sent to, and will not be.\n", tally.States[notice.Queued])
	if !c.Yes && !confirmed("Cancel it?") {
		return errors.New("nothing was changed")
	}
	return c.did(ctx, candor.NoticeCancelled, nil)
}

type noticeResolveCmd struct {
	campaignFlags
	Key string `required:"" placeholder:"KEY" help:"The notice in doubt, as 'candor notice people' names it."`
	As  string `required:"" enum:"accepted,again,other" help:"accepted: it got there; again: it did not, send it once more; other: it did not, tell them by another channel."`
}

func (c *noticeResolveCmd) Help() string {
	return notice.Means(candor.NoticeResolved)
}

func (c *noticeResolveCmd) Run(ctx context.Context) error {
	if c.Why == "" {
		return errors.New("--why is missing: say how you know")
	}
	return c.did(ctx, candor.NoticeResolved, map[string]string{"key": c.Key, "as": c.As})
}

type noticeChannelCmd struct {
	campaignFlags
	By2 string `name:"channel" required:"" enum:"post,site" help:"post: you send letters (candor notice export); site: the shop's own page shows it when they sign in."`
}

func (c *noticeChannelCmd) Help() string {
	return notice.Means(candor.NoticeChannelled)
}

func (c *noticeChannelCmd) Run(ctx context.Context) error {
	return c.did(ctx, candor.NoticeChannelled, map[string]string{"channel": c.By2})
}

type noticeDoneCmd struct{ campaignFlags }

func (c *noticeDoneCmd) Help() string {
	return notice.Means(candor.NoticeDone) + ` Who is in doubt, bounced or withheld stays so, is named here and in the account, and can be settled later.`
}

func (c *noticeDoneCmd) Run(ctx context.Context) error {
	if err := c.did(ctx, candor.NoticeDone, nil); err != nil {
		return err
	}
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		v, err := l.Campaign(ctx, c.Campaign)
		if err != nil {
			return err
		}
		tally, err := l.Tally(ctx, v.ID)
		if err == nil {
			printSum(os.Stdout, v, tally)
		}
		return err
	})
}

// factsOf are the ledger's facts with what the publisher knows, and the report that is public.
func factsOf(ctx context.Context, d dataFlag, l *ledger.Ledger, c *Config, id string) (notice.Facts, error) {
	f, err := l.Facts(ctx, id, time.Now())
	if err != nil {
		return f, hinted(err)
	}
	c.Notice.into(&f)
	f.Report, err = publicReport(ctx, d, l, c, id)
	return f, err
}

type noticeFactsCmd struct {
	ledgerFlag
	configFlag
	Incident string `arg:"" help:"The incident, as 'candor incident list' names it."`
}

func (c *noticeFactsCmd) Help() string {
	return `The one set of facts that every language and every channel says, as JSON: for 'candor notice lint --facts'.`
}

func (c *noticeFactsCmd) Run(ctx context.Context) error {
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		f, err := factsOf(ctx, c.dataFlag, l, config, c.Incident)
		if err == nil {
			err = printJSON(os.Stdout, f)
		}
		return err
	})
}

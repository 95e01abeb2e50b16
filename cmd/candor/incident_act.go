package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
)

// did puts an action into the books, for an incident that must be there, and says what it changed.
func (f actFlags) did(ctx context.Context, what, id string, details map[string]string) error {
	a, err := f.action(what, id)
	if err != nil {
		return err
	}
	for k, v := range details {
		a.Details[k] = v
	}
	if _, err := theIncident(ctx, f.ledgerFlag, id); err != nil {
		return err
	}
	if err := act(ctx, f.ledgerFlag, a); err != nil {
		return err
	}
	return withLedger(ctx, f.ledgerFlag, func(l *ledger.Ledger) error {
		i, err := l.Incident(ctx, id)
		if err == nil {
			fmt.Printf("%s is now %s; on record as %s by %s\n", i.ID, i.State, what, clean(a.By))
		}
		return err
	})
}

// theIncident is the one by that id, which must be there.
func theIncident(ctx context.Context, f ledgerFlag, id string) (i incident.Incident, err error) {
	err = withLedger(ctx, f, func(l *ledger.Ledger) (err error) {
		i, err = l.Incident(ctx, id)
		return hinted(err)
	})
	return i, err
}

// hinted says where the ids of incidents are to be had.
func hinted(err error) error {
	if errors.Is(err, ledger.ErrNoIncident) {
		return fmt.Errorf("%w: candor incident list names them", err)
	}
	return err
}

type incidentConfirmCmd struct {
	actFlags
	ID string `arg:"" help:"The incident, as list names it."`
}

func (c *incidentConfirmCmd) Help() string {
	return `From then on the controller is aware (GDPR Art. 33(1), EDPB Guidelines 9/2022: "a reasonable degree of certainty"), and the clocks that count
from that moment run. 'candor incident clocks' shows them.`
}

func (c *incidentConfirmCmd) Run(ctx context.Context) error {
	return c.did(ctx, candor.Confirmed, c.ID, nil)
}

type incidentDetermineCmd struct {
	actFlags
	ID string `arg:"" help:"The incident, as list names it."`
}

func (c *incidentDetermineCmd) Help() string {
	return `What happened, and to whom, is established. Laws that count "from determination" count from here; it is kept apart from being aware.`
}

func (c *incidentDetermineCmd) Run(ctx context.Context) error {
	return c.did(ctx, candor.Determined, c.ID, nil)
}

type incidentFixCmd struct {
	actFlags
	ID        string `arg:"" help:"The incident, as list names it."`
	Reference string `placeholder:"TEXT" help:"What fixed it: a change, a ticket, a commit."`
	Release   string `placeholder:"NAME" help:"The release that has the fix."`
}

func (c *incidentFixCmd) Help() string {
	return `This says that the cause is gone; 'candor incident verify' proves it. A disclosure that comes later opens the incident again.`
}

func (c *incidentFixCmd) Run(ctx context.Context) error {
	return c.did(ctx, candor.Fixed, c.ID, filled(map[string]string{"reference": c.Reference, "release": c.Release}))
}

// filled leaves out what was not given.
func filled(m map[string]string) map[string]string {
	for k, v := range m {
		if v == "" {
			delete(m, k)
		}
	}
	return m
}

type incidentCloseCmd struct {
	actFlags
	ID string `arg:"" help:"The incident, as list names it."`
}

func (c *incidentCloseCmd) Run(ctx context.Context) error {
	if c.Why == "" {
		return errors.New("--why is missing: say in a sentence why this incident is over")
	}
	return c.did(ctx, candor.Closed, c.ID, nil)
}

type incidentContainCmd struct {
	actFlags
	ID        string        `arg:"" help:"The incident, as list names it."`
	Mode      string        `enum:"mask,withhold,trip,observe,off" default:"mask" help:"mask, withhold, trip (answer 503), observe, or off: the site's own mode again (default: mask)."`
	WholeSite bool          `help:"All routes of the site, not the incident's alone."`
	Count     int           `placeholder:"N" help:"With --mode trip: only after N disclosures within --within."`
	Within    time.Duration `placeholder:"TIME" help:"With --mode trip: such as 10s."`
	Yes       bool          `short:"y" help:"Do not ask."`
}

func (c *incidentContainCmd) Help() string {
	return `A running serve does so from the next response on, and after a restart. What it will mean is said first, and asked, unless --yes is given.

  candor incident contain inc-3kq7h2mb --mode withhold
  candor incident contain inc-3kq7h2mb --mode trip --count 5 --within 10s`
}

func (c *incidentContainCmd) Run(ctx context.Context) error {
	if (c.Count > 0) != (c.Within > 0) || c.Count > 0 && c.Mode != "trip" {
		return errors.New("--count and --within belong together, and to --mode trip")
	}
	i, err := theIncident(ctx, c.ledgerFlag, c.ID)
	if err != nil {
		return err
	}
	details := map[string]string{"site": i.Site, "route": i.Route, "mode": c.Mode}
	if c.Mode == "off" {
		details["mode"] = ""
	}
	if c.WholeSite {
		details["route"] = ""
	}
	if c.Count > 0 {
		details["count"], details["within"] = strconv.Itoa(c.Count), c.Within.String()
	}
	fmt.Fprintln(os.Stderr, clean(incident.ContainmentMeans(i, details)))
	if !c.Yes && !confirmed("Do this?") {
		return errors.New("nothing was changed")
	}
	return c.did(ctx, candor.Contained, c.ID, details)
}

type incidentResetCmd struct {
	actFlags
	ID        string `arg:"" help:"The incident, as list names it."`
	WholeSite bool   `help:"What 'contain --whole-site' tripped."`
}

func (c *incidentResetCmd) Help() string {
	return `A route that was tripped answers again; its count begins at zero.`
}

func (c *incidentResetCmd) Run(ctx context.Context) error {
	i, err := theIncident(ctx, c.ledgerFlag, c.ID)
	if err != nil {
		return err
	}
	details := map[string]string{"site": i.Site, "route": i.Route}
	if c.WholeSite {
		details["route"] = ""
	}
	return c.did(ctx, candor.Reset, c.ID, details)
}

// confirmed asks on the terminal; where there is none the answer is no.
func confirmed(question string) bool {
	fmt.Fprintf(os.Stderr, "%s [y/N] ", question)
	var answer string
	fmt.Scanln(&answer)
	return answer == "y" || answer == "yes"
}

type incidentReopenCmd struct {
	actFlags
	ID string `arg:"" help:"The incident, as list names it."`
}

func (c *incidentReopenCmd) Run(ctx context.Context) error {
	return c.did(ctx, candor.Reopened, c.ID, nil)
}

type incidentPurgeCmd struct {
	ledgerFlag
	ID   string `arg:"" help:"The incident, as list names it."`
	JSON bool   `help:"Print as JSON."`
}

func (c *incidentPurgeCmd) Help() string {
	return `Shared caches may hold pages of this incident. The list is for your CDN's own tool: URLs one to a line, then the surrogate keys.`
}

func (c *incidentPurgeCmd) Run(ctx context.Context) error {
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		p, err := l.Purge(ctx, c.ID)
		if err != nil {
			return hinted(err)
		}
		if c.JSON {
			return printJSON(os.Stdout, p)
		}
		i, err := l.Incident(ctx, c.ID)
		if err != nil {
			return err
		}
		for _, u := range p.URLs {
			fmt.Printf("%s%s\n", clean(i.Site), clean(u))
		}
		for _, k := range p.Keys {
			fmt.Printf("key %s\n", clean(k))
		}
		if len(p.Masked) > 0 {
			fmt.Fprintf(os.Stderr, "%d more URLs hold an identifier, which is masked here: purge all of %s.\n", len(p.Masked), clean(i.Route))
		}
		if p.Cut {
			fmt.Fprintf(os.Stderr, "There are more than are kept: purge all of %s.\n", clean(i.Route))
		}
		if len(p.URLs)+len(p.Keys)+len(p.Masked) == 0 {
			fmt.Fprintln(os.Stderr, "Nothing of it may be kept by a shared cache.")
		}
		return nil
	})
}

type incidentLatentCmd struct {
	ledgerFlag
	JSON bool `help:"Print as JSON."`
}

func (c *incidentLatentCmd) Run(ctx context.Context) error {
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		list, err := l.Latent(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(os.Stdout, atLeastEmpty(list))
		}
		if len(list) == 0 {
			fmt.Println("None: no page that shows people their own data may be kept by a shared cache.")
			return nil
		}
		t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
		fmt.Fprintln(t, "SITE\tROUTE\tPEOPLE\tRESPONSES\tREPAIRED\tCACHE-CONTROL\tLAST SEEN\tINCIDENT")
		for _, v := range list {
			fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%q\t%s\t%s\n", clean(v.Site), clean(v.Route), v.People, v.Responses, v.Repaired, v.CacheControl, utc(v.Last), v.Incident)
		}
		return t.Flush()
	})
}

type incidentLinksCmd struct {
	ledgerFlag
	JSON bool `help:"Print as JSON."`
}

func (c *incidentLinksCmd) Help() string {
	return `A link is no disclosure, and is counted on its own. It becomes one, and is no longer in this list, when it shows a second person, when one viewer walks through many, when many viewers open
one, or when a crawler has it.`
}

func (c *incidentLinksCmd) Run(ctx context.Context) error {
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		list, err := l.Links(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(os.Stdout, atLeastEmpty(list))
		}
		if len(list) == 0 {
			fmt.Println("None: nobody was shown a person's data by holding a link.")
			return nil
		}
		t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
		fmt.Fprintln(t, "SITE\tROUTE\tLINKS\tPEOPLE\tVIEWERS\tVIEWS\tFIRST SEEN\tLAST SEEN")
		for _, v := range list {
			fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n", clean(v.Site), clean(v.Route), v.Links, v.Owners, v.Viewers, v.Views, utc(v.First), utc(v.Last))
		}
		return t.Flush()
	})
}

type incidentAuditCmd struct {
	ledgerFlag
	ID    string `arg:"" optional:"" help:"One incident (default: all)."`
	Limit int    `default:"200" help:"How many of the last ones (default: 200)."`
	JSON  bool   `help:"Print as JSON."`
}

func (c *incidentAuditCmd) Help() string {
	return `Each row carries a hash over itself and all rows before it, which is computed anew here. Exit status 2 where they differ: somebody changed
the table behind Candor's back. Keep the last hash elsewhere, and you can tell later that nothing before it was touched.`
}

func (c *incidentAuditCmd) Run(ctx context.Context) error {
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		list, err := l.Audit(ctx, c.ID, c.Limit)
		if err != nil {
			return err
		}
		broken := l.VerifyAudit(ctx)
		if c.JSON {
			err = printJSON(os.Stdout, atLeastEmpty(list))
		} else {
			err = printAudit(ctx, l, list, broken)
		}
		if err == nil {
			err = broken
		}
		return err
	})
}

func printAudit(ctx context.Context, l *ledger.Ledger, list []ledger.Audited, broken error) error {
	t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "N\tWHEN\tWHO\tWHAT\tINCIDENT\tDETAILS\tWHY")
	for _, a := range list {
		what := a.What
		if a.Refused != "" {
			what += " (refused: " + a.Refused + ")"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", a.N, utc(a.Time), clean(a.By), clean(what), clean(a.Incident), clean(details(a.Details)), clean(a.Why))
	}
	if err := t.Flush(); err != nil || broken != nil {
		return err
	}
	n, hash, err := l.AuditHead(ctx)
	if err == nil && n > 0 {
		fmt.Printf("\nThe chain of %d rows is unbroken. Its last hash: %s\n", n, hash)
	}
	return err
}

// details spells what belongs to an action, in the order of its names.
func details(m map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, k+"="+m[k])
	}
	return strings.Join(parts, ", ")
}

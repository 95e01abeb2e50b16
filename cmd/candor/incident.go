package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"candor.example/internal/incident"
	"candor.example/internal/ledger"
)

type incidentCmd struct {
	List incidentListCmd `cmd:"" help:"List incidents, the latest first."`
	Show incidentShowCmd `cmd:"" help:"Show one incident: its four questions, its figures, its course."`

	Confirm   incidentConfirmCmd   `cmd:"" help:"It is a breach: from now on the controller is aware, and the clocks run."`
	Contain   incidentContainCmd   `cmd:"" help:"Mask, withhold or trip its route."`
	Reset     incidentResetCmd     `cmd:"" help:"Let a route that was tripped answer again."`
	Determine incidentDetermineCmd `cmd:"" help:"What happened, and to whom, is established."`
	Fix       incidentFixCmd       `cmd:"" help:"Its cause is gone."`
	Verify    incidentVerifyCmd    `cmd:"" help:"Ask again for what was recorded: does it still disclose?"`
	Close     incidentCloseCmd     `cmd:"" help:"It is over."`
	Reopen    incidentReopenCmd    `cmd:"" help:"It is not."`
	Severity  incidentSeverityCmd  `cmd:"" help:"How severe it is, by ENISA's method; depart from the presumption."`
	Clocks    incidentClocksCmd    `cmd:"" help:"What is due where, and by when; as iCalendar, too. Not legal advice."`
	Purge     incidentPurgeCmd     `cmd:"" help:"What CDNs must forget: URLs and surrogate keys."`
	Latent    incidentLatentCmd    `cmd:"" help:"Routes whose pages show people their own data and may be kept by a shared cache."`
	Links     incidentLinksCmd     `cmd:"" help:"Pages that show a person's data to whoever holds one unguessable link, such as a guest's order."`
	Audit     incidentAuditCmd     `cmd:"" help:"What was done, by whom, when and why; is the chain of it unbroken?"`
}

type incidentListCmd struct {
	ledgerFlag
	JSON bool `help:"Print as JSON."`
}

func (c *incidentListCmd) Run(ctx context.Context) error {
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		list, err := l.Incidents(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(os.Stdout, atLeastEmpty(list))
		}
		printIncidents(os.Stdout, list)
		return nil
	})
}

// atLeastEmpty has nothing print as [], and not as null.
func atLeastEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func printIncidents(w io.Writer, list []incident.Incident) {
	if len(list) == 0 {
		fmt.Fprintln(w, "No incidents: nobody's data was seen with the wrong person.")
		return
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tSITE\tROUTE\tSTATE\tEXPOSED\tPREVENTED\tPOSSIBLE\tVIEWERS\tKINDS\tFIRST SEEN\tLAST SEEN\tRELEASE\tCAUSE")
	for _, i := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", i.ID, clean(i.Site), clean(i.Route), i.State, i.Exposed, i.Prevented, i.Possible,
			i.Viewers, kinds(i), utc(i.FirstSeen), utc(i.LastSeen), clean(i.Release), i.Cause)
	}
	t.Flush()
}

func kinds(i incident.Incident) string {
	var names []string
	for _, k := range i.Kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

type incidentShowCmd struct {
	ledgerFlag
	ID      string `arg:"" help:"The incident, as list names it."`
	Explain bool   `help:"Derive every number anew, and show from what: the query beside the figure. Exit status 2 where they differ."`
	JSON    bool   `help:"Print as JSON, with the people affected by their opaque ids."`
}

// shown is what `incident show --json` prints: the incident as list prints it, and what it rests on.
type shown struct {
	ledger.Account
	Questions []incident.Answer `json:"questions"`
	Moments   incident.Moments  `json:"moments"`
	Spread    incident.Spread   `json:"spread"`
	Gaps      []incident.Gap    `json:"gaps"`
	Countries []ledger.Country  `json:"countries"`
	Verdict   *incident.Verdict `json:"verdict"`
	Figures   []ledger.Figure   `json:"figures,omitempty"` // with --explain
	Affected  []incident.Person `json:"affected"`
}

func (c *incidentShowCmd) Run(ctx context.Context) error {
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		s, err := c.load(ctx, l)
		if err != nil {
			return hinted(err)
		}
		if c.JSON {
			err = printJSON(os.Stdout, s)
		} else {
			printIncident(os.Stdout, s)
		}
		if err == nil {
			err = disagreement(s.Figures)
		}
		return err
	})
}

func (c *incidentShowCmd) load(ctx context.Context, l *ledger.Ledger) (s shown, err error) {
	if s.Account, err = l.Account(ctx, c.ID); err != nil {
		return s, err
	}
	s.Verdict = s.Account.Verdict
	s.Questions = incident.Questions(s.Incident, time.Now())
	if s.Moments, err = l.Moments(ctx, c.ID); err != nil {
		return s, err
	}
	if s.Spread, err = l.Spread(ctx, c.ID); err != nil {
		return s, err
	}
	if s.Gaps, err = l.Gaps(ctx, c.ID); err != nil {
		return s, err
	}
	if s.Countries, err = l.Countries(ctx, c.ID); err != nil {
		return s, err
	}
	if c.Explain {
		if s.Figures, err = l.Explain(ctx, c.ID); err != nil {
			return s, err
		}
	}
	if !c.JSON {
		return s, nil
	}
	err = everyPerson(ctx, l, c.ID, func(p incident.Person) { s.Affected = append(s.Affected, p) })
	return s, err
}

// everyPerson calls do for each row of an incident's sets.
func everyPerson(ctx context.Context, l *ledger.Ledger, id string, do func(incident.Person)) error {
	for after := ""; ; {
		page, err := l.Affected(ctx, id, after, 1000)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, p := range page {
			do(p)
			after = p.Owner
		}
	}
}

func printIncident(w io.Writer, s shown) {
	fmt.Fprintf(w, "%s  %s\n\n", s.ID, s.State)
	for _, q := range s.Questions {
		fmt.Fprintf(w, "%s\n  %s\n", q.Question, clean(q.Answer))
	}
	fmt.Fprintf(w, "\nKinds: %s. Forms: %s.\n", kinds(s.Incident), strings.Join(s.Encodings, ", "))
	fmt.Fprintf(w, "Credentials beside them: %s.\n", incident.Beside(s.Secrets, s.Looked))
	printVerdict(w, s.Verdict)
	printMoments(w, s.Moments)
	printViewers(w, s)
	printGaps(w, s.Gaps)
	plot(w, s)
	printFigures(w, s.Figures)
}

// printVerdict says what else it could have been, and why it is not.
func printVerdict(w io.Writer, v *incident.Verdict) {
	if v == nil {
		return
	}
	fmt.Fprintf(w, "\nCause: %s\n", clean(v.String()))
	if v.Cause != incident.CauseUndetermined {
		fmt.Fprintf(w, "  %s %s; %s (%s); VERIS action.%s: %s\n", v.CWE, v.CWEName, v.OWASP, v.List, v.Action, v.Variety)
	}
	for _, s := range v.Decided {
		fmt.Fprintf(w, "  %s\n", clean(s))
	}
	for _, c := range v.Candidates {
		fmt.Fprintf(w, "  perhaps %s: %s\n", c.Title, clean(c.Why))
	}
	for _, c := range v.RuledOut {
		fmt.Fprintf(w, "  not %s: %s\n", c.Title, clean(c.Why))
	}
}

// printMoments lists what is known of when, in the order in which it should happen, with who or what says so.
func printMoments(w io.Writer, m incident.Moments) {
	fmt.Fprintln(w, "\nWhen")
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, row := range m.List() {
		if !row.Time.IsZero() {
			fmt.Fprintf(t, "  %s\t%s\t%s\n", row.Name, utc(row.Time), clean(row.By))
		}
	}
	t.Flush()
	were := "were"
	if m.Clean == 1 {
		were = "was"
	}
	fmt.Fprintf(w, "  %s of the route %s inspected before the first disclosure without one", counted(int(m.Clean), "response"), were)
	if !m.Fixed.IsZero() {
		fmt.Fprintf(w, ", and %d since it was fixed", m.Since)
	}
	fmt.Fprintln(w)
}

// printViewers says who was sent such pages, and whether a few of them got most.
func printViewers(w io.Writer, s shown) {
	fmt.Fprintf(w, "\nViewers: %d, of %d people, %d pairs of the two\n", s.Spread.Viewers, s.Spread.Owners, s.Spread.Pairs)
	var viewers []string
	for _, v := range s.Seen {
		viewers = append(viewers, fmt.Sprintf("%d %s", v.Count, v.Kind))
	}
	fmt.Fprintf(w, "  %s; one person's data went to %d viewers at most\n  %s\n", strings.Join(viewers, ", "), s.Spread.MostViews, incident.Harvesting(s.Spread))
	if len(s.Countries) > 0 {
		var list []string
		for _, c := range s.Countries {
			name := c.Country
			if name == "" {
				name = "unknown"
			}
			list = append(list, fmt.Sprintf("%s %d", clean(name), c.Exposed))
		}
		fmt.Fprintf(w, "  people exposed by country: %s\n", strings.Join(list, ", "))
	}
}

func printGaps(w io.Writer, gaps []incident.Gap) {
	for i, g := range gaps {
		if i == 0 {
			fmt.Fprintln(w, "\nWhere Candor did not look, on this route")
		}
		many := fmt.Sprintf("%d responses", g.Responses)
		if g.Responses < 0 {
			many = "nobody knows how many responses"
		}
		from := "always"
		if !g.From.IsZero() {
			from = utc(g.From)
		}
		fmt.Fprintf(w, "  %s: %s, from %s to %s\n", clean(string(g.Skip)), many, from, utc(g.To))
	}
	fmt.Fprintln(w)
}

// printFigures shows each number beside what it derives from.
func printFigures(w io.Writer, list []ledger.Figure) {
	for i, f := range list {
		if i == 0 {
			fmt.Fprintln(w, "\nEach number, derived anew")
		}
		verdict := "agrees"
		if !f.Agrees() {
			verdict = fmt.Sprintf("DIFFERS: %d is derived", f.Derived)
		}
		fmt.Fprintf(w, "  %s: %d, %s\n    %s\n", f.Name, f.Stored, verdict, f.SQL)
	}
}

// disagreement is an error where a number is not what it derives from.
func disagreement(list []ledger.Figure) error {
	for _, f := range list {
		if !f.Agrees() {
			return fmt.Errorf("the ledger says %s is %d, and its own rows say %d: build it anew with candor ledger rebuild", f.Name, f.Stored, f.Derived)
		}
	}
	return nil
}

const (
	plotRows  = 24
	plotWidth = 50
)

// plot draws the course as bars of people new in each stretch of time, with the releases where they went live.
func plot(w io.Writer, s shown) {
	if len(s.Series) == 0 {
		return
	}
	first, last := s.Series[0].Time, s.Series[len(s.Series)-1].Time
	step := max(incident.Step, (last.Sub(first)/plotRows).Truncate(incident.Step)+incident.Step)
	rows := int(last.Sub(first)/step) + 1
	exposed, prevented := make([]int, rows), make([]int, rows)
	most := 1
	for _, p := range s.Series {
		i := int(p.Time.Sub(first) / step)
		exposed[i] += p.Exposed
		prevented[i] += p.Prevented
		most = max(most, exposed[i]+prevented[i])
	}
	fmt.Fprintf(w, "People new in each %s (# exposed, . prevented)\n", step)
	for i := range rows {
		from := first.Add(time.Duration(i) * step)
		for _, r := range s.Releases {
			if !r.Time.Before(from) && r.Time.Before(from.Add(step)) {
				fmt.Fprintf(w, "  %s  -- release %s\n", r.Time.UTC().Format("15:04:05"), clean(r.Name))
			}
		}
		x, p := bar(exposed[i], most), bar(prevented[i], most)
		fmt.Fprintf(w, "  %s  %s%s %d + %d\n", from.UTC().Format("15:04:05"), strings.Repeat("#", x), strings.Repeat(".", p), exposed[i], prevented[i])
	}
}

// bar is the length of a bar; what is there at all has one character at least.
func bar(n, most int) int {
	if n == 0 {
		return 0
	}
	return max(1, n*plotWidth/most)
}

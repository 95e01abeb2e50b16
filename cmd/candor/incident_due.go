package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"candor.example"
	"candor.example/internal/console"
	"candor.example/internal/duties"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
)

// tradeFlag is what the shop sells, as candor.yaml says it to serve.
type tradeFlag struct {
	Trade string `default:"general" enum:"general,luxury,adult,pharmacy,political,religious" help:"What the shop sells, as far as being its customer says something of a person: general, luxury, adult, pharmacy, political, religious (default: general)."`
}

type incidentSeverityCmd struct {
	actFlags
	tradeFlag
	ID   string   `arg:"" help:"The incident, as list names it."`
	DPC  *float64 `placeholder:"N" help:"Depart from the presumption: data processing context, 1 to 4."`
	EI   *float64 `placeholder:"N" help:"Likewise: ease of identification, 0.25 to 1."`
	CB   *float64 `placeholder:"N" help:"Likewise: circumstances of the breach, 0 to 2."`
	JSON bool     `help:"Print as JSON."`
}

func (c *incidentSeverityCmd) Help() string {
	return `Severity = DPC x EI + CB, by ENISA's method of 2013: each step is shown with its reason. It is a presumption. Whoever knows better departs from it
with all three numbers and --why, which are shown beside it and never in its place.`
}

func (c *incidentSeverityCmd) Run(ctx context.Context) error {
	given := 0
	details := map[string]string{}
	for name, v := range map[string]*float64{"dpc": c.DPC, "ei": c.EI, "cb": c.CB} {
		if v != nil {
			given++
			details[name] = strconv.FormatFloat(*v, 'g', -1, 64)
		}
	}
	switch {
	case given == 3:
		if _, err := incident.Departure(candor.Action{Why: c.Why, Details: details}); err != nil {
			return err
		}
		if err := c.did(ctx, candor.Assessed, c.ID, details); err != nil {
			return err
		}
	case given > 0:
		return errors.New("give all of --dpc, --ei and --cb, or none of them")
	}
	return withStanding(ctx, c.ledgerFlag, c.ID, c.Trade, func(a ledger.Account, s console.Standing) error {
		if c.JSON {
			return printJSON(os.Stdout, s.Severity)
		}
		printSeverity(os.Stdout, s.Severity)
		return nil
	})
}

// withStanding judges an incident as of now.
func withStanding(ctx context.Context, f ledgerFlag, id, trade string, do func(ledger.Account, console.Standing) error) error {
	t, err := incident.ParseTrade(trade)
	if err != nil {
		return err
	}
	return withLedger(ctx, f, func(l *ledger.Ledger) error {
		a, err := l.Account(ctx, id)
		if err != nil {
			return hinted(err)
		}
		s, err := console.StandingOf(ctx, l, a, t, time.Now())
		if err != nil {
			return err
		}
		return do(a, s)
	})
}

func printSeverity(w io.Writer, a incident.Assessment) {
	p := a.Presumed
	fmt.Fprintf(w, "Presumed: %s. %g x %g + %g = %g (DPC x EI + CB)\n", p.Level, p.DPC, p.EI, p.CB, p.SE)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, s := range p.Steps {
		fmt.Fprintf(t, "  %s\t%+g\t%s\t%s\n", s.Part, s.Add, clean(s.What), clean(s.Why))
	}
	t.Flush()
	for _, f := range p.Flags {
		fmt.Fprintf(w, "  beside the score: %s\n", clean(f))
	}
	if p.Borderline {
		fmt.Fprintln(w, "  It is within 0.25 of the next level: one judgement decides.")
	}
	if d := a.Departed; d != nil {
		fmt.Fprintf(w, "\n%s departs from it: %s. %g x %g + %g = %g\n  %s\n", clean(a.By), d.Level, d.DPC, d.EI, d.CB, d.SE, clean(a.Why))
	}
	fmt.Fprintf(w, "\n%s\n", duties.Advice)
}

type incidentClocksCmd struct {
	ledgerFlag
	tradeFlag
	ID   string `arg:"" help:"The incident, as list names it."`
	ICS  string `name:"ics" placeholder:"FILE" help:"Write the clocks as iCalendar (RFC 5545), for whoever has to keep them; '-' is standard output."`
	All  bool   `help:"Also where there is no duty, and why."`
	JSON bool   `help:"Print as JSON."`
}

func (c *incidentClocksCmd) Help() string {
	return `Who must be told, by when, by the laws of the places where the people who were exposed live: duty or no duty, and why. It is computed from rules
with their sources (docs/duties.md) and from what is on record. It is not legal advice: have counsel read it.`
}

func (c *incidentClocksCmd) Run(ctx context.Context) error {
	return withStanding(ctx, c.ledgerFlag, c.ID, c.Trade, func(a ledger.Account, s console.Standing) error {
		switch {
		case c.ICS == "-":
			_, err := os.Stdout.Write(duties.Calendar(a.ID, a.Site, s.Duties.Duties, time.Now()))
			return err
		case c.ICS != "":
			if err := os.WriteFile(c.ICS, duties.Calendar(a.ID, a.Site, s.Duties.Duties, time.Now()), 0o600); err != nil {
				return fmt.Errorf("cannot write the calendar: %w", err)
			}
			fmt.Printf("%s: written\n", c.ICS)
			return nil
		case c.JSON:
			return printJSON(os.Stdout, s.Duties)
		}
		printDuties(os.Stdout, s.Duties, c.All)
		return nil
	})
}

func printDuties(w io.Writer, a duties.Answer, all bool) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "RULING\tDUE\tLEFT\tTELL\tPLACE\tLAW\tPEOPLE\tWHY")
	none := 0
	for _, d := range a.Duties {
		if d.Ruling == duties.None && !all {
			none++
			continue
		}
		due, left := "no number", ""
		if !d.At.IsZero() {
			due, left = utc(d.At), timeLeft(d)
		} else if d.Start.IsZero() {
			due = "not running"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", d.Ruling, due, left, d.Tell, d.Place, d.Law, d.People, d.Why)
	}
	t.Flush()
	if none > 0 {
		fmt.Fprintf(w, "\n%d more rules find no duty: --all shows why.\n", none)
	}
	for _, u := range a.Unknown {
		fmt.Fprintln(w, clean(u))
	}
	fmt.Fprintf(w, "\n%s\n", a.Advice)
}

func timeLeft(d duties.Duty) string {
	left := (time.Duration(d.Left) * time.Second).Round(time.Minute)
	if d.Overdue {
		return (-left).String() + " late"
	}
	return left.String()
}

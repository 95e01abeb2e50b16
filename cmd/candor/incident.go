package main

import (
	"context"
	"errors"
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
}

type incidentListCmd struct {
	dataFlag
	JSON bool `help:"Print as JSON."`
}

func (c *incidentListCmd) Run(ctx context.Context) error {
	return withLedger(ctx, c.dataFlag, func(l *ledger.Ledger) error {
		list, err := l.Incidents(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			if list == nil {
				list = []incident.Incident{}
			}
			return printJSON(os.Stdout, list)
		}
		printIncidents(os.Stdout, list)
		return nil
	})
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

// withLedger opens the ledger that serve writes; both may have it open at once.
func withLedger(ctx context.Context, d dataFlag, do func(*ledger.Ledger) error) error {
	if _, err := os.Stat(d.ledger()); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: there is no ledger yet: start candor serve, or name its folder with --data", d.ledger())
	}
	l, err := ledger.Open(ctx, d.ledger())
	if err != nil {
		return err
	}
	defer l.Close()
	return do(l)
}

type incidentShowCmd struct {
	dataFlag
	ID   string `arg:"" help:"The incident, as list names it."`
	JSON bool   `help:"Print as JSON, with the people affected by their opaque ids."`
}

// shown is what `incident show --json` prints: the incident as list prints it, and what it rests on.
type shown struct {
	ledger.Account
	Questions []incident.Answer `json:"questions"`
	Affected  []incident.Person `json:"affected"`
}

func (c *incidentShowCmd) Run(ctx context.Context) error {
	return withLedger(ctx, c.dataFlag, func(l *ledger.Ledger) error {
		s, err := c.load(ctx, l)
		if errors.Is(err, ledger.ErrNoIncident) {
			return fmt.Errorf("%w: candor incident list names them", err)
		} else if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(os.Stdout, s)
		}
		printIncident(os.Stdout, s)
		return nil
	})
}

func (c *incidentShowCmd) load(ctx context.Context, l *ledger.Ledger) (s shown, err error) {
	if s.Account, err = l.Account(ctx, c.ID); err != nil {
		return s, err
	}
	s.Questions = incident.Questions(s.Incident, time.Now())
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
	fmt.Fprintf(w, "\nFirst seen %s, last seen %s. Kinds: %s. Forms: %s.\n", utc(s.FirstSeen), utc(s.LastSeen), kinds(s.Incident), strings.Join(s.Encodings, ", "))
	var viewers []string
	for _, v := range s.Seen {
		viewers = append(viewers, fmt.Sprintf("%d %s", v.Count, v.Kind))
	}
	fmt.Fprintf(w, "Viewers: %s.\n\n", strings.Join(viewers, ", "))
	plot(w, s)
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

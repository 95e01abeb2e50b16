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

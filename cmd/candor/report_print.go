package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"candor.example/internal/report"
	"candor.example/verify"
)

// printReport writes a report for people to read in a terminal: each fact with what is known of it.
func printReport(w io.Writer, r verify.Report, lang string) error {
	fmt.Fprintf(w, "%s  revision %d, %s\n", r.Incident, r.Revision, clean(r.Publisher.LegalName))
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	part := ""
	for _, line := range report.Lines(r, lang) {
		if head, _, _ := strings.Cut(strings.Trim(line.Field, "/"), "/"); head != part {
			part = head
			fmt.Fprintf(t, "\n%s\n", part)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", line.Field, line.Status, clean(line.Says))
	}
	t.Flush()
	fmt.Fprintf(w, "\npeople told\n  %s\n", clean(report.Sum(r.Told)))
	printOpen(w, r, lang)
	return nil
}

func printOpen(w io.Writer, r verify.Report, lang string) {
	if len(r.Open) > 0 {
		fmt.Fprintln(w, "\nopen questions")
	}
	for _, q := range r.Open {
		fmt.Fprintf(w, "  by %s: %s (%s)\n", q.AnswerBy.Format(time.DateOnly), clean(q.Text[lang]), q.Field)
	}
	printCorrections(w, r.Corrections)
	for i, err := range report.Ready(r) {
		if i == 0 {
			fmt.Fprintln(w, "\nbefore it can be published")
		}
		fmt.Fprintf(w, "  %s\n", clean(err.Error()))
	}
}

func printCorrections(w io.Writer, list []verify.Correction) {
	if len(list) > 0 {
		fmt.Fprintln(w, "\ncorrections")
	}
	for _, c := range list {
		why := c.Why
		if why == "" {
			why = "nobody has said why"
		}
		fmt.Fprintf(w, "  revision %d, %s: %s is %s now: %s\n", c.Revision, c.Field, clean(c.From), clean(c.To), clean(why))
	}
}

func printDiff(w io.Writer, r verify.Report, d report.Difference) {
	if d.Revision == 0 {
		fmt.Fprintln(w, "Nothing is published yet: the draft is the first revision.")
		return
	}
	fmt.Fprintf(w, "Revision %d beside revision %d\n", r.Revision, d.Revision)
	for _, f := range d.Answered {
		fmt.Fprintf(w, "  answered: %s\n", f)
	}
	for _, f := range d.Asked {
		fmt.Fprintf(w, "  unknown now: %s\n", f)
	}
	if d.Told != "" {
		fmt.Fprintf(w, "  people told: %s\n", clean(d.Told))
	}
	printCorrections(w, d.Corrections)
}

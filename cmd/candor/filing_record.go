package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"candor.example"
	"candor.example/internal/duties"
	"candor.example/internal/filing"
	"candor.example/internal/ledger"
	"candor.example/internal/report"
)

type filingFileCmd struct {
	actFlags
	configFlag
	formFlag
	phaseFlag
	Incident  string `arg:"" help:"The incident, as 'candor incident list' names it."`
	How       string `required:"" placeholder:"TEXT" help:"How it was filed: web form, mail, post."`
	Reference string `placeholder:"TEXT" help:"The regulator's reference."`
	Authority string `placeholder:"NAME" help:"The authority by its name, where the law leaves open which."`
	Delay     string `placeholder:"TEXT" help:"Why it was filed late, where it was."`
	Document  string `type:"existingfile" placeholder:"FILE" help:"What was filed. A candor.filing/v1 is kept, so that a follow-up can show what changed; of anything else only the SHA-256 is: keep that file yourself."`
}

func (c *filingFileCmd) Help() string {
	return `It goes into the audit, with who recorded it, and into the report's next revision. A first notification after its deadline needs the reasons for the
delay (GDPR 33(1)).

  candor filing file inc-3kq7h2mb --for gdpr --phase initial --at 2026-11-21T08:15:00Z --how "web form" --reference 711.42 --document gdpr.json`
}

func (c *filingFileCmd) Run(ctx context.Context) error {
	form, err := filing.FormOf(c.For)
	if err != nil {
		return fmt.Errorf("--for: %w", err)
	}
	a, err := c.action(candor.Filed, c.Incident)
	if err != nil {
		return err
	}
	documents, err := c.describe(form, &a)
	if err != nil {
		return err
	}
	f, err := report.FiledOf(a)
	if err != nil {
		return err
	}
	if err := c.allowed(ctx, form, f); err != nil {
		return err
	}
	if err := act(ctx, c.ledgerFlag, a, documents...); err != nil {
		return err
	}
	fmt.Printf("%s: %s filing under %s is on record, filed %s by %s\n", c.Incident, f.Phase, form.Law, utc(f.At), clean(f.How))
	return nil
}

// describe says in an action what was filed.
func (c *filingFileCmd) describe(form filing.Form, a *candor.Action) (documents []candor.Document, err error) {
	for name, value := range map[string]string{"rule": form.RuleOf(c.Phase), "phase": c.Phase, "how": c.How, "reference": c.Reference, "authority": c.Authority, "delay": c.Delay} {
		if value = strings.TrimSpace(value); value != "" {
			a.Details[name] = value
		}
	}
	if c.Document == "" {
		return nil, nil
	}
	body, err := os.ReadFile(c.Document)
	if err != nil {
		return nil, fmt.Errorf("--document: %w", err)
	}
	a.Details["document"] = candor.HashOf(body)
	f, err := filing.Parse(body)
	if err != nil {
		return nil, nil // something else, such as the PDF that a web form gave
	}
	if f.Form != form.ID || f.Incident != c.Incident || f.Phase != c.Phase {
		return nil, fmt.Errorf("--document %s: it is a %s filing of the form %s for %s", c.Document, f.Phase, f.Form, f.Incident)
	}
	return []candor.Document{{Hash: a.Details["document"], Type: filing.Schema, Body: body}}, nil
}

// allowed says what stands against a filing: it follows none, or it is late and does not say why.
func (c *filingFileCmd) allowed(ctx context.Context, form filing.Form, f report.Filed) error {
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		in, err := reportInput(ctx, l, config, c.Incident, time.Now())
		if err != nil {
			return err
		}
		return form.MayFile(f, filedOf(in.Actions), in.Duties)
	})
}

type filingListCmd struct {
	reportFlags
	JSON bool `help:"Print as JSON."`
}

// listed is what `filing list --json` prints.
type listed struct {
	Filed []report.Filed `json:"filed"`
	// Missing are the duties to tell a regulator that there are, and under which nothing was filed.
	Missing []duties.Duty `json:"missing"`
	Advice  string        `json:"advice"`
}

func (c *filingListCmd) Run(ctx context.Context) error {
	in, err := c.input(ctx)
	if err != nil {
		return err
	}
	list := listed{Filed: atLeastEmpty(filedOf(in.Actions)), Missing: []duties.Duty{}, Advice: duties.Advice}
	for _, d := range in.Duties.Duties {
		filed := slices.ContainsFunc(list.Filed, func(f report.Filed) bool { return f.Rule == d.ID })
		if d.Tell == "regulator" && d.Ruling == duties.Due && !filed {
			list.Missing = append(list.Missing, d)
		}
	}
	if c.JSON {
		return printJSON(os.Stdout, list)
	}
	list.print(os.Stdout)
	return nil
}

func (l listed) print(w io.Writer) {
	if len(l.Filed) == 0 {
		fmt.Fprintln(w, "Nothing was filed.")
	} else {
		t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		fmt.Fprintln(t, "FILED\tPHASE\tRULE\tAUTHORITY\tHOW\tREFERENCE\tRECORDED BY\tDOCUMENT")
		for _, f := range l.Filed {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.12s\n", utc(f.At), f.Phase, f.Rule, clean(f.Authority), clean(f.How), clean(f.Reference), clean(f.By), f.Document)
		}
		t.Flush()
	}
	for _, d := range l.Missing {
		due := "its clock does not run, or has no number"
		if !d.At.IsZero() {
			due = "due " + utc(d.At) + " (" + timeLeft(d) + ")"
		}
		fmt.Fprintf(w, "Not filed: %s, %s: %s\n", d.ID, d.Authority, due)
	}
	fmt.Fprintf(w, "\n%s\n", l.Advice)
}

type filingShowCmd struct {
	ledgerFlag
	Incident string `arg:"" help:"The incident, as 'candor incident list' names it."`
	Hash     string `arg:"" help:"The filing's SHA-256, or how it begins, as 'candor filing list' shows it."`
	JSON     bool   `help:"Print as JSON."`
	PDF      string `name:"pdf" placeholder:"FILE" help:"Write it as PDF; '-' is standard output."`
	Font     string `type:"existingfile" placeholder:"FILE" help:"TrueType font for the PDF."`
}

func (c *filingShowCmd) Run(ctx context.Context) error {
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		hash, err := c.whole(ctx, l)
		if err != nil {
			return err
		}
		doc, err := l.Document(ctx, hash)
		if err != nil {
			return fmt.Errorf("%s: %w: of what is no candor.filing/v1 only the hash is on record", c.Hash, err)
		}
		f, err := filing.Parse(doc.Body)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Hash, err)
		}
		return printFiling(f, c.JSON, c.PDF, c.Font)
	})
}

// whole is the hash of a filing that begins like the one given.
func (c *filingShowCmd) whole(ctx context.Context, l *ledger.Ledger) (string, error) {
	in, err := l.ReportInput(ctx, c.Incident, time.Now())
	if err != nil {
		return "", hinted(err)
	}
	for _, f := range filedOf(in.Actions) {
		if c.Hash != "" && strings.HasPrefix(f.Document, c.Hash) {
			return f.Document, nil
		}
	}
	return "", fmt.Errorf("%s: no filing of %s has such a document: candor filing list names them", c.Hash, c.Incident)
}

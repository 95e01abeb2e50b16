package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/goccy/go-yaml"

	"candor.example/internal/duties"
	"candor.example/internal/filing"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
	"candor.example/internal/report"
)

type filingCmd struct {
	Forms filingFormsCmd `cmd:"" help:"List the forms: for which regulator, after which source, and what they lack."`
	Draft filingDraftCmd `cmd:"" help:"Fill a regulator's form from the report; what only a person can answer is marked."`
	File  filingFileCmd  `cmd:"" help:"Record that it was filed: when, how, under which reference."`
	List  filingListCmd  `cmd:"" help:"What was filed, and what is due and was not."`
	Show  filingShowCmd  `cmd:"" help:"Show a filing that was kept, by its hash."`
}

// formFlag names one of filing.Forms.
type formFlag struct {
	For string `required:"" placeholder:"FORM" help:"Which regulator: gdpr, uk, california, washington, texas, india and others; 'candor filing forms' lists them."`
}

type phaseFlag struct {
	Phase string `default:"initial" enum:"initial,follow-up,final,withdrawal" placeholder:"PHASE" help:"initial, follow-up, final or withdrawal (default: initial)."`
}

type filingFormsCmd struct {
	JSON bool `help:"Print as JSON."`
}

func (c *filingFormsCmd) Run() error {
	forms := filing.Forms()
	if c.JSON {
		return printJSON(os.Stdout, forms)
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "FORM\tRULE\tLAW\tIN FORCE\tREAD\tSOURCE")
	for _, f := range forms {
		fmt.Fprintf(t, "%s\t%s\t%s\tfrom %s\t%s\t%s\n", f.ID, f.Rule, f.Law, f.EffectiveFrom, f.Mark, f.Source)
	}
	t.Flush()
	fmt.Printf("\nRead: V at the source, S in an excerpt of the named page, M from memory: check it. %s\n", duties.Advice)
	return nil
}

type filingDraftCmd struct {
	reportFlags
	formFlag
	phaseFlag
	Published bool   `help:"Fill it from the last published revision of the report (default: from the draft of the next, as of now)."`
	Answers   string `type:"existingfile" placeholder:"FILE" help:"What people answer: a YAML file of field: text. What was answered in the last filing that was kept stays answered."`
	JSON      bool   `help:"Print as JSON: candor.filing/v1, for 'candor filing file --document'."`
	PDF       string `name:"pdf" placeholder:"FILE" help:"Write it as PDF, to be printed; '-' is standard output."`
	Font      string `type:"existingfile" placeholder:"FILE" help:"TrueType font for the PDF, where names have letters beyond Latin, Greek and Cyrillic."`
}

func (c *filingDraftCmd) Help() string {
	return `The same facts as the report's, in the regulator's order. It says whether there is a duty and why; it is not legal advice. A follow-up shows what has
changed since what was filed.

  candor filing draft inc-3kq7h2mb --for gdpr --config candor.yaml --pdf gdpr.pdf
  candor filing draft inc-3kq7h2mb --for texas --answers texas.yaml --json > texas.json`
}

func (c *filingDraftCmd) Run(ctx context.Context) error {
	f, err := c.filing(ctx)
	if err != nil {
		return err
	}
	if err := printFiling(f, c.JSON, c.PDF, c.Font); err != nil {
		return err
	}
	if n := len(f.Open); n > 0 {
		fmt.Fprintf(os.Stderr, "%d required answers wait for a person: %s\n", n, strings.Join(f.Open, ", "))
	}
	return nil
}

// printFiling prints Markdown, or what was asked for instead.
func printFiling(f filing.Filing, asJSON bool, pdf, font string) error {
	var out []byte
	var err error
	switch {
	case pdf != "":
		return writePDF(f, pdf, font)
	case asJSON:
		out, err = f.Marshal()
	default:
		out = f.Markdown()
	}
	if err == nil {
		_, err = os.Stdout.Write(out)
	}
	return err
}

func writePDF(f filing.Filing, file, font string) error {
	var letters []byte
	if font != "" {
		var err error
		if letters, err = os.ReadFile(font); err != nil {
			return fmt.Errorf("--font: %w", err)
		}
	}
	out, err := f.PDF(letters)
	if err != nil {
		return fmt.Errorf("--pdf: %w", err)
	}
	if file == "-" {
		_, err = os.Stdout.Write(out)
		return err
	}
	if err := os.WriteFile(file, out, 0o600); err != nil {
		return fmt.Errorf("cannot write the filing: %w", err)
	}
	fmt.Printf("%s: written\n", file)
	return nil
}

// filing fills the form, as of now.
func (c *filingDraftCmd) filing(ctx context.Context) (f filing.Filing, err error) {
	form, err := filing.FormOf(c.For)
	if err != nil {
		return f, fmt.Errorf("--for: %w", err)
	}
	given, err := readAnswers(c.Answers)
	if err != nil {
		return f, err
	}
	config, err := readConfig(c.Config)
	if err != nil {
		return f, err
	}
	err = withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		in, err := filingInput(ctx, l, config, form, c.Incident, c.Phase, c.Published)
		if err != nil {
			return err
		}
		in.Given = given
		f, err = form.Fill(in)
		return err
	})
	return f, err
}

// readAnswers reads what people answer.
func readAnswers(file string) (given map[string]string, err error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--answers: %w", err)
	}
	if err := yaml.Unmarshal(b, &given); err != nil {
		return nil, fmt.Errorf("--answers %s: write it as field: text: %s", file, yaml.FormatError(err, false, true))
	}
	return given, nil
}

// filingInput is all that a filing is written from, as of now: for the command line and the console.
func filingInput(ctx context.Context, l *ledger.Ledger, c *Config, form filing.Form, id, phase string, published bool) (in filing.Input, err error) {
	now := time.Now()
	facts, err := reportInput(ctx, l, c, id, now)
	if err != nil {
		return in, err
	}
	in = filing.Input{Duties: facts.Duties, Filed: filedOf(facts.Actions), Phase: phase, Now: now}
	switch {
	case !published:
		if err = c.Notice.sound(); err == nil {
			in.Report, err = report.Draft(facts)
		}
	case facts.Before == nil:
		err = fmt.Errorf("%s: no revision of its report is published: leave out --published", id)
	default:
		in.Report, in.Published = *facts.Before, facts.BeforeHash
	}
	if err != nil {
		return in, err
	}
	if in.Before, err = lastKept(ctx, l, form, in.Filed); err != nil {
		return in, err
	}
	if in.ToldThere, err = toldThere(ctx, l, form.RuleOf(phase), id); err != nil {
		return in, err
	}
	in.Sample, err = sampleNotice(ctx, l, form, id, now)
	return in, err
}

// filedOf are the filings among what was done.
func filedOf(actions []report.Entry) (list []report.Filed) {
	for _, a := range actions {
		if f, err := report.FiledOf(a.Action); err == nil {
			list = append(list, f)
		}
	}
	return list
}

// lastKept is the last filing with a form of which the text was kept; nil: there is none.
func lastKept(ctx context.Context, l *ledger.Ledger, form filing.Form, filed []report.Filed) (*filing.Filing, error) {
	for _, f := range slices.Backward(filed) {
		if f.Document == "" || f.Rule != form.Rule && f.Rule != form.Completes {
			continue
		}
		doc, err := l.Document(ctx, f.Document)
		if errors.Is(err, ledger.ErrNoDocument) {
			continue // only its hash is on record
		} else if err != nil {
			return nil, err
		}
		if kept, err := filing.Parse(doc.Body); err == nil && kept.Form == form.ID {
			return &kept, nil
		}
	}
	return nil, nil
}

// toldThere counts to whom of the people there a notice went out; nil where somebody may be there of whom it is not known.
func toldThere(ctx context.Context, l *ledger.Ledger, rule, id string) (*int, error) {
	by, err := l.Sent(ctx, id)
	if err != nil {
		return nil, err
	}
	known, maybe := duties.Shipped().There(rule, by)
	if maybe > 0 {
		return nil, nil
	}
	return &known, nil
}

// sampleNotice is the notice of the last campaign as somebody would get it who is made up; "" if none is written.
func sampleNotice(ctx context.Context, l *ledger.Ledger, form filing.Form, id string, now time.Time) (string, error) {
	list, err := l.Campaigns(ctx, id)
	if err != nil {
		return "", err
	}
	for _, c := range slices.Backward(list) {
		if c.Kind != notice.Affected || c.Phase == notice.Cancelled {
			continue
		}
		d, err := l.Draft(ctx, c.Draft)
		if err != nil {
			return "", err
		}
		if _, written := d.Texts[form.Notice+"/en"]; !written {
			continue
		}
		m, err := d.Message(notice.MadeUp(d.Facts, notice.Law(form.Notice), "en"), now)
		return m.Subject + "\n\n" + m.Text, err
	}
	return "", nil
}

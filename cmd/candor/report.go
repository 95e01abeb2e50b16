package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"candor.example"
	"candor.example/internal/console"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
	"candor.example/internal/report"
	"candor.example/verify"
)

type reportCmd struct {
	Show      reportShowCmd      `cmd:"" help:"Draft the public report from the ledger, or show a published revision."`
	Set       reportSetCmd       `cmd:"" help:"Say what only people know, withhold a fact with a reason, or say by when it will be known."`
	Diff      reportDiffCmd      `cmd:"" help:"What the next revision would say otherwise than the last."`
	Statement reportStatementCmd `cmd:"" help:"A press statement of the same facts, with answers to reporters' questions."`
	Publish   reportPublishCmd   `cmd:"" help:"Publish the next revision: pages, and a log out of which nothing can be taken again."`
	Verify    reportVerifyCmd    `cmd:"" help:"Check what a publisher published, as anybody can."`
	Export    reportExportCmd    `cmd:"" help:"The report in the words of others: VERIS 1.4, or the W3C Data Privacy Vocabulary as JSON-LD."`
	Evidence  reportEvidenceCmd  `cmd:"" help:"What the hashes of the report's evidence are of, and how to compute them."`
}

// ReportConfig is candor.yaml's part about the public report.
type ReportConfig struct {
	MergeBelow int              `yaml:"merge_below"` // countries with fewer people are counted with others; 10 where it is not said
	URL        string           `yaml:"url"`         // where people read what is published, such as https://shop.example/incidents: a notice says it
	Folder     string           `yaml:"folder"`      // what a web server serves there; public under --data where it is not said
	Origin     string           `yaml:"origin"`      // the log's name, such as shop.example/candor; the publisher's domain with /candor where it is not said
	MLDSA      bool             `yaml:"mldsa"`       // a new log is signed with ML-DSA-44, too, by the key that candor keys init --mldsa makes; one that is there goes on as it began
	Witness    []report.Witness `yaml:"witness"`     // who all must cosign the log before it is published: key (cosignature/v1) and url (c2sp.org/tlog-witness)
}

func (c Config) reportOptions() report.Options {
	o := report.Options{Merge: c.Report.MergeBelow, Origin: c.Report.Origin}
	if o.Origin == "" && c.Notice.Publisher.Domain != "" {
		o.Origin = c.Notice.Publisher.Domain + "/candor"
	}
	return o
}

// sound says what is wrong before anything is drafted.
func (c ReportConfig) sound() error {
	if c.MergeBelow < 0 || c.MergeBelow == 1 {
		return errors.New("candor.yaml: report.merge_below is how many people of a country are the fewest that are named: 2 or more")
	}
	return nil
}

// reportInput is all that an incident's report is drafted from, as of now: for the command line and the console.
func reportInput(ctx context.Context, l *ledger.Ledger, c *Config, id string, now time.Time) (report.Input, error) {
	if err := c.Report.sound(); err != nil {
		return report.Input{}, err
	}
	in, err := l.ReportInput(ctx, id, now)
	if err != nil {
		return in, hinted(err)
	}
	trade, err := incident.ParseTrade(c.Trade)
	if err != nil {
		return in, err
	}
	a, err := l.Account(ctx, id)
	if err != nil {
		return in, err
	}
	s, err := console.StandingOf(ctx, l, a, trade, now)
	if err != nil {
		return in, err
	}
	c.Notice.into(&in.Facts)
	in.Severity, in.Duties, in.Options = s.Severity, s.Duties, c.reportOptions()
	return in, nil
}

// reportFlags are what every command takes that drafts a report.
type reportFlags struct {
	ledgerFlag
	configFlag
	Incident string `arg:"" help:"The incident, as 'candor incident list' names it."`
}

// input reads what a report is drafted from.
func (f reportFlags) input(ctx context.Context) (in report.Input, err error) {
	config, err := readConfig(f.Config)
	if err != nil {
		return in, err
	}
	err = withLedger(ctx, f.ledgerFlag, func(l *ledger.Ledger) error {
		in, err = reportInput(ctx, l, config, f.Incident, time.Now())
		return err
	})
	return in, err
}

// report is the last published revision, or the draft of the next, with what it is drafted from.
func (f reportFlags) report(ctx context.Context, published bool) (r verify.Report, in report.Input, err error) {
	if in, err = f.input(ctx); err != nil {
		return r, in, err
	}
	switch {
	case !published:
		r, err = report.Draft(in)
	case in.Before == nil:
		err = fmt.Errorf("%s: no revision of its report is published: leave out --published", f.Incident)
	default:
		r = *in.Before
	}
	return r, in, err
}

type reportShowCmd struct {
	reportFlags
	Revision int    `placeholder:"N" help:"A published revision (default: the draft of the next)."`
	Language string `default:"en" enum:"en,de,fr,es,it,nl,pl,pt,ja" placeholder:"TAG" help:"Of its words: en, de, fr, es, it, nl, pl, pt or ja (default: en)."`
	JSON     bool   `help:"Print as JSON: candor.report/v1, as it would be published."`
}

func (c *reportShowCmd) Help() string {
	return `Each fact has a status: known, estimated, unknown until a date, or withheld with a reason. What only people know is set with 'candor report set'.

  candor report show inc-3kq7h2mb --config candor.yaml
  candor report show inc-3kq7h2mb --revision 1 --json`
}

func (c *reportShowCmd) Run(ctx context.Context) error {
	r, err := c.report(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		b, err := report.Marshal(r)
		if err == nil {
			_, err = os.Stdout.Write(b)
		}
		return err
	}
	return printReport(os.Stdout, r, c.Language)
}

// report is the draft, or the revision that is asked for.
func (c *reportShowCmd) report(ctx context.Context) (r verify.Report, err error) {
	if c.Revision == 0 {
		r, _, err = c.reportFlags.report(ctx, false)
		return r, err
	}
	err = withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		list, err := l.Reports(ctx, c.Incident)
		if err != nil {
			return err
		}
		for _, one := range list {
			if one.Revision == c.Revision {
				r, err = l.Report(ctx, one.Hash)
				return err
			}
		}
		return fmt.Errorf("%s: %d revisions are published, and %d is none of them", c.Incident, len(list), c.Revision)
	})
	return r, err
}

type reportSetCmd struct {
	actFlags
	Incident string            `arg:"" help:"The incident, as 'candor incident list' names it."`
	Field    string            `arg:"" help:"Where the fact stands in the report, such as /cause/third_party or cause.third_party."`
	Value    string            `placeholder:"JSON" help:"It is this: JSON of the form that the report has there."`
	Text     map[string]string `placeholder:"LANGUAGE=TEXT" mapsep:"none" sep:"none" help:"It is this, in words: en=..., repeatable."`
	Estimate bool              `help:"The value is estimated; --why says how."`
	Withhold string            `placeholder:"REASON" help:"Do not say it; the reason is published."`
	Unknown  time.Time         `name:"unknown-until" format:"2006-01-02" placeholder:"DATE" help:"It is not known, and will be by this day."`
	Drafted  bool              `help:"Take back what was set: as Candor drafts it."`
}

func (c *reportSetCmd) Help() string {
	return `What the ledger knows can be withheld, but not changed by hand. What is set is in the audit, with who set it; the report names nobody.

  candor report set inc-3kq7h2mb cause.why_not_caught --text en="Our tests had no shared cache in front." --text de="..."
  candor report set inc-3kq7h2mb cause.third_party --value '"none"'
  candor report set inc-3kq7h2mb fix.fix_reference --withhold "It names an internal system."
  candor report set inc-3kq7h2mb fix.copies_purged --unknown-until 2026-12-15`
}

func (c *reportSetCmd) Run(ctx context.Context) error {
	a, err := c.action(candor.ReportSet, c.Incident)
	if err != nil {
		return err
	}
	if a.Details, err = c.details(); err != nil {
		return err
	}
	if c.Withhold != "" {
		a.Why = c.Withhold
	}
	if err := report.Sound(a); err != nil {
		return err
	}
	if err := act(ctx, c.ledgerFlag, a); err != nil {
		return err
	}
	fmt.Printf("%s: %s is set: %s\n", c.Incident, report.Pointer(c.Field), a.Details["status"])
	return nil
}

func (c *reportSetCmd) details() (map[string]string, error) {
	given := 0
	for _, is := range []bool{c.Value != "", len(c.Text) > 0, c.Withhold != "", !c.Unknown.IsZero(), c.Drafted} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, errors.New("give one of --value, --text, --withhold, --unknown-until and --drafted")
	}
	switch {
	case c.Withhold != "":
		return report.Set(c.Field, string(verify.Withheld), "", time.Time{}), nil
	case !c.Unknown.IsZero():
		return report.Set(c.Field, string(verify.Unknown), "", c.Unknown), nil
	case c.Drafted:
		return report.Set(c.Field, report.Drafted, "", time.Time{}), nil
	}
	value, status := c.Value, verify.Known
	if c.Estimate {
		status = verify.Estimated
	}
	if len(c.Text) > 0 {
		value = report.Texts(c.Field, notice.Words(c.Text))
	}
	return report.Set(c.Field, string(status), value, time.Time{}), nil
}

type reportDiffCmd struct {
	reportFlags
	JSON bool `help:"Print as JSON."`
}

func (c *reportDiffCmd) Run(ctx context.Context) error {
	in, err := c.input(ctx)
	if err != nil {
		return err
	}
	r, err := report.Draft(in)
	if err != nil {
		return err
	}
	d := report.Diff(in.Before, r)
	if c.JSON {
		return printJSON(os.Stdout, d)
	}
	printDiff(os.Stdout, r, d)
	return nil
}

type reportStatementCmd struct {
	reportFlags
	Language  string `default:"en" enum:"en,de,fr,es,it,nl,pl,pt,ja" placeholder:"TAG" help:"en, de, fr, es, it, nl, pl, pt or ja (default: en)."`
	Published bool   `help:"Of the last published revision (default: the draft of the next, which is to be published first)."`
	JSON      bool   `help:"Print as JSON."`
}

func (c *reportStatementCmd) Run(ctx context.Context) error {
	r, in, err := c.report(ctx, c.Published)
	if err != nil {
		return err
	}
	facts := in.Facts
	if c.Published {
		facts = report.Facts(r)
	}
	if err := (NoticeConfig{Publisher: facts.Publisher}).sound(); err != nil {
		return err
	}
	s, err := report.StatementOf(r, facts, c.Language)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(os.Stdout, s)
	}
	fmt.Print(s.Text())
	return nil
}

type reportEvidenceCmd struct {
	reportFlags
	Hash string `arg:"" optional:"" help:"Print this one, byte for byte."`
	JSON bool   `help:"Print as JSON."`
}

func (c *reportEvidenceCmd) Run(ctx context.Context) error {
	in, err := c.input(ctx)
	if err != nil {
		return err
	}
	list := report.Sources(in)
	switch {
	case c.Hash != "":
		return c.printOne(in)
	case c.JSON:
		return printJSON(os.Stdout, list)
	}
	for _, s := range list {
		fmt.Printf("%s  %s\n  %s\n", s.Hash, s.What, s.How)
	}
	return nil
}

func (c *reportEvidenceCmd) printOne(in report.Input) error {
	for _, d := range report.Evidence(in) {
		if d.Hash == c.Hash {
			_, err := os.Stdout.Write(d.Body)
			return err
		}
	}
	return fmt.Errorf("%s is no document that the draft as of now stands on", c.Hash)
}

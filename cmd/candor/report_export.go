package main

import (
	"context"
	"fmt"
	"os"

	"candor.example/internal/ledger"
	"candor.example/internal/report"
	"candor.example/verify"
)

type reportExportCmd struct {
	reportFlags
	As        string `required:"" enum:"veris,dpv" placeholder:"FORM" help:"veris: VERIS 1.4 JSON; dpv: the W3C Data Privacy Vocabulary 2.3 as JSON-LD."`
	Published bool   `help:"The last published revision (default: the draft of the next, as of now)."`
}

func (c *reportExportCmd) Help() string {
	return `The same facts in the words of others, always as JSON: for those who count incidents (VERIS), and for those who link data (DPV).

  candor report export inc-3kq7h2mb --as veris --published > veris.json`
}

func (c *reportExportCmd) Run(ctx context.Context) error {
	r, err := c.report(ctx)
	if err != nil {
		return err
	}
	if c.As == "dpv" {
		return printJSON(os.Stdout, report.ExportDPV(r))
	}
	return printJSON(os.Stdout, report.ExportVERIS(r))
}

// report is the last published revision, or a draft.
func (c *reportExportCmd) report(ctx context.Context) (r verify.Report, err error) {
	if !c.Published {
		in, err := c.input(ctx)
		if err != nil {
			return r, err
		}
		return report.Draft(in)
	}
	err = withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		list, err := l.Reports(ctx, c.Incident)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fmt.Errorf("%s: no revision of its report is published: leave out --published", c.Incident)
		}
		r, err = l.Report(ctx, list[len(list)-1].Hash)
		return err
	})
	return r, err
}

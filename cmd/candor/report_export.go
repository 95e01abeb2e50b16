package main

import (
	"context"
	"os"

	"candor.example/internal/report"
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
	r, _, err := c.report(ctx, c.Published)
	if err != nil {
		return err
	}
	if c.As == "dpv" {
		return printJSON(os.Stdout, report.ExportDPV(r))
	}
	return printJSON(os.Stdout, report.ExportVERIS(r))
}

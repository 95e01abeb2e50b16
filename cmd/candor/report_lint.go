package main

import (
	"fmt"
	"os"

	"candor.example/internal/notice"
	"candor.example/internal/report"
	"candor.example/verify"
)

// facts are those that letters are compared with: of a file, or of a report. Where both are given, the second value is where the two disagree (N29).
func (c *noticeLintCmd) facts() (*notice.Facts, []notice.Finding, error) {
	facts, err := readFacts(c.Facts)
	if err != nil || c.Report == "" {
		return facts, nil, err
	}
	r, err := readReport(c.Report)
	if err != nil {
		return nil, nil, err
	}
	if facts == nil {
		f := report.Facts(r)
		return &f, nil, nil
	}
	var list []notice.Finding
	for _, d := range report.AgreeFacts(*facts, r) {
		list = append(list, disagreeing(d, r))
	}
	return facts, list, nil
}

// disagreeing is a finding of N29.
func disagreeing(d report.Disagreement, r verify.Report) notice.Finding {
	var f notice.Finding
	for _, rule := range notice.Rules() {
		if rule.ID == "N29" {
			f = notice.Finding{Rule: rule.ID, Level: rule.Level, Title: rule.Title, Source: rule.Source, Mend: rule.Mend}
		}
	}
	f.Text, f.Why = d.Says, fmt.Sprintf("%s: revision %d of the report says %s", d.Where, r.Revision, d.Report)
	return f
}

func readReport(path string) (verify.Report, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return verify.Report{}, err
	}
	r, err := report.Unmarshal(b)
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

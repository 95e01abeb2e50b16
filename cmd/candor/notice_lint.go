package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"candor.example/internal/notice"
)

type noticeLintCmd struct {
	Paths  []string `arg:"" name:"path" help:"Letters: a mail (.eml), a page (.html) or text (.txt); '-' is standard input."`
	Facts  string   `placeholder:"FILE" help:"Facts to compare with (candor.facts/v1, JSON). Without: only whether a reader finds what they need."`
	Report string   `type:"path" placeholder:"FILE" help:"The public report to compare with (candor.report/v1, JSON): its numbers are the letter's, and those of --facts."`
	Law    string   `enum:",gdpr,california,viewers" default:"" placeholder:"LAW" help:"Whose template the letters follow: gdpr, california, or viewers (the letter to those who saw it). Default: california where its title stands, else gdpr."`
	JSON   bool     `help:"Print as JSON, an object a line."`
}

func (c *noticeLintCmd) Help() string {
	return `Each finding is a line: file, line and column, rule, level, the words at fault, why, where the rule comes from and how to mend it. Of a mail, lines are
counted in its header or in the part that is named, decoded. docs/notices.md lists the rules.

E blocks approval; W may stand with a written reason. Exit status: 0 no E, 1 an E was found, 2 trouble.

  candor notice lint letter.eml
  candor notice lint --facts facts.json drafts/*.html
  candor notice lint --report public/inc-3kq7h2mb/1/report.json letter.eml
  pbpaste | candor notice lint -

This is not legal advice.`
}

func (c *noticeLintCmd) Run() error {
	facts, disagree, err := c.facts()
	if err != nil {
		return err
	}
	errorsFound, warnings := len(disagree), 0
	for _, f := range disagree {
		if err := c.print(os.Stdout, c.Facts, f); err != nil {
			return err
		}
	}
	for _, path := range c.Paths {
		letter, err := readLetter(path)
		if err != nil {
			return err
		}
		letter.Law = notice.Law(c.Law)
		for _, f := range notice.Lint(letter, facts, nil) {
			if f.Level == "E" {
				errorsFound++
			} else {
				warnings++
			}
			if err := c.print(os.Stdout, path, f); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(os.Stderr, "candor: %s judged: %s (E), %s (W)\n", counted(len(c.Paths), "letter"), counted(errorsFound, "error"), counted(warnings, "warning"))
	if errorsFound > 0 {
		return errFound
	}
	return nil
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (c *noticeLintCmd) print(w io.Writer, path string, f notice.Finding) error {
	if c.JSON {
		return json.NewEncoder(w).Encode(struct {
			File string `json:"file"`
			notice.Finding
		}{path, f})
	}
	said, part := "", ""
	if f.Text != "" {
		said = fmt.Sprintf(" %q", f.Text)
	}
	if f.Part != "" {
		part = " [" + f.Part + "]"
	}
	_, err := fmt.Fprintf(w, "%s:%d:%d: %s %s%s %s:%s %s. Mend: %s (%s)\n", path, f.Line, f.Column, f.Rule, f.Level, part, f.Title, said, f.Why, strings.TrimRight(f.Mend, "."), f.Source)
	return err
}

// readLetter reads one letter, and no more of it than a letter may have.
func readLetter(path string) (notice.Letter, error) {
	var r io.Reader = os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return notice.Letter{}, err
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, notice.MaxLetter+1))
	if err != nil {
		return notice.Letter{}, fmt.Errorf("%s: %w", path, err)
	}
	return notice.ReadLetter(path, b)
}

// readFacts reads facts strictly; nil where no file is given.
func readFacts(path string) (*notice.Facts, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	d := json.NewDecoder(io.LimitReader(file, notice.MaxLetter))
	d.DisallowUnknownFields()
	var f notice.Facts
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: at byte %d: %w: facts are JSON in the form %s", path, d.InputOffset(), err, notice.FactsSchema)
	}
	if f.Schema != notice.FactsSchema {
		return nil, fmt.Errorf("%s: %w", path, errors.New(`"schema" is not `+notice.FactsSchema))
	}
	return &f, nil
}

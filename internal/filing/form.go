// Package filing writes what a regulator is told of an incident: forms as data (forms/*.yaml), filled from the report, with what only a person can
// answer marked. It is pure: no clock, no I/O. Nothing here is legal advice, and every filing says so.
//
// Start with [FormOf] and [Form.Fill]; a [Filing] prints itself as JSON, Markdown and PDF.
package filing

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"candor.example/internal/report"
)

//go:embed forms
var shipped embed.FS

// Form is what one regulator asks, as data: forms/README.md explains the fields.
type Form struct {
	ID    string `yaml:"id" json:"id"` // "gdpr": what --for names
	Title string `yaml:"title" json:"title"`
	Law   string `yaml:"law" json:"law"`
	Rule  string `yaml:"rule" json:"rule"` // duties.Rule.ID: whose duty it is
	// Completes is the rule with the clock of what follows the first notification; empty: there is none.
	Completes string `yaml:"completes" json:"completes,omitempty"`
	// A form holds from EffectiveFrom, and until EffectiveUntil where that is not empty: the day on which it holds no more.
	EffectiveFrom  string    `yaml:"effective_from" json:"effective_from"`
	EffectiveUntil string    `yaml:"effective_until" json:"effective_until,omitempty"`
	Source         string    `yaml:"source" json:"source"`
	Mark           string    `yaml:"mark" json:"mark"` // V, S or M, as in docs/duties.md
	How            string    `yaml:"how" json:"how"`   // where it is filed
	Paper          string    `yaml:"paper" json:"paper"`
	Notice         string    `yaml:"notice" json:"notice"` // the law whose notice to people is the sample: gdpr or california
	Note           string    `yaml:"note" json:"note,omitempty"`
	Lacks          []string  `yaml:"lacks" json:"lacks,omitempty"` // what the regulator's own form has and this has not
	Sections       []Section `yaml:"sections" json:"sections"`
}

// Section is a heading with its questions.
type Section struct {
	Title  string  `yaml:"title" json:"title"`
	Fields []Field `yaml:"fields" json:"fields"`
}

// Field is one question.
type Field struct {
	ID    string   `yaml:"id" json:"id"` // unique in its form
	Label string   `yaml:"label" json:"label"`
	Law   string   `yaml:"law" json:"law,omitempty"`   // where it is asked
	From  []string `yaml:"from" json:"from,omitempty"` // facts that fill it: keys of facts
	// Person is what only a person can answer. With From it is asked where these say nothing.
	Person   string `yaml:"person" json:"person,omitempty"`
	Required bool   `yaml:"required" json:"required"`
	When     string `yaml:"when" json:"when,omitempty"` // "late", "later" (after the initial one), "withdrawal"; empty: always
}

var (
	fieldID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	whens   = []string{"", "late", "later", "withdrawal"}
	papers  = []string{"A4", "Letter"}
	notices = []string{"gdpr", "california"}
)

// Forms are those that Candor comes with, by their ids.
func Forms() []Form {
	names, err := fs.Glob(shipped, "forms/*.yaml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	list := make([]Form, len(names))
	for i, name := range names {
		data, err := shipped.ReadFile(name)
		if err == nil {
			list[i], err = ParseForm(path.Base(name), data)
		}
		if err != nil {
			panic(err) // embedded, and a test parses it
		}
	}
	return list
}

// FormOf is one of Forms.
func FormOf(id string) (Form, error) {
	var ids []string
	for _, f := range Forms() {
		if f.ID == id {
			return f, nil
		}
		ids = append(ids, f.ID)
	}
	return Form{}, fmt.Errorf("there is no form %q: there are %s", id, strings.Join(ids, ", "))
}

// ParseForm reads a form strictly. Errors name the file and the field.
func ParseForm(name string, data []byte) (Form, error) {
	var f Form
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		return f, fmt.Errorf("%s:%s", name, yaml.FormatError(err, false, true))
	}
	if err := f.check(); err != nil {
		return f, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

func (f Form) check() error {
	for _, must := range []struct{ name, value string }{{"id", f.ID}, {"title", f.Title}, {"law", f.Law}, {"rule", f.Rule}, {"source", f.Source}, {"how", f.How}} {
		if strings.TrimSpace(must.value) == "" {
			return errors.New(must.name + " is missing")
		}
	}
	if !slices.Contains([]string{"V", "S", "M"}, f.Mark) {
		return errors.New("mark is none of V, S, M: say how well the source was read")
	}
	if !slices.Contains(papers, f.Paper) {
		return errors.New("paper is neither A4 nor Letter")
	}
	if !slices.Contains(notices, f.Notice) {
		return errors.New("notice is neither gdpr nor california")
	}
	if err := f.checkDates(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, s := range f.Sections {
		for _, one := range s.Fields {
			if err := one.check(); err != nil {
				return fmt.Errorf("field %q: %w", one.ID, err)
			}
			if seen[one.ID] {
				return fmt.Errorf("field %q is there twice", one.ID)
			}
			seen[one.ID] = true
		}
	}
	if len(seen) == 0 {
		return errors.New("it asks nothing")
	}
	return nil
}

func (f Form) checkDates() error {
	if _, err := time.Parse(time.DateOnly, f.EffectiveFrom); err != nil {
		return errors.New("effective_from must be a day such as 2018-05-25")
	}
	if f.EffectiveUntil == "" {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, f.EffectiveUntil); err != nil || f.EffectiveUntil <= f.EffectiveFrom {
		return errors.New("effective_until must be a day after effective_from")
	}
	return nil
}

func (f Field) check() error {
	switch {
	case !fieldID.MatchString(f.ID):
		return errors.New("id must be words of a-z and 0-9, joined by -")
	case strings.TrimSpace(f.Label) == "":
		return errors.New("label is missing")
	case len(f.From) == 0 && f.Person == "":
		return errors.New("nothing fills it: say from which facts, or what a person is asked")
	case f.Required && f.Person == "":
		return errors.New("it is required, so say what a person is asked where no fact fills it")
	case !slices.Contains(whens, f.When):
		return fmt.Errorf("when %q is none of late, later, withdrawal", f.When)
	}
	for _, name := range f.From {
		if _, known := facts[name]; !known {
			return fmt.Errorf("from %q is no fact", name)
		}
	}
	return nil
}

// asked: the question is part of a filing in this phase.
func (f Field) asked(phase string, late bool) bool {
	switch f.When {
	case "late":
		return late
	case "later":
		return phase == report.FollowUp || phase == report.Final
	case "withdrawal":
		return phase == report.Withdrawal
	}
	return true
}

// inForce says why a form does not hold on a day, or "".
func (f Form) inForce(at time.Time) string {
	day := at.UTC().Format(time.DateOnly)
	switch {
	case day < f.EffectiveFrom:
		return "this form holds from " + f.EffectiveFrom
	case f.EffectiveUntil != "" && day >= f.EffectiveUntil:
		return "this form held until " + f.EffectiveUntil
	}
	return ""
}

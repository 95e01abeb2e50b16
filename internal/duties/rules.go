// Package duties says who must be told of an incident, by when, and why: rules as data (duties.yaml), judged by a small
// vocabulary of triggers. Start with [Judge]. Its functions are pure: facts in, duties out. Nothing here is legal advice, and every output
// says so.
package duties

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Advice stands wherever a duty or a deadline is shown.
const Advice = "This is not legal advice: it is computed from rules that may be wrong or out of date. Ask a lawyer."

//go:embed duties.yaml
var shipped []byte

// Rules are what Judge judges by.
type Rules struct {
	Places map[string][]string `yaml:"places"`
	Rules  []Rule              `yaml:"rules"`
}

// Rule is one duty as a law has it. duties.yaml explains the fields.
type Rule struct {
	ID    string `yaml:"id" json:"id"`
	Place string `yaml:"place" json:"place"`
	Law   string `yaml:"law" json:"law"`
	Tell  string `yaml:"tell" json:"tell"`
	// Authority is who is told where Tell is "regulator"; empty otherwise.
	Authority string `yaml:"authority" json:"authority,omitempty"`
	Trigger   string `yaml:"trigger" json:"trigger"`
	OrOver    int    `yaml:"or_over" json:"or_over,omitempty"`
	Over      int    `yaml:"over" json:"over,omitempty"`
	From      int    `yaml:"from" json:"from,omitempty"`
	Clock     Clock  `yaml:"clock" json:"clock"`
	// A rule holds from EffectiveFrom, and until EffectiveUntil where that is not empty: the day on which it holds no more. In UTC.
	EffectiveFrom  string `yaml:"effective_from" json:"effective_from"`
	EffectiveUntil string `yaml:"effective_until" json:"effective_until,omitempty"`
	Enabled        *bool  `yaml:"enabled" json:"enabled,omitempty"` // nil: yes
	Source         string `yaml:"source" json:"source"`
	Mark           string `yaml:"mark" json:"mark"`
	Note           string `yaml:"note" json:"note,omitempty"`
}

// Clock is from which moment, and how long. All zero but From: without undue delay.
type Clock struct {
	From         string `yaml:"from" json:"from"`
	Hours        int    `yaml:"hours" json:"hours,omitempty"`
	Days         int    `yaml:"days" json:"days,omitempty"`
	BusinessDays int    `yaml:"business_days" json:"business_days,omitempty"`
	Calendar     string `yaml:"calendar" json:"calendar,omitempty"`
}

// String says the clock in words.
func (c Clock) String() string {
	from := " from " + c.From
	switch {
	case c.Hours > 0:
		return fmt.Sprintf("%d hours", c.Hours) + from
	case c.Days > 0:
		return fmt.Sprintf("%d days", c.Days) + from
	case c.BusinessDays > 0:
		return fmt.Sprintf("%d business days (%s)", c.BusinessDays, c.Calendar) + from
	}
	return "without undue delay" + from
}

// The closed vocabularies.
var (
	tells    = []string{"regulator", "people", "controller", "record", "assess"}
	triggers = []string{"any", "risk", "high-risk", "serious-harm", "listed", "listed-or-login", "relevant-risk", "processor"}
	froms    = []string{"aware", "discovery", "determined", "notice"}
	marks    = []string{"V", "S", "M"}
	ruleID   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// Shipped are the rules that Candor comes with.
func Shipped() *Rules {
	r, err := Parse("duties.yaml", shipped)
	if err != nil {
		panic(err) // embedded, and a test parses it
	}
	return r
}

// maxRules is how large a file of rules may be, in bytes; the shipped one is 12 KB.
const maxRules = 1 << 20

// Parse reads rules strictly. Errors name the file, the line and the rule.
func Parse(name string, data []byte) (*Rules, error) {
	if len(data) > maxRules {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, maxRules)
	}
	// Aliases multiply what a small file holds, and no file of rules needs them.
	if bytes.Contains(data, []byte("*")) {
		return nil, fmt.Errorf(`%s:%d: "*" has no place in a file of rules: write it out`, name, 1+bytes.Count(data[:bytes.IndexByte(data, '*')], []byte("\n")))
	}
	var r Rules
	if err := yaml.UnmarshalWithOptions(data, &r, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s:%s", name, yaml.FormatError(err, false, true))
	}
	if len(r.Rules) == 0 {
		return nil, fmt.Errorf("%s: holds no rules", name)
	}
	lines := ruleLines(data)
	seen := map[string]bool{}
	for i, rule := range r.Rules {
		err := rule.check(r.Places)
		if err == nil && seen[rule.ID] {
			err = errors.New("the id is used twice")
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: rule %d %q: %w", name, lines[min(i, len(lines)-1)], i+1, rule.ID, err)
		}
		seen[rule.ID] = true
	}
	return &r, nil
}

// ruleLines are the lines on which the rules begin; one line at least.
func ruleLines(data []byte) (lines []int) {
	f, err := parser.ParseBytes(data, 0)
	if err == nil {
		for _, doc := range f.Docs {
			if m, ok := doc.Body.(*ast.MappingNode); ok {
				lines = append(lines, linesOf(m.Values)...)
			} else if m, ok := doc.Body.(*ast.MappingValueNode); ok {
				lines = append(lines, linesOf([]*ast.MappingValueNode{m})...)
			}
		}
	}
	if len(lines) == 0 {
		return []int{1}
	}
	return lines
}

func linesOf(members []*ast.MappingValueNode) (lines []int) {
	for _, m := range members {
		if list, ok := m.Value.(*ast.SequenceNode); ok && m.Key.String() == "rules" {
			for _, item := range list.Values {
				lines = append(lines, item.GetToken().Position.Line)
			}
		}
	}
	return lines
}

func (r Rule) check(places map[string][]string) error {
	switch {
	case !ruleID.MatchString(r.ID):
		return errors.New("id must be words of a-z and 0-9, joined by -")
	case len(places[r.Place]) == 0:
		return fmt.Errorf("place %q is not under places", r.Place)
	case strings.TrimSpace(r.Law) == "":
		return errors.New("law is missing")
	case strings.TrimSpace(r.Source) == "":
		return errors.New("source is missing: say where it was read")
	case (r.Tell == "regulator") != (r.Authority != ""):
		return errors.New("authority says who is told by a rule that tells a regulator, and by no other")
	case r.OrOver < 0 || r.Over < 0 || r.From < 0:
		return errors.New("or_over, over and from must not be negative")
	}
	return errors.Join(oneOf("tell", r.Tell, tells), oneOf("trigger", r.Trigger, triggers), oneOf("mark", r.Mark, marks), r.Clock.check(), r.checkDates())
}

func oneOf(field, value string, words []string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return fmt.Errorf("%s %q is none of %s", field, value, strings.Join(words, ", "))
}

// maxClock is the longest period in hours or days: no law that is known has more than 90 days.
const maxClock = 10_000

func (c Clock) check() error {
	set := 0
	for _, n := range []int{c.Hours, c.Days, c.BusinessDays} {
		if n < 0 || n > maxClock {
			return fmt.Errorf("a clock runs from 0 to %d", maxClock)
		}
		if n > 0 {
			set++
		}
	}
	if set > 1 {
		return errors.New("a clock has hours, days or business_days, one of them")
	}
	if c.BusinessDays > 0 != (c.Calendar == "BR") || c.Calendar != "" && c.Calendar != "BR" {
		return errors.New("business_days need a calendar, and the only one that is known is BR")
	}
	return oneOf("clock.from", c.From, froms)
}

func (r Rule) checkDates() error {
	if _, err := time.Parse(time.DateOnly, r.EffectiveFrom); err != nil {
		return errors.New("effective_from must be a day such as 2018-05-25")
	}
	if r.EffectiveUntil == "" {
		return nil
	}
	if _, err := time.Parse(time.DateOnly, r.EffectiveUntil); err != nil || r.EffectiveUntil <= r.EffectiveFrom {
		return errors.New("effective_until must be a day after effective_from")
	}
	return nil
}

// Disabled: it holds nowhere, whatever its dates say.
func (r Rule) Disabled() bool { return r.Enabled != nil && !*r.Enabled }

// inForce says why a rule does not hold at a time, or "".
func (r Rule) inForce(at time.Time) string {
	day := at.UTC().Format(time.DateOnly)
	switch {
	case r.Disabled():
		return "the rule is disabled: " + r.Note
	case day < r.EffectiveFrom:
		return "in force from " + r.EffectiveFrom
	case r.EffectiveUntil != "" && day >= r.EffectiveUntil:
		return "in force until " + r.EffectiveUntil
	}
	return ""
}

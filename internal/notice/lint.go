package notice

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
)

//go:embed rules.yaml
var rulesYAML []byte

// Rule is one rule, as rules.yaml has it.
type Rule struct {
	ID             string `yaml:"id" json:"id"`
	Level          string `yaml:"level" json:"level"` // "E" blocks approval, "W" may stand with a reason
	Title          string `yaml:"title" json:"title"`
	Source         string `yaml:"source" json:"source"`
	EffectiveFrom  string `yaml:"effective_from" json:"effective_from"`
	EffectiveUntil string `yaml:"effective_until" json:"effective_until,omitempty"`
	Looks          string `yaml:"looks" json:"looks"`
	Mend           string `yaml:"mend" json:"mend"`
	Viewers        bool   `yaml:"viewers" json:"viewers,omitempty"`
}

// Rules are all of them, in the order of their ids.
var Rules = sync.OnceValue(func() []Rule {
	var file struct {
		Rules []Rule `yaml:"rules"`
	}
	if err := yaml.UnmarshalWithOptions(rulesYAML, &file, yaml.Strict()); err != nil {
		panic(err) // embedded, and a test parses it
	}
	return file.Rules
})

func ruleOf(id string) Rule {
	list := Rules()
	return list[slices.IndexFunc(list, func(r Rule) bool { return r.ID == id })]
}

// ended: the rule no more holds on a day. One that did not hold yet is judged by all the same: nobody is worse off for a better letter.
func (r Rule) ended(at time.Time) bool {
	return r.EffectiveUntil != "" && r.EffectiveUntil <= at.UTC().Format(time.DateOnly)
}

// Finding is one fault of a letter.
type Finding struct {
	Rule   string `json:"rule"`
	Level  string `json:"level"`
	Title  string `json:"title"`
	Source string `json:"source"`
	Text   string `json:"text,omitempty"` // the words at fault, at most 200 bytes; empty where something is missing
	Why    string `json:"why"`
	Part   string `json:"part,omitempty"` // of a mail: "header", "text/plain" or "text/html", in which lines are counted
	Line   int    `json:"line"`
	Column int    `json:"column"` // in characters
	Mend   string `json:"mend"`
}

// maxText is how much of the words at fault a Finding shows, in bytes; maxFindings how many one rule may have in one letter.
const (
	maxText     = 200
	maxFindings = 20
)

// Lint judges a letter by the rules of NOTICES §1. With facts it compares; without, it looks only whether a reader finds what they need. p is whose
// letter it is; nil: not known. What only a campaign knows, LintCampaign judges. Findings are in the order of their places.
func Lint(l Letter, f *Facts, p *Person) []Finding {
	j := newJudge(l, f, p)
	at := time.Time{}
	if f != nil {
		at = f.AsOf
	}
	for _, r := range Rules() {
		check := checks[r.ID]
		if check == nil || r.ended(at) || j.law == ToViewers && !r.Viewers {
			continue
		}
		if j.lang == "" && wordRules[r.ID] {
			continue
		}
		j.rule = r
		check(j)
	}
	slices.SortStableFunc(j.found, func(a, b Finding) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return j.found
}

// checks are the rules that a single letter is judged by.
var checks = map[string]func(*judge){
	"N01": (*judge).fields, "N02": (*judge).toWhom, "N03": (*judge).when, "N04": (*judge).where, "N05": (*judge).cause, "N06": (*judge).fix,
	"N07": (*judge).howMany, "N08": (*judge).consequences, "N09": (*judge).advice, "N10": (*judge).notDisclosed, "N11": (*judge).contact,
	"N12": (*judge).identity, "N13": (*judge).dated, "N14": (*judge).template, "N15": (*judge).regulators, "N16": (*judge).hedges,
	"N17": (*judge).phrases, "N18": (*judge).agent, "N19": (*judge).links, "N20": (*judge).checkable, "N21": (*judge).commercial,
	"N22": (*judge).subject, "N23": (*judge).readable, "N24": (*judge).language, "N25": (*judge).parts, "N26": (*judge).greeting,
	"N27": (*judge).mailHeader, "N28": (*judge).mailbox, "N29": (*judge).numbers, "N32": (*judge).apology,
}

// wordRules need word lists in the letter's language.
var wordRules = map[string]bool{"N01": true, "N02": true, "N03": true, "N04": true, "N05": true, "N06": true, "N07": true, "N08": true, "N09": true,
	"N10": true, "N11": true, "N13": true, "N15": true, "N16": true, "N17": true, "N18": true, "N20": true, "N21": true, "N22": true, "N23": true, "N29": true, "N32": true}

// judge is one letter before the rules.
type judge struct {
	letter  Letter
	facts   *Facts
	person  *Person
	w       *wordLists
	lang    string // key of the word lists; empty: there are none for this language
	guessed string // the language that the words are in; empty: not certain
	law     Law
	main    []*sentence   // of the part that has to be complete: text/plain, where there is one
	all     [][]*sentence // of each part
	figures map[*sentence]figures

	rule  Rule
	found []Finding
}

func newJudge(l Letter, f *Facts, p *Person) *judge {
	j := &judge{letter: l, facts: f, person: p, w: theWords(), law: l.Law, figures: map[*sentence]figures{}}
	j.guessed = guessLanguage(l, j.w)
	j.lang, _, _ = strings.Cut(strings.ToLower(l.Lang), "-")
	switch {
	case j.guessed != "":
		j.lang = j.guessed // the words are judged as what they are; N24 says where the letter calls them something else
	case j.lang == "":
		j.lang = "en"
	case !slices.Contains(Languages, j.lang):
		j.lang = ""
	}
	for _, part := range l.parts() {
		j.all = append(j.all, part.sentences(j.lang, j.w))
	}
	if len(j.all) > 0 {
		j.main = j.all[0]
	}
	if j.law == "" {
		j.law = GDPR
		if j.hasLine(californiaTitle) {
			j.law = California
		}
	}
	return j
}

// guessLanguage is the language whose commonest words are most of a letter's, where that is clear.
func guessLanguage(l Letter, w *wordLists) string {
	if len(l.parts()) == 0 {
		return ""
	}
	var text strings.Builder
	for _, b := range l.parts()[0].Blocks {
		if text.Len() < 64<<10 {
			text.WriteString(b.Text + " ")
		}
	}
	folded := fold(text.String())
	best, most, second := "", 0, 0
	for _, lang := range Languages {
		n := len(findAll(w.of("common", lang), folded))
		if n > most {
			best, most, second = lang, n, most
		} else if n > second {
			second = n
		}
	}
	if most < 8 || most < second+second/4 {
		return ""
	}
	return best
}

func (j *judge) figuresOf(s *sentence) figures {
	f, ok := j.figures[s]
	if !ok {
		f = figuresIn(s.text, j.monthFirst())
		j.figures[s] = f
	}
	return f
}

// monthFirst: in the United States 11/12/2018 is in November.
func (j *judge) monthFirst() bool {
	return j.law == California || strings.EqualFold(j.letter.Lang, "en-us")
}

func (j *judge) has(s *sentence, lists ...string) bool { return s.has(j.w, lists...) }

// any: one of the sentences that a reader of the main part sees has words of all these lists.
func (j *judge) any(lists ...string) bool {
	return slices.ContainsFunc(j.main, func(s *sentence) bool {
		return !slices.ContainsFunc(lists, func(list string) bool { return !j.has(s, list) })
	})
}

func (j *judge) add(f Finding) {
	n := 0
	for _, o := range j.found {
		if o.Rule == j.rule.ID {
			n++
			if o.Text == f.Text && o.Why == f.Why && f.Text != "" {
				return // the other part says the same
			}
		}
	}
	if n >= maxFindings {
		return
	}
	f.Rule, f.Level, f.Title, f.Source, f.Mend = j.rule.ID, cmp.Or(f.Level, j.rule.Level), j.rule.Title, j.rule.Source, j.rule.Mend
	f.Text = clip(f.Text)
	f.Line, f.Column = max(1, f.Line), max(1, f.Column)
	j.found = append(j.found, f)
}

// missing: something is not there.
func (j *judge) missing(why string, args ...any) {
	part := ""
	if j.letter.Headers != nil && len(j.letter.parts()) > 0 {
		part = j.letter.parts()[0].Type
	}
	j.add(Finding{Why: fmt.Sprintf(why, args...), Part: part})
}

// at: these folded bytes of a sentence are at fault.
func (j *judge) at(s *sentence, where []int, why string, args ...any) {
	line, column := s.place(where[0])
	part := ""
	if j.letter.Headers != nil {
		part = s.part.Type
	}
	j.add(Finding{Text: s.said(where[0], where[1]), Why: fmt.Sprintf(why, args...), Part: part, Line: line, Column: column})
}

// faults are all places of a list, in every part, that quote nobody.
func (j *judge) faults(list, why string) {
	for _, sentences := range j.all {
		for _, s := range sentences {
			if s.block.Kind == Quote {
				continue
			}
			for _, where := range s.find(j.w, list) {
				if !s.quoted(where[0], where[1]) {
					j.at(s, where, "%s", why)
				}
			}
		}
	}
}

// clip cuts a text to maxText bytes, between characters.
func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= maxText {
		return s
	}
	cut := maxText - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

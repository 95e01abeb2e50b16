package notice

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/unicode/norm"
)

//go:embed lint_words.yaml
var wordsYAML []byte

// wordLists are the words by which rules see what is said; lint_words.yaml explains its form.
type wordLists struct {
	Lists    map[string]map[string][]string `yaml:"lists"`
	compiled sync.Map                       // "list/lang" to *regexp.Regexp, made when it is first asked for: all of them take seconds
	abbrevs  map[string]map[string]bool     // by language
}

var theWords = sync.OnceValue(func() *wordLists {
	w, err := parseWords(wordsYAML)
	if err != nil {
		panic(err) // embedded, and a test parses it
	}
	return w
})

func parseWords(b []byte) (*wordLists, error) {
	w := &wordLists{abbrevs: map[string]map[string]bool{}}
	if err := yaml.UnmarshalWithOptions(b, w, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("lint_words.yaml:%s", yaml.FormatError(err, false, true))
	}
	for list, langs := range w.Lists {
		for lang := range langs {
			if lang != "all" && !slices.Contains(Languages, lang) {
				return nil, fmt.Errorf("lint_words.yaml: list %s: %q is no language that Candor drafts in", list, lang)
			}
		}
	}
	for lang, list := range w.Lists["abbreviation"] {
		w.abbrevs[lang] = map[string]bool{}
		for _, a := range list {
			w.abbrevs[lang][a] = true
		}
	}
	return w, nil
}

// of is the expression of a list in a language; nil where it has no words there. That each compiles, a test checks.
func (w *wordLists) of(list, lang string) *regexp.Regexp {
	name := list + "/" + lang
	if re, ok := w.compiled.Load(name); ok {
		return re.(*regexp.Regexp)
	}
	patterns := append(slices.Clone(w.Lists[list][lang]), w.Lists[list]["all"]...)
	var re *regexp.Regexp
	if len(patterns) > 0 {
		re = regexp.MustCompile(expression(patterns, lang))
	}
	w.compiled.Store(name, re)
	return re
}

func (w *wordLists) abbreviation(lang, word string) bool {
	return w.abbrevs[lang][strings.ToLower(strings.TrimLeft(word, "(\"„“"))]
}

// topics are what sections are about, in the order in which a heading is tried.
var topics = []string{"topic-information", "topic-doing", "topic-advice", "topic-contact", "topic-consequence", "topic-happened"}

func (w *wordLists) topic(lang string, s *sentence) string {
	for _, t := range topics {
		if s.has(w, t) {
			return t
		}
	}
	return ""
}

// expression is one for all of a list's patterns. RE2 matches in linear time whatever the text.
func expression(patterns []string, lang string) string {
	var all []string
	for _, p := range patterns {
		all = append(all, patternOf(p, lang))
	}
	body := "(?:" + strings.Join(all, "|") + ")"
	if lang == "ja" { // words are not separated
		return "(" + body + ")"
	}
	return `(?:^|[^\pL\pN])(` + body + `)(?:$|[^\pL\pN])`
}

// patternOf turns "take* ... our|your security seriously" into an expression: alternatives, any ending, up to six words between.
func patternOf(pattern, lang string) string {
	between, gap, ending := ` `, `(?:[^ ]+ ){0,6}?`, `[\pL\pN'-]*`
	if lang == "ja" {
		between, gap, ending = ` ?`, `[^。]{0,20}?`, ``
	}
	if raw, ok := strings.CutPrefix(pattern, "re:"); ok {
		return norm.NFKD.String(raw)
	}
	var b strings.Builder
	afterGap := true
	for token := range strings.FieldsSeq(pattern) {
		if token == "..." {
			if lang != "ja" {
				b.WriteString(between)
			}
			b.WriteString(gap)
			afterGap = true
			continue
		}
		if !afterGap {
			b.WriteString(between)
		}
		afterGap = false
		var options []string
		for option := range strings.SplitSeq(token, "|") {
			stem, open := strings.CutSuffix(option, "*")
			text := regexp.QuoteMeta(fold(stem))
			if open {
				text += ending
			}
			options = append(options, text)
		}
		b.WriteString("(?:" + strings.Join(options, "|") + ")")
	}
	return b.String()
}

// findAll are the matches of the first group; matches may share the character that bounds them.
func findAll(re *regexp.Regexp, text string) (list [][]int) {
	for at := 0; at <= len(text); {
		m := re.FindStringSubmatchIndex(text[at:])
		if m == nil || m[3] == m[2] {
			return list
		}
		list = append(list, []int{at + m[2], at + m[3]})
		at += m[3] // the bounding character may bound the next one, too
	}
	return list
}

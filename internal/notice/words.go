package notice

import (
	"bytes"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// wordFiles hold all words of all languages: one file a language, for translators.
//
//go:embed words/*.yaml
var wordFiles embed.FS

// words are one file: what is filled in for each person, and what is the same for everybody.
type words struct {
	Person Phrases `yaml:"person"`
	Draft  Phrases `yaml:"draft"`
}

// Phrases are the words of one language by key, with {places} to be filled. A key that ends in a plural form of CLDR (".one", ".few",
// ".many", ".other") is chosen by a number.
type Phrases map[string]string

// allWords are the files by language. What is embedded is tested to be readable.
var allWords = sync.OnceValues(func() (map[string]words, error) {
	all := map[string]words{}
	for _, lang := range Languages {
		name := "words/" + lang + ".yaml"
		b, err := wordFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var w words
		if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(&w); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[lang] = w
	}
	return all, nil
})

// speech is one language being spoken: phrases, and the rules that are in no file.
type speech struct {
	tag     language.Tag
	phrases []Phrases // the first that has a key is asked
	zone    *time.Location
	missing error // the first key or place that was not there
}

func (s *speech) phrase(key string) (string, bool) {
	for _, p := range s.phrases {
		if text, ok := p[key]; ok {
			return text, true
		}
	}
	return "", false
}

// say is a phrase with its places filled from pairs of name and value. What stands for one person stays, for fill at send time.
func (s *speech) say(key string, pairs ...string) string {
	text, ok := s.phrase(key)
	if !ok {
		s.fail("words/%s.yaml: there is no %q", s.tag, key)
		return ""
	}
	out, err := fill(text, func(name string) (string, bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "{" + name + "}", slices.Contains(places, name)
	})
	if err != nil {
		s.fail("words/%s.yaml: %s: %w", s.tag, key, err)
	}
	return out
}

func (s *speech) fail(format string, a ...any) {
	if s.missing == nil {
		s.missing = fmt.Errorf(format, a...)
	}
}

var forms = map[plural.Form]string{plural.Zero: ".zero", plural.One: ".one", plural.Two: ".two", plural.Few: ".few", plural.Many: ".many"}

// count is say for a phrase that depends on a number, which is its place {n}.
func (s *speech) count(key string, n int, pairs ...string) string {
	form := plural.Cardinal.MatchPlural(s.tag, n%10_000_000, 0, 0, 0, 0)
	suffix := forms[form]
	if _, ok := s.phrase(key + suffix); suffix == "" || !ok {
		suffix = ".other"
	}
	return s.say(key+suffix, append([]string{"n", s.number(n)}, pairs...)...)
}

// number groups digits as the language does, never at a place where a line may end.
func (s *speech) number(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return message.NewPrinter(s.tag).Sprint(number.Decimal(n))
}

// list is "a, b and c".
func (s *speech) list(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	last := len(items) - 1
	return strings.Join(items[:last], s.say("comma")) + s.say("and") + items[last]
}

// join puts sentences behind each other. Empty ones are left out.
func (s *speech) join(sentences ...string) string {
	return strings.Join(slices.DeleteFunc(sentences, func(t string) bool { return t == "" }), s.say("gap"))
}

// date is a day in the publisher's zone. Some languages write the first of a month differently: "date.first".
func (s *speech) date(t time.Time) string {
	t = t.In(s.zone)
	pairs := []string{"day", strconv.Itoa(t.Day()), "month", s.nth("months", 12, int(t.Month())-1), "year", strconv.Itoa(t.Year())}
	if _, ok := s.phrase("weekdays"); ok {
		pairs = append(pairs, "weekday", s.nth("weekdays", 7, int(t.Weekday())))
	}
	key := "date"
	if _, ok := s.phrase("date.first"); ok && t.Day() == 1 {
		key = "date.first"
	}
	return s.say(key, pairs...)
}

// nth is one of the words of a phrase.
func (s *speech) nth(key string, of, n int) string {
	all := strings.Fields(s.say(key))
	if len(all) != of {
		s.fail("words/%s.yaml: %s are not %d words", s.tag, key, of)
		return ""
	}
	return all[n]
}

func (s *speech) clock(t time.Time) string { return t.In(s.zone).Format(s.say("clock")) }

// zoneName is Go's abbreviation, or the language's own for it ("zone.CET: MEZ"). Where a zone has none, Go writes its offset.
func (s *speech) zoneName(t time.Time) string {
	name, _ := t.In(s.zone).Zone()
	if own, ok := s.phrase("zone." + name); ok {
		return own
	}
	if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") {
		return "UTC" + name
	}
	return name
}

func (s *speech) moment(t time.Time) string { return s.time("moment", t) }
func (s *speech) at(t time.Time) string     { return s.time("at", t) }

func (s *speech) time(key string, t time.Time) string {
	return s.say(key, "date", s.date(t), "time", s.clock(t), "zone", s.zoneName(t))
}

// within is from when to when, by the minute, as it is said in one zone.
func (s *speech) within(first, last time.Time) string {
	first, last = first.In(s.zone), last.In(s.zone)
	switch {
	case s.moment(first) == s.moment(last):
		return s.at(first)
	case s.date(first) == s.date(last) && s.zoneName(first) == s.zoneName(last):
		return s.say("within-day", "date", s.date(first), "from", s.clock(first), "to", s.clock(last), "zone", s.zoneName(last))
	}
	return s.say("within-days", "first", s.moment(first), "last", s.moment(last))
}

// own is the text in the language, or else in one that the publisher has: it is a fact, and left out nowhere.
func (w Words) own(langs ...string) string {
	for _, lang := range langs {
		if text := w[lang]; text != "" {
			return clean(text)
		}
	}
	for _, lang := range slices.Sorted(maps.Keys(w)) {
		return clean(w[lang])
	}
	return ""
}

// clean is a fact as it may stand in a source: one line, and nothing that could be taken for a place to be filled.
func clean(s string) string {
	s = strings.NewReplacer("{", "(", "}", ")").Replace(strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || forbidden(r) }), " ")
}

// ended ends with a full stop.
func ended(s string) string {
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "。") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

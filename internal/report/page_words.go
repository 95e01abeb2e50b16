package report

import (
	"bytes"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"

	"candor.example/internal/notice"
	"candor.example/verify"
)

//go:embed web/words/*.yaml
var pageWordFiles embed.FS

// pageWords are the words of the pages by language. What is embedded is tested to be readable.
var pageWords = sync.OnceValues(func() (map[string]notice.Phrases, error) {
	all := map[string]notice.Phrases{}
	for _, lang := range notice.Languages {
		b, err := pageWordFiles.ReadFile("web/words/" + lang + ".yaml")
		if err != nil {
			return nil, err
		}
		var p notice.Phrases
		if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(&p); err != nil {
			return nil, fmt.Errorf("words/%s.yaml: %w", lang, err)
		}
		all[lang] = p
	}
	return all, nil
})

// voice speaks a page: its own words, and behind them those of notices.
type voice struct {
	*notice.Voice
	Lang string
	zone *time.Location
	// others are the languages in which a text is shown that is not there in Lang, the best first.
	others []string
}

func newVoice(r verify.Report, lang string) (voice, error) {
	all, err := pageWords()
	if err != nil {
		return voice{}, err
	}
	zone, err := time.LoadLocation(r.Publisher.Zone)
	if err != nil {
		return voice{}, fmt.Errorf("publisher.zone: %w", err)
	}
	v, err := notice.Speak(notice.Facts{Publisher: notice.Publisher{Zone: r.Publisher.Zone}}, lang, all[lang])
	return voice{Voice: v, Lang: lang, zone: zone, others: append([]string{"en"}, r.Languages...)}, err
}

// text is a piece of a page. It is written as it stands, as text.
type text struct {
	Text string
	Lang string // where it is not the page's
	ISO  string // of a time
	Code bool   // for programs
}

func plain(s string) text { return text{Text: shown(s)} }
func code(s string) text  { return text{Text: shown(s), Code: true} }

// shown leaves out what could turn a line around or hide in it (Unicode TR 36 §2): what a report says is not trusted.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) && r != '\u200C' && r != '\u200D':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// texts are those of lines that are not empty.
func texts(lines ...string) (all []text) {
	for _, line := range lines {
		if line != "" {
			all = append(all, plain(line))
		}
	}
	return all
}

// own is a publisher's text in the page's language, or else in another that there is, and says in which.
func (v voice) own(w verify.Words) text {
	if w[v.Lang] != "" {
		return plain(w[v.Lang])
	}
	for _, lang := range append(v.others, slices.Sorted(maps.Keys(w))...) {
		if w[lang] != "" {
			return text{Text: shown(w[lang]), Lang: shown(lang)}
		}
	}
	return text{}
}

// word is the word for a code, such as "field.email" for "email", or else the code.
func (v voice) word(prefix, name string) text {
	if v.Has(prefix + name) {
		return plain(v.Say(prefix + name))
	}
	return code(name)
}

// words are those of a list of codes, in one line.
func (v voice) words(prefix string, names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = v.word(prefix, name).Text
	}
	return v.List(list)
}

// moment is a time with its zone, on the page and for programs.
func (v voice) moment(t time.Time) text {
	return text{Text: v.Moment(t), ISO: t.UTC().Format(time.RFC3339)}
}

// short writes a time below the plot or in a table, as fine as it is asked.
func (v voice) short(t time.Time) string {
	months := strings.Fields(v.Say("short-months"))
	t = t.In(v.zone)
	day := v.Say("tick.day", "day", fmt.Sprint(t.Day()), "month", months[t.Month()-1])
	return day + ", " + v.clock(t)
}

func (v voice) clock(t time.Time) string { return t.In(v.zone).Format(v.Say("clock")) }

// zoneName is the zone's abbreviation, or the language's own for it.
func (v voice) zoneName(t time.Time) string {
	name, _ := t.In(v.zone).Zone()
	if v.Has("zone." + name) {
		return v.Say("zone." + name)
	}
	return name
}

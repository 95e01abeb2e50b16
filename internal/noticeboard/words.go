package noticeboard

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"candor.example"
	"candor.example/internal/notice"
)

// words are what the page says in one language.
type words struct {
	Title, Lead, None                         string
	Sent, Doubt, Queued, Post, Unsent, Here   string
	Code, Nocode, Unshown                     string
	Check, Checklead, Label, Hint, Button     string
	Known, Unknown                            string
	Ask, Deleted, Kept, Contact, Send, Thanks string
	Signin, Wrong, Busy, Trouble              string
}

//go:embed words.yaml
var wordsFile []byte

// allWords are read when the first page is asked for: most commands show none.
var allWords = sync.OnceValue(func() (all map[string]words) {
	if err := yaml.UnmarshalWithOptions(wordsFile, &all, yaml.Strict()); err != nil {
		panic(err) // a test reads them first
	}
	return all
})

// wordsOf are those of a language.
func wordsOf(lang string) words { return allWords()[spoken(lang)] }

// spoken is the language of which a tag is a variety, if there are words in it, else English.
func spoken(tag string) string {
	base, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if slices.Contains(notice.Languages, base) {
		return base
	}
	return "en"
}

// Said is an answer in words.
func (w words) Said(answer string) string {
	return map[string]string{candor.AnswerDeleted: w.Deleted, candor.AnswerNone: w.Kept, candor.AnswerContact: w.Contact}[answer]
}

// fill puts values in the places of a text: fill("on {day}", "day", "…").
func fill(text string, pairs ...string) string {
	for i := range pairs {
		if i%2 == 0 {
			pairs[i] = "{" + pairs[i] + "}"
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

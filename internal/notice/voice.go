package notice

import (
	"fmt"
	"time"
)

// Voice says in one language what a notice says to everybody, sentence by sentence, so that a report and a press statement say the same; and it
// lends its rules of that language to words of others. Sentences about what does not apply are empty.
type Voice struct {
	author
	all teller // a person of whom everything was shown that was shown of anybody
}

// Speak makes the voice of one of Languages. own are words that are asked before those of notices; nil: there are none.
func Speak(f Facts, lang string, own Phrases) (*Voice, error) {
	all, err := allWords()
	if err != nil {
		return nil, err
	}
	w, ok := all[lang]
	if !ok {
		return nil, fmt.Errorf("notice: there are no words in %q", lang)
	}
	v := &Voice{author: author{Facts: f, kind: Affected, lang: lang, speech: speaker(lang, f, w.Person, w.Draft)}}
	v.phrases = []Phrases{own, v.personal(w.Person), w.Draft}
	v.all = teller{Person: Person{Kinds: f.Kinds, Credentials: f.Credentials, Looked: f.Looked}, facts: f, kind: Viewers, speech: v.speech}
	return v, v.Err()
}

// Err is the first word that was missing.
func (v *Voice) Err() error {
	if v.missing == nil {
		return v.all.missing
	}
	return v.missing
}

// Say is a phrase with its places filled from pairs of name and value; Count one that depends on a number, which is its place {n}.
func (v *Voice) Say(key string, pairs ...string) string          { return v.say(key, pairs...) }
func (v *Voice) Count(key string, n int, pairs ...string) string { return v.count(key, n, pairs...) }

// Has: is there such a phrase?
func (v *Voice) Has(key string) bool { _, ok := v.phrase(key); return ok }

// Date is a day, At a moment behind "it was", and Moment one behind "since", in the publisher's zone.
func (v *Voice) Date(t time.Time) string   { return v.date(t) }
func (v *Voice) At(t time.Time) string     { return v.at(t) }
func (v *Voice) Moment(t time.Time) string { return v.moment(t) }

// List is "a, b and c"; Join puts sentences behind each other; Own is a publisher's own text in this language, or in one that there is.
func (v *Voice) List(items []string) string          { return v.list(items) }
func (v *Voice) Join(sentences ...string) string     { return v.join(sentences...) }
func (v *Voice) Own(w map[string]string) string      { return Words(w).own(v.langs()...) }
func (v *Voice) Number(n int) string                 { return v.number(n) }
func (v *Voice) Ended(text string) string            { return ended(clean(text)) }
func (v *Voice) Within(first, last time.Time) string { return v.within(first, last) }

// Sentence is what a notice says under one name: "happened", "found", "cause", "release", "prevented", "possible", "contained", "fixed", "verified",
// "clean", "prevention", "check", "contact", "dpo", "sender", "regulators".
func (v *Voice) Sentence(name string) string { return v.facts()[name] }

// Regulator says that an authority was told, or why not.
func (v *Voice) Regulator(r Regulator) string { return v.regulator(r) }

// Page is the page in words, or its path.
func (v *Voice) Page() string { return v.page() }

// Viewers lists who saw it, each with how many: "3 other customers".
func (v *Voice) Viewers() (who []string) {
	for _, one := range v.Facts.Viewers {
		if one.Count > 0 {
			who = append(who, v.count("to."+viewerKind(one.Kind), one.Count))
		}
	}
	return who
}

// Shown says what was shown of people, Passwords whether passwords were there, and Consequences what follows for them.
func (v *Voice) Shown() string        { return v.say("shown", "fields", v.all.fields()) }
func (v *Voice) Passwords() string    { return v.all.passwords() }
func (v *Voice) Consequences() string { return v.all.consequences() }

// Advice is what people can do, the most urgent first.
func (v *Voice) Advice() []string {
	items := []string{v.all.advice(), v.say("do.phishing"), v.say("do.type", "site", clean(v.Site)), v.say("do.tell")}
	if v.all.safe() {
		items = append(items[1:], items[0])
	}
	return items
}

package notice

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"candor.example"
	"candor.example/scan"
)

var variable = regexp.MustCompile(`\{[^{}]*\}`)

// Message is one person's notice: the text of their law and language, with what concerns them filled in.
func (d Draft) Message(p Person, date time.Time) (Message, error) {
	law := d.law(p)
	lang, err := d.language(law, p)
	if err != nil {
		return Message{}, err
	}
	key := string(law) + "/" + lang
	src, err := parseSource(d.Texts[key], d.Facts.Publisher.Domain)
	if err != nil {
		return Message{}, fmt.Errorf("%s: %w", key, err)
	}
	phrases, ok := d.Phrases[lang]
	if !ok {
		return Message{}, fmt.Errorf("%s: the draft has no phrases in %q for what concerns one person", key, lang)
	}
	t := teller{Person: p, facts: d.Facts, kind: d.Kind, speech: speaker(lang, d.Facts, phrases)}
	if src, err = t.tell(src, date); err != nil {
		return Message{}, fmt.Errorf("%s: %w", key, err)
	}
	return Message{Lang: lang, Law: law, Subject: src.subject, Text: renderText(src), HTML: renderHTML(src, lang)}, nil
}

// law is which template a person's notice follows. Customer files say "US" or a state, "US-CA".
func (d Draft) law(p Person) Law {
	country, _, _ := strings.Cut(strings.ToUpper(p.Country), "-")
	switch {
	case d.Kind == Viewers:
		return ToViewers
	case country == "US":
		return California
	}
	return GDPR
}

// language is the person's own, or what is nearest to it (BCP 47, RFC 4647), else the publisher's, else English.
func (d Draft) language(law Law, p Person) (string, error) {
	var langs []string
	for key := range d.Texts {
		if l, lang, ok := strings.Cut(key, "/"); ok && Law(l) == law {
			langs = append(langs, lang)
		}
	}
	if len(langs) == 0 {
		return "", fmt.Errorf("the draft has no text for %q", law)
	}
	slices.Sort(langs)
	for _, want := range []string{p.Locale, d.Facts.Publisher.Language, "en"} {
		if lang, ok := nearest(want, langs); ok {
			return lang, nil
		}
	}
	return langs[0], nil
}

func nearest(want string, langs []string) (string, bool) {
	tag, err := language.Parse(want)
	if want == "" || err != nil {
		return "", false
	}
	tags := make([]language.Tag, len(langs))
	for i, lang := range langs {
		tags[i] = parseTag(lang)
	}
	_, i, confidence := language.NewMatcher(tags).Match(tag)
	return langs[i], confidence != language.No
}

func parseTag(lang string) language.Tag {
	tag, _ := language.Parse(lang) // what cannot be read is "und", which nothing matches
	return tag
}

// teller fills the places of a text for one person.
type teller struct {
	Person
	facts Facts
	kind  Kind
	speech
}

func (t *teller) tell(src source, date time.Time) (source, error) {
	value := func(name string) (string, bool) {
		text := t.place(name, date)
		if text == "" {
			t.fail("nothing is known to fill {%s}", name)
		}
		return text, true
	}
	out := source{subject: t.filled(src.subject, value), blocks: slices.Clone(src.blocks)}
	for i, b := range out.blocks {
		out.blocks[i].text = t.filled(b.text, value)
	}
	if n := utf8.RuneCountInString(out.subject); n > maxSubject {
		t.fail("the subject has %d characters, more than %d", n, maxSubject)
	}
	return out, t.missing
}

// filled is a line with its places filled; what was filled in is held to the same rules as the rest.
func (t *teller) filled(line string, value func(string) (string, bool)) string {
	text, err := fill(line, value)
	if err == nil {
		err = checkText(text, t.facts.Publisher.Domain)
	}
	if err != nil {
		t.fail("%w", err)
	}
	return text
}

func (t *teller) place(name string, date time.Time) string {
	switch name {
	case "greeting":
		return t.greeting()
	case "what":
		return t.what()
	case "fields":
		return t.fields()
	case "viewers":
		return t.viewers()
	case "when":
		return t.when()
	case "passwords":
		return t.passwords()
	case "advice-password":
		return t.advice()
	case "consequences":
		return t.consequences()
	case "code":
		return clean(t.Code)
	case "date":
		return t.date(date)
	}
	return ""
}

func (t *teller) greeting() string {
	if name, ok := plainName(t.Name); ok {
		return t.say("greeting", "name", name)
	}
	return t.say("greeting.nameless")
}

// plainName is a name to greet somebody by. What reads as an address of the web, which mail programs would make a link of, or is no name
// at all, is left out: customers choose their names themselves.
func plainName(name string) (string, bool) {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" || utf8.RuneCountInString(name) > 100 || domainLike.MatchString(name) {
		return "", false
	}
	for _, r := range name {
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune(" .'’-‐,·・\u200C\u200D", r) {
			return "", false
		}
	}
	return name, true
}

var domainLike = regexp.MustCompile(`\.[\pL\pN]{2}`)

// what is the personal line. Without one of its facts there is none.
func (t *teller) what() string {
	fields, viewers, when := t.fields(), t.viewers(), t.when()
	switch {
	case fields == "" || when == "":
		return ""
	case t.kind == Viewers:
		return t.say("what.viewers", "fields", fields, "when", when)
	case viewers == "":
		return ""
	}
	return t.say("what", "fields", fields, "viewers", viewers, "when", when)
}

func (t *teller) when() string {
	if t.First.IsZero() || t.Last.Before(t.First) {
		return ""
	}
	return t.within(t.First, t.Last)
}

// fieldOrder is how people name themselves.
var fieldOrder = []candor.Kind{scan.Name, scan.Email, scan.Phone, scan.EmailMD5, scan.EmailSHA1, scan.EmailSHA256}

// fields are exactly what was shown of this person or, for a viewer, of others.
func (t *teller) fields() string {
	prefix, kinds := "field.", t.Kinds
	if t.kind == Viewers {
		prefix = "others."
		if len(kinds) == 0 {
			kinds = t.facts.Kinds
		}
	}
	var keys []string
	for _, k := range fieldOrder {
		if key := prefix + fieldKey(k); slices.Contains(kinds, k) && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	for _, k := range kinds {
		if !slices.Contains(fieldOrder, k) {
			t.fail("there is no word for a %q", k)
		}
	}
	for i, key := range keys {
		keys[i] = t.say(key)
	}
	return t.list(keys)
}

// viewers are how many saw this person's data. Who they were is known of all together: it is said where all were of one kind.
func (t *teller) viewers() string {
	if t.Viewers == 0 {
		return ""
	}
	kind := ""
	for _, v := range t.facts.Viewers {
		switch {
		case v.Count == 0:
		case kind == "" || kind == viewerKind(v.Kind):
			kind = viewerKind(v.Kind)
		case isPerson(kind) && isPerson(v.Kind):
			kind = "people"
		default:
			kind = "mixed"
		}
	}
	return t.count("to."+cmp.Or(kind, "mixed"), t.Viewers)
}

func isPerson(kind string) bool {
	return slices.Contains([]string{"customer", "anonymous", "role", "people"}, kind)
}

// safe: all of each response with this person in it was looked at, and no credential was there. Nothing else permits to say so.
func (t *teller) safe() bool { return t.Looked == candor.LookedAll && len(t.Credentials) == 0 }

func (t *teller) passwords() string {
	switch {
	case t.safe():
		return t.say("passwords.none")
	case len(t.Credentials) == 0:
		return t.say("passwords.unknown")
	}
	var list []string
	for _, c := range t.Credentials {
		key := "credential." + c
		if _, ok := t.phrase(key); !ok {
			key = "credential.other"
		}
		list = append(list, t.say(key))
	}
	return t.say("passwords.found", "credentials", t.list(list))
}

func (t *teller) advice() string {
	if t.safe() {
		return t.say("advice.keep")
	}
	text := t.say("advice.change")
	if slices.Contains(t.Credentials, scan.CardNumber) {
		text = t.join(text, t.say("advice.card"))
	}
	return text
}

// consequences follow from what was shown of this person.
func (t *teller) consequences() string {
	has := func(k candor.Kind) bool { return slices.Contains(t.Kinds, k) }
	var list []string
	if has(scan.Email) {
		list = append(list, t.say("consequence.email"))
	}
	switch {
	case has(scan.Name) && (has(scan.Email) || has(scan.Phone)):
		list = append(list, t.say("consequence.name"))
	case has(scan.Name):
		list = append(list, t.say("consequence.name-alone"))
	}
	if has(scan.Phone) {
		list = append(list, t.say("consequence.phone"))
	}
	if has(scan.EmailMD5) || has(scan.EmailSHA1) || has(scan.EmailSHA256) {
		list = append(list, t.say("consequence.hash"))
	}
	return t.join(list...)
}

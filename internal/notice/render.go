package notice

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"candor.example"
	"candor.example/scan"
)

var variable = regexp.MustCompile(`\{[^{}]*\}`)

// Message is one person's notice: the text of their law and language, with what concerns them filled in. For many people Writer does it faster.
func (d Draft) Message(p Person, date time.Time) (Message, error) {
	law := d.law(p)
	choice, err := d.choice(law)
	if err != nil {
		return Message{}, err
	}
	t, err := d.template(law, choice.language(p))
	if err != nil {
		return Message{}, err
	}
	return t.message(p, date)
}

// Writer writes the messages of one draft, whose texts it has read. It may be used by many goroutines.
type Writer struct {
	draft     Draft
	choices   map[Law]choice
	templates map[Law]map[string]template // by language

	mu     sync.RWMutex // guards what follows
	shared map[sharing]template
}

// sharing is what people have in common to whom most of a text says the same.
type sharing struct {
	law                        Law
	lang                       string
	kinds, credentials, looked string
	date                       int64
}

// mostShared bounds how many such texts are kept.
const mostShared = 1000

// Writer reads all texts once: that is most of the work of a message.
func (d Draft) Writer() (*Writer, error) {
	w := &Writer{draft: d, choices: map[Law]choice{}, templates: map[Law]map[string]template{}, shared: map[sharing]template{}}
	for key := range d.Texts {
		law, lang, _ := strings.Cut(key, "/")
		t, err := d.template(Law(law), lang)
		if err != nil {
			return nil, err
		}
		if w.templates[Law(law)] == nil {
			w.templates[Law(law)] = map[string]template{}
			if w.choices[Law(law)], err = d.choice(Law(law)); err != nil {
				return nil, err
			}
		}
		t.source = t.source.settled()
		w.templates[Law(law)][lang] = t
	}
	return w, nil
}

// Message is Draft.Message.
func (w *Writer) Message(p Person, date time.Time) (Message, error) {
	law := w.draft.law(p)
	choice, ok := w.choices[law]
	if !ok {
		return Message{}, noText(law)
	}
	return w.template(law, choice.language(p), p, date).message(p, date)
}

// template is a text in which stands already what it says to many.
func (w *Writer) template(law Law, lang string, p Person, date time.Time) template {
	s := sharing{law, lang, fmt.Sprint(p.Kinds), fmt.Sprint(p.Credentials), p.Looked, date.Unix()}
	w.mu.RLock()
	t, ok := w.shared[s]
	w.mu.RUnlock()
	if ok {
		return t
	}
	t = w.templates[law][lang]
	t.source = t.shared(Person{Kinds: p.Kinds, Credentials: p.Credentials, Looked: p.Looked}, date)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.shared) < mostShared {
		w.shared[s] = t
	}
	return t
}

// sharedPlaces concern what was shown, and not one person.
var sharedPlaces = []string{"fields", "passwords", "advice-password", "consequences", "date"}

// shared fills the blocks whose places concern nobody alone. What cannot be filled stays, and is an error for the person.
func (t template) shared(p Person, date time.Time) source {
	who := teller{Person: p, facts: t.draft.Facts, kind: t.draft.Kind, speech: t.speech}
	out := source{t.source.subject, slices.Clone(t.source.blocks)}
	for i, b := range out.blocks {
		places := variable.FindAllString(b.text, -1)
		if len(places) == 0 || slices.ContainsFunc(places, func(v string) bool { return !slices.Contains(sharedPlaces, strings.Trim(v, "{}")) }) {
			continue
		}
		text := who.filled(b.text, func(name string) (string, bool) {
			value := who.place(name, date)
			if value == "" {
				who.fail("nothing is known to fill {%s}", name)
			}
			return value, true
		})
		if who.missing != nil {
			return t.source
		}
		out.blocks[i].text = text
	}
	return out.settled()
}

// Same are texts of whole lines that stand as they are in the text or the HTML of many messages.
func (w *Writer) Same(date time.Time) (texts []string) {
	kinds := [][]candor.Kind{w.draft.Facts.Kinds}
	for _, k := range w.draft.Facts.Kinds {
		kinds = append(kinds, []candor.Kind{k})
	}
	for law, byLang := range w.templates {
		for lang := range byLang {
			for _, k := range kinds {
				for _, looked := range []string{candor.LookedAll, ""} {
					texts = append(texts, w.template(law, lang, Person{Kinds: k, Looked: looked}, date).same()...)
				}
			}
		}
	}
	return texts
}

func (t template) same() (texts []string) {
	for _, b := range t.source.blocks {
		texts = append(texts, b.plain, b.html)
	}
	if !strings.ContainsAny(t.source.subject, "{}") {
		texts = append(texts, renderHTML(source{subject: t.source.subject}, t.lang))
	}
	return texts
}

func noText(law Law) error { return fmt.Errorf("the draft has no text for %q", law) }

// template is one text, read, and rendered as far as it is the same for everybody.
type template struct {
	draft  Draft
	law    Law
	lang   string
	source source
	speech speech
}

func (d Draft) template(law Law, lang string) (t template, err error) {
	key := string(law) + "/" + lang
	t = template{draft: d, law: law, lang: lang}
	if t.source, err = parseSource(d.Texts[key], d.Facts.Publisher.Domain); err != nil {
		return t, fmt.Errorf("%s: %w", key, err)
	}
	phrases, ok := d.Phrases[lang]
	if !ok {
		return t, fmt.Errorf("%s: the draft has no phrases in %q for what concerns one person", key, lang)
	}
	t.speech = speaker(lang, d.Facts, phrases)
	return t, nil
}

// message is the text with what concerns one person filled in. speech is copied: it keeps what was missing.
func (t template) message(p Person, date time.Time) (Message, error) {
	who := teller{Person: p, facts: t.draft.Facts, kind: t.draft.Kind, speech: t.speech}
	src, err := who.tell(t.source, date)
	if err != nil {
		return Message{}, fmt.Errorf("%s/%s: %w", t.law, t.lang, err)
	}
	return Message{Lang: t.lang, Law: t.law, Subject: src.subject, Text: renderText(src), HTML: renderHTML(src, t.lang)}, nil
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

// choice finds the language of a person's text among those that a law has.
type choice struct {
	langs   []string
	matcher language.Matcher
	other   string // for whose own there is none: the publisher's, else English
}

func (d Draft) choice(law Law) (c choice, err error) {
	for key := range d.Texts {
		if l, lang, ok := strings.Cut(key, "/"); ok && Law(l) == law {
			c.langs = append(c.langs, lang)
		}
	}
	if len(c.langs) == 0 {
		return c, noText(law)
	}
	slices.Sort(c.langs)
	tags := make([]language.Tag, len(c.langs))
	for i, lang := range c.langs {
		tags[i] = parseTag(lang)
	}
	c.matcher, c.other = language.NewMatcher(tags), c.langs[0]
	for _, want := range []string{d.Facts.Publisher.Language, "en"} {
		if lang, ok := c.nearest(want); ok {
			c.other = lang
			break
		}
	}
	return c, nil
}

// language is the person's own, or what is nearest to it (BCP 47, RFC 4647), else the publisher's, else English.
func (c choice) language(p Person) string {
	if lang, ok := c.nearest(p.Locale); ok {
		return lang
	}
	return c.other
}

func (c choice) nearest(want string) (string, bool) {
	tag, err := language.Parse(want)
	if want == "" || err != nil {
		return "", false
	}
	_, i, confidence := c.matcher.Match(tag)
	return c.langs[i], confidence != language.No
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
		if b.plain == "" {
			out.blocks[i].text = t.filled(b.text, value)
		}
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
	first, last := t.First, t.Last
	if t.kind == Viewers && first.IsZero() { // of them only a digest is known: it is when anybody saw it
		first, last = t.facts.First, t.facts.Last
	}
	if first.IsZero() || last.Before(first) {
		return ""
	}
	return t.within(first, last)
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

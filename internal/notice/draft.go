package notice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/scan"
)

// Encode is the document that people approve: the same bytes for the same draft.
func (d Draft) Encode() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf) // maps are written in the order of their keys
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d); err != nil {
		return nil, err
	}
	if buf.Len() > candor.MaxDocument {
		return nil, fmt.Errorf("the draft has %d bytes, more than %d: take out languages that nobody needs", buf.Len(), candor.MaxDocument)
	}
	return buf.Bytes(), nil
}

// Hash names the draft by its content; it is empty where Encode fails.
func (d Draft) Hash() string {
	b, err := d.Encode()
	if err != nil {
		return ""
	}
	return candor.HashOf(b)
}

// Drafted is what puts a draft into the books: the Details of a candor.NoticeDrafted for a campaign that needs so many approvals, and a pass in
// the seed mailboxes of these names, which hold no space; and the document that they name.
func (d Draft) Drafted(campaign string, needs int, seeds []string) (map[string]string, candor.Document, error) {
	body, err := d.Encode()
	doc := candor.Document{Hash: candor.HashOf(body), Type: DraftSchema, Body: body}
	details := map[string]string{"campaign": campaign, "draft": doc.Hash, "kind": string(d.Kind), "needs": strconv.Itoa(needs)}
	if len(seeds) > 0 {
		details["seeds"] = strings.Join(seeds, " ")
	}
	return details, doc, err
}

// ParseDraft reads what Encode wrote. A field that it does not know is an error: nobody should approve what Candor does not read.
func ParseDraft(b []byte) (Draft, error) {
	if len(b) > candor.MaxDocument {
		return Draft{}, fmt.Errorf("the draft has %d bytes, more than %d", len(b), candor.MaxDocument)
	}
	var d Draft
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return Draft{}, fmt.Errorf("the draft: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return Draft{}, errors.New("the draft: something follows it")
	}
	if d.Schema != DraftSchema {
		return Draft{}, fmt.Errorf("the draft's schema is %q, not %q", d.Schema, DraftSchema)
	}
	return d, nil
}

// The skeletons: what stands where, the same in every language. A {name} is what facts say, or a place; a block of which nothing is left
// falls away.
var (
	gdprForm = []string{
		"{greeting}", "{what}", "{apology}",
		"## {h.happened}", "{happened} {seen} {found}", "{seen-list}", "{cause}", "{candidates}", "{release} {prevented} {possible} {update}",
		"## {h.shown}", "{shown} {passwords}",
		"## {h.done}", "- {contained}", "- {fixed}", "- {verified}", "- {clean}", "- {prevention}", "{regulators}",
		"## {h.means}", "{consequences}",
		"## {h.do}", "{advice}",
		"## {h.check}", "{check} {code-line}",
		"## {h.contact}", "- {contact}", "- {dpo}", "{reply} {reference} {complain}",
		"## {h.about}", "{sender}", "{dated} {delay}", "{legal}", "{report}", "{log}", "{once}",
	}
	// Civil Code 1798.82(d)(1): a title and five headings, in these words.
	californiaForm = []string{
		"# {california.title}", "{dated}", "{greeting}", "{what}", "{apology}",
		"## {california.happened}", "{happened} {seen} {found}", "{seen-list}", "{cause}", "{candidates}", "{release} {prevented} {possible} {update}", "{delay} {police}",
		"## {california.information}", "{shown} {passwords}", "{consequences}",
		"## {california.doing}", "- {contained}", "- {fixed}", "- {verified}", "- {clean}", "- {prevention}", "{regulators}",
		"## {california.do}", "{advice}",
		"## {california.more}", "- {contact}", "- {dpo}", "{reply} {reference}", "{check} {code-line}", "{sender}", "{report}", "{log}", "{once}",
	}
	viewersForm = []string{
		"{greeting}", "{what}", "{blame}",
		"## {h.delete}", "1. {delete}", "1. {delete.use}", "1. {delete.passed}",
		"## {h.confirm}", "{confirm} {code-line}", "{thanks}",
		"## {h.happened}", "{happened} {found}", "{cause}", "{candidates}", "{update}", "- {contained}", "- {fixed}",
		"## {h.contact}", "- {contact}", "- {dpo}", "{reply} {reference}",
		"## {h.about}", "{sender}", "{dated}", "{report}", "{log}", "{once}",
	}
)

// The title and headings of Civil Code 1798.82(d)(1), which stand in every language, with the translation behind them.
var californiaWords = map[string]string{
	"california.title":       "Notice of Data Breach",
	"california.happened":    "What Happened",
	"california.information": "What Information Was Involved",
	"california.doing":       "What We Are Doing",
	"california.do":          "What You Can Do",
	"california.more":        "For More Information",
}

// Write drafts the notice in every language from one set of facts; by California's law where somebody is in the United States, or may be.
func Write(f Facts, kind Kind) (Draft, error) {
	all, err := allWords()
	if err != nil {
		return Draft{}, err
	}
	if err := f.check(kind); err != nil {
		return Draft{}, err
	}
	d := Draft{Schema: DraftSchema, Kind: kind, Facts: f, Texts: map[string]string{}, Phrases: map[string]Phrases{}}
	laws := map[Law][]string{GDPR: gdprForm, California: californiaForm}
	switch {
	case kind == Viewers:
		laws = map[Law][]string{ToViewers: viewersForm}
	case f.OutsideUS: // nobody would get it, and its rules would ask for what nobody has to know
		delete(laws, California)
	}
	for _, lang := range Languages {
		a := author{Facts: f, kind: kind, lang: lang, speech: speaker(lang, f, all[lang].Person, all[lang].Draft)}
		d.Phrases[lang] = a.personal(all[lang].Person)
		for law, form := range laws {
			d.Texts[string(law)+"/"+lang] = a.write(form)
		}
		if a.missing != nil {
			return Draft{}, a.missing
		}
	}
	return d, d.Check()
}

// Keep takes over the texts of an older draft that people have changed, or added: those that Candor does not write from the older one's facts. It
// returns their keys. They say what they said: Judge tells where that is not what the facts say by now.
func (d *Draft) Keep(old Draft) (kept []string, err error) {
	wrote, err := Write(old.Facts, old.Kind)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(old.Texts)) {
		if old.Texts[key] == wrote.Texts[key] {
			continue
		}
		d.Texts[key] = old.Texts[key]
		kept = append(kept, key)
		if _, lang, _ := strings.Cut(key, "/"); d.Phrases[lang] == nil && old.Phrases[lang] != nil {
			d.Phrases[lang] = old.Phrases[lang]
		}
	}
	return kept, d.Check()
}

// Check says whether all texts can be read.
func (d Draft) Check() error {
	for key, text := range d.Texts {
		if _, err := parseSource(text, d.Facts.Publisher.Domain); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	_, err := d.Encode()
	return err
}

// check lists what no notice can be written without.
func (f Facts) check(kind Kind) error {
	var errs []error
	need := func(ok bool, field, what string) {
		if !ok {
			errs = append(errs, fmt.Errorf("facts: %s: %s", field, what))
		}
	}
	p := f.Publisher
	need(kind == Affected || kind == Viewers, "kind", "it is neither affected nor viewers")
	need(clean(p.LegalName) != "", "publisher.legal_name", "who speaks? Give the name of the company")
	need(clean(p.Address) != "", "publisher.address", "give the postal address, in one line")
	need(clean(p.Domain) != "", "publisher.domain", "give the shop's registered domain, such as shop.example")
	need(clean(p.Contact.Role) != "", "publisher.contact.role", "whom can people ask? Give a role, such as Data Protection Officer")
	need(strings.Contains(p.Contact.Email, "@"), "publisher.contact.email", "give an address that people can write to")
	need(f.Site != "", "site", "which site was it?")
	need(f.Route != "", "route", "which page was it?")
	need(f.People > 0, "people", "nobody was exposed: there is nobody to tell")
	need(len(f.Kinds) > 0, "kinds", "what was shown?")
	need(!f.First.IsZero() && !f.Last.Before(f.First), "first, last", "from when to when?")
	need(!f.Detected.IsZero(), "detected", "when was it found?")
	need(causeKnown(f.Cause), "cause", "no such cause: where it is not known, it is undetermined")
	need(f.Cause != incident.CauseUndetermined || !f.UpdateBy.IsZero(), "update_by", "the cause is undetermined: say by when you will know more")
	need(!f.Fixed.IsZero() || !f.UpdateBy.IsZero(), "update_by", "it is not fixed: say by when you will say more")
	if _, err := zone(p.Zone); err != nil {
		errs = append(errs, fmt.Errorf("facts: publisher.zone: %w", err))
	}
	return errors.Join(errs...)
}

func causeKnown(c incident.CauseID) bool {
	all, err := allWords()
	_, ok := all["en"].Draft["cause."+string(c)]
	return err == nil && ok && c != "open"
}

// author writes in one language.
type author struct {
	Facts
	kind Kind
	lang string
	speech
}

func speaker(lang string, f Facts, phrases ...Phrases) speech {
	loc, err := zone(f.Publisher.Zone)
	if err != nil {
		loc = time.UTC // nothing is written with it: missing says why
	}
	s := speech{phrases: phrases, zone: loc, missing: err}
	s.tag = parseTag(lang)
	return s
}

// personal are the phrases that the notice is completed with for each person, with the facts in them.
func (a *author) personal(p Phrases) Phrases {
	out := Phrases{}
	for key, text := range p {
		text = strings.ReplaceAll(text, "{site}", clean(a.Site))
		out[key] = strings.ReplaceAll(text, "{page}", a.page())
	}
	return out
}

// write fills a skeleton.
func (a *author) write(form []string) string {
	facts := a.facts()
	subject := "subject"
	if a.kind == Viewers {
		subject = "subject.viewers"
	}
	blocks := []string{"Subject: " + a.say(subject)}
	number := 0
	for _, b := range form {
		sign, rest := cutSign(b)
		text := a.block(rest, facts)
		if text == "" {
			continue
		}
		if number++; sign != "1. " {
			number = 0
		} else {
			sign = strconv.Itoa(number) + ". "
		}
		blocks = append(blocks, sign+text)
	}
	return strings.Join(blocks, "\n\n") + "\n"
}

func cutSign(b string) (sign, rest string) {
	for _, sign := range []string{"## ", "# ", "- ", "1. "} {
		if rest, ok := strings.CutPrefix(b, sign); ok {
			return sign, rest
		}
	}
	return "", b
}

// block is one block of a skeleton: "{a} {b}", each a fact, a place or a phrase.
func (a *author) block(names string, facts map[string]string) string {
	var texts []string
	for _, name := range strings.Fields(names) {
		name = strings.Trim(name, "{}")
		text, ok := facts[name]
		switch {
		case ok:
		case slices.Contains(places, name):
			text = "{" + name + "}"
		case californiaWords[name] != "":
			text = a.californiaHeading(name)
		default:
			text = a.say(name)
		}
		texts = append(texts, text)
	}
	return a.join(texts...)
}

// californiaHeading is the statute's words, verbatim, and what they mean in the language.
func (a *author) californiaHeading(key string) string {
	if a.lang == "en" {
		return californiaWords[key]
	}
	return californiaWords[key] + " / " + a.say(key)
}

// facts are what the skeleton's names stand for. What does not apply is empty.
func (a *author) facts() map[string]string {
	f := map[string]string{
		"happened":   a.count("happened", a.People, "site", clean(a.Site), "page", a.page(), "when", a.within(a.First, a.Last)),
		"found":      a.say("found", "at", a.at(a.Detected)),
		"cause":      a.cause(),
		"candidates": a.candidates(),
		"release":    a.given(a.Release, "release", "release"),
		"prevented":  a.some("prevented", a.Prevented),
		"possible":   a.some("possible", a.Possible),
		"update":     "",
		"contained":  "",
		"fixed":      a.fixed(),
		"verified":   "",
		"clean":      a.some("clean", int(a.CleanSince)),
		"prevention": "",
		"advice":     a.advice(),
		"check":      a.whereToLook("check"),
		"confirm":    a.whereToLook("confirm"),
		"code-line":  a.say("check.code"),
		"contact":    a.contact(a.Publisher.Contact),
		"dpo":        "",
		"reference":  a.given(a.Incident, "reference", "incident"),
		"sender":     a.sender(),
		"delay":      "",
		"police":     a.police(),
		"regulators": a.regulators(),
		"report":     a.report(),
		"log":        a.log(),
	}
	f["seen"], f["seen-list"] = a.seen()
	if !a.UpdateBy.IsZero() {
		f["update"] = a.say("update", "date", a.date(a.UpdateBy))
	}
	if !a.Contained.IsZero() && a.ContainedHow != "" {
		f["contained"] = a.say("contained."+a.ContainedHow, "moment", a.moment(a.Contained))
	}
	if !a.Verified.IsZero() && a.Replayed > 0 {
		f["verified"] = a.count("verified", a.Replayed, "at", a.at(a.Verified))
	}
	if text := a.Prevention.own(a.langs()...); text != "" {
		f["prevention"] = a.say("prevention", "prevention", ended(text))
	}
	if a.Publisher.DPO.Email != "" && a.Publisher.DPO != a.Publisher.Contact {
		f["dpo"] = a.contact(a.Publisher.DPO)
	}
	if text := a.DelayReason.own(a.langs()...); text != "" {
		f["delay"] = a.say("delay", "reason", ended(text))
	}
	return f
}

// police is whether an investigation delayed it, which only California asks for; nothing where nobody has said.
func (a *author) police() string {
	switch held := a.PoliceDelay; {
	case held == nil:
		return ""
	case *held:
		return a.say("held")
	}
	return a.say("undelayed")
}

// langs is where a publisher's own words are looked for.
func (a *author) langs() []string { return []string{a.lang, a.Publisher.Language, "en"} }

// given is a phrase about a fact that may be missing.
func (a *author) given(fact, key, place string) string {
	if fact = clean(fact); fact == "" {
		return ""
	}
	return a.say(key, place, fact)
}

// some is a phrase about a number that may be nought.
func (a *author) some(key string, n int) string {
	if n == 0 {
		return ""
	}
	return a.count(key, n)
}

// page is the page in words, or its path. What is variable in a route is left out: braces are places.
func (a *author) page() string {
	if text := clean(a.Surface[a.lang]); text != "" {
		return text
	}
	_, path, _ := strings.Cut(a.Route, " ")
	return a.say("page", "path", clean(variable.ReplaceAllString(path, "…")))
}

// seen says who saw it, in a sentence or, where that would be a long one, in bullets.
func (a *author) seen() (sentence, list string) {
	var who []string
	for _, v := range a.Facts.Viewers {
		if v.Count > 0 {
			who = append(who, a.count("to."+viewerKind(v.Kind), v.Count))
		}
	}
	switch {
	case len(who) == 0:
		return "", ""
	case len(who) <= 2:
		return a.say("seen", "viewers", a.list(who)), ""
	}
	return "", a.say("seen.list") + "\n\n- " + strings.Join(who, "\n\n- ")
}

func (a *author) cause() string {
	if a.Cause == incident.CauseUndetermined && len(a.Candidates) == 0 {
		return a.say("cause.open")
	}
	return a.say("cause." + string(a.Cause))
}

// candidates are the two causes that remain, as bullets.
func (a *author) candidates() string {
	if a.Cause != incident.CauseUndetermined {
		return ""
	}
	var bullets []string
	for _, c := range a.Candidates {
		bullets = append(bullets, "- "+a.say("cause."+string(c)))
	}
	return strings.Join(bullets, "\n\n")
}

func (a *author) fixed() string {
	if a.Fixed.IsZero() {
		return a.say("unfixed")
	}
	return a.join(a.say("fixed", "at", a.at(a.Fixed)), a.given(a.FixReference, "fixed.reference", "reference"), a.given(a.FixRelease, "fixed.release", "release"))
}

// advice puts the most urgent first: the password, unless nobody's has to be changed.
func (a *author) advice() string {
	items := []string{"{advice-password}", a.say("do.phishing"), a.say("do.type", "site", clean(a.Site)), a.say("do.tell")}
	if a.Looked == candor.LookedAll && len(a.Credentials) == 0 {
		items = append(items[1:], items[0])
	}
	for i, text := range items {
		items[i] = strconv.Itoa(i+1) + ". " + text
	}
	return strings.Join(items, "\n\n")
}

// whereToLook is the shop's own page, reached without a click.
func (a *author) whereToLook(key string) string {
	if account := a.Publisher.Account.own(a.langs()...); account != "" {
		return a.say(key+".account", "site", clean(a.Site), "account", account)
	}
	return a.say(key+".page", "address", clean(a.Site)+"/.well-known/candor/notices")
}

func (a *author) contact(c Contact) string {
	role := clean(c.Role)
	if name := clean(c.Name); name != "" {
		role += " (" + name + ")"
	}
	if phone := clean(c.Phone); phone != "" {
		return a.say("contact.phone", "role", role, "email", clean(c.Email), "phone", phone)
	}
	return a.say("contact", "role", role, "email", clean(c.Email))
}

func (a *author) sender() string {
	p := a.Publisher
	text := a.say("sender", "legal-name", clean(p.LegalName), "address", clean(p.Address))
	if name := clean(p.Name); name != "" && name != clean(p.LegalName) {
		text = a.join(text, a.say("sender.name", "name", name))
	}
	return text
}

func (a *author) regulators() string {
	var list []string
	for _, r := range a.Regulators {
		list = append(list, a.regulator(r))
	}
	return a.join(list...)
}

func (a *author) regulator(r Regulator) string {
	pairs := []string{"authority", clean(r.Authority), "law", clean(r.Law)}
	switch {
	case r.Filed.IsZero() && clean(r.Reason) == "":
		return ""
	case r.Filed.IsZero():
		return a.say("regulator.none", append(pairs, "reason", ended(clean(r.Reason)))...)
	}
	pairs = append(pairs, "on", a.say("on", "date", a.date(r.Filed)))
	if ref := clean(r.Reference); ref != "" {
		return a.say("regulator.reference", append(pairs, "reference", ref)...)
	}
	return a.say("regulator", pairs...)
}

func (a *author) report() string {
	r := a.Report
	if r == nil {
		return ""
	}
	return a.join(a.say("report", "url", clean(r.URL), "revision", strconv.Itoa(r.Revision)), a.given(r.Hash, "report.hash", "hash"))
}

// log is what the notice is a witness of.
func (a *author) log() string {
	if a.Report == nil || a.Report.Checkpoint == nil {
		return ""
	}
	c := a.Report.Checkpoint
	return a.count("report.log", int(c.Size), "origin", clean(c.Origin), "root", clean(c.Root))
}

// viewerKind is a kind of viewer that there are words for.
func viewerKind(kind string) string {
	if slices.Contains([]string{"customer", "anonymous", "role", "crawler", "claimed-crawler", "script"}, kind) {
		return kind
	}
	return "mixed"
}

// fieldKey is what a kind of identifier is called: hashes of one address are one thing to people.
func fieldKey(k candor.Kind) string {
	switch k {
	case scan.EmailMD5, scan.EmailSHA1, scan.EmailSHA256:
		return "hash"
	}
	return string(k)
}

// zones were loaded before: a message is written for each of a million people.
var zones sync.Map

func zone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	if loc, ok := zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	loc, err := time.LoadLocation(name)
	if err == nil {
		zones.Store(name, loc)
	}
	return loc, err
}

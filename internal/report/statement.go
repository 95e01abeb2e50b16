package report

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"candor.example/internal/incident"
	"candor.example/internal/notice"
	"candor.example/verify"
)

// Statement is a press statement in one language, and the sheet with answers to what reporters ask. Everything in it is from one report.
type Statement struct {
	Incident string   `json:"incident_id"`
	Revision int      `json:"revision"`
	Language string   `json:"language"`
	Title    string   `json:"title"`
	Date     string   `json:"date"`
	Blocks   []string `json:"blocks"` // paragraphs
	Answers  []Answer `json:"answers"`
	heading  string
}

// Answer is one question with its answer: from facts, or by when it will be known, or why it is not said.
type Answer struct {
	Field    string        `json:"field"` // where the fact stands in the report
	Status   verify.Status `json:"status"`
	Question string        `json:"question"`
	Answer   string        `json:"answer"`
}

// Text is the statement for people to read and send.
func (s Statement) Text() string {
	parts := append([]string{s.Title, s.Date}, s.Blocks...)
	parts = append(parts, s.heading)
	for _, a := range s.Answers {
		parts = append(parts, a.Question+"\n"+a.Answer)
	}
	return strings.Join(parts, "\n\n") + "\n"
}

// speaker speaks of one report.
type speaker struct {
	*notice.Voice
	r    verify.Report
	lang string
}

// StatementOf drafts the statement of a report. f says what a report does not hold: who saw it by kind, and the publisher's own words; whatever a report does hold is
// taken from there.
func StatementOf(r verify.Report, f notice.Facts, lang string) (Statement, error) {
	own, err := statementWords()
	if err != nil {
		return Statement{}, err
	}
	v, err := notice.Speak(factsOf(r, f), lang, own[lang])
	if err != nil {
		return Statement{}, err
	}
	p := speaker{v, r, lang}
	s := Statement{Incident: r.Incident, Revision: r.Revision, Language: lang, Title: v.Say("title", "name", r.Publisher.Name), Date: v.Date(r.PublishedAt), heading: v.Say("h.answers")}
	s.Blocks, s.Answers = p.blocks(), p.answers()
	return s, v.Err()
}

// factsOf are the facts that a report says: what it does not say is not there.
func factsOf(r verify.Report, f notice.Facts) notice.Facts {
	f.Incident, f.AsOf, f.People, f.Prevented, f.Possible = r.Incident, r.PublishedAt, 0, or(r.HowMany.Prevented, 0), or(r.HowMany.Possible, 0)
	if p := or(r.HowMany.People, verify.People{}); p.Exact != nil {
		f.People = *p.Exact
	}
	if r.HowMany.Viewers.Value == nil {
		f.Viewers = nil
	}
	f.First, f.Last, f.Detected = or(r.Timeline.First.Fact, time.Time{}), or(r.Timeline.Last.Fact, time.Time{}), or(r.Timeline.Detected.Fact, time.Time{})
	f.Contained, f.ContainedHow, f.Fixed, f.FixReference = or(r.Fix.ContainedAt, time.Time{}), or(r.Fix.ContainedHow, ""), or(r.Fix.FixedAt, time.Time{}), or(r.Fix.Reference, "")
	proof := or(r.Fix.VerifiedBy, verify.Proof{})
	f.Verified, f.Replayed, f.CleanSince = proof.At, proof.Replayed, proof.Clean
	f.Release = or(r.Cause.Trigger, verify.Trigger{}).Change
	if f.Fixed.IsZero() || f.Release == "" {
		f.FixRelease = ""
	}
	if sites := or(r.Which.Sites, nil); len(sites) > 0 {
		f.Site = sites[0].Host
	}
	if surfaces := or(r.Which.Surfaces, nil); len(surfaces) > 0 {
		f.Route, f.Surface = surfaces[0].Route, map[string]string(surfaces[0].Name)
	}
	f.Prevention = nil
	if p := or(r.Fix.Prevention, nil); len(p) > 0 {
		f.Prevention = notice.Words(p[0].Action)
	}
	return f
}

// or is a fact's value, or else what there is instead.
func or[T any](f verify.Fact[T], instead T) T {
	if f.Value == nil {
		return instead
	}
	return *f.Value
}

// given is what is said of a fact: say's sentence where it has a value, and else why it has none.
func given[T any](p *speaker, f verify.Fact[T], say func(T) string) string {
	switch f.Status {
	case verify.Unknown:
		return p.Say("unknown", "date", p.Date(f.NextUpdateBy))
	case verify.Withheld:
		return p.Say("withheld", "reason", p.Ended(f.Reason))
	case verify.Estimated:
		return p.Join(say(*f.Value), p.Say("estimated", "reason", p.Ended(f.Reason)))
	}
	return say(*f.Value)
}

func (p *speaker) blocks() []string {
	r := p.r
	happened := p.Say("happened.unsaid", "site", p.Site, "page", p.Page())
	switch {
	case r.Which.Surfaces.Value == nil:
		happened = p.Say("happened.site", "site", p.Site)
	case p.People > 0 && !p.First.IsZero() && !p.Last.IsZero():
		happened = p.Sentence("happened")
	}
	advice := p.Advice()
	for i, text := range advice {
		advice[i] = strconv.Itoa(i+1) + ". " + text
	}
	list := []string{
		p.Join(happened, p.seen(), p.timed(r.Timeline.Detected, "found"), p.Say("apology")),
		p.cause(),
		p.Join(p.Sentence("release"), p.Sentence("prevented"), p.Sentence("possible")),
		p.Join(p.Shown(), p.Passwords()),
		p.Join(p.Sentence("contained"), p.Sentence("fixed"), p.Sentence("verified"), p.Sentence("clean"), p.Sentence("prevention")),
		p.told(),
		p.Consequences(),
		p.Say("h.do") + "\n" + strings.Join(advice, "\n"),
		p.Say("h.contact") + "\n" + p.Sentence("contact"),
		p.Say("source", "incident", r.Incident, "revision", p.Number(r.Revision)),
		strings.Join(slices.DeleteFunc([]string{r.Publisher.LegalName, r.Publisher.Address}, func(t string) bool { return t == "" }), ", "),
	}
	return slices.DeleteFunc(list, func(t string) bool { return t == "" })
}

func (p *speaker) timed(m verify.Moment, name string) string {
	if m.Value == nil {
		return ""
	}
	return p.Sentence(name)
}

func (p *speaker) seen() string {
	who := p.Viewers()
	if len(who) == 0 {
		return ""
	}
	return p.Say("seen", "viewers", p.List(who))
}

// cause is the notice's sentence where the report says the same, or what people set, or that it is not known and which two remain.
func (p *speaker) cause() string {
	c := p.r.Cause
	switch date := p.Date(c.Summary.NextUpdateBy); {
	case c.Summary.Status == verify.Unknown && len(c.Candidates) > 0:
		lines := []string{p.Say("cause.undetermined")}
		for _, one := range c.Candidates {
			lines = append(lines, "- "+p.Own(one))
		}
		return strings.Join(append(lines, p.Say("more", "date", date)), "\n")
	case c.Summary.Status == verify.Unknown:
		return p.Say("unknown.cause", "date", date)
	}
	return given(p, p.r.Cause.Summary, func(w verify.Words) string { return p.Ended(p.Own(w)) })
}

func (p *speaker) told() string {
	t := p.r.Told
	told, n := t.Accepted+t.OtherChannel, p.Number(t.Affected)
	switch {
	case t.Affected == 0:
		return ""
	case told == 0 && t.Withheld == 0:
		return p.Say("told.none")
	case told == t.Affected:
		return p.Say("told.all", "n", n)
	}
	kept := ""
	if t.Withheld > 0 {
		kept = p.Say("told.kept", "k", p.Number(t.Withheld))
	}
	switch {
	case t.Waiting > 0:
		return p.Join(p.Say("told.so-far", "told", p.Number(told), "n", n), kept, p.Say("told.will"))
	case told+t.Withheld < t.Affected:
		return p.Join(p.Say("told.part", "told", p.Number(told), "n", n), kept, p.Say("told.unreached"))
	}
	return p.Join(p.Say("told.part", "told", p.Number(told), "n", n), kept)
}

func (p *speaker) answers() (list []Answer) {
	r := p.r
	addAnswer(p, &list, "site", "/which/sites", r.Which.Sites, p.site)
	addAnswer(p, &list, "people", "/how_many/people", r.HowMany.People, func(v verify.People) string { return p.Count("people", v.Upper) })
	addAnswer(p, &list, "regions", "/which/regions", r.Which.Regions, p.regions)
	addAnswer(p, &list, "when", "/timeline/first_exposure", r.Timeline.First.Fact, func(time.Time) string { return p.Say("when", "when", p.Within(p.First, p.Last)) })
	addAnswer(p, &list, "found", "/timeline/detected", r.Timeline.Detected.Fact, func(time.Time) string { return p.Sentence("found") })
	addAnswer(p, &list, "shown", "/how_many/fields_disclosed", r.HowMany.Disclosed, func([]string) string { return p.Shown() })
	addAnswer(p, &list, "passwords", "/how_many/fields_disclosed", r.HowMany.Disclosed, func([]string) string { return p.Passwords() })
	addAnswer(p, &list, "seen", "/how_many/viewers_count", r.HowMany.Viewers, func(int) string { return p.seen() })
	list = append(list, Answer{"/cause/summary_plain", r.Cause.Summary.Status, p.Say("ask.cause"), p.cause()})
	addAnswer(p, &list, "caught", "/cause/why_not_caught", r.Cause.WhyNotCaught, func(w verify.Words) string { return p.Ended(p.Own(w)) })
	addAnswer(p, &list, "third", "/cause/third_party", r.Cause.ThirdParty, p.Ended)
	if r.Fix.ContainedAt.Status != verify.Unknown || r.Fix.FixedAt.Status != verify.Known { // what was mended at once was never kept in
		addAnswer(p, &list, "contained", "/fix/contained_at", r.Fix.ContainedAt, func(time.Time) string { return p.Sentence("contained") })
	}
	if f := r.Fix.FixedAt; f.Status == verify.Unknown {
		list = append(list, Answer{"/fix/fixed_at", f.Status, p.Say("ask.fixed"), p.Join(p.Sentence("fixed"), p.Say("more", "date", p.Date(f.NextUpdateBy)))})
	} else {
		addAnswer(p, &list, "fixed", "/fix/fixed_at", f, func(time.Time) string { return p.Sentence("fixed") })
	}
	addAnswer(p, &list, "verified", "/fix/verified_by", r.Fix.VerifiedBy, func(verify.Proof) string { return p.Join(p.Sentence("verified"), p.Sentence("clean")) })
	addAnswer(p, &list, "copies", "/fix/copies_purged", r.Fix.Purged, func(list []string) string { return p.Say("purged", "list", p.List(list)) })
	addAnswer(p, &list, "viewers", "/fix/wrong_viewers_asked_to_delete", r.Fix.WrongViewers, func(w verify.WrongViewers) string {
		return p.Join(p.Count("asked", w.Asked), p.Count("confirmed", w.Confirmed))
	})
	addAnswer(p, &list, "prevention", "/fix/prevention", r.Fix.Prevention, func([]verify.Prevention) string { return p.Sentence("prevention") })
	if told := p.told(); told != "" {
		list = append(list, Answer{"/people_told", verify.Known, p.Say("ask.told"), told})
	}
	if r.Timeline.FirstNotice.Status != verify.Unknown { // else nobody is told yet, as the answer before says
		addAnswer(p, &list, "late", "/timeline/first_notice", r.Timeline.FirstNotice.Fact, p.late)
	}
	addAnswer(p, &list, "regulators", "/regulators", r.Regulators, p.regulators)
	addAnswer(p, &list, "special", "/how_many/special_groups", r.HowMany.Special, p.Ended)
	addAnswer(p, &list, "consequences", "/consequences", r.Consequences, func(w verify.Words) string { return p.Own(w) })
	return append(list, Answer{"/advice", verify.Known, p.Say("ask.advice"), p.Join(p.Advice()...)})
}

func addAnswer[T any](p *speaker, list *[]Answer, ask, field string, f verify.Fact[T], say func(T) string) {
	if text := given(p, f, say); text != "" {
		*list = append(*list, Answer{field, f.Status, p.Say("ask." + ask), text})
	}
}

func (p *speaker) site([]verify.Site) string {
	if p.r.Which.Surfaces.Value == nil {
		return p.Say("site.only", "site", p.Site)
	}
	return p.Say("site", "site", p.Site, "page", p.Page())
}

// regions names countries as the language does (CLDR).
func (p *speaker) regions(list []verify.Region) string {
	if len(list) == 1 && list[0].Country == Together {
		return p.Say("regions.together", "n", p.Number(list[0].People))
	}
	namer := display.Regions(language.Make(p.lang))
	var items []string
	for _, r := range list {
		name := ""
		switch code, err := language.ParseRegion(r.Country); {
		case r.Country == Together:
			name = p.Say("region.other")
		case r.Country == "":
			name = p.Say("region.none")
		case err == nil && namer != nil:
			name = namer.Name(code)
		default:
			name = r.Country // a part of a country, such as US-CA
		}
		items = append(items, p.Say("region", "country", name, "n", p.Number(r.People)))
	}
	return p.Say("regions", "list", p.List(items))
}

func (p *speaker) late(first time.Time) string {
	if p.Detected.IsZero() {
		return p.At(first)
	}
	text := p.Say("late", "found", p.At(p.Detected), "told", p.At(first))
	if len(p.DelayReason) > 0 {
		text = p.Join(text, p.Sentence("delay"))
	}
	return text
}

func (p *speaker) regulators(list []verify.Regulator) string {
	var told []string
	for _, r := range list {
		if !r.Filed.IsZero() {
			told = append(told, p.Regulator(notice.Regulator{Authority: r.Authority, Law: r.Law, Filed: r.Filed, Reference: r.Reference}))
		}
	}
	if len(told) == 0 {
		return p.Say("regulators.none")
	}
	return p.Join(told...)
}

// style are the notices' rules that hold for a press statement as well: it says whom it is from, where, when, how many, and why, and neither hedges nor soothes.
var style = []string{"N03", "N04", "N05", "N06", "N07", "N16", "N17", "N18", "N19"}

// LintStatement judges a press statement, as somebody may have edited it.
func LintStatement(text string, r verify.Report, f notice.Facts) ([]notice.Finding, error) {
	l, err := notice.ReadLetter("statement.txt", []byte(text))
	if err != nil {
		return nil, err
	}
	facts := factsOf(r, f)
	if r.Cause.Summary.Status != verify.Unknown && facts.Cause == incident.CauseUndetermined {
		facts.Cause = "" // people know it
	}
	var list []notice.Finding
	for _, found := range notice.Lint(l, &facts, nil) {
		if found.Rule == "N05" && r.Cause.Summary.Status == verify.Withheld {
			continue
		}
		if slices.Contains(style, found.Rule) {
			list = append(list, found)
		}
	}
	return list, nil
}

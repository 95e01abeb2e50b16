package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"candor.example/verify"
)

// row is one fact on a page: what is known, since when, and what it rests on.
type row struct {
	ID        string // of the element
	Label     string
	Values    []text
	Status    verify.Status
	Standing  string // "Known"
	Since     string // "As of …"
	AsOf      string // the same, for programs
	By        string
	Notes     []text
	Evidence  []string
	Corrected []int // numbers of corrections, from 1
}

// fact makes a row of the fact at a JSON pointer. What is unknown or withheld says so in place of a value.
func fact[T any](v *view, pointer string, f verify.Fact[T], say func(T) []text) row {
	r := row{ID: strings.ReplaceAll(pointer[1:], "/", "."), Label: v.Say(pointer), Status: statusOf(f.Status), AsOf: f.AsOf.UTC().Format(time.RFC3339), Corrected: v.correctionsOf(pointer)}
	r.Since = v.Say("status.as-of", "moment", v.Moment(f.AsOf))
	for _, e := range f.Evidence {
		r.Evidence = append(r.Evidence, shown(e))
	}
	reason := shown(f.Reason)
	switch {
	case r.Status == verify.Withheld:
		r.Values = []text{plain(v.Say("say.withheld", "reason", reason))}
	case r.Status == verify.Unknown || f.Value == nil:
		r.Status, r.Values = verify.Unknown, []text{plain(v.unknown(f.NextUpdateBy))}
		r.Notes = texts(reason)
	default:
		r.Values = say(*f.Value)
		if reason != "" {
			note := reason
			if r.Status == verify.Estimated {
				note = v.Say("say.estimated", "reason", reason)
			}
			r.Notes = texts(note)
		}
	}
	if len(r.Values) == 0 {
		r.Values = texts(v.Say("say.none"))
	}
	r.Standing = v.Say("status." + string(r.Status))
	return r
}

// statusOf is one of the four statuses. What a report says beside them is not known.
func statusOf(s verify.Status) verify.Status {
	if s == verify.Known || s == verify.Estimated || s == verify.Withheld {
		return s
	}
	return verify.Unknown
}

func (v voice) unknown(by time.Time) string {
	if by.IsZero() {
		return v.Say("say.unknown")
	}
	return v.Say("say.unknown-by", "date", v.Date(by))
}

// correctionsOf are the corrections of the fact at a pointer, or of a part of it.
func (v *view) correctionsOf(pointer string) (numbers []int) {
	for i, c := range v.r.Corrections {
		if c.Field == pointer || strings.HasPrefix(c.Field, pointer+"/") {
			numbers = append(numbers, i+1)
		}
	}
	return numbers
}

// group is the rows of one question.
type group struct {
	Title string
	Rows  []row
	Note  string
}

func (v *view) groups() []group {
	which := group{Title: v.Say("question.which"), Rows: v.whichRows()}
	if n := v.r.Merge; n > 0 {
		which.Note = v.Count("region.merged", n)
	}
	return []group{which, {Title: v.Say("question.many"), Rows: v.manyRows()}, {Title: v.Say("question.cause"), Rows: v.causeRows()}, {Title: v.Say("question.fix"), Rows: v.fixRows()}}
}

func (v *view) whichRows() []row {
	w := v.r.Which
	return []row{
		fact(v, "/which/sites", w.Sites, func(sites []verify.Site) []text { return each(sites, v.site) }),
		fact(v, "/which/surfaces", w.Surfaces, func(list []verify.Surface) []text { return flat(list, v.surface) }),
		fact(v, "/which/audience", w.Audience, func(list []string) []text {
			return each(list, func(a string) text { return v.word("audience.", a) })
		}),
		fact(v, "/which/regions", w.Regions, func(list []verify.Region) []text {
			if len(list) == 1 && list[0].Country == Together {
				return texts(v.Say("region.all") + v.Say("colon") + v.Count("region.people", list[0].People))
			}
			return each(list, v.region)
		}),
	}
}

func each[T any](list []T, say func(T) text) (all []text) {
	for _, x := range list {
		all = append(all, say(x))
	}
	return all
}

func flat[T any](list []T, say func(T) []text) (all []text) {
	for _, x := range list {
		all = append(all, say(x)...)
	}
	return all
}

func (v *view) site(s verify.Site) text {
	parts := []string{shown(s.Host)}
	if s.App != "" {
		parts = append(parts, shown(s.App))
	}
	if s.Country != "" {
		parts = append(parts, v.Say("site.country", "country", v.country(s.Country)))
	}
	if s.Version != "" {
		parts = append(parts, v.Say("site.version", "version", shown(s.Version)))
	}
	return plain(strings.Join(parts, v.Say("comma")))
}

func (v *view) surface(s verify.Surface) []text {
	list := []text{code(s.Route)}
	if name := v.own(s.Name); name.Text != "" {
		list = append([]text{name}, list...)
	}
	if s.Kind != "" {
		list = append(list, v.word("surface.", s.Kind))
	}
	return list
}

func (v *view) region(r verify.Region) text {
	return plain(v.country(r.Country) + v.Say("colon") + v.Count("region.people", r.People))
}

// country is its name in the page's language (CLDR). A part of one keeps its ISO 3166-2 code behind the country's name.
func (v *view) country(c string) string {
	switch c {
	case "":
		return v.Say("region.unknown")
	case "other":
		return v.Say("region.other")
	}
	whole, _, part := strings.Cut(c, "-")
	region, err := language.ParseRegion(whole)
	if err != nil {
		return shown(c)
	}
	name := display.Regions(language.Make(v.Lang)).Name(region)
	if name == "" {
		return shown(c)
	}
	if part {
		name += " (" + shown(c) + ")"
	}
	return name
}

func (v *view) manyRows() []row {
	h := v.r.HowMany
	number := func(n int) []text { return texts(v.Number(n)) }
	return []row{
		fact(v, "/how_many/people", h.People, v.people),
		fact(v, "/how_many/prevented", h.Prevented, number),
		fact(v, "/how_many/possible", h.Possible, number),
		fact(v, "/how_many/viewers_count", h.Viewers, func(n int) []text { return texts(v.Number(n), v.Say("viewers.means")) }),
		fact(v, "/how_many/exposures", h.Exposures, number),
		fact(v, "/how_many/records", h.Records, number),
		fact(v, "/how_many/special_groups", h.Special, func(s string) []text { return texts(shown(s)) }),
		fact(v, "/how_many/severity", h.Severity, v.severity),
	}
}

// counted is how a draft says that people were counted (drafter.howMany).
const counted = "counted: each person once, by an identifier that was in a response to somebody else"

func (v *view) people(p verify.People) []text {
	how := shown(p.Method)
	if how == counted {
		how = v.Say("method.counted")
	}
	if p.Exact != nil {
		return texts(v.Count("people.exact", *p.Exact), how)
	}
	return texts(v.Say("people.range", "lower", v.Number(p.Lower), "upper", v.Number(p.Upper)), how)
}

func (v *view) severity(s verify.Severity) []text {
	d := v.decimal
	return texts(v.Say("severity", "se", d(s.SE), "band", v.word("band.", s.Band).Text),
		v.Say("severity.sum", "dpc", d(s.DPC), "ei", d(s.EI), "cb", d(s.CB), "se", d(s.SE)), shown(s.Reason))
}

// decimal writes a number of severities, which have two places at most.
func (v voice) decimal(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "–"
	}
	return strings.Replace(strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64), ".", v.Say("point"), 1)
}

func (v *view) causeRows() []row {
	c := v.r.Cause
	own := func(w verify.Words) []text { return []text{v.own(w)} }
	summary := fact(v, "/cause/summary_plain", c.Summary, own)
	if summary.Status == verify.Unknown {
		summary.Values = v.cause()
	}
	return []row{
		summary,
		fact(v, "/cause/kind", c.Kind, func(k string) []text { return []text{v.word("kind.", k)} }),
		fact(v, "/cause/trigger", c.Trigger, v.trigger),
		fact(v, "/cause/why_not_caught", c.WhyNotCaught, own),
		fact(v, "/cause/third_party", c.ThirdParty, func(s string) []text { return texts(shown(s)) }),
		fact(v, "/cause/mechanism", c.Mechanism, v.mechanism),
		fact(v, "/cause/veris", c.VERIS, func(e verify.VERIS) []text {
			return []text{code("action.error.variety: " + strings.Join(e.Variety, ", ")), code("action.error.vector: " + strings.Join(e.Vector, ", "))}
		}),
	}
}

func (v *view) trigger(t verify.Trigger) []text {
	if t.Deployed.IsZero() {
		return texts(v.Say("trigger", "change", shown(t.Change)))
	}
	return texts(v.Say("trigger.at", "change", shown(t.Change), "at", v.At(t.Deployed)))
}

// mechanism is in the words of the verdict, which are English.
func (v *view) mechanism(m verify.Mechanism) []text {
	var list []text
	english := func(s string) {
		if s != "" {
			t := plain(s)
			if v.Lang != "en" {
				t.Lang = "en"
			}
			list = append(list, t)
		}
	}
	english(m.Title)
	english(strings.Join(slices.DeleteFunc([]string{m.CWE, m.OWASP}, func(s string) bool { return s == "" }), " · "))
	for _, d := range m.Decided {
		english(d)
	}
	return list
}

func (v *view) fixRows() []row {
	f := v.r.Fix
	at := func(t time.Time) []text { return []text{v.moment(t)} }
	return []row{
		fact(v, "/fix/contained_at", f.ContainedAt, at),
		fact(v, "/fix/contained_how", f.ContainedHow, func(how string) []text { return []text{v.word("contained.how.", how)} }),
		fact(v, "/fix/fixed_at", f.FixedAt, at),
		fact(v, "/fix/fix_reference", f.Reference, func(s string) []text { return []text{code(s)} }),
		fact(v, "/fix/verified_by", f.VerifiedBy, func(p verify.Proof) []text { return texts(v.proof(p)...) }),
		fact(v, "/fix/copies_purged", f.Purged, func(list []string) []text { return each(list, plain) }),
		fact(v, "/fix/wrong_viewers_asked_to_delete", f.WrongViewers, v.wrongViewers),
	}
}

// proof is what a notice says of it, too.
func (v *view) proof(p verify.Proof) []string {
	list := []string{v.Count("verified", p.Replayed, "at", v.At(p.At))}
	if p.Clean > 0 {
		list = append(list, v.Count("clean", int(p.Clean)))
	}
	return list
}

func (v *view) wrongViewers(w verify.WrongViewers) []text {
	return texts(v.Say("asked", "asked", v.Number(w.Asked), "confirmed", v.Number(w.Confirmed), "contact", v.Number(w.Contact), "silent", v.Number(w.Asked-w.Confirmed-w.Contact)))
}

// moments are the timeline's rows.
func (v *view) moments() (rows []row) {
	t := v.r.Timeline
	for _, m := range []struct {
		name string
		verify.Moment
	}{{"introduced", t.Introduced}, {"first_exposure", t.First}, {"detected", t.Detected}, {"aware", t.Aware}, {"contained", t.Contained}, {"last_exposure", t.Last}, {"fixed", t.Fixed},
		{"determined", t.Determined}, {"first_notice", t.FirstNotice}, {"last_notice", t.LastNotice}} {
		r := fact(v, "/timeline/"+m.name, m.Fact, func(at time.Time) []text { return []text{v.moment(at)} })
		if m.By != "" {
			r.By = v.Say("by", "who", v.word("by.", m.By).Text)
		}
		rows = append(rows, r)
	}
	// What is known stands in the order of time, whatever that was; the rest behind it.
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.when(), b.when()) })
	return rows
}

// when is a time as a string that sorts; what has none is last.
func (r row) when() string {
	if len(r.Values) > 0 && r.Values[0].ISO != "" {
		return r.Values[0].ISO
	}
	return "~"
}

// fields are the rows of what was shown, and what was not.
func (v *view) fields() (disclosed, not row) {
	h := v.r.HowMany
	disclosed = fact(v, "/how_many/fields_disclosed", h.Disclosed, func(list []string) []text {
		return each(list, func(f string) text { return v.word("field.", f) })
	})
	not = fact(v, "/how_many/fields_not_disclosed", h.NotDisclosed, func(list []verify.NotDisclosed) []text { return each(list, v.notDisclosed) })
	return disclosed, not
}

// searchedFor is how a draft says what it knows of credentials that were not shown (notDisclosed).
const searchedFor = "all of each response that showed somebody was searched for it"

// notDisclosed names the field. On what it rests stands with it, where it is not what is said once for all.
func (v *view) notDisclosed(n verify.NotDisclosed) text {
	t := v.word("field.", n.Field)
	if n.Basis != "" && n.Basis != searchedFor {
		t.Text = fmt.Sprintf("%s (%s)", t.Text, v.Say("data.basis", "basis", shown(n.Basis)))
	}
	return t
}

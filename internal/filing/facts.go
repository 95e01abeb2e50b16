package filing

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"candor.example/verify"
)

// said is a fact in words.
type said struct {
	text   string
	status verify.Status // empty: nothing is known of it, not even when it will be
}

// source is where a fact comes from: its name where several fill one field, and how it is said.
type source struct {
	name string
	say  func(*draft) said
}

// facts are what fills a form. A name that begins with a slash is a JSON pointer into candor.report/v1; the others are of the filing itself.
var facts = map[string]source{
	"/incident_id":                       {"Incident", plain(func(d *draft) string { return d.Report.Incident })},
	"/publisher/legal_name":              {"Name", plain(func(d *draft) string { return d.Report.Publisher.LegalName })},
	"/publisher/address":                 {"Address", plain(func(d *draft) string { return d.Report.Publisher.Address })},
	"/publisher/domain":                  {"Domain", plain(func(d *draft) string { return d.Report.Publisher.Domain })},
	"/publisher/contact":                 {"Contact", plain(func(d *draft) string { return contact(d.Report.Publisher.Contact) })},
	"/publisher/dpo":                     {"Data protection officer", plain(func(d *draft) string { return contact(d.Report.Publisher.DPO) })},
	"/which/sites":                       {"Sites", fact(func(r *verify.Report) verify.Fact[[]verify.Site] { return r.Which.Sites }, each(site))},
	"/which/surfaces":                    {"Where", fact(func(r *verify.Report) verify.Fact[[]verify.Surface] { return r.Which.Surfaces }, each(surface))},
	"/which/audience":                    {"Shown to", fact(func(r *verify.Report) verify.Fact[[]string] { return r.Which.Audience }, each(inWords))},
	"/which/regions":                     {"People by country", regions},
	"/how_many/people":                   {"People", fact(func(r *verify.Report) verify.Fact[verify.People] { return r.HowMany.People }, people)},
	"/how_many/prevented":                {"People whose data was masked or withheld in time", fact(func(r *verify.Report) verify.Fact[int] { return r.HowMany.Prevented }, number)},
	"/how_many/possible":                 {"People whose data may have left where nobody looked", fact(func(r *verify.Report) verify.Fact[int] { return r.HowMany.Possible }, number)},
	"/how_many/records":                  {"Records", fact(func(r *verify.Report) verify.Fact[int] { return r.HowMany.Records }, number)},
	"/how_many/viewers_count":            {"Viewers who were shown it", fact(func(r *verify.Report) verify.Fact[int] { return r.HowMany.Viewers }, number)},
	"/how_many/exposures":                {"Pairs of person and viewer", fact(func(r *verify.Report) verify.Fact[int] { return r.HowMany.Exposures }, number)},
	"/how_many/fields_disclosed":         {"Data shown", fact(func(r *verify.Report) verify.Fact[[]string] { return r.HowMany.Disclosed }, listed)},
	"/how_many/fields_not_disclosed":     {"Data not shown", fact(func(r *verify.Report) verify.Fact[[]verify.NotDisclosed] { return r.HowMany.NotDisclosed }, each(notShown))},
	"/how_many/special_groups":           {"Vulnerable people", fact(func(r *verify.Report) verify.Fact[string] { return r.HowMany.Special }, as)},
	"/how_many/severity":                 {"Severity (ENISA 2013)", fact(func(r *verify.Report) verify.Fact[verify.Severity] { return r.HowMany.Severity }, severity)},
	"/cause/summary_plain":               {"What happened", cause},
	"/cause/veris":                       {"Cause (VERIS 1.4)", fact(func(r *verify.Report) verify.Fact[verify.VERIS] { return r.Cause.VERIS }, veris)},
	"/cause/mechanism":                   {"Cause", fact(func(r *verify.Report) verify.Fact[verify.Mechanism] { return r.Cause.Mechanism }, mechanism)},
	"/cause/trigger":                     {"Began with", fact(func(r *verify.Report) verify.Fact[verify.Trigger] { return r.Cause.Trigger }, trigger)},
	"/cause/why_not_caught":              {"Why it was not caught", fact(func(r *verify.Report) verify.Fact[verify.Words] { return r.Cause.WhyNotCaught }, words)},
	"/cause/kind":                        {"Kind of mistake", fact(func(r *verify.Report) verify.Fact[string] { return r.Cause.Kind }, as)},
	"/cause/third_party":                 {"Third party", fact(func(r *verify.Report) verify.Fact[string] { return r.Cause.ThirdParty }, as)},
	"/fix/contained_at":                  {"Contained", moment(func(r *verify.Report) verify.Fact[time.Time] { return r.Fix.ContainedAt })},
	"/fix/contained_how":                 {"Contained by", fact(func(r *verify.Report) verify.Fact[string] { return r.Fix.ContainedHow }, inWords)},
	"/fix/fixed_at":                      {"Fixed", moment(func(r *verify.Report) verify.Fact[time.Time] { return r.Fix.FixedAt })},
	"/fix/fix_reference":                 {"Reference of the fix", fact(func(r *verify.Report) verify.Fact[string] { return r.Fix.Reference }, as)},
	"/fix/verified_by":                   {"Verified", verified},
	"/fix/copies_purged":                 {"Copies removed", fact(func(r *verify.Report) verify.Fact[[]string] { return r.Fix.Purged }, listed)},
	"/fix/wrong_viewers_asked_to_delete": {"Those who saw it", fact(func(r *verify.Report) verify.Fact[verify.WrongViewers] { return r.Fix.WrongViewers }, wrongViewers)},
	"/fix/prevention":                    {"So that it does not happen again", prevention},
	"/timeline/introduced":               {"Introduced", moment(func(r *verify.Report) verify.Fact[time.Time] { return r.Timeline.Introduced.Fact })},
	"/timeline/first_exposure":           {"First shown", moment(func(r *verify.Report) verify.Fact[time.Time] { return r.Timeline.First.Fact })},
	"/timeline/last_exposure":            {"Last shown", moment(func(r *verify.Report) verify.Fact[time.Time] { return r.Timeline.Last.Fact })},
	"/timeline/detected":                 {"Detected", moment(func(r *verify.Report) verify.Fact[time.Time] { return r.Timeline.Detected.Fact })},
	"/timeline/aware":                    {"Aware", moment(func(r *verify.Report) verify.Fact[time.Time] { return r.Timeline.Aware.Fact })},
	"/timeline/determined":               {"Facts determined", moment(func(r *verify.Report) verify.Fact[time.Time] { return r.Timeline.Determined.Fact })},
	"/timeline/first_notice":             {"First notice sent", moment(func(r *verify.Report) verify.Fact[time.Time] { return r.Timeline.FirstNotice.Fact })},
	"/timeline/last_notice":              {"Last notice sent", moment(func(r *verify.Report) verify.Fact[time.Time] { return r.Timeline.LastNotice.Fact })},
	"/people_told":                       {"People told", tally},
	"/people_told/accepted":              {"People to whom a notice was delivered", plain(accepted)},
	"/consequences":                      {"Likely consequences", fact(func(r *verify.Report) verify.Fact[verify.Words] { return r.Consequences }, words)},
	"/advice":                            {"What people can do", plain(advice)},
	"/how_to_check":                      {"How people can check a notice", plain(func(d *draft) string { return words(d.Report.HowToCheck) })},
	"/regulators":                        {"Other authorities", regulators},
	"/open_questions":                    {"Still open", plain(open)},

	"phase":        {"Phase", plain(func(d *draft) string { return d.phaseWord() })},
	"earlier":      {"Filed before", plain(earlier)},
	"now":          {"Date of this notification", plain(func(d *draft) string { return d.time(d.Now) })},
	"due":          {"Due", plain(func(d *draft) string { return d.time(d.duty().At) })},
	"duty":         {"Duty", plain(func(d *draft) string { return d.dutyWord() })},
	"told_there":   {"People there who were sent a notice", plain(toldThere)},
	"people_there": {"People there", plain(peopleThere)},
	"changes":      {"Changed since it was filed", plain(changed)},
	"sample":       {"Sample of the notice", plain(func(d *draft) string { return attached(d.Sample) })},
}

func plain(text func(*draft) string) func(*draft) said {
	return func(d *draft) said {
		if t := strings.TrimSpace(text(d)); t != "" {
			return said{t, verify.Known}
		}
		return said{}
	}
}

// fact says a fact of the report. What is unknown or withheld is said as that: a regulator may ask what the public is not told, so a person has to look.
func fact[T any](of func(*verify.Report) verify.Fact[T], text func(T) string) func(*draft) said {
	return func(d *draft) said { return sayFact(d, of(&d.Report), text) }
}

func sayFact[T any](d *draft, f verify.Fact[T], text func(T) string) said {
	switch f.Status {
	case verify.Known, verify.Estimated:
		if f.Value == nil || text(*f.Value) == "" {
			return said{}
		}
		t := text(*f.Value)
		if f.Status == verify.Estimated {
			t += " (estimated: " + f.Reason + ")"
		}
		return said{t, f.Status}
	case verify.Unknown:
		return said{"not known yet; it will be said by " + d.time(f.NextUpdateBy), f.Status}
	case verify.Withheld:
		return said{"withheld from the public report: " + f.Reason, f.Status}
	}
	return said{}
}

func moment(of func(*verify.Report) verify.Fact[time.Time]) func(*draft) said {
	return func(d *draft) said { return sayFact(d, of(&d.Report), d.time) }
}

func each[T any](text func(T) string) func([]T) string {
	return func(list []T) string {
		var lines []string
		for _, one := range list {
			lines = append(lines, text(one))
		}
		return strings.Join(lines, "; ")
	}
}

func as(s string) string          { return s }
func number(n int) string         { return fmt.Sprint(n) }
func listed(list []string) string { return strings.Join(list, ", ") }

// inWords says what programs call other_customers.
func inWords(s string) string {
	switch s {
	case "mask":
		return "masking it in responses"
	case "withhold":
		return "withholding such responses"
	case "trip":
		return "closing the page"
	}
	return strings.ReplaceAll(s, "_", " ")
}

// words are English where there are any: the forms are in English.
func words(w verify.Words) string {
	if text := w["en"]; text != "" {
		return text
	}
	for _, lang := range slices.Sorted(maps.Keys(w)) {
		if w[lang] != "" {
			return w[lang]
		}
	}
	return ""
}

func contact(c verify.Contact) string { return joined(", ", c.Role, c.Name, c.Email, c.Phone) }

// joined leaves out what is empty.
func joined(by string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), by)
}

func site(s verify.Site) string {
	return joined(", ", s.Host, s.Country, s.App, prefixed("version ", s.Version))
}

func prefixed(before, s string) string {
	if s == "" {
		return ""
	}
	return before + s
}

func surface(s verify.Surface) string {
	return joined(" ", words(s.Name), "("+s.Kind+" "+s.Route+")")
}

func people(p verify.People) string {
	if p.Exact != nil {
		return fmt.Sprintf("%d, exactly (%s)", *p.Exact, p.Method)
	}
	return fmt.Sprintf("%d to %d (%s)", p.Lower, p.Upper, p.Method)
}

func notShown(n verify.NotDisclosed) string { return n.Field + " (" + n.Basis + ")" }

func severity(s verify.Severity) string {
	return joined("; ", fmt.Sprintf("%s: %g x %g + %g = %g", s.Band, s.DPC, s.EI, s.CB, s.SE), s.Reason)
}

func veris(v verify.VERIS) string {
	return "action.error, variety " + listed(v.Variety) + ", vector " + listed(v.Vector)
}

func mechanism(m verify.Mechanism) string {
	return joined(". ", joined(" ", m.Title, inBrackets(joined(", ", m.CWE, m.OWASP))), strings.Join(m.Decided, " "))
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

func trigger(t verify.Trigger) string {
	if t.Deployed.IsZero() {
		return t.Change
	}
	return t.Change + ", live since " + t.Deployed.UTC().Format("2006-01-02 15:04 UTC")
}

func verified(d *draft) said {
	return sayFact(d, d.Report.Fix.VerifiedBy, func(p verify.Proof) string {
		return fmt.Sprintf("%s: %d recorded requests were asked again and disclosed nothing; %d responses since the fix without a disclosure", d.time(p.At), p.Replayed, p.Clean)
	})
}

func wrongViewers(w verify.WrongViewers) string {
	return fmt.Sprintf("%d were asked to delete it, %d said that they did or kept nothing, %d still have something", w.Asked, w.Confirmed, w.Contact)
}

// cause says which two remain, where it is not known.
func cause(d *draft) said {
	c := d.Report.Cause
	s := sayFact(d, c.Summary, words)
	if c.Summary.Status == verify.Unknown && len(c.Candidates) == 2 {
		s.text += fmt.Sprintf(". One of these two is left: %s Or: %s", words(c.Candidates[0]), words(c.Candidates[1]))
	}
	return s
}

func prevention(d *draft) said {
	return sayFact(d, d.Report.Fix.Prevention, each(func(p verify.Prevention) string {
		return joined(", ", words(p.Action), p.Owner, prefixed("due ", d.time(p.Due)), prefixed("done ", d.time(p.Done)))
	}))
}

func regions(d *draft) said {
	return sayFact(d, d.Report.Which.Regions, each(func(r verify.Region) string {
		name := r.Country
		switch name {
		case "":
			name = "country unknown"
		case "other":
			name = "other countries, counted together:"
			if d.Report.Which.Regions.Value != nil && len(*d.Report.Which.Regions.Value) == 1 {
				name = "all countries, counted together:"
			}
		}
		return fmt.Sprintf("%s %d", name, r.People)
	}))
}

// tally is the sum of people told; nothing where nobody has to be.
func tally(d *draft) said {
	t := d.Report.Told
	if t.Affected == 0 {
		return said{}
	}
	lines := []string{fmt.Sprintf("%d affected: %d accepted, %d bounced, %d told by another channel, %d in doubt, %d withheld, %d waiting; %d complaints",
		t.Affected, t.Accepted, t.Bounced, t.OtherChannel, t.InDoubt, t.Withheld, t.Waiting, t.Complaints)}
	if !t.FirstAt.IsZero() {
		lines = append(lines, joined(", ", "first "+d.time(t.FirstAt), prefixed("last ", d.time(t.LastAt))))
	}
	for _, hash := range t.Notices {
		lines = append(lines, "notice SHA-256 "+hash)
	}
	return said{strings.Join(lines, "; "), verify.Known}
}

func accepted(d *draft) string {
	if t := d.Report.Told; t.Affected > 0 {
		return fmt.Sprintf("%d of all %d affected, wherever they live", t.Accepted, t.Affected)
	}
	return ""
}

func advice(d *draft) string {
	var lines []string
	for i, w := range d.Report.Advice {
		lines = append(lines, fmt.Sprintf("%d. %s", i+1, words(w)))
	}
	return strings.Join(lines, " ")
}

// regulators are the other authorities: those that were told, and those that have to be.
func regulators(d *draft) said {
	return sayFact(d, d.Report.Regulators, func(list []verify.Regulator) string {
		var lines []string
		for _, r := range list {
			if r.Law == d.duty().Law || r.Filed.IsZero() && r.Duty != "yes" {
				continue
			}
			line := joined(", ", r.Authority, r.Law)
			if r.Filed.IsZero() {
				line += ", not told yet"
			} else {
				line += ", " + joined(" ", r.Phase, "filed", d.time(r.Filed)) + prefixed(", reference ", r.Reference)
			}
			lines = append(lines, line)
		}
		return cmp.Or(strings.Join(lines, "; "), "none")
	})
}

func open(d *draft) string {
	var lines []string
	for _, q := range d.Report.Open {
		lines = append(lines, words(q.Text)+" (by "+d.time(q.AnswerBy)+")")
	}
	return strings.Join(lines, "; ")
}

func earlier(d *draft) string {
	var lines []string
	for _, f := range d.earlier() {
		lines = append(lines, joined(", ", f.Phase, d.time(f.At), f.How, prefixed("reference ", f.Reference)))
	}
	return strings.Join(lines, "; ")
}

func peopleThere(d *draft) string {
	if d.duty().Place == "" {
		return ""
	}
	return fmt.Sprint(d.duty().People)
}

func toldThere(d *draft) string {
	if d.ToldThere == nil {
		return ""
	}
	return fmt.Sprint(*d.ToldThere)
}

func attached(sample string) string {
	if strings.TrimSpace(sample) == "" {
		return ""
	}
	return "attached at the end, as it is written to a person who is made up"
}

func changed(d *draft) string {
	var lines []string
	for _, c := range d.changes {
		lines = append(lines, c.Label)
	}
	return strings.Join(lines, "; ")
}

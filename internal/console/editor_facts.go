package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/notice"
)

// fact is one thing that a notice may say. Unknown: nobody knows it yet, and Value says so, and who could.
type fact struct {
	Name, Value string
	Unknown     bool
}

// Facts are all that the words can rest on, as of when they were written; what is not known is said.
func (e editor) Facts() []fact {
	f := e.draft.Facts
	l := factList{lang: e.Lang(), zone: zoneOf(f.Publisher)}
	l.known("as of", l.time(f.AsOf))
	l.known("site", f.Site)
	l.say("page", cmp.Or(f.Surface[l.lang], f.Surface["en"]), "in words: not said, so texts name the path of "+f.Route+" (candor.yaml, notice.surfaces)")
	l.known("people exposed", number(f.People))
	l.known("prevented", number(f.Prevented)+" more, whose data was stopped")
	l.known("possible", number(f.Possible)+" more, where Candor could not look")
	l.say("shown", kinds(f.Kinds), "not known")
	l.say("who saw it", seenBy(f), "not known")
	l.credentials(f)
	l.say("from", l.time(f.First), "not known")
	l.say("to", l.time(f.Last), "not known")
	l.say("found", l.time(f.Detected), "not known")
	l.say("aware", l.time(f.Aware), "nobody has confirmed yet that it is a breach")
	l.say("contained", strings.TrimSpace(l.time(f.Contained)+" "+f.ContainedHow), "not yet")
	l.cause(f)
	l.say("since release", f.Release, "not known")
	l.say("fixed", l.time(f.Fixed), "not yet")
	l.say("by", strings.TrimSpace(f.FixReference+" "+f.FixRelease), "not said what fixed it")
	l.say("verified", verified(f, l), "not yet: candor incident verify proves it")
	l.say("clean since", clean(f), "nothing was inspected since")
	l.say("prevention", l.words(f.Prevention), "not said: what is changed so that it does not happen again (candor.yaml, notice.prevention)")
	l.say("why so late", l.words(f.DelayReason), "no reason given (candor.yaml, notice.delay)")
	l.say("delayed by police", police(f), "not said: needed for California (candor.yaml, notice.police_delay)")
	l.regulators(f)
	l.say("next word by", l.date(f.UpdateBy), "not promised (candor.yaml, notice.update_by)")
	l.say("report", reportOf(f), "none published")
	l.publisher(f.Publisher)
	return l.list
}

type factList struct {
	list []fact
	lang string
	zone *time.Location
}

func (l *factList) known(name, value string) { l.list = append(l.list, fact{name, value, false}) }

func (l *factList) say(name, value, unknown string) {
	if value == "" {
		l.list = append(l.list, fact{name, unknown, true})
		return
	}
	l.known(name, value)
}

// time is a moment in the zone in which texts say it.
func (l *factList) time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(l.zone).Format("2 Jan 2006, 15:04:05 MST")
}

func (l *factList) date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(l.zone).Format("2 Jan 2006")
}

func (l *factList) words(w notice.Words) string { return cmp.Or(w[l.lang], w["en"]) }

func zoneOf(p notice.Publisher) *time.Location {
	if z, err := time.LoadLocation(p.Zone); err == nil {
		return z
	}
	return time.UTC
}

func kinds(list []candor.Kind) string {
	var words []string
	for _, k := range list {
		words = append(words, string(k))
	}
	return strings.Join(words, ", ")
}

func seenBy(f notice.Facts) string {
	var words []string
	for _, v := range f.Viewers {
		words = append(words, number(v.Count)+" "+viewers(v.Kind, v.Count))
	}
	return strings.Join(words, ", ")
}

func (l *factList) credentials(f notice.Facts) {
	switch {
	case len(f.Credentials) > 0:
		l.known("credentials", strings.Join(f.Credentials, ", ")+": the advice is to change them")
	case f.Looked == candor.LookedAll:
		l.known("credentials", "none, and all of these responses were looked at")
	default:
		l.say("credentials", "", "none seen, but not all of these responses were looked at: the advice is to change passwords")
	}
}

func (l *factList) cause(f notice.Facts) {
	text := string(f.Cause)
	if len(f.Candidates) > 0 {
		var words []string
		for _, c := range f.Candidates {
			words = append(words, string(c))
		}
		text += ": " + strings.Join(words, " or ")
	}
	l.list = append(l.list, fact{"cause", text, len(f.Candidates) > 0 || f.Cause == "" || f.Cause == "undetermined"})
}

func verified(f notice.Facts, l factList) string {
	if f.Verified.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s, %s asked again and disclosed nothing", l.time(f.Verified), plenty(f.Replayed, "request was", "requests were"))
}

func police(f notice.Facts) string {
	switch held := f.PoliceDelay; {
	case held == nil:
		return ""
	case *held:
		return "yes"
	}
	return "no"
}

func clean(f notice.Facts) string {
	if f.CleanSince == 0 {
		return ""
	}
	return number(f.CleanSince) + " responses of the page inspected since, without one"
}

func (l *factList) regulators(f notice.Facts) {
	for _, r := range f.Regulators {
		text := r.Authority + ", " + r.Law
		switch {
		case r.Filed.IsZero():
			text += ": not told, because " + cmp.Or(r.Reason, "no reason is given")
		default:
			text += ", told " + l.date(r.Filed) + " " + r.Reference
		}
		l.list = append(l.list, fact{"regulator", text, r.Filed.IsZero() && r.Reason == ""})
	}
	if len(f.Regulators) == 0 {
		l.say("regulators", "", "not said whether any was told (candor.yaml, notice.regulators)")
	}
}

func reportOf(f notice.Facts) string {
	if f.Report == nil {
		return ""
	}
	return fmt.Sprintf("%s, revision %d", f.Report.URL, f.Report.Revision)
}

func (l *factList) publisher(p notice.Publisher) {
	l.say("speaks", p.LegalName, "not said (candor.yaml, notice.publisher)")
	l.say("address", p.Address, "not said")
	l.known("domain", p.Domain)
	l.say("contact", contact(p.Contact), "not said")
	l.say("protection officer", contact(p.DPO), "not said")
	l.known("zone", cmp.Or(p.Zone, "UTC"))
}

func contact(c notice.Contact) string {
	parts := slices.DeleteFunc([]string{c.Role, c.Name, c.Email, c.Phone}, func(s string) bool { return s == "" })
	return strings.Join(parts, ", ")
}

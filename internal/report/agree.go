package report

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"candor.example/internal/notice"
	"candor.example/verify"
)

// Disagreement is where a notice or a statement says otherwise than a report.
type Disagreement struct {
	Where  string `json:"where"` // "facts.people", "gdpr/de:7", "statement"
	Says   string `json:"says"`
	Report string `json:"report"`
}

func (d Disagreement) String() string {
	return fmt.Sprintf("%s says %s, and the report %s", d.Where, d.Says, d.Report)
}

// AgreeFacts compares the facts of a notice with a report (N29). What a notice did not say yet, and what has grown since while both were true, is none: the fix that
// came later, pages that were checked since.
func AgreeFacts(f notice.Facts, r verify.Report) (list []Disagreement) {
	want := factsOf(r, f)
	if r.HowMany.People.Value == nil { // what a report withholds it does not contradict
		want.People = f.People
	}
	differ := func(name string, says, report any) {
		a, b := asText(says), asText(report)
		if unsaid := reflect.ValueOf(says).IsZero() || reflect.ValueOf(report).IsZero(); a != b && !unsaid {
			list = append(list, Disagreement{"facts." + name, a, b})
		}
	}
	if f.People != want.People {
		list = append(list, Disagreement{"facts.people", asText(f.People), asText(want.People)})
	}
	differ("incident", f.Incident, r.Incident)
	differ("site", f.Site, want.Site)
	differ("route", publicRoute(f.Route), want.Route)
	differ("possible", f.Possible, want.Possible)
	differ("first", second(f.First), want.First)
	differ("last", second(f.Last), want.Last)
	differ("detected", second(f.Detected), want.Detected)
	differ("contained", second(f.Contained), want.Contained)
	differ("fixed", second(f.Fixed), want.Fixed)
	differ("fix_reference", f.FixReference, want.FixReference)
	differ("release", f.Release, want.Release)
	differ("cause", string(f.Cause), or(r.Cause.Mechanism, verify.Mechanism{}).ID)
	differ("kinds", disclosed(f), or(r.HowMany.Disclosed, nil))
	differ("viewers", viewersOf(f), or(r.HowMany.Viewers, 0))
	if f.Prevented > want.Prevented && r.HowMany.Prevented.Value != nil {
		list = append(list, Disagreement{"facts.prevented", asText(f.Prevented), asText(want.Prevented)})
	}
	return list
}

func viewersOf(f notice.Facts) (n int) {
	for _, v := range f.Viewers {
		n += v.Count
	}
	return n
}

func asText(v any) string {
	if t, ok := v.(time.Time); ok {
		return t.Format(time.RFC3339)
	}
	b, _ := json.Marshal(v) // numbers, texts and lists of them always can be
	return string(b)
}

// AgreeDraft compares a whole notice with a report: its facts, and each number of people in each of its texts.
func AgreeDraft(d notice.Draft, r verify.Report) ([]Disagreement, error) {
	list := AgreeFacts(d.Facts, r)
	facts := factsOf(r, d.Facts)
	for _, key := range sortedKeys(d.Texts) {
		law, lang, _ := strings.Cut(key, "/")
		m, err := d.Message(notice.MadeUp(d.Facts, notice.Law(law), lang), d.Facts.AsOf)
		if err != nil {
			return list, err
		}
		l, err := notice.ReadLetter(key+".txt", []byte(m.Subject+"\n\n"+m.Text))
		if err != nil {
			return list, err
		}
		l.Law = notice.Law(law)
		list = append(list, AgreeLetter(l, facts, notice.MadeUp(d.Facts, notice.Law(law), lang))...)
	}
	return list, nil
}

// AgreeLetter finds the numbers of people in a letter that a report's facts do not have.
func AgreeLetter(l notice.Letter, f notice.Facts, p notice.Person) (list []Disagreement) {
	for _, found := range notice.Lint(l, &f, &p) {
		if found.Rule == "N29" && found.Text != "" {
			list = append(list, Disagreement{fmt.Sprintf("%s:%d", l.Name, found.Line), found.Text, fmt.Sprintf("%d people", f.People)})
		}
	}
	return list
}

func sortedKeys(m map[string]string) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// numeral is a number as texts write it, with whatever groups its digits.
var numeral = regexp.MustCompile(`[0-9]+([.,\x{a0}\x{202f} ][0-9]{3})*`)

// AgreeStatement finds the numbers in a press statement, as somebody may have edited it, that a statement drafted from the report would not have.
func AgreeStatement(text, lang string, r verify.Report, f notice.Facts) ([]Disagreement, error) {
	s, err := StatementOf(r, f, lang)
	if err != nil {
		return nil, err
	}
	known := numbersIn(s.Text())
	var list []Disagreement
	for _, n := range numbersIn(text) {
		if !slices.Contains(known, n) {
			list = append(list, Disagreement{"statement/" + lang, n, "does not"})
		}
	}
	return list, nil
}

func numbersIn(text string) (list []string) {
	for _, n := range numeral.FindAllString(text, -1) {
		list = append(list, strings.Map(onlyDigits, n))
	}
	return list
}

func onlyDigits(r rune) rune {
	if r < '0' || r > '9' {
		return -1
	}
	return r
}

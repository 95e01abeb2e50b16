package report

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"candor.example"
	"candor.example/internal/duties"
	"candor.example/verify"
)

// The phases of a filing (GDPR 33(4)).
const (
	Initial    = "initial"
	FollowUp   = "follow-up"
	Final      = "final"
	Withdrawal = "withdrawal"
)

// Phases in the order in which they may come.
var Phases = []string{Initial, FollowUp, Final, Withdrawal}

// Filed is one notification that was made to a regulator: what a candor.Filed action says.
type Filed struct {
	Rule      string    `json:"rule"` // duties.Rule.ID
	Phase     string    `json:"phase"`
	At        time.Time `json:"at"`
	By        string    `json:"by"`
	How       string    `json:"how"` // "web form"
	Reference string    `json:"reference,omitempty"`
	Authority string    `json:"authority,omitempty"` // by name, where the rule's own leaves it open
	Document  string    `json:"document,omitempty"`  // the hash of what was filed
	Delay     string    `json:"delay,omitempty"`     // why it came late (GDPR 33(1))
}

// FiledOf reads a filing from an action of candor.Filed. An error says why it is none.
func FiledOf(a candor.Action) (Filed, error) {
	d := a.Details
	f := Filed{Rule: d["rule"], Phase: d["phase"], At: a.Time, By: a.By, How: d["how"], Reference: d["reference"], Authority: d["authority"], Document: d["document"], Delay: d["delay"]}
	if text := d["at"]; text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return f, errors.New(`"at" is no time such as 2018-11-20T10:00:00Z (RFC 3339)`)
		}
		f.At = at
	}
	f.At = f.At.UTC().Truncate(time.Second)
	switch {
	case a.What != candor.Filed:
		return f, fmt.Errorf("%q is no filing", a.What)
	case f.Rule == "":
		return f, errors.New(`"rule" is missing: under which duty it was filed`)
	case !slices.Contains(Phases, f.Phase):
		return f, errors.New(`"phase" is none of initial, follow-up, final and withdrawal`)
	case f.At.After(a.Time.Add(time.Minute)): // of clocks that differ
		return f, errors.New(`"at" lies in the future: record it when it was filed`)
	case f.How == "":
		return f, errors.New(`"how" is missing: by web form, mail, post`)
	case f.Document != "" && !candor.IsHash(f.Document):
		return f, errors.New(`"document" is no SHA-256`)
	}
	return f, nil
}

// Regulators are the authorities that a report names: each that a rule tells about people there, duty or no duty and why, and each that was told, once for each
// phase. Rules that concern nobody who was affected are left out.
func Regulators(a duties.Answer, filings []Filed) []verify.Regulator {
	list := []verify.Regulator{}
	for _, d := range a.Duties {
		if d.Tell != "regulator" {
			continue
		}
		one := verify.Regulator{Authority: d.Authority, Law: d.Law, Duty: dutyWord(d.Ruling), Reason: d.Why, Due: second(d.At)}
		filed := filedUnder(d.ID, filings)
		for _, f := range filed {
			list = append(list, told(one, f))
		}
		concerns := d.Ruling != duties.None || d.People > 0 && !d.Disabled()
		if len(filed) == 0 && concerns {
			list = append(list, one)
		}
	}
	return list
}

func dutyWord(r duties.Ruling) string {
	switch r {
	case duties.Due:
		return "yes"
	case duties.None:
		return "no"
	}
	return "undecided"
}

// filedUnder are the filings of one rule, in the order in which they were made.
func filedUnder(rule string, filings []Filed) (list []Filed) {
	for _, f := range filings {
		if f.Rule == rule {
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b Filed) int { return a.At.Compare(b.At) })
	return list
}

// told adds a filing to what a rule says. Only the first notification has a clock.
func told(r verify.Regulator, f Filed) verify.Regulator {
	if r.Filed, r.Reference, r.Phase = second(f.At), f.Reference, f.Phase; f.Authority != "" {
		r.Authority = f.Authority
	}
	if f.Phase != Initial {
		r.Due = time.Time{}
	}
	return r
}

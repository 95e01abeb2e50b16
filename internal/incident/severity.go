package incident

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"candor.example"
)

// The method is ENISA's "Recommendations for a methodology of the assessment of severity of personal data breaches", working document
// 1.0, December 2013: SE = DPC × EI + CB. Marks as in docs/duties.md: [S] read in an excerpt (myprivacy.tools/tool-enisascore.html;
// co-dex.eu; references/enisa-methodology.md of lawvable/awesome-legal-skills), [M] from memory: check before relying on it.

// Level is ENISA's word for a score.
type Level string

// The levels: below 2, from 2, from 3, from 4 [S].
const (
	Low      Level = "low"
	Medium   Level = "medium"
	High     Level = "high"
	VeryHigh Level = "very high"
)

func levelOf(se float64) Level {
	switch {
	case se >= 4:
		return VeryHigh
	case se >= 3:
		return High
	case se >= 2:
		return Medium
	}
	return Low
}

// Trade is what a shop sells, as far as being its customer says something of a person.
type Trade string

// The trades. The empty one is General.
const (
	General   Trade = "general"
	Luxury    Trade = "luxury"
	Adult     Trade = "adult"
	Pharmacy  Trade = "pharmacy"
	Political Trade = "political"
	Religious Trade = "religious"
)

// trades say what each adds to DPC 1, "simple data", and why. ENISA's own shops: a supermarket's list 1, a luxury shop's 2, an adult
// bookshop's deliveries 3, purchases at a pharmacy 4 [S].
var trades = map[Trade]struct {
	add float64
	why string
}{
	General:   {0, "being a customer says little of a person (ENISA: a supermarket's list is 1) [S]"},
	Luxury:    {1, "being a customer tells of a person's means (ENISA: a luxury shop's list is 2) [S]"},
	Adult:     {2, "being a customer tells of a person's sexual life (ENISA: an adult bookshop's deliveries are 3) [S]"},
	Pharmacy:  {3, "what was bought tells of a person's health (ENISA: purchases at a pharmacy are 4) [S]; where no page showed what was bought, a list of names alone is 3: depart from this with that reason"},
	Political: {2, "being a customer tells of a person's political opinions (ENISA: controllers who let beliefs be assumed add 2) [M]"},
	Religious: {2, "being a customer tells of a person's beliefs (ENISA: controllers who let beliefs be assumed add 2) [M]"},
}

// Trades lists the trades that a configuration may name.
func Trades() []string {
	return []string{string(General), string(Luxury), string(Adult), string(Pharmacy), string(Political), string(Religious)}
}

// ParseTrade reads a trade as a configuration writes it; "" is General.
func ParseTrade(s string) (Trade, error) {
	if s == "" {
		return General, nil
	}
	if _, known := trades[Trade(s)]; !known {
		return "", fmt.Errorf("trade %q is none of %s", s, strings.Join(Trades(), ", "))
	}
	return Trade(s), nil
}

// SeverityFacts are what a severity is presumed from.
type SeverityFacts struct {
	Trade       Trade         // empty: General
	Kinds       []candor.Kind // of the identifiers that were disclosed
	Credentials []string      // kinds of scan.Credentials seen in the same responses
	Countries   []string      // of the affected customers, ISO 3166
	People      int           // exposed
	Viewers     []ViewerCount // by Viewer.Kind
	Walked      bool          // somebody went through other people's data on purpose: scripted enumeration, as a human or a verdict says
}

// SeverityStep is one number of the sum, and why it is there.
type SeverityStep struct {
	Part string  `json:"part"` // "dpc", "ei" or "cb"
	Add  float64 `json:"add"`
	What string  `json:"what"`
	Why  string  `json:"why"`
}

// Severity is SE = DPC × EI + CB with every step that led there.
type Severity struct {
	DPC   float64        `json:"dpc"` // data processing context, 1 to 4
	EI    float64        `json:"ei"`  // ease of identification: 0.25, 0.5, 0.75 or 1
	CB    float64        `json:"cb"`  // circumstances of the breach, 0 to 2
	SE    float64        `json:"se"`
	Level Level          `json:"level"`
	Steps []SeverityStep `json:"steps,omitempty"`
	// Flags do not change the score; ENISA asks to say them beside it: more than 100 people.
	Flags []string `json:"flags,omitempty"`
	// Borderline: within 0.25 of the next level, so that one judgement decides.
	Borderline bool `json:"borderline,omitempty"`
}

// Assessment is the presumption and, beside it and never in its place, what the operator says instead.
type Assessment struct {
	Presumed Severity  `json:"presumed"`
	Departed *Severity `json:"departed,omitempty"`
	By       string    `json:"by,omitempty"`
	Why      string    `json:"why,omitempty"`
}

// Holds is the severity that duties are judged by: the operator's, where there is one.
func (a Assessment) Holds() Severity {
	if a.Departed != nil {
		return *a.Departed
	}
	return a.Presumed
}

// Presume computes a severity from facts alone.
func Presume(f SeverityFacts) Severity {
	s := Severity{}
	s.dpc(f)
	s.ei(f)
	s.cb(f)
	s.sum()
	if f.People > 100 {
		s.Flags = append(s.Flags, fmt.Sprintf("%d people: more than 100, which ENISA asks to weigh beside the score [S]", f.People))
	}
	return s
}

func (s *Severity) sum() {
	s.SE = s.DPC*s.EI + s.CB
	s.Level = levelOf(s.SE)
	for _, limit := range []float64{2, 3, 4} {
		s.Borderline = s.Borderline || s.SE >= limit-0.25 && s.SE < limit+0.25
	}
}

func (s *Severity) step(part string, add float64, what, why string) {
	s.Steps = append(s.Steps, SeverityStep{part, add, what, why})
}

// dpc takes the highest category, as ENISA does, and clamps at 4.
func (s *Severity) dpc(f SeverityFacts) {
	trade, known := trades[f.Trade]
	name := f.Trade
	if !known {
		trade, name = trades[General], General
	}
	s.step("dpc", 1, "simple data", "names, addresses and telephone numbers are simple data: base 1 [S]")
	s.step("dpc", trade.add, "trade: "+string(name), trade.why)
	s.DPC = 1 + trade.add
	for _, c := range f.Credentials {
		if base, why := credentialBase(c); base > s.DPC {
			s.step("dpc", base-s.DPC, c, why)
			s.DPC = base
		}
	}
	s.DPC = min(s.DPC, 4)
}

// credentialBase is what a kind of credential makes of DPC: what it opens decides. A shop's account holds orders and addresses.
func credentialBase(kind string) (float64, string) {
	switch kind {
	case "card-number":
		return 3, "card numbers are financial data: base 3 [S]; with what is needed to pay, ENISA says 4"
	case "password", "session-token":
		return 2, "it opens the account, and credentials count as what they open [S]: orders and habits, behavioural data, base 2"
	case "password-hash":
		return 2, "a hash may be guessed, and credentials count as what they open [S]: behavioural data, base 2"
	}
	return 0, ""
}

// small are countries where a full name alone picks out few people: ENISA gives a name 0.25, and more where few live [M].
var small = []string{"AD", "CY", "EE", "IS", "LI", "LU", "MC", "MT", "SM"}

func (s *Severity) ei(f SeverityFacts) {
	has := func(k candor.Kind) bool { return slices.Contains(f.Kinds, k) }
	address := has("email") || has("phone")
	switch {
	case has("name") && address:
		s.step("ei", 1, "name with address or number", "together they point to one person: maximum, 1 [S]")
	case address:
		s.step("ei", 0.75, "address or number without a name", "it reaches one person, and often spells the name: significant, 0.75 [M]")
	case has("name") && slices.ContainsFunc(f.Countries, func(c string) bool { return slices.Contains(small, c) }):
		s.step("ei", 0.5, "name alone, in a small country", "few people there share a name: limited, 0.5 [M]")
	case has("name"):
		s.step("ei", 0.25, "name alone", "many people share a name: negligible, 0.25 [M]")
	case len(f.Kinds) > 0:
		s.step("ei", 0.5, "only hashes of an address", "whoever knows the address can tell: limited, 0.5 [M]")
	default:
		s.step("ei", 1, "kinds unknown", "what is not known is presumed to identify: 1")
	}
	s.EI = s.Steps[len(s.Steps)-1].Add
}

func (s *Severity) cb(f SeverityFacts) {
	unknown, known := 0, 0
	for _, v := range f.Viewers {
		switch v.Kind {
		case "customer", "role":
			known += v.Count
		default:
			unknown += v.Count
		}
	}
	switch {
	case unknown == 0 && known > 0:
		s.step("cb", 0.25, "confidentiality: known recipients", fmt.Sprintf("all %d viewers are signed-in customers or staff (ENISA: some customers could access others' accounts) [M]", known))
		s.CB = 0.25
	case unknown > 0:
		s.step("cb", 0.5, "confidentiality: unknown recipients", fmt.Sprintf("%d of %d viewers are not signed in (a crawler may show it to everybody), so that nobody can say how many received it [S]", unknown, unknown+known))
		s.CB = 0.5
	default:
		s.step("cb", 0.5, "confidentiality: unknown recipients", "nothing is known of the viewers: presumed 0.5 [S]")
		s.CB = 0.5
	}
	s.step("cb", 0, "integrity and availability", "a disclosure neither changes nor loses data [S]")
	if f.Walked {
		s.step("cb", 0.5, "malicious intent", "somebody went through other people's data on purpose [S]")
		s.CB += 0.5
	}
}

// Assess puts the operator's departure, the last Action of that sort, beside the presumption. An action that cannot be read is an error: it
// must not pass for agreement.
func Assess(presumed Severity, actions []candor.Action) (Assessment, error) {
	a := Assessment{Presumed: presumed}
	for _, act := range actions {
		if act.What != candor.Assessed {
			continue
		}
		s, err := Departure(act)
		if err != nil {
			return a, err
		}
		a.Departed, a.By, a.Why = &s, act.By, act.Why
	}
	return a, nil
}

// Departure reads and checks a severity that an operator gives; a command calls it before it records the action.
func Departure(a candor.Action) (s Severity, err error) {
	if strings.TrimSpace(a.Why) == "" {
		return s, errors.New("a severity that departs from the presumption needs a reason: say why")
	}
	if s.DPC, err = decimal(a, "dpc", 1, 4, 1); err != nil {
		return s, err
	}
	if s.EI, err = decimal(a, "ei", 0.25, 1, 0.25); err != nil {
		return s, err
	}
	if s.CB, err = decimal(a, "cb", 0, 2, 0.25); err != nil {
		return s, err
	}
	s.sum()
	return s, nil
}

// decimal reads a number from low to high in steps.
func decimal(a candor.Action, name string, low, high, step float64) (float64, error) {
	v, err := strconv.ParseFloat(a.Details[name], 64)
	if n := v / step; err != nil || !(v >= low && v <= high) || n != float64(int(n)) {
		return 0, fmt.Errorf("severity: %s must be %g to %g in steps of %g", name, low, high, step)
	}
	return v, nil
}

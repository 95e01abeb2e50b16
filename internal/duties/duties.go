package duties

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/incident"
)

// Facts are what duties are judged from.
type Facts struct {
	Kinds       []candor.Kind
	Credentials []string // kinds of scan.Credentials that were seen
	// Looked is how much of the disclosing responses was looked at for credentials: candor.LookedAll, LookedPart or "". Only after all
	// was looked at can it be said that none was shown.
	Looked   string
	Severity incident.Severity // Assessment.Holds
	Trade    incident.Trade
	// People counts affected customers, exposed as the ledger has them, by ISO 3166-1 country or 3166-2 subdivision ("DE", "US-CA"); "" is who has no country.
	People    map[string]int
	Processor bool // the operator runs the site for somebody else
	Moments   incident.Moments
	Notified  time.Time // when the first notice to people was sent; zero: not yet
	PerHour   int       // notices that can be sent an hour; zero: unknown
	Now       time.Time
}

// Ruling is whether there is a duty.
type Ruling string

// The rulings. Undecided says in Why what is missing.
const (
	Due       Ruling = "duty"
	None      Ruling = "no duty"
	Undecided Ruling = "undecided"
)

// Duty is one rule, judged.
type Duty struct {
	Rule
	Ruling Ruling `json:"ruling"`
	Why    string `json:"why"`
	People int    `json:"people"` // affected there, as far as known
	// Start is the moment from which the clock runs, and Moment its name; zero: it has not begun. At is when it is due; zero: there is no
	// number, or the clock has not begun.
	Start    time.Time `json:"start,omitzero"`
	Moment   string    `json:"moment,omitempty"`
	At       time.Time `json:"due,omitzero"`
	Left     int64     `json:"left_seconds,omitempty"` // negative: late by that
	Overdue  bool      `json:"overdue,omitempty"`
	Feasible string    `json:"feasible,omitempty"` // "yes", "no" or "unknown": whether it can still be done in time
	Advice   string    `json:"advice"`
}

// Answer is all duties, and what could not be known.
type Answer struct {
	Advice  string   `json:"advice"`
	Duties  []Duty   `json:"duties"`
	Unknown []string `json:"unknown,omitempty"`
}

// Judge judges every rule: what is due first comes first, then what has no number, then what is undecided, then what is no duty.
func (r *Rules) Judge(f Facts) Answer {
	a := Answer{Advice: Advice, Duties: []Duty{}}
	for _, rule := range r.Rules {
		a.Duties = append(a.Duties, r.judge(rule, f))
	}
	slices.SortStableFunc(a.Duties, inOrder)
	a.Unknown = r.unknown(f)
	return a
}

func inOrder(a, b Duty) int {
	order := []Ruling{Due, Undecided, None}
	if x, y := slices.Index(order, a.Ruling), slices.Index(order, b.Ruling); x != y {
		return x - y
	}
	if a.At.IsZero() != b.At.IsZero() {
		if a.At.IsZero() {
			return 1
		}
		return -1
	}
	return a.At.Compare(b.At)
}

// unknown lists what is not known of where customers are: nobody whose country is missing may quietly fall out of the count.
func (r *Rules) unknown(f Facts) (list []string) {
	if n := f.People[""]; n > 0 {
		list = append(list, "country unknown: "+customers(n))
	}
	if n := f.People["US"]; n > 0 {
		list = append(list, "US: state unknown: "+customers(n))
	}
	var ruled []string
	for _, codes := range r.Places {
		ruled = append(ruled, codes...)
	}
	for _, code := range slices.Sorted(maps.Keys(f.People)) {
		if f.People[code] > 0 && code != "" && code != "US" && !slices.Contains(ruled, code) && !slices.Contains(ruled, countryOf(code)) {
			list = append(list, code+": Candor has no rules: "+customers(f.People[code]))
		}
	}
	return list
}

func customers(n int) string {
	if n == 1 {
		return "1 customer"
	}
	return strconv.Itoa(n) + " customers"
}

func countryOf(code string) string {
	country, _, _ := strings.Cut(code, "-")
	return country
}

// people counts who is known to be at a place, and who may be there besides. A subdivision counts for its country ("DE-BY" for DE); a
// country alone may be any of its states.
func people(codes []string, f Facts) (known, maybe int) {
	maybe = f.People[""]
	for code, n := range f.People {
		switch {
		case code == "":
		case slices.Contains(codes, code), slices.Contains(codes, countryOf(code)):
			known += n
		case slices.ContainsFunc(codes, func(c string) bool { return c != code && countryOf(c) == code }):
			maybe += n
		}
	}
	return known, maybe
}

// There counts of people by country who is known to be at a rule's place, and who may be there besides.
func (r *Rules) There(rule string, byCountry map[string]int) (known, maybe int) {
	for _, one := range r.Rules {
		if one.ID == rule {
			return people(r.Places[one.Place], Facts{People: byCountry})
		}
	}
	return 0, 0
}

func (r *Rules) judge(rule Rule, f Facts) Duty {
	known, maybe := people(r.Places[rule.Place], f)
	d := Duty{Rule: rule, People: known, Advice: Advice}
	d.startClock(f)
	at := d.Start
	if at.IsZero() {
		at = f.Now
	}
	if why := rule.inForce(at); why != "" {
		d.Ruling, d.Why = None, why
	} else {
		d.Ruling, d.Why = rule.decide(f, known, maybe)
	}
	if d.Ruling == None {
		d.Start, d.Moment = time.Time{}, ""
		return d
	}
	d.runClock(f)
	return d
}

// decide says whether there is a duty, and why. Who may be there but is not known to be makes undecided what they could change.
func (rule Rule) decide(f Facts, known, maybe int) (Ruling, string) {
	if known+maybe == 0 {
		return None, "no affected customer is there"
	}
	held, why := triggered(rule.Trigger, f)
	if held != Due && rule.OrOver > 0 {
		switch {
		case known > rule.OrOver:
			held, why = Due, fmt.Sprintf("%d people there, more than %d", known, rule.OrOver)
		case known+maybe > rule.OrOver:
			held, why = Undecided, fmt.Sprintf("%d people are known to be there and %d more may be: the limit is more than %d", known, maybe, rule.OrOver)
		default:
			why += fmt.Sprintf("; %d people there, not more than %d", known+maybe, rule.OrOver)
		}
	}
	if held == None {
		return None, why
	}
	least := max(rule.From, rule.Over+1)
	switch {
	case known >= least:
		return held, why
	case known+maybe < least:
		return None, fmt.Sprintf("%d people there, and the duty begins with %d", known+maybe, least)
	case strings.HasPrefix(rule.Place, "US-"):
		return Undecided, fmt.Sprintf("US: state unknown: %d people are known to be there and %d more may be; %s", known, maybe, why)
	}
	return Undecided, fmt.Sprintf("country unknown: %d people are known to be there and %d more may be; %s", known, maybe, why)
}

// startClock finds the moment from which a rule counts.
func (d *Duty) startClock(f Facts) {
	m := f.Moments
	switch d.Clock.From {
	case "aware":
		d.Start, d.Moment = m.Aware, "aware"
	case "notice":
		d.Start, d.Moment = f.Notified, "notice"
	case "determined", "discovery":
		d.Start, d.Moment = m.Determined, "determined"
		early := d.Clock.From == "discovery" && m.Aware.Before(m.Determined)
		if !m.Aware.IsZero() && (m.Determined.IsZero() || early) {
			d.Start, d.Moment = m.Aware, "aware"
		}
	}
	if d.Start.IsZero() {
		d.Moment = ""
	}
}

// runClock computes when it is due. Hours and days are consecutive, weekends and holidays with them, and run from the very moment. That is
// never later than Regulation (EEC, Euratom) 1182/71 art. 3 has it: (1) leaves out the hour of the event, (3) counts holidays, Sundays and
// Saturdays [M], and (4) moves an end on such a day to the next working day only for periods that are not in hours [S]. Whether (5), two
// working days in each period of two days or more, lengthens the 72 hours is disputed [M]: it is not applied.
func (d *Duty) runClock(f Facts) {
	if d.Start.IsZero() {
		d.Why += "; its clock has not begun: " + notBegun[d.Clock.From]
		return
	}
	switch c := d.Clock; {
	case c.Hours > 0:
		d.At = d.Start.Add(time.Duration(c.Hours) * time.Hour).UTC()
	case c.Days > 0:
		d.At = d.Start.Add(time.Duration(c.Days) * 24 * time.Hour).UTC()
	case c.BusinessDays > 0:
		d.At = businessDays(d.Start, c.BusinessDays)
	default:
		return
	}
	left := d.At.Sub(f.Now)
	d.Left = int64(left / time.Second)
	d.Overdue = left < 0
	d.Feasible = d.feasible(f, left)
}

var notBegun = map[string]string{
	"aware":      "nobody has confirmed the breach",
	"determined": "nobody has confirmed the breach or determined its facts",
	"discovery":  "nobody has confirmed the breach or determined its facts",
	"notice":     "no notice was sent",
}

// feasible weighs the notices against the time left; anything else is a matter of minutes.
func (d *Duty) feasible(f Facts, left time.Duration) string {
	switch {
	case left <= 0:
		return "no"
	case d.Tell != "people":
		return "yes"
	case f.PerHour <= 0:
		return "unknown"
	case float64(d.People)/float64(f.PerHour) <= left.Hours():
		return "yes"
	}
	return "no"
}

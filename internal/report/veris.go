package report

import (
	"slices"
	"strings"
	"time"

	"candor.example/internal/incident"
	"candor.example/verify"
)

// VERISVersion is the version of the Vocabulary for Event Recording and Incident Sharing that ExportVERIS writes.
const VERISVersion = "1.4.0"

// VERIS is a report in that vocabulary (vz-risk/veris, CC BY-SA 4.0), as its published schema wants it. It is coarser than the report: an export for those who
// count incidents, and nothing that the report does not say.
type VERIS struct {
	SchemaVersion    string          `json:"schema_version"`
	IncidentID       string          `json:"incident_id"`
	Reference        string          `json:"reference,omitempty"`
	SecurityIncident string          `json:"security_incident"`
	Summary          string          `json:"summary"`
	Victim           verisVictim     `json:"victim"`
	Actor            map[string]any  `json:"actor"`
	Action           map[string]any  `json:"action"`
	Asset            verisAsset      `json:"asset"`
	Attribute        *verisAttribute `json:"attribute,omitempty"`
	Timeline         verisTimeline   `json:"timeline"`
	Discovery        map[string]any  `json:"discovery_method"`
	Notes            string          `json:"notes,omitempty"`
}

type verisVictim struct {
	ID         string   `json:"victim_id,omitempty"`
	Country    []string `json:"country"`
	Employees  string   `json:"employee_count"`
	Industry   string   `json:"industry"`
	Government []string `json:"government"`
}

type verisActor struct {
	Variety []string `json:"variety"`
	Motive  []string `json:"motive"`
}

type verisAction struct {
	Variety []string `json:"variety"`
	Vector  []string `json:"vector"`
}

type verisAsset struct {
	Assets []verisVariety `json:"assets"`
	Cloud  []string       `json:"cloud"`
}

type verisVariety struct {
	Variety string `json:"variety"`
	Amount  int    `json:"amount,omitempty"`
}

type verisAttribute struct {
	Confidentiality verisConfidentiality `json:"confidentiality"`
}

type verisConfidentiality struct {
	Disclosure string         `json:"data_disclosure"`
	Total      int            `json:"data_total,omitempty"`
	Data       []verisVariety `json:"data,omitempty"`
	Victim     []string       `json:"data_victim"`
	State      []string       `json:"state"`
}

type verisTimeline struct {
	Incident    verisDay   `json:"incident"`
	Discovery   *verisSpan `json:"discovery,omitempty"`
	Containment *verisSpan `json:"containment,omitempty"`
}

type verisDay struct {
	Year  int `json:"year"`
	Month int `json:"month,omitempty"`
	Day   int `json:"day,omitempty"`
}

type verisSpan struct {
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
}

// ExportVERIS writes a report in VERIS.
func ExportVERIS(r verify.Report) VERIS {
	v := VERIS{SchemaVersion: VERISVersion, IncidentID: r.Incident, Reference: r.Publisher.Domain, SecurityIncident: "Suspected", Summary: inEnglish(r.Cause.Summary),
		Victim: verisVictim{r.Publisher.LegalName, []string{"Unknown"}, "Unknown", "000000", []string{"NA"}},
		Asset:  verisAsset{[]verisVariety{{Variety: "S - Web application"}}, []string{"Unknown"}}, Timeline: verisTimes(r), Attribute: verisData(r)}
	if r.Timeline.Aware.Value != nil {
		v.SecurityIncident = "Confirmed"
	}
	v.Actor, v.Action = verisCause(r)
	v.Discovery = map[string]any{"unknown": true}
	if r.Timeline.Detected.By == "candor" {
		v.Discovery = map[string]any{"internal": map[string]any{"variety": []string{"Data loss prevention"}}}
	}
	if m := r.Cause.Mechanism.Value; m != nil {
		v.Notes = m.Title
	}
	return v
}

// verisErrors are the varieties of action.error by cause: a cache's or a proxy's rule is a misconfiguration, a bug in the shop's code a programming error, a list
// that was open a publishing error. What nobody has decided is unknown.
var verisErrors = map[incident.CauseID]string{
	incident.CauseSharedCache: "Misconfiguration", incident.CauseCoalesced: "Misconfiguration", incident.CauseDeception: "Misconfiguration", incident.CauseErrorPage: "Misconfiguration",
	incident.CauseObjectAccess: "Programming error", incident.CauseExcessiveData: "Programming error", incident.CauseAuthentication: "Programming error", incident.CauseMixUp: "Programming error",
	incident.CauseFragment: "Programming error", incident.CauseMemory: "Programming error", incident.CauseURL: "Programming error", incident.CauseHashed: "Programming error",
	incident.CauseListing: "Publishing error", incident.CauseUndetermined: "Unknown",
}

// verisCause is who and what: a mistake of the shop's own, and where somebody used it on purpose, that as well.
func verisCause(r verify.Report) (actor, action map[string]any) {
	id := incident.CauseUndetermined
	if m := r.Cause.Mechanism.Value; m != nil {
		id = incident.CauseID(m.ID)
	}
	variety, known := verisErrors[id]
	if !known {
		variety = "Other"
	}
	actor = map[string]any{"internal": verisActor{[]string{"Unknown"}, []string{"NA"}}}
	action = map[string]any{"error": verisAction{[]string{variety}, []string{"Web application"}}}
	if id == incident.CauseDeception {
		actor["external"] = verisActor{[]string{"Unknown"}, []string{"Unknown"}}
		action["hacking"] = verisAction{[]string{"Exploit misconfig"}, []string{"Web application"}}
	}
	return actor, action
}

// verisData is what was shown; nil where the report does not say how many.
func verisData(r verify.Report) *verisAttribute {
	c := verisConfidentiality{Victim: []string{"Customer"}, State: []string{"Transmitted"}, Disclosure: "Unknown"}
	people, possible := r.HowMany.People.Value, r.HowMany.Possible.Value
	switch {
	case people == nil:
	case people.Upper > 0:
		c.Disclosure = "Yes"
	case possible != nil && *possible > 0:
		c.Disclosure = "Potentially"
	default:
		c.Disclosure = "No"
	}
	if n := r.HowMany.Records.Value; n != nil {
		c.Total = *n
	}
	for _, field := range valueOr(r.HowMany.Disclosed) {
		if v := verisField(field); !slices.ContainsFunc(c.Data, func(d verisVariety) bool { return d.Variety == v }) {
			c.Data = append(c.Data, verisVariety{Variety: v})
		}
	}
	return &verisAttribute{c}
}

// verisField is the variety of data of a field's name.
func verisField(name string) string {
	switch {
	case strings.Contains(name, "password"):
		return "Credentials"
	case strings.Contains(name, "session"), strings.Contains(name, "jwt"), strings.Contains(name, "token"):
		return "Session key"
	case strings.Contains(name, "card"):
		return "Payment"
	}
	return "Personal"
}

func verisTimes(r verify.Report) (t verisTimeline) {
	first := r.Timeline.First.Value
	if first == nil {
		first = &r.PublishedAt // a year is required, and nothing else may be said
		t.Incident.Year = max(1950, first.UTC().Year())
		return t
	}
	t.Incident = verisDay{first.UTC().Year(), int(first.UTC().Month()), first.UTC().Day()}
	if detected := r.Timeline.Detected.Value; detected != nil {
		t.Discovery = verisSpanOf(detected.Sub(*first))
		if contained := r.Fix.ContainedAt.Value; contained != nil {
			t.Containment = verisSpanOf(contained.Sub(*detected))
		}
	}
	return t
}

// verisSpanOf is a time in the largest unit of which there is one.
func verisSpanOf(d time.Duration) *verisSpan {
	for _, u := range []struct {
		name string
		d    time.Duration
	}{{"Days", 24 * time.Hour}, {"Hours", time.Hour}, {"Minutes", time.Minute}} {
		if d >= u.d {
			return &verisSpan{u.name, float64(d / u.d)}
		}
	}
	return &verisSpan{"Seconds", max(0, d.Seconds())}
}

// inEnglish is a fact's words in English, or in the first language that there is.
func inEnglish(f verify.Fact[verify.Words]) string {
	w := valueOr(f)
	if text := w["en"]; text != "" {
		return text
	}
	langs := make([]string, 0, len(w))
	for lang := range w {
		langs = append(langs, lang)
	}
	if len(langs) == 0 {
		return ""
	}
	return w[slices.Min(langs)]
}

// valueOr is a fact's value, or nothing.
func valueOr[T any](f verify.Fact[T]) (none T) {
	if f.Value == nil {
		return none
	}
	return *f.Value
}

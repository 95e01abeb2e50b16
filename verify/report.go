// Package verify checks a published report against its log, for a stranger: nothing of it needs Candor, its stores or a secret.
//
// Start with [Folder], which checks what is published; [Report] is the form of what is published, "candor.report/v1".
package verify

import "time"

// ReportSchema names the form of Report; report.schema.json beside internal/report is the same in JSON Schema.
const ReportSchema = "candor.report/v1"

// Status is what is known of a fact.
type Status string

// The statuses.
const (
	Known     Status = "known"
	Estimated Status = "estimated" // Reason says how
	Unknown   Status = "unknown"   // NextUpdateBy says by when it will be answered
	Withheld  Status = "withheld"  // Reason says why
)

// Fact is one thing that is said, with what it stands on. Value is there if it is known or estimated, and not otherwise.
type Fact[T any] struct {
	Value  *T        `json:"value,omitempty"`
	Status Status    `json:"status"`
	AsOf   time.Time `json:"as_of"`
	// Evidence are SHA-256 hashes, 64 hexadecimal digits, of what it was derived from: entries of the ledger's audit, a notice, a verdict's facts.
	Evidence     []string  `json:"evidence,omitempty"`
	NextUpdateBy time.Time `json:"next_update_by,omitzero"`
	Reason       string    `json:"reason,omitempty"`
}

// Words are one text in several languages, by BCP 47 tag.
type Words map[string]string

// Report is one revision of the public account of one incident. Times are UTC with whole seconds. It names no customer: counts of people are sums, and those of
// a country with fewer than Merge people are counted with others.
type Report struct {
	Schema       string            `json:"schema"`
	Incident     string            `json:"incident_id"`
	Revision     int               `json:"revision"`                         // from 1
	Previous     string            `json:"previous_revision_hash,omitempty"` // SHA-256 of the report.json of the revision before; empty in the first
	PublishedAt  time.Time         `json:"published_at"`
	Languages    []string          `json:"languages"`
	Publisher    Publisher         `json:"publisher"`
	Log          Log               `json:"log"`
	Which        Which             `json:"which"`
	HowMany      HowMany           `json:"how_many"`
	Cause        Cause             `json:"cause"`
	Fix          Fix               `json:"fix"`
	Timeline     Timeline          `json:"timeline"`
	Course       Course            `json:"course"`
	Told         Told              `json:"people_told"`
	Consequences Fact[Words]       `json:"consequences"`
	Advice       []Words           `json:"advice"` // most urgent first
	HowToCheck   Words             `json:"how_to_check"`
	Regulators   Fact[[]Regulator] `json:"regulators"`
	Corrections  []Correction      `json:"corrections"` // of all revisions up to this one, in order
	Open         []Question        `json:"open_questions"`
	Merge        int               `json:"merge_below"` // countries with fewer people are counted together; 0: none are
}

// Publisher is who speaks: the retailer.
type Publisher struct {
	LegalName string  `json:"legal_name"`
	Name      string  `json:"name"`
	Address   string  `json:"address,omitempty"`
	Domain    string  `json:"domain"`
	Contact   Contact `json:"contact"`
	DPO       Contact `json:"dpo,omitzero"`
	Zone      string  `json:"zone"` // IANA: in which pages say times
}

// Contact is a role and how to reach it.
type Contact struct {
	Role  string `json:"role"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email"`
	Phone string `json:"phone,omitempty"`
}

// Log says where this revision is logged.
type Log struct {
	Origin string `json:"origin"`
	Index  int64  `json:"index"`     // of its manifest's entry
	Proof  string `json:"proof_url"` // relative to this file: its .tlog-proof
}

// Which answers: which of your sites?
type Which struct {
	Sites    Fact[[]Site]    `json:"sites"`
	Surfaces Fact[[]Surface] `json:"surfaces"`
	Audience Fact[[]string]  `json:"audience"` // "other_customers", "public", "crawlers"
	Regions  Fact[[]Region]  `json:"regions"`
}

// Site is one site or app.
type Site struct {
	Host    string `json:"host"`
	Country string `json:"country,omitempty"` // of the country store: ISO 3166-1
	App     string `json:"app,omitempty"`
	Version string `json:"version,omitempty"` // of the site, when it began: the release
}

// Surface is where it was shown.
type Surface struct {
	Kind  string `json:"kind"`  // "page", "endpoint", "mail", "export"
	Route string `json:"route"` // "GET /orders/{id}"
	Name  Words  `json:"name,omitempty"`
}

// Region is how many people of a country, ISO 3166-1 or 3166-2; "" is those whose country is unknown, "other" those that are counted together.
type Region struct {
	Country string `json:"country"`
	People  int    `json:"people"`
}

// HowMany answers: how many people?
type HowMany struct {
	People       Fact[People]         `json:"people"`
	Prevented    Fact[int]            `json:"prevented"`
	Possible     Fact[int]            `json:"possible"`
	Records      Fact[int]            `json:"records"` // identifiers shown: person and kind
	Viewers      Fact[int]            `json:"viewers_count"`
	Exposures    Fact[int]            `json:"exposures"`        // person and viewer
	Disclosed    Fact[[]string]       `json:"fields_disclosed"` // "name", "email", ...
	NotDisclosed Fact[[]NotDisclosed] `json:"fields_not_disclosed"`
	Special      Fact[string]         `json:"special_groups"`
	Severity     Fact[Severity]       `json:"severity"`
}

// People is how many were exposed: Exact, or between Lower and Upper.
type People struct {
	Exact  *int   `json:"exact,omitempty"`
	Lower  int    `json:"lower"`
	Upper  int    `json:"upper"`
	Method string `json:"method"`
}

// NotDisclosed is a field of which it is known that it was not shown, and from what.
type NotDisclosed struct {
	Field string `json:"field"`
	Basis string `json:"basis"`
}

// Severity is ENISA's SE = DPC × EI + CB (2013).
type Severity struct {
	DPC    float64 `json:"dpc"`
	EI     float64 `json:"ei"`
	CB     float64 `json:"cb"`
	SE     float64 `json:"se"`
	Band   string  `json:"band"`             // "low", "medium", "high", "very high"
	Reason string  `json:"reason,omitempty"` // where the publisher departs from the presumption
}

// Cause answers: what caused it?
type Cause struct {
	Summary      Fact[Words]     `json:"summary_plain"`
	VERIS        Fact[VERIS]     `json:"veris"`
	Mechanism    Fact[Mechanism] `json:"mechanism"`
	Trigger      Fact[Trigger]   `json:"trigger"`
	WhyNotCaught Fact[Words]     `json:"why_not_caught"`
	Kind         Fact[string]    `json:"kind"` // "programming", "misconfiguration", "publishing", "misdelivery"
	ThirdParty   Fact[string]    `json:"third_party"`
	// Candidates are the two causes that remain while Summary is unknown, in words; empty: none, or more of them.
	Candidates []Words `json:"candidates,omitempty"`
}

// VERIS is action.error of VERIS 1.4.
type VERIS struct {
	Variety []string `json:"variety"`
	Vector  []string `json:"vector"`
}

// Mechanism is the verdict.
type Mechanism struct {
	ID      string   `json:"id"` // incident.CauseID
	Title   string   `json:"title"`
	CWE     string   `json:"cwe,omitempty"`
	OWASP   string   `json:"owasp,omitempty"`
	Decided []string `json:"decided,omitempty"` // by what evidence
}

// Trigger is the change with which it began.
type Trigger struct {
	Change   string    `json:"change"` // the release
	Deployed time.Time `json:"deployed_at,omitzero"`
}

// Fix answers: how was it fixed?
type Fix struct {
	ContainedAt  Fact[time.Time]    `json:"contained_at"`
	ContainedHow Fact[string]       `json:"contained_how"` // "mask", "withhold", "trip"
	FixedAt      Fact[time.Time]    `json:"fixed_at"`
	Reference    Fact[string]       `json:"fix_reference"`
	VerifiedBy   Fact[Proof]        `json:"verified_by"`
	Purged       Fact[[]string]     `json:"copies_purged"`
	WrongViewers Fact[WrongViewers] `json:"wrong_viewers_asked_to_delete"`
	Prevention   Fact[[]Prevention] `json:"prevention"`
}

// Proof is what shows that it is fixed.
type Proof struct {
	At       time.Time `json:"at"`
	Replayed int       `json:"replayed"`    // recorded requests that were asked again, and disclosed nothing
	Clean    int64     `json:"clean_since"` // responses of the route inspected since the fix, without a disclosure
}

// WrongViewers is what those who saw it answered.
type WrongViewers struct {
	Asked     int `json:"n"`
	Confirmed int `json:"confirmed"` // deleted it, or kept nothing
	Contact   int `json:"contact"`   // still have something
}

// Prevention is what is changed so that it does not happen again.
type Prevention struct {
	Action Words     `json:"action"`
	Owner  string    `json:"owner,omitempty"` // a role
	Due    time.Time `json:"due,omitzero"`
	Done   time.Time `json:"done_at,omitzero"`
}

// Timeline keeps the moments apart.
type Timeline struct {
	Introduced  Moment `json:"introduced"`
	First       Moment `json:"first_exposure"`
	Last        Moment `json:"last_exposure"`
	Detected    Moment `json:"detected"`
	Aware       Moment `json:"aware"`
	Contained   Moment `json:"contained"`
	Fixed       Moment `json:"fixed"`
	Determined  Moment `json:"determined"`
	FirstNotice Moment `json:"first_notice"`
	LastNotice  Moment `json:"last_notice"`
}

// Moment is a time, and who or what set it: a role or "candor", never a person's name.
type Moment struct {
	Fact[time.Time]
	By string `json:"by,omitempty"`
}

// Course is what the plot shows: how many people were exposed for the first time, and how many prevented, in each step. Empty steps are left out. Exposed sums to
// People.Exact.
type Course struct {
	Step     int       `json:"step_seconds"`
	Points   []Point   `json:"points"`
	Releases []Release `json:"releases"` // that went live in that time
}

// Point is one step.
type Point struct {
	Time      time.Time `json:"time"` // its start
	Exposed   int       `json:"exposed"`
	Prevented int       `json:"prevented"`
}

// Release is a change of the site.
type Release struct {
	Name string    `json:"name"`
	Time time.Time `json:"time"`
}

// Told is the sum of people told: Affected = Accepted + Bounced + OtherChannel + InDoubt + Withheld + Waiting, always.
type Told struct {
	Affected     int       `json:"affected"`
	Accepted     int       `json:"accepted"`
	Bounced      int       `json:"bounced"`
	OtherChannel int       `json:"other_channel"`
	InDoubt      int       `json:"in_doubt"`
	Withheld     int       `json:"withheld"`
	Waiting      int       `json:"waiting"` // not told yet
	Complaints   int       `json:"complaints"`
	FirstAt      time.Time `json:"first_at,omitzero"`
	LastAt       time.Time `json:"last_at,omitzero"`
	Notices      []string  `json:"notice_sha256"` // of the drafts, as approved: candor.notice/v1
}

// Regulator is an authority, and whether there is a duty.
type Regulator struct {
	Authority string    `json:"authority"`
	Law       string    `json:"law"`
	Duty      string    `json:"duty"` // "yes", "no", "undecided"
	Reason    string    `json:"reason,omitempty"`
	Due       time.Time `json:"due_at,omitzero"`
	Filed     time.Time `json:"filed_at,omitzero"`
	Reference string    `json:"reference,omitempty"`
	Phase     string    `json:"phase,omitempty"` // "initial", "follow-up", "final", "withdrawal"
}

// Correction is one thing that was said, and is said otherwise now: a change of a fact that had a value.
type Correction struct {
	Field    string `json:"field"` // JSON pointer (RFC 6901): "/how_many/people/value/exact"
	From     string `json:"from"`  // JSON
	To       string `json:"to"`
	Why      string `json:"why"`
	Revision int    `json:"revision"` // that says it otherwise
}

// Question is what is not answered yet.
type Question struct {
	Text     Words     `json:"text"`
	Field    string    `json:"field"` // JSON pointer
	AnswerBy time.Time `json:"answer_by"`
}

// ManifestSchema names the form of Manifest.
const ManifestSchema = "candor.manifest/v1"

// Manifest is what is logged of one revision: which files were published with it. Its canonical JSON (Go's, without indentation) is the entry, of 65,535 bytes at
// most (tlog-tiles).
//
// The published folder: "log/" holds the checkpoint and tiles; "INCIDENT/REVISION/" what belongs to one revision and never changes ("report.json" and the pages);
// everything else (index.html, INCIDENT/index.html, style sheets) is as the last manifest that names it says. "INCIDENT/REVISION/report.tlog-proof" and
// "key.txt", the verifier key, are in no manifest.
type Manifest struct {
	Schema   string            `json:"schema"`
	Incident string            `json:"incident_id"`
	Revision int               `json:"revision"`
	Report   string            `json:"report"`             // SHA-256 of report.json
	Previous string            `json:"previous,omitempty"` // of the revision before
	Files    map[string]string `json:"files"`              // path with slashes, relative to the folder: SHA-256, hexadecimal
}

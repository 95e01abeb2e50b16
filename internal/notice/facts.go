// Package notice says what people are told: facts become text, text is judged by rules, and a campaign is approved and sent. Its
// functions are pure: no clock, no I/O.
//
// Start with [Facts], the one set of facts that every language and every channel says; [Write] drafts from it, [Lint] judges, [Apply] says what
// a human may do to a [Campaign], and [Next] what delivery does to one person's notice. Nothing here is legal advice.
package notice

import (
	"time"

	"candor.example"
	"candor.example/internal/incident"
)

// FactsSchema names the form of Facts.
const FactsSchema = "candor.facts/v1"

// Facts are what may be said of one incident. They name no customer: what concerns one person is in Person. Times are UTC; Publisher.Zone
// is the zone in which texts say them.
type Facts struct {
	Schema    string    `json:"schema"`
	Incident  string    `json:"incident"`
	AsOf      time.Time `json:"as_of"`
	Publisher Publisher `json:"publisher"`

	Site  string `json:"site"`  // host
	Route string `json:"route"` // "GET /orders/{id}"
	// Surface is the page in words, by language: "the page with your orders". Where a language is missing, texts name the route's path.
	Surface map[string]string `json:"surface,omitempty"`

	People    int                    `json:"people"` // exposed: all of them are told
	Prevented int                    `json:"prevented"`
	Possible  int                    `json:"possible"`
	Kinds     []candor.Kind          `json:"kinds"`   // of identifiers, of anybody
	Viewers   []incident.ViewerCount `json:"viewers"` // who saw, by Viewer.Kind
	// Credentials are the kinds that stood in the same responses; Looked is candor.LookedAll where all of each was looked at for them. Only
	// LookedAll and none lets a text say that no passwords were shown.
	Credentials []string `json:"credentials,omitempty"`
	Looked      string   `json:"looked"`
	// OutsideUS: the country of everybody exposed is known, and nobody's is the United States. Then no text by California's law is drafted.
	OutsideUS bool `json:"outside_us,omitempty"`

	First    time.Time `json:"first"` // exposure
	Last     time.Time `json:"last"`
	Detected time.Time `json:"detected"` // the day of discovery
	Aware    time.Time `json:"aware,omitzero"`
	// Contained is since when strangers' data has been kept in, and how: "mask", "withhold" or "trip".
	Contained    time.Time `json:"contained,omitzero"`
	ContainedHow string    `json:"contained_how,omitempty"`

	Cause      incident.CauseID   `json:"cause"`
	Candidates []incident.CauseID `json:"candidates,omitempty"` // of CauseUndetermined
	Taxonomy   incident.Taxonomy  `json:"taxonomy"`
	Release    string             `json:"release,omitempty"` // in which it began

	Fixed        time.Time `json:"fixed,omitzero"`
	FixReference string    `json:"fix_reference,omitempty"`
	FixRelease   string    `json:"fix_release,omitempty"`
	Verified     time.Time `json:"verified,omitzero"`      // its requests were asked again and disclosed nothing
	Replayed     int       `json:"replayed,omitempty"`     // how many
	CleanSince   int64     `json:"clean_since,omitempty"`  // responses of the route inspected since Fixed, without one
	Prevention   Words     `json:"prevention,omitempty"`   // what the publisher changes so that it does not happen again
	DelayReason  Words     `json:"delay_reason,omitempty"` // why the notice comes late, or was held by police
	// PoliceDelay is whether a police investigation delayed the notice; nil: nobody has said. Cal. Civ. Code 1798.82(d)(2)(D).
	PoliceDelay *bool `json:"police_delay,omitempty"`

	Regulators []Regulator `json:"regulators,omitempty"`
	// UpdateBy is when the publisher will say what is not known now.
	UpdateBy time.Time `json:"update_by,omitzero"`
	Report   *Report   `json:"report,omitempty"`
}

// Words are one text in several languages, by BCP 47 tag.
type Words map[string]string

// Publisher is who speaks: the retailer.
type Publisher struct {
	LegalName string  `json:"legal_name" yaml:"legal_name"`
	Name      string  `json:"name" yaml:"name"`       // as customers know it; empty: LegalName
	Address   string  `json:"address" yaml:"address"` // postal, in one line
	Domain    string  `json:"domain" yaml:"domain"`   // registered: links lead there or to its subdomains
	Contact   Contact `json:"contact" yaml:"contact"`
	DPO       Contact `json:"dpo,omitzero" yaml:"dpo"`
	Zone      string  `json:"zone" yaml:"zone"`         // IANA; empty: UTC
	Language  string  `json:"language" yaml:"language"` // where a person's is not there; empty: en
	// Account is how customers reach the page on the shop's own site that shows their notice: words such as "your account, Notices".
	Account Words `json:"account,omitempty" yaml:"account"`
}

// Contact is a role and how to reach it.
type Contact struct {
	Role  string `json:"role" yaml:"role"` // "Data Protection Officer"
	Name  string `json:"name,omitempty" yaml:"name"`
	Email string `json:"email" yaml:"email"`
	Phone string `json:"phone,omitempty" yaml:"phone"`
}

// Regulator is an authority that was told, or why not.
type Regulator struct {
	Authority string    `json:"authority"`
	Law       string    `json:"law"`
	Filed     time.Time `json:"filed,omitzero"`
	Reference string    `json:"reference,omitempty"`
	Reason    string    `json:"reason,omitempty"` // why none was told
}

// Report is the public account of the same incident.
type Report struct {
	URL      string `json:"url"`
	Revision int    `json:"revision"`
	Hash     string `json:"hash"` // SHA-256, hexadecimal
	// Checkpoint is the log that has it, as it was when the words were written; nil: it is in none. Every notice carries it, signed, so that everybody who
	// keeps theirs can show it if the log is ever another one.
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
}

// Checkpoint is a log at one size (C2SP tlog-checkpoint, its first three lines).
type Checkpoint struct {
	Origin string `json:"origin"` // the log's name, such as shop.example/candor
	Size   int64  `json:"size"`   // entries
	Root   string `json:"root"`   // SHA-256, base64
}

// Person is what is told to one person, from evidence. It prints itself without Name.
type Person struct {
	Owner   string        `json:"owner"`
	Name    string        `json:"name,omitempty"`   // opened from its seal at send time; empty: not known
	Locale  string        `json:"locale,omitempty"` // BCP 47
	Country string        `json:"country,omitempty"`
	Kinds   []candor.Kind `json:"kinds"`   // exactly what was shown of this person
	Viewers int           `json:"viewers"` // different ones who saw it
	Times   int           `json:"times"`   // responses
	First   time.Time     `json:"first"`
	Last    time.Time     `json:"last"`
	// Credentials and Looked are as in Facts, for the responses with this person in them.
	Credentials []string `json:"credentials,omitempty"`
	Looked      string   `json:"looked"`
	Code        string   `json:"code,omitempty"` // by which the shop's own page confirms the notice: "XXXX-XXXX-XXXX"
}

// Law says which template a person's notice follows.
type Law string

// The laws that have a template of their own.
const (
	GDPR       Law = "gdpr"       // Article 34, and whoever asks no more than it
	California Law = "california" // Civil Code 1798.82: a title and five headings, for people in the United States
	ToViewers  Law = "viewers"    // no law: asks those who saw other people's data to delete it
)

// Languages in which Candor drafts.
var Languages = []string{"en", "de", "fr", "es", "it", "nl", "pl", "pt", "ja"}

// DraftSchema names the form of Draft.
const DraftSchema = "candor.notice/v1"

// Draft is what is approved: the facts and the words. A text is by law and language, "gdpr/de": its source, in the form that docs/notices.md
// describes, with placeholders in braces for what concerns one person.
type Draft struct {
	Schema string            `json:"schema"`
	Kind   Kind              `json:"kind"`
	Facts  Facts             `json:"facts"`
	Texts  map[string]string `json:"texts"`
	// Phrases are, by language, what places in braces are filled with. They are part of what is approved, and let a language be added.
	Phrases map[string]Phrases `json:"phrases"`
}

// Kind is whom a campaign tells.
type Kind string

// The kinds of campaigns.
const (
	Affected Kind = "affected" // the people whose data was shown
	Viewers  Kind = "viewers"  // those who saw it
)

// Message is one person's notice. Text and HTML are made of one source, and say the same.
type Message struct {
	Lang    string `json:"lang"` // BCP 47
	Law     Law    `json:"law"`
	Subject string `json:"subject"`
	Text    string `json:"text"` // text/plain, UTF-8, lines end in LF
	HTML    string `json:"html"` // a whole document
}

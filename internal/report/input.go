package report

import (
	"time"

	"candor.example"
	"candor.example/internal/duties"
	"candor.example/internal/incident"
	"candor.example/internal/notice"
	"candor.example/verify"
)

// Input is all that a report is drafted from. The ledger fills in most (ledger.Ledger.ReportInput); whoever runs Candor adds who speaks and what
// the law says.
type Input struct {
	// Facts are those of the notice, with what the publisher adds. Facts.AsOf is when it is drafted: every fact is as of then.
	Facts    notice.Facts
	Moments  incident.Moments
	Verdict  incident.Verdict
	Severity incident.Assessment
	Duties   duties.Answer

	// People exposed by country, as the ledger has it, not merged yet; "" is no country.
	Countries map[string]int
	Records   int // identifiers of people exposed: person and kind
	Exposures int // person and viewer, of people exposed
	// Surface is what was sent by the route: "page", "endpoint" or "export"; empty: nobody knows.
	Surface  string
	Series   []incident.Point
	Releases []candor.Release

	Told    Told
	Viewers verify.WrongViewers
	// Actions are what took effect on the incident, in the order of the audit.
	Actions []Entry

	// Before is the last published revision, and BeforeHash the SHA-256 of its bytes; nil: there is none.
	Before     *verify.Report
	BeforeHash string
	// Whys say why a fact is said otherwise now, by JSON pointer of the fact.
	Whys map[string]string
	Options
}

// Options are candor.yaml's part about reports.
type Options struct {
	Merge int // countries and steps of the course with fewer people are counted with others; 0: MergeBelow
	// Origin names the log (checkpoint's first line).
	Origin string
}

// MergeBelow is how many people of a country are the fewest that are named. Ten is what statistical offices use most for tables of people.
const MergeBelow = 10

// UpdateWithin is by when what is unknown will be answered where nobody says otherwise: two weeks after it was drafted.
const UpdateWithin = 14 * 24 * time.Hour

// Entry is an action that took effect, and the hash of the audit until it.
type Entry struct {
	candor.Action
	Hash string
}

// Told is what became of the notices of all campaigns, each person counted once, at the farthest that any campaign got with them.
type Told struct {
	States     map[notice.State]int
	Complaints int
	First      time.Time // that one went out, or was told otherwise
	Last       time.Time
	Drafts     []string // hashes of the drafts of which any went out
	Sets       []string // hashes of the frozen sets of people
}

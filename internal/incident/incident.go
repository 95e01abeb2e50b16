// Package incident says what an incident is: the disclosures with one cause on one site and route. Its functions are pure:
// facts in, verdict out, so that a verdict can be replayed.
//
// Start with Incident; Questions answers the four that everybody asks.
package incident

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"candor.example"
)

// State is where an incident stands.
type State string

// The states. A disclosure behind a fix opens it again.
const (
	Open      State = "open"      // seen by Candor; nobody has looked at it
	Confirmed State = "confirmed" // a human says that it is a breach
	Contained State = "contained" // it goes on, and its bytes are kept in
	Fixed     State = "fixed"     // a human says that its cause is gone
	Verified  State = "verified"  // its requests were asked again, and disclosed nothing
	Closed    State = "closed"
)

// Moments are kept apart: GDPR 33(1) counts from Aware, the laws of US states from Determined. Zero: not yet.
type Moments struct {
	Introduced time.Time `json:"introduced,omitzero"` // the release before the first disclosure went live
	First      time.Time `json:"first"`               // disclosure
	Last       time.Time `json:"last"`
	Detected   time.Time `json:"detected"` // by Candor: when the first disclosure was recorded
	Aware      time.Time `json:"aware,omitzero"`
	Contained  time.Time `json:"contained,omitzero"`
	Determined time.Time `json:"determined,omitzero"`
	Fixed      time.Time `json:"fixed,omitzero"`
	Verified   time.Time `json:"verified,omitzero"`
	Reopened   time.Time `json:"reopened,omitzero"`
	Closed     time.Time `json:"closed,omitzero"`
	// By says who or what set each: moment name to a name.
	By map[string]string `json:"by"`
	// Clean is how many inspected responses the route had before the first disclosure; Since how many it had, without one, since Fixed.
	Clean int64 `json:"clean_before"`
	Since int64 `json:"clean_since_fix"`
}

// Gap is a stretch of an incident's route where Candor did not look, from the first moment to the last.
type Gap struct {
	Skip      candor.Skip `json:"skip"` // SkipAbsent: before Candor was there
	From      time.Time   `json:"from,omitzero"`
	To        time.Time   `json:"to"`
	Responses int64       `json:"responses"` // -1: nobody knows
}

// Incident is what `candor incident list --json` prints (DESIGN §7). Counts are of people; times are UTC.
type Incident struct {
	ID        string        `json:"id"`
	Site      string        `json:"site"`
	Route     string        `json:"route"`
	State     State         `json:"state"`
	Exposed   int           `json:"exposed"`
	Prevented int           `json:"prevented"`
	Possible  int           `json:"possible"`
	Viewers   int           `json:"viewers"`
	Kinds     []candor.Kind `json:"kinds"`
	FirstSeen time.Time     `json:"first_seen"`
	LastSeen  time.Time     `json:"last_seen"`
	Release   string        `json:"release"` // in which the first disclosure was seen; empty: no release was known
	Cause     string        `json:"cause"`
	// Verdict is what Decide says, where somebody asked it; Questions then answers with it. It is printed on its own.
	Verdict *Verdict `json:"-"`
}

// ID names an incident by where and when it began, so that a ledger that is built anew from the journal gives the same
// name: "inc-" and eight letters or digits.
func ID(site, route string, first time.Time) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", site, route, first.UnixNano()))
	return "inc-" + strings.ToLower(base32.StdEncoding.EncodeToString(h[:5]))
}

// Undetermined is the title of no verdict.
const Undetermined = "undetermined"

// QuietAfter is how long nothing must have been disclosed before it is said to have stopped.
const QuietAfter = 15 * time.Minute

// Answer is one of the four questions with its answer from evidence.
type Answer struct {
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

// Questions answers which site, how many people, what caused it and whether it is over, as of now.
func Questions(i Incident, now time.Time) []Answer {
	return []Answer{
		{"Which site and page?", fmt.Sprintf("%s, %s", i.Site, i.Route)},
		{"How many people?", people(i)},
		{"What caused it?", cause(i)},
		{"Is it over?", over(i, now)},
	}
}

func people(i Incident) string {
	s := fmt.Sprintf("%s exposed; the data of %s was stopped before it left. %s sent such a page.",
		count(i.Exposed, "person was", "people were"), count(i.Prevented, "person", "people"), count(i.Viewers, "viewer was", "viewers were"))
	if i.Possible > 0 {
		s += fmt.Sprintf(" %s possibly exposed, where Candor did not look.", count(i.Possible, "person was", "people were"))
	}
	return s
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func cause(i Incident) string {
	since := "no release was known when it was first seen"
	if i.Release != "" {
		since = "first seen in release " + i.Release
	}
	if i.Verdict == nil {
		return sentence(i.Cause) + "; " + since + "."
	}
	return i.Verdict.String() + "; " + since + ". " + strings.Join(i.Verdict.Decided, " ")
}

func over(i Incident, now time.Time) string {
	quiet := now.Sub(i.LastSeen)
	since := fmt.Sprintf("Nothing was disclosed here for %s.", lasting(quiet))
	switch {
	case i.State == Verified:
		return "Yes: it was fixed, and its recorded requests were asked again and disclosed nothing. " + since
	case i.State == Closed:
		return "It was closed. " + since
	case i.State == Fixed:
		return "It is said to be fixed, which has not been verified. " + since
	case quiet >= QuietAfter:
		return since + " Whether it is fixed has not been verified."
	}
	return fmt.Sprintf("No: last seen %s.", i.LastSeen.UTC().Format("15:04:05 UTC on 2 January 2006"))
}

// lasting is a duration as people say it: "38 minutes", "5 hours", "3 days".
func lasting(d time.Duration) string {
	switch {
	case d < 2*time.Hour:
		return count(int(d.Minutes()), "minute", "minutes")
	case d < 48*time.Hour:
		return count(int(d.Hours()), "hour", "hours")
	}
	return count(int(d.Hours()/24), "day", "days")
}

// Person is one owner in one incident and outcome.
type Person struct {
	Owner   string         `json:"owner"` // opaque id
	Outcome candor.Outcome `json:"outcome"`
	First   time.Time      `json:"first"`
	Last    time.Time      `json:"last"`
	Count   int            `json:"count"`   // responses
	Viewers int            `json:"viewers"` // different ones
	Kinds   []candor.Kind  `json:"kinds"`
	// Evidence says why something weak counts. Credentials are the kinds that stood in the same responses; Looked is candor.LookedAll where all of
	// each of these responses was looked at for them, else candor.LookedPart. Only LookedAll without any lets a notice say "no passwords".
	Evidence    []string `json:"evidence,omitempty"`
	Credentials []string `json:"credentials,omitempty"`
	Looked      string   `json:"looked,omitempty"`
	Country     string   `json:"country,omitempty"` // the last known, as the customer file says
	Locale      string   `json:"locale,omitempty"`
}

// Step is how finely an incident's course is kept.
const Step = 10 * time.Second

// Point is one Step of an incident's course.
type Point struct {
	Time      time.Time `json:"time"`
	Exposed   int       `json:"exposed"`   // people who are new in it
	Prevented int       `json:"prevented"` // likewise
	Responses int       `json:"responses"` // with a disclosure
}

// ViewerCount is how many viewers of one kind saw other people's data.
type ViewerCount struct {
	Kind  string `json:"kind"` // Viewer.Kind: "customer", "role", "crawler", "claimed-crawler", "script", "anonymous"
	Count int    `json:"count"`
}

// Package candor holds the words that all of Candor uses, and their pure rules: who looked (Viewer), at what
// (Exchange), whose identifier was in it (Disclosure) and what to call that (Class).
//
// Start with Classify: it is the rule of the whole system in one function. The package does no I/O.
package candor

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"candor.example/scan"
)

// Kind is what an identifier is: scan's word, so that packages above need not import scan for it.
type Kind = scan.Kind

// Viewer is who receives a response: a customer, a named role, a crawler, a script, or, as the zero value, anonymous.
type Viewer struct {
	Customer string // the customer's opaque id
	Role     string // a role that a policy rule gave, such as "staff"
	Crawler  string // what a crawler calls itself, such as "Googlebot"
	Verified bool   // its address is the crawler's own, by reverse and forward DNS; otherwise it only claims to be
	Script   string // what a program that is neither browser nor crawler calls itself, such as "curl"; "unnamed" where it says nothing
	// Client tells viewers apart of whom no customer's id is known: a keyed digest of what the request says of its client. Never an address.
	Client string
}

// Anonymous reports whether nothing says who the viewer is.
func (v Viewer) Anonymous() bool { return v.Customer == "" && v.Role == "" }

// String spells the viewer as the command-line contract does: "anonymous", "customer:ID", "role:NAME", "crawler:NAME" (verified),
// "claimed-crawler:NAME" or "script:NAME".
func (v Viewer) String() string {
	switch {
	case v.Role != "":
		return "role:" + v.Role
	case v.Customer != "":
		return "customer:" + v.Customer
	case v.Crawler != "" && v.Verified:
		return "crawler:" + v.Crawler
	case v.Crawler != "":
		return "claimed-crawler:" + v.Crawler
	case v.Script != "":
		return "script:" + v.Script
	}
	return "anonymous"
}

// Digest is a keyed digest of the viewer, 16 hexadecimal digits: it counts viewers and cannot be turned back. A customer is one viewer on every
// device and in every network: they come back from others, and are told once. A crawler stays the same viewer when it is verified, which
// happens after its first view; a script is told apart by its Client.
func (v Viewer) Digest(key []byte) string {
	v.Verified, v.Script = v.Crawler != "", ""
	if v.Customer != "" && v.Role == "" {
		v.Client = ""
	}
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "viewer\x00%s\x00%s", v, v.Client)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Kind is the part of Viewer.String before the colon: what may be written down about a viewer.
func (v Viewer) Kind() string {
	kind, _, _ := strings.Cut(v.String(), ":")
	return kind
}

// Exchange is one request with its response, live or from a capture. Its Body is read once.
type Exchange struct {
	Source      string // the capture and the exchange's number in it, from 1: "shop.har#12"; empty when live
	Time        time.Time
	Request     *http.Request // method, URL, Host and Header; its Body is not used
	RequestBody []byte        // the first 64 KiB
	Status      int
	Header      http.Header // the response's
	Body        io.Reader   // the response's, still encoded as Header's Content-Encoding says
	// Skipped says why the body is not to be had ("body-missing"); empty when it is there.
	Skipped string
}

// Class says what a match is, in the order in which it is decided.
type Class string

const (
	Own       Class = "own"        // the viewer is the owner
	Echo      Class = "echo"       // the request itself carried it
	Allowed   Class = "allowed"    // policy or a public address says so
	Link      Class = "link"       // shown to whoever holds one unguessable link
	Disclosed Class = "disclosure" // none of these
)

// Outcome says what became of the bytes.
type Outcome string

const (
	Exposed   Outcome = "exposed"   // they left unmasked
	Prevented Outcome = "prevented" // they were masked or withheld
	Possible  Outcome = "possible"  // they may have left where Candor did not or could not look
)

// How much of a response was looked at for credentials before a disclosure in it was recorded.
const (
	LookedAll  = "all"
	LookedPart = "part"
)

// Disclosure is one owner's identifier in one exchange: what `candor scan --json` prints and what the journal keeps.
// It holds no identifier in the clear, URL and Masked included.
type Disclosure struct {
	ID       string    `json:"id,omitempty"` // made at the edge, unique; empty for captures
	Source   string    `json:"source,omitempty"`
	Time     time.Time `json:"time"`
	Site     string    `json:"site"`
	Method   string    `json:"method"`
	URL      string    `json:"url"`
	Route    string    `json:"route"`
	Status   int       `json:"status"`
	Viewer   string    `json:"viewer"` // Viewer.String for captures, Viewer.Kind in the journal
	Owner    string    `json:"owner"`
	Kind     scan.Kind `json:"kind"`
	Encoding string    `json:"encoding"`
	// Evidence says why something weak, a name or a national telephone number, counts; empty for what stands for itself.
	Evidence scan.Evidence `json:"evidence,omitempty"`
	Masked   string        `json:"masked"`
	Offset   int64         `json:"offset"` // in the decompressed body, the text of a document ("pdf+…", "zip+…"), or the value of the header that Header names
	Length   int           `json:"length"`
	Header   string        `json:"header,omitempty"` // the response header that held it; empty for the body
	Class    Class         `json:"class"`

	Outcome      Outcome `json:"outcome,omitempty"`
	ViewerDigest string  `json:"viewer_digest,omitempty"` // Viewer.Digest
	Release      string  `json:"release,omitempty"`
	// Link is a keyed digest of the unguessable token in the request; set for Link, and for what was Link but for Reason.
	Link string `json:"link,omitempty"`
	// Reason says why a link counts as a disclosure: "walk" (one viewer opened too many), "shared" (too many viewers
	// opened one), "owners" (it showed more than one owner) or "crawler".
	Reason string `json:"reason,omitempty"`
	// CWE is CWE-598 for an identifier in a URL: it goes where the URL goes. ThirdParty is another site's host, where browsers
	// load that URL from there unasked.
	CWE        string `json:"cwe,omitempty"`
	ThirdParty string `json:"third_party,omitempty"`
	// Credentials lists the kinds of credentials (see scan.Credentials) that stood in what was looked at of the same response when this was
	// recorded. Looked says how much that was: LookedAll, LookedPart, or empty for nothing. Nobody may say that no password was shown
	// but where all of it was looked at and none was found. What comes of the rest, the Response says at its end.
	Credentials []string `json:"credentials,omitempty"`
	Looked      string   `json:"looked,omitempty"`
	// Cached says that a shared cache had a hand in the response: Age above zero, or a cache status of hit (RFC 9211).
	Cached bool `json:"cached,omitempty"`

	// Response is the id of the response; Place is where in it: a JSON path without indexes ("$.items[].author.email", with "…" in front where
	// its beginning was not seen), an HTML element with its class or attribute ("span.email", "a[href]"), "header:NAME", "query" or "text".
	Response string `json:"response,omitempty"`
	Place    string `json:"place,omitempty"`
	// AfterEnd: it stood behind the end of the HTML or JSON document.
	AfterEnd bool `json:"after_end,omitempty"`
	// Country (ISO 3166-1) and Locale (BCP 47) are the owner's, as the customer file says.
	Country string `json:"country,omitempty"`
	Locale  string `json:"locale,omitempty"`
}

// Skip is why a response, or a part of it, was not inspected. The empty Skip is "inspected".
type Skip string

// Coverage is what became of some responses: DESIGN §5, promise 5.
type Coverage struct {
	Time      time.Time `json:"time"` // the start of the minute, or of the exchange
	Site      string    `json:"site"`
	Route     string    `json:"route"`
	Skip      Skip      `json:"skip,omitempty"`
	Responses int64     `json:"responses"`
	Bytes     int64     `json:"bytes"` // of decompressed body that was inspected, or of body that was skipped
}

// Release marks that a site runs a new version from a moment on.
type Release struct {
	Time   time.Time `json:"time"`
	Site   string    `json:"site"` // empty: every site
	Name   string    `json:"name"`
	Source string    `json:"source"` // "header", or who marked it
}

// Entry is one message of the journal, as the ledger folds it. Disclosures come with the Responses and Sealed that belong to them.
type Entry struct {
	Seq uint64 `json:"-"` // its number in the journal, from 1, set by the journal
	// Disclosures are of class Disclosed or Link; of class Own with Outcome Possible they are latent: the right owner, in a response that a
	// shared cache may keep.
	Disclosures []Disclosure `json:"disclosures,omitempty"`
	Responses   []Response   `json:"responses,omitempty"`
	Sealed      []Sealed     `json:"sealed,omitempty"`
	Coverage    []Coverage   `json:"coverage,omitempty"`
	Personal    []Personal   `json:"personal,omitempty"`
	Releases    []Release    `json:"releases,omitempty"`
	Actions     []Action     `json:"actions,omitempty"`
	Documents   []Document   `json:"documents,omitempty"` // that Actions name
	Answers     []Answer     `json:"answers,omitempty"`
	Capture     *Capture     `json:"capture,omitempty"` // what all of it is from; nil: live
}

package candor

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Response is what is known of one response in which somebody's identifier was disclosed: what a cause is decided from. It is recorded
// twice under one ID: with the first disclosure, before a byte of that leaves, with what the request and the headers tell; and once
// more when the response has ended, with everything. A process that is killed between the two leaves the first. It holds no
// identifier in the clear; digests are keyed and cannot be turned back.
type Response struct {
	ID     string    `json:"id"` // made at the edge, unique; Disclosure.Response names it
	Time   time.Time `json:"time"`
	End    time.Time `json:"end,omitzero"` // when its last byte was inspected; zero: not recorded to its end
	Site   string    `json:"site"`
	Method string    `json:"method"`
	URL    string    `json:"url"`              // path and query, masked where it holds an identifier
	Masked bool      `json:"masked,omitempty"` // URL was masked, so that it cannot be asked for again
	Route  string    `json:"route"`
	Status int       `json:"status"`

	Release      string `json:"release,omitempty"`
	Viewer       string `json:"viewer"`        // Viewer.Kind
	ViewerDigest string `json:"viewer_digest"` // Viewer.Digest
	// Credentialed: the request carried what signs a browser in, a cookie of 16 characters or more or Authorization.
	Credentialed bool `json:"credentialed,omitempty"`

	// What caches say, and may do. Cached: a shared cache had a hand in it; Age in seconds (RFC 9111 §5.1), -1 where there is none.
	// Shareable: SharedCacheable says yes. CacheControl, Vary and CacheStatus are cut at 200 bytes.
	Cached       bool   `json:"cached,omitempty"`
	Age          int    `json:"age"`
	CacheStatus  string `json:"cache_status,omitempty"` // of Cache-Status (RFC 9211), X-Cache and their like
	CacheControl string `json:"cache_control,omitempty"`
	Vary         string `json:"vary,omitempty"`
	SetCookie    bool   `json:"set_cookie,omitempty"`
	Shareable    bool   `json:"shareable,omitempty"`
	// Date is the field of that name: when the response was made. A cache keeps it (RFC 9110 §6.6.1). Zero: there was none.
	Date time.Time `json:"date,omitzero"`
	// SurrogateKeys are what CDNs purge by: Surrogate-Key, Cache-Tag, xkey; at most 16.
	SurrogateKeys []string `json:"surrogate_keys,omitempty"`

	// Object is a digest of what is variable in the path and query: the ids; empty where nothing is. Deceptive: the path pretends to be
	// a static file and the content is none, which is how web cache deception asks.
	Object      string `json:"object,omitempty"`
	Deceptive   bool   `json:"deceptive,omitempty"`
	ContentType string `json:"content_type,omitempty"` // type/subtype

	// Owners counts different people disclosed in it, Own the viewer's own identifiers in it, until now. Places lists where strangers'
	// identifiers stood (Disclosure.Place), OwnPlaces where the viewer's own did; at most 32 each.
	// People is a keyed digest of who was disclosed in it: two responses that have it in common showed the same people.
	Owners    int      `json:"owners"`
	People    string   `json:"people,omitempty"`
	Own       int      `json:"own"`
	Places    []string `json:"places,omitempty"`
	OwnPlaces []string `json:"own_places,omitempty"`
	// AfterEnd: something stood behind the document's end. Trouble is "status" (500 or above) or "trace" (a stack trace or debugger's page).
	AfterEnd bool   `json:"after_end,omitempty"`
	Trouble  string `json:"trouble,omitempty"`

	// Credentials and Looked are as in Disclosure, at the end: LookedAll only where all of the body was looked at. They are empty until then.
	Credentials []string `json:"credentials,omitempty"`
	Looked      string   `json:"looked,omitempty"`

	// Body is a digest of the body from the first match to the end, with its offset: two responses that have it in common are the same page.
	// Twins are the others that had it, on this guard in the last ten minutes.
	Body  string `json:"body,omitempty"`
	Twins Twins  `json:"twins,omitzero"`
}

// Twins are the other responses with the same body, from one guard's memory of ten minutes.
type Twins struct {
	Responses int  `json:"responses"`
	Viewers   int  `json:"viewers"`           // different ones, besides this response's
	Owner     bool `json:"owner,omitempty"`   // to one of them it was their own page
	Overlap   bool `json:"overlap,omitempty"` // one of them was under way at the same time
}

// Personal counts responses that showed their viewer the viewer's own data, by place: what a route does when all is well.
type Personal struct {
	Time      time.Time `json:"time"` // the start of the minute
	Site      string    `json:"site"`
	Route     string    `json:"route"`
	Place     string    `json:"place"`
	Responses int64     `json:"responses"`
	Shareable int64     `json:"shareable,omitempty"` // of them, those that a shared cache may keep: latent
	Repaired  int64     `json:"repaired,omitempty"`  // of these, those to which Candor added Cache-Control: private, no-store
	// CacheControl is what the last of them said before it was repaired.
	CacheControl string `json:"cache_control,omitempty"`
}

// Sealed is what only the notifier can read of one owner: an identifier of a kind, or the raw context of the first disclosure. Of a viewer who saw
// somebody else's data it is their own address, and the language that they read.
type Sealed struct {
	Owner string `json:"owner"` // or Viewer.Digest
	Kind  string `json:"kind"`  // a scan.Kind, "context" or "locale"
	Key   string `json:"key"`   // the public key's id
	Blob  []byte `json:"blob"`
}

// Capture says where in a capture an Entry is from. A ledger that has folded as far already, or not as far as From, passes the entry over, so
// that a capture that is read twice is counted once.
type Capture struct {
	Digest string `json:"digest"` // of its content
	// From and To are positions: exchanges that lie before, times CaptureParts, and parts of the next one that lie before.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	Done bool  `json:"done,omitempty"` // nothing follows
}

// CaptureParts is how many entries one exchange of a capture may take, at most.
const CaptureParts = 1 << 20

// NewID is 16 random bytes in hexadecimal: made at the edge, so that many guards and people can write into one journal.
func NewID() string { return NewIDs(1) }

// IDLength is how long an ID of NewID's is.
const IDLength = 32

// NewIDs is n of them, one behind the other.
func NewIDs(n int) string {
	b := make([]byte, n*IDLength/2)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// Action is what a human did, or Candor by itself (By is "candor"): the ledger's audit. Details are by what was done; see incident.Apply.
type Action struct {
	ID       string            `json:"id"`
	Time     time.Time         `json:"time"`
	By       string            `json:"by"`
	What     string            `json:"what"`
	Incident string            `json:"incident,omitempty"`
	Why      string            `json:"why,omitempty"`
	Details  map[string]string `json:"details,omitempty"`
}

// What an Action can be.
const (
	Confirmed  = "confirm"   // it is a breach: the controller is aware (GDPR 33(1)); Details["at"], RFC 3339, where not now
	Contained  = "contain"   // Details: "site", "route" ("" for all), "mode" (observe, mask, withhold or trip; "" is the site's own), "count" and "within" for trip
	Reset      = "reset"     // a trip is reset; Details as Contained
	Determined = "determine" // the facts are determined; Details["at"]
	Fixed      = "fix"       // Details: "at", "reference", "release"
	Verified   = "verify"    // Details: "requests", "answered", "disclosing", "failed", "skipped", "result" (clean, where one answered, or disclosing)
	Closed     = "close"
	Reopened   = "reopen"   // by "candor" when it regressed
	Assessed   = "severity" // Details: "dpc", "ei", "cb", each a decimal; Why is required

	// On a campaign of notices, which Details["campaign"] names; see notice.Apply.
	NoticeDrafted    = "notice-draft"   // "draft": the document's hash, "kind", "needs": how many approvals, "seeds": names of mailboxes that must show it first
	NoticeWaived     = "notice-waive"   // "rule", "text"; Why is required
	NoticeFrozen     = "notice-freeze"  // "signer"
	NoticeSeeded     = "notice-seed"    // "seed", "draft", "dkim", "dmarc", "spam"
	NoticeApproved   = "notice-approve" // "content"
	NoticeStarted    = "notice-start"   // "share": a number of people, or "all"
	NoticePaused     = "notice-pause"   //
	NoticeResumed    = "notice-resume"  //
	NoticeCancelled  = "notice-cancel"  // Why is required
	NoticeResolved   = "notice-resolve" // "key", "as": "accepted", "again" or "other"; Why is required
	NoticeChannelled = "notice-channel" // "channel": "post" or "site": all who bounced or were withheld are told by it
	NoticeExported   = "notice-export"  // "states": bounced, withheld, or both with a space between; "to": the age keys that open the file, with a space between
	NoticeDone       = "notice-done"    // nobody is queued

	// On an incident's report and filings; see report.Apply.
	ReportSet       = "report-set"     // what only people know: "field" (JSON pointer into candor.report/v1), "status", "value" (JSON), "until"; Why where it is withheld or estimated
	ReportPublished = "report-publish" // "revision", "report": the document's hash, "manifest", "index"
	Filed           = "filing"         // with a regulator: "rule" (of duties.yaml), "phase" (initial, follow-up, final or withdrawal), "at", "how", "reference", "authority", "document": its hash, "delay"
)

// Answer is what a viewer said, on the shop's own site, of what they were shown of others. Of those with one Incident and Digest the last stands.
type Answer struct {
	Incident string    `json:"incident"`
	Digest   string    `json:"digest"` // Viewer.Digest
	Time     time.Time `json:"time"`
	Answer   string    `json:"answer"`
}

// What an Answer can be.
const (
	AnswerDeleted = "deleted" // what they had is deleted
	AnswerNone    = "none"    // they kept nothing
	AnswerContact = "contact" // they still have something, and want to be contacted
)

// Answers in the order in which they are shown.
var Answers = []string{AnswerDeleted, AnswerNone, AnswerContact}

// Document is something that people wrote or Candor drafted, kept by its content: a notice, a report. It holds no customer's identifier.
type Document struct {
	Hash string `json:"hash"` // HashOf(Body)
	Type string `json:"type"` // a schema's name, such as "candor.notice/v1"
	Body []byte `json:"body"` // at most MaxDocument
}

// MaxDocument is how large a document may be: in an entry it is base64, and a message of the journal holds 4 MiB.
const MaxDocument = 1 << 20

// HashOf is the SHA-256 of a document, 64 hexadecimal digits.
func HashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// IsHash reports whether a text has the form of one.
func IsHash(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

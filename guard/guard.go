// Package guard stands in the path of web responses: it recognises customers' identifiers in them, asks who is looking,
// records what should not have been there, and masks or withholds it before it leaves.
//
// Start with [Guard.Handler], which wraps any http.Handler; [NewProxy] makes one that forwards to an upstream shop.
// [Guard.Inspect] does the same to an exchange from a capture.
//
// It promises (DESIGN §5): a disclosing byte leaves only after Record returned; bytes flow as they come, and at most
// scan.MaxTail of them are held back, but for documents (see [Guard.Document]); a response without a disclosure passes unchanged; every response is counted as
// inspected or as skipped with its reason.
package guard

import (
	"context"
	"log/slog"
	"net/http"

	"candor.example"
	"candor.example/directory"
	"candor.example/scan"
)

// Mode is what to do with a response that discloses.
type Mode string

const (
	Observe Mode = "observe" // record, and let it pass
	Mask    Mode = "mask"    // overwrite the identifiers with a mask of the same length
	Block   Mode = "block"   // withhold the response
	Trip    Mode = "trip"    // answer 503 to every request, and do not ask upstream where the route is known from the request
)

// Guard holds what inspecting needs. Directory and Key are required; a nil function field means what its comment says.
// Fields must not change once the handler runs.
type Guard struct {
	Directory *directory.Directory
	// Key makes the digests of viewers and links. It never leaves the process.
	Key []byte

	// Mode is asked for each request, for each response and for each message of a WebSocket; route is empty while it is not known.
	// Nil: Mask. See Containment.
	Mode func(site, route string) Mode
	// Viewer says who sent a request. Nil: everybody is anonymous.
	Viewer func(*http.Request) candor.Viewer
	// Teaches says, once the response's headers are known, whether its first 64 KiB can tell who holds a credential; Learn
	// is then called with them before the client sees any of it, and returns the customer whom it learned, or "". supplied
	// lists the owners whose identifiers the request carried. Nil: nothing is learned. Set both or neither.
	Teaches func(x *candor.Exchange, supplied func() []string) bool
	Learn   func(x *candor.Exchange, supplied func() []string, body []byte) (customer string)
	// Allowed says whether policy lets the viewer see a match of that kind, and in which role. Nil: nothing is allowed.
	Allowed func(v candor.Viewer, x *candor.Exchange, route string, kind scan.Kind) (role string, ok bool)
	// Public says whether a normalised identifier is published on purpose. Nil: none is.
	Public func(normalised []byte) bool
	// Document hands the text of a document to text, piece by piece, and says why not all of it could be read. A response
	// that begins as a PDF, ZIP or old Office file does, or calls itself a PDF, is held until its text was inspected: it
	// cannot be masked, and part of it helps nobody. Nil: documents are inspected as the bytes that they are.
	Document func(ctx context.Context, body []byte, text func([]byte) error) candor.Skip
	// MaxDocument is how many bytes of one document are held. Beyond it FailClosed decides. Zero: 32 MiB.
	MaxDocument int64
	// Record makes an entry durable, and returns nil only then: disclosures and link views of one response, with what request and headers
	// tell of that response when it is the first time, and what was sealed. While it fails, matches are masked in every mode: what
	// cannot be written down is not let out. Nil: nothing is kept, as in a capture scan.
	Record func(context.Context, candor.Entry) error
	// Note is handed what need not be durable before bytes leave, in captures as well: responses that disclosed, once more when they have
	// ended, latent findings, and what was sealed of viewers on a later page of their own. It must not wait. Nil: nobody is told.
	Note func(candor.Entry)
	// Seal encrypts what only the notifier may read, before it is recorded: each owner's identifiers that left unmasked, and with the kind
	// "context" what stood around the first of an owner in a response. It returns nil for what it has sealed before. Nil: nothing is.
	// A customer who was shown somebody else's data is asked to delete it: their own address is sealed with their Viewer.Digest for the owner, and
	// with the kind "locale" the language that they read. See onlookers.
	Seal func(owner, kind string, value []byte) []candor.Sealed
	// Address is the viewer's own e-mail address, normalised, where the request itself says it, and "" where not. It is asked only about
	// a customer who was shown somebody else's data. Nil: only pages say it that show viewers their own.
	Address func(*http.Request) string
	// About says an owner's language and country, for an identifier of theirs as it was found, normalised. Nil: they are not known.
	About func(owner string, kind scan.Kind, value []byte) (locale, country string)
	// Released is told when a site's release header names another release than before. Nil: nobody is.
	Released func(candor.Release)
	// Classed is told the class and kind of each match, for metrics. Nil: nobody is.
	Classed func(candor.Class, scan.Kind)

	// Site answers what is asked of SiteFolder, which then never reaches upstream; such answers are Candor's own and in no figures of coverage.
	// Nil: upstream is asked, as for everything.
	Site func(http.ResponseWriter, *http.Request, candor.Viewer)
	// Banner says whether there is a notice for a signed-in viewer that they have not seen. Pages and JSON then have the header NoticeHeader,
	// unless a shared cache may keep them. It is asked for each such response, and must not wait. Nil: no response has it.
	Banner func(*http.Request, candor.Viewer) bool

	// Contained says that something was decided for a site, or a route of it: such a site is known by its name, however many hosts strangers ask
	// for. Containment.Contains is one. Nil: none is.
	Contained func(site string) bool

	// FailClosed withholds what could not be inspected (a malformed or unknown encoding, a limit) in Mask and Block. When
	// false it passes, and Coverage says so.
	FailClosed bool
	// KeepLatent leaves a response alone that shows its viewer the viewer's own data where upstream lets shared caches keep it. When false, in
	// Mask and Block, it gets Cache-Control: private, no-store, and what tells CDNs otherwise is dropped.
	KeepLatent bool
	// MaskLinks masks what is of class link, too.
	MaskLinks bool
	// ReleaseHeader names the response header that holds the release. Empty: "X-Release".
	ReleaseHeader string
	// MaxDecoded is how many bytes of one compressed response are decoded, in bytes. Zero: 1 GiB.
	MaxDecoded int64
	// Compress answers with gzip whoever accepts it, where upstream was asked for identity. Clients that refuse identity
	// always get what they accept.
	Compress bool
	// PersonalFields are keys whose values are names of persons in this shop, beside those that everybody uses: see
	// scan.FoldField.
	PersonalFields []string
	// Sites are the hosts that are sites under their own names, as candor.Site has them. A request for any other counts as one site, "{other}",
	// unless something was decided for that host (Contained): strangers choose Host, and cannot make up incidents, routes and
	// containments with it. Empty: every host that was answered is a site, up to 64 of them.
	Sites []string
	// Routes are path patterns that the operator declares, such as "/shops/{shop}/orders/{id}".
	Routes []string
	// Links limits how links may be used. The zero value has sensible limits.
	Links Links

	Log *slog.Logger // nil: slog.Default()

	coverage coverage
	routes   routes
	releases releases
	supplied supplied
	copies   copies
	bodies   bodies
	same     samenesses
	latents  latents
	personal personal
	// unrecorded is what was sealed and could not be recorded.
	unrecorded unrecorded
	onlookers  onlookers
}

const maxRequestBody = 64 << 10 // how much of a request's body may make a match an echo (DESIGN §2)

func (g *Guard) log() *slog.Logger {
	if g.Log == nil {
		return slog.Default()
	}
	return g.Log
}

func (g *Guard) mode(site, route string) Mode {
	if g.Mode == nil {
		return Mask
	}
	return g.Mode(site, route)
}

func (g *Guard) maxDocument() int64 {
	if g.MaxDocument == 0 {
		return 32 << 20
	}
	return g.MaxDocument
}

func (g *Guard) maxDecoded() int64 {
	if g.MaxDecoded == 0 {
		return 1 << 30
	}
	return g.MaxDecoded
}

// Handler returns a handler that inspects all that next answers.
//
// In Mask and Block next is asked for an unencoded response, because masking a compressed one would mean compressing it
// again; in Observe the request is passed on as it came.
func (g *Guard) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.Site != nil && ours(r.URL.Path) {
			g.answerSite(w, r)
			return
		}
		rw := newResponse(g, w, r)
		if rw.tripped() {
			return
		}
		rw.run(next, rw.request())
		if rw.how == whole {
			r := rw.request()
			r.Header.Del("Range")
			r.Header.Del("If-Range")
			rw.restart()
			rw.run(next, r)
		}
		rw.finish()
		if rw.panicked != nil {
			panic(rw.panicked) // as the handler would have without Candor, but after what arrived has been passed on
		}
	})
}

// Package viewer answers one question: who is asking? It implements the sources that an operator may name: a trusted
// header, a claim of a JSON Web Token (RFC 7519), and a session cookie or opaque bearer token (RFC 6750) whose owner is
// learned at login or from a declared who-am-I route.
//
// Start with [New]; [Resolver.Viewer] answers, [Resolver.Teaches] and [Resolver.Learn] watch responses for logins.
//
// It promises to err towards anonymous: what cannot be proved names nobody, because a wrong answer hides a disclosure
// and a missing one only raises an alarm too many. It keeps no credential and no address, only keyed digests of them,
// and its work and memory are bounded whatever requests and responses say.
package viewer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"candor.example"
)

// Options say whom to ask and whom to believe. Key is required; the zero value of the rest is explained at each field.
type Options struct {
	// Sources are asked in order, and the first that answers wins: "header:NAME", "jwt:CLAIM" (dots walk into objects),
	// "session:COOKIE", "session:authorization". None: everybody is anonymous.
	Sources []string
	// WhoAmI are routes whose answer tells who holds the request's session: "GET /api/me:$.user.email", or for GraphQL
	// "POST /shop-api#activeCustomer:$.data.activeCustomer.emailAddress". They need a session source.
	WhoAmI []string
	// Owners turns an e-mail address, in any spelling, into the ids of the customers whose address it is. Nil: no address
	// is a customer's, and so no login can be learned.
	Owners func(email string) []string
	// Key makes the digests of credentials and clients. It never leaves the process.
	Key []byte
	// Trusted reports whether the peer of a request, as in its RemoteAddr, is the operator's own edge. header sources and
	// X-Forwarded-For are believed from it only; the edge must delete what clients send under those names. Nil: loopback
	// and the private networks (RFC 1918, RFC 4193).
	Trusted func(remoteAddr string) bool

	// JWKS is the URL or file of the JSON Web Key Set (RFC 7517) by which a jwt source checks signatures. A URL is fetched
	// again every hour and when a token names an unknown key; until it answers, every 10 seconds. Through a URL only public
	// keys are taken.
	JWKS string
	// KeyFile holds, instead of JWKS, a PEM public key or certificate, or else an HMAC secret, of which one line end is cut
	// off.
	KeyFile string
	// Cookies may hold the token when Authorization does not. Nil: "token".
	Cookies []string
	// Issuer and Audience, where set, must be the token's iss and one of its aud: needed where the keys sign for others.
	Issuer, Audience string
	// Unverified believes tokens without looking at signature and times. For captures only: live, everybody could be
	// anybody.
	Unverified bool

	// DNS answers whether a crawler is the one that it says: its address's name must be the crawler's, and lead back to the address.
	// Nil: nobody is asked, and crawlers only claim to be. Nothing waits for an answer: until it is there, they claim.
	DNS *net.Resolver

	// Sessions is the memory of who holds which credential. Nil: a new one.
	Sessions *Sessions
	// Idle is how long after its last use a session may still pass its owner on to the credential that replaces it. It
	// should be shorter than the shop's own session timeout. Zero: 30 minutes.
	Idle time.Duration
	// Now is the clock; a scan of captures sets it to the time of the exchange. Nil: time.Now.
	Now func() time.Time
	Log *slog.Logger // nil: slog.Default()

	refresh, retry time.Duration // how often JWKS is fetched; zero: an hour, 10 s
}

// Resolver knows who sends a request. It is safe for concurrent use.
type Resolver struct {
	o        Options
	sources  []source
	whoAmI   []whoAmI
	sessions *Sessions
	keys     *remoteKeys // nil unless JWKS is a URL
	crawlers *crawlers   // nil without DNS
}

// New reads keys, fetches the key set if there is one, and explains what is wrong with the options. A key set that cannot
// be reached is no error: it is tried again until it answers or ctx ends, and holders of tokens are anonymous meanwhile.
func New(ctx context.Context, o Options) (*Resolver, error) {
	if len(o.Key) == 0 {
		return nil, errors.New("viewer: there is no key for digests")
	}
	o.setDefaults()
	r := &Resolver{o: o, sessions: o.Sessions}
	if o.DNS != nil {
		r.crawlers = newCrawlers(o.DNS, o.Now)
	}
	for i, spec := range o.WhoAmI {
		w, err := parseWhoAmI(spec)
		if err != nil {
			return nil, fmt.Errorf("whoami[%d]: %w", i, err)
		}
		r.whoAmI = append(r.whoAmI, w)
	}
	for i, spec := range o.Sources {
		s, err := r.parseSource(ctx, spec)
		if err != nil {
			r.Close()
			return nil, fmt.Errorf("viewer[%d]: %w", i, err)
		}
		r.sources = append(r.sources, s)
	}
	if len(r.whoAmI) > 0 && !slices.ContainsFunc(r.sources, source.session) {
		r.Close()
		return nil, errors.New("whoami: needs a session to learn about: add a viewer such as session:COOKIE or session:authorization")
	}
	return r, nil
}

func (o *Options) setDefaults() {
	if o.Owners == nil {
		o.Owners = func(string) []string { return nil }
	}
	if o.Trusted == nil {
		o.Trusted = fromPrivate
	}
	if o.Idle == 0 {
		o.Idle = 30 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Sessions == nil {
		o.Sessions = &Sessions{}
	}
	if o.Sessions.Now == nil {
		o.Sessions.Now = o.Now
	}
}

// Close stops refreshing the key set and asking DNS, and waits until that has stopped.
func (r *Resolver) Close() error {
	if r.crawlers != nil {
		r.crawlers.close()
	}
	if r.keys != nil {
		r.keys.close()
	}
	return nil
}

// Sessions is the memory of who holds which credential.
func (r *Resolver) Sessions() *Sessions { return r.sessions }

// Viewer says who sent the request. The zero Customer is somebody of whom nothing is known or proved.
func (r *Resolver) Viewer(req *http.Request) candor.Viewer {
	v := candor.Viewer{Customer: r.ask(r.sources, req), Crawler: crawler(req.UserAgent()), Client: r.client(req)}
	switch {
	case v.Crawler == "":
		v.Script = script(req)
	case r.crawlers != nil:
		v.Verified = r.crawlers.verified(v.Crawler, r.clientAddr(req))
	}
	return v
}

func (r *Resolver) ask(sources []source, req *http.Request) string {
	for _, s := range sources {
		if who := s.ask(req); who != "" {
			return who
		}
	}
	return ""
}

// Address is the e-mail address, as it is written there, by which the request says who sends it: "" where it says so by an id, or the source that
// answers is a session, of which no address is kept.
func (r *Resolver) Address(req *http.Request) string {
	for _, s := range r.sources {
		switch {
		case s.ask(req) == "":
			continue
		case s.says == nil:
			return ""
		}
		if said := strings.TrimSpace(s.says(req)); strings.Contains(said, "@") {
			return said
		}
		return ""
	}
	return ""
}

// maxIdentity is the longest id or address that is believed, in bytes: RFC 5321 §4.5.3.1 allows an address of 254.
const maxIdentity = 320

// customer turns what a source yields, an id or an e-mail address, into a customer's id. An address that is in no customer
// file makes a viewer who is somebody, but nobody's owner.
func (r *Resolver) customer(value string) string {
	value = strings.TrimSpace(value)
	if value == "" || len(value) > maxIdentity || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return ""
	}
	if !strings.Contains(value, "@") {
		return value
	}
	if owners := r.o.Owners(value); len(owners) > 0 {
		return slices.Min(owners) // customers who share an address: always the same one
	}
	return r.stranger(value)
}

// stranger is the id of a signed-in person who is not in the customer file: "?" and a keyed digest, so that two strangers
// stay two and neither can be the owner of anything.
func (r *Resolver) stranger(email string) string {
	return "?" + hex.EncodeToString(r.mac("stranger", strings.ToLower(email))[:6])
}

// mac is a keyed digest of parts; what sort of thing it digests is its first part.
func (r *Resolver) mac(parts ...string) []byte {
	h := hmac.New(sha256.New, r.o.Key)
	h.Write([]byte("viewer"))
	for _, p := range parts {
		h.Write([]byte{0})
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

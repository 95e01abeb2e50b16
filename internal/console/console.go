// Package console is the operator's view: pages that show what the ledger holds, behind a sign-in by one-time link.
//
// Start with [New]; [Console.SignInURL] makes the link that lets somebody in. It promises that no page holds a customer's
// address or name, that nothing is shown without signing in, and that every page works without a script; with one it
// keeps itself up to date.
package console

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/filing"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
	"candor.example/internal/report"
	"candor.example/verify"
)

//go:embed web
var web embed.FS

// Status is what only the running process knows.
type Status struct {
	Mode      string `json:"mode"` // observe, mask or block
	Upstream  string `json:"upstream"`
	Site      string `json:"site"` // address of the protected site
	Customers int64  `json:"customers"`
	// KeepLatent: the cacheability of a viewer's own data stays as the shop says it.
	KeepLatent bool `json:"keep_latent"`

	Built   time.Time `json:"directory_built"`
	Trouble []string  `json:"trouble,omitempty"` // what is wrong now, in sentences
	Started time.Time `json:"started"`
	Version string    `json:"version"`
	// Title and Caption are a line above every page: the demo tells its story there.
	Title   string `json:"title,omitempty"`
	Caption string `json:"caption,omitempty"`
}

// Options are what a console needs. Ledger and Status are required.
type Options struct {
	Ledger *ledger.Ledger
	// Act puts what somebody did into the books, with the documents that it names, and returns once the ledger holds it; its error is a sentence
	// for people. Nil: nothing can be done here.
	Act func(context.Context, candor.Action, ...candor.Document) error
	// Facts are an incident's, with what the publisher knows; its error is a sentence for people. Nil: no notice can be drafted here.
	Facts func(ctx context.Context, incident string) (notice.Facts, error)
	// Needs is how many approvals a notice needs: 2, or 1 for a small shop. Empty: 2.
	Needs int
	// Seeds are the names of the mailboxes that must have shown a notice before it is approved.
	Seeds []string
	// Signer is the id of the signing key, which makes notices checkable. Nil: no set can be frozen here.
	Signer func() (string, error)
	// Limits are how fast notices may leave: what is feasible follows from them.
	Limits notice.Limits
	// Report is all that an incident's report is drafted from; its error is a sentence for people. Nil: there are no pages of reports.
	Report func(ctx context.Context, incident string) (report.Input, error)
	// Public is the folder in which reports are published; empty: there is none.
	Public string
	// LogKeys are those that this machine believes; nil: those that are published.
	LogKeys func() (verify.Keys, error)
	// Publishing is nil where the private signing key is not.
	Publishing *Publishing
	// Filing is all that a filing is written from. Nil: there are no pages of filings.
	Filing func(ctx context.Context, form filing.Form, incident, phase string) (filing.Input, error)
	// Trade is what the shop sells: severity is presumed from it. Empty: incident.General.
	Trade  incident.Trade
	Status func() Status // called for every page, and each second for every page that is open
	// Hosts are the names, without port, under which the console answers besides localhost and plain IP addresses.
	Hosts []string
	Log   *slog.Logger     // nil: slog.Default()
	Now   func() time.Time // nil: time.Now
}

// Console is the handler of all pages. It leaves /healthz, /readyz and /metrics to others.
type Console struct {
	o        Options
	handler  http.Handler
	template *template.Template
	sessions sessions
	tallies  tallies
	waits    allWaiting
	mails    mails
	verdicts verdicts
	looked   looked
}

// New makes a console.
func New(o Options) (*Console, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Needs == 0 {
		o.Needs = 2
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Console{o: o, sessions: sessions{now: o.Now}}
	t, err := template.New("").Funcs(c.functions()).ParseFS(web, "web/*.html")
	if err != nil {
		return nil, err
	}
	c.template = t
	c.handler = c.routes()
	return c, nil
}

func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// routes is the map of the site.
func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /assets/{name}", asset)
	mux.HandleFunc("GET /sign-in", c.signInPage)
	mux.HandleFunc("POST /sign-in", c.signIn)
	mux.HandleFunc("POST /sign-out", c.signOut)
	mux.Handle("GET /{$}", c.page("overview", c.overview))
	mux.Handle("GET /incidents", c.page("incidents", c.incidents))
	mux.Handle("GET /incidents/{id}", c.page("incident", c.incident))
	mux.Handle("GET /incidents/{id}/affected", c.page("affected", c.incident))
	mux.Handle("GET /incidents/{id}/explain", c.page("explain", c.explanation))
	mux.Handle("GET /incidents/{id}/clocks.ics", c.signedIn(http.HandlerFunc(c.clocks)))
	mux.Handle("GET /incidents/{id}/notice", framed(c.page("editor", c.editorPage)))
	mux.Handle("POST /incidents/{id}/notice", limited(maxTyped, framed(c.signedIn(http.HandlerFunc(c.save)))))
	mux.Handle("POST /incidents/{id}/notice/look", limited(maxTyped, framed(c.page("editor", c.look))))
	mux.Handle("GET /incidents/{id}/notice/mail/{name}", c.signedIn(http.HandlerFunc(c.mail)))
	mux.Handle("GET /incidents/{id}/notice/anew", c.page("act", c.askAnew))
	mux.Handle("POST /incidents/{id}/notice/anew", limited(maxForm, c.signedIn(http.HandlerFunc(c.anew))))
	mux.Handle("GET /incidents/{id}/report", c.page("report", c.reportPage))
	mux.Handle("GET /incidents/{id}/report/set", c.page("act", c.askSet))
	mux.Handle("POST /incidents/{id}/report/set", limited(maxForm, c.signedIn(http.HandlerFunc(c.set))))
	mux.Handle("GET /incidents/{id}/report/publish", c.page("publish", c.askPublish))
	mux.Handle("POST /incidents/{id}/report/publish", limited(maxForm, c.signedIn(http.HandlerFunc(c.publish))))
	mux.Handle("GET /incidents/{id}/report/publish/{seen}/{path...}", c.signedIn(http.HandlerFunc(c.publicFile)))
	mux.Handle("GET /incidents/{id}/filings", c.page("filings", c.filings))
	mux.Handle("GET /incidents/{id}/filings/{form}", c.page("filing", c.filled))
	mux.Handle("GET /incidents/{id}/filings/{form}/{as}", c.signedIn(http.HandlerFunc(c.filingFile)))
	mux.Handle("GET /incidents/{id}/filings/{form}/file", c.page("act", c.askFile))
	mux.Handle("POST /incidents/{id}/filings/{form}/file", limited(maxForm, c.signedIn(http.HandlerFunc(c.file))))
	mux.Handle("GET /incidents/{id}/{what}", c.page("act", c.ask))
	mux.Handle("POST /incidents/{id}/{what}", limited(maxForm, c.signedIn(http.HandlerFunc(c.act))))
	mux.Handle("GET /notices", c.page("notices", c.notices))
	mux.Handle("GET /notices/{id}", c.page("notice", c.campaign))
	mux.Handle("GET /notices/{id}/people", c.page("people", c.people))
	mux.Handle("GET /notices/{id}/{what}", c.page("act", c.askNotice))
	mux.Handle("POST /notices/{id}/{what}", limited(maxForm, c.signedIn(http.HandlerFunc(c.actNotice))))
	mux.Handle("GET /reports", c.page("reports", c.reports))
	mux.Handle("GET /reports/complete", c.page("act", c.askComplete))
	mux.Handle("POST /reports/complete", limited(maxForm, c.signedIn(http.HandlerFunc(c.complete))))
	mux.Handle("GET /reports/verify", c.page("verified", c.checkLog))
	mux.Handle("GET /links", c.page("links", c.links))
	mux.Handle("GET /latent", c.page("latent", c.latent))
	mux.Handle("GET /coverage", c.page("coverage", c.coverage))
	mux.Handle("GET /events", c.signedIn(http.HandlerFunc(c.events)))
	mux.Handle("GET /api/status", c.api(c.overview))
	mux.Handle("GET /api/incidents", c.api(c.incidents))
	mux.Handle("GET /api/incidents/{id}", c.api(c.incident))
	mux.Handle("GET /api/incidents/{id}/explain", c.api(c.explanation))
	mux.Handle("GET /api/notices", c.api(c.notices))
	mux.Handle("GET /api/notices/{id}", c.api(c.campaign))
	mux.Handle("GET /api/notices/{id}/people", c.api(c.people))
	mux.Handle("GET /api/incidents/{id}/notice", c.api(c.editorPage))
	mux.Handle("POST /api/incidents/{id}/notice/look", limited(maxTyped, c.api(c.look)))
	mux.Handle("GET /api/incidents/{id}/report", c.api(c.reportPage))
	mux.Handle("GET /api/incidents/{id}/filings", c.api(c.filings))
	mux.Handle("GET /api/reports", c.api(c.reports))
	mux.Handle("GET /api/reports/verify", c.api(c.checkLog))
	mux.Handle("GET /api/latent", c.api(c.latent))
	mux.Handle("GET /api/links", c.api(c.links))
	mux.Handle("GET /api/coverage", c.api(c.coverage))
	mux.Handle("/api/", c.api(nowhere))
	mux.Handle("/", c.page("nowhere", nowhere))
	protect := http.NewCrossOriginProtection() // Sec-Fetch-Site and Origin: no form of another site gets through
	return secure(c.ownName(protect.Handler(mux)))
}

// secure sets what every answer carries: nothing from elsewhere, nothing inline, nothing kept. The referrer policy is not
// "no-referrer", because with that a browser sends our own forms as "Origin: null" (Fetch, "append a request Origin
// header"), which is how a forged one looks where there is no Sec-Fetch-Site: on plain HTTP to another machine.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// asset serves one embedded file, and lists none.
func asset(w http.ResponseWriter, r *http.Request) {
	files, err := fs.Sub(web, "web/assets")
	if err != nil {
		http.NotFound(w, r)
		return
	}
	http.ServeFileFS(w, r, files, r.PathValue("name"))
}

// missing is an error that is answered with 404, in a sentence for the reader.
type missing string

func (m missing) Error() string { return string(m) }

func nowhere(*http.Request) (any, error) { return nil, missing("There is no such page.") }

// shell is what every page's template gets.
type shell struct {
	Page   string // the template's name
	State  string // of what is shown: see Console.state
	Now    time.Time
	Status Status
	Data   any
}

// Title is what the browser's tab says: on the overview whether it is quiet, so that a tab in the background tells, too.
func (s shell) Title() string {
	switch d := s.Data.(type) {
	case overview:
		return d.Verdict.Title
	case account:
		return d.Route
	case question:
		return d.Title
	case publication:
		return d.Title
	case campaign:
		return d.ID + ": " + d.Standing
	case peopleInState:
		return d.Campaign.ID + ": " + stateWord(d.State)
	case editor:
		return "The words to " + d.To()
	case reportPage:
		return "Report of " + d.Incident.ID
	case filings:
		return "Filings of " + d.Incident.ID
	case filled:
		return d.Filing.Title
	case explanation:
		return "Figures of " + d.Incident.Route
	case door:
		return "Sign in"
	}
	return strings.ToUpper(s.Page[:1]) + s.Page[1:]
}

// Section is the part of the site that a page belongs to, where it is not a part's first page.
func (s shell) Section() string {
	switch d := s.Data.(type) {
	case question:
		if d.Campaign.ID != "" {
			return "notices"
		}
		if d.Path != "" {
			return "reports"
		}
		return "incidents"
	case reportPage, publication, filings, filled, checked:
		return "reports"
	case account, explanation:
		return "incidents"
	case campaign, peopleInState, editor:
		return "notices"
	}
	return ""
}

// page shows what load returns in the template by that name.
func (c *Console) page(name string, load func(*http.Request) (any, error)) http.Handler {
	return c.signedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		state, err := c.state(r) // before load: what comes in between is shown twice rather than not at all
		s := shell{name, state, c.o.Now().UTC(), c.o.Status(), nil}
		if err == nil {
			s.Data, err = load(r)
		}
		status := http.StatusOK
		if err != nil {
			s.Page = "error"
			status, s.Data = c.explain(r, err)
		}
		c.render(w, status, s)
	}))
}

// api answers with what a page shows, as JSON.
func (c *Console) api(load func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.sessions.has(r) {
			writeJSON(w, http.StatusUnauthorized, problem{"Sign in first: ask for a link with 'candor console'."})
			return
		}
		data, err := load(r)
		if err != nil {
			status, sentence := c.explain(r, err)
			writeJSON(w, status, problem{sentence})
			return
		}
		writeJSON(w, http.StatusOK, data)
	})
}

type problem struct {
	Error string `json:"error"`
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// explain is the status and the sentence to answer an error with. What is internal goes to the log only.
func (c *Console) explain(r *http.Request, err error) (int, string) {
	var m missing
	if errors.As(err, &m) {
		return http.StatusNotFound, string(m)
	}
	if r.Context().Err() == nil {
		c.o.Log.Error("console: page not loaded", "route", r.Pattern, "error", err)
	}
	return http.StatusInternalServerError, "The ledger could not be read. Candor's log says why."
}

// failed is the page of an error.
func (c *Console) failed(w http.ResponseWriter, r *http.Request, err error) {
	s := shell{Page: "error", Now: c.o.Now().UTC(), Status: c.o.Status()}
	status, sentence := c.explain(r, err)
	s.Data = sentence
	c.render(w, status, s)
}

// render writes the page that s names.
func (c *Console) render(w http.ResponseWriter, status int, s shell) {
	var b bytes.Buffer
	if err := c.template.ExecuteTemplate(&b, s.Page+".html", s); err != nil {
		c.o.Log.Error("console: page not rendered", "page", s.Page, "error", err)
		http.Error(w, "This page could not be made. Candor's log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

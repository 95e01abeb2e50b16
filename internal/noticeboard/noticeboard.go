// Package noticeboard is what stands on the shop's own site: whoever is signed in reads the notices that concern them, anybody may ask whether a
// letter's code is one of this shop's, and those who saw other people's data say what became of it.
//
// Start with [Board.Serve], which is a guard's Site. It promises that nobody learns whether a notice concerns somebody else: who is not signed in and
// whom nothing concerns get the same bytes by the same look-ups, and whoever asks too often gets none.
package noticeboard

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"candor.example"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// The addresses, on the shop's own site.
const (
	notices = "/.well-known/candor/notices"
	code    = "/.well-known/candor/code"
	answer  = "/.well-known/candor/answer"
)

// maxForm is how long a form may be.
const maxForm = 4 << 10

// Options are what a board needs. Ledger, Key, Client and Record are required.
type Options struct {
	Ledger *ledger.Ledger
	Key    []byte // the guard's, by which viewers have their digests
	// Client tells one client from another, by address and not by what it says of itself.
	Client func(*http.Request) string
	// Record makes what a viewer answers durable.
	Record func(context.Context, candor.Entry) error
	// Zone is where the days begin that are told to whoever asks for a code, Language what is spoken to whom no language of ours suits: the
	// publisher's. Nil: UTC; empty: English.
	Zone     *time.Location
	Language string
	Log      *slog.Logger     // nil: slog.Default()
	Now      func() time.Time // nil: time.Now
}

// Board is the handler.
type Board struct {
	o            Options
	reads, codes *limiter
	drafts       drafts
	unseen       unseen
	cross        *http.CrossOriginProtection
}

// New makes a board. Run has to be running where Banner is asked.
func New(o Options) *Board {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return &Board{o: o, cross: http.NewCrossOriginProtection(), unseen: newUnseen(),
		// A person opens the page a few times, and types a code twice; a code has 60 bits, so that the limit keeps the load away, not a guess.
		reads: newLimiter(limit{each: 0.5, burst: 30}, limit{each: 200, burst: 400}),
		codes: newLimiter(limit{each: 1.0 / 12, burst: 5}, limit{each: 10, burst: 50})}
}

// request is one, with who sent it.
type request struct {
	*http.Request
	viewer candor.Viewer
	lang   string
	w      words
	json   bool
}

// Serve answers everything below /.well-known/candor/.
func (b *Board) Serve(w http.ResponseWriter, r *http.Request, v candor.Viewer) {
	w.Header().Add("Vary", "Accept, Accept-Language")
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Referrer-Policy", "same-origin")
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	w.Header().Set("X-Robots-Tag", "noindex")
	q := b.ask(r, v)
	if wait := b.limiterOf(r).take(b.o.Client(r), b.o.Now()); wait > 0 {
		busy(w, q, wait)
		return
	}
	switch method := r.Method; {
	case r.URL.Path != notices && r.URL.Path != code && r.URL.Path != answer:
		q.problem(w, http.StatusNotFound, q.w.Wrong)
	case r.URL.Path == notices && (method == http.MethodGet || method == http.MethodHead):
		b.show(w, q)
	case r.URL.Path == notices:
		q.not(w, "GET, HEAD")
	case method != http.MethodPost:
		q.not(w, "POST")
	case b.cross.Check(r) != nil:
		q.problem(w, http.StatusForbidden, q.w.Wrong)
	case !readForm(w, r):
		q.problem(w, http.StatusBadRequest, q.w.Wrong)
	case r.URL.Path == code:
		b.check(w, q)
	default:
		b.answer(w, q)
	}
}

func (b *Board) limiterOf(r *http.Request) *limiter {
	if r.URL.Path == code {
		return b.codes
	}
	return b.reads
}

// readForm reads a short form, from whoever sends it within ten seconds.
func readForm(w http.ResponseWriter, r *http.Request) bool {
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(10 * time.Second)) // where there is none, the server's own limits hold
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	return r.ParseForm() == nil
}

// told are the viewer's notices. The same is looked up for whoever is not signed in, under a name that nobody has.
func (b *Board) told(ctx context.Context, v candor.Viewer) ([]ledger.Told, error) {
	if v.Customer == "" {
		v = candor.Viewer{Customer: candor.NewID()}
	}
	return b.o.Ledger.Told(ctx, v.Customer, v.Digest(b.o.Key))
}

func (b *Board) show(w http.ResponseWriter, q request) {
	list, err := b.told(q.Context(), q.viewer)
	if err != nil {
		b.fail(w, q, err)
		return
	}
	if len(list) > 0 && !q.json {
		b.seen(w, q, list)
	}
	b.page(w, q, list, page{})
}

// check says of a code whether a notice was sent with it, when and about what: not to whom.
func (b *Board) check(w http.ResponseWriter, q request) {
	sent, err := b.o.Ledger.SentNotice(q.Context(), Normalise(q.PostForm.Get("code")))
	known := !errors.Is(err, sql.ErrNoRows)
	if known && err != nil {
		b.fail(w, q, err)
		return
	}
	list, err := b.told(q.Context(), q.viewer) // what stood on the page stays
	if err != nil {
		b.fail(w, q, err)
		return
	}
	p := page{Checked: q.w.Unknown}
	result := codeAnswer{Schema: CodeSchema, Known: known}
	if known {
		result.Incident, result.Site, result.Day = sent.Incident, sent.Site, sent.Sent.In(b.o.Zone).Format(time.DateOnly)
		p.Checked = fill(q.w.Known, "day", result.Day, "incident", result.Incident, "site", result.Site)
	}
	if q.json {
		q.writeJSON(w, http.StatusOK, result)
		return
	}
	b.page(w, q, list, p)
}

// answer takes what a viewer says. Who is not signed in and who was not asked get the same refusal.
func (b *Board) answer(w http.ResponseWriter, q request) {
	said, about := q.PostForm.Get("answer"), q.PostForm.Get("incident")
	if !slices.Contains(candor.Answers, said) {
		q.problem(w, http.StatusBadRequest, q.w.Wrong)
		return
	}
	list, err := b.told(q.Context(), q.viewer)
	if err != nil {
		b.fail(w, q, err)
		return
	}
	n := slices.IndexFunc(list, func(t ledger.Told) bool { return t.Campaign.Kind == notice.Viewers && t.Campaign.Incident == about })
	if n < 0 {
		q.problem(w, http.StatusForbidden, q.w.Signin)
		return
	}
	// The viewer may hang up now: what they said stands.
	err = b.o.Record(context.WithoutCancel(q.Context()), candor.Entry{Answers: []candor.Answer{{Incident: about, Digest: q.viewer.Digest(b.o.Key), Time: b.o.Now().UTC(), Answer: said}}})
	if err != nil {
		b.fail(w, q, err)
		return
	}
	list[n].Answer = said
	b.page(w, q, list, page{})
}

func (b *Board) fail(w http.ResponseWriter, q request, err error) {
	if !errors.Is(err, context.Canceled) {
		b.o.Log.Error("the notices on the shop's own site cannot be shown", "error", err)
	}
	w.Header().Set("Retry-After", "120")
	q.problem(w, http.StatusServiceUnavailable, q.w.Trouble)
}

// drafts are those that were read last, so that a page is not two queries and a large text each time.
type drafts struct {
	mu   sync.Mutex
	read map[string]*draft
}

type draft struct {
	notice.Draft
	zone *time.Location
}

const maxDrafts = 16 // incidents that people are told about at one time

func (b *Board) draft(ctx context.Context, hash string) (*draft, error) {
	b.drafts.mu.Lock()
	d := b.drafts.read[hash]
	b.drafts.mu.Unlock()
	if d != nil {
		return d, nil
	}
	read, err := b.o.Ledger.Draft(ctx, hash)
	if err != nil {
		return nil, err
	}
	d = &draft{read, time.UTC}
	if zone, err := time.LoadLocation(d.Facts.Publisher.Zone); err == nil {
		d.zone = zone
	}
	b.drafts.mu.Lock()
	defer b.drafts.mu.Unlock()
	if b.drafts.read == nil || len(b.drafts.read) >= maxDrafts {
		b.drafts.read = map[string]*draft{}
	}
	b.drafts.read[hash] = d
	return d, nil
}

// languages that the draft has texts in.
func (d *draft) languages() (list []string) {
	for key := range d.Texts {
		if _, lang, ok := strings.Cut(key, "/"); ok && !slices.Contains(list, lang) {
			list = append(list, lang)
		}
	}
	slices.Sort(list)
	return list
}

// Package console is the operator's view: pages that show what the ledger holds, behind a sign-in by one-time link.
//
// Start with [New]; [Console.SignInURL] makes the link that lets somebody in. It promises that no page holds a customer's
// address or name, that nothing is shown without signing in, and that every page works without a script; with one it
// keeps itself up to date.
package console

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"candor.example/internal/ledger"
)

//go:embed web
var web embed.FS

// Status is what only the running process knows.
type Status struct {
	Mode      string    `json:"mode"` // observe, mask or block
	Upstream  string    `json:"upstream"`
	Site      string    `json:"site"` // address of the protected site
	Customers int64     `json:"customers"`
	Built     time.Time `json:"directory_built"`
	Trouble   []string  `json:"trouble,omitempty"` // what is wrong now, in sentences
	Started   time.Time `json:"started"`
	Version   string    `json:"version"`
	// Title and Caption are a line above every page: the demo tells its story there.
	Title   string `json:"title,omitempty"`
	Caption string `json:"caption,omitempty"`
}

// Options are what a console needs; all fields but Log and Now are required.
type Options struct {
	Ledger *ledger.Ledger
	Status func() Status
	Log    *slog.Logger     // nil: slog.Default()
	Now    func() time.Time // nil: time.Now
}

// Console is the handler of all pages.
type Console struct {
	o        Options
	handler  http.Handler
	template *template.Template
	sessions sessions
}

// New makes a console.
func New(o Options) (*Console, error) {
	if o.Log == nil {
		o.Log = slog.Default()
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
	assets, _ := fs.Sub(web, "web/assets")
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServerFS(assets)))
	mux.HandleFunc("GET /sign-in", c.signInPage)
	mux.HandleFunc("POST /sign-in", c.signIn)
	mux.HandleFunc("POST /sign-out", c.signOut)
	mux.Handle("GET /{$}", c.page("overview", c.overview))
	mux.Handle("GET /incidents", c.page("incidents", c.incidents))
	mux.Handle("GET /incidents/{id}", c.page("incident", c.incident))
	mux.Handle("GET /links", c.page("links", c.links))
	mux.Handle("GET /coverage", c.page("coverage", c.coverage))
	mux.Handle("GET /events", c.signedIn(http.HandlerFunc(c.events)))
	mux.Handle("GET /api/status", c.api(c.overview))
	mux.Handle("GET /api/incidents", c.api(c.incidents))
	mux.Handle("GET /api/incidents/{id}", c.api(c.incident))
	mux.Handle("GET /api/links", c.api(c.links))
	mux.Handle("GET /api/coverage", c.api(c.coverage))
	mux.Handle("/", c.signedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, http.StatusNotFound, "There is no such page.")
	})))
	protect := http.NewCrossOriginProtection() // Sec-Fetch-Site and Origin: no form of another site gets through
	return secure(onlyLocal(protect.Handler(mux)))
}

// secure sets what every answer carries: nothing from elsewhere, nothing inline, nothing kept.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// shell is what every page's template gets.
type shell struct {
	Page   string
	Now    time.Time
	Status Status
	Data   any
}

// errGone is answered with 404.
var errGone = errors.New("there is no such thing here")

// page shows what load returns in the template by that name.
func (c *Console) page(name string, load func(*http.Request) (any, error)) http.Handler {
	return c.signedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := load(r)
		if err != nil {
			c.failWith(w, r, err)
			return
		}
		c.render(w, http.StatusOK, name, shell{name, c.o.Now().UTC(), c.o.Status(), data})
	}))
}

// api answers with what the page of that name shows, as JSON.
func (c *Console) api(load func(*http.Request) (any, error)) http.Handler {
	return c.signedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := load(r)
		if err != nil {
			status := http.StatusInternalServerError
			if errors.Is(err, errGone) {
				status = http.StatusNotFound
			}
			http.Error(w, http.StatusText(status), status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(data)
	}))
}

func (c *Console) render(w http.ResponseWriter, status int, name string, s shell) {
	var b bytes.Buffer
	if err := c.template.ExecuteTemplate(&b, name+".html", s); err != nil {
		c.o.Log.Error("console: page not rendered", "page", name, "error", err)
		http.Error(w, "This page could not be made. The log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

func (c *Console) failWith(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errGone) {
		c.fail(w, r, http.StatusNotFound, "There is no such incident.")
		return
	}
	c.o.Log.Error("console", "path", r.URL.Path, "error", err)
	c.fail(w, r, http.StatusInternalServerError, "The ledger could not be read. The log says why.")
}

func (c *Console) fail(w http.ResponseWriter, _ *http.Request, status int, message string) {
	c.render(w, status, "error", shell{"error", c.o.Now().UTC(), c.o.Status(), message})
}

// events tells a page that something may have changed, whenever something has: the page then fetches itself.
func (c *Console) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := ""
	for {
		state, err := c.state(r)
		if err != nil {
			return
		}
		if state != last {
			last = state
			fmt.Fprintf(w, "data: %s\n\n", state)
			if flush.Flush() != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// state changes when anything that a page shows does, and once a minute, because pages say how long ago.
func (c *Console) state(r *http.Request) (string, error) {
	applied, err := c.o.Ledger.Applied(r.Context())
	s := c.o.Status()
	return fmt.Sprintf("%d/%s/%s/%d/%d", applied, s.Mode, s.Title, len(s.Trouble), c.o.Now().Unix()/60), err
}

package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"candor.example"
	"candor.example/directory"
	"candor.example/guard"
	"candor.example/internal/console"
	"candor.example/internal/incident"
	"candor.example/internal/journal"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
	"candor.example/internal/noticeboard"
	"candor.example/internal/policy"
	"candor.example/internal/seal"
	"candor.example/internal/viewer"
	"candor.example/scan"
)

// viewerFlags say how to know who is looking; serve and scan share them.
type viewerFlags struct {
	Viewer  []string `placeholder:"SOURCE" sep:"none" help:"header:NAME, jwt:CLAIM, session:COOKIE or session:authorization; repeatable, the first that answers wins."`
	WhoAmI  []string `name:"whoami" placeholder:"ROUTE:PATH" sep:"none" help:"A route that tells whose session it is, and where in its JSON: 'GET /api/me:$.user.email'; repeatable."`
	JWTJWKS string   `name:"jwt-jwks" placeholder:"URL|FILE" help:"JSON Web Key Set to check tokens with (RFC 7517)."`
	JWTKey  string   `name:"jwt-key" placeholder:"FILE" help:"PEM public key or HMAC secret to check tokens with."`
}

func (f viewerFlags) into(c *Config) {
	if len(f.Viewer) > 0 {
		c.Viewer = f.Viewer
	}
	if len(f.WhoAmI) > 0 {
		c.WhoAmI = f.WhoAmI
	}
	if f.JWTJWKS != "" {
		c.JWT.JWKS = f.JWTJWKS
	}
	if f.JWTKey != "" {
		c.JWT.Key = f.JWTKey
	}
}

// viewerKey is the key of viewers', links' and credentials' digests: derived, so that none of them can be compared with an
// identifier's.
func viewerKey(k directory.Key) []byte {
	h := hmac.New(sha256.New, k[:])
	h.Write([]byte("candor viewer key v1"))
	return h.Sum(nil)
}

// configure wires viewers and policy into a guard, by the same rules for serve and scan. o holds what the two do
// differently.
func configure(ctx context.Context, g *guard.Guard, c *Config, o viewer.Options) (*viewer.Resolver, error) {
	trusted, err := c.trusted()
	if err != nil {
		return nil, err
	}
	if _, err := incident.ParseTrade(c.Trade); err != nil {
		return nil, err
	}
	rules, err := policy.New(c.rules(), c.Public, policy.Options{Normalise: normalisePublic, Log: g.Log})
	if err != nil {
		return nil, err
	}
	o.Sources, o.WhoAmI = c.Viewer, c.WhoAmI
	o.JWKS, o.KeyFile, o.Cookies = c.JWT.JWKS, c.JWT.Key, c.JWT.Cookie
	o.Issuer, o.Audience = c.JWT.Issuer, c.JWT.Audience
	o.Key, o.Log, o.Trusted = g.Key, g.Log, trusted.Contains
	o.Owners = func(email string) []string {
		normal, ok := normaliseEmail(email)
		if !ok {
			return nil
		}
		return g.Directory.Owners(scan.Email, []byte(normal))
	}
	resolver, err := viewer.New(ctx, o)
	if err != nil {
		return nil, err
	}
	g.Viewer, g.Teaches, g.Learn = resolver.Viewer, resolver.Teaches, resolver.Learn
	g.Address = func(r *http.Request) string {
		address, _ := normaliseEmail(resolver.Address(r))
		return address
	}
	if len(c.Policy) > 0 {
		g.Allowed = func(v candor.Viewer, x *candor.Exchange, route string, kind scan.Kind) (string, bool) {
			return rules.Allowed(v, x, route, string(kind))
		}
	}
	if len(c.Public) > 0 {
		forms := publicForms(c.Public)
		g.Public = func(normalised []byte) bool { return rules.Public(normalised) || forms(normalised) }
	}
	if g.Sites, err = c.sites(); err != nil {
		return nil, err
	}
	g.FailClosed, g.ReleaseHeader, g.MaxDecoded, g.Compress, g.Routes = c.FailClosed, c.ReleaseHeader, c.MaxDecoded, c.Compress, c.Routes
	for _, field := range c.PersonalFields {
		g.PersonalFields = append(g.PersonalFields, scan.FoldField(field))
	}
	g.Document, g.MaxDocument = documents(g.Log), c.MaxDocument
	g.KeepLatent, g.About = c.KeepLatent, g.Directory.About
	g.MaskLinks, g.Links.MaxViewers, g.Links.MaxWalk = c.Links.Mask, c.Links.MaxViewers, c.Links.MaxWalk
	return resolver, nil
}

func normaliseEmail(s string) (string, bool) {
	b, ok := scan.NormalizeEmail(nil, []byte(strings.TrimSpace(s)))
	return string(b), ok
}

// service is a running Candor: the protected site, the journal that it writes, the ledger that is folded from it, and the
// console.
type service struct {
	config  *Config
	log     *slog.Logger
	dir     *directory.Directory
	token   string // for POST /directory/customers
	journal *journal.Journal
	ledger  *ledger.Ledger
	guard   *guard.Guard
	viewers *viewer.Resolver
	console *console.Console
	caption func() (title, text string) // nil, but in the demo
	metrics *metrics
	trouble trouble
	mode    atomic.Value // guard.Mode
	sealer  *seal.Sealer
	board   *noticeboard.Board // nil: people read nothing on the shop's own site

	containment guard.Containment
	containing  sync.Mutex                      // guards contained and unwritten
	unwritten   []candor.Action                 // what breakers did, and the journal did not take
	contained   map[string]incident.Containment // what containment was set to, by site and route
	site        listening
	pages       listening
	control     *http.Server
	tasks       sync.WaitGroup
	stop        context.CancelFunc // of the background tasks
	failed      chan error
	started     time.Time
}

type listening struct {
	net.Listener
	server *http.Server
}

// startService opens everything and begins to serve. caption, if not nil, is a line that the console shows.
func startService(ctx context.Context, c *Config, caption func() (title, text string), log *slog.Logger) (_ *service, err error) {
	upstream, err := parseUpstream(c.Upstream)
	if err != nil {
		return nil, err
	}
	if t := c.Trip; t.Count < 0 || t.Count > guard.MaxAfter || (t.Count > 0) != (t.Within > 0) {
		return nil, fmt.Errorf("trip: count and within belong together, such as count: 5 and within: 10s; count is %d at most", guard.MaxAfter)
	}
	s := &service{config: c, log: log, contained: map[string]incident.Containment{}, failed: make(chan error, 8), started: time.Now(), caption: caption}
	s.mode.Store(guard.Mode(c.Mode))
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	d := dataFlag{c.Data}
	if err := makeFolder(c.Data); err != nil {
		return nil, err
	}
	if s.site.Listener, err = listen(c.Listen, "--listen"); err != nil {
		return nil, err
	}
	if s.pages.Listener, err = listen(c.Console, "--console"); err != nil {
		return nil, err
	}
	keys, _, err := openKeys(d)
	if err != nil {
		return nil, err
	}
	viewers, err := openViewerKey(d, keys[0])
	if err != nil {
		return nil, err
	}
	if s.token, err = openToken(d.token()); err != nil {
		return nil, err
	}
	if s.dir, err = openDirectory(ctx, d, c.Customers, keys); err != nil {
		return nil, err
	}
	if s.journal, err = journal.Open(ctx, journal.Options{Dir: d.journal(), Sync: c.Journal.Sync == "always", Log: log}); err != nil {
		return nil, err
	}
	if s.ledger, err = openLedger(ctx, ledgerFlag{d, c.Ledger}.where(), s.journal); err != nil {
		return nil, err
	}
	var made bool
	if s.sealer, made, err = openSealer(d); err != nil {
		return nil, err
	} else if made {
		log.Info("a sealing key was made: move its private half to where notices are sent from (docs/keys.md)", "file", filepath.Join(c.Data, "keys", "seal.key"))
	}
	s.metrics = newMetrics()
	s.guard = &guard.Guard{
		Directory: s.dir, Key: viewers, Log: log,
		Mode: func(site, route string) guard.Mode {
			return s.containment.Mode(site, route, s.mode.Load().(guard.Mode))
		},
		Seal: func(owner, kind string, value []byte) []candor.Sealed {
			return s.sealer.Seal(owner, candor.Kind(kind), value)
		},
		Record:   s.record,
		Note:     s.journal.Note,
		Classed:  s.metrics.classed,
		Released: s.released,
	}
	sessions := &viewer.Sessions{Learned: s.journal.SaveSession}
	dns, err := c.resolver()
	if err != nil {
		return nil, err
	}
	if s.viewers, err = configure(ctx, s.guard, c, viewer.Options{Sessions: sessions, DNS: dns}); err != nil {
		return nil, err
	}
	if err := s.pinUp(); err != nil {
		return nil, err
	}
	s.goOn(ctx)
	if err := s.remember(ctx, sessions); err != nil {
		return nil, err
	}
	if err := s.contain(ctx); err != nil {
		log.Error("not all containments are in force", "error", err)
	}
	o := console.Options{Ledger: s.ledger, Log: log, Trade: incident.Trade(c.Trade), Status: s.status, Act: s.act,
		Facts: s.facts, Needs: c.Notice.needs(), Seeds: c.Notice.seeds(), Limits: c.Notice.limits(), Signer: func() (string, error) { return signerID(d) }}
	s.reports(&o, d, c.Ledger)
	if s.console, err = console.New(o); err != nil {
		return nil, err
	}
	return s, s.run(ctx, d, upstream)
}

// pinUp lets people read their notices on the shop's own site.
func (s *service) pinUp() error {
	n := s.config.Notice
	if !n.Board {
		if n.Banner {
			return errors.New("notice.banner tells people of a page that is not there: set notice.board: true, too")
		}
		return nil
	}
	zone, err := time.LoadLocation(n.Publisher.Zone)
	if err != nil {
		return fmt.Errorf("notice.publisher.zone: %q is no time zone such as Europe/Berlin", n.Publisher.Zone)
	}
	s.board = noticeboard.New(noticeboard.Options{Ledger: s.ledger, Key: s.guard.Key, Client: s.viewers.Network, Record: s.record, Zone: zone, Language: n.Publisher.Language, Log: s.log})
	s.guard.Site = s.board.Serve
	if n.Banner {
		s.guard.Banner = s.board.Banner
	}
	return nil
}

// parseUpstream refuses what would only fail at the first request.
func parseUpstream(s string) (*url.URL, error) {
	if s == "" {
		return nil, errors.New("--upstream is missing: the shop's URL, such as http://127.0.0.1:3000")
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--upstream %s: this is no http or https URL: write it in full, such as http://127.0.0.1:3000", s)
	}
	return u, nil
}

func listen(addr, flag string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w: choose another with %s", addr, err, flag)
	}
	return l, nil
}

// openDirectory builds the snapshot from the customer file where that is newer, and opens it.
func openDirectory(ctx context.Context, d dataFlag, customers string, keys []directory.Key) (*directory.Directory, error) {
	if customers == "" {
		dir, err := directory.Open(d.snapshot(), keys...)
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w\nGive --customers customers.csv, or build a directory first: candor directory build --customers customers.csv --data %s", err, d.Data)
		}
		return dir, err
	}
	return buildAndOpen(ctx, customers, d.snapshot(), keys)
}

// goOn folds what a process that was killed left behind, so that what it tripped last is tripped from the first request on. A ledger that is
// far behind does not keep the shop waiting.
func (s *service) goOn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := catchUp(ctx, s.journal, s.ledger); err != nil {
		s.log.Warn("the ledger is still behind the journal; what was decided last takes effect once it is not", "error", err)
	}
}

// remember restores what a restart must not forget: whose sessions are whose, and which links showed whom.
func (s *service) remember(ctx context.Context, sessions *viewer.Sessions) error {
	err := s.journal.LoadSessions(ctx, func(credential, customer string) {
		if err := sessions.Set(credential, customer); err != nil {
			s.log.Warn("a kept session is not used", "error", err)
		}
	})
	if err != nil {
		return fmt.Errorf("reading the learned sessions: %w", err)
	}
	return s.ledger.LinkHistory(ctx, func(link, viewer, owner string) { s.guard.Links.Opened(link, viewer, owner) })
}

// await has the guard wait for the addresses of viewers whom a restart would forget. The shop does not wait for that: a large ledger takes seconds.
func (s *service) await(ctx context.Context) {
	if err := s.ledger.Unaddressed(ctx, guard.MaxOnlookers, s.guard.AwaitAddress); err != nil && ctx.Err() == nil {
		s.log.Warn("customers who saw other people's data before this start are asked on the shop's own site only", "error", err)
	}
}

func (s *service) run(ctx context.Context, d dataFlag, upstream *url.URL) error {
	trusted, err := s.config.trusted()
	if err != nil {
		return err
	}
	proxy := guard.NewProxy(upstream, trusted, s.log)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	errorLog := slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
	s.site.server = &http.Server{Handler: s.metrics.timed(withoutConsoleCookie(s.guard.Handler(proxy))), Protocols: &protocols, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 120 * time.Second, ErrorLog: errorLog}
	s.pages.server = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: errorLog}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.tasks.Go(func() { s.fold(background) })
	s.tasks.Go(func() { s.await(background) })
	s.tasks.Go(func() { s.every(background, time.Second, s.countCoverage) })
	s.tasks.Go(func() { s.every(background, 2*time.Second, s.reload(d)) })
	s.tasks.Go(func() { s.every(background, 2*time.Second, s.keepContained) })
	if s.board != nil {
		s.tasks.Go(func() { s.board.Run(background) })
	}
	if err := s.listenControl(d.control()); err != nil {
		return err
	}
	s.serve(s.site, s.config.TLS.Cert, s.config.TLS.Key)
	s.serve(s.pages, "", "")
	s.log.Info("serving", "listen", s.site.Addr().String(), "upstream", upstream.Host, "console", s.pages.Addr().String(), "mode", s.config.Mode, "customers", s.dir.Info().Customers)
	return nil
}

func (s *service) serve(l listening, cert, key string) {
	s.tasks.Go(func() {
		var err error
		if cert != "" {
			err = l.server.ServeTLS(l.Listener, cert, key)
		} else {
			err = l.server.Serve(guard.Gather(l.server, l.Listener))
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	})
}

// record makes disclosures durable; the guard lets nothing out before.
func (s *service) record(ctx context.Context, e candor.Entry) error {
	start := time.Now()
	err := s.journal.Record(context.WithoutCancel(ctx), e) // a client that hangs up must not undo the evidence
	s.metrics.recorded(e.Disclosures, err, time.Since(start))
	if err != nil {
		s.trouble.set("journal", "The journal cannot be written. What cannot be recorded is masked or withheld, in every mode. The log says why.")
		return err
	}
	s.trouble.set("journal", "")
	s.sealer.Recorded(e.Sealed)
	s.counted(context.WithoutCancel(ctx), e.Disclosures)
	return nil
}

func (s *service) released(r candor.Release) {
	if err := s.journal.Release(context.Background(), r); err != nil {
		s.log.Warn("release not recorded", "release", r.Name, "error", err)
	}
}

func (s *service) every(ctx context.Context, d time.Duration, do func(context.Context)) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			do(ctx)
		}
	}
}

func (s *service) countCoverage(ctx context.Context) {
	sums, personal := s.guard.TakeCoverage(s.trouble.is("customers", "snapshot")), s.guard.TakePersonal()
	s.metrics.covered(sums)
	if len(sums)+len(personal) == 0 {
		return
	}
	if err := s.journal.Record(ctx, candor.Entry{Coverage: sums, Personal: personal}); err != nil {
		s.log.Warn("coverage not recorded", "responses", len(sums), "error", err)
	}
}

// fold brings the journal into the ledger until the service stops.
func (s *service) fold(ctx context.Context) {
	if err := follow(ctx, s.journal, s.ledger, func([]candor.Entry) {}); ctx.Err() == nil {
		s.failed <- fmt.Errorf("folding the journal into the ledger: %w", err)
	}
}

// reload takes up a new snapshot, and builds one when the customer file has changed.
func (s *service) reload(d dataFlag) func(context.Context) {
	built := modTime(s.config.Customers)
	return func(ctx context.Context) {
		if now := modTime(s.config.Customers); now.After(built) {
			built = now
			keys, _, err := openKeys(d)
			if err == nil {
				_, _, err = buildDirectory(ctx, sourceFlags{Customers: s.config.Customers}, d.snapshot(), keys, directory.BuildOptions{}, false)
			}
			s.trouble.set("customers", "")
			if err != nil {
				s.log.Error("customer file changed but could not be read; the old directory stays", "error", err)
				s.trouble.set("customers", "The customer file changed and could not be read: the directory is stale, and new customers are not recognised. The log says why.")
			}
		}
		s.takeUp(d)
	}
}

// takeUp takes up a new snapshot, and customers who were added or forgotten.
func (s *service) takeUp(d dataFlag) error {
	if keys, err := directory.ReadKeys(d.digestKey()); err == nil {
		s.dir.Accept(keys...)
	}
	changed, err := s.dir.Reload()
	s.metrics.directory(s.dir.Info(), err)
	if err != nil {
		if s.trouble.set("snapshot", "The snapshot on disk cannot be used: the directory is stale. The log says why.") {
			s.log.Error("the new snapshot is not used; the old one stays", "error", err)
		}
		return err
	}
	s.trouble.set("snapshot", "")
	if changed {
		info := s.dir.Info()
		s.log.Info("directory reloaded", "customers", info.Customers, "added", info.Added, "forgotten", info.Forgotten)
	}
	return nil
}

func modTime(path string) time.Time {
	if info, err := os.Stat(path); err == nil && path != "" {
		return info.ModTime()
	}
	return time.Time{}
}

// wait serves until ctx ends or something fails, then drains.
func (s *service) wait(ctx context.Context, grace time.Duration) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	s.log.Info("stopping: finishing open requests", "grace", grace)
	if e := s.drain(grace); err == nil {
		err = e
	}
	return err
}

// drain finishes open requests, writes down the last counts and folds all that is in the journal.
func (s *service) drain(grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := s.site.server.Shutdown(ctx); err != nil {
		s.site.server.Close()
	}
	s.countCoverage(ctx)
	if err := s.journal.Noted(ctx); err != nil {
		s.log.Warn("how the last responses ended is not recorded", "error", err)
	}
	err := s.caughtUp(ctx)
	s.pages.server.Close()
	s.close()
	return err
}

// caughtUp waits until the ledger holds all that is in the journal.
func (s *service) caughtUp(ctx context.Context) error {
	last, err := s.journal.LastSeq(ctx)
	if err != nil {
		return err
	}
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		applied, err := s.ledger.Applied(ctx)
		if err != nil || applied >= last {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the ledger is %d entries behind the journal; the next start goes on from there", last-applied)
		case <-t.C:
		}
	}
}

func (s *service) siteURL() string {
	scheme := "http"
	if s.config.TLS.Cert != "" {
		scheme = "https"
	}
	return scheme + "://" + s.site.Addr().String()
}

// consoleURL names this machine localhost, not 127.0.0.1: cookies know no ports, and the console's must not go to the
// protected site beside it.
func (s *service) consoleURL() string {
	host, port, err := net.SplitHostPort(s.pages.Addr().String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsLoopback() {
		return "http://localhost:" + port
	}
	return "http://" + s.pages.Addr().String()
}

// withoutConsoleCookie keeps the console's session from the shop where somebody uses one name for both.
func withoutConsoleCookie(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Cookie"), console.CookieName) {
			var kept []string
			for part := range strings.SplitSeq(strings.Join(r.Header["Cookie"], ";"), ";") {
				if part = strings.TrimSpace(part); !strings.HasPrefix(part, console.CookieName+"=") {
					kept = append(kept, part)
				}
			}
			r.Header.Set("Cookie", strings.Join(kept, "; "))
		}
		next.ServeHTTP(w, r)
	})
}

func (s *service) close() {
	if s.stop != nil {
		s.stop()
	}
	if s.control != nil {
		s.control.Close()
	}
	for _, l := range []listening{s.site, s.pages} {
		if l.server != nil {
			l.server.Close()
		}
		if l.Listener != nil {
			l.Listener.Close()
		}
	}
	s.tasks.Wait()
	if s.viewers != nil {
		s.viewers.Close()
	}
	if s.journal != nil {
		if err := s.journal.Close(); err != nil {
			s.log.Warn("closing the journal", "error", err)
		}
	}
	if s.ledger != nil {
		s.ledger.Close()
	}
	if s.dir != nil {
		s.dir.Close()
	}
}

// routes of the console's listener: the pages, and what machines ask.
func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.console)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("POST /directory/customers", s.postCustomers)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := s.ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return mux
}

// facts are what a notice of an incident is written from.
func (s *service) facts(ctx context.Context, incident string) (notice.Facts, error) {
	if err := s.config.Notice.sound(); err != nil {
		return notice.Facts{}, err
	}
	return factsOf(ctx, dataFlag{s.config.Data}, s.ledger, s.config, incident)
}

// ready reports whether new disclosures would be recorded and counted.
func (s *service) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := s.journal.LastSeq(ctx); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if _, err := s.ledger.Applied(ctx); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// status is what the console shows of the running process.
func (s *service) status() console.Status {
	info := s.dir.Info()
	st := console.Status{Mode: string(s.mode.Load().(guard.Mode)), Upstream: s.config.Upstream, Site: s.siteURL(), Customers: info.Customers,
		Built: info.Built, KeepLatent: s.config.KeepLatent, Started: s.started, Version: version, Trouble: s.trouble.list()}
	if s.caption != nil {
		st.Title, st.Caption = s.caption()
	}
	return st
}

// trouble is what is wrong now, in sentences for people, by what it is about.
type trouble struct {
	mu   sync.Mutex
	text map[string]string
}

// set says what is wrong, or with an empty text that it no longer is. It reports whether that is news.
func (t *trouble) set(about, text string) (news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text == nil {
		t.text = map[string]string{}
	}
	news = t.text[about] != text
	if t.text[about] = text; text == "" {
		delete(t.text, about)
	}
	return news
}

// is reports whether something is wrong with any of these.
func (t *trouble) is(abouts ...string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(abouts, func(about string) bool { return t.text[about] != "" })
}

func (t *trouble) list() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Values(t.text))
}

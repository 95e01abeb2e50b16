package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/goccy/go-yaml"

	"candor.example"
	"candor.example/guard"
	"candor.example/internal/demo"
	"candor.example/internal/incident"
	"candor.example/internal/keyfile"
)

type demoCmd struct {
	Once      bool   `help:"Play the story once without a browser, print a JSON summary of what was found, and exit."`
	Data      string `type:"path" placeholder:"DIR" help:"Keep keys, snapshot, journal and ledger here (default: a temporary folder, removed at the end)."`
	Listen    string `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address of the protected shop (default: 127.0.0.1:8080; any free port if that is taken)."`
	Console   string `default:"127.0.0.1:8081" placeholder:"ADDR" help:"Address of the console (default: 127.0.0.1:8081; any free port if that is taken)."`
	Public    string `default:"127.0.0.1:8082" placeholder:"ADDR" help:"Address of the published reports (default: 127.0.0.1:8082; any free port if that is taken)."`
	Customers int    `default:"3000" help:"How many made-up customers (default: 3000)."`
	Seed      uint64 `default:"20181120" help:"Which ones, and who does what."`
}

func (c *demoCmd) Help() string {
	return `A made-up shop with made-up customers on this machine, with the real Candor in front of it: shoppers browse, a release
goes wrong, people see each other's addresses, masking is switched on, the fix goes live; then everybody who was exposed is told, by a
mail server that keeps what it gets beside the data, and the account is published. It takes two minutes; watch it at the address
that is printed, which goes on until Ctrl-C.`
}

// story is what the console's caption shows.
type story struct{ title, text string }

func (c *demoCmd) Run(ctx context.Context) error {
	level := slog.LevelError
	log := newLogger(level, false)
	temporary := c.Data == ""
	if temporary {
		tmp, err := os.MkdirTemp("", "candor-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		c.Data = tmp
	}
	if c.Once {
		c.Listen, c.Console = "127.0.0.1:0", "127.0.0.1:0"
	}
	shop := demo.NewShop(c.Seed, c.Customers)
	upstream, stop, err := serveShop(shop)
	if err != nil {
		return err
	}
	defer stop()
	customers := filepath.Join(c.Data, "..", filepath.Base(c.Data)+"-customers.csv") // beside the data folder: it holds addresses
	if err := writeCustomers(shop, customers); err != nil {
		return err
	}
	defer os.Remove(customers)
	mailbox := &demo.Mailbox{Dir: filepath.Join(c.Data, "..", filepath.Base(c.Data)+"-mail")} // beside it, for the same reason
	if err := mailbox.Open(); err != nil {
		return err
	}
	defer mailbox.Close()
	if temporary {
		defer os.RemoveAll(mailbox.Dir)
	}
	config, err := c.config(shop, upstream, customers, mailbox.Addr())
	if err != nil {
		return err
	}

	var caption atomic.Pointer[story]
	caption.Store(&story{})
	s, err := startService(ctx, config, func() (string, string) { now := caption.Load(); return now.title, now.text }, log)
	if err != nil {
		return err
	}
	shoppers := &demo.Shoppers{Shop: shop, Base: s.siteURL(), Host: demo.Site, Seed: c.Seed}
	play := demo.Story{Shop: shop, Shoppers: shoppers, Once: c.Once}
	if !c.Once {
		fmt.Fprintf(os.Stderr, "\n  The console:  %s\n  The shop:     %s\n\n  The link works once. Stop with Ctrl-C.\n\n", s.console.SignInURL(s.consoleURL()), s.siteURL())
	}
	started := time.Now()
	say := func(chapter int, title, text string) {
		caption.Store(&story{title, text})
		fmt.Fprintf(os.Stderr, "  %5.1f s  %d. %s\n           %s\n", time.Since(started).Seconds(), chapter, title, text)
	}
	telling := &telling{service: s, shop: shop, mailbox: mailbox, log: log}
	var switched error
	err = play.Play(ctx, demo.Hooks{SetMode: func(mode string) { switched = errors.Join(switched, telling.setMode(ctx, guard.Mode(mode))) }, Caption: say})
	err = errors.Join(err, switched)
	var people told
	if err == nil {
		s.countCoverage(ctx)
		say(len(demo.Chapters())+1, "Everybody is told", "The recorded requests are asked again: the fix holds. Two people approve the notice, and each of those who were exposed gets one, in their own language.")
		people, err = telling.tell(ctx)
	}
	if err == nil {
		at := people.Public
		if !c.Once {
			url, closePublic, e := servePublic(free(c.Public), people.Public)
			if e != nil {
				return e
			}
			defer closePublic()
			at = url
		}
		say(len(demo.Chapters())+2, "The account is public", "Which site, how many people, what caused it, how it was fixed: "+at+"\n           Anybody can check it: candor report verify "+people.Public+
			"\n           Go on from here: candor report show "+people.Incidents[0]+" --data "+c.Data+" --config "+filepath.Join(c.Data, "candor.yaml"))
	}
	if err == nil && c.Once {
		err = c.summarise(ctx, s, shop, shoppers, started, people)
	} else if err == nil {
		fmt.Fprintln(os.Stderr, "\n  The story is told. The shoppers go on; look around, and stop with Ctrl-C.")
		shoppers.Run(ctx)
	}
	if e := s.drain(10 * time.Second); err == nil {
		err = e
	}
	if ctx.Err() != nil {
		return nil // stopped as asked
	}
	return err
}

func (c *demoCmd) config(shop *demo.Shop, upstream, customers, relay string) (config *Config, err error) {
	config = &Config{Upstream: upstream, Customers: customers, Listen: free(c.Listen), Console: free(c.Console), Data: c.Data, Mode: "observe",
		Viewer: []string{"session:sid"}, WhoAmI: []string{"GET /api/me:$.user.id"}}
	config.Policy = []Rule{{Name: "staff read the customer list", Role: "staff",
		When: fmt.Sprintf(`request.path == "/admin/customers" && %q in request.headers`, "x-staff-user")}}
	visitors, cookies := shop.Visitors(2)
	for n, v := range visitors {
		config.Verify.Viewers = append(config.Verify.Viewers, SyntheticViewer{Name: fmt.Sprintf("visitor %d", n+1), Customer: v.ID, Headers: map[string]string{"Cookie": cookies[n]}})
	}
	d := dataFlag{c.Data}
	if err := makeFolder(d.keys()); err != nil {
		return nil, err
	}
	if _, err := signPair(d, "lantern-and-loom.example/candor").ensure(keyfile.Plain{}); err != nil {
		return nil, err
	}
	config.Notice, err = demoNotice(d, relay)
	config.Report.URL = "https://" + demo.Site + "/incidents"
	if err != nil {
		return nil, err
	}
	return config, config.keep(filepath.Join(c.Data, "candor.yaml"))
}

// keep writes what commands want to know that are given the demo's data.
func (c *Config) keep(path string) error {
	b, err := yaml.Marshal(struct {
		Upstream string       `yaml:"upstream"`
		Mode     string       `yaml:"mode"`
		Viewer   []string     `yaml:"viewer"`
		WhoAmI   []string     `yaml:"whoami"`
		Notice   NoticeConfig `yaml:"notice"`
		Report   ReportConfig `yaml:"report"`
	}{c.Upstream, c.Mode, c.Viewer, c.WhoAmI, c.Notice, c.Report})
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

// free is addr, or any port of its host when somebody has that one.
func free(addr string) string {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		host, _, _ := net.SplitHostPort(addr)
		return net.JoinHostPort(host, "0")
	}
	l.Close()
	return addr
}

func serveShop(shop *demo.Shop) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: shop, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(l)
	}()
	return "http://" + l.Addr().String(), func() { server.Close(); <-done }, nil
}

// servePublic is a plain file server, as any web host is, for a published folder.
func servePublic(addr, folder string) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, err
	}
	files := http.FileServer(http.Dir(folder))
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/.") { // the log's work in progress is nobody's
			http.NotFound(w, r)
			return
		}
		files.ServeHTTP(w, r)
	})}
	go server.Serve(l)
	return "http://" + l.Addr().String() + "/", func() { server.Close() }, nil
}

func writeCustomers(shop *demo.Shop, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = shop.WriteCustomers(f)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// summary is what --once prints: what Candor found, and beside it what the shop itself knows that it showed.
type summary struct {
	Customers int                 `json:"customers"`
	Requests  int64               `json:"requests"`
	Failures  int64               `json:"failures"`
	Seconds   float64             `json:"seconds"`
	Exposed   int                 `json:"exposed"`   // people
	Prevented int                 `json:"prevented"` // people
	Affected  int                 `json:"disclosed"` // people in either set
	LinkViews int64               `json:"links"`     // owners shown to holders of their own link
	Incidents []incident.Incident `json:"incidents"`
	ShopKnows map[string]int      `json:"shop_knows"` // route: people whose address it showed to somebody else
	Told      told                `json:"told"`
	Agrees    bool                `json:"agrees"` // the sets are equal, person by person, and everybody who was exposed was told once
}

func (c *demoCmd) summarise(ctx context.Context, s *service, shop *demo.Shop, shoppers *demo.Shoppers, started time.Time, people told) error {
	if err := s.caughtUp(ctx); err != nil {
		return err
	}
	out := summary{Customers: c.Customers, Requests: shoppers.Stats().Requests, Failures: shoppers.Stats().Failures, Seconds: time.Since(started).Round(100 * time.Millisecond).Seconds(), ShopKnows: map[string]int{}, Told: people}
	found, err := s.people(ctx, &out)
	if err != nil {
		return err
	}
	truth := shop.Truth()[candor.Disclosed]
	out.Agrees = len(found) == len(truth)
	for route, owners := range truth {
		out.ShopKnows[route] = len(owners)
		for owner := range owners {
			out.Agrees = out.Agrees && found[route][owner]
		}
		out.Agrees = out.Agrees && len(found[route]) == len(owners)
	}
	out.Agrees = out.Agrees && people.Missing == 0 && people.Twice == 0 && people.Verified
	if err := printJSON(os.Stdout, out); err != nil {
		return err
	}
	if people.Missing > 0 || people.Twice > 0 {
		return fmt.Errorf("%d people were not told, and %d more than once", people.Missing, people.Twice)
	}
	if !out.Agrees {
		return fmt.Errorf("what Candor counted is not what the shop showed: %d routes and %d", len(found), len(truth))
	}
	return nil
}

// people fills in the figures of the ledger, and returns the owners of each route.
func (s *service) people(ctx context.Context, out *summary) (map[string]map[string]bool, error) {
	list, err := s.ledger.Incidents(ctx)
	if err != nil {
		return nil, err
	}
	out.Incidents = slices.Clone(list)
	byRoute, outcomes := map[string]map[string]bool{}, map[candor.Outcome]map[string]bool{candor.Exposed: {}, candor.Prevented: {}}
	all := map[string]bool{}
	for _, i := range list {
		owners := map[string]bool{}
		byRoute[i.Route] = owners
		err := everyPerson(ctx, s.ledger, i.ID, func(p incident.Person) {
			owners[p.Owner], all[p.Owner], outcomes[p.Outcome][p.Owner] = true, true, true
		})
		if err != nil {
			return nil, err
		}
	}
	out.Exposed, out.Prevented, out.Affected = len(outcomes[candor.Exposed]), len(outcomes[candor.Prevented]), len(all)
	links, err := s.ledger.Links(ctx)
	for _, l := range links {
		out.LinkViews += int64(l.Views)
	}
	return byRoute, err
}

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

type serveCmd struct {
	ledgerFlag
	viewerFlags
	Config    string `placeholder:"FILE" help:"candor.yaml, for all that has no flag. A flag wins over the file."`
	Upstream  string `placeholder:"URL" help:"The shop, such as http://127.0.0.1:3000. Required, here or in the file."`
	Customers string `placeholder:"FILE" help:"Customer file: CSV with a header or JSON Lines, UTF-8, columns id,email,name,locale,country,phone in any order; id and email are required. Without it the snapshot in --data is used."`
	Listen    string `placeholder:"ADDR" help:"Address of the protected site (default: 127.0.0.1:8080)."`
	Console   string `placeholder:"ADDR" help:"Address of the console, /metrics, /healthz and /readyz (default: 127.0.0.1:8081)."`
	Mode      string `enum:"observe,mask,block," default:"" placeholder:"MODE" help:"What to do with a response that discloses: observe, mask or block (default: mask)."`
	LogJSON   bool   `name:"log-json" help:"Log as JSON."`
	Verbose   bool   `short:"v" help:"Log more."`
}

func (c *serveCmd) Help() string {
	return `Put it where all of the site's responses pass: behind the CDN or load balancer, in front of the shop or its cache.

  candor serve --upstream http://127.0.0.1:3000 --customers customers.csv
  candor serve --config candor.yaml

MODES
  observe  record what is disclosed and let it pass: the first days
  mask     overwrite the identifiers in flight; same length, same encoding, the page stays valid (default)
  block    withhold the response, or cut it off where its beginning has left

VIEWERS
  Candor has to know who is looking. Without any --viewer everybody is anonymous, and customers who see their own data
  count as strangers. Give as many as apply; the first that answers wins:

  --viewer header:X-Customer-Id      set by your own edge, believed only from trusted networks
  --viewer jwt:sub                   a claim of the token in Authorization: Bearer, checked with --jwt-jwks or --jwt-key
  --viewer session:PHPSESSID         a cookie whose owner is learned at login
  --viewer session:authorization     an opaque bearer token, learned likewise
  --whoami 'GET /api/me:$.email'     a route that tells who holds a session

FILES
  Everything is created under --data: keys/ (0600), directory.snapshot, journal/, ledger.sqlite. None of it holds a
  customer's address or name in the clear. Stop with Ctrl-C: open requests are finished, and the next start goes on.

EXIT STATUS
  0 stopped as asked, 2 trouble.`
}

func (c *serveCmd) Run(ctx context.Context) error {
	level := slog.LevelInfo
	if c.Verbose {
		level = slog.LevelDebug
	}
	log := newLogger(level, c.LogJSON)
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	c.merge(config)
	defer runtime.KeepAlive(spareHeap())
	s, err := startService(ctx, config, nil, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "\n  protected site  %s  ->  %s  (%s)\n  console         %s\n\n  The console's link works once, for ten minutes. Another: candor console --data %s\n  Stop with Ctrl-C.\n\n",
		s.siteURL(), config.Upstream, config.Mode, s.console.SignInURL(s.consoleURL()), config.Data)
	return s.wait(ctx, 15*time.Second)
}

// spareHeap is memory that nobody writes to, so that it takes none. The collector lets garbage grow to the size of what is in use before it looks
// for any: beside the ten megabytes or so of a proxy it would look ten times a second.
func spareHeap() []byte { return make([]byte, 32<<20) }

// merge lays the flags over the file, and the defaults under both.
func (c *serveCmd) merge(config *Config) {
	for _, f := range []struct {
		value  string
		target *string
		usual  string
	}{
		{c.Upstream, &config.Upstream, ""}, {c.Customers, &config.Customers, ""}, {c.Mode, &config.Mode, "mask"},
		{c.Ledger, &config.Ledger, ""}, {c.Listen, &config.Listen, "127.0.0.1:8080"}, {c.Console, &config.Console, "127.0.0.1:8081"},
	} {
		if f.value != "" {
			*f.target = f.value
		} else if *f.target == "" {
			*f.target = f.usual
		}
	}
	if usual, err := filepath.Abs(usualData); err != nil || config.Data == "" || c.Data != usual {
		config.Data = c.Data
	}
	c.viewerFlags.into(config)
}

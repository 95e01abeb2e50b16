package main

import (
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"candor.example/internal/bounce"
	"candor.example/internal/delivery"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// BouncesConfig is where what comes back for notices is read.
type BouncesConfig struct {
	Listen  string `yaml:"listen"`  // host:port of a small SMTP server of Candor's own: the MX record of return_path names it
	Maildir string `yaml:"maildir"` // a folder into which a mail server delivers what comes to return_path
	// CertFile and KeyFile are PEM, of the host that the MX record names: STARTTLS is offered then (RFC 3207).
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

func (c BouncesConfig) said() bool { return c.Listen != "" || c.Maildir != "" }

// tls is what STARTTLS is offered with; nil: it is not. Files are read for each connection, so that a renewed certificate needs no restart.
func (c BouncesConfig) tls() (*tls.Config, error) {
	if c.CertFile == "" && c.KeyFile == "" {
		return nil, nil
	}
	read := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		return &pair, err
	}
	if _, err := read(nil); err != nil {
		return nil, fmt.Errorf("candor.yaml: notice.bounces: cert_file and key_file: %w", err)
	}
	return &tls.Config{GetCertificate: read}, nil
}

type noticeBouncesCmd struct {
	ledgerFlag
	configFlag
	passphraseFlags
	Listen  string `placeholder:"HOST:PORT" help:"Take mail for the return path by SMTP, until Ctrl-C."`
	Maildir string `type:"existingdir" placeholder:"DIR" help:"Read what a mail server delivered into this folder: once, or all the time beside --listen."`
	File    string `type:"path" placeholder:"FILE" help:"Read one saved message; '-' is standard input."`
	JSON    bool   `help:"Print as JSON, one object a line."`
}

func (c *noticeBouncesCmd) Help() string {
	return `Reads what comes back for notices: reports of failure, delay and success, and complaints. Each says by the return path which notice it is
about. What fails for good is bounced, and may be told by another channel; what fails for now (a full mailbox) is queued once more; success settles a doubt.
The same message read twice counts once. Without options it reads where candor.yaml says (notice.bounces).

'candor notice send' reads the same while it sends, if candor.yaml says where. Beside one that is sending, this command needs a NATS server that both share
(notice.store): with the store in the data folder one process has it at a time.

  candor notice bounces --config candor.yaml --listen :25
  candor notice bounces --config candor.yaml --maildir /var/mail/return`
}

func (c *noticeBouncesCmd) Run(ctx context.Context) error {
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	from := config.Notice.Bounces // with its certificate, whatever the options say
	if c.Listen != "" || c.Maildir != "" || c.File != "" {
		from.Listen, from.Maildir = c.Listen, c.Maildir
	}
	if !from.said() && c.File == "" {
		return errors.New("say where to read: --listen, --maildir or --file, or notice.bounces in candor.yaml")
	}
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		log := newLogger(slog.LevelWarn, false)
		store, err := openStore(ctx, c.dataFlag, config.Notice, log)
		if err != nil {
			return err
		}
		defer store.Close()
		r, err := openReturns(ctx, c.dataFlag, c.vaultLike, config.Notice, deliveries{l, store, log})
		if err != nil {
			return err
		}
		if c.JSON {
			r.each = func(b bounce.Report) { json.NewEncoder(os.Stdout).Encode(b) }
		}
		if err := c.read(ctx, r, from); err != nil {
			return err
		}
		if !c.JSON {
			fmt.Println(r.sum())
		}
		return nil
	})
}

func (c *noticeBouncesCmd) read(ctx context.Context, r *returns, from BouncesConfig) error {
	switch {
	case c.File != "":
		return r.file(ctx, c.File)
	case from.Listen == "":
		return r.maildir(ctx, from.Maildir)
	}
	on, err := r.listen(from)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Listening on %s for mail to %s@%s\n", on.Addr(), bounce.Local+"+…", r.path.Domain)
	return r.serve(ctx, on, from)
}

// openStore opens the delivery's own journal.
func openStore(ctx context.Context, d dataFlag, c NoticeConfig, log *slog.Logger) (*delivery.Store, error) {
	store, err := delivery.OpenStore(ctx, delivery.StoreOptions{Dir: c.storeDir(d), URL: c.Store, Log: log})
	if err != nil && c.Store == "" {
		err = fmt.Errorf("%w\nIs another 'candor notice send' or 'bounces' running? One process has the folder at a time: send reads bounces itself where notice.bounces says so, and several share a NATS server (notice.store)", err)
	}
	return store, err
}

// returns reads what comes back for notices, into the delivery store and the ledger.
type returns struct {
	deliveries
	path bounce.ReturnPath
	each func(bounce.Report) // what was read; may be nil

	mu   sync.Mutex // guards what follows, and keeps one report after the other
	read map[string]int
}

// openReturns needs the signing keys of all campaigns, by which it refuses what nobody was sent, and no sealing key.
func openReturns(ctx context.Context, d dataFlag, vaults func(path string) vault, c NoticeConfig, to deliveries) (*returns, error) {
	if c.ReturnPath == "" {
		return nil, errReturnPath
	}
	list, err := to.ledger.Campaigns(ctx, "")
	if err != nil {
		return nil, err
	}
	signers := map[string]*delivery.Signer{}
	for _, v := range list {
		if v.Signer == "" || signers[v.Signer] != nil {
			continue
		}
		if signers[v.Signer], err = signerOf(d, vaults, v.Signer); err != nil {
			return nil, err
		}
	}
	key := func(tag string) (string, bool) {
		for _, s := range signers {
			if key, ok := s.TagKey(tag); ok {
				return key, true
			}
		}
		return "", false
	}
	return &returns{deliveries: to, path: bounce.ReturnPath{Domain: c.ReturnPath, Key: key}, read: map[string]int{}}, nil
}

var errReturnPath = errors.New("candor.yaml: notice.return_path is missing: the domain that bounces come back to, such as return.shop.example")

func (r *returns) listen(from BouncesConfig) (net.Listener, error) {
	if _, err := from.tls(); err != nil {
		return nil, err
	}
	on, err := net.Listen("tcp", from.Listen)
	if err != nil {
		err = fmt.Errorf("mail for the return path cannot be listened for: %w", err)
	}
	return on, err
}

// serve reads both, until ctx ends.
func (r *returns) serve(ctx context.Context, on net.Listener, from BouncesConfig) error {
	g, ctx := errgroup.WithContext(ctx)
	if on != nil {
		host, _ := os.Hostname()
		secured, err := from.tls()
		if err != nil {
			return err
		}
		l := &bounce.Listener{Path: r.path, Hostname: host, TLS: secured, Log: r.log, Report: func(b bounce.Report) error { return r.take(ctx, b) }}
		g.Go(func() error { return l.Serve(ctx, on) })
	}
	if from.Maildir != "" {
		g.Go(func() error { return r.poll(ctx, from.Maildir) })
	}
	return g.Wait()
}

// poll reads the folder every few seconds. What cannot be read or kept now is tried again: it stays where it is.
func (r *returns) poll(ctx context.Context, dir string) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		if err := r.maildir(ctx, dir); err != nil && ctx.Err() == nil {
			r.log.Error("the folder with what came back cannot be read now", "dir", dir, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *returns) maildir(ctx context.Context, dir string) error {
	_, aside, err := bounce.Maildir{Dir: dir, Path: r.path, Report: func(b bounce.Report) error { return r.take(ctx, b) }}.Read(ctx)
	r.count("set aside in "+bounce.NotUnderstood, aside)
	return err
}

func (r *returns) file(ctx context.Context, name string) error {
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	b, err := r.path.Parse(in, "")
	if err != nil {
		return err
	}
	if !bounce.Understood(b) {
		return fmt.Errorf("%s says nothing of a notice: %s", name, b.Kind)
	}
	return r.take(ctx, b)
}

// take keeps a report. When it returns nil, it is durable and in the ledger.
func (r *returns) take(ctx context.Context, b bounce.Report) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !bounce.Understood(b) || b.Kind == bounce.AutoReply {
		r.read[string(b.Kind)]++ // nothing that changes where a notice stands
		return nil
	}
	campaign, who, err := r.whose(ctx, b.Key)
	if err != nil {
		return err
	}
	e := notice.Event{N: who.N, Key: b.Key, Kind: b.Kind, Time: time.Now().UTC(), Attempt: who.Attempt, Status: b.Status, Cause: b.Cause, Detail: b.Detail,
		Soft: b.Kind == notice.Returned && !b.Hard}
	fresh, err := r.store.Report(ctx, campaign, b.ID, e)
	if err != nil {
		return err
	}
	what := string(b.Kind)
	if e.Soft {
		what += " (for now)"
	}
	if !fresh {
		what = "read before"
	}
	r.read[what]++
	if r.each != nil {
		r.each(b)
	}
	return r.catchUp(ctx, campaign)
}

// whose finds a notice by its key. A report may be faster than the ledger.
func (r *returns) whose(ctx context.Context, key string) (campaign string, who ledger.Recipient, err error) {
	campaign, who, err = r.ledger.Keyed(ctx, key)
	if !errors.Is(err, sql.ErrNoRows) {
		return campaign, who, err
	}
	list, err := r.ledger.Campaigns(ctx, "")
	for _, v := range list {
		err = errors.Join(err, r.catchUp(ctx, v.ID))
	}
	if err != nil {
		return "", who, err
	}
	campaign, who, err = r.ledger.Keyed(ctx, key)
	if errors.Is(err, sql.ErrNoRows) {
		err = bounce.ErrNoNotice
	}
	return campaign, who, err
}

func (r *returns) count(what string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read[what] += n
}

// sum says in a line what was read.
func (r *returns) sum() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var parts []string
	for what, n := range r.read {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	if len(parts) == 0 {
		return "Nothing has come back."
	}
	slices.Sort(parts)
	return "Came back: " + strings.Join(parts, ", ")
}

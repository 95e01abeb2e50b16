package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/term"

	"candor.example"
	"candor.example/internal/delivery"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
	"candor.example/internal/seal"
)

func (d dataFlag) delivery() string { return filepath.Join(d.Data, "delivery") }

type noticeSendCmd struct {
	campaignFlags
	configFlag
	passphraseFlags
	Share string `placeholder:"SHARE" help:"Let so many go first, such as 1% or 500; then all. Without it, what was let go before is sent."`
	Yes   bool   `short:"y" help:"Do not ask."`
	JSON  bool   `help:"Print progress as JSON, one object a line; the last says where it ended."`
}

func (c *noticeSendCmd) Help() string {
	return `Needs the private sealing key: run it where notices are sent from. It ends when nobody who was let go waits any more; whom a receiver defers is
tried again until limits.give_up. Stop it with Ctrl-C and start it again whenever you like: what has left is on record, and nobody is sent to
twice. 'candor notice pause' and 'cancel' work from anywhere.

  candor notice send not-3kq7h2mb-a-1 --config candor.yaml --share 1%
  candor notice send not-3kq7h2mb-a-1 --config candor.yaml --share all`
}

func (c *noticeSendCmd) Run(ctx context.Context) error {
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	if c.Share != "" {
		if err := c.let(ctx); err != nil {
			return err
		}
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(delivery.MemoryLimit)
	}
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		s, err := openSending(ctx, c.dataFlag, c.vaultLike, config.Notice, l, c.Campaign, newLogger(slog.LevelWarn, false))
		if err != nil {
			return err
		}
		defer s.store.Close()
		if err := s.run(ctx, c.print); err != nil {
			return err
		}
		v, tally, err := s.standing(context.WithoutCancel(ctx))
		if err != nil {
			return err
		}
		return c.ended(v, tally)
	})
}

// ended says where it stands when nothing more is to be done, or somebody has stopped it.
func (c *noticeSendCmd) ended(v notice.Campaign, tally ledger.Tally) error {
	left := sentOf(v, tally)
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(left)
	}
	if err := printStatus(os.Stdout, v, tally); err != nil {
		return err
	}
	if left.Waiting > 0 {
		fmt.Printf("\n%d of the %d who may be sent to still wait: run this again.\n", left.Waiting, left.Share)
	} else if v.Phase == notice.Canary {
		fmt.Printf("\nThe canary is out: %d of %d people. Look at what comes back, then let all go: candor notice send %s --share all\n", left.Share, v.People, v.ID)
	}
	return nil
}

// let lets a share go, which is asked for: what leaves cannot be called back.
func (c *noticeSendCmd) let(ctx context.Context) error {
	v, err := theCampaign(ctx, c.ledgerFlag, c.Campaign)
	if err != nil {
		return err
	}
	if v.Phase.Over() {
		return fmt.Errorf("%s is %s: nobody is sent to by it any more (candor notice status %s)", v.ID, v.Phase, v.ID)
	}
	share, err := notice.ShareOf(c.Share, v.People)
	if err != nil {
		return fmt.Errorf("--share %w", err)
	}
	who := share
	if share == "all" {
		who = fmt.Sprintf("all %d", v.People)
	}
	fmt.Fprintf(os.Stderr, "%s people will be sent this notice; %d were let go before. What has left cannot be called back.\n", who, v.Share)
	if !c.Yes && !confirmed("Send it?") {
		return errors.New("nothing was changed")
	}
	return c.did(ctx, candor.NoticeStarted, map[string]string{"share": share})
}

// sendProgress is how far a campaign is, of those who may be sent to.
type sendProgress struct {
	Progress *notice.Progress `json:"progress,omitempty"`
	Tally    ledger.Tally     `json:"tally"`
	Share    int              `json:"share"`    // how many may be sent to
	Waiting  int              `json:"waiting"`  // of them, who are not settled
	Deferred int              `json:"deferred"` // of those, whom a receiver has deferred: they are tried again until limits.give_up
}

// sentOf counts: whoever is not queued was among those who may be sent to.
func sentOf(v notice.Campaign, tally ledger.Tally) sendProgress {
	p := sendProgress{Tally: tally, Share: v.Share, Waiting: max(0, v.Share-tally.Affected+tally.States[notice.Queued])}
	for _, r := range tally.Rows {
		if r.State == notice.Queued && (r.Cause == delivery.Busy || r.Cause == delivery.Cut) {
			p.Deferred += r.People
		}
	}
	p.Deferred = min(p.Deferred, p.Waiting)
	return p
}

// print says how far it is: a line that changes on a terminal, lines elsewhere.
func (c *noticeSendCmd) print(s sendProgress) {
	p, tally := s.Progress, s.Tally
	if c.JSON {
		json.NewEncoder(os.Stdout).Encode(s)
		return
	}
	line := notice.Sum(tally.Affected, tally.States)
	if s.Share < tally.Affected {
		line += fmt.Sprintf("; %d of the canary's %d wait", s.Waiting, s.Share)
	}
	if s.Deferred > 0 {
		line += fmt.Sprintf("; %d of them were deferred, and are tried again", s.Deferred)
	}
	if left := p.Left(s.Waiting); left > 0 {
		line += fmt.Sprintf("; %.0f a second, about %s to go", p.Rate, left)
	}
	for _, w := range p.Providers {
		if !w.Held.IsZero() {
			line += fmt.Sprintf("; %s is held until %s (%s)", w.Name, w.Held.Format("15:04:05"), w.Why)
		}
	}
	for _, r := range p.Relays {
		if r.Why != "" {
			line += fmt.Sprintf("; %s takes nothing: %s", r.Addr, r.Why)
		}
	}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s", clean(line))
		return
	}
	fmt.Fprintln(os.Stderr, clean(line))
}

// sending is a campaign that is being sent from here.
type sending struct {
	deliveries
	campaign string
	sender   *delivery.Sender
	bounces  BouncesConfig
	returns  *returns  // nil: what comes back is read elsewhere
	quiet    time.Time // until when nothing is counted
	heard    struct {  // of the ledger, and when it was asked
		at                   time.Time
		accepted, complained int
	}
}

// openSending makes everything ready; what is missing it says before anybody is sent anything.
func openSending(ctx context.Context, d dataFlag, vaults func(path string) vault, c NoticeConfig, l *ledger.Ledger, id string, log *slog.Logger) (*sending, error) {
	v, draft, err := campaignDraft(ctx, l, id)
	if err != nil {
		return nil, err
	}
	if v.Began.IsZero() {
		return nil, fmt.Errorf("%s is %s: let somebody go first, with --share", id, v.Phase)
	}
	composer, err := c.composer(d, vaults, v, draft)
	if err != nil {
		return nil, err
	}
	relays, err := c.relays()
	if err != nil {
		return nil, err
	}
	store, err := openStore(ctx, d, c, log)
	if err != nil {
		return nil, err
	}
	s := &sending{campaign: id, deliveries: deliveries{l, store, log}, bounces: c.Bounces}
	if s.bounces.said() {
		if s.returns, err = openReturns(ctx, d, vaults, c, s.deliveries); err != nil {
			return nil, errors.Join(err, store.Close())
		}
	}
	host, _ := os.Hostname()
	s.sender = &delivery.Sender{
		Store: store, Campaign: id, Worker: fmt.Sprintf("%s-%d", host, os.Getpid()), Relays: relays, Limits: c.limits(), Log: log,
		ReturnPath: func(key string) string { return "bounce+" + composer.Signer.Tag(key) + "@" + c.ReturnPath },
		Recipients: func(ctx context.Context, from, limit int) ([]delivery.Recipient, error) {
			return s.recipients(ctx, composer.Signer, from, limit)
		},
		Standing: s.stand,
		Compose: func(r delivery.Recipient) (delivery.Composed, string, error) {
			letter, err := composer.Compose(r.Person, r.Sealed)
			var withheld *delivery.WithheldError
			if errors.As(err, &withheld) {
				return delivery.Composed{}, withheld.Cause, nil
			}
			return delivery.Composed{To: letter.To, Code: letter.Code, Message: letter.Message}, "", err
		},
	}
	if c.lookupMX() {
		s.sender.LookupMX = net.DefaultResolver.LookupMX
	}
	return s, nil
}

func (s *sending) recipients(ctx context.Context, signer *delivery.Signer, from, limit int) (list []delivery.Recipient, err error) {
	rows, err := s.ledger.Recipients(ctx, s.campaign, from, from+limit)
	for _, r := range rows {
		list = append(list, delivery.Recipient{Person: r.Person, N: r.N, State: r.State, Attempt: r.Attempt, Sealed: r.Sealed, Key: signer.Key(s.campaign, r.Person.Owner)})
	}
	return list, err
}

// stand is what humans have decided. Complaints are counted less often than that is asked: it takes a look at everybody.
func (s *sending) stand(ctx context.Context) (st delivery.Standing, err error) {
	v, err := s.ledger.Campaign(ctx, s.campaign)
	if err != nil {
		return st, err
	}
	again, err := s.ledger.Again(ctx, s.campaign)
	if err != nil {
		return st, err
	}
	for n := range again {
		again[n]-- // the attempt that was in doubt
	}
	if now := time.Now(); now.Sub(s.heard.at) > 10*time.Second {
		if s.heard.accepted, s.heard.complained, err = s.ledger.Heard(ctx, s.campaign); err != nil {
			return st, err
		}
		s.heard.at = now
	}
	return delivery.Standing{Phase: v.Phase, People: v.People, Share: v.Share, Again: again, Accepted: s.heard.accepted, Complained: s.heard.complained}, nil
}

// run sends until nobody who may be sent to is queued, and folds what happened into the ledger beside it.
func (s *sending) run(ctx context.Context, print func(sendProgress)) error {
	folding, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	reading, err := s.read(folding)
	if err != nil {
		return err
	}
	if reading != nil {
		defer func() { stop(); <-reading }()
	}
	folded := make(chan error, 1)
	go func() { folded <- s.follow(folding, s.campaign) }()
	done := make(chan error, 1)
	go func() { done <- s.sender.Run(ctx) }()
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-folded:
			return fmt.Errorf("what happened is on record, and could not be folded into the ledger: %w", err)
		case err := <-reading:
			return fmt.Errorf("what comes back cannot be read any more: %w", err)
		case err := <-done:
			return errors.Join(err, s.catchUp(folding, s.campaign), s.stopped(folding, err))
		case <-tick.C:
			s.say(folding, print)
		}
	}
}

// read reads what comes back, while it sends.
func (s *sending) read(ctx context.Context) (<-chan error, error) {
	if s.returns == nil {
		return nil, nil
	}
	var on net.Listener
	if s.bounces.Listen != "" {
		var err error
		if on, err = s.returns.listen(s.bounces); err != nil {
			return nil, err
		}
	}
	ended := make(chan error, 1)
	go func() {
		defer close(ended)
		ended <- s.returns.serve(ctx, on, s.bounces)
	}()
	return ended, nil
}

// say prints how far it is, and puts it where the console sees it. To count everybody takes a look at everybody, and takes a tenth of the time at
// most: the ledger has to fold meanwhile.
func (s *sending) say(ctx context.Context, print func(sendProgress)) {
	p, err := s.store.Progress(ctx, s.campaign)
	if err == nil {
		err = s.ledger.KeepProgress(ctx, s.campaign, p)
	}
	began := time.Now()
	if err != nil || began.Before(s.quiet) {
		return
	}
	v, tally, err := s.standing(ctx)
	s.quiet = time.Now().Add(10 * time.Since(began))
	if err == nil {
		left := sentOf(v, tally)
		left.Progress = &p
		print(left)
	}
}

// stopped says who sends it now, other processes or nobody, and why this one does no more where it stopped of its own accord.
func (s *sending) stopped(ctx context.Context, why error) error {
	p, err := s.store.Progress(ctx, s.campaign)
	if err != nil {
		return err
	}
	if p.Time = time.Now().UTC(); errors.Is(why, delivery.ErrHalted) {
		p.Halted = why.Error()
	}
	return s.ledger.KeepProgress(ctx, s.campaign, p)
}

func (s *sending) standing(ctx context.Context) (v notice.Campaign, tally ledger.Tally, err error) {
	if v, err = s.ledger.Campaign(ctx, s.campaign); err == nil {
		tally, err = s.ledger.Tally(ctx, s.campaign)
	}
	return v, tally, err
}

// composer makes each person's message, with the keys that are here.
func (c NoticeConfig) composer(d dataFlag, vaults func(path string) vault, v notice.Campaign, draft notice.Draft) (*delivery.Composer, error) {
	if err := c.sound(); err != nil {
		return nil, err
	}
	signer, err := signerOf(d, vaults, v.Signer)
	if err != nil {
		return nil, err
	}
	ring, err := sealRing(d, vaults)
	if err != nil {
		return nil, err
	}
	dkim, err := c.dkim()
	if err != nil {
		return nil, err
	}
	from, err := mailbox(c.From)
	if err != nil {
		return nil, fmt.Errorf("candor.yaml: notice.from: %w", err)
	}
	reply, err := mailbox(c.Publisher.Contact.Email)
	if err != nil {
		return nil, fmt.Errorf("candor.yaml: notice.publisher.contact.email: %w", err)
	}
	writer, err := draft.Writer()
	if err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	composer := &delivery.Composer{Campaign: v.ID, Draft: v.Draft, Date: v.Began, From: from, ReplyTo: reply, Domain: domain, Signer: signer, DKIM: dkim, Ring: ring, Render: writer.Message, Lines: delivery.EncodeLines(writer.Same(v.Began)), Report: draft.Facts.Report}
	if c.ReturnPath == "" {
		return nil, errReturnPath
	}
	return composer, composer.Check(time.Now())
}

// signerOf is the signing key by its id, which a campaign fixed when its set was frozen: it stays the same when keys are changed.
func signerOf(d dataFlag, vaults func(path string) vault, id string) (*delivery.Signer, error) {
	p := signPair(d, "")
	for _, path := range []string{p.privateFile(), p.older(id) + ".key"} {
		secret, err := readPrivate(vaults(path), path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		if s, err := delivery.NewSigner(string(secret)); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		} else if s.ID() == id {
			return s, nil
		}
	}
	return nil, fmt.Errorf("the signing key %s is not in %s: the set was frozen with it; copy its private half here, or freeze and approve again", id, d.keys())
}

// sealRing is every private sealing key that is here, by its id: those of before a rotation open what was sealed then.
func sealRing(d dataFlag, vaults func(path string) vault) (map[string]seal.PrivateKey, error) {
	p := sealPair(d, seal.X25519)
	ids, err := p.ids()
	if err != nil {
		return nil, fmt.Errorf("no keys are in %s: %w", d.keys(), err)
	}
	paths := []string{p.privateFile()}
	for _, id := range ids {
		paths = append(paths, p.older(id)+".key")
	}
	ring := map[string]seal.PrivateKey{}
	for _, path := range paths {
		secret, err := readPrivate(vaults(path), path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		key, err := seal.ParsePrivate(secret)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		ring[key.Public().ID()] = key
	}
	if len(ring) == 0 {
		return nil, fmt.Errorf("no private sealing key is in %s: nobody's address can be opened here", d.keys())
	}
	return ring, nil
}

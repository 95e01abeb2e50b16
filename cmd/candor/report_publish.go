package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/delivery"
	"candor.example/internal/keyfile"
	"candor.example/internal/ledger"
	"candor.example/internal/report"
	"candor.example/verify"
)

type reportPublishCmd struct {
	actFlags
	configFlag
	passphraseFlags
	Incident string            `arg:"" optional:"" help:"The incident, as 'candor incident list' names it."`
	Out      string            `type:"path" placeholder:"DIR" help:"The folder that a web server serves (default: report.folder of candor.yaml, or public under --data)."`
	Correct  map[string]string `placeholder:"FIELD=WHY" mapsep:"none" sep:"none" help:"Why a fact is said otherwise than in the last revision: how_many.people=..., repeatable."`
	Resume   bool              `help:"Only complete a publication that was interrupted."`
	Memory   string            `type:"path" placeholder:"FILE" help:"Where this machine remembers what it saw of logs (default: in your own configuration folder)."`
	Yes      bool              `short:"y" help:"Do not ask."`
	JSON     bool              `help:"Print as JSON."`
}

func (c *reportPublishCmd) Help() string {
	return `Drafts the next revision and publishes it: the log beside the pages, as plain files that any web server serves. What is published can be corrected in a later
revision, and never taken back: the log shows it. A publication that was interrupted is completed first.

  candor report publish inc-3kq7h2mb --config candor.yaml
  candor report publish inc-3kq7h2mb --config candor.yaml --correct how_many.people="The logs of a second server came in."
  candor report publish --resume

Copy the folder to a web server without what begins with a dot: rsync -a --exclude '.*' candor-data/public/ …`
}

// published is what the command says of a revision.
type published struct {
	Incident   string   `json:"incident"`
	Revision   int      `json:"revision"`
	Index      int64    `json:"index"`
	Report     string   `json:"report"`   // SHA-256 of report.json
	Manifest   string   `json:"manifest"` // SHA-256 of the log's entry
	Folder     string   `json:"folder"`
	Files      []string `json:"files"`
	Checkpoint string   `json:"checkpoint"`
}

func (c *reportPublishCmd) Run(ctx context.Context) error {
	if (c.Incident == "") != c.Resume {
		return errors.New("name an incident, or give --resume")
	}
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	c.Out = cmp.Or(c.Out, config.publicFolder(c.dataFlag))
	log, err := c.open(ctx, config)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := c.catchUp(ctx, log); err != nil {
		return err
	}
	if c.Resume {
		fmt.Printf("%s: %d entries, all in place\n", c.folder(), log.Next())
		return nil
	}
	p, err := c.publish(ctx, config, log, func(means string) bool {
		fmt.Fprintln(os.Stderr, clean(means))
		return c.Yes || confirmed("Publish this?")
	})
	if err != nil {
		return err
	}
	return c.say(p)
}

func (c *reportPublishCmd) folder() string {
	return c.Out
}

// open the log with the signing key that is in use. Its name is the log's.
func (c *reportPublishCmd) open(ctx context.Context, config *Config) (*report.Log, error) {
	p := signPair(c.dataFlag, "")
	keys, err := logKeys(c.dataFlag, config, c.Out)
	if err != nil {
		return nil, err
	}
	secret, err := readPrivate(c.vaultLike(p.privateFile()), p.privateFile())
	if err != nil {
		return nil, err
	}
	signer, _, err := delivery.ParseSigningKey(string(secret))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.privateFile(), err)
	}
	if origin := config.Report.Origin; origin != "" && origin != signer.Name() {
		return nil, fmt.Errorf("candor.yaml: report.origin is %s, and the signing key's name is %s: they are one", origin, signer.Name())
	}
	cosigner, err := c.cosigner(config)
	if err != nil {
		return nil, err
	}
	memory, err := memoryAt(c.Memory)
	if err != nil {
		return nil, err
	}
	seen, err := memory.All()
	if err != nil {
		return nil, err
	}
	return report.OpenLog(ctx, c.folder(), report.LogOptions{Signer: signer, Cosigner: cosigner, Keys: keys, Witnesses: config.Report.Witness, Seen: seen, Now: time.Now})
}

// cosigner is the log's ML-DSA-44 key; nil: it has none.
func (c *reportPublishCmd) cosigner(config *Config) (*report.Cosigner, error) {
	if !config.cosigns(c.Out) {
		return nil, nil
	}
	p := cosignPair(c.dataFlag, "")
	secret, err := readPrivate(c.vaultLike(p.privateFile()), p.privateFile())
	if err != nil {
		return nil, err
	}
	key, err := report.ParseCosigner(string(secret))
	if err != nil {
		err = fmt.Errorf("%s: %w", p.privateFile(), err)
	}
	return key, err
}

// cosigns: is the log in a folder signed by ML-DSA-44, too? One that is there is as it began.
func (c *Config) cosigns(folder string) bool {
	b, err := os.ReadFile(filepath.Join(folder, verify.KeyFile))
	if err != nil {
		return c.Report.MLDSA
	}
	k, err := verify.ParseKeys(string(b))
	return c.Report.MLDSA || err == nil && len(k.Cosigners) > 0
}

// logKeys are the public keys of the log in a folder: those in use, and those before them, of each sort.
func logKeys(d dataFlag, c *Config, folder string) (lines []string, err error) {
	lines, err = verifierKeys(signPair(d, ""))
	if err != nil {
		return nil, fmt.Errorf("%w\nThe signing key signs the log: candor keys init --name shop.example/candor", err)
	}
	if !c.cosigns(folder) {
		return lines, nil
	}
	more, err := verifierKeys(cosignPair(d, ""))
	if err != nil {
		return nil, fmt.Errorf("%w\nThis log is signed with ML-DSA-44, too: candor keys init --mldsa, or restore the key of a log that is there from your copy", err)
	}
	return append(lines, more...), nil
}

// verifierKeys are the public halves: of the pair in use, and of those before it.
func verifierKeys(p keyPair) (lines []string, err error) {
	public, id, _, err := p.read()
	if err != nil {
		return nil, err
	}
	lines = []string{strings.TrimSpace(string(public))}
	ids, err := p.ids()
	for _, older := range ids {
		b, readErr := keyfile.ReadPublic(p.older(older) + ".pub")
		if older == id || errors.Is(readErr, os.ErrNotExist) {
			continue
		}
		if _, _, wrong := p.describe(b); readErr == nil && wrong == nil {
			lines = append(lines, strings.TrimSpace(string(b)))
		}
		err = errors.Join(err, readErr)
	}
	return lines, err
}

// catchUp puts on record what is published and is not: a publication that was completed only now.
func (c *reportPublishCmd) catchUp(ctx context.Context, log *report.Log) error {
	var known []ledger.Revision
	err := withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) (err error) {
		known, err = l.Reports(ctx, "")
		return err
	})
	if err != nil {
		return err
	}
	for _, k := range known {
		if k.Index >= log.Next() {
			return fmt.Errorf("%s: its log has %d entries, and entry %d was published: restore the folder from a copy", c.folder(), log.Next(), k.Index)
		}
	}
	for _, r := range log.Revisions() {
		if slices.ContainsFunc(known, func(k ledger.Revision) bool { return k.Index == r.Index }) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(c.folder(), r.Manifest.Incident, strconv.Itoa(r.Manifest.Revision), verify.ReportFile))
		if err != nil {
			return err
		}
		if err := c.record(ctx, r.Manifest, candor.HashOf(r.Entry), r.Index, b); err != nil {
			return err
		}
	}
	return nil
}

// record that a revision is public, with what its evidence is a hash of.
func (c *reportPublishCmd) record(ctx context.Context, m verify.Manifest, manifest string, index int64, body []byte, evidence ...candor.Document) error {
	a, err := c.action(candor.ReportPublished, m.Incident)
	if err != nil {
		return err
	}
	a.Details["revision"], a.Details["report"] = strconv.Itoa(m.Revision), m.Report
	a.Details["manifest"], a.Details["index"] = manifest, strconv.FormatInt(index, 10)
	return act(ctx, c.ledgerFlag, a, append(evidence, candor.Document{Hash: m.Report, Type: verify.ReportSchema, Body: body})...)
}

// publish the next revision, if whoever is told what becomes public agrees.
func (c *reportPublishCmd) publish(ctx context.Context, config *Config, log *report.Log, agrees func(means string) bool) (p published, err error) {
	r, evidence, err := c.draft(ctx, config, log)
	if err != nil {
		return p, err
	}
	if !agrees(publicMeans(r, c.folder())) {
		return p, errors.New("nothing was published")
	}
	receipt, err := c.put(ctx, log, r, evidence...)
	if err != nil {
		return p, err
	}
	return published{r.Incident, r.Revision, receipt.Index, receipt.Report, receipt.Manifest, c.folder(), receipt.Files, receipt.Checkpoint}, nil
}

// put makes a draft public, and puts that on record with what its evidence is a hash of: for the command line and the console.
func (c *reportPublishCmd) put(ctx context.Context, log *report.Log, r verify.Report, evidence ...candor.Document) (receipt report.Receipt, err error) {
	body, err := report.Marshal(r)
	if err != nil {
		return receipt, err
	}
	files, err := pagesOf(log.Revisions(), r, candor.HashOf(body))
	if err != nil {
		return receipt, err
	}
	if receipt, err = log.Publish(ctx, body, files); err != nil {
		return receipt, err
	}
	m := verify.Manifest{Incident: r.Incident, Revision: r.Revision, Report: receipt.Report}
	if err := c.record(ctx, m, receipt.Manifest, receipt.Index, body, evidence...); err != nil {
		return receipt, fmt.Errorf("it is public, and not on record yet: candor report publish --resume: %w", err)
	}
	if memory, err := memoryAt(c.Memory); err == nil {
		if err := memory.Remember(log.Seen()); err != nil {
			fmt.Fprintf(os.Stderr, "candor: this machine does not remember the log's new state: %v\n", err)
		}
	}
	return receipt, nil
}

// draft the next revision, and say what stands in the way of publishing it.
func (c *reportPublishCmd) draft(ctx context.Context, config *Config, log *report.Log) (r verify.Report, evidence []candor.Document, err error) {
	var in report.Input
	err = withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		in, err = reportInput(ctx, l, config, c.Incident, time.Now())
		return err
	})
	if err != nil {
		return r, nil, err
	}
	in.Whys, in.Origin = c.Correct, log.Origin()
	if r, err = report.Draft(in); err != nil {
		return r, nil, err
	}
	r.Log.Index = log.Next()
	if wrong := report.Ready(r); len(wrong) > 0 {
		return r, nil, fmt.Errorf("this cannot be published:\n%w", errors.Join(wrong...))
	}
	return r, report.Evidence(in), nil
}

// pagesOf are the pages of all revisions, with the new one.
func pagesOf(before []verify.Revision, r verify.Report, hash string) (map[string][]byte, error) {
	var list []report.Published
	for _, p := range before {
		list = append(list, report.Published{Report: *p.Report, Hash: p.Manifest.Report})
	}
	return report.Pages(append(list, report.Published{Report: r, Hash: hash}))
}

// publicMeans says what becomes public.
func publicMeans(r verify.Report, folder string) string {
	people := "no exact number of people"
	if p := r.HowMany.People.Value; p != nil && p.Exact != nil {
		people = fmt.Sprintf("%d people", *p.Exact)
	}
	news := len(report.Corrected(r))
	return fmt.Sprintf("Revision %d of the report on %s becomes public in %s, in %d languages: %s, %d corrections to the revision before, %d open questions. It is signed by the key of %s and is entry %d of its log, "+
		"out of which nothing can be taken again. Read it first: candor report show %s", r.Revision, r.Incident, folder, len(r.Languages), people, news, len(r.Open), r.Log.Origin, r.Log.Index, r.Incident)
}

func (c *reportPublishCmd) say(p published) error {
	if c.JSON {
		return printJSON(os.Stdout, p)
	}
	fmt.Printf("%s, revision %d: published as entry %d, %d files in %s\n  report.json  %s\n  manifest     %s\nCheck it as anybody can: candor report verify %s\n",
		p.Incident, p.Revision, p.Index, len(p.Files), p.Folder, p.Report, p.Manifest, p.Folder)
	return nil
}

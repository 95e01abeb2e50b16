package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"candor.example"
	"candor.example/internal/delivery"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

type noticeExportCmd struct {
	campaignFlags
	configFlag
	passphraseFlags
	To     []string `placeholder:"AGE1…" help:"Who may open the file: a public key of age. May be given several times."`
	ToFile string   `type:"existingfile" placeholder:"FILE" help:"A file of such keys, one a line."`
	Out    string   `required:"" type:"path" placeholder:"FILE" help:"The file to write, which is not there yet."`
	State  []string `enum:"bounced,withheld" default:"bounced,withheld" help:"Who is in it: bounced, withheld, or both (default)."`
	Yes    bool     `short:"y" help:"Do not ask."`
	JSON   bool     `help:"Print as JSON."`
}

func (c *noticeExportCmd) Help() string {
	return notice.Means(candor.NoticeExported) + `

The file is CSV inside age encryption (docs/notice-after.md has its columns): nothing of it is ever on this disk in the clear. It needs the private sealing key
and the signing key; candor.yaml only where that names a NATS server (notice.store). The code in each letter is put on record, so that the shop's own page
confirms it. Whoever sends the letters opens it with age -d -i key.txt letters.csv.age

  candor notice export not-3kq7h2mb-a-1 --to age1… --out letters.csv.age`
}

func (c *noticeExportCmd) Run(ctx context.Context) error {
	to, err := c.recipients()
	if err != nil {
		return err
	}
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	slices.Sort(c.State)
	c.State = slices.Compact(c.State)
	var people int
	err = withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		v, draft, err := campaignDraft(ctx, l, c.Campaign)
		if err != nil {
			return err
		}
		composer, err := letters(c.dataFlag, c.vaultLike, v, draft)
		if err != nil {
			return err
		}
		if err := c.confirmed(ctx, l, v); err != nil {
			return err
		}
		log := newLogger(slog.LevelWarn, false)
		store, err := openStore(ctx, c.dataFlag, config.Notice, log)
		if err != nil {
			return err
		}
		defer store.Close()
		d := deliveries{l, store, log}
		if err := d.theSame(ctx, v.ID); err != nil {
			return err
		}
		people, err = c.export(ctx, d, v, composer, to)
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(os.Stdout, map[string]any{"campaign": c.Campaign, "people": people, "file": c.Out})
	}
	fmt.Printf("%s: %d people. When the letters have gone: candor notice channel %s --channel post\n", c.Out, people, c.Campaign)
	return nil
}

// recipients are who may open the file.
func (c *noticeExportCmd) recipients() ([]age.Recipient, error) {
	if c.ToFile != "" {
		b, err := os.ReadFile(c.ToFile)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				c.To = append(c.To, line)
			}
		}
	}
	if len(c.To) == 0 {
		return nil, errors.New("say who may open it: --to age1…, or --to-file (age-keygen makes a key; its public half goes here)")
	}
	var list []age.Recipient
	for i, key := range c.To {
		r, err := age.ParseRecipients(strings.NewReader(key))
		if err != nil || len(r) != 1 {
			return nil, fmt.Errorf("key %d is no public key of age, such as age1…: the private one stays with whoever opens the file", i+1) // which it might be
		}
		list = append(list, r[0])
	}
	return list, nil
}

func (c *noticeExportCmd) confirmed(ctx context.Context, l *ledger.Ledger, v notice.Campaign) error {
	tally, err := l.Tally(ctx, v.ID)
	if err != nil {
		return err
	}
	n := 0
	for _, s := range c.State {
		n += tally.States[notice.State(s)]
	}
	fmt.Fprintf(os.Stderr, "Names, addresses and notices of %d people (%s) go into %s, for %d keys.\n", n, strings.Join(c.State, " and "), c.Out, len(c.To))
	if !c.Yes && !confirmed("Write it?") {
		return errors.New("nothing was changed")
	}
	return nil
}

// export writes the file behind the action: the books say first who is in it, and whatever happens then, nobody is in it of whom they do not say so.
func (c *noticeExportCmd) export(ctx context.Context, d deliveries, v notice.Campaign, composer *delivery.Composer, to []age.Recipient) (people int, err error) {
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return 0, fmt.Errorf("--out %s is there already: name a new file", c.Out)
	} else if err != nil {
		return 0, err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			os.Remove(c.Out)
		}
	}()
	a, err := c.action(candor.NoticeExported, v.Incident)
	if err != nil {
		return 0, err
	}
	a.Details["campaign"], a.Details["states"], a.Details["to"] = v.ID, strings.Join(c.State, " "), strings.Join(c.To, " ")
	if err := act(ctx, c.ledgerFlag, a); err != nil {
		return 0, err
	}
	sealed, err := age.Encrypt(f, to...)
	if err != nil {
		return 0, err
	}
	if people, err = c.write(ctx, d, v, composer, a.ID, sealed); err != nil {
		return 0, fmt.Errorf("the books say that the file was written, and it was not; write it again: %w", err)
	}
	return people, errors.Join(sealed.Close(), f.Sync(), d.catchUp(ctx, v.ID))
}

// exportColumns are those of docs/notice-after.md.
var exportColumns = []string{"id", "state", "cause", "name", "email", "country", "language", "law", "code", "subject", "text"}

// write writes a row for each, behind the record of the codes that nobody was sent yet. id is the action's.
func (c *noticeExportCmd) write(ctx context.Context, d deliveries, v notice.Campaign, composer *delivery.Composer, id string, w io.Writer) (people int, err error) {
	out := csv.NewWriter(w)
	if err := out.Write(exportColumns); err != nil {
		return 0, err
	}
	for first := 0; first < v.People; first += 1000 {
		list, err := d.ledger.Recipients(ctx, v.ID, first, first+1000)
		if err != nil {
			return people, err
		}
		list = slices.DeleteFunc(list, func(r ledger.Recipient) bool { return !r.Exported || !slices.Contains(c.State, string(r.State)) })
		if err := c.codes(ctx, d.store, v, composer.Signer, fmt.Sprintf("%s-%d", id, first), list); err != nil {
			return people, err
		}
		for _, r := range list {
			if err := row(out, composer, r); err != nil {
				return people, err
			}
			people++
		}
	}
	out.Flush()
	return people, out.Error()
}

// codes puts the codes on record of those whom no mail has brought one: the shop's own page confirms what is on record.
func (c *noticeExportCmd) codes(ctx context.Context, store *delivery.Store, v notice.Campaign, s *delivery.Signer, id string, list []ledger.Recipient) error {
	var events []notice.Event
	for _, r := range list {
		if owner := r.Person.Owner; r.Person.Code == "" {
			events = append(events, notice.Event{N: r.N, Key: s.Key(v.ID, owner), Kind: notice.Lettered, Time: time.Now().UTC(), Code: s.Code(v.ID, owner)})
		}
	}
	if len(events) == 0 {
		return nil
	}
	return store.Letters(ctx, v.ID, id, events)
}

func row(out *csv.Writer, composer *delivery.Composer, r ledger.Recipient) error {
	p, err := composer.Post(r.Person, r.Sealed)
	if err != nil {
		return fmt.Errorf("the notice of recipient %d: %w", r.N, err)
	}
	m := p.Message
	return out.Write(cells(p.Owner, string(r.State), r.Cause, p.Name, p.Address, r.Person.Country, m.Lang, string(m.Law), p.Code, m.Subject, m.Text))
}

// cells are texts that no spreadsheet takes for formulas: customers choose their names themselves.
func cells(texts ...string) []string {
	for i, t := range texts {
		if t != "" && strings.ContainsRune("=+-@\t\r", rune(t[0])) {
			texts[i] = "'" + t
		}
	}
	return texts
}

// letters makes each person's letter, with the keys that are here.
func letters(d dataFlag, vaults func(path string) vault, v notice.Campaign, draft notice.Draft) (*delivery.Composer, error) {
	if v.Signer == "" {
		return nil, fmt.Errorf("%s is %s: nobody has been sent anything", v.ID, v.Phase)
	}
	signer, err := signerOf(d, vaults, v.Signer)
	if err != nil {
		return nil, err
	}
	ring, err := sealRing(d, vaults)
	if err != nil {
		return nil, err
	}
	date := v.Began
	if date.IsZero() {
		date = time.Now()
	}
	writer, err := draft.Writer()
	if err != nil {
		return nil, err
	}
	return &delivery.Composer{Campaign: v.ID, Draft: v.Draft, Date: date, Signer: signer, Ring: ring, Render: writer.Message}, nil
}

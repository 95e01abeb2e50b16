package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
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

The file is CSV inside age encryption (docs/notices.md has its columns): nothing of it is ever on this disk in the clear. It needs the private sealing key
and the signing key. Whoever sends the letters opens it with age -d -i key.txt letters.csv.age

  candor notice export not-3kq7h2mb-a-1 --to age1… --out letters.csv.age`
}

func (c *noticeExportCmd) Run(ctx context.Context) error {
	to, err := c.recipients()
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
		people, err = c.export(ctx, l, v, composer, to)
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
func (c *noticeExportCmd) export(ctx context.Context, l *ledger.Ledger, v notice.Campaign, composer *delivery.Composer, to []age.Recipient) (people int, err error) {
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
	if people, err = c.write(ctx, l, v, composer, sealed); err != nil {
		return 0, fmt.Errorf("the books say that the file was written, and it was not; write it again: %w", err)
	}
	return people, errors.Join(sealed.Close(), f.Sync())
}

// exportColumns are those of docs/notices.md.
var exportColumns = []string{"id", "state", "cause", "name", "email", "country", "language", "law", "code", "subject", "text"}

func (c *noticeExportCmd) write(ctx context.Context, l *ledger.Ledger, v notice.Campaign, composer *delivery.Composer, w io.Writer) (people int, err error) {
	out := csv.NewWriter(w)
	if err := out.Write(exportColumns); err != nil {
		return 0, err
	}
	for first := 0; first < v.People; first += 1000 {
		list, err := l.Recipients(ctx, v.ID, first, first+1000)
		if err != nil {
			return people, err
		}
		for _, r := range list {
			if !r.Exported || !slices.Contains(c.State, string(r.State)) {
				continue
			}
			p, err := composer.Post(r.Person, r.Sealed)
			if err != nil {
				return people, fmt.Errorf("the notice of recipient %d: %w", r.N, err)
			}
			m := p.Message
			if err := out.Write(cells(p.Owner, string(r.State), r.Cause, p.Name, p.Address, r.Person.Country, m.Lang, string(m.Law), p.Code, m.Subject, m.Text)); err != nil {
				return people, err
			}
			people++
		}
	}
	out.Flush()
	return people, out.Error()
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

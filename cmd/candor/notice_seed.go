package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/bounce"
	"candor.example/internal/delivery"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

type noticeSeedCmd struct {
	campaignFlags
	configFlag
	passphraseFlags
	Text   string            `placeholder:"LAW/LANGUAGE" help:"The text that they get (default: gdpr in the publisher's language)."`
	Wait   time.Duration     `default:"2m" placeholder:"DURATION" help:"How long to wait until it is there (default: 2m)."`
	Result map[string]string `placeholder:"NAME=dkim:pass,dmarc:pass,spam:no" mapsep:"none" sep:"none" help:"What you have seen in a mailbox that no Maildir shows; repeatable. Nothing is sent then."`
	JSON   bool              `help:"Print as JSON, one object a line."`
}

func (c *noticeSeedCmd) Help() string {
	return `Before people get a notice, mailboxes of your own at large receivers get it: made, signed and relayed as everybody's, to a person who does not exist. What their servers
say of it (Authentication-Results, RFC 8601) and in which folder it lies is put on record. Each of candor.yaml's notice.seeds has to have passed before the
words can be approved. Run it where notices are sent from, after 'candor notice freeze'. A mailbox with a 'maildir' is read; into the others you look
yourself, for "Show original" and the folder. Exit status: 0 all passed, 1 one did not, or is not known yet, 2 trouble.

  candor notice seed not-3kq7h2mb-a-1 --config candor.yaml
  candor notice seed not-3kq7h2mb-a-1 --config candor.yaml --result gmail=dkim:pass,dmarc:pass,spam:no`
}

// seedResult is what is known of one mailbox.
type seedResult struct {
	Name  string `json:"name"`
	DKIM  string `json:"dkim,omitempty"`
	DMARC string `json:"dmarc,omitempty"`
	Spam  bool   `json:"spam"`
	Known bool   `json:"known"`
	Why   string `json:"why,omitempty"` // it is not known
}

func (r seedResult) passed() bool {
	return r.Known && notice.Seed{DKIM: r.DKIM, DMARC: r.DMARC, Spam: r.Spam}.Passed()
}

func (c *noticeSeedCmd) Run(ctx context.Context) error {
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	if len(config.Notice.Seeds) == 0 {
		return errors.New("candor.yaml: notice.seeds is missing: mailboxes of your own at large receivers")
	}
	v, err := theCampaign(ctx, c.ledgerFlag, c.Campaign)
	if err != nil {
		return err
	}
	var results []seedResult
	if len(c.Result) > 0 {
		results, err = c.given(config.Notice.Seeds)
	} else {
		results, err = c.sent(ctx, config.Notice, v)
	}
	if err != nil {
		return err
	}
	return c.record(ctx, v, results)
}

// given are results that somebody has seen.
func (c *noticeSeedCmd) given(seeds []SeedConfig) (list []seedResult, err error) {
	for _, name := range slices.Sorted(maps.Keys(c.Result)) {
		if !slices.ContainsFunc(seeds, func(s SeedConfig) bool { return s.Name == name }) {
			return nil, fmt.Errorf("--result %s: candor.yaml has no seed of this name", name)
		}
		r, err := parseSeedResult(c.Result[name])
		if err != nil {
			return nil, fmt.Errorf("--result %s: %w", name, err)
		}
		r.Name = name
		list = append(list, r)
	}
	return list, nil
}

var errSeedResult = errors.New("write all of dkim:WORD,dmarc:WORD,spam:yes or no, such as dkim:pass,dmarc:pass,spam:no")

func parseSeedResult(text string) (r seedResult, err error) {
	said := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, ":")
		said[strings.TrimSpace(name)] = strings.ToLower(strings.TrimSpace(value))
	}
	spam := said["spam"]
	if len(said) != 3 || said["dkim"] == "" || said["dmarc"] == "" || spam != "yes" && spam != "no" {
		return r, errSeedResult
	}
	return seedResult{DKIM: said["dkim"], DMARC: said["dmarc"], Spam: spam == "yes", Known: true}, nil
}

// sent sends to all, and looks into those that can be read.
func (c *noticeSeedCmd) sent(ctx context.Context, config NoticeConfig, v notice.Campaign) ([]seedResult, error) {
	if v.Set == "" {
		return nil, fmt.Errorf("%s: freeze first, which chooses the signing key: candor notice freeze %s", v.ID, v.ID)
	}
	var draft notice.Draft
	err := withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) (err error) {
		draft, err = l.Draft(ctx, v.Draft)
		return err
	})
	if err != nil {
		return nil, err
	}
	person, err := c.person(draft)
	if err != nil {
		return nil, err
	}
	v.Began = time.Now().Truncate(time.Second) // the date of these messages
	composer, err := config.composer(c.dataFlag, c.vaultLike, v, draft)
	if err != nil {
		return nil, err
	}
	relays, err := config.relays()
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, s := range config.Seeds {
		if ids[s.Name], err = submitSeed(ctx, composer, relays, config.ReturnPath, s, person); err != nil {
			return nil, fmt.Errorf("seed %s: %w", s.Name, err)
		}
	}
	return c.look(ctx, config.Seeds, ids, v.Began), nil
}

// person does not exist, and gets the text that is wanted.
func (c *noticeSeedCmd) person(d notice.Draft) (notice.Person, error) {
	text, law := c.Text, notice.GDPR
	if d.Kind == notice.Viewers {
		law = notice.ToViewers
	}
	if text == "" {
		text = string(law) + "/" + d.Facts.Publisher.Language
		if _, ok := d.Texts[text]; !ok {
			text = string(law) + "/en"
		}
	}
	name, lang, _ := strings.Cut(text, "/")
	if _, ok := d.Texts[text]; !ok {
		return notice.Person{}, fmt.Errorf("the draft has no text %q; it has %s", text, strings.Join(slices.Sorted(maps.Keys(d.Texts)), ", "))
	}
	return notice.MadeUp(d.Facts, notice.Law(name), lang), nil
}

func submitSeed(ctx context.Context, composer *delivery.Composer, relays []delivery.Relay, returnPath string, s SeedConfig, p notice.Person) (id string, err error) {
	to, err := mailbox(s.Address)
	if err != nil {
		return "", err
	}
	to.Name = p.Name
	letter := composer.Seed(s.Name, to, p)
	var message bytes.Buffer
	if err := letter.Message(&message); err != nil {
		return "", err
	}
	from := bounce.Local + "+" + composer.Signer.Tag(letter.Key) + "@" + returnPath
	return letter.MessageID(), delivery.Submit(ctx, relays, from, letter.To, letter.Key, message.Bytes())
}

// look waits until the mailboxes that can be read show the messages.
func (c *noticeSeedCmd) look(ctx context.Context, seeds []SeedConfig, ids map[string]string, sent time.Time) []seedResult {
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	list := make([]seedResult, len(seeds))
	for {
		waiting := 0
		for i, s := range seeds {
			if list[i] = lookInto(s, ids[s.Name], sent.Add(-time.Minute)); !list[i].Known && s.Maildir != "" {
				waiting++
			}
		}
		if waiting == 0 {
			return list
		}
		select {
		case <-ctx.Done():
			return list
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func lookInto(s SeedConfig, id string, since time.Time) seedResult {
	r := seedResult{Name: s.Name}
	if s.Maildir == "" {
		r.Why = "sent; look into it, and say what you see: --result " + s.Name + "=dkim:pass,dmarc:pass,spam:no"
		return r
	}
	found, ok, err := bounce.Find(s.Maildir, id, since)
	if err != nil {
		r.Why = err.Error()
		return r
	}
	if !ok {
		r.Why = "it is not in the mailbox yet"
		return r
	}
	a, err := bounce.AuthenticationResults(found.Message, s.Server)
	if err != nil {
		r.Why = err.Error()
		return r
	}
	return seedResult{Name: s.Name, DKIM: a.DKIM, DMARC: a.DMARC, Spam: a.Spam || found.Spam(), Known: true}
}

// record puts what is known on record.
func (c *noticeSeedCmd) record(ctx context.Context, v notice.Campaign, results []seedResult) error {
	bad := 0
	for _, r := range results {
		if !r.passed() {
			bad++
		}
		if r.Known {
			if err := c.recordOne(ctx, v, r); err != nil {
				return err
			}
		}
		if err := c.print(r); err != nil {
			return err
		}
	}
	if bad > 0 {
		return errFound
	}
	return nil
}

func (c *noticeSeedCmd) recordOne(ctx context.Context, v notice.Campaign, r seedResult) error {
	a, err := c.action(candor.NoticeSeeded, v.Incident)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"campaign": v.ID, "seed": r.Name, "draft": v.Draft, "dkim": r.DKIM, "dmarc": r.DMARC, "spam": map[bool]string{true: "yes", false: "no"}[r.Spam]} {
		a.Details[name] = value
	}
	return act(ctx, c.ledgerFlag, a)
}

func (c *noticeSeedCmd) print(r seedResult) error {
	var err error
	switch {
	case c.JSON:
		return json.NewEncoder(os.Stdout).Encode(r)
	case !r.Known:
		_, err = fmt.Printf("%s: not known: %s\n", r.Name, clean(r.Why))
	case r.passed():
		_, err = fmt.Printf("%s: passed: dkim=%s dmarc=%s, in the inbox\n", r.Name, clean(r.DKIM), clean(r.DMARC))
	default:
		_, err = fmt.Printf("%s: did not pass: dkim=%s dmarc=%s, taken for spam: %t\n", r.Name, clean(r.DKIM), clean(r.DMARC), r.Spam)
	}
	return err
}

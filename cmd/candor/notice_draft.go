package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

type noticeDraftCmd struct {
	actFlags
	configFlag
	Incident   string            `arg:"" help:"The incident, as 'candor incident list' names it."`
	Viewers    bool              `help:"To those who saw other people's data, to ask them to delete it."`
	Text       map[string]string `placeholder:"LAW/LANGUAGE=FILE" mapsep:"none" sep:"none" help:"Take this text from a file instead, such as gdpr/de=brief.txt; repeatable."`
	California bool              `help:"Write texts by California's law, too, where everybody exposed is known to be elsewhere."`
	Anew       bool              `help:"Write every text from the facts, those too that somebody has changed; they stay in the ledger as they were."`
	Into       string            `type:"path" placeholder:"DIR" help:"Also write each text into this folder, for an editor."`
}

func (c *noticeDraftCmd) Help() string {
	return `Every language says the same facts, which come from the ledger; who speaks, and whom people can ask, is in candor.yaml under 'notice'.
Drafted again, texts are written from the facts as they are by now; those that somebody has changed stay, and what is wrong with them by now is said.
The words are yours to change: write them out with --into, edit, and bring them back with --text. docs/notices.md describes the form.

  candor notice draft inc-3kq7h2mb --config candor.yaml --into texts
  candor notice draft inc-3kq7h2mb --config candor.yaml --text gdpr/de=texts/gdpr-de.txt`
}

func (c *noticeDraftCmd) Run(ctx context.Context) error {
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	if err := config.Notice.sound(); err != nil {
		return err
	}
	kind := notice.Affected
	if c.Viewers {
		kind = notice.Viewers
	}
	var d notice.Draft
	var id string
	var kept []string
	err = withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) (err error) {
		var old notice.Draft
		if d, old, id, err = draftOf(ctx, c.dataFlag, l, config, c.Incident, kind, c.California); err == nil && old.Texts != nil && !c.Anew {
			kept, err = d.Keep(old)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := c.replace(&d); err != nil {
		return err
	}
	c.sayKept(d, kept)
	if err := c.writeInto(d); err != nil {
		return err
	}
	if err := recordDraft(ctx, c.actFlags, d, id, config.Notice); err != nil {
		return err
	}
	fmt.Printf("%s: %d texts from the facts of %s, for %s\n", id, len(d.Texts), d.Facts.Incident, tellsWhom(d))
	if d.Facts.OutsideUS && kind == notice.Affected {
		fmt.Println("None by California's law: everybody exposed is known to be elsewhere than in the United States (--california writes them)")
	}
	fmt.Printf("Look at it: candor notice preview %s --language en (with '| candor notice lint -' behind it: what the rules say)\n", id)
	return nil
}

func tellsWhom(d notice.Draft) string {
	if d.Kind == notice.Viewers {
		return "those who saw it"
	}
	return fmt.Sprintf("%d people", d.Facts.People)
}

// sayKept names the texts that were not written anew, and what is wrong with them by the facts as they are now.
func (c *noticeDraftCmd) sayKept(d notice.Draft, kept []string) {
	for _, key := range kept {
		if _, given := c.Text[key]; given {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s: kept as somebody has changed it; --anew writes it from the facts\n", key)
		for _, j := range notice.Judge(d, key, nil) {
			fmt.Fprintf(os.Stderr, "  %s %s %s\n", j.Rule, j.Level, clean(strings.TrimSpace(j.Why+" "+j.Text)))
		}
	}
}

// draftOf writes anew from facts, and finds the campaign that it is the draft of: the one that is not over, with its words as they are, or the next.
func draftOf(ctx context.Context, data dataFlag, l *ledger.Ledger, c *Config, incident string, kind notice.Kind, california bool) (d, old notice.Draft, id string, err error) {
	f, err := factsOf(ctx, data, l, c, incident)
	if err != nil {
		return d, old, "", err
	}
	f.OutsideUS = f.OutsideUS && !california
	if d, err = notice.Write(f, kind); err != nil {
		return d, old, "", err
	}
	list, err := l.Campaigns(ctx, "")
	if err != nil {
		return d, old, "", err
	}
	if open, ok := notice.OpenOf(list, incident, kind); ok {
		old, err = l.Draft(ctx, open.Draft)
		return d, old, open.ID, err
	}
	return d, old, notice.NewID(list, incident, kind), nil
}

// recordDraft puts a draft into the books: its document, and the action that names it.
func recordDraft(ctx context.Context, f actFlags, d notice.Draft, id string, c NoticeConfig) error {
	a, err := f.action(candor.NoticeDrafted, d.Facts.Incident)
	if err != nil {
		return err
	}
	details, doc, err := d.Drafted(id, c.needs(), c.seeds())
	if err != nil {
		return err
	}
	a.Details = details
	return act(ctx, f.ledgerFlag, a, doc)
}

// replace takes texts from files.
func (c *noticeDraftCmd) replace(d *notice.Draft) error {
	for _, key := range slices.Sorted(maps.Keys(c.Text)) {
		law, lang, ok := strings.Cut(key, "/")
		if !ok || law == "" || lang == "" {
			return fmt.Errorf("--text %s: write LAW/LANGUAGE=FILE, such as gdpr/de=brief.txt", key)
		}
		b, err := os.ReadFile(c.Text[key])
		if err != nil {
			return err
		}
		d.Texts[key] = string(b)
	}
	return d.Check()
}

// writeInto writes texts as LAW-LANGUAGE.txt.
func (c *noticeDraftCmd) writeInto(d notice.Draft) error {
	if c.Into == "" {
		return nil
	}
	if err := os.MkdirAll(c.Into, 0o755); err != nil {
		return err
	}
	for key, text := range d.Texts {
		path := filepath.Join(c.Into, strings.ReplaceAll(key, "/", "-")+".txt")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

type noticePreviewCmd struct {
	ledgerFlag
	Campaign string `arg:"" help:"The campaign, as list names it."`
	Law      string `enum:"gdpr,california,viewers," default:"" help:"gdpr, california or viewers (default: gdpr, or viewers)."`
	Language string `default:"en" placeholder:"TAG" help:"Such as de (default: en)."`
	Person   int    `default:"-1" placeholder:"N" help:"A person of the frozen set by number, from 0 (default: a made-up one). Their name is sealed, and not shown."`
	HTML     bool   `name:"html" help:"The HTML part instead of the text."`
	Source   bool   `help:"The words as they are edited, with their placeholders."`
}

func (c *noticePreviewCmd) Run(ctx context.Context) error {
	return withLedger(ctx, c.ledgerFlag, func(l *ledger.Ledger) error {
		v, d, err := campaignDraft(ctx, l, c.Campaign)
		if err != nil {
			return err
		}
		law := notice.Law(c.Law)
		if law == "" {
			law = notice.GDPR
			if v.Kind == notice.Viewers {
				law = notice.ToViewers
			}
		}
		if c.Source {
			text, ok := d.Texts[string(law)+"/"+c.Language]
			if !ok {
				return fmt.Errorf("the draft has no text %s/%s; it has %s", law, c.Language, strings.Join(slices.Sorted(maps.Keys(d.Texts)), ", "))
			}
			fmt.Print(text)
			return nil
		}
		p, err := c.person(ctx, l, d, law)
		if err != nil {
			return err
		}
		m, err := d.Message(p, time.Now())
		if err != nil {
			return err
		}
		if c.HTML {
			fmt.Print(m.HTML)
			return nil
		}
		fmt.Printf("Subject: %s\n\n%s", m.Subject, m.Text)
		return nil
	})
}

// campaignDraft is a campaign with its words.
func campaignDraft(ctx context.Context, l *ledger.Ledger, id string) (v notice.Campaign, d notice.Draft, err error) {
	if v, err = l.Campaign(ctx, id); err == nil {
		d, err = l.Draft(ctx, v.Draft)
	}
	return v, d, err
}

// person is one of the frozen set, or made up.
func (c *noticePreviewCmd) person(ctx context.Context, l *ledger.Ledger, d notice.Draft, law notice.Law) (notice.Person, error) {
	if c.Person < 0 {
		return notice.MadeUp(d.Facts, law, c.Language), nil
	}
	list, err := l.Recipients(ctx, c.Campaign, c.Person, c.Person+1)
	if err != nil {
		return notice.Person{}, err
	}
	if len(list) == 0 {
		return notice.Person{}, errors.New("--person: there is nobody with that number: freeze first, and count from 0")
	}
	return list[0].Person, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"candor.example"
	"candor.example/guard"
	"candor.example/internal/demo"
	"candor.example/internal/incident"
	"candor.example/internal/keyfile"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
	"candor.example/verify"
)

// Who acts in the demo. Whoever writes a notice cannot approve it.
const (
	demoEngineer = "Robin Achterberg (privacy engineer)"
	demoLead     = "Imani Okafor (incident lead)"
	demoCounsel  = "Tomasz Lis (counsel)"
)

// telling is the end of the demo's story: what happened is confirmed, its fix is proved, and everybody who was exposed is told, by the real notifier
// and real SMTP.
type telling struct {
	*service
	shop    *demo.Shop
	mailbox *demo.Mailbox
	log     *slog.Logger
}

// told is what --once prints of it: the sums, and how many notices lie in the mail server for whom.
type told struct {
	Campaigns []ledger.Tally `json:"campaigns"`
	Notices   int            `json:"notices"` // that came to the mail server
	Missing   int            `json:"missing"` // people who were exposed, and got fewer than one for each incident
	Twice     int            `json:"twice"`   // people who got more
	Public    string         `json:"public"`  // the folder with the reports and their log
	Log       int64          `json:"log"`     // its entries
	Verified  bool           `json:"verified"`
	Incidents []string       `json:"incidents"` // of which people were told
}

// demoNotice is what candor.yaml would say of telling people.
func demoNotice(d dataFlag, relay string) (NoticeConfig, error) {
	var keys []DKIMConfig
	for _, algorithm := range []string{"rsa", "ed25519"} {
		k := DKIMConfig{Domain: "lantern-and-loom.example", Selector: "demo-" + algorithm, KeyFile: filepath.Join(d.keys(), "dkim-"+algorithm+".key")}
		if _, err := makeDKIM(d, k.KeyFile, algorithm); err != nil {
			return NoticeConfig{}, err
		}
		keys = append(keys, k)
	}
	return NoticeConfig{
		Publisher: notice.Publisher{LegalName: "Lantern & Loom Ltd", Name: "Lantern & Loom", Address: "1 Made-up Street, 12345 Nowhere", Domain: "lantern-and-loom.example",
			Contact: notice.Contact{Role: "Data Protection Officer", Email: "privacy@lantern-and-loom.example", Phone: "+1 555 0100"}, Zone: "Europe/Berlin", Language: "en",
			Account: notice.Words{"en": "your account, Notices", "de": "Ihr Konto, Mitteilungen", "fr": "votre compte, Avis", "es": "su cuenta, Avisos", "it": "il suo account, Avvisi",
				"nl": "uw account, Berichten", "pl": "Twoje konto, Zawiadomienia", "pt": "sua conta, Avisos", "ja": "マイページのお知らせ"}},
		Surfaces: map[string]notice.Words{
			"GET /products/{id}": {"en": "the product pages", "de": "die Produktseiten", "fr": "les pages des produits", "es": "las páginas de productos", "it": "le pagine dei prodotti",
				"nl": "de productpagina’s", "pl": "strony produktów", "pt": "as páginas de produtos", "ja": "商品ページ"},
			"GET /api/products/{id}/reviews": {"en": "the reviews on product pages", "de": "die Bewertungen auf den Produktseiten", "fr": "les avis sur les pages des produits",
				"es": "las opiniones en las páginas de productos", "it": "le recensioni nelle pagine dei prodotti", "nl": "de beoordelingen op de productpagina’s",
				"pl": "opinie na stronach produktów", "pt": "as avaliações nas páginas de produtos", "ja": "商品ページのレビュー"},
		},
		Prevent: notice.Words{
			"en": "Before each release, a test signs in as two customers and compares what they see.",
			"de": "Vor jeder Version meldet sich ein Test als zwei Kunden an und vergleicht, was sie sehen.",
			"fr": "Avant chaque version, un test se connecte comme deux clients et compare ce qu’ils voient.",
			"es": "Antes de cada versión, una prueba inicia sesión como dos clientes y compara lo que ven.",
			"it": "Prima di ogni versione, un test accede come due clienti e confronta ciò che vedono.",
			"nl": "Voor elke versie logt een test in als twee klanten en vergelijkt wat zij zien.",
			"pl": "Przed każdą wersją test loguje się jako dwóch klientów i porównuje, co widzą.",
			"pt": "Antes de cada versão, um teste entra como dois clientes e compara o que eles veem.",
			"ja": "新しいバージョンを公開する前に、テストが二人のお客様としてログインし、表示される内容を比べます。",
		},
		Police: new(bool),
		Told:   []RegulatorConfig{{Authority: "the data protection authority", Law: "GDPR Art. 33", Reason: "This shop and its customers are made up."}},
		From:   "Lantern & Loom <service@lantern-and-loom.example>", ReturnPath: "return.lantern-and-loom.example",
		Relays: []RelayConfig{{Addr: relay, TLS: "none"}}, DKIM: keys, MX: "off", Board: true, UpdateBy: time.Now().UTC().AddDate(0, 0, 14).Truncate(24 * time.Hour),
		Limits: LimitsConfig{Start: 1e6, Max: 1e6},
	}, nil
}

// tell plays it for each incident that exposed somebody.
func (t *telling) tell(ctx context.Context) (out told, err error) {
	if err := t.caughtUp(ctx); err != nil {
		return out, err
	}
	list, err := t.ledger.Incidents(ctx)
	if err != nil {
		return out, err
	}
	due := map[string]int{} // notices, by customer
	for _, i := range list {
		if i.Exposed == 0 {
			continue
		}
		if err := t.settle(ctx, i); err != nil {
			return out, fmt.Errorf("%s: %w", i.ID, err)
		}
		if err := t.publish(ctx, i.ID); err != nil { // before the notices, so that each of them is a witness of what the log says
			return out, fmt.Errorf("%s: %w", i.ID, err)
		}
		tally, err := t.notify(ctx, i.ID)
		if err != nil {
			return out, fmt.Errorf("%s: %w", i.ID, err)
		}
		out.Campaigns, out.Incidents = append(out.Campaigns, tally), append(out.Incidents, i.ID)
		err = everyPerson(ctx, t.ledger, i.ID, func(p incident.Person) {
			if p.Outcome == candor.Exposed {
				due[p.Owner]++
			}
		})
		if err != nil {
			return out, err
		}
	}
	for _, i := range list {
		if i.Exposed > 0 {
			if err := t.publish(ctx, i.ID); err != nil { // with the sum of people told
				return out, fmt.Errorf("%s: %w", i.ID, err)
			}
		}
	}
	checked := verify.Folder(os.DirFS(t.public()), verify.Options{Now: time.Now()})
	out.Public, out.Log, out.Verified = t.public(), checked.Size, checked.OK()
	out.Notices = t.mailbox.Total()
	for id, n := range due {
		switch got := t.mailbox.Count(t.shop.Customer(id)); {
		case got < n:
			out.Missing++
		case got > n:
			out.Twice++
		}
	}
	return out, nil
}

// setMode changes what the guard does, and has it in the books of each incident when it contains them.
func (t *telling) setMode(ctx context.Context, mode guard.Mode) error {
	t.mode.Store(mode)
	if mode != guard.Mask {
		return nil
	}
	if err := t.caughtUp(ctx); err != nil {
		return err
	}
	list, err := t.ledger.Incidents(ctx)
	for _, i := range list {
		err = errors.Join(err, t.did(ctx, i.ID, candor.Action{What: candor.Contained, By: demoLead, Details: map[string]string{"site": i.Site, "route": i.Route, "mode": string(mode)}}))
	}
	return err
}

// publish the next revision of an incident's report.
func (t *telling) publish(ctx context.Context, id string) error {
	c := reportPublishCmd{Incident: id, Out: t.public(), Memory: dataFlag{t.config.Data}.logsSeen()}
	c.Data, c.Ledger, c.By = t.config.Data, t.config.Ledger, demoLead
	log, err := c.open(ctx, t.config)
	if err != nil {
		return err
	}
	defer log.Close()
	_, err = c.publish(ctx, t.config, log, func(string) bool { return true })
	return err
}

func (t *telling) public() string { return t.config.publicFolder(dataFlag{t.config.Data}) }

// settle says what people know of an incident by now, and proves the fix: its recorded requests are asked of the shop again.
func (t *telling) settle(ctx context.Context, i incident.Incident) error {
	fixed, err := t.fixed(ctx, i)
	if err != nil {
		return err
	}
	for _, a := range []candor.Action{
		{What: candor.Confirmed, By: demoLead, Why: "Customers were shown to other customers."},
		{What: candor.Determined, By: demoLead},
		{What: candor.Fixed, By: demoEngineer, Details: map[string]string{"release": demo.Fixed, "reference": "LOOM-4711", "at": fixed.Format(time.RFC3339)}},
	} {
		if err := t.did(ctx, i.ID, a); err != nil {
			return err
		}
	}
	e, err := t.ledger.Evidence(ctx, i.ID)
	if err != nil {
		return err
	}
	upstream, err := parseUpstream(t.config.Upstream)
	if err != nil {
		return err
	}
	asking := incidentVerifyCmd{ID: i.ID, Limit: 20, Timeout: 30 * time.Second}
	asking.Data = t.config.Data
	v, err := asking.replay(ctx, t.config, upstream, e.Responses)
	if err != nil {
		return err
	}
	return t.did(ctx, i.ID, candor.Action{What: candor.Verified, By: demoEngineer, Details: v.details()})
}

// fixed is when the release with the fix was live, and what an older process had begun to answer was answered.
func (t *telling) fixed(ctx context.Context, i incident.Incident) (at time.Time, err error) {
	list, err := t.ledger.Releases(ctx, i.Site)
	for _, r := range list {
		if r.Name == demo.Fixed {
			at = r.Time
		}
	}
	if i.LastSeen.After(at) {
		at = i.LastSeen
	}
	return at.Add(time.Second).UTC().Truncate(time.Second), err
}

// notify tells everybody who was exposed: drafted by one, approved by two others, a canary first.
func (t *telling) notify(ctx context.Context, id string) (ledger.Tally, error) {
	d, _, campaign, err := draftOf(ctx, dataFlag{t.config.Data}, t.ledger, t.config, id, notice.Affected, false)
	if err != nil {
		return ledger.Tally{}, err
	}
	details, doc, err := d.Drafted(campaign, t.config.Notice.needs(), nil)
	if err != nil {
		return ledger.Tally{}, err
	}
	signer, err := signerID(dataFlag{t.config.Data})
	if err != nil {
		return ledger.Tally{}, err
	}
	if err := t.did(ctx, id, candor.Action{What: candor.NoticeDrafted, By: demoEngineer, Details: details}, doc); err != nil {
		return ledger.Tally{}, err
	}
	if err := t.did(ctx, id, candor.Action{What: candor.NoticeFrozen, By: demoEngineer, Details: map[string]string{"campaign": campaign, "signer": signer}}); err != nil {
		return ledger.Tally{}, err
	}
	c, err := t.ledger.Campaign(ctx, campaign)
	if err != nil {
		return ledger.Tally{}, err
	}
	if list, err := t.ledger.Approvable(ctx, c); err != nil {
		return ledger.Tally{}, err
	} else if len(list) > 0 {
		return ledger.Tally{}, fmt.Errorf("%s: %s %s speaks against it: %s", campaign, list[0].In, list[0].Rule, list[0].Why)
	}
	for _, who := range []string{demoLead, demoCounsel} {
		if err := t.did(ctx, id, candor.Action{What: candor.NoticeApproved, By: who, Details: map[string]string{"campaign": campaign, "content": c.Content()}}); err != nil {
			return ledger.Tally{}, err
		}
	}
	for _, share := range []string{"1", "all"} {
		if err := t.send(ctx, id, campaign, share); err != nil {
			return ledger.Tally{}, err
		}
	}
	if err := t.did(ctx, id, candor.Action{What: candor.NoticeDone, By: demoLead, Details: map[string]string{"campaign": campaign}}); err != nil {
		return ledger.Tally{}, err
	}
	return t.ledger.Tally(ctx, campaign)
}

// send lets a share go, and returns when it has gone.
func (t *telling) send(ctx context.Context, id, campaign, share string) error {
	if err := t.did(ctx, id, candor.Action{What: candor.NoticeStarted, By: demoLead, Details: map[string]string{"campaign": campaign, "share": share}}); err != nil {
		return err
	}
	plain := func(string) vault { return keyfile.Plain{} }
	s, err := openSending(ctx, dataFlag{t.config.Data}, plain, t.config.Notice, t.ledger, campaign, t.log)
	if err != nil {
		return err
	}
	defer s.store.Close()
	return s.run(ctx, func(sendProgress) {})
}

// did puts an action into the books.
func (t *telling) did(ctx context.Context, id string, a candor.Action, documents ...candor.Document) error {
	a.ID, a.Time, a.Incident = candor.NewID(), time.Now().UTC(), id
	return t.act(ctx, a, documents...)
}

package main

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"slices"
	"strings"
	"time"

	"candor.example/internal/delivery"
	"candor.example/internal/notice"
)

// NoticeConfig is candor.yaml's part about telling people.
type NoticeConfig struct {
	Publisher notice.Publisher        `yaml:"publisher"`
	Surfaces  map[string]notice.Words `yaml:"surfaces"`     // "GET /orders/{id}": {en: the page with your orders}
	Prevent   notice.Words            `yaml:"prevention"`   // what is changed so that it does not happen again
	Delay     notice.Words            `yaml:"delay"`        // why the notice comes late
	Police    *bool                   `yaml:"police_delay"` // whether a police investigation delayed it: California asks; nothing is said where this is missing
	Told      []RegulatorConfig       `yaml:"regulators"`   // who was told, or why nobody was
	UpdateBy  time.Time               `yaml:"update_by"`    // when what is not known now will be said
	Approvals int                     `yaml:"approvals"`    // 2, or 1 for a small shop

	Board  bool `yaml:"board"`  // people read their notices at /.well-known/candor/notices on the shop's own site
	Banner bool `yaml:"banner"` // the shop's own pages get a header where there is one that somebody has not seen

	From       string        `yaml:"from"`        // "Shop Example <service@shop.example>"
	ReturnPath string        `yaml:"return_path"` // the domain that bounces go to, such as return.shop.example
	Relays     []RelayConfig `yaml:"relays"`
	DKIM       []DKIMConfig  `yaml:"dkim"`
	Seeds      []SeedConfig  `yaml:"seeds"`
	Bounces    BouncesConfig `yaml:"bounces"`
	Store      string        `yaml:"store"` // nats://… of a JetStream that several senders share; empty: in the data folder
	Limits     LimitsConfig  `yaml:"limits"`
	MX         string        `yaml:"mx"` // "off": receivers are told apart by the address's domain, without DNS
}

// LimitsConfig is how fast notices may leave. Messages an hour; notice.Limits says what is usual.
type LimitsConfig struct {
	Start  float64       `yaml:"start"`   // to one provider, at first
	Max    float64       `yaml:"max"`     // to one provider, at most
	Total  float64       `yaml:"total"`   // to all together
	Step   time.Duration `yaml:"step"`    // how long a rate is kept before it grows
	GiveUp time.Duration `yaml:"give_up"` // how long somebody who is deferred is tried again
}

// RegulatorConfig is an authority that was told, or why none was.
type RegulatorConfig struct {
	Authority string    `yaml:"authority"`
	Law       string    `yaml:"law"`
	Filed     time.Time `yaml:"filed"`
	Reference string    `yaml:"reference"`
	Reason    string    `yaml:"reason"`
}

// RelayConfig is an SMTP server that takes notices.
type RelayConfig struct {
	Addr         string `yaml:"addr"` // host:port
	TLS          string `yaml:"tls"`  // starttls (the default), implicit, or none
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"`
	CAFile       string `yaml:"ca_file"`     // PEM of who signed its certificate; empty: the system's
	Connections  int    `yaml:"connections"` // at once
}

// DKIMConfig is one signing key (RFC 6376, RFC 8463).
type DKIMConfig struct {
	Domain   string `yaml:"domain"`
	Selector string `yaml:"selector"`
	KeyFile  string `yaml:"key_file"` // PEM: RSA or Ed25519
}

// SeedConfig is a mailbox of the publisher's own, in which a notice is looked at before anybody else gets it.
type SeedConfig struct {
	Name    string `yaml:"name"`
	Address string `yaml:"address"`
	Maildir string `yaml:"maildir"` // where its mail can be read
	Server  string `yaml:"server"`  // whose Authentication-Results are believed (authserv-id, RFC 8601)
}

func (c NoticeConfig) limits() notice.Limits {
	l := c.Limits
	return notice.Limits{Start: l.Start, Max: l.Max, Total: l.Total, Step: l.Step, GiveUp: l.GiveUp}
}

func (c NoticeConfig) lookupMX() bool { return c.MX != "off" }

// storeDir is the folder of the delivery's own journal; empty with a NATS server.
func (c NoticeConfig) storeDir(d dataFlag) string {
	if c.Store != "" {
		return ""
	}
	return d.delivery()
}

func (c NoticeConfig) relays() (list []delivery.Relay, err error) {
	if len(c.Relays) == 0 {
		return nil, errors.New("candor.yaml: notice.relays is missing: the mail server that takes the notices")
	}
	for _, r := range c.Relays {
		relay := delivery.Relay{Addr: r.Addr, TLS: delivery.TLS(r.TLS), User: r.User, Conns: r.Connections}
		if r.PasswordFile != "" {
			relay.Password = func() (string, error) { return firstLine(r.PasswordFile) }
		}
		if r.CAFile != "" {
			pem, err := os.ReadFile(r.CAFile)
			if err != nil {
				return nil, fmt.Errorf("candor.yaml: notice.relays: %w", err)
			}
			relay.Roots = x509.NewCertPool()
			if !relay.Roots.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("candor.yaml: notice.relays: %s holds no certificate in PEM", r.CAFile)
			}
		}
		list = append(list, relay)
	}
	return list, nil
}

func (c NoticeConfig) dkim() (*delivery.DKIM, error) {
	if len(c.DKIM) == 0 {
		return nil, errors.New("candor.yaml: notice.dkim is missing: without DKIM receivers take a notice for a forgery")
	}
	var keys []delivery.DKIMKey
	for _, k := range c.DKIM {
		if k.Domain != c.DKIM[0].Domain {
			return nil, errors.New("candor.yaml: notice.dkim: all keys are of one domain, that of notice.from")
		}
		key, err := k.key()
		if err != nil {
			return nil, err
		}
		keys = append(keys, delivery.DKIMKey{Selector: k.Selector, Key: key})
	}
	d, err := delivery.NewDKIM(c.DKIM[0].Domain, keys...)
	if err != nil {
		return nil, fmt.Errorf("candor.yaml: notice.dkim: %w", err)
	}
	return d, nil
}

// key is the private key.
func (k DKIMConfig) key() (crypto.Signer, error) {
	b, err := os.ReadFile(k.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("candor.yaml: notice.dkim: %w", err)
	}
	key, err := delivery.ParseDKIMKey(b)
	if err != nil {
		err = fmt.Errorf("candor.yaml: notice.dkim: %s: %w", k.KeyFile, err)
	}
	return key, err
}

func mailbox(text string) (delivery.Mailbox, error) {
	a, err := mail.ParseAddress(text)
	if err != nil {
		return delivery.Mailbox{}, errors.New("write an address such as Shop Example <service@shop.example>")
	}
	address, err := delivery.ParseAddress(a.Address)
	return delivery.Mailbox{Name: a.Name, Address: address}, err
}

// needs is how many approvals a notice needs.
func (c NoticeConfig) needs() int {
	if c.Approvals == 1 {
		return 1
	}
	return 2
}

// seeds are the names of the mailboxes that must have shown a notice before it is approved.
func (c NoticeConfig) seeds() (names []string) {
	for _, s := range c.Seeds {
		names = append(names, s.Name)
	}
	return names
}

// sound says what is missing or wrong before anything is drafted.
func (c NoticeConfig) sound() error {
	p := c.Publisher
	for _, f := range []struct{ name, value string }{{"legal_name", p.LegalName}, {"address", p.Address}, {"domain", p.Domain}, {"contact.role", p.Contact.Role}, {"contact.email", p.Contact.Email}} {
		if strings.TrimSpace(f.value) == "" {
			return fmt.Errorf("candor.yaml: notice.publisher.%s is missing: a notice must say who speaks, and whom people can ask", f.name)
		}
	}
	if _, err := time.LoadLocation(p.Zone); err != nil {
		return fmt.Errorf("candor.yaml: notice.publisher.zone: %q is no time zone such as Europe/Berlin", p.Zone)
	}
	if c.Approvals < 0 || c.Approvals > 2 {
		return errors.New("candor.yaml: notice.approvals is 1 or 2")
	}
	if err := c.soundSeeds(); err != nil {
		return err
	}
	if a, err := mail.ParseAddress(p.Contact.Email); err != nil || a.Name != "" {
		return errors.New("candor.yaml: notice.publisher.contact.email is no address such as privacy@shop.example")
	}
	return nil
}

func (c NoticeConfig) soundSeeds() error {
	seen := map[string]bool{}
	for _, s := range c.Seeds {
		if s.Name == "" || strings.ContainsAny(s.Name, " \t=,") || seen[s.Name] {
			return fmt.Errorf("candor.yaml: notice.seeds: %q: each has a name of its own, without spaces, such as gmail", s.Name)
		}
		seen[s.Name] = true
		if _, err := mailbox(s.Address); err != nil {
			return fmt.Errorf("candor.yaml: notice.seeds: %s: address: %w", s.Name, err)
		}
	}
	return nil
}

// into adds to facts what only the publisher knows.
func (c NoticeConfig) into(f *notice.Facts) {
	f.Publisher, f.Surface, f.Prevention, f.DelayReason, f.PoliceDelay, f.UpdateBy = c.Publisher, c.Surfaces[f.Route], c.Prevent, c.Delay, c.Police, c.UpdateBy
	for _, r := range c.Told {
		f.Regulators = append(f.Regulators, notice.Regulator{Authority: r.Authority, Law: r.Law, Filed: r.Filed, Reference: r.Reference, Reason: r.Reason})
	}
	slices.SortStableFunc(f.Regulators, func(a, b notice.Regulator) int { return a.Filed.Compare(b.Filed) })
}

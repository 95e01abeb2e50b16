package main

import (
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"candor.example/internal/notice"
)

// NoticeConfig is candor.yaml's part about telling people.
type NoticeConfig struct {
	Publisher notice.Publisher        `yaml:"publisher"`
	Surfaces  map[string]notice.Words `yaml:"surfaces"`   // "GET /orders/{id}": {en: the page with your orders}
	Prevent   notice.Words            `yaml:"prevention"` // what is changed so that it does not happen again
	Delay     notice.Words            `yaml:"delay"`      // why the notice comes late
	Told      []RegulatorConfig       `yaml:"regulators"` // who was told, or why nobody was
	UpdateBy  time.Time               `yaml:"update_by"`  // when what is not known now will be said
	Approvals int                     `yaml:"approvals"`  // 2, or 1 for a small shop

	From       string        `yaml:"from"`        // "Shop Example <service@shop.example>"
	ReturnPath string        `yaml:"return_path"` // the domain that bounces go to, such as return.shop.example
	Relays     []RelayConfig `yaml:"relays"`
	DKIM       []DKIMConfig  `yaml:"dkim"`
	Seeds      []SeedConfig  `yaml:"seeds"`
	Store      string        `yaml:"store"` // nats://… of a JetStream that several senders share; empty: in the data folder
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

// needs is how many approvals a notice needs.
func (c NoticeConfig) needs() int {
	if c.Approvals == 1 {
		return 1
	}
	return 2
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
	if a, err := mail.ParseAddress(p.Contact.Email); err != nil || a.Name != "" {
		return errors.New("candor.yaml: notice.publisher.contact.email is no address such as privacy@shop.example")
	}
	return nil
}

// into adds to facts what only the publisher knows.
func (c NoticeConfig) into(f *notice.Facts) {
	f.Publisher, f.Surface, f.Prevention, f.DelayReason, f.UpdateBy = c.Publisher, c.Surfaces[f.Route], c.Prevent, c.Delay, c.UpdateBy
	for _, r := range c.Told {
		f.Regulators = append(f.Regulators, notice.Regulator{Authority: r.Authority, Law: r.Law, Filed: r.Filed, Reference: r.Reference, Reason: r.Reason})
	}
	slices.SortStableFunc(f.Regulators, func(a, b notice.Regulator) int { return a.Filed.Compare(b.Filed) })
}

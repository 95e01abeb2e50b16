package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"candor.example/internal/delivery"
	"candor.example/internal/keyfile"
)

type noticeDKIMCmd struct {
	dataFlag
	configFlag
	Domain   string `placeholder:"DOMAIN" help:"The domain of the sender's address, where candor.yaml has no notice.dkim yet, such as shop.example."`
	Selector string `default:"candor" placeholder:"NAME" help:"The keys' selectors are NAME-rsa and NAME-ed25519 (default: candor)."`
	Check    bool   `help:"Ask DNS whether the records are there, and right."`
	DNS      string `name:"dns" placeholder:"HOST:PORT" help:"The DNS server to ask, such as one that has the new zone already (default: the system's)."`
	JSON     bool   `help:"Print as JSON."`
}

func (c *noticeDKIMCmd) Help() string {
	return `Receivers take mail for a forgery whose signature they cannot verify (RFC 6376, RFC 8463). An RSA key, which all of them read, and an Ed25519 one are made under
keys/ in --data where they are missing, and the records are printed that belong into the domain's DNS. With a candor.yaml that has notice.dkim, those keys are
meant, and none is made. Exit status with --check: 0 all is right, 1 something is not, 2 DNS did not answer.

  candor notice dkim --domain shop.example
  candor notice dkim --config candor.yaml --check`
}

// dkimRecord is one key's record, and what DNS has of it.
type dkimRecord struct {
	Name    string   `json:"name"`
	Strings []string `json:"strings"` // of at most 255 bytes, which a zone's file has beside each other
	KeyFile string   `json:"key_file"`
	Made    bool     `json:"made,omitempty"`  // just now
	Wrong   string   `json:"wrong,omitempty"` // with --check
	config  DKIMConfig
}

func (c *noticeDKIMCmd) Run(ctx context.Context) error {
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	list, err := c.records(config.Notice)
	if err != nil {
		return err
	}
	wrong := 0
	for i := range list {
		if err := c.check(ctx, &list[i]); err != nil {
			return err
		}
		if list[i].Wrong != "" {
			wrong++
		}
	}
	if c.JSON {
		err = printJSON(os.Stdout, list)
	} else {
		err = c.print(os.Stdout, list, len(config.Notice.DKIM) == 0)
	}
	if err == nil && wrong > 0 {
		err = errFound
	}
	return err
}

// records are those of the keys that candor.yaml names, or of a pair that lies under keys/ and is made where it is missing.
func (c *noticeDKIMCmd) records(config NoticeConfig) (list []dkimRecord, err error) {
	keys := config.DKIM
	if len(keys) == 0 {
		if c.Domain == "" {
			return nil, errors.New("--domain is missing: that of the sender's address, such as shop.example; or name keys in candor.yaml under notice.dkim")
		}
		if a, err := delivery.ParseAddress("postmaster@" + c.Domain); err != nil || a != "postmaster@"+c.Domain {
			return nil, fmt.Errorf("--domain: %q is no domain: give it in lower case and as A-labels", c.Domain)
		}
		for _, algorithm := range []string{"rsa", "ed25519"} {
			keys = append(keys, DKIMConfig{Domain: c.Domain, Selector: c.Selector + "-" + algorithm, KeyFile: filepath.Join(c.keys(), "dkim-"+algorithm+".key")})
		}
	}
	for i, k := range keys {
		r := dkimRecord{Name: delivery.DKIMName(k.Selector, k.Domain), KeyFile: k.KeyFile, config: k}
		if len(config.DKIM) == 0 {
			if r.Made, err = makeDKIM(c.dataFlag, k.KeyFile, []string{"rsa", "ed25519"}[i]); err != nil {
				return nil, err
			}
		}
		record, err := k.record()
		if err != nil {
			return nil, err
		}
		r.Strings = delivery.TXTStrings(record)
		list = append(list, r)
	}
	_, err = NoticeConfig{DKIM: keys}.dkim() // whether domain and selectors are such
	return list, err
}

// makeDKIM makes a key, unless it is there.
func makeDKIM(d dataFlag, path, algorithm string) (made bool, err error) {
	if _, err := os.Lstat(path); err == nil {
		return false, nil
	}
	secret, err := delivery.MakeDKIMKey(algorithm)
	if err != nil {
		return false, err
	}
	return true, errors.Join(makeFolder(d.keys()), (keyfile.Plain{}).Create(path, secret))
}

// record is what DNS has to say of a key.
func (k DKIMConfig) record() (string, error) {
	key, err := k.key()
	if err != nil {
		return "", err
	}
	return delivery.DKIMRecord(key)
}

// check asks DNS. That it does not answer is an error: nobody should take it for an answer.
func (c *noticeDKIMCmd) check(ctx context.Context, r *dkimRecord) error {
	if !c.Check {
		return nil
	}
	key, err := r.config.key()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if r.Wrong, err = delivery.CheckDKIMRecord(ctx, resolver(c.DNS).LookupTXT, r.Name+".", key); err != nil {
		return fmt.Errorf("DNS does not say what is at %s: %w", r.Name, err)
	}
	return nil
}

// resolver asks one DNS server; "": those of the system.
func resolver(server string) *net.Resolver {
	if server == "" {
		return net.DefaultResolver
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}}
}

func (c *noticeDKIMCmd) print(w io.Writer, list []dkimRecord, fresh bool) error {
	for _, r := range list {
		if r.Made {
			fmt.Fprintf(w, "; %s: made. Keep it where notices are sent from, and nowhere else.\n", r.KeyFile)
		}
		fmt.Fprintf(w, "%s. 3600 IN TXT ( \"%s\" )\n", r.Name, strings.Join(r.Strings, "\"\n  \""))
		switch {
		case r.Wrong != "":
			fmt.Fprintf(w, "; DNS: %s\n", clean(r.Wrong))
		case c.Check:
			fmt.Fprintln(w, "; DNS has it.")
		}
	}
	if fresh {
		fmt.Fprint(w, "\n; candor.yaml, under notice:\n;   dkim:\n")
		for _, r := range list {
			fmt.Fprintf(w, ";     - {domain: %s, selector: %s, key_file: %s}\n", r.config.Domain, r.config.Selector, r.KeyFile)
		}
	}
	return nil
}

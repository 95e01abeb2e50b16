package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/net/idna"

	"candor.example/guard"
	"candor.example/internal/policy"
	"candor.example/internal/viewer"
)

// Config is candor.yaml: everything that serve can be told. Every key may be left out; a flag given on the command line
// wins over the file.
type Config struct {
	Upstream  string   `yaml:"upstream"`  // URL of the shop, http or https
	Customers string   `yaml:"customers"` // CSV or JSON Lines: id,email,name,locale,country,phone
	Listen    string   `yaml:"listen"`    // address of the protected site
	Console   string   `yaml:"console"`   // address of the console, /metrics, /healthz, /readyz
	Data      string   `yaml:"data"`      // folder for keys, snapshot, journal and ledger
	Mode      string   `yaml:"mode"`      // observe, mask or block
	Viewer    []string `yaml:"viewer"`    // header:NAME, jwt:CLAIM, session:COOKIE, session:authorization
	WhoAmI    []string `yaml:"whoami"`    // "GET /api/me:$.user.email"

	JWT struct {
		JWKS   string   `yaml:"jwks"`   // URL or file of a JSON Web Key Set (RFC 7517)
		Key    string   `yaml:"key"`    // file with a PEM public key, or an HMAC secret
		Cookie []string `yaml:"cookie"` // cookies that may hold the token, beside Authorization: Bearer
		// Issuer and Audience, where set, must be the token's iss and one of its aud.
		Issuer   string `yaml:"issuer"`
		Audience string `yaml:"audience"`
	} `yaml:"jwt"`

	DNS   string `yaml:"dns"`   // who is asked whether a crawler is one: "system", "off", or a server's address
	Trade string `yaml:"trade"` // what the shop sells, as far as being its customer says something of a person: incident.Trades

	Policy  []Rule   `yaml:"policy"`  // who may see other people's data
	Public  []string `yaml:"public"`  // addresses, telephone numbers and names that are published on purpose
	Trusted []string `yaml:"trusted"` // networks whose forwarding and viewer headers are believed
	// PersonalFields are names of fields that hold a person's name, such as "billTo" or "ansprechpartner".
	PersonalFields []string `yaml:"personal_fields"`
	Sites          []string `yaml:"sites"`  // host names of the shop: a request for any other counts as one site, "{other}"
	Routes         []string `yaml:"routes"` // path patterns such as /shops/{shop}/orders/{id}

	Links struct {
		Mask       bool `yaml:"mask"`        // mask what is of class link, too
		MaxViewers int  `yaml:"max_viewers"` // viewers that may open one link
		MaxWalk    int  `yaml:"max_walk"`    // links of different owners that one viewer may open
	} `yaml:"links"`

	ReleaseHeader string `yaml:"release_header"` // response header that names the release
	FailClosed    bool   `yaml:"fail_closed"`    // withhold what cannot be inspected
	MaxDecoded    int64  `yaml:"max_decoded"`    // bytes to which one compressed response may decode
	MaxDocument   int64  `yaml:"max_document"`   // bytes of one PDF, office file or archive that are held to be inspected
	Compress      bool   `yaml:"compress"`       // answer with gzip whoever accepts it

	Notice NoticeConfig `yaml:"notice"` // telling people
	Report ReportConfig `yaml:"report"` // the public report

	KeepLatent bool   `yaml:"keep_latent"` // leave the cacheability of a viewer's own data as the shop says it
	Ledger     string `yaml:"ledger"`      // postgres://… instead of ledger.sqlite in the data folder

	// Trip answers a route with 503, until somebody resets it, after Count disclosures within Within. 0: never.
	Trip struct {
		Count  int           `yaml:"count"`
		Within time.Duration `yaml:"within"`
	} `yaml:"trip"`

	// Verify: who asks again for what was recorded, in 'candor incident verify'.
	Verify struct {
		Viewers []SyntheticViewer `yaml:"viewers"`
	} `yaml:"verify"`

	Journal struct {
		Sync string `yaml:"sync"` // "always" survives a power cut, "os" (the default) a kill
	} `yaml:"journal"`

	TLS struct {
		Cert string `yaml:"cert"` // PEM files; with them the protected site speaks https and HTTP/2
		Key  string `yaml:"key"`
	} `yaml:"tls"`
}

// Rule is one policy rule: whoever When (CEL) is true for may see the match, in Role.
type Rule struct {
	Name string `yaml:"name"`
	Role string `yaml:"role"`
	When string `yaml:"when"`
}

// SyntheticViewer is a customer that nobody is, with what signs them in.
type SyntheticViewer struct {
	Name     string            `yaml:"name"`
	Customer string            `yaml:"customer"` // their id in the customer file
	Headers  map[string]string `yaml:"headers"`
}

// readConfig reads a file with strict keys; errors name file, line and column. An empty path is the empty config.
func readConfig(path string) (*Config, error) {
	c := &Config{}
	if path == "" {
		return c, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: there is no such file: give --config a candor.yaml, or leave it out", path)
	} else if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return c, nil
	}
	if err := yaml.UnmarshalWithOptions(b, c, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s:%s", path, yaml.FormatError(err, false, true))
	}
	return c, nil
}

func (c *Config) rules() []policy.Rule {
	rules := make([]policy.Rule, len(c.Policy))
	for i, r := range c.Policy {
		rules[i] = policy.Rule{Name: r.Name, Role: r.Role, When: r.When}
	}
	return rules
}

func (c *Config) trusted() (guard.Trusted, error) {
	if c.Trusted == nil {
		return guard.Private, nil
	}
	var t guard.Trusted
	for i, s := range c.Trusted {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("trusted[%d]: %q is no network such as 10.0.0.0/8", i, s)
		}
		t = append(t, p)
	}
	return t, nil
}

// sites are the host names as candor.Site has them.
func (c *Config) sites() (list []string, err error) {
	for i, s := range c.Sites {
		host, err := idna.ToASCII(strings.ToLower(strings.TrimSuffix(s, ".")))
		if _, notIP := netip.ParseAddr(host); err != nil || host == "" || notIP != nil && strings.ContainsAny(host, ":/?#@*[]{} \t") {
			return nil, fmt.Errorf("sites[%d]: %q is no host name such as shop.example: leave out scheme, port and path, and name each host", i, s)
		}
		list = append(list, host)
	}
	return list, nil
}

// resolver is who verifies crawlers; nil for nobody.
func (c *Config) resolver() (*net.Resolver, error) {
	switch c.DNS {
	case "", "system":
		return net.DefaultResolver, nil
	case "off":
		return nil, nil
	}
	if addr, err := netip.ParseAddr(c.DNS); err == nil {
		return viewer.DNS(netip.AddrPortFrom(addr, 53).String()), nil
	}
	if server, err := netip.ParseAddrPort(c.DNS); err != nil || server.Port() == 0 {
		return nil, fmt.Errorf(`dns: %q is neither "system", "off" nor a server's address such as 192.0.2.53 or 192.0.2.53:5353`, c.DNS)
	}
	return viewer.DNS(c.DNS), nil
}

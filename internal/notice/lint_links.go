package notice

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// shorteners hide where a link leads.
var shorteners = []string{"bit.ly", "t.co", "tinyurl.com", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly", "lnkd.in", "cutt.ly", "rb.gy", "t.ly", "s.id"}

// trackers are parameters that tell one reader from another.
var trackers = []string{"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id", "gclid", "fbclid", "msclkid", "mc_eid", "mc_cid", "mkt_tok", "_hsenc", "_hsmi",
	"vero_id", "trk", "trkid", "cid", "uid", "rid", "recipient", "email", "e", "subscriber", "sid", "token", "click", "clickid", "ref"}

// asks are paths of pages that ask who one is.
var asks = []string{"login", "log-in", "signin", "sign-in", "logon", "password", "reset", "verify", "confirm", "unsubscribe", "anmelden", "connexion", "verification"}

// links is N19.
func (j *judge) links() {
	for _, m := range j.letter.Marks {
		if m.Rule == "N19" {
			j.mark(m)
		}
	}
	if j.lang != "" {
		j.faults("login-ask", "asks for a click or for data, as phishing does")
	}
	domain := j.domain()
	for _, l := range j.letter.Links {
		if why := faultOf(l, domain); why != "" {
			j.link(l, l.Target, why)
		}
	}
}

func (j *judge) link(l Link, text, why string) {
	part := ""
	if j.letter.Headers != nil {
		part = l.Part
	}
	j.add(Finding{Text: text, Why: why, Part: part, Line: l.Line, Column: l.Column})
}

// mark tells what was noted while the letter was read.
func (j *judge) mark(m Mark) {
	part := ""
	if j.letter.Headers != nil {
		part = "text/html"
	}
	j.add(Finding{Text: m.Text, Why: m.Why, Part: part, Line: m.Line, Column: m.Column})
}

// domain is where links may lead: the publisher's; without facts the sender's, else that of the first link.
func (j *judge) domain() string {
	if j.facts != nil {
		return j.facts.Publisher.Domain
	}
	if _, host, ok := strings.Cut(j.letter.From, "@"); ok {
		return registered(host)
	}
	for _, l := range j.letter.Links {
		if u, err := url.Parse(l.Target); err == nil && u.Host != "" {
			return registered(u.Hostname())
		}
	}
	return ""
}

// registered is the domain that somebody owns, of a host.
func registered(host string) string {
	if d, err := publicsuffix.EffectiveTLDPlusOne(ascii(host)); err == nil {
		return d
	}
	return ascii(host)
}

// ascii is a host as DNS has it (RFC 5891): what only looks like the shop's name differs there.
func ascii(host string) string {
	a, err := idna.Lookup.ToASCII(strings.TrimSuffix(host, "."))
	if err != nil {
		return strings.ToLower(host)
	}
	return a
}

// leadsTo: the domain itself or a subdomain.
func leadsTo(host, domain string) bool {
	host, domain = ascii(host), ascii(domain)
	return domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
}

// faultOf says what is wrong with a link; empty: nothing.
func faultOf(l Link, domain string) string {
	u, err := url.Parse(l.Target)
	if err != nil {
		return "this is no address"
	}
	switch strings.ToLower(u.Scheme) {
	case "mailto":
		return mailtoFault(l, u)
	case "tel":
		if digits(l.Text) != digits(u.Opaque) {
			return "what is seen is not the number that is called"
		}
		return ""
	case "https":
	case "http":
		return "it is not https"
	default:
		return "it is not a whole https address"
	}
	host := u.Hostname()
	switch {
	case u.User != nil:
		return "what stands before the @ is no host: it hides where the link leads"
	case host == "":
		return "it names no host"
	case isAddress(host):
		return "it leads to a number, not to a name"
	case slices.Contains(shorteners, strings.TrimPrefix(strings.ToLower(host), "www.")):
		return "a shortener hides where it leads"
	case domain != "" && !leadsTo(host, domain) && ascii(host) != strings.ToLower(host):
		return "its host only looks like another: it is " + ascii(host)
	case domain != "" && !leadsTo(host, domain):
		return "it leads elsewhere than " + domain
	case u.Port() != "" && u.Port() != "443":
		return "it has a port, as no shop's page does"
	}
	for key := range u.Query() {
		if slices.Contains(trackers, strings.ToLower(key)) {
			return "its parameter " + key + " tells one reader from another"
		}
	}
	for _, step := range strings.Split(strings.ToLower(u.Path), "/") {
		if slices.Contains(asks, step) {
			return "it leads to a page that asks for data"
		}
	}
	if !sameAddress(l.Text, l.Target) {
		return "what is seen is not where it leads"
	}
	return ""
}

func mailtoFault(l Link, u *url.URL) string {
	address, err := url.PathUnescape(u.Opaque)
	if err != nil || !strings.EqualFold(strings.TrimSpace(l.Text), address) {
		return "what is seen is not the address that is written to"
	}
	return ""
}

func digits(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, s)
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || strings.Trim(host, "0123456789.x") == ""
}

// sameAddress: what is seen is the target; https:// and a last slash may be left out.
func sameAddress(seen, target string) bool {
	plain := func(s string) string {
		s = strings.TrimSpace(s)
		if rest, ok := strings.CutPrefix(strings.ToLower(s), "https://"); ok {
			s = s[len(s)-len(rest):]
		}
		return strings.TrimSuffix(s, "/")
	}
	return plain(seen) == plain(target)
}

// checkable is N20.
func (j *judge) checkable() {
	if j.person != nil && j.person.Code != "" && !j.says(j.person.Code) {
		j.missing("this person's code is not in it")
	}
	for _, s := range j.main {
		if s.block.Kind != Heading && s.block.Kind != Quote && j.has(s, "check") {
			return
		}
	}
	j.missing("it does not tell how to check it without following a link")
}

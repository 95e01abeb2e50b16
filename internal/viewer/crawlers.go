package viewer

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// crawlerHosts are the domains in which the addresses of crawlers have their names, as their operators say. Marks as in docs/duties.md.
// DuckDuckGo, OpenAI, Meta and others publish addresses only: who calls itself one of theirs claims to be.
var crawlerHosts = []struct {
	names   []string
	domains []string
}{
	// developers.google.com/search/docs/advanced/crawling/verifying-googlebot [S]; googleusercontent.com is not among them: anybody can
	// rent a machine there.
	{[]string{"AdsBot-Google", "APIs-Google", "Mediapartners-Google", "Storebot-Google", "Google-InspectionTool", "GoogleOther", "Google-Read-Aloud", "FeedFetcher-Google", "Googlebot"},
		[]string{"googlebot.com", "google.com"}},
	// blogs.bing.com/webmaster/August-2012/How-to-Verify-that-Bingbot-is-Bingbot [S]
	{[]string{"bingbot", "adidxbot", "BingPreview", "MicrosoftPreview"}, []string{"search.msn.com"}},
	// support.apple.com/119829, "About Applebot" [S]
	{[]string{"Applebot"}, []string{"applebot.apple.com"}},
	// yandex.com/support/webmaster/robot-workings/check-yandex-robots [S, by lists that others made]
	{[]string{"YandexBot", "YandexImages", "YandexMobileBot"}, []string{"yandex.ru", "yandex.net", "yandex.com"}},
	// Lists that others made [S]; help.baidu.com says baidu.com and baidu.jp [M]: the narrower is taken
	{[]string{"Baiduspider"}, []string{"crawl.baidu.com", "crawl.baidu.jp"}},
	{[]string{"Slurp"}, []string{"crawl.yahoo.net"}},                    // lists that others made [S]
	{[]string{"PetalBot"}, []string{"petalsearch.com", "aspiegel.com"}}, // lists that others made [S]
	{[]string{"SeznamBot"}, []string{"seznam.cz"}},                      // o-seznam.cz/napoveda [M]
	{[]string{"Pinterestbot"}, []string{"pinterest.com"}},               // help.pinterest.com [M]
}

func domainsOf(crawler string) []string {
	for _, c := range crawlerHosts {
		if slices.Contains(c.names, crawler) {
			return c.domains
		}
	}
	return nil
}

// The limits of what strangers who claim to be crawlers can make us do.
const (
	maxAsked    = 16     // lookups under way; who comes while all are claims, and is asked about when it comes again
	maxVerdicts = 10_000 // remembered in a generation; two are kept
	maxHosts    = 4      // names of one address that are looked at
)

// How long an answer holds.
const (
	verifiedFor = 24 * time.Hour
	refutedFor  = time.Hour
	failedFor   = time.Minute // DNS did not answer
	askTimeout  = 5 * time.Second
)

// crawlers remembers which addresses are whose, and asks DNS behind the requests' backs.
type crawlers struct {
	dns   *net.Resolver
	now   func() time.Time
	ctx   context.Context
	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	asking   map[claim]bool
	verdicts map[claim]verdict
	old      map[claim]verdict // the generation before
}

// claim is an address that says whose crawler it is, by that crawler's first domain.
type claim struct {
	domain string
	addr   netip.Addr
}

type verdict struct {
	true  bool
	until time.Time
}

func newCrawlers(dns *net.Resolver, now func() time.Time) *crawlers {
	c := &crawlers{dns: dns, now: now, asking: map[claim]bool{}, verdicts: map[claim]verdict{}}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

func (c *crawlers) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.tasks.Wait()
}

// verified says what is known of a claim, and has it looked up where nothing is or the answer is old. It never waits; meanwhile an
// old answer holds only if it has not run out.
func (c *crawlers) verified(name string, addr netip.Addr) bool {
	domains := domainsOf(name)
	if domains == nil || !addr.IsValid() || addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() {
		return false
	}
	k := claim{domains[0], addr}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.known(k); ok && c.now().Before(v.until) {
		return v.true
	}
	if !c.closed && !c.asking[k] && len(c.asking) < maxAsked {
		c.asking[k] = true
		c.tasks.Go(func() { c.ask(k, domains) })
	}
	return false
}

// known must be called with mu held, like remember.
func (c *crawlers) known(k claim) (verdict, bool) {
	if v, ok := c.verdicts[k]; ok {
		return v, true
	}
	v, ok := c.old[k]
	return v, ok
}

func (c *crawlers) remember(k claim, v verdict) {
	if len(c.verdicts) >= maxVerdicts {
		c.old, c.verdicts = c.verdicts, map[claim]verdict{}
	}
	c.verdicts[k] = v
}

func (c *crawlers) ask(k claim, domains []string) {
	ctx, cancel := context.WithTimeout(c.ctx, askTimeout)
	defer cancel()
	is, err := c.lookup(ctx, k.addr, domains)
	valid := refutedFor
	switch {
	case err != nil:
		valid = failedFor
	case is:
		valid = verifiedFor
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.asking, k)
	c.remember(k, verdict{is, c.now().Add(valid)})
}

// lookup asks for the address's names, and for the addresses of those that are in the crawler's domains: only who holds the domain can
// make both agree. An error is one of DNS: nobody was refuted.
func (c *crawlers) lookup(ctx context.Context, addr netip.Addr, domains []string) (bool, error) {
	hosts, err := c.dns.LookupAddr(ctx, addr.String())
	if len(hosts) == 0 {
		return false, unlessNotFound(err)
	}
	for _, host := range hosts[:min(len(hosts), maxHosts)] {
		if !inDomains(host, domains) {
			continue
		}
		// With its dot at the end, so that no search domain of this machine is tried.
		addrs, err := c.dns.LookupNetIP(ctx, "ip", strings.TrimSuffix(host, ".")+".")
		if slices.ContainsFunc(addrs, func(a netip.Addr) bool { return a.Unmap() == addr }) {
			return true, nil
		}
		if err := unlessNotFound(err); err != nil {
			return false, err
		}
	}
	return false, nil
}

func unlessNotFound(err error) error {
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return nil
	}
	return err
}

func inDomains(host string, domains []string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return slices.ContainsFunc(domains, func(d string) bool { return strings.HasSuffix(host, "."+d) })
}

// DNS is a resolver that asks one server, such as "192.0.2.53:53", and not the system's.
func DNS(server string) *net.Resolver {
	var d net.Dialer
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, server)
	}}
}

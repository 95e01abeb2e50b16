package viewer

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// dnsServer answers PTR and A or AAAA from tables, on loopback; a name that is in neither does not exist, and "fail" makes every answer
// SERVFAIL.
type dnsServer struct {
	names map[string]string   // address to its name
	addrs map[string][]string // name to its addresses
	fail  atomic.Bool
	asked atomic.Int32
	conn  net.PacketConn
}

func startDNS(t *testing.T, s *dnsServer) *net.Resolver {
	t.Helper()
	var err error
	if s.conn, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); s.serve() }()
	t.Cleanup(func() { s.conn.Close(); <-done })
	addr := s.conn.LocalAddr().String()
	return DNS(addr)
}

func (s *dnsServer) serve() {
	buf := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		s.asked.Add(1)
		s.answer(&m)
		if out, err := m.Pack(); err == nil {
			s.conn.WriteTo(out, from)
		}
	}
}

func (s *dnsServer) answer(m *dnsmessage.Message) {
	q := m.Questions[0]
	m.Header.Response, m.Header.Authoritative, m.Header.RCode = true, true, dnsmessage.RCodeNameError
	m.Additionals = nil
	add := func(b dnsmessage.ResourceBody) {
		m.Header.RCode = dnsmessage.RCodeSuccess
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}, Body: b})
	}
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	if s.fail.Load() {
		m.Header.RCode = dnsmessage.RCodeServerFailure
		return
	}
	for addr, host := range s.names {
		if q.Type == dnsmessage.TypePTR && name == reverse(addr) {
			add(&dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(host + ".")})
		}
	}
	for _, a := range s.addrs[name] {
		m.Header.RCode = dnsmessage.RCodeSuccess
		addr := netip.MustParseAddr(a)
		if q.Type == dnsmessage.TypeA && addr.Is4() {
			add(&dnsmessage.AResource{A: addr.As4()})
		}
		if q.Type == dnsmessage.TypeAAAA && addr.Is6() {
			add(&dnsmessage.AAAAResource{AAAA: addr.As16()})
		}
	}
}

// reverse is the name under which an address's PTR stands (RFC 1035 §3.5, RFC 3596 §2.5).
func reverse(addr string) string {
	a := netip.MustParseAddr(addr)
	if a.Is4() {
		b := a.As4()
		return fmt.Sprintf("%d.%d.%d.%d.in-addr.arpa", b[3], b[2], b[1], b[0])
	}
	var parts []string
	for _, c := range a.As16() {
		parts = append([]string{fmt.Sprintf("%x.%x", c&15, c>>4)}, parts...)
	}
	return strings.Join(parts, ".") + ".ip6.arpa"
}

const googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

func TestCrawlerVerified(t *testing.T) {
	s := &dnsServer{
		names: map[string]string{
			"192.0.2.1": "crawl-192-0-2-1.googlebot.com", "192.0.2.2": "crawl-192-0-2-1.googlebot.com", "192.0.2.3": "crawl.evilgooglebot.com",
			"192.0.2.4": "googlebot.com.attacker.example", "192.0.2.6": "msnbot-192-0-2-6.search.msn.com", "2001:db8::1": "Crawl-6.GoogleBot.com",
		},
		addrs: map[string][]string{
			"crawl-192-0-2-1.googlebot.com": {"192.0.2.1"}, "crawl.evilgooglebot.com": {"192.0.2.3"}, "googlebot.com.attacker.example": {"192.0.2.4"},
			"msnbot-192-0-2-6.search.msn.com": {"192.0.2.6"}, "crawl-6.googlebot.com": {"192.0.2.9", "2001:db8::1"},
		},
	}
	r := newResolver(t, Options{DNS: startDNS(t, s)})
	for _, test := range []struct{ name, peer, agent, want string }{
		{"the real one", "192.0.2.1:1", googlebot, "crawler:Googlebot"},
		{"the real one over IPv6", "[2001:db8::1]:1", googlebot, "crawler:Googlebot"},
		{"a name that is not the address's", "192.0.2.2:1", googlebot, "claimed-crawler:Googlebot"},
		{"a domain that ends alike", "192.0.2.3:1", googlebot, "claimed-crawler:Googlebot"},
		{"a domain that begins alike", "192.0.2.4:1", googlebot, "claimed-crawler:Googlebot"},
		{"no name", "192.0.2.5:1", googlebot, "claimed-crawler:Googlebot"},
		{"another's crawler", "192.0.2.6:1", googlebot, "claimed-crawler:Googlebot"},
		{"that crawler", "192.0.2.6:1", "bingbot/2.0", "crawler:bingbot"},
		{"addresses only", "192.0.2.1:1", "DuckDuckBot/1.1", "claimed-crawler:DuckDuckBot"},
		{"a private network", "10.0.0.1:1", googlebot, "claimed-crawler:Googlebot"},
	} {
		req := get("/", "User-Agent", test.agent)
		req.RemoteAddr = test.peer
		first := r.Viewer(req)
		if first.Verified {
			t.Errorf("%s: verified without an answer", test.name)
		}
		r.crawlers.tasks.Wait()
		second := r.Viewer(req)
		if second.String() != test.want {
			t.Errorf("%s: %s, want %s", test.name, second, test.want)
		}
		if first.Digest(testKey) != second.Digest(testKey) {
			t.Errorf("%s: an answer makes another viewer of it", test.name)
		}
	}
}

func TestCrawlerRemembered(t *testing.T) {
	s := &dnsServer{names: map[string]string{"192.0.2.1": "a.googlebot.com"}, addrs: map[string][]string{"a.googlebot.com": {"192.0.2.1"}}}
	c := newClock()
	r := newResolver(t, Options{DNS: startDNS(t, s), Now: c.now})
	see := func(addr string) bool {
		req := get("/", "User-Agent", googlebot)
		req.RemoteAddr = addr + ":1"
		r.Viewer(req)
		r.crawlers.tasks.Wait()
		return r.Viewer(req).Verified
	}
	if !see("192.0.2.1") || see("192.0.2.7") {
		t.Fatal("wrong before anything is remembered")
	}
	asked := s.asked.Load()
	if !see("192.0.2.1") || see("192.0.2.7") || s.asked.Load() != asked {
		t.Error("asked again for what is known")
	}
	s.fail.Store(true)
	c.advance(verifiedFor)
	if see("192.0.2.1") {
		t.Error("verified by an answer that has run out")
	}
	s.fail.Store(false)
	c.advance(failedFor)
	if !see("192.0.2.1") {
		t.Error("a failure of DNS is held against it")
	}
}

func TestCrawlerLimits(t *testing.T) {
	c := newCrawlers(&net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done() // a server that never answers
		return nil, ctx.Err()
	}}, newClock().now)
	addr := netip.MustParseAddr("192.0.2.1")
	for range maxAsked + 1 {
		c.verified("Googlebot", addr)
		addr = addr.Next()
	}
	c.mu.Lock()
	asking := len(c.asking)
	c.mu.Unlock()
	if asking != maxAsked {
		t.Errorf("%d lookups are under way, want %d", asking, maxAsked)
	}
	c.close() // does not wait for the server
	for range 2*maxVerdicts + 1 {
		c.remember(claim{"googlebot.com", addr}, verdict{})
		addr = addr.Next()
	}
	if len(c.verdicts) > maxVerdicts || len(c.old) > maxVerdicts {
		t.Errorf("%d and %d verdicts are remembered", len(c.verdicts), len(c.old))
	}
	if c.verified("Googlebot", netip.MustParseAddr("198.51.100.1")) || len(c.asking) != 0 {
		t.Error("asks after close")
	}
}

func TestScript(t *testing.T) {
	r := newResolver(t, Options{Sources: []string{"header:x-customer"}})
	for ua, want := range map[string]string{
		"curl/8.5.0": "script:curl", "Wget/1.21": "script:Wget", "python-requests/2.31": "script:python-requests", "Go-http-client/2.0": "script:Go-http-client",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0 Safari/537.36": "script:HeadlessChrome", "Java/17.0.1": "script:Java",
		"": "script:unnamed", "node": "script:node", "okhttp/4.12": "anonymous", "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/120.0": "anonymous",
		googlebot: "claimed-crawler:Googlebot",
	} {
		if got := r.Viewer(get("/", "User-Agent", ua)); got.String() != want || got.Kind() != strings.SplitN(want, ":", 2)[0] {
			t.Errorf("%q: %s, want %s", ua, got, want)
		}
	}
	capture := get("/")
	capture.RemoteAddr = ""
	if got := r.Viewer(capture).String(); got != "anonymous" {
		t.Errorf("a capture that left User-Agent out: %s", got)
	}
	if got := r.Viewer(get("/", "User-Agent", "curl/8", "X-Customer", "1001")).String(); got != "customer:1001" {
		t.Errorf("a customer with a script: %s", got)
	}
}

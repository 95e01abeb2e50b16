package guard

import (
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Trusted are the networks from which forwarding headers and viewer headers are believed: the operator's own edge.
type Trusted []netip.Prefix

// Private trusts loopback and the private networks (RFC 1918, RFC 4193), where a shop's own edge usually stands.
var Private = Trusted{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("fc00::/7"),
}

// Contains reports whether a request's RemoteAddr lies in a trusted network.
func (t Trusted) Contains(remoteAddr string) bool {
	ap, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return false
	}
	for _, p := range t {
		if p.Contains(ap.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// NewProxy forwards to upstream, an http or https URL. It keeps the client's Host, and says who the client is in
// X-Forwarded-For, -Host, -Proto and Forwarded (RFC 7239): appended to what a trusted peer sent, or else made anew.
func NewProxy(upstream *url.URL, trusted Trusted, logger *slog.Logger) http.Handler {
	p := &proxy{upstream: upstream, trusted: trusted, log: logger, lines: newLines(upstream), transport: transport()}
	p.upgrades = &httputil.ReverseProxy{
		Rewrite:      func(pr *httputil.ProxyRequest) { p.address(pr.Out, pr.In) },
		Transport:    p.transport,
		ErrorLog:     log.New(proxyLog{logger}, "", 0),
		ErrorHandler: p.failed,
	}
	return p
}

// forwardedNode spells an address as RFC 7239 §6 wants it: IPv6 in brackets and quotes.
func forwardedNode(host string) string {
	switch {
	case host == "":
		return "unknown"
	case strings.Contains(host, ":"):
		return `"[` + host + `]"`
	}
	return host
}

// transport has no time limits of its own: a slow shop is as slow as it would be without Candor.
func transport() *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		DisableCompression:  true, // or it would ask for gzip on its own, and hide that it decoded it
		MaxIdleConns:        1024,
		MaxIdleConnsPerHost: 512,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
		WriteBufferSize:     32 << 10,
		ReadBufferSize:      32 << 10,
	}
}

// proxyLog passes the reverse proxy's own lines on. They name addresses of machines and errors of connections, no data.
type proxyLog struct{ *slog.Logger }

func (l proxyLog) Write(p []byte) (int, error) {
	l.Warn("proxy", "event", strings.TrimSpace(string(p)))
	return len(p), nil
}

var _ io.Writer = proxyLog{}

package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"sync"
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
	return &httputil.ReverseProxy{
		Rewrite:    func(pr *httputil.ProxyRequest) { rewrite(pr, upstream, trusted) },
		Transport:  transport(),
		BufferPool: &buffers{},
		ErrorLog:   log.New(proxyLog{logger}, "", 0),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
				panic(http.ErrAbortHandler) // the client is gone
			}
			logger.Error("upstream failed", "upstream", upstream.Host, "method", r.Method, "error", err)
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprintln(w, "502 Bad Gateway: the shop behind this address did not answer.")
		},
	}
}

func rewrite(pr *httputil.ProxyRequest, upstream *url.URL, trusted Trusted) {
	in, out := pr.In, pr.Out
	pr.SetURL(upstream)
	out.Host = in.Host
	out.URL.RawQuery = joinQuery(upstream.RawQuery, in.URL.RawQuery) // as it came, even where net/url would not parse it
	believed := trusted.Contains(in.RemoteAddr)
	if believed {
		out.Header["X-Forwarded-For"] = in.Header["X-Forwarded-For"]
	}
	pr.SetXForwarded()
	proto := out.Header.Get("X-Forwarded-Proto")
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v := in.Header.Get(name); v != "" && believed {
			out.Header.Set(name, v)
		}
	}
	element := fmt.Sprintf("for=%s;host=%q;proto=%s", forwardedNode(in.RemoteAddr), in.Host, proto)
	if before := strings.Join(in.Header["Forwarded"], ", "); before != "" && believed {
		element = before + ", " + element
	}
	out.Header.Set("Forwarded", element)
}

func joinQuery(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "&" + b
}

// forwardedNode spells an address as RFC 7239 §6 wants it: IPv6 in brackets and quotes.
func forwardedNode(remoteAddr string) string {
	host, _, err := net.SplitHostPort(remoteAddr)
	if err != nil {
		return "unknown"
	}
	if strings.Contains(host, ":") {
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

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

// proxyLog passes the reverse proxy's own lines on. They name addresses of machines and errors of connections, no data.
type proxyLog struct{ *slog.Logger }

func (l proxyLog) Write(p []byte) (int, error) {
	if !strings.Contains(string(p), errWithheld.Error()) {
		l.Warn("proxy", "event", strings.TrimSpace(string(p)))
	}
	return len(p), nil
}

var _ io.Writer = proxyLog{}

package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"time"
)

// proxy is httputil.ReverseProxy for the common case: the same rules, with fewer copies of headers and larger reads, which
// pay for the inspection. Requests for another protocol, which are rare, it leaves to httputil's own.
type proxy struct {
	upstream  *url.URL
	trusted   Trusted
	log       *slog.Logger
	lines     *lines // nil: transport does it all
	transport *http.Transport
	upgrades  *httputil.ReverseProxy
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isUpgrade(r.Header) {
		p.upgrades.ServeHTTP(w, r)
		return
	}
	out := p.request(w, r)
	var res *http.Response
	var err error
	if uri := out.URL.RequestURI(); p.lines.carry(out) && isPlain(uri) && isPlain(out.Host) {
		res, err = p.lines.roundTrip(r.Context(), out, uri, hint(w))
	} else {
		res, err = p.roundTrip(w, out)
	}
	if body, ok := out.Body.(*requestBody); ok {
		defer body.end()
	}
	if err != nil {
		p.failed(w, r, err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		p.failed(w, r, errUnasked)
		return
	}
	p.answer(w, res)
}

var errUnasked = errors.New("upstream switched to another protocol, and was not asked to")

// roundTrip sends a request by the Transport, which passes informational responses on from a goroutine of its own.
func (p *proxy) roundTrip(w http.ResponseWriter, out *http.Request) (*http.Response, error) {
	early := hints{pass: hint(w)}
	defer early.end()
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = []string{""} // or the transport would send its own
	}
	trace := &httptrace.ClientTrace{Got1xxResponse: early.got}
	return p.transport.RoundTrip(out.WithContext(httptrace.WithClientTrace(out.Context(), trace)))
}

// request is what is sent upstream. Behind a guard the request is a copy already, and its header is ours to change.
func (p *proxy) request(w http.ResponseWriter, r *http.Request) *http.Request {
	both := &struct {
		http.Request
		url url.URL
	}{*r, *r.URL}
	out := &both.Request
	out.URL, out.Close = &both.url, false
	if _, ours := w.(*response); !ours {
		out.Header = roomy(r.Header)
	}
	if out.Body != nil && r.ContentLength == 0 {
		out.Body = nil // or the transport could not send the request again when a kept connection turns out closed
	} else if _, watched := out.Body.(*requestBody); out.Body != nil && !watched {
		out.Body = &requestBody{ReadCloser: out.Body}
	}
	trailers := strings.Contains(strings.ToLower(strings.Join(r.Header["Te"], ",")), "trailers")
	removeHopByHop(out.Header)
	if trailers {
		out.Header["Te"] = []string{"trailers"} // RFC 9110 §10.1.4: we do pass trailers on
	}
	p.address(out, r)
	return out
}

// roomy copies a header, with room for the fields that a proxy adds.
func roomy(h http.Header) http.Header {
	c := make(http.Header, len(h)+len(forwardingFields)+1)
	maps.Copy(c, h)
	return c
}

// hopByHop are the fields of one connection (RFC 9110 §7.6.1), and those that are treated as such in practice.
var hopByHop = []string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

func removeHopByHop(h http.Header) {
	for _, v := range h["Connection"] {
		for _, name := range strings.Split(v, ",") {
			if name = textproto.TrimString(name); name != "" {
				h.Del(name)
			}
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}

// address points out, which is a copy of in, to upstream, and says in it whom it is for.
func (p *proxy) address(out, in *http.Request) {
	pr := httputil.ProxyRequest{In: in, Out: out}
	pr.SetURL(p.upstream)
	out.Host = in.Host
	out.URL.RawQuery = joinQuery(p.upstream.RawQuery, in.URL.RawQuery) // as it came, even where net/url would not parse it
	client, _, err := net.SplitHostPort(in.RemoteAddr)
	forwarded := [4]string{client, in.Host, "http", ""}
	if in.TLS != nil {
		forwarded[2] = "https"
	}
	forwarded[3] = "for=" + forwardedNode(client) + ";host=" + quoted(in.Host) + ";proto=" + forwarded[2]
	if p.trusted.Contains(in.RemoteAddr) {
		believe(&forwarded, in.Header)
	}
	list := forwarded[:] // one allocation for all
	for i, name := range forwardingFields {
		out.Header[name] = list[i : i+1 : i+1]
	}
	if err != nil {
		delete(out.Header, "X-Forwarded-For")
	}
}

var forwardingFields = [4]string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"}

// believe lets what a trusted peer said stand, and appends to its lists.
func believe(forwarded *[4]string, h http.Header) {
	for i, name := range forwardingFields {
		before := h[name]
		switch {
		case len(before) == 0 || before[0] == "":
		case i == 0 || i == 3:
			forwarded[i] = strings.Join(before, ", ") + ", " + forwarded[i]
		default:
			forwarded[i] = before[0]
		}
	}
}

// quoted is a quoted-string (RFC 9110 §5.6.4).
func quoted(s string) string {
	if strings.ContainsAny(s, `"\`) {
		s = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
	}
	return `"` + s + `"`
}

func joinQuery(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "&" + b
}

func (p *proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	if rw, ok := w.(*response); ok && rw.hijacked {
		return // there is no answering any more
	}
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	p.log.Error("upstream failed", "upstream", p.upstream.Host, "method", r.Method, "error", err)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusBadGateway)
	fmt.Fprintln(w, "502 Bad Gateway: the shop behind this address did not answer.")
}

// answer passes the response on. A body that breaks off upstream breaks off at the client.
func (p *proxy) answer(w http.ResponseWriter, res *http.Response) {
	removeHopByHop(res.Header)
	h := w.Header()
	take(h, res.Header)
	announced := len(res.Trailer)
	for name := range res.Trailer {
		h["Trailer"] = append(h["Trailer"], name)
	}
	w.WriteHeader(res.StatusCode)
	if !p.relay(w, res) {
		panic(http.ErrAbortHandler)
	}
	if len(res.Trailer) == 0 {
		return
	}
	http.NewResponseController(w).Flush() // or net/http would give a short body a length, and then no trailers
	for name, values := range res.Trailer {
		if len(res.Trailer) != announced {
			name = http.TrailerPrefix + name
		}
		h[name] = append(h[name], values...)
	}
}

// take moves fields, which nobody else has, into a response's header.
func take(h, from http.Header) {
	for name, values := range from {
		if before := h[name]; before != nil {
			values = append(before[:len(before):len(before)], values...)
		}
		h[name] = values
	}
}

// patience is how long a stream's headers wait for its first bytes. Nearly all pages send both at once, and what then is found
// can still be withheld properly.
const patience = 20 * time.Millisecond

// relay copies the body, and reports whether it was whole. What comes without a length is a stream, and each piece of it is
// flushed.
func (p *proxy) relay(w http.ResponseWriter, res *http.Response) (whole bool) {
	events := strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream")
	stream := events || res.ContentLength == -1
	l, isLine := res.Body.(*line)
	if rw, ok := w.(*response); ok && isLine && !stream {
		return p.isWhole(l.offer(rw))
	}
	pool := &smallBuffers
	if res.ContentLength > smallBuffer {
		pool = &largeBuffers
	}
	buf := pool.Get().(*[]byte)
	defer pool.Put(buf)
	if events {
		http.NewResponseController(w).Flush() // a browser's EventSource opens before there is any event
	}
	for first := !events && stream && !(isLine && l.hasMore()); ; first = false {
		n, err := read(res.Body, *buf, w, first)
		if n > 0 {
			if _, err := w.Write((*buf)[:n]); err != nil {
				return false // the client is gone, or the response was withheld
			}
			if stream {
				http.NewResponseController(w).Flush()
			}
		}
		if err != nil {
			return p.isWhole(err)
		}
	}
}

// isWhole says whether a body ended properly. That the client is gone, or the response was withheld, has been dealt with.
func (p *proxy) isWhole(err error) bool {
	if err == io.EOF {
		return true
	}
	if !errors.Is(err, context.Canceled) && err != errTaken {
		p.log.Warn("upstream broke off", "upstream", p.upstream.Host, "error", err)
	}
	return false
}

// read reads from body, and flushes w if the first piece takes long.
func read(body io.Reader, p []byte, w http.ResponseWriter, first bool) (int, error) {
	if !first {
		return body.Read(p)
	}
	var mu sync.Mutex
	arrived := false
	t := time.AfterFunc(patience, func() {
		mu.Lock()
		defer mu.Unlock()
		if !arrived {
			http.NewResponseController(w).Flush()
		}
	})
	defer t.Stop()
	n, err := body.Read(p)
	mu.Lock()
	defer mu.Unlock()
	arrived = true
	return n, err
}

// What is large comes in large pieces, which saves system calls; what is small, or a stream with an open end, must not hold
// memory that it does not need.
const (
	smallBuffer = 32 << 10
	largeBuffer = 128 << 10
)

var (
	smallBuffers = sync.Pool{New: func() any { b := make([]byte, smallBuffer); return &b }}
	largeBuffers = sync.Pool{New: func() any { b := make([]byte, largeBuffer); return &b }}
)

// hint passes informational responses on.
func hint(w http.ResponseWriter) func(int, http.Header) {
	return func(status int, header http.Header) {
		h := w.Header()
		take(h, header)
		w.WriteHeader(status)
		clear(h)
	}
}

// hints passes them on until the response itself is there.
type hints struct {
	pass func(int, http.Header)
	mu   sync.Mutex
	done bool
}

func (e *hints) got(status int, header textproto.MIMEHeader) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.done { // else the transport's goroutine is late: w belongs to the handler now
		e.pass(status, http.Header(header))
	}
	return nil
}

func (e *hints) end() {
	e.mu.Lock()
	e.done = true
	e.mu.Unlock()
}

package guard_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"candor.example/guard"
)

// The forwarder follows the rules of httputil.ReverseProxy: shop and client see the same through either.
func TestForwardsAsTheStandardProxy(t *testing.T) {
	var seen string
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = fmt.Sprint(r.Method, " ", r.RequestURI, " ", r.Host, " ", r.ContentLength, " ", r.TransferEncoding, " ", string(body), fields(r.Header))
		h := w.Header()
		h["X-Many"] = []string{"a", "b"}
		h["Connection"] = []string{"X-Hop"}
		h.Set("X-Hop", "of this connection")
		h.Set("Keep-Alive", "timeout=5")
		h.Set("Proxy-Authenticate", "Basic")
		if r.URL.Path == "/trailers" {
			h.Set("Trailer", "X-Sum")
			defer h.Set("X-Sum", "42")
			defer h.Set(http.TrailerPrefix+"X-Late", "1")
		}
		if r.URL.Path == "/none" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "short and stout")
	}))
	defer shop.Close()
	for _, base := range []string{"", "/base", "/base/?k=v"} {
		upstream, _ := url.Parse(shop.URL + base)
		ours := httptest.NewServer(guard.NewProxy(upstream, nil, slog.New(slog.DiscardHandler)))
		standard := httptest.NewServer(&httputil.ReverseProxy{Transport: guard.Transport(), Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(upstream)
			pr.Out.Host = pr.In.Host
			pr.SetXForwarded()
			pr.Out.Header.Set("Forwarded", `for=127.0.0.1;host="shop.example";proto=http`)
		}})
		for _, request := range []string{
			"GET /a HTTP/1.1\r\nHost: shop.example\r\n",
			"GET /a%2Fb//c?x=1&y=%20 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl\r\nTe: trailers, deflate\r\n",
			"HEAD /a HTTP/1.1\r\nHost: shop.example\r\nConnection: X-Mine, Te\r\nX-Mine: 1\r\nX-Other: 1\r\n",
			"GET /a HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Host: evil.example\r\nForwarded: for=evil\r\nProxy-Authorization: Basic xyz\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\n",
			"POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\nhello",
			"POST /a HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
			"PUT /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0\r\n",
			"GET /trailers HTTP/1.1\r\nHost: shop.example\r\nTe: trailers\r\n",
			"GET /none HTTP/1.1\r\nHost: shop.example\r\n",
			"GET /a HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: chat\r\n",
			"OPTIONS * HTTP/1.1\r\nHost: shop.example\r\n",
		} {
			var shopSaw, clientSaw [2]string
			for i, site := range []*httptest.Server{standard, ours} {
				clientSaw[i] = ask1(t, site.Listener.Addr().String(), request+"\r\n")
				shopSaw[i], seen = seen, ""
			}
			equal(t, base+" shop, "+request, shopSaw[1], shopSaw[0])
			equal(t, base+" client, "+request, clientSaw[1], clientSaw[0])
		}
		ours.Close()
		standard.Close()
	}
}

func fields(h http.Header) string {
	var list []string
	for name, values := range h {
		list = append(list, fmt.Sprintf("\n%s: %q", name, values))
	}
	slices.Sort(list)
	return strings.Join(list, "")
}

// ask1 is one request on one connection, as text, and all that is said in answer but the date.
func ask1(t *testing.T, addr, request string) string {
	t.Helper()
	c := dial(t, addr)
	io.WriteString(c, request)
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	res.Header.Del("Date")
	return fmt.Sprint(res.Status, res.ContentLength, res.TransferEncoding, fields(res.Header), string(body), err, fields(res.Trailer))
}

// A stream's headers come with its first bytes, or by themselves when those take long: a page that begins slowly is one.
func TestHeadersDoNotWaitForever(t *testing.T) {
	more := make(chan bool)
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Early", "1")
		w.(http.Flusher).Flush()
		<-more
		io.WriteString(w, "late")
	})
	req, _ := http.NewRequest("GET", r.site.URL, nil)
	res, err := http.DefaultTransport.RoundTrip(req) // returns while the shop waits
	close(more)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	equal(t, "early and late", []any{res.Header.Get("X-Early"), string(body), err}, "[1 late <nil>]")
}

// A stream that discloses with its first bytes is withheld with a page that says so, not cut off.
func TestBlockedStreamSaysSo(t *testing.T) {
	r := newRig(t, guard.Block, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "alice@shop.example\n")
		w.(http.Flusher).Flush()
	})
	res, body := r.get("/", "")
	equal(t, "status", res.StatusCode, 503)
	if !strings.Contains(body, "not available") {
		t.Errorf("%q", body)
	}
}

// Of an event only what may yet become an address waits, and the end of a line settles it.
func TestEventsFlow(t *testing.T) {
	pieces := make(chan string)
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		for p := range pieces {
			io.WriteString(w, p)
			w.(http.Flusher).Flush()
		}
	})
	c := dial(t, r.site.Listener.Addr().String())
	io.WriteString(c, "GET / HTTP/1.0\r\n\r\n") // HTTP/1.0: the body comes without chunks
	in := bufio.NewReader(c)
	if _, err := http.ReadResponse(in, nil); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ write, read string }{
		{"data: hello alic", "data: hello "},
		{"e, how are", "alice, how "},
		{" you", "are "},
		{"\n\n", "you\n\n"},
		{": keep-ali", ": "},
		{"ve\n", "keep-alive\n"},
		{"data: to alice@shop.exam", "data: to "},
		{"ple\n\n", "a****@s***.example\n\n"},
	} {
		pieces <- step.write
		got := make([]byte, len(step.read))
		if _, err := io.ReadFull(in, got); err != nil || string(got) != step.read {
			t.Fatalf("after %q: %q, %v; want %q", step.write, got, err, step.read)
		}
	}
	close(pieces)
	rest, _ := io.ReadAll(in)
	equal(t, "rest", string(rest), "")
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

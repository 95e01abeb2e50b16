package guard_test

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/coder/websocket"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"candor.example/guard"
)

// encode applies a content coding.
func encode(t testing.TB, coding string, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "":
		return p
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		w, _ = zstd.NewWriter(&b)
	}
	w.Write(p)
	w.Close()
	return b.Bytes()
}

func decode(t testing.TB, coding string, p []byte) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(p)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var codings = []string{"", "gzip", "deflate", "br", "zstd"}

// noise is a body that looks like addresses and encodings, and names no customer.
func noise(r *rand.Rand, n int) []byte {
	words := []string{"<p>", "nobody@else.example", "&#64;", "%40", `\u0040`, "@", "lamp ", "alice@", "@shop.example", "\n", `{"a":"b"}`, "é", "\x00\xff", "x40", "&commat;", strings.Repeat("A", 70)}
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString(words[r.IntN(len(words))])
	}
	return b.Bytes()[:n]
}

// 500 undisclosing responses are byte-identical to what upstream sent, compressed and not.
func TestByteIdentity(t *testing.T) {
	for _, mode := range []guard.Mode{guard.Observe, guard.Mask, guard.Block} {
		rnd := rand.New(rand.NewPCG(1, 2))
		var sent []byte
		var coding string
		var chunked bool
		r := newRig(t, mode, func(w http.ResponseWriter, req *http.Request) {
			chunked := chunked
			if coding != "" && strings.Contains(req.Header.Get("Accept-Encoding"), coding) {
				w.Header().Set("Content-Encoding", coding)
				sent = encode(t, coding, sent)
			}
			w.Header().Set("Etag", `"v1"`)
			if !chunked {
				w.Header().Set("Content-Length", fmt.Sprint(len(sent)))
			}
			for p := sent; len(p) > 0; {
				n := min(len(p), 1+rnd.IntN(40<<10))
				w.Write(p[:n])
				if chunked {
					w.(http.Flusher).Flush()
				}
				p = p[n:]
			}
		})
		for i := range 170 {
			sent, coding, chunked = noise(rnd, rnd.IntN(100<<10)), codings[i%len(codings)], i%2 == 0
			res, body := r.get("/", "", "Accept-Encoding", "gzip, deflate, br, zstd")
			if body != string(sent) || res.Header.Get("Etag") != `"v1"` {
				t.Fatalf("%s, response %d (%q, chunked %v): not the same bytes: %d for %d, %v", mode, i, coding, chunked, len(body), len(sent), res.Header)
			}
			if mode != guard.Observe && res.Header.Get("Content-Encoding") != "" {
				t.Fatal("identity was asked for, and", res.Header)
			}
		}
		equal(t, "recorded", r.owners(), "[]")
	}
}

// An upstream that compresses whatever one asks is decoded in mask mode, and the client gets a plain, masked page.
func TestEncodedAnyway(t *testing.T) {
	for _, coding := range codings[1:] {
		page := strings.Repeat("<p>lamp</p>\n", 5000) + "alice@shop.example" + strings.Repeat("<p>lamp</p>\n", 5000)
		r := newRig(t, guard.Mask, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", coding)
			w.Header().Set("Etag", `"v1"`)
			w.Write(encode(t, coding, []byte(page)))
		})
		res, body := r.get("/", "", "Accept-Encoding", coding)
		equal(t, coding, body == strings.Replace(page, "alice@shop", "a****@s***", 1), true)
		equal(t, coding, res.Header.Get("Content-Encoding")+res.Header.Get("Etag"), `W/"v1"`)

		observe := newRig(t, guard.Observe, r.shop.Config.Handler.ServeHTTP)
		res, body = observe.get("/", "", "Accept-Encoding", coding)
		equal(t, coding, string(decode(t, res.Header.Get("Content-Encoding"), []byte(body))) == page, true)
		equal(t, coding, observe.owners(), "[1 disclosure exposed]")
	}
}

// A client that refuses identity gets what it accepts.
func TestIdentityRefused(t *testing.T) {
	r := newRig(t, guard.Mask, say("text/html", "hello alice@shop.example"))
	res, body := r.get("/", "", "Accept-Encoding", "gzip, identity;q=0")
	equal(t, "coding", res.Header.Get("Content-Encoding"), "gzip")
	equal(t, "body", string(decode(t, "gzip", []byte(body))), "hello a****@s***.example")
}

func TestCompress(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Etag", `"v1"`)
		io.WriteString(w, "first\n")
		w.(http.Flusher).Flush()
		io.WriteString(w, "hello alice@shop.example")
	})
	r.Compress = true
	res, body := r.get("/", "", "Accept-Encoding", "gzip")
	equal(t, "headers", []string{res.Header.Get("Content-Encoding"), res.Header.Get("Vary"), res.Header.Get("Etag")}, `[gzip Accept-Encoding W/"v1"]`)
	equal(t, "body", string(decode(t, "gzip", []byte(body))), "first\nhello a****@s***.example")
	res, _ = r.get("/", "")
	equal(t, "a client that did not ask", res.Header.Get("Content-Encoding"), "")
}

func TestBrokenEncodings(t *testing.T) {
	for _, c := range []struct {
		name       string
		body       []byte
		failClosed bool
		status     int
		want       string
	}{
		{"not gzip at all", []byte("plain text"), false, 200, "plain text"},
		{"not gzip at all, closed", []byte("plain text"), true, 503, ""},
		{"empty", nil, false, 200, ""},
	} {
		for _, mode := range []guard.Mode{guard.Mask, guard.Observe} {
			r := newRig(t, mode, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				w.Write(c.body)
			})
			r.FailClosed = c.failClosed
			res, body := r.get("/", "")
			if mode == guard.Observe {
				equal(t, c.name+" observed", body, string(c.body))
				continue
			}
			equal(t, c.name, res.StatusCode, c.status)
			if c.want != "" {
				equal(t, c.name, body, c.want)
			}
		}
	}
	cut := encode(t, "gzip", bytes.Repeat([]byte("0123456789 lamp\n"), 50_000))
	cut = cut[:len(cut)/2]
	r := newRig(t, guard.Observe, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(cut)
	})
	_, body := r.get("/", "")
	equal(t, "cut off, observed", body == string(cut), true)
	equal(t, "counted", r.TakeCoverage(false)[0].Skip, guard.SkipMalformed)
}

// A gzip bomb is decoded up to the limit and no further; one that stays at the limit is inspected whole.
func TestDecodeLimit(t *testing.T) {
	page := append(bytes.Repeat([]byte(" "), 1<<20-len("alice@shop.example")), "alice@shop.example"...)
	for _, c := range []struct {
		limit int64
		want  string
		skip  string
	}{{1 << 20, "[1 disclosure exposed]", ""}, {1<<20 - 1, "[]", "limit"}} {
		r := newRig(t, guard.Observe, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(encode(t, "gzip", page))
		})
		r.MaxDecoded = c.limit
		_, body := r.get("/", "")
		equal(t, "untouched", bytes.Equal(decode(t, "gzip", []byte(body)), page), true)
		equal(t, "recorded", r.owners(), c.want)
		equal(t, "counted", r.TakeCoverage(false)[0].Skip, c.skip)
	}
}

func TestHeadNotModifiedAndEmpty(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Etag", `"v1"`)
		switch {
		case req.Header.Get("If-None-Match") == `"v1"`:
			w.WriteHeader(304)
		case req.URL.Path == "/204":
			w.WriteHeader(204)
		default:
			w.Header().Set("Content-Length", "1234")
		}
	})
	req, _ := http.NewRequest("HEAD", r.site.URL, nil)
	res, _ := r.do(req, "")
	equal(t, "HEAD", []any{res.StatusCode, res.ContentLength}, "[200 1234]")
	res, _ = r.get("/", "", "If-None-Match", `"v1"`)
	equal(t, "304", []any{res.StatusCode, res.Header.Get("Etag")}, `[304 "v1"]`)
	res, _ = r.get("/204", "")
	equal(t, "204", res.StatusCode, 204)
}

// A range of a text is asked for whole, because an address may be cut by its edge; a range of a picture passes.
func TestRange(t *testing.T) {
	page := "hello alice@shop.example, how are you?"
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		if req.URL.Path == "/photo" {
			w.Header().Set("Content-Type", "image/png")
		}
		http.ServeContent(w, req, "", time.Time{}, strings.NewReader(page))
	})
	res, body := r.get("/", "", "Range", "bytes=8-20")
	equal(t, "text", []any{res.StatusCode, body}, "[200 hello a****@s***.example, how are you?]")
	res, body = r.get("/", "", "Range", "bytes=0-3,8-20")
	equal(t, "several", []any{res.StatusCode, body}, "[200 hello a****@s***.example, how are you?]")
	res, body = r.get("/photo", "", "Range", "bytes=0-4")
	equal(t, "picture", []any{res.StatusCode, body}, "[206 hello]")
	res, _ = r.get("/", "", "Range", "bytes=900-")
	equal(t, "unsatisfiable", res.StatusCode, 416)

	o := newRig(t, guard.Observe, r.shop.Config.Handler.ServeHTTP)
	res, body = o.get("/", "", "Range", "bytes=6-23")
	equal(t, "observed", []any{res.StatusCode, body, o.owners()}, "[206 alice@shop.example [1 disclosure exposed]]")
	equal(t, "said to be partial", o.TakeCoverage(false)[0].Skip, guard.SkipPartial)
}

func TestInformational(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(103)
		w.Header().Set("Link", "</alice@shop.example>; rel=author")
		w.WriteHeader(103)
		w.Header().Del("Link")
		io.WriteString(w, "done")
	})
	var hints []string
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprint(code, " ", h.Get("Link")))
		return nil
	}})
	req, _ := http.NewRequestWithContext(ctx, "GET", r.site.URL, nil)
	_, body := r.do(req, "")
	equal(t, "hints", hints, "[103 </a.css>; rel=preload 103 </a****@s***.example>; rel=author]")
	equal(t, "body", body, "done")
}

func TestTrailers(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum, X-User")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "42")
		w.Header().Set("X-User", "alice@shop.example")
	})
	res, body := r.get("/", "")
	equal(t, "trailers", []string{body, res.Trailer.Get("X-Sum"), res.Trailer.Get("X-User")}, "[body 42 a****@s***.example]")
}

func TestWebSocketPasses(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		c, err := websocket.Accept(w, req, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		kind, p, err := c.Read(req.Context())
		if err == nil {
			c.Write(req.Context(), kind, append([]byte("echo "), p...))
		}
	})
	c, _, err := websocket.Dial(t.Context(), r.site.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.Write(t.Context(), websocket.MessageText, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	_, p, err := c.Read(t.Context())
	equal(t, "answer", []any{string(p), err}, "[echo hi <nil>]")
}

// Each event of a stream reaches the client when it is sent, and its addresses are masked.
func TestServerSentEvents(t *testing.T) {
	for _, compress := range []bool{false, true} {
		next := make(chan string)
		r := newRig(t, guard.Mask, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.(http.Flusher).Flush()
			for s := range next {
				fmt.Fprintf(w, "data: %s\n\n", s)
				w.(http.Flusher).Flush()
			}
		})
		r.Compress = compress
		req, _ := http.NewRequest("GET", r.site.URL, nil)
		if compress {
			req.Header.Set("Accept-Encoding", "gzip")
		}
		res, err := http.DefaultTransport.RoundTrip(req) // returns on the first flush, before any event
		if err != nil {
			t.Fatal(err)
		}
		body := io.Reader(res.Body)
		for i, s := range []string{"one", "alice@shop.example", "three"} {
			next <- s
			if i == 0 && compress {
				if body, err = gzip.NewReader(res.Body); err != nil {
					t.Fatal(err)
				}
			}
			if i == 0 {
				body = bufio.NewReader(body)
			}
			line, err := body.(*bufio.Reader).ReadString('\n')
			body.(*bufio.Reader).ReadString('\n')
			if err != nil || line != "data: "+strings.Replace(s, "alice@shop", "a****@s***", 1)+"\n" {
				t.Errorf("%q, %v", line, err)
			}
		}
		close(next)
		res.Body.Close()
	}
}

// Real shops send a Content-Length some bytes larger than the body: what arrived is inspected and passed on.
func TestLyingContentLength(t *testing.T) {
	for _, mode := range []guard.Mode{guard.Observe, guard.Mask} {
		r := newRig(t, mode, nil)
		raw := rawServer(t, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 40\r\n\r\nhello alice@shop.example")
		u, _ := url.Parse("http://" + raw)
		r.site.Config.Handler = r.Handler(guard.NewProxy(u, guard.Private, r.Log))
		req, _ := http.NewRequest("GET", r.site.URL, nil)
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		want := map[guard.Mode]string{guard.Observe: "hello alice@shop.example", guard.Mask: "hello a****@s***.example"}[mode]
		equal(t, string(mode), []any{string(body), err}, []any{want, io.ErrUnexpectedEOF})
		equal(t, "recorded", len(r.owners()), 1)
	}
}

// rawServer answers every connection with the same bytes, then closes it.
func rawServer(t *testing.T, answer string) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				http.ReadRequest(bufio.NewReader(c))
				io.WriteString(c, answer)
				c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func TestUpstreamTrouble(t *testing.T) {
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	down := "http://" + l.Addr().String()
	l.Close()
	for name, upstream := range map[string]string{
		"down":             down,
		"resets at once":   "http://" + rawServer(t, ""),
		"speaks nothing":   "http://" + rawServer(t, "\x16\x03\x01 not HTTP at all\r\n\r\n"),
		"upgrades unasked": "http://" + rawServer(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nalice@shop.example"),
	} {
		r := newRig(t, guard.Mask, nil)
		u, _ := url.Parse(upstream)
		r.site.Config.Handler = r.Handler(guard.NewProxy(u, guard.Private, r.Log))
		res, body := r.get("/", "")
		equal(t, name, res.StatusCode, 502)
		if !strings.Contains(body, "did not answer") {
			t.Errorf("%s: %q", name, body)
		}
	}
	// Resetting in the middle of a chunked body: the client sees the beginning and then the break.
	r := newRig(t, guard.Mask, nil)
	u, _ := url.Parse("http://" + rawServer(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
	r.site.Config.Handler = r.Handler(guard.NewProxy(u, guard.Private, r.Log))
	req, _ := http.NewRequest("GET", r.site.URL, nil)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	equal(t, "mid-body", []any{string(body), err}, []any{"hello", io.ErrUnexpectedEOF})
}

func TestForwardingHeaders(t *testing.T) {
	headers := func(trusted guard.Trusted, header ...string) http.Header {
		var got http.Header
		var host string
		shop := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, host = r.Header, r.Host }))
		defer shop.Close()
		u, _ := url.Parse(shop.URL)
		r := newRig(t, guard.Mask, nil)
		r.site.Config.Handler = r.Handler(guard.NewProxy(u, trusted, r.Log))
		req, _ := http.NewRequest("GET", r.site.URL+"/a;b?x=1;y=2&%zz", nil)
		req.Host = "www.shop.example"
		r.do(req, "", header...)
		got.Set("Host", host)
		return got
	}
	h := headers(guard.Private)
	for name, want := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "www.shop.example", "X-Forwarded-Proto": "http",
		"Forwarded": `for=127.0.0.1;host="www.shop.example";proto=http`, "Host": "www.shop.example"} {
		equal(t, name, h.Get(name), want)
	}
	edge := []string{"X-Forwarded-For", "203.0.113.9", "X-Forwarded-Host", "shop.example", "X-Forwarded-Proto", "https", "Forwarded", "for=203.0.113.9;proto=https"}
	h = headers(guard.Private, edge...)
	for name, want := range map[string]string{"X-Forwarded-For": "203.0.113.9, 127.0.0.1", "X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "https",
		"Forwarded": `for=203.0.113.9;proto=https, for=127.0.0.1;host="www.shop.example";proto=http`} {
		equal(t, "from a trusted edge, "+name, h.Get(name), want)
	}
	h = headers(nil, edge...)
	equal(t, "from a stranger", []string{h.Get("X-Forwarded-For"), h.Get("X-Forwarded-Proto")}, "[127.0.0.1 http]")
}

func TestHTTP2(t *testing.T) {
	r := newRig(t, guard.Mask, say("text/html", "hello alice@shop.example"))
	r.site.Close()
	r.site = httptest.NewUnstartedServer(r.site.Config.Handler)
	r.site.EnableHTTP2 = true
	r.site.StartTLS()
	defer r.site.Close()
	res, err := r.site.Client().Get(r.site.URL)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	equal(t, "over TLS", []any{res.ProtoMajor, string(body)}, "[2 hello a****@s***.example]")

	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	plain := httptest.NewUnstartedServer(r.site.Config.Handler)
	plain.Config.Protocols = &h2c
	plain.Start()
	defer plain.Close()
	res, err = (&http.Client{Transport: &http.Transport{Protocols: &h2c, TLSClientConfig: &tls.Config{}}}).Get(plain.URL)
	if err != nil {
		t.Fatal(err)
	}
	body, _ = io.ReadAll(res.Body)
	equal(t, "without", []any{res.ProtoMajor, string(body)}, "[2 hello a****@s***.example]")
}

// A line of 300 MB flows through in constant memory.
func TestHugeLine(t *testing.T) {
	const size = 300 << 20
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		chunk := bytes.Repeat([]byte("abcdefghijklmnopqrstuvwxyz012345"), 1<<10)
		for range size / len(chunk) {
			w.Write(chunk)
		}
		io.WriteString(w, `","alice@shop.example"}`)
	})
	res, err := http.Get(r.site.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	tail := make([]byte, 0, 64<<10)
	buf := make([]byte, 32<<10)
	for {
		n, err := res.Body.Read(buf)
		tail = append(tail, buf[:n]...)
		tail = append(tail[:0], tail[max(0, len(tail)-64):]...)
		if err != nil {
			break
		}
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 64<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	if !strings.HasSuffix(string(tail), `","a****@s***.example"}`) {
		t.Errorf("%q", tail[max(0, len(tail)-60):])
	}
}

// The handler that a shop written in Go wraps its own with.
func ExampleGuard_Handler() {
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })
	g := guard.Guard{Key: []byte("32 random bytes"), Log: slog.New(slog.DiscardHandler)}
	w := httptest.NewRecorder()
	g.Handler(shop).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Body)
	// Output: hello
}

package guard_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"candor.example"
	"candor.example/guard"
)

// talk is a shop that speaks WebSocket; its handler says what it likes.
func talk(options *websocket.AcceptOptions, say func(context.Context, *websocket.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, options)
		if err != nil {
			return
		}
		defer c.CloseNow()
		say(r.Context(), c)
		c.Close(websocket.StatusNormalClosure, "")
	}
}

// listen connects to the protected site and returns the messages that come, with how it ended.
func (r *rig) listen(options *websocket.DialOptions, send ...string) (got []string, status websocket.StatusCode) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, r.site.URL, options)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	for _, s := range send {
		if err := c.Write(ctx, websocket.MessageText, []byte(s)); err != nil {
			r.t.Fatal(err)
		}
	}
	for {
		_, p, err := c.Read(ctx)
		if err != nil {
			return got, websocket.CloseStatus(err)
		}
		got = append(got, string(p))
	}
}

func messages(list ...string) func(context.Context, *websocket.Conn) {
	return func(ctx context.Context, c *websocket.Conn) {
		for _, m := range list {
			c.Write(ctx, websocket.MessageText, []byte(m))
		}
	}
}

func TestWebSocketMessages(t *testing.T) {
	big := strings.Repeat("lamp ", 50_000)
	list := []string{"hello", `{"mail":"alice@shop.example"}`, "", `{"mail":"alice\u0040shop.example"}`, big + "bob@shop.example " + big, "günstig nobody@shop.example"}
	masked := fmt.Sprint([]string{"hello", `{"mail":"a****@s***.example"}`, "", `{"mail":"a****\u0040s***.example"}`, big + "b**@s***.example " + big, list[5]})
	for _, c := range []struct {
		mode         guard.Mode
		got, owners  string
		status       websocket.StatusCode
		uncompressed bool
	}{
		{guard.Mask, masked, "[1 disclosure prevented 2 disclosure prevented]", websocket.StatusNormalClosure, false},
		{guard.Observe, fmt.Sprint(list), "[1 disclosure exposed 2 disclosure exposed]", websocket.StatusNormalClosure, false},
		{guard.Block, "[hello]", "[1 disclosure prevented]", websocket.StatusPolicyViolation, false},
	} {
		for _, compress := range []websocket.CompressionMode{websocket.CompressionDisabled, websocket.CompressionContextTakeover, websocket.CompressionNoContextTakeover} {
			r := newRig(t, c.mode, talk(&websocket.AcceptOptions{CompressionMode: compress, CompressionThreshold: 1}, messages(list...)))
			got, status := r.listen(&websocket.DialOptions{CompressionMode: compress})
			name := fmt.Sprint(c.mode, " ", compress)
			equal(t, name, fmt.Sprint(got) == c.got, true)
			equal(t, name, []any{r.owners(), status}, []any{c.owners, c.status})
		}
	}
}

// A handler written in Go that takes over the connection itself is inspected, too.
func TestWebSocketOfAWrappedHandler(t *testing.T) {
	r := newRig(t, guard.Mask, nil)
	r.site.Config.Handler = r.Handler(talk(nil, messages("hello alice@shop.example")))
	got, _ := r.listen(nil)
	equal(t, "masked", got, "[hello a****@s***.example]")
}

// What a client has said in earlier messages it may see again; what it has not said it may not.
func TestWebSocketEcho(t *testing.T) {
	for _, compress := range []websocket.CompressionMode{websocket.CompressionDisabled, websocket.CompressionContextTakeover} {
		for _, mode := range []guard.Mode{guard.Observe, guard.Mask} {
			r := newRig(t, mode, talk(&websocket.AcceptOptions{CompressionMode: compress, CompressionThreshold: 1}, func(ctx context.Context, c *websocket.Conn) {
				for range 2 {
					c.Read(ctx)
				}
				messages("found alice@shop.example", "and bob@shop.example")(ctx, c)
			}))
			got, _ := r.listen(&websocket.DialOptions{CompressionMode: compress, CompressionThreshold: 1}, "hello there hello there", `{"find":"ALICE\u0040shop.example"}`)
			want, outcome := "and b**@s***.example", "[2 disclosure prevented]"
			if mode == guard.Observe {
				want, outcome = "and bob@shop.example", "[2 disclosure exposed]"
			}
			equal(t, fmt.Sprint(mode, compress), got, []string{"found alice@shop.example", want})
			equal(t, fmt.Sprint(mode, compress), r.owners(), outcome)
		}
	}
}

func TestWebSocketCoverage(t *testing.T) {
	r := newRig(t, guard.Mask, talk(nil, func(ctx context.Context, c *websocket.Conn) {
		messages("hello", "alice@shop.example")(ctx, c)
		c.Write(ctx, websocket.MessageBinary, []byte("\x00alice@shop.example"))
	}))
	got, _ := r.listen(nil)
	equal(t, "binary passes", got[2], "\x00alice@shop.example")
	sums := map[string]string{}
	for _, c := range r.TakeCoverage(false) {
		sums[c.Route+" "+string(c.Skip)] = fmt.Sprintf("%d %d", c.Responses, c.Bytes)
	}
	equal(t, "coverage", sums, map[string]string{"GET / ": "3 23", "GET / websocket-binary": "1 19"}) // the answer 101 and two messages
}

// The disclosure is on record before a byte of its frame leaves, and what cannot be recorded does not leave.
func TestWebSocketEvidenceFirst(t *testing.T) {
	for _, compress := range []websocket.CompressionMode{websocket.CompressionDisabled, websocket.CompressionContextTakeover} {
		r := newRig(t, guard.Observe, talk(&websocket.AcceptOptions{CompressionMode: compress, CompressionThreshold: 1}, messages("hello alice@shop.example", "more")))
		r.onRecord = func([]candor.Disclosure) error { return errors.New("disk full") }
		got, status := r.listen(&websocket.DialOptions{CompressionMode: compress})
		if compress == websocket.CompressionDisabled {
			equal(t, "masked", got, "[hello a****@s***.example more]")
		} else {
			equal(t, "ended", []any{got, status}, []any{[]string(nil), websocket.StatusPolicyViolation})
		}
	}
}

// raw is a client that speaks frames with a shop that writes what the test likes after its 101.
func (r *rig) raw() (client net.Conn, in *bufio.Reader) {
	r.t.Helper()
	client, err := net.Dial("tcp", r.site.Listener.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { client.Close() })
	client.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(client, "GET /feed HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	in = bufio.NewReader(client)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != 101 {
		r.t.Fatal(res, err)
	}
	return client, in
}

// rawTalk answers 101 and writes each piece when the test hands it over; it closes at the end.
func rawTalk(pieces <-chan string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, b, _ := w.(http.Hijacker).Hijack()
		defer c.Close()
		io.WriteString(b, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-User: carol@shop.example\r\n\r\n")
		b.Flush()
		for p := range pieces {
			io.WriteString(c, p)
		}
	}
}

// serverFrame is a server's frame of fewer than 64 KiB.
func serverFrame(first byte, payload string) string {
	if n := len(payload); n > 125 {
		return string([]byte{first, 126, byte(n >> 8), byte(n)}) + payload
	}
	return string([]byte{first, byte(len(payload))}) + payload
}

// Frames come as they went, whatever the pieces: fragments, control frames between them, and 64-bit lengths.
func TestWebSocketFrames(t *testing.T) {
	ping := serverFrame(0x89, "are you there")
	huge := strings.Repeat("x", 1<<16)
	stream := serverFrame(0x01, "to ali") + ping + serverFrame(0x00, "") + serverFrame(0x80, "ce@shop.example.") +
		serverFrame(0x81, "bob@shop.example") + serverFrame(0x82, "alice@shop.example") + ping +
		"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + huge + serverFrame(0x88, "\x03\xe8")
	want := strings.NewReplacer("to ali", "to a**", "ce@shop.example.", "**@s***.example.", "bob@shop.example", "b**@s***.example").Replace(stream)
	for _, size := range []int{1, 2, 3, 7, 16, 100, 1 << 20} {
		if size < 7 && testing.Short() {
			continue
		}
		pieces := make(chan string)
		r := newRig(t, guard.Mask, rawTalk(pieces))
		_, in := r.raw()
		go func() {
			defer close(pieces)
			for p := stream; len(p) > 0; p = p[min(size, len(p)):] {
				if len(p) < len(stream)-400 && len(p) > 200 {
					pieces <- p[:len(p)-200] // the middle of the huge one in one piece
					p = p[len(p)-200:]
				}
				pieces <- p[:min(size, len(p))]
			}
		}()
		got, err := io.ReadAll(in)
		equal(t, fmt.Sprint("pieces of ", size), []any{string(got) == want, err}, "[true <nil>]")
		if string(got) != want {
			t.Logf("%.300q\n%.300q", got, want)
		}
	}
}

// A piece of a message that cannot become an identifier leaves at once, and a tail as soon as it is decided; a control frame
// waits behind it.
func TestWebSocketFlows(t *testing.T) {
	pieces := make(chan string)
	r := newRig(t, guard.Mask, rawTalk(pieces))
	_, in := r.raw()
	defer close(pieces)
	first, ping, last := serverFrame(0x01, "hello there ali"), serverFrame(0x89, ""), serverFrame(0x80, "ce, how are you?")
	for _, step := range []struct{ write, read string }{
		{first, first[:len(first)-3]},
		{ping, ""},
		{last, "ali" + ping + last},
		{serverFrame(0x01, "bob@shop"), "\x01\x08"[:0]},
		{serverFrame(0x80, ".example"), serverFrame(0x01, "b**@s***") + serverFrame(0x80, ".example")},
	} {
		pieces <- step.write
		got := make([]byte, len(step.read))
		_, err := io.ReadFull(in, got)
		equal(t, fmt.Sprintf("%q", step.write), []any{string(got), err}, []any{step.read, nil})
	}
}

// What a browser would not accept does not get through us in a form that we read differently. In Observe it passes, counted.
func TestWebSocketViolations(t *testing.T) {
	for name, bad := range map[string]string{
		"masked by the server":   "\x81\x85\x00\x00\x00\x00hello",
		"unknown opcode":         serverFrame(0x83, "hello"),
		"unknown control opcode": serverFrame(0x8b, "hello"),
		"reserved bit":           serverFrame(0xa1, "hello"),
		"not negotiated":         serverFrame(0xc1, "hello"),
		"fragmented ping":        serverFrame(0x09, "hello"),
		"long ping":              serverFrame(0x89, strings.Repeat("x", 126)),
		"length not minimal":     "\x81\x7e\x00\x05hello",
		"64 bits not minimal":    "\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff" + strings.Repeat("x", 0xffff),
		"length of 2^63":         "\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00hello",
		"continues nothing":      serverFrame(0x80, "hello"),
		"begins in the middle":   serverFrame(0x01, "hello") + serverFrame(0x81, "hello"),
	} {
		for _, mode := range []guard.Mode{guard.Mask, guard.Observe} {
			pieces := make(chan string, 2)
			r := newRig(t, mode, rawTalk(pieces))
			_, in := r.raw()
			pieces <- serverFrame(0x81, "fine") + bad + "alice@shop.example"
			close(pieces)
			got, _ := io.ReadAll(in)
			if mode == guard.Observe {
				equal(t, name+", observed", string(got), serverFrame(0x81, "fine")+bad+"alice@shop.example")
			} else if !bytes.HasPrefix(got, []byte(serverFrame(0x81, "fine"))) || !bytes.HasSuffix(got, []byte("\x88\x02\x03\xea")) || bytes.Contains(got, []byte("alice")) {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
}

// What waits has an end: empty frames and pings behind a tail.
func TestWebSocketWaitingIsBounded(t *testing.T) {
	pieces := make(chan string)
	r := newRig(t, guard.Mask, rawTalk(pieces))
	_, in := r.raw()
	defer close(pieces)
	frame, ping := serverFrame(0x01, "ali"), serverFrame(0x89, strings.Repeat("x", 125))
	pieces <- frame
	for sent := len(frame); sent <= 64<<10; sent += len(ping) {
		pieces <- ping
	}
	got := make([]byte, len(frame)+len(ping))
	_, err := io.ReadFull(in, got)
	equal(t, "all comes", []any{string(got), err}, []any{frame + ping, nil})
}

// A header of the answer is inspected when the connection is proxied.
func TestWebSocketAnswer(t *testing.T) {
	pieces := make(chan string)
	close(pieces)
	r := newRig(t, guard.Mask, rawTalk(pieces))
	r.raw()
	equal(t, "recorded", r.owners(), "[3 disclosure prevented]")
	b := newRig(t, guard.Block, r.shop.Config.Handler.ServeHTTP)
	client, _ := net.Dial("tcp", b.site.Listener.Addr().String())
	defer client.Close()
	io.WriteString(client, "GET /feed HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	got, _ := io.ReadAll(client)
	equal(t, "blocked", string(got), "")
}

// Another protocol passes unread, and is counted.
func TestOtherProtocolsPass(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, _ *http.Request) {
		c, b, _ := w.(http.Hijacker).Hijack()
		defer c.Close()
		io.WriteString(b, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello alice@shop.example")
		b.Flush()
	})
	done, inner := make(chan bool), r.site.Config.Handler
	r.site.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		defer close(done)
		inner.ServeHTTP(w, req)
	})
	client, _ := net.Dial("tcp", r.site.Listener.Addr().String())
	defer client.Close()
	io.WriteString(client, "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
	got, _ := io.ReadAll(client)
	if !strings.HasSuffix(string(got), "hello alice@shop.example") {
		t.Errorf("%q", got)
	}
	client.Close()
	<-done
	equal(t, "counted", r.TakeCoverage(false)[0].Skip, guard.SkipUpgrade)
}

package guard_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"

	"candor.example/guard"
)

const chatPage = `<!doctype html><title>chat</title><p id="said"></p><script>
const said = [];
const socket = new WebSocket(location.href.replace("http", "ws") + "feed");
socket.onopen = () => socket.send("find carol" + "@shop.example");
socket.onmessage = e => said.push(e.data);
socket.onclose = e => {
	said.push(e.code);
	const events = new EventSource("/events");
	events.onmessage = e => { said.push(e.data); events.close(); document.title = said.join(" | "); };
};
</script>`

// A real browser, which offers compression and is strict about frames, at a shop that speaks WebSocket and sends events.
func TestChromium(t *testing.T) {
	const chromium = "/usr/bin/chromium"
	if _, err := os.Stat(chromium); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is missing: apt-get install -y chromium")
		}
		t.Skip("chromium is missing: apt-get install -y chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox)
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	defer stop()
	ctx, stop = chromedp.NewContext(ctx)
	defer stop()
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil { // the first call starts the browser, and must not have a timeout
		t.Fatal(err)
	}
	ctx, stop = context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	chat := talk(&websocket.AcceptOptions{CompressionMode: websocket.CompressionContextTakeover, CompressionThreshold: 1}, func(ctx context.Context, c *websocket.Conn) {
		c.Read(ctx)
		messages("found carol@shop.example", "hello, hello", "and alice@shop.example", "bye")(ctx, c)
	})
	for mode, want := range map[guard.Mode]string{
		guard.Observe: "found carol@shop.example | hello, hello | and alice@shop.example | bye | 1000 | bob@shop.example",
		guard.Mask:    "found carol@shop.example | hello, hello | and a****@s***.example | bye | 1000 | b**@s***.example",
		guard.Block:   "found carol@shop.example | hello, hello | 1008 | it is gone",
	} {
		r := newRig(t, mode, func(w http.ResponseWriter, req *http.Request) {
			switch req.URL.Path {
			case "/feed":
				chat(w, req)
			case "/events":
				w.Header().Set("Content-Type", "text/event-stream")
				fmt.Fprintf(w, "data: %s\n\n", map[bool]string{true: "it is gone", false: "bob@shop.example"}[mode == guard.Block])
			default:
				w.Header().Set("Content-Type", "text/html")
				io.WriteString(w, chatPage)
			}
		})
		err := chromedp.Do(ctx, chromedp.Navigate(r.site.URL+"/"))
		if err == nil {
			_, err = chromedp.Run(ctx, chromedp.Poll[bool](`document.title != "chat"`))
		}
		if err != nil {
			t.Fatal(mode, err)
		}
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.title`))
		equal(t, string(mode), []any{got, err}, []any{want, nil})
	}
}

package noticeboard

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"candor.example/internal/notice"
)

// browser is a real one on the shop's own site. What it complains of, a violation of the policy or an error, fails the test.
type browser struct {
	*rig
	ctx context.Context
}

func newBrowser(t *testing.T) *browser {
	chromium := "/usr/bin/chromium"
	if _, err := os.Stat(chromium); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is missing: apt-get install -y chromium")
		}
		t.Skip("chromium is missing: apt-get install -y chromium")
	}
	b := &browser{rig: newRig(t)}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b.must(chromedp.Do(ctx, chromedp.Navigate("about:blank"))) // the first call starts the browser, and must not have a timeout
	b.ctx, stop = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(stop)
	b.must(chromedp.Listen(b.ctx, func(e any) {
		switch e := e.(type) {
		case *log.EventEntryAdded:
			t.Errorf("browser: %s %s", e.Entry.Text, e.Entry.URL)
		case *runtime.EventExceptionThrown:
			t.Errorf("browser: %s", e.ExceptionDetails.Text)
		}
	}))
	_, err := chromedp.Call(b.ctx, log.Enable, cdp.Empty{})
	b.must(err)
	return b
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.must(chromedp.Do(b.ctx, actions...))
}

// as is who is signed in from now on, and which language their browser asks for.
func (b *browser) as(viewer, lang string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"X-Viewer": viewer, "Accept-Language": lang, "X-Net": viewer + lang}})
	b.must(err)
}

func (b *browser) open() {
	b.t.Helper()
	b.do(chromedp.Navigate(b.site.URL+notices), chromedp.WaitReady("#code"))
}

// submit fills in a part of the page, presses its button, and waits for the answer there.
func (b *browser) submit(fill, part string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`(() => { `+fill+`; document.querySelector("`+part+` button").click(); return true })()`))
	b.must(err)
	b.do(chromedp.WaitReady(part + " .answer"))
}

func (b *browser) text(selector string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.querySelector("`+selector+`").innerText`))
	b.must(err)
	return s
}

// look fails where a page has to be scrolled sideways or something to press is too small (WCAG 2.2, 1.4.10 and 2.5.8), and leaves a screenshot in
// the folder that CANDOR_SCREENSHOTS names.
func (b *browser) look(name string) {
	b.t.Helper()
	over, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`))
	if b.must(err); over > 0 {
		b.t.Errorf("%s is %d pixels too wide", name, over)
	}
	small, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`[...document.querySelectorAll("button, input:not([type=hidden]):not([type=radio]), label.choice")].filter((e) => e.getBoundingClientRect().height < 24).length`))
	if b.must(err); small > 0 {
		b.t.Errorf("%s: %d things to press are too small", name, small)
	}
	dir := os.Getenv("CANDOR_SCREENSHOTS")
	if dir == "" {
		return
	}
	image, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	b.must(err)
	b.must(os.WriteFile(filepath.Join(dir, "site-"+name+".png"), image, 0o644))
}

// The page at phone's and desk's width, by day and by night, in every language; and what people do there. Its policy lets no script run.
func TestInChromium(t *testing.T) {
	b := newBrowser(t)
	b.tell("c1", notice.Affected, "all")
	b.tell("v1", notice.Viewers, "all")
	b.deliver(0, notice.Intended, notice.Took)
	_, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{})
	b.must(err)
	for _, viewer := range []string{"ada", "vera", "nina"} {
		for _, width := range []int64{390, 1280} {
			for _, scheme := range []string{"light", "dark"} {
				_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
				b.must(err)
				b.as(viewer, "en")
				b.do(chromedp.EmulateViewport(width, 900))
				b.open()
				b.look(fmt.Sprintf("%s-%d-%s", viewer, width, scheme))
			}
		}
	}
	b.do(chromedp.EmulateViewport(320, 700))
	for _, lang := range notice.Languages {
		for _, viewer := range []string{"ada", "vera", "nina"} {
			b.as(viewer, lang)
			b.open()
			b.look(fmt.Sprintf("%s-320-%s", viewer, lang))
		}
	}
	b.as("ada", "en-GB")
	b.open()
	b.submit(`document.querySelector("#code").value = "7kq2 m4xd 9rto"`, "section")
	contains(t, b.text("section .answer"), "Yes. We sent a notice with this code")
	b.look("checked-320")
	b.as("vera", "en-US")
	b.open()
	b.submit(`document.querySelector("input[value=none]").click()`, "article")
	contains(t, b.text("article .answer"), "I did not keep anything.")
	b.look("answered-320")
	if len(b.answers) != 1 {
		t.Error(b.answers)
	}
}

package noticeboard

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"candor.example/internal/notice"
	"candor.example/internal/testpart"
)

// TestMain stops the browser that the tests shared.
func TestMain(m *testing.M) { os.Exit(testpart.Main(m)) }

// browser is a real one on the shop's own site.
type browser struct {
	*rig
	*testpart.Browser
}

func newBrowser(t *testing.T) *browser {
	return &browser{rig: newRig(t), Browser: testpart.Chromium(t, 2*time.Minute, nil)}
}

// as is who is signed in from now on, and which language their browser asks for.
func (b *browser) as(viewer, lang string) {
	b.t.Helper()
	_, err := chromedp.Call(b.Ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"X-Viewer": viewer, "Accept-Language": lang, "X-Net": viewer + lang}})
	b.Must(err)
}

func (b *browser) open() {
	b.t.Helper()
	b.Do(chromedp.Navigate(b.site.URL+notices), chromedp.WaitReady("#code"))
}

// submit fills in a part of the page, presses its button, and waits for the answer there.
func (b *browser) submit(fill, part string) {
	b.t.Helper()
	testpart.Eval[bool](b.Browser, `(() => { `+fill+`; document.querySelector("`+part+` button").click(); return true })()`)
	b.Do(chromedp.WaitReady(part + " .answer"))
}

// look fails where a page has to be scrolled sideways or something to press is too small (WCAG 2.2, 2.5.8), and leaves a screenshot.
func (b *browser) look(name string) {
	b.t.Helper()
	b.Narrow(name)
	if small := testpart.Eval[int](b.Browser, `[...document.querySelectorAll("button, input:not([type=hidden]):not([type=radio]), label.choice")].filter((e) => e.getBoundingClientRect().height < 24).length`); small > 0 {
		b.t.Errorf("%s: %d things to press are too small", name, small)
	}
	b.Picture("site-" + name)
}

// The page at phone's and desk's width, by day and by night, in every language; and what people do there. Its policy lets no script run.
func TestInChromium(t *testing.T) {
	b := newBrowser(t)
	b.tell("c1", notice.Affected, "all")
	b.tell("v1", notice.Viewers, "all")
	b.deliver(0, notice.Intended, notice.Took)
	_, err := chromedp.Call(b.Ctx, network.Enable, network.EnableParams{})
	b.Must(err)
	for _, viewer := range []string{"ada", "vera", "nina"} {
		for _, width := range []int64{390, 1280} {
			for _, scheme := range []string{"light", "dark"} {
				b.Scheme(scheme)
				b.as(viewer, "en")
				b.Do(chromedp.EmulateViewport(width, 900))
				b.open()
				b.look(fmt.Sprintf("%s-%d-%s", viewer, width, scheme))
			}
		}
	}
	b.Do(chromedp.EmulateViewport(320, 700))
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
	contains(t, b.Text("section .answer"), "Yes. We sent a notice with this code")
	b.look("checked-320")
	b.as("vera", "en-US")
	b.open()
	b.submit(`document.querySelector("input[value=none]").click()`, "article")
	contains(t, b.Text("article .answer"), "I did not keep anything.")
	b.look("answered-320")
	if len(b.answers) != 1 {
		t.Error(b.answers)
	}
}

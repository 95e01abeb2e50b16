package testpart

import (
	"context"
	_ "embed"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Browser is one tab of a real browser, with cookies of its own. What it complains of, a violation of a page's policy or an error, fails the test.
type Browser struct {
	Ctx context.Context // of the tab, for chromedp
	t   testing.TB
}

// Starting Chromium takes seconds of a core, so that all tests of a package share one: the package's TestMain calls Main.
var shared struct {
	start sync.Once
	ctx   context.Context
	stop  context.CancelFunc
	err   error
}

// Main runs a package's tests, and stops the browser that they shared. It returns what to exit with.
func Main(m *testing.M) (code int) {
	code = m.Run()
	if shared.stop != nil {
		shared.stop()
	}
	return code
}

// Chromium opens a tab for one test, for at most so long. meant says of a complaint that the test provokes it; nil: none is meant.
func Chromium(t testing.TB, within time.Duration, meant func(*log.Entry) bool) *Browser {
	t.Helper()
	path := Program(t, "chromium")
	shared.start.Do(func() { startChromium(path) })
	b := &Browser{t: t}
	b.Must(shared.err)
	ctx, stop := chromedp.NewContext(shared.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(stop)
	b.Must(chromedp.Do(ctx, chromedp.Navigate("about:blank"))) // the first call binds the tab to its context, which must not have a timeout
	b.Ctx, stop = context.WithTimeout(ctx, within)
	t.Cleanup(stop)
	b.Must(chromedp.Listen(b.Ctx, func(e any) {
		switch e := e.(type) {
		case *log.EventEntryAdded:
			if meant == nil || !meant(e.Entry) {
				t.Errorf("browser: %s %s", e.Entry.Text, e.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			t.Errorf("browser: %s", e.ExceptionDetails.Text)
		}
	}))
	_, err := chromedp.Call(b.Ctx, log.Enable, cdp.Empty{})
	b.Must(err)
	return b
}

func startChromium(path string) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, stopAll := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator)
	shared.ctx, shared.stop = ctx, func() { stop(); stopAll() }
	shared.err = chromedp.Do(ctx, chromedp.Navigate("about:blank"))
}

// Must ends the test at an error.
func (b *Browser) Must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// Do does one thing after the other.
func (b *Browser) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.Must(chromedp.Do(b.Ctx, actions...))
}

// Eval is what a script's expression comes to in the page.
func Eval[T any](b *Browser, expression string) T {
	b.t.Helper()
	result, err := chromedp.Run(b.Ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	b.Must(err)
	return result
}

// Until waits for a script's expression to become true.
func (b *Browser) Until(expression string) {
	b.t.Helper()
	_, err := chromedp.Run(b.Ctx, chromedp.Poll[bool](expression))
	b.Must(err)
}

// Text is what a reader sees of the first element that a CSS selector names.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.Ctx, chromedp.Text(selector))
	b.Must(err)
	return s
}

// Scheme is how the reader likes it: "light" or "dark".
func (b *Browser) Scheme(scheme string) {
	b.t.Helper()
	_, err := chromedp.Call(b.Ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	b.Must(err)
}

// Narrow fails where a page has to be scrolled sideways (WCAG 2.2, 1.4.10).
func (b *Browser) Narrow(page string) {
	b.t.Helper()
	if over := Eval[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		b.t.Errorf("%s is %d pixels too wide", page, over)
	}
}

//go:embed testdata/axe/axe.min.js
var axe string

// Accessible fails where axe-core (testdata/axe) finds something that keeps people out, or cannot say, but for contrast: what is behind the words
// of a drawing it never knows. It cannot look into a sandboxed frame, which runs no script.
func (b *Browser) Accessible(page string) {
	b.t.Helper()
	found := Eval[string](b, axe+`;axe.run(document, {iframes: false, resultTypes: ["violations"], rules: {"target-size": {enabled: true}, "frame-tested": {enabled: false}}}).then((r) => r.passes.length < 10 ? "axe-core did not look" :
		r.violations.concat(r.incomplete.filter((v) => v.id !== "color-contrast")).map((v) => [v.id + " (" + v.impact + "): " + v.help, ...v.nodes.slice(0, 5).map((n) => "    " + n.target.join(" ") + ": " + n.failureSummary.replaceAll("\n", " "))].join("\n")).join("\n"))`)
	if found != "" {
		b.t.Errorf("%s:\n%s", page, found)
	}
}

// Picture leaves a screenshot in the folder that CANDOR_SCREENSHOTS names.
func (b *Browser) Picture(name string) {
	b.t.Helper()
	dir := os.Getenv("CANDOR_SCREENSHOTS")
	if dir == "" {
		return
	}
	image, err := chromedp.Run(b.Ctx, chromedp.FullScreenshot(100))
	b.Must(err)
	b.Must(os.WriteFile(filepath.Join(dir, name+".png"), image, 0o644))
}

package report

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// browser is a real one at the pages, served as any web host would. What it complains of, such as a violation of the policy, fails the test.
type browser struct {
	t   *testing.T
	ctx context.Context
	url string
}

func newBrowser(t *testing.T, files map[string][]byte) *browser {
	chromium := "/usr/bin/chromium"
	if _, err := os.Stat(chromium); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is missing: apt-get install -y chromium")
		}
		t.Skip("chromium is missing: apt-get install -y chromium")
	}
	dir := t.TempDir()
	for name, b := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	b := &browser{t: t, url: server.URL + "/"}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b.must(chromedp.Do(ctx, chromedp.Navigate("about:blank"))) // the first call starts the browser, and must not have a timeout
	b.ctx, stop = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(stop)
	b.must(chromedp.Listen(b.ctx, func(e any) {
		if e, ok := e.(*log.EventEntryAdded); ok && e.Entry.Level != log.EntryLevelInfo {
			t.Errorf("browser: %s %s", e.Entry.Text, e.Entry.URL)
		}
	}))
	_, err := chromedp.Call(b.ctx, log.Enable, cdp.Empty{})
	b.must(err)
	return b
}

func (b *browser) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// open a page in a width and a scheme.
func (b *browser) open(path string, width int64, scheme string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	b.must(err)
	b.must(chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(b.url+path), chromedp.WaitVisible("main h1")))
}

// narrow fails where a page has to be scrolled sideways.
func (b *browser) narrow(path string) {
	b.t.Helper()
	if over := b.value(`document.documentElement.scrollWidth - innerWidth`); over != "0" {
		b.t.Errorf("%s is %s pixels too wide", path, over)
	}
}

// value is what an expression says, as a string.
func (b *browser) value(expression string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`String(`+expression+`)`))
	b.must(err)
	return s
}

// accessible fails where axe-core finds something that keeps people out, or cannot say, but for contrast: what is behind the words of a drawing it never knows.
func (b *browser) accessible(page string) {
	b.t.Helper()
	axe, err := os.ReadFile("../console/testdata/axe/axe.min.js")
	b.must(err)
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](string(axe)+`;axe.run(document, {resultTypes: ["violations"], rules: {"target-size": {enabled: true}}}).then((r) => r.passes.length < 10 ? "axe-core did not look" :
		r.violations.concat(r.incomplete.filter((v) => v.id !== "color-contrast")).map((v) => [v.id + " (" + v.impact + "): " + v.help, ...v.nodes.slice(0, 5).map((n) => "    " + n.target.join(" ") + ": " + n.failureSummary.replaceAll("\n", " "))].join("\n")).join("\n"))`, chromedp.EvalAwaitPromise))
	if b.must(err); found != "" {
		b.t.Errorf("%s:\n%s", page, found)
	}
}

// keep leaves a file in the folder that CANDOR_SCREENSHOTS names.
func (b *browser) keep(name string, content func() ([]byte, error)) {
	b.t.Helper()
	dir := os.Getenv("CANDOR_SCREENSHOTS")
	if dir == "" {
		return
	}
	data, err := content()
	b.must(err)
	b.must(os.WriteFile(filepath.Join(dir, name), data, 0o644))
}

func (b *browser) picture(name string) {
	b.t.Helper()
	b.keep(name+".png", func() ([]byte, error) { return chromedp.Run(b.ctx, chromedp.FullScreenshot(100)) })
}

// print is the page as PDF, on A4.
func (b *browser) print() []byte {
	b.t.Helper()
	out, err := chromedp.Call(b.ctx, page.PrintToPDF, page.PrintToPDFParams{PrintBackground: new(true), PaperWidth: 8.27, PaperHeight: 11.69, PreferCSSPageSize: new(true)})
	b.must(err)
	return out.Data
}

// A customer on a phone, a journalist at a desk, a regulator who prints; by day and by night.
func TestPagesInChromium(t *testing.T) {
	b := newBrowser(t, withFiles(samplePages(t)))
	for _, p := range []struct {
		name, path string
		width      int64
		scheme     string
	}{
		{"index", "index.html", 360, "dark"}, {"newest", "inc-7q2mxd4a/en.html", 360, "light"}, {"newest", "inc-7q2mxd4a/en.html", 1280, "dark"}, {"first", "inc-7q2mxd4a/1/de.html", 320, "light"},
		{"estimate", "inc-c3kd2b7e/1/ja.html", 1280, "light"},
	} {
		name := fmt.Sprintf("%s-%d-%s", p.name, p.width, p.scheme)
		b.open(p.path, p.width, p.scheme)
		b.narrow(p.path)
		b.picture(name)
		b.value(`document.querySelectorAll("details").forEach((d) => d.open = true)`)
		b.narrow(p.path + ", unfolded,")
		b.accessible(p.path)
		b.picture(name + "-open")
	}
	b.open("inc-7q2mxd4a/3/en.html", 1280, "dark")
	pdf := b.print()
	if len(pdf) < 20_000 {
		t.Errorf("printed, it has %d bytes", len(pdf))
	}
	b.keep("print.pdf", func() ([]byte, error) { return pdf, nil })
}

// withFiles adds what the log publishes beside the pages.
func withFiles(files map[string][]byte) map[string][]byte {
	files["key.txt"] = []byte("shop.example/reports+1+key\n")
	for _, p := range sample() {
		folder := fmt.Sprintf("%s/%d/", p.Report.Incident, p.Report.Revision)
		files[folder+"report.json"], files[folder+"report.tlog-proof"] = []byte("{}\n"), []byte("c2sp.org/tlog-proof@v1\n")
	}
	return files
}

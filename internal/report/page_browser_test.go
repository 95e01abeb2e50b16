package report

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"candor.example/internal/testpart"
)

// TestMain stops the browser that the tests shared.
func TestMain(m *testing.M) { os.Exit(testpart.Main(m)) }

// served are the files as any web host would serve them.
func served(t *testing.T, files map[string][]byte) string {
	t.Helper()
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
	return server.URL + "/"
}

// A customer on a phone, a journalist at a desk, a regulator who prints; by day and by night.
func TestPagesInChromium(t *testing.T) {
	b, url := testpart.Chromium(t, 5*time.Minute, nil), served(t, withFiles(pagesOfSample(t)))
	for _, p := range []struct {
		name, path string
		width      int64
		scheme     string
	}{
		{"index", "index.html", 360, "dark"}, {"newest", "inc-7q2mxd4a/en.html", 360, "light"}, {"newest", "inc-7q2mxd4a/en.html", 1280, "dark"}, {"first", "inc-7q2mxd4a/1/de.html", 320, "light"},
		{"estimate", "inc-c3kd2b7e/1/ja.html", 1280, "light"},
	} {
		name := fmt.Sprintf("%s-%d-%s", p.name, p.width, p.scheme)
		b.Scheme(p.scheme)
		b.Do(chromedp.EmulateViewport(p.width, 900), chromedp.Navigate(url+p.path), chromedp.WaitVisible("main h1"))
		b.Narrow(name)
		b.Picture(name)
		testpart.Eval[int](b, `(() => { const all = document.querySelectorAll("details"); all.forEach((d) => d.open = true); return all.length })()`)
		b.Narrow(name + ", unfolded,")
		b.Accessible(name)
		b.Picture(name + "-open")
	}
	b.Do(chromedp.Navigate(url+"inc-7q2mxd4a/3/en.html"), chromedp.WaitVisible("main h1"))
	out, err := chromedp.Call(b.Ctx, page.PrintToPDF, page.PrintToPDFParams{PrintBackground: new(true), PaperWidth: 8.27, PaperHeight: 11.69, PreferCSSPageSize: new(true)}) // A4
	b.Must(err)
	if len(out.Data) < 20_000 {
		t.Errorf("printed, it has %d bytes", len(out.Data))
	}
	if dir := os.Getenv("CANDOR_SCREENSHOTS"); dir != "" {
		b.Must(os.WriteFile(filepath.Join(dir, "report.pdf"), out.Data, 0o644))
	}
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

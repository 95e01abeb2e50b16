package console

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// The pages of reports and filings at a phone's and a desk's width, by day and by night, for whom axe-core speaks for.
func TestReportsInChromium(t *testing.T) {
	b := newBrowser(t)
	b.reporting(t)
	b.judged(t)
	b.o.Public = filepath.Join(t.TempDir(), "public")
	b.publishing(t)
	if err := os.Mkdir(b.o.Public, 0o755); err != nil {
		t.Fatal(err)
	}
	b.signIn()
	page := "/incidents/" + accountID
	for _, view := range views() {
		b.Scheme(view.scheme)
		for name, path := range map[string]string{"reports": "/reports", "report": page + "/report", "report-set": page + "/report/set?field=/cause/why_not_caught", "report-publish": page + "/report/publish",
			"filings": page + "/filings", "filing": page + "/filings/gdpr", "filing-file": page + "/filings/gdpr/file", "verified": "/reports/verify", "complete": "/reports/complete"} {
			b.Do(chromedp.EmulateViewport(view.width, 900))
			b.open(path)
			b.Narrow(path)
			b.Accessible(path + ", " + view.scheme)
			b.Picture(fmt.Sprintf("%s-%d-%s", name, view.width, view.scheme))
		}
	}
}

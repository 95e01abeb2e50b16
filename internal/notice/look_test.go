package notice

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"candor.example/internal/testpart"
)

func TestMain(m *testing.M) { os.Exit(testpart.Main(m)) }

// TestLook: a notice can be read as mail in a phone's and a desktop's window, by day and by night, without scrolling sideways, and by people for
// whom axe-core speaks. CANDOR_SCREENSHOTS=DIR leaves pictures of all that are in testdata/messages, and of them as text.
func TestLook(t *testing.T) {
	b := testpart.Chromium(t, 10*time.Minute, nil)
	server := httptest.NewServer(http.HandlerFunc(serveMessage))
	defer server.Close()
	names := []string{"gdpr-de", "california-ja"} // the longest words, and one without spaces
	widths := map[string]int64{"narrow": 320}
	if os.Getenv("CANDOR_SCREENSHOTS") != "" {
		names = []string{"gdpr-de", "gdpr-en", "california-en", "california-ja", "viewers-fr"}
		widths = map[string]int64{"narrow": 320, "phone": 390, "desktop": 1280}
	}
	for _, scheme := range []string{"light", "dark"} {
		b.Scheme(scheme)
		for _, name := range names {
			for view, width := range widths {
				b.Do(chromedp.EmulateViewport(width, 844), chromedp.Navigate(server.URL+"/"+name+".html"), chromedp.WaitVisible("h1"))
				b.Narrow(name + " at " + view)
				b.Picture(fmt.Sprintf("notice-%s-%s-%s", name, view, scheme))
			}
			b.Accessible(name + ", " + scheme)
			b.Do(chromedp.EmulateViewport(720, 844), chromedp.Navigate(server.URL+"/"+name+".txt"), chromedp.WaitVisible("body > pre"))
			b.Narrow(name + " as text")
			b.Picture(fmt.Sprintf("notice-%s-text-%s", name, scheme))
		}
	}
}

// serveMessage serves what people get: mail as it is, and a text as a program shows it that shows no other.
func serveMessage(w http.ResponseWriter, r *http.Request) {
	b, err := os.ReadFile(filepath.Join("testdata/messages", filepath.Base(r.URL.Path)))
	if err != nil {
		w.WriteHeader(http.StatusNoContent) // a browser asks for an icon, too
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if strings.HasSuffix(r.URL.Path, ".txt") {
		fmt.Fprintf(w, `<!doctype html><meta name="color-scheme" content="light dark"><title>Text</title><pre>%s</pre>`, html.EscapeString(string(b)))
		return
	}
	w.Write(b)
}

package console

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"candor.example"
	"candor.example/internal/incident"
)

// browser is a real one at a console. What it complains of, a violation of the policy or an error, fails the test.
type browser struct {
	*rig
	t   *testing.T
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
	b := &browser{rig: newRig(t), t: t}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b.must(chromedp.Do(ctx, chromedp.Navigate("about:blank"))) // the first call starts the browser, and must not have a timeout
	b.ctx, stop = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(stop)
	b.must(chromedp.Listen(b.ctx, func(e any) {
		switch e := e.(type) {
		case *log.EventEntryAdded:
			if e.Entry.Level != log.EntryLevelInfo && !strings.HasSuffix(e.Entry.URL, "/incidents/none") && !strings.Contains(e.Entry.Text, "401 (Unauthorized)") && !strings.Contains(e.Entry.Text, "422 (Unprocessable Entity)") { // the ones that every browser notes, and that are meant; information is such as that we typed before it could put the focus there
				t.Errorf("browser: %s %s", e.Entry.Text, e.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			t.Errorf("browser: %s", e.ExceptionDetails.Text)
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

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.must(chromedp.Do(b.ctx, actions...))
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.server.URL+path), chromedp.WaitVisible("footer"))
}

// signIn as a person does: open the link, press the button.
func (b *browser) signIn() {
	b.t.Helper()
	b.do(chromedp.Navigate(b.SignInURL(b.server.URL)), chromedp.SendKeys("#name", "Jo Berg"), chromedp.Click("main button"), chromedp.WaitVisible("footer"))
}

func (b *browser) text(selector string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Text(selector))
	b.must(err)
	return s
}

// until waits for an expression to become true.
func (b *browser) until(expression string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression))
	b.must(err)
}

func (b *browser) scheme(s string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s}}})
	b.must(err)
}

// heading fails where a page is another than was asked for.
func (b *browser) heading(want string) {
	b.t.Helper()
	if got := b.text("main h1"); !strings.Contains(got, want) {
		b.t.Errorf("the page's heading is %.60q, want %q", got, want)
	}
}

// narrow fails where a page has to be scrolled sideways.
func (b *browser) narrow(path string) {
	b.t.Helper()
	over, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`))
	if b.must(err); over > 0 {
		b.t.Errorf("%s is %d pixels too wide", path, over)
	}
}

// accessible fails where axe-core (testdata/axe) finds something that keeps people out, or cannot say, but for contrast: what is behind the words
// of a drawing it never knows. It cannot look into a preview: its sandbox runs no script.
func (b *browser) accessible(page string) {
	b.t.Helper()
	axe, err := os.ReadFile("testdata/axe/axe.min.js")
	b.must(err)
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](string(axe)+`;axe.run(document, {iframes: false, resultTypes: ["violations"], rules: {"target-size": {enabled: true}, "frame-tested": {enabled: false}}}).then((r) => r.passes.length < 10 ? "axe-core did not look" :
		r.violations.concat(r.incomplete.filter((v) => v.id !== "color-contrast")).map((v) => [v.id + " (" + v.impact + "): " + v.help, ...v.nodes.slice(0, 5).map((n) => "    " + n.target.join(" ") + ": " + n.failureSummary.replaceAll("\n", " "))].join("\n")).join("\n"))`, chromedp.EvalAwaitPromise))
	if b.must(err); found != "" {
		b.t.Errorf("%s:\n%s", page, found)
	}
}

// unfold opens whatever is folded.
func (b *browser) unfold() {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`(() => { const all = document.querySelectorAll("details"); all.forEach((d) => d.open = true); return all.length })()`))
	b.must(err)
}

// write types at the end of a text.
func (b *browser) write(text string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`(() => { const t = document.getElementById("body"); t.focus(); t.setSelectionRange(t.value.length, t.value.length); t.scrollTop = t.scrollHeight; return true })()`))
	b.must(err)
	b.do(chromedp.KeyEvent(text))
}

// leave lets a page with words that are not kept be left: the browser would ask.
func (b *browser) leave() {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`(() => { document.getElementById("form").dataset.sent = "yes"; return true })()`))
	b.must(err)
}

// picture leaves a screenshot in the folder that CANDOR_SCREENSHOTS names.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("CANDOR_SCREENSHOTS")
	if dir == "" {
		return
	}
	image, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	b.must(err)
	b.must(os.WriteFile(filepath.Join(dir, name+".png"), image, 0o644))
}

var pages = []struct{ name, path, empty, full string }{
	{"overview", "/", "Waiting for traffic", "Disclosures are being stopped"},
	{"incidents", "/incidents", "Incidents", "Incidents"},
	{"latent", "/latent", "Latent", "Latent"},
	{"links", "/links", "Links", "Links"},
	{"coverage", "/coverage", "Coverage", "Coverage"},
	{"incident", "/incidents/" + incidentID, "", "GET /products/{id}"},
	{"judged", "/incidents/" + accountID, "", "GET /account"},
	{"explain", "/incidents/" + accountID + "/explain#prevented", "", "Where the figures come from"},
	{"notices", "/notices", "Notices", "Notices"},
	{"notice", "/notices/" + campaignID, "", "Notice to the people affected"},
	{"doubts", "/notices/" + campaignID + "/people", "", "In doubt"},
	{"bounced", "/notices/" + campaignID + "/people?state=bounced", "", "bounced"},
	{"editor", "/incidents/" + incidentID + "/notice?text=gdpr%2Fde", "", "The words to the people affected"},
	{"editor-viewers", "/incidents/" + incidentID + "/notice?kind=viewers&text=viewers%2Fja", "", "Draft a notice to those who saw"},
	{"anew", "/incidents/" + incidentID + "/notice/anew?kind=affected", "", "Write it anew"},
	{"approve", "/notices/" + campaignID + "/approve", "", "Approve this notice"},
	{"resolve", "/notices/" + campaignID + "/resolve?key=k0000000000000000000000046", "", "What became of it"},
	{"ask", "/incidents/" + accountID + "/severity", "", "Depart from"},
}

var incidentID = incident.ID("www.shop.example", "GET /products/{id}", start)

// Every page at phone's and desk's width, by day and by night.
func TestInChromium(t *testing.T) {
	b := newBrowser(t)
	b.do(chromedp.EmulateViewport(390, 844), chromedp.Navigate(b.server.URL), chromedp.WaitVisible("main pre"))
	b.picture("door")
	b.accessible("door")
	b.do(chromedp.Navigate(b.SignInURL(b.server.URL)), chromedp.WaitVisible("main button"))
	b.picture("sign-in")
	b.accessible("sign-in")
	b.signIn()
	for _, p := range pages {
		if p.empty != "" {
			b.open(p.path)
			b.heading(p.empty)
			b.narrow(p.path)
			b.picture("empty-" + p.name)
			b.accessible("empty " + p.path)
		}
	}
	b.fill(t)
	b.acting(t)
	b.judged(t)
	b.do(chromedp.Navigate(b.server.URL+"/incidents/none"), chromedp.WaitVisible("main h1"))
	b.accessible("error")
	b.approved(t)
	b.sent(t)
	b.change(func(s *Status) {
		s.Title, s.Caption = "Masking is switched on", "The shop goes on with its mistake, but the addresses no longer leave."
	})
	for _, p := range pages {
		for _, width := range []int64{390, 1280} {
			for _, scheme := range []string{"light", "dark"} {
				b.scheme(scheme)
				b.do(chromedp.EmulateViewport(width, 900))
				b.open(p.path)
				b.heading(p.full)
				b.narrow(p.path)
				b.picture(fmt.Sprintf("%s-%d-%s", p.name, width, scheme))
				b.unfold()
				b.narrow(p.path)
				b.accessible(fmt.Sprintf("%s at %d, %s", p.path, width, scheme))
				b.picture(fmt.Sprintf("%s-open-%d-%s", p.name, width, scheme))
			}
		}
	}
}

// What is long without a place to break does not push a page out of its frame.
func TestLongNames(t *testing.T) {
	b := newBrowser(t)
	b.do(chromedp.EmulateViewport(390, 844))
	b.signIn()
	long := strings.Repeat("unbreakable", 30)
	d := candor.Disclosure{Site: long + ".example", Route: "GET /" + long, Owner: long, Kind: candor.Kind(long), Encoding: long, Viewer: "customer", ViewerDigest: "1", Class: candor.Disclosed, Outcome: candor.Exposed, Release: long, Time: start}
	link := d
	link.Class, link.Link = candor.Link, "l"
	b.fold(t, candor.Entry{Disclosures: []candor.Disclosure{d, link}})
	b.fold(t, candor.Entry{Releases: []candor.Release{{Time: start, Site: d.Site, Name: long}}})
	b.fold(t, candor.Entry{Coverage: []candor.Coverage{{Time: start, Site: d.Site, Route: d.Route, Skip: candor.Skip(long), Responses: 1 << 60, Bytes: 1 << 60}}})
	b.change(func(s *Status) {
		s.Title, s.Caption, s.Upstream, s.Trouble = long, long, "http://"+long, []string{long}
	})
	id := incident.ID(d.Site, d.Route, start)
	own := d
	own.Class, own.Outcome = candor.Own, candor.Possible
	answer := candor.Response{ID: "r", Site: d.Site, Route: d.Route, URL: "/" + long, Time: start, End: start, Cached: true, CacheStatus: long, CacheControl: long, SurrogateKeys: []string{long}, Places: []string{long}, Owners: 1}
	d.Response = "r"
	b.fold(t, candor.Entry{Disclosures: []candor.Disclosure{d, own}, Responses: []candor.Response{answer}, Personal: []candor.Personal{{Time: start, Site: d.Site, Route: d.Route, Place: long, Responses: 1, Shareable: 1, CacheControl: long}}})
	for n, a := range []candor.Action{{What: candor.Assessed, Details: map[string]string{"dpc": "1", "ei": "1", "cb": "1"}}, {What: candor.Contained, Details: map[string]string{"site": d.Site, "route": d.Route, "mode": "trip"}}} {
		a.ID, a.Incident, a.By, a.Why, a.Time = fmt.Sprint(n), id, long, long, start
		b.fold(t, candor.Entry{Actions: []candor.Action{a}})
	}
	b.acting(t)
	for _, path := range []string{"/", "/incidents", "/links", "/latent", "/coverage", "/incidents/" + id, "/incidents/" + id + "/explain", "/incidents/" + id + "/contain?mode=trip"} {
		b.open(path)
		b.unfold()
		b.narrow(path)
		b.picture("long-" + strings.ReplaceAll(strings.TrimSuffix(path[1:], "?mode=trip"), "/", "-"))
	}
}

// A page that is open shows what changes without reloading, and leaves alone what the reader does with it.
func TestLive(t *testing.T) {
	b := newBrowser(t)
	b.fill(t)
	b.signIn()
	b.until(`document.getElementById("live").textContent === "Live"`)
	if before := b.text(".figures dd"); before != "60" {
		t.Errorf("before: %q", before)
	}
	b.disclose(t, "GET /new", 999, 39, candor.Exposed)
	b.until(`document.body.dataset.updates >= 1`)
	if after := b.text(".figures dd"); after != "61" {
		t.Errorf("after: %q", after)
	}

	b.open("/incidents/" + incidentID)
	b.until(`document.getElementById("live").textContent === "Live"`)
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`(() => {
		document.querySelector("details").open = true;
		window.marked = document.querySelector(".questions p").firstChild;
		getSelection().setBaseAndExtent(marked, 0, marked, 5);
		window.link = document.querySelector("#affected ~ .more a");
		link.focus();
		return true;
	})()`))
	b.must(err)
	b.disclose(t, "GET /products/{id}", 998, 38, candor.Exposed)
	b.until(`document.querySelector(".figures dd").textContent === "61"`)
	kept, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`[document.querySelector("details").open, document.querySelector("details").querySelectorAll("tr").length,
		marked.isConnected, getSelection().toString(), document.activeElement === link && link.textContent].join()`))
	if b.must(err); kept != "true,32,true,www.s,The next" {
		t.Errorf("of what the reader did was kept: %s", kept)
	}
}

// A question page keeps what somebody types, however long that takes, and says why something was not done.
func TestAskInChromium(t *testing.T) {
	b := newBrowser(t)
	b.acting(t)
	b.disclose(t, "GET /account", 0, 0, candor.Exposed)
	b.signIn()
	b.do(chromedp.EmulateViewport(390, 844))
	b.open("/incidents/" + accountID)
	b.do(chromedp.Click(`a[href$="/reopen"], a[href$="/close"]`), chromedp.WaitVisible("form.ask"))
	b.heading("Close")
	b.accessible("close")
	b.open("/incidents/" + accountID + "/severity")
	b.do(chromedp.SendKeys("#dpc", "9"), chromedp.SendKeys("#ei", "1"), chromedp.SendKeys("#cb", "1"), chromedp.SendKeys("#why", "what was bought shows"), chromedp.Click(".do"), chromedp.WaitVisible("main [role=alert]"))
	if s := b.text("main [role=alert]"); !strings.Contains(s, "This is no severity") {
		t.Error(s)
	}
	b.narrow("/severity")
	b.picture("ask-wrong")
	b.accessible("severity, refused")
	b.do(chromedp.SetValue("#dpc", "2"), chromedp.Click(".do"), chromedp.WaitVisible("#severity"))
	if s := b.text("#severity ~ .levels"); !strings.Contains(s, "As Jo Berg says") || !strings.Contains(s, "what was bought shows") {
		t.Error(s)
	}
}

// Whoever types is told what the rules say, sees what one person would get, and keeps nothing by that.
func TestEditorInChromium(t *testing.T) {
	b := newBrowser(t)
	b.fill(t)
	b.drafting(t)
	b.signIn()
	b.do(chromedp.EmulateViewport(1280, 900))
	b.open("/incidents/" + incidentID + "/notice")
	b.heading("Draft a notice to the people affected")
	b.write("\n\nWe take your security seriously.\n")
	b.until(`document.querySelector("#judged .E") !== null`)
	if s := b.text("#judged .E"); !strings.Contains(s, "N17") || !strings.Contains(s, "line ") {
		t.Error(s)
	}
	if s := b.text("#preview pre"); !strings.Contains(s, "We take your security seriously.") {
		t.Error("the preview is of other words")
	}
	b.picture("editor-typed")
	if list, _ := b.ledger.Campaigns(t.Context(), ""); len(list) != 0 {
		t.Error("typing keeps")
	}
	b.write("{nothing}")
	b.until(`document.querySelector("#wrong li") !== null`)
	if s := b.text("#wrong"); !strings.Contains(s, "line ") {
		t.Error(s)
	}
	b.leave()
	b.open("/incidents/" + incidentID + "/notice")
	b.until(`performance.getEntriesByType("resource").filter((e) => e.name.includes("/notice/mail/") && e.responseStatus === 200).length === 2`)
	b.write("\n\nWe take your security seriously.\n")
	b.do(chromedp.Click(".do"), chromedp.WaitVisible(".note.good"))
	if s := b.text("#judged .E"); !strings.Contains(s, "N17") {
		t.Error("kept, and not judged: " + s)
	}
	b.do(chromedp.EmulateViewport(390, 844))
	b.narrow("/notice")
	b.picture("editor-kept")
	b.rig.do(t, "Ada Lind", candor.NoticeFrozen, "signer", "k")
	b.open("/notices/" + campaignID + "/approve")
	b.heading("Approve this notice")
	if s := b.text(".no"); !strings.Contains(s, "1 finding stands against it") {
		t.Error(s)
	}
	b.narrow("/approve")
	b.picture("approve-against")
}

// A text in each law's form, as text and as mail at both widths. A frame that is out of sight is not painted, so the window is as long as the page.
func TestPreviewsInChromium(t *testing.T) {
	b := newBrowser(t)
	b.fill(t)
	b.drafting(t)
	b.signIn()
	for _, text := range []string{"gdpr/en", "california/en", "gdpr/de"} {
		for width, long := range map[int64]int64{390: 7000, 1280: 3700} {
			for _, scheme := range []string{"light", "dark"} {
				b.scheme(scheme)
				b.do(chromedp.EmulateViewport(width, long))
				b.open("/incidents/" + incidentID + "/notice?text=" + url.QueryEscape(text))
				b.until(`performance.getEntriesByType("resource").filter((e) => e.name.includes("/notice/mail/") && e.responseStatus === 200).length === 2`)
				b.narrow(text)
				b.picture(fmt.Sprintf("preview-%s-%d-%s", strings.ReplaceAll(text, "/", "-"), width, scheme))
			}
		}
	}
}

// When the session ends, what is on the screen goes, too.
func TestLiveSessionEnds(t *testing.T) {
	b := newBrowser(t)
	b.fill(t)
	b.signIn()
	b.until(`document.getElementById("live").textContent === "Live"`)
	b.sessions.mu.Lock()
	clear(b.sessions.open)
	b.sessions.mu.Unlock()
	b.do(chromedp.WaitVisible("main pre"))
	if s := b.text("h1"); s != "You are not signed in" {
		t.Error(s)
	}
}

package console

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/testpart"
)

// TestMain stops the browser that the tests shared.
func TestMain(m *testing.M) { os.Exit(testpart.Main(m)) }

// browser is a real one at a console.
type browser struct {
	*rig
	*testpart.Browser
	t *testing.T
}

func newBrowser(t *testing.T) *browser {
	// The ones that every browser notes, and that are meant; information is such as that we typed before it could put the focus there.
	meant := func(e *log.Entry) bool {
		return e.Level == log.EntryLevelInfo || strings.HasSuffix(e.URL, "/incidents/none") || strings.Contains(e.Text, "401 (Unauthorized)") || strings.Contains(e.Text, "422 (Unprocessable Entity)")
	}
	return &browser{rig: newRig(t), Browser: testpart.Chromium(t, 5*time.Minute, meant), t: t}
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.Do(chromedp.Navigate(b.server.URL+path), chromedp.WaitVisible("footer"))
}

// signIn as a person does: open the link, press the button.
func (b *browser) signIn() {
	b.t.Helper()
	b.Do(chromedp.Navigate(b.SignInURL(b.server.URL)), chromedp.SendKeys("#name", "Jo Berg"), chromedp.Click("main button"), chromedp.WaitVisible("footer"))
}

// heading fails where a page is another than was asked for.
func (b *browser) heading(want string) {
	b.t.Helper()
	if got := b.Text("main h1"); !strings.Contains(got, want) {
		b.t.Errorf("the page's heading is %.60q, want %q", got, want)
	}
}

// unfold opens whatever is folded, and says how much that is.
func (b *browser) unfold() int {
	b.t.Helper()
	return testpart.Eval[int](b.Browser, `(() => { const all = document.querySelectorAll("details"); all.forEach((d) => d.open = true); return all.length })()`)
}

// write types at the end of a text.
func (b *browser) write(text string) {
	b.t.Helper()
	testpart.Eval[bool](b.Browser, `(() => { const t = document.getElementById("body"); t.focus(); t.setSelectionRange(t.value.length, t.value.length); t.scrollTop = t.scrollHeight; return true })()`)
	b.Do(chromedp.KeyEvent(text))
}

// leave lets a page with words that are not kept be left: the browser would ask.
func (b *browser) leave() {
	b.t.Helper()
	testpart.Eval[bool](b.Browser, `(() => { document.getElementById("form").dataset.sent = "yes"; return true })()`)
}

var pages = []struct{ name, path, empty, full string }{
	{"overview", "/", "Waiting for traffic", "Disclosures are being stopped"},
	{"incidents", "/incidents", "Incidents", "Incidents"},
	{"latent", "/latent", "Latent", "Latent"},
	{"links", "/links", "Links", "Links"},
	{"coverage", "/coverage", "Coverage", "Coverage"},
	{"incident", "/incidents/" + incidentID, "", "GET /products/{id}"},
	{"affected", "/incidents/" + incidentID + "/affected", "", "Who was affected"},
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
	b.Do(chromedp.EmulateViewport(390, 844), chromedp.Navigate(b.server.URL), chromedp.WaitVisible("main pre"))
	b.Picture("door")
	b.Accessible("door")
	b.Do(chromedp.Navigate(b.SignInURL(b.server.URL)), chromedp.WaitVisible("main button"))
	b.Picture("sign-in")
	b.Accessible("sign-in")
	b.signIn()
	for _, p := range pages {
		if p.empty != "" {
			b.open(p.path)
			b.heading(p.empty)
			b.Narrow(p.path)
			b.Picture("empty-" + p.name)
			b.Accessible("empty " + p.path)
		}
	}
	b.fill(t)
	b.acting(t)
	b.judged(t)
	b.Do(chromedp.Navigate(b.server.URL+"/incidents/none"), chromedp.WaitVisible("main h1"))
	b.Accessible("error")
	b.approved(t)
	b.sent(t)
	b.change(func(s *Status) {
		s.Title, s.Caption = "Masking is switched on", "The shop goes on with its mistake, but the addresses no longer leave."
	})
	for _, p := range pages {
		for _, v := range views() {
			b.Scheme(v.scheme)
			b.Do(chromedp.EmulateViewport(v.width, 900))
			b.open(p.path)
			b.heading(p.full)
			b.Narrow(p.path)
			b.Picture(fmt.Sprintf("%s-%d-%s", p.name, v.width, v.scheme))
			if b.unfold() > 0 {
				b.Narrow(p.path)
				b.Picture(fmt.Sprintf("%s-open-%d-%s", p.name, v.width, v.scheme))
			}
			b.Accessible(fmt.Sprintf("%s at %d, %s", p.path, v.width, v.scheme))
		}
	}
}

type view struct {
	width  int64
	scheme string
}

// views are both widths and both schemes, each once; where pictures are taken, each with each.
func views() []view {
	list := []view{{390, "dark"}, {1280, "light"}}
	if os.Getenv("CANDOR_SCREENSHOTS") != "" {
		list = append(list, view{390, "light"}, view{1280, "dark"})
	}
	return list
}

// What is long without a place to break does not push a page out of its frame.
func TestLongNames(t *testing.T) {
	b := newBrowser(t)
	b.Do(chromedp.EmulateViewport(390, 844))
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
		b.Narrow(path)
		b.Picture("long-" + strings.ReplaceAll(strings.TrimSuffix(path[1:], "?mode=trip"), "/", "-"))
	}
}

// A page that is open shows what changes without reloading, and leaves alone what the reader does with it.
func TestLive(t *testing.T) {
	b := newBrowser(t)
	b.fill(t)
	b.signIn()
	b.Until(`document.getElementById("live").textContent === "Live"`)
	if before := b.Text(".figures dd"); before != "60" {
		t.Errorf("before: %q", before)
	}
	b.disclose(t, "GET /new", 999, 39, candor.Exposed)
	b.Until(`document.body.dataset.updates >= 1`)
	if after := b.Text(".figures dd"); after != "61" {
		t.Errorf("after: %q", after)
	}

	b.open("/incidents/" + incidentID)
	b.Until(`document.getElementById("live").textContent === "Live"`)
	testpart.Eval[bool](b.Browser, `(() => {
		document.querySelector("main > details").open = true;
		window.marked = document.querySelector(".questions p").firstChild;
		getSelection().setBaseAndExtent(marked, 0, marked, 5);
		window.link = document.querySelector("#clocks ~ .more a");
		link.focus();
		return true;
	})()`)
	b.disclose(t, "GET /products/{id}", 998, 38, candor.Exposed)
	b.Until(`document.querySelector(".figures dd").textContent === "61"`)
	kept := testpart.Eval[string](b.Browser, `[document.querySelector("main > details").open, document.querySelector("main > details").querySelectorAll("tr").length,
		marked.isConnected, getSelection().toString(), document.activeElement === link && link.textContent].join()`)
	if kept != "true,32,true,www.s,The clocks as a calendar" {
		t.Errorf("of what the reader did was kept: %s", kept)
	}
}

// A question page keeps what somebody types, however long that takes, and says why something was not done.
func TestAskInChromium(t *testing.T) {
	b := newBrowser(t)
	b.acting(t)
	b.disclose(t, "GET /account", 0, 0, candor.Exposed)
	b.signIn()
	b.Do(chromedp.EmulateViewport(390, 844))
	b.open("/incidents/" + accountID)
	b.Do(chromedp.Click(`a[href$="/reopen"], a[href$="/close"]`), chromedp.WaitVisible("form.ask"))
	b.heading("Close")
	b.Accessible("close")
	b.open("/incidents/" + accountID + "/severity")
	b.Do(chromedp.SendKeys("#dpc", "9"), chromedp.SendKeys("#ei", "1"), chromedp.SendKeys("#cb", "1"), chromedp.SendKeys("#why", "what was bought shows"), chromedp.Click(".do"), chromedp.WaitVisible("main [role=alert]"))
	if s := b.Text("main [role=alert]"); !strings.Contains(s, "This is no severity") {
		t.Error(s)
	}
	b.Narrow("/severity")
	b.Picture("ask-wrong")
	b.Accessible("severity, refused")
	b.Do(chromedp.SetValue("#dpc", "2"), chromedp.Click(".do"), chromedp.WaitVisible("#severity"))
	if s := b.Text("#severity ~ .levels"); !strings.Contains(s, "As Jo Berg says") || !strings.Contains(s, "what was bought shows") {
		t.Error(s)
	}
}

// Nothing needs a mouse: the first key leads past the menu, and an action is found, reasoned and done with keys alone.
func TestKeyboard(t *testing.T) {
	b := newBrowser(t)
	b.acting(t)
	b.disclose(t, "GET /account", 0, 0, candor.Exposed)
	b.signIn()
	b.open("/incidents/" + accountID)
	focused := func() string {
		return testpart.Eval[string](b.Browser, `(() => { const e = document.activeElement; return [e.closest("main") ? "main" : "menu", e.className, e.getAttribute("href") || e.id || e.textContent].join(" ") })()`)
	}
	b.Do(chromedp.KeyEvent(kb.Tab))
	if got := focused(); got != "menu skip #main" || testpart.Eval[bool](b.Browser, `document.activeElement.getBoundingClientRect().left < 0`) {
		t.Fatalf("the first key leads to %q, or it cannot be seen", got)
	}
	b.Do(chromedp.KeyEvent(kb.Enter))
	want := "main button /incidents/" + accountID + "/close"
	for n := 0; focused() != want; n++ {
		b.Do(chromedp.KeyEvent(kb.Tab))
		if got := focused(); n > 100 || strings.HasPrefix(got, "menu") {
			t.Fatalf("after %d keys at %q", n, got)
		}
	}
	b.Do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("form.ask"))
	for n := 0; focused() != "main  why"; n++ {
		if b.Do(chromedp.KeyEvent(kb.Tab)); n > 30 {
			t.Fatal("no way to the reason: " + focused())
		}
	}
	b.Do(chromedp.KeyEvent("all is well"), chromedp.KeyEvent(kb.Tab))
	if got := focused(); got != "main do Close" {
		t.Fatalf("behind the reason comes %q", got)
	}
	b.Do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(".badge.closed"))
}

// Whoever types is told what the rules say, sees what one person would get, and keeps nothing by that.
func TestEditorInChromium(t *testing.T) {
	b := newBrowser(t)
	b.fill(t)
	b.drafting(t)
	b.signIn()
	b.Do(chromedp.EmulateViewport(1280, 900))
	b.open("/incidents/" + incidentID + "/notice")
	b.heading("Draft a notice to the people affected")
	b.write("\n\nWe take your security seriously.\n")
	b.Until(`document.querySelector("#judged .E") !== null`)
	if s := b.Text("#judged .E"); !strings.Contains(s, "N17") || !strings.Contains(s, "line ") {
		t.Error(s)
	}
	if s := b.Text("#preview pre"); !strings.Contains(s, "We take your security seriously.") {
		t.Error("the preview is of other words")
	}
	b.Picture("editor-typed")
	if list, _ := b.ledger.Campaigns(t.Context(), ""); len(list) != 0 {
		t.Error("typing keeps")
	}
	b.write("{nothing}")
	b.Until(`document.querySelector("#wrong li") !== null`)
	if s := b.Text("#wrong"); !strings.Contains(s, "line ") {
		t.Error(s)
	}
	b.leave()
	b.open("/incidents/" + incidentID + "/notice")
	b.Until(`performance.getEntriesByType("resource").filter((e) => e.name.includes("/notice/mail/") && e.responseStatus === 200).length === 2`)
	b.write("\n\nWe take your security seriously.\n")
	b.Do(chromedp.Click(".do"), chromedp.WaitVisible(".note.good"))
	if s := b.Text("#judged .E"); !strings.Contains(s, "N17") {
		t.Error("kept, and not judged: " + s)
	}
	b.Do(chromedp.EmulateViewport(390, 844))
	b.Narrow("/notice")
	b.Picture("editor-kept")
	b.rig.do(t, "Ada Lind", candor.NoticeFrozen, "signer", "k")
	b.open("/notices/" + campaignID + "/approve")
	b.heading("Approve this notice")
	if s := b.Text(".no"); !strings.Contains(s, "1 finding stands against it") {
		t.Error(s)
	}
	b.Narrow("/approve")
	b.Picture("approve-against")
}

// A text in each law's form, as text and as mail at both widths. A frame that is out of sight is not painted, so the window is as long as the page.
func TestPreviewsInChromium(t *testing.T) {
	b := newBrowser(t)
	b.fill(t)
	b.drafting(t)
	b.signIn()
	for _, text := range []string{"gdpr/en", "california/en", "gdpr/de"} {
		for _, v := range views() {
			b.Scheme(v.scheme)
			b.Do(chromedp.EmulateViewport(v.width, map[int64]int64{390: 7000, 1280: 3700}[v.width]))
			b.open("/incidents/" + incidentID + "/notice?text=" + url.QueryEscape(text))
			b.Until(`performance.getEntriesByType("resource").filter((e) => e.name.includes("/notice/mail/") && e.responseStatus === 200).length === 2`)
			b.Narrow(text)
			b.Picture(fmt.Sprintf("preview-%s-%d-%s", strings.ReplaceAll(text, "/", "-"), v.width, v.scheme))
		}
	}
}

// When the session ends, what is on the screen goes, too.
func TestLiveSessionEnds(t *testing.T) {
	b := newBrowser(t)
	b.fill(t)
	b.signIn()
	b.Until(`document.getElementById("live").textContent === "Live"`)
	b.sessions.mu.Lock()
	clear(b.sessions.open)
	b.sessions.mu.Unlock()
	b.Do(chromedp.WaitVisible("main pre"))
	if s := b.Text("h1"); s != "You are not signed in" {
		t.Error(s)
	}
}

package noticeboard

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/directory"
	"candor.example/guard"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
	"candor.example/scan"
)

var start = time.Date(2018, 11, 20, 9, 52, 0, 0, time.UTC)

// rig is a shop behind a guard with a board. Of its customers, ada, bob, cleo and dan were shown to vera and will; nina has nothing to do with it.
// The viewer is the customer whom a request's X-Viewer names, and X-Net is where it comes from.
type rig struct {
	*Board
	t        *testing.T
	guard    *guard.Guard
	ledger   *ledger.Ledger
	site     *httptest.Server
	incident string
	seq      uint64
	now      time.Time
	answers  []candor.Answer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	l, err := ledger.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &rig{t: t, ledger: l, now: start.Add(72 * time.Hour)}
	r.guard = &guard.Guard{Directory: people(t), Key: []byte("key of the test"), Log: slog.New(slog.DiscardHandler),
		Viewer: func(r *http.Request) candor.Viewer { return candor.Viewer{Customer: r.Header.Get("X-Viewer")} }}
	zone, _ := time.LoadLocation("Europe/Berlin")
	r.Board = New(Options{Ledger: l, Key: r.guard.Key, Zone: zone, Client: func(r *http.Request) string { return r.Header.Get("X-Net") }, Record: r.record,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return r.now }})
	r.guard.Site, r.guard.Banner = r.Serve, r.Banner
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", r.URL.Query().Get("cache"))
		io.WriteString(w, "<title>The shop</title>")
	}))
	t.Cleanup(shop.Close)
	u, _ := url.Parse(shop.URL)
	r.site = httptest.NewServer(r.guard.Handler(guard.NewProxy(u, guard.Private, r.guard.Log)))
	t.Cleanup(r.site.Close)
	r.disclose()
	return r
}

func people(t *testing.T) *directory.Directory {
	t.Helper()
	path := filepath.Join(t.TempDir(), "snapshot")
	var key directory.Key
	if _, err := directory.Build(t.Context(), path, key, strings.NewReader("id,email\nada,ada@shop.example\n"), "test.csv", directory.BuildOptions{}); err != nil {
		t.Fatal(err)
	}
	d, err := directory.Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) fold(e candor.Entry) {
	r.t.Helper()
	r.seq++
	e.Seq = r.seq
	r.must(r.ledger.Fold(context.Background(), []candor.Entry{e}))
}

// record is the journal, folded at once.
func (r *rig) record(_ context.Context, e candor.Entry) error {
	r.answers = append(r.answers, e.Answers...)
	r.seq++
	e.Seq = r.seq
	return r.ledger.Fold(context.Background(), []candor.Entry{e})
}

func (r *rig) disclose() {
	r.t.Helper()
	for n, owner := range []string{"ada", "bob", "cleo", "dan"} {
		for _, viewer := range []string{"vera", "will"} {
			r.fold(candor.Entry{Disclosures: []candor.Disclosure{{Site: "www.shop.example", Route: "GET /orders/{id}", Owner: owner, Viewer: "customer", ViewerDigest: candor.Viewer{Customer: viewer}.Digest(r.guard.Key),
				Kind: scan.Email, Encoding: "html", Class: candor.Disclosed, Outcome: candor.Exposed, Time: start.Add(time.Duration(n) * time.Minute), Locale: "en-GB"}}})
		}
	}
	list, err := r.ledger.Incidents(r.t.Context())
	r.must(err)
	r.incident = list[0].ID
}

func (r *rig) act(campaign, by, what string, details ...string) {
	r.t.Helper()
	a := candor.Action{ID: candor.NewID(), Time: start.Add(48*time.Hour + time.Duration(r.seq)*time.Second), By: by, What: what, Incident: r.incident, Why: "the test", Details: map[string]string{"campaign": campaign}}
	for i := 0; i+1 < len(details); i += 2 {
		a.Details[details[i]] = details[i+1]
	}
	e := candor.Entry{Actions: []candor.Action{a}}
	if what == candor.NoticeDrafted {
		body := r.draft(notice.Kind(details[1]))
		a.Details["draft"], a.Details["needs"] = candor.HashOf(body), "1"
		e.Documents = []candor.Document{{Hash: candor.HashOf(body), Type: notice.DraftSchema, Body: body}}
	}
	r.fold(e)
	rows, err := r.ledger.Audit(r.t.Context(), "", 1)
	r.must(err)
	if rows[0].Refused != "" {
		r.t.Fatal(what, rows[0].Refused)
	}
}

func (r *rig) draft(kind notice.Kind) []byte {
	r.t.Helper()
	f, err := r.ledger.Facts(r.t.Context(), r.incident, start.Add(48*time.Hour))
	r.must(err)
	f.Publisher = notice.Publisher{LegalName: "Shop Example GmbH", Name: "Shop Example", Address: "1 Example Street, 10115 Berlin, Germany", Domain: "shop.example", Zone: "Europe/Berlin", Language: "en",
		Contact: notice.Contact{Role: "Data Protection Officer", Email: "privacy@shop.example", Phone: "+49 30 1234567"}}
	f.Detected, f.Fixed, f.UpdateBy = start.Add(time.Hour), start.Add(2*time.Hour), start.Add(240*time.Hour)
	d, err := notice.Write(f, kind)
	r.must(err)
	body, err := d.Encode()
	r.must(err)
	return body
}

// tell begins a campaign of a kind, and lets it go to some or "all".
func (r *rig) tell(campaign string, kind notice.Kind, share string) {
	r.t.Helper()
	r.act(campaign, "Ada", candor.NoticeDrafted, "kind", string(kind))
	r.act(campaign, "Ada", candor.NoticeFrozen, "signer", "key1")
	c, err := r.ledger.Campaign(r.t.Context(), campaign)
	r.must(err)
	r.act(campaign, "Ben", candor.NoticeApproved, "content", c.Content())
	r.act(campaign, "Ben", candor.NoticeStarted, "share", share)
}

// deliver is what a sender tells of person n: ada is 0, bob 1, cleo 2, dan 3.
func (r *rig) deliver(n int, kinds ...notice.EventKind) {
	r.t.Helper()
	for i, kind := range kinds {
		e := notice.Event{N: n, Kind: kind, Key: fmt.Sprint("key", n), Attempt: 1, Time: start.Add(60*time.Hour + time.Duration(i)*24*time.Hour)}
		if kind == notice.Intended {
			e.Code = codeOf(n)
		}
		seq, err := r.ledger.Delivered(r.t.Context(), "c1")
		r.must(err)
		r.must(r.ledger.FoldDelivery(r.t.Context(), "c1", ledger.Deliveries{After: seq, Seq: seq + 1, Events: []notice.Event{e}}))
	}
}

func codeOf(n int) string { return fmt.Sprintf("7KQ2-M4XD-9RT%d", n) }

// do asks the site. Each question comes from a network of its own, unless it says from where.
func (r *rig) do(method, path, viewer string, form url.Values, header ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.site.URL+path, strings.NewReader(form.Encode()))
	r.must(err)
	req.Header.Set("X-Viewer", viewer)
	req.Header.Set("X-Net", candor.NewID())
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	r.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	r.must(err)
	return res, string(body)
}

func (r *rig) get(viewer string, header ...string) string {
	r.t.Helper()
	res, body := r.do("GET", notices, viewer, nil, header...)
	if res.StatusCode != 200 || res.Header.Get("Cache-Control") != "private, no-store" || !strings.HasPrefix(res.Header.Get("Vary"), "Cookie, Authorization") || !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		r.t.Errorf("%s: %d %v", viewer, res.StatusCode, res.Header)
	}
	return body
}

func (r *rig) json(viewer string, header ...string) []shown {
	r.t.Helper()
	var a noticesAnswer
	r.must(json.Unmarshal([]byte(r.get(viewer, append(header, "Accept", "application/json")...)), &a))
	if a.Schema != NoticesSchema {
		r.t.Error(a.Schema)
	}
	return a.Notices
}

func contains(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %.2000s", want, text)
		}
	}
}

// Whom it concerns reads the same notice as in the letter, with its code, its day and its channel.
func TestNotice(t *testing.T) {
	r := newRig(t)
	r.tell("c1", notice.Affected, "3")
	r.deliver(0, notice.Intended, notice.Took)
	r.deliver(1, notice.Intended, notice.Refused)
	list := r.json("ada")
	if len(list) != 1 {
		t.Fatal(list)
	}
	n := list[0]
	if n.Incident != r.incident || n.Kind != notice.Affected || n.Law != notice.GDPR || n.Lang != "en" || n.Code != codeOf(0) || n.Channel != "mail" || !n.Sent.Equal(start.Add(60*time.Hour)) {
		t.Errorf("%+v", n)
	}
	contains(t, n.Text, "Dear customer", "your e-mail address", "2 other customers", codeOf(0), "22 November 2018")
	contains(t, n.HTML, "<!DOCTYPE html>")
	page := r.get("ada", "Accept-Language", "de-AT,de;q=0.9")
	contains(t, page, `<html lang="de">`, `<div lang="de">`, "Mitteilungen über Ihre Daten", "am 2018-11-22 per E-Mail geschickt", codeOf(0), "Ihre E-Mail-Adresse", "<h3>")
	if strings.Contains(page, " style=") || strings.Contains(page, "<script") {
		t.Error("styles or scripts of the letter are in the page")
	}
	contains(t, r.get("ada", "Accept-Language", "sv"), `<html lang="en">`, `<div lang="en">`) // none that the draft has: theirs is en-GB
	if list := r.json("ada", "Accept-Language", "ja"); list[0].Lang != "ja" {
		t.Error(list[0].Lang)
	}
	contains(t, r.get("bob"), "We could not reach you by e-mail", codeOf(1))
	contains(t, r.get("cleo"), "We will send you this notice by e-mail, too", "(none, as it was not sent by e-mail)")
	if list := r.json("dan"); len(list) != 0 {
		t.Error("a canary of 3 tells the fourth:", list)
	}
	r.act("c1", "Ben", candor.NoticeStarted, "share", "all")
	r.deliver(2, notice.Kept)
	r.deliver(3, notice.Intended)
	contains(t, r.get("cleo"), "We could not reach you by e-mail")
	contains(t, r.get("dan"), "We do not know whether it reached you")
	r.act("c1", "Ben", candor.NoticeChannelled, "channel", "post")
	contains(t, r.get("bob"), "We sent you this notice by post on 2018-11-22")
	if list := r.json("bob"); list[0].Channel != "post" {
		t.Errorf("%+v", list[0])
	}
}

// A draft that cannot be read hides nothing but itself, and is not the customer's riddle.
func TestUnreadableDraft(t *testing.T) {
	r := newRig(t)
	r.tell("c1", notice.Affected, "all")
	c, err := r.ledger.Campaign(t.Context(), "c1")
	r.must(err)
	r.drafts.read = map[string]*draft{c.Draft: {zone: time.UTC}}
	contains(t, r.get("ada"), "This notice cannot be shown just now")
	if list := r.json("ada"); len(list) != 1 || list[0].Incident != r.incident {
		t.Errorf("%+v", list)
	}
}

// answerOf is all of an answer that a client can see, but for its time.
func answerOf(res *http.Response, body string) string {
	h := res.Header.Clone()
	h.Del("Date")
	return fmt.Sprint(res.StatusCode, h, body)
}

// Who is not signed in and whom nothing concerns get the same bytes, for as many queries; and a code that is known costs what an unknown one does.
func TestNobodyLearns(t *testing.T) {
	r := newRig(t)
	r.tell("c1", notice.Affected, "all")
	r.tell("v1", notice.Viewers, "all")
	r.deliver(0, notice.Intended, notice.Took)
	asked := func(method, path, viewer string, form url.Values, header ...string) (string, int64) {
		before := r.ledger.Asked()
		res, body := r.do(method, path, viewer, form, header...)
		return answerOf(res, body), r.ledger.Asked() - before
	}
	for _, c := range []struct {
		method, path string
		form         url.Values
	}{
		{"GET", notices, nil}, {"HEAD", notices, nil}, {"GET", notices + "?format=json", nil},
		{"POST", code, url.Values{"code": {"0000-0000-0000"}}}, {"POST", code, url.Values{"code": {codeOf(0)}}}, {"POST", code + "?format=json", url.Values{"code": {codeOf(0)}}},
		{"POST", answer, url.Values{"incident": {r.incident}, "answer": {"deleted"}}}, {"POST", answer, url.Values{"incident": {"inc-none"}, "answer": {"deleted"}}},
		{"POST", answer, url.Values{"incident": {r.incident}, "answer": {"perhaps"}}}, {"DELETE", notices, nil}, {"GET", code, nil}, {"GET", "/.well-known/candor/other", nil},
	} {
		for _, lang := range []string{"", "de"} {
			want, queries := asked(c.method, c.path, "", c.form, "Accept-Language", lang)
			for _, viewer := range []string{"nina", "nobody-of-ours", "adax"} {
				if got, n := asked(c.method, c.path, viewer, c.form, "Accept-Language", lang); got != want || n != queries {
					t.Errorf("%s %s as %s: %d queries, not %d\n%s\nnot\n%s", c.method, c.path, viewer, n, queries, got, want)
				}
			}
		}
	}
	_, known := asked("POST", code, "", url.Values{"code": {codeOf(0)}})
	for _, unknown := range []string{"0000-0000-0000", "", "not a code", strings.Repeat("7", 4000)} {
		if _, n := asked("POST", code, "", url.Values{"code": {unknown}}); n != known {
			t.Errorf("%.20s: %d queries, and %d for one that is known", unknown, n, known)
		}
	}
	// Who saw it is told what viewers are told, and not that somebody in particular is affected; who is affected is not told who saw it.
	if list := r.json("vera"); len(list) != 1 || list[0].Kind != notice.Viewers || strings.Contains(list[0].Text, "ada") {
		t.Errorf("%+v", list)
	}
	if list := r.json("ada"); len(list) != 1 || list[0].Kind != notice.Affected {
		t.Errorf("%+v", list)
	}
}

// Anybody may ask for a code, however it is typed, and hears when and about what it was: not to whom.
func TestCode(t *testing.T) {
	r := newRig(t)
	r.tell("c1", notice.Affected, "all")
	r.deliver(0, notice.Intended, notice.Took)
	ask := func(typed string, header ...string) (*http.Response, string) {
		return r.do("POST", code, "", url.Values{"code": {typed}}, header...)
	}
	for _, typed := range []string{codeOf(0), "7kq2 m4xd 9rto", "7KQ2M4XD9RTO", " 7kq2–m4xd–9rt0\n"} {
		res, page := ask(typed)
		contains(t, page, "Yes. We sent a notice with this code on 2018-11-22. It is about incident "+r.incident+" on www.shop.example.", "There is no notice for you here")
		if res.StatusCode != 200 || strings.Contains(page, "ada") {
			t.Error(res.Status, page)
		}
	}
	_, page := ask("7KQ2-M4XD-9RT1")
	contains(t, page, "No. We have sent no notice with this code.")
	_, text := ask(codeOf(0), "Accept", "application/json")
	var a codeAnswer
	r.must(json.Unmarshal([]byte(text), &a))
	if a != (codeAnswer{CodeSchema, true, "2018-11-22", r.incident, "www.shop.example"}) {
		t.Errorf("%+v", a)
	}
	if res, _ := ask(codeOf(0), "Sec-Fetch-Site", "cross-site"); res.StatusCode != http.StatusForbidden {
		t.Error("another site's form:", res.Status)
	}
	for length, want := range map[int]int{maxForm - len("code="): 200, maxForm - len("code=") + 1: 400} {
		if res, _ := ask(strings.Repeat("7", length)); res.StatusCode != want {
			t.Errorf("%d bytes: %s", length, res.Status)
		}
	}
}

// Those who saw it say what became of it, and may change their mind; nobody else is heard.
func TestAnswers(t *testing.T) {
	r := newRig(t)
	r.tell("v1", notice.Viewers, "all")
	contains(t, r.get("vera"), "What do you have of it?", "I have deleted it.", "please delete what we showed you", `value="`+r.incident+`"`)
	say := func(viewer, answered string, header ...string) (*http.Response, string) {
		return r.do("POST", answer, viewer, url.Values{"incident": {r.incident}, "answer": {answered}}, header...)
	}
	for _, viewer := range []string{"", "nina", "ada"} {
		if res, body := say(viewer, "deleted"); res.StatusCode != http.StatusForbidden || !strings.Contains(body, "Sign in to the shop") {
			t.Error(viewer, res.Status)
		}
	}
	if res, _ := say("vera", "deleted", "Origin", "https://evil.example"); res.StatusCode != http.StatusForbidden {
		t.Error("another site answers for her:", res.Status)
	}
	if res, _ := say("vera", "perhaps"); res.StatusCode != http.StatusBadRequest {
		t.Error(res.Status)
	}
	if len(r.answers) != 0 {
		t.Fatal("heard:", r.answers)
	}
	_, page := say("vera", candor.AnswerContact)
	contains(t, page, "Thank you. Your answer: “I still have something: please contact me.”")
	say("will", candor.AnswerNone)
	r.now = r.now.Add(time.Minute)
	say("vera", candor.AnswerDeleted)
	contains(t, r.get("vera"), "Your answer: “I have deleted it.”", `value="deleted" required checked`)
	if list := r.json("vera"); list[0].Answer != candor.AnswerDeleted || list[0].Channel != "site" {
		t.Errorf("%+v", list[0])
	}
	asked, by, err := r.ledger.Answers(t.Context(), r.incident)
	if err != nil || asked != 2 || fmt.Sprint(by) != "map[deleted:1 none:1]" {
		t.Error(asked, by, err)
	}
	if r.answers[0].Digest != (candor.Viewer{Customer: "vera"}).Digest(r.guard.Key) {
		t.Errorf("%+v", r.answers[0])
	}
}

// While the ledger cannot be asked everybody hears the same.
func TestLedgerAway(t *testing.T) {
	r := newRig(t)
	r.tell("c1", notice.Affected, "all")
	r.ledger.Close()
	first := ""
	for _, viewer := range []string{"", "nina", "ada"} {
		res, body := r.do("GET", notices, viewer, nil)
		if first == "" {
			first = answerOf(res, body)
		}
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || answerOf(res, body) != first {
			t.Error(viewer, res.Status, body)
		}
	}
}

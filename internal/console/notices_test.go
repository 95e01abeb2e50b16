package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
	"candor.example/scan"
)

var campaignID = strings.Replace(incidentID, "inc-", "not-", 1) + "-a-1"

// campaigned tells the people of the incident at incidentID, who are 60, as far as it is wanted.
func (r *rig) campaigned(t *testing.T) {
	t.Helper()
	r.drafting(t)
	r.do(t, "Ada Lind", candor.NoticeDrafted, "kind", "affected", "needs", "2")
}

// do does something to the campaign, and must succeed.
func (r *rig) do(t *testing.T, by, what string, details ...string) {
	t.Helper()
	a := candor.Action{ID: candor.NewID(), Time: r.now, By: by, What: what, Incident: incidentID, Details: map[string]string{"campaign": campaignID}}
	for i := 0; i+1 < len(details); i += 2 {
		if a.Details[details[i]] = details[i+1]; details[i] == "why" {
			a.Why = details[i+1]
		}
	}
	var documents []candor.Document
	if what == candor.NoticeDrafted {
		d := candor.Document{Type: notice.DraftSchema, Body: r.written(t)}
		d.Hash = candor.HashOf(d.Body)
		a.Details["draft"], documents = d.Hash, append(documents, d)
	}
	if err := r.o.Act(t.Context(), a, documents...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// written is a draft from the facts as they are.
func (r *rig) written(t *testing.T) []byte {
	t.Helper()
	f, err := r.o.Facts(t.Context(), incidentID)
	if err != nil {
		t.Fatal(err)
	}
	d, err := notice.Write(f, notice.Affected)
	if err != nil {
		t.Fatal(err)
	}
	body, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func (r *rig) theCampaign(t *testing.T) notice.Campaign {
	t.Helper()
	c, err := r.ledger.Campaign(t.Context(), campaignID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// approved brings it to where it may start, with somebody exposed since the set was frozen.
func (r *rig) approved(t *testing.T) {
	t.Helper()
	r.campaigned(t)
	r.do(t, "Ada Lind", candor.NoticeFrozen, "signer", "shop.example/candor+1a2b3c4d")
	r.do(t, "Ada Lind", candor.NoticeWaived, "rule", "N23", "text", "gdpr/ja", "why", "the measure is made for English")
	draft := r.theCampaign(t).Draft
	r.do(t, "Ada Lind", candor.NoticeSeeded, "seed", "gmail", "draft", draft, "dkim", "pass", "dmarc", "pass", "spam", "no")
	r.do(t, "Ben Oduya", candor.NoticeApproved, "content", r.theCampaign(t).Content())
	r.do(t, "Cem Aydin", candor.NoticeApproved, "content", r.theCampaign(t).Content())
	r.do(t, "Ada Lind", candor.NoticeSeeded, "seed", "outlook", "draft", draft, "dkim", "pass", "dmarc", "fail", "spam", "yes")
	r.disclose(t, "GET /products/{id}", 777, 39, candor.Exposed)
}

// sent tells what came of the first of them.
func (r *rig) sent(t *testing.T) {
	t.Helper()
	r.do(t, "Ben Oduya", candor.NoticeStarted, "share", "all")
	var events []notice.Event
	say := func(n int, e notice.Event) {
		e.N, e.Key, e.Time, e.Attempt = n, fmt.Sprintf("k%025d", n), r.now.Add(time.Duration(n-60)*time.Second), 1
		events = append(events, e)
	}
	for n := range 50 {
		provider := []string{"google.com", "outlook.com", "other"}[n%3]
		if n == 44 {
			say(n, notice.Event{Kind: notice.Kept, Cause: "no-seal"})
			continue
		}
		if n == 45 {
			say(n, notice.Event{Kind: notice.Deferred, Cause: "throttled", Status: "4.7.0", Detail: "421 4.7.0 try again later", Provider: provider})
			continue
		}
		say(n, notice.Event{Kind: notice.Intended, Provider: provider})
		switch {
		case n < 40:
			say(n, notice.Event{Kind: notice.Took, Detail: "250 2.0.0 queued as 4Fk", Provider: provider})
		case n < 43:
			say(n, notice.Event{Kind: notice.Refused, Cause: "no-mailbox", Status: "5.1.1", Detail: "550 5.1.1 <a****@s***.example> unknown", Provider: provider})
		}
	}
	if err := r.ledger.FoldDelivery(t.Context(), campaignID, ledger.Deliveries{Seq: uint64(len(events)), Events: events}); err != nil {
		t.Fatal(err)
	}
}

func TestNoticePages(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	c := r.client(t)
	if _, body := get(t, c, r.server.URL+"/notices"); !strings.Contains(body, "None. An") {
		t.Error("no notices, and no word of it")
	}
	r.approved(t)
	r.sent(t)
	const sum = "60 affected = 40 accepted + 3 bounced + 0 by another channel + 5 in doubt + 1 withheld + 11 waiting"
	page := strings.ReplaceAll(sum, "+", "&#43;")
	for path, wants := range map[string][]string{
		"/notices": {campaignID, "sending to all of 60 people", "/incidents/" + incidentID, "other channel"},
		"/notices/" + campaignID: {page, "Ada Lind", "Ben Oduya", "Cem Aydin", "who could not approve it", "the measure is made for English", "N23", "gdpr/ja", "outlook", "1 more", "is to be told", "shop.example/candor",
			"people?state=in-doubt", "5 notices are in doubt", "google.com", "no mailbox", "no address was sealed of them", "/pause", "/cancel", "/channel", "candor notice status"},
		"/notices/" + campaignID + "/people":                                {"In doubt", "k0000000000000000000000046", "/resolve?key=k0000000000000000000000046"},
		"/notices/" + campaignID + "/people?state=bounced&cause=no-mailbox": {"550 5.1.1 &lt;a****@s***.example&gt; unknown", "5.1.1"},
		"/notices/" + campaignID + "/people?state=accepted":                 {"queued as 4Fk"},
		"/api/notices":               {`"id":"` + campaignID + `"`, `"standing":"sending to all of 60 people"`},
		"/api/notices/" + campaignID: {`"approved_by":["Ben Oduya","Cem Aydin"]`, `"exposed_since":1`, `"sum":"` + sum, `"in_the_way":["`, `"providers":[{"provider":`},
		"/api/notices/" + campaignID + "/people?state=in-doubt": {`"key":"k0000000000000000000000046"`, `"state":"in-doubt"`},
		"/incidents/" + incidentID:                              {"/notices/" + campaignID, "sending to all of 60 people"},
		"/api/incidents/" + incidentID:                          {`"notices":[{"id":"` + campaignID},
	} {
		status, body := get(t, c, r.server.URL+path)
		for _, want := range wants {
			if status != 200 || !strings.Contains(body, want) {
				t.Errorf("%s: %d, without %q", path, status, want)
			}
		}
	}
	for _, path := range []string{"/notices/not-none", "/notices/not-none/people", "/notices/not-none/pause", "/api/notices/not-none", "/notices/" + campaignID + "/people?state=happy", "/notices/" + campaignID + "/people?after=x", "/notices/" + campaignID + "/destroy"} {
		if status, _ := get(t, c, r.server.URL+path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, path := range []string{"/notices", "/notices/" + campaignID, "/notices/" + campaignID + "/people", "/api/notices/" + campaignID} {
		if status, _ := get(t, http.DefaultClient, r.server.URL+path); status != 401 {
			t.Errorf("%s: not signed in: %d", path, status)
		}
	}
}

// Everybody of a state is listed, a page at a time.
func TestNoticePeoplePages(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	r.approved(t)
	c := r.client(t)
	path := r.server.URL + "/notices/" + campaignID + "/people?state=queued"
	_, first := get(t, c, path)
	if strings.Count(first, "<tr>") != 1+peopleAPage || !strings.Contains(first, "after=49") {
		t.Error("the first page:", strings.Count(first, "<tr>"))
	}
	_, second := get(t, c, path+"&after=49")
	if strings.Count(second, "<tr>") != 1+10 || strings.Contains(second, "The next") {
		t.Error("the second page:", strings.Count(second, "<tr>"))
	}
}

// as is a browser of somebody else.
func (r *rig) as(t *testing.T, name string) *http.Client {
	t.Helper()
	jar := &oneCookie{}
	c := &http.Client{Jar: jar}
	u, _ := url.Parse(r.SignInURL(r.server.URL))
	res, err := c.PostForm(r.server.URL+"/sign-in", url.Values{"token": {u.Query().Get("token")}, "name": {name}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return c
}

// From the first draft to the last doubt, each step is asked for with what it means, and the books say who did it.
func TestNoticeActs(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	r.campaigned(t)
	ada, ben, cem := r.as(t, "Ada Lind"), r.as(t, "Ben Oduya"), r.as(t, "Cem Aydin")
	page := r.server.URL + "/notices/" + campaignID
	step := func(c *http.Client, what string, form url.Values, want string) {
		t.Helper()
		if status, body := post(t, c, page+"/"+what, form); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d, without %q", what, status, want)
		}
	}
	refused := func(c *http.Client, what string, form url.Values, want string) {
		t.Helper()
		if status, body := post(t, c, page+"/"+what, form); status != 422 || !strings.Contains(body, want) {
			t.Errorf("%s: %d, without %q", what, status, want)
		}
	}
	if _, body := get(t, ada, page+"/freeze"); !strings.Contains(body, "makes approvals void") || strings.Contains(body, "live.js") {
		t.Error("freeze does not say what it means")
	}
	step(ada, "freeze", nil, "frozen for 60 people; next: 2 approvals")
	content := r.theCampaign(t).Content()
	if _, body := get(t, ada, page+"/approve"); !strings.Contains(body, "Who wrote it cannot approve it") || strings.Contains(body, `class="do"`) {
		t.Error("who wrote it is asked to approve it")
	}
	refused(ada, "approve", url.Values{"content": {content}}, "Who wrote it cannot approve it")
	refused(r.as(t, ""), "approve", url.Values{"content": {content}}, "an approval is somebody&#39;s")
	if _, body := get(t, ben, page+"/approve"); !strings.Contains(body, "60 people of "+incidentID+" will get this notice; approved so far by: nobody.") || !strings.Contains(body, content) {
		t.Error("approve does not say what it means")
	}
	refused(ben, "approve", url.Values{"content": {strings.Repeat("0", 64)}}, "it has changed since: look at it again")
	step(ben, "approve", url.Values{"content": {content}}, "1 of 2 approvals")
	refused(ben, "approve", url.Values{"content": {content}}, "You have approved it already")
	for who, want := range map[*http.Client]string{ada: "you, Ada Lind, wrote it: somebody else has to", ben: "you, Ben Oduya, have: somebody else has to", cem: "you, Cem Aydin, may"} {
		if _, body := get(t, who, page); !strings.Contains(body, want) || !strings.Contains(body, "anyone but Ada Lind, who wrote it, and Ben Oduya, who has") {
			t.Errorf("without %q", want)
		}
	}
	step(cem, "approve", url.Values{"content": {content}}, "approved by Ben Oduya, Cem Aydin; next")
	refused(cem, "start", url.Values{"share": {"61"}}, "a number of people up to 60, or all")
	refused(cem, "start", nil, "Share is missing.")
	step(cem, "start", url.Values{"share": {"10%"}}, "a canary goes to 6 of 60 people")
	step(cem, "pause", nil, "paused; next")
	step(cem, "resume", nil, "a canary goes to 6")
	r.sentAll(t, "k-doubt")
	if _, body := get(t, cem, page+"/resolve?key=k-doubt"); !strings.Contains(body, "key k-doubt") || !strings.Contains(body, "send it once more") || !strings.Contains(body, "never sent again by itself") {
		t.Error("resolve does not say what it means")
	}
	refused(cem, "resolve?key=k-doubt", url.Values{"as": {"accepted"}}, "Why is missing.")
	refused(cem, "resolve?key=k-doubt", url.Values{"as": {"lost"}, "why": {"the log"}}, "take one of these")
	refused(cem, "resolve?key=k-none", url.Values{"as": {"again"}, "why": {"the log"}}, "no notice with such a key")
	step(cem, "resolve?key=k-doubt", url.Values{"as": {"other"}, "why": {"the relay's log has no such key"}}, "Nobody.")
	refused(cem, "channel", nil, "By which channel is missing.")
	step(cem, "channel", url.Values{"channel": {"post"}}, "1 by another channel")
	refused(cem, "cancel", nil, "Why is missing.")
	step(cem, "cancel", url.Values{"why": {"a letter goes to everybody instead"}}, "59 withheld")
	rows, _ := r.ledger.Audit(t.Context(), incidentID, 1)
	if rows[0].By != "Cem Aydin" || rows[0].What != candor.NoticeCancelled || rows[0].Details["campaign"] != campaignID {
		t.Errorf("audit: %+v", rows[0])
	}
	r.o.Act = nil
	if status, _ := post(t, cem, page+"/pause", nil); status != 404 {
		t.Error("nothing can be done here:", status)
	}
}

// sentAll leaves the first person in doubt.
func (r *rig) sentAll(t *testing.T, key string) {
	t.Helper()
	if err := r.ledger.FoldDelivery(t.Context(), campaignID, ledger.Deliveries{Seq: 1, Events: []notice.Event{{N: 0, Key: key, Kind: notice.Intended, Time: r.now, Attempt: 1, Provider: "other"}}}); err != nil {
		t.Fatal(err)
	}
}

// What strangers wrote, and people typed, is text.
func TestHostileNotice(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	evil := `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	r.drafting(t)
	r.do(t, evil, candor.NoticeDrafted, "kind", "affected", "needs", "2")
	r.do(t, evil, candor.NoticeFrozen, "signer", evil)
	r.do(t, evil, candor.NoticeWaived, "rule", evil, "text", evil, "why", evil)
	r.do(t, evil, candor.NoticeSeeded, "seed", evil, "draft", r.theCampaign(t).Draft, "dkim", evil, "dmarc", evil)
	err := r.ledger.FoldDelivery(t.Context(), campaignID, ledger.Deliveries{Seq: 2, Events: []notice.Event{{N: 0, Key: evil, Kind: notice.Intended, Time: r.now, Provider: evil, Detail: evil, Cause: evil}, {N: 1, Key: "k", Kind: notice.Kept, Cause: evil, Detail: evil, Status: evil, Provider: evil}}})
	if err != nil {
		t.Fatal(err)
	}
	c := r.client(t)
	page := "/notices/" + campaignID
	for _, path := range []string{page, page + "/people", page + "/people?state=withheld&cause=" + url.QueryEscape(evil), page + "/resolve?key=" + url.QueryEscape(evil), page + "/waive?rule=" + url.QueryEscape(evil), "/incidents/" + incidentID} {
		if status, body := get(t, c, r.server.URL+path); status != 200 || strings.Contains(body, "<script>") || strings.Contains(body, "<img src=x") || !strings.Contains(body, "&lt;script") {
			t.Errorf("%s: %d, not escaped", path, status)
		}
	}
}

// A page that asks each second does not have a large set counted each second; whoever did something sees it at once.
func TestTallyIsNotCountedAllTheTime(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	r.approved(t)
	r.do(t, "Ben Oduya", candor.NoticeStarted, "share", "all")
	look := func() int {
		tally, err := r.tally(t.Context(), campaignID)
		if err != nil {
			t.Fatal(err)
		}
		return tally.States[notice.InDoubt] + tally.States[notice.Withheld]
	}
	look()
	took := func(d time.Duration) {
		k := r.tallies.kept[campaignID]
		k.took = d
		r.tallies.kept[campaignID] = k
	}
	took(time.Second)
	r.sentAll(t, "k1")
	if look() != 0 {
		t.Error("counted again at once")
	}
	r.now = r.now.Add(10 * time.Second)
	if look() != 1 {
		t.Error("not counted again after ten times as long as it took")
	}
	took(time.Hour)
	r.do(t, "Ben Oduya", candor.NoticeCancelled, "why", "a test")
	if look() != 60 {
		t.Error("what somebody did is not seen at once")
	}
}

func TestInTheWay(t *testing.T) {
	c := notice.Campaign{ID: "not-1", Kind: notice.Affected, Phase: notice.Drafting, Needs: 2, Set: "s", People: 10, Started: start}
	tally := ledger.Tally{Affected: 10, States: map[notice.State]int{notice.Queued: 10}}
	for _, test := range []struct {
		name   string
		change func(*notice.Campaign, *ledger.Tally)
		after  time.Duration
		want   string // "" : nothing
	}{
		{"no seeds", nil, 0, "No mailbox of your own"},
		{"approvals", nil, 0, "2 more approvals are missing"},
		{"a bad seed", func(c *notice.Campaign, _ *ledger.Tally) { c.Seeds = []notice.Seed{{Name: "gmail", DKIM: "fail"}} }, 0, "It cannot be approved: seed gmail: dkim=fail"},
		{"paused", func(c *notice.Campaign, _ *ledger.Tally) { c.Phase = notice.Paused }, 0, "It is paused"},
		{"nobody sends", func(c *notice.Campaign, _ *ledger.Tally) { c.Phase, c.Share = notice.Sending, 10 }, 0, "No process sends it, and 10 people wait for it. Start one where the private keys are: candor notice send not-1."},
		{"the canary is out", func(c *notice.Campaign, t *ledger.Tally) {
			c.Phase, c.Share, t.States = notice.Canary, 1, map[notice.State]int{notice.Queued: 9, notice.Accepted: 1}
		}, time.Hour, "The canary has gone out"},
		{"all are out", func(c *notice.Campaign, t *ledger.Tally) {
			c.Phase, c.Share, t.States = notice.Sending, 10, map[notice.State]int{notice.Accepted: 10}
		}, time.Hour, "Nobody waits any more"},
		{"tried again", func(c *notice.Campaign, t *ledger.Tally) {
			c.Phase, c.Share, t.Rows = notice.Sending, 10, []ledger.TallyRow{{State: notice.Queued, Cause: "throttled", People: 3}}
		}, 0, "3 people wait to be tried again: throttled."},
		{"complaints", func(c *notice.Campaign, t *ledger.Tally) {
			c.Phase, t.Complaints, t.States = notice.Sending, 1, map[notice.State]int{notice.Accepted: 1000}
		}, 0, "0.10 % were marked as unwanted: receivers throttle"},
		{"fewer complaints", func(c *notice.Campaign, t *ledger.Tally) {
			c.Phase, t.Complaints, t.States = notice.Sending, 1, map[notice.State]int{notice.Accepted: 1001, notice.Queued: 1}
		}, 0, ""},
		{"too many complaints", func(c *notice.Campaign, t *ledger.Tally) {
			c.Phase, t.Complaints, t.States = notice.Sending, 3, map[notice.State]int{notice.Accepted: 1000}
		}, 0, "receivers refuse all of it"},
		{"over", func(c *notice.Campaign, t *ledger.Tally) {
			c.Phase, t.Rows = notice.Cancelled, []ledger.TallyRow{{State: notice.Queued, Cause: "throttled", People: 3}}
		}, time.Hour, ""},
	} {
		v, s := c, tally
		if test.change != nil {
			test.change(&v, &s)
		}
		text := strings.Join(InTheWay(v, s, notice.Progress{}, start.Add(test.after)), "\n")
		if (test.want == "") != (text == "") || !strings.Contains(text, test.want) {
			t.Errorf("%s: %q", test.name, text)
		}
	}
}

// What its senders say of a campaign that is being sent.
func TestSenderInTheWay(t *testing.T) {
	c := notice.Campaign{ID: "not-1", Kind: notice.Affected, Phase: notice.Sending, People: 10, Share: 10}
	tally := ledger.Tally{Affected: 10, States: map[notice.State]int{notice.Queued: 10}}
	well := notice.Progress{Time: start, Since: start.Add(-time.Minute), Workers: []string{"mail-1"}}
	held := notice.ProviderProgress{Name: "p.example", Rate: 500, Why: "4.7.0", Since: start.Add(-time.Minute), Held: start.Add(time.Minute)}
	for _, test := range []struct {
		name   string
		change func(*notice.Progress)
		want   string // "": nothing
	}{
		{"all is well", func(*notice.Progress) {}, ""},
		{"silent for long", func(p *notice.Progress) { p.Time = start.Add(-15 * time.Second) }, "One was heard of last 15 s ago."},
		{"ended", func(p *notice.Progress) { p.Workers = nil }, "No process sends it"},
		{"halted", func(p *notice.Progress) { p.Workers, p.Halted = nil, "25 were refused in a row" }, "A sender has stopped: 25 were refused in a row."},
		{"held", func(p *notice.Progress) { p.Providers = []notice.ProviderProgress{held} }, "p.example puts off (4.7.0), since 09:59:00 UTC: it is left alone until 10:01:00 UTC, and then gets 500 an hour."},
		{"held until now", func(p *notice.Progress) {
			held := held
			held.Held = start
			p.Providers = []notice.ProviderProgress{held}
		}, ""},
		{"a relay", func(p *notice.Progress) {
			p.Relays = []notice.RelayProgress{{Addr: "mx:25", Why: "connection refused"}}
		}, "The relay mx:25 takes nothing: connection refused."},
		{"nothing moves", func(p *notice.Progress) { p.Since = start.Add(-stuck - time.Second) }, "A sender runs, and nothing has moved for 2 min."},
	} {
		p := well
		test.change(&p)
		if text := strings.Join(InTheWay(c, tally, p, start), "\n"); (test.want == "") != (text == "") || !strings.Contains(text, test.want) {
			t.Errorf("%s: %q", test.name, text)
		}
	}
}

// While it is sent, the page says who sends it, how fast, and what receivers let through.
func TestSenderOnPage(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	r.approved(t)
	r.sent(t)
	r.says(t)
	c := r.client(t)
	for path, wants := range map[string][]string{
		"/notices/" + campaignID:     {"mail-1-4711", "2.5 accepted a second", "google.com puts off (4.7.0)", "10:40:04</time>", `data-is="in the way">puts off (4.7.0): left alone until 10:41:00 UTC`, "its pace: 3 people wait", "fresh.example", "500</td>"},
		"/api/notices/" + campaignID: {`"running":true`, `"per_second":2.5`, `"left":11`, `"sender":{"time":`},
	} {
		_, body := get(t, c, r.server.URL+path)
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s: without %q", path, want)
			}
		}
	}
	r.now = r.now.Add(time.Minute)
	if _, body := get(t, c, r.server.URL+"/notices/"+campaignID); !strings.Contains(body, "no process") || !strings.Contains(body, "heard of last 1 min ago") || strings.Contains(body, "Allowed an hour") {
		t.Error("a sender that died still sends")
	}
}

// says is a sender's word while it sends.
func (r *rig) says(t *testing.T) {
	t.Helper()
	p := notice.Progress{Time: r.now, Since: r.now.Add(-time.Minute), Workers: []string{"mail-1-4711"}, Rate: 2.5, Providers: []notice.ProviderProgress{
		{Name: "google.com", Rate: 500, Waiting: 7, Held: r.now.Add(time.Minute), Since: r.now.Add(-time.Minute), Why: "4.7.0"}, {Name: "fresh.example", Rate: 1000, Waiting: 3}},
		Relays: []notice.RelayProgress{{Addr: "relay.shop.example:587", Conns: 4}}}
	if err := r.ledger.KeepProgress(t.Context(), campaignID, p); err != nil {
		t.Fatal(err)
	}
}

// Before it is approved, the page says whether it will be done by the earliest clock.
func TestFeasible(t *testing.T) {
	r := newRig(t)
	r.now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC) // a Monday: Brazil's three working days end with Thursday there
	var list []candor.Disclosure
	for n := range 1200 {
		list = append(list, candor.Disclosure{Site: "www.shop.example", Route: "GET /products/{id}", Owner: fmt.Sprint("c", n), Kind: scan.Email, Viewer: "customer", ViewerDigest: "v", Class: candor.Disclosed, Outcome: candor.Exposed, Time: start, Country: "BR"})
	}
	r.fold(t, candor.Entry{Disclosures: list})
	r.fold(t, candor.Entry{Actions: []candor.Action{{ID: "aware", Time: r.now, By: "Ada Lind", What: candor.Confirmed, Incident: incidentID}}})
	r.campaigned(t)
	c := r.client(t)
	has := func(wants ...string) {
		t.Helper()
		_, body := get(t, c, r.server.URL+"/notices/"+campaignID)
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("without %q", want)
			}
		}
	}
	const law = "LGPD art. 48"
	has("Will it be done in time?", "1,200 people", "from 1,000 an hour to one receiver, twice as many each 30 min while it takes everything, to 50,000", "51 min at most<", "all of 1,200 people are at one receiver, which takes the longest", "candor notice feasible "+campaignID, "in time", law)
	r.o.Limits.Total = 10
	has("5 days 0 h at most", "10 an hour in all", "<strong>311 people not reached by then</strong>", "By 27 Nov 2026, 02:59 UTC", "would not be reached at this pace, if all were at one receiver: open another channel for them now.")
	r.do(t, "Ada Lind", candor.NoticeFrozen, "signer", "k")
	if err := r.ledger.KeepReceivers(t.Context(), campaignID, r.theCampaign(t).Set, map[string]int{"big.example": 1100, "other": 100}); err != nil {
		t.Fatal(err)
	}
	r.o.Limits.Total = 0
	has("big.example 1,100, all others 100", "<dd>48 min</dd>", "in time")
	if _, body := get(t, r.as(t, "Ben Oduya"), r.server.URL+"/notices/"+campaignID+"/approve"); !strings.Contains(body, "It takes 48 min, if every receiver takes everything, and is in time for the earliest clock (27 Nov 2026") {
		t.Error("who approves is not told whether it will be in time")
	}
	if _, body := get(t, c, r.server.URL+"/api/notices/"+campaignID); !strings.Contains(body, `"feasibility":{"people":1200,"counted":true,"needs":`) || !strings.Contains(body, `"in_time":true`) {
		t.Error("the sum is not in the data")
	}
	r.do(t, "Ben Oduya", candor.NoticeApproved, "content", r.theCampaign(t).Content())
	r.do(t, "Cem Aydin", candor.NoticeApproved, "content", r.theCampaign(t).Content())
	r.do(t, "Cem Aydin", candor.NoticeStarted, "share", "all")
	if _, body := get(t, c, r.server.URL+"/notices/"+campaignID); strings.Contains(body, "Will it be done in time?") {
		t.Error("what may have left already is still being considered")
	}
}

package console

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// waitingNow are the sentences of what waits, each with whom it waits for, as the overview has them.
func (r *rig) waitingNow(t *testing.T) (list []string) {
	t.Helper()
	_, body := get(t, r.client(t), r.server.URL+"/api/status")
	var o overview
	if err := json.Unmarshal([]byte(body), &o); err != nil {
		t.Fatal(err)
	}
	for _, w := range o.Waiting {
		if w.Incident == incidentID {
			list = append(list, w.What+" "+w.For)
		}
	}
	return list
}

// What waits for somebody stands on the overview and on the incident's page, from the first disclosure to the last doubt, and no longer than it waits.
func TestWaiting(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	r.reporting(t)
	r.publishing(t)
	waits := func(wants ...string) {
		t.Helper()
		got := strings.Join(r.waitingNow(t), "\n")
		for _, want := range wants {
			if no, ok := strings.CutPrefix(want, "no "); ok && strings.Contains(got, no) || !ok && !strings.Contains(got, want) {
				t.Errorf("%q:\n%s", want, got)
			}
		}
	}
	first := func(want string) {
		t.Helper()
		if list := r.waitingNow(t); len(list) == 0 || !strings.Contains(list[0], want) {
			t.Errorf("%q is not the first: %q", want, list)
		}
	}
	r.change(func(s *Status) { s.Mode = "observe" })
	first("People are being exposed")
	r.do(t, "Ada Lind", candor.Contained, "site", "www.shop.example", "route", "GET /products/{id}", "mode", "mask")
	waits("no People are being exposed", "Is it a breach?", "no Nobody has been told")
	r.do(t, "Ada Lind", candor.Confirmed)
	waits("no Is it a breach?", "Nobody has said that its cause is gone. who builds the site", "Nobody has been told yet: draft a notice to 60 people.", "Nothing is public yet.")
	r.do(t, "Ada Lind", candor.Fixed, "release", "2018.11.20-2")
	waits("no Nobody has said", "The fix is not proved: candor incident verify "+incidentID)

	r.do(t, "Ada Lind", candor.NoticeDrafted, "kind", "affected", "needs", "2")
	waits("no Nobody has been told", "it is not frozen who is told")
	r.do(t, "Ada Lind", candor.NoticeFrozen, "signer", "k")
	waits("2 approvals are missing for 60 people. anybody but Ada Lind")
	r.do(t, "Ada Lind", candor.NoticeWaived, "rule", "N23", "text", "gdpr/ja", "why", "the measure is made for English")
	r.do(t, "Ben Oduya", candor.NoticeApproved, "content", r.theCampaign(t).Content())
	waits("1 approval is missing for 60 people. anybody but Ada Lind and Ben Oduya")
	r.do(t, "Cem Aydin", candor.NoticeApproved, "content", r.theCampaign(t).Content())
	waits("approved, and nothing has gone out")
	r.sent(t)
	waits("5 people are in doubt: say what became of each. who can read the relay's log", "4 people were not reached by mail", "No process sends")
	_, body := get(t, r.client(t), r.server.URL+"/incidents/"+incidentID)
	for _, want := range []string{"What waits, and for whom", "5 people are in doubt", `href="/notices/` + campaignID + `/people"`, `<a href="#waiting">What waits</a>`} {
		if !strings.Contains(body, want) {
			t.Errorf("the incident's page is without %q", want)
		}
	}
	page := r.server.URL + "/incidents/" + incidentID + "/report/publish"
	c := r.as(t, "Ada Lind")
	_, body = get(t, c, page)
	if status, _ := post(t, c, page, map[string][]string{"seen": {formField(t, body, "seen")}}); status != 200 {
		t.Fatal("published:", status)
	}
	waits("no Nothing is public yet", "questions are open in the published report. who answers in public")
	for _, path := range []string{"/", "/incidents"} {
		_, body := get(t, c, r.server.URL+path)
		for _, want := range []string{`href="/notices/` + campaignID + `"`, `href="/incidents/` + incidentID + `/report"`, `href="/incidents/` + incidentID + `/filings"`} {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not lead to %s", path, want)
			}
		}
	}
}

// A duty to tell a regulator waits, the earliest first, until something is on record as filed; what is late says so.
func TestClocksWait(t *testing.T) {
	r := newRig(t)
	r.reporting(t)
	r.judged(t)
	overviewOf := func() string {
		_, body := get(t, r.client(t), r.server.URL+"/")
		return body
	}
	const told = "or the lead one of art. 56 is to be told (GDPR art. 33(1))"
	if body := overviewOf(); !strings.Contains(body, told) || !strings.Contains(body, "/incidents/"+accountID+"/filings") {
		t.Error("no clock on the overview")
	}
	r.now = r.now.Add(80 * time.Hour)
	r.disclose(t, "GET /other", 1, 0, candor.Prevented)
	if body := overviewOf(); !strings.Contains(body, " late</strong>") || !strings.Contains(body, `<tr class="overdue">`) {
		t.Error("late, and it does not say so")
	}
	a := candor.Action{ID: candor.NewID(), Time: r.now, By: "Ada Lind", What: candor.Filed, Incident: accountID, Details: map[string]string{"rule": "eu-regulator", "phase": "initial", "how": "web form"}}
	r.fold(t, candor.Entry{Actions: []candor.Action{a}})
	if body := overviewOf(); strings.Contains(body, told) {
		t.Error("filed, and it still waits")
	}
}

// A campaign may be done while people were perhaps not told: it says so, before and afterwards, and they can still be settled.
func TestDoneIsNotSettled(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	r.approved(t)
	r.sent(t)
	var rest []notice.Event
	for n := 45; n < 60; n++ {
		if n == 45 || n >= 50 {
			rest = append(rest, notice.Event{N: n, Kind: notice.Kept, Cause: "no-address", Time: r.now})
		}
	}
	if err := r.ledger.FoldDelivery(t.Context(), campaignID, ledger.Deliveries{After: 93, Seq: 104, Events: rest}); err != nil {
		t.Fatal(err)
	}
	c, page := r.as(t, "Ada Lind"), r.server.URL+"/notices/"+campaignID
	has := func(path string, wants ...string) {
		t.Helper()
		_, body := get(t, c, path)
		for _, want := range wants {
			if no, ok := strings.CutPrefix(want, "no "); ok == strings.Contains(body, no) {
				t.Errorf("%s: %q", path, want)
			}
		}
	}
	has(page, "it is over: nobody waits, but 20 people were perhaps not told", "Settle doubts")
	has(page+"/done", "These stay to be settled, and can be when it is done: 5 notices are in doubt", "3 notices were refused or returned", "12 notices are withheld")
	r.do(t, "Ada Lind", candor.NoticeDone)
	has(page, "done, but 20 people were perhaps not told", "What is left to do", "Settle doubts", "Tell otherwise", "no What stands in the way")
	has(r.server.URL+"/notices", "done, but 20 people were perhaps not told")
	has(page+"/resolve?key=k0000000000000000000000046", "it got there", "no send it once more")
	again := map[string][]string{"as": {"again"}, "why": {"the log has nothing"}, "key": {"k0000000000000000000000046"}}
	if status, body := post(t, c, page+"/resolve", again); status != 422 || !strings.Contains(body, "It is: take one of these.") {
		t.Error("sent again by what is over:", status)
	}
	a := candor.Action{ID: candor.NewID(), Time: r.now, By: "Ada Lind", Why: "the log has nothing", What: candor.NoticeResolved, Incident: incidentID, Details: map[string]string{"campaign": campaignID, "key": "k0000000000000000000000046", "as": "again"}}
	if err := r.o.Act(t.Context(), a); err == nil || !strings.Contains(err.Error(), "nothing is sent by it any more") {
		t.Error("sent again by what is over:", err)
	}
	again["as"] = []string{"other"}
	if status, _ := post(t, c, page+"/resolve", again); status != 200 {
		t.Error("settled when it is done:", status)
	}
	if status, _ := post(t, c, page+"/channel", map[string][]string{"channel": {"post"}}); status != 200 {
		t.Error("told otherwise when it is done:", status)
	}
	has(page, "done, but 4 people were perhaps not told")
}

// Who saw data, and who was only sent pages in which it was stopped, are two numbers: notices and the report count the first.
func TestViewersAreSplit(t *testing.T) {
	r := newRig(t)
	for n := range 5 {
		r.disclose(t, "GET /products/{id}", n, 0, candor.Exposed)
	}
	for n := 5; n < 12; n++ {
		r.disclose(t, "GET /products/{id}", n, 1, candor.Prevented)
	}
	_, body := get(t, r.client(t), r.server.URL+"/incidents/"+incidentID)
	list, err := r.ledger.ViewersOfExposed(t.Context(), incidentID)
	if err != nil {
		t.Fatal(err)
	}
	saw := 0
	for _, v := range list {
		saw += v.Count
	}
	i, err := r.ledger.Incident(t.Context(), incidentID)
	if err != nil || saw == 0 || saw >= i.Viewers {
		t.Fatal("no split to show:", saw, i.Viewers, err)
	}
	if want := number(saw) + " saw data; " + number(i.Viewers-saw) + " were sent a masked page only"; !strings.Contains(body, want) {
		t.Errorf("without %q", want)
	}
}

// What waits is not made anew because more was disclosed, which is so each second while it is urgent; it is when people begin to be exposed.
func TestWaitsAreNotMadeForEachDisclosure(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	waits := func() (list []wait, asked int64) {
		t.Helper()
		incidents, err := r.ledger.Incidents(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		before := r.ledger.Asked()
		if list, err = r.allWaits(t.Context(), incidents); err != nil {
			t.Fatal(err)
		}
		return list, r.ledger.Asked() - before
	}
	_, first := waits()
	r.disclose(t, "GET /products/{id}", 61, 30, candor.Prevented)
	if _, asked := waits(); asked >= first/2 {
		t.Errorf("%d queries where nothing was done, and %d to make it", asked, first)
	}
	r.change(func(s *Status) { s.Mode = "observe" })
	if list, _ := waits(); len(list) == 0 || !list[0].First {
		t.Errorf("people are being exposed, and it is not said: %+v", list)
	}
}

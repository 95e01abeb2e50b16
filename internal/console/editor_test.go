package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/notice"
)

// drafting lets a console draft for a made-up shop that knows everything; see rig.unknown.
func (r *rig) drafting(t *testing.T) {
	t.Helper()
	r.acting(t)
	r.o.Signer = func() (string, error) { return "shop.example/candor+1a2b3c4d", nil }
	r.o.Facts = func(ctx context.Context, id string) (notice.Facts, error) {
		f, err := r.ledger.Facts(ctx, id, r.now)
		f.Publisher = notice.Publisher{LegalName: "Muster Handel GmbH", Name: "Musterladen", Address: "Beispielweg 1, 10115 Berlin, Germany", Domain: "shop.example", Zone: "Europe/Berlin", Language: "de",
			Contact: notice.Contact{Role: "Customer care", Email: "privacy@shop.example", Phone: "+49 30 5550100"}, DPO: notice.Contact{Role: "Data Protection Officer", Name: "Ada Beispiel", Email: "dpo@shop.example"}}
		f.Regulators = []notice.Regulator{{Authority: "Berliner Beauftragte für Datenschutz", Law: "GDPR Art. 33", Filed: start.Add(24 * time.Hour), Reference: "711.42"}}
		f.Prevention, f.PoliceDelay = preventions, new(bool)
		f.Surface = notice.Words{"en": "the page of a product", "de": "die Seite eines Produkts"}
		f.Cause, f.Looked, f.Aware = incident.CauseSharedCache, candor.LookedAll, start.Add(5*time.Minute)
		f.Contained, f.ContainedHow, f.Fixed, f.FixReference, f.FixRelease = start.Add(8*time.Minute), "mask", start.Add(3*time.Hour), "SHOP-4711", "2018.11.20-2"
		f.Verified, f.Replayed, f.CleanSince = start.Add(4*time.Hour), 1000, 18422
		return f, err
	}
}

// unknown lets it know what the ledger of this test knows, which is little.
func (r *rig) unknown() {
	all := r.o.Facts
	r.o.Facts = func(ctx context.Context, id string) (notice.Facts, error) {
		f, err := r.ledger.Facts(ctx, id, r.now)
		known, _ := all(ctx, id)
		f.Publisher, f.Cause, f.UpdateBy = known.Publisher, incident.CauseUndetermined, start.Add(14*24*time.Hour)
		return f, err
	}
}

var preventions = notice.Words{"en": "Personal pages now tell every cache not to keep them.", "de": "Persönliche Seiten sagen jetzt jedem Cache, dass er sie nicht behalten darf.",
	"fr": "Les pages personnelles interdisent désormais à tout cache de les conserver.", "es": "Las páginas personales ahora prohíben a toda caché guardarlas.", "it": "Le pagine personali ora vietano a ogni cache di conservarle.",
	"nl": "Persoonlijke pagina's verbieden nu elke cache om ze te bewaren.", "pl": "Strony osobiste zabraniają teraz każdej pamięci podręcznej ich zachowywania.", "pt": "As páginas pessoais agora proíbem qualquer cache de guardá-las.",
	"ja": "個人のページは、どのキャッシュにも保存を禁じるようにしました。"}

// editing is Ada Lind's browser at the editor of an incident that no notice is about yet, with the words that it offers.
func (r *rig) editing(t *testing.T) (ada *http.Client, path, words string) {
	t.Helper()
	r.fill(t)
	r.drafting(t)
	ada, path = r.as(t, "Ada Lind"), r.server.URL+"/incidents/"+incidentID+"/notice"
	_, body := get(t, ada, path)
	return ada, path, typedIn(t, body)
}

// formField is what a form has under a name.
func formField(t *testing.T, body, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, `name="`+name+`" value="`)
	if !ok {
		t.Fatalf("no field %s", name)
	}
	value, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(value)
}

// typedIn is what stands in the textarea.
func typedIn(t *testing.T, body string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, `<textarea id="body"`)
	if !ok {
		t.Fatal("no textarea")
	}
	_, rest, _ = strings.Cut(rest, ">\n")
	text, _, _ := strings.Cut(rest, "</textarea>")
	return html.UnescapeString(text)
}

// The facts stand beside the words; what is not known is said.
func TestEditorShowsFacts(t *testing.T) {
	r := newRig(t)
	c, path, _ := r.editing(t)
	has := func(path string, wants ...string) {
		t.Helper()
		status, body := get(t, c, path)
		for _, want := range wants {
			if status != 200 || !strings.Contains(body, want) {
				t.Errorf("%s: %d, without %q", path, status, want)
			}
		}
	}
	has(path, "Written from the ledger's facts, and not kept yet.", "Keep as a draft", "<dd>60</dd>", "180 more, whose data was stopped", "20 Nov 2018, 11:00:00 CET", "Muster Handel GmbH", "SHOP-4711", "1,000 requests were asked again",
		"18,422 responses", "Customer care, privacy@shop.example", "none, and all of these responses were looked at", "no reason given", "none published", "Nothing is wrong with this text.", "text=california%2Fja", "Alex Example")
	has(path+"?text=gdpr%2Fde", "die Seite eines Produkts", `lang="de"`, preventions["de"])
	has(path+"?kind=viewers", "those who saw other people&#39;s data", "text=viewers%2Fde")
	r.unknown()
	has(path, "nobody has confirmed yet", "not yet: candor incident verify proves it", "undetermined", "the advice is to change passwords", "candor.yaml, notice.prevention", "not said whether any was told", "4 Dec 2018")
	if status, body := get(t, c, r.server.URL+"/api/incidents/"+incidentID+"/notice"); status != 200 || !strings.Contains(body, `"text":"gdpr/en","body":"Subject: `) || !strings.Contains(body, `"findings":`) {
		t.Error(status, body[:min(300, len(body))])
	}
	for _, path := range []string{path + "?kind=everybody", path + "?text=gdpr%2Fxx", path + "/mail/none", path + "/anew", r.server.URL + "/incidents/inc-none/notice"} {
		if status, _ := get(t, c, path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _ := get(t, http.DefaultClient, path); status != 401 {
		t.Error("not signed in:", status)
	}
	r.o.Facts = func(context.Context, string) (notice.Facts, error) {
		return notice.Facts{}, errors.New("candor.yaml: notice.publisher.address is missing")
	}
	has(path, "notice.publisher.address is missing", "Mend that")
	r.o.Facts = nil
	if status, _ := get(t, c, path); status != 404 {
		t.Error("nothing can be drafted here:", status)
	}
	if _, body := get(t, c, r.server.URL+"/incidents/"+incidentID); strings.Contains(body, "Draft a notice") {
		t.Error("the page offers what cannot be done")
	}
}

// Words are kept as a draft, judged when they are, and cannot be approved as long as an E stands against them.
func TestEditorKeeps(t *testing.T) {
	r := newRig(t)
	ada, path, words := r.editing(t)
	ben := r.as(t, "Ben Oduya")
	if words != strings.TrimRight(words, "\n")+"\n" || !strings.HasPrefix(words, "Subject: ") {
		t.Fatalf("%q", words)
	}
	form := func(base, words string) url.Values {
		return url.Values{"kind": {"affected"}, "text": {"gdpr/en"}, "base": {base}, "body": {strings.ReplaceAll(words, "\n", "\r\n")}}
	}
	status, body := post(t, ada, path, form("", words))
	if status != 200 || !strings.Contains(body, "Kept. Approvals") || !strings.Contains(body, "Nothing is wrong") || typedIn(t, body) != words {
		t.Fatal(status, body)
	}
	c := r.theCampaign(t)
	if c.Phase != notice.Drafting || c.Needs != 2 || c.Authors[0] != "Ada Lind" || formField(t, body, "base") != c.Draft {
		t.Errorf("%+v", c)
	}
	if _, body := get(t, ada, r.server.URL+"/incidents/"+incidentID); !strings.Contains(body, "/notices/"+campaignID) || !strings.Contains(body, "Draft a notice") {
		t.Error("the incident does not lead to its notice")
	}

	// Somebody else is slower, and loses nothing.
	status, body = post(t, ben, path, form("", words+"\nOne line more.\n"))
	if status != 422 || !strings.Contains(body, "Somebody else has kept other words") || !strings.Contains(typedIn(t, body), "One line more.") || formField(t, body, "base") != "" {
		t.Error("an edit from an older draft:", status)
	}
	// What cannot be read is not kept, and says in which line.
	status, body = post(t, ben, path, form(c.Draft, words+"\nSee {nothing}.\n"))
	if line := fmt.Sprintf("line %d", strings.Count(words, "\n")+2); status != 422 || !strings.Contains(body, line) || !strings.Contains(typedIn(t, body), "{nothing}") {
		t.Error("a place that does not exist:", status)
	}
	if r.theCampaign(t).Draft != c.Draft {
		t.Error("it was kept")
	}

	// A phrase that the rules forbid may be kept, and not be approved.
	bad := words + "\nWe take your security seriously.\n"
	status, body = post(t, ben, path, form(c.Draft, bad))
	if status != 200 || !strings.Contains(body, "E N17") || !strings.Contains(body, fmt.Sprintf("line %d", strings.Count(bad, "\n"))) || !strings.Contains(body, "With this it cannot be approved.") {
		t.Error("a phrase that says nothing:", status)
	}
	r.do(t, "Ada Lind", candor.NoticeFrozen, "signer", "k")
	cem := r.as(t, "Cem Aydin")
	page := r.server.URL + "/notices/" + campaignID
	if status, body := get(t, cem, page+"/approve"); status != 200 || !strings.Contains(body, "against it. Mend the words") || !strings.Contains(body, "N17") || !strings.Contains(body, "text=gdpr%2fen") && !strings.Contains(body, "text=gdpr/en") || strings.Contains(body, `class="do"`) {
		t.Error("the page asks to approve what cannot be:", status)
	}
	if status, body := post(t, cem, page+"/approve", url.Values{"content": {r.theCampaign(t).Content()}}); status != 422 || !strings.Contains(body, "N17") {
		t.Error("the server approves what cannot be:", status)
	}
	if n := len(r.theCampaign(t).Approvals); n != 0 {
		t.Error(n, "approvals")
	}
	post(t, ben, path, form(r.theCampaign(t).Draft, words))
	if status, body := post(t, cem, page+"/approve", url.Values{"content": {r.theCampaign(t).Content()}}); status != 200 || !strings.Contains(body, "1 of 2 approvals") {
		t.Error("mended, and not approved:", status)
	}
}

// A finding of level W stands with a reason, which is asked for.
func TestEditorWaives(t *testing.T) {
	r := newRig(t)
	ada, path, words := r.editing(t)
	long := words + "\nWe write to you " + strings.Repeat("and to you ", 40) + "today.\n"
	status, body := post(t, ada, path, url.Values{"text": {"gdpr/en"}, "base": {""}, "body": {long}})
	link := "/notices/" + campaignID + "/waive?rule=N23&amp;text=gdpr%2fen"
	if status != 200 || !strings.Contains(body, "W N23") || !strings.Contains(body, link) {
		t.Fatal(status, body[strings.Index(body, `id="judged"`):][:2000])
	}
	r.do(t, "Ada Lind", candor.NoticeFrozen, "signer", "k")
	ben := r.as(t, "Ben Oduya")
	page := r.server.URL + "/notices/" + campaignID
	if _, body := get(t, ben, page+"/approve"); !strings.Contains(body, "W N23") || strings.Contains(body, `class="do"`) {
		t.Error("a W that nobody let stand can be approved")
	}
	if status, body := post(t, ben, page+"/waive?rule=N23&text=gdpr/en", nil); status != 422 || !strings.Contains(body, "Why is missing.") {
		t.Error("without a reason:", status)
	}
	if status, body := post(t, ben, page+"/waive?rule=N23&text=gdpr/en", url.Values{"why": {"a list of names"}}); status != 200 || !strings.Contains(body, "a list of names") {
		t.Error("with a reason:", status)
	}
	if _, body := get(t, ada, path); !strings.Contains(body, "It stands: a list of names (Ben Oduya)") {
		t.Error("the editor does not say that it stands")
	}
	if status, body := post(t, ben, page+"/approve", url.Values{"content": {r.theCampaign(t).Content()}}); status != 200 || !strings.Contains(body, "1 of 2 approvals") {
		t.Error("let stand, and not approved:", status)
	}
}

// What is typed is looked at without keeping it.
func TestEditorLooks(t *testing.T) {
	r := newRig(t)
	ada, path, words := r.editing(t)
	form := url.Values{"kind": {"affected"}, "text": {"gdpr/en"}, "base": {""}, "body": {words + "\nWe take your security seriously.\n"}}
	status, body := post(t, ada, path+"/look", form)
	if status != 200 || !strings.Contains(body, "E N17") || strings.Contains(body, "/waive?") {
		t.Error(status)
	}
	_, rest, _ := strings.Cut(body, `src="/incidents/`)
	mail, _, _ := strings.Cut(rest, `"`)
	res, err := ada.Get(r.server.URL + "/incidents/" + mail)
	if err != nil {
		t.Fatal(err)
	}
	policy := res.Header.Get("Content-Security-Policy")
	text, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || res.StatusCode != 200 || !strings.Contains(string(text), "We take your security seriously.") || !strings.Contains(policy, "sandbox; default-src 'none'") || strings.Contains(policy, "script") {
		t.Error(res.Status, policy)
	}
	if status, _ := get(t, http.DefaultClient, r.server.URL+"/incidents/"+mail); status != 401 {
		t.Error("not signed in:", status)
	}
	status, body = post(t, ada, r.server.URL+"/api/incidents/"+incidentID+"/notice/look", form)
	var answer struct {
		Findings []notice.Judged `json:"findings"`
		Message  notice.Message  `json:"message"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 || len(answer.Findings) != 1 || answer.Findings[0].Rule != "N17" || answer.Findings[0].Source != strings.Count(words, "\n")+2 {
		t.Error(status, err, body[:min(400, len(body))])
	}
	if list, _ := r.ledger.Campaigns(t.Context(), ""); len(list) != 0 {
		t.Error("it was kept")
	}
	form.Set("body", strings.Repeat("ü", notice.MaxSource))
	if status, body := post(t, ada, path+"/look", form); status != 200 || !strings.Contains(body, "more than 32768") {
		t.Error("too long:", status)
	}
}

// All is written again when the facts have changed, after it was asked for; not when people have been sent it.
func TestEditorAnew(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	r.approved(t) // which exposes one more at its end
	ada := r.as(t, "Ada Lind")
	path := r.server.URL + "/incidents/" + incidentID + "/notice"
	if _, body := get(t, ada, path); !strings.Contains(body, "These words say 60 people; by now it is 61.") || !strings.Contains(body, "/notice/anew?kind=affected") {
		t.Error("the draft is older than the facts, and no word of it")
	}
	if _, body := get(t, ada, path+"/anew"); !strings.Contains(body, "All 18 texts are written again.") {
		t.Error("it does not say what that means")
	}
	if status, body := post(t, ada, path+"/anew", url.Values{"kind": {"affected"}}); status != 200 || strings.Contains(body, "These words say") {
		t.Error(status)
	}
	if c := r.theCampaign(t); c.Phase != notice.Drafting || len(c.Waived) != 0 {
		t.Errorf("%+v", c)
	}
	r.do(t, "Ada Lind", candor.NoticeFrozen, "signer", "k")
	r.do(t, "Ben Oduya", candor.NoticeApproved, "content", r.theCampaign(t).Content())
	r.do(t, "Cem Aydin", candor.NoticeApproved, "content", r.theCampaign(t).Content())
	r.do(t, "Cem Aydin", candor.NoticeStarted, "share", "1")
	_, body := get(t, ada, path)
	if !strings.Contains(body, "what people have been sent cannot be changed") || !strings.Contains(body, " readonly") || strings.Contains(body, "Keep these words") {
		t.Error("words that have been sent can be edited")
	}
	if status, body := post(t, ada, path, url.Values{"text": {"gdpr/en"}, "base": {r.theCampaign(t).Draft}, "body": {typedIn(t, body) + "\nMore.\n"}}); status != 422 || !strings.Contains(body, "cannot be changed") {
		t.Error("and kept:", status)
	}
	if status, body := post(t, ada, path+"/anew", nil); status != 422 || !strings.Contains(body, "cannot be changed") {
		t.Error("and written anew:", status)
	}
}

// Mails are few, and the last ones.
func TestMails(t *testing.T) {
	var m mails
	for n := range maxMails + 1 {
		m.keep(fmt.Sprint("mail ", n))
		m.keep(fmt.Sprint("mail ", n))
	}
	if _, ok := m.get(candor.HashOf([]byte("mail 0"))); ok || len(m.kept) != maxMails || len(m.names) != maxMails {
		t.Error("one past the limit is kept:", len(m.kept))
	}
	if html, ok := m.get(candor.HashOf([]byte("mail 1"))); !ok || html != "mail 1" {
		t.Error("one at the limit is not kept")
	}
}

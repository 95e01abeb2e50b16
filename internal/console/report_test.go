package console

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/filing"
	"candor.example/internal/report"
	"candor.example/verify"
)

// reporting lets a console draft reports and filings, as cmd/candor does.
func (r *rig) reporting(t *testing.T) {
	t.Helper()
	r.drafting(t)
	r.o.Report = func(ctx context.Context, id string) (report.Input, error) {
		in, err := r.ledger.ReportInput(ctx, id, r.now)
		if err != nil {
			return in, err
		}
		if in.Facts, err = r.o.Facts(ctx, id); err != nil {
			return in, err
		}
		a, err := r.ledger.Account(ctx, id)
		if err != nil {
			return in, err
		}
		s, err := StandingOf(ctx, r.ledger, a, "", r.now)
		in.Severity, in.Duties, in.Origin = s.Severity, s.Duties, "shop.example/candor"
		return in, err
	}
	r.o.Filing = func(ctx context.Context, form filing.Form, id, phase string) (in filing.Input, err error) {
		facts, err := r.o.Report(ctx, id)
		if err != nil {
			return in, err
		}
		in = filing.Input{Duties: facts.Duties, Phase: phase, Now: r.now}
		for _, a := range facts.Actions {
			if f, err := report.FiledOf(a.Action); err == nil {
				in.Filed = append(in.Filed, f)
			}
		}
		in.Report, err = report.Draft(facts)
		return in, err
	}
}

// publishing publishes into the ledger alone. What it returns is whether a publication was interrupted.
func (r *rig) publishing(t *testing.T) (interrupted *bool) {
	t.Helper()
	index := int64(0)
	interrupted = new(bool)
	r.o.Publishing = &Publishing{
		Interrupted: func(context.Context) (bool, error) { return *interrupted, nil },
		Complete: func(ctx context.Context, by, why string) error {
			*interrupted = false
			return nil
		},
		Preview: func(_ context.Context, d verify.Report) (Publication, error) {
			pages := map[string][]byte{"style.css": []byte("body { margin: 0 }")}
			files := map[string][]byte{"index.html": []byte(fmt.Sprint(index)), fmt.Sprintf("%s/%d/report.json", d.Incident, d.Revision): []byte("{}")}
			for _, lang := range d.Languages {
				name := fmt.Sprintf("%s/%d/%s.html", d.Incident, d.Revision, lang)
				files[name] = []byte("<!doctype html><title>report</title>" + lang)
				if why := d.Cause.WhyNotCaught.Value; why != nil {
					files[name] = append(files[name], (*why)[lang]...)
				}
			}
			maps.Copy(pages, files)
			return Publication{Folder: "/srv/public", Index: index, Origin: d.Log.Origin, Files: files, Pages: pages}, nil
		},
		Publish: func(ctx context.Context, d verify.Report, evidence []candor.Document, by, why string) error {
			if d.Log.Index != index {
				return fmt.Errorf("entry %d is next, and not %d", index, d.Log.Index)
			}
			body, err := report.Marshal(d)
			if err != nil {
				return err
			}
			index++
			return r.o.Act(ctx, r.publication(d, body, by, why), append(evidence, candor.Document{Hash: candor.HashOf(body), Type: verify.ReportSchema, Body: body})...)
		},
	}
	return interrupted
}

func (r *rig) publication(d verify.Report, body []byte, by, why string) candor.Action {
	return candor.Action{ID: candor.NewID(), Time: r.now, By: by, Why: why, What: candor.ReportPublished, Incident: d.Incident, Details: map[string]string{
		"revision": number(d.Revision), "report": candor.HashOf(body), "manifest": strings.Repeat("a", 64), "index": number(d.Log.Index)}}
}

const noted = "The tests had no shared cache in front of the shop."

// The draft stands beside its evidence; what is set, withheld or put off is asked for, and kept with who and why.
func TestReportPages(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	r.reporting(t)
	c := r.as(t, "Ada Lind")
	page := r.server.URL + "/incidents/" + incidentID + "/report"
	has := func(path string, wants ...string) {
		t.Helper()
		status, body := get(t, c, path)
		for _, want := range wants {
			if status != 200 || !strings.Contains(body, want) {
				t.Errorf("%s: %d, without %q", path, status, want)
			}
		}
	}
	has(page, "of revision 1, as of", "Which site?", "www.shop.example", "How many people?", "60", "/explain\"", "candor.figures/v1", "What is not said yet", "why not caught", "this is the first revision",
		"60 affected = 0 accepted", "/report/set?field=/cause/why_not_caught", ">Withhold<", "live.js")
	has(r.server.URL+"/reports", "The next revision", "Nothing is published from here")
	has(r.server.URL+"/api/incidents/"+incidentID+"/report", `"report":{"schema":"candor.report/v1"`, `"field":"/how_many/people","status":"known","says":"60"`, `"what":"candor.figures/v1"`)
	has(page+"/set?field=/cause/why_not_caught", "In German", "Now it is unknown: until", "in the audit with your name")

	set := func(field string, form url.Values) (int, string) {
		form.Set("field", field)
		return post(t, c, page+"/set", form)
	}
	if status, body := set("/cause/why_not_caught", url.Values{"status": {"known"}, "text-en": {noted}, "text-de": {"Den Tests fehlte ein gemeinsamer Cache."}}); status != 200 || !strings.Contains(body, noted) {
		t.Error("set:", status)
	}
	if status, body := set("/how_many/special_groups", url.Values{"status": {"known"}, "text-en": {"none"}}); status != 200 || !strings.Contains(body, ">none<") {
		t.Error("set a text:", status)
	}
	if status, body := set("/fix/fix_reference", url.Values{"status": {"withheld"}, "why": {"It names an internal system."}}); status != 200 || !strings.Contains(body, "It names an internal system.") {
		t.Error("withhold:", status)
	}
	if status, body := set("/fix/copies_purged", url.Values{"status": {"unknown"}, "until": {"2018-12-15"}}); status != 200 || !strings.Contains(body, "until 2018-12-15") {
		t.Error("put off:", status)
	}
	for why, form := range map[string]url.Values{
		"What is known is missing.":  {},
		"say why it is withheld":     {"status": {"withheld"}},
		"write a day such as":        {"status": {"unknown"}, "until": {"soon"}},
		"a time that is yet to come": {"status": {"unknown"}, "until": {"2018-01-01"}},
		"take one of these":          {"status": {"known"}, "value": {"59"}},
		"it holds an e-mail address": {"status": {"withheld"}, "why": {"anna@customer.example asked"}},
	} {
		if status, body := set("/how_many/records", form); status != 422 || !strings.Contains(body, why) {
			t.Errorf("%q: %d", why, status)
		}
	}
	rows, _ := r.ledger.Audit(t.Context(), incidentID, 10)
	if len(rows) != 4 || rows[1].By != "Ada Lind" || rows[1].Why != "It names an internal system." || rows[1].Details["status"] != "withheld" {
		t.Errorf("audit: %+v", rows)
	}
	for _, path := range []string{page + "/set", page + "/set?field=/none", r.server.URL + "/incidents/inc-none/report", r.server.URL + "/reports/verify"} {
		if status, _ := get(t, c, path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	r.o.Report = nil
	if status, _ := get(t, c, page); status != 404 {
		t.Error("nothing can be reported here:", status)
	}
}

// What becomes public is said and asked for; what was said before is corrected with a reason; and what was not looked at is not published.
func TestReportPublish(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	r.reporting(t)
	c := r.as(t, "Ada Lind")
	page := r.server.URL + "/incidents/" + incidentID + "/report"
	if _, body := get(t, c, page+"/publish"); !strings.Contains(body, "The private signing key is not here. Where it is, run: candor report publish "+incidentID) || strings.Contains(body, `class="do"`) {
		t.Error("without a key it does not say what to do")
	}
	r.publishing(t)
	_, body := get(t, c, page+"/publish")
	for _, want := range []string{"Revision 1 of the report on " + incidentID + " becomes public", "60 people exposed", "entry 0 of the log of shop.example/candor", "11 files become public", incidentID + "/1/report.json", "cannot be taken back"} {
		if !strings.Contains(body, want) {
			t.Errorf("the question is without %q", want)
		}
	}
	was := formField(t, body, "seen")
	if status, body := post(t, c, page+"/publish", url.Values{"seen": {strings.Repeat("0", 64)}}); status != 422 || !strings.Contains(body, "It has changed since you looked at it") {
		t.Error("what nobody looked at:", status)
	}
	r.disclose(t, "GET /products/{id}", 777, 39, candor.Exposed)
	if status, body := post(t, c, page+"/publish", url.Values{"seen": {was}, "why": {"the press asks"}}); status != 200 || !strings.Contains(body, "of revision 2, as of") {
		t.Error("published:", status, body)
	}
	if list, err := r.ledger.Reports(t.Context(), incidentID); err != nil || len(list) != 1 {
		t.Error(list, err)
	} else if d, err := r.ledger.Report(t.Context(), list[0].Hash); err != nil || *d.HowMany.People.Value.Exact != 60 {
		t.Error("another one is public than was looked at:", err)
	}
	rows, _ := r.ledger.Audit(t.Context(), incidentID, 1)
	if rows[0].By != "Ada Lind" || rows[0].Why != "the press asks" || rows[0].What != candor.ReportPublished {
		t.Errorf("audit: %+v", rows[0])
	}
	r.now = r.now.Add(time.Minute)
	r.disclose(t, "GET /products/{id}", 778, 39, candor.Exposed)
	_, body = get(t, c, page)
	if !strings.Contains(body, "/how_many/people/value/exact") || !strings.Contains(body, "asked for when it is published") {
		t.Error("the page does not show the correction")
	}
	_, body = get(t, c, page+"/publish")
	form := url.Values{"seen": {formField(t, body, "seen")}}
	if !strings.Contains(body, "60 is 62 now") || !strings.Contains(body, `name="correct/how_many/people"`) {
		t.Error("nobody is asked why the number is another")
	}
	if status, body := post(t, c, page+"/publish", form); status != 422 || !strings.Contains(body, "is said otherwise is missing.") {
		t.Error("without a reason:", status)
	}
	for _, pointer := range namesOf(body, `name="correct`) {
		form.Set("correct"+pointer, "The logs of a second server came in.")
	}
	if status, body := post(t, c, page+"/publish", form); status != 200 || !strings.Contains(body, "of revision 3, as of") {
		t.Error("with a reason:", status, body)
	}
	if list, _ := r.ledger.Reports(t.Context(), incidentID); len(list) != 2 {
		t.Error(len(list), "revisions")
	}
	if _, body := get(t, c, r.server.URL+"/reports"); !strings.Contains(body, "revision 2") {
		t.Error("the list of reports does not know it")
	}
}

// Nothing is published that was not looked at: another word in any language is another draft, and what was looked at can be read as it will be public.
func TestReportSeen(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	r.reporting(t)
	r.publishing(t)
	c := r.as(t, "Ada Lind")
	page := r.server.URL + "/incidents/" + incidentID + "/report"
	set := func(german string) (seen string) {
		t.Helper()
		if status, _ := post(t, c, page+"/set", url.Values{"field": {"/cause/why_not_caught"}, "status": {"known"}, "text-en": {noted}, "text-de": {german}}); status != 200 {
			t.Fatal("set:", status)
		}
		_, body := get(t, c, page+"/publish")
		return formField(t, body, "seen")
	}
	first, second := set("Den Tests fehlte ein Cache."), set("Ein anderer Satz.")
	if first == second {
		t.Fatal("another German text is the same to whoever looks")
	}
	if _, again := get(t, c, page+"/publish"); formField(t, again, "seen") != second {
		t.Error("the same draft is another one to whoever looks twice")
	}
	file := page + "/publish/" + second + "/" + incidentID + "/1/de.html"
	response, err := c.Get(file)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || !strings.HasSuffix(string(text), "Ein anderer Satz.") {
		t.Error("as it will be public:", response.Status, string(text), err)
	}
	if policy := response.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "sandbox allow-same-origin; default-src 'none';") || strings.Contains(policy, "script") {
		t.Error("a draft's page may do more than be read:", policy)
	}
	for _, path := range []string{"/publish/" + second + "/" + incidentID + "/1/none.html", "/publish/none/" + incidentID + "/1/de.html"} {
		if status, _ := get(t, c, page+path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _ := post(t, c, page+"/publish", url.Values{"seen": {first}}); status != 200 {
		t.Fatal("published:", status)
	}
	list, _ := r.ledger.Reports(t.Context(), incidentID)
	if d, err := r.ledger.Report(t.Context(), list[0].Hash); err != nil || (*d.Cause.WhyNotCaught.Value)["de"] != "Den Tests fehlte ein Cache." {
		t.Error("another one is public than was looked at:", err)
	}
	if status, body := post(t, c, page+"/publish", url.Values{"seen": {second}}); status != 422 || !strings.Contains(body, "It has changed since") {
		t.Error("its place in the log is another one by now:", status)
	}
}

// To look changes nothing: a publication that was interrupted is completed by somebody who is asked.
func TestReportInterrupted(t *testing.T) {
	r := newRig(t)
	r.fill(t)
	r.reporting(t)
	interrupted := r.publishing(t)
	c := r.as(t, "Ada Lind")
	page := r.server.URL + "/incidents/" + incidentID + "/report"
	_, body := get(t, c, page+"/publish")
	was := formField(t, body, "seen")
	if status, body := post(t, c, r.server.URL+"/reports/complete", nil); status != 422 || !strings.Contains(body, "Nothing was interrupted") {
		t.Error("there is nothing to complete:", status)
	}
	*interrupted = true
	for _, path := range []string{page + "/publish", r.server.URL + "/reports", r.server.URL + "/reports/complete"} {
		if _, body := get(t, c, path); !strings.Contains(body, "/reports/complete") && !strings.Contains(body, "Complete it") || !*interrupted {
			t.Errorf("%s: it does not say so, or does it by itself", path)
		}
	}
	if status, body := post(t, c, page+"/publish", url.Values{"seen": {was}}); status != 422 || !strings.Contains(body, "is not complete") || !*interrupted {
		t.Error("published behind what is not complete:", status)
	}
	if status, _ := post(t, c, r.server.URL+"/reports/complete", url.Values{"why": {"the machine went down"}}); status != 200 || *interrupted {
		t.Error("complete:", status)
	}
	if status, _ := post(t, c, page+"/publish", url.Values{"seen": {was}}); status != 200 {
		t.Error("published:", status)
	}
}

// namesOf are what stands behind a beginning, up to a quotation mark.
func namesOf(body, beginning string) (list []string) {
	for _, rest := range strings.Split(body, beginning)[1:] {
		name, _, _ := strings.Cut(rest, `"`)
		list = append(list, name)
	}
	return list
}

// Regulators: duty or none and why, forms filled, filed on record.
func TestFilingPages(t *testing.T) {
	r := newRig(t)
	r.reporting(t)
	r.judged(t)
	c := r.as(t, "Ada Lind")
	page := r.server.URL + "/incidents/" + accountID + "/filings"
	_, body := get(t, c, page)
	for _, want := range []string{"GDPR art. 33(1)", "No duty, and why", `href="filings/gdpr"`, `href="filings/gdpr/file"`, "Nothing."} {
		if !strings.Contains(body, want) {
			t.Errorf("without %q", want)
		}
	}
	if status, body := get(t, c, page+"/gdpr"); status != 200 || !strings.Contains(body, "GDPR") || !strings.Contains(body, "to be answered by a person") || !strings.Contains(body, "the draft of revision 1") {
		t.Error("the form:", status)
	}
	for as, begin := range map[string]string{"draft.json": "{", "draft.md": "#", "draft.pdf": "%PDF"} {
		if status, body := get(t, c, page+"/gdpr/"+as); status != 200 || !strings.HasPrefix(body, begin) {
			t.Errorf("%s: %d %.40s", as, status, body)
		}
	}
	if status, body := post(t, c, page+"/gdpr/file", url.Values{"phase": {"initial"}, "keep": {"draft"}}); status != 422 || !strings.Contains(body, "How is missing.") {
		t.Error("without how:", status)
	}
	if status, body := post(t, c, page+"/gdpr/file", url.Values{"phase": {"final"}, "how": {"web form"}, "keep": {"draft"}}); status != 422 || !strings.Contains(body, "comes after an initial notification") {
		t.Error("a final one first:", status)
	}
	if status, body := post(t, c, page+"/gdpr/file", url.Values{"phase": {"initial"}, "how": {"web form"}, "reference": {"711.42"}, "keep": {"draft"}, "why": {"the officer filed it"}}); status != 200 || !strings.Contains(body, "711.42") || !strings.Contains(body, "Ada Lind") {
		t.Error("filed:", status, body)
	}
	rows, _ := r.ledger.Audit(t.Context(), accountID, 1)
	if rows[0].What != candor.Filed || rows[0].Details["rule"] != "eu-regulator" || !candor.IsHash(rows[0].Details["document"]) || rows[0].Why != "the officer filed it" {
		t.Errorf("audit: %+v", rows[0])
	}
	if _, body := get(t, c, r.server.URL+"/incidents/"+accountID+"/report"); !strings.Contains(body, "711.42") {
		t.Error("the report does not know of the filing")
	}
	for _, path := range []string{page + "/none", page + "/gdpr?phase=someday", page + "/gdpr/draft.exe"} {
		if status, _ := get(t, c, path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

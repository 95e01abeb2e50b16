package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"candor.example"
	"candor.example/internal/duties"
	"candor.example/internal/filing"
	"candor.example/internal/incident"
	"candor.example/internal/notice"
	"candor.example/internal/report"
)

// filings is the page of what regulators are told of an incident.
type filings struct {
	Incident incident.Incident `json:"-"`
	Duties   []regulatorDuty   `json:"duties"` // to tell a regulator: those that there are first
	Filed    []report.Filed    `json:"filed"`
	Advice   string            `json:"advice"`
	CanAct   bool              `json:"-"`
}

// regulatorDuty is a duty with the forms that fit it, and what was filed under it.
type regulatorDuty struct {
	duties.Duty
	Forms []filing.Form  `json:"-"`
	Filed []report.Filed `json:"filed"`
}

func (c *Console) filings(r *http.Request) (any, error) {
	p := filings{Advice: duties.Advice, Duties: []regulatorDuty{}, Filed: []report.Filed{}, CanAct: c.o.Act != nil}
	in, err := c.reported(r, &p.Incident)
	if err == nil && c.o.Filing == nil {
		err = missing("There is no such page.")
	}
	if err != nil {
		return nil, err
	}
	for _, a := range in.Actions {
		if f, err := report.FiledOf(a.Action); err == nil {
			p.Filed = append(p.Filed, f)
		}
	}
	for _, d := range in.Duties.Duties {
		if d.Tell != "regulator" {
			continue
		}
		one := regulatorDuty{Duty: d, Filed: []report.Filed{}}
		for _, f := range filing.Forms() {
			if f.Rule == d.ID || f.Completes == d.ID {
				one.Forms = append(one.Forms, f)
			}
		}
		for _, f := range p.Filed {
			if f.Rule == d.ID {
				one.Filed = append(one.Filed, f)
			}
		}
		p.Duties = append(p.Duties, one)
	}
	return p, nil
}

// Due, Undecided and None are the duties by ruling.
func (p filings) Due() []regulatorDuty       { return p.ruled(duties.Due) }
func (p filings) Undecided() []regulatorDuty { return p.ruled(duties.Undecided) }
func (p filings) None() []regulatorDuty      { return p.ruled(duties.None) }

func (p filings) ruled(r duties.Ruling) (list []regulatorDuty) {
	for _, d := range p.Duties {
		if d.Ruling == r {
			list = append(list, d)
		}
	}
	return list
}

// filled is the page of one form, filled from the report.
type filled struct {
	filing.Filing
	At     incident.Incident `json:"-"`
	Phases []string          `json:"-"`
	CanAct bool              `json:"-"`
}

func (c *Console) filled(r *http.Request) (any, error) {
	i, form, err := c.form(r)
	if err != nil {
		return nil, err
	}
	phase := r.FormValue("phase")
	if phase == "" {
		phase = report.Initial
	}
	if !slices.Contains(report.Phases, phase) {
		return nil, missing("There is no such phase.")
	}
	in, err := c.o.Filing(r.Context(), form, i.ID, phase)
	if err != nil {
		return nil, err
	}
	f, err := form.Fill(in)
	if err != nil {
		return nil, missing(sentence(err.Error()))
	}
	return filled{f, i, report.Phases, c.o.Act != nil}, nil
}

// form is the incident and the form that a request names.
func (c *Console) form(r *http.Request) (i incident.Incident, f filing.Form, err error) {
	if c.o.Filing == nil {
		return i, f, missing("There is no such page.")
	}
	if i, err = c.theIncident(r.Context(), r.PathValue("id")); err != nil {
		return i, f, err
	}
	if f, err = filing.FormOf(r.PathValue("form")); err != nil {
		err = missing("There is no such form.")
	}
	return i, f, err
}

// filingFile is a filled form as a file: as JSON, Markdown or PDF.
func (c *Console) filingFile(w http.ResponseWriter, r *http.Request) {
	data, err := c.filled(r)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	f := data.(filled).Filing
	var body []byte
	mime := "application/json"
	switch r.PathValue("as") {
	case "draft.json":
		body, err = f.Marshal()
	case "draft.md":
		body, mime = f.Markdown(), "text/markdown; charset=utf-8"
	case "draft.pdf":
		if body, err = f.PDF(nil); err != nil {
			err = missing(sentence(err.Error() + " (candor filing draft --pdf --font)"))
		}
		mime = "application/pdf"
	default:
		err = missing("There is no such page.")
	}
	if err != nil {
		c.failed(w, r, err)
		return
	}
	w.Header().Set("Content-Type", mime)
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", f.Incident+"-"+f.Form+strings.TrimPrefix(r.PathValue("as"), "draft")))
	w.Write(body)
}

// askFile asks how and when a form was filed.
func (c *Console) askFile(r *http.Request) (any, error) {
	q, _, err := c.fileQuestion(r)
	return q, err
}

func (c *Console) fileQuestion(r *http.Request) (q question, form filing.Form, err error) {
	if q.Incident, form, err = c.form(r); err == nil && c.o.Act == nil {
		err = missing("There is no such page.")
	}
	if err != nil {
		return q, form, err
	}
	q.What, q.Path, q.Title, q.Button = candor.Filed, "/incidents/"+q.Incident.ID+"/filings", "It was filed: "+form.Title, "Put on record"
	q.Means = "It goes into the audit with your name, and into the report's next revision with its reference. Candor files nothing itself: " + form.How
	var phases []notice.Choice
	for _, p := range report.Phases {
		phases = append(phases, notice.Choice{Value: p, Means: phaseMeans[p]})
	}
	q.Fields = []field{{Name: "phase", Label: "Phase", Required: true, Choices: phases}, {Name: "how", Label: "How", Hint: "web form, mail, post", Required: true},
		{Name: "at", Label: "Filed at", Hint: "RFC 3339, such as 2018-11-20T10:52:00Z; empty: now"}, {Name: "reference", Label: "Reference", Hint: "the regulator's"},
		{Name: "authority", Label: "Authority", Hint: "by its name, where the law leaves open which"}, {Name: "delay", Label: "Reasons for the delay", Hint: "where it was late (GDPR art. 33(1))", Long: true},
		{Name: "keep", Label: "What was filed", Required: true, Choices: []notice.Choice{{Value: "draft", Means: "What Candor drafts now: it is kept, and a follow-up shows what has changed."}, {Value: "other", Means: "Something else: keep it yourself."}}}, whyField}
	for n, f := range q.Fields {
		q.Fields[n].Value = strings.TrimSpace(r.PostFormValue(f.Name))
	}
	return q, form, nil
}

var phaseMeans = map[string]string{report.Initial: "The first notification.", report.FollowUp: "More is known.", report.Final: "All that there is to say.", report.Withdrawal: "There was nothing to notify."}

func (c *Console) file(w http.ResponseWriter, r *http.Request) {
	q, form, err := c.fileQuestion(r)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	if q.Wrong = q.missing(); q.Wrong == "" {
		if err := c.recordFiling(r, q, form); err != nil {
			q.Wrong = sentence(err.Error())
		}
	}
	c.answered(w, r, q)
}

func (c *Console) recordFiling(r *http.Request, q question, form filing.Form) error {
	in, err := c.o.Filing(r.Context(), form, q.Incident.ID, q.value("phase"))
	if err != nil {
		return err
	}
	a := c.action(r, q)
	a.Details["rule"] = form.RuleOf(q.value("phase"))
	delete(a.Details, "keep")
	var documents []candor.Document
	if q.value("keep") == "draft" {
		f, err := form.Fill(in)
		if err != nil {
			return err
		}
		body, err := f.Marshal()
		if err != nil {
			return err
		}
		d := candor.Document{Hash: candor.HashOf(body), Type: filing.Schema, Body: body}
		a.Details["document"], documents = d.Hash, append(documents, d)
	}
	filed, err := report.FiledOf(a)
	if err != nil {
		return err
	}
	if err := form.MayFile(filed, in.Filed, in.Duties); err != nil {
		return err
	}
	return c.o.Act(r.Context(), a, documents...)
}

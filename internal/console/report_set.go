package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/notice"
	"candor.example/internal/report"
	"candor.example/verify"
)

// statuses are what can be said of a fact.
var statuses = []notice.Choice{
	{Value: string(verify.Known), Means: "It is what stands below."},
	{Value: string(verify.Estimated), Means: "It is about what stands below; why says how that was estimated."},
	{Value: string(verify.Withheld), Means: "It is not said; why is published as the reason."},
	{Value: string(verify.Unknown), Means: "It is not known, and will be by the day below, which is published."},
	{Value: report.Drafted, Means: "What was set is taken back: it is as Candor drafts it."},
}

// askSet asks what to say of one fact of a report.
func (c *Console) askSet(r *http.Request) (any, error) { return c.setQuestion(r) }

func (c *Console) setQuestion(r *http.Request) (q question, err error) {
	in, err := c.reported(r, &q.Incident)
	if err == nil && c.o.Act == nil {
		err = missing("There is no such page.")
	}
	if err != nil {
		return q, err
	}
	draft, err := report.Draft(in)
	if err != nil { // what was set before does not fit any more: it can be set anew
		draft = verify.Report{}
	}
	lines := report.Lines(draft, "en")
	i := slices.IndexFunc(lines, func(l report.Line) bool { return l.Field == r.FormValue("field") })
	if i < 0 {
		return q, missing("There is no such fact.")
	}
	l := lines[i]
	q.What, q.Path, q.Button = candor.ReportSet, "/incidents/"+q.Incident.ID+"/report", "Put on record"
	q.Title, q.Details = "Say what is known of “"+factName(l.Field)+"”", map[string]string{"field": l.Field}
	q.About = l.Field
	q.Means = fmt.Sprintf("The next revision of the report says it. Now it is %s%s. What you enter, and why, is in the audit with your name; the report names nobody.", l.Status, says(l))
	q.Fields = setFields(l)
	for n, f := range q.Fields {
		if r.Method == http.MethodPost {
			q.Fields[n].Value = strings.TrimSpace(r.PostFormValue(f.Name))
		}
	}
	return q, nil
}

func says(l report.Line) string {
	if l.Says == "" {
		return ""
	}
	return ": " + strings.TrimSuffix(l.Says, ".")
}

// setFields are those of a fact: what the ledger says can be withheld, and not be said by hand.
func setFields(l report.Line) (list []field) {
	choices := slices.Clone(statuses)
	if !l.Settable {
		choices = slices.DeleteFunc(choices, func(c notice.Choice) bool {
			return c.Value == string(verify.Known) || c.Value == string(verify.Estimated)
		})
	}
	list = append(list, field{Name: "status", Label: "What is known", Required: true, Choices: choices})
	if l.Settable && isText(l.Field) {
		list = append(list, texts(l)...)
	} else if l.Settable {
		value := l.Value
		if value == "null" {
			value = ""
		}
		list = append(list, field{Name: "value", Label: "What it is", Hint: "JSON, in the report's form", Long: true, Value: value})
	}
	why := whyField
	why.Hint = "of what is withheld or estimated it is published"
	return append(list, field{Name: "until", Label: "Known by", Hint: "a day such as 2026-12-15, for what is unknown"}, why)
}

// isText: words fit into the fact.
func isText(pointer string) bool {
	a := candor.Action{Why: "w", Details: report.Set(pointer, string(verify.Known), report.Texts(pointer, map[string]string{"en": "w"}), time.Time{})}
	return report.Sound(a) == nil
}

// texts are the fields of a fact's words, in every language where it has words in several.
func texts(l report.Line) (list []field) {
	several := strings.HasPrefix(report.Texts(l.Field, map[string]string{"en": "w"}), `{`)
	words := map[string]string{}
	if several && json.Unmarshal([]byte(l.Value), &words) != nil {
		words = map[string]string{}
	}
	if !several {
		return []field{{Name: "text-en", Label: "What it is", Hint: "in words", Long: true}}
	}
	for _, lang := range notice.Languages {
		list = append(list, field{Name: "text-" + lang, Label: "In " + languages[lang], Long: true, Value: words[lang]})
	}
	return list
}

// set puts it into the books.
func (c *Console) set(w http.ResponseWriter, r *http.Request) {
	q, err := c.setQuestion(r)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	if q.Wrong = q.missing(); q.Wrong == "" {
		a, err := c.settling(r, q)
		if err == nil {
			err = report.Sound(a)
		}
		if err == nil {
			err = c.o.Act(r.Context(), a)
		}
		if err != nil {
			q.Wrong = err.Error()
		}
	}
	c.answered(w, r, q)
}

// answered goes back to where a question came from, or asks it again.
func (c *Console) answered(w http.ResponseWriter, r *http.Request, q question) {
	if q.Wrong != "" || q.No != "" {
		c.render(w, http.StatusUnprocessableEntity, shell{Page: "act", Now: c.o.Now().UTC(), Status: c.o.Status(), Data: q})
		return
	}
	http.Redirect(w, r, q.Back(), http.StatusSeeOther)
}

func (c *Console) settling(r *http.Request, q question) (a candor.Action, err error) {
	status, value, until := q.value("status"), "", time.Time{}
	switch status {
	case string(verify.Known), string(verify.Estimated):
		value = q.value("value")
		if words := q.words(); len(words) > 0 {
			value = report.Texts(q.Details["field"], words)
		}
	case string(verify.Unknown):
		if until, err = time.Parse(time.DateOnly, q.value("until")); err != nil {
			return a, errors.New("write a day such as 2026-12-15 as the one by which it is known")
		}
	}
	return c.reportAction(r, candor.ReportSet, q.Incident.ID, q.value("why"), report.Set(q.Details["field"], status, value, until)), nil
}

// words are what was entered, by language.
func (q question) words() map[string]string {
	words := map[string]string{}
	for _, f := range q.Fields {
		if lang, ok := strings.CutPrefix(f.Name, "text-"); ok && f.Value != "" {
			words[lang] = f.Value
		}
	}
	return words
}

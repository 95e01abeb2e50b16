package console

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"candor.example"
	"candor.example/internal/report"
	"candor.example/verify"
)

// Publishing makes revisions public, where the signing key is.
type Publishing struct {
	// Preview says what would become public of a draft.
	Preview func(context.Context, verify.Report) (Publication, error)
	// Publish makes a draft public, and puts that on record by the name and reason of whoever did it, with what its evidence is a hash of.
	Publish func(ctx context.Context, r verify.Report, evidence []candor.Document, by, why string) error
}

// Publication is what becomes public.
type Publication struct {
	Folder string   // that a web server serves
	Index  int64    // of the log's entry
	Origin string   // whose log it is
	Files  []string // that are new or changed, by path in the folder
}

// Numbers are a report's, as the page that asks says them.
func numbers(r verify.Report) (list []string) {
	people := "no exact number of people"
	if p := r.HowMany.People.Value; p != nil && p.Exact != nil {
		people = plenty(*p.Exact, "person", "people") + " exposed"
	}
	corrections := len(report.Corrected(r))
	return []string{people, report.Sum(r.Told), plenty(corrections, "correction", "corrections") + " to the revision before", plenty(len(r.Open), "open question", "open questions"),
		fmt.Sprintf("in %d languages", len(r.Languages))}
}

// askPublish says what becomes public, and asks.
func (c *Console) askPublish(r *http.Request) (any, error) {
	q, _, _, err := c.publishQuestion(r)
	return q, err
}

func (c *Console) publishQuestion(r *http.Request) (q question, in report.Input, draft verify.Report, err error) {
	in, err = c.reported(r, &q.Incident)
	if err == nil && c.o.Act == nil {
		err = missing("There is no such page.")
	}
	if err != nil {
		return q, in, draft, err
	}
	q.What, q.Path, q.Title, q.Button = candor.ReportPublished, "/incidents/"+q.Incident.ID+"/report", "Publish the report", "Publish it"
	if shown, ok := c.looked.get(r.PostFormValue("seen")); ok {
		in = shown
	}
	if draft, err = report.Draft(in); err != nil {
		q.No = sentence(err.Error())
		return q, in, draft, nil
	}
	q.Details = map[string]string{"seen": c.looked.keep(seen(draft), in)}
	in.Whys = map[string]string{}
	q.Fields = c.whys(r, draft, in.Whys)
	if draft, err = report.Draft(in); err != nil {
		return q, in, draft, err
	}
	q.Fields = append(q.Fields, field{Name: "why", Label: "Why now", Hint: "for the audit", Long: true, Value: strings.TrimSpace(r.PostFormValue("why"))})
	q.Means = fmt.Sprintf("Revision %d of the report on %s becomes public. It can be corrected in a later revision, which shows the correction, and cannot be taken back: it is in the log for good.", draft.Revision, q.Incident.ID)
	q.Numbers = numbers(draft)
	return q, in, draft, c.publishable(r, &q, draft)
}

// whys are the fields in which somebody says why a number is another one now; what was answered goes into given.
func (c *Console) whys(r *http.Request, draft verify.Report, given map[string]string) (list []field) {
	asked := map[string]bool{}
	for _, k := range draft.Corrections {
		pointer, _, _ := strings.Cut(k.Field, "/value")
		if k.Revision != draft.Revision || k.Why != "" || asked[pointer] {
			continue
		}
		asked[pointer] = true
		f := field{Name: "correct" + pointer, Label: "Why “" + factName(pointer) + "” is said otherwise", Hint: k.From + " is " + k.To + " now; published with the correction", Required: true, Long: true}
		f.Value = strings.TrimSpace(r.PostFormValue(f.Name))
		given[pointer] = f.Value
		list = append(list, f)
	}
	return list
}

// publishable says what stands against it: what the report lacks, but for the reasons that are asked for here; and that the key is elsewhere.
func (c *Console) publishable(r *http.Request, q *question, draft verify.Report) error {
	answered := draft
	answered.Corrections = nil
	for _, k := range draft.Corrections {
		if k.Why == "" {
			k.Why = "asked for"
		}
		answered.Corrections = append(answered.Corrections, k)
	}
	var wrong []string
	for _, err := range report.Ready(answered) {
		wrong = append(wrong, err.Error())
	}
	switch {
	case len(wrong) > 0:
		q.No = "It cannot be published yet. " + strings.Join(wrong, "; ") + "."
	case c.o.Publishing == nil:
		q.No = "The private signing key is not here. Where it is, run: candor report publish " + q.Incident.ID + " --config candor.yaml"
	default:
		p, err := c.o.Publishing.Preview(r.Context(), draft)
		if err != nil {
			q.No = sentence(err.Error())
			return nil
		}
		q.Public = &p
	}
	return nil
}

// looked are the inputs of drafts that somebody was asked about, the last ones: what is published is what was looked at, as of then, while the
// ledger goes on.
type looked struct {
	mu    sync.Mutex
	kept  map[string]report.Input
	names []string
}

const maxLooked = 16

func (l *looked) keep(name string, in report.Input) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.kept[name]; ok {
		return name
	}
	if l.kept == nil {
		l.kept = map[string]report.Input{}
	}
	if len(l.names) >= maxLooked {
		delete(l.kept, l.names[0])
		l.names = l.names[1:]
	}
	l.kept[name], l.names = in, append(l.names, name)
	return name
}

func (l *looked) get(name string) (report.Input, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in, ok := l.kept[name]
	return in, ok
}

// seen is a digest of all that a draft says, but not of when it was drafted.
func seen(r verify.Report) string {
	var b strings.Builder
	for _, l := range report.Lines(r, "en") {
		fmt.Fprintf(&b, "%s %s %s %s\n", l.Field, l.Status, l.Value, l.Says)
	}
	fmt.Fprintln(&b, r.Revision, report.Sum(r.Told))
	return candor.HashOf([]byte(b.String()))
}

// publish makes it public.
func (c *Console) publish(w http.ResponseWriter, r *http.Request) {
	q, in, draft, err := c.publishQuestion(r)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	name, _ := c.sessions.who(r)
	switch q.Wrong = q.missing(); {
	case q.No != "" || q.Wrong != "":
	case r.PostFormValue("seen") != q.Details["seen"]:
		q.Wrong = "It has changed since you looked at it: look at it again."
	default:
		if err := c.o.Publishing.Publish(r.Context(), draft, report.Evidence(in), name, q.value("why")); err != nil {
			q.Wrong = sentence(err.Error())
		}
	}
	c.answered(w, r, q)
}

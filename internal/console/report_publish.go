package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"candor.example"
	"candor.example/internal/report"
	"candor.example/verify"
)

// Publishing makes revisions public, where the signing key is.
type Publishing struct {
	// Interrupted: a publication was begun and is not complete, or is under way now. It changes nothing.
	Interrupted func(context.Context) (bool, error)
	// Complete completes it, and puts that on record by the name and reason of whoever did it.
	Complete func(ctx context.Context, by, why string) error
	// Preview says what would become public of a draft. It changes nothing.
	Preview func(context.Context, verify.Report) (Publication, error)
	// Publish makes a draft public as the entry that it names, and puts that on record by the name and reason of whoever did it, with what its
	// evidence is a hash of. It fails where another entry is the next.
	Publish func(ctx context.Context, r verify.Report, evidence []candor.Document, by, why string) error
}

// Publication is what becomes public.
type Publication struct {
	Folder string            // that a web server serves
	Index  int64             // of the log's entry
	Origin string            // whose log it is
	Files  map[string][]byte // that are new or changed, by path in the folder
	Pages  map[string][]byte // all pages as they then are, with what they need
}

// Names are those of the files.
func (p Publication) Names() []string { return slices.Sorted(maps.Keys(p.Files)) }

// page is a report's in one language.
type publicPage struct{ Lang, Name, Path string }

// Languages lead to the pages of a revision.
func (p Publication) Languages(r verify.Report) (list []publicPage) {
	for _, lang := range r.Languages {
		path := verify.Manifest{Incident: r.Incident, Revision: r.Revision}.Folder() + "/" + lang + ".html"
		if p.Files[path] != nil {
			list = append(list, publicPage{lang, cmp.Or(languages[lang], lang), path})
		}
	}
	return list
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

// publication is a draft that somebody is asked about.
type publication struct {
	question
	In     report.Input
	Draft  verify.Report // with the reasons that were given for what it corrects
	Public *Publication  // without them: what was looked at
	Seen   string        // digest of all that becomes public
	Report report.Difference
	Open   []reportFact // what is not said
}

// Pages lead to the report's pages, as they will be public.
func (p publication) Pages() []publicPage { return p.Public.Languages(p.Draft) }

// askPublish says what becomes public, and asks.
func (c *Console) askPublish(r *http.Request) (any, error) {
	p, err := c.publishQuestion(r)
	return p, err
}

func (c *Console) publishQuestion(r *http.Request) (p publication, err error) {
	p.In, err = c.reported(r, &p.Incident)
	if err == nil && c.o.Act == nil {
		err = missing("There is no such page.")
	}
	if err != nil {
		return p, err
	}
	p.What, p.Path, p.Title, p.Button = candor.ReportPublished, "/incidents/"+p.Incident.ID+"/report", "Publish the report", "Publish it"
	if shown, ok := c.looked.get(r.PostFormValue("seen")); ok && shown.Facts.Incident == p.Incident.ID {
		p.In = shown
	}
	if p.Draft, err = report.Draft(p.In); err != nil {
		p.No = sentence(err.Error())
		return p, nil
	}
	if err = c.publishable(r.Context(), &p); err != nil || p.Public == nil {
		return p, err
	}
	p.Draft.Log.Origin, p.Draft.Log.Index = p.Public.Origin, p.Public.Index
	p.Seen = c.looked.keep(seen(p.Draft, *p.Public), p.In)
	p.Details = map[string]string{"seen": p.Seen}
	p.Report = report.Diff(p.In.Before, p.Draft)
	p.Open = reportPage{Facts: c.facts(p.In, p.Draft)}.Open()
	p.In.Whys = map[string]string{}
	p.Fields = c.whys(r, p.Draft, p.In.Whys)
	logged := p.Draft.Log
	if p.Draft, err = report.Draft(p.In); err != nil {
		return p, err
	}
	p.Draft.Log = logged
	p.Fields = append(p.Fields, field{Name: "why", Label: "Why now", Hint: "for the audit", Long: true, Value: strings.TrimSpace(r.PostFormValue("why"))})
	p.Means = fmt.Sprintf("Revision %d of the report on %s becomes public. It can be corrected in a later revision, which shows the correction, and cannot be taken back: it is in the log for good.", p.Draft.Revision, p.Incident.ID)
	p.Numbers = numbers(p.Draft)
	return p, nil
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

// publishable says what stands against it: what the report lacks, but for the reasons that are asked for here; that the key is elsewhere; or that
// another publication is not complete.
func (c *Console) publishable(ctx context.Context, p *publication) error {
	answered := p.Draft
	answered.Corrections = nil
	for _, k := range p.Draft.Corrections {
		if k.Why == "" {
			k.Why = "asked for"
		}
		answered.Corrections = append(answered.Corrections, k)
	}
	var wrong []string
	for _, err := range report.Ready(answered) {
		wrong = append(wrong, err.Error())
	}
	if len(wrong) > 0 {
		p.No = "It cannot be published yet. " + strings.Join(wrong, "; ") + "."
		return nil
	}
	if c.o.Publishing == nil {
		p.No = "The private signing key is not here. Where it is, run: candor report publish " + p.Incident.ID + " --config candor.yaml"
		return nil
	}
	interrupted, err := c.o.Publishing.Interrupted(ctx)
	if err != nil {
		return err
	}
	if interrupted {
		p.No, p.First = "Another publication was begun and is not complete. Complete that one first, and then look at this one again: its place in the log depends on it.", "/reports/complete"
		return nil
	}
	public, err := c.o.Publishing.Preview(ctx, p.Draft)
	if err != nil {
		p.No = sentence(err.Error())
		return nil
	}
	p.Public = &public
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

// seen is a digest of all that becomes public: of the report in every language, and of every file.
func seen(r verify.Report, p Publication) string {
	var b strings.Builder
	body, _ := json.Marshal(r) // it is made of strings, numbers and times
	fmt.Fprintf(&b, "%s\n%s %s %d\n", candor.HashOf(body), p.Folder, p.Origin, p.Index)
	for _, name := range p.Names() {
		fmt.Fprintln(&b, candor.HashOf(p.Files[name]), name)
	}
	return candor.HashOf([]byte(b.String()))
}

// publish makes it public.
func (c *Console) publish(w http.ResponseWriter, r *http.Request) {
	p, err := c.publishQuestion(r)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	name, _ := c.sessions.who(r)
	switch p.Wrong = p.missing(); {
	case p.No != "" || p.Wrong != "":
	case r.PostFormValue("seen") != p.Seen:
		p.Wrong = "It has changed since you looked at it: look at it again."
	default:
		if err := c.o.Publishing.Publish(r.Context(), p.Draft, report.Evidence(p.In), name, p.value("why")); err != nil {
			p.Wrong = sentence(err.Error())
		}
	}
	if p.Wrong != "" || p.No != "" {
		c.render(w, http.StatusUnprocessableEntity, shell{Page: "publish", Now: c.o.Now().UTC(), Status: c.o.Status(), Data: p})
		return
	}
	http.Redirect(w, r, p.Back(), http.StatusSeeOther)
}

// publicFile is one of the pages as they will be public, of a draft that somebody was asked about.
func (c *Console) publicFile(w http.ResponseWriter, r *http.Request) {
	in, ok := c.looked.get(r.PathValue("seen"))
	if !ok || in.Facts.Incident != r.PathValue("id") || c.o.Publishing == nil {
		c.failed(w, r, missing("This preview is not kept any more: open the page that asks whether to publish again."))
		return
	}
	draft, err := report.Draft(in)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	p, err := c.o.Publishing.Preview(r.Context(), draft)
	body := p.Pages[r.PathValue("path")]
	if err == nil && body == nil {
		err = missing("There is no such page.")
	}
	if err != nil {
		c.failed(w, r, err)
		return
	}
	// As on the web server, but that nothing in it may do anything.
	w.Header().Set("Content-Security-Policy", "sandbox allow-same-origin; default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	http.ServeContent(w, r, r.PathValue("path"), time.Time{}, bytes.NewReader(body))
}

// askComplete asks whether to complete a publication that was interrupted.
func (c *Console) askComplete(r *http.Request) (any, error) { return c.completeQuestion(r) }

func (c *Console) completeQuestion(r *http.Request) (q question, err error) {
	if c.o.Publishing == nil || c.o.Act == nil {
		return q, missing("There is no such page.")
	}
	q = question{What: "complete", Path: "/reports", Title: "Complete a publication that was interrupted", Button: "Complete it",
		Means:  "A revision was signed or written in part when its publication was interrupted. It becomes public as it was approved then, and is put on record. Nothing else is published.",
		Fields: []field{whyField}}
	q.Fields[0].Value = strings.TrimSpace(r.PostFormValue("why"))
	interrupted, err := c.o.Publishing.Interrupted(r.Context())
	if err == nil && !interrupted {
		q.No = "Nothing was interrupted: all that was begun is public."
	}
	return q, err
}

func (c *Console) complete(w http.ResponseWriter, r *http.Request) {
	q, err := c.completeQuestion(r)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	if q.No == "" {
		name, _ := c.sessions.who(r)
		if err := c.o.Publishing.Complete(r.Context(), name, q.value("why")); err != nil {
			q.Wrong = sentence(err.Error())
		}
	}
	c.answered(w, r, q)
}

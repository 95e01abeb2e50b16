package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/internal/report"
	"candor.example/verify"
)

// reportPage is the draft of an incident's next revision beside what it stands on.
type reportPage struct {
	Incident   incident.Incident `json:"-"`
	Report     verify.Report     `json:"report"`
	Facts      []reportFact      `json:"facts"`
	Way        []string          `json:"in_the_way"` // of publishing it
	Difference report.Difference `json:"difference"`
	Published  []ledger.Revision `json:"published"`
	Sum        string            `json:"sum"`             // of people told
	Wrong      []string          `json:"wrong,omitempty"` // why there is no draft
	CanAct     bool              `json:"-"`
}

// reportFact is one fact of a report, with where its evidence is shown.
type reportFact struct {
	report.Line
	Sources []evidence `json:"sources"`
}

// evidence is what a hash is of; Path leads to a page that shows it.
type evidence struct {
	report.Source
	Path string `json:"-"`
}

func (c *Console) reportPage(r *http.Request) (any, error) {
	ctx := r.Context()
	p := reportPage{CanAct: c.o.Act != nil, Facts: []reportFact{}, Way: []string{}}
	in, err := c.reported(r, &p.Incident)
	if err != nil {
		return nil, err
	}
	if p.Published, err = c.o.Ledger.Reports(ctx, p.Incident.ID); err != nil {
		return nil, err
	}
	if p.Report, err = report.Draft(in); err != nil {
		p.Wrong = strings.Split(err.Error(), "\n")
		return p, nil
	}
	p.Facts, p.Sum, p.Difference = c.facts(in, p.Report), report.Sum(p.Report.Told), report.Diff(in.Before, p.Report)
	for _, err := range report.Ready(p.Report) {
		p.Way = append(p.Way, err.Error())
	}
	return p, nil
}

// reported is what an incident's report is drafted from.
func (c *Console) reported(r *http.Request, i *incident.Incident) (in report.Input, err error) {
	if c.o.Report == nil {
		return in, missing("There is no such page.")
	}
	if *i, err = c.theIncident(r.Context(), r.PathValue("id")); err != nil {
		return in, err
	}
	return c.o.Report(r.Context(), i.ID)
}

func (c *Console) theIncident(ctx context.Context, id string) (incident.Incident, error) {
	i, err := c.o.Ledger.Incident(ctx, id)
	if errors.Is(err, ledger.ErrNoIncident) {
		return i, missing("There is no such incident.")
	}
	return i, err
}

func (c *Console) facts(in report.Input, r verify.Report) (list []reportFact) {
	sources := map[string]evidence{}
	for _, s := range report.Sources(in) {
		sources[s.Hash] = evidence{s, shownAt(in.Facts.Incident, s)}
	}
	for _, l := range report.Lines(r, "en") {
		f := reportFact{Line: l, Sources: []evidence{}}
		for _, h := range l.Evidence {
			if s, ok := sources[h]; ok {
				f.Sources = append(f.Sources, s)
			}
		}
		list = append(list, f)
	}
	return list
}

// shownAt is the page on which one sees what a hash is of.
func shownAt(id string, s report.Source) string {
	page := "/incidents/" + id
	switch {
	case s.What == report.FiguresSchema:
		return page + "/explain"
	case s.What == report.VerdictSchema:
		return page + "#cause"
	case strings.HasPrefix(s.What, "the audit"):
		return page + "#audit"
	}
	return "/notices"
}

// part of a report: its facts have a head in common.
type reportPart struct {
	Name  string
	Facts []reportFact
}

// Parts are the facts by what they answer.
func (p reportPage) Parts() (list []reportPart) {
	for _, f := range p.Facts {
		name := partNames[f.head()]
		if name == "" {
			name = "What follows from it"
		}
		i := slices.IndexFunc(list, func(o reportPart) bool { return o.Name == name })
		if i < 0 {
			list, i = append(list, reportPart{Name: name}), len(list)
		}
		list[i].Facts = append(list[i].Facts, f)
	}
	return list
}

var partNames = map[string]string{"which": "Which site?", "how_many": "How many people?", "cause": "What caused it?", "fix": "How was it fixed?", "timeline": "When?"}

func (f reportFact) head() string {
	head, _, _ := strings.Cut(strings.TrimPrefix(f.Field, "/"), "/")
	return head
}

// Name is the fact's name, as people read it.
func (f reportFact) Name() string { return factName(f.Field) }

func factName(pointer string) string {
	last := pointer[strings.LastIndex(pointer, "/")+1:]
	return strings.ReplaceAll(last, "_", " ")
}

// Open are the facts that are not said: unknown until a day, or withheld.
func (p reportPage) Open() (list []reportFact) {
	for _, f := range p.Facts {
		if f.Status == verify.Unknown || f.Status == verify.Withheld {
			list = append(list, f)
		}
	}
	return list
}

// reports is the page of what is public: the log, and the reports of all incidents.
type reports struct {
	Log  logState        `json:"log"`
	List []reportedState `json:"incidents"`
	// Interrupted: a publication is not complete, or under way now.
	Interrupted bool `json:"interrupted,omitempty"`
}

// reportedState is how far an incident's report is.
type reportedState struct {
	Incident incident.Incident `json:"incident"`
	Revision int               `json:"revision"` // the last that is public; 0: none is
	Last     ledger.Revision   `json:"last"`
}

func (c *Console) reports(r *http.Request) (any, error) {
	ctx := r.Context()
	if c.o.Report == nil {
		return nil, missing("There is no such page.")
	}
	list, err := c.o.Ledger.Incidents(ctx)
	if err != nil {
		return nil, err
	}
	published, err := c.o.Ledger.Reports(ctx, "")
	p := reports{Log: c.logState(), List: []reportedState{}}
	for _, i := range list {
		one := reportedState{Incident: i}
		for _, v := range published {
			if v.Incident == i.ID && v.Revision > one.Revision {
				one.Revision, one.Last = v.Revision, v
			}
		}
		p.List = append(p.List, one)
	}
	if err == nil && c.o.Publishing != nil {
		p.Interrupted, err = c.o.Publishing.Interrupted(ctx)
	}
	return p, err
}

// setPath asks to set a fact.
func (f reportFact) SetPath(id string) string {
	return "/incidents/" + id + "/report/set?field=" + f.Field
}

// reportAction is an action on a report, by whoever is signed in.
func (c *Console) reportAction(r *http.Request, what, incident, why string, details map[string]string) candor.Action {
	name, _ := c.sessions.who(r)
	return candor.Action{ID: candor.NewID(), Time: c.o.Now().UTC(), By: name, What: what, Incident: incident, Why: why, Details: details}
}

// Reads is what a fact says, as people read it: a structure's members with their names, a text in English, a time as all pages have it.
func (f reportFact) Reads() string { return strings.Join(f.Items(), "; ") }

// Items are the parts of what a fact says, where it is a list; else it is one.
func (f reportFact) Items() []string {
	var v any
	if !strings.HasPrefix(f.Says, "{") && !strings.HasPrefix(f.Says, "[") || json.Unmarshal([]byte(f.Value), &v) != nil {
		return []string{readable(f.Says)}
	}
	list, ok := v.([]any)
	if !ok {
		return []string{readable(v)}
	}
	items := []string{}
	for _, one := range list {
		items = append(items, readable(one))
	}
	return items
}

func readable(v any) string {
	switch v := v.(type) {
	case []any:
		var list []string
		for _, one := range v {
			list = append(list, strings.TrimSuffix(readable(one), "."))
		}
		return strings.Join(list, "; ")
	case map[string]any:
		if en, ok := v["en"].(string); ok {
			return en
		}
		var list []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			list = append(list, strings.ReplaceAll(name, "_", " ")+": "+readable(v[name]))
		}
		return strings.Join(list, ", ")
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t.UTC().Format("2 Jan 2006, 15:04:05 UTC")
		}
	}
	return fmt.Sprint(v)
}

package console

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// question is the page between a button and what it does: it says what will happen, to how many, and asks.
type question struct {
	Incident incident.Incident
	Campaign notice.Campaign // that it is about, where it is about one
	What     string
	Title    string
	Means    string
	Says     string // behind what it means: to how many
	About    string // of what comes with the link, in words
	Button   string
	Fields   []field
	Details  map[string]string // that go along as they are
	Wrong    string            // why it was not done
	No       string            // why it cannot be done at all
	Against  []notice.Judged   // what the rules say against it
	Path     string            // of the page that it came from, where that is neither the incident's nor a campaign's
	Numbers  []string          // that become public
	First    string            // page of what has to be done before
	Look     string            // page of what it is about, to be looked at before
}

// field is something to fill in.
type field struct {
	Name, Label, Hint, Value string
	Required                 bool
	Long                     bool
	Choices                  []notice.Choice // one of which is to be taken
}

var whyField = field{Name: "why", Label: "Why", Hint: "for the audit", Long: true}

// asks is how each action is asked for. Fields other than "why" become the action's details.
var asks = map[string]func(incident.Incident, map[string]string) question{
	candor.Confirmed: func(i incident.Incident, _ map[string]string) question {
		return question{Title: "Confirm that this is a breach", Button: "Confirm",
			Means:  "From the moment that you give, the controller is aware of it (GDPR Article 33(1)), and the clocks that count from there run. " + incident.SoFar(i),
			Fields: []field{{Name: "at", Label: "Aware since", Hint: "RFC 3339, such as 2018-11-20T10:52:00Z; empty: now"}, whyField}}
	},
	candor.Determined: func(i incident.Incident, _ map[string]string) question {
		return question{Title: "The facts are determined", Button: "Put on record",
			Means:  "What happened and to whom is established. Laws that count from determination or discovery count from here. " + incident.SoFar(i),
			Fields: []field{{Name: "at", Label: "Determined at", Hint: "RFC 3339; empty: now"}, whyField}}
	},
	candor.Contained: func(i incident.Incident, d map[string]string) question {
		return question{Title: "Contain", Button: "Do it", Means: incident.ContainmentMeans(i, d), Fields: []field{whyField}}
	},
	candor.Reset: func(i incident.Incident, d map[string]string) question {
		return question{Title: "Reset the trip", Button: "Reset", Means: "The route answers again, and its count begins at zero. " + incident.SoFar(i), Fields: []field{whyField}}
	},
	candor.Fixed: func(i incident.Incident, _ map[string]string) question {
		return question{Title: "It is fixed", Button: "Put on record",
			Means: "You say that the cause is gone. A disclosure that comes later opens the incident again; candor incident verify proves it. " + incident.SoFar(i),
			Fields: []field{{Name: "at", Label: "Fixed at", Hint: "RFC 3339; empty: now"}, {Name: "reference", Label: "What fixed it", Hint: "a change, a ticket, a commit"},
				{Name: "release", Label: "In which release"}, whyField}}
	},
	candor.Reopened: func(i incident.Incident, _ map[string]string) question {
		return question{Title: "Reopen", Button: "Reopen", Means: "The incident is open again. " + incident.SoFar(i), Fields: []field{whyField}}
	},
	candor.Closed: func(i incident.Incident, _ map[string]string) question {
		why := whyField
		why.Required = true
		return question{Title: "Close", Button: "Close", Means: "The incident is over. A disclosure that comes later opens it again. " + incident.SoFar(i), Fields: []field{why}}
	},
	candor.Assessed: func(i incident.Incident, _ map[string]string) question {
		why := whyField
		why.Required = true
		return question{Title: "Depart from the presumed severity", Button: "Put on record",
			Means: "Severity = DPC x EI + CB (ENISA). Your figures are shown beside the presumption, with your reason. " + incident.SoFar(i),
			Fields: []field{{Name: "dpc", Label: "DPC", Hint: "data processing context, 1 to 4", Required: true}, {Name: "ei", Label: "EI", Hint: "ease of identification, 0.25 to 1", Required: true},
				{Name: "cb", Label: "CB", Hint: "circumstances of the breach, 0 to 2", Required: true}, why}}
	},
}

// Back is the page that a question came from.
func (q question) Back() string {
	switch {
	case q.Path != "":
		return q.Path
	case q.Campaign.ID == "":
		return "/incidents/" + q.Incident.ID
	case q.What == "anew":
		return editor{Incident: q.Incident, Kind: q.Campaign.Kind}.Path()
	case q.What == candor.NoticeResolved:
		return "/notices/" + q.Campaign.ID + "/people"
	}
	return "/notices/" + q.Campaign.ID
}

// ask shows what an action would mean.
func (c *Console) ask(r *http.Request) (any, error) {
	q, err := c.question(r)
	return q, err
}

func (c *Console) question(r *http.Request) (question, error) {
	make, known := asks[r.PathValue("what")]
	if !known || c.o.Act == nil {
		return question{}, missing("There is no such page.")
	}
	i, err := c.o.Ledger.Incident(r.Context(), r.PathValue("id"))
	if errors.Is(err, ledger.ErrNoIncident) {
		return question{}, missing("There is no such incident.")
	} else if err != nil {
		return question{}, err
	}
	d := c.details(r, i)
	q := make(i, d)
	q.Incident, q.What, q.Details = i, r.PathValue("what"), d
	for n, f := range q.Fields {
		q.Fields[n].Value = strings.TrimSpace(r.PostFormValue(f.Name))
	}
	return q, nil
}

// details are what a containment is about: the mode comes with the link or button, the place is the incident's.
func (c *Console) details(r *http.Request, i incident.Incident) map[string]string {
	what := r.PathValue("what")
	if what != candor.Contained && what != candor.Reset {
		return nil
	}
	d := map[string]string{"site": i.Site, "route": i.Route}
	if r.FormValue("wide") != "" {
		d["route"] = ""
	}
	if what == candor.Contained {
		d["mode"] = r.FormValue("mode")
		if n, err := strconv.Atoi(r.FormValue("count")); err == nil && n > 0 && d["mode"] == "trip" {
			d["count"], d["within"] = strconv.Itoa(n), r.FormValue("within")
		}
	}
	return d
}

// maxForm is how long the answer to a question may be, in bytes.
const maxForm = 16 << 10

// act does it, and goes back to the incident.
func (c *Console) act(w http.ResponseWriter, r *http.Request) {
	q, err := c.question(r)
	if err != nil {
		c.failed(w, r, err)
		return
	}
	if q.Wrong = q.missing(); q.Wrong == "" {
		if err := c.o.Act(r.Context(), c.action(r, q)); err != nil {
			q.Wrong = err.Error()
		}
	}
	if q.Wrong != "" {
		c.render(w, http.StatusUnprocessableEntity, shell{Page: "act", Now: c.o.Now().UTC(), Status: c.o.Status(), Data: q})
		return
	}
	http.Redirect(w, r, "/incidents/"+q.Incident.ID, http.StatusSeeOther)
}

// missing names what was not filled in, or cannot be read.
func (q question) missing() string {
	for _, f := range q.Fields {
		if f.Required && f.Value == "" {
			return f.Label + " is missing."
		}
		if len(f.Choices) > 0 && !slices.ContainsFunc(f.Choices, func(c notice.Choice) bool { return c.Value == f.Value }) {
			return f.Label + ": take one of these."
		}
		if f.Name == "at" && f.Value != "" {
			if _, err := time.Parse(time.RFC3339, f.Value); err != nil {
				return f.Label + ": write the time as RFC 3339, such as 2018-11-20T10:52:00Z."
			}
		}
	}
	if mode, ok := q.Details["mode"]; ok && !incident.IsContainment(mode) {
		return fmt.Sprintf("%q is no way to contain anything.", mode)
	}
	if q.What == candor.Assessed {
		if _, err := incident.Departure(candor.Action{Why: q.value("why"), Details: map[string]string{"dpc": q.value("dpc"), "ei": q.value("ei"), "cb": q.value("cb")}}); err != nil {
			return "This is no severity: " + strings.TrimPrefix(err.Error(), "severity: ") + "."
		}
	}
	return ""
}

func (q question) value(name string) string {
	for _, f := range q.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func (c *Console) action(r *http.Request, q question) candor.Action {
	name, _ := c.sessions.who(r)
	a := candor.Action{ID: candor.NewID(), Time: c.o.Now().UTC(), By: name, What: q.What, Incident: q.Incident.ID, Details: map[string]string{}}
	maps.Copy(a.Details, q.Details)
	for _, f := range q.Fields {
		switch {
		case f.Name == "why":
			a.Why = f.Value
		case f.Value != "":
			a.Details[f.Name] = f.Value
		}
	}
	return a
}

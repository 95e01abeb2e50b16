package filing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/duties"
	"candor.example/internal/report"
	"candor.example/scan"
	"candor.example/verify"
)

// Schema names the form of Filing.
const Schema = "candor.filing/v1"

// Input is what a filing is written from.
type Input struct {
	Report    verify.Report // as last published, or a draft
	Published string        // the SHA-256 of Report's published bytes; empty: it is a draft
	Duties    duties.Answer
	Filed     []report.Filed    // until now, under any rule
	Before    *Filing           // what was filed last with this form, where its text was kept
	Given     map[string]string // what people answer, by field
	// ToldThere counts the people at the rule's place to whom a notice was sent; nil: it is not known.
	ToldThere *int
	Sample    string // the notice to people, as plain text to somebody who is made up; empty: none is written yet
	Phase     string // one of report.Phases
	Now       time.Time
}

// Filing is a form, filled. It names no customer.
type Filing struct {
	Schema    string    `json:"schema"`
	Form      string    `json:"form"` // Form.ID
	Title     string    `json:"title"`
	Authority string    `json:"authority"`
	Law       string    `json:"law"`
	How       string    `json:"how"`
	Rule      string    `json:"rule"`
	Phase     string    `json:"phase"`
	Incident  string    `json:"incident_id"`
	Revision  int       `json:"revision"`                // of the report that it was filled from
	Report    string    `json:"report_sha256,omitempty"` // of its published bytes; empty: it is a draft
	Drafted   time.Time `json:"drafted_at"`
	// Duty is "yes", "no" or "undecided", and Why says so. Due is zero where there is no number or the clock does not run.
	Duty   string    `json:"duty"`
	Why    string    `json:"why"`
	Due    time.Time `json:"due_at,omitzero"`
	Late   bool      `json:"late"` // it is the first one, and Due has passed
	Advice string    `json:"advice"`
	Notes  []string  `json:"notes"` // on the form: what it is not

	Sections []Answered `json:"sections"`
	Changes  []Change   `json:"changes"` // since what was filed last
	Open     []string   `json:"open"`    // fields that are required and still wait for a person
	Sample   string     `json:"sample,omitempty"`
	Paper    string     `json:"paper"` // A4 or Letter
}

// Answered is a section with its answers.
type Answered struct {
	Title   string   `json:"title"`
	Answers []Answer `json:"answers"`
}

// Answer is one field, answered or marked.
type Answer struct {
	Field    string   `json:"field"` // Field.ID
	Label    string   `json:"label"`
	Law      string   `json:"law,omitempty"`
	Required bool     `json:"required"`
	From     []string `json:"from,omitempty"` // which facts
	Text     string   `json:"text"`           // what is answered: of several facts one on each line; empty where nothing is
	// Ask is what a person has to answer, or look at; empty: nothing.
	Ask string `json:"ask,omitempty"`
	By  string `json:"by"` // "candor" or "person"
}

// Change is an answer that is another one than was filed.
type Change struct {
	Field string `json:"field"`
	Label string `json:"label"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// Mark is how what only a person can answer is marked.
func (a Answer) Mark() string {
	if a.Ask == "" {
		return ""
	}
	return "[to be answered by a person: " + a.Ask + "]"
}

// draft is a filing in the making.
type draft struct {
	Input
	form    Form
	zone    *time.Location
	changes []Change
}

// Fill fills a form. An error says what is wrong with what it was given.
func (f Form) Fill(in Input) (Filing, error) {
	d := &draft{Input: in, form: f, zone: zone(in.Report.Publisher.Zone)}
	if err := d.check(); err != nil {
		return Filing{}, err
	}
	duty := d.duty()
	out := Filing{
		Schema: Schema, Form: f.ID, Title: f.Title, Authority: d.authority(), Law: f.Law, How: f.How, Rule: d.rule(), Phase: in.Phase, Incident: in.Report.Incident,
		Revision: in.Report.Revision, Report: in.Published, Drafted: in.Now.UTC().Truncate(time.Second), Duty: dutyWords[duty.Ruling], Why: duty.Why, Due: duty.At, Late: d.late(),
		Advice: duties.Advice, Notes: d.notes(), Sections: d.sections(), Changes: []Change{}, Open: []string{}, Sample: in.Sample, Paper: f.Paper,
	}
	if in.Before != nil {
		out.Changes = changes(*in.Before, out)
		d.changes = out.Changes
		out.Sections = d.sections() // once more: a form may ask what has changed
	}
	for _, a := range out.answers() {
		if a.Required && a.Ask != "" {
			out.Open = append(out.Open, a.Field)
		}
	}
	return out, out.namesNobody(in.Report.Publisher)
}

// namesNobody refuses an e-mail address, in any encoding, that is not one under which the publisher can be reached.
func (f Filing) namesNobody(p verify.Publisher) error {
	own := []string{p.Contact.Email, p.DPO.Email}
	for _, a := range append(f.answers(), Answer{Field: "sample", Text: f.Sample}) {
		if found := report.AddressIn(a.Text, own); found != "" {
			return fmt.Errorf("%s: it holds an e-mail address, %s: a filing names no customer", a.Field, scan.MaskEmail(found))
		}
	}
	return nil
}

var dutyWords = map[duties.Ruling]string{duties.Due: "yes", duties.None: "no", duties.Undecided: "undecided"}

func zone(name string) *time.Location {
	if l, err := time.LoadLocation(name); err == nil {
		return l
	}
	return time.UTC
}

func (d *draft) check() error {
	if !slices.Contains(report.Phases, d.Phase) {
		return fmt.Errorf("phase %q is none of %s", d.Phase, strings.Join(report.Phases, ", "))
	}
	if d.Phase != report.Initial && len(d.earlier()) == 0 {
		return fmt.Errorf("a %s comes after an initial notification, and none is on record: draft with phase initial, or record what was filed", d.Phase)
	}
	known := map[string]bool{}
	for _, s := range d.form.Sections {
		for _, f := range s.Fields {
			known[f.ID] = true
		}
	}
	for id := range d.Given {
		if !known[id] {
			return fmt.Errorf("the form %s has no field %q to answer", d.form.ID, id)
		}
	}
	return nil
}

// rule is under which the filing is made: what follows the first notification may have a rule of its own.
func (d *draft) rule() string { return d.form.RuleOf(d.Phase) }

// RuleOf is the id of the rule under which a phase is filed.
func (f Form) RuleOf(phase string) string {
	if f.Completes != "" && (phase == report.FollowUp || phase == report.Final) {
		return f.Completes
	}
	return f.Rule
}

func (d *draft) duty() duties.Duty { return dutyOf(d.Duties, d.rule()) }

func dutyOf(a duties.Answer, rule string) duties.Duty {
	for _, one := range a.Duties {
		if one.ID == rule {
			return one
		}
	}
	return duties.Duty{Ruling: duties.Undecided, Why: "the rules that Candor was given have none for it"}
}

// MayFile says what stands against recording a filing: it follows none, or it is a first one, late, and does not say why (GDPR 33(1)).
func (f Form) MayFile(one report.Filed, before []report.Filed, a duties.Answer) error {
	if one.Phase != report.Initial && len(f.filed(before)) == 0 {
		return fmt.Errorf("a %s comes after an initial notification, and none is on record", one.Phase)
	}
	due := dutyOf(a, f.RuleOf(one.Phase)).At
	if one.Phase == report.Initial && !due.IsZero() && one.At.After(due) && one.Delay == "" && f.asksWhyLate() {
		return fmt.Errorf("it was due %s and filed %s: give the reasons for the delay with --delay (%s)", due.Format(time.RFC3339), one.At.Format(time.RFC3339), f.Law)
	}
	return nil
}

func (f Form) asksWhyLate() bool {
	for _, s := range f.Sections {
		if slices.ContainsFunc(s.Fields, func(one Field) bool { return one.When == "late" }) {
			return true
		}
	}
	return false
}

// authority is by name where a filing said it, and else as the rule has it.
func (d *draft) authority() string {
	name := d.duty().Authority
	for _, f := range d.earlier() {
		if f.Authority != "" {
			name = f.Authority
		}
	}
	return name
}

// earlier is what was filed with this form before, in its order.
func (d *draft) earlier() []report.Filed { return d.form.filed(d.Filed) }

func (f Form) filed(all []report.Filed) (list []report.Filed) {
	for _, one := range all {
		if one.Rule == f.Rule || one.Rule == f.Completes {
			list = append(list, one)
		}
	}
	slices.SortStableFunc(list, func(a, b report.Filed) int { return a.At.Compare(b.At) })
	return list
}

// late: the first notification, after its time.
func (d *draft) late() bool {
	due := d.duty().At
	return d.Phase == report.Initial && !due.IsZero() && d.Now.After(due)
}

func (d *draft) notes() []string {
	notes := []string{"* is what has to be answered."}
	for _, n := range []string{d.form.inForce(d.Now), d.form.Note} {
		if n != "" {
			notes = append(notes, n)
		}
	}
	for _, l := range d.form.Lacks {
		notes = append(notes, "The regulator's own form has what this has not: "+l)
	}
	return append(notes, "Filled after: "+d.form.Source+".")
}

func (d *draft) phaseWord() string {
	if d.Phase == report.Initial {
		return "initial notification"
	}
	return map[string]string{report.FollowUp: "follow-up", report.Final: "final", report.Withdrawal: "withdrawal"}[d.Phase] + " notification"
}

func (d *draft) dutyWord() string {
	return dutyWords[d.duty().Ruling] + ": " + d.duty().Why
}

// time says a moment in the publisher's zone and in UTC; nothing for zero.
func (d *draft) time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	there := t.In(d.zone).Format("2006-01-02 15:04 MST")
	if _, off := t.In(d.zone).Zone(); off == 0 {
		return there
	}
	return there + t.UTC().Format(" (15:04 UTC)")
}

func (d *draft) sections() []Answered {
	list := []Answered{}
	for _, s := range d.form.Sections {
		one := Answered{Title: s.Title}
		for _, f := range s.Fields {
			if f.asked(d.Phase, d.late()) {
				one.Answers = append(one.Answers, d.answer(f))
			}
		}
		if len(one.Answers) > 0 {
			list = append(list, one)
		}
	}
	return list
}

// answer fills one field: what a person says now stands over what a person said before, and that over the facts.
func (d *draft) answer(f Field) Answer {
	a := Answer{Field: f.ID, Label: f.Label, Law: f.Law, Required: f.Required, By: "candor"}
	if given := strings.TrimSpace(d.Given[f.ID]); given != "" {
		a.Text, a.By = given, "person"
		return a
	}
	if before, ok := d.Before.answer(f.ID); ok && before.By == "person" {
		a.Text, a.By = before.Text, "person"
		return a
	}
	text, ask := d.say(f.From)
	if a.Text = text; text != "" {
		a.From = f.From
	}
	if ask {
		a.Ask = f.Person
	}
	return a
}

// say joins what facts say. A person is asked where none of them is known, and where the public is not told.
func (d *draft) say(from []string) (text string, ask bool) {
	var lines []string
	known, withheld := false, false
	for _, name := range from {
		is := facts[name].say(d)
		known = known || is.status == verify.Known || is.status == verify.Estimated
		withheld = withheld || is.status == verify.Withheld
		switch {
		case is.text == "":
		case len(from) == 1:
			lines = append(lines, is.text)
		default:
			lines = append(lines, facts[name].name+": "+is.text)
		}
	}
	return strings.Join(lines, "\n"), !known || withheld
}

func (f *Filing) answer(id string) (Answer, bool) {
	if f == nil {
		return Answer{}, false
	}
	for _, a := range f.answers() {
		if a.Field == id {
			return a, true
		}
	}
	return Answer{}, false
}

func (f *Filing) answers() (list []Answer) {
	for _, s := range f.Sections {
		list = append(list, s.Answers...)
	}
	return list
}

// changes are the answers that were filed and are others now, in the form's order.
func changes(before, now Filing) []Change {
	list := []Change{}
	for _, a := range now.answers() {
		was, ok := before.answer(a.Field)
		if ok && was.Text != a.Text {
			list = append(list, Change{a.Field, a.Label, was.Text, a.Text})
		}
	}
	return list
}

// Marshal is the filing as JSON, indented.
func (f Filing) Marshal() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(f); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Parse reads what Marshal wrote.
func Parse(data []byte) (Filing, error) {
	var f Filing
	if len(data) > candor.MaxDocument {
		return f, fmt.Errorf("it has %d bytes, and a filing %d at most", len(data), candor.MaxDocument)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, fmt.Errorf("it is no %s: %w", Schema, err)
	}
	switch {
	case f.Schema != Schema:
		return f, errors.New("its schema is not " + Schema)
	case !slices.Contains(papers, f.Paper):
		return f, errors.New("its paper is neither A4 nor Letter")
	}
	return f, nil
}

package report

import (
	"fmt"
	"strings"
	"time"

	"candor.example/verify"
)

// Line is one fact as it is read in a terminal or in the console.
type Line struct {
	Field    string        `json:"field"` // JSON pointer
	Status   verify.Status `json:"status"`
	Says     string        `json:"says"`
	AsOf     time.Time     `json:"as_of"`
	Until    time.Time     `json:"next_update_by,omitzero"` // of what is unknown
	Evidence []string      `json:"evidence,omitempty"`      // hashes: Sources says of what
	Value    string        `json:"-"`                       // as JSON
	Settable bool          `json:"-"`                       // people may say it; else they may only withhold it
}

// Lines lists the facts of a report; words are in one language.
func Lines(r verify.Report, lang string) (list []Line) {
	for _, f := range fields(&r) {
		list = append(list, Line{f.pointer, f.status(), f.says(lang), f.part("AsOf").Interface().(time.Time), f.due(), f.evidence(), f.value(), people[f.pointer] != ""})
	}
	return list
}

func (f field) says(lang string) string {
	switch f.status() {
	case verify.Unknown:
		return "until " + f.due().Format(time.DateOnly)
	case verify.Withheld:
		return f.reason()
	}
	text := strings.Trim(f.value(), `"`)
	switch v := f.part("Value").Interface().(type) {
	case *verify.Words:
		text = (*v)[lang]
	case *string:
		text = *v
	case *verify.People:
		if text = fmt.Sprintf("%d to %d", v.Lower, v.Upper); v.Exact != nil {
			text = fmt.Sprint(*v.Exact)
		}
	}
	if f.status() == verify.Estimated {
		text += " (estimated: " + f.reason() + ")"
	}
	return text
}

// Difference is what a revision says otherwise than the one before.
type Difference struct {
	Revision    int                 `json:"beside_revision"` // 0: there is none
	Answered    []string            `json:"answered"`        // what was unknown or withheld and is said now
	Asked       []string            `json:"asked"`           // what is unknown now and was not
	Told        string              `json:"people_told,omitempty"`
	Corrections []verify.Correction `json:"corrections"`
}

// Diff compares a draft with the revision before it; nil: there is none.
func Diff(before *verify.Report, r verify.Report) Difference {
	d := Difference{Answered: []string{}, Asked: []string{}, Corrections: []verify.Correction{}}
	if before == nil {
		return d
	}
	d.Revision = before.Revision
	was := fields(before)
	for i, f := range fields(&r) {
		switch {
		case f.has() && !was[i].has():
			d.Answered = append(d.Answered, f.pointer)
		case f.status() == verify.Unknown && was[i].status() != verify.Unknown:
			d.Asked = append(d.Asked, f.pointer)
		}
	}
	if from, to := Sum(before.Told), Sum(r.Told); from != to {
		d.Told = from + "; now " + to
	}
	d.Corrections = append(d.Corrections, Corrected(r)...)
	return d
}

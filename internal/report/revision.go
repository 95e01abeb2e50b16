package report

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"candor.example/verify"
)

// WentOn is why a fact of which only the course goes on is said otherwise in a later revision.
const WentOn = "It went on: what was said before was right at its time."

// going are the facts that go on by themselves, so that nobody has to say why.
var going = []string{"/fix/contained_at", "/fix/contained_how", "/fix/fixed_at", "/fix/fix_reference", "/fix/verified_by", "/fix/copies_purged", "/fix/wrong_viewers_asked_to_delete", "/fix/prevention",
	"/timeline/contained", "/timeline/fixed", "/timeline/first_notice", "/timeline/last_notice", "/regulators"}

// corrections are those of before, and one for each value that was said and is said otherwise now, or not any more. What was unknown and is known now is an
// answer, and none of them. People told is no fact that is corrected: it is where the notices stand, and must sum.
func corrections(before *verify.Report, now verify.Report, whys map[string]string) []verify.Correction {
	list := []verify.Correction{}
	if before == nil {
		return list
	}
	list = append(list, before.Corrections...)
	was, is := fields(before), fields(&now)
	for i, f := range is {
		old := was[i]
		if !old.has() {
			continue
		}
		if !f.has() {
			list = append(list, verify.Correction{Field: f.pointer + "/value", From: old.value(), To: "null", Why: whyOf(f, whys), Revision: now.Revision})
			continue
		}
		for _, c := range changed(old.part("Value").Elem(), f.part("Value").Elem(), f.pointer+"/value") {
			c.Why, c.Revision = whyOf(f, whys), now.Revision
			list = append(list, c)
		}
	}
	return list
}

// whyOf is what somebody said, or else what goes without saying; "" where somebody must.
func whyOf(f field, whys map[string]string) string {
	for pointer, why := range whys {
		if why = strings.TrimSpace(why); why != "" && (Pointer(pointer) == f.pointer || strings.HasPrefix(Pointer(pointer), f.pointer+"/")) {
			return why
		}
	}
	switch {
	case f.status() == verify.Withheld || f.status() == verify.Estimated:
		return f.reason()
	case slices.Contains(going, f.pointer):
		return WentOn
	}
	return ""
}

// changed lists what differs, member by member; lists and texts in several languages differ as a whole.
func changed(was, is reflect.Value, pointer string) (list []verify.Correction) {
	if was.Kind() == reflect.Struct && was.Type() != reflect.TypeFor[time.Time]() {
		for i := range was.NumField() {
			name, _, _ := strings.Cut(was.Type().Field(i).Tag.Get("json"), ",")
			list = append(list, changed(was.Field(i), is.Field(i), pointer+"/"+name)...)
		}
		return list
	}
	from, to := asJSON(was), asJSON(is)
	if from == to {
		return nil
	}
	return []verify.Correction{{Field: pointer, From: from, To: to}}
}

func asJSON(v reflect.Value) string {
	b, _ := json.Marshal(v.Interface()) // what a report holds always can be
	return string(b)
}

// keepPromises takes over by when the last revision said that something will be known, as long as that is yet to come.
func (d *drafter) keepPromises(r *verify.Report) {
	if d.Before == nil {
		return
	}
	was := fields(d.Before)
	for i, f := range fields(r) {
		old := was[i]
		if f.status() == verify.Unknown && old.status() == verify.Unknown && old.due().Before(f.due()) && f.due().Equal(d.by) && d.Facts.UpdateBy.IsZero() {
			f.part("NextUpdateBy").Set(reflect.ValueOf(old.due()))
		}
	}
}

// Corrected are the corrections that a revision makes itself.
func Corrected(r verify.Report) (list []verify.Correction) {
	for _, c := range r.Corrections {
		if c.Revision == r.Revision {
			list = append(list, c)
		}
	}
	return list
}

package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/notice"
	"candor.example/verify"
)

// Drafted is the status of a candor.ReportSet that takes back what people set: the fact is as Candor drafts it again.
const Drafted = "drafted"

// people know these, and the ledger does not: they may be said by hand. Of those that are "unless known" only as long as the ledger does not say them.
var people = map[string]string{
	"/which/sites": "always", "/which/surfaces": "always",
	"/how_many/fields_not_disclosed": "always", "/how_many/special_groups": "always",
	"/cause/why_not_caught": "always", "/cause/third_party": "always", "/cause/summary_plain": "unless known", "/cause/veris": "unless known", "/cause/mechanism": "unless known",
	"/cause/trigger": "unless known", "/cause/kind": "unless known",
	"/fix/fix_reference": "unless known", "/fix/copies_purged": "always", "/fix/wrong_viewers_asked_to_delete": "unless known", "/fix/prevention": "always",
	"/timeline/introduced": "unless known", "/regulators": "unless known",
}

// Pointer is a field as people write it, as a JSON pointer: "cause.third_party" is "/cause/third_party".
func Pointer(field string) string {
	return "/" + strings.Trim(strings.ReplaceAll(field, ".", "/"), "/")
}

// Set makes the Details of a candor.ReportSet. value is JSON, for known and estimated; until is for unknown.
func Set(field string, status string, value string, until time.Time) map[string]string {
	d := map[string]string{"field": Pointer(field), "status": status}
	if value != "" {
		d["value"] = value
	}
	if !until.IsZero() {
		d["until"] = until.UTC().Format(time.RFC3339)
	}
	return d
}

// Sound says why a candor.ReportSet cannot be: no such field, a value of another form, what only the ledger knows, an address of somebody in it.
func Sound(a candor.Action) error {
	f, ok := fieldAt(&verify.Report{}, a.Details["field"])
	if !ok {
		return fmt.Errorf("%q is no field of a report; these are: %s", a.Details["field"], strings.Join(Fields(), " "))
	}
	if holdsAddress(a.Why) || holdsAddress(a.Details["value"]) {
		return fmt.Errorf("%s: it holds an e-mail address: a report names no customer, and whom to ask is in candor.yaml", f.pointer)
	}
	switch s := a.Details["status"]; s {
	case string(verify.Known), string(verify.Estimated):
		if people[f.pointer] == "" {
			return fmt.Errorf("%s is what the ledger says: it can be withheld with a reason, and is changed only by what changes the ledger", f.pointer)
		}
		if s == string(verify.Estimated) && strings.TrimSpace(a.Why) == "" {
			return fmt.Errorf("%s: say how it was estimated", f.pointer)
		}
		_, err := f.read(a.Details["value"])
		return err
	case string(verify.Withheld):
		if f.pointer == "/which/sites" {
			return errors.New("/which/sites cannot be withheld: advice and notices name the site, and which it was is the first thing that people ask")
		}
		if strings.TrimSpace(a.Why) == "" {
			return fmt.Errorf("%s: say why it is withheld", f.pointer)
		}
	case string(verify.Unknown):
		if until, err := time.Parse(time.RFC3339, a.Details["until"]); err != nil || !until.After(a.Time) {
			return fmt.Errorf("%s: say by when it will be known, a time that is yet to come", f.pointer)
		}
	case Drafted:
	default:
		return fmt.Errorf("%q is none of known, estimated, unknown, withheld and %s", s, Drafted)
	}
	return nil
}

// read takes a value as JSON, strictly.
func (f field) read(value string) (reflect.Value, error) {
	v := reflect.New(f.part("Value").Type().Elem())
	dec := json.NewDecoder(strings.NewReader(value))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v.Interface()); err != nil {
		return v, fmt.Errorf("%s: the value: %w", f.pointer, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return v, fmt.Errorf("%s: the value: something follows it", f.pointer)
	}
	if w, ok := v.Interface().(*verify.Words); ok && len(*w) == 0 {
		return v, fmt.Errorf("%s: the value: there is no text in it", f.pointer)
	}
	if bytes.Equal(bytes.TrimSpace([]byte(value)), []byte("null")) {
		return v, fmt.Errorf("%s: the value is null: say that it is unknown, or withhold it", f.pointer)
	}
	return v, nil
}

// holdsAddress: an at-sign in any of its spellings stands in a text.
func holdsAddress(text string) bool {
	for _, w := range strings.Fields(text) {
		if !strings.Contains(w, "*****") && strings.Contains(notice.Detail(w, func(string) bool { return false }), "*****") {
			return true
		}
	}
	return false
}

// set puts in what people said: the last of each field stands.
func (d *drafter) set(r *verify.Report) error {
	last := map[string]Entry{}
	for _, a := range d.Actions {
		if a.What == candor.ReportSet {
			last[a.Details["field"]] = a
		}
	}
	for _, f := range fields(r) {
		a, ok := last[f.pointer]
		if !ok || a.Details["status"] == Drafted {
			continue
		}
		if err := d.setOne(f, a); err != nil {
			return err
		}
	}
	return d.sameSite(r)
}

func (d *drafter) setOne(f field, a Entry) error {
	if err := Sound(a.Action); err != nil {
		return err
	}
	evidence, as := []string{a.Hash}, second(a.Time)
	switch s := verify.Status(a.Details["status"]); s {
	case verify.Withheld:
		f.withhold(as, nil, a.Why)
	case verify.Unknown:
		until, _ := time.Parse(time.RFC3339, a.Details["until"]) // Sound has read it
		f.become(s, reflect.Value{}, as, evidence, second(until), "")
	default:
		if people[f.pointer] == "unless known" && f.status() == verify.Known {
			return nil // the ledger has come to know it since
		}
		v, err := f.read(a.Details["value"])
		if err != nil {
			return err
		}
		f.become(s, v, as, evidence, time.Time{}, a.Why)
		if f.by != nil {
			*f.by = role("")
		}
	}
	return nil
}

// sameSite: people may say more of sites and surfaces, and not other ones.
func (d *drafter) sameSite(r *verify.Report) error {
	sites, surfaces := r.Which.Sites.Value, r.Which.Surfaces.Value
	if sites != nil && !slices.ContainsFunc(*sites, func(s verify.Site) bool { return s.Host == d.Facts.Site }) {
		return errors.New("/which/sites: what was set does not name " + d.Facts.Site + ", where the ledger has it")
	}
	route := publicRoute(d.Facts.Route)
	if surfaces != nil && !slices.ContainsFunc(*surfaces, func(s verify.Surface) bool { return s.Route == route }) {
		return errors.New("/which/surfaces: what was set does not name the route " + route)
	}
	return nil
}

// Texts is a text in several languages as the JSON that a field wants: words, or one text where it has only one.
func Texts(field string, texts map[string]string) string {
	f, _ := fieldAt(&verify.Report{}, Pointer(field))
	var v any = texts
	one := texts["en"]
	for _, lang := range notice.Languages {
		if one == "" {
			one = texts[lang]
		}
	}
	if f.fact.IsValid() {
		switch f.part("Value").Interface().(type) {
		case *string:
			v = one
		case *[]string:
			v = []string{one}
		case *[]verify.Prevention:
			v = []verify.Prevention{{Action: texts}}
		}
	}
	b, _ := json.Marshal(v) // texts always can be
	return string(b)
}

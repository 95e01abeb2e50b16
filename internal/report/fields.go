package report

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"candor.example/verify"
)

// field is one fact of a report, found by its type, so that a new one in verify.Report is never forgotten.
type field struct {
	pointer string        // RFC 6901: "/fix/fixed_at"
	fact    reflect.Value // a verify.Fact of whatever, that can be set
	by      *string       // of a verify.Moment
}

// fields lists the facts of a report in its order.
func fields(r *verify.Report) []field { return fieldsOf(reflect.ValueOf(r).Elem(), "") }

func fieldsOf(v reflect.Value, pointer string) (list []field) {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		part, at := v.Field(i), pointer+"/"+name
		switch moment, isMoment := part.Addr().Interface().(*verify.Moment); {
		case isMoment:
			list = append(list, field{at, part.Field(0), &moment.By})
		case isFact(part.Type()):
			list = append(list, field{at, part, nil})
		case part.Kind() == reflect.Struct && part.Type() != reflect.TypeFor[time.Time]():
			list = append(list, fieldsOf(part, at)...)
		}
	}
	return list
}

func isFact(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && strings.HasPrefix(t.Name(), "Fact[")
}

func fieldAt(r *verify.Report, pointer string) (field, bool) {
	all := fields(r)
	i := slices.IndexFunc(all, func(f field) bool { return f.pointer == pointer })
	if i < 0 {
		return field{}, false
	}
	return all[i], true
}

// Fields are the JSON pointers of all facts of a report, in its order.
func Fields() (list []string) {
	for _, f := range fields(&verify.Report{}) {
		list = append(list, f.pointer)
	}
	return list
}

func (f field) status() verify.Status       { return f.part("Status").Interface().(verify.Status) }
func (f field) due() time.Time              { return f.part("NextUpdateBy").Interface().(time.Time) }
func (f field) reason() string              { return f.part("Reason").String() }
func (f field) evidence() []string          { return f.part("Evidence").Interface().([]string) }
func (f field) part(n string) reflect.Value { return f.fact.FieldByName(n) }

// has: it has a value.
func (f field) has() bool { return !f.part("Value").IsNil() }

// value is what it says, as JSON; "null" where it says nothing.
func (f field) value() string {
	b, _ := json.Marshal(f.part("Value").Interface()) // what a report holds always can be
	return string(b)
}

// become sets it anew. value is a pointer of its type, or nil.
func (f field) become(s verify.Status, value reflect.Value, as time.Time, evidence []string, until time.Time, reason string) {
	if !value.IsValid() {
		value = reflect.Zero(f.part("Value").Type())
	}
	f.part("Status").Set(reflect.ValueOf(s))
	f.part("Value").Set(value)
	f.part("AsOf").Set(reflect.ValueOf(as))
	f.part("Evidence").Set(reflect.ValueOf(evidence))
	f.part("NextUpdateBy").Set(reflect.ValueOf(until))
	f.part("Reason").SetString(reason)
	if f.by != nil && s == verify.Withheld {
		*f.by = ""
	}
}

// withhold says nothing of it any more.
func (f field) withhold(as time.Time, evidence []string, reason string) {
	f.become(verify.Withheld, reflect.Value{}, as, evidence, time.Time{}, reason)
}

func (f field) evidenceIs(list []string) {
	if len(list) == 0 {
		list = nil
	}
	f.part("Evidence").Set(reflect.ValueOf(list))
}

package journal

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"candor.example"
)

// Texts that are written in more than one way, or that JSON has trouble with.
var texts = []string{"", "a", "/orders?a=1&b=<2>", "Zürich", "\u2028\x7f\x00\t", `"\`, "\xff\xfe", "…"}

// fill has one text in all the texts of a disclosure or a response, and a number in all its numbers, by which it is told what else there is.
func fill(to any, text string, n int) {
	v := reflect.ValueOf(to).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(text)
		case reflect.Int, reflect.Int64:
			f.SetInt(int64(n))
		case reflect.Bool:
			f.SetBool(n%2 == 1)
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{text, "card", text}[:n%4]))
		case reflect.Struct:
			if t, ok := f.Addr().Interface().(*time.Time); ok {
				*t = time.Unix(int64(n), int64(n%3)).UTC()
			} else {
				fill(f.Addr().Interface(), text, n)
			}
		}
	}
}

func filled(text string, n int) (d candor.Disclosure) {
	fill(&d, text, n)
	return d
}

func told(text string, n int) (r candor.Response) {
	fill(&r, text, n)
	return r
}

// alone are as many as there are fields, each with one field of what is filled.
func alone[T any](filled T) (list []T) {
	for i := range reflect.TypeFor[T]().NumField() {
		var one T
		reflect.ValueOf(&one).Elem().Field(i).Set(reflect.ValueOf(filled).Field(i))
		list = append(list, one)
	}
	return list
}

// What is written by hand is what encoding/json writes, of each member alone and of all, and is read as encoding/json reads it.
func TestEntriesAreJSON(t *testing.T) {
	entries := []candor.Entry{{}, {Coverage: []candor.Coverage{{Site: "shop.example"}}},
		{Disclosures: alone(filled("x", 5))}, {Responses: alone(told("x", 5))}, {Responses: []candor.Response{{Age: -1}, {Age: -2}, {Twins: candor.Twins{Viewers: 1}}}}}
	for i, text := range texts {
		ds := []candor.Disclosure{filled(text, i), filled(text, i), filled("other", i+1), {}, filled(text, i+2)}
		rs := []candor.Response{told(text, i), {}, told("other", i+1)}
		sealed := []candor.Sealed{{Owner: text, Blob: []byte(text)}}
		entries = append(entries, candor.Entry{Disclosures: ds}, candor.Entry{Responses: rs}, candor.Entry{Disclosures: ds, Responses: rs},
			candor.Entry{Disclosures: ds, Sealed: sealed}, candor.Entry{Disclosures: ds, Responses: rs, Sealed: sealed}, candor.Entry{Responses: rs, Sealed: sealed})
	}
	for _, e := range entries {
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := encode(e)
		if err != nil || string(got) != string(want) {
			t.Fatalf("encode: %v\n%s\nwant\n%s", err, got, want)
		}
		sameAsJSON(t, got)
	}
	never := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) // a year that JSON cannot have
	for _, e := range []candor.Entry{{Disclosures: []candor.Disclosure{{Time: never}}}, {Responses: []candor.Response{{Time: never}}},
		{Responses: []candor.Response{{End: never}}}, {Responses: []candor.Response{{Date: never}}}} {
		if b, err := encode(e); err == nil {
			t.Errorf("written: %s", b)
		}
	}
}

// sameAsJSON compares parse with encoding/json, and says whether it is an entry.
func sameAsJSON(t *testing.T, data []byte) {
	t.Helper()
	var got, want candor.Entry
	err, wantErr := parse(data, &got), json.Unmarshal(data, &want)
	if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%s\nparse: %v %+v\nencoding/json: %v %+v", data, err, got, wantErr, want)
	}
}

// All is read by hand that is written by hand: who falls back to encoding/json is right, too, and slow.
func TestEntriesAreReadByHand(t *testing.T) {
	for i, text := range texts {
		b, err := encode(candor.Entry{Disclosures: []candor.Disclosure{filled(text, 4*i+1), filled("other", 4*i+3), {}}, Responses: []candor.Response{told(text, 4*i+1), {Age: -1}}})
		if err != nil {
			t.Fatal(err)
		}
		r := reader{in: b}
		if r.entry(); r.failed || string(r.in) != "}" {
			t.Errorf("%s: stopped before %s", b, r.in)
		}
	}
}

func FuzzEntry(f *testing.F) {
	for i, text := range texts {
		b, _ := encode(candor.Entry{Disclosures: []candor.Disclosure{filled(text, i)}, Responses: []candor.Response{told(text, i)}})
		f.Add(b)
	}
	for _, odd := range []string{`{}`, `{"id":""}`, `{"ID":"a","id":null}`, `{"status":01}`, `{"status":1e2}`, `{"offset":-1,"length":9999999999999999999}`,
		`{"cached":false,"credentials":[]}`, `{"time":"then"}`, ` {"site":"\ud800"}`, `{"unknown":1}`, `{"age":-1}`, `{"age":-12}`, `{"twins":{}}`, `{"twins":{"viewers":1}}`, `{"url":"a` + "\n" + `"}`, `{"class":"x"},`, `{"class":"x"`} {
		f.Add(fmt.Appendf(nil, `{"disclosures":[%s]}`, odd))
		f.Add(fmt.Appendf(nil, `{"disclosures":[%s],"disclosures":[{"id":"2"}],"coverage":[{"site":"a"}]}`, odd))
		f.Add(fmt.Appendf(nil, `{"responses":[%s],"disclosures":[%[1]s]}`, odd))
		f.Add(fmt.Appendf(nil, `{"disclosures":[%s],}`, odd))
	}
	f.Fuzz(sameAsJSON)
}

func BenchmarkEntry(b *testing.B) {
	var e candor.Entry
	for n := range 20 {
		d := filled("x", 1)
		d.ID, d.Owner, d.Masked, d.URL, d.Credentials = candor.NewID(), fmt.Sprint("c", n), fmt.Sprintf("a****%d@m***.example", n), "/reviews?page=1", nil
		e.Disclosures = append(e.Disclosures, d)
	}
	data, _ := json.Marshal(e)
	for name, run := range map[string]func() error{
		"encode": func() error { _, err := encode(e); return err }, "encode/json": func() error { _, err := json.Marshal(e); return err },
		"parse": func() error { return parse(data, new(candor.Entry)) }, "parse/json": func() error { return json.Unmarshal(data, new(candor.Entry)) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

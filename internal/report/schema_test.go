package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"candor.example/verify"
)

// Every member of the types is in the schema and every member of the schema in the types, and required where the types always write it.
func TestSchemaHasTheMembersOfTheTypes(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(Schema, &schema); err != nil {
		t.Fatal(err)
	}
	c := comparison{t, schema["$defs"].(map[string]any), 0}
	c.compare("", reflect.TypeFor[verify.Report](), schema)
	if c.members < 150 {
		t.Errorf("only %d members were compared", c.members)
	}
}

type comparison struct {
	*testing.T
	defs    map[string]any
	members int
}

func (c *comparison) compare(at string, goes reflect.Type, schema map[string]any) {
	properties, required := map[string]any{}, []string{}
	c.gather(schema, properties, &required)
	switch {
	case goes == reflect.TypeFor[time.Time]() || goes.Kind() == reflect.Map:
		return
	case goes.Kind() == reflect.Pointer:
		c.compare(at, goes.Elem(), schema)
		return
	case goes.Kind() == reflect.Slice:
		if items, ok := schema["items"].(map[string]any); ok {
			c.compare(at+"/items", goes.Elem(), items)
		}
		return
	case goes.Kind() != reflect.Struct:
		return
	}
	names := []string{}
	for _, f := range reflect.VisibleFields(goes) {
		if f.Anonymous {
			continue
		}
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
		property, ok := properties[name]
		if !ok {
			c.Errorf("%s/%s is not in the schema", at, name)
			continue
		}
		if always := rest == ""; always != slices.Contains(required, name) {
			c.Errorf("%s/%s: always written: %t, required: %t", at, name, always, !always)
		}
		c.members++
		if inner, ok := property.(map[string]any); ok {
			c.compare(at+"/"+name, f.Type, inner)
		}
	}
	for name := range properties {
		if !slices.Contains(names, name) {
			c.Errorf("%s/%s is not in the types", at, name)
		}
	}
}

// gather follows references to where members stand.
func (c *comparison) gather(schema, properties map[string]any, required *[]string) {
	if ref, ok := schema["$ref"].(string); ok {
		c.gather(c.defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any), properties, required)
	}
	if p, ok := schema["properties"].(map[string]any); ok {
		maps.Copy(properties, p)
	}
	if list, ok := schema["required"].([]any); ok {
		for _, name := range list {
			*required = append(*required, name.(string))
		}
	}
}

// Whatever is done to one member of a report, schema and types agree whether it is one still, or the schema is the stricter.
func TestSchemaAndTypesAgreeOnMutations(t *testing.T) {
	r, err := Draft(shop())
	if err != nil {
		t.Fatal(err)
	}
	good, err := Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]int{}
	mutateOne(t, good, func(kind, at string, b []byte) {
		typed := json.Unmarshal(b, &verify.Report{})
		if kind == "unknown member" {
			_, typed = decode(b)
		}
		valid := Validate(b)
		if typed != nil && valid == nil {
			t.Errorf("%s at %s: the types refuse it, and the schema does not: %v", kind, at, typed)
		}
		if valid != nil {
			refused[kind]++
		} else if kind != "member is missing" {
			t.Errorf("%s at %s: the schema lets it pass", kind, at)
		}
	})
	if len(refused) != 4 {
		t.Errorf("refused: %v", refused)
	}
}

// mutateOne changes one thing at a time: a member is missing, an unknown one is there, a value is of another type, or null.
func mutateOne(t *testing.T, good []byte, do func(kind, at string, b []byte)) {
	var root any
	if err := json.Unmarshal(good, &root); err != nil {
		t.Fatal(err)
	}
	write := func(kind, at string) {
		b, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		do(kind, at, b)
	}
	english(root)
	facts := 0
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case []any:
			if len(v) > 0 {
				walk(at+"/0", v[0])
			}
		case map[string]any:
			isWords := v["en"] != nil
			if !isWords {
				v["stranger"] = 1
				write("unknown member", at)
				delete(v, "stranger")
			}
			if v["status"] != nil {
				facts++
			}
			for _, name := range slices.Sorted(maps.Keys(v)) {
				if facts > 3 && slices.Contains([]string{"status", "as_of", "evidence", "next_update_by", "reason"}, name) {
					continue // every fact has them
				}
				was := v[name]
				delete(v, name)
				write("member is missing", at+"/"+name)
				for kind, instead := range map[string]any{"another type": map[string]any{"a": []any{true}}, "null": nil} {
					v[name] = instead
					write(kind, at+"/"+name)
				}
				v[name] = was
				if !isWords {
					walk(at+"/"+name, was)
				}
			}
		}
	}
	walk("", root)
}

// english leaves one language of all words, so that there is less to read a thousand times.
func english(v any) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			english(one)
		}
	case map[string]any:
		if v["en"] != nil {
			maps.DeleteFunc(v, func(lang string, _ any) bool { return lang != "en" })
		}
		for _, one := range v {
			english(one)
		}
	}
}

// What the schema says of statuses, numbers and times.
func TestSchemaRefuses(t *testing.T) {
	drafted, err := Draft(shop())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*verify.Report){
		"known without a value": func(r *verify.Report) { r.Fix.FixedAt.Value = nil },
		"unknown without a day": func(r *verify.Report) { r.Cause.ThirdParty.NextUpdateBy = time.Time{} },
		"unknown with a value":  func(r *verify.Report) { s := "none"; r.Cause.ThirdParty.Value = &s },
		"withheld without why": func(r *verify.Report) {
			r.Fix.FixedAt = verify.Fact[time.Time]{Status: verify.Withheld, AsOf: nov(22, 9, 0)}
		},
		"estimated without how":    func(r *verify.Report) { r.HowMany.People.Status = verify.Estimated },
		"another status":           func(r *verify.Report) { r.HowMany.People.Status = "guessed" },
		"evidence that is no hash": func(r *verify.Report) { r.HowMany.People.Evidence = []string{"abc"} },
		"a fraction of a second":   func(r *verify.Report) { r.PublishedAt = r.PublishedAt.Add(time.Millisecond) },
		"another zone":             func(r *verify.Report) { r.PublishedAt = r.PublishedAt.In(time.FixedZone("", 3600)) },
		"fewer than nobody":        func(r *verify.Report) { r.Told.Waiting = -1 },
		"revision 0":               func(r *verify.Report) { r.Revision = 0 },
		"revision 2 of nothing":    func(r *verify.Report) { r.Revision = 2 },
		"revision 1 of something":  func(r *verify.Report) { r.Previous = strings.Repeat("0", 64) },
		"a person's name":          func(r *verify.Report) { r.Timeline.Aware.By = "eve" },
		"a place that is none":     func(r *verify.Report) { r.Which.Regions.Value = &[]verify.Region{{Country: "Germany", People: 90}} },
		"another schema":           func(r *verify.Report) { r.Schema = "candor.report/v2" },
	} {
		r := clone(t, drafted)
		change(&r)
		if _, err := Marshal(r); err == nil {
			t.Errorf("%s is written", name)
		}
	}
}

func clone(t *testing.T, r verify.Report) (other verify.Report) {
	t.Helper()
	b, err := Marshal(r)
	if err == nil {
		other, err = Unmarshal(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return other
}

func TestMarshal(t *testing.T) {
	r, err := Draft(shop())
	if err != nil {
		t.Fatal(err)
	}
	b, err := Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := Marshal(again); err != nil || string(c) != string(b) {
		t.Errorf("it is written otherwise after it was read: %v", err)
	}
	for name, bad := range map[string]string{"nothing": "", "twice": string(b) + "{}", "a stranger": strings.Replace(string(b), "{", `{"a":1,`, 1), "a list": "[]"} {
		if _, err := Unmarshal([]byte(bad)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
	if _, err := Unmarshal(fmt.Appendf(b, "%*s", 1<<20, "")); err == nil {
		t.Error("a document that is too large is read")
	}
}

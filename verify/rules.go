package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rules are those of a report by itself (report.schema.json), beside its form. A Finding has no file.
func Rules(r Report) (list []Finding) {
	wrong := func(field, text string, args ...any) {
		list = append(list, Finding{Field: field, Text: fmt.Sprintf(text, args...)})
	}
	if r.Schema != ReportSchema {
		wrong("/schema", "it is %q, and not %s", r.Schema, ReportSchema)
	}
	if !incidentForm.MatchString(r.Incident) {
		wrong("/incident_id", "%q is no incident", r.Incident)
	}
	if r.Revision < 1 || (r.Revision == 1) != (r.Previous == "") || r.Previous != "" && !hashForm.MatchString(r.Previous) {
		wrong("/previous_revision_hash", "revision %d has the predecessor %q: revisions are counted from 1, and each but the first names the SHA-256 of the one before", r.Revision, r.Previous)
	}
	if len(r.Languages) == 0 {
		wrong("/languages", "there is none")
	}
	if r.Merge < 0 {
		wrong("/merge_below", "it is less than nobody")
	}
	if n := len(r.Cause.Candidates); n != 0 && (n != 2 || r.Cause.Summary.Status != Unknown) {
		wrong("/cause/candidates", "they are two, and none where the cause is said or withheld")
	}
	for i, n := range r.Told.Notices {
		if !hashForm.MatchString(n) {
			wrong("/people_told/notice_sha256/"+strconv.Itoa(i), "it is no SHA-256 of 64 hexadecimal digits")
		}
	}
	top := treeOfJSON(r)
	walk("", top, func(at string, v any) { list = append(list, ruled(at, v)...) })
	return list
}

// treeOfJSON is a report as maps, lists, texts and json.Number.
func treeOfJSON(r Report) any {
	b, err := json.Marshal(r)
	if err != nil {
		return nil // a year beyond 9999: ParseReport refuses it
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

// walk calls for each value, with its JSON pointer, in order.
func walk(at string, v any, do func(at string, v any)) {
	do(at, v)
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			walk(at+"/"+escape(key), v[key], do)
		}
	case []any:
		for i, e := range v {
			walk(at+"/"+strconv.Itoa(i), e, do)
		}
	}
}

// escape a key for a JSON pointer (RFC 6901 §3).
func escape(key string) string { return escaper.Replace(key) }

var escaper, unescaper = strings.NewReplacer("~", "~0", "/", "~1"), strings.NewReplacer("~1", "/", "~0", "~")

var (
	timeForm  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`)
	wholeTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
)

const noTime = "0001-01-01T00:00:00Z"

// ruled are the rules of one value: of times, and of facts.
func ruled(at string, v any) (list []Finding) {
	switch v := v.(type) {
	case string:
		if timeForm.MatchString(v) && (!wholeTime.MatchString(v) || v == noTime) {
			return []Finding{{Field: at, Text: fmt.Sprintf("%s is no time in UTC with whole seconds", v)}}
		}
	case map[string]any:
		if isFact(v) {
			for _, text := range factual(v) {
				list = append(list, Finding{Field: at, Text: text})
			}
		}
	}
	return list
}

func isFact(v map[string]any) bool { return v["status"] != nil && v["as_of"] != nil }

// factual is what is wrong with a fact.
func factual(f map[string]any) (list []string) {
	_, has := f["value"]
	status, _ := f["status"].(string)
	said := status == string(Known) || status == string(Estimated)
	switch {
	case !slices.Contains([]Status{Known, Estimated, Unknown, Withheld}, Status(status)):
		list = append(list, fmt.Sprintf("status %q is none of known, estimated, unknown and withheld", status))
	case said && !has:
		list = append(list, "it is "+status+" and has no value")
	case !said && has:
		list = append(list, "it is "+status+" and has a value")
	}
	reason, _ := f["reason"].(string)
	if (status == string(Estimated) || status == string(Withheld)) && strings.TrimSpace(reason) == "" {
		list = append(list, "it is "+status+" without a reason")
	}
	if status == string(Unknown) && f["next_update_by"] == nil {
		list = append(list, "it is unknown, and not said by when it will be answered")
	}
	evidence, _ := f["evidence"].([]any)
	for _, e := range evidence {
		if s, _ := e.(string); !hashForm.MatchString(s) {
			list = append(list, "its evidence is no SHA-256 of 64 hexadecimal digits")
		}
	}
	return list
}

// Sums are a report's sums.
func Sums(r Report) (list []Finding) {
	wrong := func(field, text string, args ...any) {
		list = append(list, Finding{Field: field, Text: fmt.Sprintf(text, args...)})
	}
	t := r.Told
	if sum := t.Accepted + t.Bounced + t.OtherChannel + t.InDoubt + t.Withheld + t.Waiting; sum != t.Affected {
		wrong("/people_told/affected", "it is %d, and accepted, bounced, other channel, in doubt, withheld and waiting are %d together", t.Affected, sum)
	}
	for name, n := range map[string]int{"affected": t.Affected, "accepted": t.Accepted, "bounced": t.Bounced, "other_channel": t.OtherChannel, "in_doubt": t.InDoubt, "withheld": t.Withheld, "waiting": t.Waiting, "complaints": t.Complaints} {
		if n < 0 {
			wrong("/people_told/"+name, "it is less than nobody")
		}
	}
	if w := r.Fix.WrongViewers.Value; w != nil && (w.Confirmed+w.Contact > w.Asked || w.Asked < 0 || w.Confirmed < 0 || w.Contact < 0) {
		wrong("/fix/wrong_viewers_asked_to_delete/value", "%d answered, and %d were asked", w.Confirmed+w.Contact, w.Asked)
	}
	list = append(list, sumsOfPeople(r)...)
	return append(list, severityHolds(r.HowMany.Severity.Value)...)
}

func sumsOfPeople(r Report) (list []Finding) {
	wrong := func(field, text string, args ...any) {
		list = append(list, Finding{Field: field, Text: fmt.Sprintf(text, args...)})
	}
	people := r.HowMany.People.Value
	if people == nil {
		return nil
	}
	if people.Lower < 0 || people.Lower > people.Upper || people.Exact != nil && (*people.Exact < people.Lower || *people.Exact > people.Upper) {
		wrong("/how_many/people/value", "it is not between lower and upper")
	}
	if people.Exact == nil {
		return list
	}
	if regions := r.Which.Regions.Value; regions != nil {
		sum := 0
		for i, g := range *regions {
			if sum += g.People; g.People < r.Merge && g.People != *people.Exact && g.Country != "other" {
				wrong("/which/regions/value/"+strconv.Itoa(i), "%d people are fewer than %d, and not counted together with others", g.People, r.Merge)
			}
		}
		if sum != *people.Exact {
			wrong("/which/regions/value", "countries sum to %d people, and there are %d", sum, *people.Exact)
		}
	}
	sum := 0
	for _, p := range r.Course.Points {
		sum += p.Exposed
	}
	if len(r.Course.Points) > 0 && sum != *people.Exact {
		wrong("/course/points", "they sum to %d people, and there are %d", sum, *people.Exact)
	}
	return list
}

// severityHolds: ENISA's SE = DPC × EI + CB and its bands (Recommendations for a methodology of the assessment of severity of personal data breaches, 2013).
func severityHolds(s *Severity) (list []Finding) {
	if s == nil {
		return nil
	}
	if math.Abs(s.DPC*s.EI+s.CB-s.SE) > 0.005 {
		list = append(list, Finding{Field: "/how_many/severity/value/se", Text: fmt.Sprintf("it is %g, and DPC × EI + CB is %g", s.SE, s.DPC*s.EI+s.CB)})
	}
	if band := bandOf(s.SE); s.Band != band {
		list = append(list, Finding{Field: "/how_many/severity/value/band", Text: fmt.Sprintf("it is %q, and %g is %q", s.Band, s.SE, band)})
	}
	return list
}

func bandOf(se float64) string {
	switch {
	case se < 2:
		return "low"
	case se < 3:
		return "medium"
	case se < 4:
		return "high"
	}
	return "very high"
}

// Corrections compares a revision with the one before; before is nil for the first.
func Corrections(before *Report, now Report) (list []Finding) {
	wrong := func(field, text string, args ...any) {
		list = append(list, Finding{Field: field, Text: fmt.Sprintf(text, args...)})
	}
	var kept []Correction
	var was any
	if before != nil {
		kept, was = before.Corrections, treeOfJSON(*before)
	}
	if len(now.Corrections) < len(kept) || !slices.Equal(now.Corrections[:len(kept)], kept) {
		wrong("/corrections", "those of the revision before are not all in it as they were")
		return list
	}
	is, news := treeOfJSON(now), now.Corrections[len(kept):]
	for i, c := range news {
		at := "/corrections/" + strconv.Itoa(len(kept)+i)
		from, to := textAt(was, c.Field), textAt(is, c.Field)
		switch {
		case c.Revision != now.Revision:
			wrong(at+"/revision", "it is %d, and this is revision %d", c.Revision, now.Revision)
		case strings.TrimSpace(c.Why) == "":
			wrong(at+"/why", "it is not said why")
		case !sameJSON(c.From, from):
			wrong(at+"/from", "it is not what the revision before says of %s", c.Field)
		case !sameJSON(c.To, to):
			wrong(at+"/to", "it is not what this revision says of %s", c.Field)
		}
	}
	for _, field := range changed(was, is) {
		if !slices.ContainsFunc(news, func(c Correction) bool { return covers(c.Field, field) }) {
			wrong(field, "it is said otherwise than in the revision before, and no correction says so")
		}
	}
	return list
}

// covers: is a field the other, or does it hold it?
func covers(field, other string) bool {
	return field != "" && (field == other || strings.HasPrefix(other, field+"/"))
}

// changed are the fields in which the values of facts differ, where they had one.
func changed(was, is any) (list []string) {
	walk("", was, func(at string, v any) {
		if f, ok := v.(map[string]any); ok && isFact(f) && f["value"] != nil {
			list = append(list, leaves(at+"/value", f["value"], pointed(is, at+"/value"))...)
		}
	})
	return list
}

// leaves are the fields in which two values differ.
func leaves(at string, a, b any) (list []string) {
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			for _, key := range keysOf(x, y) {
				list = append(list, leaves(at+"/"+escape(key), x[key], y[key])...)
			}
			return list
		}
	case []any:
		if y, ok := b.([]any); ok {
			for i := range max(len(x), len(y)) {
				list = append(list, leaves(at+"/"+strconv.Itoa(i), nth(x, i), nth(y, i))...)
			}
			return list
		}
	}
	if text(a) != text(b) {
		return []string{at}
	}
	return nil
}

func keysOf(a, b map[string]any) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func nth(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// pointed is what a JSON pointer points to; nil where there is nothing.
func pointed(v any, pointer string) any {
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		part = unescaper.Replace(part)
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 {
				return nil
			}
			v = nth(x, i)
		default:
			return nil
		}
	}
	return v
}

// textAt is that as JSON. Of a fact it is the value, and "null" where it has none.
func textAt(v any, pointer string) string {
	v = pointed(v, pointer)
	if f, ok := v.(map[string]any); ok && isFact(f) {
		v = f["value"]
	}
	return text(v)
}

func text(v any) string {
	b, _ := json.Marshal(v) // it was read from JSON
	return string(b)
}

// sameJSON: does a text say the same in JSON as another, where "null" is all that is left out because it is empty?
func sameJSON(a, b string) bool {
	if b == "null" && slices.Contains([]string{`""`, "0", "false", "[]", "{}", `"` + noTime + `"`}, a) {
		return true
	}
	var x, y any
	d := json.NewDecoder(strings.NewReader(a))
	d.UseNumber()
	if d.Decode(&x) != nil || d.More() {
		return false
	}
	e := json.NewDecoder(strings.NewReader(b))
	e.UseNumber()
	return e.Decode(&y) == nil && text(x) == text(y)
}

// Overdue are open questions that should have been answered by now.
func Overdue(r Report, now time.Time) (list []Finding) {
	for i, q := range r.Open {
		if q.AnswerBy.Before(now) {
			list = append(list, Finding{Field: "/open_questions/" + strconv.Itoa(i) + "/answer_by", Text: "it should have been answered by " + q.AnswerBy.Format(time.RFC3339)})
		}
	}
	return list
}

// lineOf is the line in which a field begins; 0 where it is not there.
func lineOf(data []byte, pointer string) int {
	d := json.NewDecoder(bytes.NewReader(data))
	if pointer == "" || !seek(d, strings.Split(strings.TrimPrefix(pointer, "/"), "/")) {
		return 0
	}
	rest := bytes.TrimLeft(data[d.InputOffset():], " \t\r\n:,")
	return lineAt(data, int64(len(data)-len(rest)))
}

// seek goes to before the value that a pointer names.
func seek(d *json.Decoder, parts []string) bool {
	if len(parts) == 0 {
		return true
	}
	open, err := d.Token()
	for i := 0; err == nil && d.More(); i++ {
		name := strconv.Itoa(i)
		if open == json.Delim('{') {
			key, _ := d.Token()
			name, _ = key.(string)
			name = escape(name)
		}
		if name == parts[0] {
			return (open == json.Delim('{') || open == json.Delim('[')) && seek(d, parts[1:])
		}
		var skip json.RawMessage
		err = d.Decode(&skip)
	}
	return false
}

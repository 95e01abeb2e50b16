package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"candor.example/internal/notice"
	"candor.example/verify"
)

func TestPageFiles(t *testing.T) {
	files := pagesOfSample(t)
	for _, name := range []string{"index.html", "de.html", "style.css", "icon.svg", "inc-7q2mxd4a/index.html", "inc-7q2mxd4a/ja.html", "inc-7q2mxd4a/1/index.html", "inc-7q2mxd4a/3/pl.html", "inc-c3kd2b7e/1/en.html"} {
		if len(files[name]) == 0 {
			t.Errorf("%s is missing", name)
		}
	}
	if len(files) != 2+10+6*10 {
		t.Errorf("%d files", len(files))
	}
}

// The same revisions make the same bytes, and what belongs to a revision does not change with a later one.
func TestPagesAreDeterministic(t *testing.T) {
	all := onlyIn(sample(), "fr")
	files, again, before := pagesOf(t, all), pagesOf(t, all), pagesOf(t, all[:3])
	for name, b := range files {
		if !bytes.Equal(b, again[name]) {
			t.Errorf("%s is another the second time", name)
		}
	}
	for name, b := range before {
		if strings.Count(name, "/") == 2 && !bytes.Equal(b, files[name]) {
			t.Errorf("%s changed with a later revision", name)
		}
	}
}

// What would make a page lie, or write outside its folder, is refused.
func TestPagesRefuse(t *testing.T) {
	for name, change := range map[string]func(*Published){
		"do not add up":         func(p *Published) { p.Report.Told.Waiting++ },
		"the name of a folder":  func(p *Published) { p.Report.Incident = "../x" },
		"not \"log\"":           func(p *Published) { p.Report.Incident = "log" },
		"the next is 1":         func(p *Published) { p.Report.Revision = 2 },
		"no words in \"xx\"":    func(p *Published) { p.Report.Languages = []string{"xx"} },
		"languages: there is n": func(p *Published) { p.Report.Languages = nil },
		"publisher.zone":        func(p *Published) { p.Report.Publisher.Zone = "Atlantis/Capital" },
		"is not a SHA-256":      func(p *Published) { p.Hash = "abc" },
	} {
		p := sample()[1]
		change(&p)
		if _, err := Pages([]Published{p}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Pages(nil); err == nil {
		t.Error("pages of nothing")
	}
}

// Every page is well-formed: elements are closed, attributes quoted, ids there once, links within a page lead somewhere, and all others to files that are published.
func TestPagesAreWellFormed(t *testing.T) {
	files := withFiles(pagesOfSample(t))
	for name, b := range files {
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		ids, refs := map[string]bool{}, []string{}
		d := xml.NewDecoder(bytes.NewReader(b))
		d.Entity = xml.HTMLEntity
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			e, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			for _, a := range e.Attr {
				switch a.Name.Local {
				case "id":
					if ids[a.Value] {
						t.Errorf("%s: two elements have the id %q", name, a.Value)
					}
					ids[a.Value] = true
				case "href", "aria-labelledby":
					refs = append(refs, a.Value)
				case "style", "src", "onclick":
					t.Errorf("%s: %s=%q", name, a.Name.Local, a.Value)
				}
			}
			if slices.Contains([]string{"script", "style", "img", "iframe", "form", "object"}, e.Name.Local) {
				t.Errorf("%s: <%s>", name, e.Name.Local)
			}
		}
		for _, ref := range refs {
			if !leads(files, name, ref, ids) {
				t.Errorf("%s: %q leads nowhere", name, ref)
			}
		}
	}
}

func leads(files map[string][]byte, page, ref string, ids map[string]bool) bool {
	if id, ok := strings.CutPrefix(ref, "#"); ok {
		return ids[id]
	}
	if strings.HasPrefix(ref, "mailto:") {
		return true
	}
	if all := strings.Fields(ref); len(all) > 0 && !strings.Contains(ref, ".") {
		return !slices.ContainsFunc(all, func(id string) bool { return !ids[id] }) // aria-labelledby
	}
	path := strings.Split(page, "/")
	path = path[:len(path)-1]
	for part := range strings.SplitSeq(ref, "/") {
		if part == ".." && len(path) > 0 {
			path = path[:len(path)-1]
		} else {
			path = append(path, part)
		}
	}
	_, ok := files[strings.Join(path, "/")]
	return ok
}

// Every fact of a report has a row, whose element and status can be found on the page.
func TestEveryFactHasARow(t *testing.T) {
	published := sample()[1:]
	r := published[2].Report
	v, err := newView(published, "en", true)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]row{}
	for _, row := range v.rows() {
		rows["/"+strings.ReplaceAll(row.ID, ".", "/")] = row
	}
	b, _ := json.Marshal(r)
	var tree any
	json.Unmarshal(b, &tree)
	page := string(pagesOfSample(t)["inc-7q2mxd4a/3/en.html"])
	facts := 0
	eachFact(tree, "", func(pointer string, fact map[string]any) {
		facts++
		row, ok := rows[pointer]
		if !ok || string(row.Status) != fact["status"] || row.AsOf != fact["as_of"] || !strings.Contains(page, `id="`+row.ID+`"`) {
			t.Errorf("%s: %v is on the page as %+v", pointer, fact, row)
		}
		for _, e := range fact["evidence"].([]any) {
			if !strings.Contains(page, e.(string)) {
				t.Errorf("%s: the evidence %s is not on the page", pointer, e)
			}
		}
	})
	if facts != len(rows) || facts < 30 {
		t.Errorf("%d facts, %d rows", facts, len(rows))
	}
}

func eachFact(v any, pointer string, see func(string, map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		if _, is := v["as_of"]; is {
			if v["evidence"] == nil {
				v["evidence"] = []any{}
			}
			see(pointer, v)
			return
		}
		for key, below := range v {
			eachFact(below, pointer+"/"+key, see)
		}
	}
}

// Every number on a page is one of its report's, and every count of the report is on the page, in every language.
func TestEveryNumberIsTheReports(t *testing.T) {
	published := sample()[1:]
	for _, lang := range notice.Languages {
		v, err := newView(published, lang, true)
		if err != nil {
			t.Fatal(err)
		}
		said := visible(pagesOf(t, onlyIn(published, lang))["inc-7q2mxd4a/"+lang+".html"])
		forms := []string{v.Within(*v.r.Timeline.First.Value, *v.r.Timeline.Last.Value), v.Within(v.r.Told.FirstAt, v.r.Told.LastAt)}
		for _, at := range timesOf(v) {
			forms = append(forms, v.At(at), v.Moment(at), v.Date(at))
		}
		slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
		for _, form := range forms {
			said = strings.ReplaceAll(said, form, " ")
		}
		allowed := map[string]bool{"256": true, "1.4": true, "2013": true, "65": true} // SHA-256, VERIS 1.4, ENISA 2013
		for n := range numbersOf(v.r) {
			allowed[v.Number(n)] = true
			if !strings.Contains(said, v.Number(n)) {
				t.Errorf("%s: %s of the report is not on the page", lang, v.Number(n))
			}
		}
		for _, derived := range []int{v.r.Fix.WrongViewers.Value.Asked - v.r.Fix.WrongViewers.Value.Confirmed - v.r.Fix.WrongViewers.Value.Contact, 1, 2, 3, 4, 5, len(v.r.Corrections), len(v.r.Open), len(v.withheld())} {
			allowed[v.Number(derived)] = true
		}
		for _, c := range v.r.Corrections {
			allowed[v.value(c.From).Text] = true
		}
		for _, f := range []float64{v.r.HowMany.Severity.Value.CB, v.r.HowMany.Severity.Value.SE} {
			allowed[v.decimal(f)] = true
		}
		plot := v.Plot()
		for _, l := range plot.Lines {
			allowed[v.Number(l.People)] = true
		}
		for _, b := range plot.Figures() {
			allowed[b.Exposed], allowed[b.Prevented] = true, true
			said = strings.ReplaceAll(said, b.At.Text, " ")
		}
		for _, k := range plot.Ticks {
			said = strings.Replace(said, plot.Label(k), " ", 1)
		}
		for _, n := range number.FindAllString(dropTexts(said, v.r), -1) {
			if !allowed[strings.Trim(n, ".,\u00a0")] {
				t.Errorf("%s: %q on the page is no number of the report's", lang, n)
			}
		}
	}
}

var number = regexp.MustCompile(`[0-9][0-9.,\x{a0}]*`)

func onlyIn(published []Published, lang string) []Published {
	list := slices.Clone(published)
	for i := range list {
		list[i].Report.Languages = []string{lang}
	}
	return list
}

// visible is a page's text: no attributes, no hashes.
func visible(page []byte) string {
	var out strings.Builder
	z := html.NewTokenizer(bytes.NewReader(page))
	skip := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			return out.String()
		case html.StartTagToken:
			if name, _ := z.TagName(); string(name) == "code" || string(name) == "time" || string(name) == "title" {
				skip++
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == "code" || string(name) == "time" || string(name) == "title" {
				skip--
			}
			out.WriteByte(' ')
		case html.TextToken:
			if text := string(z.Text()); skip == 0 {
				out.WriteString(html.UnescapeString(text))
			}
		}
	}
}

// dropTexts takes out what others wrote, which may hold any number.
func dropTexts(said string, r verify.Report) string {
	var all []string
	eachString(reflect.ValueOf(&r).Elem(), func(v reflect.Value) {
		if s := v.String(); len(s) > 2 {
			all = append(all, s)
		}
	})
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	for _, s := range all {
		said = strings.ReplaceAll(said, s, " ")
	}
	return said
}

func timesOf(v *view) (all []time.Time) {
	var walk func(reflect.Value)
	walk = func(x reflect.Value) {
		if at, ok := x.Interface().(time.Time); ok {
			all = append(all, at)
			return
		}
		switch x.Kind() {
		case reflect.Pointer:
			if !x.IsNil() {
				walk(x.Elem())
			}
		case reflect.Struct:
			for i := range x.NumField() {
				walk(x.Field(i))
			}
		case reflect.Slice:
			for i := range x.Len() {
				walk(x.Index(i))
			}
		}
	}
	walk(reflect.ValueOf(v.r))
	for _, p := range v.revisions {
		all = append(all, p.Report.PublishedAt)
	}
	for _, c := range v.r.Corrections {
		for _, raw := range []string{c.From, c.To} {
			if at, err := time.Parse(`"`+time.RFC3339+`"`, raw); err == nil {
				all = append(all, at)
			}
		}
	}
	return all
}

// numbersOf are a report's counts, but those of single steps of the course, which the plot sums up.
func numbersOf(r verify.Report) map[int]bool {
	all := map[int]bool{}
	r.Course = verify.Course{}
	var walk func(reflect.Value)
	walk = func(x reflect.Value) {
		switch x.Kind() {
		case reflect.Int, reflect.Int64:
			all[int(x.Int())] = true
		case reflect.Pointer:
			if !x.IsNil() {
				walk(x.Elem())
			}
		case reflect.Struct:
			if _, is := x.Interface().(time.Time); is {
				return
			}
			for i := range x.NumField() {
				walk(x.Field(i))
			}
		case reflect.Slice:
			for i := range x.Len() {
				walk(x.Index(i))
			}
		}
	}
	walk(reflect.ValueOf(r))
	return all
}

// eachString shows every string of a report, in maps too.
func eachString(x reflect.Value, see func(reflect.Value)) {
	switch x.Kind() {
	case reflect.String:
		see(x)
	case reflect.Pointer:
		if !x.IsNil() {
			eachString(x.Elem(), see)
		}
	case reflect.Struct:
		if _, is := x.Interface().(time.Time); is {
			return
		}
		for i := range x.NumField() {
			eachString(x.Field(i), see)
		}
	case reflect.Slice:
		for i := range x.Len() {
			eachString(x.Index(i), see)
		}
	case reflect.Map:
		for _, key := range x.MapKeys() {
			value := reflect.New(x.Type().Elem()).Elem()
			value.Set(x.MapIndex(key))
			eachString(value, see)
			x.SetMapIndex(key, value)
		}
	}
}

// copied is a deep copy, so that a test may write into it.
func copied(t testing.TB, r verify.Report) (c verify.Report) {
	t.Helper()
	b, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// written has the same text in every string that may hold any, behind a mark, so that none is empty.
func written(t testing.TB, r verify.Report, s string) verify.Report {
	r = copied(t, r)
	incident, zone, languages := r.Incident, r.Publisher.Zone, slices.Clone(r.Languages)
	eachString(reflect.ValueOf(&r).Elem(), func(v reflect.Value) {
		if v.Type() != reflect.TypeFor[verify.Status]() {
			v.SetString("x" + s)
		}
	})
	r.Incident, r.Publisher.Zone, r.Languages = incident, zone, languages
	return r
}

// skeleton is the elements of a page with the names of their attributes, and the places to which it links.
func skeleton(page []byte) string {
	var out strings.Builder
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return out.String()
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			fmt.Fprintf(&out, "<%s", name)
			for more {
				var key, value []byte
				key, value, more = z.TagAttr()
				fmt.Fprintf(&out, " %s", key)
				if mail, is := strings.CutPrefix(string(value), "mailto:"); is && mailAddress.MatchString(mail) {
					value = []byte("mailto:")
				}
				if string(key) == "href" {
					fmt.Fprintf(&out, "=%s", value)
				}
			}
			out.WriteString(">\n")
		case html.EndTagToken:
			name, _ := z.TagName()
			fmt.Fprintf(&out, "</%s>\n", name)
		case html.CommentToken:
			out.WriteString("<!-->\n")
		}
	}
}

var hostile = []string{
	`"><script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `'"` + "`" + ` onmouseover=alert(1) x=`, `</title><svg onload=alert(1)>`, `</code></dd></main>`, `<!--`, `]]>`, `javascript:alert(1)`,
	`{{.}}`, `{what}`, `&lt;b&gt;`, "\x00\x01", "\u202egnp.exe", "\xff\xfe", `https://evil.example/?a=b&c`, `a@b.example?bcc=c@d.example`, strings.Repeat("ab", 9000), "\u2028<b>",
}

// Whatever stands in a string of a report becomes text: elements, attributes and links stay those that a harmless text has, or a mail address.
func FuzzPages(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	text, address := writtenPages(f, "y"), writtenPages(f, "@y")
	f.Fuzz(func(t *testing.T, s string) {
		harmless := text
		if mailAddress.MatchString("x" + s) {
			harmless = address
		}
		for name, b := range writtenPages(t, s) {
			if strings.HasSuffix(name, ".html") && skeleton(b) != skeleton(harmless[name]) {
				t.Errorf("%s: %.80q became markup", name, s)
			}
		}
	})
}

// writtenPages are of one revision, in which all is that a report can say.
func writtenPages(t testing.TB, s string) map[string][]byte {
	t.Helper()
	p := sample()[3]
	p.Report.Revision, p.Report.Languages = 1, []string{"de"}
	p.Report = written(t, p.Report, s)
	files, err := Pages([]Published{p})
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return files
}

// What could turn a line around, or hide, is left out; what a language joins its letters with stays.
func TestShown(t *testing.T) {
	for s, want := range map[string]string{"a\u202eb": "ab", "a\nb\tc": "a b c", "\xff": "\uFFFD", "नमस्\u200Dते": "नमस्\u200Dते", "a\u2028b\x00": "ab", "x\u2066y": "xy", "\ufeff": ""} {
		if got := shown(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

var inBraces = regexp.MustCompile(`\{[^{}]*\}`)

// All languages have the same keys, with the same places to be filled; forms of plurals are those that the language has.
func TestPageWords(t *testing.T) {
	all, err := pageWords()
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`\.(one|few|many|other)$`)
	base := func(key string) string { return form.ReplaceAllString(key, "") }
	counted := map[string]bool{} // by a number
	for key := range all["en"] {
		if strings.HasSuffix(key, ".one") {
			counted[base(key)] = true
		}
	}
	name := func(key string) string {
		if counted[base(key)] {
			return base(key)
		}
		return key
	}
	places := func(text string) []string {
		list := slices.Sorted(slices.Values(inBraces.FindAllString(text, -1)))
		return slices.DeleteFunc(slices.Compact(list), func(p string) bool { return p == "{n}" }) // "1 day"
	}
	want := map[string][]string{}
	for key, text := range all["en"] {
		want[name(key)] = places(text)
	}
	for _, lang := range notice.Languages {
		got := map[string]bool{}
		for key, text := range all[lang] {
			got[name(key)] = true
			if w, ok := want[name(key)]; !ok || !slices.Equal(places(text), w) && !strings.HasPrefix(key, "tick.") {
				t.Errorf("%s: %s: %q has %v, English %v (%v)", lang, key, text, places(text), w, ok)
			}
		}
		for key := range maps.Keys(want) {
			if !got[key] {
				t.Errorf("%s: %s is missing", lang, key)
			}
		}
		tag := language.Make(lang)
		for key := range counted {
			if _, ok := all[lang][key+".one"]; !ok && plural.Cardinal.MatchPlural(tag, 1, 0, 0, 0, 0) == plural.One {
				t.Errorf("%s: %s.one is missing", lang, key)
			}
			if _, ok := all[lang][key+".other"]; !ok {
				t.Errorf("%s: %s.other is missing", lang, key)
			}
		}
		if n := len(strings.Fields(all[lang]["short-months"])); n != 12 {
			t.Errorf("%s: %d months", lang, n)
		}
	}
}

// One sentence of each language, as it is read.
func TestHeadlines(t *testing.T) {
	for lang, want := range map[string]string{
		"en": "We showed the data of 1,204 people to others", "de": "Wir haben die Daten von 1.204 Menschen anderen gezeigt", "fr": "Nous avons montré à d’autres les données de 1\u00a0204 personnes",
		"pl": "Pokazaliśmy innym dane 1\u00a0204 osób", "ja": "当社は1,204人の情報を他の人に表示しました", "it": "Abbiamo mostrato ad altri i dati di 1.204 persone",
	} {
		v, err := newView(sample()[1:], lang, true)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Headline(); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

// A correction says before, after and why; an old revision's page still says what was said then.
func TestCorrections(t *testing.T) {
	files := pagesOfSample(t)
	newest, old := string(files["inc-7q2mxd4a/en.html"]), string(files["inc-7q2mxd4a/1/en.html"])
	for _, want := range []string{"<del>1,197</del>", "<ins>1,204</ins>", "Seven people stood in nothing else.", "We have corrected 2 statements of this report.", "Before, we said: 1,197."} {
		if !strings.Contains(newest, want) {
			t.Errorf("the newest page does not say %q", want)
		}
	}
	if !strings.Contains(old, "1,197") || strings.Contains(old, "1,204") || !strings.Contains(old, "It never changes.") {
		t.Error("the first revision's page does not say what was said then")
	}
	for _, p := range sample()[1:] {
		if !strings.Contains(newest, p.Hash) {
			t.Errorf("the newest page does not name revision %d by its hash", p.Report.Revision)
		}
	}
}

// What is merged, withheld, unknown and estimated is said so.
func TestHonesty(t *testing.T) {
	files := pagesOfSample(t)
	for path, wants := range map[string][]string{
		"inc-7q2mxd4a/3/en.html": {"Countries with fewer than 10 people are counted together", "We withhold 2 facts.", "We do not publish this. The reason: To say it for so few people would name some of them.", "How we estimated it: the cache&#39;s own log ends at 10:58", "It is not legal advice."},
		"inc-7q2mxd4a/1/en.html": {"We do not know this yet. We will say by 30 November 2018.", "No. We have not removed the cause yet.", "2 questions are still open."},
		"inc-c3kd2b7e/1/en.html": {"Between 1 and 40 people.", "How we estimated it: no record of that day is left"},
		"index.html":             {"Muster Handel SE, Beispielweg 1, 10117 Berlin, Germany", "We showed the data of 1,204 people to others", "We showed the data of 1 to 40 people to others", "2 corrections"},
	} {
		for _, want := range wants {
			if !strings.Contains(string(files[path]), want) {
				t.Errorf("%s does not say %q", path, want)
			}
		}
	}
}

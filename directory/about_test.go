package directory

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"candor.example/scan"
)

func aboutOf(d *Directory, id string) string {
	locale, country := d.About(id, scan.Email, nil)
	return locale + " " + country
}

func expectAbout(t *testing.T, d *Directory, want map[string]string) {
	t.Helper()
	for id, w := range want {
		if got := aboutOf(d, id); got != w {
			t.Errorf("about customer %s: %q, want %q", id, got, w)
		}
	}
}

const aboutCSV = "id,country,locale,email\n" +
	"1,DE,de,alice@shop.example\n" + // 2
	"2,us-ca,en_US.UTF-8,bob@shop.example\n" + // 3
	"3,,fr,carol@shop.example\n" + // 4
	"4,UK,,dora@shop.example\n" + // 5
	"5,,,erin@shop.example\n" + // 6
	"6,Germany,german please,frank@shop.example\n" + // 7
	"7,XX,xx-,gina@shop.example\n" + // 8
	"8,,,hugo@shop.example\n" + // 9
	"8,CH,de-CH,hugo@mail.example\n" + // 10: the same customer
	"8,AT,de-AT,hugo@work.example\n" // 11

var aboutWant = map[string]string{"1": "de DE", "2": "en-US US-CA", "3": "fr ", "4": " GB", "5": " ", "6": " ", "7": " ", "8": "de-CH CH", "9": " ", "": " ", strings.Repeat("1", 65): " "}

func TestAbout(t *testing.T) {
	path, key, report, err := build(t, aboutCSV, BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range report.Problems {
		got = append(got, fmt.Sprint(p.Line, " ", p.Field))
	}
	want := []string{"7 country", "7 locale", "8 country", "8 locale", "10 id", "11 id"}
	if slices.Sort(got); !slices.Equal(slices.Sorted(slices.Values(want)), got) || report.BadFields != 4 || report.WithCountry != 4 {
		t.Errorf("%q, %+v", got, report)
	}
	if b, _ := json.Marshal(report); strings.Contains(string(b), "Germany") || strings.Contains(string(b), "please") {
		t.Errorf("it quotes: %s", b)
	}
	d, err := Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	expectAbout(t, d, aboutWant)
	if got := owners(d, "bob@shop.example"); got != "2" || d.Info().WithCountry != 4 {
		t.Errorf("%q, %+v", got, d.Info())
	}
	d.Close()
	expectAbout(t, d, map[string]string{"1": " "})
	var none *Directory
	expectAbout(t, none, map[string]string{"1": " "})
}

func TestAboutJSON(t *testing.T) {
	d := mustOpen(t, `{"id":1,"email":"alice@shop.example","country":"DE","locale":"de"}
{"id":2,"email":"bob@shop.example","country":null}
`)
	expectAbout(t, d, map[string]string{"1": "de DE", "2": " "})
}

// Added customers have theirs, too; what was said last counts. Forgetting one, and a new key, change nothing for the others.
func TestAboutChanges(t *testing.T) {
	path, key, _, err := build(t, aboutCSV, BuildOptions{Now: time.Now().Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	add := func(csv string) Report {
		r, err := Add(t.Context(), path, []Key{key}, strings.NewReader(csv), "new.csv", AddOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := add("id,email,country,locale\n10,ines@shop.example,FR,fr-CA\n1,alice@work.example,AT,\n11,jack@shop.example,Atlantis,\n12,kim@shop.example,,\n")
	if r.WithCountry != 2 || r.BadFields != 1 || r.Identifiers != 16 || r.Problems[0].Line != 4 || r.Problems[0].Field != "country" {
		t.Errorf("%+v", r)
	}
	add("id,email,country,locale\n10,ines@shop.example,,fr-FR\n")
	d, err := Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	want := map[string]string{"10": "fr-FR FR", "1": "de AT", "11": " ", "12": " ", "2": "en-US US-CA"}
	expectAbout(t, d, want)
	if _, err := Forget(path, []Key{key}, "12", "2", "4"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Reload(); err != nil {
		t.Fatal(err)
	}
	want["2"], want["4"], want["3"] = " ", " ", "fr "
	expectAbout(t, d, want)

	next := Key{9}
	d.Accept(next)
	if _, err := Build(t.Context(), path, next, strings.NewReader(aboutCSV), "customers.csv", BuildOptions{Keys: []Key{key}, AsOf: time.Now().Add(-time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Reload(); err != nil {
		t.Fatal(err)
	}
	expectAbout(t, d, want)
	if d.Info().WithCountry != 2 { // of the snapshot: 1 and 8
		t.Errorf("%+v", d.Info())
	}
}

// A file of changes from before customers had a country is read as it was.
func TestAboutOldChanges(t *testing.T) {
	c := change{what: added, keyID: Key{}.ID(), at: time.Unix(1, 0), id: []byte("1"), owns: []owned{{email, digest{1, 2}}}}
	plain := c.append(nil)
	c.about = about{"de", "DE"}
	if with := c.append(nil); plain[8] != 'a' || with[8] != 'A' || len(with) != len(plain)+6 {
		t.Error(plain, with)
	}
}

// As many different ones as two bytes number are told apart; one more is left out and said.
func TestManyAbouts(t *testing.T) {
	var csv strings.Builder
	csv.WriteString("id,email,country,locale\n")
	for i := range maxAbouts + 1 {
		fmt.Fprintf(&csv, "%d,customer%d@shop.example,US-%X,en-US-x-%d\n", i, i, i%4096, i)
	}
	path, key, report, err := build(t, csv.String(), BuildOptions{Kinds: []scan.Kind{scan.Email}})
	if err != nil || report.WithCountry != maxAbouts || report.BadFields != 1 || !strings.Contains(report.Problems[0].Message, "more than 16383") {
		t.Fatalf("%+v, %v", report, err)
	}
	d, err := Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	wrong := 0
	for i := range maxAbouts + 1 {
		if aboutOf(d, fmt.Sprint(i)) != fmt.Sprintf("en-US-x-%d US-%X", i, i%4096) {
			wrong++
		}
	}
	if wrong != 1 {
		t.Errorf("%d customers are elsewhere", wrong)
	}
}

func TestParseCountry(t *testing.T) {
	for in, want := range map[string]string{"": "", "DE": "DE", "de": "DE", "us-ca": "US-CA", "GB-ENG": "GB-ENG", "FR-75": "FR-75", "UK": "GB"} {
		if got, ok := parseCountry([]byte(in)); got != want || !ok {
			t.Errorf("%q is %q, %v", in, got, ok)
		}
	}
	for _, in := range []string{"D", "DEU", "276", "EU", "ZZ", "QQ", "Germany", "DE-", "DE-ABCD", "DE-é", "-CA", "US--", "DE\x00", "é", "D-E"} {
		if got, ok := parseCountry([]byte(in)); ok || got != "" {
			t.Errorf("%q is a country: %q", in, got)
		}
	}
}

func TestParseLocale(t *testing.T) {
	long := "en-x-" + strings.Repeat("abcd-", 6)
	for in, want := range map[string]string{"": "", "de": "de", "de_AT": "de-AT", "EN-gb": "en-GB", "zh-hant-tw": "zh-Hant-TW", "en_US.UTF-8": "en-US", long[:34] + "b": long[:34] + "b"} {
		if got, ok := parseLocale([]byte(in)); got != want || !ok {
			t.Errorf("%q is %q, %v", in, got, ok)
		}
	}
	for _, in := range []string{"und", "german", "d", "de-", "xx-yy-zz-", "\xff", "de\x00", "alice@shop.example", long[:34] + "bb"} {
		if got, ok := parseLocale([]byte(in)); ok || got != "" {
			t.Errorf("%q is a locale: %q", in, got)
		}
	}
}

func FuzzAbout(f *testing.F) {
	f.Add("de_DE.UTF-8", "us-ca", []byte("\x02de\x02DE"))
	f.Fuzz(func(t *testing.T, locale, country string, b []byte) {
		c := customer{locale: []byte(locale), country: []byte(country)}
		a := c.about(func(string, string) {})
		if got, rest, err := cutAbout(appendAbout(nil, a)); got != a || len(rest) > 0 || err != nil {
			t.Fatalf("%q comes back as %q: %v", a, got, err)
		}
		again := customer{locale: []byte(a.locale), country: []byte(a.country)}
		if again.about(func(string, string) {}) != a {
			t.Fatalf("%q is not canonical", a)
		}
		if a, rest, err := cutAbout(b); err == nil && string(appendAbout(nil, a))+string(rest) != string(b) {
			t.Fatal("it is read as what it is not")
		}
		if h := (&header{}); h.unmarshalAbouts(b, 3) == nil && string(h.aboutBytes()) != string(b) {
			t.Fatal("a table is read as what it is not")
		}
		if n, rest, ok := unpackNumber(b); ok && len(rest) >= len(b) {
			t.Fatal("no progress", n)
		}
	})
}

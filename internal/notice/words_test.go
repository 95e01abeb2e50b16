package notice

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/feature/plural"
)

// optional keys are there where a language needs them.
var optional = regexp.MustCompile(`^(date\.first|weekdays|zone\.[A-Z]+|california\..*)$`)

var inBraces = regexp.MustCompile(`\{[^}]*\}`)

// TestWordFiles holds every language to what English has: the same keys, with the same places in them.
func TestWordFiles(t *testing.T) {
	all, err := allWords()
	if err != nil {
		t.Fatal(err)
	}
	entries, _ := wordFiles.ReadDir("words")
	if len(entries) != len(Languages) {
		t.Errorf("%d files for %d languages", len(entries), len(Languages))
	}
	for _, lang := range Languages {
		sameKeys(t, lang, all["en"].Person, all[lang].Person)
		sameKeys(t, lang, all["en"].Draft, all[lang].Draft)
		for key := range californiaWords {
			if all[lang].Draft[key] == "" && lang != "en" {
				t.Errorf("%s: there is no %q", lang, key)
			}
		}
	}
}

func sameKeys(t *testing.T, lang string, want, got Phrases) {
	t.Helper()
	strip := func(key string) string {
		for _, form := range []string{".one", ".two", ".few", ".many", ".other"} {
			if base, ok := strings.CutSuffix(key, form); ok && key != "credential.other" {
				return base + ".other" // the form that every language has
			}
		}
		return key
	}
	for key, text := range want {
		other, ok := got[strip(key)]
		if !ok && !optional.MatchString(key) {
			t.Errorf("%s: there is no %q", lang, strip(key))
		}
		if a, b := placesOf(text), placesOf(other); ok && !slices.Equal(a, b) && key != "date" {
			t.Errorf("%s: %s has the places %v, English %v", lang, key, b, a)
		}
	}
	for key, text := range got {
		if _, ok := want[strip(key)]; !ok && !optional.MatchString(key) {
			t.Errorf("%s: %q is nothing that English has", lang, key)
		}
		if err := checkText(text, "shop.example"); err != nil || strings.TrimSpace(text) == "" && key != "gap" {
			t.Errorf("%s: %s: %q %v", lang, key, text, err)
		}
	}
}

func placesOf(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(inBraces.FindAllString(text, -1))))
}

// TestPluralForms: where a language has a form of its own for some numbers, its words do, or say the same for "other".
func TestPluralForms(t *testing.T) {
	all, _ := allWords()
	for _, lang := range Languages {
		s := speech{tag: parseTag(lang), phrases: []Phrases{all[lang].Person, all[lang].Draft}, zone: time.UTC}
		for key := range maps.Keys(s.phrases[1]) {
			base, ok := strings.CutSuffix(key, ".other")
			if !ok {
				continue
			}
			if one := plural.Cardinal.MatchPlural(s.tag, 1, 0, 0, 0, 0); one == plural.One && s.phrases[1][base+".one"] == "" {
				t.Errorf("%s: %s.one is missing", lang, base)
			}
		}
	}
}

// TestPolish: 1, 2 to 4, 5 to 21, 22 to 24, and 12 to 14, which end in 2 to 4 and are many.
func TestPolish(t *testing.T) {
	f := shopFacts()
	for n, want := range map[int]string{1: "1 taką stronę.", 2: "2 takie strony.", 5: "5 takich stron.", 12: "12 takich stron.", 21: "21 takich stron.", 22: "22 takie strony.", 1001: "1\u00a0001 takich stron."} {
		f.CleanSince = int64(n)
		d, err := Write(f, Affected)
		if err != nil {
			t.Fatal(err)
		}
		if text := d.Texts["gdpr/pl"]; !strings.Contains(text, "jeszcze "+want) {
			t.Errorf("%d: want %q in\n%s", n, want, text)
		}
	}
}

// TestTimes shows how each language says a day, a moment and a stretch of time, in the publisher's zone.
func TestTimes(t *testing.T) {
	all, _ := allWords()
	first := nov(20, 9, 52)
	for lang, want := range map[string][3]string{
		"en": {"1 November 2018", "on 20 November 2018, from 10:52 to 11:07 CET", "from 20 November 2018, 10:52 CET to 21 November 2018, 11:07 CET"},
		"de": {"1. November 2018", "am 20. November 2018, 10:52 bis 11:07 Uhr MEZ", "vom 20. November 2018, 10:52 Uhr MEZ bis zum 21. November 2018, 11:07 Uhr MEZ"},
		"fr": {"1er novembre 2018", "le 20 novembre 2018, de 10 h 52 à 11 h 07 (CET)", "du 20 novembre 2018 à 10 h 52 (CET) au 21 novembre 2018 à 11 h 07 (CET)"},
		"es": {"1 de noviembre de 2018", "el 20 de noviembre de 2018, de 10:52 a 11:07 (CET)", "desde el 20 de noviembre de 2018 a las 10:52 (CET) hasta el 21 de noviembre de 2018 a las 11:07 (CET)"},
		"it": {"giovedì 1º novembre 2018", "martedì 20 novembre 2018, dalle ore 10:52 alle ore 11:07 (CET)", "da martedì 20 novembre 2018 alle ore 10:52 (CET) a mercoledì 21 novembre 2018 alle ore 11:07 (CET)"},
		"nl": {"1 november 2018", "op 20 november 2018, van 10:52 tot 11:07 uur (CET)", "van 20 november 2018, 10:52 uur (CET) tot 21 november 2018, 11:07 uur (CET)"},
		"pl": {"1 listopada 2018 roku", "20 listopada 2018 roku w godz. 10:52–11:07 (CET)", "od 20 listopada 2018 roku, godz. 10:52 (CET) do 21 listopada 2018 roku, godz. 11:07 (CET)"},
		"pt": {"1º de novembro de 2018", "em 20 de novembro de 2018, entre 10:52 e 11:07 (CET)", "de 20 de novembro de 2018, às 10:52 (CET) até 21 de novembro de 2018, às 11:07 (CET)"},
		"ja": {"2018年11月1日", "2018年11月20日 10時52分から11時07分まで（CET）", "2018年11月20日 10時52分（CET）から2018年11月21日 11時07分（CET）まで"},
	} {
		s := speaker(lang, shopFacts(), all[lang].Person)
		got := [3]string{s.date(nov(1, 12, 0)), s.within(first, nov(20, 10, 7)), s.within(first, nov(21, 10, 7))}
		for i := range got {
			if plain := strings.ReplaceAll(got[i], "\u00a0", " "); plain != want[i] {
				t.Errorf("%s: %q, want %q", lang, plain, want[i])
			}
		}
	}
}

// TestZones: one moment, the night that clocks are set, a zone without letters, and none.
func TestZones(t *testing.T) {
	all, _ := allWords()
	for _, c := range []struct {
		lang, zone  string
		first, last time.Time
		want        string
	}{
		{"en", "Europe/Berlin", nov(20, 9, 52), nov(20, 9, 52).Add(59 * time.Second), "on 20 November 2018 at 10:52 CET"},
		{"de", "Europe/Berlin", time.Date(2018, 10, 28, 0, 30, 0, 0, time.UTC), time.Date(2018, 10, 28, 1, 30, 0, 0, time.UTC), "vom 28. Oktober 2018, 02:30 Uhr MESZ bis zum 28. Oktober 2018, 02:30 Uhr MEZ"},
		{"en", "America/Sao_Paulo", nov(20, 9, 52), nov(20, 9, 52), "on 20 November 2018 at 07:52 UTC-02"},
		{"ja", "Asia/Tokyo", nov(20, 15, 0), nov(20, 15, 0), "2018年11月21日 00時00分（日本時間）に"},
		{"en", "", nov(20, 9, 52), nov(20, 9, 52), "on 20 November 2018 at 09:52 UTC"},
	} {
		f := shopFacts()
		f.Publisher.Zone = c.zone
		s := speaker(c.lang, f, all[c.lang].Person)
		if got := s.within(c.first, c.last); got != c.want || s.missing != nil {
			t.Errorf("%q, want %q (%v)", got, c.want, s.missing)
		}
	}
}

// TestNumbers: digits in groups, as each language has them, never with a space at which a line ends.
func TestNumbers(t *testing.T) {
	for lang, want := range map[string]string{"en": "1,234,567", "de": "1.234.567", "fr": "1\u00a0234\u00a0567", "es": "1.234.567", "it": "1.234.567", "nl": "1.234.567", "pl": "1\u00a0234\u00a0567", "pt": "1.234.567", "ja": "1,234,567"} {
		s := speech{tag: parseTag(lang)}
		if got := s.number(1234567); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
		if got := s.number(999); got != "999" {
			t.Errorf("%s: %q", lang, got)
		}
	}
}

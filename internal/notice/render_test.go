package notice

import (
	"flag"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"candor.example"
	"candor.example/scan"
)

var updateMessages = flag.Bool("update-messages", false, "write testdata/messages anew")

var noticeDate = time.Date(2018, 11, 22, 8, 0, 0, 0, time.UTC)

// TestGolden compares whole messages, as people get them, with testdata/messages. Read them when they change.
func TestGolden(t *testing.T) {
	for name, c := range map[string]struct {
		kind   Kind
		change func(*Facts, *Person)
	}{
		"gdpr-de":       {Affected, func(f *Facts, p *Person) {}},
		"gdpr-en":       {Affected, func(f *Facts, p *Person) { p.Locale = "en-GB" }},
		"california-en": {Affected, func(f *Facts, p *Person) { p.Locale, p.Country, p.Looked = "en-US", "US-CA", candor.LookedPart }},
		"california-ja": {Affected, func(f *Facts, p *Person) { p.Locale, p.Country = "ja", "US" }},
		"viewers-fr":    {Viewers, func(f *Facts, p *Person) { p.Locale = "fr-CA" }},
	} {
		f, p := shopFacts(), erika()
		c.change(&f, &p)
		m := written(t, f, c.kind, p)
		golden(t, name+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
		golden(t, name+".html", m.HTML)
	}
}

func written(t *testing.T, f Facts, kind Kind, p Person) Message {
	t.Helper()
	d, err := Write(f, kind)
	if err != nil {
		t.Fatal(err)
	}
	m, err := d.Message(p, noticeDate)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLawAndLanguage: which text a person gets.
func TestLawAndLanguage(t *testing.T) {
	d, err := Write(shopFacts(), Affected)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ locale, country, publisher, want string }{
		{"de-AT", "AT", "en", "gdpr/de"}, {"fr_CH", "CH", "en", "gdpr/fr"}, {"en-US", "US", "de", "california/en"}, {"es-419", "us-ca", "de", "california/es"},
		{"pt-BR", "BR", "de", "gdpr/pt"}, {"pt-PT", "PT", "de", "gdpr/pt"}, {"ja", "JP", "de", "gdpr/ja"}, {"nb", "NO", "de", "gdpr/de"},
		{"zh-Hans", "CN", "it", "gdpr/it"}, {"", "", "nl", "gdpr/nl"}, {"not a tag!", "", "", "gdpr/en"}, {"zh", "US", "xx", "california/en"}, {"", "AUS", "pl-PL", "gdpr/pl"},
	} {
		d.Facts.Publisher.Language = c.publisher
		p := erika()
		p.Locale, p.Country = c.locale, c.country
		m, err := d.Message(p, noticeDate)
		if got := string(m.Law) + "/" + m.Lang; got != c.want || err != nil {
			t.Errorf("%+v: %s (%v)", c, got, err)
		}
	}
}

// TestOwnLanguage: an operator adds a text and its phrases.
func TestOwnLanguage(t *testing.T) {
	d, err := Write(shopFacts(), Affected)
	if err != nil {
		t.Fatal(err)
	}
	p := erika()
	p.Locale = "cs"
	d.Texts["gdpr/cs"] = "Subject: Oznámení o úniku dat\n\n{greeting}\n\nUkázali jsme {fields}.\n"
	if _, err := d.Message(p, noticeDate); err == nil || !strings.Contains(err.Error(), `no phrases in "cs"`) {
		t.Error(err)
	}
	d.Phrases["cs"] = Phrases{"greeting": "Dobrý den, {name}!", "field.name": "Vaše jméno", "field.email": "Váš e-mail", "and": " a ", "comma": ", ", "gap": " "}
	m, err := d.Message(p, noticeDate)
	if err != nil || m.Text != "Dobrý den, Erika Muster!\n\nUkázali jsme Vaše jméno a Váš e-mail.\n" {
		t.Errorf("%q %v", m.Text, err)
	}
	p.Kinds = append(p.Kinds, scan.Phone)
	if _, err := d.Message(p, noticeDate); err == nil || !strings.Contains(err.Error(), `"field.phone"`) {
		t.Errorf("a phrase that is missing: %v", err)
	}
	delete(d.Texts, "california/en")
	for key := range d.Texts {
		if strings.HasPrefix(key, "california/") {
			delete(d.Texts, key)
		}
	}
	p.Country = "US"
	if _, err := d.Message(p, noticeDate); err == nil || !strings.Contains(err.Error(), `no text for "california"`) {
		t.Error(err)
	}
}

// TestNames: customers choose their names themselves.
func TestNames(t *testing.T) {
	d, err := Write(shopFacts(), Affected)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Erika Muster": "Dear Erika Muster,", "  Erika \n Muster ": "Dear Erika Muster,", "Seán O’Brien-Müller, Jr.": "Dear Seán O’Brien-Müller, Jr.,", "山田 太郎": "Dear 山田 太郎,", "J. R. R. Muster": "Dear J. R. R. Muster,",
		"": "Dear customer,", "<b>Erika</b>": "Dear customer,", "https://evil.example/login": "Dear customer,", "www.evil.example": "Dear customer,", "evil.com": "Dear customer,", "a@b.example": "Dear customer,",
		"{code}": "Dear customer,", "Erika\u202eMuster": "Dear customer,", "Erika\x00Muster": "Dear customer,", "\xff": "Dear customer,",
		strings.Repeat("a", 100): "Dear " + strings.Repeat("a", 100) + ",", strings.Repeat("a", 101): "Dear customer,",
	} {
		p := erika()
		p.Locale, p.Name = "en", name
		m, err := d.Message(p, noticeDate)
		if first, _, _ := strings.Cut(m.Text, "\n\n"); strings.ReplaceAll(first, "\n", " ") != want || err != nil {
			t.Errorf("%q: %q (%v)", name, first, err)
		}
	}
}

// TestPersonWithout: what is missing of a person is an error that names the place, and nobody.
func TestPersonWithout(t *testing.T) {
	d, err := Write(shopFacts(), Affected)
	if err != nil {
		t.Fatal(err)
	}
	for place, change := range map[string]func(*Person){
		"{code}": func(p *Person) { p.Code = "" }, "{what}": func(p *Person) { p.Kinds = nil },
		"fill {what}": func(p *Person) { p.Viewers = 0 }, `"shoe-size"`: func(p *Person) { p.Kinds = []candor.Kind{"shoe-size"} },
		"to fill {what}": func(p *Person) { p.First = time.Time{} },
	} {
		p := erika()
		change(&p)
		_, err := d.Message(p, noticeDate)
		if err == nil || !strings.Contains(err.Error(), place) || strings.Contains(err.Error(), "Erika") {
			t.Errorf("%s: %v", place, err)
		}
	}
}

// TestSubjectLimit: 150 characters, and one more.
func TestSubjectLimit(t *testing.T) {
	d, err := Write(shopFacts(), Affected)
	if err != nil {
		t.Fatal(err)
	}
	for n, ok := range map[int]bool{maxSubject: true, maxSubject + 1: false} {
		d.Texts["gdpr/de"] = "Subject: " + strings.Repeat("ä", n) + "\n\nText.\n"
		if m, err := d.Message(erika(), noticeDate); (err == nil) != ok || ok && utf8.RuneCountInString(m.Subject) != n {
			t.Errorf("%d characters: %v", n, err)
		}
	}
}

// TestLines: at most 72 columns, but for words that are longer; a wide character is two; no line begins as an item would.
func TestLines(t *testing.T) {
	each(t, func(t *testing.T, f Facts, p Person, m Message) {
		for line := range strings.Lines(m.Text) {
			line = strings.TrimSuffix(line, "\n")
			if columns(line) > lineWidth && strings.ContainsAny(strings.TrimSpace(line), " ") {
				t.Errorf("%d columns: %s", columns(line), line)
			}
			if strings.TrimRight(line, " ") != line {
				t.Errorf("a space at the end of %q", line)
			}
		}
	})
}

// A Writer writes what the draft writes, whoever it is to, and says the same of what is wrong.
func TestWriter(t *testing.T) {
	d, err := Write(shopFacts(), Affected)
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.Writer()
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range persons() {
		for _, p.Locale = range append([]string{"", "de-AT", "pt-BR", "xx", "sr"}, Languages...) {
			for _, p.Country = range []string{"", "US-CA"} {
				want, err1 := d.Message(p, noticeDate)
				got, err2 := w.Message(p, noticeDate)
				if got != want || err1 != nil || err2 != nil {
					t.Errorf("%s in %q: %v, %v", name, p.Locale, err1, err2)
				}
			}
		}
	}
	p := erika()
	p.Kinds = []candor.Kind{"iris"}
	for range 2 { // what was missing for one is not missing for the next
		if _, err := w.Message(p, noticeDate); err == nil {
			t.Error("a kind that there is no word for")
		}
		if _, err := w.Message(erika(), noticeDate); err != nil {
			t.Error(err)
		}
	}
	d.Texts["gdpr/fr"] = "no subject"
	if _, err := d.Writer(); err == nil || !strings.Contains(err.Error(), "gdpr/fr: line 1") {
		t.Error(err)
	}
	if w, err := (Draft{}).Writer(); err != nil {
		t.Error(err)
	} else if _, err := w.Message(p, noticeDate); err == nil {
		t.Error("a message of no text")
	}
}

func BenchmarkMessage(b *testing.B) {
	d, err := Write(shopFacts(), Affected)
	if err != nil {
		b.Fatal(err)
	}
	w, err := d.Writer()
	if err != nil {
		b.Fatal(err)
	}
	p := erika()
	for name, message := range map[string]func(Person, time.Time) (Message, error){"draft": d.Message, "writer": w.Message} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := message(p, noticeDate); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "messages", name)
	if *updateMessages {
		os.MkdirAll(filepath.Dir(path), 0o777)
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s is not what is written now (%v): look, then go test ./internal/notice -update-messages", path, err)
	}
}

// What is looked at word by word comes to the same as the expression over all of a text.
func FuzzInOnePiece(f *testing.F) {
	for _, s := range []string{"", "Code: K7QM-2XHD-9RTP.", "a-b_1-2", "e-mail-1", "-1-2-", "x--1", "é1-2é", "1-2 3-4", "a_1-2-b_", "1-2&3-4", "12345678901-1234567890", "1-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := inOnePiece(s), reference.ReplaceAllStringFunc(html.EscapeString(s), held); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	})
}

package notice

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var updateMessages = flag.Bool("update", false, "write the golden files anew")

var noticeDate = time.Date(2018, 11, 22, 8, 0, 0, 0, time.UTC)

// TestGolden compares whole messages, as people get them, with testdata/messages. Read them when they change.
func TestGolden(t *testing.T) {
	for name, change := range map[string]func(*Facts, *Person){
		"gdpr-de":       func(f *Facts, p *Person) {},
		"gdpr-en":       func(f *Facts, p *Person) { p.Locale = "en-GB" },
		"california-en": func(f *Facts, p *Person) { p.Locale, p.Country, p.Looked = "en-US", "US-CA", "part" },
	} {
		f, p := shopFacts(), erika()
		change(&f, &p)
		m := written(t, f, Affected, p)
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
		t.Errorf("%s is not what is written now (%v): look, then go test ./internal/notice -update", path, err)
	}
}

package notice

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/scan"
)

var museumHeader = regexp.MustCompile(`(?m)^(?:# fails|X-Fails|<!-- fails): (.*?)(?: -->)?\r?$`)

// museum reads a letter and what its header says: which rules it fails, and by which facts and law it is judged.
func museum(t *testing.T, path string) (l Letter, f *Facts, fails []string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := museumHeader.FindSubmatchIndex(b)
	if m == nil {
		t.Fatalf("%s: it does not say what it fails", path)
	}
	settings := strings.Split(string(b[m[2]:m[3]]), ";")
	if strings.HasSuffix(path, ".txt") {
		b = append([]byte(nil), b...)
		b = slices.Delete(b, m[0], m[1]+1) // the line itself
	}
	l, err = ReadLetter(path, b)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings[1:] {
		switch name, value, _ := strings.Cut(strings.TrimSpace(s), ": "); name {
		case "law":
			l.Law = Law(value)
		case "facts":
			f = readFactsFile(t, filepath.Join(filepath.Dir(path), value))
		default:
			t.Fatalf("%s: %q is no setting", path, name)
		}
	}
	if fails = strings.Fields(settings[0]); slices.Equal(fails, []string{"none"}) {
		fails = nil
	}
	return l, f, fails
}

func readFactsFile(t *testing.T, path string) *Facts {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f Facts
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	return &f
}

// Each letter of the museum fails exactly the rules that its header names, and is told where: each rule that a single letter can fail has one there.
func TestMuseum(t *testing.T) {
	files, err := filepath.Glob("testdata/museum/*")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, path := range files {
		if strings.HasSuffix(path, ".json") {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			l, f, want := museum(t, path)
			var got []string
			findings := Lint(l, f, nil)
			for _, f := range findings {
				got = append(got, f.Rule)
				shown[f.Rule] = true
			}
			standsThere(t, path, findings)
			slices.Sort(got)
			got = slices.Compact(got)
			if !slices.Equal(got, want) {
				t.Errorf("it fails %s, and its header says %s", strings.Join(got, " "), strings.Join(want, " "))
				for _, f := range findings {
					t.Logf("%d:%d: %s %s %q: %s", f.Line, f.Column, f.Rule, f.Part, f.Text, f.Why)
				}
			}
		})
	}
	for rule := range checks {
		if !shown[rule] {
			t.Errorf("no letter of the museum fails %s", rule)
		}
	}
}

// standsThere: what a finding quotes of a text stands at its line and column.
func standsThere(t *testing.T, path string, findings []Finding) {
	if filepath.Ext(path) != ".txt" {
		return // of a mail or a page, places are those of a decoded part
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")[1:] // without the one that says what it fails
	for _, f := range findings {
		if f.Text == "" || f.Rule == "N22" { // the subject, behind its name
			continue
		}
		rest := string([]rune(lines[f.Line-1])[f.Column-1:]) + " " + strings.Join(lines[f.Line:], " ")
		if !strings.HasPrefix(rest, strings.TrimSuffix(f.Text, "…")) {
			t.Errorf("%s says %q at %d:%d, where stands %.60q", f.Rule, f.Text, f.Line, f.Column, rest)
		}
	}
}

// Candor's own drafts pass every rule, in each language and law.
func TestOwnDrafts(t *testing.T) {
	for name, change := range ownVariants {
		t.Run(name, func(t *testing.T) {
			for _, lang := range Languages {
				ownDraft(t, lang, "AT", Affected, change)
				if slices.Contains([]string{"all is known", "nobody looked", "passwords", "cause not known"}, name) {
					ownDraft(t, lang, "US-CA", Affected, change)
				}
				if name == "all is known" {
					ownDraft(t, lang, "AT", Viewers, change)
				}
			}
		})
	}
}

func ownDraft(t *testing.T, lang, country string, kind Kind, change func(*Facts, *Person)) {
	f, p := shopFacts(), erika()
	f.Publisher.Language, p.Locale, p.Country = lang, lang, country
	change(&f, &p)
	m := written(t, f, kind, p)
	for _, x := range Lint(LetterOf(m), &f, &p) {
		t.Errorf("%s/%s %s: %s%s %d:%d %q: %s", m.Law, lang, kind, x.Rule, x.Level, x.Line, x.Column, x.Text, x.Why)
	}
}

var ownVariants = func() map[string]func(*Facts, *Person) {
	m := map[string]func(*Facts, *Person){
		"all is known":    func(*Facts, *Person) {},
		"nobody looked":   func(f *Facts, p *Person) { f.Looked, p.Looked = "", "" },
		"part was looked": func(f *Facts, p *Person) { f.Looked, p.Looked = "part", "part" },
		"nameless":        func(f *Facts, p *Person) { p.Name = "" },
		"name alone":      func(f *Facts, p *Person) { f.Kinds = []candor.Kind{scan.Name}; p.Kinds = f.Kinds },
		"telephone":       func(f *Facts, p *Person) { f.Kinds = []candor.Kind{scan.Phone, scan.Email}; p.Kinds = f.Kinds },
		"hash":            func(f *Facts, p *Person) { f.Kinds = []candor.Kind{scan.EmailMD5}; p.Kinds = f.Kinds },
		"one viewer": func(f *Facts, p *Person) {
			p.Viewers, f.Viewers = 1, []incident.ViewerCount{{Kind: "crawler", Count: 1}}
		},
		"programs": func(f *Facts, p *Person) {
			p.Viewers, f.Viewers = 12, []incident.ViewerCount{{Kind: "script", Count: 8}, {Kind: "claimed-crawler", Count: 4}}
		},
		"several days": func(f *Facts, p *Person) { f.Last, p.Last = nov(21, 8, 30), nov(21, 8, 29) },
		"one minute":   func(f *Facts, p *Person) { f.Last, p.Last = f.First, f.First },
		"one person":   func(f *Facts, p *Person) { f.People, f.Prevented, f.Possible = 1, 1, 1 },
		"many":         func(f *Facts, p *Person) { f.People = 1234567 },
		"bare": func(f *Facts, p *Person) {
			f.Report, f.Prevented, f.Possible, f.Release, f.Surface = nil, 0, 0, "", nil
		},
		"no filing": func(f *Facts, p *Person) {
			f.Regulators = []Regulator{{Authority: "ICO", Law: "UK GDPR art. 33", Reason: "a risk is unlikely"}}
		},
		"withheld":        func(f *Facts, p *Person) { f.ContainedHow = "withhold" },
		"switched off":    func(f *Facts, p *Person) { f.ContainedHow = "trip" },
		"passwords":       func(f *Facts, p *Person) { f.Credentials = []string{scan.Password}; p.Credentials = f.Credentials },
		"cards":           func(f *Facts, p *Person) { f.Credentials = []string{scan.CardNumber}; p.Credentials = f.Credentials },
		"session keys":    func(f *Facts, p *Person) { f.Credentials = []string{scan.SessionToken}; p.Credentials = f.Credentials },
		"cause not known": undetermined,
		"one of two causes": func(f *Facts, p *Person) {
			undetermined(f, p)
			f.Candidates = []incident.CauseID{incident.CauseSharedCache, incident.CauseFragment}
		},
		"not fixed": func(f *Facts, p *Person) {
			f.Fixed, f.FixReference, f.FixRelease, f.Verified, f.Replayed, f.CleanSince = time.Time{}, "", "", time.Time{}, 0, 0
			f.UpdateBy = nov(30, 12, 0)
		},
	}
	for _, c := range []incident.CauseID{incident.CauseSharedCache, incident.CauseCoalesced, incident.CauseDeception, incident.CauseObjectAccess, incident.CauseExcessiveData,
		incident.CauseAuthentication, incident.CauseMixUp, incident.CauseFragment, incident.CauseMemory, incident.CauseErrorPage, incident.CauseURL, incident.CauseHashed, incident.CauseListing} {
		m[string(c)] = func(f *Facts, _ *Person) { f.Cause = c }
	}
	return m
}()

func undetermined(f *Facts, _ *Person) {
	f.Cause, f.UpdateBy = incident.CauseUndetermined, nov(30, 12, 0)
}

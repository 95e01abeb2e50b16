package notice

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
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

// Each letter of the museum fails exactly the rules that its header names.
func TestMuseum(t *testing.T) {
	files, err := filepath.Glob("testdata/museum/*")
	if err != nil {
		t.Fatal(err)
	}
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
			}
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
}

package verify

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Paths that a manifest must not name.
func TestManifestNames(t *testing.T) {
	_, m, _ := madeUp(t)
	hash := m.Report
	for name, ok := range map[string]bool{
		"inc-1/index.html": true, "inc-1/de.html": true, "style.css": true, "inc-1/1/plots/a.svg": true, "inc-2/index.html": true, "inc-1/01/x": true,
		"../x": false, "/x": false, "a//b": false, "a/./b": false, "a/../b": false, ".candor/log": false, "a/.b": false, "log/checkpoint": false, "log": false, KeyFile: false,
		PublishingFile: false, "inc-1/1/report.tlog-proof": false, "inc-1/2/index.html": false, "inc-2/1/index.html": false, "a b": false, "a\\b": false, "": false, "a\x00": false,
		strings.Repeat("a", 100): true, strings.Repeat("a", 101): false, strings.Repeat("a/", 150) + "b": false,
	} {
		m.Files = map[string]string{"inc-1/1/report.json": hash, name: hash}
		if _, err := m.Entry(); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// An entry has 65,535 bytes at most.
func TestManifestSize(t *testing.T) {
	_, m, _ := madeUp(t)
	for n := range 750 {
		m.Files[fmt.Sprintf("page-%03d.html", n)] = m.Report
	}
	entry, err := m.Entry()
	for n := 750; err == nil && len(entry) < MaxManifest-200; n++ {
		m.Files[fmt.Sprintf("page-%03d.html", n)] = m.Report
		entry, err = m.Entry()
	}
	const one = len(`,"":""`) + 64
	last := strings.Repeat("x", MaxManifest-len(entry)-one)
	if len(last) > 100 {
		m.Files["p"+last[:50]], last = m.Report, last[:len(last)-51-one]
	}
	m.Files[last] = m.Report
	if entry, err := m.Entry(); err != nil || len(entry) != MaxManifest {
		t.Fatalf("%d bytes: %v", len(entry), err)
	}
	delete(m.Files, last)
	m.Files[last+"x"] = m.Report
	if _, err := m.Entry(); err == nil {
		t.Error("one byte too many")
	}
}

// A key that comes twice, in another case, unknown, or with something behind it.
func TestStrict(t *testing.T) {
	b, err := EncodeReport(Report{Schema: ReportSchema, Incident: "inc-1", Revision: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseReport(b); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"twice":        {`"revision": 1,`, "\"revision\": 1,\n  \"revision\": 1,"},
		"another case": {`"revision": 1,`, `"Revision": 1,`},
		"unknown":      {`"revision": 1,`, "\"revision\": 1,\n  \"sequel\": 1,"},
		"behind":       {"\n}\n", "\n}\n{}\n"},
		"white space":  {`"revision": 1,`, `"revision":  1,`},
		"no line end":  {"\n}\n", "\n}"},
		"exponent":     {`"revision": 1,`, `"revision": 1e0,`},
		"escape":       {`"inc-1"`, `"inc\u002d1"`},
	} {
		if _, err := ParseReport([]byte(strings.Replace(string(b), change[0], change[1], 1))); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// One spelling of a key.
func TestKeys(t *testing.T) {
	keys, _, _ := madeUp(t)
	line := keys.Lines[0]
	for name, text := range map[string]string{"none": "", "words": "a key\n", "cut off": line[:len(line)-5], "another name": "x" + line, "two logs": line + "\nother.example+" + strings.SplitN(line, "+", 2)[1],
		"space": line + " ", "carriage return": line + "\r\n", "empty line": line + "\n\n", "too many": strings.Repeat(line+"\n", 21), "upper case": strings.ToUpper(line[:28]) + line[28:]} {
		if _, err := ParseKeys(text); err == nil {
			t.Errorf("%s: %q is taken", name, text)
		}
	}
	if _, err := ParseKeys(strings.Repeat(line+"\n", 20)); err != nil {
		t.Error(err)
	}
	both, checkpoint := madeUpTwice(t)
	second := both.Lines[1]
	for name, text := range map[string]string{"ML-DSA-44 alone": second, "its line cut off": line + "\n" + second[:len(second)-4], "another id": line + "\n" + strings.Replace(second, second[20:28], "00000000", 1),
		"another log's": line + "\n" + strings.Replace(second, "shop", "show", 1)} {
		if _, err := ParseKeys(text + "\n"); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
	if c, err := ParseCheckpoint(checkpoint, both); err != nil || c.Cosigner != second[20:28] || c.Key == "" {
		t.Errorf("%+v %v", c, err)
	}
}

func TestCorrections(t *testing.T) {
	at := time.Date(2018, 11, 20, 0, 0, 0, 0, time.UTC)
	kind := func(v string) Fact[string] { return Fact[string]{Value: &v, Status: Known, AsOf: at} }
	before, now := Report{Revision: 1}, Report{Revision: 2}
	before.Cause.Kind, now.Cause.Kind = kind("programming"), kind("publishing")
	right := Correction{Field: "/cause/kind/value", From: `"programming"`, To: `"publishing"`, Why: "We looked again.", Revision: 2}
	for name, test := range map[string]struct {
		list []Correction
		ok   bool
	}{
		"none":             {nil, false},
		"right":            {[]Correction{right}, true},
		"of the fact":      {[]Correction{{"/cause/kind", right.From, right.To, right.Why, 2}}, true},
		"another from":     {[]Correction{{right.Field, `"x"`, right.To, right.Why, 2}}, false},
		"another to":       {[]Correction{{right.Field, right.From, "null", right.Why, 2}}, false},
		"no why":           {[]Correction{{right.Field, right.From, right.To, "", 2}}, false},
		"another revision": {[]Correction{{right.Field, right.From, right.To, right.Why, 1}}, false},
		"another field":    {[]Correction{{"/cause/kin", right.From, right.To, right.Why, 2}}, false},
		"of everything":    {[]Correction{{"", right.From, right.To, right.Why, 2}}, false},
	} {
		now.Corrections = test.list
		if found := Corrections(&before, now); (len(found) == 0) != test.ok {
			t.Errorf("%s: %v", name, found)
		}
	}
	now.Cause.Kind = Fact[string]{Status: Withheld, AsOf: at, Reason: "Police."}
	if now.Corrections = nil; len(Corrections(&before, now)) == 0 {
		t.Error("a value was taken away, and nobody says so")
	}
	now.Corrections = []Correction{{right.Field, right.From, "null", "Police.", 2}}
	if found := Corrections(&before, now); len(found) > 0 {
		t.Error(found)
	}
	before.Cause.Kind = Fact[string]{Status: Unknown, AsOf: at, NextUpdateBy: at}
	if now.Cause.Kind, now.Corrections = kind("programming"), nil; len(Corrections(&before, now)) > 0 {
		t.Error("an answer is no correction")
	}
}

// A field's line in a report.
func TestLineOf(t *testing.T) {
	r := Report{Schema: ReportSchema, Languages: []string{"en", "de"}, Consequences: Fact[Words]{Value: &Words{"a/b": "x"}}}
	b, err := EncodeReport(r)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	for field, text := range map[string]string{"/schema": `"schema"`, "/languages/1": `"de"`, "/people_told/affected": `"affected"`, "/consequences/value/a~1b": `"a/b"`} {
		if n := lineOf(b, field); n == 0 || !strings.Contains(lines[n-1], text) {
			t.Errorf("%s: line %d", field, n)
		}
	}
	for _, field := range []string{"", "/none", "/languages/2", "/schema/x", "/languages/-1"} {
		if n := lineOf(b, field); n != 0 {
			t.Errorf("%s: line %d", field, n)
		}
	}
}

func TestMemory(t *testing.T) {
	m := Memory{filepath.Join(t.TempDir(), "a", "seen.json")}
	for _, s := range []Seen{{Place: "a", Size: 1}, {Place: "b", Size: 2}, {Place: "a", Size: 3}} {
		if err := m.Remember(s); err != nil {
			t.Fatal(err)
		}
	}
	all, err := m.All()
	slices.SortFunc(all, func(a, b Seen) int { return strings.Compare(a.Place, b.Place) })
	if b, _ := json.Marshal(all); err != nil || len(all) != 2 || all[0].Size != 3 || all[1].Size != 2 {
		t.Errorf("%v %s", err, b)
	}
	if err := os.WriteFile(m.Path, []byte("[{]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.All(); err == nil || !strings.Contains(err.Error(), m.Path) {
		t.Errorf("a damaged memory: %v", err)
	}
	if err := m.Remember(Seen{Place: "c"}); err == nil {
		t.Error("a damaged memory was overwritten")
	}
}

// The tiles that there are of some sizes (c2sp.org/tlog-tiles has the example of 70,000).
func TestTilesOf(t *testing.T) {
	for size, want := range map[int64][]string{
		0:   nil,
		1:   {"log/tile/entries/000.p/1", "log/tile/0/000.p/1"},
		256: {"log/tile/entries/000", "log/tile/0/000", "log/tile/1/000.p/1"},
		257: {"log/tile/entries/000", "log/tile/entries/001.p/1", "log/tile/0/000", "log/tile/0/001.p/1", "log/tile/1/000.p/1"},
	} {
		if got := TilePaths(size); !slices.Equal(got, want) {
			t.Errorf("%d: %q", size, got)
		}
	}
	count := map[int]int{}
	for _, tile := range tilesOf(70000) {
		count[tile.L]++
	}
	if count[0] != 274 || count[1] != 2 || count[2] != 1 || count[3] != 0 {
		t.Errorf("70,000: %v", count)
	}
}

// A pipe among the files is no reason to wait.
func TestNoPlainFile(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, KeyFile), 0o600); err != nil {
		t.Skip(err)
	}
	found := Folder(os.DirFS(dir), Options{}).Findings()
	if len(found) != 1 || found[0].String() != KeyFile+": it is no plain file" {
		t.Error(found)
	}
}

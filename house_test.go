package candor_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// house is a statement of policy: which package may know which, and why (DESIGN §4). A package that is not listed may not
// exist; a new edge needs a reason here first.
var house = map[string]struct {
	may string // packages of this module, "*" for any
	why string
}{
	"scan":                 {"", "a recogniser of bytes knows no customers and no words of ours: strangers use it alone"},
	"":                     {"scan", "the words and their pure rules stand at the bottom"},
	"directory":            {"scan candor", "whose is it, and nothing of HTTP"},
	"guard":                {"candor scan directory", "a shop that wraps its own handler compiles no JWT, CEL, SQL or NATS"},
	"internal/shopdb":      {"", "customers out of a shop's own database: drivers that no guard may compile"},
	"internal/seal":        {"candor", "what only the notifier may read, as candor.Sealed; it knows no guard and no store"},
	"internal/keyfile":     {"", "secrets in files, whatever they are for"},
	"internal/lock":        {"", "one process at a time in a folder, whatever lies in it"},
	"internal/viewer":      {"candor", "who is asking does not depend on what is found"},
	"internal/policy":      {"candor", "may they see it does not depend on where it was found"},
	"internal/capture":     {"candor", "captures become exchanges; what is in them is guard's business"},
	"internal/document":    {"", "a reader of hostile files knows only bytes and text"},
	"internal/journal":     {"candor internal/lock", "durable entries, whatever is done with them"},
	"internal/incident":    {"candor scan", "pure functions over facts: no clock, no I/O; scan for the kinds of identifiers"},
	"internal/duties":      {"candor internal/incident", "who must be told and by when is data and pure functions: no clock, no I/O"},
	"internal/notice":      {"candor internal/incident scan", "facts become text, and rules judge it: pure functions, no clock, no I/O; scan for the kinds of identifiers"},
	"internal/ledger":      {"candor internal/incident internal/notice internal/report verify", "the SQL, by the rules of incident, notice and report: what may be set and published is refused before it is folded"},
	"internal/delivery":    {"candor internal/ledger internal/notice internal/seal scan", "sends each notice at most once"},
	"internal/bounce":      {"candor internal/notice", "what comes back: reports, complaints, headers of seed mailboxes; it knows no store"},
	"verify":               {"", "a stranger checks a report with it: it knows nothing of Candor, and outside the standard library only x/mod/sumdb, and filippo.io/mldsa until Go has crypto/mldsa"},
	"internal/plot":        {"", "where bars and marks stand, for whatever draws them: no words, no clock"},
	"internal/report":      {"candor internal/duties internal/incident internal/lock internal/notice internal/plot scan verify", "what the public and regulators are told: drafted from facts, logged; it knows no store"},
	"internal/filing":      {"candor internal/duties internal/report scan verify", "what a regulator is told: forms as data, filled from a report; pure, and nobody who only publishes compiles a writer of PDF"},
	"internal/noticeboard": {"candor internal/ledger internal/notice", "what stands on the shop's own site, for the one whom it concerns; guard hands it requests and knows nothing of it"},
	"internal/console":     {"candor internal/duties internal/filing internal/incident internal/ledger internal/notice internal/plot internal/report verify", "pages show what the ledger holds, by the words of incident and notice"},
	"internal/demo":        {"candor guard", "a made-up shop: nothing may depend on it"},
	"internal/realshop":    {"", "a test rig around the real program"},
	"internal/testdb":      {"internal/testpart", "database servers for tests: only tests use it"},
	"internal/testpart":    {"", "real parts for tests, such as a browser: only tests use it"},
	"internal/simulate":    {"candor directory guard internal/incident", "each mistake played through the real guard, before a verdict: nothing may depend on it"},
	"internal/suites":      {"", "the score of suites that others wrote: only tests use it"},
	"cmd/candor":           {"*", "flags and wiring"},
}

// Nothing may import these, but the program itself.
var tops = []string{"cmd/candor", "internal/console", "internal/demo", "internal/realshop", "internal/simulate", "internal/suites", "internal/testdb"}

func TestHouse(t *testing.T) {
	const module = "candor.example"
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && hasModule(path) {
			return filepath.SkipDir // a module of its own, such as bench, whose peers must not enter Candor's go.mod
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		room := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), ".")
		rule, listed := house[room]
		if !listed && !seen[room] {
			t.Errorf("%s: a package that DESIGN §4 does not list: say in house_test.go what it is and what it may import", room)
		}
		seen[room] = true
		if !listed || strings.HasSuffix(path, "_test.go") {
			return nil // a test may drive what it tests through anything
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			name, _ := strconv.Unquote(i.Path.Value)
			inside, ours := strings.CutPrefix(name, module)
			if !ours {
				continue
			}
			other := strings.TrimPrefix(inside, "/")
			if other == "" {
				other = "candor"
			}
			if rule.may != "*" && !slices.Contains(strings.Fields(rule.may), other) {
				t.Errorf("%s imports %s, and may import only [%s]: %s", path, name, rule.may, rule.why)
			}
			if slices.Contains(tops, other) && room != "cmd/candor" {
				t.Errorf("%s imports %s: nothing may", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range house {
		if !seen[room] {
			t.Errorf("house_test.go lists %q, which is not there", room)
		}
	}
}

// The race detector is not asked about UNRACED of the Makefile, so nothing may run at the same time as anything else in them or in their tests; of
// those that it sees PARTLY, it sees each test that starts something itself.
func TestUnraced(t *testing.T) {
	b, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	makefile := strings.ReplaceAll(string(b), "\\\n", " ")
	list := func(name string) []string {
		_, line, _ := strings.Cut(makefile, "\n"+name+" := ")
		line, _, _ = strings.Cut(line, "\n")
		if line == "" {
			t.Fatal("the Makefile has no " + name)
		}
		return strings.Fields(line)
	}
	for _, dir := range list("UNRACED") {
		declarations(t, dir, func(where string, d ast.Decl) {
			if starts(d, "Go", "AfterFunc", "Parallel", "RunParallel") {
				t.Errorf("%s: a goroutine: take %s out of UNRACED in the Makefile", where, dir)
			}
		})
	}
	raced := map[string]bool{} // by the last part of the name: whether it is there, for what is a function of its own
	for _, test := range list("RACED_TESTS") {
		raced[strings.TrimPrefix(test[strings.LastIndexByte(test, '/')+1:], "Test")] = !strings.HasPrefix(test, "TestScripts/")
	}
	for _, dir := range list("PARTLY") {
		declarations(t, dir, func(where string, d ast.Decl) {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(strings.ToLower(f.Name.Name), "test") { // test, with a small letter, is of the suite of ledgers
				return
			}
			name := f.Name.Name[len("test"):]
			if _, ok := raced[name]; ok {
				raced[name] = false
			} else if starts(d, "Go") { // not what kills a process by a timer, nor what runs beside other tests, each with what is its own
				t.Errorf("%s: a goroutine: add the test to RACED_TESTS in the Makefile", where)
			}
		})
	}
	for name, missing := range raced {
		if missing {
			t.Errorf("RACED_TESTS in the Makefile has %s, which is not there", name)
		}
	}
}

// declarations goes through a package and its tests.
func declarations(t *testing.T, dir string, each func(where string, d ast.Decl)) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	if len(files) == 0 {
		t.Errorf("%s is not there", dir)
	}
	for _, path := range files {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			each(fset.Position(d.Pos()).String(), d)
		}
	}
}

// starts says that a part of a program starts a goroutine: by itself, or by a method with one of these names.
func starts(part ast.Node, methods ...string) (found bool) {
	ast.Inspect(part, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = true
		case *ast.SelectorExpr:
			found = found || slices.Contains(methods, n.Sel.Name)
		}
		return !found
	})
	return found
}

func hasModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

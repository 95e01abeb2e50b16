package realshop

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"candor.example"
	"candor.example/internal/incident"
	"candor.example/internal/testpart"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// built is the program under test, made once.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func candorBinary(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "candor"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", filepath.Join(built.dir, "candor"), "candor.example/cmd/candor")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%v\n%s", err, out)
		}
		lookAtSources()
	})
	if built.err != nil {
		t.Fatalf("go build: %v", built.err)
	}
	return filepath.Join(built.dir, "candor")
}

// lookAtSources lets the go command know that this test depends on all of the module, and not just on its imports: what
// is looked at becomes part of the key under which a passed test is kept.
func lookAtSources() {
	filepath.WalkDir("../..", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return fs.SkipDir
		}
		return nil
	})
}

// guardian is a running candor serve.
type guardian struct {
	*process
	bin, url, console, data string
}

// staffMay is the policy of the shop's operator: staff see customers on the admin API.
const staffMay = `
policy:
  - name: staff
    role: staff
    when: 'request.path == "/admin-api"'
whoami:
  - "POST /shop-api#activeCustomer:$.data.activeCustomer.emailAddress"
`

// startCandor puts Candor in front of upstream, as `candor serve --help` says.
func startCandor(t *testing.T, upstream, customers, mode string) *guardian {
	t.Helper()
	data := filepath.Join(t.TempDir(), "candor-data")
	config := filepath.Join(t.TempDir(), "candor.yaml")
	write(t, config, staffMay)
	site, console := fmt.Sprintf("127.0.0.1:%d", testpart.FreePort(t)), fmt.Sprintf("127.0.0.1:%d", testpart.FreePort(t))
	g := &guardian{bin: candorBinary(t), url: "http://" + site, console: "http://" + console, data: data}
	g.process = start(t, exec.Command(g.bin, "serve", "--upstream", upstream, "--customers", customers, "--listen", site, "--console", console,
		"--data", data, "--viewer", "session:session", "--viewer", "session:authorization", "--config", config, "--mode", mode), "")
	g.await(t, "ready", func() error {
		res, err := http.Get(g.console + "/readyz")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz: %s", res.Status)
		}
		return nil
	})
	return g
}

var matchesLine = regexp.MustCompile(`(?m)^candor_matches_total\{class="([a-z]+)",kind="email"\} ([0-9.e+]+)$`)

// classes are the addresses that Candor counted: the witness knows of addresses only.
func (g *guardian) classes(t *testing.T) map[candor.Class]int {
	t.Helper()
	list := map[candor.Class]int{}
	for _, m := range matchesLine.FindAllStringSubmatch(g.metrics(t), -1) {
		n, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			list[candor.Class(m[1])] = int(n)
		}
	}
	return list
}

func (g *guardian) metrics(t *testing.T) string {
	t.Helper()
	res, err := http.Get(g.console + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// disclosed stops Candor and reads its ledger: by route, the owners affected, all with that outcome.
func (g *guardian) disclosed(t *testing.T, outcome candor.Outcome) map[string]map[string]bool {
	t.Helper()
	g.stop(t)
	for _, other := range []candor.Outcome{candor.Exposed, candor.Prevented, candor.Possible} {
		if sets := g.affected(t, other); other != outcome && len(sets) > 0 {
			t.Errorf("the ledger has people as %s, and all should be %s:\n  %s", other, outcome, strings.Join(spell(sets), "\n  "))
		}
	}
	return g.affected(t, outcome)
}

// affected reads the ledger: by route, the owners with that outcome.
func (g *guardian) affected(t *testing.T, outcome candor.Outcome) map[string]map[string]bool {
	t.Helper()
	sets := map[string]map[string]bool{}
	for _, i := range g.incidents(t) {
		var shown struct{ Affected []incident.Person }
		g.ask(t, &shown, "incident", "show", i.ID)
		owners := map[string]bool{}
		for _, p := range shown.Affected {
			if p.Outcome == outcome {
				owners[p.Owner] = true
			}
		}
		listed := map[candor.Outcome]int{candor.Exposed: i.Exposed, candor.Prevented: i.Prevented, candor.Possible: i.Possible}[outcome]
		if listed != len(owners) {
			t.Errorf("%s: incident list counts %d people %s, incident show lists %d", i.Route, listed, outcome, len(owners))
		}
		if i.Site != "127.0.0.1" || sets[i.Route] != nil {
			t.Errorf("incident for site %q, route %q: wrong site, or not the only one", i.Site, i.Route)
		}
		if len(owners) > 0 {
			sets[i.Route] = owners
		}
	}
	return sets
}

func (g *guardian) incidents(t *testing.T) (list []incident.Incident) {
	t.Helper()
	g.ask(t, &list, "incident", "list")
	return list
}

func (g *guardian) ask(t *testing.T, out any, args ...string) {
	t.Helper()
	if err := json.Unmarshal(run(t, exec.Command(g.bin, append(args, "--json", "--data", g.data)...)), out); err != nil {
		t.Fatalf("candor %s: %v", strings.Join(args, " "), err)
	}
}

// keepsNobody checks DESIGN §5, promise 4: no customer's address or name in anything that Candor wrote or printed.
func (g *guardian) keepsNobody(t *testing.T, v *vendure, printed ...string) {
	t.Helper()
	texts := map[string]string{"its log": g.output(), "/metrics and what else it printed": strings.Join(printed, "\n")}
	filepath.WalkDir(g.data, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			b, _ := os.ReadFile(path)
			texts[path] = string(b)
		}
		return nil
	})
	for where, text := range texts {
		for _, p := range v.People {
			if strings.Contains(text, p.Email) || strings.Contains(text, p.FirstName+" "+p.LastName) {
				t.Errorf("%s holds the address or name of customer %s", where, p.ID)
			}
		}
	}
}

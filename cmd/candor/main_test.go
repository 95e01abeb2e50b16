package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"candor.example"
	"candor.example/internal/demo"
	"candor.example/internal/incident"
	"candor.example/internal/ledger"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"candor": main})
}

// The scripts are the manual of the command line.
func TestScripts(t *testing.T) {
	t.Parallel()
	documents, err := filepath.Abs("../../internal/document/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: func(e *testscript.Env) error {
		e.Setenv("DOCUMENTS", documents)
		return nil
	}, Cmds: map[string]func(*testscript.TestScript, bool, []string){"disclose": disclose, "exits": exits, "tamper": tamper, "zone": zone, "relay": relay, "env-of": envOf}})
}

// process is a running `candor serve`.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	log     *lockedBuffer
	site    string // http://127.0.0.1:PORT
	console string
	data    string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var serving = regexp.MustCompile(`protected site\s+(\S+).*\n\s+console\s+(http://[^/\s]+)(\S*)`)

// serve starts this very program as its users do, on free ports, and waits until it says where it is.
func serve(t *testing.T, data string, args ...string) *process {
	t.Helper()
	p := &process{t: t, log: &lockedBuffer{}, data: data}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "candor") // testscript.Main looks at the name
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(link, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0"}, args...)...)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	p.until("it serves", func() bool {
		if m := serving.FindStringSubmatch(p.log.String()); m != nil {
			p.site, p.console = m[1], m[2]
			return true
		}
		return p.cmd.ProcessState != nil
	})
	return p
}

// until polls: a process on the other side of a pipe has nothing to wait on.
func (p *process) until(what string, done func() bool) {
	p.t.Helper()
	deadline := time.NewTimer(60 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline.C:
			p.t.Fatalf("waited a minute until %s:\n%s", what, p.log)
		case <-tick.C:
		}
	}
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// stop is Ctrl-C.
func (p *process) stop() {
	p.t.Helper()
	p.cmd.Process.Signal(os.Interrupt)
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("after Ctrl-C: %v\n%s", err, p.log)
	}
}

func get(t *testing.T, url string, header ...string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func customersFile(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "customers.csv")
	var b strings.Builder
	b.WriteString("id,email,name,locale,country\n")
	for i := range n {
		fmt.Fprintf(&b, "c%d,person%d@people.example,Wilhelmina Person%d,en,DE\n", i, i, i)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// exposed reads the ledger as `incident list` does, and returns everybody in an exposed set.
func affected(t *testing.T, data string, outcome candor.Outcome) map[string]bool {
	t.Helper()
	l, err := ledger.Open(t.Context(), filepath.Join(data, "ledger.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	list, err := l.Incidents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	owners := map[string]bool{}
	for _, i := range list {
		err := everyPerson(t.Context(), l, i.ID, func(p incident.Person) {
			if p.Outcome == outcome {
				owners[p.Owner] = true
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return owners
}

// SIGKILL at 30 random moments under traffic: everybody whose address reached a client is in the ledger after a restart, with what is sealed for
// them, and so is every action that was acknowledged; and all of the ledger is what the journal says when it is folded undisturbed.
// CANDOR_TEST_KILLS says how often; 30 is the default.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	const customers = 3000
	kills := 30
	if n, err := strconv.Atoi(os.Getenv("CANDOR_TEST_KILLS")); err == nil {
		kills = n
	} else if testing.Short() {
		kills = 10
	}
	var next atomic.Int64
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<h1>Signed in as person%d@people.example</h1>\n", next.Add(1)%customers)
	}))
	defer shop.Close()
	data, file := filepath.Join(t.TempDir(), "data"), customersFile(t, customers)
	var mu sync.Mutex
	arrived, done := map[string]bool{}, map[string]bool{} // people; actions
	seen := regexp.MustCompile(`person(\d+)@people\.example`)
	random := rand.New(rand.NewPCG(1, 50))
	for kill := range kills {
		p := serve(t, data, "--upstream", shop.URL, "--customers", file, "--mode", "observe")
		var clients sync.WaitGroup
		dead := make(chan struct{})
		act := func() {
			a := candor.Action{ID: candor.NewID(), Time: time.Now().UTC(), By: "anna", What: candor.Contained, Details: map[string]string{"site": "127.0.0.1", "route": "GET /", "mode": "observe"}}
			if _, err := ask(t.Context(), dataFlag{data}, "/action", candor.Entry{Actions: []candor.Action{a}}); err == nil {
				mu.Lock()
				done[a.ID] = true
				mu.Unlock()
			}
		}
		if kill%10 == 0 {
			act() // before the flood, so that some are acknowledged for certain
		}
		clients.Go(act)
		for range 4 {
			clients.Go(func() {
				client := &http.Client{Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				for {
					select {
					case <-dead:
						return
					default:
					}
					res, err := client.Get(p.site)
					if err != nil {
						continue
					}
					body, _ := io.ReadAll(res.Body) // what came before the kill came
					res.Body.Close()
					if m := seen.FindSubmatch(body); m != nil {
						mu.Lock()
						arrived["c"+string(m[1])] = true
						mu.Unlock()
					}
				}
			})
		}
		<-time.After(time.Duration(random.IntN(120)) * time.Millisecond)
		p.kill()
		close(dead)
		clients.Wait()
	}
	p := serve(t, data, "--upstream", shop.URL, "--customers", file, "--mode", "observe")
	p.stop() // folds what is in the journal
	exposed := affected(t, data, candor.Exposed)
	if len(arrived) < kills {
		t.Fatalf("only %d people's addresses arrived: that tests nothing", len(arrived))
	}
	for id := range arrived {
		if !exposed[id] {
			t.Errorf("%s was shown, and is not in the ledger", id)
		}
	}
	undisturbed := filepath.Join(t.TempDir(), "undisturbed.sqlite")
	p.must("ledger", "rebuild", undisturbed)
	got, want := dump(t, filepath.Join(data, "ledger.sqlite")), dump(t, undisturbed)
	if got != want {
		t.Errorf("folded while it was killed again and again the ledger is another: %s", firstDifference(got, want))
	}
	rows := map[string]int{} // by table, and by table and key
	for line := range strings.Lines(got) {
		words := strings.SplitN(line, " ", 4)
		rows[words[0]]++
		rows[strings.Join(words[:min(3, len(words))], " ")]++
		if m := actionID.FindStringSubmatch(line); m != nil {
			rows["action "+m[1]]++
		}
	}
	for id := range arrived {
		if rows[fmt.Sprintf("sealed owner=%q kind=\"email\"", id)] == 0 {
			t.Errorf("nothing is sealed for %s", id)
		}
	}
	if rows["audit"] < len(done) || len(done) == 0 || rows["evidence"] == 0 {
		t.Errorf("%d actions were acknowledged, %d are in the audit, beside evidence of %d responses", len(done), rows["audit"], rows["evidence"])
	}
	for id := range done {
		if rows["action "+id] == 0 {
			t.Errorf("action %s was acknowledged, and is not in the audit", id)
		}
	}
	t.Logf("%d kills: %d people shown, %d in the ledger; %d actions; %d rows as when undisturbed", kills, len(arrived), len(exposed), len(done), strings.Count(got, "\n"))
}

var actionID = regexp.MustCompile(`^audit .* id="([0-9a-f]{32})"`)

// dump is every row of a ledger.
func dump(t *testing.T, path string) string {
	t.Helper()
	l, err := ledger.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var b strings.Builder
	if err := l.Dump(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Nothing in the data folder, the logs, the metrics or the console's data holds a customer's address or name.
func TestNobodysDataOnDisk(t *testing.T) {
	const customers = 300
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Release", "person9@people.example")
		w.Header().Set("Location", "/?who=person8%40people.example")
		n := r.URL.Query().Get("n")
		fmt.Fprintf(w, `{"email":"person%s\u0040people.example","name":"Wilhelmina Person%s"}`, n, n)
	}))
	data, file := filepath.Join(t.TempDir(), "data"), customersFile(t, customers)
	p := serve(t, data, "--upstream", shop.URL, "--customers", file, "--mode", "mask", "--verbose", "--viewer", "header:X-Customer", "--viewer", "session:sid")
	for i := range customers {
		get(t, fmt.Sprintf("%s/u/person%d%%40people.example/x?n=%d&ref=person%d@people.example&name=Wilhelmina+Person%d", p.site, i/2, i, i/3, i), "X-Customer", fmt.Sprintf("person%d@people.example", i/5), "Cookie", "sid=person1@people.example", "Referer", "http://x.example/person2@people.example")
	}
	shop.Close()
	status, _ := get(t, p.site+"/u/person3@people.example") // upstream is down: the log must not say who was asked for
	if status != 502 {
		t.Errorf("status %d without a shop", status)
	}
	_, metrics := get(t, p.console+"/metrics")
	p.stop()
	if n := len(affected(t, data, candor.Prevented)); n < customers/2 {
		t.Fatalf("only %d people in the ledger: that tests nothing", n)
	}
	secret := regexp.MustCompile(`(?i)person\d+(@|%40|\\u0040)people|wilhelmina`)
	for name, text := range map[string]string{"log": p.log.String(), "metrics": metrics} {
		if m := secret.FindString(text); m != "" {
			t.Errorf("the %s holds %q", name, m)
		}
	}
	searchFolder(t, data, func(b []byte) string { return secret.FindString(string(b)) })
}

func searchFolder(t *testing.T, dir string, find func([]byte) string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if m := find(b); m != "" {
			t.Errorf("%s holds %q", path, m)
		}
		info, err := d.Info()
		if err == nil && strings.Contains(path, "keys") && !strings.HasSuffix(path, ".pub") && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil || files < 3 {
		t.Fatalf("searched %d files: %v", files, err)
	}
}

// The demo's counts come from the real path, and are those that the demo shop itself knows.
func TestDemoOnce(t *testing.T) {
	t.Parallel() // the shoppers take their time
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	var trouble bytes.Buffer
	cmd := exec.Command("candor", "demo", "--once", "--data", data, "--seed", "7")
	cmd.Stderr = &trouble
	out, err := cmd.Output()
	var s summary
	if e := json.Unmarshal(out, &s); err != nil || e != nil {
		t.Fatalf("%v, %v:\n%s%s", err, e, out, trouble.Bytes())
	}
	if !s.Agrees || s.Exposed == 0 || s.Prevented == 0 || s.LinkViews == 0 || len(s.Incidents) != 2 || s.Failures != 0 {
		t.Errorf("%s", out)
	}
	for _, i := range s.Incidents {
		if i.Site != demo.Site || i.Release != demo.Leaky {
			t.Errorf("%+v", i)
		}
	}
	shop := demo.NewShop(7, 3000)
	var file bytes.Buffer
	if err := shop.WriteCustomers(&file); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	searchFolder(t, data, func(b []byte) string {
		for _, row := range rows[1:] {
			if bytes.Contains(b, []byte(row[1])) || len(row[2]) > 8 && bytes.Contains(b, []byte(row[2])) {
				return row[0]
			}
		}
		return ""
	})
	var ids []string
	for _, i := range s.Incidents {
		ids = append(ids, i.ID)
	}
	searchPublic(t, data, ids, rows)
	if left, _ := filepath.Glob(filepath.Join(dir, "*.csv")); len(left) > 0 {
		t.Errorf("the customer file was left behind: %v", left)
	}
}

// Ctrl-C finishes what is open, and the next start goes on where it was: sessions, incidents, coverage.
func TestStopAndGoOn(t *testing.T) {
	slow := make(chan struct{})
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login":
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "a-long-random-session-0001"})
			http.Redirect(w, r, "/account", http.StatusSeeOther)
		case "/slow":
			w.(http.Flusher).Flush()
			<-slow
			fmt.Fprint(w, "the end")
		default:
			fmt.Fprint(w, "hello person1@people.example\n")
		}
	}))
	defer shop.Close()
	data, file := filepath.Join(t.TempDir(), "data"), customersFile(t, 10)
	args := []string{"--upstream", shop.URL, "--customers", file, "--viewer", "session:sid"}
	p := serve(t, data, args...)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Post(p.site+"/login", "application/x-www-form-urlencoded", strings.NewReader("email=person1@people.example&password=x"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	const cookie = "sid=a-long-random-session-0001"
	if _, body := get(t, p.site+"/account", "Cookie", cookie); !strings.Contains(body, "person1@") {
		t.Errorf("the owner sees %q", body)
	}
	if _, body := get(t, p.site+"/account"); strings.Contains(body, "person1@") {
		t.Errorf("a stranger sees %q", body)
	}
	ended := make(chan string)
	go func() {
		_, body := get(t, p.site+"/slow")
		ended <- body
	}()
	p.until("the slow request is on its way", func() bool {
		_, m := get(t, p.console+"/metrics")
		return strings.Contains(m, "candor_request_seconds_count 3")
	})
	p.cmd.Process.Signal(os.Interrupt)
	p.until("it drains", func() bool { return strings.Contains(p.log.String(), "stopping") })
	close(slow)
	if body := <-ended; body != "the end" {
		t.Errorf("the open request got %q", body)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}

	p = serve(t, data, args...)
	if _, body := get(t, p.site+"/account", "Cookie", cookie); !strings.Contains(body, "person1@") {
		t.Errorf("after a restart the owner sees %q", body)
	}
	out, err := exec.Command(p.cmd.Path, "incident", "list", "--json", "--data", data).Output()
	var list []incident.Incident
	if err != nil || json.Unmarshal(out, &list) != nil || len(list) != 1 || list[0].Prevented != 1 || list[0].Exposed != 0 {
		t.Errorf("%v: %s", err, out)
	}
	p.stop()
}

// The console's session does not reach the shop, where one name serves for both.
func TestConsoleCookieStays(t *testing.T) {
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("Cookie")) })
	for in, want := range map[string]string{"candor_console=SECRET": "", "a=1; candor_console=SECRET; b=2": "a=1; b=2", "a=1": "a=1"} {
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		r.Header.Set("Cookie", in)
		withoutConsoleCookie(shop).ServeHTTP(w, r)
		if w.Body.String() != want {
			t.Errorf("%q reached the shop as %q", in, w.Body)
		}
	}
}

func TestReadyAndRelease(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hi") }))
	defer shop.Close()
	data := filepath.Join(t.TempDir(), "data")
	p := serve(t, data, "--upstream", shop.URL, "--customers", customersFile(t, 3))
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := get(t, p.console+path); status != 200 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, args := range [][]string{{"release", "mark", "2018.11.20", "--data", data}, {"console", "--data", data}} {
		out, err := exec.Command(p.cmd.Path, args...).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v %s", args, err, out)
		}
	}
	p.stop()
	out, err := exec.Command(p.cmd.Path, "release", "mark", "2018.11.21", "--data", data).CombinedOutput()
	if err != nil {
		t.Errorf("while stopped: %v %s", err, out)
	}
	l, err := ledger.Open(context.Background(), filepath.Join(data, "ledger.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	releases, err := l.Releases(t.Context(), "")
	if err != nil || len(releases) != 1 || releases[0].Name != "2018.11.20" {
		t.Errorf("%v, %v", releases, err)
	}
}

// What is wrong with how it was started is said in a sentence, with what to do.
func TestServeRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := customersFile(t, 3)
	readOnly := filepath.Join(t.TempDir(), "file")
	os.WriteFile(readOnly, nil, 0o600)
	good := []string{"--upstream", "http://127.0.0.1:1", "--customers", file, "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0"}
	badTrip := filepath.Join(t.TempDir(), "candor.yaml")
	os.WriteFile(badTrip, []byte("trip: {count: 3}\n"), 0o600)
	for want, args := range map[string][]string{
		"count and within belong":       {"--config", badTrip},
		"--upstream is missing":         {"--upstream", ""},
		"this is no http or https URL":  {"--upstream", "127.0.0.1:3000"},
		"choose another with --listen":  {"--listen", taken.Addr().String()},
		"choose another with --console": {"--console", taken.Addr().String()},
		"choose another with --data":    {"--data", filepath.Join(readOnly, "data")},
		"no such file":                  {"--customers", "nowhere.csv"},
		"is a folder, not a CSV file":   {"--customers", t.TempDir()},
		"there is no such file":         {"--config", "nowhere.yaml"},
		"must be one of":                {"--mode", "sometimes"},
		"viewer[0]":                     {"--viewer", "telepathy:x"},
	} {
		self, _ := os.Executable()
		link := filepath.Join(t.TempDir(), "candor")
		os.Symlink(self, link)
		cmd := exec.Command(link, append(append([]string{"serve", "--data", filepath.Join(t.TempDir(), "data")}, good...), args...)...)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitTrouble || !strings.Contains(string(out), want) {
			t.Errorf("%v: %v\n%s\nwant status 2 and %q", args, err, out, want)
		}
	}
	p := serve(t, filepath.Join(t.TempDir(), "data"), "--upstream", "http://127.0.0.1:1", "--customers", file)
	second := exec.Command(p.cmd.Path, append([]string{"serve", "--data", p.data}, good...)...)
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), "another candor") {
		t.Errorf("two on one folder: %v %s", err, out)
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}

package report

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"candor.example/verify"
)

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// stranger runs the lines of docs/verify.md against a site.
func stranger(t *testing.T, url string) (output string, err error) {
	doc, err := os.ReadFile("../../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	script := "set -eu -o pipefail\n"
	for _, block := range shellBlock.FindAllStringSubmatch(string(doc), -1) {
		script += block[1]
	}
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "SITE="+url)
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// Who has curl, python3, sha256sum and Tessera's fsck, and not Candor, finds the same: docs/verify.md says how, and its lines are run here.
func TestStranger(t *testing.T) {
	for _, name := range []string{"bash", "curl", "python3", "sha256sum", "go"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not here", name)
		}
	}
	if out, err := exec.Command("go", "mod", "download", "github.com/transparency-dev/tessera@v1.0.4").CombinedOutput(); err != nil {
		t.Skipf("there is no Go module proxy: %s", out)
	}
	dir := sampleSiteOf(t, cosignedOptions(t)) // of the two signatures such tools know one
	site := httptest.NewServer(http.FileServerFS(os.DirFS(dir)))
	defer site.Close()
	if out, err := stranger(t, site.URL); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"inc-1/2/report.json", verify.CheckpointFile, "log/tile/entries/000.p/3"} {
		file := filepath.Join(dir, name)
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		changed, at := append([]byte{}, whole...), len(whole)/2
		if name == verify.CheckpointFile {
			at = strings.Index(string(whole), "\n\n") - 10 // in its root: the second signature is none that such tools know
		}
		changed[at] ^= 1
		if err := os.WriteFile(file, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := stranger(t, site.URL); err == nil {
			t.Errorf("%s was changed, and the lines of docs/verify.md do not see it:\n%s", name, out)
		}
		if err := os.WriteFile(file, whole, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The lines that stand on the pages say the same of each revision and of the log, and whether somebody changed either.
func TestCommandsOfPages(t *testing.T) {
	for _, name := range []string{"bash", "curl", "grep", "go"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not here", name)
		}
	}
	if out, err := exec.Command("go", "mod", "download", "github.com/transparency-dev/tessera@v1.0.4").CombinedOutput(); err != nil {
		t.Skipf("there is no Go module proxy: %s", out)
	}
	dir, _ := sampleSite(t)
	site := httptest.NewServer(http.FileServerFS(os.DirFS(dir)))
	defer site.Close()
	revisions := verified(t, os.DirFS(dir)).Revisions
	run := func(lines ...string) string {
		cmd := exec.Command("bash", "-c", strings.ReplaceAll(strings.Join(lines, "\n"), "URL", site.URL))
		cmd.Dir = t.TempDir()
		out, _ := cmd.CombinedOutput()
		return strings.TrimSpace(string(out))
	}
	wrong := regexp.MustCompile("(?i)fail|invalid")
	for _, r := range revisions {
		v := &view{r: *r.Report, revisions: []Published{{Report: *r.Report, Hash: r.Manifest.Report}}}
		lines := v.Commands()
		if got := run(lines[2]); got != "1" {
			t.Errorf("entry %d: %q by %s", r.Index, got, lines[2])
		}
		if got := run(strings.Replace(lines[2], r.Manifest.Report[:8], "00000000", 1)); got != "0" {
			t.Errorf("another report than that of entry %d: %q", r.Index, got)
		}
	}
	if out := run(logCommands()...); wrong.MatchString(out) {
		t.Errorf("%s", out)
	}
	file := filepath.Join(dir, "log/tile/entries/000.p/3")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if out := run(logCommands()...); !wrong.MatchString(out) {
		t.Errorf("an entry was changed, and nobody says so: %s", out)
	}
}

// The same over HTTP, and a server that is hostile.
func TestVerifyURL(t *testing.T) {
	dir, o := sampleSite(t)
	look := func(h http.Handler) verify.Result {
		site := httptest.NewServer(h)
		defer site.Close()
		r, err := verify.URL(t.Context(), site.URL, verify.Options{Keys: keysOf(t, o), Now: logTime})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	files := http.FileServerFS(os.DirFS(dir))
	if r := look(files); !r.OK() || r.Size != 3 {
		t.Fatalf("%v %s", r.Findings(), r.NotDone())
	}
	elsewhere := httptest.NewServer(files)
	defer elsewhere.Close()
	if r := look(http.RedirectHandler(elsewhere.URL+"/key.txt", http.StatusFound)); r.OK() || !strings.Contains(r.NotDone(), "another host") {
		t.Errorf("it followed a redirect to another host: %v %s", r.Findings(), r.NotDone())
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		for range 100 << 10 {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"key.txt": endless, verify.CheckpointFile: endless, "inc-1/1/report.json": endless, "inc-1/1/" + verify.ProofFile: endless,
		"index.html":               func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"log/tile/entries/000.p/3": func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
	} {
		mux := http.NewServeMux()
		mux.Handle("/", files)
		mux.HandleFunc("/"+name, h)
		if r := look(mux); r.OK() {
			t.Errorf("%s: it is not what it should be, and nobody says so", name)
		}
	}
	for _, bad := range []string{"", "shop.example", "file:///etc", "https://user@shop.example/", "https://shop.example/?q"} {
		if _, err := verify.URL(t.Context(), bad, verify.Options{}); err == nil {
			t.Errorf("%q is taken as a URL", bad)
		}
	}
}

// A log that grows while it is looked at is looked at again.
func TestVerifyWhileItGrows(t *testing.T) {
	dir, o := sampleSite(t)
	before := inMemory(t, dir)
	l, err := OpenLog(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	publishSample(t, l, "inc-1", 20)
	after, grown := inMemory(t, dir), false
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if grown = grown || strings.HasPrefix(r.URL.Path, "/inc-1/1/"); grown {
			http.FileServerFS(after).ServeHTTP(w, r)
			return
		}
		http.FileServerFS(before).ServeHTTP(w, r)
	}))
	defer site.Close()
	r, err := verify.URL(t.Context(), site.URL, verify.Options{Now: logTime})
	if err != nil || !r.OK() || r.Size != 4 {
		t.Errorf("%v %v %d", err, r.Findings(), r.Size)
	}
}

// A checkpoint that a witness signed shows it; without the witness nothing becomes public, and it does once the witness is there.
func TestWitness(t *testing.T) {
	o := newLogOptions(t)
	w := newTestWitness(t, o.Keys[0])
	server := httptest.NewServer(w)
	defer server.Close()
	o.Witnesses = []Witness{{Key: w.vkey, URL: server.URL}}
	dir := t.TempDir()
	l, err := OpenLog(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	publishSample(t, l, "inc-1", 12)
	publishSample(t, l, "inc-1", 13)
	r := verified(t, os.DirFS(dir))
	if !r.OK() || !strings.Contains(r.Checks[1].What, "witness.example/w1") {
		t.Fatalf("%v %+v", r.Findings(), r.Checks)
	}
	w.refuse(true)
	report, err := verify.EncodeReport(sampleReport(l, "inc-1", 14))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Publish(t.Context(), report, nil); err == nil || !strings.Contains(err.Error(), "--resume") {
		t.Fatalf("published without its witness: %v", err)
	}
	l.Close()
	if r := verified(t, os.DirFS(dir)); !r.OK() || r.Size != 2 {
		t.Errorf("what was published before: %v %d", r.Findings(), r.Size)
	}
	w.refuse(false)
	if l, err = OpenLog(t.Context(), dir, o); err != nil || l.Next() != 3 {
		t.Fatalf("it is not completed: %v", err)
	}
	l.Close()
	site := inMemory(t, dir)
	checkpoint := string(site[verify.CheckpointFile].Data)
	at := strings.LastIndex(checkpoint, "— ")
	b64 := []byte(checkpoint[at:])
	sig, _ := base64.StdEncoding.DecodeString(strings.Fields(checkpoint[at:])[2])
	sig[20] ^= 1
	b64 = append(b64[:strings.LastIndexByte(string(b64), ' ')+1], base64.StdEncoding.EncodeToString(sig)+"\n"...)
	if r := verified(t, with(site, verify.CheckpointFile, []byte(checkpoint[:at]+string(b64)))); !names(r, verify.CheckpointFile) {
		t.Error("a cosignature that does not fit")
	}
}

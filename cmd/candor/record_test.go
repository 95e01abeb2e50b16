package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"candor.example/internal/ledger"
)

// captures writes a folder of HARs in which people open others' pages now and then, and one of them an export of everybody.
func captures(t *testing.T, customers, exchanges int) string {
	t.Helper()
	dir, random := t.TempDir(), rand.New(rand.NewPCG(3, 4))
	for f := range 4 {
		var entries []string
		for i := range exchanges {
			viewer := random.IntN(customers)
			owner := viewer
			if random.IntN(5) == 0 {
				owner = random.IntN(customers)
			}
			entries = append(entries, fmt.Sprintf(`{"startedDateTime":"2018-11-20T1%d:%02d:%02d.000Z","request":{"method":"GET","url":"http://shop.example/account/%d","headers":[{"name":"X-Customer","value":"c%d"}]},
"response":{"status":200,"headers":[{"name":"Content-Type","value":"text/html"},{"name":"Cache-Control","value":"public, max-age=60"}],"content":{"text":"<dd>person%d@people.example</dd>"}}}`, f, i/60%60, i%60, owner, viewer, owner))
		}
		if f == 2 {
			var all strings.Builder
			for c := range customers {
				fmt.Fprintf(&all, "person%d@people.example\\n", c)
			}
			entries = append(entries, fmt.Sprintf(`{"startedDateTime":"2018-11-20T15:00:00.000Z","request":{"method":"GET","url":"http://shop.example/export","headers":[]},"response":{"status":200,"headers":[],"content":{"text":"%s"}}}`, all.String()))
		}
		har := `{"log":{"version":"1.2","entries":[` + strings.Join(entries, ",") + `]}}`
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.har", f)), []byte(har), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// recorded is all that a ledger holds, but for what a restart changes: blobs that only the notifier can open are random.
func recorded(t *testing.T, data string) string {
	t.Helper()
	l, err := ledger.Open(t.Context(), filepath.Join(data, "ledger.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var b bytes.Buffer
	if err := l.Dump(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.SplitSeq(b.String(), "\n") {
		switch table, _, _ := strings.Cut(line, " "); table {
		case "sealed":
			line, _, _ = strings.Cut(line, " blob=")
		case "latent", "latent_route":
			line, _, _ = strings.Cut(line, " last=") // a guard tells of each person once, and of some again when it starts anew
		}
		if !strings.HasPrefix(line, "applied ") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// recording is `candor scan --record` of a folder, in a process of its own.
func recording(data, captures string) *exec.Cmd {
	return exec.Command("candor", "scan", "--record", "--viewer", "header:X-Customer", "--data", data, captures)
}

// TestRecordKilled: a scan that is killed at random moments, and goes on, leaves the same account as one that was not, whose captures may then
// be read again under other names.
func TestRecordKilled(t *testing.T) {
	t.Parallel()
	const customers = 1300 // more than fit into two entries
	folder := captures(t, customers, 250)
	calm, killed := filepath.Join(t.TempDir(), "calm"), filepath.Join(t.TempDir(), "killed")
	build := exec.Command("candor", "directory", "build", "--customers", customersFile(t, customers), "--data", calm)
	for _, cmd := range []*exec.Cmd{build, exec.Command("candor", "keys", "init", "--data", calm)} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if err := os.CopyFS(killed, os.DirFS(calm)); err != nil { // the same keys: digests must be comparable
		t.Fatal(err)
	}
	privateAgain(t, killed)
	if out, err := recording(calm, folder).CombinedOutput(); exitCode(err) != exitFound {
		t.Fatalf("%v\n%s", err, out)
	}
	random, kills := rand.New(rand.NewPCG(5, 6)), 0
	for {
		cmd := recording(killed, folder)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(random.IntN(300+300*kills))*time.Millisecond, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		kill.Stop()
		if code := exitCode(err); code == exitFound || code == exitClean {
			break
		}
		if kills++; kills > 200 {
			t.Fatal("it never ends")
		}
	}
	if got, want := recorded(t, killed), recorded(t, calm); got != want {
		t.Errorf("after %d kills the account is another:\n%s", kills, firstDifference(got, want))
	}
	again := t.TempDir()
	if err := os.CopyFS(filepath.Join(again, "copy"), os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	before := recorded(t, calm)
	out, err := recording(calm, again).CombinedOutput()
	if code := exitCode(err); code != exitClean || !strings.Contains(string(out), "4 of 4 captures are on record already") {
		t.Errorf("read again: %d\n%s", code, out)
	}
	if recorded(t, calm) != before {
		t.Error("captures that were read again changed the account")
	}
	t.Logf("%d kills", kills)
}

// TestRecordLargeExport: one exchange of a capture shows 20,000 customers, and each is in the ledger once.
func TestRecordLargeExport(t *testing.T) {
	t.Parallel()
	const customers = 20_000
	data, har := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "export.har")
	var all strings.Builder
	for range 2 { // each twice
		for c := range customers {
			fmt.Fprintf(&all, "person%d@people.example\\n", c)
		}
	}
	text := `{"log":{"version":"1.2","entries":[{"startedDateTime":"2018-11-20T15:00:00.000Z","request":{"method":"GET","url":"http://shop.example/export","headers":[]},"response":{"status":200,"headers":[],"content":{"text":"` + all.String() + `"}}}]}}`
	if err := os.WriteFile(har, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("candor", "directory", "build", "--customers", customersFile(t, customers), "--data", data)
	for _, cmd := range []*exec.Cmd{build, exec.Command("candor", "keys", "init", "--post-quantum", "--data", data)} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if out, err := recording(data, har).CombinedOutput(); exitCode(err) != exitFound {
		t.Fatalf("%v\n%s", err, out)
	}
	people, sealed := map[string]int{}, map[string]int{}
	for line := range strings.SplitSeq(recorded(t, data), "\n") {
		switch table, rest, _ := strings.Cut(line, " "); table {
		case "affected":
			people[rest]++
			if !strings.Contains(rest, " count=1 ") {
				t.Fatal(line)
			}
		case "sealed":
			sealed[rest]++
		}
	}
	if len(people) != customers || len(sealed) != 2*customers {
		t.Errorf("%d people, %d sealed", len(people), len(sealed))
	}
}

// privateAgain gives copied keys the mode that is asked of them.
func privateAgain(t *testing.T, data string) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(data, "keys", "*"))
	for _, f := range list {
		if err == nil {
			err = os.Chmod(f, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.ExitCode()
	}
	return -1
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return " got " + g[i] + "\nwant " + w[i]
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

package report

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"candor.example/verify"
)

// A publisher that is killed (kill -9) at any moment leaves a folder that verifies, and the next one completes what it began: nothing that was in the log
// before is gone. CANDOR_KILLS says how often; CI does it 15 times.
func TestKilledPublishing(t *testing.T) {
	kills := 15
	if n, err := strconv.Atoi(os.Getenv("CANDOR_KILLS")); err == nil {
		kills = n
	}
	dir := filepath.Join(t.TempDir(), "public")
	secret, public, err := note.GenerateKey(nil, "shop.example/candor")
	if err != nil {
		t.Fatal(err)
	}
	var seen []verify.Seen
	var staged, unfinished int
	for n := range kills {
		killPublisher(t, dir, secret, public, n%3 > 0)
		if _, err := os.Stat(filepath.Join(dir, verify.KeyFile)); err != nil {
			continue // nothing is published yet
		}
		r := verify.Folder(os.DirFS(dir), verify.Options{Seen: seen, Now: time.Now()})
		if !r.OK() {
			t.Fatalf("kill %d: %v %s", n, r.Findings(), r.NotDone())
		}
		if r.Seen.Checkpoint != "" {
			seen = []verify.Seen{r.Seen}
		}
		if r.Unfinished != "" {
			unfinished++
		}
		if _, err := os.Stat(filepath.Join(dir, work, "next")); err == nil {
			staged++
		}
	}
	o := publisherOptions(t, secret, public)
	o.Seen = seen
	l, err := OpenLog(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	publishSample(t, l, "inc-1", 12)
	if r := verify.Folder(os.DirFS(dir), verify.Options{Seen: seen, Now: time.Now()}); !r.OK() || r.Unfinished != "" {
		t.Fatalf("in the end: %v %s", r.Findings(), r.NotDone())
	}
	t.Logf("%d kills, %d of them while something was being published, of which %d could be seen; %d entries", kills, staged, unfinished, l.Next())
}

// killPublisher starts one, and kills it up to a third of a second later, or only after it has completed what the one before began.
func killPublisher(t *testing.T, dir, secret, public string, later bool) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestPublisher$")
	cmd.Env = append(os.Environ(), "CANDOR_TEST_PUBLISHER="+dir, "CANDOR_TEST_SECRET="+secret, "CANDOR_TEST_PUBLIC="+public)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(out)
	line, _ := said.ReadString('\n')
	if later {
		line, _ = said.ReadString('\n')
	}
	if line == "" {
		t.Fatal("the publisher failed")
	}
	time.Sleep(rand.N(350 * time.Millisecond)) // the moment of the kill
	cmd.Process.Kill()
	cmd.Wait()
}

func publisherOptions(t *testing.T, secret, public string) LogOptions {
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return LogOptions{Signer: signer, Keys: []string{public}, Now: time.Now}
}

// TestPublisher is the process that is killed: it publishes without end.
func TestPublisher(t *testing.T) {
	dir := os.Getenv("CANDOR_TEST_PUBLISHER")
	if dir == "" {
		t.Skip("TestKilledPublishing runs it")
	}
	fmt.Println("started")
	l, err := OpenLog(t.Context(), dir, publisherOptions(t, os.Getenv("CANDOR_TEST_SECRET"), os.Getenv("CANDOR_TEST_PUBLIC")))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Println("open")
	for n := 0; ; n++ {
		publishSample(t, l, fmt.Sprintf("inc-%d", n%5), 12)
	}
}

// What verify sees after each single step of a publication, in the order in which Log takes them.
func TestEveryStep(t *testing.T) {
	dir, o := sampleSite(t)
	before := inMemory(t, dir)
	seen := verified(t, before).Seen
	l, err := OpenLog(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	receipt := publishSample(t, l, "inc-2", 7)
	after := inMemory(t, dir)
	statement, err := note.Sign(&note.Note{Text: verify.Publishing{Origin: l.Origin(), Index: receipt.Index, Since: logTime}.Text()}, o.Signer)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"inc-2/2/" + verify.ProofFile: nil}
	for _, name := range receipt.Files {
		files[name] = nil
	}
	order := append(append(verify.TilePaths(receipt.Index+1), verify.CheckpointFile), inOrder(files)...)
	site := with(before, verify.PublishingFile, statement)
	for n, name := range order {
		if r := verified(t, site, seen); !r.OK() || r.Unfinished == "" {
			t.Errorf("before step %d, %s: %v", n, name, r.Findings())
		}
		site = with(site, name, after[name].Data)
	}
	if r := verified(t, with(site, verify.PublishingFile, nil), seen); !r.OK() || r.Unfinished != "" {
		t.Errorf("at the end: %v", r.Findings())
	}
}

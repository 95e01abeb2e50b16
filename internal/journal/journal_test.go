package journal

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"candor.example"
)

func open(t testing.TB, dir string) *Journal {
	t.Helper()
	j, err := Open(context.Background(), Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func disclosure(n int) candor.Disclosure {
	return candor.Disclosure{ID: fmt.Sprint("id", n), Owner: strconv.Itoa(n), Time: time.Unix(int64(n), 0).UTC(), Class: candor.Disclosed}
}

func entry(d candor.Disclosure) candor.Entry {
	return candor.Entry{Disclosures: []candor.Disclosure{d}}
}

// consume reads all entries behind after, until the last.
func consume(t *testing.T, j *Journal, after uint64) (entries []candor.Entry) {
	t.Helper()
	last, err := j.LastSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if last <= after {
		return nil
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	err = j.Consume(ctx, after, func(_ context.Context, batch []candor.Entry) error {
		entries = append(entries, batch...)
		if batch[len(batch)-1].Seq >= last {
			stop()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return entries
}

func TestOrderAndReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j := open(t, dir)
	ctx := t.Context()
	for n := range 20 {
		if err := j.Record(ctx, entry(disclosure(n))); err != nil {
			t.Fatal(err)
		}
	}
	j.Record(ctx, candor.Entry{Coverage: []candor.Coverage{{Site: "shop.example", Responses: 3}}})
	j.Release(ctx, candor.Release{Name: "v1"})
	j.Record(ctx, entry(disclosure(3))) // the same once more
	j.Close()
	j = open(t, dir)
	entries := consume(t, j, 0)
	if len(entries) != 22 || entries[20].Coverage[0].Responses != 3 || entries[21].Releases[0].Name != "v1" {
		t.Fatalf("%+v", entries)
	}
	for n := range 20 {
		if e := entries[n]; e.Seq != uint64(n+1) || !reflect.DeepEqual(e.Disclosures[0], disclosure(n)) {
			t.Errorf("%+v", e)
		}
	}
	if rest := consume(t, j, 15); len(rest) != 7 || rest[0].Seq != 16 {
		t.Errorf("behind 15: %+v", rest)
	}
}

// A journal is the same one when it is opened again or its folder has moved, and no other is.
func TestID(t *testing.T) {
	dir := t.TempDir()
	j, other := open(t, filepath.Join(dir, "a")), open(t, filepath.Join(dir, "b"))
	id := j.ID()
	if id == "" || id == other.ID() {
		t.Errorf("%q, %q", id, other.ID())
	}
	j.Close()
	if err := os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "c")); err != nil {
		t.Fatal(err)
	}
	if again := open(t, filepath.Join(dir, "c")).ID(); again != id {
		t.Errorf("%q was %q", again, id)
	}
}

// A fold gets as many entries as are there, up to the limits in number and in octets.
func TestFoldsAreBounded(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal"))
	long := strings.Repeat("x", 700<<10)
	for n := range 2*foldBytes/len(long) + 2 {
		if err := j.Record(t.Context(), candor.Entry{Coverage: []candor.Coverage{{Site: "shop.example", Route: long, Responses: int64(n)}}}); err != nil {
			t.Fatal(err)
		}
	}
	small, err := json.Marshal(candor.Entry{Coverage: []candor.Coverage{{Site: "shop.example"}}})
	if err != nil {
		t.Fatal(err)
	}
	for range foldBatch + 1 {
		if _, err := j.js.PublishAsync(subject, small); err != nil {
			t.Fatal(err)
		}
	}
	<-j.js.PublishAsyncComplete()
	last, err := j.LastSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	seen, most := 0, 0
	err = j.Consume(ctx, 0, func(_ context.Context, batch []candor.Entry) error {
		octets := 0
		for _, e := range batch[:len(batch)-1] {
			octets += len(e.Coverage[0].Route)
		}
		if len(batch) > foldBatch || octets >= foldBytes {
			t.Errorf("%d entries, %d octets before the last", len(batch), octets)
		}
		if seen, most = seen+len(batch), max(most, len(batch)); batch[len(batch)-1].Seq == last {
			stop()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || seen != int(last) || most < 2 {
		t.Errorf("%d of %d, at most %d at a time: %v", seen, last, most, err)
	}
}

func TestBatchIsSplit(t *testing.T) {
	j := open(t, t.TempDir())
	var ds []candor.Disclosure
	for n := range maxBatch + 1 {
		ds = append(ds, disclosure(n))
	}
	if err := j.Record(t.Context(), candor.Entry{Disclosures: ds, Responses: []candor.Response{{ID: "r"}}, Sealed: []candor.Sealed{{Owner: "1"}}}); err != nil {
		t.Fatal(err)
	}
	if e := consume(t, j, 0); len(e) != 2 || len(e[0].Disclosures) != maxBatch || len(e[1].Disclosures) != 1 ||
		len(e[0].Responses) != 1 || len(e[0].Sealed) != 1 || len(e[1].Responses)+len(e[1].Sealed) != 0 {
		t.Errorf("%d entries", len(e))
	}
}

// However much is sealed, and however many responses there are, each message is small enough, and nothing is lost or in two of them.
func TestLargeEntryIsCut(t *testing.T) {
	j := open(t, t.TempDir())
	var e candor.Entry
	for n := range 6000 {
		d := disclosure(n)
		d.Response, d.URL = fmt.Sprint("r", n/100), strings.Repeat("/&", 200)
		e.Disclosures = append(e.Disclosures, d)
		for _, kind := range []string{"email", "context"} {
			e.Sealed = append(e.Sealed, candor.Sealed{Owner: d.Owner, Kind: kind, Blob: make([]byte, 1300)})
		}
		if n%100 == 0 {
			e.Responses = append(e.Responses, candor.Response{ID: d.Response, URL: strings.Repeat("/&", 4000)})
		}
	}
	e.Coverage = []candor.Coverage{{Site: "shop.example"}}
	if err := j.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	var got candor.Entry
	for _, m := range consume(t, j, 0) {
		if len(got.Disclosures) > 0 && len(m.Sealed) > 0 {
			t.Error("disclosures before what is sealed of them")
		}
		got.Coverage = append(got.Coverage, m.Coverage...)
		add(&got, m)
		seen := map[string]bool{}
		for _, d := range m.Disclosures {
			seen[d.Response] = true
		}
		for _, r := range m.Responses {
			if !seen[r.ID] || got.Disclosures[len(got.Disclosures)-1].Response < r.ID && len(r.ID) == len(got.Disclosures[len(got.Disclosures)-1].Response) {
				t.Errorf("response %s is not with its last disclosure", r.ID)
			}
		}
	}
	if !reflect.DeepEqual(got, e) {
		t.Errorf("%d disclosures, %d responses, %d sealed, %d coverage", len(got.Disclosures), len(got.Responses), len(got.Sealed), len(got.Coverage))
	}
}

// Of a capture's entry only what is sealed comes apart, and before the rest.
func TestCaptureIsCut(t *testing.T) {
	e := candor.Entry{Sealed: make([]candor.Sealed, 1500), Capture: &candor.Capture{To: 1}}
	for n := range 500 {
		e.Disclosures = append(e.Disclosures, disclosure(n))
	}
	for i := range e.Sealed {
		e.Sealed[i].Blob = make([]byte, 1300)
	}
	list := Cut(e)
	last := list[len(list)-1]
	if len(list) < 2 || last.Capture == nil || len(last.Disclosures) != 500 {
		t.Errorf("%d entries, the last %+v", len(list), last.Capture)
	}
	n := len(last.Sealed)
	for _, m := range list[:len(list)-1] {
		n += len(m.Sealed)
		if m.Capture != nil || len(m.Disclosures) > 0 {
			t.Errorf("%+v", m.Capture)
		}
	}
	if n != 1500 {
		t.Errorf("%d sealed", n)
	}
}

// What was noted is written before the journal is closed, in few messages; a note on a closed journal is lost, and does not panic.
func TestNotes(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	for n := range 3 * maxNoted {
		j.Note(candor.Entry{Responses: []candor.Response{{ID: fmt.Sprint(n)}}})
		if n == 0 || n == maxNoted+1 {
			if err := j.Noted(t.Context()); err != nil {
				t.Fatal(err)
			}
			if seen := responses(consume(t, j, 0)); len(seen) != n+1 {
				t.Errorf("%d of %d", len(seen), n+1)
			}
		}
	}
	j.Note(entry(disclosure(1)))
	j.Close()
	j.Note(candor.Entry{Responses: []candor.Response{{ID: "late"}}})
	if err := j.Noted(t.Context()); err != errClosed {
		t.Error(err)
	}
	entries := consume(t, open(t, dir), 0)
	seen := responses(entries)
	last := entries[len(entries)-1]
	if len(seen) != 3*maxNoted || len(entries) > 3*maxNoted/2 || len(last.Disclosures) != 1 {
		t.Errorf("%d responses in %d entries, then %+v", len(seen), len(entries), last.Disclosures)
	}
	for n, id := range seen {
		if id != fmt.Sprint(n) {
			t.Fatalf("%d is %s", n, id)
		}
	}
}

func responses(entries []candor.Entry) (ids []string) {
	for _, e := range entries {
		for _, r := range e.Responses {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// One note too many is dropped, and nobody waits.
func TestTooManyNotes(t *testing.T) {
	j := &Journal{log: slog.New(slog.DiscardHandler)}
	j.notes.queue = make(chan note, maxNotes)
	for range maxNotes + 1 {
		j.Note(candor.Entry{})
	}
	if n := len(j.notes.queue); n != maxNotes {
		t.Errorf("%d wait", n)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := j.Noted(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestConcurrent(t *testing.T) {
	j := open(t, t.TempDir())
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for n := range 100 {
				if err := j.Record(t.Context(), entry(disclosure(w*100+n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	seen := map[string]bool{}
	for _, e := range consume(t, j, 0) {
		for _, d := range e.Disclosures {
			seen[d.Owner] = true
		}
	}
	if len(seen) != 800 {
		t.Errorf("%d of 800", len(seen))
	}
}

func TestFoldIsTriedAgain(t *testing.T) {
	j := open(t, t.TempDir())
	j.Record(t.Context(), entry(disclosure(1)))
	ctx, stop := context.WithCancel(t.Context())
	tries := 0
	j.Consume(ctx, 0, func(context.Context, []candor.Entry) error {
		if tries++; tries < 3 {
			return errors.New("the database is away")
		}
		stop()
		return nil
	})
	if tries != 3 {
		t.Errorf("%d tries", tries)
	}
}

func TestSessions(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	j.SaveSession("aa", "1001")
	j.SaveSession("bb", "1002")
	j.SaveSession("aa", "1003")
	j.SaveSession("bb", "")
	<-j.js.PublishAsyncComplete()
	j.Close()
	got := map[string]string{}
	if err := open(t, dir).LoadSessions(t.Context(), func(c, who string) { got[c] = who }); err != nil || fmt.Sprint(got) != "map[aa:1003]" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if _, err := Open(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("another candor (process %d)", os.Getpid())) {
		t.Errorf("twice: %v", err)
	}
	file := filepath.Join(dir, "file")
	os.WriteFile(file, nil, 0o600)
	if _, err := Open(t.Context(), Options{Dir: filepath.Join(file, "journal")}); err == nil || !strings.Contains(err.Error(), "cannot make the folder") {
		t.Errorf("in a file: %v", err)
	}
}

// On a full disk Record fails in time and says why; when there is room again it works.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m", "none", dir).CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" && os.Getuid() == 0 && !strings.Contains(string(out), "permission denied") {
			t.Fatalf("mount: %v: %s", err, out)
		}
		t.Skipf("needs root to mount a small tmpfs: %s", out)
	}
	defer exec.Command("umount", "-l", dir).Run()
	j := open(t, dir)
	if err := j.Record(t.Context(), entry(disclosure(0))); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	f, _ := os.Create(filler)
	io.Copy(f, zeros{})
	f.Close()
	start := time.Now()
	var err error
	stored := 1
	for n := 1; n < 200 && err == nil; n++ {
		if err = j.Record(t.Context(), entry(disclosure(n))); err == nil {
			stored++
		}
	}
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "disk is full") || time.Since(start) > 30*time.Second {
		t.Errorf("after %s: %v", time.Since(start), err)
	}
	os.Remove(filler)
	j.Close()
	j = open(t, dir)
	if err := j.Record(t.Context(), entry(disclosure(1000))); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if n := len(consume(t, j, 0)); n < stored+1 {
		t.Errorf("%d entries, %d were acknowledged", n, stored+1)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A child is killed at random moments; everything that it was told is recorded is there.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	said := map[string]bool{}
	for round := range 10 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
		cmd.Env = append(os.Environ(), "CANDOR_JOURNAL_CHILD="+dir, fmt.Sprint("CANDOR_JOURNAL_FROM=", round*1_000_000))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for s := bufio.NewScanner(out); s.Scan(); {
			if id, ok := strings.CutPrefix(s.Text(), "recorded "); ok {
				said[id] = true
				if n++; n == 1+37*round {
					cmd.Process.Kill()
				}
			}
		}
		cmd.Wait()
	}
	got := map[string]bool{}
	for _, e := range consume(t, open(t, dir), 0) {
		got[e.Disclosures[0].Owner] = true
	}
	for id := range said {
		if !got[id] {
			t.Errorf("%s was recorded, and is gone", id)
		}
	}
	if len(said) < 100 {
		t.Errorf("only %d were recorded: that tests nothing", len(said))
	}
}

// TestChild is the process that TestKilled kills.
func TestChild(t *testing.T) {
	dir := os.Getenv("CANDOR_JOURNAL_CHILD")
	if dir == "" {
		return
	}
	from, _ := strconv.Atoi(os.Getenv("CANDOR_JOURNAL_FROM"))
	j := open(t, dir)
	for n := from; ; n++ {
		if err := j.Record(t.Context(), entry(disclosure(n))); err != nil {
			t.Fatal(err)
		}
		fmt.Println("recorded", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	j := open(b, b.TempDir())
	for n := 0; b.Loop(); n++ {
		if err := j.Record(b.Context(), entry(disclosure(n))); err != nil {
			b.Fatal(err)
		}
	}
}

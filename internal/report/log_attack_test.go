package report

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"candor.example/verify"
)

// inMemory reads what is published.
func inMemory(t testing.TB, dir string) fstest.MapFS {
	site := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == work {
			return fs.SkipDir
		}
		if !d.IsDir() {
			b, err := os.ReadFile(dir + "/" + name)
			site[name] = &fstest.MapFile{Data: b, Mode: 0o644}
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return site
}

// with is a site with one file otherwise; nil: without it.
func with(site fstest.MapFS, name string, b []byte) fstest.MapFS {
	other := maps.Clone(site)
	other[name] = &fstest.MapFile{Data: b, Mode: 0o644}
	if b == nil {
		delete(other, name)
	}
	return other
}

// names: does a finding name the file? Of a bundle that is wrong in itself, or of tiles, the finding is about the entries.
func names(r verify.Result, file string) bool {
	return slices.ContainsFunc(r.Findings(), func(f verify.Finding) bool { return f.File == file })
}

// Each byte of each published file counts, and with CANDOR_EVERY_BYTE=1 each is changed: 1.8 ms of processor for each, two thirds of it to read the reports again, which the
// verifier does whatever was changed. Otherwise a fourth of those in files that are believed for what they say, and three bytes of each whose hash is in the log.
// Files are also cut off and lengthened.
func TestEveryByte(t *testing.T) {
	dir, _ := sampleSite(t)
	site := inMemory(t, dir)
	r := verified(t, site)
	hashed := map[string]bool{}
	for _, v := range r.Revisions {
		for name := range v.Manifest.Files {
			hashed[name] = true
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	n := 0
	for _, name := range slices.Sorted(maps.Keys(site)) {
		whole, step := site[name].Data, 4
		if hashed[name] {
			step = max(1, len(whole)/3)
		}
		if os.Getenv("CANDOR_EVERY_BYTE") != "" {
			step = 1
		}
		for at := 0; at < len(whole); at += step {
			b := bytes.Clone(whole)
			b[at] ^= byte(1 + random.IntN(255))
			mutations := [][]byte{b}
			if at%(10*step) == 0 {
				mutations = append(mutations, append([]byte{}, whole[:at]...), append(bytes.Clone(whole), b[at:]...))
			}
			for _, m := range mutations {
				n++
				if r := verified(t, with(site, name, m), r.Seen); !names(r, name) {
					t.Fatalf("%s with byte %d of %d changed: %v", name, at, len(whole), r.Findings())
				}
			}
		}
	}
	t.Logf("%d changes of %d files, each found and named", n, len(site))
}

// A thousand random changes of the folder are each found, and a file that was changed is named: of a log that is signed by one key, and of one that is signed by two.
func TestRandomMutations(t *testing.T) {
	for _, o := range []LogOptions{newLogOptions(t), cosignedOptions(t)} {
		site := inMemory(t, sampleSiteOf(t, o))
		seen := verified(t, site).Seen
		files := slices.Sorted(maps.Keys(site))
		random := rand.New(rand.NewPCG(3, 4))
		for n := 0; n < 1000; {
			kind, other, changed := mutateSite(random, site, files)
			if len(changed) == 0 {
				continue // nothing is otherwise: two files that are alike were swapped
			}
			n++
			if r := verified(t, other, seen); !slices.ContainsFunc(changed, func(name string) bool { return names(r, name) }) {
				t.Fatalf("mutation %d, %s of %v: %v", n, kind, changed, r.Findings())
			}
		}
	}
}

func mutateSite(random *rand.Rand, site fstest.MapFS, files []string) (kind string, other fstest.MapFS, changed []string) {
	name, second := files[random.IntN(len(files))], files[random.IntN(len(files))]
	whole := site[name].Data
	at := random.IntN(len(whole))
	b := bytes.Clone(whole)
	switch random.IntN(8) {
	case 0:
		return "deletion", with(site, name, nil), []string{name}
	case 1:
		return "truncation", with(site, name, b[:at:at]), []string{name}
	case 2:
		more := make([]byte, 1+random.IntN(100))
		for i := range more {
			more[i] = byte(random.IntN(256))
		}
		return "appended bytes", with(site, name, append(b, more...)), []string{name}
	case 3:
		if bytes.Equal(site[second].Data, whole) {
			return
		}
		return "swap", with(with(site, name, site[second].Data), second, whole), []string{name, second}
	case 4:
		b[at] ^= 1 << random.IntN(8)
		return "bit", with(site, name, b), []string{name}
	case 5:
		added := path.Join(path.Dir(name), fmt.Sprintf("new-%d.html", at))
		return "new file", with(site, added, b), []string{added}
	case 6:
		to := random.IntN(len(whole))
		if b[at], b[to] = b[to], b[at]; bytes.Equal(b, whole) {
			return
		}
		return "two bytes swapped", with(site, name, b), []string{name}
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	if shuffled := bytes.Join(lines, nil); !bytes.Equal(shuffled, whole) {
		return "lines reordered", with(site, name, shuffled), []string{name}
	}
	return
}

// Whoever holds a key can sign anything. What they cannot is to undo what somebody saw.
func TestForgedLogs(t *testing.T) {
	dir, o := sampleSite(t)
	site := inMemory(t, dir)
	seen := verified(t, site).Seen
	entries := entriesOf(t, site)
	stranger := newLogOptions(t)
	for _, attack := range []struct {
		name string
		site fstest.MapFS
		at   string // the file that is named
	}{
		{"signed with another key", forge(t, site, entries, stranger), verify.CheckpointFile},
		{"signed with another key, which is published", with(forge(t, site, entries, stranger), verify.KeyFile, []byte(stranger.Keys[0]+"\n")), verify.KeyFile},
		{"both keys are published", with(forge(t, site, entries, stranger), verify.KeyFile, []byte(o.Keys[0]+"\n"+stranger.Keys[0]+"\n")), verify.KeyFile},
		{"the last revision removed", forge(t, site, entries[:2], o), verify.CheckpointFile},
		{"reordered", forge(t, site, [][]byte{entries[1], entries[0], entries[2]}, o), verify.CheckpointFile},
		{"one rewritten", forge(t, site, [][]byte{entries[0], bytes.Replace(entries[1], []byte(`"report":"`), []byte(`"report":"0`), 1), entries[2]}, o), verify.CheckpointFile},
		{"an entry slipped in behind", forge(t, site, append(slices.Clone(entries), []byte("{}")), o), "log/tile/entries, entry 3"},
		{"one entry twice", forge(t, site, append(slices.Clone(entries), entries[2]), o), "log/tile/entries, entry 3"},
	} {
		r := verified(t, attack.site, seen)
		if !names(r, attack.at) {
			t.Errorf("%s: %v", attack.name, r.Findings())
		}
	}
	rolled := forge(t, site, entries[:2], o)
	for name := range rolled {
		if strings.HasPrefix(name, "inc-1/2/") {
			delete(rolled, name)
		}
	}
	if r := verified(t, rolled, seen); !slices.ContainsFunc(r.Findings(), func(f verify.Finding) bool { return strings.Contains(f.Text, "rolled back") }) {
		t.Errorf("rolled back: %v", r.Findings())
	}
	if r := verify.Folder(forge(t, site, entries, stranger), verify.Options{Keys: keysOf(t, o), Now: logTime}); !names(r, verify.CheckpointFile) {
		t.Errorf("a given key is not believed alone: %v", r.Findings())
	}
}

func keysOf(t testing.TB, o LogOptions) *verify.Keys {
	k, err := verify.ParseKeys(strings.Join(o.Keys, "\n") + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return &k
}

func entriesOf(t testing.TB, site fstest.MapFS) [][]byte {
	var all [][]byte
	for _, r := range verified(t, site).Revisions {
		all = append(all, r.Entry)
	}
	return all
}

// forge writes the log anew, of other entries, soundly, with proofs where their revisions are.
func forge(t testing.TB, site fstest.MapFS, entries [][]byte, o LogOptions) fstest.MapFS {
	t.Helper()
	other := maps.Clone(site)
	for name := range site {
		if strings.HasPrefix(name, "log/") {
			delete(other, name)
		}
	}
	tree, err := verify.TreeOf(entries)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(entries))
	root, _ := tree.RootAt(size)
	checkpoint, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", o.Signer.Name(), size, root)}, o.Signer)
	if err != nil {
		t.Fatal(err)
	}
	var hashes, bundle []byte
	for i, e := range entries {
		h := tlog.RecordHash(e)
		hashes, bundle = append(hashes, h[:]...), append(append(bundle, byte(len(e)>>8), byte(len(e))), e...)
		proof := verify.LogProof{Entry: e, Index: int64(i), Checkpoint: string(checkpoint)}
		proof.Hashes, _ = tlog.ProveRecord(size, int64(i), tree)
		if m, err := verify.ParseManifest(e); err == nil {
			other[m.Folder()+"/"+verify.ProofFile] = &fstest.MapFile{Data: []byte(proof.Text()), Mode: 0o644}
		}
	}
	other[verify.CheckpointFile] = &fstest.MapFile{Data: checkpoint, Mode: 0o644}
	other[fmt.Sprintf("log/tile/0/000.p/%d", size)] = &fstest.MapFile{Data: hashes, Mode: 0o644}
	other[fmt.Sprintf("log/tile/entries/000.p/%d", size)] = &fstest.MapFile{Data: bundle, Mode: 0o644}
	return other
}

// A statement that something is being published excuses what is not in place yet, of the last entry, for an hour, and nothing else.
func TestPublishingStatement(t *testing.T) {
	dir, o := sampleSite(t)
	site := inMemory(t, dir)
	seen := verified(t, site).Seen
	without := with(with(site, "inc-1/2/report.json", nil), "inc-1/2/"+verify.ProofFile, nil)
	if r := verified(t, without, seen); r.OK() {
		t.Error("a revision without its files")
	}
	state := func(index int64, since time.Time, by note.Signer) []byte {
		b, err := note.Sign(&note.Note{Text: verify.Publishing{Origin: by.Name(), Index: index, Since: since}.Text()}, by)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// Whoever can write to the folder, and has no key, can name a witness.
	w := newTestWitness(t, o.Keys[0])
	text := verify.Publishing{Origin: o.Signer.Name(), Index: 2, Since: logTime}.Text()
	witnessed := with(without, verify.KeyFile, append(slices.Clone(without[verify.KeyFile].Data), w.vkey+"\n"...))
	for _, test := range []struct {
		name string
		site fstest.MapFS
		ok   bool
	}{
		{"by a witness", with(witnessed, verify.PublishingFile, []byte(text+"\n"+w.cosign(text+"\n"))), false},
		{"under way", with(without, verify.PublishingFile, state(2, logTime, o.Signer)), true},
		{"for an hour", with(without, verify.PublishingFile, state(2, logTime.Add(-verify.MaxPublishing), o.Signer)), true},
		{"for longer", with(without, verify.PublishingFile, state(2, logTime.Add(-verify.MaxPublishing-time.Second), o.Signer)), false},
		{"of another entry", with(without, verify.PublishingFile, state(1, logTime, o.Signer)), false},
		{"the next", with(without, verify.PublishingFile, state(3, logTime, o.Signer)), false},
		{"by somebody else", with(without, verify.PublishingFile, state(2, logTime, newLogOptions(t).Signer)), false},
		{"another file changed", with(with(without, verify.PublishingFile, state(2, logTime, o.Signer)), "inc-2/1/index.html", []byte("x")), false},
		{"a page changed to another", with(with(without, verify.PublishingFile, state(2, logTime, o.Signer)), "index.html", []byte("x")), false},
	} {
		if r := verified(t, test.site, seen); r.OK() != test.ok || test.ok && r.Unfinished == "" {
			t.Errorf("%s: %v", test.name, r.Findings())
		}
	}
}

package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"candor.example"
	"candor.example/internal/lock"
	"candor.example/verify"
)

// Log is a published folder, open for its one appender. What a publication does, in this order, so that a kill between any two steps leaves what verify accepts and
// what the next OpenLog completes:
//
//  1. the manifest and its files are written to work/next, which then belongs to the publication;
//  2. the manifest is appended to Tessera's log in work/log, unless it is its last entry already;
//  3. a signed statement says that something is being published (verify.PublishingFile);
//  4. tiles, then the checkpoint: from here on the revision is in the log that everybody sees;
//  5. the proof and the files, of which those that say where the others are come last;
//  6. the statement and work/next go.
type Log struct {
	dir     string // what a web server serves
	o       LogOptions
	keys    verify.Keys
	lock    *os.File
	checked verify.Result
}

// LogOptions say who signs.
type LogOptions struct {
	Signer note.Signer
	// Cosigner signs each checkpoint by ML-DSA-44, too; nil: Ed25519 alone. Which it is stays as it was when the log began.
	Cosigner *Cosigner
	// Keys are verifier keys: Signer's first, then those that signed before it, then the same of Cosigner.
	Keys      []string
	Witnesses []Witness        // who all must cosign a checkpoint before it is published
	Seen      []verify.Seen    // what this machine saw: it must still be in the log
	Now       func() time.Time // for what is signed while files are put in place
}

// Witness cosigns what it has seen of the log (c2sp.org/tlog-witness).
type Witness struct {
	Key string `yaml:"key"` // verifier key for cosignature/v1
	URL string `yaml:"url"` // prefix of add-checkpoint
}

// Receipt is what became of a publication.
type Receipt struct {
	Index      int64
	Manifest   string // SHA-256 of the entry
	Report     string // SHA-256 of report.json
	Files      []string
	Checkpoint string // the signed note
}

// work is where Candor keeps what is not published: a name with a dot, which web servers do not serve and verify does not look at.
const work = ".candor"

// OpenLog waits for nobody: where another process has the folder open it fails. It completes a publication that was interrupted, and then checks
// all that is published, so that nothing is ever added to what does not verify. A folder that is not there is made.
func OpenLog(ctx context.Context, dir string, o LogOptions) (*Log, error) {
	l := &Log{dir: dir, o: o}
	lines := slices.Clone(o.Keys)
	for _, w := range o.Witnesses {
		lines = append(lines, w.Key)
	}
	var err error
	if l.keys, err = verify.ParseKeys(strings.Join(lines, "\n") + "\n"); err != nil {
		return nil, fmt.Errorf("the keys of the log: %w", err)
	}
	if err := os.MkdirAll(l.work("tmp"), 0o755); err != nil {
		return nil, err
	}
	var held *lock.Held
	if l.lock, err = lock.Take(l.work("lock"), 0o644); errors.As(err, &held) {
		return nil, fmt.Errorf("another candor (process %s) is publishing into this folder: wait until it is done", held.PID)
	} else if err != nil {
		return nil, fmt.Errorf("cannot lock the published folder: %w", err)
	}
	if err := l.open(ctx); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Close lets the next appender in.
func (l *Log) Close() error { return l.lock.Close() }

func (l *Log) open(ctx context.Context) error {
	if err := l.signsAsItBegan(); err != nil {
		return err
	}
	if err := emptyFolder(l.work("tmp")); err != nil {
		return err
	}
	if _, err := os.Stat(l.work("next")); err == nil {
		if _, err := l.finish(ctx); err != nil {
			return fmt.Errorf("completing what was being published: %w", err)
		}
	}
	return l.check()
}

// signsAsItBegan: the proofs of earlier revisions hold checkpoints of their time, so that a log which changed its ways would be one in which a signature is missing.
func (l *Log) signsAsItBegan() error {
	root, err := os.OpenRoot(l.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	p, err := verify.Published(root.FS())
	switch {
	case err != nil || (p.Cosigner != "") == (l.o.Cosigner != nil):
		return nil // check says what is wrong with it
	case p.Cosigner != "":
		return fmt.Errorf("the log in %s signs by ML-DSA-44, too, and that key is not here: restore it from your copy (docs/keys.md)", l.dir)
	}
	return fmt.Errorf("the log in %s began without ML-DSA-44 and goes on so: take mldsa out of candor.yaml, or begin a new log in another folder, under a name of its own", l.dir)
}

// check all that is published. A log in which nothing is has no checkpoint.
func (l *Log) check() error {
	if _, err := os.Stat(l.path(verify.CheckpointFile)); errors.Is(err, fs.ErrNotExist) {
		return l.begin()
	}
	root, err := os.OpenRoot(l.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	l.checked = verify.Folder(root.FS(), verify.Options{Keys: &l.keys, Place: l.dir, Seen: l.o.Seen, Now: l.o.Now()})
	if list := l.checked.Findings(); len(list) > 0 {
		return fmt.Errorf("%s does not verify, and nothing is added to it: %s (and %d more): candor report verify %s says all; restore it from a copy", l.dir, list[0], len(list)-1, l.dir)
	}
	if why := l.checked.NotDone(); why != "" {
		return fmt.Errorf("%s cannot be verified: %s", l.dir, why)
	}
	return nil
}

// begin: a new log begins with nothing in the folder that it would not account for, and with nothing that was logged before.
func (l *Log) begin() error {
	for _, s := range l.o.Seen {
		if s.Place == l.dir {
			return fmt.Errorf("%s has no log, and this machine saw one there with %d entries: restore it from a copy", l.dir, s.Size)
		}
		if s.Origin == l.Origin() { // else it would be found to be another log once it is public
			return fmt.Errorf("%s has no log, and this machine saw the log %s at %s with %d entries: restore it from a copy, or give a new log a signing key with a name of its own (candor keys init --name)", l.dir, s.Origin, s.Place, s.Size)
		}
	}
	entries, err := os.ReadDir(l.dir)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != verify.PublishingFile {
			return fmt.Errorf("%s holds %s and no log: publish into a folder of its own", l.dir, e.Name())
		}
	}
	return err
}

func (l *Log) keyText() []byte { return []byte(strings.Join(l.keys.Lines, "\n") + "\n") }

// Origin of the log: the name of its key.
func (l *Log) Origin() string { return l.keys.Log[0].Name() }

// Next is the index of the next entry. There is one appender, so that it is known beforehand.
func (l *Log) Next() int64 { return l.checked.Size }

// Revisions are what is published, in the order of the log.
func (l *Log) Revisions() []verify.Revision { return l.checked.Revisions }

// Seen is the state of the log, to be remembered.
func (l *Log) Seen() verify.Seen { return l.checked.Seen }

// Publish adds a revision: report is its report.json, and files are what Pages made of all revisions, by path. Those of earlier revisions stay as they were
// published, and of the rest those that changed are named by the new manifest.
func (l *Log) Publish(ctx context.Context, report []byte, files map[string][]byte) (Receipt, error) {
	m, chosen, err := l.manifest(report, files)
	if err != nil {
		return Receipt{}, err
	}
	if err := l.stage(m, chosen); err != nil {
		return Receipt{}, fmt.Errorf("nothing was published: %w", err)
	}
	receipt, err := l.finish(ctx)
	if err != nil {
		return receipt, fmt.Errorf("the revision is prepared and not published yet: %w\nWhen that is mended, candor report publish --resume completes it", err)
	}
	return receipt, l.check()
}

// manifest chooses what is published.
func (l *Log) manifest(report []byte, files map[string][]byte) (m verify.Manifest, chosen map[string][]byte, err error) {
	r, err := verify.ParseReport(report)
	if err != nil {
		return m, nil, fmt.Errorf("report.json: %w", err)
	}
	if err := l.follows(r); err != nil {
		return m, nil, fmt.Errorf("report.json: %w", err)
	}
	m = verify.Manifest{Schema: verify.ManifestSchema, Incident: r.Incident, Revision: r.Revision, Previous: r.Previous, Report: candor.HashOf(report), Files: map[string]string{}}
	chosen = Chosen(l.checked.Revisions, m.Folder(), report, files)
	for name, b := range chosen {
		m.Files[name] = candor.HashOf(b)
	}
	return m, chosen, nil
}

// Chosen are the files that publishing a revision behind those in the log writes, by path: those of its folder, "INCIDENT/REVISION", and of the
// others those that change.
func Chosen(before []verify.Revision, folder string, report []byte, files map[string][]byte) map[string][]byte {
	ownReport := folder + "/" + verify.ReportFile
	chosen := map[string][]byte{ownReport: report}
	logged := map[string]string{} // hashes of files by the last manifest that names each
	for _, r := range before {
		maps.Copy(logged, r.Manifest.Files)
	}
	for name, b := range files {
		ours := strings.HasPrefix(name, folder+"/")
		if ours && name != ownReport || !verify.Immutable(name) && logged[name] != candor.HashOf(b) {
			chosen[name] = b
		}
	}
	return chosen
}

// Interrupted: in a folder a publication was begun and not completed; or another process is about it now. It changes nothing.
func Interrupted(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, work, "next"))
	return err == nil
}

// follows: would verify take the report as the next of its incident?
func (l *Log) follows(r verify.Report) error {
	var before *verify.Report
	var hash string
	for _, p := range l.checked.Revisions {
		if p.Manifest.Incident == r.Incident {
			before, hash = p.Report, p.Manifest.Report
		}
	}
	revision := 1
	if before != nil {
		revision = before.Revision + 1
	}
	if want := (verify.Log{Origin: l.Origin(), Index: l.Next(), Proof: verify.ProofFile}); r.Log != want || r.Revision != revision || r.Previous != hash {
		return fmt.Errorf("it is revision %d of %s for entry %d of %s, and revision %d for entry %d of %s is next: draft it again", r.Revision, r.Incident, r.Log.Index, r.Log.Origin, revision, want.Index, want.Origin)
	}
	list := append(append(verify.Rules(r), verify.Sums(r)...), verify.Corrections(before, r)...)
	if len(list) > 0 {
		return fmt.Errorf("it would not verify: %s %s (and %d more)", list[0].Field, list[0].Text, len(list)-1)
	}
	return nil
}

// stage writes all that is to be published, durably, before anything is.
func (l *Log) stage(m verify.Manifest, files map[string][]byte) error {
	entry, err := m.Entry()
	if err != nil {
		return err
	}
	all := map[string][]byte{"entry": entry}
	for name, b := range files {
		all["files/"+name] = b
	}
	tmp := l.work("tmp", "next")
	for name, b := range all {
		if err := writeFile(filepath.Join(tmp, filepath.FromSlash(name)), b); err != nil {
			return err
		}
	}
	if err := syncTree(tmp); err != nil {
		return err
	}
	return moveTo(tmp, l.work("next"))
}

// finish publishes what is staged, from wherever it was interrupted.
func (l *Log) finish(ctx context.Context) (Receipt, error) {
	entry, m, files, err := l.staged()
	if err != nil {
		return Receipt{}, err
	}
	r, err := verify.ParseReport(files[m.Folder()+"/"+verify.ReportFile])
	if err != nil {
		return Receipt{}, err
	}
	entries, checkpoint, err := l.append(ctx, entry, r.Log.Index)
	if err != nil {
		return Receipt{}, err
	}
	proof, err := prove(entries, checkpoint)
	if err != nil {
		return Receipt{}, err
	}
	if err := l.publishLog(r.Log.Index, checkpoint); err != nil {
		return Receipt{}, err
	}
	files[m.Folder()+"/"+verify.ProofFile] = []byte(proof.Text())
	if err := l.put(files, inOrder(files)...); err != nil {
		return Receipt{}, err
	}
	receipt := Receipt{Index: r.Log.Index, Manifest: candor.HashOf(entry), Report: m.Report, Files: slices.Sorted(maps.Keys(m.Files)), Checkpoint: checkpoint}
	return receipt, l.done()
}

// staged reads back what is to be published.
func (l *Log) staged() (entry []byte, m verify.Manifest, files map[string][]byte, err error) {
	if entry, err = os.ReadFile(l.work("next", "entry")); err != nil {
		return nil, m, nil, err
	}
	if m, err = verify.ParseManifest(entry); err != nil {
		return nil, m, nil, err
	}
	files = map[string][]byte{}
	for name, hash := range m.Files {
		if files[name], err = os.ReadFile(l.work("next", "files", filepath.FromSlash(name))); err != nil {
			return nil, m, nil, err
		}
		if candor.HashOf(files[name]) != hash {
			return nil, m, nil, fmt.Errorf("%s was changed after it was prepared", l.work("next", "files", name))
		}
	}
	return entry, m, files, nil
}

// prove that the last entry is in the tree of a checkpoint.
func prove(entries [][]byte, checkpoint string) (p verify.LogProof, err error) {
	t, err := verify.TreeOf(entries)
	if err != nil {
		return p, err
	}
	size := int64(len(entries))
	p = verify.LogProof{Entry: entries[size-1], Index: size - 1, Checkpoint: checkpoint}
	p.Hashes, err = tlog.ProveRecord(size, size-1, t)
	return p, err
}

// publishLog copies what Tessera wrote: tiles first, and the checkpoint once all that it stands for is there.
func (l *Log) publishLog(index int64, checkpoint string) error {
	p := verify.Publishing{Origin: l.Origin(), Index: index, Since: l.o.Now()}
	statement, err := note.Sign(&note.Note{Text: p.Text()}, l.o.Signer)
	if err != nil {
		return err
	}
	if err := l.put(map[string][]byte{verify.PublishingFile: statement, verify.KeyFile: l.keyText()}, verify.PublishingFile, verify.KeyFile); err != nil {
		return err
	}
	tiles, names := map[string][]byte{}, verify.TilePaths(index+1)
	for _, name := range names {
		if tiles[name], err = os.ReadFile(l.work(filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	if err := l.put(tiles, names...); err != nil {
		return err
	}
	return l.put(map[string][]byte{verify.CheckpointFile: []byte(checkpoint)}, verify.CheckpointFile)
}

// inOrder: what belongs to the revision first, then what leads to it, the first page last.
func inOrder(files map[string][]byte) []string {
	rank := func(name string) int {
		switch {
		case verify.Immutable(name):
			return 0
		case name == "index.html":
			return 2
		}
		return 1
	}
	names := slices.Sorted(maps.Keys(files))
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

// done: everything is in its place.
func (l *Log) done() error {
	if err := os.Remove(l.path(verify.PublishingFile)); err != nil {
		return err
	}
	if err := syncFolder(l.dir); err != nil {
		return err
	}
	if err := moveTo(l.work("next"), l.work("tmp", "done")); err != nil {
		return err
	}
	return os.RemoveAll(l.work("tmp", "done"))
}

func (l *Log) path(name string) string { return filepath.Join(l.dir, filepath.FromSlash(name)) }

func (l *Log) work(parts ...string) string {
	return filepath.Join(append([]string{l.dir, work}, parts...)...)
}

// put files in their places, in order: each is there whole or as it was before, and all are durable when it returns.
func (l *Log) put(files map[string][]byte, order ...string) error {
	folders := map[string]bool{}
	for _, name := range order {
		to := l.path(name)
		if b, err := os.ReadFile(to); err == nil && bytes.Equal(b, files[name]) {
			continue
		}
		tmp := l.work("tmp", "file")
		if err := writeFile(tmp, files[name]); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.Rename(tmp, to); err != nil {
			return err
		}
		for f := filepath.Dir(to); f != l.dir; f = filepath.Dir(f) {
			folders[f] = true
		}
		folders[l.dir] = true
	}
	for f := range folders {
		if err := syncFolder(f); err != nil {
			return err
		}
	}
	return nil
}

package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// What a publisher may have a stranger read: more is refused.
const (
	maxNote    = 64 << 10 // a checkpoint, keys
	maxProof   = 256 << 10
	maxFile    = 32 << 20
	maxEntries = 1 << 14
	maxLog     = 128 << 20 // all entries together
	maxSite    = 2 << 30   // all files together
	maxFinding = 50        // of one check
)

// Folder checks what is published in a folder, or at any other [fs.FS]: first the log, then by its entries every file. One that lists its files
// ([fs.ReadDirFS]) is also looked through for files that nobody names. What depends on what is wrong is not looked at.
func Folder(site fs.FS, o Options) Result {
	c := &checker{site: site, o: o, hashes: map[string]string{}, publishing: -1}
	c.CannotSay = slices.Clone(cannotSay)
	c.o.Seen = c.relevant(o.Seen)
	c.Seen.Place = o.Place
	for _, step := range []func() bool{c.checkKeys, c.checkPublishing, c.checkCheckpoint, c.checkMemory, c.checkEntries, c.checkTiles, c.checkManifests,
		c.checkFiles, c.checkStrays, c.checkProofs, c.checkReports, c.checkChain, c.checkSums, c.checkCorrections} {
		if !step() {
			if len(c.Result.Findings()) == 0 && c.Unfinished != "" {
				break // nothing is published yet
			}
			c.begin("rest", "Everything further.")
			c.last().NotDone = "it depends on what is wrong above"
			break
		}
	}
	return c.Result
}

// checker goes from check to check.
type checker struct {
	Result
	site       fs.FS
	o          Options
	keys       Keys // that are believed
	published  Keys // that KeyFile names
	checkpoint Checkpoint
	entries    [][]byte
	read       int64             // bytes of files so far
	hashes     map[string]string // path: what was found
	publishing int64             // the index whose files are being put in place; -1: none
}

// relevant is what was seen at this place, and of the log whose checkpoint is here: anybody can write its first line, and so it is enough to compare.
func (c *checker) relevant(seen []Seen) (list []Seen) {
	b, _ := readFile(c.site, CheckpointFile, maxNote) // checkCheckpoint says so where it cannot
	origin, _, _ := strings.Cut(string(b), "\n")
	for _, s := range seen {
		if c.o.Place != "" && s.Place == c.o.Place || s.Origin == origin {
			list = append(list, s)
		}
	}
	return list
}

func (c *checker) begin(name, what string, args ...any) {
	c.Checks = append(c.Checks, Check{Name: name, What: fmt.Sprintf(what, args...)})
}

func (c *checker) last() *Check { return &c.Checks[len(c.Checks)-1] }

// found notes what is wrong.
func (c *checker) found(file, text string, args ...any) {
	c.add(Finding{File: file, Text: fmt.Sprintf(text, args...)})
}

func (c *checker) add(f Finding) {
	if last := c.last(); len(last.Findings) < maxFinding {
		last.Findings = append(last.Findings, f)
	}
}

func (c *checker) fine() bool { return len(c.last().Findings) == 0 && c.last().NotDone == "" }

// open reads a file. One that is not there, or is too large, is a finding; one that cannot be read is not done.
func (c *checker) open(name string, limit int64) ([]byte, bool) {
	b, err := readFile(c.site, name, limit)
	c.read += int64(len(b))
	switch {
	case c.read > maxSite:
		c.last().NotDone = fmt.Sprintf("there is more to read than %d MiB", maxSite>>20)
		return nil, false
	case err == nil:
		return b, true
	case errors.Is(err, fs.ErrNotExist):
		c.found(name, "it is not there")
	case errors.Is(err, errLarge):
		c.found(name, "it is larger than %d KiB", limit>>10)
	case errors.Is(err, errNoFile):
		c.found(name, "it is no plain file")
	default:
		c.last().NotDone = fmt.Sprintf("%s: %v", name, err)
	}
	return nil, false
}

var errLarge, errNoFile = errors.New("too large"), errors.New("no plain file")

// readFile opens plain files only, where the site says beforehand what they are: to open a pipe may wait for ever.
func readFile(site fs.FS, name string, limit int64) ([]byte, error) {
	if s, ok := site.(fs.StatFS); ok {
		if info, err := s.Stat(name); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
			return nil, errNoFile
		}
	}
	f, err := site.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fs.ErrNotExist
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, errLarge
	}
	return b, err
}

// checkKeys decides whom to believe.
func (c *checker) checkKeys() bool {
	c.begin("key", "%s holds the keys that this machine believes.", KeyFile)
	b, ok := c.open(KeyFile, maxNote)
	if !ok && c.o.Keys == nil && len(c.o.Seen) == 0 {
		return false
	}
	published, err := ParseKeys(string(b))
	if ok && (err != nil || string(b) != strings.Join(published.Lines, "\n")+"\n" || !published.ordered()) {
		c.found(KeyFile, "%v", cmpError(err, "it is not written as one key a line, Ed25519 first, then ML-DSA-44, then witnesses"))
	}
	c.published = published
	c.believe(published)
	for _, line := range published.Lines {
		v, _ := parseKey(line)
		if _, witness := v.(witnessKey); !witness && !slices.Contains(c.keys.Lines, line) {
			c.found(KeyFile, "it names the key %s, which is not the one that is believed (%s): if the publisher changed it and says so elsewhere, give it with --key", id(v), c.Pinned)
		}
	}
	if ok && err == nil && len(c.keys.Cosigners) > 0 && len(published.Cosigners) == 0 {
		c.found(KeyFile, "it does not name the log's ML-DSA-44 key, which is %s (%s)", id(c.keys.Cosigners[0]), c.Pinned)
	}
	c.keys.Witnesses = published.Witnesses
	c.Seen.Keys = c.keys.Lines
	return len(c.keys.Log) > 0
}

func cmpError(err error, text string) error {
	if err == nil {
		return errors.New(text)
	}
	return err
}

// believe the keys that were given and those of before; on first use, what is published.
func (c *checker) believe(published Keys) {
	var lines []string
	if c.o.Keys != nil {
		c.Pinned, lines = "given", slices.Clone(c.o.Keys.Lines)
	}
	for _, s := range c.o.Seen {
		if c.Pinned == "" {
			c.Pinned = "remembered"
		}
		lines = append(lines, s.Keys...)
	}
	if c.Pinned == "" {
		c.Pinned, lines = "first use", published.Lines
		c.CannotSay = append(c.CannotSay, cannotFirst)
	}
	c.take(lines, func(v note.Verifier) bool { _, witness := v.(witnessKey); return !witness })
	// Who gives a sign.pub gives an Ed25519 key. Whether a log signs by ML-DSA-44, too, is settled when it begins: one that was seen without it gets none later.
	if len(c.keys.Cosigners) == 0 && len(c.o.Seen) == 0 && len(published.Cosigners) > 0 {
		c.take(published.Lines, func(v note.Verifier) bool { _, is := v.(cosignerKey); return is })
		c.CannotSay = append(c.CannotSay, cannotCosigner)
	}
}

// take the keys of some lines.
func (c *checker) take(lines []string, which func(note.Verifier) bool) {
	for _, line := range lines {
		if v, err := parseKey(line); err == nil && which(v) && !slices.Contains(c.keys.Lines, line) {
			c.keys.add(v, line)
		}
	}
}

// checkPublishing: is a revision being put in place?
func (c *checker) checkPublishing() bool {
	b, err := readFile(c.site, PublishingFile, maxNote)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	c.begin("publishing", "%s says, signed, that a revision is being put in place.", PublishingFile)
	if err != nil {
		c.last().NotDone = err.Error()
		return true
	}
	p, err := parsePublishing(string(b), c.keys)
	switch {
	case err != nil:
		c.found(PublishingFile, "%v", err)
	case c.o.Now.Sub(p.Since) > MaxPublishing || p.Since.Sub(c.o.Now) > MaxPublishing:
		c.found(PublishingFile, "publishing entry %d began at %s and did not end: the publisher finishes it with candor report publish --resume", p.Index, p.Since)
	default:
		c.publishing = p.Index
		c.Unfinished = fmt.Sprintf("entry %d is being published since %s: some files may still be as before", p.Index, p.Since.Format("15:04:05 MST"))
	}
	return true
}

// checkCheckpoint checks who signed the log, and how large it is said to be.
func (c *checker) checkCheckpoint() bool {
	c.begin("signature", "%s is signed by the key of %s.", CheckpointFile, c.keys.Log[0].Name())
	if _, err := readFile(c.site, CheckpointFile, maxNote); errors.Is(err, fs.ErrNotExist) && c.publishing == 0 {
		c.last().What = "Nothing is published yet."
		return false
	}
	b, ok := c.open(CheckpointFile, maxNote)
	if !ok {
		return false
	}
	var err error
	if c.checkpoint, err = ParseCheckpoint(string(b), c.keys); err != nil {
		c.found(CheckpointFile, "%v", err)
		return false
	}
	p := c.checkpoint
	c.Origin, c.Size, c.Root, c.Key, c.Cosigner = p.Origin, p.Size, p.Root.String(), p.Key, p.Cosigner
	if p.Cosigner != "" {
		c.last().What = fmt.Sprintf("%s is signed by both keys of %s, Ed25519 (%s) and ML-DSA-44 (%s).", CheckpointFile, p.Origin, p.Key, p.Cosigner)
	}
	if len(p.Witnesses) > 0 {
		c.last().What += fmt.Sprintf(" So is it by the witnesses that the publisher names: %s.", strings.Join(p.Witnesses, ", "))
	}
	c.Seen.Origin, c.Seen.Size, c.Seen.Root, c.Seen.Checkpoint, c.Seen.At = p.Origin, p.Size, c.Root, p.Text, c.o.Now
	if c.publishing >= 0 && c.publishing != p.Size && c.publishing != p.Size-1 {
		c.found(PublishingFile, "it is of entry %d, and the log has %d: it is an old one", c.publishing, p.Size)
		c.publishing, c.Unfinished = -1, ""
	}
	if !c.newest(p) && c.publishing < 0 {
		c.found(KeyFile, "its first keys are not those that signed the checkpoint: the newest stands first, and others take that")
	}
	if p.Size > maxEntries {
		c.last().NotDone = fmt.Sprintf("the log has %d entries, and this program reads %d", p.Size, maxEntries)
		return false
	}
	return true
}

// newest: is the checkpoint signed by the first key of each sort?
func (c *checker) newest(p Checkpoint) bool {
	first := func(list []note.Verifier, signed string) bool { return len(list) == 0 || id(list[0]) == signed }
	return first(c.published.Log, p.Key) && first(c.published.Cosigners, p.Cosigner)
}

// checkMemory: is all that was seen before still in the log? Its size alone is looked at here; roots need the entries.
func (c *checker) checkMemory() bool {
	if len(c.o.Seen) == 0 {
		c.CannotSay = append(c.CannotSay, cannotBefore)
		return true
	}
	c.begin("memory", "What this machine saw of the log before is still in it.")
	for _, s := range c.o.Seen {
		switch {
		case s.Origin != c.Origin:
			c.found(CheckpointFile, "this is the log %s, and on %s there was %s", c.Origin, s.At.UTC().Format("2 January 2006"), s.Origin)
		case s.Size > c.Size:
			c.found(CheckpointFile, "the log was rolled back: it has %d entries, and on %s it had %d", c.Size, s.At.UTC().Format("2 January 2006"), s.Size)
		}
	}
	return c.fine()
}

// checkEntries reads the entries and computes the tree of them.
func (c *checker) checkEntries() bool {
	c.begin("log", "The log's %d entries are those that its checkpoint stands for.", c.Size)
	var total int
	for _, t := range tilesOf(c.Size) {
		if t.L >= 0 {
			break
		}
		b, ok := c.open(tilePath(t), maxLog)
		if total += len(b); total > maxLog {
			c.last().NotDone = fmt.Sprintf("its entries have more than %d MiB", maxLog>>20)
		}
		if !ok || !c.fine() {
			return false
		}
		entries, err := SplitBundle(b)
		if err != nil || len(entries) != t.W {
			c.found(tilePath(t), "%v", cmpError(err, fmt.Sprintf("it has %d entries and not %d", len(entries), t.W)))
			return false
		}
		c.entries = append(c.entries, entries...)
	}
	var err error
	if c.tree, err = TreeOf(c.entries); err != nil {
		c.last().NotDone = err.Error()
		return false
	}
	return c.checkRoot() && c.checkRemembered()
}

// checkRoot: where the root is another, is it the entries or the checkpoint? The tiles tell.
func (c *checker) checkRoot() bool {
	root, err := c.tree.RootAt(c.Size)
	if err == nil && root == c.checkpoint.Root {
		return true
	}
	named := false
	for _, t := range tilesOf(c.Size) {
		if t.L != 0 {
			continue
		}
		want, _ := tlog.ReadTileData(t, c.tree)
		if b, err := readFile(c.site, tilePath(t), int64(len(want))); err == nil && !bytes.Equal(b, want) {
			t.L = -1
			c.found(tilePath(t), "an entry is not the one whose hash is in the tree")
			named = true
		}
	}
	if !named {
		c.found(CheckpointFile, "its root is not that of the entries: it is signed, and stands for another log")
	}
	return false
}

func (c *checker) checkRemembered() bool {
	for _, s := range c.o.Seen {
		if root, err := c.tree.RootAt(s.Size); err == nil && root.String() != s.Root {
			c.found(CheckpointFile, "the log is another one: on %s its first %d entries had the root %s, and now have %s. It is signed, so that whoever holds the key rewrote it",
				s.At.UTC().Format("2 January 2006"), s.Size, s.Root, root)
		}
	}
	return c.fine()
}

// checkTiles: what other programs verify by.
func (c *checker) checkTiles() bool {
	c.begin("tiles", "The tiles hold the hashes of the entries.")
	for _, t := range tilesOf(c.Size) {
		if t.L >= 0 {
			c.checkTile(t)
		}
	}
	return true
}

func (c *checker) checkTile(t tlog.Tile) {
	want, err := c.tileData(t)
	if b, ok := c.open(tilePath(t), maxLog); ok && (err != nil || !bytes.Equal(b, want)) {
		c.found(tilePath(t), "it does not hold what follows from the entries")
	}
}

// tileData is what a tile of the tree must hold.
func (c *checker) tileData(t tlog.Tile) ([]byte, error) {
	if t.L >= 0 {
		return tlog.ReadTileData(t, c.tree)
	}
	first := t.N << height
	return join(c.entries[first : first+int64(t.W)]), nil
}

// checkManifests reads the entries.
func (c *checker) checkManifests() bool {
	c.begin("manifests", "Each entry is a manifest; the revisions of an incident follow one another, each names the hash of the one before, and no file of a revision is named twice.")
	last := map[string]Manifest{}
	for i, e := range c.entries {
		m, err := ParseManifest(e)
		if err != nil {
			c.found(entryName(int64(i)), "entry %d: %v", i, err)
			continue
		}
		if before := last[m.Incident]; m.Revision != before.Revision+1 || m.Previous != before.Report {
			c.found(entryName(int64(i)), "entry %d is revision %d of %s with the predecessor %q, and revision %d with %q is next", i, m.Revision, m.Incident, m.Previous, before.Revision+1, before.Report)
		}
		last[m.Incident] = m
		c.Revisions = append(c.Revisions, Revision{Index: int64(i), Entry: e, Manifest: m})
	}
	return c.fine()
}

// entryName is the bundle in which an entry is, among the first 256.
func entryName(index int64) string {
	return fmt.Sprintf("%s/tile/entries, entry %d", logFolder, index)
}

// expected are the hashes that each file may have, by the last manifest that names it; and while its files are put in place, by the one before. "" is that
// it may be missing.
func (c *checker) expected() map[string][]string {
	want := map[string][]string{}
	for _, r := range c.Revisions {
		for name, hash := range r.Manifest.Files {
			if r.Index == c.publishing {
				before := append(want[name], "")
				want[name] = []string{hash, before[0]}
			} else {
				want[name] = []string{hash}
			}
		}
	}
	return want
}

// checkFiles compares each file with the hash in the log.
func (c *checker) checkFiles() bool {
	want := c.expected()
	c.begin("files", "Each of the %d files is as the last entry that names it says.", len(want))
	for _, name := range slices.Sorted(maps.Keys(want)) {
		b, err := readFile(c.site, name, maxFile)
		if errors.Is(err, fs.ErrNotExist) && slices.Contains(want[name], "") {
			continue
		}
		if err != nil {
			c.open(name, maxFile) // says why
			continue
		}
		if c.read += int64(len(b)); c.read > maxSite {
			c.last().NotDone = fmt.Sprintf("there is more to read than %d MiB", maxSite>>20)
			return false
		}
		if c.hashes[name] = hashOf(b); !slices.Contains(want[name], c.hashes[name]) {
			c.found(name, "it was changed: its SHA-256 is %s, and the log says %s", c.hashes[name], want[name][0])
		}
	}
	return true
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// checkStrays looks for files that nobody names. What begins with a dot is not published.
func (c *checker) checkStrays() bool {
	if _, lists := c.site.(fs.ReadDirFS); !lists {
		c.CannotSay = append(c.CannotSay, cannotList)
		return true
	}
	want, present := c.expected(), map[string]bool{}
	c.begin("strays", "The folder holds no file that the log does not account for, and the tiles of every size that it had.")
	err := fs.WalkDir(c.site, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") && name != "." {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if present[name] = true; !d.IsDir() && len(want[name]) == 0 {
			c.checkStray(name, d)
		}
		return nil
	})
	if err != nil {
		c.last().NotDone = err.Error()
	}
	c.checkOlderTiles(present)
	return true
}

// checkOlderTiles: a checkpoint was published of each size, and whoever has one may ask for its tiles.
func (c *checker) checkOlderTiles(present map[string]bool) {
	for _, t := range tilesOf(c.Size) {
		for t.W--; t.W > 0 && t.W < 1<<height-1; t.W-- {
			if !present[tilePath(t)] {
				c.found(tilePath(t), "it is not there, and belongs to a checkpoint that was published")
			}
		}
	}
}

func (c *checker) checkStray(name string, d fs.DirEntry) {
	switch {
	case !d.Type().IsRegular():
		c.found(name, "it is no plain file")
	case name == KeyFile || name == PublishingFile || name == CheckpointFile || c.isProof(name):
	case strings.HasPrefix(name, logFolder+"/"):
		c.checkStrayTile(name)
	default:
		c.found(name, "no entry of the log names this file")
	}
}

// isProof: is it the proof of a revision that there is?
func (c *checker) isProof(name string) bool {
	return slices.ContainsFunc(c.Revisions, func(r Revision) bool { return r.Manifest.Folder()+"/"+ProofFile == name })
}

// checkStrayTile: the tiles of smaller trees stay, and must be true, too. While an entry is published its tiles come before the checkpoint.
func (c *checker) checkStrayTile(name string) {
	t, ok := parseTilePath(name)
	switch {
	case !ok:
		c.found(name, "it is no tile of the log")
	case holds(c.Size, t):
		want, err := c.tileData(t)
		if b, ok := c.open(name, maxLog); ok && (err != nil || !bytes.Equal(b, want)) {
			c.found(name, "it does not hold what follows from the entries")
		}
	case c.publishing != c.Size || !holds(c.Size+1, t):
		c.found(name, "the log is not that large: it has %d entries", c.Size)
	}
}

// checkProofs reads the proof of each revision.
func (c *checker) checkProofs() bool {
	c.begin("proofs", "The %s of each revision proves without a network that it is in the log.", ProofFile)
	for _, r := range c.Revisions {
		name := r.Manifest.Folder() + "/" + ProofFile
		if _, err := readFile(c.site, name, maxProof); errors.Is(err, fs.ErrNotExist) && r.Index == c.publishing {
			continue
		}
		if b, ok := c.open(name, maxProof); ok {
			if err := c.checkProof(r, string(b)); err != nil {
				c.found(name, "%v", err)
			}
		}
	}
	return true
}

func (c *checker) checkProof(r Revision, text string) error {
	p, err := ParseLogProof(text)
	if err != nil {
		return err
	}
	_, at, err := p.Check(c.keys)
	if err != nil {
		return err
	}
	if p.Index != r.Index || !bytes.Equal(p.Entry, r.Entry) {
		return fmt.Errorf("it is the proof of entry %d, and this is entry %d", p.Index, r.Index)
	}
	if root, err := c.tree.RootAt(at.Size); err != nil || root != at.Root {
		return fmt.Errorf("its checkpoint, of %d entries, is of another log", at.Size)
	}
	return nil
}

// checkReports reads the reports.
func (c *checker) checkReports() bool {
	c.begin("reports", "Each %s is a %s, keeps its rules, and is the revision that its entry says.", ReportFile, ReportSchema)
	for i := range c.Revisions {
		r := &c.Revisions[i]
		name := r.Manifest.Folder() + "/" + ReportFile
		if c.hashes[name] != r.Manifest.Report {
			continue // checkFiles said so, or it is not in place yet
		}
		b, ok := c.open(name, maxFile)
		if !ok {
			continue
		}
		report, err := ParseReport(b)
		if err != nil {
			c.found(name, "%v", err)
			continue
		}
		for _, f := range append(Rules(report), c.placed(*r, report)...) {
			f.File, f.Line = name, lineOf(b, f.Field)
			c.add(f)
		}
		r.Report = &report
	}
	return true
}

// placed: does the report say of itself what its entry says?
func (c *checker) placed(r Revision, report Report) (list []Finding) {
	m := r.Manifest
	for _, f := range []struct {
		field     string
		got, want any
	}{
		{"/incident_id", report.Incident, m.Incident}, {"/revision", report.Revision, m.Revision}, {"/previous_revision_hash", report.Previous, m.Previous},
		{"/log/origin", report.Log.Origin, c.Origin}, {"/log/index", report.Log.Index, r.Index}, {"/log/proof_url", report.Log.Proof, path.Base(ProofFile)},
	} {
		if f.got != f.want {
			list = append(list, Finding{Field: f.field, Text: fmt.Sprintf("it is %v, and the log says %v", f.got, f.want)})
		}
	}
	return list
}

func (c *checker) checkChain() bool {
	c.begin("times", "Each revision was published after the one before.")
	last := map[string]*Report{}
	for _, r := range c.Revisions {
		before := last[r.Manifest.Incident]
		if before != nil && r.Report != nil && r.Report.PublishedAt.Before(before.PublishedAt) {
			c.add(Finding{File: r.Manifest.Folder() + "/" + ReportFile, Field: "/published_at", Text: "it lies before that of the revision before"})
		}
		last[r.Manifest.Incident] = r.Report
	}
	return true
}

// checkSums adds up.
func (c *checker) checkSums() bool {
	c.begin("sums", "Sums are right: people told, people by country, the plot's points, severity.")
	c.each(func(_, now *Report) []Finding { return Sums(*now) })
	return true
}

// checkCorrections compares each revision with the one before.
func (c *checker) checkCorrections() bool {
	c.begin("corrections", "Whatever a revision says otherwise than the one before is in its corrections, before and after; and no correction was taken out again.")
	c.each(func(before, now *Report) []Finding {
		if before == nil && now.Revision > 1 {
			return nil
		}
		return Corrections(before, *now)
	})
	return true
}

// each revision that can be read, with the one before.
func (c *checker) each(check func(before, now *Report) []Finding) {
	last := map[string]*Report{}
	for _, r := range c.Revisions {
		if r.Report != nil {
			name := r.Manifest.Folder() + "/" + ReportFile
			b, _ := readFile(c.site, name, maxFile)
			for _, f := range check(last[r.Manifest.Incident], r.Report) {
				f.File, f.Line = name, lineOf(b, f.Field)
				c.add(f)
			}
		}
		last[r.Manifest.Incident] = r.Report
	}
}

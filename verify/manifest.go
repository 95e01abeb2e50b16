package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MaxManifest is how large an entry of the log may be: its length stands before it in 16 bits (c2sp.org/tlog-tiles).
const MaxManifest = 1<<16 - 1

// The files of the published folder that manifests do not name, and the one that they all do.
const (
	KeyFile        = "key.txt"           // verifier keys, one a line: the log's, the newest first, then those of its witnesses
	PublishingFile = "publishing.txt"    // there while a revision's files are put in place
	CheckpointFile = "log/checkpoint"    // c2sp.org/tlog-checkpoint
	ReportFile     = "report.json"       // of a revision, in its folder
	ProofFile      = "report.tlog-proof" // of a revision, in its folder: c2sp.org/tlog-proof

	logFolder = "log"
)

var (
	incidentForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	hashForm     = regexp.MustCompile(`^[0-9a-f]{64}$`)
	nameForm     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`)
)

// Folder is where the files of the manifest's revision are.
func (m Manifest) Folder() string { return m.Incident + "/" + strconv.Itoa(m.Revision) }

// Entry is the manifest as it is logged: Go's JSON without indentation.
func (m Manifest) Entry() ([]byte, error) {
	if err := m.sound(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(m)
	if err == nil && len(b) > MaxManifest {
		err = fmt.Errorf("the manifest of %s has %d bytes, and an entry of the log at most %d: publish fewer files at a time", m.Folder(), len(b), MaxManifest)
	}
	return b, err
}

// ParseManifest reads an entry, and refuses what Entry would not have written.
func ParseManifest(entry []byte) (m Manifest, err error) {
	if len(entry) > MaxManifest {
		return m, fmt.Errorf("it has %d bytes, and an entry at most %d", len(entry), MaxManifest)
	}
	if err := decode(entry, &m); err != nil {
		return m, err
	}
	again, err := m.Entry()
	if err != nil {
		return m, err
	}
	if !bytes.Equal(again, entry) {
		return m, errors.New("it is not written as " + ManifestSchema + " is: keys in their order and once each, without white space")
	}
	return m, nil
}

// sound: does it hold what a manifest must, and name only files that it may?
func (m Manifest) sound() error {
	switch {
	case m.Schema != ManifestSchema:
		return fmt.Errorf("schema is %q, and not %s", m.Schema, ManifestSchema)
	case !incidentForm.MatchString(m.Incident) || m.Incident == logFolder:
		return fmt.Errorf("incident_id %q is none", m.Incident)
	case m.Revision < 1:
		return fmt.Errorf("revision %d is none: they are counted from 1", m.Revision)
	case (m.Revision == 1) != (m.Previous == ""):
		return errors.New("previous is the hash of the revision before, and only the first has none")
	case m.Previous != "" && !hashForm.MatchString(m.Previous):
		return errors.New("previous is no SHA-256 of 64 hexadecimal digits")
	case m.Files[m.Folder()+"/"+ReportFile] != m.Report:
		return fmt.Errorf("report is not the hash of %s/%s", m.Folder(), ReportFile)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if err := m.mayName(name); err != nil {
			return err
		}
		if !hashForm.MatchString(m.Files[name]) {
			return fmt.Errorf("files: that of %s is no SHA-256 of 64 hexadecimal digits", name)
		}
	}
	return nil
}

func (m Manifest) mayName(name string) error {
	if !fs.ValidPath(name) || len(name) > 300 || slices.ContainsFunc(strings.Split(name, "/"), func(s string) bool { return !nameForm.MatchString(s) }) {
		return fmt.Errorf("files: %.300q is no path of a published file", name)
	}
	if reserved(name) {
		return fmt.Errorf("files: %s is no file that a manifest names", name)
	}
	if of, ok := revisionOf(name); ok && of != m.Folder() {
		return fmt.Errorf("files: %s belongs to another revision than %s", name, m.Folder())
	}
	return nil
}

// reserved are the files that are in no manifest.
func reserved(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return first == logFolder || name == KeyFile || name == PublishingFile || path.Ext(name) == ".tlog-proof"
}

// Immutable: does a file belong to one revision, so that it never changes?
func Immutable(name string) bool {
	_, is := revisionOf(name)
	return is
}

// revisionOf is INCIDENT/REVISION of a file that never changes; ok is false for one that may.
func revisionOf(name string) (folder string, ok bool) {
	parts := strings.SplitN(name, "/", 3)
	if len(parts) < 3 {
		return "", false
	}
	n, err := strconv.Atoi(parts[1])
	return parts[0] + "/" + parts[1], err == nil && n > 0 && strconv.Itoa(n) == parts[1]
}

package verify

import (
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Result is what was looked at and what was found.
type Result struct {
	Origin string `json:"origin,omitempty"`
	Size   int64  `json:"size"` // entries of the log
	Root   string `json:"root,omitempty"`
	Key    string `json:"key,omitempty"` // id of the key that signed the checkpoint
	// Cosigner is the id of the ML-DSA-44 key that signed it, too; empty: this log signs by Ed25519 alone.
	Cosigner string `json:"cosigner,omitempty"`
	// Pinned says how the key came to be believed: "given", "remembered" or "first use".
	Pinned string  `json:"pinned,omitempty"`
	Checks []Check `json:"checks"`
	// Unfinished says that a revision is being published right now: it is in the log, and some of its files are still as they were before.
	Unfinished string   `json:"unfinished,omitempty"`
	CannotSay  []string `json:"cannot_say"`

	// Revisions are in the order of the log; those whose report cannot be read have none.
	Revisions []Revision `json:"-"`
	// Seen is to be remembered if all is well.
	Seen Seen `json:"-"`
	tree Tree
}

// RootAt is the root that the log had when it was of some size; ok is false where it is not that large, or was not read.
func (r Result) RootAt(size int64) (root tlog.Hash, ok bool) {
	if size < 0 || size > r.Size {
		return root, false
	}
	root, err := r.tree.RootAt(size)
	return root, err == nil
}

// Revision is one entry of the log.
type Revision struct {
	Index    int64
	Entry    []byte
	Manifest Manifest
	Report   *Report
}

// Check is one thing that was looked at.
type Check struct {
	Name     string    `json:"name"`
	What     string    `json:"what"` // in a sentence, with how many of what
	Findings []Finding `json:"findings,omitempty"`
	// NotDone is why it could not be looked at, or not at all of it: nothing is found wrong, and nothing is shown to be right.
	NotDone string `json:"not_done,omitempty"`
}

// Finding is something that is not as it should be.
type Finding struct {
	File  string `json:"file"`
	Line  int    `json:"line,omitempty"`
	Field string `json:"field,omitempty"` // JSON pointer (RFC 6901)
	Text  string `json:"text"`
}

func (f Finding) String() string {
	at := f.File
	if f.Line > 0 {
		at += fmt.Sprintf(":%d", f.Line)
	}
	if f.Field != "" {
		at += " " + f.Field
	}
	return at + ": " + f.Text
}

// Findings of all checks.
func (r Result) Findings() (list []Finding) {
	for _, c := range r.Checks {
		list = append(list, c.Findings...)
	}
	return list
}

// NotDone says of the first check that could not be done why; empty if all were.
func (r Result) NotDone() string {
	for _, c := range r.Checks {
		if c.NotDone != "" {
			return c.Name + ": " + c.NotDone
		}
	}
	return ""
}

// OK: everything was looked at, and is as it should be.
func (r Result) OK() bool { return len(r.Findings()) == 0 && r.NotDone() == "" }

// Options say what is known beforehand.
type Options struct {
	Keys  *Keys  // who may sign: given by whoever checks; nil: by what was seen before, or on first use what key.txt says
	Place string // where it is: a URL, or a folder's path
	Seen  []Seen // what this machine saw before; what was at this place, or is of the log that is said to be there, counts
	Now   time.Time
}

// Seen is what was seen of a log at a place: it must be in every later state of it.
type Seen struct {
	Place      string    `json:"place"` // URL or folder
	Keys       []string  `json:"keys"`  // that were believed
	Origin     string    `json:"origin"`
	Size       int64     `json:"size"`
	Root       string    `json:"root"` // base64
	Checkpoint string    `json:"checkpoint"`
	At         time.Time `json:"at"`
}

var cannotSay = []string{
	"whether what the reports say is true: only that nobody changed it unseen, and that its sums are right",
	"whether others are shown another log: compare the checkpoint with theirs, with one in a notice, or trust a witness that signed it",
}

const (
	cannotList     = "whether there are files that no revision names: a web server does not list its files"
	cannotFirst    = "whether the key is the publisher's: it was seen here for the first time, and is remembered from now on; compare it, or give it with --key"
	cannotCosigner = "whether the log's ML-DSA-44 key is the publisher's: only its Ed25519 key was given; give both, as in key.txt"
	cannotBefore   = "whether the log was another one before: this machine saw it for the first time"
)

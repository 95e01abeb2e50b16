package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"candor.example/directory"
)

type keysCmd struct {
	Init   keysInitCmd   `cmd:"" help:"Make the digest key, unless it is there."`
	Rotate keysRotateCmd `cmd:"" help:"Change to a new digest key, without a gap in detection."`
}

type keysInitCmd struct {
	dataFlag
}

func (c *keysInitCmd) Run() error {
	keys, made, err := openKeys(c.dataFlag)
	if err != nil {
		return err
	}
	if made {
		fmt.Printf("%s: made, key %s. Keep a copy in a safe place: without it the directory's snapshot cannot be used.\n", c.digestKey(), keys[0].ID())
	} else {
		fmt.Printf("%s: is there already, key %s, and was left as it is\n", c.digestKey(), keys[0].ID())
	}
	return nil
}

type keysRotateCmd struct {
	dataFlag
	sourceFlags
	Kinds []string `placeholder:"KIND" help:"As for directory build."`
}

func (c *keysRotateCmd) Help() string {
	return `Digests cannot be turned into those of another key, so the snapshot is built anew, from the customer file or query that you give. Until
that is in place the old key and the old snapshot answer; a running serve takes up the new ones by itself. If it is stopped half-way,
run it again.

Customers who were added or forgotten under the old key stay so, and need it: its file stays in keys/ as digest-KEYID.key until
'candor directory info' says that it is not needed any more.

The digests of viewers, sessions and links are made with a key of their own, keys/viewer.key, which stays: sessions go on, and a link
that was opened before is still known.`
}

// Run takes steps of which any prefix is valid: readers accept the keys of all files in the folder.
func (c *keysRotateCmd) Run(ctx context.Context) error {
	keys, err := directory.ReadKeys(c.digestKey())
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w\nThere is no key to change: candor keys init makes one", err)
	} else if err != nil {
		return err
	}
	kinds, err := parseKinds(c.Kinds)
	if err != nil {
		return err
	}
	if err := keepViewerKey(c.dataFlag, keys[0]); err != nil {
		return err
	}
	next, err := directory.ReadKey(c.nextKey())
	if errors.Is(err, fs.ErrNotExist) {
		next, err = directory.CreateKey(c.nextKey())
	}
	if err != nil {
		return err
	}
	report, name, err := buildDirectory(ctx, c.sourceFlags, c.snapshot(), append([]directory.Key{next}, keys...), directory.BuildOptions{Kinds: kinds}, true)
	printProblems(os.Stderr, name, report)
	if err != nil {
		return fmt.Errorf("%w\nThe old key and the old snapshot stay in use", err)
	}
	old := filepath.Join(filepath.Dir(c.digestKey()), "digest-"+keys[0].ID()+".key")
	if err := os.Link(c.digestKey(), old); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot keep the old key: %w", err)
	}
	if err := os.Rename(c.nextKey(), c.digestKey()); err != nil {
		return fmt.Errorf("cannot put the new key in place: %w", err)
	}
	if err := takeUpDirectory(ctx, c.dataFlag); err != nil {
		return err
	}
	fmt.Printf("%s: now key %s, and the snapshot is built with it (%d customers).\nThe old one is %s. Keep a copy of the new one in a safe place.\n", c.digestKey(), next.ID(), report.Customers, old)
	return nil
}

// keepViewerKey writes down the key of viewers' digests, which so far was derived from the digest key.
func keepViewerKey(d dataFlag, k directory.Key) error {
	err := directory.Key(viewerKey(k)).Write(d.viewerKey())
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// openViewerKey reads the key of viewers' digests; before the first rotation it is derived from the digest key.
func openViewerKey(d dataFlag, k directory.Key) ([]byte, error) {
	key, err := directory.ReadKey(d.viewerKey())
	if errors.Is(err, fs.ErrNotExist) {
		return viewerKey(k), nil
	}
	return key[:], err
}

// openKeys reads the digest keys, of which the first is for builds, and makes one on first use.
func openKeys(d dataFlag) (keys []directory.Key, made bool, err error) {
	keys, err = directory.ReadKeys(d.digestKey())
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, false, err
	}
	if err := makeFolder(filepath.Dir(d.digestKey())); err != nil {
		return nil, false, err
	}
	key, err := directory.CreateKey(d.digestKey())
	return []directory.Key{key}, true, err
}

func makeFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("cannot make the folder %s: %w: choose another with --data", path, err)
	}
	return nil
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"candor.example/directory"
)

type keysCmd struct {
	Init keysInitCmd `cmd:"" help:"Make the digest key, unless it is there."`
}

type keysInitCmd struct {
	dataFlag
}

func (c *keysInitCmd) Run() error {
	_, made, err := openKey(c.dataFlag)
	if err != nil {
		return err
	}
	if made {
		fmt.Printf("%s: made. Keep a copy in a safe place: without it the directory's snapshot cannot be used.\n", c.digestKey())
	} else {
		fmt.Printf("%s: is there already, and was left as it is\n", c.digestKey())
	}
	return nil
}

// openKey reads the digest key, and makes it on first use.
func openKey(d dataFlag) (key directory.Key, made bool, err error) {
	key, err = directory.ReadKey(d.digestKey())
	if !errors.Is(err, fs.ErrNotExist) {
		return key, false, err
	}
	if err := makeFolder(filepath.Dir(d.digestKey())); err != nil {
		return key, false, err
	}
	key, err = directory.CreateKey(d.digestKey())
	return key, true, err
}

func makeFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("cannot make the folder %s: %w: choose another with --data", path, err)
	}
	return nil
}

package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"candor.example/internal/ledger"
	"candor.example/internal/notice"
	"candor.example/verify"
)

// publicFolder is what a web server serves.
func (c *Config) publicFolder(d dataFlag) string {
	return cmp.Or(c.Report.Folder, filepath.Join(d.Data, "public"))
}

// publicReport is the last published revision of an incident, with the log as it is now: what a notice says of it, and is a witness of. nil: there is none, or
// nobody said where people can read it.
func publicReport(ctx context.Context, d dataFlag, l *ledger.Ledger, c *Config, id string) (*notice.Report, error) {
	if c.Report.URL == "" {
		return nil, nil
	}
	list, err := l.Reports(ctx, id)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	last := list[len(list)-1]
	p, err := logNow(c.publicFolder(d))
	if err != nil {
		return nil, err
	}
	if p.Size <= last.Index {
		return nil, fmt.Errorf("%s: its log has %d entries, and entry %d was published: restore the folder from a copy", c.publicFolder(d), p.Size, last.Index)
	}
	return &notice.Report{URL: strings.TrimSuffix(c.Report.URL, "/") + "/" + id + "/", Revision: last.Revision, Hash: last.Hash, Checkpoint: p}, nil
}

// logNow is the checkpoint of a published folder, with its signature checked.
func logNow(folder string) (*notice.Checkpoint, error) {
	c, err := verify.Published(os.DirFS(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w\nA report was published, and its folder is not here: candor.yaml: report.folder", folder, err)
	} else if err != nil {
		return nil, err
	}
	return &notice.Checkpoint{Origin: c.Origin, Size: c.Size, Root: base64.StdEncoding.EncodeToString(c.Root[:])}, nil
}

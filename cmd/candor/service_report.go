package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"candor.example"
	"candor.example/internal/console"
	"candor.example/internal/filing"
	"candor.example/internal/keyfile"
	"candor.example/internal/report"
	"candor.example/verify"
)

// reports gives the console what its pages of reports need: the folder is that of the command line.
func (s *service) reports(o *console.Options, d dataFlag, ledger string) {
	o.Report = func(ctx context.Context, incident string) (report.Input, error) {
		return reportInput(ctx, s.ledger, s.config, incident, time.Now())
	}
	o.Filing = func(ctx context.Context, form filing.Form, incident, phase string) (filing.Input, error) {
		return filingInput(ctx, s.ledger, s.config, form, incident, phase, false)
	}
	o.Public = s.config.publicFolder(d)
	o.LogKeys = func() (verify.Keys, error) {
		lines, err := logKeys(d, s.config, o.Public)
		if err != nil {
			return verify.Keys{}, err
		}
		return verify.ParseKeys(strings.Join(lines, "\n") + "\n")
	}
	// A key with a passphrase is nothing for a process that nobody sits at.
	if encrypted, err := keyfile.Encrypted(signPair(d, "").privateFile()); err == nil && !encrypted {
		o.Publishing = &console.Publishing{Interrupted: s.interrupted, Complete: s.complete(d, ledger), Preview: s.preview(o), Publish: s.publish(d, ledger)}
	}
}

// openPublic opens the log to add to it, and completes what was interrupted.
func (s *service) openPublic(ctx context.Context, d dataFlag, ledger, by, why string) (*reportPublishCmd, *report.Log, error) {
	// What it saw of the log it remembers beside its data, not in the home folder of whoever started it.
	c := &reportPublishCmd{actFlags: actFlags{ledgerFlag: ledgerFlag{d, ledger}, By: by, Why: why}, Out: s.config.publicFolder(d), Memory: d.logsSeen()}
	log, err := c.open(ctx, s.config)
	if err != nil {
		return nil, nil, err
	}
	if err := c.catchUp(ctx, log); err != nil {
		log.Close()
		return nil, nil, err
	}
	return c, log, nil
}

// interrupted: a publication was begun and is not complete, or is public and not on record. It only reads.
func (s *service) interrupted(ctx context.Context) (bool, error) {
	folder := s.config.publicFolder(dataFlag{s.config.Data})
	if report.Interrupted(folder) {
		return true, nil
	}
	known, err := s.ledger.Reports(ctx, "")
	if err != nil {
		return false, err
	}
	p, err := verify.Published(os.DirFS(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return int64(len(known)) < p.Size, err
}

func (s *service) complete(d dataFlag, ledger string) func(ctx context.Context, by, why string) error {
	return func(ctx context.Context, by, why string) error {
		_, log, err := s.openPublic(ctx, d, ledger, by, why)
		if err != nil {
			return err
		}
		return log.Close()
	}
}

// preview looks at the folder as a stranger would, and changes nothing in it.
func (s *service) preview(o *console.Options) func(context.Context, verify.Report) (console.Publication, error) {
	return func(_ context.Context, r verify.Report) (p console.Publication, err error) {
		keys, err := o.LogKeys()
		if err != nil {
			return p, err
		}
		p.Folder, p.Origin = o.Public, keys.Log[0].Name()
		log, err := publishedIn(o.Public, keys)
		if err != nil {
			return p, err
		}
		p.Index = log.Size
		r.Log.Origin, r.Log.Index = p.Origin, p.Index
		body, err := report.Marshal(r)
		if err != nil {
			return p, err
		}
		if p.Pages, err = pagesOf(log.Revisions, r, candor.HashOf(body)); err != nil {
			return p, err
		}
		p.Files = report.Chosen(log.Revisions, verify.Manifest{Incident: r.Incident, Revision: r.Revision}.Folder(), body, p.Pages)
		return p, nil
	}
}

// publishedIn is what stands in a folder to which something is about to be added; nothing yet is as it should be.
func publishedIn(folder string, keys verify.Keys) (r verify.Result, err error) {
	if _, err := os.Stat(filepath.Join(folder, verify.CheckpointFile)); errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return r, err
	}
	defer root.Close()
	r = verify.Folder(root.FS(), verify.Options{Keys: &keys, Place: folder, Now: time.Now()})
	if list := r.Findings(); len(list) > 0 {
		return r, fmt.Errorf("%s does not verify, and nothing is added to it: %s (and %d more)", folder, list[0], len(list)-1)
	}
	return r, nil
}

func (s *service) publish(d dataFlag, ledger string) func(context.Context, verify.Report, []candor.Document, string, string) error {
	return func(ctx context.Context, r verify.Report, evidence []candor.Document, by, why string) error {
		c, log, err := s.openPublic(ctx, d, ledger, by, why)
		if err != nil {
			return err
		}
		defer log.Close()
		_, err = c.put(ctx, log, r, evidence...) // the log refuses it where it is not the next entry
		return err
	}
}

package main

import (
	"context"
	"maps"
	"slices"
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
		o.Publishing = &console.Publishing{Preview: s.preview(d, ledger), Publish: s.publish(d, ledger)}
	}
}

// openPublic opens the log for one publication, and completes what was interrupted.
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

func (s *service) preview(d dataFlag, ledger string) func(context.Context, verify.Report) (console.Publication, error) {
	return func(ctx context.Context, r verify.Report) (p console.Publication, err error) {
		c, log, err := s.openPublic(ctx, d, ledger, "", "")
		if err != nil {
			return p, err
		}
		defer log.Close()
		r.Log.Origin, r.Log.Index = log.Origin(), log.Next()
		body, err := report.Marshal(r)
		if err != nil {
			return p, err
		}
		files, err := pagesOf(log, r, candor.HashOf(body))
		if err != nil {
			return p, err
		}
		chosen := log.Chosen(verify.Manifest{Incident: r.Incident, Revision: r.Revision}.Folder(), body, files)
		return console.Publication{Folder: c.folder(), Index: log.Next(), Origin: log.Origin(), Files: slices.Sorted(maps.Keys(chosen))}, nil
	}
}

func (s *service) publish(d dataFlag, ledger string) func(context.Context, verify.Report, []candor.Document, string, string) error {
	return func(ctx context.Context, r verify.Report, evidence []candor.Document, by, why string) error {
		c, log, err := s.openPublic(ctx, d, ledger, by, why)
		if err != nil {
			return err
		}
		defer log.Close()
		r.Log.Origin, r.Log.Index = log.Origin(), log.Next()
		_, err = c.put(ctx, log, r, evidence...)
		return err
	}
}

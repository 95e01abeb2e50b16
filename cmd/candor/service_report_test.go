package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/console"
	"candor.example/internal/keyfile"
	"candor.example/internal/report"
	"candor.example/verify"
)

// The console looks at a publication that was interrupted, and changes nothing; whoever completes it is on record for it.
func TestPreviewChangesNothing(t *testing.T) {
	dir := t.TempDir()
	d := dataFlag{filepath.Join(dir, "data")}
	customers := filepath.Join(dir, "customers.csv")
	must(t, os.WriteFile(customers, []byte("id,email\n1,anna@customer.example\n"), 0o600))
	must(t, makeFolder(d.keys()))
	_, err := signPair(d, "shop.example/candor").ensure(keyfile.Plain{})
	must(t, err)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("anna@customer.example")) }))
	defer shop.Close()
	c := &Config{Upstream: shop.URL, Customers: customers, Listen: "127.0.0.1:0", Console: "127.0.0.1:0", Data: d.Data, Mode: "observe", DNS: "off"}
	c.Notice, err = demoNotice(d, "127.0.0.1:1")
	must(t, err)
	s, err := startService(t.Context(), c, nil, slog.New(slog.DiscardHandler))
	must(t, err)
	defer s.drain(10 * time.Second)
	response, err := http.Get(s.siteURL())
	must(t, err)
	response.Body.Close()
	must(t, s.caughtUp(t.Context()))
	list, err := s.ledger.Incidents(t.Context())
	must(t, err)

	var o console.Options
	s.reports(&o, d, "")
	in, err := o.Report(t.Context(), list[0].ID)
	must(t, err)
	in.Origin = "shop.example/candor"
	draft, err := report.Draft(in)
	must(t, err)
	before := tree(t, o.Public)
	p, err := o.Publishing.Preview(t.Context(), draft)
	must(t, err)
	if after := tree(t, o.Public); !maps.Equal(before, after) {
		t.Error("to look makes files")
	}
	if interrupted, err := o.Publishing.Interrupted(t.Context()); interrupted || err != nil {
		t.Error("nothing was begun:", err)
	}

	// As a kill between staging and signing leaves it.
	folder := draft.Incident + "/1"
	m := verify.Manifest{Schema: verify.ManifestSchema, Incident: draft.Incident, Revision: 1, Report: candor.HashOf(p.Files[folder+"/"+verify.ReportFile]), Files: map[string]string{}}
	next := filepath.Join(o.Public, ".candor", "next")
	for name, b := range p.Files {
		m.Files[name] = candor.HashOf(b)
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(next, "files", name)), 0o755))
		must(t, os.WriteFile(filepath.Join(next, "files", name), b, 0o644))
	}
	entry, err := m.Entry()
	must(t, err)
	must(t, os.WriteFile(filepath.Join(next, "entry"), entry, 0o644))

	before = tree(t, o.Public)
	if _, err := o.Publishing.Preview(t.Context(), draft); err != nil {
		t.Error(err)
	}
	if interrupted, err := o.Publishing.Interrupted(t.Context()); !interrupted || err != nil {
		t.Error("it is not seen:", err)
	}
	if after := tree(t, o.Public); !maps.Equal(before, after) {
		t.Error("to look completes a publication")
	}
	must(t, o.Publishing.Complete(t.Context(), "Ada Lind", "the machine went down"))
	if interrupted, err := o.Publishing.Interrupted(t.Context()); interrupted || err != nil {
		t.Error("it is complete:", err)
	}
	if r := verify.Folder(os.DirFS(o.Public), verify.Options{Now: time.Now()}); !r.OK() || r.Size != 1 {
		t.Error(r.Findings())
	}
	rows, err := s.ledger.Audit(t.Context(), draft.Incident, 1)
	if err != nil || len(rows) != 1 || rows[0].By != "Ada Lind" || rows[0].What != candor.ReportPublished {
		t.Errorf("%+v %v", rows, err)
	}
	draft.Log = verify.Log{Origin: p.Origin, Index: p.Index, Proof: verify.ProofFile}
	if err := o.Publishing.Publish(t.Context(), draft, nil, "Ada Lind", ""); err == nil {
		t.Error("what was looked at as entry 0 is published as entry 1")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tree is what a folder holds, by path; nothing where it is not there.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = candor.HashOf(b)
		return err
	}))
	return files
}

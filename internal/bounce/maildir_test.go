package bounce

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"candor.example/internal/notice"
)

func maildir(t *testing.T) string {
	dir := t.TempDir()
	for _, d := range []string{"new", "cur", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func put(t *testing.T, dir, name, report string) {
	t.Helper()
	raw, err := os.ReadFile("testdata/reports/" + report + ".eml")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func left(t *testing.T, dir string) (names []string) {
	t.Helper()
	for _, d := range []string{"new", "cur", NotUnderstood + "/new"} {
		files, _ := filepath.Glob(filepath.Join(dir, d, "*"))
		for _, f := range files {
			rel, _ := filepath.Rel(dir, f)
			names = append(names, rel)
		}
	}
	return names
}

// A report that cannot be kept stays; one that was kept is gone, and no address of it is left; what is none is set aside.
func TestMaildir(t *testing.T) {
	dir := maildir(t)
	put(t, dir, "new/1.a", "postfix-unknown")
	put(t, dir, "cur/2.a:2,S", "arf-abuse")
	put(t, dir, "new/3.a", "a-person")
	put(t, dir, "new/4.a", "no-key")
	put(t, dir, "tmp/5.a", "qmail") // not delivered yet
	outside := filepath.Join(t.TempDir(), "secret")
	if err := errors.Join(os.WriteFile(outside, []byte("x"), 0o600), os.Symlink(outside, filepath.Join(dir, "new/6.a"))); err != nil {
		t.Fatal(err)
	}
	var got []Report
	full := errors.New("no space left")
	failing := true
	m := Maildir{dir, path, func(r Report) error {
		got = append(got, r)
		if failing {
			return full
		}
		return nil
	}}
	if took, _, err := m.Read(t.Context()); !errors.Is(err, full) || took != 0 || len(left(t, dir)) != 5 {
		t.Fatalf("%d, %v, %v", took, err, left(t, dir))
	}
	failing = false
	took, aside, err := m.Read(t.Context())
	if err != nil || took != 2 || aside != 2 || len(got) != 3 {
		t.Fatalf("%d, %d, %v: %+v", took, aside, err, got)
	}
	if got[0] != got[1] || got[1].Kind != notice.Returned || got[2].Kind != notice.Complained || got[1].ID == got[2].ID {
		t.Errorf("%+v", got)
	}
	if l := left(t, dir); len(l) != 3 || l[0] != "new/6.a" || l[1] != NotUnderstood+"/new/3.a" || l[2] != NotUnderstood+"/new/4.a" {
		t.Errorf("%v", l)
	}
	if took, aside, err := m.Read(t.Context()); took != 0 || aside != 0 || err != nil {
		t.Errorf("again: %d, %d, %v", took, aside, err)
	}
	if _, _, err := (Maildir{t.TempDir(), path, nil}).Read(t.Context()); err == nil {
		t.Error("an empty folder is a Maildir")
	}
}

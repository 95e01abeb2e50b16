package keyfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const secret = "a secret of somebody\n"

func saying(passphrase string) Passphrase {
	return Passphrase{Ask: func(string, bool) (string, error) { return passphrase, nil }}
}

func TestPlain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.key")
	if err := (Plain{}).Create(path, []byte(secret)); err != nil {
		t.Fatal(err)
	}
	if b, err := (Plain{}).Read(path); err != nil || string(b) != secret {
		t.Errorf("%q, %v", b, err)
	}
	if e, err := Encrypted(path); e || err != nil {
		t.Error(e, err)
	}
	if err := (Plain{}).Create(path, []byte("another")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("it was overwritten: %v", err)
	}
	if _, err := saying("correct horse battery").Read(path); err == nil || !strings.Contains(err.Error(), "no file that was encrypted") {
		t.Error(err)
	}
}

func TestPassphrase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.key")
	good := saying("correct horse battery")
	if err := good.Create(path, []byte(secret)); err != nil {
		t.Fatal(err)
	}
	raw, _ := os.ReadFile(path)
	if e, err := Encrypted(path); !e || err != nil || bytes.Contains(raw, []byte("somebody")) {
		t.Errorf("%v, %v: %s", e, err, raw)
	}
	if b, err := good.Read(path); err != nil || string(b) != secret {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := saying("wrong horse battery").Read(path); err == nil || !strings.HasSuffix(err.Error(), "x.key: wrong passphrase") {
		t.Error(err)
	}
	if _, err := (Plain{}).Read(path); err == nil || !strings.Contains(err.Error(), "--passphrase-file") {
		t.Error(err)
	}
	raw[len(raw)/2] ^= 3
	os.WriteFile(path, raw, 0o600)
	if _, err := good.Read(path); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Error(err)
	}
}

func TestPassphraseLength(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.key")
	if err := saying("12345678901").Create(path, []byte(secret)); err == nil || !strings.Contains(err.Error(), "12 characters") || strings.Contains(err.Error(), "345") {
		t.Error(err)
	}
	if err := saying("123456789012").Create(path, []byte(secret)); err != nil {
		t.Error(err)
	}
}

// Who else may read a private key, or change a public one, is told as ssh does.
func TestPermissions(t *testing.T) {
	dir := t.TempDir()
	private, public := filepath.Join(dir, "x.key"), filepath.Join(dir, "x.pub")
	if err := errors.Join(Plain{}.Create(private, []byte(secret)), CreatePublic(public, []byte("public"))); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[fs.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o620: false, 0o644: false} {
		os.Chmod(private, mode)
		if _, err := (Plain{}).Read(private); (err == nil) != want || err != nil && !strings.Contains(err.Error(), "chmod go-rwx "+private) {
			t.Errorf("private, %o: %v", mode, err)
		}
	}
	for mode, want := range map[fs.FileMode]bool{0o644: true, 0o600: true, 0o444: true, 0o664: false, 0o646: false} {
		os.Chmod(public, mode)
		if _, err := ReadPublic(public); (err == nil) != want || err != nil && !strings.Contains(err.Error(), "chmod go-w "+public) {
			t.Errorf("public, %o: %v", mode, err)
		}
	}
}

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pub")
	for _, want := range []string{"one", "two"} {
		if err := Replace(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if b, err := ReadPublic(path); err != nil || string(b) != want {
			t.Errorf("%q, %v", b, err)
		}
	}
	left, _ := os.ReadDir(filepath.Dir(path))
	if len(left) != 1 {
		t.Error(left)
	}
}

func TestTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.key")
	os.WriteFile(path, make([]byte, maxFile), 0o600)
	if _, err := (Plain{}).Read(path); err != nil {
		t.Error(err)
	}
	os.WriteFile(path, make([]byte, maxFile+1), 0o600)
	if _, err := (Plain{}).Read(path); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Error(err)
	}
}

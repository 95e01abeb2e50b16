package directory

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"candor.example/scan"
)

// Key is the secret under which identifiers are digested. It prints itself redacted.
type Key [32]byte

const keyHeader = "candor-digest-key-v1 "

// CreateKey makes a key and writes it to a new file that only its owner can read. It never overwrites one.
func CreateKey(path string) (Key, error) {
	var k Key
	rand.Read(k[:])
	if err := k.Write(path); err != nil {
		return Key{}, err
	}
	return k, nil
}

// Write writes a key to a new file that only its owner can read, all of it or nothing. It never overwrites one.
func (k Key) Write(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".candor-key-") // of mode 0600
	if err != nil {
		return fmt.Errorf("cannot make the key: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(keyHeader + base64.StdEncoding.EncodeToString(k[:]) + "\n")
	if e := f.Sync(); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Link(f.Name(), path) // unlike a rename, this fails where there is a file
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already, and a key is never overwritten: %w", path, err)
	} else if err != nil {
		return fmt.Errorf("cannot write the key: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

// ReadKeys reads the key at path, which is the one in use, and those beside it that rotation left or is about to use: path
// digest.key has digest-NAME.key beside it.
func ReadKeys(path string) ([]Key, error) {
	k, err := ReadKey(path)
	if err != nil {
		return nil, err
	}
	keys := []Key{k}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("digest key: %w", err)
	}
	prefix := strings.TrimSuffix(filepath.Base(path), ".key") + "-"
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !strings.HasSuffix(e.Name(), ".key") {
			continue
		}
		k, err := ReadKey(filepath.Join(filepath.Dir(path), e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // renamed meanwhile
		} else if err != nil {
			return nil, err
		}
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// ReadKey reads a key that CreateKey made. A file that others may read is refused.
func ReadKey(path string) (Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, fmt.Errorf("digest key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("digest key: others may read %s: chmod 600 %s", path, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("digest key: %w", err)
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(string(b)), keyHeader)
	raw, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(raw) != len(Key{}) {
		return Key{}, fmt.Errorf("digest key: %s is no key that candor made (it begins with %q and holds 32 bytes)", path, keyHeader)
	}
	return Key(raw), nil
}

// Format keeps the key out of every print.
func (k Key) Format(s fmt.State, _ rune) { fmt.Fprint(s, "digest key ", k.ID()) }

// LogValue keeps the key out of logs.
func (k Key) LogValue() slog.Value { return slog.StringValue("digest key " + k.ID()) }

// ID tells keys apart: a keyed fingerprint, 16 hexadecimal digits.
func (k Key) ID() string {
	d := k.Digest("key id", nil)
	return hex.EncodeToString(d[:8])
}

// Digest is HMAC-SHA-256 of a value under its kind (RFC 2104, FIPS 180-4): a keyed pseudo-random function. What a snapshot
// holds is another, see digest.
func (k Key) Digest(kind scan.Kind, normalised []byte) (d [32]byte) {
	h := hmac.New(sha256.New, k[:])
	h.Write(append(append([]byte(kind), 0), normalised...))
	h.Sum(d[:0])
	return d
}

func keyByID(keys []Key, id string) (Key, bool) {
	for _, k := range keys {
		if k.ID() == id {
			return k, true
		}
	}
	return Key{}, false
}

func whatKeys(keys []Key) string {
	if len(keys) == 1 {
		return "this is key " + keys[0].ID()
	}
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.ID()
	}
	return "the keys are " + strings.Join(ids, ", ")
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

package directory

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"candor.example/scan"
)

// Key is the secret under which identifiers are digested. It prints itself redacted.
type Key [32]byte

const keyHeader = "candor-digest-key-v1 "

// CreateKey makes a key and writes it to a new file that only its owner can read. It never overwrites one.
func CreateKey(path string) (Key, error) {
	var k Key
	rand.Read(k[:])
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("%s is there already, and a key is never overwritten: %w", path, err)
	} else if err != nil {
		return Key{}, fmt.Errorf("cannot make the key: %w", err)
	}
	_, err = f.WriteString(keyHeader + base64.StdEncoding.EncodeToString(k[:]) + "\n")
	if e := f.Sync(); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		os.Remove(path)
		return Key{}, fmt.Errorf("cannot write the key: %w", err)
	}
	return k, nil
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

// Digest is HMAC-SHA-256 of a normalised identifier under its kind (RFC 2104, FIPS 180-4): a keyed pseudo-random function,
// so that a stolen snapshot cannot be searched by guessing addresses.
func (k Key) Digest(kind scan.Kind, normalised []byte) (d [32]byte) {
	h := newDigester(k)
	h.sum(&d, kind, normalised)
	return d
}

// digester is a reused HMAC: setting one up costs four times as much as using it.
type digester struct {
	mac hash.Hash
	buf []byte
	out [32]byte
}

func newDigester(k Key) *digester { return &digester{mac: hmac.New(sha256.New, k[:])} }

func (h *digester) sum(d *[32]byte, kind scan.Kind, normalised []byte) {
	h.mac.Reset()
	h.buf = append(append(append(h.buf[:0], kind...), 0), normalised...)
	h.mac.Write(h.buf)
	h.mac.Sum(h.out[:0])
	*d = h.out
}

func digesters(k Key) *sync.Pool { return &sync.Pool{New: func() any { return newDigester(k) }} }

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

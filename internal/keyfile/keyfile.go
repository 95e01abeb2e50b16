// Package keyfile keeps private keys in files that only their owner can read: as they are (Plain), or encrypted with a passphrase
// (Passphrase).
//
// It promises: no file is ever overwritten by Create; one that others may read is refused, as ssh does; no error holds a key or a
// passphrase; what is written is on disk, whole or not at all, when Create or Replace returns.
package keyfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// maxFile is more than any key needs.
const maxFile = 64 << 10

// Plain keeps keys as they are: for demos, and where the disk is encrypted and the machine is trusted.
type Plain struct{}

// Create writes a secret to a new file.
func (Plain) Create(path string, secret []byte) error { return create(path, secret, 0o600) }

// Read reads what Create wrote.
func (Plain) Read(path string) ([]byte, error) {
	b, err := read(path, 0o077, "read")
	if err == nil && encrypted(b) {
		return nil, fmt.Errorf("%s is encrypted with a passphrase: candor keys init --passphrase-file FILE opens it", path)
	}
	return b, err
}

// Passphrase keeps keys encrypted with a passphrase, in the age format (age-encryption.org/v1), so that the age program opens them,
// too. What a passphrase is worth is stretched by scrypt (RFC 7914), a second and 256 MiB for each try.
type Passphrase struct {
	// Ask returns the passphrase for a file that is there, or is to be made.
	Ask func(path string, making bool) (string, error)
}

const (
	// MinPassphrase is how many bytes a new passphrase has at least.
	MinPassphrase = 12
	maxWork       = 20 // 2^20: a file that asks for more would take the machine's memory
)

// Create writes a secret to a new file.
func (p Passphrase) Create(path string, secret []byte) error {
	passphrase, err := p.Ask(path, true)
	if err != nil {
		return err
	}
	if len(passphrase) < MinPassphrase {
		return fmt.Errorf("the passphrase is too short: it needs %d characters or more; six random words are a good one", MinPassphrase)
	}
	b, err := encrypt(passphrase, secret)
	if err != nil {
		return fmt.Errorf("cannot encrypt %s: %w", path, err)
	}
	return create(path, b, 0o600)
}

func encrypt(passphrase string, secret []byte) ([]byte, error) {
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	text := armor.NewWriter(&b)
	w, err := age.Encrypt(text, to)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(secret)
	err = errors.Join(err, w.Close(), text.Close())
	return b.Bytes(), err
}

// Read reads what Create wrote.
func (p Passphrase) Read(path string) ([]byte, error) {
	b, err := read(path, 0o077, "read")
	if err != nil {
		return nil, err
	}
	passphrase, err := p.Ask(path, false)
	if err != nil {
		return nil, err
	}
	secret, err := decrypt(passphrase, b)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) && slices.Equal(wrong.StanzaTypes, []string{"scrypt"}) {
		return nil, fmt.Errorf("%s: wrong passphrase", path)
	} else if err != nil {
		return nil, fmt.Errorf("%s is damaged, or no file that was encrypted with a passphrase: restore it from your copy", path)
	}
	return secret, nil
}

func decrypt(passphrase string, b []byte) ([]byte, error) {
	by, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	by.SetMaxWorkFactor(maxWork)
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(b)), by)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxFile))
}

// Encrypted says whether the key in a file is encrypted.
func Encrypted(path string) (bool, error) {
	b, err := read(path, 0o077, "read")
	return encrypted(b), err
}

func encrypted(b []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(b), []byte(armor.Header)) }

// CreatePublic writes a public key to a new file, and Replace in place of an old one.
func CreatePublic(path string, key []byte) error { return create(path, key, 0o644) }

// Replace puts a public key in place of an old one, at once.
func Replace(path string, key []byte) error {
	return write(path, key, 0o644, os.Rename)
}

// ReadPublic reads a public key. A file that others may change is refused: what is sealed with their key is theirs to read.
func ReadPublic(path string) ([]byte, error) { return read(path, 0o022, "change") }

func read(path string, refuse fs.FileMode, what string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	if bits := info.Mode().Perm() & refuse; bits != 0 {
		return nil, fmt.Errorf("others may %s %s: chmod go-%s %s, and if others use this machine, change the key", what, path, map[string]string{"read": "rwx", "change": "w"}[what], path)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = errors.New("it is too long for a key")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// create never overwrites: unlike a rename, a link fails where there is a file.
func create(path string, b []byte, mode fs.FileMode) error {
	err := write(path, b, mode, os.Link)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already, and a key is never overwritten: %w", path, fs.ErrExist)
	}
	return err
}

func write(path string, b []byte, mode fs.FileMode, place func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".candor-key-") // of mode 0600
	if err != nil {
		return fmt.Errorf("cannot make the key: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = place(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("cannot write the key: %w", err)
	}
	return Sync(filepath.Dir(path))
}

// Sync makes what was done to a folder's files last.
func Sync(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"candor.example/internal/delivery"
	"candor.example/internal/keyfile"
	"candor.example/internal/report"
	"candor.example/internal/seal"
	"candor.example/verify"
)

// vault keeps private keys. There are two: keyfile.Plain and keyfile.Passphrase.
type vault interface {
	Create(path string, secret []byte) error
	Read(path string) ([]byte, error)
}

// keyPair is a private key and its public half, in the files NAME.key and NAME.pub. Only the public one need be here, and says which pair is in
// use. Older ones are NAME-KEYID.key and NAME-KEYID.pub.
type keyPair struct {
	folder, name string
	pairKind
}

// pairKind is what a pair is made of.
type pairKind struct {
	// like makes a private key: of the same sort as a public one, where that is given.
	like   func(public []byte) (secret []byte, err error)
	public func(secret []byte) ([]byte, error)
	// describe a public key: its id, and its algorithm or name.
	describe func(public []byte) (id, sort string, err error)
}

func (p keyPair) privateFile() string { return filepath.Join(p.folder, p.name+".key") }
func (p keyPair) publicFile() string  { return filepath.Join(p.folder, p.name+".pub") }

// older is the file of one that was in use, without its ending.
func (p keyPair) older(id string) string { return filepath.Join(p.folder, p.name+"-"+id) }

func (d dataFlag) keys() string { return filepath.Dir(d.digestKey()) }

// sealPair is the pair by which the guard seals and the notifier opens.
func sealPair(d dataFlag, a seal.Algorithm) keyPair {
	like := func(public []byte) ([]byte, error) {
		a := a
		if k, err := seal.ParsePublic(public); err == nil && k.Algorithm() == seal.PostQuantum {
			a = seal.PostQuantum // no rotation makes a key weaker
		}
		k, err := seal.Generate(a)
		if err != nil {
			return nil, err
		}
		return k.Text()
	}
	public := func(secret []byte) ([]byte, error) {
		k, err := seal.ParsePrivate(secret)
		if err != nil {
			return nil, err
		}
		return k.Public().Text(), nil
	}
	describe := func(public []byte) (id, sort string, err error) {
		k, err := seal.ParsePublic(public)
		if err != nil {
			return "", "", err
		}
		return k.ID(), string(k.Algorithm()), nil
	}
	return keyPair{d.keys(), "seal", pairKind{like, public, describe}}
}

// signPair is the pair by which reports and checkpoints are signed, in the form of golang.org/x/mod/sumdb/note, so that anybody's
// tools verify them. A key's name is part of it.
func signPair(d dataFlag, name string) keyPair {
	like := func(public []byte) ([]byte, error) {
		name := name
		if v, err := note.NewVerifier(strings.TrimSpace(string(public))); err == nil {
			name = v.Name()
		}
		secret, public2, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			return nil, err
		}
		if _, err := note.NewVerifier(public2); err != nil {
			return nil, errors.New("--name: a key's name holds neither spaces nor plus signs, such as shop.example/candor")
		}
		return []byte(secret + "\n"), nil
	}
	return keyPair{d.keys(), "sign", pairKind{like, verifierOf, describeVerifier}}
}

// cosignPair is the pair by which checkpoints are signed beside signPair's, with ML-DSA-44 (FIPS 204). Its name is that of signPair's: the log's.
func cosignPair(d dataFlag, name string) keyPair {
	describe := func(public []byte) (id, sort string, err error) {
		line := strings.TrimSpace(string(public))
		name, rest, _ := strings.Cut(line, "+")
		id, encoded, _ := strings.Cut(rest, "+")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(raw) == 0 {
			return "", "", errCosignKey
		}
		if _, again, err := verify.CosignerKey(name, raw[1:]); err != nil || again != line {
			return "", "", errCosignKey
		}
		return id, "ml-dsa-44", nil
	}
	like := func(public []byte) ([]byte, error) {
		name := name
		if public != nil {
			name, _, _ = strings.Cut(string(public), "+")
		}
		c, err := report.NewCosigner(name)
		if err != nil {
			return nil, err
		}
		return []byte(c.Secret() + "\n"), nil
	}
	public := func(secret []byte) ([]byte, error) {
		c, err := report.ParseCosigner(string(secret))
		if err != nil {
			return nil, err
		}
		return []byte(c.Line() + "\n"), nil
	}
	return keyPair{d.keys(), "cosign", pairKind{like, public, describe}}
}

var errCosignKey = errors.New("this is no public ML-DSA-44 key that candor made, or it is damaged: restore it from your copy")

// verifierOf makes the public half of a signing key.
func verifierOf(secret []byte) ([]byte, error) {
	signer, seed, err := delivery.ParseSigningKey(string(secret))
	if err != nil {
		return nil, err
	}
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	text, err := note.NewEd25519VerifierKey(signer.Name(), public)
	return []byte(text + "\n"), err
}

func describeVerifier(public []byte) (id, sort string, err error) {
	v, err := note.NewVerifier(strings.TrimSpace(string(public)))
	if err != nil {
		return "", "", delivery.ErrSigningKey
	}
	return fmt.Sprintf("%08x", v.KeyHash()), v.Name(), nil
}

// read the public key that is in use, and say what it is.
func (p keyPair) read() (public []byte, id, sort string, err error) {
	if public, err = keyfile.ReadPublic(p.publicFile()); err != nil {
		return nil, "", "", err
	}
	if id, sort, err = p.describe(public); err != nil {
		err = fmt.Errorf("%s: %w", p.publicFile(), err)
	}
	return public, id, sort, err
}

// ensure makes what is missing of the pair. The private key comes first: killed behind it, the next call finds it and makes its public
// half, and nothing is ever sealed that cannot be opened.
func (p keyPair) ensure(v vault) (made bool, err error) {
	if _, _, _, err := p.read(); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	secret, err := readPrivate(v, p.privateFile())
	if errors.Is(err, fs.ErrNotExist) {
		if secret, err = p.like(nil); err == nil {
			err = v.Create(p.privateFile(), secret)
		}
		if errors.Is(err, fs.ErrExist) { // another process was first
			secret, err = readPrivate(v, p.privateFile())
		}
	}
	if err != nil {
		return false, err
	}
	public, err := p.public(secret)
	if err != nil {
		return false, fmt.Errorf("%s: %w", p.privateFile(), err)
	}
	if err := keyfile.CreatePublic(p.publicFile(), public); !errors.Is(err, fs.ErrExist) {
		return err == nil, err
	}
	return false, nil
}

// readPrivate reads a private key from where it is, plain or encrypted.
func readPrivate(v vault, path string) ([]byte, error) {
	encrypted, err := keyfile.Encrypted(path)
	if err != nil {
		return nil, err
	}
	if _, asks := v.(keyfile.Passphrase); asks && !encrypted {
		v = keyfile.Plain{}
	}
	return v.Read(path)
}

// rotate takes a new pair into use and keeps the old one. Any prefix of its steps is valid: the public key decides which pair is in use,
// and its private half is on disk before, under a name of its own.
func (p keyPair) rotate(v vault) (before, id string, err error) {
	if err := p.finish(); err != nil {
		return "", "", err
	}
	public, before, _, err := p.read()
	if err != nil {
		return "", "", err
	}
	if err := p.keep(v, before); err != nil {
		return "", "", err
	}
	secret, err := p.like(public)
	if err != nil {
		return "", "", err
	}
	next, err := p.public(secret)
	if err != nil {
		return "", "", err
	}
	if id, _, err = p.describe(next); err != nil {
		return "", "", err
	}
	if err := v.Create(p.older(id)+".key", secret); err != nil {
		return "", "", err
	}
	if err := keyfile.Replace(p.publicFile(), next); err != nil {
		return "", "", err
	}
	return before, id, p.finish()
}

// keep gives the pair in use a second name, by its id. The private one may be elsewhere.
func (p keyPair) keep(v vault, id string) error {
	secret, err := readPrivate(v, p.privateFile())
	if err == nil {
		err = p.belongs(secret, id)
	}
	if err == nil {
		err = link(p.privateFile(), p.older(id)+".key")
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return link(p.publicFile(), p.older(id)+".pub")
}

func (p keyPair) belongs(secret []byte, id string) error {
	public, err := p.public(secret)
	if err != nil {
		return fmt.Errorf("%s: %w", p.privateFile(), err)
	}
	if other, _, _ := p.describe(public); other != id {
		return fmt.Errorf("%s is key %s, and %s is key %s: put the two of one pair there", p.privateFile(), other, p.publicFile(), id)
	}
	return nil
}

// finish puts the private key of the pair in use in its place, where a rotation left it under the name of its id. What it replaces has a
// second name.
func (p keyPair) finish() error {
	_, id, _, err := p.read()
	if err != nil {
		return err
	}
	next := p.older(id) + ".key"
	if _, err := os.Stat(next); errors.Is(err, fs.ErrNotExist) || same(next, p.privateFile()) {
		return nil
	}
	if _, err := os.Stat(p.privateFile()); err == nil && !p.twice() {
		return fmt.Errorf("%s is the private key of %s, but %s is there and has no copy: move that away, and run this again", next, p.publicFile(), p.privateFile())
	}
	if err := os.Rename(next, p.privateFile()); err != nil {
		return fmt.Errorf("cannot put the new key in place: %w", err)
	}
	return keyfile.Sync(p.folder)
}

// twice: has the private key a second name?
func (p keyPair) twice() bool {
	ids, _ := p.ids()
	for _, id := range ids {
		if same(p.older(id)+".key", p.privateFile()) {
			return true
		}
	}
	return false
}

// ids of the pairs of which something is here under the name of its id.
func (p keyPair) ids() (ids []string, err error) {
	entries, err := os.ReadDir(p.folder)
	for _, e := range entries {
		id, ok := strings.CutPrefix(e.Name(), p.name+"-")
		end := filepath.Ext(id)
		if id = strings.TrimSuffix(id, end); ok && (end == ".key" || end == ".pub") && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// same: do two files hold the same?
func same(a, b string) bool {
	x, err := os.ReadFile(a)
	y, err2 := os.ReadFile(b)
	return err == nil && err2 == nil && bytes.Equal(x, y)
}

// link gives a file a second name, unless it has it.
func link(from, to string) error {
	err := os.Link(from, to)
	if errors.Is(err, fs.ErrExist) && same(from, to) {
		return nil
	} else if err != nil {
		return fmt.Errorf("cannot keep %s as %s: %w", from, to, err)
	}
	return keyfile.Sync(filepath.Dir(to))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"candor.example/directory"
	"candor.example/internal/keyfile"
	"candor.example/internal/seal"
)

type keysCmd struct {
	Init   keysInitCmd   `cmd:"" help:"Make the keys that are missing."`
	List   keysListCmd   `cmd:"" help:"Say which keys are here, and which private ones."`
	Rotate keysRotateCmd `cmd:"" help:"Change to a new key and keep the old one: the digest key, or the pair for sealing or signing."`
}

// passphraseFlags choose how private keys are kept.
type passphraseFlags struct {
	Passphrase     bool   `help:"Encrypt private keys with a passphrase, asked for on the terminal."`
	PassphraseFile string `placeholder:"FILE" type:"path" help:"Encrypt private keys with the passphrase in the first line of this file, readable by you alone."`
}

// vault is where new private keys go.
func (f passphraseFlags) vault() vault {
	if f.Passphrase || f.PassphraseFile != "" {
		return keyfile.Passphrase{Ask: f.ask}
	}
	return keyfile.Plain{}
}

// vaultLike is where the next of a private key goes: encrypted, if that one is.
func (f passphraseFlags) vaultLike(path string) vault {
	if encrypted, err := keyfile.Encrypted(path); err == nil && encrypted {
		return keyfile.Passphrase{Ask: f.ask}
	}
	return f.vault()
}

func (f passphraseFlags) ask(path string, making bool) (string, error) {
	if f.PassphraseFile != "" {
		return firstLine(f.PassphraseFile)
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", fmt.Errorf("%s needs a passphrase: give --passphrase-file, or run the command on a terminal", path)
	}
	passphrase, err := prompt("Passphrase for " + path + ": ")
	if err != nil || !making {
		return passphrase, err
	}
	if again, err := prompt("Again: "); err != nil || again != passphrase {
		return "", errors.Join(err, errors.New("the two passphrases differ: nothing was made; run the command again"))
	}
	return passphrase, nil
}

// firstLine is a secret in the first line of a file that nobody else may read.
func firstLine(path string) (string, error) {
	b, err := (keyfile.Plain{}).Read(path)
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSuffix(line, "\r"), err
}

func prompt(text string) (string, error) {
	fmt.Fprint(os.Stderr, text)
	b, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	return string(b), err
}

type keysInitCmd struct {
	dataFlag
	passphraseFlags
	PostQuantum bool   `help:"Seal with ML-KEM-768 and X25519 instead of X25519 alone: also against who keeps a copy until there are quantum computers."`
	MLDSA       bool   `name:"mldsa" help:"Also a pair by which the log of reports is signed with ML-DSA-44 beside Ed25519 (report.mldsa in candor.yaml): a log decides for it when it begins."`
	Name        string `default:"candor" placeholder:"NAME" help:"The name under which reports are signed, such as shop.example/candor (default: candor)."`
}

func (c *keysInitCmd) Help() string {
	return `Keys that are there stay as they are. They lie in keys/ under --data; docs/keys.md says who should hold which.

  digest.key            recognises customers: the guard needs it
  seal.pub   seal.key   the guard seals whose data was shown with the public one; only the private one opens that, to send notices
  sign.pub   sign.key   reports are signed with the private one, and anybody checks them with the public one
  cosign.pub cosign.key the same with ML-DSA-44 beside it, where --mldsa is given

serve needs digest.key and seal.pub only, so make the pairs where notices are sent from, and copy seal.pub to the guard:

  candor keys init --passphrase-file passphrase.txt --name shop.example/candor`
}

func (c *keysInitCmd) Run() error {
	keys, made, err := openKeys(c.dataFlag)
	if err != nil {
		return err
	}
	if made {
		fmt.Printf("%s: made, key %s. Keep a copy in a safe place: without it the directory's snapshot cannot be used.\n", c.digestKey(), keys[0].ID())
	} else {
		fmt.Printf("%s: is there already, key %s, and was left as it is\n", c.digestKey(), keys[0].ID())
	}
	algorithm := seal.X25519
	if c.PostQuantum {
		algorithm = seal.PostQuantum
	}
	if err := c.pair(sealPair(c.dataFlag, algorithm), "without it nobody can be told that their data was shown."); err != nil {
		return err
	}
	if err := c.pair(signPair(c.dataFlag, c.Name), "whoever has it can sign reports in your name."); err != nil || !c.MLDSA {
		return err
	}
	_, _, name, err := signPair(c.dataFlag, "").read()
	if err != nil {
		return err
	}
	return c.pair(cosignPair(c.dataFlag, name), "a log that began with it cannot go on without it.")
}

// pair makes what is missing of a pair, and says what became of it.
func (c *keysInitCmd) pair(p keyPair, why string) error {
	made, err := p.ensure(c.vaultLike(p.privateFile()))
	if err != nil {
		return err
	}
	_, id, sort, err := p.read()
	if err != nil {
		return err
	}
	if !made {
		fmt.Printf("%s: is there already, key %s (%s), and was left as it is\n", p.publicFile(), id, sort)
		return nil
	}
	fmt.Printf("%s: made, key %s (%s)\n%s: its private half. Keep it off the guard's machine, and a copy in a safe place: %s\n", p.publicFile(), id, sort, p.privateFile(), why)
	return nil
}

// openSealer opens what the guard seals with, and makes a pair on first use. Only the public key need be here.
func openSealer(d dataFlag) (s *seal.Sealer, made bool, err error) {
	if err := makeFolder(d.keys()); err != nil {
		return nil, false, err
	}
	p := sealPair(d, seal.X25519)
	if made, err = p.ensure(keyfile.Plain{}); err != nil {
		return nil, false, fmt.Errorf("sealing key: %w", err)
	}
	text, _, _, err := p.read()
	if err != nil {
		return nil, false, fmt.Errorf("sealing key: %w", err)
	}
	key, err := seal.ParsePublic(text)
	return seal.NewSealer(key), made, err
}

type keysListCmd struct {
	dataFlag
	JSON bool `help:"Print as JSON."`
}

// keyInfo describes a key.
type keyInfo struct {
	Kind      string    `json:"kind"` // digest, viewer, seal, sign or cosign
	ID        string    `json:"id"`
	Sort      string    `json:"sort,omitempty"` // a sealing or cosigning key's algorithm, a signing key's name
	InUse     bool      `json:"in_use"`
	File      string    `json:"file"`
	Made      time.Time `json:"made"`
	Private   bool      `json:"private"` // the private or secret key is here
	Encrypted bool      `json:"encrypted"`
}

func (c *keysListCmd) Run() error {
	list, err := listKeys(c.dataFlag)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(os.Stdout, list)
	}
	if len(list) == 0 {
		fmt.Printf("%s: no keys are here: candor keys init makes them\n", c.keys())
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tID\tFILE\tMADE\tIN USE\tPRIVATE KEY\t")
	for _, k := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.Kind, k.ID, filepath.Base(k.File), k.Made.UTC().Format(time.RFC3339), map[bool]string{true: "yes", false: "no"}[k.InUse], k.where(), k.Sort)
	}
	return w.Flush()
}

func (k keyInfo) where() string {
	switch {
	case !k.Private:
		return "not here"
	case k.Encrypted:
		return "here, encrypted"
	}
	return "here"
}

func listKeys(d dataFlag) (list []keyInfo, err error) {
	list = []keyInfo{}
	secrets, err := os.ReadDir(d.keys())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range secrets {
		kind, _, _ := strings.Cut(strings.TrimSuffix(e.Name(), ".key"), "-")
		if kind != "digest" && kind != "viewer" || filepath.Ext(e.Name()) != ".key" {
			continue
		}
		file := filepath.Join(d.keys(), e.Name())
		k, err := directory.ReadKey(file)
		if err != nil {
			return nil, err
		}
		info := keyInfo{Kind: kind, ID: k.ID(), File: file, InUse: e.Name() == kind+".key", Private: true}
		if list, err = info.add(list); err != nil {
			return nil, err
		}
	}
	for _, p := range []keyPair{sealPair(d, seal.X25519), signPair(d, ""), cosignPair(d, "")} {
		if list, err = p.list(list); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (k keyInfo) add(list []keyInfo) ([]keyInfo, error) {
	info, err := os.Stat(k.File)
	if err != nil {
		return nil, err
	}
	k.Made = info.ModTime().UTC()
	return append(list, k), nil
}

// list the pair in use, and what is here of older ones.
func (p keyPair) list(list []keyInfo) ([]keyInfo, error) {
	_, current, _, err := p.read()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	ids, err := p.ids()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	base := filepath.Join(p.folder, p.name)
	if _, err := os.Stat(p.privateFile()); err == nil || current != "" {
		if list, err = p.describeFiles(list, base, current, true); err != nil {
			return nil, err
		}
	}
	for _, id := range ids {
		if id == current {
			continue
		}
		if list, err = p.describeFiles(list, p.older(id), id, false); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// describeFiles adds the pair whose files are base.pub and base.key, of which one may be missing.
func (p keyPair) describeFiles(list []keyInfo, base, id string, inUse bool) ([]keyInfo, error) {
	k := keyInfo{Kind: p.name, ID: id, InUse: inUse, File: base + ".key"}
	if public, err := keyfile.ReadPublic(base + ".pub"); err == nil {
		k.File = base + ".pub"
		if _, k.Sort, err = p.describe(public); err != nil {
			return nil, fmt.Errorf("%s: %w", k.File, err)
		}
	}
	encrypted, err := keyfile.Encrypted(base + ".key")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	k.Private, k.Encrypted = err == nil, encrypted
	return k.add(list)
}

type keysRotateCmd struct {
	dataFlag
	sourceFlags
	passphraseFlags
	Kinds       []string `placeholder:"KIND" help:"As for directory build."`
	Seal        bool     `help:"Make a new pair for sealing instead. The old private key opens what was sealed for it."`
	Sign        bool     `help:"Make a new pair for signing reports instead, and one for ML-DSA-44 where there is one."`
	PostQuantum bool     `help:"With --seal: ML-KEM-768 and X25519 from now on."`
}

func (c *keysRotateCmd) Help() string {
	return `Digests cannot be turned into those of another key, so the snapshot is built anew, from the customer file or query that you give. Until
that is in place the old key and the old snapshot answer; a running serve takes up the new ones by itself. If it is stopped half-way,
run it again.

Customers who were added or forgotten under the old key stay so, and need it: its file stays in keys/ as digest-KEYID.key until
'candor directory info' says that it is not needed any more.

The digests of viewers, sessions and links are made with a key of their own, keys/viewer.key, which stays: sessions go on, and a link
that was opened before is still known.

With --seal or --sign the digest key stays. The old private key is kept as seal-KEYID.key or sign-KEYID.key: it opens what was sealed for it, so
keep it with the new one. A private key that is encrypted is followed by one with the same passphrase; one that is not here stays where it is. A running serve
seals with the new key from its next start.

  candor keys rotate --customers customers.csv
  candor keys rotate --seal --post-quantum`
}

// Run takes steps of which any prefix is valid: readers accept the keys of all files in the folder.
func (c *keysRotateCmd) Run(ctx context.Context) error {
	if c.Seal || c.Sign {
		return c.pairs()
	}
	keys, err := directory.ReadKeys(c.digestKey())
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w\nThere is no key to change: candor keys init makes one", err)
	} else if err != nil {
		return err
	}
	kinds, err := parseKinds(c.Kinds)
	if err != nil {
		return err
	}
	if err := keepViewerKey(c.dataFlag, keys[0]); err != nil {
		return err
	}
	next, err := directory.ReadKey(c.nextKey())
	if errors.Is(err, fs.ErrNotExist) {
		next, err = directory.CreateKey(c.nextKey())
	}
	if err != nil {
		return err
	}
	report, name, err := buildDirectory(ctx, c.sourceFlags, c.snapshot(), append([]directory.Key{next}, keys...), directory.BuildOptions{Kinds: kinds}, true)
	printProblems(os.Stderr, name, report)
	if err != nil {
		return fmt.Errorf("%w\nThe old key and the old snapshot stay in use", err)
	}
	old := filepath.Join(filepath.Dir(c.digestKey()), "digest-"+keys[0].ID()+".key")
	if err := os.Link(c.digestKey(), old); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot keep the old key: %w", err)
	}
	if err := os.Rename(c.nextKey(), c.digestKey()); err != nil {
		return fmt.Errorf("cannot put the new key in place: %w", err)
	}
	if err := takeUpDirectory(ctx, c.dataFlag); err != nil {
		return err
	}
	fmt.Printf("%s: now key %s, and the snapshot is built with it (%d customers).\nThe old one is %s. Keep a copy of the new one in a safe place.\n", c.digestKey(), next.ID(), report.Customers, old)
	return nil
}

func (c *keysRotateCmd) pairs() error {
	if c.Customers != "" || c.Query != "" || len(c.Kinds) > 0 {
		return errors.New("--seal and --sign leave the digest key and the snapshot as they are: rotate that by itself, with --customers and --kinds")
	}
	algorithm := seal.X25519
	if c.PostQuantum {
		algorithm = seal.PostQuantum
	}
	if c.Seal {
		if err := c.pair(sealPair(c.dataFlag, algorithm), "Keep %s.key with the new one: only it opens what was sealed until now."); err != nil {
			return err
		}
	}
	if !c.Sign {
		return nil
	}
	for _, p := range []keyPair{signPair(c.dataFlag, ""), cosignPair(c.dataFlag, "")} {
		if _, err := os.Stat(p.publicFile()); p.name == "cosign" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := c.pair(p, "Publish the new public key beside %s.pub: reports that were signed until now are checked with the old one."); err != nil {
			return err
		}
	}
	return nil
}

func (c *keysRotateCmd) pair(p keyPair, why string) error {
	before, id, err := p.rotate(c.vaultLike(p.privateFile()))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w\nThere is no key to change: candor keys init makes one", err)
	} else if err != nil {
		return err
	}
	fmt.Printf("%s: now key %s; its private half is %s. The one before is %s.pub.\n", p.publicFile(), id, p.privateFile(), p.older(before))
	if _, err := os.Stat(p.older(before) + ".key"); err != nil {
		fmt.Printf("The private half of that is not here: keep it where it is, as %s.key, and move the new one to it.\n", filepath.Base(p.older(before)))
		return nil
	}
	fmt.Printf("%s Keep a copy of the new private key in a safe place.\n", fmt.Sprintf(why, p.older(before)))
	return nil
}

// keepViewerKey writes down the key of viewers' digests, which so far was derived from the digest key.
func keepViewerKey(d dataFlag, k directory.Key) error {
	err := directory.Key(viewerKey(k)).Write(d.viewerKey())
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// openViewerKey reads the key of viewers' digests; before the first rotation it is derived from the digest key.
func openViewerKey(d dataFlag, k directory.Key) ([]byte, error) {
	key, err := directory.ReadKey(d.viewerKey())
	if errors.Is(err, fs.ErrNotExist) {
		return viewerKey(k), nil
	}
	return key[:], err
}

// openKeys reads the digest keys, of which the first is for builds, and makes one on first use.
func openKeys(d dataFlag) (keys []directory.Key, made bool, err error) {
	keys, err = directory.ReadKeys(d.digestKey())
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, false, err
	}
	if err := makeFolder(filepath.Dir(d.digestKey())); err != nil {
		return nil, false, err
	}
	key, err := directory.CreateKey(d.digestKey())
	return []directory.Key{key}, true, err
}

func makeFolder(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("cannot make the folder %s: %w: choose another with --data", path, err)
	}
	return nil
}

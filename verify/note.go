package verify

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"filippo.io/mldsa"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Keys are who may sign: a log's keys, of which each is enough, and those of its witnesses. Where a log signs by ML-DSA-44, too, each of its checkpoints must be signed by one of
// Cosigners beside one of Log.
type Keys struct {
	Log       []note.Verifier // Ed25519
	Cosigners []note.Verifier // ML-DSA-44
	Witnesses []note.Verifier
	Lines     []string // as they are written in key.txt
}

// ParseKeys reads verifier keys, one a line, as key.txt has them (c2sp.org/signed-note): Ed25519 and ML-DSA-44 ones are the log's, and those for cosignature/v1 its
// witnesses'.
func ParseKeys(text string) (k Keys, err error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		if len(lines) > 20 {
			return k, errors.New("more than 20 keys")
		}
		v, err := parseKey(line)
		if err != nil {
			return k, fmt.Errorf("line %d: %w", i+1, err)
		}
		k.add(v, line)
	}
	if len(k.Log) == 0 {
		return k, errors.New("there is no log's key in it")
	}
	for _, v := range k.log() {
		if v.Name() != k.Log[0].Name() {
			return k, fmt.Errorf("keys of two logs, %s and %s", k.Log[0].Name(), v.Name())
		}
	}
	return k, nil
}

func (k *Keys) add(v note.Verifier, line string) {
	switch v.(type) {
	case witnessKey:
		k.Witnesses = append(k.Witnesses, v)
	case cosignerKey:
		k.Cosigners = append(k.Cosigners, v)
	default:
		k.Log = append(k.Log, v)
	}
	k.Lines = append(k.Lines, line)
}

// ordered: Ed25519 keys stand first, where programs that know nothing else look for one, then ML-DSA-44, then witnesses.
func (k Keys) ordered() bool {
	n, c := len(k.Log), len(k.Log)+len(k.Cosigners)
	for i, line := range k.Lines {
		v, _ := parseKey(line)
		_, cosigner := v.(cosignerKey)
		_, witness := v.(witnessKey)
		if cosigner != (i >= n && i < c) || witness != (i >= c) {
			return false
		}
	}
	return true
}

// log are the log's keys of both sorts.
func (k Keys) log() []note.Verifier { return slices.Concat(k.Log, k.Cosigners) }

var errKey = errors.New("it is no verifier key, such as shop.example/candor+1a2b3c4d+AbC…")

const cosignatureV1 = 4 // c2sp.org/tlog-cosignature, Ed25519

// parseKey reads NAME+HASH+BASE64. Base64 has several spellings of one value, and a key one.
func parseKey(line string) (note.Verifier, error) {
	parts := strings.SplitN(line, "+", 3)
	if len(parts) != 3 || strings.ContainsAny(line, "\r\n") { // base64 passes over them
		return nil, errKey
	}
	name := parts[0]
	key, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || keyLine(name, key) != line || name == "" || strings.ContainsFunc(name, unicode.IsSpace) {
		return nil, errKey
	}
	switch {
	case len(key) == 1+ed25519.PublicKeySize && key[0] == cosignatureV1:
		return witnessKey{name, keyHash(name, key), key[1:]}, nil
	case len(key) == 1+mldsa.MLDSA44PublicKeySize && key[0] == cosignatureMLDSA:
		public, err := mldsa.NewPublicKey(mldsa.MLDSA44(), key[1:])
		if err != nil {
			return nil, errKey
		}
		return cosignerKey{name, keyHash(name, key), public}, nil
	}
	v, err := note.NewVerifier(line)
	if err != nil {
		return nil, errKey
	}
	return v, nil
}

// keyHash is a key's id: key is its algorithm's byte and the public key (c2sp.org/signed-note).
func keyHash(name string, key []byte) uint32 {
	sum := sha256.Sum256([]byte(name + "\n" + string(key)))
	return binary.BigEndian.Uint32(sum[:])
}

func keyLine(name string, key []byte) string {
	return fmt.Sprintf("%s+%08x+%s", name, keyHash(name, key), base64.StdEncoding.EncodeToString(key))
}

// witnessKey checks a cosignature: eight bytes of time, and an Ed25519 signature over that time and the checkpoint (c2sp.org/tlog-cosignature).
type witnessKey struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w witnessKey) Name() string    { return w.name }
func (w witnessKey) KeyHash() uint32 { return w.hash }

func (w witnessKey) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	return at < 1<<63 && ed25519.Verify(w.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, msg), sig[8:])
}

// id is how keys are told apart for people.
func id(v note.Verifier) string { return fmt.Sprintf("%08x", v.KeyHash()) }

// Checkpoint is the log at one size (c2sp.org/tlog-checkpoint).
type Checkpoint struct {
	Origin    string
	Size      int64
	Root      tlog.Hash
	Key       string   // id of the key that signed it
	Cosigner  string   // id of the ML-DSA-44 key that signed it, too; empty: none did
	Witnesses []string // names of those whose cosignature it has
	Text      string   // the signed note
}

// open checks a signed note: known keys only, of the log or of witnesses, each signature once and in one spelling.
func (k Keys) open(text string) (*note.Note, error) {
	n, err := note.Open([]byte(text), note.VerifierList(append(k.log(), k.Witnesses...)...))
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified):
		return nil, fmt.Errorf("it is signed by %s, which is no key of the log (%s)", signers(unverified.Note.UnverifiedSigs), strings.Join(k.Lines, ", "))
	case errors.As(err, &invalid):
		return nil, fmt.Errorf("the signature of %s (key %08x) does not fit: it was changed after it was signed", invalid.Name, invalid.Hash)
	case err != nil:
		return nil, errors.New("it is no signed note: it is damaged")
	case len(n.UnverifiedSigs) > 0:
		return nil, fmt.Errorf("it has a signature of %s, which %s does not name", signers(n.UnverifiedSigs), KeyFile)
	}
	var again strings.Builder
	again.WriteString(n.Text + "\n")
	for _, s := range n.Sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return nil, errors.New("a signature's base64 is not in its one form")
		}
		again.WriteString("— " + s.Name + " " + s.Base64 + "\n")
	}
	if again.String() != text {
		return nil, errors.New("a signature comes twice")
	}
	return n, nil
}

func signers(sigs []note.Signature) string {
	var names []string
	for _, s := range sigs {
		names = append(names, fmt.Sprintf("%s (key %08x)", s.Name, s.Hash))
	}
	return strings.Join(names, ", ")
}

// ParseCheckpoint reads a checkpoint and checks its signatures: of the log's keys one of each sort must have signed it. Its origin is the name of the log's key.
func ParseCheckpoint(text string, k Keys) (c Checkpoint, err error) {
	n, err := k.open(text)
	if err != nil {
		return c, err
	}
	if c, err = parseTree(n.Text); err != nil {
		return c, err
	}
	c.Text = text
	for _, s := range n.Sigs {
		switch {
		case isOf(s, k.Log):
			c.Key = fmt.Sprintf("%08x", s.Hash)
		case isOf(s, k.Cosigners):
			c.Cosigner = fmt.Sprintf("%08x", s.Hash)
		default:
			c.Witnesses = append(c.Witnesses, s.Name)
		}
	}
	switch {
	case c.Key == "":
		return c, errors.New("it lacks the log's Ed25519 signature")
	case c.Cosigner == "" && len(k.Cosigners) > 0:
		return c, fmt.Errorf("it lacks the log's ML-DSA-44 signature (key %s): this log signs by both", id(k.Cosigners[0]))
	case c.Origin != k.Log[0].Name():
		return c, fmt.Errorf("its origin is %q, and the key's name %q", c.Origin, k.Log[0].Name())
	}
	return c, nil
}

// Published is the checkpoint of a published folder by the keys that lie in it: what it says of itself, and not whether it holds. Folder checks that. An error that is
// fs.ErrNotExist says that one of the two is not there.
func Published(site fs.FS) (c Checkpoint, err error) {
	text, err := readFile(site, CheckpointFile, maxNote)
	if err != nil {
		return c, err
	}
	lines, err := readFile(site, KeyFile, maxNote)
	if err != nil {
		return c, err
	}
	k, err := ParseKeys(string(lines))
	if err != nil {
		return c, fmt.Errorf("%s: %w", KeyFile, err)
	}
	if c, err = ParseCheckpoint(string(text), k); err != nil {
		err = fmt.Errorf("%s: %w", CheckpointFile, err)
	}
	return c, err
}

func isOf(s note.Signature, list []note.Verifier) bool {
	for _, v := range list {
		if v.Name() == s.Name && v.KeyHash() == s.Hash {
			return true
		}
	}
	return false
}

// parseTree reads the three lines of a checkpoint; extension lines there are none (c2sp.org/tlog-checkpoint does not recommend them).
func parseTree(text string) (c Checkpoint, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" {
		return c, errors.New("it is no checkpoint of three lines: origin, size, root")
	}
	c.Origin = lines[0]
	c.Size, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return c, fmt.Errorf("its size %.30q is no number of entries", lines[1])
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return c, errors.New("its root is no hash")
	}
	copy(c.Root[:], root)
	return c, nil
}

// Publishing is what PublishingFile says, signed by the log's key: the files of an entry are being put in place.
type Publishing struct {
	Origin string
	Index  int64
	Since  time.Time // whole seconds
}

// publishingHead is what no checkpoint begins with, and no notice.
const publishingHead = "candor publishing v1"

// MaxPublishing is how long putting files in place may take. Who kept an old statement could use it to hide a revision, but no longer than this.
const MaxPublishing = time.Hour

// Text is what is signed.
func (p Publishing) Text() string {
	return fmt.Sprintf("%s\n%s\n%d\n%s\n", publishingHead, p.Origin, p.Index, p.Since.UTC().Format(time.RFC3339))
}

// parsePublishing reads PublishingFile.
func parsePublishing(text string, k Keys) (p Publishing, err error) {
	n, err := k.open(text)
	if err != nil {
		return p, err
	}
	lines := strings.Split(n.Text, "\n")
	// Anybody who can write to the folder can name a witness.
	if !slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return isOf(s, k.Log) }) {
		return p, errors.New("only witnesses signed it, and not the log")
	}
	if len(lines) != 5 {
		return p, errors.New("it is no statement that something is being published")
	}
	p.Origin = lines[1]
	p.Index, _ = strconv.ParseInt(lines[2], 10, 64)
	p.Since, _ = time.Parse(time.RFC3339, lines[3])
	if p.Text() != n.Text || p.Origin != k.Log[0].Name() {
		return p, errors.New("it is no statement that something is being published in this log")
	}
	return p, nil
}

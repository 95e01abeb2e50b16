package report

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"filippo.io/mldsa"
	"golang.org/x/mod/sumdb/note"

	"candor.example/verify"
)

// Cosigner is the log's ML-DSA-44 key (FIPS 204), which signs each checkpoint beside the Ed25519 one (c2sp.org/tlog-cosignature). It prints itself without its secret.
type Cosigner struct {
	public note.Verifier
	line   string
	key    *mldsa.PrivateKey
}

var errCosigner = errors.New("this is no ML-DSA-44 key that candor made, or it is damaged: restore it from your copy")

// NewCosigner makes a key. Its name must be that of the log's Ed25519 key.
func NewCosigner(name string) (*Cosigner, error) {
	key, err := mldsa.GenerateKey(mldsa.MLDSA44())
	if err != nil {
		return nil, err
	}
	return cosigner(name, key)
}

func cosigner(name string, key *mldsa.PrivateKey) (*Cosigner, error) {
	public, line, err := verify.CosignerKey(name, key.PublicKey().Bytes())
	return &Cosigner{public, line, key}, err
}

// secretHead stands before the secret, as golang.org/x/mod/sumdb/note has it before an Ed25519 one.
const secretHead = "PRIVATE+MLDSA44+"

// Secret is the key as a line of text, with the seed of FIPS 204 §3.6.3 in base64 behind its name.
func (c *Cosigner) Secret() string {
	return secretHead + c.public.Name() + "+" + base64.StdEncoding.EncodeToString(c.key.Bytes())
}

// ParseCosigner reads what Secret wrote.
func ParseCosigner(text string) (*Cosigner, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), secretHead)
	name, encoded, _ := strings.Cut(rest, "+")
	seed, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !ok {
		return nil, errCosigner
	}
	key, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed)
	if err != nil {
		return nil, errCosigner
	}
	return cosigner(name, key)
}

// Name is the log's.
func (c *Cosigner) Name() string { return c.public.Name() }

// Line is the public key as key.txt has it.
func (c *Cosigner) Line() string { return c.line }

// Format keeps the secret out of every print.
func (c *Cosigner) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "ML-DSA-44 key %08x", c.public.KeyHash())
}

// cosigning signs checkpoints with a key, and says when.
type cosigning struct {
	*Cosigner
	now func() time.Time
}

func (c cosigning) KeyHash() uint32 { return c.public.KeyHash() }

// Sign is note.Signer.
func (c cosigning) Sign(checkpoint []byte) ([]byte, error) {
	at := uint64(c.now().Unix())
	message, ok := verify.CosignedMessage(c.Name(), at, string(checkpoint))
	if !ok {
		return nil, errors.New("what ML-DSA-44 is to sign is no checkpoint")
	}
	signature, err := c.key.Sign(nil, message, nil)
	return append(binary.BigEndian.AppendUint64(nil, at), signature...), err
}

// Package seal encrypts what only the notifier may read: a customer's address on the machine that found it disclosed. It is HPKE (RFC
// 9180) in base mode, from the standard library.
//
// Start with PublicKey.Seal. A blob is
//
//	version (1), key id (8), enc (by the KEM: 32, or 1120), ciphertext
//
// and opens only for the owner and the kind that it was sealed for, so that whoever can write to the ledger cannot have one person's
// notice sent to another's address.
package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"candor.example"
)

const (
	version = 1
	info    = "candor seal v1" // RFC 9180 §8.1: what is sealed for one protocol opens in no other
	idSize  = 8
	block   = 32 // plaintexts are padded to a multiple of it
	// MaxValue is how many bytes of a value are sealed.
	MaxValue = 64 << 10
)

// Algorithm is how the key of a blob is agreed on.
type Algorithm string

const (
	X25519 Algorithm = "x25519" // DHKEM(X25519, HKDF-SHA256), RFC 9180 §7.1
	// PostQuantum is ML-KEM-768 with X25519, also called X-Wing (draft-connolly-cfrg-xwing-kem): secret as long as one of the two
	// holds. For who must assume that a copy of the ledger is kept until there are quantum computers.
	PostQuantum Algorithm = "mlkem768-x25519"
)

func (a Algorithm) kem() (hpke.KEM, error) {
	switch a {
	case X25519:
		return hpke.DHKEM(ecdh.X25519()), nil
	case PostQuantum:
		return hpke.MLKEM768X25519(), nil
	}
	return nil, fmt.Errorf("the algorithms are %s and %s", X25519, PostQuantum)
}

// encSize is the length of enc (RFC 9180 §7.1, table 2).
func (a Algorithm) encSize() int {
	if a == PostQuantum {
		return 1088 + 32
	}
	return 32
}

// The rest of the suite. AES-256-GCM rather than ChaCha20Poly1305: servers have it in hardware, it is in the Go Cryptographic Module that
// FIPS 140-3 validates, and its one weakness, a nonce used twice, cannot happen where each blob has a key of its own.
func suite() (hpke.KDF, hpke.AEAD) { return hpke.HKDFSHA256(), hpke.AES256GCM() }

// PublicKey seals. It is no secret, but who can replace it reads what is sealed from then on.
type PublicKey struct {
	algorithm Algorithm
	key       hpke.PublicKey
	id        [idSize]byte
}

// PrivateKey opens. It prints itself redacted.
type PrivateKey struct {
	public PublicKey
	key    hpke.PrivateKey
}

// Generate makes a key.
func Generate(a Algorithm) (PrivateKey, error) {
	kem, err := a.kem()
	if err != nil {
		return PrivateKey{}, err
	}
	key, err := kem.GenerateKey()
	if err != nil {
		return PrivateKey{}, err
	}
	return private(a, key), nil
}

func private(a Algorithm, key hpke.PrivateKey) PrivateKey {
	return PrivateKey{public(a, key.PublicKey()), key}
}

func public(a Algorithm, key hpke.PublicKey) PublicKey {
	sum := sha256.Sum256(append([]byte("candor seal key "+string(a)+"\x00"), key.Bytes()...))
	return PublicKey{a, key, [idSize]byte(sum[:])}
}

// Public is the key to seal with.
func (k PrivateKey) Public() PublicKey { return k.public }

// ID tells keys apart: a fingerprint, 16 hexadecimal digits.
func (k PublicKey) ID() string { return hex.EncodeToString(k.id[:]) }

// Algorithm is the key's.
func (k PublicKey) Algorithm() Algorithm { return k.algorithm }

// Format keeps the key out of every print.
func (k PrivateKey) Format(s fmt.State, _ rune) { fmt.Fprint(s, "sealing key ", k.public.ID()) }

// LogValue keeps the key out of logs.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue("sealing key " + k.public.ID()) }

// ErrLong is returned for values of more than MaxValue bytes.
var ErrLong = fmt.Errorf("a value of more than %d bytes is not sealed", MaxValue)

// Seal encrypts a value for its owner and kind.
func (k PublicKey) Seal(owner, kind string, value []byte) (candor.Sealed, error) {
	if len(value) > MaxValue {
		return candor.Sealed{}, ErrLong
	}
	kdf, aead := suite()
	enc, sender, err := hpke.NewSender(k.key, kdf, aead, []byte(info))
	if err != nil {
		return candor.Sealed{}, fmt.Errorf("cannot seal with key %s: %w", k.ID(), err)
	}
	sealed, err := sender.Seal(binding(owner, kind), pad(value))
	if err != nil {
		return candor.Sealed{}, fmt.Errorf("cannot seal with key %s: %w", k.ID(), err)
	}
	blob := slices.Concat([]byte{version}, k.id[:], enc, sealed)
	return candor.Sealed{Owner: owner, Kind: kind, Key: k.ID(), Blob: blob}, nil
}

var errDamaged = errors.New("it is damaged, or was sealed for another owner or kind")

// Open decrypts what was sealed with the public key.
func (k PrivateKey) Open(s candor.Sealed) ([]byte, error) {
	value, err := k.open(s)
	if err != nil {
		return nil, fmt.Errorf("cannot open what is sealed of %s: %w", s.Kind, err)
	}
	return value, nil
}

func (k PrivateKey) open(s candor.Sealed) ([]byte, error) {
	const head = 1 + idSize
	size := k.public.algorithm.encSize()
	switch {
	case len(s.Blob) > 0 && s.Blob[0] != version:
		return nil, fmt.Errorf("it has version %d, and this candor opens version %d", s.Blob[0], version)
	case len(s.Blob) < head:
		return nil, errDamaged
	case !bytes.Equal(s.Blob[1:head], k.public.id[:]):
		return nil, fmt.Errorf("it was sealed with key %x, and this is key %s", s.Blob[1:head], k.public.ID())
	case len(s.Blob) < head+size || len(s.Blob) > head+size+MaxValue+2*block:
		return nil, errDamaged
	}
	kdf, aead := suite()
	r, err := hpke.NewRecipient(s.Blob[head:head+size], k.key, kdf, aead, []byte(info))
	if err != nil {
		return nil, errDamaged
	}
	padded, err := r.Open(binding(s.Owner, s.Kind), s.Blob[head+size:])
	if err != nil {
		return nil, errDamaged
	}
	return unpad(padded)
}

// binding is the additional data: lengths in front, so that no two pairs have it in common.
func binding(owner, kind string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(owner)))
	return append(append(b, owner...), kind...)
}

// pad makes lengths say little of what is sealed (ISO/IEC 7816-4: one set bit, then zeros).
func pad(value []byte) []byte {
	padded := make([]byte, (len(value)/block+1)*block)
	copy(padded, value)
	padded[len(value)] = 0x80
	return padded
}

func unpad(padded []byte) ([]byte, error) {
	value := bytes.TrimRight(padded, "\x00")
	if len(value) == 0 || value[len(value)-1] != 0x80 || len(padded)%block != 0 {
		return nil, errDamaged
	}
	return value[:len(value)-1], nil
}

// Key files hold one line: what it is, the algorithm, and the key in base64 (RFC 9180 §7.1.1, §7.1.2).
const (
	publicHeader  = "candor-seal-public-v1"
	privateHeader = "candor-seal-private-v1"
)

// Text is the key as a file holds it.
func (k PublicKey) Text() []byte { return text(publicHeader, k.algorithm, k.key.Bytes()) }

// Text is the key as a file holds it: a secret.
func (k PrivateKey) Text() ([]byte, error) {
	b, err := k.key.Bytes()
	if err != nil {
		return nil, err
	}
	return text(privateHeader, k.public.algorithm, b), nil
}

func text(header string, a Algorithm, key []byte) []byte {
	return fmt.Appendf(nil, "%s %s %s\n", header, a, base64.StdEncoding.EncodeToString(key))
}

func parse(header string, b []byte) (Algorithm, hpke.KEM, []byte, error) {
	wrong := fmt.Errorf("this is no key that candor made: it begins with %q", header)
	f := strings.Fields(string(b))
	if len(f) != 3 || f[0] != header {
		return "", nil, nil, wrong
	}
	a := Algorithm(f[1])
	kem, err := a.kem()
	if err != nil {
		return "", nil, nil, err
	}
	key, err := base64.StdEncoding.DecodeString(f[2])
	if err != nil {
		return "", nil, nil, errors.New("the key is damaged: restore it from your copy")
	}
	return a, kem, key, nil
}

// ParsePublic reads what PublicKey.Text wrote, and tries the key, so that it does not fail later, when somebody was exposed.
func ParsePublic(b []byte) (PublicKey, error) {
	a, kem, raw, err := parse(publicHeader, b)
	if err != nil {
		return PublicKey{}, err
	}
	key, err := kem.NewPublicKey(raw)
	if err != nil {
		return PublicKey{}, errors.New("the key is damaged: restore it from your copy")
	}
	k := public(a, key)
	_, err = k.Seal("", "", nil)
	return k, err
}

// ParsePrivate reads what PrivateKey.Text wrote.
func ParsePrivate(b []byte) (PrivateKey, error) {
	a, kem, raw, err := parse(privateHeader, b)
	if err != nil {
		return PrivateKey{}, err
	}
	key, err := kem.NewPrivateKey(raw)
	if err != nil {
		return PrivateKey{}, errors.New("the key is damaged: restore it from your copy")
	}
	return private(a, key), nil
}

package delivery

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Signer makes what only the holder of the signing key can make of a notice: its key, its code, the tag of its return path and its
// Candor-Notice header. It prints itself without its secrets.
type Signer struct {
	note note.Signer
	// Each use has a secret of its own, so that what one of them shows says nothing of another.
	keys, codes, tags []byte
}

// KeyLen is how long a person's key is: 16 bytes in base32.
const KeyLen = 26

// tagMAC is what a return path's tag has behind the key.
const tagMAC = 4

var (
	lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	// Crockford's: without I, L, O and U, which are misread or make words.
	crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)
)

// ErrSigningKey: a text is no signing key.
var ErrSigningKey = errors.New("this is no signing key that candor made, or it is damaged: restore it from your copy")

// ParseSigningKey reads a signing key as candor keys makes it: PRIVATE+KEY+NAME+HASH+KEY of golang.org/x/mod/sumdb/note, where the last KEY is
// base64 of one byte, the algorithm, and the Ed25519 seed.
func ParseSigningKey(text string) (signer note.Signer, seed []byte, err error) {
	text = strings.TrimSpace(text)
	signer, err = note.NewSigner(text)
	if err != nil {
		return nil, nil, ErrSigningKey
	}
	f := strings.SplitN(text, "+", 5) // a name holds no plus sign, the key may
	raw, err := base64.StdEncoding.DecodeString(f[len(f)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, nil, ErrSigningKey
	}
	return signer, raw[1:], nil
}

// NewSigner derives a Signer from a signing key.
func NewSigner(text string) (*Signer, error) {
	signer, seed, err := ParseSigningKey(text)
	if err != nil {
		return nil, err
	}
	return &Signer{signer, mac(seed, "candor notifier v1"), mac(seed, "candor notice code v1"), mac(seed, "candor return path v1")}, nil
}

func mac(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(strings.Join(parts, "\x00")))
	return h.Sum(nil)
}

// ID is the key's, as candor keys shows it.
func (s *Signer) ID() string { return fmt.Sprintf("%08x", s.note.KeyHash()) }

// Format keeps the secrets out of every print.
func (s *Signer) Format(f fmt.State, _ rune) { fmt.Fprint(f, "signing key ", s.ID()) }

// LogValue keeps the secrets out of logs.
func (s *Signer) LogValue() slog.Value { return slog.StringValue("signing key " + s.ID()) }

// Key names one person's notice of a campaign and says nothing of the person: the local part of Message-ID, the ENVID (RFC 3461 §4.4), and
// the first part of the return path's tag.
func (s *Signer) Key(campaign, owner string) string {
	return lowerBase32.EncodeToString(mac(s.keys, campaign, owner)[:16])
}

// IsKey reports whether a text has the form of a key.
func IsKey(key string) bool {
	b, err := lowerBase32.DecodeString(key)
	return err == nil && len(key) == KeyLen && lowerBase32.EncodeToString(b) == key
}

// Code is what the shop's own page confirms a notice by: 60 bits that nobody can guess, to be read aloud.
func (s *Signer) Code(campaign, owner string) string {
	c := crockford.EncodeToString(mac(s.codes, campaign, owner)[:8])
	return c[:4] + "-" + c[4:8] + "-" + c[8:12]
}

// Tag is what stands behind the plus sign of the return path: the key, and 20 bits by which a listener refuses what nobody was ever sent,
// without asking a store. Whoever was shown the Message-ID of somebody's notice cannot make it.
func (s *Signer) Tag(key string) string { return key + s.tagMAC(key) }

func (s *Signer) tagMAC(key string) string {
	return lowerBase32.EncodeToString(mac(s.tags, key)[:5])[:tagMAC]
}

// TagKey is the key of a tag that Tag made. Relays may change the case of a local part.
func (s *Signer) TagKey(tag string) (key string, ok bool) {
	tag = strings.ToLower(tag)
	if len(tag) != KeyLen+tagMAC || !IsKey(tag[:KeyLen]) {
		return "", false
	}
	key = tag[:KeyLen]
	return key, subtle.ConstantTimeCompare([]byte(tag[KeyLen:]), []byte(s.tagMAC(key))) == 1
}

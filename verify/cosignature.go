package verify

import (
	"encoding/binary"

	"filippo.io/mldsa"
	"golang.org/x/mod/sumdb/note"
)

// A log may sign its checkpoints by ML-DSA-44, too, so that they can still be believed when Ed25519 cannot: what signs then is a cosigner with the log's own name
// (c2sp.org/tlog-checkpoint, Signatures).

const (
	cosignatureMLDSA = 6 // c2sp.org/tlog-cosignature, ML-DSA-44 (FIPS 204)
	// cosignatureTime is how long the time is that stands before a cosignature's signature: seconds since 1970, big-endian.
	cosignatureTime = 8
)

// CosignerKey is the key of a cosigner by ML-DSA-44, of whose public half public is the 1,312 bytes, and its line in key.txt. An error says that a key cannot be named so.
func CosignerKey(name string, public []byte) (key note.Verifier, line string, err error) {
	line = keyLine(name, append([]byte{cosignatureMLDSA}, public...))
	key, err = parseKey(line)
	return key, line, err
}

// CosignedMessage is what a cosigner by ML-DSA-44 signs of the text of a checkpoint, at some second since 1970 (c2sp.org/tlog-cosignature). ok is false where the text is
// none of three lines: it says nothing of further ones.
func CosignedMessage(cosigner string, at uint64, text string) (message []byte, ok bool) {
	c, err := parseTree(text)
	if err != nil || len(cosigner) > 255 || len(c.Origin) > 255 || at >= 1<<63 {
		return nil, false
	}
	b := []byte("subtree/v1\n\x00")
	b = append(append(b, byte(len(cosigner))), cosigner...)
	b = binary.BigEndian.AppendUint64(b, at)
	b = append(append(b, byte(len(c.Origin))), c.Origin...)
	b = binary.BigEndian.AppendUint64(b, 0) // the first entry
	b = binary.BigEndian.AppendUint64(b, uint64(c.Size))
	return append(b, c.Root[:]...), true
}

// cosignerKey checks such a cosignature.
type cosignerKey struct {
	name string
	hash uint32
	key  *mldsa.PublicKey
}

func (k cosignerKey) Name() string    { return k.name }
func (k cosignerKey) KeyHash() uint32 { return k.hash }

func (k cosignerKey) Verify(msg, sig []byte) bool {
	if len(sig) != cosignatureTime+mldsa.MLDSA44SignatureSize {
		return false
	}
	m, ok := CosignedMessage(k.name, binary.BigEndian.Uint64(sig), string(msg))
	return ok && mldsa.Verify(k.key, m, sig[cosignatureTime:], nil) == nil
}

package verify

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// LogProof shows without a network that an entry is in a log (c2sp.org/tlog-proof).
type LogProof struct {
	Entry      []byte // the manifest, as the proof's extra data: with report.json and the key nothing else is needed
	Index      int64
	Hashes     tlog.RecordProof
	Checkpoint string // the signed note
}

const proofHead = "c2sp.org/tlog-proof@v1"

// Text is the proof as a file.
func (p LogProof) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHead, base64.StdEncoding.EncodeToString(p.Entry), p.Index)
	for _, h := range p.Hashes {
		b.WriteString(h.String() + "\n")
	}
	return b.String() + "\n" + p.Checkpoint
}

// maxProofHashes is that of a tree with 2^63 entries.
const maxProofHashes = 63

// ParseLogProof reads a proof that has its entry with it, and refuses what Text would not have written.
func ParseLogProof(text string) (p LogProof, err error) {
	head, checkpoint, ok := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || lines[0] != proofHead || len(lines) < 3 || len(lines) > 3+maxProofHashes {
		return p, errors.New("it is no proof of " + proofHead + ", with extra data and an index")
	}
	p.Checkpoint = checkpoint
	extra, ok := strings.CutPrefix(lines[1], "extra ")
	if p.Entry, err = base64.StdEncoding.DecodeString(extra); err != nil || !ok {
		return p, errors.New("line 2: it is not the entry in base64")
	}
	index, ok := strings.CutPrefix(lines[2], "index ")
	if p.Index, err = strconv.ParseInt(index, 10, 64); err != nil || !ok || p.Index < 0 {
		return p, errors.New("line 3: it is no index")
	}
	for i, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return p, fmt.Errorf("line %d: it is no hash", 4+i)
		}
		p.Hashes = append(p.Hashes, h)
	}
	if p.Text() != text {
		return p, errors.New("it is not written in the one form: base64 or a number is spelt otherwise")
	}
	return p, nil
}

// Check the proof by the log's keys alone: its checkpoint's signature, and that the entry is in that tree.
func (p LogProof) Check(k Keys) (Manifest, Checkpoint, error) {
	c, err := ParseCheckpoint(p.Checkpoint, k)
	if err != nil {
		return Manifest{}, c, fmt.Errorf("its checkpoint: %w", err)
	}
	if err := tlog.CheckRecord(p.Hashes, c.Size, c.Root, p.Index, tlog.RecordHash(p.Entry)); err != nil {
		return Manifest{}, c, errors.New("it does not prove that its entry is in the log: the hashes lead to another root")
	}
	m, err := ParseManifest(p.Entry)
	return m, c, err
}

package verify

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"filippo.io/mldsa"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// madeUp is a log of one entry, signed with a key that is no secret: the same in each run, so that what a fuzzer finds stays found.
func madeUp(t testing.TB) (keys Keys, m Manifest, checkpoint string) {
	seed := sha256.Sum256([]byte("no secret"))
	key := ed25519.NewKeyFromSeed(seed[:])
	vkey, err := note.NewEd25519VerifierKey("shop.example/candor", key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	if keys, err = ParseKeys(vkey + "\n"); err != nil {
		t.Fatal(err)
	}
	hash := strings.Repeat("ab", 32)
	m = Manifest{Schema: ManifestSchema, Incident: "inc-1", Revision: 1, Report: hash, Files: map[string]string{"inc-1/1/report.json": hash, "index.html": hash}}
	entry, err := m.Entry()
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("shop.example/candor\n1\n%s\n", tlog.RecordHash(entry))
	n, err := note.Sign(&note.Note{Text: text}, madeUpSigner{keys.Log[0], key})
	if err != nil {
		t.Fatal(err)
	}
	return keys, m, string(n)
}

type madeUpSigner struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s madeUpSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// madeUpTwice is a log of one entry that is signed by both keys.
func madeUpTwice(t testing.TB) (keys Keys, checkpoint string) {
	one, _, checkpoint := madeUp(t)
	seed := sha256.Sum256([]byte("no secret"))
	key, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed[:])
	if err != nil {
		t.Fatal(err)
	}
	v, line, err := CosignerKey("shop.example/candor", key.PublicKey().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if keys, err = ParseKeys(one.Lines[0] + "\n" + line + "\n"); err != nil {
		t.Fatal(err)
	}
	n, err := note.Open([]byte(checkpoint), note.VerifierList(one.Log...))
	if err != nil {
		t.Fatal(err)
	}
	b, err := note.Sign(n, madeUpCosigner{v, key})
	if err != nil {
		t.Fatal(err)
	}
	return keys, string(b)
}

type madeUpCosigner struct {
	note.Verifier
	key *mldsa.PrivateKey
}

func (s madeUpCosigner) Sign(msg []byte) ([]byte, error) {
	m, _ := CosignedMessage(s.Name(), 1, string(msg))
	sig, err := s.key.SignDeterministic(m, nil)
	return append([]byte{0, 0, 0, 0, 0, 0, 0, 1}, sig...), err
}

// Each parser takes exactly what its writer writes: what it accepts is written again as the same bytes.

func FuzzManifest(f *testing.F) {
	_, m, _ := madeUp(f)
	entry, _ := m.Entry()
	f.Add(entry)
	f.Add([]byte(strings.Replace(string(entry), "inc-1/1/report.json", "../report.json", 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		if again, err := m.Entry(); err != nil || string(again) != string(b) {
			t.Fatalf("%v\n%s\n%s", err, again, b)
		}
	})
}

func FuzzLogProof(f *testing.F) {
	keys, m, checkpoint := madeUp(f)
	entry, _ := m.Entry()
	f.Add(LogProof{Entry: entry, Checkpoint: checkpoint}.Text())
	f.Add(LogProof{Entry: entry, Index: 1, Hashes: tlog.RecordProof{{1}, {2}}, Checkpoint: checkpoint}.Text())
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseLogProof(text)
		if err != nil {
			return
		}
		if p.Text() != text {
			t.Fatalf("%q", text)
		}
		if got, _, err := p.Check(keys); err == nil && got.Report != m.Report {
			t.Fatal("the log proves what was never in it")
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	keys, _, checkpoint := madeUp(f)
	f.Add(checkpoint, strings.Join(keys.Lines, "\n")+"\n")
	both, twice := madeUpTwice(f)
	f.Add(twice, strings.Join(both.Lines, "\n")+"\n")
	f.Fuzz(func(t *testing.T, text, keyText string) {
		if c, err := ParseCheckpoint(text, keys); err == nil && text != checkpoint {
			t.Fatalf("another checkpoint is taken as signed: %+v", c)
		}
		if c, err := ParseCheckpoint(text, both); err == nil && text != twice {
			t.Fatalf("another checkpoint is taken as signed by both: %+v", c)
		}
		if k, err := ParseKeys(keyText); err == nil {
			ParseCheckpoint(text, k)
			parsePublishing(text, k)
		}
	})
}

func FuzzReport(f *testing.F) {
	b, _ := EncodeReport(Report{Schema: ReportSchema, Incident: "inc-1", Revision: 1})
	f.Add(b, b)
	f.Fuzz(func(t *testing.T, b, c []byte) {
		r, err := ParseReport(b)
		if err != nil {
			return
		}
		if again, err := EncodeReport(r); err != nil || string(again) != string(b) {
			t.Fatalf("%v\n%s\n%s", err, again, b)
		}
		for _, finding := range append(Rules(r), Sums(r)...) {
			lineOf(b, finding.Field)
		}
		if next, err := ParseReport(c); err == nil {
			Corrections(&r, next)
		}
	})
}

// Whatever stands in a bundle, the folder is judged, and not believed.
func FuzzBundle(f *testing.F) {
	keys, m, checkpoint := madeUp(f)
	entry, _ := m.Entry()
	whole := join([][]byte{entry})
	f.Add(whole)
	f.Fuzz(func(t *testing.T, b []byte) {
		site := fstest.MapFS{KeyFile: {Data: []byte(keys.Lines[0] + "\n")}, CheckpointFile: {Data: []byte(checkpoint)}, "log/tile/entries/000.p/1": {Data: b}}
		r := Folder(site, Options{Keys: &keys, Now: time.Unix(0, 0)})
		if r.OK() || len(r.Revisions) > 0 && string(b) != string(whole) {
			t.Fatalf("%+v", r)
		}
	})
}

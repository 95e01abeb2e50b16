package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"filippo.io/mldsa"
	"golang.org/x/mod/sumdb/note"

	"candor.example/verify"
)

// cosignedOptions sign by both keys.
func cosignedOptions(t testing.TB) LogOptions {
	o := newLogOptions(t)
	c, err := NewCosigner(o.Signer.Name())
	if err != nil {
		t.Fatal(err)
	}
	o.Cosigner, o.Keys = c, append(o.Keys, c.Line())
	return o
}

// withoutLine is a file without the lines that begin so, or hold it.
func withoutLine(site fstest.MapFS, name, part string) []byte {
	var kept [][]byte
	for _, line := range bytes.SplitAfter(site[name].Data, []byte("\n")) {
		if !bytes.Contains(line, []byte(part)) {
			kept = append(kept, line)
		}
	}
	return bytes.Join(kept, nil)
}

// A log that signs by both keys is one in which a signature by each must be, in the checkpoint and in each proof, and it stays so.
func TestCosigned(t *testing.T) {
	o := cosignedOptions(t)
	dir := sampleSiteOf(t, o)
	site := inMemory(t, dir)
	r := verified(t, site)
	if !r.OK() || r.Cosigner == "" || len(r.Seen.Keys) != 2 || !strings.Contains(r.Checks[1].What, "ML-DSA-44 ("+r.Cosigner+")") {
		t.Fatalf("%v %+v %v", r.Findings(), r.Checks[1], r.Seen.Keys)
	}
	// The line of the second signature begins with the id of its key.
	id := fmt.Sprintf("%s %s", o.Cosigner.Name(), base64.StdEncoding.EncodeToString(cosignatureOf(t, site, o)[:3]))
	key := "+" + r.Cosigner + "+"
	ed := newLogOptions(t)
	otherKey, err := NewCosigner(o.Signer.Name())
	if err != nil {
		t.Fatal(err)
	}
	other := LogOptions{Signer: o.Signer, Cosigner: otherKey, Keys: []string{o.Keys[0], otherKey.Line()}, Now: o.Now}
	for _, attack := range []struct {
		name string
		site fstest.MapFS
		at   string
		seen bool // by who has seen the log before
	}{
		{"the second signature is missing", with(site, verify.CheckpointFile, withoutLine(site, verify.CheckpointFile, id)), verify.CheckpointFile, false},
		{"the first one is missing", with(site, verify.CheckpointFile, firstLines(site[verify.CheckpointFile].Data, id)), verify.CheckpointFile, false},
		{"it is missing in a proof", with(site, "inc-1/1/"+verify.ProofFile, withoutLine(site, "inc-1/1/"+verify.ProofFile, id)), "inc-1/1/" + verify.ProofFile, false},
		{"it does not fit", with(site, verify.CheckpointFile, flipped(t, site, verify.CheckpointFile, id)), verify.CheckpointFile, false},
		{"it does not fit in a proof", with(site, "inc-2/1/"+verify.ProofFile, flipped(t, site, "inc-2/1/"+verify.ProofFile, id)), "inc-2/1/" + verify.ProofFile, false},
		{"whoever broke Ed25519 signs another log", forge(t, site, entriesOf(t, site)[:2], o), verify.CheckpointFile, false},
		{"and takes the second key out", with(forge(t, site, entriesOf(t, site), o), verify.KeyFile, []byte(o.Keys[0]+"\n")), verify.KeyFile, true},
		{"the second key is another", with(site, verify.KeyFile, []byte(strings.Join(other.Keys, "\n")+"\n")), verify.KeyFile, true},
		{"the first key is another", with(site, verify.KeyFile, []byte(ed.Keys[0]+"\n"+o.Keys[1]+"\n")), verify.KeyFile, true},
	} {
		var seen []verify.Seen
		if attack.seen {
			seen = append(seen, r.Seen)
		}
		if got := verified(t, attack.site, seen...); !names(got, attack.at) {
			t.Errorf("%s: %v", attack.name, got.Findings())
		}
	}
	if !strings.Contains(string(site[verify.KeyFile].Data), key) {
		t.Errorf("%s has no %s", verify.KeyFile, key)
	}

	// Who was given the Ed25519 key alone checks both, and is told which of them it takes on trust.
	given := keysOf(t, LogOptions{Keys: o.Keys[:1]})
	if r := verify.Folder(site, verify.Options{Keys: given, Now: logTime}); !r.OK() || r.Cosigner == "" || !strings.Contains(strings.Join(r.CannotSay, "\n"), "ML-DSA-44") {
		t.Errorf("%v %v", r.Findings(), r.CannotSay)
	}
	if r := verify.Folder(site, verify.Options{Keys: keysOf(t, o), Now: logTime}); !r.OK() || strings.Contains(strings.Join(r.CannotSay, "\n"), "ML-DSA-44") {
		t.Errorf("%v %v", r.Findings(), r.CannotSay)
	}

	// It cannot go on without, nor one without it begin with it later.
	if _, err := OpenLog(t.Context(), dir, LogOptions{Signer: o.Signer, Keys: o.Keys[:1], Now: o.Now}); err == nil || !strings.Contains(err.Error(), "ML-DSA-44") {
		t.Errorf("it goes on without its second key: %v", err)
	}
	plain, p := sampleSite(t)
	p.Cosigner, p.Keys = otherKey, append(p.Keys, otherKey.Line())
	if _, err := OpenLog(t.Context(), plain, p); err == nil || !strings.Contains(err.Error(), "began without ML-DSA-44") {
		t.Errorf("a log takes a second key later: %v", err)
	}
	before := verified(t, os.DirFS(plain)).Seen
	added := with(inMemory(t, plain), verify.KeyFile, []byte(strings.Join(p.Keys, "\n")+"\n"))
	if r := verified(t, added, before); !names(r, verify.KeyFile) {
		t.Errorf("a second key was added: %v", r.Findings())
	}
	l, err := OpenLog(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	publishSample(t, l, "inc-2", 7)
	if r := verified(t, os.DirFS(dir), r.Seen); !r.OK() || r.Size != 4 || r.Cosigner == "" {
		t.Errorf("%v", r.Findings())
	}
}

// A second key that is changed is named beside the one before.
func TestCosignerRotated(t *testing.T) {
	o := cosignedOptions(t)
	dir := sampleSiteOf(t, o)
	next, err := NewCosigner(o.Signer.Name())
	if err != nil {
		t.Fatal(err)
	}
	rotated := LogOptions{Signer: o.Signer, Cosigner: next, Keys: []string{o.Keys[0], next.Line(), o.Keys[1]}, Now: o.Now}
	l, err := OpenLog(t.Context(), dir, rotated)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	publishSample(t, l, "inc-2", 7)
	if r := verified(t, os.DirFS(dir)); !r.OK() || r.Cosigner != strings.Split(next.Line(), "+")[1] {
		t.Errorf("%v %s", r.Findings(), r.Cosigner)
	}
	for name, lines := range map[string][]string{"the older first": {o.Keys[0], o.Keys[1], next.Line()}, "the second sort first": {next.Line(), o.Keys[0], o.Keys[1]}} {
		if r := verified(t, with(inMemory(t, dir), verify.KeyFile, []byte(strings.Join(lines, "\n")+"\n"))); !names(r, verify.KeyFile) {
			t.Errorf("%s: %v", name, r.Findings())
		}
	}
}

// cosignatureOf is what a second signature by the log's key begins with: its id.
func cosignatureOf(t *testing.T, site fstest.MapFS, o LogOptions) []byte {
	n, err := note.Open(site[verify.CheckpointFile].Data, note.VerifierList(keysOf(t, o).Cosigners...))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if err != nil {
		t.Fatal(err)
	}
	// c2sp.org/tlog-cosignature: the key's id, a time, the signature; and what is signed, put together here by itself.
	message := append([]byte("subtree/v1\n\x00\x13shop.example/candor"), raw[4:12]...)
	message = append(append(message, "\x13shop.example/candor"...), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3)
	root, err := base64.StdEncoding.DecodeString(strings.Split(n.Text, "\n")[2])
	if err != nil {
		t.Fatal(err)
	}
	public, err := base64.StdEncoding.DecodeString(strings.SplitN(o.Cosigner.Line(), "+", 3)[2])
	if err != nil {
		t.Fatal(err)
	}
	key, err := mldsa.NewPublicKey(mldsa.MLDSA44(), public[1:])
	if err != nil || public[0] != 6 || len(raw) != 4+8+2420 {
		t.Fatal(err, public[0], len(raw))
	}
	if err := mldsa.Verify(key, append(message, root...), raw[12:], nil); err != nil {
		t.Fatalf("it is no cosignature by c2sp.org/tlog-cosignature: %v", err)
	}
	return raw
}

// firstLines keeps of a checkpoint's signatures the second alone.
func firstLines(checkpoint []byte, second string) []byte {
	text, _, _ := bytes.Cut(checkpoint, []byte("\n\n"))
	at := bytes.Index(checkpoint, []byte("— "+second))
	return append(append(bytes.Clone(text), "\n\n"...), checkpoint[at:]...)
}

// flipped is a file in which one bit of the second signature is another.
func flipped(t *testing.T, site fstest.MapFS, name, second string) []byte {
	b := bytes.Clone(site[name].Data)
	at := bytes.Index(b, []byte("— "+second))
	if at < 0 {
		t.Fatalf("%s has no second signature", name)
	}
	at += 500
	b[at] = map[bool]byte{true: 'B', false: 'A'}[b[at] == 'A']
	return b
}

// A key reads back as it was written, and nothing else is one; what it prints is not its secret.
func TestCosignerKey(t *testing.T) {
	c, err := NewCosigner("shop.example/candor")
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseCosigner(c.Secret() + "\n")
	if err != nil || again.Line() != c.Line() {
		t.Fatal(err)
	}
	seed := strings.Split(c.Secret(), "+")[3]
	if s := fmt.Sprintf("%v %+v %s", c, c, c); strings.Contains(s, seed) || strings.Contains(s, "PRIVATE") {
		t.Error(s)
	}
	for _, bad := range []string{"", "x", c.Line(), c.Secret()[:len(c.Secret())-4], c.Secret() + "AAAA", strings.Replace(c.Secret(), "shop.example", "shop example", 1), secretHead + "+" + seed, secretHead + "shop.example"} {
		if _, err := ParseCosigner(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if _, err := NewCosigner("two words"); err == nil {
		t.Error("a name with a space")
	}
	if _, err := (cosigning{c, time.Now}).Sign([]byte("a statement\nthat is\nno checkpoint\n")); err == nil {
		t.Error("it signs anything")
	}
}

package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"candor.example"
	"candor.example/internal/keyfile"
	"candor.example/internal/seal"
)

// opens says whether a private key that is here opens what was sealed.
func opens(t *testing.T, p keyPair, s candor.Sealed) bool {
	t.Helper()
	for _, file := range []string{p.privateFile(), p.older(s.Key) + ".key"} {
		secret, err := (keyfile.Plain{}).Read(file)
		if err != nil {
			continue
		}
		k, err := seal.ParsePrivate(secret)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Open(s); err == nil {
			return true
		}
	}
	return false
}

// A rotation that is killed at any moment leaves a pair to go on with, and everything that was sealed can be opened.
func TestRotationKilled(t *testing.T) {
	d := dataFlag{t.TempDir()}
	p := sealPair(d, seal.X25519)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "candor") // testscript.Main looks at the name
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	var all []candor.Sealed
	killed, ids := 0, map[string]bool{}
	for range 20 {
		sealer, _, err := openSealer(d)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sealer.Seal("1001", "email", []byte("alice@shop.example"))...)
		ids[all[len(all)-1].Key] = true
		cmd := exec.Command(link, "keys", "rotate", "--seal", "--data", d.Data)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		killer := time.AfterFunc(time.Duration(rand.IntN(120))*time.Millisecond, func() { cmd.Process.Kill() })
		if cmd.Wait() != nil {
			killed++
		}
		killer.Stop()
		for _, s := range all {
			if !opens(t, p, s) {
				t.Fatalf("what was sealed with key %s cannot be opened", s.Key)
			}
		}
	}
	if out, err := exec.Command(link, "keys", "rotate", "--seal", "--data", d.Data).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("%d killed, %d keys", killed, len(ids))
}

// Killed behind each of the steps of a rotation: the next goes on.
func TestRotationSteps(t *testing.T) {
	d := dataFlag{t.TempDir()}
	sealer, made, err := openSealer(d)
	if err != nil || !made {
		t.Fatal(made, err)
	}
	p := sealPair(d, seal.X25519)
	sealed := sealer.Seal("1001", "email", []byte("alice@shop.example"))
	_, first, _, _ := p.read()
	if err := p.keep(keyfile.Plain{}, first); err != nil { // the first step
		t.Fatal(err)
	}
	before, second, err := p.rotate(keyfile.Plain{})
	if err != nil || before != first {
		t.Fatal(before, err)
	}
	// The last step undone: the private key is not in its place yet.
	for _, move := range [][2]string{{p.privateFile(), p.older(second) + ".key"}, {p.older(first) + ".key", p.privateFile()}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := p.rotate(keyfile.Plain{}); err == nil || !strings.Contains(err.Error(), "has no copy") {
		t.Fatal("the only copy of a private key was overwritten:", err)
	}
	if err := os.Link(p.privateFile(), p.older(first)+".key"); err != nil {
		t.Fatal(err)
	}
	if before, _, err := p.rotate(keyfile.Plain{}); err != nil || before != second {
		t.Fatal(before, err)
	}
	if !opens(t, p, sealed[0]) {
		t.Error("what was sealed first cannot be opened")
	}
	if list, err := listKeys(d); err != nil || len(list) != 3 || !list[0].InUse || list[1].InUse || !list[2].Private {
		t.Errorf("%+v, %v", list, err)
	}
}

// The guard runs with the public key alone, and does not make another.
func TestSealerWithoutPrivateKey(t *testing.T) {
	d := dataFlag{t.TempDir()}
	if _, made, err := openSealer(d); err != nil || !made {
		t.Fatal(made, err)
	}
	if err := os.Remove(filepath.Join(d.keys(), "seal.key")); err != nil {
		t.Fatal(err)
	}
	s, made, err := openSealer(d)
	if err != nil || made || len(s.Seal("1001", "email", []byte("alice@shop.example"))) != 1 {
		t.Error(made, err)
	}
	os.WriteFile(filepath.Join(d.keys(), "seal.pub"), []byte("rubbish"), 0o600)
	if _, _, err := openSealer(d); err == nil || !strings.Contains(err.Error(), "seal.pub: this is no key that candor made") {
		t.Error(err)
	}
}

// What sign.key signs is verified with sign.pub by x/mod's own code.
func TestSigningPair(t *testing.T) {
	d := dataFlag{t.TempDir()}
	if err := makeFolder(d.keys()); err != nil {
		t.Fatal(err)
	}
	p := signPair(d, "shop.example/candor")
	for range 20 { // the base64 of some keys holds plus signs, as the form has between its parts
		if _, err := p.ensure(keyfile.Plain{}); err != nil {
			t.Fatal(err)
		}
		secret, _ := os.ReadFile(p.privateFile())
		public, _ := os.ReadFile(p.publicFile())
		signer, err := note.NewSigner(strings.TrimSpace(string(secret)))
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := note.NewVerifier(strings.TrimSpace(string(public)))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := note.Sign(&note.Note{Text: "a report\n"}, signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := note.Open(signed, note.VerifierList(verifier)); err != nil || verifier.Name() != "shop.example/candor" {
			t.Error(err)
		}
		os.Remove(p.privateFile())
		os.Remove(p.publicFile())
	}
	if _, err := signPair(d, "two words").ensure(keyfile.Plain{}); err == nil || !strings.Contains(err.Error(), "--name") {
		t.Error(err)
	}
}

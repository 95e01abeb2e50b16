package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	other "github.com/cloudflare/circl/hpke"

	"candor.example"
)

var algorithms = []Algorithm{X25519, PostQuantum}

func generate(t testing.TB, a Algorithm) PrivateKey {
	t.Helper()
	k, err := Generate(a)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal(t testing.TB, k PublicKey, owner, kind, value string) candor.Sealed {
	t.Helper()
	s, err := k.Seal(owner, kind, []byte(value))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealed(t *testing.T) {
	for _, a := range algorithms {
		k := generate(t, a)
		for _, value := range []string{"", "a", "\x80", "\x80\x00", "alice@shop.example", strings.Repeat("x", 31), strings.Repeat("x", 32), strings.Repeat("x", MaxValue)} {
			s := seal(t, k.Public(), "1001", "email", value)
			if s.Owner != "1001" || s.Kind != "email" || s.Key != k.Public().ID() || len(value) > 5 && bytes.Contains(s.Blob, []byte(value)) {
				t.Fatalf("%s: %+v", a, s)
			}
			if got, err := k.Open(s); err != nil || string(got) != value {
				t.Fatalf("%s: %d bytes come back as %d: %v", a, len(value), len(got), err)
			}
		}
		if _, err := k.Public().Seal("1001", "email", make([]byte, MaxValue+1)); err != ErrLong {
			t.Errorf("one byte too many: %v", err)
		}
	}
}

// A blob opens for its owner and kind only, and not with one bit changed.
func TestMoved(t *testing.T) {
	for _, a := range algorithms {
		k := generate(t, a)
		s := seal(t, k.Public(), "1001", "email", "alice@shop.example")
		for _, c := range []struct{ owner, kind string }{{"1002", "email"}, {"1001", "name"}, {"1001e", "mail"}, {"100", "1email"}, {"", ""}} {
			if _, err := k.Open(candor.Sealed{Owner: c.owner, Kind: c.kind, Blob: s.Blob}); err == nil {
				t.Errorf("%s: it opens for %q and %q", a, c.owner, c.kind)
			}
		}
		for i := range s.Blob {
			changed := s
			changed.Blob = slices.Clone(s.Blob)
			changed.Blob[i] ^= 1
			if _, err := k.Open(changed); err == nil {
				t.Fatalf("%s: it opens with byte %d changed", a, i)
			}
			changed.Blob = s.Blob[:i]
			if _, err := k.Open(changed); err == nil {
				t.Fatalf("%s: it opens cut at byte %d", a, i)
			}
		}
		other := generate(t, a)
		if _, err := other.Open(s); err == nil || !strings.Contains(err.Error(), "sealed with key "+k.Public().ID()) {
			t.Errorf("another key says: %v", err)
		}
	}
}

// Lengths do not tell addresses apart: 0 to 31 bytes look the same, and 32 one block longer.
func TestPadded(t *testing.T) {
	k := generate(t, X25519)
	size := func(n int) int { return len(seal(t, k.Public(), "1", "email", strings.Repeat("a", n)).Blob) }
	if size(0) != size(31) || size(32) != size(31)+32 || size(32) != size(63) {
		t.Error(size(0), size(31), size(32), size(63))
	}
}

// What circl, an independent implementation, seals is opened, and it opens what is sealed.
func TestAgainstCircl(t *testing.T) {
	for a, kem := range map[Algorithm]other.KEM{X25519: other.KEM_X25519_HKDF_SHA256, PostQuantum: other.KEM_XWING} {
		suite := other.NewSuite(kem, other.KDF_HKDF_SHA256, other.AEAD_AES256GCM)
		k := generate(t, a)
		raw, err := k.key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := kem.Scheme().UnmarshalBinaryPrivateKey(raw)
		if err != nil {
			t.Fatal(err)
		}
		s := seal(t, k.Public(), "1001", "email", "alice@shop.example")
		enc, sealed := s.Blob[9:9+a.encSize()], s.Blob[9+a.encSize():]
		r, err := suite.NewReceiver(theirs, []byte("candor seal v1"))
		if err != nil {
			t.Fatal(err)
		}
		opener, err := r.Setup(enc)
		if err != nil {
			t.Fatal(err)
		}
		padded, err := opener.Open(sealed, []byte("\x00\x00\x00\x041001email"))
		if err != nil || string(padded) != "alice@shop.example\x80"+strings.Repeat("\x00", 13) {
			t.Errorf("%s: circl opens %q, %v", a, padded, err)
		}
		from, err := suite.NewSender(theirs.Public(), []byte("candor seal v1"))
		if err != nil {
			t.Fatal(err)
		}
		enc, sealer, err := from.Setup(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err = sealer.Seal(padded, []byte("\x00\x00\x00\x041001email"))
		if err != nil {
			t.Fatal(err)
		}
		s.Blob = slices.Concat(s.Blob[:9], enc, sealed)
		if got, err := k.Open(s); err != nil || string(got) != "alice@shop.example" {
			t.Errorf("%s: circl's opens as %q, %v", a, got, err)
		}
	}
}

// RFC 9180, A.1.1.1: what the standard library's part of the work gives. Its suite has AES-128-GCM; the appendix has none with ours.
func TestVector(t *testing.T) {
	raw := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	k, err := hpke.DHKEM(ecdh.X25519()).NewPrivateKey(raw("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := hpke.NewRecipient(raw("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"), k, hpke.HKDFSHA256(), hpke.AES128GCM(), raw("4f6465206f6e2061204772656369616e2055726e"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Open([]byte("Count-0"), raw("f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"))
	if err != nil || string(got) != "Beauty is truth, truth beauty" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestKeyText(t *testing.T) {
	for _, a := range algorithms {
		k := generate(t, a)
		secret, err := k.Text()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePrivate(secret)
		if err != nil {
			t.Fatal(err)
		}
		p, err := ParsePublic(k.Public().Text())
		if err != nil || p.ID() != k.Public().ID() || again.Public().ID() != p.ID() || p.Algorithm() != a {
			t.Fatalf("%s: %v", a, err)
		}
		if got, err := again.Open(seal(t, p, "1", "name", "Alice Adams")); err != nil || string(got) != "Alice Adams" {
			t.Errorf("%q, %v", got, err)
		}
		if printed := fmt.Sprintf("%v %+v %s %#v %v", k, k, k, k, &k) + k.LogValue().String(); strings.Contains(printed, "0x") || strings.Contains(printed, "{") {
			t.Errorf("it prints as %s", printed)
		}
		if _, err := ParsePublic(secret); err == nil || strings.Contains(err.Error(), strings.Fields(string(secret))[2]) {
			t.Error("a private key is read as a public one, or printed:", err)
		}
		for i := range secret[:len(secret)-1] {
			if _, err := ParsePrivate(secret[:i]); err == nil {
				t.Fatalf("%s: cut at %d it is a key", a, i)
			}
		}
	}
	if _, err := Generate("rot13"); err == nil || !strings.Contains(err.Error(), "x25519 and mlkem768-x25519") {
		t.Error(err)
	}
	if _, err := ParsePublic(text(publicHeader, X25519, make([]byte, 32))); err == nil { // of low order: RFC 7748 §6.1
		t.Error("a key that anybody can open for was taken")
	}
}

func TestSealer(t *testing.T) {
	k := generate(t, X25519)
	s := NewSealer(k.Public())
	first := s.Seal("1001", "email", []byte("alice@shop.example"))
	if again := s.Seal("1001", "email", []byte("alice@shop.example")); len(first) != 1 || len(again) != 1 {
		t.Fatal("what is not on disk must be sealed again")
	}
	s.Recorded(first)
	if again := s.Seal("1001", "email", []byte("alice@shop.example")); again != nil {
		t.Error("what is on disk is sealed again")
	}
	if len(s.Seal("1001", "name", nil)) != 1 || len(s.Seal("1002", "email", nil)) != 1 {
		t.Error("another kind, or owner, is not sealed")
	}
	long := s.Seal("1001", "context", make([]byte, MaxValue+1))
	if got, err := k.Open(long[0]); err != nil || len(got) != MaxValue {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Its memory is bounded, and holds the last maxSeen at least.
func TestSealerForgets(t *testing.T) {
	s := NewSealer(generate(t, X25519).Public())
	one := func(i int) []candor.Sealed { return []candor.Sealed{{Owner: fmt.Sprint(i), Kind: "email"}} }
	for i := range 2*maxSeen + 1 {
		s.Recorded(one(i))
	}
	if s.has(seen{"0", "email"}) || !s.has(seen{fmt.Sprint(maxSeen + 1), "email"}) || len(s.recent)+len(s.old) > 2*maxSeen {
		t.Error("it remembers", len(s.recent), len(s.old))
	}
}

func TestSealerTogether(t *testing.T) {
	s := NewSealer(generate(t, X25519).Public())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 50 {
				s.Recorded(s.Seal(fmt.Sprint(i), "email", []byte("alice@shop.example")))
			}
		})
	}
	all.Wait()
	if len(s.recent) != 50 {
		t.Error(len(s.recent))
	}
}

func FuzzOpen(f *testing.F) {
	var keys []PrivateKey
	for _, a := range algorithms {
		k, err := ParsePrivate(text(privateHeader, a, bytes.Repeat([]byte{1}, 32))) // the same in every process that fuzzes
		if err != nil {
			f.Fatal(err)
		}
		keys = append(keys, k)
		f.Add("1001", "email", seal(f, k.Public(), "1001", "email", "alice@shop.example").Blob)
	}
	f.Fuzz(func(t *testing.T, owner, kind string, blob []byte) {
		for _, k := range keys {
			known := append(append([]byte{version}, k.public.id[:]...), blob[min(len(blob), 9):]...)
			for _, b := range [][]byte{blob, known} {
				if value, err := k.Open(candor.Sealed{Owner: owner, Kind: kind, Blob: b}); err == nil && string(value) != "alice@shop.example" {
					t.Fatal("something that nobody sealed was opened")
				}
			}
			if padded, err := unpad(blob); err == nil && !bytes.Equal(pad(padded)[:len(padded)+1], blob[:len(padded)+1]) {
				t.Fatal("padding is read as what it is not")
			}
		}
	})
}

func FuzzKeyText(f *testing.F) {
	for _, a := range algorithms {
		k := generate(f, a)
		secret, _ := k.Text()
		f.Add(secret)
		f.Add(k.Public().Text())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := ParsePublic(b); err == nil {
			if again, err := ParsePublic(k.Text()); err != nil || again.ID() != k.ID() {
				t.Fatal("a public key does not come back", err)
			}
		}
		if k, err := ParsePrivate(b); err == nil {
			if _, err := k.Open(seal(t, k.Public(), "1", "email", "x")); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	for _, a := range algorithms {
		k := generate(b, a)
		s := NewSealer(k.Public())
		value := []byte("alice@shop.example")
		b.Run(string(a), func(b *testing.B) {
			for b.Loop() {
				s.Seal("1001", "email", value)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "seals/s")
			b.ReportMetric(float64(len(seal(b, k.Public(), "1001", "email", string(value)).Blob)), "B/blob")
		})
		b.Run(string(a)+"/open", func(b *testing.B) {
			sealed := seal(b, k.Public(), "1001", "email", string(value))
			for b.Loop() {
				k.Open(sealed)
			}
		})
	}
}

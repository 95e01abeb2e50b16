package scan

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
)

// Nothing that is text is ruled out by its bytes alone, at whatever place its groups begin; and of what is none, nearly all is.
func TestMayBeText(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	passed := 0
	for range 20000 {
		plain := make([]byte, 24)
		for i := range plain {
			plain[i] = byte(r.IntN(256))
		}
		noise := (*[sampled]byte)([]byte(base64.RawURLEncoding.EncodeToString(plain)))
		if in, _ := textAt(noise); mayBeText(noise) != 0 && in == 0 {
			passed++
		}
		for i := range plain {
			plain[i] = byte(' ' + r.IntN(0x5f))
			if r.IntN(8) == 0 {
				plain[i] = "\t\n\r"[r.IntN(3)]
			}
		}
		for from := range 4 {
			b := (*[sampled]byte)([]byte(base64.StdEncoding.EncodeToString(plain)[from:]))
			if at := (4 - from) % 4; mayBeText(b)>>at&1 == 0 {
				t.Fatalf("%q is text from %d on", b, at)
			}
		}
		for from := range 2 {
			b := (*[sampled]byte)([]byte(hex.EncodeToString(plain)[from:]))
			if mayBeText(b)>>(4+from)&1 == 0 {
				t.Fatalf("%q is text in hexadecimal digits from %d on", b, from)
			}
		}
	}
	if passed > 1000 {
		t.Errorf("%d of 20000 passed that are no text", passed)
	}
}

// Escapes in one path are told together, and to the same end as each by itself.
func TestParted(t *testing.T) {
	const seed = 7
	rnd := rand.New(rand.NewPCG(seed, seed))
	parts := []string{`\/`, `\/`, "%2F", "%2f", "%2B", "%2", "%", `\`, "/", "a", "media", "catalog", "thumbnails", "0", "9", "A", "Ab", ":", ".", "-", "_", "+", "QWxhZGRpbjpvcGVuIHNlc2Ft"}
	parted := 0
	for range 20_000 {
		var text []byte
		for range rnd.IntN(40) {
			text = append(text, parts[rnd.IntN(len(parts))]...)
		}
		l := level{text: text}
		for p, c := range text {
			if c != '\\' && c != '%' {
				continue
			}
			_, to, is := hashAround(text, p)
			want := is || to+len("%2F") > len(text)
			if got := l.isParted(p); got != want {
				t.Fatalf("%q at %d: %v, by itself %v", text, p, got, want)
			}
			if want {
				parted++
			}
		}
	}
	if parted == 0 {
		t.Error("nothing was parted")
	}
}

// A hash in base64 is offered wherever it stands in a run between characters that one of the alphabets does not have, and nothing else is.
func TestHashesInRun(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		var run []byte
		for _, separator := range []byte("/-+_")[r.IntN(4):] {
			n := r.IntN(50)
			if r.IntN(2) == 0 {
				n = hashed[r.IntN(len(hashed))].text
			}
			for range n {
				run = append(run, "AQgw"[r.IntN(4)]) // each may be the last one of a hash, and no sign may
			}
			run = append(run, separator)
		}
		run = run[:len(run)-r.IntN(2)]
		if len(run) < hashed[2].text {
			continue
		}
		want, got := map[string]bool{}, map[string]bool{}
		for _, strangers := range []string{"-_", "+/"} {
			for _, part := range strings.FieldsFunc(string(run), func(c rune) bool { return strings.ContainsRune(strangers, c) }) {
				if isTextLength(len(part)) && strange[part[len(part)-1]] == 0 {
					want[part] = true
				}
			}
			if !bytes.ContainsAny(run, "-_") {
				break // it is all in the standard alphabet
			}
		}
		f := Finder{Found: func(m Match) bool { got[string(run[m.Offset:m.Offset+m.Length])] = true; return false }}
		f.levels[0].text = run
		f.hashes(0, 0, len(run))
		if !maps.Equal(got, want) {
			t.Fatalf("%s: %v, not %v", run, got, want)
		}
	}
}

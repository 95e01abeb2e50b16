package scan

import (
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
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

package scan

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

func present(parts ...[]byte) string {
	var c Credentials
	for _, p := range parts {
		c.Write(p)
	}
	if kinds := c.Present(); len(kinds) > 0 {
		return strings.Join(kinds, ",")
	}
	return "none"
}

// credentialVectors calls do with each line of testdata/credentials.txt.
func credentialVectors(t testing.TB, do func(want, text string)) {
	b, err := os.ReadFile("testdata/credentials.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if want, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " "); ok && want != "#" {
			do(want, text)
		}
	}
}

func TestCredentialVectors(t *testing.T) {
	credentialVectors(t, func(want, text string) {
		if got := present([]byte(text)); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	})
}

// Whatever surrounds them, and wherever the stream is cut.
func TestCredentialSplits(t *testing.T) {
	before := []byte(strings.Repeat("<p>nothing to see, move on</p>\n", 150))
	credentialVectors(t, func(want, text string) {
		doc := append(append(bytes.Clone(before), text...), "\n<p>the end"...)
		if got := present(doc); got != want {
			t.Errorf("in a page: %s\n got %s\nwant %s", text, got, want)
		}
		for cut := len(before) - 2; cut < len(doc); cut++ {
			if got := present(doc[:cut], doc[cut:]); got != want {
				t.Errorf("%s cut at %d\n got %s\nwant %s", text, cut-len(before), got, want)
				return
			}
		}
		var c Credentials
		for i := range doc {
			c.Write(doc[i : i+1])
		}
		if got := strings.Join(c.Present(), ","); got != want && want != "none" {
			t.Errorf("%s byte by byte: %s", text, got)
		}
	})
}

// Every split of a long document, and three chunks of every size, agree with the whole.
func TestCredentialChunks(t *testing.T) {
	var all []byte
	credentialVectors(t, func(want, text string) { all = append(append(all, text...), '\n') })
	for _, doc := range [][]byte{all, append(bytes.Repeat([]byte(" "), 3*reach), `"password":"hunter2"`...)} {
		want := present(doc)
		for cut := range doc {
			if got := present(doc[:cut], doc[cut:]); got != want {
				t.Fatalf("cut at %d of %d: %s, want %s", cut, len(doc), got, want)
			}
		}
		for size := 1; size < 3*reach; size += 7 {
			var c Credentials
			for chunk := range chunksOf(doc, size) {
				c.Write(chunk)
			}
			if got := strings.Join(c.Present(), ","); got != want {
				t.Fatalf("chunks of %d: %s, want %s", size, got, want)
			}
		}
	}
}

func chunksOf(b []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for ; len(b) > 0; b = b[min(len(b), size):] {
			if !yield(b[:min(len(b), size)]) {
				return
			}
		}
	}
}

func TestCredentialsReset(t *testing.T) {
	var c Credentials
	c.Write([]byte(`{"password":"hunter2"}`))
	if c.Reset(); c != (Credentials{}) || c.Present() != nil {
		t.Error("something is left")
	}
}

func TestLongJWT(t *testing.T) {
	jwt := "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ" + strings.Repeat("zdWIi", 1000) + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
	if got := present([]byte(jwt)); got != SessionToken {
		t.Error(got)
	}
}

func FuzzCredentials(f *testing.F) {
	credentialVectors(f, func(want, text string) { f.Add([]byte(text), uint16(len(text)/2), uint16(0)) })
	f.Fuzz(func(t *testing.T, p []byte, cut, pad uint16) {
		if len(p) < reach {
			checkCredentialKernels(t, p)
		}
		doc := append(bytes.Repeat([]byte{'\n'}, int(pad)%(5*reach)), p...)
		k := int(cut) % (len(doc) + 1)
		if a, b := present(doc), present(doc[:k], doc[k:]); a != b {
			t.Errorf("whole %s, cut at %d of %d %s", a, k, len(doc), b)
		}
	})
}

func BenchmarkCredentials(b *testing.B) {
	doc := []byte(strings.Repeat(`{"id":1042,"name":"Ada Abara","email":"ada@mail.example","address":{"street":"Long Street 7","city":"Lissabon"},"price":29.90,"sessions":3,"created_at":"2018-11-20T10:00:00Z"},`+"\n", 1700))
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	var c Credentials
	for b.Loop() {
		c.Reset()
		c.Write(doc)
	}
	if c.Present() != nil {
		b.Error(c.Present())
	}
}

// The kernels find what looking at every pair finds.
func TestCredentialKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	credentialVectors(t, func(want, text string) {
		page := bytes.Repeat([]byte("<li class=\"card\">$12.00 & 4711 \xe2\x82\xac</li>\n"), r.IntN(9))
		page = append(page[:len(page)-min(len(page), r.IntN(64))], text...)
		checkCredentialKernels(t, page)
	})
}

func checkCredentialKernels(t *testing.T, page []byte) {
	for _, from := range []int{0, min(1, len(page)), len(page) / 2} {
		for _, to := range []int{len(page), len(page) - 1, len(page) * 2 / 3} {
			want := searchPairs(page, from, to)
			everyKernel(func() {
				if got := searchCredentials(page, from, to); got != want {
					t.Errorf("%s: %q from %d to %d: got %b, want %b", kernel, page, from, to, got, want)
				}
			})
		}
	}
}

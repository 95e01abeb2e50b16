package scan

import (
	"bytes"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// everything lists what a kernel sees in all of buf: the places, and the ends of the runs it takes notice of.
func everything(buf []byte, look func([]byte, int, []found, bool) (int, int), room int) (hits []int, runs map[int]bool) {
	runs = map[int]bool{}
	list := make([]found, room)
	for from := 0; from < len(buf); {
		n, upto := look(buf, from, list, true)
		for _, f := range list[:n] {
			for i := range 64 {
				p := f.block + i
				if f.hits>>i&1 != 0 && classes[0][buf[p]]&classes[1][buf[p+1]]&classes[2][buf[p+2]] != 0 {
					hits = append(hits, p)
				}
				if f.runs>>i&1 != 0 {
					for p < len(buf) && classes[0][buf[p]]&inBase64 != 0 {
						p++
					}
					runs[p] = true
				}
			}
		}
		from = upto
	}
	return hits, runs
}

// everyKernel does something with each kernel that this machine has.
func everyKernel(do func()) {
	fastest := kernel
	defer func() { kernel = fastest }()
	for _, kernel = range []string{"portable", "avx2", "avx512"} {
		if do(); kernel == fastest {
			return
		}
	}
}

// Every kernel sees the same places, and every run that has a dense window.
func checkKernel(t *testing.T, buf []byte) {
	want, _ := everything(buf, lookPortable, leastRoom)
	wantRuns := map[int]bool{}
	for i := range buf { // windows
		dense, j := 0, i
		for ; j < len(buf) && j < i+minRun && classes[0][buf[j]]&inBase64 != 0; j++ {
			if classes[0][buf[j]]&isDense != 0 {
				dense++
			}
		}
		if j < i+minRun || dense < minDense {
			continue
		}
		for j < len(buf) && classes[0][buf[j]]&inBase64 != 0 {
			j++
		}
		wantRuns[j] = true
	}
	everyKernel(func() {
		got, gotRuns := everything(buf, look, leastRoom+len(buf)%5)
		if !slices.Equal(got, want) {
			t.Fatalf("%s: %q\n got %v\nwant %v", kernel, buf, got, want)
		}
		for end := range wantRuns {
			if !gotRuns[end] {
				t.Fatalf("%s: %q: the run that ends at %d was not noticed", kernel, buf, end)
			}
		}
	})
}

func TestKernel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const often = "@40x%;&#6at\\u0nameQDEAB/-_é\xef\xbc\xa0 \"{=[hon:+17"
	for range 3000 {
		buf := make([]byte, r.IntN(400))
		for i := range buf {
			buf[i] = often[r.IntN(len(often))]
			if r.IntN(4) == 0 {
				buf[i] = byte(r.IntN(256))
			}
		}
		if len(buf) > 100 { // a run somewhere
			for i := range 15 + r.IntN(12) {
				buf[40+i+r.IntN(2)] = "Abcdefg01234hijk"[r.IntN(16)]
			}
		}
		checkKernel(t, buf)
	}
	checkKernel(t, bytes.Repeat([]byte("abcdefghijklmnopqrstA1B2 "), 40))
	checkKernel(t, bytes.Repeat([]byte("abcdefghijklmnopqrstA1B2"), 40))
}

func FuzzKernel(f *testing.F) {
	f.Add([]byte(`{"a":"alice@shop.example","b":"0123456789abcdef0123456789ABCDEF"} x@y %40 u0040 &#64; nameName`))
	f.Fuzz(func(t *testing.T, buf []byte) {
		if len(buf) < 1<<10 {
			checkKernel(t, buf)
		}
	})
}

// A run of twenty with four dense bytes is noticed wherever it stands, also by who begins in the middle of it; and nothing before the beginning is
// listed.
func TestKernelRuns(t *testing.T) {
	const run = "abCdefghIjklmnop0q1r"
	list := make([]found, leastRoom)
	for at := range 600 {
		buf := bytes.Repeat([]byte(". "), 320)
		copy(buf[at:], run)
		end := at + len(run)
		everyKernel(func() {
			for _, from := range []int{0, max(0, at-70), at, at + 1, at + 10, end - 1} {
				noticed := false
				for upto := from; upto < len(buf); {
					var n int
					n, upto = look(buf, upto, list, false)
					for _, f := range list[:n] {
						for runs := f.runs; runs != 0; runs &= runs - 1 {
							p := f.block + bits.TrailingZeros64(runs)
							noticed = noticed || p >= max(from, at) && p <= end
							if p < from || p < at || p > end {
								t.Fatalf("%s from %d: noticed at %d, and the run stands at %d", kernel, from, p, at)
							}
						}
					}
				}
				if !noticed {
					t.Fatalf("%s from %d: the run at %d was not noticed", kernel, from, at)
				}
			}
		})
	}
}

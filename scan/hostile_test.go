package scan

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
)

// hostile are texts that say little and look, wherever one looks, like the beginning of something: what a customer's review may hold, over and
// over.
var hostile = []string{"40", "QDQEAB", "é@é.é", "a@b\xe9.cc", "\x00@a", "YWxpY2VAc2hvcC5leGFtcGxl%2F", "4140", "1406", "6140622e63", "a=40b.c", "a@b.cc=\n",
	"a@b%2ecc&", `\\u0040a`, "a%40b.c", "AAAA0", "%2540", `\/A1b2`}

func BenchmarkHostile(b *testing.B) {
	for _, s := range hostile {
		page := bytes.Repeat([]byte(s), 1<<20/len(s))
		b.Run(strings.ToValidUTF8(strings.NewReplacer("\x00", "NUL", "\n", "LF", "/", "slash").Replace(s), "?"), func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			f := Finder{Found: no}
			start := threadTime()
			for b.Loop() {
				f.Find(page, true)
			}
			b.ReportMetric(float64(len(page)*b.N)/1e6/(threadTime()-start).Seconds(), "MB/CPU-s")
		})
	}
}

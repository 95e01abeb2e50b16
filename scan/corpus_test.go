package scan

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// corpusDocs reads the documents of a corpus as bench writes them: CANDOR_CORPUS names it without ".docs" and ".index".
func corpusDocs(t testing.TB) (docs [][]byte) {
	stem := os.Getenv("CANDOR_CORPUS")
	if stem == "" {
		t.Skip("CANDOR_CORPUS names no corpus")
	}
	index, err := os.ReadFile(stem + ".index")
	if err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadFile(stem + ".docs")
	if err != nil {
		t.Fatal(err)
	}
	for p := index[4:]; len(p) > 0; p = p[4:] {
		n := binary.LittleEndian.Uint32(p)
		docs, all = append(docs, all[:n:n]), all[n+1:]
	}
	return docs
}

// TestCorpus prints what part of the floor's speed each kernel and the whole Finder reach: the best of interleaved rounds, by CPU time.
// A Finder that has seen the corpus allocates nothing for it.
func TestCorpus(t *testing.T) {
	docs := corpusDocs(t)
	runtime.LockOSThread()
	f := Finder{Found: no}
	var list [32]found
	type contestant struct {
		name string
		do   func([]byte)
	}
	contestants := []contestant{
		{"floor", func(d []byte) {
			for {
				i := bytes.IndexByte(d, '@')
				if i < 0 {
					return
				}
				d = d[i+1:]
			}
		}},
	}
	everyKernel(func() {
		k := kernel
		contestants = append(contestants, contestant{"look, " + k, func(d []byte) {
			kernel = k
			for from := 0; from < len(d); {
				_, from = look(d, from, list[:], false)
			}
		}}, contestant{"Find, " + k, func(d []byte) {
			kernel = k
			f.Find(d, true)
		}})
	})
	defer func(k string) { kernel = k }(kernel)
	best := make([]time.Duration, len(contestants))
	for range 7 {
		for i, c := range contestants {
			start := threadTime()
			for _, d := range docs {
				c.do(d)
			}
			if took := threadTime() - start; best[i] == 0 || took < best[i] {
				best[i] = took
			}
		}
	}
	total := 0
	for _, d := range docs {
		total += len(d)
	}
	if n := testing.AllocsPerRun(1, func() {
		for _, d := range docs {
			f.Find(d, true)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	for i, c := range contestants {
		fmt.Printf("%-14s %6.2f GB/s  %.3f of the floor\n", c.name, float64(total)/float64(best[i]), float64(best[0])/float64(best[i]))
	}
}

func threadTime() time.Duration {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

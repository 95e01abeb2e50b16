package scan

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"slices"
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

// TestCorpus prints what part of the floor's speed each kernel and the whole Finder reach, from interleaved rounds by CPU time.
func TestCorpus(t *testing.T) {
	docs := corpusDocs(t)
	runtime.LockOSThread()
	f := Finder{Found: no}
	var list [32]found
	contestants := []struct {
		name string
		do   func([]byte)
	}{
		{"floor", func(d []byte) {
			for {
				i := bytes.IndexByte(d, '@')
				if i < 0 {
					return
				}
				d = d[i+1:]
			}
		}},
		{"look", func(d []byte) {
			for from := 0; from < len(d); {
				_, from = look(d, from, list[:], false)
			}
		}},
		{"Find", func(d []byte) { f.Find(d, true) }},
	}
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
	for i, c := range contestants {
		fmt.Printf("%-10s %6.2f GB/s  %.3f of the floor\n", c.name, float64(total)/float64(best[i]), float64(best[0])/float64(best[i]))
	}
	_ = slices.Sort[[]int]
}

func threadTime() time.Duration {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

//go:build linux

package directory

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"candor.example/scan"
)

// BenchmarkScale builds, opens and asks directories of so many million customers, by their addresses alone, with locale and country:
//
//	CANDOR_SCALE=1,10,100 go test -run '^$' -bench Scale -benchtime 1x -timeout 1h ./directory
//
// 100 million want 8 GB of disk in TMPDIR. What making the file takes is part of the time of building.
func BenchmarkScale(b *testing.B) {
	for word := range strings.SplitSeq(os.Getenv("CANDOR_SCALE"), ",") {
		millions, err := strconv.Atoi(word)
		if err != nil {
			b.Skip("set CANDOR_SCALE=1,10,100")
		}
		b.Run(word+"M", func(b *testing.B) {
			for b.Loop() {
				measure(b, millions*1_000_000)
			}
		})
	}
}

func measure(b *testing.B, n int) {
	path := filepath.Join(b.TempDir(), "snapshot")
	resetPeak()
	start, cpu := time.Now(), used(unix.RUSAGE_SELF)
	report, err := Build(b.Context(), path, Key{}, quickly(n), "made", BuildOptions{Kinds: []scan.Kind{scan.Email}})
	if err != nil || report.Customers != int64(n) {
		b.Fatal(report.Customers, err)
	}
	b.ReportMetric(time.Since(start).Seconds(), "s/build")
	b.ReportMetric((used(unix.RUSAGE_SELF) - cpu).Seconds(), "cpu-s/build")
	b.ReportMetric(peak(), "MiB/peak")
	start = time.Now()
	d, err := Open(path, Key{})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	b.ReportMetric(time.Since(start).Seconds(), "s/open")
	d.checks.Wait() // the check in the background is not what look-ups are measured against
	if err := d.Damage(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(time.Since(start).Seconds(), "s/check")
	b.ReportMetric(float64(d.Info().Bytes)/float64(n), "B/customer")
	b.ReportMetric(memory(), "ns/memory")
	known := func(address []byte) bool { return d.Known(scan.Email, address) }
	owned := func(address []byte) bool { return len(d.Owners(scan.Email, address)) == 1 }
	b.ReportMetric(ask(b, owned, "stranger", n, false), "ns/stranger")
	b.ReportMetric(ask(b, owned, "customer", n, true), "ns/customer")
	b.ReportMetric(ask(b, known, "customer", n, true), "ns/known-customer")
	b.ReportMetric(0, "ns/op")
}

// ask looks up people in random order, so that little of what one needs is in the processor's caches from another. It counts
// the thread's own time: on a machine that has other work, that is what a look-up takes.
func ask(b *testing.B, look func(address []byte) bool, who string, n int, want bool) float64 {
	const asked = 1 << 20
	list := make([][]byte, asked)
	for i := range list {
		m := rand.IntN(n)
		list[i] = fmt.Appendf(nil, "%s%d@mail%d.example", who, m, m%97)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := used(unix.RUSAGE_THREAD)
	for _, address := range list {
		if look(address) != want {
			b.Fatal("a look-up went wrong")
		}
	}
	return float64(used(unix.RUSAGE_THREAD)-start) / asked
}

// quickly is made, cheaper.
func quickly(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		out := bufio.NewWriterSize(w, 1<<20)
		out.WriteString("id,email,locale,country\n")
		abouts := []string{",de,DE\n", ",en,GB\n", ",en-US,US-CA\n", ",fr,FR\n", ",de-AT,AT\n", ",,IT\n", ",nl,NL\n"}
		var row []byte
		for i := range n {
			row = append(row[:0], strconv.Itoa(100_000_000 + i)[1:]...)
			row = append(strconv.AppendInt(append(row, ",customer"...), int64(i), 10), "@mail"...)
			row = append(strconv.AppendInt(row, int64(i%97), 10), ".example"...)
			row = append(row, abouts[i%len(abouts)]...)
			if _, err := out.Write(row); err != nil {
				return
			}
		}
		out.Flush()
		w.Close()
	}()
	return r
}

// memory is what one read of memory takes that nothing has asked for before, at the time of the measurement: the measure of
// look-ups. It follows a chain that visits each line of 128 MiB once, at random (Sattolo's shuffle makes one cycle of it).
func memory() float64 {
	const line = 16 // uint32
	chain := make([]uint32, 128<<20/4)
	n := len(chain) / line
	for i := range n {
		chain[i*line] = uint32(i * line)
	}
	for i := n - 1; i > 0; i-- {
		j := rand.IntN(i)
		chain[i*line], chain[j*line] = chain[j*line], chain[i*line]
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start, at := used(unix.RUSAGE_THREAD), uint32(0)
	for range 1 << 20 {
		at = chain[at]
	}
	took := used(unix.RUSAGE_THREAD) - start
	runtime.KeepAlive(at)
	return float64(took) / (1 << 20)
}

// used is the processor time taken so far (getrusage(2)).
func used(who int) time.Duration {
	var u unix.Rusage
	unix.Getrusage(who, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resetPeak and peak: what this process had in memory at most (proc(5)).
func resetPeak() { os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

func peak() float64 {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); f[0] == "VmHWM:" {
			kib, _ := strconv.ParseFloat(f[1], 64)
			return kib / 1024
		}
	}
	return 0
}

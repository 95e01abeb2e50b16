package ledger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"

	"candor.example"
	"candor.example/internal/testdb"
)

// BenchmarkFold fills a ledger with affected people, each shown once, by one response, to one of ten thousand viewers, and reports disclosures
// a second over the whole run. CANDOR_BENCH_ROWS=10000000 says how many; a million is the default. InOrder: owners come by their ids, as
// when somebody walks through them, and the ids of responses ascend. AtRandom: both are in random order, so that each row meets another page.
func BenchmarkFold(b *testing.B) {
	for name, random := range map[string]bool{"InOrder": false, "AtRandom": true} {
		b.Run("SQLite/"+name, func(b *testing.B) { benchmarkFold(b, sqliteFile, random) })
		b.Run("PostgreSQL/"+name, func(b *testing.B) { benchmarkFold(b, databases(testdb.Postgres(b), ""), random) })
	}
}

func benchmarkFold(b *testing.B, fresh fresher, random bool) {
	rows := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("CANDOR_BENCH_ROWS")); err == nil {
		rows = n
	}
	var used int64
	for b.Loop() {
		b.StopTimer()
		l := open(b, fresh)
		used += fill(b, l, rows, random)
		if i := only(b, l); i.Exposed != rows || i.Viewers != min(rows, 10_000) { // what was passed over was not folded fast
			b.Fatalf("%d people and %d viewers of %d", i.Exposed, i.Viewers, rows)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "disclosures/s")
	b.ReportMetric(float64(used)/1e3/float64(rows)/float64(b.N), "cpu-µs/disclosure") // of this process: it tells more where others use the machine, too
	b.ReportMetric(0, "ns/op")
}

// benchBatch is how many entries the journal gives at a time when it has as many. Every other one is the end of a response.
const benchBatch = 10_000

// fill returns what processor time the folds took: making up the entries is not counted, and runs with the timer stopped, as it begins and ends.
func fill(b *testing.B, l *Ledger, rows int, random bool) (used int64) {
	r := rand.New(rand.NewPCG(1, 1))
	owner, response := func(n int) int { return n }, func(n int) uint64 { return uint64(n) }
	if random {
		order := r.Perm(rows)
		owner, response = func(n int) int { return order[n] }, func(int) uint64 { return r.Uint64() }
	}
	for seq := 0; seq < rows; {
		batch := make([]candor.Entry, 0, benchBatch)
		for range min(benchBatch/2, rows-seq) {
			e := shown(fmt.Sprintf("%016x", response(seq)), strconv.Itoa(10_000_000+owner(seq)), fmt.Sprintf("%016x", seq%10_000), candor.Exposed, seq/1000)
			seq++
			e.Seq = uint64(2*seq - 1)
			end := e.Responses[0]
			end.End, end.Looked = end.Time, candor.LookedAll
			batch = append(batch, e, candor.Entry{Seq: e.Seq + 1, Responses: []candor.Response{end}})
		}
		before := processorTime(b)
		b.StartTimer()
		if err := l.Fold(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		used += processorTime(b) - before
	}
	return used
}

// processorTime is what this process has used, in nanoseconds.
func processorTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

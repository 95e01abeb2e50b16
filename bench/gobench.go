package main

import (
	"fmt"
	"strings"
)

// benchmark is a line that `go test -bench` printed.
type benchmark struct {
	Name    string
	Metrics []string // "5.2 ns/op"
}

type benchmarks struct {
	Command string
	Lines   []benchmark
}

// goBenchmarks runs benchmarks that stand beside the code they measure.
func goBenchmarks(o options, env, name, pkg string) (*benchmarks, error) {
	command := []string{"go", "test", "-run", "^$", "-bench", name, "-benchmem", "-timeout", "30m", pkg}
	b := &benchmarks{Command: strings.TrimSpace(env + " " + strings.Join(command, " "))}
	out, err := run(o.root, strings.Fields(env), command...)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		l := benchmark{Name: strings.TrimPrefix(f[0], "Benchmark")}
		for i := 2; i+1 < len(f); i += 2 {
			l.Metrics = append(l.Metrics, f[i]+" "+f[i+1])
		}
		b.Lines = append(b.Lines, l)
	}
	return b, nil
}

// directoryScale is §3: the directory's own BenchmarkScale, which reads CANDOR_SCALE as millions of customers.
func directoryScale(o options) (*benchmarks, error) {
	scale := "1,10"
	if o.quick {
		scale = "1"
	}
	if o.full {
		scale += ",100"
	}
	o.say("directory: %s million customers", scale)
	b, err := goBenchmarks(o, "CANDOR_SCALE="+scale, "^BenchmarkScale$", "./directory")
	if err == nil && len(b.Lines) == 0 {
		return nil, fmt.Errorf("BenchmarkScale is not there yet")
	}
	return b, err
}

// journalAndLedger is §4.
func journalAndLedger(o options) (*benchmarks, error) {
	all := &benchmarks{}
	for _, b := range [][2]string{{"^BenchmarkRecord", "./internal/journal"}, {"^BenchmarkFold", "./internal/ledger"}} {
		o.say("journal and ledger: %s", b[1])
		one, err := goBenchmarks(o, "", b[0], b[1])
		if err != nil {
			return nil, err
		}
		all.Lines = append(all.Lines, one.Lines...)
		all.Command += one.Command + "; "
	}
	all.Command = strings.TrimSuffix(all.Command, "; ")
	return all, nil
}

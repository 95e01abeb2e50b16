package main

import (
	"fmt"
	"os"
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
func goBenchmarks(o options, env, name, pkg string, flags ...string) (*benchmarks, error) {
	command := append([]string{"go", "test", "-run", "^$", "-bench", name, "-benchmem", "-timeout", "60m"}, append(flags, pkg)...)
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

// journal is §4, what is recorded.
func journal(o options) (*benchmarks, error) {
	o.say("journal")
	return goBenchmarks(o, "", "^BenchmarkRecord", "./internal/journal")
}

// ledger is §4, what is folded: BenchmarkFold reads CANDOR_BENCH_ROWS, how many people are affected.
func ledger(o options) (*benchmarks, error) {
	sizes := []string{"1000000"}
	if o.quick {
		sizes = []string{"200000"}
	}
	if o.full {
		sizes = append(sizes, "10000000")
	}
	all := &benchmarks{}
	for _, rows := range sizes {
		o.say("ledger: %s people", rows)
		which := "^BenchmarkFold$"
		if rows == "10000000" {
			which += "/./^InOrder$" // at random it takes SQLite half an hour
		}
		one, err := goBenchmarks(o, "CANDOR_BENCH_ROWS="+rows, which, "./internal/ledger", "-benchtime", "1x")
		if err != nil {
			return nil, err
		}
		for _, l := range one.Lines {
			l.Name = rows + " people: " + l.Name
			all.Lines = append(all.Lines, l)
		}
		all.Command = one.Command
	}
	return all, nil
}

// disclosing is what a page with disclosures costs more than one without.
func disclosing(o options) (*benchmarks, error) {
	o.say("disclosing")
	return goBenchmarks(o, "", "^BenchmarkDisclos", "./guard", "-benchtime", "1x")
}

// notices is §4, what is sent: BenchmarkCampaign reads CANDOR_BENCH_NOTICES, how many there are.
func notices(o options) (*benchmarks, error) {
	number := "50000"
	if o.quick {
		number = "5000"
	}
	if o.full {
		number = "1000000"
	}
	o.say("delivery: %s notices", number)
	os.Setenv("CANDOR_BENCH_PROGRESS", fmt.Sprintf("/proc/%d/fd/2", os.Getpid())) // a million take minutes
	all, err := goBenchmarks(o, "CANDOR_BENCH_NOTICES="+number, "^BenchmarkCampaign$", "./internal/delivery", "-benchtime", "1x")
	if err != nil {
		return nil, err
	}
	one, err := goBenchmarks(o, "", "^Benchmark(Write|RSAOnly|DKIMBoth|DKIMEd25519|MsgauthBoth)$", "./internal/delivery")
	if err != nil {
		return nil, err
	}
	all.Lines = append(all.Lines, one.Lines...)
	all.Command += "` and `" + one.Command
	return all, nil
}

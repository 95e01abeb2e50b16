package delivery

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkSend measures notices a second to a sink in a process of its own, and what they cost, fully journalled: intent and answer of each are in the
// store, which survives a power cut ("synced") or a kill ("written"). CANDOR_BENCH_NOTICES says how many.
//
// Beside it "naive": net/smtp, one connection each, from as many goroutines as there are connections, nothing journalled.
func BenchmarkSend(b *testing.B) {
	notices := 20_000
	if n, err := strconv.Atoi(os.Getenv("CANDOR_BENCH_NOTICES")); err == nil {
		notices = n
	}
	message := body(6000)
	for _, way := range []string{"lines", "pipelined", "chunked"} {
		for _, sync := range []bool{true, false} {
			name := way + "/" + map[bool]string{true: "synced", false: "written"}[sync]
			b.Run(name, func(b *testing.B) {
				for range b.N {
					benchSend(b, notices, way, sync, sameFor(message))
				}
			})
		}
	}
	b.Run("naive", func(b *testing.B) {
		for range b.N {
			benchNaive(b, min(notices, 20_000), message)
		}
	})
}

// body is a message of about so many octets.
func body(size int) []byte {
	var m bytes.Buffer
	m.WriteString("From: shop@shop.example\r\nSubject: notice\r\n\r\n")
	for m.Len() < size {
		m.WriteString("Your name and e-mail address were shown to three other shoppers on our site.\r\n")
	}
	return m.Bytes()
}

// sameFor composes the same for everybody.
func sameFor(message []byte) func(Recipient) (Composed, string, error) {
	return func(r Recipient) (Composed, string, error) {
		return Composed{To: address1(r.N), Message: func(w io.Writer) error { _, err := w.Write(message); return err }}, "", nil
	}
}

func benchSend(b *testing.B, notices int, way string, sync bool, compose func(Recipient) (Composed, string, error)) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(MemoryLimit))
	store, err := OpenStore(b.Context(), StoreOptions{Dir: b.TempDir(), NoSync: !sync, Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	addr, took := startSink(b, way)
	s := &Sender{
		Store: store, Campaign: "c1", Worker: "w", Relays: []Relay{{Addr: addr, TLS: NoTLS, Conns: 16}}, Limits: fast, Log: quiet,
		ReturnPath: func(key string) string { return "bounce+" + key + "@return.shop.example" },
		Recipients: func(_ context.Context, from, limit int) (list []Recipient, _ error) {
			for n := from; n < min(from+limit, notices); n++ {
				list = append(list, Recipient{N: n, State: "queued", Key: key(n)})
			}
			return list, nil
		},
		Standing: func(context.Context) (Standing, error) {
			return Standing{Phase: "sending", People: notices, Share: notices}, nil
		},
		Compose: compose,
	}
	report := measure(b, notices, took)
	told := tell(b, store, s.Campaign, notices)
	if err := s.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
	told()
	report()
}

// tell writes how far a long campaign is, each ten seconds and from what the sender says of itself to everybody, into the file that CANDOR_BENCH_PROGRESS
// names, such as /dev/tty: standard output and error are where the figures come, and a line has its name before it has them.
func tell(b *testing.B, store *Store, campaign string, notices int) (stop func()) {
	to, err := os.OpenFile(os.Getenv("CANDOR_BENCH_PROGRESS"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return func() {}
	}
	ctx, end := context.WithCancel(b.Context())
	var told sync.WaitGroup
	told.Go(func() {
		defer to.Close()
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if p, err := store.Progress(ctx, campaign); err == nil {
				fmt.Fprintf(to, "%s: %d of %d accepted, %.0f a second, about %s to go, %.0f MB at most\n",
					b.Name(), p.Did.Accepted, notices, p.Rate, p.Left(notices-int(p.Did.Accepted)), mostResident())
			}
		}
	})
	return func() { end(); told.Wait() }
}

// measure takes time, processor time (the sender's, and "sink-µs" the other side's) and, of a sender that keeps an account, memory. What it returns
// reports them, when all has been sent.
func measure(b *testing.B, notices int, took func() (int, time.Duration)) (report func()) {
	runtime.GC()
	debug.FreeOSMemory()
	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // VmHWM begins anew (proc_pid_clear_refs(5))
	began, used := time.Now(), processorTime()
	return func() {
		each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(notices) }
		b.ReportMetric(float64(notices)/time.Since(began).Seconds(), "notices/s")
		b.ReportMetric(each(processorTime()-used), "cpu-µs/notice")
		b.ReportMetric(mostResident(), "MB")
		b.ReportMetric(0, "ns/op")
		n, sink := took()
		b.ReportMetric(each(sink), "sink-µs/notice")
		if n != notices {
			b.Fatalf("%d of %d arrived", n, notices)
		}
	}
}

func processorTime() time.Duration {
	var u syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// mostResident is the most memory that this process had since measure began, in MB, as Linux counts it: all of it, not only Go's.
func mostResident() float64 {
	status, err := os.ReadFile("/proc/self/status")
	must(err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kB float64
	fmt.Sscan(rest, &kB)
	return kB * 1024 / 1e6
}

func benchNaive(b *testing.B, notices int, message []byte) {
	addr, took := startSink(b, "lines")
	report := measure(b, notices, took)
	var next atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for n := next.Add(1); n <= int64(notices); n = next.Add(1) {
				if err := smtp.SendMail(addr, nil, "bounce@return.shop.example", []string{address1(int(n))}, message); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	report()
}

const benchSinkEnv = "CANDOR_BENCH_SINK"

// startSink runs the least sink that there can be in a process of its own. took ends it, and says how many messages it had and how much of the
// processor it used.
func startSink(b *testing.B, way string) (addr string, took func() (int, time.Duration)) {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), benchSinkEnv+"="+way)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	r := bufio.NewReader(out)
	line, _ := r.ReadString('\n')
	return strings.TrimSpace(line), func() (int, time.Duration) {
		in.Close()
		line, _ := r.ReadString('\n')
		cmd.Wait()
		n, _ := strconv.Atoi(strings.TrimSpace(line))
		return n, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
}

// benchSink takes everything, until its standard input ends.
func benchSink(way string) error {
	offers := map[string]string{"lines": "250 sink", "pipelined": "250-sink\r\n250 PIPELINING", "chunked": "250-sink\r\n250-PIPELINING\r\n250 CHUNKING"}[way]
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	var took atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go benchTalk(c, offers, &took)
		}
	}()
	io.Copy(io.Discard, os.Stdin)
	fmt.Println(took.Load())
	return nil
}

func benchTalk(c net.Conn, offers string, took *atomic.Int64) {
	defer c.Close()
	r, w := bufio.NewReaderSize(c, 64<<10), bufio.NewWriter(c)
	say := func(s string) { w.WriteString(s + "\r\n") }
	say("220 sink")
	for {
		if r.Buffered() == 0 {
			w.Flush()
		}
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		switch string(line[:4]) {
		case "EHLO":
			say(offers)
		case "BDAT":
			n, _ := strconv.Atoi(strings.Fields(string(line))[1])
			r.Discard(n)
			took.Add(1)
			say("250 2.0.0 queued as 4F9")
		case "DATA":
			say("354 go on")
			w.Flush()
			for {
				line, err := r.ReadSlice('\n')
				if err != nil {
					return
				}
				if len(line) == 3 && line[0] == '.' {
					break
				}
			}
			took.Add(1)
			say("250 2.0.0 queued as 4F9")
		case "QUIT":
			say("221 good-bye")
			w.Flush()
			return
		default:
			say("250 2.0.0 ok")
		}
	}
}

package guard_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"candor.example"
	"candor.example/guard"
)

// BenchmarkProxy compares the guarded proxy with a plain httputil.ReverseProxy that has the same Transport, A B A B, over
// real sockets. Shop and clients are a process of their own, so that the CPU that is counted is the proxy's.
//
// x-plain is requests a second relative to plain (more is better), cpu-x-plain CPU a request, p99-x-plain the slowest
// hundredth (less is better); all are medians of the rounds' ratios.
func BenchmarkProxy(b *testing.B) {
	l := startLoad(b)
	plain := httptest.NewServer(plainProxy(l.shop))
	defer plain.Close()
	g := benchGuard(b)
	guarded := serve(g, l.shop)
	defer guarded.Close()
	for _, page := range []string{"2K.json", "30K.html", "300K.json"} {
		b.Run(page, func(b *testing.B) {
			compare(b, l, plain.URL+"/"+page, guarded.URL+"/"+page, "plain")
		})
	}
}

// BenchmarkDisclosing compares a page with 20 disclosures, masked and recorded, with the same page without.
func BenchmarkDisclosing(b *testing.B) {
	l := startLoad(b)
	g := benchGuard(b)
	g.Record = appendTo(b)
	guarded := serve(g, l.shop)
	defer guarded.Close()
	compare(b, l, guarded.URL+"/30K.html", guarded.URL+"/20.html", "clean")
}

// BenchmarkDisclosures compares what a page with disclosures costs the guard with the same page without, A B A B, without a network: the page
// is handed over at once, its disclosures are appended to a file, and so is what is known at the end. x-clean is the median of the rounds'
// ratios of CPU time; µs-more is per page.
func BenchmarkDisclosures(b *testing.B) {
	for _, mode := range []guard.Mode{guard.Observe, guard.Mask, guard.Block} {
		for _, n := range []int{1, 20} {
			b.Run(fmt.Sprintf("%s/%d", mode, n), func(b *testing.B) { benchmarkDisclosures(b, mode, n) })
		}
	}
}

func benchmarkDisclosures(b *testing.B, mode guard.Mode, n int) {
	g := benchGuard(b)
	g.Mode, g.Record = func(string, string) guard.Mode { return mode }, appendTo(b)
	g.Note = func(e candor.Entry) { g.Record(context.Background(), e) }
	clean, page := handed(g, benchPage(30<<10, false, 0)), handed(g, benchPage(30<<10, false, n))
	var ratio, base, more []float64
	for range 31 {
		x, y := clean(), page()
		ratio, base, more = append(ratio, y/x), append(base, x), append(more, y-x)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ratio), "x-clean")
	b.ReportMetric(median(base), "clean-cpu-µs")
	b.ReportMetric(median(more), "µs-more")
}

// handed measures the CPU time of a page in microseconds, over a hundred.
func handed(g *guard.Guard, page []byte) func() float64 {
	h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	}))
	return func() float64 {
		const pages = 100
		before := cpuTime()
		for range pages {
			h.ServeHTTP(&nobody{header: http.Header{}}, httptest.NewRequest("GET", "/30K.html", nil))
		}
		return (cpuTime() - before) / pages / 1e3
	}
}

// nobody receives a response.
type nobody struct{ header http.Header }

func (n *nobody) Header() http.Header         { return n.header }
func (n *nobody) WriteHeader(int)             {}
func (n *nobody) Write(p []byte) (int, error) { return len(p), nil }

func compare(b *testing.B, l *load, base, ours, name string) {
	const rounds = 15
	var speed, cpu, p99, micros, allocs []float64
	l.run(b, base, 100*time.Millisecond)
	l.run(b, ours, 100*time.Millisecond)
	for range rounds {
		x, y := l.run(b, base, 250*time.Millisecond), l.run(b, ours, 250*time.Millisecond)
		speed = append(speed, y.perSecond/x.perSecond)
		cpu = append(cpu, y.cpu/x.cpu)
		allocs = append(allocs, y.allocs-x.allocs)
		micros = append(micros, x.cpu/1000)
		p99 = append(p99, y.P99/x.P99)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(speed), "x-"+name)
	b.ReportMetric(median(cpu), "cpu-x-"+name)
	b.ReportMetric(median(p99), "p99-x-"+name)
	b.ReportMetric(median(allocs), "allocs-more")
	b.ReportMetric(median(micros), name+"-cpu-µs")
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

func plainProxy(shop *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(shop)
			pr.Out.Host = pr.In.Host
			pr.SetXForwarded()
		},
		Transport:  guard.Transport(),
		BufferPool: &plainBuffers{},
	}
}

type plainBuffers struct{ sync.Pool }

func (b *plainBuffers) Get() []byte {
	if p, ok := b.Pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *plainBuffers) Put(p []byte) { b.Pool.Put(&p) }

func benchGuard(b *testing.B) *guard.Guard {
	return &guard.Guard{
		Directory: testDirectory(b), Key: []byte("key of the benchmark"),
		Viewer: func(r *http.Request) candor.Viewer { return candor.Viewer{Client: r.RemoteAddr} },
		Record: func(context.Context, candor.Entry) error { return nil },
		Log:    slog.New(slog.DiscardHandler),
	}
}

// serve serves as candor serve does.
func serve(g *guard.Guard, shop *url.URL) *httptest.Server {
	s := httptest.NewUnstartedServer(g.Handler(guard.NewProxy(shop, guard.Private, g.Log)))
	s.Listener = guard.Gather(s.Config, s.Listener)
	s.Start()
	return s
}

// appendTo records into a file as a journal does that says yes once the kernel has the bytes.
func appendTo(b *testing.B) func(context.Context, candor.Entry) error {
	f, err := os.Create(filepath.Join(b.TempDir(), "journal"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	var mu sync.Mutex
	return func(_ context.Context, e candor.Entry) error {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		_, err = f.Write(append(line, '\n'))
		return err
	}
}

// load is the other process: a shop, and the clients that ask for its pages.
type load struct {
	shop *url.URL
	in   io.Writer
	out  *bufio.Scanner
}

type result struct {
	Requests  int
	Seconds   float64
	P99       float64
	perSecond float64
	allocs    float64
	cpu       float64
}

const childEnv = "CANDOR_BENCH_LOAD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		serveLoad()
		return
	}
	os.Exit(m.Run())
}

func startLoad(b *testing.B) *load {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stderr = os.Stderr
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	l := &load{in: in, out: bufio.NewScanner(out)}
	if !l.out.Scan() {
		b.Fatal("the process with shop and clients did not start")
	}
	l.shop, _ = url.Parse(l.out.Text())
	return l
}

func (l *load) run(b *testing.B, url string, d time.Duration) result {
	var r result
	before, objects := cpuTime(), mallocs()
	fmt.Fprintln(l.in, url, d)
	if !l.out.Scan() {
		b.Fatal("the process with shop and clients is gone")
	}
	if err := json.Unmarshal(l.out.Bytes(), &r); err != nil || r.Requests == 0 {
		b.Fatalf("%s: %v %s", url, err, l.out.Text())
	}
	r.cpu = (cpuTime() - before) / float64(r.Requests)
	r.allocs = float64(mallocs()-objects) / float64(r.Requests)
	r.perSecond = float64(r.Requests) / r.Seconds
	return r
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

func cpuTime() float64 {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano() + u.Stime.Nano())
}

// serveLoad is the child: it prints where its shop is, then answers each line "URL duration" with a result.
func serveLoad() {
	shop := httptest.NewServer(benchShop())
	fmt.Println(shop.URL)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		target, duration, _ := strings.Cut(in.Text(), " ")
		d, _ := time.ParseDuration(duration)
		json.NewEncoder(os.Stdout).Encode(fire(target, d))
	}
}

func benchShop() http.Handler {
	pages := map[string][]byte{
		"/2K.json": benchPage(2<<10, true, 0), "/30K.html": benchPage(30<<10, false, 0),
		"/300K.json": benchPage(300<<10, true, 0), "/20.html": benchPage(30<<10, false, 20),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := pages[r.URL.Path]
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		if strings.HasSuffix(r.URL.Path, "json") {
			h.Set("Content-Type", "application/json; charset=utf-8")
		}
		h.Set("Cache-Control", "no-cache, private")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		h.Set("Set-Cookie", "sid=0123456789abcdef0123456789abcdef; Path=/; HttpOnly; SameSite=Lax")
		h.Set("X-Request-Id", "0af7651916cd43dd8448eb211c80319c")
		h.Set("Content-Length", strconv.Itoa(len(p)))
		w.Write(p)
	})
}

// benchPage is made-up HTML or JSON with as many addresses of customers as are asked for.
func benchPage(size int, isJSON bool, planted int) []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("brass lamp shade linen oak table delivery returns basket review stars warm white order size colour")
	var b bytes.Buffer
	for n := 0; b.Len() < size-200; n++ {
		text := words[rnd.IntN(len(words))] + " " + words[rnd.IntN(len(words))]
		if isJSON {
			fmt.Fprintf(&b, `{"id":%d,"sku":"L-%d","name":"%s","price":{"value":%d.99,"currency":"EUR"},"tags":["%s"],"url":"\/p\/%d"},`, n, rnd.IntN(1e6), text, rnd.IntN(900), text, n)
		} else {
			fmt.Fprintf(&b, "<li class=\"product-card\"><a href=\"/p/%d?ref=list&amp;c=%d\">%s</a> <span>&euro;%d.99</span></li>\n", n, rnd.IntN(99), text, rnd.IntN(900))
		}
		if planted > 0 && b.Len() > size/(planted+1) && n%8 == 7 {
			fmt.Fprintf(&b, "<p>c%d@shop.example</p>\n", 4+planted)
			planted--
		}
	}
	return b.Bytes()
}

// fire asks for a page over 16 connections, one request after the other on each.
func fire(target string, d time.Duration) result {
	u, _ := url.Parse(target)
	start := time.Now()
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			took := ask(u, start.Add(d))
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
		})
	}
	wg.Wait()
	seconds := time.Since(start).Seconds()
	slices.Sort(all)
	return result{Requests: len(all), Seconds: seconds, P99: all[len(all)*99/100].Seconds()}
}

func ask(u *url.URL, until time.Time) (took []time.Duration) {
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		panic(err)
	}
	defer c.Close()
	request := []byte("GET " + u.Path + " HTTP/1.1\r\nHost: www.shop.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n" +
		"Referer: http://www.shop.example/\r\nCookie: sid=0123456789abcdef0123456789abcdef; currency=EUR\r\nSec-Fetch-Mode: navigate\r\n\r\n")
	b := bufio.NewReaderSize(c, 64<<10)
	for now := time.Now(); now.Before(until); {
		c.Write(request)
		if err := readAnswer(b); err != nil {
			panic(err)
		}
		then := now
		now = time.Now()
		took = append(took, now.Sub(then))
	}
	return took
}

func readAnswer(b *bufio.Reader) error {
	length := 0
	for {
		line, err := b.ReadSlice('\n')
		if err != nil {
			return err
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(v)))
		}
		if len(line) == 2 {
			_, err = b.Discard(length)
			return err
		}
	}
}

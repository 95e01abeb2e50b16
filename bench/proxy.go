package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// proxyResults is §2 of the page.
type proxyResults struct {
	Rounds    int
	Seconds   int // of a round
	Pages     []pageResult
	Shown     []string                               // what each inspection did with one request that it must act on
	FirstByte struct{ Plain, Candor, Ratio float64 } // microseconds
	Hard      []hardPage                             // through Candor alone
	Missing   []string
}

// pageResult is one page through all proxies.
type pageResult struct {
	Name string
	Rows map[string]*underLoad
}

// underLoad is one proxy under load: the medians of its rounds.
type underLoad struct {
	PerSecond, CPU, P99 float64 // requests; microseconds a request; microseconds
	Ratio               float64 // of requests a second, to the plain ReverseProxy
	CPURatio, P99Ratio  float64
	Against             map[string]float64 // requests a second to the others'
	Failed              int
}

// hardPage is a page of 30 KB that gives Candor work, beside the one that gives it none.
type hardPage struct {
	What, Path       string
	PerSecond, Ratio float64
}

const (
	proxyPlain  = "ReverseProxy, no inspection"
	proxyCandor = "**Candor**, mask mode"
	proxyNginx  = "nginx, no inspection"
	proxyCaddy  = "Caddy, no inspection"
	proxyMail   = "Coraza, one e-mail rule"
	proxyCRS    = "Coraza, Core Rule Set"
	customers   = 100_000
	connections = 32
)

// process is a server that the harness started.
type process struct {
	name, addr string
	cmd        *exec.Cmd
	log        string
}

func proxy(o options) (*proxyResults, error) {
	res := &proxyResults{Rounds: 5, Seconds: 2}
	if o.quick {
		res.Rounds, res.Seconds = 2, 1
	}
	work, err := o.workFolder("proxy")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	list, err := startAll(o, res, work)
	defer func() {
		for _, p := range list {
			p.stop()
		}
	}()
	if err != nil {
		return nil, err
	}
	proxies := list[1:] // without the upstream
	proxies, err = show(res, proxies)
	if err != nil {
		return nil, err
	}
	script := filepath.Join(work, "result.lua")
	if err := os.WriteFile(script, []byte(wrkScript), 0o644); err != nil {
		return nil, err
	}
	for _, encoding := range []string{"", "gzip"} {
		for _, path := range []string{"/2k.json", "/30k.html", "/300k.json"} {
			o.say("proxy: %s %s", path, encoding)
			under := proxies
			if encoding != "" { // Coraza would look at compressed bytes and see nothing
				under = slices.DeleteFunc(slices.Clone(proxies), func(p *process) bool { return strings.HasPrefix(p.name, "Coraza") })
			}
			r, err := loadPage(res, under, script, path, encoding)
			if err != nil {
				return nil, err
			}
			res.Pages = append(res.Pages, *r)
		}
	}
	o.say("proxy: time to first byte, and pages that give Candor work")
	for _, measure := range []func(*proxyResults, []*process, string) error{firstByte, hardPages} {
		if err := measure(res, proxies[:2], script); err != nil {
			res.Missing = append(res.Missing, err.Error())
		}
	}
	return res, nil
}

const wrkScript = `done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %f %d\n", summary.requests, summary.duration, latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`

func startAll(o options, res *proxyResults, work string) (list []*process, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	up := &process{name: "upstream", addr: freeAddr()}
	if err := up.start(work, self, "server", "upstream", up.addr); err != nil {
		return nil, err
	}
	list = append(list, up)
	target := "http://" + up.addr
	try := func(name string, command func(addr string) ([]string, error)) {
		p := &process{name: name, addr: freeAddr()}
		c, err := command(p.addr)
		if err == nil {
			err = p.start(work, c...)
		}
		if err != nil {
			res.Missing = append(res.Missing, fmt.Sprintf("%s: %v", name, err))
			return
		}
		list = append(list, p)
	}
	try(proxyPlain, func(a string) ([]string, error) { return []string{self, "server", "plain", a, target}, nil })
	try(proxyCandor, func(a string) ([]string, error) { return candorCommand(o, work, a, target) })
	try(proxyNginx, func(a string) ([]string, error) { return nginxCommand(work, a, up.addr) })
	try(proxyCaddy, func(a string) ([]string, error) { return caddyCommand(o, work, a, up.addr) })
	try(proxyMail, func(a string) ([]string, error) { return []string{self, "server", "coraza-mail", a, target}, nil })
	try(proxyCRS, func(a string) ([]string, error) { return []string{self, "server", "coraza-crs", a, target}, nil })
	if len(list) < 3 || list[1].name != proxyPlain || list[2].name != proxyCandor {
		return list, fmt.Errorf("ReverseProxy and Candor must both be there: %s", strings.Join(res.Missing, "; "))
	}
	return list, nil
}

func candorCommand(o options, work, addr, target string) ([]string, error) {
	program, err := buildCandor(o)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(work, "customers.csv")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(writeCustomers(f, customers), f.Close()); err != nil {
		return nil, err
	}
	return []string{program, "serve", "--mode", "mask", "--upstream", target, "--customers", file, "--listen", addr, "--console", freeAddr(), "--data", filepath.Join(work, "candor-data")}, nil
}

func nginxCommand(work, addr, upstream string) ([]string, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			return nil, err
		}
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	conf := fmt.Sprintf(`%sdaemon off; worker_processes auto; pid %[2]s/nginx.pid; error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000; sendfile on; tcp_nodelay on;
  client_body_temp_path %[2]s/b; proxy_temp_path %[2]s/p; fastcgi_temp_path %[2]s/f; uwsgi_temp_path %[2]s/u; scgi_temp_path %[2]s/s;
  upstream shop { server %[3]s; keepalive 512; keepalive_requests 1000000; }
  server { listen %[4]s; location / {
    proxy_pass http://shop; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    proxy_buffers 16 32k; proxy_buffer_size 32k; proxy_busy_buffers_size 64k; } }
}
`, user, work, upstream, addr)
	file := filepath.Join(work, "nginx.conf")
	return []string{program, "-p", work, "-c", file}, os.WriteFile(file, []byte(conf), 0o644)
}

func caddyCommand(o options, work, addr, upstream string) ([]string, error) {
	program, err := buildCaddy(o)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(work, "Caddyfile")
	conf := fmt.Sprintf("{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n}\nhttp://%s {\n\treverse_proxy %s {\n\t\ttransport http {\n\t\t\tkeepalive_idle_conns_per_host 512\n\t\t\tcompression off\n\t\t}\n\t}\n}\n", addr, upstream)
	return []string{program, "run", "--config", file, "--adapter", "caddyfile"}, os.WriteFile(file, []byte(conf), 0o644)
}

func freeAddr() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer l.Close()
	return l.Addr().String()
}

// start starts a server and waits until it accepts connections.
func (p *process) start(work string, command ...string) error {
	p.log = filepath.Join(work, fmt.Sprintf("%d.log", time.Now().UnixNano()))
	f, err := os.Create(p.log)
	if err != nil {
		return err
	}
	defer f.Close()
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Env = append(os.Environ(), "HOME="+work, "XDG_CONFIG_HOME="+work, "XDG_DATA_HOME="+work)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = f, f, endsWithUs
	if err := p.cmd.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", p.addr); err == nil {
			return c.Close()
		}
		var status syscall.WaitStatus
		if pid, _ := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WNOHANG, nil); pid > 0 {
			break
		}
	}
	p.stop()
	said, _ := os.ReadFile(p.log)
	return fmt.Errorf("did not start: %s", said[:min(len(said), 2000)])
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(10*time.Second, func() { p.cmd.Process.Kill() })
	p.cmd.Wait()
	timer.Stop()
}

// cpu is how long a process and its children have run, in seconds (proc(5): utime and stime, in ticks of 10 ms).
func cpu(pid int) (seconds float64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	for _, f := range fields[11:13] {
		ticks, _ := strconv.Atoi(f)
		seconds += float64(ticks) / 100
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	for _, c := range strings.Fields(string(children)) {
		id, _ := strconv.Atoi(c)
		seconds += cpu(id)
	}
	return seconds
}

// client asks for plain pages: net/http would else ask for compressed ones by itself.
var client = http.Client{Transport: &http.Transport{DisableCompression: true}, Timeout: 30 * time.Second}

func get(addr, path string) (status int, body string, err error) {
	res, err := client.Get("http://" + addr + path)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

// show proves that each inspection acts, and drops who does not: a fast miss is no result.
func show(res *proxyResults, proxies []*process) (kept []*process, err error) {
	for _, p := range proxies {
		status, body, err := get(p.addr, "/planted.html")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		shown := strings.Contains(body, address(100))
		acts, said := true, ""
		switch p.name {
		case proxyCandor:
			acts, said = status == 200 && !shown && strings.Contains(body, "*@m"), "answered 200 with the customer's address masked"
		case proxyMail:
			acts, said = status == 403, "answered 403 to the page with an address"
		case proxyCRS:
			status, _, err = get(p.addr, "/broken.html")
			acts, said = err == nil && status == 403, "answered 403 to a page with a database's error message (it has no rule for addresses)"
		default:
			acts, said = status == 200 && shown, "passed the address on"
		}
		if !acts {
			res.Missing = append(res.Missing, fmt.Sprintf("%s: did not act on the request that it must act on (status %d)", p.name, status))
			continue
		}
		res.Shown = append(res.Shown, p.name+" "+said)
		kept = append(kept, p)
	}
	if len(kept) < 2 || kept[1].name != proxyCandor {
		return nil, fmt.Errorf("one of Candor and the plain proxy does not do its work: %s", strings.Join(res.Missing, "; "))
	}
	return kept, nil
}

// loadPage lets the proxies take turns under load.
func loadPage(res *proxyResults, proxies []*process, script, path, encoding string) (*pageResult, error) {
	perSecond, cpus, p99 := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	r := &pageResult{Name: strings.TrimSpace(path + " " + encoding), Rows: map[string]*underLoad{}}
	for round := -1; round < res.Rounds; round++ {
		for _, p := range proxies {
			seconds := res.Seconds
			if round < 0 {
				seconds = 1 // connections and caches warm up
			}
			one, err := wrk(p, script, path, encoding, seconds)
			if err != nil {
				return nil, err
			}
			if r.Rows[p.name] == nil {
				r.Rows[p.name] = &underLoad{Against: map[string]float64{}}
			}
			if round >= 0 {
				perSecond[p.name], cpus[p.name], p99[p.name] = append(perSecond[p.name], one.PerSecond), append(cpus[p.name], one.CPU), append(p99[p.name], one.P99)
				r.Rows[p.name].Failed += one.Failed
			}
		}
	}
	for name, x := range r.Rows {
		x.PerSecond, x.CPU, x.P99 = median(perSecond[name]), median(cpus[name]), median(p99[name])
		x.Ratio, x.CPURatio, x.P99Ratio = medianRatio(perSecond[name], perSecond[proxyPlain]), medianRatio(cpus[name], cpus[proxyPlain]), medianRatio(p99[name], p99[proxyPlain])
		for other := range r.Rows {
			x.Against[other] = medianRatio(perSecond[name], perSecond[other])
		}
	}
	return r, nil
}

func wrk(p *process, script, path, encoding string, seconds int) (underLoad, error) {
	args := []string{"-t1", "-c" + strconv.Itoa(connections), "-d" + strconv.Itoa(seconds) + "s", "--timeout", "10s", "-s", script}
	if encoding != "" {
		args = append(args, "-H", "Accept-Encoding: "+encoding)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	before := cpu(p.cmd.Process.Pid)
	out, err := exec.CommandContext(ctx, "wrk", append(args, "http://"+p.addr+path)...).Output()
	if err != nil {
		return underLoad{}, fmt.Errorf("wrk: %w", err)
	}
	used := cpu(p.cmd.Process.Pid) - before
	var requests, microseconds, failed int
	var p99 float64
	_, line, _ := strings.Cut(string(out), "RESULT ")
	if _, err := fmt.Sscan(line, &requests, &microseconds, &p99, &failed); err != nil {
		return underLoad{}, fmt.Errorf("wrk printed no result: %s", out)
	}
	if requests == 0 {
		return underLoad{Failed: failed}, nil
	}
	return underLoad{PerSecond: float64(requests) / float64(microseconds) * 1e6, CPU: used * 1e6 / float64(requests), P99: p99, Failed: failed}, nil
}

// firstByte measures the time until a page's first byte is here, when the rest of the page is not there yet.
func firstByte(res *proxyResults, plainAndCandor []*process, _ string) error {
	var times [2][]float64
	for range 20 * res.Rounds {
		for i, p := range plainAndCandor {
			took, err := timeFirstByte(p.addr)
			if err != nil {
				return fmt.Errorf("time to first byte through %s: %w", p.name, err)
			}
			times[i] = append(times[i], float64(took.Microseconds()))
		}
	}
	if held := median(times[1]); held > float64(pause.Microseconds()) {
		return fmt.Errorf("time to first byte: Candor held it back until the rest of the page came (%s us)", short(held))
	}
	res.FirstByte.Plain, res.FirstByte.Candor, res.FirstByte.Ratio = median(times[0]), median(times[1]), medianRatio(times[1], times[0])
	return nil
}

func timeFirstByte(addr string) (time.Duration, error) {
	start := time.Now()
	res, err := client.Get("http://" + addr + "/slow.html")
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 1)); err != nil {
		return 0, err
	}
	took := time.Since(start)
	_, err = io.Copy(io.Discard, res.Body)
	return took, err
}

// hardPages compares, through Candor, pages that give it work with one of the same size that gives it none.
func hardPages(res *proxyResults, plainAndCandor []*process, script string) error {
	list := []hardPage{{What: "none", Path: "/30k.html"}, {What: "20 disclosures, masked and journalled", Path: "/twenty.html"},
		{What: "about 75 candidates that are nobody's (`lamp@2x.webp`)", Path: "/retina.html"}}
	perSecond := make([][]float64, len(list))
	for range res.Rounds {
		for i, p := range list {
			one, err := wrk(plainAndCandor[1], script, p.Path, "", res.Seconds)
			if err != nil {
				return err
			}
			if one.Failed > 0 {
				return fmt.Errorf("%s through Candor: %d requests failed", p.Path, one.Failed)
			}
			perSecond[i] = append(perSecond[i], one.PerSecond)
		}
	}
	for i := range list {
		list[i].PerSecond, list[i].Ratio = median(perSecond[i]), medianRatio(perSecond[i], perSecond[0])
	}
	res.Hard = list
	return nil
}

package realshop

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a program that the test started.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // why, once done is closed

	mu    sync.Mutex
	lines []string
	ready chan struct{} // closed at the first line that contains what was waited for
}

// start runs a program until the end of the test, keeping what it prints. With readyLine it waits until a line contains
// that text.
func start(t *testing.T, cmd *exec.Cmd, readyLine string) *process {
	t.Helper()
	p := &process{name: cmd.Args[0], cmd: cmd, done: make(chan struct{}), ready: make(chan struct{})}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = in, in, asChild()
	err = cmd.Start()
	in.Close()
	if err != nil {
		out.Close()
		t.Fatalf("%s: %v", p.name, err)
	}
	go p.follow(out, readyLine)
	t.Cleanup(func() { p.stop(t) })
	if readyLine != "" {
		p.awaitReady(t)
	}
	return p
}

func (p *process) follow(out *os.File, readyLine string) {
	defer out.Close()
	seen := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		p.mu.Lock()
		p.lines = append(p.lines, lines.Text())
		p.mu.Unlock()
		if !seen && readyLine != "" && strings.Contains(lines.Text(), readyLine) {
			seen = true
			close(p.ready)
		}
	}
	p.err = p.cmd.Wait()
	close(p.done)
}

func (p *process) awaitReady(t *testing.T) {
	t.Helper()
	select {
	case <-p.ready:
	case <-p.done:
		t.Fatalf("%s ended before it was ready: %v\n%s", p.name, p.err, p.output())
	case <-time.After(2 * time.Minute):
		t.Fatalf("%s was not ready after two minutes:\n%s", p.name, p.output())
	}
}

// stop ends the program as an operator would, and waits. It may be called twice.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		p.cmd.Process.Kill()
		<-p.done
		t.Errorf("%s did not stop within 20 s of SIGTERM:\n%s", p.name, p.output())
	}
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// listening waits until something accepts connections at the address.
func (p *process) listening(t *testing.T, addr string) {
	t.Helper()
	p.await(t, "listening at "+addr, func() error {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			c.Close()
		}
		return err
	})
}

// await asks again and again until ok has no objection.
func (p *process) await(t *testing.T, what string, ok func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-p.done:
			t.Fatalf("%s: ended before it was %s: %v\n%s", p.name, what, p.err, p.output())
		case <-ctx.Done():
			t.Fatalf("%s: not %s after 30 s: %v\n%s", p.name, what, err, p.output())
		}
	}
}

// run runs a program to its end and returns what it printed on standard output. Exit status 1 is an answer ("found"), not
// a failure.
func run(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 1 || err != nil && exit == nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, stderrOf(exit))
	}
	return out
}

func stderrOf(exit *exec.ExitError) []byte {
	if exit == nil {
		return nil
	}
	return exit.Stderr
}

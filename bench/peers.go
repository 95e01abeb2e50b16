package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
)

const caddyVersion = "v2.11.9"

// run runs a command and puts what it printed into the error.
func run(dir string, env []string, command ...string) (string, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// buildCandor builds the real program from the tree that the harness stands in.
func buildCandor(o options) (string, error) {
	program := filepath.Join(o.cache, "bin", "candor")
	_, err := run(o.root, nil, "go", "build", "-trimpath", "-o", program, "./cmd/candor")
	return program, err
}

// buildHyperscan compiles hyperscan.c with one of two libraries that Debian does not let stand installed side by side: so
// their packages are unpacked into the cache instead.
func buildHyperscan(o options, name string) (string, error) {
	dir, program := filepath.Join(o.cache, name), filepath.Join(o.cache, "bin", name)
	lib := filepath.Join(dir, "usr", "lib", "x86_64-linux-gnu")
	if _, err := os.Stat(filepath.Join(lib, "libhs.so")); err != nil {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return "", err
		}
		if _, err := run(dir, nil, "apt-get", "download", "-q", "lib"+name+"5", "lib"+name+"-dev"); err != nil {
			return "", err
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
		if err != nil {
			return "", err
		}
		for _, f := range files {
			if _, err := run(dir, nil, "dpkg", "-x", f, dir); err != nil {
				return "", err
			}
		}
	}
	_, err := run(filepath.Join(o.bench(), "peers"), nil, "gcc", "-O3", "-march=native", "-I", filepath.Join(dir, "usr", "include", "hs"), "-o", program, "hyperscan.c", "-L", lib, "-Wl,-rpath,"+lib, "-lhs", "-lm")
	return program, err
}

func buildRE2(o options) (string, error) {
	program := filepath.Join(o.cache, "bin", "re2")
	_, err := run(filepath.Join(o.bench(), "peers"), nil, "g++", "-O3", "-march=native", "-o", program, "re2.cc", "-lre2")
	return program, err
}

func buildCaddy(o options) (string, error) {
	program := filepath.Join(o.cache, "bin", "caddy-"+caddyVersion)
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	bin := filepath.Join(o.cache, "bin")
	if _, err := run(o.cache, []string{"GOBIN=" + bin, "GOFLAGS="}, "go", "install", "github.com/caddyserver/caddy/v2/cmd/caddy@"+caddyVersion); err != nil {
		return "", err
	}
	return program, os.Rename(filepath.Join(bin, "caddy"), program)
}

// versions names who takes part, for the page.
func versions(o options) []string {
	var list []string
	first := func(name string, command ...string) {
		out, err := run(o.root, nil, command...)
		if err != nil {
			list = append(list, name+": not there")
			return
		}
		line, _, _ := strings.Cut(out, "\n")
		list = append(list, strings.TrimSpace(name+" "+line))
	}
	first("", "rg", "--version")
	for _, p := range []string{"hyperscan", "vectorscan"} {
		first(strings.ToUpper(p[:1])+p[1:], filepath.Join(o.cache, "bin", p), "version")
	}
	first("RE2 (libre2-dev)", "dpkg-query", "-W", "-f", "${Version}", "libre2-dev")
	first("", "nginx", "-v")
	list = append(list, "Caddy "+caddyVersion)
	first("wrk (Debian)", "dpkg-query", "-W", "-f", "${Version}", "wrk")
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if strings.Contains(d.Path, "corazawaf/coraza") || strings.Contains(d.Path, "go-re2") {
				list = append(list, d.Path+" "+d.Version)
			}
		}
	}
	return list
}

// customerDirectory is a data folder with a snapshot of so many customers, and their addresses beside it where they are few.
// One that is there and can be opened is kept.
func customerDirectory(o options, customers int) (data string, err error) {
	data = filepath.Join(o.cache, fmt.Sprintf("customers-%d", customers))
	if d, err := openDirectory(data); err == nil {
		defer d.Close()
		if d.Info().Customers == int64(customers) {
			return data, nil
		}
	}
	o.say("building a directory of %d customers", customers)
	program, err := buildCandor(o)
	if err != nil {
		return "", err
	}
	if err := os.RemoveAll(data); err != nil {
		return "", err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", err
	}
	cmd := exec.Command(program, "directory", "build", "--customers", "-", "--data", data)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return "", err
	}
	err = writeCustomers(stdin, customers)
	if err := errors.Join(err, stdin.Close(), cmd.Wait()); err != nil {
		return "", fmt.Errorf("candor directory build: %w\n%s", err, said.String())
	}
	return data, nil
}

func writeCustomers(w io.Writer, customers int) error {
	b := []byte("id,email\n")
	for n := range customers {
		b = fmt.Appendf(b, "c%d,%s\n", n, address(n))
		if len(b) > 1<<16 || n == customers-1 {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	return nil
}

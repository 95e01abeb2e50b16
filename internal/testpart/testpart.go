// Package testpart starts the real parts that tests talk to: [Program] finds one of Debian's programs, [FreePort] a port for it, and [Chromium] is
// a browser. What is not installed skips the test, and fails it where CI is "true": there, a skipped test is one that nobody misses.
package testpart

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Program is the path of a program by its name. Debian keeps some outside of PATH, in /usr/sbin or where a pattern of elsewhere says.
func Program(t testing.TB, name string, elsewhere ...string) string {
	t.Helper()
	for _, pattern := range append([]string{"/usr/sbin/" + name, "/usr/bin/" + name}, elsewhere...) {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	Missing(t, name+" is not installed: run 'make install-test-tools'")
	return ""
}

// Missing ends a test that cannot run here, for the reason given.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// FreePort is a port on 127.0.0.1 that nobody listened on a moment ago.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

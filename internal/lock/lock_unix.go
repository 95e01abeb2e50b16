//go:build unix

package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Take makes the file where it is missing, and waits for nobody: a *Held error says that another process has it. The lock ends with the process, or when the file is closed.
func Take(file string, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, mode)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			pid, _ := os.ReadFile(file)
			return nil, &Held{strings.TrimSpace(string(pid))}
		}
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	f.Truncate(0)
	f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return f, nil
}

//go:build unix

package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// lockFolder keeps a second process out: two servers on one store would spoil it. The lock ends with the process.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: cannot lock the folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		pid, _ := os.ReadFile(f.Name())
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("journal: another candor (process %s) uses %s: stop it, or name another folder with --data", strings.TrimSpace(string(pid)), dir)
		}
		return nil, fmt.Errorf("journal: cannot lock %s: %w", dir, err)
	}
	f.Truncate(0)
	f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return f, nil
}

// full says so when the disk has no room, which the server's own message does not.
func full(dir string) string {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) == nil && s.Bavail*uint64(s.Bsize) < 1<<20 {
		return " (the disk is full)"
	}
	return ""
}

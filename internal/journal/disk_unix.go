//go:build unix

package journal

import "golang.org/x/sys/unix"

// full says so when the disk has no room, which the server's own message does not.
func full(dir string) string {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) == nil && s.Bavail*uint64(s.Bsize) < 1<<20 {
		return " (the disk is full)"
	}
	return ""
}

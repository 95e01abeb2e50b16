//go:build unix

package directory

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// mapFile maps a file, so that processes share one copy of it.
func mapFile(f *os.File, size int64) ([]byte, error) {
	if size == 0 {
		return nil, errors.New("it is empty")
	}
	return unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
}

func unmap(b []byte) { unix.Munmap(b) }

// release unmaps the file when the last look-up that could read it is over: the garbage collector knows.
func (s *snapshot) release() { runtime.AddCleanup(s, unmap, s.data) }

//go:build unix

package directory

import (
	"errors"
	"fmt"
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

// lock keeps others from the snapshot's file of changes, in this process and in others, until unlock (flock(2)).
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("directory: cannot lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

//go:build unix

package scan

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// No kernel reads beyond a buffer: this one ends where a page that nobody may read begins.
func TestKernelStaysInside(t *testing.T) {
	size := os.Getpagesize()
	pages, err := unix.Mmap(-1, 0, 2*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(pages)
	if err := unix.Mprotect(pages[size:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	for i := range pages[:size] {
		pages[i] = "a@b%40cQDE"[i%10]
	}
	for n := range 300 {
		buf := pages[size-n : size : size]
		checkKernel(t, buf)
		everyKernel(func() {
			f := Finder{Found: no}
			f.Find(buf, true)
			searchCredentials(buf, 0, n)
		})
	}
}

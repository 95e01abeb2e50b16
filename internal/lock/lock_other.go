//go:build !unix

package lock

import (
	"io/fs"
	"os"
)

// Take opens the file, and keeps nobody out where there is no flock(2).
func Take(file string, mode fs.FileMode) (*os.File, error) {
	return os.OpenFile(file, os.O_CREATE|os.O_RDWR, mode)
}

//go:build !unix

package journal

import (
	"os"
	"path/filepath"
)

func lockFolder(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
}

func full(string) string { return "" }

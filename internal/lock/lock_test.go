//go:build unix

package lock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestTake(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	f, err := Take(file, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var held *Held
	if _, err := Take(file, 0o600); !errors.As(err, &held) || held.PID != fmt.Sprint(os.Getpid()) {
		t.Errorf("taken twice: %v", err)
	}
	f.Close()
	if f, err = Take(file, 0o600); err != nil {
		t.Fatalf("not free again: %v", err)
	}
	f.Close()
	if _, err := Take(filepath.Join(file, "below"), 0o600); err == nil || errors.As(err, &held) {
		t.Errorf("a lock below a file: %v", err)
	}
}

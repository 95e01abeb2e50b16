// Package lock lets one process at a time into a folder: [Take] holds a file in it for as long as the process lives.
package lock

import "fmt"

// Held says that another process has the lock.
type Held struct {
	PID string // as that process wrote it
}

func (h *Held) Error() string { return fmt.Sprintf("another candor (process %s) has it", h.PID) }

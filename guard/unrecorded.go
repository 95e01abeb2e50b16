package guard

import (
	"slices"
	"sync"

	"candor.example"
)

// unrecorded holds what was sealed and could not be recorded, for the next entry that is: nobody seals it again.
type unrecorded struct {
	mu   sync.Mutex
	list []candor.Sealed
}

// maxUnrecorded is how many wait. When there are more the journal has failed for long, and nothing of it was let out; the oldest are lost.
const maxUnrecorded = 10_000

// maxTaken is how many bytes of blobs go with one entry: somebody waits for it.
const maxTaken = 500 << 10

// take returns more, and as much of what waits as may go with it.
func (u *unrecorded) take(more []candor.Sealed) []candor.Sealed {
	u.mu.Lock()
	defer u.mu.Unlock()
	n, size := 0, 0
	for n < len(u.list) && size+len(u.list[n].Blob) <= maxTaken {
		size += len(u.list[n].Blob)
		n++
	}
	list := append(u.list[:n:n], more...)
	if u.list = u.list[n:]; len(u.list) == 0 {
		u.list = nil
	}
	return list
}

func (u *unrecorded) put(list []candor.Sealed) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.list = append(u.list, list...)
	u.list = slices.Clone(u.list[max(0, len(u.list)-maxUnrecorded):])
}

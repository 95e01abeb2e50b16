package journal

import (
	"context"
	"errors"
	"sync"

	"candor.example"
)

// records are entries that responses wait for. What comes while one is being written goes into one message with the next: who was first of those
// writes it, and answers for all. It costs the server, and a disk that has to sync, as much as one entry does.
type records struct {
	mu      sync.Mutex
	waiting []*record
	busy    bool // somebody writes, who hands on to the first of those who wait
}

type record struct {
	candor.Entry
	done chan error // what became of it, or errFirst
}

// errFirst tells who waits that it is its turn to write.
var errFirst = errors.New("first of those who wait")

// record writes an entry of disclosures, with what belongs to them. Who gives up on its own does not take the others along.
func (j *Journal) record(ctx context.Context, e candor.Entry) error {
	mine := &record{e, make(chan error, 1)}
	r := &j.records
	r.mu.Lock()
	r.waiting = append(r.waiting, mine)
	wait := r.busy
	r.busy = true
	r.mu.Unlock()
	if wait {
		if err := <-mine.done; err != errFirst {
			return err
		}
	}
	batch := r.batch()
	err := j.publish(context.WithoutCancel(ctx), batch[0].Disclosures[0].ID, entries(batch)...)
	for _, other := range batch[1:] {
		other.done <- err
	}
	r.next(err)
	return err
}

// batch takes those who wait, the caller first, up to what one message may hold.
func (r *records) batch() []*record {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, size, disclosures := 0, 0, 0
	for _, w := range r.waiting {
		size += Size(w.Entry) + sizeOfAll(w.Sealed)
		disclosures += len(w.Disclosures)
		if n > 0 && (size > MaxSize || disclosures > maxBatch) {
			break
		}
		n++
	}
	batch := r.waiting[:n:n]
	r.waiting = append([]*record(nil), r.waiting[n:]...)
	return batch
}

// next lets the next one write. When nothing can be written all who wait hear it now: each would try for as long, one after the other.
func (r *records) next(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		for _, w := range r.waiting {
			w.done <- err
		}
		r.waiting = nil
	}
	if r.busy = len(r.waiting) > 0; r.busy {
		r.waiting[0].done <- errFirst
	}
}

func entries(batch []*record) []candor.Entry {
	list := make([]candor.Entry, len(batch))
	for i, r := range batch {
		list[i] = r.Entry
	}
	return list
}

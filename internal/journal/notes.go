package journal

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"candor.example"
)

// notes are entries that somebody wants written and does not wait for: how a response ended, a latent finding. They are written one batch
// after the other by a goroutine that Close waits for.
type notes struct {
	queue chan note
	done  sync.WaitGroup

	mu     sync.RWMutex // held for reading while something is put into queue, guards closed
	closed bool
}

type note struct {
	candor.Entry
	written chan struct{} // not nil: there is no entry, and it is closed when what came before is written, or lost
}

const (
	maxNotes = 4096 // that wait; further ones are dropped, and that is logged
	// maxNoted is how many go into one message: responses of about a KiB each stay far below the limit.
	maxNoted = 200
)

func (n *notes) start(j *Journal) {
	n.queue = make(chan note, maxNotes)
	n.done.Go(func() { j.write(n.queue) })
}

func (n *notes) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.queue == nil || n.closed {
		return
	}
	n.closed = true
	close(n.queue)
	n.done.Wait()
}

// Note records an entry some time later and returns at once. When the journal cannot keep up or fails, notes are lost, and the log says
// so: what must not be lost is recorded with Record.
func (j *Journal) Note(e candor.Entry) {
	n := &j.notes
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.closed {
		j.lost(1, errClosed)
		return
	}
	select {
	case n.queue <- note{Entry: e}:
	default:
		j.lost(1, errBusy)
	}
}

var (
	errClosed = errors.New("the journal is closed")
	errBusy   = errors.New("too many are waiting")
)

// Noted waits until what was noted so far is written, or lost.
func (j *Journal) Noted(ctx context.Context) error {
	written := make(chan struct{})
	if err := j.notes.mark(ctx, written); err != nil {
		return err
	}
	select {
	case <-written:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *notes) mark(ctx context.Context, written chan struct{}) error {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.closed {
		return errClosed
	}
	select {
	case n.queue <- note{written: written}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write takes notes from the queue until it is closed, as many at a time as there are.
func (j *Journal) write(queue <-chan note) {
	for first := range queue {
		e, n, mark := first.Entry, 1, first.written
		for mark == nil && n < maxNoted && len(queue) > 0 {
			next := <-queue
			if mark = next.written; mark == nil {
				add(&e, next.Entry)
				n++
			}
		}
		if first.written == nil {
			for _, m := range Cut(e) {
				if err := j.publish(context.Background(), "", m); err != nil {
					j.lost(n, err)
					break
				}
			}
		}
		if mark != nil {
			close(mark)
		}
	}
}

func (j *Journal) lost(n int, why error) {
	j.log.Error("the journal did not take notes: how some responses ended is not known", "notes", n, slog.Any("error", why))
}

func add(e *candor.Entry, more candor.Entry) {
	e.Disclosures = append(e.Disclosures, more.Disclosures...)
	e.Responses = append(e.Responses, more.Responses...)
	e.Sealed = append(e.Sealed, more.Sealed...)
}

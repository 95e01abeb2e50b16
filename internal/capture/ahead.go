package capture

import (
	"bytes"
	"context"
	"io"

	"candor.example"
)

// Source is one capture among several.
type Source struct {
	Name string // as Read's
	Open func() (io.ReadCloser, error)
}

const (
	aheadBody      = 512 << 10 // bytes of a body that is kept until its turn comes; a reader with a larger one waits
	aheadExchanges = 64        // exchanges of one capture that are kept
)

// ReadAhead reads several captures at once, workers of them, and hands their exchanges over one after another in the order of sources, as if
// they were read one by one: parsing and inflating take far longer than looking. For each source ended is called with what Read returned, after
// its last exchange. An error of yield ends the reading of that capture and goes to ended, too. What ReadAhead returns is ctx's.
//
// It holds at most 64 exchanges with bodies of up to 512 KiB, and one part of 64 MiB, for each worker.
func ReadAhead(ctx context.Context, sources []Source, workers int, yield func(source int, x *candor.Exchange) error, ended func(source int, s Stats, err error)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	reading := make([]*ahead, len(sources))
	begin := func(i int) {
		if i < len(sources) {
			reading[i] = newAhead(ctx, sources[i])
		}
	}
	for i := range min(workers, len(sources)) {
		begin(i)
	}
	defer func() {
		stop()
		for _, a := range reading {
			if a != nil {
				<-a.finished
			}
		}
	}()
	for i := range sources {
		a := reading[i]
		if err := a.handOver(func(x *candor.Exchange) error { return yield(i, x) }); err != nil {
			a.err = err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		ended(i, a.stats, a.err)
		begin(i + workers)
	}
	return nil
}

// ahead is one capture that is being read.
type ahead struct {
	exchanges chan waitingExchange
	stop      context.CancelFunc
	finished  chan struct{} // closed when stats and err are set
	stats     Stats
	err       error
}

// waitingExchange waits for its turn. taken is closed once a body that was too large to be kept has been read; nil for others.
type waitingExchange struct {
	x     *candor.Exchange
	taken chan struct{}
}

func newAhead(ctx context.Context, s Source) *ahead {
	ctx, stop := context.WithCancel(ctx)
	a := &ahead{exchanges: make(chan waitingExchange, aheadExchanges), stop: stop, finished: make(chan struct{})}
	go func() {
		defer close(a.finished)
		defer close(a.exchanges)
		r, err := s.Open()
		if err != nil {
			a.err = err
			return
		}
		defer r.Close()
		a.stats, a.err = Read(ctx, s.Name, r, func(x *candor.Exchange) error { return a.keep(ctx, x) })
	}()
	return a
}

// keep puts an exchange into the queue, with its body where that is small.
func (a *ahead) keep(ctx context.Context, x *candor.Exchange) error {
	w := waitingExchange{x: x}
	x.RequestBody = bytes.Clone(x.RequestBody)
	if x.Body != nil {
		head, err := io.ReadAll(io.LimitReader(x.Body, aheadBody+1))
		switch {
		case err != nil:
			x.Body = io.MultiReader(bytes.NewReader(head), failing{err})
		case len(head) <= aheadBody:
			x.Body = bytes.NewReader(head)
		default:
			x.Body, w.taken = io.MultiReader(bytes.NewReader(head), x.Body), make(chan struct{})
		}
	}
	select {
	case a.exchanges <- w:
	case <-ctx.Done():
		return ctx.Err()
	}
	if w.taken == nil {
		return nil
	}
	select {
	case <-w.taken:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// failing gives the error of a body to whoever reads it, when their turn comes.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (a *ahead) handOver(yield func(*candor.Exchange) error) error {
	defer func() { <-a.finished }()
	defer a.stop()
	for w := range a.exchanges {
		err := yield(w.x)
		if w.taken != nil {
			close(w.taken)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

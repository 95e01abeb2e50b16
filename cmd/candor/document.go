package main

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"candor.example"
	"candor.example/guard"
	"candor.example/internal/document"
)

// maxReading is how long one document may keep a processor busy, however its makers meant it.
const maxReading = 30 * time.Second

// documents reads documents for a guard, no more at a time than there are processors: each may take as much memory as its
// limits allow, and the site goes on meanwhile.
func documents(log *slog.Logger) func(context.Context, []byte, func([]byte) error) candor.Skip {
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	return func(ctx context.Context, body []byte, text func([]byte) error) candor.Skip {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-ctx.Done():
			return guard.SkipFailed
		}
		ctx, cancel := context.WithTimeout(ctx, maxReading)
		defer cancel()
		err := document.Extract(ctx, body, document.Limits{}, text)
		if err != nil {
			log.Info("a document could not be read to its end", "bytes", len(body), "error", err)
		}
		return skipOf(err)
	}
}

func skipOf(err error) candor.Skip {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, document.ErrEncrypted):
		return guard.SkipEncrypted
	case errors.Is(err, document.ErrLimit), errors.Is(err, context.DeadlineExceeded):
		return guard.SkipLimit
	case errors.Is(err, document.ErrUnreadable):
		return guard.SkipUnreadable
	case errors.Is(err, document.ErrMalformed):
		return guard.SkipDocument
	}
	return guard.SkipFailed
}

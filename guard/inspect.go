package guard

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"candor.example"
)

// Inspect inspects an exchange from a capture by the same rules as a live one, and calls found for every match, of every
// class. Exchanges must come in the order in which they happened, because logins and links are remembered. It reads
// x.Body to its end and returns what became of the response; an error is one of reading it. Only where Note is set do disclosures say in
// which response and where in it they stood: then Note is handed the response that found was told of, latent findings and what was sealed.
func (g *Guard) Inspect(ctx context.Context, x *candor.Exchange, found func(candor.Disclosure)) (candor.Coverage, error) {
	e := exchange{g: g, x: x, all: found}
	g.routes.captured.Store(true)
	e.begin(x.Status, x.Header)
	e.mode = Observe
	sum := func() candor.Coverage {
		return candor.Coverage{Time: x.Time, Site: e.site, Route: e.route, Skip: e.skip, Responses: 1, Bytes: e.bytes}
	}
	how, skip := planFor(x.Request, x.Status, x.Header, Observe, false)
	if e.skip = skip; x.Skipped != "" {
		e.skip = candor.Skip(x.Skipped)
	}
	body := x.Body
	if body == nil {
		body = http.NoBody
	}
	if e.teaches() {
		head, err := io.ReadAll(io.LimitReader(body, maxLearning))
		if err != nil {
			return sum(), err
		}
		e.learn(decodeHead(x.Header, head))
		body = io.MultiReader(bytes.NewReader(head), body)
	}
	defer e.ended()
	e.headers(ctx, x.Header.Clone())
	body, err := e.documentIn(ctx, how, body)
	if err != nil {
		return sum(), err
	}
	switch how {
	case look:
		err := e.read(ctx, body)
		return sum(), err
	case tap:
		err := e.readEncoded(ctx, body)
		return sum(), err
	}
	return sum(), nil
}

// read inspects a plain body in pieces.
func (e *exchange) read(ctx context.Context, body io.Reader) error {
	w := watcher{e: e, ctx: ctx}
	if _, err := io.CopyBuffer(&w, struct{ io.Reader }{body}, make([]byte, 64<<10)); err != nil {
		return err
	}
	w.flush()
	return nil
}

// readEncoded inspects the decoded form of an encoded body. What cannot be decoded is a skip, not an error.
func (e *exchange) readEncoded(ctx context.Context, body io.Reader) error {
	w := watcher{e: e, ctx: ctx}
	encodings, _ := encodingsOf(e.x.Header)
	d := newDecoder(encodings, e.g.maxDecoded(), func(p []byte) error {
		_, err := w.Write(p)
		return err
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 && !d.feed(buf[:n]) {
			break
		}
		if err == io.EOF {
			break
		} else if err != nil {
			d.stop()
			return err
		}
	}
	d.close()
	w.flush()
	if errors.Is(d.err, errLimit) {
		e.skip = SkipLimit
	} else if d.err != nil && ctx.Err() == nil {
		e.skip = SkipMalformed
	}
	return ctx.Err()
}

// watcher inspects what is written to it.
type watcher struct {
	e    *exchange
	ctx  context.Context
	held []byte
}

func (w *watcher) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	w.inspect(p, false)
	return len(p), nil
}

func (w *watcher) flush() { w.inspect(nil, true) }

func (w *watcher) inspect(p []byte, final bool) (hide []*hit) {
	buf := p
	if len(w.held) > 0 {
		w.held = append(w.held, p...)
		buf = w.held
	}
	n := w.e.find(buf, final)
	hide = w.e.decide(w.ctx)
	w.e.offset += int64(n)
	w.e.bytes += int64(n)
	w.held = append(w.held[:0], buf[n:]...)
	return hide
}

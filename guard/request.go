package guard

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
)

// requestBody keeps the first 64 KiB of a request's body as upstream reads it. The transport reads in its own goroutine
// and may still do so when the response begins, or when the handler has returned.
type requestBody struct {
	io.ReadCloser
	mu    sync.Mutex
	head  []byte
	ended bool
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	ended := b.ended
	b.mu.Unlock()
	if ended {
		return 0, errBodyEnded
	}
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	b.head = append(b.head, p[:min(n, maxRequestBody-len(b.head))]...)
	b.mu.Unlock()
	return n, err
}

// Close does nothing: net/http closes a request's body after its handler. The transport would close it when it cannot
// connect, and closing reads to the end of what a client that waits for 100 (Continue) never sends.
func (b *requestBody) Close() error { return nil }

// end forbids further reading: the request is over.
func (b *requestBody) end() {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
}

var errBodyEnded = errors.New("candor: the request is over")

func (b *requestBody) read() []byte {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.head[:len(b.head):len(b.head)]
}

// request is what the wrapped handler gets: the same request, with its body watched and, where a response may have to be
// masked, without the wish for compression.
func (rw *response) request() *http.Request {
	r := *rw.r
	r.Header = roomy(rw.r.Header)
	if rw.x.sent == nil && r.Body != nil && r.Body != http.NoBody {
		rw.x.sent = &requestBody{ReadCloser: r.Body}
	}
	if rw.x.sent != nil {
		r.Body = rw.x.sent
	}
	observe := rw.g.mode(rw.x.site, "") == Observe
	if isUpgrade(r.Header) && !observe {
		r.Header.Del("Sec-Websocket-Extensions") // what is compressed cannot be masked (RFC 7692)
	} else if !observe {
		r.Header.Set("Accept-Encoding", "identity")
		rw.unconditional(r.Header)
	}
	return &r
}

// isUpgrade reports whether the client asks for another protocol, such as WebSocket (RFC 9110 §7.8).
func isUpgrade(h http.Header) bool {
	return h.Get("Upgrade") != "" && strings.Contains(strings.ToLower(strings.Join(h["Connection"], ",")), "upgrade")
}

// accepts reports whether a client takes a content coding, with identity taken unless it is refused (RFC 9110 §12.5.3).
func accepts(h http.Header, coding string) bool {
	ok, star := coding == "identity", ""
	for _, v := range h["Accept-Encoding"] {
		for item := range strings.SplitSeq(v, ",") {
			name, q, _ := strings.Cut(strings.TrimSpace(item), ";")
			refused := isZero(strings.TrimSpace(q))
			switch strings.ToLower(strings.TrimSpace(name)) {
			case coding:
				return !refused
			case "*":
				star = "yes"
				if refused {
					star = "no"
				}
			}
		}
	}
	if star != "" {
		return star == "yes"
	}
	return ok
}

// isZero reads a weight of zero: "q=0", "q=0.000".
func isZero(q string) bool {
	v, ok := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(q, " ", "")), "q=")
	return ok && v != "" && strings.Trim(v, "0.") == ""
}

package guard

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// Gather returns what s is to serve in place of l. net/http sends a response's head with as much of its body as fits into 4 KiB, and what is left
// by itself; a guard's handler can then send both by one system call, and wake up the client once. Connections that are no TCP, or have TLS, stay as they are.
func Gather(s *http.Server, l net.Listener) net.Listener {
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if g, ok := c.(*gathering); ok {
			return context.WithValue(ctx, gatheringKey{}, g)
		}
		return ctx
	}
	return gatherer{l}
}

type gatherer struct{ net.Listener }

func (g gatherer) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &gathering{TCPConn: tcp}, err
	}
	return c, err
}

type gatheringKey struct{}

// gathering is a connection that can hold one short write back for the next. Only the goroutine that writes may begin and end that.
type gathering struct {
	*net.TCPConn
	room *[gatherMost]byte // not nil: a write may be held
	held int               // bytes in room
	both [2][]byte
	rest net.Buffers // of both
}

// gatherMost is how much is held: what net/http has for a buffer.
const gatherMost = 4 << 10

var gatherRooms = sync.Pool{New: func() any { return new([gatherMost]byte) }}

func (g *gathering) Write(p []byte) (int, error) {
	switch {
	case g.room == nil:
		return g.TCPConn.Write(p)
	case g.held == 0 && len(p) <= gatherMost:
		g.held = copy(g.room[:], p)
		return len(p), nil
	}
	held := g.held
	g.both, g.held = [2][]byte{g.room[:held], p}, 0
	g.rest = g.both[:]
	n, err := g.rest.WriteTo(g.TCPConn)
	g.both = [2][]byte{}
	return max(0, int(n)-held), err
}

// gather writes p to w, which is this connection's response.
func (g *gathering) gather(w interface{ Write([]byte) (int, error) }, p []byte) (err error) {
	g.room = gatherRooms.Get().(*[gatherMost]byte)
	_, err = w.Write(p)
	if g.held > 0 {
		_, e := g.TCPConn.Write(g.room[:g.held])
		if err == nil {
			err = e
		}
	}
	gatherRooms.Put(g.room)
	g.room, g.held = nil, 0
	return err
}

// gathers is the connection that a response can be gathered on. Nobody else writes there: the request has no body, so that no 100 (Continue) may be sent for it.
func gathers(r *http.Request) *gathering {
	if r.ProtoMajor != 1 || r.Body != nil && r.Body != http.NoBody {
		return nil
	}
	g, _ := r.Context().Value(gatheringKey{}).(*gathering)
	return g
}

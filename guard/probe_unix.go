//go:build unix

package guard

import (
	"errors"
	"net"
	"syscall"
)

const canProbe = true

// probe looks whether something waits to be read on an idle connection, without waiting itself.
type probe struct {
	raw   syscall.RawConn
	look  func(fd uintptr) bool // read, once for all: a closure allocates
	quiet bool
}

func newProbe(c net.Conn) (*probe, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil, errors.New("not a connection of the operating system's")
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	p := &probe{raw: raw}
	p.look = p.read
	return p, nil
}

// silent reports that the connection is open and nothing was said on it. What is said on an idle connection is no answer to anything: it is
// lost, and the connection must not be used any more.
func (p *probe) silent() bool {
	p.quiet = false
	return p.raw.Read(p.look) == nil && p.quiet
}

func (p *probe) read(fd uintptr) bool {
	var b [1]byte
	_, err := syscall.Read(int(fd), b[:]) // the net package's descriptors do not block
	p.quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
	return true
}

package guard

import (
	"encoding/binary"
	"errors"
)

// Opcodes of WebSocket frames (RFC 6455 §11.8). From opClose on they are control frames, which may stand between the
// fragments of a message.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPong         = 0xa
)

const maxControl = 125 // bytes of a control frame's payload, RFC 6455 §5.5

// frame is the header of a frame (RFC 6455 §5.2).
type frame struct {
	fin        bool
	compressed bool // RSV1, which permessage-deflate uses (RFC 7692 §6)
	op         byte
	key        [4]byte // a client's, with which its payload is masked
	length     uint64
}

func (f frame) control() bool { return f.op >= opClose }

// framing reads one direction of a WebSocket connection, in pieces of any size. Its zero value reads a server's frames.
type framing struct {
	fromClient bool
	deflate    bool // permessage-deflate was negotiated

	head [14]byte // of the frame at hand
	have int      // bytes of head that are there
	in   bool     // the header is complete, left bytes of payload follow
	left uint64
	frame

	open   bool // a message has begun and not ended
	text   bool // the message is text
	packed bool // the message is compressed
}

var errFrame = errors.New("candor: the WebSocket frame is not as RFC 6455 wants it")

// header takes what it needs of p for the next frame's header; done says that it is complete.
func (f *framing) header(p []byte) (n int, done bool, err error) {
	for n < len(p) {
		if f.have < 2 {
			f.head[f.have] = p[n]
			f.have, n = f.have+1, n+1
			continue
		}
		take := min(f.headLength()-f.have, len(p)-n)
		copy(f.head[f.have:], p[n:n+take])
		f.have, n = f.have+take, n+take
		break
	}
	if f.have < 2 || f.have < f.headLength() {
		return n, false, nil
	}
	err = f.begin()
	return n, true, err
}

func (f *framing) headLength() int {
	n := 2
	switch f.head[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if f.head[1]&0x80 != 0 {
		n += 4
	}
	return n
}

// begin reads the complete header, and is as strict as the receiver has to be: what a browser would refuse it must not get
// through us in a form that we read differently.
func (f *framing) begin() error {
	masked := f.head[1]&0x80 != 0
	f.frame = frame{fin: f.head[0]&0x80 != 0, compressed: f.head[0]&0x40 != 0, op: f.head[0] & 0x0f}
	rest := f.head[2:f.have]
	minimal := true // RFC 6455 §5.2: the minimal number of bytes must be used
	switch n := f.head[1] & 0x7f; n {
	case 126:
		f.length, rest = uint64(binary.BigEndian.Uint16(rest)), rest[2:]
		minimal = f.length > 125
	case 127:
		f.length, rest = binary.BigEndian.Uint64(rest), rest[8:]
		minimal = f.length > 0xffff
	default:
		f.length = uint64(n)
	}
	copy(f.key[:], rest)
	f.in, f.left, f.have = true, f.length, 0
	data := f.op == opText || f.op == opBinary
	switch {
	case masked != f.fromClient, // §5.1: a client masks, a server must not
		f.head[0]&0x30 != 0, f.compressed && !(f.deflate && data),
		!minimal, f.length>>63 != 0,
		f.op > opPong, f.op > opBinary && !f.control(),
		f.control() && (!f.fin || f.length > maxControl),
		f.op == opContinuation && !f.open, data && f.open:
		return errFrame
	case f.control():
		return nil
	case data:
		f.text, f.packed = f.op == opText, f.compressed
	}
	f.open = true
	return nil
}

// payload takes what p holds of the frame's payload, and says whether that ends the frame, and with it a message.
func (f *framing) payload(p []byte) (n int, frameEnds, messageEnds bool) {
	n = len(p)
	if uint64(n) >= f.left {
		n, frameEnds = int(f.left), true
	}
	f.left -= uint64(n)
	if !frameEnds {
		return n, false, false
	}
	f.in = false
	messageEnds = f.fin && !f.control()
	if messageEnds {
		f.open = false
	}
	return n, true, messageEnds
}

// unmask takes a client's mask off a piece of payload that begins at byte at (RFC 6455 §5.3).
func (f frame) unmask(p []byte, at uint64) {
	for i := range p {
		p[i] ^= f.key[(at+uint64(i))%4]
	}
}

// closing is a close frame (RFC 6455 §5.5.1) with a status code and a reason for people.
func closing(status uint16, reason string) []byte {
	p := []byte{0x80 | opClose, byte(2 + len(reason)), byte(status >> 8), byte(status)}
	return append(p, reason...)
}

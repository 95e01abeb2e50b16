package capture

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// errHole is what members.Read returns in place of bytes that are damaged. The next call goes on behind them.
var errHole = errors.New("a gzip member is damaged")

// errDamaged ends the stream: the file is damaged, and nothing behind the place begins a record.
var errDamaged = errors.New("the gzip data are damaged, and no further record is found behind")

// errGivenUp ends the stream where one record was too much.
var errGivenUp = errors.New("a record inflates to more than 1 GiB, and no gzip member behind it begins another: the rest was not read; unpack the file first")

// members is what the members of a gzip file hold (RFC 1952 §2.2), one after another. Behind damage it goes on at the next
// member that begins with a WARC record.
type members struct {
	tape  tape
	z     *gzip.Reader
	probe *gzip.Reader
	open  bool
	start int64 // of the member at hand, in the file
	again int64 // bytes that were gone back
}

// maxAgain bounds how much is read twice: members made to look as if each held the next would else take quadratic time.
const maxAgain = 64 << 20

func (m *members) Read(p []byte) (int, error) {
	for {
		if !m.open {
			if err := m.begin(); err != nil {
				return 0, err
			}
		}
		n, err := m.z.Read(p)
		if n > 0 {
			return n, nil // the error comes again
		}
		if err == io.EOF {
			m.open = false
		} else if err != nil {
			return 0, m.mend(err)
		}
	}
}

// begin opens the next member; io.EOF when there is none.
func (m *members) begin() error {
	m.start = m.tape.offset()
	head := m.tape.peek(len(gzipMagic))
	if len(head) == 0 {
		return m.tape.err
	}
	if isZero(head) && m.onlyZeros() { // padding of a tape or a disk
		return m.tape.err
	}
	var err error
	if m.z == nil {
		m.z, err = gzip.NewReader(&m.tape)
	} else {
		err = m.z.Reset(&m.tape)
	}
	if err != nil {
		return m.mend(err)
	}
	m.z.Multistream(false)
	m.open = true
	return nil
}

func isZero(p []byte) bool { return len(bytes.Trim(p, "\x00")) == 0 }

// onlyZeros goes past zeros, and says whether there is nothing else.
func (m *members) onlyZeros() bool {
	for {
		p := m.tape.peek(1)
		if len(p) == 0 {
			return true
		}
		if p[0] != 0 {
			return false
		}
		m.tape.pos++
	}
}

// mend goes on from an error of the member at hand: errHole where there is a next one.
func (m *members) mend(err error) error {
	m.open = false
	if e := m.tape.err; e != nil && e != io.EOF {
		return e // of the file, not of what it holds
	}
	if !m.beginsRecord() { // damage may have swallowed the beginning of the next one
		if m.again < maxAgain {
			m.again += m.tape.rewind(m.tape.offset() - m.start - 1)
		}
		if !m.find() {
			if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
				return io.ErrUnexpectedEOF
			}
			return errDamaged
		}
	}
	return errHole
}

// find goes to the next member that begins with a record.
func (m *members) find() bool {
	for {
		p := m.tape.peek(chunk)
		i := bytes.Index(p, gzipMagic)
		switch {
		case i >= 0:
			m.tape.pos += i
			if m.beginsRecord() {
				return true
			}
			m.tape.pos++
		case len(p) < len(gzipMagic):
			m.tape.pos += len(p)
			return false
		default:
			m.tape.pos += len(p) - len(gzipMagic) + 1
		}
	}
}

// beginsRecord tells a member of a WARC from three bytes that only look like one.
func (m *members) beginsRecord() bool {
	head := m.tape.peek(4 << 10)
	if !bytes.HasPrefix(head, gzipMagic) || len(head) < 4 || head[3]&0xe0 != 0 { // reserved flags (RFC 1952 §2.3.1)
		return false
	}
	var err error
	if m.probe == nil {
		m.probe, err = gzip.NewReader(bytes.NewReader(head))
	} else {
		err = m.probe.Reset(bytes.NewReader(head))
	}
	if err != nil {
		return false
	}
	p := make([]byte, len(warcMagic))
	n, _ := io.ReadFull(m.probe, p)
	return bytes.Equal(p[:n], warcMagic)
}

// passOver leaves the member at hand for the next, if there is one.
func (m *members) passOver() bool {
	m.open = false
	return m.find()
}

// tapeKeep is how many bytes a tape can be wound back at least.
const tapeKeep = 1 << 20

// tape is a file that can be wound back a little. It has ReadByte, so that inflating takes no byte behind the member.
type tape struct {
	r    io.Reader
	buf  []byte
	pos  int   // buf[pos:] is unread
	base int64 // offset of buf[0] in the file
	err  error // what ended r
}

func (t *tape) offset() int64 { return t.base + int64(t.pos) }

// peek returns up to n unread bytes, fewer only at the end.
func (t *tape) peek(n int) []byte {
	for empty := 0; len(t.buf)-t.pos < n && t.err == nil; {
		if got := t.fill(); got > 0 {
			empty = 0
		} else if empty++; empty == 100 && t.err == nil {
			t.err = io.ErrNoProgress
		}
	}
	return t.buf[t.pos:min(t.pos+n, len(t.buf))]
}

// fill reads once.
func (t *tape) fill() int {
	if cap(t.buf)-len(t.buf) < chunk {
		if drop := t.pos - tapeKeep; drop > 0 {
			t.buf = t.buf[:copy(t.buf, t.buf[drop:])]
			t.pos -= drop
			t.base += int64(drop)
		}
	}
	if cap(t.buf)-len(t.buf) < chunk {
		t.buf = append(make([]byte, 0, 2*cap(t.buf)+2*chunk), t.buf...)
	}
	var got int
	got, t.err = t.r.Read(t.buf[len(t.buf) : len(t.buf)+chunk])
	t.buf = t.buf[:len(t.buf)+got]
	return got
}

// rewind goes back by n bytes or as far as it can, and returns how far.
func (t *tape) rewind(n int64) int64 {
	n = min(n, int64(t.pos))
	t.pos -= int(n)
	return n
}

func (t *tape) ReadByte() (byte, error) {
	if t.pos == len(t.buf) && len(t.peek(1)) == 0 {
		return 0, t.err
	}
	t.pos++
	return t.buf[t.pos-1], nil
}

func (t *tape) Read(p []byte) (int, error) {
	if t.pos == len(t.buf) && len(t.peek(1)) == 0 {
		return 0, t.err
	}
	n := copy(p, t.buf[t.pos:])
	t.pos += n
	return n, nil
}

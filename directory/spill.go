package directory

import (
	"os"
	"sync"
	"sync/atomic"
)

const (
	partitionBits = 11
	partitions    = 1 << partitionBits
	// spillAt is how many bytes of one partition are kept in memory before they go to the file: 128 MiB in all.
	spillAt = 64 << 10
)

// spill collects records by partition, in memory and then in one file: a partition's pieces lie anywhere in it. It is safe
// for concurrent use.
type spill struct {
	path  string
	open  sync.Once
	file  *os.File
	err   error // of opening the file
	end   atomic.Int64
	count atomic.Int64
	parts [partitions]struct {
		sync.Mutex
		buf    []byte
		pieces []piece
	}
}

type piece struct {
	offset int64
	length int
}

func (s *spill) add(part int, record []byte) error {
	s.count.Add(1)
	p := &s.parts[part]
	p.Lock()
	defer p.Unlock()
	p.buf = append(p.buf, record...)
	if len(p.buf) < spillAt {
		return nil
	}
	s.open.Do(func() { s.file, s.err = os.OpenFile(s.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) })
	if s.err != nil {
		return s.err
	}
	at := piece{s.end.Add(int64(len(p.buf))) - int64(len(p.buf)), len(p.buf)}
	_, err := s.file.WriteAt(p.buf, at.offset)
	p.pieces, p.buf = append(p.pieces, at), p.buf[:0]
	return err
}

// largest is the most bytes that so many partitions beside each other hold.
func (s *spill) largest(width int) (most int64) {
	for first := 0; first < partitions; first += width {
		var n int64
		for part := first; part < first+width; part++ {
			n += int64(len(s.parts[part].buf))
			for _, at := range s.parts[part].pieces {
				n += int64(at.length)
			}
		}
		most = max(most, n)
	}
	return most
}

// load appends a partition's records to dst and gives up its memory. Nothing may be added afterwards.
func (s *spill) load(dst []byte, part int) ([]byte, error) {
	p := &s.parts[part]
	for _, at := range p.pieces {
		n := len(dst)
		dst = append(dst, make([]byte, at.length)...)
		if _, err := s.file.ReadAt(dst[n:], at.offset); err != nil {
			return dst, err
		}
	}
	dst = append(dst, p.buf...)
	p.buf = nil
	return dst, nil
}

func (s *spill) close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.path)
	}
}

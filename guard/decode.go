package guard

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"iter"
	"net/http"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// decoders are the content codings that browsers accept (RFC 9110 §8.4.1, RFC 7932, RFC 8878).
var decoders = map[string]func(io.Reader) (io.Reader, error){
	"gzip":    func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"x-gzip":  func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	"deflate": inflate,
	"br":      func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
	"zstd": func(r io.Reader) (io.Reader, error) {
		// RFC 9659: no window above 8 MB for the content coding. One goroutine: see decoder.
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
	},
}

// inflate reads zlib data (RFC 1950), as the coding is defined, or the bare deflate data (RFC 1951) that some servers send.
func inflate(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(b)
	}
	return flate.NewReader(b), nil
}

// chain decodes encodings, which are given in the order in which they were applied.
func chain(encodings []string, r io.Reader) (io.Reader, error) {
	for i := len(encodings) - 1; i >= 0; i-- {
		var err error
		if r, err = decoders[encodings[i]](r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

var (
	errLimit   = errors.New("decodes to more than the limit")
	errStopped = errors.New("decoder stopped")
)

// decoder turns a pulling decompressor into one that is fed: feed returns when all that can be decoded from the bytes so
// far has gone to sink. It runs as a coroutine, never at the same time as its caller.
type decoder struct {
	in   []byte
	eof  bool
	done bool
	err  error // why it ended early; nil at a proper end

	next func() (struct{}, bool)
	stop func()
	// lag is how many decoded bytes the decompressor may keep to itself: inflate hands out its 32-KiB window only when it
	// is full or a block ends.
	lag int64
}

func newDecoder(encodings []string, limit int64, sink func([]byte) error) *decoder {
	d := &decoder{}
	for _, e := range encodings {
		if e != "br" && e != "zstd" {
			d.lag += 32 << 10
		}
	}
	d.next, d.stop = iter.Pull(func(yield func(struct{}) bool) {
		d.err = d.run(encodings, limit, sink, yield)
	})
	return d
}

func (d *decoder) run(encodings []string, limit int64, sink func([]byte) error, yield func(struct{}) bool) error {
	r, err := chain(encodings, &starving{d, yield})
	if errors.Is(err, io.EOF) && d.eof && len(encodings) > 0 {
		return io.ErrUnexpectedEOF
	} else if err != nil {
		return err
	}
	if z, ok := r.(*zstd.Decoder); ok {
		defer z.Close()
	}
	buf := make([]byte, 32<<10)
	for total := int64(0); ; {
		n, err := r.Read(buf)
		if total += int64(n); total > limit {
			return errLimit
		}
		if n > 0 {
			if err := sink(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// feed decodes p and reports whether more may follow.
func (d *decoder) feed(p []byte) bool {
	d.in = p
	return d.resume()
}

// close tells the decoder that nothing follows.
func (d *decoder) close() {
	d.eof = true
	d.resume()
	d.stop()
}

func (d *decoder) resume() bool {
	if !d.done {
		_, more := d.next()
		d.done = !more
	}
	return !d.done
}

// flushed reports whether p ends with the empty block that a compressor's flush leaves (zlib's Z_SYNC_FLUSH): then inflate
// has handed out all that it has.
func flushed(p []byte) bool { return bytes.HasSuffix(p, []byte{0, 0, 0xff, 0xff}) }

// starving is the reader under a decompressor: when it runs dry it gives control back to whoever feeds it.
type starving struct {
	d     *decoder
	yield func(struct{}) bool
}

func (s *starving) Read(p []byte) (int, error) {
	for len(s.d.in) == 0 {
		if s.d.eof {
			return 0, io.EOF
		}
		if !s.yield(struct{}{}) {
			return 0, errStopped
		}
	}
	n := copy(p, s.d.in)
	s.d.in = s.d.in[n:]
	return n, nil
}

// decodeHead decodes the beginning of a body as far as it goes.
func decodeHead(h http.Header, p []byte) []byte {
	encodings, known := encodingsOf(h)
	if len(encodings) == 0 || !known {
		return p
	}
	var head []byte
	d := newDecoder(encodings, maxLearning, func(b []byte) error {
		head = append(head, b...)
		return nil
	})
	d.feed(p)
	d.close()
	return head
}

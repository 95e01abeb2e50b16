package guard

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"

	"candor.example/directory"
)

// sink is a connection's writing half in memory.
type sink struct {
	net.Conn
	bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) { return s.Buffer.Write(p) }
func (s *sink) Read(p []byte) (int, error)  { return 0, io.EOF }
func (s *sink) Close() error                { return nil }

func fuzzGuard(f testing.TB) *Guard {
	path := filepath.Join(f.TempDir(), "snapshot")
	var key directory.Key
	csv := "id,email\n1,alice@shop.example\n2,bob@shop.example\n"
	for i := 3; i <= maxCarried+10; i++ {
		csv += fmt.Sprintf("%d,c%d@shop.example\n", i, i)
	}
	if _, err := directory.Build(f.Context(), path, key, strings.NewReader(csv), "test.csv", directory.BuildOptions{}); err != nil {
		f.Fatal(err)
	}
	d, err := directory.Open(path, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	return &Guard{Directory: d, Key: []byte("key")}
}

// through writes a server's stream to a socket in two pieces, and returns what the client gets.
func through(g *Guard, mode Mode, stream []byte, cut int, header string) []byte {
	g.Mode = func(string, string) Mode { return mode }
	r := httptest.NewRequest("GET", "/feed", nil)
	rw := newResponse(g, httptest.NewRecorder(), r)
	out := &sink{}
	s := newSocket(rw, out, bufio.NewReader(strings.NewReader("")))
	h := rw.w.Header()
	h.Set("Sec-Websocket-Extensions", header)
	s.opened(101, h)
	if _, err := s.Write(stream[:cut]); err == nil {
		s.Write(stream[cut:])
	}
	s.Close()
	return out.Bytes()
}

// spoken puts together the text messages of a server's stream that are complete, as a browser would.
func spoken(stream []byte) (list []string) {
	var f framing
	var m []byte
	for at := 0; at < len(stream); {
		n, done, err := f.header(stream[at:])
		if at += n; err != nil || !done {
			return list
		}
		n, whole, ends := f.payload(stream[at:])
		if !f.control() {
			m = append(m, stream[at:at+n]...)
		}
		if at += n; !whole {
			return list
		}
		if ends && f.text {
			list = append(list, string(m))
		}
		if ends {
			m = nil
		}
	}
	return list
}

// Whatever a server sends: in Observe it arrives byte for byte; in Mask the same arrives whatever the pieces, and no message
// shows a customer.
func FuzzSocket(f *testing.F) {
	for _, s := range []string{
		"\x81\x05hello", "\x01\x06to ali\x89\x02hi\x80\x0fce@shop.example", "\x81\x12alice@shop.example\x88\x02\x03\xe8",
		"\x82\x03\x00\x01\x02", "\x81\x7e\x00\x80" + strings.Repeat("x", 110) + "alice@shop.example", "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00xxxx",
		"\x81\x85\x00\x00\x00\x00hello", "\x01\x02al\x00\x00\x00\x10ice@shop.example\x80\x00", "\x81\x03ali\x81\x0fce@shop.example",
	} {
		f.Add([]byte(s), 3)
	}
	g := fuzzGuard(f)
	f.Fuzz(func(t *testing.T, stream []byte, cut int) {
		if len(stream) > 8<<10 {
			return
		}
		cut = max(0, min(cut, len(stream)))
		if got := through(g, Observe, stream, cut, ""); !bytes.Equal(got, stream) {
			t.Errorf("observed: %q became %q", stream, got)
		}
		whole, split := through(g, Mask, stream, 0, ""), through(g, Mask, stream, cut, "")
		if !bytes.Equal(whole, split) {
			t.Errorf("%q cut at %d: %q, and whole %q", stream, cut, split, whole)
		}
		for _, m := range append(spoken(split), spoken(through(g, Block, stream, cut, ""))...) {
			for _, word := range strings.Fields(m) {
				if word == "alice@shop.example" || word == "bob@shop.example" {
					t.Errorf("%q shows it", m)
				}
			}
		}
	})
}

// Compressed messages in Observe arrive byte for byte, whatever they decode to, but for one without its end.
func FuzzDeflatedSocket(f *testing.F) {
	f.Add([]byte("hello alice@shop.example"), []byte("\xf2\x48\x05\x00"), 5)
	f.Add([]byte(""), []byte("\x01\x00\x00\xff\xff"), 1)
	g := fuzzGuard(f)
	f.Fuzz(func(t *testing.T, text, packed []byte, cut int) {
		if len(text) > 100 || len(packed) > 100 {
			return
		}
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, 1)
		w.Write(text)
		w.Flush()
		good := bytes.TrimSuffix(b.Bytes(), []byte("\x00\x00\xff\xff"))
		if len(good) > 125 {
			return
		}
		stream := append([]byte{0xc1, byte(len(good))}, good...)
		stream = append(append(stream, 0xc1, byte(len(packed))), packed...)
		stream = append(append(stream, 0xc1, byte(len(good))), good...)
		cut = max(0, min(cut, len(stream)))
		if got := through(g, Observe, stream, cut, "permessage-deflate"); !bytes.Equal(got, stream) {
			t.Errorf("%q became %q", stream, got)
		}
	})
}

// Whatever a client sends, it arrives, and listening to it ends.
func FuzzListen(f *testing.F) {
	f.Add([]byte("\x81\x92\x01\x02\x03\x04`n\x6cge"), 3)
	f.Add([]byte("\xc1\x84\x00\x00\x00\x00\xf2\x48\x05\x00"), 3)
	g := fuzzGuard(f)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		rw := newResponse(g, httptest.NewRecorder(), httptest.NewRequest("GET", "/feed", nil))
		b := bufio.NewReaderSize(bytes.NewReader(stream), max(16, len(stream)))
		b.Peek(len(stream))
		s := newSocket(rw, &sink{}, b)
		h := rw.w.Header()
		h.Set("Sec-Websocket-Extensions", "permessage-deflate")
		s.opened(101, h)
		var got []byte
		buf := make([]byte, max(1, min(size, 1<<10)))
		for {
			n, err := s.Read(buf)
			if got = append(got, buf[:n]...); err != nil {
				break
			}
		}
		if !bytes.Equal(got, stream) {
			t.Errorf("%q became %q", stream, got)
		}
		if len(s.tail) > len(stream)+maxDeflated {
			t.Error("the tail has no end")
		}
	})
}

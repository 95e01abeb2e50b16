package guard

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"candor.example"
)

// open is a socket in memory, with what it sent and what was recorded.
func open(t *testing.T, mode Mode, header string, early string) (s *socket, out *sink, recorded *[]candor.Disclosure) {
	g := fuzzGuard(t)
	recorded = &[]candor.Disclosure{}
	g.Mode = func(string, string) Mode { return mode }
	g.Record = func(_ context.Context, e candor.Entry) error {
		*recorded = append(*recorded, e.Disclosures...)
		return nil
	}
	rw := newResponse(g, httptest.NewRecorder(), httptest.NewRequest("GET", "/feed", nil))
	out = &sink{}
	b := bufio.NewReaderSize(strings.NewReader(early), max(16, len(early)))
	b.Peek(len(early))
	s = newSocket(rw, out, b)
	h := rw.w.Header()
	h.Set("Sec-Websocket-Extensions", header)
	s.opened(101, h)
	return s, out, recorded
}

// frameOf64 is a frame with a 64-bit length.
func frameOf64(first, mask byte, payload []byte) []byte {
	b := binary.BigEndian.AppendUint64([]byte{first, mask | 127}, uint64(len(payload)))
	if mask != 0 {
		b = append(b, 0, 0, 0, 0)
	}
	return append(b, payload...)
}

// stored is a compressed message of so many bytes that ends with a text (RFC 1951 §3.2.4).
func stored(size int, text string) []byte {
	var b []byte
	data := append(bytes.Repeat([]byte(" "), size), text...)
	for rest := size - 1; rest > 0; {
		n := min(rest-5, 0xffff)
		if left := rest - 5 - n; left > 0 && left <= 5 {
			n -= 6 // or the last block would have no room for itself
		}
		b = append(b, 0, byte(n), byte(n>>8), ^byte(n), ^byte(n>>8))
		b = append(b, data[len(data)-n:]...)
		rest -= n + 5
	}
	return append(b, 0)
}

func TestCompressedMessagesAreBounded(t *testing.T) {
	for size, want := range map[int]string{maxDeflated: "1 ", maxDeflated + 1: "0 limit"} {
		s, out, recorded := open(t, Observe, "permessage-deflate", "")
		s.e.g.TakeCoverage(false)
		frame := frameOf64(0xc1, 0, stored(size, " alice@shop.example"))
		if _, err := s.Write(frame); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), frame) {
			t.Errorf("%d: not the same bytes", size)
		}
		owners := map[string]bool{}
		for _, d := range *recorded {
			owners[d.Owner] = true
		}
		if got := fmt.Sprint(len(owners), " ", s.e.g.TakeCoverage(false)[0].Skip); got != want {
			t.Errorf("%d bytes: %s, not %s", size, got, want)
		}
	}
}

func TestWhatAClientSaidIsBounded(t *testing.T) {
	var said strings.Builder
	for i := 3; i <= maxCarried+3; i++ {
		fmt.Fprintf(&said, "c%d@shop.example\n", i)
	}
	s, _, recorded := open(t, Observe, "", string(frameOf64(0x81, 0x80, []byte(said.String()))))
	for buf := make([]byte, 8<<10); ; {
		if _, err := s.Read(buf); err != nil {
			break
		}
	}
	for _, i := range []int{maxCarried + 2, maxCarried + 3} {
		m := fmt.Sprintf("c%d@shop.example", i)
		s.Write(append([]byte{0x81, byte(len(m))}, m...))
	}
	if len(*recorded) != 1 || (*recorded)[0].Owner != fmt.Sprint(maxCarried+3) {
		t.Errorf("%d disclosures", len(*recorded))
	}
}

// What a close frame says for a reason is text, too, in one piece or byte by byte.
func TestCloseReason(t *testing.T) {
	for _, size := range []int{1, 200} {
		s, out, recorded := open(t, Mask, "", "")
		for p := []byte("\x81\x02hi\x88\x1a\x03\xe8sorry alice@shop.example"); len(p) > 0; p = p[min(size, len(p)):] {
			if _, err := s.Write(p[:min(size, len(p))]); err != nil {
				t.Fatal(err)
			}
		}
		if got := out.String(); got != "\x81\x02hi\x88\x1a\x03\xe8sorry a****@s***.example" || len(*recorded) != 1 {
			t.Errorf("%q, %d recorded", got, len(*recorded))
		}
	}
}

func TestWaitingIsBounded(t *testing.T) {
	s, out, _ := open(t, Mask, "", "")
	frame := "\x01\x03ali" // all of it waits: nothing of it is settled
	filler := "\x89\x7d" + strings.Repeat("x", 125)
	s.Write([]byte(frame))
	waits := len(frame)
	for waits+len(filler) <= maxWaiting-2 {
		s.Write([]byte(filler))
		waits += len(filler)
	}
	last := fmt.Sprintf("\x89%c%s", maxWaiting-waits-2, strings.Repeat("x", maxWaiting-waits-2))
	s.Write([]byte(last))
	if out.Len() != 0 {
		t.Errorf("%d bytes left at the limit", out.Len())
	}
	s.Write([]byte("\x89\x00"))
	if out.Len() != maxWaiting+2 {
		t.Errorf("%d bytes left past the limit", out.Len())
	}
}

func TestTheHeadOfAnAnswerIsBounded(t *testing.T) {
	for size, want := range map[int]bool{maxUpgrade: true, maxUpgrade + 1: false} {
		s, out, _ := open(t, Mask, "", "")
		s.head = true
		start := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Long: "
		s.Write([]byte(start + strings.Repeat("x", size-len(start)-4) + "\r\n\r\n\x81\x12alice@shop.example"))
		if got := bytes.HasSuffix(out.Bytes(), []byte("a****@s***.example")); got != want {
			t.Errorf("%d bytes: inspected %v", size, got)
		}
	}
}

func TestRememberedRoutesAreBounded(t *testing.T) {
	var r routes
	ask := func(path string) string {
		_, route := r.of(&Guard{}, httptest.NewRequest("GET", "http://shop.example"+path, nil), nil, 200, true)
		return route
	}
	for n, want := range map[int]int{maxKnownAt: 1, maxKnownAt + 1: 0} {
		r.forget()
		if ask("/" + strings.Repeat("a", n-1)); len(r.known) != want {
			t.Errorf("a path of %d bytes: %d are remembered", n, len(r.known))
		}
	}
	r = routes{}
	for i := range maxKnown {
		ask(fmt.Sprintf("/orders/%d", 100_000+i))
	}
	if len(r.known) != maxKnown {
		t.Errorf("%d are remembered at the limit", len(r.known))
	}
	if ask("/orders/999999"); len(r.known) != 1 {
		t.Errorf("%d are remembered past it", len(r.known))
	}
	// What was remembered is forgotten when names become one.
	first := ask("/p/lamp")
	for i := range maxSiblings {
		ask("/p/" + strings.Repeat("x", i+1))
	}
	if again := ask("/p/lamp"); first != "GET /p/lamp" || again != "GET /p/{name}" {
		t.Errorf("%s, then %s", first, again)
	}
}

// An extension that nobody here knows passes and is counted, or ends the connection where that is how the guard fails.
func TestUnknownExtension(t *testing.T) {
	s, out, _ := open(t, Mask, "x-secret", "")
	s.Write([]byte("\x81\x05hello"))
	if got := fmt.Sprintf("%q %s", out.String(), s.e.g.TakeCoverage(false)[0].Skip); got != `"\x81\x05hello" unknown-encoding` {
		t.Error(got)
	}
	s, out, _ = open(t, Mask, "", "")
	s.e.g.FailClosed = true
	s.upgraded(map[string][]string{"Sec-Websocket-Extensions": {"x-secret"}})
	if _, err := s.Write([]byte("\x81\x05hello")); err == nil || out.Len() != 0 {
		t.Errorf("%q, %v", out, err)
	}
}

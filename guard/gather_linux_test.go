package guard_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"candor.example/guard"
)

// A page comes with its head, in one segment, and as it is: on the same connection, whatever its length and whatever is done to it.
func TestGather(t *testing.T) {
	mode := guard.Mask
	g := &guard.Guard{Directory: testDirectory(t), Key: []byte("key"), Log: slog.New(slog.DiscardHandler), Mode: func(string, string) guard.Mode { return mode }}
	s := &http.Server{Handler: g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.FormValue("n"))
		body := []byte(strings.Repeat("a page ", n/7+1)[:n] + r.FormValue("end"))
		w.Header().Set("Content-Type", "text/plain")
		if r.FormValue("length") != "" {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		w.Write(body[:len(body)/2])
		w.Write(body[len(body)/2:])
	}))}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(guard.Gather(s, l))
	t.Cleanup(func() { s.Close() })
	c := dial(t, l.Addr().String())
	b := bufio.NewReaderSize(c, 1<<20)
	ask := func(method, query, body string) (*http.Response, string) {
		fmt.Fprintf(c, "%s /?%s HTTP/1.1\r\nHost: shop.example\r\nContent-Length: %d\r\n\r\n%s", method, query, len(body), body)
		res, err := http.ReadResponse(b, &http.Request{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(page)
	}
	for _, mode = range []guard.Mode{guard.Observe, guard.Mask} { // nothing is under way when it changes
		for _, n := range []int{0, 1, 2047, 2049, 4095, 4096, 4097, 8190, 8191, 8192, 8193, 8194, 30_000, 300_000} {
			for _, length := range []string{"", "&length=1"} {
				for _, end := range []string{"", " alice@shop.example"} {
					query := fmt.Sprint("n=", n, length, "&end=", strings.Replace(end, " ", "+", 1))
					want := strings.Repeat("a page ", n/7+1)[:n] + end
					for _, body := range []string{"", "a body"} {
						res, page := ask("GET", query, body)
						hidden := mode == guard.Mask && end != "" && len(page) == len(want) && !strings.Contains(page, "alice")
						if page != want && !(hidden && page[:n] == want[:n]) {
							t.Fatalf("%s of %s with body %q: %s, %d bytes", mode, query, body, res.Status, len(page))
						}
					}
					if _, page := ask("HEAD", query, ""); page != "" {
						t.Fatalf("a page for HEAD: %q", page)
					}
				}
			}
		}
	}
	before := segments(t, c)
	ask("GET", "n=40000&length=1", "") // in two pieces
	equal(t, "segments of a page in two pieces", segments(t, c)-before, 2)
}

// segments is how many segments with data a connection has got.
func segments(t *testing.T, c net.Conn) (n uint32) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			t.Fatal(err)
		}
		n = info.Data_segs_in
	})
	return n
}

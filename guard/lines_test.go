package guard_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"candor.example/guard"
)

// spoken is an upstream that speaks HTTP by hand: connection is called for each that is made, with its number from 1 and the requests on it.
func spoken(t *testing.T, connection func(n int, c net.Conn, next func() *http.Request)) (site string, connections *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	connections = new(atomic.Int32)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := int(connections.Add(1))
			go func() {
				defer c.Close()
				b := bufio.NewReader(c)
				connection(n, c, func() *http.Request {
					r, err := http.ReadRequest(b)
					if err != nil {
						return nil
					}
					return r
				})
			}()
		}
	}()
	upstream, _ := url.Parse("http://" + l.Addr().String())
	log := slog.New(slog.DiscardHandler)
	g := &guard.Guard{Directory: testDirectory(t), Key: []byte("key"), Log: log}
	s := httptest.NewServer(g.Handler(guard.NewProxy(upstream, nil, log)))
	t.Cleanup(s.Close)
	return s.URL, connections
}

func page(c net.Conn, body string) {
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func got(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(res.StatusCode, " ", string(b))
}

func TestConnectionsAreKept(t *testing.T) {
	site, connections := spoken(t, func(_ int, c net.Conn, next func() *http.Request) {
		for r := next(); r != nil; r = next() {
			switch r.URL.Path {
			case "/chunked":
				io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage\r\n0\r\n\r\n")
			case "/none":
				io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
			default:
				page(c, strings.Repeat("page", 100_000))
			}
		}
	})
	for range 3 {
		equal(t, "page", len(got(t, site+"/")), len("200 ")+400_000)
		equal(t, "chunked page", got(t, site+"/chunked"), "200 page")
		equal(t, "no page", got(t, site+"/none"), "204 ")
	}
	equal(t, "connections", connections.Load(), 1)
}

// A kept connection that upstream has closed is nobody's trouble: neither one that was seen to be closed, nor one that closes under the request.
func TestClosedConnections(t *testing.T) {
	closed := make(chan bool, 1)
	site, connections := spoken(t, func(n int, c net.Conn, next func() *http.Request) {
		next()
		page(c, fmt.Sprint("first of ", n))
		if n == 1 {
			next() // and no answer
		}
		c.Close()
		closed <- true
	})
	equal(t, "the first", got(t, site), "200 first of 1")
	equal(t, "the second", got(t, site), "200 first of 2")
	<-closed
	<-closed
	equal(t, "the third", got(t, site), "200 first of 3")
	equal(t, "connections", connections.Load(), 3)
}

// Nothing is asked twice that may have been answered.
func TestNotAskedAgain(t *testing.T) {
	for _, begin := range []string{"", "HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 200"} {
		site, connections := spoken(t, func(_ int, c net.Conn, next func() *http.Request) {
			next()
			if begin != "" {
				page(c, "first")
				next()
			}
			io.WriteString(c, begin)
		})
		if begin != "" {
			equal(t, "the first", got(t, site), "200 first")
		}
		if said := got(t, site); !strings.HasPrefix(said, "502 ") {
			t.Errorf("after %q upstream went away, and the client got %s", begin, said)
		}
		equal(t, "connections", connections.Load(), 1)
	}
}

// What upstream says on an idle connection, or behind an answer, is somebody else's page: nobody gets it.
func TestNobodyElsesAnswer(t *testing.T) {
	for _, at := range []string{"behind", "later"} {
		said := make(chan bool, 1)
		site, connections := spoken(t, func(n int, c net.Conn, next func() *http.Request) {
			if next(); n > 1 {
				page(c, "mine")
				return
			}
			body := "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nothers"
			if at == "behind" {
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine"+body)
			} else {
				page(c, "mine")
				<-said
				io.WriteString(c, body)
			}
			said <- true
			next()
		})
		equal(t, at+": the first", got(t, site), "200 mine")
		if at == "later" {
			said <- true
			<-said // the bytes are on loopback, which delivers at once
		}
		equal(t, at+": the second", got(t, site), "200 mine")
		equal(t, at+": connections", connections.Load(), 2)
	}
}

// However the bytes of a page come whose length is known, what it discloses is masked, all of it arrives, and a page that breaks off breaks off.
func TestPiecesOfALine(t *testing.T) {
	const address = "alice@shop.example"
	for _, pad := range []int{0, 1, 64<<10 - 12, 64<<10 + 5, 200_000} {
		body := strings.Repeat("x ", pad/2) + "<p>" + address + "</p> and <b>bob@shop.example</b>"
		site, _ := spoken(t, func(_ int, c net.Conn, next func() *http.Request) {
			for r := next(); r != nil; r = next() {
				at, _ := strconv.Atoi(r.FormValue("at"))
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n", len(body))
				for i := range 3 {
					io.WriteString(c, body[i*at/2:(i+1)*at/2])
				}
				io.WriteString(c, body[3*at/2:])
			}
		})
		for at := 2 * strings.Index(body, "alice") / 3; at < 2*len(body)/3; at++ {
			page := got(t, site+"/?at="+strconv.Itoa(at))
			if len(page) != len("200 ")+len(body) || strings.Contains(page, "shop.example") || !strings.HasSuffix(page, "</b>") {
				t.Fatalf("padded by %d, in pieces of %d bytes: %d bytes, ends with %q", pad, at/2, len(page), page[max(0, len(page)-80):])
			}
		}
	}
	site, _ := spoken(t, func(_ int, c net.Conn, next func() *http.Request) {
		next()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\nhalf of alice@shop.exa")
	})
	c := dial(t, strings.TrimPrefix(site, "http://"))
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
	all, _ := io.ReadAll(c)
	if _, page, _ := strings.Cut(string(all), "\r\n\r\n"); page != "half of alice@shop.exa" {
		t.Errorf("of a page that broke off came %q", page)
	}
}

// Who goes away is not worked for.
func TestGoneClient(t *testing.T) {
	begun, over := make(chan bool), make(chan bool)
	site, _ := spoken(t, func(_ int, c net.Conn, next func() *http.Request) {
		next()
		begun <- true
		io.Copy(io.Discard, c) // until Candor hangs up
		close(over)
	})
	c := dial(t, strings.TrimPrefix(site, "http://"))
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
	<-begun
	c.Close()
	<-over
}

// The head of an answer has a limit, at which it passes to the client, and past which it does not.
func TestEndlessHead(t *testing.T) {
	for _, far := range []bool{false, true} {
		site, _ := spoken(t, func(_ int, c net.Conn, next func() *http.Request) {
			next()
			io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n")
			line := "Set-Cookie: " + strings.Repeat("x", 64<<10-len("Set-Cookie: \r\n")) + "\r\n"
			for range (10<<20)/(64<<10) - 1 {
				io.WriteString(c, line)
			}
			if far {
				io.WriteString(c, line)
			}
			io.WriteString(c, "\r\n")
		})
		c := dial(t, strings.TrimPrefix(site, "http://"))
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{false: 200, true: 502}[far]; res.StatusCode != want {
			t.Errorf("too far %v: %s", far, res.Status)
		}
	}
}

// The head of a stream does not wait for bytes that are long in coming, whatever came of them with it.
func TestHeadsOfStreamsDoNotWait(t *testing.T) {
	for _, came := range []string{"", "5", "5\r", "5\r\n", "5\r\nhe", "5\r\nhello", "5\r\nhello\r\n", "5\r\nhello\r\n5", "5\r\nhello\r\n5\r\nh", "5\r\nhello\r\n0\r\nX-", "00a\r\n", "0\r\n", "0\r\nX-Sum", "5;name=value\r\n"} {
		head := make(chan bool)
		site, _ := spoken(t, func(_ int, c net.Conn, next func() *http.Request) {
			next()
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"+came)
			<-head
		})
		c := dial(t, strings.TrimPrefix(site, "http://"))
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != 200 {
			t.Errorf("after %q: %v %v", came, res, err)
		}
		close(head)
	}
}

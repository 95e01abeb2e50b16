package guard_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"candor.example"
	"candor.example/guard"
)

// wrongPassword is what shops say, with the address that was typed.
const wrongPassword = `<form><input name="email" value="%s"><p>We do not know this address with that password.`

// In a form that is percent-encoded "=de" is not an octet in quoted-printable, whoever has the rest of the address.
func TestEchoOfAForm(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, wrongPassword, r.PostFormValue("email"))
	})
	r.Directory = directoryOf(t, "id,email\n1,dev.roe@shop.example\n2,v.roe@shop.example\n")
	var named []string
	r.Teaches = func(_ *candor.Exchange, supplied func() []string) bool {
		named = slices.Compact(supplied())
		return false
	}
	for owner, address := range map[string]string{"1": "dev.roe@shop.example", "2": "v.roe@shop.example"} {
		req, _ := http.NewRequest("POST", r.site.URL+"/login", strings.NewReader(url.Values{"email": {address}, "password": {"loom"}}.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		_, page := r.do(req, "")
		equal(t, "the page", page, fmt.Sprintf(wrongPassword, address))
		equal(t, "whose address was typed", named, []string{owner})
	}
	equal(t, "recorded", r.owners(), "[]")
}

// A shop answers while the client still sends: its head, an informational one, or the start of its page is out before it has read which address
// was typed. That it then shows this address is an echo all the same, and the session has supplied it.
func TestEchoOfASlowBody(t *testing.T) {
	for what, begin := range map[string]string{
		"nothing":       "",
		"early hints":   "HTTP/1.1 103 Early Hints\r\nLink: </?me=carol@shop.example>\r\n\r\n",
		"the head":      "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: 89\r\n\r\n",
		"a page's part": "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: 89\r\n\r\n<p>bob@",
	} {
		t.Run(what, func(t *testing.T) {
			rest := make(chan struct{}) // closed when the client may send the rest
			var begun atomic.Bool
			begins := func() {
				if begun.CompareAndSwap(false, true) {
					close(rest)
				}
			}
			r := newRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					io.WriteString(w, "<p>bob@shop.example")
					return
				}
				c, b, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				answerSlowly(t, c, b.Reader, begin, begins)
			})
			r.Mode = func(_, route string) guard.Mode {
				if route != "" { // the response, or an informational one, has begun
					begins()
				}
				return guard.Mask
			}
			first, second := "email=bob%40sh", "op.example&password=loom"
			body, send := io.Pipe()
			go func() {
				io.WriteString(send, first)
				<-rest
				for i := range second { // in pieces
					io.WriteString(send, second[i:i+1])
				}
				send.Close()
			}()
			req, _ := http.NewRequestWithContext(context.Background(), "POST", r.site.URL+"/login", body)
			req.ContentLength = int64(len(first + second))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Cookie", "sid=s3ss10nAAAAAAAAAAAAAAAA1")
			res, page := r.do(req, "")
			equal(t, "status", res.StatusCode, 401)
			if !strings.Contains(page, "bob@shop.example") {
				t.Error(page)
			}
			if _, page = r.get("/", "", "Cookie", "sid=s3ss10nAAAAAAAAAAAAAAAA1"); page != "<p>bob@shop.example" {
				t.Error("the next page: ", page)
			}
			want := "[]"
			if what == "early hints" {
				want = "[3 disclosure prevented]" // nobody typed that
			}
			equal(t, "recorded", r.owners(), want)
		})
	}
}

// answerSlowly reads a login from the wire after it has sent begin, and ends its answer with the address. begun is called where there is no such
// beginning.
func answerSlowly(t *testing.T, c net.Conn, in *bufio.Reader, begin string, begun func()) {
	if io.WriteString(c, begin); begin == "" {
		begun()
	}
	form := make([]byte, len("email=bob%40shop.example&password=loom"))
	if _, err := io.ReadFull(in, form); err != nil {
		t.Error(err)
		return
	}
	values, _ := url.ParseQuery(string(form))
	page := fmt.Sprintf(wrongPassword, values.Get("email"))
	if _, body, isFinal := strings.Cut(begin, "\r\n\r\n"); isFinal && strings.Contains(begin, "401") {
		page = "<p>" + values.Get("email")
		page = (page + strings.Repeat(" ", 89-len(page)))[len(body):]
	} else {
		fmt.Fprintf(c, "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", len(page))
	}
	io.WriteString(c, page)
}

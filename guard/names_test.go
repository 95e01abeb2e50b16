package guard_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"candor.example"
	"candor.example/guard"
	"candor.example/scan"
)

// newNamedRig is newRig with customers who have names: Alice Adams (1, with a telephone), Bob Brown (2), and another Alice Adams (3).
func newNamedRig(t *testing.T, mode guard.Mode, shop http.HandlerFunc) *rig {
	t.Helper()
	r := newRig(t, mode, shop)
	r.Directory = directoryOf(t, "id,email,name,phone,country\n1,alice@shop.example,Alice Adams,+49 151 1234567,DE\n2,bob@shop.example,Bob Brown,,\n3,anna@shop.example,Alice Adams,,\n")
	return r
}

// kinds lists whose identifiers of which kind were recorded, and why.
func (r *rig) kinds() (list []string) {
	for _, d := range r.recorded {
		list = append(list, fmt.Sprint(d.Owner, " ", d.Kind, " ", d.Evidence))
	}
	return list
}

func TestNamesByEvidence(t *testing.T) {
	for _, v := range []struct{ viewer, page, left, recorded string }{
		{"", `{"author":"Bob Brown"}`, `{"author":"Bob Brown"}`, "[]"},
		{"", `{"fullName":"Bob Brown"}`, `{"fullName":"B** B****"}`, "[2 name key]"},
		{"2", `{"fullName":"Bob Brown"}`, `{"fullName":"Bob Brown"}`, "[]"},
		{"", `{"fullName":"Alice Adams"}`, `{"fullName":"Alice Adams"}`, "[]"}, // nobody's in particular
		{"", `{"x":"Alice Adams","e":"anna@shop.example"}`, `{"x":"A**** A****","e":"a***@s***.example"}`, "[3 name near 3 email ]"},
		{"", `{"x":"Bob Brown","e":"anna@shop.example"}`, `{"x":"Bob Brown","e":"a***@s***.example"}`, "[3 email ]"},
		{"1", `<p>Hello Alice Adams!<p>anna@shop.example`, `<p>Hello Alice Adams!<p>a***@s***.example`, "[3 email ]"}, // the viewer's own name
		{"", `{"facet":"brand","values":[{"displayName":"Bob Brown"}]}`, `{"facet":"brand","values":[{"displayName":"Bob Brown"}]}`, "[]"},
		{"", `{"phone":"491511234567"}`, `{"phone":"490000000000"}`, "[1 phone ]"},
	} {
		r := newNamedRig(t, guard.Mask, say("text/plain", v.page))
		_, got := r.get("/", v.viewer)
		equal(t, v.page, got, v.left)
		equal(t, v.page, r.kinds(), v.recorded)
	}
}

// A link for calling takes a number nowhere; and a number that more than a household has is the shop's own.
func TestNumbers(t *testing.T) {
	csv := "id,email,phone\n"
	for i := range 11 {
		csv += fmt.Sprintf("%d,c%d@shop.example,+49 30 123456%d\n", i, i, i/5%2)
	}
	for page, want := range map[string]int{`<a href="tel:+49301234561">`: 5, `<a href="tel:+49301234560">`: 0, `{"email":"c0@shop.example","tel":"+49 30 1234560"}`: 2} {
		r := newRig(t, guard.Observe, say("text/html", page))
		r.Directory = directoryOf(t, csv)
		r.get("/", "")
		if len(r.recorded) != want {
			t.Errorf("%s: %v", page, r.kinds())
		}
		for _, d := range r.recorded {
			equal(t, page, d.CWE, "")
		}
	}
}

// What a form supplied is echo, whatever the next field is called and whichever fields the operator declares.
func TestEchoOfNames(t *testing.T) {
	r := newNamedRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		v, _ := url.ParseQuery(string(b))
		fmt.Fprintf(w, `{"fullName":%q,"kunde":%q}`, v.Get("fullName"), v.Get("kunde"))
	})
	r.PersonalFields = []string{"kunde"}
	for _, form := range []string{"fullName=Bob+Brown&region=EU", "kunde=Bob+Brown&copy=1"} {
		for range 3 {
			req, _ := http.NewRequest("POST", r.site.URL, strings.NewReader(form))
			if _, body := r.do(req, ""); !strings.Contains(body, "Bob Brown") || len(r.recorded) > 0 {
				t.Errorf("%s: %s %v", form, body, r.kinds())
			}
		}
	}
}

func must(r *http.Request, _ error) *http.Request { return r }

// Headers are read in every form, too.
func TestHeadersInOtherForms(t *testing.T) {
	for name, value := range map[string]string{
		"X-User":     base64.StdEncoding.EncodeToString([]byte(`{"email":"alice@shop.example"}`)),
		"Set-Cookie": "u=" + base64.RawURLEncoding.EncodeToString([]byte(`{"email":"alice@shop.example"}`)) + "; SameSite=Lax",
		"X-Hex":      fmt.Sprintf("%x", "alice@shop.example"),
		"X-Hash": func() string {
			for _, h := range scan.Hashes([]byte("alice@shop.example")) {
				return fmt.Sprintf("%x", h)
			}
			return ""
		}(),
		"X-Phone":    "+49 151 1234567",
		"X-Customer": "fullName=Bob Brown",
	} {
		r := newNamedRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) { w.Header().Set(name, value) })
		res, _ := r.get("/", "")
		if len(r.recorded) == 0 || res.Header.Get(name) == value {
			t.Errorf("%s: %s left, recorded %v", name, res.Header.Get(name), r.kinds())
		}
	}
}

// Nobody's name or number is in what is kept of a request.
func TestURLsAndRoutesAreImpersonal(t *testing.T) {
	r := newNamedRig(t, guard.Mask, say("application/json", `{"email":"bob@shop.example"}`))
	for path, want := range map[string]string{
		"/u/Alice-Adams":           "/u/**** GET /u/{id}",
		"/u/adams.alice/orders":    "/u/****/orders GET /u/{id}/orders",
		"/u/alice_adams":           "/u/**** GET /u/{id}",
		"/u/Alice%20Adams":         "/u/**** GET /u/{id}",
		"/tel/+491511234567":       "/tel/**** GET /tel/{id}",
		"/tel/00491511234567":      "/tel/**** GET /tel/{id}",
		"/tel/01511234567":         "/tel/**** GET /tel/{id}",
		"/x?p=01511234567":         "/x?p=… GET /x",
		"/x?p=%2B491511234567&n=1": "/x?p=…&n=1 GET /x",
		"/x?p=491511234567":        "/x?p=… GET /x",
		"/x?id=4915112345678":      "/x?id=4915112345678 GET /x",
		"/p/blue-shirt":            "/p/blue-shirt GET /p/blue-shirt",
	} {
		r.recorded = nil
		r.get(path, "")
		for _, d := range r.recorded {
			equal(t, path, d.URL+" "+d.Route, want)
		}
		if len(r.recorded) != 1 {
			t.Error(path, r.recorded)
		}
	}
	u, _ := url.Parse("https://shop.example/u/Alice-Adams?q=Alice+Adams&firstName=Bob&lastName=Brown&x=1")
	x := &candor.Exchange{Request: &http.Request{Method: "GET", URL: u, Host: "shop.example"}, Status: 200, Body: strings.NewReader("bob@shop.example")}
	r.Note = nil // it is reported, and not recorded
	r.Inspect(t.Context(), x, func(d candor.Disclosure) {
		equal(t, "capture", d.URL+" "+d.Route, "/u/****?q=****&firstName=B**&lastName=B****&x=1 GET /u/{id}")
	})
}

// Events of any kind, and pages that greet their viewer, do not wait for what may stand beside a name.
func TestNamesDoNotHoldStreams(t *testing.T) {
	for contentType, viewer := range map[string]string{"text/event-stream": "", "application/x-ndjson; charset=utf-8": "", "multipart/mixed; boundary=x": "", "text/html": "2"} {
		more := make(chan bool)
		r := newNamedRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			io.WriteString(w, "<p>Bob Brown</p>\n")
			w.(http.Flusher).Flush()
			<-more
		})
		req, _ := http.NewRequest("GET", r.site.URL, nil)
		req.Header.Set("X-Viewer", viewer)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		arrived := make(chan error)
		go func() {
			_, err := io.ReadFull(res.Body, make([]byte, len("<p>Bob Brown</p>\n")))
			arrived <- err
		}()
		select {
		case err := <-arrived:
			close(more)
			if err != nil {
				t.Error(contentType, err)
			}
		case <-time.After(5 * time.Second):
			t.Error(contentType, "waits")
			close(more)
			<-arrived
		}
		res.Body.Close()
	}
}

// A decoder that never came to the end of its body ends with the response.
func TestWithheldLeavesNoDecoder(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/pdf")
		io.WriteString(w, "%PDF- too long")
	})
	r.FailClosed, r.MaxDocument, r.Document = true, 1, func(context.Context, []byte, func([]byte) error) candor.Skip { return "" }
	r.get("/", "")
	before := runtime.NumGoroutine()
	for range 50 {
		r.get("/", "")
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before+20 && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine() - before; n > 20 {
		t.Errorf("%d goroutines more after 50 responses", n)
	}
}

// One request's body cannot have more worked out and remembered than a form holds.
func TestSuppliedIsBounded(t *testing.T) {
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	var body, cookies strings.Builder
	for i := 0; body.Len() < 60<<10; i++ {
		fmt.Fprintf(&body, "%s%d@shop.example ", strings.Repeat("a!", 29), i)
	}
	for i := range 200 {
		fmt.Fprintf(&cookies, "c%d=%032d; ", i, i)
	}
	start := time.Now()
	r.do(must(http.NewRequest("POST", r.site.URL, strings.NewReader(body.String()))), "", "Cookie", cookies.String())
	if d := time.Since(start); d > 2*time.Second {
		t.Error("took", d)
	}
}

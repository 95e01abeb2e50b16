package guard_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"candor.example"
	"candor.example/guard"
	"candor.example/scan"
)

// people are customers with names and telephone numbers; two share a name.
const people = `id,email,name,country,phone
1,alice@shop.example,Alice Smith,US,+1 202 555 0143
2,bob@shop.example,Bob Müller-Lüdenscheidt,DE,0151 23456789
3,carol@shop.example,Kim Lee,US,
4,dave@shop.example,Kim Lee,US,
`

// newPeople is a rig whose customers have names and numbers.
func newPeople(t *testing.T, mode guard.Mode, shop http.HandlerFunc) *rig {
	r := newRig(t, mode, shop)
	r.Directory = directoryOf(t, people)
	return r
}

// found lists what was recorded: "1 name near".
func (r *rig) found() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.recorded {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s", d.Owner, d.Kind, d.Evidence)))
	}
	slices.Sort(list)
	return list
}

// Names and numbers count by a key or beside an identifier of the same customer, and not otherwise.
func TestEvidence(t *testing.T) {
	for _, c := range []struct{ name, viewer, body, masked, want string }{
		{"a name alone", "", "<p>by Alice Smith</p>", "", ""},
		{"beside the address", "", "<p>Alice Smith, alice@shop.example</p>", "<p>A**** S****, a****@s***.example</p>", "1 email, 1 name near"},
		{"beside somebody else's", "", "<p>Bob Müller-Lüdenscheidt asks alice@shop.example</p>", "<p>Bob Müller-Lüdenscheidt asks a****@s***.example</p>", "1 email"},
		{"too far", "", "<p>Alice Smith</p>" + strings.Repeat("<br/>", 120) + "alice@shop.example", "", "1 email"},
		{"a key", "", `{"customer":{"fullName":"SMITH, ALICE"}}`, `{"customer":{"fullName":"S****, A****"}}`, "1 name key"},
		{"two keys", "", `{"first_name":"Bob","last_name":"Muller Ludenscheidt"}`, `{"first_name":"B**","last_name":"M***** L***********"}`, "2 name key"},
		{"two customers of one name", "", `{"fullName":"Kim Lee"}`, "", ""},
		{"and one of them beside", "", `{"fullName":"Kim Lee","email":"dave@shop.example"}`, `{"fullName":"K** L**","email":"d***@s***.example"}`, "4 email, 4 name near"},
		{"the viewer's own", "3", `{"fullName":"Kim Lee"}`, "", ""},
		{"the viewer's own beside the own address", "1", `<p>Alice Smith, alice@shop.example</p>`, "", ""},
		{"a number with its country", "", `call +1 (202) 555-0143`, `call +1 (200) 000-0000`, "1 phone"},
		{"a national one by its key", "", `{"phone":"(202) 555-0143"}`, `{"phone":"(200) 000-0000"}`, "1 phone key"},
		{"a national one alone", "", `no. 202 555 0143`, "", ""},
		{"an avatar", "", `<img src="/avatar/` + md5Of("alice@shop.example") + `">`, `<img src="/avatar/00000000000000000000000000000000">`, "1 email-md5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newPeople(t, guard.Mask, say("text/html", c.body))
			_, body := r.get("/", c.viewer)
			if c.masked == "" {
				c.masked = strings.ReplaceAll(c.body, "alice@shop.example", "a****@s***.example")
			}
			if c.viewer == "1" {
				c.masked = c.body
			}
			if got := strings.Join(r.found(), ", "); got != c.want || body != c.masked {
				t.Errorf("recorded %q, want %q\n got %s\nwant %s", got, c.want, body, c.masked)
			}
		})
	}
}

func md5Of(address string) string {
	for kind, sum := range scan.Hashes([]byte(address)) {
		if kind == scan.EmailMD5 {
			return fmt.Sprintf("%x", sum)
		}
	}
	return ""
}

// The same names in pieces, whole and in captures; events do not wait.
func TestEvidenceInPieces(t *testing.T) {
	const body = "<li>Alice Smith wrote</li><li>to +1 202 555 0143</li><li>and to alice@shop.example</li>"
	for i := 1; i < len(body); i += 3 {
		r := newPeople(t, guard.Mask, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte(body[:i]))
			http.NewResponseController(w).Flush()
			w.Write([]byte(body[i:]))
		})
		if _, got := r.get("/", ""); strings.Join(r.found(), ", ") != "1 email, 1 name near, 1 phone" || strings.Contains(got, "Smith") || len(got) != len(body) {
			t.Fatalf("split at %d: %v\n%s", i, r.found(), got)
		}
	}
	arrived := make(chan string, 1)
	r := newPeople(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: Alice Smith says hello\n\n")
		http.NewResponseController(w).Flush()
		arrived <- "flushed"
		<-req.Context().Done()
	})
	res, err := http.Get(r.site.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	<-arrived
	var event [31]byte
	if n, err := res.Body.Read(event[:]); err != nil || !strings.Contains(string(event[:n]), "Alice Smith says hello\n") {
		t.Errorf("%q, %v", event[:n], err)
	}
}

// What is signed is withheld, since a mask would break it, and in a header it is taken out.
func TestSigned(t *testing.T) {
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6ImFsaWNlQHNob3AuZXhhbXBsZSJ9.c2lnbmF0dXJlc2lnbmF0dXJl"
	r := newPeople(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/header" {
			w.Header().Set("X-Token", token)
			return
		}
		fmt.Fprintf(w, `{"token":%q}`, token)
	})
	if res, body := r.get("/body", "2"); res.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "eyJ") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if res, _ := r.get("/header", "2"); res.Header.Get("X-Token") != "" {
		t.Error(res.Header)
	}
	if res, _ := r.get("/header", "1"); res.Header.Get("X-Token") != token {
		t.Error("the owner's own token is gone")
	}
}

// An identifier in a URL is CWE-598; one in a URL that a browser loads from another site is disclosed to that site.
func TestURLs(t *testing.T) {
	for _, c := range []struct {
		name, viewer, body string
		class              candor.Class
		cwe, third         string
	}{
		{"a link", "", `<a href="/account?email=alice@shop.example">`, candor.Disclosed, guard.CWE598, ""},
		{"a form", "", `<form action='/unsubscribe/alice%40shop.example'>`, candor.Disclosed, guard.CWE598, ""},
		{"in JSON", "", `{"u":"https:\/\/shop.example\/?e=alice%40shop.example"}`, candor.Disclosed, guard.CWE598, ""},
		{"text", "", `<p>alice@shop.example</p>`, candor.Disclosed, "", ""},
		{"mailto", "", `<a href="mailto:alice@shop.example">`, candor.Disclosed, "", ""},
		{"a pixel", "1", `<img src="https://ads.example/p?em=alice%40shop.example">`, candor.Disclosed, guard.CWE598, "ads.example"},
		{"a pixel in CSS", "1", `<i style="background:url(//ads.example/p?em=alice@shop.example)">`, candor.Disclosed, guard.CWE598, "ads.example"},
		{"the shop's own pixel", "1", `<img src="https://img.127.0.0.1/p?em=alice@shop.example">`, candor.Disclosed, guard.CWE598, "img.127.0.0.1"},
		{"a link elsewhere", "1", `<a href="https://pay.example/?em=alice@shop.example">`, candor.Own, guard.CWE598, ""},
		{"the own address hashed in a pixel", "1", `<img src="https://ads.example/p?em=` + md5Of("alice@shop.example") + `">`, candor.Own, guard.CWE598, "ads.example"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newPeople(t, guard.Observe, nil)
			req, _ := http.NewRequest("GET", "https://shop.example/", nil)
			req.Header.Set("X-Viewer", c.viewer)
			var got []candor.Disclosure
			x := &candor.Exchange{Request: req, Status: 200, Header: http.Header{}, Body: strings.NewReader(c.body)}
			if _, err := r.Inspect(t.Context(), x, func(d candor.Disclosure) { got = append(got, d) }); err != nil || len(got) != 1 {
				t.Fatal(got, err)
			}
			if d := got[0]; d.Class != c.class || d.CWE != c.cwe || d.ThirdParty != c.third {
				b, _ := json.Marshal(d)
				t.Errorf("%s", b)
			}
		})
	}
	r := newPeople(t, guard.Mask, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/welcome?email=alice%40shop.example")
		w.WriteHeader(http.StatusFound)
	})
	if res, _ := r.get("/", "2"); strings.Contains(res.Header.Get("Location"), "alice") || r.recorded[0].CWE != guard.CWE598 || r.recorded[0].Header != "Location" {
		t.Errorf("%v %+v", res.Header, r.recorded)
	}
}

// Credentials in the same response are noted as kinds, with how much of it was looked at: with a disclosure, and at the end.
func TestCredentialsBeside(t *testing.T) {
	const hash, email = `"password":"$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"`, "alice@shop.example"
	long := strings.Repeat("<p>brass lamp</p>", 8000)
	for _, c := range []struct{ name, location, body, then, last string }{
		{"none", "", email, "[] all", "[] all"},
		{"a hash", "", hash + email, "[password-hash] all", "[password-hash] all"},
		{"a part has gone", "", long + email, "[] part", "[] part"},
		{"a part is to come", "", email + long, "[] part", "[] all"},
		{"a hash is to come", "", email + long + hash, "[] part", "[password-hash] all"},
		{"in a header", "/?to=" + email, hash, "[] ", "[password-hash] all"},
		{"in a header, and nothing else", "/?to=" + email, "", "[] ", "[] all"},
	} {
		r := newPeople(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
			if c.location != "" {
				w.Header().Set("Location", c.location)
			}
			say("text/html", c.body)(w, req)
		})
		r.get("/", "")
		d, end := r.recorded[0], r.ended()
		if then := fmt.Sprint(d.Credentials, " ", d.Looked); then != c.then {
			t.Errorf("%s: then %s", c.name, then)
		}
		if last := fmt.Sprint(end.Credentials, " ", end.Looked); last != c.last {
			t.Errorf("%s: at the end %s", c.name, last)
		}
	}
}

// A response that is stopped or cannot be read to its end was looked at in part.
func TestCredentialsUnseen(t *testing.T) {
	long := "alice@shop.example" + strings.Repeat("<p>brass lamp</p>", 8000)
	r := newPeople(t, guard.Block, say("text/html", long))
	r.get("/", "")
	if end := r.ended(); end.Looked != candor.LookedPart {
		t.Errorf("blocked: %q", end.Looked)
	}
	r = newPeople(t, guard.Observe, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Range", "bytes 0-99/1000")
		w.WriteHeader(http.StatusPartialContent)
		io.WriteString(w, "alice@shop.example")
	})
	r.get("/", "", "Range", "bytes=0-99")
	if end := r.ended(); end.Looked != candor.LookedPart {
		t.Errorf("a part of a body: %q", end.Looked)
	}
}

// A name that waits is not let go by what is found behind it.
func TestNameWaits(t *testing.T) {
	const body = "<li>Alice Smith wrote</li><li>to +1 202 555 0143</li><li>and to bob@shop.example</li><li>of alice@shop.example</li>"
	for i := range body {
		for _, j := range []int{i + 1, (i + len(body)) / 2} {
			r := newPeople(t, guard.Mask, func(w http.ResponseWriter, _ *http.Request) {})
			g := r.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				for _, piece := range []string{body[:i], body[i:j], body[j:]} {
					w.Write([]byte(piece))
				}
			}))
			rec := httptest.NewRecorder()
			g.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
			if got := rec.Body.String(); strings.Join(r.found(), ", ") != "1 email, 1 name near, 1 phone, 2 email" || strings.Contains(got, "Smith") || strings.Contains(got, "bob@") || len(got) != len(body) {
				t.Fatalf("split at %d and %d: %v\n%s", i, j, r.found(), got)
			}
		}
	}
}

// On a WebSocket each message is a response: what stood in one does not stand beside what another shows.
func TestCredentialsInMessages(t *testing.T) {
	const hash = `"password":"$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"`
	r := newRig(t, guard.Observe, talk(nil, messages(strings.Repeat("lamp ", 100)+"alice@shop.example", hash+" bob@shop.example", "carol@shop.example")))
	r.listen(nil)
	var got []string
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.noted {
		for _, end := range e.Responses {
			got = append(got, fmt.Sprint(end.Credentials, " ", end.Looked))
		}
	}
	equal(t, "messages", fmt.Sprint(got), "[[] all [password-hash] all [] all]")
}

// Of a document the text is looked at, and the bytes that leave.
func TestCredentialsInDocuments(t *testing.T) {
	for mode, looked := range map[guard.Mode]string{guard.Observe: candor.LookedAll, guard.Mask: candor.LookedPart} {
		r := documentRig(t, mode, "application/pdf", documentFile(t, "cairo.pdf"))
		r.get("/export", "2")
		equal(t, string(mode), r.ended().Looked, looked)
	}
}

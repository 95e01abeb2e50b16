package guard_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"candor.example"
	"candor.example/directory"
	"candor.example/guard"
	"candor.example/internal/document"
)

// readDocument is what cmd/candor wires.
func readDocument(ctx context.Context, body []byte, text func([]byte) error) candor.Skip {
	switch err := document.Extract(ctx, body, document.Limits{}, text); {
	case err == nil:
		return ""
	case errors.Is(err, document.ErrEncrypted):
		return guard.SkipEncrypted
	case errors.Is(err, document.ErrLimit):
		return guard.SkipLimit
	}
	return guard.SkipDocument
}

// exportedDirectory knows the first n of the customers that the files in internal/document/testdata list, and their like.
func exportedDirectory(t *testing.T, n int) *directory.Directory {
	t.Helper()
	var b strings.Builder
	b.WriteString("id,email\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,customer%d@mail.example\n", 1000+i, i)
	}
	path := filepath.Join(t.TempDir(), "snapshot")
	var key directory.Key
	if _, err := directory.Build(t.Context(), path, key, strings.NewReader(b.String()), "test.csv", directory.BuildOptions{}); err != nil {
		t.Fatal(err)
	}
	d, err := directory.Open(path, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func documentFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("../internal/document/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// documentRig serves a file under its own type, or as an attachment of no type, in pieces.
func documentRig(t *testing.T, mode guard.Mode, contentType, body string, header ...string) *rig {
	r := newRig(t, mode, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Disposition", `attachment; filename="export"`)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		for rest := body; rest != ""; rest = rest[min(len(rest), 1000):] {
			io.WriteString(w, rest[:min(len(rest), 1000)])
			w.(http.Flusher).Flush()
		}
	})
	r.Directory = exportedDirectory(t, 60)
	r.Document = readDocument
	return r
}

func (r *rig) distinct() (owners []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.recorded {
		owners = append(owners, d.Owner)
	}
	slices.Sort(owners)
	return slices.Compact(owners)
}

// covered is the coverage of the one response that there was, once it is finished.
func (r *rig) covered() candor.Coverage {
	r.site.Close()
	return r.TakeCoverage(false)[0]
}

const sheetType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// Documents of 60 customers are withheld in Mask and Block and pass byte for byte in Observe; each of the 60 is on record.
func TestDocuments(t *testing.T) {
	for _, c := range []struct{ file, contentType, form string }{
		{"shared.xlsx", sheetType, "zip+plain"},
		{"inline.xlsx", "application/octet-stream", "zip+plain"},
		{"sheet.ods", "application/vnd.oasis.opendocument.spreadsheet", "zip+plain"},
		{"cairo.pdf", "application/pdf", "pdf+plain"},
		{"objstm.pdf", "application/octet-stream", "pdf+plain"},
		{"aes-256.pdf", "text/csv", "pdf+plain"}, // as wrongly labelled files come
	} {
		body := documentFile(t, c.file)
		for _, mode := range []guard.Mode{guard.Observe, guard.Mask, guard.Block} {
			r := documentRig(t, mode, c.contentType, body)
			res, got := r.get("/export", "2")
			name := fmt.Sprint(c.file, " ", mode)
			equal(t, name+": owners", len(r.distinct()), 60)
			equal(t, name+": form", r.recorded[0].Encoding, c.form)
			if mode == guard.Observe {
				equal(t, name+": the same bytes", got == body, true)
				equal(t, name+": outcome", r.recorded[0].Outcome, candor.Exposed)
			} else {
				equal(t, name+": none of it leaves", res.StatusCode == 503 || c.contentType == "text/csv" && got == "", true)
				equal(t, name+": outcome", r.recorded[0].Outcome, candor.Prevented)
			}
			equal(t, name+": covered", r.covered().Skip, candor.Skip(""))
		}
	}
}

// What somebody may see passes as it came, in every mode: here, because nobody in it is a customer.
func TestDocumentsPass(t *testing.T) {
	for _, file := range []string{"truetype.pdf", "shared.xlsx"} {
		for _, mode := range []guard.Mode{guard.Observe, guard.Mask, guard.Block} {
			body := documentFile(t, file)
			r := documentRig(t, mode, "application/octet-stream", body, "Content-Length", fmt.Sprint(len(body)), "Etag", `"v1"`)
			r.Directory = testDirectory(t)
			res, got := r.get("/export", "2")
			equal(t, "same bytes", got == body, true)
			equal(t, "length", res.ContentLength, len(body))
			equal(t, "tag", res.Header.Get("Etag"), `"v1"`)
			sum := r.covered()
			equal(t, "covered", fmt.Sprint(sum.Skip, sum.Bytes), fmt.Sprint(len(body)))
		}
	}
}

func TestEncodedDocuments(t *testing.T) {
	body := documentFile(t, "cairo.pdf")
	for _, coding := range []string{"gzip", "zstd", "br"} {
		sent := string(encode(t, coding, []byte(body)))
		for _, contentType := range []string{"application/pdf", "application/octet-stream"} {
			r := documentRig(t, guard.Observe, contentType, sent, "Content-Encoding", coding)
			_, got := r.get("/export", "2", "Accept-Encoding", coding)
			equal(t, coding+" observed", got == sent, true)
			equal(t, coding+" owners", len(r.distinct()), 60)
			r = documentRig(t, guard.Mask, contentType, sent, "Content-Encoding", coding)
			res, _ := r.get("/export", "2", "Accept-Encoding", coding)
			equal(t, coding+" masked", res.StatusCode, 503)
			equal(t, coding+" owners", len(r.distinct()), 60)
		}
	}
}

// Evidence first, in Observe, too: no byte of a document leaves before its disclosures are on record.
func TestDocumentEvidenceFirst(t *testing.T) {
	r := documentRig(t, guard.Observe, "application/pdf", documentFile(t, "cairo.pdf"))
	w := httptest.NewRecorder()
	r.onRecord = func([]candor.Disclosure) error {
		equal(t, "bytes that left before the record", w.Body.Len(), 0)
		return nil
	}
	req, _ := http.NewRequest("GET", "http://shop.example/export", nil)
	r.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		for _, b := range []byte(documentFile(t, "cairo.pdf")) {
			w.Write([]byte{b})
		}
	})).ServeHTTP(w, req)
	equal(t, "owners", len(r.distinct()), 60)
	equal(t, "all of it left", w.Body.Len(), len(documentFile(t, "cairo.pdf")))
	r.onRecord = func([]candor.Disclosure) error { return errors.New("the disk is full") }
	res, _ := r.get("/export", "2")
	equal(t, "what cannot be recorded", res.StatusCode, 503)
}

func TestDocumentLimit(t *testing.T) {
	body := documentFile(t, "cairo.pdf")
	for _, c := range []struct {
		max    int
		closed bool
		status int
		skip   candor.Skip
		owners int
	}{
		{len(body), false, 503, "", 60},
		{len(body) - 1, false, 200, guard.SkipLimit, 0},
		{len(body) - 1, true, 503, guard.SkipLimit, 0},
	} {
		r := documentRig(t, guard.Mask, "application/pdf", body)
		r.MaxDocument, r.FailClosed = int64(c.max), c.closed
		res, got := r.get("/export", "2")
		equal(t, "status", res.StatusCode, c.status)
		equal(t, "passed", got == body, c.status == 200)
		equal(t, "owners", len(r.distinct()), c.owners)
		equal(t, "counted", r.covered().Skip, c.skip)
	}
}

func TestUnreadDocuments(t *testing.T) {
	for file, skip := range map[string]candor.Skip{"password.pdf": guard.SkipEncrypted, "damaged.pdf": guard.SkipDocument} {
		for _, closed := range []bool{false, true} {
			r := documentRig(t, guard.Mask, "application/pdf", documentFile(t, file))
			r.FailClosed, r.Directory = closed, testDirectory(t)
			res, _ := r.get("/export", "2")
			equal(t, file, res.StatusCode, map[bool]int{false: 200, true: 503}[closed])
			equal(t, file, r.covered().Skip, skip)
		}
	}
}

// What says that it is too long to be held is not waited for.
func TestDocumentAnnouncedTooLong(t *testing.T) {
	arrived := make(chan struct{})
	body := documentFile(t, "cairo.pdf")
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		io.WriteString(w, body[:12000]) // more than net/http's buffer and a held tail keep back, in whatever pieces it comes
		w.(http.Flusher).Flush()
		<-arrived
		io.WriteString(w, body[12000:])
	})
	r.Document, r.MaxDocument = readDocument, int64(len(body)-1)
	res, err := http.Get(r.site.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	head := make([]byte, 500)
	_, err = io.ReadFull(res.Body, head)
	close(arrived)
	rest, err2 := io.ReadAll(res.Body)
	if err != nil || err2 != nil || string(head)+string(rest) != body {
		t.Errorf("%v, %v, %d bytes", err, err2, len(head)+len(rest))
	}
	equal(t, "counted", r.covered().Skip, guard.SkipLimit)
}

// A viewer of PDFs asks for ranges. In Mask the whole is asked for, and inspected.
func TestRangeOfDocument(t *testing.T) {
	body := documentFile(t, "cairo.pdf")
	r := newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		if req.Header.Get("Range") != "" {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-99/%d", len(body)))
			w.WriteHeader(206)
			io.WriteString(w, body[:100])
			return
		}
		io.WriteString(w, body)
	})
	r.Document, r.Directory = readDocument, exportedDirectory(t, 60)
	res, _ := r.get("/export", "2", "Range", "bytes=0-99")
	equal(t, "status", res.StatusCode, 503)
	equal(t, "owners", len(r.distinct()), 60)

	for total, status := range map[int]int{32 << 20: 200, 32<<20 + 1: 206} { // no large download as a whole
		r = newRig(t, guard.Mask, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Type", "application/zip")
			if req.Header.Get("Range") != "" {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-3/%d", total))
				w.WriteHeader(206)
			}
			io.WriteString(w, "part")
		})
		res, _ := r.get("/download", "2", "Range", "bytes=0-3")
		equal(t, fmt.Sprint("of ", total), res.StatusCode, status)
	}
}

func TestCapturedDocuments(t *testing.T) {
	for _, c := range []struct{ file, coding string }{{"cairo.pdf", ""}, {"shared.xlsx", ""}, {"shared.xlsx", "gzip"}} {
		g := &guard.Guard{Directory: exportedDirectory(t, 60), Key: []byte("key"), Document: readDocument}
		body := []byte(documentFile(t, c.file))
		h := http.Header{"Content-Type": {"application/octet-stream"}}
		if c.coding != "" {
			body = encode(t, c.coding, body)
			h.Set("Content-Encoding", c.coding)
		}
		req, _ := http.NewRequest("GET", "http://shop.example/export", nil)
		owners := map[string]bool{}
		sum, err := g.Inspect(t.Context(), &candor.Exchange{Request: req, Status: 200, Header: h, Body: bytes.NewReader(body)}, func(d candor.Disclosure) { owners[d.Owner] = true })
		if err != nil || sum.Skip != "" || len(owners) != 60 {
			t.Errorf("%v: %d owners, %q, %v", c, len(owners), sum.Skip, err)
		}
	}
}

// Exports as text stream through, each of 2,000 customers is on record, and what is masked is still valid.
func TestExportsOf2000(t *testing.T) {
	const n = 2000
	type person struct {
		ID    int    `json:"id" xml:"id,attr"`
		Name  string `json:"name" xml:"name"`
		Email string `json:"email" xml:"email"`
	}
	var people []person
	for i := range n {
		people = append(people, person{1000 + i, fmt.Sprintf("Ada %q, née <Brown> & %d", "the", i), fmt.Sprintf("customer%d@mail.example", i)})
	}
	var asCSV, asJSON strings.Builder
	w := csv.NewWriter(&asCSV)
	for _, p := range people {
		w.Write([]string{fmt.Sprint(p.ID), p.Name, p.Email})
		json.NewEncoder(&asJSON).Encode(p)
	}
	w.Flush()
	asXML, _ := xml.Marshal(struct {
		XMLName xml.Name `xml:"customers"`
		People  []person `xml:"customer"`
	}{People: people})
	read := map[string]func(string) []person{
		"text/csv": func(s string) (list []person) {
			rows, _ := csv.NewReader(strings.NewReader(s)).ReadAll()
			for _, r := range rows {
				list = append(list, person{Name: r[1], Email: r[2]})
			}
			return list
		},
		"application/x-ndjson": func(s string) (list []person) {
			for d := json.NewDecoder(strings.NewReader(s)); ; {
				var p person
				if d.Decode(&p) != nil {
					return list
				}
				list = append(list, p)
			}
		},
		"application/xml": func(s string) []person {
			var v struct {
				People []person `xml:"customer"`
			}
			xml.Unmarshal([]byte(s), &v)
			return v.People
		},
	}
	for contentType, body := range map[string]string{"text/csv": asCSV.String(), "application/x-ndjson": asJSON.String(), "application/xml": string(asXML)} {
		r := newRig(t, guard.Mask, say(contentType, body))
		r.Directory, r.Document = exportedDirectory(t, n), readDocument
		_, got := r.get("/export", "2")
		equal(t, contentType+": owners", len(r.distinct()), n)
		equal(t, contentType+": length", len(got), len(body))
		list := read[contentType](got)
		equal(t, contentType+": rows", len(list), n)
		for i, p := range list {
			if p.Name != people[i].Name || strings.Contains(p.Email, "customer") || !strings.HasSuffix(p.Email, "@m***.example") {
				t.Errorf("%s: row %d is %+v", contentType, i, p)
				break
			}
		}
	}
}

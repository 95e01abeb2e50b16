package capture

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"candor.example"
	"candor.example/internal/testpart"
)

// block makes a WARC record.
func block(kind, id, to, uri, content string, more ...string) string {
	h := "WARC/1.0\r\nWARC-Type: " + kind + "\r\nWARC-Record-ID: <urn:uuid:" + id + ">\r\nWARC-Date: 2018-11-20T10:00:00Z\r\nWARC-Target-URI: " + uri + "\r\n"
	if to != "" {
		h += "WARC-Concurrent-To: <urn:uuid:" + to + ">\r\n"
	}
	for _, m := range more {
		h += m + "\r\n"
	}
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s\r\n\r\n", h, len(content), content)
}

func response(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func request(path string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: shop.example\r\nX-Customer: 7\r\n\r\n"
}

var warcParts = []string{
	block("warcinfo", "w", "", "", "software: test"),
	block("response", "1", "", "http://shop.example/a", response("one")),
	block("request", "2", "1", "http://shop.example/a", request("/a")),
	block("request", "3", "", "http://shop.example/b", "POST /b HTTP/1.1\r\nHost: www.shop.example\r\nContent-Length: 4\r\n\r\na=b&"),
	block("response", "4", "3", "<http://shop.example/b>", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n4;x=y\r\n two\r\n0\r\n\r\n"),
	block("response", "5", "", "http://shop.example/c", "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nshorter"),
	block("response", "6", "", "dns:shop.example", "203.0.113.1", "Content-Type: text/dns"),
	block("resource", "7", "", "http://shop.example/d", "four", "Content-Type: image/png"),
	block("revisit", "8", "", "http://shop.example/a", "HTTP/1.1 304 Not Modified\r\n\r\n"),
	block("response", "9", "", "http://shop.example/e", response("five"), "WARC-Truncated: length"),
	block("metadata", "10", "9", "http://shop.example/e", "x: y"),
	block("conversion", "11", "", "http://shop.example/e", "five"),
}

const warcLines = `file#1 GET shop.example/a 200 "" "one"
file#2 POST www.shop.example/b 200 "a=b&" "two two"
file#3 GET shop.example/c 200 "" "shorter"
file#4 GET shop.example/d 200 "" "four"
file#5 GET shop.example/e 200 "" "five"`

func TestWARC(t *testing.T) {
	for name, in := range map[string]string{
		"plain":                     strings.Join(warcParts, ""),
		"a member each":             packed(warcParts...),
		"one member":                packed(strings.Join(warcParts, "")),
		"members between records":   packed(slices.Collect(pieces(strings.Join(warcParts, ""), 700))...),
		"zeros behind":              packed(warcParts...) + strings.Repeat("\x00", 100_000),
		"1.1":                       strings.ReplaceAll(strings.Join(warcParts, ""), "WARC/1.0", "WARC/1.1"),
		"newlines without returns":  strings.ReplaceAll(strings.Join(warcParts, ""), "\r\n\r\nWARC", "\nWARC"),
		"more newlines in between":  strings.ReplaceAll(strings.Join(warcParts, ""), "\r\n\r\nWARC", "\r\n\r\n\r\n\r\n\nWARC"),
		"fields in other letters":   strings.ReplaceAll(strings.Join(warcParts, ""), "WARC-Type: re", "warc-type:  RE"),
		"a line in two":             strings.ReplaceAll(strings.Join(warcParts, ""), "WARC-Date: ", "WARC-Date:\r\n\t"),
		"nothing between, at last ": strings.TrimRight(strings.Join(warcParts, ""), "\r\n"),
	} {
		for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in)), iotest.DataErrReader(strings.NewReader(in))} {
			got := read(t, r)
			check(t, name, got.text(), warcLines)
			check(t, name, []any{got.stats.Skipped, got.stats.Bytes, got.err}, fmt.Sprintf("[map[not-http:1 other-record:1 revisit:1 truncated:1] %d <nil>]", len(in)))
		}
	}
}

// pieces cuts a text into pieces of n bytes.
func pieces(s string, n int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for ; len(s) > n; s = s[n:] {
			if !yield(s[:n]) {
				return
			}
		}
		yield(s)
	}
}

func TestWARCFields(t *testing.T) {
	var all []*candor.Exchange
	Read(t.Context(), "file", strings.NewReader(strings.Join(warcParts, "")), func(x *candor.Exchange) error {
		all = append(all, x)
		return nil
	})
	for what, tc := range map[string]struct{ got, want any }{
		"time":          {all[0].Time, "2018-11-20 10:00:00 +0000 UTC"},
		"request field": {all[0].Request.Header["X-Customer"], "[7]"},
		"Host":          {all[0].Request.Header["Host"], "[]"},
		"the URI":       {all[1].Request.URL, "http://shop.example/b"},
		"another host":  {all[1].Request.Host, "www.shop.example"},
		"chunks":        {all[1].Header["Transfer-Encoding"], "[]"},
		"type":          {all[3].Header["Content-Type"], "[image/png]"},
	} {
		check(t, what, tc.got, tc.want)
	}
}

// A request is found before or behind its response, near or far, and only its own.
func TestWARCPairs(t *testing.T) {
	a := func(to string) string { return block("request", "qa", to, "http://shop.example/x", request("/a")) }
	b := block("request", "qb", "", "http://shop.example/x", strings.Replace(request("/b"), "7", "8", 1))
	ra := func(to string) string { return block("response", "ra", to, "http://shop.example/x", response("a")) }
	rb := func(to string) string { return block("response", "rb", to, "http://shop.example/x", response("b")) }
	other := block("request", "qo", "", "http://shop.example/other", request("/other"))
	meta := block("metadata", "m", "ra", "http://shop.example/x", "x: y")
	for what, tc := range map[string]struct {
		parts []string
		want  string
	}{
		"request first, names":            {[]string{a("ra"), ra("")}, "a by 7"},
		"request first, is named":         {[]string{a(""), ra("qa")}, "a by 7"},
		"request first, same URI":         {[]string{a(""), ra("")}, "a by 7"},
		"request behind, names":           {[]string{ra(""), a("ra")}, "a by 7"},
		"request behind, is named":        {[]string{ra("qa"), a("")}, "a by 7"},
		"request behind, same URI":        {[]string{ra(""), a("")}, "a by 7"},
		"metadata in between":             {[]string{ra(""), meta, a("ra"), rb("")}, "a by 7, b by "},
		"another in between":              {[]string{a(""), b, ra("qa"), rb("qb")}, "a by 7, b by 8"},
		"crosswise":                       {[]string{a(""), b, rb("qb"), ra("qa")}, "b by 8, a by 7"},
		"none":                            {[]string{ra(""), rb("")}, "a by , b by "},
		"of another URI":                  {[]string{other, ra("")}, "a by "},
		"names another":                   {[]string{a("zz"), ra("")}, "a by "},
		"not right before":                {[]string{a(""), other, ra("")}, "a by "},
		"several names":                   {[]string{ra(""), block("request", "qa", "zz", "http://shop.example/x", request("/a"), "WARC-Concurrent-To: <urn:uuid:ra>")}, "a by 7"},
		"a revisit takes its own":         {[]string{a(""), block("revisit", "v", "", "http://shop.example/x", ""), ra("")}, "a by "},
		"the last that may wait":          {slices.Concat([]string{a("")}, slices.Repeat([]string{other}, maxWaiting-1), []string{ra("qa")}), "a by 7"},
		"the first that may not any more": {slices.Concat([]string{a("")}, slices.Repeat([]string{other}, maxWaiting), []string{ra("qa")}), "a by "},
	} {
		var got []string
		_, err := Read(t.Context(), "file", strings.NewReader(strings.Join(tc.parts, "")), func(x *candor.Exchange) error {
			body, _ := io.ReadAll(x.Body)
			got = append(got, fmt.Sprintf("%s by %s", body, x.Request.Header.Get("X-Customer")))
			return nil
		})
		check(t, what, []any{strings.Join(got, ", "), err}, "["+tc.want+" <nil>]")
	}
}

// A broken record between good ones is a counted skip, and the rest goes on.
func TestWARCBroken(t *testing.T) {
	good := func(n int) string {
		return block("response", fmt.Sprint(n), "", fmt.Sprintf("http://shop.example/%d", n), response(fmt.Sprint(n)))
	}
	plain := good(2)
	length := func(s string) string {
		return strings.Replace(plain, "Content-Length: 64", s, 1)
	}
	if length("") == plain {
		t.Fatal("the record has another length")
	}
	var damaged bytes.Buffer
	z := gzip.NewWriter(&damaged)
	io.WriteString(z, good(9))
	z.Close()
	for name, tc := range map[string]struct{ bad, reason string }{
		"garbage":              {"what is this?\r\n\x00\x01\r\n", "broken: no record begins here"},
		"garbage, one line":    {"what is this?\r\n", "broken: no record begins here"},
		"no length":            {length("Content-Width: 64"), "broken: Content-Length is no number"},
		"a length in words":    {length("Content-Length: sixty"), "broken: Content-Length is no number"},
		"below zero":           {length("Content-Length: -1"), "broken: Content-Length is no number"},
		"a little longer":      {length("Content-Length: 76"), "broken: no record ends where"},
		"longer":               {length("Content-Length: 200"), "broken: no record ends where"},
		"longer than the file": {length("Content-Length: 20000"), "broken: Content-Length says more"},
		"much longer":          {length("Content-Length: 999999999999"), "too-large: larger than 64 MiB"},
		"more than a number":   {length("Content-Length: 99999999999999999999"), "broken: Content-Length is no number"},
		"shorter":              {length("Content-Length: 60"), "broken: no record ends where"},
		"cut off":              {plain[:len(plain)-20] + "\r\n", "broken: "},
		"cut off in its head":  {plain[:100] + "\r\n", "broken: another record begins in the header"},
		"a header without end": {"WARC/1.0\r\n" + strings.Repeat("a: b\r\n", maxHead/6+1), "broken: the header is larger than 1 MiB"},
		"no HTTP in it":        {block("response", "5", "", "http://shop.example/c", "nonsense\r\n"), "broken: its first line"},
		"no status":            {block("response", "5", "", "http://shop.example/c", "HTTP/1.1 okay\r\n\r\n"), "broken: its status line"},
		"a relative URI":       {block("response", "5", "", "/c", response("c")), "broken: WARC-Target-URI is no URL"},
	} {
		for _, in := range []string{good(1) + tc.bad + good(3) + good(4), packed(good(1), tc.bad, good(3), good(4)), packed(good(1) + tc.bad + good(3) + good(4))} {
			got := read(t, strings.NewReader(in))
			check(t, name, got.text(), "file#1 GET shop.example/1 200 \"\" \"1\"\nfile#2 GET shop.example/3 200 \"\" \"3\"\nfile#3 GET shop.example/4 200 \"\" \"4\"")
			if got.err != nil || len(got.stats.Notes) != 1 || !strings.Contains(got.stats.Notes[0], "file: record 2 at ") || !strings.Contains(got.stats.Notes[0], tc.reason) {
				t.Errorf("%s: %v, %v", name, got.stats, got.err)
			}
		}
	}
}

// Whatever byte of a member is damaged, the members around it are read, and the damage is said.
func TestWARCDamagedMember(t *testing.T) {
	parts := []string{
		block("response", "1", "", "http://shop.example/1", response("1")),
		block("response", "2", "", "http://shop.example/2", response(strings.Repeat("some text, ", 20))),
		block("response", "3", "", "http://shop.example/3", response("3")),
		block("response", "4", "", "http://shop.example/4", response("4")),
	}
	before, member, behind := packed(parts[0]), packed(parts[1]), packed(parts[2:]...)
	for i := range member {
		for _, flip := range []byte{1, 0x80, 0xff} {
			bad := []byte(member)
			bad[i] ^= flip
			got := read(t, strings.NewReader(before+string(bad)+behind))
			text := got.text()
			for _, want := range []string{`shop.example/1 200 "" "1"`, `shop.example/3 200 "" "3"`, `shop.example/4 200 "" "4"`} {
				if !strings.Contains(text, want) {
					t.Fatalf("byte %d by %x: without %s:\n%s\n%v", i, flip, want, text, got.stats)
				}
			}
			harmless := strings.Contains(text, strings.Repeat("some text, ", 20)+"\"\n") // a bit that nothing depends on
			if got.err != nil || got.stats.Skipped[broken] == 0 && !harmless {
				t.Fatalf("byte %d by %x: %v, %v", i, flip, got.stats, got.err)
			}
		}
	}
	got := read(t, strings.NewReader(before+member[:len(member)/2]+behind))
	check(t, "half of it is missing", []any{len(got.lines), got.stats.Skipped[broken] > 0, got.err}, "[3 true <nil>]")
	got = read(t, strings.NewReader(before+"garbage"+behind+"garbage, garbage"))
	check(t, "garbage", []any{len(got.lines), got.stats.Skipped, got.err}, "[3 map[broken:1] file: decompressed byte "+fmt.Sprint(len(parts[0]+parts[2]+parts[3]))+" behind record 4: the gzip data are damaged, and no further record is found behind]")
}

// Cut off anywhere, whole records come out, in order, and the error says where.
func TestWARCCutOff(t *testing.T) {
	parts := warcParts[:6]
	all := strings.Join(parts, "")
	want := strings.Split(warcLines, "\n")
	ends := map[int]bool{}
	for i, n := 0, 0; i < len(parts); i++ {
		n += len(parts[i])
		for k := range 5 {
			ends[n-k] = true
		}
	}
	for i := len(warcMagic); i < len(all); i++ {
		got := read(t, strings.NewReader(all[:i]))
		if (got.err == nil) != ends[i] || got.err != nil && !strings.HasPrefix(got.err.Error(), fmt.Sprintf("file: cut off at byte %d in record ", i)) {
			t.Fatalf("at %d: %v", i, got.err)
		}
		if len(got.lines) > len(want) || got.text() != strings.Join(want[:len(got.lines)], "\n") && got.text() != "file#1 GET shop.example/a 200 \"\" \"one\"" {
			t.Fatalf("at %d: %v", i, got.lines)
		}
	}
	begin := len(parts[0])
	check(t, "the error", read(t, strings.NewReader(all[:begin+200])).err, fmt.Sprintf("file: cut off at byte %d in record 2, which begins at byte %d; 1 record was read", begin+200, begin))
	gz := packed(parts...)
	last := packed(parts[:5]...)
	for i := len(last) + 1; i < len(gz); i++ {
		got := read(t, strings.NewReader(gz[:i]))
		if got.err == nil || !strings.Contains(got.err.Error(), "cut off at decompressed byte") || len(got.lines) < 2 {
			t.Fatalf("gzip at %d: %v, %v", i, got.err, got.lines)
		}
	}
}

// Every limit: at it, and one past it.
func TestWARCLimits(t *testing.T) {
	sized := func(n int) string { // a response whose block has n bytes
		head := "HTTP/1.1 200 OK\r\n\r\n"
		return block("response", "1", "", "http://shop.example/1", head+strings.Repeat("x", n-len(head)))
	}
	last := block("response", "2", "", "http://shop.example/2", response("2"))
	for n, want := range map[int]string{
		1000:      "[2 map[] <nil>]",
		1001:      "[1 map[too-large:1] <nil>]",
		1_000_000: "[1 map[too-large:1] <nil>]",
	} {
		for _, in := range []string{sized(n) + last, packed(sized(n), last), packed(sized(n) + last)} {
			got := readWith(t, strings.NewReader(in), func(c *reader) { c.limit = 1000 })
			check(t, fmt.Sprint(n), []any{len(got.lines), got.stats.Skipped, got.err}, want)
		}
	}
	for what, in := range map[string]string{"at the end": last + sized(5000), "without a line behind": last + strings.TrimSpace(sized(5000))} {
		got := readWith(t, strings.NewReader(in), func(c *reader) { c.limit = 1000 })
		check(t, what, []any{len(got.lines), got.stats.Skipped, got.err}, "[1 map[too-large:1] <nil>]")
	}
	got := readWith(t, strings.NewReader(last+sized(5000)[:4000]), func(c *reader) { c.limit = 1000 })
	check(t, "and cut off", []any{len(got.lines), got.err}, fmt.Sprintf("[1 file: cut off at byte %d in record 2, which begins at byte %d; 1 record was read]", len(last)+4000, len(last)))
	for n, want := range map[int]string{maxHead: "[2 map[] <nil>]", maxHead + 1: "[1 map[broken:1] <nil>]"} {
		m := "HTTP/1.1 200 OK\r\n"
		m += "a: " + strings.Repeat("b", n-len(m)-len("a: \r\n\r\n")) + "\r\n\r\n"
		got := read(t, strings.NewReader(block("response", "1", "", "http://shop.example/1", m+"body")+last))
		check(t, fmt.Sprint(n), []any{len(got.lines), got.stats.Skipped, got.err}, want)
	}
}

// One record inflates to more than anybody wants to wait for: the next member is looked for in the file.
func TestWARCBomb(t *testing.T) {
	bomb := block("response", "1", "", "http://shop.example/1", "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", 20<<20))
	last := block("response", "2", "", "http://shop.example/2", response("2"))
	small := func(inflate int64) func(*reader) {
		return func(c *reader) { c.limit, c.inflate = 1000, inflate }
	}
	got := readWith(t, strings.NewReader(packed(last, bomb, last)), small(1<<20))
	check(t, "members", []any{len(got.lines), got.stats.Skipped, got.err}, "[2 map[too-large:1] <nil>]")
	got = readWith(t, strings.NewReader(packed(last+bomb+last)), small(1<<20))
	if len(got.lines) != 1 || got.stats.Skipped[tooLarge] != 1 || got.err == nil || !strings.Contains(got.err.Error(), errGivenUp.Error()) {
		t.Errorf("one member: %v %v", got.stats, got.err)
	}
	got = readWith(t, strings.NewReader(packed(last+bomb+last)), small(21<<20))
	check(t, "one member, with patience", []any{len(got.lines), got.stats.Skipped, got.err}, "[2 map[too-large:1] <nil>]")
	got = readWith(t, strings.NewReader(last+bomb+last), small(1<<20))
	check(t, "plain", []any{len(got.lines), got.stats.Skipped, got.err}, "[2 map[too-large:1] <nil>]")
}

// Files that are made to be slow are not: 3 MB of records that each say they hold all of the rest take no more than the
// file's length in work. In quadratic time this test would take an hour.
func TestWARCHostile(t *testing.T) {
	liar := "WARC/1.0\r\nContent-Length: 60000000\r\n\r\nx\r\n\r\n"
	header := "WARC/1.0\r\nx: y\r\n"
	cut := packed(liar)[:50]
	// A member whose one stored block (RFC 1951 §3.2.4) holds 64 KiB, that is, thousands of members like it.
	nest := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + "\x00\xff\xff\x00\x00" + "WARC/1.0\r\n"
	for what, in := range map[string]string{
		"lengths":        strings.Repeat(liar, 3<<20/len(liar)),
		"headers":        strings.Repeat(header, 3<<20/len(header)),
		"packed lengths": packed(strings.Repeat(liar, 3<<20/len(liar))),
		"members":        packed(liar) + strings.Repeat(cut, 1<<20/len(cut)),
		"nested":         packed(liar) + strings.Repeat(nest, 1<<20/len(nest)),
		"magic":          packed(liar) + strings.Repeat("\x1f\x8b\x08", 1<<17),
	} {
		if got := read(t, strings.NewReader(in)); len(got.lines) != 0 || got.err == nil {
			t.Errorf("%s: %d, %v", what, len(got.lines), got.err)
		}
	}
}

func TestHTTPMessages(t *testing.T) {
	for in, want := range map[string]string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nmore than two": `200 "more than two"`,
		"HTTP/1.1 200\r\n\r\nx":       `200 "x"`,
		"HTTP/2 200\r\n\r\nx":         `200 "x"`,
		"HTTP/1.0 404 Not Found\n\nx": `404 "x"`,
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx": `200 "x"`,
		"HTTP/1.1 101 Switching\r\n\r\nHTTP/":                                                      `101 "HTTP/"`,
		"HTTP/1.1 200 OK\r\na crooked line\r\n: no name\r\nA: b\r\n\r\nx":                          `200 "x"`,
		"HTTP/1.1 200 OK\r\nA: b":                                                                  `200 ""`,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nalready decoded":                     `200 "already decoded"`,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\nbroken":                  `200 "onebroken"`,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nless":                          `200 "less"`,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\none\r\n0\r\nTrailer: x\r\n\r\n": `200 "one"`,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\none":           `200 "ffffffffffffffffff\r\none"`,
		"HTTP/1.1 99 OK\r\n\r\n":                                                                   "its status line is not HTTP's",
		"FTP/1.1 200 OK\r\n\r\n":                                                                   "its status line is not HTTP's",
		"HTTP/1.1":                                                                                 "it has no first line",
		"":                                                                                         "it has no first line",
	} {
		m, status, err := parseResponse([]byte(in))
		got := fmt.Sprint(err)
		if err == nil {
			body, _ := io.ReadAll(iotest.OneByteReader(m.decoded()))
			got = fmt.Sprintf("%d %q", status, body)
		}
		check(t, in, got, want)
	}
	for in, want := range map[string]string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n": "<nil>", "GET /\r\n\r\n": "its request line is not HTTP's", "nonsense\r\n\r\n": "its first line is not HTTP's"} {
		check(t, in, setRequest(&candor.Exchange{Request: newRequest(&url.URL{})}, []byte(in)), want)
	}
	in := block("request", "1", "2", "http://a.example/", "nonsense") + block("response", "2", "", "http://a.example/", response("x"))
	got := read(t, strings.NewReader(in))
	check(t, "a broken request", []any{got.lines, got.stats.Skipped}, `[[file#1 GET a.example/ 200 "" "x"] map[broken-request:1]]`)
}

// A WARC that wget wrote.
func TestWget(t *testing.T) {
	program := testpart.Program(t, "wget")
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/chunks" {
			w.(http.Flusher).Flush()
		}
		fmt.Fprintf(w, "hello %s %s", r.URL.Path, r.Header.Get("X-Customer"))
	}))
	defer shop.Close()
	for _, option := range []string{"--no-warc-compression", "--warc-cdx"} {
		dir := t.TempDir()
		cmd := exec.Command(program, "-q", option, "--header=X-Customer: 7", "--warc-file=got", "-O", "/dev/null", shop.URL+"/a", shop.URL+"/chunks")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "got.warc*"))
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		host := strings.TrimPrefix(shop.URL, "http://")
		var customers []string
		stats, err := Read(t.Context(), "got.warc", bytes.NewReader(b), func(x *candor.Exchange) error {
			customers = append(customers, line(t, x)+" "+x.Request.Header.Get("X-Customer"))
			return nil
		})
		check(t, option, strings.Join(customers, "\n"), fmt.Sprintf("got.warc#1 GET %s/a 200 \"\" \"hello /a 7\" 7\ngot.warc#2 GET %s/chunks 200 \"\" \"hello /chunks 7\" 7", host, host))
		delete(stats.Skipped, notHTTP) // wget's own log, under metadata:
		check(t, option, []any{stats.Skipped, err}, "[map[] <nil>]")
	}
}

func FuzzWARC(f *testing.F) {
	all := strings.Join(warcParts, "")
	for _, seed := range []string{all, packed(warcParts...), packed(all), packed(warcParts[1], "x", warcParts[2]) + "garbage" + packed(warcParts[3:5]...), all[:900], strings.ReplaceAll(all, "Content-Length: 4", "Content-Length: 999")} {
		f.Add([]byte(seed))
	}
	f.Fuzz(fuzz)
}

func BenchmarkWARC(b *testing.B) {
	record := block("response", "1", "", "http://shop.example/a", response(strings.Repeat("<li>Brass lamp</li>\n", 1000)))
	for name, in := range map[string]string{"plain": strings.Repeat(record, 100), "gzip": strings.Repeat(packed(record), 100)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(100 * len(record)))
			b.ReportAllocs()
			for b.Loop() {
				stats, err := Read(b.Context(), "file", strings.NewReader(in), func(*candor.Exchange) error { return nil })
				if err != nil || stats.Exchanges != 100 {
					b.Fatal(err, stats)
				}
			}
		})
	}
}

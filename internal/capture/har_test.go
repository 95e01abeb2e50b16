package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"candor.example"
)

const harLines = `file#1 POST shop.example/login?x=1 200 "email=alice%40shop.example&a+b=%26" "hello"
file#2 GET www.shop.example/b64 200 "" "world"
file#3 GET shop.example/missing 200 "" "-" body-missing
file#4 GET shop.example/empty 200 "" "-" body-missing
file#5 GET shop.example/304 304 "" "-"
file#6 HEAD shop.example/head 200 "" "-"
file#13 GET shop.example/chat 101 "" "-"
file#13 GET shop.example/chat 101 "find\n" "hi"
file#13 GET shop.example/chat 101 "find\nmore\n" "-" websocket-binary
file#13 GET shop.example/chat 101 "find\nmore\n" "there"
file#14 GET shop.example/100%25/a%01b?q=5%25 200 "" "stray"
file#17 GET shop.example/last 200 "" "end }]"`

const harSkipped = "map[broken:6 no-response:1 not-http:1]"

func TestHAR(t *testing.T) {
	har := testdata(t, "shop.har")
	for name, r := range map[string]io.Reader{
		"plain":        strings.NewReader(har),
		"byte by byte": iotest.OneByteReader(strings.NewReader(har)),
		"BOM":          strings.NewReader("\xef\xbb\xbf" + har),
		"gzip":         strings.NewReader(packed(har)),
		"two members":  strings.NewReader(packed(har[:100], har[100:])),
		"gzip and BOM": strings.NewReader(packed("\xef\xbb\xbf" + har)),
	} {
		got := read(t, r)
		check(t, name, got.text(), harLines)
		check(t, name, []any{got.stats.Skipped, got.err}, "["+harSkipped+" <nil>]")
	}
}

func TestHARFields(t *testing.T) {
	var all []*candor.Exchange
	Read(t.Context(), "file", strings.NewReader(testdata(t, "shop.har")), func(x *candor.Exchange) error {
		all = append(all, x)
		return nil
	})
	for what, tc := range map[string]struct{ got, want any }{
		"time":                  {all[0].Time.UTC(), "2018-11-20 09:00:00.123 +0000 UTC"},
		"cookies":               {all[0].Request.Header.Get("Cookie"), "sid=abc; b=2"},
		"a Cookie field wins":   {all[1].Request.Header.Get("Cookie"), "c=3"},
		"names are canonical":   {all[0].Request.Header["X-A"], "[1]"},
		"no pseudo-fields":      {len(all[0].Request.Header), "3"},
		"the form's type":       {all[0].Request.Header.Get("Content-Type"), "application/x-www-form-urlencoded"},
		"Chrome's Set-Cookie":   {all[0].Header["Set-Cookie"], "[a=1 b=2]"},
		"decoded already":       {all[0].Header["Content-Encoding"], "[]"},
		"and of another length": {all[0].Header["Content-Length"], "[]"},
		"type from the content": {all[0].Header.Get("Content-Type"), "text/html"},
		"Host is no field":      {all[1].Request.Header["Host"], "[]"},
		"a message's time":      {all[7].Time, "2018-11-20 10:00:01.25 +0000 UTC"},
		"the URL has its host":  {all[1].Request.URL.Host, "shop.example"},
	} {
		check(t, what, tc.got, tc.want)
	}
}

// Cut off anywhere, whole entries come out, in order, and the error says where.
func TestHARCutOff(t *testing.T) {
	har := strings.TrimSpace(testdata(t, "shop.har"))
	want := strings.Split(harLines, "\n")
	begins := strings.Index(har, `"log"`) + len(`"log"`)
	for i := begins; i < len(har); i++ {
		got := read(t, strings.NewReader(har[:i]))
		if got.err == nil || !strings.HasPrefix(got.err.Error(), fmt.Sprintf("file: cut off at byte %d ", i)) {
			t.Fatalf("at %d: %v", i, got.err)
		}
		if len(got.lines) > len(want) || got.text() != strings.Join(want[:len(got.lines)], "\n") {
			t.Fatalf("at %d: %v", i, got.lines)
		}
	}
	for i := range begins { // it cannot be told from any other file yet, and is inspected as one
		if got := read(t, strings.NewReader(har[:i])); len(got.lines) != 1 || got.err != nil {
			t.Fatalf("at %d: %v", i, got)
		}
	}
	gz := packed(har)
	for i := 20; i < len(gz); i++ {
		got := read(t, strings.NewReader(gz[:i]))
		if got.err == nil || !strings.Contains(got.err.Error(), "cut off at decompressed byte") {
			t.Fatalf("gzip at %d: %v", i, got.err)
		}
	}
	two := strings.Index(har, `{"request":{"method":"GET","url":"https://shop.example/b64"`)
	for at, want := range map[int]string{
		strings.Index(har, `"entries":[`+"\n") + 11: "file: cut off at byte %d before the first entry; 0 entries were read",
		two - 2:  "file: cut off at byte %d behind entry 1; 1 entry was read",
		two + 50: fmt.Sprintf("file: cut off at byte %%d in entry 2, which begins at byte %d; 1 entry was read", two),
	} {
		check(t, "the error", read(t, strings.NewReader(har[:at])).err, fmt.Sprintf(want, at))
	}
}

const harEntryText = `{"request":{"url":"http://a.example/"},"response":{"status":200,"content":{"text":"x"}}}`

func inHAR(entries ...string) string {
	return `{"log":{"version":"1.2","entries":[` + strings.Join(entries, ",") + `]}}`
}

func TestHARTrouble(t *testing.T) {
	for in, want := range map[string]string{
		`{"log":{"version":"1.2"}}`:                                                   "[0 map[] file: byte 25 before the first entry: there is no list log.entries in it: is it a HAR 1.2?; 0 entries were read]",
		`{"log":{"entries":{}}}`:                                                      "[0 map[] file: byte 22 before the first entry: there is no list log.entries in it: is it a HAR 1.2?; 0 entries were read]",
		`{"log":{"entries":[]}}`:                                                      "[0 map[] <nil>]",
		`{"log":{"entries":[{}}]}}`:                                                   "[0 map[broken:1] file: byte 21 in entry 2, which begins at byte 21: this is no valid JSON; 1 entry was read]",
		`{"log":{"entries":[]}}{"log":1}`:                                             "[0 map[] file: byte 22 before the first entry: something follows the end of the HAR; it was not read; 0 entries were read]",
		inHAR("{}", "what", "?", harEntryText) + " \n":                                "[1 map[broken:3] <nil>]",
		inHAR(harEntryText, `{"request":{]`, harEntryText):                            "[1 map[broken:1] file: byte 227 in entry 3, which begins at byte 227: this is no valid JSON; 2 entries were read]",
		inHAR(harEntryText, "", harEntryText):                                         "[2 map[] <nil>]", // a comma too many
		`{"\u006cog":{"entries":[` + harEntryText + `]}}`:                             "[1 map[] <nil>]",
		`{"log":{"entries":[` + harEntryText + `],"entries":[` + harEntryText + `]}}`: "[2 map[] <nil>]", // nothing hides behind a second list
	} {
		got := read(t, strings.NewReader(in))
		check(t, in, []any{len(got.lines), got.stats.Skipped, got.err}, want)
	}
}

func TestHARDeep(t *testing.T) {
	const deep = 1_000_000
	for _, bad := range []string{
		strings.Repeat("[", deep) + strings.Repeat("]", deep),
		`{"x":` + strings.Repeat(`{"x":`, deep) + "1" + strings.Repeat("}", deep) + "}",
	} {
		got := read(t, strings.NewReader(inHAR(bad, harEntryText)))
		check(t, "in an entry", []any{len(got.lines), got.stats.Skipped, got.err}, "[1 map[broken:1] <nil>]")
		got = read(t, strings.NewReader(`{"log":{"version":"1.2","pages":`+bad+`,"entries":[`+harEntryText+`]}}`))
		check(t, "outside", []any{len(got.lines), got.stats.Skipped, got.err}, "[1 map[] <nil>]")
	}
}

// Every limit: at it, and one past it.
func TestHARLimits(t *testing.T) {
	pad := func(n int) string { // an entry of n bytes
		e := strings.TrimSuffix(harEntryText, "}")
		return e + `,"pad":"` + strings.Repeat("a", n-len(e)-len(`,"pad":""}`)) + `"}`
	}
	for n, want := range map[int]string{1000: "[2 map[] <nil>]", 1001: "[1 map[too-large:1] <nil>]", 1_000_000: "[1 map[too-large:1] <nil>]"} {
		got := readWith(t, strings.NewReader(inHAR(pad(n), harEntryText)), func(c *reader) { c.limit = 1000 })
		check(t, fmt.Sprint(n), []any{len(got.lines), got.stats.Skipped, got.err}, want)
	}
	for n, want := range map[int]string{maxHead: "[1 map[] <nil>]", maxHead + 1: "[0 map[broken:1] <nil>]"} {
		list := `[{"name":"a","value":"` + strings.Repeat("b", n-len(`[{"name":"a","value":""}]`)) + `"}]`
		got := read(t, strings.NewReader(inHAR(strings.Replace(harEntryText, `},"response"`, `,"headers":`+list+`},"response"`, 1))))
		check(t, fmt.Sprint(n), []any{len(got.lines), got.stats.Skipped, got.err}, want)
	}
	for n, want := range map[int]int{maxRequestBody: maxRequestBody, maxRequestBody + 1: maxRequestBody} {
		for _, data := range []string{`{"text":"%s"}`, `{"params":[{"name":"","value":"%s"}]}`} {
			value := strings.Repeat("x", n)
			if strings.Contains(data, "params") {
				value = value[1:] // and the "="
			}
			in := inHAR(strings.Replace(harEntryText, `},"response"`, `,"postData":`+fmt.Sprintf(data, value)+`},"response"`, 1))
			_, err := Read(t.Context(), "file", strings.NewReader(in), func(x *candor.Exchange) error {
				check(t, "the request's body", len(x.RequestBody), want)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The real limit, on a stream that is never in memory at once.
func TestHARLargeEntry(t *testing.T) {
	large := func(n int64) io.Reader { // an entry that begins a HAR and is larger than n
		return io.MultiReader(strings.NewReader(`{"log":{"version":"1.2","entries":[{"x":"`), io.LimitReader(letters{}, n), strings.NewReader(`"},`+harEntryText+`]}}`))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := read(t, large(100<<20))
	runtime.ReadMemStats(&after)
	check(t, "100 MiB", []any{len(got.lines), got.stats.Skipped, got.stats.Notes, got.err}, "[1 map[too-large:1] [file: entry 1 at byte 35: larger than 64 MiB] <nil>]")
	if after.TotalAlloc-before.TotalAlloc > 512<<20 {
		t.Errorf("%d MiB were allocated", (after.TotalAlloc-before.TotalAlloc)>>20)
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestParseURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://shop.example/a?b=c":  "https://shop.example/a?b=c",
		"http://shop.example/%zz%4":   "http://shop.example/%25zz%254",
		"http://shop.example/a\x7f\n": "http://shop.example/a%7F%0A",
		"ws://shop.example/":          "ws://shop.example/",
		"":                            "broken",
		"http:///path":                "broken",
		"http://a b/":                 "broken",
		"chrome-extension://abc/x.js": "not-http",
		"dns:shop.example":            "not-http",
		"metadata://wget.example/x":   "not-http",
	} {
		u, reason, err := parseURL(in)
		if err == nil {
			reason = u.String()
		}
		check(t, in, reason, want)
	}
}

func FuzzHAR(f *testing.F) {
	har := testdata(f, "shop.har")
	for _, seed := range []string{har, har[:700], "\xef\xbb\xbf" + har[:1500], packed(har), inHAR(harEntryText, "[[[", harEntryText), inHAR(harEntryText, `{"request":{"url":"http://a.example/%"},"response":{"status":101},"_webSocketMessages":[1]}`)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(fuzz)
}

// fuzz holds every capture against what Read promises.
func fuzz(t *testing.T, in []byte) {
	got := read(t, bytes.NewReader(in))
	if got.stats.Bytes > int64(len(in)) || len(got.stats.Notes) > maxNotes {
		t.Errorf("%+v", got.stats)
	}
	again := read(t, iotest.HalfReader(bytes.NewReader(in)))
	if got.text() != again.text() || fmt.Sprint(got.err) != fmt.Sprint(again.err) || fmt.Sprint(got.stats) != fmt.Sprint(again.stats) {
		t.Errorf("in other pieces it reads otherwise:\n%v\n%v", got, again)
	}
	if got.err != nil && (errors.Is(got.err, io.EOF) || !strings.HasPrefix(got.err.Error(), "file: ")) {
		t.Errorf("an error without its file: %v", got.err)
	}
}

func BenchmarkHAR(b *testing.B) {
	text := strings.Repeat(`<li class=\"item\">Brass lamp</li>\n`, 1000)
	entry := strings.Replace(harEntryText, `"text":"x"`, `"text":"`+text+`"`, 1)
	in := inHAR(strings.Split(strings.TrimSuffix(strings.Repeat(entry+"\x00", 100), "\x00"), "\x00")...)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		stats, err := Read(b.Context(), "file", strings.NewReader(in), func(x *candor.Exchange) error { return nil })
		if err != nil || stats.Exchanges != 100 {
			b.Fatal(err, stats)
		}
	}
}

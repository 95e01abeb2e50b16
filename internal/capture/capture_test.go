package capture

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"candor.example"
)

// read returns a line for each exchange.
func read(t testing.TB, in string) (lines []string, stats Stats, err error) {
	t.Helper()
	stats, err = Read(context.Background(), "file", strings.NewReader(in), func(x *candor.Exchange) error {
		body := "-"
		if x.Body != nil {
			b, err := io.ReadAll(x.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = string(b)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s%s %d %q %q%s", x.Source, x.Request.Method, x.Request.Host, x.Request.URL.RequestURI(), x.Status, x.RequestBody, body, x.Skipped))
		return nil
	})
	return lines, stats, err
}

func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

const har = "\xef\xbb\xbf" + `{"other":[1,{"entries":[]},"]}"],"log":{"version":"1.2","creator":{"name":"\"x\\","n":-1.5e3},"ok":true,"entries":[
{"startedDateTime":"2018-11-20T10:00:00.123+01:00","request":{"method":"POST","url":"https://shop.example/login?x=1","headers":[{"name":":path","value":"/"},{"name":"x-a","value":"1"}],
"cookies":[{"name":"sid","value":"abc"}],"postData":{"mimeType":"application/x-www-form-urlencoded","params":[{"name":"email","value":"a@b.example"}]}},
"response":{"status":200,"headers":[{"name":"content-encoding","value":"gzip"},{"name":"set-cookie","value":"a=1\nb=2"}],"content":{"size":5,"mimeType":"text/html","text":"hello"}}},
{"request":{"method":"GET","url":"https://shop.example/b64"},"response":{"status":200,"content":{"encoding":"base64","text":"d29ybGQ="}}},
{"request":{"method":"GET","url":"https://shop.example/missing"},"response":{"status":200,"content":{"size":9}}},
{"request":{"method":"GET","url":"https://shop.example/304"},"response":{"status":304,"content":{"size":9}}},
{"request":{"method":"GET","url":"https://shop.example/bad64"},"response":{"status":200,"content":{"encoding":"base64","text":"?"}}},
{"request":[],"response":"what"},
17,
{"request":{"method":"GET","url":"https://shop.example/last"},"response":{"status":200,"content":{"text":"end }]"}}}
]},"more":1}`

var harLines = []string{
	`file#1 POST shop.example/login?x=1 200 "email=a%40b.example" "hello"`,
	`file#2 GET shop.example/b64 200 "" "world"`,
	`file#3 GET shop.example/missing 200 "" "-"body-missing`,
	`file#4 GET shop.example/304 304 "" "-"`,
	`file#8 GET shop.example/last 200 "" "end }]"`,
}

func TestHAR(t *testing.T) {
	lines, stats, err := read(t, har)
	check(t, "exchanges", strings.Join(lines, "\n"), strings.Join(harLines, "\n"))
	check(t, "stats", []any{stats.Exchanges, stats.Skipped, err}, "[5 map[body-missing:1 broken:3] <nil>]")
	Read(t.Context(), "file", strings.NewReader(har), func(x *candor.Exchange) error {
		check(t, "cookie", x.Request.Header.Get("Cookie"), "sid=abc")
		check(t, "set-cookie", x.Header["Set-Cookie"], "[a=1 b=2]")
		check(t, "others", []string{x.Header.Get("Content-Encoding"), x.Header.Get("Content-Type"), x.Request.Header.Get("X-A"), x.Request.Header.Get("Content-Type"), x.Time.UTC().String()},
			"[ text/html 1 application/x-www-form-urlencoded 2018-11-20 09:00:00.123 +0000 UTC]")
		return errors.New("enough")
	})
}

// Cut off anywhere, whole entries come out, in order, and the error says where.
func TestHARCutOff(t *testing.T) {
	end := strings.Index(har, "\n]}") + 2
	for i := strings.Index(har, "entries\":[\n") + 10; i < end; i++ {
		lines, _, err := read(t, har[:i])
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("file: it is cut off at byte %d", i-3)) {
			t.Fatalf("at %d: %v", i, err)
		}
		if len(lines) > len(harLines) || strings.Join(lines, "\n") != strings.Join(harLines[:len(lines)], "\n") {
			t.Fatalf("at %d: %v", i, lines)
		}
	}
}

func TestHARTrouble(t *testing.T) {
	for in, want := range map[string]string{
		`{"log":{"version":"1.2"}}`:         "no log.entries",
		`{"log":[]}`:                        "no valid JSON",
		`{"log":{"entries":{}}}`:            "no valid JSON",
		`{"log":{"entries":[{},nonsense]}}`: "no valid JSON",
		`{"log":{"entries":[{},?]}}`:        "no valid JSON",
	} {
		if _, _, err := read(t, in); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
	deep := `{"log":{"entries":[` + strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000) + `,{"request":{"url":"http://a.example/"},"response":{"status":200,"content":{"text":"x"}}}]}}`
	lines, stats, err := read(t, deep)
	check(t, "deep", []any{len(lines), stats.Skipped, err}, "[1 map[broken:1] <nil>]")
	big := `{"log":{"entries":[{"x":"` + strings.Repeat("a", maxPart) + `"},{"request":{"url":"http://a.example/"},"response":{"status":200,"content":{"text":"x"}}}]}}`
	lines, stats, err = read(t, big)
	check(t, "large", []any{len(lines), stats.Skipped, err}, "[1 map[too-large:1] <nil>]")
}

// block makes a WARC record.
func block(kind, id, to, uri, content string) string {
	h := "WARC/1.0\r\nWARC-Type: " + kind + "\r\nWARC-Record-ID: " + id + "\r\nWARC-Date: 2018-11-20T10:00:00Z\r\nWARC-Target-URI: " + uri + "\r\n"
	if to != "" {
		h += "WARC-Concurrent-To: " + to + "\r\n"
	}
	return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s\r\n\r\n", h, len(content), content)
}

func response(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

var warcParts = []string{
	block("warcinfo", "<w>", "", "", "software: test"),
	block("response", "<1>", "", "http://shop.example/a", response("one")),
	block("request", "<2>", "<1>", "http://shop.example/a", "GET /a HTTP/1.1\r\nHost: shop.example\r\nX-Customer: 7\r\n\r\n"),
	block("request", "<3>", "", "http://shop.example/b", "POST /b HTTP/1.1\r\nHost: www.shop.example\r\nContent-Length: 4\r\n\r\na=b&"),
	block("response", "<4>", "<3>", "http://shop.example/b", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"),
	block("response", "<5>", "", "http://shop.example/c", "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nshorter"),
	block("response", "<6>", "", "dns:shop.example", "203.0.113.1"),
	block("resource", "<7>", "", "http://shop.example/d", "four"),
	block("revisit", "<8>", "", "http://shop.example/a", "HTTP/1.1 304 Not Modified\r\n\r\n"),
	block("response", "<9>", "", "http://shop.example/e", response("five")),
}

const warcLines = `file#1 GET shop.example/a 200 "" "one"
file#2 POST www.shop.example/b 200 "a=b&" "two"
file#3 GET shop.example/c 200 "" "shorter"
file#4 GET shop.example/d 200 "" "four"
file#5 GET shop.example/e 200 "" "five"`

func members(parts []string) string {
	var b bytes.Buffer
	for _, p := range parts {
		z := gzip.NewWriter(&b)
		io.WriteString(z, p)
		z.Close()
	}
	return b.String()
}

func TestWARC(t *testing.T) {
	for name, in := range map[string]string{"plain": strings.Join(warcParts, ""), "members": members(warcParts), "one member": members([]string{strings.Join(warcParts, "")})} {
		lines, stats, err := read(t, in)
		check(t, name, strings.Join(lines, "\n"), warcLines)
		check(t, name, []any{stats.Exchanges, stats.Skipped, err}, "[5 map[not-http:1] <nil>]")
	}
}

// A broken record between good ones is a counted skip, and the rest goes on.
func TestWARCBrokenRecord(t *testing.T) {
	good := strings.Split(warcLines, "\n")
	lies := strings.Replace(warcParts[5], "Content-Length: 4", "Content-Length: 99", 1) // of the record, not of the response
	lies = strings.Replace(warcParts[5], fmt.Sprintf("Content-Length: %d\r\n\r\nHTTP", len("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nshorter")), "Content-Length: 200\r\n\r\nHTTP", 1)
	for name, bad := range map[string]string{
		"no length":     strings.Replace(warcParts[5], "Content-Length: 4", "Content-Width: 4", 1)[:0] + "WARC/1.0\r\nWARC-Type: response\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx\r\n\r\n",
		"garbage":       "what is this?\r\n\x00\x01\r\n",
		"longer":        lies,
		"no HTTP in it": block("response", "<5>", "", "http://shop.example/c", "nonsense"),
	} {
		parts := append(append(append([]string{}, warcParts[:5]...), bad), warcParts[6:]...)
		want := strings.Join([]string{good[0], good[1], strings.Replace(good[3], "#4", "#3", 1), strings.Replace(good[4], "#5", "#4", 1)}, "\n")
		lines, stats, err := read(t, strings.Join(parts, ""))
		check(t, name, strings.Join(lines, "\n"), want)
		if err != nil || stats.Skipped[broken] == 0 {
			t.Errorf("%s: %v, %v", name, stats, err)
		}
	}
	packed := []byte(members(warcParts[:5]))
	damaged := []byte(members(warcParts[5:6]))
	copy(damaged[20:], "\xff\xff\xff\xff\xff\xff\xff\xff")
	lines, stats, err := read(t, string(packed)+string(damaged)+members(warcParts[6:]))
	if len(lines) != 4 || stats.Skipped[broken] == 0 || err != nil {
		t.Errorf("a damaged member: %v %v %v", lines, stats, err)
	}
	if _, stats, err := read(t, "WARC/1.0\r\nContent-Length: "+fmt.Sprint(maxPart+1)+"\r\n\r\n"+strings.Repeat("x", maxPart+1)+"\r\n\r\n"+warcParts[9]); err != nil || stats.Skipped[tooLarge] != 1 || stats.Exchanges != 1 {
		t.Errorf("too large: %v %v", stats, err)
	}
}

func TestRaw(t *testing.T) {
	for in, want := range map[string]string{"": "", "hello": "hello", `{"a":"b"}`: `{"a":"b"}`, members([]string{"packed"}): "packed", "\x1f\x8b": "\x1f\x8b"} {
		lines, _, err := read(t, in)
		check(t, "raw", []any{lines, err}, fmt.Sprintf("[[file#1 GET / 200 \"\" %q] <nil>]", want))
	}
	lines, _, err := read(t, members([]string{har}))
	check(t, "packed HAR", []any{len(lines), err}, "[5 <nil>]")
	if _, _, err := read(t, "\x1f\x8b\x08nonsense"); err == nil {
		t.Error("no gzip, and no error")
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Read(stopped, "file", strings.NewReader(har), func(*candor.Exchange) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A WARC that wget wrote.
func TestWget(t *testing.T) {
	if _, err := exec.LookPath("wget"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("wget is missing: apt-get install -y wget")
		}
		t.Skip("wget is missing: apt-get install -y wget")
	}
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s %s", r.URL.Path, r.Header.Get("X-Customer"))
	}))
	defer shop.Close()
	for _, option := range []string{"--no-warc-compression", "--warc-cdx"} {
		dir := t.TempDir()
		cmd := exec.Command("wget", "-q", option, "--header=X-Customer: 7", "--warc-file=got", "-O", "/dev/null", shop.URL+"/a", shop.URL+"/b")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "got.warc*"))
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		lines, stats, err := read(t, string(b))
		host := strings.TrimPrefix(shop.URL, "http://")
		check(t, option, lines[:2], fmt.Sprintf(`[file#1 GET %s/a 200 "" "hello /a 7" file#2 GET %s/b 200 "" "hello /b 7"]`, host, host))
		if err != nil || stats.Skipped[broken] > 0 {
			t.Errorf("%v %v", stats, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(har))
	f.Add([]byte(strings.Join(warcParts, "")))
	f.Add([]byte(members(warcParts)))
	f.Fuzz(func(t *testing.T, in []byte) {
		Read(t.Context(), "file", bytes.NewReader(in), func(x *candor.Exchange) error {
			if x.Request == nil || x.Request.URL == nil || x.Header == nil {
				t.Fatal("half an exchange")
			}
			if x.Body != nil {
				io.Copy(io.Discard, x.Body)
			}
			return nil
		})
	})
}

package capture

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"candor.example"
)

// result is what became of a capture, as text.
type result struct {
	lines []string
	stats Stats
	err   error
}

func (r result) text() string { return strings.Join(r.lines, "\n") }

// read reads a capture named "file", in the pieces that r gives.
func read(t testing.TB, r io.Reader) result {
	t.Helper()
	return readWith(t, r, func(*reader) {})
}

func readWith(t testing.TB, r io.Reader, set func(*reader)) result {
	t.Helper()
	var got result
	c := newReader(context.Background(), "file", func(x *candor.Exchange) error {
		got.lines = append(got.lines, line(t, x))
		return nil
	})
	set(c)
	got.stats, got.err = c.read(r)
	if got.stats.Exchanges != len(got.lines) {
		t.Errorf("Stats.Exchanges is %d of %d", got.stats.Exchanges, len(got.lines))
	}
	return got
}

func line(t testing.TB, x *candor.Exchange) string {
	t.Helper()
	if x.Request == nil || x.Request.URL == nil || x.Request.Header == nil || x.Header == nil || x.Request.RemoteAddr != "" {
		t.Fatalf("half an exchange: %+v", x)
	}
	body := "-"
	if x.Body != nil {
		b, err := io.ReadAll(x.Body)
		if err != nil {
			body = err.Error()
		} else {
			body = string(b)
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s%s %d %q %q %s", x.Source, x.Request.Method, x.Request.Host, x.Request.URL.RequestURI(), x.Status, x.RequestBody, body, x.Skipped))
}

func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// packed makes a gzip member of each part.
func packed(parts ...string) string {
	var b bytes.Buffer
	for _, p := range parts {
		z := gzip.NewWriter(&b)
		io.WriteString(z, p)
		z.Close()
	}
	return b.String()
}

func testdata(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRaw(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"hello":                        "hello",
		"{":                            "{",
		`{"a":"b"}`:                    `{"a":"b"}`,
		`{"a":1,"b":{"log":{}}}`:       `{"a":1,"b":{"log":{}}}`,
		`{"log":[]}`:                   `{"log":[]}`,
		`{"log":"a@shop.example"}`:     `{"log":"a@shop.example"}`,
		`{"log":{"level":"debug"}}`:    `{"log":{"level":"debug"}}`,
		`{"log`:                        `{"log`,
		packed("packed"):               "packed",
		packed("two ", "members"):      "two members",
		"\x1f\x8b":                     "\x1f\x8b",
		"HTTP/1.1 200 OK\r\n\r\nhello": "HTTP/1.1 200 OK\r\n\r\nhello",
		"WARC":                         "WARC",
	} {
		got := read(t, strings.NewReader(in))
		check(t, in, []any{got.lines, got.stats.Skipped, got.stats.Bytes, got.err}, fmt.Sprintf("[[file#1 GET / 200 \"\" %q] map[] %d <nil>]", want, len(in)))
	}
}

// A raw file streams: more than fits anywhere goes through.
func TestRawStreams(t *testing.T) {
	var n int64
	stats, err := Read(t.Context(), "file", io.LimitReader(endless{}, 1<<30), func(x *candor.Exchange) (err error) {
		n, err = io.Copy(io.Discard, x.Body)
		return err
	})
	check(t, "a GiB", []any{n, stats.Bytes, err}, "[1073741824 1073741824 <nil>]")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A file that cannot be read to its end is an error, even if yield does not mind.
func TestRawTrouble(t *testing.T) {
	gz := packed(strings.Repeat("hello ", 1000))
	flaw := errors.New("the disk is tired")
	for what, tc := range map[string]struct {
		in   io.Reader
		want string
	}{
		"no gzip":  {strings.NewReader("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff"), "file: decompressed byte 0: flate"},
		"short":    {strings.NewReader("\x1f\x8b\x08"), "file: cut off at decompressed byte 0"},
		"cut":      {strings.NewReader(gz[:len(gz)-4]), "file: cut off at decompressed byte 6000"},
		"checksum": {strings.NewReader(gz[:len(gz)-8] + "12345678"), "file: decompressed byte 6000: gzip"},
		"broken":   {io.MultiReader(strings.NewReader(strings.Repeat("x", 100_000)), iotest.ErrReader(flaw)), "file: byte 100000: the disk is tired"},
		"at once":  {iotest.ErrReader(flaw), "file: cannot be read: the disk is tired"},
		"version":  {strings.NewReader("WARC/0.18 ..."), "file: is a WARC of a version"},
	} {
		got := read(t, tc.in)
		if got.err == nil || !strings.HasPrefix(got.err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", what, got.err, tc.want)
		}
	}
}

// An archive is not looked into, and that is said.
func TestArchive(t *testing.T) {
	for _, magic := range []string{"\x28\xb5\x2f\xfd", "\xfd7zXZ\x00", "BZh9", "7z\xbc\xaf\x27\x1c"} {
		for _, in := range []string{magic + "....", packed(magic + "....")} {
			got := read(t, strings.NewReader(in))
			check(t, magic, []any{got.text(), got.stats.Skipped, got.stats.Notes, got.err}, `[file#1 GET / 200 "" "-" compressed map[] [file: compressed: the file is an archive: unpack it first] <nil>]`)
		}
	}
}

func TestStops(t *testing.T) {
	enough := errors.New("enough")
	captures := []string{"raw", testdata(t, "shop.har"), strings.Join(warcParts, ""), packed(warcParts...)}
	for _, in := range captures {
		n := 0
		_, err := Read(t.Context(), "file", strings.NewReader(in), func(*candor.Exchange) error { n++; return enough })
		check(t, "yield's error", []any{n, err == enough}, "[1 true]")

		ctx, stop := context.WithCancel(t.Context())
		n = 0
		_, err = Read(ctx, "file", strings.NewReader(in), func(*candor.Exchange) error { n++; stop(); return nil })
		if n != 1 || err != context.Canceled {
			t.Errorf("stopped in the middle: %d, %v", n, err)
		}
		if _, err = Read(ctx, "file", strings.NewReader(in), func(*candor.Exchange) error { return nil }); err != context.Canceled {
			t.Errorf("stopped before: %v", err)
		}
	}
}

// Notes stay few, quote nothing, and a percent sign in a name is only that.
func TestNotes(t *testing.T) {
	in := `{"log":{"entries":[` + strings.Repeat(`{"request":{"url":"https://alice@shop.example:port/"}},{"request":{"method":7}},"bob@shop.example",`, 10) + `{"alice@shop.example"`
	stats, err := Read(t.Context(), "100%d.har", strings.NewReader(in), func(*candor.Exchange) error { return nil })
	all := strings.Join(stats.Notes, "\n") + "\n" + err.Error()
	check(t, "notes", len(stats.Notes), maxNotes)
	if strings.Contains(all, "@") || strings.Count(all, "100%d.har: ") != maxNotes+1 {
		t.Error(all)
	}
	check(t, "the first", stats.Notes[:3], "[100%d.har: entry 1 at byte 19: broken: request.url is no URL 100%d.har: entry 2 at byte 74: broken: request.method is of the wrong type 100%d.har: entry 3 at byte 99: broken: it is of the wrong type]")
	check(t, "counted", stats.Skipped, "map[broken:30]")
}

package scan

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
)

// collect gives a Finder a stream in pieces, as a consumer would, and returns every candidate that found says yes to.
func collect(t testing.TB, pieces [][]byte, found func(Match) bool) (list []string) {
	var held []byte
	base := 0
	f := Finder{}
	f.Found = func(m Match) bool {
		ok := found(m)
		if ok {
			list = append(list, fmt.Sprintf("%s:%d+%d:%s", m.Encoding, base+m.Offset, m.Length, m.Value))
		}
		return ok
	}
	for i := 0; i <= len(pieces); i++ {
		final := i == len(pieces)
		if !final {
			held = append(held, pieces[i]...)
		}
		n := f.Find(held, final)
		if len(held)-n > MaxTail {
			t.Fatalf("%d bytes unsettled", len(held)-n)
		}
		held = append([]byte(nil), held[n:]...)
		base += n
	}
	if len(held) > 0 {
		t.Fatalf("%d bytes unsettled at the end", len(held))
	}
	return list
}

func yes(Match) bool { return true }
func no(Match) bool  { return false }

type vector struct{ in, want string }

func vectors(t testing.TB) (list []vector) {
	f, err := os.Open("testdata/find.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if in, want, ok := strings.Cut(s.Text(), " => "); ok && !strings.HasPrefix(in, "#") {
			list = append(list, vector{in, want})
		}
	}
	return list
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		got := strings.Join(collect(t, [][]byte{[]byte(v.in)}, yes), " ")
		if got == "" {
			got = "-"
		}
		if got != v.want {
			t.Errorf("%s\n got %s\nwant %s", v.in, got, v.want)
		}
	}
}

// The same matches whatever the chunking: at every split point, byte by byte, and with text around.
func TestEverySplit(t *testing.T) {
	for _, v := range vectors(t) {
		for _, in := range []string{v.in, "x " + v.in + " y", strings.Repeat("A", 1100) + v.in + strings.Repeat("é", 30), v.in + ";" + v.in} {
			for _, found := range []func(Match) bool{yes, no, func(m Match) bool { return len(m.Value) < 19 }} {
				want := collect(t, [][]byte{[]byte(in)}, found)
				var single [][]byte
				for i := range len(in) {
					single = append(single, []byte{in[i]})
					if got := collect(t, [][]byte{[]byte(in[:i]), []byte(in[i:])}, found); !slices.Equal(got, want) {
						t.Fatalf("%q split at %d\n got %v\nwant %v", in, i, got, want)
					}
				}
				if got := collect(t, single, found); !slices.Equal(got, want) {
					t.Fatalf("%q byte by byte\n got %v\nwant %v", in, got, want)
				}
			}
		}
	}
}

// Because a directory decides, all sensible readings are offered, the longest first.
func TestReadings(t *testing.T) {
	for in, want := range map[string][]string{
		"email=alice@shop.example":   {"email=alice@shop.example", "alice@shop.example"},
		"a/b?m=alice@shop.example":   {"a/b?m=alice@shop.example", "b?m=alice@shop.example", "m=alice@shop.example", "alice@shop.example"},
		`\nalice@shop.example`:       {"alice@shop.example", "nalice@shop.example"},
		"john.alice@shop.example":    {"john.alice@shop.example"},
		"alice@shop.example.Then we": {"alice@shop.example.then", "alice@shop.example"},
		"alice@mail.shop.example":    {"alice@mail.shop.example", "alice@mail.shop"},
		"メールalice@shop.example":      {"メールalice@shop.example", "alice@shop.example"},
		"alice@shop.exampleまで":       {"alice@shop.xn--example-gd4fkh", "alice@shop.example"},
		"'alice@shop.example'":       {"'alice@shop.example", "alice@shop.example"},
	} {
		var got []string
		f := Finder{Found: func(m Match) bool { got = append(got, string(m.Value)); return false }}
		f.Find([]byte(in), true)
		if !slices.Equal(got, want) {
			t.Errorf("%s\n got %q\nwant %q", in, got, want)
		}
	}
	n := 0
	f := Finder{Found: func(Match) bool { n++; return false }}
	f.Find([]byte(strings.Repeat("=a", 40)+"@a.b.c.d.e.f"), true)
	if n != maxReadings {
		t.Errorf("%d readings, want %d", n, maxReadings)
	}
}

// Ordinary text is settled at the end of a line or event, so that a flush is a flush.
func TestSettled(t *testing.T) {
	for in, want := range map[string]int{
		"data: hello\n\n": 13, "<p>hello ": 9, "hello wor": 6, "mail alice@shop.exam": 5, `"a":"b",`: 8, "x alice&#6": 2, strings.Repeat("A", 5000): 5000 - maxLeft - 16,
	} {
		f := Finder{Found: no}
		if got := f.Find([]byte(in), false); got != want {
			t.Errorf("%.20q: settled %d, want %d", in, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name string
		in   string
		want int
	}{
		{"local part of 64", strings.Repeat("a", 64) + "@shop.example", 1},
		{"local part of 65", strings.Repeat("a", 65) + "@shop.example", 0},
		{"domain of 255", "a@" + strings.Repeat("abcdefg.", 31) + "abcdefg", 1},
		{"domain of 256", "a@" + strings.Repeat("abcdefg.", 31) + "abcdefgh", 0},
		{"label of 63", "a@" + strings.Repeat("b", 63) + ".example", 1},
		{"label of 64", "a@" + strings.Repeat("b", 64) + ".example", 0},
	} {
		found := false
		f := Finder{Found: func(m Match) bool { found = found || len(m.Value) == len(c.in); return false }}
		f.Find([]byte(c.in), true)
		if found != (c.want == 1) {
			t.Errorf("%s: found %v", c.name, found)
		}
	}
}

func TestNormalizeEmail(t *testing.T) {
	for in, want := range map[string]string{
		"Alice@Shop.Example": "alice@shop.example", "é@shop.example": "é@shop.example", "e\u0301@shop.example": "é@shop.example",
		"a@MÜNCHEN.example": "a@xn--mnchen-3ya.example", "a@XN--MNCHEN-3YA.example": "a@xn--mnchen-3ya.example",
		"": "", "a": "", "@b.c": "", "a@b": "", "a b@c.example": "", "a@b .example": "", "a@\xff.example": "", "\xff@b.example": "", "a\n@b.example": "", "a@b@c.example": "", ".a@b.example": "", "a@[127.0.0.1]": "",
	} {
		got, ok := NormalizeEmail([]byte("prefix"), []byte(in))
		if ok != (want != "") || string(got) != "prefix"+want {
			t.Errorf("%q: %q, %v, want %q", in, got, ok, want)
		}
	}
}

// masked is what becomes of in when everything that found says yes to is masked.
func masked(in []byte, found func(Match) bool) []byte {
	out := bytes.Clone(in)
	f := Finder{}
	f.Found = func(m Match) bool {
		ok := found(m)
		if ok {
			m.Mask(out[m.Offset : m.Offset+m.Length])
		}
		return ok
	}
	f.Find(in, true)
	return out
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"alice@shop.example":            "a****@s***.example",
		"alice@mail.shop.example":       "a****@m***.****.example",
		"a@shop.example":                "*@s***.example",
		"ab@s.example":                  "a*@*.example",
		`alice\u0040shop.example`:       `a****\u0040s***.example`,
		`alice\u002bnews@shop.example`:  `a****\u002a****@s***.example`,
		`alice\x40shop.example`:         `a****\x40s***.example`,
		"%61lice%40shop%2Eexample":      "%61****%40s***%2Eexample",
		"&#97;lice&commat;shop.example": "&#97;****&commat;s***.example",
		"a&#108;ice@shop.example":       "a&#042;***@s***.example",
		"a&#x6C;ice@shop.example":       "a&#x2a;***@s***.example",
		"a&eacute;b@shop.example":       "a&#00042;*@s***.example",
		"jos%C3%A9@shop.example":        "j**%2A%2A@s***.example",
		"%C3%A9ric@shop.example":        "%C3%A9***@s***.example",
		"éric@münchen.example":          "é***@m*******.example",
		"x":                             "x",
	} {
		if got := string(masked([]byte(in), yes)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"to alice@shop.example, bob%40shop.example":       "to a****@s***.example, b**%40s***.example",
		"/c/alice%40shop.example/x?mail=bob@shop.example": "/c/a****%40s***.example/x?mail=b**@s***.example",
		"nothing here": "nothing here",
	} {
		if got := MaskText(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := MaskText(strings.Repeat("=a", 20) + "lice@shop.example"); strings.Contains(got, "lice") { // more readings than are tried
		t.Error(got)
	}
	if got := MaskEmail("no address"); got != "**********" {
		t.Error(got)
	}
}

// What is masked has the same length, is valid in its encoding, and does not say what it said.
func TestMaskHides(t *testing.T) {
	for _, v := range vectors(t) {
		in := []byte(v.in)
		out := masked(in, yes)
		if len(out) != len(in) {
			t.Errorf("%s: another length: %s", in, out)
		}
		said := map[string]bool{}
		for _, s := range collect(t, [][]byte{in}, yes) {
			said[s[strings.LastIndexByte(s, ':')+1:]] = true
		}
		collect(t, [][]byte{out}, func(m Match) bool {
			if said[string(m.Value)] {
				t.Errorf("%s: masked to %s, which still says it", in, out)
			}
			return true
		})
		if json.Valid(in) && !json.Valid(out) {
			t.Errorf("%s: no JSON any more: %s", in, out)
		}
		if _, err := url.PathUnescape(v.in); err == nil {
			if _, err := url.PathUnescape(string(out)); err != nil {
				t.Errorf("%s: %v", out, err)
			}
		}
		if a, b := html.UnescapeString(v.in), html.UnescapeString(string(out)); strings.Count(a, "@") != strings.Count(b, "@") {
			t.Errorf("%s: %s", a, b)
		}
	}
}

func ExampleFinder() {
	page := []byte(`{"email":"alice\u0040shop.example"}`)
	f := Finder{Found: func(m Match) bool {
		fmt.Printf("%s %s at %d+%d\n", m.Encoding, MaskEmail(string(m.Value)), m.Offset, m.Length)
		return true // a directory would say
	}}
	f.Find(page, true)
	// Output: json a****@s***.example at 10+23
}

func FuzzFind(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.in), uint(7), true)
	}
	f.Add([]byte("a@b.example@c.example;&#64&#x40;\\u00"), uint(3), false)
	f.Fuzz(func(t *testing.T, in []byte, step uint, confirm bool) {
		if step = step%97 + 1; len(in) > 1<<11 {
			return
		}
		found := func(m Match) bool { return confirm && len(m.Value)%3 != 0 }
		if !confirm {
			found = yes
		}
		want := collect(t, [][]byte{in}, found)
		var pieces [][]byte
		for rest := in; len(rest) > 0; {
			n := min(int(step), len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		if got := collect(t, pieces, found); !slices.Equal(got, want) {
			t.Fatalf("in steps of %d\n got %v\nwant %v", step, got, want)
		}
	})
}

func FuzzMask(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 1<<11 {
			return
		}
		finder := Finder{}
		finder.Found = func(m Match) bool {
			kind, value := m.Kind, string(m.Value)
			out := bytes.Clone(in)
			m.Mask(out[m.Offset : m.Offset+m.Length])
			if !bytes.Equal(out[:m.Offset], in[:m.Offset]) || !bytes.Equal(out[m.Offset+m.Length:], in[m.Offset+m.Length:]) {
				t.Fatalf("%q: bytes beside the match have changed", in)
			}
			if kind != Email || strings.Trim(value[:strings.IndexByte(value, '@')], "*") == "" {
				return false
			}
			again := Finder{Found: func(n Match) bool {
				if n.Offset == m.Offset && string(n.Value) == value {
					t.Fatalf("%q masked to %q still says %q", in, out, value)
				}
				return false
			}}
			again.Find(out, true)
			return false
		}
		finder.Find(in, true)
	})
}

func FuzzNormalizeEmail(f *testing.F) {
	f.Add([]byte("Alice@Shop.Example"))
	f.Add([]byte("é@münchen.example"))
	f.Fuzz(func(t *testing.T, in []byte) {
		once, ok := NormalizeEmail(nil, in)
		if !ok {
			return
		}
		if twice, ok := NormalizeEmail(nil, once); !ok || !bytes.Equal(once, twice) {
			t.Fatalf("%q is normal as %q, and that as %q", in, once, twice)
		}
	})
}

var page = bytes.Repeat([]byte(`<p class="x40">A lamp of brass &amp; wool, 40 W, "price": 64; what? \u00e9 %20 see <a href="/p/1?x=%2F">here</a></p>`+"\n"), 600)

func BenchmarkFloor(b *testing.B) {
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		for p := page; ; {
			i := bytes.IndexByte(p, '@')
			if i < 0 {
				break
			}
			p = p[i+1:]
		}
	}
}

func BenchmarkClean(b *testing.B) {
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	f := Finder{Found: no}
	for b.Loop() {
		f.Find(page, true)
	}
}

func BenchmarkOnePerKB(b *testing.B) {
	var p []byte
	for i := 0; len(p) < 64<<10; i++ {
		p = append(p, page[i*1000%40000:][:1000]...)
		p = append(p, fmt.Sprintf(" c%d@shop.example ", i)...)
	}
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	f := Finder{Found: no}
	for b.Loop() {
		f.Find(p, true)
	}
}

package notice

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Whatever the bytes, reading and judging them ends, and a finding's place and text are what they say.
func FuzzReadLetter(f *testing.F) {
	files, _ := filepath.Glob("testdata/museum/*.*")
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(filepath.Ext(path), b)
	}
	f.Fuzz(func(t *testing.T, ext string, b []byte) {
		if len(b) > 64<<10 {
			return
		}
		l, err := ReadLetter("letter"+ext, b)
		if err != nil {
			return
		}
		for _, x := range Lint(l, nil, nil) {
			if x.Line < 1 || x.Column < 1 || len(x.Text) > maxText || !utf8.ValidString(x.Text) || x.Why == "" || x.Mend == "" {
				t.Fatalf("%+v", x)
			}
		}
	})
}

// A letter of the largest size is read, and one with the most text judged, however it is made. The log says how long it took.
func TestHostileLetters(t *testing.T) {
	full := func(s string, size int) string { return strings.Repeat(s, size/len(s)) }
	for name, body := range map[string]string{"a.txt": full(" \n", MaxLetter), "b.html": full("<div>", MaxLetter), "c.html": full("<a href=https://x.example/>", MaxLetter),
		"d.html": full("<title>x</title>", MaxLetter), "e.html": full("<!-- ", MaxLetter), "f.txt": full("a\n", MaxLetter), "g.html": full("<p>x", MaxLetter)} {
		start := time.Now()
		l, err := ReadLetter(name, []byte(body))
		if err == nil {
			Lint(l, nil, nil)
		}
		t.Logf("%s %.10q: %v in %v", name, body, err, time.Since(start))
	}
	fill := func(s string) string { return full(s, maxSaid/2) }
	for name, body := range map[string]string{
		"a.txt": fill("may have been possibly affected "), "b.txt": fill("a\n"), "c.txt": fill("1. x\n"), "d.txt": fill("“"), "e.html": fill("<div>x"), "f.html": fill("<a href=https://x.example/>"),

		"g.txt": fill("20 November 2018 10:52 "), "h.txt": fill("the "),
		"k.txt": fill("a.b"), "l.txt": fill("ﷺ"), "m.txt": fill("1"), "n.txt": fill("パスワード"), "o.txt": fill("we are sorry. "), "p.txt": fill("https://x.example "),
	} {
		start := time.Now()
		l, err := ReadLetter(name, []byte(body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n := len(Lint(l, nil, nil))
		t.Logf("%s %.10q: %d findings in %v", name, body, n, time.Since(start))
	}
}

func TestReadLetterLimits(t *testing.T) {
	if _, err := ReadLetter("a.txt", make([]byte, MaxLetter+1)); err == nil || !strings.Contains(err.Error(), "larger than 1048576 bytes") {
		t.Error(err)
	}
	full := append(make([]byte, 0, MaxLetter), strings.Repeat("\n", MaxLetter-5)+"hello"...)
	if _, err := ReadLetter("a.txt", full); err != nil {
		t.Error(err)
	}
	if _, err := ReadLetter("a.txt", []byte(strings.Repeat("a", maxSaid))); err != nil {
		t.Error(err)
	}
	if _, err := ReadLetter("a.txt", []byte(strings.Repeat("a", maxSaid+1))); err == nil || !strings.Contains(err.Error(), "65537 bytes of text") {
		t.Error(err)
	}
	parts := func(n int) []byte {
		return []byte("From: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: text/plain\n\nhello\n", n) + "--b--\n")
	}
	if _, err := ReadLetter("a.eml", parts(maxParts-1)); err != nil {
		t.Error(err)
	}
	if _, err := ReadLetter("a.eml", parts(maxParts)); err == nil || !strings.Contains(err.Error(), "more than 50 parts") {
		t.Error(err)
	}
	nested := func(n int) []byte {
		s, end := "From: a@b.example\n", ""
		for i := range n {
			s += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
			end = fmt.Sprintf("--b%d--\n", i) + end
		}
		return []byte(s + "Content-Type: text/plain\n\nhello\n" + end)
	}
	if _, err := ReadLetter("a.eml", nested(maxNesting)); err != nil {
		t.Error(err)
	}
	if _, err := ReadLetter("a.eml", nested(maxNesting+1)); err == nil {
		t.Error("nested too deeply, and read")
	}
	for name, want := range map[string]string{"\xff\xfe": "not UTF-8", " \n": "empty"} {
		if _, err := ReadLetter("a.txt", []byte(name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

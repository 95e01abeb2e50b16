package noticeboard

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"candor.example/internal/notice"
)

var places = regexp.MustCompile(`\{[a-z]+\}`)

// Every language says everything, with the same places.
func TestWords(t *testing.T) {
	if len(allWords()) != len(notice.Languages) {
		t.Errorf("%d languages, and %d in which notices are drafted", len(allWords()), len(notice.Languages))
	}
	english := reflect.ValueOf(allWords()["en"])
	for _, lang := range notice.Languages {
		w := reflect.ValueOf(allWords()[lang])
		for i := range w.NumField() {
			name, text := w.Type().Field(i).Name, w.Field(i).String()
			want, got := places.FindAllString(english.Field(i).String(), -1), places.FindAllString(text, -1)
			slices.Sort(want)
			slices.Sort(got)
			if text == "" || !slices.Equal(got, want) {
				t.Errorf("%s: %s: %q has %v, want %v", lang, strings.ToLower(name), text, got, want)
			}
		}
	}
	for tag, want := range map[string]string{"de-AT": "de", "JA": "ja", "": "en", "sv": "en", "pt-BR": "pt"} {
		if spoken(tag) != want {
			t.Errorf("%q: %s", tag, spoken(tag))
		}
	}
}

// Of a letter's HTML the page takes over text, paragraphs, lists, headings and links, and nothing that could act or look like the page's own.
func TestBody(t *testing.T) {
	got := string(body(`<html><head><title>x</title><style>p{}</style></head><body onload="x()"><div style="a"><h1 style="b">A &amp; B</h1><p>Go to <a href="https://shop.example/?a=1&amp;b=2" onclick="y()">it</a>
<a href="javascript:z()">no</a><script>alert(1)</script><style>i</style><img src=x onerror=a><form><input name=code></form><ol start=3><li>one<br/>two</ol>&lt;script&gt;</body>after</html>`))
	want := `<h2>A &amp; B</h2><p>Go to <a rel="noreferrer" href="https://shop.example/?a=1&amp;b=2">it</a>
<a>no</a><ol><li>one<br>two</ol>&lt;script&gt;`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

var tag = regexp.MustCompile(`</?[^>]*>?`)
var allowedTag = regexp.MustCompile(`^</?(h2|h3|p|ul|ol|li|strong|em|br|a)( rel="noreferrer" href="https://[^"<>]*")?>$`)

func FuzzBody(f *testing.F) {
	f.Add(`<body><p>a<a href="https://x.example">b</a></p><script>c</script>`)
	f.Add(`<body><textarea><p onclick=x><a href='https://"><script>'>`)
	f.Fuzz(func(t *testing.T, document string) {
		for _, found := range tag.FindAllString(string(body(document)), -1) {
			if !allowedTag.MatchString(found) {
				t.Errorf("%q of %q", found, document)
			}
		}
	})
}

// Contrast by WCAG 2.2: 1.4.3 for text, 1.4.11 for the frames of what is typed into.
func TestContrast(t *testing.T) {
	schemes := regexp.MustCompile(`:root \{([^}]*)\}`).FindAllStringSubmatch(style, -1)
	if len(schemes) != 2 {
		t.Fatal(schemes)
	}
	for n, s := range schemes {
		colour := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z]+): (#[0-9a-f]{3,6})`).FindAllStringSubmatch(s[1], -1) {
			colour[m[1]] = luminance(m[2])
		}
		for pair, least := range map[string]float64{"ink/paper": 7, "ink/page": 7, "ink/say": 7, "soft/paper": 4.5, "soft/page": 4.5, "do/paper": 4.5, "do/page": 4.5, "on/do": 4.5, "line/paper": 3} {
			a, b, _ := strings.Cut(pair, "/")
			x, y := colour[a], colour[b]
			if ratio := (max(x, y) + .05) / (min(x, y) + .05); ratio < least {
				t.Errorf("scheme %d: %s is %.2f:1, less than %v", n, pair, ratio, least)
			}
		}
	}
}

func luminance(hex string) (l float64) {
	if hex = hex[1:]; len(hex) == 3 {
		hex = fmt.Sprintf("%c%c%c%c%c%c", hex[0], hex[0], hex[1], hex[1], hex[2], hex[2])
	}
	for i, weight := range []float64{.2126, .7152, .0722} {
		v, _ := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		c := float64(v) / 255
		if c <= .04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		l += weight * c
	}
	return l
}

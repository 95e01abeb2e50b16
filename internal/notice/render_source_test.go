package notice

import (
	"html"
	"maps"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestSource: the form of a text, and what is wrong with others, by line.
func TestSource(t *testing.T) {
	src, err := parseSource("Subject:  About {fields} \r\n\r\n# Title\n## Heading\nOne\nline.\n1. First\n   goes on\n2. Second\n\n3. Third\n- Bullet\n\n1. Anew\n\nOn\n20. November.\n## Last\n日本\n語\n", "shop.example")
	want := []block{
		{kind: title, number: 0, line: 3, text: "Title"}, {kind: heading, number: 0, line: 4, text: "Heading"}, {kind: paragraph, number: 0, line: 5, text: "One line."}, {kind: numbered, number: 1, line: 7, text: "First goes on"}, {kind: numbered, number: 2, line: 9, text: "Second"},
		{kind: numbered, number: 3, line: 11, text: "Third"}, {kind: bullet, number: 0, line: 12, text: "Bullet"}, {kind: numbered, number: 1, line: 14, text: "Anew"}, {kind: paragraph, number: 0, line: 16, text: "On 20. November."}, {kind: heading, number: 0, line: 18, text: "Last"}, {kind: paragraph, number: 0, line: 19, text: "日本語"},
	}
	if err != nil || src.subject != "About {fields}" || len(src.blocks) != len(want) {
		t.Fatalf("%+v, %v", src, err)
	}
	for i, b := range src.blocks {
		if b != want[i] {
			t.Errorf("%+v, want %+v", b, want[i])
		}
	}
}

func TestSourceErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                         `line 1: the text begins with "Subject: "`,
		"Dear all,\n":                              `line 1: the text begins with "Subject: "`,
		"Subject: \n\nA":                           `line 1: the text begins with "Subject: "`,
		"Subject: a\n\n":                           "line 3: the text ends behind its subject",
		"Subject: a\n\n{wat}":                      "line 3: nothing fills {wat}",
		"Subject: {name}\n\na":                     "line 1: nothing fills {name}",
		"Subject: a\n\n{what":                      "line 3: a brace has no other",
		"Subject: a\n\nwhat}":                      "line 3: a brace has no other",
		"Subject: a\n\n{wh\nat}":                   "line 3: a brace has no other",
		"Subject: a\n\n{{what}}":                   "line 3: nothing fills {{what}",
		"Subject: a\n\n\n2. b":                     "line 4: item 2 stands where item 1 is expected",
		"Subject: a\n\n1. b\n3. c":                 "line 4: item 3 stands where item 2 is expected",
		"Subject: a\n\n- ":                         "line 3: nothing follows the sign",
		"Subject: a\n\n1.":                         "line 3: nothing follows the sign",
		"Subject: a\n\n##":                         "line 3: nothing follows the sign",
		"Subject: a\n\nb\x00":                      "line 3: column 2: U+0000",
		"Subject: a\rBcc: x@y.example\n\nb":        "line 1: column 11: U+000D",
		"Subject: a\u2028b\n\nb":                   "line 1: column 11: U+2028",
		"Subject: a\n\n\tb":                        "line 3: column 1: U+0009",
		"Subject: a\n\nä\u202eb":                   "line 3: column 2: U+202E",
		"Subject: a\n\n\xff":                       "line 3: it is not UTF-8",
		"Subject: a\n\nhttp://shop.example/":       "line 3: a link that is not https on shop.example",
		"Subject: a\n\nhttps://shop.example.com/":  "line 3: a link that is not https",
		"Subject: a\n\nhttps://notshop.example/":   "line 3: a link that is not https",
		"Subject: a\n\nhttps://shop.example@a.b/":  "line 3: a link that is not https",
		"Subject: a\n\nhttps://shop.example:8443/": "line 3: a link that is not https",
		"Subject: a\n\nhttps://bit.ly/x":           "line 3: a link that is not https",
		"Subject: a\n\nHTTPS://EVIL.example/":      "line 3: a link that is not https",
		"Subject: a\n\nhttps://":                   "line 3: a link that is not https",
		"Subject: https://evil.example\n\nb":       "line 1: a link that is not https",
	} {
		if _, err := parseSource(text, "shop.example"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestSourceLimit: a text at the limit, and one byte past it.
func TestSourceLimit(t *testing.T) {
	text := "Subject: a\n\n"
	text += strings.Repeat("x", MaxSource-len(text))
	if _, err := parseSource(text, "shop.example"); err != nil {
		t.Error(err)
	}
	if _, err := parseSource(text+"x", "shop.example"); err == nil || !strings.Contains(err.Error(), "32769 bytes, more than 32768") {
		t.Error(err)
	}
}

// TestLinks: a URL is a link to what it shows, and the sentence's full stop is not part of it.
func TestLinks(t *testing.T) {
	src, err := parseSource("Subject: a\n\nSee https://www.shop.example/a?b=c&d=%3Cb%3E, or (https://shop.example/x). Or「https://shop.example/y」。\n", "Shop.example")
	if err != nil {
		t.Fatal(err)
	}
	got := renderHTML(src, "en")
	for _, want := range []string{
		`See <a href="https://www.shop.example/a?b=c&amp;d=%3Cb%3E">https://www.shop.example/a?b=c&amp;d=%3Cb%3E</a>, or (<a href="https://shop.example/x">https://shop.example/x</a>). Or「<a href="https://shop.example/y">https://shop.example/y</a>」。`,
	} {
		if !strings.Contains(got, want) {
			t.Error(got)
		}
	}
}

// TestWrap: long words stand alone, wide characters count twice, and what closes begins no line.
func TestWrap(t *testing.T) {
	long := strings.Repeat("x", 80)
	for text, want := range map[string]string{
		strings.Repeat("a", 72):          strings.Repeat("a", 72) + "\n",
		strings.Repeat("a", 70) + " b c": strings.Repeat("a", 70) + " b\nc\n",
		"a " + long + " b":               "a\n" + long + "\nb\n",
		strings.Repeat("日", 37):          strings.Repeat("日", 36) + "\n日\n",
		strings.Repeat("日", 36) + "。日":   strings.Repeat("日", 35) + "\n日。日\n",
		strings.Repeat("日", 35) + "（日）":  strings.Repeat("日", 35) + "\n（日）\n",
	} {
		var out strings.Builder
		wrap(&out, text, "")
		if out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	}
	var out strings.Builder
	wrap(&out, strings.Repeat("a", 60)+" on the 20. November 2018", "1. ")
	if want := "1. " + strings.Repeat("a", 60) + " on\n   the 20. November 2018\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	out.Reset()
	wrap(&out, strings.Repeat("a", 60)+" (GDPR Art. 33). Why", "")
	if want := strings.Repeat("a", 60) + " (GDPR\nArt. 33). Why\n"; out.String() != want {
		t.Errorf("a line that ends before a number in parentheses: %q", out.String())
	}
}

var allowedTag = regexp.MustCompile(`</?(p|ul|ol|li|h1|h2|a|div|span|html|head|body|title|style|meta)\b`)

// FuzzSource: whatever is written into a textarea and whatever a customer's name is, it is refused with a line, or becomes a message without
// markup of its own, with no other link, and with a subject of one line.
func FuzzSource(f *testing.F) {
	d, err := Write(shopFacts(), Affected)
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range d.Texts {
		f.Add(text, "Erika Muster", "Hello {name}!")
	}
	f.Add("Subject: <b>\n\n<script>{greeting}\n1. https://shop.example/\"onclick=\n- b", "<b>\r\nBcc: a", "{name}\nBcc: {name}")
	f.Add("Subject: {what}\n\n# a\n1. b\n2. c\n20. d\n", "a\u202eb", "https://evil.example")
	f.Fuzz(func(t *testing.T, text, name, greeting string) {
		d := Draft{Schema: DraftSchema, Kind: Affected, Facts: d.Facts, Texts: map[string]string{"gdpr/de": text}, Phrases: map[string]Phrases{"de": maps.Clone(d.Phrases["de"])}}
		d.Phrases["de"]["greeting"] = greeting
		p := erika()
		p.Name = name
		m, err := d.Message(p, noticeDate)
		if err != nil {
			return
		}
		if strings.ContainsFunc(m.Subject, forbidden) || m.Subject == "" || !utf8.ValidString(m.Text) || !utf8.ValidString(m.HTML) {
			t.Errorf("subject %q", m.Subject)
		}
		if strings.ContainsFunc(strings.ReplaceAll(m.Text, "\n", ""), forbidden) {
			t.Errorf("what nobody can see in %q", m.Text)
		}
		_, body, _ := strings.Cut(m.HTML, "<body>")
		if rest := allowedTag.ReplaceAllString(body, ""); strings.Contains(rest, "<") {
			t.Errorf("markup in %s", body)
		}
		for _, href := range regexp.MustCompile(`<a href="([^"]*)">`).FindAllStringSubmatch(body, -1) {
			if err := checkLink(html.UnescapeString(href[1]), "shop.example"); err != nil {
				t.Errorf("%s: %v", href[1], err)
			}
		}
		if strings.Count(body, "<a ") != strings.Count(body, "<a href=\"https://") {
			t.Errorf("another link in %s", body)
		}
	})
}

// FuzzDraft: what ParseDraft reads, Encode writes, and it reads that as the same.
func FuzzDraft(f *testing.F) {
	d, err := Write(shopFacts(), Viewers)
	if err != nil {
		f.Fatal(err)
	}
	for key := range d.Texts {
		if key != "viewers/pl" {
			delete(d.Texts, key)
			delete(d.Phrases, strings.TrimPrefix(key, "viewers/"))
		}
	}
	b, _ := d.Encode()
	f.Add(b)
	f.Add([]byte(`{"schema":"candor.notice/v1","kind":"viewers","facts":{},"texts":{"gdpr/xx":"Subject: a\n\nb"},"phrases":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDraft(b)
		if err != nil {
			return
		}
		d.Message(erika(), noticeDate)
		out, err := d.Encode()
		if err != nil {
			return // times outside of RFC 3339's years, and what grows past the limit
		}
		again, err := ParseDraft(out)
		if err != nil || again.Hash() != d.Hash() {
			t.Errorf("%v: %s", err, out)
		}
	})
}

package notice

import (
	"fmt"
	"html"
	"regexp"
	"strings"
)

// page is the whole document: nothing remote, no script, sizes that can be read, and colours with a contrast of 7:1 or more (WCAG 2.2, 1.4.3) in the
// light and in the dark. Mail programs that drop <style> show black on white in their own font.
const page = `<!DOCTYPE html>
<html lang="%s">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>%s</title>
<style>
:root{color-scheme:light dark}
body{margin:0;padding:0;background:#ffffff;color:#1c1c1c}
a{color:#0b4f9e}
@media (prefers-color-scheme:dark){body{background:#15171a!important;color:#e9e9e9!important}a{color:#9ec5ff!important}}
</style>
</head>
<body>
<div lang="%s" role="main" style="max-width:38em;margin:0 auto;padding:16px;font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:16px;line-height:1.5;overflow-wrap:break-word;word-wrap:break-word;word-break:break-word">
%s</div>
</body>
</html>
`

func renderHTML(src source, lang string) string {
	var body strings.Builder
	body.Grow(rendered(src, func(b block) string { return b.html }))
	if len(src.blocks) > 0 && src.blocks[0].kind != title {
		writeElement(&body, "h1", titleStyle, src.subject)
	}
	list := ""
	for _, b := range src.blocks {
		if want := lists[b.kind]; want != list || b.kind == numbered && b.number == 1 {
			if list != "" {
				body.WriteString("</" + list + ">\n")
			}
			if list = want; list != "" {
				body.WriteString("<" + list + " style=\"margin:0 0 16px;padding-left:28px\">\n")
			}
		}
		writeBlock(&body, b)
	}
	if list != "" {
		fmt.Fprintf(&body, "</%s>\n", list)
	}
	return fmt.Sprintf(page, html.EscapeString(lang), html.EscapeString(src.subject), html.EscapeString(lang), body.String())
}

// rendered is about how long a text becomes of which some blocks are rendered already.
func rendered(src source, already func(block) string) (n int) {
	for _, b := range src.blocks {
		n += max(len(already(b)), 2*len(b.text)) + 16
	}
	return n
}

var lists = map[blockKind]string{numbered: "ol", bullet: "ul"}

const titleStyle = "font-size:24px;line-height:1.25;margin:0 0 16px"

func writeBlock(out *strings.Builder, b block) {
	if b.html != "" {
		out.WriteString(b.html)
		return
	}
	switch b.kind {
	case title:
		writeElement(out, "h1", titleStyle, b.text)
	case heading:
		writeElement(out, "h2", "font-size:19px;line-height:1.3;margin:28px 0 8px", b.text)
	case numbered, bullet:
		writeElement(out, "li", "margin:0 0 8px", b.text)
	case paragraph:
		writeElement(out, "p", "margin:0 0 16px", b.text)
	}
}

// writeElement escapes everything. A URL becomes a link to just what it shows; checkLink has seen all that operators write, and what is filled in
// for a person holds none.
func writeElement(out *strings.Builder, name, style, text string) {
	out.WriteString("<" + name + ` style="` + style + `">`)
	from := 0
	for _, at := range links(text) {
		link := html.EscapeString(text[at[0]:at[1]])
		fmt.Fprintf(out, `%s<a href="%s">%s</a>`, inOnePiece(text[from:at[0]]), link, link)
		from = at[1]
	}
	out.WriteString(inOnePiece(text[from:]))
	out.WriteString("</" + name + ">\n")
}

// reference is a code or a number with hyphens, such as people compare or read out: K7QM-2XHD-9RTP.
var reference = regexp.MustCompile(`\b[0-9A-Za-z]+(-[0-9A-Za-z]+)+\b`)

// inOnePiece escapes text, and lets no line end within a reference. Only words with a hyphen and a digit are looked at closely: the expression would
// take longer over a text than all else that is done for it.
func inOnePiece(text string) string {
	text = html.EscapeString(text)
	var out strings.Builder
	done, start, hyphen, digit := 0, 0, false, false
	for i := 0; i <= len(text); i++ {
		if i < len(text) && ofWord(text[i]) {
			hyphen, digit = hyphen || text[i] == '-', digit || '0' <= text[i] && text[i] <= '9'
			continue
		}
		if hyphen && digit {
			out.WriteString(text[done:start])
			out.WriteString(reference.ReplaceAllStringFunc(text[start:i], held))
			done = i
		}
		start, hyphen, digit = i+1, false, false
	}
	if done == 0 {
		return text
	}
	out.WriteString(text[done:])
	return out.String()
}

func held(r string) string {
	if len(r) > 20 || !strings.ContainsAny(r, "0123456789") {
		return r
	}
	return `<span style="white-space:nowrap">` + r + `</span>`
}

func ofWord(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '-' || c == '_'
}

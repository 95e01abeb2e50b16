package filing

import (
	"bytes"
	"fmt"
	"strings"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
)

// PDF is the filing as it is printed, with text that can be selected. The same filing gives the same bytes. Font is a TrueType font for what it is written
// in; nil is the Go fonts, which have Latin, Greek and Cyrillic letters. A letter that the font has not is an error: a name must not come out as a row of boxes.
func (f Filing) PDF(font []byte) ([]byte, error) {
	regular, bold := goregular.TTF, gobold.TTF
	if font != nil {
		regular, bold = font, font
	}
	for _, one := range [][]byte{regular, bold} {
		if err := covers(one, string(f.Markdown())); err != nil {
			return nil, err
		}
	}
	p := &page{fpdf.New("P", "mm", f.Paper, "")}
	p.SetCreationDate(f.Drafted)
	p.SetModificationDate(f.Drafted)
	p.SetCatalogSort(true)
	p.SetTitle(f.Title, true)
	p.SetLang("en")
	p.AddUTF8FontFromBytes("text", "", regular)
	p.AddUTF8FontFromBytes("text", "B", bold)
	p.SetMargins(20, 18, 20)
	p.SetAutoPageBreak(true, 20)
	p.AliasNbPages("{pages}")
	p.SetFooterFunc(func() { p.foot(f) })
	p.AddPage()
	p.filing(f)
	var b bytes.Buffer
	err := p.Output(&b)
	return b.Bytes(), err
}

// covers says which letter of a text a font has not.
func covers(font []byte, text string) error {
	parsed, err := sfnt.Parse(font)
	if err != nil {
		return fmt.Errorf("the font cannot be read: give a TrueType font: %w", err)
	}
	var b sfnt.Buffer
	for _, r := range text {
		if r == '\n' || r == '\t' {
			continue
		}
		if i, err := parsed.GlyphIndex(&b, r); err != nil || i == 0 || r > 0xffff {
			return fmt.Errorf("the font has no letter %q (U+%04X): give a TrueType font that has it, or take Markdown", r, r)
		}
	}
	return nil
}

type page struct{ *fpdf.Fpdf }

func (p *page) foot(f Filing) {
	p.SetY(-14)
	p.SetFont("text", "", 8)
	p.SetTextColor(90, 90, 90)
	p.CellFormat(0, 4, fmt.Sprintf("%s, %s, incident %s, drafted %s. Page %d of {pages}", f.Form, f.Phase, f.Incident, f.Drafted.Format("2006-01-02 15:04 UTC"), p.PageNo()), "T", 0, "L", false, 0, "")
	p.SetTextColor(0, 0, 0)
}

func (p *page) filing(f Filing) {
	p.text("B", 16, 7, f.Title)
	p.Ln(2)
	for _, pair := range f.head() {
		p.text("", 10, 5, pair[0]+": "+pair[1])
	}
	p.Ln(2)
	p.text("B", 10, 5, f.Advice)
	for _, s := range f.Sections {
		p.heading(s.Title)
		for _, a := range s.Answers {
			p.answer(a)
		}
	}
	p.list("Changed since it was filed", f.changeLines())
	p.list("About this form", f.Notes)
	if f.Sample != "" {
		p.AddPage()
		p.heading("Sample of the notice")
		for _, line := range strings.Split(strings.TrimRight(f.Sample, "\n"), "\n") {
			p.text("", 10, 5, line)
		}
	}
}

// text writes a paragraph; an empty one is an empty line.
func (p *page) text(style string, points, height float64, text string) {
	p.SetFont("text", style, points)
	p.MultiCell(0, height, text, "", "L", false)
}

// heading stays with what follows it: it begins a new page where there is no room for both.
func (p *page) heading(title string) {
	p.keep(28)
	p.Ln(4)
	p.text("B", 13, 6, title)
}

// keep begins a new page where fewer millimetres than these are left.
func (p *page) keep(millimetres float64) {
	_, height := p.GetPageSize()
	if _, _, _, bottom := p.GetMargins(); p.GetY()+millimetres > height-bottom {
		p.AddPage()
	}
}

// answer is a question, what is known, and a box to write into where a person is asked.
func (p *page) answer(a Answer) {
	p.keep(18)
	p.Ln(2)
	p.text("B", 10, 5, a.heading())
	p.SetFont("text", "", 10)
	for _, line := range a.lines() {
		if line != a.Mark() {
			p.MultiCell(0, 5, line, "", "L", false)
			continue
		}
		p.keep(22)
		p.SetFillColor(240, 240, 240)
		p.MultiCell(0, 5, line, "LTR", "L", true)
		p.CellFormat(0, 10, "", "LBR", 1, "L", false, 0, "")
	}
}

func (p *page) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.heading(title)
	for _, l := range lines {
		p.text("", 10, 5, "– "+l)
	}
}

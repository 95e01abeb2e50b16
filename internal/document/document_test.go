package document

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func extract(t testing.TB, body []byte, l Limits) (string, error) {
	t.Helper()
	var b strings.Builder
	err := Extract(context.Background(), body, l, func(p []byte) error { b.Write(p); return nil })
	return b.String(), err
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	first  = strings.Fields("Ada Björn Chloé Dinah Emeka Françoise Goran Hana Ines Jürgen")
	family = strings.Fields("Abara Brown Çelik Dvořák Eriksen Fischer García Huber Ito Jansen")
)

// row is person i of testdata/make.py, with sep between the columns.
func row(i int, sep string) string {
	return strings.Join([]string{fmt.Sprint(1000 + i), first[i%10] + " " + family[i/10%10], fmt.Sprintf("customer%d@mail.example", i), fmt.Sprint("+49 30 ", 5550000+i)}, sep)
}

// Every row stands in one line, in the files of every program, and so does what hides in corners.
func TestEveryRow(t *testing.T) {
	corners := []string{"linked@mail.example", "field@mail.example"}
	for _, c := range []struct {
		file, sep string
		rows      int
		also      []string
	}{
		{"shared.xlsx", "\t", 120, []string{"mailto:linked@mail.example", "mailto:formula@mail.example", "commented@mail.example", "hidden@mail.example", "author@mail.example"}},
		{"inline.xlsx", "\t", 120, []string{"\ncached@mail.example\tLOWER(\"CACHED@MAIL.EXAMPLE\")\t", "rich@mail.example "}},
		{"table.docx", " \t", 40, []string{"write to two" + "runs@mail.example\n"}},
		{"sheet.ods", " \t", 60, nil},
		{"text.odt", "", 0, []string{"Write to text@mail.example or ", "mailto:linked@mail.example"}},
		{"truetype.pdf", "\t", 60, corners},
		{"cairo.pdf", "\t", 60, nil},
		{"chromium.pdf", "\t", 60, []string{"office-fi@mail.example", "kerned.AVATAR.To@mail.example", "bold@mail.example", "mailto:linked@mail.example"}},
		{"linearized.pdf", "\t", 60, nil},
		{"objstm.pdf", "\t", 60, corners},
		{"rc4-40.pdf", "\t", 60, corners},
		{"rc4-128.pdf", "\t", 60, corners},
		{"aes-128.pdf", "\t", 60, corners},
		{"aes-256.pdf", "\t", 60, corners},
		{"aes-256-r5.pdf", "\t", 60, corners},
	} {
		text, err := extract(t, read(t, c.file), Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
		}
		for i := range c.rows {
			if !strings.Contains(text, row(i, c.sep)) {
				t.Errorf("%s: row %d, %q, is missing", c.file, i, row(i, c.sep))
				break
			}
		}
		for _, s := range c.also {
			if !strings.Contains(text, s) {
				t.Errorf("%s: %q is missing", c.file, s)
			}
		}
	}
}

// Programs whose columns are not told apart by tabs, or whose fonts have Latin letters only.
func TestEveryAddress(t *testing.T) {
	for file, rows := range map[string]int{"reportlab.pdf": 120, "pdfkit.pdf": 60, "exceljs.xlsx": 60, "groff.pdf": 60, "ghostscript.pdf": 60} {
		text, err := extract(t, read(t, file), Limits{})
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		text = strings.Join(strings.Fields(text), " ")
		for i := range rows {
			if strings.HasPrefix(file, "g") && i == 0 && !strings.Contains(text, "office-fi.AVATAR@mail.example and waffle@mail.example.") {
				t.Errorf("%s: the kerned addresses are missing", file)
			}
			if want := fmt.Sprintf(" customer%d@mail.example +49 30 %d", i, 5550000+i); !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing", file, want)
				break
			}
		}
	}
}

// What cannot be read is said, after what can be.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		file string
		want error
		also string
	}{
		{"password.pdf", ErrEncrypted, ""},
		{"password-128.pdf", ErrEncrypted, ""},
		{"picture.pdf", ErrUnreadable, ""},
		{"damaged.pdf", ErrMalformed, "customer30@mail.example"},
		{"damaged.xlsx", ErrMalformed, "customer30@mail.example"},
		{"make.py", ErrMalformed, ""},
	} {
		text, err := extract(t, read(t, c.file), Limits{})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.file, err, c.want)
		}
		if !strings.Contains(text, c.also) {
			t.Errorf("%s: %q is missing", c.file, c.also)
		}
		if err != nil && strings.Contains(err.Error(), "@") {
			t.Errorf("%s: the error holds somebody's data: %v", c.file, err)
		}
	}
}

func TestEncryptedOffice(t *testing.T) {
	cfb := string(magicCFB) + strings.Repeat("\x00", 500)
	if _, err := extract(t, []byte(cfb+"E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00"), Limits{}); !errors.Is(err, ErrEncrypted) {
		t.Error(err)
	}
	if _, err := extract(t, []byte(cfb), Limits{}); !errors.Is(err, ErrUnreadable) {
		t.Error(err)
	}
}

func archiveOf(t testing.TB, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(entries); i += 2 {
		w, err := z.Create(entries[i])
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(entries[i+1]))
	}
	z.Close()
	return b.Bytes()
}

// An archive of exports is read entry by entry, and documents in it are documents.
func TestArchive(t *testing.T) {
	body := archiveOf(t, "export/customers.csv", "id,email\n1,ada@mail.example\n", "report.xlsx", string(read(t, "inline.xlsx")), "logo.png", "x@mail.example")
	text, err := extract(t, body, Limits{})
	if err != nil || !strings.Contains(text, "1,ada@mail.example\n") || !strings.Contains(text, row(7, "\t")) || strings.Contains(text, "x@mail.example") {
		t.Errorf("%v\n%.200s", err, text)
	}
}

func TestNesting(t *testing.T) {
	body := []byte("ada@mail.example")
	for depth := range maxNesting + 2 {
		if depth > 0 {
			text, err := extract(t, body, Limits{})
			if err != nil || !strings.Contains(text, "ada@mail.example") {
				t.Errorf("%d: %v", depth, err)
			}
		}
		body = archiveOf(t, "in.zip", string(body))
	}
	if _, err := extract(t, body, Limits{}); !errors.Is(err, ErrLimit) {
		t.Error("one too deep:", err)
	}
}

// The limit counts what is read and what is yielded, whichever way a small file becomes large.
func TestLimit(t *testing.T) {
	bomb := archiveOf(t, "zeros.txt", strings.Repeat("0", 1<<20))
	if _, err := extract(t, bomb, Limits{Decoded: 2<<20 + 1}); err != nil {
		t.Error("at the limit:", err)
	}
	if _, err := extract(t, bomb, Limits{Decoded: 2 << 20}); !errors.Is(err, ErrLimit) {
		t.Error("one less:", err)
	}
	for _, body := range [][]byte{
		archiveOf(t, "[Content_Types].xml", "", "xl/sharedStrings.xml", "<si><t>"+strings.Repeat("x", 992)+"</t></si>"), // and 8 for where it ends
		archiveOf(t, "a.pdf", "%PDF-"+strings.Repeat("x", 995)),
		pdfOf("<</Type/Page/Contents 2 0 R>>", streamOf("/Filter/RL", strings.Repeat("\xff ", 500))),
	} {
		if _, err := extract(t, body, Limits{Held: 1000}); errors.Is(err, ErrLimit) {
			t.Errorf("held, at the limit: %v", err)
		}
		if _, err := extract(t, body, Limits{Held: 999}); !errors.Is(err, ErrLimit) {
			t.Errorf("held, one less: %v", err)
		}
	}
	long := strings.Repeat("x", 1<<20) // one string of 1 MB that a thousand cells show
	sheet := "<row>" + strings.Repeat(`<c t="s"><v>0</v></c>`, 1000) + "</row>"
	shared := archiveOf(t, "[Content_Types].xml", "", "xl/sharedStrings.xml", "<si><t>"+long+"</t></si>", "xl/worksheets/sheet1.xml", sheet)
	if _, err := extract(t, shared, Limits{Decoded: 32 << 20}); !errors.Is(err, ErrLimit) {
		t.Error("shared string:", err)
	}
	token := archiveOf(t, "[Content_Types].xml", "", "xl/a.xml", "<a b='"+strings.Repeat("x", maxToken)+"'/>")
	if _, err := extract(t, token, Limits{}); !errors.Is(err, ErrLimit) {
		t.Error("token:", err)
	}
	for n, want := range map[int]error{4: nil, 5: ErrLimit} {
		cell := archiveOf(t, "[Content_Types].xml", "", "xl/worksheets/a.xml", "<c>"+strings.Repeat("<t>"+strings.Repeat("x", maxToken/4)+"</t>", n)+"</c>")
		if _, err := extract(t, cell, Limits{}); !errors.Is(err, want) {
			t.Errorf("a cell of %d MB: %v", n, err)
		}
	}
	part := streamOf("/Filter/RL", strings.Repeat("\xff ", 250))
	for _, c := range []struct {
		parts string
		want  error
	}{{"2 0 R 3 0 R", nil}, {"2 0 R 3 0 R 4 0 R", ErrLimit}} {
		if _, err := extract(t, pdfOf("<</Type/Page/Contents["+c.parts+"]>>", part, part, part), Limits{Held: 1001}); !errors.Is(err, c.want) {
			t.Errorf("a page of parts %s: %v", c.parts, err)
		}
	}
	many := bytes.Repeat([]byte("PK\x01\x02"), maxEntries+1)
	if _, err := extract(t, append([]byte("PK\x03\x04"), many...), Limits{}); !errors.Is(err, ErrLimit) {
		t.Error("entries:", err)
	}
}

func TestYieldAndContextEndIt(t *testing.T) {
	stop := errors.New("enough")
	if err := Extract(t.Context(), read(t, "cairo.pdf"), Limits{}, func([]byte) error { return stop }); err != stop {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Extract(ctx, read(t, "shared.xlsx"), Limits{}, func([]byte) error { t.Error("yielded"); return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// pdfOf writes the objects of a PDF, without any cross-reference table.
func pdfOf(objects ...string) []byte {
	b := []byte("%PDF-1.7\n")
	for i, o := range objects {
		b = fmt.Appendf(b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	return b
}

func streamOf(dict, data string) string {
	return fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", dict, len(data), data)
}

// Objects that refer to themselves and to each other end.
func TestCycles(t *testing.T) {
	for _, body := range map[string][]byte{
		"reference": pdfOf("1 0 R", "<</Type/Page/Contents 1 0 R/Parent 2 0 R>>"),
		"filter":    pdfOf("<</Type/Page/Contents 2 0 R>>", streamOf("/Filter 2 0 R", "x")),
		"form":      pdfOf("<</Type/Page/Contents 2 0 R/Resources<</XObject<</F 3 0 R>>>>>>", streamOf("", "/F Do"), streamOf("/Type/XObject/Subtype/Form/Resources<</XObject<</F 3 0 R>>>>", "/F Do")),
		"pack":      pdfOf("<</Type/Page>>", streamOf("/Type/ObjStm/N 1/First 4", "2 0 <</Type/ObjStm>>")),
		"encrypt":   append(pdfOf("1 0 R", "<</Type/Page>>"), "trailer<</Encrypt 1 0 R>>"...),
		"lists":     pdfOf("<</Type/Page/Contents "+strings.Repeat("[", 10000)+">>", "<</Type/Page>>"),
	} {
		extract(t, body, Limits{}) // returns
	}
}

// A small file that stands for much work comes to the limit soon.
func TestPDFLimit(t *testing.T) {
	for name, body := range map[string][]byte{
		"unclosed":  bytes.Repeat([]byte("1 0 obj [ "), 100000),
		"pages":     pdfOf("<</Resources<</Font<</F 1 0 R>>>>/X("+strings.Repeat("x", 1<<20)+")>>", strings.Repeat("endobj 3 0 obj<</Type/Page/Parent 1 0 R>>", 1000)),
		"streams":   bytes.Repeat([]byte("%PDF-1 0 obj<<>>stream\n"), 100000),
		"trailers":  append(pdfOf(), bytes.Repeat([]byte("trailer<<"), 100000)...),
		"bfrange":   pdfOf("<</Type/Page/Contents 2 0 R/Resources<</Font<</F 3 0 R>>>>>>", streamOf("", "BT /F 1 Tf (x) Tj ET"), "<</Subtype/Type0/ToUnicode 4 0 R>>", streamOf("", strings.Repeat("1 beginbfrange <0000> <ffff> <0041> endbfrange ", 1000))),
		"predictor": pdfOf("<</Type/Page/Contents 2 0 R>>", streamOf("/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 1000000>>", "x")),
		"runs":      pdfOf("<</Type/Page/Contents 2 0 R>>", streamOf("/Filter[/RL/RL/RL/RL/RL/RL/RL/RL]", strings.Repeat("\x81\x81", 10000))),
	} {
		start := time.Now()
		_, err := extract(t, append([]byte("%PDF-1.7\n"), body...), Limits{Decoded: 64 << 20})
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: %v, %v", name, took, err)
		}
	}
}

// §7.5.6: of what was written twice the later counts; the text of a page that nothing refers to any more is still there.
func TestIncrementalUpdate(t *testing.T) {
	font := "/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Courier>>>>>>"
	body := pdfOf("<</Type/Page/Contents 2 0 R"+font+">>", streamOf("", "BT /F 9 Tf (old@mail.example) Tj ET"))
	body = append(body, "2 0 obj\n"+streamOf("", "BT /F 9 Tf (new@) Tj 20 0 Td (mail) Tj [(.ex) 40 (ample)] TJ ET")+"\nendobj\n"...)
	text, err := extract(t, body, Limits{})
	if err != nil || strings.Contains(text, "old@") || !strings.Contains(text, "new@") || !strings.Contains(text, ".example") {
		t.Errorf("%v %q", err, text)
	}
}

func TestFilters(t *testing.T) {
	p := &pdf{sink: &sink{ctx: t.Context(), left: 1 << 20, held: 1 << 20}}
	for _, c := range []struct {
		filter name
		in     string
		want   string
	}{
		{"LZWDecode", "\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01", "-----A---B"}, // the example of §7.4.4.2
		{"ASCIIHexDecode", "48 65 6c6C 6F>", "Hello"},
		{"RunLengthDecode", "\x01ab\xfec\x80", "abccc"},
		{"ASCII85Decode", "87cURDZ~>", "Hello"},
	} {
		out, err := p.unfilter(c.filter, []byte(c.in), nil)
		if err != nil || string(out) != c.want {
			t.Errorf("%s: %q, %v", c.filter, out, err)
		}
	}
	out, _ := p.predicted([]byte("\x02ab\x02\x01\x01\x01c\x01\x03\x01\x01\x04\x01\x02"), dict{"Predictor": 12.0, "Columns": 2.0}, nil)
	if string(out) != "abbccd2L3N" {
		t.Errorf("%q", out)
	}
}

func FuzzExtract(f *testing.F) {
	files, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range files {
		if b := []byte(nil); !e.IsDir() {
			if b = read(f, e.Name()); len(b) < 30<<10 {
				f.Add(b)
			}
		}
	}
	f.Add(pdfOf("<</Type/Page/Contents 2 0 R/Resources<</XObject<</F 3 0 R>>>>>>", streamOf("", "/F Do BT (x) Tj ET"), streamOf("/Subtype/Form", "q Q")))
	f.Fuzz(func(t *testing.T, body []byte) {
		const limit = 4 << 20
		total := 0
		err := Extract(t.Context(), body, Limits{Decoded: limit}, func(p []byte) error { total += len(p); return nil })
		if total > limit {
			t.Errorf("%d bytes of text from %d bytes", total, len(body))
		}
		if err != nil && !errors.Is(err, ErrEncrypted) && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrLimit) && !errors.Is(err, ErrUnreadable) {
			t.Errorf("an error of no kind: %v", err)
		}
		if err != nil && strings.Contains(err.Error(), "gave up") {
			t.Errorf("panic: %v", err)
		}
	})
}

// BenchmarkExtract reads documents of the size of a real export.
func BenchmarkExtract(b *testing.B) {
	var sheet, page strings.Builder
	for i := range 50000 {
		fmt.Fprintf(&sheet, `<row r="%d"><c t="inlineStr"><is><t>%d</t></is></c><c t="inlineStr"><is><t>Ada Abara</t></is></c><c t="inlineStr"><is><t>customer%d@mail.example</t></is></c></row>`, i, i, i)
		fmt.Fprintf(&page, "BT /F 9 Tf 40 %d Td (%d) Tj 100 0 Td (Ada Abara) Tj 100 0 Td (customer%d@mail.example) Tj ET\n", i, i, i)
	}
	for name, body := range map[string][]byte{
		"xlsx": archiveOf(b, "[Content_Types].xml", "", "xl/worksheets/sheet1.xml", sheet.String()),
		"pdf":  pdfOf("<</Type/Page/Contents 2 0 R/Resources<</Font<</F<</Subtype/Type1/BaseFont/Courier>>>>>>>>", streamOf("", page.String())),
		"docx": read(b, "table.docx"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for range b.N {
				if _, err := extract(b, body, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Each bound of the PDF reader, at it and one past it.
func TestPDFBounds(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		in   string
		want error
	}{
		{nested(maxDepth), nil}, {nested(maxDepth + 1), errSyntax},
		{"[" + strings.Repeat("1 ", maxValues-2) + "]", nil}, {"[" + strings.Repeat("1 ", maxValues) + "]", errSyntax},
	} {
		if _, err := newLexer([]byte(c.in), 0).value(0); err != c.want {
			t.Errorf("%.40s…: %v, want %v", c.in, err, c.want)
		}
	}
	filters := func(n int) []byte {
		return pdfOf("<</Type/Page/Contents 2 0 R>>", streamOf("/Filter["+strings.Repeat("/Crypt", n)+"]", "q"))
	}
	if _, err := extract(t, filters(8), Limits{}); err != nil {
		t.Error(err)
	}
	if _, err := extract(t, filters(9), Limits{}); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
	b := []byte("%PDF-1.7\n0 0 obj<</Type/Page>>")
	for i := 1; i < maxObjects; i++ {
		b = fmt.Appendf(b, "%d 0 obj 1 ", i)
	}
	if _, err := extract(t, b, Limits{}); err != nil {
		t.Error(err)
	}
	if _, err := extract(t, fmt.Appendf(b, "%d 0 obj 1 ", maxObjects), Limits{}); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
}

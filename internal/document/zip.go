package document

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// archive reads a ZIP file (APPNOTE.TXT 6.3): an office document, or a folder of files.
func (s *sink) archive(body []byte, depth int) error {
	if bytes.Count(body, []byte("PK\x01\x02")) > maxEntries { // before the library makes something of each
		return fmt.Errorf("%w of %d entries", ErrLimit, maxEntries)
	}
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	a := archive{sink: s, depth: depth}
	for _, f := range z.File {
		if a.office = a.office || f.Name == "[Content_Types].xml" || f.Name == "META-INF/manifest.xml"; f.Name == "xl/sharedStrings.xml" {
			a.note(f, a.each(f, a.sharedString))
		}
	}
	for _, f := range z.File {
		if s.over(a.err) {
			break
		}
		if f.FileInfo().IsDir() || f.Name == "xl/sharedStrings.xml" {
			continue
		}
		a.note(f, a.entry(f))
	}
	return a.err
}

type archive struct {
	*sink
	depth  int
	office bool
	err    error

	strings []byte // the shared strings, one after the other
	ends    []int  // where each ends
}

// note keeps the worst error. The names of entries may be somebody's, and are not said.
func (a *archive) note(f *zip.File, err error) {
	switch {
	case err == nil:
		return
	case f.Flags&1 != 0: // APPNOTE.TXT §4.4.4: bit 0, encrypted
		err = ErrEncrypted
	case a.failed == nil && !errors.Is(err, ErrLimit) && !errors.Is(err, ErrEncrypted) && !errors.Is(err, ErrUnreadable) && !errors.Is(err, ErrMalformed):
		err = fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	a.err = worse(a.err, err)
}

func (a *archive) entry(f *zip.File) error {
	ext := strings.ToLower(path.Ext(f.Name))
	switch {
	case a.office && (ext == ".xml" || ext == ".rels" || ext == ".rdf" || ext == ".vml"):
		if strings.HasPrefix(f.Name, "xl/worksheets/") && ext == ".xml" {
			return a.sheet(f)
		}
		properties := strings.HasPrefix(f.Name, "docProps/") || f.Name == "meta.xml"
		return a.each(f, (&prose{sink: a.sink, lines: properties}).token)
	case isPicture(ext):
		return nil
	}
	return a.file(f)
}

// isPicture names what holds no text, as guard's isMedia does by type.
func isPicture(ext string) bool {
	switch ext {
	case ".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff", ".bmp", ".ico", ".emf", ".wmf",
		".mp3", ".mp4", ".mov", ".avi", ".wav", ".ttf", ".otf", ".woff", ".woff2", ".odttf", ".fntdata":
		return true
	}
	return false
}

// file yields a plain file as it is, and reads a document for its text.
func (a *archive) file(f *zip.File) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	in := &spending{r: r, s: a.sink}
	head := make([]byte, 1024)
	n, err := io.ReadFull(in, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return err
	}
	head = head[:n]
	if isDocument(head) {
		inner, err := io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(head), in), a.held+1))
		if int64(len(inner)) > a.held {
			return fmt.Errorf("%w: a document in an archive", ErrLimit)
		}
		if a.over(err) {
			return err
		}
		return worse(err, a.document(inner, a.depth+1))
	}
	if err := a.text(head); err != nil {
		return err
	}
	if _, err := io.Copy(writer(a.text), in); err != nil {
		return err
	}
	return a.text([]byte("\n"))
}

type writer func([]byte) error

func (w writer) Write(p []byte) (int, error) { return len(p), w(p) }

// spending counts what is read, and what was read since the last reset.
type spending struct {
	r     io.Reader
	s     *sink
	since int
	max   int // zero: none
}

func (r *spending) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if r.since += n; r.max > 0 && r.since > r.max {
		return 0, ErrLimit
	}
	if e := r.s.spend(n); e != nil {
		return 0, e
	}
	return n, err
}

// each reads an entry's XML token by token. RawToken keeps no stack, and no entity is resolved but the five and numbers.
func (a *archive) each(f *zip.File, do func(xml.Token) error) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	in := &spending{r: r, s: a.sink, max: maxToken}
	d := xml.NewDecoder(in)
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) {
		return nil, errors.New("XML that is not in UTF-8") // ECMA-376-2 §8.1.3 allows UTF-16 too, which nobody writes
	}
	for {
		in.since = 0
		t, err := d.RawToken()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := do(t); err != nil {
			return err
		}
	}
}

// sharedString keeps the strings that cells refer to by number (ECMA-376-1 §18.4.8).
func (a *archive) sharedString(t xml.Token) error {
	switch t := t.(type) {
	case xml.CharData:
		a.strings = append(a.strings, t...)
	case xml.EndElement:
		if t.Name.Local == "si" {
			a.ends = append(a.ends, len(a.strings))
		}
	}
	if int64(len(a.strings)+8*len(a.ends)) > a.held {
		return fmt.Errorf("%w: shared strings", ErrLimit)
	}
	return nil
}

func (a *archive) shared(number []byte) []byte {
	i, err := strconv.Atoi(string(bytes.TrimSpace(number)))
	if err != nil || i < 0 || i >= len(a.ends) {
		return nil
	}
	start := 0
	if i > 0 {
		start = a.ends[i-1]
	}
	return a.strings[start:a.ends[i]]
}

// sheet yields a worksheet (ECMA-376-1 §18.3): a line for each row, tabs between cells. A formula is yielded beside the
// value that was last worked out: =HYPERLINK("mailto:…") may name who the value does not.
func (a *archive) sheet(f *zip.File) error {
	var kind string // of the cell: ST_CellType, §18.18.11
	var value, formula []byte
	var in string
	return a.each(f, func(t xml.Token) error {
		switch t := t.(type) {
		case xml.StartElement:
			in = t.Name.Local
			switch in {
			case "c":
				kind, value, formula = attribute(t, "t"), value[:0], formula[:0]
			case "hyperlink":
				return a.line(attribute(t, "display"), attribute(t, "tooltip"), attribute(t, "location"))
			}
		case xml.CharData:
			if in == "v" || in == "t" || in == "oddHeader" || in == "oddFooter" {
				value = append(value, t...)
			} else if in == "f" {
				formula = append(append(formula, t...), '\t')
			}
			if len(value)+len(formula) > maxToken {
				return fmt.Errorf("%w: a cell", ErrLimit)
			}
		case xml.EndElement:
			in = ""
			switch t.Name.Local {
			case "c":
				if kind == "s" {
					value = append(value[:0], a.shared(value)...)
				}
				value = append(value, '\t')
				return a.text(append(value, formula...))
			case "row":
				return a.text([]byte("\n"))
			case "oddHeader", "oddFooter":
				err := a.text(append(value, '\n'))
				value = value[:0]
				return err
			}
		}
		return nil
	})
}

func (s *sink) line(values ...string) error {
	for _, v := range values {
		if v != "" {
			if err := s.text([]byte(v + "\n")); err != nil {
				return err
			}
		}
	}
	return nil
}

func attribute(t xml.StartElement, local string) string {
	for _, a := range t.Attr {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// prose yields the text of any other part: runs of one paragraph stand together, however they are styled, and so do the
// cells of a row.
type prose struct {
	*sink
	cells int  // cells within cells
	lines bool // properties: each element is a line
}

func (p *prose) token(t xml.Token) error {
	switch t := t.(type) {
	case xml.CharData:
		if len(bytes.TrimSpace(t)) == 0 && bytes.IndexByte(t, '\n') >= 0 {
			return nil // indentation
		}
		return p.text(t)
	case xml.StartElement:
		return p.start(t)
	case xml.EndElement:
		return p.end(t.Name.Local)
	}
	return nil
}

func (p *prose) start(t xml.StartElement) error {
	switch t.Name.Local {
	case "tc", "table-cell":
		p.cells++
	case "tab":
		return p.text([]byte("\t"))
	case "br", "cr", "line-break":
		return p.text([]byte("\n"))
	case "s": // OpenDocument 1.2 §6.1.3: spaces
		return p.text([]byte(" "))
	}
	for _, a := range t.Attr {
		// where a link leads (relationships, ECMA-376-2 §9.3; OpenDocument's xlink:href), and who commented
		if n := a.Name.Local; n == "Target" || n == "href" || n == "string-value" || n == "author" || n == "instr" {
			if err := p.text([]byte("\t" + a.Value + "\t")); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *prose) end(local string) error {
	switch local {
	case "tc", "table-cell":
		p.cells--
		return p.text([]byte("\t"))
	case "p", "h":
		if p.cells > 0 {
			return p.text([]byte(" "))
		}
		return p.text([]byte("\n"))
	case "tr", "table-row", "Relationship", "author", "comment", "si":
		return p.text([]byte("\n"))
	}
	if p.lines {
		return p.text([]byte("\n"))
	}
	return nil
}

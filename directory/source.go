package directory

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// source reads customers one by one: CSV, or JSON Lines.
type source interface {
	// read fills c, whose fields are valid until the next call. The error is io.EOF, a badRow, behind which reading may go
	// on, or of the source.
	read(c *customer) error
	// allow leaves those kinds that the source has columns for.
	allow(kindSet) kindSet
	// unknown names the columns that are not read.
	unknown() []string
}

// badRow is what is wrong with one row.
type badRow struct {
	line           int
	field, message string
}

func (b badRow) Error() string { return fmt.Sprintf("line %d: %s", b.line, b.message) }

// openSource tells by its first character what a customer file is. Errors call it name.
func openSource(r io.Reader, name string) (source, error) {
	b := bufio.NewReaderSize(r, 256<<10)
	start, _ := b.Peek(512)
	start = bytes.TrimSpace(bytes.TrimPrefix(start, []byte(utf8Mark)))
	switch {
	case bytes.HasPrefix(start, []byte("{")):
		return &jsonLines{lines: rows{r: b, next: 1}}, nil
	case bytes.HasPrefix(start, []byte("[")):
		return nil, fmt.Errorf("%s: this is one JSON array: write one object a line (jq -c '.[]' does)", name)
	}
	return openCSV(b, name)
}

const utf8Mark = "\xef\xbb\xbf"

// jsonLines reads a customer file of one JSON object a line (RFC 8259). Its keys are a customer file's columns; what else is
// in an object is not read.
type jsonLines struct {
	lines rows
	row   struct {
		ID, Email, Name, Locale, Country, Phone text
	}
}

// text is a JSON string, or a number as it is written, since ids often are.
type text []byte

var errNoText = errors.New("is neither a text nor a number")

func (t *text) UnmarshalJSON(b []byte) error {
	switch c := b[0]; {
	case c == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = append((*t)[:0], s...)
	case c == '-' || c >= '0' && c <= '9':
		*t = append((*t)[:0], b...)
	case string(b) == "null":
	default:
		return errNoText
	}
	return nil
}

func (s *jsonLines) read(c *customer) error {
	for {
		line := s.lines.next
		b, err := s.lines.readLine()
		if err != nil && err != errLongRow {
			return err
		}
		s.lines.next++
		if err == errLongRow {
			return badRow{line, "", err.Error()}
		}
		if b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte(utf8Mark))); len(b) > 0 {
			return s.object(c, line, b)
		}
	}
}

func (s *jsonLines) object(c *customer, line int, b []byte) error {
	r := &s.row
	for _, f := range []*text{&r.ID, &r.Email, &r.Name, &r.Locale, &r.Country, &r.Phone} {
		*f = (*f)[:0]
	}
	if !utf8.Valid(b) {
		return badRow{line, "", "it is not UTF-8"}
	}
	if err := json.Unmarshal(b, r); err != nil {
		return badRow{line, "", jsonTrouble(err)}
	}
	trim := func(t text) []byte { return bytes.TrimSpace(t) }
	*c = customer{line: line, id: trim(r.ID), email: trim(r.Email), name: trim(r.Name), locale: trim(r.Locale), country: trim(r.Country), phone: trim(r.Phone)}
	return nil
}

// jsonTrouble says what is wrong without quoting any of it.
func jsonTrouble(err error) string {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("it is no JSON object: the fault is at character %d", syntax.Offset)
	case errors.Is(err, errNoText):
		return "a value " + errNoText.Error()
	}
	return "it is no JSON object"
}

func (s *jsonLines) allow(set kindSet) kindSet { return set }
func (s *jsonLines) unknown() []string         { return nil }

package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// decode reads JSON of one value, without keys that v does not know and with nothing behind it.
func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("line %d: %w", lineAt(data, offsetOf(err, d)), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("line %d: there is something behind the end", lineAt(data, d.InputOffset()))
	}
	return nil
}

func offsetOf(err error, d *json.Decoder) int64 {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return syntax.Offset
	case errors.As(err, &kind):
		return kind.Offset
	}
	return d.InputOffset()
}

// lineAt is the line of an offset, from 1.
func lineAt(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(int(offset), len(data))], []byte("\n"))
}

// EncodeReport writes a report as it is published: Go's JSON, indented by two spaces, without escapes for HTML, with a line end behind it.
func EncodeReport(r Report) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(r)
	return b.Bytes(), err
}

// ParseReport reads a published report, and refuses what EncodeReport would not have written: a key that comes twice or in another case says one thing to
// one reader and another to the next. Whether the report keeps its rules is not looked at.
func ParseReport(data []byte) (r Report, err error) {
	if err := decode(data, &r); err != nil {
		return r, err
	}
	again, err := EncodeReport(r)
	if err != nil {
		return r, err
	}
	if n := differ(data, again); n > 0 {
		return r, fmt.Errorf("line %d: it is not written as %s is: a key comes twice, is spelt otherwise or stands elsewhere", n, ReportSchema)
	}
	return r, nil
}

// differ is the first line in which two texts do; 0 if they are one.
func differ(a, b []byte) int {
	if bytes.Equal(a, b) {
		return 0
	}
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return lineAt(a, int64(n))
}

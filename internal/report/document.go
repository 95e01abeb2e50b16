package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"candor.example"
	"candor.example/verify"
)

// Marshal is the document that is published, logged and hashed: the same bytes for the same report, indented. A report that is not sound by the schema is an error.
func Marshal(r verify.Report) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf) // maps are written in the order of their keys
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("the report: %w", err)
	}
	if buf.Len() > candor.MaxDocument {
		return nil, fmt.Errorf("the report has %d bytes, more than %d", buf.Len(), candor.MaxDocument)
	}
	return buf.Bytes(), Validate(buf.Bytes())
}

// Unmarshal reads what Marshal wrote. What the form does not know is an error.
func Unmarshal(b []byte) (verify.Report, error) {
	if len(b) > candor.MaxDocument {
		return verify.Report{}, fmt.Errorf("the report has %d bytes, more than %d", len(b), candor.MaxDocument)
	}
	r, err := decode(b)
	if err != nil {
		return r, fmt.Errorf("the report: %w", err)
	}
	return r, Validate(b)
}

// decode is strict: nothing unknown, and nothing behind it.
func decode(b []byte) (r verify.Report, err error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return r, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return r, errors.New("something follows it")
	}
	return r, nil
}

package report

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Schema is candor.report/v1 as JSON Schema (draft 2020-12), for whoever reads reports without Go.
//
//go:embed report.schema.json
var Schema []byte

var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const name = "candor.report-v1.json"
	if err := c.AddResource(name, doc); err != nil {
		return nil, err
	}
	return c.Compile(name)
})

// Validate says where a document is not as the schema wants it.
func Validate(document []byte) error {
	schema, err := compiled()
	if err != nil {
		return fmt.Errorf("report.schema.json: %w", err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return fmt.Errorf("the report: %w", err)
	}
	var wrong *jsonschema.ValidationError
	if err := schema.Validate(v); errors.As(err, &wrong) {
		return fmt.Errorf("the report is not as %s has it: %w", schema.Title, errors.Join(places(wrong)...))
	} else if err != nil {
		return fmt.Errorf("the report: %w", err)
	}
	return nil
}

// places are the innermost findings, each with where it is.
func places(e *jsonschema.ValidationError) (list []error) {
	if len(e.Causes) == 0 {
		return []error{fmt.Errorf("/%s: %s", strings.Join(e.InstanceLocation, "/"), e.ErrorKind.LocalizedString(message.NewPrinter(language.English)))}
	}
	for _, c := range e.Causes {
		list = append(list, places(c)...)
	}
	return list
}

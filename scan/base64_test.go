package scan

import (
	"bytes"
	"strconv"
	"testing"

	"candor.example/internal/suites"
)

// WPT's tests of forgiving base64 (https://infra.spec.whatwg.org/#forgiving-base64-decode).
func TestSuiteBase64(t *testing.T) {
	var cases [][2]any
	readSuite(t, "wpt/base64.json", &cases)
	s := suites.New(t, "wpt")
	for i, c := range cases {
		in := c[0].(string)
		got, ok := appendBase64(nil, []byte(in))
		if c[1] == nil {
			s.Invalid(ok)
			continue
		}
		want := bytesOf(c[1].([]any))
		s.Case(strconv.Itoa(i+1), ok && bytes.Equal(got, want))
	}
	s.Report()
}

func bytesOf(numbers []any) []byte {
	var b bytes.Buffer
	for _, n := range numbers {
		b.WriteByte(byte(n.(float64)))
	}
	return b.Bytes()
}

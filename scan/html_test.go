package scan

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"candor.example/internal/suites"
)

// html5lib's tokenizer tests of character references, those in text (the data state).
func TestSuiteHTML(t *testing.T) {
	s := suites.New(t, "html5lib")
	for _, name := range []string{"entities", "namedEntities", "numericEntities"} {
		var file struct {
			Tests []struct {
				Input  string
				Output [][]any
			}
		}
		readSuite(t, "html5lib/"+name+".test", &file)
		for i, c := range file.Tests {
			want, isText := characters(c.Output)
			if !isText {
				s.NotJudged("an attribute's value: HTML §13.2.5.73 leaves some references there as they are, and the recogniser reads both")
				continue
			}
			got := string(appendHTML(nil, []byte(c.Input)))
			s.Case(fmt.Sprintf("%s/%d %s", name, i+1, c.Input), got == want)
		}
	}
	s.Report()
}

// characters joins the Character tokens; false when there are others.
func characters(output [][]any) (string, bool) {
	var b strings.Builder
	for _, token := range output {
		if token[0] != "Character" {
			return "", false
		}
		b.WriteString(token[1].(string))
	}
	return b.String(), true
}

func readSuite(t *testing.T, file string, v any) {
	data, err := os.ReadFile("testdata/suites/" + file)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

package filing

import (
	"testing"

	"candor.example/internal/report"
)

// A file that says it is a filing ends in a document or an error, and what was read is written again.
func FuzzParse(f *testing.F) {
	form, err := FormOf("texas")
	if err != nil {
		f.Fatal(err)
	}
	out, err := form.Fill(Input{Report: bare(), Duties: judged(now), Phase: report.Initial, Now: now})
	if err != nil {
		f.Fatal(err)
	}
	data, err := out.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"schema":"candor.filing/v1","paper":"A4","sections":[{"title":"\u0000\ud83d","answers":[{"label":"","text":"a\tb\r\n\u202e"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		one, err := Parse(data)
		if err != nil {
			return
		}
		one.Markdown()
		if _, err := one.PDF(nil); err != nil {
			return
		}
		if _, err := one.Marshal(); err != nil {
			t.Error(err)
		}
	})
}

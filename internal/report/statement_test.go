package report

import (
	"testing"

	"candor.example/internal/notice"
)

func TestStatement(t *testing.T) {
	in := shop()
	r, err := Draft(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range notice.Languages {
		s, err := StatementOf(r, in.Facts, lang)
		if err != nil {
			t.Fatal(lang, err)
		}
		t.Logf("%s", s.Text())
	}
}

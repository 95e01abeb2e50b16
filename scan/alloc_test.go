package scan

import (
	"os"
	"path/filepath"
	"testing"
)

// A Finder that has seen a page allocates nothing for it.
func TestAllocations(t *testing.T) {
	files, err := filepath.Glob("testdata/pages/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no pages", err)
	}
	for _, file := range files {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f := Finder{Found: no}
		if n := testing.AllocsPerRun(5, func() { f.Find(page, true) }); n > 0 {
			t.Errorf("%s: %v allocations", file, n)
		}
	}
}

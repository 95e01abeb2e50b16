package guard

import (
	"fmt"
	"testing"
)

// The memory of masked copies ends at two generations, and the last generation is always there.
func TestCopiesAreBounded(t *testing.T) {
	var c copies
	if !c.empty() {
		t.Error("new, and not empty")
	}
	for i := range 2*maxCopies + 1 {
		c.add(fmt.Sprint(i))
	}
	if n := len(c.now) + len(c.old); n != maxCopies+1 {
		t.Errorf("%d are kept", n)
	}
	if c.has(fmt.Sprint(maxCopies-1)) || !c.has(fmt.Sprint(maxCopies)) || !c.has(fmt.Sprint(2*maxCopies)) {
		t.Error("the wrong ones were forgotten")
	}
}

func TestTags(t *testing.T) {
	for in, want := range map[string]string{`"a"`: `["a"]`, `W/"a", "b,c" , "d"`: `["a" "b,c" "d"]`, ``: `[]`, `"a`: `[]`, `*`: `[]`, `""`: `[""]`} {
		if got := fmt.Sprint(tags([]string{in})); got != want {
			t.Errorf("%s: %s, not %s", in, got, want)
		}
	}
}

func TestCharsetOf(t *testing.T) {
	for in, want := range map[string]string{"text/html; charset=UTF-8": "utf-8", `text/html;a=b; Charset = "ISO-8859-15"`: "iso-8859-15", "text/html": "", "text/html; charsets=x": "", "": ""} {
		if got := charsetOf(in); got != want {
			t.Errorf("%s: %q, not %q", in, got, want)
		}
	}
}

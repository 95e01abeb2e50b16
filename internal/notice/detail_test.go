package notice

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDetail(t *testing.T) {
	no := func(string) bool { return false }
	for _, sign := range atSigns {
		if got := Detail("550 to alice"+strings.ToUpper(sign)+"shop.example refused", no); got != "550 to ***** refused" {
			t.Errorf("%s: %q", sign, got)
		}
	}
	var asked []string
	got := Detail("550 alice bob@shop.example\x07 gone", func(w string) bool { asked = append(asked, w); return w == "alice" })
	if got != "550 ***** ***** gone" || len(asked) != 4 {
		t.Errorf("%q, asked of %q", got, asked)
	}
	for n, want := range map[int]int{MaxDetail: MaxDetail, MaxDetail + 1: MaxDetail} {
		if got := Detail(strings.Repeat("x", n), no); len(got) != want {
			t.Errorf("%d bytes become %d", n, len(got))
		}
	}
	if got := Detail(strings.Repeat("é", MaxDetail), no); len(got) != MaxDetail || !utf8.ValidString(got) {
		t.Errorf("%d bytes", len(got))
	}
	if got := Detail("x"+strings.Repeat("é", MaxDetail), no); len(got) != MaxDetail-1 || !utf8.ValidString(got) {
		t.Errorf("%d bytes", len(got))
	}
	if got := Detail("a\x00b \xff", no); got != "a?b ?" {
		t.Errorf("%q", got)
	}
}

package noticeboard

import (
	"regexp"
	"testing"
)

func TestNormalise(t *testing.T) {
	for typed, want := range map[string]string{
		"7KQ2-M4XD-9RTA": "7KQ2-M4XD-9RTA", "7kq2m4xd9rta": "7KQ2-M4XD-9RTA", " 7kq2 m4xd\t9rta ": "7KQ2-M4XD-9RTA", "7-K-Q-2-M4XD9RTA": "7KQ2-M4XD-9RTA", "7KQ2‑M4XD–9RTA": "7KQ2-M4XD-9RTA",
		"oOiI-lL00-1111": "0011-1100-1111",
		"7KQ2-M4XD-9RT":  noCode, "7KQ2-M4XD-9RTAA": noCode, "7KQ2-M4XD-9RTU": noCode, "7KQ2-M4XD-9RT!": noCode, "": noCode, "７KQ2-M4XD-9RTA": noCode,
	} {
		if got := Normalise(typed); got != want {
			t.Errorf("%q: %s, want %s", typed, got, want)
		}
	}
}

var codeForm = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}$`)

// Whatever is typed becomes a code or none, and a code stays what it is.
func FuzzNormalise(f *testing.F) {
	f.Add("7kq2 m4xd 9rta")
	f.Add("O0Il-\u2011\x00")
	f.Fuzz(func(t *testing.T, typed string) {
		got := Normalise(typed)
		if got != noCode && (!codeForm.MatchString(got) || Normalise(got) != got) {
			t.Errorf("%q: %q", typed, got)
		}
	})
}

package console

import (
	"testing"
	"time"
)

func TestViewerWords(t *testing.T) {
	for _, c := range []struct {
		kind string
		n    int
		want string
	}{
		{"customer", 1, "customer"}, {"script", 2, "scripts"}, {"anonymous", 2, "anonymous"}, {"crawler", 1, "crawler"},
		{"claimed-crawler", 1, "claims to be a crawler"}, {"claimed-crawler", 2, "claim to be crawlers"}, {"role", 3, "with a role"},
	} {
		if got := viewers(c.kind, c.n); got != c.want {
			t.Errorf("%d of %s: %q, want %q", c.n, c.kind, got, c.want)
		}
	}
}

func TestEach(t *testing.T) {
	for step, want := range map[time.Duration]string{10 * time.Second: "10 seconds", time.Minute: "minute", 6 * time.Hour: "6 hours", day: "day", 7 * day: "week", 3650 * day: "10 years"} {
		if got := each(step); got != want {
			t.Errorf("%v: %q, want %q", step, got, want)
		}
	}
}

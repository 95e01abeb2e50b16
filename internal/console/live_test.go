package console

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"candor.example"
)

// next reads the state that the next event tells of.
func next(t *testing.T, b *bufio.Reader) string {
	t.Helper()
	for {
		line, err := b.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if state, ok := strings.CutPrefix(line, "data: "); ok {
			return strings.TrimSpace(state)
		}
	}
}

func TestEvents(t *testing.T) {
	r := newRig(t)
	c := r.client(t)
	_, page := get(t, c, r.server.URL)
	res, err := c.Get(r.server.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Content-Security-Policy") == "" {
		t.Fatal(res.Status, res.Header)
	}
	events := bufio.NewReader(res.Body)
	before := next(t, events)
	if !strings.Contains(page, `data-state="`+before+`"`) {
		t.Error("the first event is not the state that the page was made from")
	}
	r.disclose(t, "GET /a", 1, 1, candor.Exposed)
	after := next(t, events)
	if _, page := get(t, c, r.server.URL); after == before || !strings.Contains(page, `data-state="`+after+`"`) {
		t.Error("a disclosure is no news")
	}
	if out, err := c.Post(r.server.URL+"/sign-out", "", nil); err != nil {
		t.Fatal(err)
	} else {
		out.Body.Close()
	}
	if _, err := io.Copy(io.Discard, events); err != nil {
		t.Error("the events did not end with the session:", err)
	}
}

func TestState(t *testing.T) {
	r := newRig(t)
	r.now = r.now.Truncate(refreshAfter)
	req, _ := http.NewRequest("GET", "/", nil)
	seen := map[string]bool{}
	for name, change := range map[string]func(){
		"nothing":         func() {},
		"an entry":        func() { r.fold(t, candor.Entry{Releases: []candor.Release{{Name: "v2", Time: start}}}) },
		"the caption":     func() { r.status.Caption = "Masking is switched on." },
		"trouble":         func() { r.status.Trouble = []string{"The disk is full."} },
		"other trouble":   func() { r.status.Trouble = []string{"The directory is stale."} },
		"another trouble": func() { r.status.Trouble = []string{"The directory is stale.", "The disk is full."} },
		"the mode":        func() { r.status.Mode = "observe" },
		"time":            func() { r.now = r.now.Add(refreshAfter) },
	} {
		change()
		state, err := r.state(req)
		if err != nil {
			t.Fatal(err)
		}
		if seen[state] && name != "nothing" {
			t.Errorf("%s changes nothing", name)
		}
		seen[state] = true
		r.now = r.now.Add(refreshAfter - time.Nanosecond)
		if again, _ := r.state(req); again != state {
			t.Errorf("%s: it does not stand still", name)
		}
		r.now = r.now.Add(time.Nanosecond - refreshAfter)
	}
}

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"candor.example/internal/notice"
)

// Customers who were shown somebody else's data are asked by mail to delete it: where a page or the request says their address. The others are asked on
// the shop's own site. The sum holds, the ledger can be built anew, and nothing that was written holds a viewer's address.
func TestNoticeToViewers(t *testing.T) {
	t.Parallel()
	const people = 6 // person 0 is shown to all others. 4 is shown their own address, too; 3 and 5 sign in by theirs; of 1 and 2 it is never seen
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		switch r.URL.Path {
		case "/me":
			fmt.Fprintf(w, `{"email":"person%d@people.example"}`, n)
		case "/both":
			fmt.Fprintf(w, `{"me":{"email":"person%d@people.example"},"other":{"email":"person0@people.example"}}`, n)
		default:
			io.WriteString(w, `{"email":"person0@people.example"}`)
		}
	}))
	t.Cleanup(shop.Close)
	a := &aftermath{people: people - 1, maildir: t.TempDir()}
	for _, sub := range []string{"new", "cur", "tmp"} {
		if err := os.Mkdir(filepath.Join(a.maildir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var address string
	a.relay, address = startRelay(t)
	a.config = campaignYAML(t, address, a.maildir)
	a.process = serve(t, filepath.Join(t.TempDir(), "data"), "--config", a.config, "--upstream", shop.URL, "--customers", named(t, people), "--mode", "observe", "--viewer", "header:X-Who")
	ask := func(path, who string) {
		t.Helper()
		req, err := http.NewRequest("GET", a.site+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "www.shop.example"
		req.Header.Set("X-Who", who)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	ask("/both?n=4", "c4")
	ask("/both?n=4", "c4")
	ask("/both?n=5", "person5@people.example")
	a.until("the incident", func() bool { return a.incident("GET /both").Viewers == 2 })
	ask("/orders", "c1")
	ask("/orders", "c2")
	ask("/orders", "person3@people.example")
	ask("/orders", "c4")
	ask("/orders", "c5")
	ask("/me?n=4", "c4")
	a.until("all have seen it", func() bool { return a.incident("GET /orders").Viewers == people-1 })
	a.asked(a.incident("GET /orders").ID)
	// 3 would be in doubt, by what the relay does to it.
	a.stands(map[notice.State]int{notice.Accepted: 2, notice.InDoubt: 1, notice.Other: 2})
	a.stop()
	a.rebuilt()
	a.nobody("")
}

// asked has the viewers of an incident asked.
func (a *aftermath) asked(incident string) {
	a.t.Helper()
	a.candor(0, "keys", "init")
	a.campaign = regexp.MustCompile(`not-\S+[a-z0-9]`).FindString(a.candor(0, "notice", "draft", incident, "--viewers", "--config", a.config, "--by", "ada"))
	a.candor(0, "notice", "freeze", a.campaign, "--by", "ada")
	a.candor(0, "notice", "approve", a.campaign, "--content", a.status().Content, "--yes", "--by", "ben")
	a.candor(0, "notice", "send", a.campaign, "--config", a.config, "--share", "all", "--yes", "--by", "ben")
}

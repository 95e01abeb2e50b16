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
	"strings"
	"testing"

	"candor.example/internal/ledger"
	"candor.example/internal/notice"
)

// Customers who were shown somebody else's data are asked by mail to delete it: where a page or the request says their address. The others are asked on
// the shop's own site. The sum holds, the ledger can be built anew, and nothing that was written holds a viewer's address.
func TestNoticeToViewers(t *testing.T) {
	t.Parallel()
	const people = 6 // person 0 is shown to all others. 4 is shown their own address, too; 3 and 5 sign in by theirs; that of 2 is seen after a restart, and that of 1 never
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
	options := []string{"--config", a.config, "--upstream", shop.URL, "--customers", named(t, people), "--mode", "observe", "--viewer", "header:X-Who"}
	a.process = serve(t, filepath.Join(t.TempDir(), "data"), options...)
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
	// After a restart 2 looks at a page of their own: it is still known that their address is missing.
	a.stop()
	a.process = serve(t, a.data, options...)
	a.until("2's address is sealed", func() bool {
		ask("/me?n=2", "c2")
		missing := 0
		err := withLedger(t.Context(), ledgerFlag{dataFlag: dataFlag{Data: a.data}}, func(l *ledger.Ledger) error {
			return l.Unaddressed(t.Context(), people, func(string) { missing++ })
		})
		return err == nil && missing == 1
	})
	a.asked(a.incident("GET /orders").ID)
	// 3 would be in doubt, by what the relay does to it.
	a.stands(map[notice.State]int{notice.Accepted: 3, notice.InDoubt: 1, notice.Other: 1})
	// A campaign that is over says who is left, and what is known later is still put on record.
	said := a.candor(0, "notice", "done", a.campaign, "--by", "ben")
	if !strings.Contains(said, "5 affected = 3 accepted + 0 bounced + 1 by another channel + 1 in doubt + 0 withheld + 0 waiting\nNot told for certain: 1 person in doubt: look for the keys") {
		t.Errorf("done says:\n%s", said)
	}
	if said := a.candor(0, "notice", "status", a.campaign); !strings.Contains(said, "Not told for certain: 1 person in doubt") {
		t.Errorf("status says:\n%s", said)
	}
	doubt := regexp.MustCompile(`"key":"([a-z0-9]{26})"`).FindStringSubmatch(a.candor(0, "notice", "people", a.campaign, "--json"))
	if doubt == nil {
		t.Fatal("nobody is in doubt")
	}
	a.candor(2, "notice", "resolve", a.campaign, "--key", doubt[1], "--as", "again", "--why", "the relay's log has nothing", "--by", "ben") // who would send it?
	a.candor(0, "notice", "resolve", a.campaign, "--key", doubt[1], "--as", "accepted", "--why", "the relay's log has it", "--by", "ben")
	a.stands(map[notice.State]int{notice.Accepted: 4, notice.Other: 1})
	if said := a.candor(0, "notice", "status", a.campaign); strings.Contains(said, "Not told for certain") {
		t.Errorf("nobody is left, and status says:\n%s", said)
	}
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
	t := a.t
	if said := a.candor(0, "notice", "status", a.campaign); !strings.Contains(said, "if all were at one receiver") {
		t.Errorf("before anybody has counted, status says of the time it takes:\n%s", said)
	}
	if said := a.candor(0, "notice", "feasible", a.campaign, "--config", a.config); !strings.HasPrefix(said, "4 people.") || !strings.Contains(said, "no law that is known to apply sets a date") {
		t.Errorf("four can be asked by mail, and no clock runs for them:\n%s", said)
	}
	for _, seed := range a.status().MustSeed { // a letter to them is looked at in mailboxes of one's own, as every other is
		a.candor(0, "notice", "seed", a.campaign, "--config", a.config, "--result", seed+"=dkim:pass,dmarc:pass,spam:no", "--by", "ada")
	}
	a.candor(0, "notice", "approve", a.campaign, "--content", a.status().Content, "--yes", "--by", "ben")
	a.candor(0, "notice", "send", a.campaign, "--config", a.config, "--share", "all", "--yes", "--by", "ben")
}

package noticeboard

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"candor.example"
	"candor.example/internal/notice"
)

// lookUps does what Run does, until nobody is waited for.
func (r *rig) lookUps() {
	for {
		select {
		case v := <-r.unseen.wanted:
			r.lookUp(r.t.Context(), v)
		default:
			return
		}
	}
}

// A page of the shop says that there is a notice until this browser has shown it, without asking the ledger each time.
func TestBanner(t *testing.T) {
	r := newRig(t)
	r.tell("c1", notice.Affected, "all")
	banner := func(viewer, cache, cookie string) bool {
		t.Helper()
		res, _ := r.do("GET", "/account?cache="+cache, viewer, nil, "Cookie", cookie)
		return res.Header.Get("Candor-Notice") == "/.well-known/candor/notices"
	}
	if banner("ada", "private", "") {
		t.Error("it waited for the ledger")
	}
	r.lookUps()
	before := r.ledger.Asked()
	for range 3 {
		if !banner("ada", "private", "") {
			t.Error("she is not told")
		}
	}
	if banner("ada", "public", "") || banner("nina", "private", "") || banner("", "private", "") {
		t.Error("who should not be told is told, or a cache is")
	}
	if r.ledger.Asked() != before {
		t.Error("the ledger was asked while the shop waited")
	}
	res, _ := r.do("GET", notices, "ada", nil)
	c := res.Cookies()
	if len(c) != 1 || c[0].Name != seenCookie || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode || len(c[0].Value) >= 16 {
		t.Fatal(c)
	}
	seen := c[0].Name + "=" + c[0].Value
	if banner("ada", "private", seen) {
		t.Error("she has seen it")
	}
	if !banner("ada", "private", seenCookie+"=other") {
		t.Error("somebody else's cookie counts as hers")
	}
	if res, _ := r.do("GET", notices+"?format=json", "ada", nil); len(res.Cookies()) != 0 {
		t.Error("what the shop's script fetched counts as read")
	}
	// Another notice is news. What is known is known for five minutes.
	r.tell("v1", notice.Viewers, "all")
	banner("vera", "private", "")
	r.lookUps()
	if !banner("vera", "private", seen) {
		t.Error("she is not told")
	}
	before = r.ledger.Asked()
	r.now = r.now.Add(unseenFor)
	banner("vera", "private", "")
	banner("vera", "private", "")
	if r.lookUps(); r.ledger.Asked() != before+1 {
		t.Error(r.ledger.Asked()-before, "look-ups, not 1")
	}
}

// Memory and the queue are bounded, whoever comes.
func TestUnseenIsBounded(t *testing.T) {
	r := newRig(t)
	for n := range 3*maxUnseen + 1 {
		r.Banner(&http.Request{}, candor.Viewer{Customer: fmt.Sprint(n)})
	}
	if u := &r.unseen; len(u.now) > maxUnseen || len(u.old) > maxUnseen || len(u.wanted) != maxWanted {
		t.Error(len(u.now), len(u.old), len(u.wanted))
	}
	u := newUnseen()
	for n := range maxUnseen {
		u.put(fmt.Sprint(n), mark{"m", time.Time{}})
	}
	if len(u.now) != maxUnseen || len(u.old) != 0 {
		t.Error("forgot before it was full")
	}
	u.put("one more", mark{"m", time.Time{}})
	if m, _ := u.get("0", time.Time{}); len(u.now) != 1 || m.of != "m" {
		t.Error("what was known is lost too early")
	}
}

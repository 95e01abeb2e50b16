package viewer

import (
	"context"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"
	"time"
)

func digest(n int) (c credential) {
	c[0], c[1], c[2] = byte(n), byte(n>>8), byte(n>>16)
	return c
}

func TestSessionsForgetWhatIsNotUsed(t *testing.T) {
	c := newClock()
	s := &Sessions{Now: c.now}
	s.learn(digest(1), "1001")
	s.learn(digest(2), "1002")
	c.advance(lifetime)
	if got := s.use(digest(1)).customer; got != "1001" {
		t.Errorf("at the end of its life: %q", got)
	}
	c.advance(time.Second)
	if got := s.use(digest(2)).customer; got != "" {
		t.Errorf("past it: %q", got)
	}
	if got := s.use(digest(1)).customer; got != "1001" {
		t.Errorf("used meanwhile: %q", got)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	s := &Sessions{Max: 100}
	s.learn(digest(0), "often")
	for i := 1; i <= 1000; i++ {
		s.learn(digest(i), "1001")
		if i%20 == 0 && s.use(digest(0)).customer != "often" {
			t.Fatalf("what is used often is gone after %d", i)
		}
		if n := s.Len(); n > 100 {
			t.Fatalf("%d entries", n)
		}
	}
	if s.use(digest(1000)).customer == "" || s.use(digest(951)).customer == "" || s.use(digest(1)).customer != "" {
		t.Error("not the newest are kept")
	}
}

// One customer of a shop that changes its cookie with each response does not push out the others.
func TestRotationDoesNotPushOut(t *testing.T) {
	c := newClock()
	s := &Sessions{Max: 100, Now: c.now}
	s.learn(digest(0), "rarely")
	for i := 1; i <= 1000; i++ {
		s.learn(digest(i), "1001")
		if i > 1 {
			s.retire(digest(i - 1))
		}
		c.advance(10 * time.Second)
	}
	if got := s.use(digest(0)).customer; got != "rarely" {
		t.Errorf("%q", got)
	}
}

func TestLearnedIsToldOfEachChange(t *testing.T) {
	c := newClock()
	var told []string
	s := &Sessions{Now: c.now, Learned: func(cred, customer string) { told = append(told, cred[:2]+"="+customer) }}
	s.learn(digest(1), "1001")
	s.learn(digest(1), "1001") // no news
	s.use(digest(1))
	s.learn(digest(1), "1002")
	s.retire(digest(1))
	s.retire(digest(1)) // no news
	s.retire(digest(9)) // unknown
	s.learn(digest(1), "1002")
	s.learn(digest(2), "1001")
	s.learn(digest(2), Shared)
	s.learn(digest(2), "1001") // stays shared
	s.retire(digest(2))
	want := "[01=1001 01=1002 01= 01=1002 02=1001 02=!]"
	if got := fmt.Sprint(told); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What one machine learns, another knows through Set; what it forgets, too.
func TestSet(t *testing.T) {
	a, b := newShop(t, Options{}), newShop(t, Options{})
	b.o.Now, b.sessions.Now = a.now, a.now
	a.Sessions().Learned = func(cred, customer string) {
		if err := b.Sessions().Set(cred, customer); err != nil {
			t.Error(err)
		}
	}
	b.Sessions().Learned = func(string, string) { t.Error("told what it was told") }
	a.login("", "alice@shop.example", sidA)
	a.want("the other machine", b.holds(sidA), "1001")
	a.pass(trip{path: "/logout", cookie: sidA})
	a.advance(grace + time.Second)
	a.want("after the logout", b.holds(sidA), "")

	c := digest(1)
	good := hex.EncodeToString(c[:])
	for _, cred := range []string{"", good[:30], good + "00", good[:31] + "g"} {
		if b.Sessions().Set(cred, "1001") == nil {
			t.Errorf("%q is taken", cred)
		}
	}
	if err := b.Sessions().Set(good, ""); err != nil {
		t.Error(err)
	}
}

func TestSessionsHoldNoCredential(t *testing.T) {
	s := newShop(t, Options{})
	s.login("", "alice@shop.example", sidA)
	for c := range s.sessions.young {
		if string(c[:]) == sidA[:16] {
			t.Error("the cookie itself")
		}
	}
	other, err := New(context.Background(), Options{Key: []byte("another key"), Sources: []string{"session:sid"}, Sessions: s.Sessions()})
	if err != nil {
		t.Fatal(err)
	}
	if got := other.Viewer(get("/", "Cookie", "sid="+sidA)).Customer; got != "" {
		t.Errorf("another key finds %q", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	s := newShop(t, Options{WhoAmI: meSpecs, Sessions: &Sessions{Max: 50, Learned: func(string, string) {}}})
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 100 {
				sid := fmt.Sprintf("s3ss10n-%d-%d-%s", worker, i%20, sidA)
				s.pass(trip{path: "/login", body: form, status: 302, set: []string{"sid=" + sid}, header: []string{"Location", "/"}})
				s.holds(sid)
				s.pass(me(func(p *trip) { p.cookie = sid }))
				s.pass(trip{path: "/logout", cookie: sid})
			}
		})
	}
	group.Wait()
	if n := s.Sessions().Len(); n > 50 {
		t.Errorf("%d entries", n)
	}
}

func FuzzSet(f *testing.F) {
	f.Add("00000000000000000000000000000000", "1001")
	f.Add("zz", "")
	s := &Sessions{Max: 10}
	f.Fuzz(func(t *testing.T, cred, customer string) {
		s.Set(cred, customer)
		if s.Len() > 10 {
			t.Error("too many")
		}
	})
}

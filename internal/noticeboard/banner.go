package noticeboard

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"candor.example"
	"candor.example/internal/ledger"
)

// seenCookie remembers in the viewer's own browser which notices were shown there, so that nobody else writes down who has read what.
const seenCookie = "candor-seen"

// unseen is what is known of who has notices, for a while. It is asked for every page, and never waits for the ledger: what it does not know it
// has looked up, and says the next time.
type unseen struct {
	mu       sync.Mutex
	now, old map[string]mark // by customer; old is forgotten when now is full
	wanted   chan candor.Viewer
}

// mark stands for a set of notices; empty: there are none.
type mark struct {
	of    string
	until time.Time
}

const (
	unseenFor   = 5 * time.Minute
	maxUnseen   = 1 << 15 // customers in each of now and old
	maxWanted   = 256     // look-ups that wait
	seenSeconds = 180 * 24 * 60 * 60
)

func newUnseen() unseen {
	return unseen{now: map[string]mark{}, wanted: make(chan candor.Viewer, maxWanted)}
}

// Banner says whether a signed-in viewer has a notice that this browser has not shown: it is a guard's Banner.
func (b *Board) Banner(r *http.Request, v candor.Viewer) bool {
	m, fresh := b.unseen.get(v.Customer, b.o.Now())
	if !fresh {
		b.unseen.put(v.Customer, mark{m.of, b.o.Now().Add(unseenFor / 10)}) // one look-up at a time
		select {
		case b.unseen.wanted <- v:
		default: // the next page asks again
		}
	}
	if m.of == "" {
		return false
	}
	c, err := r.Cookie(seenCookie)
	return err != nil || c.Value != m.of
}

// Run looks up who has notices, until the context ends.
func (b *Board) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case v := <-b.unseen.wanted:
			b.lookUp(ctx, v)
		}
	}
}

func (b *Board) lookUp(ctx context.Context, v candor.Viewer) {
	list, err := b.told(ctx, v)
	if err != nil {
		if ctx.Err() == nil {
			b.o.Log.Warn("who has a notice could not be looked up", "error", err)
		}
		return
	}
	b.unseen.put(v.Customer, mark{b.mark(v, list), b.o.Now().Add(unseenFor)})
}

// seen tells the browser that it has shown these.
func (b *Board) seen(w http.ResponseWriter, q request, list []ledger.Told) {
	m := b.mark(q.viewer, list)
	b.unseen.put(q.viewer.Customer, mark{m, b.o.Now().Add(unseenFor)})
	http.SetCookie(w, &http.Cookie{Name: seenCookie, Value: m, Path: "/", MaxAge: seenSeconds, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: q.TLS != nil || q.Header.Get("X-Forwarded-Proto") == "https"})
}

// mark says nothing of the viewer or the notices. It is shorter than what signs a browser in, which the guard looks out for.
func (b *Board) mark(v candor.Viewer, list []ledger.Told) string {
	if len(list) == 0 {
		return ""
	}
	var ids []string
	for _, t := range list {
		ids = append(ids, t.Campaign.ID)
	}
	slices.Sort(ids)
	h := hmac.New(sha256.New, b.o.Key)
	fmt.Fprintf(h, "notices seen\x00%s\x00%s", v.Customer, strings.Join(ids, "\x00"))
	return hex.EncodeToString(h.Sum(nil)[:6])
}

func (u *unseen) get(customer string, now time.Time) (m mark, fresh bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	m, ok := u.now[customer]
	if !ok {
		m = u.old[customer]
	}
	return m, now.Before(m.until)
}

func (u *unseen) put(customer string, m mark) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := u.now[customer]; !ok && len(u.now) >= maxUnseen {
		u.now, u.old = map[string]mark{}, u.now
	}
	u.now[customer] = m
}

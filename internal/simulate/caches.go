package simulate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// cache is a shared one that goes by the address alone.
type cache struct {
	next http.HandlerFunc
	keep func(*http.Request) bool // nil: all
	ttl  time.Duration
	says string // how it announces itself

	mu      sync.Mutex
	entries map[string]kept
}

type kept struct {
	*httptest.ResponseRecorder
	at time.Time
}

// announcements are what caches say of themselves; many say nothing. "nginx" writes a Date of its own.
var announcements = []string{"", "", "nginx", "nginx", "age", "x-cache", "cache-status", "cf", "varnish", "nginx-status"}

func newCache(r *rand.Rand, next http.HandlerFunc) *cache {
	return &cache{next: next, ttl: time.Duration(between(r, 20, 1200)) * time.Second, says: pick(r, announcements...), entries: map[string]kept{}}
}

func (c *cache) serve(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || c.keep != nil && !c.keep(r) {
		c.next(rw, r)
		return
	}
	key := r.URL.RequestURI()
	c.mu.Lock()
	e, ok := c.entries[key]
	c.mu.Unlock()
	if ok && time.Since(e.at) < c.ttl {
		time.Sleep(time.Duration(between(dice(r), 1, 8)) * time.Millisecond)
		c.send(rw, e, true)
		return
	}
	e = kept{ResponseRecorder: httptest.NewRecorder()}
	c.next(e, r)
	e.at = time.Now()
	if e.Code == http.StatusOK && e.Header().Get("X-Login") == "" {
		c.mu.Lock()
		c.entries[key] = e
		c.mu.Unlock()
	}
	c.send(rw, e, false)
}

func (c *cache) send(rw http.ResponseWriter, e kept, hit bool) {
	h := rw.Header()
	maps.Copy(h, e.Header().Clone())
	age := fmt.Sprint(int(time.Since(e.at).Seconds()))
	word := map[bool]string{true: "HIT", false: "MISS"}[hit]
	switch c.says {
	case "nginx", "nginx-status":
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		if c.says == "nginx-status" {
			h.Set("X-Cache-Status", word)
		}
	case "age":
		if hit {
			h.Set("Age", age)
		}
	case "x-cache":
		h.Set("X-Cache", word+" from edge7")
	case "cf":
		h.Set("CF-Cache-Status", word)
		h.Set("Age", age)
	case "cache-status":
		h.Set("Cache-Status", map[bool]string{true: "edge; hit; ttl=9", false: "edge; fwd=uri-miss; stored"}[hit])
	case "varnish":
		h.Set("X-Varnish", map[bool]string{true: "32770 3", false: "32769"}[hit])
		h.Set("Age", age)
	}
	rw.WriteHeader(e.Code)
	rw.Write(e.Body.Bytes())
}

// joiner gives all who wait for one address the first one's answer.
type joiner struct {
	next http.HandlerFunc
	says bool

	mu      sync.Mutex
	flights map[string]*flight
}

type flight struct {
	done   chan struct{}
	answer *httptest.ResponseRecorder
}

func (j *joiner) serve(rw http.ResponseWriter, r *http.Request) {
	key := r.URL.RequestURI()
	j.mu.Lock()
	f, waits := j.flights[key]
	if !waits {
		f = &flight{make(chan struct{}), httptest.NewRecorder()}
		j.flights[key] = f
	}
	j.mu.Unlock()
	if waits {
		<-f.done
	} else {
		j.next(f.answer, r)
		j.mu.Lock()
		delete(j.flights, key)
		j.mu.Unlock()
		close(f.done)
	}
	time.Sleep(time.Duration(dice(r).Int64N(int64(5 * time.Millisecond))))
	maps.Copy(rw.Header(), f.answer.Header().Clone())
	if j.says {
		rw.Header().Set("Cache-Status", "edge; fwd=miss"+map[bool]string{true: "; collapsed"}[waits])
	}
	rw.WriteHeader(f.answer.Code)
	rw.Write(f.answer.Body.Bytes())
}

// isStatic is how a cache that goes by names sees a path.
func isStatic(r *http.Request) bool {
	for _, ext := range []string{".css", ".js", ".jpg", ".png", ".ico"} {
		if strings.HasSuffix(r.URL.Path, ext) {
			return true
		}
	}
	return false
}

package noticeboard

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"candor.example/internal/notice"
)

// Each client may ask so often, and one more waits as long as it is told.
func TestLimits(t *testing.T) {
	r := newRig(t)
	r.tell("c1", notice.Affected, "all")
	for _, c := range []struct {
		method, path string
		form         url.Values
		burst, wait  int
	}{{"GET", notices, nil, 30, 2}, {"POST", code, url.Values{"code": {"x"}}, 5, 12}} {
		for _, viewer := range []string{"", "ada"} {
			from := c.method + viewer
			ask := func() *http.Response {
				res, _ := r.do(c.method, c.path, viewer, c.form, "X-Net", from)
				return res
			}
			for n := range c.burst {
				if res := ask(); res.StatusCode != 200 {
					t.Fatalf("%s: number %d: %s", from, n+1, res.Status)
				}
			}
			res := ask()
			if wait, _ := strconv.Atoi(res.Header.Get("Retry-After")); res.StatusCode != http.StatusTooManyRequests || wait != c.wait {
				t.Errorf("%s: one too many: %s, Retry-After: %d", from, res.Status, wait)
			}
			r.now = r.now.Add(time.Duration(c.wait)*time.Second - time.Millisecond)
			if res := ask(); res.StatusCode != http.StatusTooManyRequests {
				t.Errorf("%s: too early: %s", from, res.Status)
			}
			r.now = r.now.Add(time.Millisecond)
			if res := ask(); res.StatusCode != 200 {
				t.Errorf("%s: after the wait: %s", from, res.Status)
			}
		}
	}
}

// All together are limited, too, and who is refused uses up nobody's share; memory is the same for any number of clients.
func TestLimitOfAll(t *testing.T) {
	now := time.Unix(1542700000, 0)
	l := newLimiter(limit{each: 1, burst: 3}, limit{each: 10, burst: 50})
	taken := 0
	for n := range 100_000 {
		if l.take(fmt.Sprint(n%1000), now) == 0 {
			taken++
		}
	}
	if taken != 50 {
		t.Error(taken, "were let through, not 50")
	}
	if wait := l.take("new", now); wait <= 0 || wait > 100*time.Millisecond+time.Microsecond {
		t.Error(wait)
	}
	if l.take("new", now.Add(101*time.Millisecond)) != 0 {
		t.Error("nothing came back")
	}
	if size := unsafe.Sizeof(*l); size > 512<<10 {
		t.Error(size, "bytes")
	}
	if l.take("new", now.Add(-time.Hour)) == 0 {
		t.Error("a clock that was set back fills the buckets")
	}
}

package guard_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"candor.example"
	"candor.example/guard"
)

// What a response's fields say is kept in words that there are for it, and not a customer's name or number.
func TestFieldsThatNameCustomers(t *testing.T) {
	const customers = "id,email,name,country,phone\n1,alice@shop.example,Anna Muster,DE,0151 23456789\n"
	hidden := base64.StdEncoding.EncodeToString([]byte("Anna Muster"))
	r := newRig(t, guard.Observe, func(w http.ResponseWriter, req *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html")
		h.Set("Cache-Control", `public, max-age=60, private="Anna-Muster, no-store", anna-muster, s-maxage=4915123456789, x=Anna Muster`)
		h.Set("Vary", "Accept-Encoding, Anna-Muster, X-0151-23456789, "+strings.Repeat("a", 41))
		h.Set("Cache-Status", `anna-muster; hit; ttl=3; detail="Anna Muster"; collapsed=?0, Anna-Muster; fwd=uri-miss; fwd=Anna; stored`)
		h.Set("X-Cache", "TCP_HIT from anna-muster.cdn.example (4915123456789)")
		h.Set("X-Cache-Hits", "3, 0")
		h.Set("Surrogate-Key", "orders user-anna-muster Muster_Anna anna-muster-7 tel-4915123456789 tel+49-151-23456789 "+hidden+" 0123456789abcdef0 name:Anna%20Muster order-1001 alice@shop.example")
		io.WriteString(w, "<p>alice@shop.example</p>")
	})
	r.Directory = directoryOf(t, customers)
	r.get("/", "")
	got := r.ended()
	for _, c := range []struct{ what, got, want string }{
		{"Cache-Control", got.CacheControl, "public, max-age=60, private, s-maxage"},
		{"Vary", got.Vary, "Accept-Encoding"},
		{"status", got.CacheStatus, "Cache-Status: hit; ttl=3; collapsed=?0, fwd=uri-miss; fwd; stored; X-Cache: TCP_HIT; X-Cache-Hits: 3, 0"},
		{"keys", fmt.Sprint(got.SurrogateKeys), "[orders order-1001]"},
	} {
		if c.got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, c.got, c.want)
		}
	}
}

// A capture that is recorded keeps no more of a URL than a live response does.
func TestRecordedCaptureKeepsSafeURLs(t *testing.T) {
	for _, recorded := range []bool{true, false} {
		r := newRig(t, guard.Observe, nil)
		r.Directory = directoryOf(t, "id,email,name\n1,alice@shop.example,Anna Muster\n")
		if r.Record = nil; !recorded {
			r.Note = nil
		}
		req, _ := http.NewRequest("GET", "https://shop.example/search?q=dear+Anna+Muster+and+others", nil)
		var got []candor.Disclosure
		x := &candor.Exchange{Request: req, Status: 200, Header: http.Header{}, Body: strings.NewReader("alice@shop.example")}
		if _, err := r.Inspect(t.Context(), x, func(d candor.Disclosure) { got = append(got, d) }); err != nil || len(got) != 1 {
			t.Fatal(got, err)
		}
		b, err := json.Marshal([]any{got, r.noted})
		if err != nil {
			t.Fatal(err)
		}
		if recorded && (strings.Contains(string(b), "Muster") || got[0].URL != "/search?q=…") {
			t.Errorf("%s", b)
		}
		if !recorded && reflect.DeepEqual(got[0].URL, "/search?q=…") {
			t.Errorf("a report tells less than it did: %s", b)
		}
	}
}

package demo

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"candor.example"
	"golang.org/x/net/html"
)

// witness stands where Candor will stand, and reads every address in every body, knowing nothing of who looks.
type witness struct {
	shop *Shop
	mu   sync.Mutex
	seen map[string]map[string]int // route, owner
}

var (
	escape  = regexp.MustCompile(`\\u[0-9a-f]{4}`)
	address = regexp.MustCompile(`[^\s<>"“”()/:]+@[^\s<>"“”()/:]+\.(?i:example)`)
)

func (x *witness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/api/stock" {
		x.shop.ServeHTTP(w, r)
		return
	}
	r.Header.Del("Accept-Encoding")
	rec := httptest.NewRecorder()
	x.shop.ServeHTTP(rec, r)
	text := escape.ReplaceAllStringFunc(rec.Body.String(), func(e string) string {
		n, _ := strconv.ParseUint(e[2:], 16, 16)
		return string(rune(n))
	})
	owners := map[string]bool{}
	for _, found := range address.FindAllString(html.UnescapeString(text), -1) {
		if c := x.shop.byEmail[strings.ToLower(found)]; c != nil {
			owners[c.ID] = true
		}
	}
	x.note(strings.TrimSuffix(r.Pattern, "{$}"), owners)
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes())
}

func (x *witness) note(route string, owners map[string]bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for owner := range owners {
		if x.seen[route] == nil {
			x.seen[route] = map[string]int{}
		}
		x.seen[route][owner]++
	}
}

// play tells the whole story as fast as the machine goes, with what each chapter needs to happen.
func play(t *testing.T) (*Shop, *witness, *Shoppers, []string) {
	t.Helper()
	shop := NewShop(3, 400)
	x := &witness{shop: shop, seen: map[string]map[string]int{}}
	server := httptest.NewServer(x)
	t.Cleanup(server.Close)
	chapters := Chapters()
	for i := range chapters {
		chapters[i].Lasts = 0
	}
	var log []string
	story := Story{Shop: shop, Shoppers: &Shoppers{Shop: shop, Base: server.URL, Host: Site, Rate: 1000, Seed: 1}, Chapters: chapters}
	err := story.Play(t.Context(), Hooks{
		SetMode: func(mode string) { log = append(log, fmt.Sprintf("%s at %d", mode, shop.Disclosed())) },
		Caption: func(n int, title, text string) {
			log = append(log, fmt.Sprintf("%d %s", n, title))
			if text == "" {
				t.Errorf("chapter %d says nothing", n)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return shop, x, story.Shoppers, log
}

func TestStory(t *testing.T) {
	shop, x, shoppers, log := play(t)
	if stats := shoppers.Stats(); stats.Failures > 0 || stats.Requests < 800 {
		t.Errorf("%+v", stats)
	}
	if shop.Release() != Fixed {
		t.Errorf("ends with release %s", shop.Release())
	}
	if log[1] != "observe at 0" || !slices.ContainsFunc(log, func(s string) bool { return strings.HasPrefix(s, "mask at ") && s != "mask at 0" }) {
		t.Errorf("hooks: %q", log)
	}
	book := shop.Truth()
	for _, class := range []candor.Class{candor.Own, candor.Echo, candor.Allowed, candor.Link, candor.Disclosed} {
		if len(book[class]) == 0 {
			t.Errorf("the story has no %s", class)
		}
	}
	routes := slices.Sorted(maps.Keys(book[candor.Disclosed]))
	if want := []string{"GET /api/products/{id}/reviews", "GET /products/{id}"}; !slices.Equal(routes, want) {
		t.Errorf("disclosing routes %v, want %v", routes, want)
	}
	sameAsBytes(t, book, x.seen)
}

// sameAsBytes holds the shop's book against the bytes: the same owners, on the same routes, the same number of times.
func sameAsBytes(t *testing.T, book Book, seen map[string]map[string]int) {
	t.Helper()
	sum := map[string]map[string]int{}
	for _, routes := range book {
		for route, owners := range routes {
			if sum[route] == nil {
				sum[route] = map[string]int{}
			}
			for owner, n := range owners {
				sum[route][owner] += n
			}
		}
	}
	for route := range maps.Keys(sum) {
		if !maps.Equal(sum[route], seen[route]) {
			t.Errorf("%s: the book has %d owners, the bytes %d", route, len(sum[route]), len(seen[route]))
		}
	}
	if len(sum) != len(seen) {
		t.Errorf("the book has %d routes, the bytes %d", len(sum), len(seen))
	}
}

func TestQuietBeforeAndAfter(t *testing.T) {
	for _, release := range []string{Sound, Fixed} {
		shop := NewShop(2, 200)
		shop.Deploy(release)
		server := httptest.NewServer(shop)
		story := Story{Shop: shop, Shoppers: &Shoppers{Shop: shop, Base: server.URL, Rate: 1000}, Chapters: []Chapter{{Requests: 600}}}
		if err := story.Play(t.Context(), Hooks{}); err != nil {
			t.Error(err)
		}
		server.Close()
		if book := shop.Truth(); len(book[candor.Disclosed]) > 0 || len(book[candor.Own]) == 0 {
			t.Errorf("release %s: %d disclosing routes, %d own", release, len(book[candor.Disclosed]), len(book[candor.Own]))
		}
	}
}

func TestPlayStops(t *testing.T) {
	shop := NewShop(1, 50)
	server := httptest.NewServer(shop)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	story := Story{Shop: shop, Shoppers: &Shoppers{Shop: shop, Base: server.URL}}
	err := story.Play(ctx, Hooks{Caption: func(int, string, string) { cancel() }})
	if err != context.Canceled {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}

// TestFailuresNameNoAddress: the site is down, the searches hold addresses, and the report says only what failed.
func TestFailuresNameNoAddress(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	s := &Shoppers{Shop: NewShop(1, 50), Base: gone.URL}
	b := &browser{shoppers: s, client: http.DefaultClient, tags: map[string]string{}, todo: []step{get("/search?q=%s", "someone%40post.example")}}
	b.next()
	st := s.Stats()
	if st.Failures != 1 || st.Requests != 0 || !strings.HasPrefix(st.Last, "GET /search: ") || strings.Contains(st.Last, "post.example") {
		t.Errorf("%+v", st)
	}
}

func TestStoryTakesItsTime(t *testing.T) {
	var total time.Duration
	for _, c := range Chapters() {
		total += c.Lasts
	}
	if total != 90*time.Second {
		t.Errorf("the live story takes %s, want 90 s", total)
	}
}

func TestCountsServerErrors(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(502)
		io.WriteString(w, "no upstream")
	}))
	defer broken.Close()
	s := &Shoppers{Shop: NewShop(1, 50), Base: broken.URL}
	b := &browser{shoppers: s, client: http.DefaultClient, tags: map[string]string{}, todo: []step{get("/")}}
	b.next()
	if st := s.Stats(); st.Failures != 1 || st.Last != "GET /: status 502" {
		t.Errorf("%+v", st)
	}
}

// TestChapterEnds: not before it lasted, not before it saw enough, and at its cap at the latest.
func TestChapterEnds(t *testing.T) {
	for name, x := range map[string]struct {
		chapter Chapter
		once    bool
		want    time.Duration
	}{
		"live":           {Chapter{Lasts: 18 * time.Second}, false, 18 * time.Second},
		"once":           {Chapter{Lasts: 18 * time.Second}, true, 5 * time.Second},
		"no requests":    {Chapter{Lasts: time.Second, Requests: 1}, false, chapterCap},
		"no disclosures": {Chapter{Lasts: time.Second, Disclosed: 1}, true, chapterCap},
	} {
		synctest.Test(t, func(t *testing.T) {
			shop := NewShop(1, 20)
			story := Story{Shop: shop, Shoppers: &Shoppers{Shop: shop}, Once: x.once}
			start := time.Now()
			if err := story.read(t.Context(), x.chapter); err != nil || time.Since(start) != x.want {
				t.Errorf("%s: %v after %s, want %s", name, err, time.Since(start), x.want)
			}
		})
	}
}

func TestTinyShop(t *testing.T) {
	shop := NewShop(1, 1)
	server := httptest.NewServer(shop)
	defer server.Close()
	story := Story{Shop: shop, Shoppers: &Shoppers{Shop: shop, Base: server.URL, Rate: 1000}, Chapters: []Chapter{{Release: Leaky, Requests: 300}}}
	if err := story.Play(t.Context(), Hooks{}); err != nil || story.Shoppers.Stats().Failures > 0 {
		t.Errorf("%v, %+v", err, story.Shoppers.Stats())
	}
}

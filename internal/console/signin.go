package console

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	linkLasts    = 10 * time.Minute
	sessionLasts = 12 * time.Hour
	maxSessions  = 100
	// CookieName is what a session is kept under in the browser. It must not reach the protected site.
	CookieName = "candor_console"
)

// sessions are who is signed in, by the digest of their cookie, and the one link that lets somebody in.
type sessions struct {
	now      func() time.Time
	mu       sync.Mutex
	link     [32]byte
	linkEnds time.Time
	open     map[[32]byte]time.Time
}

// SignInURL makes a link that signs in once, within ten minutes. A link that was made before is void.
func (c *Console) SignInURL(base string) string {
	token := secret()
	c.sessions.mu.Lock()
	defer c.sessions.mu.Unlock()
	c.sessions.link, c.sessions.linkEnds = sha256.Sum256([]byte(token)), c.o.Now().Add(linkLasts)
	return strings.TrimSuffix(base, "/") + "/sign-in?token=" + token
}

// secret is a random text of 260 bits.
func secret() string { return rand.Text() + rand.Text() }

// redeem trades a link's token for a session.
func (s *sessions) redeem(token string) (cookie string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := sha256.Sum256([]byte(token))
	if token == "" || subtle.ConstantTimeCompare(sum[:], s.link[:]) != 1 || !s.now().Before(s.linkEnds) {
		return "", false
	}
	s.linkEnds = time.Time{}
	for k, ends := range s.open {
		if !s.now().Before(ends) || len(s.open) >= maxSessions {
			delete(s.open, k)
		}
	}
	if s.open == nil {
		s.open = map[[32]byte]time.Time{}
	}
	cookie = secret()
	s.open[sha256.Sum256([]byte(cookie))] = s.now().Add(sessionLasts)
	return cookie, true
}

func (s *sessions) has(r *http.Request) bool {
	k, err := r.Cookie(CookieName)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now().Before(s.open[sha256.Sum256([]byte(k.Value))])
}

func (s *sessions) end(r *http.Request) {
	if k, err := r.Cookie(CookieName); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, sha256.Sum256([]byte(k.Value)))
	}
}

// door is the page in front of all others.
type door struct {
	Token string // of the link that brought somebody here
	Spent bool   // it did not let them in
}

func (c *Console) door(w http.ResponseWriter, status int, d door) {
	c.render(w, status, shell{Page: "signin", Data: d})
}

// signedIn lets through whoever is, and tells others how to.
func (c *Console) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.sessions.has(r) {
			next.ServeHTTP(w, r)
			return
		}
		c.door(w, http.StatusUnauthorized, door{})
	})
}

// signInPage asks for a click, so that a program that looks at links does not use this one up.
func (c *Console) signInPage(w http.ResponseWriter, r *http.Request) {
	c.door(w, http.StatusOK, door{Token: r.URL.Query().Get("token")})
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	cookie, ok := c.sessions.redeem(r.PostFormValue("token"))
	if !ok {
		c.door(w, http.StatusForbidden, door{Spent: true})
		return
	}
	http.SetCookie(w, &http.Cookie{Name: CookieName, Value: cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil, MaxAge: int(sessionLasts.Seconds())})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	c.sessions.end(r)
	http.SetCookie(w, &http.Cookie{Name: CookieName, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// ownName refuses requests under other names than localhost, plain addresses and Options.Hosts: a page elsewhere whose name
// is made to resolve to here (DNS rebinding) comes with its own name.
func (c *Console) ownName(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.answersTo(r.Host) {
			http.Error(w, "The console answers under its address only, such as http://127.0.0.1:8081, and under names that it was given.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (c *Console) answersTo(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	is := func(name string) bool { return strings.EqualFold(name, host) }
	return err == nil || is("localhost") || slices.ContainsFunc(c.o.Hosts, is)
}

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
	"unicode"
)

const (
	linkLasts    = 10 * time.Minute
	sessionLasts = 12 * time.Hour
	maxSessions  = 100
	maxName      = 80 // bytes
	// CookieName is what a session is kept under in the browser. It must not reach the protected site.
	CookieName = "candor_console"
)

// sessions are who is signed in, by the digest of their cookie, and the one link that lets somebody in.
type sessions struct {
	now      func() time.Time
	mu       sync.Mutex
	link     [32]byte
	linkEnds time.Time
	open     map[[32]byte]session
}

// session is who has signed in, by the name that they gave for the audit, and until when.
type session struct {
	name string
	ends time.Time
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
func (s *sessions) redeem(token, name string) (cookie string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := sha256.Sum256([]byte(token))
	if token == "" || subtle.ConstantTimeCompare(sum[:], s.link[:]) != 1 || !s.now().Before(s.linkEnds) {
		return "", false
	}
	s.linkEnds = time.Time{}
	for k, open := range s.open {
		if !s.now().Before(open.ends) || len(s.open) >= maxSessions {
			delete(s.open, k)
		}
	}
	if s.open == nil {
		s.open = map[[32]byte]session{}
	}
	cookie = secret()
	s.open[sha256.Sum256([]byte(cookie))] = session{name, s.now().Add(sessionLasts)}
	return cookie, true
}

func (s *sessions) has(r *http.Request) bool {
	_, ok := s.who(r)
	return ok
}

// who is the name that the request's session signed in with.
func (s *sessions) who(r *http.Request) (name string, ok bool) {
	k, err := r.Cookie(CookieName)
	if err != nil {
		return "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	open := s.open[sha256.Sum256([]byte(k.Value))]
	return open.name, s.now().Before(open.ends)
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
	cookie, ok := c.sessions.redeem(r.PostFormValue("token"), yourName(r.PostFormValue("name")))
	if !ok {
		c.door(w, http.StatusForbidden, door{Spent: true})
		return
	}
	http.SetCookie(w, &http.Cookie{Name: CookieName, Value: cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil, MaxAge: int(sessionLasts.Seconds())})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// nameless is who gave no name that can stand in the audit.
const nameless = "console"

// yourName is what somebody calls themselves, for the audit. The link is what lets them in, so it is not checked.
func yourName(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, ""))
	if s == "" || len(s) > maxName || strings.EqualFold(s, "candor") || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return nameless // "candor" is who does what nobody did
	}
	return s
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

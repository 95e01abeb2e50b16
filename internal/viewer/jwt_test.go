package viewer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func rsaKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func publicPEM(t testing.TB, key crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func sign(t testing.TB, method jwt.SigningMethod, key any, claims jwt.MapClaims, kid ...string) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if len(kid) > 0 {
		token.Header["kid"] = kid[0]
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (r *Resolver) withToken(token string) string {
	return r.Viewer(get("/", "Authorization", "Bearer "+token)).Customer
}

func TestForgedTokensNameNobody(t *testing.T) {
	c := newClock()
	shop, other := rsaKey(t), rsaKey(t)
	public := publicPEM(t, &shop.PublicKey)
	r := newResolver(t, Options{Sources: []string{"jwt:sub"}, Now: c.now, KeyFile: writeFile(t, "key.pem", public)})
	at := func(d time.Duration) int64 { return c.t.Add(d).Unix() }
	alice := jwt.MapClaims{"sub": "1001", "exp": at(time.Hour)}
	good := sign(t, jwt.SigningMethodRS256, shop, alice)
	parts := strings.Split(good, ".")
	bob := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"1002"}`))
	long := sign(t, jwt.SigningMethodRS256, shop, jwt.MapClaims{"sub": "1001", "pad": strings.Repeat("x", maxToken)})
	for _, k := range []struct{ name, token, want string }{
		{"genuine", good, "1001"},
		{"PSS is RSA, too", sign(t, jwt.SigningMethodPS256, shop, alice), "1001"},
		{"no time limit", sign(t, jwt.SigningMethodRS256, shop, jwt.MapClaims{"sub": "1001"}), "1001"},
		{"alg none", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, alice), ""},
		{"HS256 with the public key as secret", sign(t, jwt.SigningMethodHS256, []byte(public), alice), ""},
		{"somebody else's key", sign(t, jwt.SigningMethodRS256, other, alice), ""},
		{"changed claims", parts[0] + "." + bob + "." + parts[2], ""},
		{"no signature", parts[0] + "." + parts[1] + ".", ""},
		{"within the leeway", sign(t, jwt.SigningMethodRS256, shop, jwt.MapClaims{"sub": "1001", "exp": at(1 - leeway + time.Second)}), "1001"},
		{"expired", sign(t, jwt.SigningMethodRS256, shop, jwt.MapClaims{"sub": "1001", "exp": at(-leeway)}), ""},
		{"valid within the leeway", sign(t, jwt.SigningMethodRS256, shop, jwt.MapClaims{"sub": "1001", "nbf": at(leeway)}), "1001"},
		{"not valid yet", sign(t, jwt.SigningMethodRS256, shop, jwt.MapClaims{"sub": "1001", "nbf": at(leeway + time.Second)}), ""},
		{"exp that is no number", sign(t, jwt.SigningMethodRS256, shop, jwt.MapClaims{"sub": "1001", "exp": "soon"}), ""},
		{"no such claim", sign(t, jwt.SigningMethodRS256, shop, jwt.MapClaims{"id": "1001"}), ""},
		{"a claim that is an object", sign(t, jwt.SigningMethodRS256, shop, jwt.MapClaims{"sub": map[string]any{"id": "1001"}}), ""},
		{"too long", long, ""},
		{"not a token", "k3Jq9ZtX0aLw8RbN2vCy", ""},
		{"empty", "", ""},
	} {
		if got := r.withToken(k.token); got != k.want {
			t.Errorf("%s: %q, want %q", k.name, got, k.want)
		}
	}
}

func TestLongestToken(t *testing.T) {
	secret := strings.Repeat("s", 32)
	r := newResolver(t, Options{Sources: []string{"jwt:sub"}, KeyFile: writeFile(t, "secret", secret)})
	for _, pad := range []int{12192, 12193, 12194, 12195, 12196} {
		token := sign(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"sub": "1001", "p": strings.Repeat("x", pad)})
		if got, want := r.withToken(token) == "1001", len(token) <= maxToken; got != want {
			t.Errorf("%d bytes: %v, want %v", len(token), got, want)
		}
	}
}

func TestKeyKinds(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs := rsaKey(t)
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&rs.PublicKey)}))
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, &rs.PublicKey, rs)
	if err != nil {
		t.Fatal(err)
	}
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	secret := strings.Repeat("not to be guessed ", 3)
	for _, k := range []struct {
		name, file string
		method     jwt.SigningMethod
		key        any
	}{
		{"RSA", publicPEM(t, &rs.PublicKey), jwt.SigningMethodRS512, rs},
		{"PKCS 1", pkcs1, jwt.SigningMethodRS256, rs},
		{"certificate", certificate, jwt.SigningMethodRS256, rs},
		{"ECDSA", publicPEM(t, &ec.PublicKey), jwt.SigningMethodES256, ec},
		{"Ed25519", publicPEM(t, edPublic), jwt.SigningMethodEdDSA, ed},
		{"secret", secret + "\n", jwt.SigningMethodHS384, []byte(secret)},
		{"secret, written on Windows", secret + "\r\n", jwt.SigningMethodHS256, []byte(secret)},
		{"short secret", "secret", jwt.SigningMethodHS256, []byte("secret")},
	} {
		r := newResolver(t, Options{Sources: []string{"jwt:sub"}, Log: slog.New(slog.DiscardHandler), KeyFile: writeFile(t, "key", k.file)})
		if got := r.withToken(sign(t, k.method, k.key, jwt.MapClaims{"sub": "1001"})); got != "1001" {
			t.Errorf("%s: %q", k.name, got)
		}
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	k := rsaKey(t)
	private := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}))
	der, _ := x509.MarshalPKIXPublicKey(&k.PublicKey)
	for want, content := range map[string]string{
		`holds "RSA PRIVATE KEY"`: private,
		"cannot be read as PEM":   "-----BEGIN PUBLIC KEY-----\nrubbish",
		"cannot read its PUBLIC":  "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		"is an SSH key":           "ssh-rsa AAAAB3NzaC1yc2E alice",
		"is JSON":                 ` {"keys":[]}`,
		"public key in DER":       string(der),
		"is empty":                "\n",
	} {
		_, err := New(context.Background(), Options{Key: testKey, Sources: []string{"jwt:sub"}, KeyFile: writeFile(t, "key", content)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestClaims(t *testing.T) {
	claims := `{"sub":"1001","num":1002,"big":9007199254740993,"data":{"email":"bob@shop.example","deep":{"id":"7"}},
		"https://shop.example/email":"alice@shop.example","a.b":{"c":"dotted"},"yes":true,"list":["1001"],
		"google":{"email":"alice@shop.example","email_verified":false},"okta":{"email":"alice@shop.example","email_verified":true}}`
	token := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "."
	for claim, want := range map[string]string{
		"sub": "1001", "num": "1002", "big": "9007199254740993", "data.email": "1002", "data.deep.id": "7",
		"https://shop.example/email": "1001", "a.b.c": "dotted", "yes": "", "list": "", "data": "", "data.": "", "absent.x": "",
		"google.email": "", "okta.email": "1001",
	} {
		r := newResolver(t, Options{Sources: []string{"jwt:" + claim}, Unverified: true})
		if got := r.withToken(token); got != want {
			t.Errorf("%s: %q, want %q", claim, got, want)
		}
	}
}

func TestTokenInCookie(t *testing.T) {
	secret := strings.Repeat("s", 32)
	path := writeFile(t, "secret", secret)
	alice := sign(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"sub": "1001"})
	bob := sign(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"sub": "1002"})
	usual := newResolver(t, Options{Sources: []string{"jwt:sub"}, KeyFile: path})
	named := newResolver(t, Options{Sources: []string{"jwt:sub"}, KeyFile: path, Cookies: []string{"at", "id"}})
	for _, c := range []struct {
		name string
		r    *Resolver
		req  *http.Request
		want string
	}{
		{"the usual cookie", usual, get("/", "Cookie", "token="+alice), "1001"},
		{"a cookie that was not named", usual, get("/", "Cookie", "id="+alice), ""},
		{"the second of the named", named, get("/", "Cookie", "at=junk; id="+alice), "1001"},
		{"the header comes first", usual, get("/", "Cookie", "token="+alice, "Authorization", "bearer "+bob), "1002"},
		{"of two cookies neither", usual, get("/", "Cookie", "token="+alice+"; token="+bob), ""},
		{"of two headers neither", usual, get("/", "Authorization", "Bearer "+bob, "Authorization", "Bearer "+alice), ""},
		{"another scheme", usual, get("/", "Authorization", "Basic "+alice), ""},
	} {
		if got := c.r.Viewer(c.req).Customer; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestIssuerAndAudience(t *testing.T) {
	secret := strings.Repeat("s", 32)
	r := newResolver(t, Options{Sources: []string{"jwt:sub"}, KeyFile: writeFile(t, "secret", secret), Issuer: "https://id.example", Audience: "shop"})
	for _, c := range []struct{ iss, aud, want string }{
		{"https://id.example", "shop", "1001"}, {"https://id.example", "other", ""}, {"https://evil.example", "shop", ""}, {"", "", ""},
	} {
		if got := r.withToken(sign(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"sub": "1001", "iss": c.iss, "aud": c.aud})); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func rsaJWK(kid string, k *rsa.PublicKey) string {
	return fmt.Sprintf(`{"kty":"RSA","use":"sig","kid":%q,"n":%q,"e":"AQAB"}`, kid, base64.RawURLEncoding.EncodeToString(k.N.Bytes()))
}

func secretJWK(kid string, secret []byte) string {
	return fmt.Sprintf(`{"kty":"oct","kid":%q,"k":%q}`, kid, base64.RawURLEncoding.EncodeToString(secret))
}

func keySetOf(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func TestKeySetFile(t *testing.T) {
	a, b, secret := rsaKey(t), rsaKey(t), []byte(strings.Repeat("s", 32))
	set := keySetOf(`{"kty":"UFO","kid":"x"}`, rsaJWK("a", &a.PublicKey), secretJWK("s", secret), strings.Replace(rsaJWK("e", &b.PublicKey), `"sig"`, `"enc"`, 1))
	r := newResolver(t, Options{Sources: []string{"jwt:sub"}, JWKS: writeFile(t, "jwks.json", set)})
	who := jwt.MapClaims{"sub": "1001"}
	for _, c := range []struct{ name, token, want string }{
		{"by its id", sign(t, jwt.SigningMethodRS256, a, who, "a"), "1001"},
		{"without an id every key is tried", sign(t, jwt.SigningMethodRS256, a, who), "1001"},
		{"a secret of the set", sign(t, jwt.SigningMethodHS256, secret, who, "s"), "1001"},
		{"an unknown id", sign(t, jwt.SigningMethodRS256, a, who, "z"), ""},
		{"a key for encryption", sign(t, jwt.SigningMethodRS256, b, who, "e"), ""},
		{"another key under the id", sign(t, jwt.SigningMethodRS256, b, who, "a"), ""},
		{"HS256 with the public key", sign(t, jwt.SigningMethodHS256, a.PublicKey.N.Bytes(), who, "a"), ""},
		{"none", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, who, "a"), ""},
	} {
		if got := r.withToken(c.token); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for want, content := range map[string]string{"not a JSON Web Key Set": "<html>", "without any key": keySetOf(`{"kty":"UFO"}`)} {
		if _, err := New(context.Background(), Options{Key: testKey, Sources: []string{"jwt:sub"}, JWKS: writeFile(t, "jwks.json", content)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// eventLog sends each log line's message on.
type eventLog struct {
	slog.Handler
	events chan string
}

func (eventLog) Enabled(context.Context, slog.Level) bool { return true }

func (e eventLog) Handle(_ context.Context, r slog.Record) error {
	e.events <- r.Message
	return nil
}

func TestKeySetURL(t *testing.T) {
	a, b, secret := rsaKey(t), rsaKey(t), []byte(strings.Repeat("s", 32))
	var set atomic.Value // what the identity provider answers; "" is a failure
	set.Store("")
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if s := set.Load().(string); s != "" {
			io.WriteString(w, s)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer provider.Close()
	events := make(chan string, 100)
	r := newResolver(t, Options{
		Sources: []string{"jwt:sub", "jwt:id"}, Log: slog.New(eventLog{slog.DiscardHandler, events}),
		JWKS: provider.URL, retry: time.Millisecond, refresh: time.Hour,
	})
	next := func(part string) {
		t.Helper()
		select {
		case e := <-events:
			if !strings.Contains(e, part) {
				t.Fatalf("logged %q, want %q", e, part)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("nothing was logged, want %q", part)
		}
	}
	who := jwt.MapClaims{"sub": "1001"}
	first, second := sign(t, jwt.SigningMethodRS256, a, who, "a"), sign(t, jwt.SigningMethodRS256, b, who, "b")

	next("cannot be fetched")
	if got := r.withToken(first); got != "" {
		t.Fatalf("without keys: %q", got)
	}
	set.Store(keySetOf(rsaJWK("a", &a.PublicKey), secretJWK("s", secret)))
	next("there again")
	if got := r.withToken(first); got != "1001" {
		t.Fatalf("with the key: %q", got)
	}
	if got := r.withToken(sign(t, jwt.SigningMethodHS256, secret, who, "s")); got != "" {
		t.Errorf("a secret that is public: %q", got)
	}
	set.Store("") // the provider fails just as it rotates: the old keys stay
	r.withToken(second)
	next("cannot be fetched")
	if got := r.withToken(first); got != "1001" {
		t.Errorf("while the provider fails: %q", got)
	}
	set.Store(keySetOf(rsaJWK("b", &b.PublicKey)))
	next("there again")
	if got := r.withToken(second); got != "1001" {
		t.Errorf("the new key: %q", got)
	}
	if got := r.withToken(first); got != "" {
		t.Errorf("the withdrawn key: %q", got)
	}
}

func TestKeySetURLAnswersThatAreRefused(t *testing.T) {
	a := rsaKey(t)
	good := keySetOf(rsaJWK("a", &a.PublicKey))
	for _, c := range []struct {
		name, answer string
		ok           bool
	}{
		{"the longest", good + strings.Repeat(" ", maxKeySet-len(good)), true},
		{"one longer", good + strings.Repeat(" ", maxKeySet-len(good)+1), false},
		{"a page", "<html>", false},
		{"no keys", `{"keys":[]}`, false},
		{"deep", strings.Repeat("[", 100_000), false},
	} {
		provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, c.answer) }))
		r := newResolver(t, Options{Sources: []string{"jwt:sub"}, Log: slog.New(slog.DiscardHandler), JWKS: provider.URL})
		if got := r.keys.set.Load() != nil; got != c.ok {
			t.Errorf("%s: %v", c.name, got)
		}
		r.Close()
		provider.Close()
	}
}

func TestUnverifiedIsForCaptures(t *testing.T) {
	r := newResolver(t, Options{Sources: []string{"jwt:sub"}, Unverified: true})
	old := sign(t, jwt.SigningMethodHS256, []byte("whatever"), jwt.MapClaims{"sub": "1001", "exp": 1})
	if got := r.withToken(old); got != "1001" {
		t.Errorf("%q", got)
	}
	if got := r.withToken("a.b.c"); got != "" {
		t.Errorf("rubbish: %q", got)
	}
}

func FuzzUnverifiedToken(f *testing.F) {
	f.Add(`{"alg":"RS256"}`, `{"sub":"1001"}`)
	f.Add(`{"alg":"none"}`, `{"data":{"email":"alice@shop.example"}}`)
	f.Add(`{}`, strings.Repeat("[", 5000))
	r := newResolver(f, Options{Sources: []string{"jwt:sub", "jwt:data.email"}, Unverified: true})
	f.Fuzz(func(t *testing.T, header, claims string) {
		got := r.withToken(base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".")
		if len(got) > maxIdentity {
			t.Error("too long")
		}
		if got != "" && !json.Valid([]byte(claims)) && !strings.ContainsAny(claims, "{") {
			t.Errorf("%q from %q", got, claims)
		}
	})
}

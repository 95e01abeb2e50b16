package viewer

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxToken = 16 << 10         // bytes
	leeway   = 30 * time.Second // by which clocks may differ
)

var (
	publicMethods = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
	secretMethods = []string{"HS256", "HS384", "HS512"}
)

// jwtSource reads a claim of a token whose signature, exp and nbf hold (RFC 7519 §4.1, §7.2).
func (r *Resolver) jwtSource(ctx context.Context, claim string) (source, error) {
	key, methods, err := r.jwtKey(ctx)
	if err != nil {
		return source{}, fmt.Errorf("jwt:%s: %w", claim, err)
	}
	// Only methods that fit the key are taken, so neither "none" nor a public key used as an HMAC secret can pass
	// (RFC 8725 §3.1).
	options := []jwt.ParserOption{jwt.WithValidMethods(methods), jwt.WithJSONNumber(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(r.o.Now)}
	if r.o.Issuer != "" {
		options = append(options, jwt.WithIssuer(r.o.Issuer))
	}
	if r.o.Audience != "" {
		options = append(options, jwt.WithAudience(r.o.Audience))
	}
	parser := jwt.NewParser(options...)
	return r.saying(func(req *http.Request) string {
		for _, token := range r.tokens(req) {
			if claims := r.verified(parser, key, token); claims != nil {
				return claimValue(claims, claim)
			}
		}
		return ""
	}), nil
}

// tokens are what may be a JWT in a request: the bearer token, then the named cookies.
func (r *Resolver) tokens(req *http.Request) (list []string) {
	if t := bearer(req.Header); t != "" {
		list = append(list, t)
	}
	names := r.o.Cookies
	if names == nil {
		names = []string{"token"}
	}
	for _, name := range names {
		if cookies := req.CookiesNamed(name); len(cookies) == 1 { // of two, nobody knows which one the shop takes
			list = append(list, cookies[0].Value)
		}
	}
	return list
}

func (r *Resolver) verified(parser *jwt.Parser, key jwt.Keyfunc, token string) jwt.MapClaims {
	claims := jwt.MapClaims{}
	if len(token) > maxToken {
		return nil
	}
	if r.o.Unverified {
		if _, _, err := parser.ParseUnverified(token, claims); err != nil {
			return nil
		}
		return claims
	}
	if t, err := parser.ParseWithClaims(token, claims, key); err != nil || !t.Valid {
		return nil
	}
	return claims
}

// claimValue finds a string or number. A claim's own name may hold dots ("https://shop.example/email"), so that the whole
// name is tried before its parts. An address that the issuer itself calls unverified is none (OpenID Connect Core §5.1):
// anybody may have typed it in.
func claimValue(claims map[string]any, name string) string {
	v, ok := claims[name]
	if !ok {
		for i := range len(name) {
			if inner, ok := claims[name[:i]].(map[string]any); ok && name[i] == '.' {
				return claimValue(inner, name[i+1:])
			}
		}
	}
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case string:
		if verified, said := claims["email_verified"]; said && strings.Contains(v, "@") && !truthy(verified) {
			return ""
		}
		return v
	}
	return ""
}

func (r *Resolver) jwtKey(ctx context.Context) (jwt.Keyfunc, []string, error) {
	o := r.o
	switch {
	case o.Unverified:
		return nil, nil, nil
	case o.JWKS != "" && o.KeyFile != "":
		return nil, nil, errors.New("both jwt.jwks and jwt.key are set: leave one out")
	case o.JWKS == "" && o.KeyFile == "":
		return nil, nil, errors.New("needs jwt.jwks (URL or file) or jwt.key (file) to check signatures by")
	case strings.HasPrefix(o.JWKS, "http://"), strings.HasPrefix(o.JWKS, "https://"):
		if r.keys == nil {
			r.keys = startRemoteKeys(ctx, o)
		}
		return r.keys.key, publicMethods, nil
	case o.JWKS != "":
		return keySetFile(o.JWKS)
	}
	return keyFile(o.KeyFile, r.o.Log)
}

func keySetFile(path string) (jwt.Keyfunc, []string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("jwt.jwks: %w", err)
	}
	set, err := parseKeySet(b)
	if err != nil {
		return nil, nil, fmt.Errorf("jwt.jwks: %s: %w", path, err)
	}
	// A set may mix public keys and secrets: golang-jwt takes an HMAC method with a secret only, never with a public key.
	return set.Keyfunc, append(append([]string(nil), publicMethods...), secretMethods...), nil
}

func keyFile(path string, log *slog.Logger) (jwt.Keyfunc, []string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("jwt.key: %w", err)
	}
	key, methods, err := parseKey(b)
	if err != nil {
		return nil, nil, fmt.Errorf("jwt.key: %s: %w", path, err)
	}
	if secret, ok := key.([]byte); ok && len(secret) < 32 { // RFC 7518 §3.2
		log.Warn("JWT secret is short enough to be guessed: use 32 bytes or more", "file", path, "bytes", len(secret))
	}
	return func(*jwt.Token) (any, error) { return key, nil }, methods, nil
}

// parseKey reads a public key, and takes for a secret only what cannot be meant as one: a public key used as a secret
// would let everybody sign.
func parseKey(b []byte) (key any, methods []string, err error) {
	block, _ := pem.Decode(b)
	text := strings.TrimSpace(string(b))
	switch {
	case block != nil:
		return parsePEM(block)
	case strings.HasPrefix(text, "-----BEGIN"):
		return nil, nil, errors.New("begins like PEM, but cannot be read as PEM")
	case strings.HasPrefix(text, "ssh-"), strings.HasPrefix(text, "ecdsa-sha2-"):
		return nil, nil, errors.New("is an SSH key: want PEM (ssh-keygen -e -m PKCS8 converts it)")
	case strings.HasPrefix(text, "{"):
		return nil, nil, errors.New("is JSON: give a key set as jwt.jwks")
	case isPublicDER(b):
		return nil, nil, errors.New("is a public key in DER: want PEM (openssl pkey -pubin -inform DER converts it)")
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if secret == "" {
		return nil, nil, errors.New("is empty: want a PEM public key or an HMAC secret")
	}
	return []byte(secret), secretMethods, nil
}

func isPublicDER(b []byte) bool {
	if _, err := x509.ParsePKIXPublicKey(b); err == nil {
		return true
	}
	if _, err := x509.ParsePKCS1PublicKey(b); err == nil {
		return true
	}
	_, err := x509.ParseCertificate(b)
	return err == nil
}

func parsePEM(block *pem.Block) (key any, methods []string, err error) {
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = c.PublicKey
		}
	default:
		return nil, nil, fmt.Errorf("holds %q: want a public key, which is all that checking takes", block.Type)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read its %s: %w", block.Type, err)
	}
	switch key.(type) {
	case *rsa.PublicKey:
		return key, publicMethods[:6], nil
	case *ecdsa.PublicKey:
		return key, publicMethods[6:9], nil
	case ed25519.PublicKey:
		return key, publicMethods[9:], nil
	}
	return nil, nil, errors.New("holds a kind of key that no JWT is signed with: want RSA, ECDSA or Ed25519")
}

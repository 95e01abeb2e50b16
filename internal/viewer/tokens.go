package viewer

import (
	"net/http"
	"slices"
	"strings"
)

// Names of response headers and JSON members that hold bearer tokens: parts of their letters, and whole names. Where a
// name says more than one thing, notTokens wins. What merely looks random, such as an id, is no token: other people know it.
var (
	tokenNames      = []string{"token", "jwt", "bearer", "sessionid", "sessionkey"}
	wholeTokenNames = []string{"session", "auth", "authorization", "sid", "xauth", "xsession", "authkey"}
	notTokens       = []string{"csrf", "xsrf", "tokentype", "tokenid", "requestid", "verificationtoken", "expire"}
)

func namesToken(name string) bool {
	name = letters(name)
	return (containsAny(name, tokenNames) || slices.Contains(wholeTokenNames, name)) && !containsAny(name, notTokens)
}

// responseTokens are the strings in a response that may come back as Authorization: Bearer.
func responseTokens(h http.Header, body []byte) (list []string) {
	for name, values := range h {
		if name == "Set-Cookie" || strings.HasPrefix(name, "Www-") || strings.HasPrefix(name, "Access-Control-") || !namesToken(name) {
			continue
		}
		for _, v := range values {
			list = appendToken(list, v)
		}
	}
	if !strings.Contains(h.Get("Content-Type"), "json") && !startsWith(body, `{["`) {
		return list
	}
	walkJSON(body, func(path []string, v any) {
		if s, ok := v.(string); ok && pathNamesToken(path) {
			list = appendToken(list, s)
		}
	})
	return list
}

// pathNamesToken: "accessToken", and what "token": {"value": …} wraps.
func pathNamesToken(path []string) bool {
	names := slices.DeleteFunc(slices.Clone(path), func(p string) bool { return strings.HasPrefix(p, "[") })
	if len(names) == 0 {
		return true
	}
	last := names[len(names)-1]
	if namesToken(last) {
		return true
	}
	return len(names) > 1 && slices.Contains([]string{"value", "data", "raw"}, strings.ToLower(last)) && namesToken(names[len(names)-2])
}

func appendToken(list []string, v string) []string {
	v = strings.TrimSpace(v)
	if len(v) > 7 && strings.EqualFold(v[:7], "bearer ") {
		v = strings.TrimSpace(v[7:])
	}
	if len(list) < maxTokens && looksLikeToken(v) {
		list = append(list, v)
	}
	return list
}

// looksLikeToken: the alphabet of RFC 6750 §2.1 and Laravel's "|", long enough, and with a digit and a letter in it, which
// words and plain numbers have not.
func looksLikeToken(v string) bool {
	if len(v) < minCredential || len(v) > maxCredential {
		return false
	}
	digit, letter := false, false
	for i := range len(v) {
		switch c := v[i]; {
		case c >= '0' && c <= '9':
			digit = true
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letter = true
		case !strings.ContainsRune("-._~+/=|", rune(c)):
			return false
		}
	}
	return digit && letter
}

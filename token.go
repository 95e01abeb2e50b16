package candor

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// minTokenBits is what makes a link unguessable (DESIGN §2).
const minTokenBits = 64

// notLinks are parameters whose values are random and yet open nothing: click identifiers, anti-forgery tokens, cache
// busters. A page that shows a stranger's data is not excused because the visitor came from an advertisement.
var notLinks = []string{"gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "ttclid", "twclid", "yclid", "igshid",
	"li_fat_id", "srsltid", "mc_eid", "mc_cid", "_ga", "_gl", "_hsenc", "_hsmi", "csrf", "xsrf", "authenticity_token", "_token",
	"nonce", "state", "captcha", "recaptcha", "fingerprint", "session", "sid", "v", "ver", "version", "hash", "cb", "_", "trace", "request_id",
	"cursor", "after", "before", "pagetoken", "page_token"}

// LinkToken is the one unguessable token (64 bits or more) that a request carries: in its path, or else in its query, or
// else among the values of its body. Empty when there is none, or when there are several, of which none can be said to be
// the link.
func LinkToken(r *http.Request, body []byte) string {
	if t, n := only(tokensIn(r.URL.EscapedPath())); n > 0 {
		return t
	}
	var found []string
	for k, vs := range r.URL.Query() {
		if !opensNothing(k) {
			for _, v := range vs {
				found = append(found, tokensIn(v)...)
			}
		}
	}
	if t, n := only(found); n > 0 {
		return t
	}
	t, _ := only(bodyTokens(r.Header.Get("Content-Type"), body))
	return t
}

func only(tokens []string) (string, int) {
	slices.Sort(tokens)
	tokens = slices.Compact(tokens)
	if len(tokens) == 1 {
		return tokens[0], 1
	}
	return "", len(tokens)
}

func opensNothing(key string) bool {
	key = strings.ToLower(key)
	return strings.HasPrefix(key, "utm_") || slices.Contains(notLinks, key) || strings.Contains(key, "csrf") || strings.Contains(key, "captcha")
}

// bodyTokens looks at the values of a JSON or form body, and at the string literals inside a GraphQL query.
func bodyTokens(contentType string, body []byte) []string {
	switch {
	case len(body) == 0:
		return nil
	case strings.Contains(contentType, "json"):
		return jsonTokens(body)
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		var found []string
		values, _ := url.ParseQuery(string(body))
		for k, vs := range values {
			if !opensNothing(k) {
				found = append(found, tokensIn(strings.Join(vs, " "))...)
			}
		}
		return found
	}
	return nil
}

func jsonTokens(body []byte) []string {
	var found []string
	dec := json.NewDecoder(strings.NewReader(string(body)))
	key := ""
	var inObject []bool
	expectKey := false
	for {
		t, err := dec.Token()
		if err != nil {
			return found
		}
		switch t := t.(type) {
		case json.Delim:
			switch t {
			case '{', '[':
				inObject = append(inObject, t == '{')
			default:
				inObject = inObject[:len(inObject)-1]
			}
			expectKey = len(inObject) > 0 && inObject[len(inObject)-1]
			continue
		case string:
			if expectKey {
				key, expectKey = t, false
				continue
			}
			if !opensNothing(key) {
				found = append(found, tokensIn(t)...)
			}
		}
		expectKey = len(inObject) > 0 && inObject[len(inObject)-1]
	}
}

// tokensIn returns the runs of token characters in s that look random and hold 64 bits or more.
func tokensIn(s string) []string {
	if len(s) < 11 {
		return nil
	}
	var found []string
	for _, run := range strings.FieldsFunc(s, func(c rune) bool {
		return c != '-' && c != '_' && c != '~' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z')
	}) {
		if tokenBits(run) >= minTokenBits {
			found = append(found, run)
		}
	}
	return found
}

// tokenBits estimates how many bits a guesser has to try: length times the bits of the alphabet seen, and nothing at all
// for what reads as words and numbers (few changes between letters and digits, or between cases), for version 1 UUIDs
// (RFC 9562 §5.1: time and node) and for 24 hexadecimal digits (a MongoDB ObjectID: time and counter).
func tokenBits(s string) float64 {
	if len(s) < 11 || len(s) > 512 {
		return 0
	}
	var lower, upper, digit, hex, changes, n int
	last := byte(0)
	for i := range len(s) {
		c, class := s[i], byte(0)
		switch {
		case c >= '0' && c <= '9':
			class, digit = 'd', digit+1
		case c >= 'a' && c <= 'z':
			class, lower = 'l', lower+1
		case c >= 'A' && c <= 'Z':
			class, upper = 'u', upper+1
		default:
			continue
		}
		if class == 'd' || c|0x20 <= 'f' {
			hex++
		}
		if last != 0 && class != last {
			changes++
		}
		last = class
		n++
	}
	uuid := len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' && hex == 32
	switch {
	case uuid && s[14] == '1', n == 24 && hex == 24 && len(s) == 24:
		return 0
	case uuid:
		return 122
	case digit == n:
		return float64(n) * math.Log2(10)
	case changes < 3 || changes*6 < n:
		return 0
	}
	alphabet := 0
	if hex == n && (lower == 0 || upper == 0) {
		return float64(n) * 4
	}
	for _, c := range []struct{ seen, size int }{{lower, 26}, {upper, 26}, {digit, 10}} {
		if c.seen > 0 {
			alphabet += c.size
		}
	}
	return float64(n) * math.Log2(float64(alphabet))
}

package candor

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"regexp"
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

var graphQLString = regexp.MustCompile(`"[^"\\\n]*"`)

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
			switch {
			case key == "query" && strings.Contains(t, "{"):
				for _, literal := range graphQLString.FindAllString(t, -1) { // the rest of it are names of fields
					found = append(found, tokensIn(literal)...)
				}
			case key != "operationName" && !opensNothing(key):
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
// for what reads as words and numbers, for version 1 UUIDs (RFC 9562 §5.1: time and node) and for 24 hexadecimal digits (a
// MongoDB ObjectID: time and counter).
func tokenBits(s string) float64 {
	if len(s) < 11 || len(s) > 512 {
		return 0
	}
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' && countHex(s) == 32 {
		if s[14] == '1' {
			return 0
		}
		return 122
	}
	if strings.ContainsAny(s, "-_") && s == strings.ToLower(s) {
		return longestPart(s) // "iphone-15-pro-256gb": words with something between them
	}
	var lower, upper, digit, changes, n int
	last := byte(0)
	for i := range len(s) {
		class := classOf(s[i])
		switch class {
		case 'd':
			digit++
		case 'l':
			lower++
		case 'u':
			upper++
		default:
			continue
		}
		if last != 0 && (class == 'd') != (last == 'd') {
			changes++
		}
		last = class
		n++
	}
	hex := countHex(s) == n && (lower == 0 || upper == 0)
	switch {
	case hex && n == 24:
		return 0
	case digit == n:
		return float64(n) * math.Log2(10)
	case digit == 0 || !(changes >= 3 && changes*6 >= n) && !unspeakable(s):
		return 0
	case hex:
		return float64(n) * 4
	}
	alphabet := 0
	for _, c := range []struct{ seen, size int }{{lower, 26}, {upper, 26}, {digit, 10}} {
		if c.seen > 0 {
			alphabet += c.size
		}
	}
	return float64(n) * math.Log2(float64(alphabet))
}

func classOf(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return 'd'
	case c >= 'a' && c <= 'z':
		return 'l'
	case c >= 'A' && c <= 'Z':
		return 'u'
	}
	return 0
}

func countHex(s string) (n int) {
	for i := range len(s) {
		if c := s[i]; classOf(c) == 'd' || classOf(c) != 0 && c|0x20 <= 'f' {
			n++
		}
	}
	return n
}

func longestPart(s string) (bits float64) {
	for _, part := range strings.FieldsFunc(s, func(c rune) bool { return c == '-' || c == '_' }) {
		bits = max(bits, tokenBits(part))
	}
	return bits
}

// unspeakable: five consonants in a row, or vowels for less than a quarter of the letters: no words, in whatever case.
func unspeakable(s string) bool {
	run, longest, letters, vowels := 0, 0, 0, 0
	for i := range len(s) {
		switch class := classOf(s[i]); {
		case class == 0 || class == 'd':
			run = 0
		case strings.IndexByte("aeiouy", s[i]|0x20) >= 0:
			letters, vowels, run = letters+1, vowels+1, 0
		default:
			letters, run = letters+1, run+1
			longest = max(longest, run)
		}
	}
	return longest >= 5 || letters >= 8 && 4*vowels < letters
}

package scan

import "bytes"

// Kinds of credentials that Credentials tells apart, as notices and reports may name them.
const (
	// Password: the value of a key such as password, passwd, pwd or user_pass in JSON, XML, a form or an HTML field. Not an
	// empty or starred one, nor a label ("Password", "Your password").
	Password = "password"
	// PasswordHash: bcrypt, argon2, scrypt, yescrypt, PBKDF2, the crypt(5) and phpass families, LDAP's {SSHA} (RFC 2307), or
	// a digest under a password's key.
	PasswordHash = "password-hash"
	// SessionToken: a signed JWT (RFC 7519), or a value that reads as random under a key such as session_id, access_token,
	// refresh_token or token. Anti-forgery tokens (csrf, xsrf, authenticity_token) do not count: without the session they
	// open nothing, and every page holds its viewer's own. Nor do page and sync tokens.
	SessionToken = "session-token"
	// APIKey: a key whose maker documents its prefix, or a PEM private key (RFC 7468). Publishable keys (pk_live_) do not count.
	APIKey = "api-key"
	// CardNumber: 14 to 19 digits in an issuer's range and length that pass the Luhn check (ISO/IEC 7812-1).
	CardNumber = "card-number"
)

// Credentials notes which kinds of credentials a stream holds. It keeps no value, only a tail of the stream, until Reset.
// The zero value is ready. In doubt it says that a kind is present: a notice may say "no passwords were shown" only when
// nothing that might be one was.
//
// It sees keys and quotes as JSON writes them, also inside a JSON string (\"password\":\"…\"), as HTML references
// (&quot;), and percent-encoded (%22).
type Credentials struct {
	found byte
	n     int // bytes in buf
	next  int // the next pair to look at in buf
	buf   [4 * reach]byte
}

// What is decided at a pair of bytes depends on at most reach bytes before and behind it, so that chunks do not matter.
const reach = 1024

const (
	isPassword = 1 << iota
	isPasswordHash
	isSessionToken
	isAPIKey
	isCardNumber
)

// credentialKinds are sorted, as Present returns them.
var credentialKinds = [...]struct {
	bit  byte
	name string
}{{isAPIKey, APIKey}, {isCardNumber, CardNumber}, {isPassword, Password}, {isPasswordHash, PasswordHash}, {isSessionToken, SessionToken}}

// Write looks at the next bytes of the stream. It never fails.
func (c *Credentials) Write(p []byte) (int, error) {
	written := len(p)
	if c.n == 0 {
		c.buf[0], c.n, c.next = '\n', 1, 0 // so that the first byte is the second of a pair
	}
	if len(p) <= len(c.buf)-c.n {
		c.n += copy(c.buf[c.n:], p)
		return written, nil
	}
	// The buffer with the beginning of p, then p itself, then its end into the buffer.
	k := copy(c.buf[c.n:], p)
	c.found |= searchCredentials(c.buf[:], c.next, len(c.buf)-reach)
	if rest := len(p) - k; rest <= 2*reach {
		c.keep(c.buf[:], len(c.buf)-reach)
		c.n += copy(c.buf[c.n:], p[k:])
		return written, nil
	}
	at := k - reach // p's index of the pair where the search of the buffer ended
	if at < reach { // too near to p's beginning to see what stands before it
		c.keep(c.buf[:], len(c.buf)-reach)
		more := copy(c.buf[c.n:], p[k:])
		c.n += more
		c.found |= searchCredentials(c.buf[:c.n], c.next, c.n-reach)
		at = k + more - reach
	}
	c.found |= searchCredentials(p, at, len(p)-reach)
	c.keep(p, len(p)-reach)
	return written, nil
}

// keep makes what stands from reach bytes before next on the beginning of the buffer.
func (c *Credentials) keep(b []byte, next int) {
	c.n = copy(c.buf[:], b[next-reach:])
	c.next = reach
}

// Present lists the kinds that were found, sorted; nil for none. Call it when the stream has ended: it takes the end of
// what was written for the end of the stream.
func (c *Credentials) Present() (kinds []string) {
	found := c.found | searchCredentials(c.buf[:c.n], c.next, c.n)
	for _, k := range credentialKinds {
		if found&k.bit != 0 {
			kinds = append(kinds, k.name)
		}
	}
	return kinds
}

// Reset forgets everything, and overwrites the tail.
func (c *Credentials) Reset() { *c = Credentials{} }

// The pairs of bytes at which something may be decided: pairFirst[a]&pairSecond[b] != 0. Chosen to be rare in real pages.
var pairFirst, pairSecond = credentialPairs()

func credentialPairs() (pairFirst, pairSecond [256]byte) {
	for i := range 256 {
		if !isAlphanumeric(byte(i)) { // a number begins
			pairFirst[i] |= 1
		}
		if isAlphanumeric(byte(i)) {
			pairSecond[i] |= 16 // "$2b$", "$argon2id$", "…sha256$600000$"
		}
	}
	for i := byte('2'); i <= '6'; i++ { // an issuer's pairFirst digit
		pairSecond[i] |= 1
	}
	for _, p := range []struct {
		a, b string
		bit  byte
	}{
		{"sS", "sS", 2},  // pa-ss-word, se-ss-ion
		{"oO", "kK", 4},  // t-ok-en
		{"pP", "wW", 8},  // pw-d
		{"$", "", 16},    // hashes
		{".G", "e.", 32}, // .eyJ of a JWT, SG.
		{"gxKSI", "hoIz", 64},
		{"kt-{", "_-S", 128},
	} {
		for i := range len(p.a) {
			pairFirst[p.a[i]] |= p.bit
		}
		for i := range len(p.b) {
			pairSecond[p.b[i]] |= p.bit
		}
	}
	return pairFirst, pairSecond
}

// searchPairs looks at the pairs that begin in w[from:to], one after the other.
func searchPairs(w []byte, from, to int) (found byte) {
	if to > len(w)-1 {
		to = len(w) - 1
	}
	if from >= to {
		return 0
	}
	s := w[from : to+1]
	for i := 0; i+1 < len(s); i++ {
		if isPair(s[i], s[i+1]) {
			found |= credentialAt(w, from+i)
		}
	}
	return found
}

func isPair(a, b byte) bool { return pairFirst[a]&pairSecond[b] != 0 }

// credentialAt decides what w[i:] is, by what stands up to reach bytes before and behind.
func credentialAt(w []byte, i int) byte {
	switch a, b := w[i], w[i+1]; {
	case a == '$' || a == '{':
		// their pairs say all
	case !isAlphanumeric(a) && isDecimal(b):
		if i+4 >= len(w) || !isDecimal(w[i+2]) || !isDecimal(w[i+3]) || !isDecimal(w[i+4]) || isKeyByte(a) || a == '.' {
			return 0 // most numbers are short
		}
	case a|0x20 == 's' && b|0x20 == 's':
		if i == 0 || w[i-1]|0x20 != 'a' && w[i-1]|0x20 != 'e' {
			return 0
		}
	}
	w, i = w[max(0, i-reach):min(len(w), i+reach)], min(i, reach)
	switch a, b := w[i], w[i+1]; {
	case a == '$':
		return atHash(w, i)
	case a == '{':
		return atLDAP(w, i)
	case a == '.' && b == 'e':
		return atJWT(w, i)
	case a|0x20 == 's' && b|0x20 == 's':
		return atSS(w, i)
	case a|0x20 == 'o' && wordAt(w, i-1, "token"):
		return keyed(w, i-1, i+4, isSessionToken)
	case a|0x20 == 'p' && wordAt(w, i, "pwd"):
		return keyed(w, i, i+3, isPassword)
	case !isAlphanumeric(a) && isDecimal(b):
		if isCard(w, i+1) {
			return isCardNumber
		}
	case b == 'h' || b == 'o' || b == 'I' || b == 'z' || b == '_' || b == '-' || b == '.':
		return atAPIKey(w, i)
	}
	return 0
}

// wordAt reports whether lower-case s stands at w[i:], in any case.
func wordAt(w []byte, i int, s string) bool {
	if i < 0 || i+len(s) > len(w) {
		return false
	}
	for k := range len(s) {
		if w[i+k]|0x20 != s[k] {
			return false
		}
	}
	return true
}

func literalAt(w []byte, i int, s string) bool {
	return i >= 0 && i+len(s) <= len(w) && string(w[i:i+len(s)]) == s
}

func atSS(w []byte, i int) byte {
	if wordAt(w, i-2, "session") {
		return keyed(w, i-2, i+5, isSessionToken)
	}
	if wordAt(w, i-2, "sessid") { // PHPSESSID
		return keyed(w, i-2, i+4, isSessionToken)
	}
	for _, s := range []string{"password", "passwort", "passwd", "passphrase"} {
		if wordAt(w, i-2, s) {
			return keyed(w, i-2, i-2+len(s), isPassword)
		}
	}
	// "pass" alone, user_pass and dbPass, not the packages minipass and compass
	if !wordAt(w, i-2, "pass") || i > 2 && isAlphanumeric(w[i-3]) && !(w[i-2] == 'P' && w[i-3] >= 'a') {
		return 0
	}
	return keyed(w, i-2, i+2, isPassword)
}

func isDecimal(c byte) bool      { return c >= '0' && c <= '9' }
func isAlphanumeric(c byte) bool { return isDecimal(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }
func isKeyByte(c byte) bool      { return isAlphanumeric(c) || c == '_' || c == '-' }

// runOf counts the bytes of w from i on for which in holds, and takes JSON's \/ for a slash (RFC 8259 §7).
func runOf(w []byte, i int, in func(byte) bool) (n, end int) {
	for i < len(w) {
		switch {
		case in(w[i]):
			i++
		case w[i] == '\\' && i+1 < len(w) && w[i+1] == '/' && in('/'):
			i += 2
		default:
			return n, i
		}
		n++
	}
	return n, i
}

func isCryptByte(c byte) bool  { return isAlphanumeric(c) || c == '.' || c == '/' }
func isBase64Byte(c byte) bool { return isAlphanumeric(c) || c == '+' || c == '/' || c == '=' }
func isTokenByte(c byte) bool  { return isAlphanumeric(c) || c == '-' || c == '_' }

// cryptHashes are crypt(5)'s prefixes and phpass's, with the length of what follows; for those with a salt of their own, of
// what follows the salt.
var cryptHashes = []struct {
	prefix string
	salted bool
	length int
}{
	{"$1$", true, 22}, {"$apr1$", true, 22}, {"$5$", true, 43}, {"$6$", true, 86}, // MD5, Apache's, SHA-256, SHA-512
	{"$y$", true, 4}, {"$gy$", true, 4}, {"$7$", false, 20}, {"$S$", false, 52}, // yescrypt, scrypt, Drupal 7
	{"$P$", false, 31}, {"$H$", false, 31}, // phpass, phpBB
	{"$argon2id$", false, 1}, {"$argon2i$", false, 1}, {"$argon2d$", false, 1}, // the PHC string format
	{"$scrypt$", false, 1}, {"$pbkdf2-sha", false, 3}, {"$bcrypt-sha256$", false, 1},
}

func atHash(w []byte, i int) byte {
	if len(w) > i+7 && w[i+1] == '2' && w[i+3] == '$' && isDecimal(w[i+4]) && isDecimal(w[i+5]) && w[i+6] == '$' {
		if n, _ := runOf(w, i+7, isCryptByte); n >= 53 { // bcrypt: 22 of salt, 31 of hash
			return isPasswordHash
		}
	}
	for _, h := range cryptHashes {
		if !literalAt(w, i, h.prefix) {
			continue
		}
		n, end := runOf(w, i+len(h.prefix), func(c byte) bool { return isCryptByte(c) || c == '=' || c == ',' })
		if h.salted {
			for k := 0; k < 2 && end < len(w) && w[end] == '$'; k++ { // "rounds=5000$salt$"
				n, end = runOf(w, end+1, func(c byte) bool { return isCryptByte(c) || c == '=' })
			}
		}
		if n >= h.length {
			return isPasswordHash
		}
	}
	// Django: pbkdf2_sha256$600000$salt$hash; Werkzeug: pbkdf2:sha256:600000$salt$hash, scrypt:32768:8:1$salt$hash
	start := i
	for start > 0 && i-start < 40 && (isKeyByte(w[start-1]) || w[start-1] == ':') {
		start--
	}
	if head := w[start:i]; bytes.Contains(head, []byte("pbkdf2")) || bytes.Contains(head, []byte("scrypt:")) {
		if _, end := runOf(w, i+1, isAlphanumeric); end < len(w) && w[end] == '$' {
			return isPasswordHash
		}
	}
	return 0
}

// atLDAP knows RFC 2307 §5.3's userPassword schemes.
func atLDAP(w []byte, i int) byte {
	for _, s := range []string{"{SSHA}", "{SHA}", "{SMD5}", "{SSHA256}", "{SSHA384}", "{SSHA512}", "{SHA256}", "{SHA512}"} {
		if literalAt(w, i, s) {
			if n, _ := runOf(w, i+len(s), isBase64Byte); n >= 24 {
				return isPasswordHash
			}
		}
	}
	return 0
}

// atJWT is at the first dot of header.payload.signature (RFC 7515 §7.1), the first two of which are JSON objects.
func atJWT(w []byte, i int) byte {
	if !literalAt(w, i+1, "eyJ") {
		return 0
	}
	start := i
	for start > 0 && isTokenByte(w[start-1]) {
		start--
	}
	if !literalAt(w, start, "eyJ") || i-start < 12 {
		return 0
	}
	n, end := runOf(w, i+1, isTokenByte)
	if end == len(w) && n > reach/2 {
		return isSessionToken // a payload that is longer than what can be seen
	}
	if n < 12 || end >= len(w) || w[end] != '.' {
		return 0
	}
	if n, _ := runOf(w, end+1, isTokenByte); n >= 20 {
		return isSessionToken
	}
	return 0
}

// apiKeys are documented by who issues them: AWS IAM's unique ids, GitHub's and GitLab's token formats, Stripe's and
// Shopify's secret keys, Slack's tokens, Google's API keys, SendGrid's, npm's. back is where the prefix begins before
// the pair that was found.
var apiKeys = []struct {
	prefix string
	back   int
	length int
	in     func(byte) bool
}{
	{"AKIA", 1, 16, isUpperByte}, {"ASIA", 1, 16, isUpperByte},
	{"AIza", 1, 35, isTokenByte},
	{"ghp_", 0, 36, isAlphanumeric}, {"gho_", 0, 36, isAlphanumeric}, {"ghu_", 0, 36, isAlphanumeric}, {"ghs_", 0, 36, isAlphanumeric}, {"ghr_", 0, 36, isAlphanumeric},
	{"github_pat_", 9, 60, isKeyByte},
	{"glpat-", 4, 20, isKeyByte},
	{"sk_live_", 1, 16, isAlphanumeric}, {"rk_live_", 1, 16, isAlphanumeric},
	{"xoxb-", 0, 20, isKeyByte}, {"xoxp-", 0, 20, isKeyByte}, {"xoxa-", 0, 20, isKeyByte}, {"xoxr-", 0, 20, isKeyByte}, {"xoxs-", 0, 20, isKeyByte},
	{"shpat_", 4, 32, isAlphanumeric},
	{"SG.", 1, 40, func(c byte) bool { return isKeyByte(c) || c == '.' }},
}

func isUpperByte(c byte) bool { return isDecimal(c) || c >= 'A' && c <= 'Z' }

func atAPIKey(w []byte, i int) byte {
	for _, k := range apiKeys {
		start := i - k.back
		if k.prefix[k.back] != w[i] || k.prefix[k.back+1] != w[i+1] || !literalAt(w, start, k.prefix) || start > 0 && isAlphanumeric(w[start-1]) {
			continue
		}
		if n, _ := runOf(w, start+len(k.prefix), k.in); n >= k.length {
			return isAPIKey
		}
	}
	if literalAt(w, i, "-----BEGIN ") && (i == 0 || w[i-1] != '-') {
		line := w[i : i+min(len(w)-i, 64)]
		// more than the label: documentation has the line alone
		if k := bytes.Index(line, []byte("PRIVATE KEY-----")); k > 0 {
			_, from := runOf(w, i+k+len("PRIVATE KEY-----"), func(c byte) bool { return c == '\n' || c == '\r' || c == ' ' || c == '\\' || c == 'n' || c == 'r' })
			if n, _ := runOf(w, from, isBase64Byte); n >= 40 {
				return isAPIKey
			}
		}
	}
	return 0
}

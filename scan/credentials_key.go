package scan

import "bytes"

// keyed decides about a key of which w[from:to] is the telling word, and its value.
func keyed(w []byte, from, to int, kind byte) byte {
	start, end := from, to
	for start > 0 && from-start < 48 && (isKeyByte(w[start-1]) || w[start-1] == '.') && !bytes.HasSuffix(w[:start], []byte("%22")) && !bytes.HasSuffix(w[:start], []byte(`\u0022`)) {
		start--
	}
	for end < len(w) && end-to < 24 && isKeyByte(w[end]) {
		end++
	}
	if kind == isSessionToken {
		if tokenKey(w[start:from], w[to:end]) && readsAsRandom(valueOf(w, start, end)) {
			return isSessionToken
		}
		return 0
	}
	hash, ok := passwordKey(w[start:from], w[to:end])
	if !ok {
		return 0
	}
	v := valueOf(w, start, end)
	switch {
	case readsAsDigest(v) || hash && readsAsRandom(v):
		return isPasswordHash
	case to-from == len("pass") && len(v) > 0 && isDecimal(v[0]):
		return 0 // "pass": 41, as in the results of tests
	case !hash && readsAsPassword(v):
		return isPassword
	}
	return 0
}

// sameKey compares a part of a key with lower-case letters, cases and separators aside.
func sameKey(part []byte, s string) bool {
	k := 0
	for _, c := range part {
		if c == '_' || c == '-' || c == '.' {
			continue
		}
		if k >= len(s) || c|0x20 != s[k]|0x20 {
			return false
		}
		k++
	}
	return k == len(s)
}

// endsKey reports whether the part before the telling word ends with s.
func endsKey(part []byte, s string) bool {
	for len(part) > 0 && (part[len(part)-1] == '_' || part[len(part)-1] == '-') {
		part = part[:len(part)-1]
	}
	return len(part) >= len(s) && wordAt(part, len(part)-len(s), s)
}

func anyKey(is func([]byte, string) bool, part []byte, list []string) bool {
	for _, s := range list {
		if is(part, s) {
			return true
		}
	}
	return false
}

var (
	// What may stand around "password" in a key whose value is one, and what says that it is not.
	passwordSuffixes = []string{"", "1", "2", "confirm", "confirmation", "again", "repeat", "plain", "plaintext", "clear", "cleartext", "text", "value", "new", "old", "current"}
	hashSuffixes     = []string{"hash", "hashed", "digest", "md5", "sha1", "sha256", "sha512", "encrypted", "crypt", "bcrypt"}
	notPasswords     = []string{"forgot", "forgotten", "forget", "lost", "reset", "change", "show", "hide", "toggle", "has", "is", "require", "requires", "required", "no", "allow", "enable", "invalid", "wrong", "missing", "by", "com"}
	tokenSuffixes    = []string{"", "id", "token", "key", "secret", "uuid", "value", "cookie", "hash"}
	notTokens        = []string{"csrf", "xsrf", "authenticity", "verification", "forgery", "page", "next", "continuation", "cursor", "sync", "design", "public", "publishable", "pagination"}
)

// passwordKey says whether a key may be a password's, and whether it says that the password is hashed.
func passwordKey(before, after []byte) (hash, ok bool) {
	if anyKey(endsKey, before, notPasswords) {
		return false, false
	}
	if anyKey(sameKey, after, hashSuffixes) {
		return true, true
	}
	hash = endsKey(before, "hashed") || endsKey(before, "encrypted")
	return hash, anyKey(sameKey, after, passwordSuffixes)
}

func tokenKey(before, after []byte) bool {
	return !anyKey(endsKey, before, notTokens) && anyKey(sameKey, after, tokenSuffixes)
}

// valueOf finds the value of the key w[start:end]: in JSON ("key":"value", "key":1234), in a form or a query
// (key=value), in XML (<key>value</key>), and in a tag that is named by it (<input name="key" value="value">).
func valueOf(w []byte, start, end int) []byte {
	if q := quoteBefore(w, start); q != nil {
		if !bytes.HasPrefix(w[end:], q) {
			return nil
		}
		if before := start - len(q); before > 0 && w[before-1] == '=' {
			return tagValue(w, start)
		}
		return jsonValue(w, end+len(q), q)
	}
	if start == 0 || end >= len(w) {
		return nil
	}
	switch before := w[start-1]; {
	case w[end] == '>' && (before == '<' || before == ':'):
		if v := valueUntil(w, end+1, "<"); literalAt(w, end+1+len(v), "</") || len(v) == maxValue {
			return v
		}
		return nil
	case w[end] == '=' && (before == '?' || before == '\n' || before == '&' || before == ';' && bytes.HasSuffix(w[:start], []byte("&amp;"))):
		return formValue(w, end+1)
	case w[end] == '=' && before == ' ':
		return attributeValue(w, start, end+1)
	}
	return nil
}

// Quotes, longest first where one begins like another.
var keyQuotes = []string{`\\\"`, `\"`, `"`, `'`, "&quot;", "&#34;", "&#x22;", "&#39;", "%22", `\u0022`}

func quoteBefore(w []byte, i int) []byte {
	for _, q := range keyQuotes {
		if bytes.HasSuffix(w[:i], []byte(q)) {
			return w[i-len(q) : i]
		}
	}
	return nil
}

func skipSpaces(w []byte, i int) int {
	for i < len(w) && (w[i] == ' ' || w[i] == '\t' || w[i] == '\n' || w[i] == '\r') {
		i++
	}
	return i
}

// jsonValue reads ': "value"' behind a quoted key, or ': 1234'. The value's quotes are those of the key.
func jsonValue(w []byte, i int, quote []byte) []byte {
	i = skipSpaces(w, i)
	switch {
	case literalAt(w, i, ":"):
		i++
	case literalAt(w, i, "=>"): // PHP and Ruby print it so
		i += 2
	case literalAt(w, i, "%3A"), literalAt(w, i, "%3a"):
		i += 3
	default:
		return nil
	}
	if i = skipSpaces(w, i); bytes.HasPrefix(w[i:], quote) {
		return valueUntil(w, i+len(quote), string(quote))
	}
	if n, e := runOf(w, i, isDecimal); n >= 4 && e < len(w) && !isAlphanumeric(w[e]) && w[e] != '.' {
		return w[i:e]
	}
	return nil
}

const maxValue = 256

// valueUntil is the value up to its end mark; its first bytes, where that is far away.
func valueUntil(w []byte, i int, mark string) []byte {
	v := w[i:min(len(w), i+maxValue)]
	for from := 0; ; {
		k := bytes.Index(v[from:], []byte(mark))
		if k < 0 {
			return v
		}
		if from += k; from == 0 || v[from-1] != '\\' || mark[0] == '\\' {
			return v[:from]
		}
		from += len(mark)
	}
}

// formValue reads application/x-www-form-urlencoded (WHATWG URL §5) up to what ends it there, or in the text around.
func formValue(w []byte, i int) []byte {
	n, e := runOf(w, i, func(c byte) bool {
		return isAlphanumeric(c) || c == '%' || c == '+' || c == '.' || c == '_' || c == '-' || c == '*' || c == '~' || c == '!' || c == '@'
	})
	if n == 0 || n > maxValue {
		return nil
	}
	if e == len(w) || bytes.IndexByte([]byte("&\r\n \"'<\\"), w[e]) >= 0 {
		return w[i:e]
	}
	return nil
}

// tagValue finds value="…" in the tag around w[i], before or behind.
func tagValue(w []byte, i int) []byte {
	open := bytes.LastIndexByte(w[:i], '<')
	if open < 0 || bytes.IndexByte(w[open:i], '>') >= 0 {
		return nil
	}
	tag := w[open:]
	if k := bytes.IndexByte(tag, '>'); k >= 0 {
		tag = tag[:k]
	}
	if !wordAt(tag, 1, "input") && !wordAt(tag, 1, "meta") {
		return nil
	}
	for _, name := range []string{" value=", " content="} {
		if k := bytes.Index(tag, []byte(name)); k >= 0 {
			return quotedValue(tag, k+len(name))
		}
	}
	return nil
}

// attributeValue reads <user password="…">, and not <input password=…> of frameworks, which name fields so.
func attributeValue(w []byte, start, i int) []byte {
	open := bytes.LastIndexByte(w[:start], '<')
	if open < 0 || bytes.IndexByte(w[open:start], '>') >= 0 {
		return nil
	}
	return quotedValue(w, i)
}

func quotedValue(w []byte, i int) []byte {
	if i < len(w) && (w[i] == '"' || w[i] == '\'') {
		return valueUntil(w, i+1, string(w[i:i+1]))
	}
	return nil
}

// readsAsRandom: 16 characters or more of an alphabet of tokens, letters and digits among them, no words put together.
func readsAsRandom(v []byte) bool {
	digits, letters, changes, last := 0, 0, 0, 0
	for _, c := range v {
		class := 1
		switch {
		case isDecimal(c):
			digits++
		case isAlphanumeric(c):
			letters++
			class = 2
			if c <= 'Z' {
				class = 3
			}
		case isKeyByte(c) || isBase64Byte(c) || c == '.' || c == '~' || c == '%' || c == ':' || c == '\\':
			continue
		default:
			return false
		}
		if class != last {
			changes++
		}
		last = class
	}
	return len(v) >= 16 && digits >= 2 && letters >= 2 && changes >= 5 || len(v) >= 24 && letters == 0 && digits == len(v)
}

// readsAsDigest: the length of MD5, SHA-1, SHA-2 in hexadecimal digits, or of more than 28 octets in base64.
func readsAsDigest(v []byte) bool {
	hex := 0
	for _, c := range v {
		if isDecimal(c) || c|0x20 >= 'a' && c|0x20 <= 'f' {
			hex++
		}
	}
	if hex == len(v) {
		switch hex {
		case 32, 40, 56, 64, 96, 128:
			return true
		}
	}
	n, end := runOf(v, 0, isBase64Byte)
	return n >= 40 && end == len(v) && readsAsRandom(v)
}

// Values of a password's key that are none: labels and placeholders.
var passwordLabels = []string{"passw", "kennwort", "contrase", "senha", "heslo", "wachtwoord", "lösenord", "parola", "redacted", "filtered", "masked", "required", "undefined", "example.com"}

var passwordPlaceholders = []string{"null", "none", "true", "false", "string", "text", "hidden", "secure", "optional", "varchar", "off", "new-password", "object", "pass", "pwd", "field", "input", "email", "username"}

// readsAsPassword leaves out what is empty, starred, a label, an address of a page, a template's variable, or a hash, which
// has its own kind.
func readsAsPassword(v []byte) bool {
	switch {
	case len(v) < 3, isStarred(v), isBracketed(v), isLabel(v):
		return false
	case v[0] == '/', literalAt(v, 0, "http"), literalAt(v, 0, "#/"): // where to change it
		return false
	case (v[0] == '^' || v[0] == '~') && isDecimal(v[1]): // "parse-passwd": "^1.0.0"
		return false
	case v[0] == '$' && bytes.Count(v, []byte("$")) > 1, literalAt(v, 0, "pbkdf2"), literalAt(v, 0, "scrypt:"):
		return false
	}
	for _, code := range []string{"{{", "${", "#{", "%{", "<%", "()", "=>"} {
		if bytes.Contains(v, []byte(code)) {
			return false
		}
	}
	for _, s := range passwordPlaceholders {
		if sameKey(v, s) {
			return false
		}
	}
	return true
}

// isStarred: one sign over and over, in any spelling of a bullet, or stars in front of the last characters.
func isStarred(v []byte) bool {
	if bytes.IndexByte([]byte("*xX.#-_"), v[0]) >= 0 && len(bytes.Trim(v, string(v[:1]))) == 0 {
		return true
	}
	return literalAt(v, 0, "***") || literalAt(v, 0, "•") || literalAt(v, 0, "●") || literalAt(v, 0, "&bull;") || wordAt(v, 0, `\u2022`) || wordAt(v, 0, `\u25cf`)
}

// isBracketed: [FILTERED], <redacted>, {SSHA}…
func isBracketed(v []byte) bool {
	last := v[len(v)-1]
	return v[0] == '[' && last == ']' || v[0] == '<' && last == '>' || v[0] == '{' && bytes.IndexByte(v, '}') > 0
}

// isLabel: words for people, in languages that write with spaces after a capital letter, or without ASCII.
func isLabel(v []byte) bool {
	ascii := false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\' && i+5 < len(v) && v[i+1] == 'u':
			i += 5 // JSON's \u5bc6
		case c < 0x80 && c > ' ':
			ascii = true
		case c <= ' ' && v[0] >= 'A' && v[0] <= 'Z':
			return true
		}
		for _, s := range passwordLabels {
			if i < len(v) && v[i]|0x20 == s[0]|0x20 && wordAt(v, i, s) {
				return true
			}
		}
	}
	return !ascii
}

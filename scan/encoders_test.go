package scan_test

// Encoders, and decoders to check them by, written for the property test from their specifications and the standard library:
// none shares code with package scan.

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"mime/quotedprintable"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// encoder writes a text in another form, and returns what undoes it and fails on what is not valid in that form.
type encoder struct {
	name   string
	encode func(p pen, s string) (encoded string, decode decoder)
}

// pen is where encoders take their chances from.
type pen struct {
	*rand.Rand
	// sparing: the text holds digits of base64, of a hash or of another escape, and nobody escapes those one by one. Only what
	// must be escaped is.
	sparing bool
}

// extra is true for about one in n of the characters that need no escape.
func (p pen) extra(n int) bool { return !p.sparing && p.IntN(n) == 0 }

type decoder func(string) (string, error)

var encoders = []encoder{
	{"json", with(jsonString, fromJSON)},
	{"json-u", with(jsonEscapes, fromJSON)},
	{"html-attribute", with(func(_ pen, s string) string { return html.EscapeString(s) }, fromHTML)},
	{"html-references", with(references, fromHTML)},
	{"percent", with(percent, url.PathUnescape)},
	{"js", with(jsString, fromJS)},
	{"base64", inText(base64.StdEncoding.EncodeToString, base64.StdEncoding.DecodeString)},
	{"base64-raw", inText(base64.RawStdEncoding.EncodeToString, base64.RawStdEncoding.DecodeString)},
	{"base64url", inText(base64.RawURLEncoding.EncodeToString, base64.RawURLEncoding.DecodeString)},
	{"jwt", with(jwt, fromJWT)},
	{"hex", inText(hex.EncodeToString, hex.DecodeString)},
	{"HEX", inText(func(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }, hex.DecodeString)},
	{"quoted-printable", with(quotedPrintable, fromQuotedPrintable)},
}

func with(encode func(pen, string) string, decode decoder) func(pen, string) (string, decoder) {
	return func(p pen, s string) (string, decoder) { return encode(p, s), decode }
}

// inText puts the text at a random alignment inside a longer one before it is encoded.
func inText(encode func([]byte) string, decode func(string) ([]byte, error)) func(pen, string) (string, decoder) {
	return func(p pen, s string) (string, decoder) {
		before := strings.Repeat("Dear customer, ", 4)[:p.IntN(50)] + one(p.Rand, " ", "<", "\n")
		after := one(p.Rand, " ", ">", "\n") + strings.Repeat(" thank you.", 4)[:p.IntN(40)]
		return encode([]byte(before + s + after)), func(encoded string) (string, error) {
			b, err := decode(encoded)
			text, begins := strings.CutPrefix(string(b), before)
			text, ends := strings.CutSuffix(text, after)
			if err == nil && !(begins && ends) {
				err = errors.New("the text around is another")
			}
			return text, err
		}
	}
}

func one(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// some is true for about one in n.
func some(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

func jsonString(p pen, s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(some(p.Rand, 2))
	e.Encode(s)
	return b.String()[1 : b.Len()-2] // without the quotes and the line's end
}

// jsonEscapes is a JSON string with some characters as \u0040, in either case.
func jsonEscapes(p pen, s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '/' && some(p.Rand, 2): // as PHP's json_encode does
			b.WriteString(`\/`)
		case c == '"' || c == '\\' || c < ' ' || c < 0x10000 && (c == '@' && p.extra(2) || p.extra(6)):
			fmt.Fprintf(&b, one(p.Rand, `\u%04x`, `\u%04X`), c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func fromJSON(s string) (out string, err error) {
	return out, json.Unmarshal([]byte(`"`+s+`"`), &out)
}

var named = map[rune]string{'@': "&commat;", '.': "&period;", '_': "&lowbar;", '+': "&plus;", '&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&quot;", ':': "&colon;", '/': "&sol;", '\'': "&apos;", 'é': "&eacute;"}

// references writes some characters, and all that HTML needs, as decimal, hexadecimal or named references.
func references(p pen, s string) string {
	var b strings.Builder
	for _, c := range s {
		switch zeros := strings.Repeat("0", p.IntN(4)); {
		case c != '&' && c != '<' && c != '>' && c != '"' && c != '\'' && !(c == '@' && p.extra(2)) && !p.extra(6):
			b.WriteRune(c)
		case named[c] != "" && some(p.Rand, 2):
			b.WriteString(named[c])
		case some(p.Rand, 2):
			fmt.Fprintf(&b, "&#%s%d;", zeros, c)
		default:
			fmt.Fprintf(&b, one(p.Rand, "&#x%s%x;", "&#X%s%X;", "&#x%s%X;"), zeros, c)
		}
	}
	return b.String()
}

func fromHTML(s string) (string, error) { return html.UnescapeString(s), nil }

// percent encodes what is not unreserved (RFC 3986 §2.3), and some that is.
func percent(p pen, s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if isAlphanumeric(c) && !p.extra(8) || strings.IndexByte("-._~", c) >= 0 && !p.extra(3) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, one(p.Rand, "%%%02x", "%%%02X"), c)
		}
	}
	return b.String()
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// jsString writes some characters as \x40, \u0040, \u{40} or \100 (ECMA-262 §12.9.4, §B.1.2).
func jsString(p pen, s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c != '"' && c != '\'' && c != '\\' && c >= ' ' && !(c == '@' && p.extra(2)) && !p.extra(6):
			b.WriteRune(c)
		case p.sparing:
			fmt.Fprintf(&b, one(p.Rand, `\u%04x`, `\u%04X`), c)
		case c < 0x100 && some(p.Rand, 2):
			fmt.Fprintf(&b, one(p.Rand, `\x%02x`, `\x%02X`, `\%03o`), c)
		default:
			fmt.Fprintf(&b, one(p.Rand, `\u%04x`, `\u{%x}`, `\u{%06X}`), c)
		}
	}
	return b.String()
}

func fromJS(s string) (string, error) {
	var b strings.Builder
	for s != "" {
		c, n := utf8.DecodeRuneInString(s)
		if c == '\\' {
			var err error
			if c, n, err = jsEscape(s); err != nil {
				return "", err
			}
		}
		b.WriteRune(c)
		s = s[n:]
	}
	return b.String(), nil
}

// jsEscape reads the escape that begins s.
func jsEscape(s string) (c rune, length int, err error) {
	digits, base, end := "", 16, 0
	switch {
	case strings.HasPrefix(s, `\u{`) && strings.Contains(s, "}"):
		end = strings.Index(s, "}") + 1
		digits = s[3 : end-1]
	case strings.HasPrefix(s, `\u`) && len(s) >= 6:
		digits, end = s[2:6], 6
	case strings.HasPrefix(s, `\x`) && len(s) >= 4:
		digits, end = s[2:4], 4
	case len(s) >= 4:
		digits, base, end = s[1:4], 8, 4
	default:
		return 0, 0, errors.New("an escape that is cut off")
	}
	n, err := strconv.ParseUint(digits, base, 21)
	return rune(n), end, err
}

// jwt carries the text in a claim (RFC 7519 §3.1), with a signature of nothing.
func jwt(p pen, s string) string {
	part := base64.RawURLEncoding.EncodeToString
	claims, _ := json.Marshal(map[string]any{"iss": "shop.example", "iat": p.IntN(1 << 31), "note": s})
	signature := make([]byte, 32)
	for i := range signature {
		signature[i] = byte(p.Uint32())
	}
	return part([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + part(claims) + "." + part(signature)
}

func fromJWT(s string) (string, error) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return "", errors.New("no three parts")
	}
	var claims struct{ Note string }
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	return claims.Note, err
}

// quotedPrintable is RFC 2045 §6.7, with some signs encoded that need not be. Lines have 76 characters; where in its line
// the text begins is chance.
func quotedPrintable(p pen, s string) string {
	var b strings.Builder
	line := p.IntN(74)
	for _, c := range []byte(s) {
		if line > 72 {
			b.WriteString(one(p.Rand, "=\r\n", "=\n"))
			line = 0
		}
		if c == '=' || c < '!' || c > '~' || !isAlphanumeric(c) && p.extra(3) {
			fmt.Fprintf(&b, "=%02X", c)
			line += 3
		} else {
			b.WriteByte(c)
			line++
		}
	}
	return b.String()
}

func fromQuotedPrintable(s string) (string, error) {
	b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(s)))
	return string(b), err
}

// leaf is how a customer stands in a text before it is encoded. spelled is the address as this page writes it.
type leaf struct {
	name  string
	depth int // how many decodings it needs itself
	text  func(r *rand.Rand, spelled string, c customer) string
	check func(text string) error // what must hold after masking; nil for nothing
}

var leaves = []leaf{
	{"plain", 0, func(_ *rand.Rand, spelled string, _ customer) string { return spelled }, nil},
	{"json-object", 0, func(r *rand.Rand, spelled string, _ customer) string {
		return `{"id":` + strconv.Itoa(r.IntN(1e6)) + `,"email":"` + spelled + `","ok":true}`
	}, validJSON},
	{"mailto", 0, func(r *rand.Rand, spelled string, _ customer) string {
		return `<a href="mailto:` + spelled + one(r, "", "?subject=Order%201001") + `">write</a>`
	}, nil},
	{"query", 0, func(_ *rand.Rand, spelled string, _ customer) string {
		return "/account?from=mail&email=" + spelled + "&x=1"
	}, nil},
	{"long-query", 0, func(r *rand.Rand, spelled string, _ customer) string {
		return "/search?" + strings.Repeat("a=1&", 5+r.IntN(12)) + "email=" + spelled + strings.Repeat("&b=2", r.IntN(12))
	}, nil},
	{"csv", 0, func(_ *rand.Rand, spelled string, _ customer) string { return "1001," + spelled + ",DE" }, nil},
	{"full-width", 0, func(_ *rand.Rand, spelled string, _ customer) string { return strings.Replace(spelled, "@", "＠", 1) }, nil},
	{"cfemail", 1, func(r *rand.Rand, spelled string, _ customer) string {
		return `<a class="__cf_email__" data-cfemail="` + cloudflare(r, spelled) + `">[email&#160;protected]</a>`
	}, validHex(`<a class="__cf_email__" data-cfemail="`, `">[email&#160;protected]</a>`)},
	{"cfemail-link", 1, func(r *rand.Rand, spelled string, _ customer) string {
		return `<a href="/cdn-cgi/l/email-protection#` + cloudflare(r, spelled+one(r, "", "?subject=Hello")) + `">write</a>`
	}, validHex(`<a href="/cdn-cgi/l/email-protection#`, `">write</a>`)},
	{"md5", 1, func(r *rand.Rand, _ string, c customer) string {
		h := md5.Sum([]byte(c.address))
		return hashed(r, h[:])
	}, validHash},
	{"sha1", 1, func(r *rand.Rand, _ string, c customer) string {
		h := sha1.Sum([]byte(c.address))
		return hashed(r, h[:])
	}, validHash},
	{"sha256", 1, func(r *rand.Rand, _ string, c customer) string {
		h := sha256.Sum256([]byte(c.address))
		return hashed(r, h[:])
	}, validHash},
}

func validJSON(s string) error {
	if !json.Valid([]byte(s)) {
		return errors.New("no JSON any more")
	}
	return nil
}

// validHex: between the two there are octets in hex.
func validHex(before, after string) func(string) error {
	return func(s string) error {
		digits, begins := strings.CutPrefix(s, before)
		digits, ends := strings.CutSuffix(digits, after)
		if _, err := hex.DecodeString(digits); err != nil || !begins || !ends {
			return fmt.Errorf("%q: no hexadecimal digits between %q and %q", s, before, after)
		}
		return nil
	}
}

// cloudflare is the form of e-mail obfuscation that Cloudflare puts into pages: a key octet, then the text under exclusive or.
func cloudflare(r *rand.Rand, s string) string {
	key := byte(r.IntN(256))
	out := []byte{key}
	for _, c := range []byte(s) {
		out = append(out, c^key)
	}
	return hex.EncodeToString(out)
}

// hashes are the ways in which avatars, pixels and data layers carry a hash.
var hashes = []struct {
	before, after string
	encode        func([]byte) string
	decode        func(string) ([]byte, error)
}{
	{"/avatar/", "?s=80", hex.EncodeToString, hex.DecodeString},
	{"em=", "&v=2", func(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }, hex.DecodeString},
	{"sha:", " ", base64.StdEncoding.EncodeToString, base64.StdEncoding.DecodeString},
	{"hem=", "&v=2", base64.RawURLEncoding.EncodeToString, base64.RawURLEncoding.DecodeString},
}

func hashed(r *rand.Rand, h []byte) string {
	as := hashes[r.IntN(len(hashes))]
	for isPlain(as.encode(h)) { // one in 30,000 is, as docs/architecture.md says
		as = hashes[r.IntN(len(hashes))]
	}
	return as.before + as.encode(h) + as.after
}

// isPlain: base64 with too few capitals and digits for the recogniser to take notice.
func isPlain(s string) bool {
	capitals, marked := 0, 0
	for _, c := range s {
		if c >= 'A' && c <= 'Z' {
			capitals++
		}
		if c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' {
			marked++
		}
	}
	return marked < 5 || len(s) < 30 && capitals < 3 && strings.ContainsAny(s, "/+=_-")
}

// validHash: it is still a hash in its form, of whomever.
func validHash(s string) error {
	for _, as := range hashes {
		text, begins := strings.CutPrefix(s, as.before)
		text, ends := strings.CutSuffix(text, as.after)
		if _, err := as.decode(text); err == nil && begins && ends {
			return nil
		}
	}
	return fmt.Errorf("%q holds no hash any more", s)
}

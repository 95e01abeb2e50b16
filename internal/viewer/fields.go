package viewer

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// field is a named value of a request's body: of a form, a JSON object, or an argument inside a GraphQL query.
type field struct{ key, value string }

// maxFields is how many fields of one body are looked at.
const maxFields = 1000

// bodyFields lists what a request's body says, in the forms in which browsers and apps send logins. A body that was cut
// off, or is broken further on, yields what stands before.
func bodyFields(req *http.Request, body []byte) []field {
	body = body[:min(len(body), maxBody)]
	media, params, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	switch {
	case len(body) == 0:
		return nil
	case media == "multipart/form-data":
		return multipartFields(body, params["boundary"])
	case media == "application/graphql":
		return queryFields(nil, string(body))
	case strings.Contains(media, "json"), media == "" && startsWith(body, "{["):
		return jsonFields(body)
	case media == "application/x-www-form-urlencoded", media == "", media == "text/plain" && !startsWith(body, "{["):
		return formFields(string(body))
	case media == "text/plain":
		return jsonFields(body) // what a script sends that wants to avoid a CORS preflight
	}
	return nil
}

// startsWith reports whether the first byte that is not white space is one of set.
func startsWith(body []byte, set string) bool {
	body = bytes.TrimLeft(body, " \t\r\n\ufeff")
	return len(body) > 0 && strings.IndexByte(set, body[0]) >= 0
}

func formFields(body string) (list []field) {
	for len(body) > 0 && len(list) < maxFields {
		var pair string
		pair, body, _ = strings.Cut(body, "&")
		k, v, _ := strings.Cut(pair, "=")
		key, err1 := url.QueryUnescape(k)
		value, err2 := url.QueryUnescape(v)
		if err1 == nil && err2 == nil && key != "" {
			list = append(list, field{key, value})
		}
	}
	return list
}

func multipartFields(body []byte, boundary string) (list []field) {
	if boundary == "" {
		return nil
	}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for len(list) < maxFields {
		p, err := parts.NextPart()
		if err != nil {
			return list
		}
		if p.FileName() != "" {
			continue
		}
		value, _ := io.ReadAll(io.LimitReader(p, 4<<10)) // the start will do for what was cut off
		list = append(list, field{p.FormName(), string(value)})
	}
	return list
}

func jsonFields(body []byte) (list []field) {
	walkJSON(body, func(path []string, value any) {
		s, ok := value.(string)
		if !ok || len(list) >= maxFields {
			return
		}
		key := lastKey(path)
		list = append(list, field{key, s})
		if key == "query" && strings.ContainsRune(s, '{') {
			list = queryFields(list, s)
		}
	})
	return list
}

// queryFields appends the arguments that are written into a GraphQL query: login(username: "…", password: "…").
func queryFields(list []field, query string) []field {
	var name string
	var colon, variable bool
	for t := range graphQLTokens(query) {
		switch {
		case t.kind == gqlPunct && t.text == ":" && name != "":
			colon = true
			continue
		case t.kind == gqlPunct && t.text == "$" && colon:
			variable = true
			continue
		case colon && len(list) < maxFields && (variable || t.kind == gqlString):
			list = append(list, field{name, t.text})
		}
		name, colon, variable = "", false, false
		if t.kind == gqlName {
			name = t.text
		}
	}
	return list
}

// passwordStems and passwordWords make a field a secret that proves who somebody is: the former anywhere in its name, the
// latter as a word of it, since "shipping" is no "pin" and "passenger" no "pass".
var (
	passwordStems = []string{"password", "passwd", "passwort", "kennwort", "passphrase", "passcode", "motdepasse", "contrasen",
		"contraseñ", "wachtwoord", "senha", "salasana", "lösenord", "losenord", "heslo", "hasło", "haslo", "jelszo", "jelszó", "adgangskode",
		"parola", "пароль", "パスワード", "密码", "onetimecode", "verificationcode"}
	passwordWords = []string{"pass", "pwd", "pswd", "pw", "pin", "otp", "totp", "mdp", "secret"}
	// nameStems are fields that say who wants to sign in.
	nameStems = []string{"mail", "user", "login", "account", "customer", "kunde", "phone", "name", "ident"}
)

func isPassword(key string) bool {
	return containsAny(letters(key), passwordStems) ||
		slices.ContainsFunc(words(key), func(w string) bool { return slices.Contains(passwordWords, w) })
}

// asksToSignIn reports whether the fields hold a secret; names says whether they also say whose.
func asksToSignIn(list []field) (secret, names bool) {
	for _, f := range list {
		switch {
		case f.value == "":
		case isPassword(f.key):
			secret = true
		case strings.Contains(f.value, "@"), containsAny(letters(f.key), nameStems) && lastWord(f.key) != "token":
			names = true
		}
	}
	return secret, names
}

func containsAny(s string, parts []string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(s, p) })
}

// letters is a name in lower case without what separates its words.
func letters(s string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsLetter(c) {
			return -1
		}
		return unicode.ToLower(c)
	}, s)
}

// squash spells a place in lower case with the words of each segment run together: "/de/Sign-In?e=1" is "de signin e".
func squash(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case unicode.IsLetter(c):
			return unicode.ToLower(c)
		case c == '-', c == '_', c == '.':
			return -1
		}
		return ' '
	}, s)
}

// words splits a name such as "user[newPin2]" into "user", "new", "pin".
func words(s string) []string {
	var b strings.Builder
	last := rune(0)
	for _, c := range s {
		if unicode.IsUpper(c) && unicode.IsLower(last) {
			b.WriteByte(' ')
		}
		if last = c; unicode.IsLetter(c) {
			b.WriteRune(unicode.ToLower(c))
		} else {
			b.WriteByte(' ')
		}
	}
	return strings.Fields(b.String())
}

func lastWord(s string) string {
	if w := words(s); len(w) > 0 {
		return w[len(w)-1]
	}
	return ""
}

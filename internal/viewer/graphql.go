package viewer

import (
	"encoding/json"
	"iter"
	"strings"
)

type gqlKind int

const (
	gqlPunct  gqlKind = iota // one byte, or a number: what does not matter here
	gqlName                  // GraphQL October 2021, §2.1.9
	gqlString                // §2.9.4, with its escapes resolved
)

type gqlToken struct {
	kind gqlKind
	text string
}

// graphQLTokens reads a query's lexical tokens (GraphQL October 2021, §2.1), without judging its grammar. Ignored are white
// space, commas and comments; an unclosed string ends the query.
func graphQLTokens(query string) iter.Seq[gqlToken] {
	return func(yield func(gqlToken) bool) {
		for len(query) > 0 {
			var t gqlToken
			var ignored bool
			t, query, ignored = graphQLToken(query)
			if !ignored && !yield(t) {
				return
			}
		}
	}
}

func graphQLToken(s string) (t gqlToken, rest string, ignored bool) {
	switch c := s[0]; {
	case strings.HasPrefix(s, "\ufeff"):
		return t, s[len("\ufeff"):], true
	case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',':
		return t, s[1:], true
	case c == '#':
		if end := strings.IndexAny(s, "\r\n"); end >= 0 {
			return t, s[end:], true
		}
		return t, "", true
	case strings.HasPrefix(s, `"""`):
		return blockString(s[3:])
	case c == '"':
		return quotedString(s)
	case isNameByte(c) && (c < '0' || c > '9'):
		n := 1
		for n < len(s) && isNameByte(s[n]) {
			n++
		}
		return gqlToken{gqlName, s[:n]}, s[n:], false
	}
	return gqlToken{gqlPunct, s[:1]}, s[1:], false
}

func isNameByte(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
}

func quotedString(s string) (t gqlToken, rest string, ignored bool) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			var text string
			if json.Unmarshal([]byte(s[:i+1]), &text) != nil { // the escapes are JSON's, but for \u{…}
				text = s[1:i]
			}
			return gqlToken{gqlString, text}, s[i+1:], false
		}
	}
	return t, "", true
}

func blockString(s string) (t gqlToken, rest string, ignored bool) {
	for at := 0; ; {
		end := strings.Index(s[at:], `"""`)
		if end < 0 {
			return t, "", true
		}
		if end += at; end > 0 && s[end-1] == '\\' {
			at = end + 3
			continue
		}
		return gqlToken{gqlString, strings.ReplaceAll(s[:end], `\"""`, `"""`)}, s[end+3:], false
	}
}

// renames reports whether a query gives any field of the response path another meaning by an alias (§2.7), or might: then
// its author and not the shop decides what stands there.
func renames(query string, path []string) bool {
	last := ""
	for t := range graphQLTokens(query) {
		if t.kind == gqlPunct && t.text == ":" {
			for _, name := range path {
				if name == last {
					return true
				}
			}
		}
		last = ""
		if t.kind == gqlName {
			last = t.text
		}
	}
	return false
}

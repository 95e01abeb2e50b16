package bounce

import (
	"errors"
	"slices"
	"strings"
)

// Authentication is what the receiver of a seed mailbox found (RFC 8601).
type Authentication struct {
	DKIM  string `json:"dkim"` // "pass" where a signature of From's domain passed
	DMARC string `json:"dmarc"`
	SPF   string `json:"spf"`
	Spam  bool   `json:"spam"`
}

// AuthenticationResults reads a message out of a seed mailbox. Only what the server named authserv has added counts (RFC 8601 §5): the topmost field of
// that name, and those that its further filters put beside it, above all that the sender wrote. Where authserv is empty, the server is one that does
// not name itself, as Microsoft's.
func AuthenticationResults(eml []byte, authserv string) (a Authentication, err error) {
	head := ordered(eml)
	from := fromDomain(head)
	if from == "" {
		return a, errors.New("it is no message with one sender")
	}
	found := false
	for _, f := range head {
		// Whoever takes a message puts its fields in front of it (RFC 5321 §4.4): at one of these the sender's own begin.
		if slices.Contains([]string{"dkim-signature", "mime-version", "from", "to", "subject", "date", "message-id", "candor-notice"}, f.name) || found && f.name == "received" {
			break
		}
		if f.name != "authentication-results" {
			continue
		}
		if id, results := parseResults(f.value); strings.EqualFold(id, authserv) {
			found = true
			a.add(results, from)
		}
	}
	return a.finish(head, found, authserv)
}

func (a Authentication) finish(head []field, found bool, authserv string) (Authentication, error) {
	if !found {
		return a, errors.New("there is no Authentication-Results field by " + quoted(authserv) + " on top: is that what the mailbox's server calls itself?")
	}
	for _, method := range []*string{&a.DKIM, &a.DMARC, &a.SPF} {
		if *method == "" {
			*method = "none"
		}
	}
	a.Spam = isSpam(head)
	return a, nil
}

func quoted(authserv string) string {
	if authserv == "" {
		return "a server without a name"
	}
	return `"` + authserv + `"`
}

// add results. Of several DKIM signatures one that passes and is of From's domain is enough: few verify Ed25519 yet, and say neutral or permerror.
func (a *Authentication) add(results []result, from string) {
	for _, r := range results {
		switch r.method {
		case "dkim":
			aligned := sameDomain(r.property["header.d"], from) || sameDomain(afterAt(r.property["header.i"]), from)
			value := r.value
			if value == "pass" && !aligned {
				value = "unaligned"
			}
			if a.DKIM == "" || value == "pass" {
				a.DKIM = value
			}
		case "dmarc":
			if a.DMARC == "" {
				a.DMARC = r.value
			}
		case "spf":
			if a.SPF == "" {
				a.SPF = r.value
			}
		}
	}
}

// sameDomain: From's, or one above it. Whether that is the organisation's is DMARC's to say, and it does.
func sameDomain(d, from string) bool {
	d = strings.ToLower(strings.TrimSuffix(d, "."))
	return d == from || strings.Contains(d, ".") && strings.HasSuffix(from, "."+d)
}

func afterAt(s string) string { return s[strings.LastIndexByte(s, '@')+1:] }

type result struct {
	method, value string
	property      map[string]string
}

// parseResults reads the field without its comments (RFC 8601 §2.2). Results are words: what is none is passed over.
func parseResults(value string) (authserv string, results []result) {
	for i, part := range strings.Split(withoutComments(value), ";") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		if i == 0 && !strings.Contains(words[0], "=") {
			authserv = words[0] // a version may follow
			continue
		}
		method, value, ok := strings.Cut(strings.ToLower(words[0]), "=")
		if !ok {
			continue
		}
		method, _, _ = strings.Cut(method, "/") // a version of the method
		r := result{method, value, map[string]string{}}
		for _, w := range words[1:] {
			name, v, _ := strings.Cut(w, "=")
			r.property[strings.ToLower(name)] = v
		}
		results = append(results, r)
	}
	return authserv, results
}

// withoutComments also takes quotes off: what they hold is not looked at, and must not end a part.
func withoutComments(s string) string {
	var b strings.Builder
	depth, quote, escaped := 0, false, false
	for i := range len(s) {
		c := s[i]
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"' && depth == 0:
			quote = !quote
		case quote:
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
			b.WriteByte(' ')
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}

type field struct{ name, value string }

// ordered are a head's fields from the top.
func ordered(eml []byte) (all []field) {
	if len(eml) > MaxMessage {
		eml = eml[:MaxMessage]
	}
	for line := range strings.Lines(string(trimMailbox(eml))) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || len(all) > maxFields {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if n := len(all); n > 0 {
				all[n-1].value += " " + strings.TrimSpace(line)
			}
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		all = append(all, field{strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)})
	}
	return all
}

func fromDomain(head []field) (domain string) {
	for _, f := range head {
		if f.name != "from" {
			continue
		}
		if domain != "" {
			return "" // two: no receiver should say anything of it
		}
		value := withoutComments(f.value)
		if at := strings.LastIndexByte(value, '<'); at >= 0 {
			value = value[at:]
		}
		domain = strings.ToLower(strings.Trim(afterAt(value), "<> "))
	}
	return domain
}

// isSpam: what SpamAssassin, rspamd, Microsoft and Google leave in a message that lies in the spam folder.
func isSpam(head []field) bool {
	for _, f := range head {
		v := strings.ToLower(f.value)
		switch f.name {
		case "x-spam-flag", "x-spam-status", "x-spam":
			if strings.HasPrefix(v, "yes") || strings.HasPrefix(v, "true") {
				return true
			}
		case "x-gmail-labels":
			for label := range strings.SplitSeq(v, ",") {
				if strings.Trim(label, `" `) == "spam" {
					return true
				}
			}
		case "x-microsoft-antispam-mailbox-delivery":
			if strings.Contains(v, "dest:j") {
				return true
			}
		case "x-forefront-antispam-report":
			if strings.Contains(v, "sfv:spm") {
				return true
			}
		case "x-ms-exchange-organization-scl":
			if v >= "5" && len(v) == 1 {
				return true
			}
		}
	}
	return false
}

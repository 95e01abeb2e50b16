package scan

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

const (
	// maxReadings is how many readings of the bytes around one at-sign are offered: all beginnings with the longest domain, and some more.
	maxReadings = maxLocal + 16

	maxLocal  = 64
	maxDomain = 255
)

var (
	isAtext   = table(atext) // what may stand in a local part
	isDomain  = table(func(c byte) bool { return c >= '0' && c <= '9' || isLetter(c) || c == '-' || c == '.' || c >= 0x80 })
	separates = table(func(c byte) bool { return bytes.IndexByte([]byte("!#$%&'*/=?^`{|}~"), c) >= 0 })
)

// atext is RFC 5322 §3.2.3 with dots and the octets of UTF-8 (RFC 6532 §3.2).
func atext(c byte) bool {
	return c >= '0' && c <= '9' || isLetter(c) || c >= 0x80 || bytes.IndexByte([]byte("!#$%&'*+-/=?^_`{|}~."), c) >= 0
}

func table(is func(byte) bool) (t [256]bool) {
	for c := range 256 {
		t[c] = is(byte(c))
	}
	return t
}

// emails offers the readings of the address around the at-sign of size bytes at p, the longest first, until one is somebody's.
func (f *Finder) emails(d, p, size int) {
	l := &f.levels[d]
	text := l.text
	domain := text[p+size:]
	end := 0
	for end < len(domain) && end <= maxDomain && isDomain[domain[end]] {
		end++
	}
	domain = domain[:end]
	full := fullDomain(domain)
	if full < 3 {
		return
	}
	start, least := p, max(0, p-2*maxLocal)
	for start > least && isAtext[text[start-1]] {
		start--
	}
	readings := 0
	for n := full; n > 0; n = shorterDomain(domain[:n]) {
		host, ok := f.host(domain[:n])
		for from := start; from < p; from++ {
			if from > start && (!endsPart[text[from-1]] || !boundary(text[start:p], from-start)) || from == start && text[from] == '.' || p-from > maxLocal {
				continue
			}
			if readings++; readings > maxReadings {
				return
			}
			if ok && (f.unquoted(d, from, p, p+size+n, host) || f.address(d, from, p, p+size+n, host)) {
				return
			}
		}
	}
}

// address offers text[from:to], whose at-sign is at p, with a domain in its normal form.
func (f *Finder) address(d, from, p, to int, host []byte) bool {
	return f.addressOf(d, f.levels[d].text[from:p], from, p, to, host)
}

// unquoted offers the reading that is longer by two digits where text[from:] follows an octet of quoted-printable: the octet is perhaps none.
// "email=dev.roe@shop.example" is dev.roe's, and v.roe's only where the former is nobody: as quoted-printable it has DE, and then "v.roe@".
func (f *Finder) unquoted(d, from, p, to int, host []byte) bool {
	for k, i, next := d, from-1, from; k > 0 && i >= 0; k-- {
		l := f.placed(k)
		switch {
		case l.end[i] != l.begin[next]: // a soft line break is between them
			return false
		case l.forms[i] == quoted:
			digits := f.levels[k-1].text[l.begin[i]+1 : l.end[i]]
			f.both = append(append(f.both[:0], digits...), f.levels[d].text[from:p]...)
			f.asIs = k
			is := f.addressOf(d, f.both, from, p, to, host)
			f.asIs = 0
			return is
		case l.forms[i] != plain && l.forms[i] != legacy:
			return false
		}
		i, next = int(l.begin[i]), int(l.begin[next])
	}
	return false
}

func (f *Finder) addressOf(d int, local []byte, from, p, to int, host []byte) bool {
	local, ok := normalLocal(f.value[:0], local)
	if !ok {
		return false
	}
	f.value = append(append(local, '@'), host...)
	return f.offer(d, Match{Kind: Email, Value: f.value}, from, to, p)
}

// maxHosts is how many internationalised domains a Finder remembers: pages repeat themselves, and IDNA costs a microsecond each.
const maxHosts = 256

// host is the normal form of a domain, until the next call.
func (f *Finder) host(domain []byte) ([]byte, bool) {
	simple := isASCII(domain) && !hasALabel(domain)
	if !simple {
		if known, ok := f.hosts[string(domain)]; ok {
			return known, known != nil
		}
	}
	host, ok := normalDomain(f.domain[:0], domain)
	f.domain = host
	if simple {
		return host, ok
	}
	if f.hosts == nil || len(f.hosts) == maxHosts {
		f.hosts = make(map[string][]byte, maxHosts)
	}
	f.hosts[string(domain)] = nil
	if ok {
		f.hosts[string(domain)] = bytes.Clone(host)
	}
	return host, ok
}

// endsPart is what a byte must be for a shorter reading to begin behind it: see boundary.
var endsPart = table(func(c byte) bool { return separates[c] || c == '.' || c >= utf8.RuneSelf })

// boundary: a shorter reading may begin behind a separator, behind two dots, or where text in another script stops. It may
// not begin behind '.', '_', '-' or '+': john.alice@ is not alice@.
func boundary(local []byte, i int) bool {
	c, previous := local[i], local[i-1]
	switch {
	case c == '.':
		return false
	case previous == '.':
		return i > 1 && local[i-2] == '.'
	case previous >= utf8.RuneSelf:
		return c < utf8.RuneSelf
	}
	return separates[previous]
}

// fullDomain is the longest reading of a domain: without the dots and hyphens that end a sentence.
func fullDomain(text []byte) int {
	n := len(text)
	for n > 0 && (text[n-1] == '.' || text[n-1] == '-') {
		n--
	}
	if bytes.IndexByte(text[:n], '.') < 0 && (isASCII(text[:n]) || bytes.IndexFunc(text[:n], isDot) < 0) {
		return 0
	}
	return n
}

// shorterDomain drops what may be no part of it: first text in another script that follows an ASCII domain, then labels
// ("shop.example.Then"), down to two. It returns 0 when there is none.
func shorterDomain(text []byte) int {
	if !isASCII(text) {
		if i := slices.IndexFunc(text, func(c byte) bool { return c >= utf8.RuneSelf }); i > 0 && bytes.IndexByte(text[:i], '.') > 0 {
			return fullDomain(text[:i])
		}
	}
	i := bytes.LastIndexByte(text, '.')
	if i <= 0 || bytes.IndexByte(text[:i], '.') < 0 {
		return 0
	}
	return fullDomain(text[:i])
}

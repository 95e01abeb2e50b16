package scan

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// What may stand around the value of a key, in bytes.
const (
	maxKey    = 40  // a key, and what joins it to its value
	maxField  = 256 // an encoded name or number
	maxEscape = 12  // as far as the escapes go that end a value, and those of letters
	maxPair   = 512 // from a first name to the last name that belongs to it
)

// keyKind is what a key promises of its value.
type keyKind uint8

const (
	noKey    keyKind = iota
	fullName         // fullName, customer_name, a customer's "name"
	firstName
	lastName
	phoneKey
	maybeName // "name", and "displayName", which brands and colours have, too: a person's only if the object is one
)

// keyKinds are the keys that are known, in lower case and without what joins their words.
var keyKinds = func() map[string]keyKind {
	kinds := map[string]keyKind{"name": maybeName, "displayname": maybeName, "mobile": phoneKey, "phone": phoneKey, "telephone": phoneKey, "phonenumber": phoneKey, "mobilephone": phoneKey,
		"mobilenumber": phoneKey, "cellphone": phoneKey, "telephonenumber": phoneKey, "homephone": phoneKey, "workphone": phoneKey, "customerphone": phoneKey, "contactphone": phoneKey,
		"shippingphone": phoneKey, "billingphone": phoneKey}
	for _, s := range []string{"full", "customer", "contact", "recipient", "holder", "cardholder", "accountholder", "buyer", "client", "member", "guest", "shipto",
		"billto", "shipping", "billing", "sender", "receiver", "person", "real", "patient", "student", "subscriber", "account", "addressee"} {
		kinds[s+"name"] = fullName
	}
	for _, whose := range []string{"", "customer", "billing", "shipping", "contact", "user", "recipient"} {
		for _, s := range []string{"first", "given", "fore"} {
			kinds[whose+s+"name"] = firstName
		}
		for _, s := range []string{"last", "family", "sur", "second"} {
			kinds[whose+s+"name"] = lastName
		}
	}
	return kinds
}()

// people are the objects whose "name" is a person's.
var people = map[string]bool{"customer": true, "user": true, "account": true, "buyer": true, "recipient": true, "contact": true, "client": true, "member": true, "guest": true,
	"shipping": true, "billing": true, "shippingaddress": true, "billingaddress": true, "deliveryaddress": true, "address": true, "person": true, "profile": true, "sender": true,
	"owner": true, "subscriber": true, "cardholder": true, "me": true, "viewer": true, "currentuser": true, "currentcustomer": true}

// isPerson: one of people, or a list of them.
func isPerson(key []byte) bool {
	one := bytes.TrimSuffix(key, []byte("s"))
	return people[string(key)] || people[string(one)] || people[string(bytes.TrimSuffix(one, []byte("e")))]
}

// keyed deals with the key in which place p stands, and with its value.
func (f *Finder) keyed(d, p int) (held int, decided bool) {
	l := &f.levels[d]
	start, end := keyAround(l.text, p)
	if l.open && end == len(l.text) {
		return start, false
	}
	if start < l.done.key {
		return 0, true
	}
	kind := keyKindOf(l.text[start:end])
	if kind == noKey || kind == phoneKey && !f.Phones || kind != phoneKey && !f.Names {
		return 0, true
	}
	v, whole := valueAfter(l.text, end, l.open)
	if v.end == 0 {
		return start, whole || !l.open
	}
	if kind == firstName || kind == lastName {
		return f.pair(d, start, kind, v)
	}
	l.done.key = end
	if kind == phoneKey {
		f.number(d, v.start, v.end, Key)
	} else if kind == fullName || isSeveral(l.text[v.start:v.end]) && f.ofPerson(d, start) {
		f.fullName(d, v)
	}
	return 0, true
}

// isSeveral: a name has two words with something between them, and both have a capital letter or neither: "Brass lamp" is none.
func isSeveral(value []byte) bool {
	last := 0
	for i, c := range value {
		if isEscape[c] {
			return true
		}
		if !isLetter(c) && c < utf8.RuneSelf {
			last = i + 1
		}
	}
	if last == 0 {
		return !isASCII(value) // a space of another script
	}
	return last == len(value) || !isLetter(value[0]) || !isLetter(value[last]) || value[0]&0x20 == value[last]&0x20
}

// keyAround is the run of letters, digits and what joins words around p.
func keyAround(text []byte, p int) (start, end int) {
	for start = p; start > max(0, p-maxKey) && inKey(text[start-1]); start-- {
	}
	if !inKey(text[p]) {
		start = p + 1
	}
	for end = p + 1; end < min(len(text), p+maxKey) && inKey(text[end]); end++ {
	}
	return min(start+escapeBefore(text, start), end), end
}

// escapeBefore is how many of the bytes at p belong to the escape of a quote or space that stands before a key.
func escapeBefore(text []byte, p int) int {
	switch {
	case p == 0:
	case text[p-1] == '\\' && bytes.HasPrefix(text[p:], []byte("u00")):
		return 5
	case text[p-1] == '%':
		return 2
	}
	return 0
}

func inKey(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' || c == '_' || c == '-' }

func keyKindOf(key []byte) keyKind {
	var folded [maxKey]byte
	k := fold(folded[:0], key)
	if kind := keyKinds[string(k)]; kind != noKey {
		return kind
	}
	if rest, ok := bytes.CutPrefix(k, []byte("data")); ok { // HTML §3.2.6.6: data-customer-name
		if kind := keyKinds[string(rest)]; kind != maybeName {
			return kind
		}
	}
	return noKey
}

// declared deals with the keys in a level's text that the operator declares, which the kernel does not know. It returns where one begins of
// which more has to come, or -1.
func (f *Finder) declared(d int) (held int) {
	l := &f.levels[d]
	for i := max(0, l.done.field); len(f.Fields) > 0 && i < len(l.text); i++ {
		if !inKey(l.text[i]) {
			continue
		}
		start := i
		for i < len(l.text) && inKey(l.text[i]) {
			i++
		}
		if l.open && i == len(l.text) && i-start <= maxKey {
			return start
		}
		l.done.field = i
		if start > 0 && inKey(l.text[start-1]) { // the end of something longer, such as base64
			continue
		}
		if !f.isDeclared(l.text[min(start+escapeBefore(l.text, start), i):i]) {
			continue
		}
		v, whole := valueAfter(l.text, i, l.open)
		if v.end > 0 {
			f.fullName(d, v)
		} else if !whole && l.open {
			l.done.field = start
			return start
		}
	}
	return -1
}

func (f *Finder) isDeclared(key []byte) bool {
	if len(key) > maxKey {
		return false
	}
	var folded [maxKey]byte
	return slices.Contains(f.Fields, string(fold(folded[:0], key)))
}

// fold is a key in lower case, without what joins its words.
func fold(dst, key []byte) []byte {
	for _, c := range key {
		if c != '_' && c != '-' && len(dst) < cap(dst) {
			dst = append(dst, lower(c))
		}
	}
	return dst
}

// FoldField is a field's name as Finder.Fields wants it: in lower case, without what joins its words.
func FoldField(name string) string { return string(fold(make([]byte, 0, len(name)), []byte(name))) }

type value struct{ start, end int }

// valueAfter finds the value that belongs to a key which ends at p: in JSON and what is like it, in XML and HTML text, in the value attribute of
// the same tag, in a form or query. Its end is 0 when there is none; whole is false when more bytes, if the text is
// open, might bring one.
func valueAfter(text []byte, p int, open bool) (v value, whole bool) {
	i, joined := p, false
	for i < len(text) && i < p+maxKey {
		n, joins := glue(text[i:])
		if n == 0 {
			if open && len(text)-i < maxEscape {
				return value{}, false
			}
			break
		}
		i, joined = i+n, joined || joins
	}
	if !joined && open && i == len(text) {
		return value{}, false
	}
	if !joined {
		return inTag(text, p)
	}
	single := i > 0 && text[i-1] == '\'' // a script's string: only its own quote ends it
	for v = (value{i, i}); v.end < len(text) && v.end < i+maxField; v.end++ {
		if rest := text[v.end:]; endsValue(rest) || single && rest[0] == '\'' && text[v.end-1] != '\\' {
			if open && len(rest) < maxEscape && (rest[0] == '\\' || rest[0] == '&' || rest[0] == '%') {
				return value{}, false
			}
			if v.end == i {
				return value{}, true
			}
			return v, true
		}
	}
	if v.end == i+maxField {
		return value{}, true
	}
	if !open && v.end > i { // a form's last field
		return v, true
	}
	return value{}, false
}

// glue is what may stand between a key and its value: quotes, a colon or an equals sign or the end of a tag, in any escape.
func glue(b []byte) (n int, joins bool) {
	switch c := b[0]; {
	case c == ':' || c == '=' || c == '>':
		return 1, true
	case c == '"' || c == '\'' || c == ' ' || c == '\t' || c == '[' || c == '(' || c == '\\' && len(b) > 1 && (b[1] == '"' || b[1] == '\'' || b[1] == '\\'):
		return 1, false
	case bytes.HasPrefix(b, []byte(`\u0022`)):
		return 6, false
	case bytes.HasPrefix(b, []byte("&quot;")):
		return 6, false
	case bytes.HasPrefix(b, []byte("&#34;")), bytes.HasPrefix(b, []byte("&#39;")):
		return 5, false
	case bytes.HasPrefix(b, []byte("%22")), bytes.HasPrefix(b, []byte("%20")):
		return 3, false
	case bytes.HasPrefix(b, []byte("%3A")), bytes.HasPrefix(b, []byte("%3D")):
		return 3, true
	}
	return 0, false
}

// endsValue: a quote, a tag, a line's end or the next field, but no escape of a letter.
func endsValue(b []byte) bool {
	switch b[0] {
	case '"', '<', '>', '\n', '\r', '{', '}', '[', ']', '\t', ';':
		return true
	case '\\':
		return len(b) < 2 || b[1] != 'u' || bytes.HasPrefix(b, []byte(`\u0022`))
	case '&':
		for _, ref := range [...]string{"&quot;", "&#34;", "&lt;", "&amp;"} {
			if bytes.HasPrefix(b, []byte(ref)) {
				return true
			}
		}
		var u unit
		return u.reference(b) == 0 || beginsField(b[1:])
	case '%':
		return bytes.HasPrefix(b, []byte("%22")) || bytes.HasPrefix(b, []byte("%26"))
	}
	return false
}

// beginsField: "&region=" is the next field of a form, and no "®ion=" (as in attributes: HTML §13.2.5.73).
func beginsField(b []byte) bool {
	n := 0
	for n < min(len(b), maxKey) && inKey(b[n]) {
		n++
	}
	return n > 0 && n < len(b) && b[n] == '='
}

// inTag finds what an HTML tag with the key among its attributes says: its value attribute, or the text behind it.
func inTag(text []byte, p int) (v value, whole bool) {
	limit := min(len(text), p+maxField)
	end := bytes.IndexByte(text[p:limit], '>')
	if i := bytes.IndexAny(text[p:limit], "{}<\n"); p < limit && text[p] != '"' && text[p] != '\'' && text[p] != ' ' || i >= 0 && (end < 0 || i < end) && text[p+i] != '\n' {
		return value{}, true
	}
	if end < 0 {
		return value{}, limit == p+maxField
	}
	tag := text[p : p+end]
	for _, quote := range [...]string{`value="`, `value='`} {
		if i := bytes.Index(tag, []byte(quote)); i >= 0 {
			start := p + i + len(quote)
			if n := bytes.IndexByte(text[start:p+end], quote[6]); n > 0 {
				return value{start, start + n}, true
			}
			return value{}, true
		}
	}
	start := p + end + 1
	for start < len(text) && (text[start] == ' ' || text[start] == '\n' || text[start] == '\t' || text[start] == '\r') {
		start++
	}
	n := bytes.IndexByte(text[start:min(len(text), start+maxField)], '<')
	if n > 0 {
		return value{start, start + len(bytes.TrimRight(text[start:start+n], " \t\r\n"))}, true
	}
	return value{}, n == 0 || len(text) >= start+maxField
}

// decoded is what an encoded value says, valid until the next call; passes holds, for each decoding that it took, the first form that was met.
func (f *Finder) decoded(raw []byte) []byte {
	f.plain = append(f.plain[:0], raw...)
	f.passes = f.passes[:0]
	var u unit
	for range maxDepth - 2 {
		out, changed := f.plain[:0], false
		for src := f.plain; len(src) > 0; {
			if c := src[0]; c == '\\' || c == '%' || c == '&' {
				if n := u.decode(src); n >= u.n && n > 0 {
					if !changed {
						f.passes = append(f.passes, u.form)
					}
					out, src, changed = append(out, u.bytes[:u.n]...), src[n:], true
					continue
				}
			}
			out, src = append(out, src[0]), src[1:]
		}
		if f.plain = out; !changed {
			break
		}
	}
	for i, c := range f.plain {
		if c == '+' && i > 0 && i+1 < len(f.plain) { // a form's space; a number keeps the sign that begins it
			f.plain[i] = ' '
		}
	}
	if !utf8.Valid(f.plain) && f.foreign(f.plain) {
		f.charset.set(f.Charset)
		if out, err := f.charset.decoder.Bytes(f.plain); err == nil {
			f.plain, f.passes = append(f.plain[:0], out...), append(f.passes, legacy)
		}
	}
	return f.plain
}

// pair joins a first name and a last name that stand in one object, whichever comes first.
func (f *Finder) pair(d, start int, kind keyKind, v value) (held int, decided bool) {
	l := &f.levels[d]
	text := l.text
	limit := min(len(text), v.end+maxPair)
	other, ended := value{}, false
	for i := v.end; i < limit && !ended; i++ {
		if c := text[i]; c == '}' || c == '\n' && text[i-1] == '\n' {
			ended = true
		} else if c|0x20 == 'a' && len(text) >= i+3 && text[i+1]|0x20 == 'm' && text[i+2]|0x20 == 'e' {
			from, to := keyAround(text, i)
			if to == len(text) && l.open {
				return start, false
			}
			if k := keyKindOf(text[from:to]); (k == firstName || k == lastName) && k != kind {
				var whole bool
				if other, whole = valueAfter(text, to, l.open); !whole && l.open {
					return start, false
				}
				ended = true
			} else if k == kind && !isClosing(text[:from]) {
				ended = true // the next person's
			}
		}
	}
	if !ended && l.open && limit < v.end+maxPair {
		return start, false
	}
	l.done.key = v.start
	if other.end == 0 {
		f.fullName(d, v) // some put all of it into one field
		return 0, true
	}
	l.done.key = other.start
	given, family := v, other
	if kind == lastName {
		given, family = other, v
	}
	f.both = append(append(f.both[:0], f.decoded(text[given.start:given.end])...), ' ')
	f.both = append(f.both, f.decoded(text[family.start:family.end])...)
	f.written = f.both
	name, ok := NormalizeName(f.value[:0], f.both)
	if f.value = name; ok && f.offerName(d, v.start, v.end, Key, name) {
		f.offerName(d, other.start, other.end, Key, name)
	}
	return 0, true
}

// isClosing: before is what stands before the name of a closing tag, with its namespace.
func isClosing(before []byte) bool {
	if before[len(before)-1] == ':' {
		before = bytes.TrimRightFunc(before[:len(before)-1], func(r rune) bool { return r < utf8.RuneSelf && inKey(byte(r)) })
	}
	return bytes.HasSuffix(before, []byte("/"))
}

func (f *Finder) fullName(d int, v value) {
	if name, ok := NormalizeName(f.value[:0], f.decoded(f.levels[d].text[v.start:v.end])); ok {
		f.value, f.written = name, f.plain
		f.offerName(d, v.start, v.end, Key, name)
	}
}

// ofPerson says whether the object in which the key at start stands is a person: by the key whose value it is, or whose list it is in. It
// remembers the object, for the next is often the next in the same list.
func (f *Finder) ofPerson(d, start int) (person bool) {
	l := &f.levels[d]
	before, shift := l.text[:start], 0
	if d == 0 && start < maxLeft {
		f.both = append(append(f.both[:0], f.past...), before...)
		before, shift = f.both, len(f.past)
	}
	const none = -1 << 31
	object, depth := none, 0
	for i := len(before) - 1; i >= max(0, len(before)-maxLeft); i-- {
		switch c := before[i]; c {
		case '}', ']':
			depth++
		case '{', '[':
			if object != none && c == '{' && depth == 1 && l.done.inList && i-shift == l.done.object {
				l.done.object = object
				return l.done.person
			}
			if depth--; depth >= 0 {
				continue
			}
			key, inList := keyBefore(before, i)
			if object == none && c == '{' {
				object = i - shift
			}
			if inList && c == '{' {
				depth = 0 // on to the list's beginning, past the objects before this one
				continue
			}
			person = isPerson(key)
			l.done.object, l.done.person, l.done.inList = object, person, c == '[' || i > 0 && before[i-1] == '['
			return person
		}
	}
	return false
}

// keyBefore is the key, folded, whose value begins at before[i]; inList says that it is one of a list, and not the first.
func keyBefore(before []byte, i int) (key []byte, inList bool) {
	for j := i; j > max(0, i-maxKey); j-- {
		c := before[j-1]
		if c == '\n' || c == '\r' {
			continue
		}
		if n, _ := glue(before[j-1:]); n > 0 && c != '>' {
			continue
		}
		if c == ';' && j >= 6 && string(before[j-6:j]) == "&quot;" {
			j -= 5
			continue
		}
		from, _ := keyAround(before, j-1)
		return fold(make([]byte, 0, maxKey), before[from:j]), c == ','
	}
	return nil, false
}

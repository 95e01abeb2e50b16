package scan

import "slices"

// sextet is the value of a byte in the alphabets of RFC 4648 §4 and §5, or 255.
var sextet = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") {
		t[c] = byte(i)
	}
	t['+'], t['-'], t['/'], t['_'] = 62, 62, 63, 63
	return t
}()

// octet is the n-th octet of what src, all of it in base64's alphabet, says when its first byte begins a group.
func octet(src []byte, n int) byte {
	i := n/3*4 + n%3
	return sextet[src[i]]<<(2*(n%3)+2) | sextet[src[i+1]]>>(4-2*(n%3))
}

// octets is how many octets n bytes of base64 hold.
func octets(n int) int { return n/4*3 + max(0, n%4-1) }

// unbase64 decodes src, which begins phase octets into a group: then its first byte holds the end of one octet and the
// beginning of the next.
func (l *level) unbase64(src []byte, base, phase int) bool {
	// With a phase, src[0] is byte phase of its group; the octet that it completes is somebody else's.
	size := max(0, octets(phase+len(src))-phase)
	l.text = slices.Grow(l.text, size)[:size]
	for n := 0; n < size; n++ {
		k := phase + n // octet k of a group that began phase bytes before src
		i := k/3*4 + k%3 - phase
		for ; k%3 == 0 && n+3 <= size; n, k, i = n+3, k+3, i+4 {
			group, octets := src[i:i+4], l.text[n:n+3]
			s0, s1, s2, s3 := sextet[group[0]], sextet[group[1]], sextet[group[2]], sextet[group[3]]
			octets[0], octets[1], octets[2] = s0<<2|s1>>4, s1<<4|s2>>2, s2<<6|s3
		}
		if n < size {
			shift := 2*(k%3) + 2
			l.text[n] = sextet[src[i]]<<shift | sextet[src[i+1]]>>(6-shift)
		}
	}
	if l.bare {
		return true
	}
	l.begin = slices.Grow(l.begin, size)[:size]
	l.end = slices.Grow(l.end, size)[:size]
	l.forms = slices.Grow(l.forms, size)[:size]
	for n := range size {
		k := phase + n
		i := k/3*4 + k%3 - phase
		l.begin[n], l.end[n], l.forms[n] = int32(base+i), int32(base+i+2), base64Text
	}
	return true
}

// appendBase64 appends what src says by the rules of "forgiving-base64 decode" (WHATWG Infra §7), or returns false.
func appendBase64(dst, src []byte) ([]byte, bool) {
	n := len(dst)
	clean := make([]byte, 0, len(src))
	for _, c := range src {
		if c != ' ' && c != '\t' && c != '\n' && c != '\f' && c != '\r' {
			clean = append(clean, c)
		}
	}
	if len(clean)%4 == 0 {
		for i := 0; i < 2 && len(clean) > 0 && clean[len(clean)-1] == '='; i++ {
			clean = clean[:len(clean)-1]
		}
	}
	if len(clean)%4 == 1 {
		return dst, false
	}
	for _, c := range clean {
		if sextet[c] == 255 || c == '-' || c == '_' {
			return dst[:n], false
		}
	}
	for i := range octets(len(clean)) {
		dst = append(dst, octet(clean, i))
	}
	return dst, true
}

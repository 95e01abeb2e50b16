package scan

// Mask overwrites the bytes of one match in place: the same length, and valid in the encoding in which it stands. The
// first characters of the local part and of the domain, the at-sign, the dots of the domain and the top-level domain stay;
// every other character becomes '*' in its own encoding. A part of one character is masked whole.
func Mask(raw []byte) {
	t := triggers{buf: raw}
	at := t.next(0)
	for next := at; next.end > 0 && next.end < len(raw); next = t.next(next.end) {
		at = next
	}
	if at.end == 0 {
		for i := range raw {
			raw[i] = '*'
		}
		return
	}
	maskPart(raw[:at.start], false)
	maskPart(raw[at.end:], true)
}

// maskPart masks a local part or, keeping its dots and what follows the last of them, a domain.
func maskPart(b []byte, domain bool) {
	if len(b) == 0 {
		return
	}
	end := len(b)
	if domain {
		end = lastDot(b)
	}
	u, _ := after(b)
	keep := wholeRune(b, u)
	if keep >= firstLabel(b[:end], domain) {
		keep = 0
	}
	for p := keep; p < end; {
		u, _ := after(b[p:])
		if u.length == 0 { // a reference that is cut off
			u = byteUnit(b[p], 1, plain)
		}
		if !domain || !u.isDot() {
			star(b[p:p+u.length], u.form)
		}
		p += u.length
	}
}

// wholeRune is how many bytes the first character takes: percent-encoding and plain UTF-8 spread one over several units.
func wholeRune(b []byte, u unit) int {
	if u.length == 0 || u.n != 1 || u.bytes[0] < 0xc0 {
		return u.length
	}
	return min(len(b), u.length*ones(u.bytes[0]))
}

// ones counts the leading one bits of a UTF-8 lead octet, which is the length of its sequence.
func ones(c byte) int {
	n := 0
	for ; c&0x80 != 0; c <<= 1 {
		n++
	}
	return n
}

// firstLabel is where the first label of a domain ends; of a local part, where it ends itself.
func firstLabel(b []byte, domain bool) int {
	if domain {
		for p := 0; p < len(b); {
			u, _ := after(b[p:])
			if u.isDot() {
				return p
			}
			p += max(1, u.length)
		}
	}
	return len(b)
}

// lastDot is where the top-level domain's dot begins.
func lastDot(b []byte) int {
	last := 0
	for p := 0; p < len(b); {
		u, _ := after(b[p:])
		if u.isDot() {
			last = p
		}
		p += max(1, u.length)
	}
	return last
}

func (u unit) isDot() bool {
	s := string(u.bytes[:u.n])
	return s == "." || s == "。" || s == "．" || s == "｡"
}

// star writes an asterisk (U+002A) in the form and length of what stood there.
func star(b []byte, f form) {
	switch f {
	case plain:
		for i := range b {
			b[i] = '*'
		}
	case jsonEscape:
		copy(b, `\u002a`)
	case jsEscape:
		copy(b, `\x2a`)
	case urlEncoding:
		copy(b, "%2A")
	case htmlRef:
		starReference(b)
	}
}

// starReference pads with zeros: "&#101;" becomes "&#042;", "&eacute;" becomes "&#00042;". Too short for a number is only a
// reference of one digit or letter, which no visible character has.
func starReference(b []byte) {
	if len(b) < 5 {
		for i := range b {
			b[i] = '*'
		}
		return
	}
	for i := range b {
		b[i] = '0'
	}
	copy(b, "&#")
	copy(b[len(b)-3:], "42;")
}

package scan

import "bytes"

// NormalizePhone appends a telephone number in the form in which a directory knows it: digits only, with a leading '+' where
// it is written internationally ("+49 151 …", "0049 151 …"), else without the leading zeros of a trunk prefix. It returns
// false, and dst as it was, for what has fewer than 7 digits or more than 15 (ITU-T E.164 §6.2), or anything but digits and
// the separators of ITU-T E.123.
func NormalizePhone(dst, src []byte) ([]byte, bool) {
	n, digits, skip := len(dst), 0, 0
	for i, c := range src {
		switch {
		case i <= skip && skip > 0:
		case c >= '0' && c <= '9':
			dst = append(dst, c)
			digits++
		case c == '+' && len(dst) == n && i < len(src)-1:
			dst = append(dst, c)
		case c == '(' && len(dst) > n && dst[n] == '+' && i+2 < len(src) && src[i+1] == '0' && src[i+2] == ')':
			skip = i + 2 // "+49 (0)151": the zero is for those who call from within
		case c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/':
		default:
			return dst[:n], false
		}
	}
	international := len(dst) > n && dst[n] == '+'
	if !international && digits > 2 && dst[n] == '0' && dst[n+1] == '0' && dst[n+2] != '0' {
		dst[n+1], international, digits = '+', true, digits-2
		dst = append(dst[:n], dst[n+1:]...)
	}
	if international && len(dst) > n+1 && dst[n+1] == '0' {
		return dst[:n], false
	}
	for !international && digits > 0 && dst[n] == '0' {
		dst = append(dst[:n], dst[n+1:]...)
		digits--
	}
	if digits < 7 || digits > 15 {
		return dst[:n], false
	}
	return dst, true
}

// telephone deals with what may be an international number at p+1, or one behind "tel:".
func (f *Finder) telephone(d, p int) (held int, decided bool) {
	l := &f.levels[d]
	text, start, evidence := l.text, p, Evidence("")
	if text[p] == 'l' {
		if p < 2 || lower(text[p-1]) != 'e' || lower(text[p-2]) != 't' {
			return 0, true
		}
		start, evidence = p+2, Key
	} else if p > 0 && (isLetter(text[p-1]) || text[p-1] >= '0' && text[p-1] <= '9' || text[p-1] == '+') {
		return 0, true // a sum, or base64
	}
	end := start
	for end < len(text) && end < start+maxKey && (text[end] >= '0' && text[end] <= '9' || isPhoneGap(text[end]) || end == start && text[end] == '+' ||
		text[end] == '%' && evidence == Key || end > start && text[end-1] == '%' && lower(text[end]) == 'b') {
		end++
	}
	if l.open && end == len(text) && end < start+maxKey {
		return p, false
	}
	for end > start && isPhoneGap(text[end-1]) {
		end--
	}
	f.number(d, start, end, evidence)
	return 0, true
}

func isPhoneGap(c byte) bool {
	return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/'
}

// number offers text[start:end] as a telephone number.
func (f *Finder) number(d, start, end int, evidence Evidence) {
	if n, ok := NormalizePhone(f.value[:0], f.decoded(f.levels[d].text[start:end])); ok {
		f.value = n
		if n[0] == '+' {
			evidence = ""
		}
		if !f.offerWeak(d, Match{Kind: Phone, Evidence: evidence, Value: n}, start, end) && evidence == Key {
			f.value = append(append(f.value[:0], '+'), f.decoded(f.levels[d].text[start:end])...) // "491511234567", as programs keep numbers
			if n, ok := NormalizePhone(nil, f.value); ok {
				f.offerWeak(d, Match{Kind: Phone, Value: n}, start, end)
			}
		}
	}
}

// numbersBeside offers the numbers in text[from:to] that have a telephone number's length.
func (f *Finder) numbersBeside(d, from, to int) {
	f.numbers(d, from, to, func(start, end int) bool {
		f.number(d, start, end, Near)
		return true
	})
}

// numbersHeld is where a number begins, before hold, that is somebody's or is not at its end yet.
func (f *Finder) numbersHeld(d, settled, hold int) int {
	l := &f.levels[d]
	f.numbers(d, max(0, settled-besides), settled, func(start, end int) bool {
		if start >= hold {
			return false
		}
		n, ok := NormalizePhone(f.value[:0], f.decoded(l.text[start:end]))
		if f.value = n; settled-start <= maxKey && len(bytes.TrimLeft(l.text[end:settled], " -.()/")) == 0 || ok && !l.named.overlap(window{start, end}) && f.Known(Phone, n) {
			hold = start
		}
		return true
	})
	return hold
}

// numbers calls found for what may be a telephone number in text[from:to], until it returns false.
func (f *Finder) numbers(d, from, to int, found func(start, end int) bool) {
	text := f.levels[d].text
	for i := max(0, from); i < to; i++ {
		if c := text[i]; c < '0' || c > '9' || i > 0 && (isPhoneGap(text[i-1]) && text[i-1] != ' ' && text[i-1] != '(' || text[i-1] == '@' || inKey(text[i-1])) {
			continue
		}
		var ends [maxGroups]int
		end, n := i, 0
		for ; end < to && end < i+maxKey; end++ {
			if text[end] >= '0' && text[end] <= '9' {
				if end == i || isPhoneGap(text[end-1]) {
					if n == maxGroups {
						break
					}
					n++
				}
				ends[n-1] = end + 1
			} else if !isPhoneGap(text[end]) || text[end] == ' ' && text[end-1] == ' ' {
				break
			}
		}
		for k := n - 1; k >= 0; k-- { // another number may stand behind it
			last := ends[k]
			if (last-i >= 7 || end == to && k == n-1) && (last == len(text) || !inKey(text[last])) && !found(i, last) {
				return
			}
		}
		i = ends[0] - 1
	}
}

// maxGroups is how many groups of digits a number is written in: "49 30 12 34 56 78".
const maxGroups = 6

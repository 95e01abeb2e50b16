package scan

// NormalizePhone appends a telephone number in the form in which a directory knows it: digits only, with a leading '+' where
// it is written internationally ("+49 151 …", "0049 151 …"), else without the leading zeros of a trunk prefix. It returns
// false, and dst as it was, for what has fewer than 7 digits or more than 15 (ITU-T E.164 §6.2), or anything but digits and
// the separators of ITU-T E.123.
func NormalizePhone(dst, src []byte) ([]byte, bool) {
	n, digits := len(dst), 0
	for i, c := range src {
		switch {
		case c >= '0' && c <= '9':
			dst = append(dst, c)
			digits++
		case c == '+' && len(dst) == n && i < len(src)-1:
			dst = append(dst, c)
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

package scan

// cardIssuers are the ranges of the first four digits and the lengths that card schemes publish. ISO/IEC 7812-1 allows 10 to 19
// digits; 12 and 13 are left out, because no scheme issues them any more and every EAN-13 bar code has them.
var cardIssuers = []struct{ low, high, shortest, longest int }{
	{4000, 4999, 16, 19},                       // Visa: 16 or 19
	{5100, 5599, 16, 16}, {2221, 2720, 16, 16}, // Mastercard
	{3400, 3499, 15, 15}, {3700, 3799, 15, 15}, // American Express
	{3000, 3059, 14, 14}, {3095, 3095, 14, 14}, {3600, 3699, 14, 14}, {3800, 3999, 14, 14}, // Diners Club
	{3528, 3589, 16, 19},                       // JCB
	{6011, 6011, 16, 19}, {6440, 6599, 16, 19}, // Discover
	{6200, 6299, 16, 19},                                                                                                               // UnionPay
	{5018, 5018, 16, 19}, {5020, 5020, 16, 19}, {5038, 5038, 16, 19}, {5893, 5893, 16, 19}, {6304, 6304, 16, 19}, {6759, 6763, 16, 19}, // Maestro
	{5019, 5019, 16, 16}, // Dankort
	{2200, 2204, 16, 19}, // Mir
	{5080, 5089, 16, 16}, // RuPay
}

// isCard reports whether a card's number begins at w[i]: its digits together, or in the groups in which cards show them.
func isCard(w []byte, i int) bool {
	if !cardStandsAlone(w, i) {
		return false
	}
	var digits [20]byte
	var groups [5]int
	n, group, k := 0, 0, i
	var separator byte
	for ; k < len(w); k++ {
		c := w[k]
		if isDecimal(c) {
			if n == 19 {
				return false
			}
			digits[n] = c - '0'
			n++
			groups[group]++
			continue
		}
		if (c != ' ' && c != '-') || k+1 >= len(w) || !isDecimal(w[k+1]) {
			break
		}
		if group == 0 {
			separator = c
		}
		if group++; c != separator || group == len(groups) {
			return false
		}
	}
	if k < len(w) && (isKeyByte(w[k]) || w[k] == '.' && k+1 < len(w) && isAlphanumeric(w[k+1]) || w[k] == '%' || w[k] == '@') {
		return false
	}
	return cardGroups(groups, n) && cardIssued(digits[:n]) && luhn(digits[:n])
}

// cardStandsAlone: no other number or word leads up to it.
func cardStandsAlone(w []byte, i int) bool {
	if i == 0 {
		return true
	}
	switch c := w[i-1]; {
	case isKeyByte(c) || c == '.' || c == '/' || c == '#' || c == '+' || c == '$' || c == '%' || c == '&' || c == '\\' || c >= 0x80:
		return false
	case c == ' ' || c == ',':
		return i < 2 || !isDecimal(w[i-2])
	}
	return true
}

// cardGroups: 16 digits as 4-4-4-4, 19 as 4-4-4-4-3, 15 as 4-6-5, 14 as 4-6-4, or any in one.
func cardGroups(groups [5]int, n int) bool {
	switch groups {
	case [5]int{4, 4, 4, 4}, [5]int{4, 4, 4, 4, 3}, [5]int{4, 6, 5}, [5]int{4, 6, 4}:
		return true
	}
	return groups[0] == n
}

func cardIssued(d []byte) bool {
	if len(d) < 14 {
		return false
	}
	first := int(d[0])*1000 + int(d[1])*100 + int(d[2])*10 + int(d[3])
	for _, r := range cardIssuers {
		if first >= r.low && first <= r.high && len(d) >= r.shortest && len(d) <= r.longest {
			return d[0] != 4 || len(d) == 16 || len(d) == 19
		}
	}
	return false
}

// luhn is ISO/IEC 7812-1 annex B: every second digit from the right doubled, the sum a multiple of ten.
func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		x := int(d[len(d)-1-i])
		if i%2 == 1 {
			if x *= 2; x > 9 {
				x -= 9
			}
		}
		sum += x
	}
	return sum%10 == 0
}

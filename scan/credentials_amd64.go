package scan

import "math/bits"

// credentialTables are the pairs at which something may be decided, with a third byte, without which nothing is: rare enough for the kernel to
// pass over the rest of a page. Some have what stands before them instead, for "class" is everywhere in HTML, and so is "product-".
var credentialTables = func() *tables {
	var t [3][256]hit
	// Those with the same bit are rarely mistaken for each other.
	three := func(bit hit, a, b, c string) {
		for k, chars := range []string{a, b, c} {
			for i := range len(chars) {
				t[k][chars[i]] |= bit
			}
		}
	}
	between := func(in func(byte) bool) (chars string) {
		for c := range 256 {
			if in(byte(c)) {
				chars += string([]byte{byte(c)})
			}
		}
		return chars
	}
	every := between(func(byte) bool { return true })
	three(1<<1, "pPsS", "aAeE", "sS")   // pa-ss, se-ss: the pair stands two bytes on
	three(1<<2, "oOpP", "kKwW", "eEdD") // tok-en, pwd
	three(1<<3, "$", between(isAlphanumeric), every)
	three(1<<4, ".", "e", "y")
	three(1<<5, "G", ".", every)
	three(1<<6, "KS", "I", "A")
	three(1<<6, "I", "z", "a")
	three(1<<7, "gx", "ho", "pousrx")
	three(1<<6, "k", "_", "l")  // sk_live_
	three(1<<4, "a", "t", "_-") // pa-t_: the pair stands one byte on
	three(1<<5, "-", "-", "-")
	// a number; one behind a byte beyond ASCII does not stand alone
	three(1<<8, between(func(c byte) bool { return c < 0x80 && !isAlphanumeric(c) }), "23456", between(isDecimal))
	three(1<<5, "{", "S", "SHM")
	groups := []hit{1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8}
	return &tables{wideGroups(&t, groups), narrowGroups(0xff, &t, groups)}
}()

// searchCredentials is searchPairs with the kernel.
func searchCredentials(w []byte, from, to int) (kinds byte) {
	if kernel == "portable" {
		return searchPairs(w, from, to)
	}
	start := max(0, from-2)
	if to = min(to, len(w)-1); from >= to {
		return 0
	}
	var list [16]found
	b := w[:min(len(w), to+2)]
	for start < len(b) {
		n, upto := lookUp(b, start, list[:], credentialTables)
		for _, f := range list[:n] {
			for ; f.hits != 0; f.hits &= f.hits - 1 {
				at := f.block + bits.TrailingZeros64(f.hits)
				for i := max(at, from); i <= at+2 && i < to; i++ {
					if isPair(w[i], w[i+1]) {
						kinds |= credentialAt(w, i)
					}
				}
			}
		}
		start = upto
	}
	return kinds
}

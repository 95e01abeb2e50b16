package scan

import "math/bits"

// credentialTables are the pairs at which something may be decided, with a third byte, without which nothing is: rare enough for the kernel to
// pass over the rest of a page. Some have what stands before them instead, for "class" is everywhere in HTML, and so is "product-". Bits 0, 7
// and 15 mean something else to the kernel.
var credentialTables = func() *tables {
	var t [3][256]hit
	bit := hit(1)
	three := func(a, b, c string) {
		if bit <<= 1; bit == 1<<7 {
			bit <<= 1
		}
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
	three("pPsS", "aAeE", "sS")   // pa-ss, se-ss: the pair stands two bytes on
	three("oOpP", "kKwW", "eEdD") // tok-en, pwd
	three("$", between(isAlphanumeric), every)
	three(".", "e", "y")
	three("G", ".", every)
	three("KS", "I", "A")
	three("I", "z", "a")
	three("gx", "ho", "pousrx")
	three("k", "_", "l")  // sk_live_
	three("a", "t", "_-") // pa-t_: the pair stands one byte on
	three("-", "-", "-")
	// a number; one behind a byte beyond ASCII does not stand alone
	three(between(func(c byte) bool { return c < 0x80 && !isAlphanumeric(c) }), "23456", between(isDecimal))
	three("{", "S", "SHM")
	return tablesOf(&t)
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
	for b := w[start:min(len(w), to+2)]; len(b) > 0; {
		n, upto := lookUp(b, 0, list[:], credentialTables)
		for _, f := range list[:n] {
			for ; f.hits != 0; f.hits &= f.hits - 1 {
				at := start + f.block + bits.TrailingZeros64(f.hits)
				for i := max(at, from); i <= at+2 && i < to; i++ {
					if isPair(w[i], w[i+1]) {
						kinds |= credentialAt(w, i)
					}
				}
			}
		}
		start, b = start+upto, b[upto:]
	}
	return kinds
}

package scan

import "math/bits"

// The kernel looks at three neighbouring bytes at a time and asks, of each, to which classes it belongs. Where all three have a class in
// common something may begin that is worth a closer look. At-signs in another form are anchored on their end ("40", "64;"),
// because '%', '&' and '\' are everywhere in real pages and those are not.

// hit is a set of classes: what may stand at a place.
type hit uint32

const (
	inBase64   hit = 1 << iota // of the first byte only: the alphabets of base64 and base64url
	isDense                    // of the first byte only: in base64 and not a lower-case letter, hyphen, underscore or slash
	hit40                      // %40 %2540 \x40 \u0040 \u{40} &#x40; =40
	hit64                      // &#64; %2364, and the end of "/cdn-cgi/l/email-protection#"
	hitCommat                  // &commat;
	hitOctal                   // \100 &#65312;
	hitCFEmail                 // data-cfemail
	hitMobile                  // the key "mobile"
	hitWide                    // ＠ as U+FF20, %EF%BC%A0, \uFF20, or in UTF-8; %5C100
	hitHex                     // an at-sign in hexadecimal text
	hitAt                      // x@y, plain
	hitB0                      // an at-sign in base64, as the first, second or third octet of a group
	hitB1                      //
	hitB2                      //
	hitSoft                    // a soft line break
	hitSlash                   // \/, which may stand in base64
	hitEscape                  // %2F and %2B, which may, too
	hitKey                     // "name", firstname, last_name, full-name
	hitKeys                    // firstName, familyName, FULL_NAME
	hitPhone                   // the key "phone"
	hitPlus                    // "+1 "
	hitTel                     // tel:+…
	hitNumber                  // +49…
)

// sign is three neighbouring bytes at which something may begin, each one of several.
type sign struct {
	hit                  hit
	first, second, third string
}

// signs are what a kernel looks for.
var signs = func() []sign {
	const (
		lowers = "abcdefghijklmnopqrstuvwxyz"
		uppers = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		digits = "0123456789"
		b64    = uppers + lowers + digits + "+/-_"
		// What an escape, or white space in quoted-printable, may leave of what stands before.
		before = b64 + "%&#\\;.@"
	)
	word, beyond := "", ""
	for c := range 256 {
		if wordBytes[c] {
			word += string([]byte{byte(c)})
		}
		if c >= 0x80 { // a character beyond ASCII begins with it, in UTF-8 or another charset: 0x81 in Shift JIS
			beyond += string([]byte{byte(c)})
		}
	}
	// An at-sign is 01000000, and what stands beside it in an address is ASCII.
	return []sign{
		{inBase64, b64, "", ""},
		{isDense, uppers + digits + "+", "", ""},
		{hit40, "%0xX5;{=Bb", "4", "0"},
		{hit64, "#03o", "6n", "4#"},
		{hitCommat, "a", "t", ";%\\01"},
		{hitOctal, "\\5", "13", "01"},
		{hitCFEmail, "c", "f", "e"},
		{hitMobile, "mM", "o", "b"},
		{hitWide, "CcFf\xef", "%=21\xbc", "Aa02\xa0"},
		{hitHex, "4", "0", "34567"},
		{hitAt, word, "@", lowers + uppers + digits + "%&\\[=\x00" + beyond},
		{hitB0, before, "Q", "DEFGH"},
		{hitB1, "EUk0", "AB", b64},
		{hitB2, "BFJNRVZdhlptx159", "A", "MNOQRSTUVWYZabcde"},
		{hitSoft, before, "=", "\r\n"},
		{hitSlash, "\\", "/", b64},
		{hitEscape, "%", "2", "FfBb"},
		{hitKey, "\"'tl-_", "n", "a"},
		{hitKeys, "tlynrTL_", "N", "aA"},
		{hitPhone, "h", "o", "n"},
		{hitPlus, "+", "17", " "},
		{hitTel, "l", ":", "+0123456789%("},
		{hitNumber, "+", "123456789", "0123456789"},
	}
}()

// classes[k][c] is the classes of byte c at place k of three.
var classes = func() (t [3][256]hit) {
	for _, s := range signs {
		for k, chars := range [...]string{s.first, s.second, s.third} {
			for i := range len(chars) {
				t[k][chars[i]] |= s.hit
			}
		}
	}
	return t
}()

// minRun and minDense: of a run of base64's alphabet with twenty bytes or more, of which four in a window of twenty are no lower-case
// letters, Finder takes notice. Words and paths have fewer.
const (
	minRun   = 20
	minDense = 4
)

// found is what the kernel saw in 64 bytes: bit i stands for the byte at block+i.
type found struct {
	block int
	hits  uint64 // something may begin here
	runs  uint64 // a byte of a run that is long and may be dense enough, or the one behind it, which may be the first one behind the buffer
}

// leastRoom is how many blocks a list has to have room for.
const leastRoom = 4

// lookPortable is the kernel in plain Go. It lists the blocks from from on in which it saw something, as many as fit into list, and
// returns how far it looked: to the end of buf where list was large enough. Places whose three bytes are not all there yet are
// left for later. Without keyed a kernel need not see what is of use only to who looks for names and telephone numbers. It may see more than there
// is, and the same run twice: Finder looks closer.
func lookPortable(buf []byte, from int, list []found, _ bool) (n, upto int) {
	trail, dense := behind(buf, from)
	for block := from; block < len(buf); block += 64 {
		var padded [64 + 2]byte
		b := buf[block:]
		if len(b) < len(padded) {
			copy(padded[:], b)
			b = padded[:]
		}
		hits, word, thick := classify((*[64 + 2]byte)(b))
		f := found{block, hits, runsIn(word, thick, trail, dense)}
		f.dropLast(len(buf) - block)
		if trail = min(63, bits.LeadingZeros64(^word)); trail > 0 {
			dense = bits.OnesCount64(thick >> (64 - trail))
		}
		if f.hits|f.runs == 0 {
			continue
		}
		list[n] = f
		if n++; n == len(list) {
			return n, min(block+64, len(buf))
		}
	}
	return n, len(buf)
}

// dropLast drops hits at places whose three bytes are not all among the left ones.
func (f *found) dropLast(left int) {
	if left < 64+2 {
		f.hits &= 1<<max(0, left-2) - 1
	}
}

// classify looks at 64 bytes and the two behind them: where something may begin, which are in base64's alphabet, and which of these are dense.
func classify(b *[64 + 2]byte) (hits, word, dense uint64) {
	// Two at a time: which one it was is found out only where there was something.
	one, two := b[0], b[1]
	for i := 0; i < 64; i += 2 {
		three, four := b[i+2], b[i+3]
		first, next := classes[0][one], classes[0][two]
		here, there := first&classes[1][two]&classes[2][three], next&classes[1][three]&classes[2][four]
		if here|there != 0 {
			if here != 0 {
				hits |= 1 << i
			}
			if there != 0 {
				hits |= 2 << i
			}
		}
		word |= uint64(first&inBase64|next&inBase64<<1) << i // inBase64 is the lowest bit, and isDense the one beside it
		dense |= uint64(first&isDense>>1|next&isDense) << i
		one, two = three, four
	}
	return hits, word, dense
}

// runsIn has the first byte of each run of twenty in which there may be four dense ones: inside a block, or across its beginning. Before it there are
// trail bytes of a run, dense of them dense.
func runsIn(word, thick uint64, trail, dense int) (runs uint64) {
	ends := word & (word << 1)
	ends &= ends << 2
	ends &= ends << 4
	ends &= ends << 8
	ends &= ends << 4
	starts := ends >> (minRun - 1)
	starts &^= starts << 1
	if long := word &^ (word + starts); bits.OnesCount64(long&thick) >= minDense { // the carry clears the whole run
		runs = starts
	}
	lead := bits.TrailingZeros64(^word)
	if lead > 0 && lead+trail >= minRun && bits.OnesCount64(thick&(1<<lead-1))+dense >= minDense {
		runs |= 1
	}
	return runs
}

// behind measures the run that ends before from, as far as it matters.
func behind(buf []byte, from int) (length, dense int) {
	for i := from - 1; i >= max(0, from-63); i-- {
		h := classes[0][buf[i]]
		if h&inBase64 == 0 {
			break
		}
		length++
		if h&isDense != 0 {
			dense++
		}
	}
	return length, dense
}

package scan

import (
	"os"

	"golang.org/x/sys/cpu"
)

// kernel is "avx512", "avx2" or "portable": the fastest that this machine has, or, for comparisons, the slower one that the environment
// variable CANDOR_SCAN_KERNEL names. Tests set it.
var kernel = func() string {
	wanted := os.Getenv("CANDOR_SCAN_KERNEL")
	switch x := cpu.X86; {
	case wanted == "portable" || !x.HasAVX2 || !x.HasBMI1 || !x.HasBMI2 || !x.HasPOPCNT:
		return "portable"
	case wanted == "avx2" || !x.HasAVX512VBMI || !x.HasAVX512BW || !x.HasAVX512F:
		return "avx2"
	}
	return "avx512"
}()

// tables512 are the classes for VPERMI2B, which looks up seven bits: the low and the high eight classes at three places. As first byte, one
// beyond ASCII is looked up as itself, of which the highest bit is hitAt; elsewhere it shares the classes of one in ASCII.
func tables512(classes *[3][256]hit) (t [6][128]byte) {
	for k := range 3 {
		for c := range 256 {
			if k == 0 && c > 127 {
				break
			}
			h := classes[k][c]
			t[k][c&127] |= byte(h)
			t[k+3][c&127] |= byte(h >> 8)
		}
	}
	return t
}

// look512 looks at the n bytes at p in blocks of 64. It lists those in which it saw something, with block as an offset from p, and
// returns how many it listed, and how far it looked: less than n where list is full. trail is how long the run before p is, 63 at the
// most, and dense how many dense bytes it has. Of a run it reports the first byte in each block.
//
//go:noescape
func look512(p *byte, n int, tables *[6][128]byte, trail, dense int, list *found, room int) (listed, upto int)

// tables256 are the classes for VPSHUFB, which looks up four bits: at each of three places, the low eight classes by a byte's lower and by
// its higher half, and the high eight. A byte may seem to have a class when each of its halves has it from another. The last two tables
// are base64's alphabet, without such doubt: a bit for each stretch of it, the dense ones lowest.
func tables256(classes *[3][256]hit) (t [14][16]byte) {
	for k := range 3 {
		for c := range 256 {
			h := classes[k][c] &^ (inBase64 | isDense)
			t[4*k][c&15] |= byte(h)
			t[4*k+1][c>>4] |= byte(h)
			t[4*k+2][c&15] |= byte(h >> 8)
			t[4*k+3][c>>4] |= byte(h >> 8)
		}
	}
	if classes[0]['A']&inBase64 == 0 {
		return t // no runs are wanted
	}
	for i, chars := range [...]string{"ABCDEFGHIJKLMNO", "PQRSTUVWXYZ", "0123456789", "+", "abcdefghijklmno", "pqrstuvwxyz", "-/", "_"} {
		for _, c := range []byte(chars) {
			t[12][c&15] |= 1 << i
			t[13][c>>4] |= 1 << i
		}
	}
	return t
}

// tables are classes as the kernels look them up.
type tables struct {
	wide   [6][128]byte
	narrow [14][16]byte
}

func tablesOf(classes *[3][256]hit) *tables {
	return &tables{tables512(classes), tables256(classes)}
}

var all, some = tablesOf(&classes), tablesOf(without(hitsOfKeys))

func without(h hit) *[3][256]hit {
	t := classes
	for k := range t {
		for c := range t[k] {
			t[k][c] &^= h
		}
	}
	return &t
}

// look256 is look512 for machines without VBMI: it looks at whole blocks, behind which there are two bytes more.
//
//go:noescape
func look256(p *byte, blocks int, tables *[14][16]byte, trail, dense int, list *found, room int) (listed, upto int)

// look is the fastest kernel that this machine has: see lookPortable.
func look(buf []byte, from int, list []found, keyed bool) (n, upto int) {
	switch {
	case kernel == "portable" || from >= len(buf):
		return lookPortable(buf, from, list, keyed)
	case keyed:
		return lookUp(buf, from, list, all)
	}
	return lookUp(buf, from, list, some)
}

// lookUp is look with vectors, for the classes of t.
func lookUp(buf []byte, from int, list []found, t *tables) (n, upto int) {
	if kernel == "avx2" {
		return lookAVX2(buf, from, list, &t.narrow)
	}
	trail, dense := behind(buf, from)
	n, upto = look512(&buf[from], len(buf)-from, &t.wide, trail, dense, &list[0], len(list))
	for i := range list[:n] {
		list[i].block += from
	}
	return n, min(from+upto, len(buf))
}

// lookAVX2 has look256 look at a copy of the last bytes, so that it reads none beyond them.
func lookAVX2(buf []byte, from int, list []found, tables *[14][16]byte) (n, upto int) {
	for upto = from; upto < len(buf) && n < len(list); {
		b := buf[upto:]
		var padded [64 + 2]byte
		if len(b) < len(padded) {
			copy(padded[:], b)
			b = padded[:]
		}
		trail, dense := behind(buf, upto)
		more, looked := look256(&b[0], (len(b)-2)/64, tables, trail, dense, &list[n], len(list)-n)
		for i := range list[n : n+more] {
			list[n+i].block += upto
		}
		if n += more; more > 0 {
			last := &list[n-1]
			if last.dropLast(len(buf) - last.block); last.hits|last.runs == 0 {
				n--
			}
		}
		upto += looked
	}
	return n, min(upto, len(buf))
}

package scan

import (
	"math/bits"
	"os"

	"golang.org/x/sys/cpu"
)

// kernel is "avx512", "avx2" or "portable": the fastest that this machine has, or, for comparisons, the slower one that the environment
// variable CANDOR_SCAN_KERNEL names. Tests set it.
var kernel = func() string {
	wanted := os.Getenv("CANDOR_SCAN_KERNEL")
	switch x := cpu.X86; {
	case wanted == "portable" || !x.HasAVX2 || !x.HasBMI1:
		return "portable"
	case wanted == "avx2" || !x.HasAVX512VBMI || !x.HasAVX512BW || !x.HasAVX512F:
		return "avx2"
	}
	return "avx512"
}()

// What the vectors look for: eight groups of classes, told apart by one bit each. Three bytes may seem to be a sign where each is a part of another
// one of the same group; in the pages of bench, those that stand together here do so least. Half a byte tells less than a byte, so with AVX2
// they are others, and an at-sign is seen whatever stands beside it.
var (
	addressTables = &tables{
		wideTablesOf(hit40|hitB2, hit64, hitCommat|hitOctal, hitCFEmail|hitHex|hitEscape, hitB1|hitSlash, hitWide, hitB0|hitSoft, hitAt),
		narrowTablesOf('@', hit40, hit64, hitCommat, hitOctal|hitWide, hitCFEmail|hitHex|hitEscape, hitB0|hitSoft, hitB1|hitB2, hitSlash),
	}
	keyTables = &tables{
		wideTablesOf(hit40|hitCFEmail|hitMobile, hit64|hitB0|hitSoft, hitCommat|hitOctal|hitPhone|hitPlus|hitEscape, hitHex|hitKey|hitKeys, hitB1|hitSlash,
			hitWide|hitTel|hitNumber, hitB2, hitAt),
		narrowTablesOf('@', hit40|hitMobile|hitPhone, hit64|hitCFEmail|hitKey, hitCommat|hitPlus, hitWide|hitNumber, hitOctal|hitHex|hitEscape, hitB0|hitSoft,
			hitB1|hitB2|hitKeys, hitSlash|hitTel),
	}
)

// tables are groups of classes as the kernels look them up.
type tables struct {
	wide   *wideTables
	narrow *narrowTables
}

// wideTables are for VPERMI2B, which looks up seven bits: the groups at three places, and what a byte counts for in a run. As first byte, one
// beyond ASCII is looked up as itself, of which the highest bit is the last group's; elsewhere it shares the groups of one in ASCII.
type wideTables struct {
	groups [3][128]byte
	run    [128]byte
	order  [16]uint32 // of the sums of four blocks, as VPACKUSWB leaves them
}

// narrowTables are for VPSHUFB, which looks up four bits: the groups at three places, by a byte's lower and by its higher half, and base64's
// alphabet: a bit for each stretch of it, the dense ones lowest. A byte may seem to have a group when each of its halves has it from another, but
// not to be in the alphabet. Each is there twice, for both halves of a vector.
type narrowTables struct {
	groups         [6][32]byte
	run            [2][32]byte
	counts         [32]byte // what a byte counts for in a run, by the lowest bits of its stretch; 15: not dense
	ones           [32]byte
	order          [8]uint32
	lowest, threes [32]byte
	second         [32]byte // what is enough as second byte
}

// What a byte counts for in a run of base64: a kernel adds up four.
const (
	countWord  = 32
	countDense = countWord + 1
)

// wideTablesOf has no more than eight groups, of which the last is the one that most bytes beyond ASCII may begin.
func wideTablesOf(groups ...hit) *wideTables {
	t := wideGroups(&classes, groups)
	for c := range t.run {
		switch {
		case classes[0][c]&isDense != 0:
			t.run[c] = countDense
		case classes[0][c]&inBase64 != 0:
			t.run[c] = countWord
		}
	}
	return t
}

func wideGroups(classes *[3][256]hit, groups []hit) *wideTables {
	t := &wideTables{}
	for k := range 3 {
		for c := range 256 {
			if k > 0 || c < 128 {
				t.groups[k][c&127] |= groupsOf(classes[k][c], groups)
			}
		}
	}
	for i := range t.order {
		t.order[i] = uint32(i%4*4 + i/4)
	}
	return t
}

// narrowTablesOf has no more than eight groups.
func narrowTablesOf(second byte, groups ...hit) *narrowTables {
	t := narrowGroups(second, &classes, groups)
	for i, chars := range [...]string{"ABCDEFGHIJKLMNO", "PQRSTUVWXYZ", "0123456789", "+", "abcdefghijklmno", "pqrstuvwxyz", "-/", "_"} {
		for _, c := range []byte(chars) {
			both(&t.run[0], c&15, 1<<i)
			both(&t.run[1], c>>4, 1<<i)
		}
	}
	for i := range byte(4) {
		both(&t.counts, 1<<i, countDense)
	}
	both(&t.counts, 15, countWord)
	return t
}

func narrowGroups(second byte, classes *[3][256]hit, groups []hit) *narrowTables {
	t := &narrowTables{}
	for k := range 3 {
		for c := range 256 {
			b := groupsOf(classes[k][c], groups)
			both(&t.groups[2*k], byte(c&15), b)
			both(&t.groups[2*k+1], byte(c>>4), b)
		}
	}
	for i := range t.order {
		t.order[i] = uint32(i%2*4 + i/2)
	}
	for i := range 32 {
		t.ones[i], t.lowest[i], t.threes[i], t.second[i] = 1, countWord-1, minDense-1, second
	}
	return t
}

// groupsOf has a bit for each group that h is of.
func groupsOf(h hit, groups []hit) (b byte) {
	for i, g := range groups {
		if h&g != 0 {
			b |= 1 << i
		}
	}
	return b
}

// both sets bits in both halves of a table.
func both(t *[32]byte, i, b byte) {
	t[i] |= b
	t[16+i] |= b
}

const (
	stride  = 256 // a kernel looks at so many bytes at once: look256 at half of them
	overlap = 32  // how much it has to look at again to see a run that began before
)

// look512 looks at the n bytes at p, whole strides, behind which there are two bytes more. It lists the blocks in which it saw something,
// with block as an offset from p and in runs a bit for every four bytes, and returns how many it listed, and how far it looked: less than n where
// there is no room for a stride's.
//
//go:noescape
func look512(p *byte, n int, t *wideTables, list *found, room int) (listed, upto int)

// look256 is look512 for machines without VBMI.
//
//go:noescape
func look256(p *byte, n int, t *narrowTables, list *found, room int) (listed, upto int)

// look is the fastest kernel that this machine has: see lookPortable.
func look(buf []byte, from int, list []found, keyed bool) (n, upto int) {
	switch {
	case kernel == "portable":
		return lookPortable(buf, from, list, keyed)
	case keyed:
		return lookUp(buf, from, list, keyTables)
	}
	return lookUp(buf, from, list, addressTables)
}

// lookUp is look with vectors, for the classes of t. It looks at some bytes again, for a run that from stands in.
func lookUp(buf []byte, from int, list []found, t *tables) (n, upto int) {
	for upto = from; upto < len(buf) && n+leastRoom <= len(list); {
		start := max(0, upto-overlap)
		more, looked := 0, (len(buf)-start-2)/stride*stride
		if looked > 0 {
			more, looked = t.look(&buf[start], looked, list[n:])
		} else {
			more, looked = t.lookEnd(buf[start:], list[n:])
		}
		n += cut(buf, list[n:n+more], start, upto)
		upto = min(start+looked, len(buf))
	}
	return n, upto
}

func (t *tables) look(p *byte, n int, list []found) (listed, upto int) {
	if kernel == "avx2" {
		return look256(p, n, t.narrow, &list[0], len(list))
	}
	return look512(p, n, t.wide, &list[0], len(list))
}

// lookEnd looks at a copy of the last bytes, so that the kernel reads none beyond them.
func (t *tables) lookEnd(b []byte, list []found) (listed, upto int) {
	var padded [2*stride + 2]byte
	copy(padded[:], b)
	n := stride
	if len(b) > stride-8 { // the end of a run is noticed behind it
		n = 2 * stride
	}
	listed, upto = t.look(&padded[0], n, list)
	for i := range list[:listed] {
		list[i].dropLast(len(b) - list[i].block)
	}
	return listed, upto
}

// spread makes of each of sixteen bits four, of which it is the first.
func spread(x uint64) uint64 {
	x = (x | x<<24) & 0x000000ff000000ff
	x = (x | x<<12) & 0x000f000f000f000f
	x = (x | x<<6) & 0x0303030303030303
	return (x | x<<3) & 0x1111111111111111
}

// cut makes offsets of buf of the blocks' from start, drops what stands before from, and those blocks that have nothing else. A run that reaches
// up to from is noticed there.
func cut(buf []byte, list []found, start, from int) (n int) {
	for _, f := range list {
		f.runs = spread(f.runs)
		if f.block += start; f.block < from {
			before := uint64(1)<<(from-f.block) - 1
			f.hits &^= before
			if early := f.runs & before; early != 0 {
				f.runs &^= before
				p := f.block + 63 - bits.LeadingZeros64(early)
				for p < from && sextet[buf[p]] != 255 {
					p++
				}
				if p == from {
					f.runs |= 1 << (from - f.block)
				}
			}
		}
		if f.hits|f.runs != 0 {
			list[n] = f
			n++
		}
	}
	return n
}

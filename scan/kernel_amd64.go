package scan

import "golang.org/x/sys/cpu"

var hasVBMI = cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512F && cpu.X86.HasBMI1 && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT

// tables512 are the classes for VPERMI2B, which looks up seven bits: the low and the high eight classes at three places. As first byte, one
// beyond ASCII is looked up as itself, of which the highest bit is hitAt; elsewhere it shares the classes of one in ASCII.
func tables512(without hit) (t [6][128]byte) {
	for k := range 3 {
		for c := range 256 {
			if k == 0 && c > 127 {
				break
			}
			h := classes[k][c] &^ without
			t[k][c&127] |= byte(h)
			t[k+3][c&127] |= byte(h >> 8)
		}
	}
	return t
}

var (
	all512  = tables512(0)
	some512 = tables512(hitsOfKeys)
)

// look512 looks at the n bytes at p in blocks of 64. It lists those in which it saw something, with block as an offset from p, and
// returns how many it listed, and how far it looked: less than n where list is full. trail is how long the run before p is, 63 at the
// most, and dense how many dense bytes it has. Of a run it reports the first byte in each block.
//
//go:noescape
func look512(p *byte, n int, tables *[6][128]byte, trail, dense int, list *found, room int) (listed, upto int)

// look is the fastest kernel that this machine has: see lookPortable.
func look(buf []byte, from int, list []found, keyed bool) (n, upto int) {
	if !hasVBMI || from >= len(buf) {
		return lookPortable(buf, from, list, keyed)
	}
	tables := &some512
	if keyed {
		tables = &all512
	}
	trail, dense := behind(buf, from)
	n, upto = look512(&buf[from], len(buf)-from, tables, trail, dense, &list[0], len(list))
	for i := range list[:n] {
		list[i].block += from
	}
	return n, min(from+upto, len(buf))
}

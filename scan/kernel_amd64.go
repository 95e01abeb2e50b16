package scan

import "golang.org/x/sys/cpu"

var hasVBMI = cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512F && cpu.X86.HasBMI2

// tables512 are the classes for VPERMI2B, which looks up seven bits: the low and the high eight classes at three places.
var tables512 = func() (t [6][128]byte) {
	for k := range 3 {
		for c := range 256 {
			t[k][c&127] |= byte(classes[k][c])
			t[k+3][c&127] |= byte(classes[k][c] >> 8)
		}
	}
	return t
}()

// look512 looks at blocks of 64 bytes at p, of which there are n and two bytes more. It lists those in which it saw something, with
// block as their number, and returns how many it listed, and after how many blocks it stopped because list was full, or n. trail is
// how long the run before p is, 64 at the most, and dense has a bit for each dense byte of it, the last one highest.
//
//go:noescape
func look512(p *byte, n int, tables *[6][128]byte, trail, dense uint64, list *found, room int) (listed, blocks int)

// look is the fastest kernel that this machine has: see lookPortable.
func look(buf []byte, from int, list []found) (n, upto int) {
	if !hasVBMI || len(buf)-from < 66 {
		return lookPortable(buf, from, list)
	}
	trail, dense := uint64(0), uint64(0)
	for i := from - 1; i >= max(0, from-64) && classes[0][buf[i]]&inBase64 != 0; i-- {
		if classes[0][buf[i]]&isDense != 0 {
			dense |= 1 << (63 - trail)
		}
		trail++
	}
	whole := (len(buf) - from - 2) / 64
	n, blocks := look512(&buf[from], whole, &tables512, trail, dense, &list[0], len(list))
	for i := range list[:n] {
		list[i].block = from + 64*list[i].block
	}
	if upto = from + 64*blocks; n == len(list) {
		return n, upto
	}
	more, upto := lookPortable(buf, upto, list[n:])
	return n + more, upto
}

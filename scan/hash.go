package scan

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"iter"
)

// Hashes are the hashes of a normalised address, by their kind.
func Hashes(address []byte) iter.Seq2[Kind, []byte] {
	return func(yield func(Kind, []byte) bool) {
		m, s1, s2 := md5.Sum(address), sha1.Sum(address), sha256.Sum256(address)
		_ = yield(EmailMD5, m[:]) && yield(EmailSHA1, s1[:]) && yield(EmailSHA256, s2[:])
	}
}

// hashed are the hashes that stand for an address, longest first: how many octets, hexadecimal digits and characters of base64 without
// padding each has.
var hashed = [...]struct {
	kind              Kind
	octets, hex, text int
}{{EmailSHA256, 32, 64, 43}, {EmailSHA1, 20, 40, 27}, {EmailMD5, 16, 32, 22}}

// hashes offers what may be a hash in the run [start, end): as hexadecimal digits, and as base64 in either alphabet.
func (f *Finder) hashes(d, start, end int) {
	text := f.levels[d].text
	f.pieces(d, start, end, func(c byte) bool { return hexValue(c) < 16 }, f.hexHash)
	f.pieces(d, start, end, func(c byte) bool { return c != '-' && c != '_' }, f.textHash)
	for _, c := range text[start:end] {
		if c == '-' || c == '_' {
			f.pieces(d, start, end, func(c byte) bool { return c != '/' && c != '+' }, f.textHash)
			return
		}
	}
}

// pieces calls do for each stretch of the run in which all bytes are good.
func (f *Finder) pieces(d, start, end int, good func(byte) bool, do func(d, start, end int)) {
	text := f.levels[d].text
	for from := start; from < end; {
		to := from
		for to < end && good(text[to]) {
			to++
		}
		if to-from >= 22 {
			do(d, from, to)
		}
		from = to + 1
	}
}

// hexHash offers a stretch of hexadecimal digits that has a hash's length, or that a letter more or less than a hash has joined.
func (f *Finder) hexHash(d, start, end int) {
	for _, h := range hashed {
		n := end - start
		switch {
		case n == h.hex:
			f.hash(d, h.kind, start, end)
			return
		case n > h.hex && n < h.hex+8:
			if !f.hash(d, h.kind, start, start+h.hex) {
				f.hash(d, h.kind, end-h.hex, end)
			}
			return
		}
	}
}

func (f *Finder) hash(d int, kind Kind, start, end int) bool {
	var b [32]byte
	n, err := hex.Decode(b[:], f.levels[d].text[start:end])
	f.value = append(f.value[:0], b[:n]...)
	return err == nil && f.offer(d, Match{Kind: kind, Value: f.value, own: hexText}, start, end, start)
}

func (f *Finder) textHash(d, start, end int) {
	text := f.levels[d].text[start:end]
	for _, h := range hashed {
		if len(text) != h.text {
			continue
		}
		f.value = f.value[:0]
		for n := range h.octets {
			f.value = append(f.value, octet(text, n))
		}
		if spare := byte(1)<<(6*h.text-8*h.octets) - 1; sextet[text[h.text-1]]&spare == 0 {
			f.offer(d, Match{Kind: h.kind, Value: f.value, own: base64Text}, start, end, start)
		}
	}
}

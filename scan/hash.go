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

// hashes offers what may be a hash in the run text[start:end]: as hexadecimal digits, and as base64 in either alphabet.
func (f *Finder) hashes(d, start, end int) {
	f.hexHashes(d, start, end)
	// Where the part begins that one of the alphabets has, and whether one is as long as a hash: by strange.
	without, is := [3]int{start, start, start}, [3]bool{}
	for i, c := range f.levels[d].text[start:end] {
		if k := strange[c]; k != 0 {
			is[k] = is[k] || isTextLength(start+i-without[k])
			without[k] = start + i + 1
		}
	}
	if without[1] == start {
		f.textHash(d, start, end)
		return
	}
	if is[1] || isTextLength(end-without[1]) {
		f.textHashes(d, start, end, '-', '_')
	}
	if is[2] || isTextLength(end-without[2]) {
		f.textHashes(d, start, end, '+', '/')
	}
}

// strange is 1 for what base64's standard alphabet does not have, 2 for what base64url's does not.
var strange = [256]uint8{'-': 1, '_': 1, '+': 2, '/': 2}

func isTextLength(n int) bool {
	return n == hashed[0].text || n == hashed[1].text || n == hashed[2].text
}

// hexHashes looks at every 32nd byte only: a stretch of hexadecimal digits that is shorter is no hash.
func (f *Finder) hexHashes(d, start, end int) {
	const least = 32
	text := f.levels[d].text
	for p := start + least - 1; p < end; p += least {
		if hexValue(text[p]) >= 16 {
			continue
		}
		from := p
		for from > start && hexValue(text[from-1]) < 16 {
			from--
		}
		for p < end && hexValue(text[p]) < 16 {
			p++
		}
		if p-from >= least {
			f.hexHash(d, from, p)
		}
		start = p
	}
}

// textHashes offers the stretches between two characters that one of base64's alphabets does not have.
func (f *Finder) textHashes(d, start, end int, a, b byte) {
	text := f.levels[d].text
	for from := start; from < end; {
		to := from
		for to < end && text[to] != a && text[to] != b {
			to++
		}
		f.textHash(d, from, to)
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
	if !isTextLength(end - start) {
		return
	}
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

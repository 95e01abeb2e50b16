package document

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
)

// decode decrypts a stream and undoes its filters (§7.4). What comes out before an error is returned with it, as viewers
// show it.
func (p *pdf) decode(s *stream) ([]byte, error) {
	if err := p.spend(len(s.raw)); err != nil {
		return nil, err
	}
	b := s.raw
	if p.crypt != nil && s.dict["Type"] != name("XRef") && !(p.crypt.plainMetadata && s.dict["Type"] == name("Metadata")) {
		b = p.crypt.decrypt(p.crypt.streams, b, s.num, s.gen)
	}
	filters, parms := p.list(s.dict, "Filter", "F"), p.list(s.dict, "DecodeParms", "DP")
	if len(filters) > 8 {
		return nil, fmt.Errorf("%w: %d filters", ErrLimit, len(filters))
	}
	for i, f := range filters {
		var parm dict
		if i < len(parms) {
			parm = p.dict(parms[i])
		}
		n, _ := p.resolve(f).(name)
		out, err := p.unfilter(n, b, parm)
		if err == nil {
			err = p.spend(len(out))
		}
		if b = out; err != nil {
			return b, err
		}
	}
	return b, nil
}

func (p *pdf) list(d dict, long, short name) array {
	v := p.resolve(d[long])
	if v == nil {
		v = p.resolve(d[short])
	}
	switch v := v.(type) {
	case nil:
		return nil
	case array:
		return v
	default:
		return array{v}
	}
}

func (p *pdf) unfilter(filter name, b []byte, parm dict) ([]byte, error) {
	switch filter {
	case "FlateDecode", "Fl":
		out, err := p.inflate(b)
		return p.predicted(out, parm, err)
	case "LZWDecode", "LZW":
		early, ok := p.number(parm["EarlyChange"])
		out, err := p.unLZW(b, !ok || early != 0)
		return p.predicted(out, parm, err)
	case "ASCII85Decode", "A85":
		return unASCII85(b)
	case "ASCIIHexDecode", "AHx":
		l := lexer{b: append([]byte("<"), b...)}
		return l.hex(), nil
	case "RunLengthDecode", "RL":
		return p.unRun(b)
	case "Crypt":
		return b, nil // only Identity is ever named here
	}
	return nil, fmt.Errorf("%w: the filter of a stream is not known, or one of pictures", ErrUnreadable)
}

// most is how much one filter may make of a stream.
func (p *pdf) most() int64 { return min(p.left, p.held) }

// inflate reads zlib data. Many files end it a little early or carry a wrong checksum, which viewers forgive.
func (p *pdf) inflate(b []byte) ([]byte, error) {
	var r io.Reader
	if z, err := zlib.NewReader(bytes.NewReader(b)); err == nil {
		r = z
	} else if len(b) > 2 {
		r = flate.NewReader(bytes.NewReader(b[2:]))
	} else {
		return nil, nil
	}
	var out bytes.Buffer
	_, err := io.Copy(&out, io.LimitReader(r, p.most()+1))
	if int64(out.Len()) > p.most() {
		return nil, ErrLimit
	}
	if err == zlib.ErrChecksum {
		err = nil
	}
	return out.Bytes(), err
}

// predicted undoes PNG's prediction (§7.4.4.4), which object streams use. TIFF's is for pictures.
func (p *pdf) predicted(b []byte, parm dict, err error) ([]byte, error) {
	if predictor, _ := p.number(parm["Predictor"]); predictor < 10 {
		return b, err
	}
	columns, colors, bits := 1.0, 1.0, 8.0
	for k, v := range map[name]*float64{"Columns": &columns, "Colors": &colors, "BitsPerComponent": &bits} {
		if f, ok := p.number(parm[k]); ok {
			*v = f
		}
	}
	if columns < 1 || colors < 1 || bits < 1 || columns > 1<<20 || colors > 32 || bits > 16 {
		return nil, fmt.Errorf("%w: predictor", ErrMalformed)
	}
	left := int(max(1, colors*bits/8))
	row := int(columns*colors*bits+7) / 8
	out := make([]byte, 0, len(b))
	above := make([]byte, row)
	for ; len(b) > 1; b = b[min(len(b), row+1):] {
		line := b[1:min(len(b), row+1)]
		unpredict(b[0], line, above, left)
		out = append(out, line...)
		above = line
	}
	return out, err
}

// unpredict undoes one row (PNG, ISO/IEC 15948, §9) in place.
func unpredict(kind byte, line, above []byte, left int) {
	for i := range line {
		var a, b, c byte
		if i < len(above) {
			b = above[i]
		}
		if i >= left {
			a = line[i-left]
			if i-left < len(above) {
				c = above[i-left]
			}
		}
		switch kind {
		case 1:
			line[i] += a
		case 2:
			line[i] += b
		case 3:
			line[i] += byte((int(a) + int(b)) / 2)
		case 4:
			line[i] += paeth(int(a), int(b), int(c))
		}
	}
}

func paeth(a, b, c int) byte {
	abs := func(n int) int { return max(n, -n) }
	pa, pb, pc := abs(b-c), abs(a-c), abs(a+b-2*c)
	switch {
	case pa <= pb && pa <= pc:
		return byte(a)
	case pb <= pc:
		return byte(b)
	}
	return byte(c)
}

func unASCII85(b []byte) ([]byte, error) {
	b = bytes.TrimPrefix(bytes.TrimSpace(b), []byte("<~"))
	if i := bytes.IndexByte(b, '~'); i >= 0 {
		b = b[:i]
	}
	out := make([]byte, 4*len(b)+4) // a z is four zeros
	n, _, err := ascii85.Decode(out, b, true)
	return out[:n], err
}

func (p *pdf) unRun(b []byte) (out []byte, err error) {
	for i := 0; i+1 < len(b) && b[i] != 128; {
		n := int(b[i])
		if i++; n < 128 {
			end := min(len(b), i+n+1)
			out = append(out, b[i:end]...)
			i = end
		} else {
			out = append(out, bytes.Repeat(b[i:i+1], 257-n)...)
			i++
		}
		if int64(len(out)) > p.most() {
			return nil, ErrLimit
		}
	}
	return out, nil
}

// unLZW undoes §7.4.4.2: codes of 9 to 12 bits, high bit first. compress/lzw has no early change.
func (p *pdf) unLZW(b []byte, early bool) (out []byte, err error) {
	var starts [4096]int // where in out each code's string stands, which ends one byte into the next one's
	var lengths [4096]int
	const clear, end = 256, 257
	next, width, change := 258, 9, 0
	if early {
		change = 1
	}
	bits, have, last := 0, 0, -1
	for _, c := range b {
		bits, have = bits<<8|int(c), have+8
		if have < width {
			continue
		}
		code := bits >> (have - width) & (1<<width - 1)
		have -= width
		bits &= 1<<have - 1
		if code == end {
			return out, nil
		}
		if code == clear {
			next, width, last = 258, 9, -1
			continue
		}
		at := len(out)
		switch {
		case code < 256:
			out = append(out, byte(code))
		case code < next:
			out = append(out, out[starts[code]:starts[code]+lengths[code]]...)
		case code == next && last >= 0:
			out = append(out, out[last:at]...)
			out = append(out, out[last])
		default:
			return out, fmt.Errorf("%w: LZW code", ErrMalformed)
		}
		if int64(len(out)) > p.most() {
			return nil, ErrLimit
		}
		if last >= 0 && next < 4096 {
			starts[next], lengths[next] = last, at-last+1
			next++
		}
		for width < 12 && next+change >= 1<<width {
			width++
		}
		last = at
	}
	return out, nil
}

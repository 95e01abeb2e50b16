package guard

import (
	"bytes"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/flate"
)

// deflated reads the compressed messages of one direction of a WebSocket connection (RFC 7692). A message is gathered whole,
// because its end is what makes the compressor hand out all that it has.
type deflated struct {
	takeover bool // a message may refer to the ones before
	lost     bool // a message was not decoded, and later ones may refer to it
	message  []byte
	window   []byte // the end of what came out so far, as a dictionary
	r        io.ReadCloser
}

const (
	maxDeflated   = 1 << 20 // compressed bytes of one message
	deflateWindow = 32 << 10
)

// add gathers a piece of a message, and reports whether it is still small enough to be decoded.
func (d *deflated) add(p []byte) bool {
	if d.lost || len(d.message)+len(p) > maxDeflated {
		d.drop()
		return false
	}
	d.message = append(d.message, p...)
	return true
}

// drop gives a message up, and with it whatever refers to it.
func (d *deflated) drop() { d.message, d.lost = nil, d.takeover }

// end decodes the message that was gathered, in pieces, and forgets it.
func (d *deflated) end(limit int64, sink func([]byte)) error {
	// RFC 7692 §7.2.2: the sender took away the end of an empty block. Behind it goes one that is the last.
	from := bytes.NewReader(append(d.message, "\x00\x00\xff\xff\x01\x00\x00\xff\xff"...))
	d.message = d.message[:0]
	for from.Len() > 0 { // a block that says it is the last need not be (§7.2.3.4)
		err := d.inflate(from, &limit, sink)
		if err != nil {
			d.drop()
			return err
		}
	}
	return nil
}

func (d *deflated) inflate(from *bytes.Reader, limit *int64, sink func([]byte)) error {
	if d.r == nil {
		d.r = flate.NewReaderDict(from, d.window)
	} else if err := d.r.(flate.Resetter).Reset(from, d.window); err != nil {
		return err
	}
	buf := make([]byte, 8<<10)
	for {
		n, err := d.r.Read(buf)
		if *limit -= int64(n); *limit < 0 {
			return errLimit
		}
		if n > 0 {
			sink(buf[:n])
			d.keep(buf[:n])
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (d *deflated) keep(p []byte) {
	if d.takeover {
		d.window = append(d.window, p...)
		d.window = append(d.window[:0], d.window[max(0, len(d.window)-deflateWindow):]...)
	}
}

// deflation reads what was negotiated: whether permessage-deflate, and whether both sides start each message afresh. known is
// false when there is any other extension.
func deflation(h http.Header) (on bool, server, client deflated, known bool) {
	server.takeover, client.takeover, known = true, true, true
	for _, v := range h["Sec-Websocket-Extensions"] {
		for extension := range strings.SplitSeq(v, ",") {
			parts := strings.Split(extension, ";")
			if name := strings.TrimSpace(parts[0]); name != "permessage-deflate" {
				known = known && name == ""
				continue
			}
			on = true
			for _, p := range parts[1:] {
				switch strings.TrimSpace(p) {
				case "server_no_context_takeover":
					server.takeover = false
				case "client_no_context_takeover":
					client.takeover = false
				}
			}
		}
	}
	return on, server, client, known
}

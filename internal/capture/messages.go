package capture

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"time"

	"candor.example"
)

// harMessages are the messages of a WebSocket connection in the order in which they went, as Chrome exports them.
type harMessages []harMessage

type harMessage struct {
	Type   string  `json:"type"` // "send": by the client
	Time   float64 `json:"time"` // in seconds since 1970
	Opcode float64 `json:"opcode"`
	Data   string  `json:"data"`
}

// UnmarshalJSON keeps the messages that say something. What is no message is passed over: the exchange is still one.
func (m *harMessages) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return err // null, or something else
	}
	for d.More() {
		var one harMessage
		if d.Decode(&one) == nil && one.Data != "" {
			*m = append(*m, one)
		}
	}
	return nil
}

// harMessages yields what the server said, one exchange a message: what the client had said by then is its request's body.
func (c *reader) harMessages(x *candor.Exchange, messages harMessages) error {
	var said []byte
	for _, m := range messages {
		binary := m.Opcode == 2 // RFC 6455 §11.8
		if m.Type == "send" {
			if !binary {
				said = append(said, m.Data[:min(len(m.Data), maxRequestBody-len(said))]...)
				said = append(said, "\n"[:min(1, maxRequestBody-len(said))]...)
			}
			continue
		}
		part := &candor.Exchange{Time: m.time(x.Time), Request: x.Request, RequestBody: said[:len(said):len(said)],
			Status: x.Status, Header: http.Header{}, Body: strings.NewReader(m.Data)}
		if binary {
			part.Body, part.Skipped = nil, binaryMessage
		}
		if err := c.emit(part); err != nil {
			return err
		}
	}
	return nil
}

func (m harMessage) time(otherwise time.Time) time.Time {
	if m.Time <= 0 || m.Time > 1e11 || math.IsNaN(m.Time) {
		return otherwise
	}
	return time.UnixMicro(int64(m.Time * 1e6)).UTC()
}

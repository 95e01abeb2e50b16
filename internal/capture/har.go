package capture

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"candor.example"
)

var bom = []byte("\xef\xbb\xbf")

func startsObject(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, bom), " \t\r\n")
	return len(head) > 0 && head[0] == '{'
}

// looksLikeHAR: an object with a member "log", which is an object with one of the members that HAR 1.2 requires (or whose
// end is not in head). Other JSON with a "log" in it is a raw file, and is inspected as such.
func looksLikeHAR(head []byte) bool {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(head, bom)))
	d.Token()
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return false
		}
		if key == "log" {
			return looksLikeLog(d)
		}
		if err := d.Decode(new(json.RawMessage)); err != nil {
			return false
		}
	}
	return false
}

func looksLikeLog(d *json.Decoder) bool {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return err != nil
	}
	for d.More() {
		key, err := d.Token()
		if err != nil || key == "version" || key == "creator" || key == "entries" || key == "pages" {
			return true
		}
		if err := d.Decode(new(json.RawMessage)); err != nil {
			return true
		}
	}
	_, err := d.Token()
	return err != nil
}

// har takes one entry of log.entries at a time.
func (c *reader) har(b *bufio.Reader) error {
	w := &walk{r: b}
	if head, _ := b.Peek(len(bom)); bytes.Equal(head, bom) {
		w.take(len(bom))
	}
	place := &harPlace{w: w, entry: -1}
	found := false
	err := w.object(func(key string) error {
		if next, err := w.peek(); key != "log" || next != '{' || err != nil {
			return w.skip()
		}
		return w.object(func(key string) error {
			if next, err := w.peek(); key != "entries" || next != '[' || err != nil {
				return w.skip()
			}
			found = true
			return w.items('[', ']', func() error { return c.harEntry(place) })
		})
	})
	if err == nil {
		err = w.end()
	}
	if err == nil && !found {
		err = errors.New("there is no list log.entries in it: is it a HAR 1.2?")
	}
	return c.harError(place, err)
}

// harPlace is where in the HAR the reader is.
type harPlace struct {
	w     *walk
	entry int64 // where the entry at hand begins, -1 between entries
}

// end: behind the capture's object there is only white space.
func (w *walk) end() error {
	switch _, err := w.peek(); err {
	case io.EOF:
		return nil
	case nil:
	default:
		return err
	}
	return errors.New("something follows the end of the HAR; it was not read")
}

func (c *reader) harError(p *harPlace, err error) error {
	if err == nil || c.stopped != nil {
		return err
	}
	where, read := "before the first entry", c.number
	switch {
	case p.entry >= 0:
		where = fmt.Sprintf("in entry %d, which begins at %s %d", c.number, c.unit, p.entry)
		read--
	case c.number > 0:
		where = fmt.Sprintf("behind entry %d", c.number)
	}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return c.errorf("cut off at %s %d %s; %s", c.unit, p.w.at, where, wereRead(read, "entry", "entries"))
	}
	return c.errorf("%s %d %s: %w; %s", c.unit, p.w.at, where, err, wereRead(read, "entry", "entries"))
}

func wereRead(n int, one, many string) string {
	if n == 1 {
		return "1 " + one + " was read"
	}
	return fmt.Sprintf("%d %s were read", n, many)
}

// harEntry takes the next entry and yields it.
func (c *reader) harEntry(p *harPlace) error {
	c.number++
	p.entry = p.w.at
	raw, fits, err := p.w.value(c.limit)
	if err != nil {
		return err
	}
	at := p.entry
	p.entry = -1
	if !fits {
		c.skip(tooLarge, "entry %d at %s %d: larger than %d MiB", c.number, c.unit, at, c.limit>>20)
		return nil
	}
	x, messages, reason, err := harExchange(raw)
	switch {
	case err != nil:
		c.skip(reason, "entry %d at %s %d: %s: %v", c.number, c.unit, at, reason, err)
	case x != nil && x.Skipped != "":
		c.note("entry %d at %s %d: %s", c.number, c.unit, at, reason)
	case reason != "":
		c.skip(reason, "entry %d at %s %d: %s", c.number, c.unit, at, reason)
	}
	if x == nil {
		return nil
	}
	if err := c.emit(x); err != nil {
		return err
	}
	return c.harMessages(x, messages)
}

// harEntry is what is read of an entry (HAR 1.2, "entries" and below). Numbers may be of any form: some writers give 12.0.
type harEntry struct {
	StartedDateTime string `json:"startedDateTime"`
	Request         struct {
		Method   string `json:"method"`
		URL      string `json:"url"`
		Headers  pairs  `json:"headers"`
		Cookies  pairs  `json:"cookies"`
		PostData struct {
			MimeType string `json:"mimeType"`
			Text     string `json:"text"`
			Params   form   `json:"params"`
		} `json:"postData"`
	} `json:"request"`
	Response struct {
		Status   float64 `json:"status"`
		Headers  pairs   `json:"headers"`
		BodySize float64 `json:"bodySize"`
		Content  struct {
			Size     float64 `json:"size"`
			MimeType string  `json:"mimeType"`
			Text     string  `json:"text"`
			Encoding string  `json:"encoding"`
		} `json:"content"`
	} `json:"response"`
	Messages harMessages `json:"_webSocketMessages"` // Chrome's
}

type pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// pairs is a list of names and values whose memory stays in proportion to a header's, whatever the entry holds.
type pairs []pair

func (p *pairs) UnmarshalJSON(b []byte) error {
	if len(b) > maxHead {
		return fmt.Errorf("a list of headers or cookies is larger than %d bytes", maxHead)
	}
	return json.Unmarshal(b, (*[]pair)(p))
}

// form is the beginning of the parameters of a form, encoded as application/x-www-form-urlencoded: a file among them is
// not kept.
type form string

func (f *form) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return err // null
	}
	var s []byte
	for d.More() && len(s) < maxRequestBody {
		var p pair
		if err := d.Decode(&p); err != nil {
			return err
		}
		if len(s) > 0 {
			s = append(s, '&')
		}
		s = append(s, url.QueryEscape(head(p.Name))+"="+url.QueryEscape(head(p.Value))...)
	}
	*f = form(s[:min(len(s), maxRequestBody)])
	return nil
}

// head is what is kept of a request's body.
func head(s string) string { return s[:min(len(s), maxRequestBody)] }

// harExchange makes an exchange of an entry. A reason without an error is of an exchange that is there in part.
func harExchange(raw []byte) (*candor.Exchange, harMessages, string, error) {
	var e harEntry
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, nil, broken, jsonError(err)
	}
	u, reason, err := parseURL(e.Request.URL)
	if err != nil {
		return nil, nil, reason, fmt.Errorf("request.url %w", err)
	}
	status := int(e.Response.Status)
	if status < 0 || status > 999 || float64(status) != e.Response.Status {
		return nil, nil, broken, errors.New("response.status is no HTTP status")
	}
	if status == 0 && e.Response.Content.Text == "" {
		return nil, nil, noResponse, nil
	}
	x := &candor.Exchange{Time: harTime(e.StartedDateTime), Request: e.request(u), Status: status, Header: e.header()}
	x.RequestBody = e.requestBody(x.Request)
	if err := e.body(x); err != nil {
		return nil, nil, broken, err
	}
	return x, e.Messages, x.Skipped, nil
}

// jsonError says what is wrong without quoting what is there, as encoding/json would.
func jsonError(err error) error {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("%s is of the wrong type", kind.Field)
	case errors.As(err, &kind):
		return errors.New("it is of the wrong type")
	case errors.As(err, &syntax):
		return fmt.Errorf("no valid JSON at its byte %d", syntax.Offset)
	}
	return err
}

func (e *harEntry) request(u *url.URL) *http.Request {
	r := newRequest(u)
	if e.Request.Method != "" {
		r.Method = e.Request.Method
	}
	r.Header = headers(e.Request.Headers)
	for _, p := range e.Request.Headers {
		if strings.EqualFold(p.Name, ":authority") && p.Value != "" {
			r.Host = p.Value
		}
	}
	takeHost(r)
	if r.Header.Get("Cookie") == "" && len(e.Request.Cookies) > 0 {
		var cookies []string
		for _, k := range e.Request.Cookies {
			cookies = append(cookies, k.Name+"="+k.Value)
		}
		r.Header.Set("Cookie", strings.Join(cookies, "; "))
	}
	return r
}

// takeHost moves the Host field to where net/http has it.
func takeHost(r *http.Request) {
	if h := r.Header.Get("Host"); h != "" {
		r.Host = h
	}
	r.Header.Del("Host")
}

func (e *harEntry) header() http.Header {
	h := headers(e.Response.Headers)
	// The bodies of a HAR stand decoded, whatever the fields say.
	h.Del("Content-Encoding")
	h.Del("Content-Length")
	if h.Get("Content-Type") == "" && e.Response.Content.MimeType != "" {
		h.Set("Content-Type", e.Response.Content.MimeType)
	}
	return h
}

func (e *harEntry) requestBody(r *http.Request) []byte {
	p := e.Request.PostData
	if p.Text == "" && p.Params != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as form writes it, be it multipart
		return []byte(p.Params)
	}
	if r.Header.Get("Content-Type") == "" && p.MimeType != "" {
		r.Header.Set("Content-Type", p.MimeType)
	}
	return []byte(head(p.Text))
}

func (e *harEntry) body(x *candor.Exchange) error {
	c := e.Response.Content
	switch {
	case c.Text == "":
		bodiless := x.Status == http.StatusNotModified || x.Status == http.StatusNoContent || x.Request.Method == http.MethodHead
		if !bodiless && max(c.Size, e.Response.BodySize) > 0 {
			x.Skipped = bodyMissing
		}
	case c.Encoding == "":
		x.Body = strings.NewReader(c.Text)
	case strings.EqualFold(c.Encoding, "base64"):
		// Line breaks are passed over, and padding may be missing.
		b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(c.Text, "=\r\n"))
		if err != nil {
			return errors.New("response.content.text is no base64")
		}
		x.Body = bytes.NewReader(b)
	default:
		return errors.New("response.content.encoding is not base64")
	}
	return nil
}

// headers makes a header of names and values. Chrome joins the lines of a repeated field with a newline. The pseudo-fields
// of HTTP/2 (":status") are left out.
func headers(list []pair) http.Header {
	h := http.Header{}
	for _, p := range list {
		if p.Name == "" || p.Name[0] == ':' {
			continue
		}
		for v := range strings.SplitSeq(p.Value, "\n") {
			h.Add(p.Name, strings.TrimSpace(v))
		}
	}
	return h
}

// harTime reads ISO 8601 as HAR writers write it; the zero time where they do not.
func harTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// parseURL parses the URL of an HTTP exchange. Shops have links with stray percent signs and control characters, which
// browsers follow and url.Parse refuses: they are escaped. An error does not quote the URL, which may hold an identifier.
func parseURL(s string) (*url.URL, string, error) {
	u, err := url.Parse(s)
	if err != nil {
		u, err = url.Parse(mendEscapes(s))
	}
	switch {
	case err != nil || u.Scheme == "":
		return nil, broken, errors.New("is no URL")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "ws" && u.Scheme != "wss":
		return nil, notHTTP, errors.New("is of another protocol")
	case u.Host == "":
		return nil, broken, errors.New("has no host")
	}
	return u, "", nil
}

func mendEscapes(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c < 0x20 || c == 0x7f || c == '%' && (i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2])) {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

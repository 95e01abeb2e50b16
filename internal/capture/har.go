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

// looksLikeHAR: a JSON object that has a member "log" near its beginning.
func looksLikeHAR(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(head) > 0 && head[0] == '{' && bytes.Contains(head, []byte(`"log"`))
}

// harEntry is what is read of an entry (HAR 1.2, "entries").
type harEntry struct {
	StartedDateTime string
	Request         struct {
		Method, URL string
		Headers     []pair
		Cookies     []pair
		PostData    struct {
			MimeType string
			Text     string
			Params   []pair
		}
	}
	Response struct {
		Status  int
		Headers []pair
		Content struct {
			Size     int64
			MimeType string
			Text     *string
			Encoding string
		}
	}
}

type pair struct{ Name, Value string }

// har walks to log.entries and takes one entry at a time.
func (c *reader) har(b *bufio.Reader) error {
	if bom, _ := b.Peek(3); string(bom) == "\xef\xbb\xbf" {
		b.Discard(3)
	}
	s := &jsonScanner{r: b}
	found, err := s.enter("log", "entries")
	if err != nil || !found {
		if err == nil {
			err = errors.New("there is no log.entries in it")
		}
		return c.harError(s, err)
	}
	for {
		raw, more, err := s.element()
		if err != nil {
			return c.harError(s, err)
		}
		if !more {
			return nil
		}
		c.part++
		if raw == nil {
			c.stats.skip(tooLarge)
			continue
		}
		if err := c.harEntry(raw); err != nil {
			return err
		}
	}
}

func (c *reader) harError(s *jsonScanner, err error) error {
	if c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: it is cut off at byte %d, in or before entry %d; %d were read", c.name, s.offset, c.part+1, c.part)
	}
	return fmt.Errorf("%s: byte %d, entry %d: %w", c.name, s.offset, c.part+1, err)
}

func (c *reader) harEntry(raw []byte) error {
	var e harEntry
	x, err := &candor.Exchange{}, json.Unmarshal(raw, &e)
	if err == nil {
		x, err = e.exchange()
	}
	if err != nil {
		c.stats.skip(broken)
		return nil
	}
	x.Source = fmt.Sprintf("%s#%d", c.name, c.part)
	return c.emit(x)
}

func (e *harEntry) exchange() (*candor.Exchange, error) {
	u, err := url.Parse(e.Request.URL)
	if err != nil || u.Host == "" || e.Response.Status < 0 || e.Response.Status > 999 {
		return nil, errors.New("no HTTP exchange")
	}
	method := e.Request.Method
	if method == "" {
		method = http.MethodGet
	}
	r := &http.Request{Method: method, URL: u, Host: u.Host, Header: headers(e.Request.Headers), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if r.Header.Get("Cookie") == "" && len(e.Request.Cookies) > 0 {
		var cookies []string
		for _, k := range e.Request.Cookies {
			cookies = append(cookies, k.Name+"="+k.Value)
		}
		r.Header.Set("Cookie", strings.Join(cookies, "; "))
	}
	x := &candor.Exchange{Request: r, RequestBody: e.body(r), Status: e.Response.Status, Header: headers(e.Response.Headers)}
	// In a HAR bodies stand decoded.
	x.Header.Del("Content-Encoding")
	x.Header.Del("Content-Length")
	if x.Header.Get("Content-Type") == "" && e.Response.Content.MimeType != "" {
		x.Header.Set("Content-Type", e.Response.Content.MimeType)
	}
	x.Time, _ = time.Parse(time.RFC3339, e.StartedDateTime)
	return x, e.content(x)
}

func (e *harEntry) body(r *http.Request) []byte {
	p := e.Request.PostData
	text := p.Text
	if text == "" && len(p.Params) > 0 {
		values := url.Values{}
		for _, v := range p.Params {
			values.Add(v.Name, v.Value)
		}
		text = values.Encode()
	}
	if r.Header.Get("Content-Type") == "" && p.MimeType != "" {
		r.Header.Set("Content-Type", p.MimeType)
	}
	return []byte(text[:min(len(text), maxRequestBody)])
}

func (e *harEntry) content(x *candor.Exchange) error {
	c := e.Response.Content
	switch {
	case c.Text == nil && c.Size > 0 && x.Status != http.StatusNotModified && x.Status != http.StatusNoContent && x.Request.Method != http.MethodHead:
		x.Skipped = bodyMissing
	case c.Text == nil:
	case c.Encoding == "base64":
		b, err := base64.StdEncoding.DecodeString(*c.Text)
		if err != nil {
			return err
		}
		x.Body = bytes.NewReader(b)
	default:
		x.Body = strings.NewReader(*c.Text)
	}
	return nil
}

// headers makes a header of name and value pairs. Chrome joins the lines of a repeated field with a newline; HTTP/2 pseudo
// fields (":status") are left out.
func headers(list []pair) http.Header {
	h := http.Header{}
	for _, p := range list {
		if p.Name == "" || p.Name[0] == ':' {
			continue
		}
		for v := range strings.SplitSeq(p.Value, "\n") {
			h.Add(p.Name, v)
		}
	}
	return h
}

// jsonScanner walks through JSON without keeping it, and hands out single values. It checks no more than it needs: what it
// hands out is parsed by encoding/json.
type jsonScanner struct {
	r      *bufio.Reader
	offset int64
	inside bool // an array's first element has been taken
}

func (s *jsonScanner) byte() (byte, error) {
	c, err := s.r.ReadByte()
	if err == nil {
		s.offset++
	}
	return c, err
}

// token returns the next byte that is no white space.
func (s *jsonScanner) token() (byte, error) {
	for {
		c, err := s.byte()
		if err != nil || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, err
		}
	}
}

var errSyntax = errors.New("it is no valid JSON")

// enter goes into the object members named by path, the last of which must be an array.
func (s *jsonScanner) enter(path ...string) (bool, error) {
	for i, want := range path {
		if c, err := s.token(); err != nil || c != '{' {
			return false, orSyntax(err)
		}
		if found, err := s.member(want); err != nil || !found {
			return false, err
		}
		if i == len(path)-1 {
			c, err := s.token()
			if err != nil || c != '[' {
				return false, orSyntax(err)
			}
		}
	}
	return true, nil
}

func orSyntax(err error) error {
	if err == nil {
		return errSyntax
	}
	return err
}

// member passes over an object's members until the one by that name.
func (s *jsonScanner) member(want string) (bool, error) {
	for {
		c, err := s.token()
		if err != nil {
			return false, err
		}
		switch c {
		case '}':
			return false, nil
		case ',':
			continue
		case '"':
		default:
			return false, errSyntax
		}
		key, _, err := s.value(c, 256)
		if err != nil {
			return false, err
		}
		if c, err := s.token(); err != nil || c != ':' {
			return false, orSyntax(err)
		}
		if string(key) == `"`+want+`"` {
			return true, nil
		}
		if c, err = s.token(); err != nil {
			return false, err
		}
		if _, _, err := s.value(c, 0); err != nil {
			return false, err
		}
	}
}

// element returns an array's next element, nil when it is larger than maxPart, and false at the array's end.
func (s *jsonScanner) element() (raw []byte, more bool, err error) {
	c, err := s.token()
	if err == nil && s.inside && c == ',' {
		c, err = s.token()
	}
	if err != nil || c == ']' {
		return nil, false, err
	}
	s.inside = true
	raw, fits, err := s.value(c, maxPart)
	if !fits {
		raw = nil
	}
	return raw, true, err
}

// value reads the value that begins with c, keeping at most limit bytes of it. However deep it is, it takes no stack.
func (s *jsonScanner) value(c byte, limit int) (raw []byte, fits bool, err error) {
	fits = true
	keep := func(c byte) {
		if len(raw) < limit {
			raw = append(raw, c)
		} else {
			fits = false
		}
	}
	keep(c)
	depth, quoted := 0, c == '"'
	switch {
	case c == '{' || c == '[':
		depth = 1
	case !quoted && strings.IndexByte("-0123456789tfn", c) < 0:
		return raw, fits, errSyntax
	}
	for {
		if depth == 0 && !quoted {
			next, err := s.r.Peek(1)
			if err != nil || raw != nil && c == '"' || c == '}' || c == ']' || strings.IndexByte("+-.0123456789eEtrufalsn", next[0]) < 0 {
				return raw, fits, nil // a cut-off is found by whoever wants what follows
			}
		}
		if c, err = s.byte(); err != nil {
			return raw, fits, err
		}
		keep(c)
		switch {
		case quoted && c == '\\':
			if c, err = s.byte(); err != nil {
				return raw, fits, err
			}
			keep(c)
			c = 0
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
	}
}

package bounce

import (
	"bytes"
	"io"
	"mime"
	"strings"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset" // reports come in the charsets of the world
)

// mail is what of a message can matter. Nothing of it leaves the package unmasked.
type mail struct {
	head     fields
	reports  []fields // of message/delivery-status: first those of the message, then one for each recipient
	feedback []fields // of message/feedback-report
	returned []fields // the heads of messages that came back in it
	text     string   // of parts of text that are not the returned message
	mdn      bool     // it has a part message/disposition-notification (RFC 8098)
	parts    int
}

// fields are a head's, by name in lower case. A stranger's head may say anything, and twice.
type fields map[string][]string

func (f fields) get(name string) string {
	if v := f[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (f fields) all(name string) []string { return f[name] }

// read never fails: what cannot be read as MIME is text.
func read(raw []byte) *mail {
	m := &mail{}
	raw = trimMailbox(raw)
	var rest []byte
	m.head, rest = parseFields(raw)
	if subject, err := (&mime.WordDecoder{CharsetReader: charset.Reader}).DecodeHeader(m.head.get("subject")); err == nil {
		m.head["subject"] = []string{subject}
	}
	e, err := message.ReadWithOptions(bytes.NewReader(raw), &message.ReadOptions{MaxHeaderBytes: MaxMessage})
	if e == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		m.addText(rest)
		return m
	}
	m.walk(e, 0)
	return m
}

// trimMailbox leaves out a mailbox file's first line, and empty lines in front.
func trimMailbox(raw []byte) []byte {
	raw = bytes.TrimLeft(raw, "\r\n")
	if bytes.HasPrefix(raw, []byte("From ")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	return raw
}

func (m *mail) walk(e *message.Entity, depth int) {
	if m.parts++; m.parts > maxParts || depth > maxDepth {
		return
	}
	parts := e.MultipartReader()
	if parts == nil {
		m.leaf(e)
		return
	}
	for m.parts <= maxParts {
		part, _ := parts.NextPart()
		if part == nil { // the end, or it is cut off: what was there counts
			return
		}
		m.walk(part, depth+1)
	}
}

func (m *mail) leaf(e *message.Entity) {
	kind, _, _ := e.Header.ContentType()
	body, _ := io.ReadAll(io.LimitReader(e.Body, maxText)) // what could be decoded counts
	switch strings.ToLower(kind) {
	case "message/delivery-status", "message/global-delivery-status":
		m.reports = append(m.reports, blocks(body)...)
	case "message/feedback-report":
		f, _ := parseFields(body)
		m.feedback = append(m.feedback, f)
	case "message/disposition-notification", "message/global-disposition-notification":
		m.mdn = true
	case "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
		f, _ := parseFields(trimMailbox(body))
		m.returned = append(m.returned, f)
	case "text/html":
		if m.text == "" {
			m.addText([]byte(stripTags(string(body))))
		}
	default:
		if strings.HasPrefix(kind, "text/") || kind == "" {
			m.addText(body)
		}
	}
}

func (m *mail) addText(body []byte) {
	if room := maxText - len(m.text); room > 0 {
		m.text += string(body[:min(len(body), room)]) + "\n"
	}
}

// blocks are the groups of fields that empty lines divide (RFC 3464 §2.1).
func blocks(body []byte) (all []fields) {
	for len(body) > 0 && len(all) < maxParts {
		body = bytes.TrimLeft(body, "\r\n")
		var f fields
		f, body = parseFields(body)
		if len(f) > 0 {
			all = append(all, f)
		}
	}
	return all
}

// parseFields reads a head up to its empty line. A line that is no field is passed over: reports are full of them.
func parseFields(raw []byte) (f fields, rest []byte) {
	f = fields{}
	last, n := "", 0
	for len(raw) > 0 {
		line, next, _ := bytes.Cut(raw, []byte("\n"))
		raw = next
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			break
		}
		if n++; n > maxFields {
			continue
		}
		if v := f[last]; (line[0] == ' ' || line[0] == '\t') && len(v) > 0 {
			if len(v[len(v)-1]) < maxText {
				v[len(v)-1] += " " + string(bytes.TrimSpace(line))
			}
			continue
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) > 100 {
			last = ""
			continue
		}
		last = strings.ToLower(string(bytes.TrimSpace(name)))
		f[last] = append(f[last], string(bytes.TrimSpace(value)))
	}
	return f, raw
}

// stripTags leaves the text of HTML, roughly: it is only searched for phrases.
func stripTags(s string) string {
	var b strings.Builder
	for s != "" {
		text, tag, ok := strings.Cut(s, "<")
		b.WriteString(text)
		if !ok {
			break
		}
		// An address in brackets is no tag.
		if inside, rest, ok := strings.Cut(tag, ">"); ok {
			if strings.Contains(inside, "@") {
				b.WriteString("<" + inside + ">")
			}
			b.WriteByte(' ')
			s = rest
		} else {
			break
		}
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&nbsp;", " ", "&amp;", "&", "&#39;", "'", "&quot;", `"`).Replace(b.String())
}

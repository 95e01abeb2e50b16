package notice

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
)

// Limits of a mail: its parts, and how deep they are nested. Ours has two, in one multipart/alternative.
const (
	maxParts   = 50
	maxNesting = 8
	maxHeaders = 64 << 10
)

var encodedWords = mime.WordDecoder{CharsetReader: charset.Reader}

// readMail reads a mail (RFC 5322, MIME). Lines are counted in each decoded part, from 1; of the header, in the file.
func (l *Letter) readMail(b []byte) error {
	e, err := message.ReadWithOptions(bytes.NewReader(b), &message.ReadOptions{MaxHeaderBytes: maxHeaders})
	if e == nil {
		return fmt.Errorf("its header cannot be read: %w", err)
	}
	l.readHeader(b)
	m := mailReader{letter: l}
	if err := m.entity(e, err, 0); err != nil {
		return err
	}
	if lang := l.headerText("Content-Language"); l.Lang == "" {
		l.Lang, _, _ = strings.Cut(strings.TrimSpace(lang), ",")
	}
	return nil
}

func (l *Letter) readHeader(b []byte) {
	for i, line := range strings.Split(lfLines(string(b)), "\n") {
		if line == "" {
			break
		}
		if n := len(l.Headers); n > 0 && (line[0] == ' ' || line[0] == '\t') {
			l.Headers[n-1].Value += " " + strings.TrimSpace(line) // a folded field: RFC 5322 §2.2.3
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		l.Headers = append(l.Headers, Header{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value), Line: i + 1})
	}
	for i, h := range l.Headers {
		if text, err := encodedWords.DecodeHeader(h.Value); err == nil && utf8.ValidString(text) {
			l.Headers[i].Value = text
		}
		l.Headers[i].Value = strings.ToValidUTF8(l.Headers[i].Value, "\ufffd")
	}
	l.Subject = l.headerText("Subject")
	l.Date, _ = mail.ParseDate(l.headerText("Date"))
	if list := addresses(l.headerText("From")); len(list) > 0 {
		l.From = list[0]
	}
	l.To = addresses(l.headerText("To"))
}

func addresses(value string) (list []string) {
	parsed, err := mail.ParseAddressList(value)
	if err != nil {
		return nil
	}
	for _, a := range parsed {
		list = append(list, a.Address)
	}
	return list
}

type mailReader struct {
	letter *Letter
	parts  int
}

// entity reads one part; read is what reading its header said.
func (m *mailReader) entity(e *message.Entity, read error, depth int) error {
	if m.parts++; m.parts > maxParts || depth > maxNesting {
		return fmt.Errorf("it has more than %d parts, or parts nested deeper than %d", maxParts, maxNesting)
	}
	if parts := e.MultipartReader(); parts != nil {
		return m.multipart(parts, depth)
	}
	kind, _, err := e.Header.ContentType()
	if err != nil {
		kind = "text/plain" // RFC 2045 §5.2
	}
	disposition, _, _ := e.Header.ContentDisposition()
	taken := kind == "text/plain" && m.letter.Text != nil || kind == "text/html" && m.letter.HTML != nil
	if disposition == "attachment" || taken || kind != "text/plain" && kind != "text/html" {
		return nil
	}
	if message.IsUnknownCharset(read) || message.IsUnknownEncoding(read) {
		return fmt.Errorf("its %s part: %w", kind, read)
	}
	// A charset may make more of its bytes, at most three for one.
	body, err := io.ReadAll(io.LimitReader(e.Body, 3*MaxLetter+1))
	if err != nil {
		return fmt.Errorf("its %s part cannot be read: %w", kind, err)
	}
	if len(body) > 3*MaxLetter {
		return fmt.Errorf("its %s part is too large", kind)
	}
	text, err := utf8Text(body)
	if err != nil {
		return fmt.Errorf("its %s part: %w", kind, err)
	}
	if kind == "text/html" {
		m.letter.addHTML(text)
	} else {
		m.letter.addText(text)
	}
	return nil
}

func (m *mailReader) multipart(parts message.MultipartReader, depth int) error {
	for {
		e, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if e == nil {
			return fmt.Errorf("its parts cannot be told apart: %w", err)
		}
		if err := m.entity(e, err, depth+1); err != nil {
			return err
		}
	}
}

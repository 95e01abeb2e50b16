package delivery

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"candor.example/internal/notice"
)

// Headers are what the head of one person's message says.
type Headers struct {
	From    Mailbox // the publisher
	To      Mailbox // one recipient; Name only where it is theirs
	ReplyTo Mailbox // the contact, which a person reads
	// Date is the campaign's, or that of the first attempt: with it the same notice is the same bytes on every attempt.
	Date   time.Time
	Key    string // Signer.Key
	Domain string // of Message-ID
	Notice string // value of Candor-Notice, folded: Signer.Attest
	// Report is the public account that the notice goes with, and the log that it is a witness of; nil: none is published.
	Report *notice.Report
}

// Mailbox is a display name, which may be empty, and an address that ParseAddress has made.
type Mailbox struct{ Name, Address string }

// shortLine is RFC 2045 §6.7 (5) and RFC 2047 §2: no line is longer, without its CRLF.
const shortLine = 76

// Build makes one person's message: multipart/alternative (RFC 2046 §5.1.4) of a text and an HTML part. All of it is ASCII in short lines but the
// address of somebody whose address is not (RFC 6532), so that no relay has a reason to change what is signed.
func Build(h Headers, m notice.Message) ([]byte, error) {
	var text, html encoded
	Lines(nil).encode(&text, m.Text)
	Lines(nil).encode(&html, m.HTML)
	var b bytes.Buffer
	err := build(&b, h, m, text.quoted, html.quoted)
	return b.Bytes(), err
}

// build is Build of a text and HTML that are encoded.
func build(b *bytes.Buffer, h Headers, m notice.Message, text, html []byte) error {
	if err := h.check(m); err != nil {
		return err
	}
	boundary := "candor-" + h.Key // no line of a part begins with "--"
	b.Grow(len(text) + len(html) + 2048)
	b.WriteString("MIME-Version: 1.0\r\n")
	writeMailbox(b, "From", h.From)
	writeMailbox(b, "To", h.To)
	writeMailbox(b, "Reply-To", h.ReplyTo)
	writeUnstructured(b, "Subject", m.Subject)
	b.WriteString("Date: " + h.Date.UTC().Format("Mon, 2 Jan 2006 15:04:05 +0000") + "\r\n")
	b.WriteString("Message-ID: <" + h.Key + "@" + h.Domain + ">\r\n")
	b.WriteString("Auto-Submitted: auto-generated\r\n") // RFC 3834 §5: no out-of-office replies, please
	b.WriteString("Content-Language: " + m.Lang + "\r\n")
	if h.Notice != "" {
		b.WriteString("Candor-Notice: " + h.Notice + "\r\n")
	}
	if r := h.Report; r != nil {
		fmt.Fprintf(b, "Candor-Report: %d\r\n %s\r\n", r.Revision, r.Hash)
		if c := r.Checkpoint; c != nil {
			fmt.Fprintf(b, "Candor-Checkpoint:\r\n %s\r\n %d %s\r\n", c.Origin, c.Size, c.Root)
		}
	}
	b.WriteString("Content-Type: multipart/alternative;\r\n boundary=\"" + boundary + "\"\r\n")
	writePart(b, boundary, "text/plain", text)
	writePart(b, boundary, "text/html", html)
	b.WriteString("\r\n--" + boundary + "--\r\n")
	return nil
}

func (h Headers) check(m notice.Message) error {
	switch {
	case !IsKey(h.Key):
		return errors.New("a message needs a key")
	case h.Date.IsZero():
		return errors.New("a message needs a date")
	case h.From.Address == "" || h.To.Address == "" || h.ReplyTo.Address == "":
		return errors.New("a message needs a sender, a recipient and a contact")
	case !isHost(h.Domain):
		return errors.New("the domain of Message-ID is none")
	case !isLanguage(m.Lang):
		return errors.New("the text has no language")
	case m.Subject == "" || m.Text == "" || m.HTML == "":
		return errors.New("a notice needs a subject, a text and HTML")
	case !utf8.ValidString(m.Subject) || !utf8.ValidString(m.Text) || !utf8.ValidString(m.HTML):
		return errors.New("a notice is not UTF-8")
	}
	return checkReport(h.Report)
}

// checkReport: each value is one word, so that whoever reads the fields needs no rules for quoting.
func checkReport(r *notice.Report) error {
	if r == nil {
		return nil
	}
	if !isToken(r.Hash) || r.Revision < 1 {
		return errors.New("the report has no revision with a hash")
	}
	c := r.Checkpoint
	if c == nil {
		return nil
	}
	root, err := base64.StdEncoding.DecodeString(c.Root)
	if err != nil || len(root) != sha256.Size || c.Size < 1 || !isWord(c.Origin) {
		return errors.New("the log's checkpoint is none: an origin in one word, a size, and 32 bytes in base64")
	}
	return nil
}

// isWord: visible ASCII, in a line of its own.
func isWord(s string) bool {
	return s != "" && len(s) < shortLine && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

func isHost(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}

// isLanguage: the alphabet of BCP 47, and no longer than RFC 5646 §4.4.1 asks to be kept.
func isLanguage(s string) bool {
	return s != "" && len(s) <= 35 && !strings.ContainsFunc(s, func(r rune) bool { return r != '-' && (r > 'z' || !unicode.IsLetter(r) && !unicode.IsDigit(r)) })
}

func writePart(b *bytes.Buffer, boundary, mediaType string, quoted []byte) {
	b.WriteString("\r\n--" + boundary + "\r\nContent-Type: " + mediaType + "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	b.Write(quoted)
}

const hexDigits = "0123456789ABCDEF"

// writeMailbox writes a field of one mailbox. A name that is not plain words is an encoded word (RFC 2047 §5 (3)), so that nothing in it
// can be read as an address.
func writeMailbox(b *bytes.Buffer, field string, m Mailbox) {
	b.WriteString(field + ":")
	column := len(field) + 1
	name := cleanName(m.Name)
	switch {
	case name == "":
	case isPlainPhrase(name) && column+len(name) < shortLine:
		b.WriteString(" " + name)
		column += 1 + len(name)
	default:
		column = writeWords(b, name, column)
	}
	if column+len(m.Address)+3 > shortLine && name != "" {
		b.WriteString("\r\n")
	}
	b.WriteString(" <" + m.Address + ">\r\n")
}

// cleanName keeps control and format characters out, and what is too long for a name.
func cleanName(name string) string {
	name = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) && !unicode.IsSpace(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, name)), " ")
	if utf8.RuneCountInString(name) > 100 {
		return ""
	}
	return name
}

// isPlainPhrase: atoms and spaces (RFC 5322 §3.2.3), and nothing that looks like an encoded word.
func isPlainPhrase(s string) bool {
	const atext = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~ "
	return strings.Trim(s, atext) == "" && !strings.Contains(s, "=?")
}

// writeUnstructured writes a field of free text, folded at spaces, or as encoded words where it is not plain ASCII.
func writeUnstructured(b *bytes.Buffer, field, text string) {
	text = strings.Join(strings.Fields(text), " ")
	b.WriteString(field + ":")
	column := len(field) + 1
	if !isFoldable(text, shortLine-column-1) {
		writeWords(b, text, column)
		b.WriteString("\r\n")
		return
	}
	for word := range strings.SplitSeq(text, " ") {
		if column+1+len(word) > shortLine {
			b.WriteString("\r\n")
			column = 0
		}
		b.WriteString(" " + word)
		column += 1 + len(word)
	}
	b.WriteString("\r\n")
}

func isFoldable(text string, longest int) bool {
	if strings.Contains(text, "=?") || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return false
	}
	for word := range strings.SplitSeq(text, " ") {
		if len(word) > longest {
			return false
		}
	}
	return true
}

// writeWords writes encoded words (RFC 2047) that no reader can take for anything else, in Q where most of it is Latin and B otherwise, folded
// between them, and returns the column. No character is cut in two (§5).
func writeWords(b *bytes.Buffer, text string, column int) int {
	q := mostlyPlain(text)
	for text != "" {
		word := "=?utf-8?B?"
		if q {
			word = "=?utf-8?Q?"
		}
		room := shortLine - column - 1 - len(word) - 2
		n := take(text, room, q)
		if n == 0 || column > shortLine/2 {
			b.WriteString("\r\n")
			column = 0
			n = take(text, shortLine-1-len(word)-2, q)
		}
		if q {
			word += quoteWord(text[:n])
		} else {
			word += base64.StdEncoding.EncodeToString([]byte(text[:n]))
		}
		b.WriteString(" " + word + "?=")
		column += 1 + len(word) + 2
		text = text[n:]
	}
	return column
}

// take is how many bytes of whole characters fit when encoded.
func take(text string, room int, q bool) (n int) {
	width := 0
	for n < len(text) {
		_, size := utf8.DecodeRuneInString(text[n:])
		if q {
			width += len(quoteWord(text[n : n+size]))
		} else {
			width = base64.StdEncoding.EncodedLen(n + size)
		}
		if width > room {
			break
		}
		n += size
	}
	return n
}

func mostlyPlain(text string) bool {
	return len(quoteWord(text)) < base64.StdEncoding.EncodedLen(len(text))
}

// quoteWord is the Q encoding (RFC 2047 §4.2) with the alphabet that is safe in a phrase (§5 (3)).
func quoteWord(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			b.WriteByte('_')
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!*+-/", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'=', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

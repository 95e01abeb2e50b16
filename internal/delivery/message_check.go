package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
	"golang.org/x/mod/sumdb/note"
)

// Checked is what a saved message says of itself, and whether the signing key said it.
type Checked struct {
	Genuine  bool      `json:"genuine"`
	Why      []string  `json:"why,omitempty"`     // why it is not, in sentences for the person
	Changed  []string  `json:"changed,omitempty"` // what was changed on the way and does not matter
	Signer   string    `json:"signer"`            // name of the key that it was checked by
	Campaign string    `json:"campaign,omitempty"`
	Sent     time.Time `json:"sent,omitzero"` // the date that was signed
	Draft    string    `json:"draft,omitempty"`
	Code     string    `json:"code,omitempty"`
	Text     string    `json:"-"` // the text that was signed
	// NotChecked is what this cannot say.
	NotChecked []string `json:"not_checked"`
}

// MaxChecked is how large a saved message may be.
const MaxChecked = 4 << 20

const (
	maxParts = 50
	maxDepth = 8
)

var notChecked = []string{
	"by whose servers it was sent (its DKIM signatures): that needs the DNS",
	"to whom it was addressed, who is named as its sender, and where an answer would go: answer only to the contact that the text names",
}

// Check says whether a saved message is a notice that the holder of a signing key made, word for word. verifier is the public half, NAME+HASH+KEY. An
// error is trouble: a file that is no message, a key that is none.
func Check(eml []byte, verifier string) (Checked, error) {
	v, err := note.NewVerifier(strings.TrimSpace(verifier))
	if err != nil {
		return Checked{}, errors.New("the key is none: it is one line, such as shop.example/candor+1a2b3c4d+AbC…, which the shop publishes")
	}
	if len(eml) > MaxChecked {
		return Checked{}, fmt.Errorf("it is larger than %d MiB: a notice is not", MaxChecked>>20)
	}
	m, err := readSaved(eml)
	if err != nil {
		return Checked{}, err
	}
	c := Checked{Signer: v.Name(), NotChecked: notChecked}
	c.check(m, v)
	c.Genuine = len(c.Why) == 0
	return c, nil
}

var codeForm = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b`)

// maxCodes is how many things that look like a code are tried.
const maxCodes = 16

func (c *Checked) check(m saved, v note.Verifier) {
	if len(m.notices) != 1 {
		c.Why = append(c.Why, fmt.Sprintf("it has %d Candor-Notice headers, and a notice has one; some mail programs leave headers out: save it as it is (\"show original\", \"save as .eml\")", len(m.notices)))
		return
	}
	said, err := parseClaim(m.notices[0])
	if err != nil {
		c.Why = append(c.Why, err.Error())
		return
	}
	if said.keyID != fmt.Sprintf("%08x", v.KeyHash()) {
		c.Why = append(c.Why, fmt.Sprintf("it names the signing key %s, and this is key %08x", said.keyID, v.KeyHash()))
		return
	}
	codes := codeForm.FindAllString(m.text, maxCodes)
	n := slices.IndexFunc(codes, func(code string) bool { return v.Verify(said.signed(code), said.signature) })
	if n < 0 {
		c.Why = append(c.Why, "its signature does not fit: its code or its Candor-Notice header is not the shop's")
		return
	}
	c.Campaign, c.Sent, c.Draft, c.Code = said.campaign, said.at, said.draft, codes[n]
	c.compare(m, said)
}

// compare what is there with what was signed. Whoever sends a genuine notice on with another formatted part, or with an attachment, shows people that
// and not the text.
func (c *Checked) compare(m saved, said claim) {
	if canonicalHash(m.text) != said.text {
		c.Why = append(c.Why, "its text was changed")
	} else {
		c.Text = m.text
	}
	switch {
	case !m.hasHTML:
		c.Changed = append(c.Changed, "the formatted part is not there")
	case canonicalHash(m.html) != said.html:
		c.Why = append(c.Why, "its formatted part, which mail programs show, was changed")
	}
	if m.others > 0 {
		c.Why = append(c.Why, fmt.Sprintf("%d parts or attachments were added", m.others))
	}
	if subjectHash(m.subject) != said.subject {
		c.Changed = append(c.Changed, "the subject line is not the one that was signed")
	}
}

// saved is what of a message is compared.
type saved struct {
	notices       []string
	subject       string
	text, html    string
	hasText       bool
	hasHTML       bool
	others, parts int
}

func readSaved(eml []byte) (saved, error) {
	e, err := message.Read(bytes.NewReader(trimMailbox(eml)))
	if e == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) || !e.Header.Has("From") {
		return saved{}, errors.New("it is no saved message: save the notice as .eml, with its headers")
	}
	var m saved
	for f := e.Header.FieldsByKey("Candor-Notice"); f.Next(); {
		m.notices = append(m.notices, f.Value())
	}
	if m.subject, err = (&mime.WordDecoder{CharsetReader: charset.Reader}).DecodeHeader(e.Header.Get("Subject")); err != nil {
		m.subject = ""
	}
	if err := m.walk(e, 0); err != nil {
		return saved{}, err
	}
	return m, nil
}

// trimMailbox leaves out a mailbox file's first line, and empty lines in front.
func trimMailbox(eml []byte) []byte {
	eml = bytes.TrimLeft(bytes.TrimPrefix(eml, []byte("\ufeff")), "\r\n")
	if bytes.HasPrefix(eml, []byte("From ")) {
		_, eml, _ = bytes.Cut(eml, []byte("\n"))
	}
	return eml
}

func (m *saved) walk(e *message.Entity, depth int) error {
	// Of two, a mail program may go by the other one.
	for _, name := range []string{"Content-Type", "Content-Transfer-Encoding"} {
		if f := e.Header.FieldsByKey(name); f.Len() > 1 {
			return fmt.Errorf("a part of it has two %s fields: no notice has", name)
		}
	}
	if m.parts++; m.parts > maxParts || depth > maxDepth {
		return errors.New("it has more parts than a notice")
	}
	parts := e.MultipartReader()
	if parts == nil {
		return m.leaf(e)
	}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return nil
		}
		if part == nil {
			return errors.New("it is cut off, or damaged")
		}
		if err := m.walk(part, depth+1); err != nil {
			return err
		}
	}
}

func (m *saved) leaf(e *message.Entity) error {
	kind, _, _ := e.Header.ContentType()
	body, err := io.ReadAll(io.LimitReader(e.Body, MaxChecked))
	if err != nil {
		return errors.New("it is cut off, or damaged")
	}
	switch {
	case kind == "text/plain" && !m.hasText:
		m.text, m.hasText = string(body), true
	case kind == "text/html" && !m.hasHTML:
		m.html, m.hasHTML = string(body), true
	default:
		m.others++
	}
	return nil
}

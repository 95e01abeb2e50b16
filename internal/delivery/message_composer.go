package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"candor.example"
	"candor.example/internal/notice"
	"candor.example/internal/seal"
	"candor.example/scan"
)

// Composer makes the message of one person: it opens what was sealed of them, renders, builds and signs. It may be used by many goroutines, and
// keeps nothing of anybody.
type Composer struct {
	Campaign string // its id
	Draft    string // its document's hash
	// Date is the campaign's: the same for all its messages and every attempt. It must be past when the first is sent: OpenDKIM, for one, refuses
	// what was signed in the future.
	Date    time.Time
	From    Mailbox // addresses as ParseAddress makes them
	ReplyTo Mailbox
	Domain  string         // of Message-ID
	Report  *notice.Report // the draft's, of Facts

	Signer *Signer
	DKIM   *DKIM
	Ring   map[string]seal.PrivateKey // by PublicKey.ID
	// Render is notice.Writer.Message.
	Render func(notice.Person, time.Time) (notice.Message, error)
	Lines  Lines // of notice.Writer.Same; nil: each line is encoded anew for each person
}

// Letter is one person's message, about to be made. It prints itself without the person.
type Letter struct {
	To   string // as ParseAddress makes it; beyond ASCII it needs SMTPUTF8
	Key  string
	Code string

	composer *Composer
	name     string
	person   notice.Person
}

// Format keeps the person out of every print.
func (l Letter) Format(s fmt.State, _ rune) { fmt.Fprint(s, "letter ", l.Key) }

// LogValue keeps the person out of logs.
func (l Letter) LogValue() slog.Value { return slog.StringValue("letter " + l.Key) }

// The causes for which a person has no message, as notice.Event.Cause has them.
const (
	CauseNoSeal            = "no-seal"            // no address was sealed of them
	CauseNoKey             = "no-key"             // the private key that opens it is not here
	CauseSealFails         = "seal-fails"         // it is damaged, or another's
	CauseCredentialsLeaked = "credentials-leaked" // rule N28
	CauseRender            = "render"             // the draft has no text for them
)

// WithheldError says why a person has no message, and nothing else of them.
type WithheldError struct {
	Cause string
	Err   error // nil, or more about it
}

func (e *WithheldError) Error() string {
	if e.Err == nil {
		return "withheld: " + e.Cause
	}
	return "withheld: " + e.Cause + ": " + e.Err.Error()
}

func (e *WithheldError) Unwrap() error { return e.Err }

// Compose opens what was sealed of a person. An error that is no *WithheldError is the sender's trouble, not the person's: nothing is to be recorded
// of them.
func (c *Composer) Compose(p notice.Person, sealed []candor.Sealed) (Letter, error) {
	// Rule N28, Cal. Civ. Code 1798.82(j)(5): whoever has a password that stood beside an address may read what is sent there.
	if slices.Contains(p.Credentials, scan.Password) {
		return Letter{}, &WithheldError{Cause: CauseCredentialsLeaked}
	}
	to, err := c.address(p.Owner, sealed)
	if err != nil {
		return Letter{}, err
	}
	l := Letter{To: to, Key: c.Signer.Key(c.Campaign, p.Owner), Code: c.Signer.Code(c.Campaign, p.Owner), composer: c, name: c.name(p.Owner, sealed)}
	p.Name, p.Code = l.name, l.Code
	if p.Locale == "" { // a viewer's language is sealed with their address: the ledger does not know it
		p.Locale, _ = c.open(p.Owner, "locale", sealed)
	}
	l.person = p
	return l, nil
}

// Message writes the message, signed, with CRLF: the same bytes whenever it is called. Most of the work is done here, when the message is about to leave,
// and so few texts are in memory at a time. Errors are those of Compose.
func (l Letter) Message(w io.Writer) error {
	m := makings.Get().(*making)
	defer makings.Put(m)
	signatures, err := l.composer.build(m, l)
	if err == nil {
		_, err = w.Write(signatures)
	}
	if err == nil {
		_, err = w.Write(m.message.Bytes())
	}
	return err
}

// making is the memory in which a message is made: it is several times as large as the message, and would be most of what there is to collect.
type making struct {
	text, html encoded
	message    bytes.Buffer
	room       []byte // for DKIM
}

var makings = sync.Pool{New: func() any { return new(making) }}

// build makes a letter's message, and what stands in front of it.
func (c *Composer) build(w *making, l Letter) (signatures []byte, err error) {
	m, err := c.Render(l.person, c.Date)
	if err != nil {
		return nil, &WithheldError{CauseRender, err}
	}
	c.Lines.encode(&w.text, m.Text)
	c.Lines.encode(&w.html, m.HTML)
	attest, err := c.Signer.attest(claim{campaign: c.Campaign, key: l.Key, draft: c.Draft, at: c.Date, text: hashBytes(w.text.canonical), html: hashBytes(w.html.canonical),
		subject: subjectHash(m.Subject)}, l.Code)
	if err != nil {
		return nil, err
	}
	h := Headers{From: c.From, To: Mailbox{l.name, l.To}, ReplyTo: c.ReplyTo, Date: c.Date, Key: l.Key, Domain: c.Domain, Notice: attest, Report: c.Report}
	w.message.Reset()
	if err := build(&w.message, h, m, w.text.quoted, w.html.quoted); err != nil {
		return nil, err
	}
	w.room = slices.Grow(w.room[:0], w.message.Len())
	return c.DKIM.signatures(w.message.Bytes(), w.room, c.Date)
}

// address opens the first sealed address that can be opened: one person may have been sealed for several keys.
func (c *Composer) address(owner string, sealed []candor.Sealed) (string, error) {
	value, err := c.open(owner, scan.Email, sealed)
	if err != nil {
		return "", err
	}
	to, err := ParseAddress(value)
	if err != nil {
		return "", &WithheldError{Cause: BadAddress}
	}
	return to, nil
}

// name is empty where it cannot be opened: that is no reason not to tell somebody.
func (c *Composer) name(owner string, sealed []candor.Sealed) string {
	value, err := c.open(owner, scan.Name, sealed)
	if err != nil || !utf8.ValidString(value) {
		return ""
	}
	return cleanName(value)
}

func (c *Composer) open(owner string, kind candor.Kind, sealed []candor.Sealed) (string, error) {
	cause := CauseNoSeal
	for _, s := range sealed {
		if s.Owner != owner || s.Kind != string(kind) {
			continue
		}
		key, here := c.Ring[s.Key]
		if !here {
			cause = worse(cause, CauseNoKey)
			continue
		}
		value, err := key.Open(s) // which binds owner and kind, whatever stands beside the blob
		if err == nil {
			return string(value), nil
		}
		cause = worse(cause, CauseSealFails)
	}
	return "", &WithheldError{Cause: cause}
}

// worse keeps the cause that came furthest: a seal that does not open says more than one whose key is elsewhere.
func worse(a, b string) string {
	order := []string{CauseNoSeal, CauseNoKey, CauseSealFails}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

// Check says what is missing before anybody is sent anything.
func (c *Composer) Check(now time.Time) error {
	switch {
	case c.Date.After(now):
		return errors.New("the notice's date is not come yet: receivers refuse a signature from the future")
	case c.Signer == nil:
		return errors.New("the signing key is not here")
	case c.DKIM == nil:
		return errors.New("there are no DKIM keys: without them receivers take a notice for a forgery")
	case len(c.Ring) == 0:
		return errors.New("no private sealing key is here: nobody's address can be opened")
	case c.Render == nil || c.Date.IsZero() || !isToken(c.Campaign) || !isToken(c.Draft):
		return errors.New("there is no campaign to send")
	}
	for _, m := range []Mailbox{c.From, c.ReplyTo} {
		if a, err := ParseAddress(m.Address); err != nil || a != m.Address {
			return errors.New("the publisher's sender or contact address is none that mail can be sent to")
		}
	}
	return nil
}
